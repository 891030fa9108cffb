/* Names as text and in normal form: string types, escapes, damage, cutting. */
#include "formats/certs/name.h"
#include "tests/formats/certs/support.h"

#include <locale.h>
#include <wctype.h>

/* One part of type CN with this value, as hex. */
static struct buffer common_name(const char *value)
{
    struct buffer out = {0};
    add_hex(&out, "0603550403");
    add_hex(&out, value);
    der_wrap(&out, 0, DER_SEQUENCE);
    der_wrap(&out, 0, DER_SET);
    der_wrap(&out, 0, DER_SEQUENCE);
    return out;
}

/* The whole value item, its RFC 4514 text after "CN=", its bare text. */
static const struct {
    const char *what, *hex, *text, *bare;
} values[] = {
    {"printable", "130361 6263", "abc", "abc"},
    {"empty", "1300", "", ""},
    {"UTF-8", "0c02c3a4", "\303\244", "\303\244"},
    {"UTF-8, four octets", "0c04f09f9880", "\360\237\230\200", "\360\237\230\200"},
    {"UTF-8, over-long", "0c02c0af", "\\C0\\AF", "\\C0\\AF"},
    {"UTF-8, cut", "0c02e282", "\\E2\\82", "\\E2\\82"},
    {"UTF-8, surrogate", "0c03eda080", "\\ED\\A0\\80", "\\ED\\A0\\80"},
    {"teletex", "1402e461", "\303\244a", "\303\244a"},
    {"printable with Latin-1", "1302e461", "\\E4a", "\\E4a"},
    {"BMP", "1e0400e40041", "\303\244A", "\303\244A"},
    {"BMP, surrogates", "1e04d83dde00", "\360\237\230\200", "\360\237\230\200"},
    {"BMP, lone surrogate", "1e02d83d", "\357\277\275", "\357\277\275"},
    {"BMP, half a character", "1e0100", "#1e0100", "#1e0100"},
    {"universal", "1c04000020ac", "\342\202\254", "\342\202\254"},
    {"universal beyond Unicode", "1c0400110000", "\357\277\275", "\357\277\275"},
    {"integer", "020105", "#020105", "#020105"},
    {"constructed string", "330313 0161", "#3303130161", "#3303130161"},
    {"special characters", "1308222b2c3b3c3e5c3d", "\\\"\\+\\,\\;\\<\\>\\\\=", "\"+,;<>\\\\="},
    {"spaces at the ends", "1303206120", "\\ a\\ ", " a "},
    {"one space", "130120", "\\ ", " "},
    {"number sign first", "13022361", "\\#a", "#a"},
    {"number sign later", "13026123", "a#", "a#"},
    {"nul and escape", "1303001b61", "\\00\\1Ba", "\\00\\1Ba"},
    {"direction mark", "0c03e280ae", "\\E2\\80\\AE", "\\E2\\80\\AE"},
};

START_TEST(value_has_its_text)
{
    struct buffer in = common_name(values[_i].hex);
    char text[128], expected[128];
    struct name_walk walk = name_first(buffer_bytes(&in));
    struct name_part part;
    snprintf(expected, sizeof expected, "CN=%s", values[_i].text);
    ck_assert_uint_eq(name_text(buffer_bytes(&in), text, sizeof text), strlen(expected));
    ck_assert_str_eq(text, expected);
    ck_assert(name_next(&walk, &part));
    ck_assert_str_eq(name_type(&part), "CN");
    name_value(&part, text, sizeof text);
    ck_assert_str_eq(text, values[_i].bare);
    ck_assert(!name_next(&walk, &part) && !name_walk_failed(&walk));
    buffer_free(&in);
}
END_TEST

static const struct {
    const char *what, *hex, *text;
} names[] = {
    {"empty", "3000", ""},
    {"two parts, last first", "3016 3109300706035504061300 310930070603550403 1300", "CN=,C="},
    {"two in one set", "3014 3112 300706035504031300 3007060355040a1300", "CN=+O="},
    {"unknown type", "300b 3109 3007 0603550463 1300", "2.5.4.99="},
    {"type that is none", "3008 3106 3004 0600 1300", "?="},
    {"empty set is passed over", "300d 3100 3109 300706035504031300", "CN="},
    {"no name", "020105", "?"},
    {"no input", "", "?"},
    {"damage after a part", "300e 3109300706035504031300 040100", "CN=?"},
    {"damage inside a set", "300c 310a 300706035504031300 05", "CN=?"},
};

START_TEST(name_has_its_text)
{
    struct buffer in = from_hex(names[_i].hex);
    char text[128];
    name_text(buffer_bytes(&in), text, sizeof text);
    ck_assert_msg(strcmp(text, names[_i].text) == 0, "%s: %s", names[_i].what, text);
    buffer_free(&in);
}
END_TEST

/* A text is cut between characters, says so where there is room for it, and its length is told all
 * the same. */
START_TEST(text_is_cut_at_a_character)
{
    static const char whole[] = "CN=\xc3\xa4\xc3\xa4\xc3\xa4";
    static const size_t ends[] = {0, 2, 3, 5, 7, 9};
    struct buffer in = common_name("0c06c3a4c3a4c3a4");
    char text[16], expected[16];
    for (size_t size = 0; size < sizeof text; size++) {
        memset(text, 'x', sizeof text);
        ck_assert_uint_eq(name_text(buffer_bytes(&in), text, size), 9);
        ck_assert_int_eq(text[size], 'x');
        size_t kept = 0, mark = size > 9 ? 0 : 3;
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
            if (ends[i] + mark < size)
                kept = ends[i];
        if (size > mark) {
            snprintf(expected, sizeof expected, "%.*s%s", (int)kept, whole, mark ? "..." : "");
            ck_assert_str_eq(text, expected);
        } else if (size > 0) {
            ck_assert_uint_lt(strlen(text), size);
        }
    }
    buffer_free(&in);
}
END_TEST

START_TEST(long_name_shows_its_last_parts)
{
    struct buffer in = {0};
    char text[1024];
    for (int i = 0; i < 70; i++)
        add_hex(&in, "310930070603550406 1300");
    add_hex(&in, "310a30080603550403 130161");
    der_wrap(&in, 0, DER_SEQUENCE);
    size_t size = name_text(buffer_bytes(&in), text, sizeof text);
    ck_assert_int_eq(strncmp(text, "CN=a,C=,C=", 10), 0);
    ck_assert_str_eq(text + size - 4, ",...");
    buffer_free(&in);
}
END_TEST

/* Two values of CN and whether they are one after normalisation. */
static const struct {
    const char *one, *other;
    bool same;
} pairs[] = {
    {"130161", "0c0161", true},
    {"130161", "1e020061", true},
    {"1401e4", "0c02c3a4", true},
    {"1401e4", "1e0200e4", true},
    {"1401c4", "0c02c3a4", true}, /* upper and lower case */
    {"130141", "130161", true},
    {"1304 20612020", "130161", true}, /* spaces at the ends */
    {"1304 61202062", "1303 612062", true},
    {"1302 6162", "1303 612062", false},
    {"130161", "130162", false},
    {"0c02d090", "0c02d0b0", true}, /* Cyrillic */
    {"0c02ce91", "0c02ceb1", true}, /* Greek */
    {"0c02c484", "0c02c485", true}, /* Polish */
    {"1301e4", "1401e4", false},    /* an octet that is no character is not that character */
    {"020105", "020106", false},
    {"020105", "020105", true},
};

START_TEST(normal_form_ignores_encoding)
{
    struct buffer one = common_name(pairs[_i].one), other = common_name(pairs[_i].other);
    uint8_t a[HASH_SHA256_SIZE], b[HASH_SHA256_SIZE];
    struct hash h;
    ck_assert(hash_open(&h, NULL));
    name_normal_sha256(buffer_bytes(&one), &h, a);
    name_normal_sha256(buffer_bytes(&other), &h, b);
    ck_assert_msg((memcmp(a, b, sizeof a) == 0) == pairs[_i].same, "%s, %s", pairs[_i].one,
                  pairs[_i].other);
    hash_close(&h);
    buffer_free(&one);
    buffer_free(&other);
}
END_TEST

/* The lower case of the scripts that the normal form knows, as the C library says. */
static wint_t lower_of(wint_t c)
{
    bool known = (c <= 0x178 && c != 0x130) || (c >= 0x179 && c <= 0x17e) ||
                 (c >= 0x391 && c <= 0x3a9) || (c >= 0x400 && c <= 0x42f);
    return known ? towlower(c) : c;
}

static void normal_of(wint_t c, const struct hash *hash, uint8_t sha256[HASH_SHA256_SIZE])
{
    char value[16];
    struct hash h = *hash;
    snprintf(value, sizeof value, "1e02%04x", (unsigned)c);
    struct buffer name = common_name(value);
    name_normal_sha256(buffer_bytes(&name), &h, sha256);
    buffer_free(&name);
}

START_TEST(normal_form_ignores_case)
{
    static const wint_t apart[] = {1, 32, 80, 0xff - 0xc0, 0x178 - 0xff};
    struct hash h;
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    ck_assert(hash_open(&h, NULL));
    for (wint_t c = '!'; c < 0x470; c++)
        for (size_t i = 0; i < ARRAY_SIZE(apart); i++) {
            uint8_t a[HASH_SHA256_SIZE], b[HASH_SHA256_SIZE];
            normal_of(c, &h, a);
            normal_of(c + apart[i], &h, b);
            bool same = memcmp(a, b, sizeof a) == 0;
            ck_assert_msg(same == (lower_of(c) == lower_of(c + apart[i])), "U+%04X and U+%04X",
                          (unsigned)c, (unsigned)(c + apart[i]));
        }
    hash_close(&h);
}
END_TEST

START_TEST(value_is_found_by_type)
{
    struct buffer in = from_hex("3018 310b3009060355040a1302 6f31 3109300706035504031300");
    char text[16];
    ck_assert_uint_eq(name_find(buffer_bytes(&in), "O", text, sizeof text), 2);
    ck_assert_str_eq(text, "o1");
    ck_assert_uint_eq(name_find(buffer_bytes(&in), "L", text, sizeof text), 0);
    ck_assert_str_eq(text, "");
    buffer_free(&in);
}
END_TEST

int main(void)
{
    return check_main("name", (const struct check_case[]){
                                  {value_has_its_text, ARRAY_SIZE(values)},
                                  {name_has_its_text, ARRAY_SIZE(names)},
                                  {text_is_cut_at_a_character, 0},
                                  {long_name_shows_its_last_parts, 0},
                                  {normal_form_ignores_encoding, ARRAY_SIZE(pairs)},
                                  {normal_form_ignores_case, 0},
                                  {value_is_found_by_type, 0},
                                  {0},
                              });
}
