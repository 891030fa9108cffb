/* Decompression of column values and long value chunks: see compress.h. */
#include "formats/ese/layout/compress.h"

#include <limits.h>
#include <lz4.h>

/* ---- what a value says about itself ------------------------------------------------------ */

enum ese_compression ese_compression_of(struct bytes stored)
{
    uint8_t first = bytes_get_u8(stored, 0);
    return (enum ese_compression)(first >> ESE_COMPRESSION_SHIFT);
}

const char *ese_compression_name(enum ese_compression algorithm)
{
    static const char *const names[] = {
        [ESE_COMPRESSION_NONE] = "none",
        [ESE_COMPRESSION_7BIT_ASCII] = "7-bit ASCII",
        [ESE_COMPRESSION_7BIT_UNICODE] = "7-bit Unicode",
        [ESE_COMPRESSION_XPRESS] = "XPRESS",
        [ESE_COMPRESSION_SCRUB] = "scrubbed",
        [ESE_COMPRESSION_XPRESS9] = "XPRESS9",
        [ESE_COMPRESSION_XPRESS10] = "XPRESS10",
        [ESE_COMPRESSION_LZ4] = "LZ4",
    };
    size_t number = (size_t)algorithm;
    return number < sizeof names / sizeof names[0] ? names[number] : "unknown";
}

/* Says why a value of this algorithm cannot be decompressed here.  Returns false. */
static bool refuse(enum ese_compression algorithm, struct fault *f)
{
    switch (algorithm) {
    case ESE_COMPRESSION_NONE:
        return fault_set(f, FAULT_DAMAGED,
                         "compressed value: expected an algorithm in its first byte, found none");
    case ESE_COMPRESSION_SCRUB:
        return fault_set(f, FAULT_MISSING,
                         "the value is gone: the database engine has scrubbed it");
    default:
        return fault_set(f, FAULT_UNSUPPORTED,
                         "compressed value: this program cannot decompress %s (algorithm %u)",
                         ese_compression_name(algorithm), (unsigned)algorithm);
    }
}

/*
 * The number of characters of a 7-bit value.  The low three bits of its first byte are the number
 * of bits used in its last byte, less one; all bits together are a whole number of characters.
 */
static bool seven_bit_count(struct bytes stored, size_t *count, struct fault *f)
{
    if (stored.size < 2)
        return fault_set(f, FAULT_DAMAGED,
                         "7-bit compressed value: expected at least 2 bytes, found %zu",
                         stored.size);
    size_t bits = (stored.size - 2) * 8 + (stored.at[0] & 7u) + 1;
    if (bits % 7 != 0)
        return fault_set(f, FAULT_DAMAGED,
                         "7-bit compressed value: expected a multiple of 7 bits, found %zu", bits);
    *count = bits / 7;
    return true;
}

/* The size stored in 16 bits after the first byte: XPRESS, XPRESS10, LZ4. */
static bool stored_size(struct bytes stored, size_t *size, struct fault *f)
{
    uint16_t value;
    if (!bytes_le16(stored, 1, &value))
        return fault_set(f, FAULT_DAMAGED, "%s value: expected at least 3 bytes, found %zu",
                         ese_compression_name(ese_compression_of(stored)), stored.size);
    *size = value;
    return true;
}

bool ese_decompressed_size(struct bytes stored, size_t *size, struct fault *f)
{
    enum ese_compression algorithm = ese_compression_of(stored);
    size_t count = 0;
    switch (algorithm) {
    case ESE_COMPRESSION_7BIT_ASCII:
        return seven_bit_count(stored, size, f);
    case ESE_COMPRESSION_7BIT_UNICODE:
        if (!seven_bit_count(stored, &count, f))
            return false;
        *size = 2 * count;
        return true;
    case ESE_COMPRESSION_XPRESS:
    case ESE_COMPRESSION_XPRESS10:
    case ESE_COMPRESSION_LZ4:
        return stored_size(stored, size, f);
    default:
        return refuse(algorithm, f);
    }
}

/* ---- 7-bit ------------------------------------------------------------------------------- */

/*
 * Unpacks `count` 7-bit characters, lowest bit first, into every `step`-th byte of out.  The caller
 * has checked with seven_bit_count that they are all there.
 */
static void unpack_7bit(struct bytes packed, size_t count, uint8_t *out, size_t step)
{
    struct reader in = reader_of(packed);
    uint32_t held = 0; /* bits read but not used yet */
    unsigned held_bits = 0;
    for (size_t i = 0; i < count; i++) {
        if (held_bits < 7) {
            held |= (uint32_t)reader_u8(&in) << held_bits;
            held_bits += 8;
        }
        out[i * step] = held & 0x7f;
        held >>= 7;
        held_bits -= 7;
    }
}

/* ---- XPRESS ------------------------------------------------------------------------------ */

/*
 * The stream is a mix, in reading order, of 32-bit flag words, literal bytes, and matches of 16
 * bits with their extensions.  Each flag, from the word's highest bit down, announces one item: 0 a
 * literal, 1 a match, or, when the output is complete, the end.
 */
struct xpress {
    struct reader in;
    uint8_t *out;
    size_t at, size; /* written so far, to be written in all */
    uint32_t flags;
    unsigned flags_left;
    uint8_t half;    /* a length byte whose upper half the next long match uses ... */
    bool half_ready; /* ... when this is set */
};

enum {
    XPRESS_HEADER = 3,   /* the algorithm's byte and the 16-bit size */
    XPRESS_SMALLEST = 8, /* the engine takes no stream that is shorter */
    XPRESS_SHORTEST_MATCH = 3,
    XPRESS_LENGTH_IN_TOKEN = 7, /* these three values mean: the length goes on in the next place */
    XPRESS_LENGTH_IN_HALF = 15,
    XPRESS_LENGTH_IN_BYTE = 255,
};

static bool xpress_next_flag(struct xpress *x)
{
    if (x->flags_left == 0) {
        x->flags = reader_le32(&x->in);
        x->flags_left = 32;
    }
    bool flag = x->flags >> 31;
    x->flags <<= 1;
    x->flags_left--;
    return flag;
}

/* Two long matches share one byte for four bits of their length each: the first takes the lower. */
static size_t xpress_half_byte(struct xpress *x)
{
    if (x->half_ready) {
        x->half_ready = false;
        return x->half >> 4;
    }
    x->half = reader_u8(&x->in);
    x->half_ready = true;
    return x->half & 15;
}

/* The length of a match, given the three bits of its token.  0 when a 16-bit length is one that
 * would have fitted in less, which the engine refuses. */
static size_t xpress_length(struct xpress *x, size_t in_token)
{
    size_t length = in_token;
    if (in_token == XPRESS_LENGTH_IN_TOKEN) {
        size_t more = xpress_half_byte(x);
        if (more == XPRESS_LENGTH_IN_HALF) {
            uint8_t byte = reader_u8(&x->in);
            if (byte == XPRESS_LENGTH_IN_BYTE) {
                length = reader_le16(&x->in);
                if (length < XPRESS_LENGTH_IN_TOKEN + XPRESS_LENGTH_IN_HALF + XPRESS_LENGTH_IN_BYTE)
                    return 0;
                return length + XPRESS_SHORTEST_MATCH;
            }
            more += byte;
        }
        length += more;
    }
    return length + XPRESS_SHORTEST_MATCH;
}

/* Copies one match out of what is written already.  A match may overlap its own output: that is how
 * a run of one byte is stored. */
static bool xpress_copy_match(struct xpress *x, struct fault *f)
{
    uint16_t token = reader_le16(&x->in);
    size_t distance = (token >> 3) + 1u;
    size_t length = xpress_length(x, token & 7u);
    if (x->in.failed)
        return true; /* the caller's loop says so, with all other places where the input can end */
    if (length == 0)
        return fault_set(f, FAULT_DAMAGED,
                         "XPRESS value: a match at output byte %zu has an impossible length",
                         x->at);
    if (distance > x->at)
        return fault_set(f, FAULT_DAMAGED,
                         "XPRESS value: a match at output byte %zu reaches back %zu bytes", x->at,
                         distance);
    if (length > x->size - x->at)
        return fault_set(f, FAULT_DAMAGED,
                         "XPRESS value: a match of %zu bytes at output byte %zu goes beyond the "
                         "value's %zu bytes",
                         length, x->at, x->size);
    if (distance >= length) {
        memcpy(x->out + x->at, x->out + x->at - distance, length);
        x->at += length;
        return true;
    }
    for (; length > 0; length--, x->at++)
        x->out[x->at] = x->out[x->at - distance];
    return true;
}

/* Decompresses `stream` into x->size bytes.  Ends only at the end mark: the engine refuses a stream
 * without it.  What follows the mark is ignored, as the engine does. */
static bool xpress_run(struct xpress *x, struct fault *f)
{
    for (;;) {
        bool flag = xpress_next_flag(x);
        if (x->in.failed)
            return fault_set(f, FAULT_DAMAGED,
                             "XPRESS value: its data ends at output byte %zu of %zu", x->at,
                             x->size);
        if (x->at == x->size) {
            if (flag)
                return true;
            return fault_set(f, FAULT_DAMAGED, "XPRESS value: no end mark after its %zu bytes",
                             x->size);
        }
        if (!flag)
            x->out[x->at++] = reader_u8(&x->in);
        else if (!xpress_copy_match(x, f))
            return false;
    }
}

/* The engine stores a value as XPRESS only when that is smaller, and refuses one that is not. */
static bool decompress_xpress(struct bytes stored, uint8_t *out, size_t size, struct fault *f)
{
    struct bytes stream = bytes_from(stored, XPRESS_HEADER);
    if (stream.size < XPRESS_SMALLEST || size <= stream.size)
        return fault_set(f, FAULT_DAMAGED,
                         "XPRESS value: expected at least %d bytes of data and more of output, "
                         "found %zu for %zu",
                         XPRESS_SMALLEST, stream.size, size);
    struct xpress x = {.in = reader_of(stream), .out = out, .size = size};
    return xpress_run(&x, f);
}

/* ---- LZ4 --------------------------------------------------------------------------------- */

/* One LZ4 block behind the algorithm's byte and the 16-bit size. */
static bool decompress_lz4(struct bytes stored, uint8_t *out, size_t size, struct fault *f)
{
    enum { LZ4_HEADER = 3 };
    struct bytes block = bytes_from(stored, LZ4_HEADER);
    int got = block.size > INT_MAX ? -1
                                   : LZ4_decompress_safe((const char *)block.at, (char *)out,
                                                         (int)block.size, (int)size);
    if (got >= 0 && (size_t)got == size)
        return true;
    return fault_set(f, FAULT_DAMAGED, "LZ4 value: its %zu bytes do not decompress to %zu",
                     block.size, size);
}

/* ---- all of them ------------------------------------------------------------------------- */

bool ese_decompress(struct bytes stored, uint8_t *out, size_t room, size_t *size, struct fault *f)
{
    size_t whole;
    if (!ese_decompressed_size(stored, &whole, f))
        return false;
    enum ese_compression algorithm = ese_compression_of(stored);
    if (algorithm > ESE_COMPRESSION_XPRESS && algorithm != ESE_COMPRESSION_LZ4)
        return refuse(algorithm, f);
    if (whole > room)
        return fault_set(f, FAULT_LIMIT, "%s value: needs room for %zu bytes, has %zu",
                         ese_compression_name(algorithm), whole, room);

    struct bytes packed = bytes_from(stored, 1);
    switch (algorithm) {
    case ESE_COMPRESSION_7BIT_ASCII:
        unpack_7bit(packed, whole, out, 1);
        break;
    case ESE_COMPRESSION_7BIT_UNICODE:
        memset(out, 0, whole);
        unpack_7bit(packed, whole / 2, out, 2);
        break;
    case ESE_COMPRESSION_LZ4:
        if (!decompress_lz4(stored, out, whole, f))
            return false;
        break;
    default:
        if (!decompress_xpress(stored, out, whole, f))
            return false;
    }
    *size = whole;
    return true;
}
