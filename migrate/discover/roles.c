/*
 * Discovery: by what columns the list tells roles and trust: see discover.h.
 *
 * The settings name the issuing CA by its certificate; so the column is found that tells that
 * certificate from the others, and the server's own from both.  It is one whose three values are
 * the roles; or one of flags, of which one bit is set for the issuing CA alone, and another for one
 * self-issued certificate that has issued others; or two Bit columns that are so.
 */
#include "migrate/discover/parts.h"

#include <stdlib.h>
#include <strings.h>

enum {
    ROLES = 3,
    COLUMNS_MOST = 16,
    BITS = 31,       /* of a number that is no less than 0, in 32 bits */
    VALUES_MOST = 16 /* different numbers of a column of flags: more are no flags */
};

/* Entries that a value, or a bit, is of. */
struct count {
    uint64_t all, issuing, self_issued; /* self-issued: but for the issuing CA */
    uint64_t used;                      /* of these: with certificates that they have issued */
    unsigned parts;                     /* of the list, as bits, that have such */
};

/* An integer or Bit column of the list, by its name, in all parts that have it. */
struct facts {
    const struct ese_column *column; /* of the first part */
    unsigned parts;
    int32_t value[VALUES_MOST];
    struct count count[VALUES_MOST]; /* of each value */
    unsigned values;
    struct count bit[BITS];
    uint64_t rows;
    bool other; /* nulls, numbers out of range, or too many different ones */
};

struct search {
    struct discover_run *run;
    uint8_t sha1[HASH_SHA1_SIZE]; /* of the issuing CA's certificate */
    bool named;                   /* the settings name it */
    uint64_t *issuer;             /* subjects that have issued others, hashed */
    size_t issuers;
    struct facts facts[COLUMNS_MOST];
    unsigned columns;
};

static bool is_bit(const struct facts *c)
{
    return c->column->type == ESE_COL_BIT;
}

/* ---- reading ---- */

/* What an entry is, beside a value. */
struct seen {
    unsigned part;
    bool issuing, self_issued, used;
};

static void add(struct count *to, const struct seen *seen)
{
    to->all++;
    to->parts |= 1u << seen->part;
    to->issuing += seen->issuing;
    to->self_issued += seen->self_issued;
    to->used += seen->used;
}

static void take_number(struct facts *c, int64_t number, const struct seen *seen)
{
    unsigned i = 0;
    while (i < c->values && c->value[i] != number)
        i++;
    if (i == VALUES_MOST || number < INT32_MIN || number > INT32_MAX) {
        c->other = true;
        return;
    }
    if (i == c->values)
        c->value[c->values++] = (int32_t)number;
    add(&c->count[i], seen);
    for (unsigned bit = 0; number >= 0 && bit < BITS; bit++)
        if (number >> bit & 1)
            add(&c->bit[bit], seen);
}

static void read_row(struct search *s, struct rows *rows, unsigned part,
                     const struct discover_entry *entry)
{
    struct seen seen = {.part = part};
    seen.issuing = s->named && entry && memcmp(entry->sha1, s->sha1, sizeof s->sha1) == 0;
    seen.self_issued = !seen.issuing && entry && entry->parsed && entry->self_issued;
    seen.used = seen.self_issued && discover_is_among(entry->subject, s->issuer, s->issuers);
    for (unsigned i = 0; i < s->columns; i++) {
        struct facts *c = &s->facts[i];
        const struct ese_column *column = ese_table_column(rows->table, c->column->name);
        int64_t number;
        if (column == NULL || column->type != c->column->type)
            continue;
        c->rows++;
        if (!ese_record_integer(&rows->record, column, &number))
            c->other = true;
        else if (!c->other)
            take_number(c, number, &seen);
    }
}

static void find_columns(struct search *s)
{
    const struct discover_part *first = &s->run->part[0];
    const struct ese_table *table = first->column->table;
    for (unsigned i = 0; i < table->columns && s->columns < COLUMNS_MOST; i++) {
        const struct ese_column *column = &table->column[i];
        bool bit = column->type == ESE_COL_BIT && discover_can_write(column->name);
        if (column != first->key && (bit || discover_is_integer(column)) &&
            !(column->flags & ESE_COLUMN_MULTI_VALUED))
            s->facts[s->columns++] = (struct facts){.column = column};
    }
    for (unsigned i = 0; i < s->columns; i++)
        for (unsigned part = 0; part < s->run->parts; part++) {
            const struct ese_column *column =
                ese_table_column(s->run->part[part].column->table, s->facts[i].column->name);
            s->facts[i].parts += column && column->type == s->facts[i].column->type;
        }
}

static void read_parts(struct search *s)
{
    for (unsigned part = 0; part < s->run->parts; part++) {
        struct rows rows = {.lv = NULL};
        const struct discover_entry *entry;
        rows_open(&rows, s->run->store, s->run->part[part].column->table);
        while (discover_next_entry(s->run, part, &rows, &entry))
            read_row(s, &rows, part, entry);
        discover_end(s->run, &rows);
    }
}

/* ---- three values ---- */

/* Which of three values means what: most entries are imported; of the other two, the one that the
 * named issuing CA has is issuing, and the last, held once by a self-issued certificate, is own. */
static bool tell_values(const struct facts *c, unsigned *own, unsigned *issuing, unsigned *imported)
{
    if (c->other || c->values != ROLES)
        return false;
    *imported = 0;
    for (unsigned i = 1; i < ROLES; i++)
        if (c->count[i].all > c->count[*imported].all)
            *imported = i;
    unsigned a = (*imported + 1) % ROLES, b = (*imported + 2) % ROLES;
    *issuing = c->count[a].issuing ? a : b;
    *own = c->count[a].issuing ? b : a;
    return c->count[*issuing].issuing && !c->count[*own].issuing && c->count[*own].all == 1 &&
           c->count[*own].self_issued == 1 && c->count[*imported].all > c->count[*issuing].all &&
           c->count[*imported].all > c->count[*own].all;
}

static void take_values(struct search *s, const struct facts *c)
{
    struct discover_run *run = s->run;
    unsigned own = 0, issuing = 0, imported = 0;
    if (!tell_values(c, &own, &issuing, &imported))
        return;
    run->has_roles = true;
    for (unsigned i = 0; i < c->values; i++)
        run->has_roles = run->has_roles && (c->count[i].parts & (c->count[i].parts - 1)) == 0;
    for (unsigned part = 0; part < run->parts; part++) {
        struct profile_list *list = &run->d->profile.list[part];
        discover_set(run, &list->role, c->column->name);
        list->role_own = c->value[own];
        list->role_issuing = c->value[issuing];
        list->role_imported = c->value[imported];
    }
    discover_note(
        run, "[list] role", true, false,
        "%s: the CA that the settings name has %d, one self-issued certificate has %d, most "
        "entries have %d",
        discover_name(c->column->name), c->value[issuing], c->value[own], c->value[imported]);
}

/* ---- flags ---- */

static bool is_for_issuing(const struct count *n)
{
    return n->all > 0 && n->all == n->issuing;
}

static bool is_for_own(const struct count *n)
{
    return n->all == 1 && n->self_issued == 1 && n->used == 1;
}

/* The one bit that is for the issuing CA, and the one that is for the own one. */
static bool tell_flags(const struct facts *c, unsigned *own, unsigned *issuing)
{
    unsigned owns = 0, issues = 0;
    for (unsigned bit = 0; bit < BITS; bit++) {
        if (is_for_own(&c->bit[bit])) {
            *own = bit;
            owns++;
        }
        if (is_for_issuing(&c->bit[bit])) {
            *issuing = bit;
            issues++;
        }
    }
    return !is_bit(c) && !c->other && c->values < c->rows && owns == 1 && issues == 1;
}

/* The only other bit that is set anywhere, and in most entries, is taken for trust. */
static bool tell_trust(const struct facts *c, unsigned own, unsigned issuing, unsigned *trusted)
{
    unsigned others = 0;
    for (unsigned bit = 0; bit < BITS; bit++)
        if (bit != own && bit != issuing && c->bit[bit].all > 0) {
            *trusted = bit;
            others++;
        }
    return others == 1 && 2 * c->bit[*trusted].all > c->rows;
}

static void set_condition(struct search *s, struct condition *to, const struct facts *c,
                          unsigned bit)
{
    char text[CONDITION_TEXT];
    struct fault f = {.code = FAULT_NONE};
    unsigned mask = 1u << bit;
    if (is_bit(c))
        snprintf(text, sizeof text, "%s = 1", c->column->name);
    else
        snprintf(text, sizeof text, "%s & %u = %u", c->column->name, mask, mask);
    if (!condition_read(text, to, &f))
        s->run->no_memory = s->run->no_memory || f.code == FAULT_NO_MEMORY;
}

static void take_flags(struct search *s, const struct facts *own, unsigned own_bit,
                       const struct facts *issuing, unsigned issuing_bit)
{
    struct discover_run *run = s->run;
    for (unsigned part = 0; part < run->parts; part++) {
        struct profile_list *list = &run->d->profile.list[part];
        set_condition(s, &list->own, own, own_bit);
        set_condition(s, &list->issuing, issuing, issuing_bit);
    }
    discover_note(run, "[list] issuing, own", true, false,
                  "%s: bit %u is set for the CA that the settings name, and no other; %s: bit %u "
                  "for one self-issued certificate alone",
                  discover_name(issuing->column->name), issuing_bit,
                  discover_name(own->column->name), own_bit);
}

static void take_flag_trust(struct search *s, const struct facts *c, unsigned own, unsigned issuing)
{
    unsigned trusted = 0;
    if (!tell_trust(c, own, issuing, &trusted))
        return;
    for (unsigned part = 0; part < s->run->parts; part++)
        set_condition(s, &s->run->d->profile.list[part].trusted, c, trusted);
    discover_note(s->run, "[list] trusted", true, false,
                  "%s: bit %u is the only other one, set in %llu of %llu entries",
                  discover_name(c->column->name), trusted, (unsigned long long)c->bit[trusted].all,
                  (unsigned long long)c->rows);
}

/* Two Bit columns, one for each; NULL: there are none, or more. */
static bool tell_bits(const struct search *s, const struct facts **own,
                      const struct facts **issuing)
{
    unsigned owns = 0, issues = 0;
    for (unsigned i = 0; i < s->columns; i++) {
        const struct facts *c = &s->facts[i];
        if (!is_bit(c) || c->other || c->parts != s->run->parts)
            continue;
        if (is_for_own(&c->bit[0])) {
            *own = c;
            owns++;
        }
        if (is_for_issuing(&c->bit[0])) {
            *issuing = c;
            issues++;
        }
    }
    return owns == 1 && issues == 1;
}

/* ---- which of them ---- */

static void tell_roles(struct search *s)
{
    const struct facts *found = NULL, *own = NULL, *issuing = NULL;
    unsigned fitting = 0, a, b, c;
    bool flags = false;
    for (unsigned i = 0; s->named && i < s->columns; i++) {
        const struct facts *one = &s->facts[i];
        bool values = tell_values(one, &a, &b, &c);
        if (one->parts != s->run->parts || !(values || tell_flags(one, &a, &b)))
            continue;
        found = one;
        flags = !values;
        fitting++;
    }
    bool bits = s->named && tell_bits(s, &own, &issuing);
    if (fitting == 1 && !bits && !flags) {
        take_values(s, found);
    } else if (fitting == 1 && !bits) {
        tell_flags(found, &a, &b);
        take_flags(s, found, a, found, b);
        take_flag_trust(s, found, a, b);
    } else if (fitting == 0 && bits) {
        take_flags(s, own, 0, issuing, 0);
    } else {
        discover_note(s->run, "[list] role", false, true, "%s",
                      !s->named ? "no setting names the issuing CA, by which roles are told apart"
                      : fitting ? "several columns look like it"
                                : "no integer column tells the issuing CA, one own CA and the "
                                  "others apart");
    }
}

/* ---- trust ---- */

static bool is_of_role(const struct profile_list *list, const struct ese_column *column)
{
    return (list->own.column && strcasecmp(list->own.column, column->name) == 0) ||
           (list->issuing.column && strcasecmp(list->issuing.column, column->name) == 0);
}

/* "Untrusted", "IsRevoked": set where there is no trust. */
static bool says_untrusted(const char *name)
{
    static const char *const words[] = {"untrust", "distrust", "mistrust", "nottrust", "not_trust",
                                        "revoked", "disabled", "blocked",  "withdrawn"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

static void take_trusted(struct search *s, unsigned part)
{
    struct profile_list *list = &s->run->d->profile.list[part];
    const struct ese_table *table = s->run->part[part].column->table;
    const struct ese_column *bit = NULL;
    unsigned bits = 0;
    uint64_t set = 0, clear = 0;
    for (unsigned i = 0; i < table->columns; i++)
        if (table->column[i].type == ESE_COL_BIT && !is_of_role(list, &table->column[i])) {
            bit = &table->column[i];
            bits++;
        }
    if (bits == 0 || condition_is_there(&list->trusted))
        return;
    struct rows rows = {.lv = NULL};
    const struct discover_entry *entry;
    int64_t number;
    rows_open(&rows, s->run->store, table);
    while (bits == 1 && discover_next_entry(s->run, part, &rows, &entry)) {
        bool there = ese_record_integer(&rows.record, bit, &number);
        set += there && number != 0;
        clear += there && number == 0;
    }
    discover_end(s->run, &rows);
    bool reverse = bits == 1 && says_untrusted(bit->name);
    bool says_so = reverse || (bits == 1 && strcasestr(bit->name, "trust"));
    if (bits > 1 || (!says_so && set <= clear)) {
        discover_note(s->run, "[list] trusted", false, true, "%s; name the column if there is one",
                      bits > 1 ? "there are several Bit columns"
                               : "the only Bit column is not set in most entries");
        return;
    }
    discover_set(s->run, &list->trusted.column, bit->name);
    if (reverse)
        discover_set(s->run, &list->trusted.value, "0");
    discover_note(s->run, "[list] trusted", true, false,
                  "%s is the only Bit column, set in %llu entries and clear in %llu%s",
                  discover_name(bit->name), (unsigned long long)set, (unsigned long long)clear,
                  reverse ? "; its name says that those are trusted that have it clear" : "");
}

void discover_roles(struct discover_run *run)
{
    if (run->parts == 0)
        return;
    struct search *s = calloc(1, sizeof *s);
    if (s == NULL) {
        run->no_memory = true;
        return;
    }
    s->run = run;
    find_columns(s);
    s->named = s->columns > 0 && discover_issuing(run, s->sha1);
    if (s->named) {
        s->issuer = discover_issuers(run, &s->issuers);
        read_parts(s);
    }
    if (s->columns > 0)
        tell_roles(s);
    for (unsigned part = 0; part < run->parts; part++)
        take_trusted(s, part);
    free(s->issuer);
    free(s);
}
