/*
 * Can the service start on this store?  The rules R2 to R4 and the advice, over the model alone: what is
 * judged before a repair is judged by the same code after it.
 */
#ifndef KM_MIGRATE_JUDGE_H
#define KM_MIGRATE_JUDGE_H

#include "migrate/prover.h"

enum verdict { VERDICT_YES, VERDICT_AFTER_REPAIR, VERDICT_NO, VERDICT_CANNOT_TELL };

/* "yes", "yes after repair", "no", "cannot tell". */
const char *verdict_name(enum verdict verdict);

/* Adds what is wrong with the list (R2), the mode (R3) and the references (R4), then the advice, to
 * `problems`.  False when memory is short. */
bool judge_model(const struct model *model, struct prover *prover, struct problems *problems);

/* The verdict that a list of problems amounts to, no repair considered. */
enum verdict judge_problems(const struct problems *problems);

/* The entry whose certificate has this SHA-1, of several the first, but one with role issuing before others; NULL when
 * there is none.  *count: how many have it. */
struct model_entry *judge_named_entry(const struct model *model,
                                      const uint8_t sha1[HASH_SHA1_SIZE], unsigned *count);

/* True when a stored revocation list of the certificate's issuer, not refuted, names it. */
bool judge_is_revoked(const struct model *model, struct prover *prover, unsigned certificate);

/* May this entry, for all that it holds, be the issuing CA?  X.509 V3, CA-capable, not untrusted. */
bool judge_can_issue(const struct model *model, const struct model_entry *entry);

/* "serial 2a, subject CN=..." of a certificate, for evidence. */
const char *judge_describe(const struct model *model, unsigned certificate, char text[256]);

#endif
