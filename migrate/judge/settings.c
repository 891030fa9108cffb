/* Reading settings: see judge/settings.h. */
#include "migrate/judge/settings.h"

#include "migrate/judge/readers.h"

#include "formats/ese/layout/text.h"
#include "formats/hex.h"
#include "migrate/judge/names.h"
#include "migrate/profile/meaning.h"
#include "migrate/profile/settings.h"

#include <stdlib.h>

enum { SHOWN = 24, NUMBER_DIGITS = 20 };

/* One setting while its table is read. */
struct reading {
    struct model *m;
    enum profile_setting_kind which;
    struct setting_place place;
    const struct ese_column *column, *select; /* select: that tells its row; NULL: none */
    struct problems *problems;
    struct fault *f;
};

static bool is_fixed(const struct ese_column *column)
{
    return !ese_column_is_text(column) && !ese_column_is_binary(column);
}

/* What a profile calls a secret is used, and shown nowhere. */
static bool is_hidden(const struct reading *r)
{
    return profile_is_secret(r->m->profile, r->place.table, r->place.column);
}

/* Notes a setting whose value is not what it should be: what the service makes of it is unknown. */
static void odd_value(struct reading *r, const char *expected)
{
    struct bytes value = r->m->setting[r->which].value;
    char hex[HEX_START_SIZE(SHOWN)];
    r->m->doubtful_settings = true;
    if (is_hidden(r))
        problem_add(r->problems, PROBLEM_SETTING_VALUE, NO_ENTRY, NO_ENTRY,
                    "setting %s: expected %s, found %zu bytes, which are a secret", r->place.label,
                    expected, value.size);
    else
        problem_add(r->problems, PROBLEM_SETTING_VALUE, NO_ENTRY, NO_ENTRY,
                    "setting %s: expected %s, found %zu bytes: %s", r->place.label, expected,
                    value.size, hex_start(value, SHOWN, hex));
}

/* ---- text ---- */

/* A zero byte at the end of a text ends it, and is nothing to wonder at. */
static struct bytes without_terminator(struct bytes value)
{
    if (value.size > 0 && value.at[value.size - 1] == 0)
        value.size--;
    return value;
}

/* A setting as text, whatever its column.  at is NULL when memory is short. */
static struct bytes text_of(struct reading *r)
{
    struct model_setting *s = &r->m->setting[r->which];
    struct buffer utf8 = {0};
    bool ok = setting_text(r->column, r->select, s->value, &utf8, &s->form);
    const void *kept = ok ? model_keep(r->m, buffer_bytes(&utf8)) : NULL;
    struct bytes text = bytes_of(kept, utf8.size);
    buffer_free(&utf8);
    return text;
}

/* A number in bytes. */
static bool number_of(struct bytes value, int64_t *number)
{
    return (value.size == 1 || value.size == 2 || value.size == 4 || value.size == 8) &&
           ese_integer(ESE_COL_UNSIGNED_LONG_LONG, value, number);
}

static bool is_number(const char *text, int64_t number)
{
    char *end;
    return strtoll(text, &end, 10) == number && *end == '\0' && end != text;
}

/* ---- the settings that decide something ---- */

static enum model_mode mode_in_words(const struct reading *r, const char *text)
{
    static const enum model_mode modes[] = {MODE_V1, MODE_V1V3, MODE_V3};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(text, r->place.mode[i]) == 0)
            return modes[i];
    return MODE_UNKNOWN;
}

static void set_number_mode(struct reading *r, int64_t number)
{
    static const enum model_mode modes[] = {MODE_V1, MODE_V1V3, MODE_V3};
    snprintf(r->m->mode_text, sizeof r->m->mode_text, "%lld", (long long)number);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (is_number(r->place.mode[i], number))
            r->m->mode = modes[i];
}

/* A mode that is known is no secret; any other value may be one. */
static void hide_mode(struct reading *r)
{
    if (r->m->mode == MODE_UNKNOWN && is_hidden(r))
        r->m->mode_text[0] = '\0';
}

static bool take_mode(struct reading *r)
{
    struct model *m = r->m;
    int64_t number;
    struct bytes text = text_of(r);
    if (text.at == NULL)
        return fault_no_memory(r->f, "the settings");
    snprintf(m->mode_text, sizeof m->mode_text, "%.*s", (int)(text.size < 31 ? text.size : 31),
             text.size ? (const char *)text.at : "");
    m->mode = mode_in_words(r, m->mode_text);
    if (m->mode == MODE_UNKNOWN && ese_column_is_binary(r->column) &&
        number_of(m->setting[r->which].value, &number)) {
        set_number_mode(r, number);
        if (m->mode != MODE_UNKNOWN) {
            m->setting[r->which].form = SETTING_NUMBER;
            return true;
        }
        snprintf(m->mode_text, sizeof m->mode_text, "%.*s", (int)(text.size < 31 ? text.size : 31),
                 text.size ? (const char *)text.at : "");
    }
    hide_mode(r);
    if (text.size > 0 && memchr(text.at, 0, text.size) != NULL)
        odd_value(r, "a mode and at most one zero byte behind it");
    return true;
}

static void take_hash(struct reading *r)
{
    struct bytes value = r->m->setting[r->which].value;
    if (value.size == HASH_SHA1_SIZE + 1)
        value = without_terminator(value);
    if (value.size == HASH_SHA1_SIZE) {
        r->m->has_issuing_ca = true;
        memcpy(r->m->issuing_ca, value.at, HASH_SHA1_SIZE);
    } else if (value.size > 0) {
        odd_value(r, "the 20 bytes of a SHA-1");
    }
}

static bool take_hex(struct reading *r)
{
    struct bytes text = text_of(r);
    if (text.at == NULL)
        return fault_no_memory(r->f, "the settings");
    r->m->has_issuing_ca = setting_hex(text, r->m->issuing_ca);
    if (!r->m->has_issuing_ca && text.size > 0)
        odd_value(r, "the 40 hexadecimal digits of a SHA-1");
    return true;
}

/* ---- the settings that are shown ---- */

/* A zero byte within a text ends it for C alone: it is shown as what escape.h makes of its like. */
static bool add_shown(struct buffer *to, struct bytes text)
{
    uint8_t c;
    text = without_terminator(text);
    for (size_t i = 0; bytes_u8(text, i, &c); i++)
        if (c == 0)
            buffer_add_text(to, "\\x00");
        else
            buffer_add_u8(to, c);
    return !to->failed;
}

static bool take_shown(struct reading *r)
{
    struct model *m = r->m;
    const char **kept = r->which == SETTING_ORGANIZATION ? &m->organization
                        : r->which == SETTING_SITE       ? &m->site
                        : r->which == SETTING_CA_NAME    ? &m->ca_name
                        : r->which == SETTING_SERVER     ? &m->server
                                                         : NULL;
    if (kept == NULL || is_hidden(r))
        return true;
    struct bytes text = text_of(r);
    struct buffer shown = {0};
    *kept = text.at && add_shown(&shown, text) ? model_keep(m, buffer_bytes(&shown)) : NULL;
    buffer_free(&shown);
    return *kept || fault_no_memory(r->f, "the settings");
}

/* ---- rows ---- */

static bool keep_value(struct reading *r, struct rows *rows, bool *read)
{
    struct buffer room = {0};
    struct bytes value;
    struct fault why = {.code = FAULT_NONE};
    bool null;
    *read = rows_bytes(rows, r->column, &room, &value, &null, &why);
    const void *kept = *read ? model_keep(r->m, null ? bytes_of(NULL, 0) : value) : NULL;
    buffer_free(&room);
    r->m->setting[r->which].unread = !*read;
    if (*read && kept)
        r->m->setting[r->which].value = bytes_of(kept, null ? 0 : value.size);
    return !*read || kept || fault_no_memory(r->f, "the settings");
}

static bool take_number(struct reading *r, struct rows *rows)
{
    int64_t number;
    if (r->which == SETTING_MODE && ese_record_integer(&rows->record, r->column, &number))
        set_number_mode(r, number);
    hide_mode(r);
    return true; /* a key is found by settings_find_issuing() */
}

/* The first value of a setting counts; that there is another is a doubt. */
static bool take_row(struct reading *r, struct rows *rows)
{
    struct model_setting *s = &r->m->setting[r->which];
    bool read;
    if (s->has_row) {
        r->m->doubtful_settings = true;
        problem_add(r->problems, PROBLEM_SETTING_TWICE, NO_ENTRY, NO_ENTRY,
                    "setting %s: the first of its values is judged", r->place.label);
        return true;
    }
    s->has_row = true;
    if (!keep_value(r, rows, &read))
        return false;
    if (!read)
        return true; /* model_end_rows() says so */
    if (is_fixed(r->column))
        return take_number(r, rows);
    if (r->which == SETTING_MODE)
        return take_mode(r);
    if (r->which != SETTING_ISSUING_CA)
        return take_shown(r);
    if (r->place.names == NAMES_SHA1)
        take_hash(r);
    return r->place.names != NAMES_SHA1_HEX || take_hex(r);
}

static bool read_row(struct reading *all, unsigned count, struct rows *rows, int32_t *last)
{
    bool null;
    int32_t key = rows_integer(rows, ese_table_key_column(rows->table), &null);
    if (!null && key > *last)
        *last = key;
    for (unsigned i = 0; i < count; i++)
        if (setting_is_in(&all[i].place, rows->table, &rows->record) && !take_row(&all[i], rows))
            return false;
    return true;
}

/* All settings of one table, the first of which is `first`. */
static bool read_table(struct model *m, const struct ese_table *table, unsigned first,
                       struct problems *problems, struct fault *f)
{
    struct reading all[PROFILE_SETTINGS];
    unsigned count = 0;
    int32_t last = 0;
    struct rows rows;
    for (unsigned i = first; i < PROFILE_SETTINGS; i++) {
        struct reading *r = &all[count];
        *r = (struct reading){.m = m, .which = i, .problems = problems, .f = f};
        if (!profile_place(m->profile, i, &r->place) || !ese_table_is(table, r->place.table))
            continue;
        r->column = ese_table_column(table, r->place.column);
        r->select = ese_table_column(table, r->place.rows.column);
        m->setting[i].has_table = r->column != NULL;
        count += r->column != NULL;
    }
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = read_row(all, count, &rows, &last);
    for (unsigned i = 0; i < count; i++)
        m->setting[all[i].which].last_key = last;
    return model_end_rows(&rows, problems, f) && ok;
}

static bool keep_stated(struct model *m, enum profile_setting_kind which, const char *is,
                        struct fault *f)
{
    struct reading r = {.m = m, .which = which};
    profile_place(m->profile, which, &r.place);
    const char *kept = model_keep(m, bytes_of(is, strlen(is)));
    if (kept == NULL)
        return fault_no_memory(f, "the settings");
    if (which == SETTING_MODE) {
        m->mode = mode_in_words(&r, is);
        m->mode_stated = true;
        snprintf(m->mode_text, sizeof m->mode_text, "%s", is);
    }
    if (which == SETTING_ORGANIZATION)
        m->organization = kept;
    if (which == SETTING_SITE)
        m->site = kept;
    if (which == SETTING_CA_NAME)
        m->ca_name = kept;
    if (which == SETTING_SERVER)
        m->server = kept;
    return true;
}

bool settings_read(struct model *m, struct problems *problems, struct fault *f)
{
    struct setting_place place;
    const struct ese_catalog *catalog = m->store->db->catalog;
    const char *general = m->profile->settings_table;
    m->has_settings = general && ese_catalog_find(catalog, general);
    m->issuing_names = NAMES_SHA1;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++) {
        if (!profile_place(m->profile, i, &place))
            continue;
        if (i == SETTING_ISSUING_CA)
            m->issuing_names = place.names;
        if (place.is && !keep_stated(m, i, place.is, f))
            return false;
        const struct ese_table *table = ese_catalog_find(catalog, place.table);
        if (table && !m->setting[i].has_table && !read_table(m, table, i, problems, f))
            return false;
        m->has_settings = m->has_settings || m->setting[i].has_table || place.is;
    }
    return true;
}

/* ---- which CA issues ---- */

/* A number in decimal digits, as the bytes of one. */
static bool long_key(struct bytes value, const struct ese_column *column, uint8_t to[8])
{
    enum { DIGITS = 18, TEXT_MOST = 128 };
    uint8_t narrow[TEXT_MOST];
    uint64_t number = 0;
    size_t digits = 0;
    if (column->code_page == ESE_CODEPAGE_UNICODE) {
        if (value.size > 2 * sizeof narrow || !ese_text_narrow(value, narrow))
            return false;
        value = bytes_of(narrow, value.size / 2);
    }
    for (size_t i = 0; i < value.size && value.at[i]; i++, digits++) {
        if (value.at[i] < '0' || value.at[i] > '9' || digits == DIGITS)
            return false;
        number = 10 * number + (uint64_t)(value.at[i] - '0');
    }
    bytes_put_le64(to, number);
    return digits > 0;
}

/* A key in a column of its own sort; text is taken into the code page of the keys. */
static bool byte_key(const struct model *m, const struct ese_column *column, struct bytes value,
                     int32_t *key, struct fault *f)
{
    const struct ese_column *of_list = names_key_column(m);
    struct buffer utf8 = {0}, bytes = {0};
    uint8_t digits[8];
    if (m->long_keys && ese_column_is_text(column)) {
        *key = long_key(value, column, digits) ? names_key(m, bytes_of(digits, sizeof digits))
                                               : m->no_key;
        return true;
    }
    if (!ese_column_is_text(column) || of_list == NULL || !ese_column_is_text(of_list)) {
        *key = names_key(m, value);
        return true;
    }
    bool ok = ese_text_add(column->code_page, value, &utf8);
    if (ok) {
        bool fits = ese_text_encode(of_list->code_page, buffer_bytes(&utf8), &bytes);
        ok = !bytes.failed;
        *key = fits ? names_key(m, buffer_bytes(&bytes)) : m->no_key;
    }
    buffer_free(&utf8);
    buffer_free(&bytes);
    return ok || fault_no_memory(f, "the settings");
}

static bool read_digits(struct bytes text, int64_t *number)
{
    char *end;
    if (text.at == NULL || text.size == 0 || text.size > NUMBER_DIGITS)
        return false;
    *number = strtoll((const char *)text.at, &end, 10);
    return (const uint8_t *)end == text.at + text.size;
}

static bool is_entry(const struct model *m, int64_t number)
{
    number += m->issuing_names == NAMES_POSITION_0;
    return number >= INT32_MIN && number <= INT32_MAX && model_entry(m, (int32_t)number);
}

/* A key that is a number: in a column of numbers, in decimal digits, or in the bytes of a number.
 * Bytes that are both are what names an entry; where both do, nobody knows. */
static bool number_key(struct reading *r, struct bytes value, int64_t *number)
{
    struct model *m = r->m;
    struct model_setting *s = &m->setting[r->which];
    int64_t bits = 0;
    bool is_number = !ese_column_is_text(r->column) && number_of(value, &bits);
    bool digits = !is_fixed(r->column) && read_digits(text_of(r), number);
    if (digits && !(is_number && !is_entry(m, *number) && is_entry(m, bits))) {
        if (is_number && is_entry(m, *number) && is_entry(m, bits) && *number != bits)
            odd_value(r, "a number that can be read in one way");
        return true;
    }
    *number = bits;
    s->form = SETTING_NUMBER;
    return is_number;
}

/* Do entries with different certificates have that key? */
static bool names_several(const struct model *m, int32_t key)
{
    const struct model_entry *first = model_entry(m, key), *e = first;
    for (; e && e < m->entry + m->entries && e->key == key; e++)
        if (e->certificate != first->certificate)
            return true;
    return false;
}

static bool find_key(struct reading *r)
{
    struct model *m = r->m;
    struct bytes value = m->setting[SETTING_ISSUING_CA].value;
    bool by_bytes = m->byte_keys && m->issuing_names == NAMES_KEY;
    int64_t number = 0;
    if (value.size == 0)
        return true;
    if (by_bytes) {
        m->has_issuing_key = true;
        return byte_key(m, r->column, value, &m->issuing_key, r->f);
    }
    if (!number_key(r, value, &number) || number > INT32_MAX - 1) {
        odd_value(r, "a number that names an entry");
        return true;
    }
    m->issuing_key = (int32_t)number + (m->issuing_names == NAMES_POSITION_0);
    m->has_issuing_key = number != 0 || model_entry(m, m->issuing_key);
    if (names_several(m, m->issuing_key))
        odd_value(r, "the key of one certificate");
    return true;
}

static bool find_stated(struct model *m, const char *is, struct fault *f)
{
    int32_t key;
    struct fault why;
    m->has_issuing_ca = m->issuing_stated = setting_hex(bytes_of(is, strlen(is)), m->issuing_ca);
    if (m->has_issuing_ca)
        return true;
    const struct model_entry *e = names_parse(m, is, &key, &why) ? model_entry(m, key) : NULL;
    if (e == NULL)
        return fault_set(f, FAULT_MISSING,
                         "[setting.issuing-ca] is: expected a SHA-1 or the key of an entry, found "
                         "%.60s",
                         is);
    m->has_issuing_ca = m->issuing_stated = true;
    memcpy(m->issuing_ca, model_certificate_of(m, e)->sha1, HASH_SHA1_SIZE);
    return true;
}

bool settings_find_by_role(struct model *m)
{
    const struct model_entry *found = NULL;
    for (unsigned i = 0; i < m->entries; i++) {
        if (m->entry[i].role != ROLE_ISSUING)
            continue;
        if (found && found->certificate != m->entry[i].certificate)
            return false;
        found = &m->entry[i];
    }
    if (found == NULL)
        return false;
    memcpy(m->issuing_ca, model_certificate_of(m, found)->sha1, HASH_SHA1_SIZE);
    return true;
}

void settings_follow(struct model *m)
{
    if (m->issuing_names == NAMES_ROLE)
        m->has_issuing_ca = settings_find_by_role(m);
    if (!m->has_issuing_key)
        return;
    const struct model_entry *e = model_entry(m, m->issuing_key);
    m->has_issuing_ca = true;
    if (e)
        memcpy(m->issuing_ca, model_certificate_of(m, e)->sha1, HASH_SHA1_SIZE);
    else
        memset(m->issuing_ca, 0, HASH_SHA1_SIZE); /* no certificate has it */
}

bool settings_find_issuing(struct model *m, struct problems *problems, struct fault *f)
{
    struct reading r = {.m = m, .which = SETTING_ISSUING_CA, .problems = problems, .f = f};
    if (!profile_place(m->profile, r.which, &r.place))
        return true;
    if (r.place.is && !find_stated(m, r.place.is, f))
        return false;
    const struct ese_table *table = model_table_named(m, r.place.table);
    r.column = ese_table_column(table, r.place.column);
    if (profile_names_entry(m->issuing_names) && r.column && !find_key(&r))
        return false;
    settings_follow(m);
    return true;
}
