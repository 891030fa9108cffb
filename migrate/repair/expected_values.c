/* Values of an expected row: see expected_parts.h. */
#include "migrate/repair/expected_parts.h"

#include "formats/ese/layout/text.h"

#include <strings.h>

static bool contradiction(const struct ese_column *c, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "column %s: two actions of the plan contradict each other",
                     c->name);
}

static bool is_same(const struct expected_value *a, const struct expected_value *b)
{
    return a->kind == b->kind && a->each == b->each && a->count == b->count && a->part == b->part &&
           a->number == b->number && a->truth == b->truth &&
           memcmp(&a->days, &b->days, sizeof a->days) == 0 && bytes_equal(a->bytes, b->bytes) &&
           (a->text == b->text || (a->text && b->text && strcmp(a->text, b->text) == 0));
}

bool expected_put(struct expected_row *row, const struct expected_value *value, struct fault *f)
{
    if (value->column == NULL)
        return fault_set(f, FAULT_DAMAGED,
                         "the plan changes something for which the profile names no column");
    for (unsigned i = 0; i < row->values; i++)
        if (row->value[i].column == value->column)
            return is_same(&row->value[i], value) || contradiction(value->column, f);
    if (row->values == EXPECTED_MOST)
        return fault_set(f, FAULT_LIMIT, "more changes of one row than can be verified");
    row->value[row->values++] = *value;
    return true;
}

const char *expected_text(const struct ese_column *c, struct bytes value, struct buffer *room)
{
    buffer_clear(room);
    return value.size <= TEXT_MOST && ese_text_add(c->code_page, value, room)
               ? (const char *)room->at
               : NULL;
}

bool expected_text_is(struct expected *x, const struct ese_record *record,
                      const struct ese_column *c, const char *wanted)
{
    struct ese_value v;
    if (c == NULL || wanted == NULL || !ese_record_value(record, c, &v, NULL) ||
        v.kind != ESE_VALUE_PLAIN)
        return false;
    const char *text = expected_text(c, v.data, &x->room);
    return text && strcasecmp(text, wanted) == 0;
}
