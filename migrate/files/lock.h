/*
 * The sole use of a store that is going to be written, and the shared use of one that is read.
 *
 * Refused while any process has the file open or locked: by fcntl, as another kmmigrate does, by
 * flock, or only by a descriptor (of the processes that this one may look at).  The message names
 * the process where it can be known.
 */
#ifndef KM_MIGRATE_STORE_LOCK_H
#define KM_MIGRATE_STORE_LOCK_H

#include "formats/fault.h"

#include <stdbool.h>
#include <sys/stat.h>

struct lock {
    int descriptor; /* of the store, open for reading and writing */
    struct stat st;
};

/* Opens the store and locks it.  Fails with FAULT_LIMIT when it is in use, FAULT_NOT_THIS when it
 * is no regular file, a symbolic link, or has more names than one, FAULT_IO when it cannot be
 * written; nothing is left open then. */
bool lock_take(struct lock *lock, const char *path, struct fault *f);

/* Is the store at `path` still the file that is held?  Fails with FAULT_LIMIT when another file, or
 * none, has its name by now. */
bool lock_is_named(const struct lock *lock, const char *path, struct fault *f);

/*
 * Keeps a store from being repaired while it is read; `descriptor` is open for reading, borrowed,
 * and the lock goes when its open file does.  A process that holds the store by lock_take() needs
 * none. *known: false where the file system has no locks, so that nobody can tell.  Fails with
 * FAULT_LIMIT when another process is writing it, FAULT_IO.
 */
bool lock_shared(int descriptor, bool *known, struct fault *f);

/* Gives it back. */
void lock_release(struct lock *lock);

#endif
