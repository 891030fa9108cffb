/*
 * Hashes of any run of a value's bytes, in a time that does not grow with the run.
 *
 * Bytes are the coefficients of a polynomial, the hash is its value modulo 2^61 - 1 at a place that
 * is drawn at random: runs that differ have the same hash with a probability of their size divided
 * by 2^61, whoever chose the bytes, for nobody knows the place.  Marks along the value keep what it
 * is up to there; two of them, and the few bytes behind each, give any run between.
 */
#ifndef KM_FORMATS_RUNHASH_H
#define KM_FORMATS_RUNHASH_H

#include "formats/bytes.h"

enum { RUNHASH_EIGHT = 8, RUNHASH_POWERS = 64 };

struct runhash {
    uint64_t power[RUNHASH_EIGHT + 1]; /* of the place: 0 to 8 */
    uint64_t doubled[RUNHASH_POWERS];  /* its powers of 1, 2, 4, 8, ... */
    struct bytes value;                /* whose marks they are */
    uint64_t *mark;
    size_t room;
};

/* Draws the place; where the system gives no random bytes it is a fixed one. */
void runhash_open(struct runhash *r);
void runhash_close(struct runhash *r);

/* The hash of b. */
uint64_t runhash_of(const struct runhash *r, struct bytes b);

/* Takes up a value, which is borrowed until the next one: an eighth of its size is kept for the
 * marks, and used again for the next.  False when memory is short: then there is no value. */
bool runhash_take(struct runhash *r, struct bytes value);

/* The hash of the run of `size` bytes at `at` of the value taken up, which must have them. */
uint64_t runhash_run(const struct runhash *r, size_t at, size_t size);

#endif
