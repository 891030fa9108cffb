/*
 * Arrays that grow by doubling, so that adding one element after the other stays linear.
 */
#ifndef KM_FORMATS_ARRAY_H
#define KM_FORMATS_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room for at least `wanted` elements of `size` bytes; *room is how many there is room for.
 * array: the address of the pointer to them, whatever its type; it is NULL where there is no array
 * yet, moves, and is the caller's to free.  What is behind the elements in use has no value. False,
 * with everything unchanged, when memory is short. */
bool array_reserve(void *array, size_t *room, size_t wanted, size_t size);

/* The same for one element behind the `count` in use: returns that one, or NULL. */
void *array_next(void *array, size_t count, size_t *room, size_t size);

/* A search in what is in order: each place that it asks about, in `middle`, comes before what is
 * looked for, or it does not; at the end `low` is the first that does not, or where the last ends.
 *
 *     struct halving h = {.high = count};
 *     while (halving_next(&h))
 *         halving_go(&h, number[h.middle] < wanted);
 */
struct halving {
    size_t low, high, middle;
};

static inline bool halving_next(struct halving *h)
{
    h->middle = h->low + (h->high - h->low) / 2;
    return h->low < h->high;
}

static inline void halving_go(struct halving *h, bool before)
{
    if (before)
        h->low = h->middle + 1;
    else
        h->high = h->middle;
}

/* The first of `count` elements of `size` bytes, ascending by a number of 32 bits that each has at
 * byte `at`, whose number is not below `number`; count: there is none. */
size_t array_first_u32(const void *array, size_t count, size_t size, size_t at, uint32_t number);

/* For qsort() and bsearch(): numbers of 64 bits, ascending. */
int array_by_u64(const void *x, const void *y);

#endif
