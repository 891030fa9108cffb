/*
 * Which of a model's certificates its stored revocation lists name.
 */
#ifndef KM_MIGRATE_REVOCATIONS_H
#define KM_MIGRATE_REVOCATIONS_H

#include "migrate/judge/model.h"

/* Does the key of certificate `issuer` (its number in the model) refute the list's signature? */
struct revocations_refuter {
    bool (*refutes)(void *context, unsigned issuer, const struct x509_signed *list);
    void *context;
};

/* Sets revoked[number] for every certificate that a revocation list of its issuer names, unless the
 * key of the entry that the list refers to refutes the list.  Each list is walked once; revoked has
 * room for all of the model's certificates.  False when memory is short. */
bool revocations_find(const struct model *model, struct revocations_refuter refuter, bool *revoked);

#endif
