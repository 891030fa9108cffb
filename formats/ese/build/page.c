/*
 * One page being filled.
 *
 * Nodes are added in key order.  On pages that are no roots, keys may share a prefix, which stands
 * in tag 0: it is chosen at the first two neighbouring keys that have enough in common, and every
 * later key takes of it what it shares.  Sorted neighbours share most, so this comes near the best
 * choice without looking ahead.
 *
 * Source: the published engine, inc/cpage.hxx (PGHDR, TAG), inc/node.hxx, ese/cpage.cxx
 * (ErrCheckPage).
 */
#include "formats/ese/build/parts.h"

#include <string.h>

enum {
    TAG_SIZE = 4,
    TAGS_MOST = 4000, /* the count has 12 bits */
    FLAG_SHIFT = 13,  /* node flags: in the tag's offset, or in the node's first word */
    KEY_SIZE_FIELD = 2,
    /* a new prefix costs its own bytes once, and 2 bytes for each of two nodes */
    PREFIX_GAIN_LEAST = 5,
};

bool build_page_open(struct build_page *p, uint32_t page_size, struct fault *f)
{
    *p = (struct build_page){
        .size = page_size,
        .small = ese_page_size_small(page_size),
        .header = ese_page_size_small(page_size) ? 40 : 80,
        .raw = calloc(1, page_size),
    };
    if (p->raw == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a page");
    build_page_reset(p, false, 0);
    return true;
}

void build_page_close(struct build_page *p)
{
    free(p->raw);
    buffer_free(&p->last_key);
    *p = (struct build_page){.raw = NULL};
}

static void set_tag(struct build_page *p, uint32_t tag, uint32_t at, uint32_t size, uint32_t flags)
{
    uint8_t *to = p->raw + p->size - TAG_SIZE * (tag + 1);
    bytes_put_le16(to, size);
    bytes_put_le16(to + 2, p->small ? at | flags << FLAG_SHIFT : at);
}

void build_page_reset(struct build_page *p, bool root, uint32_t external)
{
    memset(p->raw, 0, p->size);
    p->compress = !root;
    p->tags = 1;
    p->used = external;
    p->prefix_at = p->prefix_size = 0;
    p->last_key.size = 0;
    set_tag(p, 0, 0, external, 0);
}

static uint32_t common_prefix(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size, i = 0;
    while (i < shorter && a.at[i] == b.at[i])
        i++;
    return (uint32_t)i;
}

static uint32_t node_size(uint32_t shared, size_t key, size_t data)
{
    size_t fields = shared ? 2 * KEY_SIZE_FIELD : KEY_SIZE_FIELD;
    return (uint32_t)(fields + key - shared + data);
}

static bool has_room(const struct build_page *p, uint32_t tags, uint32_t bytes)
{
    return p->tags + tags <= TAGS_MOST &&
           p->header + p->used + bytes + TAG_SIZE * (p->tags + tags) <= p->size;
}

/* Puts a node at the end of the data area, as tag `tag`.  shared: how much of its key is the
 * prefix's. */
static void put_node(struct build_page *p, uint32_t tag, uint32_t shared, struct bytes key,
                     struct bytes data)
{
    uint32_t flags = shared ? ESE_NODE_COMPRESSED : 0;
    uint32_t first = shared ? shared : (uint32_t)key.size, at = p->used;
    uint8_t *start = p->raw + p->header + at, *to = start;
    bytes_put_le16(to, p->small ? first : first | flags << FLAG_SHIFT);
    to += KEY_SIZE_FIELD;
    if (shared) {
        bytes_put_le16(to, (uint32_t)key.size - shared);
        to += KEY_SIZE_FIELD;
    }
    if (key.size > shared)
        memcpy(to, key.at + shared, key.size - shared);
    to += key.size - shared;
    if (data.size > 0)
        memcpy(to, data.at, data.size);
    to += data.size;
    p->used += (uint32_t)(to - start);
    p->last_at = at;
    p->last_data = (uint32_t)data.size;
    set_tag(p, tag, at, (uint32_t)(to - start), flags);
}

/* Makes the first `shared` bytes of `key` the page's prefix, and stores the last node anew under
 * it. */
static bool start_prefix(struct build_page *p, uint32_t shared, struct bytes key, struct fault *f)
{
    struct buffer data = {.size = 0};
    struct bytes last_key = buffer_bytes(&p->last_key);
    if (!buffer_set(&data, bytes_of(p->raw + p->header + p->used - p->last_data, p->last_data), f))
        return false;
    p->used = p->last_at;
    p->prefix_at = p->used;
    p->prefix_size = shared;
    memcpy(p->raw + p->header + p->used, key.at, shared);
    p->used += shared;
    set_tag(p, 0, p->prefix_at, shared, 0);
    put_node(p, p->tags - 1, shared, last_key, buffer_bytes(&data));
    buffer_free(&data);
    return true;
}

bool build_page_add(struct build_page *p, struct bytes key, struct bytes data, bool *fits,
                    struct fault *f)
{
    uint32_t shared = 0;
    *fits = false;
    if (p->prefix_size > 0) {
        shared = common_prefix(bytes_of(p->raw + p->header + p->prefix_at, p->prefix_size), key);
    } else if (p->compress && p->tags > 1) {
        shared = common_prefix(buffer_bytes(&p->last_key), key);
        /* The last node grows by one size field, loses the shared bytes; the prefix takes them. */
        if (shared < PREFIX_GAIN_LEAST ||
            !has_room(p, 1, KEY_SIZE_FIELD + node_size(shared, key.size, data.size)))
            shared = 0;
        else if (!start_prefix(p, shared, key, f))
            return false;
    }
    if (shared < BUILD_PREFIX_LEAST)
        shared = 0;
    if (!has_room(p, 1, node_size(shared, key.size, data.size)))
        return true;
    put_node(p, p->tags, shared, key, data);
    p->tags++;
    *fits = true;
    return buffer_set(&p->last_key, key, f);
}

void build_page_finish(struct build_page *p, const struct build_page_header *h)
{
    uint8_t *raw = p->raw;
    bytes_put_le64(raw + 8, h->dbtime);
    bytes_put_le32(raw + 16, h->prev);
    bytes_put_le32(raw + 20, h->next);
    bytes_put_le32(raw + 24, h->objid);
    bytes_put_le16(raw + 28, p->size - p->header - p->used - TAG_SIZE * p->tags);
    bytes_put_le16(raw + 30, 0);
    bytes_put_le16(raw + 32, p->used);
    bytes_put_le16(raw + 34, p->tags);
    bytes_put_le32(raw + 36, h->flags);
    if (!p->small)
        bytes_put_le64(raw + 64, h->number);
}
