/*
 * Memory that is taken piece by piece and given back all at once: for the many small strings and
 * byte runs that live as long as what they describe.
 */
#ifndef KM_FORMATS_ARENA_H
#define KM_FORMATS_ARENA_H

#include "formats/bytes.h"

struct arena {
    struct arena_block *newest; /* a zeroed arena is an empty one */
};

/* `size` bytes, aligned for any object up to 8 bytes; NULL when memory is short. */
void *arena_take(struct arena *arena, size_t size);

/* A copy of b with a zero byte behind it, so that text can be used as a string; NULL when memory is
 * short. */
void *arena_copy(struct arena *arena, struct bytes b);

/* Gives everything back; the arena is empty and can be used again. */
void arena_free(struct arena *arena);

#endif
