/*
 * What the fuzz targets that take a whole database share: a check that cannot be compiled out, and
 * checksums that are put right, so that damage reaches what is behind them.
 */
#ifndef KM_TESTS_ESE_FUZZING_H
#define KM_TESTS_ESE_FUZZING_H

#include "formats/ese/layout/checksum.h"
#include "formats/ese/read/header.h"
#include "formats/ese/layout/page.h"

#include <stdlib.h>

/* Not inlined, so that the line that a stack names is the caller's. */
void expect(bool condition);
uint32_t word(const uint8_t *at);
void put_sums_right(uint8_t *file, size_t size);

#endif
