/*
 * The draft of a plan, shared by the files that decide: what is to become of each entry and of the
 * settings.  Drafted first, then written down as actions where it differs from what is.
 *
 *     duplicates.c   copies of one certificate, and different ones of one identity
 *     issuing.c      the issuing CA: settings, promotion, the switch; several certificates of a CA
 *     newplace.c     where an entry is added
 *     superseded.c   --superseded=drop
 *     write_down.c   writing the draft down
 */
#ifndef KM_MIGRATE_DRAFT_H
#define KM_MIGRATE_DRAFT_H

#include "migrate/decide/plan.h"
#include "migrate/judge/groups.h"

enum { DRAFT_NOBODY = UINT32_MAX }; /* no entry */

/* What is to become of one entry. */
struct draft_entry {
    unsigned survivor; /* number of the entry that takes its place; its own: it stays; DRAFT_NOBODY:
                          it goes, and nothing has to take its place */
    int32_t key;       /* of a survivor: its key in the new list */
    uint64_t references;  /* to it, and to those that it takes the place of */
    bool keep, drop;      /* --keep, --drop name it */
    const char *why_left; /* it is in a group that is left as it is, and why; NULL: it is not */
    bool ambiguous;  /* another CA's entry has its key: what refers to the key may mean either */
    bool superseded; /* dropped because --superseded=drop asked for it */
    const char *why_dropped, *why_stays; /* why_stays: NULL: the rule of better_entry() */
    enum model_role role;
    enum model_trust trust;
    const char *name;
    bool has_imported;
    double imported;
    struct bytes added_properties;
    const char *why_role, *why_trust; /* why_trust: NULL: a copy of it had it */
};

struct draft {
    const struct model *model;
    struct prover *prover;
    const struct plan_options *options;
    struct plan *plan;
    struct fault *fault;
    struct draft_entry *entry;
    bool fixed[PROFILE_REFERENCES_MOST];      /* references that no repair moves */
    bool *keep_used, *drop_used, *trust_used; /* as in options: the decision decided something */
    unsigned trust_contrary; /* the number + 1 of one that says other than one before it */
    bool added_issuing;      /* --issuing-ca FILE becomes a new entry */
    int32_t added_key;
    unsigned added_part;
    enum model_mode mode;
    bool has_issuing_ca;
    uint8_t issuing_ca[HASH_SHA1_SIZE]; /* as the setting is to be */
};

static inline const struct model_certificate *draft_certificate(const struct draft *d,
                                                                unsigned entry)
{
    return model_certificate_of(d->model, &d->model->entry[entry]);
}

static inline bool draft_stays(const struct draft *d, unsigned entry)
{
    return d->entry[entry].survivor == entry;
}

/* The entry that stays in its place, at the end; DRAFT_NOBODY: none has to. */
static inline unsigned draft_survivor(const struct draft *d, unsigned entry)
{
    while (entry != DRAFT_NOBODY && !draft_stays(d, entry))
        entry = d->entry[entry].survivor;
    return entry;
}

/* Can what stands in that column of an entry's row, by its name in the profile, not be changed?  It
 * is a part of the table's primary key, by which the row is found; or only another part of the list
 * has such a column (NULL). */
bool draft_is_fixed(const struct draft *d, unsigned entry, const char *name);

/* Likewise for an entry's role. */
bool draft_has_fixed_role(const struct draft *d, unsigned entry);

static inline const struct profile_list *draft_list(const struct draft *d, unsigned entry)
{
    return model_list_of(d->model, &d->model->entry[entry]);
}

static inline bool draft_no_memory(struct draft *d)
{
    return fault_no_memory(d->fault, "the plan");
}

/* Lets `survivor` take the place of `dropped`; why: static or in the plan's memory. */
void draft_drop(struct draft *d, unsigned dropped, unsigned survivor, const char *why);

/* The survivor gets the earliest import time and, when it has no name, that of the dropped one. */
void draft_merge_origin(struct draft *d, unsigned survivor, unsigned dropped);

/* "--keep 4", in the plan's memory; NULL when memory is short. */
const char *draft_option(struct draft *d, const char *option, int32_t key);

/* Each a part of dedup_decide(), in this order; false with the fault set. */
bool draft_merge_copies(struct draft *d);
bool draft_resolve_identities(struct draft *d);
bool draft_drop_unparsable(struct draft *d);
bool draft_settle_issuing(struct draft *d);
bool draft_drop_superseded(struct draft *d);
bool draft_write_down(struct draft *d);

/* Which part of the list a certificate is added to; false, with the fault set, when nothing says
 * so, or nothing can be added there. */
bool draft_choose_part(struct draft *d, unsigned *part);

/* Positive when entry a is the better one to stay active of a CA's certificates. */
int draft_compare_active(const struct draft *d, unsigned a, unsigned b);

#endif
