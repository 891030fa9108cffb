/*
 * What stands beside the list and speaks of it, so that it would be wrong afterwards: how long the
 * list's value is, its hash, how many certificates it has, something for each of them in the same
 * order, or a setting that names one of them.  See unsaid.h.
 *
 * Looked at are the tables in which values of the list and settings are.  Nothing here is changed
 * by any repair, so all that can be said of it is that it has nothing to do with the list.
 */
#include "migrate/decide/unsaid_parts.h"

#include "migrate/judge/digests.h"
#include "migrate/judge/readers.h"
#include "migrate/profile/meaning.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    TABLES_MOST = PROFILE_LISTS_MOST + PROFILE_SETTINGS,
    ASKED_MOST = 20,
    SIZE_LEAST = 128, /* a smaller number is the size of nothing with a certificate in it */
    NAME_MOST = 80,
};

struct describing {
    struct asking *a;
    struct rows rows;
    bool changes[PROFILE_LISTS_MOST]; /* values of the list that a repair writes anew */
    unsigned moved;                   /* the first entry whose position is another afterwards */
    struct digests *digests;          /* of these values */
    struct buffer room, name;
    uint64_t row;
    unsigned asked;
};

/* ---- what is to change ---- */

static void note_changes(struct describing *d)
{
    const struct model *m = d->a->m;
    bool value = m->match == PROFILE_MATCHES_VALUE;
    d->moved = UINT_MAX;
    for (size_t i = 0; i < d->a->plan->actions; i++) {
        const struct action *action = &d->a->plan->action[i];
        const struct model_entry *e = model_entry_twin(m, action->entry, action->twin);
        for (unsigned part = 0; value && part < m->profile->values; part++)
            if (action_changes_list(action->kind) &&
                (action->kind == ACTION_ADD_ENTRY ? action->part == part : e && e->part == part))
                d->changes[part] = true;
    }
    for (unsigned i = m->entries; i-- > 0;)
        if (unsaid_may_go(d->a, i))
            d->moved = value ? i : 0;
}

static size_t header_size(const struct model *m, unsigned part)
{
    return (size_t)m->profile->value[part].wrapping.skip;
}

static struct bytes behind_header(const struct model *m, unsigned part)
{
    return bytes_from(m->value[part].stored, header_size(m, part));
}

static bool open_digests(struct describing *d)
{
    const struct model *m = d->a->m;
    d->digests = digests_open();
    bool ok = d->digests != NULL;
    for (unsigned i = 0; ok && i < m->profile->values; i++)
        if (d->changes[i] && !m->value[i].form.values)
            ok = digests_add(d->digests, m->value[i].bytes, i) &&
                 digests_add(d->digests, m->value[i].stored, i) &&
                 digests_add(d->digests, behind_header(m, i), i);
    return ok;
}

/* ---- asking ---- */

static void ask(struct describing *d, const struct ese_column *column, const char *what)
{
    const char *table = d->rows.table->name;
    char text[640];
    if (d->asked == ASKED_MOST)
        return;
    d->asked++;
    snprintf(text, sizeof text,
             "table %.64s, row %" PRIu64
             ", column %.64s: %s, and a repair does not change it; if it "
             "has nothing to do with the list, say --not-a-list %.64s.%.64s",
             table, d->row, column->name, what, table, column->name);
    unsaid_ask(d->a, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY, text);
}

/* ---- beside a value of the list ---- */

/* Does a column count rows, or is it the row's own key? */
static bool is_counter(const struct ese_table *table, const struct ese_column *column)
{
    return (column->flags & ESE_COLUMN_AUTO_INCREMENT) || ese_table_in_primary(table, column);
}

static bool is_own_row(const struct describing *d, unsigned part)
{
    const struct model_value *v = &d->a->m->value[part];
    return ese_table_is(d->rows.table, d->a->m->profile->value[part].table) &&
           (v->pieces.count > 0 ? pieces_has_row(&v->pieces, d->row) : v->row == d->row);
}

/* Something for each certificate, in the order of the list. */
static void look_at_values(struct describing *d, unsigned part, const struct ese_column *column)
{
    const struct model_value *v = &d->a->m->value[part];
    char what[120];
    if (!v->form.values || !(column->flags & ESE_COLUMN_MULTI_VALUED) ||
        model_count_values(&d->rows, column) != v->entries)
        return;
    snprintf(what, sizeof what, "it has %u values, one for each certificate of the list",
             v->entries);
    ask(d, column, what);
}

/* A header in front of the list stays as it is, whatever it says of it. */
static void look_at_header(struct describing *d, unsigned part)
{
    const struct model *m = d->a->m;
    const struct profile_value *p = &m->profile->value[part];
    size_t size = header_size(m, part);
    char text[640];
    if (size == 0 || profile_is_apart(m->profile, p->table, p->column))
        return;
    snprintf(text, sizeof text,
             "table %.64s, column %.64s: the %zu bytes in front of the list may say how long it "
             "is, how many certificates it has or where they begin, or have a hash of it, and a "
             "repair does not change them; if they do not, say so with --not-a-list %.64s.%.64s "
             "and a --profile that has skip = %zu",
             p->table, p->column, size, p->table, p->column, size);
    unsaid_ask(d->a, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY, text);
}

/* How many bytes, or certificates, a value of the list has. */
static void look_at_number(struct describing *d, unsigned part, const struct ese_column *column,
                           int64_t number)
{
    const struct model_value *v = &d->a->m->value[part];
    char what[120];
    if (!v->form.values && v->bytes.size >= SIZE_LEAST &&
        (number == (int64_t)v->bytes.size || number == (int64_t)v->stored.size ||
         number == (int64_t)behind_header(d->a->m, part).size))
        snprintf(what, sizeof what, "it is the size of the list's value, %" PRId64 " bytes",
                 number);
    else if (is_own_row(d, part) && number == (int64_t)v->entries &&
             !is_counter(d->rows.table, column))
        snprintf(what, sizeof what, "it is the number of the list's certificates, %u", v->entries);
    else
        return;
    ask(d, column, what);
}

/* ---- settings ---- */

/* Does a name have one of these words in it? */
static bool has_word(const char *name, const char *const *word)
{
    for (; *word; word++)
        if (strcasestr(name, *word))
            return true;
    return false;
}

static bool speaks_of_entry(const char *name)
{
    static const char *const words[] = {
        "import",  "sign",   "issu",    "trust", "root",     "cert", "auth", "entry", "anchor",
        "current", "active", "default", "place", "position", "list", "last", NULL};
    return has_word(name, words);
}

static bool speaks_of_count(const char *name)
{
    static const char *const words[] = {"count", "number of", "numberof", "total", "size", NULL};
    return has_word(name, words);
}

/* Does the profile say what stands there: a setting, or in a row of the list whatever it names? */
static bool is_known(const struct describing *d, const struct ese_column *column)
{
    const struct model *m = d->a->m;
    const struct ese_table *table = d->rows.table;
    struct setting_place place;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++)
        if (profile_place(m->profile, i, &place) && place.table &&
            ese_table_is(table, place.table) && strcasecmp(place.column, column->name) == 0 &&
            setting_is_in(&place, table, &d->rows.record))
            return true;
    for (unsigned i = 0; i < m->profile->values; i++)
        if (m->match == PROFILE_MATCHES_VALUE && is_own_row(d, i) &&
            profile_says_what(m->profile, table->name, column->name))
            return true;
    return false;
}

/* The column with the names of a table's settings; NULL: they have none. */
static const struct ese_column *name_column(const struct describing *d)
{
    const struct profile *p = d->a->m->profile;
    const struct ese_table *table = d->rows.table;
    const struct ese_column *column = NULL;
    struct setting_place place;
    for (unsigned i = 0; i < PROFILE_SETTINGS && column == NULL; i++)
        if (profile_place(p, i, &place) && place.table && ese_table_is(table, place.table))
            column = ese_table_column(table, place.rows.column);
    for (unsigned i = 0; i < p->values && column == NULL; i++)
        if (ese_table_is(table, p->value[i].table))
            column = ese_table_column(table, p->value[i].select);
    return column && ese_column_is_text(column) ? column : NULL;
}

/* The name of the row in hand, in d->name; false: it has none. */
static bool read_name(struct describing *d)
{
    const struct ese_column *column = name_column(d);
    enum setting_form form;
    struct bytes value;
    bool null;
    buffer_clear(&d->name);
    return column && rows_peek(&d->rows, column, &d->room, &value, &null, NULL) && !null &&
           setting_text(column, NULL, value, &d->name, &form) && buffer_add_u8(&d->name, 0);
}

/* The key of an entry that goes, or the position of one that goes or moves, in a setting. */
static bool names_affected(const struct describing *d, int64_t number)
{
    const struct model *m = d->a->m;
    const struct model_entry *e = m->byte_keys ? NULL : model_entry(m, number);
    if (m->match == PROFILE_MATCHES_VALUE)
        return d->moved != UINT_MAX && number >= 0 && number >= d->moved && number <= m->entries;
    return e && unsaid_may_go(d->a, (unsigned)(e - m->entry));
}

/* A byte for each certificate of the list, in their order. */
static void look_at_bytes(struct describing *d, const struct ese_column *column, struct bytes value)
{
    const struct model *m = d->a->m;
    char what[NAME_MOST + 120];
    bool text = true;
    uint8_t c;
    for (size_t i = 0; bytes_u8(value, i, &c); i++)
        text = text && c >= ' ' && c <= '~';
    if (m->match != PROFILE_MATCHES_VALUE || text || value.size != m->entries || !read_name(d) ||
        !speaks_of_entry((const char *)d->name.at))
        return;
    int size = d->name.size > NAME_MOST ? NAME_MOST : (int)d->name.size - 1;
    snprintf(what, sizeof what, "the setting %.*s has %u bytes, one for each certificate", size,
             (const char *)d->name.at, m->entries);
    ask(d, column, what);
}

static void look_at_setting(struct describing *d, const struct ese_column *column, int64_t number)
{
    const struct model *m = d->a->m;
    char what[NAME_MOST + 120];
    if (!read_name(d))
        return;
    const char *name = (const char *)d->name.at;
    int size = d->name.size > NAME_MOST ? NAME_MOST : (int)d->name.size - 1;
    if (speaks_of_count(name) && number == m->entries && d->moved != UINT_MAX)
        snprintf(what, sizeof what, "the setting %.*s is the number of the list's certificates, %u",
                 size, name, m->entries);
    else if (speaks_of_entry(name) && names_affected(d, number))
        snprintf(what, sizeof what, "the setting %.*s may name entry %" PRId64 ", which %s", size,
                 name, number, m->match == PROFILE_MATCHES_VALUE ? "goes or moves up" : "goes");
    else
        return;
    ask(d, column, what);
}

/* ---- rows ---- */

/* A value in decimal digits of one or two bytes. */
static bool read_digits(struct bytes value, int64_t *number)
{
    char digits[12], *end;
    size_t used = 0;
    for (size_t i = 0; i < value.size && used < sizeof digits - 1; i++)
        if (value.at[i] >= '0' && value.at[i] <= '9')
            digits[used++] = (char)value.at[i];
        else if (value.at[i] != 0)
            return false;
    digits[used] = '\0';
    *number = strtoll(digits, &end, 10);
    return used > 0 && used < sizeof digits - 1;
}

/* The numbers that a value may be: of up to 8 bytes, and in digits.  Returns how many. */
static unsigned read_numbers(const struct ese_column *column, struct bytes value, int64_t number[2])
{
    bool text = ese_column_is_text(column);
    unsigned count = 0;
    if (!text && (value.size == 1 || value.size == 2 || value.size == 4 || value.size == 8))
        number[count++] = (int64_t)bytes_number(value);
    if (!ese_coltype_is_integer(column->type) && read_digits(value, &number[count]))
        count++;
    return count;
}

static void look_at_numbers(struct describing *d, const struct ese_column *column,
                            struct bytes value)
{
    const struct model *m = d->a->m;
    int64_t number[2];
    unsigned numbers = read_numbers(column, value, number);
    bool setting = profile_has_setting_value(m->profile, d->rows.table->name, column->name);
    for (unsigned n = 0; n < numbers; n++) {
        for (unsigned i = 0; i < m->profile->values && m->match == PROFILE_MATCHES_VALUE; i++)
            if (d->changes[i])
                look_at_number(d, i, column, number[n]);
        if (setting)
            look_at_setting(d, column, number[n]);
    }
    if (setting && d->moved != UINT_MAX)
        look_at_bytes(d, column, value);
}

static bool look_at_column(struct describing *d, const struct ese_column *column)
{
    const struct model *m = d->a->m;
    struct bytes value;
    uint32_t part;
    bool null;
    for (unsigned i = 0; i < m->profile->values && m->match == PROFILE_MATCHES_VALUE; i++)
        if (d->changes[i] && is_own_row(d, i) &&
            strcasecmp(m->profile->value[i].column, column->name) != 0)
            look_at_values(d, i, column);
    if (is_known(d, column))
        return true;
    if (!rows_peek(&d->rows, column, &d->room, &value, &null, NULL) || null)
        return true; /* the sweep tells what cannot be read */
    if (!digests_find(d->digests, value, &part))
        return false;
    if (part != DIGESTS_NONE)
        ask(d, column, "it has a hash of the list's value");
    else
        look_at_numbers(d, column, value);
    return true;
}

static bool look_at_table(struct describing *d, const struct ese_table *table, struct fault *f)
{
    const struct profile *p = d->a->m->profile;
    bool ok = true;
    rows_open(&d->rows, d->a->m->store, table);
    for (d->row = 1; ok && rows_next(&d->rows); d->row++)
        for (unsigned i = 0; ok && i < table->columns; i++)
            if (table->column[i].type != ESE_COL_NIL &&
                !profile_is_apart(p, table->name, table->column[i].name))
                ok = look_at_column(d, &table->column[i]);
    ok = rows_end_told(&d->rows) && ok;
    return ok || fault_set(f, FAULT_NO_MEMORY, "out of memory while looking beside the list");
}

/* The tables of settings and of values of the list, each once; returns how many. */
static unsigned find_tables(const struct model *m, const struct ese_table *table[TABLES_MOST])
{
    const struct ese_catalog *catalog = m->store->db->catalog;
    unsigned tables = 0;
    struct setting_place place;
    for (unsigned i = 0; i < PROFILE_LISTS_MOST + PROFILE_SETTINGS; i++) {
        const char *name = NULL;
        if (i < PROFILE_LISTS_MOST)
            name = m->match == PROFILE_MATCHES_VALUE && i < m->profile->values
                       ? m->profile->value[i].table
                       : NULL;
        else if (profile_place(m->profile, i - PROFILE_LISTS_MOST, &place))
            name = place.table;
        const struct ese_table *one = name ? ese_catalog_find(catalog, name) : NULL;
        bool known = one == NULL;
        for (unsigned k = 0; k < tables; k++)
            known = known || table[k] == one;
        if (!known)
            table[tables++] = one;
    }
    return tables;
}

bool describing_ask(struct asking *a, struct fault *f)
{
    struct describing d = {.a = a};
    const struct ese_table *table[TABLES_MOST];
    bool any = false;
    note_changes(&d);
    for (unsigned i = 0; i < PROFILE_LISTS_MOST; i++)
        any = any || d.changes[i];
    if (!any && d.moved == UINT_MAX)
        return true;
    bool ok = open_digests(&d) || fault_no_memory(f, "hashes");
    for (unsigned i = 0; ok && i < PROFILE_LISTS_MOST; i++)
        if (d.changes[i])
            look_at_header(&d, i);
    unsigned tables = find_tables(a->m, table);
    for (unsigned i = 0; ok && i < tables; i++)
        ok = look_at_table(&d, table[i], f);
    digests_close(d.digests);
    buffer_free(&d.room);
    buffer_free(&d.name);
    return ok;
}
