/*
 * Checked access to bytes that nobody vouches for.
 *
 * Every parser of this project reads its input through this file; no other file does pointer
 * arithmetic on input.  A `struct bytes` is a borrowed, read-only run of bytes: it owns nothing and
 * is valid as long as what it was cut from.  All reads are bounds-checked and work at any
 * alignment.
 *
 * Two ways to read:
 *   - at an offset: bytes_le32(b, at, &value) returns false, and leaves value untouched, when the
 *     four bytes are not all inside b;
 *   - in sequence: a `struct reader` walks forward and remembers the first failure, so that a
 *     structure can be read field by field and checked once at the end.
 */
#ifndef KM_FORMATS_BYTES_H
#define KM_FORMATS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t size;
};

static inline struct bytes bytes_of(const void *at, size_t size)
{
    return (struct bytes){.at = at, .size = size};
}

/* True when `size` bytes at offset `at` all lie inside b; safe against overflow of at + size. */
static inline bool bytes_has(struct bytes b, size_t at, size_t size)
{
    return at <= b.size && size <= b.size - at;
}

/* Cuts `size` bytes at offset `at` out of b.  False, *out untouched, when they are not all there.
 */
static inline bool bytes_cut(struct bytes b, size_t at, size_t size, struct bytes *out)
{
    if (!bytes_has(b, at, size))
        return false;
    *out = (struct bytes){.at = at ? b.at + at : b.at, .size = size};
    return true;
}

/* Everything of b from offset `at` on; empty when `at` lies beyond the end. */
static inline struct bytes bytes_from(struct bytes b, size_t at)
{
    if (at > b.size)
        at = b.size;
    return (struct bytes){.at = at ? b.at + at : b.at, .size = b.size - at};
}

static inline bool bytes_u8(struct bytes b, size_t at, uint8_t *value)
{
    if (!bytes_has(b, at, 1))
        return false;
    *value = b.at[at];
    return true;
}

static inline bool bytes_le16(struct bytes b, size_t at, uint16_t *value)
{
    if (!bytes_has(b, at, 2))
        return false;
    *value = (uint16_t)(b.at[at] | b.at[at + 1] << 8);
    return true;
}

static inline bool bytes_le32(struct bytes b, size_t at, uint32_t *value)
{
    if (!bytes_has(b, at, 4))
        return false;
    const uint8_t *p = b.at + at;
    *value = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return true;
}

static inline bool bytes_le64(struct bytes b, size_t at, uint64_t *value)
{
    uint32_t low, high;
    if (!bytes_has(b, at, 8) || !bytes_le32(b, at, &low) || !bytes_le32(b, at + 4, &high))
        return false;
    *value = (uint64_t)high << 32 | low;
    return true;
}

static inline bool bytes_be32(struct bytes b, size_t at, uint32_t *value)
{
    if (!bytes_has(b, at, 4))
        return false;
    const uint8_t *p = b.at + at;
    *value = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
    return true;
}

/* The same, and 0 where the bytes are not all there: for fields of what is known to be long enough,
 * and for those that older versions do not have. */
static inline uint8_t bytes_get_u8(struct bytes b, size_t at)
{
    uint8_t value = 0;
    bytes_u8(b, at, &value);
    return value;
}

static inline uint16_t bytes_get_le16(struct bytes b, size_t at)
{
    uint16_t value = 0;
    bytes_le16(b, at, &value);
    return value;
}

static inline uint32_t bytes_get_le32(struct bytes b, size_t at)
{
    uint32_t value = 0;
    bytes_le32(b, at, &value);
    return value;
}

static inline uint64_t bytes_get_le64(struct bytes b, size_t at)
{
    uint64_t value = 0;
    bytes_le64(b, at, &value);
    return value;
}

/* All of b as one number, without sign, the low byte first; of more than 8 bytes the first 8. */
static inline uint64_t bytes_number(struct bytes b)
{
    uint64_t value = 0;
    for (size_t i = b.size < sizeof value ? b.size : sizeof value; i-- > 0;)
        value = value << 8 | b.at[i];
    return value;
}

/* All of b as one number, without sign, the high byte first; of more than 8 bytes the last 8. */
static inline uint64_t bytes_number_be(struct bytes b)
{
    uint64_t value = 0;
    for (size_t i = 0; i < b.size; i++)
        value = value << 8 | b.at[i];
    return value;
}

/* The other way: the low bits of a number into the bytes at `to`, which the caller has room for. */
static inline void bytes_put_le16(uint8_t *to, uint64_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void bytes_put_le32(uint8_t *to, uint64_t value)
{
    bytes_put_le16(to, value);
    bytes_put_le16(to + 2, value >> 16);
}

static inline void bytes_put_le64(uint8_t *to, uint64_t value)
{
    bytes_put_le32(to, value);
    bytes_put_le32(to + 4, value >> 32);
}

static inline void bytes_put_be32(uint8_t *to, uint64_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* memcmp order, a proper prefix sorts first: the order of ESE keys. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

/* Lower-case hexadecimal digits of b into text, of size bytes with the final 0; what does not fit
 * is cut. Returns text. */
static inline const char *bytes_hex(struct bytes b, char *text, size_t size)
{
    static const char digit[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < b.size && at + 3 <= size; i++) {
        text[at++] = digit[b.at[i] >> 4];
        text[at++] = digit[b.at[i] & 15];
    }
    text[at] = '\0';
    return text;
}

/* Reads forward through b.  After the first read past the end `failed` stays set, and every later
 * read gives 0 or an empty run: check once, at the end. */
struct reader {
    struct bytes b;
    size_t at;
    bool failed;
};

static inline struct reader reader_of(struct bytes b)
{
    return (struct reader){.b = b};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : r->b.size - r->at;
}

static inline struct bytes reader_take(struct reader *r, size_t size)
{
    struct bytes out = {.at = r->b.at, .size = 0};
    if (r->failed || !bytes_cut(r->b, r->at, size, &out))
        r->failed = true;
    else
        r->at += size;
    return out;
}

static inline uint8_t reader_u8(struct reader *r)
{
    return bytes_get_u8(reader_take(r, 1), 0);
}

static inline uint16_t reader_le16(struct reader *r)
{
    return bytes_get_le16(reader_take(r, 2), 0);
}

static inline uint32_t reader_le32(struct reader *r)
{
    return bytes_get_le32(reader_take(r, 4), 0);
}

static inline uint64_t reader_le64(struct reader *r)
{
    return bytes_get_le64(reader_take(r, 8), 0);
}

#endif
