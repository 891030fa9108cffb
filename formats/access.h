/*
 * Who may read a new file or directory: nobody who may not read the one it is made from.
 *
 * Owner, group, permission bits and POSIX access control lists are all part of it.  In a list the
 * bits of the group are only its mask, so bits that are copied without the list open a file; and a
 * directory's default list is handed to every file that is made in it.  So the whole list is set,
 * always, and where it cannot be, what is left of it is narrower for everybody.
 */
#ifndef KM_FORMATS_ACCESS_H
#define KM_FORMATS_ACCESS_H

#include "formats/fault.h"

#include <stdbool.h>

/*
 * Gives the file `to`, which has no rights but its owner's so far, the owner, group and access
 * control list of `from` (both descriptors; from -1: bits 0600 and no list).  An owner or group
 * that this process may not give stays its own; then what the old group had is given to nobody.
 * *narrower is set, and never cleared, when somebody may do less with `to`.  FAULT_IO,
 * FAULT_NO_MEMORY.
 */
bool access_as(int from, int to, bool *narrower, struct fault *f);

/* The same for a directory, whose default list is taken over, too (or taken away, when `from` has
 * none). */
bool access_directory_as(int from, int to, bool *narrower, struct fault *f);

#endif
