/*
 * Entries of secondary indexes of a database that is changed in place: see edit/parts.h.
 *
 * An entry is found by its key where that can be computed.  Where it cannot, or where the index
 * turns out not to have it, the index is walked for entries with the row's bookmark: once, for all
 * rows of a call.  New entries are added when all that goes is gone, so that a key can move from
 * one row to another.
 *
 * Source: the published engine, ese/recupd.cxx, ese/recdel.cxx.
 */
#include "formats/ese/edit/parts.h"

#include "formats/array.h"

#include <stdlib.h>

/* ---- lists ---- */

bool inplace_entries_add(struct inplace_entries *list, const struct ese_table *table,
                         const struct ese_index *index, struct bytes key, struct bytes data,
                         struct fault *f)
{
    if (!array_reserve(&list->at, &list->room, list->count + 1, sizeof *list->at))
        return inplace_no_memory(f);
    const uint8_t *key_copy = arena_copy(&list->memory, key),
                  *data_copy = arena_copy(&list->memory, data);
    if (key_copy == NULL || data_copy == NULL)
        return inplace_no_memory(f);
    list->at[list->count++] = (struct inplace_entry){table, index, bytes_of(key_copy, key.size),
                                                     bytes_of(data_copy, data.size)};
    return true;
}

void inplace_entries_clear(struct inplace_entries *list)
{
    arena_free(&list->memory);
    free(list->at);
    *list = (struct inplace_entries){.count = 0};
}

bool inplace_entry_in(const struct inplace_entries *list, struct bytes key)
{
    for (size_t i = 0; i < list->count; i++)
        if (bytes_equal(list->at[i].key, key))
            return true;
    return false;
}

bool inplace_entries_of(struct ese_inplace *ip, const struct ese_index *index,
                        const struct ese_record *record, struct bytes bookmark,
                        struct inplace_entries *list, bool *computable, struct fault *f)
{
    struct ese_keys *keys = &ip->keys;
    enum ese_key_result result;
    *computable = true;
    if (!ese_keys_open(keys, &ip->scratch, ip->db->pages, record->table, index, f))
        return false;
    ese_keys_of(keys, record);
    while ((result = ese_keys_next(keys, f)) == ESE_KEY_OK) {
        struct bytes key = ese_key_bytes(&keys->key);
        if (!inplace_entry_in(list, key) &&
            !inplace_entries_add(list, record->table, index, key, bookmark, f))
            return false;
    }
    *computable = result != ESE_KEY_NOT_COMPUTABLE;
    return result != ESE_KEY_FAULT;
}

/* ---- one entry ---- */

static struct inplace_tree tree_of(struct ese_inplace *ip, const struct ese_index *index)
{
    return (struct inplace_tree){.ip = ip,
                                 .root = index->root,
                                 .objid = index->objid,
                                 .owner = index->root,
                                 .unique = index->flags & ESE_INDEX_UNIQUE};
}

/* How many entries are equal to this one: more than one only in a damaged index. */
static bool count_equal(const struct inplace_tree *t, const struct inplace_entry *entry,
                        unsigned *count, struct fault *f)
{
    struct inplace_spot spot;
    bool there;
    bool ok = inplace_seek(t, entry->key, t->unique ? bytes_of(entry->key.at, 0) : entry->data,
                           &spot, &there, f);
    *count = 0;
    for (; ok && there && bytes_equal(inplace_at(&spot)->key, entry->key);
         ok = inplace_next(t, &spot, &there, f))
        *count += bytes_equal(inplace_at(&spot)->data, entry->data);
    inplace_spot_close(&spot);
    return ok;
}

bool inplace_entry_remove(struct ese_inplace *ip, const struct inplace_entry *entry, unsigned keep,
                          bool lone, struct fault *f)
{
    struct inplace_tree t = tree_of(ip, entry->index);
    struct inplace_target target = {.key = entry->key, .data = entry->data, .by_data = true};
    unsigned count;
    bool found;
    if (keep > 0 && (!count_equal(&t, entry, &count, f) || count <= keep))
        return f == NULL || f->code == FAULT_NONE;
    if (!inplace_remove(&t, &target, &found, f))
        return false;
    /* A row whose key others have, too, cannot be told from them by its bookmark. */
    return found || !lone ||
           inplace_entries_add(&ip->orphans, entry->table, entry->index, entry->key, entry->data,
                               f);
}

bool inplace_drop_entry(struct ese_inplace *ip, const struct inplace_entry *entry, struct fault *f)
{
    const struct inplace_tree t = tree_of(ip, entry->index);
    const struct inplace_target target = {.key = entry->key, .data = entry->data, .by_data = true};
    bool there;
    if (!inplace_has_row(ip, entry->table, entry->data, &there, f))
        return false;
    if (there)
        return fault_set(f, FAULT_UNSUPPORTED, "index %s: the row of the entry is there",
                         entry->index->name);
    return inplace_remove(&t, &target, &there, f) &&
           (there || fault_set(f, FAULT_MISSING, "index %s has no such entry", entry->index->name));
}

/* ---- what waits ---- */

static int by_index_and_data(const void *a, const void *b)
{
    const struct inplace_entry *x = a, *y = b;
    if (x->index != y->index)
        return (uintptr_t)x->index < (uintptr_t)y->index ? -1 : 1;
    return bytes_compare(x->data, y->data);
}

static int by_index_and_key(const void *a, const void *b)
{
    const struct inplace_entry *x = a, *y = b;
    if (x->index != y->index)
        return (uintptr_t)x->index < (uintptr_t)y->index ? -1 : 1;
    int order = bytes_compare(x->key, y->key);
    return order ? order : bytes_compare(x->data, y->data);
}

static int by_data(const void *a, const void *b)
{
    return bytes_compare(((const struct inplace_entry *)a)->data,
                         ((const struct inplace_entry *)b)->data);
}

/* Entries of one index whose data is that of one of orphan[0..count). */
static bool find_orphans(struct ese_inplace *ip, const struct inplace_entry *orphan, size_t count,
                         struct inplace_entries *found, struct fault *f)
{
    struct ese_cursor cursor;
    enum ese_step step;
    bool ok = true;
    ese_cursor_open(&cursor, ip->db->pages, orphan->index->root, orphan->index->objid);
    while (ok && (step = ese_cursor_next(&cursor, f)) != ESE_STEP_END) {
        struct inplace_entry wanted = {.data = cursor.data};
        ok = step == ESE_STEP_NODE;
        if (ok && bsearch(&wanted, orphan, count, sizeof *orphan, by_data))
            ok = inplace_entries_add(found, orphan->table, orphan->index, cursor.key, cursor.data,
                                     f);
    }
    ese_cursor_close(&cursor);
    return ok;
}

static bool remove_orphans(struct ese_inplace *ip, const struct inplace_entry *orphan, size_t count,
                           struct fault *f)
{
    struct inplace_entries found = {.count = 0};
    bool ok = find_orphans(ip, orphan, count, &found, f);
    for (size_t i = 0; ok && i < found.count; i++) {
        struct inplace_tree t = tree_of(ip, orphan->index);
        struct inplace_target target = {
            .key = found.at[i].key, .data = found.at[i].data, .by_data = true};
        bool there;
        ok = inplace_remove(&t, &target, &there, f);
        if (ok && !there)
            ok = fault_set(f, FAULT_DAMAGED, "index %s: an entry stands where it cannot be found",
                           orphan->index->name);
        ok = ok && inplace_make_room(ip, f);
    }
    inplace_entries_clear(&found);
    return ok;
}

static bool add_entry(struct ese_inplace *ip, const struct inplace_entry *entry, struct fault *f)
{
    struct inplace_tree t = tree_of(ip, entry->index);
    bool same;
    if (!inplace_insert(&t, entry->key, entry->data, &same, f))
        return fault_context(f, "index %s", entry->index->name);
    if (!same)
        return true;
    return fault_set(f, FAULT_DAMAGED, "index %s has the new key already", entry->index->name);
}

bool inplace_entries_flush(struct ese_inplace *ip, struct fault *f)
{
    struct inplace_entries *orphans = &ip->orphans;
    bool ok = true;
    if (orphans->count > 0)
        qsort(orphans->at, orphans->count, sizeof *orphans->at, by_index_and_data);
    for (size_t i = 0, end; ok && i < orphans->count; i = end) {
        for (end = i; end < orphans->count && orphans->at[end].index == orphans->at[i].index; end++)
            continue;
        ok = remove_orphans(ip, &orphans->at[i], end - i, f);
    }
    if (ip->added.count > 0) /* so that neighbours come one after the other */
        qsort(ip->added.at, ip->added.count, sizeof *ip->added.at, by_index_and_key);
    for (size_t i = 0; ok && i < ip->added.count; i++)
        ok = add_entry(ip, &ip->added.at[i], f) && inplace_make_room(ip, f);
    inplace_entries_clear(orphans);
    inplace_entries_clear(&ip->added);
    return ok && inplace_give_back(ip, f);
}
