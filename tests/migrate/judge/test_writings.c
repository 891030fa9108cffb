/*
 * Other writings of keys: each is told by values that name entries in it, and refuted by the first
 * that does not.
 */
#include "migrate/judge/writings.h"

#include "migrate/judge/names.h"
#include "tests/check_main.h"

enum { KEYS = 5, VALUES_MOST = 5 };

static struct profile profile;
static struct model_entry entry[KEYS];
static struct model model;

/* Entries 40, 41, 50, 60 and 70 of two lists, so that places in a table mean nothing. */
static void make_model(void)
{
    static const int32_t keys[KEYS] = {40, 41, 50, 60, 70};
    static char table[] = "Certificates", key[] = "Id";
    profile = (struct profile){.lists = 2};
    profile.list[0].table = profile.list[1].table = table;
    profile.list[0].key = profile.list[1].key = key;
    model = (struct model){.profile = &profile,
                           .match = PROFILE_MATCHES_ROWS,
                           .entry = entry,
                           .entries = KEYS,
                           .no_key = INT32_MIN};
    for (unsigned i = 0; i < KEYS; i++)
        entry[i] = (struct model_entry){.key = keys[i]};
}

/* How the values name entries, and which (a bit for each); NULL: they do not. */
static const char *writing_of(const struct ese_column *column, const struct bytes *value,
                              unsigned values, uint8_t *named)
{
    static const struct ese_table table = {.name = "Other"};
    struct writings w;
    uint8_t *names = NULL;
    bool by_place = true;
    *named = 0;
    writings_begin(&w, &model, &table, column, false);
    for (unsigned i = 0; i < values; i++)
        ck_assert(writings_value(&w, &model, column, value[i]));
    const char *how = writings_take(&w, &model, values, &names, &by_place);
    if (how) {
        *named = names ? names[0] : 0;
        ck_assert(!by_place);
        free(names);
    }
    writings_close(&w);
    return how;
}

/* ---- text ---- */

#define LONG_WORD                                                                                  \
    "0123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "

static const struct {
    const char *value[VALUES_MOST];
    bool is_word;
    uint8_t named;
} texts[] = {
    {{"Entry 40", "Entry 50"}, true, 0x05},
    {{"Entry 40", "Entry 50", ""}, true, 0x05},
    {{"Entry 40", "Entry 50  "}, true, 0x05},
    {{"Entry 40", "entry 50"}, false, 0},
    {{"Entry 40"}, false, 0}, /* one is chance */
    {{"Cert40"}, true, 0x01}, /* but for the list's own word */
    {{"C40"}, false, 0},
    {{"Id-70"}, true, 0x10},
    {{"Entry 40", "Row 50"}, false, 0},
    {{"Entry 40", "Entry 51"}, false, 0},
    {{"Entry 40", "Entry"}, false, 0},
    {{"Entry 40", "Entry 50 x"}, false, 0},
    {{"Entry 40", "Entry 50", "\xc4rger"}, false, 0},
    {{"Entry 40", "Entry 0000000050"}, false, 0},
    {{"Entry 40", "Entry 000000050"}, true, 0x05},
    {{"40", "50"}, false, 0}, /* no letters: a number */
    {{LONG_WORD "Key: 12345678 40", LONG_WORD "Key: 12345678 50"}, false, 0},
    {{LONG_WORD "Key: 1234567 40", LONG_WORD "Key: 1234567 50"}, true, 0x05},
};

START_TEST(a_word_before_the_number)
{
    const struct ese_column column = {.name = "Text", .type = ESE_COL_TEXT, .code_page = 1252};
    struct bytes value[VALUES_MOST];
    unsigned values = 0;
    uint8_t named;
    make_model();
    for (; values < VALUES_MOST && texts[_i].value[values]; values++)
        value[values] = bytes_of(texts[_i].value[values], strlen(texts[_i].value[values]));
    const char *how = writing_of(&column, value, values, &named);
    ck_assert_msg((how != NULL) == texts[_i].is_word, "%s: %s", texts[_i].value[0], how);
    ck_assert(how == NULL || strcmp(how, "by the number of its key behind a word") == 0);
    ck_assert_uint_eq(named, texts[_i].named);
}
END_TEST

START_TEST(wide_text)
{
    static const struct ese_column column = {.type = ESE_COL_TEXT, .code_page = 1200};
    const struct bytes good[] = {bytes_of("I\0d\0004\0000\0", 8)},
                       odd[] = {bytes_of("I\0d\0004\0000", 7)},
                       foreign[] = {bytes_of("I\0d\0004\1000\0", 8)};
    uint8_t named;
    make_model();
    ck_assert_ptr_nonnull(writing_of(&column, good, 1, &named));
    ck_assert_uint_eq(named, 1);
    ck_assert_ptr_null(writing_of(&column, odd, 1, &named));
    ck_assert_ptr_null(writing_of(&column, foreign, 1, &named));
}
END_TEST

/* ---- hexadecimal digits ---- */

/* Of five entries the first have keys of 4, 16 and 32 bytes. */
static const char *const bytes_keys[] = {
    "\x0a\xb0\x00\x1f",
    "\x10\x32\x54\x76\x98\xba\xdc\xfe\x01\x23\x45\x67\x89\xab\xcd\xe0",
    ("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
     "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"),
};
static const size_t bytes_sizes[] = {4, 16, 32};

#define LONGEST "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

static const struct {
    const char *value[VALUES_MOST];
    uint8_t named; /* 0: the values are something else */
} digits[] = {
    {{"0ab0001f"}, 0x01},
    {{"0AB0-001F", "{0ab0001f}"}, 0x01},
    {{"0ab0001f", "00000000"}, 0x01}, /* all zeros: none */
    {{"0ab0001f", "0ab0001e"}, 0},
    {{"0ab0001f", "0ab0001"}, 0},
    {{"0-ab0001f"}, 0},
    {{"0ab0001g"}, 0},
    {{"{0ab0001f"}, 0},
    {{"1032547698badcfe0123456789abcde0"}, 0x02},
    {{"{76543210-ba98-fedc-0123-456789abcde0}"}, 0x02}, /* as a GUID is written */
    {{LONGEST}, 0x04},
    {{LONGEST "00"}, 0},
};

START_TEST(a_key_in_hexadecimal_digits)
{
    const struct ese_column column = {.name = "Text", .type = ESE_COL_TEXT, .code_page = 1252};
    struct bytes value[VALUES_MOST];
    struct fault f;
    unsigned values = 0;
    uint8_t named;
    make_model();
    model.match = PROFILE_MATCHES_VALUE; /* of which a word and a number say nothing */
    model.byte_keys = true;
    ck_assert(hash_open(&model.hash, &f));
    for (unsigned i = 0; i < ARRAY_SIZE(bytes_keys); i++)
        ck_assert(
            names_add_key(&model, bytes_of(bytes_keys[i], bytes_sizes[i]), &entry[i].key, &f));
    for (; values < VALUES_MOST && digits[_i].value[values]; values++)
        value[values] = bytes_of(digits[_i].value[values], strlen(digits[_i].value[values]));
    const char *how = writing_of(&column, value, values, &named);
    ck_assert_msg((how != NULL) == (digits[_i].named != 0), "%s: %s", digits[_i].value[0], how);
    ck_assert_uint_eq(named, digits[_i].named);
    names_close(&model);
    hash_close(&model.hash);
}
END_TEST

/* ---- what counts from 1 ---- */

/* A number no greater than the entries are many is a key by chance. */
START_TEST(small_numbers_are_chance)
{
    static const struct ese_column text = {.name = "Text", .type = ESE_COL_TEXT},
                                   number = {.name = "Number", .type = ESE_COL_LONG};
    for (int32_t key = KEYS; key <= KEYS + 1; key++) {
        char word[16];
        uint8_t tenfold[2][4], named;
        bool told = key > KEYS;
        make_model();
        entry[0].key = key;
        snprintf(word, sizeof word, "Row %d", key);
        const struct bytes words[] = {bytes_of(word, strlen(word)), bytes_of("Row 70", 6)};
        ck_assert_int_eq(writing_of(&text, words, 2, &named) != NULL, told);
        bytes_put_le32(tenfold[0], 10 * (uint32_t)key);
        bytes_put_le32(tenfold[1], 700);
        const struct bytes numbers[] = {bytes_of(tenfold[0], 4), bytes_of(tenfold[1], 4)};
        ck_assert_int_eq(writing_of(&number, numbers, 2, &named) != NULL, told);
    }
}
END_TEST

/* ---- integers ---- */

#define HIGHEST (INT32_MIN)

static const struct {
    int32_t value[VALUES_MOST]; /* up to the one that is 7 */
    const char *how;
    uint8_t named;
} integers[] = {
    {{HIGHEST | 40, HIGHEST | 50, 7}, "by its key beside the highest bit", 0x05},
    {{HIGHEST | 40, 7}, "by its key beside the highest bit", 0x01},
    {{HIGHEST | 40, 60, 7}, "by its key beside the highest bit", 0x09},
    {{HIGHEST | 40, 0, -1, 7}, "by its key beside the highest bit", 0x01},
    {{HIGHEST | 40, HIGHEST | 51, 7}, NULL, 0},
    {{40, 60, 7}, NULL, 0}, /* keys as they are */
    {{400, 500, 7}, "by ten times its key", 0x05},
    {{400, 500, 0, -1, 7}, "by ten times its key", 0x05},
    {{400, 7}, NULL, 0},
    {{400, 505, 7}, NULL, 0},
    {{400, 510, 7}, NULL, 0},
    {{4000, 4100, 7}, "by a hundred times its key", 0x03},
    {{4000, 410, 7}, NULL, 0},
};

START_TEST(a_key_in_a_number)
{
    static const struct ese_column column = {.name = "Number", .type = ESE_COL_LONG};
    uint8_t room[VALUES_MOST][4], named;
    struct bytes value[VALUES_MOST];
    unsigned values = 0;
    make_model();
    for (; integers[_i].value[values] != 7; values++) {
        bytes_put_le32(room[values], (uint32_t)integers[_i].value[values]);
        value[values] = bytes_of(room[values], 4);
    }
    const char *how = writing_of(&column, value, values, &named);
    ck_assert_msg((how == NULL) == (integers[_i].how == NULL), "%d: %s", integers[_i].value[0],
                  how);
    ck_assert(how == NULL || strcmp(how, integers[_i].how) == 0);
    ck_assert_uint_eq(named, integers[_i].named);
}
END_TEST

START_TEST(what_is_no_number)
{
    static const struct ese_column wide = {.type = ESE_COL_UNSIGNED_LONG_LONG},
                                   byte = {.type = ESE_COL_UNSIGNED_BYTE},
                                   counter = {.type = ESE_COL_LONG,
                                              .flags = ESE_COLUMN_AUTO_INCREMENT};
    const struct bytes tenfold[] = {bytes_of("\x90\1\0\0\0\0\0\0", 8),
                                    bytes_of("\xf4\1\0\0\0\0\0\0", 8),
                                    bytes_of("\0\0\0\0\0\0\0\x80", 8)},
                       flagged[] = {bytes_of("\xa8", 1)};
    uint8_t named;
    make_model();
    ck_assert_str_eq(writing_of(&wide, tenfold, 2, &named), "by ten times its key");
    ck_assert_ptr_null(writing_of(&wide, tenfold, 3, &named)); /* beyond 63 bits */
    ck_assert_ptr_null(writing_of(&byte, flagged, 1, &named));
    ck_assert_ptr_null(writing_of(
        &counter, (const struct bytes[]){bytes_of("\x90\1\0\0", 4), bytes_of("\xf4\1\0\0", 4)}, 2,
        &named));
    model.match = PROFILE_MATCHES_VALUE;
    ck_assert_ptr_null(writing_of(&wide, tenfold, 2, &named));
}
END_TEST

int main(void)
{
    return check_main("writings", (const struct check_case[]){
                                      {a_word_before_the_number, ARRAY_SIZE(texts)},
                                      {wide_text, 0},
                                      {a_key_in_hexadecimal_digits, ARRAY_SIZE(digits)},
                                      {small_numbers_are_chance, 0},
                                      {a_key_in_a_number, ARRAY_SIZE(integers)},
                                      {what_is_no_number, 0},
                                      {0},
                                  });
}
