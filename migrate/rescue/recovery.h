/*
 * Recovering a store from its logs, up to the point where it can be written: what `recover` and
 * `repair --recover` share.
 */
#ifndef KM_MIGRATE_RECOVERY_H
#define KM_MIGRATE_RECOVERY_H

#include "formats/ese/log/replay.h"
#include "formats/hash.h"
#include "migrate/rescue/logset.h"
#include "migrate/rescue/unnamed.h"

struct recovery {
    const struct rescue_options *options; /* borrowed */
    struct notes *notes;                  /* what is to be said; borrowed, may be NULL */
    struct logset logs;
    struct ese_replay *replay;
    struct ese_replay_summary summary;
    int32_t stop_before; /* --until-damage: the first generation that is not read; 0: none */
    struct fault loss;   /* what a recovery with --until-damage stops at */
    struct stat *log;    /* what the logs were when they were replayed, from the first on */
    size_t logs_replayed, logs_room;
    int kept; /* descriptor of the unnamed file; 0: none */
    char id[2 * HASH_SHA256_SIZE + 1];
    bool narrower; /* somebody may do less with the copy than with the store */
};

/*
 * Finds the store and its logs, and replays them: everything but the writing.  r->options has to be
 * set, and r->notes for the errors.  Returns enum exit_status: EXIT_CLEAN when r->summary says what
 * was done, EXIT_PROBLEMS_LEFT when the logs do not fit and nothing was to be written, else
 * EXIT_TROUBLE or EXIT_CANCELLED.  Close it in any case.
 */
int recovery_make(struct recovery *recovery);
void recovery_close(struct recovery *recovery);

/* False, with f saying so, when the database file is not any more what it was when it was opened:
 * what was read of it before and after would not make one state. */
bool recovery_is_unchanged(const struct recovery *recovery, struct fault *f);

/* Writes what was recovered into an unnamed file (see rescue/unnamed.h).  path: under which this
 * process can open it.  False, with f saying why. */
bool recovery_keep(struct recovery *recovery, char path[UNNAMED_PATH], struct fault *f);

#endif
