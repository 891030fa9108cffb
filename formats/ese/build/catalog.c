/*
 * The catalog: a row for every table, column, index and long-value tree, kept twice (MSysObjects
 * and its shadow), with two indexes on names.
 *
 * Source: the published engine, inc/cat.hxx, ese/_cat.cxx (columns and indexes of MSysObjects),
 * ese/cat.cxx (ErrCATAddTable, ErrCATAddTableColumn, ErrCATAddTableIndex, ErrCATIAddTableLV: which
 * fields are set), inc/daedef.hxx (format history).
 */
#include "formats/ese/build/parts.h"

#include "formats/ese/build/revision2.h"
#include "formats/ese/read/key.h"
#include "formats/hex.h"

#include <string.h>

enum {
    REVISION_EXTENDED_SEGMENTS = 7,
    REVISION_LONG_KEYS = 0xc,
    REVISION_SPACE_HINTS = 0xd,
    REVISION_LOCALE_NAME = 0x12,
    REVISION_NEW_FIXED =
        0x15, /* PgnoFDPLastSetTime came after 0x14; older engines have no such column */
    DENSITY_DEFAULT = 80,
    DENSITY_FULL = 100,
    CATALOG_PAGES = 20,
    KEYS_END = ESE_CATALOG_ROOT_AT + 4, /* of the columns that all rows have */
    CATALOG_COLUMN_OFFSET = 4,          /* the engine reckons its catalog's real offsets itself */
    LC_MAP_FLAGS_DEFAULT = 0x30401,
    US_ENGLISH = 0x409,
};

uint32_t build_shadow_pages(const struct ese_build *build)
{
    if (build->options.revision < ESE_REVISION_ESE98)
        return ESE97_SHADOW_PAGES;
    return build->options.page_size <= 2048 ? 6 : 5;
}

void build_catalog_close(struct build_catalog *catalog)
{
    for (size_t i = 0; i < catalog->rows; i++) {
        buffer_free(&catalog->row[i].key);
        buffer_free(&catalog->row[i].record);
    }
    free(catalog->row);
    *catalog = (struct build_catalog){.row = NULL};
}

/* ---- one row ---- */

enum { ROW_VALUES_MOST = 24, ROW_NUMBERS = 16 };

/* A row being put together: values, and room for the numbers that they point at. */
struct row {
    struct ese_field value[ROW_VALUES_MOST];
    unsigned values;
    uint8_t number[ROW_NUMBERS][4];
    unsigned numbers;
};

static void set_bytes(struct row *row, enum ese_msys_column id, struct bytes data)
{
    row->value[row->values] =
        (struct ese_field){.column = ese_catalog_own_column(id), .data = data, .at = row->values};
    row->values++;
}

static void set_number(struct row *row, enum ese_msys_column id, uint32_t value)
{
    uint8_t *to = row->number[row->numbers++];
    bytes_put_le32(to, value);
    set_bytes(row, id, bytes_of(to, ese_coltype_size(ese_catalog_own_column(id)->type)));
}

static void set_text(struct row *row, enum ese_msys_column id, const char *text)
{
    set_bytes(row, id, bytes_of(text, strlen(text)));
}

/* The fields that every row has.  Rows are filled in place: their values point into them. */
static void start_row(struct row *row, uint32_t table, enum ese_object_type type, uint32_t id,
                      uint32_t coltype_or_root, uint32_t space, uint32_t flags, uint32_t pages)
{
    row->values = row->numbers = 0;
    set_number(row, MSYS_OBJID_TABLE, table);
    set_number(row, MSYS_TYPE, type);
    set_number(row, MSYS_ID, id);
    set_number(row, MSYS_COLTYPE_OR_ROOT, coltype_or_root);
    set_number(row, MSYS_SPACE_USAGE, space);
    set_number(row, MSYS_FLAGS, flags);
    set_number(row, MSYS_PAGES_OR_LOCALE, pages);
}

static struct build_catalog_row *new_row(struct ese_build *build, struct fault *f)
{
    struct build_catalog *cat = &build->catalog;
    if (!array_reserve(&cat->row, &cat->room, cat->rows + 1, sizeof *cat->row)) {
        fault_no_memory(f, "the catalog");
        return NULL;
    }
    struct build_catalog_row *row = &cat->row[cat->rows++];
    *row = (struct build_catalog_row){.key = {.size = 0}};
    return row;
}

/* The primary key: (ObjidTable, Type, Id), each a value segment with its sign bit flipped. */
void build_catalog_key(uint32_t table, uint32_t type, uint32_t id, uint8_t key[13])
{
    key[0] = key[5] = key[8] = 0x7f;
    bytes_put_be32(key + 1, table ^ 0x80000000u);
    key[6] = (uint8_t)(type >> 8 ^ 0x80);
    key[7] = (uint8_t)type;
    bytes_put_be32(key + 9, id ^ 0x80000000u);
}

/* Makes a row's key and record. */
static bool make_row(const struct ese_record_format *format, struct row *row,
                     struct build_catalog_row *to, struct fault *f)
{
    uint8_t record[4096], key[13];
    size_t size;
    build_catalog_key(bytes_get_le32(bytes_of(row->number[0], 4), 0),
                      bytes_get_le32(bytes_of(row->number[1], 4), 0),
                      bytes_get_le32(bytes_of(row->number[2], 4), 0), key);
    ese_fields_sort(row->value, row->values);
    if (!ese_record_write(ese_catalog_own_table(), format, row->value, row->values, record,
                          sizeof record, &size, f))
        return fault_context(f, "catalog");
    return buffer_set(&to->key, bytes_of(key, sizeof key), f) &&
           buffer_set(&to->record, bytes_of(record, size), f);
}

static bool add_row(struct ese_build *build, struct row *row, struct fault *f)
{
    struct build_catalog_row *to = new_row(build, f);
    return to && make_row(&build->format, row, to, f);
}

/* ---- kinds of row ---- */

static bool add_table_row(struct ese_build *build, const struct ese_table *t, uint32_t pages,
                          struct fault *f)
{
    struct row row;
    static const uint8_t yes = 0xff;
    start_row(&row, t->objid, ESE_OBJECT_TABLE, t->objid, t->root, DENSITY_DEFAULT, t->flags,
              pages);
    set_bytes(&row, MSYS_ROOT_FLAG, bytes_of(&yes, 1));
    set_text(&row, MSYS_NAME, t->name);
    if (t->template_name)
        set_text(&row, MSYS_TEMPLATE_TABLE, t->template_name);
    return add_row(build, &row, f);
}

static bool add_column_row(struct ese_build *build, const struct ese_table *t,
                           const struct ese_column *c, struct fault *f)
{
    struct row row;
    start_row(&row, t->objid, ESE_OBJECT_COLUMN, c->id, c->type, c->size, c->flags, c->code_page);
    if (c->id <= ESE_FIXED_LAST)
        set_number(&row, MSYS_RECORD_OFFSET, c->offset);
    set_text(&row, MSYS_NAME, c->name);
    if (c->default_value.at)
        set_bytes(&row, MSYS_DEFAULT_VALUE, c->default_value);
    return add_row(build, &row, f);
}

static size_t write_segments(const struct ese_key_segment *segment, unsigned segments,
                             bool extended, bool in_template, bool conditions, uint8_t *to)
{
    for (unsigned i = 0; i < segments; i++) {
        const struct ese_key_segment *s = &segment[i];
        bool negative = conditions ? s->must_be_null : s->descending;
        if (extended) {
            uint32_t flags = s->descending ? ESE_SEGMENT_DESCENDING : 0;
            if (conditions && s->must_be_null)
                flags |= ESE_SEGMENT_MUST_BE_NULL;
            if (s->from_template || in_template)
                flags |= ESE_SEGMENT_TEMPLATE;
            bytes_put_le16(to + i * 4u, flags);
            bytes_put_le16(to + i * 4u + 2, s->column);
        } else {
            bytes_put_le16(to + i * 2u, negative ? (uint32_t) - (int32_t)s->column : s->column);
        }
    }
    return (size_t)segments * (extended ? 4 : 2);
}

static void set_locale(struct ese_build *build, struct row *row, bool by_name)
{
    static const uint8_t en_us[] = {'e', 0, 'n', 0, '-', 0, 'U', 0, 'S', 0};
    if (build->options.revision >= ESE_REVISION_ESE98)
        set_number(row, MSYS_LC_MAP_FLAGS, LC_MAP_FLAGS_DEFAULT);
    else if (ESE97_LC_MAP_FLAGS != 0)
        set_number(row, MSYS_LC_MAP_FLAGS, ESE97_LC_MAP_FLAGS);
    if (by_name)
        set_bytes(row, MSYS_LOCALE_NAME, bytes_of(en_us, sizeof en_us));
}

static bool add_index_row(struct ese_build *build, const struct ese_table *t,
                          const struct ese_index *index, struct fault *f)
{
    uint32_t revision = build->options.revision;
    bool extended = revision >= REVISION_EXTENDED_SEGMENTS;
    uint32_t locale = index->locale ? index->locale : (uint32_t)ESE97_LOCALE;
    bool by_name = revision >= REVISION_LOCALE_NAME && locale == US_ENGLISH;
    uint32_t flags = index->flags & ~(uint32_t)ESE_INDEX_EXTENDED_COLUMNS;
    uint8_t segments[ESE_KEY_SEGMENTS_MOST * 4], conditions[ESE_KEY_SEGMENTS_MOST * 4],
        var_seg_mac[2];
    struct row row;
    start_row(&row, t->objid, ESE_OBJECT_INDEX, index->objid, index->root, DENSITY_DEFAULT,
              flags | (extended ? (uint32_t)ESE_INDEX_EXTENDED_COLUMNS : 0), by_name ? 0 : locale);
    set_locale(build, &row, by_name);
    if (index->key_most != 0 && index->key_most != ESE_KEY_MOST_DEFAULT &&
        revision >= REVISION_LONG_KEYS)
        set_number(&row, MSYS_KEY_MOST, index->key_most);
    set_text(&row, MSYS_NAME, index->name);
    bool in_template = t->flags & ESE_TABLE_TEMPLATE;
    set_bytes(&row, MSYS_KEY_COLUMNS,
              bytes_of(segments, write_segments(index->segment, index->segments, extended,
                                                in_template, false, segments)));
    if (index->variable_most != 0) {
        bytes_put_le16(var_seg_mac, index->variable_most);
        set_bytes(&row, MSYS_VAR_SEG_MAC, bytes_of(var_seg_mac, 2));
    }
    if (index->conditions > 0)
        set_bytes(&row, MSYS_CONDITIONS,
                  bytes_of(conditions, write_segments(index->condition, index->conditions, extended,
                                                      in_template, true, conditions)));
    return add_row(build, &row, f);
}

static void start_long_value_row(struct row *row, uint32_t table, uint32_t objid, uint32_t root)
{
    start_row(row, table, ESE_OBJECT_LONG_VALUE, objid, root, DENSITY_FULL, 0, 1);
    set_text(row, MSYS_NAME, "LV");
}

static bool add_long_value_row(struct ese_build *build, const struct ese_table *t, struct fault *f)
{
    struct row row;
    start_long_value_row(&row, t->objid, t->long_value_objid, t->long_value_root);
    return add_row(build, &row, f);
}

bool build_catalog_long_value(const struct ese_record_format *format, uint32_t table,
                              uint32_t objid, uint32_t root, struct build_catalog_row *to,
                              struct fault *f)
{
    struct row row;
    start_long_value_row(&row, table, objid, root);
    return make_row(format, &row, to, f);
}

bool build_catalog_table(struct ese_build *build, const struct ese_table *t, struct fault *f)
{
    bool ok = add_table_row(build, t, 1, f);
    for (unsigned i = 0; ok && i < t->columns; i++)
        if (!t->column[i].from_template)
            ok = add_column_row(build, t, &t->column[i], f);
    for (unsigned i = 0; ok && i < t->indexes; i++)
        ok = add_index_row(build, t, &t->index[i], f);
    if (ok && t->long_value_objid != 0)
        ok = add_long_value_row(build, t, f);
    return ok;
}

/* ---- carried rows ---- */

bool build_catalog_raw(struct ese_build *build, const struct ese_build_node *row, unsigned rows,
                       struct fault *f)
{
    for (unsigned i = 0; i < rows; i++) {
        struct build_catalog_row *to = new_row(build, f);
        if (to == NULL || !buffer_set(&to->key, row[i].key, f) ||
            !buffer_set(&to->record, row[i].data, f))
            return false;
        if (row[i].data.size < KEYS_END)
            return fault_set(f, FAULT_DAMAGED, "a catalog row of %zu bytes, expected at least %u",
                             row[i].data.size, KEYS_END);
    }
    return true;
}

bool build_catalog_patch(struct ese_build *build, uint32_t objid, uint32_t type, uint32_t id,
                         uint32_t root, struct fault *f)
{
    struct build_catalog *cat = &build->catalog;
    for (size_t i = cat->rows; i-- > 0;) {
        struct bytes record = buffer_bytes(&cat->row[i].record);
        uint32_t row_table = 0, row_id = 0;
        uint16_t row_type = 0;
        if (!bytes_le32(record, ESE_CATALOG_OBJID_TABLE_AT, &row_table) ||
            !bytes_le16(record, ESE_CATALOG_TYPE_AT, &row_type) ||
            !bytes_le32(record, ESE_CATALOG_ID_AT, &row_id))
            continue;
        if (row_table == objid && row_type == type && row_id == id) {
            bytes_put_le32(cat->row[i].record.at + ESE_CATALOG_ROOT_AT, root);
            return true;
        }
    }
    return fault_set(f, FAULT_DAMAGED,
                     "the catalog has no row of kind %u for object %u of table %u", type, id,
                     objid);
}

/* ---- the rows of the catalog itself ---- */

static bool has_own_column(const struct ese_build *build, uint32_t id)
{
    uint32_t revision = build->options.revision;
    if (revision < ESE_REVISION_ESE98)
        return id <= ESE97_CATALOG_LAST_FIXED ||
               (id >= MSYS_NAME && id <= ESE97_CATALOG_LAST_VARIABLE);
    if (id <= ESE_FIXED_LAST)
        return id <= (revision >= REVISION_NEW_FIXED     ? MSYS_ROOT_SET_TIME
                      : revision >= REVISION_LOCALE_NAME ? MSYS_LV_CHUNK_MAX
                      : revision >= REVISION_LONG_KEYS   ? MSYS_KEY_MOST
                                                         : MSYS_LC_MAP_FLAGS);
    if (id <= ESE_VARIABLE_LAST)
        return id <= (revision >= REVISION_LOCALE_NAME ? MSYS_SORT_ID : MSYS_VERSION);
    return id <= (revision >= REVISION_LOCALE_NAME   ? MSYS_LOCALE_NAME
                  : revision >= REVISION_SPACE_HINTS ? MSYS_SPACE_LV_HINTS
                                                     : MSYS_CALLBACK_DEPENDENCIES);
}

static const struct ese_index own_indexes[BUILD_OWN_INDEXES] = {
    {.objid = ESE_OBJID_CATALOG,
     .root = ESE_PGNO_CATALOG,
     .name = "Id",
     .flags = ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT | ESE_INDEX_PRIMARY,
     .segments = 3,
     .segment = {{.column = MSYS_OBJID_TABLE}, {.column = MSYS_TYPE}, {.column = MSYS_ID}}},
    {.objid = ESE_OBJID_CATALOG_NAME_INDEX,
     .root = ESE_PGNO_CATALOG_NAME_INDEX,
     .name = "Name",
     .flags = ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
     .segments = 3,
     .segment = {{.column = MSYS_OBJID_TABLE}, {.column = MSYS_TYPE}, {.column = MSYS_NAME}}},
    {.objid = ESE_OBJID_CATALOG_ROOT_INDEX,
     .root = ESE_PGNO_CATALOG_ROOT_INDEX,
     .name = "RootObjects",
     .flags = ESE_INDEX_UNIQUE | ESE_INDEX_ALLOW_SOME_NULLS,
     .segments = 2,
     .segment = {{.column = MSYS_ROOT_FLAG}, {.column = MSYS_NAME}}},
};

const struct ese_index *build_own_index(unsigned i)
{
    return &own_indexes[i];
}

static bool add_own_columns(struct ese_build *build, const struct ese_table *t, struct fault *f)
{
    const struct ese_table *own = ese_catalog_own_table();
    for (unsigned i = 0; i < own->columns; i++) {
        struct ese_column c = own->column[i];
        if (!has_own_column(build, c.id))
            continue;
        c.offset = CATALOG_COLUMN_OFFSET;
        c.code_page = ESE_CODEPAGE_WESTERN;
        c.size = c.id <= ESE_FIXED_LAST      ? (uint32_t)ese_coltype_size(c.type)
                 : c.id <= ESE_VARIABLE_LAST ? 255
                                             : 0;
        if (!add_column_row(build, t, &c, f))
            return false;
    }
    return true;
}

static bool add_system_rows(struct ese_build *build, struct fault *f)
{
    static const char *const name[2] = {"MSysObjects", "MSysObjectsShadow"};
    const uint32_t objid[2] = {ESE_OBJID_CATALOG, ESE_OBJID_CATALOG_SHADOW};
    const uint32_t root[2] = {ESE_PGNO_CATALOG, ESE_PGNO_CATALOG_SHADOW};
    for (unsigned i = 0; i < 2; i++) {
        struct ese_table t = {.objid = objid[i],
                              .root = root[i],
                              .name = name[i],
                              .flags = ESE_TABLE_SYSTEM | ESE_TABLE_FIXED_DDL};
        if (!add_table_row(build, &t, i == 0 ? CATALOG_PAGES : build_shadow_pages(build), f) ||
            !add_own_columns(build, &t, f))
            return false;
        for (unsigned k = 0; k < (i == 0 ? BUILD_OWN_INDEXES : 1); k++) {
            struct ese_index index = own_indexes[k];
            if (k == 0) {
                index.objid = objid[i];
                index.root = root[i];
            }
            if (!add_index_row(build, &t, &index, f))
                return false;
        }
    }
    return true;
}

/* ---- its trees ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct build_catalog_row *x = a, *y = b;
    return bytes_compare(buffer_bytes(&x->key), buffer_bytes(&y->key));
}

static bool write_rows(struct ese_build *build, struct build_space *space, uint32_t objid,
                       bool empty, struct fault *f)
{
    struct build_tree tree = {.space = *space};
    *space = (struct build_space){.root = 0};
    bool ok = build_tree_begin(&tree, build, objid, 0, true, f);
    for (size_t i = 0; ok && !empty && i < build->catalog.rows; i++) {
        const struct build_catalog_row *row = &build->catalog.row[i];
        ok = build_tree_add(&tree, buffer_bytes(&row->key), buffer_bytes(&row->record), NULL, f);
    }
    ok = ok && build_tree_end(&tree, f);
    build_tree_close(&tree);
    return ok;
}

/* Computes the entries of one of the two name indexes into `sort`. */
static bool name_keys(struct ese_build *build, const struct ese_index *index, struct ese_keys *keys,
                      struct build_sort *sort, struct fault *f)
{
    const struct ese_table *own = ese_catalog_own_table();
    if (!ese_keys_open(keys, NULL, NULL, own, index, f))
        return false;
    for (size_t i = 0; i < build->catalog.rows; i++) {
        const struct build_catalog_row *row = &build->catalog.row[i];
        struct ese_record record;
        if (!ese_record_open(&record, own, buffer_bytes(&row->record), build->format.new_format,
                             build->options.page_size, f))
            return false;
        ese_keys_of(keys, &record);
        enum ese_key_result result;
        while ((result = ese_keys_next(keys, f)) == ESE_KEY_OK)
            if (!build_sort_add(sort, ese_key_bytes(&keys->key), buffer_bytes(&row->key), f))
                return false;
        if (result == ESE_KEY_FAULT)
            return false;
        if (result == ESE_KEY_NOT_COMPUTABLE)
            return fault_set(f, FAULT_UNSUPPORTED, "a name in the catalog has no computable key");
    }
    return true;
}

static bool write_name_index(struct ese_build *build, const struct ese_index *index,
                             struct build_space *space, struct fault *f)
{
    struct build_tree tree = {.space = *space};
    *space = (struct build_space){.root = 0};
    struct ese_keys *keys = malloc(sizeof *keys);
    struct build_sort *sort = NULL;
    bool ok = keys != NULL || fault_no_memory(f, "the catalog");
    ok = ok && build_sort_open(&sort, f) && name_keys(build, index, keys, sort, f) &&
         build_tree_begin(&tree, build, index->objid, ESE_PAGE_INDEX, true, f);
    struct bytes key, data;
    bool more = true, same = false;
    while (ok && (ok = build_sort_next(sort, &key, &data, &more, f)) && more) {
        ok = build_tree_add(&tree, key, data, &same, f);
        if (same)
            fault_set(f, FAULT_DAMAGED,
                      "two objects in the catalog have one name: index %s, key %s", index->name,
                      hex_start(key, BUILD_KEY_SHOWN, (char[HEX_START_SIZE(BUILD_KEY_SHOWN)]){0}));
    }
    ok = ok && build_tree_end(&tree, f);
    build_sort_close(sort);
    free(keys);
    build_tree_close(&tree);
    return ok;
}

bool build_catalog_write(struct ese_build *build, struct fault *f)
{
    struct build_catalog *cat = &build->catalog;
    if (!cat->system_rows && !add_system_rows(build, f))
        return false;
    qsort(cat->row, cat->rows, sizeof *cat->row, compare_rows);
    /* MSysObjects itself after its indexes, which may take pages from it. */
    return write_name_index(build, &own_indexes[1], &build->name_space, f) &&
           write_name_index(build, &own_indexes[2], &build->root_index_space, f) &&
           write_rows(build, &build->catalog_space, ESE_OBJID_CATALOG, false, f) &&
           write_rows(build, &build->shadow_space, ESE_OBJID_CATALOG_SHADOW, build->shadow_off, f);
}
