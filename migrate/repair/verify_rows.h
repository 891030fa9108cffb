/*
 * A written store against the one that was judged: row by row, long value by long value, index by
 * index.
 */
#ifndef KM_MIGRATE_VERIFY_ROWS_H
#define KM_MIGRATE_VERIFY_ROWS_H

#include "migrate/decide/assessment.h"

/*
 * Compares the store of `old`, as its database reads, with `new` in one pass over both: every
 * difference belongs to one action of the plan, every action shows its whole effect, and every row,
 * long value and index entry that the plan does not name is the same bytes.
 *
 * same_pages: it was written in place, so that the catalog has to be the same bytes, too; in a copy
 * only what the catalog says is compared, as it names other pages there.
 *
 * Costs time linear in both stores, and memory for the keys of dropped rows and the ids of their
 * long values.  False, with f naming table, row, what was expected and what was found.
 */
bool verify_rows(const struct assessment *old, const struct store *new, bool same_pages,
                 struct fault *f);

#endif
