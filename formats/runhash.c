/* Hashes of runs of bytes: see runhash.h. */
#include "formats/runhash.h"

#include "formats/array.h"

#include <stdlib.h>
#include <unistd.h>

enum { PRIME_BITS = 61, MARK_EVERY = 64 };

static const uint64_t prime = ((uint64_t)1 << PRIME_BITS) - 1;

/* A number below 2^124, modulo the prime: 2^61 counts as 1. */
static uint64_t reduce(unsigned __int128 number)
{
    uint64_t sum = (uint64_t)(number & prime) + (uint64_t)(number >> PRIME_BITS);
    sum = (sum & prime) + (sum >> PRIME_BITS);
    return sum >= prime ? sum - prime : sum;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    return reduce((unsigned __int128)a * b);
}

void runhash_open(struct runhash *r)
{
    uint64_t place = 0x9e3779b97f4a7c15;
    *r = (struct runhash){.value.size = 0};
    (void)!getentropy(&place, sizeof place);
    place = place % (prime - 2) + 2;
    r->power[0] = 1;
    for (unsigned i = 1; i <= RUNHASH_EIGHT; i++)
        r->power[i] = times(r->power[i - 1], place);
    r->doubled[0] = place;
    for (unsigned i = 1; i < RUNHASH_POWERS; i++)
        r->doubled[i] = times(r->doubled[i - 1], r->doubled[i - 1]);
}

void runhash_close(struct runhash *r)
{
    free(r->mark);
    r->mark = NULL;
}

/* The hash of all that `before` is the hash of, with b behind it. */
static uint64_t go_on(const struct runhash *r, uint64_t before, struct bytes b)
{
    size_t at = 0;
    for (; b.size - at >= RUNHASH_EIGHT; at += RUNHASH_EIGHT) {
        unsigned __int128 sum = (unsigned __int128)before * r->power[RUNHASH_EIGHT];
        for (unsigned i = 0; i < RUNHASH_EIGHT; i++)
            sum += (unsigned __int128)b.at[at + i] * r->power[RUNHASH_EIGHT - 1 - i];
        before = reduce(sum);
    }
    for (; at < b.size; at++)
        before = reduce((unsigned __int128)before * r->power[1] + b.at[at]);
    return before;
}

uint64_t runhash_of(const struct runhash *r, struct bytes b)
{
    return go_on(r, 0, b);
}

bool runhash_take(struct runhash *r, struct bytes value)
{
    bool room = array_reserve(&r->mark, &r->room, value.size / MARK_EVERY + 1, sizeof *r->mark);
    r->value = (struct bytes){.size = 0};
    if (!room)
        return false;
    r->value = value;
    r->mark[0] = 0;
    for (size_t i = 0; i < value.size / MARK_EVERY; i++)
        r->mark[i + 1] = go_on(r, r->mark[i], bytes_of(value.at + i * MARK_EVERY, MARK_EVERY));
    return true;
}

/* The hash of the value's first `size` bytes. */
static uint64_t front(const struct runhash *r, size_t size)
{
    size_t marked = size / MARK_EVERY * MARK_EVERY;
    return go_on(r, r->mark[size / MARK_EVERY], bytes_of(r->value.at + marked, size - marked));
}

static uint64_t power_of(const struct runhash *r, size_t exponent)
{
    uint64_t power = 1;
    for (unsigned i = 0; exponent > 0; i++, exponent /= 2)
        if (exponent % 2)
            power = times(power, r->doubled[i]);
    return power;
}

uint64_t runhash_run(const struct runhash *r, size_t at, size_t size)
{
    uint64_t before = times(front(r, at), power_of(r, size)), all = front(r, at + size);
    return all >= before ? all - before : all + prime - before;
}
