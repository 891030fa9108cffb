/* Rows of settings: see repair/plan_editor_parts.h. */
#include "migrate/repair/plan_editor_parts.h"

#include "migrate/profile/settings.h"
#include "migrate/repair/plan_settings.h"

bool editor_has_setting(const struct profile *p, const struct ese_table *table)
{
    struct setting_place place;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++)
        if (profile_place(p, i, &place) && ese_table_is(table, place.table))
            return true;
    return false;
}

bool editor_of_settings(struct plan_editor *a, const struct ese_table *table,
                        const struct ese_record *record, struct ese_row_edit *edit, struct fault *f)
{
    for (unsigned i = 0; i < a->settings; i++) {
        struct setting_place place;
        if (!profile_place(a->model->profile, action_setting(a->setting[i]->kind), &place) ||
            !ese_table_is(table, place.table) || !setting_is_in(&place, table, record))
            continue;
        const struct ese_column *c = ese_table_column(table, place.column);
        if (!plan_setting_value(a->model, a->setting[i], c, &a->text, f) ||
            !editor_put(a, edit, c, buffer_bytes(&a->text), f))
            return false;
    }
    return true;
}

/* What tells a setting's row from the others, in a row that is added. */
static bool add_selection(struct plan_editor *a, const struct ese_table *table,
                          const struct setting_place *place, struct ese_row_edit *edit,
                          struct fault *f)
{
    const struct ese_column *c = ese_table_column(table, place->rows.column);
    bool text = c && ese_column_is_text(c);
    return text ? editor_put_name(a, edit, c, place->rows.value, f)
                : editor_put_integer(a, edit, c, (int32_t)condition_number(&place->rows), f);
}

/* A setting that has no row yet. */
static bool add_setting(struct plan_editor *a, const struct ese_table *table,
                        const struct action *action, int32_t key, struct ese_row_edit *edit,
                        struct fault *f)
{
    const struct ese_column *key_column = ese_table_key_column(table);
    struct setting_place place;
    profile_place(a->model->profile, action_setting(action->kind), &place);
    const struct ese_column *value = ese_table_column(table, place.column);
    if (key_column == NULL || key_column == ese_table_column(table, place.rows.column))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "table %s: there is no setting %s, and a row cannot be added: its primary "
                         "key is not one Long column that only counts",
                         table->name, place.label);
    return editor_put_integer(a, edit, key_column, key, f) &&
           add_selection(a, table, &place, edit, f) &&
           plan_setting_value(a->model, action, value, &a->text, f) &&
           editor_put(a, edit, value, buffer_bytes(&a->text), f);
}

/* The n-th setting of the table that is to be set and has no row. */
bool editor_add_setting(struct plan_editor *a, const struct ese_table *table, unsigned n,
                        struct ese_row_edit *edit, bool *more, struct fault *f)
{
    unsigned without = 0;
    *more = false;
    for (unsigned i = 0; i < a->settings; i++) {
        enum profile_setting_kind which = action_setting(a->setting[i]->kind);
        const struct model_setting *s = &a->model->setting[which];
        struct setting_place place;
        if (s->has_row || !profile_place(a->model->profile, which, &place) ||
            !ese_table_is(table, place.table) || without++ != n)
            continue;
        *more = true;
        if (s->last_key > INT32_MAX - 1 - (int32_t)n)
            return fault_set(f, FAULT_LIMIT, "table %s has no key left for another row",
                             table->name);
        return add_setting(a, table, a->setting[i], s->last_key + 1 + (int32_t)n, edit, f);
    }
    return true;
}
