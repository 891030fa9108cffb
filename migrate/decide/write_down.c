/*
 * Writing a draft down: an action for each difference between what is and what is to be.
 */
#include "migrate/decide/draft.h"
#include "migrate/profile/settings.h"

#include <stdlib.h>

/* Why of two entries with one certificate this one stays, in the words of the rule that decided. */
static const char *why_it_stays(const struct draft *d, unsigned dropped, unsigned survivor)
{
    const struct model_entry *a = &d->model->entry[survivor], *b = &d->model->entry[dropped];
    if (d->entry[dropped].why_stays)
        return d->entry[dropped].why_stays;
    if (a->role == ROLE_ISSUING && b->role != ROLE_ISSUING)
        return "it is issuing";
    return a->reference_count != b->reference_count ? "more rows refer to it"
                                                    : "its key is the lower one";
}

/* Has the entry that goes a name or an import date that the survivor would take, and cannot? */
static bool leaves_something(const struct draft *d, unsigned dropped, unsigned survivor)
{
    const struct model_entry *a = &d->model->entry[survivor], *b = &d->model->entry[dropped];
    const struct profile_list *list = draft_list(d, survivor);
    if (draft_is_fixed(d, survivor, list->imported) && b->has_imported &&
        (!a->has_imported || b->imported < a->imported))
        return true;
    return draft_is_fixed(d, survivor, list->name) && b->name &&
           (!a->name || strcmp(a->name, b->name) != 0);
}

static void add_drop(struct draft *d, unsigned i)
{
    unsigned survivor = draft_survivor(d, i);
    bool alone = survivor == DRAFT_NOBODY;
    plan_add(d->plan,
             &(struct action){
                 .kind = ACTION_DROP_ENTRY,
                 .entry = d->model->entry[i].key,
                 .twin = d->model->entry[i].twin,
                 .alone = alone,
                 .other = alone ? 0 : d->model->entry[survivor].key,
                 .certificate = d->model->entry[i].certificate,
                 .text = alone ? d->entry[i].why_stays : why_it_stays(d, i, survivor),
                 .quarantine = alone || draft_certificate(d, i) != draft_certificate(d, survivor) ||
                               leaves_something(d, i, survivor),
                 .optional = d->entry[i].superseded,
                 .why = d->entry[i].why_dropped});
}

static void add_changes(struct draft *d, unsigned i)
{
    const struct model_entry *e = &d->model->entry[i];
    const struct draft_entry *to = &d->entry[i];
    const struct model_certificate *cert = draft_certificate(d, i);
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
    a.why = to->why_trust           ? to->why_trust
            : to->trust == TRUST_NO ? "a copy of it was untrusted"
                                    : "a copy of it was trusted";
    if (to->trust != e->trust)
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_SET_NAME;
    a.optional = true;
    a.text = to->name;
    a.why = "a copy of it had this name";
    if (to->name != e->name && !draft_is_fixed(d, i, draft_list(d, i)->name))
        plan_add(d->plan, &a);
    a = base;
    a.kind = ACTION_SET_IMPORTED;
    a.optional = true;
    a.days = to->imported;
    a.why = "a copy of it was imported earlier";
    if ((to->has_imported != e->has_imported || (to->has_imported && to->imported < e->imported)) &&
        !draft_is_fixed(d, i, draft_list(d, i)->imported))
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
    plan_add(d->plan, &(struct action){.kind = ACTION_ADD_ENTRY,
                                       .entry = d->added_key,
                                       .part = d->added_part,
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
        if (draft_stays(d, i))
            d->entry[i].key =
                d->model->match == PROFILE_MATCHES_VALUE ? ++position : d->model->entry[i].key;
    if (d->model->match == PROFILE_MATCHES_VALUE)
        d->added_key = position + 1;
}

/* Is the survivor called otherwise than the entry that it stands for?  A hash stays the same with
 * the certificate. */
static bool changes_name(const struct draft *d, unsigned reference, unsigned entry,
                         unsigned survivor)
{
    const struct model *m = d->model;
    if (m->profile->reference[reference].names == NAMES_ISSUER_SERIAL)
        return false; /* identities_stay() */
    if (profile_names_hash(m->profile->reference[reference].names))
        return m->entry[survivor].certificate != m->entry[entry].certificate;
    return d->entry[survivor].key != m->entry[entry].key;
}

/* References by issuer and serial number stay as they are: an entry that goes has to leave one of
 * its identity. */
static bool identities_stay(struct draft *d)
{
    const struct model *m = d->model;
    for (unsigned r = 0; r < m->profile->references; r++)
        for (unsigned i = 0;
             m->profile->reference[r].names == NAMES_ISSUER_SERIAL && i < m->entries; i++) {
            unsigned survivor = draft_survivor(d, i);
            if (m->entry[i].references[r] > 0 && survivor != i &&
                (survivor == DRAFT_NOBODY ||
                 !groups_equal(m, GROUP_IDENTITY, m->entry[i].certificate,
                               m->entry[survivor].certificate)))
                return fault_set(d->fault, FAULT_UNSUPPORTED,
                                 "entry %d cannot go: %llu rows of table %s name it by issuer and "
                                 "serial number, which no entry that stays has",
                                 m->entry[i].key, (unsigned long long)m->entry[i].references[r],
                                 m->profile->reference[r].table);
        }
    return true;
}

static void add_moves(struct draft *d)
{
    const struct model *m = d->model;
    for (unsigned i = 0; i < m->entries; i++)
        for (unsigned r = 0; r < m->profile->references; r++) {
            unsigned survivor = draft_survivor(d, i);
            if (m->entry[i].references[r] > 0 && survivor != DRAFT_NOBODY &&
                changes_name(d, r, i, survivor))
                plan_add(d->plan, &(struct action){.kind = ACTION_MOVE_REFERENCES,
                                                   .entry = m->entry[i].key,
                                                   .other = d->entry[survivor].key,
                                                   .certificate = m->entry[survivor].certificate,
                                                   .reference = r,
                                                   .count = m->entry[i].references[r],
                                                   .why = draft_stays(d, i)
                                                              ? "its position in the list shifts"
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

/* How many entries of each issuer may take references, and the last of them. */
struct takers {
    const struct issuers *issuers;
    struct taker {
        unsigned count, entry;
    } * of; /* as issuers->issuer */
};

static bool open_takers(const struct draft *d, struct takers *t)
{
    t->issuers = prover_issuers(d->prover);
    t->of = calloc(t->issuers->count + 1, sizeof *t->of);
    for (unsigned i = 0; t->of && i < t->issuers->count; i++)
        for (unsigned k = 0; k < t->issuers->issuer[i].entries; k++) {
            unsigned entry = t->issuers->issuer[i].entry[k];
            if (!draft_stays(d, entry) || d->entry[entry].trust == TRUST_NO)
                continue;
            t->of[i].entry = entry;
            t->of[i].count++;
        }
    return t->of != NULL;
}

/* The one trusted entry with the issuer's name whose key proves what the row holds; DRAFT_NOBODY:
 * there is none, or more than one. */
static unsigned find_taker(const struct draft *d, const struct takers *t,
                           const struct model_dangling *row)
{
    struct x509_signed envelope;
    struct bytes name;
    const struct issuer *first;
    unsigned found = DRAFT_NOBODY;
    if (!signed_by_whom(d, row, &envelope, &name))
        return DRAFT_NOBODY;
    unsigned count = issuers_named(t->issuers, name, &first);
    for (unsigned i = 0; i < count && prover_look(d->prover); i++) {
        const struct taker *taker = &t->of[&first[i] - t->issuers->issuer];
        if (taker->count == 0 ||
            prover_check(d->prover, first[i].certificate, &envelope).answer != PROOF_PROVEN)
            continue;
        if (taker->count > 1 || found != DRAFT_NOBODY)
            return DRAFT_NOBODY;
        found = taker->entry;
    }
    return prover_exhausted(d->prover) ? DRAFT_NOBODY : found;
}

static bool add_dangling_moves(struct draft *d)
{
    const struct model *m = d->model;
    struct takers takers;
    if (m->dangling_kept == 0 || model_may_have_more(m))
        return true;
    if (!open_takers(d, &takers))
        return draft_no_memory(d);
    for (unsigned k = 0; k < m->dangling_kept; k++) {
        const struct model_dangling *row = &m->dangling[k];
        if (m->profile->reference[row->reference].names == NAMES_ISSUER_SERIAL ||
            d->fixed[row->reference])
            continue;
        unsigned found = find_taker(d, &takers, row);
        if (found != DRAFT_NOBODY)
            plan_add(d->plan, &(struct action){.kind = ACTION_MOVE_REFERENCE,
                                               .entry = row->names,
                                               .other = d->entry[found].key,
                                               .certificate = m->entry[found].certificate,
                                               .reference = row->reference,
                                               .row = row->row,
                                               .dangling = k,
                                               .count = 1,
                                               .why = "this entry's key proves the signature"});
    }
    free(takers.of);
    return true;
}

/* A setting without a row gets one behind the last, where its row is told by one value. */
static bool has_free_setting(struct draft *d, enum profile_setting_kind which)
{
    const struct model_setting *s = &d->model->setting[which];
    struct setting_place place;
    if (!profile_place(d->model->profile, which, &place) || !s->has_table)
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "the setting %s has to be changed, and the profile does not say where it "
                         "is",
                         profile_setting_word(which));
    if (!s->has_row && (!condition_is_there(&place.rows) || place.rows.mask))
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "table %s has no row for the setting %s, and none can be added",
                         place.table, place.label);
    return s->has_row || s->last_key < INT32_MAX - 2 ||
           fault_set(d->fault, FAULT_UNSUPPORTED,
                     "table %s: a setting has to be added, and the last row has key %d, which "
                     "leaves none",
                     place.table, s->last_key);
}

/* The key of the entry that the setting has to name, where it names one by its key or its position:
 * of the new entry, of the one that stays for the one it names, or of the one with the
 * certificate. */
static int32_t issuing_key(const struct draft *d)
{
    const struct model *m = d->model;
    const struct model_entry *named = m->has_issuing_key ? model_entry(m, m->issuing_key) : NULL;
    bool same = m->has_issuing_ca && memcmp(d->issuing_ca, m->issuing_ca, HASH_SHA1_SIZE) == 0;
    if (d->added_issuing)
        return d->added_key;
    unsigned survivor =
        named && same ? draft_survivor(d, (unsigned)(named - m->entry)) : DRAFT_NOBODY;
    for (unsigned i = 0; survivor == DRAFT_NOBODY && i < m->entries; i++)
        if (draft_stays(d, i) &&
            memcmp(draft_certificate(d, i)->sha1, d->issuing_ca, HASH_SHA1_SIZE) == 0)
            survivor = i;
    return survivor == DRAFT_NOBODY ? m->issuing_key : d->entry[survivor].key;
}

/* Has the setting of the issuing CA to name another one, or the same by another key? */
static bool changes_issuing(const struct draft *d)
{
    const struct model *m = d->model;
    bool by_key = profile_names_entry(m->issuing_names);
    if (!d->has_issuing_ca || m->issuing_names == NAMES_ROLE)
        return false;
    return !m->has_issuing_ca || memcmp(d->issuing_ca, m->issuing_ca, HASH_SHA1_SIZE) != 0 ||
           (by_key && !m->issuing_stated && m->has_issuing_key && issuing_key(d) != m->issuing_key);
}

static bool add_settings(struct draft *d)
{
    const struct model *m = d->model;
    if (changes_issuing(d)) {
        if (m->issuing_stated)
            return fault_set(d->fault, FAULT_UNSUPPORTED,
                             "the issuing CA is stated, not set in the store: what names it has to "
                             "be changed where it is kept before this can be done");
        if (!has_free_setting(d, SETTING_ISSUING_CA))
            return false;
        const void *kept = arena_copy(&d->plan->memory, bytes_of(d->issuing_ca, HASH_SHA1_SIZE));
        if (kept == NULL)
            return draft_no_memory(d);
        plan_add(d->plan, &(struct action){
                              .kind = ACTION_SET_ISSUING_CA,
                              .value = bytes_of(kept, HASH_SHA1_SIZE),
                              .entry = profile_names_entry(m->issuing_names) ? issuing_key(d) : 0,
                              .why = d->options->to != MODE_UNKNOWN ? "the switch asked for"
                                     : profile_names_entry(m->issuing_names)
                                         ? "it names the one that stays"
                                         : "it is the thumbprint of the one that stays"});
    }
    if (d->mode != m->mode && m->mode_stated)
        return fault_set(
            d->fault, FAULT_UNSUPPORTED,
            "the mode is stated, not set in the store: it has to be changed where it is "
            "kept");
    if (d->mode != m->mode && !has_free_setting(d, SETTING_MODE))
        return false;
    if (d->mode != m->mode)
        plan_add(d->plan, &(struct action){.kind = ACTION_SET_MODE,
                                           .mode = d->mode,
                                           .why = "the switch asked for"});
    return true;
}

bool draft_write_down(struct draft *d)
{
    for (unsigned i = 0; i < d->model->entries; i++) {
        if (draft_stays(d, i))
            add_changes(d, i);
        else
            add_drop(d, i);
    }
    number_survivors(d);
    if (d->added_issuing)
        add_new_entry(d);
    add_moves(d);
    return identities_stay(d) && add_dangling_moves(d) && add_settings(d);
}
