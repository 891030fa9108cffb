/*
 * From actions to changes of rows: see repair/plan_editor.h.
 *
 * The plan is taken apart once, by what it is of; each row then costs a search in the list, and one
 * for what a reference of it names.
 */
#include "migrate/repair/plan_editor_parts.h"

#include <stdlib.h>

/* ---- from actions ---- */

static void chain(struct plan_editor *a, struct entry_change *c, size_t number)
{
    if (c->first == NONE)
        c->first = number;
    else
        a->next[c->last] = number;
    c->last = number;
    a->next[number] = NONE;
}

static bool take_setting(struct plan_editor *a, const struct action *action, struct fault *f)
{
    if (a->settings == ACTION_KINDS)
        return fault_set(f, FAULT_UNSUPPORTED, "the plan sets a setting more than once");
    a->setting[a->settings++] = action;
    return true;
}

static bool take_action(struct plan_editor *a, size_t number, struct fault *f)
{
    const struct action *action = &a->plan->action[number];
    enum action_effect effect = action_effect(action->kind);
    struct entry_change *c = editor_change_of(a, action->entry, action->twin);
    if (c == NULL && (action_is_of_entry(action->kind) || effect == EFFECT_MOVE_ALL))
        return fault_set(f, FAULT_UNSUPPORTED, "the plan changes entry %d, which is not there",
                         action->entry);
    unsigned part = c ? a->model->entry[c - a->entry].part : action->part;
    a->rewrite[part] = a->rewrite[part] || action_changes_list(action->kind);
    switch (effect) {
    case EFFECT_DROP:
        c->drop = true;
        break;
    case EFFECT_CELLS:
        chain(a, c, number);
        break;
    case EFFECT_PROPERTIES:
        c->properties = action->value;
        break;
    case EFFECT_MOVE_ALL:
        c->moved[action->reference] = action;
        break;
    case EFFECT_MOVE_ONE:
        a->dangling[a->danglings++] = action;
        break;
    case EFFECT_ADD:
        a->added = action;
        break;
    case EFFECT_SETTING:
        return take_setting(a, action, f);
    case EFFECT_HEADER: /* no row */
    case EFFECT_INDEX:
        break;
    }
    return true;
}

static bool take_plan(struct plan_editor *a, struct fault *f)
{
    for (unsigned i = 0; i < a->model->entries; i++)
        a->entry[i].first = NONE;
    for (size_t i = 0; i < a->plan->actions; i++)
        if (!take_action(a, i, f))
            return false;
    editor_sort_danglings(a);
    return true;
}

/* ---- the editor ---- */

static bool wants(void *context, const struct ese_table *table)
{
    const struct plan_editor *a = context;
    const struct profile *p = a->model->profile;
    if (model_is_list_table(a->model, table) || editor_has_setting(p, table))
        return true;
    for (unsigned i = 0; i < p->values; i++)
        if (ese_table_is(table, p->value[i].table))
            return true;
    for (unsigned i = 0; i < p->references; i++)
        if (ese_table_is(table, p->reference[i].table))
            return true;
    return false;
}

/* A row is found by its primary key, and stays where that puts it. */
static bool keeps_its_key(const struct ese_table *table, const struct ese_row_edit *edit,
                          struct fault *f)
{
    for (unsigned i = 0; i < edit->changes; i++)
        if (ese_table_in_primary(table, edit->change[i].column))
            return fault_set(f, FAULT_UNSUPPORTED,
                             "column %s is a part of the primary key of table %s, which a repair "
                             "does not change",
                             edit->change[i].column->name, table->name);
    return true;
}

/* Names are compared once for a table, not for each of its rows. */
static void take_table(struct plan_editor *a, const struct ese_table *table)
{
    const struct profile *p = a->model->profile;
    a->at.table = table;
    a->at.listed = model_is_list_table(a->model, table);
    a->at.references = 0;
    for (unsigned i = 0; i < p->references; i++) {
        if (!ese_table_is(table, p->reference[i].table) ||
            p->reference[i].names == NAMES_ISSUER_SERIAL) /* nothing moves: identities_stay() */
            continue;
        a->at.names[a->at.references] = ese_table_column(table, p->reference[i].column);
        a->at.reference[a->at.references++] = i;
    }
}

static bool edit_row(void *context, const struct ese_table *table, const struct ese_record *record,
                     struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    struct plan_editor *a = context;
    arena_free(&a->row);
    if (a->at.table != table)
        take_table(a, table);
    if (a->at.listed) {
        if (!editor_of_entry(a, table, record, key, twin, edit, f))
            return false;
        if (edit->fate == ESE_ROW_DROP) /* whatever else is said of it: it goes */
            return true;
    }
    for (unsigned i = 0; i < a->at.references; i++)
        if (!editor_of_reference(a, a->at.reference[i], a->at.names[i], table, record, edit, f))
            return false;
    if (!editor_of_settings(a, table, record, edit, f))
        return false;
    return editor_of_list(a, table, record, edit, f);
}

static bool row(void *context, const struct ese_table *table, const struct ese_record *record,
                struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    return edit_row(context, table, record, key, twin, edit, f) && keeps_its_key(table, edit, f);
}

static bool add(void *context, const struct ese_table *table, unsigned n, struct ese_row_edit *edit,
                bool *more, struct fault *f)
{
    struct plan_editor *a = context;
    arena_free(&a->row);
    bool ok = editor_add_setting(a, table, n, edit, more, f);
    if (!ok || *more)
        return ok;
    *more = n == 0 && a->added && a->model->match == PROFILE_MATCHES_ROWS &&
            model_list_table(a->model, a->added->part) == table;
    return !*more || editor_add_listed(a, table, edit, f);
}

/* ---- opening ---- */

struct plan_editor *plan_editor_open(const struct model *model, const struct plan *plan,
                                     struct fault *f)
{
    struct plan_editor *a = calloc(1, sizeof *a);
    if (a == NULL) {
        editor_no_memory(f);
        return NULL;
    }
    a->model = model;
    a->plan = plan;
    a->editor = (struct ese_editor){.context = a, .wants = wants, .row = row, .add = add};
    a->entry = calloc((size_t)model->entries + 1, sizeof *a->entry);
    a->next = calloc(plan->actions + 1, sizeof *a->next);
    a->dangling = calloc(plan->actions + 1, sizeof(const struct action *));
    bool ok = (a->entry && a->next && a->dangling) || editor_no_memory(f);
    if (ok && take_plan(a, f) && editor_read_list_keys(a, f) && editor_make_list_values(a, f))
        return a;
    plan_editor_close(a);
    return NULL;
}

void plan_editor_close(struct plan_editor *a)
{
    if (a == NULL)
        return;
    arena_free(&a->row);
    arena_free(&a->list_keys);
    free(a->list_row);
    free((void *)a->dangling);
    for (unsigned i = 0; i < PROFILE_LISTS_MOST; i++)
        buffer_free(&a->list_value[i]);
    buffer_free(&a->text);
    free(a->next);
    free(a->entry);
    free(a);
}

const struct ese_editor *plan_editor_rows(struct plan_editor *a)
{
    return &a->editor;
}
