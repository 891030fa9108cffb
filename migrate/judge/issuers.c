/* Listed certificates by the name that they sign under: see issuers.h. */
#include "migrate/judge/issuers.h"

#include "formats/array.h"
#include "migrate/judge/groups.h"

#include <stdlib.h>

static const struct model_certificate *certificate(const struct model *m, unsigned entry)
{
    return model_certificate_of(m, &m->entry[entry]);
}

static int by_name_and_key(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    const struct model_certificate *p = certificate(m, x), *q = certificate(m, y);
    int order = bytes_compare(p->x509.subject, q->x509.subject);
    if (order == 0)
        order = memcmp(p->key_sha256, q->key_sha256, sizeof p->key_sha256);
    return order ? order : (x > y) - (x < y);
}

/* Adds an entry, the next in order, to the issuer before it or as a new one. */
static void add_entry(struct issuers *s, const unsigned *entry)
{
    const struct model *m = s->model;
    unsigned number = m->entry[*entry].certificate;
    struct issuer *last = s->count ? &s->issuer[s->count - 1] : NULL;
    if (last == NULL || !groups_equal(m, GROUP_CA, last->certificate, number)) {
        s->issuer[s->count++] = (struct issuer){entry, 1, number, ISSUERS_NONE};
        return;
    }
    last->entries++;
    if (last->other == ISSUERS_NONE && !groups_equal(m, GROUP_IDENTITY, last->certificate, number))
        last->other = number;
}

bool issuers_open(struct issuers *s, const struct model *m)
{
    unsigned entries = 0;
    *s = (struct issuers){.model = m};
    s->entry = malloc((m->entries + 1) * sizeof *s->entry);
    s->issuer = malloc((m->entries + 1) * sizeof *s->issuer);
    if (s->entry == NULL || s->issuer == NULL)
        return false;
    for (unsigned i = 0; i < m->entries; i++)
        if (certificate(m, i)->parsed)
            s->entry[entries++] = i;
    qsort_r(s->entry, entries, sizeof *s->entry, by_name_and_key, (void *)(uintptr_t)m);
    for (unsigned i = 0; i < entries; i++)
        add_entry(s, &s->entry[i]);
    return true;
}

void issuers_close(struct issuers *s)
{
    free(s->entry);
    free(s->issuer);
    *s = (struct issuers){.model = NULL};
}

/* The first issuer whose name is not before this one, or, with `behind`, the first behind it. */
static unsigned bound(const struct issuers *s, struct bytes name, bool behind)
{
    struct halving h = {.high = s->count};
    while (halving_next(&h)) {
        unsigned certificate = s->issuer[h.middle].certificate;
        int order = bytes_compare(s->model->certificate[certificate].x509.subject, name);
        halving_go(&h, order < 0 || (behind && order == 0));
    }
    return (unsigned)h.low;
}

unsigned issuers_named(const struct issuers *s, struct bytes name, const struct issuer **first)
{
    unsigned start = bound(s, name, false);
    *first = &s->issuer[start];
    return bound(s, name, true) - start;
}

bool issuers_known_apart(const struct issuers *s, const struct issuer *issuer, unsigned certificate)
{
    return issuer->other != ISSUERS_NONE ||
           !groups_equal(s->model, GROUP_IDENTITY, issuer->certificate, certificate);
}
