/*
 * The full copy of a store that is made before it is repaired in place.
 *
 * One that an interrupted repair has left, and one that a message names as the way back, is
 * believed only after its bytes were compared.
 */
#ifndef KM_MIGRATE_BACKUP_H
#define KM_MIGRATE_BACKUP_H

#include "migrate/decide/assessment.h"
#include "migrate/repair/copydir.h"

#include <signal.h>

struct outfile;

struct backup {
    struct outfile *file;     /* NULL: none, or a directory */
    struct copydir directory; /* valid when is_directory */
    bool is_directory;
};

/*
 * Copies the store to `target`, a name that does not exist: the database file, or the whole
 * directory when the store is handled as that, as it is.  Everything is read back, the database
 * held against the assessment's SHA-256; it is synced, and only then gets its name.  stop: gives up
 * as soon as it is set; then *cancelled, and nothing is left.
 *
 * False, with f saying why, when it could not be made; nothing of it is left then.  Close it in any
 * case.
 */
bool backup_make(struct backup *backup, const struct assessment *assessment, const char *target,
                 const volatile sig_atomic_t *stop, bool *cancelled, struct fault *f);

/* Takes it away again: what it made, and nothing else. */
void backup_remove(struct backup *backup);

/* Keeps it. */
void backup_close(struct backup *backup);

/* Is what lies at `path` a backup of the assessed store, byte for byte?  FAULT_DAMAGED says what
 * differs; FAULT_IO. */
bool backup_is_copy(const struct assessment *assessment, const char *path, struct fault *f);

/* Does `path` (a file, or a directory with a file `name`) hold a database of this size and SHA-256?
 * False when it cannot be read, either. */
bool backup_holds(const char *path, const char *name, uint64_t size,
                  const uint8_t sha256[HASH_SHA256_SIZE]);

#endif
