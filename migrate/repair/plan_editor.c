/*
 * From actions to changes of rows: see repair/plan_editor.h.
 *
 * A row of the list is known by its primary key, which need not be the key that the profile names;
 * a reference's new value is looked up by the entry that it names.  So each row costs a search in
 * the list.
 */
#include "migrate/repair/plan_editor.h"

#include "formats/arena.h"
#include "migrate/judge/names.h"
#include "migrate/profile/settings.h"
#include "migrate/repair/plan_settings.h"
#include "formats/certs/certs.h"
#include "formats/ese/layout/text.h"

#include <stdlib.h>
#include <strings.h>

#define NONE SIZE_MAX

/* What becomes of one entry, and of the references to it. */
struct entry_change {
    bool drop;
    size_t first, last; /* actions that change its row, chained by plan_editor.next; NONE */
    struct bytes properties;
    const struct action *moved[PROFILE_REFERENCES_MOST]; /* NULL: what names it stays */
};

/* A row of the list, as its tree has it. */
struct list_row {
    unsigned table; /* the first part of the list that is in it */
    struct bytes key;
    unsigned twin;  /* how many rows before it have the same */
    unsigned entry; /* of the model */
};

struct plan_editor {
    const struct model *model;
    const struct plan *plan;
    struct ese_editor editor;
    struct entry_change *entry; /* as model->entry */
    size_t *next;               /* by action: the next one of its entry; NONE */
    struct list_row *list_row;  /* as many as entries, by table, in the order of its tree */
    unsigned list_rows;
    struct arena list_keys;
    const struct action **dangling; /* EFFECT_MOVE_ONE, in order */
    size_t danglings;
    const struct action *added;                 /* NULL: no entry is added */
    const struct action *setting[ACTION_KINDS]; /* EFFECT_SETTING, in the order of the plan */
    unsigned settings;
    struct buffer list_value[PROFILE_LISTS_MOST]; /* as it is to be, as the profile's */
    bool rewrite[PROFILE_LISTS_MOST];
    struct buffer text; /* a name in the column's code page */
    struct arena row;   /* what the changes of the row in hand point at */
};

static struct entry_change *change_of(const struct plan_editor *a, int32_t key, unsigned twin)
{
    const struct model *m = a->model;
    const struct model_entry *e = model_entry(m, key);
    for (; e && e < m->entry + m->entries && e->key == key; e++)
        if (e->twin == twin)
            return &a->entry[e - m->entry];
    return NULL;
}

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
    struct entry_change *c = change_of(a, action->entry, action->twin);
    if (c == NULL && (action_is_of_entry(action->kind) || effect == EFFECT_MOVE_ALL))
        return fault_set(f, FAULT_UNSUPPORTED, "the plan changes entry %d, which is not there",
                         action->entry);
    unsigned part = c ? a->model->entry[c - a->entry].part : 0;
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

/* What becomes of the entries of a list value, asked for one after the other. */
struct list_changes {
    const struct plan_editor *editor;
    unsigned position;
};

static bool stays_in_list(void *context, const struct certlist_entry *item, struct bytes *more)
{
    struct list_changes *l = context;
    if (item->type != CERTLIST_CERTIFICATE)
        return true;
    const struct entry_change *c = &l->editor->entry[l->position++];
    if (!c->drop)
        *more = c->properties;
    return !c->drop;
}

/* The new list value, put together before the first row is written.  What is no certificate, what
 * was signed around the list, and what stands behind its end is kept as it is. */
static bool make_list_value(struct plan_editor *a, unsigned part, struct fault *f)
{
    const struct model_value *v = &a->model->value[part];
    struct list_changes changes = {.editor = a, .position = v->first};
    struct certlist_entry added = {.type = CERTLIST_CERTIFICATE, .encoding = SST_ENCODING};
    if (a->added)
        added.encoded = a->model->certificate[a->added->certificate].der;
    return certlist_rewrite_and_add(v->bytes, &v->form, stays_in_list, &changes,
                                    a->added ? &added : NULL, &a->list_value[part], f) ||
           fault_context(f, "the list value cannot be written anew");
}

static bool make_list_values(struct plan_editor *a, struct fault *f)
{
    bool in_value = a->model->match == PROFILE_MATCHES_VALUE;
    unsigned parts = in_value ? a->model->profile->values : a->model->profile->lists;
    if (a->added && parts > 1)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "an entry cannot be added: the list is in %u parts, and the profile does "
                         "not say which of them it would be in",
                         parts);
    for (unsigned i = 0; in_value && i < parts; i++)
        if (a->rewrite[i] && !make_list_value(a, i, f))
            return false;
    return true;
}

/* ---- rows ---- */

static bool no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for applying the plan");
}

/* Every change has bytes of its own: two of one row never share them. */
static bool add_change(struct plan_editor *a, struct ese_row_edit *edit,
                       const struct ese_column *column, struct bytes data, struct fault *f)
{
    if (column == NULL)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "the plan changes something for which the profile names no column");
    for (unsigned i = 0; i < edit->changes; i++)
        if (edit->change[i].column == column)
            return bytes_equal(edit->change[i].data, data) ||
                   fault_set(f, FAULT_UNSUPPORTED,
                             "column %s: two actions of the plan give one row different values",
                             column->name);
    if (edit->changes == ESE_EDIT_CHANGES_MOST)
        return fault_set(f, FAULT_LIMIT, "a row with more than %d changes", ESE_EDIT_CHANGES_MOST);
    const uint8_t *copy = arena_copy(&a->row, data);
    if (copy == NULL)
        return no_memory(f);
    edit->fate = ESE_ROW_CHANGE;
    edit->change[edit->changes++] =
        (struct ese_change){.column = column, .data = bytes_of(copy, data.size)};
    return true;
}

/* An integer, in as many bytes as the column has. */
static bool integer_bytes(const struct ese_column *column, int32_t value, uint8_t bytes[8],
                          struct bytes *out, struct fault *f)
{
    size_t size = column ? ese_coltype_size(column->type) : 8;
    bytes_put_le64(bytes, (uint64_t)(int64_t)value);
    if (size == 0 || size > 8 || (size == 1 && (value < 0 || value > UINT8_MAX)) ||
        (size == 2 && column->type == ESE_COL_SHORT && (value < INT16_MIN || value > INT16_MAX)) ||
        (size == 2 && column->type != ESE_COL_SHORT && (value < 0 || value > UINT16_MAX)) ||
        (column &&
         (column->type == ESE_COL_UNSIGNED_LONG || column->type == ESE_COL_UNSIGNED_LONG_LONG) &&
         value < 0))
        return fault_set(f, FAULT_UNSUPPORTED, "column %s cannot hold the number %d", column->name,
                         value);
    *out = bytes_of(bytes, size);
    return true;
}

static bool add_integer(struct plan_editor *a, struct ese_row_edit *edit,
                        const struct ese_column *column, int32_t value, struct fault *f)
{
    uint8_t room[8];
    struct bytes bytes;
    return integer_bytes(column, value, room, &bytes, f) && add_change(a, edit, column, bytes, f);
}

static bool add_date(struct plan_editor *a, struct ese_row_edit *edit,
                     const struct ese_column *column, double days, struct fault *f)
{
    uint8_t bytes[8];
    uint64_t bits;
    memcpy(&bits, &days, sizeof bits);
    bytes_put_le64(bytes, bits);
    if (column && ese_coltype_size(column->type) != sizeof bytes)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s cannot hold a date", column->name);
    return add_change(a, edit, column, bytes_of(bytes, sizeof bytes), f);
}

/* The columns for role and trust that have to hold another number than before. */
static bool add_roles(struct plan_editor *a, struct ese_row_edit *edit, const struct roles *roles,
                      const struct roles_row *old, const struct roles_row *new, struct fault *f)
{
    for (unsigned i = 0; i < roles->columns; i++) {
        const struct ese_column *c = roles->column[i];
        int64_t number = new->number[i];
        if (new->null[i] || (!old->null[i] && old->number[i] == number))
            continue;
        if (number < INT32_MIN || number > INT32_MAX)
            return fault_set(f, FAULT_UNSUPPORTED, "column %s: %lld takes more than 32 bits",
                             c->name, (long long)number);
        if (c->type == ESE_COL_BIT && number)
            number = UINT8_MAX;
        if (!add_integer(a, edit, c, (int32_t)number, f))
            return false;
    }
    return true;
}

/* As the model reads it: an integer that fits 32 bits. */
static bool integer_of(const struct ese_record *record, const struct ese_column *c, int32_t *value)
{
    struct ese_value v;
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN ||
        v.data.size == 0 || v.data.size > sizeof(int64_t))
        return false;
    uint64_t bits = bytes_number(v.data);
    int64_t number = c->type == ESE_COL_SHORT  ? (int16_t)bits
                     : c->type == ESE_COL_LONG ? (int32_t)bits
                                               : (int64_t)bits;
    *value = (int32_t)number;
    return number >= INT32_MIN && number <= INT32_MAX;
}

/* Text for a column: UTF-8 into its code page.  What does not fit there is refused before it is
 * written. */
static bool text_for(struct plan_editor *a, const struct ese_column *c, const char *utf8,
                     struct bytes *out, struct fault *f)
{
    buffer_clear(&a->text);
    bool ok = ese_text_encode(c->code_page, bytes_of(utf8, strlen(utf8)), &a->text);
    *out = buffer_bytes(&a->text);
    if (a->text.failed)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    return ok ||
           fault_set(f, FAULT_UNSUPPORTED, "column %s: code page %u cannot hold the text %.60s",
                     c->name, c->code_page, utf8);
}

static int by_row(const void *x, const void *y)
{
    const struct list_row *a = x, *b = y;
    if (a->table != b->table)
        return (a->table > b->table) - (a->table < b->table);
    int order = bytes_compare(a->key, b->key);
    return order ? order : (a->twin > b->twin) - (a->twin < b->twin);
}

static bool add_name(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                     const char *utf8, struct fault *f)
{
    struct bytes text = {.at = NULL};
    return (c == NULL || text_for(a, c, utf8, &text, f)) && add_change(a, edit, c, text, f);
}

/* As the column has it: a text in its code page, or as it is where the column is none of text. */
static bool add_text(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                     const char *utf8, struct fault *f)
{
    bool is_text = c && (c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT);
    return is_text ? add_name(a, edit, c, utf8, f)
                   : add_change(a, edit, c, bytes_of(utf8, strlen(utf8)), f);
}

/* A row that gets cells: what it has in the columns for role and trust, which are put together
 * before they are written, since they may be bits of one. */
struct cells {
    struct roles roles;
    struct roles_row old, new;
};

/* record: NULL for a new row. */
static void open_cells(struct cells *c, const struct profile_list *list,
                       const struct ese_table *table, const struct ese_record *record)
{
    *c = (struct cells){.old = {.number = {0}}};
    roles_open(&c->roles, list, table);
    for (unsigned i = 0; i < c->roles.columns; i++)
        c->old.null[i] = true;
    if (record)
        roles_read(&c->roles, record, &c->old);
    c->new = c->old;
}

static bool add_hex(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                    struct bytes value, struct fault *f)
{
    char hex[2 * HASH_SHA1_SIZE + 1];
    return add_name(a, edit, c, bytes_hex(value, hex, sizeof hex), f);
}

static bool add_cell(struct plan_editor *a, const struct ese_table *table, struct cells *row,
                     const struct action_cell *cell, struct ese_row_edit *edit, struct fault *f)
{
    const struct ese_column *c = ese_table_column(table, cell->column);
    if (c == NULL && cell->optional)
        return true;
    switch (cell->kind) {
    case CELL_INTEGER:
        return add_integer(a, edit, c, cell->integer, f);
    case CELL_DATE:
        return add_date(a, edit, c, cell->date, f);
    case CELL_BYTES:
        return add_change(a, edit, c, cell->bytes, f);
    case CELL_HEX:
        return add_hex(a, edit, c, cell->bytes, f);
    case CELL_ROLE:
        return roles_set_role(&row->roles, &row->new, cell->role, f);
    case CELL_TRUST:
        return roles_set_trust(&row->roles, &row->new, cell->trust, f);
    case CELL_TEXT:
        break;
    }
    return add_text(a, edit, c, cell->text, f);
}

/* The values that an action gives to a row. */
static bool add_cells(struct plan_editor *a, const struct ese_table *table, struct cells *row,
                      const struct action *action, struct ese_row_edit *edit, struct fault *f)
{
    struct action_cell cell[ACTION_CELLS_MOST];
    unsigned cells = action_cells(a->model, action, cell);
    for (unsigned i = 0; i < cells; i++)
        if (!add_cell(a, table, row, &cell[i], edit, f))
            return false;
    return true;
}

/* A table of the list, by the first part that is in it. */
static unsigned list_table(const struct profile *p, const struct ese_table *table)
{
    unsigned part = 0;
    while (part < p->lists && !ese_table_is(table, p->list[part].table))
        part++;
    return part;
}

/* Is every row of the table an entry? */
static bool has_only_entries(const struct profile *p, const struct ese_table *table)
{
    for (unsigned i = 0; i < p->lists; i++)
        if (ese_table_is(table, p->list[i].table) && condition_is_there(&p->list[i].rows))
            return false;
    return true;
}

static bool edit_entry(struct plan_editor *a, const struct ese_table *table,
                       const struct ese_record *record, struct bytes key, unsigned twin,
                       struct ese_row_edit *edit, struct fault *f)
{
    const struct list_row wanted = {list_table(a->model->profile, table), key, twin, 0},
                          *row = a->list_rows == 0 ? NULL
                                                   : bsearch(&wanted, a->list_row, a->list_rows,
                                                             sizeof wanted, by_row);
    if (row == NULL)
        return !has_only_entries(a->model->profile, table) ||
               fault_set(f, FAULT_DAMAGED, "table %s has a row that it did not have before",
                         table->name);
    const struct entry_change *c = &a->entry[row->entry];
    if (c->drop) {
        edit->fate = ESE_ROW_DROP;
        return true;
    }
    if (c->first == NONE)
        return true;
    struct cells cells;
    open_cells(&cells, model_list_of(a->model, &a->model->entry[row->entry]), table, record);
    for (size_t i = c->first; i != NONE; i = a->next[i])
        if (!add_cells(a, table, &cells, &a->plan->action[i], edit, f))
            return false;
    return add_roles(a, edit, &cells.roles, &cells.old, &cells.new, f);
}

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
        if (!integer_of(record, c, names))
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
        return integer_bytes(c, profile_reference_value(r, move->other), room, value, f);
    bool ok = names_value(a->model, which, move->other, move->certificate, old, &a->text);
    *value = buffer_bytes(&a->text);
    if (a->text.failed)
        return no_memory(f);
    return ok ||
           fault_set(f, FAULT_UNSUPPORTED, "column %s: a reference that cannot be moved", c->name);
}

/* The action that moves a reference which names so; NULL: it stays. */
static const struct action *move_of(const struct plan_editor *a, unsigned which,
                                    const struct ese_table *table, const struct ese_record *record,
                                    int32_t names)
{
    const struct entry_change *change = change_of(a, names, 0);
    int32_t row;
    if (change)
        return change->moved[which];
    return integer_of(record, ese_table_column(table, a->model->profile->reference[which].key),
                      &row)
               ? dangling_move(a, which, row, names)
               : NULL;
}

/* A change of one of a column's values. */
static bool add_value_change(struct ese_row_edit *edit, const struct ese_change *change,
                             struct fault *f)
{
    if (edit->changes == ESE_EDIT_CHANGES_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %d values of a row change",
                         ESE_EDIT_CHANGES_MOST);
    edit->fate = ESE_ROW_CHANGE;
    edit->change[edit->changes++] = *change;
    return true;
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
        ok = ok && (copy ? add_value_change(edit, &change, &why) : no_memory(&why));
    }
    if (why.code == FAULT_NONE)
        return true;
    if (f)
        *f = why;
    return false;
}

static bool edit_reference(struct plan_editor *a, unsigned which, const struct ese_table *table,
                           const struct ese_record *record, struct ese_row_edit *edit,
                           struct fault *f)
{
    const struct ese_column *c =
        ese_table_column(table, a->model->profile->reference[which].column);
    struct bytes value;
    struct ese_value old;
    uint8_t room[8];
    int32_t names;
    if (a->model->profile->reference[which].names == NAMES_ISSUER_SERIAL)
        return true; /* nothing moves: identities_stay() */
    if (c && (c->flags & ESE_COLUMN_MULTI_VALUED))
        return edit_values(a, which, table, record, c, edit, f);
    if (!reference_of(a, which, record, c, &names) || !ese_record_value(record, c, &old, NULL))
        return true;
    const struct action *move = move_of(a, which, table, record, names);
    return move == NULL || (moved_value(a, which, move, c, old.data, room, &value, f) &&
                            add_change(a, edit, c, value, f));
}

/* Does a row have the list, as the profile selects it?  By a text in any code page, or a number. */
static bool is_selected(struct plan_editor *a, const struct profile_value *p,
                        const struct ese_table *table, const struct ese_record *record)
{
    const struct ese_column *c = ese_table_column(table, p->select);
    struct ese_value v;
    char number[16];
    int32_t found;
    if (p->select == NULL)
        return true;
    if (c && c->type != ESE_COL_TEXT && c->type != ESE_COL_LONG_TEXT) {
        bool has = integer_of(record, c, &found);
        snprintf(number, sizeof number, "%d", has ? found : 0);
        return has && strcmp(number, p->equals) == 0;
    }
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN)
        return false;
    struct ese_text text = {.code_page = c->code_page};
    buffer_clear(&a->text);
    if (!buffer_reserve(&a->text, v.data.size * ESE_TEXT_GROWTH + ESE_TEXT_CARRY + 1))
        return false; /* lack of memory is noted where it happens */
    char *to = (char *)a->text.at;
    size_t size = ese_text_convert(&text, v.data, to);
    size += ese_text_end(&text, to + size);
    to[size] = '\0';
    return strcasecmp(to, p->equals) == 0;
}

static bool edit_settings(struct plan_editor *a, const struct ese_table *table,
                          const struct ese_record *record, struct ese_row_edit *edit,
                          struct fault *f)
{
    for (unsigned i = 0; i < a->settings; i++) {
        struct setting_place place;
        if (!profile_place(a->model->profile, action_setting(a->setting[i]->kind), &place) ||
            !ese_table_is(table, place.table) || !setting_is_in(&place, table, record))
            continue;
        const struct ese_column *c = ese_table_column(table, place.column);
        if (!plan_setting_value(a->model, a->setting[i], c, &a->text, f) ||
            !add_change(a, edit, c, buffer_bytes(&a->text), f))
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
    bool text = c && (c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT);
    return text ? add_name(a, edit, c, place->rows.value, f)
                : add_integer(a, edit, c, (int32_t)condition_number(&place->rows), f);
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
    return add_integer(a, edit, key_column, key, f) && add_selection(a, table, &place, edit, f) &&
           plan_setting_value(a->model, action, value, &a->text, f) &&
           add_change(a, edit, value, buffer_bytes(&a->text), f);
}

/* A list in the values of a column: each is an entry, and those that stay are not touched. */
static bool edit_list_values(struct plan_editor *a, const struct model_value *v,
                             const struct ese_column *c, struct ese_row_edit *edit, struct fault *f)
{
    const struct model *m = a->model;
    for (unsigned i = 0; i < v->entries; i++)
        if (a->entry[v->first + i].drop &&
            !add_value_change(edit, &(struct ese_change){.column = c, .value = i + 1, .null = true},
                              f))
            return false;
    return a->added == NULL ||
           add_value_change(edit,
                            &(struct ese_change){.column = c,
                                                 .value = ESE_CHANGE_BEHIND,
                                                 .data = m->certificate[a->added->certificate].der},
                            f);
}

/* A piece of the list: what stands in it now; its row goes when the list ends before it. */
static bool edit_piece(struct plan_editor *a, unsigned part, const struct ese_table *table,
                       const struct ese_record *record, struct ese_row_edit *edit, struct fault *f)
{
    const struct profile_value *p = &a->model->profile->value[part];
    const struct pieces *pieces = &a->model->value[part].pieces;
    struct bytes whole = buffer_bytes(&a->list_value[part]), old = a->model->value[part].bytes;
    int32_t order;
    unsigned which;
    if (whole.size > pieces->count * pieces->length)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "the list would need more pieces than the %u rows of table %s that there are",
            pieces->count, table->name);
    if (!integer_of(record, ese_table_column(table, p->join), &order) ||
        !pieces_find(pieces, order, &which))
        return fault_set(f, FAULT_DAMAGED, "table %s has a piece that it did not have before",
                         table->name);
    struct bytes piece = pieces_cut(pieces, which, whole);
    if (piece.size == 0)
        edit->fate = ESE_ROW_DROP;
    return piece.size == 0 || bytes_equal(piece, pieces_cut(pieces, which, old)) ||
           add_change(a, edit, ese_table_column(table, p->column), piece, f);
}

static bool edit_list_value(struct plan_editor *a, unsigned part, const struct ese_table *table,
                            const struct ese_record *record, struct ese_row_edit *edit,
                            struct fault *f)
{
    const struct profile_value *p = &a->model->profile->value[part];
    const struct model_value *v = &a->model->value[part];
    if (!a->rewrite[part] || !ese_table_is(table, p->table) || !is_selected(a, p, table, record))
        return true;
    return p->join          ? edit_piece(a, part, table, record, edit, f)
           : v->form.values ? edit_list_values(a, v, ese_table_column(table, p->column), edit, f)
                            : add_change(a, edit, ese_table_column(table, p->column),
                                         buffer_bytes(&a->list_value[part]), f);
}

static bool edit_list(struct plan_editor *a, const struct ese_table *table,
                      const struct ese_record *record, struct ese_row_edit *edit, struct fault *f)
{
    bool in_value = a->model->match == PROFILE_MATCHES_VALUE;
    for (unsigned i = 0; in_value && i < a->model->profile->values; i++)
        if (!edit_list_value(a, i, table, record, edit, f))
            return false;
    return true;
}

/* ---- the editor ---- */

static bool has_setting(const struct profile *p, const struct ese_table *table)
{
    struct setting_place place;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++)
        if (profile_place(p, i, &place) && ese_table_is(table, place.table))
            return true;
    return false;
}

static bool wants(void *context, const struct ese_table *table)
{
    const struct plan_editor *a = context;
    const struct profile *p = a->model->profile;
    if (model_is_list_table(a->model, table) || has_setting(p, table))
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

static bool edit_row(void *context, const struct ese_table *table, const struct ese_record *record,
                     struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    struct plan_editor *a = context;
    const struct profile *p = a->model->profile;
    arena_free(&a->row);
    if (model_is_list_table(a->model, table)) {
        if (!edit_entry(a, table, record, key, twin, edit, f))
            return false;
        if (edit->fate == ESE_ROW_DROP) /* whatever else is said of it: it goes */
            return true;
    }
    for (unsigned i = 0; i < p->references; i++)
        if (ese_table_is(table, p->reference[i].table) &&
            !edit_reference(a, i, table, record, edit, f))
            return false;
    if (!edit_settings(a, table, record, edit, f))
        return false;
    return edit_list(a, table, record, edit, f);
}

static bool row(void *context, const struct ese_table *table, const struct ese_record *record,
                struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    return edit_row(context, table, record, key, twin, edit, f) && keeps_its_key(table, edit, f);
}

/* The n-th setting of the table that is to be set and has no row. */
static bool add_nth_setting(struct plan_editor *a, const struct ese_table *table, unsigned n,
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

/* A new row of the list, which is in one part, --issuing-ca FILE. */
static bool add_listed(struct plan_editor *a, const struct ese_table *table,
                       struct ese_row_edit *edit, struct fault *f)
{
    const struct profile_list *list = &a->model->profile->list[0];
    const struct ese_column *key = ese_table_column(table, list->key);
    struct cells cells;
    if (key == NULL || key != ese_table_key_column(table))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "table %s: an entry cannot be added: its primary key is not the one Long "
                         "column %s",
                         table->name, list->key ? list->key : "");
    if (!wrapping_is_none(&list->wrapping) || condition_is_there(&list->rows))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "table %s: an entry cannot be added: what stands around a certificate "
                         "there (skip = %d, pack), or in rows of the list alone (rows), is only "
                         "known to be read",
                         table->name, list->wrapping.skip);
    open_cells(&cells, list, table, NULL);
    return add_cells(a, table, &cells, a->added, edit, f) &&
           add_roles(a, edit, &cells.roles, &cells.old, &cells.new, f);
}

static bool add(void *context, const struct ese_table *table, unsigned n, struct ese_row_edit *edit,
                bool *more, struct fault *f)
{
    struct plan_editor *a = context;
    arena_free(&a->row);
    bool ok = add_nth_setting(a, table, n, edit, more, f);
    if (!ok || *more)
        return ok;
    *more = n == 0 && a->added && model_is_list_table(a->model, table);
    return !*more || add_listed(a, table, edit, f);
}

/* ---- opening ---- */

/* What the last row was, so that the next knows whether it is its twin. */
struct keys {
    const struct ese_table *table;
    struct buffer last;
    unsigned row, twin;
};

/* The row that the cursor is at: noted, when it is an entry. */
static bool note_row(struct plan_editor *a, struct keys *k, const struct ese_cursor *cursor,
                     struct fault *f)
{
    const struct model_entry *e = model_entry_of_row(a->model, k->table, k->row);
    bool same = k->row > 0 && bytes_equal(buffer_bytes(&k->last), cursor->key);
    k->twin = same ? k->twin + 1 : 0;
    k->row++;
    buffer_clear(&k->last);
    if (!buffer_add(&k->last, cursor->key))
        return no_memory(f);
    if (e == NULL)
        return !has_only_entries(a->model->profile, k->table) ||
               fault_set(f, FAULT_DAMAGED, "table %s changed while it was read", k->table->name);
    const uint8_t *copy = arena_copy(&a->list_keys, cursor->key);
    if (copy == NULL)
        return no_memory(f);
    a->list_row[a->list_rows++] =
        (struct list_row){list_table(a->model->profile, k->table), bytes_of(copy, cursor->key.size),
                          k->twin, (unsigned)(e - a->model->entry)};
    return true;
}

/* The keys of a table's rows, in their order: entry and row are told by each other's place. */
static bool read_table_keys(struct plan_editor *a, const struct ese_table *table, struct fault *f)
{
    struct ese_cursor cursor;
    struct keys keys = {.table = table};
    enum ese_step step = ESE_STEP_END;
    ese_cursor_open(&cursor, a->model->store->db->pages, table->root, table->objid);
    bool ok = true;
    while (ok && (step = ese_cursor_next(&cursor, f)) == ESE_STEP_NODE)
        ok = note_row(a, &keys, &cursor, f);
    ese_cursor_close(&cursor);
    buffer_free(&keys.last);
    return ok && step == ESE_STEP_END;
}

static bool read_list_keys(struct plan_editor *a, struct fault *f)
{
    const struct model *m = a->model;
    const struct ese_catalog *catalog = m->store->db->catalog;
    a->list_row = calloc((size_t)m->entries + 1, sizeof *a->list_row);
    if (a->list_row == NULL)
        return no_memory(f);
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (model_is_list_table(m, table) && !read_table_keys(a, table, f))
            return false;
    }
    if (a->list_rows > 0)
        qsort(a->list_row, a->list_rows, sizeof *a->list_row, by_row);
    return m->match != PROFILE_MATCHES_ROWS || a->list_rows == m->entries ||
           fault_set(f, FAULT_DAMAGED, "the list changed while it was read");
}

static bool take_plan(struct plan_editor *a, struct fault *f)
{
    for (unsigned i = 0; i < a->model->entries; i++)
        a->entry[i].first = NONE;
    for (size_t i = 0; i < a->plan->actions; i++)
        if (!take_action(a, i, f))
            return false;
    if (a->danglings > 0)
        qsort(a->dangling, a->danglings, sizeof(const struct action *), by_dangling);
    return true;
}

struct plan_editor *plan_editor_open(const struct model *model, const struct plan *plan,
                                     struct fault *f)
{
    struct plan_editor *a = calloc(1, sizeof *a);
    if (a == NULL) {
        no_memory(f);
        return NULL;
    }
    a->model = model;
    a->plan = plan;
    a->editor = (struct ese_editor){.context = a, .wants = wants, .row = row, .add = add};
    a->entry = calloc((size_t)model->entries + 1, sizeof *a->entry);
    a->next = calloc(plan->actions + 1, sizeof *a->next);
    a->dangling = calloc(plan->actions + 1, sizeof(const struct action *));
    bool ok = (a->entry && a->next && a->dangling) || no_memory(f);
    if (ok && take_plan(a, f) && read_list_keys(a, f) && make_list_values(a, f))
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
