/*
 * Numbers that a value could be written for: an integer of any size, digits, or bytes.  For what
 * could refer to an entry by its key; what is written so nobody says.
 */
#ifndef KM_MIGRATE_NUMBERS_H
#define KM_MIGRATE_NUMBERS_H

#include "migrate/judge/model.h"

/* The integer in a column of integers; of Binary of four bytes, little end first.  False: it is
 * none, or does not fit. */
bool numbers_plain(const struct ese_column *column, struct bytes value, int64_t *number);

struct numbers {
    const struct model *model;
    struct bytes value;
    size_t step; /* text: bytes a character */
    size_t at;   /* the next character, or byte */
    bool text;
    bool whole; /* nothing was met that is no number */
};

/* The numbers in a value of another type: in text, digits in tens, or in sixteens behind 0x, with
 * commas, semicolons or blanks between them; in bytes one of 1, 2, 4 or 8, of the two orders the
 * one in which it is a key of the model, or several of four, little end first.  Nothing is copied.
 */
struct numbers numbers_open(const struct model *model, const struct ese_column *column,
                            struct bytes value);

/* The next one.  False at the end, and, with `whole` false, at what is none. */
bool numbers_next(struct numbers *numbers, int64_t *number);

#endif
