/* Which columns are secret: see secrets.h. */
#include "migrate/profile/secrets.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool secret_is_marked(const struct profile *profile, const struct ese_catalog *catalog,
                      const struct ese_table *table, const struct ese_column *column)
{
    static const struct {
        const char *table, *column;
    } builtin[] = {{"Users", "KeyHistory"}, {"Administrators", "Secret"}};
    for (unsigned i = 0; profile && i < profile->secrets; i++)
        if (ese_table_is(table, profile->secret[i].table) &&
            strcasecmp(column->name, profile->secret[i].column) == 0)
            return true;
    if (ese_catalog_find(catalog, "CertificateList") == NULL &&
        ese_catalog_find(catalog, "Configuration") == NULL)
        return false; /* not a KM store */
    for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++)
        if (ese_table_is(table, builtin[i].table) &&
            strcasecmp(column->name, builtin[i].column) == 0)
            return true;
    return false;
}

bool secret_is_guessed(const char *column_name)
{
    static const char *const words[] = {"secret",     "password", "passwd",  "pwd",
                                        "privatekey", "privkey",  "keyhist", "passphrase"};
    char letters[256];
    size_t n = 0;
    for (const char *c = column_name; *c && n + 1 < sizeof letters; c++)
        if (isascii((unsigned char)*c) && isalnum((unsigned char)*c))
            letters[n++] = (char)tolower((unsigned char)*c);
    letters[n] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(letters, words[i]))
            return true;
    return false;
}
