/*
 * Text of columns and names, made UTF-8 and back: UTF-16LE (code page 1200), Windows-1252, ASCII,
 * and the pages of codepage.h.
 *
 * Long text comes in runs that may end inside a character, so a converter keeps what was begun.
 */
#ifndef KM_FORMATS_ESE_TEXT_H
#define KM_FORMATS_ESE_TEXT_H

#include "formats/buffer.h"

struct ese_text {
    uint32_t code_page;
    uint32_t high; /* UTF-16: a first surrogate that waits for its second; 0: none */
    uint8_t half;  /* the first byte of a unit, or of a character, cut in two */
    bool has_half;
    bool bad; /* something was no valid text; it became U+FFFD */
};

/* Every input byte becomes at most this many bytes of UTF-8; one run can add 3 more for what the
 * run before it left. */
enum { ESE_TEXT_GROWTH = 3, ESE_TEXT_CARRY = 6 };

/* True for the code pages that can be made UTF-8: 1200, 1252, 20127 (ASCII), 0, which is 1252, and
 * those that codepage_find() has.  Text of any other is taken for 1252. */
bool ese_text_known(uint32_t code_page);

/* Converts a run; `to` has room for ESE_TEXT_GROWTH * run.size + ESE_TEXT_CARRY bytes.  Returns the
 * number of bytes written. */
size_t ese_text_convert(struct ese_text *text, struct bytes run, char *to);

/* Ends the text: writes what a cut-off last character becomes. Returns the number of bytes written.
 */
size_t ese_text_end(struct ese_text *text, char *to);

/* A whole text at once, with a zero byte behind it; `to` has room for ESE_TEXT_ROOM(text.size)
 * bytes.  Returns the number of bytes before that one. */
#define ESE_TEXT_ROOM(size) (ESE_TEXT_GROWTH * (size) + 2 * ESE_TEXT_CARRY + 1)
size_t ese_text_whole(uint32_t code_page, struct bytes text, char *to);

/* The same behind what is in `to`; the zero byte does not count.  False: no memory. */
bool ese_text_add(uint32_t code_page, struct bytes text, struct buffer *to);

/* Text of two bytes a character, low byte first, none of which needs its second, in one byte each:
 * at `to`, which has room for half of it.  False: it is not. */
bool ese_text_narrow(struct bytes wide, uint8_t *to);

/* Appends UTF-8 as text of that code page: what ese_text_convert() makes the same UTF-8 of.  False
 * when the page is not known or does not have a character, or memory is short (to->failed). */
bool ese_text_encode(uint32_t code_page, struct bytes utf8, struct buffer *to);

#endif
