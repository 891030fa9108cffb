/*
 * Records that change one row of one page: see log/parts.h.
 *
 * A record names a page and a line of it, and carries what is put there; what an undo would need is
 * remembered before the page loses it.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIRedoNodeOperation, ErrLGRIRedoScrub),
 * ese/node.cxx, ese/logdiff.cxx (differences), ese/compression.cxx (ErrScrub).
 */
#include "formats/ese/layout/compress.h"
#include "formats/ese/layout/page_write.h"
#include "formats/ese/log/parts.h"

enum {
    FIXED_INSERT = 50,
    FIXED_FLAG_INSERT = 48,
    FIXED_FLAG_INSERT_REPLACE = 52,
    FIXED_REPLACE = 50,
    FIXED_UNDO_INFO = 56,
    FIXED_DELTA = 54,
    FIXED_DELTA64 = 58,
    FIXED_EXTERNAL = 46,
    FIXED_EMPTY_TREE = 46,
    FIXED_SCRUB = 54,
    EMPTY_PAGE_ENTRY = 16,
    REPLACE_WIDE = 0x8000,
    REPLACE_SIZE = 0x7fff,
    DIFFERENCE_OFFSET = 0x1fff,
    DIFFERENCE_SAME_SIZE = 0x20,
    DIFFERENCE_INSERT = 0x40,
    DIFFERENCE_TWO_BYTES = 0x80,
    SCRUB_UNUSED_PAGE = 0x1,
};

/* ---- versions ---- */

bool log_remember(struct ese_replay *r, const struct ese_log_page *page, uint8_t oper, uint32_t id,
                  struct bytes key, struct bytes data, const struct bytes *before, struct fault *f)
{
    struct log_session *s = log_session_of(r, page->session);
    struct bytes none = bytes_of(r->row, 0);
    if (!(page->flags & ESE_LOG_VERSIONED) || s->level == 0)
        return true;
    struct log_version *known = log_versions_find(&r->versions, page->session, id);
    if (known && known->whole)
        return true;
    bool whole = oper == LOG_OPER_INSERT || before != NULL;
    if (known)
        return !whole ||
               log_versions_fill(&r->versions, known, key, data, before ? *before : none, f);
    struct log_version version = {.id = id,
                                  .session = page->session,
                                  .oper = oper,
                                  .unique = page->flags & ESE_LOG_UNIQUE,
                                  .whole = whole,
                                  .root = page->root,
                                  .object_id = page->object_id};
    return log_versions_add(&r->versions, &s->head, &version, key, data, before ? *before : none,
                            f);
}

/* The key of a node, as a bookmark: kept in scratch2 until the next. */
static bool key_of(struct ese_replay *r, const struct ese_node *node, struct bytes *key)
{
    return ese_node_key(node, r->scratch2, r->page_size, key);
}

/* ---- differences ---- */

static bool apply_difference(struct ese_replay *r, struct bytes old, struct bytes difference,
                             bool wide, struct bytes *row, struct fault *f)
{
    struct reader d = reader_of(difference);
    size_t at = 0, made = 0, room = r->page_size;
    while (reader_left(&d) > 0) {
        uint16_t first = reader_le16(&d);
        uint8_t flags = wide ? reader_u8(&d) : (uint8_t)(first >> 8);
        size_t offset = wide ? first : first & DIFFERENCE_OFFSET;
        size_t size = flags & DIFFERENCE_TWO_BYTES ? reader_le16(&d) : reader_u8(&d);
        size_t replaced = 0;
        if (!(flags & DIFFERENCE_INSERT))
            replaced = flags & DIFFERENCE_SAME_SIZE   ? size
                       : flags & DIFFERENCE_TWO_BYTES ? reader_le16(&d)
                                                      : reader_u8(&d);
        struct bytes fresh = reader_take(&d, size);
        if (d.failed || offset < at || offset > old.size || replaced > old.size - offset ||
            made + (offset - at) + size > room)
            return fault_set(f, FAULT_DAMAGED, "a difference does not fit its row");
        memcpy(r->row + made, old.at + at, offset - at);
        made += offset - at;
        if (size > 0)
            memcpy(r->row + made, fresh.at, size);
        made += size;
        at = offset + replaced;
    }
    if (made + (old.size - at) > room)
        return fault_set(f, FAULT_DAMAGED, "a difference makes a row longer than a page");
    memcpy(r->row + made, old.at + at, old.size - at);
    *row = bytes_of(r->row, made + old.size - at);
    return true;
}

/* ---- one change of one page ---- */

struct change {
    struct ese_replay *r;
    const struct ese_log_record *record;
    struct ese_log_page p;
    struct log_target target;
    bool versioned;
};

static bool no_line(const struct change *c, struct fault *f)
{
    return log_misfit(c->r, c->p.page, "it has no such line, or no room", f);
}

static bool redo_insert(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes;
    size_t suffix = bytes_get_le16(b, 44), prefix = bytes_get_le16(b, 46),
           data = bytes_get_le16(b, 48);
    struct bytes key = bytes_of(b.at + FIXED_INSERT, prefix + suffix);
    struct ese_node node = {.prefix = bytes_of(key.at, prefix),
                            .suffix = bytes_from(key, prefix),
                            .data = bytes_of(b.at + FIXED_INSERT + key.size, data),
                            .flags = c->versioned ? ESE_NODE_VERSION : 0};
    if (!log_remember(c->r, &c->p, LOG_OPER_INSERT, c->p.version, key,
                      c->p.flags & ESE_LOG_UNIQUE ? bytes_from(key, key.size) : node.data, NULL, f))
        return false;
    if (!c->target.needed)
        return true;
    return ese_page_change_insert(log_page_of(&c->target), c->p.line, &node) || no_line(c, f);
}

static bool redo_flag_insert(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes;
    struct bytes key = bytes_of(b.at + FIXED_FLAG_INSERT, bytes_get_le16(b, 44));
    struct bytes data = bytes_of(key.at + key.size, bytes_get_le16(b, 46));
    if (!log_remember(c->r, &c->p, LOG_OPER_INSERT, c->p.version, key,
                      c->p.flags & ESE_LOG_UNIQUE ? bytes_from(key, key.size) : data, NULL, f))
        return false;
    if (!c->target.needed)
        return true;
    return ese_page_change_flags(log_page_of(&c->target), c->p.line,
                                 c->versioned ? ESE_NODE_VERSION : 0, ESE_NODE_DELETED) ||
           no_line(c, f);
}

/* Remembers a node as it is, for an undo.  Without a node: what it was comes with an UndoInfo. */
static bool remember_node(struct change *c, uint8_t oper, uint32_t id, const struct ese_node *node,
                          struct fault *f)
{
    struct bytes key = bytes_of(c->r->row, 0), none = key;
    if (node == NULL)
        return log_remember(c->r, &c->p, oper, id, key, none, NULL, f);
    if (!c->versioned)
        return true;
    if (!key_of(c->r, node, &key))
        return no_line(c, f);
    bool with_data = oper == LOG_OPER_FLAG_DELETE && !(c->p.flags & ESE_LOG_UNIQUE);
    struct bytes before = oper == LOG_OPER_REPLACE ? node->data : none;
    return log_remember(c->r, &c->p, oper, id, key, with_data ? node->data : none, &before, f);
}

static bool redo_flag_insert_replace(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes;
    struct bytes key = bytes_of(b.at + FIXED_FLAG_INSERT_REPLACE, bytes_get_le16(b, 44));
    struct bytes data = bytes_of(key.at + key.size, bytes_get_le16(b, 46));
    uint32_t replace = bytes_get_le32(b, 48);
    struct ese_node node;
    if (!log_remember(c->r, &c->p, LOG_OPER_INSERT, c->p.version, key,
                      c->p.flags & ESE_LOG_UNIQUE ? bytes_from(key, key.size) : data, NULL, f))
        return false;
    if (!c->target.needed)
        return remember_node(c, LOG_OPER_REPLACE, replace, NULL, f);
    if (!log_node(log_page_of(&c->target), c->p.line, &node))
        return no_line(c, f);
    if (!remember_node(c, LOG_OPER_REPLACE, replace, &node, f))
        return false;
    return (ese_page_change_data(log_page_of(&c->target), c->p.line, data) &&
            ese_page_change_flags(log_page_of(&c->target), c->p.line,
                                  c->versioned ? ESE_NODE_VERSION : 0, ESE_NODE_DELETED)) ||
           no_line(c, f);
}

static bool redo_replace(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes, row;
    uint16_t size = bytes_get_le16(b, 44), expected = bytes_get_le16(b, 48);
    struct ese_node node;
    if (!c->target.needed)
        return remember_node(c, LOG_OPER_REPLACE, c->p.version, NULL, f);
    if (!log_node(log_page_of(&c->target), c->p.line, &node))
        return no_line(c, f);
    row = bytes_of(b.at + FIXED_REPLACE, size & REPLACE_SIZE);
    if (c->record->type == ESE_LOG_REPLACE_DIFFERENCE &&
        !apply_difference(c->r, node.data, row, size & REPLACE_WIDE, &row, f))
        return false;
    if (row.size != expected)
        return log_misfit(c->r, c->p.page, "the new row has another size than the record says", f);
    if (!remember_node(c, LOG_OPER_REPLACE, c->p.version, &node, f))
        return false;
    return (ese_page_change_data(log_page_of(&c->target), c->p.line, row) &&
            ese_page_change_flags(log_page_of(&c->target), c->p.line,
                                  c->versioned ? ESE_NODE_VERSION : 0, 0)) ||
           no_line(c, f);
}

static bool redo_flag_delete(struct change *c, struct fault *f)
{
    struct ese_node node;
    if (!c->target.needed)
        return remember_node(c, LOG_OPER_FLAG_DELETE, c->p.version, NULL, f);
    if (!log_node(log_page_of(&c->target), c->p.line, &node))
        return no_line(c, f);
    if (!remember_node(c, LOG_OPER_FLAG_DELETE, c->p.version, &node, f))
        return false;
    return ese_page_change_flags(log_page_of(&c->target), c->p.line,
                                 ESE_NODE_DELETED | (c->versioned ? ESE_NODE_VERSION : 0), 0) ||
           no_line(c, f);
}

static bool add_delta(const struct ese_page_change *page, unsigned line, uint16_t offset,
                      int64_t delta, bool wide)
{
    uint8_t *at = ese_page_change_at(page, line, offset, wide ? 8 : 4);
    if (at == NULL)
        return false;
    if (wide)
        bytes_put_le64(at, bytes_get_le64(bytes_of(at, 8), 0) + (uint64_t)delta);
    else
        bytes_put_le32(at, bytes_get_le32(bytes_of(at, 4), 0) + (uint64_t)delta);
    return true;
}

static bool redo_delta(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes;
    bool wide = c->record->type == ESE_LOG_DELTA64;
    struct bytes key = bytes_of(b.at + (wide ? FIXED_DELTA64 : FIXED_DELTA), bytes_get_le16(b, 44));
    struct bytes data = bytes_of(key.at + key.size, bytes_get_le16(b, 46)),
                 none = bytes_of(c->r->row, 0);
    int64_t delta = wide ? (int64_t)bytes_get_le64(b, 48) : (int32_t)bytes_get_le32(b, 48);
    uint16_t offset = bytes_get_le16(b, wide ? 56 : 52);
    if (c->versioned && !log_remember(c->r, &c->p, wide ? LOG_OPER_DELTA64 : LOG_OPER_DELTA,
                                      c->p.version, key, data, &none, f))
        return false;
    struct log_version *v = log_versions_find(&c->r->versions, c->p.session, c->p.version);
    if (v && c->versioned) {
        v->delta = delta;
        v->offset = offset;
    }
    if (!c->target.needed)
        return true;
    return (add_delta(log_page_of(&c->target), c->p.line, offset, delta, wide) &&
            ese_page_change_flags(log_page_of(&c->target), c->p.line,
                                  c->versioned ? ESE_NODE_VERSION : 0, 0)) ||
           no_line(c, f);
}

static bool redo_external_header(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes;
    if (!c->target.needed)
        return true;
    return ese_page_change_external(log_page_of(&c->target),
                                    bytes_of(b.at + FIXED_EXTERNAL, bytes_get_le16(b, 44))) ||
           no_line(c, f);
}

static bool redo_empty_tree(struct change *c, struct fault *f)
{
    struct bytes list = bytes_from(c->record->bytes, FIXED_EMPTY_TREE);
    for (size_t at = 0; at + EMPTY_PAGE_ENTRY <= list.size; at += EMPTY_PAGE_ENTRY) {
        struct log_target t;
        log_pages_turn(c->r->pages);
        if (!log_target(c->r, bytes_get_le32(list, at + 8), c->p.after, bytes_get_le64(list, at),
                        &t, f))
            return false;
        if (t.needed)
            log_empty_page(&t.frame->page);
        log_target_done(&t, c->p.after);
    }
    /* The root was got in another turn. */
    if (!log_target(c->r, c->p.page, c->p.after, c->p.before, &c->target, f))
        return false;
    if (!c->target.needed)
        return true;
    const struct ese_page_change *page = log_page_of(&c->target);
    ese_page_change_set_flags(
        page,
        (ese_page_change_get_flags(page) & ~(uint32_t)ESE_PAGE_PARENT_OF_LEAF) | ESE_PAGE_LEAF);
    return ese_page_change_delete(page, 0) || no_line(c, f);
}

/* ---- what is wiped on purpose ---- */

/* What a record has done to each line of a page, and what it writes over them. */
enum scrub { SCRUB_NOT = 0, SCRUB_ROW = 1, SCRUB_LONG_VALUE = 2 };

enum scrub_fill { FILL_ROW = 'D', FILL_LONG_VALUE = 'L', FILL_PAGE = 'Z', FILL_UNUSED_PAGE = 'U' };

/* A row is wiped only once it is deleted.  A piece of a long value says afterwards, as if it were
 * compressed in a way of its own, that it was wiped. */
static bool scrub_line(const struct ese_page_change *page, unsigned line, uint8_t what)
{
    struct ese_node node;
    if (what == SCRUB_NOT)
        return true;
    if (!log_node(page, line, &node))
        return false;
    uint8_t *data = ese_page_change_at(page, line, 0, node.data.size);
    if (what == SCRUB_ROW && data && (node.flags & ESE_NODE_DELETED)) {
        memset(data, FILL_ROW, node.data.size);
    } else if (what == SCRUB_LONG_VALUE && data && node.data.size > 0) {
        memset(data, FILL_LONG_VALUE, node.data.size);
        data[0] = ESE_COMPRESSION_SCRUB << ESE_COMPRESSION_SHIFT;
    } else {
        return false;
    }
    return ese_page_change_flags(page, line, 0, ESE_NODE_VERSION);
}

static bool redo_scrub(struct change *c, struct fault *f)
{
    struct bytes list = bytes_from(c->record->bytes, FIXED_SCRUB);
    uint32_t count = bytes_get_le32(c->record->bytes, 48);
    if (!c->target.needed)
        return true;
    if (count != ese_page_change_nodes(log_page_of(&c->target)) || count > list.size)
        return log_misfit(c->r, c->p.page, "it has not the lines that are to be wiped", f);
    for (unsigned line = 0; line < count; line++)
        if (!scrub_line(log_page_of(&c->target), line, list.at[line]))
            return log_misfit(c->r, c->p.page, "a line of it is to be wiped that is in use", f);
    ese_page_change_fill(log_page_of(&c->target), FILL_PAGE);
    return true;
}

static bool is_of_unused_page(const struct ese_log_record *record)
{
    return record->type == ESE_LOG_SCRUB && (bytes_get_le32(record->bytes, 44) & SCRUB_UNUSED_PAGE);
}

/* A page that nothing uses: what it holds goes, whether it makes a sound page or not, and whether
 * the page is there or not. */
static bool scrub_unused(struct ese_replay *r, const struct ese_log_page *p, struct fault *f)
{
    struct log_target t;
    struct ese_page header;
    if (!log_pages_get(r->pages, p->page, &t.frame, f))
        return false;
    if (t.frame == NULL)
        return true;
    if (!log_target_find(r, p->page, p->after, p->before, &t, f))
        return false;
    if (!t.needed)
        return true;
    ese_page_parse(bytes_of(t.frame->page.raw, r->page_size), p->page, &header);
    if (!log_pages_new(r->pages, p->page, &t.frame, f))
        return false;
    log_target_init(r, &t, header.objid, p->after, 0);
    header.dbtime = p->after;
    header.flags |= ESE_PAGE_SCRUBBED;
    ese_page_write_header(t.frame->page.raw, r->page_size, &header);
    ese_page_change_fill(&t.frame->page, FILL_UNUSED_PAGE);
    r->summary.redone++;
    return true;
}

/* ---- undo in the logs ---- */

bool log_undo_at(struct ese_replay *r, struct log_version *v, const struct ese_page_change *page,
                 unsigned line, struct fault *f)
{
    bool ok = false;
    switch ((enum log_oper)v->oper) {
    case LOG_OPER_INSERT:
        ok = ese_page_change_flags(page, line, ESE_NODE_DELETED, 0);
        break;
    case LOG_OPER_FLAG_DELETE:
        ok = ese_page_change_flags(page, line, 0, ESE_NODE_DELETED);
        break;
    case LOG_OPER_REPLACE:
        ok = ese_page_change_data(page, line, log_version_before(&r->versions, v));
        break;
    case LOG_OPER_DELTA:
    case LOG_OPER_DELTA64:
        ok = add_delta(page, line, v->offset, (int64_t)(0 - (uint64_t)v->delta),
                       v->oper == LOG_OPER_DELTA64);
        break;
    }
    return ok || log_misfit(r, page->number, "a change of it cannot be taken back", f);
}

static bool redo_undo(struct change *c, struct fault *f)
{
    struct log_version *v = log_versions_find(&c->r->versions, c->p.session, c->p.version);
    if (v == NULL)
        return true;
    if (c->target.needed) {
        if (!v->whole)
            return log_misfit(c->r, c->p.page, "what it was before is not in the logs", f);
        if (!log_undo_at(c->r, v, log_page_of(&c->target), c->p.line, f))
            return false;
    }
    log_versions_drop_one(&c->r->versions, v);
    return true;
}

bool log_take_undo_info(struct ese_replay *r, const struct ese_log_record *record,
                        struct ese_log_page *p, struct fault *f)
{
    struct bytes b = record->bytes;
    struct bytes key = bytes_of(b.at + FIXED_UNDO_INFO, bytes_get_le16(b, 44));
    struct bytes data = bytes_of(key.at + key.size, bytes_get_le16(b, 46));
    struct bytes before = bytes_of(data.at + data.size, bytes_get_le16(b, 54));
    uint16_t oper = bytes_get_le16(b, 48);
    if (oper != LOG_OPER_REPLACE && oper != LOG_OPER_FLAG_DELETE)
        return true;
    p->flags |= ESE_LOG_VERSIONED;
    return log_remember(r, p, (uint8_t)oper, p->version, key, data, &before, f);
}

/* ---- which of them ---- */

static bool redo_change(struct change *c, struct fault *f)
{
    switch (c->record->type) {
    case ESE_LOG_INSERT:
        return redo_insert(c, f);
    case ESE_LOG_FLAG_INSERT:
        return redo_flag_insert(c, f);
    case ESE_LOG_FLAG_INSERT_REPLACE:
        return redo_flag_insert_replace(c, f);
    case ESE_LOG_REPLACE:
    case ESE_LOG_REPLACE_DIFFERENCE:
        return redo_replace(c, f);
    case ESE_LOG_FLAG_DELETE:
        return redo_flag_delete(c, f);
    case ESE_LOG_DELETE:
        return !c->target.needed || ese_page_change_delete(log_page_of(&c->target), c->p.line) ||
               no_line(c, f);
    case ESE_LOG_DELTA:
    case ESE_LOG_DELTA64:
        return redo_delta(c, f);
    case ESE_LOG_SET_EXTERNAL_HEADER:
        return redo_external_header(c, f);
    case ESE_LOG_UNDO:
        return redo_undo(c, f);
    case ESE_LOG_EMPTY_TREE:
        return redo_empty_tree(c, f);
    case ESE_LOG_SCRUB:
        return redo_scrub(c, f);
    default:
        return log_unsupported(c->r, c->record->type, f);
    }
}

bool log_redo_row(struct ese_replay *r, const struct ese_log_record *record,
                  const struct ese_log_page *p, struct fault *f)
{
    struct change c = {
        .r = r, .record = record, .p = *p, .versioned = p->flags & ESE_LOG_VERSIONED};
    if (is_of_unused_page(record))
        return scrub_unused(r, p, f);
    if (!log_target(r, p->page, p->after, p->before, &c.target, f) || !redo_change(&c, f))
        return false;
    log_target_done(&c.target, p->after);
    if (c.target.needed && record->type == ESE_LOG_SCRUB)
        ese_page_change_set_flags(log_page_of(&c.target),
                                  ese_page_change_get_flags(log_page_of(&c.target)) |
                                      ESE_PAGE_SCRUBBED);
    r->summary.redone += c.target.needed;
    return true;
}
