/* JSON as it is printed: what stands between values, strings of all kinds, digits of bytes. */
#include "formats/buffer.h"
#include "migrate/console/json.h"
#include "migrate/console/output.h"

#include "tests/check_main.h"

/* What `print` prints. */
static char *said_by(bool pretty, void (*print)(struct json *json))
{
    struct buffer said = {0};
    output_capture(&said);
    struct json *json = json_open(pretty);
    ck_assert_ptr_nonnull(json);
    print(json);
    json_close(json);
    output_capture(NULL);
    ck_assert(buffer_add(&said, bytes_of("", 1)));
    return (char *)said.at;
}

static void expect(bool pretty, void (*print)(struct json *json), const char *expected)
{
    char *said = said_by(pretty, print);
    ck_assert_str_eq(said, expected);
    free(said);
}

static void everything(struct json *json)
{
    json_map(json);
    json_put_text(json, "text", "a \"quoted\" one");
    json_put_text(json, "none", NULL);
    json_put_array(json, "numbers");
    json_integer(json, INT64_MIN);
    json_integer(json, 0);
    json_unsigned(json, UINT64_MAX);
    json_real(json, 0.5, false);
    json_end_array(json);
    json_put_array(json, "empty");
    json_end_array(json);
    json_key(json, "in pieces");
    json_long_begin(json);
    json_long_text(json, "one\n", 4);
    json_long_text(json, "two", 3);
    json_long_end(json);
    json_put_map(json, "map");
    json_put_bool(json, "yes", true);
    json_put_bool(json, "no", false);
    json_end_map(json);
    json_end_map(json);
    json_end_document(json);
}

START_TEST(lines_go_elsewhere)
{
    struct buffer line = {0}, said = {0};
    uint8_t all[JSON_HEX_MOST + 8];
    char expected[100] = "{\"bytes\":\"", hex[2 * sizeof all + 1];
    memset(all, 0xab, sizeof all);
    struct json *json = json_open(false);
    ck_assert_ptr_nonnull(json);
    output_capture(&said);
    for (unsigned i = 0; i < 2; i++) {
        buffer_clear(&line);
        json_line(json, &line);
        json_put_bytes(json, "bytes", bytes_of(all, sizeof all));
        ck_assert(json_end_line(json));
        output_text("behind it");
    }
    ck_assert_ptr_eq(output_capture(NULL), &said); /* where all else went goes on */
    ck_assert(bytes_equal(buffer_bytes(&said), bytes_of("behind itbehind it", 18)));
    buffer_free(&said);
    strcat(strcat(expected, bytes_hex(bytes_of(all, sizeof all), hex, sizeof hex)), "\"}\n");
    ck_assert(bytes_equal(buffer_bytes(&line), bytes_of(expected, strlen(expected))));
    json_close(json);
    buffer_free(&line);
}
END_TEST

START_TEST(document_is_compact_or_indented)
{
    expect(false, everything,
           "{\"text\":\"a \\\"quoted\\\" one\",\"none\":null,"
           "\"numbers\":[-9223372036854775808,0,18446744073709551615,0.5],\"empty\":[],"
           "\"in pieces\":\"one\\u000atwo\",\"map\":{\"yes\":true,\"no\":false}}\n");
    expect(true, everything,
           "{\n"
           "  \"text\": \"a \\\"quoted\\\" one\",\n"
           "  \"none\": null,\n"
           "  \"numbers\": [\n"
           "    -9223372036854775808,\n"
           "    0,\n"
           "    18446744073709551615,\n"
           "    0.5\n"
           "  ],\n"
           "  \"empty\": [\n"
           "\n"
           "  ],\n"
           "  \"in pieces\": \"one\\u000atwo\",\n"
           "  \"map\": {\n"
           "    \"yes\": true,\n"
           "    \"no\": false\n"
           "  }\n"
           "}\n");
}
END_TEST

static void two(struct json *json)
{
    for (int i = 0; i < 2; i++) {
        json_map(json);
        json_put_integer(json, "n", i);
        json_end_map(json);
        json_end_document(json);
    }
}

START_TEST(documents_follow_each_other)
{
    expect(false, two, "{\"n\":0}\n{\"n\":1}\n");
    expect(true, two, "{\n  \"n\": 0\n}\n{\n  \"n\": 1\n}\n");
}
END_TEST

/* A string of that many plain characters, alone and with one behind that is escaped. */
static size_t length;

static void strings(struct json *json)
{
    char text[201];
    memset(text, 'x', length);
    memcpy(text + length, "", 1);
    json_array(json);
    json_string(json, text);
    memcpy(text + length, "\\", 2);
    json_string(json, text);
    json_end_array(json);
    json_end_document(json);
}

START_TEST(string_of_any_length_is_whole)
{
    char expected[500], text[201];
    length = (size_t)_i;
    memset(text, 'x', length);
    text[length] = '\0';
    snprintf(expected, sizeof expected, "[\"%s\",\"%s\\\\\"]\n", text, text);
    expect(false, strings, expected);
}
END_TEST

static const struct {
    const char *text, *quoted; /* NULL: something in it is escaped */
} texts[] = {{"Name", "\"Name\""},
             {"", "\"\""},
             {"0", "\"0\""},
             {"a\"b", NULL},
             {"a\\b", NULL},
             {"a\tb", NULL},
             {"gr\xc3\xbc\xc3\x9f", NULL}};

static void quoted_and_not(struct json *json)
{
    char quoted[100];
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        size_t size = json_quote(texts[i].text, quoted);
        ck_assert_uint_eq(size, texts[i].quoted ? strlen(texts[i].quoted) : 0);
        ck_assert_mem_eq(quoted, texts[i].quoted ? texts[i].quoted : "", size);
        for (unsigned way = 0; size > 0 && way < 2; way++) {
            json_map(json);
            way ? json_quoted(json, bytes_of(quoted, size)) : json_key(json, texts[i].text);
            way ? json_quoted(json, bytes_of(quoted, size)) : json_string(json, texts[i].text);
            json_end_map(json);
            json_end_document(json);
        }
    }
}

/* What is quoted once reads as what is escaped each time, compact and indented. */
START_TEST(a_string_made_ready_is_the_same)
{
    expect(false, quoted_and_not,
           "{\"Name\":\"Name\"}\n{\"Name\":\"Name\"}\n{\"\":\"\"}\n{\"\":\"\"}\n{\"0\":\"0\"}\n"
           "{\"0\":\"0\"}\n");
    expect(true, quoted_and_not,
           "{\n  \"Name\": \"Name\"\n}\n{\n  \"Name\": \"Name\"\n}\n{\n  \"\": \"\"\n}\n"
           "{\n  \"\": \"\"\n}\n{\n  \"0\": \"0\"\n}\n{\n  \"0\": \"0\"\n}\n");
}
END_TEST

/* Bytes 0 to 255 again and again, in runs of all lengths, over the end of the output's buffer. */
START_TEST(bytes_become_two_digits_each)
{
    enum { LONGEST = 100, ROUNDS = 20 };
    unsigned char bytes[LONGEST];
    struct buffer said = {0}, expected = {0};
    unsigned next = 0;
    output_capture(&said);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (size_t size = 0; size <= LONGEST; size++) {
            for (size_t i = 0; i < size; i++) {
                char digits[3];
                bytes[i] = (unsigned char)next++;
                snprintf(digits, sizeof digits, "%02x", bytes[i]);
                ck_assert(buffer_add(&expected, bytes_of(digits, 2)));
            }
            output_hex(bytes, size);
            output_text(size % 2 ? "." : "");
            output_bytes(NULL, 0); /* nothing, and nowhere */
            ck_assert(buffer_add(&expected, bytes_of(".", size % 2)));
        }
    output_capture(NULL);
    ck_assert_uint_eq(said.size, expected.size);
    ck_assert_mem_eq(said.at, expected.at, said.size);
    buffer_free(&said);
    buffer_free(&expected);
}
END_TEST

int main(void)
{
    return check_main("json", (const struct check_case[]){
                                  {lines_go_elsewhere, 0},
                                  {document_is_compact_or_indented, 0},
                                  {documents_follow_each_other, 0},
                                  {string_of_any_length_is_whole, 200},
                                  {a_string_made_ready_is_the_same, 0},
                                  {bytes_become_two_digits_each, 0},
                                  {0},
                              });
}
