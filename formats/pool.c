/* Byte strings that are kept once each: see pool.h. */
#include "formats/pool.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 64 };

/* A hash that nobody can choose strings for. */
struct pool_slot {
    uint8_t sha256[HASH_SHA256_SIZE];
    const uint8_t *at; /* NULL: free */
};

static size_t place_of(const struct pool *pool, const uint8_t *sha256)
{
    uint64_t number;
    memcpy(&number, sha256, sizeof number);
    size_t i = number & (pool->slots - 1);
    while (pool->slot[i].at && memcmp(pool->slot[i].sha256, sha256, HASH_SHA256_SIZE) != 0)
        i = (i + 1) & (pool->slots - 1);
    return i;
}

static bool grow(struct pool *pool)
{
    struct pool larger = {.slots = pool->slots ? pool->slots * 2 : SLOTS_FIRST};
    larger.slot = calloc(larger.slots, sizeof *larger.slot);
    if (larger.slot == NULL)
        return false;
    for (size_t i = 0; i < pool->slots; i++)
        if (pool->slot[i].at)
            larger.slot[place_of(&larger, pool->slot[i].sha256)] = pool->slot[i];
    free(pool->slot);
    pool->slot = larger.slot;
    pool->slots = larger.slots;
    return true;
}

const void *pool_keep(struct pool *pool, struct hash *hash, struct bytes b)
{
    uint8_t sha256[HASH_SHA256_SIZE];
    if (2 * pool->strings >= pool->slots && !grow(pool))
        return NULL;
    hash_sha256(hash, b, sha256);
    struct pool_slot *slot = &pool->slot[place_of(pool, sha256)];
    if (slot->at)
        return slot->at;
    slot->at = arena_copy(&pool->arena, b);
    if (slot->at == NULL)
        return NULL;
    memcpy(slot->sha256, sha256, sizeof sha256);
    pool->strings++;
    return slot->at;
}

void pool_free(struct pool *pool)
{
    free(pool->slot);
    arena_free(&pool->arena);
    *pool = (struct pool){.slots = 0};
}
