/*
 * A salvage with its plan, id and files, up to the point where it is told: what `salvage` and
 * `repair --salvage` share.
 */
#ifndef KM_MIGRATE_SALVAGING_H
#define KM_MIGRATE_SALVAGING_H

#include "formats/ese/salvage/salvage.h"
#include "migrate/console/progress.h"
#include "migrate/rescue/rescue.h"
#include "migrate/rescue/salvage_files.h"
#include "migrate/rescue/unnamed.h"
#include "migrate/files/filehash.h"
#include "migrate/store/store.h"

#include <stddef.h>

/* Of each table, the first so many rows that something is wrong with are named. */
enum { SALVAGING_NAMED_MOST = 8 };

/* A row, or a page of rows, that is doubtful, cut or lost. */
struct salvaging_named {
    enum ese_salvage_kind kind;
    uint32_t objid, page;
    char key[48]; /* "row 5", or the key in hexadecimal, perhaps its beginning */
    char reason[160];
};

struct salvaging {
    const struct rescue_options *options; /* borrowed */
    struct notes *notes;                  /* what is to be said; borrowed, may be NULL */
    struct store store;                   /* its path alone */
    struct ese_salvage *salvage;
    int like; /* descriptor of the source, as it was named; the salvage's */
    struct filehash hash;
    struct ese_salvage_options how;
    struct ese_salvage_result result;
    struct salvage_files files;
    struct progress progress;
    struct salvaging_named *named; /* in the order of tables */
    size_t names, room;
    unsigned named_of_table; /* of the last one's table */
    bool sound, sound_known; /* there was nothing to salvage */
    int kept;                /* descriptor of the unnamed file; 0: none */
};

/* Errors and warnings of all that is done with it are noted.  NULL: no memory. */
struct salvaging *salvaging_new(const struct rescue_options *options, struct notes *notes);

/* Reads the options, the store and, with --schema-from, the other catalog.  Returns enum
 * exit_status: EXIT_CLEAN when it can be run. */
int salvaging_open(struct salvaging *salvaging);

/*
 * Salvages, with the id of the plan in files.id.  descriptor: as ese_salvage_run() has it; target:
 * beside which the files are begun, which salvage_files_commit() gives their names; NULL: none. The
 * input's hash has to be finished before.  False, with f saying why; result.interrupted: it was
 * cancelled.
 */
bool salvaging_run(struct salvaging *salvaging, int descriptor, const char *target,
                   struct fault *f);

/* The same into an unnamed file (see rescue/unnamed.h), for whatever goes on with it.  The files go
 * beside what -o names, unless it is a dry run.  path: under which this process can open it.
 * Returns enum exit_status: EXIT_CLEAN, EXIT_TROUBLE or EXIT_CANCELLED. */
int salvaging_keep(struct salvaging *salvaging, char path[UNNAMED_PATH]);

/* Closes what is open, and frees it.  NULL is allowed. */
void salvaging_close(struct salvaging *salvaging);

/* ---- what came of it; after a run ---- */

/* Is anything not as it was? */
bool salvaging_has_loss(const struct salvaging *salvaging);
/* Was there nothing to salvage?  Reads the store once more when first asked. */
bool salvaging_is_sound(struct salvaging *salvaging);
/* The sum of one uint64_t member, by its offset, over all tables. */
uint64_t salvaging_sum(const struct ese_salvage_result *result, size_t member);
#define SALVAGING_SUM(result, member)                                                              \
    salvaging_sum(result, offsetof(struct ese_salvage_table, member))
/* What is said behind the counts of a table, or of all, of rows that may be lost; "" of none.
 * Valid until the next call. */
enum { SALVAGING_PERHAPS = 64 };
const char *salvaging_perhaps(uint64_t perhaps_lost);
/* 0: the table is whole; more is worse. */
unsigned salvaging_badness(const struct ese_salvage_table *table);
/* Is every table known that the store had, and whole in the catalog?  One that is not may refer to
 * another. */
bool salvaging_knows_tables(const struct salvaging *salvaging);
/* NULL: there is none, or name is NULL. */
const struct ese_salvage_table *salvaging_table(const struct salvaging *salvaging,
                                                const char *name);

#endif
