/* The changed pages of a database that is changed in place: see edit/parts.h. */
#include "formats/ese/edit/parts.h"

#include <stdlib.h>

enum { BUCKETS = 4096 };

bool inplace_no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for the pages that change");
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

static const struct ese_page *changed_page(void *context, uint32_t number)
{
    const struct inplace_page *page = find(context, number);
    return page ? &page->page : NULL;
}

bool inplace_store_open(struct ese_inplace *ip)
{
    ip->buckets = BUCKETS;
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
    if (ip->pages == ip->pages_most) {
        fault_set(f, FAULT_LIMIT,
                  "more than %zu pages would change; a rebuilt copy (-o NEW) has no such limit",
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
    page = add(ip, number, f);
    if (page) {
        memcpy(page->raw, now->raw.at, ip->page_size);
        inplace_changed(page);
    }
    ese_pages_put(ip->db->pages, now);
    return page;
}

struct inplace_page *inplace_new(struct ese_inplace *ip, uint32_t number, struct fault *f)
{
    struct inplace_page *page = find(ip, number);
    if (page)
        memset(page->raw, 0, ip->page_size);
    else
        page = add(ip, number, f);
    return page;
}

void inplace_forget(struct ese_inplace *ip, uint32_t number)
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
