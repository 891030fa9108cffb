/*
 * A file beside the stores that a command was asked for, a page or an exported list: where it may
 * go, and writing it whole or not at all.
 */
#ifndef KM_MIGRATE_NEWFILE_H
#define KM_MIGRATE_NEWFILE_H

#include "formats/bytes.h"
#include "formats/fault.h"

#include <signal.h>

/* What names begin with, behind the new store's own, of the files that are written beside it. */
#define NEWFILE_QUARANTINE ".quarantine"
#define NEWFILE_SALVAGE ".salvage"

/* Is `path` named as one of those beside the new store `other`, which need not be there yet? */
bool newfile_is_beside(const char *path, const char *other);

/* Is `path` the file `other`, which need not be there yet, or in a directory of that name? */
bool newfile_is_at(const char *path, const char *other);

/* Could it be made under that name?  Nothing is left there.  like, force and faults: as
 * outfile_create(). */
bool newfile_may_be(const char *path, int like, bool force, struct fault *f);

/* Makes it, with permissions never wider than those of `like`.  stop (NULL: never): when that is
 * set before the file has its name, nothing is written, *stopped is true, and so is the result.
 * Faults are those of an outfile. */
bool newfile_write(const char *path, int like, bool force, struct bytes content,
                   const volatile sig_atomic_t *stop, bool *stopped, struct fault *f);

#endif
