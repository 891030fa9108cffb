/*
 * Numbers in values: of each type of column what it holds, at its edges, and nothing of other
 * sizes.
 */
#include "migrate/judge/numbers.h"
#include "tests/check_main.h"

static const struct {
    enum ese_coltype type;
    const char *bytes;
    size_t size;
    bool is; /* a number */
    int64_t number;
} plain[] = {
    {ESE_COL_LONG, "\1\2\0\0", 4, true, 0x201},
    {ESE_COL_LONG, "\xff\xff\xff\xff", 4, true, -1},
    {ESE_COL_LONG, "\0\0\0\x80", 4, true, INT32_MIN},
    {ESE_COL_LONG, "", 0, false, 0},
    {ESE_COL_SHORT, "\xfe\xff", 2, true, -2},
    {ESE_COL_SHORT, "\xff\x7f", 2, true, INT16_MAX},
    {ESE_COL_UNSIGNED_SHORT, "\xfe\xff", 2, true, 0xfffe},
    {ESE_COL_UNSIGNED_BYTE, "\xff", 1, true, 0xff},
    {ESE_COL_UNSIGNED_BYTE, "", 0, false, 0},
    {ESE_COL_UNSIGNED_LONG, "\xff\xff\xff\xff", 4, true, UINT32_MAX},
    {ESE_COL_LONG_LONG, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, true, -1},
    {ESE_COL_CURRENCY, "\0\0\0\0\1\0\0\0", 8, true, 0x100000000},
    {ESE_COL_CURRENCY, "\0\0\0\0\1\0\0\0\0", 9, false, 0},
    {ESE_COL_UNSIGNED_LONG_LONG, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, true, INT64_MAX},
    {ESE_COL_UNSIGNED_LONG_LONG, "\0\0\0\0\0\0\0\x80", 8, false, 0},
    {ESE_COL_UNSIGNED_LONG_LONG, "\1\0\0\0\0\0\0\0\0", 9, false, 0},
    {ESE_COL_BINARY, "\1\0\0\0", 4, true, 1},
    {ESE_COL_LONG_BINARY, "\xff\xff\xff\xff", 4, true, -1},
    {ESE_COL_BINARY, "\1\0\0", 3, false, 0},
    {ESE_COL_BINARY, "\1\0\0\0\0", 5, false, 0},
    {ESE_COL_BINARY, "", 0, false, 0},
    {ESE_COL_TEXT, "1234", 4, false, 0},
    {ESE_COL_DATE_TIME, "\0\0\0\0\0\0\0\0", 8, false, 0},
};

START_TEST(a_plain_number)
{
    const struct ese_column column = {.type = plain[_i].type};
    int64_t number = 77;
    bool is = numbers_plain(&column, bytes_of(plain[_i].bytes, plain[_i].size), &number);
    ck_assert_int_eq(is, plain[_i].is);
    ck_assert(!is || number == plain[_i].number);
}
END_TEST

/* What a value holds, and whether that is all that it holds. */
static const struct {
    enum ese_coltype type;
    uint16_t code_page;
    const char *bytes;
    size_t size;
    unsigned count;
    int64_t number[3];
    bool whole;
} several[] = {
    {ESE_COL_TEXT, 1252, "12", 2, 1, {12}, true},
    {ESE_COL_TEXT, 1252, " 12, 7;900|", 11, 3, {12, 7, 900}, true},
    {ESE_COL_TEXT, 1252, "12\0", 3, 1, {12}, true},
    {ESE_COL_TEXT, 1252, "0x1F", 4, 1, {0x1f}, true},
    {ESE_COL_TEXT, 1252, "0Xa,11", 6, 2, {10, 11}, true},
    {ESE_COL_TEXT, 1252, "0x", 2, 1, {0}, false},
    {ESE_COL_TEXT, 1252, "1f", 2, 1, {1}, false},
    {ESE_COL_TEXT, 1252, "-1", 2, 0, {0}, false},
    {ESE_COL_TEXT, 1252, "word", 4, 0, {0}, false},
    {ESE_COL_TEXT, 1252, "", 0, 0, {0}, true},
    {ESE_COL_TEXT, 1252, "999999999999999", 15, 1, {999999999999999}, true},
    {ESE_COL_TEXT, 1252, "1000000000000000", 16, 0, {0}, false},
    {ESE_COL_LONG_TEXT, 1200, "1\0002\0", 4, 1, {12}, true},
    {ESE_COL_LONG_TEXT, 1200, "1\0002\1", 4, 1, {1}, false},
    {ESE_COL_LONG_BINARY, 0, "\5", 1, 1, {5}, true},
    {ESE_COL_LONG_BINARY, 0, "\5\0", 2, 1, {5}, true},
    {ESE_COL_LONG_BINARY, 0, "\xff\xff\xff\xff", 4, 1, {-1}, true},
    {ESE_COL_LONG_BINARY, 0, "\1\0\0\0\2\0\0\0", 8, 2, {1, 2}, true},
    {ESE_COL_LONG_BINARY, 0, "\1\0\0\0\2\0\0\0\3\0\0\0", 12, 3, {1, 2, 3}, true},
    {ESE_COL_LONG_BINARY, 0, "\1\0\0", 3, 0, {0}, false},
    {ESE_COL_LONG_BINARY, 0, "\1\0\0\0\0", 5, 0, {0}, false},
    {ESE_COL_GUID, 0, "\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0", 16, 0, {0}, false},
};

START_TEST(numbers_of_a_value)
{
    static const struct model none;
    const struct ese_column column = {.type = several[_i].type, .code_page = several[_i].code_page};
    struct numbers n = numbers_open(&none, &column, bytes_of(several[_i].bytes, several[_i].size));
    int64_t number;
    unsigned count = 0;
    for (; numbers_next(&n, &number); count++)
        ck_assert(count < several[_i].count && number == several[_i].number[count]);
    ck_assert_uint_eq(count, several[_i].count);
    ck_assert_int_eq(n.whole, several[_i].whole);
}
END_TEST

int main(void)
{
    return check_main("numbers", (const struct check_case[]){
                                     {a_plain_number, ARRAY_SIZE(plain)},
                                     {numbers_of_a_value, ARRAY_SIZE(several)},
                                     {0},
                                 });
}
