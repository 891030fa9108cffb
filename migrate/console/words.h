/*
 * Words that depend on a number, and hashes.
 */
#ifndef KM_MIGRATE_WORDS_H
#define KM_MIGRATE_WORDS_H

#include "formats/bytes.h"

/* "1 row", "2 rows".  Valid until the sixteenth next call. */
const char *counted(uint64_t number, const char *one, const char *many);

/* A hash in lower-case hexadecimal digits: at most WORDS_HASH_MOST bytes, of more the first.  Valid
 * until the sixteenth next call. */
enum { WORDS_HASH_MOST = 32 };
const char *hash_words(struct bytes hash);

#endif
