/*
 * Decompression of column values and long value chunks (format revision 0x11, Windows 7, and
 * later).
 *
 * Whether a value is compressed at all is told elsewhere: by the header byte of its tagged column,
 * or by the shortness of a long value's chunk.  What is compressed opens with one byte: its upper
 * five bits are the algorithm, its lower three belong to the algorithm.  Each chunk of a long value
 * is compressed for itself.
 *
 * Source: Microsoft's published engine (dev/ese/src/ese/compression.cxx and _xpress/); [MS-XCA]
 * ("Plain LZ77") describes the stream inside an XPRESS value.  An LZ4 value is a block of liblz4.
 */
#ifndef KM_FORMATS_ESE_COMPRESS_H
#define KM_FORMATS_ESE_COMPRESS_H

#include "formats/bytes.h"
#include "formats/fault.h"

/* The five bits as they are stored, above three that belong to the algorithm.  Numbers up to 31 can
 * occur in damaged or newer data. */
enum { ESE_COMPRESSION_SHIFT = 3 };

enum ese_compression {
    ESE_COMPRESSION_NONE = 0, /* never written: what is not compressed carries no such byte */
    ESE_COMPRESSION_7BIT_ASCII = 1,
    ESE_COMPRESSION_7BIT_UNICODE = 2,
    ESE_COMPRESSION_XPRESS = 3,
    ESE_COMPRESSION_SCRUB = 4, /* no compression: the engine has wiped the value on purpose */
    ESE_COMPRESSION_XPRESS9 = 5,
    ESE_COMPRESSION_XPRESS10 = 6,
    ESE_COMPRESSION_LZ4 = 7,
};

/* Room enough to decompress every value that lies on a page: the longest is 7-bit Unicode on one of
 * 32 KiB, where 7 bits become 2 bytes.  (XPRESS counts its bytes in 16 bits: 65,535.) */
#define ESE_DECOMPRESSED_MAX (32768u * 16 / 7)

/* Takes a stored value, returns its algorithm; ESE_COMPRESSION_NONE of an empty one. */
enum ese_compression ese_compression_of(struct bytes stored);

/* Returns the algorithm's name for people, "unknown" for a number without one.  Never NULL. */
const char *ese_compression_name(enum ese_compression algorithm);

/*
 * Takes a stored value and gives the size that it decompresses to.  Exact: ese_decompress either
 * gives that many bytes or fails.  Also known for XPRESS10, which ese_decompress cannot do.
 *
 * False, *size untouched, with FAULT_DAMAGED when the value is too short or its size impossible,
 * FAULT_UNSUPPORTED for XPRESS9 and unknown algorithms, FAULT_MISSING for a scrubbed value.
 */
bool ese_decompressed_size(struct bytes stored, size_t *size, struct fault *f);

/*
 * Decompresses a stored value into `out`, which has `room` bytes and must not overlap it, and gives
 * the number of bytes written.  Never allocates; costs at most linear time in stored.size + *size.
 *
 * False, *size untouched and out's content undefined, with FAULT_LIMIT when `room` is too small,
 * FAULT_DAMAGED when the engine would refuse the value as well, FAULT_UNSUPPORTED, naming the
 * algorithm, for one that this program does not know, FAULT_MISSING for a scrubbed value.
 */
bool ese_decompress(struct bytes stored, uint8_t *out, size_t room, size_t *size, struct fault *f);

#endif
