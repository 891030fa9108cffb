/*
 * The deduplicator: which entries of the list stay, which go, and what becomes of roles, trust and
 * references (design: "Resolving duplicates").
 *
 * Decisions are first drafted for every entry, then written down as actions where they differ from
 * what is. What cannot be decided safely keeps its entries as they are; the judge then finds the
 * problem still there.
 */
#include "migrate/judge/groups.h"
#include "migrate/decide/pins.h"
#include "migrate/decide/plan.h"

#include <stdlib.h>

/* What is to become of one entry. */
struct draft_entry {
    unsigned survivor; /* number of the entry that takes its place; its own: it stays */
    int32_t key;       /* of a survivor: its key in the new list */
    const char *why_dropped;
    bool superseded; /* dropped because --superseded=drop asked for it */
    enum model_role role;
    enum model_trust trust;
    const char *name;
    bool has_imported;
    double imported;
    struct bytes added_properties;
    const char *why_role;
};

struct draft {
    const struct model *model;
    struct prover *prover;
    const struct plan_options *options;
    struct plan *plan;
    struct fault *fault;
    struct draft_entry *entry;
    bool added_issuing; /* --issuing-ca FILE becomes a new entry */
    enum model_mode mode;
    bool has_issuing_ca;
    uint8_t issuing_ca[HASH_SHA1_SIZE]; /* as the setting is to be */
};

static const struct model_certificate *certificate(const struct draft *d, unsigned entry)
{
    return model_certificate_of(d->model, &d->model->entry[entry]);
}

static bool stays(const struct draft *d, unsigned entry)
{
    return d->entry[entry].survivor == entry;
}

static unsigned final_survivor(const struct draft *d, unsigned entry)
{
    while (!stays(d, entry))
        entry = d->entry[entry].survivor;
    return entry;
}

static bool open_draft(struct draft *d)
{
    const struct model *m = d->model;
    d->entry = calloc(m->entries + 1, sizeof *d->entry);
    if (d->entry == NULL)
        return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *e = &m->entry[i];
        d->entry[i] = (struct draft_entry){.survivor = i,
                                           .role = e->role,
                                           .trust = e->trust,
                                           .name = e->name,
                                           .has_imported = e->has_imported,
                                           .imported = e->imported};
    }
    d->mode = m->mode;
    d->has_issuing_ca = m->has_issuing_ca;
    memcpy(d->issuing_ca, m->issuing_ca, sizeof d->issuing_ca);
    return true;
}

/* ---- identical and re-encoded ---- */

/* Of two entries that hold the certificate that stays: role issuing, most references, lowest key.
 */
static bool better_entry(const struct model_entry *a, const struct model_entry *b)
{
    if ((a->role == ROLE_ISSUING) != (b->role == ROLE_ISSUING))
        return a->role == ROLE_ISSUING;
    if (a->reference_count != b->reference_count)
        return a->reference_count > b->reference_count;
    return a->key < b->key;
}

static unsigned choose_survivor(const struct draft *d, const struct group *group)
{
    unsigned best = group->entry[0];
    for (unsigned i = 1; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (certificate(d, e) != certificate(d, best)) {
            if (groups_better_encoding(certificate(d, e), certificate(d, best)))
                best = e;
        } else if (better_entry(&d->model->entry[e], &d->model->entry[best])) {
            best = e;
        }
    }
    return best;
}

/* What the administrator said about the trust of one of the group's entries. */
static bool trust_option(const struct draft *d, const struct group *group, enum model_trust *trust)
{
    for (unsigned k = 0; k < d->options->trusts; k++)
        for (unsigned i = 0; i < group->entries; i++)
            if (d->model->entry[group->entry[i]].key == d->options->trust[k].entry) {
                *trust = d->options->trust[k].yes ? TRUST_YES : TRUST_NO;
                return true;
            }
    return false;
}

/* Role and trust of a group put together.  False when nothing may be touched. */
static bool merge_standing(const struct draft *d, const struct group *group, enum model_role *role,
                           enum model_trust *trust)
{
    bool has[ROLE_IMPORTED + 1] = {false}, yes = false, no = false;
    for (unsigned i = 0; i < group->entries; i++) {
        const struct model_entry *e = &d->model->entry[group->entry[i]];
        has[e->role] = true;
        yes = yes || e->trust == TRUST_YES;
        no = no || e->trust == TRUST_NO;
    }
    if (has[ROLE_OWN] && has[ROLE_ISSUING])
        return false;
    bool active = has[ROLE_OWN] || has[ROLE_ISSUING];
    *role = has[ROLE_OWN]        ? ROLE_OWN
            : has[ROLE_ISSUING]  ? ROLE_ISSUING
            : has[ROLE_IMPORTED] ? ROLE_IMPORTED
                                 : ROLE_NONE;
    *trust = no ? TRUST_NO : yes ? TRUST_YES : TRUST_NULL;
    if (!(yes && no) || trust_option(d, group, trust))
        return true;
    return !active;
}

/* Puts the SST properties of a dropped copy that the survivor has not, behind the survivor's own.
 * One that it has with another value is named by the judge. */
static bool keep_properties(struct draft *d, unsigned survivor, unsigned dropped)
{
    struct draft_entry *to = &d->entry[survivor];
    struct buffer all = {0};
    struct sst_property property, own;
    size_t at = 0;
    buffer_add(&all, to->added_properties);
    while (sst_property_next(d->model->entry[dropped].properties, &at, &property)) {
        bool known = false;
        size_t k = 0;
        while (!known && sst_property_next(d->model->entry[survivor].properties, &k, &own))
            known = own.id == property.id;
        k = 0;
        while (!known && sst_property_next(to->added_properties, &k, &own))
            known = own.id == property.id;
        if (!known)
            buffer_add(&all, property.whole);
    }
    bool ok = !all.failed;
    if (ok && all.size > to->added_properties.size) {
        const void *kept = arena_copy(&d->plan->memory, buffer_bytes(&all));
        ok = kept != NULL;
        to->added_properties = bytes_of(kept, ok ? all.size : 0);
    }
    buffer_free(&all);
    return ok;
}

static bool earlier(const struct draft_entry *to, const struct model_entry *from)
{
    return from->has_imported && (!to->has_imported || from->imported < to->imported);
}

/* The survivor gets the earliest import time and, when it has no name, that of the first copy with
 * one. */
static void merge_origin(struct draft *d, unsigned survivor, unsigned dropped)
{
    struct draft_entry *to = &d->entry[survivor];
    const struct model_entry *from = &d->model->entry[dropped];
    if (earlier(to, from)) {
        to->has_imported = true;
        to->imported = from->imported;
    }
    if ((to->name == NULL || to->name[0] == '\0') && from->name && from->name[0])
        to->name = from->name;
}

static bool merge_group(struct draft *d, const struct group *group)
{
    enum model_role role;
    enum model_trust trust;
    if (!merge_standing(d, group, &role, &trust))
        return true;
    unsigned survivor = choose_survivor(d, group);
    struct draft_entry *to = &d->entry[survivor];
    to->role = role;
    to->trust = trust;
    to->why_role = "a copy of it had this role";
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (e == survivor)
            continue;
        merge_origin(d, survivor, e);
        d->entry[e].survivor = survivor;
        d->entry[e].why_dropped = certificate(d, e) == certificate(d, survivor)
                                      ? "identical"
                                      : "the same certificate in another encoding";
        if (!keep_properties(d, survivor, e))
            return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    }
    return true;
}

static bool merge_same_content(struct draft *d)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_SAME_CONTENT))
        return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    bool ok = true;
    while (ok && groups_next(&groups, &group))
        ok = merge_group(d, &group);
    groups_close(&groups);
    return ok;
}

/* ---- same identity, different content ---- */

static bool in_group(const struct group *group, unsigned entry)
{
    for (unsigned i = 0; i < group->entries; i++)
        if (group->entry[i] == entry)
            return true;
    return false;
}

/* What the issuer's keys that are known apart from the group say of a certificate: refuted only
 * when there is such a key, every one was checked, and none made it. */
static enum proof_answer ask_issuers(const struct draft *d, const struct group *group,
                                     unsigned entry)
{
    const struct model *m = d->model;
    const struct model_certificate *cert = certificate(d, entry);
    bool asked = false;
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *issuer = certificate(d, i);
        if (!issuer->parsed || in_group(group, i) ||
            !bytes_equal(issuer->x509.subject, cert->x509.issuer))
            continue;
        enum proof_answer answer =
            prover_check(d->prover, m->entry[i].certificate, &cert->x509.envelope).answer;
        if (answer != PROOF_REFUTED)
            return answer;
        asked = true;
    }
    return asked ? PROOF_REFUTED : PROOF_UNPROVABLE;
}

static bool same_ca(const struct model_certificate *a, const struct model_certificate *b)
{
    return memcmp(a->key_sha256, b->key_sha256, sizeof a->key_sha256) == 0 &&
           bytes_equal(a->x509.subject, b->x509.subject);
}

/* Only one is not refuted: the others go, if what refers to them can follow. */
static void resolve_identity(struct draft *d, const struct group *group)
{
    unsigned genuine = 0, count = 0;
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (!stays(d, e) || ask_issuers(d, group, e) == PROOF_REFUTED)
            continue;
        genuine = e;
        count++;
    }
    if (count != 1)
        return;
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (e == genuine || !stays(d, e))
            continue;
        /* Another key: every row that refers to it would have to be proved again; it stays. */
        if (d->model->entry[e].reference_count > 0 &&
            !same_ca(certificate(d, e), certificate(d, genuine)))
            continue;
        merge_origin(d, genuine, e);
        d->entry[e].survivor = genuine;
        d->entry[e].why_dropped = "its issuer's key refutes its signature";
    }
}

static bool resolve_identities(struct draft *d)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_IDENTITY))
        return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    while (groups_next(&groups, &group)) {
        unsigned distinct = 0;
        for (unsigned i = 0; i < group.entries; i++)
            distinct += stays(d, group.entry[i]);
        if (distinct > 1 && !groups_is_one(d->model, &group))
            resolve_identity(d, &group);
    }
    groups_close(&groups);
    return true;
}

/* ---- the issuing CA: settings, promotion, the switch ---- */

/* The setting may name, by its hash, an encoding that goes: then it is to name the one that stays.
 */
static void follow_setting(struct draft *d)
{
    bool named_stays = false;
    unsigned follow = UINT32_MAX;
    for (unsigned i = 0; d->has_issuing_ca && i < d->model->entries; i++) {
        if (memcmp(certificate(d, i)->sha1, d->issuing_ca, HASH_SHA1_SIZE) != 0)
            continue;
        unsigned survivor = final_survivor(d, i);
        named_stays = named_stays || certificate(d, survivor) == certificate(d, i);
        follow = survivor;
    }
    if (follow != UINT32_MAX && !named_stays)
        memcpy(d->issuing_ca, certificate(d, follow)->sha1, HASH_SHA1_SIZE);
}

/* The one surviving entry that the setting names; UINT32_MAX when there is none or more than one.
 */
static unsigned named_survivor(const struct draft *d)
{
    unsigned found = UINT32_MAX;
    for (unsigned i = 0; d->has_issuing_ca && i < d->model->entries; i++) {
        if (!stays(d, i) || memcmp(certificate(d, i)->sha1, d->issuing_ca, HASH_SHA1_SIZE) != 0)
            continue;
        if (found != UINT32_MAX)
            return UINT32_MAX;
        found = i;
    }
    return found;
}

static bool may_issue(const struct draft *d, unsigned entry)
{
    const struct model_certificate *cert = certificate(d, entry);
    return cert->parsed && cert->x509.version >= 3 && cert->can_sign &&
           d->entry[entry].trust != TRUST_NO &&
           !judge_is_revoked(d->model, d->prover, d->model->entry[entry].certificate);
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
    if (named != UINT32_MAX && d->entry[named].role != ROLE_OWN && may_issue(d, named))
        make_issuing(d, named, "the settings name it as the issuing CA");
}

/* The surviving entry that holds the given certificate, in whatever encoding. */
static unsigned entry_holding(const struct draft *d, unsigned number)
{
    const struct model *m = d->model;
    for (unsigned i = 0; i < m->entries; i++)
        if (stays(d, i) && certificate(d, i)->parsed &&
            groups_equal(m, GROUP_SAME_CONTENT, m->entry[i].certificate, number))
            return i;
    return UINT32_MAX;
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
        (!d->has_issuing_ca || memcmp(given->sha1, d->issuing_ca, HASH_SHA1_SIZE) != 0))
        return fault_set(
            d->fault, FAULT_UNSUPPORTED,
            "--issuing-ca: the settings name another certificate as issuing CA; to switch "
            "to this one use kmmigrate migrate --to V3");
    unsigned entry = entry_holding(d, d->options->issuing_ca);
    if (entry == UINT32_MAX) {
        d->added_issuing = true;
        memcpy(d->issuing_ca, given->sha1, HASH_SHA1_SIZE);
        d->has_issuing_ca = true;
        return true;
    }
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
    memcpy(d->issuing_ca, certificate(d, entry)->sha1, HASH_SHA1_SIZE);
    d->has_issuing_ca = true;
    return true;
}

/* After a switch only the CA that the settings name issues. */
static void retire_other_issuers(struct draft *d)
{
    unsigned named = named_survivor(d);
    for (unsigned i = 0; i < d->model->entries; i++)
        if (stays(d, i) && i != named && d->entry[i].role == ROLE_ISSUING) {
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
static int compare_active(const struct draft *d, unsigned a, unsigned b)
{
    const struct model_certificate *x = certificate(d, a), *y = certificate(d, b);
    bool x_named = d->has_issuing_ca && memcmp(x->sha1, d->issuing_ca, HASH_SHA1_SIZE) == 0;
    bool y_named = d->has_issuing_ca && memcmp(y->sha1, d->issuing_ca, HASH_SHA1_SIZE) == 0;
    if (x_named != y_named)
        return x_named - y_named;
    if (needs_v3(d) && (x->x509.version >= 3) != (y->x509.version >= 3))
        return (x->x509.version >= 3) - (y->x509.version >= 3);
    if (x->can_sign != y->can_sign)
        return x->can_sign - y->can_sign;
    bool x_revoked = judge_is_revoked(d->model, d->prover, d->model->entry[a].certificate);
    bool y_revoked = judge_is_revoked(d->model, d->prover, d->model->entry[b].certificate);
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

/* The active one of the group's survivors with that role; UINT32_MAX when none has it. */
static unsigned choose_active(const struct draft *d, const struct group *group,
                              enum model_role role, unsigned *holders)
{
    unsigned active = UINT32_MAX;
    *holders = 0;
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (!stays(d, e) || d->entry[e].role != role)
            continue;
        ++*holders;
        if (active == UINT32_MAX || compare_active(d, e, active) > 0)
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
        if (e == active || !stays(d, e) || d->entry[e].role != role)
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
        return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    while (groups_next(&groups, &group)) {
        leave_one_active(d, &group, ROLE_ISSUING);
        leave_one_active(d, &group, ROLE_OWN);
    }
    groups_close(&groups);
    return true;
}

/* ---- superseded certificates, with --superseded=drop ---- */

/* The number of a listed certificate of the issuer whose key made this one; UINT32_MAX: none is
 * known. */
static unsigned proven_issuer(const struct draft *d, unsigned entry)
{
    const struct model *m = d->model;
    for (unsigned i = 0; i < m->entries; i++)
        if (certificate(d, i)->parsed &&
            bytes_equal(certificate(d, i)->x509.subject, certificate(d, entry)->x509.issuer) &&
            prover_check(d->prover, m->entry[i].certificate, &certificate(d, entry)->x509.envelope)
                    .answer == PROOF_PROVEN)
            return m->entry[i].certificate;
    return UINT32_MAX;
}

/* A reissue: besides subject and key, the issuer's key is the same, and proven. */
static bool is_reissue(const struct draft *d, unsigned a, unsigned b)
{
    unsigned x = proven_issuer(d, a), y = proven_issuer(d, b);
    return x != UINT32_MAX && y != UINT32_MAX &&
           memcmp(d->model->certificate[x].key_sha256, d->model->certificate[y].key_sha256,
                  HASH_SHA256_SIZE) == 0;
}

static unsigned best_of(const struct draft *d, const struct group *group)
{
    unsigned best = UINT32_MAX;
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        bool active = d->entry[e].role == ROLE_ISSUING || d->entry[e].role == ROLE_OWN;
        if (!stays(d, e))
            continue;
        if (active)
            return e;
        if (best == UINT32_MAX || compare_active(d, e, best) > 0)
            best = e;
    }
    return best;
}

static bool find_superseded(struct draft *d, int32_t *active)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_CA))
        return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    while (groups_next(&groups, &group)) {
        unsigned best = best_of(d, &group);
        for (unsigned i = 0; best != UINT32_MAX && i < group.entries; i++) {
            unsigned e = group.entry[i];
            bool active_role = d->entry[e].role == ROLE_ISSUING || d->entry[e].role == ROLE_OWN;
            if (e != best && stays(d, e) && !active_role && is_reissue(d, e, best))
                active[e] = (int32_t)best;
        }
    }
    groups_close(&groups);
    return true;
}

static bool drop_superseded(struct draft *d)
{
    unsigned entries = d->model->entries;
    int32_t *active = malloc((entries + 1) * sizeof *active);
    bool *pinned = calloc(entries + 1, sizeof *pinned);
    bool ok = active != NULL && pinned != NULL;
    if (!ok)
        fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
    for (unsigned i = 0; ok && i < entries; i++)
        active[i] = PINS_NO_ACTIVE;
    ok = ok && find_superseded(d, active);
    if (ok)
        pins_find(d->model, active, pinned);
    for (unsigned i = 0; ok && i < entries; i++) {
        /* Copies of the certificate were merged into this entry: what pins one of them pins it. */
        for (unsigned k = 0; active[i] != PINS_NO_ACTIVE && k < entries && !pinned[i]; k++)
            pinned[i] =
                k != i && final_survivor(d, k) == i && d->model->entry[k].reference_count > 0;
        if (active[i] == PINS_NO_ACTIVE || pinned[i])
            continue;
        merge_origin(d, (unsigned)active[i], i);
        d->entry[i].survivor = (unsigned)active[i];
        d->entry[i].superseded = true;
        d->entry[i].why_dropped = "superseded by another certificate of the same CA";
    }
    free(active);
    free(pinned);
    return ok;
}

/* ---- writing the draft down ---- */

/* Why of two entries this one stays, in the words of the rule that decided. */
static const char *why_it_stays(const struct draft *d, unsigned dropped, unsigned survivor)
{
    const struct model_entry *a = &d->model->entry[survivor], *b = &d->model->entry[dropped];
    const struct model_certificate *x = certificate(d, survivor), *y = certificate(d, dropped);
    if (d->entry[dropped].superseded)
        return "it is the active one";
    if (x != y && !groups_equal(d->model, GROUP_SAME_CONTENT, a->certificate, b->certificate))
        return "it is not refuted";
    if (x != y)
        return x->is_der != y->is_der ? "its encoding is strict DER"
                                      : "its SHA-256 is the smaller one";
    if (a->role == ROLE_ISSUING && b->role != ROLE_ISSUING)
        return "it is issuing";
    return a->reference_count != b->reference_count ? "more rows refer to it"
                                                    : "its key is the lower one";
}

static void add_drop(struct draft *d, unsigned i)
{
    unsigned survivor = final_survivor(d, i);
    bool lost = certificate(d, i) != certificate(d, survivor);
    plan_add(d->plan, &(struct action){.kind = ACTION_DROP_ENTRY,
                                       .entry = d->model->entry[i].key,
                                       .twin = d->model->entry[i].twin,
                                       .other = d->model->entry[survivor].key,
                                       .certificate = d->model->entry[i].certificate,
                                       .text = why_it_stays(d, i, survivor),
                                       .quarantine = lost,
                                       .optional = d->entry[i].superseded,
                                       .why = d->entry[i].why_dropped});
}

static void add_changes(struct draft *d, unsigned i)
{
    const struct model_entry *e = &d->model->entry[i];
    const struct draft_entry *to = &d->entry[i];
    const struct model_certificate *cert = certificate(d, i);
    struct action base = {.entry = e->key, .twin = e->twin, .certificate = e->certificate};
    struct action a = base;
    a.kind = ACTION_SET_ROLE;
    a.role = to->role;
    a.why = to->why_role;
    if (to->role != e->role)
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_SET_TRUST;
    a.optional = true;
    a.trust = to->trust;
    a.why = to->trust == TRUST_NO ? "a copy of it was untrusted" : "a copy of it was trusted";
    if (to->trust != e->trust)
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_SET_NAME;
    a.optional = true;
    a.text = to->name;
    a.why = "a copy of it had this name";
    if (to->name != e->name)
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_SET_IMPORTED;
    a.optional = true;
    a.days = to->imported;
    a.why = "a copy of it was imported earlier";
    if (to->has_imported != e->has_imported || (to->has_imported && to->imported < e->imported))
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_SET_THUMBPRINT;
    a.value = bytes_of(cert->sha1, sizeof cert->sha1);
    a.why = "it is not the certificate's";
    if (cert->parsed && e->has_thumbprint && !bytes_equal(e->thumbprint, a.value))
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_ADD_PROPERTIES;
    a.optional = true;
    a.value = to->added_properties;
    a.why = "a copy of it had these properties";
    if (to->added_properties.size > 0)
        plan_add(d->plan, &a);
}

static void add_new_entry(struct draft *d)
{
    const struct model *m = d->model;
    int32_t last = m->entries ? m->entry[m->entries - 1].key : 0;
    plan_add(d->plan, &(struct action){.kind = ACTION_ADD_ENTRY,
                                       .entry = last + 1,
                                       .certificate = d->options->issuing_ca,
                                       .role = ROLE_ISSUING,
                                       .trust = TRUST_YES,
                                       .why = "given as the issuing CA"});
}

/* The key by which a surviving entry is named afterwards: in a list value positions shift. */
static void number_survivors(struct draft *d)
{
    int32_t position = 0;
    for (unsigned i = 0; i < d->model->entries; i++)
        if (stays(d, i))
            d->entry[i].key =
                d->model->match == PROFILE_MATCHES_VALUE ? ++position : d->model->entry[i].key;
}

static void add_moves(struct draft *d)
{
    const struct model *m = d->model;
    for (unsigned i = 0; i < m->entries; i++)
        for (unsigned r = 0; r < m->profile->references; r++) {
            int32_t to = d->entry[final_survivor(d, i)].key;
            if (m->entry[i].references[r] > 0 && to != m->entry[i].key)
                plan_add(d->plan,
                         &(struct action){.kind = ACTION_MOVE_REFERENCES,
                                          .entry = m->entry[i].key,
                                          .other = to,
                                          .reference = r,
                                          .count = m->entry[i].references[r],
                                          .why = stays(d, i) ? "its position in the list shifts"
                                                             : "same name, same key"});
        }
}

/* Reads what a dangling row holds, as certificate or revocation list. */
static bool signed_by_whom(const struct draft *d, const struct model_dangling *row,
                           struct x509_signed *envelope, struct bytes *issuer)
{
    struct x509_certificate cert;
    struct x509_crl crl;
    if (d->model->profile->reference[row->reference].crl) {
        if (!x509_crl_read(row->signed_object, &crl, NULL))
            return false;
        *envelope = crl.envelope;
        *issuer = crl.issuer;
        return true;
    }
    if (!x509_certificate_read(row->signed_object, &cert, NULL))
        return false;
    *envelope = cert.envelope;
    *issuer = cert.issuer;
    return true;
}

/* A dangling row is moved when exactly one trusted entry has the issuer's name and proves the
 * signature. */
static void add_dangling_moves(struct draft *d)
{
    const struct model *m = d->model;
    for (unsigned k = 0; k < m->dangling_kept; k++) {
        const struct model_dangling *row = &m->dangling[k];
        struct x509_signed envelope;
        struct bytes issuer;
        unsigned found = UINT32_MAX, count = 0;
        if (!signed_by_whom(d, row, &envelope, &issuer))
            continue;
        for (unsigned i = 0; i < m->entries; i++) {
            if (!stays(d, i) || d->entry[i].trust == TRUST_NO || !certificate(d, i)->parsed ||
                !bytes_equal(certificate(d, i)->x509.subject, issuer) ||
                prover_check(d->prover, m->entry[i].certificate, &envelope).answer != PROOF_PROVEN)
                continue;
            found = i;
            count++;
        }
        if (count == 1)
            plan_add(d->plan, &(struct action){.kind = ACTION_MOVE_REFERENCE,
                                               .entry = row->names,
                                               .other = d->entry[found].key,
                                               .reference = row->reference,
                                               .row = row->row,
                                               .count = 1,
                                               .why = "this entry's key proves the signature"});
    }
}

static bool add_settings(struct draft *d)
{
    const struct model *m = d->model;
    if (d->has_issuing_ca &&
        (!m->has_issuing_ca || memcmp(d->issuing_ca, m->issuing_ca, HASH_SHA1_SIZE) != 0)) {
        const void *kept = arena_copy(&d->plan->memory, bytes_of(d->issuing_ca, HASH_SHA1_SIZE));
        if (kept == NULL)
            return fault_set(d->fault, FAULT_NO_MEMORY, "out of memory for the plan");
        plan_add(d->plan,
                 &(struct action){.kind = ACTION_SET_ISSUING_CA,
                                  .value = bytes_of(kept, HASH_SHA1_SIZE),
                                  .why = d->options->to != MODE_UNKNOWN
                                             ? "the switch asked for"
                                             : "it is the thumbprint of the one that stays"});
    }
    if (d->mode != m->mode)
        plan_add(d->plan, &(struct action){.kind = ACTION_SET_MODE,
                                           .mode = d->mode,
                                           .why = "the switch asked for"});
    return true;
}

static bool write_down(struct draft *d)
{
    for (unsigned i = 0; i < d->model->entries; i++) {
        if (stays(d, i))
            add_changes(d, i);
        else
            add_drop(d, i);
    }
    if (d->added_issuing)
        add_new_entry(d);
    number_survivors(d);
    add_moves(d);
    add_dangling_moves(d);
    return add_settings(d);
}

bool dedup_decide(struct plan *plan, const struct model *model, struct prover *prover,
                  const struct plan_options *options, struct fault *f)
{
    struct draft d = {
        .model = model, .prover = prover, .options = options, .plan = plan, .fault = f};
    bool ok = open_draft(&d) && merge_same_content(&d) && resolve_identities(&d);
    if (ok)
        follow_setting(&d);
    if (ok && options->to != MODE_UNKNOWN)
        d.mode = options->to;
    if (ok && options->has_issuing_ca)
        ok = use_given_ca(&d);
    if (ok)
        promote(&d);
    if (ok && options->to != MODE_UNKNOWN)
        retire_other_issuers(&d);
    ok = ok && settle_cas(&d) && (!options->drop_superseded || drop_superseded(&d)) &&
         write_down(&d);
    free(d.entry);
    return ok;
}
