/*
 * Certificates of the list by their issuer and serial number, as other rows may name them: the
 * issuer's name in DER, and the serial number in octets, big or little end first, with or without
 * zeros in front.
 */
#ifndef KM_MIGRATE_IDENTITIES_H
#define KM_MIGRATE_IDENTITIES_H

#include "migrate/judge/model.h"

/* All certificates of the model's entries that are parsed.  NULL: memory is short. */
struct model_identities *identities_open(const struct model *model);
void identities_close(struct model_identities *identities);

/* The number of a certificate with this issuer and serial number, one of several encodings; -1:
 * none. */
long identities_find(const struct model_identities *identities, struct bytes issuer,
                     struct bytes serial);

#endif
