/*
 * Certificates one behind the other, each with a small header that says how long it is: the
 * framings that programs make for themselves.
 *
 *     value      [u32 count, little end first], then items to the end
 *     item       header of a fixed number of bytes, certificate
 *     header     may hold the certificate's size in 2 or 4 bytes; else its DER says it
 *
 * There is no source: each program has its own.  So a layout is said in words by whoever knows it,
 *
 *     [count:le32] [size:le32|be32|le16|be16] [skip:N] [size@OFFSET:le32]
 *
 * in the order of the bytes.  skip:N are bytes of the header that nothing is known of; they are
 * carried with their certificate.  size@OFFSET lays the size over bytes that are skipped.
 */
#ifndef KM_FORMATS_CERTS_ITEMS_H
#define KM_FORMATS_CERTS_ITEMS_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/fault.h"

enum {
    ITEMS_HEADER_MOST = 64, /* bytes of an item's header */
    ITEMS_TEXT = 64,        /* room for a layout in words */
};

enum items_size { ITEMS_NO_SIZE, ITEMS_LE32, ITEMS_BE32, ITEMS_LE16, ITEMS_BE16 };

struct items_layout {
    bool counted;
    unsigned header; /* bytes in front of each certificate, its size included */
    enum items_size size;
    unsigned size_at; /* in the header */
};

struct items_item {
    struct bytes header, data, whole;
    size_t offset; /* of whole in the value */
};

struct items_reader {
    struct bytes b;
    struct items_layout layout;
    size_t at;
    uint32_t left; /* counted: items to come */
    bool failed;
    struct bytes tail; /* at the end: what a count leaves over */
};

/* Reads a layout in words.  False with FAULT_DAMAGED, naming the word, or FAULT_LIMIT. */
bool items_layout_read(const char *text, struct items_layout *layout, struct fault *f);

/* Writes it so that items_layout_read() gives it back; returns `to`. */
const char *items_layout_text(const struct items_layout *layout, char to[ITEMS_TEXT]);

/* How many bytes a size takes: 0, 2 or 4. */
unsigned items_size_bytes(enum items_size size);

/* The size at an offset of b.  False when b is too short, or for ITEMS_NO_SIZE. */
bool items_size_read(struct bytes b, size_t at, enum items_size size, uint32_t *value);

/* Starts reading.  False with FAULT_DAMAGED when the value is too short for its count.  `b` is
 * borrowed. */
bool items_open(struct bytes b, const struct items_layout *layout, struct items_reader *r,
                struct fault *f);

/* The next item.  False at the end, f untouched; false with `failed` set and FAULT_DAMAGED when the
 * value ends in an item, or none starts where one has to. */
bool items_next(struct items_reader *r, struct items_item *item, struct fault *f);

/* Appends an item for new data, its header like `like` (of another item of the same list; empty:
 * there is none) but for the size.  False with FAULT_UNSUPPORTED when the layout has bytes that
 * nothing is known of and `like` does not give, or the size does not fit; FAULT_NO_MEMORY. */
bool items_add(struct buffer *out, const struct items_layout *layout, struct bytes like,
               struct bytes data, struct fault *f);

/* Are the bytes of two headers the same, but for the size? */
bool items_headers_alike(const struct items_layout *layout, struct bytes a, struct bytes b);

#endif
