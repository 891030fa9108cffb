/*
 * For fuzz targets: an undo file whose bytes were changed passes for one whose checksums are right,
 * of one of the two versions, so that what reads the records behind them is reached.
 */
#ifndef KM_TESTS_MIGRATE_UNDO_MEND_H
#define KM_TESTS_MIGRATE_UNDO_MEND_H

#include "formats/bytes.h"

#include <string.h>
#include <zlib.h>

enum { UNDOFILE_HEAD = 12, UNDOFILE_RECORD_HEAD = 12 };

/* Right checksums for all records (kind, size, checksum, content) that are there in full.  Needs
 * UNDOFILE_HEAD bytes. */
void undofile_mend(uint8_t *bytes, size_t size);

#endif
