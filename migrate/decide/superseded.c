/*
 * --superseded=drop: older certificates of a CA go, unless something pins them (design: "Resolving
 * duplicates", 3).
 */
#include "migrate/decide/draft.h"
#include "migrate/decide/pins.h"

#include <stdlib.h>

/* A listed certificate of the issuer whose key made this one; DRAFT_NOBODY: none is known. */
static unsigned proven_issuer(const struct draft *d, unsigned entry)
{
    const struct x509_certificate *cert = &draft_certificate(d, entry)->x509;
    const struct issuer *first;
    unsigned count = issuers_named(prover_issuers(d->prover), cert->issuer, &first);
    for (unsigned i = 0; i < count && prover_look(d->prover); i++)
        if (prover_check(d->prover, first[i].certificate, &cert->envelope).answer == PROOF_PROVEN)
            return first[i].certificate;
    return DRAFT_NOBODY;
}

/* A reissue of the best one: besides subject and key, the issuer's key is the same, and proven.
 * Two of one identity are none: which of them is right is not for this to say. */
static bool is_reissue(const struct draft *d, unsigned entry, unsigned best, unsigned best_issuer)
{
    const struct model *m = d->model;
    if (d->entry[entry].why_left || best_issuer == DRAFT_NOBODY ||
        groups_equal(m, GROUP_IDENTITY, m->entry[entry].certificate, m->entry[best].certificate))
        return false;
    unsigned issuer = proven_issuer(d, entry);
    return issuer != DRAFT_NOBODY &&
           memcmp(m->certificate[issuer].key_sha256, m->certificate[best_issuer].key_sha256,
                  HASH_SHA256_SIZE) == 0;
}

static unsigned best_of(const struct draft *d, const struct group *group)
{
    unsigned best = DRAFT_NOBODY;
    for (unsigned i = 0; i < group->entries; i++) {
        unsigned e = group->entry[i];
        bool active = d->entry[e].role == ROLE_ISSUING || d->entry[e].role == ROLE_OWN;
        if (!draft_stays(d, e))
            continue;
        if (active)
            return e;
        if (best == DRAFT_NOBODY || draft_compare_active(d, e, best) > 0)
            best = e;
    }
    return best;
}

static bool find_superseded(struct draft *d, int32_t *active)
{
    struct groups groups;
    struct group group;
    if (!groups_open(&groups, d->model, GROUP_CA))
        return draft_no_memory(d);
    while (groups_next(&groups, &group)) {
        unsigned best = best_of(d, &group);
        unsigned issuer = best == DRAFT_NOBODY ? DRAFT_NOBODY : proven_issuer(d, best);
        for (unsigned i = 0; best != DRAFT_NOBODY && i < group.entries; i++) {
            unsigned e = group.entry[i];
            bool active_role = d->entry[e].role == ROLE_ISSUING || d->entry[e].role == ROLE_OWN;
            if (e != best && draft_stays(d, e) && !active_role && is_reissue(d, e, best, issuer))
                active[e] = (int32_t)best;
        }
    }
    groups_close(&groups);
    return true;
}

/* What pins a copy of a certificate that was merged into another entry pins that one. */
static void pin_by_copies(const struct draft *d, bool *pinned)
{
    for (unsigned i = 0; i < d->model->entries; i++) {
        unsigned survivor = draft_survivor(d, i);
        if (survivor != i && survivor != DRAFT_NOBODY && d->model->entry[i].reference_count > 0)
            pinned[survivor] = true;
    }
}

static void drop_unpinned(struct draft *d, const int32_t *active, const bool *pinned)
{
    for (unsigned i = 0; i < d->model->entries; i++) {
        if (active[i] == PINS_NO_ACTIVE || pinned[i])
            continue;
        draft_merge_origin(d, (unsigned)active[i], i);
        draft_drop(d, i, (unsigned)active[i], "superseded by another certificate of the same CA");
        d->entry[i].superseded = true;
        d->entry[i].why_stays = "it is the active one";
    }
}

bool draft_drop_superseded(struct draft *d)
{
    unsigned entries = d->model->entries;
    int32_t *active = malloc((entries + 1) * sizeof *active);
    bool *pinned = calloc(entries + 1, sizeof *pinned);
    bool ok = active != NULL && pinned != NULL;
    if (!ok)
        draft_no_memory(d);
    for (unsigned i = 0; ok && i < entries; i++)
        active[i] = PINS_NO_ACTIVE;
    ok = ok && find_superseded(d, active);
    ok = ok && pins_find(d->model, active, pinned, d->fault);
    if (ok) {
        pin_by_copies(d, pinned);
        drop_unpinned(d, active, pinned);
    }
    free(active);
    free(pinned);
    return ok;
}
