/* Salvage: pages that are right in themselves, and that the tree has not. */
#include "tests/check_main.h"

#include "tests/formats/ese/salvage/salvaging.h"

static struct damaged d;
static uint32_t table; /* the largest one */

/* Opens the first database from that seed on with a table of several leaves.  Returns its seed. */
static uint64_t open_large(uint64_t seed)
{
    for (unsigned leaves = 0;; seed++) {
        ck_assert_uint_lt(seed, 100);
        ck_assert(damaged_open(&d, seed, 0x14, 4096));
        table = damaged_largest_table(&d, &leaves);
        if (leaves >= 4)
            return seed;
        damaged_close(&d);
    }
}

static void start(void)
{
    open_large(1);
}

static void end(void)
{
    damaged_close(&d);
}

static uint32_t unused_page(void)
{
    for (uint32_t i = d.pages; i > 0; i--) {
        struct ese_page page;
        ese_page_parse(bytes_of(damaged_page(&d, i), d.page_size), i, &page);
        if (page.objid == 0)
            return i;
    }
    ck_abort_msg("no page is unused");
}

static uint64_t time_of(uint32_t number)
{
    struct ese_page page;
    ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
    return page.dbtime;
}

static uint64_t last_time(void)
{
    uint64_t last = 0;
    bytes_le64(bytes_of(d.bytes, d.page_size), ESE_HEADER_DBTIME_AT, &last);
    return last;
}

/* A copy of a leaf in an unused page, with other bytes in its last row, of that time.  number: for
 * which its checksum is right. */
static void copy_leaf(uint32_t leaf, uint32_t number, uint32_t place, uint64_t time)
{
    struct ese_page page;
    struct ese_node node;
    uint8_t *copy = damaged_page(&d, place);
    memcpy(copy, damaged_page(&d, leaf), d.page_size);
    ese_page_parse(bytes_of(copy, d.page_size), leaf, &page);
    ck_assert(ese_page_node(&page, ese_page_nodes(&page) - 1, &node, NULL));
    copy[(size_t)(node.data.at - page.raw.at) + node.data.size - 1] ^= 1;
    bytes_put_le64(copy + ESE_PAGE_DBTIME_AT, time);
    ese_checksum_set(copy, d.page_size, number);
}

/* Salvages; every row of the sound database is in the result, as it was. */
static struct ese_salvage_table salvage(struct salvaged *s)
{
    ck_assert(salvaged_soundly(s, &d));
    for (unsigned i = 0; i < s->result.tables; i++)
        if (s->result.table[i].objid == table)
            return s->result.table[i];
    ck_abort_msg("the table is missing");
}

/* Another table that has rows, *kept of them; 0: there is none. */
static uint32_t other_table(uint64_t *kept)
{
    struct salvaged s;
    uint32_t objid = 0;
    salvage(&s);
    for (unsigned i = 0; i < s.result.tables; i++) {
        const struct ese_salvage_table *t = &s.result.table[i];
        if (t->objid == table || t->system || t->kept == 0)
            continue;
        objid = t->objid;
        *kept = t->kept;
    }
    salvaged_close(&s);
    return objid;
}

/* Its number is that of a leaf which stands in its place: a newer version, for all that is known,
 * unless it is newer than the database. */
START_TEST(other_version_in_a_wrong_place)
{
    struct salvaged s;
    uint32_t leaf = damaged_leaf(&d, table, 1);
    uint64_t time = _i == 0 ? last_time() : _i == 1 ? last_time() + 1 : time_of(leaf) - 1;
    copy_leaf(leaf, leaf, unused_page(), time);
    struct ese_salvage_table t = salvage(&s);
    ck_assert_uint_eq(s.scan.displaced, 1);
    ck_assert_uint_eq(t.doubtful > 0, _i == 0);
    ck_assert_uint_eq(t.older, 1);
    ck_assert_uint_eq(t.written, t.kept + t.doubtful);
    salvaged_close(&s);
}
END_TEST

/* It stands where it says, and nothing knows of it: its rows are another's. */
START_TEST(leaf_that_the_tree_has_not)
{
    struct salvaged s;
    uint32_t place = unused_page(), leaf = damaged_leaf(&d, table, 2);
    copy_leaf(leaf, place, place, _i == 0 ? last_time() : last_time() + 1);
    struct ese_salvage_table t = salvage(&s);
    ck_assert_uint_eq(t.doubtful, 0);
    ck_assert_uint_eq(t.older, 1);
    salvaged_close(&s);
    memset(damaged_page(&d, leaf), 0, d.page_size); /* now they may be this database's */
    damaged_touch(&d, leaf);
    t = salvage(&s);
    ck_assert_uint_gt(t.doubtful + t.lost, 0);
    ck_assert_uint_ge(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

static void set_link(uint32_t number, unsigned at, uint32_t to)
{
    bytes_put_le32(damaged_page(&d, number) + at, to);
    damaged_seal(&d, number);
}

static void set_dirty(void)
{
    for (unsigned i = 0; i < 2; i++) { /* header and shadow */
        uint8_t *header = d.bytes + (size_t)i * d.page_size;
        bytes_put_le32(header + ESE_HEADER_STATE_AT, ESE_STATE_DIRTY_SHUTDOWN);
        ese_checksum_set_header(header, d.page_size);
    }
}

/* The last leaf, moved to a page that the space has not in use, of that time; its parents are lost.
 */
static uint32_t move_last_leaf(uint64_t time)
{
    uint32_t before = 0, parent, leaf, place = unused_page();
    for (unsigned i = 0; (leaf = damaged_leaf(&d, table, i)) != 0; i++) {
        uint32_t next = 0;
        bytes_le32(bytes_of(damaged_page(&d, leaf), d.page_size), ESE_PAGE_NEXT_AT, &next);
        if (next == 0)
            break;
    }
    memcpy(damaged_page(&d, place), damaged_page(&d, leaf), d.page_size);
    bytes_put_le64(damaged_page(&d, place) + ESE_PAGE_DBTIME_AT, time);
    damaged_seal(&d, place);
    bytes_le32(bytes_of(damaged_page(&d, leaf), d.page_size), ESE_PAGE_PREV_AT, &before);
    set_link(before, ESE_PAGE_NEXT_AT, place);
    memset(damaged_page(&d, leaf), 0, d.page_size);
    while ((parent = damaged_find(&d, table, 0, ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE, 0)) != 0)
        memset(damaged_page(&d, parent), 0, d.page_size);
    return place;
}

/* A leaf that no parent names, on a page that the space has not in use: where the database was not
 * shut down, the space may be from before the leaf, and a neighbour that is in use says so. */
START_TEST(leaf_that_only_a_neighbour_names)
{
    struct salvaged s;
    struct ese_salvage_table sound = salvage(&s);
    salvaged_close(&s);
    uint32_t place = move_last_leaf(_i == 2 ? last_time() : last_time() + 1);
    if (_i < 2)
        set_dirty();
    if (_i == 1) /* nor does the neighbour */
        set_link(place, ESE_PAGE_PREV_AT, place);
    struct ese_salvage_table t = salvage(&s);
    ck_assert_uint_eq(t.kept + t.doubtful, sound.kept);
    ck_assert_uint_eq(t.doubtful > 0, _i > 0);
    ck_assert_uint_eq(t.lost, 0);
    salvaged_close(&s);
}
END_TEST

/* A leaf of a table's long values below their root, and the table in `table`; 0: there is none. */
static uint32_t leaf_of_values(void)
{
    struct ese_db *was = salvaged_over(d.before, d.size);
    uint32_t leaf = 0;
    for (unsigned i = 0; leaf == 0 && i < ese_catalog_tables(was->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(was->catalog, i);
        if (t->long_value_objid != 0)
            leaf = damaged_find(&d, t->long_value_objid, ESE_PAGE_LEAF,
                                ESE_PAGE_ROOT | ESE_PAGE_SPACE_TREE, 0);
        table = t->objid;
    }
    ese_db_close(was);
    return leaf;
}

/* Long values on a page that nothing names and that the space has not in use: where the database
 * was not shut down it may be from before them, and they are taken for the rows that refer to them,
 * which are doubtful. */
START_TEST(values_that_nothing_names)
{
    struct salvaged s;
    uint32_t leaf, place;
    for (uint64_t seed = 1; (leaf = leaf_of_values()) == 0;) {
        damaged_close(&d);
        seed = open_large(seed + 1);
    }
    ck_assert_uint_eq(salvage(&s).cut, 0);
    salvaged_close(&s);
    place = unused_page();
    memcpy(damaged_page(&d, place), damaged_page(&d, leaf), d.page_size);
    bytes_put_le64(damaged_page(&d, place) + ESE_PAGE_DBTIME_AT, last_time() + (_i == 0));
    damaged_seal(&d, place);
    memset(damaged_page(&d, leaf), 0, d.page_size);
    if (_i == 0)
        set_dirty();
    struct ese_salvage_table t = salvage(&s);
    ck_assert_uint_eq(t.doubtful > 0, _i == 0);
    ck_assert_uint_eq(t.cut > 0, _i == 1);
    ck_assert_uint_eq(t.lost, 0);
    salvaged_close(&s);
}
END_TEST

/* A copied page is no other one. */
START_TEST(same_page_in_a_wrong_place)
{
    struct salvaged s;
    memcpy(damaged_page(&d, unused_page()), damaged_page(&d, damaged_leaf(&d, table, 1)),
           d.page_size);
    struct ese_salvage_table t = salvage(&s);
    ck_assert_uint_eq(s.scan.displaced, 1);
    ck_assert_uint_eq(t.doubtful + t.older + t.lost + t.pages_lost, 0);
    salvaged_close(&s);
}
END_TEST

/* A leaf that its parent names, with the object id of another table: no row of that one is another
 * for it, none is added, and the table that has lost it says so. */
START_TEST(leaf_of_another_table)
{
    struct salvaged s;
    uint64_t kept = 0;
    uint32_t other;
    for (uint64_t seed = 1; (other = other_table(&kept)) == 0;) {
        damaged_close(&d);
        seed = open_large(seed + 1);
    }
    uint32_t leaf = damaged_leaf(&d, table, 1);
    uint8_t *page = damaged_page(&d, leaf);
    damaged_touch(&d, leaf);
    bytes_put_le32(page + ESE_PAGE_OBJID_AT, other);
    bytes_put_le64(page + ESE_PAGE_DBTIME_AT, _i == 0 ? time_of(leaf) : last_time());
    damaged_seal(&d, leaf);
    ck_assert_uint_ge(salvage(&s).pages_lost, 1);
    for (unsigned i = 0; i < s.result.tables; i++) {
        const struct ese_salvage_table *t = &s.result.table[i];
        if (t->objid != other)
            continue;
        ck_assert_uint_eq(t->kept, kept);
        ck_assert_uint_eq(t->written, kept);
        ck_assert_uint_gt(t->doubtful + t->older, 0);
    }
    salvaged_close(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage apart");
    TCase *pages = tcase_create("pages");
    tcase_set_timeout(pages, 120);
    tcase_add_checked_fixture(pages, start, end);
    tcase_add_loop_test(pages, other_version_in_a_wrong_place, 0, 3);
    tcase_add_loop_test(pages, leaf_that_the_tree_has_not, 0, 2);
    tcase_add_loop_test(pages, leaf_that_only_a_neighbour_names, 0, 3);
    tcase_add_loop_test(pages, values_that_nothing_names, 0, 2);
    tcase_add_loop_test(pages, leaf_of_another_table, 0, 2);
    tcase_add_test(pages, same_page_in_a_wrong_place);
    suite_add_tcase(suite, pages);
    return check_run("salvage_apart", suite);
}
