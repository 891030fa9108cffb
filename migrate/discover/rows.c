/*
 * Discovery: a list that is some rows of a table, which holds other certificates, too: see
 * discover/parts.h.
 *
 * A column with few different values tells them apart when each of its values stands beside
 * certificates of issuers alone, or of others alone.
 */
#include "migrate/discover/parts.h"
#include "formats/array.h"

#include <inttypes.h>
#include <stdlib.h>

enum { COLUMNS_MOST = 32, VALUES_MOST = 8, CERTIFICATE_MOST = 64 * 1024, ISSUERS_LEAST = 2 };

/* What stands beside the certificates in one column. */
struct kinds {
    const struct ese_column *column;
    int64_t value[VALUES_MOST];
    bool issuers[VALUES_MOST]; /* those of this value are issuers; else none is */
    unsigned values;
    bool refuted;
};

struct search {
    struct discover_run *run;
    const struct discover_column *column;
    uint64_t *named; /* who issued something, hashed, ascending */
    size_t names;
    struct kinds kinds[COLUMNS_MOST];
    unsigned columns;
    uint64_t issuers, others;
};

uint64_t *discover_issuers(struct discover_run *run, size_t *count)
{
    uint64_t *names = malloc((run->facts + 1u) * sizeof *names);
    *count = 0;
    run->no_memory = run->no_memory || names == NULL;
    for (unsigned i = 0; names && i < run->facts; i++)
        if (run->fact[i].subject != run->fact[i].issuer)
            names[(*count)++] = run->fact[i].issuer;
    if (names)
        qsort(names, *count, sizeof *names, array_by_u64);
    return names;
}

bool discover_is_among(uint64_t name, const uint64_t *names, size_t count)
{
    return names && bsearch(&name, names, count, sizeof name, array_by_u64);
}

static bool is_issuer(struct search *s, const struct x509_certificate *c)
{
    return bytes_equal(c->subject, c->issuer) || x509_extensions_read(c->extensions).is_ca ||
           discover_is_among(discover_hash(s->run, c->subject), s->named, s->names);
}

static void find_columns(struct search *s)
{
    const struct ese_table *table = s->column->table;
    for (unsigned i = 0; i < table->columns && s->columns < COLUMNS_MOST; i++) {
        const struct ese_column *column = &table->column[i];
        bool bit = column->type == ESE_COL_BIT && discover_can_write(column->name);
        if ((bit || discover_is_integer(column)) && !(column->flags & ESE_COLUMN_MULTI_VALUED))
            s->kinds[s->columns++] = (struct kinds){.column = column};
    }
}

static void take_kind(struct kinds *k, int64_t value, bool issuer)
{
    unsigned i = 0;
    while (i < k->values && k->value[i] != value)
        i++;
    if (i == VALUES_MOST || (i < k->values && k->issuers[i] != issuer)) {
        k->refuted = true;
    } else if (i == k->values) {
        k->value[i] = value;
        k->issuers[k->values++] = issuer;
    }
}

/* A row without a certificate that can be read refutes all columns: what it is is not known. */
static void take_row(struct search *s, struct rows *rows)
{
    struct x509_certificate c;
    struct bytes value;
    bool cut;
    bool read = discover_read(s->run, rows, s->column->column, CERTIFICATE_MOST, &value, &cut) &&
                !cut && x509_certificate_read(value, &c, NULL);
    bool issuer = read && is_issuer(s, &c);
    s->issuers += issuer;
    s->others += read && !issuer;
    for (unsigned i = 0; i < s->columns; i++) {
        int64_t number;
        if (!read || !ese_record_integer(&rows->record, s->kinds[i].column, &number))
            s->kinds[i].refuted = true;
        else if (!s->kinds[i].refuted)
            take_kind(&s->kinds[i], number, issuer);
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* "Kind = 1, 2", of the values that stand beside issuers. */
static bool write_condition(struct search *s, const struct kinds *k, struct condition *rows)
{
    char text[CONDITION_TEXT];
    int64_t value[VALUES_MOST];
    unsigned values = 0;
    struct fault f = {.code = FAULT_NONE};
    for (unsigned i = 0; i < k->values; i++)
        if (k->issuers[i])
            value[values++] = k->value[i];
    qsort(value, values, sizeof *value, by_value);
    int used = snprintf(text, sizeof text, "%s = ", k->column->name);
    for (unsigned i = 0; i < values; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%" PRId64, i ? ", " : "",
                         value[i]);
    bool ok = condition_read(text, rows, &f);
    s->run->no_memory = s->run->no_memory || f.code == FAULT_NO_MEMORY;
    if (ok)
        discover_note(s->run, "[list] rows", true, false,
                      "%s tells the %" PRIu64 " rows with certificates of issuers from the %" PRIu64
                      " with others",
                      discover_name(k->column->name), s->issuers, s->others);
    return ok;
}

/* Does a column tell the rows apart?  All that do tell the same rows, so the first is taken. */
static bool look_through(struct discover_run *run, const struct discover_column *column,
                         struct condition *rows)
{
    struct search *s = calloc(1, sizeof *s);
    struct rows all = {.lv = NULL};
    bool found = false;
    if (s == NULL) {
        run->no_memory = true;
        return false;
    }
    s->run = run;
    s->column = column;
    find_columns(s);
    s->named = discover_issuers(run, &s->names);
    rows_open(&all, run->store, column->table);
    while (discover_next(run, &all))
        take_row(s, &all);
    discover_end(run, &all);
    for (unsigned i = 0; i < s->columns && !found; i++)
        found = !s->kinds[i].refuted && s->issuers >= ISSUERS_LEAST && s->others > 0 &&
                !run->d->limited && write_condition(s, &s->kinds[i], rows);
    free(s->named);
    free(s);
    return found;
}

struct discover_column *discover_rows(struct discover_run *run, struct condition *rows)
{
    struct discover_column *found = NULL;
    for (unsigned i = 0; i < run->d->columns && !run->no_memory; i++) {
        struct discover_column *c = &run->d->column[i];
        struct condition of = {.column = NULL};
        if (c->kind != DISCOVER_CERTIFICATES || c->issuers < ISSUERS_LEAST || c->wrapped > 0 ||
            !look_through(run, c, &of))
            continue;
        if (found) {
            condition_free(&of);
            condition_free(rows);
            return NULL;
        }
        found = c;
        *rows = of;
    }
    return found;
}
