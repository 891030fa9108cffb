/*
 * What a run that was killed has left: unfinished files and directories under temporary names.
 *
 *     .NAME*.PID-N.tmp          a file that was being written (formats/outfile.h)
 *     NAME*.kmmigrate-XXXXXX    a directory that was being copied (migrate/repair/copydir.h)
 *
 * NAME is that of the database, of its directory, or of a copy that is to be written.  Both are
 * locked while their run lives, so one that can be locked is nobody's any more.
 */
#ifndef KM_MIGRATE_LEFTOVER_H
#define KM_MIGRATE_LEFTOVER_H

#include <stdbool.h>

enum leftover_what {
    LEFTOVER_TELL,   /* each is named in a warning */
    LEFTOVER_OFFER,  /* on a terminal, and there is somebody to ask: removed when the answer is yes;
                        else as LEFTOVER_TELL */
    LEFTOVER_REMOVE, /* and removed */
};

/*
 * Looks for what is left over beside `path`, of a file or directory that need not exist.  Only
 * regular files directly in such a directory, or in its folder set-aside, are removed with it.
 * False when one that was to be removed is still there; an error is printed then.
 */
bool leftover_look(const char *path, enum leftover_what what);

/* The same for the database at `path` and for the directory in which it lies. */
bool leftover_look_beside(const char *path, enum leftover_what what);

#endif
