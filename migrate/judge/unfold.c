/* Values that are text or packed: see unfold.h. */
#include "migrate/judge/unfold.h"

#include "formats/ese/layout/text.h"
#include "formats/certs/pem.h"
#include "formats/hex.h"
#include "migrate/profile/wrapping.h"

#include <zlib.h>

enum {
    TEXT_LEAST = 128, /* bytes: less encodes no certificate */
    LOOKED_AT = 16,   /* characters that tell whether it can be text at all */
    METHOD = 0x78,    /* RFC 1950, 2.2, with the window that everybody has */
    GZIP = 0x1f       /* RFC 1952, 2.3.1 */
};

/* ---- text ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=' || is_blank(c);
}

/* Text of two bytes a character, without the mark of its order.  False: it is none, or memory is
 * short. */
static bool make_narrow(struct bytes value, struct buffer *narrow)
{
    if (value.size >= 2 && value.at[0] == 0xff && value.at[1] == 0xfe)
        value = bytes_from(value, 2);
    value.size -= value.size % 2;
    buffer_clear(narrow);
    if (!buffer_reserve(narrow, value.size / 2) || !ese_text_narrow(value, narrow->at))
        return false;
    narrow->size = value.size / 2;
    return true;
}

static bool decode_pem(struct bytes text, struct buffer *to)
{
    struct pem_reader r = pem_open(text);
    struct pem_block block;
    while (pem_next(&r, &block, NULL))
        pem_decode(&block, to, NULL);
    return !to->failed;
}

/* Pairs of digits, between which blanks, colons and dashes may stand. */
static bool decode_hex(struct bytes text, struct buffer *to)
{
    int high = -1;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_digit((char)text.at[i]);
        if (digit < 0 && (is_blank(text.at[i]) || text.at[i] == ':' || text.at[i] == '-'))
            continue;
        if (digit < 0 || (high >= 0 && !buffer_add_u8(to, (uint8_t)(high << 4 | digit))))
            return false;
        high = high >= 0 ? -1 : digit;
    }
    return high < 0;
}

static struct bytes without_end(struct bytes text)
{
    while (text.size > 0 && text.at[text.size - 1] == '\0')
        text.size--;
    return text;
}

bool unfold_text(struct bytes value, struct buffer *narrow, struct buffer *to)
{
    buffer_clear(to);
    if (value.size >= 2 * TEXT_LEAST && (value.at[1] == 0 || value.at[0] == 0xff)) {
        if (!make_narrow(value, narrow))
            return false;
        value = buffer_bytes(narrow);
    }
    if (pem_detect(value))
        return decode_pem(value, to);
    if (value.size < TEXT_LEAST)
        return false;
    for (size_t i = 0; i < LOOKED_AT; i++)
        if (!is_base64(value.at[i]) && value.at[i] != ':' && value.at[i] != '-')
            return false;
    value = without_end(value);
    if (decode_hex(value, to) || to->failed)
        return !to->failed;
    buffer_clear(to);
    return pem_decode(&(struct pem_block){.body = value}, to, NULL);
}

/* ---- packed ---- */

/* The next of two bytes, the first of which is `first`, before `end`; value.size: none. */
static size_t next_pair(struct bytes value, size_t offset, size_t end, uint8_t first,
                        bool (*fits)(const uint8_t *at))
{
    end = value.size < end + 2 ? value.size : end + 2;
    for (; offset + 2 < end; offset++) {
        const uint8_t *at = memchr(value.at + offset, first, end - 2 - offset);
        if (at == NULL)
            break;
        offset = (size_t)(at - value.at);
        if (fits(at))
            return offset;
    }
    return value.size;
}

static bool is_zlib(const uint8_t *at)
{
    return (at[0] << 8 | at[1]) % 31 == 0;
}

static bool is_gzip(const uint8_t *at)
{
    return at[1] == 0x8b;
}

size_t unfold_next_packed(struct bytes value, size_t offset)
{
    size_t zlib = next_pair(value, offset, UNFOLD_HEADER_MOST, METHOD, is_zlib);
    size_t gzip = next_pair(value, offset, UNFOLD_GZIP_HEADER_MOST, GZIP, is_gzip);
    return zlib < gzip ? zlib : gzip;
}

bool unfold_packed(struct bytes packed, struct buffer *to)
{
    size_t behind;
    return wrapping_inflate(packed, true, to, &behind) != Z_MEM_ERROR;
}
