/* Taking records apart: see record.h. */
#include "formats/ese/layout/record.h"

#include "formats/ese/layout/record_bits.h"

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

static struct ese_value missing(const struct ese_column *column)
{
    if (column->default_value.at == NULL)
        return (struct ese_value){.kind = ESE_VALUE_NULL};
    return (struct ese_value){
        .kind = ESE_VALUE_PLAIN, .data = column->default_value, .from_default = true};
}

static struct ese_value plain(struct bytes data)
{
    return (struct ese_value){.kind = ESE_VALUE_PLAIN, .data = data};
}

static bool fixed_value(const struct ese_record *rec, const struct ese_column *column,
                        struct ese_value *value, struct fault *f)
{
    if (column->id > rec->last_fixed) {
        *value = missing(column);
        return true;
    }
    uint8_t bits = 0;
    bytes_u8(rec->null_bits, (column->id - 1) / 8, &bits);
    if (bits >> (column->id - 1) % 8 & 1) {
        *value = (struct ese_value){.kind = ESE_VALUE_NULL};
        return true;
    }
    size_t size = ese_column_fixed_size(column);
    struct bytes data;
    if (!bytes_cut(rec->fixed, column->offset, size, &data))
        return fault_set(f, FAULT_DAMAGED, "column %s should be at bytes %u to %zu of %zu",
                         column->name, column->offset, column->offset + size, rec->fixed.size);
    *value = plain(data);
    return true;
}

static bool variable_value(const struct ese_record *rec, const struct ese_column *column,
                           struct ese_value *value, struct fault *f)
{
    if (column->id > rec->last_variable) {
        *value = missing(column);
        return true;
    }
    size_t i = column->id - ESE_VARIABLE_FIRST;
    uint16_t end = bytes_get_le16(rec->offsets, i * 2);
    size_t start = i ? bytes_get_le16(rec->offsets, (i - 1) * 2) & RECORD_VARIABLE_OFFSET : 0;
    size_t stop = end & RECORD_VARIABLE_OFFSET;
    if (end & RECORD_VARIABLE_NULL) {
        *value = (struct ese_value){.kind = ESE_VALUE_NULL};
        return true;
    }
    struct bytes data;
    if (stop < start || !bytes_cut(rec->variable, start, stop - start, &data))
        return fault_set(f, FAULT_DAMAGED, "column %s should be at bytes %zu to %zu of %zu",
                         column->name, start, stop, rec->variable.size);
    *value = plain(data);
    return true;
}

/* A long value's reference: a 32-bit id, or a 64-bit one. */
static bool separated(struct bytes data, struct ese_value *value, struct fault *f)
{
    uint32_t narrow;
    *value = (struct ese_value){.kind = ESE_VALUE_SEPARATED, .data = data};
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
static bool is_of(const struct ese_record *rec, uint16_t id, bool derived,
                  const struct ese_column *column)
{
    if (id != column->id)
        return false;
    if (rec->table->template_name == NULL)
        return true;
    return (derived || id < rec->table->first_own_tagged) == column->from_template;
}

/* ---- tagged columns before revision 9: a sorted run of {id, bits, data} ---- */

struct old_field {
    uint16_t id, bits;
    struct bytes data;
};

static bool next_old_field(struct bytes *run, struct old_field *field, struct fault *f)
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

static bool old_value(const struct old_field *field, struct ese_value *value, struct fault *f)
{
    if (field->bits & RECORD_OLD_NULL) {
        *value = (struct ese_value){.kind = ESE_VALUE_NULL};
        return true;
    }
    if (!(field->bits & RECORD_OLD_LONG)) {
        *value = plain(field->data);
        return true;
    }
    uint8_t flags;
    if (!bytes_u8(field->data, 0, &flags))
        return fault_set(f, FAULT_DAMAGED, "column %u: a long value without its first byte",
                         field->id);
    struct bytes rest = bytes_from(field->data, 1);
    if (flags & RECORD_OLD_SEPARATED)
        return separated(rest, value, f);
    *value = plain(rest);
    return true;
}

static bool old_is_of(const struct ese_record *rec, const struct old_field *field,
                      const struct ese_column *column)
{
    return is_of(rec, field->id, field->bits & RECORD_OLD_DERIVED, column);
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
        struct old_field field;
        if (!next_old_field(&run, &field, f))
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
    v->one = missing(v->column);
    return true;
}

/* ---- tagged columns from revision 9 on: an array of {id, offset}, then data ---- */

struct entry {
    uint16_t id, word;
    struct bytes data;
};

static unsigned entry_count(const struct ese_record *rec)
{
    uint16_t mask = rec->small_pages ? RECORD_ENTRY_OFFSET_SMALL : RECORD_ENTRY_OFFSET_LARGE;
    return rec->tagged.size < RECORD_ENTRY_SIZE
               ? 0
               : (bytes_get_le16(rec->tagged, 2) & mask) / RECORD_ENTRY_SIZE;
}

static bool entry_at(const struct ese_record *rec, unsigned i, unsigned count, struct entry *entry,
                     struct fault *f)
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
        *value = (struct ese_value){.kind = ESE_VALUE_NULL};
    else if (header & RECORD_HEADER_SEPARATED)
        return separated(data, value, f);
    else if (header & RECORD_HEADER_ENCRYPTED)
        *value = (struct ese_value){.kind = ESE_VALUE_ENCRYPTED, .data = data};
    else if (header & RECORD_HEADER_COMPRESSED)
        *value = (struct ese_value){.kind = ESE_VALUE_COMPRESSED, .data = data};
    else
        *value = plain(data);
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

static bool open_entry(struct ese_values *v, const struct entry *entry, struct fault *f)
{
    bool small = v->record->small_pages;
    v->form = ESE_VALUES_ONE;
    if (small && (entry->word & RECORD_ENTRY_NULL)) {
        v->one = (struct ese_value){.kind = ESE_VALUE_NULL};
        return true;
    }
    if (small && !(entry->word & RECORD_ENTRY_HAS_HEADER)) {
        v->one = plain(entry->data);
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
static uint32_t place_of(uint16_t id, bool derived)
{
    return id | (derived ? 0u : 0x10000u);
}

/* Finds the column's entry.  Every row has an entry for some columns only and is asked for all: a
 * search from the front would cost the square of them. */
static bool search_entry(const struct ese_values *v, bool derived, unsigned count, unsigned *found)
{
    const struct ese_record *rec = v->record;
    uint32_t place = place_of((uint16_t)v->column->id, derived);
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        size_t at = (size_t)middle * RECORD_ENTRY_SIZE;
        uint16_t id = bytes_get_le16(rec->tagged, at), word = bytes_get_le16(rec->tagged, at + 2);
        if (place_of(id, word & RECORD_ENTRY_DERIVED) < place)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low;
    uint16_t id = bytes_get_le16(rec->tagged, (size_t)low * RECORD_ENTRY_SIZE);
    uint16_t word = bytes_get_le16(rec->tagged, (size_t)low * RECORD_ENTRY_SIZE + 2);
    return low < count && place_of(id, word & RECORD_ENTRY_DERIVED) == place &&
           is_of(rec, id, word & RECORD_ENTRY_DERIVED, v->column);
}

static bool find_new(struct ese_values *v, struct fault *f)
{
    unsigned count = entry_count(v->record), i;
    if (count == 0 && v->record->tagged.size > 0)
        return fault_set(f, FAULT_DAMAGED, "%zu bytes of tagged columns without an entry",
                         v->record->tagged.size);
    if ((size_t)count * RECORD_ENTRY_SIZE > v->record->tagged.size)
        return fault_set(f, FAULT_DAMAGED, "%u tagged columns do not fit into %zu bytes", count,
                         v->record->tagged.size);
    /* A template's column has the bit, or an id below the first of the table's own. */
    if (search_entry(v, false, count, &i) ||
        (v->record->table->template_name && search_entry(v, true, count, &i))) {
        struct entry entry = {0};
        return entry_at(v->record, i, count, &entry, f) && open_entry(v, &entry, f);
    }
    v->form = ESE_VALUES_ONE;
    v->stated = false;
    v->one = missing(v->column);
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
    *value = plain(v->count == 0 ? bytes_of(both.at, first) : bytes_from(both, first));
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
        return separated(data, value, f);
    /* Of several values only the first may be compressed. */
    uint8_t header = v->header & RECORD_HEADER_ENCRYPTED;
    if (i == 0)
        header |= v->header & RECORD_HEADER_COMPRESSED;
    return headed_value(header, data, value, f);
}

static bool next_of_run(struct ese_values *v, struct ese_value *value, struct fault *f)
{
    struct old_field field;
    if (v->rest.size == 0)
        return false;
    if (!next_old_field(&v->rest, &field, f)) {
        v->form = ESE_VALUES_DONE;
        return false;
    }
    if (!old_is_of(v->record, &field, v->column)) {
        v->form = ESE_VALUES_DONE;
        return false;
    }
    v->count++;
    return old_value(&field, value, f);
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
    *value = (struct ese_value){.kind = ESE_VALUE_NULL};
    if (column->id <= ESE_FIXED_LAST) /* has one value, and is asked for most */
        return fixed_value(record, column, value, f);
    fault_clear(&inner);
    if (!ese_values_of(&values, record, column, f))
        return false;
    if (ese_values_next(&values, value, &inner) || inner.code == FAULT_NONE)
        return true;
    if (f)
        *f = inner;
    return false;
}

/* ---- everything that a record stores, once ---- */

void ese_record_limits_of(struct ese_record_limits *limits, const struct ese_table *table)
{
    *limits = (struct ese_record_limits){.variable = ESE_VARIABLE_FIRST - 1};
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column->id > ESE_VARIABLE_LAST && column->id > limits->tagged)
            limits->tagged = column->id;
        else if (column->id > ESE_FIXED_LAST && column->id <= ESE_VARIABLE_LAST &&
                 column->id > limits->variable)
            limits->variable = column->id;
        if (column->id > ESE_FIXED_LAST)
            continue;
        if (column->id > limits->fixed)
            limits->fixed = column->id;
        if (column->type != ESE_COL_NIL)
            limits->fixed_end[column->id] =
                (uint16_t)(column->offset + ese_column_fixed_size(column));
    }
}

static bool check_plain_columns(const struct ese_record *rec,
                                const struct ese_record_limits *limits, struct fault *f)
{
    if (rec->last_fixed > limits->fixed)
        return fault_set(f, FAULT_DAMAGED, "its last fixed column is %u, the table's is %u",
                         rec->last_fixed, limits->fixed);
    size_t end = limits->fixed_end[rec->last_fixed];
    if (end > rec->fixed.size)
        return fault_set(f, FAULT_DAMAGED, "its fixed columns end at byte %zu, expected %zu",
                         rec->fixed.size, end);
    if (rec->last_variable > limits->variable)
        return fault_set(f, FAULT_DAMAGED, "its last variable column is %u, the table's is %u",
                         rec->last_variable, limits->variable);
    unsigned before = 0;
    for (size_t at = 0; at < rec->offsets.size; at += 2) {
        uint16_t word = bytes_get_le16(rec->offsets, at);
        unsigned stop = word & RECORD_VARIABLE_OFFSET,
                 column = (unsigned)(ESE_VARIABLE_FIRST + at / 2);
        if (stop < before || stop > rec->variable.size)
            return fault_set(f, FAULT_DAMAGED,
                             "variable column %u should be at bytes %u to %u of %zu", column,
                             before, stop, rec->variable.size);
        if ((word & RECORD_VARIABLE_NULL) && stop != before)
            return fault_set(f, FAULT_DAMAGED, "variable column %u is null, and has %u bytes",
                             column, stop - before);
        before = stop;
    }
    return true;
}

static bool check_value(const struct ese_value *value, ese_record_value_fn each, void *context,
                        struct fault *f)
{
    if (value->kind != ESE_VALUE_COMPRESSED && value->kind != ESE_VALUE_SEPARATED)
        return true;
    return each == NULL || each(context, value, f);
}

static bool check_tagged_id(const struct ese_record_limits *limits, uint16_t id, struct fault *f)
{
    if (id >= ESE_TAGGED_FIRST && id <= limits->tagged)
        return true;
    return fault_set(f, FAULT_DAMAGED, "it has tagged column %u, the table's are %u to %u", id,
                     ESE_TAGGED_FIRST, limits->tagged);
}

static bool check_old_tagged(const struct ese_record *rec, const struct ese_record_limits *limits,
                             ese_record_value_fn each, void *context, struct fault *f)
{
    struct bytes run = rec->tagged;
    uint16_t before = 0;
    while (run.size > 0) {
        struct old_field field;
        struct ese_value value;
        if (!next_old_field(&run, &field, f) || !check_tagged_id(limits, field.id, f) ||
            !old_value(&field, &value, f) || !check_value(&value, each, context, f))
            return false;
        if (field.id < before && rec->table->template_name == NULL)
            return fault_set(f, FAULT_DAMAGED, "tagged column %u stands behind %u", field.id,
                             before);
        before = field.id;
    }
    return true;
}

static bool check_entry(const struct ese_record *rec, const struct entry *entry,
                        ese_record_value_fn each, void *context, struct fault *f)
{
    static const struct ese_column tagged = {.name = "(tagged)"};
    struct ese_values values = {.record = rec, .column = &tagged};
    struct ese_value value;
    struct fault inner;
    inner.code = FAULT_NONE;
    bool ok = open_entry(&values, entry, &inner);
    while (ok && ese_values_next(&values, &value, &inner))
        ok = check_value(&value, each, context, &inner);
    if (inner.code == FAULT_NONE)
        return true;
    if (f)
        *f = inner;
    return fault_context(f, "tagged column %u", entry->id);
}

static bool check_new_tagged(const struct ese_record *rec, const struct ese_record_limits *limits,
                             ese_record_value_fn each, void *context, struct fault *f)
{
    unsigned count = entry_count(rec);
    uint32_t before = 0;
    if (rec->tagged.size > 0 && count == 0)
        return fault_set(f, FAULT_DAMAGED, "%zu bytes of tagged columns without an entry",
                         rec->tagged.size);
    for (unsigned i = 0; i < count; i++) {
        struct entry entry = {0};
        if (!entry_at(rec, i, count, &entry, f) || !check_tagged_id(limits, entry.id, f) ||
            !check_entry(rec, &entry, each, context, f))
            return false;
        /* The template's come first. */
        uint32_t order = place_of(entry.id, entry.word & RECORD_ENTRY_DERIVED);
        if (order <= before)
            return fault_set(f, FAULT_DAMAGED, "tagged column %u stands behind %u", entry.id,
                             before & 0xffff);
        before = order;
    }
    return true;
}

bool ese_record_check(const struct ese_record *rec, const struct ese_record_limits *limits,
                      ese_record_value_fn each, void *context, struct fault *f)
{
    if (!check_plain_columns(rec, limits, f))
        return false;
    return rec->new_format ? check_new_tagged(rec, limits, each, context, f)
                           : check_old_tagged(rec, limits, each, context, f);
}

/* ---- without long values that are gone ---- */

/* What is being written; room was checked before: it only gets shorter. */
struct shorter {
    const struct ese_record *rec;
    ese_lid_gone_fn gone;
    void *context;
    uint8_t *to;
    size_t size;
};

static void copy(struct shorter *w, struct bytes b)
{
    if (b.size > 0)
        memcpy(w->to + w->size, b.at, b.size);
    w->size += b.size;
}

static bool is_gone(const struct shorter *w, struct bytes id)
{
    struct ese_value value;
    return separated(id, &value, NULL) && w->gone(w->context, value.lid, value.wide_lid);
}

/* A column whose default would take the place of a value that is left out. */
static bool has_default(const struct ese_record *rec, uint16_t id, bool derived)
{
    for (unsigned i = 0; i < rec->table->columns; i++)
        if (is_of(rec, id, derived, &rec->table->column[i]))
            return rec->table->column[i].default_value.at != NULL;
    return false;
}

/* The fields of one id: those that stay, or, when none does, a null where there is a default. */
static bool forget_old(struct shorter *w, struct fault *f)
{
    struct bytes rest = w->rec->tagged;
    struct old_field field = {0}, last = {0};
    bool dropped = false, kept = false;
    while (rest.size > 0) {
        struct bytes whole = rest;
        if (!next_old_field(&rest, &field, f))
            return false;
        bool same = field.id == last.id && !((field.bits ^ last.bits) & RECORD_OLD_DERIVED);
        if (!same) {
            dropped = kept = false;
            last = field;
        }
        uint8_t flags = 0;
        bytes_u8(field.data, 0, &flags);
        bool out = (field.bits & RECORD_OLD_LONG) && !(field.bits & RECORD_OLD_NULL) &&
                   (flags & RECORD_OLD_SEPARATED) && is_gone(w, bytes_from(field.data, 1));
        kept = kept || !out;
        if (!out)
            copy(w, bytes_of(whole.at, whole.size - rest.size));
        dropped = dropped || out;
        uint16_t next = bytes_get_le16(rest, 0);
        if (dropped && !kept && (rest.size == 0 || next != field.id) &&
            has_default(w->rec, field.id, field.bits & RECORD_OLD_DERIVED)) {
            bytes_put_le16(w->to + w->size, field.id);
            bytes_put_le16(w->to + w->size + 2,
                           RECORD_OLD_NULL | RECORD_OLD_LONG | (field.bits & RECORD_OLD_DERIVED));
            w->size += 4;
        }
    }
    return true;
}

/* What becomes of an entry of the offset array. */
enum fate { STAYS, FEWER, NULL_ENTRY, LEFT_OUT };

/* Value i of several, and whether it is separated. */
static bool one_of_many(struct bytes many, unsigned i, unsigned of, struct bytes *data, bool *apart)
{
    uint16_t word = bytes_get_le16(many, (size_t)i * 2);
    size_t start = word & RECORD_VARIABLE_OFFSET, stop = many.size;
    if (i + 1 < of)
        stop = bytes_get_le16(many, ((size_t)i + 1) * 2) & RECORD_VARIABLE_OFFSET;
    *apart = word & RECORD_MULTI_SEPARATED;
    return stop >= start && bytes_cut(many, start, stop - start, data);
}

static unsigned count_of_many(struct bytes many)
{
    return (bytes_get_le16(many, 0) & RECORD_VARIABLE_OFFSET) / 2u;
}

/* How many of several values stay. */
static bool count_staying(const struct shorter *w, struct bytes many, unsigned *staying,
                          struct fault *f)
{
    unsigned of = count_of_many(many);
    *staying = 0;
    for (unsigned i = 0; i < of; i++) {
        struct bytes data;
        bool apart;
        if (!one_of_many(many, i, of, &data, &apart))
            return fault_set(f, FAULT_DAMAGED, "several values that do not fit into %zu bytes",
                             many.size);
        *staying += !(apart && is_gone(w, data));
    }
    return true;
}

static bool fate_of(const struct shorter *w, const struct entry *entry, enum fate *fate,
                    struct fault *f)
{
    uint8_t header = 0;
    *fate = STAYS;
    if (w->rec->small_pages &&
        (entry->word & RECORD_ENTRY_NULL || !(entry->word & RECORD_ENTRY_HAS_HEADER)))
        return true;
    bytes_u8(entry->data, 0, &header);
    struct bytes data = bytes_from(entry->data, 1);
    unsigned staying = 1;
    if (header & (RECORD_HEADER_NULL | RECORD_HEADER_TWO))
        return true;
    if (header & RECORD_HEADER_MULTI) {
        if (!count_staying(w, data, &staying, f))
            return false;
        if (staying == count_of_many(data))
            return true;
    } else if (!(header & RECORD_HEADER_SEPARATED) || !is_gone(w, data)) {
        return true;
    } else {
        staying = 0;
    }
    *fate = staying > 0                                                                 ? FEWER
            : has_default(w->rec, entry->id, (entry->word & RECORD_ENTRY_DERIVED) != 0) ? NULL_ENTRY
                                                                                        : LEFT_OUT;
    return true;
}

/* Writes the several values that stay; one alone stands as a single value. */
static void put_fewer(struct shorter *w, struct bytes all, unsigned staying)
{
    uint8_t header = 0;
    struct bytes data = {.size = 0};
    bool apart = false;
    bytes_u8(all, 0, &header);
    struct bytes many = bytes_from(all, 1);
    unsigned of = count_of_many(many), put = 0;
    size_t start = w->size + 1;
    if (staying > 1) {
        w->to[w->size] = header;
        w->size = start + 2u * staying;
    }
    for (unsigned i = 0; i < of; i++) {
        one_of_many(many, i, of, &data, &apart);
        if (apart && is_gone(w, data))
            continue;
        if (staying > 1) {
            bytes_put_le16(w->to + start + 2u * put++,
                           (w->size - start) | (apart ? RECORD_MULTI_SEPARATED : 0u));
        } else {
            /* Of several values only the first may be compressed. */
            uint8_t drop = RECORD_HEADER_MULTI | (i > 0 ? RECORD_HEADER_COMPRESSED : 0);
            w->to[w->size++] = (uint8_t)((header & ~drop) | (apart ? RECORD_HEADER_SEPARATED : 0));
        }
        copy(w, data);
    }
}

static bool put_entry(struct shorter *w, const struct entry *entry, enum fate fate, uint8_t *word,
                      size_t base, struct fault *f)
{
    bool small = w->rec->small_pages;
    uint16_t flags =
        entry->word & (uint16_t) ~(small ? RECORD_ENTRY_OFFSET_SMALL : RECORD_ENTRY_OFFSET_LARGE);
    unsigned staying = 0;
    size_t at = w->size - base;
    if (fate == STAYS) {
        copy(w, entry->data);
    } else if (fate == FEWER) {
        if (!count_staying(w, bytes_from(entry->data, 1), &staying, f))
            return false;
        put_fewer(w, entry->data, staying);
    } else if (small) {
        flags = (uint16_t)((flags & ~RECORD_ENTRY_HAS_HEADER) | RECORD_ENTRY_NULL);
    } else {
        w->to[w->size++] = RECORD_HEADER_NULL | RECORD_HEADER_LONG;
    }
    bytes_put_le16(word, entry->id);
    bytes_put_le16(word + 2, at | flags);
    return true;
}

static bool forget_new(struct shorter *w, struct fault *f)
{
    unsigned count = entry_count(w->rec), left = 0;
    size_t base = w->size;
    struct entry entry = {0};
    enum fate fate;
    for (unsigned i = 0; i < count; i++) {
        if (!entry_at(w->rec, i, count, &entry, f) || !fate_of(w, &entry, &fate, f))
            return false;
        left += fate != LEFT_OUT;
    }
    uint8_t *word = w->to + base;
    w->size += (size_t)left * RECORD_ENTRY_SIZE;
    for (unsigned i = 0; i < count; i++) {
        if (!entry_at(w->rec, i, count, &entry, f) || !fate_of(w, &entry, &fate, f))
            return false;
        if (fate == LEFT_OUT)
            continue;
        if (!put_entry(w, &entry, fate, word, base, f))
            return false;
        word += RECORD_ENTRY_SIZE;
    }
    return true;
}

bool ese_record_forget(const struct ese_record *rec, ese_lid_gone_fn gone, void *context,
                       uint8_t *to, size_t room, size_t *size, struct fault *f)
{
    struct shorter w = {.rec = rec, .gone = gone, .context = context, .to = to};
    if (room < rec->whole.size)
        return fault_set(f, FAULT_LIMIT, "no room for a record of %zu bytes", rec->whole.size);
    copy(&w, bytes_of(rec->whole.at, rec->whole.size - rec->tagged.size));
    if (rec->new_format ? !forget_new(&w, f) : !forget_old(&w, f))
        return false;
    *size = w.size;
    return true;
}
