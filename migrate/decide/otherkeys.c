/*
 * Columns that name entries by another column of the list's rows than its key: a second number, a
 * name, a GUID.  See unsaid.h.
 *
 * A column of the list that tells each entry from all others may be what somebody else goes by.
 * Where all values of another table's column stand there, and some tell an entry that goes, it is
 * asked about.  No repair moves such a reference.
 */
#include "migrate/decide/unsaid_parts.h"

#include "formats/ese/layout/text.h"
#include "formats/array.h"
#include "migrate/judge/numbers.h"
#include "migrate/profile/meaning.h"
#include "migrate/store/rows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    KEYS_MOST = 16, /* columns of the list */
    VALUE_MOST = 80 /* bytes of what tells an entry */
};

enum sort { SORT_NONE, SORT_INTEGER, SORT_TEXT, SORT_BYTES };

struct told {
    uint8_t at[VALUE_MOST];
    uint8_t size;
    unsigned entry;
};

/* A column of the list with another value in each row. */
struct other_key {
    const struct ese_table *table;
    const struct ese_column *column;
    struct told *told; /* ascending */
    unsigned count;
    size_t room;
    bool refuted;
};

/* What is known of a column of the table in hand, for each of the others. */
struct candidate {
    bool refuted[KEYS_MOST];
    int64_t first[KEYS_MOST]; /* entry that goes, and that it names; NO_ENTRY: none yet */
    uint64_t values;
    unsigned alive;
};

struct others {
    struct asking *a;
    struct other_key key[KEYS_MOST];
    unsigned keys;
    struct buffer room;
};

static enum sort sort_of(const struct ese_column *column)
{
    if (ese_coltype_is_integer(column->type))
        return SORT_INTEGER;
    if (ese_column_is_text(column))
        return SORT_TEXT;
    return column->type == ESE_COL_GUID || column->type == ESE_COL_BINARY ? SORT_BYTES : SORT_NONE;
}

/* Integers in eight bytes; texts in lower case, with one byte a character where that does.  False:
 * the value is too long to tell an entry. */
static bool normalise(const struct ese_column *column, struct bytes value, struct told *to)
{
    int64_t number;
    uint8_t narrow[VALUE_MOST / 2];
    if (sort_of(column) == SORT_INTEGER) {
        to->size = sizeof number;
        return numbers_plain(column, value, &number) &&
               (bytes_put_le64(to->at, (uint64_t)number), true);
    }
    if (value.size == 0 || value.size > VALUE_MOST)
        return false;
    if (sort_of(column) == SORT_TEXT && column->code_page == ESE_CODEPAGE_UNICODE &&
        ese_text_narrow(value, narrow))
        value = bytes_of(narrow, value.size / 2);
    to->size = (uint8_t)value.size;
    for (size_t i = 0; i < value.size; i++)
        to->at[i] = sort_of(column) == SORT_TEXT ? (uint8_t)tolower(value.at[i]) : value.at[i];
    while (sort_of(column) == SORT_TEXT && to->size > 0 && to->at[to->size - 1] == '\0')
        to->size--;
    return to->size > 0;
}

static int by_value(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    int order = memcmp(x->at, y->at, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

/* ---- the list's own columns ---- */

/* Which could tell entries: not the key, nor what the certificate itself says. */
static bool may_tell(const struct profile *p, const struct profile_list *list,
                     const struct ese_table *table, const struct ese_column *column)
{
    bool name = list->name && strcasecmp(list->name, column->name) == 0;
    return sort_of(column) != SORT_NONE && !(column->flags & ESE_COLUMN_MULTI_VALUED) &&
           (name || !profile_gives_meaning(p, table->name, column->name));
}

static bool note(struct other_key *key, unsigned entry)
{
    bool room = array_reserve(&key->told, &key->room, key->count + 1, sizeof *key->told);
    if (room)
        key->told[key->count++].entry = entry;
    return room;
}

static bool take_row(struct others *o, struct rows *rows, unsigned first, unsigned entry,
                     struct fault *f)
{
    for (unsigned i = first; i < o->keys; i++) {
        struct other_key *key = &o->key[i];
        struct bytes value;
        bool null;
        if (key->refuted)
            continue;
        if (!note(key, entry))
            return fault_no_memory(f, "what tells entries");
        key->refuted = !rows_peek(rows, key->column, &o->room, &value, &null, f) || null ||
                       !normalise(key->column, value, &key->told[key->count - 1]);
        if (f->code == FAULT_NO_MEMORY)
            return false;
        f->code = FAULT_NONE;
    }
    return true;
}

/* Small numbers tell nothing: every table has them. */
static bool are_small(const struct model *m, const struct other_key *key)
{
    for (unsigned i = 0; i < key->count; i++)
        if (bytes_number(bytes_of(key->told[i].at, sizeof(int64_t))) > 2 * (uint64_t)m->entries)
            return false;
    return true;
}

static void judge_key(const struct model *m, struct other_key *key)
{
    if (key->count > 0)
        qsort(key->told, key->count, sizeof *key->told, by_value);
    for (unsigned i = 1; i < key->count; i++)
        key->refuted = key->refuted || by_value(&key->told[i], &key->told[i - 1]) == 0;
    key->refuted = key->refuted || key->count < 2 ||
                   (sort_of(key->column) == SORT_INTEGER && are_small(m, key));
}

static bool read_list(struct others *o, unsigned part, struct fault *f)
{
    const struct model *m = o->a->m;
    const struct profile_list *list = &m->profile->list[part];
    const struct ese_table *table = model_list_table(m, part);
    unsigned first = o->keys;
    struct rows rows;
    bool ok = true;
    for (unsigned i = 0; table && i < table->columns && o->keys < KEYS_MOST; i++)
        if (may_tell(m->profile, list, table, &table->column[i]))
            o->key[o->keys++] = (struct other_key){.table = table, .column = &table->column[i]};
    if (o->keys == first)
        return true;
    rows_open(&rows, m->store, table);
    for (unsigned row = 0; ok && rows_next(&rows); row++) {
        const struct model_entry *e = model_entry_of_row(m, table, row);
        ok = e == NULL || e->part != part || take_row(o, &rows, first, (unsigned)(e - m->entry), f);
    }
    ok = rows_end(&rows, ok ? f : NULL) && ok;
    for (unsigned i = first; i < o->keys; i++)
        judge_key(m, &o->key[i]);
    return ok;
}

/* ---- other columns ---- */

static const struct told *find(const struct other_key *key, const struct told *wanted)
{
    return bsearch(wanted, key->told, key->count, sizeof *wanted, by_value);
}

static void take_value(struct others *o, struct candidate *c, const struct ese_column *column,
                       struct bytes value)
{
    struct told wanted;
    int64_t number;
    bool fits = normalise(column, value, &wanted);
    bool none = sort_of(column) == SORT_INTEGER && numbers_plain(column, value, &number) &&
                rows_names_none(column, number);
    c->values++;
    for (unsigned i = 0; i < o->keys; i++) {
        if (c->refuted[i])
            continue;
        const struct told *told = fits ? find(&o->key[i], &wanted) : NULL;
        if (told == NULL && none)
            continue;
        if (told == NULL) {
            c->refuted[i] = true;
            c->alive--;
        } else if (c->first[i] == NO_ENTRY && unsaid_may_go(o->a, told->entry)) {
            c->first[i] = told->entry;
        }
    }
}

static bool is_other_key(const struct others *o, const struct ese_column *column)
{
    for (unsigned i = 0; i < o->keys; i++)
        if (o->key[i].column == column)
            return true;
    return false;
}

/* Counters, and what tells entries itself, name nobody else. */
static void begin(const struct others *o, const struct ese_table *table,
                  const struct ese_column *column, struct candidate *c)
{
    bool may = sort_of(column) != SORT_NONE && !is_other_key(o, column) &&
               !(column->flags & ESE_COLUMN_AUTO_INCREMENT) &&
               !profile_gives_meaning(o->a->m->profile, table->name, column->name);
    *c = (struct candidate){.values = 0};
    for (unsigned i = 0; i < o->keys; i++) {
        const struct other_key *key = &o->key[i];
        c->first[i] = NO_ENTRY;
        c->refuted[i] = !may || key->refuted || sort_of(key->column) != sort_of(column);
        c->alive += !c->refuted[i];
    }
}

static void ask(struct others *o, const struct ese_table *table, const struct ese_column *column,
                const struct candidate *c, unsigned i)
{
    const struct model_entry *e = &o->a->m->entry[c->first[i]];
    char text[640];
    snprintf(text, sizeof text,
             "table %.64s, column %.64s: all of its %" PRIu64
             " values stand in column %.64s of the list, too, and tell entry %d, which goes; such "
             "references cannot be moved: say --not-a-reference %.64s.%.64s where it is none",
             table->name, column->name, c->values, o->key[i].column->name, e->key, table->name,
             column->name);
    unsaid_ask(o->a, PROBLEM_RESIDUE, e->key, NO_ENTRY, text);
}

static bool look_at_row(struct others *o, struct rows *rows, struct candidate *candidate,
                        struct fault *f)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < rows->table->columns; i++) {
        const struct ese_column *column = &rows->table->column[i];
        struct ese_values values;
        struct bytes bytes;
        if (candidate[i].alive == 0 || !ese_values_of(&values, &rows->record, column, f))
            continue;
        while (candidate[i].alive > 0 &&
               rows_next_value(rows, &values, column, &o->room, &bytes, f))
            take_value(o, &candidate[i], column, bytes);
        alive += candidate[i].alive;
    }
    if (f->code == FAULT_NO_MEMORY)
        return false;
    f->code = FAULT_NONE; /* the sweep has told what cannot be read */
    return alive > 0;
}

static bool look_at_table(struct others *o, const struct ese_table *table, struct fault *f)
{
    struct candidate *candidate = calloc(table->columns + 1u, sizeof *candidate);
    struct rows rows;
    if (candidate == NULL)
        return fault_no_memory(f, "what tells entries");
    for (unsigned i = 0; i < table->columns; i++)
        begin(o, table, &table->column[i], &candidate[i]);
    rows_open(&rows, o->a->m->store, table);
    while (rows_next(&rows) && look_at_row(o, &rows, candidate, f))
        ;
    bool ok = f->code != FAULT_NO_MEMORY;
    if (!rows_end_told(&rows))
        ok = fault_no_memory(f, "what tells entries");
    for (unsigned i = 0; ok && i < table->columns; i++)
        for (unsigned k = 0; k < o->keys; k++)
            if (!candidate[i].refuted[k] && candidate[i].first[k] != NO_ENTRY)
                ask(o, table, &table->column[i], &candidate[i], k);
    free(candidate);
    return ok;
}

bool otherkeys_ask(struct asking *a, struct fault *f)
{
    struct others o = {.a = a};
    const struct ese_catalog *catalog = a->m->store->db->catalog;
    bool ok = true, goes = false, tells = false;
    for (unsigned i = 0; i < a->m->entries; i++)
        goes = goes || unsaid_may_go(a, i);
    bool in_rows = goes && a->m->match == PROFILE_MATCHES_ROWS;
    for (unsigned i = 0; ok && in_rows && i < a->m->profile->lists; i++)
        ok = read_list(&o, i, f);
    for (unsigned i = 0; i < o.keys; i++)
        tells = tells || !o.key[i].refuted;
    for (unsigned i = 0; ok && tells && i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (!(table->flags & (ESE_TABLE_SYSTEM | ESE_TABLE_TEMPLATE)))
            ok = look_at_table(&o, table, f);
    }
    for (unsigned i = 0; i < o.keys; i++)
        free(o.key[i].told);
    buffer_free(&o.room);
    return ok;
}
