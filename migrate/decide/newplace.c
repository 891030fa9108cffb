/*
 * Where an entry is added that --issuing-ca FILE gives: in a list of several parts the one where
 * the issuing CA belongs.  See draft.h.
 */
#include "migrate/decide/draft.h"

static bool holds(const struct model *m, unsigned part, enum model_role role)
{
    for (unsigned i = 0; i < m->entries; i++)
        if (m->entry[i].part == part && m->entry[i].role == role)
            return true;
    return false;
}

/* What may say it, the surest first. */
enum { BY_PROFILE, BY_ISSUING, BY_OWN, BY_ROLES, WAYS };

static bool is_said(const struct model *m, unsigned part, unsigned way)
{
    bool value = m->match == PROFILE_MATCHES_VALUE;
    switch (way) {
    case BY_PROFILE:
        return value ? m->profile->value[part].takes_new : m->profile->list[part].takes_new;
    case BY_ISSUING:
        return !value && holds(m, part, ROLE_ISSUING);
    case BY_OWN:
        return !value && holds(m, part, ROLE_OWN);
    default:
        return !value && roles_are_told(&m->profile->list[part]);
    }
}

/* The part of which alone something says it. */
static bool find_part(const struct model *m, unsigned *part)
{
    unsigned parts = model_parts(m);
    *part = 0;
    for (unsigned way = 0; way < WAYS && parts > 1; way++) {
        unsigned said = 0;
        for (unsigned i = 0; i < parts; i++)
            if (is_said(m, i, way)) {
                *part = i;
                said++;
            }
        if (said == 1)
            return true;
    }
    return parts == 1;
}

/* A row is added behind the last, and has what tells the rows of its part from others. */
static bool can_add_row(struct draft *d, unsigned part)
{
    const struct profile_list *list = &d->model->profile->list[part];
    const struct ese_table *table = model_list_table(d->model, part);
    if (ese_table_column(table, list->key) != ese_table_key_column(table))
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "--issuing-ca: table %s: an entry cannot be added: its primary key is not "
                         "the one Long column %s",
                         list->table, list->key);
    if (!wrapping_is_none(&list->wrapping))
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "--issuing-ca: table %s: an entry cannot be added: what stands around a "
                         "certificate there (skip = %d, pack) is only known to be read",
                         list->table, list->wrapping.skip);
    return !condition_is_there(&list->rows) ||
           (condition_is_of_one(&list->rows, table) && roles_bits(list, list->rows.column) == 0) ||
           fault_set(d->fault, FAULT_UNSUPPORTED,
                     "--issuing-ca: table %s: an entry cannot be added: what column %s has to be "
                     "in a row of it is not known (rows)",
                     list->table, list->rows.column);
}

bool draft_choose_part(struct draft *d, unsigned *part)
{
    const struct model *m = d->model;
    if (!find_part(m, part))
        return fault_set(d->fault, FAULT_UNSUPPORTED,
                         "--issuing-ca: the certificate needs an entry, the list is in %u parts, "
                         "and nothing says which of them it would be in; a profile says so with "
                         "new = yes in its [list.N]",
                         model_parts(m));
    return m->match != PROFILE_MATCHES_ROWS || can_add_row(d, *part);
}
