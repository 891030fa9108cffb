/*
 * SHA-256 of the store file, computed on a thread of its own beside the rest of the work.
 *
 * And its mark, which tells whether what is read of it later in this run is the same, at a ninth of
 * the cost: GHASH, the authenticator of AES-GCM, with a key that is drawn at random.  Bytes that
 * differ get one mark with a probability of their number divided by 2^128, whoever chose them, for
 * nobody knows the key.
 */
#ifndef KM_MIGRATE_FILEHASH_H
#define KM_MIGRATE_FILEHASH_H

#include "formats/hash.h"

#include <gnutls/gnutls.h>
#include <pthread.h>

enum { FILEHASH_MARK_SIZE = 16 };

/* How a file is hashed; all zero: SHA-256 alone. */
struct filehash_how {
    bool mark;                   /* and its mark */
    const struct filehash *like; /* not SHA-256, but what compares with this one's: a mark of its
                                    key, where it has one */
    /* Hears all that is read, from the first byte on and in steps of FILEIO_STEP, on the thread
     * that hashes: it allocates nothing.  NULL: nobody. */
    void (*hears)(void *context, uint64_t at, struct bytes step);
    void *context;
};

struct filehash {
    struct filehash_how how;
    gnutls_hash_hd_t sha256; /* NULL: finished, or not wanted */
    gnutls_cipher_hd_t sum;  /* of the mark; NULL likewise */
    uint8_t key[FILEHASH_MARK_SIZE], mark[FILEHASH_MARK_SIZE];
    bool marked;   /* it has a mark */
    uint8_t *step; /* room for what is read; NULL: it is given its bytes */
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
 * borrowed until the hash is finished.  how: NULL is all zero. */
bool filehash_start_open(struct filehash *hash, int descriptor, const struct filehash_how *how,
                         struct fault *f);

/* The same for bytes that come by filehash_add(), beside no other work. */
bool filehash_start_given(struct filehash *hash, const struct filehash_how *how, struct fault *f);
/* The next of them, of the struct filehash `context`; at == NULL: some that cannot be read.  For a
 * mark all but the last are of a size that 16 divides. */
void filehash_add(void *context, struct bytes part);

/* Waits for the result.  False, with f saying why, when the file could not be read to its end. Must
 * be called once after a successful start; calling it again gives the same answer. */
bool filehash_finish(struct filehash *hash, struct fault *f);

/* Are these, which are finished, of the same bytes?  again: of filehash_how.like. */
bool filehash_is_same(const struct filehash *first, const struct filehash *again);

#endif
