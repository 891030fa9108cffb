/*
 * Reading a repaired store back: whatever wrote it, it is held against the plan before it is called
 * done.
 */
#ifndef KM_MIGRATE_VERIFY_H
#define KM_MIGRATE_VERIFY_H

#include "migrate/decide/assessment.h"

/*
 * Is the file that was judged still what it was?  Its bytes are those of `read`, which was finished
 * when all of it was read after it was judged, like old->hash; NULL: they are read once more.  All
 * of it is read through one descriptor; times and size are compared, too.  After it was copied, or
 * before it is written.  False, with f saying so, when it is not, or when it cannot be read.
 */
bool verify_is_judged(const struct assessment *old, const struct filehash *read, struct fault *f);

/*
 * Reads the store at `path` in full: structure, list, rules.  It must have no problem that the plan
 * of `old` does not leave, and every distinct certificate of `old` that the plan does not send to
 * quarantine; and it must differ from the store of `old`, which is read once more, by what the plan
 * says and by nothing else (see repair/verify_rows.h).  in_place: it was written where it lies, and
 * the database of `old` reads as it was.  hash: (may be NULL) how the file is hashed.  sha256: of
 * the file, when it is as it has to be; size likewise.
 *
 * Errors are noted (old->notes); what: what follows from a failure, for the message.  Returns enum
 * exit_status: EXIT_CLEAN when all is well.
 */
int verify_store(const struct assessment *old, const char *path, bool in_place, const char *what,
                 const struct filehash_how *hash, uint8_t sha256[HASH_SHA256_SIZE], uint64_t *size);

#endif
