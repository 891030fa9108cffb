/* All tagged columns of a record, value after value: ese_tagged_walk_next() of record.h. */
#include "formats/ese/layout/record_parts.h"

void ese_tagged_walk_open(struct ese_tagged_walk *w, const struct ese_record *record)
{
    static const struct ese_column tagged = {.name = "(tagged)"};
    w->values.record = record;
    w->values.column = &tagged;
    w->values.form = ESE_VALUES_DONE;
    w->rest = record->tagged;
    w->next = 0;
    w->entries = record->new_format ? ese_tagged_entries(record) : 0;
}

static bool next_of_run(struct ese_tagged_walk *w, uint16_t *id, struct ese_value *value,
                        struct fault *f)
{
    struct ese_tagged_field field;
    if (w->rest.size == 0 || !ese_tagged_next(&w->rest, &field, f))
        return false;
    *id = field.id;
    return ese_tagged_value(&field, value, f);
}

bool ese_tagged_walk_next(struct ese_tagged_walk *w, uint16_t *id, struct ese_value *value,
                          struct fault *f)
{
    if (!w->values.record->new_format)
        return next_of_run(w, id, value, f);
    while (!ese_values_next(&w->values, value, f)) {
        struct ese_tagged_entry entry;
        if (f->code != FAULT_NONE || w->next == w->entries ||
            !ese_tagged_entry_at(w->values.record, w->next++, w->entries, &entry, f))
            return false;
        w->id = entry.id;
        w->values.count = 0;
        if (!ese_tagged_open(&w->values, &entry, f))
            return false;
    }
    *id = w->id;
    return true;
}
