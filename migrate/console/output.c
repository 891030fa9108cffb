/* Standard output: see output.h. */
#include "migrate/console/output.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"
#include "formats/memory.h"
#include "migrate/console/message.h"
#include "migrate/console/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static char buffer[64 * 1024];
static size_t filled;
static struct buffer *captured; /* where what is printed goes; NULL: standard output */
static volatile sig_atomic_t begun;
static int failure;  /* errno of the first write that failed */
static bool goes_on; /* also when memory is short */

static struct {
    bool wanted;
    int file;      /* -1: nothing is in one */
    uint64_t size; /* of what is in it */
} held = {.file = -1};

static void print(struct bytes all)
{
    if (failure != 0 || all.size == 0)
        return;
    if (descriptor_was_closed(STDOUT_FILENO)) { /* what lies under its number takes everything */
        failure = EBADF;
        return;
    }
    begun = 1;
    if (isatty(STDOUT_FILENO))
        progress_hide();
    if (!fileio_write(STDOUT_FILENO, all))
        failure = errno;
}

/* What is held goes out, and nothing more is held. */
static void release(void)
{
    uint8_t part[4096];
    held.wanted = false;
    if (held.file < 0)
        return;
    for (uint64_t at = 0; at < held.size && failure == 0;) {
        uint64_t left = held.size - at;
        size_t size = left < sizeof part ? (size_t)left : sizeof part;
        if (fileio_read_at(held.file, at, part, size) < size)
            failure = errno ? errno : EIO;
        else
            print(bytes_of(part, size));
        at += size;
    }
    close(held.file);
    held.file = -1;
    held.size = 0;
}

static bool hold(struct bytes all)
{
    if (held.file < 0)
        held.file = fileio_temporary();
    if (held.file < 0 || !fileio_write_at(held.file, held.size, all))
        return false;
    held.size += all.size;
    return true;
}

static void flush(void)
{
    struct bytes all = bytes_of(buffer, filled);
    if (captured) {
        buffer_add(captured, all);
    } else if (!held.wanted || !hold(all)) {
        release();
        print(all);
    }
    filled = 0;
}

static bool is_at_end(void)
{
    if (!memory_ran_short() || goes_on)
        return false;
    while (filled > 0 && buffer[filled - 1] != '\n') /* that line may be what lacks something */
        filled--;
    return true;
}

void output_go_on(bool without_memory)
{
    goes_on = without_memory;
}

void output_hold(bool wanted)
{
    if (!wanted)
        release();
    held.wanted = wanted;
}

bool output_drop(void)
{
    if (begun || captured)
        return false;
    held.size = 0;
    filled = 0;
    return true;
}

/* Also what does not fit into the buffer. */
static void add_any(const char *bytes, size_t size)
{
    if (is_at_end())
        return;
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

void output_bytes(const char *bytes, size_t size)
{
    if (size == 0) /* of nothing there is no address to copy from */
        return;
    if (size >= sizeof buffer - filled || memory_ran_short()) {
        add_any(bytes, size);
        return;
    }
    if (size == 1) /* as half of what a generator of JSON says is */
        buffer[filled] = *bytes;
    else
        memcpy(buffer + filled, bytes, size);
    filled += size;
}

struct buffer *output_capture(struct buffer *to)
{
    struct buffer *before = captured;
    flush();
    captured = to;
    return before;
}

bool output_is_captured(void)
{
    return captured != NULL;
}

void output_text(const char *text)
{
    output_bytes(text, strlen(text));
}

void output_unsigned(uint64_t value)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    output_bytes(at, (size_t)(digits + sizeof digits - at));
}

void output_signed(int64_t value)
{
    if (value < 0)
        output_bytes("-", 1);
    output_unsigned(value < 0 ? -(uint64_t)value : (uint64_t)value);
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

typedef uint8_t eight __attribute__((vector_size(8)));
typedef uint16_t pairs __attribute__((vector_size(16)));
typedef uint8_t sixteen __attribute__((vector_size(16)));

/* The digits of eight bytes at once. */
static void put_eight(const unsigned char *bytes, char *to)
{
    enum { FIRST = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 8 }; /* of a pair: so far up */
    eight b;
    memcpy(&b, bytes, sizeof b);
    pairs wide = __builtin_convertvector(b, pairs);
    sixteen d = (sixteen)((wide >> 4) << FIRST | (wide & 15) << (8 - FIRST));
    d += '0' + ((sixteen)(d > 9) & ('a' - '0' - 10));
    memcpy(to, &d, sizeof d);
}

void output_hex(const unsigned char *bytes, size_t size)
{
    const char(*pair)[2] = hex_pairs();
    if (is_at_end())
        return;
    while (size > 0) {
        if (sizeof buffer - filled < 2)
            flush();
        size_t part = (sizeof buffer - filled) / 2;
        if (part > size)
            part = size;
        char *to = buffer + filled;
        size_t i = 0;
        for (; i + sizeof(eight) <= part; i += sizeof(eight))
            put_eight(bytes + i, to + 2 * i);
        for (; i < part; i++)
            memcpy(to + 2 * i, pair[bytes[i]], 2);
        filled += 2 * part;
        bytes += part;
        size -= part;
    }
}

bool output_begun(void)
{
    return begun != 0;
}

bool output_failed(void)
{
    return failure != 0;
}

bool output_finish(void)
{
    is_at_end();
    release();
    flush();
    if (failure == 0)
        return true;
    if (failure != EPIPE) /* the reader went away on purpose: `| head` */
        message_error("standard output: cannot be written: %s",
                      failure == EBADF ? "it is closed" : strerror(failure));
    return false;
}
