/*
 * UTF-8, read character by character from bytes that may be anything, and which characters must not
 * reach a terminal as they are.
 *
 * Layout: RFC 3629.
 */
#ifndef KM_FORMATS_UTF8_H
#define KM_FORMATS_UTF8_H

#include "formats/bytes.h"

enum { UTF8_MOST = 4, UTF8_LARGEST = 0x10ffff, UTF8_REPLACEMENT = 0xfffd };

/* The character at offset `at`, which lies inside b: its code in *code, its bytes returned.  A byte
 * that begins no whole character there: 0 returned, and *code is the byte. */
size_t utf8_read(struct bytes b, size_t at, uint32_t *code);

/* Writes a character, at most UTF8_LARGEST; returns how many bytes it takes. */
size_t utf8_write(uint32_t code, char to[UTF8_MOST]);

/* True for what a terminal would act on instead of showing it: control characters (C0, DEL, C1),
 * and marks that turn the direction of writing, end a line or have no width, with which one text
 * can be made to look like another. */
bool utf8_is_hidden(uint32_t code);

#endif
