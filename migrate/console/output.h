/*
 * Results, on standard output: buffered, and with every write looked at, so that a full disk or a
 * closed pipe is an error and not a short result.
 */
#ifndef KM_MIGRATE_OUTPUT_H
#define KM_MIGRATE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

void output_bytes(const char *bytes, size_t size);
void output_text(const char *text);
void output_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Two lower-case digits for each byte. */
void output_hex(const unsigned char *bytes, size_t size);

/* A text field of a table whose fields are separated by tabs: tab, line ends, backslash and control
 * characters as backslash escapes. */
void output_field(const char *utf8, size_t size);

/* Text for a line: control characters, which could drive a terminal, become question marks. */
void output_plain(const char *utf8);

/* Writes out what is buffered.  False, with an error printed once, when anything could not be
 * written. */
bool output_finish(void);

/* True when a write has failed: a long command may stop early. */
bool output_failed(void);

#endif
