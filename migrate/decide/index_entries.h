/*
 * Entries of secondary indexes that point at a row that is not there: what the structural check
 * found of them, and which of them a plan takes out.
 *
 * An entry is all that an index has of a row.  So it goes only where it is known why the row does
 * not exist: it was removed, or the change that would have made it was never finished.  Else the
 * row may be what is missing, and the entry the last that tells of it: then the store is damaged.
 */
#ifndef KM_MIGRATE_INDEX_ENTRIES_H
#define KM_MIGRATE_INDEX_ENTRIES_H

#include "formats/arena.h"
#include "formats/ese/check/check.h"
#include "migrate/judge/problem.h"

struct index_entry {
    const struct ese_table *table; /* of the store's catalog, as index is */
    const struct ese_index *index;
    struct bytes key, row; /* in index_entries.memory */
    bool unfinished;       /* the engine passes over it: the service would start with it */
};

enum { INDEX_ENTRIES_MOST = 200 }; /* more of them are damage */

/* All zero: none. */
struct index_entries {
    struct index_entry at[INDEX_ENTRIES_MOST];
    size_t count;
    struct arena memory;
};

/* Takes the entry that a finding of ESE_RULE_INDEX_DANGLING is about, when a plan can take it out,
 * and adds the problem that it is.  False: it cannot, or memory is short, which the problems note.
 */
bool index_entries_take(struct index_entries *entries, const struct ese_catalog *catalog,
                        const struct ese_finding *finding, struct problems *found);
void index_entries_close(struct index_entries *entries);

/* Puts them, which were found in the order of their hashes, in that of tables, indexes and rows. */
void index_entries_sort(struct index_entries *entries);

#endif
