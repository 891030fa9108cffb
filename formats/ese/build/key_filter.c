/*
 * Which primary keys a table has, in memory of a fixed size: index entries that point at no row are
 * left behind, as `eseutil /d` leaves them behind by making every index anew.
 *
 * A Bloom filter: it never denies a row that is there, so that no good entry is dropped; now and
 * then it takes a missing row for one that is there, and then the entry is carried as it was.
 */
#include "formats/ese/build/compact_parts.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    BITS_LEAST = 1 << 16,
    BITS_MOST = 1 << 27, /* 16 MiB */
    BYTES_A_BIT = 16,    /* of the file: a row of 160 bytes has ten bits */
    BLOCK = 64,          /* all probes of a key fall into one cache line */
    PROBES = 4,
    HUGE_PAGE = 2 * 1024 * 1024,
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
    while (bits < file_size / BYTES_A_BIT && bits < BITS_MOST)
        bits *= 2;
    if (filter)
        filter->bit = aligned_alloc(bits / 8 < HUGE_PAGE ? BLOCK : HUGE_PAGE, bits / 8);
    if (filter == NULL || filter->bit == NULL) {
        row_filter_close(filter);
        fault_no_memory(f, "the rows of a table");
        return NULL;
    }
    if (bits / 8 >= HUGE_PAGE)
        madvise(filter->bit, bits / 8, MADV_HUGEPAGE); /* probes are all over it */
    memset(filter->bit, 0, bits / 8);
    filter->mask = bits - 1;
    return filter;
}

void row_filter_close(struct row_filter *filter)
{
    if (filter)
        free(filter->bit);
    free(filter);
}

/* The block of a key; *probes gets nine bits for every probe: its place in the block. */
static uint8_t *block_of(const struct row_filter *filter, struct bytes key, uint64_t *probes)
{
    uint64_t h = hash(key);
    *probes = h >> 28;
    return filter->bit + (h * BLOCK * 8 & filter->mask) / 8;
}

void row_filter_add(struct row_filter *filter, struct bytes key)
{
    uint64_t probes;
    uint8_t *block = block_of(filter, key, &probes);
    for (unsigned i = 0; i < PROBES; i++, probes >>= 9)
        block[probes / 8 % BLOCK] |= (uint8_t)(1 << probes % 8);
}

bool row_filter_may_have(const struct row_filter *filter, struct bytes key)
{
    uint64_t probes;
    const uint8_t *block = block_of(filter, key, &probes);
    for (unsigned i = 0; i < PROBES; i++, probes >>= 9)
        if (!(block[probes / 8 % BLOCK] & 1 << probes % 8))
            return false;
    return true;
}
