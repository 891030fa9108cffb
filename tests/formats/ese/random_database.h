/*
 * Databases with random schemas and rows, from a seed: what the builder's property test builds, and
 * what must be read back.
 *
 * What is expected is a text in the form of the corpus' engine-values, without the COL lines:
 * TABLE, ROW, and ` NAME[sequence] size:hex` for every value that is not null; columns in the
 * schema's order.
 */
#ifndef KM_TESTS_ESE_RANDOM_DATABASE_H
#define KM_TESTS_ESE_RANDOM_DATABASE_H

#include "formats/ese/build/build.h"
#include "formats/ese/read/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RANDOM_COLUMNS = 24,
    RANDOM_INDEXES = 6,
    RANDOM_VALUES = 64,
    RANDOM_BIG = 100000, /* longest long value */
};

struct random {
    uint64_t state;
};

uint32_t random_next(struct random *r);

/* 0 to below - 1. */
uint32_t random_below(struct random *r, uint32_t below);
bool random_chance(struct random *r, uint32_t percent);

/* ---- values ---- */

void print_value(FILE *to, const char *name, unsigned sequence, struct bytes data);

struct random_row {
    struct ese_build_value value[RANDOM_VALUES];
    unsigned values;
    uint8_t *room; /* of the values */
    size_t used, size;
};

/* Bytes of the column's type, as many as `size` where it has none of its own; returns how many. */
uint32_t random_fill(struct random *r, const struct ese_column *c, uint8_t *to, uint32_t size);

/* A value of the column, in the row's room. */
struct bytes random_value(struct random *r, struct random_row *row, const struct ese_column *c,
                          uint32_t page_size);

/* Makes a row and prints what must be read back of it. */
void random_row(struct random *r, struct random_row *row, const struct ese_table *schema,
                uint32_t number, uint32_t page_size, FILE *expected);

/* ---- the database ---- */

/* Builds the database of `seed` into `descriptor` and prints what must be read back of its tables.
 */
bool random_database(uint64_t seed, int descriptor, uint32_t revision, uint32_t page_size,
                     FILE *expected, struct fault *f);

#endif
