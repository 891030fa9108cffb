/* The list in a value, in values or in pieces: see repair/plan_editor_parts.h. */
#include "migrate/repair/plan_editor_parts.h"

#include "formats/certs/certs.h"
#include "formats/ese/layout/text.h"

#include <strings.h>

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
    bool adds = a->added && a->added->part == part;
    if (adds)
        added.encoded = a->model->certificate[a->added->certificate].der;
    const struct wrapping *wrapping = &a->model->profile->value[part].wrapping;
    struct buffer list = {0};
    bool ok = certlist_rewrite(v->bytes, &v->form, stays_in_list, &changes, adds ? &added : NULL,
                               &list, f) &&
              wrapping_put_on(wrapping, v->stored, buffer_bytes(&list), &a->list_value[part], f);
    buffer_free(&list);
    return ok || fault_context(f, "the list value cannot be written anew");
}

bool editor_make_list_values(struct plan_editor *a, struct fault *f)
{
    unsigned values = a->model->match == PROFILE_MATCHES_VALUE ? a->model->profile->values : 0;
    for (unsigned i = 0; i < values; i++)
        if (a->rewrite[i] && !make_list_value(a, i, f))
            return false;
    return true;
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
    if (c && !ese_column_is_text(c)) {
        bool has = rows_integer_of(record, c, &found);
        snprintf(number, sizeof number, "%d", has ? found : 0);
        return has && strcmp(number, p->equals) == 0;
    }
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN)
        return false;
    buffer_clear(&a->text); /* lack of memory is noted where it happens */
    return ese_text_add(c->code_page, v.data, &a->text) &&
           strcasecmp((const char *)a->text.at, p->equals) == 0;
}

/* A list in the values of a column: each is an entry, and those that stay are not touched. */
static bool edit_list_values(struct plan_editor *a, const struct model_value *v,
                             const struct ese_column *c, struct ese_row_edit *edit, struct fault *f)
{
    const struct model *m = a->model;
    for (unsigned i = 0; i < v->entries; i++)
        if (a->entry[v->first + i].drop &&
            !editor_put_value(edit, &(struct ese_change){.column = c, .value = i + 1, .null = true},
                              f))
            return false;
    return a->added == NULL || a->added->part != (unsigned)(v - m->value) ||
           editor_put_value(edit,
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
    struct bytes whole = buffer_bytes(&a->list_value[part]), old = a->model->value[part].stored;
    int32_t order;
    unsigned which;
    if (whole.size > pieces->count * pieces->length)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "the list would need more pieces than the %u rows of table %s that there are",
            pieces->count, table->name);
    if (!rows_integer_of(record, ese_table_column(table, p->join), &order) ||
        !pieces_find(pieces, order, &which))
        return fault_set(f, FAULT_DAMAGED, "table %s has a piece that it did not have before",
                         table->name);
    struct bytes piece = pieces_cut(pieces, which, whole);
    if (piece.size == 0)
        edit->fate = ESE_ROW_DROP;
    return piece.size == 0 || bytes_equal(piece, pieces_cut(pieces, which, old)) ||
           editor_put(a, edit, ese_table_column(table, p->column), piece, f);
}

static bool edit_list_value(struct plan_editor *a, unsigned part, const struct ese_table *table,
                            const struct ese_record *record, struct ese_row_edit *edit,
                            struct fault *f)
{
    const struct profile_value *p = &a->model->profile->value[part];
    const struct model_value *v = &a->model->value[part];
    if (!a->rewrite[part] || !ese_table_is(table, p->table) || !is_selected(a, p, table, record) ||
        (p->join == NULL && !rows_has_value(record, ese_table_column(table, p->column))))
        return true;
    return p->join          ? edit_piece(a, part, table, record, edit, f)
           : v->form.values ? edit_list_values(a, v, ese_table_column(table, p->column), edit, f)
                            : editor_put(a, edit, ese_table_column(table, p->column),
                                         buffer_bytes(&a->list_value[part]), f);
}

bool editor_of_list(struct plan_editor *a, const struct ese_table *table,
                    const struct ese_record *record, struct ese_row_edit *edit, struct fault *f)
{
    bool in_value = a->model->match == PROFILE_MATCHES_VALUE;
    for (unsigned i = 0; in_value && i < a->model->profile->values; i++)
        if (!edit_list_value(a, i, table, record, edit, f))
            return false;
    return true;
}
