/*
 * What sections and keys a profile has, what their values are and where they go in struct profile:
 * one table, which reading, writing and freeing all walk.  kmmigrate-profile(5) lists the same.
 */
#ifndef KM_MIGRATE_GRAMMAR_H
#define KM_MIGRATE_GRAMMAR_H

#include "migrate/profile/profile.h"

enum {
    NAME_MOST = 64,  /* bytes of a table's or column's name, as the engine has it */
    TEXT_MOST = 160, /* bytes of any other value; in %XX they fit on a line */
    KEYS_MOST = 24,
    SLOTS_MOST = PROFILE_IGNORED_MOST,
};

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
    unsigned most; /* numbered: how many there may be; else 0 */
    size_t base, stride,
        count; /* numbered: offsets of the array and of its number of elements;
                  stride also of [list-value], whose values may come from [list.N] */
};

enum {
    SECTION_PROFILE,
    SECTION_LIST,
    SECTION_VALUE,
    SECTION_SETTINGS,
    SECTION_REFERENCE = 7,
    SECTION_SECRET,
    SECTION_IGNORE,
    SECTION_SETTING = 10, /* the first of PROFILE_SETTINGS */
    SECTIONS = SECTION_SETTING + PROFILE_SETTINGS
};

#define SECTION_NAMES                                                                              \
    "profile, list, list.N, list-value, settings, setting.X, users, user-certificates, "           \
    "revocation-lists, reference.N, secret.N or ignore.N"

extern const struct section_spec profile_sections[SECTIONS];

/* The words of enum wrapping_pack. */
extern const char *const profile_pack_words[PACKS];

/* Is the value a text of its own, or a condition, which profile_close() frees? */
bool key_is_string(const struct key_spec *key);
bool key_is_condition(const struct key_spec *key);

/* Where the value of a key goes; slot: which of a numbered section's, from 0. */
void *key_field(struct profile *profile, const struct section_spec *section, unsigned slot,
                const struct key_spec *key);
/* The value of a key that is a text; NULL: not there. */
const char *key_string(const struct profile *profile, const struct section_spec *section,
                       unsigned slot, const struct key_spec *key);
/* The column that a key names, alone or in a condition; NULL: none.  (A section's table is that of
 * its first key.) */
const char *key_column(const struct profile *profile, const struct section_spec *section,
                       unsigned slot, const struct key_spec *key);
/* How many slots a section has room for. */
unsigned section_slots(const struct section_spec *section);
/* How many sections of a numbered kind there are. */
unsigned *section_elements(struct profile *profile, const struct section_spec *section);

#endif
