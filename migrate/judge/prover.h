/*
 * Proving signatures under the keys of a model's certificates, with the keys that were used last
 * kept imported.
 */
#ifndef KM_MIGRATE_PROVER_H
#define KM_MIGRATE_PROVER_H

#include "migrate/judge/model.h"

struct prover;

/* model is borrowed.  NULL when memory is short. */
struct prover *prover_open(const struct model *model);
void prover_close(struct prover *prover);

/* Did the key of certificate `issuer` (its number in the model) sign the object?  Names are not
 * compared. */
struct proof prover_check(struct prover *prover, unsigned issuer,
                          const struct x509_signed *signed_object);

/* True when some check could not be made for want of memory: then no answer may be relied on. */
bool prover_failed(const struct prover *prover);

#endif
