/*
 * The sole use of a store that is going to be written.
 *
 * Refused while any process has the file open or locked: by fcntl, as another kmmigrate does, by
 * flock, or only by a descriptor (of the processes that this one may look at).  The message names
 * the process where it can be known.
 */
#ifndef KM_MIGRATE_LOCK_H
#define KM_MIGRATE_LOCK_H

#include "formats/fault.h"

#include <stdbool.h>
#include <sys/stat.h>

struct lock {
    int descriptor; /* of the store, open for reading and writing */
    struct stat st;
};

/* Opens the store and locks it.  Fails with FAULT_LIMIT when it is in use, FAULT_NOT_THIS when it
 * is no regular file or a symbolic link, FAULT_IO when it cannot be written; nothing is left open
 * then. */
bool lock_take(struct lock *lock, const char *path, struct fault *f);

/* Gives it back. */
void lock_release(struct lock *lock);

#endif
