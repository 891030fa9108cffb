/* Sets of pages for the structural check: see check/parts.h. */
#include "formats/ese/check/parts.h"

#include "formats/array.h"

#include <stdlib.h>

/* Bits first..last of one word. */
static uint64_t word_mask(uint32_t word, uint32_t first, uint32_t last)
{
    uint64_t mask = ~(uint64_t)0;
    if (word == first / 64)
        mask &= ~(uint64_t)0 << first % 64;
    if (word == last / 64)
        mask &= ~(uint64_t)0 >> (63 - last % 64);
    return mask;
}

static bool clip(const struct check_bits *bits, const struct ese_extent *extent, uint32_t *last)
{
    if (extent->count == 0 || extent->first > bits->last)
        return false;
    *last = ese_extent_last(extent) < bits->last ? ese_extent_last(extent) : bits->last;
    return true;
}

void check_set_bits(struct check_bits *bits, const struct ese_extent *extent)
{
    uint32_t last;
    if (!clip(bits, extent, &last))
        return;
    for (uint32_t word = extent->first / 64; word <= last / 64; word++)
        bits->word[word] |= word_mask(word, extent->first, last);
}

uint32_t check_first_bit(const struct check_bits *bits, const struct ese_extent *extent)
{
    uint32_t last;
    if (!clip(bits, extent, &last))
        return 0;
    for (uint32_t word = extent->first / 64; word <= last / 64; word++) {
        uint64_t found = bits->word[word] & word_mask(word, extent->first, last);
        if (found)
            return word * 64 + (uint32_t)__builtin_ctzll(found);
    }
    return 0;
}

/* Index of the first extent that does not end before `page`. */
static size_t find(struct check_extents *list, uint32_t page)
{
    if (list->hint < list->count) {
        const struct ese_extent *e = &list->extent[list->hint];
        if (e->first <= page && page <= ese_extent_last(e))
            return list->hint;
    }
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ese_extent_last(&list->extent[middle]) < page)
            low = middle + 1;
        else
            high = middle;
    }
    list->hint = low;
    return low;
}

bool check_extents_add(struct check_extents *list, struct ese_extent extent)
{
    if (!array_reserve(&list->extent, &list->room, list->count + 1, sizeof *list->extent))
        return false;
    list->extent[list->count++] = extent;
    return true;
}

void check_extents_free(struct check_extents *list)
{
    free(list->extent);
    *list = (struct check_extents){.count = 0};
}

bool check_extents_have(struct check_extents *list, uint32_t page)
{
    size_t i = find(list, page);
    return i < list->count && list->extent[i].first <= page;
}

bool check_extents_cover(struct check_extents *list, const struct ese_extent *extent)
{
    if (extent->count == 0)
        return true;
    uint32_t last = ese_extent_last(extent);
    if (!check_extents_have(list, extent->first))
        return false;
    for (size_t i = list->hint; ese_extent_last(&list->extent[i]) < last; i++)
        if (i + 1 == list->count ||
            list->extent[i + 1].first > ese_extent_last(&list->extent[i]) + 1)
            return false;
    return true;
}
