/*
 * Discovery: sampling, and saying of every binary column what it holds: see discover.h.
 */
#include "formats/ese/layout/compress.h"
#include "formats/array.h"
#include "migrate/discover/parts.h"
#include "migrate/profile/secrets.h"

#include <stdlib.h>

enum {
    TABLES_MOST = 1024,
    COLUMNS_MOST = 64, /* binary columns of one table, and text columns */
    ROWS_SAMPLED = 4096,
    VALUES_SAMPLED = 256,
    COLUMN_BYTES = 4 * 1024 * 1024,
    VALUE_MOST = 64 * 1024,             /* of a value that is one certificate */
    LIST_VALUE_MOST = 64 * 1024 * 1024, /* of one that is a list */
    FACTS_MOST = 65536,
    SKIP_TRIED = 64,    /* bytes of a header before a certificate */
    WRAPPED_TRIED = 16, /* values of a column in which one is looked for */
};

/* ---- what one value is ---- */

static bool is_printable(struct bytes value)
{
    struct reader r = reader_of(value);
    while (reader_left(&r)) {
        uint8_t c = reader_u8(&r);
        if ((c < 0x20 || c > 0x7e) && c != '\r' && c != '\n' && c != '\t' && c != 0)
            return false;
    }
    return true;
}

static void add_fact(struct discover_run *run, unsigned column, const struct x509_certificate *c)
{
    if (run->facts >= FACTS_MOST)
        return;
    struct discover_fact *fact =
        discover_grow(run, &run->fact, &run->facts, &run->fact_room, sizeof *fact);
    if (fact == NULL)
        return;
    fact->column = column;
    fact->subject = discover_hash(run, c->subject);
    fact->issuer = discover_hash(run, c->issuer);
    fact->says_ca = x509_extensions_read(c->extensions).is_ca;
}

/* Certificates in a list that can be read, until its end or the first damage. */
static unsigned count_certificates(struct bytes value, const struct certlist_form *form)
{
    struct certlist list;
    struct certlist_entry entry;
    struct x509_certificate c;
    unsigned count = 0;
    if (!certlist_open_as(&list, value, form, NULL))
        return 0;
    while (certlist_next(&list, &entry, NULL))
        if (entry.type == CERTLIST_CERTIFICATE && x509_certificate_read(entry.encoded, &c, NULL))
            count++;
    certlist_close(&list);
    return count;
}

/* A list in one value: which row it is in is told by its first text. */
static void note_select(struct discover_run *run, struct rows *rows, struct discover_column *column)
{
    for (unsigned i = 0; i < rows->table->columns && column->select == NULL; i++)
        if (discover_is_text(&rows->table->column[i]) &&
            !secret_is_guessed(rows->table->column[i].name) &&
            discover_read_text(run, rows, &rows->table->column[i], column->select_text))
            column->select = &rows->table->column[i];
    const struct ese_column *key = discover_table_key(rows->table);
    bool null = true;
    int32_t number = column->select == NULL && key && key->type == ESE_COL_LONG
                         ? rows_integer(rows, key, &null)
                         : 0;
    if (null)
        return;
    column->select = key;
    snprintf(column->select_text, sizeof column->select_text, "%d", number);
}

bool discover_selects(struct discover_run *run, struct rows *rows, const struct discover_column *c)
{
    char text[DISCOVER_TEXT];
    bool null;
    if (c->select == NULL)
        return true;
    if (discover_is_text(c->select))
        return discover_read_text(run, rows, c->select, text) && strcmp(text, c->select_text) == 0;
    snprintf(text, sizeof text, "%d", rows_integer(rows, c->select, &null));
    return !null && strcmp(text, c->select_text) == 0;
}

static void note_list(struct discover_run *run, struct rows *rows, struct discover_column *column,
                      const struct certlist_form *form, enum certlist_kind kind,
                      unsigned certificates)
{
    if (column->lists++ > 0)
        return;
    if (form)
        column->form = *form;
    column->list_kind = kind;
    column->list_certificates = certificates;
    note_select(run, rows, column);
}

/* A row with several values, each of them a certificate. */
static void judge_values(struct discover_run *run, struct rows *rows, unsigned number)
{
    struct discover_column *column = &run->d->column[number];
    struct certlist_form form;
    struct buffer row = {0};
    bool several = discover_read_values(run, rows, column->column, COLUMN_BYTES, &row);
    if (several && certlist_form_read("values", NULL, &form, NULL) &&
        discover_fits(buffer_bytes(&row), &form.items) && column->valued++ == 0) {
        column->list_certificates = count_certificates(buffer_bytes(&row), &form);
        note_select(run, rows, column);
    }
    buffer_free(&row);
}

static void judge_der(struct discover_run *run, struct rows *rows, unsigned number,
                      struct bytes value)
{
    struct discover_column *column = &run->d->column[number];
    struct x509_certificate c, next;
    struct x509_crl crl;
    if (x509_crl_read(value, &crl, NULL)) {
        column->crls++;
    } else if (!x509_certificate_read(value, &c, NULL)) {
        column->broken++;
    } else if (x509_certificate_read(c.envelope.trailing, &next, NULL)) {
        note_list(run, rows, column, NULL, CERTLIST_DER, count_certificates(value, NULL));
    } else {
        column->certificates++;
        add_fact(run, number, &c);
    }
}

/* Is it one certificate; to its end, where nothing else says that it is meant to be one? */
static bool is_certificate(struct bytes value, bool to_its_end, struct x509_certificate *c)
{
    return value.size > 0 && value.at[0] == 0x30 && x509_certificate_read(value, c, NULL) &&
           (!to_its_end || c->envelope.trailing.size == 0);
}

static bool fits_wrapping(struct discover_run *run, const struct wrapping *w, struct bytes value,
                          bool to_its_end, struct x509_certificate *c)
{
    struct fault why = {.code = FAULT_NONE};
    struct bytes inner;
    if (!wrapping_take_off(w, value, &run->unwrapped, &inner, &why)) {
        run->no_memory = run->no_memory || why.code == FAULT_NO_MEMORY;
        return false;
    }
    return is_certificate(inner, to_its_end && w->pack == PACK_NONE, c);
}

/* What stands around the certificate in a value: a header of up to SKIP_TRIED bytes, and perhaps
 * zlib's packing.  What fits the first value has to fit the others. */
static bool find_wrapping(struct discover_run *run, struct discover_column *column,
                          struct bytes value, struct x509_certificate *c)
{
    if (column->wrapped > 0)
        return fits_wrapping(run, &column->wrapping, value, false, c);
    for (int32_t skip = 0; skip <= SKIP_TRIED && (size_t)skip + 2 < value.size; skip++) {
        const uint8_t *at = value.at + skip;
        bool packed = (at[0] & 0x0f) == 8 && (at[0] << 8 | at[1]) % 31 == 0; /* RFC 1950, 2.2 */
        struct wrapping w = {skip, packed ? PACK_ZLIB : PACK_NONE};
        if (!(packed || (skip > 0 && at[0] == 0x30)) || !fits_wrapping(run, &w, value, true, c))
            continue;
        column->wrapping = w;
        return true;
    }
    return false;
}

/* A list of one certificate: as the list's value in a row of many. */
static void judge_list_of_one(struct discover_run *run, unsigned number, enum certlist_kind kind,
                              struct bytes value)
{
    static const enum wrapping_pack packs[] = {
        [CERTLIST_PKCS7] = PACK_PKCS7, [CERTLIST_SST] = PACK_SST, [CERTLIST_PEM] = PACK_PEM};
    struct discover_column *column = &run->d->column[number];
    struct x509_certificate c;
    struct wrapping w = {.pack = packs[kind]};
    if (column->wrapped > 0 ? column->wrapping.pack != w.pack : column->values > WRAPPED_TRIED)
        return;
    if (!fits_wrapping(run, &w, value, true, &c))
        return;
    column->wrapping = w;
    column->wrapped++;
    add_fact(run, number, &c);
}

/* A value that is nothing else. */
static bool judge_wrapped(struct discover_run *run, unsigned number, struct bytes value)
{
    struct discover_column *column = &run->d->column[number];
    struct x509_certificate c;
    if (column->values > WRAPPED_TRIED && column->wrapped == 0)
        return false;
    if (!find_wrapping(run, column, value, &c))
        return false;
    column->wrapped++;
    add_fact(run, number, &c);
    return true;
}

/* A list behind a header, or packed. */
static bool judge_around(struct discover_run *run, struct rows *rows, unsigned number,
                         struct bytes value)
{
    struct discover_column *column = &run->d->column[number];
    struct certlist_form form;
    struct wrapping around;
    enum certlist_kind kind = CERTLIST_NONE;
    if (column->values > WRAPPED_TRIED && column->lists == 0)
        return false;
    unsigned certificates = discover_around(run, value, &around, &form, &kind);
    if (certificates == 0)
        return false;
    if (column->lists == 0)
        column->around = around;
    note_list(run, rows, column, &form, kind, certificates);
    return true;
}

static void judge_value(struct discover_run *run, struct rows *rows, unsigned number,
                        struct bytes value, bool cut)
{
    struct discover_column *column = &run->d->column[number];
    struct certlist_form form = {.kind = CERTLIST_NONE};
    enum certlist_kind kind = certlist_detect(value);
    bool is_list = kind == CERTLIST_SST || kind == CERTLIST_PKCS7;
    bool may_be = kind == CERTLIST_NONE && discover_may_be_items(value);
    bool may_be_around = cut && kind == CERTLIST_NONE && column->values <= WRAPPED_TRIED &&
                         discover_may_be_around(value);
    if (cut &&
        (is_list || may_be || may_be_around || kind == CERTLIST_DER || kind == CERTLIST_PEM) &&
        !discover_read(run, rows, column->column, LIST_VALUE_MOST, &value, &cut))
        return;
    column->values++;
    if (!cut && (is_list || kind == CERTLIST_PEM))
        judge_list_of_one(run, number, kind, value);
    if (is_list) {
        unsigned certificates = count_certificates(value, NULL);
        if (certificates)
            note_list(run, rows, column, NULL, kind, certificates);
        else if (column->broken++ == 0)
            note_select(run, rows, column);
    } else if (kind == CERTLIST_DER) {
        judge_der(run, rows, number, value);
    } else if (kind == CERTLIST_PEM) {
        unsigned certificates = count_certificates(value, NULL);
        if (certificates > 1)
            note_list(run, rows, column, NULL, kind, certificates);
        else
            column->pem++;
    } else if (may_be && discover_items(value, &form)) {
        note_list(run, rows, column, &form, CERTLIST_ITEMS, count_certificates(value, &form));
    } else if (!cut &&
               (judge_around(run, rows, number, value) || judge_wrapped(run, number, value))) {
        return;
    } else if (may_be) {
        column->broken++; /* perhaps a piece of a list */
    } else if (value.size == HASH_SHA1_SIZE || is_printable(value)) {
        column->text++; /* a hash is no secret either */
    }
}

/* ---- one table ---- */

struct sample {
    unsigned binary[COLUMNS_MOST]; /* numbers of the discovery's columns */
    size_t bytes[COLUMNS_MOST];
    unsigned binaries;
    const struct ese_column *text[COLUMNS_MOST];
    unsigned texts_read[COLUMNS_MOST], names[COLUMNS_MOST]; /* distinguished names among them */
    unsigned texts;
};

static void prepare(struct discover_run *run, struct sample *s, const struct ese_table *table)
{
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        bool full =
            discover_is_binary(column) ? s->binaries == COLUMNS_MOST : s->texts == COLUMNS_MOST;
        if (!discover_is_binary(column) && !discover_is_text(column))
            continue;
        if (full) {
            run->d->limited = true;
            continue;
        }
        if (discover_is_text(column)) {
            s->text[s->texts++] = column;
            continue;
        }
        struct discover_column *added = discover_grow(run, &run->d->column, &run->d->columns,
                                                      &run->d->column_room, sizeof *added);
        if (added == NULL)
            return;
        added->table = table;
        added->column = column;
        s->binary[s->binaries++] = run->d->columns - 1;
    }
}

static void sample_binary(struct discover_run *run, struct rows *rows, struct sample *s, unsigned i)
{
    struct bytes value;
    bool cut;
    if (!discover_read(run, rows, run->d->column[s->binary[i]].column, VALUE_MOST, &value, &cut))
        return;
    s->bytes[i] += value.size;
    judge_value(run, rows, s->binary[i], value, cut);
    judge_values(run, rows, s->binary[i]);
}

/* "o=Contoso, ou=London, cn=User": an attribute and an equals sign, and a separator or a common
 * name. */
static bool is_distinguished_name(const char *text)
{
    return (strcasestr(text, "cn=") || strcasestr(text, "o=")) && (strpbrk(text, ",/;") != NULL);
}

static void sample_text(struct discover_run *run, struct rows *rows, struct sample *s, unsigned i)
{
    char text[DISCOVER_TEXT];
    if (!discover_read_text(run, rows, s->text[i], text))
        return;
    s->texts_read[i]++;
    s->names[i] += is_distinguished_name(text);
}

/* One row; false when every column has had enough values. */
static bool sample_row(struct discover_run *run, struct rows *rows, struct sample *s)
{
    bool wanted = false;
    for (unsigned i = 0; i < s->binaries; i++) {
        if (run->d->column[s->binary[i]].values >= VALUES_SAMPLED || s->bytes[i] >= COLUMN_BYTES)
            continue;
        wanted = true;
        sample_binary(run, rows, s, i);
    }
    for (unsigned i = 0; i < s->texts; i++) {
        if (s->texts_read[i] >= VALUES_SAMPLED)
            continue;
        wanted = true;
        sample_text(run, rows, s, i);
    }
    return wanted;
}

/* A table whose only text of that kind is distinguished names may be the users'. */
static void note_users(struct discover_run *run, const struct sample *s,
                       const struct ese_table *table)
{
    const struct ese_column *name = NULL;
    for (unsigned i = 0; i < s->texts; i++)
        if (s->names[i] > 0 && s->names[i] == s->texts_read[i])
            name = s->text[i];
    for (unsigned i = 0; i < s->binaries; i++)
        if (run->d->column[s->binary[i]].certificates > 0)
            return; /* a list of certificates with their names */
    if (name == NULL || discover_table_key(table) == NULL)
        return;
    run->users = table;
    run->users_name = name;
    run->users_seen++;
}

static void sample_table(struct discover_run *run, const struct ese_table *table)
{
    struct sample s = {.binaries = 0};
    struct rows rows = {.lv = NULL};
    prepare(run, &s, table);
    if (s.binaries == 0 && s.texts == 0)
        return;
    rows_open(&rows, run->store, table);
    unsigned row = 0;
    for (; row < ROWS_SAMPLED && discover_next(run, &rows); row++)
        if (!sample_row(run, &rows, &s))
            break;
    bool only = row == 1 && rows.unread == 0 && run->rows_left > 0;
    discover_end(run, &rows);
    for (unsigned i = 0; i < s.binaries; i++)
        run->d->column[s.binary[i]].only_row = only;
    note_users(run, &s, table);
}

/* ---- what the columns are ---- */

/* Counts for each column the certificates of issuers: self-issued, CAs by extension, or named as
 * the issuer of another certificate of the store. */
static void count_issuers(struct discover_run *run)
{
    uint64_t *named = calloc(run->facts + 1u, sizeof *named);
    size_t count = 0;
    if (named == NULL) {
        run->no_memory = true;
        return;
    }
    for (unsigned i = 0; i < run->facts; i++)
        if (run->fact[i].subject != run->fact[i].issuer)
            named[count++] = run->fact[i].issuer;
    qsort(named, count, sizeof *named, array_by_u64);
    for (unsigned i = 0; i < run->facts; i++) {
        const struct discover_fact *fact = &run->fact[i];
        if (fact->subject == fact->issuer || fact->says_ca ||
            bsearch(&fact->subject, named, count, sizeof *named, array_by_u64))
            run->d->column[fact->column].issuers++;
    }
    free(named);
}

static void classify(struct discover_column *c)
{
    unsigned seen = c->certificates + c->lists + c->crls + c->broken + c->pem + c->wrapped;
    if (c->valued == 1 && c->values == 1 && certlist_form_read("values", NULL, &c->form, NULL)) {
        c->kind = DISCOVER_LIST_VALUE;
        c->list_kind = CERTLIST_ITEMS;
    } else if (c->wrapped == c->values && 2 * c->issuers > c->wrapped &&
               (c->wrapped > 1 || c->lists == 0))
        c->kind = DISCOVER_LIST;
    else if (2 * c->certificates > c->values)
        c->kind = 2 * c->issuers > c->certificates ? DISCOVER_LIST : DISCOVER_CERTIFICATES;
    else if (c->lists > 0)
        c->kind = c->lists == 1 ? DISCOVER_LIST_VALUE : DISCOVER_LISTS;
    else if (2 * c->crls > c->values)
        c->kind = DISCOVER_CRLS;
    else if (seen > 0)
        c->kind = DISCOVER_DECOY;
    else if (c->values > 0 && c->text == 0)
        c->kind = DISCOVER_OPAQUE;
}

/* The unremarkable columns are forgotten; none of them has certificates. */
static void keep_remarkable(struct discover_run *run)
{
    struct discovery *d = run->d;
    uint32_t *number = calloc(d->columns + 1u, sizeof *number);
    unsigned kept = 0;
    if (number == NULL) {
        run->no_memory = true;
        return;
    }
    for (unsigned i = 0; i < d->columns; i++) {
        number[i] = kept;
        if (d->column[i].kind != DISCOVER_OTHER)
            d->column[kept++] = d->column[i];
    }
    d->columns = kept;
    for (unsigned i = 0; i < run->facts; i++)
        run->fact[i].column = number[run->fact[i].column];
    free(number);
}

void discover_sample(struct discover_run *run)
{
    const struct ese_catalog *catalog = run->store->db->catalog;
    unsigned looked_at = 0;
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        if (discover_skips(ese_catalog_table(catalog, i)))
            continue;
        if (looked_at++ == TABLES_MOST) {
            run->d->limited = true;
            break;
        }
        sample_table(run, ese_catalog_table(catalog, i));
    }
    count_issuers(run);
    for (unsigned i = 0; i < run->d->columns; i++)
        classify(&run->d->column[i]);
    keep_remarkable(run);
}
