/* New values of settings: see repair/plan_settings.h. */
#include "migrate/repair/plan_settings.h"

#include "formats/ese/layout/text.h"
#include "migrate/judge/names.h"
#include "migrate/profile/settings.h"

#include <stdlib.h>

static bool cannot_hold(const struct ese_column *column, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_UNSUPPORTED, "column %s of type %s cannot hold %.60s", column->name,
                     ese_coltype_name(column->type), what);
}

/* A number in so many bytes. */
static bool put_number(const struct ese_column *column, int64_t number, size_t size,
                       struct buffer *to, struct fault *f)
{
    uint8_t bytes[8];
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    bool is_signed = column->type == ESE_COL_SHORT || column->type == ESE_COL_LONG ||
                     column->type == ESE_COL_CURRENCY || column->type == ESE_COL_LONG_LONG;
    int64_t most = size == 0 || size > 8 ? -1
                   : size == 8           ? INT64_MAX
                   : is_signed           ? (INT64_C(1) << (8 * size - 1)) - 1
                                         : (INT64_C(1) << 8 * size) - 1;
    if (number > most || number < (is_signed ? -most - 1 : 0) ||
        (column->type == ESE_COL_BIT && number > 1))
        return cannot_hold(column, digits, f);
    if (column->type == ESE_COL_BIT && number)
        number = UINT8_MAX;
    bytes_put_le64(bytes, (uint64_t)number);
    return buffer_add(to, bytes_of(bytes, size)) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for a setting");
}

static bool put_text(const struct ese_column *column, enum setting_form form, const char *utf8,
                     struct buffer *to, struct fault *f)
{
    struct bytes text = bytes_of(utf8, strlen(utf8));
    bool ok = ese_column_is_text(column) ? ese_text_encode(column->code_page, text, to)
              : form == SETTING_WIDE     ? ese_text_encode(ESE_CODEPAGE_UNICODE, text, to)
                                         : buffer_add(to, text);
    if (to->failed)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a setting");
    return ok || cannot_hold(column, utf8, f);
}

static bool put_mode(const struct model *m, enum model_mode mode, const struct ese_column *column,
                     struct buffer *to, struct fault *f)
{
    const struct model_setting *s = &m->setting[SETTING_MODE];
    struct setting_place place;
    profile_place(m->profile, SETTING_MODE, &place);
    const char *word = place.mode[mode == MODE_V1 ? 0 : mode == MODE_V1V3 ? 1 : 2];
    if (ese_column_is_text(column) || (ese_column_is_binary(column) && s->form != SETTING_NUMBER))
        return put_text(column, s->form, word, to, f);
    return put_number(column, strtoll(word, NULL, 10),
                      ese_column_is_binary(column) ? s->value.size : ese_coltype_size(column->type),
                      to, f);
}

/* The digits of a hash in the places of those that stand there, in their case. */
static bool put_hex(const struct model *m, struct bytes sha1, const struct ese_column *column,
                    struct buffer *to, struct fault *f)
{
    struct bytes old = m->setting[SETTING_ISSUING_CA].value;
    char hex[2 * HASH_SHA1_SIZE + 1];
    bytes_hex(sha1, hex, sizeof hex);
    if (old.size == 0)
        return put_text(column, SETTING_TEXT, hex, to, f);
    bool ok = setting_put_hex(old, sha1, to);
    if (to->failed)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a setting");
    return ok || cannot_hold(column, hex, f);
}

static bool put_byte_key(const struct model *m, int32_t key, const struct ese_column *column,
                         struct buffer *to, struct fault *f)
{
    char text[NAMES_TEXT];
    const struct ese_column *of_list = names_key_column(m);
    if (ese_column_is_text(column) && of_list && (ese_column_is_text(of_list) || m->long_keys))
        return put_text(column, SETTING_TEXT, names_key_text(m, key, text), to, f);
    return buffer_add(to, names_key_bytes(m, key)) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for a setting");
}

static bool put_key(const struct model *m, int32_t key, const struct ese_column *column,
                    struct buffer *to, struct fault *f)
{
    const struct model_setting *s = &m->setting[SETTING_ISSUING_CA];
    char digits[16];
    if (m->byte_keys && m->issuing_names == NAMES_KEY)
        return put_byte_key(m, key, column, to, f);
    int32_t number = key - (m->issuing_names == NAMES_POSITION_0);
    snprintf(digits, sizeof digits, "%d", number);
    if (ese_column_is_text(column) ||
        (ese_column_is_binary(column) && s->form != SETTING_NUMBER && s->value.size))
        return put_text(column, s->form, digits, to, f);
    if (ese_column_is_binary(column) && s->value.size == 0)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "column %s: nothing stands there that tells how a key is written",
                         column->name);
    return put_number(column, number,
                      ese_column_is_binary(column) ? s->value.size : ese_coltype_size(column->type),
                      to, f);
}

bool plan_setting_value(const struct model *m, const struct action *a,
                        const struct ese_column *column, struct buffer *to, struct fault *f)
{
    buffer_clear(to);
    if (column == NULL)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "the plan changes a setting for which the profile names no column");
    if (action_setting(a->kind) == SETTING_MODE)
        return put_mode(m, a->mode, column, to, f);
    if (profile_names_entry(m->issuing_names))
        return put_key(m, a->entry, column, to, f);
    if (m->issuing_names == NAMES_SHA1_HEX)
        return put_hex(m, a->value, column, to, f);
    return buffer_add(to, a->value) || fault_set(f, FAULT_NO_MEMORY, "out of memory for a setting");
}
