/*
 * Can a repair in place leave beside a store what it has to?  Asked before anything is changed or
 * copied, so that a mount point, a directory that cannot be written to or a full disk is known at
 * once, and not after the work.
 */
#ifndef KM_MIGRATE_ROOM_H
#define KM_MIGRATE_ROOM_H

#include "migrate/decide/assessment.h"

struct room_needs {
    bool backup, set_aside, quarantine; /* which of them will be made */
};

/* True when there is place for the undo file and for what is needed.  Else f says what is missing
 * and where, FAULT_IO or FAULT_LIMIT.  That there is room now is no promise. */
bool room_for_repair(const struct assessment *assessment, const struct room_needs *needs,
                     struct fault *f);

#endif
