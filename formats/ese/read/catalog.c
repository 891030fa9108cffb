/*
 * Reading the catalog: see catalog.h.
 *
 * MSysObjects is a table like any other, but for its own layout, which every engine has built in.
 * Its rows come in the order (table's object id, kind, id): first a table, then its columns,
 * indexes and long-value tree.
 */
#include "formats/ese/read/catalog.h"

#include "formats/arena.h"
#include "formats/ese/layout/record.h"
#include "formats/ese/read/catalog_templates.h"
#include "formats/ese/read/cursor.h"

#include <stdlib.h>
#include <strings.h>

enum { NAME_MOST = 64 };

struct ese_catalog {
    struct ese_table *table;
    unsigned tables;
    struct arena arena;
    ese_catalog_damage_fn *damage;
    void *context;
};

/* ---- memory ---- */

/* Room for one more element of an array that grows by doubling, from one on: a catalog may have
 * many tables, and most have few columns and indexes. */
static void *grow(void *array, unsigned count, size_t size)
{
    if (count & (count - 1) || count == 1)
        return count == 1 ? realloc(array, 2 * size) : array;
    return realloc(array, (count ? (size_t)count * 2 : 1) * size);
}

/* ---- one catalog row ---- */

struct own_row {
    struct ese_record record;
    uint32_t table, type, id, coltype_or_root, space, flags, pages_or_locale;
    struct bytes name;
};

static struct bytes own_bytes(const struct own_row *row, enum ese_msys_column which)
{
    struct ese_value value;
    if (!ese_record_value(&row->record, ese_catalog_own_column(which), &value, NULL) ||
        value.kind != ESE_VALUE_PLAIN)
        return (struct bytes){.at = NULL};
    return value.data;
}

static uint32_t own_number(const struct own_row *row, enum ese_msys_column which)
{
    struct bytes b = own_bytes(row, which);
    return (uint32_t)bytes_number(b);
}

static bool read_row(struct own_row *row, struct bytes data, bool new_format, size_t page_size,
                     struct fault *f)
{
    if (!ese_record_open(&row->record, ese_catalog_own_table(), data, new_format, page_size, f))
        return false;
    row->table = own_number(row, MSYS_OBJID_TABLE);
    row->type = own_number(row, MSYS_TYPE);
    row->id = own_number(row, MSYS_ID);
    row->coltype_or_root = own_number(row, MSYS_COLTYPE_OR_ROOT);
    row->space = own_number(row, MSYS_SPACE_USAGE);
    row->flags = own_number(row, MSYS_FLAGS);
    row->pages_or_locale = own_number(row, MSYS_PAGES_OR_LOCALE);
    row->name = own_bytes(row, MSYS_NAME);
    if (row->name.size == 0 || row->name.size > NAME_MOST)
        return fault_set(f, FAULT_DAMAGED, "a name of %zu bytes, expected 1 to %u", row->name.size,
                         NAME_MOST);
    return true;
}

static bool add_table(struct ese_catalog *cat, const struct own_row *row, struct fault *f)
{
    struct ese_table *grown = grow(cat->table, cat->tables, sizeof *grown);
    if (grown == NULL)
        return fault_no_memory(f, "the catalog");
    cat->table = grown;
    struct ese_table *table = &cat->table[cat->tables++];
    struct bytes parent = own_bytes(row, MSYS_TEMPLATE_TABLE);
    *table = (struct ese_table){
        .objid = row->table,
        .root = row->coltype_or_root,
        .flags = row->flags,
        .name = arena_copy(&cat->arena, row->name),
        .template_name = parent.size ? arena_copy(&cat->arena, parent) : NULL,
        .long_value_chunk = own_number(row, MSYS_LV_CHUNK_MAX),
    };
    if (table->name == NULL || (parent.size && table->template_name == NULL))
        return fault_no_memory(f, "the catalog");
    return true;
}

static bool keep_default(struct ese_catalog *cat, const struct own_row *row, struct bytes *kept)
{
    struct bytes value = own_bytes(row, MSYS_DEFAULT_VALUE);
    *kept = (struct bytes){.at = NULL};
    if (value.at == NULL || !(row->flags & ESE_COLUMN_DEFAULT) ||
        (row->flags & ESE_COLUMN_USER_DEFINED_DEFAULT))
        return true;
    const uint8_t *copy = arena_copy(&cat->arena, value);
    if (copy == NULL)
        return false;
    *kept = bytes_of(copy, value.size);
    return true;
}

static bool add_column(struct ese_catalog *cat, struct ese_table *table, const struct own_row *row,
                       struct fault *f)
{
    if (row->id < ESE_FIXED_FIRST || row->id > ESE_TAGGED_LAST)
        return fault_set(f, FAULT_DAMAGED, "column id %u, expected %u to %u", row->id,
                         ESE_FIXED_FIRST, ESE_TAGGED_LAST);
    struct ese_column *grown = grow(table->column, table->columns, sizeof *grown);
    if (grown == NULL)
        return fault_no_memory(f, "the catalog");
    table->column = grown;
    struct ese_column *column = &table->column[table->columns];
    *column = (struct ese_column){
        .id = row->id,
        .name = arena_copy(&cat->arena, row->name),
        .type = row->coltype_or_root < ESE_COL_MAX ? (enum ese_coltype)row->coltype_or_root
                                                   : ESE_COL_NIL,
        .flags = row->flags,
        .size = row->space,
        .code_page = row->pages_or_locale,
        .offset = (uint16_t)own_number(row, MSYS_RECORD_OFFSET),
    };
    if (column->name == NULL || !keep_default(cat, row, &column->default_value))
        return fault_no_memory(f, "the catalog");
    table->columns++;
    return true;
}

/* KeyFldIDs and ConditionalColumns: 2 bytes a segment, or 4 with flags when the index says so. */
static unsigned read_segments(struct bytes b, bool extended, struct ese_key_segment *segment)
{
    unsigned count = 0;
    for (size_t at = 0; count < ESE_KEY_SEGMENTS_MOST; count++) {
        struct ese_key_segment s = {0};
        uint16_t id = 0;
        uint8_t bits = 0;
        if (extended) {
            if (!bytes_u8(b, at, &bits) || !bytes_le16(b, at + 2, &id))
                break;
            s = (struct ese_key_segment){id, bits & ESE_SEGMENT_DESCENDING,
                                         bits & ESE_SEGMENT_TEMPLATE,
                                         bits & ESE_SEGMENT_MUST_BE_NULL};
            at += 4;
        } else {
            if (!bytes_le16(b, at, &id))
                break;
            bool negative = id & 0x8000; /* descending, or in a condition: must be null */
            s.column = negative ? (uint16_t)-id : id;
            s.descending = s.must_be_null = negative;
            at += 2;
        }
        segment[count] = s;
    }
    return count;
}

static bool add_index(struct ese_catalog *cat, struct ese_table *table, const struct own_row *row,
                      struct fault *f)
{
    struct ese_index *grown = grow(table->index, table->indexes, sizeof *grown);
    if (grown == NULL)
        return fault_no_memory(f, "the catalog");
    table->index = grown;
    struct ese_index *index = &table->index[table->indexes];
    bool extended = row->flags & ESE_INDEX_EXTENDED_COLUMNS;
    *index = (struct ese_index){
        .objid = row->id,
        .root = row->coltype_or_root,
        .name = arena_copy(&cat->arena, row->name),
        .flags = row->flags,
        .locale = row->pages_or_locale,
        .key_most = own_number(row, MSYS_KEY_MOST),
        .variable_most = (uint16_t)own_number(row, MSYS_VAR_SEG_MAC),
        .tuples = own_bytes(row, MSYS_TUPLES).at != NULL,
    };
    index->segments = read_segments(own_bytes(row, MSYS_KEY_COLUMNS), extended, index->segment);
    index->conditions = read_segments(own_bytes(row, MSYS_CONDITIONS), extended, index->condition);
    if (index->name == NULL)
        return fault_no_memory(f, "the catalog");
    table->indexes++;
    return true;
}

static bool add_row(struct ese_catalog *cat, const struct own_row *row, struct fault *f)
{
    if (row->type == ESE_OBJECT_TABLE)
        return add_table(cat, row, f);
    struct ese_table *table = cat->tables ? &cat->table[cat->tables - 1] : NULL;
    if (table == NULL || table->objid != row->table)
        return fault_set(f, FAULT_DAMAGED, "\"%.*s\" belongs to table object %u, which is missing",
                         (int)row->name.size, (const char *)row->name.at, row->table);
    switch (row->type) {
    case ESE_OBJECT_COLUMN:
        return add_column(cat, table, row, f);
    case ESE_OBJECT_INDEX:
        return add_index(cat, table, row, f);
    case ESE_OBJECT_LONG_VALUE:
        table->long_value_root = row->coltype_or_root;
        table->long_value_objid = row->id;
        if (own_number(row, MSYS_LV_CHUNK_MAX))
            table->long_value_chunk = own_number(row, MSYS_LV_CHUNK_MAX);
        return true;
    case ESE_OBJECT_CALLBACK:
        return true;
    }
    return fault_set(f, FAULT_DAMAGED, "\"%.*s\" is of unknown kind %u", (int)row->name.size,
                     (const char *)row->name.at, row->type);
}

/* ---- deriving what catalogs leave out ---- */

/* Where the catalog has no offset for a fixed column it follows the one before.  The rows that
 * describe the catalog itself have the offset of the first column for all of them. */
static void place_fixed_columns(struct ese_table *table)
{
    bool own = ese_objid_is_catalog(table->objid);
    uint32_t next = 4;
    for (unsigned i = 0; i < table->columns; i++) {
        struct ese_column *column = &table->column[i];
        if (column->id > ESE_FIXED_LAST)
            continue;
        if (column->offset == 0 || own)
            column->offset = (uint16_t)next;
        next = column->offset + (uint32_t)ese_column_fixed_size(column);
    }
}

/* Adds to the listed columns of MSysObjects, which are sorted by id, those that are built in. */
static unsigned merge_own_columns(struct ese_column *to, const struct ese_column *listed,
                                  unsigned count)
{
    const struct ese_table *built_in = ese_catalog_own_table();
    unsigned n = 0, l = 0, o = 0;
    while (l < count || o < built_in->columns) {
        bool own = l == count || (o < built_in->columns && built_in->column[o].id < listed[l].id);
        if (!own && o < built_in->columns && built_in->column[o].id == listed[l].id)
            o++;
        to[n++] = own ? built_in->column[o++] : listed[l++];
    }
    return n;
}

/*
 * The columns of MSysObjects and its shadow are built into the engine, and a newer engine gives
 * rows columns that the catalog of an older one does not list: what is not listed is added.
 */
static bool complete_own_columns(struct ese_catalog *cat, struct fault *f)
{
    for (unsigned i = 0; i < cat->tables; i++) {
        struct ese_table *table = &cat->table[i];
        if (!ese_objid_is_catalog(table->objid))
            continue;
        struct ese_column *all =
            calloc((size_t)table->columns + ese_catalog_own_table()->columns, sizeof *all);
        if (all == NULL)
            return fault_no_memory(f, "the catalog");
        table->columns = merge_own_columns(all, table->column, table->columns);
        free(table->column);
        table->column = all;
    }
    return true;
}

static bool read_rows(struct ese_catalog *cat, struct ese_cursor *c, struct fault *f)
{
    for (;;) {
        struct fault row_fault = {.code = FAULT_NONE};
        enum ese_step step = ese_cursor_next(c, &row_fault);
        if (step == ESE_STEP_END)
            return true;
        struct own_row row;
        bool ok = step == ESE_STEP_NODE &&
                  read_row(&row, c->data, c->leaf->flags & ESE_PAGE_NEW_RECORD_FORMAT,
                           c->leaf->raw.size, &row_fault);
        if (ok && add_row(cat, &row, &row_fault))
            continue;
        if (row_fault.code == FAULT_NO_MEMORY) {
            *f = row_fault;
            return false;
        }
        if (step == ESE_STEP_NODE)
            fault_context(&row_fault, "page %u tag %u", c->leaf->number,
                          c->index + c->leaf->reserved);
        fault_context(&row_fault, "catalog");
        if (cat->damage)
            cat->damage(cat->context, &row_fault);
        *f = row_fault;
    }
}

bool ese_catalog_read(struct ese_pages *pages, uint32_t root, ese_catalog_damage_fn *damage,
                      void *context, struct ese_catalog **out, struct fault *f)
{
    struct ese_catalog *cat = calloc(1, sizeof *cat);
    struct ese_cursor *c = malloc(sizeof *c);
    bool ok = cat != NULL && c != NULL;
    if (!ok)
        fault_no_memory(f, "the catalog");
    if (ok) {
        struct fault last = {.code = FAULT_NONE};
        cat->damage = damage;
        cat->context = context;
        ese_cursor_open(c, pages, root, 0);
        ok = read_rows(cat, c, &last) && complete_own_columns(cat, &last) &&
             ese_catalog_inherit(cat->table, cat->tables, damage, context, &last);
        if (ok && cat->tables == 0) {
            ok = false;
            if (last.code == FAULT_NONE)
                fault_set(&last, FAULT_DAMAGED, "the catalog (page %u) is empty", root);
        }
        if (!ok && f)
            *f = last;
        ese_cursor_close(c);
    }
    free(c);
    if (!ok) {
        ese_catalog_close(cat);
        return false;
    }
    for (unsigned i = 0; i < cat->tables; i++)
        place_fixed_columns(&cat->table[i]);
    *out = cat;
    return true;
}

bool ese_catalog_row_object(const struct ese_catalog_row *from, size_t page_size,
                            struct ese_catalog_object *object, struct fault *f)
{
    struct own_row row;
    struct ese_record_limits limits;
    ese_record_limits_of(&limits, ese_catalog_own_table());
    /* A later engine's catalog may have more columns; they are behind those that are known. */
    for (unsigned id = limits.fixed + 1; id <= ESE_FIXED_LAST; id++)
        limits.fixed_end[id] = limits.fixed_end[limits.fixed];
    limits.fixed = ESE_FIXED_LAST;
    limits.variable = ESE_VARIABLE_LAST;
    limits.tagged = UINT16_MAX;
    if (!read_row(&row, from->record, from->new_format, page_size, f) ||
        !ese_record_check(&row.record, &limits, NULL, NULL, f))
        return false;
    *object = (struct ese_catalog_object){row.table, row.type, row.id, row.name};
    if (row.type < ESE_OBJECT_TABLE || row.type > ESE_OBJECT_CALLBACK)
        return fault_set(f, FAULT_DAMAGED, "it is of unknown kind %u", row.type);
    if (row.type == ESE_OBJECT_COLUMN && (row.id < ESE_FIXED_FIRST || row.id > ESE_TAGGED_LAST))
        return fault_set(f, FAULT_DAMAGED, "column id %u, expected %u to %u", row.id,
                         ESE_FIXED_FIRST, ESE_TAGGED_LAST);
    return true;
}

static bool take_rows(struct ese_catalog *cat, const struct ese_catalog_row *from, size_t rows,
                      size_t page_size, struct fault *f)
{
    for (size_t i = 0; i < rows; i++) {
        struct fault row_fault = {.code = FAULT_NONE};
        struct own_row row;
        if (read_row(&row, from[i].record, from[i].new_format, page_size, &row_fault) &&
            add_row(cat, &row, &row_fault))
            continue;
        *f = row_fault;
        if (row_fault.code == FAULT_NO_MEMORY)
            return false;
        fault_context(f, "catalog, page %u", from[i].page);
    }
    return true;
}

bool ese_catalog_of_rows(const struct ese_catalog_row *row, size_t rows, size_t page_size,
                         struct ese_catalog **out, struct fault *f)
{
    struct fault last = {.code = FAULT_NONE};
    struct ese_catalog *cat = calloc(1, sizeof *cat);
    if (cat == NULL)
        return fault_no_memory(f, "the catalog");
    if (!take_rows(cat, row, rows, page_size, &last) ||
        !ese_catalog_inherit(cat->table, cat->tables, NULL, NULL, &last)) {
        ese_catalog_close(cat);
        if (f)
            *f = last;
        return false;
    }
    for (unsigned i = 0; i < cat->tables; i++)
        place_fixed_columns(&cat->table[i]);
    *out = cat;
    return true;
}

void ese_catalog_close(struct ese_catalog *cat)
{
    if (cat == NULL)
        return;
    for (unsigned i = 0; i < cat->tables; i++) {
        free(cat->table[i].column);
        free(cat->table[i].index);
    }
    arena_free(&cat->arena);
    free(cat->table);
    free(cat);
}

unsigned ese_catalog_tables(const struct ese_catalog *cat)
{
    return cat->tables;
}

const struct ese_table *ese_catalog_table(const struct ese_catalog *cat, unsigned i)
{
    return i < cat->tables ? &cat->table[i] : NULL;
}

const struct ese_table *ese_catalog_find(const struct ese_catalog *cat, const char *name)
{
    for (unsigned i = 0; name && i < cat->tables; i++)
        if (strcasecmp(cat->table[i].name, name) == 0)
            return &cat->table[i];
    return NULL;
}
