/* Reading and judging single pages: see check/parts.h. */
#include "formats/ese/check/parts.h"

#include <stdlib.h>

enum { TAG_SIZE = 4, SMALL_TAG = 0x1fff, LARGE_TAG = 0x7fff, WORD_BITS = 64 };

/* ---- reading ---- */

/* Tells a checksum that is not good.  True when the page can be used all the same. */
static bool judge_checksum(struct check *c, const struct ese_page *page, enum check_use use)
{
    const struct ese_checksum_verdict *sum = &page->checksum;
    const char *note = use == CHECK_AVAILABLE ? "; no tree reaches the page" : "";
    void (*tell)(struct check *, enum ese_rule, uint32_t, int, const char *, ...)
        __attribute__((format(printf, 5, 6))) = use == CHECK_AVAILABLE ? check_advise : check_found;
    switch (sum->state) {
    case ESE_CHECKSUM_GOOD:
        return true;
    case ESE_CHECKSUM_ONE_BIT:
        tell(c, ESE_RULE_PAGE_BIT, page->number, CHECK_NO_TAG,
             "bit %u of byte %u is flipped (bit %u of the page)%s", sum->bit % 8, sum->bit / 8,
             sum->bit, note);
        return true;
    case ESE_CHECKSUM_BAD:
        tell(c, ESE_RULE_PAGE_CHECKSUM, page->number, CHECK_NO_TAG,
             "expected checksum 0x%08x, found 0x%08x%s", sum->expected, sum->found, note);
        return false;
    case ESE_CHECKSUM_NUMBER:
        tell(c, ESE_RULE_PAGE_NUMBER, page->number, CHECK_NO_TAG,
             "expected page number %u, found %u%s", sum->expected, sum->found, note);
        return false;
    case ESE_CHECKSUM_ZERO:
        if (use == CHECK_IN_TREE)
            tell(c, ESE_RULE_PAGE_ZERO, page->number, CHECK_NO_TAG,
                 "expected a page in use, found only zeros%s",
                 page->number == ESE_PGNO_ROOT
                     ? ": the database's root, which says which pages are owned and which are free"
                     : "");
        else
            c->summary->pages_never_used++;
        return false;
    }
    return false;
}

static bool judge_number(struct check *c, const struct ese_page *page)
{
    uint32_t own = 0;
    bytes_le32(page->raw, ESE_PAGE_NUMBER_AT, &own);
    if (ese_page_is_small(page) || own == page->number)
        return true;
    check_found(c, ESE_RULE_PAGE_NUMBER, page->number, CHECK_NO_TAG,
                "expected page number %u, found %u", page->number, own);
    return false;
}

/* Takes up a page whose bytes were read to raw. */
static bool take(struct check *c, uint32_t number, uint8_t *raw, struct ese_page *page,
                 enum check_use use)
{
    struct bytes b = bytes_of(raw, c->page_size);
    c->summary->pages_read++;
    struct ese_checksum_verdict sum = ese_checksum_verify(b, number);
    if (sum.state == ESE_CHECKSUM_ONE_BIT)
        raw[sum.bit / 8] ^= (uint8_t)(1 << sum.bit % 8);
    ese_page_parse(b, number, page);
    page->checksum = sum;
    return judge_checksum(c, page, use) && (use != CHECK_IN_TREE || judge_number(c, page));
}

static bool read_raw(struct check *c, uint32_t number, uint8_t *raw)
{
    struct fault f = {.code = FAULT_NONE};
    size_t got = 0;
    if (ese_file_read(c->file, ese_page_offset(number, c->page_size), raw, c->page_size, &got,
                      &f) &&
        got == c->page_size)
        return true;
    check_found(c, ESE_RULE_PAGE_READ, number, CHECK_NO_TAG, "the page cannot be read: %s",
                f.code == FAULT_NONE ? "the file ends in it" : f.text);
    return false;
}

bool check_read_page(struct check *c, uint32_t number, uint8_t *raw, struct ese_page *page)
{
    return read_raw(c, number, raw) && take(c, number, raw, page, CHECK_IN_TREE);
}

bool check_peek_page(struct check *c, uint32_t number, struct ese_page *page)
{
    size_t got = 0;
    struct bytes raw = bytes_of(c->single_memory, c->page_size);
    if (number == 0 || number > c->last ||
        !ese_file_read(c->file, ese_page_offset(number, c->page_size), c->single_memory,
                       c->page_size, &got, NULL) ||
        got != c->page_size)
        return false;
    struct ese_checksum_verdict sum = ese_checksum_verify(raw, number);
    if (sum.state == ESE_CHECKSUM_ONE_BIT)
        c->single_memory[sum.bit / 8] ^= (uint8_t)(1 << sum.bit % 8);
    ese_page_parse(raw, number, page);
    page->checksum = sum;
    return (sum.state == ESE_CHECKSUM_GOOD || sum.state == ESE_CHECKSUM_ONE_BIT) &&
           page->tag_array_fits;
}

static int by_number(const void *a, const void *b)
{
    const struct check_slot *const *x = a, *const *y = b;
    return ((*x)->page.number > (*y)->page.number) - ((*x)->page.number < (*y)->page.number);
}

/* Pages that follow each other in the file are read in one piece. */
void check_read_batch(struct check *c, const uint32_t *number, unsigned count)
{
    struct check_slot *wanted[CHECK_BATCH_MOST];
    unsigned n = 0;
    bool sorted = true;
    for (unsigned i = 0; i < count; i++) {
        c->slot[i] = (struct check_slot){.page.number = number[i]};
        if (number[i] == 0)
            continue;
        sorted = sorted && (n == 0 || wanted[n - 1]->page.number < number[i]);
        wanted[n++] = &c->slot[i];
    }
    if (!sorted)
        qsort(wanted, n, sizeof *wanted, by_number);
    for (unsigned i = 0; i < n;) {
        unsigned run = 1;
        uint32_t first = wanted[i]->page.number;
        while (i + run < n && wanted[i + run]->page.number == first + run)
            run++;
        uint8_t *to = c->batch_memory + (size_t)i * c->page_size;
        size_t got = 0, size = (size_t)run * c->page_size;
        bool whole =
            ese_file_read(c->file, ese_page_offset(first, c->page_size), to, size, &got, NULL) &&
            got == size;
        for (unsigned k = 0; k < run; k++) {
            struct check_slot *slot = wanted[i + k];
            slot->raw = to + (size_t)k * c->page_size;
            /* A sector that cannot be read must not take its neighbours with it. */
            slot->readable = (whole || read_raw(c, first + k, slot->raw)) &&
                             take(c, first + k, slot->raw, &slot->page, CHECK_IN_TREE);
        }
        i += run;
    }
}

/* ---- accounting ---- */

static bool says(struct check *c, const struct ese_page *page, const char *what, size_t found,
                 size_t most)
{
    check_found(c, ESE_RULE_PAGE_ACCOUNTING, page->number, CHECK_NO_TAG,
                "%s: expected at most %zu, found %zu", what, most, found);
    return false;
}

/* A second reserved tag would be a row that nobody sees: see salvage/scan.c. */
static void judge_reserved(struct check *c, const struct ese_page *page)
{
    unsigned says = ese_page_says_reserved(page);
    if (says > 1)
        check_found(c, ESE_RULE_PAGE_ACCOUNTING, page->number, CHECK_NO_TAG,
                    "reserved tags: expected at most 1, found %u", says);
}

static bool counts_possible(struct check *c, const struct ese_page *page)
{
    size_t room = page->raw.size - ese_page_header_size(page);
    if (!page->tag_array_fits || (size_t)page->tags * TAG_SIZE + 1 >= room) {
        check_found(c, ESE_RULE_PAGE_ACCOUNTING, page->number, CHECK_NO_TAG,
                    "the tags do not fit into the page's %zu bytes", room);
        return false;
    }
    if (page->free_bytes > room)
        return says(c, page, "free bytes", page->free_bytes, room);
    if (page->uncommitted_free > page->free_bytes)
        return says(c, page, "free bytes not committed", page->uncommitted_free, page->free_bytes);
    if (page->first_free > room)
        return says(c, page, "first free byte", page->first_free, room);
    return true;
}

/* Marks bytes offset..offset + size - 1 as used; true when one of them was used before. */
static bool mark_used(uint64_t *used, size_t offset, size_t size)
{
    uint64_t again = 0;
    while (size > 0) {
        size_t bit = offset % WORD_BITS, part = WORD_BITS - bit < size ? WORD_BITS - bit : size;
        uint64_t mask = (part == WORD_BITS ? ~(uint64_t)0 : (((uint64_t)1 << part) - 1)) << bit;
        again |= used[offset / WORD_BITS] & mask;
        used[offset / WORD_BITS] |= mask;
        offset += part;
        size -= part;
    }
    return again != 0;
}

/* What has been seen of a page's tags so far. */
struct tags_seen {
    size_t total, room, end; /* room: for data, up to the tag array; end: behind the last tag */
    bool outside, past_free;
    bool mixed; /* tags do not follow each other: they may overlap */
};

static void read_tag(const struct ese_page *page, unsigned i, size_t *offset, size_t *size)
{
    uint32_t word = 0, mask = ese_page_is_small(page) ? SMALL_TAG : LARGE_TAG;
    bytes_le32(page->raw, page->raw.size - TAG_SIZE * ((size_t)i + 1), &word);
    *size = word & mask;
    *offset = word >> 16 & mask;
}

static void judge_tag(struct check *c, const struct ese_page *page, unsigned i,
                      struct tags_seen *seen)
{
    size_t offset, size;
    read_tag(page, i, &offset, &size);
    if (offset + size > seen->room) {
        seen->outside = true;
        check_found(c, ESE_RULE_TAG_OUTSIDE_PAGE, page->number, (int)i,
                    "expected a tag inside %zu bytes, found offset %zu and size %zu", seen->room,
                    offset, size);
        return;
    }
    seen->total += size;
    if (size == 0 && i >= page->reserved)
        check_found(c, ESE_RULE_NODE, page->number, (int)i, "expected a node, found no bytes");
    if (offset + size > page->first_free && !seen->past_free) {
        seen->past_free = true;
        check_found(c, ESE_RULE_PAGE_ACCOUNTING, page->number, (int)i,
                    "the tag ends at byte %zu, behind the first free byte %u", offset + size,
                    page->first_free);
    }
    if (size == 0)
        return;
    seen->mixed |= offset < seen->end;
    seen->end = offset + size;
}

/* Looks for bytes that two tags have; one finding a page. */
static bool judge_overlap(struct check *c, const struct ese_page *page, size_t room)
{
    uint64_t used[ESE_PAGE_SIZE_MAX / WORD_BITS];
    memset(used, 0, page->raw.size / 8);
    for (unsigned i = 0; i < page->tags; i++) {
        size_t offset, size;
        read_tag(page, i, &offset, &size);
        if (offset + size > room || !mark_used(used, offset, size))
            continue;
        check_found(c, ESE_RULE_TAG_OVERLAP, page->number, (int)i,
                    "the tag's bytes %zu to %zu belong to another tag, too", offset,
                    offset + size - 1);
        return true;
    }
    return false;
}

static void judge_tags(struct check *c, const struct ese_page *page)
{
    size_t room = page->raw.size - ese_page_header_size(page),
           array = (size_t)page->tags * TAG_SIZE;
    struct tags_seen seen = {.room = room - array};
    for (unsigned i = 0; i < page->tags; i++)
        judge_tag(c, page, i, &seen);
    bool overlap = seen.mixed && judge_overlap(c, page, seen.room);
    if (seen.outside || seen.past_free || overlap)
        return; /* then the sum is wrong, too */
    if (seen.total + page->free_bytes + array != room)
        check_found(c, ESE_RULE_PAGE_ACCOUNTING, page->number, CHECK_NO_TAG,
                    "expected %zu bytes, found %zu in tags, %u free and %zu of tag array", room,
                    seen.total, page->free_bytes, array);
}

static void judge_flags(struct check *c, const struct ese_page *page)
{
    uint32_t flags = page->flags;
    const char *wrong = NULL;
    if ((flags & ESE_PAGE_INDEX) && (flags & ESE_PAGE_LONG_VALUE))
        wrong = "an index page and a long-value page at once";
    else if (flags & ESE_PAGE_REPAIRED)
        wrong = "left over from a repair that was not finished";
    else if (flags & (ESE_PAGE_PRE_INIT | ESE_PAGE_EMPTY))
        wrong = "in use, and flagged as not in use";
    else if ((flags & ESE_PAGE_LEAF) && (flags & ESE_PAGE_PARENT_OF_LEAF))
        wrong = "a leaf and a parent of leaves at once";
    else if (flags & ~(uint32_t)ESE_PAGE_KNOWN_FLAGS)
        wrong = "of a kind that is not known";
    if (wrong)
        check_found(c, ESE_RULE_PAGE_FLAGS, page->number, CHECK_NO_TAG,
                    "flags 0x%x: the page is %s", flags, wrong);
}

bool check_page(struct check *c, const struct ese_page *page)
{
    uint64_t dbtime = c->db->headers.header.dbtime;
    if (dbtime != 0 && page->dbtime > dbtime)
        c->newer_pages++;
    judge_flags(c, page);
    judge_reserved(c, page);
    if (!counts_possible(c, page))
        return page->tag_array_fits;
    judge_tags(c, page);
    return true;
}

/* ---- pages outside of trees ---- */

static bool wanted(const struct check *c, uint32_t number)
{
    return !check_bit(&c->visited, number);
}

static void judge_other(struct check *c, uint32_t number, uint8_t *raw)
{
    struct ese_page page;
    bool available = !c->root_owned.known || check_bit(&c->available, number);
    take(c, number, raw, &page, available ? CHECK_AVAILABLE : CHECK_LOST);
    if (!available && page.checksum.state != ESE_CHECKSUM_ZERO)
        c->summary->pages_lost++;
}

static void check_extent(struct check *c, const struct ese_extent *extent)
{
    uint32_t last = ese_extent_last(extent);
    if (last > c->last)
        last = c->last;
    for (uint32_t n = extent->first; n <= last;) {
        if (!wanted(c, n)) {
            n++;
            continue;
        }
        unsigned run = 1;
        while (n + run <= last && run < c->batch_most && wanted(c, n + run))
            run++;
        size_t got = 0, size = (size_t)run * c->page_size;
        bool whole = ese_file_read(c->file, ese_page_offset(n, c->page_size), c->batch_memory, size,
                                   &got, NULL) &&
                     got == size;
        for (unsigned k = 0; k < run; k++) {
            uint8_t *raw = c->batch_memory + (size_t)k * c->page_size;
            if (whole || read_raw(c, n + k, raw))
                judge_other(c, n + k, raw);
        }
        n += run;
    }
}

void check_other_pages(struct check *c)
{
    struct ese_extent all = {.first = 1, .count = c->last};
    if (!c->root_owned.known) { /* some may lie behind what the database owns: only advice */
        check_extent(c, &all);
        return;
    }
    for (size_t i = 0; i < c->root_owned.count; i++)
        if (c->root_owned.extent[i].count > 0 && c->root_owned.extent[i].first != 0)
            check_extent(c, &c->root_owned.extent[i]);
}
