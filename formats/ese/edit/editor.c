/*
 * Rows of a database that is changed in place, as an editor wants them: see edit/editor.h and
 * edit/parts.h.
 *
 * A first walk over a table asks about every row and notes which ones go or change, and in how many
 * pages: when there is no room for those, nothing is begun.  They are then changed from the last to
 * the first, so that of several rows with one key the numbers of those still to come hold.
 */
#include "formats/ese/edit/parts.h"

#include "formats/array.h"

#include <stdlib.h>

struct noted {
    struct bytes key;
    unsigned twin;
};

struct editing {
    struct ese_inplace *ip;
    const struct ese_editor *editor;
    const struct ese_table *table;
    struct noted *noted;
    size_t count, room;
    struct arena memory;
    struct ese_row_edit edit;
    struct ese_cursor cursor;
    uint8_t last_key[ESE_KEY_ROOM];
    size_t last_key_size;
    unsigned twin;
    uint32_t leaf; /* of the row noted last */
    size_t leaves; /* with rows that were noted, and that had not changed before */
};

static bool stopped(const struct ese_inplace *ip, struct fault *f)
{
    return ip->options.stop && *ip->options.stop && !fault_set(f, FAULT_LIMIT, "interrupted");
}

static bool ask(struct editing *e, const struct ese_record *record, struct bytes key, unsigned twin,
                struct fault *f)
{
    e->edit.fate = ESE_ROW_KEEP;
    e->edit.changes = 0; /* not all of its room made zero: that would cost more than the question */
    return e->editor->row(e->editor->context, e->table, record, key, twin, &e->edit, f);
}

static void count_twins(struct editing *e, struct bytes key)
{
    bool same = e->last_key_size > 0 && bytes_equal(key, bytes_of(e->last_key, e->last_key_size));
    e->twin = same ? e->twin + 1 : 0;
    if (key.size > 0)
        memcpy(e->last_key, key.at, key.size);
    e->last_key_size = key.size;
}

static bool note(struct editing *e, struct bytes key, struct fault *f)
{
    if (!array_reserve(&e->noted, &e->room, e->count + 1, sizeof *e->noted))
        return inplace_no_memory(f);
    const uint8_t *copy = arena_copy(&e->memory, key);
    if (copy == NULL)
        return inplace_no_memory(f);
    e->noted[e->count++] = (struct noted){bytes_of(copy, key.size), e->twin};
    uint32_t leaf = e->cursor.leaf->number;
    e->leaves += leaf != e->leaf && !inplace_is_held(e->ip, leaf);
    e->leaf = leaf;
    return true;
}

/* Room for the pages in which rows change; those of indexes, and new ones, come on top. */
static bool have_room(const struct editing *e, struct fault *f)
{
    const struct ese_inplace *ip = e->ip;
    if (ip->options.copy || e->leaves <= ip->pages_most - ip->pages)
        return true;
    return fault_set(f, FAULT_LIMIT,
                     "%zu rows of table %.60s change, in %zu pages, and there is room for %zu; a "
                     "copy (-o NEW) has no such limit",
                     e->count, e->table->name, e->leaves, ip->pages_most - ip->pages);
}

static bool look_at_rows(struct editing *e, struct fault *f)
{
    enum ese_step step;
    bool ok = true;
    ese_cursor_open(&e->cursor, e->ip->db->pages, e->table->root, e->table->objid);
    while (ok && (step = ese_cursor_next(&e->cursor, f)) != ESE_STEP_END) {
        struct ese_record record;
        if (step != ESE_STEP_NODE || stopped(e->ip, f)) {
            ok = false;
            break;
        }
        count_twins(e, e->cursor.key);
        ok = ese_record_on_page(&record, e->table, e->cursor.leaf, e->cursor.data, f) &&
             ask(e, &record, e->cursor.key, e->twin, f) &&
             (e->edit.fate == ESE_ROW_KEEP || note(e, e->cursor.key, f));
    }
    ese_cursor_close(&e->cursor);
    return ok;
}

/* The row as it is now, asked about once more: data of changes are only lent until the next
 * question. */
static bool apply(struct editing *e, const struct noted *noted, struct fault *f)
{
    struct inplace_row row;
    bool ok = inplace_row_open(&row, e->ip, e->table, noted->key, noted->twin, f) &&
              ask(e, &row.record, noted->key, noted->twin, f);
    if (ok && e->edit.fate == ESE_ROW_DROP)
        ok = inplace_row_drop(&row, f);
    else if (ok && e->edit.fate == ESE_ROW_CHANGE)
        ok = inplace_row_change(&row, e->edit.change, e->edit.changes, f);
    inplace_row_close(&row); /* only now: what the editor gives may point into the row */
    return ok && inplace_give_back(e->ip, f) && inplace_make_room(e->ip, f);
}

static bool add_rows(struct editing *e, struct fault *f)
{
    if (e->editor->add == NULL)
        return true;
    for (unsigned n = 0;; n++) {
        struct fault inner = {.code = FAULT_NONE};
        bool more = false;
        memset(&e->edit, 0, sizeof e->edit);
        bool ok = e->editor->add(e->editor->context, e->table, n, &e->edit, &more, &inner);
        if (inner.code != FAULT_NONE && f)
            *f = inner;
        if (inner.code != FAULT_NONE || (!ok && more))
            return false;
        if (!more)
            return true;
        if (stopped(e->ip, f) ||
            !inplace_add(e->ip, e->table, e->edit.change, e->edit.changes, f) ||
            !inplace_make_room(e->ip, f))
            return false;
    }
}

static bool edit_table(struct editing *e, struct fault *f)
{
    e->count = e->last_key_size = e->leaves = 0;
    e->twin = e->leaf = 0;
    bool ok = inplace_ready(e->ip, e->table, f) && look_at_rows(e, f) && have_room(e, f);
    for (size_t i = e->count; ok && i-- > 0;)
        ok = !stopped(e->ip, f) && apply(e, &e->noted[i], f);
    ok = ok && add_rows(e, f);
    arena_free(&e->memory);
    return inplace_done(e->ip, ok, f);
}

bool ese_inplace_edit(struct ese_inplace *ip, const struct ese_editor *editor, struct fault *f)
{
    struct editing *e = calloc(1, sizeof *e);
    if (e == NULL)
        return inplace_no_memory(f);
    e->ip = ip;
    e->editor = editor;
    bool ok = true;
    for (unsigned i = 0; ok && i < ese_catalog_tables(ip->db->catalog); i++) {
        e->table = ese_catalog_table(ip->db->catalog, i);
        if (editor->wants(editor->context, e->table))
            ok = edit_table(e, f);
    }
    free(e->noted);
    free(e);
    return ok;
}
