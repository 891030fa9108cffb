/*
 * Profiles: reading and writing them: see profile.h.  Matching is in profile/match.c.
 *
 * One table, `sections`, says which sections and keys there are, what their values are and where
 * they go in struct profile.  Reading, writing and freeing all walk it; the manual page
 * kmmigrate-profile(5) lists the same.
 */
#include "migrate/profile/profile.h"

#include "formats/buffer.h"
#include "formats/bytes.h"
#include "formats/fileio.h"
#include "formats/hex.h"
#include "migrate/profile/ini.h"
#include "migrate/profile/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FILE_MOST = 64 * 1024, /* bytes of a profile file; the longest possible draft has a tenth */
    NAME_MOST = 64,        /* bytes of a table's or column's name, as the engine has it */
    TEXT_MOST = 160,       /* bytes of any other value; in %XX they fit on a line */
    KEYS_MOST = 24,
    SLOTS_MOST = PROFILE_IGNORED_MOST,
};

const char profile_km55_text[] =
    "; The built-in profile km55. The real names of the tables and columns of\n"
    "; Kmsmdb.edb are not public: this is a reconstruction from what Microsoft's\n"
    "; articles say is kept.\n"
    "[profile]\n"
    "name = km55\n"
    "reconstruction = yes\n"
    "\n"
    "[list]\n"
    "table = CertificateList\n"
    "key = EntryId\n"
    "certificate = Certificate\n"
    "thumbprint = Thumbprint\n"
    "role = Role\n"
    "role-own = 1\n"
    "role-issuing = 2\n"
    "role-imported = 3\n"
    "trusted = Trusted\n"
    "name = Name\n"
    "imported-on = ImportedOn\n"
    "\n"
    "; Or the whole list in one value of a row.\n"
    "[list-value]\n"
    "table = Configuration\n"
    "column = Value\n"
    "select = Name\n"
    "equals = CertificateList\n"
    "\n"
    "[settings]\n"
    "table = Configuration\n"
    "name = Name\n"
    "value = Value\n"
    "mode = IssueMode\n"
    "issuing-ca = IssuingCA\n"
    "organization = Organization\n"
    "site = Site\n"
    "ca-name = CADistinguishedName\n"
    "certificate-server = CertificateServer\n"
    "\n"
    "[users]\n"
    "table = Users\n"
    "key = UserId\n"
    "name = DistinguishedName\n"
    "\n"
    "[user-certificates]\n"
    "table = UserCertificates\n"
    "key = CertId\n"
    "user = UserId\n"
    "version = Version\n"
    "certificate = Certificate\n"
    "\n"
    "[revocation-lists]\n"
    "table = RevocationLists\n"
    "column = Crl\n"
    "\n"
    "[reference.1]\n"
    "table = UserCertificates\n"
    "column = IssuerEntry\n"
    "key = CertId\n"
    "proves = Certificate\n"
    "kind = certificate\n"
    "\n"
    "[reference.2]\n"
    "table = RevocationLists\n"
    "column = IssuerEntry\n"
    "key = CrlId\n"
    "proves = Crl\n"
    "kind = revocation-list\n"
    "\n"
    "[secret.1]\n"
    "table = Users\n"
    "column = KeyHistory\n"
    "\n"
    "[secret.2]\n"
    "table = Administrators\n"
    "column = Secret\n"
    "\n"
    "; The other columns: they hold numbers and bytes of their own.\n"
    "[ignore.1]\n"
    "table = Configuration\n"
    "column = SettingId\n"
    "\n"
    "[ignore.2]\n"
    "table = Users\n"
    "column = State\n"
    "\n"
    "[ignore.3]\n"
    "table = UserCertificates\n"
    "column = Serial\n"
    "\n"
    "[ignore.4]\n"
    "table = UserCertificates\n"
    "column = NotAfter\n"
    "\n"
    "[ignore.5]\n"
    "table = UserCertificates\n"
    "column = Revoked\n"
    "\n"
    "[ignore.6]\n"
    "table = Administrators\n"
    "column = AdminId\n"
    "\n"
    "[ignore.7]\n"
    "table = Administrators\n"
    "column = Name\n";

/* ---- what a profile consists of ---- */

enum value_kind {
    VALUE_NAME,      /* char *: of a table or column */
    VALUE_TEXT,      /* char *: any other text */
    VALUE_NUMBER,    /* int32_t */
    VALUE_FLAG,      /* bool: yes or no */
    VALUE_SIGNED,    /* bool: certificate, or revocation-list */
    VALUE_NAMES,     /* enum profile_names, by its words */
    VALUE_SKIP,      /* int32_t: bytes of a header; 0, the default, is not written */
    VALUE_PACK,      /* enum wrapping_pack, by its words; none, the default, is not written */
    VALUE_CONDITION, /* struct condition */
    VALUE_TRUST,     /* struct condition, or the name of a Bit column */
    VALUE_HASH,      /* char *: of a column, with a bool beside it: "COLUMN as hex" */
    VALUE_COLUMNS,   /* char *: of a column; behind a comma, of the one with the serial number */
    VALUE_WHICH,     /* int32_t: the number of a section; 0, the default, is not written */
};

enum need {
    NEED_ALWAYS, /* in every section of that name */
    NEED_BESIDE, /* when the key `with` is there, and only then */
    MAY_BESIDE,  /* allowed when the key `with` is there, and only then */
    MAY_ALWAYS,
    AS_ALIAS, /* another word for the key `with` */
};

struct key_spec {
    const char *key;
    enum value_kind kind;
    size_t offset; /* of the field in struct profile, or in the element of a numbered section */
    enum need need;
    const char *with; /* the other key of NEED_BESIDE, MAY_BESIDE and AS_ALIAS */
};

struct section_spec {
    const char *name; /* of a numbered section: "name.N" in the file */
    const struct key_spec *key;
    unsigned keys;
    unsigned most;              /* numbered: how many there may be; else 0 */
    size_t base, stride, count; /* numbered: offsets of the array and of its number of elements */
};

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
    {"key", VALUE_NAME, LIST_AT(key), MAY_ALWAYS, NULL}, /* check_list() */
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
};
static const struct key_spec value_keys[] = {
    {"table", VALUE_NAME, VALUE_AT(table), NEED_ALWAYS, NULL},
    {"column", VALUE_NAME, VALUE_AT(column), NEED_ALWAYS, NULL},
    {"select", VALUE_NAME, VALUE_AT(select), MAY_ALWAYS, NULL},
    {"equals", VALUE_TEXT, VALUE_AT(equals), NEED_BESIDE, "select"},
    {"join", VALUE_NAME, VALUE_AT(join), MAY_ALWAYS, NULL},
    {"form", VALUE_TEXT, VALUE_AT(form), MAY_ALWAYS, NULL},
    {"items", VALUE_TEXT, VALUE_AT(items), MAY_BESIDE, "form"},
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
};

enum {
    SECTION_PROFILE,
    SECTION_LIST,
    SECTION_VALUE,
    SECTION_SETTINGS,
    SECTION_REFERENCE = 7,
    SECTION_SETTING = 10, /* the first of PROFILE_SETTINGS */
    SECTIONS = SECTION_SETTING + PROFILE_SETTINGS
};

#define SETTING_SECTION(name, keys, which)                                                         \
    [SECTION_SETTING + (which)] = {"setting." name, KEYS(keys), 0, AT(setting[which]), 0, 0}

static const struct section_spec sections[SECTIONS] = {
    [SECTION_PROFILE] = {"profile", KEYS(profile_keys), PLAIN},
    [SECTION_LIST] = {"list", KEYS(list_keys), PROFILE_LISTS_MOST, AT(list),
                      sizeof(struct profile_list), AT(lists)},
    [SECTION_VALUE] = {"list-value", KEYS(value_keys), 0, AT(value), 0, 0},
    [SECTION_SETTINGS] = {"settings", KEYS(settings_keys), PLAIN},
    {"users", KEYS(users_keys), PLAIN},
    {"user-certificates", KEYS(certificates_keys), PLAIN},
    {"revocation-lists", KEYS(crl_keys), PLAIN},
    [SECTION_REFERENCE] = {"reference", KEYS(reference_keys), PROFILE_REFERENCES_MOST,
                           AT(reference), sizeof(struct profile_reference), AT(references)},
    {"secret", KEYS(secret_keys), PROFILE_SECRETS_MOST, AT(secret), sizeof(struct profile_secret),
     AT(secrets)},
    {"ignore", KEYS(ignored_keys), PROFILE_IGNORED_MOST, AT(ignore), sizeof(struct profile_ignored),
     AT(ignored)},
    SETTING_SECTION("mode", mode_keys, SETTING_MODE),
    SETTING_SECTION("issuing-ca", issuing_keys, SETTING_ISSUING_CA),
    SETTING_SECTION("organization", shown_keys, SETTING_ORGANIZATION),
    SETTING_SECTION("site", shown_keys, SETTING_SITE),
    SETTING_SECTION("ca-name", shown_keys, SETTING_CA_NAME),
    SETTING_SECTION("certificate-server", shown_keys, SETTING_SERVER),
};

#define SECTION_NAMES                                                                              \
    "profile, list, list.N, list-value, settings, setting.X, users, user-certificates, "           \
    "revocation-lists, reference.N, secret.N or ignore.N"

/* The words of enum wrapping_pack. */
static const char *const pack_words[] = {[PACK_NONE] = "none", [PACK_ZLIB] = "zlib"};

static bool is_string(const struct key_spec *key)
{
    return key->kind == VALUE_NAME || key->kind == VALUE_TEXT || key->kind == VALUE_HASH ||
           key->kind == VALUE_COLUMNS;
}

static bool is_condition(const struct key_spec *key)
{
    return key->kind == VALUE_CONDITION || key->kind == VALUE_TRUST;
}

/* Where the value of a key goes; slot: which of a numbered section's, from 0. */
static void *field(struct profile *profile, const struct section_spec *section, unsigned slot,
                   const struct key_spec *key)
{
    return (char *)profile + section->base + slot * section->stride + key->offset;
}

static const char *string_field(const struct profile *profile, const struct section_spec *section,
                                unsigned slot, const struct key_spec *key)
{
    const char *at = (const char *)profile + section->base + slot * section->stride + key->offset;
    return *(char *const *)(const void *)at;
}

static unsigned *element_count(struct profile *profile, const struct section_spec *section)
{
    return (unsigned *)(void *)((char *)profile + section->count);
}

/* ---- reading ---- */

struct parser {
    const char *name; /* of the file, for faults */
    struct ini_reader reader;
    struct profile *profile;
    struct fault *f;
    const struct section_spec *section; /* NULL: before the first one */
    unsigned slot;
    unsigned section_line[SECTIONS][SLOTS_MOST]; /* 0: not there */
    unsigned number[SECTIONS][SLOTS_MOST];       /* N of a numbered section */
    unsigned key_line[SECTIONS][SLOTS_MOST][KEYS_MOST];
};

static const char *shortened(const char *name)
{
    enum { SHOWN = 120 };
    size_t size = strlen(name);
    return size > SHOWN ? name + size - SHOWN : name;
}

/* Puts the place before the fault.  Returns false. */
static bool failed_at(struct parser *p, unsigned line)
{
    return fault_context(p->f, "%s:%u", shortened(p->name), line);
}

#define FAIL(p, code, ...) (fault_set((p)->f, code, __VA_ARGS__), failed_at(p, (p)->reader.line))

static unsigned *section_lines(struct parser *p)
{
    return p->section_line[p->section - sections];
}

/* "reference.2" as the file has it. */
static const char *section_label(const struct parser *p, const struct section_spec *section,
                                 unsigned slot, char to[48])
{
    if (section->most && p->number[section - sections][slot])
        snprintf(to, 48, "%s.%u", section->name, p->number[section - sections][slot]);
    else
        snprintf(to, 48, "%s", section->name);
    return to;
}

/* The number behind "name."; 0: none, or not one from 1 to 999. */
static unsigned label_number(const char *digits, size_t size)
{
    unsigned number = 0;
    if (size == 0 || size > 3)
        return 0;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)digits[i]))
            return 0;
        number = number * 10 + (unsigned)(digits[i] - '0');
    }
    return number;
}

static const struct section_spec *find_section(const char *name, size_t size, unsigned *number)
{
    for (unsigned i = 0; i < SECTIONS; i++) {
        const struct section_spec *section = &sections[i];
        size_t length = strlen(section->name);
        if (size < length || memcmp(name, section->name, length) != 0)
            continue;
        *number = 0;
        if (size == length && (section->most == 0 || section == &sections[SECTION_LIST]))
            return section;
        if (section->most == 0 || size == length || name[length] != '.')
            continue;
        *number = label_number(name + length + 1, size - length - 1);
        if (*number)
            return section;
    }
    return NULL;
}

/* Takes the next free slot of a numbered section.  They count in the order of the file, not by
 * number.  Number 0 is the only one of its kind, without a number. */
static bool take_slot(struct parser *p, unsigned number)
{
    unsigned *count = element_count(p->profile, p->section);
    unsigned *numbers = p->number[p->section - sections];
    char label[48];
    for (unsigned i = 0; i < *count; i++)
        if (numbers[i] == number)
            return FAIL(p, FAULT_DAMAGED, "section [%s] comes twice, first in line %u",
                        section_label(p, p->section, i, label), section_lines(p)[i]);
        else if (numbers[i] == 0 || number == 0)
            return FAIL(p, FAULT_DAMAGED,
                        "expected either [%s] or sections [%s.N], found both; the other in line %u",
                        p->section->name, p->section->name, section_lines(p)[i]);
    if (*count == p->section->most)
        return FAIL(p, FAULT_LIMIT, "expected at most %u sections [%s.N], found one more",
                    p->section->most, p->section->name);
    numbers[*count] = number;
    p->slot = (*count)++;
    return true;
}

static bool enter_section(struct parser *p, const char *name)
{
    unsigned number = 0;
    p->section = find_section(name, strlen(name), &number);
    p->slot = 0;
    if (p->section == NULL)
        return FAIL(p, FAULT_DAMAGED, "expected a section " SECTION_NAMES ", found [%.60s]", name);
    if (p->section->most && !take_slot(p, number))
        return false;
    if (section_lines(p)[p->slot])
        return FAIL(p, FAULT_DAMAGED, "section [%s] comes twice, first in line %u",
                    p->section->name, section_lines(p)[p->slot]);
    section_lines(p)[p->slot] = p->reader.line;
    return true;
}

/* Undoes the %XX of a value.  False, with a fault, for what is neither plain ASCII nor such a form.
 */
static bool unescape(struct parser *p, const char *key, const char *value, char *to, size_t room)
{
    size_t size = 0;
    for (; *value; value++) {
        int byte = (unsigned char)*value;
        if (byte == '%') {
            byte = hex_pair(value + 1);
            if (byte <= 0)
                return FAIL(p, FAULT_DAMAGED,
                            "%s: expected two hex digits, not 00, behind %%, found %.8s", key,
                            value);
            value += 2;
        } else if (byte < 0x20 || byte > 0x7e) {
            return FAIL(p, FAULT_DAMAGED,
                        "%s: expected ASCII, found byte 0x%02x; write it as %%%02X", key,
                        (unsigned)byte, (unsigned)byte);
        }
        if (size + 1 >= room)
            return FAIL(p, FAULT_LIMIT, "%s: expected at most %zu characters, found more", key,
                        room - 1);
        to[size++] = (char)byte;
    }
    to[size] = '\0';
    return size > 0 || FAIL(p, FAULT_DAMAGED, "%s: expected a value, found none", key);
}

static bool take_string(struct parser *p, const struct key_spec *key, const char *value)
{
    char room[TEXT_MOST + 1];
    char **to = field(p->profile, p->section, p->slot, key);
    size_t most = key->kind == VALUE_TEXT ? TEXT_MOST : NAME_MOST;
    if (!unescape(p, key->key, value, room, most + 1))
        return false;
    *to = strdup(room);
    return *to || FAIL(p, FAULT_NO_MEMORY, "out of memory");
}

static bool take_number(struct parser *p, const struct key_spec *key, const char *value)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end != '\0')
        return FAIL(p, FAULT_DAMAGED, "%s: expected a decimal number, found %.40s", key->key,
                    value);
    if (errno || number < INT32_MIN || number > INT32_MAX)
        return FAIL(p, FAULT_LIMIT, "%s: expected a number from %d to %d, found %.40s", key->key,
                    INT32_MIN, INT32_MAX, value);
    *(int32_t *)field(p->profile, p->section, p->slot, key) = (int32_t)number;
    return true;
}

static bool take_word(struct parser *p, const struct key_spec *key, const char *value,
                      const char *no, const char *yes)
{
    bool is_yes = strcmp(value, yes) == 0;
    if (!is_yes && strcmp(value, no) != 0)
        return FAIL(p, FAULT_DAMAGED, "%s: expected %s or %s, found %.40s", key->key, yes, no,
                    value);
    *(bool *)field(p->profile, p->section, p->slot, key) = is_yes;
    return true;
}

static bool take_names(struct parser *p, const struct key_spec *key, const char *value)
{
    enum profile_names names;
    if (!profile_names_read(value, &names) || names == NAMES_ROLE)
        return FAIL(p, FAULT_DAMAGED,
                    "%s: expected key, position 0, position 1, sha1, sha1 hex or issuer serial, "
                    "found %.40s",
                    key->key, value);
    *(enum profile_names *)field(p->profile, p->section, p->slot, key) = names;
    return true;
}

/* "COLUMN", or "COLUMN, COLUMN" of issuer and serial number. */
static bool take_columns(struct parser *p, const struct key_spec *key, const char *value)
{
    char first[INI_LINE_MOST + 1], room[NAME_MOST + 1];
    char **serial = &p->profile->reference[p->slot].serial;
    size_t size = strcspn(value, ",");
    const char *second = value[size] ? value + size + 1 : NULL;
    while (size > 0 && isspace((unsigned char)value[size - 1]))
        size--;
    memcpy(first, value, size);
    first[size] = '\0';
    while (second && isspace((unsigned char)*second))
        second++;
    if (!take_string(p, key, first) ||
        (second && !unescape(p, key->key, second, room, sizeof room)))
        return false;
    *serial = second ? strdup(room) : NULL;
    return second == NULL || *serial || FAIL(p, FAULT_NO_MEMORY, "out of memory");
}

static bool take_skip(struct parser *p, const struct key_spec *key, const char *value)
{
    if (!take_number(p, key, value))
        return false;
    int32_t number = *(int32_t *)field(p->profile, p->section, p->slot, key);
    return (number >= 0 && number <= WRAPPING_SKIP_MOST) ||
           FAIL(p, FAULT_LIMIT, "%s: expected a number from 0 to %d, found %.40s", key->key,
                WRAPPING_SKIP_MOST, value);
}

static bool take_pack(struct parser *p, const struct key_spec *key, const char *value)
{
    for (unsigned i = 0; i < sizeof pack_words / sizeof pack_words[0]; i++)
        if (strcmp(value, pack_words[i]) == 0) {
            *(enum wrapping_pack *)field(p->profile, p->section, p->slot, key) =
                (enum wrapping_pack)i;
            return true;
        }
    return FAIL(p, FAULT_DAMAGED, "%s: expected none or zlib, found %.40s", key->key, value);
}

static bool take_condition(struct parser *p, const struct key_spec *key, const char *value)
{
    char room[TEXT_MOST + 1];
    struct fault why;
    struct condition *to = field(p->profile, p->section, p->slot, key);
    if (!unescape(p, key->key, value, room, sizeof room))
        return false;
    if (key->kind == VALUE_TRUST && strchr(room, '=') == NULL) {
        if (strlen(room) > NAME_MOST)
            return FAIL(p, FAULT_LIMIT, "%s: expected at most %d characters, found more", key->key,
                        NAME_MOST);
        to->column = strdup(room);
        return to->column || FAIL(p, FAULT_NO_MEMORY, "out of memory");
    }
    return condition_read(room, to, &why) || FAIL(p, why.code, "%s: %s", key->key, why.text);
}

/* "COLUMN" or "COLUMN as hex". */
static bool take_hash(struct parser *p, const struct key_spec *key, const char *value)
{
    static const char suffix[] = " as hex";
    char room[TEXT_MOST + 1];
    struct profile_list *list = &p->profile->list[p->slot];
    size_t size = strlen(value), end = sizeof suffix - 1;
    list->thumbprint_hex = size > end && strcmp(value + size - end, suffix) == 0;
    if (!list->thumbprint_hex || size >= sizeof room)
        return take_string(p, key, value);
    memcpy(room, value, size - end);
    room[size - end] = '\0';
    return take_string(p, key, room);
}

static bool take_which(struct parser *p, const struct key_spec *key, const char *value)
{
    if (!take_number(p, key, value))
        return false;
    int32_t number = *(int32_t *)field(p->profile, p->section, p->slot, key);
    return (number >= 1 && number <= 999) ||
           FAIL(p, FAULT_LIMIT, "%s: expected a number from 1 to 999, found %.40s", key->key,
                value);
}

static bool take_value(struct parser *p, const struct key_spec *key, const char *value)
{
    switch (key->kind) {
    case VALUE_CONDITION:
    case VALUE_TRUST:
        return take_condition(p, key, value);
    case VALUE_HASH:
        return take_hash(p, key, value);
    case VALUE_COLUMNS:
        return take_columns(p, key, value);
    case VALUE_WHICH:
        return take_which(p, key, value);
    case VALUE_NAME:
    case VALUE_TEXT:
        return take_string(p, key, value);
    case VALUE_NUMBER:
        return take_number(p, key, value);
    case VALUE_FLAG:
        return take_word(p, key, value, "no", "yes");
    case VALUE_SIGNED:
        return take_word(p, key, value, "certificate", "revocation-list");
    case VALUE_NAMES:
        return take_names(p, key, value);
    case VALUE_SKIP:
        return take_skip(p, key, value);
    case VALUE_PACK:
        return take_pack(p, key, value);
    }
    return false;
}

static bool unknown_key(struct parser *p, const char *name)
{
    char names[400] = "", label[48];
    size_t used = 0;
    for (unsigned i = 0; i < p->section->keys; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 p->section->key[i].key);
    return FAIL(p, FAULT_DAMAGED, "[%s]: expected a key of %s; found %.50s",
                section_label(p, p->section, p->slot, label), names, name);
}

static bool take_key(struct parser *p, const char *name, const char *value)
{
    if (p->section == NULL)
        return FAIL(p, FAULT_DAMAGED, "expected a section before the first key, found %.50s", name);
    for (unsigned i = 0; i < p->section->keys; i++) {
        if (strcmp(p->section->key[i].key, name) != 0)
            continue;
        if (p->section->key[i].need == AS_ALIAS)
            return take_key(p, p->section->key[i].with, value);
        unsigned *line = &p->key_line[p->section - sections][p->slot][i];
        if (*line)
            return FAIL(p, FAULT_DAMAGED, "%s comes twice, first in line %u", name, *line);
        if (!take_value(p, &p->section->key[i], value))
            return false;
        *line = p->reader.line;
        return true;
    }
    return unknown_key(p, name);
}

static bool take_lines(struct parser *p)
{
    const char *name, *value;
    for (;;) {
        switch (ini_next(&p->reader, &name, &value, p->f)) {
        case INI_SECTION:
            if (!enter_section(p, name))
                return false;
            break;
        case INI_KEY:
            if (!take_key(p, name, value))
                return false;
            break;
        case INI_BAD:
            return failed_at(p, p->reader.line);
        case INI_END:
            return true;
        }
    }
}

/* ---- what must be there after all lines were read ---- */

static unsigned line_of(const struct parser *p, const struct section_spec *section, unsigned slot,
                        const char *key)
{
    for (unsigned i = 0; i < section->keys; i++)
        if (strcmp(section->key[i].key, key) == 0)
            return p->key_line[section - sections][slot][i];
    return 0;
}

static bool check_section(struct parser *p, const struct section_spec *section, unsigned slot)
{
    char label[48];
    unsigned line = p->section_line[section - sections][slot];
    if (line == 0)
        return true;
    section_label(p, section, slot, label);
    for (unsigned i = 0; i < section->keys; i++) {
        const struct key_spec *key = &section->key[i];
        unsigned there = p->key_line[section - sections][slot][i];
        bool with = key->with && key->need != AS_ALIAS && line_of(p, section, slot, key->with);
        if (there == 0 && (key->need == NEED_ALWAYS || (with && key->need == NEED_BESIDE))) {
            fault_set(p->f, FAULT_MISSING, "[%s]: expected the key %s%s%s, found none", label,
                      key->key, with ? " beside " : "", with ? key->with : "");
            return failed_at(p, line);
        }
        if (there && key->with && key->need != AS_ALIAS && !with) {
            fault_set(p->f, FAULT_DAMAGED, "[%s]: expected the key %s beside %s, found none", label,
                      key->with, key->key);
            return failed_at(p, there);
        }
    }
    return true;
}

/* Says what is wrong with a part of the list.  Returns false. */
#define FAIL_LIST(p, slot, code, ...)                                                              \
    (fault_set((p)->f, code, __VA_ARGS__), failed_at(p, (p)->section_line[SECTION_LIST][slot]))

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
        condition_is_there(&list->issuing) || condition_is_there(&list->trusted) ||
        !wrapping_is_none(&list->wrapping))
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
                                    .items = list->items};
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
        section_label(p, &sections[SECTION_LIST], i, label);
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
        return failed_at(p, p->section_line[SECTION_REFERENCE][r]);
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
        return failed_at(p, p->section_line[SECTION_REFERENCE][r]);
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
        return failed_at(p, p->section_line[SECTION_REFERENCE][r]);
    }
    return true;
}

static bool check_setting(struct parser *p, unsigned which)
{
    const struct profile_setting *s = &p->profile->setting[which];
    const char *section = sections[SECTION_SETTING + which].name;
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
            return failed_at(p, line);
    }
    return true;
}

static bool check_form(struct parser *p)
{
    for (unsigned i = 0; i < p->profile->values; i++) {
        struct certlist_form form;
        const struct profile_value *value = &p->profile->value[i];
        if (profile_value_form(value, &form, p->f)) {
            if (!form.values || value->join == NULL)
                continue;
            fault_set(p->f, FAULT_DAMAGED, "expected one value a row with join, found values");
        }
        unsigned line = p->section_line[SECTION_VALUE][0];
        fault_context(p->f, line ? "[list-value] form" : "[list.N] form");
        return failed_at(p, line ? line : p->section_line[SECTION_LIST][i]);
    }
    return true;
}

bool profile_value_form(const struct profile_value *value, struct certlist_form *form,
                        struct fault *f)
{
    return certlist_form_read(value->form ? value->form : "auto", value->items, form, f);
}

static bool check_all(struct parser *p)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        for (unsigned slot = 0; slot < SLOTS_MOST; slot++)
            if (!check_section(p, &sections[i], slot))
                return false;
    if (p->section_line[SECTION_PROFILE][0] == 0) {
        fault_set(p->f, FAULT_MISSING, "expected a section [profile], found none");
        return failed_at(p, p->reader.line);
    }
    if (p->section_line[SECTION_LIST][0] == 0 && p->section_line[SECTION_VALUE][0] == 0) {
        fault_set(p->f, FAULT_MISSING, "expected a section [list] or [list-value], found neither");
        return failed_at(p, p->reader.line);
    }
    return check_lists(p) && check_form(p) && check_reference_lists(p) && check_positions(p) &&
           check_columns(p) && check_settings(p);
}

/* Reads a profile's text; `name` is for faults.  The profile is closed again after a failure. */
static bool parse(const char *name, struct bytes text, struct profile *profile, struct fault *f)
{
    static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};
    struct fault ignored;
    struct bytes start;
    struct parser p = {
        .name = name, .reader = {.text = text}, .profile = profile, .f = f ? f : &ignored};
    if (bytes_cut(text, 0, 3, &start) && bytes_equal(start, bytes_of(byte_order_mark, 3)))
        p.reader.text = bytes_from(text, 3);
    *profile = (struct profile){.name = NULL};
    if (take_lines(&p) && check_all(&p))
        return true;
    profile_close(profile);
    return false;
}

bool profile_builtin(struct profile *profile, struct fault *f)
{
    return parse("built-in profile km55", bytes_of(profile_km55_text, sizeof profile_km55_text - 1),
                 profile, f);
}

static bool load(const char *path, char *room, size_t *size, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "%s: cannot be opened: %s", shortened(path), strerror(errno));
    *size = fileio_read(fd, room, FILE_MOST + 1);
    int error = errno;
    close(fd);
    if (*size > FILE_MOST)
        return fault_set(f, FAULT_LIMIT, "%s: expected a profile of at most %d bytes, found more",
                         shortened(path), FILE_MOST);
    return error == 0 ||
           fault_set(f, FAULT_IO, "%s: cannot be read: %s", shortened(path), strerror(error));
}

bool profile_read(const char *path, struct profile *profile, struct fault *f)
{
    size_t size = 0;
    *profile = (struct profile){.name = NULL};
    char *room = malloc(FILE_MOST + 1);
    if (room == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "%s: out of memory", shortened(path));
    bool ok = load(path, room, &size, f) && parse(path, bytes_of(room, size), profile, f);
    free(room);
    return ok;
}

static void close_key(struct profile *profile, const struct section_spec *section, unsigned slot,
                      const struct key_spec *key)
{
    void *at = field(profile, section, slot, key);
    if (key->need != AS_ALIAS && is_string(key))
        free(*(char **)at);
    else if (is_condition(key))
        condition_free(at);
}

static void close_value(struct profile_value *value)
{
    free(value->table);
    free(value->column);
    free(value->select);
    free(value->equals);
    free(value->join);
    free(value->form);
    free(value->items);
}

void profile_close(struct profile *profile)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        for (unsigned slot = 0; slot < (sections[i].most ? sections[i].most : 1); slot++)
            for (unsigned k = 0; k < sections[i].keys; k++)
                close_key(profile, &sections[i], slot, &sections[i].key[k]);
    for (unsigned i = 1; i < PROFILE_LISTS_MOST; i++)
        close_value(&profile->value[i]);
    for (unsigned i = 0; i < PROFILE_REFERENCES_MOST; i++)
        free(profile->reference[i].serial);
    *profile = (struct profile){.name = NULL};
}

/* ---- writing ---- */

/* A value so that unescape() gives it back: what INI or a line cannot hold becomes %XX. */
static void write_escaped_and(const char *value, char also, FILE *to)
{
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        bool inner_space = byte == ' ' && c > value && c[1] != '\0';
        if ((byte > 0x20 && byte < 0x7f && byte != '%' && byte != ';' && *c != also) || inner_space)
            fputc(byte, to);
        else
            fprintf(to, "%%%02X", (unsigned)byte);
    }
}

static void write_escaped(const char *value, FILE *to)
{
    write_escaped_and(value, '\0', to);
}

static bool has_key(const struct profile *profile, const struct section_spec *section,
                    unsigned slot, const char *name)
{
    for (unsigned i = 0; name && i < section->keys; i++)
        if (strcmp(section->key[i].key, name) == 0)
            return string_field(profile, section, slot, &section->key[i]) != NULL;
    return true;
}

static void write_condition(const char *key, const struct condition *c, FILE *to)
{
    char text[CONDITION_TEXT];
    if (!condition_is_there(c))
        return;
    fprintf(to, "%s = ", key);
    write_escaped(c->value ? condition_text(c, text) : c->column, to);
    fputc('\n', to);
}

static void write_key(const struct profile *profile, const struct section_spec *section,
                      unsigned slot, const struct key_spec *key, FILE *to)
{
    const void *at = (const char *)profile + section->base + slot * section->stride + key->offset;
    if (key->need == AS_ALIAS)
        return;
    if (is_string(key)) {
        if (string_field(profile, section, slot, key) == NULL)
            return;
        fprintf(to, "%s = ", key->key);
        write_escaped_and(string_field(profile, section, slot, key),
                          key->kind == VALUE_COLUMNS ? ',' : '\0', to);
        if (key->kind == VALUE_COLUMNS && profile->reference[slot].serial) {
            fputs(", ", to);
            write_escaped(profile->reference[slot].serial, to);
        }
        fputs(key->kind == VALUE_HASH && profile->list[slot].thumbprint_hex ? " as hex\n" : "\n",
              to);
    } else if (is_condition(key)) {
        write_condition(key->key, at, to);
    } else if (key->kind == VALUE_WHICH) {
        if (*(const int32_t *)at != 0)
            fprintf(to, "%s = %d\n", key->key, *(const int32_t *)at);
    } else if (!has_key(profile, section, slot, key->with)) {
        return;
    } else if (key->kind == VALUE_NUMBER) {
        fprintf(to, "%s = %d\n", key->key, *(const int32_t *)at);
    } else if (key->kind == VALUE_NAMES) {
        if (*(const enum profile_names *)at != NAMES_KEY)
            fprintf(to, "%s = %s\n", key->key,
                    profile_names_words(*(const enum profile_names *)at));
    } else if (key->kind == VALUE_SKIP) {
        if (*(const int32_t *)at != 0)
            fprintf(to, "%s = %d\n", key->key, *(const int32_t *)at);
    } else if (key->kind == VALUE_PACK) {
        if (*(const enum wrapping_pack *)at != PACK_NONE)
            fprintf(to, "%s = %s\n", key->key, pack_words[*(const enum wrapping_pack *)at]);
    } else if (key->kind == VALUE_FLAG) {
        fprintf(to, "%s = %s\n", key->key, *(const bool *)at ? "yes" : "no");
    } else {
        fprintf(to, "%s = %s\n", key->key, *(const bool *)at ? "revocation-list" : "certificate");
    }
}

static bool has_any(const struct profile *profile, const struct section_spec *section,
                    unsigned slot)
{
    for (unsigned i = 0; i < section->keys; i++)
        if (is_string(&section->key[i]) && string_field(profile, section, slot, &section->key[i]))
            return true;
    return false;
}

static void write_section(const struct profile *profile, const struct section_spec *section,
                          unsigned slot, FILE *to)
{
    if (!has_any(profile, section, slot))
        return;
    if (section->most && !(section == &sections[SECTION_LIST] && profile->lists == 1))
        fprintf(to, "[%s.%u]\n", section->name, slot + 1);
    else
        fprintf(to, "[%s]\n", section->name);
    for (unsigned i = 0; i < section->keys; i++)
        write_key(profile, section, slot, &section->key[i], to);
    fputc('\n', to);
}

/* A part of the list that is a value, as a section of its own. */
static void write_value(const struct profile_value *value, unsigned number, FILE *to)
{
    const struct condition rows = {.column = value->select, .value = value->equals};
    const struct {
        const char *key, *text;
    } line[] = {{"table", value->table}, {"key", "position 1"}, {"certificate", value->column},
                {"join", value->join},   {"form", value->form}, {"items", value->items}};
    fprintf(to, "[list.%u]\n", number);
    for (size_t i = 0; i < sizeof line / sizeof line[0]; i++) {
        if (line[i].text == NULL)
            continue;
        fprintf(to, "%s = ", line[i].key);
        write_escaped(line[i].text, to);
        fputc('\n', to);
        if (i == 0)
            write_condition("rows", &rows, to);
    }
    fputc('\n', to);
}

void profile_write(const struct profile *profile, FILE *to)
{
    for (unsigned i = 0; i < SECTIONS; i++) {
        unsigned slots = 1;
        if (i == SECTION_VALUE && profile->values > 1) {
            for (unsigned k = 0; k < profile->values; k++)
                write_value(&profile->value[k], k + 1, to);
            continue;
        }
        if (sections[i].most)
            memcpy(&slots, (const char *)profile + sections[i].count, sizeof slots);
        for (unsigned slot = 0; slot < slots; slot++)
            write_section(profile, &sections[i], slot, to);
    }
}

bool profile_copy(const struct profile *from, struct profile *to, struct fault *f)
{
    struct buffer text = {0};
    FILE *stream = buffer_stream(&text);
    *to = (struct profile){.name = NULL};
    if (stream) {
        profile_write(from, stream);
        fclose(stream);
    }
    bool ok = (stream && !text.failed) || fault_set(f, FAULT_NO_MEMORY, "out of memory");
    ok = ok && parse("profile", buffer_bytes(&text), to, f);
    buffer_free(&text);
    return ok;
}
