/*
 * The checksums of ESE pages, computed bit by bit: slow, and so plain that they can be the judge of
 * formats/ese/layout/checksum.c.
 */
#ifndef KM_TESTS_ESE_CHECKSUMS_H
#define KM_TESTS_ESE_CHECKSUMS_H

#include "formats/bytes.h"

uint32_t plain_word(const uint8_t *at);
void plain_put(uint8_t *at, uint32_t word);

/* The old form: every word but the first. */
uint32_t plain_xor(const uint8_t *page, size_t size);

/* How many blocks a page has, each with a sum of its own. */
size_t plain_blocks(size_t page_size);

/* Where block i has its sum. */
size_t plain_sum_at(size_t i);

/* Writes the sums of a page; new_form must be what its flags say. */
void plain_set(uint8_t *page, size_t size, uint32_t number, bool new_form);

#endif
