/* Reading rows of a store: see rows.h. */
#include "migrate/store/rows.h"

#include <stdlib.h>

void rows_open(struct rows *rows, struct store *store, const struct ese_table *table)
{
    rows->store = store;
    rows->table = table;
    rows->lv = NULL;
    rows->unread = 0;
    rows->first_unread = (struct fault){.code = FAULT_NONE};
    ese_cursor_open(&rows->cursor, store->db->pages, table->root, table->objid);
}

static bool note_unread(struct rows *rows, const struct fault *why)
{
    bool first = rows->unread++ == 0;
    if (first || (why->code == FAULT_NO_MEMORY && rows->first_unread.code != FAULT_NO_MEMORY))
        rows->first_unread = *why;
    return false;
}

bool rows_end(struct rows *rows, struct fault *f)
{
    ese_cursor_close(&rows->cursor);
    free(rows->lv);
    rows->lv = NULL;
    if (rows->unread > 0 && f)
        *f = rows->first_unread;
    return rows->unread == 0;
}

bool rows_end_told(struct rows *rows)
{
    struct fault why;
    fault_clear(&why);
    return rows_end(rows, &why) || why.code != FAULT_NO_MEMORY;
}

bool rows_next(struct rows *rows)
{
    for (;;) {
        struct fault f;
        fault_clear(&f);
        enum ese_step step = ese_cursor_next(&rows->cursor, &f);
        if (step == ESE_STEP_END)
            return false;
        if (step == ESE_STEP_NODE && ese_record_on_page(&rows->record, rows->table,
                                                        rows->cursor.leaf, rows->cursor.data, &f))
            return true;
        note_unread(rows, &f);
        if (f.code == FAULT_NO_MEMORY)
            return false;
    }
}

/* The bytes of a value that is small; none: a null, or another kind of value. */
static bool small_bytes(const struct rows *rows, const struct ese_column *column,
                        struct bytes *data, struct fault *f)
{
    struct ese_value value;
    if (column->id <= ESE_FIXED_LAST)
        return ese_record_fixed(&rows->record, column, data, f);
    *data = bytes_of(NULL, 0);
    if (!ese_record_value(&rows->record, column, &value, f))
        return false;
    if (value.kind == ESE_VALUE_PLAIN)
        *data = value.data;
    return true;
}

/* The same; false for a null, and for what cannot be read, which is noted. */
static bool read_small(struct rows *rows, const struct ese_column *column, struct bytes *data)
{
    struct fault why;
    if (column == NULL)
        return false;
    fault_clear(&why);
    if (!small_bytes(rows, column, data, &why))
        return note_unread(rows, &why);
    return data->size > 0;
}

bool rows_number(struct rows *rows, const struct ese_column *column, int64_t *number)
{
    struct fault why;
    struct bytes data;
    *number = 0;
    if (!read_small(rows, column, &data))
        return false;
    if (ese_integer(column->type, data, number))
        return true;
    *number = 0;
    if (!ese_coltype_is_integer(column->type) || data.size > sizeof *number)
        return false;
    fault_set(&why, FAULT_NOT_THIS, "column %s: expected a number of at most %lld, found %llu",
              column->name, (long long)INT64_MAX, (unsigned long long)bytes_number(data));
    return note_unread(rows, &why);
}

/* The most frequent number by far: keys, and what names them, are read of every row. */
static bool is_plain_long(const struct rows *rows, const struct ese_column *column,
                          struct bytes *data)
{
    return column && column->type == ESE_COL_LONG && column->id <= ESE_FIXED_LAST &&
           ese_record_fixed(&rows->record, column, data, NULL) && data->size == sizeof(int32_t);
}

int32_t rows_integer(struct rows *rows, const struct ese_column *column, bool *null)
{
    struct bytes data;
    if (is_plain_long(rows, column, &data)) {
        *null = false;
        return (int32_t)bytes_get_le32(data, 0);
    }
    struct fault why;
    int64_t number;
    *null = !rows_number(rows, column, &number);
    if (*null || (number >= INT32_MIN && number <= INT32_MAX))
        return (int32_t)number;
    *null = true;
    fault_set(&why, FAULT_NOT_THIS, "column %s: expected a number from %d to %d, found %lld",
              column->name, INT32_MIN, INT32_MAX, (long long)number);
    note_unread(rows, &why);
    return 0;
}

bool rows_integer_of(const struct ese_record *record, const struct ese_column *column,
                     int32_t *value)
{
    int64_t number;
    bool is =
        ese_record_integer(record, column, &number) && number >= INT32_MIN && number <= INT32_MAX;
    if (is)
        *value = (int32_t)number;
    return is;
}

bool rows_has_value(const struct ese_record *record, const struct ese_column *column)
{
    struct ese_value value;
    return column &&
           (!ese_record_value(record, column, &value, NULL) || value.kind != ESE_VALUE_NULL);
}

bool rows_is_none(struct bytes number)
{
    for (size_t i = 1; i < number.size; i++)
        if (number.at[i] != number.at[0])
            return false;
    return number.size > 0 && (number.at[0] == 0 || number.at[0] == UINT8_MAX);
}

bool rows_names_none(const struct ese_column *column, int64_t number)
{
    uint8_t bytes[sizeof number];
    size_t size = ese_coltype_size(column->type);
    bytes_put_le64(bytes, (uint64_t)number);
    return rows_is_none(bytes_of(bytes, size > 0 && size < sizeof bytes ? size : sizeof bytes));
}

double rows_date(struct rows *rows, const struct ese_column *column, bool *null)
{
    struct bytes data;
    double days = 0;
    *null = !read_small(rows, column, &data) || data.size != sizeof days;
    uint64_t bits = *null ? 0 : bytes_number(data);
    memcpy(&days, &bits, sizeof days);
    return days;
}

static bool read_value(struct rows *rows, const struct ese_column *column,
                       const struct ese_value *value, struct buffer *room, struct bytes *out,
                       struct fault *f)
{
    if (value->kind == ESE_VALUE_PLAIN) { /* what most are, and what needs no store */
        buffer_clear(room);
        *out = value->data;
        return true;
    }
    if (value->kind == ESE_VALUE_ENCRYPTED)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s is encrypted by the engine",
                         column->name);
    if (value->kind == ESE_VALUE_SEPARATED && rows->lv == NULL &&
        (rows->lv = malloc(sizeof *rows->lv)) == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a long value");
    return ese_value_bytes(rows->lv, rows->store->db->pages, rows->table, value, ROWS_VALUE_MOST,
                           room, out, NULL, f);
}

/* What went wrong, for the caller and for rows_end(). */
static bool tell_unread(struct rows *rows, const struct fault *why, struct fault *f)
{
    if (f)
        *f = *why;
    return note_unread(rows, why);
}

bool rows_unread(struct rows *rows, const struct fault *why)
{
    return note_unread(rows, why);
}

bool rows_value(struct rows *rows, const struct ese_column *column, const struct ese_value *value,
                struct buffer *room, struct bytes *out, struct fault *f)
{
    struct fault why;
    fault_clear(&why);
    return read_value(rows, column, value, room, out, &why) || tell_unread(rows, &why, f);
}

bool rows_next_value(struct rows *rows, struct ese_values *values, const struct ese_column *column,
                     struct buffer *room, struct bytes *out, struct fault *f)
{
    struct ese_value value;
    do {
        if (!ese_values_next(values, &value, f))
            return false;
    } while (value.kind == ESE_VALUE_NULL);
    return rows_value(rows, column, &value, room, out, f);
}

bool rows_peek(struct rows *rows, const struct ese_column *column, struct buffer *room,
               struct bytes *out, bool *null, struct fault *f)
{
    struct ese_value value;
    *null = true;
    *out = (struct bytes){.at = NULL};
    if (column == NULL)
        return true;
    if (!ese_record_value(&rows->record, column, &value, f))
        return false;
    *null = value.kind == ESE_VALUE_NULL;
    return *null || read_value(rows, column, &value, room, out, f);
}

bool rows_bytes(struct rows *rows, const struct ese_column *column, struct buffer *room,
                struct bytes *out, bool *null, struct fault *f)
{
    struct fault why;
    fault_clear(&why);
    return rows_peek(rows, column, room, out, null, &why) || tell_unread(rows, &why, f);
}
