/*
 * Pages that move to another place: see log/parts.h.
 *
 * When a database is made smaller, the pages at its end move down.  Where one is moved, its nodes
 * go to the new page, the old one becomes an empty one, and its parent and its neighbours lead to
 * the new one (PageMove).  To a tree's root no page leads: it moves together with the roots of its
 * two space trees, the rows of both catalogs that name it change, and so do the space headers of
 * the trees whose parent it is (RootPageMove, which takes effect as a whole).
 *
 * The record has the old page as it was, for when that has been written since.  The engine takes it
 * back to that first and redoes all later changes; here it stays as it is, which comes to the same:
 * nothing but the new page is made of it.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIIRedoPageMove,
 * ErrLGRIRedoRootPageMove), ese/bt.cxx (BTPerformPageMove), ese/dbshrink.cxx (SHKPerformRootMove),
 * inc/logapi.hxx (LRPAGEMOVE, LRROOTPAGEMOVE).
 */
#include "formats/ese/layout/page_write.h"
#include "formats/ese/log/parts.h"

enum { MOVE_FIXED = 96, EXTERNAL_FIXED = 46, REPLACE_FIXED = 50 };

/* What a root is that moves.  The number is the record's flag. */
enum root { ROOT_NONE = 0, ROOT_TREE = 1, ROOT_OWNED = 2, ROOT_AVAILABLE = 4 };

struct move {
    struct ese_log_page p; /* of the old page */
    uint32_t to, left, right, parent;
    uint64_t left_before, right_before, parent_before;
    uint32_t object_id, line, root;
    struct bytes head, tail; /* the old page but the room in its middle */
};

static bool read_move(const struct ese_replay *r, struct bytes b, struct move *m, struct fault *f)
{
    struct ese_log_record record = {.type = ESE_LOG_PAGE_MOVE, .bytes = b};
    *m = (struct move){.to = bytes_get_le32(b, 32),
                       .left = bytes_get_le32(b, 36),
                       .right = bytes_get_le32(b, 40),
                       .parent = bytes_get_le32(b, 44),
                       .left_before = bytes_get_le64(b, 48),
                       .right_before = bytes_get_le64(b, 56),
                       .parent_before = bytes_get_le64(b, 64),
                       .object_id = bytes_get_le32(b, 76),
                       .line = bytes_get_le32(b, 80),
                       .root = bytes_get_le32(b, 84)};
    ese_log_page_read(&record, &m->p);
    const uint32_t page[] = {m->p.page, m->to, m->left, m->right, m->parent};
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < i; j++)
            if (page[i] != 0 && page[i] == page[j])
                return log_misfit(r, page[i], "it is named twice where one is moved", f);
    size_t head = bytes_get_le32(b, 88), tail = bytes_get_le32(b, 92);
    if (!bytes_cut(b, MOVE_FIXED, head, &m->head) ||
        !bytes_cut(b, MOVE_FIXED + head, tail, &m->tail) ||
        head < ese_page_size_header(r->page_size) || head + tail > r->page_size)
        return log_misfit(r, m->p.page, "the image of it that a move carries is none of a page", f);
    return true;
}

/* Makes the new page of the old one: as it is, where the move has not been made to it yet. */
static bool make_page(struct ese_replay *r, const struct move *m, const struct log_target *from,
                      const struct log_target *to, struct fault *f)
{
    struct ese_page header;
    uint8_t *raw = log_page_of(to)->raw;
    if (from->needed) {
        memcpy(raw, log_page_of(from)->raw, r->page_size);
    } else {
        memset(raw, 0, r->page_size);
        memcpy(raw, m->head.at, m->head.size);
        if (m->tail.size > 0)
            memcpy(raw + r->page_size - m->tail.size, m->tail.at, m->tail.size);
    }
    ese_page_parse(bytes_of(raw, r->page_size), m->to, &header);
    header.dbtime = m->p.after;
    ese_page_write_header(raw, r->page_size, &header);
    if (header.objid != m->object_id)
        return log_misfit(r, m->p.page, "it belongs to another object than the move says", f);
    return ese_page_change_sound(log_page_of(to), f);
}

/* ---- one page ---- */

static bool lead_to(struct ese_replay *r, const struct move *m, const struct log_target *parent,
                    struct fault *f)
{
    uint8_t child[4];
    struct ese_node node;
    bytes_put_le32(child, m->to);
    return (log_node(log_page_of(parent), m->line, &node) && ese_node_child(&node) == m->p.page &&
            ese_page_change_data(log_page_of(parent), m->line, bytes_of(child, sizeof child))) ||
           log_misfit(r, m->parent, "its line does not lead to the page that is moved", f);
}

static bool link_neighbour(struct ese_replay *r, const struct move *m, const struct log_target *t,
                           size_t at, struct fault *f)
{
    if (!t->needed)
        return true;
    uint8_t *raw = log_page_of(t)->raw;
    if (bytes_get_le32(bytes_of(raw, r->page_size), at) != m->p.page)
        return log_misfit(r, t->frame->number, "it is no neighbour of the page that is moved", f);
    bytes_put_le32(raw + at, m->to);
    return true;
}

bool log_redo_move(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct move m;
    struct log_target from, to, parent, left = {.needed = false}, right = {.needed = false};
    if (!read_move(r, b, &m, f))
        return false;
    if (m.root != ROOT_NONE || m.parent == 0)
        return log_misfit(r, m.p.page, "it moves without a parent, as only a root does", f);
    uint64_t after = m.p.after;
    if (!log_target(r, m.parent, after, m.parent_before, &parent, f) ||
        !log_target(r, m.p.page, after, m.p.before, &from, f) ||
        (m.left != 0 && !log_target(r, m.left, after, m.left_before, &left, f)) ||
        (m.right != 0 && !log_target(r, m.right, after, m.right_before, &right, f)) ||
        !log_target_new(r, m.to, after, &to, f))
        return false;
    if (to.needed && !make_page(r, &m, &from, &to, f))
        return false;
    if (from.needed)
        log_empty_page(log_page_of(&from));
    if ((parent.needed && !lead_to(r, &m, &parent, f)) ||
        !link_neighbour(r, &m, &left, ESE_PAGE_NEXT_AT, f) ||
        !link_neighbour(r, &m, &right, ESE_PAGE_PREV_AT, f))
        return false;
    struct log_target *all[] = {&from, &to, &parent, &left, &right};
    bool redone = false;
    for (unsigned i = 0; i < 5; i++) {
        redone = redone || all[i]->needed;
        log_target_done(all[i], after);
    }
    r->summary.redone += redone;
    return true;
}

/* ---- a root ---- */

enum { MOVED_ROOTS = 3, CATALOG_ROWS = 4 };

struct root_move {
    struct move move[MOVED_ROOTS]; /* tree, owned, available */
    bool given[MOVED_ROOTS];
    struct bytes row[CATALOG_ROWS]; /* records: a Replace each */
    unsigned rows;
};

static bool take_root(const struct ese_replay *r, struct root_move *m, uint32_t object_id,
                      struct bytes b, struct fault *f)
{
    struct move move;
    if (!read_move(r, b, &move, f))
        return false;
    unsigned which = move.root == ROOT_TREE        ? 0
                     : move.root == ROOT_OWNED     ? 1
                     : move.root == ROOT_AVAILABLE ? 2
                                                   : MOVED_ROOTS;
    if (which == MOVED_ROOTS || m->given[which] || move.object_id != object_id)
        return log_misfit(r, move.p.page, "it is no root, or moves twice", f);
    m->move[which] = move;
    m->given[which] = true;
    return true;
}

/* The three roots, each to its new page. */
static bool move_roots(struct ese_replay *r, const struct root_move *m, struct fault *f)
{
    struct log_target from[MOVED_ROOTS], to[MOVED_ROOTS];
    for (unsigned i = 0; i < MOVED_ROOTS; i++) {
        const struct move *move = &m->move[i];
        for (unsigned j = 0; j < i; j++)
            if (move->to == m->move[j].to || move->to == m->move[j].p.page ||
                move->p.page == m->move[j].to || move->p.page == m->move[j].p.page)
                return log_misfit(r, move->p.page, "two roots move from or to one page", f);
        if (!log_target(r, move->p.page, move->p.after, move->p.before, &from[i], f) ||
            !log_target_new(r, move->to, move->p.after, &to[i], f))
            return false;
    }
    for (unsigned i = 0; i < MOVED_ROOTS; i++) {
        const struct move *move = &m->move[i];
        if (to[i].needed && !make_page(r, move, &from[i], &to[i], f))
            return false;
        if (to[i].needed && i == 0 && !log_space_owned_root(log_page_of(&to[i]), m->move[1].to))
            return log_misfit(r, move->p.page, "it moves as a root, and has no space header", f);
        if (from[i].needed)
            log_empty_page(log_page_of(&from[i]));
        r->summary.redone += to[i].needed || from[i].needed;
        log_target_done(&from[i], move->p.after);
        log_target_done(&to[i], move->p.after);
    }
    return true;
}

/* The root of a tree whose parent has moved. */
static bool change_child(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct ese_log_record record = {.type = ESE_LOG_SET_EXTERNAL_HEADER, .bytes = b};
    struct ese_log_page p;
    struct log_target t;
    ese_log_page_read(&record, &p);
    log_pages_turn(r->pages);
    if (!log_target(r, p.page, p.after, p.before, &t, f))
        return false;
    if (!t.needed)
        return true;
    if (!log_space_put_header(log_page_of(&t), bytes_from(b, EXTERNAL_FIXED)))
        return log_misfit(r, p.page, "its space header is of another size", f);
    r->summary.redone++;
    log_target_done(&t, p.after);
    return true;
}

/* The catalogs' rows.  Two may be on one page, which gets its time when both are in. */
static bool change_catalogs(struct ese_replay *r, const struct root_move *m, struct fault *f)
{
    struct log_target t[CATALOG_ROWS];
    struct ese_log_page p[CATALOG_ROWS];
    log_pages_turn(r->pages);
    for (unsigned i = 0; i < m->rows; i++) {
        struct ese_log_record record = {.type = ESE_LOG_REPLACE, .bytes = m->row[i]};
        ese_log_page_read(&record, &p[i]);
        if (p[i].object_id != ESE_OBJID_CATALOG && p[i].object_id != ESE_OBJID_CATALOG_SHADOW)
            return log_misfit(r, p[i].page, "a root moves, and a row of no catalog changes", f);
        if (!log_target(r, p[i].page, p[i].after, p[i].before, &t[i], f))
            return false;
    }
    for (unsigned i = 0; i < m->rows; i++) {
        struct bytes row = bytes_from(m->row[i], REPLACE_FIXED);
        if (t[i].needed && (row.size != bytes_get_le16(m->row[i], 48) ||
                            !ese_page_change_data(log_page_of(&t[i]), p[i].line, row)))
            return log_misfit(r, p[i].page, "it has no such line, or no room", f);
    }
    for (unsigned i = 0; i < m->rows; i++) {
        r->summary.redone += t[i].needed;
        log_target_done(&t[i], p[i].after);
    }
    return true;
}

/* Sorts a macro's records: rows and roots for later, children at once. */
static bool take_records(struct ese_replay *r, const struct log_macro *macro, struct root_move *m,
                         bool children, struct fault *f)
{
    struct bytes all = bytes_of(macro->bytes, macro->size);
    uint32_t object_id = bytes_get_le32(all, 10);
    for (uint64_t size; all.size > 0; all = bytes_from(all, (size_t)size)) {
        if (!ese_log_record_size(all, &size) || size > all.size)
            return fault_set(f, FAULT_DAMAGED, "a move's records do not end");
        struct bytes b = bytes_of(all.at, (size_t)size);
        uint8_t type = b.at[0];
        if (type == ESE_LOG_SET_EXTERNAL_HEADER && children && !change_child(r, b, f))
            return false;
        if (type == ESE_LOG_PAGE_MOVE && !children && !take_root(r, m, object_id, b, f))
            return false;
        if (type == ESE_LOG_REPLACE && !children && m->rows < CATALOG_ROWS)
            m->row[m->rows++] = b;
        else if (type != ESE_LOG_SET_EXTERNAL_HEADER && type != ESE_LOG_PAGE_MOVE && !children &&
                 (type != ESE_LOG_ROOT_PAGE_MOVE || b.at != macro->bytes))
            return fault_set(f, FAULT_DAMAGED, "the move of a root has a record of another kind");
    }
    return true;
}

bool log_redo_root_move(struct ese_replay *r, const struct log_macro *macro, struct fault *f)
{
    struct root_move m = {.rows = 0};
    if (!take_records(r, macro, &m, false, f))
        return false;
    if (!m.given[0] || !m.given[1] || !m.given[2])
        return fault_set(f, FAULT_DAMAGED, "a root moves without those of its space");
    return move_roots(r, &m, f) && take_records(r, macro, &m, true, f) && change_catalogs(r, &m, f);
}
