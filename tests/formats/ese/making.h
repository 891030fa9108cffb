/*
 * Small databases in memory, for tests of the reader: bytes are put where the format has them, one
 * page and node at a time, so that any of them can be put wrong on purpose.  Shares nothing with
 * the builder of formats/ese.
 *
 *     struct made m = make_database(4096, 0x14, 20);
 *     make_page(&m, 9, 6, ESE_PAGE_ROOT | ESE_PAGE_LEAF);
 *     make_node(&m, 9, 0, RAW("key"), RAW("data"));
 *     make_sums(&m);
 *     ...
 *     made_free(&m);
 */
#ifndef KM_TESTS_ESE_MAKING_H
#define KM_TESTS_ESE_MAKING_H

#include "formats/ese/layout/format.h"
#include "formats/ese/read/header.h"
#include "formats/ese/layout/page.h"
#include "tests/formats/ese/layout/checksums.h"

#include <stdlib.h>

/* A byte string literal without its terminator. */
#define RAW(literal) bytes_of("" literal, sizeof(literal) - 1)

struct made {
    uint8_t *bytes;
    size_t size;
    uint32_t page_size, revision, last; /* last: number of the last page */
};

void make_u16(uint8_t *at, uint32_t value);
void make_u32(uint8_t *at, uint32_t value);
uint32_t made_u16(const uint8_t *at);
struct bytes made_bytes(const struct made *m);
void made_free(struct made *m);

/* The first byte of a page; page -1 is the header, 0 its shadow. */
uint8_t *made_page(const struct made *m, long number);

/* ---- the header ---- */

void make_header_sums(struct made *m);

/* A clean database of `last` pages, all of them zero but the two headers. */
struct made make_database(uint32_t page_size, uint32_t revision, uint32_t last);

/* ---- pages, tags and nodes ---- */

size_t made_header_size(const struct made *m);
uint8_t *made_tag(const struct made *m, uint32_t page, unsigned tag);

/* Where the bytes of a tag stand. */
uint8_t *made_tag_bytes(const struct made *m, uint32_t page, unsigned tag);

/* Adds a tag with these bytes, as they are; returns its number. */
unsigned make_tag(struct made *m, uint32_t page, unsigned flags, struct bytes data);

/* An empty page whose tag 0, the external header, holds `external`. */
void make_page_with(struct made *m, uint32_t page, uint32_t objid, uint32_t flags,
                    struct bytes external);

/* An empty page; on a root the external header is one that a single-extent tree has. */
void make_page(struct made *m, uint32_t page, uint32_t objid, uint32_t flags);

/* Adds a node; returns its tag's number. */
unsigned make_prefixed_node(struct made *m, uint32_t page, unsigned flags, unsigned prefix,
                            struct bytes key, struct bytes data);
unsigned make_node(struct made *m, uint32_t page, unsigned flags, struct bytes key,
                   struct bytes data);

/* Adds a node of an internal page: a separator, and the page below it. */
unsigned make_branch(struct made *m, uint32_t page, struct bytes key, uint32_t child);

/* Writes the checksum of one page, as its flags want it. */
void make_sum(struct made *m, uint32_t page);

/* Writes the checksums of the headers and of all pages that are not zero. */
void make_sums(struct made *m);

/* ---- the catalog ---- */

struct made_object {
    uint32_t table; /* the table's object id */
    uint16_t type;  /* enum ese_object_type */
    uint32_t id, coltype_or_root, space, flags, pages_or_locale;
    uint16_t offset; /* of a fixed column */
    uint32_t chunk;  /* LVChunkMax */
    const char *name, *parent;
    struct bytes default_value, key_columns;
};

/* Adds a row to the leaf page of a catalog.  Rows come in the order of table, type and id. */
unsigned make_object(struct made *m, uint32_t page, const struct made_object *o);

#endif
