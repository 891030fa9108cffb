/* Hexadecimal digits. */
#include "formats/hex.h"
#include "formats/buffer.h"
#include "tests/check_main.h"

START_TEST(a_start_says_that_it_is_one)
{
    char text[HEX_START_SIZE(3)];
    ck_assert_str_eq(hex_start(bytes_of("\x01\xab\xff\x10", 4), 3, text), "01abff...");
    ck_assert_str_eq(hex_start(bytes_of("\x01\xab\xff", 3), 3, text), "01abff");
    ck_assert_str_eq(hex_start(bytes_of("\x01", 1), 3, text), "01");
    ck_assert_str_eq(hex_start(bytes_of(NULL, 0), 3, text), "");
    ck_assert_str_eq(hex_start(bytes_of("\x01", 1), 0, text), "...");
}
END_TEST

START_TEST(pairs_are_read_in_either_case)
{
    ck_assert_int_eq(hex_pair("00"), 0);
    ck_assert_int_eq(hex_pair("aF9"), 0xaf);
    ck_assert_int_eq(hex_pair("f"), -1);
    ck_assert_int_eq(hex_pair(""), -1);
    ck_assert_int_eq(hex_pair("g0"), -1);
    ck_assert_int_eq(hex_pair("0G"), -1);
    ck_assert_int_eq(hex_pair("0:"), -1);
    ck_assert_int_eq(hex_pair("/0"), -1);
    ck_assert_int_eq(hex_pair("@0"), -1);
    ck_assert_int_eq(hex_pair("`0"), -1);
    for (int i = 0; i < 256; i++) {
        char text[3];
        uint8_t byte = (uint8_t)i;
        ck_assert_int_eq(hex_pair(bytes_hex(bytes_of(&byte, 1), text, sizeof text)), i);
    }
}
END_TEST

/* Of any length, also of those around the writer's own room. */
START_TEST(what_is_printed_is_all_of_it)
{
    uint8_t data[1300];
    char expected[2 * sizeof data + 1];
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + i / 7);
    for (size_t size = 0; size < sizeof data; size++) {
        FILE *to = buffer_stream(&out);
        hex_print(to, bytes_of(data, size));
        ck_assert(buffer_stream_close(&out, to));
        bytes_hex(bytes_of(data, size), expected, sizeof expected);
        ck_assert_uint_eq(out.size, 2 * size);
        if (size > 0) /* of nothing there may be no bytes to compare */
            ck_assert_mem_eq(out.at, expected, 2 * size);
        buffer_clear(&out);
    }
    buffer_free(&out);
}
END_TEST

int main(void)
{
    return check_main("hex", (const struct check_case[]){{a_start_says_that_it_is_one, 0},
                                                         {pairs_are_read_in_either_case, 0},
                                                         {what_is_printed_is_all_of_it, 0},
                                                         {0}});
}
