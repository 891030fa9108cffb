/*
 * Discovery: a list in several values of one column, in rows whose names differ in a number alone:
 * see discover/parts.h.
 *
 * That a certificate stands in a value of its own makes it no part of the list: it may be the
 * issuing CA's, kept where it is found at once.  Names that count make values one list when their
 * contents can be nothing else: rows that are entries of a list have keys that count, too, and hold
 * one certificate each, or it and those that issued it.
 */
#include "migrate/discover/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

enum { ROWS_MOST = 4096, VALUE_MOST = 64 * 1024 * 1024, CERTIFICATES_LEAST = 2 };

/* A name without its digits, and without what then stands at its end. */
static bool stem_of(const char *name, char stem[DISCOVER_TEXT])
{
    size_t size = 0;
    bool digits = false;
    for (; *name && size + 1 < DISCOVER_TEXT; name++)
        if (isdigit((unsigned char)*name))
            digits = true;
        else
            stem[size++] = *name;
    while (size > 0 && strchr("._-# ", stem[size - 1]))
        size--;
    stem[size] = '\0';
    return digits;
}

struct numbered {
    char stem[DISCOVER_TEXT];
    char name[PROFILE_LISTS_MOST][DISCOVER_TEXT];
    unsigned names, digits;
    unsigned several; /* of the values: with more than one certificate */
    unsigned lists;   /* of these: with two self-issued ones, which no certificate's chain has */
    bool doubtful;    /* a list of another name, or something else of this one */
};

/* The same of items, of which a value may have one alone. */
static unsigned items_in(const struct certlist_form *form, struct bytes value,
                         unsigned *self_issued)
{
    struct certlist list;
    struct certlist_entry entry;
    struct x509_certificate c = {.version = 0};
    unsigned count = 0;
    bool good = true;
    *self_issued = 0;
    if (!certlist_open_as(&list, value, form, NULL))
        return 0;
    for (; good && certlist_next(&list, &entry, NULL); count++) {
        good = x509_certificate_read(entry.encoded, &c, NULL) && c.envelope.trailing.size == 0;
        *self_issued += good && bytes_equal(c.subject, c.issuer);
    }
    good = good && !list.failed && list.items.tail.size == 0;
    certlist_close(&list);
    return good ? count : 0;
}

/* How many certificates a value has that is a list to its end, in the column's form and wrapping.
 */
static unsigned certificates_in(struct discover_run *run, const struct discover_column *c,
                                struct bytes value, unsigned *self_issued)
{
    struct certlist_form form;
    enum certlist_kind kind = CERTLIST_NONE;
    value = discover_unwrap(run, &c->around, value);
    if (c->form.kind == CERTLIST_ITEMS)
        return items_in(&c->form, value, self_issued);
    unsigned count = discover_whole_list(value, &form, &kind, self_issued);
    return kind == c->list_kind ? count : 0;
}

static void take_row(struct discover_run *run, struct rows *rows, const struct discover_column *c,
                     struct numbered *n)
{
    char name[DISCOVER_TEXT], stem[DISCOVER_TEXT];
    struct bytes value;
    unsigned self_issued = 0;
    bool cut;
    if (!discover_read_text(run, rows, c->select, name))
        name[0] = '\0';
    bool digits = stem_of(name, stem), same = name[0] && strcasecmp(stem, n->stem) == 0;
    unsigned count = discover_read(run, rows, c->column, VALUE_MOST, &value, &cut) && !cut
                         ? certificates_in(run, c, value, &self_issued)
                         : 0;
    if (same ? count == 0 || n->names == PROFILE_LISTS_MOST : count >= CERTIFICATES_LEAST)
        n->doubtful = true;
    else if (same) {
        memcpy(n->name[n->names++], name, sizeof name);
        n->digits += digits;
        n->several += count >= CERTIFICATES_LEAST;
        n->lists += self_issued >= CERTIFICATES_LEAST;
    }
}

static void draft(struct discover_run *run, const struct discover_column *c,
                  const struct numbered *n)
{
    struct profile *p = &run->d->profile;
    p->values = n->names;
    for (unsigned i = 0; i < n->names; i++) {
        discover_set(run, &p->value[i].table, c->table->name);
        discover_set(run, &p->value[i].column, c->column->name);
        discover_set(run, &p->value[i].select, c->select->name);
        discover_set(run, &p->value[i].equals, n->name[i]);
        discover_set_form(run, c, &p->value[i]);
        p->value[i].wrapping = c->around;
    }
    discover_note(run, "[list.N] rows", false, false,
                  "%u values that are certificates to their end have names that differ in a "
                  "number alone: %s and others",
                  n->names, discover_name(n->name[0]));
}

/* Are they lists, whose parts hold several certificates as a rule? */
static bool can_be_nothing_else(const struct numbered *n)
{
    return n->lists > 0 && 2 * n->several >= n->names;
}

static void doubt(struct discover_run *run, const struct numbered *n)
{
    run->may_be_values = run->undecided = true;
    discover_note(run, "[list.N] rows", false, true,
                  "%u values that are certificates to their end have names that differ in a "
                  "number alone, %s and others; they may be parts of the list, or its entries, "
                  "each a certificate or its chain",
                  n->names, discover_name(n->name[0]));
}

bool discover_numbered(struct discover_run *run, struct discover_column *c)
{
    struct rows rows = {.lv = NULL};
    unsigned row = 0;
    if (c->select == NULL || !discover_is_text(c->select) || c->join || c->form.values)
        return false;
    struct numbered *n = calloc(1, sizeof *n);
    if (n == NULL) {
        run->no_memory = true;
        return false;
    }
    stem_of(c->select_text, n->stem);
    rows_open(&rows, run->store, c->table);
    for (; row < ROWS_MOST && !n->doubtful && discover_next(run, &rows); row++)
        take_row(run, &rows, c, n);
    discover_end(run, &rows);
    bool counted = !n->doubtful && n->names > 1 && n->digits + 1 >= n->names && row < ROWS_MOST;
    bool certain = counted && n->stem[0] && can_be_nothing_else(n);
    if (certain)
        draft(run, c, n);
    else if (counted)
        doubt(run, n);
    free(n);
    return certain;
}
