/*
 * The listed certificates as issuers: found by the name that they sign under, each key once.
 */
#ifndef KM_MIGRATE_ISSUERS_H
#define KM_MIGRATE_ISSUERS_H

#include "migrate/judge/model.h"

enum { ISSUERS_NONE = UINT32_MAX };

/* All entries of one CA: of one subject and one key. */
struct issuer {
    const unsigned *entry; /* their numbers, ascending */
    unsigned entries;      /* at least 1 */
    unsigned certificate;  /* of the first */
    unsigned other;        /* one of another identity than the first; ISSUERS_NONE: there is none */
};

struct issuers {
    const struct model *model;
    unsigned *entry; /* those that are certificates: by subject, then key, then number */
    struct issuer *issuer;
    unsigned count;
};

/* Indexes the entries that the model has now.  False when memory is short; close it in any case. */
bool issuers_open(struct issuers *issuers, const struct model *model);
void issuers_close(struct issuers *issuers);

/* Those with this subject, by its bytes: *first is the first of as many as are returned. */
unsigned issuers_named(const struct issuers *issuers, struct bytes name,
                       const struct issuer **first);

/* Is the issuer's key known from a certificate of another identity than this one's? */
bool issuers_known_apart(const struct issuers *issuers, const struct issuer *issuer,
                         unsigned certificate);

#endif
