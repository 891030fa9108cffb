/*
 * Putting a store back as its undo file has it: for undo, for a repair in place that failed, and
 * for one that was interrupted.
 *
 * Whether the result would be the original is known before the first byte is written: its SHA-256
 * is computed over the store as it would be.  So an undo file of another store, or of one that has
 * changed since, changes nothing.
 */
#ifndef KM_MIGRATE_UNDO_H
#define KM_MIGRATE_UNDO_H

#include "migrate/files/beside.h"
#include "migrate/undo/file.h"

/* Is a store of this size and SHA-256 what the finished repair left? */
bool undo_is_result(const struct undofile *undo, uint64_t size,
                    const uint8_t sha256[HASH_SHA256_SIZE]);

/*
 * Can the store at `path`, open as `store`, be put back?  Fails with FAULT_LIMIT when the
 * store is not what the repair left, or would not become the original; FAULT_NOT_THIS when the undo
 * file names what no repair of that store makes; those of aside_can_go_back(); FAULT_IO,
 * FAULT_NO_MEMORY.
 */
bool undo_possible(const char *path, int store, struct undofile *undo, struct fault *f);

/*
 * Puts it back: bytes, length, files that were set aside; takes away the quarantine file, when its
 * certificates are in the store again, and at last the undo file at `undo_path`.  After a failure
 * it can be called again.  FAULT_IO, FAULT_NO_MEMORY, FAULT_LIMIT when the result is not the
 * original.
 */
bool undo_put_back(const char *path, int store, struct undofile *undo, const char *undo_path,
                   struct fault *f);

/* Notes what state each undo file among the files beside a store is in. */
void undo_note_files(struct beside *beside);

/* SHA-256 of a whole file, and its size.  FAULT_IO, FAULT_NO_MEMORY. */
bool undo_hash_file(int descriptor, uint64_t *size, uint8_t sha256[HASH_SHA256_SIZE],
                    struct fault *f);

#endif
