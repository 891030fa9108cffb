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

/* Tries the rows that were kept for it of those references that prove something (trials.h): when
 * more than a few are refuted, the profile does not fit, which is a problem.  False when memory is
 * short. */
bool references_try(const struct model *model, struct prover *prover, struct problems *problems,
                    struct fault *f);

#endif
