/*
 * One row: its record, the long values that leave it, its index entries.  See build.h.
 *
 * Source: the published engine, inc/rec.hxx (when a long value leaves the record), ese/lv.cxx
 * (LVROOT, chunks), ese/recupd.cxx (index entries of a row).
 */
#include "formats/ese/build/table_parts.h"

#include "formats/hex.h"

#include <inttypes.h>
#include <string.h>

enum {
    INTRINSIC_MOST = 1023, /* longer long values never stay in the record */
    LID_SIZE = 4,
    LID_MOST = 0x7fffff00,
    LV_ROOT_SIZE = 8,
    VALUE_MOST = 0x7fffffff,
    COLUMN_MOST = 255,
    KEY_PAGE_SIZE =
        32768, /* records that are only made to compute keys have the format of large pages */
};

/* ---- long values ---- */

bool table_begin_long_values(struct ese_build_table *t, uint32_t objid, struct fault *f)
{
    if (t->has_long_values)
        return true;
    t->has_long_values = true;
    return build_space_begin(&t->long_values.space, t->build, &t->rows.space, f) &&
           build_tree_begin(&t->long_values, t->build, objid, ESE_PAGE_LONG_VALUE, true, f);
}

static bool put_long_value(struct ese_build_table *t, uint32_t references, struct bytes data,
                           uint32_t *lid, struct fault *f)
{
    if (!t->has_long_values) {
        t->own->long_value_objid = build_objid_next(t->build);
        if (!table_begin_long_values(t, t->own->long_value_objid, f))
            return false;
        t->own->long_value_root = t->long_values.space.root;
    }
    if (t->lid_last >= LID_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %u long values", LID_MOST);
    if (data.size > VALUE_MOST)
        return fault_set(f, FAULT_LIMIT, "a long value of %zu bytes, at most %u can be kept",
                         data.size, VALUE_MOST);
    *lid = ++t->lid_last;
    struct ese_lv_key key = {.lid = *lid, .root = true};
    uint8_t key_bytes[12], root[LV_ROOT_SIZE];
    bytes_put_le32(root, references);
    bytes_put_le32(root + 4, data.size);
    bool ok =
        build_tree_add(&t->long_values, bytes_of(key_bytes, ese_lv_key_write(&key, key_bytes)),
                       bytes_of(root, sizeof root), NULL, f);
    key.root = false;
    for (size_t at = 0; ok && at < data.size; at += t->chunk) {
        size_t share = data.size - at < t->chunk ? data.size - at : t->chunk;
        key.offset = (uint32_t)at;
        ok = build_tree_add(&t->long_values, bytes_of(key_bytes, ese_lv_key_write(&key, key_bytes)),
                            bytes_of(data.at + at, share), NULL, f);
    }
    t->build->summary.long_values++;
    return ok;
}

static uint64_t mix(uint64_t lid)
{
    lid *= 0x9e3779b97f4a7c15u;
    return (lid ^ lid >> 29) * 0xbf58476d1ce4e5b9u;
}

bool ese_build_long_value(struct ese_build_table *t, uint32_t references, struct bytes data,
                          uint64_t *lid, struct fault *f)
{
    uint32_t given = 0;
    if (data.size == 0 || references == 0 || t->raw) {
        fault_set(f, FAULT_UNSUPPORTED, "a long value needs bytes and references");
        return fault_context(f, "table %s", t->table->name);
    }
    if (!put_long_value(t, references, data, &given, f))
        return fault_context(f, "table %s", t->table->name);
    t->declared += references * mix(given);
    *lid = given;
    return true;
}

/* ---- one row: its values ---- */

static size_t longest_value(const struct ese_column *c)
{
    if (ese_coltype_is_long(c->type))
        return c->size ? c->size : VALUE_MOST;
    return c->size && c->size < COLUMN_MOST ? c->size : COLUMN_MOST;
}

static bool check_value(const struct ese_build_table *t, const struct ese_build_value *v,
                        struct fault *f)
{
    const struct ese_column *c = v->column;
    if (c < t->table->column || c >= t->table->column + t->table->columns || c->type == ESE_COL_NIL)
        return fault_set(f, FAULT_UNSUPPORTED, "a value's column is none of ese_build_schema()");
    if (v->null)
        return !(c->flags & ESE_COLUMN_NOT_NULL) ||
               fault_set(f, FAULT_DAMAGED, "column %s must not be null", c->name);
    if (v->lid != 0) {
        if (!ese_coltype_is_long(c->type) || v->lid > t->lid_last)
            return fault_set(f, FAULT_UNSUPPORTED, "column %s: there is no long value %" PRIu64,
                             c->name, v->lid);
        return true;
    }
    size_t exact = c->id <= ESE_FIXED_LAST ? ese_column_fixed_size(c) : ese_coltype_size(c->type);
    if (exact != 0 && v->data.size != exact)
        return fault_set(f, FAULT_DAMAGED, "column %s: a value of %zu bytes, expected %zu", c->name,
                         v->data.size, exact);
    if (exact == 0 && v->data.size > longest_value(c))
        return fault_set(f, FAULT_DAMAGED, "column %s: a value of %zu bytes, expected at most %zu",
                         c->name, v->data.size, longest_value(c));
    return true;
}

static bool check_not_null(const struct ese_build_table *t, unsigned values, struct fault *f)
{
    for (unsigned i = 0; i < t->table->columns; i++) {
        const struct ese_column *c = &t->table->column[i];
        if (!(c->flags & ESE_COLUMN_NOT_NULL) || c->type == ESE_COL_NIL || c->default_value.at)
            continue;
        bool found = false;
        for (unsigned k = 0; k < values && !found; k++)
            found = t->value[k].column == c;
        if (!found)
            return fault_set(f, FAULT_DAMAGED, "column %s must not be null", c->name);
    }
    return true;
}

static bool check_several(const struct ese_build_table *t, unsigned values, struct fault *f)
{
    for (unsigned i = 1; i < values; i++) {
        const struct ese_column *c = t->value[i].column;
        if (c != t->value[i - 1].column)
            continue;
        if (!(c->flags & ESE_COLUMN_MULTI_VALUED))
            return fault_set(f, FAULT_DAMAGED,
                             "column %s has several values, but is not multi-valued", c->name);
        if (t->value[i].null || t->value[i - 1].null)
            return fault_set(f, FAULT_UNSUPPORTED, "column %s has several values, one of them null",
                             c->name);
    }
    return true;
}

/* Takes the caller's values over, in record order.  A null without a default to override is left
 * out. */
static bool take_values(struct ese_build_table *t, const struct ese_build_value *value,
                        unsigned values, unsigned *taken, struct fault *f)
{
    if (!array_reserve(&t->value, &t->value_room, values, sizeof *t->value))
        return fault_no_memory(f, "a row");
    for (unsigned i = 0; i < values; i++) {
        const struct ese_build_value *v = &value[i];
        if (!check_value(t, v, f))
            return false;
        if (v->null && v->column->default_value.at == NULL)
            continue;
        t->value[*taken] = (struct ese_field){.column = v->column,
                                              .null = v->null,
                                              .data = v->data,
                                              .separated = v->lid != 0,
                                              .lid = (uint32_t)v->lid,
                                              .at = i};
        ++*taken;
        if (v->lid != 0)
            t->found += mix(v->lid);
    }
    ese_fields_sort(t->value, *taken);
    return check_not_null(t, *taken, f) && check_several(t, *taken, f);
}

/* ---- one row: what leaves the record ---- */

static bool separate(struct ese_build_table *t, struct ese_field *v, struct fault *f)
{
    v->separated = true;
    return put_long_value(t, 1, v->data, &v->lid, f);
}

static bool may_leave(const struct ese_field *v)
{
    return ese_coltype_is_long(v->column->type) && !v->null && !v->separated &&
           v->data.size > LID_SIZE;
}

/* Makes the record; while it is too long, the longest of its long values leaves it. */
static bool make_record(struct ese_build_table *t, unsigned values, size_t *size, struct fault *f)
{
    for (unsigned i = 0; i < values; i++)
        if (may_leave(&t->value[i]) && t->value[i].data.size > INTRINSIC_MOST &&
            !separate(t, &t->value[i], f))
            return false;
    for (;;) {
        struct fault why = {.code = FAULT_NONE};
        bool ok = ese_record_write(t->table, &t->build->format, t->value, values, t->record,
                                   BUILD_RECORD_ROOM, size, &why);
        if (ok && *size <= t->record_most)
            return true;
        struct ese_field *longest = NULL;
        for (unsigned i = 0; i < values; i++)
            if (may_leave(&t->value[i]) &&
                (longest == NULL || t->value[i].data.size > longest->data.size))
                longest = &t->value[i];
        if (longest == NULL)
            return fault_set(
                f, FAULT_LIMIT,
                "its record does not fit into a page: at most %zu bytes, without long values",
                t->record_most);
        if (!separate(t, longest, f))
            return false;
    }
}

/* ---- one row: its keys ---- */

/* The record to compute keys from: the row's own, or, when long values have left that, one that has
 * the beginnings of those that are indexed. */
static bool open_key_record(struct ese_build_table *t, unsigned values, size_t size,
                            struct ese_record *record, struct fault *f)
{
    bool whole = true;
    for (unsigned i = 0; i < values; i++)
        if (t->value[i].separated && t->indexed[t->value[i].column - t->table->column])
            whole = false;
    if (whole)
        return ese_record_open(record, t->table, bytes_of(t->record, size),
                               t->build->format.new_format, t->build->options.page_size, f);
    if (!array_reserve(&t->key_value, &t->key_value_room, values, sizeof *t->key_value))
        return fault_no_memory(f, "a row");
    unsigned taken = 0;
    for (unsigned i = 0; i < values; i++) {
        struct ese_field v = t->value[i];
        if (!t->indexed[v.column - t->table->column])
            continue;
        if (v.separated && v.data.at == NULL)
            return fault_set(f, FAULT_UNSUPPORTED,
                             "column %s is indexed: its long values cannot be given by their id",
                             v.column->name);
        if (v.data.size > ESE_KEY_MOST)
            v.data.size = ESE_KEY_MOST;
        v.separated = false;
        t->key_value[taken++] = v;
    }
    const struct ese_record_format large = {.new_format = true};
    return ese_record_write(t->table, &large, t->key_value, taken, t->key_record, BUILD_RECORD_ROOM,
                            &size, f) &&
           ese_record_open(record, t->table, bytes_of(t->key_record, size), true, KEY_PAGE_SIZE, f);
}

static bool primary_key(struct ese_build_table *t, const struct ese_record *record,
                        struct bytes *key, uint8_t *room, struct fault *f)
{
    if (t->primary == NULL) {
        bytes_put_be32(room, t->row_number);
        *key = bytes_of(room, NO_PRIMARY_KEY_SIZE);
        return t->row_number < UINT32_MAX ||
               fault_set(f, FAULT_LIMIT, "too many rows for a table without a primary index");
    }
    ese_keys_of(t->primary, record);
    switch (ese_keys_next(t->primary, f)) {
    case ESE_KEY_OK:
        *key = ese_key_bytes(&t->primary->key);
        return true;
    case ESE_KEY_FAULT:
        return false;
    case ESE_KEY_NONE:
    case ESE_KEY_NOT_COMPUTABLE:
        break;
    }
    return fault_set(f, FAULT_UNSUPPORTED, "its primary key cannot be computed");
}

static bool index_row(struct ese_build_table *t, const struct ese_record *record, struct bytes key,
                      struct fault *f)
{
    for (unsigned i = 0; i < t->table->indexes; i++) {
        struct table_index *out = &t->index[i];
        if (out->sort == NULL)
            continue;
        ese_keys_of(out->keys, record);
        enum ese_key_result result;
        while ((result = ese_keys_next(out->keys, f)) == ESE_KEY_OK)
            if (!build_sort_add(out->sort, ese_key_bytes(&out->keys->key), key, f))
                return false;
        if (result == ESE_KEY_NOT_COMPUTABLE)
            fault_set(f, FAULT_UNSUPPORTED, "its key cannot be computed");
        if (result != ESE_KEY_NONE)
            return fault_context(f, "index %s", out->index->name);
    }
    return true;
}

static bool add_row(struct ese_build_table *t, const struct ese_build_value *value, unsigned values,
                    struct fault *f)
{
    unsigned taken = 0;
    size_t size;
    struct ese_record record;
    struct bytes key;
    uint8_t room[NO_PRIMARY_KEY_SIZE];
    bool same;
    if (!take_values(t, value, values, &taken, f) || !make_record(t, taken, &size, f) ||
        !open_key_record(t, taken, size, &record, f) || !primary_key(t, &record, &key, room, f))
        return false;
    if (!build_tree_add(&t->rows, key, bytes_of(t->record, size), &same, f)) {
        if (same)
            fault_set(f, FAULT_DAMAGED, "its primary key %s is that of the row before it",
                      hex_start(key, BUILD_KEY_SHOWN, (char[HEX_START_SIZE(BUILD_KEY_SHOWN)]){0}));
        return false;
    }
    return index_row(t, &record, key, f);
}

bool table_row_context(const struct ese_build_table *t, struct fault *f)
{
    return fault_context(f, "table %s, row %" PRIu64, t->table->name, t->row_number);
}

bool ese_build_row(struct ese_build_table *t, const struct ese_build_value *value, unsigned values,
                   struct fault *f)
{
    t->row_number++;
    t->build->summary.rows++;
    if (add_row(t, value, values, f))
        return true;
    t->build->broken = true; /* long values of the row may be written already */
    return table_row_context(t, f);
}
