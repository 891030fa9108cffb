/*
 * Rows that are kept to be tried: does the entry's key sign what the row holds?
 *
 * Which rows those are must be known while a table is read, before it is known how many rows there
 * are: so every row of a kind is kept at first, and whenever there are too many, every other one of
 * them goes, and from then on only every other one is kept.  What stays is evenly spaced, and fewer
 * than half of what may be kept only when there are no more.
 */
#ifndef KM_MIGRATE_TRIALS_H
#define KM_MIGRATE_TRIALS_H

#include "formats/buffer.h"
#include "migrate/store/rows.h"

/* A row: the number of the entry that it names, and what that should have signed. */
struct trial_row {
    unsigned entry;
    struct buffer der;
};

/* Rows that are tried for one reason. */
struct trial {
    uint64_t seen, step; /* rows of the kind so far; every step-th is kept, a power of two */
    unsigned count, most;
    size_t bytes; /* that the rows hold */
    struct trial_row *row;
};

/* What is tried of one reference. */
struct trials {
    struct trial spaced, at_duplicates;
};

/* NULL: memory is short. */
struct trials *trials_open(void);
void trials_close(struct trials *trials);

/* Keeps the row in hand, when it is to be.  entry: the number of the one that it names, which is
 * one of several copies, or of several of one identity, when `duplicate` is true; proves: the
 * column.  What is no value, cannot be read or is longer than a certificate could be is passed
 * over, without a word to rows_end().  False, with f saying so, when memory is short. */
bool trials_take(struct trials *trials, struct rows *rows, const struct ese_column *proves,
                 unsigned entry, bool duplicate, struct buffer *room, struct fault *f);

#endif
