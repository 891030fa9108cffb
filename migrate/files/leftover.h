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

#include <limits.h>
#include <stdbool.h>

struct leftover {
    char path[PATH_MAX];
    /* For leftover_remove(). */
    int folder, descriptor;
    const char *name;
    bool is_directory;
};

/* Is told of each, which is locked meanwhile. */
typedef void leftover_found(void *context, const struct leftover *leftover);

/* Looks for what is left over beside `path`, of a file or directory that need not exist. */
void leftover_look(const char *path, leftover_found *found, void *context);

/* The same for the database at `path` and for the directory in which it lies. */
void leftover_look_beside(const char *path, leftover_found *found, void *context);

/* Removes one that was just found.  Of a directory, only regular files directly in it, or in its
 * folder set-aside, are removed with it.  False, with errno: it is still there. */
bool leftover_remove(const struct leftover *leftover);

#endif
