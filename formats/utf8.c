/* UTF-8: see utf8.h. */
#include "formats/utf8.h"

size_t utf8_read(struct bytes b, size_t at, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = 0, next = 0;
    bytes_u8(b, at, &first);
    size_t size = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
    uint32_t c = size == 1 ? first : first & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (!bytes_u8(b, at + i, &next) || (next & 0xc0) != 0x80) {
            size = 0;
            break;
        }
        c = c << 6 | (next & 0x3f);
    }
    bool surrogate = c >= 0xd800 && c < 0xe000;
    if (size == 0 || c < least[size] || c > UTF8_LARGEST || surrogate) {
        *code = first;
        return 0;
    }
    *code = c;
    return size;
}

size_t utf8_write(uint32_t code, char to[UTF8_MOST])
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(lead[size] | code);
    return size;
}

bool utf8_is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe007f);
}
