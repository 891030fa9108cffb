/*
 * Compaction of damaged databases: it carries everything that stands, or refuses.  What a lost
 * write leaves is made of a database with trees of two levels: a parent that is older than its
 * leaves, parts of long values that are missing, space that says otherwise.
 */
#include "formats/ese/build/compact.h"
#include "formats/ese/check/check.h"
#include "tests/formats/ese/corpus.h"

#include <sys/mman.h>

enum { ROWS = 400, LONG_SIZE = 9000, LONG_EVERY = 40 };

static struct ese_index indexes[] = {
    {.name = "Primary",
     .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
     .segments = 1,
     .segment = {{.column = 1}}},
    {.name = "ByName", .flags = ESE_INDEX_UNIQUE, .segments = 1, .segment = {{.column = 128}}},
};

static struct ese_column columns[] = {
    {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "Name", .type = ESE_COL_TEXT},
    {.name = "Data", .type = ESE_COL_LONG_BINARY},
};

static void add_rows(struct ese_build_table *t)
{
    static uint8_t data[LONG_SIZE];
    const struct ese_table *s = ese_build_schema(t);
    struct fault f = {.code = FAULT_NONE};
    memset(data, 'd', sizeof data);
    for (uint32_t i = 1; i <= ROWS; i++) {
        uint8_t id[4];
        char name[40];
        bytes_put_le32(id, i);
        int size = snprintf(name, sizeof name, "the name of number %05u", i);
        struct ese_build_value values[] = {
            {.column = ese_table_column(s, "Id"), .data = bytes_of(id, 4)},
            {.column = ese_table_column(s, "Name"), .data = bytes_of(name, (size_t)size)},
            {.column = ese_table_column(s, "Data"), .data = bytes_of(data, sizeof data)},
        };
        ck_assert_msg(ese_build_row(t, values, i % LONG_EVERY ? 2 : 3, &f), "%s", f.text);
    }
}

static int new_file(void)
{
    int fd = memfd_create("km-test", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static struct image image_of(int fd)
{
    struct image image = {.size = (size_t)lseek(fd, 0, SEEK_END), .page_size = 4096};
    image.bytes = malloc(image.size);
    ck_assert_int_eq(pread(fd, image.bytes, image.size, 0), (ssize_t)image.size);
    image.last = (uint32_t)(image.size / image.page_size) - 2;
    close(fd);
    return image;
}

static struct image make(void)
{
    struct fault f = {.code = FAULT_NONE};
    int fd = new_file();
    const struct ese_build_options options = {
        .descriptor = fd, .revision = 0x14, .page_size = 4096};
    const struct ese_table schema = {.name = "Things",
                                     .columns = ARRAY_SIZE(columns),
                                     .column = columns,
                                     .indexes = ARRAY_SIZE(indexes),
                                     .index = indexes};
    struct ese_build *build;
    struct ese_build_table *t;
    ck_assert_msg(ese_build_start(&options, &build, &f), "%s", f.text);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &f), "%s", f.text);
    add_rows(t);
    ck_assert_msg(ese_build_table_end(t, &f), "%s", f.text);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
    return image_of(fd);
}

/* ---- places ---- */

/* Root pages of the table's trees, and the page of their second leaf. */
struct places {
    uint32_t rows, row_leaf, index, index_leaf, values, value_leaf, catalog_leaf;
};

static uint32_t second_leaf(struct ese_db *db, uint32_t root)
{
    struct ese_cursor c;
    struct fault f;
    uint32_t first = 0, second = 0;
    ese_cursor_open(&c, db->pages, root, 0);
    while (second == 0 && ese_cursor_next(&c, &f) == ESE_STEP_NODE) {
        if (first == 0)
            first = c.leaf->number;
        if (c.leaf->number != first)
            second = c.leaf->number;
    }
    ese_cursor_close(&c);
    ck_assert_uint_ne(second, 0);
    return second;
}

static struct places places_of(const struct image *image)
{
    struct ese_db *db;
    struct fault f;
    ck_assert_msg(image_open(image, &db, &f), "%s", f.text);
    const struct ese_table *t = ese_catalog_find(db->catalog, "Things");
    struct places p = {.rows = t->root, .index = t->index[1].root, .values = t->long_value_root};
    if (t->index[1].flags & ESE_INDEX_PRIMARY)
        p.index = t->index[0].root;
    p.row_leaf = second_leaf(db, p.rows);
    p.index_leaf = second_leaf(db, p.index);
    p.value_leaf = second_leaf(db, p.values);
    p.catalog_leaf = second_leaf(db, ESE_PGNO_CATALOG);
    ese_db_close(db);
    return p;
}

static void remove_node(const struct image *image, uint32_t page, unsigned tag)
{
    image_remove_node(image, page, tag);
    image_seal(image, page);
}

/* Adds an extent of one page to the tree of free extents of the tree with root page `root`; there
 * its entries stand in the order of their pages, those with a pool behind the others. */
static void list_as_free(const struct image *image, uint32_t root, uint32_t page)
{
    const uint8_t *space = image_node(image, root, 0);
    ck_assert_uint_eq(image_u32(space + 8) & 1, 1); /* its extents are trees */
    uint32_t list = image_u32(space + 12) + 1, at = 1;
    uint8_t *header = image_page(image, list), node[10] = {4, 0};
    uint32_t tags = image_u16(header + ESE_PAGE_TAG_COUNT_AT) & 0xfff;
    uint32_t offset = image_u16(header + ESE_PAGE_FIRST_FREE_AT);
    bytes_put_be32(node + 2, page);
    bytes_put_le32(node + 6, 1);
    while (at < tags && memcmp(image_node(image, list, at) + 2, node + 2, 4) < 0)
        at++;
    for (uint32_t i = tags; i > at; i--)
        memcpy(image_tag(image, list, i), image_tag(image, list, i - 1), IMAGE_TAG_SIZE);
    bytes_put_le16(image_tag(image, list, at), sizeof node);
    bytes_put_le16(image_tag(image, list, at) + 2, offset);
    memcpy(header + IMAGE_SMALL_HEADER + offset, node, sizeof node);
    bytes_put_le16(header + ESE_PAGE_FIRST_FREE_AT, offset + (uint32_t)sizeof node);
    bytes_put_le16(header + ESE_PAGE_FREE_AT,
                   image_u16(header + ESE_PAGE_FREE_AT) - (uint32_t)sizeof node - IMAGE_TAG_SIZE);
    bytes_put_le16(header + ESE_PAGE_TAG_COUNT_AT, image_u16(header + ESE_PAGE_TAG_COUNT_AT) + 1);
    image_seal(image, list);
}

/* ---- damage ---- */

static void no_damage(const struct image *image, const struct places *p)
{
    (void)image;
    (void)p;
}

static void rows_parent_is_old(const struct image *image, const struct places *p)
{
    remove_node(image, p->rows, 2);
}

static void index_parent_is_old(const struct image *image, const struct places *p)
{
    remove_node(image, p->index, 2);
}

static void values_parent_is_old(const struct image *image, const struct places *p)
{
    remove_node(image, p->values, 2);
}

static void catalog_rows_change_places(const struct image *image, const struct places *p)
{
    uint8_t last[IMAGE_TAG_SIZE];
    unsigned tags = image_u16(image_page(image, p->catalog_leaf) + ESE_PAGE_TAG_COUNT_AT) & 0xfff;
    ck_assert_uint_gt(tags, 2);
    uint8_t *a = image_tag(image, p->catalog_leaf, tags - 1),
            *b = image_tag(image, p->catalog_leaf, tags - 2);
    memcpy(last, a, sizeof last);
    memcpy(a, b, sizeof last);
    memcpy(b, last, sizeof last);
    image_seal(image, p->catalog_leaf);
}

static void leaf_is_flagged_empty(const struct image *image, const struct places *p)
{
    rows_parent_is_old(image, p);
    image_page(image, p->row_leaf)[ESE_PAGE_FLAGS_AT] |= ESE_PAGE_EMPTY;
    image_seal(image, p->row_leaf);
}

static void leaf_has_no_nodes(const struct image *image, const struct places *p)
{
    rows_parent_is_old(image, p);
    while (image_u16(image_page(image, p->row_leaf) + ESE_PAGE_TAG_COUNT_AT) % 0x1000 > 1)
        image_remove_node(image, p->row_leaf, 1);
    image_seal(image, p->row_leaf);
}

static void leaf_is_no_ones(const struct image *image, const struct places *p)
{
    rows_parent_is_old(image, p);
    bytes_put_le32(image_page(image, p->row_leaf) + ESE_PAGE_OBJID_AT, 999);
    image_seal(image, p->row_leaf);
}

static void leaf_is_free(const struct image *image, const struct places *p)
{
    rows_parent_is_old(image, p);
    list_as_free(image, p->rows, p->row_leaf);
}

/* Another page that is listed as free is one that a parent leads to: the list is not sound. */
static void leaf_is_free_in_doubt(const struct image *image, const struct places *p)
{
    leaf_is_free(image, p);
    struct ese_db *db;
    struct fault f;
    ck_assert(image_open(image, &db, &f));
    uint32_t other = second_leaf(db, p->rows);
    ese_db_close(db);
    list_as_free(image, p->rows, other);
}

static void parent_is_older_than_an_empty_leaf(const struct image *image, const struct places *p)
{
    image_page(image, p->row_leaf)[ESE_PAGE_FLAGS_AT] |= ESE_PAGE_EMPTY;
    image_seal(image, p->row_leaf);
}

static void root_of_a_value_is_missing(const struct image *image, const struct places *p)
{
    uint32_t leaf = image_u16(image_page(image, p->values) + ESE_PAGE_FLAGS_AT) & ESE_PAGE_LEAF
                        ? p->values
                        : p->value_leaf - 1;
    remove_node(image, leaf, 1); /* the first value's root stands first in the first leaf */
}

static void part_of_a_value_is_missing(const struct image *image, const struct places *p)
{
    remove_node(image, p->value_leaf - 1, 2);
}

/* Both of its chunks and its root. */
static void value_is_missing(const struct image *image, const struct places *p)
{
    remove_node(image, p->value_leaf - 1, 1);
    struct ese_db *db;
    struct fault f;
    struct ese_cursor c;
    for (bool found = true; found;) {
        found = false;
        ck_assert(image_open(image, &db, &f));
        ese_cursor_open(&c, db->pages, p->values, 0);
        while (!found && ese_cursor_next(&c, &f) == ESE_STEP_NODE)
            if (c.key.size == 8 && c.key.at[3] == 1) {
                found = true;
                remove_node(image, c.leaf->number, c.index + c.leaf->reserved);
            }
        ese_cursor_close(&c);
        ese_db_close(db);
    }
}

static void sibling_link_is_wrong(const struct image *image, const struct places *p)
{
    bytes_put_le32(image_page(image, p->row_leaf) + ESE_PAGE_NEXT_AT, 3);
    image_seal(image, p->row_leaf);
}

static void root_of_all_is_zero(const struct image *image, const struct places *p)
{
    (void)p;
    memset(image_page(image, ESE_PGNO_ROOT), 0, image->page_size);
}

/* As eseutil /p leaves it. */
static void old_root_is_a_leaf(const struct image *image, const struct places *p)
{
    image_page(image, p->row_leaf)[ESE_PAGE_FLAGS_AT] |= ESE_PAGE_ROOT;
    image_seal(image, p->row_leaf);
}

static const struct damage {
    const char *what;
    void (*damage)(const struct image *image, const struct places *p);
    bool lacks_rows;     /* the copy has index entries more than rows, as is right here */
    const char *refusal; /* NULL: it is carried */
} damages[] = {
    {"nothing", no_damage, false, NULL},
    {"a parent that is older than its leaves", rows_parent_is_old, false,
     "table Things: no parent page leads to page"},
    {"the same of an index", index_parent_is_old, false,
     "table Things, index ByName: no parent page leads to page"},
    {"the same of long values", values_parent_is_old, false, "is not whole"},
    {"a leaf that is flagged as empty", leaf_is_flagged_empty, true, NULL},
    {"a leaf without nodes", leaf_has_no_nodes, true, NULL},
    {"a leaf of no object of the catalog", leaf_is_no_ones, true, NULL},
    {"a leaf that is free", leaf_is_free, true, NULL},
    {"a leaf that is free, by a list with an error", leaf_is_free_in_doubt, false,
     "table Things: no parent page leads to page"},
    {"a parent that leads to an empty page", parent_is_older_than_an_empty_leaf, false,
     "is flagged as empty: its parent page is older"},
    {"a long value without its root", root_of_a_value_is_missing, false,
     "which has no root before it"},
    {"a long value without a chunk", part_of_a_value_is_missing, false, "is not whole"},
    {"a row without its long value", value_is_missing, false,
     "refers to long value 1, which does not exist"},
    {"catalog rows that changed places", catalog_rows_change_places, false,
     "its key is not above the one before"},
    {"a broken sibling link", sibling_link_is_wrong, false, NULL},
    {"a zeroed page 1", root_of_all_is_zero, false, NULL},
    {"the old root that a repair leaves", old_root_is_a_leaf, false, NULL},
};

/* ---- what becomes of it ---- */

static void print_problem(void *context, const struct ese_finding *finding)
{
    if (finding->severity == ESE_PROBLEM)
        fprintf(stderr, "%s: page %u: %s\n", (const char *)context, finding->page, finding->text);
}

static void must_be_sound(const struct image *image, const char *what, bool lacks_rows)
{
    struct ese_db *db;
    struct ese_check_summary summary;
    struct fault f;
    ck_assert_msg(image_open(image, &db, &f), "%s: %s", what, f.text);
    ck_assert(
        ese_check(db, lacks_rows ? NULL : print_problem, (void *)(uintptr_t)what, &summary, &f));
    if (lacks_rows) /* more may be carried: which rows there are is told by a filter */
        summary.problems -= summary.of_rule[ESE_RULE_INDEX_DANGLING];
    ck_assert_msg(summary.problems + summary.not_judged == 0, "%s", what);
    ese_db_close(db);
}

START_TEST(damage_is_carried_whole_or_refused)
{
    const struct damage *d = &damages[_i];
    const struct ese_compact_options options = {.keep_first = false};
    struct ese_compact_result result;
    struct fault f = {.code = FAULT_NONE}, would_not = {.code = FAULT_NONE};
    struct image image = make();
    struct places p = places_of(&image);
    struct ese_db *db;
    d->damage(&image, &p);
    ck_assert_msg(image_open(&image, &db, &f), "%s: %s", d->what, f.text);
    bool would = ese_compact_would(db, &would_not);
    int fd = new_file();
    bool did = ese_compact(db, fd, &options, &result, &f);
    ck_assert_msg(did == (d->refusal == NULL), "%s: %s", d->what, f.text);
    ck_assert_msg(would == did, "%s: %s", d->what, would_not.text);
    if (d->refusal) {
        ck_assert_msg(strstr(f.text, d->refusal) != NULL, "%s: %s", d->what, f.text);
        ck_assert_msg(strstr(would_not.text, d->refusal) != NULL, "%s: %s", d->what,
                      would_not.text);
        close(fd);
    } else {
        struct image copy = image_of(fd);
        must_be_sound(&copy, d->what, d->lacks_rows);
        image_free(&copy);
    }
    ese_db_close(db);
    image_free(&image);
}
END_TEST

int main(void)
{
    return check_main("compact_damage",
                      (const struct check_case[]){
                          {damage_is_carried_whole_or_refused, ARRAY_SIZE(damages)},
                          {0},
                      });
}
