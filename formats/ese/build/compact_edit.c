/*
 * Editing during compaction: see edit/editor.h.
 *
 * A first walk over a table's rows finds which index entries go and come, and which long values
 * lose a reference or are new.  The copy of each tree then merges them in.  What is held in memory
 * is what changes.
 */
#include "formats/arena.h"
#include "formats/ese/build/compact_parts.h"
#include "formats/ese/read/key.h"
#include "formats/ese/read/longvalue.h"

#include <stdlib.h>

enum {
    INTRINSIC_MOST = 1023, /* longer values leave the record, as the engine has it */
    EMPTY_RECORD = 4,
};

struct edit_entry {
    uint32_t index, key_size;
    struct bytes both; /* key, then data */
};

struct entry_list {
    struct edit_entry *at;
    size_t count, room, next;
};

/* A value that gets a place in the long-value tree. */
struct new_value {
    struct bytes data;
    uint32_t lid;
};

/* What becomes of the row before the one at hand, while it is not known whether that has the same
 * primary key. */
struct row_before {
    uint8_t record[ESE_PAGE_SIZE_MAX];
    size_t size; /* 0: it goes */
    bool new_format;
};

struct edits {
    const struct ese_editor *editor;
    struct compact *c;
    const struct ese_table *table;
    struct drops *drops;
    struct arena memory;
    struct entry_list removed, added;
    struct entry_list held; /* entries that rows which stay have: of rows with one primary key */
    struct row_before before;
    struct new_value *value;
    size_t values, value_room, next_value;
    uint64_t last_lid; /* of the tree as it was */
    struct ese_key_scratch scratch;
    struct ese_keys keys;
    struct ese_cursor cursor;
    struct ese_row_edit edit;
    uint8_t record[ESE_PAGE_SIZE_MAX];
    uint8_t last_key[ESE_KEY_ROOM];
    size_t last_key_size;
    unsigned twin;
};

static bool no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for the changes to a table");
}

/* ---- index entries ---- */

static bool add_to_list(struct edits *e, struct entry_list *list, uint32_t index, struct bytes key,
                        struct bytes data, struct fault *f)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct edit_entry *more = realloc(list->at, room * sizeof *more);
        if (more == NULL)
            return no_memory(f);
        list->at = more;
        list->room = room;
    }
    uint8_t *both = arena_take(&e->memory, key.size + data.size + 1);
    if (both == NULL)
        return no_memory(f);
    if (key.size > 0)
        memcpy(both, key.at, key.size);
    if (data.size > 0)
        memcpy(both + key.size, data.at, data.size);
    list->at[list->count++] =
        (struct edit_entry){index, (uint32_t)key.size, bytes_of(both, key.size + data.size)};
    return true;
}

static struct bytes key_of(const struct edit_entry *entry)
{
    return bytes_of(entry->both.at, entry->key_size);
}

static struct bytes data_of(const struct edit_entry *entry)
{
    return bytes_from(entry->both, entry->key_size);
}

static int compare_entry(const struct edit_entry *entry, uint32_t index, struct bytes key,
                         struct bytes data)
{
    if (entry->index != index)
        return entry->index < index ? -1 : 1;
    int order = bytes_compare(key_of(entry), key);
    return order ? order : bytes_compare(data_of(entry), data);
}

static int compare_entries(const void *a, const void *b)
{
    const struct edit_entry *y = b;
    return compare_entry(a, y->index, key_of(y), data_of(y));
}

/* All entries that a record has in the indexes that `changes` (NULL: any) touch, into a list. */
static bool entries_of(struct edits *e, const struct ese_record *record, struct bytes primary,
                       const struct ese_row_edit *changes, struct entry_list *list, struct fault *f)
{
    for (unsigned i = 0; i < e->table->indexes; i++) {
        const struct ese_index *index = &e->table->index[i];
        bool touched = changes == NULL;
        for (unsigned s = 0; !touched && s < index->segments + index->conditions; s++) {
            const struct ese_key_segment *segment =
                s < index->segments ? &index->segment[s] : &index->condition[s - index->segments];
            const struct ese_column *column = ese_table_segment_column(e->table, segment);
            for (unsigned k = 0; k < changes->changes; k++)
                touched = touched || changes->change[k].column == column;
        }
        if ((index->flags & ESE_INDEX_PRIMARY) || !touched)
            continue;
        if (!ese_keys_open(&e->keys, &e->scratch, e->c->db->pages, e->table, index, f))
            return false;
        ese_keys_of(&e->keys, record);
        enum ese_key_result result;
        while ((result = ese_keys_next(&e->keys, f)) == ESE_KEY_OK)
            if (!add_to_list(e, list, i, ese_key_bytes(&e->keys.key), primary, f))
                return false;
        if (result == ESE_KEY_NOT_COMPUTABLE)
            return fault_set(f, FAULT_UNSUPPORTED, "index %s: its keys cannot be computed",
                             index->name);
        if (result == ESE_KEY_FAULT)
            return false;
    }
    return true;
}

/* ---- long values ---- */

static bool goes_out(const struct ese_change *change)
{
    return !change->null && ese_coltype_is_long(change->column->type) &&
           change->data.size > INTRINSIC_MOST;
}

static bool note_new_values(struct edits *e, struct fault *f)
{
    for (unsigned i = 0; i < e->edit.changes; i++) {
        const struct ese_change *change = &e->edit.change[i];
        if (!goes_out(change))
            continue;
        if (e->table->long_value_root == 0)
            return fault_set(
                f, FAULT_UNSUPPORTED,
                "column %s: a value of %zu bytes needs a long-value tree, which the table lacks",
                change->column->name, change->data.size);
        if (e->values == e->value_room) {
            size_t room = e->value_room ? e->value_room * 2 : 8;
            struct new_value *more = realloc(e->value, room * sizeof *more);
            if (more == NULL)
                return no_memory(f);
            e->value = more;
            e->value_room = room;
        }
        const void *kept = arena_copy(&e->memory, change->data);
        if (kept == NULL)
            return no_memory(f);
        e->value[e->values++].data = bytes_of(kept, change->data.size);
    }
    return true;
}

/* References of the columns that change, or of all, to long values. */
static bool drop_references(struct edits *e, const struct ese_record *record, bool all,
                            struct fault *f)
{
    for (unsigned i = 0; i < e->table->columns; i++) {
        const struct ese_column *column = &e->table->column[i];
        bool changes = all;
        for (unsigned k = 0; k < e->edit.changes; k++)
            changes = changes || e->edit.change[k].column == column;
        if (changes && ese_coltype_is_long(column->type) &&
            !drops_column(e->drops, record, column, all ? NULL : e->edit.change, e->edit.changes,
                          f))
            return false;
    }
    return true;
}

/* ---- the first walk ---- */

static bool change_record(struct edits *e, const struct ese_record *record, struct bytes *changed,
                          struct fault *f)
{
    size_t size;
    for (unsigned i = 0; i < e->edit.changes; i++) {
        struct ese_change *change = &e->edit.change[i];
        change->lid = 0;
        if (!goes_out(change))
            continue;
        /* During the first walk the id is not known yet; any of the same width gives the same keys.
         */
        change->lid = e->next_value < e->values && e->value[e->next_value].lid
                          ? e->value[e->next_value].lid
                          : UINT32_MAX / 2;
        e->next_value++;
    }
    if (!ese_record_change(record, e->edit.change, e->edit.changes, e->record, sizeof e->record,
                           &size, f))
        return false;
    *changed = bytes_of(e->record, size);
    return true;
}

static bool look_at_change(struct edits *e, const struct ese_record *record, struct bytes primary,
                           struct bytes *changed, struct fault *f)
{
    struct ese_record after;
    size_t at = e->next_value;
    if (!entries_of(e, record, primary, &e->edit, &e->removed, f) ||
        !drop_references(e, record, false, f) || !note_new_values(e, f) ||
        !change_record(e, record, changed, f))
        return false;
    e->next_value = at;
    for (unsigned i = 0; i < e->edit.changes; i++)
        e->next_value += goes_out(&e->edit.change[i]);
    return ese_record_open(&after, e->table, *changed, record->new_format,
                           ese_pages_size(e->c->db->pages), f) &&
           entries_of(e, &after, primary, &e->edit, &e->added, f);
}

/* ---- rows with one primary key ---- */

/* In an index, rows with one primary key and one key share one entry: it stays as long as one of
 * them does.  Where keys cannot be computed none is removed, either. */
static bool hold_entries(struct edits *e, struct bytes data, bool new_format, struct fault *f)
{
    struct ese_record record;
    if (!ese_record_open(&record, e->table, data, new_format, ese_pages_size(e->c->db->pages), f))
        return false;
    for (unsigned i = 0; i < e->table->indexes; i++) {
        const struct ese_index *index = &e->table->index[i];
        if ((index->flags & ESE_INDEX_PRIMARY) || !ese_index_computable(e->table, index))
            continue;
        if (!ese_keys_open(&e->keys, &e->scratch, e->c->db->pages, e->table, index, f))
            return false;
        ese_keys_of(&e->keys, &record);
        enum ese_key_result result;
        while ((result = ese_keys_next(&e->keys, f)) == ESE_KEY_OK)
            if (!add_to_list(e, &e->held, i, ese_key_bytes(&e->keys.key), e->cursor.key, f))
                return false;
        if (result == ESE_KEY_FAULT)
            return false;
    }
    return true;
}

/* Takes what becomes of the row at hand; empty: it goes. */
static bool settle_row(struct edits *e, struct bytes after, bool new_format, struct fault *f)
{
    struct row_before *before = &e->before;
    if (e->twin == 1 && before->size > 0 &&
        !hold_entries(e, bytes_of(before->record, before->size), before->new_format, f))
        return false;
    if (e->twin > 0 && after.size > 0 && !hold_entries(e, after, new_format, f))
        return false;
    if (after.size > 0)
        memcpy(before->record, after.at, after.size);
    before->size = after.size;
    before->new_format = new_format;
    return true;
}

static void count_twins(struct edits *e, struct bytes key)
{
    bool same = e->last_key_size > 0 && bytes_equal(key, bytes_of(e->last_key, e->last_key_size));
    e->twin = same ? e->twin + 1 : 0;
    memcpy(e->last_key, key.at, key.size);
    e->last_key_size = key.size;
}

static bool ask(struct edits *e, const struct ese_record *record, struct bytes key, struct fault *f)
{
    e->edit.fate = ESE_ROW_KEEP;
    e->edit.changes = 0;
    return e->editor->row(e->editor->context, e->table, record, key, e->twin, &e->edit, f);
}

/* The row that a cursor stands on, in the format that the copy has. */
static bool open_row(struct edits *e, const struct ese_cursor *cursor, struct ese_record *record,
                     struct bytes *data, struct fault *f)
{
    return compact_record(e->c, e->table, cursor, data, f) &&
           ese_record_open(record, e->table, *data,
                           e->c->db->headers.header.revision >= ESE_REVISION_ESE98,
                           ese_pages_size(e->c->db->pages), f);
}

static bool look_at_row(struct edits *e, struct fault *f)
{
    struct ese_record record;
    struct bytes data;
    count_twins(e, e->cursor.key);
    if (!open_row(e, &e->cursor, &record, &data, f) || !ask(e, &record, e->cursor.key, f))
        return false;
    switch (e->edit.fate) {
    case ESE_ROW_KEEP:
        return settle_row(e, data, record.new_format, f);
    case ESE_ROW_DROP:
        return entries_of(e, &record, e->cursor.key, NULL, &e->removed, f) &&
               drop_references(e, &record, true, f) &&
               settle_row(e, bytes_of(e->record, 0), record.new_format, f);
    case ESE_ROW_CHANGE:
        return look_at_change(e, &record, e->cursor.key, &data, f) &&
               settle_row(e, data, record.new_format, f);
    }
    return true;
}

/* The record and the primary key of the n-th row to be added. */
static bool make_added(struct edits *e, unsigned n, struct bytes *record, struct bytes *key,
                       bool *more, struct fault *f)
{
    static const uint8_t empty[EMPTY_RECORD] = {0, ESE_FIXED_LAST, EMPTY_RECORD, 0};
    struct ese_record blank, made;
    bool new_format = e->c->db->headers.header.revision >= ESE_REVISION_ESE98;
    size_t page_size = ese_pages_size(e->c->db->pages);
    e->edit.fate = ESE_ROW_CHANGE;
    e->edit.changes = 0;
    *more = false;
    if (e->editor->add == NULL)
        return true;
    if (!e->editor->add(e->editor->context, e->table, n, &e->edit, more, f) || !*more)
        return !*more && (f == NULL || f->code == FAULT_NONE);
    if (!ese_record_open(&blank, e->table, bytes_of(empty, sizeof empty), new_format, page_size,
                         f) ||
        !change_record(e, &blank, record, f) ||
        !ese_record_open(&made, e->table, *record, new_format, page_size, f))
        return false;
    for (unsigned i = 0; i < e->table->indexes; i++) {
        if (!(e->table->index[i].flags & ESE_INDEX_PRIMARY))
            continue;
        if (!ese_keys_open(&e->keys, &e->scratch, e->c->db->pages, e->table, &e->table->index[i],
                           f))
            return false;
        ese_keys_of(&e->keys, &made);
        if (ese_keys_next(&e->keys, f) != ESE_KEY_OK)
            return fault_set(f, FAULT_UNSUPPORTED, "index %s: its key cannot be computed",
                             e->table->index[i].name);
        *key = ese_key_bytes(&e->keys.key);
        return true;
    }
    return fault_set(f, FAULT_UNSUPPORTED,
                     "a row cannot be added to a table without a primary index");
}

static bool look_at_added(struct edits *e, struct fault *f)
{
    for (unsigned n = 0;; n++) {
        struct bytes record, key;
        struct ese_record made;
        uint8_t primary[ESE_KEY_MOST];
        bool more;
        if (!make_added(e, n, &record, &key, &more, f))
            return false;
        if (!more)
            return true;
        size_t size = key.size; /* the keys of the other indexes overwrite it */
        memcpy(primary, key.at, size);
        if (!note_new_values(e, f) ||
            !ese_record_open(&made, e->table, record,
                             e->c->db->headers.header.revision >= ESE_REVISION_ESE98,
                             ese_pages_size(e->c->db->pages), f) ||
            !entries_of(e, &made, bytes_of(primary, size), NULL, &e->added, f))
            return false;
    }
}

/* Sorts a list.  once: of equal entries one is left, as an index has it. */
static void sort_list(struct entry_list *list, bool once)
{
    size_t kept = 0;
    if (list->count > 0)
        qsort(list->at, list->count, sizeof *list->at, compare_entries);
    for (size_t i = 0; i < list->count; i++)
        if (!once || kept == 0 || compare_entries(&list->at[kept - 1], &list->at[i]) != 0)
            list->at[kept++] = list->at[i];
    list->count = kept;
    list->next = 0;
}

/* Takes out of what is removed that which rows that stay have. */
static void keep_held(struct edits *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->removed.count; i++)
        if (e->held.count == 0 || bsearch(&e->removed.at[i], e->held.at, e->held.count,
                                          sizeof *e->held.at, compare_entries) == NULL)
            e->removed.at[kept++] = e->removed.at[i];
    e->removed.count = kept;
}

bool edits_find(struct compact *c, const struct ese_table *table, struct drops *drops,
                struct edits **out, struct fault *f)
{
    const struct ese_editor *editor = c->options->editor;
    *out = NULL;
    if (editor == NULL || !editor->wants(editor->context, table))
        return true;
    struct edits *e = calloc(1, sizeof *e);
    if (e == NULL)
        return no_memory(f);
    *out = e;
    e->editor = editor;
    e->c = c;
    e->table = table;
    e->drops = drops;
    ese_cursor_open(&e->cursor, c->db->pages, table->root, table->objid);
    bool ok = true;
    for (enum ese_step step; ok && (step = ese_cursor_next(&e->cursor, f)) != ESE_STEP_END;)
        ok = step == ESE_STEP_NODE && compact_step(c, &e->cursor, f) && look_at_row(e, f);
    ese_cursor_close(&e->cursor);
    ok = ok && look_at_added(e, f);
    sort_list(&e->removed, false);
    sort_list(&e->added, true);
    sort_list(&e->held, true);
    keep_held(e);
    drops_sort(drops);
    e->next_value = 0;
    e->last_key_size = 0;
    return ok || fault_context(f, "table %s", table->name);
}

void edits_close(struct edits *e)
{
    if (e == NULL)
        return;
    arena_free(&e->memory);
    free(e->removed.at);
    free(e->added.at);
    free(e->held.at);
    free(e->value);
    free(e);
}

/* ---- the copy ---- */

bool edits_row(struct edits *e, struct ese_build_table *to, const struct ese_cursor *cursor,
               struct fault *f)
{
    struct ese_record record;
    struct bytes changed, data;
    count_twins(e, cursor->key);
    if (!open_row(e, cursor, &record, &data, f) || !ask(e, &record, cursor->key, f))
        return false;
    switch (e->edit.fate) {
    case ESE_ROW_DROP:
        e->c->result->dropped_rows++;
        return true;
    case ESE_ROW_CHANGE:
        return change_record(e, &record, &changed, f) &&
               ese_build_raw_row(to, cursor->key, changed, f);
    case ESE_ROW_KEEP:
        break;
    }
    return ese_build_raw_row(to, cursor->key, data, f);
}

bool edits_added_rows(struct edits *e, struct ese_build_table *to, struct fault *f)
{
    for (unsigned n = 0;; n++) {
        struct bytes record, key;
        bool more;
        if (!make_added(e, n, &record, &key, &more, f))
            return false;
        if (!more)
            return true;
        if (!ese_build_raw_row(to, key, record, f))
            return false;
    }
}

static bool write_added(struct edits *e, struct ese_build_table *to, struct fault *f)
{
    const struct edit_entry *entry = &e->added.at[e->added.next++];
    return ese_build_raw_index_entry(to, entry->index, key_of(entry), data_of(entry), f);
}

bool edits_entry(struct edits *e, struct ese_build_table *to, unsigned index,
                 const struct ese_cursor *cursor, bool *removed, struct fault *f)
{
    while (e->added.next < e->added.count &&
           compare_entry(&e->added.at[e->added.next], index, cursor->key, cursor->data) < 0)
        if (!write_added(e, to, f))
            return false;
    while (e->removed.next < e->removed.count &&
           compare_entry(&e->removed.at[e->removed.next], index, cursor->key, cursor->data) < 0)
        e->removed.next++;
    *removed =
        e->removed.next < e->removed.count &&
        compare_entry(&e->removed.at[e->removed.next], index, cursor->key, cursor->data) == 0;
    if (*removed)
        e->removed.next++;
    else if (e->added.next < e->added.count &&
             compare_entry(&e->added.at[e->added.next], index, cursor->key, cursor->data) == 0)
        e->added.next++; /* a row with the same primary key has it, and keeps it */
    return true;
}

bool edits_index_end(struct edits *e, struct ese_build_table *to, unsigned index, struct fault *f)
{
    while (e->added.next < e->added.count && e->added.at[e->added.next].index <= index)
        if (!write_added(e, to, f))
            return false;
    return true;
}

void edits_saw_lid(struct edits *e, uint64_t lid)
{
    if (lid > e->last_lid)
        e->last_lid = lid;
}

static bool write_value(struct edits *e, struct ese_build_table *to, struct bytes data,
                        uint32_t lid, struct fault *f)
{
    struct ese_lv_key key = {.lid = lid, .root = true};
    uint8_t room[12], root[8];
    uint32_t chunk = ese_lv_chunk_size(e->table, ese_pages_size(e->c->db->pages));
    bytes_put_le32(root, 1); /* one reference */
    bytes_put_le32(root + 4, data.size);
    bool ok = ese_build_raw_long_value_node(to, bytes_of(room, ese_lv_key_write(&key, room)),
                                            bytes_of(root, sizeof root), f);
    key.root = false;
    for (size_t at = 0; ok && at < data.size; at += chunk) {
        struct bytes part = bytes_from(data, at);
        if (part.size > chunk)
            part.size = chunk;
        key.offset = (uint32_t)at;
        ok = ese_build_raw_long_value_node(to, bytes_of(room, ese_lv_key_write(&key, room)), part,
                                           f);
    }
    return ok;
}

bool edits_long_values(struct edits *e, struct ese_build_table *to, struct fault *f)
{
    if (e->values > 0 && e->last_lid + e->values > INT32_MAX)
        return fault_set(f, FAULT_UNSUPPORTED, "the table's long values have 64-bit ids");
    for (size_t i = 0; i < e->values; i++) {
        e->value[i].lid = (uint32_t)(e->last_lid + 1 + i);
        if (!write_value(e, to, e->value[i].data, e->value[i].lid, f))
            return false;
    }
    return true;
}
