/* Finding what pins superseded certificates: see pins.h. */
#include "migrate/decide/pins.h"

#include "migrate/store/rows.h"

/* The key identifier by which others name a CA's key: its own, else the hash that RFC 5280 4.2.1.2
 * (1) gives. */
static bool has_key_id(const struct model *m, const struct model_certificate *active,
                       struct bytes id)
{
    uint8_t sha1[HASH_SHA1_SIZE];
    struct hash hash = m->hash;
    if (active->extensions.has_subject_key_id)
        return bytes_equal(active->extensions.subject_key_id, id);
    hash_sha1(&hash, active->x509.key_bits, sha1);
    return bytes_equal(bytes_of(sha1, sizeof sha1), id);
}

static bool satisfied(const struct model *m, const struct model_certificate *active,
                      const struct x509_extensions *x)
{
    if (!x->has_authority_key_id)
        return !x->damaged;
    if (x->authority_key_id.size > 0 && !has_key_id(m, active, x->authority_key_id))
        return false;
    return x->authority_serial.size == 0 || bytes_equal(x->authority_serial, active->x509.serial);
}

static bool certificate_allows(const struct model *m, const struct model_certificate *active,
                               struct bytes der)
{
    struct x509_certificate cert;
    if (!x509_certificate_read(der, &cert, NULL))
        return false;
    struct x509_extensions x = x509_extensions_read(cert.extensions);
    bool before = cert.not_before.known && active->x509.not_before.known &&
                  cert.not_before.seconds < active->x509.not_before.seconds;
    return !before && satisfied(m, active, &x);
}

static bool crl_allows(const struct model *m, const struct model_certificate *active,
                       struct bytes der)
{
    struct x509_crl crl;
    if (!x509_crl_read(der, &crl, NULL))
        return false;
    struct x509_extensions x = x509_extensions_read(crl.extensions);
    return satisfied(m, active, &x);
}

static void look_at_row(const struct model *m, unsigned which, struct rows *rows,
                        struct buffer *room, const int32_t *active, bool *pinned)
{
    const struct profile_reference *r = &m->profile->reference[which];
    bool null;
    struct bytes der;
    int32_t names =
        model_reference_key(m, which, rows, ese_table_column(rows->table, r->column), &null);
    const struct model_entry *e = null ? NULL : model_entry(m, names);
    if (e == NULL || active[e - m->entry] == PINS_NO_ACTIVE || pinned[e - m->entry])
        return;
    const struct model_certificate *to = model_certificate_of(m, &m->entry[active[e - m->entry]]);
    const struct ese_column *proves = r->proves ? ese_table_column(rows->table, r->proves) : NULL;
    bool read = rows_bytes(rows, proves, room, &der, &null, NULL) && !null;
    pinned[e - m->entry] =
        !read || !(r->crl ? crl_allows(m, to, der) : certificate_allows(m, to, der));
}

bool pins_find(const struct model *m, const int32_t *active, bool *pinned, struct fault *f)
{
    struct buffer room = {0};
    struct rows rows;
    bool ok = true;
    for (unsigned i = 0; ok && i < m->profile->references; i++) {
        const struct profile_reference *r = &m->profile->reference[i];
        const struct ese_table *table = ese_catalog_find(m->store->db->catalog, r->table);
        if (table == NULL)
            continue;
        rows_open(&rows, m->store, table);
        while (rows_next(&rows))
            look_at_row(m, i, &rows, &room, active, pinned);
        ok = rows_end(&rows, f);
    }
    buffer_free(&room);
    return ok;
}
