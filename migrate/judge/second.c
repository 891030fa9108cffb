/* Certificates of the list elsewhere in the store: see second.h. */
#include "migrate/judge/second.h"

#include "formats/array.h"
#include "formats/certs/pem.h"
#include "migrate/profile/wrapping.h"

#include <stdlib.h>

enum {
    HEADER_MOST = 64,                 /* bytes before a packed value */
    UNPACKED_TIMES = 16,              /* of what was read so much is unpacked at most, ... */
    UNPACKED_FREE = 64 * 1024 * 1024, /* ... and so many bytes */
    START = 48,                       /* octets of a to-be-signed part by which it is looked up */
    FIRST = 16,                       /* of them that are looked at first */
    FIRST_BITS = 16,                  /* of a hash of those */
    PROVED_MOST = 200,                /* values of a column whose chains are proved */
    CERTIFICATES_MOST = 32            /* of one value that are tried as issued by a copy */
};

struct second_search {
    const struct model *m;
    struct prover *prover;
    unsigned *slot; /* a hash table: certificate + 1; 0: empty */
    unsigned slots; /* a power of two, at least twice as many as certificates */
    uint64_t first[(1 << FIRST_BITS) / 64]; /* by their hash: are there first octets like these? */
    struct buffer room;                     /* what was unpacked */
    uint64_t read, unpacked;                /* bytes */
};

static struct bytes tbs_of(const struct model *m, unsigned certificate)
{
    return m->certificate[certificate].x509.envelope.tbs;
}

/* Of a number of octets that eight divides. */
static uint64_t hash_octets(const uint8_t *at, unsigned octets)
{
    uint64_t hash = 0xcbf29ce484222325, eight;
    for (unsigned i = 0; i < octets; i += 8) {
        memcpy(&eight, at + i, sizeof eight);
        hash = (hash ^ eight) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    return hash;
}

static unsigned slot_of(const struct second_search *s, const uint8_t *start)
{
    return (unsigned)hash_octets(start, START) & (s->slots - 1);
}

static unsigned first_of(const uint8_t *start)
{
    return (unsigned)hash_octets(start, FIRST) & ((1u << FIRST_BITS) - 1);
}

struct second_search *second_open(const struct model *m, struct prover *prover)
{
    struct second_search *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct second_search){.m = m, .prover = prover, .slots = 16};
    while (s->slots < 2 * m->listed)
        s->slots *= 2;
    if ((s->slot = calloc(s->slots, sizeof *s->slot)) == NULL) {
        free(s);
        return NULL;
    }
    for (unsigned i = 0; i < m->listed; i++) {
        if (!m->certificate[i].parsed || tbs_of(m, i).size < START)
            continue;
        unsigned at = slot_of(s, tbs_of(m, i).at), first = first_of(tbs_of(m, i).at);
        bool known = false;
        s->first[first / 64] |= (uint64_t)1 << first % 64;
        for (; s->slot[at] && !known; at = (at + 1) & (s->slots - 1))
            known = bytes_equal(tbs_of(m, s->slot[at] - 1), tbs_of(m, i));
        if (!known)
            s->slot[at] = i + 1;
    }
    return s;
}

void second_close(struct second_search *s)
{
    if (s) {
        free(s->slot);
        buffer_free(&s->room);
    }
    free(s);
}

/* The listed certificate whose to-be-signed part stands at this offset; -1: none. */
static long find(const struct second_search *s, struct bytes value, size_t offset)
{
    struct bytes rest = bytes_from(value, offset), part;
    if (rest.size < START)
        return -1;
    unsigned first = first_of(rest.at);
    if (!(s->first[first / 64] >> first % 64 & 1))
        return -1; /* most are told by that */
    unsigned at = slot_of(s, rest.at);
    for (; s->slot[at]; at = (at + 1) & (s->slots - 1)) {
        struct bytes tbs = tbs_of(s->m, s->slot[at] - 1);
        if (bytes_cut(rest, 0, tbs.size, &part) && bytes_equal(part, tbs))
            return (long)s->slot[at] - 1;
    }
    return -1;
}

typedef uint8_t octets __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* Could a SEQUENCE of more than 127 octets begin at one of these 16 places?  Reads one octet more.
 */
static bool may_begin(const uint8_t *at)
{
    octets tag, length;
    memcpy(&tag, at, sizeof tag);
    memcpy(&length, at + 1, sizeof length);
    halves both = (halves)(tag == 0x30) & (halves)((length & 0xfc) == 0x80);
    return (both[0] | both[1]) != 0;
}

/* The next place from `offset` on where a SEQUENCE of more than 127 octets could begin. */
static size_t next_sequence(struct bytes value, size_t offset)
{
    while (offset + 1 < value.size) {
        while (bytes_has(value, offset, sizeof(octets) + 1) && !may_begin(value.at + offset))
            offset += sizeof(octets);
        size_t end = offset + sizeof(octets) + 1;
        for (end = end < value.size ? end : value.size; offset + 1 < end; offset++)
            if (value.at[offset] == 0x30 && value.at[offset + 1] >= 0x80 &&
                value.at[offset + 1] <= 0x82)
                return offset;
    }
    return value.size;
}

static bool is_listed(const struct second_search *s, const struct x509_certificate *c)
{
    return find(s, c->envelope.tbs, 0) >= 0;
}

/* Does the value hold a certificate that is not in the list, and that the copy's key has signed? */
static bool in_chain(struct second_search *s, struct bytes value, unsigned copy, bool prove)
{
    unsigned tried = 0;
    for (size_t at = next_sequence(value, 0); at < value.size && tried < CERTIFICATES_MOST;) {
        struct x509_certificate c;
        if (!x509_certificate_read(bytes_from(value, at), &c, NULL)) {
            at = next_sequence(value, at + 1);
            continue;
        }
        tried++;
        if (bytes_equal(c.issuer, s->m->certificate[copy].x509.subject) && !is_listed(s, &c) &&
            (!prove || prover_check(s->prover, copy, &c.envelope).answer == PROOF_PROVEN))
            return true;
        at = next_sequence(value, at + c.envelope.whole.size);
    }
    return false;
}

static struct second_copy *entry_of(struct second_copies *copies, const struct ese_table *table,
                                    const struct ese_column *column)
{
    for (unsigned i = copies->count; i-- > 0;)
        if (copies->item[i].column == column)
            return &copies->item[i];
    void *array = copies->item;
    bool room = array_reserve(&array, &copies->room, copies->count + 1, sizeof *copies->item);
    copies->item = array;
    if (!room)
        return NULL;
    copies->item[copies->count] = (struct second_copy){.table = table, .column = column};
    return &copies->item[copies->count++];
}

static void note(struct second_copy *c, bool chain, unsigned certificate, uint64_t row)
{
    bool first = chain ? c->chains + c->values == 0 : c->values == 0;
    if (first) {
        c->certificate = certificate;
        c->row = row;
    }
    c->chains += chain;
    c->values += !chain;
}

/* Searches bytes as they are. */
static bool look_plain(struct second_search *s, struct second_copies *copies,
                       const struct ese_table *table, const struct ese_column *column, uint64_t row,
                       struct bytes value)
{
    long copy = -1, outside = -1;
    struct second_copy *c = NULL;
    for (size_t at = next_sequence(value, 0); at < value.size;) {
        long found = find(s, value, at);
        if (found < 0) {
            at = next_sequence(value, at + 1);
            continue;
        }
        if (c == NULL && (c = entry_of(copies, table, column)) == NULL)
            return false;
        copy = found;
        if (outside < 0 && !in_chain(s, value, (unsigned)found, c->chains < PROVED_MOST))
            outside = found;
        if (outside >= 0)
            break;
        at = next_sequence(value, at + tbs_of(s->m, (unsigned)found).size);
    }
    if (c)
        note(c, outside < 0, (unsigned)(outside < 0 ? copy : outside), row);
    return true;
}

/* Could a value packed with zlib begin here?  RFC 1950, 2.2, with the window that everybody has. */
static bool is_packed(const uint8_t *at)
{
    return at[0] == 0x78 && (at[0] << 8 | at[1]) % 31 == 0;
}

/* The blocks of a PEM text one behind the other, in s->room. */
static struct bytes pem_contents(struct second_search *s, struct bytes text)
{
    struct pem_reader r = pem_open(text);
    struct pem_block block;
    buffer_clear(&s->room);
    while (pem_next(&r, &block, NULL))
        pem_decode(&block, &s->room, NULL);
    return buffer_bytes(&s->room);
}

bool second_look(struct second_search *s, struct second_copies *copies,
                 const struct ese_table *table, const struct ese_column *column, uint64_t row,
                 struct bytes value)
{
    static const struct wrapping zlib = {.pack = PACK_ZLIB};
    struct fault f;
    struct bytes inner;
    fault_clear(&f);
    s->read += value.size;
    if (pem_detect(value))
        return look_plain(s, copies, table, column, row, pem_contents(s, value)) && !s->room.failed;
    for (size_t at = 0; at < HEADER_MOST && at + 2 < value.size; at++) {
        if (!is_packed(value.at + at) || s->unpacked > UNPACKED_TIMES * s->read + UNPACKED_FREE)
            continue;
        /* What was unpacked before a fault is searched, too. */
        wrapping_take_off(&zlib, bytes_from(value, at), &s->room, &inner, &f);
        s->unpacked += inner.size;
        if (f.code == FAULT_NO_MEMORY || !look_plain(s, copies, table, column, row, inner))
            return false;
    }
    return look_plain(s, copies, table, column, row, value);
}

void second_copies_close(struct second_copies *copies)
{
    free(copies->item);
    *copies = (struct second_copies){.item = NULL};
}
