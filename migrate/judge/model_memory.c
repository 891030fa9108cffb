/* What a model keeps: see model_memory.h. */
#include "migrate/judge/model_memory.h"

#include "formats/array.h"
#include "formats/ese/layout/text.h"

#include <stdlib.h>

bool model_no_memory(struct fault *f)
{
    return fault_no_memory(f, "the certificate list");
}

/* A copy that lives as long as the model, with a zero byte behind it; NULL when memory is short. */
const void *model_keep(struct model *m, struct bytes b)
{
    return pool_keep(&m->memory->pool, &m->hash, b);
}

char *model_utf8_text(struct model *m, const struct ese_column *column, struct bytes b)
{
    struct buffer *room = &m->memory->text;
    buffer_clear(room);
    return ese_text_add(column->code_page, b, room)
               ? (char *)(uintptr_t)model_keep(m, buffer_bytes(room))
               : NULL;
}

/* ---- distinct certificates ---- */

static uint32_t slot_of(const struct model_memory *mem, const uint8_t sha256[HASH_SHA256_SIZE])
{
    uint32_t start = bytes_get_le32(bytes_of(sha256, 4), 0);
    return start & (mem->slots - 1);
}

static bool rehash(struct model *m)
{
    struct model_memory *mem = m->memory;
    uint32_t slots = mem->slots ? mem->slots * 2 : 256;
    uint32_t *fresh = calloc(slots, sizeof *fresh);
    if (fresh == NULL)
        return false;
    free(mem->by_hash);
    mem->by_hash = fresh;
    mem->slots = slots;
    for (unsigned i = 0; i < m->certificates; i++) {
        uint32_t slot = slot_of(mem, m->certificate[i].sha256);
        while (mem->by_hash[slot])
            slot = (slot + 1) & (slots - 1);
        mem->by_hash[slot] = i + 1;
    }
    return true;
}

static void examine(struct model *m, struct model_certificate *cert)
{
    cert->parsed = x509_certificate_read(cert->der, &cert->x509, &cert->why);
    if (!cert->parsed)
        return;
    cert->extensions = x509_extensions_read(cert->x509.extensions);
    cert->is_der = x509_is_der(&cert->x509.envelope);
    x509_key_sha256(&cert->x509, &m->hash, cert->key_sha256);
    x509_tbs_sha256(&cert->x509.envelope, &m->hash, &m->memory->more, cert->tbs_sha256);
    const struct x509_extensions *x = &cert->extensions;
    if (cert->x509.version >= 3)
        cert->can_sign = x->has_basic_constraints && x->is_ca &&
                         (!x->has_key_usage || (x->key_usage & X509_USE_CERTIFICATE_SIGN));
    else
        cert->can_sign = true;
}

/* The number of the certificate with these bytes, which is kept when it is new. */
bool model_intern(struct model *m, struct bytes der, unsigned *number, struct fault *f)
{
    struct model_memory *mem = m->memory;
    uint8_t sha256[HASH_SHA256_SIZE];
    hash_sha256(&m->hash, der, sha256);
    if (2 * m->certificates >= mem->slots && !rehash(m))
        return model_no_memory(f);
    uint32_t slot = slot_of(mem, sha256);
    for (; mem->by_hash[slot]; slot = (slot + 1) & (mem->slots - 1)) {
        *number = mem->by_hash[slot] - 1;
        if (memcmp(m->certificate[*number].sha256, sha256, sizeof sha256) == 0)
            return true;
    }
    struct model_certificate *cert =
        array_next(&m->certificate, m->certificates, &m->certificate_room, sizeof *cert);
    const void *kept = cert ? arena_copy(&mem->arena, der) : NULL;
    if (kept == NULL)
        return model_no_memory(f);
    *cert = (struct model_certificate){.der = bytes_of(kept, der.size)};
    memcpy(cert->sha256, sha256, sizeof sha256);
    hash_sha1(&m->hash, der, cert->sha1);
    examine(m, cert);
    *number = m->certificates++;
    mem->by_hash[slot] = *number + 1;
    return true;
}
