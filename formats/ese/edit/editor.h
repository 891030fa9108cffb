/*
 * What becomes of the rows of a database, for ese_inplace_edit(): they may be dropped, changed or
 * added, with their index entries and long values; everything else stays as it is.
 *
 * An editor is asked about every row of the tables it wants, more than once, and must give one
 * answer.
 */
#ifndef KM_FORMATS_ESE_EDITOR_H
#define KM_FORMATS_ESE_EDITOR_H

#include "formats/ese/layout/record_change.h"

enum { ESE_EDIT_CHANGES_MOST = 32 };

enum ese_fate { ESE_ROW_KEEP, ESE_ROW_DROP, ESE_ROW_CHANGE };

/* What becomes of a row.  Data of changes are borrowed until the next question; long values may be
 * of any length, lid is not looked at. */
struct ese_row_edit {
    enum ese_fate fate;
    struct ese_change change[ESE_EDIT_CHANGES_MOST];
    unsigned changes;
};

struct ese_editor {
    void *context;
    /* Does the table have rows to be edited? */
    bool (*wants)(void *context, const struct ese_table *table);
    /* What becomes of this row?  edit keeps it, with no change.  key: the row's primary key, as its
     * node has it; twin: how many rows before it have the same.  A change must not change the
     * primary key. False, with f set, gives up. */
    bool (*row)(void *context, const struct ese_table *table, const struct ese_record *record,
                struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f);
    /* The n-th row (from 0) to be added behind the table's last: its values as changes of an empty
     * row.  *more false: there is none.  Its primary key must be greater than all others. */
    bool (*add)(void *context, const struct ese_table *table, unsigned n, struct ese_row_edit *edit,
                bool *more, struct fault *f);
};

#endif
