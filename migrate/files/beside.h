/*
 * What lies beside a database: its transaction logs, checkpoint, flush map, and traces of a repair.
 */
#ifndef KM_MIGRATE_BESIDE_H
#define KM_MIGRATE_BESIDE_H

#include "formats/fault.h"

#include <stddef.h>

#define BESIDE_UNDO_SUFFIX ".kmundo"

enum { BESIDE_UNDO_MOST = 999999 }; /* the highest number of an undo file */

enum beside_kind {
    BESIDE_LOG,        /* edb.log, edbXXXXX.log */
    BESIDE_RESERVE,    /* res1.log, res2.log */
    BESIDE_CHECKPOINT, /* edb.chk */
    BESIDE_FLUSH_MAP,  /* NAME.jfm */
    BESIDE_UNDO,       /* NAME.kmundo, NAME.kmundo.2, ...: of repairs in place */
};

struct beside_file {
    enum beside_kind kind;
    char *name;       /* within the directory */
    const char *note; /* what else is known of it, a few words that outlive it; NULL: nothing */
};

struct beside {
    char *directory;
    struct beside_file *file; /* sorted by name */
    size_t files, room;
    char *no_copy; /* why the directory cannot be copied: a sentence that names what in it is no
                      regular file, without which a copy would not be one; NULL: it can */
};

/* Looks around the database at `path`.  Names are compared without regard to case.  False when the
 * directory cannot be read or memory is short.  Close it in any case. */
bool beside_look(struct beside *beside, const char *path, struct fault *f);
void beside_close(struct beside *beside);

/* How many there are of a kind. */
size_t beside_count(const struct beside *beside, enum beside_kind kind);

/* What kind of file beside the database named `database` has this name?  False: none. */
bool beside_kind_of(const char *name, const char *database, enum beside_kind *kind);

/* 1 for NAME.kmundo, n for NAME.kmundo.n; 0: no undo file of `database` is named so. */
unsigned beside_undo_number(const char *name, const char *database);

/*
 * Is a file of this kind set aside by a repair?  The engine takes logs from the directory that it
 * is given, so they go when that is what is repaired; the flush map is the database's own.
 */
static inline bool beside_goes_aside(enum beside_kind kind, bool whole_directory)
{
    return kind == BESIDE_FLUSH_MAP || (whole_directory && kind != BESIDE_UNDO);
}

/* True when logs or a checkpoint are there, which the engine would use with the database. */
bool beside_has_logs(const struct beside *beside);

#endif
