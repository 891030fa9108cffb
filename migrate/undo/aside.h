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

/* What the file `name` beside the store at `path` is, for the undo file, which says of one that
 * cannot be read only that it was there.  FAULT_NO_MEMORY. */
bool aside_describe(const char *path, char *name, struct undofile_move *move, struct fault *f);

/*
 * Which files in the folder are not what was set aside: where that is known, by length and SHA-256,
 * else by their file times, which are later than the beginning of the repair?  Returns the first,
 * *count: how many; NULL when there is none.  FAULT_IO, with NULL, when the folder cannot be
 * opened; FAULT_NO_MEMORY.
 */
const struct undofile_move *aside_changed(const char *path, const struct undofile *undo,
                                          size_t *count, struct fault *f);

/* Puts back what is in the folder, and removes that when it is empty; syncs both directories.
 * FAULT_IO. */
bool aside_move_back(const char *path, const struct undofile *undo, struct fault *f);

/* Syncs the directory that holds `path`. */
bool aside_sync_directory_of(const char *path, struct fault *f);

#endif
