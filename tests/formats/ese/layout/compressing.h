/*
 * Compressors for the tests of formats/ese/layout/compress.c, as simple as they can be: the program
 * itself never compresses.  What they write keeps to the engine's rules, but is not what the
 * engine's own compressor would write.
 *
 * Each takes plain bytes and an output with room for COMPRESSED_ROOM(size) bytes, and returns the
 * number of bytes written, 0 when the algorithm cannot express the input or does not make it
 * smaller.
 */
#ifndef KM_TESTS_ESE_COMPRESSING_H
#define KM_TESTS_ESE_COMPRESSING_H

#include "formats/ese/layout/compress.h"

#define COMPRESSED_ROOM(size) ((size) + (size) / 8 + 16)

/* 7-bit ASCII with step 1, 7-bit Unicode with step 2. */
size_t compress_7bit(const uint8_t *plain, size_t size, size_t step, uint8_t *out);

struct compressing {
    uint8_t *out;
    size_t at;
    size_t flags_at;
    unsigned flags_used;
    size_t half_at; /* where a byte with a free upper half is; 0: nowhere */
};

size_t compress_xpress(const uint8_t *plain, size_t size, uint8_t *out);

#endif
