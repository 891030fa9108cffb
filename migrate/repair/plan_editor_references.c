/* Rows that refer to the list: see repair/plan_editor_parts.h. */
#include "migrate/repair/plan_editor_parts.h"

#include "migrate/judge/names.h"

#include <stdlib.h>

static int by_dangling(const void *x, const void *y)
{
    const struct action *a = *(const struct action *const *)x,
                        *b = *(const struct action *const *)y;
    if (a->reference != b->reference)
        return a->reference < b->reference ? -1 : 1;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

void editor_sort_danglings(struct plan_editor *a)
{
    if (a->danglings > 0)
        qsort(a->dangling, a->danglings, sizeof(const struct action *), by_dangling);
}

static const struct action *dangling_move(const struct plan_editor *a, unsigned reference,
                                          int32_t row, int32_t names)
{
    const struct action wanted = {.reference = reference, .row = row, .entry = names};
    const struct action *const key = &wanted, *const *found = NULL;
    if (a->danglings > 0)
        found =
            bsearch(&key, a->dangling, a->danglings, sizeof(const struct action *), by_dangling);
    return found ? *found : NULL;
}

/* What a reference of the row names, as the model reads it.  False: nothing. */
static bool reference_of(const struct plan_editor *a, unsigned which,
                         const struct ese_record *record, const struct ese_column *c,
                         int32_t *names)
{
    struct ese_value v;
    if (!names_is_bytes(a->model, which)) {
        if (!rows_integer_of(record, c, names))
            return false;
        *names = profile_reference_key(&a->model->profile->reference[which], *names);
        return true;
    }
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN ||
        v.data.size == 0)
        return false;
    *names = names_entry(a->model, which, v.data);
    return true;
}

/* What a reference has to hold once it is moved: bytes of the model, or of `room`. */
static bool moved_value(struct plan_editor *a, unsigned which, const struct action *move,
                        const struct ese_column *c, struct bytes old, uint8_t room[8],
                        struct bytes *value, struct fault *f)
{
    const struct profile_reference *r = &a->model->profile->reference[which];
    if (!names_is_bytes(a->model, which))
        return editor_integer_bytes(c, profile_reference_value(r, move->other), room, value, f);
    bool ok = names_value(a->model, which, move->other, move->certificate, old, &a->text);
    *value = buffer_bytes(&a->text);
    if (a->text.failed)
        return editor_no_memory(f);
    return ok ||
           fault_set(f, FAULT_UNSUPPORTED, "column %s: a reference that cannot be moved", c->name);
}

/* The action that moves a reference which names so; NULL: it stays. */
static const struct action *move_of(const struct plan_editor *a, unsigned which,
                                    const struct ese_table *table, const struct ese_record *record,
                                    int32_t names)
{
    const struct entry_change *change = editor_change_of(a, names, 0);
    int32_t row;
    if (change)
        return change->moved[which];
    return rows_integer_of(record, ese_table_column(table, a->model->profile->reference[which].key),
                           &row)
               ? dangling_move(a, which, row, names)
               : NULL;
}

/* Of a column with several values each moves for itself. */
static bool edit_values(struct plan_editor *a, unsigned which, const struct ese_table *table,
                        const struct ese_record *record, const struct ese_column *c,
                        struct ese_row_edit *edit, struct fault *f)
{
    struct fault why;
    struct ese_values values;
    struct ese_value value;
    fault_clear(&why);
    bool ok = ese_values_of(&values, record, c, &why);
    while (ok && ese_values_next(&values, &value, &why)) {
        int32_t names;
        uint8_t room[8];
        struct bytes to;
        const struct action *move =
            value.kind == ESE_VALUE_PLAIN &&
                    names_in_value(a->model, which, c, value.data, &names, &why)
                ? move_of(a, which, table, record, names)
                : NULL;
        if (move == NULL)
            continue;
        ok = moved_value(a, which, move, c, value.data, room, &to, &why);
        const uint8_t *copy = ok ? arena_copy(&a->row, to) : NULL;
        const struct ese_change change = {
            .column = c, .value = values.count, .data = bytes_of(copy, to.size)};
        ok = ok && (copy ? editor_put_value(edit, &change, &why) : editor_no_memory(&why));
    }
    if (why.code == FAULT_NONE)
        return true;
    if (f)
        *f = why;
    return false;
}

bool editor_of_reference(struct plan_editor *a, unsigned which, const struct ese_column *c,
                         const struct ese_table *table, const struct ese_record *record,
                         struct ese_row_edit *edit, struct fault *f)
{
    struct bytes value;
    struct ese_value old;
    uint8_t room[8];
    int32_t names;
    if (c && (c->flags & ESE_COLUMN_MULTI_VALUED))
        return edit_values(a, which, table, record, c, edit, f);
    if (!reference_of(a, which, record, c, &names) || !ese_record_value(record, c, &old, NULL))
        return true;
    const struct action *move = move_of(a, which, table, record, names);
    return move == NULL || (moved_value(a, which, move, c, old.data, room, &value, f) &&
                            editor_put(a, edit, c, value, f));
}
