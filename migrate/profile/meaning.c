/* Which columns a profile knows: see meaning.h. */
#include "migrate/profile/meaning.h"

#include "migrate/profile/grammar.h"

#include <strings.h>

static bool same(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

/* Does a section of this kind name the column, for whatever it says of it? */
static bool is_named(const struct profile *p, unsigned which, const char *table, const char *column)
{
    const struct section_spec *section = &profile_sections[which];
    for (unsigned slot = 0; slot < section_slots(section); slot++) {
        if (!same(key_string(p, section, slot, &section->key[0]), table))
            continue;
        for (unsigned k = 1; k < section->keys; k++)
            if (same(key_column(p, section, slot, &section->key[k]), column))
                return true;
    }
    return false;
}

bool profile_ignores(const struct profile *p, const char *table, const char *column)
{
    return is_named(p, SECTION_IGNORE, table, column);
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

bool profile_is_secret(const struct profile *p, const char *table, const char *column)
{
    return is_named(p, SECTION_SECRET, table, column);
}

bool profile_says_what(const struct profile *p, const char *table, const char *column)
{
    for (unsigned i = SECTION_LIST; i < SECTIONS; i++)
        if (i != SECTION_SECRET && i != SECTION_IGNORE && is_named(p, i, table, column))
            return true;
    for (unsigned i = 0; i < p->references; i++)
        if (profile_refers_by(&p->reference[i], table, column)) /* the serial number's column */
            return true;
    return false;
}

bool profile_gives_meaning(const struct profile *p, const char *table, const char *column)
{
    return profile_says_what(p, table, column) || profile_is_secret(p, table, column) ||
           profile_ignores(p, table, column);
}
