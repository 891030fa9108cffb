/* Revoked certificates: see revocations.h. */
#include "migrate/judge/revocations.h"

#include "formats/array.h"

#include <stdlib.h>

static int compare(const struct model_certificate *c, struct bytes issuer, struct bytes serial)
{
    int order = bytes_compare(c->x509.issuer, issuer);
    return order ? order : bytes_compare(c->x509.serial, serial);
}

static int by_issuer_and_serial(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    const struct model_certificate *q = &m->certificate[y];
    int order = compare(&m->certificate[x], q->x509.issuer, q->x509.serial);
    return order ? order : (x > y) - (x < y);
}

struct table {
    const struct model *model;
    unsigned *number; /* certificates by issuer and serial number */
    unsigned count;
};

/* The first that does not come before (issuer, serial). */
static unsigned find(const struct table *t, struct bytes issuer, struct bytes serial)
{
    struct halving h = {.high = t->count};
    while (halving_next(&h))
        halving_go(&h, compare(&t->model->certificate[t->number[h.middle]], issuer, serial) < 0);
    return (unsigned)h.low;
}

/* A list that no certificate here comes from says nothing; one that its issuer's key refutes
 * neither. */
static bool counts(const struct table *t, struct revocations_refuter by,
                   const struct model_crl *crl)
{
    const struct model *m = t->model;
    if (!crl->parsed)
        return false;
    unsigned at = find(t, crl->x509.issuer, bytes_of(NULL, 0));
    if (at == t->count || !bytes_equal(m->certificate[t->number[at]].x509.issuer, crl->x509.issuer))
        return false;
    const struct model_entry *issuer = crl->has_entry ? model_entry(m, crl->entry) : NULL;
    return issuer == NULL || !model_certificate_of(m, issuer)->parsed ||
           !by.refutes(by.context, issuer->certificate, &crl->x509.envelope);
}

static void take_list(const struct table *t, const struct model_crl *crl, bool *revoked)
{
    const struct model *m = t->model;
    struct x509_revoked_walk walk = x509_revoked_first(&crl->x509);
    struct x509_revoked entry;
    while (x509_revoked_next(&walk, &entry)) {
        if (entry.other_issuer)
            continue;
        for (unsigned i = find(t, crl->x509.issuer, entry.serial);
             i < t->count &&
             compare(&m->certificate[t->number[i]], crl->x509.issuer, entry.serial) == 0 &&
             !revoked[t->number[i]];
             i++)
            revoked[t->number[i]] = true;
    }
}

bool revocations_find(const struct model *m, struct revocations_refuter refuter, bool *revoked)
{
    struct table t = {.model = m, .number = malloc((m->certificates + 1) * sizeof *t.number)};
    if (t.number == NULL)
        return false;
    for (unsigned i = 0; i < m->certificates; i++)
        if (m->certificate[i].parsed)
            t.number[t.count++] = i;
    qsort_r(t.number, t.count, sizeof *t.number, by_issuer_and_serial, (void *)(uintptr_t)m);
    for (unsigned i = 0; i < m->crls; i++)
        if (counts(&t, refuter, &m->crl[i]))
            take_list(&t, &m->crl[i], revoked);
    free(t.number);
    return true;
}
