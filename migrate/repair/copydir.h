/*
 * A copy of a Kmsdata directory that appears under its name only when it is complete.
 */
#ifndef KM_MIGRATE_COPYDIR_H
#define KM_MIGRATE_COPYDIR_H

#include "migrate/store/beside.h"

#include <limits.h>

/* Where logs, checkpoint and flush map go: the engine replays only what lies beside the database.
 */
#define COPYDIR_SET_ASIDE "set-aside"

struct copydir {
    const char *source, *target;
    char unfinished[PATH_MAX]; /* empty: none, or committed */
    size_t set_aside;          /* files that were set aside */
};

/* Makes an unfinished directory beside `target`, with the source's permission bits.  Fails when the
 * target exists. */
bool copydir_begin(struct copydir *copy, const char *source, const char *target, struct fault *f);

/* Copies all regular files but `database` (compared without regard to case); what beside->file
 * lists goes into COPYDIR_SET_ASIDE.  Anything else but a regular file is refused: a copy without
 * it would not be one. */
bool copydir_others(struct copydir *copy, const char *database, const struct beside *beside,
                    struct fault *f);

/* Syncs the directory and gives it the target's name. */
bool copydir_commit(struct copydir *copy, struct fault *f);

/* Removes the unfinished directory, unless it was committed. */
void copydir_discard(struct copydir *copy);

#endif
