/*
 * Was this certificate or CRL signed with that key?  Three answers, and one rule: what cannot be
 * checked is never called wrong.
 *
 * The answer depends on the bytes alone.  Broken algorithms (MD2, MD5, SHA-1, RSA of 512 bits) are
 * checked like all others, no policy of the system and no trust list is asked: see crypto.h.
 * GnuTLS does the arithmetic; MD2 is nettle's.
 *
 * Layout: RFC 3279, 4055, 5758, 8410 (signature algorithms); RFC 8017 (RSA); the OIW numbers
 * 1.3.14.3.2.n, which Microsoft's first Certificate Server used.
 */
#ifndef KM_FORMATS_CERTS_PROOF_H
#define KM_FORMATS_CERTS_PROOF_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/certs/x509.h"
#include "formats/fault.h"

enum proof_answer {
    PROOF_UNPROVABLE, /* unknown algorithm, key that cannot be used, parameters missing */
    PROOF_PROVEN,
    PROOF_REFUTED, /* checked, and this key did not make it */
};

struct proof {
    enum proof_answer answer;
    const char *why; /* for people; static; NULL when proven */
    bool no_memory;  /* unprovable for that reason only: an operational error, not a finding */
};

struct gnutls_pubkey_st;

/* An issuer's key, imported once for any number of proofs.  Serves one thread at a time. */
struct proof_key {
    struct gnutls_pubkey_st *handle; /* NULL: cannot be used, see why */
    const char *why;
    bool no_memory;
    int algorithm;         /* gnutls_pk_algorithm_t */
    unsigned bits;         /* of modulus, prime or curve: the key's strength as people name it */
    unsigned cost;         /* of one check, in checks under an RSA key of 2048 bits; at least 1 */
    struct buffer scratch; /* for signatures and to-be-signed bytes that have to be rewritten */
};

/* Imports a SubjectPublicKeyInfo (whole item, DER or BER; not needed after the call).  Always gives
 * a key to be closed; a key that cannot be imported answers "unprovable" to everything.  Keys
 * beyond 16384 bits, and RSA exponents beyond 64 bits with moduli beyond 3072, count as such: they
 * are bait. */
void proof_key_open(struct proof_key *key, struct bytes spki);
void proof_key_close(struct proof_key *key);

/* Checks the signature of a certificate or CRL (its envelope) under the key.  Names are not
 * compared. To-be-signed bytes that are BER are tried as they are and as DER. */
struct proof proof_signature(struct proof_key *key, const struct x509_signed *signed_object);

/* "proven", "refuted", "unprovable". */
const char *proof_answer_name(enum proof_answer answer);

/* What people call a signature algorithm ("RSA-SHA1", "ECDSA-SHA256"); NULL when it is not known.
 */
const char *proof_algorithm_name(const struct x509_algorithm *algorithm);

/* Strength of a signature algorithm for preferring one certificate to another, from a fixed table:
 * 0 unknown, 1 MD2, 2 MD5, 3 SHA-1 (and what else has 160 bits), 4 SHA-224 and longer. */
int proof_algorithm_strength(const struct x509_algorithm *algorithm);

#endif
