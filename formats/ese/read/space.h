/*
 * Space: which pages a tree owns, and which of those are free.
 *
 * A tree's root tells it in its external header: either "one extent from this page on", with a bit
 * for each of the next 32 pages that is free, or the root page of a tree of owned extents; the tree
 * of available extents is the page after that.  In both an entry's key is the extent's last page (4
 * bytes big-endian, before it a byte with a pool in newer files), its data the number of pages.
 * Extents of an index or long-value tree lie inside those of its table, a table's inside those of
 * the database's root.
 *
 * Source: the published engine, inc/space.hxx (SPACE_HEADER), ese/space.cxx (SPEXTKEY,
 * CSPExtentInfo), inc/fcb.hxx (SPLIT_BUFFER), ese/node.cxx (the form of the header with further
 * fields).
 */
#ifndef KM_FORMATS_ESE_SPACE_H
#define KM_FORMATS_ESE_SPACE_H

#include "formats/ese/read/cursor.h"

enum {
    ESE_SPACE_HEADER_SIZE = 16,
    ESE_SPACE_SINGLE_MOST = 33,        /* a single extent: the root and 32 pages */
    ESE_PAGE_NUMBER_MOST = 0x7fefffff, /* the engine allocates no page beyond it */
};

/* SPACE_HEADER.  Either `available` or the two roots count, by `multiple`. */
struct ese_space {
    bool multiple, non_unique;
    bool newer; /* `pages` is the size of the last allocation, not of the first extent */
    uint32_t pages, parent; /* parent: root page of the tree that the pages come from; 0: none */
    uint32_t available;     /* bit i: page root + 1 + i is free */
    uint32_t owned_root, available_root;
    bool has_auto_increment;
    uint64_t auto_increment; /* highest value given out, rounded up to a batch */
};

/* Reads the space header of a root page that is no space tree's.  Fails when there is none of a
 * known form. */
bool ese_space_read(const struct ese_page *root, struct ese_space *space, struct fault *f);

enum ese_space_pool {
    ESE_POOL_GENERAL = 0,
    ESE_POOL_CONTINUOUS = 1, /* an empty extent is legal here */
    ESE_POOL_SHELVED = 2,    /* pages beyond the end of the file that must not be used */
};

struct ese_extent {
    uint32_t first, count; /* count may be 0 */
    uint8_t pool;          /* enum ese_space_pool */
};

static inline uint32_t ese_extent_last(const struct ese_extent *extent)
{
    return extent->first + extent->count - 1;
}

/* Reads a node of an extent tree.  Fails when key or data have not the form of an extent, or name
 * pages that cannot be. */
bool ese_extent_read(struct bytes key, struct bytes data, struct ese_extent *extent,
                     struct fault *f);

/* Pages kept for splits of a space tree itself: up to two extents, in its root's external header.
 */
struct ese_split_buffer {
    struct ese_extent extent[2]; /* count 0: none */
};

/* Reads the split buffer of the root page of a space tree; all empty when it has none.  Fails when
 * its size or its extents are impossible. */
bool ese_split_buffer_read(const struct ese_page *root, struct ese_split_buffer *buffer,
                           struct fault *f);

/* The extents of one tree, owned or available, in the order of their pages (of pools, then pages).
 */
struct ese_extents {
    struct ese_space space;
    struct ese_cursor cursor;
    uint32_t root;
    unsigned at; /* single extent: next bit; 33: done */
    bool available;
};

/* Prepares the owned or the available extents of the tree with root page `root` and object id
 * `objid`. Fails when the root cannot be read.  Close *extents after success. */
bool ese_extents_open(struct ese_extents *extents, struct ese_pages *pages, uint32_t root,
                      uint32_t objid, bool available, struct fault *f);
void ese_extents_close(struct ese_extents *extents);

/* Gives the next extent.  After ESE_STEP_FAULT it can be called again. */
enum ese_step ese_extents_next(struct ese_extents *extents, struct ese_extent *extent,
                               struct fault *f);

#endif
