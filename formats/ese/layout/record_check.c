/*
 * Everything that a record stores, once: ese_record_check() and ese_record_ids() of record.h.
 *
 * Whoever looks values up sees only what was asked for; here what lies between them is judged, too.
 */
#include "formats/ese/layout/record_bits.h"
#include "formats/ese/layout/record_parts.h"

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
    /* Of a deleted column it is not known. */
    if (end > rec->fixed.size || (end > 0 && end < rec->fixed.size))
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
        struct ese_tagged_field field;
        struct ese_value value;
        if (!ese_tagged_next(&run, &field, f) || !check_tagged_id(limits, field.id, f) ||
            !ese_tagged_value(&field, &value, f) || !check_value(&value, each, context, f))
            return false;
        if (field.id < before && rec->table->template_name == NULL)
            return fault_set(f, FAULT_DAMAGED, "tagged column %u stands behind %u", field.id,
                             before);
        before = field.id;
    }
    return true;
}

static bool check_entry(const struct ese_record *rec, const struct ese_tagged_entry *entry,
                        ese_record_value_fn each, void *context, struct fault *f)
{
    static const struct ese_column tagged = {.name = "(tagged)"};
    struct ese_values values = {.record = rec, .column = &tagged};
    struct ese_value value;
    struct fault inner;
    inner.code = FAULT_NONE;
    bool ok = ese_tagged_open(&values, entry, &inner);
    while (ok && ese_values_next(&values, &value, &inner))
        ok = check_value(&value, each, context, &inner);
    return fault_take(f, &inner) || fault_context(f, "tagged column %u", entry->id);
}

static bool check_new_tagged(const struct ese_record *rec, const struct ese_record_limits *limits,
                             ese_record_value_fn each, void *context, struct fault *f)
{
    unsigned count = ese_tagged_entries(rec);
    uint32_t before = 0;
    if (rec->tagged.size > 0 && count == 0)
        return fault_set(f, FAULT_DAMAGED, "%zu bytes of tagged columns without an entry",
                         rec->tagged.size);
    for (unsigned i = 0; i < count; i++) {
        struct ese_tagged_entry entry = {0};
        if (!ese_tagged_entry_at(rec, i, count, &entry, f) ||
            !check_tagged_id(limits, entry.id, f) || !check_entry(rec, &entry, each, context, f))
            return false;
        /* The template's come first. */
        uint32_t order = ese_tagged_order(entry.id, entry.word & RECORD_ENTRY_DERIVED);
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

/* ---- which columns ---- */

static void tagged_ids(const struct ese_record *rec, ese_record_id_fn each, void *context)
{
    struct bytes run = rec->tagged;
    struct ese_tagged_field field;
    while (!rec->new_format && run.size > 0 && ese_tagged_next(&run, &field, NULL))
        if (!(field.bits & RECORD_OLD_NULL))
            each(context, field.id);
    unsigned count = rec->new_format ? ese_tagged_entries(rec) : 0;
    for (unsigned i = 0; i < count; i++) {
        struct ese_tagged_entry entry;
        if (ese_tagged_entry_at(rec, i, count, &entry, NULL) &&
            !(rec->small_pages && (entry.word & RECORD_ENTRY_NULL)))
            each(context, entry.id);
    }
}

void ese_record_ids(const struct ese_record *rec, ese_record_id_fn each, void *context)
{
    for (unsigned id = ESE_FIXED_FIRST; id <= rec->last_fixed && id <= ESE_FIXED_LAST; id++) {
        uint8_t bits = 0;
        bytes_u8(rec->null_bits, (id - 1) / 8, &bits);
        if (!(bits >> (id - 1) % 8 & 1))
            each(context, id);
    }
    for (size_t i = 0; i * 2 < rec->offsets.size; i++)
        if (!(bytes_get_le16(rec->offsets, i * 2) & RECORD_VARIABLE_NULL))
            each(context, (unsigned)(ESE_VARIABLE_FIRST + i));
    tagged_ids(rec, each, context);
}
