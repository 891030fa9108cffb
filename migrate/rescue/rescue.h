/*
 * What is asked of a rescue: of a recovery from logs, or of a salvage.
 */
#ifndef KM_MIGRATE_RESCUE_H
#define KM_MIGRATE_RESCUE_H

#include <stdbool.h>

/* All strings are borrowed; NULL: not said. */
struct rescue_options {
    const char *store;  /* file or directory, as it was named */
    const char *output; /* where a store is to be written */
    bool dry_run;       /* nothing is written, whatever `output` says */
    bool force;         /* what has the name of a new file is replaced */

    /* Of a recovery. */
    const char *logs;  /* the directory with the logs, where it is not the store's */
    bool until_damage; /* as far as the logs are whole */

    /* Of a salvage. */
    const char *doubtful;    /* "keep" or "drop" */
    const char *schema_from; /* another database, for tables whose description is lost */
    const char *const *drop_index;
    unsigned drop_indexes;
};

#endif
