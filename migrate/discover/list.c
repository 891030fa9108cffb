/*
 * Discovery: the keys of the chosen list, the other columns of its table, and the settings that
 * name one of its certificates: see discover.h.
 */
#include "migrate/discover/parts.h"

#include <stdlib.h>
#include <strings.h>

enum {
    ENTRIES_MOST = 1000 * 1000,
    CERTIFICATE_MOST = 64 * 1024,
    LIST_VALUE_MOST = 64 * 1024 * 1024,
    TEXT_MOST = 255,
    SMALL_VALUE_MOST = 64, /* no thumbprint, mode or other setting of interest is longer */
    COLUMNS_MOST = 16,
    SETTINGS_SAMPLED = 4096,
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

/* ---- settings ---- */

/* A text column and a binary column, as the names and values of settings. */
struct settings {
    const struct ese_table *table;
    const struct ese_column *name, *value;
    unsigned issuing, modes,
        hashes; /* values that are a listed SHA-1; V1, V1V3 or V3; of 20 bytes */
    char issuing_name[DISCOVER_TEXT], mode_name[DISCOVER_TEXT], hash_name[DISCOVER_TEXT];
    uint8_t issuing_sha1[HASH_SHA1_SIZE];
};

static bool is_mode(struct bytes value)
{
    return bytes_equal(value, bytes_of("V1", 2)) || bytes_equal(value, bytes_of("V3", 2)) ||
           bytes_equal(value, bytes_of("V1V3", 4));
}

static void read_setting(struct discover_run *run, struct rows *rows, struct settings *s)
{
    struct bytes value;
    bool cut;
    uint8_t sha1[HASH_SHA1_SIZE];
    if (!discover_read(run, rows, s->value, SMALL_VALUE_MOST, &value, &cut) || cut)
        return;
    if (is_mode(value)) {
        s->modes++;
        discover_read_text(run, rows, s->name, s->mode_name);
    } else if (value.size == sizeof sha1) {
        memcpy(sha1, value.at, sizeof sha1);
        s->hashes++;
        discover_read_text(run, rows, s->name, s->hash_name);
        if (discover_find_sha1(run, sha1)) {
            s->issuing++;
            memcpy(s->issuing_name, s->hash_name, sizeof s->issuing_name);
            memcpy(s->issuing_sha1, sha1, sizeof sha1);
        }
    }
}

/* How much speaks for it; 0: nothing, or too much for settings, which come once each. */
static unsigned strength(const struct settings *s)
{
    if (s->issuing > 1 || s->modes > 1)
        return 0;
    unsigned issuing = s->issuing && s->issuing_name[0] ? 2 : 0;
    return issuing + (s->modes && s->mode_name[0] ? 1 : 0);
}

static void read_settings(struct discover_run *run, struct settings *s)
{
    struct rows rows = {.lv = NULL};
    rows_open(&rows, run->store, s->table);
    for (unsigned row = 0; row < SETTINGS_SAMPLED && discover_next(run, &rows); row++) {
        read_setting(run, &rows, s);
        if (s->issuing > 1 || s->modes > 1)
            break;
    }
    discover_end(run, &rows);
}

static void compare_settings(struct discover_run *run, struct settings *best, unsigned *rivals,
                             const struct ese_table *table, const struct ese_column *name,
                             const struct ese_column *value)
{
    struct settings s = {.table = table, .name = name, .value = value};
    read_settings(run, &s);
    unsigned found = strength(&s), before = best->table ? strength(best) : 0;
    if (found > before) {
        *best = s;
        *rivals = 0;
    } else if (found > 0 && found == before) {
        (*rivals)++;
    }
}

static void search_table(struct discover_run *run, struct settings *best, unsigned *rivals,
                         const struct ese_table *table)
{
    const struct ese_column *name = NULL;
    unsigned tried = 0;
    for (unsigned i = 0; i < table->columns && name == NULL; i++)
        if (discover_is_text(&table->column[i]))
            name = &table->column[i];
    for (unsigned i = 0; name && i < table->columns && tried < COLUMNS_MOST; i++) {
        if (!discover_is_binary(&table->column[i]))
            continue;
        tried++;
        compare_settings(run, best, rivals, table, name, &table->column[i]);
    }
}

/* Settings that nothing but their name tells: the names of the reconstruction. */
static void take_named(struct discover_run *run, const struct settings *s)
{
    struct profile *p = &run->d->profile;
    const struct {
        const char *name, *key;
        char **field;
    } known[] = {{"Organization", "[settings] organization", &p->setting_organization},
                 {"Site", "[settings] site", &p->setting_site},
                 {"CADistinguishedName", "[settings] ca-name", &p->setting_ca_name},
                 {"CertificateServer", "[settings] certificate-server", &p->setting_server}};
    struct rows rows = {.lv = NULL};
    rows_open(&rows, run->store, s->table);
    for (unsigned row = 0; row < SETTINGS_SAMPLED && discover_next(run, &rows); row++) {
        char name[DISCOVER_TEXT];
        if (!discover_read_text(run, &rows, s->name, name))
            continue;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (strcasecmp(name, known[i].name) != 0 || *known[i].field)
                continue;
            discover_set(run, known[i].field, name);
            discover_note(run, known[i].key, true, false,
                          "there is a setting named as in the profile km55");
        }
    }
    discover_end(run, &rows);
}

static void take_settings(struct discover_run *run, const struct settings *s)
{
    struct profile *p = &run->d->profile;
    char table[256], name[256];
    discover_set(run, &p->settings_table, s->table->name);
    discover_set(run, &p->settings_name, s->name->name);
    discover_set(run, &p->settings_value, s->value->name);
    discover_name(s->name->name, name);
    discover_note(run, "[settings]", !s->issuing, false, "table %s, found by %s",
                  discover_name(s->table->name, table),
                  s->issuing ? "the value that is the SHA-1 of a listed certificate"
                             : "a value that is an issuing mode");
    if (s->modes == 1 && s->mode_name[0]) {
        discover_set(run, &p->setting_mode, s->mode_name);
        discover_note(run, "[settings] mode", false, false, "its value is V1, V1V3 or V3");
    } else {
        discover_note(run, "[settings] mode", false, true, "no value is V1, V1V3 or V3");
    }
    if (s->issuing && s->issuing_name[0]) {
        discover_set(run, &p->setting_issuing_ca, s->issuing_name);
        discover_note(run, "[settings] issuing-ca", false, false,
                      "its 20 bytes are the SHA-1 of a listed certificate");
    } else if (s->hashes == 1 && s->hash_name[0]) {
        discover_set(run, &p->setting_issuing_ca, s->hash_name);
        discover_note(run, "[settings] issuing-ca", true, false,
                      "the only value of 20 bytes; no listed certificate has it as its SHA-1");
    } else {
        discover_note(run, "[settings] issuing-ca", false, true,
                      "no value is the SHA-1 of a listed certificate");
    }
    take_named(run, s);
}

/* The certificate that the settings name: what the role column is judged by. */
static bool find_issuing(struct discover_run *run, uint8_t sha1[HASH_SHA1_SIZE])
{
    const struct profile *p = &run->d->profile;
    struct settings s = {.table = NULL};
    if (p->setting_issuing_ca == NULL)
        return false;
    s.table = ese_catalog_find(run->store->db->catalog, p->settings_table);
    s.name = s.table ? ese_table_column(s.table, p->settings_name) : NULL;
    s.value = s.table ? ese_table_column(s.table, p->settings_value) : NULL;
    if (s.name == NULL || s.value == NULL)
        return false;
    read_settings(run, &s);
    memcpy(sha1, s.issuing_sha1, sizeof s.issuing_sha1);
    return s.issuing == 1;
}

void discover_settings(struct discover_run *run)
{
    const struct ese_catalog *catalog = run->store->db->catalog;
    struct settings best = {.table = NULL};
    unsigned rivals = 0;
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (!discover_skips(table) && !(run->list_key && table == run->list->table))
            search_table(run, &best, &rivals, table);
    }
    if (best.table && rivals == 0) {
        take_settings(run, &best);
        return;
    }
    if (rivals)
        run->undecided = true;
    discover_note(run, "[settings]", false, true, "%s",
                  rivals ? "several tables look like settings; none was chosen"
                         : "no table holds an issuing mode or names a listed certificate");
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
    bool named = find_issuing(run, sha1);
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
