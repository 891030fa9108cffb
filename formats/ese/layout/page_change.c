/* Changing a page where it lies: see page_change.h. */
#include "formats/ese/layout/page_change.h"

#include "formats/ese/layout/page_write.h"

static bool is_small(const struct ese_page_change *p)
{
    return ese_page_size_small(p->size);
}

static uint32_t header_size(const struct ese_page_change *p)
{
    return ese_page_size_header(p->size);
}

static uint16_t half(const uint8_t *at)
{
    return bytes_get_le16(bytes_of(at, 2), 0);
}

static unsigned tag_count(const struct ese_page_change *p)
{
    return half(p->raw + ESE_PAGE_TAG_COUNT_AT) & ESE_PAGE_TAG_COUNT_MASK;
}

static void set_tag_count(const struct ese_page_change *p, unsigned count)
{
    uint8_t *at = p->raw + ESE_PAGE_TAG_COUNT_AT;
    bytes_put_le16(at, (half(at) & ~(uint32_t)ESE_PAGE_TAG_COUNT_MASK) | count);
}

static uint8_t *tag_at(const struct ese_page_change *p, unsigned tag)
{
    return p->raw + p->size - ESE_TAG_SIZE * (tag + 1);
}

static uint32_t mask(const struct ese_page_change *p)
{
    return is_small(p) ? ESE_TAG_SMALL_MASK : ESE_TAG_LARGE_MASK;
}

static uint32_t tag_size(const struct ese_page_change *p, unsigned tag)
{
    return half(tag_at(p, tag)) & mask(p);
}

static uint32_t tag_offset(const struct ese_page_change *p, unsigned tag)
{
    return half(tag_at(p, tag) + 2) & mask(p);
}

static uint8_t *tag_data(const struct ese_page_change *p, unsigned tag)
{
    return p->raw + header_size(p) + tag_offset(p, tag);
}

/* flags: node flags, which small pages keep in the tag. */
static void set_tag(const struct ese_page_change *p, unsigned tag, uint32_t offset, uint32_t size,
                    uint8_t flags)
{
    ese_page_write_tag(p->raw, p->size, tag, offset, size, flags);
}

static uint8_t small_flags(const struct ese_page_change *p, unsigned tag)
{
    return is_small(p) ? (uint8_t)(half(tag_at(p, tag) + 2) >> ESE_NODE_FLAG_SHIFT) : 0;
}

static uint32_t free_bytes(const struct ese_page_change *p)
{
    return half(p->raw + ESE_PAGE_FREE_AT);
}

static void add_free(const struct ese_page_change *p, int32_t more)
{
    bytes_put_le16(p->raw + ESE_PAGE_FREE_AT, (uint32_t)((int32_t)free_bytes(p) + more));
}

static uint32_t first_free(const struct ese_page_change *p)
{
    return half(p->raw + ESE_PAGE_FIRST_FREE_AT);
}

/* ---- checking ---- */

bool ese_page_change_sound(const struct ese_page_change *p, struct fault *f)
{
    struct ese_page page;
    uint32_t used = 0, end = 0;
    ese_page_parse(bytes_of(p->raw, p->size), p->number, &page);
    if (!page.tag_array_fits || page.tags == 0 || page.reserved != 1)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: its tags do not fit into it, or none or several are reserved",
                         p->number);
    for (unsigned i = 0; i < page.tags; i++) {
        struct ese_tag tag;
        struct bytes at;
        if (!ese_page_tag(&page, i, &tag, &at, f))
            return false;
        used += tag.size + ESE_TAG_SIZE;
        if (end < (uint32_t)tag.offset + tag.size)
            end = (uint32_t)tag.offset + tag.size;
    }
    uint32_t room = p->size - header_size(p);
    if (used > room || room - used != page.free_bytes || page.first_free < end ||
        page.first_free + ESE_TAG_SIZE * (uint32_t)page.tags > room)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: its free bytes are wrong: expected %u, found %u (from %u on)",
                         p->number, used <= room ? room - used : 0, page.free_bytes,
                         page.first_free);
    return true;
}

void ese_page_change_init(const struct ese_page_change *p, uint32_t objid, uint64_t dbtime,
                          uint32_t flags)
{
    struct ese_page header = {
        .number = p->number, .dbtime = dbtime, .objid = objid, .flags = flags};
    memset(p->raw, 0, p->size);
    p->raw[ESE_PAGE_TAG_COUNT_AT + 1] = p->tag_bits;
    ese_page_write_header(p->raw, p->size, &header);
    ese_page_write_room(p->raw, p->size, 0, 1);
}

unsigned ese_page_change_nodes(const struct ese_page_change *p)
{
    return tag_count(p) - 1;
}

/* ---- room ---- */

/* All tags' bytes one after the other, from the header on. */
static void compact(const struct ese_page_change *p)
{
    unsigned count = tag_count(p);
    uint32_t header = header_size(p), at = 0;
    memcpy(p->spare + header, p->raw + header, p->size - header);
    for (unsigned i = 0; i < count; i++) {
        uint32_t size = tag_size(p, i), from = tag_offset(p, i);
        memcpy(p->raw + header + at, p->spare + header + from, size);
        set_tag(p, i, at, size, small_flags(p, i));
        at += size;
    }
    bytes_put_le16(p->raw + ESE_PAGE_FIRST_FREE_AT, at);
}

/* `size` bytes behind what is used, with `tags` tags in the array; their offset, or UINT32_MAX. */
static uint32_t take(const struct ese_page_change *p, uint32_t size, unsigned tags)
{
    uint32_t room = p->size - header_size(p) - ESE_TAG_SIZE * tags;
    if (first_free(p) + size > room)
        compact(p);
    uint32_t at = first_free(p);
    if (at + size > room)
        return UINT32_MAX;
    bytes_put_le16(p->raw + ESE_PAGE_FIRST_FREE_AT, at + size);
    return at;
}

/* ---- nodes ---- */

bool ese_page_change_insert(const struct ese_page_change *p, unsigned line,
                            const struct ese_node *node)
{
    unsigned count = tag_count(p), tag = line + 1;
    if (tag > count || count == ESE_PAGE_TAG_COUNT_MASK || node->suffix.size > ESE_NODE_KEY_MASK ||
        node->prefix.size > ESE_NODE_KEY_MASK || node->data.size > p->size)
        return false;
    uint32_t size = ese_page_node_size(node);
    if (size + ESE_TAG_SIZE > free_bytes(p))
        return false;
    uint32_t at = take(p, size, count + 1);
    if (at == UINT32_MAX)
        return false;
    memmove(tag_at(p, count), tag_at(p, count - 1), (size_t)ESE_TAG_SIZE * (count - tag));
    set_tag_count(p, count + 1);
    ese_page_write_node(p->raw, p->size, tag, at, node);
    add_free(p, -(int32_t)(size + ESE_TAG_SIZE));
    return true;
}

bool ese_page_change_delete(const struct ese_page_change *p, unsigned line)
{
    unsigned count = tag_count(p), tag = line + 1;
    if (tag >= count)
        return false;
    add_free(p, (int32_t)(tag_size(p, tag) + ESE_TAG_SIZE));
    memmove(tag_at(p, count - 2), tag_at(p, count - 1), (size_t)ESE_TAG_SIZE * (count - 1 - tag));
    set_tag_count(p, count - 1);
    return true;
}

/* How many bytes of a node stand before its data; UINT32_MAX when it is too short for its key. */
static uint32_t key_part(const struct ese_page_change *p, unsigned tag)
{
    uint32_t size = tag_size(p, tag);
    const uint8_t *at = tag_data(p, tag);
    if (size < 2)
        return UINT32_MAX;
    uint32_t first = half(at);
    uint8_t flags = is_small(p) ? small_flags(p, tag) : (uint8_t)(first >> ESE_NODE_FLAG_SHIFT);
    uint32_t part = 2 + (first & ESE_NODE_KEY_MASK);
    if (flags & ESE_NODE_COMPRESSED)
        part = size < 4 ? UINT32_MAX : 4 + (half(at + 2) & (uint32_t)ESE_NODE_KEY_MASK);
    return part <= size ? part : UINT32_MAX;
}

bool ese_page_change_data(const struct ese_page_change *p, unsigned line, struct bytes data)
{
    unsigned tag = line + 1;
    if (tag >= tag_count(p))
        return false;
    uint32_t old = tag_size(p, tag), key = key_part(p, tag);
    if (key == UINT32_MAX || data.size > p->size)
        return false;
    uint32_t size = key + (uint32_t)data.size;
    if (size > old) {
        uint8_t kept[2 * (ESE_NODE_KEY_MASK + 1)];
        if (size - old > free_bytes(p) || key > sizeof kept)
            return false;
        /* The old bytes are given up first: without them there may be no room. */
        memcpy(kept, tag_data(p, tag), key);
        uint8_t flags = small_flags(p, tag);
        set_tag(p, tag, 0, 0, flags);
        uint32_t at = take(p, size, tag_count(p));
        if (at == UINT32_MAX) /* free_bytes says there is room: compacting finds it */
            return false;
        set_tag(p, tag, at, size, flags);
        memcpy(tag_data(p, tag), kept, key);
    } else {
        set_tag(p, tag, tag_offset(p, tag), size, small_flags(p, tag));
    }
    if (data.size > 0)
        memcpy(tag_data(p, tag) + key, data.at, data.size);
    add_free(p, (int32_t)old - (int32_t)size);
    return true;
}

bool ese_page_change_flags(const struct ese_page_change *p, unsigned line, uint8_t set,
                           uint8_t clear)
{
    unsigned tag = line + 1;
    if (tag >= tag_count(p) || tag_size(p, tag) < 2)
        return false;
    uint8_t *at = is_small(p) ? tag_at(p, tag) + 2 : tag_data(p, tag);
    uint32_t word = half(at);
    uint32_t flags = (word >> ESE_NODE_FLAG_SHIFT | set) & ~(uint32_t)clear;
    bytes_put_le16(at, (word & ESE_NODE_KEY_MASK) | flags << ESE_NODE_FLAG_SHIFT);
    return true;
}

uint8_t *ese_page_change_at(const struct ese_page_change *p, unsigned line, size_t at, size_t size)
{
    unsigned tag = line + 1;
    if (tag >= tag_count(p))
        return NULL;
    uint32_t key = key_part(p, tag);
    if (key == UINT32_MAX || at > tag_size(p, tag) - key || size > tag_size(p, tag) - key - at)
        return NULL;
    return tag_data(p, tag) + key + at;
}

bool ese_page_change_external(const struct ese_page_change *p, struct bytes header)
{
    uint32_t old = tag_size(p, 0), size = (uint32_t)header.size;
    if (header.size > p->size || (size > old && size - old > free_bytes(p)))
        return false;
    if (size > old) {
        set_tag(p, 0, 0, 0, 0);
        uint32_t at = take(p, size, tag_count(p));
        if (at == UINT32_MAX)
            return false;
        set_tag(p, 0, at, size, 0);
    } else {
        set_tag(p, 0, tag_offset(p, 0), size, 0);
    }
    if (size > 0)
        memcpy(tag_data(p, 0), header.at, size);
    add_free(p, (int32_t)old - (int32_t)size);
    return true;
}

void ese_page_change_fill(const struct ese_page_change *p, uint8_t fill)
{
    compact(p);
    uint32_t used = header_size(p) + first_free(p);
    memset(p->raw + used, fill, p->size - used - (size_t)ESE_TAG_SIZE * tag_count(p));
}

/* ---- the header ---- */

uint64_t ese_page_change_time(const struct ese_page_change *p)
{
    return bytes_get_le64(bytes_of(p->raw, p->size), ESE_PAGE_DBTIME_AT);
}

void ese_page_change_set_time(const struct ese_page_change *p, uint64_t dbtime)
{
    bytes_put_le64(p->raw + ESE_PAGE_DBTIME_AT, dbtime);
}

uint32_t ese_page_change_get_flags(const struct ese_page_change *p)
{
    return bytes_get_le32(bytes_of(p->raw, p->size), ESE_PAGE_FLAGS_AT);
}

void ese_page_change_set_flags(const struct ese_page_change *p, uint32_t flags)
{
    bytes_put_le32(p->raw + ESE_PAGE_FLAGS_AT, flags);
}

bool ese_page_change_settle(const struct ese_page_change *p)
{
    uint32_t flags = ese_page_change_get_flags(p);
    bool changed = false;
    if (!(flags & ESE_PAGE_LEAF) || (flags & ESE_PAGE_SPACE_TREE))
        return false;
    if (half(p->raw + ESE_PAGE_UNCOMMITTED_FREE_AT) != 0) {
        bytes_put_le16(p->raw + ESE_PAGE_UNCOMMITTED_FREE_AT, 0);
        changed = true;
    }
    for (unsigned line = 0; line < ese_page_change_nodes(p); line++) {
        unsigned tag = line + 1;
        const uint8_t *at = is_small(p) ? tag_at(p, tag) + 2 : tag_data(p, tag);
        if (tag_size(p, tag) < 2 || !(half(at) >> ESE_NODE_FLAG_SHIFT & ESE_NODE_VERSION))
            continue;
        ese_page_change_flags(p, line, 0, ESE_NODE_VERSION);
        changed = true;
    }
    return changed;
}
