/*
 * What the header says; where header and shadow are both gone, what the pages say instead: the page
 * size is the one under which checksums are right, the revision follows from what pages and catalog
 * have, time and object id are the greatest that was seen.
 */
#include "formats/ese/salvage/parts.h"

#include <stdio.h>

enum {
    SAMPLE_MOST = 512,
    REVISION_NEW_FIXED = 0x15,      /* the catalog's fixed column 13 */
    REVISION_AUTO_INCREMENT = 0x1e, /* in the root's external header */
};

/* How many of a sample of pages are right for their number under this page size. */
static bool count_right(struct ese_salvage *s, uint32_t size, uint32_t *right, struct fault *f)
{
    uint64_t pages = ese_file_size(s->file) / size;
    uint64_t step = pages / SAMPLE_MOST + 1;
    *right = 0;
    for (uint64_t at = 2; at < pages; at += step) {
        size_t got;
        if (!ese_file_read(s->file, at * size, s->room, size, &got, NULL) || got < size)
            continue;
        if (at - 1 > UINT32_MAX)
            break;
        struct ese_checksum_verdict verdict =
            ese_checksum_verify(bytes_of(s->room, size), (uint32_t)(at - 1));
        *right += verdict.state == ESE_CHECKSUM_GOOD;
    }
    (void)f;
    return true;
}

static bool guess_page_size(struct ese_salvage *s, struct fault *f)
{
    uint32_t best = 0;
    for (uint32_t size = ESE_PAGE_SIZE_MIN; size <= ESE_PAGE_SIZE_MAX; size *= 2) {
        uint32_t right;
        if (!count_right(s, size, &right, f))
            return false;
        if (right > best) {
            best = right;
            s->scan.page_size = size;
        }
    }
    return best > 0 ||
           fault_set(f, FAULT_NOT_THIS,
                     "not an ESE database: neither of the two headers can be used, and under none "
                     "of the five page sizes is any page's checksum right");
}

bool salvage_header(struct ese_salvage *s, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    if (ese_headers_read(s->file, s->headers, &why)) {
        s->has_header = true;
        s->scan.page_size = s->headers->header.page_size;
        s->scan.revision = s->headers->header.revision;
        s->scan.dirty = s->headers->header.state != ESE_STATE_CLEAN_SHUTDOWN;
        s->scan.header_text =
            s->headers->primary != ESE_HEADER_GOOD  ? "the header is bad; its shadow is used"
            : s->headers->shadow != ESE_HEADER_GOOD ? "the header is good, its shadow is bad"
                                                    : "the header is good";
        return true;
    }
    if (why.code == FAULT_UNSUPPORTED || why.code == FAULT_NO_MEMORY || why.code == FAULT_IO) {
        *f = why;
        return false;
    }
    s->scan.header_invented = true;
    s->scan.header_text = "header and shadow are lost; page size, revision, time and object id are "
                          "taken from the pages";
    return guess_page_size(s, f);
}

void salvage_guess_revision(struct ese_salvage *s)
{
    uint32_t revision = ESE_REVISION_ESE97;
    bool large = !ese_page_size_small(s->scan.page_size);
    for (size_t i = 0; i < s->pages_found; i++) {
        const struct salvage_page *p = &s->page[i];
        uint32_t least = p->flags & ESE_PAGE_NEW_CHECKSUM        ? ESE_REVISION_LARGE_PAGES
                         : p->flags & ESE_PAGE_NEW_RECORD_FORMAT ? ESE_REVISION_ESE98
                                                                 : ESE_REVISION_ESE97;
        if (p->trust <= SALVAGE_MOVED && least > revision)
            revision = least;
    }
    if (large && revision < ESE_REVISION_LARGE_PAGES)
        revision = ESE_REVISION_LARGE_PAGES;
    for (size_t i = 0; i < s->rows && revision >= ESE_REVISION_LARGE_PAGES; i++) {
        uint8_t last_fixed = 0;
        bytes_u8(s->row[i].record, 0, &last_fixed);
        if (last_fixed >= 13 && revision < REVISION_NEW_FIXED)
            revision = REVISION_NEW_FIXED;
    }
    /* The lowest revision with ECC that today's engines write is 0x14. */
    if (revision == ESE_REVISION_LARGE_PAGES)
        revision = 0x14;
    if (revision == REVISION_NEW_FIXED)
        revision = REVISION_AUTO_INCREMENT + 2;
    s->scan.revision = revision;
}
