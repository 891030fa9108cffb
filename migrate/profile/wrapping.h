/*
 * What stands around a certificate in a row of the list: a small header, and zlib's packing, or a
 * form of lists (PKCS#7, serialized store, PEM) that holds this one.  The first two may stand
 * around a list that is kept in one value, too.
 *
 * In rows they are only taken off: rows that stay keep theirs byte for byte, and an entry is not
 * added to a list whose rows are wrapped.  A list in one value is wrapped again as it was.
 */
#ifndef KM_MIGRATE_WRAPPING_H
#define KM_MIGRATE_WRAPPING_H

#include "formats/buffer.h"
#include "formats/bytes.h"
#include "formats/fault.h"

#include <stdint.h>

enum wrapping_pack { PACK_NONE, PACK_ZLIB, PACK_PKCS7, PACK_SST, PACK_PEM, PACKS };

/* A header of so many bytes, behind it the certificate, packed or not. */
struct wrapping {
    int32_t skip;
    enum wrapping_pack pack;
};

enum {
    WRAPPING_SKIP_MOST = 4096,            /* bytes of a header */
    WRAPPING_UNPACKED_MOST = 1024 * 1024, /* bytes of what is packed; more is a fault */
};

static inline bool wrapping_is_none(const struct wrapping *w)
{
    return w->skip == 0 && w->pack == PACK_NONE;
}

/* Unpacks what zlib packed (RFC 1950; where `gzip` is set also RFC 1952) to the end of `to`'s new
 * content, at most WRAPPING_UNPACKED_MOST bytes of it.  Returns zlib's code: Z_STREAM_END at its
 * end, Z_OK when there is more, Z_MEM_ERROR, or what else is wrong; *behind: bytes that were not
 * read. */
int wrapping_inflate(struct bytes packed, bool gzip, struct buffer *to, size_t *behind);

/* What stands in the value; *inner points into the value or into `room`, whose former content goes.
 * False, saying what was expected and found, when the value is shorter than the header, is not
 * packed so, goes on behind the packed bytes, is longer than WRAPPING_UNPACKED_MOST unpacked, or is
 * a list of none or several certificates, or with anything else in it (FAULT_DAMAGED). */
bool wrapping_take_off(const struct wrapping *w, struct bytes value, struct buffer *room,
                       struct bytes *inner, struct fault *f);

/* Appends `inner` with a header, and packed, as `old` is of which they were taken off.  False when
 * memory is short, or the pack is a form of lists. */
bool wrapping_put_on(const struct wrapping *w, struct bytes old, struct bytes inner,
                     struct buffer *to, struct fault *f);

#endif
