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

#endif
