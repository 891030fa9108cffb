/* JSON output: see json.h. */
#include "migrate/console/json.h"

#include "formats/memory.h"
#include "migrate/console/date.h"
#include "migrate/console/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

struct json {
    yajl_gen gen;
    bool pretty;
    bool hold; /* the next "0" that yajl prints stands for a value that is written in pieces, ... */
    struct bytes instead; /* ... or for these bytes of a string, escaped */
    bool plain;           /* nothing of them is to be escaped, ... */
    bool quoted;          /* ... and they have the quotes that yajl would print around them */
    struct buffer *line, *outer; /* where one goes, and where all else did */
};

/* yajl separates and indents; when a value comes in pieces it is given a placeholder, "0", to
 * count. */
static void print(void *context, const char *text, size_t size)
{
    struct json *json = context;
    bool held = json->hold && size == 1;
    if (held && text[0] == '"' && json->quoted)
        return;
    if (!held || text[0] != '0')
        output_bytes(text, size);
    else if (json->plain)
        output_bytes((const char *)json->instead.at, json->instead.size);
    else
        output_escaped(json->instead, ESCAPE_JSON);
}

/* yajl does not look whether it was given memory for what it begins with, which is little: it gets
 * that from here when there is none, and the lack is noted. */
static _Alignas(16) char reserve[4096];
static size_t reserve_taken;

static void *give(void *context, size_t size)
{
    (void)context;
    void *given = malloc(size);
    size_t room = (size + 15) / 16 * 16;
    if (given || room > sizeof reserve - reserve_taken)
        return given;
    memory_note_short();
    given = reserve + reserve_taken;
    reserve_taken += room;
    return given;
}

static bool is_reserve(const void *at)
{
    return (const char *)at >= reserve && (const char *)at < reserve + sizeof reserve;
}

static void *give_more(void *context, void *at, size_t size)
{
    (void)context;
    return is_reserve(at) ? NULL : realloc(at, size);
}

static void take(void *context, void *at)
{
    (void)context;
    if (!is_reserve(at))
        free(at);
}

struct json *json_open(bool pretty)
{
    struct json *json = calloc(1, sizeof *json);
    if (json == NULL)
        return NULL;
    json->gen = yajl_gen_alloc(&(yajl_alloc_funcs){give, give_more, take, NULL});
    if (json->gen == NULL) {
        free(json);
        return NULL;
    }
    yajl_gen_config(json->gen, yajl_gen_print_callback, print, json);
    json->pretty = pretty;
    yajl_gen_config(json->gen, yajl_gen_beautify, pretty);
    yajl_gen_config(json->gen, yajl_gen_indent_string, "  ");
    return json;
}

void json_close(struct json *json)
{
    if (json == NULL)
        return;
    yajl_gen_free(json->gen);
    free(json);
}

void json_end_document(struct json *json)
{
    yajl_gen_reset(json->gen, NULL);
    if (!json->pretty) /* else yajl has ended the line */
        output_text("\n");
}

void json_line(struct json *json, struct buffer *to)
{
    json->line = to;
    json->outer = output_capture(to);
    json_map(json);
}

bool json_end_line(struct json *json)
{
    json_end_map(json);
    json_end_document(json);
    output_capture(json->outer);
    return !json->line->failed && !memory_ran_short();
}

void json_map(struct json *json)
{
    yajl_gen_map_open(json->gen);
}

void json_end_map(struct json *json)
{
    yajl_gen_map_close(json->gen);
}

void json_array(struct json *json)
{
    yajl_gen_array_open(json->gen);
}

void json_end_array(struct json *json)
{
    yajl_gen_array_close(json->gen);
}

static void string(struct json *json)
{
    json->hold = true;
    yajl_gen_string(json->gen, (const unsigned char *)"0", 1);
    json->hold = json->quoted = false;
}

/* Only the escaping is not yajl's: it would let through what is no UTF-8, and what a terminal acts
 * on. */
void json_string(struct json *json, const char *text)
{
    json->instead = bytes_of(text, strlen(text));
    json->plain = escape_plain_size(json->instead) == json->instead.size;
    string(json);
}

size_t json_quote(const char *text, char *to)
{
    size_t size = strlen(text);
    if (escape_plain_size(bytes_of(text, size)) != size)
        return 0;
    to[0] = to[size + 1] = '"';
    memcpy(to + 1, text, size);
    return size + 2;
}

void json_quoted(struct json *json, struct bytes quoted)
{
    json->instead = quoted;
    json->plain = json->quoted = true;
    string(json);
}

void json_key(struct json *json, const char *key)
{
    json_string(json, key);
}

static void number(struct json *json, const char *digits)
{
    yajl_gen_number(json->gen, digits, strlen(digits));
}

/* By hand: half of a dump's time would go to snprintf. */
static char *digits_of(uint64_t value, char *end)
{
    do
        *--end = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return end;
}

void json_integer(struct json *json, int64_t value)
{
    char digits[24], *end = digits + sizeof digits;
    char *at = digits_of(value < 0 ? -(uint64_t)value : (uint64_t)value, end);
    if (value < 0)
        *--at = '-';
    yajl_gen_number(json->gen, at, (size_t)(end - at));
}

void json_unsigned(struct json *json, uint64_t value)
{
    char digits[24], *end = digits + sizeof digits;
    char *at = digits_of(value, end);
    yajl_gen_number(json->gen, at, (size_t)(end - at));
}

void json_bool(struct json *json, bool value)
{
    yajl_gen_bool(json->gen, value);
}

void json_null(struct json *json)
{
    yajl_gen_null(json->gen);
}

void json_put_map(struct json *json, const char *key)
{
    json_key(json, key);
    json_map(json);
}

void json_put_array(struct json *json, const char *key)
{
    json_key(json, key);
    json_array(json);
}

void json_put_text(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    if (text)
        json_string(json, text);
    else
        json_null(json);
}

void json_put_integer(struct json *json, const char *key, int64_t value)
{
    json_key(json, key);
    json_integer(json, value);
}

void json_put_unsigned(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_unsigned(json, value);
}

void json_put_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    json_bool(json, value);
}

void json_put_hex(struct json *json, const char *key, struct bytes value)
{
    char hex[2 * JSON_HEX_MOST + 1];
    json_put_text(json, key, bytes_hex(value, hex, sizeof hex));
}

void json_put_bytes(struct json *json, const char *key, struct bytes value)
{
    json_key(json, key);
    json_long_begin(json);
    output_hex(value.at, value.size);
    json_long_end(json);
}

size_t json_real_digits(double value, bool single, char to[40])
{
    if (isnan(value))
        return (size_t)snprintf(to, 40, "NaN");
    if (isinf(value))
        return (size_t)snprintf(to, 40, "%sInfinity", value < 0 ? "-" : "");
    for (int precision = single ? 6 : 15;; precision++) {
        int size = snprintf(to, 40, "%.*g", precision, value);
        bool same = single ? strtof(to, NULL) == (float)value : strtod(to, NULL) == value;
        if (same || precision == 17)
            return (size_t)size;
    }
}

void json_real(struct json *json, double value, bool single)
{
    char digits[40];
    json_real_digits(value, single, digits);
    if (isfinite(value))
        number(json, digits);
    else
        json_string(json, digits);
}

void json_put_hex_number(struct json *json, const char *key, uint32_t value)
{
    char text[16];
    snprintf(text, sizeof text, "0x%x", value);
    json_put_text(json, key, text);
}

void json_put_time(struct json *json, const char *key, bool known, int64_t seconds, bool utc)
{
    char text[DATE_ROOM];
    known = known && date_of_seconds(seconds, text);
    if (known && utc)
        strcat(text, "Z");
    json_put_text(json, key, known ? text : NULL);
}

void json_long_begin(struct json *json)
{
    json->hold = json->plain = true;
    json->instead = bytes_of("\"", 1);
    yajl_gen_number(json->gen, "0", 1);
    json->hold = false;
}

void json_long_text(struct json *json, const char *utf8, size_t size)
{
    (void)json;
    output_escaped(bytes_of(utf8, size), ESCAPE_JSON);
}

void json_long_end(struct json *json)
{
    (void)json;
    output_bytes("\"", 1);
}
