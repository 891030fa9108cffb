/*
 * Which primary keys a table has, in memory of a fixed size: index entries that point at no row are
 * left behind, as `eseutil /d` leaves them behind by making every index anew.
 *
 * A Bloom filter: it never denies a row that is there, so that no good entry is dropped; now and
 * then it takes a missing row for one that is there, and then the entry is carried as it was.
 */
#include "formats/ese/compact_internal.h"

#include <stdlib.h>

enum {
    BITS_LEAST = 1 << 16,
    BITS_MOST = 1 << 27, /* 16 MiB; a million keys then collide once in millions of entries */
    PROBES = 4,
};

struct row_filter {
    uint8_t *bit;
    uint64_t mask;
};

static uint64_t hash(struct bytes key)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ key.size;
    for (size_t i = 0; i < key.size; i++)
        h = (h ^ key.at[i]) * 0x100000001b3u;
    h = (h ^ h >> 32) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 29;
}

struct row_filter *row_filter_open(uint64_t file_size, struct fault *f)
{
    struct row_filter *filter = calloc(1, sizeof *filter);
    uint64_t bits = BITS_LEAST;
    while (bits < file_size / 2 && bits < BITS_MOST)
        bits *= 2;
    if (filter)
        filter->bit = calloc(bits / 8, 1);
    if (filter == NULL || filter->bit == NULL) {
        row_filter_close(filter);
        fault_set(f, FAULT_NO_MEMORY, "out of memory for the rows of a table");
        return NULL;
    }
    filter->mask = bits - 1;
    return filter;
}

void row_filter_close(struct row_filter *filter)
{
    if (filter)
        free(filter->bit);
    free(filter);
}

void row_filter_add(struct row_filter *filter, struct bytes key)
{
    uint64_t h = hash(key), step = (h >> 32) | 1;
    for (unsigned i = 0; i < PROBES; i++, h += step)
        filter->bit[(h & filter->mask) / 8] |= (uint8_t)(1 << (h & 7));
}

bool row_filter_may_have(const struct row_filter *filter, struct bytes key)
{
    uint64_t h = hash(key), step = (h >> 32) | 1;
    for (unsigned i = 0; i < PROBES; i++, h += step)
        if (!(filter->bit[(h & filter->mask) / 8] & 1 << (h & 7)))
            return false;
    return true;
}
