/* Taking records apart: see record.h. */
#include "formats/ese/layout/record.h"

#include "formats/array.h"
#include "formats/ese/layout/record_bits.h"
#include "formats/ese/layout/record_parts.h"

enum { RECORD_HEADER = 4 };

bool ese_record_open(struct ese_record *rec, const struct ese_table *table, struct bytes data,
                     bool new_format, size_t page_size, struct fault *f)
{
    struct reader r = reader_of(data);
    unsigned last_fixed = reader_u8(&r), last_variable = reader_u8(&r);
    size_t fixed_end = reader_le16(&r);
    size_t null_size = (last_fixed + 7) / 8;
    size_t count = last_variable >= ESE_VARIABLE_FIRST ? last_variable - ESE_VARIABLE_FIRST + 1 : 0;
    *rec = (struct ese_record){.table = table,
                               .whole = data,
                               .last_fixed = last_fixed,
                               .last_variable = last_variable,
                               .new_format = new_format,
                               .small_pages = ese_page_size_small((uint32_t)page_size)};
    if (r.failed || fixed_end < RECORD_HEADER + null_size ||
        !bytes_cut(data, 0, fixed_end - null_size, &rec->fixed) ||
        !bytes_cut(data, fixed_end - null_size, null_size, &rec->null_bits))
        return fault_set(f, FAULT_DAMAGED,
                         "record of %zu bytes: its fixed columns should end at byte %zu", data.size,
                         fixed_end);
    /* One that has none of the variable columns says the id before the first of them. */
    if (last_fixed > ESE_FIXED_LAST || last_variable < ESE_VARIABLE_FIRST - 1)
        return fault_set(
            f, FAULT_DAMAGED,
            "record of %zu bytes: its last fixed column is %u and its last variable one "
            "%u, expected at most 127 and at least 127",
            data.size, last_fixed, last_variable);
    if (!bytes_cut(data, fixed_end, count * 2, &rec->offsets))
        return fault_set(f, FAULT_DAMAGED,
                         "record of %zu bytes: no room for the offsets of %zu variable columns",
                         data.size, count);
    struct bytes after = bytes_from(data, fixed_end + count * 2);
    size_t variable_end =
        count ? bytes_get_le16(rec->offsets, (count - 1) * 2) & RECORD_VARIABLE_OFFSET : 0;
    if (!bytes_cut(after, 0, variable_end, &rec->variable))
        return fault_set(
            f, FAULT_DAMAGED,
            "record of %zu bytes: its variable columns should end %zu bytes after byte %zu",
            data.size, variable_end, data.size - after.size);
    rec->tagged = bytes_from(after, variable_end);
    return true;
}

/* Field by field into its place: a value that is made beside it and copied waits for its own
 * stores, and one is made for every column of every row. */
static void put_value(struct ese_value *value, enum ese_value_kind kind, struct bytes data)
{
    value->kind = kind;
    value->data = data;
    value->lid = 0;
    value->wide_lid = value->from_default = false;
}

static void put_null(struct ese_value *value)
{
    put_value(value, ESE_VALUE_NULL, bytes_of(NULL, 0));
}

static void put_missing(struct ese_value *value, const struct ese_column *column)
{
    bool has = column->default_value.at != NULL;
    put_value(value, has ? ESE_VALUE_PLAIN : ESE_VALUE_NULL,
              has ? column->default_value : bytes_of(NULL, 0));
    value->from_default = has;
}

bool ese_record_fixed_outside(const struct ese_record *rec, const struct ese_column *column,
                              struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "column %s should be at bytes %u to %zu of %zu",
                     column->name, column->offset, column->offset + ese_column_fixed_size(column),
                     rec->fixed.size);
}

static bool fixed_value(const struct ese_record *rec, const struct ese_column *column,
                        struct ese_value *value, struct fault *f)
{
    struct bytes data;
    if (column->id > rec->last_fixed) {
        put_missing(value, column);
        return true;
    }
    if (!ese_record_fixed(rec, column, &data, f))
        return false;
    put_value(value, data.at ? ESE_VALUE_PLAIN : ESE_VALUE_NULL, data);
    return true;
}

static bool variable_value(const struct ese_record *rec, const struct ese_column *column,
                           struct ese_value *value, struct fault *f)
{
    if (column->id > rec->last_variable) {
        put_missing(value, column);
        return true;
    }
    size_t i = column->id - ESE_VARIABLE_FIRST;
    uint16_t end = bytes_get_le16(rec->offsets, i * 2);
    size_t start = i ? bytes_get_le16(rec->offsets, (i - 1) * 2) & RECORD_VARIABLE_OFFSET : 0;
    size_t stop = end & RECORD_VARIABLE_OFFSET;
    if (end & RECORD_VARIABLE_NULL) {
        put_null(value);
        return true;
    }
    struct bytes data;
    if (stop < start || !bytes_cut(rec->variable, start, stop - start, &data))
        return fault_set(f, FAULT_DAMAGED, "column %s should be at bytes %zu to %zu of %zu",
                         column->name, start, stop, rec->variable.size);
    put_value(value, ESE_VALUE_PLAIN, data);
    return true;
}

/* A long value's reference: a 32-bit id, or a 64-bit one. */
bool ese_tagged_separated(struct bytes data, struct ese_value *value, struct fault *f)
{
    uint32_t narrow;
    put_value(value, ESE_VALUE_SEPARATED, data);
    if (data.size == 4 && bytes_le32(data, 0, &narrow)) {
        value->lid = narrow;
        return true;
    }
    value->wide_lid = true;
    if (data.size == 8 && bytes_le64(data, 0, &value->lid))
        return true;
    return fault_set(f, FAULT_DAMAGED, "a long value's id has %zu bytes, expected 4 or 8",
                     data.size);
}

/*
 * Is a stored tagged field this column's?  In a table with a template, ids are counted twice, and a
 * bit says that the field is the template's.  Before revision 8 there was no such bit: there the
 * template's are the ids below the first of the table's own.
 */
bool ese_tagged_is_of(const struct ese_record *rec, uint16_t id, bool derived,
                      const struct ese_column *column)
{
    if (id != column->id)
        return false;
    if (rec->table->template_name == NULL)
        return true;
    return (derived || id < rec->table->first_own_tagged) == column->from_template;
}

/* ---- tagged columns before revision 9: a sorted run of {id, bits, data} ---- */

bool ese_tagged_next(struct bytes *run, struct ese_tagged_field *field, struct fault *f)
{
    struct reader r = reader_of(*run);
    field->id = reader_le16(&r);
    field->bits = reader_le16(&r);
    field->data = reader_take(&r, field->bits & RECORD_OLD_SIZE);
    if (r.failed)
        return fault_set(f, FAULT_DAMAGED,
                         "the tagged columns are cut: %zu bytes left for column %u", run->size,
                         field->id);
    *run = bytes_from(*run, r.at);
    return true;
}

bool ese_tagged_value(const struct ese_tagged_field *field, struct ese_value *value,
                      struct fault *f)
{
    if (field->bits & RECORD_OLD_NULL) {
        put_null(value);
        return true;
    }
    if (!(field->bits & RECORD_OLD_LONG)) {
        put_value(value, ESE_VALUE_PLAIN, field->data);
        return true;
    }
    uint8_t flags;
    if (!bytes_u8(field->data, 0, &flags))
        return fault_set(f, FAULT_DAMAGED, "column %u: a long value without its first byte",
                         field->id);
    struct bytes rest = bytes_from(field->data, 1);
    put_value(value, ESE_VALUE_PLAIN, rest);
    if (!(flags & RECORD_OLD_SEPARATED))
        return true;
    if (rest.size != 4) /* 64-bit ones are newer */
        return fault_set(f, FAULT_DAMAGED, "column %u: a long value's id has %zu bytes, expected 4",
                         field->id, rest.size);
    return ese_tagged_separated(rest, value, f);
}

static bool old_is_of(const struct ese_record *rec, const struct ese_tagged_field *field,
                      const struct ese_column *column)
{
    return ese_tagged_is_of(rec, field->id, field->bits & RECORD_OLD_DERIVED, column);
}

/* Leaves v->rest at the column's first field, or empty. */
static bool find_old(struct ese_values *v, struct fault *f)
{
    struct ese_run_hint *hint = v->record->table->template_name ? NULL : v->record->hint;
    v->form = ESE_VALUES_RUN;
    v->rest = v->record->tagged;
    if (hint && hint->id < v->column->id)
        v->rest = bytes_from(v->rest, hint->at);
    while (v->rest.size > 0) {
        struct bytes run = v->rest;
        struct ese_tagged_field field;
        if (!ese_tagged_next(&run, &field, f))
            return false;
        if (old_is_of(v->record, &field, v->column))
            return true;
        if (hint && field.id > v->column->id)
            break; /* the run is sorted */
        v->rest = run;
        if (hint)
            *hint = (struct ese_run_hint){field.id, v->record->tagged.size - run.size};
    }
    v->form = ESE_VALUES_ONE;
    v->stated = false;
    put_missing(&v->one, v->column);
    return true;
}

/* ---- tagged columns from revision 9 on: an array of {id, offset}, then data ---- */

unsigned ese_tagged_entries(const struct ese_record *rec)
{
    uint16_t mask = rec->small_pages ? RECORD_ENTRY_OFFSET_SMALL : RECORD_ENTRY_OFFSET_LARGE;
    return rec->tagged.size < RECORD_ENTRY_SIZE
               ? 0
               : (bytes_get_le16(rec->tagged, 2) & mask) / RECORD_ENTRY_SIZE;
}

bool ese_tagged_entry_at(const struct ese_record *rec, unsigned i, unsigned count,
                         struct ese_tagged_entry *entry, struct fault *f)
{
    uint16_t mask = rec->small_pages ? RECORD_ENTRY_OFFSET_SMALL : RECORD_ENTRY_OFFSET_LARGE;
    struct bytes pair;
    if (!bytes_cut(rec->tagged, (size_t)i * RECORD_ENTRY_SIZE, RECORD_ENTRY_SIZE, &pair))
        return fault_set(f, FAULT_DAMAGED, "%u tagged columns do not fit into %zu bytes", count,
                         rec->tagged.size);
    entry->id = bytes_get_le16(pair, 0);
    entry->word = bytes_get_le16(pair, 2);
    size_t start = entry->word & mask, stop = rec->tagged.size;
    if (i + 1 < count)
        stop = bytes_get_le16(rec->tagged, ((size_t)i + 1) * RECORD_ENTRY_SIZE + 2) & mask;
    if (stop < start || !bytes_cut(rec->tagged, start, stop - start, &entry->data))
        return fault_set(f, FAULT_DAMAGED, "tagged column %u should be at bytes %zu to %zu of %zu",
                         entry->id, start, stop, rec->tagged.size);
    return true;
}

/* One value with its header byte already cut off. */
static bool headed_value(uint8_t header, struct bytes data, struct ese_value *value,
                         struct fault *f)
{
    if (header & RECORD_HEADER_NULL)
        put_null(value);
    else if (header & RECORD_HEADER_SEPARATED)
        return ese_tagged_separated(data, value, f);
    else if (header & RECORD_HEADER_ENCRYPTED)
        put_value(value, ESE_VALUE_ENCRYPTED, data);
    else if (header & RECORD_HEADER_COMPRESSED)
        put_value(value, ESE_VALUE_COMPRESSED, data);
    else
        put_value(value, ESE_VALUE_PLAIN, data);
    return true;
}

static bool open_two(struct ese_values *v, struct bytes data, struct fault *f)
{
    uint8_t first;
    if (!bytes_u8(data, 0, &first) || !bytes_has(data, 1, first))
        return fault_set(f, FAULT_DAMAGED, "column %s: two values that do not fit into %zu bytes",
                         v->column->name, data.size);
    v->form = ESE_VALUES_TWO;
    v->many = data;
    return true;
}

static bool open_many(struct ese_values *v, struct bytes data, struct fault *f)
{
    uint16_t first;
    if (!bytes_le16(data, 0, &first) || (first & RECORD_VARIABLE_OFFSET) < 2 ||
        (first & RECORD_VARIABLE_OFFSET) > data.size)
        return fault_set(f, FAULT_DAMAGED,
                         "column %s: several values that do not fit into %zu bytes",
                         v->column->name, data.size);
    v->form = ESE_VALUES_MANY;
    v->many = data;
    v->of = (first & RECORD_VARIABLE_OFFSET) / 2u;
    return true;
}

bool ese_tagged_open(struct ese_values *v, const struct ese_tagged_entry *entry, struct fault *f)
{
    bool small = v->record->small_pages;
    v->form = ESE_VALUES_ONE;
    if (small && (entry->word & RECORD_ENTRY_NULL)) {
        put_null(&v->one);
        return true;
    }
    if (small && !(entry->word & RECORD_ENTRY_HAS_HEADER)) {
        put_value(&v->one, ESE_VALUE_PLAIN, entry->data);
        return true;
    }
    if (!bytes_u8(entry->data, 0, &v->header))
        return fault_set(f, FAULT_DAMAGED, "column %s: its header byte is missing",
                         v->column->name);
    struct bytes data = bytes_from(entry->data, 1);
    if (v->header & RECORD_HEADER_TWO)
        return open_two(v, data, f);
    if (v->header & RECORD_HEADER_MULTI)
        return open_many(v, data, f);
    return headed_value(v->header, data, &v->one, f);
}

/* Where an entry stands in the array: those of the template first, then by id. */
uint32_t ese_tagged_order(uint16_t id, bool derived)
{
    return id | (derived ? 0u : 0x10000u);
}

/* Finds the column's entry.  Every row has an entry for some columns only and is asked for all: a
 * search from the front would cost the square of them. */
static bool search_entry(const struct ese_values *v, bool derived, unsigned count, unsigned *found)
{
    const struct ese_record *rec = v->record;
    uint32_t place = ese_tagged_order((uint16_t)v->column->id, derived);
    struct halving h = {.high = count};
    while (halving_next(&h)) {
        size_t at = h.middle * RECORD_ENTRY_SIZE;
        uint16_t id = bytes_get_le16(rec->tagged, at), word = bytes_get_le16(rec->tagged, at + 2);
        halving_go(&h, ese_tagged_order(id, word & RECORD_ENTRY_DERIVED) < place);
    }
    *found = (unsigned)h.low;
    uint16_t id = bytes_get_le16(rec->tagged, h.low * RECORD_ENTRY_SIZE);
    uint16_t word = bytes_get_le16(rec->tagged, h.low * RECORD_ENTRY_SIZE + 2);
    return h.low < count && ese_tagged_order(id, word & RECORD_ENTRY_DERIVED) == place &&
           ese_tagged_is_of(rec, id, word & RECORD_ENTRY_DERIVED, v->column);
}

static bool find_new(struct ese_values *v, struct fault *f)
{
    unsigned count = ese_tagged_entries(v->record), i;
    if (count == 0 && v->record->tagged.size > 0)
        return fault_set(f, FAULT_DAMAGED, "%zu bytes of tagged columns without an entry",
                         v->record->tagged.size);
    if ((size_t)count * RECORD_ENTRY_SIZE > v->record->tagged.size)
        return fault_set(f, FAULT_DAMAGED, "%u tagged columns do not fit into %zu bytes", count,
                         v->record->tagged.size);
    /* A template's column has the bit, or an id below the first of the table's own. */
    if (search_entry(v, false, count, &i) ||
        (v->record->table->template_name && search_entry(v, true, count, &i))) {
        struct ese_tagged_entry entry = {0};
        return ese_tagged_entry_at(v->record, i, count, &entry, f) && ese_tagged_open(v, &entry, f);
    }
    v->form = ESE_VALUES_ONE;
    v->stated = false;
    put_missing(&v->one, v->column);
    return true;
}

bool ese_values_of(struct ese_values *v, const struct ese_record *record,
                   const struct ese_column *column, struct fault *f)
{
    v->record = record;
    v->column = column;
    v->count = 0;
    v->form = ESE_VALUES_ONE;
    v->stated = true; /* of fixed and variable columns: when the record reaches so far */
    if (column->id <= ESE_FIXED_LAST)
        return fixed_value(record, column, &v->one, f);
    if (column->id <= ESE_VARIABLE_LAST)
        return variable_value(record, column, &v->one, f);
    return record->new_format ? find_new(v, f) : find_old(v, f);
}

static bool next_of_two(struct ese_values *v, struct ese_value *value)
{
    uint8_t first = v->many.at[0]; /* open_two() saw it */
    struct bytes both = bytes_from(v->many, 1);
    put_value(value, ESE_VALUE_PLAIN,
              v->count == 0 ? bytes_of(both.at, first) : bytes_from(both, first));
    if (++v->count == 2)
        v->form = ESE_VALUES_DONE;
    return true;
}

static bool next_of_many(struct ese_values *v, struct ese_value *value, struct fault *f)
{
    unsigned i = v->count++;
    uint16_t word = bytes_get_le16(v->many, (size_t)i * 2);
    size_t start = word & RECORD_VARIABLE_OFFSET, stop = v->many.size;
    if (i + 1 < v->of)
        stop = bytes_get_le16(v->many, ((size_t)i + 1) * 2) & RECORD_VARIABLE_OFFSET;
    else
        v->form = ESE_VALUES_DONE;
    struct bytes data;
    if (stop < start || !bytes_cut(v->many, start, stop - start, &data)) {
        v->form = ESE_VALUES_DONE;
        return fault_set(f, FAULT_DAMAGED,
                         "column %s value %u should be at bytes %zu to %zu of %zu", v->column->name,
                         i + 1, start, stop, v->many.size);
    }
    if (word & RECORD_MULTI_SEPARATED)
        return ese_tagged_separated(data, value, f);
    /* Of several values only the first may be compressed. */
    uint8_t header = v->header & RECORD_HEADER_ENCRYPTED;
    if (i == 0)
        header |= v->header & RECORD_HEADER_COMPRESSED;
    return headed_value(header, data, value, f);
}

static bool next_of_run(struct ese_values *v, struct ese_value *value, struct fault *f)
{
    struct ese_tagged_field field;
    if (v->rest.size == 0)
        return false;
    if (!ese_tagged_next(&v->rest, &field, f)) {
        v->form = ESE_VALUES_DONE;
        return false;
    }
    if (!old_is_of(v->record, &field, v->column)) {
        v->form = ESE_VALUES_DONE;
        return false;
    }
    v->count++;
    return ese_tagged_value(&field, value, f);
}

bool ese_values_next(struct ese_values *v, struct ese_value *value, struct fault *f)
{
    switch (v->form) {
    case ESE_VALUES_ONE:
        *value = v->one;
        v->form = ESE_VALUES_DONE;
        v->count = 1;
        return true;
    case ESE_VALUES_TWO:
        return next_of_two(v, value);
    case ESE_VALUES_MANY:
        return next_of_many(v, value, f);
    case ESE_VALUES_RUN:
        return next_of_run(v, value, f);
    case ESE_VALUES_DONE:
        break;
    }
    return false;
}

bool ese_record_value(const struct ese_record *record, const struct ese_column *column,
                      struct ese_value *value, struct fault *f)
{
    struct ese_values values;
    struct fault inner;
    put_null(value);
    if (column->id <= ESE_FIXED_LAST) /* has one value, and is asked for most */
        return fixed_value(record, column, value, f);
    if (column->id <= ESE_VARIABLE_LAST)
        return variable_value(record, column, value, f);
    fault_clear(&inner);
    if (!ese_values_of(&values, record, column, f))
        return false;
    return ese_values_next(&values, value, &inner) || fault_take(f, &inner);
}

bool ese_integer(enum ese_coltype type, struct bytes value, int64_t *number)
{
    if (type == ESE_COL_LONG && value.size == sizeof(int32_t)) { /* as most are */
        *number = (int32_t)bytes_get_le32(value, 0);
        return true;
    }
    bool is_signed = type == ESE_COL_SHORT || type == ESE_COL_LONG || type == ESE_COL_CURRENCY ||
                     type == ESE_COL_LONG_LONG;
    if ((type != ESE_COL_BIT && !ese_coltype_is_integer(type)) || value.size == 0 ||
        value.size > sizeof *number)
        return false;
    uint64_t bits = value.size == 4 ? bytes_get_le32(value, 0) : bytes_number(value);
    if (is_signed && value.size < sizeof bits && value.at[value.size - 1] & 0x80)
        bits |= UINT64_MAX << 8 * value.size;
    *number = type == ESE_COL_BIT ? bits != 0 : (int64_t)bits;
    return is_signed || bits <= INT64_MAX;
}

bool ese_record_integer(const struct ese_record *record, const struct ese_column *column,
                        int64_t *number)
{
    struct ese_value v;
    return column && ese_record_value(record, column, &v, NULL) && v.kind == ESE_VALUE_PLAIN &&
           ese_integer(column->type, v.data, number);
}
