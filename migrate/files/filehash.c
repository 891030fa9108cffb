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

/* Allocates nothing: where memory ran short on one thread, the other may be within a library that
 * does not survive it. */
static void *run(void *context)
{
    struct filehash *h = context;
    for (size_t n = FILEIO_STEP; n == FILEIO_STEP; h->size += n) {
        n = fileio_read_at(h->descriptor, h->size, h->step, FILEIO_STEP);
        if (n < FILEIO_STEP)
            h->error = errno; /* 0 at the end */
        if (n > 0)
            gnutls_hash(h->sha256, h->step, n);
    }
    return NULL;
}

static bool open_hash(struct filehash *h, struct fault *f)
{
    if (gnutls_hash_init(&h->sha256, GNUTLS_DIG_SHA256) == 0)
        return true;
    h->sha256 = NULL;
    return fault_set(f, FAULT_NO_MEMORY, "out of memory to hash it");
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
    if (!ok || !crypto_start(f) || !open_hash(h, f)) { /* here, not on two threads at once */
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

bool filehash_start_open(struct filehash *h, int descriptor, struct fault *f)
{
    *h = (struct filehash){.descriptor = descriptor};
    return start(h, f);
}

bool filehash_start_given(struct filehash *h, struct fault *f)
{
    *h = (struct filehash){.descriptor = -1};
    return crypto_start(f) && open_hash(h, f);
}

void filehash_add(void *context, struct bytes part)
{
    struct filehash *h = context;
    if (part.at == NULL)
        h->error = EIO;
    else
        gnutls_hash(h->sha256, part.at, part.size);
    h->size += part.size;
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
    if (h->error != 0)
        return fault_set(f, FAULT_IO, "cannot be read to its end: %s", strerror(h->error));
    return true;
}
