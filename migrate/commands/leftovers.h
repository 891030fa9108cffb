/*
 * What a run that was killed has left (files/leftover.h), told to the user or removed.
 */
#ifndef KM_MIGRATE_LEFTOVERS_H
#define KM_MIGRATE_LEFTOVERS_H

#include <stdbool.h>

enum leftovers_what {
    LEFTOVERS_TELL,  /* each is named in a warning */
    LEFTOVERS_OFFER, /* on a terminal, and there is somebody to ask: removed when the answer is yes;
                        else as LEFTOVERS_TELL */
    LEFTOVERS_REMOVE, /* and removed */
};

/* Beside the database at `store` and beside the directory in which it lies.  False when one that
 * was to be removed is still there; an error is printed then. */
bool leftovers_beside_store(const char *store, enum leftovers_what what);

/* The same beside `path`, which need not exist. */
bool leftovers_beside(const char *path, enum leftovers_what what);

#endif
