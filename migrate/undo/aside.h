/*
 * Setting files of the store's directory aside into a folder of their own, and putting them back.
 *
 * The engine replays the logs that lie beside a database; a repaired one must not have them there.
 * Which files, and where they go, stands in the undo file before the first is moved.
 */
#ifndef KM_MIGRATE_ASIDE_H
#define KM_MIGRATE_ASIDE_H

#include "migrate/undo/file.h"

/* Makes the folder and moves the files of `undo` into it, for the store at `path`; syncs both
 * directories.  Nothing is done when there are none.  FAULT_IO. */
bool aside_move_out(const char *path, const struct undofile *undo, struct fault *f);

/* Can all be put back?  Fails with FAULT_MISSING when a file is in neither place, FAULT_LIMIT when
 * it is in both, or, while no undo was begun of a finished repair, only beside the store; FAULT_IO.
 */
bool aside_can_go_back(const char *path, const struct undofile *undo, struct fault *f);

/*
 * Which files in the folder were written to after the repair began, by their file times?  The undo
 * file keeps no more of them than names.  Returns the first, *count: how many; NULL when there is
 * none.  FAULT_IO, with NULL, when the folder cannot be opened.
 */
const char *aside_written_since(const char *path, const struct undofile *undo, size_t *count,
                                struct fault *f);

/* Puts back what is in the folder, and removes that when it is empty; syncs both directories.
 * FAULT_IO. */
bool aside_move_back(const char *path, const struct undofile *undo, struct fault *f);

/* Syncs the directory that holds `path`. */
bool aside_sync_directory_of(const char *path, struct fault *f);

#endif
