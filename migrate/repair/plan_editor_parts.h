/*
 * What the files that make changes of rows from a plan share; for them alone.
 *
 *   plan_editor.c              the plan by what it is of; rows
 *   plan_editor_values.c       values of a changed row
 *   plan_editor_entries.c      rows of the list
 *   plan_editor_references.c   rows that refer to it
 *   plan_editor_settings.c     rows of settings
 *   plan_editor_list.c         the list in a value
 */
#ifndef KM_MIGRATE_PLAN_EDITOR_PARTS_H
#define KM_MIGRATE_PLAN_EDITOR_PARTS_H

#include "formats/arena.h"
#include "migrate/repair/plan_editor.h"

#define NONE SIZE_MAX

/* What becomes of one entry, and of the references to it. */
struct entry_change {
    bool drop;
    size_t first, last; /* actions that change its row, chained by plan_editor.next; NONE */
    struct bytes properties;
    const struct action *moved[PROFILE_REFERENCES_MOST]; /* NULL: what names it stays */
};

/* A row of the list, as its tree has it. */
struct editor_list_row {
    unsigned table; /* the first part of the list that is in it */
    struct bytes key;
    unsigned twin;  /* how many rows before it have the same */
    unsigned entry; /* of the model */
};

struct plan_editor {
    const struct model *model;
    const struct plan *plan;
    struct ese_editor editor;
    struct entry_change *entry;       /* as model->entry */
    size_t *next;                     /* by action: the next one of its entry; NONE */
    struct editor_list_row *list_row; /* as many as entries, by table, in the order of its tree */
    unsigned list_rows;
    struct arena list_keys;
    const struct action **dangling; /* EFFECT_MOVE_ONE, in order */
    size_t danglings;
    const struct action *added;                 /* NULL: no entry is added */
    const struct action *setting[ACTION_KINDS]; /* EFFECT_SETTING, in the order of the plan */
    unsigned settings;
    struct buffer list_value[PROFILE_LISTS_MOST]; /* as it is to be, as the profile's */
    bool rewrite[PROFILE_LISTS_MOST];
    struct { /* the table of the row before, and what of the plan its rows can be */
        const struct ese_table *table;
        bool listed;
        unsigned references, reference[PROFILE_REFERENCES_MOST];
        const struct ese_column *names[PROFILE_REFERENCES_MOST]; /* NULL: it has no such column */
    } at;
    struct buffer text; /* a name in the column's code page */
    struct arena row;   /* what the changes of the row in hand point at */
};

/* ---- plan_editor_values.c ---- */

/* Says so in f; false. */
bool editor_no_memory(struct fault *f);

/* The column gets that value; a copy is kept as long as the row is in hand.  Fails when there is no
 * such column (NULL), or when another action gives it another value. */
bool editor_put(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *column,
                struct bytes data, struct fault *f);

/* One of the values of a column changes; what it points at has to stay while the row is in hand. */
bool editor_put_value(struct ese_row_edit *edit, const struct ese_change *change, struct fault *f);

/* An integer in as many bytes as the column has: in `bytes`, which *out shows.  Fails when it does
 * not fit. */
bool editor_integer_bytes(const struct ese_column *column, int32_t value, uint8_t bytes[8],
                          struct bytes *out, struct fault *f);

/* As editor_put(), an integer. */
bool editor_put_integer(struct plan_editor *a, struct ese_row_edit *edit,
                        const struct ese_column *column, int32_t value, struct fault *f);

/* As editor_put(), a date in days since 1899-12-30. */
bool editor_put_date(struct plan_editor *a, struct ese_row_edit *edit,
                     const struct ese_column *column, double days, struct fault *f);

/* As editor_put(), UTF-8 in the column's code page.  What does not fit there is refused. */
bool editor_put_name(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                     const char *utf8, struct fault *f);

/* As editor_put_name(), or as it is where the column is none of text. */
bool editor_put_text(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                     const char *utf8, struct fault *f);

/* As editor_put_name(), bytes as hex digits. */
bool editor_put_hex(struct plan_editor *a, struct ese_row_edit *edit, const struct ese_column *c,
                    struct bytes value, struct fault *f);

/* ---- plan_editor_entries.c ---- */

/* What becomes of an entry; NULL: there is none of that key. */
struct entry_change *editor_change_of(const struct plan_editor *a, int32_t key, unsigned twin);

/* Reads the keys of the list's rows, so that a row can be told by its own. */
bool editor_read_list_keys(struct plan_editor *a, struct fault *f);

/* What becomes of a row of the list. */
bool editor_of_entry(struct plan_editor *a, const struct ese_table *table,
                     const struct ese_record *record, struct bytes key, unsigned twin,
                     struct ese_row_edit *edit, struct fault *f);

/* A new row of the list, which is in one part (--issuing-ca FILE). */
bool editor_add_listed(struct plan_editor *a, const struct ese_table *table,
                       struct ese_row_edit *edit, struct fault *f);

/* ---- plan_editor_references.c ---- */

/* Brings moves of dangling references into the order in which they are looked up. */
void editor_sort_danglings(struct plan_editor *a);

/* What becomes of one of the profile's references in a row, which stands in column c. */
bool editor_of_reference(struct plan_editor *a, unsigned which, const struct ese_column *c,
                         const struct ese_table *table, const struct ese_record *record,
                         struct ese_row_edit *edit, struct fault *f);

/* ---- plan_editor_settings.c ---- */

/* Does a setting stand in that table? */
bool editor_has_setting(const struct profile *p, const struct ese_table *table);

/* What becomes of the settings in a row. */
bool editor_of_settings(struct plan_editor *a, const struct ese_table *table,
                        const struct ese_record *record, struct ese_row_edit *edit,
                        struct fault *f);

/* The n-th setting of the table that is to be set and has no row; *more false: there is none. */
bool editor_add_setting(struct plan_editor *a, const struct ese_table *table, unsigned n,
                        struct ese_row_edit *edit, bool *more, struct fault *f);

/* ---- plan_editor_list.c ---- */

/* Puts the new values of the list together, before the first row is written. */
bool editor_make_list_values(struct plan_editor *a, struct fault *f);

/* What becomes of the list, or a piece of it, in a row. */
bool editor_of_list(struct plan_editor *a, const struct ese_table *table,
                    const struct ese_record *record, struct ese_row_edit *edit, struct fault *f);

#endif
