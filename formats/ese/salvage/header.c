/*
 * What the header says; where header and shadow are both gone, what the pages say instead: the page
 * size is the one under which checksums are right, the revision follows from what pages and catalog
 * have, time and object id are the greatest that was seen.
 */
#include "formats/ese/salvage/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What is said of the pages of a tree once it is walked. */
struct said {
    uint8_t trust;
    bool reached, freed;
};

static struct said *note_pages(const struct ese_salvage *s)
{
    struct said *said = calloc(s->pages_found + 1, sizeof *said);
    for (size_t i = 0; said && i < s->pages_found; i++)
        said[i] = (struct said){s->page[i].trust, s->page[i].reached, s->page[i].freed};
    return said;
}

static void put_pages_back(struct ese_salvage *s, const struct said *said)
{
    for (size_t i = 0; i < s->pages_found; i++) {
        s->page[i].trust = said[i].trust;
        s->page[i].reached = said[i].reached;
        s->page[i].freed = said[i].freed;
    }
}

static bool count_newer(struct ese_salvage *s, uint32_t objid, uint32_t root, uint32_t *newer,
                        struct fault *f)
{
    size_t first, count;
    if (!salvage_reach(s, objid, root, f))
        return false;
    salvage_pages_of(s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        *newer += p->trust == SALVAGE_GOOD && p->reached && !p->freed &&
                  p->dbtime > s->headers->header.dbtime;
    }
    return true;
}

static bool count_newer_of(struct ese_salvage *s, const struct ese_table *table, uint32_t *newer,
                           struct fault *f)
{
    for (unsigned i = 0; i < table->indexes; i++)
        if (!ese_index_is_primary(&table->index[i]) &&
            !count_newer(s, table->index[i].objid, table->index[i].root, newer, f))
            return false;
    return count_newer(s, table->objid, table->root, newer, f) &&
           (table->long_value_objid == 0 ||
            count_newer(s, table->long_value_objid, table->long_value_root, newer, f));
}

/* The root of the database, which no table has: it grows with them. */
static uint32_t root_is_newer(const struct ese_salvage *s)
{
    size_t first, count;
    uint32_t newer = 0;
    salvage_pages_of(s, ESE_OBJID_ROOT, &first, &count);
    for (size_t i = first; i < first + count; i++)
        newer += s->page[i].number == ESE_PGNO_ROOT && s->page[i].trust == SALVAGE_GOOD &&
                 s->page[i].dbtime > s->headers->header.dbtime;
    return newer;
}

/* ---- what it says, and what the pages say ---- */

/* Goes on with the sentence: `before`, the count, `after`. */
static bool go_on(struct ese_salvage *s, const char *before, uint32_t count, const char *after,
                  struct fault *f)
{
    char text[320];
    snprintf(text, sizeof text, "%s, but %s (%" PRIu32 ")%s", s->scan.header_text, before, count,
             after);
    s->scan.header_text = arena_copy(&s->arena, bytes_of(text, strlen(text) + 1));
    return s->scan.header_text || fault_no_memory(f, "the header");
}

/* A clean shutdown writes the header last.  As long as it is believed, what is newer and of no tree
 * is set apart; where trees have newer pages, too, that was no reason to. */
static bool judge_time(struct ese_salvage *s, struct fault *f)
{
    uint32_t newer = 0;
    if (!s->has_header || s->scan.dirty || s->scan.dbtime <= s->headers->header.dbtime)
        return true;
    struct said *said = note_pages(s);
    bool ok = said || fault_no_memory(f, "the header");
    for (unsigned i = 0; ok && i < ese_catalog_tables(s->catalog); i++)
        ok = count_newer_of(s, ese_catalog_table(s->catalog, i), &newer, f);
    newer += root_is_newer(s);
    if (ok && newer > 0)
        put_pages_back(s, said);
    free(said);
    if (!ok || newer == 0)
        return ok;
    s->scan.newer = newer;
    return go_on(s, "pages are newer than it", newer,
                 ": its last write is lost, or the file was copied while in use", f);
}

bool salvage_judge_header(struct ese_salvage *s, struct fault *f)
{
    return judge_time(s, f) &&
           (s->scan.impossible == 0 || go_on(s, "pages have an impossible time", s->scan.impossible,
                                             ", which does not count", f));
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
