/*
 * Rows of the list: see repair/plan_editor_parts.h.
 *
 * A row is known by its primary key, which need not be the key that the profile names; the n-th row
 * of a table is the model's n-th entry of it, so the keys are read once, in that order.
 */
#include "migrate/repair/plan_editor_parts.h"

#include "formats/ese/read/cursor.h"

#include <stdlib.h>

struct entry_change *editor_change_of(const struct plan_editor *a, int32_t key, unsigned twin)
{
    const struct model *m = a->model;
    const struct model_entry *e = model_entry(m, key);
    for (; e && e < m->entry + m->entries && e->key == key; e++)
        if (e->twin == twin)
            return &a->entry[e - m->entry];
    return NULL;
}

/* ---- what becomes of a row ---- */

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

static bool add_cell(struct plan_editor *a, const struct ese_table *table, struct cells *row,
                     const struct action_cell *cell, struct ese_row_edit *edit, struct fault *f)
{
    const struct ese_column *c = ese_table_column(table, cell->column);
    if (c == NULL && cell->optional)
        return true;
    switch (cell->kind) {
    case CELL_INTEGER:
        return editor_put_integer(a, edit, c, cell->integer, f);
    case CELL_DATE:
        return editor_put_date(a, edit, c, cell->date, f);
    case CELL_BYTES:
        return editor_put(a, edit, c, cell->bytes, f);
    case CELL_HEX:
        return editor_put_hex(a, edit, c, cell->bytes, f);
    case CELL_ROLE:
        return roles_set_role(&row->roles, &row->new, cell->role, f);
    case CELL_TRUST:
        return roles_set_trust(&row->roles, &row->new, cell->trust, f);
    case CELL_TEXT:
        break;
    }
    return editor_put_text(a, edit, c, cell->text, f);
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
        if (!editor_put_integer(a, edit, c, (int32_t)number, f))
            return false;
    }
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

static int by_row(const void *x, const void *y)
{
    const struct editor_list_row *a = x, *b = y;
    if (a->table != b->table)
        return (a->table > b->table) - (a->table < b->table);
    int order = bytes_compare(a->key, b->key);
    return order ? order : (a->twin > b->twin) - (a->twin < b->twin);
}

bool editor_of_entry(struct plan_editor *a, const struct ese_table *table,
                     const struct ese_record *record, struct bytes key, unsigned twin,
                     struct ese_row_edit *edit, struct fault *f)
{
    const struct editor_list_row wanted = {list_table(a->model->profile, table), key, twin, 0},
                                 *row = a->list_rows == 0
                                            ? NULL
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

/* A new row of the list: --issuing-ca FILE. */
bool editor_add_listed(struct plan_editor *a, const struct ese_table *table,
                       struct ese_row_edit *edit, struct fault *f)
{
    const struct profile_list *list = &a->model->profile->list[a->added->part];
    const struct ese_column *key = ese_table_column(table, list->key);
    struct cells cells;
    if (key == NULL || key != ese_table_key_column(table))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "table %s: an entry cannot be added: its primary key is not the one Long "
                         "column %s",
                         table->name, list->key ? list->key : "");
    open_cells(&cells, list, table, NULL);
    return add_cells(a, table, &cells, a->added, edit, f) &&
           add_roles(a, edit, &cells.roles, &cells.old, &cells.new, f);
}

/* ---- which entry a row is ---- */

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
        return editor_no_memory(f);
    if (e == NULL)
        return !has_only_entries(a->model->profile, k->table) ||
               fault_set(f, FAULT_DAMAGED, "table %s changed while it was read", k->table->name);
    const uint8_t *copy = arena_copy(&a->list_keys, cursor->key);
    if (copy == NULL)
        return editor_no_memory(f);
    a->list_row[a->list_rows++] = (struct editor_list_row){
        list_table(a->model->profile, k->table), bytes_of(copy, cursor->key.size), k->twin,
        (unsigned)(e - a->model->entry)};
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

bool editor_read_list_keys(struct plan_editor *a, struct fault *f)
{
    const struct model *m = a->model;
    const struct ese_catalog *catalog = m->store->db->catalog;
    a->list_row = calloc((size_t)m->entries + 1, sizeof *a->list_row);
    if (a->list_row == NULL)
        return editor_no_memory(f);
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
