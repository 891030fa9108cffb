/* What a plan says of settings, in whatever form they stand. */
#include "migrate/repair/expected_parts.h"

#include <stdlib.h>
#include <string.h>

/* Is a condition met: of a text, or of a number and perhaps some of its bits? */
static bool meets(struct expected *x, const struct ese_record *record, const struct ese_column *c,
                  const struct condition *wanted)
{
    int32_t number;
    if (c == NULL || ese_column_is_text(c))
        return expected_text_is(x, record, c, wanted->value);
    if (!rows_integer_of(record, c, &number))
        return false;
    if (c->type == ESE_COL_BIT)
        number = number != 0;
    if (wanted->mask)
        number = (int32_t)(number & wanted->mask);
    for (const char *at = wanted->value; *at; at += strcspn(at, ",") + (strchr(at, ',') != NULL))
        if (strtol(at, NULL, 10) == number)
            return true;
    return false;
}

enum profile_setting_kind expected_setting_of(const struct action *a)
{
    return a->kind == ACTION_SET_MODE ? SETTING_MODE : SETTING_ISSUING_CA;
}

bool expected_is_number_column(const struct ese_column *c)
{
    return c->type != ESE_COL_TEXT && c->type != ESE_COL_LONG_TEXT && c->type != ESE_COL_BINARY &&
           c->type != ESE_COL_LONG_BINARY && c->type != ESE_COL_GUID;
}

/* Hexadecimal digits where digits stood before, and all else as it was. */
static bool expect_hex(struct expected *x, const struct action *a, struct expected_value *value,
                       struct fault *f)
{
    struct bytes was = x->model->setting[SETTING_ISSUING_CA].value;
    char hex[2 * HASH_SHA1_SIZE + 1];
    if (was.size == 0) {
        value->kind = EXPECTED_TEXT;
        bytes_hex(a->value, hex, sizeof hex);
        value->text = arena_copy(&x->values, bytes_of(hex, sizeof hex));
    }
    return (was.size == 0 ? value->text != NULL : expected_digits_of(x, was, a->value, value)) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
}

/* A number in as many bytes as it had. */
static bool expect_number(struct expected *x, enum profile_setting_kind which, int32_t number,
                          struct expected_value *value, struct fault *f)
{
    size_t size = x->model->setting[which].value.size ? x->model->setting[which].value.size : 4;
    uint8_t *to = arena_take(&x->values, size);
    if (to == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(i < 4 ? (uint32_t)number >> 8 * i : 0);
    value->kind = EXPECTED_BYTES;
    value->bytes = bytes_of(to, size);
    return true;
}

static bool expect_digits(struct expected *x, const char *text, struct expected_value *value,
                          struct fault *f)
{
    value->kind = EXPECTED_TEXT;
    value->text = arena_copy(&x->values, bytes_of(text, strlen(text) + 1));
    return value->text || fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
}

/* The key, or the position, of the entry that issues. */
static bool expect_key(struct expected *x, const struct action *a, struct expected_value *value,
                       struct fault *f)
{
    const struct model *m = x->model;
    const struct ese_column *c = value->column;
    char text[NAMES_TEXT];
    int32_t number = m->issuing_names == NAMES_POSITION_0 ? a->entry - 1 : a->entry;
    bool is_text = c && ese_column_is_text(c);
    if (m->byte_keys && m->issuing_names == NAMES_KEY && !is_text) {
        value->kind = EXPECTED_BYTES;
        value->bytes = names_key_bytes(m, a->entry);
        return true;
    }
    if (c && expected_is_number_column(c)) {
        value->kind = EXPECTED_INTEGER;
        value->number = number;
        return true;
    }
    if (!is_text && m->setting[SETTING_ISSUING_CA].form == SETTING_NUMBER)
        return expect_number(x, SETTING_ISSUING_CA, number, value, f);
    if (m->byte_keys && m->issuing_names == NAMES_KEY)
        names_key_text(m, a->entry, text);
    else
        snprintf(text, sizeof text, "%d", number);
    return expect_digits(x, text, value, f);
}

static bool expect_mode(struct expected *x, const struct action *a, const char *word,
                        struct expected_value *value, struct fault *f)
{
    int32_t number = (int32_t)strtol(word, NULL, 10);
    if (value->column && value->column->type == ESE_COL_BIT) {
        value->kind = EXPECTED_TRUTH;
        value->truth = number != 0;
        return true;
    }
    if (value->column && expected_is_number_column(value->column)) {
        value->kind = EXPECTED_INTEGER;
        value->number = number;
        return true;
    }
    return x->model->setting[expected_setting_of(a)].form == SETTING_NUMBER
               ? expect_number(x, SETTING_MODE, number, value, f)
               : expect_digits(x, word, value, f);
}

/* What the setting's column has to hold. */
bool expected_setting(struct expected *x, const struct action *a, const struct setting_place *place,
                      struct expected_row *row, struct fault *f)
{
    struct expected_value value = {.column = expected_column(x, place->column)};
    enum model_mode mode = a->mode;
    bool ok = true;
    if (a->kind == ACTION_SET_MODE)
        ok = expect_mode(x, a, place->mode[mode == MODE_V3 ? 2 : mode == MODE_V1V3], &value, f);
    else if (place->names == NAMES_SHA1_HEX)
        ok = expect_hex(x, a, &value, f);
    else if (profile_names_entry(place->names))
        ok = expect_key(x, a, &value, f);
    else {
        value.kind = EXPECTED_BYTES;
        value.bytes = a->value;
    }
    return ok && expected_put(row, &value, f);
}

/* Is the row the setting's? */
bool expected_is_setting(struct expected *x, const struct setting_place *place,
                         const struct ese_record *record)
{
    const struct ese_column *c = expected_column(x, place->rows.column);
    if (!ese_table_is(x->table, place->table))
        return false;
    return place->rows.column == NULL || meets(x, record, c, &place->rows);
}

bool expected_of_setting(struct expected *x, const struct ese_record *record,
                         struct expected_row *row, struct fault *f)
{
    struct setting_place place;
    for (unsigned i = 0; i < x->settings; i++) {
        const struct action *a = &x->plan->action[x->setting[i]];
        if (!profile_place(x->model->profile, expected_setting_of(a), &place) ||
            !expected_is_setting(x, &place, record))
            continue;
        x->seen[x->setting[i]]++;
        if (!expected_setting(x, a, &place, row, f))
            return false;
    }
    return true;
}
