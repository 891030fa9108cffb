/*
 * A copy of a Kmsdata directory that appears under its name only when it is complete.
 *
 * Both directories are opened once, and everything is read from and written into what was opened:
 * whoever puts another directory in the place of one of them meanwhile gets nothing.  Every copy is
 * read back.  Clean-up removes only what was made here.
 */
#ifndef KM_MIGRATE_COPYDIR_H
#define KM_MIGRATE_COPYDIR_H

#include "migrate/files/beside.h"

#include <limits.h>
#include <sys/stat.h>

/* Where logs, checkpoint and flush map go: the engine replays only what lies beside the database.
 */
#define COPYDIR_SET_ASIDE "set-aside"

struct copydir_made {
    char *name;
    bool aside;
};

struct copydir {
    int source, parent, made, aside; /* directories that are open; -1: not */
    char unfinished[NAME_MAX + 1];   /* name in the parent; empty: there is none */
    char target[NAME_MAX + 1];
    bool committed;
    bool narrower;                    /* somebody may do less with the copy than with the source */
    size_t set_aside;                 /* files that were set aside */
    bool (*leaves)(const char *name); /* true: the file does not come along; NULL: all do */
    struct copydir_made *file;
    size_t files, room;
};

/*
 * Makes an unfinished directory beside `target`, with owner, group and access control lists of the
 * directory `source`, in which `database` (compared by device and inode) is named `name`.  Fails
 * when the target exists, or when the source is not the directory of that database any more.  Close
 * it in any case.
 */
bool copydir_begin(struct copydir *copy, const char *source, const char *name,
                   const struct stat *database, const char *target, struct fault *f);

/* Copies all regular files but `database` (compared without regard to case); what beside->file
 * lists goes into COPYDIR_SET_ASIDE.  Anything else but a regular file is refused: a copy without
 * it would not be one. */
bool copydir_others(struct copydir *copy, const char *database, const struct beside *beside,
                    struct fault *f);

/* Notes a file that the caller has put into copy->made, so that clean-up knows it. */
bool copydir_note(struct copydir *copy, const char *name, struct fault *f);

/* Are all files of `source` in `copy`, byte for byte?  Both are directories; what `copy` has more
 * does not matter.  FAULT_DAMAGED names the first that is not; FAULT_IO. */
bool copydir_is_copy(int source, int copy, struct fault *f);

/* Syncs the directory and gives it the target's name.  Takes that away again when the last sync
 * fails. */
bool copydir_commit(struct copydir *copy, struct fault *f);

/* Removes what was made, also when it was committed. */
void copydir_remove(struct copydir *copy);

/* Closes everything; removes what was made unless it was committed. */
void copydir_close(struct copydir *copy);

#endif
