/* Memory given back all at once: see arena.h. */
#include "formats/arena.h"

#include <stdlib.h>

/* FIRST: what malloc gives and takes back at the least cost, for most arenas hold little. */
enum { FIRST = 1000, BLOCK = 16 * 1024, ALIGNMENT = 8 };

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    _Alignas(ALIGNMENT) uint8_t memory[];
};

void *arena_take(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block) - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_block *block = arena->newest;
    if (block == NULL || block->size - block->used < size) {
        size_t room = block == NULL && size <= FIRST ? FIRST : size > BLOCK ? size : BLOCK;
        block = malloc(sizeof *block + room);
        if (block == NULL)
            return NULL;
        block->older = arena->newest;
        block->used = 0;
        block->size = room;
        arena->newest = block;
    }
    void *taken = block->memory + block->used;
    block->used += size;
    return taken;
}

void *arena_copy(struct arena *arena, struct bytes b)
{
    uint8_t *copy = arena_take(arena, b.size + 1);
    if (copy == NULL)
        return NULL;
    if (b.size > 0)
        memcpy(copy, b.at, b.size);
    copy[b.size] = 0;
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->newest) {
        struct arena_block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}
