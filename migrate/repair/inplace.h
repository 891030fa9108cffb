/*
 * Repairing a store where it lies, so that at any moment it is the old one, the new one, or can be
 * put back.
 *
 *     changes in memory, backup, quarantine file, undo file (each synced before the next begins)
 *     ---- until here nothing of the store was touched, and everything can be taken away again
 *     logs set aside, bytes written, synced; the result verified; the undo file marked finished
 *     ---- what fails in between is put back at once, what is killed in between by the next run
 */
#ifndef KM_MIGRATE_INPLACE_H
#define KM_MIGRATE_INPLACE_H

#include "migrate/decide/assessment.h"
#include "migrate/files/lock.h"
#include "migrate/repair/result.h"

struct in_place {
    char undo[PATH_MAX], backup[PATH_MAX], set_aside[PATH_MAX], quarantine[PATH_MAX];
    struct repair_result result; /* points into the above, and to the store's path */
};

/*
 * Applies the assessment's plan to the store itself, which `lock` holds.  with_backup: a backup is
 * made of it first.  has_backup: the backup of an interrupted repair of the same store, or NULL.
 * Errors are noted (assessment->notes), and say what state the store is in.  Afterwards the
 * assessment's database is only good for closing.  Returns enum exit_status: EXIT_CLEAN when it is
 * done, and the store's path is still the name of what was repaired.
 */
int repair_in_place(const struct assessment *assessment, bool with_backup, const struct lock *lock,
                    const char *has_backup, struct in_place *in_place);

/*
 * Puts back what an interrupted repair of the store at `path` left behind; nothing when there was
 * none.  kept_backup: path of that repair's backup, "" when there is none.  Errors are noted.
 * Returns enum exit_status.
 */
int repair_take_back(const char *path, const struct lock *lock, char kept_backup[PATH_MAX],
                     struct notes *notes);

#endif
