/*
 * Copies of one certificate, and different certificates of one identity: which stay (design:
 * "Resolving duplicates", 1, 2, 4 and 5).
 *
 * What cannot be decided safely keeps its entries as they are; the judge then finds the problem
 * still there.  A certificate whose signature is refuted hands on nothing: neither role, trust,
 * name nor time.
 */
#include "migrate/decide/draft.h"
#include "migrate/judge/properties.h"

#include <stdlib.h>

/* ---- decisions ---- */

/* Notes that the decisions about these entries had something to decide. */
static void use_decisions(struct draft *d, const struct group *group)
{
    const struct plan_options *o = d->options;
    for (unsigned i = 0; i < group->entries && o->keeps + o->drops > 0; i++) {
        int32_t key = d->model->entry[group->entry[i]].key;
        for (unsigned k = 0; k < o->keeps; k++)
            d->keep_used[k] = d->keep_used[k] || o->keep[k] == key;
        for (unsigned k = 0; k < o->drops; k++)
            d->drop_used[k] = d->drop_used[k] || o->drop[k] == key;
    }
}

/* What the administrator said about the trust of one of the group's entries. */
static bool trust_option(struct draft *d, const struct group *group, enum model_trust *trust)
{
    bool found = false;
    for (unsigned k = 0; k < d->options->trusts; k++)
        for (unsigned i = 0; i < group->entries; i++)
            if (d->model->entry[group->entry[i]].key == d->options->trust[k].entry) {
                enum model_trust said = d->options->trust[k].yes ? TRUST_YES : TRUST_NO;
                if (found && said != *trust)
                    d->trust_contrary = k + 1;
                *trust = said;
                d->trust_used[k] = found = true;
            }
    return found;
}

/* "--trust 2", when it decided about one of the group's entries. */
static const char *why_trust(struct draft *d, const struct group *group)
{
    for (unsigned k = 0; k < d->options->trusts; k++)
        for (unsigned i = 0; i < group->entries && d->trust_used[k]; i++)
            if (d->model->entry[group->entry[i]].key == d->options->trust[k].entry)
                return draft_option(d, "--trust", d->options->trust[k].entry);
    return NULL;
}

static void leave(struct draft *d, const struct group *group, const char *why)
{
    for (unsigned i = 0; i < group->entries; i++)
        d->entry[group->entry[i]].why_left = why;
}

/* ---- role and trust ---- */

/* The one that is own is refuted, a broken copy, and hands on nothing. */
static const char own_would_go[] =
    "the server would lose its own CA; --keep says which entry that is to be";

/* Role and trust of the group's entries put together, those that are `out` left out.  Returns why
 * nothing may be touched; NULL: it may. */
static const char *merge_standing(struct draft *d, const struct group *group, const bool *out,
                                  unsigned survivor, enum model_role *role, enum model_trust *trust)
{
    bool has[ROLE_UNKNOWN + 1] = {false}, yes = false, no = false, out_own = false;
    for (unsigned i = 0; i < group->entries; i++) {
        const struct draft_entry *e = &d->entry[group->entry[i]];
        out_own = out_own || (out[i] && e->role == ROLE_OWN);
        if (out[i])
            continue;
        has[e->role] = true;
        yes = yes || e->trust == TRUST_YES;
        no = no || e->trust == TRUST_NO;
    }
    bool kept = d->entry[survivor].keep;
    if (has[ROLE_UNKNOWN])
        return "one of the entries has a role that is not known";
    if (has[ROLE_OWN] && has[ROLE_ISSUING] && !kept)
        return "one is own and another issuing; --keep says which of the two";
    if (out_own && !has[ROLE_OWN] && !kept)
        return own_would_go;
    bool active = has[ROLE_OWN] || has[ROLE_ISSUING];
    *role = has[ROLE_OWN] && has[ROLE_ISSUING] ? d->entry[survivor].role
            : has[ROLE_OWN]                    ? ROLE_OWN
            : has[ROLE_ISSUING]                ? ROLE_ISSUING
            : has[ROLE_IMPORTED]               ? ROLE_IMPORTED
                                               : ROLE_NONE;
    *trust = no ? TRUST_NO : yes ? TRUST_YES : TRUST_NULL;
    if (!(yes && no) || trust_option(d, group, trust) || !active)
        return NULL;
    return "they disagree on trust; --trust ENTRY=yes|no decides that";
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

/* A column whose meaning nobody has said may refer to it. */
static bool is_named(const struct draft *d, unsigned entry)
{
    return d->options->residue && residue_names(d->options->residue, entry);
}

/* Does a reference name it that cannot be moved? */
static bool is_named_for_good(const struct draft *d, unsigned entry)
{
    const struct model_entry *e = &d->model->entry[entry];
    for (unsigned r = 0; r < d->model->profile->references; r++)
        if (d->fixed[r] && e->references[r] > 0)
            return true;
    return false;
}

/* Does a reference name it that can name no entry of another part of the list? */
static bool is_bound(const struct draft *d, unsigned entry)
{
    const struct model_entry *e = &d->model->entry[entry];
    for (unsigned r = 0; r < d->model->profile->references; r++)
        if (d->model->profile->reference[r].list > 0 && e->references[r] > 0)
            return true;
    return false;
}

/* Of copies in different parts of the list the one stays that is where its role has a place: which
 * part an entry is in may say as much as its role.  A value is left with an entry in it. */
static int rank_in_parts(const struct draft *d, unsigned entry)
{
    const struct model *m = d->model;
    const struct model_entry *e = &m->entry[entry];
    bool active = e->role == ROLE_OWN || e->role == ROLE_ISSUING;
    bool last = m->match == PROFILE_MATCHES_VALUE && m->value[e->part].entries == 1;
    return 4 * is_bound(d, entry) + 2 * active + last;
}

/* Of two entries with copies of one certificate, is a the one that stays?  What the administrator
 * decided comes first; then the one that need not be asked about. */
static bool better_copy(const struct draft *d, unsigned a, unsigned b)
{
    const struct draft_entry *x = &d->entry[a], *y = &d->entry[b];
    const struct model *m = d->model;
    if (x->drop != y->drop)
        return y->drop;
    if (x->keep != y->keep)
        return x->keep;
    if (m->entry[a].certificate != m->entry[b].certificate)
        return prover_better(d->prover, m->entry[a].certificate, m->entry[b].certificate);
    bool a_named = is_named(d, a), b_named = is_named(d, b);
    if (is_named_for_good(d, a) != is_named_for_good(d, b))
        return is_named_for_good(d, a);
    if (m->entry[a].part != m->entry[b].part && rank_in_parts(d, a) != rank_in_parts(d, b))
        return rank_in_parts(d, a) > rank_in_parts(d, b);
    if (a_named != b_named && !draft_has_fixed_role(d, a) && !draft_has_fixed_role(d, b))
        return a_named; /* it can take the other's role */
    return better_entry(&m->entry[a], &m->entry[b]);
}

static unsigned choose_survivor(const struct draft *d, const struct group *group)
{
    unsigned best = group->entry[0];
    for (unsigned i = 1; i < group->entries; i++)
        if (better_copy(d, group->entry[i], best))
            best = group->entry[i];
    return best;
}

/* Those of the properties, which are the survivor's and then the dropped copies', that the survivor
 * is to get: the first of each id that it has not itself. */
static void choose_properties(struct properties *all, unsigned survivor)
{
    size_t chosen = 0;
    properties_by_id(all);
    for (size_t i = 0, first = 0; i < all->count; i++) {
        if (all->at[i].property.id != all->at[first].property.id)
            first = i;
        if (i == first && all->at[i].entry != survivor)
            all->at[chosen++] = all->at[i];
    }
    all->count = chosen;
    properties_by_order(all);
}

/* Puts the SST properties of the dropped copies that the survivor has not, behind the survivor's
 * own.  One that it has with another value is named by the judge.  out as for merge_into(). */
static bool keep_properties(struct draft *d, const struct group *group, unsigned survivor,
                            const bool *out)
{
    struct properties all = {0};
    struct buffer added = {0};
    bool ok = properties_add(&all, d->model, survivor);
    for (unsigned i = 0; i < group->entries && ok; i++)
        if (group->entry[i] != survivor && !out[i])
            ok = properties_add(&all, d->model, group->entry[i]);
    if (ok)
        choose_properties(&all, survivor);
    for (size_t i = 0; i < all.count && ok; i++)
        ok = buffer_add(&added, all.at[i].property.whole);
    if (ok && added.size > 0) {
        const void *kept = arena_copy(&d->plan->memory, buffer_bytes(&added));
        ok = kept != NULL;
        d->entry[survivor].added_properties = bytes_of(kept, ok ? added.size : 0);
    }
    buffer_free(&added);
    properties_free(&all);
    return ok;
}

static enum proof_answer standing(const struct draft *d, unsigned entry)
{
    return prover_standing(d->prover, d->model->entry[entry].certificate, false);
}

static const char *why_copy_goes(const struct draft *d, unsigned dropped, unsigned survivor)
{
    if (draft_certificate(d, dropped) == draft_certificate(d, survivor))
        return "identical";
    return standing(d, dropped) == PROOF_REFUTED && standing(d, survivor) != PROOF_REFUTED
               ? "the same certificate with a signature that its issuer's key refutes"
               : "the same certificate in another encoding";
}

/* Why it stays, when no rule of better_entry() decided. */
static const char *why_copy_stays(struct draft *d, unsigned dropped, unsigned survivor)
{
    const struct model_certificate *x = draft_certificate(d, survivor),
                                   *y = draft_certificate(d, dropped);
    if (d->entry[survivor].keep)
        return draft_option(d, "--keep", d->model->entry[survivor].key);
    if (d->entry[dropped].drop)
        return draft_option(d, "--drop", d->model->entry[dropped].key);
    if (x == y && is_named_for_good(d, survivor) && !is_named_for_good(d, dropped))
        return "rows refer to it that cannot be moved";
    if (x == y && d->model->entry[dropped].part != d->model->entry[survivor].part &&
        rank_in_parts(d, survivor) > rank_in_parts(d, dropped))
        return is_bound(d, survivor) ? "rows refer to it that can name no other part of the list"
               : d->model->match == PROFILE_MATCHES_VALUE   ? "its value would be empty without it"
               : d->model->entry[survivor].role == ROLE_OWN ? "it is own"
                                                            : "it is issuing";
    if (x == y)
        return NULL;
    if (standing(d, survivor) != standing(d, dropped))
        return standing(d, survivor) == PROOF_PROVEN ? "its signature is proven"
                                                     : "its signature is not refuted";
    return x->is_der != y->is_der ? "its encoding is strict DER" : "its SHA-256 is the smaller one";
}

/* Does an entry have behind it what stands behind the end of its list's value?  It may be more of
 * the list, and goes with no certificate. */
static bool holds_tail(const struct draft *d, unsigned entry)
{
    const struct model *m = d->model;
    const struct model_value *v = &m->value[m->entry[entry].part];
    return m->match == PROFILE_MATCHES_VALUE && m->list_tail && v->kind == CERTLIST_DER &&
           entry + 1 == v->first + v->entries &&
           draft_certificate(d, entry)->x509.envelope.trailing.size > 0;
}

/* Which doubt forbids to touch the group?  NULL: none. */
static const char *doubt_of(const struct draft *d, const struct group *group, unsigned survivor)
{
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (d->entry[e].ambiguous)
            return "rows refer to a key that another CA's entry has, too";
        if (e != survivor && holds_tail(d, e))
            return "what stands behind the end of the list would go with it";
        if (d->model->doubtful_settings &&
            draft_certificate(d, e) != draft_certificate(d, survivor))
            return "it is not known which of the certificates the settings name";
    }
    return NULL;
}

/* Can the survivor, where it is, take what the others hand on: their role, that they are not
 * trusted, and the references to them? */
static bool can_take(const struct draft *d, const struct group *group, unsigned survivor,
                     enum model_role role, enum model_trust *trust)
{
    const struct model *m = d->model;
    const struct model_entry *to = &m->entry[survivor];
    if (m->match != PROFILE_MATCHES_ROWS)
        return true;
    if (role != to->role && draft_has_fixed_role(d, survivor))
        return false;
    if (*trust != to->trust && !roles_tell_trust(draft_list(d, survivor))) {
        if (*trust == TRUST_NO)
            return false;
        *trust = to->trust; /* its part of the list says nothing of trust */
    }
    for (unsigned i = 0; i < group->entries; i++)
        if (m->entry[group->entry[i]].part != to->part && is_bound(d, group->entry[i]))
            return false;
    return true;
}

/* Merges the group into its survivor; out[i]: the i-th is refuted, and hands on nothing. */
static bool merge_into(struct draft *d, const struct group *group, unsigned survivor,
                       const bool *out)
{
    enum model_role role;
    enum model_trust trust;
    const char *why = doubt_of(d, group, survivor);
    if (why == NULL)
        why = merge_standing(d, group, out, survivor, &role, &trust);
    if (why == NULL && !can_take(d, group, survivor, role, &trust))
        why =
            "the one that would stay cannot take role, trust or references in its part of the list";
    if (why) {
        leave(d, group, why);
        return true;
    }
    use_decisions(d, group);
    struct draft_entry *to = &d->entry[survivor];
    to->role = role;
    to->trust = trust;
    to->why_role = d->entry[survivor].keep ? "a copy of it had this role, and --keep names it"
                                           : "a copy of it had this role";
    to->why_trust = why_trust(d, group);
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        if (e == survivor)
            continue;
        d->entry[e].why_stays = why_copy_stays(d, e, survivor);
        draft_drop(d, e, survivor, why_copy_goes(d, e, survivor));
        if (!out[i])
            draft_merge_origin(d, survivor, e);
    }
    return keep_properties(d, group, survivor, out) || draft_no_memory(d);
}

static bool merge_group(struct draft *d, const struct group *group)
{
    unsigned survivor = choose_survivor(d, group);
    bool *out = calloc(group->entries, sizeof *out);
    if (out == NULL)
        return draft_no_memory(d);
    for (unsigned i = 0; i < group->entries && standing(d, survivor) != PROOF_REFUTED; i++)
        out[i] = standing(d, group->entry[i]) == PROOF_REFUTED;
    bool ok = merge_into(d, group, survivor, out);
    if (ok && d->entry[survivor].drop && !d->entry[survivor].why_left)
        ok = fault_set(d->fault, FAULT_MISSING,
                       "--drop %d: of the copies of one certificate one has to stay",
                       d->model->entry[survivor].key);
    free(out);
    return ok;
}

bool draft_merge_copies(struct draft *d)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_SAME_CONTENT))
        return draft_no_memory(d);
    bool ok = true;
    while (ok && groups_next(&groups, &group))
        ok = merge_group(d, &group);
    groups_close(&groups);
    return ok;
}

/* ---- same identity, different content ---- */

/* The entries of one identity that stay so far, and which of them are to go. */
struct rivals {
    struct group group;
    unsigned *entry;
    bool *goes;   /* as entry */
    bool *out;    /* goes because it is refuted, or dropped by hand: it hands on nothing */
    bool decided; /* the administrator said something about one of them */
};

static bool same_content(const struct draft *d, unsigned a, unsigned b)
{
    return groups_equal(d->model, GROUP_SAME_CONTENT, d->model->entry[a].certificate,
                        d->model->entry[b].certificate);
}

static bool same_ca(const struct draft *d, unsigned a, unsigned b)
{
    return groups_equal(d->model, GROUP_CA, d->model->entry[a].certificate,
                        d->model->entry[b].certificate);
}

/* The one certificate of those that do not go, as its first entry, or the one to be kept;
 * DRAFT_NOBODY when there are several.  *left: one of them all. */
static unsigned only_one_left(const struct draft *d, const struct rivals *r, unsigned *left)
{
    *left = DRAFT_NOBODY;
    for (unsigned i = 0; i < r->group.entries; i++) {
        if (r->goes[i])
            continue;
        if (*left != DRAFT_NOBODY && !same_content(d, r->entry[i], *left))
            return DRAFT_NOBODY;
        if (*left == DRAFT_NOBODY || d->entry[r->entry[i]].keep)
            *left = r->entry[i];
    }
    return *left;
}

/* --drop takes its entries out; --keep all others of the identity. */
static bool follow_decisions(struct draft *d, struct rivals *r)
{
    unsigned kept = DRAFT_NOBODY, left;
    for (unsigned i = 0; i < r->group.entries; i++) {
        const struct draft_entry *e = &d->entry[r->entry[i]];
        r->decided = r->decided || e->keep || e->drop;
        if (e->drop)
            r->goes[i] = r->out[i] = true;
        if (e->keep && kept != DRAFT_NOBODY && !same_content(d, kept, r->entry[i]))
            return fault_set(d->fault, FAULT_MISSING,
                             "--keep %d and --keep %d: they have one issuer and serial number, and "
                             "one of them has to go",
                             d->model->entry[kept].key, d->model->entry[r->entry[i]].key);
        if (e->keep)
            kept = r->entry[i];
    }
    for (unsigned i = 0; i < r->group.entries && kept != DRAFT_NOBODY; i++)
        r->goes[i] = r->goes[i] || !same_content(d, kept, r->entry[i]);
    only_one_left(d, r, &left);
    if (left == DRAFT_NOBODY)
        return fault_set(d->fault, FAULT_MISSING,
                         "--drop %d: of the certificates of one identity one has to stay",
                         d->model->entry[r->entry[0]].key);
    return true;
}

/* What the keys that are known apart from the identity refute goes, when it leaves one. */
static void drop_refuted(struct draft *d, struct rivals *r)
{
    unsigned left;
    bool any = false;
    if (only_one_left(d, r, &left) != DRAFT_NOBODY)
        return;
    bool *before = calloc(r->group.entries, sizeof *before);
    if (before == NULL) {
        d->plan->no_memory = true;
        return;
    }
    memcpy(before, r->goes, r->group.entries * sizeof *before);
    for (unsigned i = 0; i < r->group.entries; i++)
        if (!r->goes[i] && prover_standing(d->prover, d->model->entry[r->entry[i]].certificate,
                                           true) == PROOF_REFUTED)
            r->goes[i] = r->out[i] = any = true;
    if (any && only_one_left(d, r, &left) == DRAFT_NOBODY)
        for (unsigned i = 0; i < r->group.entries; i++)
            if (!before[i])
                r->goes[i] = r->out[i] = false;
    free(before);
}

/* An entry goes only when what refers to it can follow: to the one that is left, under one key.
 * One that must not go although it was decided is an error. */
static bool can_follow(struct draft *d, const struct rivals *r, unsigned i, unsigned only)
{
    unsigned e = r->entry[i];
    if (d->entry[e].references == 0 || (only != DRAFT_NOBODY && same_ca(d, e, only)))
        return true;
    if (!r->decided)
        return false;
    fault_set(d->fault, FAULT_UNSUPPORTED,
              "entry %d cannot be dropped: %llu rows refer to it, and %s", d->model->entry[e].key,
              (unsigned long long)d->entry[e].references,
              only != DRAFT_NOBODY ? "the entry that stays has another key"
                                   : "several entries stay; --keep says which takes its place");
    return false;
}

static bool out_of_own(const struct draft *d, const struct rivals *r, unsigned survivor)
{
    for (unsigned i = 0; i < r->group.entries; i++)
        if (r->goes[i] && r->out[i] && d->entry[r->entry[i]].role == ROLE_OWN &&
            d->entry[survivor].role != ROLE_OWN && !d->entry[r->entry[i]].drop)
            return true;
    return false;
}

/* Gives the one that stays what those had that go; those that are out hand on nothing. */
static bool hand_on(struct draft *d, const struct rivals *r, unsigned survivor)
{
    enum model_role role;
    enum model_trust trust;
    bool *out = malloc(r->group.entries * sizeof *out), any = false;
    if (out == NULL)
        return draft_no_memory(d);
    for (unsigned i = 0; i < r->group.entries; i++) {
        out[i] = r->out[i] || (!r->goes[i] && r->entry[i] != survivor);
        any = any || (r->goes[i] && !r->out[i]);
    }
    bool ok = true;
    if (any) {
        struct draft_entry *to = &d->entry[survivor];
        ok = merge_standing(d, &r->group, out, survivor, &role, &trust) == NULL ||
             fault_set(d->fault, FAULT_UNSUPPORTED,
                       "--keep %d: the entries of this identity disagree on trust or have roles "
                       "that cannot be put together; --trust %d=yes|no decides on trust",
                       d->model->entry[survivor].key, d->model->entry[survivor].key);
        if (ok) {
            to->role = role;
            to->trust = trust;
            to->why_trust = why_trust(d, &r->group);
            to->why_role = "one that it takes the place of had this role";
        }
    }
    for (unsigned i = 0; ok && i < r->group.entries; i++)
        if (r->goes[i] && !out[i])
            draft_merge_origin(d, survivor, r->entry[i]);
    free(out);
    return ok;
}

static void carry_out(struct draft *d, const struct rivals *r, unsigned survivor)
{
    for (unsigned i = 0; i < r->group.entries; i++) {
        unsigned e = r->entry[i];
        if (!r->goes[i])
            continue;
        const char *why = "its issuer's key refutes its signature";
        d->entry[e].why_stays = "it is not refuted";
        if (d->entry[e].drop || !r->out[i]) {
            const char *option = d->entry[e].drop
                                     ? draft_option(d, "--drop", d->model->entry[e].key)
                                     : draft_option(d, "--keep", d->model->entry[survivor].key);
            d->entry[e].why_stays = option;
            why = "another certificate with the same issuer and serial number stays";
        }
        draft_drop(d, e, survivor, why);
    }
}

static bool resolve(struct draft *d, struct rivals *r)
{
    unsigned left, only;
    const char *doubt = doubt_of(d, &r->group, r->entry[0]);
    if (doubt) {
        leave(d, &r->group, doubt);
        return true;
    }
    if (!follow_decisions(d, r))
        return false;
    drop_refuted(d, r);
    only = only_one_left(d, r, &left);
    bool any = false;
    for (unsigned i = 0; i < r->group.entries; i++) {
        if (r->goes[i] && !can_follow(d, r, i, only)) {
            if (r->decided)
                return false;
            r->goes[i] = r->out[i] = false;
        }
        any = any || r->goes[i];
    }
    if (only_one_left(d, r, &left) == DRAFT_NOBODY)
        leave(d, &r->group, "more than one of its issuer and serial number would stay");
    if (any && out_of_own(d, r, left)) {
        leave(d, &r->group, own_would_go);
        return true;
    }
    use_decisions(d, &r->group);
    if (!any)
        return true;
    if (!hand_on(d, r, left))
        return false;
    carry_out(d, r, left);
    return true;
}

static bool resolve_identity(struct draft *d, const struct group *group)
{
    unsigned distinct = 0;
    struct rivals r = {.entry = malloc(group->entries * sizeof *r.entry),
                       .goes = calloc(group->entries, sizeof *r.goes),
                       .out = calloc(group->entries, sizeof *r.out)};
    bool ok = r.entry != NULL && r.goes != NULL && r.out != NULL;
    if (!ok)
        draft_no_memory(d);
    for (unsigned i = 0; ok && i < group->entries; i++)
        if (draft_stays(d, group->entry[i]))
            r.entry[distinct++] = group->entry[i];
    r.group = (struct group){r.entry, distinct};
    if (ok && distinct > 1)
        ok = resolve(d, &r);
    free(r.entry);
    free(r.goes);
    free(r.out);
    return ok;
}

bool draft_resolve_identities(struct draft *d)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_IDENTITY))
        return draft_no_memory(d);
    bool ok = true;
    while (ok && groups_next(&groups, &group))
        if (!groups_is_one(d->model, &group))
            ok = resolve_identity(d, &group);
    groups_close(&groups);
    return ok;
}

/* ---- what is no certificate ---- */

/* Only --drop takes out what cannot be read: its row goes to quarantine whole. */
bool draft_drop_unparsable(struct draft *d)
{
    for (unsigned i = 0; i < d->model->entries; i++) {
        if (!d->entry[i].drop || draft_certificate(d, i)->parsed)
            continue;
        if (d->entry[i].references > 0)
            return fault_set(
                d->fault, FAULT_UNSUPPORTED,
                "--drop %d: %llu rows refer to the entry, and what it was is not known",
                d->model->entry[i].key, (unsigned long long)d->entry[i].references);
        use_decisions(d, &(struct group){&i, 1});
        draft_drop(d, i, DRAFT_NOBODY, "it is no certificate");
        d->entry[i].why_stays = draft_option(d, "--drop", d->model->entry[i].key);
    }
    return true;
}
