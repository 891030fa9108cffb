/*
 * Log files put together in memory: a header and segments whose checksums are right, around bytes
 * of the caller's.
 */
#ifndef KM_TESTS_LOG_MAKING_H
#define KM_TESTS_LOG_MAKING_H

#include "formats/ese/layout/checksum.h"
#include "formats/ese/layout/format.h"
#include "formats/ese/layout/page.h"
#include "formats/ese/log/stream.h"

#include <stdlib.h>

enum { MADE_GENERATION = 7 };

/* Room for `segments` segments of payload and the place behind the last. */
size_t made_size(unsigned segments);

/* Seals segment `number`, whose payload is in place. */
void made_seal(uint8_t *log, unsigned number, unsigned seed);
void made_header(uint8_t *log, unsigned segments);

#endif
