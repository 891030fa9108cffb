/*
 * Code pages of text columns other than the few that text.c knows by itself: what iconv(3) says of
 * them, asked once for each and kept as a table.
 *
 * Only pages of one byte a character, or of two where a first byte says so, are here: those that
 * Windows NT could have as the code page of a system (Microsoft, "Code Page Identifiers").
 */
#ifndef KM_FORMATS_ESE_CODEPAGE_H
#define KM_FORMATS_ESE_CODEPAGE_H

#include "formats/buffer.h"

enum {
    CODEPAGE_LEAD = 0xffff, /* the first byte of two */
    CODEPAGE_NONE = 0xfffd, /* no character */
};

struct codepage;

/* The table of that page; NULL: it is none of these, or iconv does not have it.  It stays to the
 * end of the program. */
const struct codepage *codepage_find(uint32_t number);

/* The character of one byte, CODEPAGE_LEAD or CODEPAGE_NONE; of two. */
uint32_t codepage_one(const struct codepage *page, uint8_t byte);
uint32_t codepage_two(const struct codepage *page, uint8_t lead, uint8_t trail);

/* Appends UTF-8 as text of that page.  False when a character is not in it, or memory is short
 * (to->failed). */
bool codepage_encode(const struct codepage *page, struct bytes utf8, struct buffer *to);

#endif
