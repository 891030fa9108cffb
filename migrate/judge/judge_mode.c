/* R3: what the mode asks of the list and of the issuing CA; see judge.h. */
#include "migrate/judge/judge_parts.h"

#include "migrate/profile/settings.h"

#include <stdio.h>

/* Is there a certificate in the list whose name and key made this one?  Its own counts when it is
 * self-signed.  A signature that cannot be checked is not held against it. */
static void judge_chain(const struct model *m, struct prover *prover,
                        const struct model_entry *entry, struct problems *problems)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    bool named = false, unprovable = false;
    struct judge_about a;
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
        judge_find_entry(m, problems, PROBLEM_UNPROVABLE, entry);
    else
        problem_find(
            problems, PROBLEM_ISSUING_CHAIN,
            judge_about(
                &a, m, entry,
                fact_text(FACT_WHY, named ? "no key of its issuer in the list proves its signature"
                                          : "its issuer is not in the list")));
}

static void judge_issuing(const struct model *m, struct prover *prover,
                          const struct model_entry *entry, struct problems *problems)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    struct judge_about a;
    if (model_has_roles(m) && entry->role != ROLE_ISSUING)
        problem_find(problems, PROBLEM_ISSUING_ROLE,
                     judge_about(&a, m, entry, fact_text(FACT_ROLE, model_role_name(entry->role))));
    if (!cert->parsed)
        return;
    if (cert->x509.version < 3)
        problem_find(problems, PROBLEM_ISSUING_NOT_V3,
                     judge_about(&a, m, entry, fact_number(FACT_VERSION, cert->x509.version)));
    else if (!cert->can_sign)
        judge_find_entry(m, problems, PROBLEM_ISSUING_NOT_CA, entry);
    if (entry->trust == TRUST_NO)
        judge_find_entry(m, problems, PROBLEM_ISSUING_UNTRUSTED, entry);
    if (prover_is_revoked(prover, entry->certificate))
        judge_find_entry(m, problems, PROBLEM_ISSUING_REVOKED, entry);
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

enum { NAMED_MOST = 8 }; /* entries that one setting names */

/* The entries with that hash, as judge_list_keys() has them. */
static void list_named(const struct model *m, const uint8_t sha1[HASH_SHA1_SIZE], char *text,
                       size_t size)
{
    unsigned entry[NAMED_MOST];
    struct group group = {.entry = entry};
    bool more = false;
    for (unsigned i = 0; i < m->entries && !more; i++) {
        if (memcmp(model_certificate_of(m, &m->entry[i])->sha1, sha1, HASH_SHA1_SIZE) != 0)
            continue;
        more = group.entries == NAMED_MOST;
        if (!more)
            entry[group.entries++] = i;
    }
    judge_list_keys(m, &group, text, size);
    size_t used = strlen(text);
    if (more)
        snprintf(text + used, size - used, ", ...");
}

static void judge_v3(const struct model *m, struct prover *prover, struct problems *problems)
{
    unsigned count = 0;
    const struct model_entry *entry =
        m->has_issuing_ca ? judge_named_entry(m, m->issuing_ca, &count) : NULL;
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
        char keys[128];
        list_named(m, m->issuing_ca, keys, sizeof keys);
        struct problem *p = problem_find(
            problems, PROBLEM_ISSUING_AMBIGUOUS,
            FACTS(fact_number(FACT_ENTRY, entry->key), fact_text(FACT_THUMBPRINT, sha1),
                  fact_text(FACT_KEYS, keys), fact_number(FACT_COUNT, count),
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

void judge_mode(const struct model *m, struct prover *prover, struct problems *problems)
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
