/* The page cache: see pages.h. */
#include "formats/ese/read/pages.h"

#include <stdlib.h>

enum {
    CACHE_BYTES = 8 * 1024 * 1024,
    READ_AHEAD_BYTES = 64 * 1024, /* one read fetches the aligned neighbourhood of a page */
    READ_AHEAD_MOST = READ_AHEAD_BYTES / ESE_PAGE_SIZE_MIN,
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
    void (*tell_corrected)(void *context, uint32_t page, uint32_t bit);
    void *tell_context;
    ese_pages_changed *changed; /* see ese_pages_overlay() */
    void *changed_context;
    uint32_t last_in_file;
    bool reserve_one;
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
        return fault_no_memory(f, NULL);
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
    if (p->frame == NULL || p->bucket == NULL || p->memory == NULL) {
        ese_pages_close(p);
        return fault_no_memory(f, "the page cache");
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

void ese_pages_reserve_one(struct ese_pages *p)
{
    p->reserve_one = true;
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

static uint8_t *memory_of(const struct ese_pages *p, int32_t frame)
{
    return p->memory + (size_t)frame * p->page_size;
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

void ese_pages_judge(uint8_t *at, size_t size, uint32_t number, struct ese_page *page)
{
    struct bytes raw = bytes_of(at, size);
    struct ese_checksum_verdict verdict = ese_checksum_verify(raw, number);
    if (verdict.state == ESE_CHECKSUM_ONE_BIT)
        at[verdict.bit / 8] ^= (uint8_t)(1 << verdict.bit % 8);
    ese_page_parse(raw, number, page);
    page->checksum = verdict;
}

/* Takes up the page whose bytes were read into the frame. */
static void fill(struct ese_pages *p, int32_t i, uint32_t number)
{
    struct frame *frame = &p->frame[i];
    ese_pages_judge(memory_of(p, i), p->page_size, number, &frame->page);
    if (p->reserve_one)
        frame->page.reserved = 1;
    if (frame->page.checksum.state == ESE_CHECKSUM_ONE_BIT && p->tell_corrected)
        p->tell_corrected(p->tell_context, number, frame->page.checksum.bit);
    frame->filled = true;
    frame->used_lately = true; /* or frames would go one by one, not in runs for one read */
    frame->next = *bucket_of(p, number);
    *bucket_of(p, number) = i;
}

/* What one read around a page is to fetch: pages in ascending order, and frames for them that are
 * held against each other until the end. */
struct fetch {
    uint32_t number[READ_AHEAD_MOST];
    int32_t frame[READ_AHEAD_MOST];
    unsigned count;
};

/* Page `number` and those of its neighbours that are not cached yet, as far as there is room; the
 * page itself first of all.  per_read: how many are neighbours; 1: none. */
static void choose(struct ese_pages *p, uint32_t number, uint32_t per_read, struct fetch *fetch)
{
    uint32_t first = number - number % per_read;
    unsigned rooms = 0;
    fetch->count = 0;
    for (uint32_t n = first ? first : 1; n < first + per_read && n <= p->last_in_file; n++)
        if (n == number || find(p, n) == NO_FRAME)
            fetch->number[fetch->count++] = n;
    while (rooms < fetch->count && (fetch->frame[rooms] = make_room(p)) != NO_FRAME)
        p->frame[fetch->frame[rooms++]].held = 1;
    if (rooms < fetch->count) {
        for (unsigned i = 1; i < rooms; i++)
            p->frame[fetch->frame[i]].held = 0;
        fetch->number[0] = number;
        fetch->count = rooms > 0;
    }
}

/* How many pages from the i-th on follow each other in the file and in memory. */
static unsigned run_from(const struct fetch *fetch, unsigned i)
{
    unsigned run = 1;
    while (i + run < fetch->count && fetch->number[i + run] == fetch->number[i] + run &&
           fetch->frame[i + run] == fetch->frame[i] + (int32_t)run)
        run++;
    return run;
}

/* Reads a run, and takes up what came of it whole.  True when nothing went wrong: the file may
 * still have ended. */
static bool read_run(struct ese_pages *p, const struct fetch *fetch, unsigned first, unsigned run,
                     struct fault *f)
{
    size_t got;
    uint64_t offset = ese_page_offset(fetch->number[first], p->page_size);
    if (!ese_file_read(p->file, offset, memory_of(p, fetch->frame[first]),
                       (size_t)run * p->page_size, &got, f))
        return false;
    for (unsigned i = 0; i < run && (i + 1) * (size_t)p->page_size <= got; i++)
        fill(p, fetch->frame[first + i], fetch->number[first + i]);
    return true;
}

/* Reads a run that has page `number`, or one without it: that one may fail. */
static bool read_wanted(struct ese_pages *p, const struct fetch *fetch, unsigned first,
                        unsigned run, uint32_t number, struct fault *f)
{
    bool has = number - fetch->number[first] < run;
    if (read_run(p, fetch, first, run, has && run == 1 ? f : NULL))
        return true;
    /* A bad sector among the neighbours must not take this page with it. */
    return !has || (run > 1 && read_run(p, fetch, first + number - fetch->number[first], 1, f));
}

/* Reads `number` and, as they come with it, those of its neighbours that are not cached yet. */
static int32_t read_around(struct ese_pages *p, uint32_t number, uint32_t per_read, struct fault *f)
{
    struct fetch fetch;
    bool ok = true;
    choose(p, number, per_read, &fetch);
    for (unsigned i = 0, run; i < fetch.count; i += run) {
        run = run_from(&fetch, i);
        ok = read_wanted(p, &fetch, i, run, number, f) && ok;
    }
    for (unsigned i = 0; i < fetch.count; i++)
        p->frame[fetch.frame[i]].held = 0;
    int32_t wanted = find(p, number);
    if (!ok)
        fault_context(f, "page %u", number);
    else if (fetch.count == 0)
        fault_set(f, FAULT_LIMIT, "page %u: the page cache is full of pages in use", number);
    else if (wanted == NO_FRAME)
        fault_set(f, FAULT_IO, "page %u: the file became shorter while it was read; get it again",
                  number);
    return wanted;
}

static bool get(struct ese_pages *p, uint32_t number, uint32_t per_read,
                const struct ese_page **page, struct fault *f)
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
        i = read_around(p, number, per_read, f);
    if (i == NO_FRAME)
        return false;
    p->frame[i].held++;
    p->frame[i].used_lately = true;
    *page = &p->frame[i].page;
    return true;
}

bool ese_pages_get(struct ese_pages *p, uint32_t number, const struct ese_page **page,
                   struct fault *f)
{
    return get(p, number, READ_AHEAD_BYTES / p->page_size, page, f);
}

bool ese_pages_get_alone(struct ese_pages *p, uint32_t number, const struct ese_page **page,
                         struct fault *f)
{
    return get(p, number, 1, page, f);
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
