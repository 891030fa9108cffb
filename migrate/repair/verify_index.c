/*
 * Index entries of a written store: see repair/verify_parts.h.
 *
 * Entries are compared as multisets of (key, bookmark), by sums of hashes: what both indexes differ
 * by has to be what the rows that go, change and come account for.  That costs a few nanoseconds an
 * entry and no memory.  Where the keys of an index cannot be computed (Unicode text), the entries
 * of dropped rows are known by their bookmark, and all others have to be the same.
 *
 * Rows that share a primary key share bookmarks, too: their entries are left to the structural
 * check, which holds every index against the rows.
 */
#include "migrate/repair/verify_parts.h"

#include "formats/array.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* ---- sets of keys ---- */

bool verify_keys_add(struct verify_keys *keys, struct bytes key, struct fault *f)
{
    if (!array_reserve(&keys->at, &keys->room, keys->count + 1, sizeof *keys->at))
        return verify_no_memory(f);
    const uint8_t *copy = arena_copy(&keys->memory, key);
    if (copy == NULL)
        return verify_no_memory(f);
    keys->at[keys->count++] = bytes_of(copy, key.size);
    return true;
}

static int by_bytes(const void *x, const void *y)
{
    return bytes_compare(*(const struct bytes *)x, *(const struct bytes *)y);
}

static bool verify_keys_has(struct verify_keys *keys, struct bytes key)
{
    if (keys->count == 0)
        return false;
    if (!keys->sorted)
        qsort(keys->at, keys->count, sizeof *keys->at, by_bytes);
    keys->sorted = true;
    return bsearch(&key, keys->at, keys->count, sizeof *keys->at, by_bytes) != NULL;
}

void verify_keys_clear(struct verify_keys *keys)
{
    free(keys->at);
    arena_free(&keys->memory);
    *keys = (struct verify_keys){.count = 0};
}

/* ---- sums ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
    return x ^ x >> 33;
}

static uint64_t hash_bytes(uint64_t h, struct bytes b)
{
    h = mix(h ^ b.size);
    for (; b.size >= 8; b = bytes_from(b, 8)) {
        uint64_t word;
        memcpy(&word, b.at, sizeof word);
        h = mix(h ^ word);
    }
    uint64_t rest = 0;
    if (b.size > 0)
        memcpy(&rest, b.at, b.size);
    return mix(h ^ rest);
}

static void add(struct verify_index *to, struct bytes key, struct bytes bookmark, int sign)
{
    uint64_t h = hash_bytes(hash_bytes(0x9e3779b97f4a7c15u, key), bookmark);
    uint64_t g = mix(h + 0xd1b54a32d192ed03u);
    to->sum[0] += sign > 0 ? h : 0 - h;
    to->sum[1] += sign > 0 ? g : 0 - g;
    to->entries += sign;
}

/* ---- rows that go, change or come ---- */

static bool is_secondary(const struct ese_index *index)
{
    return !ese_index_is_primary(index);
}

bool verify_indexes_begin(struct verify *v, struct fault *f)
{
    const struct ese_table *table = v->at[VERIFY_OLD].table;
    free(v->index);
    v->index = calloc((size_t)table->indexes + 1, sizeof *v->index);
    if (v->index == NULL)
        return verify_no_memory(f);
    for (unsigned i = 0; i < table->indexes; i++)
        v->index[i].computable = ese_index_computable(table, &table->index[i]) &&
                                 !(table->index[i].flags & ESE_INDEX_DEFERRED);
    return true;
}

static int by_value(const void *x, const void *y)
{
    const struct verify_index *a = x, *b = y;
    return (a->sum[0] > b->sum[0]) - (a->sum[0] < b->sum[0]);
}

/* All entries of the row in one index; equal keys make one. */
static bool note_in_index(struct verify *v, enum verify_side side, unsigned i, struct fault *f)
{
    struct verify_at *at = &v->at[side];
    struct verify_index *all = NULL;
    size_t count = 0, room = 0;
    enum ese_key_result result = ESE_KEY_FAULT;
    bool ok =
        ese_keys_open(&v->keys, &v->scratch, at->db->pages, at->table, &at->table->index[i], f);
    if (ok)
        ese_keys_of(&v->keys, &at->record);
    while (ok && (result = ese_keys_next(&v->keys, f)) == ESE_KEY_OK) {
        void *array = all;
        if (!array_reserve(&array, &room, count + 1, sizeof *all)) {
            ok = verify_no_memory(f);
            break;
        }
        all = array;
        all[count] = (struct verify_index){.entries = 0};
        add(&all[count++], ese_key_bytes(&v->keys.key), at->cursor.key, 1);
    }
    ok = ok && result == ESE_KEY_NONE;
    if (count > 1)
        qsort(all, count, sizeof *all, by_value);
    for (size_t k = 0; ok && k < count; k++)
        if (k == 0 || all[k].sum[0] != all[k - 1].sum[0]) {
            int sign = side == VERIFY_OLD ? 1 : -1;
            v->index[i].sum[0] += sign > 0 ? all[k].sum[0] : 0 - all[k].sum[0];
            v->index[i].sum[1] += sign > 0 ? all[k].sum[1] : 0 - all[k].sum[1];
            v->index[i].entries += sign;
        }
    free(all);
    return ok || (result == ESE_KEY_NOT_COMPUTABLE &&
                  fault_set(f, FAULT_UNSUPPORTED, "index %s: a key cannot be computed",
                            at->table->index[i].name));
}

bool verify_note_entries(struct verify *v, enum verify_side side, struct fault *f)
{
    const struct ese_table *table = v->at[side].table;
    if (verify_keys_has(&v->twins, v->at[side].cursor.key))
        return true;
    for (unsigned i = 0; i < table->indexes; i++)
        if (is_secondary(&table->index[i]) && v->index[i].computable &&
            !note_in_index(v, side, i, f))
            return false;
    return true;
}

/* Notes the entries of one index that the plan takes out, for they have no row. */
static void note_planned(struct verify *v, unsigned i)
{
    const struct ese_table *table = v->at[VERIFY_OLD].table;
    for (unsigned k = 0; k < v->index_entries; k++) {
        const struct action *a = v->index_entry[k];
        if (strcasecmp(a->table->name, table->name) != 0 ||
            strcasecmp(a->index->name, table->index[i].name) != 0)
            continue;
        add(&v->index[i], a->value, a->bookmark, 1);
        v->noted++;
    }
}

/* ---- whole indexes ---- */

/* Takes all entries of one side from what rows account for. */
static bool take_entries(struct verify *v, enum verify_side side, unsigned i, struct fault *f)
{
    const struct verify_at *at = &v->at[side];
    const struct ese_index *index = &at->table->index[i];
    bool by_bookmark = !v->index[i].computable;
    struct ese_cursor cursor;
    enum ese_step step;
    bool ok = true;
    ese_cursor_open(&cursor, at->db->pages, index->root, index->objid);
    while (ok && (step = ese_cursor_next(&cursor, f)) != ESE_STEP_END) {
        ok = step == ESE_STEP_NODE;
        if (!ok || verify_keys_has(&v->twins, cursor.data))
            continue;
        bool gone = by_bookmark && verify_keys_has(&v->dropped, cursor.data);
        if (gone && side == VERIFY_NEW)
            ok = fault_set(f, FAULT_DAMAGED,
                           "table %s, index %s: expected no entry of a row that was dropped, found "
                           "one",
                           at->table->name, index->name);
        else if (!gone)
            add(&v->index[i], cursor.key, cursor.data, side == VERIFY_OLD ? -1 : 1);
    }
    ese_cursor_close(&cursor);
    return ok;
}

/* ---- naming the entry that is wrong; only when one is ---- */

/* Has the new row with this bookmark, if there is one, this key in the index? */
static bool row_has(struct verify *v, unsigned i, struct bytes key, struct bytes bookmark)
{
    struct verify_at *at = &v->at[VERIFY_NEW];
    struct ese_cursor cursor;
    struct ese_record record;
    bool has = false;
    ese_cursor_open(&cursor, at->db->pages, at->table->root, at->table->objid);
    if (ese_cursor_seek(&cursor, bookmark, NULL) == ESE_STEP_NODE &&
        bytes_equal(cursor.key, bookmark) &&
        ese_record_on_page(&record, at->table, cursor.leaf, cursor.data, NULL) &&
        ese_keys_open(&v->keys, &v->scratch, at->db->pages, at->table, &at->table->index[i],
                      NULL)) {
        ese_keys_of(&v->keys, &record);
        while (!has && ese_keys_next(&v->keys, NULL) == ESE_KEY_OK)
            has = bytes_equal(ese_key_bytes(&v->keys.key), key);
    }
    ese_cursor_close(&cursor);
    return has;
}

static bool name_entry(struct verify *v, enum verify_side side, unsigned i,
                       const struct ese_cursor *at, struct fault *f)
{
    char key[2 * 24 + 1], row[2 * 24 + 1];
    struct bytes k = at->key, r = at->data;
    k.size = k.size > 24 ? 24 : k.size;
    r.size = r.size > 24 ? 24 : r.size;
    return fault_set(f, FAULT_DAMAGED,
                     "table %s, index %s: expected %s with key %s for the row with key %s, found "
                     "%s",
                     v->at[side].table->name, v->at[side].table->index[i].name,
                     side == VERIFY_OLD ? "the entry" : "no entry", bytes_hex(k, key, sizeof key),
                     bytes_hex(r, row, sizeof row), side == VERIFY_OLD ? "none" : "one");
}

/* An entry that only one side has is wrong when the new row says otherwise. */
static bool is_wrong(struct verify *v, enum verify_side side, unsigned i,
                     const struct ese_cursor *at)
{
    if (verify_keys_has(&v->twins, at->data))
        return false;
    if (!v->index[i].computable)
        return side == VERIFY_NEW || !verify_keys_has(&v->dropped, at->data);
    return row_has(v, i, at->key, at->data) == (side == VERIFY_OLD);
}

static bool find_wrong_entry(struct verify *v, unsigned i, struct ese_cursor *cursor,
                             struct fault *f)
{
    bool more[VERIFY_SIDES];
    for (int side = 0; side < VERIFY_SIDES; side++)
        more[side] = ese_cursor_next(&cursor[side], NULL) == ESE_STEP_NODE;
    while (more[VERIFY_OLD] || more[VERIFY_NEW]) {
        int order = !more[VERIFY_OLD] ? 1
                    : !more[VERIFY_NEW]
                        ? -1
                        : bytes_compare(cursor[VERIFY_OLD].key, cursor[VERIFY_NEW].key);
        if (order == 0)
            order = bytes_compare(cursor[VERIFY_OLD].data, cursor[VERIFY_NEW].data);
        enum verify_side side = order < 0 ? VERIFY_OLD : VERIFY_NEW;
        if (order != 0 && is_wrong(v, side, i, &cursor[side]))
            return name_entry(v, side, i, &cursor[side], f);
        if (order <= 0)
            more[VERIFY_OLD] = ese_cursor_next(&cursor[VERIFY_OLD], NULL) == ESE_STEP_NODE;
        if (order >= 0)
            more[VERIFY_NEW] = ese_cursor_next(&cursor[VERIFY_NEW], NULL) == ESE_STEP_NODE;
    }
    return fault_set(f, FAULT_DAMAGED,
                     "table %s, index %s: expected entries that differ by those of the rows that "
                     "the plan changes, found others",
                     v->at[VERIFY_OLD].table->name, v->at[VERIFY_OLD].table->index[i].name);
}

static bool wrong_index(struct verify *v, unsigned i, struct fault *f)
{
    struct ese_cursor cursor[VERIFY_SIDES];
    for (int side = 0; side < VERIFY_SIDES; side++)
        ese_cursor_open(&cursor[side], v->at[side].db->pages, v->at[side].table->index[i].root,
                        v->at[side].table->index[i].objid);
    find_wrong_entry(v, i, cursor, f);
    for (int side = 0; side < VERIFY_SIDES; side++)
        ese_cursor_close(&cursor[side]);
    return false;
}

bool verify_indexes(struct verify *v, struct fault *f)
{
    const struct ese_table *table = v->at[VERIFY_OLD].table;
    for (unsigned i = 0; i < table->indexes; i++) {
        struct verify_index *sums = &v->index[i];
        if (!is_secondary(&table->index[i]))
            continue;
        note_planned(v, i);
        if (!take_entries(v, VERIFY_OLD, i, f) || !take_entries(v, VERIFY_NEW, i, f))
            return false;
        if (sums->sum[0] != 0 || sums->sum[1] != 0 || sums->entries != 0)
            return wrong_index(v, i, f);
    }
    return true;
}
