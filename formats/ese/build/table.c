/*
 * One table: begun with its trees, fed with rows (table_row.c) or with nodes as they are, ended
 * with its indexes.
 *
 * Source: the published engine, inc/rec.hxx (longest record).
 */
#include "formats/ese/build/table_parts.h"

#include "formats/hex.h"

#include <inttypes.h>
#include <string.h>

enum { ROOT_HEADER_MOST = BUILD_SPACE_HEADER_SIZE + 65 };

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
    if (t->start)
        build_space_forget(&t->start->space);
    free(t->start);
    t->start = NULL;
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
    struct ese_build_table *t = calloc(1, sizeof *t);
    if (t == NULL || !array_reserve(&build->table, &build->table_room, build->tables + 1,
                                    sizeof *build->table)) {
        free(t);
        fault_no_memory(f, "a table");
        return NULL;
    }
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
        if (!t->raw && t->table && ese_table_is(t->table, name))
            return t->table;
    }
    return NULL;
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
        return fault_no_memory(f, "a table");
    if (!build_space_begin(&t->rows.space, build, &build->root, f) ||
        !build_tree_begin(&t->rows, build, t->table->objid, 0, true, f))
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++) {
        struct table_index *out = &t->index[i];
        out->index = &t->table->index[i];
        out->primary = ese_index_is_primary(out->index);
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
        index->objid = ese_index_is_primary(index) ? t->own->objid : build_objid_next(build);
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
        fault_no_memory(f, "an index");
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
        if (ese_index_is_primary(&t->table->index[i]))
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
        return fault_no_memory(f, "a table");
    if (!give_objids(t, f) || !begin_trees(t, f) || !begin_indexes(t, fed, f))
        return false;
    t->own->root = t->rows.space.root;
    for (unsigned i = 0; i < t->own->indexes; i++)
        t->own->index[i].root =
            ese_index_is_primary(&t->own->index[i]) ? t->own->root : t->index[i].tree.space.root;
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
        uint32_t root =
            ese_index_is_primary(index) ? t->rows.space.root : t->index[i].tree.space.root;
        if (!build_catalog_patch(build, schema->objid, ESE_OBJECT_INDEX, index->objid, root, f))
            return false;
        ese_build_objid_least(build, index->objid);
    }
    if (schema->long_value_objid == 0)
        return true;
    ese_build_objid_least(build, schema->long_value_objid);
    return table_begin_long_values(t, schema->long_value_objid, f) &&
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
    return build_tree_add(&t->rows, key, record, NULL, f) || table_row_context(t, f);
}

bool ese_build_raw_try(struct ese_build_table *t, struct fault *f)
{
    t->start = calloc(1, sizeof *t->start);
    if (t->start == NULL)
        return fault_no_memory(f, "a table");
    t->start->dbtime = t->build->dbtime;
    t->start->summary = t->build->summary;
    return build_space_remember(&t->rows.space, &t->start->space, f);
}

/* Makes a tree empty; its space is as it is. */
static bool begin_again(struct build_tree *tree, struct fault *f)
{
    struct build_tree old = *tree;
    tree->space = (struct build_space){.root = 0};
    build_tree_close(tree);
    tree->space = old.space;
    tree->allow_same = old.allow_same;
    return build_tree_begin(tree, old.build, old.objid, old.flags, old.unique, f);
}

bool ese_build_raw_again(struct ese_build_table *t, struct fault *f)
{
    for (unsigned i = 0; i < t->table->indexes; i++) {
        struct build_tree *tree = &t->index[i].tree;
        if (t->index[i].primary)
            continue;
        build_space_restart(&tree->space);
        if (!begin_again(tree, f))
            return false;
    }
    t->build->dbtime = t->start->dbtime;
    t->build->summary = t->start->summary;
    t->row_number = 0;
    return build_space_go_back(&t->rows.space, &t->start->space, f) && begin_again(&t->rows, f);
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
