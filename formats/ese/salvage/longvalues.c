/*
 * One table's long values: which are whole, and how often rows refer to them.
 *
 * Their leaves carry the tree's object id, and their nodes the value's id and offset, so a lost
 * root loses nothing.  Of a value that is not whole the row stays; its parts go to quarantine.
 *
 * Where the database was not shut down cleanly, its space may be older than leaves that were added
 * last.  If nothing joins these to the tree they are set apart, but a value that a row refers to is
 * taken from there: ids are given out once.  The row is doubtful then.
 *
 * Where pages that may be in use have a part with different bytes, one of them is not of the tree
 * as it was written last, and time alone does not tell which.  The row is doubtful, too, and what
 * does not count goes to quarantine.
 */
#include "formats/ese/salvage/parts.h"

#include <inttypes.h>
#include <stdio.h>

enum { LV_ROOT_MOST = 16, LV_SIZE_AT = 4, ID_MOST = 8, PAGES_MOST = 8 };

/* ---- references, one id at a time ---- */

struct ids {
    struct build_sort *sort;
    uint8_t room[ID_MOST];
    struct bytes id; /* at == NULL: there are no more */
    uint32_t count;
    uint32_t page[PAGES_MOST]; /* where the first rows stand that refer to it */
    uint8_t next_room[ID_MOST];
    size_t next_size;
    uint32_t next_page;
    bool started;
};

static bool read_id(struct ids *r, struct fault *f)
{
    struct bytes key, data;
    bool more;
    if (!build_sort_next(r->sort, &key, &data, &more, f))
        return false;
    r->next_size = more && key.size <= ID_MOST ? key.size : 0;
    if (more)
        bytes_le32(data, 0, &r->next_page);
    if (r->next_size > 0)
        memcpy(r->next_room, key.at, r->next_size);
    return true;
}

static bool next_id(struct ids *r, struct fault *f)
{
    if (!r->started && !read_id(r, f))
        return false;
    r->started = true;
    r->count = 0;
    r->id = (struct bytes){.at = NULL};
    if (r->next_size == 0)
        return true;
    memcpy(r->room, r->next_room, r->next_size);
    r->id = bytes_of(r->room, r->next_size);
    do {
        if (r->count < PAGES_MOST)
            r->page[r->count] = r->next_page;
        r->count++;
        if (!read_id(r, f))
            return false;
    } while (r->next_size > 0 && bytes_equal(bytes_of(r->next_room, r->next_size), r->id));
    return true;
}

/* ---- which are whole ---- */

/* What is known of the value that is not as it should be; NULL: nothing. */
static const struct salvage_lid *find_lid(const struct salvage_table *t, uint64_t lid, bool wide)
{
    size_t low = 0, high = t->gones;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct salvage_lid *g = &t->gone[middle];
        if (g->wide != wide ? !g->wide : g->lid < lid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->gones && t->gone[low].lid == lid && t->gone[low].wide == wide ? &t->gone[low]
                                                                                  : NULL;
}

const struct salvage_lid *salvage_lid_gone(const struct salvage_table *t, uint64_t lid, bool wide)
{
    static const struct salvage_lid no_tree;
    if (t->table->long_value_objid == 0)
        return &no_tree;
    const struct salvage_lid *found = find_lid(t, lid, wide);
    return found && !found->apart && !found->differs ? found : NULL;
}

bool salvage_lid_apart(const struct salvage_table *t, uint64_t lid, bool wide)
{
    const struct salvage_lid *found = find_lid(t, lid, wide);
    return found && found->apart;
}

const struct salvage_page *salvage_lid_differs(const struct salvage_table *t, uint64_t lid,
                                               bool wide)
{
    const struct salvage_lid *found = find_lid(t, lid, wide);
    return found && found->differs ? &t->s->page[found->page] : NULL;
}

/* Ids ascend, 32-bit ones first: their keys' first bit is 0. */
static bool add_gone(struct salvage_table *t, struct bytes id, const struct salvage_page *newer,
                     struct fault *f)
{
    struct ese_lv_key key = {.lid = 0};
    if (!array_reserve(&t->gone, &t->gone_room, t->gones + 1, sizeof *t->gone))
        return fault_no_memory(f, "long values");
    ese_lv_key_read(id, &key);
    t->gone[t->gones++] = (struct salvage_lid){.lid = key.lid,
                                               .wide = key.wide,
                                               .newer = newer != NULL,
                                               .dbtime = newer ? newer->dbtime : 0,
                                               .page = newer ? (uint32_t)(newer - t->s->page) : 0};
    return true;
}

/* One value as its nodes come by. */
struct value {
    uint8_t room[ID_MOST];
    struct bytes id; /* at == NULL: none yet */
    bool has_root, whole;
    bool apart;   /* a part of it stands on a page that was set apart */
    bool differs; /* another page has a part of it otherwise */
    size_t other; /* that one, in s->page */
    struct ese_lv_root root;
    uint64_t dbtime; /* of the page where its root stands */
    size_t page;     /* that one, in s->page */
    uint32_t at;     /* the next chunk's offset */
};

struct values {
    struct salvage_table *t;
    struct salvage_walk w;
    struct ids ids;
    struct value value;
    uint64_t unwanted;    /* the newest page of a whole value that no row refers to */
    uint64_t oldest_leaf; /* of rows */
    uint32_t chunk;
};

static struct bytes id_of(struct bytes key)
{
    struct ese_lv_key parts;
    if (!ese_lv_key_read(key, &parts))
        return (struct bytes){.at = NULL};
    return bytes_of(key.at, parts.wide ? 8 : 4);
}

static bool is_there(enum salvage_verdict verdict)
{
    return verdict == SALVAGE_KEPT || verdict == SALVAGE_FREED || verdict == SALVAGE_NEWER_BAD;
}

static bool is_taken(const struct values *v, enum salvage_verdict verdict)
{
    return is_there(verdict) || (verdict == SALVAGE_OUTSIDE && salvage_is_unfinished(v->t->s));
}

static void see_node(struct values *v, struct bytes key, struct bytes data)
{
    struct ese_lv_key parts = {.root = false};
    ese_lv_key_read(key, &parts);
    if (parts.root) {
        v->value.has_root = ese_lv_root_read(data, &v->value.root);
        return;
    }
    if (!v->value.has_root || parts.offset != v->value.at || v->value.at >= v->value.root.size) {
        v->value.whole = false;
        return;
    }
    uint32_t left = v->value.root.size - v->value.at;
    uint32_t share = left < v->chunk ? left : v->chunk;
    if (!ese_lv_fills_share(v->t->s->scan.revision, &v->value.root, data, share,
                            v->t->scratch->room))
        v->value.whole = false;
    v->value.at += share;
}

/* The ids before `id` that rows refer to and that are nowhere (id.at == NULL: all that are left).
 */
static bool pass_ids(struct values *v, struct bytes id, struct fault *f)
{
    while (v->ids.id.at && (id.at == NULL || bytes_compare(v->ids.id, id) < 0)) {
        const struct salvage_page *owner = salvage_owner(&v->w.leaves, v->ids.id);
        for (uint32_t i = 0; owner && i < v->ids.count && i < PAGES_MOST; i++) {
            struct salvage_page *p = &v->t->s->page[v->ids.page[i]];
            p->stale = p->stale || p->dbtime < owner->dbtime;
        }
        if (!add_gone(v->t, v->ids.id, owner, f) || !next_id(&v->ids, f))
            return false;
    }
    return true;
}

/* A whole value that no row refers to.  One that the engine is to delete says so. */
static void see_orphan(struct values *v)
{
    const struct value *value = &v->value;
    if (value->root.references == 0 || value->root.references == ESE_LV_PARTLY_DELETED)
        return;
    if (value->dbtime > v->unwanted)
        v->unwanted = value->dbtime;
    if (v->t->orphans++ == 0)
        v->t->orphans_page = v->t->s->page[value->page].slot;
    v->t->newer_orphans += value->dbtime > v->oldest_leaf;
}

/* The value's last node has come by. */
static bool end_value(struct values *v, struct fault *f)
{
    struct value *value = &v->value;
    if (value->id.at == NULL)
        return true;
    bool whole = value->whole && value->has_root && value->at >= value->root.size;
    bool wanted = v->ids.id.at && bytes_equal(v->ids.id, value->id);
    struct bytes id = value->id;
    value->id = (struct bytes){.at = NULL};
    if (!wanted && whole && !value->apart)
        see_orphan(v);
    if (!wanted)
        return true;
    /* A row of which a newer page has only a part is not contradicted: the rest is lost. */
    if (whole && !value->apart && !value->differs)
        return next_id(&v->ids, f);
    if (!add_gone(v->t, id, NULL, f))
        return false;
    struct salvage_lid *lid = &v->t->gone[v->t->gones - 1];
    lid->apart = whole && value->apart;
    lid->differs = whole && value->differs;
    if (lid->differs) {
        lid->page = (uint32_t)value->other;
        v->t->s->page[value->other].doubted = true;
    }
    return next_id(&v->ids, f);
}

/* Can a version that does not count be in use as well as the one that does? */
static bool may_be_used(const struct values *v, const struct salvage_version *other)
{
    const struct salvage_page *p = &v->t->s->page[other->page];
    return !p->freed && !(other->flags & ESE_NODE_DELETED) &&
           (p->trust == SALVAGE_APART ? p->held : !other->doubtful);
}

/* Is it another part than the one that counts?  How many rows refer to a value may change. */
static bool is_other(const struct values *v, struct bytes data, struct bytes counts)
{
    struct ese_lv_key parts = {.root = false};
    ese_lv_key_read(v->w.key, &parts);
    size_t from = parts.root ? LV_SIZE_AT : 0;
    return !bytes_equal(bytes_from(data, from), bytes_from(counts, from));
}

/* Notes it when a version of the walk's group contradicts the one that counts. */
static bool see_others(struct values *v, size_t best, struct bytes counts, struct fault *f)
{
    for (size_t i = 0; i < v->w.versions && !v->value.differs; i++) {
        const struct salvage_version *other = &v->w.version[i];
        const struct ese_page *page;
        struct ese_node node;
        if (i == best || !may_be_used(v, other))
            continue;
        if (!salvage_node(v->t->s, other, &page, &node, f))
            return false;
        v->value.differs = is_other(v, node.data, counts);
        v->value.other = other->page;
        ese_pages_put(v->t->s->pages, page);
    }
    return true;
}

static bool check_node(struct values *v, struct fault *f)
{
    struct salvage_choice c;
    struct bytes key = v->w.key, id = id_of(key);
    const struct ese_page *page;
    struct ese_node node;
    if (id.at == NULL)
        return true;
    if (v->value.id.at == NULL || !bytes_equal(id, v->value.id)) {
        if (!end_value(v, f) || !pass_ids(v, id, f))
            return false;
    }
    if (!salvage_choose(&v->w, &c, f))
        return false;
    if (!is_taken(v, c.verdict))
        return true;
    if (v->value.id.at == NULL) {
        memcpy(v->value.room, id.at, id.size);
        v->value = (struct value){.whole = true};
        memcpy(v->value.room, id.at, id.size);
        v->value.id = bytes_of(v->value.room, id.size);
    }
    if (!salvage_node(v->t->s, &v->w.version[c.best], &page, &node, f))
        return false;
    if (!v->value.has_root) {
        v->value.page = v->w.version[c.best].page;
        v->value.dbtime = v->t->s->page[v->value.page].dbtime;
    }
    v->value.apart |= c.verdict == SALVAGE_OUTSIDE;
    see_node(v, key, node.data);
    bool ok = see_others(v, c.best, node.data, f);
    ese_pages_put(v->t->s->pages, page);
    return ok;
}

/* What stands on pages that were set apart comes by, too. */
static bool open_values(struct salvage_table *t, struct values **out, struct fault *f)
{
    const struct ese_table *table = t->table;
    struct values *v = calloc(1, sizeof *v);
    if (v == NULL)
        return fault_no_memory(f, "long values");
    v->t = t;
    v->ids.sort = t->lids;
    v->chunk = ese_lv_chunk_size(table, t->s->scan.page_size);
    *out = v;
    return salvage_reach(t->s, table->long_value_objid, table->long_value_root, f) &&
           salvage_walk_open(&v->w, t->s, &table->long_value_objid, table->long_value_objid != 0,
                             false, true, f) &&
           next_id(&v->ids, f);
}

/* The time of the oldest leaf of rows in use; that of no leaf is behind every other. */
static uint64_t oldest_leaf(const struct salvage_table *t)
{
    uint64_t oldest = UINT64_MAX;
    size_t first, count;
    salvage_pages_of(t->s, t->table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &t->s->page[i];
        if (salvage_is_leaf(p) && p->trust <= SALVAGE_BLOCKS && !p->freed && p->dbtime < oldest)
            oldest = p->dbtime;
    }
    return oldest;
}

static void close_values(struct values *v)
{
    if (v)
        salvage_walk_close(&v->w);
    free(v);
}

/* Of a table with one leaf the row of a value that no row refers to would stand on it. */
static void see_unwanted(struct values *v)
{
    struct salvage_page *only = NULL;
    size_t first, count;
    salvage_pages_of(v->t->s, v->t->table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        struct salvage_page *p = &v->t->s->page[i];
        if (!salvage_is_leaf(p))
            continue;
        if (only || !(p->flags & ESE_PAGE_ROOT))
            return;
        only = p;
    }
    if (only && only->dbtime < v->unwanted)
        only->stale = true;
}

bool salvage_values_check(struct salvage_table *t, struct fault *f)
{
    struct values *v = NULL;
    bool more = true;
    bool ok = open_values(t, &v, f);
    if (ok)
        v->oldest_leaf = oldest_leaf(t);
    while (ok && (ok = salvage_walk_next(&v->w, &more, f)) && more)
        ok = check_node(v, f);
    ok = ok && end_value(v, f) && pass_ids(v, (struct bytes){.at = NULL}, f);
    if (ok)
        see_unwanted(v);
    close_values(v);
    build_sort_close(t->lids);
    t->lids = NULL;
    return ok && build_sort_open(&t->lids, f);
}

/* ---- writing ---- */

static bool put_root(struct values *v, struct bytes key, struct bytes data, struct fault *f)
{
    uint8_t root[LV_ROOT_MOST];
    if (data.size > sizeof root)
        return true;
    memcpy(root, data.at, data.size);
    bytes_put_le32(root, v->ids.count);
    return ese_build_raw_long_value_node(v->t->to, key, bytes_of(root, data.size), f);
}

static bool tell_part(struct values *v, size_t version, const struct ese_node *node,
                      const char *reason, struct fault *f)
{
    struct salvage_table *t = v->t;
    const struct salvage_version *at = &v->w.version[version];
    const struct salvage_page *p = &t->s->page[at->page];
    if (p->freed)
        return true;
    struct ese_salvage_item item = {
        .kind = ESE_SALVAGE_LONG_VALUE,
        .table = t->table->name,
        .objid = t->table->long_value_objid,
        .key = v->w.key,
        .page = p->slot,
        .tag = at->node + 1,
        .dbtime = p->dbtime,
        .record = node->data,
        .reason = reason,
    };
    return salvage_tell(t->s, &item, f);
}

/* What contradicts the part that counts, or stands on pages that are not of the tree, and is not
 * that (counts.at == NULL: nothing counts). */
static bool tell_others(struct values *v, size_t best, struct bytes counts, struct fault *f)
{
    bool ok = true;
    for (size_t i = 0; ok && i < v->w.versions; i++) {
        const struct salvage_version *other = &v->w.version[i];
        bool apart = v->t->s->page[other->page].trust == SALVAGE_APART;
        const struct ese_page *page;
        struct ese_node node;
        if (!apart && (counts.at == NULL || i == best || !may_be_used(v, other)))
            continue;
        if (!salvage_node(v->t->s, other, &page, &node, f))
            return false;
        if (counts.at == NULL || is_other(v, node.data, counts))
            ok = tell_part(v, i, &node,
                           apart ? "a part of a long value, on a page that is not of the tree, as "
                                   "far as that is known"
                                 : "another version of a part of a long value, on a page that may "
                                   "be in use, too",
                           f);
        ese_pages_put(v->t->s->pages, page);
    }
    return ok;
}

static bool write_node(struct values *v, struct fault *f)
{
    struct salvage_choice c;
    struct bytes key = v->w.key, id = id_of(key);
    struct ese_lv_key parts;
    const struct ese_page *page;
    struct ese_node node;
    if (id.at == NULL || !ese_lv_key_read(key, &parts))
        return true;
    while (v->ids.id.at && bytes_compare(v->ids.id, id) < 0)
        if (!next_id(&v->ids, f))
            return false;
    if (!salvage_choose(&v->w, &c, f))
        return false;
    if (!is_taken(v, c.verdict))
        return tell_others(v, c.best, (struct bytes){.at = NULL}, f);
    bool gone = salvage_lid_gone(v->t, parts.lid, parts.wide) != NULL;
    bool wanted = !gone && v->ids.id.at && bytes_equal(v->ids.id, id);
    if (!salvage_node(v->t->s, &v->w.version[c.best], &page, &node, f))
        return false;
    const char *why = gone ? "a part of a long value that is not whole"
                           : "a part of a long value that no written row refers to";
    bool ok = !wanted            ? tell_part(v, c.best, &node, why, f)
              : v->t->to == NULL ? true
              : parts.root       ? put_root(v, key, node.data, f)
                                 : ese_build_raw_long_value_node(v->t->to, key, node.data, f);
    ok = ok && tell_others(v, c.best, node.data, f);
    ese_pages_put(v->t->s->pages, page);
    return ok;
}

bool salvage_values_write(struct salvage_table *t, struct fault *f)
{
    struct values *v = NULL;
    bool more = true;
    bool ok = open_values(t, &v, f);
    while (ok && (ok = salvage_walk_next(&v->w, &more, f)) && more)
        ok = write_node(v, f);
    close_values(v);
    return ok;
}

/* ---- rows that only their long values tell of ---- */

/* How many values one row may refer to; 0: any number. */
static unsigned values_a_row(const struct ese_table *table)
{
    unsigned values = 0;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (!ese_coltype_is_long(column->type))
            continue;
        if (column->flags & ESE_COLUMN_MULTI_VALUED)
            return 0;
        values++;
    }
    return values;
}

/*
 * A row that a value is newer than stood on a leaf that is not as it was written last, if it was
 * not deleted.  An older value may be left from a killed engine, but not where there is no row.
 *
 * Not in a database that was not shut down cleanly: there a value may have been written before its
 * row was.  Rows that are known to be lost had some of the values, and where a page of rows is
 * lost, all of them may have stood on it.
 */
bool salvage_tell_referrers(struct salvage_table *t, struct fault *f)
{
    char text[200];
    bool any_row = t->sum->kept + t->sum->doubtful > 0;
    uint64_t orphans = any_row ? t->newer_orphans : t->orphans;
    uint64_t known = t->sum->lost + t->sum->perhaps_lost;
    unsigned each = values_a_row(t->table);
    uint64_t rows = each ? (orphans + each - 1) / each : orphans > 0;
    bool certain = !salvage_is_unfinished(t->s) && !t->s->scan.header_invented;
    if (rows <= known || !certain || t->sum->pages_lost > 0)
        return true;
    rows -= known;
    t->sum->perhaps_lost += rows;
    snprintf(text, sizeof text,
             "long values that no row refers to (%" PRIu64 ") %s: of the rows that did, at least "
             "%" PRIu64 " may be lost",
             orphans, any_row ? "are newer than a page of rows" : "stand there, and no row does",
             rows);
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_PERHAPS_LOST,
                                    .table = t->table->name,
                                    .objid = t->table->objid,
                                    .key = bytes_of("", 0),
                                    .tag = -1,
                                    .other_page = t->orphans_page,
                                    .reason = text};
    return salvage_tell(t->s, &item, f);
}
