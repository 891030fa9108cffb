/*
 * The issuing CA: what the settings name, promotion, --issuing-ca, the switch to V3; and which of a
 * CA's certificates keeps its role (design: "Resolving duplicates", 3 and 8).
 */
#include "migrate/decide/draft.h"

/* The setting may name, by its hash, an encoding that goes: then it is to name the one that stays.
 */
static void follow_setting(struct draft *d)
{
    bool named_stays = false;
    unsigned follow = DRAFT_NOBODY;
    for (unsigned i = 0; d->has_issuing_ca && i < d->model->entries; i++) {
        if (memcmp(draft_certificate(d, i)->sha1, d->issuing_ca, HASH_SHA1_SIZE) != 0)
            continue;
        unsigned survivor = draft_survivor(d, i);
        if (survivor == DRAFT_NOBODY)
            continue;
        named_stays = named_stays || draft_certificate(d, survivor) == draft_certificate(d, i);
        follow = survivor;
    }
    if (follow != DRAFT_NOBODY && !named_stays)
        memcpy(d->issuing_ca, draft_certificate(d, follow)->sha1, HASH_SHA1_SIZE);
}

/* The one surviving entry that the setting names; DRAFT_NOBODY when there is none or more than one.
 */
static unsigned named_survivor(const struct draft *d)
{
    unsigned found = DRAFT_NOBODY;
    for (unsigned i = 0; d->has_issuing_ca && i < d->model->entries; i++) {
        if (!draft_stays(d, i) ||
            memcmp(draft_certificate(d, i)->sha1, d->issuing_ca, HASH_SHA1_SIZE) != 0)
            continue;
        if (found != DRAFT_NOBODY)
            return DRAFT_NOBODY;
        found = i;
    }
    return found;
}

static bool may_issue(const struct draft *d, unsigned entry)
{
    const struct model_certificate *cert = draft_certificate(d, entry);
    return cert->parsed && cert->x509.version >= 3 && cert->can_sign &&
           d->entry[entry].trust != TRUST_NO &&
           !prover_is_revoked(d->prover, d->model->entry[entry].certificate);
}

static void make_issuing(struct draft *d, unsigned entry, const char *why)
{
    if (!model_has_roles(d->model) || d->entry[entry].role == ROLE_ISSUING)
        return;
    d->entry[entry].role = ROLE_ISSUING;
    d->entry[entry].why_role = why;
}

static void promote(struct draft *d)
{
    if (d->mode != MODE_V3 && d->mode != MODE_V1V3)
        return;
    unsigned named = named_survivor(d);
    if (named != DRAFT_NOBODY && d->entry[named].role != ROLE_OWN && may_issue(d, named))
        make_issuing(d, named, "the settings name it as the issuing CA");
}

/* The surviving entry that holds the given certificate, in whatever encoding. */
static unsigned entry_holding(const struct draft *d, unsigned number)
{
    const struct model *m = d->model;
    for (unsigned i = 0; i < m->entries; i++)
        if (draft_stays(d, i) && draft_certificate(d, i)->parsed &&
            groups_equal(m, GROUP_SAME_CONTENT, m->entry[i].certificate, number))
            return i;
    return DRAFT_NOBODY;
}

/* The key of a new entry, which has to be behind all others; false: there is none. */
static bool free_key(const struct draft *d, int32_t *key)
{
    const struct model *m = d->model;
    int32_t last = m->entries ? m->entry[m->entries - 1].key : 0;
    if (last == INT32_MAX)
        return false;
    *key = last < 0 ? 1 : last + 1;
    return true;
}

/* --issuing-ca FILE gives a certificate that is not in the list: an entry is added. */
static bool add_given_ca(struct draft *d)
{
    const struct model *m = d->model;
    unsigned given = d->options->issuing_ca;
    for (unsigned i = 0; i < m->entries; i++)
        if (draft_stays(d, i) && draft_certificate(d, i)->parsed &&
            groups_equal(m, GROUP_IDENTITY, m->entry[i].certificate, given))
            return fault_set(d->fault, FAULT_UNSUPPORTED,
                             "--issuing-ca: entry %d holds another certificate with its issuer and "
                             "serial number",
                             m->entry[i].key);
    if (prover_is_revoked(d->prover, given))
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "--issuing-ca: a stored revocation list revokes this certificate");
    if (m->match == PROFILE_MATCHES_VALUE && (m->list_cut || m->second_list || m->list_missing))
        return fault_set(
            d->fault, FAULT_UNSUPPORTED,
            "--issuing-ca: the list value is missing, cut, or there twice; nothing can "
            "be added to it");
    if (!draft_choose_part(d, &d->added_part))
        return false;
    if (!free_key(d, &d->added_key))
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "--issuing-ca: the certificate needs an entry, and the last one has key "
                         "%d: there is no key behind it",
                         INT32_MAX);
    d->added_issuing = true;
    memcpy(d->issuing_ca, m->certificate[given].sha1, HASH_SHA1_SIZE);
    d->has_issuing_ca = true;
    return true;
}

/* --issuing-ca FILE: the entry that holds it issues; when there is none, one is added. */
static bool use_given_ca(struct draft *d)
{
    const struct model *m = d->model;
    const struct model_certificate *given = &m->certificate[d->options->issuing_ca];
    if (!given->parsed || given->x509.version < 3 || !given->can_sign)
        return fault_set(
            d->fault, FAULT_UNSUPPORTED,
            "--issuing-ca: expected an X.509 V3 certificate of a CA, found one of version "
            "%d that may %ssign certificates",
            given->parsed ? given->x509.version : 0, given->can_sign ? "" : "not ");
    bool switching = d->options->to != MODE_UNKNOWN;
    if (!switching &&
        (!m->has_issuing_ca || memcmp(given->sha1, m->issuing_ca, HASH_SHA1_SIZE) != 0))
        return fault_set(
            d->fault, FAULT_UNSUPPORTED,
            "--issuing-ca: the settings name another certificate as issuing CA; to switch "
            "to this one use kmmigrate migrate --to V3");
    unsigned entry = entry_holding(d, d->options->issuing_ca);
    if (entry == DRAFT_NOBODY)
        return add_given_ca(d);
    if (d->entry[entry].role == ROLE_OWN)
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "--issuing-ca: entry %d holds this certificate as the server's own",
                         m->entry[entry].key);
    if (!may_issue(d, entry))
        return fault_set(
            d->fault, FAULT_UNSUPPORTED,
            "--issuing-ca: entry %d holds this certificate, but it is untrusted or revoked",
            m->entry[entry].key);
    make_issuing(d, entry, "given as the issuing CA");
    memcpy(d->issuing_ca, draft_certificate(d, entry)->sha1, HASH_SHA1_SIZE);
    d->has_issuing_ca = true;
    return true;
}

/* After a switch only the CA that the settings name issues. */
static void retire_other_issuers(struct draft *d)
{
    unsigned named = named_survivor(d);
    for (unsigned i = 0; i < d->model->entries; i++)
        if (draft_stays(d, i) && i != named && d->entry[i].role == ROLE_ISSUING) {
            d->entry[i].role = ROLE_IMPORTED;
            d->entry[i].why_role = "another CA issues after the switch";
        }
}

/* ---- several certificates of one CA ---- */

static bool needs_v3(const struct draft *d)
{
    return d->mode == MODE_V3 || d->mode == MODE_V1V3;
}

static int compare_times(struct x509_time a, struct x509_time b)
{
    int64_t x = a.known ? a.seconds : INT64_MIN, y = b.known ? b.seconds : INT64_MIN;
    return (x > y) - (x < y);
}

/* Positive when a is the better one to stay active; the order is the contract's. */
int draft_compare_active(const struct draft *d, unsigned a, unsigned b)
{
    const struct model_certificate *x = draft_certificate(d, a), *y = draft_certificate(d, b);
    bool x_named = d->has_issuing_ca && memcmp(x->sha1, d->issuing_ca, HASH_SHA1_SIZE) == 0;
    bool y_named = d->has_issuing_ca && memcmp(y->sha1, d->issuing_ca, HASH_SHA1_SIZE) == 0;
    if (x_named != y_named)
        return x_named - y_named;
    if (needs_v3(d) && (x->x509.version >= 3) != (y->x509.version >= 3))
        return (x->x509.version >= 3) - (y->x509.version >= 3);
    if (x->can_sign != y->can_sign)
        return x->can_sign - y->can_sign;
    bool x_revoked = prover_is_revoked(d->prover, d->model->entry[a].certificate);
    bool y_revoked = prover_is_revoked(d->prover, d->model->entry[b].certificate);
    if (x_revoked != y_revoked)
        return y_revoked - x_revoked;
    int order = compare_times(x->x509.not_after, y->x509.not_after);
    if (order == 0)
        order = compare_times(x->x509.not_before, y->x509.not_before);
    if (order == 0)
        order = proof_algorithm_strength(&x->x509.envelope.algorithm) -
                proof_algorithm_strength(&y->x509.envelope.algorithm);
    return order ? order : -memcmp(x->sha256, y->sha256, sizeof x->sha256);
}

/* The active one of the group's survivors with that role; DRAFT_NOBODY when none has it. */
static unsigned choose_active(const struct draft *d, const struct group *group,
                              enum model_role role, unsigned *holders)
{
    unsigned active = DRAFT_NOBODY;
    *holders = 0;
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (!draft_stays(d, e) || d->entry[e].role != role)
            continue;
        ++*holders;
        if (active == DRAFT_NOBODY || draft_compare_active(d, e, active) > 0)
            active = e;
    }
    return active;
}

static void leave_one_active(struct draft *d, const struct group *group, enum model_role role)
{
    unsigned holders;
    unsigned active = choose_active(d, group, role, &holders);
    for (unsigned i = 0; holders > 1 && i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (e == active || !draft_stays(d, e) || d->entry[e].role != role || d->entry[e].why_left)
            continue;
        d->entry[e].role = ROLE_IMPORTED;
        d->entry[e].why_role = "another certificate of this CA keeps the role";
    }
}

static bool settle_cas(struct draft *d)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_CA))
        return draft_no_memory(d);
    while (groups_next(&groups, &group)) {
        leave_one_active(d, &group, ROLE_ISSUING);
        leave_one_active(d, &group, ROLE_OWN);
    }
    groups_close(&groups);
    return true;
}

bool draft_settle_issuing(struct draft *d)
{
    bool switching = d->options->to != MODE_UNKNOWN;
    if ((switching || d->options->has_issuing_ca) && d->model->doubtful_settings)
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "the settings are in doubt (see check), and are not written over");
    follow_setting(d);
    if (switching)
        d->mode = d->options->to;
    if (d->options->has_issuing_ca && !use_given_ca(d))
        return false;
    promote(d);
    if (switching)
        retire_other_issuers(d);
    return settle_cas(d);
}
