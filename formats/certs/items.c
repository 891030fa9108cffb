/* Items with small headers: see items.h. */
#include "formats/certs/items.h"

#include "formats/certs/der.h"

#include <stdio.h>

enum { COUNT = 4 }; /* bytes of the count in front of all */

static const struct {
    const char *name;
    unsigned bytes;
} sizes[] = {
    [ITEMS_NO_SIZE] = {"", 0},  [ITEMS_LE32] = {"le32", 4}, [ITEMS_BE32] = {"be32", 4},
    [ITEMS_LE16] = {"le16", 2}, [ITEMS_BE16] = {"be16", 2},
};

unsigned items_size_bytes(enum items_size size)
{
    return sizes[size].bytes;
}

/* ---- the layout in words ---- */

static bool read_size_name(const char *name, size_t length, enum items_size *size)
{
    for (unsigned i = ITEMS_LE32; i <= ITEMS_BE16; i++)
        if (strlen(sizes[i].name) == length && memcmp(sizes[i].name, name, length) == 0) {
            *size = (enum items_size)i;
            return true;
        }
    return false;
}

/* Digits up to *end, of which there is at least one, of a number of at most ITEMS_HEADER_MOST. */
static bool read_number(const char *digits, const char **end, unsigned *number)
{
    *number = 0;
    for (*end = digits; **end >= '0' && **end <= '9' && *number <= ITEMS_HEADER_MOST; ++*end)
        *number = *number * 10 + (unsigned)(**end - '0');
    return *end > digits && *number <= ITEMS_HEADER_MOST;
}

struct words {
    struct items_layout *layout;
    bool any, laid_over;
};

static bool take_word(struct words *w, const char *word, size_t length)
{
    struct items_layout *l = w->layout;
    const char *end;
    unsigned number;
    bool first = !w->any;
    w->any = true;
    if (length == 10 && memcmp(word, "count:le32", length) == 0) {
        l->counted = true;
        return first;
    }
    if (length > 5 && memcmp(word, "size:", 5) == 0) {
        l->size_at = l->header;
        if (l->size != ITEMS_NO_SIZE || !read_size_name(word + 5, length - 5, &l->size))
            return false;
        l->header += items_size_bytes(l->size);
        return true;
    }
    if (length > 5 && memcmp(word, "skip:", 5) == 0) {
        bool good = read_number(word + 5, &end, &number) && end == word + length && number > 0;
        l->header += good ? number : 0;
        return good;
    }
    if (length > 5 && memcmp(word, "size@", 5) == 0) {
        if (l->size != ITEMS_NO_SIZE || !read_number(word + 5, &end, &number) || *end != ':' ||
            !read_size_name(end + 1, length - (size_t)(end + 1 - word), &l->size))
            return false;
        l->size_at = number;
        w->laid_over = true;
        return true;
    }
    return false;
}

bool items_layout_read(const char *text, struct items_layout *layout, struct fault *f)
{
    struct words w = {.layout = layout};
    *layout = (struct items_layout){.counted = false};
    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " ");
        if (length > 0 && !take_word(&w, word, length))
            return fault_set(f, FAULT_DAMAGED,
                             "expected [count:le32] [size:le32|be32|le16|be16] [skip:N] "
                             "[size@OFFSET:le32], found %.*s",
                             (int)(length > 40 ? 40 : length), word);
        if (layout->header > ITEMS_HEADER_MOST)
            return fault_set(f, FAULT_LIMIT, "expected at most %d bytes before a certificate",
                             ITEMS_HEADER_MOST);
        word += length;
        word += *word == ' ';
    }
    if (!w.any)
        return fault_set(f, FAULT_DAMAGED, "expected count, size or skip, found nothing");
    if (w.laid_over && layout->size_at + items_size_bytes(layout->size) > layout->header)
        return fault_set(f, FAULT_DAMAGED,
                         "expected size@OFFSET within the bytes that are skipped, found %u",
                         layout->size_at);
    return true;
}

/* A word, with a number behind it when that is not 0. */
static void add_word(char to[ITEMS_TEXT], size_t *used, const char *word, unsigned number)
{
    char digits[12] = "";
    if (number)
        snprintf(digits, sizeof digits, "%u", number);
    *used +=
        (size_t)snprintf(to + *used, ITEMS_TEXT - *used, "%s%s%s", *used ? " " : "", word, digits);
}

const char *items_layout_text(const struct items_layout *l, char to[ITEMS_TEXT])
{
    unsigned size = items_size_bytes(l->size), before = size ? l->size_at : l->header;
    unsigned after = l->header - before - size;
    size_t used = 0;
    to[0] = '\0';
    if (l->counted)
        add_word(to, &used, "count:le32", 0);
    if (before)
        add_word(to, &used, "skip:", before);
    if (size)
        used += (size_t)snprintf(to + used, ITEMS_TEXT - used, "%ssize:%s", used ? " " : "",
                                 sizes[l->size].name);
    if (after)
        add_word(to, &used, "skip:", after);
    return to;
}

/* ---- reading ---- */

bool items_size_read(struct bytes b, size_t at, enum items_size size, uint32_t *value)
{
    uint16_t half = 0;
    struct bytes two;
    switch (size) {
    case ITEMS_LE32:
        return bytes_le32(b, at, value);
    case ITEMS_BE32:
        return bytes_be32(b, at, value);
    case ITEMS_LE16:
        if (!bytes_le16(b, at, &half))
            return false;
        *value = half;
        return true;
    case ITEMS_BE16:
        if (!bytes_cut(b, at, 2, &two))
            return false;
        *value = (uint32_t)bytes_number_be(two);
        return true;
    case ITEMS_NO_SIZE:
        break;
    }
    return false;
}

bool items_open(struct bytes b, const struct items_layout *layout, struct items_reader *r,
                struct fault *f)
{
    *r = (struct items_reader){.b = b, .layout = *layout, .tail = bytes_of(NULL, 0)};
    if (!layout->counted)
        return true;
    r->at = COUNT;
    return bytes_le32(b, 0, &r->left) ||
           fault_set(f, FAULT_DAMAGED, "items: expected a count of 4 bytes, found %zu bytes",
                     b.size);
}

static bool cut_item(const struct items_reader *r, struct items_item *item)
{
    const struct items_layout *l = &r->layout;
    uint32_t size = 0;
    if (!bytes_cut(r->b, r->at, l->header, &item->header))
        return false;
    if (l->size == ITEMS_NO_SIZE) {
        struct der d = der_of(bytes_from(r->b, r->at + l->header), DER_OR_BER);
        struct der_item found;
        if (!der_next(&d, &found))
            return false;
        item->data = found.whole;
    } else if (!items_size_read(item->header, l->size_at, l->size, &size) ||
               !bytes_cut(r->b, r->at + l->header, size, &item->data)) {
        return false;
    }
    item->offset = r->at;
    return item->data.size > 0 && bytes_cut(r->b, r->at, l->header + item->data.size, &item->whole);
}

bool items_next(struct items_reader *r, struct items_item *item, struct fault *f)
{
    bool end = r->layout.counted ? r->left == 0 : r->at >= r->b.size;
    if (r->failed)
        return false;
    if (end) {
        r->tail = bytes_from(r->b, r->at);
        return false;
    }
    if (!cut_item(r, item)) {
        r->failed = true;
        return fault_set(
            f, FAULT_DAMAGED,
            "items: expected one at byte %zu of %zu, found none that ends in the value", r->at,
            r->b.size);
    }
    r->at += item->whole.size;
    r->left -= r->layout.counted;
    return true;
}

/* ---- writing ---- */

static bool put_size(uint8_t *to, enum items_size size, size_t value)
{
    switch (size) {
    case ITEMS_NO_SIZE:
        return true;
    case ITEMS_LE32:
        bytes_put_le32(to, value);
        return value <= UINT32_MAX;
    case ITEMS_BE32:
        bytes_put_be32(to, value);
        return value <= UINT32_MAX;
    case ITEMS_LE16:
        bytes_put_le16(to, value);
        return value <= UINT16_MAX;
    case ITEMS_BE16:
        to[0] = (uint8_t)(value >> 8);
        to[1] = (uint8_t)value;
        return value <= UINT16_MAX;
    }
    return false;
}

bool items_add(struct buffer *out, const struct items_layout *l, struct bytes like,
               struct bytes data, struct fault *f)
{
    uint8_t header[ITEMS_HEADER_MOST] = {0};
    bool known = l->header == items_size_bytes(l->size);
    if (!known && like.size != l->header)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "the list has no item whose header a new one could have");
    if (!known)
        memcpy(header, like.at, like.size);
    if (!put_size(header + l->size_at, l->size, data.size))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "a certificate of %zu bytes does not fit the list's sizes", data.size);
    buffer_add(out, bytes_of(header, l->header));
    return buffer_add(out, data) ||
           fault_set(f, FAULT_NO_MEMORY, "no memory for an item of %zu bytes", data.size);
}

bool items_headers_alike(const struct items_layout *l, struct bytes a, struct bytes b)
{
    size_t behind = l->size_at + items_size_bytes(l->size);
    struct bytes start_a, start_b;
    if (l->size == ITEMS_NO_SIZE || a.size != b.size)
        return bytes_equal(a, b);
    return bytes_cut(a, 0, l->size_at, &start_a) && bytes_cut(b, 0, l->size_at, &start_b) &&
           bytes_equal(start_a, start_b) &&
           bytes_equal(bytes_from(a, behind), bytes_from(b, behind));
}
