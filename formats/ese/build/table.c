/*
 * One table: its rows, long values and index entries, on the way into their trees.
 *
 * Source: the published engine, inc/rec.hxx (longest record, when a long value leaves it),
 * ese/lv.cxx (LVROOT, chunks), ese/recupd.cxx (index entries of a row).
 */
#include "formats/ese/build/parts.h"

#include "formats/ese/read/key.h"
#include "formats/hex.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum {
    INTRINSIC_MOST = 1023, /* longer long values never stay in the record */
    LID_SIZE = 4,
    LID_MOST = 0x7fffff00,
    LV_ROOT_SIZE = 8,
    VALUE_MOST = 0x7fffffff,
    COLUMN_MOST = 255,
    NO_PRIMARY_KEY_SIZE = 4,
    KEY_PAGE_SIZE =
        32768, /* records that are only made to compute keys have the format of large pages */
    ROOT_HEADER_MOST = BUILD_SPACE_HEADER_SIZE + 65,
};

struct table_index {
    struct build_tree tree;
    const struct ese_index *index;
    struct build_sort *sort; /* entries computed from rows; NULL: fed */
    struct ese_keys *keys;
    struct buffer last_key, last_data; /* fed or sorted: the entry before */
    bool primary;
};

struct ese_build_table {
    struct ese_build *build;
    struct build_schema schema;    /* empty in a raw table */
    const struct ese_table *table; /* schema's, or the caller's */
    struct ese_table *own;         /* schema's: ids and roots are filled in */
    bool open, raw, has_long_values;
    struct build_tree rows, long_values;
    struct table_index *index; /* one per table->index */
    struct ese_keys *primary;  /* of computed primary keys */
    uint64_t row_number;       /* the row being added, from 1 */
    uint32_t lid_last, chunk;
    size_t record_most;
    bool *indexed; /* per column: some computed index needs it */
    struct ese_field *value;
    size_t value_room;
    struct ese_field *key_value;
    size_t key_value_room;
    uint8_t *record, *key_record; /* BUILD_RECORD_ROOM each */
    /* Order-free sums over declared and found references to shared long values: equal when they
     * agree. */
    uint64_t declared, found;
};

/* ---- life ---- */

static void release(struct ese_build_table *t)
{
    for (unsigned i = 0; t->index && i < t->table->indexes; i++) {
        build_tree_close(&t->index[i].tree);
        build_sort_close(t->index[i].sort);
        free(t->index[i].keys);
        buffer_free(&t->index[i].last_key);
        buffer_free(&t->index[i].last_data);
    }
    free(t->index);
    t->index = NULL;
    build_tree_close(&t->long_values);
    build_tree_close(&t->rows);
    free(t->primary);
    free(t->indexed);
    free(t->value);
    free(t->key_value);
    free(t->record);
    free(t->key_record);
    t->primary = NULL;
    t->indexed = NULL;
    t->value = t->key_value = NULL;
    t->record = t->key_record = NULL;
    t->open = false;
    if (t->raw)
        t->table = NULL; /* it was only lent until here */
}

void build_table_free(struct ese_build_table *t)
{
    release(t);
    build_schema_close(&t->schema);
    free(t);
}

bool build_table_is_open(const struct ese_build_table *t)
{
    return t->open;
}

const struct ese_table *ese_build_schema(const struct ese_build_table *t)
{
    return t->table;
}

static struct ese_build_table *new_table(struct ese_build *build, struct fault *f)
{
    void *array = build->table;
    struct ese_build_table *t = calloc(1, sizeof *t);
    if (t == NULL ||
        !array_reserve(&array, &build->table_room, build->tables + 1, sizeof *build->table)) {
        free(t);
        fault_set(f, FAULT_NO_MEMORY, "out of memory for a table");
        return NULL;
    }
    build->table = array;
    build->table[build->tables++] = t;
    t->build = build;
    return t;
}

/* Takes a table that could not be begun out of the list. */
static bool drop_table(struct ese_build *build, struct ese_build_table *t)
{
    build->tables--;
    build_table_free(t);
    return false;
}

static const struct ese_table *find_table(const struct ese_build *build, const char *name)
{
    for (size_t i = 0; i < build->tables; i++) {
        const struct ese_build_table *t = build->table[i];
        if (!t->raw && t->table && strcasecmp(t->table->name, name) == 0)
            return t->table;
    }
    return NULL;
}

static bool is_primary(const struct ese_index *index)
{
    return index->flags & ESE_INDEX_PRIMARY;
}

static uint32_t index_page_flags(const struct ese_index *index)
{
    return ESE_PAGE_INDEX | (index->flags & ESE_INDEX_UNIQUE ? 0u : ESE_PAGE_NON_UNIQUE_KEYS);
}

/* Begins the trees of rows and indexes; *root of each index and of the table is then known. */
static bool begin_trees(struct ese_build_table *t, struct fault *f)
{
    struct ese_build *build = t->build;
    t->index = calloc(t->table->indexes + 1u, sizeof *t->index);
    if (t->index == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a table");
    if (!build_space_begin(&t->rows.space, build, &build->root, f) ||
        !build_tree_begin(&t->rows, build, t->table->objid, 0, true, f))
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++) {
        struct table_index *out = &t->index[i];
        out->index = &t->table->index[i];
        out->primary = is_primary(out->index);
        if (out->primary)
            continue;
        if (!build_space_begin(&out->tree.space, build, &t->rows.space, f) ||
            !build_tree_begin(&out->tree, build, out->index->objid, index_page_flags(out->index),
                              out->index->flags & ESE_INDEX_UNIQUE, f))
            return false;
    }
    return true;
}

/* ---- begin, from a schema ---- */

static bool give_objids(struct ese_build_table *t, struct fault *f)
{
    struct ese_build *build = t->build;
    if (t->own->objid == 0)
        t->own->objid = build_objid_next(build);
    else if (t->own->objid <= build->objid_last)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "object id %u is not above all that were given, up to %u", t->own->objid,
                         build->objid_last);
    ese_build_objid_least(build, t->own->objid);
    for (unsigned i = 0; i < t->own->indexes; i++) {
        struct ese_index *index = &t->own->index[i];
        index->objid = is_primary(index) ? t->own->objid : build_objid_next(build);
    }
    return true;
}

static struct ese_keys *open_keys(const struct ese_build_table *t, const struct ese_index *index,
                                  struct fault *f)
{
    if (!ese_index_computable(t->table, index)) {
        fault_set(f, FAULT_UNSUPPORTED,
                  "index %s: its keys cannot be computed (Unicode text or tuples); its entries "
                  "have to be fed",
                  index->name);
        return NULL;
    }
    struct ese_keys *keys = malloc(sizeof *keys);
    if (keys == NULL)
        fault_set(f, FAULT_NO_MEMORY, "out of memory for an index");
    else if (ese_keys_open(keys, NULL, NULL, t->table, index, f))
        return keys;
    free(keys);
    return NULL;
}

static void mark_indexed(struct ese_build_table *t, const struct ese_index *index)
{
    for (unsigned i = 0; i < index->segments + index->conditions; i++) {
        const struct ese_key_segment *s =
            i < index->segments ? &index->segment[i] : &index->condition[i - index->segments];
        const struct ese_column *column = ese_table_segment_column(t->table, s);
        if (column)
            t->indexed[column - t->table->column] = true;
    }
}

static bool begin_indexes(struct ese_build_table *t, uint32_t fed, struct fault *f)
{
    for (unsigned i = 0; i < t->table->indexes; i++) {
        struct table_index *out = &t->index[i];
        if (i < 32 && (fed >> i & 1) && !out->primary)
            continue;
        struct ese_keys *keys = open_keys(t, out->index, f);
        if (keys == NULL)
            return false;
        mark_indexed(t, out->index);
        if (out->primary) {
            t->primary = keys;
        } else {
            out->keys = keys;
            if (!build_sort_open(&out->sort, f))
                return false;
        }
    }
    return true;
}

/* The longest record: a page, less the longest key.  Source: REC::CbRecordMost. */
static size_t longest_record(const struct ese_build_table *t)
{
    uint32_t page = t->build->options.page_size;
    size_t key = NO_PRIMARY_KEY_SIZE;
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (is_primary(&t->table->index[i]))
            key = ese_index_key_most(&t->table->index[i]);
    if (!ese_page_size_small(page))
        return page - ESE_PAGE_HEADER_LARGE - 8 - 4 - key;
    return page - ESE_PAGE_HEADER_SMALL - 8 - 2 - (key + 2 > 255 ? key + 2 : 255);
}

static bool begin_table(struct ese_build_table *t, const struct ese_table *schema, uint32_t fed,
                        struct fault *f)
{
    struct ese_build *build = t->build;
    const struct ese_table *parent = NULL;
    if (schema->template_name) {
        parent = find_table(build, schema->template_name);
        if (parent == NULL || !(parent->flags & ESE_TABLE_TEMPLATE))
            return fault_set(f, FAULT_MISSING, "its template %s was not built before it",
                             schema->template_name);
    }
    if (schema->name && find_table(build, schema->name))
        return fault_set(f, FAULT_UNSUPPORTED, "there is a table of that name already");
    if (!build_schema_copy(&t->schema, schema, parent, build->options.revision, f))
        return false;
    t->own = &t->schema.table;
    t->table = t->own;
    t->indexed = calloc(t->table->columns + 1u, sizeof *t->indexed);
    t->record = malloc(BUILD_RECORD_ROOM);
    t->key_record = malloc(BUILD_RECORD_ROOM);
    if (t->indexed == NULL || t->record == NULL || t->key_record == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a table");
    if (!give_objids(t, f) || !begin_trees(t, f) || !begin_indexes(t, fed, f))
        return false;
    t->own->root = t->rows.space.root;
    for (unsigned i = 0; i < t->own->indexes; i++)
        t->own->index[i].root =
            is_primary(&t->own->index[i]) ? t->own->root : t->index[i].tree.space.root;
    t->chunk = ese_lv_chunk_size(t->table, build->options.page_size);
    t->record_most = longest_record(t);
    return true;
}

bool ese_build_table_begin(struct ese_build *build, const struct ese_table *schema,
                           uint32_t fed_indexes, struct ese_build_table **table, struct fault *f)
{
    struct ese_build_table *t = new_table(build, f);
    if (t == NULL)
        return false;
    if (!begin_table(t, schema, fed_indexes, f)) {
        fault_context(f, "table %s", schema->name ? schema->name : "?");
        return drop_table(build, t);
    }
    t->open = true;
    *table = t;
    return true;
}

/* ---- long values ---- */

static bool begin_long_values(struct ese_build_table *t, uint32_t objid, struct fault *f)
{
    if (t->has_long_values)
        return true;
    t->has_long_values = true;
    return build_space_begin(&t->long_values.space, t->build, &t->rows.space, f) &&
           build_tree_begin(&t->long_values, t->build, objid, ESE_PAGE_LONG_VALUE, true, f);
}

static bool put_long_value(struct ese_build_table *t, uint32_t references, struct bytes data,
                           uint32_t *lid, struct fault *f)
{
    if (!t->has_long_values) {
        t->own->long_value_objid = build_objid_next(t->build);
        if (!begin_long_values(t, t->own->long_value_objid, f))
            return false;
        t->own->long_value_root = t->long_values.space.root;
    }
    if (t->lid_last >= LID_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %u long values", LID_MOST);
    if (data.size > VALUE_MOST)
        return fault_set(f, FAULT_LIMIT, "a long value of %zu bytes, at most %u can be kept",
                         data.size, VALUE_MOST);
    *lid = ++t->lid_last;
    struct ese_lv_key key = {.lid = *lid, .root = true};
    uint8_t key_bytes[12], root[LV_ROOT_SIZE];
    bytes_put_le32(root, references);
    bytes_put_le32(root + 4, data.size);
    bool ok =
        build_tree_add(&t->long_values, bytes_of(key_bytes, ese_lv_key_write(&key, key_bytes)),
                       bytes_of(root, sizeof root), NULL, f);
    key.root = false;
    for (size_t at = 0; ok && at < data.size; at += t->chunk) {
        size_t share = data.size - at < t->chunk ? data.size - at : t->chunk;
        key.offset = (uint32_t)at;
        ok = build_tree_add(&t->long_values, bytes_of(key_bytes, ese_lv_key_write(&key, key_bytes)),
                            bytes_of(data.at + at, share), NULL, f);
    }
    t->build->summary.long_values++;
    return ok;
}

static uint64_t mix(uint64_t lid)
{
    lid *= 0x9e3779b97f4a7c15u;
    return (lid ^ lid >> 29) * 0xbf58476d1ce4e5b9u;
}

bool ese_build_long_value(struct ese_build_table *t, uint32_t references, struct bytes data,
                          uint64_t *lid, struct fault *f)
{
    uint32_t given = 0;
    if (data.size == 0 || references == 0 || t->raw) {
        fault_set(f, FAULT_UNSUPPORTED, "a long value needs bytes and references");
        return fault_context(f, "table %s", t->table->name);
    }
    if (!put_long_value(t, references, data, &given, f))
        return fault_context(f, "table %s", t->table->name);
    t->declared += references * mix(given);
    *lid = given;
    return true;
}

/* ---- one row: its values ---- */

static size_t longest_value(const struct ese_column *c)
{
    if (ese_coltype_is_long(c->type))
        return c->size ? c->size : VALUE_MOST;
    return c->size && c->size < COLUMN_MOST ? c->size : COLUMN_MOST;
}

static bool check_value(const struct ese_build_table *t, const struct ese_build_value *v,
                        struct fault *f)
{
    const struct ese_column *c = v->column;
    if (c < t->table->column || c >= t->table->column + t->table->columns || c->type == ESE_COL_NIL)
        return fault_set(f, FAULT_UNSUPPORTED, "a value's column is none of ese_build_schema()");
    if (v->null)
        return !(c->flags & ESE_COLUMN_NOT_NULL) ||
               fault_set(f, FAULT_DAMAGED, "column %s must not be null", c->name);
    if (v->lid != 0) {
        if (!ese_coltype_is_long(c->type) || v->lid > t->lid_last)
            return fault_set(f, FAULT_UNSUPPORTED, "column %s: there is no long value %" PRIu64,
                             c->name, v->lid);
        return true;
    }
    size_t exact = c->id <= ESE_FIXED_LAST ? ese_column_fixed_size(c) : ese_coltype_size(c->type);
    if (exact != 0 && v->data.size != exact)
        return fault_set(f, FAULT_DAMAGED, "column %s: a value of %zu bytes, expected %zu", c->name,
                         v->data.size, exact);
    if (exact == 0 && v->data.size > longest_value(c))
        return fault_set(f, FAULT_DAMAGED, "column %s: a value of %zu bytes, expected at most %zu",
                         c->name, v->data.size, longest_value(c));
    return true;
}

static bool check_not_null(const struct ese_build_table *t, unsigned values, struct fault *f)
{
    for (unsigned i = 0; i < t->table->columns; i++) {
        const struct ese_column *c = &t->table->column[i];
        if (!(c->flags & ESE_COLUMN_NOT_NULL) || c->type == ESE_COL_NIL || c->default_value.at)
            continue;
        bool found = false;
        for (unsigned k = 0; k < values && !found; k++)
            found = t->value[k].column == c;
        if (!found)
            return fault_set(f, FAULT_DAMAGED, "column %s must not be null", c->name);
    }
    return true;
}

static bool check_several(const struct ese_build_table *t, unsigned values, struct fault *f)
{
    for (unsigned i = 1; i < values; i++) {
        const struct ese_column *c = t->value[i].column;
        if (c != t->value[i - 1].column)
            continue;
        if (!(c->flags & ESE_COLUMN_MULTI_VALUED))
            return fault_set(f, FAULT_DAMAGED,
                             "column %s has several values, but is not multi-valued", c->name);
        if (t->value[i].null || t->value[i - 1].null)
            return fault_set(f, FAULT_UNSUPPORTED, "column %s has several values, one of them null",
                             c->name);
    }
    return true;
}

/* Takes the caller's values over, in record order.  A null without a default to override is left
 * out. */
static bool take_values(struct ese_build_table *t, const struct ese_build_value *value,
                        unsigned values, unsigned *taken, struct fault *f)
{
    void *array = t->value;
    if (!array_reserve(&array, &t->value_room, values, sizeof *t->value))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a row");
    t->value = array;
    for (unsigned i = 0; i < values; i++) {
        const struct ese_build_value *v = &value[i];
        if (!check_value(t, v, f))
            return false;
        if (v->null && v->column->default_value.at == NULL)
            continue;
        t->value[*taken] = (struct ese_field){.column = v->column,
                                              .null = v->null,
                                              .data = v->data,
                                              .separated = v->lid != 0,
                                              .lid = (uint32_t)v->lid,
                                              .at = i};
        ++*taken;
        if (v->lid != 0)
            t->found += mix(v->lid);
    }
    ese_fields_sort(t->value, *taken);
    return check_not_null(t, *taken, f) && check_several(t, *taken, f);
}

/* ---- one row: what leaves the record ---- */

static bool separate(struct ese_build_table *t, struct ese_field *v, struct fault *f)
{
    v->separated = true;
    return put_long_value(t, 1, v->data, &v->lid, f);
}

static bool may_leave(const struct ese_field *v)
{
    return ese_coltype_is_long(v->column->type) && !v->null && !v->separated &&
           v->data.size > LID_SIZE;
}

/* Makes the record; while it is too long, the longest of its long values leaves it. */
static bool make_record(struct ese_build_table *t, unsigned values, size_t *size, struct fault *f)
{
    for (unsigned i = 0; i < values; i++)
        if (may_leave(&t->value[i]) && t->value[i].data.size > INTRINSIC_MOST &&
            !separate(t, &t->value[i], f))
            return false;
    for (;;) {
        struct fault why = {.code = FAULT_NONE};
        bool ok = ese_record_write(t->table, &t->build->format, t->value, values, t->record,
                                   BUILD_RECORD_ROOM, size, &why);
        if (ok && *size <= t->record_most)
            return true;
        struct ese_field *longest = NULL;
        for (unsigned i = 0; i < values; i++)
            if (may_leave(&t->value[i]) &&
                (longest == NULL || t->value[i].data.size > longest->data.size))
                longest = &t->value[i];
        if (longest == NULL)
            return fault_set(
                f, FAULT_LIMIT,
                "its record does not fit into a page: at most %zu bytes, without long values",
                t->record_most);
        if (!separate(t, longest, f))
            return false;
    }
}

/* ---- one row: its keys ---- */

/* The record to compute keys from: the row's own, or, when long values have left that, one that has
 * the beginnings of those that are indexed. */
static bool open_key_record(struct ese_build_table *t, unsigned values, size_t size,
                            struct ese_record *record, struct fault *f)
{
    bool whole = true;
    for (unsigned i = 0; i < values; i++)
        if (t->value[i].separated && t->indexed[t->value[i].column - t->table->column])
            whole = false;
    if (whole)
        return ese_record_open(record, t->table, bytes_of(t->record, size),
                               t->build->format.new_format, t->build->options.page_size, f);
    void *array = t->key_value;
    if (!array_reserve(&array, &t->key_value_room, values, sizeof *t->key_value))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a row");
    t->key_value = array;
    unsigned taken = 0;
    for (unsigned i = 0; i < values; i++) {
        struct ese_field v = t->value[i];
        if (!t->indexed[v.column - t->table->column])
            continue;
        if (v.separated && v.data.at == NULL)
            return fault_set(f, FAULT_UNSUPPORTED,
                             "column %s is indexed: its long values cannot be given by their id",
                             v.column->name);
        if (v.data.size > ESE_KEY_MOST)
            v.data.size = ESE_KEY_MOST;
        v.separated = false;
        t->key_value[taken++] = v;
    }
    const struct ese_record_format large = {.new_format = true};
    return ese_record_write(t->table, &large, t->key_value, taken, t->key_record, BUILD_RECORD_ROOM,
                            &size, f) &&
           ese_record_open(record, t->table, bytes_of(t->key_record, size), true, KEY_PAGE_SIZE, f);
}

static bool primary_key(struct ese_build_table *t, const struct ese_record *record,
                        struct bytes *key, uint8_t *room, struct fault *f)
{
    if (t->primary == NULL) {
        bytes_put_be32(room, t->row_number);
        *key = bytes_of(room, NO_PRIMARY_KEY_SIZE);
        return t->row_number < UINT32_MAX ||
               fault_set(f, FAULT_LIMIT, "too many rows for a table without a primary index");
    }
    ese_keys_of(t->primary, record);
    switch (ese_keys_next(t->primary, f)) {
    case ESE_KEY_OK:
        *key = ese_key_bytes(&t->primary->key);
        return true;
    case ESE_KEY_FAULT:
        return false;
    case ESE_KEY_NONE:
    case ESE_KEY_NOT_COMPUTABLE:
        break;
    }
    return fault_set(f, FAULT_UNSUPPORTED, "its primary key cannot be computed");
}

static bool index_row(struct ese_build_table *t, const struct ese_record *record, struct bytes key,
                      struct fault *f)
{
    for (unsigned i = 0; i < t->table->indexes; i++) {
        struct table_index *out = &t->index[i];
        if (out->sort == NULL)
            continue;
        ese_keys_of(out->keys, record);
        enum ese_key_result result;
        while ((result = ese_keys_next(out->keys, f)) == ESE_KEY_OK)
            if (!build_sort_add(out->sort, ese_key_bytes(&out->keys->key), key, f))
                return false;
        if (result == ESE_KEY_NOT_COMPUTABLE)
            fault_set(f, FAULT_UNSUPPORTED, "its key cannot be computed");
        if (result != ESE_KEY_NONE)
            return fault_context(f, "index %s", out->index->name);
    }
    return true;
}

static bool add_row(struct ese_build_table *t, const struct ese_build_value *value, unsigned values,
                    struct fault *f)
{
    unsigned taken = 0;
    size_t size;
    struct ese_record record;
    struct bytes key;
    uint8_t room[NO_PRIMARY_KEY_SIZE];
    bool same;
    if (!take_values(t, value, values, &taken, f) || !make_record(t, taken, &size, f) ||
        !open_key_record(t, taken, size, &record, f) || !primary_key(t, &record, &key, room, f))
        return false;
    if (!build_tree_add(&t->rows, key, bytes_of(t->record, size), &same, f)) {
        if (same)
            fault_set(f, FAULT_DAMAGED, "its primary key %s is that of the row before it",
                      hex_start(key, BUILD_KEY_SHOWN, (char[HEX_START_SIZE(BUILD_KEY_SHOWN)]){0}));
        return false;
    }
    return index_row(t, &record, key, f);
}

static bool row_context(const struct ese_build_table *t, struct fault *f)
{
    return fault_context(f, "table %s, row %" PRIu64, t->table->name, t->row_number);
}

bool ese_build_row(struct ese_build_table *t, const struct ese_build_value *value, unsigned values,
                   struct fault *f)
{
    t->row_number++;
    t->build->summary.rows++;
    if (add_row(t, value, values, f))
        return true;
    t->build->broken = true; /* long values of the row may be written already */
    return row_context(t, f);
}

/* ---- raw ---- */

static bool begin_raw(struct ese_build_table *t, const struct ese_table *schema,
                      const struct ese_build_node *row, unsigned rows, struct fault *f)
{
    struct ese_build *build = t->build;
    t->raw = true;
    t->table = schema;
    if (!build_catalog_raw(build, row, rows, f) || !begin_trees(t, f) ||
        !build_catalog_patch(build, schema->objid, ESE_OBJECT_TABLE, schema->objid,
                             t->rows.space.root, f))
        return false;
    ese_build_objid_least(build, schema->objid);
    for (unsigned i = 0; i < schema->indexes; i++) {
        const struct ese_index *index = &schema->index[i];
        uint32_t root = is_primary(index) ? t->rows.space.root : t->index[i].tree.space.root;
        if (!build_catalog_patch(build, schema->objid, ESE_OBJECT_INDEX, index->objid, root, f))
            return false;
        ese_build_objid_least(build, index->objid);
    }
    if (schema->long_value_objid == 0)
        return true;
    ese_build_objid_least(build, schema->long_value_objid);
    return begin_long_values(t, schema->long_value_objid, f) &&
           build_catalog_patch(build, schema->objid, ESE_OBJECT_LONG_VALUE,
                               schema->long_value_objid, t->long_values.space.root, f);
}

bool ese_build_raw_table_begin(struct ese_build *build, const struct ese_table *schema,
                               const struct ese_build_node *row, unsigned rows,
                               struct ese_build_table **table, struct fault *f)
{
    struct ese_build_table *t = new_table(build, f);
    if (t == NULL)
        return false;
    if (!begin_raw(t, schema, row, rows, f)) {
        fault_context(f, "table %s", schema->name);
        return drop_table(build, t);
    }
    t->open = true;
    *table = t;
    return true;
}

bool ese_build_raw_row(struct ese_build_table *t, struct bytes key, struct bytes record,
                       struct fault *f)
{
    t->row_number++;
    t->build->summary.rows++;
    return build_tree_add(&t->rows, key, record, NULL, f) || row_context(t, f);
}

/* Adds an entry to an index's tree.  An entry that is there already is one entry. */
static bool add_entry(struct ese_build_table *t, struct table_index *out, struct bytes key,
                      struct bytes data, struct fault *f)
{
    bool same;
    if (out->tree.nodes > 0 && bytes_equal(key, buffer_bytes(&out->last_key)) &&
        bytes_equal(data, buffer_bytes(&out->last_data)) && out->sort != NULL)
        return true;
    if (!build_tree_add(&out->tree, key, data, &same, f)) {
        char first[HEX_START_SIZE(BUILD_KEY_SHOWN)], second[HEX_START_SIZE(BUILD_KEY_SHOWN)],
            both[HEX_START_SIZE(BUILD_KEY_SHOWN)];
        if (same)
            fault_set(f, FAULT_DAMAGED,
                      "two rows have one key of this unique index: the rows with the primary keys "
                      "%s and %s, "
                      "index key %s",
                      hex_start(buffer_bytes(&out->last_data), BUILD_KEY_SHOWN, first),
                      hex_start(data, BUILD_KEY_SHOWN, second),
                      hex_start(key, BUILD_KEY_SHOWN, both));
        return fault_context(f, "table %s, index %s", t->table->name, out->index->name);
    }
    t->build->summary.index_entries++;
    return buffer_set(&out->last_key, key, f) && buffer_set(&out->last_data, data, f);
}

bool ese_build_raw_index_entry(struct ese_build_table *t, unsigned index, struct bytes key,
                               struct bytes data, struct fault *f)
{
    if (index >= t->table->indexes || t->index[index].primary || t->index[index].sort != NULL)
        return fault_set(f, FAULT_UNSUPPORTED, "table %s: index %u is not fed", t->table->name,
                         index);
    return add_entry(t, &t->index[index], key, data, f);
}

bool ese_build_raw_long_value_node(struct ese_build_table *t, struct bytes key, struct bytes data,
                                   struct fault *f)
{
    struct ese_lv_key parts = {.root = false};
    if (!t->has_long_values)
        return fault_set(f, FAULT_UNSUPPORTED, "table %s has no long values", t->table->name);
    if (ese_lv_key_read(key, &parts) && parts.root)
        t->build->summary.long_values++;
    return build_tree_add(&t->long_values, key, data, NULL, f) ||
           fault_context(f, "table %s, long value %" PRIu64, t->table->name, parts.lid);
}

bool ese_build_raw_root_header(struct ese_build_table *t, struct bytes header, struct fault *f)
{
    if (header.size <= BUILD_SPACE_HEADER_SIZE)
        return true;
    if (header.size > ROOT_HEADER_MOST)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "table %s: the root page's external header has %zu bytes, expected at most %u",
            t->table->name, header.size, ROOT_HEADER_MOST);
    memcpy(t->rows.external, header.at, header.size);
    t->rows.root_external = (uint32_t)header.size;
    return true;
}

void ese_build_allow_duplicates(struct ese_build_table *t)
{
    t->rows.allow_same = true;
    for (unsigned i = 0; i < t->table->indexes; i++)
        t->index[i].tree.allow_same = true;
}

/* ---- end ---- */

static bool end_index(struct ese_build_table *t, struct table_index *out, struct fault *f)
{
    if (out->primary)
        return true;
    struct bytes key, data;
    bool more = out->sort != NULL;
    while (more) {
        if (!build_sort_next(out->sort, &key, &data, &more, f))
            return false;
        if (more && !add_entry(t, out, key, data, f))
            return false;
    }
    build_sort_close(out->sort);
    out->sort = NULL;
    return build_tree_end(&out->tree, f);
}

static bool end_table(struct ese_build_table *t, struct fault *f)
{
    if (t->declared != t->found) {
        fault_set(f, FAULT_DAMAGED,
                  "the rows do not refer to its shared long values as often as declared");
        return fault_context(f, "table %s", t->table->name);
    }
    if (t->has_long_values && !build_tree_end(&t->long_values, f))
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (!end_index(t, &t->index[i], f))
            return false;
    return build_tree_end(&t->rows, f) && (t->raw || build_catalog_table(t->build, t->table, f));
}

bool ese_build_table_end(struct ese_build_table *t, struct fault *f)
{
    bool ok = end_table(t, f);
    if (!ok)
        t->build->broken = true;
    release(t);
    return ok;
}
