/* Hashes inside other values: see digests.h. */
#include "migrate/judge/digests.h"

#include "formats/array.h"
#include "formats/buffer.h"
#include "formats/hex.h"

#include <nettle/md5.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    START = 8, /* octets of a hash that are compared */
    HEADS = 65536,
};

/* One end of a hash. */
struct digest_end {
    uint8_t octets[START];
    uint32_t which;
};

struct digests {
    struct digest_end *end; /* sorted by sort() */
    size_t ends, end_room, sorted;
    uint32_t head[HEADS + 1]; /* by the first two octets: the first end that has them */
    struct digest_crc {
        uint32_t crc, which;
    } * crc;
    size_t crcs, crc_room;
    struct buffer text, octets; /* of the value in hand: without what parts it; decoded */
};

struct digests *digests_open(void)
{
    return calloc(1, sizeof(struct digests));
}

void digests_close(struct digests *d)
{
    if (d == NULL)
        return;
    free(d->end);
    free(d->crc);
    buffer_free(&d->text);
    buffer_free(&d->octets);
    free(d);
}

/* ---- adding ---- */

static bool add_end(struct digests *d, const uint8_t *octets, uint32_t which)
{
    if (!array_reserve(&d->end, &d->end_room, d->ends + 1, sizeof *d->end))
        return false;
    memcpy(d->end[d->ends].octets, octets, START);
    d->end[d->ends++].which = which;
    return true;
}

static bool add_crc(struct digests *d, uint32_t crc, uint32_t which)
{
    bool room = array_reserve(&d->crc, &d->crc_room, d->crcs + 1, sizeof *d->crc);
    if (room)
        d->crc[d->crcs++] = (struct digest_crc){crc, which};
    return room;
}

/* Both ends, each in both orders, and the first 8 octets as a GUID is written. */
static bool add_hash(struct digests *d, const uint8_t *hash, size_t size, uint32_t which)
{
    static const unsigned guid[START] = {3, 2, 1, 0, 5, 4, 7, 6};
    uint8_t turned[2][START], as_guid[START];
    for (size_t i = 0; i < START; i++) {
        turned[0][i] = hash[START - 1 - i];
        turned[1][i] = hash[size - 1 - i];
        as_guid[i] = hash[guid[i]];
    }
    return add_end(d, hash, which) && add_end(d, hash + size - START, which) &&
           add_end(d, turned[0], which) && add_end(d, turned[1], which) &&
           add_end(d, as_guid, which);
}

bool digests_add(struct digests *d, struct bytes value, uint32_t which)
{
    static const struct nettle_hash *const hashes[] = {&nettle_md5, &nettle_sha1, &nettle_sha256,
                                                       &nettle_sha384, &nettle_sha512};
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        union {
            struct md5_ctx md5;
            struct sha1_ctx sha1;
            struct sha256_ctx sha256;
            struct sha512_ctx sha512; /* and SHA-384's */
        } context;
        uint8_t hash[SHA512_DIGEST_SIZE];
        hashes[i]->init(&context);
        hashes[i]->update(&context, value.size, value.at);
        hashes[i]->digest(&context, hashes[i]->digest_size, hash);
        if (!add_hash(d, hash, hashes[i]->digest_size, which))
            return false;
    }
    return add_crc(d, (uint32_t)crc32_z(0, value.at, value.size), which);
}

/* ---- finding ---- */

static unsigned head_of(const uint8_t *octets)
{
    return (unsigned)octets[0] << 8 | octets[1];
}

static int by_octets(const void *a, const void *b)
{
    const struct digest_end *x = a, *y = b;
    int order = memcmp(x->octets, y->octets, START);
    return order ? order : (x->which > y->which) - (x->which < y->which);
}

static void sort(struct digests *d)
{
    if (d->sorted == d->ends)
        return;
    qsort(d->end, d->ends, sizeof *d->end, by_octets);
    for (size_t head = 0, i = 0; head <= HEADS; head++) {
        while (i < d->ends && head_of(d->end[i].octets) < head)
            i++;
        d->head[head] = (uint32_t)i;
    }
    d->sorted = d->ends;
}

static uint32_t find_end(const struct digests *d, const uint8_t *octets)
{
    size_t end = d->head[head_of(octets) + 1];
    struct halving h = {.low = d->head[head_of(octets)], .high = end};
    while (halving_next(&h))
        halving_go(&h, memcmp(d->end[h.middle].octets, octets, START) < 0);
    return h.low < end && memcmp(d->end[h.low].octets, octets, START) == 0 ? d->end[h.low].which
                                                                           : DIGESTS_NONE;
}

static uint32_t find_octets(const struct digests *d, struct bytes b)
{
    uint32_t found = DIGESTS_NONE;
    for (size_t at = 0; at + START <= b.size && found == DIGESTS_NONE; at++)
        found = find_end(d, b.at + at);
    return found;
}

static uint32_t find_crc(const struct digests *d, struct bytes b)
{
    uint32_t little = 0, big = 0;
    if (b.size != sizeof little || !bytes_le32(b, 0, &little) || !bytes_be32(b, 0, &big))
        return DIGESTS_NONE;
    for (size_t i = 0; i < d->crcs; i++)
        if (d->crc[i].crc == little || d->crc[i].crc == big)
            return d->crc[i].which;
    return DIGESTS_NONE;
}

/* The characters of a text without zero bytes, blanks and line ends, and colons and dashes where
 * they part digits.  False where there are others than a text has. */
static bool take_text(struct digests *d, struct bytes value, bool digits)
{
    uint8_t c;
    buffer_clear(&d->text);
    for (size_t i = 0; bytes_u8(value, i, &c); i++) {
        if (c == 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
            (digits && (c == ':' || c == '-')))
            continue;
        if (c < ' ' || c > '~' || !buffer_add_u8(&d->text, c))
            return false;
    }
    return d->text.size >= START;
}

/* Each run of digits, from its first and from its second one. */
static uint32_t find_digits(struct digests *d)
{
    const char *text = (const char *)d->text.at;
    uint32_t found = DIGESTS_NONE;
    for (size_t from = 0, end; from < d->text.size && found == DIGESTS_NONE; from = end + 1) {
        for (end = from; end < d->text.size && hex_digit(text[end]) >= 0;)
            end++;
        for (size_t shift = 0; shift < 2 && end - from >= START && found == DIGESTS_NONE; shift++) {
            buffer_clear(&d->octets);
            for (size_t i = from + shift; i + 1 < end; i += 2)
                buffer_add_u8(&d->octets,
                              (uint8_t)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1])));
            found = find_octets(d, buffer_bytes(&d->octets));
            if (found == DIGESTS_NONE && end - from == d->text.size)
                found = find_crc(d, buffer_bytes(&d->octets));
        }
    }
    return found;
}

/* The value of a character of base64, in either alphabet; -1: it is none. */
static int base64_digit(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

/* The octets of a run of base64; the first of four characters completes none. */
static void decode_base64(struct digests *d, size_t from, size_t end)
{
    static const unsigned behind[] = {0, 0, 4, 2}; /* bits of the next octet, by characters % 4 */
    uint32_t bits = 0;
    buffer_clear(&d->octets);
    for (size_t i = from; i < end; i++) {
        size_t place = (i - from + 1) % 4;
        bits = bits << 6 | (uint32_t)base64_digit(d->text.at[i]);
        if (place != 1)
            buffer_add_u8(&d->octets, (uint8_t)(bits >> behind[place]));
    }
}

/* Each run of base64, from any of its first four characters. */
static uint32_t find_base64(struct digests *d)
{
    uint32_t found = DIGESTS_NONE;
    for (size_t from = 0, end; from < d->text.size && found == DIGESTS_NONE; from = end + 1) {
        for (end = from; end < d->text.size && base64_digit(d->text.at[end]) >= 0;)
            end++;
        for (size_t shift = 0; shift < 4 && end - from >= START && found == DIGESTS_NONE; shift++) {
            decode_base64(d, from + shift, end);
            found = find_octets(d, buffer_bytes(&d->octets));
        }
    }
    return found;
}

bool digests_find(struct digests *d, struct bytes value, uint32_t *which)
{
    sort(d);
    *which = find_octets(d, value);
    if (*which == DIGESTS_NONE)
        *which = find_crc(d, value);
    if (*which == DIGESTS_NONE && take_text(d, value, true))
        *which = find_digits(d);
    if (*which == DIGESTS_NONE && take_text(d, value, false))
        *which = find_base64(d);
    return !d->text.failed && !d->octets.failed;
}
