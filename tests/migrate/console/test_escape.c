/* Foreign text made fit to be shown: pieces, formats, words for a shell. */
#include "formats/buffer.h"
#include "formats/utf8.h"
#include "migrate/console/escape.h"

#include "tests/check_main.h"

/* input, and what becomes of it inside a line, a field, several lines and JSON */
static const struct {
    const char *text, *line, *field, *lines, *json;
} cases[] = {
    {"", "", "", "", ""},
    {"plain", "plain", "plain", "plain", "plain"},
    {"J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x94\x91", "J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x94\x91",
     "J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x94\x91", "J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x94\x91",
     "J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x94\x91"},
    {"a\tb\nc\rd", "a\\tb\\nc\\rd", "a\\tb\\nc\\rd", "a\\tb\nc\\rd", "a\\u0009b\\u000ac\\u000dd"},
    {"\x1b[1m\x07\x7f", "\\x1b[1m\\x07\\x7f", "\\x1b[1m\\x07\\x7f", "\\x1b[1m\\x07\\x7f",
     "\\u001b[1m\\u0007\\u007f"},
    {"a\\b", "a\\b", "a\\\\b", "a\\b", "a\\\\b"},
    {"\"", "\"", "\"", "\"", "\\\""},
    {"\xc2\x9b"
     "2J",
     "\\u009b2J", "\\u009b2J", "\\u009b2J", "\\u009b2J"},         /* C1 */
    {"\xe2\x80\xae", "\\u202e", "\\u202e", "\\u202e", "\\u202e"}, /* right to left from here */
    {"\xe2\x81\xa6", "\\u2066", "\\u2066", "\\u2066", "\\u2066"},
    {"\xe2\x80\xa8", "\\u2028", "\\u2028", "\\u2028", "\\u2028"}, /* another end of line */
    {"\xf3\xa0\x80\x81", "\\U000e0001", "\\U000e0001", "\\U000e0001", "\\udb40\\udc01"},
    {"\x9b"
     "2J\xff",
     "\\x9b2J\\xff", "\\x9b2J\\xff", "\\x9b2J\\xff",
     "\xef\xbf\xbd"
     "2J\xef\xbf\xbd"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", /* a surrogate */
     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf", "\\xc0\\xaf",
     "\xef\xbf\xbd\xef\xbf\xbd"}, /* too long */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80",
     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc3", "\\xc3", "\\xc3", "\\xc3", "\xef\xbf\xbd"}, /* cut */
};

enum { QUOTE = 6 }; /* the one case that HTML has another form of than a line */

static void add(void *context, const char *bytes, size_t size)
{
    buffer_add(context, bytes_of(bytes, size));
}

static void expect(struct buffer *out, const char *expected)
{
    buffer_add(out, bytes_of("", 1));
    ck_assert(!out->failed);
    ck_assert_str_eq((const char *)out->at, expected);
    buffer_free(out);
}

START_TEST(text_is_escaped)
{
    const char *const expected[] = {[ESCAPE_LINE] = cases[_i].line,
                                    [ESCAPE_FIELD] = cases[_i].field,
                                    [ESCAPE_LINES] = cases[_i].lines,
                                    [ESCAPE_JSON] = cases[_i].json,
                                    [ESCAPE_HTML] = _i == QUOTE ? "&#34;" : cases[_i].line};
    for (unsigned as = ESCAPE_LINE; as <= ESCAPE_HTML; as++) {
        struct buffer out = {0};
        struct bytes piece;
        for (struct escape e =
                 escape_of(bytes_of(cases[_i].text, strlen(cases[_i].text)), (enum escape_as)as);
             escape_next(&e, &piece);)
            buffer_add(&out, piece);
        expect(&out, expected[as]);
    }
}
END_TEST

START_TEST(markup_is_escaped)
{
    static const char text[] = "<b a=\"x\" c='y'>&amp;\x1b\\";
    struct buffer out = {0};
    struct bytes piece;
    for (struct escape e = escape_of(bytes_of(text, sizeof text - 1), ESCAPE_HTML);
         escape_next(&e, &piece);)
        buffer_add(&out, piece);
    expect(&out, "&#60;b a=&#34;x&#34; c=&#39;y&#39;&#62;&#38;amp;\\x1b\\");
    for (unsigned as = ESCAPE_LINE; as <= ESCAPE_JSON; as++) {
        for (struct escape e = escape_of(bytes_of("<&'>", 4), (enum escape_as)as);
             escape_next(&e, &piece);)
            buffer_add(&out, piece);
        expect(&out, "<&'>");
    }
}
END_TEST

START_TEST(every_byte_comes_out_once)
{
    uint8_t all[3 * 256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 7 + i / 256);
    for (unsigned as = ESCAPE_LINE; as <= ESCAPE_HTML; as++) {
        struct bytes piece;
        size_t read = 0;
        struct escape e = escape_of(bytes_of(all, sizeof all), (enum escape_as)as);
        for (size_t left = e.left.size; escape_next(&e, &piece); left = e.left.size) {
            ck_assert_uint_lt(e.left.size, left);
            read += left - e.left.size;
            for (size_t at = 0, size; at < piece.size; at += size) {
                uint32_t code;
                size = utf8_read(piece, at, &code);
                ck_assert_uint_gt(size, 0);
                ck_assert(!utf8_is_hidden(code) || (as == ESCAPE_LINES && code == '\n'));
            }
        }
        ck_assert_uint_eq(read, sizeof all);
    }
}
END_TEST

__attribute__((format(printf, 2, 3))) static void format(struct buffer *out, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    escape_format(add, out, text, args);
    va_end(args);
}

/* As printf does, for all that the program uses. */
/* Every byte at every place of a text that is looked at in several steps. */
START_TEST(plain_ends_at_what_is_not)
{
    uint8_t text[40];
    for (size_t at = 0; at < sizeof text; at++)
        for (unsigned c = 0; c < 256; c++) {
            memset(text, 'x', sizeof text);
            text[at] = (uint8_t)c;
            ck_assert_uint_eq(escape_plain_size(bytes_of(text, sizeof text)),
                              escape_is_plain((uint8_t)c) ? sizeof text : at);
            ck_assert_uint_eq(escape_plain_size(bytes_of(text, at)), at);
        }
}
END_TEST

START_TEST(formats_are_those_of_printf)
{
    char expected[600];
    struct buffer out = {0};
#define BOTH(...)                                                                                  \
    do {                                                                                           \
        snprintf(expected, sizeof expected, __VA_ARGS__);                                          \
        format(&out, __VA_ARGS__);                                                                 \
        expect(&out, expected);                                                                    \
    } while (0)
    BOTH("plain 100%%\n");
    BOTH("%d %i %u %x %X %o", -5, 6, 4000000000u, 0xabcu, 0xabcu, 8u);
    BOTH("[%5d] [%-5d] [%05d] [%+d] [% d] [%#x]", 42, 42, 42, 42, 42, 42u);
    BOTH("%lld %llu %ld %lu", -1LL, ~0ULL, -2L, ~0UL);
    BOTH("%zu %jd %td %hhx %hd", sizeof expected, (intmax_t)-3, (ptrdiff_t)4, (unsigned char)0xff,
         (short)-7);
    BOTH("[%*d] [%-*d] [%*d] [%.3d] [%.*d]", 6, 1, 6, 2, -6, 3, 4, 2, 5);
    BOTH("[%s] [%10s] [%-10s] [%.2s] [%-6.2s] [%*s] [%.*s]", "abc", "abc", "abc", "abc", "abc", 5,
         "x", 1, "yz");
    BOTH("[%*s]", 90, "far");
    BOTH("%c%c", 'a', 'b');
    BOTH("%g %.17g %f %e", 0.1, 0.1, 2.5, 1e100);
#undef BOTH
}
END_TEST

START_TEST(formats_escape_what_they_are_given)
{
    struct buffer out = {0};
    format(&out, "\x1b[1m%s\x1b[0m\n%s", "\x1b[5m", "a\nb");
    expect(&out, "\x1b[1m\\x1b[5m\x1b[0m\na\\nb");
    format(&out, "[%-6s] [%6s]", "\xc3\xbc", "\x1b");
    expect(&out, "[\xc3\xbc     ] [  \\x1b]");
    format(&out, "[%.1s] [%.2s] [%.3s]", "\xc3\xbcx", "\xc3\xbcx", "\xc3\xbcx");
    expect(&out, "[] [\xc3\xbc] [\xc3\xbcx]");
    format(&out, "[%.2s]",
           "a\xff"
           "b");
    expect(&out, "[a\\xff]");
    char *large = malloc(100001);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    format(&out, "%s", large);
    expect(&out, large);
    free(large);
}
END_TEST

static const struct {
    const char *word, *quoted;
} words[] = {
    {"plain.edb", "plain.edb"},
    {"/a/b-c_d+e,f=g:h@i%j", "/a/b-c_d+e,f=g:h@i%j"},
    {"", "''"},
    {"a b", "'a b'"},
    {"J\xc3\xbcrgen's Kunden", "'J\xc3\xbcrgen'\\''s Kunden'"},
    {"$(touch x)", "'$(touch x)'"},
    {"`x`;&|<>*?[]~#!\"\\", "'`x`;&|<>*?[]~#!\"\\'"},
    {"-o", "./-o"},
    {"- b", "./'- b'"},
    {"a\nb", "$'a\\012b'"},
    {"\x1b[1m'\\", "$'\\033[1m\\047\\134'"},
    {"\xff"
     "1",
     "$'\\3771'"},
    {"\xe2\x80\xae", "$'\\342\\200\\256'"},
};

START_TEST(word_is_quoted)
{
    ck_assert_str_eq(shell_word(words[_i].word), words[_i].quoted);
}
END_TEST

START_TEST(eight_words_stand_at_once)
{
    const char *kept[8];
    char text[8][16], expected[16];
    for (int i = 0; i < 8; i++) {
        snprintf(text[i], sizeof text[i], "a %d", i);
        kept[i] = shell_word(text[i]);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(expected, sizeof expected, "'a %d'", i);
        ck_assert_str_eq(kept[i], expected);
    }
}
END_TEST

int main(void)
{
    return check_main("escape", (const struct check_case[]){
                                    {text_is_escaped, ARRAY_SIZE(cases)},
                                    {markup_is_escaped, 0},
                                    {every_byte_comes_out_once, 0},
                                    {plain_ends_at_what_is_not, 0},
                                    {formats_are_those_of_printf, 0},
                                    {formats_escape_what_they_are_given, 0},
                                    {word_is_quoted, ARRAY_SIZE(words)},
                                    {eight_words_stand_at_once, 0},
                                    {0},
                                });
}
