/*
 * Residue: columns to which the profile gives no meaning, and whose values could name entries of
 * the certificate list.
 *
 * When an entry goes and such a column names it, a repair would leave a reference behind that leads
 * nowhere, or move one that is none.  Which it is only a person can say: so it is asked, all at
 * once, and nothing is written before.
 *
 * A column is a candidate when each of its values, of every row and of every value of a
 * multi-valued column, is the key of an entry (0 and -1 stand for none where no entry has that
 * key), or, where keys are none that others have by chance, when all but one of its different
 * values are: that one may stand for none, or lead nowhere already.
 * Integers of every type are compared by value, binary values of the key column's size by their
 * little-endian bytes, text as decimal digits.  In a list kept in one value, positions are keys,
 * and positions from 0 as well as from 1 are thought of.
 *
 * A column that holds no keys as they are may hold them in another writing (writings.h); such a
 * reference is asked about, and never moved.
 *
 * Some candidates explain themselves and are not asked about; `explained` says how.
 */
#ifndef KM_MIGRATE_RESIDUE_H
#define KM_MIGRATE_RESIDUE_H

#include "migrate/judge/model.h"
#include "migrate/store/rows.h"

struct residue_column {
    const struct ese_table *table; /* the catalog's, as is the column */
    const struct ese_column *column;
    uint64_t values;       /* that name an entry */
    uint8_t *names;        /* entries that a value names: see entryset.h */
    const char *explained; /* why it is none for all its looks; static; NULL: nobody knows */
    const char *written;   /* how its values name entries, where not by keys as they are; static */
    bool by_place;         /* ... by places of rows: what stands behind a row that goes moves up */
    bool as_list;          /* it is named like the list's key, or after its table */
    bool from_zero;        /* a list value: all values are positions from 0, too */
    bool may_be_key;       /* all values are keys (positions from 1) */
};

struct residue {
    struct residue_column *column;
    unsigned columns;
    size_t room;
    struct residue_keys *keys; /* what primary keys of other tables there are; for explanations */
    unsigned tables;
    size_t table_room;
};

void residue_close(struct residue *r);

/* Does an unexplained candidate name the entry, and not its place? */
bool residue_names(const struct residue *r, unsigned entry);

/* Does this candidate name it, be it explained or not? */
bool residue_column_names(const struct residue_column *c, unsigned entry);

/* ---- for judge/sweep.c, which reads the rows ---- */

/* The columns of one table while its rows are read. */
struct residue_table;

/* Begins a table; *t is NULL when it has nothing to follow.  False when memory is short. */
bool residue_begin(struct residue *r, const struct model *m, const struct ese_table *table,
                   struct residue_table **t);

/* Which columns are still followed: of column i of the table. */
bool residue_follows(const struct residue_table *t, unsigned column);

/* One value, not null, of column i in the current row.  False when memory is short. */
bool residue_value(struct residue_table *t, unsigned column, struct bytes value);

/* The X.509 version of a certificate in the current row; then the end of the row. */
bool residue_wants_version(const struct residue_table *t);
void residue_version(struct residue_table *t, int version);
void residue_end_row(struct residue_table *t);

/* Ends a table: candidates go to r.  False when memory is short; t is freed in any case. */
bool residue_end(struct residue *r, struct residue_table *t);

/* After all tables: explanations that need more than one of them. */
void residue_explain(struct residue *r, const struct model *m);

#endif
