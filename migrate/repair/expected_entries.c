/* What a plan says of rows of the list. */
#include "migrate/repair/expected_parts.h"

#include <inttypes.h>

void expected_open_row(struct list_row *l, const struct expected *x, unsigned part)
{
    *l = (struct list_row){.list = &x->model->profile->list[part]};
    roles_open(&l->roles, l->list, x->table);
    for (unsigned i = 0; i < l->roles.columns; i++)
        l->old.null[i] = l->new.null[i] = true;
}

/* Each of the columns for role and trust that has another number than before. */
bool expected_put_roles(const struct list_row *l, struct expected_row *row, struct fault *f)
{
    for (unsigned i = 0; i < l->roles.columns; i++) {
        const struct ese_column *c = l->roles.column[i];
        bool bit = c->type == ESE_COL_BIT;
        if (l->new.null[i] || (!l->old.null[i] && l->old.number[i] == l->new.number[i]))
            continue;
        if (!expected_put(row,
                          &(struct expected_value){.column = c,
                                                   .kind = bit ? EXPECTED_TRUTH : EXPECTED_INTEGER,
                                                   .number = bit ? 0 : (int32_t)l->new.number[i],
                                                   .truth = bit && l->new.number[i] != 0},
                          f))
            return false;
    }
    return true;
}

/* A thumbprint as the column has it: bytes, or hex digits. */
bool expected_put_thumbprint(struct expected *x, const struct list_row *l, struct bytes sha1,
                             struct expected_row *row, struct fault *f)
{
    char hex[2 * HASH_SHA1_SIZE + 1];
    struct expected_value value = {
        .column = expected_column(x, l->list->thumbprint), .kind = EXPECTED_BYTES, .bytes = sha1};
    if (l->list->thumbprint_hex) {
        bytes_hex(sha1, hex, sizeof hex);
        value.bytes = bytes_of(NULL, 0);
        value.kind = EXPECTED_TEXT;
        value.text = arena_copy(&x->values, bytes_of(hex, sizeof hex));
        if (value.text == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    }
    return expected_put(row, &value, f);
}

static bool by_action(struct expected *x, struct list_row *l, const struct action *a,
                      struct expected_row *row, struct fault *f)
{
    switch (a->kind) {
    case ACTION_DROP_ENTRY:
        row->dropped = true;
        return true;
    case ACTION_SET_ROLE:
        return roles_set_role(&l->roles, &l->new, a->role, f);
    case ACTION_SET_TRUST:
        return roles_set_trust(&l->roles, &l->new, a->trust, f);
    case ACTION_SET_NAME:
        return expected_put(row,
                            &(struct expected_value){.column = expected_column(x, l->list->name),
                                                     .kind = EXPECTED_TEXT,
                                                     .text = a->text},
                            f);
    case ACTION_SET_IMPORTED:
        return expected_put(
            row,
            &(struct expected_value){.column = expected_column(x, l->list->imported),
                                     .kind = EXPECTED_DATE,
                                     .days = a->days},
            f);
    case ACTION_SET_THUMBPRINT:
        return expected_put_thumbprint(x, l, a->value, row, f);
    default: /* not of a row of the list */
        return true;
    }
}

/* Does the row have the bytes that the entry's key is a number for? */
static bool is_key(const struct expected *x, const struct ese_record *record,
                   const struct ese_column *c, const struct model_entry *e)
{
    struct ese_value v;
    return e && c && ese_record_value(record, c, &v, NULL) && v.kind == ESE_VALUE_PLAIN &&
           bytes_equal(v.data, names_key_bytes(x->model, e->key));
}

/* Is it the row that was judged as that entry? */
static bool is_entry(const struct expected *x, const struct list_row *l,
                     const struct ese_record *record, const struct model_entry *e, struct fault *f)
{
    const struct ese_column *c = expected_column(x, l->list->key);
    int32_t key = 0;
    if (x->model->byte_keys)
        key = is_key(x, record, c, e) ? e->key : 0;
    else
        rows_integer_of(record, c, &key);
    return e->key == key || fault_set(f, FAULT_DAMAGED,
                                      "expected a list of %u entries, with entry %d here; found %d",
                                      x->model->entries, e->key, key);
}

bool expected_of_entry(struct expected *x, const struct ese_record *record, unsigned number,
                       struct expected_row *row, struct fault *f)
{
    const struct model *m = x->model;
    const struct model_entry *e = model_entry_of_row(m, x->table, number);
    struct list_row l;
    if (e == NULL)
        return x->has_other_rows ||
               fault_set(f, FAULT_DAMAGED, "expected a list of %u entries, found a row more",
                         m->entries);
    expected_open_row(&l, x, e->part);
    if (!is_entry(x, &l, record, e, f))
        return false;
    roles_read(&l.roles, record, &l.old);
    l.new = l.old;
    for (uint32_t i = x->first[e - m->entry]; i != NONE; i = x->next[i]) {
        const struct action *a = &x->plan->action[i];
        if (a->kind == ACTION_MOVE_REFERENCES)
            continue;
        x->seen[i]++;
        if (!by_action(x, &l, a, row, f))
            return false;
    }
    return expected_put_roles(&l, row, f);
}
