/*
 * Where a store has its settings, whichever way the profile says it: [setting.X] for each, or
 * [settings] for those that stand one a row under their names.
 */
#ifndef KM_MIGRATE_PROFILE_SETTINGS_H
#define KM_MIGRATE_PROFILE_SETTINGS_H

#include "formats/buffer.h"
#include "formats/ese/layout/record.h"
#include "formats/hash.h"
#include "migrate/profile/profile.h"

/* One setting's place.  Strings are the profile's. */
struct setting_place {
    const char *table, *column; /* NULL: it is in none */
    struct condition rows;      /* of its row; none: the table has no other */
    const char *mode[3];        /* of the mode: what stands for V1, V1V3, V3 */
    const char *is;             /* what it is, without a table */
    enum profile_names names;   /* of the issuing CA: how it is named */
    const char *label;          /* what people know it by: its name in its row, or its column */
};

/* What the profile says of a setting.  False when it says nothing, or how the issuing CA is named
 * in words that are none. */
bool profile_place(const struct profile *profile, enum profile_setting_kind which,
                   struct setting_place *place);

/* "mode", "issuing-ca", ...: as in the profile's sections. */
const char *profile_setting_word(enum profile_setting_kind which);

/* What [settings] calls a setting; NULL: it does not. */
char *profile_setting_name(const struct profile *profile, enum profile_setting_kind which);

/* What people know a setting by; "(not in the profile)". */
const char *profile_setting_label(const struct profile *profile, enum profile_setting_kind which);

/* The words of `names`.  False: there are no such. */
bool profile_names_read(const char *words, enum profile_names *names);
const char *profile_names_words(enum profile_names names);

/* Is a row of the place's table the setting's row? */
bool setting_is_in(const struct setting_place *place, const struct ese_table *table,
                   const struct ese_record *record);

/* In which form a setting's bytes say what they say. */
enum setting_form {
    SETTING_TEXT,   /* text of a code page, or ASCII */
    SETTING_WIDE,   /* UTF-16 in a column of bytes */
    SETTING_NUMBER, /* a number in a column of bytes, little end first */
};

/* Appends a setting's value as UTF-8, whatever its column: bytes are ASCII, or UTF-16, or in the
 * code page of the column `select` of the names beside them (NULL: none).  A zero character at the
 * end is left out.  False when memory is short. */
bool setting_text(const struct ese_column *column, const struct ese_column *select,
                  struct bytes value, struct buffer *utf8, enum setting_form *form);

/* The 20 bytes of a SHA-1 written in hexadecimal digits, which spaces, colons or dashes may part.
 * False for any other text. */
bool setting_hex(struct bytes text, uint8_t sha1[HASH_SHA1_SIZE]);

/* The same of a value as it stands: text of any code page, or bytes of one or two a digit. */
bool setting_hex_bytes(struct bytes value, uint8_t sha1[HASH_SHA1_SIZE]);

/* Appends such a value with the digits of another hash in the places of its own, in their case.
 * False when it has not enough of them, or memory is short (to->failed). */
bool setting_put_hex(struct bytes old, struct bytes sha1, struct buffer *to);

/* Is it the column in which some setting's value stands, in that table? */
bool profile_has_setting_value(const struct profile *profile, const char *table,
                               const char *column);

#endif
