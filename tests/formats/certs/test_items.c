/* Items with small headers: layouts in words, reading to the last byte, new items like the others.
 */
#include "formats/certs/items.h"
#include "tests/formats/certs/support.h"

#define A "300101" /* items of 3 and 4 bytes, as DER counts them */
#define B "30020202"

static const struct {
    const char *words, *hex;
    unsigned items; /* how many can be read */
    bool ends;      /* up to the end */
    size_t tail;
} lists[] = {
    {"count:le32", "02000000" A B, 2, true, 0},
    {"count:le32", "01000000" A B, 1, true, 4},
    {"count:le32", "03000000" A B, 2, false, 0},
    {"count:le32", "ffffffff" A, 1, false, 0},
    {"count:le32", "020000", 0, false, 0},
    {"size:le32", "03000000" A "04000000" B, 2, true, 0},
    {"size:be32", "00000003" A "00000004" B, 2, true, 0},
    {"size:le16", "0300" A "0400" B, 2, true, 0},
    {"size:be16", "0003" A "0004" B, 2, true, 0},
    {"size:le32", "03000000" A "05000000" B, 1, false, 0},
    {"size:le32", "03000000" A "ffffffff" B, 1, false, 0},
    {"size:le32", "00000000" A, 0, false, 0},
    {"size:le32", "03000000" A "0400", 1, false, 0},
    {"size:le32 skip:2", "03000000aabb" A "04000000ccdd" B, 2, true, 0},
    {"skip:2 size:be16", "aabb0003" A "ccdd0004" B, 2, true, 0},
    {"skip:8 size@4:le32", "aabbccdd03000000" A "aabbccdd04000000" B, 2, true, 0},
    {"skip:9", "112233445566778899" A "998877665544332211" B, 2, true, 0},
    {"skip:1", "aa" A "bb" B, 2, true, 0},
    {"skip:1", "aa" A "bb02", 1, false, 0},
    {"skip:1", "", 0, true, 0},
    {"count:le32 skip:1 size:le16 skip:1", "02000000ee0300ee" A "ff0400ff" B, 2, true, 0},
};

START_TEST(list_is_read)
{
    struct buffer in = from_hex(lists[_i].hex);
    struct items_layout layout, again;
    struct items_reader r;
    struct items_item item;
    struct fault f = {.code = FAULT_NONE};
    char words[ITEMS_TEXT], same[ITEMS_TEXT];
    unsigned items = 0;
    size_t read = 0;
    ck_assert_msg(items_layout_read(lists[_i].words, &layout, &f), "%s", f.text);
    ck_assert(items_layout_read(items_layout_text(&layout, words), &again, &f));
    ck_assert_str_eq(items_layout_text(&again, same), words);
    ck_assert_uint_eq(again.header, layout.header);
    if (items_open(buffer_bytes(&in), &layout, &r, &f))
        for (; items_next(&r, &item, &f); items++) {
            ck_assert_uint_eq(item.data.size, items ? 4 : 3);
            ck_assert_uint_eq(item.header.size + item.data.size, item.whole.size);
            ck_assert_uint_eq(item.offset, read + (layout.counted ? 4 : 0));
            read += item.whole.size;
        }
    ck_assert_uint_eq(items, lists[_i].items);
    ck_assert_int_eq(f.code, lists[_i].ends ? FAULT_NONE : FAULT_DAMAGED);
    if (lists[_i].ends)
        ck_assert_uint_eq(r.tail.size, lists[_i].tail);
    buffer_free(&in);
}
END_TEST

static const char *const no_layouts[] = {
    "",
    " ",
    "size",
    "size:le64",
    "size:le32 count:le32",
    "count:le32 count:le32",
    "count:be32",
    "size:le32 size:le32",
    "skip:0",
    "skip:",
    "skip:65",
    "skip:40 skip:40",
    "skip:4x",
    "skip:-1",
    "skip:4294967297",
    "size@0:le32",
    "skip:4 size@1:le32",
    "skip:4 size@:le32",
    "skip:4 size@0",
    "skip:8 size@0:le32 size:le16",
    "size:le32,skip:4",
};

START_TEST(no_layout_is_refused)
{
    struct items_layout layout;
    struct fault f = {.code = FAULT_NONE};
    ck_assert_msg(!items_layout_read(no_layouts[_i], &layout, &f), "%s", no_layouts[_i]);
    ck_assert(f.code == FAULT_DAMAGED || f.code == FAULT_LIMIT);
}
END_TEST

START_TEST(new_item_is_like_the_others)
{
    struct items_layout layout;
    struct fault f = {.code = FAULT_NONE};
    struct buffer out = {0}, like = from_hex("aa0300bb"), data = from_hex("3000"),
                  wanted = from_hex("aa0200bb3000");
    ck_assert(items_layout_read("skip:1 size:le16 skip:1", &layout, &f));
    ck_assert(items_add(&out, &layout, buffer_bytes(&like), buffer_bytes(&data), &f));
    ck_assert(bytes_equal(buffer_bytes(&out), buffer_bytes(&wanted)));
    ck_assert(!items_add(&out, &layout, bytes_of(NULL, 0), buffer_bytes(&data), &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    /* Longer than its size can say. */
    static const uint8_t much[65536];
    buffer_clear(&out);
    ck_assert(!items_add(&out, &layout, buffer_bytes(&like), bytes_of(much, sizeof much), &f));
    ck_assert(items_add(&out, &layout, buffer_bytes(&like), bytes_of(much, sizeof much - 1), &f));
    buffer_free(&out);
    buffer_free(&like);
    buffer_free(&data);
    buffer_free(&wanted);
}
END_TEST

START_TEST(headers_are_compared_but_for_the_size)
{
    struct items_layout layout;
    static const uint8_t a[4] = {1, 2, 3, 4}, b[4] = {1, 9, 9, 4}, c[4] = {1, 2, 3, 5},
                         d[4] = {0, 2, 3, 4};
    ck_assert(items_layout_read("skip:1 size:le16 skip:1", &layout, NULL));
    ck_assert(items_headers_alike(&layout, bytes_of(a, 4), bytes_of(b, 4)));
    ck_assert(!items_headers_alike(&layout, bytes_of(a, 4), bytes_of(c, 4)));
    ck_assert(!items_headers_alike(&layout, bytes_of(a, 4), bytes_of(d, 4)));
    ck_assert(items_layout_read("skip:4", &layout, NULL));
    ck_assert(!items_headers_alike(&layout, bytes_of(a, 4), bytes_of(b, 4)));
}
END_TEST

START_TEST(no_size_has_no_number)
{
    static const uint8_t bytes[4] = {1, 0, 0, 0};
    uint32_t value = 77;
    ck_assert(!items_size_read(bytes_of(bytes, sizeof bytes), 0, ITEMS_NO_SIZE, &value));
    ck_assert_uint_eq(value, 77);
    ck_assert(items_size_read(bytes_of(bytes, sizeof bytes), 0, ITEMS_LE32, &value));
    ck_assert_uint_eq(value, 1);
    ck_assert(!items_size_read(bytes_of(bytes, sizeof bytes), 1, ITEMS_LE32, &value));
    ck_assert(!items_size_read(bytes_of(bytes, sizeof bytes), 3, ITEMS_BE16, &value));
}
END_TEST

int main(void)
{
    return check_main("items", (const struct check_case[]){
                                   {no_size_has_no_number, 0},
                                   {list_is_read, ARRAY_SIZE(lists)},
                                   {no_layout_is_refused, ARRAY_SIZE(no_layouts)},
                                   {new_item_is_like_the_others, 0},
                                   {headers_are_compared_but_for_the_size, 0},
                                   {0},
                               });
}
