/*
 * How references name entries: keys that are text, bytes or long integers, each the same key only
 * where the engine takes them for one; and what a reference holds that names nothing.
 */
#include "migrate/judge/names.h"
#include "tests/check_main.h"

static struct model model;

static void open_model(bool text, bool wide, bool longs)
{
    struct fault f;
    model = (struct model){.byte_keys = true, .text_keys = text, .wide_keys = wide};
    model.long_keys = longs;
    ck_assert(hash_open(&model.hash, &f));
}

static void close_model(void)
{
    names_close(&model);
    hash_close(&model.hash);
}

/* ---- keys that are bytes ---- */

static const struct {
    const char *one, *other;
    size_t size;
    bool same_text, same_wide, same_bytes;
} pairs[] = {
    {"Key", "kEY", 3, true, false, false},        {"key", "key", 3, true, true, true},
    {"AZ", "az", 2, true, false, false},          {"@", "`", 1, false, false, false},
    {"[", "{", 1, false, false, false},           {"ab", "ac", 2, false, false, false},
    {"\xc4", "\xe4", 1, false, false, false},     {"A\0Z\0", "a\0z\0", 4, true, true, false},
    {"\1A", "\1a", 2, true, false, false},        {"A\1", "a\1", 2, true, false, false},
    {"A\0[\0", "a\0{\0", 4, false, false, false},
};

START_TEST(keys_of_one_entry)
{
    for (int kind = 0; kind < 3; kind++) {
        int32_t one, other;
        struct fault f;
        struct bytes a = bytes_of(pairs[_i].one, pairs[_i].size),
                     b = bytes_of(pairs[_i].other, pairs[_i].size);
        open_model(kind > 0, kind == 2, false);
        bool same = kind == 0   ? pairs[_i].same_bytes
                    : kind == 1 ? pairs[_i].same_text
                                : pairs[_i].same_wide;
        ck_assert_int_eq(names_compare_keys(&model, a, b) == 0, same);
        ck_assert(names_add_key(&model, a, &one, &f) && names_add_key(&model, b, &other, &f));
        ck_assert_int_eq(one, 1);
        ck_assert_int_eq(other, same ? 1 : 2);
        ck_assert_int_eq(names_key(&model, a), one);
        ck_assert_int_eq(names_key(&model, b), other);
        ck_assert_uint_eq(names_key_bytes(&model, 1).size, a.size);
        ck_assert_uint_eq(names_key_bytes(&model, other + 1).size, 0);
        ck_assert_uint_eq(names_key_bytes(&model, 0).size, 0);
        close_model();
    }
}
END_TEST

/* Longer text than any that the engine compares is the same only byte for byte. */
START_TEST(long_text)
{
    char one[300], other[300];
    memset(one, 'a', sizeof one);
    memset(other, 'A', sizeof other);
    open_model(true, false, false);
    for (size_t size = 255; size <= 258; size++) {
        int order = names_compare_keys(&model, bytes_of(one, size), bytes_of(other, size));
        ck_assert_int_eq(order == 0, size <= 256);
    }
    ck_assert_int_eq(names_compare_keys(&model, bytes_of(one, 300), bytes_of(one, 300)), 0);
    close_model();
}
END_TEST

/* More keys than the table has places at first, each found again, and none that was not given. */
START_TEST(many_keys)
{
    struct fault f;
    int32_t number;
    uint8_t key[4];
    open_model(false, false, false);
    model.no_key = -5;
    for (uint32_t i = 0; i < 2000; i++) {
        bytes_put_le32(key, i * 7);
        ck_assert(names_add_key(&model, bytes_of(key, 4), &number, &f));
        ck_assert_int_eq(number, (int32_t)i + 1);
    }
    for (uint32_t i = 0; i < 14000; i++) {
        bytes_put_le32(key, i);
        ck_assert_int_eq(names_key(&model, bytes_of(key, 4)),
                         i % 7 == 0 ? (int32_t)(i / 7) + 1 : -5);
    }
    close_model();
}
END_TEST

/* A long integer is the same number in four bytes and in eight. */
START_TEST(long_integers)
{
    static const uint8_t key[8] = {7, 0, 0, 0, 1}, small[8] = {9};
    int32_t number;
    struct fault f;
    open_model(false, false, true);
    model.no_key = -5;
    ck_assert(names_add_key(&model, bytes_of(key, 8), &number, &f));
    ck_assert(names_add_key(&model, bytes_of(small, 8), &number, &f));
    ck_assert_int_eq(names_key(&model, bytes_of(key, 8)), 1);
    ck_assert_int_eq(names_key(&model, bytes_of(key, 4)), -5);
    ck_assert_int_eq(names_key(&model, bytes_of(small, 4)), 2);
    ck_assert_int_eq(names_key(&model, bytes_of(small, 1)), 2);
    close_model();
}
END_TEST

/* ---- what a value names ---- */

enum answer { NOTHING, NAMES, UNFIT };

static const struct {
    enum ese_coltype type;
    const char *bytes;
    size_t size;
    enum profile_names names;
    enum answer answer;
    int32_t key;
} values[] = {
    {ESE_COL_LONG, "\5\0\0\0", 4, NAMES_KEY, NAMES, 5},
    {ESE_COL_LONG, "\xfe\xff\xff\xff", 4, NAMES_KEY, NAMES, -2},
    {ESE_COL_LONG, "\xff\xff\xff\xff", 4, NAMES_KEY, NOTHING, 0},
    {ESE_COL_LONG, "\0\0\0\0", 4, NAMES_KEY, NOTHING, 0},
    {ESE_COL_LONG, "", 0, NAMES_KEY, NOTHING, 0},
    {ESE_COL_LONG, "\0\0\0\0", 4, NAMES_POSITION_0, NAMES, 1},
    {ESE_COL_LONG, "\0\0\0\0", 4, NAMES_POSITION_1, NAMES, 0},
    {ESE_COL_SHORT, "\xfe\xff", 2, NAMES_KEY, NAMES, -2},
    {ESE_COL_UNSIGNED_SHORT, "\xfe\xff", 2, NAMES_KEY, NAMES, 0xfffe},
    {ESE_COL_UNSIGNED_LONG, "\xff\xff\xff\x7f", 4, NAMES_KEY, NAMES, INT32_MAX},
    {ESE_COL_UNSIGNED_LONG, "\0\0\0\x80", 4, NAMES_KEY, UNFIT, 0},
    {ESE_COL_LONG_LONG, "\0\0\0\x80\xff\xff\xff\xff", 8, NAMES_KEY, NAMES, INT32_MIN},
    {ESE_COL_LONG_LONG, "\xff\xff\xff\x7f\xff\xff\xff\xff", 8, NAMES_KEY, UNFIT, 0},
    {ESE_COL_LONG_LONG, "\0\0\0\0\1\0\0\0", 8, NAMES_KEY, UNFIT, 0},
    {ESE_COL_BINARY, "\5\0\0\0\0\0\0\0\0", 9, NAMES_KEY, NOTHING, 0},
};

START_TEST(a_value_of_a_reference)
{
    static struct profile profile;
    const struct ese_column column = {.name = "Entry", .type = values[_i].type};
    struct fault f = {.code = FAULT_NONE};
    int32_t key = 77;
    profile = (struct profile){.references = 1};
    profile.reference[0].names = values[_i].names;
    model = (struct model){.profile = &profile, .no_key = INT32_MIN};
    struct bytes value = bytes_of(values[_i].bytes, values[_i].size);
    ck_assert_int_eq(names_in_value(&model, 0, &column, value, &key, &f),
                     values[_i].answer == NAMES);
    ck_assert_int_eq(f.code, values[_i].answer == UNFIT ? FAULT_NOT_THIS : FAULT_NONE);
    ck_assert_int_eq(key, values[_i].answer == NAMES ? values[_i].key : 77);
}
END_TEST

/* A certificate beside it says that there is an entry; and one may have that key. */
START_TEST(what_is_no_name)
{
    static struct profile profile;
    static char proves[] = "Certificate";
    struct model_entry entry[2] = {{.key = 0}, {.key = 9}};
    struct bytes zero = bytes_of("\0\0\0\0", 4), ones = bytes_of("\xff\xff\xff\xff", 4),
                 nine = bytes_of("\0\0\0\0\0\0\0\0\0", 9);
    profile = (struct profile){.references = 1};
    model = (struct model){.profile = &profile, .match = PROFILE_MATCHES_ROWS};
    ck_assert(names_none(&model, 0, zero) && names_none(&model, 0, ones));
    ck_assert(!names_none(&model, 0, bytes_of("\0\0\1\0", 4)));
    ck_assert(!names_none(&model, 0, bytes_of("\1\1\1\1", 4)));
    ck_assert(!names_none(&model, 0, nine) && names_none(&model, 0, bytes_of(nine.at, 8)));
    model.entry = entry;
    model.entries = 2;
    ck_assert(!names_none(&model, 0, zero) && names_none(&model, 0, ones));
    entry[0].key = -1;
    ck_assert(names_none(&model, 0, zero) && !names_none(&model, 0, ones));
    model.entries = 0;
    profile.reference[0].proves = proves;
    ck_assert(!names_none(&model, 0, zero) && !names_none(&model, 0, ones));
    profile.reference[0].proves = NULL;
    profile.reference[0].names = NAMES_POSITION_1;
    ck_assert(!names_none(&model, 0, zero));
    profile.reference[0].names = NAMES_KEY;
    model.byte_keys = true;
    ck_assert(!names_none(&model, 0, zero));
}
END_TEST

/* ---- entries as options name them ---- */

static const struct {
    const char *text;
    bool is_number;
    int32_t number;
} numbers[] = {
    {"7", true, 7},
    {"#7", true, 7},
    {"-2147483648", true, INT32_MIN},
    {"2147483647", true, INT32_MAX},
    {"-2147483649", false, 0},
    {"2147483648", false, 0},
    {"99999999999999999999", false, 0},
    {"7x", false, 0},
    {"", false, 0},
    {"#", false, 0},
    {"##7", false, 0},
};

START_TEST(an_entry_by_its_number)
{
    struct fault f = {.code = FAULT_NONE};
    int32_t key = 0;
    model = (struct model){.byte_keys = false};
    ck_assert_msg(names_parse(&model, numbers[_i].text, &key, &f) == numbers[_i].is_number, "%s",
                  numbers[_i].text);
    ck_assert_int_eq(f.code, numbers[_i].is_number ? FAULT_NONE : FAULT_NOT_THIS);
    if (numbers[_i].is_number)
        ck_assert_int_eq(key, numbers[_i].number);
}
END_TEST

int main(void)
{
    return check_main("names", (const struct check_case[]){
                                   {keys_of_one_entry, ARRAY_SIZE(pairs)},
                                   {long_text, 0},
                                   {many_keys, 0},
                                   {long_integers, 0},
                                   {a_value_of_a_reference, ARRAY_SIZE(values)},
                                   {what_is_no_name, 0},
                                   {an_entry_by_its_number, ARRAY_SIZE(numbers)},
                                   {0},
                               });
}
