/* The advice: what blocks nothing, and is better known; see judge.h. */
#include "migrate/judge/judge_parts.h"

#include "formats/certs/name.h"
#include "migrate/judge/groups.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    TWO_YEARS = 2 * 365 * 86400,
    SHORT_RSA_KEY = 128, /* bytes of an encoded key; a modulus of 1024 bits alone takes as many */
};

static void advise_short_lived(const struct model *m, const struct model_entry *entry, int64_t left,
                               struct problems *problems)
{
    struct judge_about a;
    problem_find(problems, PROBLEM_SHORT_LIVED,
                 judge_about(&a, m, entry,
                             left < 0 ? fact_number(FACT_DAYS_AGO, -left / 86400)
                                      : fact_number(FACT_DAYS_LEFT, left / 86400)));
}

/* One piece of advice about all entries that `is` is true of. */
static void advise_entries(const struct model *m, struct problems *problems, enum problem_code code,
                           bool (*is)(const struct model *m, const struct model_certificate *cert))
{
    unsigned count = 0;
    int32_t first = 0;
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *cert = model_certificate_of(m, &m->entry[i]);
        if (cert->parsed && is(m, cert) && count++ == 0)
            first = m->entry[i].key;
    }
    if (count == 0)
        return;
    struct problem *p = problem_find(
        problems, code,
        FACTS(fact_number(FACT_ENTRY, first),
              count == 1 ? (struct fact){.name = FACT_END} : fact_number(FACT_COUNT, count)));
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *cert = model_certificate_of(m, &m->entry[i]);
        if (cert->parsed && is(m, cert))
            problem_name(problems, p, m->entry[i].key);
    }
    if (p)
        p->count = count;
}

static bool is_expired(const struct model *m, const struct model_certificate *cert)
{
    return m->now_known && cert->x509.not_after.known && cert->x509.not_after.seconds < m->now;
}

static void advise_dates(const struct model *m, struct problems *problems)
{
    advise_entries(m, problems, PROBLEM_EXPIRED, is_expired);
    unsigned count;
    const struct model_entry *entry = m->has_issuing_ca && m->mode != MODE_V1
                                          ? judge_named_entry(m, m->issuing_ca, &count)
                                          : NULL;
    const struct model_certificate *cert = entry ? model_certificate_of(m, entry) : NULL;
    if (cert && cert->parsed && m->now_known && cert->x509.not_after.known &&
        cert->x509.not_after.seconds - m->now < TWO_YEARS)
        advise_short_lived(m, entry, cert->x509.not_after.seconds - m->now, problems);
}

static bool is_weak(const struct model *m, const struct model_certificate *cert)
{
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    int strength = proof_algorithm_strength(&cert->x509.envelope.algorithm);
    (void)m;
    return strength == 1 || strength == 2 ||
           (bytes_equal(cert->x509.key_algorithm.oid, bytes_of(rsa, sizeof rsa)) &&
            cert->x509.key_bits.size < SHORT_RSA_KEY);
}

struct named {
    uint8_t normal[HASH_SHA256_SIZE];
    unsigned entry;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = memcmp(x->normal, y->normal, sizeof x->normal);
    return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

/* Names that differ in nothing but their encoding. */
static bool advise_encodings(const struct model *m, struct problems *problems)
{
    struct named *named = malloc((m->entries + 1) * sizeof *named);
    struct hash hash = m->hash;
    unsigned count = 0;
    if (named == NULL)
        return false;
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *cert = model_certificate_of(m, &m->entry[i]);
        if (!cert->parsed)
            continue;
        name_normal_sha256(cert->x509.subject, &hash, named[count].normal);
        named[count++].entry = i;
    }
    qsort(named, count, sizeof *named, compare_named);
    for (unsigned i = 1; i < count; i++) {
        const struct model_entry *a = &m->entry[named[i - 1].entry], *b = &m->entry[named[i].entry];
        if (memcmp(named[i - 1].normal, named[i].normal, HASH_SHA256_SIZE) == 0 &&
            !bytes_equal(model_certificate_of(m, a)->x509.subject,
                         model_certificate_of(m, b)->x509.subject))
            problem_find(problems, PROBLEM_ENCODINGS,
                         FACTS(fact_number(FACT_ENTRY, a->key), fact_number(FACT_OTHER, b->key)));
    }
    free(named);
    return true;
}

static int by_crl_issuer(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    int order = bytes_compare(m->crl[x].x509.issuer, m->crl[y].x509.issuer);
    return order ? order : (x > y) - (x < y);
}

static bool advise_crls(const struct model *m, struct problems *problems)
{
    unsigned *number = malloc((m->crls + 1) * sizeof *number), count = 0;
    if (number == NULL)
        return false;
    for (unsigned i = 0; i < m->crls; i++)
        if (m->crl[i].parsed)
            number[count++] = i;
    qsort_r(number, count, sizeof *number, by_crl_issuer, (void *)(uintptr_t)m);
    for (unsigned i = 1; i < count; i++) {
        const struct model_crl *a = &m->crl[number[i - 1]], *b = &m->crl[number[i]];
        if (bytes_equal(a->x509.issuer, b->x509.issuer))
            problem_add(problems, PROBLEM_TWO_CRLS, a->has_entry ? a->entry : NO_ENTRY,
                        b->has_entry ? b->entry : NO_ENTRY, "revocation lists %d and %d", a->key,
                        b->key);
    }
    free(number);
    return true;
}

/* Several CAs with role issuing: only the one that the settings name does issue. */
static bool advise_several_issuing(const struct model *m, struct problems *problems)
{
    const struct model_entry *first = NULL, *other = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *entry = &m->entry[i];
        if (entry->role != ROLE_ISSUING || !model_certificate_of(m, entry)->parsed)
            continue;
        count++;
        if (first && !groups_equal(m, GROUP_CA, first->certificate, entry->certificate))
            other = other ? other : entry;
        first = first ? first : entry;
    }
    if (other == NULL)
        return true;
    struct problem *p =
        problem_find(problems, PROBLEM_SEVERAL_ISSUING,
                     FACTS(fact_number(FACT_ENTRY, first->key), fact_number(FACT_OTHER, other->key),
                           fact_number(FACT_COUNT, count)));
    if (p)
        p->count = count;
    return p != NULL;
}

/* Q218802: comma, underscore and other special characters; letters, digits, space, dot and dash are
 * not. */
static bool has_special(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && strchr(" .-", *text) == NULL)
            return true;
    return false;
}

/* One piece of advice about many rows. */
static void advise_rows(struct problems *problems, enum problem_code code, uint64_t count,
                        uint32_t first)
{
    struct problem *p = count == 0 ? NULL
                                   : problem_find(problems, code,
                                                  FACTS(fact_number(FACT_COUNT, (int64_t)count),
                                                        fact_number(FACT_ROW, first)));
    if (p)
        p->count = count;
}

static void advise_settings(const struct model *m, struct problems *problems)
{
    bool v3 = m->mode == MODE_V3 || m->mode == MODE_V1V3;
    if (m->organization && has_special(m->organization))
        problem_find(problems, PROBLEM_ORGANIZATION, FACTS(fact_text(FACT_VALUE, m->organization)));
    if (v3)
        advise_rows(problems, PROBLEM_LONG_NAME, m->long_names, m->first_long_name);
    if (m->mode == MODE_V3)
        advise_rows(problems, PROBLEM_V1_IN_V3, m->v1_certificates, m->first_v1_certificate);
    advise_rows(problems, PROBLEM_NO_USER, m->without_user, m->first_without_user);
}

bool judge_advise(const struct model *m, struct problems *problems)
{
    advise_settings(m, problems);
    advise_dates(m, problems);
    advise_entries(m, problems, PROBLEM_WEAK, is_weak);
    return advise_crls(m, problems) && advise_several_issuing(m, problems) &&
           advise_encodings(m, problems);
}
