/*
 * Names, by the catalog's own index of them.
 *
 * The catalog and its shadow can both have a wrong name; the index of names by table and kind is a
 * third witness.  Where the two differ it says which is right.  Its keys are not the names as they
 * were written: so where both have another name than it, nothing is put right, but that is told,
 * and the table is not whole.
 */
#include "formats/ese/salvage/parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_INDEX = 1 }; /* of the catalog's own */

static bool add_entry(struct ese_salvage *s, const struct salvage_walk *w, struct fault *f)
{
    if (!array_reserve(&s->name, &s->name_room, s->names + 1, sizeof *s->name))
        return fault_no_memory(f, "the catalog");
    struct salvage_name *n = &s->name[s->names];
    *n = (struct salvage_name){{arena_copy(&s->arena, w->data), w->data.size},
                               {arena_copy(&s->arena, w->key), w->key.size}};
    if (n->row.at == NULL || n->key.at == NULL)
        return fault_no_memory(f, "the catalog");
    s->names++;
    return true;
}

static int by_row(const void *a, const void *b)
{
    const struct salvage_name *x = a, *y = b;
    int order = bytes_compare(x->row, y->row);
    return order ? order : bytes_compare(x->key, y->key);
}

bool salvage_names_read(struct ese_salvage *s, struct fault *f)
{
    const struct ese_index *index = build_own_index(NAME_INDEX);
    struct salvage_walk *w = calloc(1, sizeof *w);
    bool more = true;
    if (w == NULL)
        return fault_no_memory(f, "the catalog");
    bool ok = salvage_reach(s, index->objid, index->root, f) &&
              salvage_walk_open(w, s, &index->objid, 1, true, false, f);
    while (ok && (ok = salvage_walk_next(w, &more, f)) && more) {
        struct salvage_choice c;
        ok = salvage_choose(w, &c, f);
        if (ok && c.verdict == SALVAGE_KEPT)
            ok = add_entry(s, w, f);
    }
    if (s->names > 0)
        qsort(s->name, s->names, sizeof *s->name, by_row);
    salvage_walk_close(w);
    free(w);
    return ok;
}

/* The first entry of a row; s->names: there is none. */
static size_t first_of(const struct ese_salvage *s, struct bytes row)
{
    struct halving h = {.high = s->names};
    while (halving_next(&h))
        halving_go(&h, bytes_compare(s->name[h.middle].row, row) < 0);
    return h.low < s->names && bytes_equal(s->name[h.low].row, row) ? h.low : s->names;
}

enum salvage_named salvage_named(const struct ese_salvage *s, struct bytes row, struct bytes record)
{
    size_t i = first_of(s, row);
    struct ese_record r;
    struct ese_keys *keys = i < s->names ? malloc(sizeof *keys) : NULL;
    enum salvage_named named = SALVAGE_NOT_NAMED;
    struct fault f;
    if (keys && salvage_catalog_record(s, record, &r) &&
        ese_keys_open(keys, NULL, NULL, ese_catalog_own_table(), build_own_index(NAME_INDEX), &f)) {
        ese_keys_of(keys, &r);
        if (ese_keys_next(keys, &f) == ESE_KEY_OK)
            named = SALVAGE_NAMED_OTHERWISE;
        for (; named == SALVAGE_NAMED_OTHERWISE && i < s->names && bytes_equal(s->name[i].row, row);
             i++)
            if (bytes_equal(s->name[i].key, ese_key_bytes(&keys->key)))
                named = SALVAGE_NAMED_SO;
    }
    free(keys);
    return named;
}

bool salvage_see_names(struct ese_salvage *s, struct fault *f)
{
    enum { NAME_MOST = 64 };
    for (size_t i = 0; i < s->rows; i++) {
        const struct salvage_schema_row *r = &s->row[i];
        struct ese_catalog_object o;
        char text[300];
        if (r->dbtime == 0 || salvage_named(s, r->key, r->record) != SALVAGE_NAMED_OTHERWISE ||
            !salvage_catalog_object(s, r->record, &o))
            continue;
        int size = o.name.size > NAME_MOST ? NAME_MOST : (int)o.name.size;
        snprintf(text, sizeof text,
                 "the catalog's own index of names has another name for what its row calls %.*s, "
                 "of object %u: one of them is wrong, and the row's is taken",
                 size, (const char *)o.name.at, o.table);
        if (!salvage_mend_note(s, r, text, false, f))
            return false;
    }
    salvage_mends_sort(s);
    return true;
}
