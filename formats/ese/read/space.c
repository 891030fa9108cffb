/* Reading the space of a tree: see space.h. */
#include "formats/ese/read/space.h"

enum {
    SPACE_MULTIPLE = 0x1,
    SPACE_NON_UNIQUE = 0x2,
    SPACE_NEWER = 0x4,
    FIELD_SPACE = 0x1, /* fields of an external header that starts with a byte of flags */
    FIELD_AUTO_INCREMENT = 0x2,
    KEY_HAS_POOL = 0x80,
    KEY_POOL = 0x07,
    BITS = ESE_SPACE_SINGLE_MOST - 1,
};

static void read_header(struct reader *r, struct ese_space *space)
{
    space->pages = reader_le32(r);
    space->parent = reader_le32(r);
    uint32_t flags = reader_le32(r), last = reader_le32(r);
    space->multiple = flags & SPACE_MULTIPLE;
    space->non_unique = flags & SPACE_NON_UNIQUE;
    space->newer = flags & SPACE_NEWER;
    if (!space->multiple) {
        space->available = last;
    } else {
        space->owned_root = last;
        space->available_root = last + 1;
    }
}

bool ese_space_read(const struct ese_page *root, struct ese_space *space, struct fault *f)
{
    struct reader r = reader_of(ese_page_external_header(root));
    uint8_t fields = FIELD_SPACE;
    *space = (struct ese_space){.pages = 0};
    if (r.b.size != ESE_SPACE_HEADER_SIZE)
        fields = reader_u8(&r);
    if (fields & FIELD_SPACE)
        read_header(&r, space);
    space->has_auto_increment = fields & FIELD_AUTO_INCREMENT;
    if (space->has_auto_increment)
        space->auto_increment = reader_le64(&r);
    if (r.failed || reader_left(&r) != 0 || !(fields & FIELD_SPACE))
        return fault_set(f, FAULT_DAMAGED, "page %u: a space header of %zu bytes, expected %u",
                         root->number, r.b.size, ESE_SPACE_HEADER_SIZE);
    return true;
}

static bool possible(uint32_t last, uint32_t count)
{
    return last != 0 && last <= ESE_PAGE_NUMBER_MOST && count <= last;
}

bool ese_extent_read(struct bytes key, struct bytes data, struct ese_extent *extent,
                     struct fault *f)
{
    uint8_t pool = 0;
    uint32_t last = 0, count = 0;
    bool with_pool = key.size == 5;
    if (with_pool)
        bytes_u8(key, 0, &pool);
    if ((key.size != 4 && !with_pool) || data.size != 4)
        return fault_set(f, FAULT_DAMAGED,
                         "an extent's key and data have %zu and %zu bytes, expected 4 (or 5) and 4",
                         key.size, data.size);
    bytes_be32(key, with_pool, &last);
    bytes_le32(data, 0, &count);
    extent->pool = pool & KEY_POOL;
    if (with_pool && ((pool & ~KEY_POOL) != KEY_HAS_POOL || extent->pool == ESE_POOL_GENERAL ||
                      extent->pool > ESE_POOL_SHELVED))
        return fault_set(f, FAULT_DAMAGED, "an extent names pool byte 0x%02x, which does not exist",
                         pool);
    if (!possible(last, count))
        return fault_set(f, FAULT_DAMAGED, "an extent of %u pages that ends with page %u", count,
                         last);
    extent->first = last - count + 1;
    extent->count = count;
    return true;
}

bool ese_split_buffer_read(const struct ese_page *root, struct ese_split_buffer *buffer,
                           struct fault *f)
{
    struct reader r = reader_of(ese_page_external_header(root));
    *buffer = (struct ese_split_buffer){.extent[0].count = 0};
    if (r.b.size == 0)
        return true;
    for (int i = 0; i < 2; i++) {
        uint32_t last = reader_le32(&r), count = reader_le32(&r);
        if (r.failed || (count != 0 && !possible(last, count)))
            return fault_set(f, FAULT_DAMAGED,
                             "page %u: its split buffer names %u pages up to page %u", root->number,
                             count, last);
        buffer->extent[i] = (struct ese_extent){.first = last - count + 1, .count = count};
    }
    if (r.b.size != ESE_SPLIT_BUFFER_SIZE)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: a split buffer of %zu bytes, expected none or %u", root->number,
                         r.b.size, ESE_SPLIT_BUFFER_SIZE);
    return true;
}

bool ese_extents_open(struct ese_extents *e, struct ese_pages *pages, uint32_t root, uint32_t objid,
                      bool available, struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(pages, root, &page, f))
        return false;
    bool ok = ese_space_read(page, &e->space, f);
    ese_pages_put(pages, page);
    if (!ok)
        return false;
    e->root = root;
    e->available = available;
    e->at = 0;
    ese_cursor_open(&e->cursor, pages, available ? e->space.available_root : e->space.owned_root,
                    objid);
    return true;
}

void ese_extents_close(struct ese_extents *e)
{
    ese_cursor_close(&e->cursor);
}

/* The next run of free pages, or the one extent that is owned. */
static enum ese_step next_of_single(struct ese_extents *e, struct ese_extent *extent)
{
    if (!e->available && e->at < ESE_SPACE_SINGLE_MOST) {
        e->at = ESE_SPACE_SINGLE_MOST;
        *extent = (struct ese_extent){.first = e->root, .count = e->space.pages};
        return ESE_STEP_NODE;
    }
    while (e->at < BITS && !(e->space.available >> e->at & 1))
        e->at++;
    if (e->at >= BITS)
        return ESE_STEP_END;
    *extent = (struct ese_extent){.first = e->root + 1 + e->at};
    for (; e->at < BITS && (e->space.available >> e->at & 1); e->at++)
        extent->count++;
    return ESE_STEP_NODE;
}

enum ese_step ese_extents_next(struct ese_extents *e, struct ese_extent *extent, struct fault *f)
{
    if (!e->space.multiple)
        return next_of_single(e, extent);
    enum ese_step step = ese_cursor_next(&e->cursor, f);
    if (step == ESE_STEP_NODE && !ese_extent_read(e->cursor.key, e->cursor.data, extent, f))
        return ESE_STEP_FAULT;
    return step;
}
