/* Which columns a profile knows: see meaning.h. */
#include "migrate/profile/meaning.h"

#include <strings.h>

enum { COLUMNS_MOST = 8 };

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

static bool is_reference(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = 0; i < p->references; i++) {
        const struct profile_reference *r = &p->reference[i];
        const char *const names[COLUMNS_MOST] = {r->column, r->key, r->proves};
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

bool profile_gives_meaning(const struct profile *p, const char *table, const char *column)
{
    const char *const list[COLUMNS_MOST] = {
        p->list[0].key,     p->list[0].certificate, p->list[0].thumbprint, p->list[0].role,
        p->list[0].trusted, p->list[0].name,        p->list[0].imported};
    const char *const value[COLUMNS_MOST] = {p->value[0].column, p->value[0].select,
                                             p->value[0].join};
    const char *const settings[COLUMNS_MOST] = {p->settings_name, p->settings_value};
    const char *const users[COLUMNS_MOST] = {p->users_key, p->users_name};
    const char *const certificates[COLUMNS_MOST] = {p->certificates_key, p->certificates_version,
                                                    p->certificates_certificate,
                                                    p->certificates_user};
    const char *const crls[COLUMNS_MOST] = {p->crl_column};
    return among(table, column, p->list[0].table, list) ||
           among(table, column, p->value[0].table, value) ||
           among(table, column, p->settings_table, settings) ||
           among(table, column, p->users_table, users) ||
           among(table, column, p->certificates_table, certificates) ||
           among(table, column, p->crl_table, crls) || is_reference(p, table, column) ||
           profile_is_secret(p, table, column) || profile_ignores(p, table, column);
}
