/*
 * Splits: see log/parts.h.
 *
 * Their records, from the root down to the leaf, are kept until the one that commits them, and then
 * take effect together.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIRedoSplit), ese/bt.cxx
 * (BTIPerformSplit), inc/btsplit.hxx.
 */
#include "formats/ese/log/parts.h"

enum split_type { SPLIT_VERTICAL = 0, SPLIT_RIGHT = 1, SPLIT_APPEND = 2 };

enum split_oper { OPER_NONE = 0, OPER_INSERT = 1, OPER_REPLACE = 2, OPER_FLAG_INSERT_REPLACE = 3 };

enum { SPLIT_FIXED = 110, NO_LINE = -1 };

struct level {
    struct bytes record;
    struct ese_log_page p;
    struct log_target page, fresh, right;
    bool splits;
    uint32_t fresh_number, right_number;
    enum split_type type;
    enum split_oper oper;
    unsigned line_oper, line_split, lines;
    uint32_t fresh_flags, page_flags;
    int32_t prefix_split, prefix_fresh;
    struct bytes key_parent, prefix_old, prefix_new;
};

/* The change of a row that made a leaf too full, or that follows a split. */
struct row_change {
    bool given;
    enum ese_log_type type;
    struct ese_log_page p;
    struct bytes key, data;
    uint32_t id, replace_id;
};

static bool read_level(struct bytes record, struct level *l)
{
    struct ese_log_record whole = {.type = record.at[0], .bytes = record};
    *l = (struct level){.record = record};
    if (!ese_log_page_read(&whole, &l->p))
        return false;
    l->fresh_number = bytes_get_le32(record, 32);
    l->splits = l->fresh_number != 0;
    l->right_number = bytes_get_le32(record, 36);
    l->type = record.at[68];
    l->oper = record.at[69];
    l->line_oper = bytes_get_le16(record, 70);
    l->line_split = bytes_get_le16(record, 72);
    l->lines = bytes_get_le16(record, 74);
    l->fresh_flags = bytes_get_le32(record, 76);
    l->page_flags = bytes_get_le32(record, 80);
    l->prefix_split = (int32_t)bytes_get_le32(record, 88);
    l->prefix_fresh = (int32_t)bytes_get_le32(record, 92);
    size_t at = SPLIT_FIXED;
    l->key_parent = bytes_of(record.at + at, bytes_get_le16(record, 100));
    at += l->key_parent.size;
    l->prefix_old = bytes_of(record.at + at, bytes_get_le16(record, 96));
    at += l->prefix_old.size;
    l->prefix_new = bytes_of(record.at + at, bytes_get_le16(record, 98));
    return l->type <= SPLIT_APPEND && l->oper <= OPER_FLAG_INSERT_REPLACE;
}

/* True when nodes go from the old page to the new one, so that both have to be of one age. */
static bool needs_image(const struct level *l)
{
    if (l->type == SPLIT_APPEND)
        return false;
    return !(l->type == SPLIT_RIGHT && l->oper == OPER_INSERT && l->line_split == l->line_oper &&
             l->line_split + 1 == l->lines);
}

static bool get_level(struct ese_replay *r, struct level *l, struct fault *f)
{
    if (!log_target(r, l->p.page, l->p.after, l->p.before, &l->page, f))
        return false;
    if (!l->splits)
        return true;
    size_t image_at = SPLIT_FIXED + l->key_parent.size + l->prefix_old.size + l->prefix_new.size;
    struct bytes image = bytes_from(l->record, image_at);
    if (!log_target_new(r, l->fresh_number, l->p.after, &l->fresh, f))
        return false;
    if (l->fresh.needed && !l->page.needed && needs_image(l)) {
        if (image.size == 0 || l->page.frame == NULL)
            return log_misfit(r, l->p.page, "a page is to be split whose old state is nowhere", f);
        if (!log_take_back(r, &l->page, image, bytes_get_le32(l->record, 102), l->p.before, f))
            return false;
    }
    return l->right_number == 0 ||
           log_target(r, l->right_number, l->p.after, bytes_get_le64(l->record, 40), &l->right, f);
}

/* All lines as they are after the change that the split was made for. */
static bool read_lines(struct ese_replay *r, const struct level *l, struct bytes key,
                       struct bytes data, struct log_line *line, struct fault *f)
{
    struct ese_page page;
    struct ese_node given = {
        .prefix = bytes_of(key.at, 0), .suffix = key, .data = data, .flags = 0};
    if (!l->page.needed) { /* only the node that is put in goes to the new page */
        if (l->line_oper + 1 != l->lines || l->line_split != l->line_oper)
            return log_misfit(r, l->p.page, "a split of a page whose old state is nowhere", f);
        line[l->line_oper].node = given;
        return true;
    }
    memcpy(r->scratch, log_page_of(&l->page)->raw, r->page_size);
    ese_page_parse(bytes_of(r->scratch, r->page_size), l->p.page, &page);
    for (unsigned from = 0, to = 0; to < l->lines; to++) {
        if (to == l->line_oper && l->oper == OPER_INSERT) {
            line[to].node = given;
            continue;
        }
        if (from >= ese_page_nodes(&page) || !ese_page_node(&page, from, &line[to].node, f))
            return log_misfit(r, l->p.page, "it has fewer nodes than the split says", f);
        if (to == l->line_oper && l->oper != OPER_NONE)
            line[to].node.data = data;
        from++;
    }
    return true;
}

static uint8_t flags_of_line(const struct level *l, const struct log_line *line, unsigned i,
                             bool versioned)
{
    uint8_t flags = line[i].node.flags & (ESE_NODE_VERSION | ESE_NODE_DELETED);
    if (i != l->line_oper || l->oper == OPER_NONE)
        return flags;
    if (l->oper == OPER_INSERT)
        flags = 0;
    else if (l->oper == OPER_FLAG_INSERT_REPLACE)
        flags &= (uint8_t)~ESE_NODE_DELETED;
    return versioned ? flags | ESE_NODE_VERSION : flags;
}

static bool fill_fresh(struct ese_replay *r, struct level *l, const struct log_line *line,
                       bool versioned, struct fault *f)
{
    const struct ese_page_change *to = log_page_of(&l->fresh);
    uint8_t prefix_room[ESE_KEY_ROOM];
    struct bytes prefix = bytes_of(prefix_room, 0);
    log_target_init(r, &l->fresh, bytes_get_le32(l->record, 64), l->p.after,
                    l->fresh_flags & ~(uint32_t)ESE_PAGE_PRE_INIT);
    if (l->prefix_fresh != NO_LINE) {
        uint32_t from = l->line_split + (uint32_t)l->prefix_fresh;
        if (l->prefix_fresh < 0 || from >= l->lines ||
            !ese_node_key(&line[from].node, prefix_room, sizeof prefix_room, &prefix) ||
            !ese_page_change_external(to, prefix))
            return log_misfit(r, l->fresh_number, "no line has the prefix that the split says", f);
    }
    for (unsigned i = l->line_split; i < l->lines; i++)
        if (!log_put_line(to, i - l->line_split, &line[i].node, log_common(&line[i].node, prefix),
                          flags_of_line(l, line, i, versioned)))
            return log_misfit(r, l->fresh_number, "the new page has no room", f);
    return true;
}

/* What stays in the old page.  A page that only gives its last nodes away keeps its prefix. */
static bool refill_page(struct ese_replay *r, struct level *l, const struct log_line *line,
                        bool versioned, struct fault *f)
{
    const struct ese_page_change *page = log_page_of(&l->page);
    bool root = ese_page_change_get_flags(page) & ESE_PAGE_ROOT;
    if (l->type == SPLIT_APPEND) {
        while (ese_page_change_nodes(page) > l->line_split)
            ese_page_change_delete(page, ese_page_change_nodes(page) - 1);
        return true;
    }
    while (ese_page_change_nodes(page) > 0)
        ese_page_change_delete(page, ese_page_change_nodes(page) - 1);
    struct bytes prefix = root ? bytes_of(r->scratch, 0) : l->prefix_new;
    if (!root && !ese_page_change_external(page, prefix))
        return log_misfit(r, l->p.page, "no room for its prefix", f);
    if (l->prefix_split == NO_LINE)
        prefix.size = 0;
    for (unsigned i = 0; i < l->line_split; i++)
        if (!log_put_line(page, i, &line[i].node, log_common(&line[i].node, prefix),
                          flags_of_line(l, line, i, versioned)))
            return log_misfit(r, l->p.page, "no room for the nodes that stay", f);
    return true;
}

/* A root that gets a new level: all of its nodes went down, it leads to the new page. */
static bool become_parent(struct ese_replay *r, struct level *l, struct fault *f)
{
    const struct ese_page_change *page = log_page_of(&l->page);
    uint8_t child[4];
    uint32_t kept = ese_page_change_get_flags(page) & (uint32_t)ESE_PAGE_FDP_DELETE;
    bytes_put_le32(child, l->fresh_number);
    ese_page_change_set_flags(page, l->page_flags | kept);
    struct ese_node node = {.prefix = bytes_of(child, 0),
                            .suffix = bytes_of(child, 0),
                            .data = bytes_of(child, sizeof child)};
    return ese_page_change_insert(page, 0, &node) || log_misfit(r, l->p.page, "no room", f);
}

static void fix_siblings(const struct level *l)
{
    if (l->fresh.needed) {
        bytes_put_le32(log_page_of(&l->fresh)->raw + ESE_PAGE_PREV_AT, l->p.page);
        bytes_put_le32(log_page_of(&l->fresh)->raw + ESE_PAGE_NEXT_AT, l->right_number);
    }
    if (l->page.needed)
        bytes_put_le32(log_page_of(&l->page)->raw + ESE_PAGE_NEXT_AT, l->fresh_number);
    if (l->right_number && l->right.needed)
        bytes_put_le32(log_page_of(&l->right)->raw + ESE_PAGE_PREV_AT, l->fresh_number);
}

/* The line behind the one that was put in leads to the child's new page. */
static bool lead_to_fresh(struct ese_replay *r, const struct level *l, uint32_t fresh,
                          struct fault *f)
{
    uint8_t child[4];
    bool in_fresh = l->line_oper + 1 >= l->line_split;
    const struct log_target *t = in_fresh ? &l->fresh : &l->page;
    unsigned line = in_fresh ? l->line_oper + 1 - l->line_split : l->line_oper + 1;
    bytes_put_le32(child, fresh);
    return !t->needed ||
           ese_page_change_data(log_page_of(t), line, bytes_of(child, sizeof child)) ||
           log_misfit(r, t->frame->number, "no line leads to the page that was split", f);
}

/* A parent that has room: the child's key before the line that led to it, which leads to the new
 * page now. */
static bool add_to_parent(struct ese_replay *r, const struct level *l, const struct level *child,
                          struct fault *f)
{
    const struct ese_page_change *page;
    uint8_t old[4], fresh[4];
    struct ese_page p;
    unsigned line = 0;
    if (!l->page.needed)
        return true;
    page = log_page_of(&l->page);
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    bytes_put_le32(old, child->p.page);
    bytes_put_le32(fresh, child->fresh_number);
    for (; line < ese_page_nodes(&p); line++) {
        struct ese_node node;
        if (ese_page_node(&p, line, &node, NULL) && ese_node_child(&node) == child->p.page)
            break;
    }
    return (ese_page_change_data(page, line, bytes_of(fresh, sizeof fresh)) &&
            log_insert(page, line, child->key_parent, bytes_of(old, sizeof old))) ||
           log_misfit(r, l->p.page, "no line leads to the page that was split", f);
}

/* Remembers the row's change for an undo, before the page loses what it was. */
static bool remember_row(struct ese_replay *r, const struct level *leaf,
                         const struct row_change *row, const struct log_line *line, struct fault *f)
{
    const struct log_target *t = leaf->line_oper < leaf->line_split ? &leaf->page : &leaf->fresh;
    struct bytes none = bytes_of(row->key.at, 0), key, before = none;
    if (leaf->oper == OPER_NONE || !row->given)
        return true;
    if (leaf->oper == OPER_INSERT || leaf->oper == OPER_FLAG_INSERT_REPLACE) {
        bool unique = row->p.flags & ESE_LOG_UNIQUE;
        if (!log_remember(r, &row->p, LOG_OPER_INSERT, row->id, row->key, unique ? none : row->data,
                          NULL, f))
            return false;
        if (leaf->oper == OPER_INSERT)
            return true;
    }
    uint32_t id = leaf->oper == OPER_REPLACE ? row->id : row->replace_id;
    if (!t->needed || !leaf->page.needed)
        return log_remember(r, &row->p, LOG_OPER_REPLACE, id, none, none, NULL, f);
    struct ese_page page;
    struct ese_node node;
    ese_page_parse(bytes_of(r->scratch, r->page_size), leaf->p.page, &page);
    if (!ese_page_node(&page, leaf->line_oper, &node, f) ||
        !ese_node_key(&line[leaf->line_oper].node, r->scratch2, r->page_size, &key))
        return log_misfit(r, leaf->p.page, "it has no such line", f);
    before = node.data;
    return log_remember(r, &row->p, LOG_OPER_REPLACE, id, key, none, &before, f);
}

static bool perform_split(struct ese_replay *r, struct level *l, const struct level *child,
                          const struct row_change *row, struct log_line *line, struct fault *f)
{
    bool leaf = l->fresh_flags & ESE_PAGE_LEAF;
    uint8_t lower[4];
    struct bytes key = row->key, data = row->data;
    if (!leaf && l->oper != OPER_NONE) {
        if (child == NULL || !child->splits)
            return log_misfit(r, l->p.page, "it is split for a child that is not", f);
        bytes_put_le32(lower, child->p.page);
        key = child->key_parent;
        data = bytes_of(lower, sizeof lower);
    }
    if (leaf && l->oper != OPER_NONE && !row->given)
        return log_misfit(r, l->p.page, "it is split for a row that is not there", f);
    if (l->lines > LOG_LINES_MOST || l->line_split > l->lines ||
        (l->oper != OPER_NONE && l->line_oper >= l->lines))
        return log_misfit(r, l->p.page, "the split names lines that no page has", f);
    bool versioned = leaf && row->given && (row->p.flags & ESE_LOG_VERSIONED);
    if (l->page.needed || l->fresh.needed) {
        if (!read_lines(r, l, key, data, line, f))
            return false;
    }
    if (leaf && !remember_row(r, l, row, line, f))
        return false;
    if (l->fresh.needed && !fill_fresh(r, l, line, versioned, f))
        return false;
    if (l->page.needed && !refill_page(r, l, line, versioned, f))
        return false;
    if (l->type == SPLIT_VERTICAL) {
        if (l->page.needed && !become_parent(r, l, f))
            return false;
    } else if (leaf) {
        fix_siblings(l);
    }
    return leaf || child == NULL || !child->splits || lead_to_fresh(r, l, child->fresh_number, f);
}

static bool read_row(struct bytes b, struct row_change *row)
{
    struct ese_log_record record = {.type = b.at[0], .bytes = b};
    size_t fixed = ese_log_fixed_size(b.at[0]), key = 0, data = 0;
    row->given = ese_log_page_read(&record, &row->p);
    row->type = record.type;
    row->id = row->p.version;
    switch (record.type) {
    case ESE_LOG_INSERT:
        key = (size_t)bytes_get_le16(b, 44) + bytes_get_le16(b, 46);
        data = bytes_get_le16(b, 48);
        break;
    case ESE_LOG_FLAG_INSERT_REPLACE:
        key = bytes_get_le16(b, 44);
        data = bytes_get_le16(b, 46);
        row->replace_id = bytes_get_le32(b, 48);
        break;
    case ESE_LOG_REPLACE:
        data = bytes_get_le16(b, 48);
        break;
    default:
        row->given = false;
    }
    row->key = bytes_of(b.at + fixed, key);
    row->data = bytes_of(b.at + fixed + key, data);
    return bytes_has(b, fixed, key + data);
}

bool log_redo_split(struct ese_replay *r, const struct log_macro *m, struct fault *f)
{
    static const uint8_t nothing[1];
    struct level level[LOG_PATH_MOST];
    struct row_change row = {.key = bytes_of(nothing, 0), .data = bytes_of(nothing, 0)};
    unsigned levels = 0;
    struct bytes all = bytes_of(m->bytes, m->size);
    for (uint64_t size; all.size > 0; all = bytes_from(all, (size_t)size)) {
        if (!ese_log_record_size(all, &size) || size > all.size)
            return fault_set(f, FAULT_DAMAGED, "a split's records do not end");
        struct bytes b = bytes_of(all.at, (size_t)size);
        if (b.at[0] == ESE_LOG_SPLIT) {
            if (levels == LOG_PATH_MOST || !read_level(b, &level[levels]))
                return fault_set(f, FAULT_DAMAGED, "a split of a kind that does not exist");
            levels++;
        } else if (!read_row(b, &row)) {
            return fault_set(f, FAULT_DAMAGED, "a split's row reaches over its record");
        }
    }
    for (unsigned i = 0; i < levels; i++)
        if (!get_level(r, &level[i], f))
            return false;
    struct log_line *line = r->line;
    for (unsigned i = 0; i < levels; i++) {
        const struct level *child = i + 1 < levels ? &level[i + 1] : NULL;
        bool ok = level[i].splits
                      ? perform_split(r, &level[i], child, &row, line, f)
                      : child == NULL || !child->splits || add_to_parent(r, &level[i], child, f);
        if (!ok)
            return false;
    }
    for (unsigned i = 0; i < levels; i++) {
        r->summary.redone += level[i].page.needed || level[i].fresh.needed;
        log_target_done(&level[i].page, level[i].p.after);
        log_target_done(&level[i].fresh, level[i].p.after);
        log_target_done(&level[i].right, level[i].p.after);
    }
    return true;
}
