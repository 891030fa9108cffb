/*
 * Hexadecimal digits, beside bytes_hex(): the start of what may be long, reading them, and writing
 * many to a stream or a buffer.  They are written in lower case and read in either.
 */
#ifndef KM_FORMATS_HEX_H
#define KM_FORMATS_HEX_H

#include "formats/bytes.h"

#include <stdio.h>

/* The room that hex_start() needs for the digits of `most` bytes, "..." and the final 0. */
#define HEX_START_SIZE(most) (2 * (most) + 4)

/* The digits of at most `most` bytes of b into `text`, which has HEX_START_SIZE(most) bytes; "..."
 * behind them where b has more.  Returns text. */
const char *hex_start(struct bytes b, size_t most, char *text);

/* The value of one digit; -1: it is none. */
int hex_digit(char c);

/* Reads two digits at `text`, a string.  Returns the byte; -1: there are no two. */
int hex_pair(const char *text);

/* Writes the digits of b. */
void hex_print(FILE *to, struct bytes b);

#endif
