/*
 * What room edits in place use: which pages a tree takes and gives back, and that none is lost; how
 * long a record may be.
 */
#include "tests/formats/ese/edit/things.h"

#include "formats/ese/build/parts.h"
#include "formats/ese/read/space.h"

/* ---- no page is lost ---- */

/* Pages of a tree, its root among them. */
static uint32_t pages_of(struct job *j, uint32_t root, uint32_t objid)
{
    struct ese_cursor cursor;
    uint32_t pages = 0, last[ESE_DEPTH_MOST + 1] = {0};
    ese_cursor_open(&cursor, j->db->pages, root, objid);
    while (ese_cursor_next(&cursor, &j->f) == ESE_STEP_NODE)
        for (unsigned i = 0; i <= cursor.depth; i++) {
            uint32_t number = i < cursor.depth ? cursor.path[i].page : cursor.leaf->number;
            pages += number != last[i];
            last[i] = number;
        }
    ese_cursor_close(&cursor);
    return pages ? pages : 1;
}

static uint32_t pages_in_extents(struct job *j, uint32_t root, uint32_t objid, bool available,
                                 struct ese_space *space)
{
    struct ese_extents extents;
    struct ese_extent extent;
    uint32_t pages = 0;
    ck_assert(ese_extents_open(&extents, j->db->pages, root, objid, available, &j->f));
    while (ese_extents_next(&extents, &extent, &j->f) == ESE_STEP_NODE)
        pages += extent.count;
    *space = extents.space;
    ese_extents_close(&extents);
    return pages;
}

/* How many pages a tree owns, and does neither use nor have free; *available: has free. */
static uint32_t pages_left_over(struct job *j, uint32_t root, uint32_t objid, uint32_t *available,
                                uint32_t *owned)
{
    struct ese_space space;
    *available = pages_in_extents(j, root, objid, true, &space);
    *owned = pages_in_extents(j, root, objid, false, &space);
    uint32_t used = pages_of(j, root, objid);
    if (space.multiple)
        used += pages_of(j, space.owned_root, objid) + pages_of(j, space.available_root, objid);
    return *owned - used - *available;
}

/* Every page that the table, its long values or an index has got is in use, free, or handed on.
 * Returns how many are free. */
static uint32_t no_page_is_lost(struct job *j)
{
    const struct ese_table *t = j->table;
    struct {
        uint32_t root, objid;
    } tree[] = {{t->index[1].root, t->index[1].objid},
                {t->index[2].root, t->index[2].objid},
                {t->long_value_root, t->long_value_objid}};
    uint32_t all, available, owned, left = pages_left_over(j, t->root, t->objid, &all, &owned);
    for (unsigned i = 0; i < ARRAY_SIZE(tree); i++) {
        if (tree[i].root == 0)
            continue;
        uint32_t over = pages_left_over(j, tree[i].root, tree[i].objid, &available, &owned);
        ck_assert_uint_eq(over, 0);
        left -= owned;
        all += available;
    }
    ck_assert_uint_eq(left, 0);
    return all;
}

START_TEST(what_a_tree_gives_up_is_free_and_taken_again)
{
    struct job j;
    uint8_t data[1000] = {0};
    uint32_t least = UINT32_MAX, most = 0;
    uint32_t size = things_forms[_i].page_size, rows = size < 16384 ? size / 64 : 256;
    start_with(&j, things_forms[_i].revision, size, rows, false);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t id = 0; id < rows; id++) { /* here and there, and all of them */
            uint32_t at = 1 + (id * 7 + round) % rows;
            ck_assert_msg(drop_thing(&j, at, 0), "%s", j.f.text);
            uint32_t available = no_page_is_lost(&j);
            most = available > most ? available : most;
        }
        for (uint32_t id = rows; id > 0; id--) {
            ck_assert_msg(add_thing(&j, id, id, bytes_of(data, 900)), "%s", j.f.text);
            uint32_t available = no_page_is_lost(&j);
            least = available < least ? available : least;
        }
    }
    ck_assert_uint_gt(most, least + 3);
    write_job(&j);
    no_page_is_lost(&j);
    end_job(&j);
}
END_TEST

/* The long values of so few rows are one extent, with a bit for each page that is free. */
START_TEST(what_one_extent_gives_up_is_free_and_taken_again)
{
    struct job j;
    static const uint8_t data[DATA_SIZE];
    struct ese_space space;
    uint32_t size = things_forms[_i].page_size, things = size < 16384 ? size / 100 : 120;
    start_with(&j, things_forms[_i].revision, size, things, true);
    uint32_t root = j.table->long_value_root, objid = j.table->long_value_objid;
    uint32_t owned = pages_in_extents(&j, root, objid, false, &space);
    ck_assert(!space.multiple);
    ck_assert_uint_ge(owned, 8);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t id = 1; id <= things; id++) {
            ck_assert_msg(change_thing(&j, id, "Data", bytes_of(data, 0)), "%s", j.f.text);
            no_page_is_lost(&j);
        }
        ck_assert_uint_eq(pages_in_extents(&j, root, objid, true, &space), owned - 1);
        for (uint32_t id = 1; id <= things / 3; id++) {
            ck_assert_msg(change_thing(&j, id, "Data", bytes_of(data, DATA_SIZE)), "%s", j.f.text);
            no_page_is_lost(&j);
        }
        ck_assert(pages_in_extents(&j, root, objid, false, &space) == owned && !space.multiple);
    }
    write_job(&j);
    no_page_is_lost(&j);
    end_job(&j);
}
END_TEST

/* ---- the longest record ---- */

enum { LONG_COLUMNS = 30, LONG_PAGE = 16384, KEY_MOST = 255 };

/* Table Things has columns of long values only, and one row, with or without a long value. */
static void start_with_long_columns(struct job *j, bool long_value)
{
    static char name[LONG_COLUMNS][4];
    struct ese_column column[LONG_COLUMNS + 1] = {
        {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL}};
    struct ese_index primary = {.name = "Primary",
                                .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE,
                                .segments = 1,
                                .segment = {{.column = 1}}};
    struct ese_table schema = {.name = "Things",
                               .columns = LONG_COLUMNS + 1,
                               .column = column,
                               .indexes = 1,
                               .index = &primary};
    static const uint8_t data[2 * LONG_PAGE];
    *j = (struct job){.f.code = FAULT_NONE};
    int fd = temporary_file(j->path);
    const struct ese_build_options options = {
        .descriptor = fd, .revision = 0x122, .page_size = LONG_PAGE};
    struct ese_build *build;
    struct ese_build_table *t;
    for (unsigned i = 0; i < LONG_COLUMNS; i++) {
        snprintf(name[i], sizeof name[i], "D%u", i);
        column[i + 1] = (struct ese_column){.name = name[i], .type = ESE_COL_LONG_BINARY};
    }
    ck_assert_msg(ese_build_start(&options, &build, &j->f), "%s", j->f.text);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &j->f), "%s", j->f.text);
    const struct ese_table *s = ese_build_schema(t);
    const struct ese_build_value values[] = {
        {.column = ese_table_column(s, "Id"), .data = bytes_of("\1\0\0\0", 4)},
        {.column = ese_table_column(s, "D0"), .data = bytes_of(data, sizeof data)}};
    ck_assert_msg(ese_build_row(t, values, long_value ? 2 : 1, &j->f), "%s", j->f.text);
    ck_assert_msg(ese_build_table_end(t, &j->f), "%s", j->f.text);
    ck_assert_msg(ese_build_finish(build, NULL, &j->f), "%s", j->f.text);
    close(fd);
    open_job(j);
}

/* Gives each column but the first so many bytes, the second the rest; its record is so long then.
 */
static size_t record_of(struct job *j, size_t each, size_t rest, bool *ok)
{
    static const uint8_t data[LONG_PAGE];
    struct ese_change change[LONG_COLUMNS - 1];
    struct ese_cursor cursor;
    uint8_t key[5];
    for (unsigned i = 1; i < LONG_COLUMNS; i++)
        change[i - 1] = (struct ese_change){.column = &j->table->column[i + 1],
                                            .data = bytes_of(data, i == 1 ? rest : each)};
    *ok =
        ese_inplace_change_row(j->ip, j->table, id_key(1, key), 0, change, LONG_COLUMNS - 1, &j->f);
    if (!*ok)
        return 0;
    ese_cursor_open(&cursor, j->db->pages, j->table->root, j->table->objid);
    ck_assert_int_eq(ese_cursor_next(&cursor, &j->f), ESE_STEP_NODE);
    size_t size = cursor.data.size;
    ese_cursor_close(&cursor);
    return size;
}

/* Beside a record the longest key has to fit into the page, as the engine has it. */
START_TEST(a_record_leaves_room_for_the_longest_key)
{
    const size_t most = LONG_PAGE - ESE_PAGE_HEADER_LARGE - 2 * ESE_TAG_SIZE - 2 * 2 - KEY_MOST;
    struct job j;
    bool ok;
    size_t longest = 0;
    start_with_long_columns(&j, true);
    for (size_t rest = 100; rest < 1000; rest++) {
        size_t size = record_of(&j, 540, rest, &ok);
        ck_assert_msg(ok, "%s", j.f.text);
        longest = size > longest ? size : longest;
    }
    ck_assert_uint_le(longest, most);
    ck_assert_uint_ge(longest, most - 8);
    write_job(&j);
    end_job(&j);
}
END_TEST

/* Where there is no tree that a long value could go to, that it is too long is what is said. */
START_TEST(a_record_that_is_too_long_is_refused)
{
    struct job j;
    bool ok;
    start_with_long_columns(&j, false);
    ck_assert_uint_eq(j.table->long_value_root, 0);
    record_of(&j, 700, 700, &ok);
    must_be_refused(&j, ok, FAULT_LIMIT);
}
END_TEST

int main(void)
{
    return check_main("edit_pages",
                      (const struct check_case[]){
                          {what_a_tree_gives_up_is_free_and_taken_again, THINGS_FORMS},
                          {what_one_extent_gives_up_is_free_and_taken_again, THINGS_FORMS},
                          {a_record_leaves_room_for_the_longest_key, 0},
                          {a_record_that_is_too_long_is_refused, 0},
                          {0},
                      });
}
