/*
 * The parts of a page as bytes: header, tags, nodes.  Whoever makes a page or changes one writes
 * through this, so that the form of a tag and of a node stands once for reading (page.c) and once
 * for writing.
 *
 * `raw` is the whole page, `size` bytes; what is written must be inside: nothing is checked here.
 * Checksums are the caller's.
 *
 * Source: the published engine, inc/cpage.hxx (PGHDR, PGHDR2, TAG), ese/node.cxx.
 */
#ifndef KM_FORMATS_ESE_PAGE_WRITE_H
#define KM_FORMATS_ESE_PAGE_WRITE_H

#include "formats/ese/layout/page.h"

/* Writes dbtime, prev, next, objid, flags and, on large pages, number: what identifies a page. */
void ese_page_write_header(uint8_t *raw, uint32_t size, const struct ese_page *header);

/* Writes what is used, of a page without gaps: `used` bytes of data, `tags` tags in all.  What
 * newer formats have above the count stays. */
void ese_page_write_room(uint8_t *raw, uint32_t size, uint32_t used, uint32_t tags);

/* Writes a tag: its bytes are `bytes` bytes at `at` of the data area.  flags: of a node; large
 * pages do not have them here. */
void ese_page_write_tag(uint8_t *raw, uint32_t size, unsigned tag, uint32_t at, uint32_t bytes,
                        uint32_t flags);

/* How many bytes a node takes, without its tag. */
static inline uint32_t ese_page_node_size(const struct ese_node *node)
{
    size_t fields = node->prefix.size ? 2 * ESE_NODE_KEY_FIELD : ESE_NODE_KEY_FIELD;
    return (uint32_t)(fields + node->suffix.size + node->data.size);
}

/* Writes a node at `at` of the data area, and its tag.  Of node->prefix only the size counts: so
 * much of the key is the page's prefix; node->flags without ESE_NODE_COMPRESSED.  Returns the
 * node's size. */
uint32_t ese_page_write_node(uint8_t *raw, uint32_t size, unsigned tag, uint32_t at,
                             const struct ese_node *node);

#endif
