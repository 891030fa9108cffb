/*
 * Reading the model of a store: see model.h.
 *
 * The list is read first, for its keys; then settings and revocation lists; last the tables that
 * refer to the list, of whose rows only the reference is looked at, and counted.
 */
#include "migrate/judge/model.h"

#include "formats/arena.h"
#include "formats/hex.h"
#include "formats/pool.h"
#include "formats/ese/layout/text.h"
#include "migrate/judge/names.h"
#include "migrate/judge/settings.h"
#include "migrate/store/rows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_CHARACTERS_MOST = 64 };

/* What only this file needs of the model's memory. */
struct model_memory {
    struct arena arena;
    struct pool pool;                /* what many rows may have in common */
    struct buffer value, more, text; /* of the row being read */
    uint32_t *by_hash;               /* certificate numbers + 1, hashed by SHA-256; 0: free */
    uint32_t slots;
    int32_t *user; /* the keys of all users, ascending */
    unsigned users, user_room;
    bool has_users, users_mixed; /* mixed: they did not come in that order */
};

static bool no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for the certificate list");
}

/* One more element of an array that doubles; its pointer in *array may change. */
static void *grow(void **array, unsigned count, unsigned *room, size_t size)
{
    if (count == *room) {
        unsigned more = *room ? *room * 2 : 64;
        void *grown = realloc(*array, (size_t)more * size);
        if (grown == NULL)
            return NULL;
        *array = grown;
        *room = more;
    }
    return (char *)*array + (size_t)count * size;
}

static const struct ese_table *table_named(const struct model *m, const char *name)
{
    return name ? ese_catalog_find(m->store->db->catalog, name) : NULL;
}

static const struct ese_column *column_named(const struct ese_table *table, const char *name)
{
    return table && name ? ese_table_column(table, name) : NULL;
}

static bool is_named(const char *name, const char *wanted)
{
    return name && wanted && strcasecmp(name, wanted) == 0;
}

/* A copy that lives as long as the model, with a zero byte behind it; NULL when memory is short. */
static const void *keep(struct model *m, struct bytes b)
{
    return pool_keep(&m->memory->pool, &m->hash, b);
}

/* A text column's value in UTF-8, with a zero byte behind it; at is NULL when memory is short. */
static struct bytes utf8_bytes(struct model *m, const struct ese_column *column, struct bytes b)
{
    struct ese_text text = {.code_page = column->code_page};
    struct buffer *room = &m->memory->text;
    buffer_clear(room);
    if (!buffer_reserve(room, b.size * ESE_TEXT_GROWTH + ESE_TEXT_CARRY))
        return bytes_of(NULL, 0);
    char *to = (char *)room->at;
    room->size = ese_text_convert(&text, b, to);
    room->size += ese_text_end(&text, to + room->size);
    return bytes_of(keep(m, buffer_bytes(room)), room->size);
}

static char *utf8_of(struct model *m, const struct ese_column *column, struct bytes b)
{
    return (char *)(uintptr_t)utf8_bytes(m, column, b).at;
}

/* ---- distinct certificates ---- */

static uint32_t slot_of(const struct model_memory *mem, const uint8_t sha256[HASH_SHA256_SIZE])
{
    uint32_t start = 0;
    bytes_le32(bytes_of(sha256, 4), 0, &start);
    return start & (mem->slots - 1);
}

static bool rehash(struct model *m)
{
    struct model_memory *mem = m->memory;
    uint32_t slots = mem->slots ? mem->slots * 2 : 256;
    uint32_t *fresh = calloc(slots, sizeof *fresh);
    if (fresh == NULL)
        return false;
    free(mem->by_hash);
    mem->by_hash = fresh;
    mem->slots = slots;
    for (unsigned i = 0; i < m->certificates; i++) {
        uint32_t slot = slot_of(mem, m->certificate[i].sha256);
        while (mem->by_hash[slot])
            slot = (slot + 1) & (slots - 1);
        mem->by_hash[slot] = i + 1;
    }
    return true;
}

static void examine(struct model *m, struct model_certificate *cert)
{
    cert->parsed = x509_certificate_read(cert->der, &cert->x509, &cert->why);
    if (!cert->parsed)
        return;
    cert->extensions = x509_extensions_read(cert->x509.extensions);
    cert->is_der = x509_is_der(&cert->x509.envelope);
    x509_key_sha256(&cert->x509, &m->hash, cert->key_sha256);
    x509_tbs_sha256(&cert->x509.envelope, &m->hash, &m->memory->more, cert->tbs_sha256);
    const struct x509_extensions *x = &cert->extensions;
    if (cert->x509.version >= 3)
        cert->can_sign = x->has_basic_constraints && x->is_ca &&
                         (!x->has_key_usage || (x->key_usage & X509_USE_CERTIFICATE_SIGN));
    else
        cert->can_sign = true;
}

/* The number of the certificate with these bytes, which is kept when it is new. */
bool model_intern(struct model *m, struct bytes der, unsigned *number, struct fault *f)
{
    struct model_memory *mem = m->memory;
    uint8_t sha256[HASH_SHA256_SIZE];
    hash_sha256(&m->hash, der, sha256);
    if (2 * m->certificates >= mem->slots && !rehash(m))
        return no_memory(f);
    uint32_t slot = slot_of(mem, sha256);
    for (; mem->by_hash[slot]; slot = (slot + 1) & (mem->slots - 1)) {
        *number = mem->by_hash[slot] - 1;
        if (memcmp(m->certificate[*number].sha256, sha256, sizeof sha256) == 0)
            return true;
    }
    void *array = m->certificate;
    struct model_certificate *cert =
        grow(&array, m->certificates, &m->certificate_room, sizeof *cert);
    m->certificate = array;
    const void *kept = cert ? arena_copy(&mem->arena, der) : NULL;
    if (kept == NULL)
        return no_memory(f);
    *cert = (struct model_certificate){.der = bytes_of(kept, der.size)};
    memcpy(cert->sha256, sha256, sizeof sha256);
    hash_sha1(&m->hash, der, cert->sha1);
    examine(m, cert);
    *number = m->certificates++;
    mem->by_hash[slot] = *number + 1;
    return true;
}

/* ---- the list ---- */

static struct model_entry *add_entry(struct model *m, int32_t key, struct bytes der,
                                     struct fault *f)
{
    unsigned number = 0;
    if (!model_intern(m, der, &number, f))
        return NULL;
    void *array = m->entry;
    struct model_entry *entry = grow(&array, m->entries, &m->entry_room, sizeof *entry);
    m->entry = array;
    if (entry == NULL) {
        no_memory(f);
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
 * good as null, and end_rows() says so. */
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

/* What cannot be read of them is as good as null: end_rows() says so. */
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
        (entry->name = utf8_of(m, c->name, value)) == NULL)
        return no_memory(f);
    if (!rows_bytes(rows, c->thumbprint, &m->memory->value, &value, &null, NULL))
        null = true;
    if (!null && c->list->thumbprint_hex)
        from_hex(&value, c->thumbprint, sha1);
    const void *kept = null ? NULL : keep(m, value);
    if (!null && kept == NULL)
        return no_memory(f);
    entry->has_thumbprint = !null;
    entry->thumbprint = bytes_of(kept, null ? 0 : value.size);
    return true;
}

/* How many values a column has in the row in hand; what cannot be read ends them. */
static unsigned count_values(const struct rows *rows, const struct ese_column *column)
{
    struct ese_values values;
    struct ese_value value;
    if (column == NULL || !ese_values_of(&values, &rows->record, column, NULL))
        return 0;
    while (ese_values_next(&values, &value, NULL))
        ;
    return values.count;
}

static bool is_number(const struct ese_column *column)
{
    return column->type != ESE_COL_TEXT && column->type != ESE_COL_BINARY &&
           column->type != ESE_COL_GUID;
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
        return no_memory(f);
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
            return no_memory(f);
        problem_add(problems, PROBLEM_UNPARSABLE, key, NO_ENTRY, "entry %d: %s", key, why.text);
        der = bytes_of(NULL, 0);
    }
    if (count_values(rows, c->certificate) > 1)
        problem_add(problems, PROBLEM_MISFIT, key, NO_ENTRY,
                    "entry %d: column %s has several values; a list in all of them is said in "
                    "[list-value]",
                    key, c->certificate->name);
    if (!null && !take_off_wrapping(m, c->list, &der, key, problems, f))
        return false;
    struct model_entry *entry = add_entry(m, key, der, f);
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
    return table_named(m, m->profile->list[part].table);
}

/* The first part of the list that is in the same table. */
static unsigned first_part(const struct model *m, unsigned part)
{
    for (unsigned i = 0; i < part; i++)
        if (is_named(m->profile->list[i].table, m->profile->list[part].table))
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
        return no_memory(f);
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
        if (is_named(m->profile->list[i].table, table->name))
            return true;
    return false;
}

const struct model_entry *model_entry_of_row(const struct model *m, const struct ese_table *table,
                                             unsigned row)
{
    unsigned low = 0, high = m->by_row ? m->entries : 0, part = 0;
    while (part < m->profile->lists && !is_named(m->profile->list[part].table, table->name))
        part++;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct model_entry *e = &m->entry[m->by_row[middle]];
        unsigned first = first_part(m, e->part);
        if (first == part && e->row == row)
            return e;
        if (first < part || (first == part && e->row < row))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Ends reading rows; what could not be read of them is a problem.  False, with f saying so, when
 * memory was short. */
static bool end_rows(struct rows *rows, struct problems *problems, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    if (rows_end(rows, &why))
        return true;
    if (why.code == FAULT_NO_MEMORY)
        return no_memory(f);
    if (why.code == FAULT_NOT_THIS) {
        problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY, "table %s: %s", rows->table->name,
                    why.text);
        return true;
    }
    if (problem_has(problems, PROBLEM_STRUCTURE))
        return true; /* the structural check has named the place */
    problem_add(problems, PROBLEM_STRUCTURE, NO_ENTRY, NO_ENTRY,
                "table %s: %" PRIu64 " rows, values or pages cannot be read; the first: %s",
                rows->table->name, rows->unread, why.text);
    return true;
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
                             .key = column_named(table, list->key),
                             .certificate = column_named(table, list->certificate),
                             .thumbprint = column_named(table, list->thumbprint),
                             .name = column_named(table, list->name),
                             .imported = column_named(table, list->imported)};
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
    return end_rows(&rows, problems, f) && ok;
}

static bool read_list_rows(struct model *m, struct problems *problems, struct fault *f)
{
    const struct profile *p = m->profile;
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
        m->byte_keys = l.part[0].key && !is_number(l.part[0].key);
        if (!read_list_table(m, &l, problems, f))
            return false;
    }
    for (unsigned part = 0; part < p->lists; part++)
        judge_all_unparsed(m, part, problems);
    return sort_entries(m, problems, f);
}

/* ---- a list kept in one value ---- */

static const struct profile_value *value_of(const struct model *m, const struct model_value *v)
{
    return &m->profile->value[v - m->value];
}

/* What stands behind the list's end: no encoding of a list has a place for it. */
static struct bytes behind_the_end(const struct certlist *list, const struct model *m,
                                   const struct model_value *v)
{
    struct buffer end = {0};
    struct bytes tail = {.at = NULL};
    switch (list->kind) {
    case CERTLIST_SST:
        tail = list->sst.tail;
        if (sst_write_end(&end) && tail.size >= end.size && memcmp(tail.at, end.at, end.size) == 0)
            tail = bytes_from(tail, end.size);
        break;
    case CERTLIST_PKCS7:
        tail = list->pkcs7.frame.trailing;
        break;
    case CERTLIST_DER:
        if (m->entries > v->first && model_certificate_of(m, &m->entry[m->entries - 1])->parsed)
            tail = model_certificate_of(m, &m->entry[m->entries - 1])->x509.envelope.trailing;
        break;
    case CERTLIST_ITEMS: /* their form does not hold then */
    case CERTLIST_PEM:   /* any text may stand around its blocks */
    case CERTLIST_NONE:
        break;
    }
    buffer_free(&end);
    return tail;
}

static void judge_end(struct model *m, const struct model_value *v, const struct certlist *list,
                      struct problems *problems)
{
    struct bytes tail = behind_the_end(list, m, v);
    enum certlist_kind kind = certlist_detect(tail);
    m->list_tail = m->list_tail || tail.size > 0;
    if (tail.size > 0)
        problem_add(problems, PROBLEM_LIST_TAIL, NO_ENTRY, NO_ENTRY,
                    "%zu bytes behind the end of the %s, after entry %u%s%s", tail.size,
                    certlist_kind_name(list->kind), m->entries,
                    kind == CERTLIST_NONE ? "" : "; they look like certificates: ",
                    kind == CERTLIST_NONE ? "" : certlist_kind_name(kind));
}

/* What certlist_open() or certlist_next() says that the value is not.  A list that is known for
 * what it is, and stops short, is cut; anything else may as well be whole, in a form that nobody
 * has told of. */
static bool note_unread(struct model *m, const struct model_value *v, const struct fault *why,
                        struct problems *problems, struct fault *f)
{
    bool known =
        v->form.kind == CERTLIST_NONE && why->code != FAULT_NOT_THIS && m->entries > v->first;
    if (why->code == FAULT_NO_MEMORY)
        return no_memory(f);
    m->list_cut = true;
    enum problem_code code = known ? PROBLEM_LIST_CUT : PROBLEM_LIST_FORM;
    if (m->entries > v->first)
        problem_add(problems, code, NO_ENTRY, NO_ENTRY, "after entry %u: %s", m->entries,
                    why->text);
    else
        problem_add(problems, code, NO_ENTRY, NO_ENTRY, "the list value of %zu bytes: %s",
                    v->bytes.size, why->text);
    return true;
}

static void doubt_form(struct model *m, const struct model_value *v, struct problems *problems,
                       const char *what)
{
    m->list_cut = true;
    problem_add(problems, PROBLEM_LIST_FORM, NO_ENTRY, NO_ENTRY, "the list value of %zu bytes: %s",
                v->bytes.size, what);
}

/* Items have no form but the one that was said: it has to hold for each of them. */
static bool are_items(const struct model *m, const struct model_value *v, size_t items)
{
    for (unsigned i = v->first; i < m->entries; i++)
        if (!model_certificate_of(m, &m->entry[i])->parsed)
            return false;
    return m->entries - v->first == items;
}

/* A list that was read to its end: is that what it is?  What it does not hold to is written over by
 * no repair. */
static bool judge_form(struct model *m, const struct model_value *v, const struct certlist *list,
                       struct problems *problems, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    unsigned read = 0, trailing = 0;
    /* PKCS#7 with indefinite lengths gets definite ones; nothing else of it changes. */
    bool exact = v->kind == CERTLIST_PKCS7 || certlist_is_exact(v->bytes, &v->form, &why);
    if (why.code == FAULT_NO_MEMORY)
        return no_memory(f);
    for (unsigned i = v->first; i < m->entries; i++) {
        const struct model_certificate *c = model_certificate_of(m, &m->entry[i]);
        read += c->parsed;
        trailing += c->parsed && c->x509.envelope.trailing.size > 0;
    }
    if (!exact)
        doubt_form(
            m, v, problems,
            "taken apart and put together again it is not what it was: it is in another form");
    else if (m->entries > v->first && read == 0)
        doubt_form(m, v, problems, "none of its entries is a certificate: it is in another form");
    else if (read > 1 && trailing == read)
        doubt_form(m, v, problems,
                   "bytes of something else stand behind each of its certificates: it is in "
                   "another form");
    else if (list->items.tail.size > 0)
        doubt_form(m, v, problems, "it goes on behind as many items as it counts");
    else if (v->kind == CERTLIST_ITEMS && !are_items(m, v, list->index))
        doubt_form(m, v, problems, "not all of its items are certificates: it is in another form");
    return true;
}

/* Copies whose headers say different things are no copies: which of them stays matters, and what
 * they say is not known. */
static bool judge_headers(struct model *m, const struct model_value *v, struct problems *problems,
                          struct fault *f)
{
    unsigned *first = calloc((size_t)m->certificates + 1, sizeof *first);
    bool alike = true;
    if (first == NULL)
        return no_memory(f);
    for (unsigned i = v->first; i < m->entries; i++) {
        unsigned *one = &first[m->entry[i].certificate];
        alike =
            alike && (*one == 0 || items_headers_alike(&v->form.items, m->entry[*one - 1].header,
                                                       m->entry[i].header));
        *one = *one ? *one : i + 1;
    }
    free(first);
    if (!alike)
        doubt_form(
            m, v, problems,
            "copies of one certificate have different bytes in front of them, which are said "
            "to be skipped");
    return true;
}

static bool add_item(struct model *m, const struct model_value *v,
                     const struct certlist_entry *item, struct fault *f)
{
    if (item->type != CERTLIST_CERTIFICATE)
        return true;
    struct model_entry *entry = add_entry(m, (int32_t)m->entries + 1, item->encoded, f);
    if (entry == NULL)
        return false;
    entry->role = ROLE_NONE;
    entry->part = (unsigned)(v - m->value);
    entry->properties = item->properties;
    entry->encoding = item->encoding;
    entry->header = item->header;
    return true;
}

/* The entries of a value, behind those of the values before it. */
static bool read_list_value(struct model *m, struct model_value *v, struct bytes value,
                            struct problems *problems, struct fault *f)
{
    struct certlist list;
    struct certlist_entry item;
    struct fault why = {.code = FAULT_NONE};
    v->bytes = value;
    v->first = m->entries;
    if (!profile_value_form(value_of(m, v), &v->form, f))
        return false;
    if (!certlist_open_as(&list, value, &v->form, &why))
        return note_unread(m, v, &why, problems, f);
    v->kind = list.kind;
    bool ok = true;
    while (ok && certlist_next(&list, &item, &why))
        ok = add_item(m, v, &item, f);
    if (ok && list.failed) {
        ok = note_unread(m, v, &why, problems, f);
    } else if (ok) {
        judge_end(m, v, &list, problems);
        ok = judge_form(m, v, &list, problems, f);
    }
    if (ok && list.kind == CERTLIST_ITEMS)
        ok = judge_headers(m, v, problems, f);
    v->entries = m->entries - v->first;
    certlist_close(&list);
    return ok;
}

const char *model_value_place(const struct model *m, unsigned which, char to[128])
{
    const struct profile_value *p = &m->profile->value[which];
    if (p->table && p->select == NULL)
        snprintf(to, 128, "a value in the only row of table %s", p->table);
    else
        snprintf(to, 128, "a value named %.100s", p->equals ? p->equals : "(none)");
    return to;
}

/* Several rows could be the list's.  Without a text that selects, it is none of them. */
static void note_second_row(struct model *m, const struct model_value *v, struct problems *problems)
{
    const struct profile_value *p = value_of(m, v);
    m->second_list = true;
    if (p->select)
        problem_add(problems, PROBLEM_TWO_LISTS, NO_ENTRY, NO_ENTRY,
                    "table %s has more than one row named %s; only the first is judged", p->table,
                    p->equals);
    else
        problem_add(problems, PROBLEM_TWO_LISTS, NO_ENTRY, NO_ENTRY,
                    "table %s has more than one row, and the profile does not say which of them "
                    "has the list ([list-value] select, equals); only the first is judged",
                    p->table);
}

/* All values of a column, in a row; false when one cannot be read, which end_rows() tells. */
static bool gather_values(struct model *m, struct rows *rows, const struct ese_column *column,
                          struct buffer *row)
{
    struct ese_values values;
    struct ese_value value;
    struct bytes bytes;
    struct fault why = {.code = FAULT_NONE};
    if (!ese_values_of(&values, &rows->record, column, &why))
        return rows_unread(rows, &why);
    while (ese_values_next(&values, &value, &why)) {
        if (value.kind == ESE_VALUE_NULL)
            bytes = bytes_of(NULL, 0);
        else if (!rows_value(rows, column, &value, &m->memory->value, &bytes, NULL))
            return false;
        if (!certlist_add_value(row, bytes)) {
            fault_set(&why, FAULT_NO_MEMORY, "out of memory");
            return rows_unread(rows, &why);
        }
    }
    return why.code == FAULT_NONE || rows_unread(rows, &why);
}

/* What the list is made of, in the row in hand: one value, or all that the column has. */
static bool list_bytes(struct model *m, struct model_value *v, struct rows *rows,
                       const struct ese_column *column, struct buffer *row, struct bytes *value,
                       bool *null)
{
    struct fault ignored;
    struct bytes first;
    if (!rows_bytes(rows, column, &m->memory->value, &first, null, NULL))
        return false;
    *value = first;
    if (*null || !profile_value_form(value_of(m, v), &v->form, &ignored) || !v->form.values)
        return true;
    bool ok = gather_values(m, rows, column, row);
    *value = buffer_bytes(row);
    return ok;
}

/* The value of the row in hand, when it is the list; one that stands beside a list in rows is only
 * noted.  number: which row it is, from 1. */
static bool take_value_row(struct model *m, struct model_value *v, struct rows *rows,
                           const struct ese_column *column, uint64_t number, struct buffer *row,
                           struct problems *problems, struct fault *f)
{
    struct bytes value;
    bool null;
    if (!list_bytes(m, v, rows, column, row, &value, &null)) {
        v->missing = false; /* it is there; end_rows() says that it cannot be read */
        m->list_cut = true;
        return true;
    }
    if (null)
        return true;
    if (m->match == PROFILE_MATCHES_ROWS) {
        m->second_list = m->second_list || value.size > 0;
        return true;
    }
    if (!v->missing) {
        note_second_row(m, v, problems);
        return true;
    }
    const void *kept = keep(m, value);
    if (kept == NULL)
        return no_memory(f);
    v->missing = false;
    v->row = number;
    if (!read_list_value(m, v, bytes_of(kept, value.size), problems, f))
        return false;
    if (!v->form.values && count_values(rows, column) > 1)
        doubt_form(
            m, v, problems,
            "there are more values in its row, and the profile does not say that the list is "
            "in all of them (form = values)");
    return true;
}

static bool read_value_row(struct model *m, struct model_value *v, struct rows *rows,
                           const struct ese_column *column, uint64_t number,
                           struct problems *problems, struct fault *f)
{
    struct buffer row = {0};
    bool ok = take_value_row(m, v, rows, column, number, &row, problems, f);
    buffer_free(&row);
    return ok;
}

/* Is the row in hand the one that the profile selects?  Without a column to select by each is. */
static bool is_selected(struct model *m, const struct model_value *v, struct rows *rows,
                        const struct ese_column *select, bool *selected, struct fault *f)
{
    struct bytes value;
    bool null;
    *selected = select == NULL;
    if (select && select->type != ESE_COL_TEXT && select->type != ESE_COL_LONG_TEXT) {
        char number[16];
        snprintf(number, sizeof number, "%d", rows_integer(rows, select, &null));
        *selected = !null && strcmp(number, value_of(m, v)->equals) == 0;
        return true;
    }
    if (*selected || !rows_bytes(rows, select, &m->memory->value, &value, &null, NULL))
        return true; /* end_rows() says so */
    const char *name = null ? NULL : utf8_of(m, select, value);
    *selected = is_named(name, value_of(m, v)->equals);
    return null || name != NULL || no_memory(f);
}

/* Adds the row in hand to the pieces of the list. */
static bool read_piece(struct model *m, struct model_value *v, struct rows *rows,
                       const struct ese_column *column, const struct ese_column *join,
                       uint64_t number, struct problems *problems, struct fault *f)
{
    struct bytes value;
    bool null, no_order;
    int32_t order = rows_integer(rows, join, &no_order);
    if (!rows_bytes(rows, column, &m->memory->value, &value, &null, NULL) || no_order || null ||
        count_values(rows, column) > 1) {
        if (rows->unread == 0)
            doubt_form(m, v, problems,
                       "a row has no number, or not one value, that it could be a piece by");
        m->list_cut = true;
        return true;
    }
    return pieces_add(&v->pieces, order, number, value) || no_memory(f);
}

static bool join_pieces(struct model *m, struct model_value *v, struct problems *problems,
                        struct fault *f)
{
    struct buffer whole = {0};
    struct fault why = {.code = FAULT_NONE};
    const void *kept = NULL;
    bool joined = pieces_join(&v->pieces, &whole, &why);
    if (joined)
        kept = arena_copy(&m->memory->arena, buffer_bytes(&whole));
    size_t size = whole.size;
    buffer_free(&whole);
    if (why.code == FAULT_NO_MEMORY || (joined && kept == NULL))
        return no_memory(f);
    if (!joined) {
        doubt_form(m, v, problems, why.text);
        return true;
    }
    return read_list_value(m, v, bytes_of(kept, size), problems, f);
}

/* A list in pieces. */
static bool read_pieces(struct model *m, struct model_value *v, const struct ese_table *table,
                        struct problems *problems, struct fault *f)
{
    const struct ese_column *select = column_named(table, value_of(m, v)->select);
    const struct ese_column *column = column_named(table, value_of(m, v)->column);
    const struct ese_column *join = column_named(table, value_of(m, v)->join);
    struct rows rows;
    bool ok = true, selected;
    rows_open(&rows, m->store, table);
    for (uint64_t number = 1; ok && rows_next(&rows); number++) {
        ok = is_selected(m, v, &rows, select, &selected, f);
        if (ok && selected)
            ok = read_piece(m, v, &rows, column, join, number, problems, f);
    }
    ok = end_rows(&rows, problems, f) && ok;
    if (m->match == PROFILE_MATCHES_ROWS)
        m->second_list = v->pieces.count > 0;
    else if (ok && v->pieces.count > 0)
        ok = join_pieces(m, v, problems, f);
    v->missing = v->missing && v->pieces.count == 0 && !m->list_cut;
    return ok;
}

/* A part of the list that is kept in one value, in whatever table that is. */
static bool read_value(struct model *m, struct model_value *v, struct problems *problems,
                       struct fault *f)
{
    const struct profile_value *p = value_of(m, v);
    const struct ese_table *table = table_named(m, p->table);
    const struct ese_column *select = column_named(table, p->select);
    const struct ese_column *column = column_named(table, p->column);
    v->missing = m->match == PROFILE_MATCHES_VALUE;
    if (table == NULL || (select == NULL && p->select) || column == NULL)
        return true;
    if (p->join)
        return read_pieces(m, v, table, problems, f);
    struct rows rows;
    bool ok = true;
    uint64_t seen = 0, number = 0;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows)) {
        bool selected;
        number++;
        ok = is_selected(m, v, &rows, select, &selected, f);
        if (ok && selected && p->select == NULL && seen++ > 0) {
            note_second_row(m, v, problems);
            break;
        }
        if (ok && selected)
            ok = read_value_row(m, v, &rows, column, number, problems, f);
    }
    return end_rows(&rows, problems, f) && ok;
}

/* All values, in the profile's order.  Of several each has to be there: which certificates one that
 * is not would hold is not known. */
static bool read_values(struct model *m, struct problems *problems, struct fault *f)
{
    unsigned missing = 0, values = m->profile->values;
    char place[128];
    for (unsigned i = 0; i < values; i++) {
        if (!read_value(m, &m->value[i], problems, f))
            return false;
        missing += m->value[i].missing;
    }
    m->list_missing = m->match == PROFILE_MATCHES_VALUE && missing == values;
    for (unsigned i = 0; i < values && missing > 0 && missing < values; i++)
        if (m->value[i].missing) {
            m->list_cut = true;
            problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                        "a part of the list is not there: %s", model_value_place(m, i, place));
        }
    return true;
}

/* ---- for judge/settings.c ---- */

const void *model_keep(struct model *m, struct bytes b)
{
    return keep(m, b);
}

struct bytes model_utf8(struct model *m, const struct ese_column *column, struct bytes b)
{
    return utf8_bytes(m, column, b);
}

bool model_end_rows(struct rows *rows, struct problems *problems, struct fault *f)
{
    return end_rows(rows, problems, f);
}

/* ---- revocation lists ---- */

static bool add_crl(struct model *m, int32_t key, const int32_t *entry, struct bytes der,
                    struct fault *f)
{
    void *array = m->crl;
    struct model_crl *crl = grow(&array, m->crls, &m->crl_room, sizeof *crl);
    m->crl = array;
    const void *kept = crl ? keep(m, der) : NULL;
    if (kept == NULL)
        return no_memory(f);
    *crl = (struct model_crl){.key = key,
                              .has_entry = entry != NULL,
                              .entry = entry ? *entry : 0,
                              .der = bytes_of(kept, der.size)};
    crl->parsed = x509_crl_read(crl->der, &crl->x509, NULL);
    m->crls++;
    return true;
}

/* ---- references ---- */

struct reference_columns {
    const struct ese_column *reference, *key, *proves;
    const struct ese_column *version, *user; /* of a user's certificate, for advice */
    bool is_crl;
};

/* Keys that count up without a gap, as most do: then this is the entry's place. */
static bool is_at(const struct model *m, uint64_t place, int64_t key)
{
    return place < m->entries && m->entry[place].key == key &&
           (place == 0 || m->entry[place - 1].key != key);
}

struct model_entry *model_entry(const struct model *m, int64_t key)
{
    unsigned low = 0, high = m->entries;
    uint64_t place = high ? (uint64_t)key - (uint64_t)m->entry[0].key : 0;
    if (is_at(m, place, key))
        return &m->entry[place];
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (m->entry[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->entries && m->entry[low].key == key ? &m->entry[low] : NULL;
}

bool model_key_is_primary(const struct model *m)
{
    for (unsigned i = 0; i < m->profile->lists; i++) {
        const struct ese_table *table = model_list_table(m, i);
        const struct ese_column *key = table ? ese_table_key_column(table) : NULL;
        if (key == NULL || strcasecmp(key->name, m->profile->list[i].key) != 0)
            return false;
    }
    return m->profile->lists > 0;
}

/* Entries of one key are neighbours, in the order of their twin. */
struct model_entry *model_entry_twin(const struct model *m, int32_t key, unsigned twin)
{
    struct model_entry *e = model_entry(m, key);
    if (e == NULL || twin >= (unsigned)(m->entry + m->entries - e))
        return NULL;
    return e[twin].key == key && e[twin].twin == twin ? &e[twin] : NULL;
}

static bool add_dangling(struct model *m, unsigned which, int32_t row, int32_t names,
                         struct bytes signed_object, struct fault *f)
{
    m->dangling_count++;
    if (m->dangling_kept == MODEL_DANGLING_MOST)
        return true;
    void *array = m->dangling;
    struct model_dangling *one = grow(&array, m->dangling_kept, &m->dangling_room, sizeof *one);
    m->dangling = array;
    const void *kept = one ? keep(m, signed_object) : NULL;
    if (kept == NULL)
        return no_memory(f);
    *one = (struct model_dangling){which, row, names, bytes_of(kept, signed_object.size)};
    m->dangling_kept++;
    return true;
}

/* When the issuing CA came into the list, V3 began; whoever has a V1 certificate from before has it
 * rightly. */
static bool find_switch(const struct model *m, int64_t *seconds)
{
    bool found = false;
    for (unsigned i = 0; m->mode == MODE_V3 && m->has_issuing_ca && i < m->entries; i++) {
        const struct model_entry *e = &m->entry[i];
        if (!e->has_imported ||
            memcmp(model_certificate_of(m, e)->sha1, m->issuing_ca, HASH_SHA1_SIZE) != 0 ||
            !(e->imported > 0 && e->imported < 2958466))
            continue;
        int64_t when = (int64_t)((e->imported - 25569) * 86400); /* 25569: 1970-01-01 */
        *seconds = !found || when > *seconds ? when : *seconds;
        found = true;
    }
    return found;
}

static bool is_after_switch(struct model *m, struct rows *rows, const struct reference_columns *c)
{
    struct x509_certificate cert;
    struct bytes der;
    bool null;
    return m->switch_known && rows_bytes(rows, c->proves, &m->memory->value, &der, &null, NULL) &&
           !null && x509_certificate_read(der, &cert, NULL) && cert.not_before.known &&
           cert.not_before.seconds > m->switched;
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Is there a user of that key?  Keys that count up without a gap, as most do, are where they are
 * expected. */
static bool has_user(const struct model_memory *mem, int32_t key)
{
    if (mem->users == 0)
        return false;
    uint64_t place = (uint64_t)((int64_t)key - mem->user[0]);
    return (place < mem->users && mem->user[place] == key) ||
           bsearch(&key, mem->user, mem->users, sizeof key, by_number) != NULL;
}

/* A certificate whose user is gone. */
static void look_for_user(struct model *m, struct rows *rows, const struct reference_columns *c,
                          int32_t row)
{
    const struct model_memory *mem = m->memory;
    bool null;
    int32_t user = rows_integer(rows, c->user, &null);
    if (mem->has_users && c->user && (null || !has_user(mem, user)) && m->without_user++ == 0)
        m->first_without_user = (uint32_t)row;
}

/* The key of the entry that a row names by issuer and serial number. */
static int32_t identity_key(const struct model *m, unsigned which, struct rows *rows,
                            const struct ese_column *column, bool *null)
{
    const struct ese_column *second =
        ese_table_column(rows->table, m->profile->reference[which].serial);
    struct buffer room = {0}, more = {0};
    struct bytes issuer, serial;
    bool no_serial;
    bool read = rows_bytes(rows, column, &room, &issuer, null, NULL) &&
                rows_bytes(rows, second, &more, &serial, &no_serial, NULL);
    *null = !read || *null || no_serial; /* rows_end() says what cannot be read */
    int32_t key = *null ? 0 : names_identity(m, issuer, serial);
    buffer_free(&room);
    buffer_free(&more);
    return key;
}

int32_t model_reference_key(const struct model *m, unsigned which, struct rows *rows,
                            const struct ese_column *column, bool *null)
{
    if (m->profile->reference[which].names == NAMES_ISSUER_SERIAL)
        return identity_key(m, which, rows, column, null);
    if (names_is_bytes(m, which)) {
        struct buffer room = {0};
        struct bytes value;
        bool read = rows_bytes(rows, column, &room, &value, null, NULL);
        *null = *null || !read || value.size == 0; /* rows_end() says that it cannot be read */
        int32_t key = *null ? 0 : names_entry(m, which, value);
        buffer_free(&room);
        return key;
    }
    int32_t value = rows_integer(rows, column, null);
    return *null ? 0 : profile_reference_key(&m->profile->reference[which], value);
}

/* What one value of a reference is noted with. */
struct noting {
    struct model *m;
    unsigned which;
    struct rows *rows;
    const struct reference_columns *c;
    int32_t row;
    struct fault *f;
};

static bool note_reference(void *context, int32_t names)
{
    struct noting *n = context;
    struct model *m = n->m;
    struct bytes der;
    bool null;
    const struct profile_reference *r = &m->profile->reference[n->which];
    struct model_entry *entry = model_entry(m, names);
    if (entry && r->list > 0 && r->names == NAMES_KEY && entry->part + 1 != (unsigned)r->list)
        entry = NULL; /* it names entries of another part only */
    if (entry) {
        entry->references[n->which]++;
        entry->reference_count++;
        return true;
    }
    if (n->c->key == NULL) { /* no single row could be named */
        m->dangling_count++;
        return true;
    }
    if (!rows_bytes(n->rows, n->c->proves, &m->memory->value, &der, &null, NULL) || null)
        der = bytes_of(NULL, 0);
    return add_dangling(m, n->which, n->row, names, der, n->f);
}

static bool read_crl(struct model *m, unsigned which, struct rows *rows,
                     const struct reference_columns *c, int32_t row, struct fault *f)
{
    bool null, no_value;
    struct bytes der;
    struct fault why;
    int32_t names = model_reference_key(m, which, rows, c->reference, &null);
    return !rows_bytes(rows, c->proves, &m->memory->value, &der, &no_value, &why) || no_value ||
           add_crl(m, row, null ? NULL : &names, der, f);
}

static bool read_reference(struct model *m, unsigned which, struct rows *rows,
                           const struct reference_columns *c, struct fault *f)
{
    bool no_key;
    int32_t row = rows_integer(rows, c->key, &no_key);
    struct noting n = {m, which, rows, c, row, f};
    m->rows_read++;
    m->reference_rows[which]++;
    if (c->version && rows_integer(rows, c->version, &no_key) == 1 && is_after_switch(m, rows, c) &&
        m->v1_certificates++ == 0)
        m->first_v1_certificate = (uint32_t)row;
    look_for_user(m, rows, c, row);
    return (!c->is_crl || read_crl(m, which, rows, c, row, f)) &&
           names_each(m, which, rows, c->reference, note_reference, &n);
}

/* The table that refers to the list, and the columns that are read of it; NULL: nothing is. */
static const struct ese_table *reference_table(const struct model *m, unsigned which,
                                               struct reference_columns *c)
{
    const struct profile *p = m->profile;
    const struct profile_reference *r = &p->reference[which];
    const struct ese_table *table = table_named(m, r->table);
    *c = (struct reference_columns){
        .reference = column_named(table, r->column),
        .key = column_named(table, r->key),
        .proves = column_named(table, r->proves),
        .is_crl = r->crl,
    };
    if (p->certificates_table && strcasecmp(r->table, p->certificates_table) == 0) {
        c->version = column_named(table, p->certificates_version);
        c->user = column_named(table, p->certificates_user);
    }
    return c->reference ? table : NULL;
}

static bool read_references(struct model *m, unsigned which, struct problems *problems,
                            struct fault *f)
{
    struct reference_columns c;
    const struct ese_table *table = reference_table(m, which, &c);
    if (table == NULL)
        return true;
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = read_reference(m, which, &rows, &c, f);
    return end_rows(&rows, problems, f) && ok;
}

/* ---- users, for advice ---- */

/* One unit of text, of one byte or of two with the low one first. */
static uint32_t text_unit(struct bytes b, size_t width, size_t i)
{
    uint32_t unit = 0;
    for (size_t k = width; k-- > 0;)
        unit = unit << 8 | b.at[i * width + k];
    return unit;
}

/* Is it "cn=" (type 0) or "ou=" (1) that stands at unit i? */
static int name_type_at(struct bytes b, size_t width, size_t i)
{
    static const char *const types[] = {"cn=", "ou="};
    for (int type = 0; type < 2; type++) {
        bool is = i + 3 <= b.size / width;
        for (size_t k = 0; is && k < 3; k++)
            is = text_unit(b, width, i + k) < 0x80 &&
                 tolower((int)text_unit(b, width, i + k)) == types[type][k];
        if (is)
            return type;
    }
    return -1;
}

/* Characters that Certificate Server counts against its limit: of all parts of one kind of the
 * distinguished name together (Q247814, Q276339), here common names and organizational units, of
 * which there can be several; of a bare name all.  Parts are divided by slashes where the name
 * begins with one, else by commas. */
static size_t subject_length(struct bytes b, size_t width)
{
    size_t units = b.size / width, length[2] = {0, 0};
    uint32_t divider = units > 0 && text_unit(b, width, 0) == '/' ? '/' : ',';
    for (size_t i = 0; i < units;) {
        size_t part = 0;
        while (i < units && (text_unit(b, width, i) == ' ' || text_unit(b, width, i) == divider))
            i++;
        int type = name_type_at(b, width, i);
        for (; i < units && text_unit(b, width, i) != divider; i++) {
            if (text_unit(b, width, i) == '\\' && i + 1 < units)
                i++; /* the next one divides nothing */
            part += width == 1 || (text_unit(b, width, i) & 0xfc00) != 0xdc00;
        }
        if (type >= 0)
            length[type] += part - 3;
        else if (part == units)
            return part;
    }
    return length[0] > length[1] ? length[0] : length[1];
}

static bool keep_user(struct model *m, int32_t key, struct fault *f)
{
    struct model_memory *mem = m->memory;
    void *array = mem->user;
    int32_t *one = grow(&array, mem->users, &mem->user_room, sizeof *one);
    mem->user = array;
    if (one == NULL)
        return no_memory(f);
    mem->users_mixed = mem->users_mixed || (mem->users > 0 && key < one[-1]);
    *one = key;
    mem->users++;
    return true;
}

static bool read_user(struct model *m, struct rows *rows, const struct ese_column *name,
                      const struct ese_column *key_column, struct fault *f)
{
    struct bytes value;
    bool null;
    size_t width = name->code_page == ESE_CODEPAGE_UNICODE ? 2 : 1;
    int32_t key = rows_integer(rows, key_column, &null);
    if (!null && !keep_user(m, key, f))
        return false;
    if (!rows_bytes(rows, name, &m->memory->value, &value, &null, NULL) || null)
        return true;
    if (value.size / width > NAME_CHARACTERS_MOST &&
        subject_length(value, width) > NAME_CHARACTERS_MOST && m->long_names++ == 0)
        m->first_long_name = (uint32_t)key;
    return true;
}

/* The table of users, and the columns that are read of it; NULL: nothing is. */
static const struct ese_table *users_table(const struct model *m, const struct ese_column **name,
                                           const struct ese_column **key)
{
    const struct ese_table *table = table_named(m, m->profile->users_table);
    *name = column_named(table, m->profile->users_name);
    *key = column_named(table, m->profile->users_key);
    return *name ? table : NULL;
}

static void have_users(struct model *m)
{
    if (m->memory->users_mixed)
        qsort(m->memory->user, m->memory->users, sizeof *m->memory->user, by_number);
    m->memory->has_users = true;
}

static bool read_users(struct model *m, struct problems *problems, struct fault *f)
{
    const struct ese_column *name, *key;
    const struct ese_table *table = users_table(m, &name, &key);
    if (table == NULL)
        return true;
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = read_user(m, &rows, name, key, f);
    ok = end_rows(&rows, problems, f) && ok;
    if (ok)
        have_users(m);
    return ok;
}

/* ---- all of it ---- */

/* The store's own last time, so that two runs give one answer: when it was last consistent, else
 * last detached, attached, created. */
static void set_now(struct model *m, const int64_t *at)
{
    const struct ese_header *h = &m->store->db->headers.header;
    const struct ese_time times[] = {h->consistent, h->detached, h->attached, h->signature.created};
    m->now_known = m->now_utc = at != NULL;
    if (at)
        m->now = *at;
    for (size_t i = 0; i < sizeof times / sizeof times[0] && !m->now_known; i++)
        if ((m->now_known = ese_time_seconds(times[i], &m->now)))
            m->now_utc = times[i].utc;
}

/* All but the rows of users, and of what refers to the list. */
static bool read_list(struct model *m, struct store *store, const struct profile *profile,
                      enum profile_match match, const int64_t *at, struct problems *problems,
                      struct fault *f)
{
    *m = (struct model){.store = store, .profile = profile, .match = match};
    m->memory = calloc(1, sizeof *m->memory);
    if (m->memory == NULL)
        return no_memory(f);
    if (!hash_open(&m->hash, f)) {
        free(m->memory);
        m->memory = NULL;
        return false;
    }
    set_now(m, at);
    bool ok = settings_read(m, problems, f) && read_values(m, problems, f);
    if (ok && match == PROFILE_MATCHES_ROWS)
        ok = read_list_rows(m, problems, f);
    ok = ok && names_index(m, f) && settings_find_issuing(m, problems, f);
    m->switch_known = ok && find_switch(m, &m->switched);
    m->listed = m->certificates;
    if (!ok)
        model_close(m);
    return ok;
}

bool model_read(struct model *m, struct store *store, const struct profile *profile,
                enum profile_match match, const int64_t *at, struct problems *problems,
                struct fault *f)
{
    if (!read_list(m, store, profile, match, at, problems, f))
        return false;
    bool ok = read_users(m, problems, f);
    for (unsigned i = 0; ok && i < profile->references; i++)
        ok = read_references(m, i, problems, f);
    if (!ok)
        model_close(m);
    return ok;
}

/* ---- by rows that somebody else goes over ---- */

struct model_feed {
    struct model *m;
    bool users_come; /* with the rows; else they were read before */
    bool incomplete; /* something could not be read, or not in the order it should be */
    /* The table in hand. */
    const struct ese_table *table;
    const struct ese_column *user_name, *user_key; /* NULL: it is not that of the users */
    unsigned references, reference[PROFILE_REFERENCES_MOST];
    struct reference_columns c[PROFILE_REFERENCES_MOST];
    struct rows rows;
};

/* Users must be known before the certificates that name them: does their table come first? */
static bool users_come_first(const struct model *m)
{
    const struct ese_catalog *catalog = m->store->db->catalog;
    const struct ese_table *users = table_named(m, m->profile->users_table);
    const struct ese_table *certificates = table_named(m, m->profile->certificates_table);
    for (unsigned i = 0; users != certificates && i < ese_catalog_tables(catalog); i++)
        if (ese_catalog_table(catalog, i) == users || ese_catalog_table(catalog, i) == certificates)
            return ese_catalog_table(catalog, i) == users;
    return false;
}

struct model_feed *model_open(struct model *m, struct store *store, const struct profile *profile,
                              enum profile_match match, const int64_t *at,
                              struct problems *problems, struct fault *f)
{
    struct model_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        no_memory(f);
        return NULL;
    }
    bool ok = read_list(m, store, profile, match, at, problems, f);
    feed->m = m;
    feed->users_come = ok && users_come_first(m);
    ok = ok && (feed->users_come || read_users(m, problems, f));
    for (unsigned i = 0; ok && i < profile->references; i++)
        if (profile->reference[i].crl) /* not many; so they are in order */
            ok = read_references(m, i, problems, f);
    if (ok)
        return feed;
    model_close(m);
    free(feed);
    return NULL;
}

bool model_feed_begin(struct model_feed *feed, const struct ese_table *table)
{
    struct model *m = feed->m;
    feed->table = table;
    feed->references = 0;
    if (!feed->users_come || users_table(m, &feed->user_name, &feed->user_key) != table)
        feed->user_name = NULL;
    for (unsigned i = 0; i < m->profile->references; i++)
        if (!m->profile->reference[i].crl &&
            reference_table(m, i, &feed->c[feed->references]) == table)
            feed->reference[feed->references++] = i;
    if (feed->user_name == NULL && feed->references == 0)
        return false;
    rows_open(&feed->rows, m->store, table);
    return true;
}

bool model_feed_row(struct model_feed *feed, const struct ese_record *record, struct fault *f)
{
    bool ok = true;
    feed->rows.record = *record;
    if (feed->user_name)
        ok = read_user(feed->m, &feed->rows, feed->user_name, feed->user_key, f);
    for (unsigned i = 0; ok && i < feed->references; i++)
        ok = read_reference(feed->m, feed->reference[i], &feed->rows, &feed->c[i], f);
    return ok;
}

bool model_feed_end(struct model_feed *feed, struct fault *f)
{
    struct fault why;
    fault_clear(&why);
    bool whole = rows_end(&feed->rows, &why);
    if (feed->user_name)
        have_users(feed->m);
    feed->incomplete = feed->incomplete || !whole;
    return whole || why.code != FAULT_NO_MEMORY || no_memory(f);
}

bool model_feed_close(struct model_feed *feed)
{
    const struct model *m = feed->m;
    /* What dangles is kept in the order of the references, and up to a bound. */
    bool whole = !feed->incomplete && (m->dangling_count == 0 || m->profile->references == 1);
    free(feed);
    return whole;
}

void model_close(struct model *m)
{
    if (m->memory == NULL)
        return;
    for (unsigned i = 0; i < PROFILE_LISTS_MOST; i++)
        pieces_free(&m->value[i].pieces);
    arena_free(&m->memory->arena);
    buffer_free(&m->memory->value);
    buffer_free(&m->memory->more);
    buffer_free(&m->memory->text);
    pool_free(&m->memory->pool);
    names_close(m);
    free(m->memory->by_hash);
    free(m->memory->user);
    free(m->memory);
    free(m->certificate);
    free(m->entry);
    free(m->crl);
    free(m->dangling);
    hash_close(&m->hash);
    m->memory = NULL;
}

const char *model_role_name(enum model_role role)
{
    static const char *const names[] = {"none", "own", "issuing", "imported", "unknown"};
    return names[role];
}

const char *model_trust_name(enum model_trust trust)
{
    static const char *const names[] = {"null", "untrusted", "trusted"};
    return names[trust];
}

const char *model_mode_name(enum model_mode mode)
{
    static const char *const names[] = {"unknown", "V1", "V1V3", "V3"};
    return names[mode];
}
