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
    return a->kind == b->kind && a->each == b->each && a->number == b->number &&
           a->truth == b->truth && memcmp(&a->days, &b->days, sizeof a->days) == 0 &&
           bytes_equal(a->bytes, b->bytes) &&
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

bool expected_integer_of(const struct ese_record *record, const struct ese_column *c,
                         int32_t *number)
{
    struct ese_value v;
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN)
        return false;
    switch (v.data.size) {
    case 1:
        *number = v.data.at[0];
        return true;
    case 2:
        *number = v.data.at[0] | v.data.at[1] << 8;
        if (c->type == ESE_COL_SHORT)
            *number = (int16_t)*number;
        return true;
    case 4: {
        uint32_t bits = 0;
        bytes_le32(v.data, 0, &bits);
        *number = (int32_t)bits;
        return c->type == ESE_COL_LONG || bits <= INT32_MAX;
    }
    case 8: {
        uint64_t bits = 0;
        bytes_le64(v.data, 0, &bits);
        *number = (int32_t)(uint32_t)bits;
        return bits <= INT32_MAX ||
               (bits >= (uint64_t)(int64_t)INT32_MIN && c->type != ESE_COL_UNSIGNED_LONG_LONG);
    }
    default:
        return false;
    }
}

const char *expected_text(const struct ese_column *c, struct bytes value, struct buffer *room)
{
    struct ese_text text = {.code_page = c->code_page};
    buffer_clear(room);
    if (value.size > TEXT_MOST ||
        !buffer_reserve(room, ESE_TEXT_GROWTH * value.size + 2 * ESE_TEXT_CARRY + 1))
        return NULL;
    char *to = (char *)room->at;
    size_t size = ese_text_convert(&text, value, to);
    size += ese_text_end(&text, to + size);
    to[size] = '\0';
    return to;
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
