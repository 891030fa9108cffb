/*
 * Words that depend on a number.
 */
#ifndef KM_MIGRATE_WORDS_H
#define KM_MIGRATE_WORDS_H

#include <stdint.h>

/* "1 row", "2 rows".  Valid until the sixteenth next call. */
const char *counted(uint64_t number, const char *one, const char *many);

#endif
