/* Roles and trust as a profile tells them: see roles.h. */
#include "migrate/profile/roles.h"

#include <strings.h>

/* ---- the columns ---- */

static bool find_column(struct roles *r, const struct ese_table *table, const char *name,
                        unsigned *which)
{
    const struct ese_column *column = ese_table_column(table, name);
    if (column == NULL)
        return false;
    for (*which = 0; *which < r->columns; ++*which)
        if (r->column[*which] == column)
            return true;
    r->column[r->columns++] = column; /* four tests have four columns at most */
    return true;
}

static void by_number(struct roles *r, struct role_test *test, const struct ese_table *table,
                      const char *column, int32_t number)
{
    test->there = find_column(r, table, column, &test->column);
    test->number = number;
}

static void by_condition(struct roles *r, struct role_test *test, const struct ese_table *table,
                         const struct condition *c)
{
    test->there = condition_is_there(c) && find_column(r, table, c->column, &test->column);
    test->condition = c->value ? c : NULL;
    test->number = c->value ? condition_number(c) : 1; /* without a value it is a Bit */
}

void roles_open(struct roles *r, const struct profile_list *list, const struct ese_table *table)
{
    *r = (struct roles){.columns = 0};
    if (list->role) {
        by_number(r, &r->own, table, list->role, list->role_own);
        by_number(r, &r->issuing, table, list->role, list->role_issuing);
        by_number(r, &r->imported, table, list->role, list->role_imported);
    } else {
        by_condition(r, &r->own, table, &list->own);
        by_condition(r, &r->issuing, table, &list->issuing);
        by_condition(r, &r->imported, table, &list->imported_if);
    }
    by_condition(r, &r->trusted, table, &list->trusted);
}

int64_t roles_bits(const struct profile_list *list, const char *column)
{
    const struct condition *const all[] = {&list->own, &list->issuing, &list->imported_if,
                                           &list->trusted};
    int64_t bits = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->column && strcasecmp(all[i]->column, column) == 0)
            bits |= all[i]->mask ? all[i]->mask : -1;
    return list->role && strcasecmp(list->role, column) == 0 ? -1 : bits;
}

bool roles_are_fixed(const struct profile_list *list, const struct ese_table *table)
{
    struct roles r;
    roles_open(&r, list, table);
    for (unsigned i = 0; i < r.columns; i++)
        if (ese_table_in_primary(table, r.column[i]) &&
            !(r.trusted.there && r.trusted.column == i && r.columns > 1))
            return true;
    return false;
}

/* ---- reading ---- */

void roles_read(const struct roles *r, const struct ese_record *record, struct roles_row *row)
{
    for (unsigned i = 0; i < r->columns; i++)
        row->null[i] = !ese_record_integer(record, r->column[i], &row->number[i]);
}

static bool is_met(const struct role_test *test, const struct roles_row *row)
{
    if (!test->there || row->null[test->column])
        return false;
    int64_t number = row->number[test->column];
    return test->condition ? condition_is_number(test->condition, number) : number == test->number;
}

static bool is_null(const struct role_test *test, const struct roles_row *row)
{
    return !test->there || row->null[test->column];
}

enum model_role roles_role(const struct roles *r, const struct roles_row *row)
{
    bool own = is_met(&r->own, row), issuing = is_met(&r->issuing, row),
         imported = is_met(&r->imported, row);
    if (is_null(&r->own, row) && is_null(&r->issuing, row) && is_null(&r->imported, row))
        return ROLE_NONE;
    if (own + issuing + imported > 1)
        return ROLE_UNKNOWN;
    return own                              ? ROLE_OWN
           : issuing                        ? ROLE_ISSUING
           : imported || !r->imported.there ? ROLE_IMPORTED
                                            : ROLE_UNKNOWN;
}

enum model_trust roles_trust(const struct roles *r, const struct roles_row *row)
{
    return is_null(&r->trusted, row) ? TRUST_NULL : is_met(&r->trusted, row) ? TRUST_YES : TRUST_NO;
}

/* ---- writing ---- */

/* The bits of its column that a test is about; -1: all of them. */
static int64_t bits_of(const struct roles *r, const struct role_test *test)
{
    if (r->column[test->column]->type == ESE_COL_BIT)
        return 1;
    return test->condition && test->condition->mask ? test->condition->mask : -1;
}

/* Makes a test one that is met. */
static void meet(const struct roles *r, const struct role_test *test, struct roles_row *row)
{
    int64_t bits = bits_of(r, test), *number = &row->number[test->column];
    *number = row->null[test->column] ? test->number : (*number & ~bits) | (test->number & bits);
    row->null[test->column] = false;
}

/* Clears the bits of a test that is met.  Of a column that is no flags no other value is known. */
static void clear(const struct roles *r, const struct role_test *test, struct roles_row *row)
{
    int64_t bits = test->there ? bits_of(r, test) : -1;
    if (bits != -1 && is_met(test, row))
        row->number[test->column] &= ~bits;
}

bool roles_set_role(const struct roles *r, struct roles_row *row, enum model_role role,
                    struct fault *f)
{
    const struct role_test *const test[] = {&r->own, &r->issuing, &r->imported};
    const struct role_test *wanted = role == ROLE_OWN       ? &r->own
                                     : role == ROLE_ISSUING ? &r->issuing
                                                            : &r->imported;
    for (unsigned i = 0; i < sizeof test / sizeof test[0]; i++)
        if (test[i] != wanted)
            clear(r, test[i], row);
    if (wanted->there)
        meet(r, wanted, row);
    return roles_role(r, row) == role ||
           fault_set(f, FAULT_UNSUPPORTED,
                     "the profile does not say how a row tells that its entry has another role "
                     "than it has");
}

bool roles_set_trust(const struct roles *r, struct roles_row *row, enum model_trust trust,
                     struct fault *f)
{
    const struct role_test *t = &r->trusted;
    int64_t bits = t->there ? bits_of(r, t) : -1, *number = &row->number[t->column];
    bool null = !t->there || row->null[t->column];
    if (t->there && trust == TRUST_YES)
        meet(r, t, row);
    else if (bits != -1) { /* the other value of a flag; of more bits, none */
        *number = ((null ? 0 : *number) & ~bits) | ((t->number & bits) == 0 ? bits : 0);
        row->null[t->column] = false;
    }
    return roles_trust(r, row) == trust ||
           fault_set(f, FAULT_UNSUPPORTED,
                     "the profile does not say how a row tells that its entry is %strusted",
                     trust == TRUST_YES ? "" : "not ");
}
