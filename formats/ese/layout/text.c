/* Making text UTF-8: see text.h. */
#include "formats/ese/layout/text.h"

#include "formats/ese/layout/codepage.h"
#include "formats/ese/layout/format.h"

enum { ASCII = 20127, REPLACEMENT = 0xfffd };

/* Windows-1252, 0x80 to 0x9f; the five that it leaves undefined stay the control codes they are. */
static const uint16_t western[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

bool ese_text_known(uint32_t code_page)
{
    return code_page == ESE_CODEPAGE_UNICODE || code_page == ESE_CODEPAGE_WESTERN ||
           code_page == ASCII || code_page == 0 || codepage_find(code_page) != NULL;
}

static size_t put(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static size_t put_bad(struct ese_text *text, char *to)
{
    text->bad = true;
    return put(to, REPLACEMENT);
}

static size_t put_unit(struct ese_text *text, uint32_t unit, char *to)
{
    size_t n = 0;
    if (text->high && unit >= 0xdc00 && unit < 0xe000) {
        n = put(to, 0x10000 + ((text->high - 0xd800) << 10) + (unit - 0xdc00));
        text->high = 0;
        return n;
    }
    if (text->high)
        n = put_bad(text, to);
    text->high = 0;
    if (unit >= 0xd800 && unit < 0xdc00) {
        text->high = unit;
        return n;
    }
    if (unit >= 0xdc00 && unit < 0xe000)
        return n + put_bad(text, to + n);
    return n + put(to + n, unit);
}

typedef uint16_t units __attribute__((vector_size(16)));
typedef uint8_t letters __attribute__((vector_size(8)));

/* Eight units of text that is mostly ASCII, at once.  False: others are among them. */
static bool put_ascii(const uint8_t *at, char *to)
{
    enum { BIG = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 : 0 };
    uint64_t other[2];
    units eight;
    memcpy(&eight, at, sizeof eight);
    if (BIG)
        eight = eight << 8 | eight >> 8;
    units beyond = (units)(eight > 0x7f);
    memcpy(other, &beyond, sizeof other);
    letters narrow = __builtin_convertvector(eight, letters);
    memcpy(to, &narrow, sizeof narrow);
    return (other[0] | other[1]) == 0;
}

static size_t convert_utf16(struct ese_text *text, struct bytes run, char *to)
{
    size_t n = 0, i = 0;
    if (text->has_half && run.size > 0) {
        n += put_unit(text, text->half | (uint32_t)run.at[0] << 8, to);
        text->has_half = false;
        i = 1;
    }
    for (; !text->high && bytes_has(run, i, sizeof(units)) && put_ascii(run.at + i, to + n);
         i += sizeof(units))
        n += sizeof(letters);
    for (; i + 1 < run.size; i += 2)
        n += put_unit(text, run.at[i] | (uint32_t)run.at[i + 1] << 8, to + n);
    if (i < run.size) {
        text->half = run.at[i];
        text->has_half = true;
    }
    return n;
}

/* The second byte of two.  What is none ends the first, and may be a letter by itself. */
static size_t put_second(struct ese_text *text, const struct codepage *page, uint8_t byte, char *to)
{
    uint32_t c = codepage_two(page, text->half, byte);
    text->has_half = false;
    if (c != CODEPAGE_NONE)
        return put(to, c);
    size_t n = put_bad(text, to);
    return byte < 0x80 ? n + put(to + n, byte) : n;
}

static size_t convert_page(struct ese_text *text, const struct codepage *page, struct bytes run,
                           char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < run.size; i++) {
        uint32_t c = codepage_one(page, run.at[i]);
        if (text->has_half) {
            n += put_second(text, page, run.at[i], to + n);
        } else if (c == CODEPAGE_LEAD) {
            text->half = run.at[i];
            text->has_half = true;
        } else {
            n += c == CODEPAGE_NONE ? put_bad(text, to + n) : put(to + n, c);
        }
    }
    return n;
}

size_t ese_text_convert(struct ese_text *text, struct bytes run, char *to)
{
    if (text->code_page == ESE_CODEPAGE_UNICODE)
        return convert_utf16(text, run, to);
    const struct codepage *page = codepage_find(text->code_page);
    if (page)
        return convert_page(text, page, run, to);
    size_t n = 0;
    for (size_t i = 0; i < run.size; i++) {
        uint8_t c = run.at[i];
        if (c >= 0x80 && text->code_page == ASCII)
            n += put_bad(text, to + n);
        else
            n += put(to + n, c >= 0x80 && c < 0xa0 ? western[c - 0x80] : c);
    }
    return n;
}

size_t ese_text_end(struct ese_text *text, char *to)
{
    size_t n = 0;
    if (text->high)
        n += put_bad(text, to);
    if (text->has_half)
        n += put_bad(text, to + n);
    text->high = 0;
    text->has_half = false;
    return n;
}

/* ---- and back ---- */

/* The next character of UTF-8; false for what is none. */
static bool next_character(struct bytes utf8, size_t *at, uint32_t *c)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint8_t first = utf8.at[(*at)++];
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || utf8.size - *at < more)
        return false;
    *c = first & (more == 3 ? 0x07u : more == 2 ? 0x0fu : more == 1 ? 0x1fu : 0x7fu);
    for (unsigned i = 0; i < more; i++) {
        uint8_t byte = utf8.at[(*at)++];
        if ((byte & 0xc0) != 0x80)
            return false;
        *c = *c << 6 | (byte & 0x3f);
    }
    return *c >= least[more] && *c < 0x110000 && !(*c >= 0xd800 && *c < 0xe000);
}

static bool add_unit(struct buffer *to, uint32_t unit)
{
    return buffer_add_u8(to, (uint8_t)unit) && buffer_add_u8(to, (uint8_t)(unit >> 8));
}

static bool add_utf16(struct buffer *to, uint32_t c)
{
    return c < 0x10000 ? add_unit(to, c)
                       : add_unit(to, 0xd800 + ((c - 0x10000) >> 10)) &&
                             add_unit(to, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

static bool add_byte(struct buffer *to, uint32_t c, bool ascii)
{
    uint8_t byte = (uint8_t)c;
    bool found = c < 0x80 || (c >= 0xa0 && c < 0x100 && !ascii);
    for (unsigned i = 0; i < 32 && !found && !ascii; i++)
        if (western[i] == c) {
            byte = (uint8_t)(0x80 + i);
            found = true;
        }
    return found && buffer_add_u8(to, byte);
}

size_t ese_text_whole(uint32_t code_page, struct bytes text, char *to)
{
    struct ese_text converter = {.code_page = code_page};
    size_t size = ese_text_convert(&converter, text, to);
    size += ese_text_end(&converter, to + size);
    to[size] = '\0';
    return size;
}

bool ese_text_narrow(struct bytes wide, uint8_t *to)
{
    if (wide.size % 2 != 0)
        return false;
    for (size_t i = 0; i < wide.size; i += 2) {
        if (wide.at[i + 1] != 0)
            return false;
        to[i / 2] = wide.at[i];
    }
    return true;
}

bool ese_text_add(uint32_t code_page, struct bytes text, struct buffer *to)
{
    if (!buffer_reserve(to, ESE_TEXT_ROOM(text.size)))
        return false;
    to->size += ese_text_whole(code_page, text, (char *)to->at + to->size);
    return true;
}

bool ese_text_encode(uint32_t code_page, struct bytes utf8, struct buffer *to)
{
    uint32_t c;
    const struct codepage *page = codepage_find(code_page);
    if (page)
        return codepage_encode(page, utf8, to);
    if (!ese_text_known(code_page))
        return false;
    for (size_t at = 0; at < utf8.size;)
        if (!next_character(utf8, &at, &c) ||
            !(code_page == ESE_CODEPAGE_UNICODE ? add_utf16(to, c)
                                                : add_byte(to, c, code_page == ASCII)))
            return false;
    return true;
}
