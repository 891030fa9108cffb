/* JSON output: see json.h. */
#include "migrate/console/json.h"

#include "migrate/console/date.h"
#include "migrate/console/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json {
    bool pretty;
    bool after_key;   /* the next value belongs to it, and nothing stands between them */
    unsigned depth;   /* maps and arrays that are open: few, for documents nest as code does */
    uint64_t members; /* a bit for each of them: it has one already */
};

struct json *json_open(bool pretty)
{
    struct json *json = calloc(1, sizeof *json);
    if (json)
        json->pretty = pretty;
    return json;
}

void json_close(struct json *json)
{
    free(json);
}

void json_end_document(struct json *json)
{
    json->members = 0;
    output_text("\n");
}

static void indent(const struct json *json)
{
    output_text("\n");
    for (unsigned i = 0; i < json->depth; i++)
        output_text("  ");
}

/* What stands before a key, or a value that has none. */
static void begin_member(struct json *json)
{
    uint64_t bit = (uint64_t)1 << json->depth;
    if (json->after_key || json->depth == 0) {
        json->after_key = false;
        return;
    }
    if (json->members & bit)
        output_bytes(",", 1);
    json->members |= bit;
    if (json->pretty)
        indent(json);
}

static void begin(struct json *json, const char *bracket)
{
    begin_member(json);
    output_bytes(bracket, 1);
    json->depth++;
    json->members &= ~((uint64_t)1 << json->depth);
}

static void end(struct json *json, const char *bracket)
{
    bool empty = !(json->members >> json->depth & 1);
    json->depth--;
    if (json->pretty && empty)
        output_text("\n");
    if (json->pretty)
        indent(json);
    output_bytes(bracket, 1);
}

void json_map(struct json *json)
{
    begin(json, "{");
}

void json_end_map(struct json *json)
{
    end(json, "}");
}

void json_array(struct json *json)
{
    begin(json, "[");
}

void json_end_array(struct json *json)
{
    end(json, "]");
}

/* A string, and `behind` it. */
static void quoted(struct bytes text, struct bytes behind)
{
    bool plain = escape_plain_size(text) == text.size;
    size_t size = 1 + text.size + behind.size;
    char *to = plain ? output_room(size) : NULL;
    if (to) {
        to[0] = '"';
        memcpy(to + 1, text.at, text.size);
        memcpy(to + 1 + text.size, behind.at, behind.size);
        output_filled(size);
        return;
    }
    output_bytes("\"", 1);
    output_escaped(text, ESCAPE_JSON);
    output_bytes((const char *)behind.at, behind.size);
}

void json_string(struct json *json, const char *text)
{
    begin_member(json);
    quoted(bytes_of(text, strlen(text)), bytes_of("\"", 1));
}

void json_key(struct json *json, const char *key)
{
    begin_member(json);
    quoted(bytes_of(key, strlen(key)), bytes_of("\": ", json->pretty ? 3 : 2));
    json->after_key = true;
}

size_t json_make_key(const struct json *json, const char *key, char *to, size_t room)
{
    size_t size = strlen(key);
    if (json->pretty || escape_plain_size(bytes_of(key, size)) < size ||
        size + strlen(",\"\":") >= room)
        return 0;
    return (size_t)snprintf(to, room, ",\"%s\":", key);
}

void json_made_key(struct json *json, const char *made, size_t size)
{
    uint64_t bit = (uint64_t)1 << json->depth;
    size_t comma = json->members & bit ? 0 : 1;
    json->members |= bit;
    json->after_key = true;
    output_bytes(made + comma, size - comma);
}

void json_integer(struct json *json, int64_t value)
{
    begin_member(json);
    output_signed(value);
}

void json_unsigned(struct json *json, uint64_t value)
{
    begin_member(json);
    output_unsigned(value);
}

void json_bool(struct json *json, bool value)
{
    begin_member(json);
    output_text(value ? "true" : "false");
}

void json_null(struct json *json)
{
    begin_member(json);
    output_text("null");
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
    if (!isfinite(value)) {
        json_string(json, digits);
        return;
    }
    begin_member(json);
    output_text(digits);
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
    begin_member(json);
    output_bytes("\"", 1);
}

void json_long_text(struct json *json, const char *utf8, size_t size)
{
    (void)json;
    output_escaped(bytes_of(utf8, size), ESCAPE_JSON);
}

void json_long_end(struct json *json)
{
    (void)json;
    output_text("\"");
}
