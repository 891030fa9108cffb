/* What a profile must have, and what goes together: see parser.h. */
#include "migrate/profile/parser.h"
#include "migrate/profile/settings.h"

#include <stdlib.h>
#include <string.h>

static unsigned line_of(const struct parser *p, const struct section_spec *section, unsigned slot,
                        const char *key)
{
    for (unsigned i = 0; i < section->keys; i++)
        if (strcmp(section->key[i].key, key) == 0)
            return p->key_line[section - profile_sections][slot][i];
    return 0;
}

static bool check_section(struct parser *p, const struct section_spec *section, unsigned slot)
{
    char label[48];
    unsigned line = p->section_line[section - profile_sections][slot];
    if (line == 0)
        return true;
    parser_section_label(p, section, slot, label);
    for (unsigned i = 0; i < section->keys; i++) {
        const struct key_spec *key = &section->key[i];
        unsigned there = p->key_line[section - profile_sections][slot][i];
        bool with = key->with && key->need != AS_ALIAS && line_of(p, section, slot, key->with);
        if (there == 0 && (key->need == NEED_ALWAYS || (with && key->need == NEED_BESIDE))) {
            fault_set(p->f, FAULT_MISSING, "[%s]: expected the key %s%s%s, found none", label,
                      key->key, with ? " beside " : "", with ? key->with : "");
            return parser_failed_at(p, line);
        }
        if (there && key->with && key->need != AS_ALIAS && !with) {
            fault_set(p->f, FAULT_DAMAGED, "[%s]: expected the key %s beside %s, found none", label,
                      key->with, key->key);
            return parser_failed_at(p, there);
        }
    }
    return true;
}

/* Says what is wrong with a part of the list.  Returns false. */
#define FAIL_LIST(p, slot, code, ...)                                                              \
    (fault_set((p)->f, code, __VA_ARGS__),                                                         \
     parser_failed_at(p, (p)->section_line[SECTION_LIST][slot]))

static bool check_roles(struct parser *p, unsigned slot, const char *label)
{
    const struct profile_list *list = &p->profile->list[slot];
    bool conditions = condition_is_there(&list->own) || condition_is_there(&list->issuing) ||
                      condition_is_there(&list->imported_if);
    if (list->role && conditions)
        return FAIL_LIST(p, slot, FAULT_DAMAGED,
                         "[%s]: expected role, or conditions for own, issuing and imported, found "
                         "both",
                         label);
    if (conditions && !condition_is_there(&list->issuing))
        return FAIL_LIST(p, slot, FAULT_MISSING,
                         "[%s]: expected the key issuing beside own and "
                         "imported, found none",
                         label);
    if (list->role == NULL ||
        (list->role_own != list->role_issuing && list->role_own != list->role_imported &&
         list->role_issuing != list->role_imported))
        return true;
    return FAIL_LIST(p, slot, FAULT_DAMAGED,
                     "[%s]: expected three different numbers for role-own, role-issuing and "
                     "role-imported, found %d, %d and %d",
                     label, list->role_own, list->role_issuing, list->role_imported);
}

/* Is a part of the list kept in a value?  Then it has no column that is the key. */
static bool is_value(const struct profile_list *list)
{
    return list->form || list->join ||
           (list->key && (strcmp(list->key, "none") == 0 || strcmp(list->key, "position 0") == 0 ||
                          strcmp(list->key, "position 1") == 0));
}

static bool move_to_values(struct parser *p, unsigned slot, const char *label)
{
    struct profile *profile = p->profile;
    struct profile_list *list = &profile->list[slot];
    if (list->thumbprint || list->role || list->name || list->imported || list->keep ||
        condition_is_there(&list->issuing) || condition_is_there(&list->trusted))
        return FAIL_LIST(p, slot, FAULT_DAMAGED,
                         "[%s]: in a value an entry has no columns of its own, which thumbprint, "
                         "role, trusted, name and the like could be",
                         label);
    if (list->rows.mask)
        return FAIL_LIST(p, slot, FAULT_DAMAGED,
                         "[%s] rows: expected COLUMN = VALUE for a list in a value, found a mask",
                         label);
    if (profile->values == PROFILE_LISTS_MOST)
        return FAIL_LIST(p, slot, FAULT_LIMIT, "expected a list in at most %d values, found more",
                         PROFILE_LISTS_MOST);
    struct profile_value *value = &profile->value[profile->values++];
    *value = (struct profile_value){.table = list->table,
                                    .column = list->certificate,
                                    .select = list->rows.column,
                                    .equals = list->rows.value,
                                    .join = list->join,
                                    .form = list->form,
                                    .items = list->items,
                                    .wrapping = list->wrapping,
                                    .takes_new = list->takes_new};
    free(list->key);
    *list = (struct profile_list){.table = NULL};
    return true;
}

/* Sorts the parts of the list: those in rows, and those in values. */
static bool check_lists(struct parser *p)
{
    struct profile *profile = p->profile;
    unsigned values = 0, rows = 0;
    char label[48];
    profile->values = p->section_line[SECTION_VALUE][0] != 0;
    for (unsigned i = 0; i < profile->lists; i++) {
        struct profile_list *list = &profile->list[i];
        parser_section_label(p, &profile_sections[SECTION_LIST], i, label);
        if (is_value(list)) {
            values++;
            if (!move_to_values(p, i, label))
                return false;
            continue;
        }
        rows++;
        if (list->key == NULL)
            return FAIL_LIST(p, i, FAULT_MISSING, "[%s]: expected the key key, found none", label);
        if (!check_roles(p, i, label))
            return false;
    }
    if (values > 0 && (rows > 0 || p->section_line[SECTION_VALUE][0] != 0))
        return FAIL_LIST(p, 0, FAULT_DAMAGED,
                         "expected a list whose parts are all in rows, or all in values (form, "
                         "join, or a key that is a position or none), found both");
    for (unsigned i = 0; profile->values > 1 && i < profile->values; i++)
        if (profile->value[i].join)
            return FAIL_LIST(p, i, FAULT_DAMAGED,
                             "join: expected a list in pieces to be all of the list, found %u "
                             "parts",
                             profile->values);
    if (values > 0)
        profile->lists = 0;
    return true;
}

/* What is added has one place. */
static bool check_new(struct parser *p)
{
    unsigned takers = 0;
    for (unsigned i = 0; i < PROFILE_LISTS_MOST; i++)
        takers += (i < p->profile->lists && p->profile->list[i].takes_new) ||
                  (i < p->profile->values && p->profile->value[i].takes_new);
    return takers < 2 ||
           FAIL_LIST(p, 0, FAULT_DAMAGED,
                     "new: expected yes in one section [list.N], found it in %u", takers);
}

/* Positions are those of one list, kept in one value. */
static bool check_positions(struct parser *p)
{
    for (unsigned r = 0; p->profile->values > 1 && r < p->profile->references; r++) {
        if (!profile_names_entry(p->profile->reference[r].names))
            continue;
        fault_set(p->f, FAULT_DAMAGED,
                  "names: expected sha1 with a list in several values, in which no position is "
                  "known, found %s",
                  profile_names_words(p->profile->reference[r].names));
        return parser_failed_at(p, p->section_line[SECTION_REFERENCE][r]);
    }
    return true;
}

/* Two columns are those of issuer and serial number. */
static bool check_columns(struct parser *p)
{
    for (unsigned r = 0; r < p->profile->references; r++) {
        const struct profile_reference *reference = &p->profile->reference[r];
        bool two = reference->names == NAMES_ISSUER_SERIAL;
        if (two == (reference->serial != NULL))
            continue;
        fault_set(p->f, FAULT_DAMAGED, "column: expected %s with names = %s, found %s",
                  two ? "two columns, ISSUER, SERIAL" : "one column",
                  profile_names_words(reference->names), two ? "one" : "two");
        return parser_failed_at(p, p->section_line[SECTION_REFERENCE][r]);
    }
    return true;
}

/* What a column is not. */
static bool check_ignored(struct parser *p)
{
    for (unsigned i = 0; i < p->profile->ignored; i++) {
        const char *as = p->profile->ignore[i].as;
        if (as == NULL || strcmp(as, "reference") == 0 || strcmp(as, "list") == 0)
            continue;
        fault_set(p->f, FAULT_DAMAGED, "as: expected reference or list, found %.40s", as);
        return parser_failed_at(p, p->section_line[SECTION_IGNORE][i]);
    }
    return true;
}

/* A reference names the section of its part of the list; the profile counts them in their order. */
static bool check_reference_lists(struct parser *p)
{
    for (unsigned r = 0; r < p->profile->references; r++) {
        struct profile_reference *reference = &p->profile->reference[r];
        int32_t number = reference->list;
        reference->list = 0;
        for (unsigned i = 0; i < p->profile->lists && number > 0; i++)
            if ((p->number[SECTION_LIST][i] ? p->number[SECTION_LIST][i] : 1) == (unsigned)number)
                reference->list = (int32_t)i + 1;
        if (number == 0 || reference->list > 0)
            continue;
        fault_set(p->f, FAULT_MISSING, "expected a section [list.%d] of rows, found none", number);
        return parser_failed_at(p, p->section_line[SECTION_REFERENCE][r]);
    }
    return true;
}

static bool check_setting(struct parser *p, unsigned which)
{
    const struct profile_setting *s = &p->profile->setting[which];
    const char *section = profile_sections[SECTION_SETTING + which].name;
    struct setting_place place;
    bool by_role = s->names && strcmp(s->names, "role") == 0;
    if (profile_setting_name(p->profile, which))
        return fault_set(p->f, FAULT_DAMAGED, "expected %s in [settings] or [%s], found both",
                         section + strlen("setting."), section);
    if ((s->table != NULL) + (s->is != NULL) + by_role != 1)
        return fault_set(p->f, FAULT_MISSING, "[%s]: expected one of table, is%s, found %s",
                         section, which == SETTING_ISSUING_CA ? " and names = role" : "",
                         s->table || s->is || by_role ? "more" : "none");
    if (which == SETTING_ISSUING_CA && p->profile->values > 1 && s->names &&
        profile_place(p->profile, which, &place) && profile_names_entry(place.names))
        return fault_set(p->f, FAULT_DAMAGED,
                         "[%s] names: expected sha1 with a list in several values, in which no "
                         "position is known, found %.40s",
                         section, s->names);
    if (s->names && s->is)
        return fault_set(p->f, FAULT_DAMAGED, "[%s]: expected names or is, found both", section);
    if (s->mode[0] && (strcmp(s->mode[0], s->mode[1]) == 0 || strcmp(s->mode[0], s->mode[2]) == 0 ||
                       strcmp(s->mode[1], s->mode[2]) == 0))
        return fault_set(p->f, FAULT_DAMAGED,
                         "[%s]: expected three different values for V1, V1V3 and V3, found %.40s, "
                         "%.40s and %.40s",
                         section, s->mode[0], s->mode[1], s->mode[2]);
    if (which == SETTING_MODE && s->is && strcmp(s->is, "V1") != 0 && strcmp(s->is, "V1V3") != 0 &&
        strcmp(s->is, "V3") != 0)
        return fault_set(p->f, FAULT_DAMAGED, "[%s] is: expected V1, V1V3 or V3, found %.40s",
                         section, s->is);
    return profile_place(p->profile, which, &place) ||
           fault_set(p->f, FAULT_DAMAGED,
                     "[%s] names: expected sha1, sha1 hex, key, position 0, position 1 or role, "
                     "found %.40s",
                     section, s->names);
}

static bool check_settings(struct parser *p)
{
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++) {
        unsigned line = p->section_line[SECTION_SETTING + i][0];
        if (line && !check_setting(p, i))
            return parser_failed_at(p, line);
    }
    return true;
}

static bool check_form(struct parser *p)
{
    for (unsigned i = 0; i < p->profile->values; i++) {
        struct certlist_form form;
        const struct profile_value *value = &p->profile->value[i];
        bool ok = profile_value_form(value, &form, p->f);
        if (ok && form.values && value->join)
            ok = fault_set(p->f, FAULT_DAMAGED, "expected one value a row with join, found values");
        else if (ok && form.values && !wrapping_is_none(&value->wrapping))
            ok = fault_set(p->f, FAULT_DAMAGED,
                           "expected skip and pack of a list in one value, found values");
        else if (ok && value->wrapping.pack != PACK_NONE && value->wrapping.pack != PACK_ZLIB)
            ok = fault_set(p->f, FAULT_DAMAGED,
                           "pack: expected zlib around a list, whose form says the rest, found %s",
                           profile_pack_words[value->wrapping.pack]);
        if (ok)
            continue;
        unsigned line = p->section_line[SECTION_VALUE][0];
        fault_context(p->f, line ? "[list-value] form" : "[list.N] form");
        return parser_failed_at(p, line ? line : p->section_line[SECTION_LIST][i]);
    }
    return true;
}

bool parser_check_all(struct parser *p)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        for (unsigned slot = 0; slot < SLOTS_MOST; slot++)
            if (!check_section(p, &profile_sections[i], slot))
                return false;
    if (p->section_line[SECTION_PROFILE][0] == 0) {
        fault_set(p->f, FAULT_MISSING, "expected a section [profile], found none");
        return parser_failed_at(p, p->reader.line);
    }
    if (p->section_line[SECTION_LIST][0] == 0 && p->section_line[SECTION_VALUE][0] == 0) {
        fault_set(p->f, FAULT_MISSING, "expected a section [list] or [list-value], found neither");
        return parser_failed_at(p, p->reader.line);
    }
    return check_lists(p) && check_form(p) && check_new(p) && check_reference_lists(p) &&
           check_positions(p) && check_columns(p) && check_ignored(p) && check_settings(p);
}
