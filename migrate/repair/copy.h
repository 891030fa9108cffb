/*
 * Writing a repaired copy: the plan applied to a new store, verified by reading it back, and given
 * its name only then.
 */
#ifndef KM_MIGRATE_REWRITE_H
#define KM_MIGRATE_REWRITE_H

#include "migrate/decide/assessment.h"
#include "migrate/repair/result.h"

#include <signal.h>

struct rewritten {
    char store[PATH_MAX], quarantine[PATH_MAX], set_aside[PATH_MAX];
    struct repair_result result; /* points into the above */
};

/*
 * Writes the assessment's store, changed as its plan says, to `copy`, an empty file open for
 * reading and writing: all pages that the plan does not touch are bit for bit the same.  Nothing is
 * synced; after a failure the file is worthless.  stop: gives up as soon as it is set.  hash: (may
 * be NULL) is given all bytes of the store that the copy was made from.
 */
bool rewrite_database(const struct assessment *assessment, int copy,
                      const volatile sig_atomic_t *stop, struct filehash *hash, struct fault *f);

/*
 * Applies the assessment's plan into `target`: a file, or a directory when the store was named by
 * its directory. In a directory the other files are copied, logs, checkpoint and flush map into a
 * folder "set-aside", where nothing replays them.  Errors are noted (assessment->notes); whatever
 * fails, the source is untouched and nothing stands under the target's name.  Returns enum
 * exit_status: EXIT_CLEAN when it is written.  force: a file that has that name is replaced.
 */
int rewrite_store(const struct assessment *assessment, const char *target, bool force,
                  struct rewritten *rewritten);

#endif
