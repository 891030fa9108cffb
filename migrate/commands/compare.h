/*
 * What differs between two databases: tables, rows and columns, compared by value, so that stores
 * of different revisions can be equal.
 */
#ifndef KM_MIGRATE_DIFF_H
#define KM_MIGRATE_DIFF_H

#include "migrate/console/json.h"
#include "migrate/store/store.h"

struct diff_result {
    uint64_t tables, rows;            /* compared */
    uint64_t only_a, only_b, changed; /* rows */
    uint64_t tables_only_a, tables_only_b;
    bool damaged; /* something could not be read, so that "same" would be a guess */
};

/* Compares all tables but the catalog's own (MSys*), which say where things lie, not what they are.
 * Rows are told in words by `profile`, where it gives their tables a meaning (NULL: none).
 * Differences are printed as they are found: as JSON documents, one a line, or as text when json is
 * NULL.  False, with an error printed, when memory is short. */
bool diff_stores(struct store *a, struct store *b, const struct profile *profile, struct json *json,
                 struct diff_result *result);

#endif
