/* Making text UTF-8: see text.h. */
#include "formats/ese/layout/text.h"

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
           code_page == ASCII || code_page == 0;
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

static size_t convert_utf16(struct ese_text *text, struct bytes run, char *to)
{
    size_t n = 0, i = 0;
    if (text->has_half && run.size > 0) {
        n += put_unit(text, text->half | (uint32_t)run.at[0] << 8, to);
        text->has_half = false;
        i = 1;
    }
    for (; i + 1 < run.size; i += 2)
        n += put_unit(text, run.at[i] | (uint32_t)run.at[i + 1] << 8, to + n);
    if (i < run.size) {
        text->half = run.at[i];
        text->has_half = true;
    }
    return n;
}

size_t ese_text_convert(struct ese_text *text, struct bytes run, char *to)
{
    if (text->code_page == ESE_CODEPAGE_UNICODE)
        return convert_utf16(text, run, to);
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
