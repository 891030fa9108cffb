/* Long values: whole ones in every form, and what is missing or wrong in them. */
#include "formats/ese/read/longvalue.h"
#include "tests/check_main.h"
#include "tests/formats/ese/making.h"

enum { ROOT = 3, OBJID = 9 };

/* "abc" 100 times, as [MS-XCA] packs it. */
#define ABC_300 "\x18\x2c\x01\xff\xff\xff\x1f\x61\x62\x63\x17\x00\x0f\xff\x26\x01"

/* ---- examples ---- */

struct entry {
    uint64_t lid;
    bool wide;
    long offset; /* -1: the root */
    struct bytes data;
};

#define LITERAL(literal)                                                                           \
    {                                                                                              \
        .at = (const uint8_t *)("" literal), .size = sizeof(literal) - 1                           \
    }
#define LV_ROOT(lid_, literal)                                                                     \
    {                                                                                              \
        .lid = lid_, .offset = -1, .data = LITERAL(literal)                                        \
    }
#define LV_CHUNK(lid_, offset_, literal)                                                           \
    {                                                                                              \
        .lid = lid_, .offset = offset_, .data = LITERAL(literal)                                   \
    }
#define WIDE_ROOT(lid_, literal)                                                                   \
    {                                                                                              \
        .lid = lid_, .wide = true, .offset = -1, .data = LITERAL(literal)                          \
    }
#define WIDE_CHUNK(lid_, offset_, literal)                                                         \
    {                                                                                              \
        .lid = lid_, .wide = true, .offset = offset_, .data = LITERAL(literal)                     \
    }

/* `gives`: the value's bytes; a "!" for each refusal. */
static const struct example {
    const char *what;
    uint32_t chunk;
    uint64_t lid;
    bool wide;
    struct entry entry[5];
    const char *gives;
    const char *says; /* of the first refusal */
} examples[] = {
    {"one chunk", 8, 5, false, {LV_ROOT(5, "\1\0\0\0\3\0\0\0"), LV_CHUNK(5, 0, "abc")}, "abc", ""},
    {"two chunks",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefgh"), LV_CHUNK(5, 8, "ijkl")},
     "abcdefghijkl",
     ""},
    {"a last chunk that is full",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\20\0\0\0"), LV_CHUNK(5, 0, "abcdefgh"), LV_CHUNK(5, 8, "ijklmnop")},
     "abcdefghijklmnop",
     ""},
    {"no bytes", 8, 5, false, {LV_ROOT(5, "\1\0\0\0\0\0\0\0")}, "", ""},
    {"a root of 9 bytes",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\3\0\0\0\0"), LV_CHUNK(5, 0, "abc")},
     "abc",
     ""},
    {"between others",
     8,
     5,
     false,
     {LV_ROOT(4, "\1\0\0\0\3\0\0\0"), LV_CHUNK(4, 0, "xxx"), LV_ROOT(5, "\1\0\0\0\3\0\0\0"),
      LV_CHUNK(5, 0, "abc"), LV_ROOT(6, "\1\0\0\0\3\0\0\0")},
     "abc",
     ""},
    {"64 bits",
     8,
     0x8000000000000005,
     true,
     {WIDE_ROOT(0x8000000000000005, "\1\0\0\0\14\0\0\0"),
      WIDE_CHUNK(0x8000000000000005, 0, "abcdefgh"), WIDE_CHUNK(0x8000000000000005, 8, "ijkl")},
     "abcdefghijkl",
     ""},
    {"packed",
     300,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\x2f\1\0\0"), LV_CHUNK(5, 0, ABC_300), LV_CHUNK(5, 300, "xyz")},
     "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"
     "abc"
     "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"
     "abc"
     "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"
     "abc"
     "abcabcabcabcxyz",
     ""},

    {"missing",
     8,
     5,
     false,
     {LV_ROOT(4, "\1\0\0\0\0\0\0\0"), LV_ROOT(6, "\1\0\0\0\0\0\0\0")},
     "!",
     "long value 5 is missing"},
    {"missing, behind all others",
     8,
     7,
     false,
     {LV_ROOT(4, "\1\0\0\0\0\0\0\0")},
     "!",
     "long value 7 is missing"},
    {"only its chunk is there",
     8,
     5,
     false,
     {LV_CHUNK(5, 0, "abc")},
     "!",
     "long value 5 is missing"},
    {"32 bits asked for, 64 there",
     8,
     5,
     false,
     {WIDE_ROOT(0x8000000000000005, "\1\0\0\0\0\0\0\0")},
     "!",
     "long value 5 is missing"},
    {"64 bits without their top bit are no chunk of 32",
     8,
     0x0000000500000000,
     true,
     {LV_ROOT(5, "\1\0\0\0\x8\0\0\0"), LV_CHUNK(5, 0, "\1\0\0\0\0\0\0\0")},
     "!",
     "long value"},
    {"a root of 7 bytes",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\0\0\0")},
     "!",
     "long value 5: its root has 7 bytes, expected 8 or 9"},
    {"a root of nothing", 8, 5, false, {LV_ROOT(5, "")}, "!", "its root has 0 bytes"},

    {"first chunk missing",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 8, "ijkl")},
     "!",
     "long value 5 of 12 bytes: the chunk at offset 0 is missing"},
    {"last chunk missing",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefgh")},
     "abcdefgh!",
     "the chunk at offset 8 is missing"},
    {"last chunk is the next value's",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefgh"), LV_CHUNK(6, 8, "ijkl")},
     "abcdefgh!",
     "the chunk at offset 8 is missing"},
    {"middle chunk missing",
     4,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcd"), LV_CHUNK(5, 8, "ijkl")},
     "abcd!",
     "the chunk at offset 4 is missing"},
    {"a chunk at an odd place",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefgh"), LV_CHUNK(5, 9, "ijk")},
     "abcdefgh!",
     "the chunk at offset 8 is missing"},
    {"the largest size, and nothing there",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\xff\xff\xff\xff")},
     "!",
     "long value 5 of 4294967295 bytes: the chunk at offset 0 is missing"},
    {"a chunk too long",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefghi"), LV_CHUNK(5, 8, "ijkl")},
     "!",
     "the chunk at offset 0 is longer than its share"},
    {"a last chunk too long",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefgh"), LV_CHUNK(5, 8, "ijklm")},
     "abcdefgh!",
     "the chunk at offset 8 is longer than its share"},

    {"a chunk too short to be whole, and not packed",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\14\0\0\0"), LV_CHUNK(5, 0, "abcdefg"), LV_CHUNK(5, 8, "ijkl")},
     "!ijkl",
     "long value 5: the chunk at offset 0 has 7 of 8 bytes: "},
    {"a chunk of no bytes",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\3\0\0\0"), LV_CHUNK(5, 0, "")},
     "!",
     "long value 5: the chunk at offset 0 has "},
    {"packed, of the wrong size",
     200,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\xcb\0\0\0"), LV_CHUNK(5, 0, ABC_300), LV_CHUNK(5, 200, "xyz")},
     "!xyz",
     "the chunk at offset 0 has not the size of its share"},
    {"packed in a way that is not known",
     100,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\x67\0\0\0"), LV_CHUNK(5, 0, "\x30\0\0\0\0\0\0\0\0"),
      LV_CHUNK(5, 100, "xyz")},
     "!xyz",
     "long value 5: the chunk at offset 0 has "},
    {"encrypted",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\3\0\0\0\1"), LV_CHUNK(5, 0, "\x7f\x7f")},
     "!",
     "encrypted"},
    {"encrypted, of the plain size",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\3\0\0\0\1"), LV_CHUNK(5, 0, "abc")},
     "!",
     "encrypted"},
    {"encrypted, longer",
     8,
     5,
     false,
     {LV_ROOT(5, "\1\0\0\0\3\0\0\0\1"), LV_CHUNK(5, 0, "abcdefghijklmnop")},
     "!",
     "encrypted"},
};

/* ---- reading them ---- */

static struct made tree(const struct example *x, uint32_t page_size)
{
    struct made m = make_database(page_size, 0x14, 8);
    make_page(&m, ROOT, OBJID, ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_LONG_VALUE);
    for (size_t i = 0; i < ARRAY_SIZE(x->entry) && x->entry[i].data.at; i++) {
        const struct entry *entry = &x->entry[i];
        uint8_t key[12];
        size_t lid_size = entry->wide ? 8 : 4, size = lid_size;
        for (size_t b = 0; b < lid_size; b++)
            key[b] = (uint8_t)(entry->lid >> 8 * (lid_size - 1 - b));
        for (size_t b = 0; b < 4 && entry->offset >= 0; b++)
            key[size++] = (uint8_t)(entry->offset >> 8 * (3 - b));
        make_node(&m, ROOT, 0, bytes_of(key, size), entry->data);
    }
    make_sums(&m);
    return m;
}

struct opened {
    struct ese_file *file;
    struct ese_pages *pages;
    struct ese_lv lv;
};

static bool open_value(struct opened *o, const struct made *m, const struct ese_table *table,
                       const struct ese_value *value, struct fault *f)
{
    *f = (struct fault){.code = FAULT_NONE};
    ck_assert(ese_file_over(made_bytes(m), &o->file, f));
    ck_assert(ese_pages_open(o->file, m->page_size, &o->pages, f));
    return ese_lv_open(&o->lv, o->pages, table, value, f);
}

static void close_value(struct opened *o)
{
    ese_lv_close(&o->lv);
    ese_pages_close(o->pages);
    ese_file_close(o->file);
}

START_TEST(an_example_gives_its_bytes)
{
    const struct example *x = &examples[_i];
    for (uint32_t size = 4096; size <= 16384; size *= 4) {
        static struct opened o;
        struct made m = tree(x, size);
        struct ese_table table = {
            .long_value_root = ROOT, .long_value_objid = OBJID, .long_value_chunk = x->chunk};
        struct ese_value value = {.kind = ESE_VALUE_SEPARATED, .lid = x->lid, .wide_lid = x->wide};
        struct fault f, first = {.code = FAULT_NONE};
        char text[400] = "";
        bool ok = open_value(&o, &m, &table, &value, &f);
        while (ok && o.lv.at < o.lv.root.size) {
            struct bytes run;
            uint32_t before = o.lv.at;
            if (ese_lv_next(&o.lv, &run, &f)) {
                ck_assert_uint_eq(run.size, o.lv.at - before);
                strncat(text, (const char *)run.at, run.size);
                continue;
            }
            if (first.code == FAULT_NONE)
                first = f;
            strcat(text, "!");
            if (o.lv.at == before)
                break; /* not a chunk that can be passed over */
        }
        if (!ok) {
            first = f;
            strcat(text, "!");
        }
        ck_assert_msg(strcmp(text, x->gives) == 0, "%s: %s: %s", x->what, text, first.text);
        ck_assert_msg(strstr(first.text, x->says), "%s: %s", x->what, first.text);
        ck_assert_int_eq(first.code != FAULT_NONE, x->says[0] != '\0');
        close_value(&o);
        made_free(&m);
    }
}
END_TEST

START_TEST(a_chunk_that_cannot_be_unpacked_leaves_its_raw_bytes)
{
    static const struct example packed = {
        .chunk = 100,
        .entry = {LV_ROOT(5, "\1\0\0\0\x64\0\0\0"), LV_CHUNK(5, 0, "\x30\1\2\3\4\5\6\7\10")}};
    static struct opened o;
    struct made m = tree(&packed, 4096);
    struct ese_table table = {
        .long_value_root = ROOT, .long_value_objid = OBJID, .long_value_chunk = 100};
    struct ese_value value = {.kind = ESE_VALUE_SEPARATED, .lid = 5};
    struct fault f;
    struct bytes run;
    ck_assert(open_value(&o, &m, &table, &value, &f));
    ck_assert(!ese_lv_next(&o.lv, &run, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    ck_assert(bytes_equal(o.lv.stored, packed.entry[1].data));
    ck_assert(ese_lv_next(&o.lv, &run, &f));
    ck_assert_uint_eq(run.size, 0);
    close_value(&o);
    made_free(&m);
}
END_TEST

START_TEST(a_table_without_a_tree_has_no_long_values)
{
    static struct opened o;
    static const struct example nothing = {.chunk = 8};
    struct made m = tree(&nothing, 4096);
    struct ese_table table = {.long_value_root = 0};
    struct ese_value value = {.kind = ESE_VALUE_SEPARATED, .lid = 5};
    struct fault f;
    ck_assert(!open_value(&o, &m, &table, &value, &f));
    ck_assert_msg(strstr(f.text, "refers to long value 5, but the table has no long-value tree"),
                  "%s", f.text);
    close_value(&o);
    made_free(&m);
}
END_TEST

START_TEST(a_damaged_tree_is_the_fault)
{
    static struct opened o;
    static const struct example one = {
        .entry = {LV_ROOT(5, "\1\0\0\0\3\0\0\0"), LV_CHUNK(5, 0, "abc")}};
    struct made m = tree(&one, 4096);
    struct ese_table table = {.long_value_root = ROOT, .long_value_objid = OBJID};
    struct ese_value value = {.kind = ESE_VALUE_SEPARATED, .lid = 5};
    struct fault f;
    made_page(&m, ROOT)[2000] ^= 0xff;
    ck_assert(!open_value(&o, &m, &table, &value, &f));
    ck_assert_msg(strstr(f.text, "page 3 has a wrong checksum"), "%s", f.text);
    close_value(&o);
    made_free(&m);
}
END_TEST

/* ---- values of any kind ---- */

START_TEST(a_value_is_put_together)
{
    static struct opened o;
    static const struct example one = {
        .chunk = 4,
        .entry = {LV_ROOT(5, "\1\0\0\0\6\0\0\0"), LV_CHUNK(5, 0, "abcd"), LV_CHUNK(5, 4, "ef")}};
    struct made m = tree(&one, 4096);
    struct ese_table table = {
        .long_value_root = ROOT, .long_value_objid = OBJID, .long_value_chunk = 4};
    struct ese_value apart = {.kind = ESE_VALUE_SEPARATED, .lid = 5},
                     plain = {.kind = ESE_VALUE_PLAIN, .data = LITERAL("plain")},
                     packed = {.kind = ESE_VALUE_COMPRESSED, .data = LITERAL("\x30\1\2\3")},
                     secret = {.kind = ESE_VALUE_ENCRYPTED, .data = LITERAL("?")};
    struct buffer room = {0};
    struct bytes out;
    struct fault f;
    bool cut = true;
    ck_assert(open_value(&o, &m, &table, &apart, &f));
    ese_lv_close(&o.lv);
    ck_assert(ese_value_bytes(&o.lv, o.pages, &table, &plain, 1, &room, &out, &cut, &f));
    ck_assert(bytes_equal(out, plain.data) && !cut);
    ck_assert(ese_value_bytes(&o.lv, o.pages, &table, &apart, 6, &room, &out, &cut, &f));
    ck_assert(bytes_equal(out, (struct bytes)LITERAL("abcdef")) && !cut);
    ck_assert(ese_value_bytes(&o.lv, o.pages, &table, &apart, 3, &room, &out, &cut, &f));
    ck_assert(bytes_equal(out, (struct bytes)LITERAL("abcd")) && cut);
    ck_assert(ese_value_bytes(&o.lv, o.pages, &table, &apart, 6, &room, &out, NULL, &f));
    ck_assert_uint_eq(out.size, 6);
    ck_assert(!ese_value_bytes(&o.lv, o.pages, &table, &apart, 5, &room, &out, NULL, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    ck_assert(!ese_value_bytes(&o.lv, o.pages, &table, &secret, 5, &room, &out, &cut, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    ck_assert(!ese_value_bytes(&o.lv, o.pages, &table, &packed, 5, &room, &out, &cut, &f));
    buffer_free(&room);
    close_value(&o);
    made_free(&m);
}
END_TEST

/* ---- keys and sizes ---- */

static const struct key {
    struct bytes key;
    bool is_key;
    struct ese_lv_key means;
} keys[] = {
    {LITERAL("\0\0\0\5"), true, {.lid = 5, .root = true}},
    {LITERAL("\0\0\0\5\0\0\1\2"), true, {.lid = 5, .offset = 0x102}},
    {LITERAL("\x7f\xff\xff\xff"), true, {.lid = 0x7fffffff, .root = true}},
    {LITERAL("\x80\0\0\0\0\0\0\5"), true, {.lid = 0x8000000000000005, .wide = true, .root = true}},
    {LITERAL("\x80\0\0\0\0\0\0\5\0\0\1\2"),
     true,
     {.lid = 0x8000000000000005, .wide = true, .offset = 0x102}},
    {LITERAL(""), false, {0}},
    {LITERAL("\0\0\0"), false, {0}},
    {LITERAL("\0\0\0\5\0"), false, {0}},
    {LITERAL("\0\0\0\5\0\0\0\0\0"), false, {0}},
    {LITERAL("\0\0\0\0\0\0\0\0\0\0\0\0"), false, {0}},
    {LITERAL("\x80\0\0\5"), false, {0}},
    {LITERAL("\x80\0\0\0\0\0\0\5\0"), false, {0}},
};

START_TEST(a_key_is_read_and_written_the_same)
{
    const struct key *x = &keys[_i];
    struct ese_lv_key key;
    uint8_t to[12];
    ck_assert_int_eq(ese_lv_key_read(x->key, &key), x->is_key);
    if (!x->is_key)
        return;
    ck_assert_uint_eq(key.lid, x->means.lid);
    ck_assert_int_eq(key.wide, x->means.wide);
    ck_assert_int_eq(key.root, x->means.root);
    ck_assert_uint_eq(key.offset, x->means.offset);
    ck_assert(bytes_equal(bytes_of(to, ese_lv_key_write(&key, to)), x->key));
}
END_TEST

START_TEST(chunks_have_the_size_of_their_pages)
{
    static const uint32_t sizes[][2] = {
        {2048, 1966}, {4096, 4014}, {8192, 8110}, {16384, 4050}, {32768, 8150}};
    struct ese_table table = {.long_value_chunk = 0}, stored = {.long_value_chunk = 1024};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        ck_assert_uint_eq(ese_lv_chunk_size(&table, sizes[i][0]), sizes[i][1]);
        ck_assert_uint_eq(ese_lv_chunk_size(&stored, sizes[i][0]), 1024);
    }
}
END_TEST

START_TEST(a_root_has_8_or_9_bytes)
{
    static const uint8_t bytes[10] = {1, 0, 0, 0, 2, 0, 0, 0, 1, 0};
    for (size_t size = 0; size <= 10; size++) {
        struct ese_lv_root root = {.references = 4711};
        bool ok = ese_lv_root_read(bytes_of(bytes, size), &root);
        ck_assert_int_eq(ok, size == 8 || size == 9);
        ck_assert_uint_eq(root.references, ok ? 1 : 4711);
        ck_assert_uint_eq(root.flags, size == 9 ? ESE_LV_ENCRYPTED : 0);
    }
}
END_TEST

int main(void)
{
    return check_main("longvalue", (const struct check_case[]){
                                       {an_example_gives_its_bytes, ARRAY_SIZE(examples)},
                                       {a_chunk_that_cannot_be_unpacked_leaves_its_raw_bytes, 0},
                                       {a_table_without_a_tree_has_no_long_values, 0},
                                       {a_damaged_tree_is_the_fault, 0},
                                       {a_value_is_put_together, 0},
                                       {a_key_is_read_and_written_the_same, ARRAY_SIZE(keys)},
                                       {chunks_have_the_size_of_their_pages, 0},
                                       {a_root_has_8_or_9_bytes, 0},
                                       {0},
                                   });
}
