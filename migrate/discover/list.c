/*
 * Discovery: the keys of the chosen list, and the other columns of its table: see discover.h.
 */
#include "formats/array.h"
#include "migrate/discover/parts.h"

#include <stdlib.h>

enum {
    ENTRIES_MOST = 1000 * 1000,
    CERTIFICATE_MOST = 64 * 1024,
    LIST_VALUE_MOST = 64 * 1024 * 1024,
    TEXT_MOST = 255,
    SMALL_VALUE_MOST = 64, /* no thumbprint is longer */
    COLUMNS_MOST = 16,
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
    struct halving h = {.high = run->by_sha1 ? run->entries : 0};
    while (halving_next(&h)) {
        const struct discover_entry *entry = &run->entry[run->by_sha1[h.middle]];
        int order = memcmp(sha1, entry->sha1, HASH_SHA1_SIZE);
        if (order == 0)
            return entry;
        halving_go(&h, order > 0);
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

bool discover_is_list_table(const struct discover_run *run, const struct ese_table *table)
{
    for (unsigned i = 0; i < run->parts; i++)
        if (run->part[i].column->table == table)
            return true;
    return false;
}

/* Moves to the next row that is of that part of the list. */
bool discover_next_of(struct discover_run *run, unsigned part, struct rows *rows)
{
    const struct condition *of = &run->d->profile.list[part].rows;
    while (discover_next(run, rows))
        if (!condition_is_there(of) || condition_is_met(of, rows->table, &rows->record))
            return true;
    return false;
}

bool discover_next_entry(struct discover_run *run, unsigned part, struct rows *rows,
                         const struct discover_entry **entry)
{
    int64_t key;
    if (!discover_next_of(run, part, rows))
        return false;
    *entry =
        discover_name_of(run, rows, run->part[part].key, &key) ? discover_find(run, key) : NULL;
    return true;
}

/* ---- reading the list ---- */

static bool add_entry(struct discover_run *run, int64_t name, struct bytes encoded)
{
    struct x509_certificate c;
    if (run->entries == ENTRIES_MOST) {
        run->d->limited = true;
        return false;
    }
    struct discover_entry *entry =
        discover_grow(run, &run->entry, &run->entries, &run->entry_room, sizeof *entry);
    if (entry == NULL)
        return false;
    entry->name = name;
    bool numbered = run->list_key && (!discover_is_integer(run->list_key) || run->long_keys);
    entry->key = numbered ? (int32_t)run->entries : (int32_t)name;
    hash_sha1(&run->hash, encoded, entry->sha1);
    entry->parsed = x509_certificate_read(encoded, &c, NULL);
    if (entry->parsed) {
        entry->subject = discover_hash(run, c.subject);
        entry->self_issued = bytes_equal(c.subject, c.issuer);
    }
    return true;
}

/* The columns beside the certificate, with what speaks for one being the thumbprint. */
struct beside {
    const struct ese_column *binary[COLUMNS_MOST];
    uint64_t equal[COLUMNS_MOST], unequal[COLUMNS_MOST];
    unsigned binaries;
    const struct ese_column *text, *date; /* the last of its type */
    unsigned texts, dates;
    uint64_t dated, rows; /* rows with a date; all */
};

static void look_beside(const struct discover_part *part, struct beside *b)
{
    const struct ese_table *table = part->column->table;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column == part->column->column || column == part->key)
            continue;
        if (discover_is_binary(column) && b->binaries < COLUMNS_MOST)
            b->binary[b->binaries++] = column;
        if (column->type == ESE_COL_DATE_TIME) {
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
    bool cut;
    for (unsigned i = 0; i < b->binaries; i++) {
        if (!discover_read(run, rows, b->binary[i], SMALL_VALUE_MOST, &value, &cut))
            continue;
        if (!cut && bytes_equal(value, bytes_of(entry->sha1, sizeof entry->sha1)))
            b->equal[i]++;
        else
            b->unequal[i]++;
    }
    bool no_date;
    rows_date(rows, b->date, &no_date);
    b->dated += !no_date;
    b->rows++;
    if (b->texts == 1 && discover_read(run, rows, b->text, TEXT_MOST, &value, &cut) && value.size)
        entry->text = discover_hash(run, value);
}

static void note_size(struct discover_run *run, struct rows *rows, const struct ese_column *key)
{
    struct bytes value;
    bool cut;
    if (!discover_is_integer(key) &&
        discover_read(run, rows, key, SMALL_VALUE_MOST, &value, &cut) &&
        (run->shortest_key == 0 || value.size < run->shortest_key))
        run->shortest_key = value.size;
}

static void read_rows(struct discover_run *run, unsigned which, struct beside *b)
{
    const struct discover_part *part = &run->part[which];
    struct rows rows = {.lv = NULL};
    rows_open(&rows, run->store, part->column->table);
    while (discover_next_of(run, which, &rows)) {
        struct bytes value;
        bool cut;
        int64_t key;
        if (!discover_name_of(run, &rows, part->key, &key))
            continue;
        note_size(run, &rows, part->key);
        if (!discover_read(run, &rows, part->column->column, CERTIFICATE_MOST, &value, &cut))
            value = bytes_of(NULL, 0); /* still a key that may be referred to */
        value = discover_unwrap(run, &part->column->wrapping, value);
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
    if (!certlist_open_as(&list, value, &run->list->form, NULL))
        return;
    while (certlist_next(&list, &entry, NULL))
        if (entry.type == CERTLIST_CERTIFICATE &&
            !add_entry(run, (int64_t)run->entries + 1, entry.encoded))
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

/* The value in the row that `part`, a column of the list with what selects it, tells. */
static void read_value(struct discover_run *run, const struct discover_column *part)
{
    struct rows rows = {.lv = NULL};
    unsigned found = 0;
    rows_open(&rows, run->store, part->table);
    while (discover_next(run, &rows)) {
        struct bytes value;
        bool cut;
        if (!discover_selects(run, &rows, part) || found++ > 0)
            continue;
        if (part->form.values)
            read_values(run, &rows);
        else if (discover_read(run, &rows, part->column, LIST_VALUE_MOST, &value, &cut))
            read_entries(run, wrapping_is_none(&part->around)
                                  ? value
                                  : discover_unwrap(run, &part->around, value));
    }
    discover_end(run, &rows);
    if (found > 1) {
        run->undecided = true;
        discover_note(run, "[list-value] equals", false, true,
                      "%u rows are selected by it, and only one can be the list", found);
    }
}

static void read_all_values(struct discover_run *run)
{
    const struct profile *p = &run->d->profile;
    if (run->list->join) {
        read_joined(run);
        return;
    }
    for (unsigned i = 0; i < p->values; i++) {
        struct discover_column part = *run->list;
        if (p->values > 1)
            snprintf(part.select_text, sizeof part.select_text, "%s", p->value[i].equals);
        read_value(run, &part);
    }
}

/* ---- the columns beside the certificate ---- */

static void take_thumbprint(struct discover_run *run, struct profile_list *list,
                            const struct beside *b)
{
    for (unsigned i = 0; i < b->binaries; i++) {
        if (b->equal[i] <= b->unequal[i] || list->thumbprint)
            continue;
        discover_set(run, &list->thumbprint, b->binary[i]->name);
        discover_note(run, "[list] thumbprint", false, false,
                      "%s is the SHA-1 of the certificate in %llu rows, another value in %llu",
                      discover_name(b->binary[i]->name), (unsigned long long)b->equal[i],
                      (unsigned long long)b->unequal[i]);
    }
}

static void take_only(struct discover_run *run, const char *key, char **field, const char *type,
                      const struct ese_column *column, unsigned count)
{
    if (count == 1) {
        discover_set(run, field, column->name);
        discover_note(run, key, true, false, "%s is the only %s column of the list",
                      discover_name(column->name), type);
    } else if (count > 1) {
        discover_note(run, key, false, true, "the list has %u %s columns", count, type);
    }
}

static void take_name(struct discover_run *run, struct profile_list *list, const struct beside *b)
{
    const char *no = b->texts == 1 ? discover_no_names(run) : NULL;
    if (no)
        discover_note(run, "[list] name", false, true,
                      "%s is the only text column of the list, but %s",
                      discover_name(b->text->name), no);
    else
        take_only(run, "[list] name", &list->name, "text", b->text, b->texts);
}

/* Of copies the earlier import counts, and is carried over: what tells another day, or is there for
 * few entries only, is none. */
static bool may_be_import(const struct beside *b)
{
    static const char *const others[] = {"delet",   "remov",  "revok",  "revoc",  "expir", "until",
                                         "end",     "last",   "modif",  "chang",  "updat", "disabl",
                                         "withdr",  "retir",  "used",   "seen",   "valid", "after",
                                         "distrus", "cancel", "suspen", "replac", "next"};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcasestr(b->date->name, others[i]))
            return false;
    return 2 * b->dated >= b->rows;
}

static void take_imported(struct discover_run *run, struct profile_list *list,
                          const struct beside *b)
{
    if (b->dates == 1 && !may_be_import(b))
        discover_note(run, "[list] imported-on", false, true,
                      "%s is the only DateTime column of the list, but may tell another day",
                      discover_name(b->date->name));
    else
        take_only(run, "[list] imported-on", &list->imported, "DateTime", b->date, b->dates);
}

static void take_beside(struct discover_run *run, struct profile_list *list, const struct beside *b)
{
    take_thumbprint(run, list, b);
    take_name(run, list, b);
    take_imported(run, list, b);
}

void discover_list(struct discover_run *run)
{
    struct beside beside[PROFILE_LISTS_MOST] = {{.binaries = 0}};
    bool limited = run->d->limited;
    run->d->limited = false;
    for (unsigned i = 0; i < run->parts; i++) {
        look_beside(&run->part[i], &beside[i]);
        read_rows(run, i, &beside[i]);
    }
    if (run->parts == 0)
        read_all_values(run);
    run->keys_known = !run->d->limited;
    run->d->limited = run->d->limited || limited;
    index_entries(run);
    run->d->entries = run->entries;
    for (unsigned i = 0; i < run->parts; i++)
        take_beside(run, &run->d->profile.list[i], &beside[i]);
}
