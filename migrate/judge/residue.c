/* Columns that could refer to the list: see residue.h. */
#include "migrate/judge/residue.h"

#include "formats/ese/layout/text.h"
#include "formats/array.h"
#include "migrate/judge/entryset.h"
#include "migrate/judge/names.h"
#include "migrate/judge/numbers.h"
#include "migrate/judge/writings.h"
#include "migrate/profile/meaning.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum { VERSION_MOST = 3, STRAY_MOST = 64, KEY_MOST = 128 };

/* A column while its table is read. */
struct live {
    bool followed;
    uint8_t *names; /* NULL until a value names an entry */
    uint64_t values, present, zeros;
    int64_t least, greatest;
    int64_t least_key; /* of the values that are keys */
    bool strayed;      /* one other value was met, once or more often: */
    uint8_t stray[STRAY_MOST];
    size_t stray_size;
    uint64_t row_value; /* its value in the current row, when that is small; 0: none such */
    uint64_t versions,
        other_versions; /* rows in which it is, and is not, the certificate's version */
    bool not_key, not_from_zero;
    struct writings other;
};

struct residue_table {
    const struct model *m;
    const struct ese_table *table;
    struct live *live; /* by column */
    unsigned key;      /* number of its primary key column; table->columns: no single one */
    uint8_t *keys;     /* entries whose keys the primary key holds */
    uint8_t *places;   /* ... and whose rows' places */
    uint64_t rows;
    unsigned small_followed; /* columns that may be a version */
};

/* The primary key of a table, as far as entries' keys are concerned. */
struct residue_keys {
    const struct ese_table *table;
    const struct ese_column *column;
    uint8_t *holds, *places;
};

/* ---- what a value names ---- */

static bool can_name(enum ese_coltype type)
{
    return type == ESE_COL_GUID || ese_coltype_is_integer(type) || ese_coltype_is_binary(type) ||
           ese_coltype_is_text(type);
}

/* The key of a text in this or the other case, and without blanks at its end. */
static int32_t key_as_text(const struct model *m, struct bytes text)
{
    uint8_t other[KEY_MOST];
    while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\0'))
        text.size--;
    int32_t key = names_key(m, text);
    for (unsigned upper = 0; upper < 2 && key == m->no_key && text.size <= sizeof other; upper++) {
        for (size_t i = 0; i < text.size; i++)
            other[i] = (uint8_t)(upper ? toupper(text.at[i]) : tolower(text.at[i]));
        key = names_key(m, bytes_of(other, text.size));
    }
    return key;
}

/* The key of a number's digits, with as many zeros before them as the first key has digits. */
static int32_t key_as_digits(const struct model *m, int64_t number)
{
    char digits[24];
    int width = m->key_count > 0 && m->key_bytes[0].size < sizeof digits - 1
                    ? (int)m->key_bytes[0].size
                    : 0;
    snprintf(digits, sizeof digits, "%" PRId64, number);
    int32_t key = names_key(m, bytes_of(digits, strlen(digits)));
    if (key != m->no_key)
        return key;
    snprintf(digits, sizeof digits, "%0*" PRId64, width, number);
    return names_key(m, bytes_of(digits, strlen(digits)));
}

/* Bytes against keys that are bytes: the number of the key, or -1 for what is none.  Text of one
 * byte a character is held against text of two, too, and integers against text of their digits. */
static int64_t number_of(const struct model *m, const struct ese_column *column, struct bytes value)
{
    uint8_t narrow[KEY_MOST];
    int64_t number;
    int32_t key = names_key(m, value);
    if (key == m->no_key && !m->long_keys && ese_coltype_is_integer(column->type) &&
        numbers_plain(column, value, &number))
        key = key_as_digits(m, number);
    if (key == m->no_key && !m->long_keys && !ese_coltype_is_integer(column->type))
        key = key_as_text(m, value);
    if (key == m->no_key && value.size <= 2 * sizeof narrow &&
        column->code_page == ESE_CODEPAGE_UNICODE && ese_text_narrow(value, narrow))
        key = key_as_text(m, bytes_of(narrow, value.size / 2));
    return key == m->no_key ? -1 : key;
}

static void forget(struct live *l)
{
    free(l->names);
    l->names = NULL;
    l->followed = false;
}

/* ---- a table ---- */

static unsigned primary_key(const struct ese_table *table)
{
    const struct ese_column *column = ese_table_primary_column(table);
    return column && ese_coltype_is_integer(column->type) ? (unsigned)(column - table->column)
                                                          : table->columns;
}

static void free_table(struct residue_table *t)
{
    free(t->live);
    free(t->keys);
    free(t->places);
    free(t);
}

bool residue_begin(struct residue *r, const struct model *m, const struct ese_table *table,
                   struct residue_table **out)
{
    (void)r;
    struct residue_table *t = calloc(1, sizeof *t);
    *out = NULL;
    if (t == NULL)
        return false;
    t->m = m;
    t->table = table;
    t->key = primary_key(table);
    t->live = calloc(table->columns ? table->columns : 1, sizeof *t->live);
    bool keyed = t->key < table->columns;
    t->keys = keyed ? calloc(1, entryset_size(m)) : NULL;
    t->places = keyed ? calloc(1, entryset_size(m)) : NULL;
    if (t->live == NULL || (keyed && (t->keys == NULL || t->places == NULL))) {
        free_table(t);
        return false;
    }
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *c = &table->column[i];
        t->live[i].followed =
            can_name(c->type) && !profile_gives_meaning(m->profile, table->name, c->name);
        t->small_followed += t->live[i].followed && ese_coltype_is_integer(c->type);
        if (t->live[i].followed)
            writings_begin(&t->live[i].other, m, table, c, i == t->key);
    }
    *out = t;
    return true;
}

bool residue_follows(const struct residue_table *t, unsigned column)
{
    return t->live[column].followed || t->live[column].other.alive || (column == t->key && t->keys);
}

/* The primary key of another table: which entries' keys does it hold? */
static void note_key(struct residue_table *t, int64_t number)
{
    unsigned count, first = model_entries_of(t->m, number, &count);
    (void)entryset_add(&t->keys, t->m, first, count); /* the set is there */
}

/* And which places, counted from 1 or from 0? */
static void note_place(struct residue_table *t, struct bytes value)
{
    int64_t number;
    if (!numbers_plain(&t->table->column[t->key], value, &number))
        return;
    for (int64_t i = number - 1; i <= number; i++)
        if (i >= 0 && i < t->m->entries)
            (void)entryset_add(&t->places, t->m, (unsigned)i, 1);
}

/* A value that is no key may stand for none, or be the one reference that leads nowhere: one such
 * value is let pass, however often it comes. */
static bool may_stray(const struct residue_table *t, struct live *l, struct bytes value)
{
    if (t->m->match == PROFILE_MATCHES_VALUE || value.size > STRAY_MOST)
        return false;
    if (l->strayed)
        return bytes_equal(value, bytes_of(l->stray, l->stray_size));
    l->strayed = true;
    l->stray_size = value.size;
    if (value.size > 0)
        memcpy(l->stray, value.at, value.size);
    return true;
}

/* Numbers that count from 1 are keys by chance: with one among them that is none they say nothing.
 */
static bool is_told(const struct residue_table *t, unsigned column)
{
    const struct live *l = &t->live[column];
    if (!l->strayed)
        return true;
    return t->m->byte_keys
               ? t->m->long_keys || !ese_coltype_is_integer(t->table->column[column].type)
               : l->least_key > t->m->entries;
}

static bool follow(struct residue_table *t, unsigned i, int64_t number, struct bytes value)
{
    struct live *l = &t->live[i];
    const struct ese_column *column = &t->table->column[i];
    bool in_value = t->m->match == PROFILE_MATCHES_VALUE;
    unsigned count, first = model_entries_of(t->m, number, &count);
    l->present++;
    l->least = l->present == 1 || number < l->least ? number : l->least;
    l->greatest = l->present == 1 || number > l->greatest ? number : l->greatest;
    l->row_value = number >= 1 && number <= VERSION_MOST ? (uint64_t)number : 0;
    l->not_from_zero = l->not_from_zero || !in_value || number < 0 || number >= t->m->entries;
    bool none = t->m->byte_keys ? number == 0 : rows_names_none(column, number);
    if (count == 0 && !none && !may_stray(t, l, value))
        l->not_key = true;
    if (l->not_key && l->not_from_zero) {
        forget(l);
        return true;
    }
    l->zeros += count == 0;
    l->least_key = count > 0 && (l->values == 0 || number < l->least_key) ? number : l->least_key;
    l->values += count > 0;
    if (count > 0 && !entryset_add(&l->names, t->m, first, count))
        return false;
    /* Counted from 0, it names the entry behind as well. */
    return !in_value || l->not_from_zero || entryset_add(&l->names, t->m, (unsigned)number, 1);
}

static bool take_number(struct residue_table *t, unsigned column, int64_t number,
                        struct bytes value)
{
    if (column == t->key && t->keys)
        note_key(t, number);
    return !t->live[column].followed || follow(t, column, number, value);
}

/* One number or several, written somehow; a value that is none says that the column refers to
 * nothing. */
static bool take_numbers(struct residue_table *t, unsigned column, struct bytes value)
{
    struct numbers numbers = numbers_open(t->m, &t->table->column[column], value);
    int64_t number;
    while (t->live[column].followed && numbers_next(&numbers, &number))
        if (!take_number(t, column, number, value))
            return false;
    if (!numbers.whole)
        forget(&t->live[column]);
    return true;
}

static bool take_as_keys(struct residue_table *t, unsigned column, struct bytes value)
{
    const struct ese_column *c = &t->table->column[column];
    int64_t number, plain;
    bool integer = ese_coltype_is_integer(c->type) && numbers_plain(c, value, &plain);
    if (!t->m->byte_keys)
        return integer ? take_number(t, column, plain, value) : take_numbers(t, column, value);
    number = value.size > 0 ? number_of(t->m, c, value) : 0;
    if (number < 0 && t->m->long_keys && integer && rows_names_none(c, plain))
        number = 0; /* counts as none, as in other lists */
    return take_number(t, column, number, value);
}

/* Places are small, and versions as well. */
static bool take_otherwise(struct residue_table *t, unsigned column, struct bytes value)
{
    struct live *l = &t->live[column];
    const struct ese_column *c = &t->table->column[column];
    int64_t number;
    if (ese_coltype_is_integer(c->type) && numbers_plain(c, value, &number))
        l->row_value = number >= 1 && number <= VERSION_MOST ? (uint64_t)number : 0;
    return writings_value(&l->other, t->m, c, value);
}

bool residue_value(struct residue_table *t, unsigned column, struct bytes value)
{
    bool is_key = column == t->key && t->keys;
    if (is_key)
        note_place(t, value);
    if ((is_key || t->live[column].followed) && !take_as_keys(t, column, value))
        return false;
    return t->live[column].other.alive == 0 || take_otherwise(t, column, value);
}

/* ---- versions ---- */

bool residue_wants_version(const struct residue_table *t)
{
    for (unsigned i = 0; t->small_followed && i < t->table->columns; i++)
        if (residue_follows(t, i) && t->live[i].row_value && t->live[i].other_versions == 0)
            return true;
    return false;
}

void residue_version(struct residue_table *t, int version)
{
    for (unsigned i = 0; i < t->table->columns; i++) {
        struct live *l = &t->live[i];
        l->versions += l->row_value && l->row_value == (uint64_t)version;
        l->other_versions += l->row_value && l->row_value != (uint64_t)version;
    }
}

void residue_end_row(struct residue_table *t)
{
    t->rows++;
    for (unsigned i = 0; t->small_followed && i < t->table->columns; i++)
        t->live[i].row_value = 0;
}

/* ---- the end ---- */

static bool counts_up(const struct residue_table *t, const struct live *l)
{
    return l->present == t->rows && l->least == 1 && (uint64_t)l->greatest == t->rows;
}

/* The values are the keys of the list, one by one: then the table says something of each entry. */
static bool are_the_keys(const struct residue_table *t, const struct live *l)
{
    return l->values == t->m->entries && entryset_count(l->names, t->m) == t->m->entries;
}

static const char counted[] = "it is the table's primary key, and counts its rows";
static const char counting[] = "the engine counts it up";
static const char version_beside[] = "it is the version of the certificate in its row";

static const char *explanation(const struct residue_table *t, unsigned column)
{
    const struct live *l = &t->live[column];
    if (t->table->column[column].flags & ESE_COLUMN_AUTO_INCREMENT)
        return counting;
    if (column == t->key && model_is_list_table(t->m, t->table))
        return "it is the primary key of the list's own table";
    if (column == t->key && counts_up(t, l) && !are_the_keys(t, l))
        return counted;
    if (l->versions > 0 && l->other_versions == 0 && l->versions + l->zeros >= l->values)
        return version_beside;
    return NULL;
}

/* Its names are r's in any case. */
static bool keep_candidate(struct residue *r, const struct residue_column *c)
{
    bool room = array_reserve(&r->column, &r->room, r->columns + 1, sizeof *r->column);
    if (room)
        r->column[r->columns++] = *c;
    else
        free(c->names);
    return room;
}

static bool keep_keyed(struct residue *r, struct residue_table *t, unsigned i)
{
    struct live *l = &t->live[i];
    struct residue_column c = {.table = t->table,
                               .column = &t->table->column[i],
                               .values = l->values,
                               .names = l->names,
                               .explained = explanation(t, i),
                               .may_be_key = !l->not_key,
                               .from_zero = !l->not_from_zero};
    l->names = NULL;
    return keep_candidate(r, &c);
}

static bool keep_written(struct residue *r, struct residue_table *t, unsigned i)
{
    struct live *l = &t->live[i];
    struct residue_column c = {.table = t->table,
                               .column = &t->table->column[i],
                               .values = l->other.values,
                               .may_be_key = true};
    c.written = writings_take(&l->other, t->m, t->rows, &c.names, &c.by_place);
    if (c.by_place && l->other_versions == 0 && l->versions >= c.values)
        c.explained = version_beside;
    return c.written == NULL || keep_candidate(r, &c);
}

static bool keep_keys(struct residue *r, struct residue_table *t)
{
    if (t->keys == NULL || model_is_list_table(t->m, t->table))
        return true;
    if (!array_reserve(&r->keys, &r->table_room, r->tables + 1, sizeof *r->keys))
        return false;
    r->keys[r->tables++] =
        (struct residue_keys){t->table, &t->table->column[t->key], t->keys, t->places};
    t->keys = t->places = NULL;
    return true;
}

bool residue_end(struct residue *r, struct residue_table *t)
{
    bool ok = keep_keys(r, t);
    for (unsigned i = 0; i < t->table->columns; i++) {
        if (ok && t->live[i].followed && t->live[i].names && is_told(t, i))
            ok = keep_keyed(r, t, i);
        else if (ok && t->live[i].other.alive)
            ok = keep_written(r, t, i);
        writings_close(&t->live[i].other);
        free(t->live[i].names);
    }
    free_table(t);
    return ok;
}

/* "Mailbox" or "MailboxId" for the table Mailboxes with the key Id: a name for its rows. */
static bool names_table(const char *column, const struct residue_keys *k)
{
    static const char *const plural[] = {"", "s", "es"};
    size_t size = strlen(k->table->name);
    for (unsigned i = 0; i < sizeof plural / sizeof plural[0]; i++) {
        size_t cut = strlen(plural[i]);
        if (size <= cut || strcasecmp(k->table->name + size - cut, plural[i]) != 0 ||
            strncasecmp(column, k->table->name, size - cut) != 0)
            continue;
        const char *rest = column + size - cut;
        if (rest[0] == '\0' || strcasecmp(rest, k->column->name) == 0)
            return true;
    }
    return false;
}

/* Is it the primary key of its table, and do several tables have one of that name?  Then the name
 * says nothing of the list. */
static bool is_usual(const struct residue *r, const struct residue_column *c)
{
    unsigned tables = 0;
    bool own = false;
    for (unsigned i = 0; i < r->tables; i++) {
        own = own || r->keys[i].column == c->column;
        tables += strcasecmp(r->keys[i].column->name, c->column->name) == 0;
    }
    return own && tables > 1;
}

/* All that a column names is there under the primary key of the same name in another table: it
 * refers to that one. */
static bool refers_elsewhere(const struct residue *r, const struct model *m,
                             const struct residue_column *c)
{
    bool usual = is_usual(r, c);
    for (unsigned i = 0; i < r->tables; i++) {
        const struct residue_keys *k = &r->keys[i];
        bool same = strcasecmp(k->column->name, c->column->name) == 0;
        if (k->table == c->table ||
            (same ? c->as_list && !usual : !names_table(c->column->name, k)))
            continue;
        bool all = true;
        for (size_t b = 0; b < entryset_size(m) && all; b++)
            all = (c->names[b] & ~(c->by_place ? k->places : k->holds)[b]) == 0;
        if (all)
            return true;
    }
    return false;
}

/* Is it named like the key of the list, or after its table? */
static bool is_named_as_list(const struct model *m, const struct ese_column *column)
{
    enum { WORD_LEAST = 3 };
    for (unsigned i = 0; m->match == PROFILE_MATCHES_ROWS && i < m->profile->lists; i++) {
        const struct profile_list *list = &m->profile->list[i];
        if ((list->key && strcasecmp(column->name, list->key) == 0) ||
            (strlen(list->table) >= WORD_LEAST && strcasestr(column->name, list->table)))
            return true;
    }
    return false;
}

/* What counts the rows of its table may count the entries all the same, but for those that were
 * never saved, where it is named after them. */
static void doubt_counted(const struct residue *r, struct residue_column *c)
{
    if (c->as_list && (c->explained == counted || c->explained == counting) && !is_usual(r, c))
        c->explained = NULL;
}

void residue_explain(struct residue *r, const struct model *m)
{
    for (unsigned i = 0; i < r->columns; i++) {
        r->column[i].as_list =
            is_named_as_list(m, r->column[i].column) && !model_is_list_table(m, r->column[i].table);
        doubt_counted(r, &r->column[i]);
    }
    for (unsigned i = 0; i < r->columns; i++)
        if (r->column[i].explained == NULL && refers_elsewhere(r, m, &r->column[i]))
            r->column[i].explained = "it holds keys of the table that its name stands for";
}

bool residue_column_names(const struct residue_column *c, unsigned entry)
{
    return entryset_has(c->names, entry);
}

bool residue_names(const struct residue *r, unsigned entry)
{
    for (unsigned i = 0; i < r->columns; i++)
        if (r->column[i].explained == NULL && !r->column[i].by_place &&
            residue_column_names(&r->column[i], entry))
            return true;
    return false;
}

void residue_close(struct residue *r)
{
    for (unsigned i = 0; i < r->columns; i++)
        free(r->column[i].names);
    for (unsigned i = 0; i < r->tables; i++) {
        free(r->keys[i].holds);
        free(r->keys[i].places);
    }
    free(r->column);
    free(r->keys);
    *r = (struct residue){.column = NULL};
}
