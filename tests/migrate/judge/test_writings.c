/*
 * Other writings of keys: each is told by values that name entries in it, and refuted by the first
 * that does not.
 */
#include "migrate/judge/writings.h"
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
                                      {a_key_in_a_number, ARRAY_SIZE(integers)},
                                      {what_is_no_number, 0},
                                      {0},
                                  });
}
