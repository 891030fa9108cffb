/*
 * What a plan says of the rows of a store: which go, which values the others have afterwards, which
 * are new.
 *
 * This is for holding a written store against its plan.  It is worked out from the plan and the
 * model alone, and says values as they are read, not as they are written: nothing of what makes the
 * changes (repair/plan_editor.h) is used.
 */
#ifndef KM_MIGRATE_EXPECTED_H
#define KM_MIGRATE_EXPECTED_H

#include "formats/ese/layout/record.h"
#include "migrate/decide/plan.h"

struct expected;

enum expected_kind {
    EXPECTED_INTEGER, /* number */
    EXPECTED_TRUTH,   /* truth */
    EXPECTED_DATE,    /* days since 1899-12-30 */
    EXPECTED_BYTES,   /* bytes */
    EXPECTED_TEXT,    /* text: UTF-8 */
    EXPECTED_EACH,    /* each: all values of the column, in their order */
    EXPECTED_LIST,    /* the list value: see expected_is_list() */
    EXPECTED_PIECE,   /* a piece of it: see expected_piece() */
    EXPECTED_VALUES,  /* all values of the column, in a row (certlist_add_value()): the same */
};

struct expected_value {
    const struct ese_column *column;
    enum expected_kind kind;
    int32_t number;
    bool truth;
    double days;
    struct bytes bytes;
    const char *text;
    const struct bytes *each; /* so many, valid until the next row */
    unsigned count;
    unsigned part; /* of the list, by the profile's values */
};

enum { EXPECTED_MOST = 32 };

/* A row as it has to be.  What is not among the values is as it was; of a new row, null. */
struct expected_row {
    bool dropped;
    bool may_go; /* a piece of the list: it is right that it goes when the list ends before it */
    unsigned values;
    struct expected_value value[EXPECTED_MOST];
};

/* model and plan are borrowed.  NULL, with f saying why, when memory is short or the plan speaks of
 * an entry that the model does not have. */
struct expected *expected_open(const struct model *model, const struct plan *plan, struct fault *f);
void expected_close(struct expected *expected);

/* From here on rows are of `table`. */
void expected_begin(struct expected *expected, const struct ese_table *table);

/* What becomes of a row of the old store: the number-th (from 0) of its table.  Each row is to be
 * asked about once.  Fails when two actions contradict each other, or when the row is not the one
 * that was judged. */
bool expected_of(struct expected *expected, const struct ese_record *record, unsigned number,
                 struct expected_row *row, struct fault *f);

/* What a row of the new store has to be that the old one has not.  Fails when no action adds it. */
bool expected_of_new(struct expected *expected, const struct ese_record *record,
                     struct expected_row *row, struct fault *f);

/* Takes note of the piece of the list that the row just asked about has now.  Fails when memory is
 * short. */
bool expected_piece(struct expected *expected, struct bytes piece, struct fault *f);

/* When all rows of the table were asked about: are the pieces that stayed the list as the plan
 * wants it, cut as before, with none missing between them?  True in tables without pieces. */
bool expected_end(struct expected *expected, struct fault *f);

/* Is this the list value, the part-th of the profile's, as the plan wants it?  Fails, naming the
 * entry, when it is not. */
bool expected_is_list(struct expected *expected, unsigned part, struct bytes value,
                      struct fault *f);

/* When all rows were asked about: has every action shown its whole effect?  Fails, naming the
 * action and how many rows it has changed. */
bool expected_complete(const struct expected *expected, struct fault *f);

/* A column's text as UTF-8, into `room`: NULL when it is null, too long, or memory is short. */
const char *expected_text(const struct ese_column *column, struct bytes value, struct buffer *room);

#endif
