/*
 * The changed pages of a database that is changed: see edit/parts.h.
 *
 * They are held in memory, all of them where the database is changed in place: its old pages have
 * to be kept before a new one is written.  Where a copy is changed, more of them than may be held
 * go into the copy, finished, and are read back from there when they are wanted once more.
 */
#include "formats/ese/edit/parts.h"

#include "formats/array.h"
#include "formats/fileio.h"

#include <stdlib.h>

enum { BUCKETS_LEAST = 4096, BUCKETS_MOST = 1024 * 1024 };

bool inplace_no_memory(struct fault *f)
{
    return fault_no_memory(f, "the pages that change");
}

static struct inplace_page **bucket_of(const struct ese_inplace *ip, uint32_t number)
{
    return &ip->bucket[number % ip->buckets];
}

static struct inplace_page *find(const struct ese_inplace *ip, uint32_t number)
{
    struct inplace_page *page = *bucket_of(ip, number);
    while (page && page->page.number != number)
        page = page->next;
    return page;
}

bool inplace_is_held(const struct ese_inplace *ip, uint32_t number)
{
    return find(ip, number) != NULL;
}

/* ---- pages that went into the copy ---- */

static bool is_written(const struct ese_inplace *ip, uint32_t number)
{
    return number < ip->written_room && (ip->written[number / 8] & 1 << number % 8);
}

static void mark_written(struct ese_inplace *ip, uint32_t number, bool written)
{
    if (is_written(ip, number) != written) {
        ip->written[number / 8] ^= (uint8_t)(1 << number % 8);
        ip->written_pages += written ? 1 : UINT32_MAX;
    }
}

static bool reserve_marks(struct ese_inplace *ip, struct fault *f)
{
    uint32_t room = ip->last / 8 * 8 + 8;
    if (room <= ip->written_room)
        return true;
    uint8_t *more = realloc(ip->written, room / 8);
    if (more == NULL)
        return inplace_no_memory(f);
    memset(more + ip->written_room / 8, 0, (room - ip->written_room) / 8);
    ip->written = more;
    ip->written_room = room;
    return true;
}

static bool write_page(const struct ese_inplace *ip, uint32_t number, const uint8_t *raw,
                       struct fault *f)
{
    return ese_inplace_write_at(*ip->options.copy, ese_page_offset(number, ip->page_size),
                                bytes_of(raw, ip->page_size), f);
}

static struct inplace_page *add(struct ese_inplace *ip, uint32_t number, struct fault *f);
static void take_out(struct ese_inplace *ip, uint32_t number);

static struct inplace_page *read_back(struct ese_inplace *ip, uint32_t number, struct fault *f)
{
    struct inplace_page *page = add(ip, number, f);
    if (page == NULL)
        return NULL;
    size_t got = fileio_read_at(*ip->options.copy, ese_page_offset(number, ip->page_size),
                                page->raw, ip->page_size);
    inplace_changed(page);
    if (got < ip->page_size ||
        ese_checksum_verify(page->page.raw, number).state != ESE_CHECKSUM_GOOD) {
        take_out(ip, number);
        fault_set(f, FAULT_IO, "page %u cannot be read back from the copy", number);
        return NULL;
    }
    return page;
}

/* ---- pages in memory ---- */

static bool changed_page(void *context, uint32_t number, const struct ese_page **page,
                         struct fault *f)
{
    struct ese_inplace *ip = context;
    const struct inplace_page *found = find(ip, number);
    if (found == NULL && is_written(ip, number) && (found = read_back(ip, number, f)) == NULL)
        return false;
    *page = found ? &found->page : NULL;
    return true;
}

bool inplace_store_open(struct ese_inplace *ip)
{
    ip->buckets = BUCKETS_LEAST;
    while (ip->buckets < BUCKETS_MOST && ip->buckets < ip->last)
        ip->buckets *= 2;
    ip->bucket = calloc(ip->buckets, sizeof *ip->bucket);
    if (ip->bucket)
        ese_pages_overlay(ip->db->pages, changed_page, ip, ip->last);
    return ip->bucket != NULL;
}

void inplace_grow_file(struct ese_inplace *ip, uint32_t last)
{
    if (last <= ip->last)
        return;
    ip->last = last;
    ip->summary.size = ((uint64_t)last + 2) * ip->page_size;
    ese_pages_overlay(ip->db->pages, changed_page, ip, last);
}

static void drop(struct inplace_page *page)
{
    free(page->raw);
    free(page);
}

void inplace_store_close(struct ese_inplace *ip)
{
    ese_pages_overlay(ip->db->pages, NULL, NULL, 0);
    for (size_t i = 0; ip->bucket && i < ip->buckets; i++)
        for (struct inplace_page *page = ip->bucket[i], *next; page; page = next) {
            next = page->next;
            drop(page);
        }
    free(ip->bucket);
    free(ip->written);
}

void inplace_changed(struct inplace_page *page)
{
    uint32_t number = page->page.number;
    ese_page_parse(bytes_of(page->raw, page->page.raw.size), number, &page->page);
    page->page.checksum.state = ESE_CHECKSUM_GOOD; /* it gets its own at the end */
}

/* A changed page of this number, with bytes that are all zero. */
static struct inplace_page *add(struct ese_inplace *ip, uint32_t number, struct fault *f)
{
    if (ip->pages >= ip->pages_most && ip->options.copy == NULL) {
        fault_set(f, FAULT_LIMIT,
                  "more than %zu pages would change; a copy (-o NEW) has no such limit",
                  ip->pages_most);
        return NULL;
    }
    struct inplace_page *page = calloc(1, sizeof *page);
    if (page)
        page->raw = calloc(1, ip->page_size);
    if (page == NULL || page->raw == NULL) {
        free(page);
        inplace_no_memory(f);
        return NULL;
    }
    page->page.number = number;
    page->page.raw = bytes_of(page->raw, ip->page_size);
    struct inplace_page **bucket = bucket_of(ip, number);
    page->next = *bucket;
    *bucket = page;
    ip->pages++;
    return page;
}

struct inplace_page *inplace_change(struct ese_inplace *ip, uint32_t number, struct fault *f)
{
    struct inplace_page *page = find(ip, number);
    const struct ese_page *now;
    if (page)
        return page;
    if (!ese_pages_get_sound(ip->db->pages, number, &now, f))
        return NULL;
    page = find(ip, number); /* read back from the copy */
    if (page == NULL && (page = add(ip, number, f)) != NULL) {
        memcpy(page->raw, now->raw.at, ip->page_size);
        inplace_changed(page);
    }
    ese_pages_put(ip->db->pages, now);
    return page;
}

struct inplace_page *inplace_new(struct ese_inplace *ip, uint32_t number, struct fault *f)
{
    struct inplace_page *page = find(ip, number);
    if (page == NULL)
        return add(ip, number, f);
    memset(page->raw, 0, ip->page_size);
    page->form = INPLACE_UNKNOWN;
    return page;
}

static void take_out(struct ese_inplace *ip, uint32_t number)
{
    for (struct inplace_page **link = bucket_of(ip, number); *link; link = &(*link)->next) {
        struct inplace_page *page = *link;
        if (page->page.number != number)
            continue;
        *link = page->next;
        drop(page);
        ip->pages--;
        return;
    }
}

bool inplace_forget(struct ese_inplace *ip, uint32_t number, struct fault *f)
{
    take_out(ip, number);
    if (!is_written(ip, number))
        return true;
    /* The copy gets back what it had; behind the end of the old file, zeros. */
    size_t got = 0;
    memset(ip->before, 0, ip->page_size);
    if (!ese_file_read(ip->db->file, ese_page_offset(number, ip->page_size), ip->before,
                       ip->page_size, &got, f) ||
        !write_page(ip, number, ip->before, f))
        return false;
    mark_written(ip, number, false);
    return true;
}

/* ---- into the copy ---- */

static int by_number(const void *a, const void *b)
{
    const struct inplace_page *const *x = a, *const *y = b;
    return ((*x)->page.number > (*y)->page.number) - ((*x)->page.number < (*y)->page.number);
}

static bool differs(struct ese_inplace *ip, const struct inplace_page *page, bool *yes,
                    struct fault *f)
{
    size_t got = 0;
    *yes = true;
    if (is_written(ip, page->page.number))
        return true; /* it has its new time there */
    if (!ese_file_read(ip->db->file, ese_page_offset(page->page.number, ip->page_size), ip->before,
                       ip->page_size, &got, f))
        return false;
    *yes = !bytes_equal(bytes_of(ip->before, got), page->page.raw);
    return true;
}

bool inplace_list_pages(struct ese_inplace *ip, struct fault *f)
{
    free(ip->sorted);
    ip->listed = 0;
    ip->sorted = malloc((ip->pages + 1) * sizeof(struct inplace_page *));
    if (ip->sorted == NULL)
        return inplace_no_memory(f);
    for (size_t i = 0; i < ip->buckets; i++)
        for (struct inplace_page *page = ip->bucket[i]; page; page = page->next) {
            bool yes;
            if (!differs(ip, page, &yes, f))
                return false;
            if (yes)
                ip->sorted[ip->listed++] = page;
        }
    if (ip->listed > 0)
        qsort(ip->sorted, ip->listed, sizeof(struct inplace_page *), by_number);
    return true;
}

void inplace_seal(const struct ese_inplace *ip, struct inplace_page *page)
{
    uint32_t flags = page->page.flags & ~(uint32_t)ESE_PAGE_SCRUBBED;
    bytes_put_le32(page->raw + ESE_PAGE_FLAGS_AT, flags);
    bytes_put_le64(page->raw + ESE_PAGE_DBTIME_AT, ip->time + 1);
    ese_checksum_set(page->raw, ip->page_size, page->page.number);
    inplace_changed(page);
}

static void empty(struct ese_inplace *ip)
{
    for (size_t i = 0; i < ip->buckets; i++) {
        for (struct inplace_page *page = ip->bucket[i], *next; page; page = next) {
            next = page->next;
            drop(page);
        }
        ip->bucket[i] = NULL;
    }
    ip->pages = 0;
}

bool inplace_make_room(struct ese_inplace *ip, struct fault *f)
{
    if (ip->options.copy == NULL || ip->pages < ip->pages_most)
        return true;
    if (!inplace_list_pages(ip, f) || !inplace_last_time(ip, f) || !reserve_marks(ip, f))
        return false;
    for (size_t i = 0; i < ip->listed; i++) {
        struct inplace_page *page = ip->sorted[i];
        inplace_seal(ip, page);
        if (!write_page(ip, page->page.number, page->raw, f))
            return false;
        mark_written(ip, page->page.number, true);
    }
    empty(ip);
    ip->listed = 0;
    return true;
}

uint32_t inplace_count_changed(const struct ese_inplace *ip)
{
    uint32_t count = ip->written_pages;
    for (size_t i = 0; i < ip->listed; i++)
        count += !is_written(ip, ip->sorted[i]->page.number);
    return count;
}

bool inplace_is_changed(const struct ese_inplace *ip, uint32_t number)
{
    struct halving h = {.high = ip->listed};
    while (halving_next(&h))
        halving_go(&h, ip->sorted[h.middle]->page.number < number);
    return (h.low < ip->listed && ip->sorted[h.low]->page.number == number) ||
           is_written(ip, number);
}
