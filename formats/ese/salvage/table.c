/* One table, from evidence to trees: see salvage.h. */
#include "formats/ese/salvage/parts.h"

#include <strings.h>

/* ---- what a table needs at hand ---- */

static struct ese_keys *open_keys(struct salvage_table *t, const struct ese_index *index,
                                  struct fault *f)
{
    struct ese_keys *keys = malloc(sizeof *keys);
    if (keys == NULL) {
        fault_no_memory(f, "an index");
        return NULL;
    }
    if (ese_keys_open(keys, t->scratch, t->s->pages, t->table, index, f)) {
        keys->count_only = !ese_index_computable(t->table, index);
        return keys;
    }
    free(keys);
    return NULL;
}

/* Is it over a column whose values can have another size than its type, or allows no cut keys? */
static bool is_picky(const struct ese_table *table, const struct ese_index *index)
{
    for (unsigned i = 0; i < index->segments; i++) {
        const struct ese_column *column = ese_table_segment_column(table, &index->segment[i]);
        if (column && column->id > ESE_FIXED_LAST && ese_coltype_size(column->type) != 0)
            return true;
    }
    return index->flags & ESE_INDEX_DISALLOW_TRUNCATION;
}

static bool open_index(struct salvage_table *t, unsigned i, struct fault *f)
{
    const struct ese_index *index = &t->table->index[i];
    struct fault why = {.code = FAULT_NONE};
    struct ese_keys *keys = open_keys(t, index, &why);
    if (keys == NULL && why.code == FAULT_NO_MEMORY) {
        *f = why;
        return false;
    }
    if (ese_index_is_primary(index)) {
        if (keys && keys->count_only) {
            free(keys);
            keys = NULL;
        }
        t->primary = keys;
        return true;
    }
    t->keys[i] = keys;
    t->picky = t->picky || is_picky(t->table, index);
    return build_sort_open(&t->entry[i], f) && build_sort_open(&t->late[i], f);
}

static bool open_table(struct salvage_table *t, struct fault *f)
{
    unsigned indexes = t->table->indexes;
    t->scratch = malloc(sizeof *t->scratch);
    t->keys = calloc(indexes + 1u, sizeof *t->keys);
    t->uncomputed = calloc(indexes + 1u, sizeof *t->uncomputed);
    t->entry = calloc(indexes + 1u, sizeof *t->entry);
    t->late = calloc(indexes + 1u, sizeof *t->late);
    if (t->scratch == NULL || t->keys == NULL || t->entry == NULL || t->late == NULL ||
        t->uncomputed == NULL)
        return fault_no_memory(f, "a table");
    ese_record_limits_of(&t->limits, t->table);
    if (!salvage_columns_open(t, f))
        return false;
    for (unsigned i = 0; i < t->table->columns; i++)
        if (t->table->column[i].flags & ESE_COLUMN_AUTO_INCREMENT)
            t->counter = &t->table->column[i];
    if (!build_sort_open(&t->lids, f) || !build_sort_open(&t->stray, f))
        return false;
    for (unsigned i = 0; i < indexes; i++)
        if (!open_index(t, i, f))
            return false;
    return true;
}

static void close_table(struct salvage_table *t)
{
    for (unsigned i = 0; i < t->table->indexes; i++) {
        if (t->keys)
            free(t->keys[i]);
        if (t->entry)
            build_sort_close(t->entry[i]);
        if (t->late)
            build_sort_close(t->late[i]);
    }
    free(t->keys);
    free(t->entry);
    free(t->late);
    free(t->uncomputed);
    free(t->primary);
    free(t->scratch);
    build_sort_close(t->lids);
    build_sort_close(t->stray);
    salvage_walk_close(&t->rows);
    salvage_marks_close(&t->marks);
    salvage_marks_close(&t->unwritten);
    salvage_columns_close(t);
    free(t->gone);
}

/* ---- the root's header ---- */

enum {
    REVISION_AUTO_INCREMENT = 0x1e, /* from here on the next value stands in the root's header */
    FIELDS_WITH_COUNTER = 0x3,
    COUNTER_AT = 1 + ESE_SPACE_HEADER_SIZE,
    HEADER_WITH_COUNTER = COUNTER_AT + 8,
    HEADER_MOST = BUILD_SPACE_HEADER_SIZE + 65, /* what the builder takes */
};

/* What stands in the header of a good root; *size 0: there is none, or nothing besides space, or
 * what this revision of the format does not have. */
static bool read_root_header(struct salvage_table *t, uint8_t *to, size_t *size, struct fault *f)
{
    struct ese_salvage *s = t->s;
    size_t first, count;
    *size = 0;
    salvage_pages_of(s, t->table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct ese_page *page;
        if (s->page[i].number != t->table->root || s->page[i].trust > SALVAGE_MOVED ||
            !(s->page[i].flags & ESE_PAGE_ROOT))
            continue;
        if (!salvage_get(s, &s->page[i], &page, f))
            return false;
        struct bytes header = ese_page_external_header(page);
        struct ese_space space;
        if (header.size > ESE_SPACE_HEADER_SIZE && header.size <= HEADER_MOST &&
            s->scan.revision >= REVISION_AUTO_INCREMENT && ese_space_read(page, &space, NULL)) {
            memcpy(to, header.at, header.size);
            *size = header.size;
        }
        ese_pages_put(s->pages, page);
        return true;
    }
    return true;
}

/* The next auto-increment value: as it was, but above every one that was seen, lest that of a lost
 * row is given out again.  Where it was never stored, the engine reckons it from the rows. */
static bool put_root_header(struct salvage_table *t, struct fault *f)
{
    uint8_t header[HEADER_MOST] = {0};
    size_t size;
    uint64_t counter = 0;
    if (t->to == NULL)
        return true;
    if (!read_root_header(t, header, &size, f))
        return false;
    if (size == 0 && t->counter && t->counter_seen > 0 &&
        t->s->scan.revision >= REVISION_AUTO_INCREMENT) {
        header[0] = FIELDS_WITH_COUNTER;
        size = HEADER_WITH_COUNTER;
    }
    if (size >= HEADER_WITH_COUNTER && (header[0] & FIELDS_WITH_COUNTER) == FIELDS_WITH_COUNTER) {
        bytes_le64(bytes_of(header, size), COUNTER_AT, &counter);
        if (counter < t->counter_seen)
            bytes_put_le64(header + COUNTER_AT, t->counter_seen);
    }
    return size == 0 || ese_build_raw_root_header(t->to, bytes_of(header, size), f);
}

/* Their rows count pages of the source. */
static bool is_cache(const struct ese_table *table)
{
    return strcasecmp(table->name, "MSysExtentPageCountCache") == 0;
}

/* ---- the steps ---- */

/* Do indexes or long values have anything to say of the rows? */
static bool has_witnesses(const struct salvage_table *t)
{
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (t->keys[i])
            return true;
    return t->table->long_value_objid != 0;
}

static bool gather(struct salvage_table *t, struct fault *f)
{
    if (!salvage_reach(t->s, t->table->objid, t->table->root, f))
        return false;
    t->refers = !has_witnesses(t); /* then no row was looked at */
    if (!t->refers && (!salvage_rows_evidence(t, f) || !salvage_values_check(t, f)))
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (t->keys[i] && !salvage_index_evidence(t, i, f))
            return fault_context(f, "index %s", t->table->index[i].name);
    salvage_ends_settle(t);
    salvage_marks_sort(&t->marks);
    return salvage_strays_evidence(t, f) && salvage_settle_rows(t, f);
}

static bool write_table(struct salvage_table *t, struct fault *f)
{
    if (!salvage_rows_write(t, f) || !salvage_values_write(t, f))
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (t->keys[i] && !salvage_index_write(t, i, f))
            return fault_context(f, "index %s", t->table->index[i].name);
    return salvage_lost_pages(t->s, t->table, t->sum, f) && salvage_tell_referrers(t, f);
}

bool salvage_one_table(struct ese_salvage *s, const struct ese_table *table,
                       const struct ese_build_node *row, unsigned rows,
                       struct ese_salvage_table *sum, struct fault *f)
{
    struct salvage_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return fault_no_memory(f, "a table");
    t->s = s;
    t->table = table;
    t->sum = sum;
    t->of_other = salvage_is_of_other(s, table);
    bool ok = open_table(t, f);
    if (ok && s->build) {
        ok = ese_build_raw_table_begin(s->build, table, row, rows, &t->to, f);
        if (ok)
            ese_build_allow_duplicates(t->to);
    }
    if (ok && !is_cache(table))
        ok = gather(t, f) && write_table(t, f);
    ok = ok && salvage_tell_definition(t, f) && put_root_header(t, f);
    if (ok && t->to)
        ok = ese_build_table_end(t->to, f);
    close_table(t);
    free(t);
    return ok || fault_context(f, "table %s", table->name);
}
