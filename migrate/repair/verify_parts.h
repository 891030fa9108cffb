/*
 * What the parts of the comparison share: see repair/verify_rows.h.
 *
 *     verify_rows.c    catalogs and rows, and what the plan says of them
 *     verify_values.c  long values
 *     verify_index.c   entries of secondary indexes
 */
#ifndef KM_MIGRATE_VERIFY_PARTS_H
#define KM_MIGRATE_VERIFY_PARTS_H

#include "formats/arena.h"
#include "formats/ese/read/key.h"
#include "migrate/decide/assessment.h"

enum verify_side { VERIFY_OLD, VERIFY_NEW, VERIFY_SIDES };

/* One of the two databases, and where the comparison stands in it. */
struct verify_at {
    struct ese_db *db;
    const struct ese_table *table;
    struct ese_cursor cursor;
    struct ese_record record;
    bool more; /* the cursor stands on a row */
};

/* Primary keys. */
struct verify_keys {
    struct bytes *at;
    size_t count, room;
    struct arena memory;
    bool sorted;
};

bool verify_keys_add(struct verify_keys *keys, struct bytes key, struct fault *f);
void verify_keys_clear(struct verify_keys *keys);

/* How many references to a long value go, and how many come. */
struct verify_lid {
    uint64_t lid, lost, gained;
};

struct verify_lids {
    struct verify_lid *at;
    size_t count, room;
};

/* What rows that go, change or come do to one index, as sums of hashes of its entries. */
struct verify_index {
    bool computable;
    uint64_t sum[2];
    int64_t entries;
};

struct verify {
    /* The actions that take an entry out of an index, and how many of them were accounted for. */
    const struct action *index_entry[INDEX_ENTRIES_MOST];
    unsigned index_entries, noted;
    struct verify_at at[VERIFY_SIDES];
    bool same_pages, has_twins;
    struct verify_lids lids;
    struct verify_keys dropped, twins; /* rows that go; rows that share a primary key */
    struct verify_index *index;        /* as the table's */
    struct ese_keys keys;
    struct ese_key_scratch scratch;
    struct ese_lv lv;
    struct buffer room;
    struct hash hash;
};

bool verify_no_memory(struct fault *f);

/* Notes the long values that the row in hand refers to: in `column`, or (NULL) in all.  change: 1
 * for each that comes, -1 for each that goes. */
bool verify_note_lids(struct verify *v, enum verify_side side, const struct ese_column *column,
                      int change, struct fault *f);

/* Holds the long values of the table against each other, with the changes that were noted. */
bool verify_long_values(struct verify *v, struct fault *f);

/* Begins with the table's indexes. */
bool verify_indexes_begin(struct verify *v, struct fault *f);
/* Notes the entries of the row in hand: of the old one that they go, of the new one that they come.
 */
bool verify_note_entries(struct verify *v, enum verify_side side, struct fault *f);
/* Holds the entries of all indexes against each other, with what was noted. */
bool verify_indexes(struct verify *v, struct fault *f);

#endif
