/*
 * What the readers of the model share; for the files of this folder that read it alone.
 *
 *   model_read.c       the order in which all is read
 *   readers.c          what the others have in common
 *   list_rows.c        a list with an entry a row
 *   list_value.c       a list in one value or several
 *   reference_rows.c   rows that refer to the list, revocation lists among them
 *   users.c            users, for advice
 *   settings.c         settings
 */
#ifndef KM_MIGRATE_READERS_H
#define KM_MIGRATE_READERS_H

#include "migrate/judge/model_memory.h"
#include "migrate/store/rows.h"

/* The table, and the column of a table (NULL: none) of a name; NULL when there is none, or name is
 * NULL. */
const struct ese_table *model_table_named(const struct model *model, const char *name);

/* Are both names there, and the same but for the case of ASCII letters? */
bool model_is_named(const char *name, const char *wanted);

/* How many values the column has in the current row. */
unsigned model_count_values(const struct rows *rows, const struct ese_column *column);

/* Ends reading rows; what could not be read of them is a problem.  False, with f saying so, when
 * memory was short. */
bool model_end_rows(struct rows *rows, struct problems *problems, struct fault *f);

/* One more entry at the end of the list; NULL: memory is short. */
struct model_entry *model_add_entry(struct model *model, int32_t key, struct bytes der,
                                    struct fault *f);

/* ---- the readers; false with f set when memory is short ---- */

bool list_rows_read(struct model *model, struct problems *problems, struct fault *f);
bool list_values_read(struct model *model, struct problems *problems, struct fault *f);
/* The list that a file is. */
bool list_file_read(struct model *model, struct bytes file, struct problems *problems,
                    struct fault *f);

struct reference_columns {
    const struct ese_column *reference, *key, *proves;
    const struct ese_column *version, *user; /* of a user's certificate, for advice */
    bool is_crl;
};

/* The table that refers to the list, and the columns that are read of it; NULL: nothing is. */
const struct ese_table *reference_rows_table(const struct model *model, unsigned which,
                                             struct reference_columns *columns);
/* Before any row, when the list is known; and behind the last one, when what was counted becomes
 * the entries' own. */
bool reference_counts_open(struct model *model, struct fault *f);
void reference_counts_take_over(struct model *model);
/* Notes one row of it. */
bool reference_rows_take(struct model *model, unsigned which, struct rows *rows,
                         const struct reference_columns *columns, struct fault *f);
/* Notes all of its rows. */
bool reference_rows_read(struct model *model, unsigned which, struct problems *problems,
                         struct fault *f);

/* The table of users, and the columns that are read of it; NULL: nothing is. */
const struct ese_table *users_table(const struct model *model, const struct ese_column **name,
                                    const struct ese_column **key);
bool users_read_row(struct model *model, struct rows *rows, const struct ese_column *name,
                    const struct ese_column *key, struct fault *f);
/* All of its rows were read: from here on users_has() knows. */
void users_have(struct model *model);
bool users_read(struct model *model, struct problems *problems, struct fault *f);
/* Is there a user of that key? */
bool users_has(const struct model *model, int32_t key);

#endif
