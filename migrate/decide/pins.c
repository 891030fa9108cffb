/* Finding what pins superseded certificates: see pins.h. */
#include "migrate/decide/pins.h"

#include "migrate/judge/names.h"
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

/* A row that refers to the list, and what comes of it. */
struct looking {
    const struct model *m;
    const struct profile_reference *r;
    struct rows *rows;
    struct buffer *room;
    const int32_t *active;
    bool *pinned;
};

static bool look_at(void *context, int32_t names)
{
    struct looking *l = context;
    const struct model *m = l->m;
    const struct model_entry *e = model_entry(m, names);
    bool null;
    struct bytes der;
    if (e == NULL || l->active[e - m->entry] == PINS_NO_ACTIVE || l->pinned[e - m->entry])
        return true;
    const struct model_certificate *to =
        model_certificate_of(m, &m->entry[l->active[e - m->entry]]);
    const struct ese_column *proves = ese_table_column(l->rows->table, l->r->proves);
    bool read = rows_bytes(l->rows, proves, l->room, &der, &null, NULL) && !null;
    l->pinned[e - m->entry] =
        !read || !(l->r->crl ? crl_allows(m, to, der) : certificate_allows(m, to, der));
    return true;
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
            names_each(m, i, &rows, ese_table_column(table, r->column), look_at,
                       &(struct looking){m, r, &rows, &room, active, pinned});
        ok = rows_end(&rows, f);
    }
    buffer_free(&room);
    return ok;
}
