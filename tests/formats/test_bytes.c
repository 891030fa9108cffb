/* Checked access to bytes: everything inside is read, everything outside refused. */
#include "formats/bytes.h"
#include "tests/check_main.h"

static const uint8_t ten[10] = {0x10, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87, 0x98, 0xa9};

static struct bytes run(size_t size)
{
    return bytes_of(ten, size);
}

/* ---- inside and outside ---- */

static const struct place {
    size_t size, at, wanted;
    bool inside;
} places[] = {
    {10, 0, 10, true},
    {10, 0, 0, true},
    {10, 10, 0, true},
    {10, 9, 1, true},
    {0, 0, 0, true},
    {10, 0, 11, false},
    {10, 10, 1, false},
    {10, 11, 0, false},
    {10, 3, 8, false},
    {0, 0, 1, false},
    {0, 1, 0, false},
    {10, 5, SIZE_MAX, false},
    {10, SIZE_MAX, 1, false},
    {10, SIZE_MAX, SIZE_MAX, false},
    {10, SIZE_MAX - 4, 5, false},
};

START_TEST(a_place_is_inside_or_not)
{
    const struct place *p = &places[_i];
    struct bytes cut = {.at = NULL, .size = 4711};
    ck_assert_int_eq(bytes_has(run(p->size), p->at, p->wanted), p->inside);
    ck_assert_int_eq(bytes_cut(run(p->size), p->at, p->wanted, &cut), p->inside);
    ck_assert_uint_eq(cut.size, p->inside ? p->wanted : 4711);
    ck_assert_ptr_eq(cut.at, p->inside ? ten + p->at : NULL);
}
END_TEST

START_TEST(the_rest_from_beyond_the_end_is_empty)
{
    static const size_t from[][2] = {{0, 10}, {3, 7}, {10, 0}, {11, 0}, {SIZE_MAX, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
        struct bytes rest = bytes_from(run(10), from[i][0]);
        ck_assert_uint_eq(rest.size, from[i][1]);
        ck_assert_ptr_eq(rest.at, ten + 10 - from[i][1]);
    }
}
END_TEST

/* ---- numbers ---- */

START_TEST(numbers_are_read_at_every_offset_and_nowhere_else)
{
    for (size_t size = 0; size <= 10; size++) {
        for (size_t at = 0; at <= 11; at++) {
            uint8_t u8 = 0xee;
            uint16_t u16 = 0xeeee;
            uint32_t u32 = 0xeeeeeeee, be32 = 0xeeeeeeee;
            uint64_t u64 = 0xeeeeeeeeeeeeeeee;
            bool one = at + 1 <= size, two = at + 2 <= size, four = at + 4 <= size,
                 eight = at + 8 <= size;
            ck_assert_int_eq(bytes_u8(run(size), at, &u8), one);
            ck_assert_int_eq(bytes_le16(run(size), at, &u16), two);
            ck_assert_int_eq(bytes_le32(run(size), at, &u32), four);
            ck_assert_int_eq(bytes_be32(run(size), at, &be32), four);
            ck_assert_int_eq(bytes_le64(run(size), at, &u64), eight);
            uint64_t expected = 0;
            for (size_t i = 8; i-- > 0;)
                expected = expected << 8 | (at + i < 10 ? ten[at + i] : 0);
            ck_assert_uint_eq(u8, one ? (expected & 0xff) : 0xee);
            ck_assert_uint_eq(u16, two ? (expected & 0xffff) : 0xeeee);
            ck_assert_uint_eq(u32, four ? (expected & 0xffffffff) : 0xeeeeeeee);
            ck_assert_uint_eq(be32, four ? __builtin_bswap32((uint32_t)expected) : 0xeeeeeeee);
            ck_assert_uint_eq(u64, eight ? expected : 0xeeeeeeeeeeeeeeee);
        }
    }
}
END_TEST

/* ---- order ---- */

static const struct order {
    const char *a, *b;
    int order;
} orders[] = {
    {"", "", 0},        {"", "a", -1},    {"a", "a", 0},        {"a", "b", -1},
    {"a", "ab", -1},    {"ab", "b", -1},  {"\x7f", "\x80", -1}, {"\xff", "\x01", 1},
    {"abc", "abd", -1}, {"abc", "ab", 1},
};

START_TEST(order_is_that_of_keys)
{
    struct bytes a = bytes_of(orders[_i].a, strlen(orders[_i].a));
    struct bytes b = bytes_of(orders[_i].b, strlen(orders[_i].b));
    int order = bytes_compare(a, b), back = bytes_compare(b, a);
    ck_assert_int_eq((order > 0) - (order < 0), orders[_i].order);
    ck_assert_int_eq((back > 0) - (back < 0), -orders[_i].order);
    ck_assert_int_eq(bytes_equal(a, b), orders[_i].order == 0);
}
END_TEST

START_TEST(empty_runs_may_point_nowhere)
{
    struct bytes nowhere = {.at = NULL, .size = 0};
    ck_assert(bytes_equal(nowhere, run(0)));
    ck_assert_int_eq(bytes_compare(nowhere, run(1)), -1);
}
END_TEST

/* ---- reading in sequence ---- */

START_TEST(a_reader_walks_forward)
{
    struct reader r = reader_of(run(10));
    ck_assert_uint_eq(reader_u8(&r), 0x10);
    ck_assert_uint_eq(reader_le16(&r), 0x3221);
    ck_assert_uint_eq(reader_left(&r), 7);
    ck_assert_uint_eq(reader_le32(&r), 0x76655443);
    struct bytes rest = reader_take(&r, 3);
    ck_assert(bytes_equal(rest, bytes_of(ten + 7, 3)));
    ck_assert_uint_eq(reader_left(&r), 0);
    ck_assert(!r.failed);
    r = reader_of(run(10));
    ck_assert_uint_eq(reader_le64(&r), 0x8776655443322110);
}
END_TEST

START_TEST(a_reader_that_failed_gives_nothing_more)
{
    struct reader r = reader_of(run(5));
    ck_assert_uint_eq(reader_le32(&r), 0x43322110);
    ck_assert_uint_eq(reader_le16(&r), 0);
    ck_assert(r.failed);
    ck_assert_uint_eq(reader_u8(&r), 0); /* although one byte is left */
    ck_assert_uint_eq(reader_left(&r), 0);
    ck_assert_uint_eq(reader_take(&r, 0).size, 0);
    ck_assert_uint_eq(reader_le64(&r), 0);
    ck_assert(r.failed);
}
END_TEST

START_TEST(what_is_not_there_is_0)
{
    struct bytes b = bytes_of("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    ck_assert_uint_eq(bytes_get_le16(b, 6), 0x0807);
    ck_assert_uint_eq(bytes_get_le16(b, 7), 0);
    ck_assert_uint_eq(bytes_get_le32(b, 4), 0x08070605);
    ck_assert_uint_eq(bytes_get_le32(b, 5), 0);
    ck_assert_uint_eq(bytes_get_le64(b, 0), 0x0807060504030201);
    ck_assert_uint_eq(bytes_get_le64(b, 1), 0);
    ck_assert_uint_eq(bytes_get_le32(b, SIZE_MAX), 0);
}
END_TEST

START_TEST(numbers_have_any_size)
{
    const char *all = "\x01\x02\x03\x04\x05\x06\x07\x88\x09";
    ck_assert_uint_eq(bytes_number(bytes_of(NULL, 0)), 0);
    ck_assert_uint_eq(bytes_number_be(bytes_of(NULL, 0)), 0);
    ck_assert_uint_eq(bytes_number(bytes_of(all, 3)), 0x030201);
    ck_assert_uint_eq(bytes_number_be(bytes_of(all, 3)), 0x010203);
    ck_assert_uint_eq(bytes_number(bytes_of(all, 8)), 0x8807060504030201);
    ck_assert_uint_eq(bytes_number_be(bytes_of(all, 8)), 0x0102030405060788);
    ck_assert_uint_eq(bytes_number(bytes_of(all, 9)), 0x8807060504030201);
    ck_assert_uint_eq(bytes_number_be(bytes_of(all, 9)), 0x0203040506078809);
}
END_TEST

int main(void)
{
    return check_main("bytes", (const struct check_case[]){
                                   {a_place_is_inside_or_not, ARRAY_SIZE(places)},
                                   {the_rest_from_beyond_the_end_is_empty, 0},
                                   {numbers_are_read_at_every_offset_and_nowhere_else, 0},
                                   {order_is_that_of_keys, ARRAY_SIZE(orders)},
                                   {empty_runs_may_point_nowhere, 0},
                                   {a_reader_walks_forward, 0},
                                   {a_reader_that_failed_gives_nothing_more, 0},
                                   {what_is_not_there_is_0, 0},
                                   {numbers_have_any_size, 0},
                                   {0, 0},
                               });
}
