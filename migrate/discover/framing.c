/*
 * Discovery: which layout a list of items in a row has, found by trying: see discover/parts.h.
 *
 * The first certificate tells how many bytes stand before it, and which of them are its size; what
 * fits there has to fit all the others.
 */
#include "migrate/discover/parts.h"

enum {
    COUNT = 4,      /* bytes of a count */
    ITEMS_LEAST = 2 /* one certificate behind a header is no list */
};

/* Where the first certificate stands, and how long it is. */
static bool find_first(struct bytes value, size_t *at, size_t *size)
{
    struct x509_certificate c;
    uint8_t first;
    for (*at = 0; *at <= ITEMS_HEADER_MOST + COUNT && bytes_u8(value, *at, &first); ++*at) {
        if (first != DER_SEQUENCE || !x509_certificate_read(bytes_from(value, *at), &c, NULL))
            continue;
        *size = c.envelope.whole.size;
        return true;
    }
    return false;
}

bool discover_may_be_items(struct bytes value)
{
    size_t at, size;
    return find_first(value, &at, &size) && at > 0;
}

/* Bytes that nothing is known of have to be alike where no size in them tells that they are a
 * header. */
bool discover_fits(struct bytes value, const struct items_layout *layout)
{
    struct items_reader r;
    struct items_item item;
    struct x509_certificate c;
    struct bytes header = {.at = NULL};
    unsigned items = 0;
    if (!items_open(value, layout, &r, NULL))
        return false;
    for (; items_next(&r, &item, NULL); items++) {
        if (!x509_certificate_read(item.data, &c, NULL) || c.envelope.trailing.size > 0 ||
            (items > 0 && layout->size == ITEMS_NO_SIZE &&
             !items_headers_alike(layout, header, item.header)))
            return false;
        header = item.header;
    }
    return !r.failed && r.tail.size == 0 && items >= ITEMS_LEAST;
}

/* The layouts with that much header; a size before none, and a long one before a short one, which
 * would be a part of it. */
static bool try_header(struct bytes value, struct items_layout *layout, size_t header, size_t size)
{
    size_t start = layout->counted ? COUNT : 0;
    uint32_t found;
    layout->header = (unsigned)header;
    for (unsigned s = ITEMS_LE32; s <= ITEMS_BE16; s++)
        for (unsigned at = 0; at + items_size_bytes((enum items_size)s) <= header; at++) {
            layout->size = (enum items_size)s;
            layout->size_at = at;
            if (items_size_read(value, start + at, layout->size, &found) && found == size &&
                discover_fits(value, layout))
                return true;
        }
    layout->size = ITEMS_NO_SIZE;
    layout->size_at = 0;
    return discover_fits(value, layout);
}

bool discover_items(struct bytes value, struct certlist_form *form)
{
    size_t at, size;
    *form = (struct certlist_form){.kind = CERTLIST_ITEMS};
    if (!find_first(value, &at, &size))
        return false;
    form->items.counted = true;
    if (at >= COUNT && try_header(value, &form->items, at - COUNT, size))
        return true;
    form->items.counted = false;
    return at > 0 && at <= ITEMS_HEADER_MOST && try_header(value, &form->items, at, size);
}
