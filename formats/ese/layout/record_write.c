/* Putting records together: see record_write.h. */
#include "formats/ese/layout/record_write.h"

#include "formats/ese/layout/record_bits.h"

#include <stdlib.h>
#include <string.h>

enum { NO_VARIABLE = ESE_VARIABLE_FIRST - 1, LID_SIZE = 4 };

/* A record being written; `failed` when it grew over its room. */
struct writer {
    uint8_t *to;
    size_t room, size;
    bool failed;
};

static void put(struct writer *w, const void *from, size_t size)
{
    if (w->failed || size > w->room - w->size) {
        w->failed = true;
        return;
    }
    if (size > 0)
        memcpy(w->to + w->size, from, size);
    w->size += size;
}

static void put_u8(struct writer *w, uint32_t value)
{
    uint8_t byte = (uint8_t)value;
    put(w, &byte, 1);
}

static void put_u16(struct writer *w, uint32_t value)
{
    uint8_t bytes[2];
    bytes_put_le16(bytes, value);
    put(w, bytes, 2);
}

static void set_u16(struct writer *w, size_t at, size_t value, uint32_t flags, uint32_t most)
{
    if (value > most)
        w->failed = true;
    if (!w->failed)
        bytes_put_le16(w->to + at, (uint32_t)value | flags);
}

static bool is_derived(const struct ese_table *table, const struct ese_column *column)
{
    return column->from_template && table->template_name != NULL;
}

/* The order in a record: fixed and variable columns by id, then the template's tagged columns, then
 * own ones. */
static int compare_fields(const void *a, const void *b)
{
    const struct ese_field *x = a, *y = b;
    bool tagged_x = x->column->id >= ESE_TAGGED_FIRST, tagged_y = y->column->id >= ESE_TAGGED_FIRST;
    if (tagged_x && tagged_y && x->column->from_template != y->column->from_template)
        return x->column->from_template ? -1 : 1;
    if (x->column->id != y->column->id)
        return x->column->id < y->column->id ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void ese_fields_sort(struct ese_field *field, unsigned fields)
{
    bool sorted = true;
    for (unsigned i = 1; i < fields && sorted; i++)
        sorted = compare_fields(&field[i - 1], &field[i]) <= 0;
    if (!sorted)
        qsort(field, fields, sizeof *field, compare_fields);
}

/* ---- fixed columns ---- */

/* The values of the columns below `last` that the row does not have: their defaults, or null. */
static const struct ese_column *column_of(const struct ese_table *table, uint32_t id)
{
    for (unsigned i = 0; i < table->columns; i++)
        if (table->column[i].id == id)
            return &table->column[i];
    return NULL;
}

static void put_fixed(struct writer *w, const struct ese_table *table,
                      const struct ese_field *field, unsigned fields, unsigned last)
{
    uint8_t nulls[(ESE_FIXED_LAST + 7) / 8];
    memset(nulls, 0xff, sizeof nulls);
    unsigned v = 0;
    for (unsigned id = 1; id <= last; id++) {
        bool given = v < fields && field[v].column->id == id;
        const struct ese_column *column = given ? field[v].column : column_of(table, id);
        struct bytes data = {.size = 0};
        bool null = true;
        if (given) {
            null = field[v].null;
            data = field[v].data;
            v++;
        } else if (column && column->default_value.at) {
            null = false;
            data = column->default_value;
        }
        size_t size = column ? ese_column_fixed_size(column) : 0;
        if (!null)
            nulls[(id - 1) / 8] &= (uint8_t) ~(1 << (id - 1) % 8);
        put(w, data.at, null ? 0 : data.size < size ? data.size : size);
        static const uint8_t zeros[256];
        for (size_t left = null ? size : size - (data.size < size ? data.size : size); left > 0;) {
            size_t now = left < sizeof zeros ? left : sizeof zeros;
            put(w, zeros, now);
            left -= now;
        }
    }
    put(w, nulls, (last + 7) / 8);
}

/* ---- variable columns ---- */

static void put_variable(struct writer *w, const struct ese_table *table,
                         const struct ese_field *field, unsigned fields, unsigned last)
{
    size_t offsets = w->size;
    for (unsigned id = ESE_VARIABLE_FIRST; id <= last; id++)
        put_u16(w, 0);
    size_t data_start = w->size;
    unsigned v = 0;
    for (unsigned id = ESE_VARIABLE_FIRST; id <= last; id++) {
        bool given = v < fields && field[v].column->id == id, null = true;
        if (given) {
            null = field[v].null;
            if (!null)
                put(w, field[v].data.at, field[v].data.size);
            v++;
        } else {
            const struct ese_column *column = column_of(table, id);
            null = column == NULL || column->default_value.at == NULL;
            if (!null)
                put(w, column->default_value.at, column->default_value.size);
        }
        set_u16(w, offsets + (id - ESE_VARIABLE_FIRST) * 2u, w->size - data_start,
                null ? RECORD_VARIABLE_NULL : 0, RECORD_VARIABLE_OFFSET);
    }
}

/* ---- tagged columns ---- */

static void put_lid_or_data(struct writer *w, const struct ese_field *field)
{
    uint8_t lid[LID_SIZE];
    bytes_put_le32(lid, field->lid);
    if (field->separated)
        put(w, lid, sizeof lid);
    else
        put(w, field->data.at, field->data.size);
}

static void put_old(struct writer *w, const struct ese_field *field, unsigned fields)
{
    for (unsigned i = 0; i < fields; i++) {
        const struct ese_field *v = &field[i];
        bool is_long = ese_coltype_is_long(v->column->type) && !v->null;
        size_t size = v->null ? 0 : (v->separated ? LID_SIZE : v->data.size) + is_long;
        uint32_t flags = (v->null ? RECORD_OLD_NULL : 0u) |
                         (ese_coltype_is_long(v->column->type) ? RECORD_OLD_LONG : 0u);
        put_u16(w, v->column->id);
        put_u16(w, 0);
        set_u16(w, w->size - 2, size, flags, RECORD_OLD_SIZE);
        if (is_long)
            put_u8(w, v->separated ? RECORD_OLD_SEPARATED : 0);
        if (!v->null)
            put_lid_or_data(w, v);
    }
}

/* Several values of one column. */
static void put_many(struct writer *w, const struct ese_field *field, unsigned count, bool small)
{
    bool is_long = ese_coltype_is_long(field->column->type);
    if (count == 2 && small && !is_long) {
        put_u8(w, RECORD_HEADER_MULTI | RECORD_HEADER_TWO);
        put_u8(w, (uint32_t)field[0].data.size);
        if (field[0].data.size > UINT8_MAX)
            w->failed = true;
        put(w, field[0].data.at, field[0].data.size);
        put(w, field[1].data.at, field[1].data.size);
        return;
    }
    put_u8(w, RECORD_HEADER_MULTI | (is_long ? RECORD_HEADER_LONG : 0u));
    size_t start = w->size;
    for (unsigned i = 0; i < count; i++)
        put_u16(w, 0);
    for (unsigned i = 0; i < count; i++) {
        set_u16(w, start + i * 2u, w->size - start, field[i].separated ? RECORD_MULTI_SEPARATED : 0,
                RECORD_VARIABLE_OFFSET);
        put_lid_or_data(w, &field[i]);
    }
}

static uint32_t put_one(struct writer *w, const struct ese_field *field, bool small)
{
    bool is_long = ese_coltype_is_long(field->column->type);
    if (field->null) {
        if (small)
            return RECORD_ENTRY_NULL;
        put_u8(w, RECORD_HEADER_NULL | (is_long ? RECORD_HEADER_LONG : 0u));
        return 0;
    }
    uint32_t header =
        (is_long ? RECORD_HEADER_LONG : 0u) | (field->separated ? RECORD_HEADER_SEPARATED : 0u);
    if (header || !small)
        put_u8(w, header);
    put_lid_or_data(w, field);
    return small && header ? RECORD_ENTRY_HAS_HEADER : 0;
}

static unsigned same_column(const struct ese_field *field, unsigned fields)
{
    unsigned count = 1;
    while (count < fields && field[count].column == field->column)
        count++;
    return count;
}

static void put_new(struct writer *w, const struct ese_table *table, const struct ese_field *field,
                    unsigned fields, bool small)
{
    size_t start = w->size, entry = start;
    for (unsigned i = 0; i < fields; i += same_column(field + i, fields - i)) {
        put_u16(w, field[i].column->id);
        put_u16(w, 0);
    }
    for (unsigned i = 0, count; i < fields; i += count, entry += RECORD_ENTRY_SIZE) {
        count = same_column(field + i, fields - i);
        size_t at = w->size - start;
        uint32_t flags = is_derived(table, field[i].column) ? RECORD_ENTRY_DERIVED : 0;
        if (count > 1) {
            put_many(w, field + i, count, small);
            flags |= small ? RECORD_ENTRY_HAS_HEADER : 0;
        } else {
            flags |= put_one(w, field + i, small);
        }
        set_u16(w, entry + 2, at, flags,
                small ? RECORD_ENTRY_OFFSET_SMALL : RECORD_ENTRY_OFFSET_LARGE);
    }
}

static void put_tagged(struct writer *w, const struct ese_table *table,
                       const struct ese_record_format *format, const struct ese_field *field,
                       unsigned fields)
{
    if (format->new_format)
        put_new(w, table, field, fields, format->small_pages);
    else
        put_old(w, field, fields);
}

/* ---- the record ---- */

bool ese_record_write(const struct ese_table *table, const struct ese_record_format *format,
                      const struct ese_field *field, unsigned fields, uint8_t *to, size_t room,
                      size_t *size, struct fault *f)
{
    struct writer w = {.to = to, .room = room};
    unsigned fixed = 0, variable;
    while (fixed < fields && field[fixed].column->id <= ESE_FIXED_LAST)
        fixed++;
    for (variable = fixed; variable < fields && field[variable].column->id <= ESE_VARIABLE_LAST;)
        variable++;
    unsigned last_fixed = fixed ? field[fixed - 1].column->id : 0;
    unsigned last_variable = variable > fixed ? field[variable - 1].column->id : NO_VARIABLE;
    put_u8(&w, last_fixed);
    put_u8(&w, last_variable);
    put_u16(&w, 0);
    put_fixed(&w, table, field, fixed, last_fixed);
    set_u16(&w, 2, w.size, 0, UINT16_MAX);
    put_variable(&w, table, field + fixed, variable - fixed, last_variable);
    put_tagged(&w, table, format, field + variable, fields - variable);
    *size = w.size;
    return !w.failed || fault_set(f, FAULT_LIMIT, "the record does not fit into a page");
}

bool ese_record_write_tagged(const struct ese_table *table, const struct ese_record_format *format,
                             const struct ese_field *field, unsigned fields, uint8_t *to,
                             size_t room, size_t *size, struct fault *f)
{
    struct writer w = {.to = to, .room = room};
    put_tagged(&w, table, format, field, fields);
    *size = w.size;
    return !w.failed || fault_set(f, FAULT_LIMIT, "the record does not fit into a page");
}
