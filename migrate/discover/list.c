/*
 * Discovery: the keys of the chosen list, and the other columns of its table: see discover.h.
 */
#include "migrate/discover/parts.h"

#include <stdlib.h>
#include <strings.h>

enum {
    ENTRIES_MOST = 1000 * 1000,
    CERTIFICATE_MOST = 64 * 1024,
    LIST_VALUE_MOST = 64 * 1024 * 1024,
    TEXT_MOST = 255,
    SMALL_VALUE_MOST = 64, /* no thumbprint is longer */
    COLUMNS_MOST = 16,
    ROLES = 3,
};

/* ---- finding entries ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct discover_entry *x = a, *y = b;
    return (x->name > y->name) - (x->name < y->name);
}

const struct discover_entry *discover_find(const struct discover_run *run, int64_t name)
{
    struct discover_entry wanted = {.name = name};
    if (run->entries == 0)
        return NULL;
    return bsearch(&wanted, run->entry, run->entries, sizeof wanted, compare_keys);
}

static int compare_sha1(const void *a, const void *b, void *context)
{
    const struct discover_entry *entry = context;
    const uint32_t *x = a, *y = b;
    return memcmp(entry[*x].sha1, entry[*y].sha1, HASH_SHA1_SIZE);
}

const struct discover_entry *discover_find_sha1(const struct discover_run *run,
                                                const uint8_t sha1[HASH_SHA1_SIZE])
{
    size_t low = 0, high = run->by_sha1 ? run->entries : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct discover_entry *entry = &run->entry[run->by_sha1[middle]];
        int order = memcmp(sha1, entry->sha1, HASH_SHA1_SIZE);
        if (order == 0)
            return entry;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void index_entries(struct discover_run *run)
{
    if (run->entries == 0)
        return;
    qsort(run->entry, run->entries, sizeof *run->entry, compare_keys);
    run->by_sha1 = calloc(run->entries, sizeof *run->by_sha1);
    if (run->by_sha1 == NULL) {
        run->no_memory = true;
        return;
    }
    for (unsigned i = 0; i < run->entries; i++)
        run->by_sha1[i] = i;
    qsort_r(run->by_sha1, run->entries, sizeof *run->by_sha1, compare_sha1, run->entry);
}

/* ---- reading the list ---- */

static bool add_entry(struct discover_run *run, int64_t name, struct bytes encoded)
{
    struct x509_certificate c;
    void *array = run->entry;
    if (run->entries == ENTRIES_MOST) {
        run->d->limited = true;
        return false;
    }
    struct discover_entry *entry =
        discover_grow(run, &array, &run->entries, &run->entry_room, sizeof *entry);
    run->entry = array;
    if (entry == NULL)
        return false;
    entry->name = name;
    entry->key = !run->list_key || discover_is_integer(run->list_key) ? (int32_t)name
                                                                      : (int32_t)run->entries;
    hash_sha1(&run->hash, encoded, entry->sha1);
    entry->parsed = x509_certificate_read(encoded, &c, NULL);
    if (entry->parsed) {
        entry->subject = discover_hash(run, c.subject);
        entry->self_issued = bytes_equal(c.subject, c.issuer);
    }
    return true;
}

/* The columns beside the certificate, with what speaks for one being the thumbprint or the trust.
 */
struct beside {
    const struct ese_column *binary[COLUMNS_MOST];
    uint64_t equal[COLUMNS_MOST], unequal[COLUMNS_MOST];
    unsigned binaries;
    const struct ese_column *bit, *text, *date; /* the last of its type */
    unsigned bits, texts, dates;
    uint64_t bit_set, bit_clear;
};

static void look_beside(struct discover_run *run, struct beside *b)
{
    const struct ese_table *table = run->list->table;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column == run->list->column || column == run->list_key)
            continue;
        if (discover_is_binary(column) && b->binaries < COLUMNS_MOST)
            b->binary[b->binaries++] = column;
        if (column->type == ESE_COL_BIT) {
            b->bit = column;
            b->bits++;
        } else if (column->type == ESE_COL_DATE_TIME) {
            b->date = column;
            b->dates++;
        } else if (discover_is_text(column)) {
            b->text = column;
            b->texts++;
        }
    }
}

static void read_beside(struct discover_run *run, struct rows *rows, struct beside *b,
                        struct discover_entry *entry)
{
    struct bytes value;
    bool cut, null;
    for (unsigned i = 0; i < b->binaries; i++) {
        if (!discover_read(run, rows, b->binary[i], SMALL_VALUE_MOST, &value, &cut))
            continue;
        if (!cut && bytes_equal(value, bytes_of(entry->sha1, sizeof entry->sha1)))
            b->equal[i]++;
        else
            b->unequal[i]++;
    }
    if (b->bits == 1) {
        int32_t bit = rows_integer(rows, b->bit, &null);
        b->bit_set += !null && bit != 0;
        b->bit_clear += !null && bit == 0;
        entry->bit = (int8_t)(null ? -1 : bit != 0);
    }
    if (b->texts == 1 && discover_read(run, rows, b->text, TEXT_MOST, &value, &cut) && value.size)
        entry->text = discover_hash(run, value);
}

static void read_rows(struct discover_run *run, struct beside *b)
{
    struct rows rows = {.lv = NULL};
    rows_open(&rows, run->store, run->list->table);
    while (discover_next(run, &rows)) {
        struct bytes value;
        bool cut;
        int64_t key;
        if (!discover_name_of(run, &rows, run->list_key, &key))
            continue;
        if (!discover_read(run, &rows, run->list->column, CERTIFICATE_MOST, &value, &cut))
            value = bytes_of(NULL, 0); /* still a key that may be referred to */
        value = discover_unwrap(run, value);
        if (!add_entry(run, key, value))
            break;
        read_beside(run, &rows, b, &run->entry[run->entries - 1]);
    }
    discover_end(run, &rows);
}

/* A list value has no keys; positions from 1 stand in for them. */
static void read_entries(struct discover_run *run, struct bytes value)
{
    struct certlist list;
    struct certlist_entry entry;
    int32_t position = 0;
    if (!certlist_open_as(&list, value, &run->list->form, NULL))
        return;
    while (certlist_next(&list, &entry, NULL))
        if (entry.type == CERTLIST_CERTIFICATE && !add_entry(run, ++position, entry.encoded))
            break;
    certlist_close(&list);
}

static void read_values(struct discover_run *run, struct rows *rows)
{
    struct buffer row = {0};
    if (discover_read_values(run, rows, run->list->column, LIST_VALUE_MOST, &row))
        read_entries(run, buffer_bytes(&row));
    buffer_free(&row);
}

static void read_joined(struct discover_run *run)
{
    struct buffer whole = {0};
    if (discover_join(run, run->list, &whole))
        read_entries(run, buffer_bytes(&whole));
    buffer_free(&whole);
}

static void read_value(struct discover_run *run)
{
    struct rows rows = {.lv = NULL};
    unsigned found = 0;
    if (run->list->join) {
        read_joined(run);
        return;
    }
    rows_open(&rows, run->store, run->list->table);
    while (discover_next(run, &rows)) {
        struct bytes value;
        bool cut;
        if (!discover_selects(run, &rows, run->list) || found++ > 0)
            continue;
        if (run->list->form.values)
            read_values(run, &rows);
        else if (discover_read(run, &rows, run->list->column, LIST_VALUE_MOST, &value, &cut))
            read_entries(run, value);
    }
    discover_end(run, &rows);
    if (found > 1) {
        run->undecided = true;
        discover_note(run, "[list-value] equals", false, true,
                      "%u rows are selected by it, and only one can be the list", found);
    }
}

/* ---- the columns beside the certificate ---- */

static void take_thumbprint(struct discover_run *run, const struct beside *b)
{
    for (unsigned i = 0; i < b->binaries; i++) {
        char name[256];
        if (b->equal[i] <= b->unequal[i] || run->d->profile.list[0].thumbprint)
            continue;
        discover_set(run, &run->d->profile.list[0].thumbprint, b->binary[i]->name);
        discover_note(run, "[list] thumbprint", false, false,
                      "%s is the SHA-1 of the certificate in %llu rows, another value in %llu",
                      discover_name(b->binary[i]->name, name), (unsigned long long)b->equal[i],
                      (unsigned long long)b->unequal[i]);
    }
}

static void take_trusted(struct discover_run *run, const struct beside *b)
{
    char name[256];
    bool says_so = b->bits == 1 && strcasestr(b->bit->name, "trust");
    if (b->bits == 0)
        return;
    const char *no = b->bits > 1                  ? "there are several Bit columns"
                     : says_so                    ? NULL
                     : b->bit_set <= b->bit_clear ? "the only Bit column is not set in most entries"
                     : discover_bits_differ(run)
                         ? "copies of one certificate differ in the only Bit column"
                         : NULL;
    if (no) {
        discover_note(run, "[list] trusted", false, true, "%s; name the column if there is one",
                      no);
        return;
    }
    discover_set(run, &run->d->profile.list[0].trusted.column, b->bit->name);
    discover_note(run, "[list] trusted", true, false,
                  "%s is the only Bit column, set in %llu entries and clear in %llu",
                  discover_name(b->bit->name, name), (unsigned long long)b->bit_set,
                  (unsigned long long)b->bit_clear);
}

static void take_only(struct discover_run *run, const char *key, char **field, const char *type,
                      const struct ese_column *column, unsigned count)
{
    char name[256];
    if (count == 1) {
        discover_set(run, field, column->name);
        discover_note(run, key, true, false, "%s is the only %s column of the list",
                      discover_name(column->name, name), type);
    } else if (count > 1) {
        discover_note(run, key, false, true, "the list has %u %s columns", count, type);
    }
}

static void take_name(struct discover_run *run, const struct beside *b)
{
    const char *no = b->texts == 1 ? discover_no_names(run) : NULL;
    char name[256];
    if (no)
        discover_note(run, "[list] name", false, true,
                      "%s is the only text column of the list, but %s",
                      discover_name(b->text->name, name), no);
    else
        take_only(run, "[list] name", &run->d->profile.list[0].name, "text", b->text, b->texts);
}

void discover_list(struct discover_run *run)
{
    struct profile *p = &run->d->profile;
    struct beside b = {.binaries = 0};
    bool limited = run->d->limited;
    run->d->limited = false;
    if (run->list->kind == DISCOVER_LIST && run->list_key == NULL)
        return;
    if (run->list_key) {
        look_beside(run, &b);
        read_rows(run, &b);
    } else {
        read_value(run);
    }
    run->keys_known = !run->d->limited;
    run->d->limited = run->d->limited || limited;
    index_entries(run);
    run->d->entries = run->entries;
    if (run->list_key == NULL)
        return;
    take_thumbprint(run, &b);
    take_trusted(run, &b);
    take_name(run, &b);
    take_only(run, "[list] imported-on", &p->list[0].imported, "DateTime", b.date, b.dates);
}

/* ---- roles ---- */

/* The values of one integer column of the list. */
struct roles {
    const struct ese_column *column;
    int32_t value[ROLES];
    uint64_t count[ROLES], issuing[ROLES], self_issued[ROLES];
    unsigned values;
    bool other; /* more values than roles, or nulls */
};

static void count_role(struct roles *r, int32_t value, const struct discover_entry *entry,
                       const uint8_t sha1[HASH_SHA1_SIZE])
{
    unsigned i = 0;
    while (i < r->values && r->value[i] != value)
        i++;
    if (i == ROLES) {
        r->other = true;
        return;
    }
    if (i == r->values)
        r->value[r->values++] = value;
    r->count[i]++;
    r->issuing[i] += entry && memcmp(entry->sha1, sha1, HASH_SHA1_SIZE) == 0;
    r->self_issued[i] += entry && entry->parsed && entry->self_issued;
}

static void read_roles(struct discover_run *run, struct roles *role, unsigned roles,
                       const uint8_t sha1[HASH_SHA1_SIZE])
{
    struct rows rows = {.lv = NULL};
    rows_open(&rows, run->store, run->list->table);
    while (discover_next(run, &rows)) {
        int64_t key;
        bool null = !discover_name_of(run, &rows, run->list_key, &key);
        const struct discover_entry *entry = null ? NULL : discover_find(run, key);
        for (unsigned i = 0; i < roles; i++) {
            int64_t value;
            if (!rows_number(&rows, role[i].column, &value) || value < INT32_MIN ||
                value > INT32_MAX)
                role[i].other = true;
            else if (!role[i].other)
                count_role(&role[i], (int32_t)value, entry, sha1);
        }
    }
    discover_end(run, &rows);
}

/* Which of three values means what: most entries are imported; of the other two, the one that the
 * named issuing CA has is issuing, and the last, held once by a self-issued certificate, is own. */
static bool tell_roles(const struct roles *r, unsigned *own, unsigned *issuing, unsigned *imported)
{
    if (r->other || r->values != ROLES)
        return false;
    *imported = 0;
    for (unsigned i = 1; i < ROLES; i++)
        if (r->count[i] > r->count[*imported])
            *imported = i;
    unsigned a = (*imported + 1) % ROLES, b = (*imported + 2) % ROLES;
    *issuing = r->issuing[a] ? a : b;
    *own = r->issuing[a] ? b : a;
    return r->issuing[*issuing] && !r->issuing[*own] && r->count[*own] == 1 &&
           r->self_issued[*own] == 1 && r->count[*imported] > r->count[*issuing] &&
           r->count[*imported] > r->count[*own];
}

static void take_role(struct discover_run *run, const struct roles *r)
{
    struct profile *p = &run->d->profile;
    unsigned own = 0, issuing = 0, imported = 0;
    char name[256];
    if (!tell_roles(r, &own, &issuing, &imported))
        return;
    discover_set(run, &p->list[0].role, r->column->name);
    p->list[0].role_own = r->value[own];
    p->list[0].role_issuing = r->value[issuing];
    p->list[0].role_imported = r->value[imported];
    discover_note(
        run, "[list] role", true, false,
        "%s: the CA that the settings name has %d, one self-issued certificate has %d, most "
        "entries have %d",
        discover_name(r->column->name, name), p->list[0].role_issuing, p->list[0].role_own,
        p->list[0].role_imported);
}

void discover_role(struct discover_run *run)
{
    struct roles role[COLUMNS_MOST] = {{.column = NULL}};
    uint8_t sha1[HASH_SHA1_SIZE];
    unsigned roles = 0, own, issuing, imported, fitting = 0, which = 0;
    if (run->list_key == NULL)
        return;
    for (unsigned i = 0; i < run->list->table->columns && roles < COLUMNS_MOST; i++)
        if (discover_is_integer(&run->list->table->column[i]) &&
            &run->list->table->column[i] != run->list_key)
            role[roles++].column = &run->list->table->column[i];
    if (roles == 0)
        return;
    bool named = discover_issuing(run, sha1);
    if (named)
        read_roles(run, role, roles, sha1);
    for (unsigned i = 0; named && i < roles; i++)
        if (tell_roles(&role[i], &own, &issuing, &imported)) {
            fitting++;
            which = i;
        }
    if (fitting == 1)
        take_role(run, &role[which]);
    else
        discover_note(run, "[list] role", false, true, "%s",
                      !named ? "no setting names the issuing CA, by which roles are told apart"
                      : fitting
                          ? "several columns look like it"
                          : "no integer column tells the issuing CA, one own CA and the others "
                            "apart");
}
