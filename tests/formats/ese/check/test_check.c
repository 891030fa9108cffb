/*
 * The structural check: silent on sound databases, and each rule speaks, alone, when a copy is
 * damaged in just its way.  Damage is put into copies of real databases; checksums are put right
 * behind it.
 */
#include "formats/ese/check/check.h"
#include "formats/ese/layout/compress.h"
#include "formats/ese/layout/page_change.h"
#include "formats/ese/layout/record.h"
#include "tests/formats/ese/corpus.h"

#include <lz4.h>

/* ---- what a check said ---- */

enum { HEARD_MOST = 4096, WORDS_MOST = 160 };

struct heard {
    struct {
        enum ese_rule rule;
        enum ese_severity severity;
        uint32_t page;
        char table[64], text[WORDS_MOST];
    } finding[HEARD_MOST];
    unsigned count;
};

static struct heard heard;

static void hear(void *context, const struct ese_finding *finding)
{
    struct heard *h = context;
    ck_assert_str_ne(ese_rule_name(finding->rule), "");
    ck_assert_uint_gt(strlen(finding->text), 0);
    if (h->count == HEARD_MOST)
        return;
    h->finding[h->count].rule = finding->rule;
    h->finding[h->count].severity = finding->severity;
    h->finding[h->count].page = finding->page;
    snprintf(h->finding[h->count].table, sizeof h->finding[0].table, "%s",
             finding->table ? finding->table : "");
    snprintf(h->finding[h->count].text, sizeof h->finding[0].text, "%s", finding->text);
    h->count++;
}

static struct ese_check_summary check_db(struct ese_db *db)
{
    struct ese_check_summary summary;
    struct fault f;
    heard.count = 0;
    ck_assert_msg(ese_check(db, hear, &heard, &summary, &f), "%s", f.text);
    return summary;
}

static bool check_image(const struct image *image)
{
    struct ese_db *db;
    struct fault f;
    heard.count = 0;
    if (!image_open(image, &db, &f))
        return false;
    check_db(db);
    ese_db_close(db);
    return true;
}

/* ---- sound databases ---- */

/* Catalog1's header says clean, yet three of its pages are newer than it: the copy was made while
 * the database was in use, and has an index entry whose row it has not.  The engine attaches it and
 * returns all rows: advice. */
static bool is_torn(const char *name)
{
    return strstr(name, "Catalog1") != NULL;
}

START_TEST(sound_database_has_no_findings)
{
    const char *name = corpus_files[_i];
    struct image image = image_load(name);
    struct ese_db *db;
    struct fault f;
    ck_assert_msg(image_open(&image, &db, &f), "%s: %s", name, f.text);
    struct ese_check_summary summary = check_db(db);
    if (is_torn(name)) {
        ck_assert_uint_eq(summary.problems, 0);
        ck_assert_uint_eq(summary.of_rule[ESE_RULE_INDEX_DANGLING], 1);
        ck_assert_uint_eq(summary.of_rule[ESE_RULE_PAGE_TIME], 1);
        ck_assert_uint_eq(summary.eseutil_fails, 3); /* and its shadow is off */
    } else {
        for (unsigned i = 0; i < heard.count && !summary.dirty; i++)
            ck_abort_msg("%s: %s, page %u: %s", name, ese_rule_name(heard.finding[i].rule),
                         heard.finding[i].page, heard.finding[i].text);
        ck_assert_uint_eq(summary.problems + summary.advice, 0);
    }
    ck_assert_uint_eq(summary.not_judged > 0, summary.dirty);
    ck_assert_uint_gt(summary.rows, 0);
    ck_assert_uint_gt(summary.index_entries, 0);
    ck_assert_uint_eq(summary.pages_lost, 0);
    ese_db_close(db);
    image_free(&image);
}
END_TEST

/* ---- places in a database ---- */

struct place {
    uint32_t root, page;
    unsigned tag, nodes;
};

/* Which tree of a table: its rows, its long values, or an index by name. */
static void tree_of(const struct ese_db *db, const char *table, const char *part, uint32_t *root,
                    uint32_t *objid)
{
    const struct ese_table *t = ese_catalog_find(db->catalog, table);
    ck_assert_ptr_nonnull(t);
    *root = t->root;
    *objid = t->objid;
    if (part == NULL)
        return;
    *root = 0;
    if (strcmp(part, "long values") == 0) {
        *root = t->long_value_root;
        *objid = t->long_value_objid;
    }
    for (unsigned i = 0; i < t->indexes; i++) {
        if (strcmp(t->index[i].name, part) == 0) {
            *root = t->index[i].root;
            *objid = t->index[i].objid;
        }
    }
    ck_assert_uint_ne(*root, 0);
}

/* Says which node of a tree to take: `at` is the cursor on it. */
typedef bool (*choose_fn)(const struct ese_cursor *at);

static const struct ese_table *chosen_table; /* that it is a tree of */

static bool row_with_long_value(const struct ese_cursor *at)
{
    struct ese_record record;
    struct ese_value value;
    struct fault f;
    ck_assert(ese_record_on_page(&record, chosen_table, at->leaf, at->data, &f));
    for (unsigned i = 0; i < chosen_table->columns; i++)
        if (ese_record_value(&record, &chosen_table->column[i], &value, &f) &&
            value.kind == ESE_VALUE_SEPARATED)
            return at->index > 0 && at->index + 1 < ese_page_nodes(at->leaf);
    return false;
}

/* A node in the middle of a leaf that is neither the first nor the last of its tree. */
static bool middle_of_inner_leaf(const struct ese_cursor *at)
{
    return at->leaf->prev != 0 && at->leaf->next != 0 && at->index > 0 &&
           at->index + 1 < ese_page_nodes(at->leaf);
}

static bool in_the_middle(const struct ese_cursor *at)
{
    return at->index > 0 && at->index + 1 < ese_page_nodes(at->leaf);
}

/* The `nth` node (from 0) that `choose` takes. */
static struct place find_node(const struct image *image, const char *table, const char *part,
                              choose_fn choose, unsigned nth)
{
    struct ese_db *db;
    struct fault f;
    struct ese_cursor at;
    struct place place = {.page = 0};
    uint32_t objid;
    ck_assert(image_open(image, &db, &f));
    tree_of(db, table, part, &place.root, &objid);
    chosen_table = ese_catalog_find(db->catalog, table);
    ese_cursor_open(&at, db->pages, place.root, objid);
    while (ese_cursor_next(&at, &f) == ESE_STEP_NODE) {
        if (!choose(&at) || nth-- > 0)
            continue;
        place.page = at.leaf->number;
        place.tag = at.index + at.leaf->reserved;
        place.nodes = ese_page_nodes(at.leaf);
        break;
    }
    ese_cursor_close(&at);
    ese_db_close(db);
    ck_assert_uint_ne(place.page, 0);
    return place;
}

static struct place find_row(const struct image *image, const char *table, choose_fn choose)
{
    return find_node(image, table, NULL, choose, 0);
}

/* The root page of a tree; its external header is tag 0. */
static struct place find_root(const struct image *image, const char *table, const char *part)
{
    struct ese_db *db;
    struct fault f;
    struct place place = {.tag = 0};
    uint32_t objid;
    ck_assert(image_open(image, &db, &f));
    tree_of(db, table, part, &place.root, &objid);
    place.page = place.root;
    ese_db_close(db);
    return place;
}

/* In a node without prefix: where its key starts, its size, where its data start. */
static uint8_t *key_at(const struct image *image, const struct place *p, uint32_t *size)
{
    uint8_t *node = image_node(image, p->page, p->tag);
    bool compressed = image_u16(image_tag(image, p->page, p->tag) + 2) >> 13 & ESE_NODE_COMPRESSED;
    size_t skip = compressed ? 4 : 2;
    *size = image_u16(node + skip - 2) & IMAGE_TAG_MASK;
    return node + skip;
}

static uint8_t *data_at(const struct image *image, const struct place *p)
{
    uint32_t size;
    uint8_t *key = key_at(image, p, &size);
    return key + size;
}

/* ---- damage ---- */

static void seal_headers(const struct image *image)
{
    ese_checksum_set_header(image_page(image, -1), image->page_size);
    ese_checksum_set_header(image_page(image, 0), image->page_size);
}

static void damage_shadow_header(struct image *image)
{
    image_page(image, 0)[ESE_HEADER_REPAIR_COUNT_AT] ^= 1;
    seal_headers(image);
}

static void damage_header_dbtime(struct image *image)
{
    memset(image_page(image, -1) + ESE_HEADER_DBTIME_AT, 0, 8);
    memset(image_page(image, 0) + ESE_HEADER_DBTIME_AT, 0, 8);
    seal_headers(image);
}

/* Cuts off pages at the end that are owned and were never used. */
static void damage_file_size(struct image *image)
{
    image->size = (size_t)(500 + 2) * image->page_size;
}

static void damage_two_bits(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[1000] ^= 0x81;
}

static void damage_one_bit(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[1000] ^= 0x10;
}

static void damage_page_number(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_seal(image, p.page);
    bytes_put_le32(image_page(image, p.page) + 4, p.page + 1);
    bytes_put_le32(image_page(image, p.page),
                   ese_checksum_xor(bytes_of(image_page(image, p.page), image->page_size)));
}

static void damage_zero(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    memset(image_page(image, p.page), 0, image->page_size);
}

static void damage_page_time(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_DBTIME_AT + 5] = 1;
    image_seal(image, p.page);
}

static void damage_accounting(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    uint8_t *at = image_page(image, p.page) + ESE_PAGE_FREE_AT;
    bytes_put_le16(at, image_u16(at) - 2);
    image_seal(image, p.page);
}

static void damage_uncommitted(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    uint8_t *at = image_page(image, p.page);
    bytes_put_le16(at + ESE_PAGE_UNCOMMITTED_FREE_AT, image_u16(at + ESE_PAGE_FREE_AT) + 1);
    image_seal(image, p.page);
}

static void damage_first_free(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    bytes_put_le16(image_page(image, p.page) + ESE_PAGE_FIRST_FREE_AT, 1);
    image_seal(image, p.page);
}

static void damage_flags(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_FLAGS_AT] |= ESE_PAGE_REPAIRED;
    image_seal(image, p.page);
}

static void damage_kind(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_FLAGS_AT] |= ESE_PAGE_INDEX;
    image_seal(image, p.page);
}

static void damage_tag(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    bytes_put_le16(image_tag(image, p.page, p.tag), IMAGE_TAG_MASK);
    image_seal(image, p.page);
}

/* Gives the page a key prefix that no key uses, out of the middle of a node. */
static void damage_overlap(struct image *image)
{
    for (uint32_t page = 1; page <= image->last; page++) {
        uint8_t *at = image_page(image, page);
        uint32_t flags = image_u32(at + ESE_PAGE_FLAGS_AT);
        if (!(flags & ESE_PAGE_LEAF) || (flags & (ESE_PAGE_ROOT | ESE_PAGE_EMPTY)) ||
            image_u16(at + ESE_PAGE_TAG_COUNT_AT) < 2 || image_tag_size(image, page, 0) != 0 ||
            image_u16(at + ESE_PAGE_FREE_AT) < 2)
            continue;
        bytes_put_le16(image_tag(image, page, 0) + 2,
                       image_u16(image_tag(image, page, 1) + 2) & IMAGE_TAG_MASK);
        image_resize_tag(image, page, 0, 2);
        image_seal(image, page);
        return;
    }
    ck_abort_msg("no leaf without a key prefix");
}

static void damage_key_size(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    uint32_t size;
    bytes_put_le16(key_at(image, &p, &size) - 2, IMAGE_TAG_MASK);
    image_seal(image, p.page);
}

static void damage_data(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    size_t key = (size_t)(data_at(image, &p) - image_node(image, p.page, p.tag));
    image_resize_tag(image, p.page, p.tag, (int)key - (int)image_tag_size(image, p.page, p.tag));
    image_seal(image, p.page);
}

/* ---- damage to trees ---- */

/* Node i of the root of the table Users, which is a parent of leaves. */
static struct place users_parent(const struct image *image, unsigned node)
{
    struct place p = find_root(image, "Users", NULL);
    ck_assert_uint_ne(image_page(image, p.page)[ESE_PAGE_FLAGS_AT] & ESE_PAGE_PARENT_OF_LEAF, 0);
    p.tag = node + 1;
    return p;
}

static void damage_child(struct image *image)
{
    struct place p = users_parent(image, 1);
    bytes_put_le32(data_at(image, &p), 0x00ffffff);
    image_seal(image, p.page);
}

static void damage_twice(struct image *image)
{
    struct place first = users_parent(image, 1), second = users_parent(image, 2);
    memcpy(data_at(image, &second), data_at(image, &first), 4);
    image_seal(image, second.page);
}

static void damage_owner(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_OBJID_AT] ^= 1;
    image_seal(image, p.page);
}

static void damage_level(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_FLAGS_AT] ^= ESE_PAGE_LEAF | ESE_PAGE_PARENT_OF_LEAF;
    image_seal(image, p.page);
}

/* Swaps two neighbours in a page. */
static void damage_order(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    uint8_t swap[IMAGE_TAG_SIZE];
    memcpy(swap, image_tag(image, p.page, p.tag), sizeof swap);
    memcpy(image_tag(image, p.page, p.tag), image_tag(image, p.page, p.tag + 1), sizeof swap);
    memcpy(image_tag(image, p.page, p.tag + 1), swap, sizeof swap);
    image_seal(image, p.page);
    ck_assert_uint_ge(p.nodes, p.tag + 1);
}

/* Gives a row the key and the key column of the one before it. */
static void damage_duplicate(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf), before = p;
    uint32_t size = 0, size_before = 1;
    uint8_t *key = NULL, *other = NULL;
    while (size != size_before) {
        before = p;
        p.tag++;
        ck_assert_uint_lt(p.tag, p.nodes);
        key = key_at(image, &p, &size);
        other = key_at(image, &before, &size_before);
    }
    memcpy(key, other, size);
    memcpy(data_at(image, &p) + 4, data_at(image, &before) + 4, 4);
    image_seal(image, p.page);
}

static void damage_separator(struct image *image)
{
    struct place p = users_parent(image, 1);
    uint32_t size;
    uint8_t *key = key_at(image, &p, &size);
    key[size - 1]++;
    image_seal(image, p.page);
}

/* The last pointer of a root has a key, which says where its subtree ends: nothing does. */
static void damage_edge(struct image *image)
{
    static uint8_t spare[ESE_PAGE_SIZE_MAX];
    struct place p = users_parent(image, 1);
    const struct ese_page_change change = {image_page(image, p.page), spare, image->page_size,
                                           p.page, 0};
    uint8_t child[4];
    p.tag = ese_page_change_nodes(&change);
    memcpy(child, data_at(image, &p), 4);
    const struct ese_node node = {.suffix = bytes_of("\xff\xff", 2), .data = bytes_of(child, 4)};
    ck_assert(ese_page_change_delete(&change, p.tag - 1) &&
              ese_page_change_insert(&change, p.tag - 1, &node));
    image_seal(image, p.page);
}

static void damage_link(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_PREV_AT] ^= 1;
    image_seal(image, p.page);
}

static void damage_next_link(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    image_page(image, p.page)[ESE_PAGE_NEXT_AT] ^= 1;
    image_seal(image, p.page);
}

static void damage_inner_link(struct image *image)
{
    struct place p = find_root(image, "Users", NULL);
    image_page(image, p.page)[ESE_PAGE_NEXT_AT] = 1;
    image_seal(image, p.page);
}

static void damage_empty(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    for (unsigned i = 0; i < p.nodes; i++)
        image_remove_node(image, p.page, 1);
    image_seal(image, p.page);
}

/* ---- damage to space ---- */

static void damage_space_flag(struct image *image)
{
    struct place p = find_root(image, "MSysLocales", NULL);
    image_node(image, p.page, 0)[8] ^= 0x2;
    image_seal(image, p.page);
}

static void damage_space_size(struct image *image)
{
    struct place p = find_root(image, "MSysLocales", NULL);
    image_resize_tag(image, p.page, 0, -1);
    image_seal(image, p.page);
}

static void damage_parent(struct image *image)
{
    struct place p = find_root(image, "MSysLocales", NULL);
    image_node(image, p.page, 0)[4] ^= 0x2;
    image_seal(image, p.page);
}

/* The extents of Users are in trees of their own: this is a node of the owned ones. */
static struct place owned_extent(const struct image *image, const char *table, unsigned node)
{
    struct place p = find_root(image, table, NULL);
    const uint8_t *header = image_node(image, p.page, 0);
    ck_assert_uint_eq(header[8] & 1, 1);
    p.page = image_u32(header + 12);
    p.tag = node + 1;
    return p;
}

/* The last extent of a tree of them gets a pool. */
static void set_pool(const struct image *image, struct place p, uint8_t pool)
{
    static uint8_t spare[ESE_PAGE_SIZE_MAX];
    uint8_t key[5] = {0x80 | pool}, data[4];
    const struct ese_page_change change = {image_page(image, p.page), spare, image->page_size,
                                           p.page, 0};
    uint32_t size;
    p.tag = ese_page_change_nodes(&change);
    memcpy(key + 1, key_at(image, &p, &size), 4);
    ck_assert_uint_eq(size, 4);
    memcpy(data, data_at(image, &p), 4);
    const struct ese_node node = {.suffix = bytes_of(key, 5), .data = bytes_of(data, 4)};
    ck_assert(ese_page_change_delete(&change, p.tag - 1) &&
              ese_page_change_insert(&change, p.tag - 1, &node));
    image_seal(image, p.page);
}

static void damage_pool(struct image *image)
{
    set_pool(image, owned_extent(image, "Users", 0), ESE_POOL_CONTINUOUS);
}

/* Only the database's own tree has pages that lie beyond the end of the file. */
static void damage_shelved(struct image *image)
{
    struct place p = owned_extent(image, "Users", 0);
    p.page++; /* the extents that are available */
    set_pool(image, p, ESE_POOL_SHELVED);
}

/* The root of the owned extents is gone, and with it what it keeps for its own splits. */
static void damage_space_root(struct image *image)
{
    struct place p = owned_extent(image, "Users", 0);
    memset(image_page(image, p.page), 0, image->page_size);
}

static void damage_space_flags(struct image *image)
{
    struct place p = owned_extent(image, "Users", 0);
    image_page(image, p.page)[ESE_PAGE_FLAGS_AT] &= (uint8_t)~ESE_PAGE_ROOT;
    image_seal(image, p.page);
}

/* What the root of the owned extents keeps for its own splits: `count` pages up to `last`. */
static void set_split_buffer(const struct image *image, uint32_t last, uint32_t count)
{
    static uint8_t spare[ESE_PAGE_SIZE_MAX];
    uint8_t buffer[ESE_SPLIT_BUFFER_SIZE] = {0};
    struct place p = owned_extent(image, "Users", 0);
    const struct ese_page_change change = {image_page(image, p.page), spare, image->page_size,
                                           p.page, 0};
    bytes_put_le32(buffer, last);
    bytes_put_le32(buffer + 4, count);
    ck_assert(ese_page_change_external(&change, bytes_of(buffer, sizeof buffer)));
    image_seal(image, p.page);
}

static void damage_split_buffer(struct image *image)
{
    set_split_buffer(image, 5, 77);
}

/* The page is another table's. */
static void damage_split_page(struct image *image)
{
    set_split_buffer(image, find_root(image, "MSysObjids", NULL).page, 1);
}

static void damage_extent(struct image *image)
{
    struct place p = owned_extent(image, "Users", 0);
    bytes_put_le32(data_at(image, &p), 0x7fffffff);
    image_seal(image, p.page);
}

/* The last free page of a single extent comes to lie behind it. */
static void damage_nesting(struct image *image)
{
    struct place p = find_root(image, "MSysLocales", NULL);
    image_node(image, p.page, 0)[15] |= 0x80;
    image_seal(image, p.page);
}

/* A single extent is made one page longer: the next page is the next table's. */
static void damage_siblings(struct image *image)
{
    struct place p = find_root(image, "MSysObjids", NULL);
    image_node(image, p.page, 0)[0]++;
    image_seal(image, p.page);
}

/* The first page of the first extent, which is the root itself, is given away. */
static void damage_ownership(struct image *image)
{
    struct place p = owned_extent(image, "Users", 0);
    uint8_t *count = data_at(image, &p);
    bytes_put_le32(count, image_u32(count) - 1);
    image_seal(image, p.page);
}

/* The extents that are available to a table grow by a page that is in use. */
static void damage_available(struct image *image)
{
    struct place p = owned_extent(image, "MSysObjects", 0);
    p.page++;
    for (p.tag = 1; p.tag < (image_u16(image_page(image, p.page) + ESE_PAGE_TAG_COUNT_AT) & 0xfff);
         p.tag++) {
        uint32_t size;
        uint8_t *key = key_at(image, &p, &size), *count = data_at(image, &p);
        uint32_t pages = image_u32(count);
        uint32_t last = (uint32_t)key[size - 2] << 8 | key[size - 1];
        if (pages == 0 || image_u32(image_page(image, last - pages) + ESE_PAGE_OBJID_AT) != 2)
            continue;
        bytes_put_le32(count, pages + 1);
        image_seal(image, p.page);
        return;
    }
    ck_abort_msg("no available extent behind a page in use");
}

/* ---- damage to the catalog ---- */

enum { OBJECT_TABLE = 1, OBJECT_TYPE_AT = 8, OBJECT_ROOT_AT = 14, OBJECT_SPACE_AT = 18 };

static const char *wanted_name;

/* The catalog's row of a table called `wanted_name`. */
static bool row_of_table(const struct ese_cursor *at)
{
    size_t size = strlen(wanted_name);
    uint16_t type = 0;
    bytes_le16(at->data, OBJECT_TYPE_AT, &type);
    for (size_t i = 0; i + size <= at->data.size; i++)
        if (type == OBJECT_TABLE && memcmp(at->data.at + i, wanted_name, size) == 0)
            return true;
    return false;
}

static void change_catalog(struct image *image, const char *catalog, const char *table, size_t at,
                           uint32_t value)
{
    wanted_name = table;
    struct place p = find_row(image, catalog, row_of_table);
    bytes_put_le32(data_at(image, &p) + at, value);
    image_seal(image, p.page);
}

static void damage_catalog_row(struct image *image)
{
    wanted_name = "Users";
    struct place p = find_row(image, "MSysObjects", row_of_table);
    data_at(image, &p)[OBJECT_TYPE_AT] = 77;
    image_seal(image, p.page);
}

/* Both catalogs say that a leaf is the root. */
static void damage_catalog_root(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    change_catalog(image, "MSysObjectsShadow", "Users", OBJECT_ROOT_AT, p.page);
    change_catalog(image, "MSysObjects", "Users", OBJECT_ROOT_AT, p.page);
}

static void damage_last_objid(struct image *image)
{
    for (long n = -1; n <= 0; n++)
        image_page(image, n)[ESE_HEADER_OBJID_LAST_AT]--;
    seal_headers(image);
}

static void damage_shadow(struct image *image)
{
    change_catalog(image, "MSysObjectsShadow", "Users", OBJECT_SPACE_AT, 99);
}

/* The shadow's root is a leaf without nodes, as where none is kept; the header says otherwise. */
static void damage_all_of_shadow(struct image *image)
{
    struct place p = find_root(image, "MSysObjectsShadow", NULL);
    uint8_t *page = image_page(image, p.page), *flags = page + ESE_PAGE_FLAGS_AT;
    while (image_u16(page + ESE_PAGE_TAG_COUNT_AT) > 1)
        image_remove_node(image, p.page, 1);
    bytes_put_le32(flags, (image_u32(flags) & ~(uint32_t)ESE_PAGE_PARENT_OF_LEAF) | ESE_PAGE_LEAF);
    image_seal(image, p.page);
}

static void damage_shadow_row(struct image *image)
{
    wanted_name = "Users";
    struct place p = find_row(image, "MSysObjectsShadow", row_of_table);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

/* ---- damage to rows and indexes ---- */

static void damage_record(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    data_at(image, &p)[0] = 100;
    image_seal(image, p.page);
}

static void damage_primary_key(struct image *image)
{
    struct place p = find_row(image, "Users", middle_of_inner_leaf);
    data_at(image, &p)[7] ^= 1;
    image_seal(image, p.page);
}

static void damage_missing_entry(struct image *image)
{
    struct place p = find_node(image, "UserCertificates", "ByIssuerEntry", middle_of_inner_leaf, 0);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

static void damage_dangling(struct image *image)
{
    struct place p = find_row(image, "UserCertificates", middle_of_inner_leaf);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

/* A thumbprint's key ends with how many of its last 8 bytes count: the order stays. */
static void damage_wrong_key(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "ByThumbprint", in_the_middle, 0);
    uint32_t size;
    uint8_t *key = key_at(image, &p, &size);
    ck_assert_uint_gt(size, 0);
    key[size - 1]--;
    image_seal(image, p.page);
}

/* An entry under a key that cannot be computed points at another row than its own. */
static void damage_count(struct image *image)
{
    struct place p = find_node(image, "things", "byname", middle_of_inner_leaf, 0), other = p;
    other.tag++;
    memcpy(data_at(image, &p), data_at(image, &other), 5);
    image_seal(image, p.page);
}

/* ---- damage to long values ---- */

static bool chunk_behind_root(const struct ese_cursor *at)
{
    return at->key.size == 8 && at->index > 1 && at->index + 2 < ese_page_nodes(at->leaf) &&
           memcmp(at->key.at + 4, "\0\0\0\0", 4) == 0;
}

static bool root_with_chunk(const struct ese_cursor *at)
{
    uint32_t references = 0;
    bytes_le32(at->data, 0, &references);
    return at->key.size == 4 && references == 1 && at->index > 1 &&
           at->index + 2 < ese_page_nodes(at->leaf);
}

static bool shared_root(const struct ese_cursor *at)
{
    uint32_t references = 0;
    bytes_le32(at->data, 0, &references);
    return at->key.size == 4 && references > 1 && references < 1000;
}

/* The chunk of a value that has only one comes before its root's end: it loses its place. */
static void damage_long_value_key(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", root_with_chunk, 0);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

static void damage_long_value_root(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", root_with_chunk, 0);
    image_resize_tag(image, p.page, p.tag, -1);
    image_seal(image, p.page);
}

static void damage_chunk_offset(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", chunk_behind_root, 0);
    uint32_t size;
    uint8_t *key = key_at(image, &p, &size);
    key[size - 1]++;
    image_seal(image, p.page);
}

static void damage_long_value_size(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", chunk_behind_root, 0);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

static void damage_chunk_data(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", chunk_behind_root, 0);
    image_resize_tag(image, p.page, p.tag, -1);
    image_seal(image, p.page);
}

static void damage_long_value_missing(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", root_with_chunk, 0);
    image_remove_node(image, p.page, p.tag);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

static void damage_references_high(struct image *image)
{
    struct place p = find_node(image, "CertificateList", "long values", root_with_chunk, 0);
    data_at(image, &p)[0]++;
    image_seal(image, p.page);
}

static void damage_references_low(struct image *image)
{
    struct place p = find_node(image, "churn", "long values", shared_root, 0);
    data_at(image, &p)[0]--;
    image_seal(image, p.page);
}

/* A long value's row goes. */
static void damage_orphan(struct image *image)
{
    struct place p = find_row(image, "DerivedA", row_with_long_value);
    image_remove_node(image, p.page, p.tag);
    image_seal(image, p.page);
}

/* ---- each rule speaks, alone ---- */

struct damage_case {
    enum ese_rule rule;
    const char *file; /* NULL: a store of revision 2 */
    void (*damage)(struct image *image);
    int also[3]; /* further rules that cannot but speak, too; 0: none */
};

#define STORE "engine/imported-twice-revision2.edb.gz"
#define NEWER_STORE "engine/imported-twice.edb.gz"
#define CHURN "engine/churn-4096.edb.gz"

static const struct damage_case damages[] = {
    {ESE_RULE_HEADER_SHADOW, STORE, damage_shadow_header, {0}},
    {ESE_RULE_HEADER_FIELD, STORE, damage_header_dbtime, {0}},
    {ESE_RULE_FILE_SIZE, STORE, damage_file_size, {0}},
    {ESE_RULE_PAGE_CHECKSUM, STORE, damage_one_bit, {0}},
    {ESE_RULE_PAGE_CHECKSUM, NEWER_STORE, damage_two_bits, {0}},
    {ESE_RULE_PAGE_BIT, NEWER_STORE, damage_one_bit, {0}},
    {ESE_RULE_PAGE_NUMBER, STORE, damage_page_number, {0}},
    {ESE_RULE_PAGE_ZERO, STORE, damage_zero, {0}},
    {ESE_RULE_PAGE_TIME, STORE, damage_page_time, {0}},
    {ESE_RULE_PAGE_ACCOUNTING, STORE, damage_accounting, {0}},
    {ESE_RULE_PAGE_ACCOUNTING, STORE, damage_uncommitted, {0}},
    {ESE_RULE_PAGE_ACCOUNTING, STORE, damage_first_free, {0}},
    {ESE_RULE_PAGE_FLAGS, STORE, damage_flags, {0}},
    {ESE_RULE_PAGE_FLAGS, STORE, damage_kind, {0}},
    {ESE_RULE_TAG_OUTSIDE_PAGE, STORE, damage_tag, {0}},
    {ESE_RULE_TAG_OVERLAP, STORE, damage_overlap, {0}},
    {ESE_RULE_NODE, STORE, damage_key_size, {0}},
    {ESE_RULE_NODE, STORE, damage_data, {ESE_RULE_RECORD}},
    {ESE_RULE_CHILD_PAGE, STORE, damage_child, {0}},
    {ESE_RULE_PAGE_TWICE, STORE, damage_twice, {0}},
    {ESE_RULE_PAGE_OWNER, STORE, damage_owner, {0}},
    {ESE_RULE_PAGE_LEVEL, STORE, damage_level, {0}},
    {ESE_RULE_KEY_ORDER, STORE, damage_order, {0}},
    {ESE_RULE_KEY_DUPLICATE, STORE, damage_duplicate, {0}},
    {ESE_RULE_SEPARATOR, STORE, damage_separator, {0}},
    {ESE_RULE_SEPARATOR, STORE, damage_edge, {0}},
    {ESE_RULE_SIBLING_LINK, STORE, damage_link, {0}},
    {ESE_RULE_SIBLING_LINK, STORE, damage_next_link, {0}},
    {ESE_RULE_SIBLING_LINK, STORE, damage_inner_link, {0}},
    {ESE_RULE_EMPTY_PAGE, STORE, damage_empty, {ESE_RULE_LONG_VALUE_ORPHAN}},
    {ESE_RULE_SPACE_HEADER, STORE, damage_space_flag, {0}},
    {ESE_RULE_SPACE_HEADER, STORE, damage_space_size, {0}},
    {ESE_RULE_SPACE_PARENT, STORE, damage_parent, {0}},
    {ESE_RULE_SPACE_EXTENT, STORE, damage_extent, {0}},
    {ESE_RULE_SPACE_EXTENT, STORE, damage_pool, {0}},
    {ESE_RULE_SPACE_EXTENT, STORE, damage_shelved, {0}},
    {ESE_RULE_PAGE_ZERO, STORE, damage_space_root, {0}},
    {ESE_RULE_SPACE_HEADER, STORE, damage_space_flags, {0}},
    {ESE_RULE_SPACE_HEADER, STORE, damage_split_buffer, {0}},
    {ESE_RULE_EXTENT_OVERLAP, STORE, damage_split_page, {0}},
    {ESE_RULE_EXTENT_NESTING, STORE, damage_nesting, {0}},
    {ESE_RULE_EXTENT_OVERLAP, STORE, damage_siblings, {0}},
    {ESE_RULE_PAGE_NOT_OWNED, STORE, damage_ownership, {0}},
    {ESE_RULE_PAGE_AVAILABLE, STORE, damage_available, {0}},
    /* A row of unknown kind is not where its kind belongs, and not what the shadow has. */
    {ESE_RULE_CATALOG_ROW,
     STORE,
     damage_catalog_row,
     {ESE_RULE_PRIMARY_KEY, ESE_RULE_INDEX_WRONG_KEY, ESE_RULE_CATALOG_SHADOW}},
    {ESE_RULE_CATALOG_ROOT, STORE, damage_catalog_root, {ESE_RULE_SPACE_PARENT}},
    {ESE_RULE_CATALOG_OBJECT, STORE, damage_last_objid, {0}},
    {ESE_RULE_CATALOG_SHADOW, STORE, damage_shadow, {0}},
    {ESE_RULE_CATALOG_SHADOW, STORE, damage_shadow_row, {0}},
    {ESE_RULE_CATALOG_SHADOW, STORE, damage_all_of_shadow, {0}},
    {ESE_RULE_RECORD, STORE, damage_record, {0}},
    {ESE_RULE_PRIMARY_KEY, STORE, damage_primary_key, {0}},
    {ESE_RULE_INDEX_MISSING_ENTRY, STORE, damage_missing_entry, {0}},
    {ESE_RULE_INDEX_DANGLING, STORE, damage_dangling, {ESE_RULE_LONG_VALUE_ORPHAN}},
    {ESE_RULE_INDEX_WRONG_KEY, STORE, damage_wrong_key, {0}},
    {ESE_RULE_INDEX_COUNT,
     "engine/types-4096.edb.gz",
     damage_count,
     {ESE_RULE_INDEX_MISSING_ENTRY}},
    {ESE_RULE_LONG_VALUE_KEY, STORE, damage_long_value_key, {ESE_RULE_LONG_VALUE_MISSING}},
    {ESE_RULE_LONG_VALUE_ROOT, STORE, damage_long_value_root, {0}},
    {ESE_RULE_LONG_VALUE_CHUNK, STORE, damage_chunk_offset, {0}},
    {ESE_RULE_LONG_VALUE_SIZE, STORE, damage_long_value_size, {0}},
    {ESE_RULE_LONG_VALUE_DATA, STORE, damage_chunk_data, {0}},
    {ESE_RULE_LONG_VALUE_MISSING, STORE, damage_long_value_missing, {0}},
    {ESE_RULE_LONG_VALUE_REFERENCES, STORE, damage_references_high, {0}},
    {ESE_RULE_LONG_VALUE_REFERENCES, CHURN, damage_references_low, {0}},
    {ESE_RULE_LONG_VALUE_ORPHAN, CHURN, damage_orphan, {0}},
};

/* What is no finding: deleted nodes, which a recovery leaves, and what a wrong page is called. */
START_TEST(deleted_nodes_are_normal)
{
    struct image image = image_load(STORE);
    struct place p = find_row(&image, "MSysObjids", in_the_middle);
    image_tag(&image, p.page, p.tag)[3] |= ESE_NODE_DELETED << 5;
    image_seal(&image, p.page);
    ck_assert(check_image(&image));
    ck_assert_uint_eq(heard.count, 0);
    image_free(&image);
}
END_TEST

START_TEST(a_shadow_that_is_switched_off_is_advice)
{
    struct image image = image_load(STORE);
    struct ese_db *db;
    struct fault f;
    for (long i = -1; i <= 0; i++) {
        uint8_t *header = image_page(&image, i);
        header[ESE_HEADER_FLAGS_AT] |= ESE_HEADER_SHADOW_CATALOG_OFF;
        ese_checksum_set_header(header, image.page_size);
    }
    ck_assert(image_open(&image, &db, &f));
    struct ese_check_summary summary = check_db(db);
    ck_assert_uint_eq(summary.problems + summary.not_judged, 0);
    ck_assert_uint_eq(summary.of_rule[ESE_RULE_CATALOG_SHADOW], 1);
    ck_assert_uint_eq(summary.eseutil_fails, 1);
    ese_db_close(db);
    image_free(&image);
}
END_TEST

/* The last finding of a rule says this. */
static void must_say(enum ese_rule rule, const char *text)
{
    for (unsigned i = 0; i < heard.count; i++)
        if (heard.finding[i].rule == rule && strstr(heard.finding[i].text, text))
            return;
    ck_abort_msg("%s does not say \"%s\"", ese_rule_name(rule), text);
}

/* Extents that cannot be read, or cannot be: what would have been judged by them is not, and that
 * is said; no page is blamed for it. */
START_TEST(what_damaged_extents_decide_is_not_judged)
{
    bool available = _i & 1, impossible = _i & 2;
    enum ese_rule rule = available ? ESE_RULE_PAGE_AVAILABLE : ESE_RULE_PAGE_NOT_OWNED;
    struct image image = image_load(STORE);
    struct place p = owned_extent(&image, "MSysObjects", 0);
    struct ese_db *db;
    struct fault f;
    p.page += available; /* the tree of available extents has its root behind the other's */
    if (impossible) {
        bytes_put_le32(data_at(&image, &p), 0x7fffffff);
        image_seal(&image, p.page);
    } else {
        image_page(&image, p.page)[1000] ^= 0xff;
    }
    ck_assert_msg(image_open(&image, &db, &f), "%s", f.text);
    struct ese_check_summary summary = check_db(db);
    ck_assert_uint_eq(summary.problems, 1);
    ck_assert_uint_eq(summary.of_rule[impossible ? ESE_RULE_SPACE_EXTENT : ESE_RULE_PAGE_CHECKSUM],
                      1);
    bool said = false;
    for (unsigned i = 0; i < heard.count; i++)
        said = said || (heard.finding[i].severity == ESE_NOT_JUDGED &&
                        heard.finding[i].rule == rule && heard.finding[i].page == p.page &&
                        strstr(heard.finding[i].text, "extents of object 2 cannot all be read"));
    ck_assert_msg(said, "case %d: not said", _i);
    ese_db_close(db);
    image_free(&image);
}
END_TEST

START_TEST(left_over_states_are_called_what_they_are)
{
    struct image image = image_load(STORE);
    struct place p = find_row(&image, "Users", middle_of_inner_leaf);
    image_page(&image, p.page)[ESE_PAGE_FLAGS_AT] |= ESE_PAGE_ROOT;
    image_seal(&image, p.page);
    ck_assert(check_image(&image));
    must_say(ESE_RULE_PAGE_LEVEL, "the old root that eseutil /p leaves");
    memset(image_page(&image, ESE_PGNO_ROOT), 0, image.page_size);
    ck_assert(check_image(&image));
    must_say(ESE_RULE_PAGE_ZERO, "the database's root, which says which pages are owned");
    image_free(&image);
}
END_TEST

START_TEST(damage_makes_its_rule_speak)
{
    const struct damage_case *d = &damages[_i];
    struct image image = image_load(d->file);
    bool spoke = false;
    d->damage(&image);
    ck_assert(check_image(&image));
    for (unsigned i = 0; i < heard.count; i++) {
        if (heard.finding[i].severity == ESE_NOT_JUDGED)
            continue;
        enum ese_rule rule = heard.finding[i].rule;
        spoke = spoke || rule == d->rule;
        bool expected = rule == d->rule;
        for (size_t k = 0; k < ARRAY_SIZE(d->also); k++)
            expected = expected || (d->also[k] != 0 && (int)rule == d->also[k]);
        ck_assert_msg(expected, "case %d (%s): %s, table %s, page %u: %s", _i,
                      ese_rule_name(d->rule), ese_rule_name(rule), heard.finding[i].table,
                      heard.finding[i].page, heard.finding[i].text);
    }
    ck_assert_msg(spoke, "case %d: %s did not speak", _i, ese_rule_name(d->rule));
    image_free(&image);
}
END_TEST

/* ---- indexes whose keys are not computed ---- */

/* An index on a column of which a row has several values, as if they were Unicode: in memory only.
 */
static void uncompute_index(const struct ese_db *db, const char *table, const char *name)
{
    const struct ese_table *t = ese_catalog_find(db->catalog, table);
    for (unsigned i = 0; i < t->indexes; i++)
        if (strcmp(t->index[i].name, name) == 0) {
            struct ese_column *column = (struct ese_column *)(uintptr_t)ese_table_segment_column(
                t, &t->index[i].segment[0]);
            ck_assert(column->flags & ESE_COLUMN_MULTI_VALUED);
            column->type = ESE_COL_LONG_TEXT;
            column->code_page = ESE_CODEPAGE_UNICODE;
        }
}

/* As many entries as the rows give; one fewer, as where two values of a row have one key; or one
 * more.
 */
START_TEST(entries_are_counted_where_keys_are_not_computed)
{
    static uint8_t spare[ESE_PAGE_SIZE_MAX];
    struct image image = image_load(CHURN);
    struct ese_db *db;
    struct fault f;
    struct place p = find_node(&image, "churn", "byM", in_the_middle, 0);
    const struct ese_page_change change = {image_page(&image, p.page), spare, image.page_size,
                                           p.page, 0};
    struct ese_node node = {.data = bytes_of("row", 3), .suffix = bytes_of("\xff", 1)};
    if (_i == 1)
        ck_assert(ese_page_change_delete(&change, p.tag - 1));
    else if (_i == 2)
        ck_assert(ese_page_change_insert(&change, p.nodes, &node));
    image_seal(&image, p.page);
    ck_assert(image_open(&image, &db, &f));
    uncompute_index(db, "churn", "byM");
    struct ese_check_summary summary = check_db(db);
    ck_assert_uint_eq(summary.of_rule[ESE_RULE_INDEX_COUNT], _i == 2);
    ck_assert_uint_eq(summary.of_rule[ESE_RULE_INDEX_DANGLING], _i == 2);
    ck_assert_uint_eq(summary.problems > 0, _i == 2);
    ese_db_close(db);
    image_free(&image);
}
END_TEST

/* An index on a column that is not in the catalog. */
START_TEST(an_index_without_its_column_is_not_judged)
{
    struct image image = image_load(STORE);
    struct ese_db *db;
    struct fault f;
    ck_assert(image_open(&image, &db, &f));
    const struct ese_table *t = ese_catalog_find(db->catalog, "UserCertificates");
    for (unsigned i = 0; i < t->indexes; i++)
        if (strcmp(t->index[i].name, "ByIssuerEntry") == 0)
            t->index[i].segment[0].column = 127;
    struct ese_check_summary summary = check_db(db);
    ck_assert_uint_eq(summary.problems, 1);
    ck_assert_uint_eq(summary.of_rule[ESE_RULE_CATALOG_OBJECT], 1);
    ck_assert_uint_eq(summary.not_judged, 1);
    must_say(ESE_RULE_INDEX_MISSING_ENTRY, "its columns are not in the catalog");
    ese_db_close(db);
    image_free(&image);
}
END_TEST

/* A chunk that LZ4 has made shorter, and one of a compression that there is not. */
START_TEST(a_compressed_chunk)
{
    static uint8_t spare[ESE_PAGE_SIZE_MAX], plain[ESE_PAGE_SIZE_MAX], data[ESE_PAGE_SIZE_MAX];
    struct image image = image_load(CHURN);
    struct place p = find_node(&image, "churn", "long values", chunk_behind_root, 0);
    const struct ese_page_change change = {image_page(&image, p.page), spare, image.page_size,
                                           p.page, 0};
    struct ese_page page;
    struct ese_node node;
    struct fault f;
    ese_page_parse(bytes_of(image_page(&image, p.page), image.page_size), p.page, &page);
    ck_assert(ese_page_node(&page, p.tag - page.reserved, &node, &f));
    data[0] = (uint8_t)((ESE_COMPRESSION_LZ4 + (unsigned)_i) << 3);
    bytes_put_le16(data + 1, (uint16_t)node.data.size);
    int packed = LZ4_compress_default((const char *)plain, (char *)data + 3, (int)node.data.size,
                                      (int)sizeof data - 3);
    ck_assert_int_gt(packed, 0);
    ck_assert_uint_lt((size_t)packed + 3, node.data.size);
    ck_assert(
        ese_page_change_data(&change, p.tag - page.reserved, bytes_of(data, (size_t)packed + 3)));
    image_seal(&image, p.page);
    ck_assert(check_image(&image));
    ck_assert_uint_eq(heard.count, _i > 0);
    if (_i > 0)
        must_say(ESE_RULE_LONG_VALUE_DATA, "there is no compression 8");
    image_free(&image);
}
END_TEST

/* Every rule has a case here; page-read has its own below. */
START_TEST(every_rule_has_a_case)
{
    for (int rule = 0; rule < ESE_RULES; rule++) {
        bool has = rule == ESE_RULE_PAGE_READ;
        for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
            has = has || (int)damages[i].rule == rule;
        ck_assert_msg(has, "%s has no case", ese_rule_name((enum ese_rule)rule));
    }
}
END_TEST

/* Pages that were there when the database was opened cannot be read any more. */
START_TEST(page_that_cannot_be_read_is_a_finding)
{
    struct image image = image_load(STORE);
    struct ese_db *db;
    struct fault f;
    char path[] = "/tmp/km-check-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, image.bytes, image.size), (ssize_t)image.size);
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &f), "%s", f.text);
    ck_assert_int_eq(ftruncate(fd, (off_t)(image.size / 8)), 0);
    struct ese_check_summary summary = check_db(db);
    ck_assert_uint_gt(summary.of_rule[ESE_RULE_PAGE_READ], 0);
    ck_assert_uint_eq(summary.of_rule[ESE_RULE_PAGE_READ], summary.problems);
    ese_db_close(db);
    close(fd);
    unlink(path);
    image_free(&image);
}
END_TEST

/* ---- flipped bits ---- */

enum { FLIPS = 1000, FLIPS_AT_ONCE = 20 };

struct flip {
    uint32_t page, bit;
};

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

static void flip(const struct image *image, const struct flip *flip)
{
    image_page(image, flip->page)[flip->bit / 8] ^= (uint8_t)(1 << flip->bit % 8);
}

/* Pages that the database owns, as far as the file has them. */
static uint32_t owned_pages(const struct image *image)
{
    struct ese_db *db;
    struct fault f;
    struct ese_extents extents;
    struct ese_extent extent;
    uint32_t last = 0;
    ck_assert(image_open(image, &db, &f));
    ck_assert(ese_extents_open(&extents, db->pages, ESE_PGNO_ROOT, ESE_OBJID_ROOT, false, &f));
    while (ese_extents_next(&extents, &extent, &f) == ESE_STEP_NODE)
        if (extent.count > 0 && ese_extent_last(&extent) > last)
            last = ese_extent_last(&extent);
    ese_extents_close(&extents);
    ese_db_close(db);
    return last < image->last ? last : image->last;
}

/* A code corrects one bit of a page, unless it is a bit of the code, or the flag that there is one.
 */
static bool can_be_named(const struct image *image, const struct flip *flip)
{
    const uint8_t *page = image_page(image, flip->page);
    uint32_t byte = flip->bit / 8;
    if (!(image_u32(page + ESE_PAGE_FLAGS_AT) & ESE_PAGE_NEW_CHECKSUM) || byte < 8)
        return false;
    if (image->page_size > ESE_PAGE_SIZE_SMALL_MAX && byte >= 40 && byte < 64)
        return false;
    return flip->bit != ESE_PAGE_FLAGS_AT * 8 + 13;
}

static void judge_flip(const struct image *image, const struct flip *flip, bool nameable,
                       const char *name)
{
    char bit[40];
    snprintf(bit, sizeof bit, "(bit %u of the page)", flip->bit);
    for (unsigned i = 0; i < heard.count; i++) {
        if (heard.finding[i].page != flip->page || heard.finding[i].severity == ESE_NOT_JUDGED)
            continue;
        if (!nameable && (heard.finding[i].rule == ESE_RULE_PAGE_CHECKSUM ||
                          heard.finding[i].rule == ESE_RULE_PAGE_NUMBER))
            return;
        if (heard.finding[i].rule == ESE_RULE_PAGE_BIT &&
            (!nameable || strstr(heard.finding[i].text, bit) != NULL))
            return;
    }
    (void)image;
    ck_abort_msg("%s: page %u bit %u: not found", name, flip->page, flip->bit);
}

static void judge_flips(const struct image *image, const struct flip *flips, unsigned count,
                        const char *name)
{
    bool nameable[FLIPS_AT_ONCE];
    for (unsigned i = 0; i < count; i++) {
        nameable[i] = can_be_named(image, &flips[i]);
        flip(image, &flips[i]);
    }
    bool opened = check_image(image);
    for (unsigned i = 0; i < count; i++)
        flip(image, &flips[i]);
    if (opened) {
        for (unsigned i = 0; i < count; i++)
            judge_flip(image, &flips[i], nameable[i], name);
    } else if (count >
               1) { /* a catalog page among them: that the database does not open finds only it */
        for (unsigned i = 0; i < count; i++)
            judge_flips(image, &flips[i], 1, name);
    }
}

START_TEST(every_flipped_bit_is_found)
{
    const char *name = corpus_files[_i];
    struct image image = image_load(name);
    uint32_t owned = owned_pages(&image);
    random_state = 1998 + (uint64_t)_i;
    for (unsigned done = 0; done < FLIPS; done += FLIPS_AT_ONCE) {
        struct flip flips[FLIPS_AT_ONCE];
        for (unsigned i = 0; i < FLIPS_AT_ONCE; i++) {
            bool again = true;
            while (again) {
                flips[i] =
                    (struct flip){1 + random_below(owned), random_below(image.page_size * 8)};
                again = false;
                for (unsigned k = 0; k < i; k++)
                    again = again || flips[k].page == flips[i].page;
            }
        }
        judge_flips(&image, flips, FLIPS_AT_ONCE, name);
    }
    image_free(&image);
}
END_TEST

/* ---- damage does not spread ---- */

static const char *const spread_files[] = {STORE, CHURN, "engine/churn-32768.edb.gz",
                                           "engine/types-16384.edb.gz", "ese/SRUDB.dat.gz"};

/* Each page in use in turn cannot be believed: that is one problem, and what it hides is not
 * judged.  Where it hides what the database owns, what lies behind that is worth advice. */
START_TEST(bad_page_is_one_problem)
{
    const char *name = spread_files[_i];
    struct image image = image_load(name);
    uint32_t owned = owned_pages(&image);
    for (uint32_t page = 1; page <= owned; page++) {
        uint8_t *at = image_page(&image, page);
        struct ese_db *db;
        struct fault f;
        if (image_u32(at + ESE_PAGE_OBJID_AT) == 0)
            continue;
        at[100] ^= 0x81;
        at[image.page_size - 1] ^= 0x80;
        bool opened = image_open(&image, &db, &f);
        if (opened) {
            struct ese_check_summary summary = check_db(db);
            for (unsigned i = 0; i < heard.count; i++)
                ck_assert_msg(
                    heard.finding[i].severity == ESE_NOT_JUDGED ||
                        (heard.finding[i].severity == ESE_ADVICE && page <= ESE_PGNO_ROOT + 1) ||
                        (heard.finding[i].rule == ESE_RULE_PAGE_CHECKSUM &&
                         heard.finding[i].page == page),
                    "%s: page %u is bad, and so they say is page %u (%s): %s", name, page,
                    heard.finding[i].page, ese_rule_name(heard.finding[i].rule),
                    heard.finding[i].text);
            ck_assert_uint_le(summary.problems, 1);
            ck_assert_uint_ge(summary.problems + summary.advice, 1);
            ese_db_close(db);
        }
        at[100] ^= 0x81;
        at[image.page_size - 1] ^= 0x80;
    }
    image_free(&image);
}
END_TEST

/* ---- rules ---- */

START_TEST(rules_have_names_of_their_own)
{
    for (int a = 0; a < ESE_RULES; a++) {
        ck_assert_ptr_nonnull(ese_rule_name((enum ese_rule)a));
        for (int b = 0; b < a; b++)
            ck_assert_str_ne(ese_rule_name((enum ese_rule)a), ese_rule_name((enum ese_rule)b));
    }
}
END_TEST

int main(void)
{
    if (!corpus_is_there()) {
        fprintf(stderr, "check: no databases to check in %s: skipped (set KM_CORPUS)\n",
                corpus_folder());
        return CHECK_SKIPPED;
    }
    return check_main("check", (const struct check_case[]){
                                   {rules_have_names_of_their_own, 0},
                                   {entries_are_counted_where_keys_are_not_computed, 3},
                                   {an_index_without_its_column_is_not_judged, 0},
                                   {a_compressed_chunk, 2},
                                   {every_rule_has_a_case, 0},
                                   {sound_database_has_no_findings, ARRAY_SIZE(corpus_files)},
                                   {deleted_nodes_are_normal, 0},
                                   {a_shadow_that_is_switched_off_is_advice, 0},
                                   {what_damaged_extents_decide_is_not_judged, 4},
                                   {left_over_states_are_called_what_they_are, 0},
                                   {damage_makes_its_rule_speak, ARRAY_SIZE(damages)},
                                   {page_that_cannot_be_read_is_a_finding, 0},
                                   {bad_page_is_one_problem, ARRAY_SIZE(spread_files)},
                                   {every_flipped_bit_is_found, ARRAY_SIZE(corpus_files)},
                                   {0},
                               });
}
