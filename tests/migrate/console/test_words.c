/* Words that depend on a number, hashes and names, each valid for some calls more. */
#include "migrate/console/value.h"
#include "migrate/console/words.h"
#include "tests/check_main.h"

enum { KEPT = 16 };

START_TEST(one_and_many)
{
    ck_assert_str_eq(counted(1, "row", "rows"), "1 row");
    ck_assert_str_eq(counted(0, "row", "rows"), "0 rows");
    ck_assert_str_eq(counted(UINT64_MAX, "row", "rows"), "18446744073709551615 rows");
}
END_TEST

START_TEST(a_hash_in_digits)
{
    static const uint8_t bytes[WORDS_HASH_MOST + 1] = {0x00, 0x0f, 0xa0, 0xff};
    ck_assert_str_eq(hash_words(bytes_of(bytes, 0)), "");
    ck_assert_str_eq(hash_words(bytes_of(bytes, 4)), "000fa0ff");
    ck_assert_uint_eq(strlen(hash_words(bytes_of(bytes, WORDS_HASH_MOST))), 2 * WORDS_HASH_MOST);
    ck_assert_uint_eq(strlen(hash_words(bytes_of(bytes, sizeof bytes))), 2 * WORDS_HASH_MOST);
}
END_TEST

START_TEST(a_name_in_utf8)
{
    ck_assert_str_eq(value_name("Entry"), "Entry");
    ck_assert_str_eq(value_name("Gr\xf6\xdf\x65"), "Gr\xc3\xb6\xc3\x9f\x65");
}
END_TEST

/* Sixteen calls later the first may be gone, not before. */
START_TEST(sixteen_stand_at_once)
{
    const char *number[KEPT], *hash[KEPT], *name[KEPT];
    char text[KEPT][8];
    for (unsigned i = 0; i < KEPT; i++) {
        uint8_t byte = (uint8_t)i;
        snprintf(text[i], sizeof text[i], "T%u", i);
        number[i] = counted(i + 2, "", "x");
        hash[i] = hash_words(bytes_of(&byte, 1));
        name[i] = value_name(text[i]);
    }
    for (unsigned i = 0; i < KEPT; i++) {
        char digits[8];
        snprintf(digits, sizeof digits, "%u x", i + 2);
        ck_assert_str_eq(number[i], digits);
        snprintf(digits, sizeof digits, "%02x", i);
        ck_assert_str_eq(hash[i], digits);
        ck_assert_str_eq(name[i], text[i]);
    }
}
END_TEST

int main(void)
{
    return check_main("words", (const struct check_case[]){{one_and_many, 0},
                                                           {a_hash_in_digits, 0},
                                                           {a_name_in_utf8, 0},
                                                           {sixteen_stand_at_once, 0},
                                                           {0}});
}
