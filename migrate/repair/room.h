/*
 * Can a repair in place leave beside a store what it has to?  Asked before anything is changed or
 * copied, so that a mount point, a directory that cannot be written to or a full disk is known at
 * once, and not after the work.
 */
#ifndef KM_MIGRATE_ROOM_H
#define KM_MIGRATE_ROOM_H

#include "migrate/decide/assess.h"

struct room_needs {
    bool backup, set_aside, quarantine; /* which of them will be made */
};

/* True when there is place for the undo file and for what is needed.  Else f says what is missing
 * and where, FAULT_IO or FAULT_LIMIT.  That there is room now is no promise. */
bool room_for_repair(const struct assessment *assessment, const struct room_needs *needs,
                     struct fault *f);

/*
 * Do the pages that the plan changes fit into memory, as far as that can be known before it is
 * tried?  The rows that move their references lie in at least so many leaves; more than
 * ESE_INPLACE_MEMORY_MOST bytes of them are refused.  Reads the headers of all pages, and only
 * where there are so many rows and pages.  FAULT_LIMIT, FAULT_NO_MEMORY, FAULT_IO.
 */
bool room_for_changes(const struct assessment *assessment, struct fault *f);

#endif
