/*
 * For fuzz targets: an undo file whose bytes were changed passes for one whose checksums are right,
 * so that what reads the records behind them is reached.
 */
#ifndef KM_TESTS_MIGRATE_UNDO_MEND_H
#define KM_TESTS_MIGRATE_UNDO_MEND_H

#include "formats/bytes.h"

#include <string.h>
#include <zlib.h>

enum { UNDOFILE_HEAD = 12, UNDOFILE_RECORD_HEAD = 12 };

/* Right checksums for all records (kind, size, checksum, content) that are there in full.  Needs
 * UNDOFILE_HEAD bytes. */
static void undofile_mend(uint8_t *bytes, size_t size)
{
    memcpy(bytes, "KMUNDO\r\n\1\0\0\0", UNDOFILE_HEAD);
    for (size_t at = UNDOFILE_HEAD; size - at >= UNDOFILE_RECORD_HEAD;) {
        uint32_t content = 0;
        bytes_le32(bytes_of(bytes, size), at + 4, &content);
        if (content > size - at - UNDOFILE_RECORD_HEAD)
            return;
        uLong crc = crc32(crc32(0, NULL, 0), bytes + at, 8);
        if (content > 0)
            crc = crc32(crc, bytes + at + UNDOFILE_RECORD_HEAD, content);
        bytes_put_le32(bytes + at + 8, (uint32_t)crc);
        at += UNDOFILE_RECORD_HEAD + content;
    }
}

#endif
