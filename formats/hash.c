/* Hashes with contexts that are kept: see hash.h. */
#include "formats/hash.h"

#include "formats/memory.h"
#include "formats/certs/crypto.h"

#include <gnutls/gnutls.h>

static bool open_one(gnutls_hash_hd_t *h, gnutls_digest_algorithm_t algorithm, struct fault *f)
{
    memory_watch_begin();
    int rc = gnutls_hash_init(h, algorithm);
    if (rc >= 0)
        return true;
    if (memory_watch_end() || memory_ran_short() || rc == GNUTLS_E_MEMORY_ERROR)
        return fault_no_memory(f, "a hash");
    return fault_set(f, FAULT_UNSUPPORTED, "GnuTLS gives no %s: %s",
                     gnutls_digest_get_name(algorithm), gnutls_strerror(rc));
}

bool hash_open(struct hash *h, struct fault *f)
{
    *h = (struct hash){0};
    if (!crypto_start(f))
        return false;
    if (!open_one(&h->sha1, GNUTLS_DIG_SHA1, f))
        return false;
    if (!open_one(&h->sha256, GNUTLS_DIG_SHA256, f)) {
        gnutls_hash_deinit(h->sha1, NULL);
        *h = (struct hash){0};
        return false;
    }
    return true;
}

void hash_close(struct hash *h)
{
    if (h->sha1 != NULL)
        gnutls_hash_deinit(h->sha1, NULL);
    if (h->sha256 != NULL)
        gnutls_hash_deinit(h->sha256, NULL);
    *h = (struct hash){0};
}

void hash_sha1(struct hash *h, struct bytes b, uint8_t digest[HASH_SHA1_SIZE])
{
    if (b.size > 0)
        gnutls_hash(h->sha1, b.at, b.size);
    gnutls_hash_output(h->sha1, digest);
}

void hash_sha256(struct hash *h, struct bytes b, uint8_t digest[HASH_SHA256_SIZE])
{
    hash_sha256_add(h, b);
    hash_sha256_end(h, digest);
}

void hash_sha256_add(struct hash *h, struct bytes part)
{
    if (part.size > 0)
        gnutls_hash(h->sha256, part.at, part.size);
}

void hash_sha256_end(struct hash *h, uint8_t digest[HASH_SHA256_SIZE])
{
    gnutls_hash_output(h->sha256, digest);
}
