/* Walking trees and seeking in them, sound ones and damaged ones. */
#include "formats/ese/read/cursor.h"
#include "tests/check_main.h"
#include "tests/formats/ese/making.h"

enum { ROOT = 3, LEFT = 4, MIDDLE = 5, RIGHT = 6, SPARE = 7, LAST = 24, OBJID = 9 };

/* Two levels: a root over three leaves with the keys b d, f h, k m. */
static struct made tree(uint32_t page_size)
{
    struct made m = make_database(page_size, 0x14, LAST);
    make_page(&m, ROOT, OBJID, ESE_PAGE_ROOT | ESE_PAGE_PARENT_OF_LEAF);
    make_branch(&m, ROOT, RAW("e"), LEFT);
    make_branch(&m, ROOT, RAW("j"), MIDDLE);
    make_branch(&m, ROOT, RAW(""), RIGHT);
    for (uint32_t page = LEFT; page <= RIGHT; page++)
        make_page_with(&m, page, OBJID, ESE_PAGE_LEAF, RAW("kl"));
    make_node(&m, LEFT, 0, RAW("b"), RAW("1"));
    make_node(&m, LEFT, 0, RAW("d"), RAW("2"));
    make_node(&m, MIDDLE, 0, RAW("f"), RAW("3"));
    make_node(&m, MIDDLE, 0, RAW("h"), RAW("4"));
    make_prefixed_node(&m, RIGHT, ESE_NODE_COMPRESSED, 1, RAW(""), RAW("5"));
    make_node(&m, RIGHT, 0, RAW("m"), RAW("6"));
    return m;
}

struct opened {
    struct ese_file *file;
    struct ese_pages *pages;
    struct ese_cursor cursor;
};

static void open_tree(struct opened *o, const struct made *m)
{
    struct fault f;
    ck_assert(ese_file_over(made_bytes(m), &o->file, &f));
    ck_assert(ese_pages_open(o->file, m->page_size, &o->pages, &f));
    ese_cursor_open(&o->cursor, o->pages, ROOT, OBJID);
}

static void close_tree(struct opened *o)
{
    ese_cursor_close(&o->cursor);
    ese_pages_close(o->pages);
    ese_file_close(o->file);
}

/* The keys that a cursor gives, one after the other; a fault is a "!".  The first one goes to
 * *first. */
static void steps(struct ese_cursor *c, enum ese_step step, struct fault *f, char *text,
                  size_t size, struct fault *first)
{
    for (int n = 0; step != ESE_STEP_END; n++) {
        ck_assert_int_lt(n, 100);
        size_t used = strlen(text);
        if (step == ESE_STEP_NODE) {
            snprintf(text + used, size - used, "%.*s", (int)c->key.size, c->key.at);
        } else {
            snprintf(text + used, size - used, "!");
            if (first->code == FAULT_NONE)
                *first = *f;
        }
        *f = (struct fault){.code = FAULT_NONE};
        step = ese_cursor_next(c, f);
    }
    ck_assert_int_eq(ese_cursor_next(c, f), ESE_STEP_END); /* and it stays there */
}

static void walk(const struct made *m, bool with_deleted, char text[100], struct fault *first)
{
    struct opened o;
    struct fault f = {.code = FAULT_NONE};
    open_tree(&o, m);
    o.cursor.with_deleted = with_deleted;
    text[0] = '\0';
    *first = (struct fault){.code = FAULT_NONE};
    steps(&o.cursor, ese_cursor_next(&o.cursor, &f), &f, text, 100, first);
    close_tree(&o);
}

/* ---- damage, and what a walk gives all the same ---- */

static uint8_t *child(struct made *m, unsigned branch)
{
    uint8_t *node = made_tag_bytes(m, ROOT, branch + 1);
    return node + 2 + (made_u16(node) & 0x1fff);
}

static void nothing(struct made *m)
{
    (void)m;
}

static void second_is_deleted(struct made *m)
{
    made_tag(m, LEFT, 2)[3] |= ESE_NODE_DELETED << 5;
}

static void all_of_one_leaf_deleted(struct made *m)
{
    made_tag(m, MIDDLE, 1)[3] |= ESE_NODE_DELETED << 5;
    made_tag(m, MIDDLE, 2)[3] |= ESE_NODE_DELETED << 5;
}

static void middle_is_empty(struct made *m)
{
    make_page(m, MIDDLE, OBJID, ESE_PAGE_LEAF);
}

static void root_is_empty(struct made *m)
{
    make_page(m, ROOT, OBJID, ESE_PAGE_ROOT | ESE_PAGE_PARENT_OF_LEAF);
}

static void root_is_an_empty_leaf(struct made *m)
{
    make_page(m, ROOT, OBJID, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
}

static void root_is_a_leaf(struct made *m)
{
    root_is_an_empty_leaf(m);
    make_node(m, ROOT, 0, RAW("x"), RAW(""));
}

static void child_is_the_root(struct made *m)
{
    make_u32(child(m, 1), ROOT);
}

static void child_is_its_sibling(struct made *m)
{
    make_u32(child(m, 1), LEFT);
}

static void child_is_beyond_the_file(struct made *m)
{
    make_u32(child(m, 1), LAST + 1);
}

static void child_is_nothing(struct made *m)
{
    make_u32(child(m, 1), 0);
}

static void child_is_the_largest_number(struct made *m)
{
    make_u32(child(m, 2), UINT32_MAX);
}

static void child_is_zero_page(struct made *m)
{
    make_u32(child(m, 1), SPARE);
}

static void child_of_three_bytes(struct made *m)
{
    make_u16(made_tag(m, ROOT, 2), made_u16(made_tag(m, ROOT, 2)) - 1);
}

static void branch_points_outside(struct made *m)
{
    make_u16(made_tag(m, ROOT, 2), 0x1fff);
}

static void branches_go_round(struct made *m)
{
    make_u32(child(m, 0), SPARE);
    make_page(m, SPARE, OBJID, ESE_PAGE_PARENT_OF_LEAF);
    make_branch(m, SPARE, RAW("c"), LEFT);
    make_branch(m, SPARE, RAW("d"), SPARE);
    make_branch(m, SPARE, RAW(""), ROOT);
}

static void other_object(struct made *m)
{
    make_u32(made_page(m, MIDDLE) + ESE_PAGE_OBJID_AT, OBJID + 1);
}

static void leaf_is_a_root(struct made *m)
{
    uint8_t *flags = made_page(m, MIDDLE) + ESE_PAGE_FLAGS_AT;
    make_u32(flags, plain_word(flags) | ESE_PAGE_ROOT);
}

static void leaf_is_a_space_root(struct made *m)
{
    leaf_is_a_root(m);
    uint8_t *flags = made_page(m, MIDDLE) + ESE_PAGE_FLAGS_AT;
    make_u32(flags, plain_word(flags) | ESE_PAGE_SPACE_TREE);
}

static void root_is_no_root(struct made *m)
{
    uint8_t *flags = made_page(m, ROOT) + ESE_PAGE_FLAGS_AT;
    make_u32(flags, plain_word(flags) & ~(uint32_t)ESE_PAGE_ROOT);
}

static void too_many_tags(struct made *m)
{
    make_u16(made_page(m, MIDDLE) + ESE_PAGE_TAG_COUNT_AT, 0xfff);
}

static void node_points_outside(struct made *m)
{
    make_u16(made_tag(m, MIDDLE, 1), 0x1fff);
}

static void key_prefix_outside(struct made *m)
{
    make_u16(made_tag_bytes(m, RIGHT, 1), 3);
}

static void too_deep(struct made *m)
{
    make_u32(child(m, 1), SPARE);
    for (uint32_t page = SPARE; page < SPARE + ESE_DEPTH_MOST; page++) {
        make_page(m, page, OBJID, 0);
        make_branch(m, page, RAW(""), page + 1);
    }
    make_page(m, SPARE + ESE_DEPTH_MOST, OBJID, ESE_PAGE_LEAF);
    make_node(m, SPARE + ESE_DEPTH_MOST, 0, RAW("z"), RAW(""));
}

static void as_deep_as_can_be(struct made *m)
{
    too_deep(m);
    make_u32(child(m, 1), SPARE + 1);
}

static const struct damage {
    const char *what;
    void (*damage)(struct made *m);
    const char *walk;
    const char *says; /* of the first fault */
} damages[] = {
    {"nothing", nothing, "bdfhkm", ""},
    {"a deleted node", second_is_deleted, "bfhkm", ""},
    {"a leaf of deleted nodes", all_of_one_leaf_deleted, "bdkm", ""},
    {"an empty leaf", middle_is_empty, "bdkm", ""},
    {"an empty root", root_is_empty, "!", "page 3 has no tag 1"},
    {"an empty table", root_is_an_empty_leaf, "", ""},
    {"a root that is a leaf", root_is_a_leaf, "x", ""},
    {"a child that is the root", child_is_the_root, "bd!km",
     "loops: page 3 is reached a second time"},
    {"a child that is its sibling", child_is_its_sibling, "bd!km",
     "the tree with root page 3 loops: page 4 is reached a second time"},
    {"a child beyond the file", child_is_beyond_the_file, "bd!km",
     "page 25 is not in the file: its last page is 24"},
    {"a child that is nothing", child_is_nothing, "bd!km", "page 3 tag 2 names no child page"},
    {"a child with the largest number", child_is_the_largest_number, "bdfh!", "page 4294967295"},
    {"a child that was never written", child_is_zero_page, "bd!km",
     "page 7 was never written: all of its bytes are zero"},
    {"a child of three bytes", child_of_three_bytes, "bd!km", "page 3 tag 2 names no child page"},
    {"a branch that points outside", branch_points_outside, "bd!km", "page 3 tag 2 points outside"},
    {"branches that go round", branches_go_round, "bd!!fhkm", "loops: page 7"},
    {"a leaf of another object", other_object, "bd!km",
     "page 5 belongs to object 10, expected object 9"},
    {"a leaf that was a root before a repair", leaf_is_a_root, "bdfhkm", ""},
    {"a leaf that is the root of a space tree", leaf_is_a_space_root, "bd!km",
     "page 5 is flagged as a root"},
    {"a root that says it is none", root_is_no_root, "!", "page 3 is not flagged as a root"},
    {"more tags than fit", too_many_tags, "bd!km", "page 5 has more tags than fit into it"},
    {"a node that points outside", node_points_outside, "bd!hkm", "page 5 tag 1 points outside"},
    {"a key prefix that is not there", key_prefix_outside, "bdfh!m", "page 6 tag 1 takes 3 bytes"},
    {"a tree too deep", too_deep, "bd!km", "the tree with root page 3 is deeper than 12 levels"},
    {"a tree as deep as can be", as_deep_as_can_be, "bdzkm", ""},
};

START_TEST(a_walk_goes_on_behind_damage)
{
    const struct damage *x = &damages[_i];
    struct made m = tree(4096);
    char text[100];
    struct fault f;
    x->damage(&m);
    make_sums(&m);
    walk(&m, false, text, &f);
    ck_assert_msg(strcmp(text, x->walk) == 0, "%s: %s: %s", x->what, text, f.text);
    ck_assert_msg(strstr(f.text, x->says) && (f.code != FAULT_NONE) == (x->says[0] != '\0'),
                  "%s: %s", x->what, f.text);
    made_free(&m);
}
END_TEST

START_TEST(a_page_with_a_wrong_checksum_is_passed_over)
{
    static const struct {
        uint32_t page;
        const char *walk;
    } examples[] = {{LEFT, "!fhkm"}, {MIDDLE, "bd!km"}, {RIGHT, "bdfh!"}, {ROOT, "!"}};
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        struct made m = tree(4096);
        char text[100];
        struct fault f;
        make_sums(&m);
        made_page(&m, examples[i].page)[1000] ^= 0xff;
        walk(&m, false, text, &f);
        ck_assert_str_eq(text, examples[i].walk);
        ck_assert_msg(strstr(f.text, "has a wrong checksum: stored 0x"), "%s", f.text);
        made_free(&m);
    }
}
END_TEST

static void remember(void *context, uint32_t page, uint32_t bit)
{
    uint32_t *told = context;
    told[0] = page;
    told[1] = bit;
}

START_TEST(a_flipped_bit_is_put_right_and_told)
{
    struct made m = tree(4096);
    struct opened o;
    struct fault f = {.code = FAULT_NONE}, first = {.code = FAULT_NONE};
    uint32_t told[2] = {0, 0};
    char text[100] = "";
    make_sums(&m);
    made_tag_bytes(&m, MIDDLE, 1)[2] ^= 0x10; /* the key f */
    open_tree(&o, &m);
    ese_pages_on_corrected(o.pages, remember, told);
    steps(&o.cursor, ese_cursor_next(&o.cursor, &f), &f, text, sizeof text, &first);
    ck_assert_str_eq(text, "bdfhkm");
    ck_assert_uint_eq(told[0], MIDDLE);
    ck_assert_uint_eq(
        told[1], (uint32_t)(made_tag_bytes(&m, MIDDLE, 1) + 2 - made_page(&m, MIDDLE)) * 8 + 4);
    close_tree(&o);
    made_free(&m);
}
END_TEST

START_TEST(a_page_of_another_place_is_refused)
{
    struct made m = tree(4096);
    char text[100];
    struct fault f;
    m.revision = 2;
    for (uint32_t page = ROOT; page <= RIGHT; page++) {
        uint8_t *flags = made_page(&m, page) + ESE_PAGE_FLAGS_AT;
        make_u32(flags, plain_word(flags) & ~0x2800u);
    }
    make_sums(&m);
    memcpy(made_page(&m, MIDDLE), made_page(&m, RIGHT), m.page_size);
    walk(&m, false, text, &f);
    ck_assert_str_eq(text, "bd!km");
    ck_assert_msg(strstr(f.text, "page 5 carries the number of another page: 6"), "%s", f.text);
    made_free(&m);
}
END_TEST

START_TEST(deleted_nodes_are_given_on_request)
{
    struct made m = tree(4096);
    char text[100];
    struct fault f;
    second_is_deleted(&m);
    make_sums(&m);
    walk(&m, true, text, &f);
    ck_assert_str_eq(text, "bdfhkm");
    made_free(&m);
}
END_TEST

START_TEST(every_page_size_is_walked)
{
    for (uint32_t size = ESE_PAGE_SIZE_MIN; size <= ESE_PAGE_SIZE_MAX; size *= 2) {
        struct made m = tree(size);
        char text[100];
        struct fault f;
        make_sums(&m);
        walk(&m, false, text, &f);
        ck_assert_str_eq(text, "bdfhkm");
        made_free(&m);
    }
}
END_TEST

START_TEST(a_key_longer_than_any_is_refused)
{
    static uint8_t half_key[2500];
    struct made m = make_database(8192, 0x14, LAST);
    struct opened o;
    struct fault f = {.code = FAULT_NONE};
    memset(half_key, 'k', sizeof half_key);
    make_page(&m, ROOT, OBJID, ESE_PAGE_ROOT | ESE_PAGE_PARENT_OF_LEAF);
    make_branch(&m, ROOT, RAW(""), LEFT);
    make_page_with(&m, LEFT, OBJID, ESE_PAGE_LEAF, bytes_of(half_key, sizeof half_key));
    make_prefixed_node(&m, LEFT, ESE_NODE_COMPRESSED, sizeof half_key,
                       bytes_of(half_key, sizeof half_key), RAW(""));
    make_node(&m, LEFT, 0, RAW("z"), RAW(""));
    make_sums(&m);
    open_tree(&o, &m);
    ck_assert_int_eq(ese_cursor_next(&o.cursor, &f), ESE_STEP_FAULT);
    ck_assert_msg(strstr(f.text, "page 4 tag 1 has a key of 5000 bytes"), "%s", f.text);
    ck_assert_int_eq(ese_cursor_next(&o.cursor, &f), ESE_STEP_NODE);
    ck_assert(bytes_equal(o.cursor.key, RAW("z")));
    close_tree(&o);
    made_free(&m);
}
END_TEST

/* ---- seeking ---- */

static const struct sought {
    const char *key, *from_there;
} soughts[] = {
    {"", "bdfhkm"}, {"a", "bdfhkm"}, {"b", "bdfhkm"}, {"c", "dfhkm"}, {"d", "dfhkm"},
    {"da", "fhkm"}, {"e", "fhkm"},   {"f", "fhkm"},   {"g", "hkm"},   {"h", "hkm"},
    {"i", "km"},    {"j", "km"},     {"k", "km"},     {"ka", "m"},    {"m", "m"},
    {"ma", ""},     {"z", ""},
};

START_TEST(a_seek_finds_the_first_key_not_less)
{
    struct made m = tree(4096);
    struct opened o;
    make_sums(&m);
    open_tree(&o, &m);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(soughts);
         i++) { /* twice, from wherever the last one ended */
        const struct sought *x = &soughts[i % ARRAY_SIZE(soughts)];
        struct fault f = {.code = FAULT_NONE}, first = {.code = FAULT_NONE};
        char text[100] = "";
        enum ese_step step = ese_cursor_seek(&o.cursor, bytes_of(x->key, strlen(x->key)), &f);
        steps(&o.cursor, step, &f, text, sizeof text, &first);
        ck_assert_msg(strcmp(text, x->from_there) == 0, "%s: %s", x->key, text);
    }
    close_tree(&o);
    made_free(&m);
}
END_TEST

START_TEST(a_seek_in_damage_says_so_and_goes_on)
{
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        for (const char *key = "abcdefghijklmn"; *key; key++) {
            struct made m = tree(4096);
            struct opened o;
            struct fault f = {.code = FAULT_NONE}, first = {.code = FAULT_NONE};
            char text[100] = "";
            damages[i].damage(&m);
            make_sums(&m);
            open_tree(&o, &m);
            enum ese_step step = ese_cursor_seek(&o.cursor, bytes_of(key, 1), &f);
            steps(&o.cursor, step, &f, text, sizeof text, &first);
            if (strchr(text, '!'))
                ck_assert_msg(first.text[0] != '\0', "%s, %c", damages[i].what, *key);
            close_tree(&o);
            made_free(&m);
        }
    }
}
END_TEST

START_TEST(a_cursor_never_moved_may_be_closed)
{
    struct made m = tree(4096);
    struct opened o;
    open_tree(&o, &m);
    close_tree(&o);
    struct ese_cursor zeroed = {.pages = NULL};
    ese_cursor_close(&zeroed);
    made_free(&m);
}
END_TEST

int main(void)
{
    return check_main("cursor", (const struct check_case[]){
                                    {a_walk_goes_on_behind_damage, ARRAY_SIZE(damages)},
                                    {a_page_with_a_wrong_checksum_is_passed_over, 0},
                                    {a_flipped_bit_is_put_right_and_told, 0},
                                    {a_page_of_another_place_is_refused, 0},
                                    {deleted_nodes_are_given_on_request, 0},
                                    {every_page_size_is_walked, 0},
                                    {a_key_longer_than_any_is_refused, 0},
                                    {a_seek_finds_the_first_key_not_less, 0},
                                    {a_seek_in_damage_says_so_and_goes_on, 0},
                                    {a_cursor_never_moved_may_be_closed, 0},
                                    {0},
                                });
}
