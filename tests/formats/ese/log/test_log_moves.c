/*
 * Pages and roots that move, and what is wiped on purpose: formats/ese/log/move.c, rows.c.
 *
 * A change of several pages is redone whichever of them were written after it: each set of pages
 * that were, and the result has to be the same, byte for byte.
 */
#include "tests/formats/ese/log/writing.h"

#include "formats/ese/layout/compress.h"

enum {
    BEFORE = MADE_TIME,
    AFTER = 150,
    FIRST = 6, /* leaves below the root; the second has its neighbours */
    SECOND = 7,
    THIRD = 8,
    FREE = 10,
    PAGES = 16,
    FLAGS = ESE_PAGE_NEW_RECORD_FORMAT | ESE_PAGE_NEW_CHECKSUM,
};

/* ---- pages ---- */

static void make(uint32_t number, uint32_t object, uint32_t flags)
{
    struct ese_page_change page = made_change(&small_store, number);
    ese_page_change_init(&page, object, BEFORE, FLAGS | flags);
    made_seal_page(&small_store, number);
}

static void add(uint32_t number, const char *key, struct bytes data)
{
    struct ese_page_change page = made_change(&small_store, number);
    struct ese_node node = made_node(key, "");
    node.data = data;
    ck_assert(ese_page_change_insert(&page, ese_page_change_nodes(&page), &node));
    made_seal_page(&small_store, number);
}

static void add_text(uint32_t number, const char *key, const char *data)
{
    add(number, key, bytes_of(data, strlen(data)));
}

static void add_child(uint32_t number, const char *key, uint32_t child)
{
    uint8_t data[4];
    bytes_put_le32(data, child);
    add(number, key, bytes_of(data, sizeof data));
}

static void set_field(uint32_t number, size_t at, uint32_t value)
{
    bytes_put_le32(made_store_page(&small_store, number) + at, value);
    made_seal_page(&small_store, number);
}

static uint32_t field(uint32_t number, size_t at)
{
    return bytes_get_le32(bytes_of(made_store_page(&small_store, number), MADE_PAGE_SIZE), at);
}

/* The nodes of a page as "key=data". */
static const char *nodes_of(uint32_t number)
{
    static char text[2000];
    struct ese_page page;
    size_t used = 0;
    text[0] = '\0';
    ese_page_parse(bytes_of(made_store_page(&small_store, number), MADE_PAGE_SIZE), number, &page);
    for (unsigned i = 0; i < ese_page_nodes(&page); i++) {
        struct ese_node node;
        ck_assert(ese_page_node(&page, i, &node, NULL));
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s=%.*s", i ? " " : "",
                                 (int)node.suffix.size, node.suffix.at, (int)node.data.size,
                                 node.data.at);
    }
    return text;
}

static uint32_t child_of(uint32_t number, unsigned line)
{
    struct ese_page page;
    struct ese_node node;
    ese_page_parse(bytes_of(made_store_page(&small_store, number), MADE_PAGE_SIZE), number, &page);
    ck_assert(ese_page_node(&page, line, &node, NULL));
    return ese_node_child(&node);
}

/* ---- records ---- */

/* A PageMove and the image of the page as the engine logs it: it has the new time already. */
static size_t move_record(uint8_t *r, uint32_t from, uint32_t to, uint32_t root)
{
    const uint8_t *raw = made_store_page(&small_store, from);
    struct bytes page = bytes_of(raw, MADE_PAGE_SIZE);
    size_t head = ESE_PAGE_HEADER_SMALL + (size_t)bytes_get_le16(page, ESE_PAGE_FIRST_FREE_AT);
    size_t tail = ESE_TAG_SIZE *
                  (size_t)(bytes_get_le16(page, ESE_PAGE_TAG_COUNT_AT) & ESE_PAGE_TAG_COUNT_MASK);
    made_node_record(r, ESE_LOG_PAGE_MOVE, from, 0, BEFORE, AFTER, 0, false);
    memset(r + 32, 0, 64);
    bytes_put_le32(r + 32, to);
    bytes_put_le32(r + 72, MADE_ROOT);
    bytes_put_le32(r + 76, MADE_OBJECT);
    bytes_put_le32(r + 84, root);
    bytes_put_le32(r + 88, (uint32_t)head);
    bytes_put_le32(r + 92, (uint32_t)tail);
    memcpy(r + 96, raw, head);
    memcpy(r + 96 + head, raw + MADE_PAGE_SIZE - tail, tail);
    bytes_put_le64(r + 96 + ESE_PAGE_DBTIME_AT, AFTER);
    return 96 + head + tail;
}

/* The second leaf moves to a free page. */
static size_t leaf_record(uint8_t *r)
{
    size_t size = move_record(r, SECOND, FREE, 0);
    bytes_put_le32(r + 36, FIRST);
    bytes_put_le32(r + 40, THIRD);
    bytes_put_le32(r + 44, MADE_ROOT);
    for (unsigned at = 48; at < 72; at += 8)
        bytes_put_le64(r + at, BEFORE);
    bytes_put_le32(r + 80, 1);
    return size;
}

static void make_tree(void)
{
    log_start(PAGES);
    make(MADE_ROOT, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_PARENT_OF_LEAF);
    add_child(MADE_ROOT, "h", FIRST);
    add_child(MADE_ROOT, "p", SECOND);
    add_child(MADE_ROOT, "", THIRD);
    for (uint32_t n = FIRST; n <= THIRD; n++)
        make(n, MADE_OBJECT, ESE_PAGE_LEAF);
    add_text(FIRST, "b", "one");
    add_text(SECOND, "k", "two");
    add_text(SECOND, "m", "and more");
    add_text(THIRD, "t", "three");
    set_field(FIRST, ESE_PAGE_NEXT_AT, SECOND);
    set_field(SECOND, ESE_PAGE_PREV_AT, FIRST);
    set_field(SECOND, ESE_PAGE_NEXT_AT, THIRD);
    set_field(THIRD, ESE_PAGE_PREV_AT, SECOND);
}

/* ---- whichever pages were written ---- */

/* Replays the log over the store with each set of `pages` in the state that the replay gives them,
 * as if they had been written before the crash. */
static void expect_the_same_whatever_was_written(const uint32_t *pages, unsigned count)
{
    struct fault f;
    size_t size = small_store.size;
    uint8_t *before = malloc(size), *after = malloc(size);
    memcpy(before, small_store.bytes, size);
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert_uint_eq(small_store.size, size);
    memcpy(after, small_store.bytes, size);
    for (unsigned set = 1; set < 1u << count; set++) {
        memcpy(small_store.bytes, before, size);
        for (unsigned i = 0; i < count; i++)
            if (set >> i & 1)
                memcpy(made_store_page(&small_store, pages[i]),
                       after + (size_t)(pages[i] + 1) * MADE_PAGE_SIZE, MADE_PAGE_SIZE);
        ck_assert_msg(log_replay(&f), "set %x: %s", set, f.text);
        ck_assert_msg(memcmp(small_store.bytes, after, size) == 0, "set %x: another result", set);
    }
    free(before);
    free(after);
}

START_TEST(a_page_moves)
{
    static const uint32_t pages[] = {MADE_ROOT, FIRST, SECOND, THIRD, FREE};
    uint8_t r[MADE_PAGE_SIZE];
    make_tree();
    log_put_begin();
    log_put(r, leaf_record(r));
    log_put_commit();
    expect_the_same_whatever_was_written(pages, 5);
    ck_assert_str_eq(nodes_of(FREE), "k=two m=and more");
    ck_assert_str_eq(nodes_of(SECOND), "");
    ck_assert(field(SECOND, ESE_PAGE_FLAGS_AT) & ESE_PAGE_EMPTY);
    ck_assert_uint_eq(child_of(MADE_ROOT, 1), FREE);
    ck_assert_uint_eq(field(FIRST, ESE_PAGE_NEXT_AT), FREE);
    ck_assert_uint_eq(field(THIRD, ESE_PAGE_PREV_AT), FREE);
    ck_assert_uint_eq(field(FREE, ESE_PAGE_PREV_AT), FIRST);
    ck_assert_uint_eq(field(FREE, ESE_PAGE_NEXT_AT), THIRD);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(field(pages[i], ESE_PAGE_DBTIME_AT), AFTER);
    free(small_store.bytes);
    free(written.log);
}
END_TEST

START_TEST(a_page_moves_behind_the_end)
{
    uint8_t r[MADE_PAGE_SIZE];
    struct fault f;
    make_tree();
    log_put_begin();
    size_t size = leaf_record(r);
    bytes_put_le32(r + 32, PAGES + 4);
    log_put(r, size);
    log_put_commit();
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert_uint_eq(replayed.last_page, PAGES + 4);
    ck_assert_str_eq(nodes_of(PAGES + 4), "k=two m=and more");
    free(small_store.bytes);
    free(written.log);
}
END_TEST

/* The old page has been given to another tree since, and was written. */
START_TEST(an_old_page_that_was_used_again_stays)
{
    uint8_t r[MADE_PAGE_SIZE];
    struct fault f;
    make_tree();
    log_put_begin();
    log_put(r, leaf_record(r));
    made_node_record(r, ESE_LOG_DELETE, SECOND, 1, 160, 170, 0, false);
    log_put(r, 44);
    log_put_commit();
    make(SECOND, MADE_OBJECT + 1, ESE_PAGE_LEAF);
    add_text(SECOND, "x", "another tree's");
    struct ese_page_change page = made_change(&small_store, SECOND);
    ese_page_change_set_time(&page, 170);
    made_seal_page(&small_store, SECOND);
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert_str_eq(nodes_of(FREE), "k=two m=and more");
    ck_assert_str_eq(nodes_of(SECOND), "x=another tree's");
    free(small_store.bytes);
    free(written.log);
}
END_TEST

/* ---- moves that lie ---- */

struct lie {
    const char *refusal;
    unsigned at, bytes;
    uint32_t value;
    bool written; /* the old page: the image counts */
};

static const struct lie lies[] = {
    {"its line does not lead to the page", 80, 4, 0, false},
    {"its line does not lead to the page", 80, 4, 3, false},
    {"its line does not lead to the page", 80, 4, 0xffffffff, false},
    {"it is named twice", 36, 4, FREE, false},
    {"it is no neighbour of the page", 36, 4, 9, false},
    {"it is no neighbour of the page", 40, 4, 9, false},
    {"it is named twice", 36, 4, THIRD, false},
    {"it is named twice", 32, 4, SECOND, false},
    {"it is named twice", 32, 4, MADE_ROOT, false},
    {"moves without a parent", 44, 4, 0, false},
    {"moves without a parent", 84, 4, 1, false},
    {"moves without a parent", 84, 4, 8, false},
    {"belongs to another object", 76, 4, MADE_OBJECT + 1, false},
    {"the image of it that a move carries is none", 88, 4, ESE_PAGE_HEADER_SMALL - 1, false},
    {"the image of it that a move carries is none", 92, 4, 4096, false},
    {"a write was lost", 16, 8, BEFORE + 1, false},
    {"a write was lost", 48, 8, BEFORE + 1, false},
    {"a write was lost", 56, 8, BEFORE + 1, false},
    {"a write was lost", 64, 8, BEFORE + 1, false},
    {"a record makes page", 32, 4, 0x7f000000, false},
    {"a record makes page 0", 32, 4, 0, false},
    {"its free bytes are wrong", 96 + ESE_PAGE_FREE_AT, 2, 5, true},
    {"its tags do not fit", 96 + ESE_PAGE_TAG_COUNT_AT, 2, 0xfff, true},
    {"its tags do not fit", 96 + ESE_PAGE_TAG_COUNT_AT, 2, 0, true},
    {"belongs to another object", 96 + ESE_PAGE_OBJID_AT, 4, 77, true},
};

START_TEST(moves_that_lie)
{
    uint8_t r[2 * MADE_PAGE_SIZE];
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
        const struct lie *lie = &lies[i];
        make_tree();
        log_put_begin();
        size_t size = leaf_record(r);
        for (unsigned n = 0; n < lie->bytes; n++)
            r[lie->at + n] = (uint8_t)(n < 4 ? lie->value >> 8 * n : 0);
        if (lie->at == 88 || lie->at == 92) { /* as long as it says then */
            memset(r + size, 0, sizeof r - size);
            size = 96 + bytes_get_le32(bytes_of(r, 96), 88) + bytes_get_le32(bytes_of(r, 96), 92);
        }
        if (size > ESE_LOG_SEGMENT_SIZE - 100)
            log_put_in_pieces(r, size);
        else
            log_put(r, size);
        made_node_record(r, ESE_LOG_DELETE, SECOND, 0, AFTER, AFTER + 1, 0, false);
        log_put(r, 44);
        log_put_commit();
        if (lie->written) {
            struct ese_page_change page = made_change(&small_store, SECOND);
            ese_page_change_set_time(&page, AFTER + 1);
            made_seal_page(&small_store, SECOND);
        }
        expect_refusal(lie->refusal);
    }
}
END_TEST

/* ---- a root ---- */

enum {
    OWNED = 6,
    AVAILABLE = 7,
    CHILD = 8,
    CATALOG = 9,
    SHADOW = 10,
    NEW_ROOT = 11,
    NEW_OWNED = 12,
    NEW_AVAILABLE = 13,
    SPACE_HEADER = 16,
};

static void put_space_header(uint32_t number, uint32_t parent, uint32_t owned)
{
    uint8_t header[SPACE_HEADER] = {8};
    struct ese_page_change page = made_change(&small_store, number);
    bytes_put_le32(header + 4, parent);
    bytes_put_le32(header + 8, 1);
    bytes_put_le32(header + 12, owned);
    ck_assert(ese_page_change_external(&page, bytes_of(header, sizeof header)));
    made_seal_page(&small_store, number);
}

static void make_root(void)
{
    log_start(PAGES);
    make(MADE_ROOT, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
    put_space_header(MADE_ROOT, 1, OWNED);
    add_text(MADE_ROOT, "a", "row");
    make(OWNED, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE);
    add_text(OWNED, "o", "owned");
    make(AVAILABLE, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE);
    make(CHILD, MADE_OBJECT + 1, ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_INDEX);
    put_space_header(CHILD, MADE_ROOT, 0);
    make(CATALOG, ESE_OBJID_CATALOG, ESE_PAGE_LEAF);
    make(SHADOW, ESE_OBJID_CATALOG_SHADOW, ESE_PAGE_LEAF);
    for (uint32_t n = CATALOG; n <= SHADOW; n++) {
        add_text(n, "i", "index of 5");
        add_text(n, "t", "table at 5");
    }
}

static void put_macro(enum ese_log_type type)
{
    uint8_t r[11] = {(uint8_t)type, MADE_SESSION, 0};
    bytes_put_le64(r + 3, AFTER);
    log_put(r, sizeof r);
}

static void put_root_move(void)
{
    uint8_t r[16] = {ESE_LOG_ROOT_PAGE_MOVE};
    bytes_put_le64(r + 1, AFTER);
    r[9] = MADE_DATABASE;
    bytes_put_le32(r + 10, MADE_OBJECT);
    bytes_put_le16(r + 14, MADE_SESSION);
    log_put(r, sizeof r);
}

static void put_root(uint32_t from, uint32_t to, uint32_t root)
{
    uint8_t r[MADE_PAGE_SIZE];
    log_put(r, move_record(r, from, to, root));
}

static void put_child(size_t size)
{
    uint8_t r[80];
    made_node_record(r, ESE_LOG_SET_EXTERNAL_HEADER, CHILD, 0, BEFORE, AFTER, 0, false);
    bytes_put_le16(r + 44, size);
    memset(r + 46, 0, SPACE_HEADER);
    r[46] = 8;
    bytes_put_le32(r + 50, NEW_ROOT);
    log_put(r, 46 + size);
}

static void put_row(uint32_t page, unsigned line, uint32_t object, const char *text)
{
    uint8_t r[100];
    made_node_record(r, ESE_LOG_REPLACE, page, line, BEFORE, AFTER, 0, false);
    bytes_put_le32(r + 40, object);
    bytes_put_le16(r + 44, strlen(text));
    bytes_put_le16(r + 46, 10);
    bytes_put_le16(r + 48, strlen(text));
    memcpy(r + 50, text, strlen(text));
    log_put(r, 50 + strlen(text));
}

static void put_rows(void)
{
    put_row(CATALOG, 1, ESE_OBJID_CATALOG, "table at 11");
    put_row(CATALOG, 0, ESE_OBJID_CATALOG, "index of 11");
    put_row(SHADOW, 1, ESE_OBJID_CATALOG_SHADOW, "table at 11");
    put_row(SHADOW, 0, ESE_OBJID_CATALOG_SHADOW, "index of 11");
}

START_TEST(a_root_moves)
{
    static const uint32_t pages[] = {MADE_ROOT, OWNED,    AVAILABLE, CHILD,        CATALOG,
                                     SHADOW,    NEW_ROOT, NEW_OWNED, NEW_AVAILABLE};
    make_root();
    log_put_begin();
    put_macro(ESE_LOG_MACRO_BEGIN);
    put_root_move();
    put_root(MADE_ROOT, NEW_ROOT, 1);
    put_root(OWNED, NEW_OWNED, 2);
    put_root(AVAILABLE, NEW_AVAILABLE, 4);
    put_child(SPACE_HEADER);
    put_rows();
    put_macro(ESE_LOG_MACRO_COMMIT);
    log_put_commit();
    expect_the_same_whatever_was_written(pages, 9);
    ck_assert_str_eq(nodes_of(NEW_ROOT), "a=row");
    ck_assert_str_eq(nodes_of(NEW_OWNED), "o=owned");
    ck_assert_str_eq(nodes_of(CATALOG), "i=index of 11 t=table at 11");
    ck_assert_str_eq(nodes_of(SHADOW), "i=index of 11 t=table at 11");
    struct ese_page page;
    ese_page_parse(bytes_of(made_store_page(&small_store, NEW_ROOT), MADE_PAGE_SIZE), NEW_ROOT,
                   &page);
    ck_assert_uint_eq(bytes_get_le32(ese_page_external_header(&page), 12), NEW_OWNED);
    ese_page_parse(bytes_of(made_store_page(&small_store, CHILD), MADE_PAGE_SIZE), CHILD, &page);
    ck_assert_uint_eq(bytes_get_le32(ese_page_external_header(&page), 4), NEW_ROOT);
    for (uint32_t n = MADE_ROOT; n <= AVAILABLE; n++)
        ck_assert(field(n, ESE_PAGE_FLAGS_AT) & ESE_PAGE_EMPTY);
    free(small_store.bytes);
    free(written.log);
}
END_TEST

START_TEST(a_root_move_that_is_not_committed_is_none)
{
    struct fault f;
    make_root();
    log_put_begin();
    put_macro(ESE_LOG_MACRO_BEGIN);
    put_root_move();
    put_root(MADE_ROOT, NEW_ROOT, 1);
    log_put_commit();
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert_str_eq(nodes_of(MADE_ROOT), "a=row");
    free(small_store.bytes);
    free(written.log);
}
END_TEST

enum root_lie {
    NO_MACRO,
    TWO_ROOTS,
    TWICE,
    NO_ROOT,
    ONE_PAGE,
    SHORT_CHILD,
    NO_CATALOG,
    NO_LINE,
    OTHER_KIND,
    NO_SPACE_HEADER,
    ROOT_LIES,
};

static const char *const root_refusals[ROOT_LIES] = {
    "a root moves outside of a macro", "without those of its space",
    "it is no root, or moves twice",   "it is no root, or moves twice",
    "two roots move from or to one",   "its space header is of another size",
    "a row of no catalog changes",     "it has no such line",
    "a record of another kind",        "has no space header",
};

START_TEST(root_moves_that_lie)
{
    for (unsigned lie = 0; lie < ROOT_LIES; lie++) {
        uint8_t r[60];
        make_root();
        if (lie == NO_SPACE_HEADER) {
            make(MADE_ROOT, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
            add_text(MADE_ROOT, "a", "row");
        }
        log_put_begin();
        if (lie != NO_MACRO)
            put_macro(ESE_LOG_MACRO_BEGIN);
        put_root_move();
        put_root(MADE_ROOT, NEW_ROOT, lie == NO_ROOT ? 3 : 1);
        if (lie == TWICE)
            put_root(MADE_ROOT, NEW_ROOT, 1);
        put_root(OWNED, lie == ONE_PAGE ? NEW_ROOT : NEW_OWNED, 2);
        if (lie != TWO_ROOTS)
            put_root(AVAILABLE, NEW_AVAILABLE, 4);
        put_child(lie == SHORT_CHILD ? SPACE_HEADER - 1 : SPACE_HEADER);
        put_row(CATALOG, lie == NO_LINE ? 2 : 1, lie == NO_CATALOG ? 4 : ESE_OBJID_CATALOG, "x");
        made_node_record(r, ESE_LOG_DELETE, CATALOG, 0, BEFORE, AFTER, 0, false);
        if (lie == OTHER_KIND)
            log_put(r, 44);
        put_macro(ESE_LOG_MACRO_COMMIT);
        log_put_commit();
        expect_refusal(root_refusals[lie]);
    }
}
END_TEST

/* ---- what is wiped ---- */

enum { NOTHING = 0, ROW = 1, LONG_VALUE = 2 };

static void put_scrub(uint32_t page, bool unused, uint32_t count, const uint8_t *what, size_t size)
{
    uint8_t r[100];
    made_node_record(r, ESE_LOG_SCRUB, page, 0, BEFORE, AFTER, 0, false);
    bytes_put_le32(r + 44, unused);
    bytes_put_le32(r + 48, count);
    bytes_put_le16(r + 52, size);
    memcpy(r + 54, what, size);
    log_put(r, 54 + size);
}

static void delete_line(uint32_t number, unsigned line)
{
    struct ese_page_change page = made_change(&small_store, number);
    ck_assert(ese_page_change_flags(&page, line, ESE_NODE_DELETED | ESE_NODE_VERSION, 0));
    made_seal_page(&small_store, number);
}

static bool page_has(uint32_t number, const char *text)
{
    return memmem(made_store_page(&small_store, number), MADE_PAGE_SIZE, text, strlen(text)) !=
           NULL;
}

START_TEST(deleted_rows_and_free_bytes_are_wiped)
{
    static const uint8_t what[] = {ROW, NOTHING, LONG_VALUE, 0xee, 0xee}; /* then padding */
    struct fault f;
    log_start(PAGES);
    make(MADE_ROOT, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
    add_text(MADE_ROOT, "b", "secret one");
    add_text(MADE_ROOT, "c", "stays");
    add_text(MADE_ROOT, "d", "secret two");
    add_text(MADE_ROOT, "e", "secret three");
    struct ese_page_change page = made_change(&small_store, MADE_ROOT);
    ese_page_change_delete(&page, 3); /* its bytes are still there */
    delete_line(MADE_ROOT, 0);
    ck_assert(page_has(MADE_ROOT, "secret three"));
    log_put_begin();
    put_scrub(MADE_ROOT, false, 3, what, sizeof what);
    log_put_commit();
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert_str_eq(nodes_of(MADE_ROOT), "b=DDDDDDDDDD c=stays d=\x20LLLLLLLLL");
    ck_assert(!page_has(MADE_ROOT, "secret"));
    ck_assert(page_has(MADE_ROOT, "ZZZZZZZZ"));
    ck_assert(field(MADE_ROOT, ESE_PAGE_FLAGS_AT) & ESE_PAGE_SCRUBBED);
    ck_assert_int_eq(ese_compression_of(bytes_of("\x20LL", 3)), ESE_COMPRESSION_SCRUB);
    free(small_store.bytes);
    free(written.log);
}
END_TEST

START_TEST(a_later_change_takes_the_mark_of_wiping_away)
{
    static const uint8_t what[] = {NOTHING, NOTHING, NOTHING};
    uint8_t r[60];
    struct fault f;
    log_start(PAGES);
    log_put_begin();
    put_scrub(MADE_ROOT, false, 3, what, sizeof what);
    made_node_record(r, ESE_LOG_DELETE, MADE_ROOT, 1, AFTER, AFTER + 1, 0, false);
    log_put(r, 44);
    log_put_commit();
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert(!(field(MADE_ROOT, ESE_PAGE_FLAGS_AT) & ESE_PAGE_SCRUBBED));
    free(small_store.bytes);
    free(written.log);
}
END_TEST

/* An unused page may be no sound one, or not be there at all. */
START_TEST(unused_pages_are_wiped)
{
    struct fault f;
    log_start(PAGES);
    add_text(FREE, "a", "secret");
    set_field(FREE, ESE_PAGE_NEXT_AT, 3);
    uint8_t *tags = made_store_page(&small_store, FREE + 1) + ESE_PAGE_TAG_COUNT_AT;
    memcpy(made_store_page(&small_store, FREE + 1) + 200, "secret", 6);
    tags[0] = 0; /* as the engine prepares a page */
    made_seal_page(&small_store, FREE + 1);
    memset(made_store_page(&small_store, FREE + 2), 0, MADE_PAGE_SIZE);
    log_put_begin();
    for (uint32_t n = FREE; n < FREE + 3; n++)
        put_scrub(n, true, 0, (const uint8_t *)"", 0);
    put_scrub(PAGES + 100, true, 0, (const uint8_t *)"", 0);
    log_put_commit();
    ck_assert_msg(log_replay(&f), "%s", f.text);
    for (uint32_t n = FREE; n < FREE + 2; n++) {
        ck_assert_str_eq(nodes_of(n), "");
        ck_assert(!page_has(n, "secret"));
        ck_assert(page_has(n, "UUUUUUUU"));
        ck_assert_uint_eq(field(n, ESE_PAGE_DBTIME_AT), AFTER);
        ck_assert(field(n, ESE_PAGE_FLAGS_AT) & ESE_PAGE_SCRUBBED);
    }
    ck_assert_uint_eq(field(FREE, ESE_PAGE_NEXT_AT), 3);
    ck_assert_uint_eq(replayed.redone, 2);
    ck_assert_uint_eq(replayed.last_page, PAGES);
    free(small_store.bytes);
    free(written.log);
}
END_TEST

START_TEST(wiping_what_is_in_use_is_refused)
{
    static const struct {
        uint32_t count;
        uint8_t what[3];
        size_t size;
        const char *refusal;
    } wipes[] = {
        {3, {ROW, NOTHING, NOTHING}, 3, "a line of it is to be wiped that is in use"},
        {3, {NOTHING, 3, NOTHING}, 3, "a line of it is to be wiped that is in use"},
        {2, {NOTHING, NOTHING}, 2, "it has not the lines"},
        {3, {NOTHING, NOTHING}, 2, "it has not the lines"},
        {0xffffffff, {NOTHING}, 1, "it has not the lines"},
    };
    for (unsigned i = 0; i < sizeof wipes / sizeof *wipes; i++) {
        log_start(PAGES);
        log_put_begin();
        put_scrub(MADE_ROOT, false, wipes[i].count, wipes[i].what, wipes[i].size);
        log_put_commit();
        expect_refusal(wipes[i].refusal);
    }
    log_start(PAGES);
    make(MADE_ROOT, MADE_OBJECT, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
    add_text(MADE_ROOT, "b", "");
    log_put_begin();
    put_scrub(MADE_ROOT, false, 1, (const uint8_t[]){LONG_VALUE}, 1);
    log_put_commit();
    expect_refusal("a line of it is to be wiped that is in use");
}
END_TEST

/* A page that a shrinking left is as good as none: what is done to it does not count, unless a
 * later record makes it. */
START_TEST(a_page_that_was_cut_off_is_not_there)
{
    uint8_t r[60], shrink[18] = {ESE_LOG_SHRINK_DB3, MADE_DATABASE};
    struct ese_page_change page;
    struct fault f;
    for (unsigned cut = 0; cut < 2; cut++) {
        log_start(PAGES);
        page = made_change(&small_store, PAGES);
        ese_page_change_set_time(&page, 0xfffffffffffffffdu);
        made_seal_page(&small_store, PAGES);
        log_put_begin();
        made_node_record(r, ESE_LOG_DELETE, PAGES, 1, 120, AFTER, 0, false);
        log_put(r, 44);
        log_put_commit();
        bytes_put_le32(shrink + 2, PAGES - 1);
        bytes_put_le32(shrink + 6, 1);
        bytes_put_le64(shrink + 10, AFTER + 1);
        if (cut)
            log_put(shrink, sizeof shrink);
        if (!cut) {
            expect_refusal("page 16 is not in the database");
            continue;
        }
        ck_assert_msg(log_replay(&f), "%s", f.text);
        ck_assert_uint_eq(replayed.last_page, PAGES - 1);
        ck_assert_uint_eq(replayed.dbtime, AFTER + 1);
        free(small_store.bytes);
        free(written.log);
    }
}
END_TEST

int main(void)
{
    return check_main("log_moves", (const struct check_case[]){
                                       {a_page_moves, 0},
                                       {a_page_moves_behind_the_end, 0},
                                       {an_old_page_that_was_used_again_stays, 0},
                                       {moves_that_lie, 0},
                                       {a_root_moves, 0},
                                       {a_root_move_that_is_not_committed_is_none, 0},
                                       {root_moves_that_lie, 0},
                                       {deleted_rows_and_free_bytes_are_wiped, 0},
                                       {a_later_change_takes_the_mark_of_wiping_away, 0},
                                       {unused_pages_are_wiped, 0},
                                       {wiping_what_is_in_use_is_refused, 0},
                                       {a_page_that_was_cut_off_is_not_there, 0},
                                       {0},
                                   });
}
