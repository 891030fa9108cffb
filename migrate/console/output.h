/*
 * Results, on standard output: buffered, and with every write looked at, so that a full disk or a
 * closed pipe is an error and not a short result.
 *
 * Once memory ran short (formats/memory.h) nothing more is printed, and the line that was begun is
 * not either: what is printed is the beginning of what would be with memory, never something else.
 */
#ifndef KM_MIGRATE_OUTPUT_H
#define KM_MIGRATE_OUTPUT_H

#include "formats/buffer.h"
#include "migrate/console/escape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes as they are: the program's own words, and what was escaped already. */
void output_bytes(const char *bytes, size_t size);
void output_text(const char *text);

/* A number in decimal digits: a dump is full of them. */
void output_signed(int64_t value);
void output_unsigned(uint64_t value);

/* As printf, of any length; what a %s brings is escaped (escape.h), the format is not. */
void output_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text from outside: a field of a table whose fields are separated by tabs, part of a JSON string,
 * a text of several lines.  Text that comes in several calls is cut between characters. */
void output_escaped(struct bytes text, enum escape_as as);

/* From now on what is printed is added to `to` instead; NULL: it is printed again.  Returns what it
 * was added to before. */
struct buffer *output_capture(struct buffer *to);
bool output_is_captured(void);

/* For what has to be whole and says itself that memory ran short, a JSON document or a line for
 * each store: it goes on without. */
void output_go_on(bool without_memory);

/* From now on all of it is kept back until output_finish(), in a file without a name where it is
 * more than the buffer holds; where no such file can be made or filled, it goes out as it comes.
 * false: what is kept back goes out, and so does what follows. */
void output_hold(bool held);

/* Takes back what was printed.  False: some of it is out, and nothing is taken back. */
bool output_drop(void);

/* Two lower-case digits for each byte. */
void output_hex(const unsigned char *bytes, size_t size);

/* Writes out what is buffered.  False, with an error printed once, when anything could not be
 * written. */
bool output_finish(void);

/* True when something has reached standard output.  For signal handlers, too. */
bool output_begun(void);

/* True when a write has failed: a long command may stop early. */
bool output_failed(void);

#endif
