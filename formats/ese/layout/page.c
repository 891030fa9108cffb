/* Reading pages, tags and nodes: see page.h. */
#include "formats/ese/layout/page.h"

enum {
    RESERVED_MASK = 7,
};

static bool tag_outside(const struct ese_page *page, unsigned i, const struct ese_tag *tag,
                        size_t room, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED,
                     "page %u tag %u points outside the page: offset %u, size %u, room %zu",
                     page->number, i, tag->offset, tag->size, room);
}

/* Reads tag i, which the page has.  False when its bytes are not all between the page header and
 * the tag array, which is `room` bytes. */
static inline bool read_tag(const struct ese_page *page, unsigned i, struct ese_tag *tag,
                            struct bytes *at, size_t *room)
{
    bool small = ese_page_is_small(page);
    /* One word: the size, then the offset. */
    uint32_t word = bytes_get_le32(page->raw, page->raw.size - ESE_TAG_SIZE * ((size_t)i + 1));
    uint32_t mask = small ? ESE_TAG_SMALL_MASK : ESE_TAG_LARGE_MASK;
    tag->flags = small ? (uint8_t)(word >> (16 + ESE_NODE_FLAG_SHIFT)) : 0;
    tag->size = (uint16_t)(word & mask);
    tag->offset = (uint16_t)(word >> 16 & mask);
    size_t header = ese_page_header_size(page);
    *room = page->raw.size - ESE_TAG_SIZE * (size_t)page->tags - header;
    return bytes_cut(bytes_of(page->raw.at + header, *room), tag->offset, tag->size, at);
}

static bool no_tag(const struct ese_page *page, unsigned i, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "page %u has no tag %u: expected fewer than %u",
                     page->number, i, page->tags);
}

bool ese_page_tag(const struct ese_page *page, unsigned i, struct ese_tag *tag, struct bytes *at,
                  struct fault *f)
{
    size_t room;
    if (i >= page->tags)
        return no_tag(page, i, f);
    return read_tag(page, i, tag, at, &room) || tag_outside(page, i, tag, room, f);
}

int32_t ese_page_unnamed(const struct ese_page *page)
{
    size_t left = page->raw.size - ese_page_header_size(page), used = page->free_bytes;
    for (unsigned i = 0; i < page->tags; i++) {
        struct ese_tag tag;
        struct bytes at;
        size_t room;
        used += ESE_TAG_SIZE + (read_tag(page, i, &tag, &at, &room) ? tag.size : 0u);
    }
    return (int32_t)left - (int32_t)used;
}

struct bytes ese_page_external_header(const struct ese_page *page)
{
    struct ese_tag tag;
    struct bytes at = {.at = page->raw.at, .size = 0};
    if (page->tags > 0)
        ese_page_tag(page, 0, &tag, &at, NULL);
    return at;
}

/* What compressed keys of this page start with. */
static struct bytes key_prefix(const struct ese_page *page)
{
    struct bytes header = ese_page_external_header(page);
    if (!(page->flags & ESE_PAGE_ROOT))
        return header;
    /* A root's external header says what space the tree has; only a space tree's root may carry a
     * prefix, behind the split buffer. */
    return bytes_from(header,
                      page->flags & ESE_PAGE_SPACE_TREE ? ESE_SPLIT_BUFFER_SIZE : header.size);
}

void ese_page_parse(struct bytes raw, uint32_t number, struct ese_page *page)
{
    uint16_t count = bytes_get_le16(raw, ESE_PAGE_TAG_COUNT_AT);
    uint16_t reserved = count >> ESE_PAGE_RESERVED_SHIFT & RESERVED_MASK;
    *page = (struct ese_page){
        .number = number,
        .raw = raw,
        .prev = bytes_get_le32(raw, ESE_PAGE_PREV_AT),
        .next = bytes_get_le32(raw, ESE_PAGE_NEXT_AT),
        .objid = bytes_get_le32(raw, ESE_PAGE_OBJID_AT),
        .flags = bytes_get_le32(raw, ESE_PAGE_FLAGS_AT),
        .free_bytes = bytes_get_le16(raw, ESE_PAGE_FREE_AT),
        .uncommitted_free = bytes_get_le16(raw, ESE_PAGE_UNCOMMITTED_FREE_AT),
        .first_free = bytes_get_le16(raw, ESE_PAGE_FIRST_FREE_AT),
        .tags = count & ESE_PAGE_TAG_COUNT_MASK,
        .reserved = reserved ? reserved : 1, /* before reserved tags had a count there was one */
        .dbtime = bytes_get_le64(raw, ESE_PAGE_DBTIME_AT),
    };
    page->tag_array_fits =
        ese_page_header_size(page) + (size_t)page->tags * ESE_TAG_SIZE <= raw.size;
    if (!page->tag_array_fits)
        page->tags = 0;
    page->key_prefix = key_prefix(page);
}

static bool prefix_outside(const struct ese_page *page, unsigned t, unsigned size, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED,
                     "page %u tag %u takes %u bytes from the page's key prefix, which has %zu",
                     page->number, t, size, page->key_prefix.size);
}

static bool key_outside(const struct ese_page *page, unsigned t, size_t size, unsigned key_size,
                        struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED,
                     "page %u tag %u is too short for its key: %zu bytes, key of %u", page->number,
                     t, size, key_size);
}

/* Most of all reading goes through here: what is wrong is told elsewhere, so that nothing is got
 * ready for it. */
bool ese_page_node(const struct ese_page *page, unsigned i, struct ese_node *node, struct fault *f)
{
    struct ese_tag tag;
    struct bytes at;
    size_t room, key_at = ESE_NODE_KEY_FIELD;
    unsigned t = i + page->reserved;
    if (t >= page->tags)
        return no_tag(page, t, f);
    if (!read_tag(page, t, &tag, &at, &room))
        return tag_outside(page, t, &tag, room, f);
    uint16_t first = bytes_get_le16(at, 0);
    uint16_t key_size = first & ESE_NODE_KEY_MASK;
    node->flags = ese_page_is_small(page) ? tag.flags : (uint8_t)(first >> ESE_NODE_FLAG_SHIFT);
    node->prefix = bytes_of(at.at, 0);
    if (node->flags & ESE_NODE_COMPRESSED) {
        if (!bytes_cut(page->key_prefix, 0, key_size, &node->prefix))
            return prefix_outside(page, t, key_size, f);
        key_size = bytes_get_le16(at, ESE_NODE_KEY_FIELD) & ESE_NODE_KEY_MASK;
        key_at = (size_t)2 * ESE_NODE_KEY_FIELD;
    }
    if (!bytes_cut(at, key_at, key_size, &node->suffix))
        return key_outside(page, t, at.size, key_size, f);
    node->data = bytes_from(at, key_at + key_size);
    return true;
}

uint32_t ese_node_child(const struct ese_node *node)
{
    return node->data.size == 4 ? bytes_get_le32(node->data, 0) : 0;
}

bool ese_node_key(const struct ese_node *node, uint8_t *to, size_t room, struct bytes *key)
{
    if (node->prefix.size > room || node->suffix.size > room - node->prefix.size)
        return false;
    if (node->prefix.size > 0)
        memcpy(to, node->prefix.at, node->prefix.size);
    if (node->suffix.size > 0)
        memcpy(to + node->prefix.size, node->suffix.at, node->suffix.size);
    *key = bytes_of(to, node->prefix.size + node->suffix.size);
    return true;
}

/* ---- order ---- */

static bool place_byte(struct ese_place place, size_t i, uint8_t *byte)
{
    return i < place.key.size ? bytes_u8(place.key, i, byte)
                              : bytes_u8(place.data, i - place.key.size, byte);
}

size_t ese_separator(struct ese_place left, struct ese_place right, uint8_t *to)
{
    for (size_t i = 0;; i++) {
        uint8_t a = 0, b = 0;
        bool has_a = place_byte(left, i, &a), has_b = place_byte(right, i, &b);
        if (has_b)
            to[i] = b;
        if (!has_b || !has_a || a != b)
            return has_b ? i + 1 : i;
    }
}
