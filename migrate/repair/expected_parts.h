/*
 * What the files that work out expected rows share; for them alone.
 *
 *   expected.c              the plan by entry, tables, rows
 *   expected_values.c       values of a row
 *   expected_entries.c      rows of the list
 *   expected_references.c   rows that refer to it
 *   expected_settings.c     settings
 *   expected_list.c         the list in a value
 */
#ifndef KM_MIGRATE_EXPECTED_PARTS_H
#define KM_MIGRATE_EXPECTED_PARTS_H

#include "formats/arena.h"
#include "migrate/judge/names.h"
#include "migrate/profile/settings.h"
#include "migrate/repair/expected.h"

enum { SETTINGS_MOST = 8, TEXT_MOST = 64 * 1024, EXPECTED_EACH_MOST = 1024 };

#define NONE UINT32_MAX

struct reference_columns {
    unsigned which; /* of the profile's */
    const struct ese_column *names, *key;
};

/* An entry by what references that hold bytes call it. */
struct called {
    struct bytes name;
    unsigned entry;
};

struct expected {
    const struct model *model;
    const struct plan *plan;
    uint32_t *first;    /* by entry, as model->entry: its first action; NONE */
    uint32_t *next;     /* by action: the entry's next one */
    uint64_t *seen;     /* by action: rows that it has an effect on */
    uint32_t *dangling; /* ACTION_MOVE_REFERENCE, in order */
    uint32_t danglings;
    uint32_t setting[SETTINGS_MOST]; /* actions that change a setting */
    unsigned settings;
    struct called *called[2];              /* by key, and by hash: as many as entries, in order */
    bool list_changes[PROFILE_LISTS_MOST]; /* an action changes that value of the list */
    struct buffer room;
    struct pieces pieces; /* of the new list */
    int32_t piece;        /* the number of the row in hand */
    struct arena values;  /* of the row in hand */

    /* Of the table in hand. */
    const struct ese_table *table;
    bool is_list, is_value;
    bool has_other_rows; /* not all rows of its table are of the list */
    unsigned references;
    struct reference_columns reference[PROFILE_REFERENCES_MOST];
};

/* ---- expected.c ---- */

/* Sorts moves of dangling references: by reference, row, and what it names. */
int expected_order_of(const struct action *a, unsigned reference, int32_t row, int32_t names);

/* The first entry of that name; NULL: none. */
const struct model_entry *expected_entry_called(const struct expected *x, bool hash,
                                                struct bytes name);

/* The column of the table in hand; NULL: none, or name is NULL. */
const struct ese_column *expected_column(const struct expected *x, const char *name);

/* ---- expected_values.c ---- */

/* One value more; false, with f saying so, when the plan contradicts itself about it. */
bool expected_put(struct expected_row *row, const struct expected_value *value, struct fault *f);

/* Is the column's text that one, in whatever code page? */
bool expected_text_is(struct expected *x, const struct ese_record *record,
                      const struct ese_column *c, const char *wanted);

/* ---- expected_entries.c ---- */

/* The columns of a part of the list, and what a row of it has in those for role and trust. */
struct list_row {
    const struct profile_list *list;
    struct roles roles;
    struct roles_row old, new;
};

/* The columns of a part of the list in the table in hand. */
void expected_open_row(struct list_row *l, const struct expected *x, unsigned part);

/* Each of the columns for role and trust that has another number than before. */
bool expected_put_roles(const struct list_row *l, struct expected_row *row, struct fault *f);

/* A thumbprint as the column has it: bytes, or hex digits. */
bool expected_put_thumbprint(struct expected *x, const struct list_row *l, struct bytes sha1,
                             struct expected_row *row, struct fault *f);

/* What becomes of a row of the list: the number-th of its table. */
bool expected_of_entry(struct expected *x, const struct ese_record *record, unsigned number,
                       struct expected_row *row, struct fault *f);

/* ---- expected_references.c ---- */

/* The digits of a hash in the places of those that stood there, in their case.  False when memory
 * is short. */
bool expected_digits_of(struct expected *x, struct bytes was, struct bytes sha1,
                        struct expected_value *value);

/* What becomes of a reference in a row. */
bool expected_of_reference(struct expected *x, const struct reference_columns *r,
                           const struct ese_record *record, struct expected_row *row,
                           struct fault *f);

/* ---- expected_settings.c ---- */

/* The setting that an action changes. */
enum profile_setting_kind expected_setting_of(const struct action *a);

/* Is it a column of integers? */
bool expected_is_number_column(const struct ese_column *c);

/* What the setting's column has to hold. */
bool expected_setting(struct expected *x, const struct action *a, const struct setting_place *place,
                      struct expected_row *row, struct fault *f);

/* Is the row the setting's? */
bool expected_is_setting(struct expected *x, const struct setting_place *place,
                         const struct ese_record *record);

/* What becomes of the settings in a row. */
bool expected_of_setting(struct expected *x, const struct ese_record *record,
                         struct expected_row *row, struct fault *f);

/* ---- expected_list.c ---- */

/* What becomes of the list, or a piece of it, in a row. */
bool expected_of_list(struct expected *x, const struct ese_record *record, struct expected_row *row,
                      struct fault *f);

#endif
