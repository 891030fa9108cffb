/* The parts of a page as bytes: see page_write.h. */
#include "formats/ese/layout/page_write.h"

void ese_page_write_header(uint8_t *raw, uint32_t size, const struct ese_page *header)
{
    bytes_put_le64(raw + ESE_PAGE_DBTIME_AT, header->dbtime);
    bytes_put_le32(raw + ESE_PAGE_PREV_AT, header->prev);
    bytes_put_le32(raw + ESE_PAGE_NEXT_AT, header->next);
    bytes_put_le32(raw + ESE_PAGE_OBJID_AT, header->objid);
    bytes_put_le32(raw + ESE_PAGE_FLAGS_AT, header->flags);
    if (!ese_page_size_small(size))
        bytes_put_le64(raw + ESE_PAGE_NUMBER_AT, header->number);
}

void ese_page_write_room(uint8_t *raw, uint32_t size, uint32_t used, uint32_t tags)
{
    uint32_t above = bytes_get_le16(bytes_of(raw, size), ESE_PAGE_TAG_COUNT_AT) &
                     ~(uint32_t)ESE_PAGE_TAG_COUNT_MASK;
    bytes_put_le16(raw + ESE_PAGE_FREE_AT,
                   size - ese_page_size_header(size) - used - ESE_TAG_SIZE * tags);
    bytes_put_le16(raw + ESE_PAGE_UNCOMMITTED_FREE_AT, 0);
    bytes_put_le16(raw + ESE_PAGE_FIRST_FREE_AT, used);
    bytes_put_le16(raw + ESE_PAGE_TAG_COUNT_AT, above | tags);
}

void ese_page_write_tag(uint8_t *raw, uint32_t size, unsigned tag, uint32_t at, uint32_t bytes,
                        uint32_t flags)
{
    uint8_t *to = raw + size - (size_t)ESE_TAG_SIZE * (tag + 1);
    bytes_put_le16(to, bytes);
    bytes_put_le16(to + 2, ese_page_size_small(size) ? at | flags << ESE_NODE_FLAG_SHIFT : at);
}

static uint8_t *put(uint8_t *to, struct bytes b)
{
    if (b.size > 0)
        memcpy(to, b.at, b.size);
    return to + b.size;
}

static uint8_t *put_key_field(uint8_t *to, size_t size, uint32_t flags)
{
    bytes_put_le16(to, size | flags << ESE_NODE_FLAG_SHIFT);
    return to + ESE_NODE_KEY_FIELD;
}

uint32_t ese_page_write_node(uint8_t *raw, uint32_t size, unsigned tag, uint32_t at,
                             const struct ese_node *node)
{
    bool compressed = node->prefix.size > 0;
    uint32_t flags = node->flags | (compressed ? ESE_NODE_COMPRESSED : 0u);
    uint8_t *to = raw + ese_page_size_header(size) + at;
    to = put_key_field(to, compressed ? node->prefix.size : node->suffix.size,
                       ese_page_size_small(size) ? 0 : flags);
    if (compressed)
        to = put_key_field(to, node->suffix.size, 0);
    put(put(to, node->suffix), node->data);
    uint32_t bytes = ese_page_node_size(node);
    ese_page_write_tag(raw, size, tag, at, bytes, flags);
    return bytes;
}
