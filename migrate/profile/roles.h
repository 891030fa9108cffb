/*
 * How the rows of a list say which role an entry has, and whether it is trusted: by the numbers of
 * one column, or by conditions (see condition.h), which several columns or the bits of one may
 * meet.
 *
 * A role that changes is written so that its own condition is met and that of no other role; bits
 * that no condition is about stay as they are.
 */
#ifndef KM_MIGRATE_ROLES_H
#define KM_MIGRATE_ROLES_H

#include "migrate/profile/profile.h"

enum model_role { ROLE_NONE, ROLE_OWN, ROLE_ISSUING, ROLE_IMPORTED, ROLE_UNKNOWN };
enum model_trust { TRUST_NULL, TRUST_NO, TRUST_YES };

enum { ROLES_COLUMNS_MOST = 4 };

/* The columns of a list's table that say it. */
struct roles {
    const struct ese_column *column[ROLES_COLUMNS_MOST];
    unsigned columns;
    struct role_test {
        bool there;
        unsigned column;                   /* which of them */
        const struct condition *condition; /* NULL: `number` has to be all of it */
        int64_t number;
    } own, issuing, imported, trusted;
};

/* What stands in these columns in a row. */
struct roles_row {
    int64_t number[ROLES_COLUMNS_MOST];
    bool null[ROLES_COLUMNS_MOST];
};

/* table: the list's; columns that it has not are as good as not said. */
void roles_open(struct roles *r, const struct profile_list *list, const struct ese_table *table);

/* Does the list tell roles at all? */
static inline bool roles_are_told(const struct profile_list *list)
{
    return list->role != NULL || condition_is_there(&list->issuing);
}

/* Does it tell whom to trust? */
static inline bool roles_tell_trust(const struct profile_list *list)
{
    return condition_is_there(&list->trusted);
}

/* Reads the columns of a record; what cannot be read is null. */
void roles_read(const struct roles *r, const struct ese_record *record, struct roles_row *row);

/* ROLE_NONE: all columns are null, or there are none; ROLE_UNKNOWN: no condition is met, or more
 * than one. */
enum model_role roles_role(const struct roles *r, const struct roles_row *row);
enum model_trust roles_trust(const struct roles *r, const struct roles_row *row);

/* Changes what stands in the columns.  False, saying why, when no value is known that says it. */
bool roles_set_role(const struct roles *r, struct roles_row *row, enum model_role role,
                    struct fault *f);
bool roles_set_trust(const struct roles *r, struct roles_row *row, enum model_trust trust,
                     struct fault *f);

/* The bits of an integer column that conditions for role and trust are about; -1: all of them, 0:
 * none. */
int64_t roles_bits(const struct profile_list *list, const char *column);

/* Is one of the columns a part of the table's primary key, where nothing can change? */
bool roles_are_fixed(const struct profile_list *list, const struct ese_table *table);

#endif
