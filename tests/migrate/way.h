/*
 * The inputs of the fuzz target of the whole way (fuzz_way.c): a store, what the command line says,
 * and a file that it may name.
 *
 *     "WAY" and a version byte, flags, page size (le16), bytes of arguments (le16), of the other
 *     file (le32), pages of the store with its headers (le32); the arguments, each ended by a line
 *     feed; the other file; then each page that is not zero: where it stands (le32, in pages) and
 *     its bytes
 *
 * or "WAY" and another version byte, and all of that deflated: so the seeds.  way_seeds.py writes
 * them from the fixtures, way_record.py from what the tests repair.  Most of a small database is
 * pages that were never used, so that an input is a sixth of it.
 */
#ifndef KM_TESTS_MIGRATE_WAY_H
#define KM_TESTS_MIGRATE_WAY_H

#include "formats/ese/layout/format.h"
#include "tests/formats/ese/fuzzing.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    WAY_HEAD = 20,
    WAY_ARGUMENTS_MOST = 1024,
    WAY_OTHER_MOST = 64 * 1024,
    WAY_STORE_MOST = 4 * 1024 * 1024,
    WAY_SUMS_AS_THEY_ARE = 1, /* flag: checksums are not put right */
};

struct way {
    uint8_t *store; /* the caller's to free */
    size_t size;
    uint32_t page_size;
    uint8_t flags;
    char arguments[WAY_ARGUMENTS_MOST + 1];
    uint8_t other[WAY_OTHER_MOST];
    size_t other_size;
};

void way_free(struct way *way);

/* NULL: the bytes are no such input. */
struct way *way_unpack(struct bytes input);
bool way_is_zero(const uint8_t *page, size_t size);

/* Returns the size; 0 when it is more than `room`. */
size_t way_pack(const struct way *way, uint8_t *to, size_t room);

#endif
