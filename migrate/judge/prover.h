/*
 * Proving signatures under the keys of a model's certificates.
 *
 * Each pair of a key and a signed object is checked once and remembered, and a run makes at most
 * PROVER_CHECKS_MOST checks (one under a key that is expensive counts as several): whoever made the
 * store, the cost of proofs is bounded.  What is asked beyond the bound is unprovable, never
 * refuted, and prover_exhausted() tells that it was reached; then nothing may be called decided.
 */
#ifndef KM_MIGRATE_PROVER_H
#define KM_MIGRATE_PROVER_H

#include "migrate/judge/issuers.h"

enum {
    PROVER_CHECKS_MOST = 200000,
    PROVER_LOOKS_MOST =
        20000000, /* keys that were looked at, whether they had to be asked or not */
};

struct prover;

/* model is borrowed; its entries are the issuers that are asked.  NULL when memory is short. */
struct prover *prover_open(const struct model *model);
void prover_close(struct prover *prover);

/* Did the key of certificate `issuer` (its number in the model) sign the object?  Names are not
 * compared. */
struct proof prover_check(struct prover *prover, unsigned issuer,
                          const struct x509_signed *signed_object);

/* The same for an object that is asked about once, in work that grows with the store alone: neither
 * remembered nor counted. */
struct proof prover_check_once(struct prover *prover, unsigned issuer,
                               const struct x509_signed *signed_object);

/* What the listed keys of a certificate's issuer name say of its signature: proven by one of them;
 * refuted when there is one and each refutes it; else unprovable.  With `apart`, only keys count
 * that are known from a certificate of another identity than its own. */
enum proof_answer prover_standing(struct prover *prover, unsigned certificate, bool apart);

/* Of two encodings of one certificate, is a the one that stays?  The one with the better standing
 * does, then the strict DER one, then the one with the smaller SHA-256. */
bool prover_better(struct prover *prover, unsigned a, unsigned b);

/* True when a stored revocation list of the certificate's issuer, not refuted, names it. */
bool prover_is_revoked(struct prover *prover, unsigned certificate);

const struct issuers *prover_issuers(const struct prover *prover);

/* Counts one more key that is looked at; false when there were too many (see above). */
bool prover_look(struct prover *prover);

/* True when a bound was reached: then what is unproved may be so for that reason only. */
bool prover_exhausted(const struct prover *prover);

/* How many signatures were checked, for tests and benchmarks. */
uint64_t prover_checks(const struct prover *prover);

/* True when some check could not be made for want of memory: then no answer may be relied on. */
bool prover_failed(const struct prover *prover);

#endif
