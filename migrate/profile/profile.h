/*
 * Where a store keeps what: the names of tables and columns, from a profile.
 *
 * The real schema of Kmsmdb.edb is not public.  The built-in profile km55 describes the
 * reconstruction in kmmigrate-profile(5) and is called a reconstruction wherever a user meets it;
 * another can be given as a file (INI, the same text form that `kmmigrate profile` drafts).
 */
#ifndef KM_MIGRATE_PROFILE_H
#define KM_MIGRATE_PROFILE_H

#include "formats/certs/certs.h"
#include "formats/ese/read/catalog.h"
#include "formats/fault.h"
#include "migrate/profile/condition.h"
#include "migrate/profile/wrapping.h"

#include <stdio.h>

enum {
    PROFILE_LISTS_MOST = 8,
    PROFILE_REFERENCES_MOST = 16,
    PROFILE_SECRETS_MOST = 16,
    PROFILE_IGNORED_MOST = 64,
};

/* How a reference, or the setting of the issuing CA, names an entry of the list. */
enum profile_names {
    NAMES_KEY,           /* by its key */
    NAMES_POSITION_1,    /* by its position in a list kept in one value, from 1 */
    NAMES_POSITION_0,    /* the same, from 0 */
    NAMES_SHA1,          /* by the SHA-1 of its certificate */
    NAMES_SHA1_HEX,      /* the same, as hexadecimal text */
    NAMES_ISSUER_SERIAL, /* by its issuer and serial number, in two columns; a reference only */
    NAMES_ROLE, /* it is the one with role issuing: there is no setting; the setting only */
};

/* By its key or position, and not by what its certificate is? */
static inline bool profile_names_entry(enum profile_names names)
{
    return names <= NAMES_POSITION_0;
}

/* By the hash of its certificate? */
static inline bool profile_names_hash(enum profile_names names)
{
    return names == NAMES_SHA1 || names == NAMES_SHA1_HEX;
}

/* A column whose integers name entries of the certificate list. */
struct profile_reference {
    char *table, *column;
    char *key;    /* the table's own primary key, by which reports name a row; NULL: none */
    char *proves; /* the column with what the entry's key has signed; NULL: nothing to prove */
    bool crl;     /* it is a revocation list, not a certificate */
    enum profile_names names;
    char *serial; /* by issuer and serial number: the column of the latter; column: of the former */
    int32_t list; /* which part of the list it names an entry of, from 1; 0: any */
};

/* The key of the entry that a reference's value names, and the value that names a key. */
static inline int32_t profile_reference_key(const struct profile_reference *r, int32_t value)
{
    return r->names == NAMES_POSITION_0 ? (int32_t)((uint32_t)value + 1) : value;
}
static inline int32_t profile_reference_value(const struct profile_reference *r, int32_t key)
{
    return r->names == NAMES_POSITION_0 ? (int32_t)((uint32_t)key - 1) : key;
}

/* A part of the certificate list, one entry a row. */
struct profile_list {
    char *table;
    struct condition rows; /* which are of the list; none: all */
    char *key, *certificate, *thumbprint, *name, *imported;
    bool thumbprint_hex; /* it is written in hex digits */
    char *role;          /* roles are numbers of this column, or: */
    int32_t role_own, role_issuing, role_imported;
    struct condition own, issuing, imported_if; /* they are conditions; see roles.h */
    struct condition trusted;                   /* without a value: a Bit column */
    char *keep; /* columns, with commas between, of which the survivor's value stays */
    struct wrapping wrapping; /* around each certificate */
    bool takes_new; /* of several parts: a certificate that is added comes into this one */

    /* While a profile is read: of a part that turns out to be a value. */
    char *join, *form, *items;
};

/* A part of it that is one value: in the row of the table whose column `select` is `equals`, or,
 * without these two, in its only row. */
struct profile_value {
    char *table, *column, *select, *equals;
    char *join;               /* its rows are pieces, in the order of this; NULL: one row */
    char *form, *items;       /* how it is encoded, in words; NULL: as it looks */
    struct wrapping wrapping; /* around all of it: a header, and zlib's packing */
    bool takes_new;           /* as struct profile_list's */
};

/* The settings that mean something here. */
enum profile_setting_kind {
    SETTING_MODE,
    SETTING_ISSUING_CA,
    SETTING_ORGANIZATION,
    SETTING_SITE,
    SETTING_CA_NAME,
    SETTING_SERVER,
    PROFILE_SETTINGS,
};

/* Where one setting is: in a column of the row that the condition tells, or, without one, of its
 * table's only row. */
struct profile_setting {
    char *table;
    struct condition rows;
    char *column;
    char *mode[3]; /* what stands there for V1, V1V3, V3; NULL: these words */
    char *names;   /* of the issuing CA: how, in words; NULL: sha1 */
    char *is;      /* or what it is, wherever that is kept */
};

struct profile_secret {
    char *table, *column;
};

/* A column that looks as if it referred to the list, or held a part of it, and does not. */
struct profile_ignored {
    char *table, *column;
    char *as; /* "reference" or "list": only that is said; NULL: neither */
};

/* Strings belong to the profile; one that the profile does not name is NULL. */
struct profile {
    char *name;
    bool reconstruction; /* its text says that it was not taken from a real server */

    /* The certificate list: in rows, all these parts together; or, where the first one's table is
     * not there, in values, all these together. */
    struct profile_list list[PROFILE_LISTS_MOST];
    unsigned lists;
    struct profile_value value[PROFILE_LISTS_MOST];
    unsigned values;

    /* Settings: each where its own section says, or one a row, found by name.  profile_place()
     * tells. */
    struct profile_setting setting[PROFILE_SETTINGS];
    char *settings_table, *settings_name, *settings_value;
    char *setting_mode, *setting_issuing_ca, *setting_organization, *setting_site, *setting_ca_name,
        *setting_server;

    char *users_table, *users_key, *users_name;

    /* Users' certificates, for advice. */
    char *certificates_table, *certificates_key, *certificates_user, *certificates_version,
        *certificates_certificate;

    char *crl_table, *crl_column;

    struct profile_reference reference[PROFILE_REFERENCES_MOST];
    unsigned references;
    struct profile_secret secret[PROFILE_SECRETS_MOST];
    unsigned secrets;
    struct profile_ignored ignore[PROFILE_IGNORED_MOST];
    unsigned ignored;
};

/* Writes a profile as text that profile_read() reads back the same. */
void profile_write(const struct profile *profile, FILE *to);

/* How a list value is encoded, as the profile says.  Never fails for a profile that was read. */
static inline bool profile_value_form(const struct profile_value *value, struct certlist_form *form,
                                      struct fault *f)
{
    return certlist_form_read(value->form ? value->form : "auto", value->items, form, f);
}

enum profile_match {
    PROFILE_NO_MATCH,
    PROFILE_MATCHES_ROWS,  /* the list is kept in rows */
    PROFILE_MATCHES_VALUE, /* the list is kept in one value */
};

/* Holds a profile against a catalog: is everything it names there, with types that fit?  *why says
 * what is missing when nothing matches (a table, a column, a type; expected and found).  Whether
 * the list is in rows or in a value is decided by which tables there are; when both are, by rows.
 * Two things may be missing: the whole table of settings (so that a store without one is still
 * judged as far as can be), and what is secret (there is nothing to hide then).  Whoever uses them
 * looks for them again. */
enum profile_match profile_match(const struct profile *profile, const struct ese_catalog *catalog,
                                 struct fault *why);

#endif
