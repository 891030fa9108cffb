/*
 * One pass over all values of a store, for what only a look at every one can tell: columns that
 * could refer to the list (residue.h), and certificates of the list that stand elsewhere
 * (second.h).
 */
#ifndef KM_MIGRATE_SWEEP_H
#define KM_MIGRATE_SWEEP_H

#include "migrate/judge/residue.h"
#include "migrate/judge/second.h"

struct sweep {
    struct residue residue;
    struct second_copies second;
    uint64_t unread; /* tables of which something could not be read */
    struct fault first_unread;
};

/* Reads every user table once.  model and prover are borrowed, and only used meanwhile.  What
 * cannot be read is counted in `unread`, never passed over in silence.  False when memory is short;
 * close the sweep in any case. */
bool sweep_read(struct sweep *sweep, const struct model *model, struct prover *prover,
                struct fault *f);
void sweep_close(struct sweep *sweep);

/* The same for somebody who goes over the rows himself: of each table that sweep_wants(), in the
 * order of the catalog, a beginning, every row in the order of the keys, and an end, also after a
 * failure; then the finish, which frees the pass.  NULL or false: memory is short. */
struct sweep_pass;

struct sweep_pass *sweep_open(struct sweep *sweep, const struct model *model,
                              struct prover *prover);
bool sweep_wants(const struct ese_table *table);
bool sweep_begin(struct sweep_pass *pass, const struct ese_table *table, struct fault *f);
/* A row that ese_record_check() has passed. */
bool sweep_row(struct sweep_pass *pass, const struct ese_record *record, struct fault *f);
bool sweep_end(struct sweep_pass *pass, struct fault *f);
void sweep_finish(struct sweep_pass *pass);

#endif
