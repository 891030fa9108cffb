/* The tag-length-value walk: see der.h. */
#include "formats/certs/der.h"

#include <stdio.h>

enum { INDEFINITE = 0x80, LENGTH_OCTETS_LIMIT = 8 };

struct header {
    uint8_t id;
    uint32_t number;
    size_t size;   /* octets of identifier and length */
    size_t length; /* of the contents; unknown yet when indefinite */
    bool indefinite;
    bool shortest;
};

/* X.690 8.1.2.4: a tag number above 30 in base 128, in the one form that BER, too, allows.  Four
 * octets are more than any standard uses. */
static bool read_high_tag(struct bytes b, size_t *at, struct header *h)
{
    uint8_t octet;
    h->number = 0;
    for (int i = 0; i < 4; i++) {
        if (!bytes_u8(b, (*at)++, &octet) || (i == 0 && octet == 0x80))
            return false;
        h->number = h->number << 7 | (octet & 0x7fu);
        if ((octet & 0x80) == 0)
            return h->number >= 0x1f;
    }
    return false;
}

/* X.690 8.1.3.5: the length in `octets` octets, big end first. */
static bool read_long_length(struct bytes b, size_t *at, unsigned octets, struct header *h)
{
    uint64_t length = 0;
    uint8_t octet = 0;
    if (octets > LENGTH_OCTETS_LIMIT)
        return false;
    for (unsigned i = 0; i < octets; i++) {
        if (!bytes_u8(b, (*at)++, &octet))
            return false;
        if (i == 0 && octet == 0)
            h->shortest = false;
        length = length << 8 | octet;
    }
    if (length < 0x80)
        h->shortest = false;
    if (length > b.size)
        return false;
    h->length = (size_t)length;
    return true;
}

static bool read_header(struct bytes b, size_t at, struct header *h)
{
    size_t start = at;
    uint8_t octet;
    if (!bytes_u8(b, at++, &h->id))
        return false;
    h->shortest = true;
    h->indefinite = false;
    h->length = 0;
    h->number = h->id & 0x1f;
    if (h->number == 0x1f && !read_high_tag(b, &at, h))
        return false;
    if (!bytes_u8(b, at++, &octet))
        return false;
    if (octet < 0x80) {
        h->length = octet;
    } else if (octet == INDEFINITE) {
        h->indefinite = true;
        h->shortest = false;
    } else if (!read_long_length(b, &at, octet & 0x7f, h)) {
        return false;
    }
    h->size = at - start;
    return true;
}

/* Finds the end mark (two zero octets) of the indefinite item whose contents start at `at`.
 * Definite items are stepped over whole, so that the cost is linear whatever is nested. */
static bool find_end_mark(struct bytes b, size_t at, size_t *end)
{
    unsigned open = 1;
    struct header h;
    for (;;) {
        if (!read_header(b, at, &h))
            return false;
        if (h.id == 0) {
            if (h.length != 0 || h.indefinite || !h.shortest)
                return false;
            if (--open == 0) {
                *end = at;
                return true;
            }
        } else if (h.indefinite) {
            if ((h.id & DER_CONSTRUCTED) == 0 || ++open > DER_DEPTH_LIMIT)
                return false;
        } else if (!bytes_has(b, at + h.size, h.length)) {
            return false;
        }
        at += h.size + h.length;
    }
}

static bool read_item(const struct der *d, struct der_item *item)
{
    struct header h;
    struct der_item found;
    if (!read_header(d->b, d->at, &h))
        return false;
    /* Universal tag 0 is the end mark, and no item of its own. */
    if ((h.id & ~DER_CONSTRUCTED) == 0)
        return false;
    if (d->rules == DER_ONLY && !h.shortest)
        return false;
    size_t inside = d->at + h.size, end = 0;
    if (h.indefinite) {
        if ((h.id & DER_CONSTRUCTED) == 0 || !find_end_mark(d->b, inside, &end))
            return false;
        h.length = end - inside;
        end += 2;
    } else {
        end = inside + h.length;
    }
    if (!bytes_cut(d->b, inside, h.length, &found.contents) ||
        !bytes_cut(d->b, d->at, end - d->at, &found.whole))
        return false;
    found.id = h.id;
    found.number = h.number;
    found.offset = d->origin + d->at;
    found.header = h.size;
    found.shortest = h.shortest;
    *item = found;
    return true;
}

static bool is_string(uint8_t id)
{
    switch (id & ~DER_CONSTRUCTED) {
    case DER_BIT_STRING:
    case DER_OCTET_STRING:
    case DER_UTF8_STRING:
    case DER_NUMERIC_STRING:
    case DER_PRINTABLE_STRING:
    case DER_TELETEX_STRING:
    case 0x15: /* VideotexString */
    case DER_IA5_STRING:
    case DER_UTC_TIME:
    case DER_GENERALIZED_TIME:
    case 0x19: /* GraphicString */
    case DER_VISIBLE_STRING:
    case 0x1b: /* GeneralString */
    case DER_UNIVERSAL_STRING:
    case DER_BMP_STRING:
        return true;
    default:
        return false;
    }
}

static bool unused_bits_are_zero(struct bytes contents)
{
    uint8_t unused, last;
    if (!bytes_u8(contents, 0, &unused) || unused > 7)
        return false;
    if (contents.size == 1)
        return unused == 0;
    bytes_u8(contents, contents.size - 1, &last);
    return (last & ((1u << unused) - 1)) == 0;
}

static bool primitive_is_strict(const struct der_item *item)
{
    uint8_t first = bytes_get_u8(item->contents, 0);
    switch (item->id) {
    case DER_BOOLEAN:
        return item->contents.size == 1 && (first == 0 || first == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return item->contents.size > 0 &&
               der_minimal_integer(item->contents).size == item->contents.size;
    case DER_BIT_STRING:
        return unused_bits_are_zero(item->contents);
    case DER_NULL:
        return item->contents.size == 0;
    case DER_SEQUENCE & ~DER_CONSTRUCTED:
    case DER_SET & ~DER_CONSTRUCTED:
        return false;
    default:
        return true;
    }
}

static bool items_are_strict(struct der d, bool in_set)
{
    struct der_item item;
    struct bytes before = {0};
    while (der_next(&d, &item)) {
        /* X.690 11.6: the members of a SET OF ascend. */
        if (in_set && bytes_compare(before, item.whole) > 0)
            return false;
        before = item.whole;
        if ((item.id & DER_CONSTRUCTED) == 0) {
            if (!primitive_is_strict(&item))
                return false;
        } else if (is_string(item.id) ||
                   !items_are_strict(der_into(&d, &item), item.id == DER_SET)) {
            return false;
        }
    }
    return !d.failed;
}

/* Appends the segments of a constructed string, which may be constructed themselves.  Of a BIT
 * STRING each segment starts with its count of unused bits; *unused keeps the last. */
static bool join_segments(struct der d, uint8_t id, struct buffer *out, uint8_t *unused)
{
    struct der_item item;
    while (der_next(&d, &item)) {
        if ((item.id & ~DER_CONSTRUCTED) != id)
            return false;
        struct bytes octets = item.contents;
        if ((item.id & DER_CONSTRUCTED) != 0) {
            if (!join_segments(der_into(&d, &item), id, out, unused))
                return false;
            continue;
        }
        if (id == DER_BIT_STRING) {
            if (*unused != 0 || !bytes_u8(octets, 0, unused) || *unused > 7)
                return false;
            octets = bytes_from(octets, 1);
        }
        buffer_add(out, octets);
    }
    return !d.failed;
}

static bool normalise_string(const struct der *d, const struct der_item *item, struct buffer *out)
{
    uint8_t id = (uint8_t)(item->id & ~DER_CONSTRUCTED), unused = 0;
    size_t start = out->size;
    if (id == DER_BIT_STRING)
        buffer_add_u8(out, 0);
    if (!join_segments(der_into(d, item), id, out, &unused))
        return false;
    if (id == DER_BIT_STRING && !out->failed) {
        if (unused != 0 && out->size == start + 1)
            return false;
        out->at[start] = unused;
        if (unused != 0)
            out->at[out->size - 1] &= (uint8_t)(0xff << unused);
    }
    der_wrap(out, start, id);
    return true;
}

static void normalise_primitive(const struct der_item *item, struct buffer *out)
{
    size_t start = out->size;
    if (!buffer_add(out, item->contents) || item->contents.size == 0)
        return;
    uint8_t *octets = out->at + start;
    if (item->id == DER_BOOLEAN && item->contents.size == 1 && octets[0] != 0)
        octets[0] = 0xff;
    if (item->id == DER_BIT_STRING && item->contents.size > 1 && octets[0] <= 7)
        out->at[out->size - 1] &= (uint8_t)(0xff << octets[0]);
}

/* Puts the header before what was written since `start`; a tag number above 30 takes more octets.
 */
static void wrap_item(struct buffer *out, size_t start, const struct der_item *item)
{
    uint8_t octets[4], count = 0;
    der_wrap(out, start, item->id);
    if ((item->id & 0x1f) != 0x1f)
        return;
    for (int shift = 21; shift >= 0; shift -= 7) {
        uint8_t part = (uint8_t)(item->number >> shift & 0x7f);
        if (part != 0 || count > 0)
            octets[count++] = (uint8_t)(part | (shift > 0 ? 0x80 : 0));
    }
    buffer_insert(out, start + 1, bytes_of(octets, count));
}

static bool normalise_item(const struct der *d, const struct der_item *item, struct buffer *out)
{
    size_t start = out->size;
    if ((item->id & DER_CONSTRUCTED) == 0) {
        normalise_primitive(item, out);
        wrap_item(out, start, item);
        return true;
    }
    if (is_string(item->id))
        return normalise_string(d, item, out);
    struct der inside = der_into(d, item);
    struct der_item member;
    while (der_next(&inside, &member)) {
        if (!normalise_item(&inside, &member, out))
            return false;
    }
    wrap_item(out, start, item);
    return !inside.failed;
}

struct der der_of(struct bytes b, enum der_rules rules)
{
    return (struct der){.b = b, .rules = rules};
}

struct der der_into(const struct der *parent, const struct der_item *item)
{
    return (struct der){
        .b = item->contents,
        .origin = item->offset + item->header,
        .depth = parent->depth + 1,
        .rules = parent->rules,
        .failed = parent->depth + 1 >= DER_DEPTH_LIMIT || (item->id & DER_CONSTRUCTED) == 0,
    };
}

bool der_more(const struct der *d)
{
    return !d->failed && d->at < d->b.size;
}

uint8_t der_peek(const struct der *d)
{
    uint8_t id = 0;
    if (!d->failed)
        bytes_u8(d->b, d->at, &id);
    return id;
}

bool der_next(struct der *d, struct der_item *item)
{
    if (!der_more(d))
        return false;
    if (!read_item(d, item)) {
        d->failed = true;
        return false;
    }
    d->at += item->whole.size;
    return true;
}

bool der_take(struct der *d, uint8_t id, struct der_item *item)
{
    return der_peek(d) == id && der_next(d, item);
}

struct bytes der_rest(const struct der *d)
{
    return bytes_from(d->b, d->at);
}

bool der_is_strict(struct bytes b)
{
    struct der d = der_of(b, DER_ONLY);
    struct der_item only;
    if (!der_next(&d, &only) || der_more(&d))
        return false;
    return items_are_strict(der_of(b, DER_ONLY), false);
}

bool der_normalise(struct bytes b, struct buffer *out, struct fault *f)
{
    struct der d = der_of(b, DER_OR_BER);
    struct der_item item;
    if (!der_next(&d, &item) || !normalise_item(&d, &item, out))
        return fault_set(f, FAULT_DAMAGED,
                         "expected one BER item at most %d levels deep, found other bytes",
                         DER_DEPTH_LIMIT);
    if (out->failed)
        return fault_set(f, FAULT_NO_MEMORY, "no memory to write %zu bytes of DER", b.size);
    return true;
}

struct bytes der_minimal_integer(struct bytes contents)
{
    uint8_t first, second;
    while (bytes_u8(contents, 1, &second)) {
        bytes_u8(contents, 0, &first);
        bool padding = (first == 0x00 && second < 0x80) || (first == 0xff && second >= 0x80);
        if (!padding)
            break;
        contents = bytes_from(contents, 1);
    }
    return contents;
}

/* The contents of a primitive string, or of the one segment of a constructed one. */
static bool whole_string(const struct der *d, const struct der_item *item, uint8_t id,
                         struct bytes *contents)
{
    struct der_item segment = *item;
    struct der inside = *d;
    while (segment.id == (id | DER_CONSTRUCTED)) {
        inside = der_into(&inside, &segment);
        if (!der_next(&inside, &segment) || der_more(&inside))
            return false;
    }
    if (segment.id != id)
        return false;
    *contents = segment.contents;
    return true;
}

bool der_bits(const struct der *d, const struct der_item *item, struct bytes *bits, uint8_t *unused)
{
    struct bytes contents;
    uint8_t count;
    if (!whole_string(d, item, DER_BIT_STRING, &contents) || !bytes_u8(contents, 0, &count) ||
        count > 7)
        return false;
    *bits = bytes_from(contents, 1);
    *unused = count;
    return true;
}

bool der_octets(const struct der *d, const struct der_item *item, struct bytes *octets)
{
    return whole_string(d, item, DER_OCTET_STRING, octets);
}

/* Appends one number and keeps snprintf's promise about the length. */
static size_t add_arc(char *text, size_t size, size_t used, const char *dot, uint64_t arc)
{
    char part[24];
    int length = snprintf(part, sizeof part, "%s%llu", dot, (unsigned long long)arc);
    for (int i = 0; i < length; i++, used++) {
        if (used + 1 < size)
            text[used] = part[i];
    }
    return used;
}

size_t der_oid_text(struct bytes contents, char *text, size_t size)
{
    size_t used = 0, end;
    uint64_t arc = 0;
    bool first = true, complete = false;
    for (size_t at = 0; at < contents.size; at++) {
        uint8_t octet = bytes_get_u8(contents, at);
        complete = false;
        if (arc >> 56 != 0)
            break;
        arc = arc << 7 | (octet & 0x7f);
        if ((octet & 0x80) != 0)
            continue;
        if (first) {
            /* X.690 8.19.4: the first two arcs share one number. */
            uint64_t top = arc < 80 ? arc / 40 : 2;
            used = add_arc(text, size, used, "", top);
            arc -= top * 40;
            first = false;
        }
        used = add_arc(text, size, used, ".", arc);
        arc = 0;
        complete = true;
    }
    if (!complete) {
        used = 1;
        if (size > 1)
            text[0] = '?';
    }
    end = used < size ? used : size - 1;
    if (size > 0)
        text[end] = '\0';
    return used;
}

bool der_wrap(struct buffer *out, size_t at, uint8_t id)
{
    uint8_t header[2 + sizeof(size_t)] = {id}, count = 0;
    if (out->failed)
        return false;
    size_t length = out->size - at;
    if (length < 0x80) {
        header[1] = (uint8_t)length;
        return buffer_insert(out, at, bytes_of(header, 2));
    }
    for (size_t left = length; left > 0; left >>= 8)
        count++;
    header[1] = (uint8_t)(0x80 | count);
    for (uint8_t i = 0; i < count; i++)
        header[2 + i] = (uint8_t)(length >> 8 * (count - 1 - i));
    return buffer_insert(out, at, bytes_of(header, 2u + count));
}
