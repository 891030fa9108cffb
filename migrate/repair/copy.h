/*
 * Writing a repaired copy: the plan applied to a new store, verified by reading it back, and given
 * its name only then.
 */
#ifndef KM_MIGRATE_REWRITE_H
#define KM_MIGRATE_REWRITE_H

#include "migrate/decide/assessment.h"
#include "migrate/repair/result.h"

#include <signal.h>

struct rest;

struct rewritten {
    char store[PATH_MAX], quarantine[PATH_MAX], set_aside[PATH_MAX];
    struct repair_result result; /* points into the above */
};

/*
 * Writes the assessment's store, changed as its plan says, to `copy`, an empty file open for
 * reading and writing.  Nothing is synced; after a failure the file is worthless.  stop: gives up
 * as soon as it is set.  rest: (may be NULL) is told what the plan touches; all else has to be bit
 * for bit the same, which is for the caller to see (repair/rest.h).
 */
bool rewrite_database(const struct assessment *assessment, int copy,
                      const volatile sig_atomic_t *stop, struct rest *rest, struct fault *f);

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
