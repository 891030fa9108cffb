/*
 * Byte strings that are kept once each, however often they occur: a few bytes in a file can make
 * many rows refer to one long value, and memory must not grow with the rows.
 */
#ifndef KM_FORMATS_POOL_H
#define KM_FORMATS_POOL_H

#include "formats/arena.h"
#include "formats/hash.h"

struct pool_slot;

struct pool {
    struct pool_slot *slot; /* a zeroed pool is an empty one */
    size_t slots, strings;
    struct arena arena;
};

/* The pool's copy of `b`, with a zero byte behind it; NULL when memory is short.  hash is borrowed.
 */
const void *pool_keep(struct pool *pool, struct hash *hash, struct bytes b);

/* Gives everything back; the pool is empty and can be used again. */
void pool_free(struct pool *pool);

#endif
