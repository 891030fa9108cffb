/* What a plan says of a list that is kept in a value, item by item. */
#include "migrate/repair/expected_parts.h"

#include <stdlib.h>
#include <string.h>

/* Does the profile select that row, by a text or a number? */
static bool has_the_list(struct expected *x, const struct profile_value *p,
                         const struct ese_record *record)
{
    const struct ese_column *c = expected_column(x, p->select);
    char *end;
    int32_t number;
    if (p->select == NULL) /* the table has one row */
        return true;
    if (c == NULL || ese_column_is_text(c))
        return expected_text_is(x, record, c, p->equals);
    return rows_integer_of(record, c, &number) && number == strtol(p->equals, &end, 10) &&
           *end == '\0';
}

static bool of_piece(struct expected *x, const struct profile_value *p,
                     const struct ese_record *record, struct expected_row *row, struct fault *f)
{
    if (!has_the_list(x, p, record) ||
        !rows_integer_of(record, expected_column(x, p->join), &x->piece))
        return true;
    row->may_go = true;
    return expected_put(
        row,
        &(struct expected_value){.column = expected_column(x, p->column), .kind = EXPECTED_PIECE},
        f);
}

bool expected_piece(struct expected *x, struct bytes piece, struct fault *f)
{
    return pieces_add(&x->pieces, x->piece, x->pieces.count + 1, piece) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
}

/* The first pieces of the old list, and no others, are left. */
static bool are_first(const struct expected *x, struct fault *f)
{
    const struct pieces *old = &x->model->value[0].pieces, *new = &x->pieces;
    for (unsigned i = 0; i < new->count; i++)
        if (i >= old->count || new->piece[i].order != old->piece[i].order)
            return fault_set(f, FAULT_DAMAGED, "a piece of the list before piece %d is missing",
                             new->piece[i].order);
    return new->count == 0 || new->length == old->length || new->count == 1 ||
           fault_set(f, FAULT_DAMAGED, "expected pieces of %zu bytes, found %zu", old->length,
                     new->length);
}

bool expected_end(struct expected *x, struct fault *f)
{
    struct buffer whole = {0};
    /* Of a list in pieces there are no other parts. */
    if (!x->is_value || !x->list_changes[0] || x->model->profile->value[0].join == NULL)
        return true;
    bool ok = pieces_join(&x->pieces, &whole, f) && are_first(x, f) &&
              expected_is_list(x, 0, buffer_bytes(&whole), f);
    buffer_free(&whole);
    pieces_free(&x->pieces);
    return ok;
}

static bool of_value(struct expected *x, unsigned part, const struct ese_record *record,
                     struct expected_row *row, struct fault *f)
{
    const struct profile_value *p = &x->model->profile->value[part];
    if (!x->list_changes[part] || !ese_table_is(x->table, p->table))
        return true;
    if (p->join)
        return of_piece(x, p, record, row, f);
    bool values = x->model->value[part].form.values;
    return !has_the_list(x, p, record) || !rows_has_value(record, expected_column(x, p->column)) ||
           expected_put(row,
                        &(struct expected_value){.column = expected_column(x, p->column),
                                                 .kind = values ? EXPECTED_VALUES : EXPECTED_LIST,
                                                 .part = part},
                        f);
}

bool expected_of_list(struct expected *x, const struct ese_record *record, struct expected_row *row,
                      struct fault *f)
{
    for (unsigned i = 0; x->is_value && i < x->model->profile->values; i++)
        if (!of_value(x, i, record, row, f))
            return false;
    return true;
}

static bool wrong_item(unsigned position, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "the list value, at its entry %u: %s", position, what);
}

/* Is `new` the item `old` with what the plan adds to it? */
static bool is_item(struct expected *x, const struct certlist_entry *old,
                    const struct certlist_entry *new, struct bytes added, unsigned position,
                    struct fault *f)
{
    buffer_clear(&x->room);
    if (!buffer_add(&x->room, old->properties) || !buffer_add(&x->room, added))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    if (old->type != new->type || !bytes_equal(old->encoded, new->encoded))
        return wrong_item(position, "expected the entry as it was, found another", f);
    if (!bytes_equal(new->properties, buffer_bytes(&x->room)))
        return wrong_item(position, "its properties are not those that the plan wants", f);
    if (!bytes_equal(old->header, new->header))
        return wrong_item(position, "the bytes in front of it are others", f);
    return true;
}

/* Goes on with the old list: what becomes of its next item that stays.  False at the end. */
static bool next_that_stays(struct expected *x, struct certlist *old, struct certlist_entry *item,
                            struct bytes *added, unsigned *position)
{
    const struct model *m = x->model;
    while (certlist_next(old, item, NULL)) {
        bool dropped = false;
        *added = (struct bytes){.at = NULL};
        if (item->type != CERTLIST_CERTIFICATE || *position >= m->entries)
            return true;
        for (uint32_t i = x->first[(*position)++]; i != NONE; i = x->next[i]) {
            const struct action *a = &x->plan->action[i];
            dropped = dropped || a->kind == ACTION_DROP_ENTRY;
            if (a->kind == ACTION_ADD_PROPERTIES)
                *added = a->value;
            x->seen[i] += a->kind == ACTION_DROP_ENTRY || a->kind == ACTION_ADD_PROPERTIES;
        }
        if (!dropped)
            return true;
    }
    return false;
}

/* What stands behind the old list's last entry: those that the plan adds. */
static bool are_added(struct expected *x, unsigned part, const struct certlist *old,
                      struct certlist *new, unsigned position, struct fault *f)
{
    struct certlist_entry item;
    for (size_t i = 0; i < x->plan->actions; i++) {
        const struct action *a = &x->plan->action[i];
        if (a->kind != ACTION_ADD_ENTRY || a->part != part)
            continue;
        if (!certlist_next(new, &item, NULL) || item.type != CERTLIST_CERTIFICATE ||
            !bytes_equal(item.encoded, x->model->certificate[a->certificate].der))
            return wrong_item(position, "the certificate that the plan adds is not there", f);
        x->seen[i]++;
    }
    if (certlist_next(new, &item, NULL) || new->failed)
        return wrong_item(position, "expected its end, found more", f);
    if (!bytes_equal(old->items.tail, new->items.tail))
        return wrong_item(position, "the bytes behind the list are others", f);
    return true;
}

static bool are_items(struct expected *x, unsigned part, struct certlist *old, struct certlist *new,
                      struct fault *f)
{
    unsigned position = x->model->value[part].first;
    struct certlist_entry was, is;
    struct bytes added;
    while (next_that_stays(x, old, &was, &added, &position))
        if (!certlist_next(new, &is, NULL))
            return wrong_item(position, "expected it, found the end", f);
        else if (!is_item(x, &was, &is, added, position, f))
            return false;
    return are_added(x, part, old, new, position, f);
}

/* The list in a value: behind the header that the old one has, and unpacked. */
static bool take_off(const struct expected *x, unsigned part, struct bytes *value,
                     struct buffer *room, struct fault *f)
{
    const struct wrapping *w = &x->model->profile->value[part].wrapping;
    struct bytes header, old, inner;
    if (!bytes_cut(*value, 0, (size_t)w->skip, &header) ||
        !bytes_cut(x->model->value[part].stored, 0, (size_t)w->skip, &old) ||
        !bytes_equal(header, old))
        return fault_set(f, FAULT_DAMAGED, "the list value: the bytes in front of it are others");
    if (!wrapping_take_off(w, *value, room, &inner, f))
        return false;
    *value = inner;
    return true;
}

static bool is_list(struct expected *x, unsigned part, struct bytes value, struct fault *f)
{
    struct certlist old, new;
    const struct model_value *v = &x->model->value[part];
    if (v->form.kind != CERTLIST_ITEMS && certlist_detect(value) != v->kind)
        return fault_set(f, FAULT_DAMAGED, "the list value: expected %s, found %s",
                         certlist_kind_name(v->kind), certlist_kind_name(certlist_detect(value)));
    if (!certlist_open_as(&old, v->bytes, &v->form, f))
        return false;
    bool ok = certlist_open_as(&new, value, &v->form, f);
    if (ok) {
        ok = are_items(x, part, &old, &new, f);
        certlist_close(&new);
    }
    certlist_close(&old);
    return ok;
}

bool expected_is_list(struct expected *x, unsigned part, struct bytes value, struct fault *f)
{
    struct buffer room = {0};
    bool ok = take_off(x, part, &value, &room, f) && is_list(x, part, value, f);
    buffer_free(&room);
    return ok;
}
