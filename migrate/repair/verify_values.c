/*
 * Long values of a written store: see repair/verify_parts.h.
 *
 * Both trees are walked together.  A value keeps its id and its bytes; its count of references
 * changes by what the rows have lost and gained, and it goes with the last of them.
 */
#include "migrate/repair/verify_parts.h"

#include "formats/array.h"

#include <inttypes.h>
#include <stdlib.h>

static bool add_lid(struct verify_lids *lids, uint64_t lid, int change, struct fault *f)
{
    if (!array_reserve(&lids->at, &lids->room, lids->count + 1, sizeof *lids->at))
        return verify_no_memory(f);
    lids->at[lids->count++] = (struct verify_lid){
        .lid = lid, .lost = change < 0 ? 1u : 0u, .gained = change > 0 ? 1u : 0u};
    return true;
}

static bool note_column(struct verify *v, enum verify_side side, const struct ese_column *column,
                        int change, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct fault inner;
    fault_clear(&inner);
    if (!ese_values_of(&values, &v->at[side].record, column, f))
        return false;
    while (ese_values_next(&values, &value, &inner))
        if (value.kind == ESE_VALUE_SEPARATED && !add_lid(&v->lids, value.lid, change, f))
            return false;
    if (inner.code != FAULT_NONE && f)
        *f = inner;
    return inner.code == FAULT_NONE;
}

bool verify_note_lids(struct verify *v, enum verify_side side, const struct ese_column *column,
                      int change, struct fault *f)
{
    const struct ese_table *table = v->at[side].table;
    for (unsigned i = 0; i < table->columns; i++)
        if ((column == NULL || column == &table->column[i]) &&
            ese_coltype_is_long(table->column[i].type) &&
            !note_column(v, side, &table->column[i], change, f))
            return false;
    return true;
}

static int by_lid(const void *x, const void *y)
{
    const struct verify_lid *a = x, *b = y;
    return (a->lid > b->lid) - (a->lid < b->lid);
}

/* One element for each id. */
static void add_up(struct verify_lids *lids)
{
    size_t kept = 0;
    if (lids->count > 0)
        qsort(lids->at, lids->count, sizeof *lids->at, by_lid);
    for (size_t i = 0; i < lids->count; i++)
        if (kept > 0 && lids->at[kept - 1].lid == lids->at[i].lid) {
            lids->at[kept - 1].lost += lids->at[i].lost;
            lids->at[kept - 1].gained += lids->at[i].gained;
        } else {
            lids->at[kept++] = lids->at[i];
        }
    lids->count = kept;
}

static struct verify_lid change_by(const struct verify_lids *lids, uint64_t lid)
{
    const struct verify_lid wanted = {.lid = lid},
                            *found = lids->count == 0 ? NULL
                                                      : bsearch(&wanted, lids->at, lids->count,
                                                                sizeof wanted, by_lid);
    return found ? *found : wanted;
}

static int64_t change_of(const struct verify_lids *lids, uint64_t lid)
{
    struct verify_lid change = change_by(lids, lid);
    return (int64_t)change.gained - (int64_t)change.lost;
}

/* The two walks. */
struct values {
    struct verify *v;
    struct ese_cursor cursor[VERIFY_SIDES];
    bool more[VERIFY_SIDES];
    bool has_gone, has_new; /* the value whose chunks follow has gone, or is new, ... */
    bool has_both;          /* ... or has gone, and a new one has its id */
    uint64_t gone, new, both;
};

static bool step(struct values *w, enum verify_side side, struct fault *f)
{
    enum ese_step step = ese_cursor_next(&w->cursor[side], f);
    w->more[side] = step == ESE_STEP_NODE;
    return step != ESE_STEP_FAULT;
}

static bool wrong(const struct values *w, uint64_t lid, const char *expected, const char *found,
                  struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "table %s, long value %" PRIu64 ": expected %s, found %s",
                     w->v->at[VERIFY_OLD].table->name, lid, expected, found);
}

static bool wrong_count(const struct values *w, uint64_t lid, int64_t expected, int64_t found,
                        struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED,
                     "table %s, long value %" PRIu64 ": expected %" PRId64
                     " references to it, found %" PRId64,
                     w->v->at[VERIFY_OLD].table->name, lid, expected, found);
}

/* The greatest id is free again when its value goes; the next value gets it.  What stands in that
 * is compared with what its row should hold, as everything new is. */
static bool was_replaced(const struct values *w, uint64_t lid, const struct ese_lv_root *old,
                         const struct ese_lv_root *new)
{
    struct verify_lid change = change_by(&w->v->lids, lid);
    return change.gained > 0 && change.lost == old->references && change.gained == new->references;
}

static bool roots_differ_rightly(struct values *w, const struct ese_lv_key *key, struct fault *f)
{
    const struct ese_cursor *c = w->cursor;
    int64_t change = change_of(&w->v->lids, key->lid);
    struct ese_lv_root old, new;
    if (ese_lv_root_read(c[VERIFY_OLD].data, &old) && ese_lv_root_read(c[VERIFY_NEW].data, &new) &&
        was_replaced(w, key->lid, &old, &new)) {
        w->has_both = true;
        w->both = key->lid;
        return true;
    }
    if (change == 0)
        return bytes_equal(c[VERIFY_OLD].data, c[VERIFY_NEW].data) ||
               wrong(w, key->lid, "its root as it was", "other bytes", f);
    if (!ese_lv_root_read(c[VERIFY_OLD].data, &old) || !ese_lv_root_read(c[VERIFY_NEW].data, &new))
        return wrong(w, key->lid, "its root", "bytes that are none", f);
    if (old.references + change <= 0)
        return wrong(w, key->lid, "that it goes with the last reference to it", "it", f);
    if (new.references != old.references + change)
        return wrong_count(w, key->lid, old.references + change, new.references, f);
    return (old.size == new.size &&old.flags == new.flags) ||
           wrong(w, key->lid, "its size as it was", "another", f);
}

static bool is_in_both(struct values *w, struct fault *f)
{
    const struct ese_cursor *c = w->cursor;
    struct ese_lv_key key;
    if (!ese_lv_key_read(c[VERIFY_OLD].key, &key))
        return bytes_equal(c[VERIFY_OLD].data, c[VERIFY_NEW].data) ||
               wrong(w, 0, "a node as it was", "another", f);
    if (key.root) {
        w->has_gone = w->has_new = w->has_both = false;
        return roots_differ_rightly(w, &key, f);
    }
    if (w->has_gone && w->gone == key.lid)
        return wrong(w, key.lid, "that all of it goes", "a part of it", f);
    if (w->has_both && w->both == key.lid)
        return true;
    return bytes_equal(c[VERIFY_OLD].data, c[VERIFY_NEW].data) ||
           wrong(w, key.lid, "its bytes as they were", "others", f);
}

static bool has_gone_rightly(struct values *w, struct fault *f)
{
    struct ese_lv_key key;
    struct ese_lv_root root;
    if (!ese_lv_key_read(w->cursor[VERIFY_OLD].key, &key))
        return wrong(w, 0, "a node as it was", "none", f);
    if (!key.root)
        return (w->has_gone && w->gone == key.lid) || (w->has_both && w->both == key.lid) ||
               wrong(w, key.lid, "all of it", "that a part of it is missing", f);
    w->has_new = false;
    w->has_gone = ese_lv_root_read(w->cursor[VERIFY_OLD].data, &root) &&
                  change_of(&w->v->lids, key.lid) < 0 &&
                  root.references + change_of(&w->v->lids, key.lid) <= 0;
    w->gone = key.lid;
    return w->has_gone || wrong(w, key.lid, "it", "that it is missing", f);
}

static bool is_new_rightly(struct values *w, struct fault *f)
{
    struct ese_lv_key key;
    struct ese_lv_root root;
    if (!ese_lv_key_read(w->cursor[VERIFY_NEW].key, &key))
        return wrong(w, 0, "no such node", "one", f);
    if (!key.root)
        return (w->has_new && w->new == key.lid) || (w->has_both && w->both == key.lid) ||
               wrong(w, key.lid, "its parts as they were", "one more", f);
    int64_t change = change_of(&w->v->lids, key.lid);
    w->has_gone = false;
    w->has_new = change > 0;
    w->new = key.lid;
    if (!w->has_new)
        return wrong(w, key.lid, "no value that no row refers to", "one", f);
    if (!ese_lv_root_read(w->cursor[VERIFY_NEW].data, &root))
        return wrong(w, key.lid, "its root", "bytes that are none", f);
    return root.references == change || wrong_count(w, key.lid, change, root.references, f);
}

static bool compare(struct values *w, struct fault *f)
{
    bool ok = step(w, VERIFY_OLD, f) && step(w, VERIFY_NEW, f);
    while (ok && (w->more[VERIFY_OLD] || w->more[VERIFY_NEW])) {
        int order = !w->more[VERIFY_OLD] ? 1
                    : !w->more[VERIFY_NEW]
                        ? -1
                        : bytes_compare(w->cursor[VERIFY_OLD].key, w->cursor[VERIFY_NEW].key);
        ok = order < 0   ? has_gone_rightly(w, f)
             : order > 0 ? is_new_rightly(w, f)
                         : is_in_both(w, f);
        if (ok && order <= 0)
            ok = step(w, VERIFY_OLD, f);
        if (ok && order >= 0)
            ok = step(w, VERIFY_NEW, f);
    }
    return ok;
}

bool verify_long_values(struct verify *v, struct fault *f)
{
    struct values w = {.v = v};
    if (v->at[VERIFY_OLD].table->long_value_root == 0)
        return true;
    add_up(&v->lids);
    for (int side = 0; side < VERIFY_SIDES; side++) {
        const struct ese_table *table = v->at[side].table;
        ese_cursor_open(&w.cursor[side], v->at[side].db->pages, table->long_value_root,
                        table->long_value_objid);
    }
    bool ok = compare(&w, f);
    for (int side = 0; side < VERIFY_SIDES; side++)
        ese_cursor_close(&w.cursor[side]);
    return ok;
}
