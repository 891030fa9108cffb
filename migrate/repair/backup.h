/*
 * The full copy of a store that is made before it is repaired in place.
 */
#ifndef KM_MIGRATE_BACKUP_H
#define KM_MIGRATE_BACKUP_H

#include "migrate/decide/assess.h"

#include <signal.h>

/*
 * Copies the store to `target`, a name that does not exist: the database file, or the whole
 * directory when the store was named by it, as it is.  The copy of the database is read back and
 * held against the assessment's SHA-256, synced, and only then gets its name.  stop: gives up as
 * soon as it is set; then *cancelled.
 *
 * False, with f saying why, when it could not be made; nothing of it is left then.
 */
bool backup_store(const struct assessment *assessment, const char *target, bool quiet,
                  const volatile sig_atomic_t *stop, bool *cancelled, struct fault *f);

/* Removes a backup that was just made. */
void backup_remove(const char *target);

#endif
