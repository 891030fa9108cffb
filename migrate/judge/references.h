/*
 * Proving references: did the key of the entry that a row names sign what the row holds?
 */
#ifndef KM_MIGRATE_REFERENCES_H
#define KM_MIGRATE_REFERENCES_H

#include "migrate/judge/prover.h"

/* Proves every reference of the store (--verify-all).  A refuted one is a problem; what cannot be
 * checked is counted in one piece of advice.  False, with f saying why, when memory
 * is short or a row cannot be read. */
bool references_verify(const struct model *model, struct prover *prover, struct problems *problems,
                       struct fault *f);

#endif
