/*
 * A condition on one column of a row, as a profile says it: "COLUMN = VALUE", or, of an integer,
 * "COLUMN & MASK = VALUE" of its bits.  Which rows are of the list, and what role an entry has, can
 * be said so.
 *
 * VALUE is a number in decimal digits for an integer or a Bit, and for an integer without a mask
 * several of them with commas between; else it is a text.
 */
#ifndef KM_MIGRATE_CONDITION_H
#define KM_MIGRATE_CONDITION_H

#include "formats/ese/layout/record.h"
#include "formats/ese/read/catalog.h"
#include "formats/fault.h"

#include <stdint.h>
#include <stdio.h>

enum { CONDITION_TEXT = 256 }; /* bytes of one in words, with the zero byte */

/* Strings belong to the condition; column NULL: there is none. */
struct condition {
    char *column, *value;
    int64_t mask; /* 0: the whole value */
};

static inline bool condition_is_there(const struct condition *c)
{
    return c->column != NULL;
}

/* Reads it from words.  False, saying what was expected, for others, and when memory is short;
 * the condition is none then. */
bool condition_read(const char *text, struct condition *c, struct fault *f);
void condition_free(struct condition *c);

/* In words that condition_read() takes. */
const char *condition_text(const struct condition *c, char to[CONDITION_TEXT]);

/* Is its column in the table, of a type that its value can be of?  what: the profile's key, for the
 * fault. */
bool condition_fits(const struct condition *c, const struct ese_table *table, const char *what,
                    struct fault *f);

/* Of an integer or a Bit, which is 0 or 1: is it met? */
bool condition_is_number(const struct condition *c, int64_t number);

/* Is there one value that meets it, whatever else is in the row: one number of an integer, or a
 * text? */
bool condition_is_of_one(const struct condition *c, const struct ese_table *table);

/* The one number that a condition without commas asks for. */
int64_t condition_number(const struct condition *c);

/* Is it met in that row?  A null meets none, nor does what cannot be read. */
bool condition_is_met(const struct condition *c, const struct ese_table *table,
                      const struct ese_record *record);

#endif
