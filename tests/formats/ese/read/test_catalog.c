/* The catalog: what its rows mean, what tables take from their template, and rows that are damaged.
 */
#include "formats/ese/read/catalog.h"
#include "formats/ese/read/db.h"
#include "tests/check_main.h"
#include "tests/formats/ese/making.h"

enum { CATALOG = ESE_PGNO_CATALOG, SHADOW = ESE_PGNO_CATALOG_SHADOW, LAST = 30, TOLD_MOST = 8 };

/* What was told while a database was opened. */
struct told {
    unsigned count;
    char text[TOLD_MOST][400];
    enum ese_notice notice[TOLD_MOST];
};

static void tell(void *context, enum ese_notice notice, const char *text)
{
    struct told *told = context;
    if (told->count < TOLD_MOST) {
        told->notice[told->count] = notice;
        snprintf(told->text[told->count], sizeof told->text[0], "%s", text);
    }
    told->count++;
}

static struct ese_db *open_database(struct made *m, struct told *told, struct fault *f)
{
    struct ese_file *file;
    struct ese_db *db = NULL;
    *told = (struct told){.count = 0};
    *f = (struct fault){.code = FAULT_NONE};
    make_sums(m);
    ck_assert(ese_file_over(made_bytes(m), &file, f));
    return ese_db_open_file(file, tell, told, &db, f) ? db : NULL;
}

/* A database whose catalog and shadow have these rows. */
static struct made with_objects(uint32_t revision, const struct made_object *objects, size_t count)
{
    struct made m = make_database(8192, revision, LAST);
    for (uint32_t page = CATALOG; page <= SHADOW; page += SHADOW - CATALOG) {
        make_page(&m, page, page == CATALOG ? 2 : 3, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
        for (size_t i = 0; i < count; i++)
            make_object(&m, page, &objects[i]);
    }
    return m;
}

#define TABLE(id_, root_, name_)                                                                   \
    {                                                                                              \
        .table = id_, .type = 1, .id = id_, .coltype_or_root = root_, .name = name_                \
    }
#define COLUMN(table_, id_, type_, name_)                                                          \
    {                                                                                              \
        .table = table_, .type = 2, .id = id_, .coltype_or_root = ESE_COL_##type_, .name = name_   \
    }
#define LITERAL(literal)                                                                           \
    {                                                                                              \
        .at = (const uint8_t *)("" literal), .size = sizeof(literal) - 1                           \
    }

/* ---- sound catalogs ---- */

static const struct made_object plain[] = {
    TABLE(6, 9, "Users"),
    COLUMN(6, 1, LONG, "Id"),
    COLUMN(6, 2, SHORT, "Kind"),
    COLUMN(6, 3, NIL, "Gone"),
    {.table = 6,
     .type = 2,
     .id = 4,
     .coltype_or_root = ESE_COL_LONG,
     .offset = 20,
     .name = "Placed"},
    {.table = 6,
     .type = 2,
     .id = 128,
     .coltype_or_root = ESE_COL_TEXT,
     .space = 60,
     .flags = 0x10,
     .pages_or_locale = 1252,
     .name = "Name",
     .default_value = LITERAL("nobody")},
    {.table = 6,
     .type = 2,
     .id = 256,
     .coltype_or_root = ESE_COL_LONG_TEXT,
     .pages_or_locale = 1200,
     .name = "Memo"},
    {.table = 6,
     .type = 3,
     .id = 6,
     .coltype_or_root = 9,
     .flags = 0x21,
     .name = "Primary",
     .key_columns = LITERAL("\1\0")},
    {.table = 6,
     .type = 3,
     .id = 8,
     .coltype_or_root = 11,
     .name = "Second",
     .key_columns = LITERAL("\2\0\xff\xff")},
    {.table = 6,
     .type = 3,
     .id = 9,
     .coltype_or_root = 12,
     .flags = 0x10000,
     .name = "Extended",
     .key_columns = LITERAL("\x40\0\2\0\x80\0\1\0")},
    {.table = 6, .type = 4, .id = 7, .coltype_or_root = 10, .chunk = 1966, .name = "LV"},
};

START_TEST(rows_mean_tables_columns_and_indexes)
{
    struct made m = with_objects(0x14, plain, ARRAY_SIZE(plain));
    struct told told;
    struct fault f;
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db && told.count == 0, "%s%s", f.text, told.text[0]);
    ck_assert_uint_eq(ese_catalog_tables(db->catalog), 1);
    const struct ese_table *table = ese_catalog_find(db->catalog, "uSERS");
    ck_assert_ptr_nonnull(table);
    ck_assert_str_eq(table->name, "Users");
    ck_assert_uint_eq(table->objid, 6);
    ck_assert_uint_eq(table->root, 9);
    ck_assert_uint_eq(table->columns, 6);
    ck_assert_uint_eq(table->long_value_root, 10);
    ck_assert_uint_eq(table->long_value_objid, 7);
    ck_assert_uint_eq(table->long_value_chunk, 1966);
    const struct ese_column *name = ese_table_column(table, "NAME");
    ck_assert_uint_eq(name->code_page, 1252);
    ck_assert_uint_eq(name->size, 60);
    ck_assert(bytes_equal(name->default_value, RAW("nobody")));
    ck_assert_uint_eq(ese_table_column(table, "Id")->offset, 4);
    ck_assert_uint_eq(ese_table_column(table, "Kind")->offset, 8);
    ck_assert_uint_eq(ese_table_column(table, "Placed")->offset, 20);
    ck_assert_ptr_null(ese_table_column(table, "Memo")->default_value.at);
    ck_assert_ptr_null(ese_table_column(table, "Gone"));
    ck_assert_ptr_null(ese_table_column(table, "Nobody"));
    ck_assert_uint_eq(table->indexes, 3);
    ck_assert_uint_eq(table->index[0].segment[0].column, 1);
    ck_assert_uint_eq(table->index[1].segments, 2);
    ck_assert_uint_eq(table->index[1].segment[1].column, 1);
    ck_assert(table->index[1].segment[1].descending && !table->index[1].segment[0].descending);
    ck_assert_uint_eq(table->index[2].segments, 2);
    ck_assert(table->index[2].segment[0].descending);
    ck_assert(table->index[2].segment[1].from_template);
    ck_assert_ptr_null(ese_catalog_find(db->catalog, "Nobody"));
    ck_assert_ptr_null(ese_catalog_table(db->catalog, 1));
    ese_db_close(db);
    made_free(&m);
}
END_TEST

static const struct made_object derived[] = {
    TABLE(6, 9, "Template"),
    COLUMN(6, 1, LONG, "Id"),
    COLUMN(6, 256, LONG_BINARY, "Blob"),
    COLUMN(6, 259, LONG_BINARY, "Last"),
    {.table = 6,
     .type = 3,
     .id = 6,
     .coltype_or_root = 9,
     .flags = 0x121,
     .name = "Primary",
     .key_columns = LITERAL("\1\0")},
    {.table = 10,
     .type = 1,
     .id = 10,
     .coltype_or_root = 12,
     .name = "Derived",
     .parent = "TEMPLATE"},
    COLUMN(10, 2, SHORT, "Own"),
    COLUMN(10, 260, LONG_TEXT, "Memo"),
    {.table = 10, .type = 3, .id = 10, .coltype_or_root = 12, .flags = 0x221, .name = "Primary"},
};

START_TEST(a_table_has_the_columns_of_its_template)
{
    struct made m = with_objects(2, derived, ARRAY_SIZE(derived));
    struct told told;
    struct fault f;
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db && told.count == 0, "%s%s", f.text, told.text[0]);
    const struct ese_table *table = ese_catalog_find(db->catalog, "Derived");
    static const char *const names[] = {"Id", "Blob", "Last", "Own", "Memo"};
    ck_assert_uint_eq(table->columns, ARRAY_SIZE(names));
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        ck_assert_str_eq(table->column[i].name, names[i]);
        ck_assert_int_eq(table->column[i].from_template, i < 3);
    }
    ck_assert_uint_eq(ese_table_column(table, "Own")->offset, 8);
    ck_assert_uint_eq(table->first_own_tagged, 260);
    ck_assert_uint_eq(table->index[0].segments, 1);
    ck_assert(table->index[0].from_template);
    ck_assert_uint_eq(ese_catalog_find(db->catalog, "Template")->columns, 3);
    ese_db_close(db);
    made_free(&m);
}
END_TEST

/* An old catalog lists few of the columns of MSysObjects, a newer one may list more than are known:
 * rows have them all. */
START_TEST(the_catalog_has_the_columns_that_are_built_in)
{
    static const struct made_object objects[] = {
        TABLE(2, CATALOG, "MSysObjects"),      COLUMN(2, 1, LONG, "ObjidTable"),
        COLUMN(2, 2, SHORT, "Type"),           COLUMN(2, 3, LONG, "Id"),
        COLUMN(2, 128, TEXT, "Name"),          COLUMN(2, 200, BINARY, "Later"),
        TABLE(3, SHADOW, "MSysObjectsShadow"), TABLE(6, 9, "Users"),
        COLUMN(6, 65248, LONG_TEXT, "Last"),
    };
    struct made m = with_objects(0x14, objects, ARRAY_SIZE(objects));
    struct told told;
    struct fault f;
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db && told.count == 0, "%s%s", f.text, told.text[0]);
    const struct ese_table *own = ese_catalog_own_table();
    const struct ese_table *catalog = ese_catalog_find(db->catalog, "MSysObjects");
    const struct ese_table *shadow = ese_catalog_find(db->catalog, "MSysObjectsShadow");
    ck_assert_uint_eq(catalog->columns, own->columns + 1);
    ck_assert_uint_eq(shadow->columns, own->columns);
    for (unsigned i = 1; i < catalog->columns; i++)
        ck_assert_uint_lt(catalog->column[i - 1].id, catalog->column[i].id);
    for (unsigned i = 0; i < own->columns; i++) {
        const struct ese_column *column = ese_table_column(catalog, own->column[i].name);
        ck_assert_uint_eq(column->id, own->column[i].id);
        ck_assert_int_eq(column->type, own->column[i].type);
        ck_assert_uint_eq(column->offset, own->column[i].offset);
    }
    ck_assert_uint_eq(ese_table_column(catalog, "Later")->id, 200);
    ck_assert_uint_eq(ese_table_column(ese_catalog_find(db->catalog, "Users"), "Last")->id, 65248);
    ese_db_close(db);
    made_free(&m);
}
END_TEST

/* In a damaged tree, columns may stand in any order: an index finds those that it names. */
START_TEST(columns_out_of_order_are_found)
{
    static const struct made_object objects[] = {
        TABLE(6, 9, "Users"),    COLUMN(6, 258, LONG_TEXT, "C"), COLUMN(6, 2, LONG, "B"),
        COLUMN(6, 1, LONG, "A"), COLUMN(6, 128, TEXT, "D"),      TABLE(20, 12, "Empty"),
    };
    static const uint32_t ids[] = {1, 2, 128, 258};
    struct made m = with_objects(0x14, objects, ARRAY_SIZE(objects));
    struct told told;
    struct fault f;
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db && told.count == 0, "%s%s", f.text, told.text[0]);
    const struct ese_table *table = ese_catalog_find(db->catalog, "Users");
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        const struct ese_key_segment segment = {.column = ids[i]};
        const struct ese_column *column = ese_table_segment_column(table, &segment);
        ck_assert_ptr_nonnull(column);
        ck_assert_uint_eq(column->id, ids[i]);
    }
    for (uint32_t id = 0; id < 300; id += 3) {
        const struct ese_key_segment segment = {.column = id};
        ck_assert_int_eq(ese_table_segment_column(table, &segment) != NULL, id == 258);
        ck_assert_ptr_null(
            ese_table_segment_column(ese_catalog_find(db->catalog, "Empty"), &segment));
    }
    ese_db_close(db);
    made_free(&m);
}
END_TEST

/* ---- damaged rows: told with their place, and passed over ---- */

static const struct bad_row {
    const char *what;
    struct made_object object; /* a row between Users and Later */
    const char *says;
} bad_rows[] = {
    {"a column of id 0", COLUMN(6, 0, LONG, "Zero"),
     "page 4 tag 2: column id 0, expected 1 to 65248"},
    {"a column of id 65,249", COLUMN(6, 65249, LONG, "Many"), "page 4 tag 2: column id 65249"},
    {"a column of no table", COLUMN(7, 1, LONG, "Lost"),
     "page 4 tag 2: \"Lost\" belongs to table object 7, which is missing"},
    {"an unknown kind",
     {.table = 6, .type = 9, .id = 1, .name = "What"},
     "page 4 tag 2: \"What\" is of unknown kind 9"},
    {"no name", COLUMN(6, 1, LONG, ""), "page 4 tag 2: a name of 0 bytes, expected 1 to 64"},
    {"a long name",
     COLUMN(6, 1, LONG, "0123456789012345678901234567890123456789012345678901234567890123x"),
     "page 4 tag 2: a name of 65 bytes, expected 1 to 64"},
    {"a template that is missing",
     {.table = 7, .type = 1, .id = 7, .coltype_or_root = 9, .name = "Derived", .parent = "Gone"},
     "table Derived: its template table Gone is missing"},
    {"a template of itself",
     {.table = 7, .type = 1, .id = 7, .coltype_or_root = 9, .name = "Derived", .parent = "Derived"},
     "table Derived: its template table Derived is missing"},
};

START_TEST(a_damaged_row_is_told_and_passed_over)
{
    const struct bad_row *x = &bad_rows[_i];
    const struct made_object objects[] = {TABLE(6, 9, "Users"), x->object, TABLE(20, 12, "Later")};
    struct made m = with_objects(0x14, objects, ARRAY_SIZE(objects));
    struct told told;
    struct fault f;
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db != NULL, "%s: %s", x->what, f.text);
    ck_assert_msg(told.count == 1 && strstr(told.text[0], x->says), "%s: %s", x->what,
                  told.text[0]);
    ck_assert_int_eq(told.notice[0], ESE_NOTICE_CATALOG_DAMAGE);
    ck_assert(db->damaged && !db->catalog_is_shadow); /* the shadow is no better */
    ck_assert_ptr_nonnull(ese_catalog_find(db->catalog, "Users"));
    ck_assert_ptr_nonnull(ese_catalog_find(db->catalog, "Later"));
    ese_db_close(db);
    made_free(&m);
}
END_TEST

START_TEST(a_better_shadow_is_used)
{
    static const uint8_t cut[] = {1, 127, 0};
    struct made m = with_objects(0x14, plain, ARRAY_SIZE(plain));
    struct told told;
    struct fault f;
    memcpy(made_tag_bytes(&m, CATALOG, 2) + 2 + 13, cut, sizeof cut);
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db != NULL, "%s", f.text);
    ck_assert_uint_eq(told.count, 2);
    ck_assert_msg(strstr(told.text[0], "catalog: page 4 tag 2: record of"), "%s", told.text[0]);
    ck_assert_int_eq(told.notice[1], ESE_NOTICE_CATALOG_SHADOW);
    ck_assert(db->catalog_is_shadow);
    ck_assert_uint_eq(ese_catalog_find(db->catalog, "Users")->columns, 6);
    ese_db_close(db);
    made_free(&m);
}
END_TEST

START_TEST(no_catalog_at_all_is_refused)
{
    struct made m = with_objects(0x14, plain, 0);
    struct told told;
    struct fault f;
    ck_assert_ptr_null(open_database(&m, &told, &f));
    ck_assert_msg(strstr(f.text,
                         "neither the catalog nor its shadow can be read: the catalog (page 4) is "
                         "empty"),
                  "%s", f.text);
    memset(made_page(&m, CATALOG), 0, m.page_size);
    ck_assert_ptr_null(open_database(&m, &told, &f));
    ck_assert_msg(strstr(f.text, "page 4 was never written"), "%s", f.text);
    made_free(&m);
}
END_TEST

/* Two thousand tables, each with the two thousand columns of one template: small file, much memory.
 */
START_TEST(inherited_columns_are_bounded)
{
    enum { LEAVES = 80, PER_LEAF = 50, COLUMNS = 2000 };
    struct made m = make_database(8192, 0x14, 100);
    struct told told;
    struct fault f;
    char name[20];
    make_page(&m, CATALOG, 2, ESE_PAGE_ROOT | ESE_PAGE_PARENT_OF_LEAF);
    for (uint32_t i = 0, leaf = 10; leaf < 10 + LEAVES; leaf++) {
        make_page(&m, leaf, 2, ESE_PAGE_LEAF);
        for (unsigned n = 0; n < PER_LEAF; n++, i++) {
            snprintf(name, sizeof name, "N%u", i);
            struct made_object object = TABLE(6 + i, 9, name);
            if (i > 0 && i <= COLUMNS)
                object = (struct made_object)COLUMN(6, 255 + i, LONG, name);
            else if (i > COLUMNS)
                object.parent = "n0";
            make_object(&m, leaf, &object);
        }
        make_branch(&m, CATALOG, leaf < 9 + LEAVES ? bytes_of(name, strlen(name)) : RAW(""), leaf);
    }
    struct ese_db *db = open_database(&m, &told, &f);
    ck_assert_msg(db != NULL, "%s", f.text);
    ck_assert_msg(
        strstr(told.text[0], "table N2501: the 2000 columns of its template table N0 are left out"),
        "%s", told.text[0]);
    ck_assert_uint_eq(ese_catalog_find(db->catalog, "N2500")->columns, COLUMNS);
    ck_assert_uint_eq(ese_catalog_find(db->catalog, "N2501")->columns, 0);
    ese_db_close(db);
    made_free(&m);
}
END_TEST

int main(void)
{
    return check_main("catalog", (const struct check_case[]){
                                     {rows_mean_tables_columns_and_indexes, 0},
                                     {a_table_has_the_columns_of_its_template, 0},
                                     {the_catalog_has_the_columns_that_are_built_in, 0},
                                     {columns_out_of_order_are_found, 0},
                                     {a_damaged_row_is_told_and_passed_over, ARRAY_SIZE(bad_rows)},
                                     {a_better_shadow_is_used, 0},
                                     {no_catalog_at_all_is_refused, 0},
                                     {inherited_columns_are_bounded, 0},
                                     {0},
                                 });
}
