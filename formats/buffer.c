/* A growing run of bytes: see buffer.h. */
#include "formats/buffer.h"

#include "formats/memory.h"

#include <stdlib.h>

enum { ROOM_FIRST = 64 };

static bool fail(struct buffer *out)
{
    memory_note_short(); /* also where nobody asks `failed` */
    out->failed = true;
    return false;
}

bool buffer_reserve(struct buffer *out, size_t more)
{
    if (out->failed)
        return false;
    if (more <= out->room - out->size)
        return true;
    if (more > SIZE_MAX / 2 - out->size)
        return fail(out);
    /* Doubling keeps the cost of many small writes linear. */
    size_t room = out->size + more;
    if (room < out->room * 2)
        room = out->room * 2;
    if (room < ROOM_FIRST)
        room = ROOM_FIRST;
    uint8_t *at = realloc(out->at, room);
    if (at == NULL)
        return fail(out);
    out->at = at;
    out->room = room;
    return true;
}

bool buffer_add(struct buffer *out, struct bytes more)
{
    return buffer_insert(out, out->size, more);
}

bool buffer_add_u8(struct buffer *out, uint8_t value)
{
    return buffer_add(out, bytes_of(&value, 1));
}

bool buffer_add_le32(struct buffer *out, uint32_t value)
{
    uint8_t raw[4];
    bytes_put_le32(raw, value);
    return buffer_add(out, bytes_of(raw, sizeof raw));
}

bool buffer_add_text(struct buffer *out, const char *text)
{
    return buffer_add(out, bytes_of(text, strlen(text)));
}

bool buffer_set(struct buffer *out, struct bytes value, struct fault *f)
{
    buffer_clear(out);
    return buffer_append(out, value, f);
}

bool buffer_append(struct buffer *out, struct bytes value, struct fault *f)
{
    return (buffer_reserve(out, value.size + 1) && buffer_add(out, value)) ||
           fault_no_memory(f, NULL);
}

bool buffer_insert(struct buffer *out, size_t at, struct bytes more)
{
    if (at > out->size)
        at = out->size;
    if (!buffer_reserve(out, more.size))
        return false;
    if (more.size == 0)
        return true;
    if (at < out->size)
        memmove(out->at + at + more.size, out->at + at, out->size - at);
    memcpy(out->at + at, more.at, more.size);
    out->size += more.size;
    return true;
}

static ssize_t append(void *out, const char *text, size_t size)
{
    return buffer_add(out, bytes_of(text, size)) ? (ssize_t)size : 0;
}

FILE *buffer_stream(struct buffer *out)
{
    FILE *to = fopencookie(out, "w", (cookie_io_functions_t){.write = append});
    if (to == NULL)
        fail(out);
    return to;
}

bool buffer_stream_close(struct buffer *out, FILE *to)
{
    bool closed = to != NULL && fclose(to) == 0;
    return (closed && !out->failed) || fail(out);
}

void buffer_clear(struct buffer *out)
{
    out->size = 0;
    out->failed = false;
}

void buffer_free(struct buffer *out)
{
    free(out->at);
    *out = (struct buffer){0};
}
