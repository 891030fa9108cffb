/*
 * --issuing-ca FILE: the issuing CA's certificate, out of what a Certificate Server gives out.
 */
#ifndef KM_MIGRATE_GIVENCA_H
#define KM_MIGRATE_GIVENCA_H

#include "migrate/judge/model.h"

/* Reads the file, of at most 1 MiB: one certificate, or several as DER, PEM, PKCS#7 or serialized
 * store.  Of several the one is taken that the settings name, else the end of the path that they
 * make: the one that issued none of the others.  It is added to the model without bytes that trail
 * it, and *number is its number there.  Fails when the file cannot be read or is no certificate,
 * and when which one is meant cannot be told; f is not NULL. */
bool given_ca_read(struct model *model, const char *path, unsigned *number, struct fault *f);

#endif
