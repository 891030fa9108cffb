/* Salvage: what is kept of databases that were damaged by hand, and that nothing is missing without
 * a word whatever the damage. */
#include "tests/check_main.h"

#include "formats/ese/read/space.h"
#include "tests/formats/ese/salvage/salvaging.h"

/* ---- a database with known rows ---- */

enum { ROWS = 400, LONG_SIZE = 6000 };

static struct ese_column columns[] = {
    {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL | ESE_COLUMN_AUTO_INCREMENT},
    {.name = "Value", .type = ESE_COL_LONG},
    {.name = "Text", .type = ESE_COL_TEXT},
    {.name = "Data", .type = ESE_COL_LONG_BINARY},
};

static struct ese_index indexes[] = {
    {.name = "Primary",
     .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
     .segments = 1,
     .segment = {{.column = 1}}},
    {.name = "ByValue", .segments = 1, .segment = {{.column = 2}}},
};

static struct damaged d;
static uint32_t rows_objid, index_objid;
static uint32_t rows = ROWS;
static bool with_data;
static size_t data_size = LONG_SIZE;

static void build_rows(struct ese_build_table *t)
{
    struct fault f = {.code = FAULT_NONE};
    static uint8_t data[LONG_SIZE];
    const struct ese_table *s = ese_build_schema(t);
    for (uint32_t i = 1; i <= rows; i++) {
        uint8_t id[4], value[4];
        char text[80];
        bytes_put_le32(id, i);
        bytes_put_le32(value, i * 7 % 1000);
        int size = snprintf(text, sizeof text, "the row with the number %u, of some length", i);
        memset(data, data_size == LONG_SIZE ? (int)i : 0, sizeof data);
        struct ese_build_value values[] = {
            {.column = ese_table_column(s, "Id"), .data = bytes_of(id, 4)},
            {.column = ese_table_column(s, "Value"), .data = bytes_of(value, 4)},
            {.column = ese_table_column(s, "Text"), .data = bytes_of(text, (size_t)size)},
            {.column = ese_table_column(s, "Data"), .data = bytes_of(data, data_size)},
        };
        ck_assert_msg(ese_build_row(t, values, with_data && i % 10 == 0 ? 4 : 3, &f), "%s", f.text);
    }
}

/* Rows 1 to 400; every tenth has a long value, if any has. */
static void make(uint32_t revision, uint32_t page_size)
{
    struct fault f = {.code = FAULT_NONE};
    int fd = memfd_create("rows", MFD_CLOEXEC);
    const struct ese_build_options options = {
        .descriptor = fd, .revision = revision, .page_size = page_size};
    const struct ese_table schema = {.name = "Things",
                                     .columns = ARRAY_SIZE(columns),
                                     .column = columns,
                                     .indexes = ARRAY_SIZE(indexes),
                                     .index = indexes};
    struct ese_build *build;
    struct ese_build_table *t;
    ck_assert_msg(ese_build_start(&options, &build, &f), "%s", f.text);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &f), "%s", f.text);
    build_rows(t);
    rows_objid = ese_build_schema(t)->objid;
    index_objid = ese_build_schema(t)->index[1].objid;
    ck_assert_msg(ese_build_table_end(t, &f), "%s", f.text);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
    off_t size = lseek(fd, 0, SEEK_END);
    d = (struct damaged){.page_size = page_size,
                         .size = (size_t)size,
                         .pages = (uint32_t)((size_t)size / page_size) - 2,
                         .bytes = malloc((size_t)size),
                         .before = malloc((size_t)size)};
    d.touched = calloc(d.pages + 1u, sizeof *d.touched);
    ck_assert(d.bytes && d.before && d.touched);
    ck_assert_int_eq(pread(fd, d.bytes, d.size, 0), size);
    memcpy(d.before, d.bytes, d.size);
    close(fd);
}

static void start_small(void)
{
    rows = ROWS;
    with_data = true;
    make(0x14, 4096);
}

/* No row refers to a long value: then the first walk writes them. */
static void start_plain(void)
{
    rows = ROWS;
    with_data = false;
    make(0x14, 4096);
}

/* All rows on the root; the last one has a long value. */
static void start_root(void)
{
    rows = 10;
    with_data = true;
    make(0x14, 4096);
}

static void end(void)
{
    damaged_close(&d);
}

/* The n-th page with these flags of the object, in the order of the file; 0: there are not so many.
 */
static uint32_t find_page(uint32_t objid, uint32_t with, uint32_t without, unsigned n)
{
    return damaged_find(&d, objid, with, without, n);
}

static uint32_t row_leaf(unsigned n)
{
    uint32_t number = find_page(rows_objid, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n);
    ck_assert_uint_ne(number, 0);
    return number;
}

static unsigned nodes_of(uint32_t number)
{
    struct ese_page page;
    ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
    return ese_page_nodes(&page);
}

/* The table's sums; everything else must hold, too. */
static struct ese_salvage_table sums(struct salvaged *s)
{
    ck_assert_msg(salvaged_open(s, &d, ESE_DOUBTFUL_DEFAULT), "%s", s->f.text);
    struct ese_db *db = salvaged_over(s->bytes, s->size);
    ck_assert_ptr_nonnull(db);
    ck_assert(salvaged_is_sound(db));
    ck_assert(rows_are_accounted_for(&d, db, &s->told));
    ese_db_close(db);
    for (unsigned i = 0; i < s->result.tables; i++)
        if (s->result.table[i].objid == rows_objid)
            return s->result.table[i];
    ck_abort_msg("the table is missing");
}

static void assert_all_kept(void)
{
    struct salvaged s;
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS);
    ck_assert_uint_eq(t.written, ROWS);
    ck_assert_uint_eq(t.doubtful + t.lost + t.cut + t.pages_lost, 0);
    salvaged_close(&s);
}

START_TEST(sound_database)
{
    assert_all_kept();
}
END_TEST

/* ---- damage that costs nothing ---- */

START_TEST(lost_root)
{
    uint32_t root = find_page(rows_objid, ESE_PAGE_ROOT, ESE_PAGE_SPACE_TREE, 0);
    memset(damaged_page(&d, root), 0xa5, d.page_size);
    damaged_touch(&d, root);
    assert_all_kept();
}
END_TEST

START_TEST(displaced_pages)
{
    uint32_t one = row_leaf(1), other = row_leaf(4);
    uint8_t *room = malloc(d.page_size);
    memcpy(room, damaged_page(&d, one), d.page_size);
    memcpy(damaged_page(&d, one), damaged_page(&d, other), d.page_size);
    memcpy(damaged_page(&d, other), room, d.page_size);
    free(room);
    assert_all_kept();
}
END_TEST

START_TEST(lost_headers)
{
    memset(d.bytes, 0x5a, 2 * d.page_size);
    assert_all_kept();
}
END_TEST

START_TEST(lost_catalog_beside_its_shadow)
{
    for (unsigned n = 0; find_page(ESE_OBJID_CATALOG, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n); n++) {
        uint32_t leaf = find_page(ESE_OBJID_CATALOG, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n);
        damaged_page(&d, leaf)[500] ^= 0x33;
        damaged_page(&d, leaf)[501] ^= 0x33;
    }
    assert_all_kept();
}
END_TEST

START_TEST(lost_long_value_root)
{
    for (uint32_t i = 1; i <= d.pages; i++) {
        struct ese_page page;
        ese_page_parse(bytes_of(damaged_page(&d, i), d.page_size), i, &page);
        if ((page.flags & ESE_PAGE_LONG_VALUE) && (page.flags & ESE_PAGE_ROOT))
            memset(damaged_page(&d, i), 0, d.page_size);
    }
    assert_all_kept();
}
END_TEST

START_TEST(wrong_links)
{
    for (unsigned n = 1; n < 4; n++) {
        uint32_t leaf = row_leaf(n);
        bytes_put_le32(damaged_page(&d, leaf) + ESE_PAGE_NEXT_AT, n == 1 ? 0 : 0x7fffffff);
        damaged_seal(&d, leaf);
        damaged_touch(&d, leaf);
    }
    assert_all_kept();
}
END_TEST

START_TEST(one_flipped_bit)
{
    damaged_page(&d, row_leaf(2))[1000] ^= 0x10;
    assert_all_kept();
}
END_TEST

/* The shadow's leaves are newer, and their records in a format that this revision does not have, or
 * under keys that are not theirs. */
START_TEST(newer_catalog_rows_that_are_none)
{
    struct salvaged s;
    damaged_close(&d);
    make(0x2, 4096);
    for (uint32_t i = 1; i <= d.pages; i++) {
        struct ese_page page;
        struct ese_node node;
        ese_page_parse(bytes_of(damaged_page(&d, i), d.page_size), i, &page);
        if (page.objid != (_i % 2 ? ESE_OBJID_CATALOG : ESE_OBJID_CATALOG_SHADOW) ||
            (page.flags & (ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE)) != ESE_PAGE_LEAF)
            continue;
        bytes_put_le64(damaged_page(&d, i) + ESE_PAGE_DBTIME_AT, page.dbtime + 100);
        if (_i < 2)
            bytes_put_le32(damaged_page(&d, i) + ESE_PAGE_FLAGS_AT,
                           page.flags | ESE_PAGE_NEW_RECORD_FORMAT);
        for (unsigned n = 0; _i >= 2 && ese_page_node(&page, n, &node, NULL); n++)
            damaged_page(&d, i)[node.data.at - page.raw.at + ESE_CATALOG_TYPE_AT] ^= 0x40;
        damaged_seal(&d, i);
        damaged_touch(&d, i);
    }
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS);
    ck_assert_uint_gt(s.told.kind[ESE_SALVAGE_CATALOG], 0);
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_NO_SCHEMA], 0);
    salvaged_close(&s);
}
END_TEST

/* ---- damage that costs rows ---- */

/* Good headers, and nothing else. */
START_TEST(lost_catalog)
{
    struct salvaged s;
    struct random r = {.state = 7};
    for (size_t i = 2 * (size_t)d.page_size; i < d.size; i++)
        d.bytes[i] = (uint8_t)random_next(&r);
    size_t size = d.size;
    d.size = _i ? (size_t)_i * d.page_size : size;
    ck_assert_msg(salvaged_open(&s, &d, ESE_DOUBTFUL_DEFAULT), "%s", s.f.text);
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_CATALOG], 1);
    salvaged_close(&s);
    d.size = size;
}
END_TEST

START_TEST(lost_leaf)
{
    struct salvaged s;
    uint32_t leaf = row_leaf(2);
    unsigned gone = nodes_of(leaf);
    memset(damaged_page(&d, leaf), 0, d.page_size);
    damaged_touch(&d, leaf);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS - gone);
    ck_assert_uint_eq(t.lost, gone); /* the index knows each of them */
    ck_assert_uint_eq(t.pages_lost, 1);
    ck_assert_uint_eq(t.doubtful, 0);
    salvaged_close(&s);
}
END_TEST

/* Flags that make no leaf of it, under a right checksum; its parent is newer. */
START_TEST(leaf_that_says_it_is_none)
{
    static const uint32_t flips[] = {ESE_PAGE_EMPTY, ESE_PAGE_SPACE_TREE, ESE_PAGE_LEAF};
    struct salvaged s;
    uint32_t number = row_leaf(2), flags = 0;
    unsigned nodes = nodes_of(number);
    uint8_t *page = damaged_page(&d, number);
    bytes_le32(bytes_of(page, d.page_size), ESE_PAGE_FLAGS_AT, &flags);
    bytes_put_le32(page + ESE_PAGE_FLAGS_AT, flags ^ flips[_i]);
    damaged_seal(&d, number);
    damaged_touch(&d, number);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS - nodes);
    ck_assert_uint_eq(t.lost, nodes);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* ---- leaves of which not all can be read ---- */

/* The end of a leaf, where its tags stand, was not written. */
static void tear(uint32_t number, size_t from, bool noise)
{
    struct random r = {.state = number + from};
    for (size_t i = from; i < d.page_size; i++)
        damaged_page(&d, number)[i] = noise ? (uint8_t)random_next(&r) : 0;
    damaged_touch(&d, number);
}

/* Neither the index nor anything else knows of its rows. */
static void lose_index(void)
{
    for (uint32_t i = 1; i <= d.pages; i++) {
        uint32_t objid = 0;
        bytes_le32(bytes_of(damaged_page(&d, i), d.page_size), ESE_PAGE_OBJID_AT, &objid);
        if (objid == index_objid)
            memset(damaged_page(&d, i), 0, d.page_size);
    }
}

START_TEST(torn_leaf)
{
    static const size_t from[] = {512, 2048, 3584};
    struct salvaged s;
    uint32_t leaf = row_leaf(2);
    unsigned gone = nodes_of(leaf);
    lose_index();
    tear(leaf, from[_i / 2], _i % 2);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS - gone);
    ck_assert_uint_eq(t.pages_lost, 1);
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_PAGE_LOST], 1);
    salvaged_close(&s);
}
END_TEST

/* Its parent is lost, too: its neighbours name it, both of them. */
START_TEST(torn_leaf_without_a_parent)
{
    struct salvaged s;
    uint32_t leaf = row_leaf(2);
    uint32_t root = find_page(rows_objid, ESE_PAGE_ROOT, ESE_PAGE_SPACE_TREE, 0);
    memset(damaged_page(&d, root), 0xa5, d.page_size);
    damaged_touch(&d, root);
    tear(leaf, 2048, _i);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* A tree of one page: nothing but the catalog names it. */
START_TEST(torn_root)
{
    struct salvaged s;
    lose_index();
    tear(row_leaf(0), 1024, _i);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, 0);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* It says that it is empty, and is full of rows. */
START_TEST(root_that_says_it_is_empty)
{
    struct salvaged s;
    uint32_t root = row_leaf(0), flags = 0;
    lose_index();
    bytes_le32(bytes_of(damaged_page(&d, root), d.page_size), ESE_PAGE_FLAGS_AT, &flags);
    bytes_put_le32(damaged_page(&d, root) + ESE_PAGE_FLAGS_AT, flags | ESE_PAGE_EMPTY);
    damaged_seal(&d, root);
    damaged_touch(&d, root);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, 0);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* Under a right checksum: a tag of no size, one that points outside, one that points where the next
 * one does. */
START_TEST(node_that_cannot_be_read)
{
    struct salvaged s;
    uint32_t leaf = row_leaf(2);
    unsigned nodes = nodes_of(leaf);
    uint8_t *page = damaged_page(&d, leaf), *tag = page + d.page_size - (size_t)6 * ESE_TAG_SIZE;
    lose_index();
    if (_i == 2)
        memcpy(tag, tag - ESE_TAG_SIZE, ESE_TAG_SIZE);
    else
        bytes_put_le32(tag, _i ? 0x0fff0fff : 0);
    damaged_seal(&d, leaf);
    damaged_touch(&d, leaf);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_lt(t.kept, ROWS);
    ck_assert_uint_ge(t.kept, ROWS - nodes);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* A node of its parent cannot be read, and its leaf is lost: the neighbours name it. */
START_TEST(lost_leaf_that_a_parent_hides)
{
    struct salvaged s;
    uint32_t root = find_page(rows_objid, ESE_PAGE_ROOT, ESE_PAGE_SPACE_TREE, 0);
    uint32_t leaf = 0;
    struct ese_page page;
    struct ese_node node;
    ese_page_parse(bytes_of(damaged_page(&d, root), d.page_size), root, &page);
    ck_assert(ese_page_node(&page, 1, &node, NULL));
    leaf = ese_node_child(&node);
    bytes_put_le32(damaged_page(&d, root) + d.page_size - (size_t)3 * ESE_TAG_SIZE, 0);
    damaged_seal(&d, root);
    damaged_touch(&d, root);
    memset(damaged_page(&d, leaf), 0, d.page_size);
    damaged_touch(&d, leaf);
    lose_index();
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* Its place has a page that is older than its parent: of another tree, or another leaf of this one,
 * under a right checksum or a wrong one.  It was written elsewhere, or not at all. */
START_TEST(place_with_another_page)
{
    struct salvaged s;
    uint32_t leaf = row_leaf(2);
    uint32_t other = _i ? row_leaf(3) : find_page(index_objid, ESE_PAGE_LEAF, 0, 1);
    unsigned gone = nodes_of(leaf);
    uint8_t *copy = malloc(d.page_size);
    memcpy(copy, damaged_page(&d, other), d.page_size);
    lose_index();
    memcpy(damaged_page(&d, leaf), copy, d.page_size);
    free(copy);
    bytes_put_le64(damaged_page(&d, leaf) + ESE_PAGE_DBTIME_AT, 1);
    if (_i < 2)
        damaged_seal(&d, leaf);
    damaged_touch(&d, leaf);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_le(t.kept, ROWS - gone);
    ck_assert_uint_eq(t.pages_lost, 1);
    salvaged_close(&s);
}
END_TEST

/* A page says that its records are in the old format, which has other tagged columns: what they are
 * in truth nobody knows.  The rows without any are the same in both, and are written. */
START_TEST(leaf_in_another_format)
{
    struct salvaged s;
    damaged_close(&d);
    data_size = 59; /* within the row; in the old format fields of no size */
    make(0x14, 4096);
    data_size = LONG_SIZE;
    uint32_t leaf = row_leaf(2), flags = 0;
    bytes_le32(bytes_of(damaged_page(&d, leaf), d.page_size), ESE_PAGE_FLAGS_AT, &flags);
    ck_assert(flags & ESE_PAGE_NEW_RECORD_FORMAT);
    bytes_put_le32(damaged_page(&d, leaf) + ESE_PAGE_FLAGS_AT,
                   flags & ~(uint32_t)ESE_PAGE_NEW_RECORD_FORMAT);
    damaged_seal(&d, leaf);
    damaged_touch(&d, leaf);
    struct ese_salvage_table t = sums(&s);
    unsigned tenths = 0;
    struct ese_page page;
    struct ese_node node;
    ese_page_parse(bytes_of(damaged_page(&d, leaf), d.page_size), leaf, &page);
    for (unsigned i = 0; ese_page_node(&page, i, &node, NULL); i++)
        tenths += bytes_get_le32(node.data, 4) % 10 == 0;
    ck_assert_uint_gt(tenths, 0);
    ck_assert_uint_ge(t.doubtful, tenths);
    ck_assert_uint_eq(t.written, ROWS - tenths);
    salvaged_close(&s);
}
END_TEST

START_TEST(overwritten_leaf)
{
    struct salvaged s;
    uint32_t leaf = row_leaf(2);
    unsigned there = nodes_of(leaf);
    memset(damaged_page(&d, leaf) + 1000, 0xee, 100);
    damaged_touch(&d, leaf);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS - there);
    ck_assert_uint_eq(t.written, ROWS - there); /* bytes under a wrong checksum are not written */
    ck_assert_uint_gt(t.doubtful, there / 2);
    ck_assert_uint_lt(t.doubtful, there);
    ck_assert_uint_eq(t.doubtful + t.lost, there);
    salvaged_close(&s);
    ck_assert(salvaged_open(&s, &d, ESE_DOUBTFUL_KEEP));
    salvaged_close(&s);
}
END_TEST

START_TEST(lost_long_value_page)
{
    struct salvaged s;
    for (uint32_t i = 1, n = 0; i <= d.pages && n < 1; i++) {
        struct ese_page page;
        ese_page_parse(bytes_of(damaged_page(&d, i), d.page_size), i, &page);
        if ((page.flags & (ESE_PAGE_LONG_VALUE | ESE_PAGE_LEAF)) ==
                (ESE_PAGE_LONG_VALUE | ESE_PAGE_LEAF) &&
            !(page.flags & (ESE_PAGE_ROOT | ESE_PAGE_SPACE_TREE))) {
            memset(damaged_page(&d, i), 0, d.page_size);
            damaged_touch(&d, i);
            n++;
        }
    }
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS);
    ck_assert_uint_eq(t.written, ROWS);
    ck_assert_uint_ge(t.cut, 1);
    ck_assert_uint_le(t.cut, 2);
    ck_assert_uint_gt(s.told.kind[ESE_SALVAGE_LONG_VALUE], 0); /* what is left of the value */
    salvaged_close(&s);
}
END_TEST

START_TEST(file_cut_short)
{
    struct salvaged s;
    d.size = d.size * 6 / 10;
    for (uint32_t i = (uint32_t)(d.size / d.page_size) - 1; i <= d.pages; i++)
        damaged_touch(&d, i);
    uint32_t pages = d.pages;
    d.pages = (uint32_t)(d.size / d.page_size) - 2;
    ck_assert_msg(salvaged_open(&s, &d, ESE_DOUBTFUL_DEFAULT), "%s", s.f.text);
    ck_assert(s.scan.cut || d.size % d.page_size == 0);
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    ck_assert(db != NULL && salvaged_is_sound(db));
    ese_db_close(db);
    salvaged_close(&s);
    d.pages = pages;
}
END_TEST

/* ---- older versions ---- */

/* Makes the page's time older, and lets one row's indexed column have another value: an older
 * version of the leaf, which the index contradicts. */
START_TEST(stale_leaf)
{
    struct salvaged s;
    uint32_t leaf = row_leaf(3);
    struct ese_page page;
    struct ese_node node;
    ese_page_parse(bytes_of(damaged_page(&d, leaf), d.page_size), leaf, &page);
    ck_assert(ese_page_node(&page, 1, &node, NULL));
    uint8_t *value = damaged_page(&d, leaf) + (node.data.at - page.raw.at) + 8;
    bytes_put_le32(value, 5000);
    bytes_put_le64(damaged_page(&d, leaf) + ESE_PAGE_DBTIME_AT, 0);
    damaged_seal(&d, leaf);
    damaged_touch(&d, leaf);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS - nodes_of(leaf)); /* its other rows may be old as well */
    ck_assert_uint_eq(t.doubtful, nodes_of(leaf));
    ck_assert_uint_eq(t.written, ROWS); /* they stand on a good page */
    salvaged_close(&s);
}
END_TEST

/* The left half of a split was not written: it still has the rows that the right one has, too. */
/* More leaves over each other than are read side by side. */
START_TEST(many_copies_of_a_leaf)
{
    struct salvaged s;
    uint32_t original = row_leaf(1);
    unsigned copies = 0;
    for (uint32_t i = 1; i <= d.pages; i++) {
        struct ese_page page;
        ese_page_parse(bytes_of(damaged_page(&d, i), d.page_size), i, &page);
        if (!(page.flags & ESE_PAGE_LONG_VALUE) || (page.flags & ESE_PAGE_SPACE_TREE))
            continue;
        memcpy(damaged_page(&d, i), damaged_page(&d, original), d.page_size);
        damaged_seal(&d, i);
        damaged_touch(&d, i);
        copies++;
    }
    ck_assert_uint_gt(copies, 40);
    struct ese_salvage_table sum = sums(&s);
    ck_assert_uint_eq(sum.kept, ROWS);
    ck_assert_uint_eq(sum.cut, ROWS / 10);
    ck_assert_uint_eq(sum.older, 0);
    salvaged_close(&s);
}
END_TEST

START_TEST(half_written_split)
{
    uint32_t left = row_leaf(1), right = row_leaf(2);
    struct ese_page page;
    ese_page_parse(bytes_of(damaged_page(&d, left), d.page_size), left, &page);
    ck_assert_uint_eq(page.next, right);
    uint8_t *copy = malloc(d.page_size);
    memcpy(copy, damaged_page(&d, right), d.page_size);
    /* An unused page gets the right one's rows, older, and says to be in the tree. */
    uint32_t spare = 0;
    for (uint32_t i = d.pages; i > 0 && spare == 0; i--) {
        uint32_t objid = 0;
        bytes_le32(bytes_of(damaged_page(&d, i), d.page_size), ESE_PAGE_OBJID_AT, &objid);
        spare = objid == 0 ? i : 0;
    }
    ck_assert_uint_ne(spare, 0);
    memcpy(damaged_page(&d, spare), copy, d.page_size);
    free(copy);
    bytes_put_le64(damaged_page(&d, spare) + ESE_PAGE_DBTIME_AT, 0);
    damaged_seal(&d, spare);
    damaged_touch(&d, spare);
    assert_all_kept();
}
END_TEST

/* The number that the next row gets must not be that of a lost one. */
/* The new page of a split names both neighbours, and the right one still names the left. */
START_TEST(neighbour_from_before_a_split)
{
    struct salvaged s;
    uint32_t left = row_leaf(1), middle = row_leaf(2), right = row_leaf(3);
    uint64_t time = 0;
    bytes_le64(bytes_of(damaged_page(&d, middle), d.page_size), ESE_PAGE_DBTIME_AT, &time);
    bytes_put_le32(damaged_page(&d, right) + ESE_PAGE_PREV_AT, left);
    bytes_put_le64(damaged_page(&d, right) + ESE_PAGE_DBTIME_AT, _i ? time - 1 : time + 100);
    damaged_seal(&d, right);
    damaged_touch(&d, right);
    struct ese_salvage_table sum = sums(&s);
    ck_assert_uint_eq(sum.doubtful, _i ? nodes_of(right) : 0);
    ck_assert_uint_eq(sum.kept + sum.doubtful, ROWS);
    ck_assert_uint_eq(sum.written, ROWS);
    salvaged_close(&s);
}
END_TEST

/* A whole long value that no row refers to, newer than the only leaf there is. */
START_TEST(root_from_before_a_long_value)
{
    struct salvaged s;
    uint32_t index =
        find_page(rows_objid + 1, ESE_PAGE_LEAF | ESE_PAGE_INDEX, ESE_PAGE_SPACE_TREE, 0);
    uint32_t root = row_leaf(0);
    uint16_t tags = 0;
    ck_assert_uint_ne(index, 0);
    memset(damaged_page(&d, index), 0, d.page_size);
    damaged_touch(&d, index);
    bytes_le16(bytes_of(damaged_page(&d, root), d.page_size), ESE_PAGE_TAG_COUNT_AT, &tags);
    bytes_put_le16(damaged_page(&d, root) + ESE_PAGE_TAG_COUNT_AT, tags - 1u);
    if (_i)
        bytes_put_le64(damaged_page(&d, root) + ESE_PAGE_DBTIME_AT, 0);
    damaged_seal(&d, root);
    damaged_touch(&d, root);
    struct ese_salvage_table sum = sums(&s);
    ck_assert_uint_eq(sum.doubtful, _i ? 9 : 0);
    ck_assert_uint_eq(sum.written, 9);
    salvaged_close(&s);
}
END_TEST

START_TEST(counter_of_a_lost_root)
{
    struct salvaged s;
    struct ese_space space = {.has_auto_increment = false};
    const struct ese_page *page;
    struct fault f;
    damaged_close(&d);
    make(0x122, 4096);
    unsigned n = 0;
    while (find_page(rows_objid, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n + 1) != 0)
        n++;
    uint32_t last = row_leaf(n);
    memset(damaged_page(&d, find_page(rows_objid, ESE_PAGE_ROOT, ESE_PAGE_SPACE_TREE, 0)), 0xa5,
           d.page_size);
    memset(damaged_page(&d, last), 0, d.page_size);
    damaged_touch(&d, last);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_gt(t.lost, 0);
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    ck_assert_ptr_nonnull(db);
    ck_assert(
        ese_pages_get_sound(db->pages, ese_catalog_find(db->catalog, "Things")->root, &page, &f));
    ck_assert(ese_space_read(page, &space, &f));
    ese_pages_put(db->pages, page);
    ese_db_close(db);
    ck_assert(space.has_auto_increment);
    ck_assert_uint_eq(space.auto_increment, ROWS);
    salvaged_close(&s);
}
END_TEST

/* ---- rows that the first walk writes ---- */

/* The greatest value that a row has, and that row. */
enum { VALUE_MOST = 995, ROW_OF_MOST = 285 };

static struct bytes key_of(uint32_t id, uint8_t room[5])
{
    room[0] = 0x7f;
    bytes_put_be32(room + 1, id ^ 0x80000000u);
    return bytes_of(room, 5);
}

/* Takes the last entry off the index, whose pages are newer than those of the rows. */
static void drop_last_entry(void)
{
    uint32_t number = 0;
    for (unsigned n = 0; find_page(index_objid, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n) != 0; n++)
        number = find_page(index_objid, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n);
    ck_assert_uint_ne(number, 0);
    uint16_t tags = 0;
    uint8_t *page = damaged_page(&d, number);
    bytes_le16(bytes_of(page, d.page_size), ESE_PAGE_TAG_COUNT_AT, &tags);
    bytes_put_le16(page + ESE_PAGE_TAG_COUNT_AT, (uint16_t)(tags - 1));
    damaged_seal(&d, number);
    damaged_touch(&d, number);
}

/* All rows are written when the index is looked at, and taken back when it says of one that it was
 * deleted. */
START_TEST(row_that_no_index_knows)
{
    struct salvaged s;
    uint8_t room[5];
    struct bytes key = key_of(ROW_OF_MOST, room);
    ck_assert_uint_eq(ROW_OF_MOST * 7 % 1000, VALUE_MOST);
    drop_last_entry();
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.written, ROWS - 1);
    ck_assert(told_has(&s.told, rows_objid, key));
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    ck_assert_ptr_nonnull(db);
    ck_assert(!salvaged_has_row(db, rows_objid, key));
    ese_db_close(db);
    salvaged_close(&s);
}
END_TEST

/* An overwritten leaf between good ones: only what is in doubt is looked at twice. */
START_TEST(doubt_beside_rows_that_are_written)
{
    struct salvaged s;
    uint32_t number = row_leaf(2);
    unsigned nodes = nodes_of(number);
    damaged_page(&d, number)[d.page_size - 200] ^= 0x55;
    damaged_page(&d, number)[d.page_size - 201] ^= 0x55;
    damaged_touch(&d, number);
    struct ese_salvage_table t = sums(&s);
    ck_assert_uint_eq(t.kept, ROWS - nodes);
    ck_assert_uint_eq(t.written, ROWS - nodes);
    ck_assert_uint_eq(t.doubtful + t.lost, nodes);
    salvaged_close(&s);
    ck_assert(salvaged_open(&s, &d, ESE_DOUBTFUL_KEEP));
    ck_assert_uint_gt(s.result.built.rows, ROWS - nodes);
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    ck_assert(db != NULL && salvaged_is_sound(db));
    ese_db_close(db);
    salvaged_close(&s);
}
END_TEST

/* ---- whatever the damage ---- */

START_TEST(random_damage)
{
    static const struct {
        uint32_t revision, page_size;
    } forms[] = {{0x2, 4096}, {0x14, 4096}, {0x14, 8192}, {0x6e, 16384}, {0x122, 32768}};
    bool is_long = getenv("KM_LONG") != NULL;
    for (uint64_t seed = 0; seed < (is_long ? 2000 : 60); seed++) {
        struct damaged random;
        struct random r = {.state = (seed + 1) * 0x9e3779b97f4a7c15u};
        ck_assert(damaged_open(&random, seed, forms[seed % 5].revision, forms[seed % 5].page_size));
        uint32_t changes = 1 + random_below(&r, 12);
        for (uint32_t i = 0; i < changes; i++)
            damaged_damage(&random, (uint8_t)random_below(&r, 256), random_below(&r, 10000),
                           random_next(&r));
        ck_assert_msg(salvage_holds(&random), "seed %u", (unsigned)seed);
        damaged_close(&random);
    }
}
END_TEST

START_TEST(noise_is_refused)
{
    struct salvaged s;
    struct random r = {.state = 5};
    for (size_t i = 0; i < d.size; i++)
        d.bytes[i] = (uint8_t)random_next(&r);
    ck_assert(!salvaged_open(&s, &d, ESE_DOUBTFUL_DEFAULT));
    ck_assert_int_eq(s.f.code, FAULT_NOT_THIS);
    salvaged_close(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage");
    TCase *by_hand = tcase_create("by hand");
    TCase *one_leaf = tcase_create("one leaf");
    TCase *plain = tcase_create("plain");
    TCase *random = tcase_create("random");
    tcase_set_timeout(by_hand, 120);
    tcase_set_timeout(random, 0);
    tcase_add_checked_fixture(by_hand, start_small, end);
    tcase_add_test(by_hand, sound_database);
    tcase_add_test(by_hand, lost_root);
    tcase_add_test(by_hand, displaced_pages);
    tcase_add_test(by_hand, lost_headers);
    tcase_add_test(by_hand, lost_catalog_beside_its_shadow);
    tcase_add_loop_test(by_hand, newer_catalog_rows_that_are_none, 0, 4);
    tcase_add_loop_test(by_hand, lost_catalog, 0, 4);
    tcase_add_test(by_hand, lost_long_value_root);
    tcase_add_test(by_hand, wrong_links);
    tcase_add_test(by_hand, one_flipped_bit);
    tcase_add_test(by_hand, lost_leaf);
    tcase_add_loop_test(by_hand, leaf_that_says_it_is_none, 0, 3);
    tcase_add_loop_test(by_hand, torn_leaf, 0, 6);
    tcase_add_loop_test(by_hand, torn_leaf_without_a_parent, 0, 2);
    tcase_add_loop_test(by_hand, node_that_cannot_be_read, 0, 3);
    tcase_add_test(by_hand, lost_leaf_that_a_parent_hides);
    tcase_add_loop_test(by_hand, place_with_another_page, 0, 3);
    tcase_add_test(by_hand, leaf_in_another_format);
    tcase_add_test(by_hand, overwritten_leaf);
    tcase_add_test(by_hand, lost_long_value_page);
    tcase_add_test(by_hand, file_cut_short);
    tcase_add_test(by_hand, stale_leaf);
    tcase_add_test(by_hand, many_copies_of_a_leaf);
    tcase_add_test(by_hand, half_written_split);
    tcase_add_loop_test(by_hand, neighbour_from_before_a_split, 0, 2);
    tcase_add_test(by_hand, counter_of_a_lost_root);
    tcase_add_test(by_hand, noise_is_refused);
    tcase_add_checked_fixture(one_leaf, start_root, end);
    tcase_add_loop_test(one_leaf, root_from_before_a_long_value, 0, 2);
    tcase_add_loop_test(one_leaf, torn_root, 0, 2);
    tcase_add_test(one_leaf, root_that_says_it_is_empty);
    tcase_add_checked_fixture(plain, start_plain, end);
    tcase_add_test(plain, sound_database);
    tcase_add_test(plain, row_that_no_index_knows);
    tcase_add_test(plain, doubt_beside_rows_that_are_written);
    tcase_add_test(random, random_damage);
    suite_add_tcase(suite, by_hand);
    suite_add_tcase(suite, one_leaf);
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, random);
    return check_run("salvage", suite);
}
