/* Certificates by issuer and serial number: see identities.h. */
#include "migrate/judge/identities.h"

#include <stdlib.h>

enum { SERIAL_MOST = 64 };

struct model_identities {
    const struct model *m;
    unsigned *slot; /* a hash table: certificate + 1; 0: empty */
    unsigned slots; /* a power of two, at least twice as many as certificates */
};

static uint64_t hash_on(uint64_t hash, struct bytes b)
{
    for (size_t i = 0; i < b.size; i++)
        hash = (hash ^ b.at[i]) * 0x100000001b3;
    return hash;
}

static struct bytes without_zeros(struct bytes serial)
{
    while (serial.size > 1 && serial.at[0] == 0)
        serial = bytes_from(serial, 1);
    return serial;
}

static unsigned place_of(const struct model_identities *s, struct bytes issuer, struct bytes serial)
{
    uint64_t hash = hash_on(hash_on(0xcbf29ce484222325, serial), issuer);
    return (unsigned)(hash ^ hash >> 32) & (s->slots - 1);
}

static const struct x509_certificate *certificate(const struct model_identities *s, unsigned slot)
{
    return &s->m->certificate[slot - 1].x509;
}

/* The certificate with that serial number, big end first and without zeros; -1: none.  *at: its
 * place, or where it would stand. */
static long look(const struct model_identities *s, struct bytes issuer, struct bytes serial,
                 unsigned *at)
{
    for (*at = place_of(s, issuer, serial); s->slot[*at]; *at = (*at + 1) & (s->slots - 1)) {
        const struct x509_certificate *c = certificate(s, s->slot[*at]);
        if (bytes_equal(without_zeros(c->serial), serial) && bytes_equal(c->issuer, issuer))
            return (long)s->slot[*at] - 1;
    }
    return -1;
}

struct model_identities *identities_open(const struct model *m)
{
    struct model_identities *s = calloc(1, sizeof *s);
    unsigned at;
    if (s == NULL)
        return NULL;
    *s = (struct model_identities){.m = m, .slots = 16};
    while (s->slots < 2 * m->certificates)
        s->slots *= 2;
    if ((s->slot = calloc(s->slots, sizeof *s->slot)) == NULL) {
        free(s);
        return NULL;
    }
    for (unsigned i = 0; i < m->entries; i++) {
        unsigned number = m->entry[i].certificate;
        const struct model_certificate *c = &m->certificate[number];
        if (c->parsed && look(s, c->x509.issuer, without_zeros(c->x509.serial), &at) < 0)
            s->slot[at] = number + 1;
    }
    return s;
}

void identities_close(struct model_identities *s)
{
    if (s)
        free(s->slot);
    free(s);
}

long identities_find(const struct model_identities *s, struct bytes issuer, struct bytes serial)
{
    uint8_t reversed[SERIAL_MOST];
    unsigned at;
    if (serial.size == 0 || serial.size > SERIAL_MOST)
        return -1;
    long found = look(s, issuer, without_zeros(serial), &at);
    if (found >= 0)
        return found;
    for (size_t i = 0; i < serial.size; i++)
        reversed[i] = serial.at[serial.size - 1 - i];
    return look(s, issuer, without_zeros(bytes_of(reversed, serial.size)), &at);
}
