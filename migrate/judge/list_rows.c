/* A certificate list with an entry a row, in one table or several. */
#include "migrate/judge/readers.h"

#include "formats/array.h"
#include "migrate/judge/names.h"

#include <stdlib.h>

struct model_entry *model_add_entry(struct model *m, int32_t key, struct bytes der, struct fault *f)
{
    unsigned number = 0;
    if (!model_intern(m, der, &number, f))
        return NULL;
    struct model_entry *entry = array_next(&m->entry, m->entries, &m->entry_room, sizeof *entry);
    if (entry == NULL) {
        model_no_memory(f);
        return NULL;
    }
    *entry = (struct model_entry){
        .key = key, .certificate = number, .encoding = SST_ENCODING, .row = m->entries};
    m->entries++;
    return entry;
}

struct list_columns {
    const struct profile_list *list;
    unsigned part;
    const struct ese_column *key, *certificate, *thumbprint, *name, *imported;
    struct roles roles;
};

/* What the columns for role and trust hold; one that cannot be read, or is out of all range, is as
 * good as null, and model_end_rows() says so. */
static void read_roles(struct rows *rows, const struct list_columns *c, struct model_entry *entry)
{
    struct roles_row row = {.number = {0}};
    for (unsigned i = 0; i < c->roles.columns; i++) {
        row.number[i] = rows_integer(rows, c->roles.column[i], &row.null[i]);
        if (c->roles.column[i]->type == ESE_COL_BIT)
            row.number[i] = row.number[i] != 0;
    }
    entry->role = roles_role(&c->roles, &row);
    entry->trust = roles_trust(&c->roles, &row);
}

/* A thumbprint in hex digits, as its bytes; what is no such thing stays as it is. */
static bool from_hex(struct bytes *value, const struct ese_column *column, uint8_t sha1[64])
{
    size_t step = column->code_page == ESE_CODEPAGE_UNICODE ? 2 : 1, digits = 0;
    unsigned byte = 0;
    for (size_t i = 0; i + step <= value->size; i += step) {
        int c = value->at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0 && (c == ' ' || c == ':' || c == 0))
            continue;
        if (digit < 0 || digits == 2 * HASH_SHA1_SIZE)
            return false;
        byte = byte << 4 | (unsigned)digit;
        sha1[digits++ / 2] = (uint8_t)byte;
    }
    *value = bytes_of(sha1, digits / 2);
    return true;
}

/* What cannot be read of them is as good as null: model_end_rows() says so. */
static bool read_entry_fields(struct model *m, struct rows *rows, const struct list_columns *c,
                              struct model_entry *entry, struct fault *f)
{
    bool null;
    struct bytes value;
    uint8_t sha1[64];
    read_roles(rows, c, entry);
    entry->imported = rows_date(rows, c->imported, &null);
    entry->has_imported = !null;
    if (rows_bytes(rows, c->name, &m->memory->value, &value, &null, NULL) && !null &&
        (entry->name = model_utf8_text(m, c->name, value)) == NULL)
        return model_no_memory(f);
    if (!rows_bytes(rows, c->thumbprint, &m->memory->value, &value, &null, NULL))
        null = true;
    if (!null && c->list->thumbprint_hex)
        from_hex(&value, c->thumbprint, sha1);
    const void *kept = null ? NULL : model_keep(m, value);
    if (!null && kept == NULL)
        return model_no_memory(f);
    entry->has_thumbprint = !null;
    entry->thumbprint = bytes_of(kept, null ? 0 : value.size);
    return true;
}

static bool is_number(const struct ese_column *column)
{
    return column->type != ESE_COL_TEXT && column->type != ESE_COL_BINARY &&
           column->type != ESE_COL_GUID;
}

/* Is there a key in a part of the list that a column of that type can hold, and 32 bits cannot? */
static bool has_long_keys(const struct model *m, unsigned part)
{
    const struct ese_table *table = model_list_table(m, part);
    const struct ese_column *key =
        table ? ese_table_column(table, m->profile->list[part].key) : NULL;
    struct rows rows;
    int64_t number;
    bool found = false;
    if (key == NULL || (key->type != ESE_COL_UNSIGNED_LONG && key->type != ESE_COL_CURRENCY &&
                        key->type != ESE_COL_LONG_LONG))
        return false;
    rows_open(&rows, m->store, table);
    while (!found && rows_next(&rows))
        found = rows_number(&rows, key, &number) && (number < INT32_MIN || number > INT32_MAX);
    return rows_end(&rows, NULL) && found; /* what cannot be read, the list's reading tells */
}

/* How keys are told: the profile's match saw to it that those of all parts are of one sort. */
static void find_key_sort(struct model *m)
{
    const struct ese_table *table = model_list_table(m, 0);
    const struct ese_column *key = table ? ese_table_column(table, m->profile->list[0].key) : NULL;
    for (unsigned part = 0; part < m->profile->lists; part++)
        m->long_keys = m->long_keys || has_long_keys(m, part);
    m->byte_keys = m->long_keys || (key && !is_number(key));
    m->text_keys = key && key->type == ESE_COL_TEXT;
    m->wide_keys = m->text_keys && key->code_page == ESE_CODEPAGE_UNICODE;
}

/* An entry's key; one that is no integer gets a number. */
static bool read_key(struct model *m, struct rows *rows, const struct ese_column *column,
                     int32_t *key, bool *null, struct fault *f)
{
    struct bytes value;
    if (!m->byte_keys) {
        *key = rows_integer(rows, column, null);
        return true;
    }
    *key = 0;
    if (!rows_bytes(rows, column, &m->memory->value, &value, null, NULL))
        *null = true;
    return *null || names_add_key(m, value, key, f);
}

/* The certificate in a value of the list; the value itself where there is none such. */
static bool take_off_wrapping(struct model *m, const struct profile_list *list, struct bytes *value,
                              int32_t key, struct problems *problems, struct fault *f)
{
    struct bytes inner;
    struct fault why = {.code = FAULT_NONE};
    if (wrapping_take_off(&list->wrapping, *value, &m->memory->more, &inner, &why)) {
        *value = inner;
        return true;
    }
    if (why.code == FAULT_NO_MEMORY)
        return model_no_memory(f);
    problem_add(problems, PROBLEM_MISFIT, key, NO_ENTRY, "entry %d: %s", key, why.text);
    return true;
}

static bool read_entry(struct model *m, struct rows *rows, const struct list_columns *c,
                       unsigned row, struct problems *problems, struct fault *f)
{
    bool null;
    struct bytes der;
    struct fault why = {.code = FAULT_NONE};
    int32_t key;
    if (!read_key(m, rows, c->key, &key, &null, f))
        return false;
    if (null && rows->unread == 0)
        problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                    "table %s: expected a key in column %s of each row, found a null in row %u",
                    rows->table->name, c->key->name, row + 1);
    if (!rows_bytes(rows, c->certificate, &m->memory->value, &der, &null, &why)) {
        if (why.code == FAULT_NO_MEMORY)
            return model_no_memory(f);
        problem_add(problems, PROBLEM_UNPARSABLE, key, NO_ENTRY, "entry %d: %s", key, why.text);
        der = bytes_of(NULL, 0);
    }
    if (model_count_values(rows, c->certificate) > 1)
        problem_add(problems, PROBLEM_MISFIT, key, NO_ENTRY,
                    "entry %d: column %s has several values; a list in all of them is said in "
                    "[list-value]",
                    key, c->certificate->name);
    if (!null && !take_off_wrapping(m, c->list, &der, key, problems, f))
        return false;
    struct model_entry *entry = model_add_entry(m, key, der, f);
    if (entry == NULL)
        return false;
    entry->row = row;
    entry->part = c->part;
    return read_entry_fields(m, rows, c, entry, f);
}

static int by_key_and_row(const void *a, const void *b)
{
    const struct model_entry *x = a, *y = b;
    if (x->key != y->key)
        return (x->key > y->key) - (x->key < y->key);
    return x->part != y->part ? (x->part > y->part) - (x->part < y->part)
                              : (x->row > y->row) - (x->row < y->row);
}

const struct ese_table *model_list_table(const struct model *m, unsigned part)
{
    return model_table_named(m, m->profile->list[part].table);
}

/* The first part of the list that is in the same table. */
static unsigned first_part(const struct model *m, unsigned part)
{
    for (unsigned i = 0; i < part; i++)
        if (model_is_named(m->profile->list[i].table, m->profile->list[part].table))
            return i;
    return part;
}

static int by_table_and_row(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    const struct model_entry *x = &m->entry[*(const unsigned *)a],
                             *y = &m->entry[*(const unsigned *)b];
    unsigned p = first_part(m, x->part), q = first_part(m, y->part);
    return p != q ? (p > q) - (p < q) : (x->row > y->row) - (x->row < y->row);
}

/* Parts of one list whose keys are of two ranges: what a number names is not known. */
static void judge_ranges(const struct model *m, struct problems *problems)
{
    for (unsigned i = 1; i < m->entries; i++) {
        const struct model_entry *a = &m->entry[i - 1], *b = &m->entry[i];
        if (a->key != b->key || a->part == b->part)
            continue;
        problem_add(problems, PROBLEM_MISFIT, a->key, NO_ENTRY,
                    "tables %s and %s: each has an entry %d; in parts of one list keys have to be "
                    "of one range, so that each names one entry",
                    m->profile->list[a->part].table, m->profile->list[b->part].table, a->key);
        return;
    }
}

/* Rows come in the order of the primary key, so that the sort is for keys that are no primary key,
 * and for a list in several parts. */
static bool sort_entries(struct model *m, struct problems *problems, struct fault *f)
{
    bool sorted = true;
    for (unsigned i = 1; sorted && i < m->entries; i++)
        sorted = m->entry[i - 1].key <= m->entry[i].key;
    if (!sorted)
        qsort(m->entry, m->entries, sizeof *m->entry, by_key_and_row);
    m->by_row = arena_take(&m->memory->arena, (m->entries + 1) * sizeof *m->by_row);
    if (m->by_row == NULL)
        return model_no_memory(f);
    for (unsigned i = 0; i < m->entries; i++)
        m->by_row[i] = i;
    if (!sorted || m->profile->lists > 1)
        qsort_r(m->by_row, m->entries, sizeof *m->by_row, by_table_and_row, m);
    for (unsigned i = 1; i < m->entries; i++)
        if (m->entry[i].key == m->entry[i - 1].key)
            m->entry[i].twin = m->entry[i - 1].twin + 1;
    judge_ranges(m, problems);
    return true;
}

bool model_is_list_table(const struct model *m, const struct ese_table *table)
{
    for (unsigned i = 0; m->match == PROFILE_MATCHES_ROWS && i < m->profile->lists; i++)
        if (model_is_named(m->profile->list[i].table, table->name))
            return true;
    return false;
}

const struct model_entry *model_entry_of_row(const struct model *m, const struct ese_table *table,
                                             unsigned row)
{
    struct halving h = {.high = m->by_row ? m->entries : 0};
    unsigned part = 0;
    while (part < m->profile->lists && !model_is_named(m->profile->list[part].table, table->name))
        part++;
    while (halving_next(&h)) {
        const struct model_entry *e = &m->entry[m->by_row[h.middle]];
        unsigned first = first_part(m, e->part);
        if (first == part && e->row == row)
            return e;
        halving_go(&h, first < part || (first == part && e->row < row));
    }
    return NULL;
}

enum { AROUND_MOST = 64, TRIED_MOST = 16 };

/* Is there a certificate in a value that is none: behind a few bytes, or packed? */
static bool holds_certificate(struct model *m, struct bytes value)
{
    struct x509_certificate c;
    struct bytes inner;
    for (size_t at = 0; at <= AROUND_MOST && at < value.size; at++) {
        struct wrapping packed = {.skip = (int32_t)at, .pack = PACK_ZLIB};
        if (value.at[at] == DER_SEQUENCE && x509_certificate_read(bytes_from(value, at), &c, NULL))
            return true;
        if (value.at[at] == 0x78 && /* how zlib's streams begin */
            wrapping_take_off(&packed, value, &m->memory->more, &inner, NULL) &&
            x509_certificate_read(inner, &c, NULL))
            return true;
    }
    return false;
}

/* What the values of a part of the list are, as certificates. */
struct reading {
    unsigned entries, parsed, trailing, tried;
    unsigned strange; /* do not even begin as one */
    bool wrapped;     /* one that is none has a certificate in it */
    bool behind;      /* behind one stands another */
};

static struct reading read_part(struct model *m, unsigned part)
{
    struct reading r = {.entries = 0};
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *c = model_certificate_of(m, &m->entry[i]);
        if (m->entry[i].part != part)
            continue;
        r.entries++;
        r.parsed += c->parsed;
        r.strange += !c->parsed && (c->der.size == 0 || c->der.at[0] != DER_SEQUENCE);
        bool trails = c->parsed && c->x509.envelope.trailing.size > 0;
        r.trailing += trails;
        r.behind = r.behind || (trails && holds_certificate(m, c->x509.envelope.trailing));
        if (!c->parsed && r.tried++ < TRIED_MOST)
            r.wrapped = r.wrapped || holds_certificate(m, c->der);
    }
    return r;
}

/* Certificates that cannot be read because something stands around them are not gone: then it is
 * the profile that does not say how they are kept. */
static void judge_all_unparsed(struct model *m, unsigned part, struct problems *problems)
{
    struct reading r = read_part(m, part);
    unsigned unparsed = r.entries - r.parsed;
    const struct profile_list *list = &m->profile->list[part];
    if (unparsed > 0 && (r.parsed == 0 || r.wrapped || (r.strange > 1 && r.strange > r.parsed)))
        problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                    "table %s, column %s: %u of its %u values can be read as a certificate%s; does "
                    "something stand around them (skip, pack), or is the list elsewhere?",
                    list->table, list->certificate, r.parsed, r.entries,
                    r.wrapped ? ", and others have one in them" : "");
    else if (r.behind || (r.parsed > 1 && r.trailing == r.parsed))
        problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                    "table %s, column %s: behind %u of its %u certificates stand bytes of "
                    "something else%s, of which the profile says nothing",
                    list->table, list->certificate, r.trailing, r.parsed,
                    r.behind ? ", with a certificate in them" : "");
}

static struct list_columns columns_of(const struct model *m, unsigned part,
                                      const struct ese_table *table)
{
    const struct profile_list *list = &m->profile->list[part];
    struct list_columns c = {.list = list,
                             .part = part,
                             .key = ese_table_column(table, list->key),
                             .certificate = ese_table_column(table, list->certificate),
                             .thumbprint = ese_table_column(table, list->thumbprint),
                             .name = ese_table_column(table, list->name),
                             .imported = ese_table_column(table, list->imported)};
    roles_open(&c.roles, list, table);
    return c;
}

/* The parts of the list that are in one table. */
struct list_parts {
    struct list_columns part[PROFILE_LISTS_MOST];
    unsigned parts;
    const struct ese_table *table;
};

/* A row is of the part whose condition it meets; a row of two parts would be two entries. */
static bool read_list_row(struct model *m, struct rows *rows, const struct list_parts *l,
                          unsigned row, struct problems *problems, struct fault *f)
{
    const struct list_columns *found = NULL;
    for (unsigned i = 0; i < l->parts; i++) {
        const struct condition *of = &l->part[i].list->rows;
        if (condition_is_there(of) && !condition_is_met(of, l->table, &rows->record))
            continue;
        if (found)
            problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                        "table %s: row %u is of two parts of the list by their rows",
                        l->table->name, row + 1);
        else
            found = &l->part[i];
    }
    return found == NULL || read_entry(m, rows, found, row, problems, f);
}

static bool read_list_table(struct model *m, const struct list_parts *l, struct problems *problems,
                            struct fault *f)
{
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, l->table);
    for (unsigned row = 0; ok && rows_next(&rows); row++)
        ok = read_list_row(m, &rows, l, row, problems, f);
    if (rows.unread > 0)
        m->list_cut = true; /* what is missing from the list may be what is looked for */
    return model_end_rows(&rows, problems, f) && ok;
}

bool list_rows_read(struct model *m, struct problems *problems, struct fault *f)
{
    const struct profile *p = m->profile;
    find_key_sort(m);
    for (unsigned part = 0; part < p->lists; part++) {
        struct list_parts l = {.parts = 0, .table = model_list_table(m, part)};
        if (l.table == NULL) {
            m->list_missing = true;
            continue;
        }
        for (unsigned i = part; first_part(m, part) == part && i < p->lists; i++)
            if (first_part(m, i) == part)
                l.part[l.parts++] = columns_of(m, i, l.table);
        if (l.parts == 0)
            continue; /* read with the part before */
        if (!read_list_table(m, &l, problems, f))
            return false;
    }
    for (unsigned part = 0; part < p->lists; part++)
        judge_all_unparsed(m, part, problems);
    return sort_entries(m, problems, f);
}
