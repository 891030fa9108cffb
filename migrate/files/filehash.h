/*
 * SHA-256 of the store file, computed on a thread of its own beside the rest of the work.
 */
#ifndef KM_MIGRATE_FILEHASH_H
#define KM_MIGRATE_FILEHASH_H

#include "formats/hash.h"

#include <gnutls/gnutls.h>
#include <pthread.h>

struct filehash {
    gnutls_hash_hd_t sha256; /* NULL: finished */
    uint8_t *step;           /* room for what is read; NULL: it is given its bytes */
    pthread_t thread;
    bool running, owned;
    int descriptor;
    uint64_t size;
    uint8_t digest[HASH_SHA256_SIZE];
    int error; /* errno of what went wrong; 0: nothing */
};

/* Starts hashing the file at `path` (as it lies on disk, also when it is compressed).  False, with
 * f saying why, when it cannot be opened or memory is short. */
bool filehash_start(struct filehash *hash, const char *path, struct fault *f);

/* The same for an open file, from its first byte on, wherever it stands.  The descriptor is
 * borrowed until the hash is finished. */
bool filehash_start_open(struct filehash *hash, int descriptor, struct fault *f);

/* The same for bytes that come by filehash_add(), beside no other work. */
bool filehash_start_given(struct filehash *hash, struct fault *f);
/* The next of them, of the struct filehash `context`; at == NULL: some that cannot be read. */
void filehash_add(void *context, struct bytes part);

/* Waits for the result.  False, with f saying why, when the file could not be read to its end. Must
 * be called once after a successful start; calling it again gives the same answer. */
bool filehash_finish(struct filehash *hash, struct fault *f);

#endif
