/*
 * A growing run of bytes.
 *
 * The first allocation that fails sets `failed`, and notes that memory ran short (memory.h); every
 * later call does nothing, so that a writer is checked once, at its end.  A zeroed struct is an
 * empty buffer.
 */
#ifndef KM_FORMATS_BUFFER_H
#define KM_FORMATS_BUFFER_H

#include "formats/bytes.h"
#include "formats/fault.h"

#include <stdio.h>

struct buffer {
    uint8_t *at;
    size_t size;
    size_t room;
    bool failed;
};

/* What was written so far.  Borrowed: valid until the next write to, or the freeing of, `out`. */
static inline struct bytes buffer_bytes(const struct buffer *out)
{
    return bytes_of(out->at, out->size);
}

/* Makes room for `more` further bytes, so that writing them moves nothing.  False: no memory. */
bool buffer_reserve(struct buffer *out, size_t more);

/* Each appends; `more` may be empty but must not lie inside `out` itself.  False: no memory. */
bool buffer_add(struct buffer *out, struct bytes more);
bool buffer_add_u8(struct buffer *out, uint8_t value);
bool buffer_add_le32(struct buffer *out, uint32_t value);
bool buffer_add_text(struct buffer *out, const char *text);

/* A copy of `value` in the place of what was written, or behind it; buffer_bytes() is never NULL
 * then.  `value` must not lie inside `out`.  FAULT_NO_MEMORY. */
bool buffer_set(struct buffer *out, struct bytes value, struct fault *f);
bool buffer_append(struct buffer *out, struct bytes value, struct fault *f);

/* Puts `more` at offset `at`, at most the size, moving what stands there.  False: no memory. */
bool buffer_insert(struct buffer *out, size_t at, struct bytes more);

/* A stream whose writes are appended to `out`, for what writes with fprintf(): unlike
 * open_memstream(), whose stream drops what it has no room for without a word.  NULL: no memory. */
FILE *buffer_stream(struct buffer *out);

/* Closes what buffer_stream() gave for `out`, also NULL.  False: no memory, which is noted; what is
 * in `out` then is not all, and must not be shown as if it were. */
bool buffer_stream_close(struct buffer *out, FILE *to);

/* Forgets what was written, and a failure, but keeps the room. */
void buffer_clear(struct buffer *out);

/* Gives the memory back; `out` is an empty buffer again. */
void buffer_free(struct buffer *out);

#endif
