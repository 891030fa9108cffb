/* Standard output: see output.h. */
#include "migrate/console/output.h"

#include "migrate/console/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[64 * 1024];
static size_t filled;
static int failure; /* errno of the first write that failed */

static void flush(void)
{
    size_t done = 0;
    while (done < filled && failure == 0) {
        ssize_t n = write(STDOUT_FILENO, buffer + done, filled - done);
        if (n < 0 && errno != EINTR)
            failure = errno;
        else if (n > 0)
            done += (size_t)n;
    }
    filled = 0;
}

void output_bytes(const char *bytes, size_t size)
{
    while (size > 0) {
        size_t part = sizeof buffer - filled;
        if (part > size)
            part = size;
        memcpy(buffer + filled, bytes, part);
        filled += part;
        bytes += part;
        size -= part;
        if (filled == sizeof buffer)
            flush();
    }
}

void output_text(const char *text)
{
    output_bytes(text, strlen(text));
}

void output_format(const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        output_bytes(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* Two digits at a time: a dump is mostly this. */
static const char (*hex_pairs(void))[2]
{
    static const char digit[] = "0123456789abcdef";
    static char pair[256][2];
    if (pair[0][0] == '\0')
        for (int i = 0; i < 256; i++) {
            pair[i][0] = digit[i >> 4];
            pair[i][1] = digit[i & 15];
        }
    return (const char(*)[2])pair;
}

void output_hex(const unsigned char *bytes, size_t size)
{
    const char(*pair)[2] = hex_pairs();
    while (size > 0) {
        if (sizeof buffer - filled < 2)
            flush();
        size_t part = (sizeof buffer - filled) / 2;
        if (part > size)
            part = size;
        char *to = buffer + filled;
        for (size_t i = 0; i < part; i++)
            memcpy(to + 2 * i, pair[bytes[i]], 2);
        filled += 2 * part;
        bytes += part;
        size -= part;
    }
}

void output_field(const char *utf8, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = utf8[i];
        if (c == '\t')
            output_text("\\t");
        else if (c == '\n')
            output_text("\\n");
        else if (c == '\r')
            output_text("\\r");
        else if (c == '\\')
            output_text("\\\\");
        else if ((unsigned char)c < 0x20 || c == 0x7f)
            output_format("\\x%02x", (unsigned)c);
        else
            output_bytes(&c, 1);
    }
}

void output_plain(const char *utf8)
{
    for (; *utf8; utf8++) {
        char c = (unsigned char)*utf8 < 0x20 || *utf8 == 0x7f ? '?' : *utf8;
        output_bytes(&c, 1);
    }
}

bool output_failed(void)
{
    return failure != 0;
}

bool output_finish(void)
{
    flush();
    if (failure == 0)
        return true;
    if (failure != EPIPE) /* the reader went away on purpose: `| head` */
        message_error("standard output: cannot be written: %s", strerror(failure));
    return false;
}
