/* Which columns a profile knows: see meaning.h. */
#include "migrate/profile/meaning.h"

#include "migrate/profile/settings.h"

#include <strings.h>

enum { COLUMNS_MOST = 12 };

static bool same(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

static bool among(const char *table, const char *column, const char *of_table,
                  const char *const names[COLUMNS_MOST])
{
    if (!same(table, of_table))
        return false;
    for (unsigned i = 0; i < COLUMNS_MOST; i++)
        if (same(names[i], column))
            return true;
    return false;
}

bool profile_ignores(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = 0; i < p->ignored; i++)
        if (same(p->ignore[i].table, table) && same(p->ignore[i].column, column))
            return true;
    return false;
}

bool profile_is_apart(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = 0; i < p->ignored; i++)
        if (same(p->ignore[i].table, table) && same(p->ignore[i].column, column) &&
            (p->ignore[i].as == NULL || strcmp(p->ignore[i].as, "list") == 0))
            return true;
    return false;
}

bool profile_refers_by(const struct profile_reference *r, const char *table, const char *column)
{
    return same(r->table, table) && (same(r->column, column) || same(r->serial, column));
}

static bool is_reference(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = 0; i < p->references; i++) {
        const struct profile_reference *r = &p->reference[i];
        const char *const names[COLUMNS_MOST] = {r->column, r->serial, r->key, r->proves};
        if (among(table, column, r->table, names))
            return true;
    }
    return false;
}

bool profile_is_secret(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = 0; i < p->secrets; i++)
        if (same(p->secret[i].table, table) && same(p->secret[i].column, column))
            return true;
    return false;
}

static bool is_of_list(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = 0; i < p->lists; i++) {
        const struct profile_list *l = &p->list[i];
        const char *const names[COLUMNS_MOST] = {
            l->rows.column,    l->key,        l->certificate,    l->thumbprint,
            l->role,           l->own.column, l->issuing.column, l->imported_if.column,
            l->trusted.column, l->name,       l->imported};
        if (among(table, column, l->table, names))
            return true;
    }
    for (unsigned i = 0; i < p->values; i++) {
        const struct profile_value *v = &p->value[i];
        const char *const names[COLUMNS_MOST] = {v->column, v->select, v->join};
        if (among(table, column, v->table, names))
            return true;
    }
    return false;
}

bool profile_says_what(const struct profile *p, const char *table, const char *column)
{
    const char *const users[COLUMNS_MOST] = {p->users_key, p->users_name};
    const char *const certificates[COLUMNS_MOST] = {p->certificates_key, p->certificates_version,
                                                    p->certificates_certificate,
                                                    p->certificates_user};
    const char *const crls[COLUMNS_MOST] = {p->crl_column};
    return is_of_list(p, table, column) || profile_has_setting_in(p, table, column) ||
           among(table, column, p->users_table, users) ||
           among(table, column, p->certificates_table, certificates) ||
           among(table, column, p->crl_table, crls) || is_reference(p, table, column);
}

bool profile_gives_meaning(const struct profile *p, const char *table, const char *column)
{
    return profile_says_what(p, table, column) || profile_is_secret(p, table, column) ||
           profile_ignores(p, table, column);
}
