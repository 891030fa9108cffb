/*
 * Random deletions, changes and insertions of rows, made in a database in place and in a model of
 * it: what the property test of formats/ese/edit/edit.h does, and what must be read back.
 *
 * The model is all rows of all user tables with all their values.  It is read from the database
 * before each batch, and printed in the form of random_database.h.
 */
#ifndef KM_TESTS_ESE_RANDOM_EDITS_H
#define KM_TESTS_ESE_RANDOM_EDITS_H

#include "tests/formats/ese/random_database.h"
#include "formats/ese/edit/edit.h"
#include "formats/ese/read/longvalue.h"

struct edited_value {
    uint8_t *at;
    size_t size;
};

struct edited_column {
    struct edited_value *value;
    unsigned values;
};

struct edited_row {
    uint8_t *key;
    size_t key_size;
    struct edited_column *column; /* one for each of the table's */
    bool rigid; /* has a value that cannot be written back: it can only be deleted */
};

struct edited_table {
    const struct ese_table *table;
    struct edited_row *row;
    size_t rows, room;
    const struct ese_column *number; /* primary key, when it is one integer column */
    const struct ese_index *primary;
    bool insertable;
};

struct edited {
    struct ese_db *db;
    struct edited_table *table;
    unsigned tables;
    bool failed; /* something could not be read */
    struct fault fault;
};

/* ---- reading ---- */

bool edited_read(struct edited *m, struct ese_db *db, struct fault *f);
void edited_free(struct edited *m);
void edited_print(const struct edited *m, FILE *to);

/* ---- one edit ---- */

struct edits {
    struct edited model;
    struct ese_inplace *ip;
    struct random *r;
    uint32_t page_size;
    struct random_row room; /* of new values */
    unsigned dropped, changed, added, shared;
};

size_t edited_column_at(const struct ese_table *table, const struct ese_column *column);
size_t edited_find(const struct edited_table *t, struct bytes key, bool *same);

/*
 * One batch: opens the database at `path`, makes up to `count` random edits and writes them; prints
 * what must be read back. *given_up: a row would have become too long, or the like; then nothing
 * was written.
 */
bool random_edits(const char *path, uint64_t seed, unsigned count, FILE *expected, bool *given_up,
                  struct edits *e, struct fault *f);

#endif
