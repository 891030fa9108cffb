/*
 * What lies beside a database: its transaction logs, checkpoint, flush map, and traces of a repair.
 */
#ifndef KM_MIGRATE_BESIDE_H
#define KM_MIGRATE_BESIDE_H

#include "formats/fault.h"

#include <stddef.h>

enum beside_kind {
    BESIDE_LOG,        /* edb.log, edbXXXXX.log */
    BESIDE_RESERVE,    /* res1.log, res2.log */
    BESIDE_CHECKPOINT, /* edb.chk */
    BESIDE_FLUSH_MAP,  /* NAME.jfm */
    BESIDE_UNDO,       /* NAME.kmundo: a repair in place is not finished, or can be taken back */
};

struct beside_file {
    enum beside_kind kind;
    char *name; /* within the directory */
};

struct beside {
    char *directory;
    struct beside_file *file; /* sorted by name */
    size_t files;
};

/* Looks around the database at `path`.  Names are compared without regard to case.  False when the
 * directory cannot be read or memory is short.  Close it in any case. */
bool beside_look(struct beside *beside, const char *path, struct fault *f);
void beside_close(struct beside *beside);

/* How many there are of a kind. */
size_t beside_count(const struct beside *beside, enum beside_kind kind);

#endif
