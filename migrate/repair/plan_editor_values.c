/* Values of a changed row: see repair/plan_editor_parts.h. */
#include "migrate/repair/plan_editor_parts.h"

#include "formats/ese/layout/text.h"

bool editor_no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for applying the plan");
}

/* Every change has bytes of its own: two of one row never share them. */
bool editor_put(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *column,
                struct bytes data, struct fault *f)
{
    if (column == NULL)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "the plan changes something for which the profile names no column");
    for (unsigned i = 0; i < edit->changes; i++)
        if (edit->change[i].column == column)
            return bytes_equal(edit->change[i].data, data) ||
                   fault_set(f, FAULT_UNSUPPORTED,
                             "column %s: two actions of the plan give one row different values",
                             column->name);
    if (edit->changes == ESE_EDIT_CHANGES_MOST)
        return fault_set(f, FAULT_LIMIT, "a row with more than %d changes", ESE_EDIT_CHANGES_MOST);
    const uint8_t *copy = arena_copy(&a->row, data);
    if (copy == NULL)
        return editor_no_memory(f);
    edit->fate = ESE_ROW_CHANGE;
    edit->change[edit->changes++] =
        (struct ese_change){.column = column, .data = bytes_of(copy, data.size)};
    return true;
}

/* A change of one of a column's values. */
bool editor_put_value(struct ese_row_edit *edit, const struct ese_change *change, struct fault *f)
{
    if (edit->changes == ESE_EDIT_CHANGES_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %d values of a row change",
                         ESE_EDIT_CHANGES_MOST);
    edit->fate = ESE_ROW_CHANGE;
    edit->change[edit->changes++] = *change;
    return true;
}

/* An integer, in as many bytes as the column has. */
bool editor_integer_bytes(const struct ese_column *column, int32_t value, uint8_t bytes[8],
                          struct bytes *out, struct fault *f)
{
    size_t size = column ? ese_coltype_size(column->type) : 8;
    bytes_put_le64(bytes, (uint64_t)(int64_t)value);
    if (size == 0 || size > 8 || (size == 1 && (value < 0 || value > UINT8_MAX)) ||
        (size == 2 && column->type == ESE_COL_SHORT && (value < INT16_MIN || value > INT16_MAX)) ||
        (size == 2 && column->type != ESE_COL_SHORT && (value < 0 || value > UINT16_MAX)) ||
        (column &&
         (column->type == ESE_COL_UNSIGNED_LONG || column->type == ESE_COL_UNSIGNED_LONG_LONG) &&
         value < 0))
        return fault_set(f, FAULT_UNSUPPORTED, "column %s cannot hold the number %d", column->name,
                         value);
    *out = bytes_of(bytes, size);
    return true;
}

bool editor_put_integer(struct plan_editor *a, struct ese_row_edit *edit,
                        const struct ese_column *column, int32_t value, struct fault *f)
{
    uint8_t room[8];
    struct bytes bytes;
    return editor_integer_bytes(column, value, room, &bytes, f) &&
           editor_put(a, edit, column, bytes, f);
}

bool editor_put_date(struct plan_editor *a, struct ese_row_edit *edit,
                     const struct ese_column *column, double days, struct fault *f)
{
    uint8_t bytes[8];
    uint64_t bits;
    memcpy(&bits, &days, sizeof bits);
    bytes_put_le64(bytes, bits);
    if (column && ese_coltype_size(column->type) != sizeof bytes)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s cannot hold a date", column->name);
    return editor_put(a, edit, column, bytes_of(bytes, sizeof bytes), f);
}

/* Text for a column: UTF-8 into its code page.  What does not fit there is refused before it is
 * written. */
static bool text_for(struct plan_editor *a, const struct ese_column *c, const char *utf8,
                     struct bytes *out, struct fault *f)
{
    buffer_clear(&a->text);
    bool ok = ese_text_encode(c->code_page, bytes_of(utf8, strlen(utf8)), &a->text);
    *out = buffer_bytes(&a->text);
    if (a->text.failed)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    return ok ||
           fault_set(f, FAULT_UNSUPPORTED, "column %s: code page %u cannot hold the text %.60s",
                     c->name, c->code_page, utf8);
}

bool editor_put_name(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                     const char *utf8, struct fault *f)
{
    struct bytes text = {.at = NULL};
    return (c == NULL || text_for(a, c, utf8, &text, f)) && editor_put(a, edit, c, text, f);
}

/* As the column has it: a text in its code page, or as it is where the column is none of text. */
bool editor_put_text(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                     const char *utf8, struct fault *f)
{
    bool is_text = c && ese_column_is_text(c);
    return is_text ? editor_put_name(a, edit, c, utf8, f)
                   : editor_put(a, edit, c, bytes_of(utf8, strlen(utf8)), f);
}

bool editor_put_hex(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                    struct bytes value, struct fault *f)
{
    char hex[2 * HASH_SHA1_SIZE + 1];
    return editor_put_name(a, edit, c, bytes_hex(value, hex, sizeof hex), f);
}
