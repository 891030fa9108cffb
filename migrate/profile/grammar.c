/* The sections and keys of a profile: see grammar.h. */
#include "migrate/profile/grammar.h"

#define AT(member) offsetof(struct profile, member)
#define LIST_AT(member) offsetof(struct profile_list, member)
#define VALUE_AT(member) offsetof(struct profile_value, member)
#define SETTING_AT(member) offsetof(struct profile_setting, member)
#define REFERENCE_AT(member) offsetof(struct profile_reference, member)
#define SECRET_AT(member) offsetof(struct profile_secret, member)
#define IGNORED_AT(member) offsetof(struct profile_ignored, member)
#define KEYS(array) array, sizeof(array) / sizeof(array)[0]
#define PLAIN 0, 0, 0, 0 /* not numbered */

static const struct key_spec profile_keys[] = {
    {"name", VALUE_TEXT, AT(name), NEED_ALWAYS, NULL},
    {"reconstruction", VALUE_FLAG, AT(reconstruction), MAY_ALWAYS, NULL},
};
static const struct key_spec list_keys[] = {
    {"table", VALUE_NAME, LIST_AT(table), NEED_ALWAYS, NULL},
    {"rows", VALUE_CONDITION, LIST_AT(rows), MAY_ALWAYS, NULL},
    {"key", VALUE_NAME, LIST_AT(key), MAY_ALWAYS, NULL}, /* checks.c */
    {"certificate", VALUE_NAME, LIST_AT(certificate), NEED_ALWAYS, NULL},
    {"certificates", VALUE_NAME, LIST_AT(certificate), AS_ALIAS, "certificate"},
    {"join", VALUE_NAME, LIST_AT(join), MAY_ALWAYS, NULL},
    {"form", VALUE_TEXT, LIST_AT(form), MAY_ALWAYS, NULL},
    {"items", VALUE_TEXT, LIST_AT(items), MAY_BESIDE, "form"},
    {"skip", VALUE_SKIP, LIST_AT(wrapping.skip), MAY_ALWAYS, NULL},
    {"pack", VALUE_PACK, LIST_AT(wrapping.pack), MAY_ALWAYS, NULL},
    {"thumbprint", VALUE_HASH, LIST_AT(thumbprint), MAY_ALWAYS, NULL},
    {"role", VALUE_NAME, LIST_AT(role), MAY_ALWAYS, NULL},
    {"role-own", VALUE_NUMBER, LIST_AT(role_own), NEED_BESIDE, "role"},
    {"role-issuing", VALUE_NUMBER, LIST_AT(role_issuing), NEED_BESIDE, "role"},
    {"role-imported", VALUE_NUMBER, LIST_AT(role_imported), NEED_BESIDE, "role"},
    {"own", VALUE_CONDITION, LIST_AT(own), MAY_ALWAYS, NULL},
    {"issuing", VALUE_CONDITION, LIST_AT(issuing), MAY_ALWAYS, NULL},
    {"imported", VALUE_CONDITION, LIST_AT(imported_if), MAY_ALWAYS, NULL},
    {"trusted", VALUE_TRUST, LIST_AT(trusted), MAY_ALWAYS, NULL},
    {"name", VALUE_NAME, LIST_AT(name), MAY_ALWAYS, NULL},
    {"imported-on", VALUE_NAME, LIST_AT(imported), MAY_ALWAYS, NULL},
    {"keep", VALUE_TEXT, LIST_AT(keep), MAY_ALWAYS, NULL},
    {"new", VALUE_FLAG, LIST_AT(takes_new), MAY_ALWAYS, NULL},
};
static const struct key_spec value_keys[] = {
    {"table", VALUE_NAME, VALUE_AT(table), NEED_ALWAYS, NULL},
    {"column", VALUE_NAME, VALUE_AT(column), NEED_ALWAYS, NULL},
    {"select", VALUE_NAME, VALUE_AT(select), MAY_ALWAYS, NULL},
    {"equals", VALUE_TEXT, VALUE_AT(equals), NEED_BESIDE, "select"},
    {"join", VALUE_NAME, VALUE_AT(join), MAY_ALWAYS, NULL},
    {"form", VALUE_TEXT, VALUE_AT(form), MAY_ALWAYS, NULL},
    {"items", VALUE_TEXT, VALUE_AT(items), MAY_BESIDE, "form"},
    {"skip", VALUE_SKIP, VALUE_AT(wrapping.skip), MAY_ALWAYS, NULL},
    {"pack", VALUE_PACK, VALUE_AT(wrapping.pack), MAY_ALWAYS, NULL},
};
static const struct key_spec settings_keys[] = {
    {"table", VALUE_NAME, AT(settings_table), NEED_ALWAYS, NULL},
    {"name", VALUE_NAME, AT(settings_name), NEED_ALWAYS, NULL},
    {"value", VALUE_NAME, AT(settings_value), NEED_ALWAYS, NULL},
    {"mode", VALUE_TEXT, AT(setting_mode), MAY_ALWAYS, NULL},
    {"issuing-ca", VALUE_TEXT, AT(setting_issuing_ca), MAY_ALWAYS, NULL},
    {"organization", VALUE_TEXT, AT(setting_organization), MAY_ALWAYS, NULL},
    {"site", VALUE_TEXT, AT(setting_site), MAY_ALWAYS, NULL},
    {"ca-name", VALUE_TEXT, AT(setting_ca_name), MAY_ALWAYS, NULL},
    {"certificate-server", VALUE_TEXT, AT(setting_server), MAY_ALWAYS, NULL},
};
static const struct key_spec mode_keys[] = {
    {"table", VALUE_NAME, SETTING_AT(table), MAY_ALWAYS, NULL},
    {"rows", VALUE_CONDITION, SETTING_AT(rows), MAY_BESIDE, "table"},
    {"column", VALUE_NAME, SETTING_AT(column), NEED_BESIDE, "table"},
    {"V1", VALUE_TEXT, SETTING_AT(mode[0]), MAY_BESIDE, "table"},
    {"V1V3", VALUE_TEXT, SETTING_AT(mode[1]), NEED_BESIDE, "V1"},
    {"V3", VALUE_TEXT, SETTING_AT(mode[2]), NEED_BESIDE, "V1"},
    {"is", VALUE_TEXT, SETTING_AT(is), MAY_ALWAYS, NULL},
};
static const struct key_spec issuing_keys[] = {
    {"table", VALUE_NAME, SETTING_AT(table), MAY_ALWAYS, NULL},
    {"rows", VALUE_CONDITION, SETTING_AT(rows), MAY_BESIDE, "table"},
    {"column", VALUE_NAME, SETTING_AT(column), NEED_BESIDE, "table"},
    {"names", VALUE_TEXT, SETTING_AT(names), MAY_ALWAYS, NULL},
    {"is", VALUE_TEXT, SETTING_AT(is), MAY_ALWAYS, NULL},
};
static const struct key_spec shown_keys[] = {
    {"table", VALUE_NAME, SETTING_AT(table), MAY_ALWAYS, NULL},
    {"rows", VALUE_CONDITION, SETTING_AT(rows), MAY_BESIDE, "table"},
    {"column", VALUE_NAME, SETTING_AT(column), NEED_BESIDE, "table"},
    {"is", VALUE_TEXT, SETTING_AT(is), MAY_ALWAYS, NULL},
};
static const struct key_spec users_keys[] = {
    {"table", VALUE_NAME, AT(users_table), NEED_ALWAYS, NULL},
    {"key", VALUE_NAME, AT(users_key), NEED_ALWAYS, NULL},
    {"name", VALUE_NAME, AT(users_name), NEED_ALWAYS, NULL},
};
static const struct key_spec certificates_keys[] = {
    {"table", VALUE_NAME, AT(certificates_table), NEED_ALWAYS, NULL},
    {"key", VALUE_NAME, AT(certificates_key), NEED_ALWAYS, NULL},
    {"user", VALUE_NAME, AT(certificates_user), MAY_ALWAYS, NULL},
    {"version", VALUE_NAME, AT(certificates_version), MAY_ALWAYS, NULL},
    {"certificate", VALUE_NAME, AT(certificates_certificate), NEED_ALWAYS, NULL},
};
static const struct key_spec crl_keys[] = {
    {"table", VALUE_NAME, AT(crl_table), NEED_ALWAYS, NULL},
    {"column", VALUE_NAME, AT(crl_column), NEED_ALWAYS, NULL},
};
static const struct key_spec reference_keys[] = {
    {"table", VALUE_NAME, REFERENCE_AT(table), NEED_ALWAYS, NULL},
    {"column", VALUE_COLUMNS, REFERENCE_AT(column), NEED_ALWAYS, NULL},
    {"key", VALUE_NAME, REFERENCE_AT(key), MAY_ALWAYS, NULL},
    {"proves", VALUE_NAME, REFERENCE_AT(proves), MAY_ALWAYS, NULL},
    {"kind", VALUE_SIGNED, REFERENCE_AT(crl), MAY_BESIDE, "proves"},
    {"names", VALUE_NAMES, REFERENCE_AT(names), MAY_ALWAYS, NULL},
    {"list", VALUE_WHICH, REFERENCE_AT(list), MAY_ALWAYS, NULL},
};
static const struct key_spec secret_keys[] = {
    {"table", VALUE_NAME, SECRET_AT(table), NEED_ALWAYS, NULL},
    {"column", VALUE_NAME, SECRET_AT(column), NEED_ALWAYS, NULL},
};

static const struct key_spec ignored_keys[] = {
    {"table", VALUE_NAME, IGNORED_AT(table), NEED_ALWAYS, NULL},
    {"column", VALUE_NAME, IGNORED_AT(column), NEED_ALWAYS, NULL},
    {"as", VALUE_TEXT, IGNORED_AT(as), MAY_ALWAYS, NULL},
};

#define SETTING_SECTION(name, keys, which)                                                         \
    [SECTION_SETTING + (which)] = {"setting." name, KEYS(keys), 0, AT(setting[which]), 0, 0}

const struct section_spec profile_sections[SECTIONS] = {
    [SECTION_PROFILE] = {"profile", KEYS(profile_keys), PLAIN},
    [SECTION_LIST] = {"list", KEYS(list_keys), PROFILE_LISTS_MOST, AT(list),
                      sizeof(struct profile_list), AT(lists)},
    [SECTION_VALUE] = {"list-value", KEYS(value_keys), 0, AT(value), sizeof(struct profile_value),
                       0},
    [SECTION_SETTINGS] = {"settings", KEYS(settings_keys), PLAIN},
    {"users", KEYS(users_keys), PLAIN},
    {"user-certificates", KEYS(certificates_keys), PLAIN},
    {"revocation-lists", KEYS(crl_keys), PLAIN},
    [SECTION_REFERENCE] = {"reference", KEYS(reference_keys), PROFILE_REFERENCES_MOST,
                           AT(reference), sizeof(struct profile_reference), AT(references)},
    [SECTION_SECRET] = {"secret", KEYS(secret_keys), PROFILE_SECRETS_MOST, AT(secret),
                        sizeof(struct profile_secret), AT(secrets)},
    [SECTION_IGNORE] = {"ignore", KEYS(ignored_keys), PROFILE_IGNORED_MOST, AT(ignore),
                        sizeof(struct profile_ignored), AT(ignored)},
    SETTING_SECTION("mode", mode_keys, SETTING_MODE),
    SETTING_SECTION("issuing-ca", issuing_keys, SETTING_ISSUING_CA),
    SETTING_SECTION("organization", shown_keys, SETTING_ORGANIZATION),
    SETTING_SECTION("site", shown_keys, SETTING_SITE),
    SETTING_SECTION("ca-name", shown_keys, SETTING_CA_NAME),
    SETTING_SECTION("certificate-server", shown_keys, SETTING_SERVER),
};

/* The words of enum wrapping_pack. */
const char *const profile_pack_words[PACKS] = {[PACK_NONE] = "none",
                                               [PACK_ZLIB] = "zlib",
                                               [PACK_PKCS7] = "pkcs7",
                                               [PACK_SST] = "sst",
                                               [PACK_PEM] = "pem"};

bool key_is_string(const struct key_spec *key)
{
    return key->kind == VALUE_NAME || key->kind == VALUE_TEXT || key->kind == VALUE_HASH ||
           key->kind == VALUE_COLUMNS;
}

bool key_is_condition(const struct key_spec *key)
{
    return key->kind == VALUE_CONDITION || key->kind == VALUE_TRUST;
}

void *key_field(struct profile *profile, const struct section_spec *section, unsigned slot,
                const struct key_spec *key)
{
    return (char *)profile + section->base + slot * section->stride + key->offset;
}

const char *key_string(const struct profile *profile, const struct section_spec *section,
                       unsigned slot, const struct key_spec *key)
{
    const char *at = (const char *)profile + section->base + slot * section->stride + key->offset;
    return *(char *const *)(const void *)at;
}

const char *key_column(const struct profile *profile, const struct section_spec *section,
                       unsigned slot, const struct key_spec *key)
{
    const void *at = (const char *)profile + section->base + slot * section->stride + key->offset;
    if (key_is_condition(key))
        return ((const struct condition *)at)->column;
    return key_is_string(key) && key->kind != VALUE_TEXT ? key_string(profile, section, slot, key)
                                                         : NULL;
}

unsigned section_slots(const struct section_spec *section)
{
    return section->most ? section->most : section->stride ? PROFILE_LISTS_MOST : 1;
}

unsigned *section_elements(struct profile *profile, const struct section_spec *section)
{
    return (unsigned *)(void *)((char *)profile + section->count);
}
