/*
 * Profiles: does one match a store?  See profile.h.
 *
 * What type a column may have stands in one list of rules for each section; the manual page
 * kmmigrate-profile(5) has the same.
 */
#include "migrate/profile/profile.h"

#include <string.h>
#include "migrate/profile/settings.h"

#include <stdlib.h>

#define AT(member) offsetof(struct profile, member)
#define LIST_AT(member) offsetof(struct profile_list, member)
#define VALUE_AT(member) offsetof(struct profile_value, member)
#define REFERENCE_AT(member) offsetof(struct profile_reference, member)

enum { TYPES_MOST = 15 };

/* Which types a column may have. */
struct fit {
    enum ese_coltype type[TYPES_MOST]; /* ends with ESE_COL_NIL */
    const char *text;
};

static const struct fit fit_key = {{ESE_COL_LONG}, "Long"};
static const struct fit fit_integer = {
    {ESE_COL_LONG, ESE_COL_SHORT, ESE_COL_UNSIGNED_BYTE, ESE_COL_UNSIGNED_SHORT,
     ESE_COL_UNSIGNED_LONG, ESE_COL_CURRENCY, ESE_COL_LONG_LONG, ESE_COL_UNSIGNED_LONG_LONG},
    "an integer"};
static const struct fit fit_list_key = {
    {ESE_COL_LONG, ESE_COL_SHORT, ESE_COL_UNSIGNED_BYTE, ESE_COL_UNSIGNED_SHORT,
     ESE_COL_UNSIGNED_LONG, ESE_COL_CURRENCY, ESE_COL_LONG_LONG, ESE_COL_UNSIGNED_LONG_LONG,
     ESE_COL_GUID, ESE_COL_BINARY, ESE_COL_TEXT},
    "an integer, GUID, Binary or Text"};
static const struct fit fit_reference = {
    {ESE_COL_LONG, ESE_COL_SHORT, ESE_COL_UNSIGNED_BYTE, ESE_COL_UNSIGNED_SHORT,
     ESE_COL_UNSIGNED_LONG, ESE_COL_CURRENCY, ESE_COL_LONG_LONG, ESE_COL_UNSIGNED_LONG_LONG,
     ESE_COL_GUID, ESE_COL_BINARY, ESE_COL_TEXT},
    "an integer, GUID, Binary or Text"};
static const struct fit fit_binary = {{ESE_COL_BINARY, ESE_COL_LONG_BINARY},
                                      "Binary or LongBinary"};
static const struct fit fit_text = {{ESE_COL_TEXT, ESE_COL_LONG_TEXT}, "Text or LongText"};
static const struct fit fit_select = {{ESE_COL_TEXT, ESE_COL_LONG_TEXT, ESE_COL_LONG, ESE_COL_SHORT,
                                       ESE_COL_UNSIGNED_BYTE, ESE_COL_UNSIGNED_SHORT},
                                      "Text, LongText, Long, Short, UnsignedByte or UnsignedShort"};
static const struct fit fit_bit = {{ESE_COL_BIT}, "Bit"};
static const struct fit fit_date = {{ESE_COL_DATE_TIME}, "DateTime"};
static const struct fit fit_value = {
    {ESE_COL_BINARY, ESE_COL_LONG_BINARY, ESE_COL_TEXT, ESE_COL_LONG_TEXT},
    "Binary, LongBinary, Text or LongText"};

static const struct fit fit_named_setting = {
    {ESE_COL_LONG, ESE_COL_SHORT, ESE_COL_UNSIGNED_BYTE, ESE_COL_UNSIGNED_SHORT,
     ESE_COL_UNSIGNED_LONG, ESE_COL_CURRENCY, ESE_COL_LONG_LONG, ESE_COL_UNSIGNED_LONG_LONG,
     ESE_COL_BIT, ESE_COL_GUID, ESE_COL_BINARY, ESE_COL_LONG_BINARY, ESE_COL_TEXT,
     ESE_COL_LONG_TEXT},
    "an integer, Bit, GUID, Binary, LongBinary, Text or LongText"};

struct column_rule {
    const char *key; /* in the profile's section */
    size_t column;   /* offset of its name */
    const struct fit *fit;
    bool single; /* one value a row is all that is read */
};

static const struct column_rule list_rules[] = {
    {"key", LIST_AT(key), &fit_list_key, true},
    {"certificate", LIST_AT(certificate), &fit_binary, false},
    {"role", LIST_AT(role), &fit_integer, false},
    {"name", LIST_AT(name), &fit_text, false},
    {"imported-on", LIST_AT(imported), &fit_date, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule value_rules[] = {
    {"column", VALUE_AT(column), &fit_binary, false},
    {"select", VALUE_AT(select), &fit_select, false},
    {"join", VALUE_AT(join), &fit_integer, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule settings_rules[] = {
    {"name", AT(settings_name), &fit_text, false},
    {"value", AT(settings_value), &fit_value, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule users_rules[] = {
    {"key", AT(users_key), &fit_key, false},
    {"name", AT(users_name), &fit_text, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule certificates_rules[] = {
    {"key", AT(certificates_key), &fit_key, false},
    {"user", AT(certificates_user), &fit_key, false},
    {"version", AT(certificates_version), &fit_integer, false},
    {"certificate", AT(certificates_certificate), &fit_binary, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule crl_rules[] = {
    {"column", AT(crl_column), &fit_binary, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule reference_rules[] = {
    {"column", REFERENCE_AT(column), &fit_reference, false},
    {"key", REFERENCE_AT(key), &fit_key, true},
    {"proves", REFERENCE_AT(proves), &fit_binary, false},
    {NULL, 0, NULL, false},
};
static const struct column_rule identity_rules[] = {
    {"column", REFERENCE_AT(column), &fit_binary, true},
    {"column", REFERENCE_AT(serial), &fit_binary, true},
    {"key", REFERENCE_AT(key), &fit_key, true},
    {"proves", REFERENCE_AT(proves), &fit_binary, false},
    {NULL, 0, NULL, false},
};

static bool fits(const struct fit *fit, enum ese_coltype type)
{
    for (unsigned i = 0; i < TYPES_MOST && fit->type[i] != ESE_COL_NIL; i++)
        if (fit->type[i] == type)
            return true;
    return false;
}

/* What a section names is in the table, with types that fit.  from: what the rules' offsets count
 * from. */
static bool columns_fit(const struct ese_table *table, const char *section, const void *from,
                        const struct column_rule *rule, struct fault *why)
{
    for (; rule->key; rule++) {
        const void *at = (const char *)from + rule->column;
        const char *name = *(char *const *)at;
        if (name == NULL)
            continue;
        const struct ese_column *column = ese_table_column(table, name);
        if (column == NULL)
            return fault_set(why, FAULT_MISSING,
                             "table %s: expected a column %s ([%s] %s), found none of that name",
                             table->name, name, section, rule->key);
        if (!fits(rule->fit, column->type))
            return fault_set(why, FAULT_NOT_THIS,
                             "table %s, column %s ([%s] %s): expected type %s, found %s",
                             table->name, name, section, rule->key, rule->fit->text,
                             ese_coltype_name(column->type));
        if (rule->single && (column->flags & ESE_COLUMN_MULTI_VALUED))
            return fault_set(why, FAULT_NOT_THIS,
                             "table %s, column %s ([%s] %s): expected a column with one value a "
                             "row, found one that can hold several",
                             table->name, name, section, rule->key);
    }
    return true;
}

/* A section whose table is not named is not there; one whose table the store has not does not fit.
 */
static bool section_fits(const struct ese_catalog *catalog, const char *section,
                         const char *table_name, const void *from, const struct column_rule *rules,
                         struct fault *why)
{
    if (table_name == NULL)
        return true;
    const struct ese_table *table = ese_catalog_find(catalog, table_name);
    if (table == NULL)
        return fault_set(why, FAULT_MISSING, "expected a table %s ([%s]), found none of that name",
                         table_name, section);
    return columns_fit(table, section, from, rules, why);
}

/* Text is compared with text of the same code page, bytes with bytes, integers with integers. */
static bool same_sort(const struct ese_column *a, const struct ese_column *b)
{
    bool a_text = a->type == ESE_COL_TEXT, b_text = b->type == ESE_COL_TEXT;
    bool a_bytes = a->type == ESE_COL_BINARY || a->type == ESE_COL_GUID,
         b_bytes = b->type == ESE_COL_BINARY || b->type == ESE_COL_GUID;
    return a_text == b_text && a_bytes == b_bytes && (!a_text || a->code_page == b->code_page);
}

/* What a reference holds is of the sort of what it names. */
static bool reference_fits(const struct profile *p, const struct ese_catalog *catalog,
                           const struct profile_reference *r, const char *section,
                           struct fault *why)
{
    const struct ese_table *list = ese_catalog_find(catalog, p->list[0].table),
                           *table = ese_catalog_find(catalog, r->table);
    const struct ese_column *key = ese_table_column(list, p->list[0].key),
                            *column = ese_table_column(table, r->column);
    static const struct ese_column binary = {.type = ESE_COL_BINARY},
                                   number = {.type = ESE_COL_LONG};
    bool hex = r->names == NAMES_SHA1_HEX && column &&
               (column->type == ESE_COL_TEXT || column->type == ESE_COL_BINARY);
    if (r->names == NAMES_ISSUER_SERIAL || hex)
        return !hex || r->proves == NULL || !(column->flags & ESE_COLUMN_MULTI_VALUED) ||
               fault_set(why, FAULT_NOT_THIS,
                         "table %s, column %s ([%s] proves): expected a column with one value a "
                         "row, found one that can hold several",
                         r->table, r->column, section);
    const struct ese_column *as = profile_names_hash(r->names)   ? &binary
                                  : r->names == NAMES_KEY && key ? key
                                                                 : &number;
    if (column && r->proves && (column->flags & ESE_COLUMN_MULTI_VALUED))
        return fault_set(why, FAULT_NOT_THIS,
                         "table %s, column %s ([%s] proves): expected a column with one value a "
                         "row, found one that can hold several",
                         r->table, r->column, section);
    if (column == NULL || same_sort(as, column))
        return true;
    return fault_set(why, FAULT_NOT_THIS,
                     "table %s, column %s ([%s] column): expected the type of what it names, %s, "
                     "found %s%s",
                     r->table, r->column, section, ese_coltype_name(as->type),
                     ese_coltype_name(column->type),
                     as->type == column->type ? " of another code page" : "");
}

/* What a setting's column may be, by what stands in it. */
static const struct fit *setting_fit(unsigned which, const struct setting_place *place)
{
    char *end;
    bool numbers = which == SETTING_MODE;
    for (unsigned i = 0; i < 3 && numbers; i++)
        numbers = strtoll(place->mode[i], &end, 10) >= 0 && *end == '\0';
    bool named =
        which == SETTING_ISSUING_CA && place->names != NAMES_SHA1 && place->names != NAMES_SHA1_HEX;
    return numbers || named ? &fit_named_setting : &fit_value;
}

static bool row_told(const struct setting_place *place, const struct ese_table *table,
                     const char *section, struct fault *why)
{
    const struct ese_column *column = ese_table_column(table, place->rows.column);
    return (column && fits(&fit_text, column->type)) ||
           condition_fits(&place->rows, table, section, why);
}

/* The setting with a section of its own; its table may be missing. */
static bool setting_fits(const struct profile *p, const struct ese_catalog *catalog, unsigned which,
                         struct fault *why)
{
    char section[40];
    struct setting_place place;
    if (p->setting[which].table == NULL || !profile_place(p, which, &place))
        return true;
    const struct ese_table *table = ese_catalog_find(catalog, place.table);
    const struct column_rule rules[] = {{"column", 0, setting_fit(which, &place), true},
                                        {NULL, 0, NULL, false}};
    snprintf(section, sizeof section, "setting.%s", profile_setting_word(which));
    return table == NULL || (columns_fit(table, section, &place.column, rules, why) &&
                             row_told(&place, table, section, why));
}

static bool settings_fit(const struct profile *p, const struct ese_catalog *catalog,
                         struct fault *why)
{
    if (p->settings_table && ese_catalog_find(catalog, p->settings_table) &&
        !section_fits(catalog, "settings", p->settings_table, p, settings_rules, why))
        return false;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++)
        if (!setting_fits(p, catalog, i, why))
            return false;
    return true;
}

static bool rest_fits(const struct profile *profile, const struct ese_catalog *catalog,
                      struct fault *why)
{
    if (!settings_fit(profile, catalog, why))
        return false;
    if (!section_fits(catalog, "users", profile->users_table, profile, users_rules, why) ||
        !section_fits(catalog, "user-certificates", profile->certificates_table, profile,
                      certificates_rules, why) ||
        !section_fits(catalog, "revocation-lists", profile->crl_table, profile, crl_rules, why))
        return false;
    for (unsigned i = 0; i < profile->references; i++) {
        char section[24];
        snprintf(section, sizeof section, "reference.%u", i + 1);
        if (!section_fits(catalog, section, profile->reference[i].table, &profile->reference[i],
                          profile->reference[i].names == NAMES_ISSUER_SERIAL ? identity_rules
                                                                             : reference_rules,
                          why) ||
            !reference_fits(profile, catalog, &profile->reference[i], section, why))
            return false;
    }
    return true;
}

/* Are the columns there of which the survivor's value is to stay? */
static bool kept_fit(const struct profile_list *list, const struct ese_table *table,
                     struct fault *why)
{
    for (const char *at = list->keep; at && *at;) {
        char name[80];
        at += strspn(at, ", ");
        size_t size = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(size < 79 ? size : 79), at);
        for (size_t end = strlen(name); end > 0 && name[end - 1] == ' ';)
            name[--end] = '\0';
        if (name[0] && ese_table_column(table, name) == NULL)
            return fault_set(why, FAULT_MISSING,
                             "table %s: expected a column %s ([list] keep), found none of that "
                             "name",
                             table->name, name);
        at += size;
    }
    return true;
}

/* Roles and trust are read, and written, as numbers (roles.h). */
static bool role_fits(const struct condition *c, const struct ese_table *table, const char *what,
                      struct fault *why)
{
    const struct ese_column *column =
        condition_is_there(c) ? ese_table_column(table, c->column) : NULL;
    if (column && column->type == ESE_COL_TEXT)
        return fault_set(why, FAULT_NOT_THIS,
                         "table %s, column %s (%s): expected an integer or a Bit, found Text; "
                         "without it copies that differ there are asked about, and --keep decides",
                         table->name, column->name, what);
    return condition_fits(c, table, what, why);
}

/* The columns that say roles and trust, and which rows are of the list. */
static bool conditions_fit(const struct profile_list *list, const struct ese_table *table,
                           struct fault *why)
{
    static const struct column_rule trusted = {"trusted", 0, &fit_bit, false},
                                    thumbprint = {"thumbprint", 0, &fit_binary, false},
                                    hex = {"thumbprint as hex", 0, &fit_text, false};
    const struct column_rule bit[] = {trusted, {NULL, 0, NULL, false}},
                             hash[] = {list->thumbprint_hex ? hex : thumbprint,
                                       {NULL, 0, NULL, false}};
    return condition_fits(&list->rows, table, "[list] rows", why) &&
           role_fits(&list->own, table, "[list] own", why) &&
           role_fits(&list->issuing, table, "[list] issuing", why) &&
           role_fits(&list->imported_if, table, "[list] imported", why) &&
           (list->trusted.value ? role_fits(&list->trusted, table, "[list] trusted", why)
                                : columns_fit(table, "list", &list->trusted.column, bit, why)) &&
           kept_fit(list, table, why) && columns_fit(table, "list", &list->thumbprint, hash, why);
}

/* Parts of one list have keys of one sort, so that a reference can name any of them; two in one
 * table are told apart by their rows. */
static bool parts_fit(const struct profile *p, const struct ese_catalog *catalog, unsigned which,
                      struct fault *why)
{
    const struct profile_list *part = &p->list[which];
    const struct ese_table *table = ese_catalog_find(catalog, part->table);
    for (unsigned i = 0; i < which; i++) {
        const struct profile_list *other = &p->list[i];
        const struct ese_table *other_table = ese_catalog_find(catalog, other->table);
        if (table == other_table &&
            (!condition_is_there(&part->rows) || !condition_is_there(&other->rows)))
            return fault_set(why, FAULT_NOT_THIS,
                             "table %s is two parts of the list: expected rows of both, by which "
                             "they are told apart",
                             table->name);
        if (!same_sort(ese_table_column(table, part->key),
                       ese_table_column(other_table, other->key)))
            return fault_set(why, FAULT_NOT_THIS,
                             "tables %s and %s: expected keys of one sort in all parts of the list",
                             table->name, other_table->name);
    }
    return true;
}

static bool rows_fit(const struct profile *p, const struct ese_catalog *catalog, struct fault *why)
{
    for (unsigned i = 0; i < p->lists; i++)
        if (!section_fits(catalog, "list", p->list[i].table, &p->list[i], list_rules, why) ||
            !conditions_fit(&p->list[i], ese_catalog_find(catalog, p->list[i].table), why) ||
            !parts_fit(p, catalog, i, why))
            return false;
    return true;
}

static bool values_fit(const struct profile *p, const struct ese_catalog *catalog,
                       struct fault *why)
{
    for (unsigned i = 0; i < p->values; i++)
        if (!section_fits(catalog, "list-value", p->value[i].table, &p->value[i], value_rules, why))
            return false;
    return true;
}

/* Where the list is kept. */
static enum profile_match match_list(const struct profile *profile,
                                     const struct ese_catalog *catalog, struct fault *why)
{
    const char *rows = profile->lists ? profile->list[0].table : NULL,
               *value = profile->values ? profile->value[0].table : NULL;
    if (rows && ese_catalog_find(catalog, rows))
        return rows_fit(profile, catalog, why) ? PROFILE_MATCHES_ROWS : PROFILE_NO_MATCH;
    if (value && ese_catalog_find(catalog, value))
        return values_fit(profile, catalog, why) ? PROFILE_MATCHES_VALUE : PROFILE_NO_MATCH;
    const char *first = rows ? rows : value;
    bool both = rows && value;
    fault_set(why, FAULT_MISSING, "expected a table %s%s%s for the certificate list, found %s",
              first ? first : "?", both ? " or " : "", both ? value : "",
              both ? "neither" : "none of that name");
    return PROFILE_NO_MATCH;
}

enum profile_match profile_match(const struct profile *profile, const struct ese_catalog *catalog,
                                 struct fault *why)
{
    enum profile_match match = match_list(profile, catalog, why);
    if (match != PROFILE_NO_MATCH && !rest_fits(profile, catalog, why))
        match = PROFILE_NO_MATCH;
    if (match == PROFILE_NO_MATCH)
        fault_context(why, "profile %.64s", profile->name ? profile->name : "without a name");
    return match;
}
