/* The page cache: see pages.h. */
#include "formats/ese/read/pages.h"

#include <stdlib.h>

enum {
    CACHE_BYTES = 8 * 1024 * 1024,
    READ_AHEAD_BYTES = 64 * 1024, /* one read fetches the aligned neighbourhood of a page */
    NO_FRAME = -1,
};

/* A place for one page.  Frames with the same hash are chained. */
struct frame {
    struct ese_page page; /* must stay first: ese_pages_put() goes back from page to frame */
    uint32_t held;
    bool filled, used_lately;
    int32_t next; /* in the hash chain */
};

struct ese_pages {
    struct ese_file *file;
    uint32_t page_size, last, frames, hand, buckets;
    struct frame *frame;
    int32_t *bucket;
    uint8_t *memory;
    uint8_t *ahead; /* READ_AHEAD_BYTES */
    void (*tell_corrected)(void *context, uint32_t page, uint32_t bit);
    void *tell_context;
    ese_pages_changed *changed; /* see ese_pages_overlay() */
    void *changed_context;
    uint32_t last_in_file;
};

static uint32_t pages_in(const struct ese_file *file, uint32_t page_size)
{
    uint64_t whole = ese_file_size(file) / page_size;
    if (whole < 2)
        return 0; /* the two headers stand before page 1 */
    return whole - 2 < UINT32_MAX ? (uint32_t)(whole - 2) : UINT32_MAX - 1;
}

bool ese_pages_open(struct ese_file *file, uint32_t page_size, struct ese_pages **out,
                    struct fault *f)
{
    struct ese_pages *p = calloc(1, sizeof *p);
    if (p == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    p->file = file;
    p->page_size = page_size;
    p->last = p->last_in_file = pages_in(file, page_size);
    p->frames = CACHE_BYTES / page_size;
    if (p->frames > p->last)
        p->frames = p->last + 1; /* a small file needs no more */
    p->buckets = p->frames * 2;
    p->frame = calloc(p->frames, sizeof *p->frame);
    p->bucket = malloc(p->buckets * sizeof *p->bucket);
    p->memory = aligned_alloc(64, (size_t)p->frames * page_size);
    p->ahead = aligned_alloc(64, READ_AHEAD_BYTES);
    if (p->frame == NULL || p->bucket == NULL || p->memory == NULL || p->ahead == NULL) {
        ese_pages_close(p);
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the page cache");
    }
    for (uint32_t i = 0; i < p->buckets; i++)
        p->bucket[i] = NO_FRAME;
    *out = p;
    return true;
}

void ese_pages_close(struct ese_pages *p)
{
    if (p == NULL)
        return;
    free(p->frame);
    free(p->bucket);
    free(p->memory);
    free(p->ahead);
    free(p);
}

uint32_t ese_pages_size(const struct ese_pages *p)
{
    return p->page_size;
}

uint32_t ese_pages_last(const struct ese_pages *p)
{
    return p->last;
}

void ese_pages_on_corrected(struct ese_pages *p, void (*tell)(void *, uint32_t, uint32_t),
                            void *context)
{
    p->tell_corrected = tell;
    p->tell_context = context;
}

void ese_pages_overlay(struct ese_pages *p, ese_pages_changed *changed, void *context,
                       uint32_t last)
{
    p->changed = changed;
    p->changed_context = context;
    p->last = changed && last > p->last_in_file ? last : p->last_in_file;
}

static int32_t *bucket_of(struct ese_pages *p, uint32_t number)
{
    return &p->bucket[number % p->buckets];
}

static int32_t find(struct ese_pages *p, uint32_t number)
{
    int32_t i = *bucket_of(p, number);
    while (i != NO_FRAME && p->frame[i].page.number != number)
        i = p->frame[i].next;
    return i;
}

static void unchain(struct ese_pages *p, int32_t i)
{
    int32_t *link = bucket_of(p, p->frame[i].page.number);
    while (*link != i)
        link = &p->frame[*link].next;
    *link = p->frame[i].next;
}

/* The clock rule: a frame that is held stays, one that was used lately gets a second chance. */
static int32_t make_room(struct ese_pages *p)
{
    for (uint32_t tries = 0; tries < 2 * p->frames; tries++) {
        int32_t i = (int32_t)p->hand;
        struct frame *frame = &p->frame[i];
        p->hand = (p->hand + 1) % p->frames;
        if (frame->held > 0)
            continue;
        if (frame->filled && frame->used_lately) {
            frame->used_lately = false;
            continue;
        }
        if (frame->filled)
            unchain(p, i);
        frame->filled = false;
        return i;
    }
    return NO_FRAME;
}

/* Puts the bytes of one page into a frame, judged and, after a single flipped bit, corrected. */
static int32_t fill(struct ese_pages *p, uint32_t number, const uint8_t *from)
{
    int32_t i = make_room(p);
    if (i == NO_FRAME)
        return i;
    uint8_t *to = p->memory + (size_t)i * p->page_size;
    memcpy(to, from, p->page_size);
    struct bytes raw = bytes_of(to, p->page_size);
    struct ese_checksum_verdict verdict = ese_checksum_verify(raw, number);
    if (verdict.state == ESE_CHECKSUM_ONE_BIT) {
        to[verdict.bit / 8] ^= (uint8_t)(1 << verdict.bit % 8);
        if (p->tell_corrected)
            p->tell_corrected(p->tell_context, number, verdict.bit);
    }
    struct frame *frame = &p->frame[i];
    ese_page_parse(raw, number, &frame->page);
    frame->page.checksum = verdict;
    frame->filled = true;
    frame->used_lately = false;
    frame->held = 0;
    frame->next = *bucket_of(p, number);
    *bucket_of(p, number) = i;
    return i;
}

/* Reads `number` and, as they come with it, those of its neighbours that are not cached yet. */
static int32_t read_around(struct ese_pages *p, uint32_t number, struct fault *f)
{
    uint32_t per_read = READ_AHEAD_BYTES / p->page_size;
    uint32_t first = number - number % per_read;
    if (first == 0)
        first = 1;
    size_t got;
    uint64_t offset = ((uint64_t)first + 1) * p->page_size;
    if (!ese_file_read(p->file, offset, p->ahead, READ_AHEAD_BYTES, &got, f)) {
        /* A bad sector among the neighbours must not take this page with it. */
        first = number;
        per_read = 1;
        offset = ((uint64_t)number + 1) * p->page_size;
        if (!ese_file_read(p->file, offset, p->ahead, p->page_size, &got, f)) {
            fault_context(f, "page %u", number);
            return NO_FRAME;
        }
    }
    int32_t wanted = NO_FRAME;
    for (uint32_t n = first; n < first + per_read && n <= p->last; n++) {
        size_t at = (size_t)(n - first) * p->page_size;
        if (at + p->page_size > got || (n != number && find(p, n) != NO_FRAME))
            continue;
        int32_t i = fill(p, n, p->ahead + at);
        if (n == number && i != NO_FRAME) {
            wanted = i;
            p->frame[i].held++; /* against being thrown out by the neighbours that follow */
        }
    }
    if (wanted != NO_FRAME)
        p->frame[wanted].held--;
    else if ((size_t)(number - first + 1) * p->page_size > got)
        fault_set(f, FAULT_IO, "page %u: the file became shorter while it was read; get it again",
                  number);
    else
        fault_set(f, FAULT_LIMIT, "page %u: the page cache is full of pages in use", number);
    return wanted;
}

bool ese_pages_get(struct ese_pages *p, uint32_t number, const struct ese_page **page,
                   struct fault *f)
{
    if (number == 0 || number > p->last)
        return fault_set(f, FAULT_DAMAGED, "page %u is not in the file: its last page is %u",
                         number, p->last);
    *page = NULL;
    if (p->changed && (!p->changed(p->changed_context, number, page, f) || *page != NULL))
        return *page != NULL;
    if (number > p->last_in_file)
        return fault_set(f, FAULT_DAMAGED, "page %u was never written: the file grew by it",
                         number);
    int32_t i = find(p, number);
    if (i == NO_FRAME)
        i = read_around(p, number, f);
    if (i == NO_FRAME)
        return false;
    p->frame[i].held++;
    p->frame[i].used_lately = true;
    *page = &p->frame[i].page;
    return true;
}

void ese_pages_put(struct ese_pages *p, const struct ese_page *page)
{
    struct frame *frame = (struct frame *)(uintptr_t)page;
    if (frame >= p->frame && frame < p->frame + p->frames) /* a changed page is not the cache's */
        frame->held--;
}

bool ese_pages_get_sound(struct ese_pages *p, uint32_t number, const struct ese_page **page,
                         struct fault *f)
{
    const struct ese_page *got;
    if (!ese_pages_get(p, number, &got, f))
        return false;
    const struct ese_checksum_verdict *sum = &got->checksum;
    switch (sum->state) {
    case ESE_CHECKSUM_GOOD:
    case ESE_CHECKSUM_ONE_BIT:
        *page = got;
        return true;
    case ESE_CHECKSUM_BAD:
        fault_set(f, FAULT_DAMAGED, "page %u has a wrong checksum: stored 0x%08x, computed 0x%08x",
                  number, sum->found, sum->expected);
        break;
    case ESE_CHECKSUM_NUMBER:
        fault_set(f, FAULT_DAMAGED, "page %u carries the number of another page: %u", number,
                  sum->found);
        break;
    case ESE_CHECKSUM_ZERO:
        fault_set(f, FAULT_DAMAGED, "page %u was never written: all of its bytes are zero", number);
        break;
    }
    ese_pages_put(p, got);
    return false;
}
