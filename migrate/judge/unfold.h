/*
 * What values stand for in which certificates are written as text, or packed: PEM, base64 without
 * its lines, hexadecimal digits, each with one or two bytes a character; zlib (RFC 1950) and gzip
 * (RFC 1952) behind a header.  For the search for second copies; nothing is written so.
 */
#ifndef KM_MIGRATE_UNFOLD_H
#define KM_MIGRATE_UNFOLD_H

#include "formats/buffer.h"
#include "formats/bytes.h"

enum { UNFOLD_HEADER_MOST = 4096, UNFOLD_GZIP_HEADER_MOST = 64 }; /* bytes before what is packed */

/* Is it text, from its first to its last byte, that encodes bytes?  They are in `to` then, and
 * `narrow` is used for text of two bytes a character; the former contents of both go.  False, too,
 * when memory is short (to->failed or narrow->failed). */
bool unfold_text(struct bytes value, struct buffer *narrow, struct buffer *to);

/* The next place from `offset` on where something packed could begin; value.size: none. */
size_t unfold_next_packed(struct bytes value, size_t offset);

/* Unpacks what begins there, up to WRAPPING_UNPACKED_MOST bytes or the first fault: what was
 * unpacked before is in `to`.  False only when memory is short. */
bool unfold_packed(struct bytes packed, struct buffer *to);

#endif
