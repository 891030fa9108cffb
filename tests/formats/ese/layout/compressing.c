/* Compressors for tests: see compressing.h. */
#include "tests/formats/ese/layout/compressing.h"

size_t compress_7bit(const uint8_t *plain, size_t size, size_t step, uint8_t *out)
{
    if (size == 0 || size % step != 0)
        return 0;
    size_t count = size / step, bit = 0;
    memset(out, 0, 1 + (count * 7 + 7) / 8);
    for (size_t i = 0; i < count; i++, bit += 7) {
        uint8_t character = plain[i * step];
        if (character > 0x7f || (step == 2 && plain[i * step + 1] != 0))
            return 0;
        unsigned shifted = (unsigned)character << bit % 8;
        out[1 + bit / 8] = (uint8_t)(out[1 + bit / 8] | shifted);
        if (bit % 8 > 1)
            out[2 + bit / 8] = (uint8_t)(shifted >> 8);
    }
    enum ese_compression algorithm =
        step == 2 ? ESE_COMPRESSION_7BIT_UNICODE : ESE_COMPRESSION_7BIT_ASCII;
    out[0] = (uint8_t)((unsigned)algorithm << 3 | (bit - 1) % 8);
    return 1 + (bit + 7) / 8;
}

static void put8(struct compressing *c, size_t value)
{
    c->out[c->at++] = (uint8_t)value;
}

static void put16(struct compressing *c, size_t value)
{
    put8(c, value & 0xff);
    put8(c, value >> 8);
}

static void put_flag(struct compressing *c, bool flag)
{
    if (c->flags_used == 32) {
        c->flags_at = c->at;
        c->flags_used = 0;
        memset(c->out + c->at, 0, 4);
        c->at += 4;
    }
    unsigned bit = 31 - c->flags_used++;
    uint8_t *byte = c->out + c->flags_at + bit / 8;
    *byte = (uint8_t)(*byte | (unsigned)flag << bit % 8);
}

static void put_match(struct compressing *c, size_t distance, size_t length)
{
    size_t rest = length - 3;
    put16(c, (distance - 1) << 3 | (rest < 7 ? rest : 7));
    if (rest < 7)
        return;
    size_t half = rest - 7 < 15 ? rest - 7 : 15;
    if (c->half_at) {
        c->out[c->half_at] = (uint8_t)(c->out[c->half_at] | half << 4);
        c->half_at = 0;
    } else {
        c->half_at = c->at;
        put8(c, half);
    }
    if (half < 15)
        return;
    if (rest - 22 < 255) {
        put8(c, rest - 22);
    } else {
        put8(c, 255);
        put16(c, rest);
    }
}

/* The longest match for what starts at `at`: looks at distance 1 and at the last place where the
 * same three bytes stood, which `seen` remembers by a hash. */
static size_t find_match(const uint8_t *plain, size_t size, size_t at, size_t seen[4096],
                         size_t *distance)
{
    if (size - at < 3)
        return 0;
    size_t hash = (plain[at] * 2654435761u ^ plain[at + 1] * 40503u ^ plain[at + 2] * 97u) % 4096;
    size_t candidates[2] = {seen[hash], at}; /* places + 1; 0: none */
    size_t best = 0;
    for (int i = 0; i < 2; i++) {
        if (candidates[i] == 0 || at - (candidates[i] - 1) > 8192)
            continue;
        size_t from = candidates[i] - 1, length = 0;
        while (at + length < size && plain[from + length] == plain[at + length])
            length++;
        if (length > best) {
            best = length;
            *distance = at - from;
        }
    }
    seen[hash] = at + 1;
    return best >= 3 ? best : 0;
}

size_t compress_xpress(const uint8_t *plain, size_t size, uint8_t *out)
{
    size_t seen[4096] = {0};
    struct compressing c = {.out = out, .flags_used = 32};
    if (size > 65535)
        return 0;
    put8(&c, ESE_COMPRESSION_XPRESS << 3);
    put16(&c, size);
    for (size_t at = 0; at < size;) {
        size_t distance = 0;
        size_t length = find_match(plain, size, at, seen, &distance);
        put_flag(&c, length != 0);
        if (length != 0) {
            put_match(&c, distance, length);
            at += length;
        } else {
            put8(&c, plain[at++]);
        }
    }
    put_flag(&c, true); /* the end mark */
    while (c.flags_used < 32)
        put_flag(&c, true);
    return c.at < size && c.at >= 3 + 8 ? c.at : 0;
}
