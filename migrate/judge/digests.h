/*
 * What a value may be known by elsewhere in a store: the hashes of it, looked for inside other
 * values.
 *
 * A hash is MD5, SHA-1, SHA-256, SHA-384 or SHA-512, from either end, whole or the first or last 8
 * octets of it, at any offset; as it is, or as text of one or two bytes a character, in hexadecimal
 * digits that blanks, colons or dashes may part, or in base64.  CRC-32 only where it is all of a
 * value.  By chance one in 2^32 values of 4 bytes is one, and of others none.
 */
#ifndef KM_MIGRATE_DIGESTS_H
#define KM_MIGRATE_DIGESTS_H

#include "formats/bytes.h"

#define DIGESTS_NONE UINT32_MAX

struct digests;

/* NULL: memory is short.  digests_close(NULL) does nothing. */
struct digests *digests_open(void);
void digests_close(struct digests *digests);

/* Adds the hashes of a value; `which` is the caller's number for it.  False: memory is short. */
bool digests_add(struct digests *digests, struct bytes value, uint32_t which);

/* The number of a value of which a hash is in `value`, the first that is found; DIGESTS_NONE: of
 * none.  Costs a few looks at each byte.  False: memory is short. */
bool digests_find(struct digests *digests, struct bytes value, uint32_t *which);

#endif
