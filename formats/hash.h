/*
 * SHA-1 and SHA-256 through GnuTLS, with contexts that are made once and used for every value: a
 * call allocates nothing.  SHA-1 is here because Windows names certificates by it (the thumbprint).
 *
 * One `struct hash` serves one thread.
 */
#ifndef KM_FORMATS_CERTS_HASH_H
#define KM_FORMATS_CERTS_HASH_H

#include "formats/bytes.h"
#include "formats/fault.h"

#include <gnutls/crypto.h>

enum { HASH_SHA1_SIZE = 20, HASH_SHA256_SIZE = 32 };

struct hash {
    gnutls_hash_hd_t sha1;
    gnutls_hash_hd_t sha256;
};

/* Makes both contexts; hash_close gives them back.  False with FAULT_UNSUPPORTED when GnuTLS has
 * none (a FIPS policy may forbid SHA-1) or FAULT_NO_MEMORY; then nothing has to be closed. */
bool hash_open(struct hash *h, struct fault *f);
void hash_close(struct hash *h);

/* The hash of one run of bytes. */
void hash_sha1(struct hash *h, struct bytes b, uint8_t digest[HASH_SHA1_SIZE]);
void hash_sha256(struct hash *h, struct bytes b, uint8_t digest[HASH_SHA256_SIZE]);

/* SHA-256 of a text given in parts: any number of adds, then the end, which also starts anew. */
void hash_sha256_add(struct hash *h, struct bytes part);
void hash_sha256_end(struct hash *h, uint8_t digest[HASH_SHA256_SIZE]);

#endif
