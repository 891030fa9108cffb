/*
 * What discovery found of a store, by which hints: see discover.h.
 */
#ifndef KM_MIGRATE_DISCOVERY_H
#define KM_MIGRATE_DISCOVERY_H

#include "formats/certs/certs.h"
#include "migrate/profile/profile.h"
#include "migrate/store/store.h"

enum discover_result {
    DISCOVER_NOTHING,   /* no certificate list */
    DISCOVER_TWO_LISTS, /* two places that look like one; none was chosen */
    DISCOVER_DOUBT,     /* a list; but something that a repair must know is undecided */
    DISCOVER_COMPLETE,  /* a list, and nothing undecided */
};

/* What a binary column turned out to hold, judged by the sample. */
enum discover_kind {
    DISCOVER_OTHER,  /* nothing of interest, or too mixed to tell */
    DISCOVER_OPAQUE, /* bytes that are neither certificates nor text */
    DISCOVER_DECOY,  /* looks like certificates, but they cannot be read as such, or are PEM */
    DISCOVER_CRLS,   /* revocation lists */
    DISCOVER_CERTIFICATES, /* certificates that were issued to others */
    DISCOVER_LISTS,        /* a certificate list in each of several rows */
    DISCOVER_LIST_VALUE,   /* a certificate list in one value of one row */
    DISCOVER_LIST,         /* a certificate list, one certificate a row */
};

enum { DISCOVER_WHY = 512, DISCOVER_TEXT = 128, DISCOVER_TWO_KEYS = 640 };

/* A binary column with something in it.  Table and column are the catalog's. */
struct discover_column {
    const struct ese_table *table;
    const struct ese_column *column;
    enum discover_kind kind;
    bool chosen; /* it is the list */
    bool usable; /* it could be, had it no rival: a profile can name it */
    unsigned values, certificates, issuers, crls, lists, broken, pem, text;
    struct wrapping wrapping;  /* what stands around its certificates */
    unsigned wrapped;          /* values of which it was taken off, and a certificate was there */
    struct wrapping around;    /* what stands around the first value that is a list */
    struct certlist_form form; /* of the list in it: auto, but for items */
    enum certlist_kind list_kind;  /* what it is */
    unsigned list_certificates;    /* in it */
    unsigned valued;               /* rows of which all values, at least two, are certificates */
    const struct ese_column *join; /* list value: the column by which its rows are joined */
    bool only_row;                 /* list value: its table has no other row */
    const struct ese_column
        *select; /* list value: the column that tells its row from the others, ... */
    char select_text[DISCOVER_TEXT]; /* ... and what stands in it there */
    char why[DISCOVER_WHY];
};

enum discover_verdict {
    DISCOVER_NOT_TAKEN,
    DISCOVER_UNDECIDED, /* it may be a reference; somebody has to look */
    DISCOVER_GUESSED,
    DISCOVER_TAKEN,
};

/* An integer column of a table beside the list. */
struct discover_reference {
    const struct ese_table *table;
    const struct ese_column *column, *key; /* key: the table's own; NULL: it has none */
    const struct discover_column
        *proof;    /* the certificates or revocation lists beside it; NULL: none */
    uint64_t rows; /* with a value */
    uint64_t compared,
        agreed; /* rows of which the issuer was compared with the entry; was its subject */
    uint64_t
        version_equal; /* compared rows in which the number is also the certificate's version */
    int32_t first, first_agreed;
    int64_t missed;
    bool varied, agreed_varied; /* more than one different value; among those that agreed */
    bool contained; /* all values are keys of the list; else `missed` is the first that is not */
    bool own_key, counter, indexed, named;
    bool in_primary; /* a part of the primary key */
    enum discover_verdict verdict;
    char why[DISCOVER_WHY];
};

/* Something else that stands in the draft, or that is left out of it. */
struct discover_note {
    char key[48]; /* section and key, "[list] trusted" */
    bool guess, left_out;
    char text[DISCOVER_WHY];
};

struct discovery {
    enum discover_result result;
    char why[DISCOVER_WHY]; /* the result in one sentence */
    struct discover_column *column;
    unsigned columns;
    size_t column_room;
    struct discover_reference *reference;
    unsigned references;
    size_t reference_room;
    struct discover_note *note;
    unsigned notes;
    size_t note_room;
    uint64_t entries;  /* of the list that was chosen */
    uint64_t damaged;  /* places that could not be read */
    bool limited;      /* a bound ended the search early */
    bool doubt_beside; /* DOUBT has other reasons than references that are UNDECIDED */
    char two_keys[DISCOVER_TWO_KEYS]; /* which columns may be the key; "": no doubt */
    char lacking[DISCOVER_WHY]; /* why the list can hardly be the whole one; "": nothing says so */
    struct profile profile; /* the draft; without a list unless the result is DOUBT or COMPLETE */
};

/* What somebody said of a store beforehand; strings are borrowed.  Columns are "TABLE.COLUMN". */
struct discover_hints {
    const char *list_table;      /* the list is in this table; NULL: in any */
    const char *const *not_list; /* columns that are no list */
    const char *const *not_key;  /* columns that name no entries: not by their keys */
    unsigned not_lists, not_keys;
};

#endif
