/* Changing records: see layout/record_change.h. */
#include "formats/ese/layout/record_change.h"

#include "formats/ese/layout/record_write.h"

#include <stdlib.h>
#include <string.h>

static bool can_patch(const struct ese_record *record, const struct ese_change *change)
{
    const struct ese_column *column = change->column;
    if (column->id > record->last_fixed || change->value != 0)
        return false;
    size_t size = ese_column_fixed_size(column);
    return bytes_has(record->fixed, column->offset, size) &&
           (change->null || (change->lid == 0 && change->data.size == size));
}

static void patch(const struct ese_record *record, const struct ese_change *change, uint8_t *to)
{
    uint32_t id = change->column->id;
    uint8_t *nulls = to + record->fixed.size; /* the bitmap follows the fixed columns */
    uint8_t bit = (uint8_t)(1 << (id - 1) % 8);
    if (change->null) {
        nulls[(id - 1) / 8] |= bit;
        return;
    }
    nulls[(id - 1) / 8] &= (uint8_t)~bit;
    memcpy(to + change->column->offset, change->data.at, change->data.size);
}

const struct ese_change *ese_change_of_value(const struct ese_change *change, unsigned changes,
                                             const struct ese_column *column, unsigned nth)
{
    for (unsigned i = 0; i < changes; i++)
        if (change[i].column == column && (change[i].value == 0 || change[i].value == nth))
            return &change[i];
    return NULL;
}

struct values {
    struct ese_field at[ESE_CHANGE_VALUES_MOST];
    unsigned count;
};

static bool add_value(struct values *all, const struct ese_field *value, struct fault *f)
{
    if (all->count == ESE_CHANGE_VALUES_MOST)
        return fault_set(f, FAULT_LIMIT, "a row of more than %u values", ESE_CHANGE_VALUES_MOST);
    all->at[all->count] = *value;
    all->at[all->count].at = all->count;
    all->count++;
    return true;
}

static bool add_stored(struct values *all, const struct ese_column *column,
                       const struct ese_value *value, struct fault *f)
{
    struct ese_field one = {.column = column, .data = value->data};
    switch (value->kind) {
    case ESE_VALUE_NULL:
        one.null = true;
        break;
    case ESE_VALUE_PLAIN:
        break;
    case ESE_VALUE_SEPARATED:
        one.separated = true;
        one.lid = (uint32_t)value->lid;
        if (!value->wide_lid)
            break;
        return fault_set(f, FAULT_UNSUPPORTED,
                         "column %s: a long value under a 64-bit id cannot be written",
                         column->name);
    case ESE_VALUE_COMPRESSED:
    case ESE_VALUE_ENCRYPTED:
        return fault_set(f, FAULT_UNSUPPORTED, "column %s: a %s value cannot be written back",
                         column->name,
                         value->kind == ESE_VALUE_COMPRESSED ? "compressed" : "encrypted");
    }
    return add_value(all, &one, f);
}

static bool add_changed(struct values *all, const struct ese_change *change, struct fault *f)
{
    return add_value(all,
                     &(struct ese_field){.column = change->column,
                                         .null = change->null,
                                         .data = change->data,
                                         .separated = change->lid != 0,
                                         .lid = change->lid},
                     f);
}

/* All that the record states itself, but for single values that change; what is only a default is
 * left to be one. */
static bool add_column(struct values *all, const struct ese_record *record,
                       const struct ese_column *column, const struct ese_change *change,
                       unsigned changes, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct fault inner;
    fault_clear(&inner);
    bool has = column->id <= ESE_FIXED_LAST      ? column->id <= record->last_fixed
               : column->id <= ESE_VARIABLE_LAST ? column->id <= record->last_variable
                                                 : true;
    if (!has)
        return true;
    if (!ese_values_of(&values, record, column, f))
        return false;
    while (ese_values_next(&values, &value, &inner)) {
        /* A tagged column that is missing is given as a null that the record does not state. */
        bool stated = !value.from_default && (value.kind != ESE_VALUE_NULL ||
                                              column->id < ESE_TAGGED_FIRST || values.stated);
        const struct ese_change *c = ese_change_of_value(change, changes, column, values.count);
        if (stated && c ? !c->null && !add_changed(all, c, f)
                        : stated && !add_stored(all, column, &value, f))
            return false;
    }
    for (unsigned i = 0; i < changes; i++)
        if (change[i].column == column && change[i].value == ESE_CHANGE_BEHIND &&
            !add_changed(all, &change[i], f))
            return false;
    return fault_take(f, &inner);
}

/* A change of all that a column has. */
static const struct ese_change *whole_change(const struct ese_column *column,
                                             const struct ese_change *change, unsigned changes)
{
    const struct ese_change *c = ese_change_of_value(change, changes, column, 0);
    return c && c->value == 0 ? c : NULL;
}

static bool rebuild(const struct ese_record *record, const struct ese_change *change,
                    unsigned changes, struct values *all, uint8_t *to, size_t room, size_t *size,
                    struct fault *f)
{
    const struct ese_table *table = record->table;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        const struct ese_change *c = whole_change(column, change, changes);
        if (c ? !add_changed(all, c, f) : !add_column(all, record, column, change, changes, f))
            return false;
    }
    ese_fields_sort(all->at, all->count);
    struct ese_record_format format = {record->new_format, record->small_pages};
    return ese_record_write(table, &format, all->at, all->count, to, room, size, f);
}

bool ese_record_change(const struct ese_record *record, const struct ese_change *change,
                       unsigned changes, uint8_t *to, size_t room, size_t *size, struct fault *f)
{
    bool patchable = true;
    for (unsigned i = 0; i < changes; i++)
        patchable = patchable && can_patch(record, &change[i]);
    if (patchable) {
        if (record->whole.size > room)
            return fault_set(f, FAULT_LIMIT, "the record does not fit into a page");
        memcpy(to, record->whole.at, record->whole.size);
        *size = record->whole.size;
        for (unsigned i = 0; i < changes; i++)
            patch(record, &change[i], to);
        return true;
    }
    struct values *all = malloc(sizeof *all);
    if (all == NULL)
        return fault_no_memory(f, "a record");
    all->count = 0;
    bool ok = rebuild(record, change, changes, all, to, room, size, f);
    free(all);
    return ok;
}

bool ese_record_modernise(const struct ese_record *record, uint8_t *to, size_t room, size_t *size,
                          struct fault *f)
{
    static const struct ese_record_format modern = {.new_format = true, .small_pages = true};
    const struct ese_table *table = record->table;
    struct values *all = malloc(sizeof *all);
    size_t head = record->whole.size - record->tagged.size;
    if (all == NULL)
        return fault_no_memory(f, "a record");
    all->count = 0;
    bool ok = head <= room || fault_set(f, FAULT_LIMIT, "the record does not fit into a page");
    for (unsigned i = 0; ok && i < table->columns; i++)
        if (table->column[i].id >= ESE_TAGGED_FIRST)
            ok = add_column(all, record, &table->column[i], NULL, 0, f);
    if (ok) {
        memcpy(to, record->whole.at, head);
        ese_fields_sort(all->at, all->count);
        ok = ese_record_write_tagged(table, &modern, all->at, all->count, to + head, room - head,
                                     size, f);
        *size += head;
    }
    free(all);
    return ok;
}
