/* The rules R2 to R4 and the advice: see judge.h. */
#include "migrate/judge/judge.h"

#include "migrate/judge/evidence.h"

#include "formats/certs/name.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/properties.h"
#include "migrate/profile/settings.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TWO_YEARS = 2 * 365 * 86400,
    SERIAL_SHOWN = 20,   /* octets, as many as RFC 5280 allows */
    SHORT_RSA_KEY = 128, /* bytes of an encoded key; a modulus of 1024 bits alone takes as many */
};

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"yes", "yes after repair", "no", "cannot tell"};
    return names[verdict];
}

/* "serial 2a, CN=..." of a certificate. */
static const char *describe(const struct model *m, unsigned number, char text[256])
{
    const struct model_certificate *cert = &m->certificate[number];
    if (!cert->parsed) {
        snprintf(text, 256, "no certificate");
        return text;
    }
    char serial[2 * SERIAL_SHOWN + 1];
    int n = snprintf(text, 256, "serial %s, ", bytes_hex(cert->x509.serial, serial, sizeof serial));
    name_text(cert->x509.subject, text + n, 256 - (size_t)n);
    return text;
}

/* The facts of an entry, with room for one more. */
struct about_entry {
    char certificate[256], serial[2 * SERIAL_SHOWN + 1];
    struct fact fact[5];
};

static const struct fact *about(struct about_entry *a, const struct model *m,
                                const struct model_entry *entry, struct fact more)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    describe(m, entry->certificate, a->certificate);
    bytes_hex(cert->x509.serial, a->serial, sizeof a->serial);
    a->fact[0] = fact_number(FACT_ENTRY, entry->key);
    a->fact[1] = fact_text(FACT_CERTIFICATE, a->certificate);
    a->fact[2] = fact_text(FACT_SERIAL, cert->parsed ? a->serial : NULL);
    a->fact[3] = more;
    a->fact[4] = (struct fact){.name = FACT_END};
    return a->fact;
}

/* A finding about one entry of which nothing has to be said but which it is. */
static void find_entry(const struct model *m, struct problems *problems, enum problem_code code,
                       const struct model_entry *entry)
{
    struct about_entry a;
    problem_find(problems, code, about(&a, m, entry, (struct fact){.name = FACT_END}));
}

/* ---- R2: the list ---- */

/* When not one entry can be read, it is not the entries that are wrong: how they are kept is not
 * known, as the model has said. */
static bool none_is_read(const struct model *m)
{
    for (unsigned i = 0; i < m->entries; i++)
        if (model_certificate_of(m, &m->entry[i])->parsed)
            return false;
    return m->entries > 0;
}

static void judge_entries(const struct model *m, struct problems *problems)
{
    bool known = !none_is_read(m);
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *entry = &m->entry[i];
        const struct model_certificate *cert = model_certificate_of(m, entry);
        if (entry->role == ROLE_UNKNOWN)
            find_entry(m, problems, PROBLEM_ROLE_UNKNOWN, entry);
        if (!cert->parsed && known)
            problem_find(problems, PROBLEM_UNPARSABLE,
                         FACTS(fact_number(FACT_ENTRY, entry->key),
                               fact_number(FACT_SIZE, (int64_t)cert->der.size),
                               fact_text(FACT_WHY, cert->why.text)));
        else if (cert->parsed && entry->has_thumbprint &&
                 !bytes_equal(entry->thumbprint, bytes_of(cert->sha1, sizeof cert->sha1)))
            find_entry(m, problems, PROBLEM_THUMBPRINT, entry);
    }
}

static struct problem *name_group(struct problems *problems, struct problem *p,
                                  const struct model *m, const struct group *group)
{
    for (unsigned i = 0; i < group->entries; i++)
        problem_name(problems, p, m->entry[group->entry[i]].key);
    return p;
}

/* "2 trusted, 3 untrusted"; a long list ends with "...". */
static void list_trust(const struct model *m, const struct group *group, char *text, size_t size)
{
    enum { LONGEST = 30 };
    size_t used = 0;
    for (unsigned i = 0; i < group->entries && used + LONGEST < size; i++) {
        const struct model_entry *e = &m->entry[group->entry[i]];
        used += (size_t)snprintf(text + used, size - used, "%s%d %s", i ? ", " : "", e->key,
                                 model_trust_name(e->trust));
    }
    if (used + LONGEST >= size)
        snprintf(text + used, size - used, ", ...");
}

static void judge_trust(const struct model *m, const struct group *group, struct problems *problems)
{
    bool yes = false, no = false, active = false;
    char keys[160];
    for (unsigned i = 0; i < group->entries; i++) {
        const struct model_entry *entry = &m->entry[group->entry[i]];
        yes = yes || entry->trust == TRUST_YES;
        no = no || entry->trust == TRUST_NO;
        active = active || entry->role == ROLE_OWN || entry->role == ROLE_ISSUING;
    }
    list_trust(m, group, keys, sizeof keys);
    if (yes && no)
        name_group(problems,
                   problem_find(problems, active ? PROBLEM_TRUST_UNDECIDED : PROBLEM_TRUST_DIFFERS,
                                FACTS(fact_number(FACT_ENTRY, m->entry[group->entry[0]].key),
                                      fact_number(FACT_OTHER, m->entry[group->entry[1]].key),
                                      fact_text(FACT_KEYS, keys),
                                      fact_number(FACT_COUNT, group->entries))),
                   m, group);
}

/* A property that copies have with different values: the first of them keeps its own.  False when
 * memory is short. */
static bool judge_properties(const struct model *m, const struct group *group,
                             struct problems *problems)
{
    struct properties all = {0};
    bool ok = true;
    for (unsigned i = 0; i < group->entries && ok; i++)
        ok = properties_add(&all, m, group->entry[i]);
    properties_by_id(&all);
    for (size_t i = 1; i < all.count && ok; i++) {
        const struct copied_property *x = &all.at[i - 1], *y = &all.at[i];
        int32_t a = m->entry[x->entry].key, b = m->entry[y->entry].key;
        if (x->property.id == y->property.id && !bytes_equal(x->property.data, y->property.data))
            problem_find(problems, PROBLEM_PROPERTY_DIFFERS,
                         FACTS(fact_number(FACT_ENTRY, a), fact_number(FACT_OTHER, b),
                               fact_number(FACT_PROPERTY, x->property.id),
                               fact_number(FACT_SIZE, (int64_t)x->property.data.size)));
    }
    properties_free(&all);
    return ok;
}

/* The keys of a group's entries as "2, 138", a key that several rows have as "2 (twice)"; a long
 * list ends with "...". */
static void list_keys(const struct model *m, const struct group *group, char *text, size_t size)
{
    enum { LONGEST = 40 };
    size_t used = 0;
    for (unsigned i = 0, same; i < group->entries && used + LONGEST < size; i += same) {
        int32_t key = m->entry[group->entry[i]].key;
        for (same = 1; i + same < group->entries && m->entry[group->entry[i + same]].key == key;)
            same++;
        used += (size_t)snprintf(text + used, size - used, "%s%d", i ? ", " : "", key);
        if (same > 1)
            used += (size_t)snprintf(text + used, size - used,
                                     same == 2 ? " (twice)" : " (%u times)", same);
    }
    if (used + LONGEST >= size)
        snprintf(text + used, size - used, ", ...");
}

/* The serial numbers of certificates of one CA, each with its entry: "entry 2 serial 17, entry 3
 * serial 2a"; of many the first. */
static void list_serials(const struct model *m, const struct group *group, char *text, size_t size)
{
    enum { LONGEST = 2 * SERIAL_SHOWN + 40 };
    size_t used = 0;
    for (unsigned i = 0; i < group->entries && used + LONGEST < size; i++) {
        const struct model_entry *entry = &m->entry[group->entry[i]];
        char serial[2 * SERIAL_SHOWN + 1];
        used += (size_t)snprintf(
            text + used, size - used, "%sentry %d serial %s", i ? ", " : "", entry->key,
            bytes_hex(model_certificate_of(m, entry)->x509.serial, serial, sizeof serial));
    }
    if (used + LONGEST >= size)
        snprintf(text + used, size - used, ", ...");
}

/* The first two entries of a group, the keys of all, and what the first one is. */
static struct problem *find_group(const struct model *m, struct problems *problems,
                                  enum problem_code code, const struct group *group)
{
    char keys[128], what[256];
    list_keys(m, group, keys, sizeof keys);
    return problem_find(
        problems, code,
        FACTS(fact_number(FACT_ENTRY, m->entry[group->entry[0]].key),
              fact_number(FACT_OTHER, m->entry[group->entry[1]].key), fact_text(FACT_KEYS, keys),
              fact_text(FACT_CERTIFICATE, describe(m, m->entry[group->entry[0]].certificate, what)),
              fact_number(FACT_COUNT, group->entries)));
}

static bool judge_same_content(const struct model *m, struct problems *problems)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, m, GROUP_SAME_CONTENT))
        return false;
    bool ok = true;
    while (ok && groups_next(&groups, &group)) {
        bool identical = true, own = false, issuing = false;
        unsigned first = m->entry[group.entry[0]].certificate;
        for (unsigned i = 0; i < group.entries; i++) {
            const struct model_entry *entry = &m->entry[group.entry[i]];
            identical = identical && entry->certificate == first;
            own = own || entry->role == ROLE_OWN;
            issuing = issuing || entry->role == ROLE_ISSUING;
        }
        struct problem *p =
            find_group(m, problems, identical ? PROBLEM_IDENTICAL : PROBLEM_RE_ENCODED, &group);
        if (name_group(problems, p, m, &group))
            p->count = group.entries;
        if (own && issuing)
            name_group(problems, find_group(m, problems, PROBLEM_OWN_AND_ISSUING, &group), m,
                       &group);
        judge_trust(m, &group, problems);
        ok = judge_properties(m, &group, problems);
    }
    groups_close(&groups);
    return ok;
}

static bool judge_identities(const struct model *m, struct problems *problems)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, m, GROUP_IDENTITY))
        return false;
    while (groups_next(&groups, &group)) {
        if (groups_is_one(m, &group))
            continue; /* copies of one certificate: said already */
        name_group(problems, find_group(m, problems, PROBLEM_SAME_IDENTITY, &group), m, &group);
    }
    groups_close(&groups);
    return true;
}

/* Do different certificates of a group hold a role?  Copies of one count once. */
static bool has_two_holders(const struct model *m, const struct group *group, enum model_role role)
{
    const struct model_entry *first = NULL;
    for (unsigned i = 0; i < group->entries; i++) {
        const struct model_entry *entry = &m->entry[group->entry[i]];
        if (entry->role != role)
            continue;
        if (first && !groups_equal(m, GROUP_SAME_CONTENT, entry->certificate, first->certificate))
            return true;
        first = first ? first : entry;
    }
    return false;
}

static int by_issuer(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    const struct model_certificate *x = &m->certificate[*(const unsigned *)a];
    const struct model_certificate *y = &m->certificate[*(const unsigned *)b];
    return bytes_compare(x->x509.issuer, y->x509.issuer);
}

/* Certificates by the same issuer under different serial numbers; by another issuer they are
 * cross-certificates.  False also when memory is short: then *ok is false. */
static bool has_reissue(const struct model *m, const struct group *group, bool *ok)
{
    unsigned *number = malloc(group->entries * sizeof *number);
    bool found = false;
    *ok = number != NULL;
    for (unsigned i = 0; *ok && i < group->entries; i++)
        number[i] = m->entry[group->entry[i]].certificate;
    if (*ok)
        qsort_r(number, group->entries, sizeof *number, by_issuer, (void *)(uintptr_t)m);
    for (unsigned i = 1; *ok && i < group->entries && !found; i++) {
        const struct x509_certificate *a = &m->certificate[number[i - 1]].x509;
        const struct x509_certificate *b = &m->certificate[number[i]].x509;
        found = bytes_equal(a->issuer, b->issuer) && !bytes_equal(a->serial, b->serial);
    }
    free(number);
    return found;
}

static bool judge_cas(const struct model *m, struct problems *problems)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, m, GROUP_CA))
        return false;
    bool ok = true;
    while (ok && groups_next(&groups, &group)) {
        char serials[512], subject[256];
        if (groups_is_one(m, &group))
            continue;
        list_serials(m, &group, serials, sizeof serials);
        name_text(model_certificate_of(m, &m->entry[group.entry[0]])->x509.subject, subject,
                  sizeof subject);
        if (has_two_holders(m, &group, ROLE_OWN) || has_two_holders(m, &group, ROLE_ISSUING))
            name_group(problems,
                       problem_find(problems, PROBLEM_TWO_ACTIVE,
                                    FACTS(fact_number(FACT_ENTRY, m->entry[group.entry[0]].key),
                                          fact_number(FACT_OTHER, m->entry[group.entry[1]].key),
                                          fact_text(FACT_SERIALS, serials),
                                          fact_text(FACT_SUBJECT, subject))),
                       m, &group);
        if (has_reissue(m, &group, &ok))
            name_group(problems,
                       problem_find(problems, PROBLEM_REISSUE,
                                    FACTS(fact_number(FACT_ENTRY, m->entry[group.entry[0]].key),
                                          fact_number(FACT_OTHER, m->entry[group.entry[1]].key),
                                          fact_text(FACT_SERIALS, serials),
                                          fact_text(FACT_SUBJECT, subject))),
                       m, &group);
    }
    groups_close(&groups);
    return ok;
}

static bool judge_list(const struct model *m, struct problems *problems)
{
    char place[128];
    if (m->list_missing)
        problem_find(
            problems, PROBLEM_LIST_MISSING,
            FACTS(fact_text(FACT_TABLE,
                            m->profile->list[0].table ? m->profile->list[0].table : "(none)"),
                  fact_text(FACT_PLACE, model_value_place(m, 0, place))));
    if (m->second_list && m->match == PROFILE_MATCHES_ROWS)
        problem_find(problems, PROBLEM_TWO_LISTS,
                     FACTS(fact_text(FACT_TABLE, m->profile->list[0].table),
                           fact_number(FACT_COUNT, m->entries),
                           fact_text(FACT_PLACE, model_value_place(m, 0, place))));
    judge_entries(m, problems);
    return judge_same_content(m, problems) && judge_identities(m, problems) &&
           judge_cas(m, problems);
}

/* ---- R3: the mode ---- */

/* The entry whose certificate has this SHA-1, of several the first, but one with role issuing
 * before others; NULL when there is none.  *count: how many have it. */
static struct model_entry *named_entry(const struct model *m, const uint8_t sha1[HASH_SHA1_SIZE],
                                       unsigned *count)
{
    struct model_entry *found = NULL;
    *count = 0;
    for (unsigned i = 0; i < m->entries; i++) {
        if (memcmp(model_certificate_of(m, &m->entry[i])->sha1, sha1, HASH_SHA1_SIZE) != 0)
            continue;
        if (found == NULL || (found->role != ROLE_ISSUING && m->entry[i].role == ROLE_ISSUING))
            found = &m->entry[i];
        ++*count;
    }
    return found;
}

/* Is there a certificate in the list whose name and key made this one?  Its own counts when it is
 * self-signed.  A signature that cannot be checked is not held against it. */
static void judge_chain(const struct model *m, struct prover *prover,
                        const struct model_entry *entry, struct problems *problems)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    bool named = false, unprovable = false;
    struct about_entry a;
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *above = model_certificate_of(m, &m->entry[i]);
        if (!above->parsed || !bytes_equal(above->x509.subject, cert->x509.issuer))
            continue;
        named = true;
        struct proof proof = prover_check(prover, m->entry[i].certificate, &cert->x509.envelope);
        if (proof.answer == PROOF_PROVEN)
            return;
        unprovable = unprovable || proof.answer == PROOF_UNPROVABLE;
    }
    if (unprovable)
        find_entry(m, problems, PROBLEM_UNPROVABLE, entry);
    else
        problem_find(problems, PROBLEM_ISSUING_CHAIN,
                     about(&a, m, entry,
                           fact_text(FACT_WHY,
                                     named ? "no key of its issuer in the list proves its signature"
                                           : "its issuer is not in the list")));
}

static void judge_issuing(const struct model *m, struct prover *prover,
                          const struct model_entry *entry, struct problems *problems)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    struct about_entry a;
    if (model_has_roles(m) && entry->role != ROLE_ISSUING)
        problem_find(problems, PROBLEM_ISSUING_ROLE,
                     about(&a, m, entry, fact_text(FACT_ROLE, model_role_name(entry->role))));
    if (!cert->parsed)
        return;
    if (cert->x509.version < 3)
        problem_find(problems, PROBLEM_ISSUING_NOT_V3,
                     about(&a, m, entry, fact_number(FACT_VERSION, cert->x509.version)));
    else if (!cert->can_sign)
        find_entry(m, problems, PROBLEM_ISSUING_NOT_CA, entry);
    if (entry->trust == TRUST_NO)
        find_entry(m, problems, PROBLEM_ISSUING_UNTRUSTED, entry);
    if (prover_is_revoked(prover, entry->certificate))
        find_entry(m, problems, PROBLEM_ISSUING_REVOKED, entry);
    judge_chain(m, prover, entry, problems);
}

/* The setting names a certificate by its hash; of one in two encodings only the better one stays.
 */
static void judge_setting(const struct model *m, struct prover *prover,
                          const struct model_entry *entry, struct problems *problems)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    for (unsigned i = 0; i < m->entries && cert->parsed; i++) {
        const struct model_certificate *other = model_certificate_of(m, &m->entry[i]);
        if (!other->parsed || other == cert ||
            !groups_equal(m, GROUP_SAME_CONTENT, entry->certificate, m->entry[i].certificate) ||
            !prover_better(prover, m->entry[i].certificate, entry->certificate))
            continue;
        problem_find(
            problems, PROBLEM_SETTING_NAMES_DROPPED,
            FACTS(fact_number(FACT_ENTRY, entry->key), fact_number(FACT_OTHER, m->entry[i].key),
                  fact_text(FACT_SETTING, profile_setting_label(m->profile, SETTING_ISSUING_CA))));
        return;
    }
}

/* The lowest key of the entries whose certificate has this SHA-1; there is one. */
static int32_t named_first(const struct model *m, const uint8_t sha1[HASH_SHA1_SIZE])
{
    unsigned i = 0;
    while (memcmp(model_certificate_of(m, &m->entry[i])->sha1, sha1, HASH_SHA1_SIZE) != 0)
        i++;
    return m->entry[i].key;
}

/* Does nobody say where the store has its issuing CA?  That is no setting that is missing. */
static bool says_no_issuing(const struct model *m)
{
    const struct model_setting *s = &m->setting[SETTING_ISSUING_CA];
    return m->issuing_names != NAMES_ROLE && !s->has_row && (m->mode_stated || !s->has_table);
}

static void judge_v3(const struct model *m, struct prover *prover, struct problems *problems)
{
    unsigned count = 0;
    const struct model_entry *entry =
        m->has_issuing_ca ? named_entry(m, m->issuing_ca, &count) : NULL;
    char sha1[2 * HASH_SHA1_SIZE + 1] = "";
    if (m->has_issuing_ca)
        bytes_hex(bytes_of(m->issuing_ca, HASH_SHA1_SIZE), sha1, sizeof sha1);
    if (m->has_issuing_key && entry == NULL)
        snprintf(sha1, sizeof sha1, "entry %d", m->issuing_key);
    if (!m->has_issuing_ca && says_no_issuing(m))
        problem_find(problems, PROBLEM_MODE_UNKNOWN,
                     FACTS(fact_text(FACT_MODE, model_mode_name(m->mode))));
    else if (entry == NULL && !m->list_cut && !m->list_missing)
        problem_find(problems, PROBLEM_ISSUING_MISSING,
                     FACTS(fact_text(FACT_MODE, model_mode_name(m->mode)),
                           fact_text(FACT_SETTING,
                                     m->issuing_stated
                                         ? "(stated)"
                                         : profile_setting_label(m->profile, SETTING_ISSUING_CA)),
                           fact_text(FACT_VALUE, m->has_issuing_ca ? sha1 : "not set"),
                           fact_text(FACT_THUMBPRINT,
                                     m->has_issuing_ca && !m->has_issuing_key ? sha1 : NULL)));
    if (count > 1) {
        struct problem *p =
            problem_find(problems, PROBLEM_ISSUING_AMBIGUOUS,
                         FACTS(fact_number(FACT_ENTRY, entry->key),
                               fact_text(FACT_THUMBPRINT, sha1), fact_number(FACT_COUNT, count),
                               fact_number(FACT_NAMED, named_first(m, m->issuing_ca))));
        for (unsigned i = 0; i < m->entries; i++)
            if (memcmp(model_certificate_of(m, &m->entry[i])->sha1, m->issuing_ca,
                       HASH_SHA1_SIZE) == 0)
                problem_name(problems, p, m->entry[i].key);
    }
    if (entry) {
        judge_issuing(m, prover, entry, problems);
        judge_setting(m, prover, entry, problems);
    }
}

/* What makes a mode known that is not; NULL: nothing but another value. */
static const char *mode_hint(const struct model *m)
{
    const char *text = m->mode_text;
    if (!m->setting[SETTING_MODE].has_row)
        return m->has_issuing_ca ? "where it is kept elsewhere, --mode says it"
                                 : "where it is kept elsewhere, --mode says it, and "
                                   "--issuing-ca-is which CA issues";
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text)
               ? "which mode that number is, a profile says: [setting.mode] V1, V1V3, V3"
               : NULL;
}

static void judge_mode(const struct model *m, struct prover *prover, struct problems *problems)
{
    if (!m->has_settings && !m->mode_stated) {
        problem_find(problems, PROBLEM_NO_SETTINGS,
                     FACTS(fact_text(FACT_TABLE, m->profile->settings_table)));
        return;
    }
    switch (m->mode) {
    case MODE_UNKNOWN:
        problem_find(problems, PROBLEM_MODE_UNKNOWN,
                     FACTS(fact_text(FACT_SETTING, profile_setting_label(m->profile, SETTING_MODE)),
                           fact_text(FACT_VALUE, m->mode_text), fact_text(FACT_WHY, mode_hint(m))));
        break;
    case MODE_V1:
        for (unsigned i = 0; i < m->entries; i++)
            if (m->entry[i].role == ROLE_OWN)
                return;
        if ((model_has_roles(m) || m->entries == 0) && !m->list_missing && !m->list_cut)
            problem_find(problems, PROBLEM_NO_OWN, FACTS(fact_number(FACT_COUNT, m->entries)));
        break;
    case MODE_V1V3:
    case MODE_V3:
        judge_v3(m, prover, problems);
        break;
    }
}

/* ---- R4: references ---- */

static void judge_references(const struct model *m, struct problems *problems)
{
    if (m->list_missing || m->list_cut)
        return; /* what the rows refer to cannot be known */
    for (unsigned i = 0; i < m->dangling_kept; i++) {
        const struct model_dangling *d = &m->dangling[i];
        const struct profile_reference *r = &m->profile->reference[d->reference];
        struct problem *p =
            problem_find(problems, PROBLEM_DANGLING,
                         FACTS(fact_text(FACT_TABLE, r->table), fact_number(FACT_ROW, d->row),
                               fact_text(FACT_COLUMN, r->column),
                               d->names == m->no_key ? (struct fact){.name = FACT_END}
                                                     : fact_number(FACT_ENTRY, d->names)));
        if (p)
            p->entry[0] = d->names;
    }
    if (m->dangling_count > m->dangling_kept)
        problem_find(
            problems, PROBLEM_DANGLING,
            FACTS(fact_number(FACT_MORE, (int64_t)(m->dangling_count - m->dangling_kept))));
}

/* ---- advice ---- */

static void advise_short_lived(const struct model *m, const struct model_entry *entry, int64_t left,
                               struct problems *problems)
{
    struct about_entry a;
    problem_find(problems, PROBLEM_SHORT_LIVED,
                 about(&a, m, entry,
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
    const struct model_entry *entry =
        m->has_issuing_ca && m->mode != MODE_V1 ? named_entry(m, m->issuing_ca, &count) : NULL;
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

bool judge_model(const struct model *m, struct prover *prover, struct problems *problems)
{
    if (!judge_list(m, problems))
        return false;
    judge_mode(m, prover, problems);
    judge_references(m, problems);
    advise_settings(m, problems);
    advise_dates(m, problems);
    advise_entries(m, problems, PROBLEM_WEAK, is_weak);
    if (!advise_crls(m, problems) || !advise_several_issuing(m, problems) ||
        !advise_encodings(m, problems))
        return false;
    if (prover_exhausted(prover))
        problem_add(problems, PROBLEM_PROOF_LIMIT, NO_ENTRY, NO_ENTRY,
                    "the bound is %d checks; what is unproved beyond it stays undecided",
                    PROVER_CHECKS_MOST);
    return !problems->no_memory && !prover_failed(prover);
}

enum verdict judge_problems(const struct problems *problems)
{
    enum verdict verdict = VERDICT_YES;
    for (size_t i = 0; i < problems->count; i++) {
        enum problem_severity severity = problem_kind(problems->item[i].code)->severity;
        if (severity == PROBLEM_DOUBT)
            return VERDICT_CANNOT_TELL;
        if (severity == PROBLEM_FATAL)
            verdict = VERDICT_NO;
    }
    return verdict;
}
