/* R2: no entry twice, and each is what its columns say; see judge.h. */
#include "migrate/judge/judge_parts.h"

#include "formats/certs/name.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/properties.h"

#include <stdio.h>
#include <stdlib.h>

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
            judge_find_entry(m, problems, PROBLEM_ROLE_UNKNOWN, entry);
        if (!cert->parsed && known)
            problem_find(problems, PROBLEM_UNPARSABLE,
                         FACTS(fact_number(FACT_ENTRY, entry->key),
                               fact_number(FACT_SIZE, (int64_t)cert->der.size),
                               fact_text(FACT_WHY, cert->why.text)));
        else if (cert->parsed && entry->has_thumbprint &&
                 !bytes_equal(entry->thumbprint, bytes_of(cert->sha1, sizeof cert->sha1)))
            judge_find_entry(m, problems, PROBLEM_THUMBPRINT, entry);
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

void judge_list_keys(const struct model *m, const struct group *group, char *text, size_t size)
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
    judge_list_keys(m, group, keys, sizeof keys);
    return problem_find(
        problems, code,
        FACTS(fact_number(FACT_ENTRY, m->entry[group->entry[0]].key),
              fact_number(FACT_OTHER, m->entry[group->entry[1]].key), fact_text(FACT_KEYS, keys),
              fact_text(FACT_CERTIFICATE,
                        judge_describe(m, m->entry[group->entry[0]].certificate, what)),
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

bool judge_list(const struct model *m, struct problems *problems)
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
