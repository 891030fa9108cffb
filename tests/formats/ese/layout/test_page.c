/* Pages, tags and nodes in both layouts; whatever points outside is refused by page and tag. */
#include "formats/ese/layout/page.h"
#include "tests/check_main.h"
#include "tests/formats/ese/making.h"

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

enum { PAGE = 3, OBJID = 17 };

static struct ese_page parse(const struct made *m)
{
    struct ese_page page;
    ese_page_parse(bytes_of(made_page(m, PAGE), m->page_size), PAGE, &page);
    return page;
}

static void expect_key(const struct ese_page *page, unsigned i, struct bytes expected)
{
    struct ese_node node;
    struct fault f = {.code = FAULT_NONE};
    uint8_t room[100];
    struct bytes key;
    ck_assert_msg(ese_page_node(page, i, &node, &f), "%s", f.text);
    ck_assert(ese_node_key(&node, room, sizeof room, &key));
    ck_assert_msg(bytes_equal(key, expected), "node %u: %.*s", i, (int)key.size, key.at);
}

START_TEST(the_header_is_taken_apart)
{
    struct made m = make_database(sizes[_i], 0x14, 4);
    make_page(&m, PAGE, OBJID, ESE_PAGE_LEAF);
    uint8_t *p = made_page(&m, PAGE);
    make_u32(p + ESE_PAGE_DBTIME_AT, 0x11223344);
    make_u32(p + ESE_PAGE_DBTIME_AT + 4, 0x55);
    make_u32(p + ESE_PAGE_PREV_AT, 2);
    make_u32(p + ESE_PAGE_NEXT_AT, 4);
    make_u16(p + ESE_PAGE_UNCOMMITTED_FREE_AT, 7);
    make_node(&m, PAGE, 0, RAW("k"), RAW("d"));
    struct ese_page page = parse(&m);
    ck_assert_uint_eq(page.number, PAGE);
    ck_assert_uint_eq(page.dbtime, 0x5511223344);
    ck_assert_uint_eq(page.prev, 2);
    ck_assert_uint_eq(page.next, 4);
    ck_assert_uint_eq(page.objid, OBJID);
    ck_assert_uint_eq(page.flags & 0x3, ESE_PAGE_LEAF);
    ck_assert_uint_eq(page.tags, 2);
    ck_assert_uint_eq(page.reserved, 1);
    ck_assert_uint_eq(ese_page_nodes(&page), 1);
    ck_assert_uint_eq(page.first_free, 4);
    ck_assert_uint_eq(page.free_bytes, sizes[_i] - made_header_size(&m) - 2 * 4 - 4);
    ck_assert_uint_eq(page.uncommitted_free, 7);
    ck_assert(page.tag_array_fits);
    made_free(&m);
}
END_TEST

START_TEST(nodes_are_read_with_their_flags)
{
    struct made m = make_database(sizes[_i], 0x14, 4);
    make_page_with(&m, PAGE, OBJID, ESE_PAGE_LEAF, RAW("prefix"));
    make_node(&m, PAGE, 0, RAW("alpha"), RAW("one"));
    make_node(&m, PAGE, ESE_NODE_DELETED, RAW(""), RAW("two"));
    make_node(&m, PAGE, ESE_NODE_VERSION, RAW("gamma"), RAW(""));
    make_prefixed_node(&m, PAGE, ESE_NODE_COMPRESSED, 3, RAW("ss"), RAW("four"));
    make_prefixed_node(&m, PAGE, ESE_NODE_COMPRESSED | ESE_NODE_DELETED, 6, RAW(""), RAW("five"));
    static const struct {
        const char *key, *data;
        unsigned flags;
    } expected[] = {
        {"alpha", "one", 0},  {"", "two", 2},        {"gamma", "", 1},
        {"press", "four", 4}, {"prefix", "five", 6},
    };
    struct ese_page page = parse(&m);
    ck_assert_uint_eq(ese_page_nodes(&page), ARRAY_SIZE(expected));
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        struct ese_node node;
        expect_key(&page, i, bytes_of(expected[i].key, strlen(expected[i].key)));
        ck_assert(ese_page_node(&page, i, &node, NULL));
        ck_assert(bytes_equal(node.data, bytes_of(expected[i].data, strlen(expected[i].data))));
        ck_assert_uint_eq(node.flags, expected[i].flags);
    }
    ck_assert(bytes_equal(ese_page_external_header(&page), RAW("prefix")));
    made_free(&m);
}
END_TEST

START_TEST(reserved_tags_are_no_nodes)
{
    struct made m = make_database(sizes[_i], 0x122, 4);
    make_page_with(&m, PAGE, OBJID, ESE_PAGE_LEAF, RAW("pre"));
    make_tag(&m, PAGE, 0, RAW("another reserved one"));
    make_node(&m, PAGE, 0, RAW("key"), RAW("data"));
    make_prefixed_node(&m, PAGE, ESE_NODE_COMPRESSED, 2, RAW("key"), RAW("data"));
    uint8_t *count = made_page(&m, PAGE) + ESE_PAGE_TAG_COUNT_AT;
    make_u16(count, made_u16(count) | 2u << 12);
    struct ese_page page = parse(&m);
    ck_assert_uint_eq(page.tags, 4);
    ck_assert_uint_eq(page.reserved, 2);
    ck_assert_uint_eq(ese_page_nodes(&page), 2);
    expect_key(&page, 0, RAW("key"));
    expect_key(&page, 1, RAW("prkey"));
    made_free(&m);
}
END_TEST

/* ---- prefixes of roots ---- */

static const struct root_prefix {
    const char *what;
    uint32_t flags;
    struct bytes external;
    unsigned takes;
    const char *key; /* NULL: refused */
} root_prefixes[] = {
    {"a root's external header is no prefix",
     ESE_PAGE_ROOT | ESE_PAGE_LEAF,
     {(const uint8_t *)"0123456789abcdefghij", 20},
     2,
     NULL},
    {"a space tree's root has it behind the split buffer",
     ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE,
     {(const uint8_t *)"0123456789abcdefghij", 20},
     3,
     "ghi+"},
    {"a space tree's root with a split buffer alone",
     ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE,
     {(const uint8_t *)"0123456789abcdef", 16},
     1,
     NULL},
    {"a space tree's root with nothing",
     ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE,
     {(const uint8_t *)"", 0},
     1,
     NULL},
    {"a space tree's leaf has it at the start",
     ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE,
     {(const uint8_t *)"0123", 4},
     3,
     "012+"},
};

START_TEST(only_a_space_tree_shares_a_prefix_on_its_root)
{
    const struct root_prefix *x = &root_prefixes[_i];
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct made m = make_database(sizes[i], 0x14, 4);
        struct ese_node node;
        struct fault f = {.code = FAULT_NONE};
        make_page_with(&m, PAGE, OBJID, x->flags, x->external);
        make_prefixed_node(&m, PAGE, ESE_NODE_COMPRESSED, x->takes, RAW("+"), RAW(""));
        struct ese_page page = parse(&m);
        if (x->key)
            expect_key(&page, 0, bytes_of(x->key, strlen(x->key)));
        else
            ck_assert_msg(!ese_page_node(&page, 0, &node, &f) &&
                              strstr(f.text, "from the page's key prefix, which has 0"),
                          "%s: %s", x->what, f.text);
        made_free(&m);
    }
}
END_TEST

/* ---- what points outside ---- */

static void set_tag(struct made *m, uint32_t size, uint32_t offset)
{
    make_u16(made_tag(m, PAGE, 1), size);
    make_u16(made_tag(m, PAGE, 1) + 2, offset);
}

static uint32_t room(const struct made *m)
{
    return m->page_size - (uint32_t)made_header_size(m) - 4 * 2;
}

static void offset_outside(struct made *m)
{
    set_tag(m, 1, room(m));
}

static void size_outside(struct made *m)
{
    set_tag(m, room(m), 1);
}

static void into_the_tags(struct made *m)
{
    set_tag(m, 3, room(m) - 2);
}

static void largest_offset(struct made *m)
{
    set_tag(m, 0, m->page_size > 8192 ? 0x7fff : 0x1fff);
}

static void largest_of_both(struct made *m)
{
    set_tag(m, 0xffff, 0xffff);
}

static void key_longer_than_its_node(struct made *m)
{
    make_u16(made_tag_bytes(m, PAGE, 1), 8);
}

static void longest_key(struct made *m)
{
    make_u16(made_tag_bytes(m, PAGE, 1), 0x1fff);
}

static void node_of_nothing(struct made *m)
{
    set_tag(m, 0, 0);
}

static void node_of_one_byte(struct made *m)
{
    set_tag(m, 1, 0);
}

static void set_compressed(struct made *m, unsigned prefix, unsigned suffix)
{
    uint8_t *node = made_tag_bytes(m, PAGE, 1);
    make_u16(node, prefix);
    make_u16(node + 2, suffix);
    if (m->page_size > 8192)
        node[1] = (uint8_t)(node[1] | ESE_NODE_COMPRESSED << 5);
    else
        made_tag(m, PAGE, 1)[3] |= ESE_NODE_COMPRESSED << 5;
}

static void prefix_longer_than_there_is(struct made *m)
{
    set_compressed(m, 5, 0);
}

static void suffix_behind_a_prefix_too_long(struct made *m)
{
    set_compressed(m, 4, 6);
}

static void no_room_for_the_suffix_size(struct made *m)
{
    set_compressed(m, 4, 0);
    make_u16(made_tag(m, PAGE, 1), 3);
}

static const struct outside {
    const char *what;
    void (*damage)(struct made *m);
    const char *says;
} outsides[] = {
    {"offset outside", offset_outside, "page 3 tag 1 points outside the page: offset"},
    {"size outside", size_outside, "page 3 tag 1 points outside the page"},
    {"into the tag array", into_the_tags, "page 3 tag 1 points outside the page"},
    {"largest offset", largest_offset, "page 3 tag 1"},
    {"largest of both", largest_of_both, "page 3 tag 1 points outside the page"},
    {"key longer than its node", key_longer_than_its_node, "page 3 tag 1 is too short for its key"},
    {"longest key", longest_key, "too short for its key: 9 bytes, key of 8191"},
    {"node of nothing", node_of_nothing, "page 3 tag 1 is too short for its key"},
    {"node of one byte", node_of_one_byte, "page 3 tag 1 is too short for its key"},
    {"prefix longer than there is", prefix_longer_than_there_is,
     "page 3 tag 1 takes 5 bytes from the page's key prefix, which has 4"},
    {"suffix behind a prefix too long", suffix_behind_a_prefix_too_long, "too short for its key"},
    {"no room for the suffix's size", no_room_for_the_suffix_size, "too short for its key"},
};

START_TEST(what_points_outside_is_refused)
{
    const struct outside *x = &outsides[_i];
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct made m = make_database(sizes[i], 0x14, 4);
        struct ese_node node;
        struct fault f = {.code = FAULT_NONE};
        make_page_with(&m, PAGE, OBJID, ESE_PAGE_LEAF, RAW("abcd"));
        make_node(&m, PAGE, 0, RAW("key"), RAW("data"));
        x->damage(&m);
        struct ese_page page = parse(&m);
        bool read = ese_page_node(&page, 0, &node, &f);
        ck_assert_msg(!read && f.code == FAULT_DAMAGED && strstr(f.text, x->says), "%s, %u: %s",
                      x->what, sizes[i], f.text);
        ck_assert(!ese_page_node(&page, 0, &node, NULL));
        made_free(&m);
    }
}
END_TEST

START_TEST(a_tag_that_just_fits_is_read)
{
    struct made m = make_database(sizes[_i], 0x14, 4);
    struct ese_page page;
    struct ese_tag tag;
    struct bytes at;
    make_page(&m, PAGE, OBJID, ESE_PAGE_LEAF);
    make_node(&m, PAGE, 0, RAW("key"), RAW("data"));
    set_tag(&m, 3, room(&m) - 3);
    page = parse(&m);
    ck_assert(ese_page_tag(&page, 1, &tag, &at, NULL));
    ck_assert_ptr_eq(at.at + at.size, made_tag(&m, PAGE, 1));
    set_tag(&m, 0, room(&m));
    page = parse(&m);
    ck_assert(ese_page_tag(&page, 1, &tag, &at, NULL));
    ck_assert_uint_eq(at.size, 0);
    made_free(&m);
}
END_TEST

START_TEST(tags_that_do_not_fit_are_not_read)
{
    struct made m = make_database(sizes[_i], 0x14, 4);
    struct ese_node node;
    struct ese_tag tag;
    struct bytes at;
    struct fault f;
    make_page(&m, PAGE, OBJID, ESE_PAGE_LEAF);
    uint32_t most = (m.page_size - (uint32_t)made_header_size(&m)) / 4;
    uint8_t *count = made_page(&m, PAGE) + ESE_PAGE_TAG_COUNT_AT;
    if (most >= 0xfff) {
        made_free(&m); /* all that can be counted fit */
        return;
    }
    make_u16(count, most);
    struct ese_page page = parse(&m);
    ck_assert(page.tag_array_fits);
    ck_assert_uint_eq(page.tags, most);
    ck_assert(!ese_page_node(&page, most - 1, &node, &f));
    make_u16(count, most + 1);
    page = parse(&m);
    ck_assert(!page.tag_array_fits);
    ck_assert_uint_eq(ese_page_nodes(&page), 0);
    ck_assert(!ese_page_tag(&page, 0, &tag, &at, &f));
    ck_assert_msg(strstr(f.text, "page 3 has no tag 0"), "%s", f.text);
    ck_assert_uint_eq(ese_page_external_header(&page).size, 0);
    made_free(&m);
}
END_TEST

START_TEST(a_zero_page_has_no_nodes)
{
    struct made m = make_database(sizes[_i], 0x14, 4);
    struct ese_page page = parse(&m);
    struct ese_node node;
    struct fault f;
    ck_assert_uint_eq(page.tags, 0);
    ck_assert_uint_eq(page.reserved, 1);
    ck_assert_uint_eq(ese_page_nodes(&page), 0);
    ck_assert_uint_eq(ese_page_external_header(&page).size, 0);
    ck_assert(!ese_page_node(&page, 0, &node, &f));
    ck_assert(!ese_page_node(&page, UINT32_MAX, &node, &f));
    made_free(&m);
}
END_TEST

START_TEST(more_reserved_tags_than_tags_leave_no_nodes)
{
    struct made m = make_database(sizes[_i], 0x122, 4);
    make_page(&m, PAGE, OBJID, ESE_PAGE_LEAF);
    uint8_t *count = made_page(&m, PAGE) + ESE_PAGE_TAG_COUNT_AT;
    make_u16(count, made_u16(count) | 7u << 12);
    struct ese_page page = parse(&m);
    ck_assert_uint_eq(page.reserved, 7);
    ck_assert_uint_eq(ese_page_nodes(&page), 0);
    made_free(&m);
}
END_TEST

/* ---- nodes ---- */

START_TEST(a_key_needs_its_room)
{
    struct ese_node node = {.prefix = RAW("abc"), .suffix = RAW("de")};
    uint8_t to[5];
    struct bytes key = {.size = 4711};
    for (size_t space = 0; space < 5; space++)
        ck_assert(!ese_node_key(&node, to, space, &key));
    ck_assert_uint_eq(key.size, 4711);
    ck_assert(ese_node_key(&node, to, 5, &key));
    ck_assert(bytes_equal(key, RAW("abcde")));
}
END_TEST

START_TEST(a_child_has_four_bytes)
{
    static const struct {
        const char *data;
        size_t size;
        uint32_t child;
    } examples[] = {{"\1\2\3\4", 4, 0x04030201}, {"\1\0\0\0", 4, 1},
                    {"\0\0\0\0", 4, 0},          {"\1\2\3", 3, 0},
                    {"\1\2\3\4\5", 5, 0},        {"", 0, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        struct ese_node node = {.data = bytes_of(examples[i].data, examples[i].size)};
        ck_assert_uint_eq(ese_node_child(&node), examples[i].child);
    }
}
END_TEST

int main(void)
{
    return check_main(
        "page", (const struct check_case[]){
                    {the_header_is_taken_apart, ARRAY_SIZE(sizes)},
                    {nodes_are_read_with_their_flags, ARRAY_SIZE(sizes)},
                    {reserved_tags_are_no_nodes, ARRAY_SIZE(sizes)},
                    {only_a_space_tree_shares_a_prefix_on_its_root, ARRAY_SIZE(root_prefixes)},
                    {what_points_outside_is_refused, ARRAY_SIZE(outsides)},
                    {a_tag_that_just_fits_is_read, ARRAY_SIZE(sizes)},
                    {tags_that_do_not_fit_are_not_read, ARRAY_SIZE(sizes)},
                    {a_zero_page_has_no_nodes, ARRAY_SIZE(sizes)},
                    {more_reserved_tags_than_tags_leave_no_nodes, ARRAY_SIZE(sizes)},
                    {a_key_needs_its_room, 0},
                    {a_child_has_four_bytes, 0},
                    {0},
                });
}
