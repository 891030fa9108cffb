/*
 * Pages as a record carries them: see log/parts.h.
 *
 * Pages of a split, a merge or a move can be of different ages: some were written after the change,
 * others not.  Where a new page has to be made from nodes of one that has given them away already,
 * the record has that page as it was; it is then taken back to that, and gets later changes again
 * from later records.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrReplacePageImage,
 * RebuildPageImageHeaderTrailer), ese/cpage.cxx (DehydratePage, RehydratePage), ese/node.cxx.
 */
#include "formats/ese/layout/compress.h"
#include "formats/ese/log/parts.h"

enum {
    IMAGE_DEHYDRATED = 0x1,
    IMAGE_XPRESS = 0x2,
};

/* The page as it was before: packed without the room in its middle, compressed, both or neither. */
static bool unpack_image(struct ese_replay *r, struct bytes image, uint32_t flags, uint8_t *to,
                         struct fault *f)
{
    size_t size = image.size;
    if (flags & IMAGE_XPRESS) {
        if (!ese_decompress(image, to, r->page_size, &size, f))
            return false;
    } else if (size <= r->page_size) {
        memcpy(to, image.at, size);
    }
    if (size > r->page_size || size < ESE_PAGE_HEADER_LARGE)
        return fault_set(f, FAULT_DAMAGED, "the image of a page has %zu bytes", size);
    if (!(flags & IMAGE_DEHYDRATED) || size == r->page_size)
        return size == r->page_size ||
               fault_set(f, FAULT_DAMAGED, "the image of a page has %zu bytes, expected %u", size,
                         r->page_size);
    struct bytes b = bytes_of(to, size);
    size_t tags = ESE_TAG_SIZE *
                  (size_t)(bytes_get_le16(b, ESE_PAGE_TAG_COUNT_AT) & ESE_PAGE_TAG_COUNT_MASK),
           grown = r->page_size - size;
    size_t free_bytes = bytes_get_le16(b, ESE_PAGE_FREE_AT) + grown;
    if (tags > size || free_bytes > r->page_size)
        return fault_set(f, FAULT_DAMAGED, "the image of a page has tags that do not fit");
    memmove(to + r->page_size - tags, to + size - tags, tags);
    memset(to + size - tags, 0, grown);
    bytes_put_le16(to + ESE_PAGE_FREE_AT, free_bytes);
    return true;
}

bool log_take_back(struct ese_replay *r, struct log_target *t, struct bytes image, uint32_t flags,
                   uint64_t before, struct fault *f)
{
    struct log_frame *frame;
    uint32_t number = t->frame->number;
    if (!unpack_image(r, image, flags, r->scratch, f) ||
        !log_pages_new(r->pages, number, &frame, f))
        return false;
    frame->page.number = number;
    memcpy(frame->page.raw, r->scratch, r->page_size);
    ese_page_change_set_time(&frame->page, before);
    t->frame = frame;
    t->needed = true;
    return ese_page_change_sound(&frame->page, f);
}

/* ---- lines ---- */

size_t log_common(const struct ese_node *a, struct bytes key)
{
    size_t size = a->prefix.size + a->suffix.size, i = 0;
    while (i < size && i < key.size &&
           (i < a->prefix.size ? a->prefix.at[i] : a->suffix.at[i - a->prefix.size]) == key.at[i])
        i++;
    return i > 2 ? i : 0;
}

bool log_put_line(const struct ese_page_change *page, unsigned at, const struct ese_node *from,
                  size_t shared, uint8_t flags)
{
    uint8_t key[ESE_KEY_ROOM];
    struct bytes whole;
    struct ese_node node = *from;
    node.flags = flags;
    if (from->prefix.size != shared) {
        if (!ese_node_key(from, key, sizeof key, &whole) || shared > whole.size)
            return false;
        node.prefix = bytes_of(whole.at, shared);
        node.suffix = bytes_from(whole, shared);
    }
    return ese_page_change_insert(page, at, &node);
}
