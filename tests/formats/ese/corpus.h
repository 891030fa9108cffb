/*
 * Real databases for tests: where they are, and copies of them in memory that can be damaged on
 * purpose.  Without them the tests that need them skip.
 */
#ifndef KM_TESTS_ESE_CORPUS_H
#define KM_TESTS_ESE_CORPUS_H

#include "formats/ese/read/db.h"
#include "formats/ese/read/space.h"
#include "tests/check_main.h"

#include <unistd.h>

enum { CORPUS_FILES = 24 };
extern const char *const corpus_files[CORPUS_FILES];

const char *corpus_folder(void);
bool corpus_is_there(void);

/* ---- a copy in memory ---- */

struct image {
    uint8_t *bytes;
    size_t size;
    uint32_t page_size, last;
};

struct image image_load(const char *name);
void image_free(struct image *image);
bool image_open(const struct image *image, struct ese_db **db, struct fault *f);

/* The first byte of a page; page -1 is the header, 0 its shadow. */
uint8_t *image_page(const struct image *image, long number);

/* Makes a page's checksum right again after it was changed. */
void image_seal(const struct image *image, uint32_t number);
uint32_t image_u32(const uint8_t *at);
uint32_t image_u16(const uint8_t *at);

/* ---- nodes of small pages (up to 8 KiB) ---- */

enum { IMAGE_SMALL_HEADER = 40, IMAGE_TAG_SIZE = 4, IMAGE_TAG_MASK = 0x1fff };

uint8_t *image_tag(const struct image *image, uint32_t page, unsigned tag);
uint32_t image_tag_size(const struct image *image, uint32_t page, unsigned tag);

/* The first byte that a tag points at. */
uint8_t *image_node(const struct image *image, uint32_t page, unsigned tag);

/* Makes a tag longer or shorter, and the page's free bytes with it. */
void image_resize_tag(const struct image *image, uint32_t page, unsigned tag, int by);

/* Takes a node out of its page, as the engine does. */
void image_remove_node(const struct image *image, uint32_t page, unsigned tag);

#endif
