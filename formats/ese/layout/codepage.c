/* Tables of code pages: see codepage.h. */
#include "formats/ese/layout/codepage.h"

#include "formats/memory.h"

#include <errno.h>
#include <iconv.h>

enum { PAIRS = 256 * 256, DOUBLE_PAGES = 5, NO_PAIRS = -1, ENCODED_MOST = 4 };

struct codepage {
    uint32_t number;
    const char *name; /* iconv's */
    int pairs;        /* which of pair[]; NO_PAIRS: one byte a character */
    enum { UNREAD, READ, ABSENT } state;
    uint16_t one[256];
};

static struct codepage pages[] = {
    {.number = 437, .name = "CP437", .pairs = NO_PAIRS},
    {.number = 737, .name = "CP737", .pairs = NO_PAIRS},
    {.number = 775, .name = "CP775", .pairs = NO_PAIRS},
    {.number = 850, .name = "CP850", .pairs = NO_PAIRS},
    {.number = 852, .name = "CP852", .pairs = NO_PAIRS},
    {.number = 855, .name = "CP855", .pairs = NO_PAIRS},
    {.number = 857, .name = "CP857", .pairs = NO_PAIRS},
    {.number = 858, .name = "CP858", .pairs = NO_PAIRS},
    {.number = 860, .name = "CP860", .pairs = NO_PAIRS},
    {.number = 861, .name = "CP861", .pairs = NO_PAIRS},
    {.number = 862, .name = "CP862", .pairs = NO_PAIRS},
    {.number = 863, .name = "CP863", .pairs = NO_PAIRS},
    {.number = 864, .name = "CP864", .pairs = NO_PAIRS},
    {.number = 865, .name = "CP865", .pairs = NO_PAIRS},
    {.number = 866, .name = "CP866", .pairs = NO_PAIRS},
    {.number = 869, .name = "CP869", .pairs = NO_PAIRS},
    {.number = 874, .name = "CP874", .pairs = NO_PAIRS},
    {.number = 932, .name = "CP932", .pairs = 0},
    {.number = 936, .name = "CP936", .pairs = 1},
    {.number = 949, .name = "CP949", .pairs = 2},
    {.number = 950, .name = "CP950", .pairs = 3},
    {.number = 1250, .name = "CP1250", .pairs = NO_PAIRS},
    {.number = 1251, .name = "CP1251", .pairs = NO_PAIRS},
    {.number = 1253, .name = "CP1253", .pairs = NO_PAIRS},
    {.number = 1254, .name = "CP1254", .pairs = NO_PAIRS},
    {.number = 1255, .name = "CP1255", .pairs = NO_PAIRS},
    {.number = 1256, .name = "CP1256", .pairs = NO_PAIRS},
    {.number = 1257, .name = "CP1257", .pairs = NO_PAIRS},
    {.number = 1258, .name = "CP1258", .pairs = NO_PAIRS},
    {.number = 1361, .name = "JOHAB", .pairs = 4},
    {.number = 20866, .name = "KOI8-R", .pairs = NO_PAIRS},
    {.number = 21866, .name = "KOI8-U", .pairs = NO_PAIRS},
    {.number = 28591, .name = "ISO-8859-1", .pairs = NO_PAIRS},
    {.number = 28592, .name = "ISO-8859-2", .pairs = NO_PAIRS},
    {.number = 28593, .name = "ISO-8859-3", .pairs = NO_PAIRS},
    {.number = 28594, .name = "ISO-8859-4", .pairs = NO_PAIRS},
    {.number = 28595, .name = "ISO-8859-5", .pairs = NO_PAIRS},
    {.number = 28596, .name = "ISO-8859-6", .pairs = NO_PAIRS},
    {.number = 28597, .name = "ISO-8859-7", .pairs = NO_PAIRS},
    {.number = 28598, .name = "ISO-8859-8", .pairs = NO_PAIRS},
    {.number = 28599, .name = "ISO-8859-9", .pairs = NO_PAIRS},
    {.number = 28605, .name = "ISO-8859-15", .pairs = NO_PAIRS},
};

static uint16_t pair[DOUBLE_PAGES][PAIRS];

/* What some bytes are, in their initial state: one character, or CODEPAGE_NONE.  *more: they are
 * the beginning of one. */
static uint16_t ask(iconv_t to_utf16, const uint8_t *bytes, size_t size, bool *more)
{
    char from[2], utf16[8];
    char *in = from, *out = utf16;
    size_t in_left = size, out_left = sizeof utf16;
    memcpy(from, bytes, size);
    iconv(to_utf16, NULL, NULL, NULL, NULL);
    errno = 0;
    bool failed = iconv(to_utf16, &in, &in_left, &out, &out_left) == (size_t)-1;
    *more = failed && errno == EINVAL;
    /* Hebrew and Vietnamese wait for a mark that may follow. */
    if (failed || iconv(to_utf16, NULL, NULL, &out, &out_left) == (size_t)-1 || in_left > 0 ||
        sizeof utf16 - out_left != 2)
        return CODEPAGE_NONE;
    uint16_t c = (uint16_t)((uint8_t)utf16[0] | (uint8_t)utf16[1] << 8);
    return c >= 0xd800 && c < 0xe000 ? CODEPAGE_NONE : c;
}

static void read_page(struct codepage *page)
{
    memory_watch_begin();
    iconv_t to_utf16 = iconv_open("UTF-16LE", page->name);
    memory_watch_end();
    page->state = to_utf16 == (iconv_t)-1 ? ABSENT : READ;
    for (unsigned i = 0; page->state == READ && i < 256; i++) {
        uint8_t bytes[2] = {(uint8_t)i, 0};
        bool more, ignored;
        page->one[i] = ask(to_utf16, bytes, 1, &more);
        if (!more || page->pairs == NO_PAIRS)
            continue;
        page->one[i] = CODEPAGE_LEAD;
        for (unsigned k = 0; k < 256; k++) {
            bytes[1] = (uint8_t)k;
            pair[page->pairs][i << 8 | k] = ask(to_utf16, bytes, 2, &ignored);
        }
    }
    if (page->state == READ)
        iconv_close(to_utf16);
}

const struct codepage *codepage_find(uint32_t number)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (pages[i].number != number)
            continue;
        if (pages[i].state == UNREAD)
            read_page(&pages[i]);
        return pages[i].state == READ ? &pages[i] : NULL;
    }
    return NULL;
}

uint32_t codepage_one(const struct codepage *page, uint8_t byte)
{
    return page->one[byte];
}

uint32_t codepage_two(const struct codepage *page, uint8_t lead, uint8_t trail)
{
    return page->pairs == NO_PAIRS ? CODEPAGE_NONE : pair[page->pairs][lead << 8 | trail];
}

bool codepage_encode(const struct codepage *page, struct bytes utf8, struct buffer *to)
{
    if (!buffer_reserve(to, ENCODED_MOST * utf8.size))
        return false;
    memory_watch_begin();
    iconv_t from_utf8 = iconv_open(page->name, "UTF-8");
    if (from_utf8 == (iconv_t)-1) {
        to->failed = memory_watch_end();
        return false;
    }
    char *in = (char *)(uintptr_t)utf8.at, *out = (char *)to->at + to->size;
    size_t in_left = utf8.size, out_left = ENCODED_MOST * utf8.size;
    size_t inexact = iconv(from_utf8, &in, &in_left, &out, &out_left);
    bool ok = inexact == 0 && iconv(from_utf8, NULL, NULL, &out, &out_left) == 0;
    iconv_close(from_utf8);
    if (ok)
        to->size = (size_t)(out - (char *)to->at);
    return ok;
}
