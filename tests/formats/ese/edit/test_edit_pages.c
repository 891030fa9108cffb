/*
 * Which pages a tree that is changed in place takes and gives back: none is lost.
 */
#include "tests/formats/ese/edit/things.h"

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

int main(void)
{
    return check_main("edit_pages",
                      (const struct check_case[]){
                          {what_a_tree_gives_up_is_free_and_taken_again, THINGS_FORMS},
                          {what_one_extent_gives_up_is_free_and_taken_again, THINGS_FORMS},
                          {0},
                      });
}
