/* The pass over all values: see sweep.h. */
#include "migrate/judge/sweep.h"

#include "migrate/profile/meaning.h"

#include <stdlib.h>
#include <strings.h>

enum { SEEN = 4096, KEY_MOST = 32 };

/* What a column of the table in hand is looked at for: found out once, not for each row. */
struct look {
    unsigned column;
    bool can_hold; /* it could hold a certificate */
    bool copies;   /* it could hold a certificate of the list, and is not the list's own column */
    bool list;     /* it is the column that the list value stands in */
};

struct sweep_pass {
    struct sweep *sweep;
    const struct model *m;
    struct second_search *search;
    struct rows rows;
    struct residue_table *residue;
    struct buffer room;
    struct look *look; /* by column, those alone that are looked at */
    unsigned looks;
    /* Of tagged columns, when all that rows have of them can be gone over in one: */
    unsigned before_tagged; /* so many looks are at others; == looks: it cannot */
    unsigned *of_tagged;    /* by id, from ESE_TAGGED_FIRST on: number of the look + 1; 0: none */
    unsigned tagged;        /* so many ids */
    uint64_t row;
    bool is_list;                        /* the table has entries of the list */
    bool value_seen[PROFILE_LISTS_MOST]; /* that value of the list was met */
    int version;                         /* of the certificate in the row; 0: none yet */
    uint64_t seen[SEEN]; /* ids of long values that were searched, for rows that share one */
};

static bool no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory while looking through the store");
}

static void note_unread(struct sweep *sweep, const struct fault *f)
{
    if (sweep->unread++ == 0)
        sweep->first_unread = *f;
}

/* The certificate of the entry that the row in hand is. */
static bool is_list_column(const struct sweep_pass *p, const struct ese_column *column)
{
    const struct model_entry *e =
        p->is_list ? model_entry_of_row(p->m, p->rows.table, (unsigned)(p->row - 1)) : NULL;
    return e && strcasecmp(column->name, model_list_of(p->m, e)->certificate) == 0;
}

/* The one value that is the list, or a part of it: the first in its column that has its bytes; or,
 * of several, those of its row. */
static bool is_part(struct sweep_pass *p, unsigned which, const struct ese_column *column,
                    struct bytes value)
{
    const struct profile_value *part = &p->m->profile->value[which];
    const struct model_value *v = &p->m->value[which];
    if (!ese_table_is(p->rows.table, part->table) || strcasecmp(column->name, part->column) != 0)
        return false;
    if (part->join)
        return pieces_has_row(&v->pieces, p->row);
    if (v->form.values)
        return p->row == v->row;
    if (p->value_seen[which] || !bytes_equal(value, v->stored))
        return false;
    p->value_seen[which] = true;
    return true;
}

static bool is_value_column(const struct model *m, const struct ese_table *table,
                            const struct ese_column *column)
{
    bool in_value = m->match == PROFILE_MATCHES_VALUE;
    for (unsigned i = 0; in_value && i < m->profile->values; i++)
        if (ese_table_is(table, m->profile->value[i].table) &&
            strcasecmp(column->name, m->profile->value[i].column) == 0)
            return true;
    return false;
}

static bool is_list_value(struct sweep_pass *p, const struct ese_column *column, struct bytes value)
{
    bool in_value = p->m->match == PROFILE_MATCHES_VALUE;
    for (unsigned i = 0; in_value && i < p->m->profile->values; i++)
        if (is_part(p, i, column, value))
            return true;
    return false;
}

static bool can_hold_certificate(const struct ese_column *column)
{
    return ese_column_is_binary(column) || ese_column_is_text(column);
}

/* Rows can share a long value: it is searched once. */
static bool was_searched(struct sweep_pass *p, const struct ese_value *value)
{
    if (value->kind != ESE_VALUE_SEPARATED)
        return false;
    uint64_t *place = &p->seen[value->lid % SEEN];
    bool seen = *place == value->lid + 1;
    *place = value->lid + 1;
    return seen;
}

static bool take_bytes(struct sweep_pass *p, const struct look *look, struct bytes value,
                       struct fault *f)
{
    unsigned i = look->column;
    const struct ese_column *column = &p->rows.table->column[i];
    struct x509_certificate c;
    if (residue_follows(p->residue, i) && !residue_value(p->residue, i, value))
        return no_memory(f);
    if (p->version == 0 && value.size > KEY_MOST && residue_wants_version(p->residue) &&
        x509_certificate_read(value, &c, NULL))
        p->version = c.version;
    if (value.size <= KEY_MOST || (look->list && is_list_value(p, column, value)) ||
        !look->copies || is_list_column(p, column))
        return true;
    return second_look(p->search, &p->sweep->second, p->rows.table, column, p->row, value) ||
           no_memory(f);
}

static bool take_value(struct sweep_pass *p, const struct look *look, const struct ese_value *value,
                       struct fault *f)
{
    struct fault why;
    struct bytes bytes;
    fault_clear(&why);
    if (value->kind == ESE_VALUE_NULL || was_searched(p, value))
        return true;
    if (value->kind == ESE_VALUE_PLAIN)
        return take_bytes(p, look, value->data, f);
    if (rows_value(&p->rows, &p->rows.table->column[look->column], value, &p->room, &bytes, &why))
        return take_bytes(p, look, bytes, f);
    if (why.code == FAULT_NO_MEMORY)
        *f = why;
    return why.code != FAULT_NO_MEMORY; /* rows_end() tells what could not be read */
}

/* The most frequent case: one value, of a fixed size. */
static bool take_fixed(struct sweep_pass *p, const struct look *look,
                       const struct ese_column *column, struct fault *f)
{
    struct fault why;
    struct bytes data;
    if (ese_record_fixed(&p->rows.record, column, &data, &why))
        return data.at == NULL || take_bytes(p, look, data, f);
    note_unread(p->sweep, &why);
    return true;
}

static bool take_column(struct sweep_pass *p, const struct look *look, struct fault *f)
{
    const struct ese_column *column = &p->rows.table->column[look->column];
    struct ese_values values;
    struct ese_value value;
    struct fault why;
    fault_clear(&why);
    if (!look->can_hold && !residue_follows(p->residue, look->column))
        return true;
    if (column->id <= ESE_FIXED_LAST)
        return take_fixed(p, look, column, f);
    if (!ese_values_of(&values, &p->rows.record, column, &why)) {
        note_unread(p->sweep, &why);
        return true;
    }
    while (ese_values_next(&values, &value, &why))
        if (!take_value(p, look, &value, f))
            return false;
    if (why.code != FAULT_NONE)
        note_unread(p->sweep, &why);
    return true;
}

/* The tagged columns that the row states.  Most values of a store are in these. */
static bool take_tagged(struct sweep_pass *p, struct fault *f)
{
    struct ese_tagged_walk walk;
    struct ese_value value;
    struct fault why;
    uint16_t id;
    fault_clear(&why);
    ese_tagged_walk_open(&walk, &p->rows.record);
    while (ese_tagged_walk_next(&walk, &id, &value, &why)) {
        unsigned i = id - (unsigned)ESE_TAGGED_FIRST;
        const struct look *look =
            i < p->tagged && p->of_tagged[i] ? &p->look[p->of_tagged[i] - 1] : NULL;
        if (look && (look->can_hold || residue_follows(p->residue, look->column)) &&
            !take_value(p, look, &value, f))
            return false;
    }
    if (why.code != FAULT_NONE)
        note_unread(p->sweep, &why);
    return true;
}

/* sound: ese_record_check() has passed the row. */
static bool take_row(struct sweep_pass *p, bool sound, struct fault *f)
{
    struct ese_run_hint hint = {0};
    unsigned looks = sound ? p->before_tagged : p->looks;
    p->rows.record.hint = &hint;
    p->row++;
    p->version = 0;
    for (unsigned i = 0; i < looks; i++)
        if (!take_column(p, &p->look[i], f))
            return false;
    if (looks < p->looks && !take_tagged(p, f))
        return false;
    if (p->version)
        residue_version(p->residue, p->version);
    residue_end_row(p->residue);
    return true;
}

/* A column of a template shares its id with another, and one with a default has a value that no row
 * states. */
static bool choose_tagged(struct sweep_pass *p, const struct ese_table *table, struct fault *f)
{
    free(p->of_tagged);
    p->of_tagged = NULL;
    p->before_tagged = p->looks;
    p->tagged = 0;
    unsigned first = p->looks;
    for (unsigned i = p->looks; i-- > 0;) {
        const struct ese_column *column = &table->column[p->look[i].column];
        if (column->id < ESE_TAGGED_FIRST)
            break;
        if (table->template_name || column->default_value.at)
            return true;
        first = i;
        if (column->id - ESE_TAGGED_FIRST >= p->tagged)
            p->tagged = column->id - ESE_TAGGED_FIRST + 1;
    }
    p->of_tagged = calloc(p->tagged + 1u, sizeof *p->of_tagged);
    if (p->of_tagged == NULL)
        return no_memory(f);
    for (unsigned i = first; i < p->looks; i++)
        p->of_tagged[table->column[p->look[i].column].id - ESE_TAGGED_FIRST] = i + 1;
    p->before_tagged = first;
    return true;
}

/* Which columns of the table are looked at, and for what. */
static bool choose_columns(struct sweep_pass *p, const struct ese_table *table, struct fault *f)
{
    free(p->look);
    p->looks = 0;
    p->look = calloc(table->columns + 1u, sizeof *p->look);
    if (p->look == NULL)
        return no_memory(f);
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        bool can_hold = can_hold_certificate(column);
        if (can_hold || (column->type != ESE_COL_NIL && residue_follows(p->residue, i)))
            p->look[p->looks++] = (struct look){
                .column = i,
                .can_hold = can_hold,
                .copies = can_hold && !profile_ignores(p->m->profile, table->name, column->name),
                .list = is_value_column(p->m, table, column)};
    }
    return choose_tagged(p, table, f);
}

struct sweep_pass *sweep_open(struct sweep *sweep, const struct model *m, struct prover *prover)
{
    struct sweep_pass *p = calloc(1, sizeof *p);
    *sweep = (struct sweep){.unread = 0};
    if (p == NULL)
        return NULL;
    p->sweep = sweep;
    p->m = m;
    p->search = second_open(m, prover);
    if (p->search)
        return p;
    free(p);
    return NULL;
}

bool sweep_wants(const struct ese_table *table)
{
    return !(table->flags & (ESE_TABLE_SYSTEM | ESE_TABLE_TEMPLATE));
}

bool sweep_begin(struct sweep_pass *p, const struct ese_table *table, struct fault *f)
{
    rows_open(&p->rows, p->m->store, table);
    if (!residue_begin(&p->sweep->residue, p->m, table, &p->residue))
        return no_memory(f);
    memset(p->seen, 0, sizeof p->seen);
    p->row = 0;
    p->is_list = model_is_list_table(p->m, table);
    return choose_columns(p, table, f);
}

bool sweep_row(struct sweep_pass *p, const struct ese_record *record, struct fault *f)
{
    p->rows.record = *record;
    return take_row(p, true, f);
}

bool sweep_end(struct sweep_pass *p, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    bool ok = true;
    if (!rows_end(&p->rows, &why)) {
        note_unread(p->sweep, &why);
        ok = why.code != FAULT_NO_MEMORY || no_memory(f);
    }
    if (p->residue && !residue_end(&p->sweep->residue, p->residue))
        ok = ok && no_memory(f);
    p->residue = NULL;
    return ok;
}

void sweep_finish(struct sweep_pass *p)
{
    residue_explain(&p->sweep->residue, p->m);
    second_close(p->search);
    buffer_free(&p->room);
    free(p->look);
    free(p->of_tagged);
    free(p);
}

static bool take_table(struct sweep_pass *p, const struct ese_table *table, struct fault *f)
{
    bool ok = sweep_begin(p, table, f);
    while (ok && rows_next(&p->rows))
        ok = take_row(p, false, f);
    return sweep_end(p, ok ? f : NULL) && ok;
}

bool sweep_read(struct sweep *sweep, const struct model *m, struct prover *prover, struct fault *f)
{
    const struct ese_catalog *catalog = m->store->db->catalog;
    struct sweep_pass *p = sweep_open(sweep, m, prover);
    bool ok = p != NULL || no_memory(f);
    for (unsigned i = 0; ok && i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (sweep_wants(table))
            ok = take_table(p, table, f);
    }
    if (p)
        sweep_finish(p);
    return ok;
}

void sweep_close(struct sweep *sweep)
{
    residue_close(&sweep->residue);
    second_copies_close(&sweep->second);
}
