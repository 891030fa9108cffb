/* A program from outside: it knows formats/ese/ese.h alone, and that is enough to write a database,
 * judge it, read it and write it anew. */
#include "formats/ese/ese.h"

#include "tests/check_main.h"

#include <unistd.h>

enum { ROWS = 300 };

static struct fault fault;

static int temporary(char path[32])
{
    snprintf(path, 32, "/tmp/km-ese-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static struct bytes name_of(int32_t id, char text[16])
{
    return bytes_of(text, (size_t)snprintf(text, 16, "row %d", (int)id));
}

static void add_rows(struct ese_build_table *table)
{
    const struct ese_table *schema = ese_build_schema(table);
    for (int32_t id = 1; id <= ROWS; id++) {
        uint8_t number[4];
        char text[16];
        bytes_put_le32(number, (uint32_t)id);
        const struct ese_build_value values[] = {
            {.column = ese_table_column(schema, "Id"), .data = bytes_of(number, sizeof number)},
            {.column = ese_table_column(schema, "Name"), .data = name_of(id, text)},
        };
        ck_assert_msg(ese_build_row(table, values, 2, &fault), "%s", fault.text);
    }
}

static void write_people(int fd)
{
    struct ese_column columns[] = {
        {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
        {.name = "Name", .type = ESE_COL_TEXT},
    };
    struct ese_index by_id = {.name = "ById",
                              .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE,
                              .segments = 1,
                              .segment = {{.column = 1}}};
    const struct ese_table people = {
        .name = "People", .columns = 2, .column = columns, .indexes = 1, .index = &by_id};
    const struct ese_build_options options = {.descriptor = fd, .revision = 2, .page_size = 4096};
    struct ese_build *build;
    struct ese_build_table *table;
    struct ese_build_summary summary;
    ck_assert_msg(ese_build_start(&options, &build, &fault), "%s", fault.text);
    ck_assert_msg(ese_build_table_begin(build, &people, 0, &table, &fault), "%s", fault.text);
    add_rows(table);
    ck_assert_msg(ese_build_table_end(table, &fault), "%s", fault.text);
    ck_assert_msg(ese_build_finish(build, &summary, &fault), "%s", fault.text);
    ck_assert_uint_eq(summary.rows, ROWS);
}

static void is_row(const struct ese_table *table, const struct ese_cursor *cursor, int32_t id)
{
    struct ese_record record;
    struct bytes number;
    struct ese_value name;
    char expected[16];
    ck_assert(ese_record_on_page(&record, table, cursor->leaf, cursor->data, &fault));
    ck_assert(ese_record_fixed(&record, ese_table_column(table, "Id"), &number, &fault));
    ck_assert_uint_eq(bytes_get_le32(number, 0), (uint32_t)id);
    ck_assert(ese_record_value(&record, ese_table_column(table, "Name"), &name, &fault));
    ck_assert_int_eq(name.kind, ESE_VALUE_PLAIN);
    ck_assert(bytes_equal(name.data, name_of(id, expected)));
}

static void has_all_people(struct ese_db *db)
{
    struct ese_check_summary summary;
    const struct ese_table *table = ese_catalog_find(db->catalog, "People");
    struct ese_cursor cursor;
    ck_assert(ese_check(db, NULL, NULL, &summary, &fault));
    ck_assert_uint_eq(summary.problems, 0);
    ck_assert_ptr_nonnull(table);
    ese_cursor_open(&cursor, db->pages, table->root, table->objid);
    for (int32_t id = 1; id <= ROWS; id++) {
        ck_assert_int_eq(ese_cursor_next(&cursor, &fault), ESE_STEP_NODE);
        is_row(table, &cursor, id);
    }
    ck_assert_int_eq(ese_cursor_next(&cursor, &fault), ESE_STEP_END);
    ese_cursor_close(&cursor);
}

START_TEST(a_program_of_ones_own_needs_no_other_header)
{
    char path[32], copy[32];
    int fd = temporary(path), to = temporary(copy);
    struct ese_db *db;
    struct ese_compact_result result = {.source_pages = 0};
    write_people(fd);
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &fault), "%s", fault.text);
    has_all_people(db);
    ck_assert_msg(ese_compact(db, to, &(struct ese_compact_options){.time = {0}}, &result, &fault),
                  "%s", fault.text);
    ese_db_close(db);
    ck_assert_msg(ese_db_open(copy, NULL, NULL, &db, &fault), "%s", fault.text);
    has_all_people(db);
    ese_db_close(db);
    close(fd);
    close(to);
    unlink(path);
    unlink(copy);
}
END_TEST

int main(void)
{
    return check_main("ese", (const struct check_case[]){
                                 {a_program_of_ones_own_needs_no_other_header, 0},
                                 {0},
                             });
}
