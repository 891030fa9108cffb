/*
 * Replaying transaction logs into a database: redo, then undo, into a copy.
 *
 * Redo is physical: a record names a page, a line of it and bytes, and the page's own time tells
 * whether the change is in it already.  A page whose time is neither the record's "before" nor at
 * or after its "after" does not belong to these logs, or a write of it was lost; then nothing is
 * written.  Undo takes back, newest first, what transactions did that the logs leave open.
 *
 * Records of other databases in the same logs are skipped and counted; which ones are this
 * database's is told by its signature where it was created or attached, never by its path.
 *
 * Memory: a limited number of page frames; changed pages beyond it go to an unnamed file.  Of open
 * transactions what an undo needs is kept in memory, up to a limit.  Nothing is allocated for a
 * record.
 *
 * Source: the published engine, ese/_log/logredo.cxx (redo), ese/bt.cxx (splits, merges),
 * ese/ver.cxx (undo), ese/space.cxx, ese/logdiff.cxx (differences).
 */
#ifndef KM_FORMATS_ESE_LOG_REPLAY_H
#define KM_FORMATS_ESE_LOG_REPLAY_H

#include "formats/ese/log/set.h"

#include <signal.h>

struct ese_replay_options {
    size_t memory;                     /* for page frames, in bytes; 0: a default */
    const volatile sig_atomic_t *stop; /* not 0: give up; NULL: never */
};

struct ese_replay_summary {
    uint64_t records;         /* read */
    uint64_t other_databases; /* of them changes of other databases */
    uint64_t changes;         /* of this database */
    uint64_t redone;          /* of them made now: the others were in its pages already */
    uint64_t committed;       /* transactions that the logs commit */
    uint64_t rolled_back;     /* that they roll back */
    uint64_t undone;          /* that they leave open */
    uint64_t undone_changes;  /* changes that were taken back for them */
    uint32_t pages;           /* changed */
    uint32_t last_page;       /* of the result */
    uint64_t dbtime;
    int32_t first, last; /* generations that were read */
    struct ese_log_position end;
    bool interrupted;
    bool changed; /* the database would differ from what it is */
};

struct ese_replay;

/* Prepares.  file: the database, borrowed.  header: the page of its header. */
bool ese_replay_open(struct ese_file *file, struct bytes header,
                     const struct ese_replay_options *options, struct ese_replay **replay,
                     struct fault *f);
void ese_replay_close(struct ese_replay *replay);

/*
 * Redoes a log: all of its records.  Logs have to come in the order of their generations.
 *
 * Fails with FAULT_DAMAGED for damage in the log (then what was read before it has been redone) and
 * for a page that does not fit; ese_replay_damage_in_log() tells which.  FAULT_UNSUPPORTED for a
 * record that is not replayed, FAULT_LIMIT, FAULT_NO_MEMORY, FAULT_IO.
 */
bool ese_replay_log(struct ese_replay *replay, struct ese_log_stream *stream, struct fault *f);

/* True when the last failure of ese_replay_log() was the log's own damage, not a misfit. */
bool ese_replay_damage_in_log(const struct ese_replay *replay);

/* After the last log: undoes what is open, and checks that every page is accounted for. */
bool ese_replay_finish(struct ese_replay *replay, struct fault *f);

/* After that: the summary. */
const struct ese_replay_summary *ese_replay_summary(const struct ese_replay *replay);

/*
 * Writes the recovered database to `descriptor`: the source's pages, the changed ones over them,
 * and a header that says clean and, as `eseutil /p` leaves it, knows no logs any more: the log
 * signature and all log positions are zero, so that it starts without logs.
 */
bool ese_replay_write(struct ese_replay *replay, int descriptor, struct fault *f);

#endif
