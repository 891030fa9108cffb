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

static void put(void *context, const char *bytes, size_t size)
{
    (void)context;
    output_bytes(bytes, size);
}

void output_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    escape_format(put, NULL, format, args);
    va_end(args);
}

void output_escaped(struct bytes text, enum escape_as as)
{
    struct bytes piece;
    for (struct escape e = escape_of(text, as); escape_next(&e, &piece);)
        output_bytes((const char *)piece.at, piece.size);
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
