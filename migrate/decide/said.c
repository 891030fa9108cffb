/* Columns on the command line: see said.h. */
#include "migrate/decide/said.h"

#include "migrate/profile/meaning.h"
#include "migrate/console/escape.h"

#include <stdlib.h>
#include <strings.h>

/* A column, or two, as an option names it. */
struct named {
    const struct ese_table *table;
    const struct ese_column *column;
    const struct ese_column *serial; /* "TABLE.ISSUER,SERIAL": the latter; else NULL */
    const char *rest;                /* behind the column: "" or "=..." */
};

/* Two columns with a comma between, where no column has all of that as its name. */
static void find_two(struct named *n, char *names)
{
    char *comma = strchr(names, ',');
    for (; comma && n->column == NULL; comma = strchr(comma + 1, ',')) {
        *comma = '\0';
        n->serial = ese_table_column(n->table, comma + 1);
        n->column = n->serial ? ese_table_column(n->table, names) : NULL;
        *comma = ',';
    }
}

/* "TABLE.COLUMN", "TABLE.COLUMN=HOW" or "TABLE.COLUMN,COLUMN".  Neither name can hold a dot. */
static bool find_column(const char *option, const char *text, const struct ese_catalog *catalog,
                        struct named *n, struct fault *f)
{
    char table[80], column[160];
    const char *dot = strchr(text, '.');
    size_t before = dot ? (size_t)(dot - text) : 0, behind = dot ? strcspn(dot + 1, "=") : 0;
    if (before == 0 || behind == 0 || before >= sizeof table || behind >= sizeof column)
        return fault_set(f, FAULT_MISSING, "%s: expected TABLE.COLUMN, found %.100s", option, text);
    snprintf(table, sizeof table, "%.*s", (int)before, text);
    snprintf(column, sizeof column, "%.*s", (int)behind, dot + 1);
    n->rest = dot + 1 + behind;
    n->table = ese_catalog_find(catalog, table);
    if (n->table == NULL)
        return fault_set(f, FAULT_MISSING, "%s: there is no table %s; kmmigrate info shows them",
                         option, table);
    n->column = ese_table_column(n->table, column);
    n->serial = NULL;
    find_two(n, column);
    return n->column || fault_set(f, FAULT_MISSING,
                                  "%s: there is no column %s in table %s; kmmigrate info with "
                                  "--table %s shows them",
                                  option, column, n->table->name, shell_word(n->table->name));
}

static bool copy(char **to, const char *text, struct fault *f)
{
    *to = strdup(text);
    return *to || fault_no_memory(f, "the profile");
}

/* A reference that the profile, or discovery, thought of: it is none. */
static void take_away(struct profile *p, const struct named *n)
{
    for (unsigned i = 0; i < p->references; i++) {
        struct profile_reference *r = &p->reference[i];
        if (!profile_refers_by(r, n->table->name, n->column->name))
            continue;
        free(r->table);
        free(r->column);
        free(r->key);
        free(r->proves);
        free(r->serial);
        memmove(r, r + 1, (p->references - i - 1) * sizeof *r);
        p->reference[--p->references] = (struct profile_reference){.table = NULL};
        i--;
    }
}

/* Adds what a column is not to what is said of it so far. */
static bool put_ignored(struct profile *p, const struct named *n, const char *option,
                        struct fault *f)
{
    const char *as = option + strlen("--not-a-");
    for (unsigned i = 0; i < p->ignored; i++) {
        struct profile_ignored *known = &p->ignore[i];
        if (!ese_table_is(n->table, known->table) ||
            strcasecmp(known->column, n->column->name) != 0)
            continue;
        if (known->as && strcmp(known->as, as) != 0) {
            free(known->as);
            known->as = NULL;
        }
        return true;
    }
    if (p->ignored == PROFILE_IGNORED_MOST)
        return fault_set(f, FAULT_LIMIT, "%s: more than %d columns are ignored", option,
                         PROFILE_IGNORED_MOST);
    struct profile_ignored *i = &p->ignore[p->ignored++];
    return copy(&i->table, n->table->name, f) && copy(&i->column, n->column->name, f) &&
           copy(&i->as, as, f);
}

/* Does another option say that it is a reference? */
static bool is_said_to_refer(const struct reading *o, const struct ese_catalog *catalog,
                             const struct named *n)
{
    struct named other;
    for (unsigned i = 0; i < o->references; i++)
        if (find_column("--reference", o->reference[i], catalog, &other, NULL) &&
            (other.column == n->column || other.serial == n->column))
            return true;
    return false;
}

/* Is it a reference of which the rows themselves prove what they name? */
static bool is_proven(const struct profile *p, const struct named *n)
{
    for (unsigned i = 0; i < p->references; i++)
        if (p->reference[i].proves &&
            profile_refers_by(&p->reference[i], n->table->name, n->column->name))
            return true;
    return false;
}

/* Where the list itself is, and what its entries are called by, is nothing to say the contrary of:
 * the list would be read from there all the same. */
static bool is_of_list(const struct profile *p, const struct named *n, const char *option,
                       struct fault *f)
{
    bool of_lists = strcmp(option, "--not-a-list") == 0;
    for (unsigned i = 0; i < p->lists; i++) {
        const char *own = of_lists ? p->list[i].certificate : p->list[i].key;
        if (own && ese_table_is(n->table, p->list[i].table) &&
            strcasecmp(own, n->column->name) == 0) {
            fault_set(f, FAULT_NOT_THIS,
                      "%s: column %s of table %s %s; where that is wrong, a --profile says what "
                      "it is",
                      option, n->column->name, n->table->name,
                      of_lists ? "is where the list is read from" : "is the key of the list");
            return true;
        }
    }
    return false;
}

static bool ignore(struct profile *p, const char *option, const char *text, const struct reading *o,
                   const struct ese_catalog *catalog, struct fault *f)
{
    struct named n;
    if (!find_column(option, text, catalog, &n, f))
        return false;
    if (is_said_to_refer(o, catalog, &n))
        return fault_set(f, FAULT_NOT_THIS, "%s: --reference says that %.100s is one", option,
                         text);
    if (is_proven(p, &n))
        return fault_set(f, FAULT_NOT_THIS,
                         "%s: the certificates in the rows of table %s prove what their column %s "
                         "names; where it is no reference, a --profile without it says so",
                         option, n.table->name, n.column->name);
    if (is_of_list(p, &n, option, f))
        return false;
    if (n.rest[0] || n.serial)
        return fault_set(f, FAULT_NOT_THIS, "%s: expected TABLE.COLUMN, found %.100s", option,
                         text);
    take_away(p, &n);
    return put_ignored(p, &n, option, f);
}

/* The list's keys, when they are no integers: of which type; else ESE_COL_LONG. */
static enum ese_coltype key_type(const struct profile *p, const struct ese_catalog *catalog)
{
    const struct ese_table *list = ese_catalog_find(catalog, p->list[0].table);
    const struct ese_column *key = ese_table_column(list, p->list[0].key);
    bool bytes = key && (key->type == ESE_COL_TEXT || key->type == ESE_COL_BINARY ||
                         key->type == ESE_COL_GUID);
    return bytes ? key->type : ESE_COL_LONG;
}

/* Can a reference of that type name what it is said to name? */
static bool is_of_type(enum ese_coltype type, enum ese_coltype named)
{
    if (ese_coltype_is_integer(type))
        return named == ESE_COL_LONG;
    switch (type) {
    case ESE_COL_BINARY:
    case ESE_COL_GUID:
        return named == ESE_COL_BINARY || named == ESE_COL_GUID;
    case ESE_COL_TEXT:
        return named == ESE_COL_TEXT;
    default:
        return false;
    }
}

bool said_could_refer(const struct profile *p, const struct ese_catalog *catalog,
                      const struct ese_column *column)
{
    return is_of_type(column->type, key_type(p, catalog));
}

static bool is_movable(const struct named *n, const char *option, enum ese_coltype named,
                       struct fault *f)
{
    return is_of_type(n->column->type, named) ||
           fault_set(f, FAULT_NOT_THIS,
                     "%s: column %s of table %s is of type %s; only %s can be moved", option,
                     n->column->name, n->table->name, ese_coltype_name(n->column->type),
                     named == ESE_COL_LONG ? "integers" : "what is of the type of the names");
}

/* What stands behind the column: in a list kept in one value entries have positions, else keys. */
static bool read_how(const char *rest, bool in_rows, enum profile_names *names)
{
    *names = strcmp(rest, "=sha1") == 0        ? NAMES_SHA1
             : strcmp(rest, "=sha1hex") == 0   ? NAMES_SHA1_HEX
             : strcmp(rest, "=position0") == 0 ? NAMES_POSITION_0
             : in_rows                         ? NAMES_KEY
                                               : NAMES_POSITION_1;
    if (profile_names_hash(*names))
        return true;
    return in_rows ? rest[0] == '\0' || strcmp(rest, "=key") == 0
                   : strcmp(rest, "=position0") == 0 || strcmp(rest, "=position1") == 0;
}

/* Adds a reference, or says of one that is there how it names. */
static bool put_reference(struct profile *p, const char *option, const struct named *n,
                          enum profile_names names, struct fault *f)
{
    unsigned i = 0;
    while (i < p->references &&
           !profile_refers_by(&p->reference[i], n->table->name, n->column->name))
        i++;
    if (i == PROFILE_REFERENCES_MOST)
        return fault_set(f, FAULT_LIMIT, "%s: more than %d columns refer to the list", option,
                         PROFILE_REFERENCES_MOST);
    struct profile_reference *r = &p->reference[i];
    bool is_new = i == p->references;
    const struct ese_column *key = ese_table_key_column(n->table);
    p->references += is_new;
    r->names = names;
    free(r->serial);
    r->serial = NULL;
    if (!is_new)
        free(r->column);
    return (!is_new || copy(&r->table, n->table->name, f)) &&
           copy(&r->column, n->column->name, f) &&
           (n->serial == NULL || copy(&r->serial, n->serial->name, f)) &&
           (!is_new || key == NULL || copy(&r->key, key->name, f));
}

static bool is_binary(const struct ese_column *column)
{
    return ese_column_is_binary(column) && !(column->flags & ESE_COLUMN_MULTI_VALUED);
}

/* "TABLE.ISSUER,SERIAL". */
static bool refer_by_identity(struct profile *p, const char *option, const struct named *n,
                              struct fault *f)
{
    const struct ese_column *wrong = !is_binary(n->column) ? n->column : n->serial;
    if (n->rest[0])
        return fault_set(
            f, FAULT_NOT_THIS,
            "%s: expected nothing behind two columns (issuer and serial number), found "
            "%.60s",
            option, n->rest);
    if (is_binary(wrong))
        return put_reference(p, option, n, NAMES_ISSUER_SERIAL, f);
    return fault_set(
        f, FAULT_NOT_THIS,
        "%s: column %s of table %s: expected Binary or LongBinary with one value a row "
        "for issuer and serial number, found %s%s",
        option, wrong->name, n->table->name, ese_coltype_name(wrong->type),
        wrong->flags & ESE_COLUMN_MULTI_VALUED ? " with several" : "");
}

static bool refer(struct profile *p, const char *text, const struct ese_catalog *catalog,
                  struct fault *f)
{
    static const char option[] = "--reference";
    struct named n;
    if (!find_column(option, text, catalog, &n, f))
        return false;
    if (n.serial)
        return refer_by_identity(p, option, &n, f);
    enum profile_names names;
    bool in_rows = p->list[0].table && ese_catalog_find(catalog, p->list[0].table);
    if (!read_how(n.rest, in_rows, &names))
        return fault_set(f, FAULT_NOT_THIS,
                         "%s: expected TABLE.COLUMN%s, =sha1 or =sha1hex, or TABLE.ISSUER,SERIAL, "
                         "found %.100s",
                         option, in_rows ? ", TABLE.COLUMN=key" : "=position0, =position1", text);
    if (p->values > 1 && !in_rows && !profile_names_hash(names))
        return fault_set(f, FAULT_NOT_THIS,
                         "%s: the list is in several values, in which no position is known; only "
                         "TABLE.COLUMN=sha1 can be moved",
                         option);
    if (names == NAMES_SHA1 && n.column->type == ESE_COL_TEXT)
        names = NAMES_SHA1_HEX; /* text can hold it in no other way */
    bool hex = names == NAMES_SHA1_HEX;
    if (!is_movable(&n, option,
                    names == NAMES_SHA1 || (hex && n.column->type == ESE_COL_BINARY)
                        ? ESE_COL_BINARY
                    : hex                ? ESE_COL_TEXT
                    : names == NAMES_KEY ? key_type(p, catalog)
                                         : ESE_COL_LONG,
                    f))
        return false;
    return put_reference(p, option, &n, names, f);
}

bool said_apply(struct profile *p, const struct ese_catalog *catalog, const struct reading *o,
                struct fault *f)
{
    for (unsigned i = 0; i < o->references; i++)
        if (!refer(p, o->reference[i], catalog, f))
            return false;
    for (unsigned i = 0; i < o->not_references; i++)
        if (!ignore(p, "--not-a-reference", o->not_reference[i], o, catalog, f))
            return false;
    for (unsigned i = 0; i < o->not_lists; i++)
        if (!ignore(p, "--not-a-list", o->not_list[i], o, catalog, f))
            return false;
    return true;
}
