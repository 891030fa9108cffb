/* PEM blocks: see pem.h. */
#include "formats/certs/pem.h"

enum { LINE = 64, NO_DIGIT = 64, SPACE = 65, PAD = 66 };

static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ", dashes[] = "-----";

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool stands_at(struct bytes b, size_t at, struct bytes what)
{
    struct bytes found;
    return bytes_cut(b, at, what.size, &found) && bytes_equal(found, what);
}

/* Offset of the first `mark` from `at` on. */
static bool find(struct bytes b, size_t at, const char *mark, size_t *found)
{
    struct bytes sought = bytes_of(mark, strlen(mark));
    for (const uint8_t *c; at < b.size; at++) {
        if ((c = memchr(b.at + at, mark[0], b.size - at)) == NULL)
            break;
        at = (size_t)(c - b.at);
        if (stands_at(b, at, sought)) {
            *found = at;
            return true;
        }
    }
    return false;
}

/* The label after a mark, up to the dashes, all in one line.  *end: behind the dashes. */
static bool read_label(struct bytes b, size_t at, struct bytes *label, size_t *end)
{
    uint8_t c = 0;
    size_t size = 0;
    while (bytes_u8(b, at + size, &c) && c >= 0x20 && c < 0x7f && c != '-')
        size++;
    *end = at + size + strlen(dashes);
    return stands_at(b, at + size, bytes_of(dashes, strlen(dashes))) &&
           bytes_cut(b, at, size, label);
}

static size_t skip_line_break(struct bytes b, size_t at)
{
    uint8_t c;
    while (bytes_u8(b, at, &c) && (c == ' ' || c == '\t' || c == '\r'))
        at++;
    if (bytes_u8(b, at, &c) && c == '\n')
        at++;
    return at;
}

/* Length of the headers at the start of a body: lines with a colon, or that go on with white space,
 * up to an empty line.  Base64 has no colon. */
static size_t headers_size(struct bytes body)
{
    size_t at = 0;
    uint8_t c;
    if (memchr(body.at, ':', body.size) == NULL)
        return 0;
    for (size_t line = 0; bytes_u8(body, at, &c); at++) {
        if (c == '\n' && line == 0 && at > 1)
            return at + 1;
        if (c == '\n')
            line = 0;
        else if (c != '\r')
            line++;
    }
    return 0;
}

static void fill_values(uint8_t value[256])
{
    memset(value, NO_DIGIT, 256);
    for (uint8_t i = 0; i < 64; i++)
        value[(uint8_t)digits[i]] = i;
    value['\n'] = value['\r'] = value['\t'] = value[' '] = SPACE;
    value['='] = PAD;
}

/* RFC 4648 section 4.  Unused bits of the last digit are not looked at, as old encoders left them.
 */
static bool decode(struct bytes text, struct buffer *out)
{
    uint8_t value[256], c;
    uint32_t group = 0;
    unsigned count = 0, pads = 0;
    fill_values(value);
    if (!buffer_reserve(out, text.size / 4 * 3 + 3))
        return false;
    for (size_t at = 0; bytes_u8(text, at, &c); at++) {
        uint8_t v = value[c];
        if (v == SPACE)
            continue;
        if (v == NO_DIGIT || (v == PAD && (count < 2 || ++pads > 2)) || (v != PAD && pads > 0))
            return false;
        if (v == PAD) {
            if (count + pads > 4)
                return false;
            continue;
        }
        group = group << 6 | v;
        if (++count == 4) {
            uint8_t octets[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
            buffer_add(out, bytes_of(octets, 3));
            count = 0;
        }
    }
    if (count == 1 || (pads > 0 && count + pads != 4))
        return false;
    group <<= 6 * (4 - count) % 24;
    uint8_t octets[2] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8)};
    buffer_add(out, bytes_of(octets, count > 0 ? count - 1 : 0));
    return true;
}

bool pem_detect(struct bytes b)
{
    size_t at;
    return b.size > 0 && find(b, 0, begin_mark, &at);
}

struct pem_reader pem_open(struct bytes b)
{
    return (struct pem_reader){.b = b};
}

bool pem_next(struct pem_reader *r, struct pem_block *block, struct fault *f)
{
    size_t start, body, end, after;
    struct bytes label, other;
    if (r->failed)
        return false;
    do {
        if (r->at >= r->b.size || !find(r->b, r->at, begin_mark, &start)) {
            r->at = r->b.size;
            return false;
        }
        r->at = start + strlen(begin_mark);
    } while (!read_label(r->b, r->at, &label, &body));
    r->failed = true;
    block->label = label;
    block->offset = start;
    if (!find(r->b, body, dashes, &end) ||
        !stands_at(r->b, end, bytes_of(end_mark, strlen(end_mark))) ||
        !read_label(r->b, end + strlen(end_mark), &other, &after) || !bytes_equal(label, other))
        return fault_set(f, FAULT_DAMAGED,
                         "PEM: expected an END line for the BEGIN line at byte %zu, found none",
                         start);
    r->failed = false;
    after = skip_line_break(r->b, after);
    bytes_cut(r->b, body, end - body, &block->body);
    bytes_cut(r->b, start, after - start, &block->whole);
    r->at = after;
    return true;
}

bool pem_is(const struct pem_block *block, const char *label)
{
    return bytes_equal(block->label, bytes_of(label, strlen(label)));
}

bool pem_decode(const struct pem_block *block, struct buffer *out, struct fault *f)
{
    size_t before = out->size;
    struct bytes text = bytes_from(block->body, headers_size(block->body));
    bool good = decode(text, out);
    if (good && !out->failed)
        return true;
    out->size = before;
    if (out->failed)
        return fault_set(f, FAULT_NO_MEMORY, "PEM: no memory to decode %zu bytes", text.size);
    return fault_set(f, FAULT_DAMAGED,
                     "PEM: expected base64 in the block at byte %zu, found other characters",
                     block->offset);
}

bool pem_write(struct buffer *out, const char *label, struct bytes der)
{
    char line[LINE + 1];
    size_t used = 0;
    buffer_add_text(out, begin_mark);
    buffer_add_text(out, label);
    buffer_add_text(out, "-----\n");
    for (size_t at = 0; at < der.size; at += 3) {
        uint8_t octets[3] = {0};
        for (size_t i = 0; i < 3; i++)
            bytes_u8(der, at + i, &octets[i]);
        uint32_t group = (uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8 | octets[2];
        for (int i = 0; i < 4; i++)
            line[used++] = digits[group >> (18 - 6 * i) & 63];
        size_t left = der.size - at;
        if (left < 3)
            line[used - 1] = '=';
        if (left < 2)
            line[used - 2] = '=';
        if (used == LINE || left <= 3) {
            line[used++] = '\n';
            buffer_add(out, bytes_of(line, used));
            used = 0;
        }
    }
    buffer_add_text(out, end_mark);
    buffer_add_text(out, label);
    return buffer_add_text(out, "-----\n");
}
