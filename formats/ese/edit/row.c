/*
 * Rows of a database that is changed in place: see edit/parts.h.
 *
 * What a row stands for elsewhere is read before it goes: its index entries and its references to
 * long values.  What is new is written before the record that refers to it.
 *
 * Source: the published engine, ese/recupd.cxx, ese/recdel.cxx, inc/rec.hxx (longest record).
 */
#include "formats/ese/edit/parts.h"

#include "formats/array.h"

#include <stdlib.h>

enum {
    INTRINSIC_MOST = 1023, /* longer values leave the record, as the engine has it */
    OUT_LEAST = 8,         /* shorter ones gain nothing by leaving it */
    EMPTY_RECORD = 4,
    TAGS = 2 * 4, /* of a node and of tag 0 */
};

static struct inplace_tree rows_of(struct ese_inplace *ip, const struct ese_table *table)
{
    return (struct inplace_tree){
        .ip = ip, .root = table->root, .objid = table->objid, .owner = table->root, .unique = true};
}

bool inplace_has_row(struct ese_inplace *ip, const struct ese_table *table, struct bytes key,
                     bool *has, struct fault *f)
{
    const struct inplace_tree t = rows_of(ip, table);
    const struct inplace_target target = {.key = key};
    struct inplace_spot spot;
    bool ok = inplace_find(&t, &target, &spot, has, f);
    inplace_spot_close(&spot);
    return ok;
}

static bool keep_row(struct inplace_row *row, const struct inplace_spot *spot, struct fault *f)
{
    const struct inplace_node *node = inplace_at(spot);
    const uint8_t *key = arena_copy(&row->memory, node->key),
                  *data = arena_copy(&row->memory, node->data);
    if (key == NULL || data == NULL)
        return inplace_no_memory(f);
    row->key = bytes_of(key, node->key.size);
    row->new_format = spot->flags & ESE_PAGE_NEW_RECORD_FORMAT;
    return ese_record_open(&row->record, row->table, bytes_of(data, node->data.size),
                           row->new_format, row->ip->page_size, f);
}

/* Finds the row, and counts those with its key. */
static bool find_row(struct inplace_row *row, struct bytes key, struct fault *f)
{
    struct inplace_tree t = rows_of(row->ip, row->table);
    struct inplace_spot spot;
    bool there, found = false;
    bool ok = inplace_seek(&t, key, bytes_of(key.at, 0), &spot, &there, f);
    for (row->twins = 0; ok && there && bytes_equal(inplace_at(&spot)->key, key); row->twins++) {
        if (row->twins == row->twin) {
            found = true;
            ok = keep_row(row, &spot, f);
        }
        there = !inplace_is_last_of(&t, &spot, key); /* as in most: nothing has to be copied */
        ok = ok && (!there || inplace_next(&t, &spot, &there, f));
    }
    inplace_spot_close(&spot);
    return ok &&
           (found || fault_set(f, FAULT_MISSING, "table %s has no such row", row->table->name));
}

bool inplace_row_open(struct inplace_row *row, struct ese_inplace *ip,
                      const struct ese_table *table, struct bytes key, unsigned twin,
                      struct fault *f)
{
    *row = (struct inplace_row){.ip = ip, .table = table, .twin = twin};
    return find_row(row, key, f);
}

void inplace_row_close(struct inplace_row *row)
{
    arena_free(&row->memory);
}

/* ---- index entries ---- */

static bool is_secondary(const struct ese_index *index)
{
    return !ese_index_is_primary(index);
}

static bool touches(const struct ese_table *table, const struct ese_index *index,
                    const struct ese_change *change, unsigned changes)
{
    for (unsigned i = 0; i < index->segments + index->conditions; i++) {
        const struct ese_key_segment *segment =
            i < index->segments ? &index->segment[i] : &index->condition[i - index->segments];
        const struct ese_column *column = ese_table_segment_column(table, segment);
        for (unsigned k = 0; k < changes; k++)
            if (change[k].column == column)
                return true;
    }
    return false;
}

static bool not_computable(const struct ese_index *index, struct fault *f)
{
    return fault_set(f, FAULT_UNSUPPORTED, "index %s: its keys cannot be computed", index->name);
}

/* Entries that other rows with this row's primary key have in the index. */
static bool entries_of_twins(struct inplace_row *row, const struct ese_index *index,
                             struct inplace_entries *list, struct fault *f)
{
    bool ok = true;
    for (unsigned twin = 0; ok && twin < row->twins; twin++) {
        struct inplace_row other;
        bool computable = true;
        if (twin == row->twin)
            continue;
        ok = inplace_row_open(&other, row->ip, row->table, row->key, twin, f) &&
             inplace_entries_of(row->ip, index, &other.record, row->key, list, &computable, f);
        inplace_row_close(&other);
        if (ok && !computable)
            ok = not_computable(index, f);
    }
    return ok;
}

/* Removes these entries of the row from the index, but for those in `stay`. */
static bool remove_these(struct inplace_row *row, const struct ese_index *index,
                         const struct inplace_entries *own, const struct inplace_entries *stay,
                         bool dropped, struct fault *f)
{
    struct inplace_entries twins = {.count = 0};
    bool lone = row->twins == 1, ok = lone || entries_of_twins(row, index, &twins, f);
    for (size_t i = 0; ok && i < own->count; i++)
        if (stay == NULL || !inplace_entry_in(stay, own->at[i].key))
            ok = inplace_entry_remove(row->ip, &own->at[i],
                                      inplace_entry_in(&twins, own->at[i].key) ? 1 : 0,
                                      lone && dropped, f);
    inplace_entries_clear(&twins);
    return ok;
}

/* Removes the entries of a row that goes. */
static bool remove_entries(struct inplace_row *row, const struct ese_index *index, struct fault *f)
{
    struct inplace_entries own = {.count = 0};
    bool computable;
    bool ok = inplace_entries_of(row->ip, index, &row->record, row->key, &own, &computable, f);
    if (ok && !computable) {
        /* Only by the bookmark can they be found then: all of the row's, and no other's. */
        ok = row->twins == 1 ? inplace_entries_add(&row->ip->orphans, row->table, index,
                                                   bytes_of(row->key.at, 0), row->key, f)
                             : not_computable(index, f);
        own.count = 0;
    }
    ok = ok && remove_these(row, index, &own, NULL, true, f);
    inplace_entries_clear(&own);
    return ok;
}

/* Notes the entries of a changed or new record that the old one (NULL: none) does not have. */
static bool note_new_entries(struct inplace_row *row, const struct ese_index *index,
                             const struct ese_record *record, const struct inplace_entries *old,
                             struct inplace_entries *now, struct fault *f)
{
    bool computable;
    if (!inplace_entries_of(row->ip, index, record, row->key, now, &computable, f))
        return false;
    if (!computable)
        return not_computable(index, f);
    for (size_t i = 0; i < now->count; i++)
        if ((old == NULL || !inplace_entry_in(old, now->at[i].key)) &&
            !inplace_entries_add(&row->ip->added, row->table, index, now->at[i].key, row->key, f))
            return false;
    return true;
}

/* ---- long values ---- */

struct reference {
    uint64_t lid;
    bool wide;
};

struct references {
    struct reference *at;
    size_t count, room;
};

static bool add_reference(struct references *list, const struct ese_value *value, struct fault *f)
{
    if (!array_reserve(&list->at, &list->room, list->count + 1, sizeof *list->at))
        return inplace_no_memory(f);
    list->at[list->count++] = (struct reference){value->lid, value->wide_lid};
    return true;
}

/* The long values of a column: those that changes reach, or (change NULL) all. */
static bool references_of(const struct ese_record *record, const struct ese_column *column,
                          const struct ese_change *change, unsigned changes,
                          struct references *list, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct fault inner;
    fault_clear(&inner);
    if (!ese_values_of(&values, record, column, f))
        return false;
    while (ese_values_next(&values, &value, &inner))
        if (value.kind == ESE_VALUE_SEPARATED &&
            (change == NULL || ese_change_of_value(change, changes, column, values.count)) &&
            !add_reference(list, &value, f))
            return false;
    return fault_take(f, &inner);
}

/* The long values that a row refers to: in the columns that change, or (change NULL) in all. */
static bool row_references(const struct inplace_row *row, const struct ese_change *change,
                           unsigned changes, struct references *list, struct fault *f)
{
    for (unsigned i = 0; i < row->table->columns; i++) {
        const struct ese_column *column = &row->table->column[i];
        bool wanted = change == NULL;
        for (unsigned k = 0; k < changes; k++)
            wanted = wanted || change[k].column == column;
        if (wanted && ese_coltype_is_long(column->type) &&
            !references_of(&row->record, column, change, changes, list, f))
            return false;
    }
    return true;
}

static bool drop_references(struct inplace_row *row, struct references *list, struct fault *f)
{
    bool ok = true;
    for (size_t i = 0; ok && i < list->count; i++)
        ok = inplace_lv_drop(row->ip, row->table, list->at[i].lid, list->at[i].wide, f);
    free(list->at);
    *list = (struct references){.count = 0};
    return ok;
}

/* ---- dropping ---- */

static bool drop_row(struct inplace_row *row, struct fault *f)
{
    struct inplace_tree t = rows_of(row->ip, row->table);
    struct inplace_target target = {.key = row->key, .twin = row->twin};
    struct references references = {.count = 0};
    bool found, ok = row_references(row, NULL, 0, &references, f);
    for (unsigned i = 0; ok && i < row->table->indexes; i++)
        if (is_secondary(&row->table->index[i]))
            ok = remove_entries(row, &row->table->index[i], f);
    ok = ok && inplace_remove(&t, &target, &found, f);
    if (!ok)
        free(references.at);
    row->ip->summary.dropped_rows += ok;
    return ok && drop_references(row, &references, f);
}

bool inplace_row_drop(struct inplace_row *row, struct fault *f)
{
    return drop_row(row, f) || fault_context(f, "table %s", row->table->name);
}

/* ---- changed records ---- */

/* Longest record that the engine makes in this table: less than a page, for the key must fit beside
 * it. */
static size_t record_most(const struct ese_inplace *ip, const struct ese_table *table,
                          size_t key_size)
{
    enum { DBK = 4 };
    size_t key_most = DBK, room = inplace_room(ip, 0) - TAGS / 2;
    for (unsigned i = 0; i < table->indexes; i++)
        if (!is_secondary(&table->index[i]))
            key_most = ese_index_key_most(&table->index[i]);
    if (key_size > key_most)
        key_most = key_size;
    key_most += ESE_NODE_KEY_FIELD;
    if (ese_page_size_small(ip->page_size))
        return room - ESE_NODE_KEY_FIELD -
               (key_most > ESE_KEY_MOST_DEFAULT ? key_most : ESE_KEY_MOST_DEFAULT);
    return room - ESE_NODE_KEY_FIELD - key_most;
}

static bool can_leave(const struct ese_change *change)
{
    return !change->null && change->lid == 0 && ese_coltype_is_long(change->column->type);
}

/* Puts the value of a change into the long-value tree. */
static bool leave(struct inplace_row *row, struct ese_change *change, struct fault *f)
{
    return inplace_lv_new(row->ip, row->table, change->data, &change->lid, f) ||
           fault_context(f, "column %s", change->column->name);
}

/* Values of the record that do not change, and could leave it, become changes, too. */
static void consider_others(const struct inplace_row *row, struct inplace_changes *c)
{
    for (unsigned i = 0; i < row->table->columns && c->count < sizeof c->at / sizeof c->at[0];
         i++) {
        const struct ese_column *column = &row->table->column[i];
        struct ese_values values;
        struct ese_value value, more;
        bool changes = !ese_coltype_is_long(column->type) || column->id < ESE_TAGGED_FIRST;
        for (unsigned k = 0; k < c->count; k++)
            changes = changes || c->at[k].column == column;
        if (changes || !ese_values_of(&values, &row->record, column, NULL) || !values.stated ||
            !ese_values_next(&values, &value, NULL) || value.kind != ESE_VALUE_PLAIN ||
            value.from_default || ese_values_next(&values, &more, NULL))
            continue;
        c->at[c->count++] = (struct ese_change){.column = column, .data = value.data};
    }
}

/* The longest value that could leave the record; NULL: none. */
static struct ese_change *longest(struct inplace_changes *c)
{
    struct ese_change *best = NULL;
    for (unsigned i = 0; i < c->count; i++)
        if (can_leave(&c->at[i]) && c->at[i].data.size >= OUT_LEAST &&
            (best == NULL || c->at[i].data.size > best->data.size))
            best = &c->at[i];
    return best;
}

static bool take_changes(struct inplace_row *row, const struct ese_change *change, unsigned changes,
                         struct inplace_changes *c, struct fault *f)
{
    c->count = 0;
    if (changes > ESE_EDIT_CHANGES_MOST)
        return fault_set(f, FAULT_LIMIT, "%u changes of one row", changes);
    for (unsigned i = 0; i < changes; i++) {
        struct ese_change *to = &c->at[c->count++];
        *to = change[i];
        if (to->lid != 0 && !to->null && ese_coltype_is_long(to->column->type)) {
            if (!inplace_lv_add(row->ip, row->table, to->lid, f))
                return false;
        } else {
            to->lid = 0;
            if (can_leave(to) && to->data.size > INTRINSIC_MOST && !leave(row, to, f))
                return false;
        }
    }
    return true;
}

/* Makes the changed record, with long values put out of it until it fits. */
static bool make_record(struct inplace_row *row, struct inplace_changes *c, size_t key_size,
                        struct bytes *record, struct fault *f)
{
    size_t most = record_most(row->ip, row->table, key_size), size;
    uint8_t *to = row->ip->record;
    bool considered = false;
    if (row->record.whole.size > most) /* longer than allowed, but it was there */
        most = row->record.whole.size;
    for (;;) {
        struct fault inner;
        fault_clear(&inner);
        if (ese_record_change(&row->record, c->at, c->count, to, most, &size, &inner)) {
            *record = bytes_of(to, size);
            return true;
        }
        struct ese_change *out =
            inner.code == FAULT_LIMIT && row->table->long_value_root ? longest(c) : NULL;
        if (out == NULL && inner.code == FAULT_LIMIT && !considered) {
            considered = true;
            consider_others(row, c);
            continue;
        }
        if (out == NULL) {
            if (f)
                *f = inner;
            return false;
        }
        if (!leave(row, out, f))
            return false;
    }
}

/* ---- changing ---- */

static bool same_primary_key(struct inplace_row *row, const struct ese_record *changed,
                             const struct ese_change *change, unsigned changes, struct fault *f)
{
    for (unsigned i = 0; i < row->table->indexes; i++) {
        const struct ese_index *index = &row->table->index[i];
        struct inplace_entries now = {.count = 0};
        bool computable;
        if (is_secondary(index) || !touches(row->table, index, change, changes))
            continue;
        bool ok = inplace_entries_of(row->ip, index, changed, row->key, &now, &computable, f);
        if (ok && !computable)
            ok = not_computable(index, f);
        if (ok && (now.count != 1 || !bytes_equal(now.at[0].key, row->key)))
            ok = fault_set(f, FAULT_UNSUPPORTED, "the row's primary key would change");
        inplace_entries_clear(&now);
        return ok;
    }
    return true;
}

static bool change_entries(struct inplace_row *row, const struct ese_index *index,
                           const struct ese_record *changed, struct fault *f)
{
    struct inplace_entries old = {.count = 0}, now = {.count = 0};
    bool computable;
    bool ok = inplace_entries_of(row->ip, index, &row->record, row->key, &old, &computable, f);
    if (ok && !computable)
        ok = not_computable(index, f);
    ok = ok && note_new_entries(row, index, changed, &old, &now, f) &&
         remove_these(row, index, &old, &now, false, f);
    inplace_entries_clear(&old);
    inplace_entries_clear(&now);
    return ok;
}

static bool change_row(struct inplace_row *row, const struct ese_change *change, unsigned changes,
                       struct inplace_changes *c, struct fault *f)
{
    struct inplace_tree t = rows_of(row->ip, row->table);
    struct inplace_target target = {.key = row->key, .twin = row->twin};
    struct references references = {.count = 0};
    struct ese_record changed;
    struct bytes record;
    bool found;
    bool ok =
        row_references(row, change, changes, &references, f) &&
        take_changes(row, change, changes, c, f) &&
        make_record(row, c, row->key.size, &record, f) &&
        ese_record_open(&changed, row->table, record, row->new_format, row->ip->page_size, f) &&
        same_primary_key(row, &changed, change, changes, f);
    for (unsigned i = 0; ok && i < row->table->indexes; i++) {
        const struct ese_index *index = &row->table->index[i];
        if (is_secondary(index) && touches(row->table, index, change, changes))
            ok = change_entries(row, index, &changed, f);
    }
    ok = ok && inplace_replace(&t, &target, record, &found, f);
    if (!ok)
        free(references.at);
    row->ip->summary.changed_rows += ok;
    return ok && drop_references(row, &references, f);
}

bool inplace_row_change(struct inplace_row *row, const struct ese_change *change, unsigned changes,
                        struct fault *f)
{
    return changes == 0 || change_row(row, change, changes, row->ip->made, f) ||
           fault_context(f, "table %s", row->table->name);
}

/* ---- adding ---- */

/* The empty record that a new row's values change, in the format of the page where it will stand.
 */
static bool open_new(struct inplace_row *row, struct ese_inplace *ip, const struct ese_table *table,
                     bool new_format, struct fault *f)
{
    static const uint8_t empty[EMPTY_RECORD] = {0, ESE_FIXED_LAST, EMPTY_RECORD, 0};
    *row = (struct inplace_row){.ip = ip, .table = table, .twins = 1, .new_format = new_format};
    return ese_record_open(&row->record, table, bytes_of(empty, sizeof empty), new_format,
                           ip->page_size, f);
}

static bool root_format(struct ese_inplace *ip, const struct ese_table *table, bool *new_format,
                        struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(ip->db->pages, table->root, &page, f))
        return false;
    *new_format = page->flags & ESE_PAGE_NEW_RECORD_FORMAT;
    ese_pages_put(ip->db->pages, page);
    return true;
}

static bool find_primary_key(struct inplace_row *row, const struct ese_record *record,
                             struct fault *f)
{
    for (unsigned i = 0; i < row->table->indexes; i++) {
        const struct ese_index *index = &row->table->index[i];
        struct inplace_entries list = {.count = 0};
        bool computable;
        if (is_secondary(index))
            continue;
        bool ok =
            inplace_entries_of(row->ip, index, record, bytes_of(row, 0), &list, &computable, f);
        if (ok && (!computable || list.count != 1))
            ok = not_computable(index, f);
        const uint8_t *key = ok ? arena_copy(&row->memory, list.at[0].key) : NULL;
        if (ok && key == NULL)
            ok = inplace_no_memory(f);
        if (ok)
            row->key = bytes_of(key, list.at[0].key.size);
        inplace_entries_clear(&list);
        return ok;
    }
    return fault_set(f, FAULT_UNSUPPORTED,
                     "a row cannot be added to a table without a primary index");
}

/* A counter of the table must not give the new row's number again. */
static bool raise_counter(struct inplace_row *row, const struct inplace_changes *c, struct fault *f)
{
    for (unsigned i = 0; i < c->count; i++) {
        const struct ese_change *change = &c->at[i];
        if (!(change->column->flags & ESE_COLUMN_AUTO_INCREMENT) || change->null ||
            change->data.size > 8)
            continue;
        uint64_t number = bytes_number(change->data);
        if (number < (uint64_t)INT64_MAX &&
            !inplace_raise_counter(row->ip, row->table->root, number + 1, f))
            return false;
    }
    return true;
}

static bool add_row(struct inplace_row *row, const struct ese_change *change, unsigned changes,
                    struct inplace_changes *c, struct fault *f)
{
    struct inplace_tree t = rows_of(row->ip, row->table);
    struct ese_record made;
    struct bytes record;
    bool same;
    if (!take_changes(row, change, changes, c, f) || !make_record(row, c, 0, &record, f) ||
        !ese_record_open(&made, row->table, record, row->new_format, row->ip->page_size, f) ||
        !find_primary_key(row, &made, f))
        return false;
    for (unsigned i = 0; i < row->table->indexes; i++) {
        struct inplace_entries now = {.count = 0};
        if (!is_secondary(&row->table->index[i]))
            continue;
        bool ok = note_new_entries(row, &row->table->index[i], &made, NULL, &now, f);
        inplace_entries_clear(&now);
        if (!ok)
            return false;
    }
    if (!inplace_insert(&t, row->key, record, &same, f))
        return false;
    if (same)
        return fault_set(f, FAULT_DAMAGED, "there is a row with the new row's primary key already");
    row->ip->summary.added_rows++;
    return raise_counter(row, c, f);
}

bool inplace_add(struct ese_inplace *ip, const struct ese_table *table,
                 const struct ese_change *change, unsigned changes, struct fault *f)
{
    struct inplace_row row = {.ip = ip};
    bool new_format;
    bool ok = root_format(ip, table, &new_format, f) && open_new(&row, ip, table, new_format, f) &&
              add_row(&row, change, changes, ip->made, f);
    inplace_row_close(&row);
    return ok || fault_context(f, "table %s", table->name);
}
