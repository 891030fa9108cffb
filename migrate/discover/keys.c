/*
 * Discovery: which column of the list's table is the key that references name: see discover.h.
 *
 * A key's values are there in every row and differ.  Where several columns are so, what other
 * tables say decides: the key is the column through which the certificates there lead to the entry
 * that issued them.
 */
#include "migrate/discover/parts.h"
#include "migrate/console/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum {
    KEYS_MOST = 16,          /* columns of the list that may be the key */
    COLUMNS_MOST = 64,       /* columns of another table that may refer to it */
    ROWS_MOST = 1000 * 1000, /* of the list */
    KEY_MOST = 256,          /* bytes of a key */
    ROWS_COMPARED = 1024,    /* of another table */
    CERTIFICATE_MOST = 64 * 1024,
    COLUMNS_LEAST = 4, /* of tables that are alike */
};

/* A key, and the subject of the certificate in its row, hashed; 0: none that can be read. */
struct pair {
    int64_t key;
    uint64_t subject;
    unsigned part; /* of the list */
    unsigned row;  /* of its table */
};

struct candidate {
    const struct ese_column *column;
    bool bytes;        /* no integer: `key` is a hash */
    struct pair *pair; /* ascending by key, once all are read */
    unsigned pairs;
    size_t room;
    bool primary, refuted;
    uint64_t agreed; /* rows of the column that agrees best with it */
    unsigned parts;  /* of the list, as bits, to whose entries that one leads */
};

struct search {
    struct discover_run *run;
    struct candidate candidate[KEYS_MOST];
    unsigned candidates;
};

/* What one column of another table says to one candidate. */
struct vote {
    uint64_t compared, agreed;
    int64_t first;
    unsigned parts;
    bool varied, missed;
};

static bool is_bytes(const struct ese_column *column)
{
    return column->type == ESE_COL_TEXT || column->type == ESE_COL_BINARY ||
           column->type == ESE_COL_GUID;
}

bool discover_can_name(const struct ese_column *column)
{
    bool bytes = is_bytes(column) && discover_can_write(column->name);
    return (bytes || discover_is_integer(column)) && !(column->flags & ESE_COLUMN_MULTI_VALUED);
}

bool discover_same_sort(const struct ese_column *a, const struct ese_column *b)
{
    if (!is_bytes(a) || !is_bytes(b))
        return is_bytes(a) == is_bytes(b);
    bool a_text = a->type == ESE_COL_TEXT, b_text = b->type == ESE_COL_TEXT;
    return a_text == b_text && (!a_text || a->code_page == b->code_page);
}

bool discover_name_of(struct discover_run *run, struct rows *rows, const struct ese_column *column,
                      int64_t *name)
{
    struct bytes value;
    bool cut;
    if (!is_bytes(column))
        return rows_number(rows, column, name);
    if (!discover_read(run, rows, column, KEY_MOST, &value, &cut) || cut || value.size == 0)
        return false;
    *name = (int64_t)discover_hash(run, value);
    return true;
}

bool discover_can_have_key(const struct ese_table *table)
{
    for (unsigned i = 0; i < table->columns; i++)
        if (discover_can_name(&table->column[i]))
            return true;
    return false;
}

/* Do all parts of the list have a column of that name and type? */
static bool is_in_all(const struct discover_run *run, const struct ese_column *column)
{
    for (unsigned i = 1; i < run->parts; i++) {
        const struct ese_column *other = ese_table_column(run->part[i].column->table, column->name);
        if (other == NULL || other->type != column->type || !discover_can_name(other) ||
            !discover_same_sort(column, other))
            return false;
    }
    return true;
}

static bool is_primary_in_all(const struct discover_run *run, const struct ese_column *column)
{
    for (unsigned i = 0; i < run->parts; i++) {
        const struct ese_column *key = discover_table_key(run->part[i].column->table);
        if (key == NULL || strcasecmp(key->name, column->name) != 0)
            return false;
    }
    return true;
}

/* Did somebody say that what stands there names no entries? */
static bool is_said_none(const struct discover_run *run, const struct ese_table *table,
                         const struct ese_column *column)
{
    return discover_is_said(run->hints.not_key, run->hints.not_keys, table, column);
}

static void find_candidates(struct search *s)
{
    const struct ese_table *table = s->run->list->table;
    const struct ese_column *primary = discover_table_key(table);
    if (primary && is_primary_in_all(s->run, primary) && !is_said_none(s->run, table, primary))
        s->candidate[s->candidates++] = (struct candidate){.column = primary, .primary = true};
    else
        primary = NULL;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column == primary || column == s->run->list->column || !discover_can_name(column) ||
            !is_in_all(s->run, column) || is_said_none(s->run, table, column))
            continue;
        if (s->candidates == KEYS_MOST) {
            s->run->undecided = true;
            return;
        }
        s->candidate[s->candidates++] =
            (struct candidate){.column = column, .bytes = is_bytes(column)};
    }
}

/* ---- the list's own rows ---- */

/* The certificate in a row of the list: its subject, and, as a thumbprint would be, its SHA-1; both
 * hashed. */
struct in_row {
    uint64_t subject;
    int64_t sha1;
    unsigned part, row;
};

/* A value that is no key, such as a thumbprint, refutes the column. */
static bool note_key(struct search *s, struct candidate *c, struct rows *rows,
                     const struct in_row *row)
{
    int64_t key;
    uint64_t subject = row->subject;
    const struct ese_column *column = ese_table_column(rows->table, c->column->name);
    if (!discover_name_of(s->run, rows, column, &key) || (c->bytes && key == row->sha1)) {
        c->refuted = true;
        return true;
    }
    struct pair *pair = discover_grow(s->run, &c->pair, &c->pairs, &c->room, sizeof *pair);
    if (pair)
        *pair = (struct pair){key, subject, row->part, row->row};
    return pair != NULL;
}

static struct in_row read_certificate(struct search *s, struct rows *rows, unsigned part)
{
    const struct discover_column *column = s->run->part[part].column;
    struct x509_certificate c;
    struct bytes value;
    bool cut;
    struct in_row row = {.part = part};
    uint8_t sha1[HASH_SHA1_SIZE];
    if (!discover_read(s->run, rows, column->column, CERTIFICATE_MOST, &value, &cut))
        return row;
    value = discover_unwrap(s->run, &column->wrapping, value);
    hash_sha1(&s->run->hash, value, sha1);
    row.sha1 = (int64_t)discover_hash(s->run, bytes_of(sha1, sizeof sha1));
    if (x509_certificate_read(value, &c, NULL))
        row.subject = discover_hash(s->run, c.subject);
    return row;
}

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* The primary key stays, whatever stands in it: that two rows have the same is damage; but not in
 * two tables, where it says that they count for themselves. */
static void refute_repeated(struct candidate *c)
{
    if (c->pairs > 0)
        qsort(c->pair, c->pairs, sizeof *c->pair, by_key);
    for (unsigned i = 1; i < c->pairs; i++)
        c->refuted = c->refuted || (c->pair[i].key == c->pair[i - 1].key &&
                                    (!c->primary || c->pair[i].part != c->pair[i - 1].part));
}

/* Must others be asked which column is the key, or whether it is one at all? */
static bool needs_votes(const struct search *s)
{
    return s->candidates > 1 || s->run->parts > 1 || s->run->needs_proof;
}

static void read_part(struct search *s, unsigned part)
{
    struct rows rows = {.lv = NULL};
    bool ok = true;
    rows_open(&rows, s->run->store, s->run->part[part].column->table);
    for (unsigned row = 0; ok && row < ROWS_MOST && discover_next_of(s->run, part, &rows); row++) {
        struct in_row in = {.part = part};
        if (needs_votes(s))
            in = read_certificate(s, &rows, part);
        in.row = row;
        for (unsigned i = 0; ok && i < s->candidates; i++)
            if (!s->candidate[i].refuted)
                ok = note_key(s, &s->candidate[i], &rows, &in);
    }
    discover_end(s->run, &rows);
}

static void read_list(struct search *s)
{
    for (unsigned part = 0; part < s->run->parts; part++)
        read_part(s, part);
    for (unsigned i = 0; i < s->candidates; i++)
        refute_repeated(&s->candidate[i]);
}

/* Names and other texts may differ in every row, too: as keys they need somebody who refers to
 * them, as long as an integer is there. */
static void refute_unused(struct search *s)
{
    bool integer = false;
    for (unsigned i = 0; i < s->candidates; i++)
        integer = integer || !s->candidate[i].bytes;
    for (unsigned i = 0; i < s->candidates; i++)
        s->candidate[i].refuted = integer && s->candidate[i].bytes && s->candidate[i].agreed == 0;
}

static void drop_refuted(struct search *s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->candidates; i++)
        if (s->candidate[i].refuted)
            free(s->candidate[i].pair);
        else
            s->candidate[kept++] = s->candidate[i];
    s->candidates = kept;
}

/* ---- what other tables say ---- */

static void count_vote(const struct candidate *c, struct vote *v, int64_t value, uint64_t issuer)
{
    const struct pair wanted = {.key = value},
                      *found = c->pairs == 0
                                   ? NULL
                                   : bsearch(&wanted, c->pair, c->pairs, sizeof wanted, by_key);
    if (found == NULL) {
        v->missed = true;
        return;
    }
    if (found->subject == 0)
        return;
    v->first = v->compared++ == 0 ? value : v->first;
    v->varied = v->varied || value != v->first;
    if (found->subject != issuer)
        return;
    v->agreed++;
    v->parts |= 1u << found->part;
}

/* In a table of the list a column says nothing where it leads to its own row. */
static bool is_own_row(struct search *s, const struct candidate *c, struct rows *rows,
                       const struct ese_column *column, int64_t value)
{
    int64_t key;
    const struct ese_column *own = discover_is_list_table(s->run, rows->table)
                                       ? ese_table_column(rows->table, c->column->name)
                                       : NULL;
    return own && (own == column || (discover_name_of(s->run, rows, own, &key) && key == value));
}

static void ask_table(struct search *s, const struct ese_table *table,
                      const struct discover_column *proof)
{
    struct vote vote[COLUMNS_MOST][KEYS_MOST] = {{{.compared = 0}}};
    const struct ese_column *column[COLUMNS_MOST];
    unsigned columns = 0;
    struct rows rows = {.lv = NULL};
    for (unsigned i = 0; i < table->columns && columns < COLUMNS_MOST; i++)
        if (discover_can_name(&table->column[i]))
            column[columns++] = &table->column[i];
    rows_open(&rows, s->run->store, table);
    for (unsigned row = 0; row < ROWS_COMPARED && discover_next(s->run, &rows); row++) {
        uint64_t issuer;
        int64_t value;
        int version;
        if (!discover_issuer(s->run, proof, &rows, &issuer, &version))
            continue;
        for (unsigned i = 0; i < columns; i++)
            if (discover_name_of(s->run, &rows, column[i], &value))
                for (unsigned k = 0; k < s->candidates; k++)
                    if (discover_same_sort(column[i], s->candidate[k].column) &&
                        !is_own_row(s, &s->candidate[k], &rows, column[i], value))
                        count_vote(&s->candidate[k], &vote[i][k], value, issuer);
    }
    discover_end(s->run, &rows);
    for (unsigned i = 0; i < columns; i++)
        for (unsigned k = 0; k < s->candidates; k++) {
            const struct vote *v = &vote[i][k];
            if (v->varied && !v->missed && v->agreed * 20 >= v->compared * 19 &&
                v->agreed > s->candidate[k].agreed) {
                s->candidate[k].agreed = v->agreed;
                s->candidate[k].parts = v->parts;
            }
        }
}

static void ask_others(struct search *s)
{
    const struct ese_catalog *catalog = s->run->store->db->catalog;
    for (unsigned i = 0; i < ese_catalog_tables(catalog) && !s->run->no_memory; i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        bool own = discover_is_list_table(s->run, table) && !s->run->needs_proof;
        const struct discover_column *proof =
            discover_skips(table) || own ? NULL : discover_proof(s->run->d, table);
        if (proof)
            ask_table(s, table, proof);
    }
}

/* ---- choosing ---- */

/* Do two columns hold the same in every row?  Then each names what the other does. */
static bool are_same(const struct candidate *a, const struct candidate *b)
{
    bool same = a->pairs == b->pairs && a->bytes == b->bytes;
    for (unsigned i = 0; same && i < a->pairs; i++)
        same = a->pair[i].key == b->pair[i].key && a->pair[i].part == b->pair[i].part &&
               a->pair[i].row == b->pair[i].row;
    return same;
}

/* The first of those by which most rows name an issuer. */
static struct candidate *best_of(struct search *s)
{
    struct candidate *best = &s->candidate[0];
    for (unsigned i = 1; i < s->candidates; i++)
        if (s->candidate[i].agreed > best->agreed)
            best = &s->candidate[i];
    return best;
}

/* Another that is as good, and would name other entries; NULL: none. */
static const struct candidate *rival_of(const struct search *s, const struct candidate *best)
{
    for (unsigned i = 0; i < s->candidates; i++)
        if (&s->candidate[i] != best && s->candidate[i].agreed == best->agreed &&
            !are_same(&s->candidate[i], best))
            return &s->candidate[i];
    return NULL;
}

static void take(struct discover_run *run, const struct candidate *best)
{
    run->list_key = best->column;
    run->long_keys = !best->bytes && best->pairs > 0 &&
                     (best->pair[0].key < INT32_MIN || best->pair[best->pairs - 1].key > INT32_MAX);
    for (unsigned i = 0; i < run->parts; i++) {
        run->part[i].key = ese_table_column(run->part[i].column->table, best->column->name);
        discover_set(run, &run->d->profile.list[i].key, best->column->name);
    }
}

/* Do all parts have the same columns? */
static bool are_alike(const struct discover_run *run)
{
    const struct ese_table *first = run->list->table;
    for (unsigned i = 1; i < run->parts; i++) {
        const struct ese_table *table = run->part[i].column->table;
        bool alike = table->columns == first->columns && first->columns >= COLUMNS_LEAST;
        for (unsigned k = 0; alike && k < first->columns; k++) {
            const struct ese_column *column = ese_table_column(table, first->column[k].name);
            alike = column && column->type == first->column[k].type;
        }
        if (!alike)
            return false;
    }
    return true;
}

/* Where no reference leads to some part, as when nothing is wrong any more: tables alike, with keys
 * of one range, may be one list yet.  Then their roles have to be those of one. */
static bool is_likely(struct search *s, const struct candidate *best)
{
    struct discover_run *run = s->run;
    if (run->needs_proof || !best->primary || !are_alike(run))
        return false;
    run->needs_roles = true;
    discover_note(run, "[list] table", true, false,
                  "%u tables have the same columns, and keys of one range of %s", run->parts,
                  discover_name(best->column->name));
    return true;
}

/* Tables that together are the list, or rows of one, show it by a column that leads from
 * certificates to the entries that issued them, and to entries of each table. */
static bool is_proved(struct search *s, const struct candidate *best)
{
    struct discover_run *run = s->run;
    if (!(run->needs_proof || run->parts > 1))
        return true;
    if (best->agreed == 0)
        return false;
    if (best->parts != (1u << run->parts) - 1)
        return is_likely(s, best);
    discover_note(run, "[list] table", false, false, "%s%s by which %s, as one range of %s",
                  counted(best->pairs, "row", "rows"),
                  run->parts > 1 ? " of several tables" : " of the table",
                  counted(best->agreed, "row names the issuer of its certificate",
                          "rows name the issuer of their certificate"),
                  discover_name(best->column->name));
    return true;
}

static void explain(struct search *s, const struct candidate *best, const struct candidate *rival)
{
    const char *name = discover_name(best->column->name);
    if (s->candidates == 1) {
        if (!best->primary)
            discover_note(s->run, "[list] key", false, false,
                          "%s is the only column with another value in every row", name);
    } else if (rival) {
        const char *other = discover_name(rival->column->name);
        s->run->undecided = true;
        snprintf(s->run->d->two_keys, sizeof s->run->d->two_keys,
                 "table %.64s, columns %.64s and %.64s: which of them names entries is not known; "
                 "say --not-a-reference %.64s.%.64s or --not-a-reference %.64s.%.64s",
                 s->run->list->table->name, best->column->name, rival->column->name,
                 s->run->list->table->name, best->column->name, s->run->list->table->name,
                 rival->column->name);
        discover_note(s->run, "[list] key", true, false,
                      "%s and %s have another value in every row, and nothing tells which one "
                      "references name; --not-a-reference %s.%s says that it is not this one",
                      name, other, discover_name(s->run->list->table->name), other);
    } else if (best->agreed == 0) {
        discover_note(s->run, "[list] key", false, false,
                      "%s: each column with another value in every row has the same ones", name);
    } else {
        discover_note(s->run, "[list] key", false, false,
                      "%s is the one of %u columns with another value in every row by which %s",
                      name, s->candidates,
                      counted(best->agreed,
                              "row of another table names the issuer of its certificate",
                              "rows of another table name the issuer of their certificate"));
    }
}

static bool choose(struct search *s)
{
    const struct candidate *best = best_of(s);
    if (!is_proved(s, best))
        return false;
    take(s->run, best);
    explain(s, best, rival_of(s, best));
    return true;
}

bool discover_key(struct discover_run *run)
{
    struct search s = {.run = run};
    bool chosen = false;
    find_candidates(&s);
    read_list(&s);
    drop_refuted(&s);
    if (needs_votes(&s))
        ask_others(&s);
    refute_unused(&s);
    drop_refuted(&s);
    if (s.candidates > 0)
        chosen = choose(&s);
    else if (run->parts == 1 && !run->needs_proof)
        discover_note(run, "[list] key", false, true, "no column has another value in every row");
    for (unsigned i = 0; i < s.candidates; i++)
        free(s.candidate[i].pair);
    return chosen;
}
