/* Where settings are: see profile/settings.h. */
#include "migrate/profile/settings.h"

#include "formats/ese/layout/format.h"
#include "formats/ese/layout/text.h"
#include "formats/hex.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const names_words[] = {
    [NAMES_KEY] = "key",
    [NAMES_POSITION_1] = "position 1",
    [NAMES_POSITION_0] = "position 0",
    [NAMES_SHA1] = "sha1",
    [NAMES_SHA1_HEX] = "sha1 hex",
    [NAMES_ISSUER_SERIAL] = "issuer serial",
    [NAMES_ROLE] = "role",
};

bool profile_names_read(const char *words, enum profile_names *names)
{
    for (unsigned i = 0; i < sizeof names_words / sizeof names_words[0]; i++)
        if (strcmp(words, names_words[i]) == 0) {
            *names = (enum profile_names)i;
            return true;
        }
    return false;
}

const char *profile_names_words(enum profile_names names)
{
    return names_words[names];
}

const char *profile_setting_word(enum profile_setting_kind which)
{
    static const char *const words[] = {"mode", "issuing-ca", "organization",
                                        "site", "ca-name",    "certificate-server"};
    return words[which];
}

char *profile_setting_name(const struct profile *p, enum profile_setting_kind which)
{
    char *const names[PROFILE_SETTINGS] = {p->setting_mode,         p->setting_issuing_ca,
                                           p->setting_organization, p->setting_site,
                                           p->setting_ca_name,      p->setting_server};
    return names[which];
}

bool profile_place(const struct profile *p, enum profile_setting_kind which,
                   struct setting_place *place)
{
    static const char *const modes[] = {"V1", "V1V3", "V3"};
    const struct profile_setting *s = &p->setting[which];
    char *name = profile_setting_name(p, which);
    *place = (struct setting_place){.names = NAMES_SHA1, .is = s->is};
    for (unsigned i = 0; i < 3; i++)
        place->mode[i] = s->mode[i] ? s->mode[i] : modes[i];
    if (s->names &&
        (!profile_names_read(s->names, &place->names) || place->names == NAMES_ISSUER_SERIAL))
        return false;
    if (s->table) {
        place->table = s->table;
        place->column = s->column;
        place->rows = s->rows;
        place->label = s->rows.value ? s->rows.value : s->column;
    } else if (p->settings_table && name) {
        place->table = p->settings_table;
        place->column = p->settings_value;
        place->rows = (struct condition){.column = p->settings_name, .value = name};
        place->label = name;
    } else {
        place->label = profile_setting_word(which);
    }
    return place->table || place->is || place->names == NAMES_ROLE;
}

const char *profile_setting_label(const struct profile *p, enum profile_setting_kind which)
{
    struct setting_place place;
    return profile_place(p, which, &place) ? place.label : "(not in the profile)";
}

bool setting_is_in(const struct setting_place *place, const struct ese_table *table,
                   const struct ese_record *record)
{
    return !condition_is_there(&place->rows) || condition_is_met(&place->rows, table, record);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

bool profile_has_setting_value(const struct profile *p, const char *table, const char *column)
{
    struct setting_place place;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++)
        if (profile_place(p, i, &place) && same(table, place.table) && same(column, place.column))
            return true;
    return same(table, p->settings_table) && same(column, p->settings_value);
}

/* ---- what a value says ---- */

/* Is it text of one byte a character up to its first zero byte? */
static bool is_narrow(struct bytes b)
{
    size_t size = 0;
    while (size < b.size && b.at[size] >= 0x20 && b.at[size] < 0x7f)
        size++;
    return size >= 2 && size < b.size && b.at[size] == 0;
}

/* So few that a text is one in spite of them: control codes that strayed into it. */
static bool are_few(size_t some, size_t all)
{
    return 8 * some < all;
}

/* Nearly all ASCII, which UTF-16 is not: every second byte of it, or many a low one, is none. */
static bool is_ascii_but_for_few(struct bytes b)
{
    size_t others = 0;
    for (size_t i = 0; i < b.size; i++)
        others += b.at[i] < 0x20 || b.at[i] >= 0x7f;
    return are_few(others, b.size);
}

/* UTF-16 that is no text of one byte a character: its bytes hold control codes, its units none but
 * few, and no zero before the end. */
static bool is_wide(struct bytes b)
{
    size_t controls = 0;
    bool control = false;
    if (b.size < 2 || b.size % 2 != 0 || is_narrow(b) || is_ascii_but_for_few(b))
        return false;
    for (size_t i = 0; i < b.size; i += 2) {
        uint32_t unit = b.at[i] | (uint32_t)b.at[i + 1] << 8;
        bool ends = unit == 0 && i + 2 == b.size;
        control = control || b.at[i] < 0x20 || b.at[i + 1] < 0x20;
        controls += unit < 0x20 && !ends;
        if ((unit == 0 && !ends) || unit == 0xfffe || unit == 0xffff)
            return false;
    }
    if (controls > 0 && !are_few(controls, b.size / 2))
        return false;
    struct ese_text text = {.code_page = ESE_CODEPAGE_UNICODE};
    char room[64 * ESE_TEXT_GROWTH + ESE_TEXT_CARRY];
    for (size_t at = 0; at < b.size; at += 64) {
        struct bytes run = bytes_from(b, at);
        run.size = run.size > 64 ? 64 : run.size;
        ese_text_convert(&text, run, room);
    }
    ese_text_end(&text, room);
    return control && !text.bad;
}

bool setting_text(const struct ese_column *column, const struct ese_column *select,
                  struct bytes value, struct buffer *utf8, enum setting_form *form)
{
    uint32_t code_page = column->code_page;
    size_t before = utf8->size;
    *form = SETTING_TEXT;
    if (!ese_column_is_text(column)) {
        *form = is_wide(value) ? SETTING_WIDE : SETTING_TEXT;
        bool named =
            select && ese_column_is_text(select) && select->code_page != ESE_CODEPAGE_UNICODE;
        code_page = *form == SETTING_WIDE ? ESE_CODEPAGE_UNICODE
                    : named               ? select->code_page
                                          : ESE_CODEPAGE_WESTERN;
    }
    if (!ese_text_add(code_page, value, utf8))
        return false;
    utf8->size -= utf8->size > before && utf8->at[utf8->size - 1] == '\0';
    return true;
}

bool setting_hex(struct bytes text, uint8_t sha1[HASH_SHA1_SIZE])
{
    unsigned digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = text.at[i];
        if ((c == ' ' || c == ':' || c == '-') && digits % 2 == 0)
            continue;
        int value = hex_digit((char)c);
        if (value < 0 || digits == 2 * HASH_SHA1_SIZE)
            return false;
        sha1[digits / 2] = (uint8_t)(digits % 2 ? sha1[digits / 2] << 4 | value : value);
        digits++;
    }
    return digits == 2 * HASH_SHA1_SIZE;
}

bool setting_hex_bytes(struct bytes value, uint8_t sha1[HASH_SHA1_SIZE])
{
    enum { MOST = 256 };
    uint8_t narrow[MOST];
    bool wide = value.size >= 2 && value.at[1] == 0;
    if (value.size > (wide ? 2 * MOST : MOST) || (wide && !ese_text_narrow(value, narrow)))
        return false;
    if (wide)
        value = bytes_of(narrow, value.size / 2);
    value.size -= value.size > 0 && value.at[value.size - 1] == 0;
    return setting_hex(value, sha1);
}

bool setting_put_hex(struct bytes old, struct bytes sha1, struct buffer *to)
{
    char hex[2 * HASH_SHA1_SIZE + 1];
    unsigned at = 0;
    bool upper = false;
    bytes_hex(sha1, hex, sizeof hex);
    for (size_t i = 0; i < old.size; i++)
        upper = upper || (old.at[i] >= 'A' && old.at[i] <= 'F');
    for (size_t i = 0; i < old.size; i++) {
        uint8_t byte = old.at[i];
        if (hex_digit((char)byte) >= 0 && at < 2 * HASH_SHA1_SIZE)
            byte = (uint8_t)(upper ? toupper((unsigned char)hex[at++]) : hex[at++]);
        if (!buffer_add_u8(to, byte))
            return false;
    }
    return at == 2 * HASH_SHA1_SIZE;
}
