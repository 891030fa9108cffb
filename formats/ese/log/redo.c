/*
 * Redo, record by record: see log/parts.h.
 *
 * Where a page that a record changes is not there at all, the engine remembers it and goes on: a
 * later record may make it (it was freed, and the file was cut, after these logs were written).
 * What is still missing at the end means that a write was lost.
 */
#include "formats/ese/log/parts.h"

#include "formats/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NODE_FIXED = 44,
    FIXED_INSERT = 50,
    FIXED_FLAG_INSERT = 48,
    FIXED_FLAG_INSERT_REPLACE = 52,
    FIXED_REPLACE = 50,
    FIXED_UNDO_INFO = 56,
    FIXED_DELTA = 54,
    FIXED_DELTA64 = 58,
    FIXED_EXTERNAL = 46,
    FIXED_EMPTY_TREE = 46,
    FIXED_UNDO = 51,
    EMPTY_PAGE_ENTRY = 16,
    REPLACE_WIDE = 0x8000,
    REPLACE_SIZE = 0x7fff,
    DIFFERENCE_OFFSET = 0x1fff,
    DIFFERENCE_SAME_SIZE = 0x20,
    DIFFERENCE_INSERT = 0x40,
    DIFFERENCE_TWO_BYTES = 0x80,
    PENDING_MOST = 1 << 20,
};

bool log_misfit(const struct ese_replay *r, uint32_t number, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "page %u does not fit the record at %08X,%04X,%04X: %s",
                     number, (unsigned)r->at.generation, r->at.sector, r->at.byte, what);
}

/* A session; one that has not begun is like all others that have not. */
static struct log_session *session_of(struct ese_replay *r, uint16_t number)
{
    return r->place[number] ? &r->session[r->place[number] - 1] : &r->no_session;
}

/* ---- pages that are not there ---- */

static bool remember_missing(struct ese_replay *r, uint32_t number, struct fault *f)
{
    if (r->pendings > 0 && r->pending[r->pendings - 1] == number)
        return true;
    if (r->pendings == r->pendings_room) {
        size_t room = r->pendings_room ? 2 * r->pendings_room : 64;
        if (room > PENDING_MOST)
            return fault_set(f, FAULT_DAMAGED,
                             "the logs change more than %u pages that the "
                             "database does not have; page %u is one",
                             PENDING_MOST, number);
        uint32_t *grown = realloc(r->pending, room * sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory");
        r->pending = grown;
        r->pendings_room = room;
    }
    r->pending[r->pendings++] = number;
    return true;
}

bool log_target(struct ese_replay *r, uint32_t number, uint64_t after, uint64_t before,
                struct log_target *t, struct fault *f)
{
    char text[160];
    *t = (struct log_target){.needed = false};
    if (!log_pages_get(r->pages, number, &t->frame, f))
        return false;
    if (t->frame == NULL)
        return remember_missing(r, number, f);
    uint64_t time = ese_page_change_time(&t->frame->page);
    if (time >= after) {
        if (time > r->page_dbtime) {
            r->page_dbtime = time;
            r->page_with_it = number;
        }
        return true;
    }
    if (time != before) {
        snprintf(text, sizeof text,
                 time < before ? "a write was lost: expected time 0x%" PRIx64 ", found 0x%" PRIx64
                               : "it is newer than these logs: expected time 0x%" PRIx64
                                 ", found 0x%" PRIx64,
                 before, time);
        return log_misfit(r, number, text, f);
    }
    t->needed = true;
    return log_pages_change(r->pages, t->frame, f);
}

bool log_target_new(struct ese_replay *r, uint32_t number, uint64_t after, struct log_target *t,
                    struct fault *f)
{
    struct fault damage = {.code = FAULT_NONE};
    *t = (struct log_target){.needed = true};
    if (number > r->last_page && number - r->last_page > LOG_GROWTH_MOST)
        return fault_set(f, FAULT_DAMAGED, "a record makes page %u; the database ends with page %u",
                         number, r->last_page);
    if (!log_pages_get(r->pages, number, &t->frame, &damage)) {
        if (damage.code != FAULT_DAMAGED) {
            *f = damage;
            return false;
        }
        t->frame = NULL; /* what is damaged there is written over */
    }
    if (t->frame && ese_page_change_time(&t->frame->page) >= after)
        t->needed = false;
    if (t->needed && !log_pages_new(r->pages, number, &t->frame, f))
        return false;
    if (number > r->last_page)
        r->last_page = number;
    return true;
}

void log_target_done(struct log_target *t, uint64_t after)
{
    if (t->needed)
        ese_page_change_set_time(&t->frame->page, after);
}

void log_target_init(const struct ese_replay *r, struct log_target *t, uint32_t objid,
                     uint64_t after, uint32_t flags)
{
    t->frame->page.tag_bits = r->tag_bits;
    t->frame->page.number = t->frame->number;
    ese_page_change_init(&t->frame->page, objid, after, flags | r->new_page_flags);
}

/* ---- nodes ---- */

static bool get_node(const struct ese_page_change *page, unsigned line, struct ese_node *node)
{
    struct ese_page p;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    return line < ese_page_nodes(&p) && ese_page_node(&p, line, node, NULL);
}

size_t log_shared(const struct ese_page_change *page, struct bytes key)
{
    struct ese_page p;
    size_t i = 0;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    while (i < key.size && i < p.key_prefix.size && key.at[i] == p.key_prefix.at[i])
        i++;
    return i > 2 ? i : 0;
}

bool log_insert(const struct ese_page_change *page, unsigned line, struct bytes key,
                struct bytes data, uint8_t flags)
{
    size_t shared = log_shared(page, key);
    struct ese_node node = {.prefix = bytes_of(key.at, shared),
                            .suffix = bytes_from(key, shared),
                            .data = data,
                            .flags = flags};
    return ese_page_change_insert(page, line, &node);
}

bool log_empty_page(const struct ese_page_change *page)
{
    struct bytes none = bytes_of(page->spare, 0);
    if (!(ese_page_change_get_flags(page) & ESE_PAGE_ROOT))
        ese_page_change_external(page, none);
    while (ese_page_change_nodes(page) > 0)
        ese_page_change_delete(page, ese_page_change_nodes(page) - 1);
    ese_page_change_set_flags(page, ese_page_change_get_flags(page) | ESE_PAGE_EMPTY);
    return true;
}

/* ---- versions ---- */

bool log_remember(struct ese_replay *r, const struct ese_log_page *page, uint8_t oper, uint32_t id,
                  struct bytes key, struct bytes data, const struct bytes *before, struct fault *f)
{
    struct log_session *s = session_of(r, page->session);
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

bool log_apply_difference(struct ese_replay *r, struct bytes old, struct bytes difference,
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

static const struct ese_page_change *page_of(const struct change *c)
{
    return &c->target.frame->page;
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
    return ese_page_change_insert(page_of(c), c->p.line, &node) || no_line(c, f);
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
    return ese_page_change_flags(page_of(c), c->p.line, c->versioned ? ESE_NODE_VERSION : 0,
                                 ESE_NODE_DELETED) ||
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
    if (!get_node(page_of(c), c->p.line, &node))
        return no_line(c, f);
    if (!remember_node(c, LOG_OPER_REPLACE, replace, &node, f))
        return false;
    return (ese_page_change_data(page_of(c), c->p.line, data) &&
            ese_page_change_flags(page_of(c), c->p.line, c->versioned ? ESE_NODE_VERSION : 0,
                                  ESE_NODE_DELETED)) ||
           no_line(c, f);
}

static bool redo_replace(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes, row;
    uint16_t size = bytes_get_le16(b, 44), expected = bytes_get_le16(b, 48);
    struct ese_node node;
    if (!c->target.needed)
        return remember_node(c, LOG_OPER_REPLACE, c->p.version, NULL, f);
    if (!get_node(page_of(c), c->p.line, &node))
        return no_line(c, f);
    row = bytes_of(b.at + FIXED_REPLACE, size & REPLACE_SIZE);
    if (c->record->type == ESE_LOG_REPLACE_DIFFERENCE &&
        !log_apply_difference(c->r, node.data, row, size & REPLACE_WIDE, &row, f))
        return false;
    if (row.size != expected)
        return log_misfit(c->r, c->p.page, "the new row has another size than the record says", f);
    if (!remember_node(c, LOG_OPER_REPLACE, c->p.version, &node, f))
        return false;
    return (ese_page_change_data(page_of(c), c->p.line, row) &&
            ese_page_change_flags(page_of(c), c->p.line, c->versioned ? ESE_NODE_VERSION : 0, 0)) ||
           no_line(c, f);
}

static bool redo_flag_delete(struct change *c, struct fault *f)
{
    struct ese_node node;
    if (!c->target.needed)
        return remember_node(c, LOG_OPER_FLAG_DELETE, c->p.version, NULL, f);
    if (!get_node(page_of(c), c->p.line, &node))
        return no_line(c, f);
    if (!remember_node(c, LOG_OPER_FLAG_DELETE, c->p.version, &node, f))
        return false;
    return ese_page_change_flags(page_of(c), c->p.line,
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
    return (add_delta(page_of(c), c->p.line, offset, delta, wide) &&
            ese_page_change_flags(page_of(c), c->p.line, c->versioned ? ESE_NODE_VERSION : 0, 0)) ||
           no_line(c, f);
}

static bool redo_external_header(struct change *c, struct fault *f)
{
    struct bytes b = c->record->bytes;
    if (!c->target.needed)
        return true;
    return ese_page_change_external(page_of(c),
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
    const struct ese_page_change *page = page_of(c);
    ese_page_change_set_flags(
        page,
        (ese_page_change_get_flags(page) & ~(uint32_t)ESE_PAGE_PARENT_OF_LEAF) | ESE_PAGE_LEAF);
    return ese_page_change_delete(page, 0) || no_line(c, f);
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
        if (!log_undo_at(c->r, v, page_of(c), c->p.line, f))
            return false;
    }
    log_versions_drop_one(&c->r->versions, v);
    return true;
}

/* What a row was, written before its page was: for an undo that cannot find it in the page. */
static bool take_undo_info(struct ese_replay *r, const struct ese_log_record *record,
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

/* ---- sessions ---- */

static bool new_session(struct ese_replay *r, uint16_t number, struct log_session **session,
                        struct fault *f)
{
    void *array = r->session;
    if (!array_reserve(&array, &r->sessions_room, r->sessions + 1, sizeof *r->session))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for sessions");
    r->session = array;
    r->session[r->sessions] = (struct log_session){.begun = true, .head = SIZE_MAX};
    *session = &r->session[r->sessions];
    r->sessions++;
    r->place[number] = r->sessions;
    return true;
}

static bool begin(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct log_session *s = session_of(r, bytes_get_le16(b, 1));
    unsigned from = b.at[3] & 15u, levels = b.at[3] >> 4;
    if (!s->begun && from != 0)
        return true;
    if (!s->begun && !new_session(r, bytes_get_le16(b, 1), &s, f))
        return false;
    while (s->level < from + levels && s->level + 1 < LOG_LEVELS) {
        r->active += s->level == 0;
        s->start[s->level] = r->versions.count;
        s->level++;
    }
    return true;
}

static void end_levels(struct ese_replay *r, struct log_session *s, unsigned to, bool commits)
{
    while (s->level > to) {
        s->level--;
        if (s->level == 0 || !commits)
            log_versions_drop(&r->versions, &s->head, s->level == 0 ? 0 : s->start[s->level]);
    }
    if (to > 0)
        return;
    r->summary.committed += commits;
    r->summary.rolled_back += !commits;
    r->active--;
    if (r->active == 0)
        log_versions_clear(&r->versions);
}

/* A transaction that only reads goes on as a new one. */
static void refresh(struct ese_replay *r, struct bytes b)
{
    struct log_session *s = session_of(r, bytes_get_le16(b, 1));
    if (!s->begun || s->level > 0)
        return;
    r->active++;
    s->level = 1;
    s->start[0] = r->versions.count;
}

static void commit(struct ese_replay *r, struct bytes b)
{
    struct log_session *s = session_of(r, bytes_get_le16(b, 1));
    if (s->begun && s->level > b.at[3])
        end_levels(r, s, b.at[3], true);
}

static void roll_back(struct ese_replay *r, struct bytes b)
{
    struct log_session *s = session_of(r, bytes_get_le16(b, 1));
    if (s->begun && s->level > 0)
        end_levels(r, s, s->level > b.at[3] ? (unsigned)(s->level - b.at[3]) : 0u, false);
}

static void forget_sessions(struct ese_replay *r)
{
    for (unsigned i = 0; i < r->sessions; i++)
        log_versions_drop(&r->versions, &r->session[i].head, 0);
    memset(r->place, 0, LOG_SESSIONS * sizeof *r->place);
    r->sessions = 0;
    r->active = 0;
    log_versions_clear(&r->versions);
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++)
        r->macro[i].open = false;
    r->macros = 0;
}

/* ---- macros ---- */

static struct log_macro *find_macro(struct ese_replay *r, uint16_t session, uint64_t dbtime)
{
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++)
        if (r->macro[i].open && r->macro[i].session == session && r->macro[i].dbtime == dbtime)
            return &r->macro[i];
    return NULL;
}

static bool begin_macro(struct ese_replay *r, struct bytes b, struct fault *f)
{
    uint16_t session = bytes_get_le16(b, 1);
    uint64_t dbtime = bytes_get_le64(b, 3);
    if (find_macro(r, session, dbtime))
        return true;
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++) {
        struct log_macro *m = &r->macro[i];
        if (m->open)
            continue;
        m->open = true;
        m->session = session;
        m->dbtime = dbtime;
        m->size = 0;
        r->macros++;
        return true;
    }
    return fault_set(f, FAULT_LIMIT, "more than %u splits and merges are under way at once",
                     LOG_MACROS_MOST);
}

static bool add_to_macro(struct log_macro *m, struct bytes b, struct fault *f)
{
    if (b.size > LOG_MACRO_MOST - m->size)
        return fault_set(f, FAULT_LIMIT, "a split or merge takes more than %u bytes",
                         LOG_MACRO_MOST);
    if (m->size + b.size > m->room) {
        size_t room = m->room ? m->room : 65536;
        while (room < m->size + b.size)
            room *= 2;
        uint8_t *grown = realloc(m->bytes, room);
        if (grown == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory for a split or merge");
        m->bytes = grown;
        m->room = room;
    }
    memcpy(m->bytes + m->size, b.at, b.size);
    m->size += b.size;
    return true;
}

static bool end_macro(struct ese_replay *r, struct bytes b, bool commits, struct fault *f)
{
    struct log_macro *m = find_macro(r, bytes_get_le16(b, 1), bytes_get_le64(b, 3));
    if (m == NULL)
        return true;
    m->open = false;
    r->macros--;
    if (!commits || !session_of(r, m->session)->begun)
        return true;
    return log_redo_macro(r, m, f);
}

/* ---- attaching ---- */

static bool is_own(const struct ese_replay *r, struct bytes b, size_t at)
{
    struct bytes signature;
    return bytes_cut(b, at, ESE_LOG_SIGNATURE_SIZE, &signature) &&
           memcmp(signature.at, r->need.database, ESE_LOG_SIGNATURE_SIZE) == 0;
}

static bool attach(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct ese_log_position consistent = ese_log_position_read(b, 8);
    if (!is_own(r, b, 16))
        return true;
    if (!r->clean) { /* dirty: what its header says of when it was attached decides */
        r->database = b.at[3];
        return true;
    }
    int order = ese_log_position_compare(consistent, r->consistent);
    if (order < 0)
        return true; /* it has been attached again since */
    if (order > 0)
        return fault_set(f, FAULT_DAMAGED,
                         "generation %d attaches a later state of the database: it was consistent "
                         "at %08X,%04X,%04X, this file at %08X,%04X,%04X",
                         r->at.generation, (unsigned)consistent.generation, consistent.sector,
                         consistent.byte, (unsigned)r->consistent.generation, r->consistent.sector,
                         r->consistent.byte);
    r->database = b.at[3];
    r->clean = false;
    r->attached = r->at;
    r->summary.changed = true;
    return true;
}

static void detach(struct ese_replay *r, struct ese_log_position consistent)
{
    if (r->database == 0 || ese_log_position_compare(r->at, r->attached) <= 0)
        return;
    r->database = 0;
    r->clean = true;
    r->consistent = consistent;
}

static void extend(struct ese_replay *r, uint32_t last)
{
    if (last > r->last_page && last - r->last_page <= LOG_GROWTH_MOST)
        r->last_page = last;
}

/* ---- the record in hand ---- */

static bool is_of_this_database(const struct ese_replay *r, uint8_t database)
{
    return r->database != 0 && database == r->database;
}

/* Counters go up with records that are not redone, too. */
static void count_times(struct ese_replay *r, uint64_t dbtime, uint32_t objid)
{
    if (dbtime > r->dbtime && dbtime <= INT64_MAX)
        r->dbtime = dbtime;
    if (objid > r->objid_last && objid < 0x7fffffff)
        r->objid_last = objid;
}

static uint32_t object_of(const struct ese_log_record *record, const struct ese_log_page *p)
{
    switch (record->type) {
    case ESE_LOG_CREATE_MULTIPLE:
    case ESE_LOG_CREATE_SINGLE:
    case ESE_LOG_CONVERT:
        return bytes_get_le32(record->bytes, 32);
    case ESE_LOG_SPLIT:
        return bytes_get_le32(record->bytes, 64);
    case ESE_LOG_MERGE:
        return bytes_get_le32(record->bytes, 72);
    default:
        return p->object_id;
    }
}

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
        return !c->target.needed || ese_page_change_delete(page_of(c), c->p.line) || no_line(c, f);
    case ESE_LOG_DELTA:
    case ESE_LOG_DELTA64:
        return redo_delta(c, f);
    case ESE_LOG_SET_EXTERNAL_HEADER:
        return redo_external_header(c, f);
    case ESE_LOG_UNDO:
        return redo_undo(c, f);
    case ESE_LOG_EMPTY_TREE:
        return redo_empty_tree(c, f);
    default:
        return fault_set(f, FAULT_UNSUPPORTED,
                         "the record at %08X,%04X,%04X is of a kind that is not replayed: %s",
                         (unsigned)c->r->at.generation, c->r->at.sector, c->r->at.byte,
                         ese_log_type_name(c->record->type));
    }
}

static bool redo_page_record(struct ese_replay *r, const struct ese_log_record *record,
                             struct ese_log_page *p, struct fault *f)
{
    struct log_session *s = session_of(r, p->session);
    struct log_macro *m = r->macros ? find_macro(r, p->session, p->after) : NULL;
    if (!is_of_this_database(r, p->database)) {
        r->summary.other_databases++;
        return true;
    }
    r->summary.changes++;
    count_times(r, p->after, object_of(record, p));
    if (!s->begun || ese_log_position_compare(r->at, r->attached) <= 0)
        return true;
    if (record->type == ESE_LOG_UNDO_INFO)
        return take_undo_info(r, record, p, f);
    if (m)
        return add_to_macro(m, record->bytes, f);
    if (record->type == ESE_LOG_CREATE_MULTIPLE || record->type == ESE_LOG_CREATE_SINGLE)
        return log_redo_create(r, record, p, f);
    if (record->type == ESE_LOG_CONVERT)
        return log_redo_convert(r, record, p, f);
    struct change c = {
        .r = r, .record = record, .p = *p, .versioned = p->flags & ESE_LOG_VERSIONED};
    if (!log_target(r, p->page, p->after, p->before, &c.target, f) || !redo_change(&c, f))
        return false;
    log_target_done(&c.target, p->after);
    r->summary.redone += c.target.needed;
    return true;
}

static bool redo_new_page(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct log_target t;
    uint64_t after = bytes_get_le64(b, 12);
    if (!is_of_this_database(r, b.at[3])) {
        r->summary.other_databases++;
        return true;
    }
    r->summary.changes++;
    count_times(r, after, bytes_get_le32(b, 8));
    if (!session_of(r, bytes_get_le16(b, 1))->begun ||
        ese_log_position_compare(r->at, r->attached) <= 0)
        return true;
    if (!log_target_new(r, bytes_get_le32(b, 4), after, &t, f))
        return false;
    if (t.needed) {
        log_target_init(r, &t, bytes_get_le32(b, 8), after, ESE_PAGE_PRE_INIT);
        r->summary.redone++;
    }
    return true;
}

/* What begins, ends or brackets transactions: of whichever database.  *done: it was one of these.
 */
static bool redo_transaction(struct ese_replay *r, const struct ese_log_record *record, bool *done,
                             struct fault *f)
{
    struct bytes b = record->bytes;
    *done = true;
    switch (record->type) {
    case ESE_LOG_BEGIN:
    case ESE_LOG_BEGIN0:
        return begin(r, b, f);
    case ESE_LOG_REFRESH:
        refresh(r, b);
        return true;
    case ESE_LOG_COMMIT:
    case ESE_LOG_COMMIT0:
        commit(r, b);
        return true;
    case ESE_LOG_ROLLBACK:
        roll_back(r, b);
        return true;
    case ESE_LOG_MACRO_BEGIN:
        return begin_macro(r, b, f);
    case ESE_LOG_MACRO_COMMIT:
    case ESE_LOG_MACRO_ABORT:
        return end_macro(r, b, record->type == ESE_LOG_MACRO_COMMIT, f);
    default:
        *done = false;
        return true;
    }
}

/* When the engine began and ended. */
static bool redo_engine(struct ese_replay *r, const struct ese_log_record *record)
{
    switch (record->type) {
    case ESE_LOG_INIT:
    case ESE_LOG_INIT2:
    case ESE_LOG_RECOVERY_QUIT_KEEP:
        forget_sessions(r);
        return true;
    case ESE_LOG_SHUT_DOWN:
        r->shut_down = r->at;
        return true;
    case ESE_LOG_TERM:
    case ESE_LOG_TERM2:
    case ESE_LOG_RECOVERY_QUIT:
    case ESE_LOG_RECOVERY_QUIT2:
        forget_sessions(r);
        detach(r, r->shut_down);
        return true;
    default:
        return false;
    }
}

static bool redo_database(struct ese_replay *r, const struct ese_log_record *record,
                          struct fault *f)
{
    struct bytes b = record->bytes;
    switch (record->type) {
    case ESE_LOG_CREATE_DB:
        if (is_own(r, b, 12) && !r->clean)
            r->database = b.at[3];
        return true;
    case ESE_LOG_ATTACH_DB:
        return attach(r, b, f);
    case ESE_LOG_DETACH_DB:
        if (is_of_this_database(r, b.at[3]))
            detach(r, r->at);
        return true;
    case ESE_LOG_NEW_PAGE:
        return redo_new_page(r, b, f);
    case ESE_LOG_EXTEND_DB:
        if (b.size >= 10 && is_of_this_database(r, b.at[5]))
            extend(r, bytes_get_le32(b, 6));
        return true;
    case ESE_LOG_ROOT_PAGE_MOVE:
    case ESE_LOG_SHRINK_DB:
    case ESE_LOG_SHRINK_DB2:
    case ESE_LOG_SHRINK_DB3:
    case ESE_LOG_SET_DB_VERSION:
    case ESE_LOG_TRIM_DB:
        return log_redo_rare(r, record, f);
    default:
        return true; /* says nothing about pages */
    }
}

bool log_redo_record(struct ese_replay *r, const struct ese_log_record *record, struct fault *f)
{
    struct ese_log_page page;
    bool done;
    log_pages_turn(r->pages);
    r->at = record->at;
    r->summary.records++;
    if (ese_log_page_read(record, &page))
        return redo_page_record(r, record, &page, f);
    if (!redo_transaction(r, record, &done, f))
        return false;
    return done || redo_engine(r, record) || redo_database(r, record, f);
}
