/*
 * What a KM store means: its certificate list, settings, references and revocation lists, read once
 * from the database.
 *
 * Every certificate is hashed before anything else is done with it, so that each distinct one is
 * kept, walked and judged once; memory follows their number and that of the entries, not the size
 * of the file. References are counted, not kept.
 */
#ifndef KM_MIGRATE_MODEL_H
#define KM_MIGRATE_MODEL_H

#include "formats/certs/certs.h"
#include "formats/hash.h"
#include "formats/certs/proof.h"
#include "formats/certs/x509.h"
#include "migrate/store/pieces.h"
#include "migrate/judge/problem.h"
#include "migrate/profile/settings.h"
#include "migrate/profile/roles.h"
#include "migrate/store/rows.h"
#include "migrate/store/store.h"

enum model_mode { MODE_UNKNOWN, MODE_V1, MODE_V1V3, MODE_V3 };

/* A distinct certificate: distinct in its bytes. */
struct model_certificate {
    uint8_t sha256[HASH_SHA256_SIZE], sha1[HASH_SHA1_SIZE];
    struct bytes der; /* as stored, trailing bytes included; kept by the model */
    bool parsed;      /* our own walk reads it; the next fields are valid */
    struct x509_certificate x509;
    struct x509_extensions extensions;
    uint8_t tbs_sha256[HASH_SHA256_SIZE], key_sha256[HASH_SHA256_SIZE];
    bool is_der;
    bool can_sign;    /* V3: says CA and may sign certificates; V1: always, nothing says no */
    struct fault why; /* not parsed: why */
};

/* One place in the list. */
struct model_entry {
    int32_t key;   /* the list's key column; in a list value the position, from 1 */
    unsigned twin; /* how many entries before it have the same key: 0, unless a key is broken, or
                      the list's key is not its table's */
    unsigned part; /* which of the profile's lists, or values, has it */
    unsigned
        row; /* which row of that list's table it is, from 0, in the order of its primary key */
    unsigned certificate; /* which of the model's */
    enum model_role role;
    enum model_trust trust;
    char *name; /* UTF-8; NULL: null */
    bool has_imported;
    double imported; /* days since 1899-12-30 */
    bool has_thumbprint;
    struct bytes thumbprint;
    struct bytes properties; /* SST: the elements before it */
    uint32_t encoding;       /* SST */
    struct bytes header;     /* items: the bytes in front of it */
    uint64_t
        references[PROFILE_REFERENCES_MOST]; /* rows that name it, by the profile's reference */
    uint64_t reference_count;
};

/* A value that the list, or a part of it, is kept in. */
struct model_value {
    struct certlist_form form; /* as the profile says */
    enum certlist_kind kind;   /* as it was found */
    struct bytes stored;       /* the value as it stands, or all pieces of it */
    struct bytes bytes;        /* the list in it; of several values: all in a row, as their form has
                                  it */
    struct pieces pieces;      /* that it is cut into; none: it is in one row */
    uint64_t row;              /* which row of its table has it, from 1 */
    bool missing;
    unsigned first, entries; /* its entries, in the model's */
};

/* A stored revocation list. */
struct model_crl {
    int32_t key; /* of its row */
    bool has_entry;
    int32_t entry; /* the entry it refers to */
    struct bytes der;
    bool parsed;
    struct x509_crl x509;
};

/* A reference to an entry that is not there. */
struct model_dangling {
    unsigned reference;         /* which of the profile's */
    int32_t row, names;         /* the row's key; the entry key that it names */
    struct bytes signed_object; /* what has to be proved; kept by the model; empty: nothing */
};

enum { MODEL_DANGLING_MOST = 100000 };

/* A setting, as it stands in the store. */
struct model_setting {
    bool has_table; /* the store has the table that the profile says it is in */
    bool has_row;   /* and its row, whatever stands in it */
    bool unread;    /* which could not be read */
    enum setting_form form;
    struct bytes value; /* nothing: null */
    int32_t last_key;   /* greatest primary key of the table; 0: the key is no single Long */
};

struct model {
    struct store *store; /* NULL: the list is a file of certificates */
    const struct profile *profile;
    enum profile_match match;

    struct model_certificate *certificate;
    unsigned certificates;
    size_t certificate_room;
    struct model_entry *entry; /* ascending by key, then by row */
    unsigned entries;
    size_t entry_room;
    unsigned *by_row; /* numbers of entries, ascending by table, then by row; NULL: in values */
    struct model_crl *crl;
    unsigned crls;
    size_t crl_room;
    struct model_dangling *dangling;
    unsigned dangling_kept;
    size_t dangling_room;
    uint64_t dangling_count; /* all, also those that are not kept */

    bool has_settings;
    struct model_setting setting[PROFILE_SETTINGS];
    bool doubtful_settings; /* one is there twice, or has no value that is expected there */
    unsigned listed; /* distinct certificates of the list; others come from the command line */
    enum model_mode mode;
    char mode_text[32];
    bool has_issuing_ca;
    bool mode_stated, issuing_stated; /* not by the store: by the profile, or decide/stated.h */
    enum profile_names issuing_names; /* how the store says which CA issues */
    bool has_issuing_key;             /* by a key or a position: */
    int32_t issuing_key;
    uint8_t issuing_ca[HASH_SHA1_SIZE];
    const char *organization, *site, *ca_name, *server; /* NULL: there is no such setting; server:
                                                           the Certificate Server */

    bool list_cut,
        list_missing; /* a list that ends early, or has unreadable rows; no list at all */
    bool list_tail;   /* bytes stand behind the end of a list value: they may be more of it */
    bool second_list; /* the list is in rows, and a list value is there, too; or two values */
    struct model_value value[PROFILE_LISTS_MOST]; /* as the profile's */

    int64_t now; /* seconds since 1970: the store's own last time, or --at */
    bool now_known;
    bool now_utc;                                   /* and its zone is known */
    uint64_t rows_read;                             /* of reference tables */
    struct trials *trials[PROFILE_REFERENCES_MOST]; /* NULL: no row of it can be tried */
    bool *duplicate; /* entries of which there are copies, or others of the same identity */

    bool switch_known; /* when the store was switched to V3 only; seconds since 1970 */
    int64_t switched;

    /* For advice, counted while reading.  V1 certificates: those from after the switch. */
    uint64_t long_names, v1_certificates, without_user;
    uint32_t first_long_name, first_v1_certificate, first_without_user;

    /* See names.h. */
    bool byte_keys;            /* the list's keys are text, bytes or GUIDs, and numbered; or, */
    bool long_keys;            /* with this set, too, integers of which one does not fit 32 bits */
    bool text_keys, wide_keys; /* of text, of two bytes a character: equal whatever their case */
    int32_t no_key;            /* a key that no entry has */
    struct bytes *key_bytes;   /* by number - 1 */
    unsigned key_count;
    size_t key_room;
    uint32_t *key_slot, key_slots;
    struct model_identities *identities; /* see identities.h */
    unsigned *by_sha1;                   /* entries, ascending by hash */
    unsigned hashed;

    struct hash hash;
    struct model_memory *memory;
};

/* Is it that of a file of certificates, without roles, references and settings? */
static inline bool model_is_of_file(const struct model *model)
{
    return model->store == NULL;
}

/* The entry of that key and twin; NULL: none. */
struct model_entry *model_entry_twin(const struct model *model, int32_t key, unsigned twin);

/* The key of the entry that a reference names, read from the row in hand: `which` of the profile's,
 * `column` its column there.  *null: it names none. */
int32_t model_reference_key(const struct model *model, unsigned which, struct rows *rows,
                            const struct ese_column *column, bool *null);

/* Does the which-th reference of the profile stand in the primary key of its table?  Such a row is
 * found by what it refers to, and keeps it: no repair moves it. */
bool model_reference_is_fixed(const struct model *model, unsigned which);

/* Is what references name the key that the list's rows stand under? */
bool model_key_is_primary(const struct model *model);

/* The entry of that key, the first of several; NULL: none. */
struct model_entry *model_entry(const struct model *model, int64_t key);

/* The entries of that key; *count: how many, from the number returned on; 0: none. */
unsigned model_entries_of(const struct model *model, int64_t key, unsigned *count);

/* Is the list, or a part of it, in that table, one entry a row? */
bool model_is_list_table(const struct model *model, const struct ese_table *table);

/* The entry that the row-th row of such a table is (from 0); NULL: it is none. */
const struct model_entry *model_entry_of_row(const struct model *model,
                                             const struct ese_table *table, unsigned row);

/* The part of the profile's list that an entry is in. */
static inline const struct profile_list *model_list_of(const struct model *model,
                                                       const struct model_entry *entry)
{
    return &model->profile->list[entry->part];
}

/* How many parts the profile has the list in: tables, or values. */
unsigned model_parts(const struct model *model);

/* The name of the table that one of them is in. */
const char *model_part_table(const struct model *model, unsigned part);

/* The table that a part of the list is in; NULL: the store has none of that name. */
const struct ese_table *model_list_table(const struct model *model, unsigned part);

/* What an entry holds. */
static inline struct model_certificate *model_certificate_of(const struct model *model,
                                                             const struct model_entry *entry)
{
    return &model->certificate[entry->certificate];
}

/* Does the list say which entry is own, issuing, imported?  A list kept in one value does not, nor
 * one whose profile names no role column: there the setting alone makes the issuing CA. */
static inline bool model_has_roles(const struct model *model)
{
    bool told = false;
    for (unsigned i = 0; model->match == PROFILE_MATCHES_ROWS && i < model->profile->lists; i++)
        told = told || roles_are_told(&model->profile->list[i]);
    return told;
}

/* May there be more of the list than was read?  Then a reference that leads
 * to no entry proves nothing. */
static inline bool model_may_have_more(const struct model *model)
{
    return model->list_cut ||
           (model->match == PROFILE_MATCHES_VALUE && (model->list_tail || model->second_list));
}

/* Where the profile says that a list value is, in words: "a value named CertificateList", or "a
 * value in the only row of table Server". */
const char *model_value_place(const struct model *model, unsigned which, char to[128]);

/* Words for reports. */
const char *model_role_name(enum model_role role);
const char *model_trust_name(enum model_trust trust);
const char *model_mode_name(enum model_mode mode);

#endif
