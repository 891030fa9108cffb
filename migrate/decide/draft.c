/* Deciding about the list, part by part: see draft.h and "Resolving duplicates" in the design. */
#include "migrate/decide/draft.h"

#include <stdio.h>
#include <stdlib.h>

void draft_drop(struct draft *d, unsigned dropped, unsigned survivor, const char *why)
{
    d->entry[dropped].survivor = survivor;
    d->entry[dropped].why_dropped = why;
    if (survivor != DRAFT_NOBODY)
        d->entry[survivor].references += d->entry[dropped].references;
}

static bool earlier(const struct draft_entry *to, const struct draft_entry *from)
{
    return from->has_imported && (!to->has_imported || from->imported < to->imported);
}

void draft_merge_origin(struct draft *d, unsigned survivor, unsigned dropped)
{
    struct draft_entry *to = &d->entry[survivor];
    const struct draft_entry *from = &d->entry[dropped];
    if (earlier(to, from)) {
        to->has_imported = true;
        to->imported = from->imported;
    }
    if ((to->name == NULL || to->name[0] == '\0') && from->name && from->name[0])
        to->name = from->name;
}

const char *draft_option(struct draft *d, const char *option, int32_t key)
{
    char text[40];
    int size = snprintf(text, sizeof text, "%s %d", option, key);
    const char *kept = arena_copy(&d->plan->memory, bytes_of(text, (size_t)size));
    if (kept == NULL)
        d->plan->no_memory = true;
    return kept;
}

/* ---- what the administrator decided ---- */

static bool absent(struct draft *d, const char *option, int32_t key)
{
    return fault_set(d->fault, FAULT_MISSING,
                     "%s %d: there is no entry %d; kmmigrate list shows the entries", option, key,
                     key);
}

/* Notes --keep and --drop at the entries that they name: all of that key. */
static bool mark(struct draft *d, const char *option, const int32_t *key, unsigned keys)
{
    const struct model *m = d->model;
    bool keep = key == d->options->keep;
    for (unsigned k = 0; k < keys; k++) {
        const struct model_entry *e = model_entry(m, key[k]);
        if (e == NULL)
            return absent(d, option, key[k]);
        for (; e < m->entry + m->entries && e->key == key[k]; e++) {
            struct draft_entry *to = &d->entry[e - m->entry];
            to->keep = to->keep || keep;
            to->drop = to->drop || !keep;
            if (to->keep && to->drop)
                return fault_set(d->fault, FAULT_MISSING,
                                 "--keep %d and --drop %d exclude each other", key[k], key[k]);
        }
    }
    return true;
}

static bool open_decisions(struct draft *d)
{
    const struct plan_options *o = d->options;
    d->keep_used = calloc(o->keeps + 1, sizeof *d->keep_used);
    d->drop_used = calloc(o->drops + 1, sizeof *d->drop_used);
    d->trust_used = calloc(o->trusts + 1, sizeof *d->trust_used);
    if (d->keep_used == NULL || d->drop_used == NULL || d->trust_used == NULL)
        return draft_no_memory(d);
    for (unsigned k = 0; k < o->trusts; k++)
        if (model_entry(d->model, o->trust[k].entry) == NULL)
            return absent(d, "--trust", o->trust[k].entry);
    return mark(d, "--keep", o->keep, o->keeps) && mark(d, "--drop", o->drop, o->drops);
}

/* Why a decision about the entries of that key decided nothing; NULL: they are in no group. */
static const char *why_left(const struct draft *d, int32_t key)
{
    const struct model *m = d->model;
    const struct model_entry *e = model_entry(m, key);
    const char *why = NULL;
    for (; e && e < m->entry + m->entries && e->key == key && why == NULL; e++)
        why = d->entry[e - m->entry].why_left;
    return why;
}

static bool decides_nothing(struct draft *d, const char *option, int32_t key, const char *otherwise)
{
    const char *why = why_left(d, key);
    return fault_set(d->fault, FAULT_MISSING, "%s %d: entry %d %s%s", option, key, key,
                     why ? "is left as it is: " : otherwise, why ? why : "");
}

/* A decision that decides nothing was a mistake: of the entry, or of what it was thought to be. */
static bool all_used(struct draft *d)
{
    const struct plan_options *o = d->options;
    for (unsigned k = 0; k < o->keeps; k++)
        if (!d->keep_used[k])
            return decides_nothing(d, "--keep", o->keep[k],
                                   "is no duplicate: there is nothing to decide about it");
    for (unsigned k = 0; k < o->drops; k++)
        if (!d->drop_used[k])
            return decides_nothing(d, "--drop", o->drop[k],
                                   "is no duplicate, and is a certificate: there is nothing to "
                                   "decide about it");
    if (d->trust_contrary > 0)
        return fault_set(d->fault, FAULT_MISSING,
                         "--trust %d: another --trust says the contrary of the same certificate",
                         o->trust[d->trust_contrary - 1].entry);
    for (unsigned k = 0; k < o->trusts; k++)
        if (!d->trust_used[k])
            return fault_set(d->fault, FAULT_MISSING,
                             "--trust %d: no copies of entry %d disagree on trust",
                             o->trust[k].entry, o->trust[k].entry);
    return true;
}

/* Entries of one key, where rows refer to it: unless all are of one CA, each row may mean either.
 * Returns the number of the next key's first entry. */
static unsigned mark_ambiguous(struct draft *d, unsigned first)
{
    const struct model *m = d->model;
    bool ambiguous = false;
    unsigned end = first + 1;
    for (; end < m->entries && m->entry[end].key == m->entry[first].key; end++)
        ambiguous =
            ambiguous || !draft_certificate(d, first)->parsed ||
            !draft_certificate(d, end)->parsed ||
            !groups_equal(m, GROUP_CA, m->entry[first].certificate, m->entry[end].certificate);
    for (unsigned i = first; i < end; i++)
        d->entry[i].ambiguous = ambiguous && m->entry[first].reference_count > 0;
    return end;
}

/* ---- all of it ---- */

static bool open_draft(struct draft *d)
{
    const struct model *m = d->model;
    d->entry = calloc(m->entries + 1, sizeof *d->entry);
    if (d->entry == NULL)
        return draft_no_memory(d);
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *e = &m->entry[i];
        d->entry[i] = (struct draft_entry){.survivor = i,
                                           .references = e->reference_count,
                                           .role = e->role,
                                           .trust = e->trust,
                                           .name = e->name,
                                           .has_imported = e->has_imported,
                                           .imported = e->imported};
    }
    for (unsigned i = 0; i < m->entries;)
        i = mark_ambiguous(d, i);
    for (unsigned r = 0; r < m->profile->references; r++)
        d->fixed[r] = model_reference_is_fixed(m, r);
    d->mode = m->mode;
    d->has_issuing_ca = m->has_issuing_ca;
    memcpy(d->issuing_ca, m->issuing_ca, sizeof d->issuing_ca);
    return open_decisions(d);
}

/* A list value of which only a part was read, or of which there is another, is left as it is. */
static bool is_untouchable(const struct model *m)
{
    return m->match == PROFILE_MATCHES_VALUE && (m->list_cut || m->second_list);
}

static void leave_list(struct draft *d)
{
    for (unsigned i = 0; i < d->model->entries; i++)
        d->entry[i].why_left = "only a part of the list was read, or there is another one";
}

bool dedup_decide(struct plan *plan, const struct model *model, struct prover *prover,
                  const struct plan_options *options, struct fault *f)
{
    struct draft d = {
        .model = model, .prover = prover, .options = options, .plan = plan, .fault = f};
    bool ok = open_draft(&d);
    if (ok && is_untouchable(model))
        leave_list(&d);
    else
        ok = ok && draft_merge_copies(&d) && draft_resolve_identities(&d) &&
             draft_drop_unparsable(&d);
    ok = ok && draft_settle_issuing(&d) &&
         (!options->drop_superseded || draft_drop_superseded(&d)) && all_used(&d) &&
         draft_write_down(&d);
    free(d.entry);
    free(d.keep_used);
    free(d.drop_used);
    free(d.trust_used);
    return ok;
}

bool draft_is_fixed(const struct draft *d, unsigned entry, const char *name)
{
    const struct model *m = d->model;
    if (m->match != PROFILE_MATCHES_ROWS)
        return false;
    const struct ese_table *table = model_list_table(m, m->entry[entry].part);
    const struct ese_column *column = ese_table_column(table, name);
    return column ? ese_table_in_primary(table, column) : m->profile->lists > 1;
}

bool draft_has_fixed_role(const struct draft *d, unsigned entry)
{
    const struct model *m = d->model;
    const struct profile_list *list = draft_list(d, entry);
    const struct ese_table *table =
        m->match == PROFILE_MATCHES_ROWS ? model_list_table(m, m->entry[entry].part) : NULL;
    return table && (roles_are_told(list) ? roles_are_fixed(list, table) : m->profile->lists > 1);
}
