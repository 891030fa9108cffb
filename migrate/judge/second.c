/* Certificates of the list elsewhere in the store: see second.h. */
#include "migrate/judge/second.h"

#include "formats/array.h"
#include "formats/runhash.h"
#include "migrate/judge/unfold.h"

#include <stdlib.h>

enum {
    UNPACKED_TIMES = 16,              /* of what was read so much is unpacked at most, ... */
    UNPACKED_FREE = 64 * 1024 * 1024, /* ... and so many bytes */
    CUT_COMPARED = 256,               /* octets of a part that the end of a value cuts off, */
    CUT_TRIED = 16,                   /* with so many that begin alike */
    START = 48,                       /* octets of a to-be-signed part that are looked at first */
    FIRST = 16,                       /* of them that are looked at before */
    SEEN_BITS = 16,                   /* of a hash of those */
    PROVED_MOST = 200,                /* values of a column whose chains are proved */
    CERTIFICATES_MOST = 32,           /* of one value that are tried as issued by a copy */
    INDEFINITE = 0x80                 /* a length that only the end tells */
};

/* Which octets there are, by a hash of them: whatever is there is in it. */
struct seen {
    uint64_t word[(1 << SEEN_BITS) / 64];
};

/* A place of the hash table. */
struct slot {
    uint64_t hash;
    unsigned certificate; /* + 1; 0: empty */
};

struct second_search {
    const struct model *m;
    struct prover *prover;
    struct slot *slot;
    unsigned slots; /* a power of two, at least twice as many as certificates */
    struct seen first, start;
    unsigned *by_start; /* the certificates that are looked for, ascending by their first octets */
    unsigned starts;
    size_t *size; /* of the parts whose length is indefinite, each size once */
    size_t sizes, size_room;
    struct runhash runs;
    /* The value in hand. */
    bool taken; /* `runs` has it */
    bool failed;
    bool chain_known;
    unsigned chain_count;
    struct x509_certificate chain[CERTIFICATES_MOST]; /* in it, and not in the list */
    struct buffer room, narrow;                       /* what was unpacked; for text */
    uint64_t read, unpacked;                          /* bytes */
};

static struct bytes tbs_of(const struct model *m, unsigned certificate)
{
    return m->certificate[certificate].x509.envelope.tbs;
}

/* Of a number of octets that eight divides. */
static unsigned hash_octets(const uint8_t *at, unsigned octets)
{
    uint64_t hash = 0xcbf29ce484222325, eight;
    for (unsigned i = 0; i < octets; i += 8) {
        memcpy(&eight, at + i, sizeof eight);
        hash = (hash ^ eight) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    return (unsigned)hash & ((1u << SEEN_BITS) - 1);
}

static void note_seen(struct seen *seen, const uint8_t *at, unsigned octets)
{
    unsigned hash = hash_octets(at, octets);
    seen->word[hash / 64] |= (uint64_t)1 << hash % 64;
}

static bool was_seen(const struct seen *seen, const uint8_t *at, unsigned octets)
{
    unsigned hash = hash_octets(at, octets);
    return seen->word[hash / 64] >> hash % 64 & 1;
}

/* ---- the certificates that are looked for ---- */

/* The size that the header of a SEQUENCE says, with the header; 0: it does not say it. */
static size_t size_of(struct bytes sequence)
{
    uint8_t length = bytes_get_u8(sequence, 1);
    if (length < INDEFINITE)
        return length + 2u;
    size_t octets = length - INDEFINITE;
    struct bytes number;
    return octets > 0 && octets <= sizeof(uint32_t) && bytes_cut(sequence, 2, octets, &number)
               ? (size_t)bytes_number_be(number) + octets + 2
               : 0;
}

static bool note_size(struct second_search *s, size_t size)
{
    for (size_t i = 0; i < s->sizes; i++)
        if (s->size[i] == size)
            return true;
    bool ok = array_reserve(&s->size, &s->size_room, s->sizes + 1, sizeof *s->size);
    if (ok)
        s->size[s->sizes++] = size;
    return ok;
}

/* The place of the certificate that has this to-be-signed part, or the empty one for it. */
static struct slot *place_of(const struct second_search *s, uint64_t hash, struct bytes tbs)
{
    unsigned at = (unsigned)hash & (s->slots - 1);
    while (
        s->slot[at].certificate &&
        (s->slot[at].hash != hash || !bytes_equal(tbs_of(s->m, s->slot[at].certificate - 1), tbs)))
        at = (at + 1) & (s->slots - 1);
    return &s->slot[at];
}

static bool look_for(struct second_search *s, unsigned certificate)
{
    struct bytes tbs = tbs_of(s->m, certificate);
    if (!s->m->certificate[certificate].parsed || tbs.size < START)
        return true;
    uint64_t hash = runhash_of(&s->runs, tbs);
    struct slot *slot = place_of(s, hash, tbs);
    if (slot->certificate)
        return true;
    *slot = (struct slot){hash, certificate + 1};
    s->by_start[s->starts++] = certificate;
    note_seen(&s->first, tbs.at, FIRST);
    note_seen(&s->start, tbs.at, START);
    return size_of(tbs) == tbs.size || note_size(s, tbs.size);
}

static int by_start(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    return memcmp(tbs_of(m, *(const unsigned *)a).at, tbs_of(m, *(const unsigned *)b).at, START);
}

struct second_search *second_open(const struct model *m, struct prover *prover)
{
    struct second_search *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->m = m;
    s->prover = prover;
    s->slots = 16;
    while (s->slots < 2 * m->listed)
        s->slots *= 2;
    runhash_open(&s->runs);
    s->slot = calloc(s->slots, sizeof *s->slot);
    s->by_start = calloc((size_t)m->listed + 1, sizeof *s->by_start);
    bool ok = s->slot && s->by_start;
    for (unsigned i = 0; ok && i < m->listed; i++)
        ok = look_for(s, i);
    if (ok)
        qsort_r(s->by_start, s->starts, sizeof *s->by_start, by_start, (void *)(uintptr_t)m);
    if (ok)
        return s;
    second_close(s);
    return NULL;
}

void second_close(struct second_search *s)
{
    if (s) {
        runhash_close(&s->runs);
        free(s->slot);
        free(s->by_start);
        free(s->size);
        buffer_free(&s->room);
        buffer_free(&s->narrow);
    }
    free(s);
}

/* ---- one value ---- */

static void begin_value(struct second_search *s)
{
    s->taken = s->chain_known = false;
}

/* Hashes of the value's runs, of which there is need in few values. */
static bool take(struct second_search *s, struct bytes value)
{
    s->taken = s->taken || runhash_take(&s->runs, value);
    s->failed = s->failed || !s->taken;
    return s->taken;
}

/* What begins at the offset and is cut off by the end of the value, as it is where a list is kept
 * in pieces; -1: none. */
static long find_cut(const struct second_search *s, struct bytes rest)
{
    size_t size = rest.size < CUT_COMPARED ? rest.size : CUT_COMPARED;
    struct halving h = {.high = s->starts};
    while (halving_next(&h))
        halving_go(&h, memcmp(tbs_of(s->m, s->by_start[h.middle]).at, rest.at, START) < 0);
    for (size_t i = h.low; i < s->starts && i < h.low + CUT_TRIED; i++) {
        struct bytes tbs = tbs_of(s->m, s->by_start[i]);
        if (tbs.size > rest.size && memcmp(tbs.at, rest.at, size) == 0)
            return (long)s->by_start[i];
    }
    return -1;
}

static long find_sized(const struct second_search *s, struct bytes value, size_t offset,
                       size_t size)
{
    struct bytes part;
    if (!bytes_cut(value, offset, size, &part))
        return -1;
    return (long)place_of(s, runhash_run(&s->runs, offset, size), part)->certificate - 1;
}

/* The listed certificate whose to-be-signed part stands at this offset; -1: none. */
static long find(struct second_search *s, struct bytes value, size_t offset)
{
    struct bytes rest = bytes_from(value, offset);
    if (rest.size < START || !was_seen(&s->first, rest.at, FIRST) ||
        !was_seen(&s->start, rest.at, START) || !take(s, value))
        return -1;
    size_t size = size_of(rest);
    long found = size > 0 ? find_sized(s, value, offset, size) : -1;
    for (size_t i = 0; found < 0 && i < s->sizes; i++)
        found = find_sized(s, value, offset, s->size[i]);
    return found < 0 && size > rest.size ? find_cut(s, rest) : found;
}

typedef uint8_t octets __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* At which of these 16 places a SEQUENCE of more than 127 octets could begin.  Reads 17 octets. */
static halves beginnings(const uint8_t *at)
{
    octets tag, length;
    memcpy(&tag, at, sizeof tag);
    memcpy(&length, at + 1, sizeof length);
    return (halves)(tag == 0x30) & (halves)((length & 0xfc) == 0x80);
}

static bool is_any(halves both)
{
    return (both[0] | both[1]) != 0;
}

/* The next place from `offset` on where a SEQUENCE of more than 127 octets could begin. */
static size_t next_sequence(struct bytes value, size_t offset)
{
    enum { ONE = sizeof(octets), FOUR = 4 * ONE };
    while (offset + 1 < value.size) {
        const uint8_t *at = value.at + offset;
        while (bytes_has(value, offset, FOUR + 1) &&
               !is_any(beginnings(at) | beginnings(at + ONE) | beginnings(at + 2 * ONE) |
                       beginnings(at + 3 * ONE)))
            at = value.at + (offset += FOUR);
        while (bytes_has(value, offset, ONE + 1) && !is_any(beginnings(value.at + offset)))
            offset += ONE;
        size_t end = offset + ONE + 1;
        for (end = end < value.size ? end : value.size; offset + 1 < end; offset++)
            if (value.at[offset] == 0x30 && (value.at[offset + 1] & 0xfc) == 0x80)
                return offset;
    }
    return value.size;
}

static bool is_listed(const struct second_search *s, const struct x509_certificate *c)
{
    struct bytes tbs = c->envelope.tbs;
    return tbs.size >= START && was_seen(&s->start, tbs.at, START) &&
           place_of(s, runhash_of(&s->runs, tbs), tbs)->certificate;
}

/* The first certificates of the value, without those that are in the list. */
static void find_chain(struct second_search *s, struct bytes value)
{
    unsigned tried = 0;
    s->chain_known = true;
    s->chain_count = 0;
    for (size_t at = next_sequence(value, 0); at < value.size && tried < CERTIFICATES_MOST;) {
        struct x509_certificate *c = &s->chain[s->chain_count];
        if (!x509_certificate_read(bytes_from(value, at), c, NULL)) {
            at = next_sequence(value, at + 1);
            continue;
        }
        tried++;
        at = next_sequence(value, at + c->envelope.whole.size);
        s->chain_count += !is_listed(s, c);
    }
}

/* Does the value hold a certificate that is not in the list, and that the copy's key has signed? */
static bool in_chain(struct second_search *s, struct bytes value, unsigned copy, bool prove)
{
    if (!s->chain_known)
        find_chain(s, value);
    for (unsigned i = 0; i < s->chain_count; i++)
        if (bytes_equal(s->chain[i].issuer, s->m->certificate[copy].x509.subject) &&
            (!prove || prover_check(s->prover, copy, &s->chain[i].envelope).answer == PROOF_PROVEN))
            return true;
    return false;
}

static struct second_copy *entry_of(struct second_copies *copies, const struct ese_table *table,
                                    const struct ese_column *column)
{
    for (unsigned i = copies->count; i-- > 0;)
        if (copies->item[i].column == column)
            return &copies->item[i];
    if (!array_reserve(&copies->item, &copies->room, copies->count + 1, sizeof *copies->item))
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
    begin_value(s);
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
    return !s->failed;
}

bool second_look(struct second_search *s, struct second_copies *copies,
                 const struct ese_table *table, const struct ese_column *column, uint64_t row,
                 struct bytes value)
{
    s->read += value.size;
    if (unfold_text(value, &s->narrow, &s->room))
        return look_plain(s, copies, table, column, row, buffer_bytes(&s->room));
    s->failed = s->failed || s->room.failed || s->narrow.failed;
    for (size_t at = unfold_next_packed(value, 0); at < value.size && !s->failed;
         at = unfold_next_packed(value, at + 1)) {
        if (s->unpacked > UNPACKED_TIMES * s->read + UNPACKED_FREE)
            break;
        /* What was unpacked before a fault is searched, too. */
        if (!unfold_packed(bytes_from(value, at), &s->room))
            return false;
        s->unpacked += s->room.size;
        if (!look_plain(s, copies, table, column, row, buffer_bytes(&s->room)))
            return false;
    }
    return look_plain(s, copies, table, column, row, value);
}

void second_copies_close(struct second_copies *copies)
{
    free(copies->item);
    *copies = (struct second_copies){.item = NULL};
}
