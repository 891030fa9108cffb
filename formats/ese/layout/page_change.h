/*
 * Changing a page where it lies: its nodes one at a time, by their lines, as the engine changes
 * them and as its logs name them.
 *
 * The page has to be one that ese_page_change_sound() accepts; every function leaves such a page.
 * Nodes stay in any order in the data area; what is freed is used again when the end is reached.
 * Checksums are the caller's.
 *
 * Source: the published engine, ese/cpage.cxx (Insert_, Replace, Delete_, ReorganizePage_),
 * ese/node.cxx (the form of a node).
 */
#ifndef KM_FORMATS_ESE_PAGE_CHANGE_H
#define KM_FORMATS_ESE_PAGE_CHANGE_H

#include "formats/ese/layout/page.h"

/* A page that is changed.  Both buffers are of `size` bytes and the caller's. */
struct ese_page_change {
    uint8_t *raw;
    uint8_t *spare; /* for putting the page together anew; its content means nothing */
    uint32_t size, number;
    uint8_t tag_bits; /* for ese_page_change_init(): what the format has above the tag count */
};

/* Checks that the page's accounting is right: every tag inside, free bytes as counted, one reserved
 * tag.  Fails with FAULT_DAMAGED, naming the page. */
bool ese_page_change_sound(const struct ese_page_change *page, struct fault *f);

/* Makes an empty page: no nodes, an empty external header. */
void ese_page_change_init(const struct ese_page_change *page, uint32_t objid, uint64_t dbtime,
                          uint32_t flags);

unsigned ese_page_change_nodes(const struct ese_page_change *page);

/* Puts a node in at line `line` (0 to the number of nodes).  node->prefix.size bytes of the key are
 * taken from the page's prefix, whatever node->prefix points at; node->flags without
 * ESE_NODE_COMPRESSED.  None of its parts may lie in `page`.  False when the line does not exist or
 * the page has no room. */
bool ese_page_change_insert(const struct ese_page_change *page, unsigned line,
                            const struct ese_node *node);

/* False when the line does not exist. */
bool ese_page_change_delete(const struct ese_page_change *page, unsigned line);

/* Other data for a node, same key.  data must not lie in `page`. */
bool ese_page_change_data(const struct ese_page_change *page, unsigned line, struct bytes data);

/* Sets and then clears flags of a node (ESE_NODE_VERSION, ESE_NODE_DELETED). */
bool ese_page_change_flags(const struct ese_page_change *page, unsigned line, uint8_t set,
                           uint8_t clear);

/* The data of a node, to be changed where they are; NULL when they are not `size` bytes at `at`. */
uint8_t *ese_page_change_at(const struct ese_page_change *page, unsigned line, size_t at,
                            size_t size);

/* The page's external header.  header must not lie in `page`.  False when there is no room. */
bool ese_page_change_external(const struct ese_page_change *page, struct bytes header);

/* Writes `fill` over every byte that belongs to no tag, so that nothing stays of what was there. */
void ese_page_change_fill(const struct ese_page_change *page, uint8_t fill);

/* Fields of the page header. */
uint64_t ese_page_change_time(const struct ese_page_change *page);
void ese_page_change_set_time(const struct ese_page_change *page, uint64_t dbtime);
uint32_t ese_page_change_get_flags(const struct ese_page_change *page);
void ese_page_change_set_flags(const struct ese_page_change *page, uint32_t flags);

/* Clears what only a running engine needs: room kept for an undo, and the mark of nodes that have
 * versions.  Of leaves only, and not of space trees.  True when the page was changed. */
bool ese_page_change_settle(const struct ese_page_change *page);

#endif
