/*
 * What the parts of discovery share: discover.c (the order of things, choosing the list),
 * discover/sample.c (reading values, what columns hold), discover/keys.c (which column is the
 * list's key), discover/rows.c and discover/values.c (lists in some rows, in several values),
 * discover/copies.c (what copies say), discover/lacking.c (which CAs the list has
 * not), discover/list.c (the list's other columns, settings), discover/references.c (what refers to
 * the list), discover/roles.c (role and trust), discover/telling.c (what tells issuers otherwise),
 * discover/explain.c (telling it).
 */
#ifndef KM_MIGRATE_DISCOVER_PARTS_H
#define KM_MIGRATE_DISCOVER_PARTS_H

#include "formats/hash.h"
#include "formats/certs/x509.h"
#include "migrate/discover/discover.h"
#include "migrate/store/rows.h"

/* Who issued a sampled certificate to whom: names as the first 64 bits of their SHA-1. */
struct discover_fact {
    uint64_t subject, issuer;
    uint32_t column; /* which of the discovery's */
    bool says_ca;    /* an extension says so */
};

/* An entry of the list. */
struct discover_entry {
    int32_t key;  /* where keys are no integers of 32 bits: which row it is, from 1 */
    int64_t name; /* the key; its hash, where it is no integer */
    bool parsed, self_issued;
    uint64_t subject; /* hashed as above; valid when parsed */
    uint8_t sha1[HASH_SHA1_SIZE];
    uint64_t text; /* in the list's only text column, hashed; 0: none */
};

/* A part of the list that is in rows: a column of certificates, and the key beside it. */
struct discover_part {
    struct discover_column *column;
    const struct ese_column *key;
};

struct discover_run {
    struct store *store;
    struct discovery *d;
    struct discover_hints hints;
    struct hash hash;
    bool no_memory;
    uint64_t rows_left, bytes_left;

    /* Reading values. */
    struct ese_lv *lv;
    struct buffer value;
    struct buffer unwrapped; /* a value of the list, unpacked */

    struct discover_fact *fact;
    unsigned facts;
    size_t fact_room;

    struct discover_column *list;      /* the one chosen; of several parts the first */
    const struct ese_column *list_key; /* its key; NULL for a list value */
    bool long_keys;                    /* it is an integer of which a value does not fit 32 bits */
    struct discover_part part[PROFILE_LISTS_MOST]; /* as the draft's lists; none for a value */
    unsigned parts;
    bool needs_proof;             /* it is a list only if references lead to it */
    bool needs_roles;             /* its parts are one list only if their roles are those of one */
    bool has_roles;               /* they are: each of three is in one of the parts alone */
    struct discover_entry *entry; /* ascending by name */
    unsigned entries;
    size_t entry_room;
    uint32_t *by_sha1; /* numbers of entries, ascending by SHA-1 */
    bool keys_known;   /* the list was read to its end */

    bool issuing_known; /* the settings name a certificate of the list: */
    uint8_t issuing[HASH_SHA1_SIZE];

    /* The only table with distinguished names, as far as was seen. */
    const struct ese_table *users;
    const struct ese_column *users_name;
    unsigned users_seen;

    bool may_be_values;       /* rows hold lists that may be one list, or its entries */
    bool undecided;           /* something that a repair must know, */
    bool undecided_reference; /* or a column that may be a reference */
};

/* Makes room for one more element; returns it zeroed.  NULL, no_memory set: memory is short. */
void *discover_grow(struct discover_run *run, void **array, unsigned *count, size_t *room,
                    size_t size);

/* Adds a note; key as in struct discover_note. */
void discover_note(struct discover_run *run, const char *key, bool guess, bool left_out,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Sets a string of the draft; the old one is freed. */
void discover_set(struct discover_run *run, char **field, const char *value);

/* The form of a list value, where it has to be said. */
void discover_set_form(struct discover_run *run, const struct discover_column *c,
                       struct profile_value *value);

/* A table's or column's name for people: UTF-8 without control characters. */
const char *discover_name(const char *name, char to[256]);

/* True when a profile can hold the text on one line. */
bool discover_can_write(const char *text);

/* Is a column among those that were said? */
bool discover_is_said(const char *const *said, unsigned count, const struct ese_table *table,
                      const struct ese_column *column);

/* True for tables of the engine, and templates, which have no rows of their own. */
bool discover_skips(const struct ese_table *table);

/* True for Binary and LongBinary; for Text and LongText; for integers of any size.  False for
 * columns whose names a profile cannot hold. */
bool discover_is_binary(const struct ese_column *column);
bool discover_is_text(const struct ese_column *column);
bool discover_is_integer(const struct ese_column *column);

/* The table's key: the Long column that alone makes its primary index.  NULL: none. */
const struct ese_column *discover_table_key(const struct ese_table *table);

/* ---- discover/sample.c ---- */

/* As rows_next(), within the run's bounds. */
bool discover_next(struct discover_run *run, struct rows *rows);

/* As rows_end(): what could not be read is counted as damage, or ends the run when it was memory.
 */
void discover_end(struct discover_run *run, struct rows *rows);

/* The first `most` bytes of a column's first value, valid until the next call.  *cut: there are
 * more.  False for a null, and for what cannot be read (counted as damage). */
bool discover_read(struct discover_run *run, struct rows *rows, const struct ese_column *column,
                   size_t most, struct bytes *value, bool *cut);

/* All values of a column, in a row (certlist_add_value()), when it has more than one and they take
 * no more than `most` bytes.  False when it has not, and for what cannot be read (counted as
 * damage). */
bool discover_read_values(struct discover_run *run, struct rows *rows,
                          const struct ese_column *column, size_t most, struct buffer *row);

/* A text of up to DISCOVER_TEXT - 1 bytes of UTF-8.  False when it is null, empty or longer, or a
 * profile could not hold it. */
bool discover_read_text(struct discover_run *run, struct rows *rows,
                        const struct ese_column *column, char to[DISCOVER_TEXT]);

/* The certificate in a value of the list, behind what stands around it; nothing, where that does
 * not fit. */
struct bytes discover_unwrap(struct discover_run *run, const struct wrapping *wrapping,
                             struct bytes value);

/* Is the row in hand the one that tells a list value's row from the others? */
bool discover_selects(struct discover_run *run, struct rows *rows, const struct discover_column *c);

/* A name's hash. */
uint64_t discover_hash(struct discover_run *run, struct bytes name);

/* ---- discover/framing.c ---- */

/* Could a value be items in a row (formats/certs/items.h)?  Looks for a certificate behind a few
 * bytes of header at the start, and no further; value may be the first part of one. */
bool discover_may_be_items(struct bytes value);

/* Does a layout fit a whole value to the last byte?  At least two items, each a certificate with
 * nothing behind it, and the same bytes before each but for the size. */
bool discover_fits(struct bytes value, const struct items_layout *layout);

/* Tries all layouts on a whole value.  True, form filled, when one of them fits. */
bool discover_items(struct bytes value, struct certlist_form *form);

/* ---- discover/pieces.c ---- */

/* Joins the rows of a column that has a join.  False when they are no pieces, or memory is short,
 * which the run notes. */
bool discover_join(struct discover_run *run, const struct discover_column *c, struct buffer *whole);

/* Is it a list to its last byte?  How many certificates it has, and how many of them are
 * self-issued; 0: it is none. */
unsigned discover_whole_list(struct bytes value, struct certlist_form *form,
                             enum certlist_kind *kind, unsigned *self_issued);

/* Looks for columns whose rows are the pieces of a list. */
void discover_pieces(struct discover_run *run);

/* Samples every user table, and says of each binary column what it holds. */
void discover_sample(struct discover_run *run);

/* ---- discover/keys.c ---- */

/* Can a column hold keys, or references to them: an integer, Text, Binary or GUID of one value? */
bool discover_can_name(const struct ese_column *column);

/* Can what stands in the one name what stands in the other? */
bool discover_same_sort(const struct ese_column *a, const struct ese_column *b);

/* What the column says in the row in hand: its integer, or the hash of its bytes.  False: nothing.
 */
bool discover_name_of(struct discover_run *run, struct rows *rows, const struct ese_column *column,
                      int64_t *name);

/* Can some column of the table be the key that references name? */
bool discover_can_have_key(const struct ese_table *table);

/* Chooses the key of a list in rows: run->list_key, and the draft's.  False: it has none, or
 * nothing proves that its parts are one list; a note says so. */
bool discover_key(struct discover_run *run);

/* ---- discover/rows.c ---- */

/* The subjects, hashed and ascending, by whom sampled certificates of others were issued; the
 * caller frees them.  NULL: memory is short. */
uint64_t *discover_issuers(struct discover_run *run, size_t *count);
bool discover_is_among(uint64_t name, const uint64_t *names, size_t count);

/* A table with certificates of issuers and of others, and a column that tells which are which.
 * *rows: the condition that the issuers' rows meet; the caller frees it.  NULL: there is none, or
 * more than one. */
struct discover_column *discover_rows(struct discover_run *run, struct condition *rows);

/* ---- discover/values.c ---- */

/* Is the column's list in several values, of rows whose names differ in a number alone?  Drafts
 * them.  False: it is not; or the values may be something else: then the run is undecided, and a
 * note says so. */
bool discover_numbered(struct discover_run *run, struct discover_column *column);

/* ---- discover/list.c ---- */

/* Reads the keys of the chosen list, and recognises its other columns. */
void discover_list(struct discover_run *run);

/* Why the list's only text column cannot be the certificates' names, which a repair merges; NULL:
 * it can. */
const char *discover_no_names(struct discover_run *run);

/* Is a certificate in the list more than once? */
bool discover_has_copies(const struct discover_run *run);

/* Doubts a list that lacks the CAs which issued the store's certificates. */
void discover_lacking(struct discover_run *run);

/* ---- discover/settings.c ---- */

/* Finds the table of settings, by what it says of the list. */
void discover_settings(struct discover_run *run);

/* The SHA-1 of the certificate that the settings name as the issuing CA's.  False: they name none.
 */
bool discover_issuing(struct discover_run *run, uint8_t sha1[HASH_SHA1_SIZE]);

/* The entry with that key or hash; NULL: none. */
const struct discover_entry *discover_find(const struct discover_run *run, int64_t name);
const struct discover_entry *discover_find_sha1(const struct discover_run *run,
                                                const uint8_t sha1[HASH_SHA1_SIZE]);

/* Is the list, or a part of it, in rows of that table? */
bool discover_is_list_table(const struct discover_run *run, const struct ese_table *table);

/* Moves to the next row of a table that is of that part of the list. */
bool discover_next_of(struct discover_run *run, unsigned part, struct rows *rows);

/* Moves to the next row that is of the list; *entry: the one that it is, NULL when its key cannot
 * be read. */
bool discover_next_entry(struct discover_run *run, unsigned part, struct rows *rows,
                         const struct discover_entry **entry);

/* ---- discover/roles.c ---- */

/* Recognises the columns for role and trust, after the settings. */
void discover_roles(struct discover_run *run);

/* ---- discover/telling.c ---- */

/* What a column of numbers tells of the certificates beside it, while its table is read. */
struct telling;

/* NULL: memory is short. */
struct telling *discover_telling_open(void);
void discover_telling_close(struct telling *t);

/* One row: its number, who issued its certificate, and that one's version. */
void discover_telling_row(struct telling *t, int64_t value, uint64_t issuer, int version);

/* Does each number stand beside certificates of one issuer only, there being several of both?  Not
 * where it is the certificates' version. */
bool discover_tells_issuers(const struct telling *t);

/* ---- discover/references.c ---- */

/* What of a table can be asked who issued it: its certificates, else its revocation lists; NULL:
 * neither. */
const struct discover_column *discover_proof(const struct discovery *d,
                                             const struct ese_table *table);

/* Who issued what stands there in the row in hand, hashed, and the certificate's version (0 for a
 * revocation list). */
bool discover_issuer(struct discover_run *run, const struct discover_column *proof,
                     struct rows *rows, uint64_t *issuer, int *version);

void discover_references(struct discover_run *run);

#endif
