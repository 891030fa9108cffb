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

#include "formats/ese/layout/page_write.h"

#include <string.h>

enum {
    TAGS_MOST = 4000, /* the count has 12 bits */
    /* a new prefix costs its own bytes once, and 2 bytes for each of two nodes */
    PREFIX_GAIN_LEAST = 5,
};

bool build_page_open(struct build_page *p, uint32_t page_size, struct fault *f)
{
    *p = (struct build_page){
        .size = page_size,
        .header = ese_page_size_header(page_size),
        .raw = calloc(1, page_size),
    };
    if (p->raw == NULL)
        return fault_no_memory(f, "a page");
    build_page_reset(p, false, 0);
    return true;
}

void build_page_close(struct build_page *p)
{
    free(p->raw);
    buffer_free(&p->last_key);
    *p = (struct build_page){.raw = NULL};
}

void build_page_reset(struct build_page *p, bool root, uint32_t external)
{
    memset(p->raw, 0, p->size);
    p->compress = !root;
    p->tags = 1;
    p->used = external;
    p->prefix_at = p->prefix_size = 0;
    p->last_key.size = 0;
    ese_page_write_tag(p->raw, p->size, 0, 0, external, 0);
}

static uint32_t common_prefix(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size, i = 0;
    while (i < shorter && a.at[i] == b.at[i])
        i++;
    return (uint32_t)i;
}

static struct ese_node node_of(uint32_t shared, struct bytes key, struct bytes data)
{
    return (struct ese_node){
        .prefix = bytes_of(key.at, shared), .suffix = bytes_from(key, shared), .data = data};
}

static uint32_t node_size(uint32_t shared, struct bytes key, struct bytes data)
{
    struct ese_node node = node_of(shared, key, data);
    return ese_page_node_size(&node);
}

/* For one node more. */
static bool has_room(const struct build_page *p, uint32_t bytes)
{
    return p->tags < TAGS_MOST &&
           p->header + p->used + bytes + ESE_TAG_SIZE * (p->tags + 1) <= p->size;
}

/* Puts a node at the end of the data area, as tag `tag`.  shared: how much of its key is the
 * prefix's. */
static void put_node(struct build_page *p, uint32_t tag, uint32_t shared, struct bytes key,
                     struct bytes data)
{
    struct ese_node node = node_of(shared, key, data);
    p->last_at = p->used;
    p->last_data = (uint32_t)data.size;
    p->used += ese_page_write_node(p->raw, p->size, tag, p->used, &node);
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
    ese_page_write_tag(p->raw, p->size, 0, p->prefix_at, shared, 0);
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
            !has_room(p, ESE_NODE_KEY_FIELD + node_size(shared, key, data)))
            shared = 0;
        else if (!start_prefix(p, shared, key, f))
            return false;
    }
    if (shared < BUILD_PREFIX_LEAST)
        shared = 0;
    if (!has_room(p, node_size(shared, key, data)))
        return true;
    put_node(p, p->tags, shared, key, data);
    p->tags++;
    *fits = true;
    return buffer_set(&p->last_key, key, f);
}

void build_page_finish(struct build_page *p, const struct ese_page *header)
{
    ese_page_write_header(p->raw, p->size, header);
    ese_page_write_room(p->raw, p->size, p->used, p->tags);
}
