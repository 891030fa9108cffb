/* Text of the database's code pages becomes UTF-8, whole or in pieces. */
#include "formats/ese/layout/text.h"
#include "formats/ese/layout/format.h"
#include "tests/check_main.h"

#define RAW(literal)                                                                               \
    {                                                                                              \
        .at = (const uint8_t *)("" literal), .size = sizeof(literal) - 1                           \
    }

static const struct example {
    const char *what;
    uint32_t code_page;
    struct bytes stored;
    const char *utf8;
    bool bad;
} examples[] = {
    {"nothing", 1252, RAW(""), "", false},
    {"ASCII", 1252, RAW("Kmsdata"), "Kmsdata", false},
    {"umlauts and the euro sign", 1252, RAW("M\xfcller \x80"), "M\xc3\xbcller \xe2\x82\xac", false},
    {"undefined in 1252", 1252, RAW("\x81\x9d"), "\xc2\x81\xc2\x9d", false},
    {"last of 1252", 1252, RAW("\x9f\xa0\xff"), "\xc5\xb8\xc2\xa0\xc3\xbf", false},
    {"code page 0 is 1252", 0, RAW("\x93x\x94"), "\xe2\x80\x9cx\xe2\x80\x9d", false},
    {"ASCII is strict", 20127, RAW("a\x80z"), "a\xef\xbf\xbdz", true},
    {"UTF-16", 1200, RAW("a\0\xfc\0\xac\x20"), "a\xc3\xbc\xe2\x82\xac", false},
    {"a pair of surrogates", 1200, RAW("\x3d\xd8\x00\xde"), "\xf0\x9f\x98\x80", false},
    {"a first surrogate alone", 1200, RAW("\x3d\xd8"), "\xef\xbf\xbd", true},
    {"a second surrogate alone", 1200, RAW("\x00\xde"), "\xef\xbf\xbd", true},
    {"two first surrogates", 1200, RAW("\x3d\xd8\x3d\xd8\x00\xde"), "\xef\xbf\xbd\xf0\x9f\x98\x80",
     true},
    {"a first surrogate before a letter", 1200, RAW("\x3d\xd8z\0"), "\xef\xbf\xbdz", true},
    {"half a unit at the end", 1200, RAW("a\0b"), "a\xef\xbf\xbd", true},
    {"a first surrogate and half a unit", 1200, RAW("\x3d\xd8\x00"), "\xef\xbf\xbd\xef\xbf\xbd",
     true},
    {"Cyrillic", 1251, RAW("\xca\xee"), "\xd0\x9a\xd0\xbe", false},
    {"what 1251 does not have", 1251, RAW("a\x98"), "a\xef\xbf\xbd", true},
    {"Japanese of one and two bytes", 932, RAW("a\x8a\x94\xb1\x81\x60"),
     "a\xe6\xa0\xaa\xef\xbd\xb1\xef\xbd\x9e", false},
    {"a first byte alone", 932, RAW("a\x8a"), "a\xef\xbf\xbd", true},
    {"a first byte before a sign that is no second one", 932, RAW("\x8a a"), "\xef\xbf\xbd a",
     true},
    {"Hebrew, that waits for marks", 1255, RAW("\xf9\xec"), "\xd7\xa9\xd7\x9c", false},
    {"Chinese", 936, RAW("\xd6\xd0"), "\xe4\xb8\xad", false},
    {"Korean", 949, RAW("\xb0\xa1"), "\xea\xb0\x80", false},
    {"Taiwanese", 950, RAW("\xa4\xa4"), "\xe4\xb8\xad", false},
};

/* Converts in runs of `step` bytes, each into a block of exactly the promised room. */
static void convert(const struct example *x, size_t step)
{
    char all[200];
    size_t n = 0;
    struct ese_text text = {.code_page = x->code_page};
    for (size_t at = 0; at < x->stored.size; at += step) {
        struct bytes run = bytes_from(x->stored, at);
        if (run.size > step)
            run.size = step;
        char *room = malloc(ESE_TEXT_GROWTH * run.size + ESE_TEXT_CARRY);
        size_t got = ese_text_convert(&text, run, room);
        ck_assert_uint_le(got, ESE_TEXT_GROWTH * run.size + ESE_TEXT_CARRY);
        memcpy(all + n, room, got);
        n += got;
        free(room);
    }
    char *room = malloc(ESE_TEXT_CARRY);
    size_t got = ese_text_end(&text, room);
    memcpy(all + n, room, got);
    n += got;
    free(room);
    all[n] = '\0';
    ck_assert_msg(strcmp(all, x->utf8) == 0, "%s in steps of %zu: %s", x->what, step, all);
    ck_assert_msg(text.bad == x->bad, "%s in steps of %zu", x->what, step);
    ck_assert_uint_eq(ese_text_end(&text, all), 0);
}

START_TEST(an_example_becomes_its_utf8_in_runs_of_any_size)
{
    for (size_t step = 1; step <= examples[_i].stored.size + 1; step++)
        convert(&examples[_i], step);
}
END_TEST

/* Every byte of 1252, and every UTF-16 unit, gives well-formed UTF-8 of the promised size. */
/* Check notes the place of every assertion, which costs more than what is asserted here: one for
 * what goes right is left out. */
static void must(bool holds, uint32_t code_page, uint32_t unit)
{
    if (!holds)
        ck_abort_msg("code page %u, 0x%04x", code_page, unit);
}

START_TEST(everything_gives_well_formed_utf8)
{
    for (uint32_t unit = 0; unit < 0x10000; unit++) {
        uint8_t two[2] = {(uint8_t)unit, (uint8_t)(unit >> 8)};
        char to[ESE_TEXT_GROWTH * 2 + ESE_TEXT_CARRY];
        struct ese_text text = {.code_page = unit < 256 ? 1252 : 1200};
        size_t n = ese_text_convert(&text, bytes_of(two, unit < 256 ? 1 : 2), to);
        n += ese_text_end(&text, to + n);
        uint8_t first = (uint8_t)to[0];
        size_t expected = first < 0x80 ? 1 : first < 0xe0 ? 2 : 3;
        must(n == expected, text.code_page, unit);
        for (size_t i = 1; i < n; i++)
            must(((uint8_t)to[i] & 0xc0) == 0x80, text.code_page, unit);
        must(text.bad == (unit >= 0xd800 && unit < 0xe000), text.code_page, unit);
    }
}
END_TEST

/* What comes of a text whole is put back as it was. */
START_TEST(an_example_is_encoded_again)
{
    const struct example *x = &examples[_i];
    struct buffer to = {.at = NULL};
    if (x->bad)
        return;
    ck_assert_msg(ese_text_encode(x->code_page, bytes_of(x->utf8, strlen(x->utf8)), &to), "%s",
                  x->what);
    ck_assert_msg(bytes_equal(buffer_bytes(&to), x->stored), "%s", x->what);
    buffer_free(&to);
}
END_TEST

START_TEST(what_a_page_does_not_have_is_not_encoded)
{
    static const struct {
        uint32_t code_page;
        const char *utf8;
    } refused[] = {{1252, "\xd0\x9a"}, {1251, "\xe6\xa0\xaa"}, {20127, "\xc3\xbc"},
                   {932, "\xd7\xa9"},  {1200, "\xed\xa0\x80"}, {1200, "\xc1\x81"},
                   {1252, "\xc3"},     {1252, "\x80"},         {54321, "a"},
                   {1251, "a\xc3"}};
    struct buffer to = {.at = NULL};
    ck_assert(!ese_text_encode(refused[_i].code_page,
                               bytes_of(refused[_i].utf8, strlen(refused[_i].utf8)), &to));
    buffer_free(&to);
}
END_TEST

/* Each byte, and each two, of the pages that iconv has: well-formed UTF-8 of the promised size. */
START_TEST(other_pages_give_well_formed_utf8)
{
    static const uint32_t all[] = {437,   737,   775,   850,   852,   855,   857,   858,   860,
                                   861,   862,   863,   864,   865,   866,   869,   874,   932,
                                   936,   949,   950,   1250,  1251,  1253,  1254,  1255,  1256,
                                   1257,  1258,  1361,  20866, 21866, 28591, 28592, 28593, 28594,
                                   28595, 28596, 28597, 28598, 28599, 28605};
    for (size_t p = 0; p < ARRAY_SIZE(all); p++) {
        ck_assert_msg(ese_text_known(all[p]), "%u", all[p]);
        for (uint32_t two = 0; two < 0x10000; two++) {
            uint8_t bytes[2] = {(uint8_t)two, (uint8_t)(two >> 8)};
            char to[ESE_TEXT_GROWTH * 2 + ESE_TEXT_CARRY];
            struct ese_text text = {.code_page = all[p]};
            size_t n = ese_text_convert(&text, bytes_of(bytes, 2), to);
            must(n <= ESE_TEXT_GROWTH * 2, all[p], two);
            n += ese_text_end(&text, to + n);
            must(n >= 1 && ((uint8_t)to[0] & 0xc0) != 0x80, all[p], two);
        }
    }
}
END_TEST

START_TEST(an_example_is_converted_at_once)
{
    const struct example *e = &examples[_i];
    struct buffer to = {0};
    char room[ESE_TEXT_ROOM(64)];
    ck_assert_uint_le(e->stored.size, 64);
    ck_assert_uint_eq(ese_text_whole(e->code_page, e->stored, room), strlen(e->utf8));
    ck_assert_str_eq(room, e->utf8);
    ck_assert(buffer_add_text(&to, "before ") && ese_text_add(e->code_page, e->stored, &to));
    ck_assert_uint_eq(to.size, strlen("before ") + strlen(e->utf8));
    ck_assert_str_eq((const char *)to.at + strlen("before "), e->utf8);
    buffer_free(&to);
}
END_TEST

START_TEST(wide_text_is_narrowed_where_it_can_be)
{
    uint8_t to[4] = {0};
    ck_assert(ese_text_narrow((struct bytes)RAW(""), to));
    ck_assert(ese_text_narrow((struct bytes)RAW("1\0\xff\0\0\0"), to));
    ck_assert_mem_eq(to, "1\xff\0", 4);
    ck_assert(!ese_text_narrow((struct bytes)RAW("1\0002"), to)); /* half a character */
    ck_assert(!ese_text_narrow((struct bytes)RAW("1\0001\1"), to));
}
END_TEST

/* Letters are taken several at once: one that is none, at every place among them, and units without
 * their other half, come out as they do one by one. */
START_TEST(units_come_out_alike_at_every_place)
{
    enum { UNITS = 21 };
    static const uint16_t odd[] = {0x7f, 0x80, 0x100, 0x2028, 0xd800, 0xdc00, 0xff41};
    for (size_t which = 0; which < ARRAY_SIZE(odd); which++)
        for (size_t at = 0; at < UNITS; at++) {
            uint8_t stored[2 * UNITS];
            char whole[2 * UNITS * ESE_TEXT_GROWTH + 2 * ESE_TEXT_CARRY], single[sizeof whole];
            struct ese_text at_once = {.code_page = ESE_CODEPAGE_UNICODE}, by_one = at_once;
            for (size_t i = 0; i < UNITS; i++)
                bytes_put_le16(stored + 2 * i, i == at ? odd[which] : 'a' + (uint32_t)i);
            size_t size = ese_text_convert(&at_once, bytes_of(stored, sizeof stored), whole), n = 0;
            size += ese_text_end(&at_once, whole + size);
            for (size_t i = 0; i < UNITS; i++)
                n += ese_text_convert(&by_one, bytes_of(stored + 2 * i, 2), single + n);
            n += ese_text_end(&by_one, single + n);
            ck_assert_uint_eq(size, n);
            ck_assert_mem_eq(whole, single, n);
            ck_assert_int_eq(at_once.bad, by_one.bad);
        }
}
END_TEST

START_TEST(known_code_pages)
{
    static const struct {
        uint32_t code_page;
        bool known;
    } pages[] = {{0, true},   {1200, true},  {1252, true},   {20127, true},      {437, true},
                 {932, true}, {1201, false}, {65001, false}, {UINT32_MAX, false}};
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
        ck_assert_int_eq(ese_text_known(pages[i].code_page), pages[i].known);
}
END_TEST

int main(void)
{
    return check_main("text",
                      (const struct check_case[]){
                          {an_example_becomes_its_utf8_in_runs_of_any_size, ARRAY_SIZE(examples)},
                          {an_example_is_encoded_again, ARRAY_SIZE(examples)},
                          {what_a_page_does_not_have_is_not_encoded, 10},
                          {other_pages_give_well_formed_utf8, 0},
                          {everything_gives_well_formed_utf8, 0},
                          {an_example_is_converted_at_once, ARRAY_SIZE(examples)},
                          {wide_text_is_narrowed_where_it_can_be, 0},
                          {units_come_out_alike_at_every_place, 0},
                          {known_code_pages, 0},
                          {0},
                      });
}
