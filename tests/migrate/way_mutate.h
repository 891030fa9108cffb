/*
 * Mutations for the fuzz target of the whole way (fuzz_way.c): what a store can turn into, rather
 * than bytes that no reader would look at twice.
 *
 *     rows    a row is dropped, another one is added that resembles it, a value becomes another
 *             row's, a number, a cut one: with all indexes and long values in order
 *     pages   a field, a tag, a node or a whole page of the database
 *     words   the options that a repair is told
 *     file    the file that they name, byte by byte
 */
#ifndef KM_TESTS_MIGRATE_WAY_MUTATE_H
#define KM_TESTS_MIGRATE_WAY_MUTATE_H

#include "formats/arena.h"
#include "formats/ese/edit/edit.h"
#include "migrate/store/rows.h"
#include "tests/formats/ese/random_database.h"
#include "tests/migrate/way.h"

#include <stdio.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Any of them. */
void mutate_way(struct way *way, struct random *r);

void mutate_rows(struct way *way, struct random *random);
void mutate_page(struct way *way, struct random *r);
/* An entry of an index, or a piece of a long value: as `kind`, a flag of its page, says. */
void mutate_leaf(struct way *way, struct random *r, uint32_t kind);

#endif
