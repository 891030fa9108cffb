/* Hexadecimal digits: see hex.h. */
#include "formats/hex.h"

const char *hex_start(struct bytes b, size_t most, char *text)
{
    bool cut = b.size > most;
    if (cut)
        b.size = most;
    bytes_hex(b, text, HEX_START_SIZE(most));
    return cut ? strcat(text, "...") : text;
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_pair(const char *text)
{
    int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
    return low < 0 ? -1 : high << 4 | low;
}

void hex_print(FILE *to, struct bytes b)
{
    char text[1024 + 1];
    for (struct bytes part; b.size > 0; b = bytes_from(b, part.size)) {
        part = bytes_of(b.at, b.size < sizeof text / 2 ? b.size : sizeof text / 2);
        fwrite(bytes_hex(part, text, sizeof text), 1, 2 * part.size, to);
    }
}
