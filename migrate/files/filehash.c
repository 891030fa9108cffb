/* Hashing the store beside other work: see filehash.h. */
#include "migrate/files/filehash.h"

#include "formats/certs/crypto.h"
#include "formats/descriptor.h"
#include "formats/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void take(struct filehash *h, struct bytes part)
{
    if (h->sha256 && gnutls_hash(h->sha256, part.at, part.size) < 0)
        h->error = EIO;
    if (h->sum && gnutls_cipher_add_auth(h->sum, part.at, part.size) < 0)
        h->error = EIO;
    if (h->how.hears)
        h->how.hears(h->how.context, h->size, part);
    h->size += part.size;
}

/* Allocates nothing: where memory ran short on one thread, the other may be within a library that
 * does not survive it. */
static void *run(void *context)
{
    struct filehash *h = context;
    for (size_t n = FILEIO_STEP; n == FILEIO_STEP;) {
        n = fileio_read_at(h->descriptor, h->size, h->step, FILEIO_STEP);
        if (n < FILEIO_STEP)
            h->error = errno; /* 0 at the end */
        if (n > 0)
            take(h, bytes_of(h->step, n));
    }
    return NULL;
}

static bool open_mark(struct filehash *h, struct fault *f)
{
    static uint8_t nonce[12]; /* nobody is shown a mark: any will do, the same for all of one key */
    gnutls_datum_t key = {h->key, sizeof h->key}, with = {nonce, sizeof nonce};
    int rc = 0;
    if (h->how.like)
        memcpy(h->key, h->how.like->key, sizeof h->key);
    else
        rc = gnutls_rnd(GNUTLS_RND_KEY, h->key, sizeof h->key);
    if (rc >= 0)
        rc = gnutls_cipher_init(&h->sum, GNUTLS_CIPHER_AES_128_GCM, &key, &with);
    h->marked = rc >= 0;
    if (rc < 0)
        h->sum = NULL;
    return rc >= 0 || fault_set(f, FAULT_NO_MEMORY, "it cannot be hashed: %s", gnutls_strerror(rc));
}

static bool open_hash(struct filehash *h, struct fault *f)
{
    bool only_mark = h->how.like && h->how.like->marked;
    if (!crypto_start(f))
        return false;
    if (!only_mark && gnutls_hash_init(&h->sha256, GNUTLS_DIG_SHA256) < 0) {
        h->sha256 = NULL;
        return fault_set(f, FAULT_NO_MEMORY, "out of memory to hash it");
    }
    return !(only_mark || h->how.mark) || open_mark(h, f);
}

static void end(struct filehash *h)
{
    if (h->owned)
        close(h->descriptor);
    free(h->step);
    h->step = NULL;
    h->running = false;
}

static bool start(struct filehash *h, struct fault *f)
{
    h->step = malloc(FILEIO_STEP);
    bool ok = h->step != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory to hash it");
    if (!ok || !open_hash(h, f)) { /* here, not on two threads at once */
        end(h);
        return false;
    }
    posix_fadvise(h->descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    h->running = pthread_create(&h->thread, NULL, run, h) == 0;
    if (!h->running) { /* then not beside other work */
        run(h);
        end(h);
    }
    return true;
}

bool filehash_start(struct filehash *h, const char *path, struct fault *f)
{
    *h = (struct filehash){.descriptor = descriptor_open_input(path, O_NOCTTY), .owned = true};
    if (h->descriptor < 0)
        return fault_set(f, FAULT_IO, "cannot be opened to hash it: %s", strerror(errno));
    return start(h, f);
}

static struct filehash made(int descriptor, const struct filehash_how *how)
{
    struct filehash h = {.descriptor = descriptor};
    if (how)
        h.how = *how;
    return h;
}

bool filehash_start_open(struct filehash *h, int descriptor, const struct filehash_how *how,
                         struct fault *f)
{
    *h = made(descriptor, how);
    return start(h, f);
}

bool filehash_start_given(struct filehash *h, const struct filehash_how *how, struct fault *f)
{
    *h = made(-1, how);
    return open_hash(h, f);
}

void filehash_add(void *context, struct bytes part)
{
    struct filehash *h = context;
    if (part.at != NULL) {
        take(h, part);
        return;
    }
    h->error = EIO;
    h->size += part.size;
}

static void end_mark(struct filehash *h)
{
    if (h->sum && gnutls_cipher_tag(h->sum, h->mark, sizeof h->mark) < 0)
        h->error = EIO;
    if (h->sum)
        gnutls_cipher_deinit(h->sum);
    h->sum = NULL;
}

bool filehash_finish(struct filehash *h, struct fault *f)
{
    if (h->running) {
        pthread_join(h->thread, NULL);
        end(h);
    }
    if (h->sha256) {
        gnutls_hash_deinit(h->sha256, h->digest);
        h->sha256 = NULL;
    }
    end_mark(h);
    if (h->error != 0)
        return fault_set(f, FAULT_IO, "cannot be read to its end: %s", strerror(h->error));
    return true;
}

bool filehash_is_same(const struct filehash *first, const struct filehash *again)
{
    return first->size == again->size && first->error == 0 && again->error == 0 &&
           (first->marked
                ? again->marked && memcmp(first->mark, again->mark, sizeof first->mark) == 0
                : memcmp(first->digest, again->digest, sizeof first->digest) == 0);
}
