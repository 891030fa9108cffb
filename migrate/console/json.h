/*
 * JSON on standard output: yajl's generator, with two additions.  Values too long to keep in memory
 * are written piece by piece, and one document a line is possible.
 */
#ifndef KM_MIGRATE_JSON_H
#define KM_MIGRATE_JSON_H

#include "formats/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* pretty: indented over several lines, for one document; otherwise compact.  NULL when out of
 * memory. */
struct json *json_open(bool pretty);
void json_close(struct json *json);

/* A map on a line of its own that is added to `to` and not printed: its members are what comes
 * between the two.  False: memory was short, and the line is not whole. */
void json_line(struct json *json, struct buffer *to);
bool json_end_line(struct json *json);

/* Ends a document with a line end and makes ready for the next. */
void json_end_document(struct json *json);

void json_map(struct json *json);
void json_end_map(struct json *json);
void json_array(struct json *json);
void json_end_array(struct json *json);
void json_key(struct json *json, const char *key);
/* Text from anywhere: it is valid UTF-8 and drives no terminal when it is written. */
void json_string(struct json *json, const char *text);
/* A key or a string that comes with every row is made ready once: json_quote() puts it between
 * quotes at `to`, which has room for two bytes more, and returns its size there; 0: something in it
 * has to be escaped, and it is for the functions above. */
size_t json_quote(const char *text, char *to);
void json_quoted(struct json *json, struct bytes quoted);
void json_integer(struct json *json, int64_t value);
void json_unsigned(struct json *json, uint64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* A member of a map that is a map or an array itself: its key, and the beginning. */
void json_put_map(struct json *json, const char *key);
void json_put_array(struct json *json, const char *key);

/* A member of a map: its key and its value; NULL becomes null. */
void json_put_text(struct json *json, const char *key, const char *text);
void json_put_integer(struct json *json, const char *key, int64_t value);
void json_put_unsigned(struct json *json, const char *key, uint64_t value);
void json_put_bool(struct json *json, const char *key, bool value);
/* As hex digits: a hash, a serial number; at most JSON_HEX_MOST bytes, of more the first. */
void json_put_hex(struct json *json, const char *key, struct bytes value);
enum { JSON_HEX_MOST = 32 };
/* All of them. */
void json_put_bytes(struct json *json, const char *key, struct bytes value);
/* 0x and lower-case hex digits. */
void json_put_hex_number(struct json *json, const char *key, uint32_t value);
/* Seconds since 1970 as ISO 8601, with Z where the zone is known, which is UTC then; null where the
 * time is not known or of no year 0 to 9999. */
void json_put_time(struct json *json, const char *key, bool known, int64_t seconds, bool utc);

/* The shortest decimal that reads back as the same number; "NaN", "Infinity" and "-Infinity", which
 * JSON has no numbers for, become strings.  single: as a 32-bit number. */
void json_real(struct json *json, double value, bool single);

/* A string in pieces that end between characters: begin, any number of pieces, end. */
void json_long_begin(struct json *json);
void json_long_text(struct json *json, const char *utf8, size_t size);
void json_long_end(struct json *json);

/* Writes the digits that json_real() writes to `to`; returns their number. */
size_t json_real_digits(double value, bool single, char to[40]);

#endif
