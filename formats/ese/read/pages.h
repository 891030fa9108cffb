/*
 * The pages of a file, through a cache of fixed size.
 *
 * A page that was got stays where it is until it is put back, so that everything above can point
 * into it instead of copying.  Each page's checksum is judged once, when it is read.
 */
#ifndef KM_FORMATS_ESE_PAGES_H
#define KM_FORMATS_ESE_PAGES_H

#include "formats/ese/read/file.h"
#include "formats/ese/layout/page.h"

struct ese_pages;

/* file is borrowed and must outlive the pages; page_size is one that ese_page_size_valid() accepts.
 */
bool ese_pages_open(struct ese_file *file, uint32_t page_size, struct ese_pages **pages,
                    struct fault *f);
void ese_pages_close(struct ese_pages *pages);

uint32_t ese_pages_size(const struct ese_pages *pages);

/* Number of the last page that lies whole in the file; pages are numbered from 1. */
uint32_t ese_pages_last(const struct ese_pages *pages);

/* Gets page `number`, read or from the cache.  A wrong checksum is no failure here: *page says so.
 * Fails when the file has no such page, when it cannot be read, or when all of the cache is held.
 * Every page that was got must be put back. */
bool ese_pages_get(struct ese_pages *pages, uint32_t number, const struct ese_page **page,
                   struct fault *f);
/* The same, but what is read is that page alone: for pages that stand far from each other. */
bool ese_pages_get_alone(struct ese_pages *pages, uint32_t number, const struct ese_page **page,
                         struct fault *f);
void ese_pages_put(struct ese_pages *pages, const struct ese_page *page);

/* What `size` bytes at `at` are, as page `number`: parsed, with the checksum judged and, after a
 * single flipped bit, put right.  For pages that are read past the cache; `page` points into them.
 */
void ese_pages_judge(uint8_t *at, size_t size, uint32_t number, struct ese_page *page);

/* As ese_pages_get(), but fails for a page that must not be believed: any checksum state other than
 * good or one corrected bit. */
bool ese_pages_get_sound(struct ese_pages *pages, uint32_t number, const struct ese_page **page,
                         struct fault *f);

/* Gives the changed page `number`, or NULL in *page when it is as the file has it.  False, with f
 * saying why, when it cannot be had. */
typedef bool ese_pages_changed(void *context, uint32_t number, const struct ese_page **page,
                               struct fault *f);

/*
 * Puts changed pages before those of the file: every page is asked of `changed` first, and got from
 * the file when that has none.  last: the highest page number with them, for a file that is to
 * grow; not below that of the file.  What `changed` gives must stay while it is held.  changed
 * NULL: the file alone again.
 */
void ese_pages_overlay(struct ese_pages *pages, ese_pages_changed *changed, void *context,
                       uint32_t last);

/* Pages that are read from now on have one reserved tag, whatever they say: see salvage/scan.c. */
void ese_pages_reserve_one(struct ese_pages *pages);

/* Called once for every page that is read with a single-bit error, which is put right in memory. */
void ese_pages_on_corrected(struct ese_pages *pages,
                            void (*tell)(void *context, uint32_t page, uint32_t bit),
                            void *context);

#endif
