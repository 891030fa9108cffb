/*
 * What the steps of discovery work with: the run, its notes and its draft, names, and reading
 * values within bounds.  Nothing here knows a step.
 */
#ifndef KM_MIGRATE_DISCOVER_TOOLS_H
#define KM_MIGRATE_DISCOVER_TOOLS_H

#include "formats/hash.h"
#include "migrate/discover/discovery.h"
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
    size_t shortest_key;               /* bytes of the shortest key that is no integer */
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
void *discover_grow(struct discover_run *run, void *array, unsigned *count, size_t *room,
                    size_t size);

/* Adds a note; key as in struct discover_note. */
void discover_note(struct discover_run *run, const char *key, bool guess, bool left_out,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Sets a string of the draft; the old one is freed. */
void discover_set(struct discover_run *run, char **field, const char *value);

/* The form of a list value, where it has to be said. */
void discover_set_form(struct discover_run *run, const struct discover_column *c,
                       struct profile_value *value);

/* A table's or column's name for people: UTF-8 without control characters.  Valid until the eighth
 * next call. */
const char *discover_name(const char *name);

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

/* ---- reading values; discover/reading.c ---- */

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

/* A name's hash. */
uint64_t discover_hash(struct discover_run *run, struct bytes name);

#endif
