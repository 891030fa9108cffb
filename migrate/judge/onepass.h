/*
 * The model and the sweep from the rows that the structural check goes over: in a sound store each
 * page is read once for all three.
 *
 * What is not sound is not read so: then, and wherever the one pass could come to another result
 * than model_read() and sweep_read() one after the other, it says so, leaves nothing behind, and
 * those read the store.
 */
#ifndef KM_MIGRATE_ONEPASS_H
#define KM_MIGRATE_ONEPASS_H

#include "formats/ese/check/check.h"
#include "migrate/judge/model_read.h"
#include "migrate/judge/sweep.h"

struct onepass;

/* Reads the list, and prepares for the rows.  All arguments but f are borrowed until the end;
 * model, prover and sweep are filled meanwhile.  NULL, with nothing left to be closed: memory is
 * short, or the profile does not fit. */
struct onepass *onepass_open(struct store *store, const struct profile *profile,
                             enum profile_match match, const int64_t *at, struct model *model,
                             struct prover **prover, struct sweep *sweep, struct fault *f);

/* For ese_check_and_read(). */
const struct ese_check_reader *onepass_reader(struct onepass *pass);

/* Ends the pass; summary: of the check.  *whole: model, prover and sweep are what they should be,
 * and the caller's to close; findings about the list are behind those in `found`.  Otherwise they
 * are closed, and no findings were added.  False when memory is short: they are closed. */
bool onepass_close(struct onepass *pass, const struct ese_check_summary *summary,
                   struct problems *found, bool *whole, struct fault *f);

#endif
