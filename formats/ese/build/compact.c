/* Compaction: see compact.h. */
#include "formats/ese/build/compact_parts.h"

#include "formats/array.h"
#include "formats/ese/read/longvalue.h"
#include "formats/ese/layout/record_change.h"
#include "formats/outfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    LV_ROOT_REFERENCES_AT = 0,
    LV_ROOT_MOST = 16,
};

/* ---- progress ---- */

bool compact_step(struct compact *c, const struct ese_cursor *cursor, struct fault *f)
{
    if (cursor->leaf->number == c->last_leaf)
        return true;
    c->last_leaf = cursor->leaf->number;
    /* A parent that is older than the page leads to rows that were deleted. */
    if (cursor->leaf->flags & ESE_PAGE_EMPTY)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u has nodes and is flagged as empty: its parent page is older",
                         cursor->leaf->number);
    if (c->pages_done < c->result->source_pages)
        c->pages_done++;
    if (c->options->progress)
        c->options->progress(c->options->context, c->pages_done, c->result->source_pages);
    if (c->options->stop && *c->options->stop) {
        c->result->interrupted = true;
        return fault_set(f, FAULT_IO, "interrupted");
    }
    return true;
}

bool compact_next(struct compact *c, struct ese_cursor *cursor, bool *ok, struct fault *f)
{
    enum ese_step step = *ok ? ese_cursor_next(cursor, f) : ESE_STEP_END;
    *ok = *ok && step != ESE_STEP_FAULT && (step == ESE_STEP_END || compact_step(c, cursor, f));
    return *ok && step == ESE_STEP_NODE;
}

/* ---- the catalog ---- */

/* The table of an object id.  *at: where it was found the last time; tables are asked for in the
 * order in which the catalog has them. */
static const struct ese_table *table_of(const struct ese_catalog *catalog, uint32_t objid,
                                        unsigned *at)
{
    unsigned tables = ese_catalog_tables(catalog);
    for (unsigned i = 0; i < tables; i++) {
        unsigned place = (*at + i) % tables;
        if (ese_catalog_table(catalog, place)->objid != objid)
            continue;
        *at = place;
        return ese_catalog_table(catalog, place);
    }
    return NULL;
}

/* All rows of the source's catalog; the bytes are copies. */
struct catalog_rows {
    struct ese_build_node *row;
    uint32_t *table;
    size_t rows, row_room, table_room;
    struct arena memory;
};

static void close_rows(struct catalog_rows *rows)
{
    arena_free(&rows->memory);
    free(rows->row);
    free(rows->table);
}

static bool reserve_row(struct catalog_rows *rows, struct fault *f)
{
    return (array_reserve(&rows->row, &rows->row_room, rows->rows + 1, sizeof *rows->row) &&
            array_reserve(&rows->table, &rows->table_room, rows->rows + 1, sizeof *rows->table)) ||
           fault_no_memory(f, "the catalog");
}

static bool keep_row(struct catalog_rows *rows, const struct ese_cursor *cursor, struct bytes data,
                     struct fault *f)
{
    uint32_t table;
    if (!bytes_le32(data, ESE_CATALOG_OBJID_TABLE_AT, &table))
        return fault_set(f, FAULT_DAMAGED, "page %u: a catalog row of %zu bytes",
                         cursor->leaf->number, data.size);
    /* The copy's rows lie in the order of their keys: where the source's do not, one could come
     * before the table that it belongs to. */
    if (rows->rows > 0 && bytes_compare(rows->row[rows->rows - 1].key, cursor->key) >= 0)
        return fault_set(f, FAULT_DAMAGED, "page %u tag %u: its key is not above the one before",
                         cursor->leaf->number, cursor->index + cursor->leaf->reserved);
    if (!reserve_row(rows, f))
        return false;
    const uint8_t *key = arena_copy(&rows->memory, cursor->key),
                  *record = arena_copy(&rows->memory, data);
    if (key == NULL || record == NULL)
        return fault_no_memory(f, "the catalog");
    rows->table[rows->rows] = table;
    rows->row[rows->rows++] =
        (struct ese_build_node){bytes_of(key, cursor->key.size), bytes_of(record, data.size)};
    return true;
}

/* ---- one tree ---- */

/* A record is carried as it is when it has the format that the revision's pages say they have.  An
 * engine that took up an older database converts each page when it writes it: there are records in
 * the old format, too, and they are converted here. */
bool compact_record(struct compact *c, const struct ese_table *table,
                    const struct ese_cursor *cursor, struct bytes *data, struct fault *f)
{
    struct ese_record record;
    size_t size;
    bool wanted = c->db->headers.header.revision >= ESE_REVISION_ESE98;
    bool has = cursor->leaf->flags & ESE_PAGE_NEW_RECORD_FORMAT;
    *data = cursor->data;
    if (wanted == has)
        return true;
    if (has)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "page %u has records in the new format, in a database of revision 0x%x",
                         cursor->leaf->number, c->db->headers.header.revision);
    if (!ese_record_on_page(&record, table, cursor->leaf, cursor->data, f) ||
        !ese_record_modernise(&record, c->converted, sizeof c->converted, &size, f))
        return fault_context(f, "page %u tag %u", cursor->leaf->number,
                             cursor->index + cursor->leaf->reserved);
    *data = bytes_of(c->converted, size);
    return true;
}

static bool read_catalog_rows(struct compact *c, struct catalog_rows *rows, struct fault *f)
{
    struct ese_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL)
        return fault_no_memory(f, "the catalog");
    unsigned at = 0;
    const struct ese_table *catalog = table_of(c->db->catalog, ESE_OBJID_CATALOG, &at);
    if (catalog == NULL)
        catalog = ese_catalog_own_table();
    struct bytes data;
    ese_cursor_open(cursor, c->db->pages, ESE_PGNO_CATALOG, ESE_OBJID_CATALOG);
    cursor->reached = standing_reached(c->standing);
    bool ok = true;
    while (compact_next(c, cursor, &ok, f))
        ok = compact_record(c, catalog, cursor, &data, f) && keep_row(rows, cursor, data, f);
    ese_cursor_close(cursor);
    free(cursor);
    return ok || fault_context(f, "the catalog");
}

/* What a table's copy needs at hand. */
struct table_copy {
    struct compact *c;
    const struct ese_table *table;
    struct ese_build_table *to;
    struct ese_cursor cursor;
    struct drops drops;
    struct row_filter *rows; /* NULL: the table has no secondary index */
    struct whole *whole;
    uint8_t last_key[ESE_KEY_ROOM], last_data[ESE_KEY_ROOM]; /* data: of index entries only */
    size_t last_key_size, last_data_size;
    uint32_t last_page; /* where the row before stands */
    unsigned last_tag;
    uint64_t dropped_lid; /* long values: the one whose chunks are being passed over */
};

static bool copy_long_value_node(struct table_copy *t, struct fault *f)
{
    const struct ese_cursor *cursor = &t->cursor;
    struct ese_lv_key key;
    struct ese_lv_root root;
    if (!whole_node(t->whole, cursor, f) || !ese_lv_key_read(cursor->key, &key))
        return false;
    if (!key.root) {
        if (t->dropped_lid == key.lid)
            return true;
        return ese_build_raw_long_value_node(t->to, cursor->key, cursor->data, f);
    }
    uint32_t gone = drops_references(&t->drops, key.lid);
    if (gone == 0)
        return ese_build_raw_long_value_node(t->to, cursor->key, cursor->data, f);
    uint8_t data[LV_ROOT_MOST];
    if (!ese_lv_root_read(cursor->data, &root) || cursor->data.size > sizeof data)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: long value %" PRIu64 " has a root of %zu bytes",
                         cursor->leaf->number, key.lid, cursor->data.size);
    if (root.references <= gone) {
        t->dropped_lid = key.lid;
        return true;
    }
    memcpy(data, cursor->data.at, cursor->data.size);
    bytes_put_le32(data + LV_ROOT_REFERENCES_AT, root.references - gone);
    return ese_build_raw_long_value_node(t->to, cursor->key, bytes_of(data, cursor->data.size), f);
}

static bool same_primary_key(struct table_copy *t, struct fault *f)
{
    const struct ese_cursor *cursor = &t->cursor;
    t->c->result->duplicate = true;
    return fault_set(
        f, FAULT_DAMAGED, "two rows have one primary key: page %u tag %u and page %u tag %u",
        t->last_page, t->last_tag, cursor->leaf->number, cursor->index + cursor->leaf->reserved);
}

static bool copy_row(struct table_copy *t, struct fault *f)
{
    struct ese_cursor *cursor = &t->cursor;
    struct bytes data;
    if (!whole_row(t->whole, cursor, f))
        return false;
    if (t->rows)
        row_filter_add(t->rows, cursor->key);
    if (t->last_key_size > 0 && bytes_equal(cursor->key, bytes_of(t->last_key, t->last_key_size)))
        return t->c->options->keep_first || same_primary_key(t, f);
    memcpy(t->last_key, cursor->key.at, cursor->key.size);
    t->last_key_size = cursor->key.size;
    t->last_page = cursor->leaf->number;
    t->last_tag = cursor->index + cursor->leaf->reserved;
    if (byte_list_has(&t->drops.rows, cursor->key))
        return true;
    return compact_record(t->c, t->table, cursor, &data, f) &&
           ese_build_raw_row(t->to, cursor->key, data, f);
}

/* An entry for a row that the table does not have. */
static void drop_dangling(struct table_copy *t, unsigned index)
{
    char text[300];
    const struct ese_cursor *cursor = &t->cursor;
    t->c->result->dropped_entries++;
    snprintf(text, sizeof text,
             "table %s, index %s: dropped an entry for a row that does not exist (page %u tag %u)",
             t->table->name, t->table->index[index].name, cursor->leaf->number,
             cursor->index + cursor->leaf->reserved);
    if (t->c->options->dropped)
        t->c->options->dropped(t->c->options->context, text);
}

/* An entry whose row is not copied, or that two rows with one primary key have both. */
static bool is_dropped(struct table_copy *t, unsigned index, bool *dropped, struct fault *f)
{
    const struct ese_cursor *cursor = &t->cursor;
    *dropped = byte_list_has(&t->drops.rows, cursor->data);
    if (*dropped || !t->c->options->keep_first)
        return true;
    *dropped = bytes_equal(cursor->key, bytes_of(t->last_key, t->last_key_size)) &&
               bytes_equal(cursor->data, bytes_of(t->last_data, t->last_data_size));
    if (*dropped || t->drops.entries.count == 0)
        return true;
    return drops_has_entry(&t->drops, index, cursor->key, cursor->data, dropped, f);
}

static bool copy_entry(struct table_copy *t, unsigned index, struct fault *f)
{
    const struct ese_cursor *cursor = &t->cursor;
    bool dropped;
    if (cursor->data.size > sizeof t->last_data)
        return fault_set(f, FAULT_DAMAGED, "page %u: an index entry with data of %zu bytes",
                         cursor->leaf->number, cursor->data.size);
    if (!row_filter_may_have(t->rows, cursor->data)) {
        drop_dangling(t, index);
        return true;
    }
    if (!is_dropped(t, index, &dropped, f))
        return false;
    if (dropped)
        return true;
    if (!ese_build_raw_index_entry(t->to, index, cursor->key, cursor->data, f)) {
        if ((t->table->index[index].flags & ESE_INDEX_UNIQUE) &&
            bytes_equal(cursor->key, bytes_of(t->last_key, t->last_key_size)))
            t->c->result->duplicate = true;
        return false;
    }
    memcpy(t->last_key, cursor->key.at, cursor->key.size);
    memcpy(t->last_data, cursor->data.at, cursor->data.size);
    t->last_key_size = cursor->key.size;
    t->last_data_size = cursor->data.size;
    return true;
}

/* Walks one tree and hands every node on. */
static bool copy_tree(struct table_copy *t, uint32_t root, uint32_t objid, int index,
                      bool (*copy)(struct table_copy *, struct fault *), struct fault *f)
{
    bool ok = true;
    t->last_key_size = t->last_data_size = 0;
    t->dropped_lid = 0;
    ese_cursor_open(&t->cursor, t->c->db->pages, root, objid);
    t->cursor.reached = standing_reached(t->c->standing);
    while (compact_next(t->c, &t->cursor, &ok, f))
        ok = copy ? copy(t, f) : copy_entry(t, (unsigned)index, f);
    ese_cursor_close(&t->cursor);
    return ok;
}

/* ---- one table ---- */

static bool carry_root_header(struct table_copy *t, struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(t->c->db->pages, t->table->root, &page, f))
        return false;
    bool ok = ese_build_raw_root_header(t->to, ese_page_external_header(page), f);
    ese_pages_put(t->c->db->pages, page);
    return ok;
}

static bool copy_trees(struct table_copy *t, struct fault *f)
{
    const struct ese_table *table = t->table;
    if (table->long_value_root != 0 &&
        (!copy_tree(t, table->long_value_root, table->long_value_objid, 0, copy_long_value_node,
                    f) ||
         !whole_end(t->whole, f)))
        return fault_context(f, "table %s, long values", table->name);
    if (!copy_tree(t, table->root, table->objid, 0, copy_row, f))
        return fault_context(f, "table %s", table->name);
    for (unsigned i = 0; i < table->indexes; i++) {
        const struct ese_index *index = &table->index[i];
        if (ese_index_is_primary(index))
            continue;
        if (!copy_tree(t, index->root, index->objid, (int)i, NULL, f))
            return fault_context(f, "table %s, index %s", table->name, index->name);
    }
    return true;
}

/* Their rows count pages of the source. */
bool compact_leaves_behind(const struct ese_table *table)
{
    return strcasecmp(table->name, "MSysExtentPageCountCache") == 0;
}

static bool has_secondary_index(const struct ese_table *table)
{
    for (unsigned i = 0; i < table->indexes; i++)
        if (!ese_index_is_primary(&table->index[i]))
            return true;
    return false;
}

static bool copy_table(struct compact *c, const struct ese_table *table,
                       const struct ese_build_node *row, unsigned rows, struct fault *f)
{
    struct table_copy *t = calloc(1, sizeof *t);
    if (t == NULL)
        return fault_no_memory(f, "a table");
    t->c = c;
    t->table = table;
    t->whole = whole_open(c, table, f);
    bool ok = t->whole != NULL;
    if (ok && has_secondary_index(table)) {
        t->rows = row_filter_open(ese_file_size(c->db->file), f);
        ok = t->rows != NULL;
    }
    ok = ok && ese_build_raw_table_begin(c->build, table, row, rows, &t->to, f);
    if (ok) {
        ok = carry_root_header(t, f);
        if (ok && !compact_leaves_behind(table))
            ok =
                (!c->options->keep_first || drops_find(c, table, &t->drops, f)) && copy_trees(t, f);
        if (ok)
            ok = ese_build_table_end(t->to, f);
        c->result->dropped_rows += t->drops.rows.count;
    }
    row_filter_close(t->rows);
    whole_close(t->whole);
    drops_close(&t->drops);
    free(t);
    return ok;
}

/* ---- the database ---- */

static unsigned rows_of_one(const struct catalog_rows *rows, size_t first)
{
    size_t end = first;
    while (end < rows->rows && rows->table[end] == rows->table[first])
        end++;
    return (unsigned)(end - first);
}

static bool copy_tables(struct compact *c, const struct catalog_rows *rows, struct fault *f)
{
    unsigned at = 0;
    for (size_t i = 0; i < rows->rows; i += rows_of_one(rows, i)) {
        unsigned count = rows_of_one(rows, i);
        uint32_t objid = rows->table[i];
        if (ese_objid_is_catalog(objid)) {
            const struct ese_table *system = table_of(c->db->catalog, objid, &at);
            if (system && system->long_value_root != 0)
                return fault_set(f, FAULT_UNSUPPORTED, "%s has long values of its own",
                                 system->name);
            if (!ese_build_raw_system_rows(c->build, &rows->row[i], count, f))
                return false;
            continue;
        }
        const struct ese_table *table = table_of(c->db->catalog, objid, &at);
        if (table == NULL)
            return fault_set(f, FAULT_DAMAGED,
                             "the catalog has rows of table object %u, but no such table", objid);
        if (!copy_table(c, table, &rows->row[i], count, f))
            return false;
    }
    return true;
}

static uint32_t new_signature(const struct ese_compact_options *options, const struct ese_header *h)
{
    uint32_t signature =
        options->signature ? options->signature : h->signature.random * 0x9e3779b1u + 0x85ebca77u;
    return signature ? signature : 1;
}

static struct ese_build_options build_options(const struct compact *c, int descriptor)
{
    enum { LEAST_PAGES = 30 }; /* what /d starts with (CpgDBDatabaseMinMin); it grows from there */
    const struct ese_header *h = &c->db->headers.header;
    static const struct ese_time never;
    bool given = memcmp(&c->options->time, &never, sizeof never) != 0;
    return (struct ese_build_options){
        .descriptor = descriptor,
        .revision = h->revision,
        .page_size = h->page_size,
        .any_revision = c->options->any_revision,
        .time = given ? c->options->time : h->consistent,
        .signature = new_signature(c->options, h),
        .least_pages = h->page_size <= 2048 ? LEAST_PAGES + 1 : LEAST_PAGES,
        .source_header = bytes_of(c->db->headers.raw, h->page_size),
    };
}

bool compact_source_fits(const struct ese_db *db, struct fault *f)
{
    const struct ese_header *h = &db->headers.header;
    if (h->state != ESE_STATE_CLEAN_SHUTDOWN)
        return fault_set(
            f, FAULT_DAMAGED,
            "state %s, expected %s: the file lacks what its transaction logs hold; replay them "
            "with the engine first (eseutil /r)",
            ese_state_name(h->state), ese_state_name(ESE_STATE_CLEAN_SHUTDOWN));
    if (db->catalog_is_shadow)
        return fault_set(
            f, FAULT_DAMAGED,
            "the catalog cannot be read, only its shadow: a compacted copy could lack tables");
    if (db->catalog_damaged)
        return fault_set(f, FAULT_DAMAGED,
                         "rows of the catalog cannot be read: a compacted copy could lack what "
                         "they describe");
    return true;
}

bool ese_compact(struct ese_db *db, int descriptor, const struct ese_compact_options *options,
                 struct ese_compact_result *result, struct fault *f)
{
    *result = (struct ese_compact_result){.source_pages = ese_pages_last(db->pages)};
    struct compact c = {.db = db, .options = options, .result = result};
    struct catalog_rows rows = {.row = NULL};
    struct ese_build_options build = build_options(&c, descriptor);
    if (!compact_source_fits(db, f) || (c.standing = standing_open(&c, f)) == NULL)
        return false;
    bool ok = ese_build_start(&build, &c.build, f);
    if (ok) {
        ese_build_objid_least(c.build, db->headers.header.objid_last);
        ok = read_catalog_rows(&c, &rows, f) && copy_tables(&c, &rows, f) &&
             standing_judge(c.standing, f);
        if (ok)
            ok = ese_build_finish(c.build, &result->built, f);
        else
            ese_build_abandon(c.build);
    }
    close_rows(&rows);
    standing_close(c.standing);
    return ok;
}

bool ese_compact_to(struct ese_db *db, const char *target, bool force,
                    const struct ese_compact_options *options, struct ese_compact_result *result,
                    struct fault *f)
{
    struct outfile *out;
    *result = (struct ese_compact_result){.source_pages = 0};
    if (!compact_source_fits(db, f) ||
        !outfile_create(target, ese_file_named_descriptor(db->file), force, &out, f))
        return false;
    bool ok =
        ese_compact(db, outfile_descriptor(out), options, result, f) && outfile_commit(out, f);
    outfile_discard(out);
    return ok;
}
