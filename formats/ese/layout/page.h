/*
 * One page: its header, its tags, and the nodes that the tags point at.
 *
 * A page is a header (40 bytes, 80 on pages over 8 KiB), data growing up from it, and an array of
 * 4-byte tags growing down from the end.  The first tag or tags are reserved: tag 0 is the external
 * header (on a root what the tree's space is, elsewhere the prefix that node keys share).  Every
 * other tag is a node: a key, of which the first part may come from the prefix, and data.
 *
 * Source: the published engine, dev/ese/src/inc/cpage.hxx (PGHDR, PGHDR2, TAG), ese/node.cxx.
 */
#ifndef KM_FORMATS_ESE_PAGE_H
#define KM_FORMATS_ESE_PAGE_H

#include "formats/bytes.h"
#include "formats/ese/layout/checksum.h"
#include "formats/ese/layout/format.h"
#include "formats/fault.h"

enum ese_page_at {
    ESE_PAGE_DBTIME_AT = 8,
    ESE_PAGE_PREV_AT = 16,
    ESE_PAGE_NEXT_AT = 20,
    ESE_PAGE_OBJID_AT = 24,
    ESE_PAGE_FREE_AT = 28,
    ESE_PAGE_UNCOMMITTED_FREE_AT = 30,
    ESE_PAGE_FIRST_FREE_AT = 32,
    ESE_PAGE_TAG_COUNT_AT = 34,
    ESE_PAGE_FLAGS_AT = 36,
    ESE_PAGE_NUMBER_AT = 64, /* pages over 8 KiB only */
    ESE_PAGE_HEADER_SMALL = 40,
    ESE_PAGE_HEADER_LARGE = 80,
};

/* The form of tags and nodes. */
enum {
    ESE_TAG_SIZE = 4, /* of a tag: how many bytes, and where */
    ESE_TAG_SMALL_MASK = 0x1fff,
    ESE_TAG_LARGE_MASK = 0x7fff,
    ESE_PAGE_TAG_COUNT_MASK = 0x0fff,
    ESE_PAGE_RESERVED_SHIFT = 12, /* how many tags are reserved: above the count */
    ESE_NODE_FLAG_SHIFT = 13,     /* node flags: in the tag's offset, or in the node's first word */
    ESE_NODE_KEY_FIELD = 2,       /* the size of a key, or of a part of one */
    ESE_NODE_KEY_MASK = 0x1fff,
    ESE_SPLIT_BUFFER_SIZE = 16, /* of the external header of a space tree's root */
};

struct ese_page {
    uint32_t number;
    struct bytes raw; /* the whole page */
    struct ese_checksum_verdict
        checksum; /* of the bytes as read; ONE_BIT: raw has the bit put right */
    uint64_t dbtime;
    uint32_t prev, next; /* sibling pages, 0: none */
    uint32_t objid;      /* of the tree that the page belongs to */
    uint32_t flags;      /* enum ese_page_flag */
    uint16_t free_bytes, uncommitted_free, first_free;
    uint16_t tags;           /* all tags, the reserved ones included */
    uint16_t reserved;       /* how many of them are reserved: at least 1 */
    bool tag_array_fits;     /* the tag array lies between header and end: tags may be read */
    struct bytes key_prefix; /* what compressed keys of the page start with */
};

/* A tag's run of bytes. */
struct ese_tag {
    uint16_t offset; /* from the end of the page header */
    uint16_t size;
    uint8_t flags; /* small pages only; on large ones they stand in the node */
};

/* A node.  The whole key is prefix followed by suffix. */
struct ese_node {
    struct bytes prefix, suffix, data;
    uint8_t flags; /* enum ese_node_flag */
};

static inline bool ese_page_is_small(const struct ese_page *page)
{
    return ese_page_size_small((uint32_t)page->raw.size);
}

/* How many bytes the header takes of a page of `size` bytes. */
static inline uint32_t ese_page_size_header(uint32_t size)
{
    return ese_page_size_small(size) ? ESE_PAGE_HEADER_SMALL : ESE_PAGE_HEADER_LARGE;
}

static inline size_t ese_page_header_size(const struct ese_page *page)
{
    return ese_page_size_header((uint32_t)page->raw.size);
}

/* How many reserved tags the page says that it has; 0: written before that was said.  The top bit
 * has no meaning, but the engine counts it. */
static inline unsigned ese_page_says_reserved(const struct ese_page *page)
{
    return bytes_get_le16(page->raw, ESE_PAGE_TAG_COUNT_AT) >> ESE_PAGE_RESERVED_SHIFT;
}

/* Number of nodes: tags that are not reserved. */
static inline unsigned ese_page_nodes(const struct ese_page *page)
{
    return page->tags > page->reserved ? (unsigned)(page->tags - page->reserved) : 0;
}

/* Fills *page from raw, which is borrowed and at least ESE_PAGE_SIZE_MIN bytes.  Never fails: a
 * page whose tag array does not fit has tag_array_fits false and no tags. */
void ese_page_parse(struct bytes raw, uint32_t number, struct ese_page *page);

/* Reads tag i (0 to tags - 1) and cuts out its bytes.  Fails, naming page and tag, when they are
 * not all between the page header and the tag array. */
bool ese_page_tag(const struct ese_page *page, unsigned i, struct ese_tag *tag, struct bytes *at,
                  struct fault *f);

/* Reads node i (0 to ese_page_nodes() - 1).  Fails, naming page and tag, when the tag or the key
 * lengths in it point outside. */
bool ese_page_node(const struct ese_page *page, unsigned i, struct ese_node *node, struct fault *f);

/* How many bytes are in use, by the free ones that the header counts, that no tag has; below 0:
 * tags have more than that.  0 on every page that is right. */
int32_t ese_page_unnamed(const struct ese_page *page);

/* The page's external header: tag 0.  Empty when the page has none or it points outside. */
struct bytes ese_page_external_header(const struct ese_page *page);

/* The page that a node of an internal page leads to; 0 when the data are not 4 bytes. */
uint32_t ese_node_child(const struct ese_node *node);

/* Where a node stands in the order of its tree. */
struct ese_place {
    struct bytes key;
    struct bytes data; /* counts behind the key in trees where keys may come twice; else empty */
};

/* The shortest key that is greater than `left` and not greater than `right`, into `to`, which has
 * room for all of `right`.  Returns its size.  left comes before right. */
size_t ese_separator(struct ese_place left, struct ese_place right, uint8_t *to);

/* Copies the node's whole key to `to`.  False when it does not fit into `room` bytes. */
bool ese_node_key(const struct ese_node *node, uint8_t *to, size_t room, struct bytes *key);

#endif
