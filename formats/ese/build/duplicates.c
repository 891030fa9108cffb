/*
 * Rows that claim a key of a unique index which a row before them has: finding what to drop.
 *
 * The rule is that of inserting the rows one by one, in primary key order: a row whose key in any
 * unique index is taken by a row that was kept is not inserted.  Only conflicting entries are held
 * in memory.
 */
#include "formats/ese/build/compact_parts.h"

#include "formats/array.h"
#include "formats/buffer.h"
#include "formats/ese/read/key.h"
#include "formats/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- lists ---- */

static bool byte_list_add(struct byte_list *list, struct bytes value, struct fault *f)
{
    if (!array_reserve(&list->at, &list->room, list->count + 1, sizeof *list->at))
        return fault_no_memory(f, "duplicate keys");
    const uint8_t *copy = arena_copy(&list->memory, value);
    if (copy == NULL)
        return fault_no_memory(f, "duplicate keys");
    list->at[list->count++] = bytes_of(copy, value.size);
    return true;
}

static int compare_bytes(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* In order, and of equal ones one. */
static void byte_list_sort(struct byte_list *list)
{
    if (list->count == 0)
        return;
    qsort(list->at, list->count, sizeof *list->at, compare_bytes);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (!bytes_equal(list->at[i], list->at[kept - 1]))
            list->at[kept++] = list->at[i];
    list->count = kept;
}

bool byte_list_has(const struct byte_list *sorted, struct bytes value)
{
    return sorted->count > 0 &&
           bsearch(&value, sorted->at, sorted->count, sizeof *sorted->at, compare_bytes) != NULL;
}

static void byte_list_close(struct byte_list *list)
{
    arena_free(&list->memory);
    free(list->at);
    *list = (struct byte_list){.at = NULL};
}

void drops_close(struct drops *d)
{
    byte_list_close(&d->rows);
    byte_list_close(&d->entries);
    free(d->lid);
    *d = (struct drops){.lid = NULL};
}

/* ---- long values ---- */

uint32_t drops_references(const struct drops *d, uint64_t lid)
{
    const uint64_t *found =
        d->lids ? bsearch(&lid, d->lid, d->lids, sizeof lid, array_by_u64) : NULL;
    if (found == NULL)
        return 0;
    size_t first = (size_t)(found - d->lid), end = first + 1;
    while (first > 0 && d->lid[first - 1] == lid)
        first--;
    while (end < d->lids && d->lid[end] == lid)
        end++;
    return (uint32_t)(end - first);
}

static bool add_lid(struct drops *d, uint64_t lid, struct fault *f)
{
    if (!array_reserve(&d->lid, &d->lid_room, d->lids + 1, sizeof *d->lid))
        return fault_no_memory(f, "duplicate keys");
    d->lid[d->lids++] = lid;
    return true;
}

static bool add_column(struct drops *d, const struct ese_record *record,
                       const struct ese_column *column, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct fault inner = {.code = FAULT_NONE};
    if (!ese_values_of(&values, record, column, f))
        return false;
    while (ese_values_next(&values, &value, &inner))
        if (value.kind == ESE_VALUE_SEPARATED && !add_lid(d, value.lid, f))
            return false;
    return fault_take(f, &inner);
}

/* Gathers the long values that a row refers to. */
static bool drop_long_values(struct drops *d, const struct ese_record *record, struct fault *f)
{
    for (unsigned i = 0; i < record->table->columns; i++)
        if (ese_coltype_is_long(record->table->column[i].type) &&
            !add_column(d, record, &record->table->column[i], f))
            return false;
    return true;
}

static void sort_drops(struct drops *d)
{
    byte_list_sort(&d->rows);
    byte_list_sort(&d->entries);
    if (d->lids > 0)
        qsort(d->lid, d->lids, sizeof *d->lid, array_by_u64);
}

/* ---- entries of second rows with one primary key ---- */

/* An entry as one byte string: the index's number, the key's size, key, data. */
static bool entry_bytes(unsigned index, struct bytes key, struct bytes data, struct buffer *out,
                        struct fault *f)
{
    buffer_add_le32(out, index);
    buffer_add_le32(out, (uint32_t)key.size);
    buffer_add(out, key);
    return buffer_add(out, data) || fault_no_memory(f, "duplicate keys");
}

bool drops_has_entry(const struct drops *d, unsigned index, struct bytes key, struct bytes data,
                     bool *has, struct fault *f)
{
    struct buffer entry = {0};
    bool ok = entry_bytes(index, key, data, &entry, f);
    *has = ok && byte_list_has(&d->entries, buffer_bytes(&entry));
    buffer_free(&entry);
    return ok;
}

/* Finding duplicates of one table. */
struct finder {
    struct compact *c;
    const struct ese_table *table;
    struct drops *drops;
    struct ese_cursor cursor;
    struct ese_key_scratch scratch;
    struct ese_keys keys;
};

/* Adds all entries that a record has in the secondary indexes to `list`. */
static bool entries_of(struct finder *s, struct bytes record_bytes, bool new_format,
                       struct bytes primary, struct byte_list *list, struct fault *f)
{
    struct ese_record record;
    if (!ese_record_open(&record, s->table, record_bytes, new_format,
                         ese_pages_size(s->c->db->pages), f))
        return false;
    for (unsigned i = 0; i < s->table->indexes; i++) {
        const struct ese_index *index = &s->table->index[i];
        if (ese_index_is_primary(index))
            continue;
        if (!ese_keys_open(&s->keys, &s->scratch, s->c->db->pages, s->table, index, f))
            return false;
        ese_keys_of(&s->keys, &record);
        enum ese_key_result result;
        while ((result = ese_keys_next(&s->keys, f)) == ESE_KEY_OK) {
            struct buffer entry = {0};
            bool ok = entry_bytes(i, ese_key_bytes(&s->keys.key), primary, &entry, f) &&
                      byte_list_add(list, buffer_bytes(&entry), f);
            buffer_free(&entry);
            if (!ok)
                return false;
        }
        if (result == ESE_KEY_NOT_COMPUTABLE)
            return fault_set(
                f, FAULT_UNSUPPORTED,
                "index %s: which entries belong to which of two rows with one primary key cannot "
                "be computed",
                index->name);
        if (result == ESE_KEY_FAULT)
            return false;
    }
    return true;
}

static void tell(struct finder *s, struct bytes key, const char *why)
{
    char text[400], hex[HEX_START_SIZE(64)];
    snprintf(text, sizeof text, "table %s: dropped a row with the primary key %s: %s",
             s->table->name, hex_start(key, 64, hex), why);
    if (s->c->options->dropped)
        s->c->options->dropped(s->c->options->context, text);
}

/* A row before the current one, kept for comparison. */
struct row_before {
    uint8_t key[ESE_KEY_ROOM], record[ESE_PAGE_SIZE_MAX];
    size_t key_size, record_size;
    bool new_format;
};

static bool drop_second(struct finder *s, const struct row_before *first, bool new_format,
                        struct fault *f)
{
    struct byte_list kept = {.at = NULL}, gone = {.at = NULL};
    struct ese_record record;
    struct bytes primary = s->cursor.key;
    bool ok = entries_of(s, bytes_of(first->record, first->record_size), first->new_format, primary,
                         &kept, f) &&
              entries_of(s, s->cursor.data, new_format, primary, &gone, f);
    byte_list_sort(&kept);
    for (size_t i = 0; ok && i < gone.count; i++)
        if (!byte_list_has(&kept, gone.at[i]))
            ok = byte_list_add(&s->drops->entries, gone.at[i], f);
    byte_list_close(&kept);
    byte_list_close(&gone);
    ok = ok &&
         ese_record_open(&record, s->table, s->cursor.data, new_format,
                         ese_pages_size(s->c->db->pages), f) &&
         drop_long_values(s->drops, &record, f);
    if (ok) {
        s->c->result->dropped_rows++;
        tell(s, primary, "the row before it has the same");
    }
    return ok;
}

/* Second rows with one primary key. */
static bool find_in_rows(struct finder *s, struct fault *f)
{
    struct row_before *before = calloc(1, sizeof *before);
    if (before == NULL)
        return fault_no_memory(f, "duplicate keys");
    bool ok = true;
    ese_cursor_open(&s->cursor, s->c->db->pages, s->table->root, s->table->objid);
    while (compact_next(s->c, &s->cursor, &ok, f)) {
        bool new_format = s->cursor.leaf->flags & ESE_PAGE_NEW_RECORD_FORMAT;
        if (before->key_size > 0 &&
            bytes_equal(s->cursor.key, bytes_of(before->key, before->key_size))) {
            ok = drop_second(s, before, new_format, f);
            continue;
        }
        memcpy(before->key, s->cursor.key.at, s->cursor.key.size);
        before->key_size = s->cursor.key.size;
        memcpy(before->record, s->cursor.data.at, s->cursor.data.size);
        before->record_size = s->cursor.data.size;
        before->new_format = new_format;
    }
    ese_cursor_close(&s->cursor);
    free(before);
    return ok;
}

/* ---- entries with one key of a unique secondary index ---- */

/* One row's claim to a key that others claim, too. */
struct claim {
    struct bytes primary; /* a copy */
    size_t group;         /* which key */
};

struct claims {
    struct claim *at;
    size_t count, room, groups;
    struct arena memory;
};

static bool add_claim(struct claims *claims, struct bytes primary, size_t group, struct fault *f)
{
    if (!array_reserve(&claims->at, &claims->room, claims->count + 1, sizeof *claims->at))
        return fault_no_memory(f, "duplicate keys");
    const uint8_t *copy = arena_copy(&claims->memory, primary);
    if (copy == NULL)
        return fault_no_memory(f, "duplicate keys");
    claims->at[claims->count++] = (struct claim){bytes_of(copy, primary.size), group};
    return true;
}

/* The entry before, in a walk over an index. */
struct entry_before {
    uint8_t key[ESE_KEY_ROOM], data[ESE_KEY_ROOM];
    size_t key_size, data_size;
    bool any, claimed; /* claimed: it was added to the claims already */
};

static bool look_at_entry(struct finder *s, struct claims *claims, struct entry_before *before,
                          struct fault *f)
{
    struct bytes key = s->cursor.key, data = s->cursor.data;
    if (data.size > sizeof before->data)
        return fault_set(f, FAULT_DAMAGED, "page %u: an index entry with data of %zu bytes",
                         s->cursor.leaf->number, data.size);
    bool same = before->any && bytes_equal(key, bytes_of(before->key, before->key_size));
    bool same_row = same && bytes_equal(data, bytes_of(before->data, before->data_size));
    if (same && !same_row) {
        if (!before->claimed &&
            !add_claim(claims, bytes_of(before->data, before->data_size), claims->groups++, f))
            return false;
        if (!add_claim(claims, data, claims->groups - 1, f))
            return false;
    }
    before->claimed = same && (before->claimed || !same_row);
    memcpy(before->key, key.at, key.size);
    memcpy(before->data, data.at, data.size);
    before->key_size = key.size;
    before->data_size = data.size;
    before->any = true;
    return true;
}

static bool find_in_index(struct finder *s, const struct ese_index *index, struct claims *claims,
                          struct fault *f)
{
    struct entry_before *before = calloc(1, sizeof *before);
    if (before == NULL)
        return fault_no_memory(f, "duplicate keys");
    bool ok = true;
    ese_cursor_open(&s->cursor, s->c->db->pages, index->root, index->objid);
    while (compact_next(s->c, &s->cursor, &ok, f))
        ok = look_at_entry(s, claims, before, f);
    ese_cursor_close(&s->cursor);
    free(before);
    return ok || fault_context(f, "index %s", index->name);
}

static int compare_claims(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = bytes_compare(x->primary, y->primary);
    return order ? order : (x->group > y->group) - (x->group < y->group);
}

/* A row that goes takes its long values' references with it. */
static bool drop_row(struct finder *s, struct bytes primary, struct fault *f)
{
    struct ese_record record;
    ese_cursor_open(&s->cursor, s->c->db->pages, s->table->root, s->table->objid);
    enum ese_step step = ese_cursor_seek(&s->cursor, primary, f);
    bool ok = step != ESE_STEP_FAULT;
    if (ok && (step == ESE_STEP_END || !bytes_equal(s->cursor.key, primary)))
        ok = fault_set(f, FAULT_DAMAGED, "an index entry refers to a row that is not there");
    ok = ok && ese_record_on_page(&record, s->table, s->cursor.leaf, s->cursor.data, f) &&
         drop_long_values(s->drops, &record, f) && byte_list_add(&s->drops->rows, primary, f);
    ese_cursor_close(&s->cursor);
    if (ok)
        tell(s, primary, "a row before it has its key of a unique index");
    return ok;
}

/* Goes through the claims in primary key order, as if the rows were inserted. */
static bool decide(struct finder *s, struct claims *claims, struct fault *f)
{
    if (claims->count == 0)
        return true;
    bool *taken = calloc(claims->groups, sizeof *taken);
    if (taken == NULL)
        return fault_no_memory(f, "duplicate keys");
    qsort(claims->at, claims->count, sizeof *claims->at, compare_claims);
    bool ok = true;
    for (size_t i = 0, end; ok && i < claims->count; i = end) {
        bool free_keys = true;
        for (end = i;
             end < claims->count && bytes_equal(claims->at[end].primary, claims->at[i].primary);
             end++)
            free_keys = free_keys && !taken[claims->at[end].group];
        if (!free_keys)
            ok = drop_row(s, claims->at[i].primary, f);
        for (size_t k = i; free_keys && k < end; k++)
            taken[claims->at[k].group] = true;
    }
    free(taken);
    return ok;
}

bool drops_find(struct compact *c, const struct ese_table *table, struct drops *drops,
                struct fault *f)
{
    struct finder *s = calloc(1, sizeof *s);
    struct claims claims = {.at = NULL};
    if (s == NULL)
        return fault_no_memory(f, "duplicate keys");
    s->c = c;
    s->table = table;
    s->drops = drops;
    bool ok = find_in_rows(s, f);
    for (unsigned i = 0; ok && i < table->indexes; i++) {
        uint32_t flags = table->index[i].flags;
        if ((flags & ESE_INDEX_UNIQUE) && !(flags & ESE_INDEX_PRIMARY))
            ok = find_in_index(s, &table->index[i], &claims, f);
    }
    ok = ok && decide(s, &claims, f);
    arena_free(&claims.memory);
    free(claims.at);
    free(s);
    sort_drops(drops);
    return ok || fault_context(f, "table %s", table->name);
}
