/*
 * Whether what the catalog says of a table is all that it ever said.
 *
 * Keys of which no leaf says anything, neither of the catalog nor of its shadow, tell that it may
 * not be, rows of which the two do not say the same, and what the catalog does not know: columns
 * that rows have a value for, indexes whose trees stand, and a primary index that keys of rows
 * show.
 */
#include "formats/ese/salvage/reach_parts.h"

#include "formats/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- gaps in the catalog ---- */

static bool keep(struct ese_salvage *s, struct bytes *key, struct fault *f)
{
    if (key->at == NULL)
        return true;
    key->at = arena_copy(&s->arena, *key);
    return key->at != NULL || fault_no_memory(f, "the catalog");
}

static bool add_gap(void *context, struct bytes low, struct bytes high, struct fault *f)
{
    struct ese_salvage *s = context;
    if (!array_reserve(&s->gap, &s->gap_room, s->gaps + 1, sizeof *s->gap))
        return fault_no_memory(f, "the catalog");
    s->gap[s->gaps++] = (struct salvage_gap){low, high};
    return keep(s, &s->gap[s->gaps - 1].low, f) && keep(s, &s->gap[s->gaps - 1].high, f);
}

/* ---- what parents say of them ---- */

/* The first gap that begins with `key` or behind it. */
static size_t gap_behind(const struct ese_salvage *s, struct bytes key)
{
    size_t low = 0, high = s->gaps;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct bytes begin = s->gap[middle].low;
        if (begin.at == NULL || bytes_compare(begin, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The leaf of that number that is in order; NULL: none. */
static const struct salvage_page *leaf_of(struct reach *r, uint32_t number)
{
    for (size_t k = salvage_reach_find(r, number); k < r->count && r->by[k].number == number; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        if (salvage_is_leaf(p) && p->trust <= SALVAGE_MOVED && p->in_order && p->first.at)
            return p;
    }
    return NULL;
}

/* Two leaves that a parent names one after the other meet at its separator: the left one has all
 * keys up to it, the right one all from it on, when it knows the other one. */
static bool meet(struct reach *r, uint32_t left, uint32_t right, struct bytes separator,
                 struct fault *f)
{
    struct ese_salvage *s = r->s;
    const struct salvage_page *p = leaf_of(r, left), *q = leaf_of(r, right);
    size_t i = p && p->next == right ? gap_behind(s, p->last) : s->gaps;
    if (i < s->gaps && bytes_compare(s->gap[i].low, separator) < 0) {
        s->gap[i].low = separator;
        if (!keep(s, &s->gap[i].low, f))
            return false;
    }
    if (q == NULL || q->prev != left)
        return true;
    i = gap_behind(s, separator);
    for (size_t k = i > 0 ? i - 1 : 0; k < s->gaps && k <= i; k++) {
        struct bytes *high = &s->gap[k].high;
        bool ends = high->at && bytes_compare(*high, q->first) <= 0;
        if (!ends || bytes_compare(*high, separator) <= 0)
            continue;
        *high = separator;
        if (!keep(s, high, f))
            return false;
    }
    return true;
}

static bool meet_all(struct reach *r, const struct ese_page *parent, struct fault *f)
{
    uint8_t room[ESE_KEY_ROOM];
    for (unsigned i = 0; i + 1 < ese_page_nodes(parent); i++) {
        struct ese_node node, next;
        struct bytes separator;
        if (ese_page_node(parent, i, &node, NULL) && ese_page_node(parent, i + 1, &next, NULL) &&
            ese_node_key(&node, room, sizeof room, &separator) &&
            !meet(r, ese_node_child(&node), ese_node_child(&next), separator, f))
            return false;
    }
    return true;
}

static bool ask_parents(struct ese_salvage *s, uint32_t objid, struct fault *f)
{
    struct reach r;
    bool ok = salvage_reach_open(&r, s, objid, f);
    for (size_t i = 0; ok && i < r.count; i++) {
        const struct salvage_page *p = &s->page[r.first + i];
        const struct ese_page *page;
        if (!salvage_is_parent(p) || !(p->flags & ESE_PAGE_PARENT_OF_LEAF) || p->freed)
            continue;
        ok = salvage_get(s, p, &page, f);
        if (ok) {
            ok = meet_all(&r, page, f);
            ese_pages_put(s->pages, page);
        }
    }
    free(r.by);
    return ok;
}

bool salvage_see_gaps(struct ese_salvage *s, const struct salvage_leaves *l, struct fault *f)
{
    if (l->count > 0 && !salvage_leaves_gaps(l, add_gap, s, f))
        return false;
    if (s->gaps > 0 &&
        (!ask_parents(s, ESE_OBJID_CATALOG, f) || !ask_parents(s, ESE_OBJID_CATALOG_SHADOW, f)))
        return false;
    size_t left = 0;
    for (size_t i = 0; i < s->gaps; i++) {
        struct salvage_gap gap = s->gap[i];
        if (gap.low.at == NULL || gap.high.at == NULL || bytes_compare(gap.low, gap.high) < 0)
            s->gap[left++] = gap;
    }
    s->gaps = left;
    return true;
}

bool salvage_tell_gaps(struct ese_salvage *s, struct fault *f)
{
    s->result->catalog_gaps = s->gaps;
    for (size_t i = 0; i < s->gaps; i++) {
        const struct salvage_gap *gap = &s->gap[i];
        struct ese_salvage_item item = {
            .kind = ESE_SALVAGE_CATALOG,
            .table = "MSysObjects",
            .objid = ESE_OBJID_CATALOG,
            .key = gap->low.at ? gap->low : bytes_of("", 0),
            .key_after = gap->high,
            .tag = -1,
            .reason = "of these keys neither the catalog nor its shadow has a page that can be "
                      "read: tables, columns or indexes are lost, if any stood there"};
        if (!salvage_tell(s, &item, f))
            return false;
    }
    return true;
}

/* The object id of a table's template; 0: it has none. */
static uint32_t template_of(const struct ese_salvage *s, const struct ese_table *table)
{
    const struct ese_table *of =
        table->template_name ? ese_catalog_find(s->catalog, table->template_name) : NULL;
    return of ? of->objid : 0;
}

/* A table's first row is that of the table itself; the gap has to reach behind it. */
static bool is_in_gap(const struct ese_salvage *s, uint32_t objid)
{
    enum { KEY_SIZE = 13, OF_TABLE = 5 };
    uint8_t room[KEY_SIZE];
    build_catalog_key(objid, ESE_OBJECT_TABLE, objid, room);
    struct bytes first = bytes_of(room, KEY_SIZE), own = bytes_of(room, OF_TABLE);
    for (size_t i = 0; i < s->gaps; i++) {
        struct bytes low = s->gap[i].low, high = s->gap[i].high;
        bool ends_behind = high.at == NULL || bytes_compare(high, first) > 0;
        if (low.size > OF_TABLE)
            low.size = OF_TABLE;
        if (ends_behind && (low.at == NULL || bytes_compare(low, own) <= 0))
            return true;
    }
    return false;
}

/* ---- columns that only rows know of ---- */

struct salvage_columns {
    bool holes; /* an id below the last one of its kind is not there */
    bool known[ESE_TAGGED_LAST + 1];
    bool deleted[ESE_TAGGED_LAST + 1]; /* by its type, and its name is not of a deleted one */
    bool numbered;                     /* without a primary index */
    uint64_t keyed;                    /* numbered: rows whose key is not such a number */
    uint64_t *rows;                    /* by id: that have a value for it; NULL: none has */
};

static bool has_hole(const struct salvage_columns *c, unsigned first, unsigned last)
{
    for (unsigned id = first; id <= last; id++)
        if (!c->known[id])
            return true;
    return false;
}

/* A column that the engine deletes loses its name with its type. */
static bool is_deleted_in_part(const struct ese_column *column)
{
    static const char stub[] = "JetStub_";
    return column->type == ESE_COL_NIL && strncasecmp(column->name, stub, sizeof stub - 1) != 0;
}

static void see_column(struct salvage_columns *c, const struct ese_column *column)
{
    if (column->id > ESE_TAGGED_LAST)
        return;
    c->deleted[column->id] = is_deleted_in_part(column);
    c->known[column->id] = !c->deleted[column->id];
}

bool salvage_columns_open(struct salvage_table *t, struct fault *f)
{
    struct salvage_columns *c = t->columns = calloc(1, sizeof *c);
    if (c == NULL)
        return fault_no_memory(f, "a table");
    for (unsigned i = 0; i < t->table->columns; i++)
        see_column(c, &t->table->column[i]);
    c->numbered = true;
    for (unsigned i = 0; i < t->table->indexes; i++)
        c->numbered = c->numbered && !ese_index_is_primary(&t->table->index[i]);
    c->holes = has_hole(c, ESE_FIXED_FIRST, t->limits.fixed) ||
               has_hole(c, ESE_VARIABLE_FIRST, t->limits.variable) ||
               has_hole(c, ESE_TAGGED_FIRST, t->limits.tagged);
    return true;
}

void salvage_columns_close(struct salvage_table *t)
{
    if (t->columns)
        free(t->columns->rows);
    free(t->columns);
}

static void see_id(void *context, unsigned id)
{
    struct salvage_columns *c = context;
    if (id <= ESE_TAGGED_LAST && !c->known[id])
        c->rows[id]++;
}

/* Does the record make sense, whatever columns there are? */
static bool is_record(const struct salvage_table *t, const struct ese_record *record)
{
    struct ese_record_limits any = t->limits;
    any.fixed = ESE_FIXED_LAST;
    any.variable = ESE_VARIABLE_LAST;
    any.tagged = ESE_TAGGED_LAST;
    return ese_record_check(record, &any, NULL, NULL, NULL);
}

bool salvage_see_columns(struct salvage_table *t, const struct salvage_row *row, struct fault *f)
{
    enum { NUMBER_SIZE = 4 };
    struct salvage_columns *c = t->columns;
    c->keyed += c->numbered && row->node.prefix.size + row->node.suffix.size != NUMBER_SIZE;
    if (row->readable ? !c->holes : !is_record(t, &row->record))
        return true;
    if (c->rows == NULL && (c->rows = calloc(ESE_TAGGED_LAST + 1, sizeof *c->rows)) == NULL)
        return fault_no_memory(f, "a table");
    ese_record_ids(&row->record, see_id, c);
    return true;
}

/* ---- telling ---- */

enum { NAMED_MOST = 8 };

static void name_column(const struct salvage_columns *c, unsigned id, struct buffer *to)
{
    char text[160];
    uint64_t rows = c->rows ? c->rows[id] : 0;
    if (rows == 0)
        snprintf(text, sizeof text,
                 "%sthe catalog has its column %u as deleted, and under a name that no deleted one "
                 "has",
                 to->size > 0 ? "; " : "", id);
    else
        snprintf(text, sizeof text,
                 "%s%" PRIu64 " of its rows %s a value in column %u, which the catalog %s",
                 to->size > 0 ? "; " : "", rows, rows == 1 ? "has" : "have", id,
                 c->deleted[id] ? "has as deleted" : "does not have");
    buffer_add_text(to, text);
}

static void name_columns(const struct salvage_columns *c, struct buffer *to)
{
    unsigned named = 0;
    for (unsigned id = 0; id <= ESE_TAGGED_LAST; id++) {
        if (!c->deleted[id] && (c->rows == NULL || c->rows[id] == 0))
            continue;
        if (named++ == NAMED_MOST) {
            buffer_add_text(to, "; and of more columns");
            return;
        }
        name_column(c, id, to);
    }
}

static bool name_orphans(const struct salvage_table *t, struct buffer *to, struct fault *f)
{
    char text[160];
    size_t count;
    uint32_t objid = 0;
    if (!salvage_orphans_of(t->s, t->table, &count, &objid, f))
        return false;
    if (count == 0)
        return true;
    snprintf(text, sizeof text,
             "%sthe tree%s of %zu of its indexes stand%s (object id %" PRIu32
             "), which the catalog does not have",
             to->size > 0 ? "; " : "", count == 1 ? "" : "s", count, count == 1 ? "s" : "", objid);
    buffer_add_text(to, text);
    return true;
}

/* Without a primary index the engine numbers rows, and keys are these numbers. */
static void name_keys(const struct salvage_columns *c, struct buffer *to)
{
    char text[160];
    if (c->keyed == 0)
        return;
    snprintf(text, sizeof text,
             "%s%" PRIu64 " of its rows %s a key that the engine does not give: the catalog has "
             "lost its primary index",
             to->size > 0 ? "; " : "", c->keyed, c->keyed == 1 ? "has" : "have");
    buffer_add_text(to, text);
}

/* Each of them was told of. */
static void name_disputes(const struct salvage_table *t, struct buffer *to)
{
    char text[120];
    size_t count = salvage_disputes_of(t->s, t->table->objid);
    if (count == 0)
        return;
    snprintf(text, sizeof text,
             "%sthe catalog and its shadow differ in %zu of the rows that describe it",
             to->size > 0 ? "; " : "", count);
    buffer_add_text(to, text);
}

static void name_mends(const struct salvage_table *t, struct buffer *to)
{
    char text[120];
    size_t count = salvage_mends_of(t->s, t->table->objid);
    if (count == 0)
        return;
    snprintf(text, sizeof text,
             "%s%zu of the rows that describe it %s what else the catalog has of it",
             to->size > 0 ? "; " : "", count, count == 1 ? "contradicts" : "contradict");
    buffer_add_text(to, text);
}

static void name_root(const struct salvage_table *t, struct buffer *to)
{
    char text[160];
    uint32_t said = salvage_root_said(t->s, t->table);
    if (said == 0)
        return;
    snprintf(text, sizeof text,
             "%sits root page says that it is of object %" PRIu32
             ": it is taken as what the catalog has it for",
             to->size > 0 ? "; " : "", said);
    buffer_add_text(to, text);
}

bool salvage_tell_definition(struct salvage_table *t, struct fault *f)
{
    struct buffer text = {0};
    uint32_t of = template_of(t->s, t->table);
    if (is_in_gap(t->s, t->table->objid) || (of != 0 && is_in_gap(t->s, of)))
        buffer_add_text(&text, "pages that may have said more of the table are lost in the catalog "
                               "and in its shadow: columns or indexes of it may be missing");
    name_columns(t->columns, &text);
    name_keys(t->columns, &text);
    if (t->of_other) {
        t->s->result->tables_of_other++;
        buffer_add_text(&text, text.size > 0 ? "; " : "");
        buffer_add_text(&text,
                        "what it is called, and its columns, is from a database whose signature "
                        "is not seen to be this one's");
    }
    name_disputes(t, &text);
    name_mends(t, &text);
    name_root(t, &text);
    bool ok = name_orphans(t, &text, f), any = text.size > 0;
    t->sum->in_part = t->sum->in_part || any;
    ok = ok && (buffer_add_u8(&text, '\0') || fault_no_memory(f, "a table"));
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_TABLE_LOST,
                                    .table = t->table->name,
                                    .objid = t->table->objid,
                                    .key = bytes_of("", 0),
                                    .tag = -1,
                                    .reason = (const char *)text.at};
    ok = ok && (!any || salvage_tell(t->s, &item, f));
    buffer_free(&text);
    return ok;
}
