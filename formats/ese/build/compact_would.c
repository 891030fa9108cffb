/*
 * Whether a compaction would carry everything: see compact.h.  Reads the trees as the copy does and
 * asks the same of them, and writes nothing.
 */
#include "formats/ese/build/compact_parts.h"

#include <stdlib.h>

/* A walk over one tree. */
struct trial {
    struct compact *c;
    const struct ese_table *table;
    struct whole *whole; /* NULL: the tree is an index */
    bool long_values, unique;
    struct ese_cursor cursor;
    uint8_t last_key[ESE_KEY_ROOM], last_data[ESE_KEY_ROOM];
    size_t last_key_size, last_data_size; /* data: of index entries only */
};

/* The builder takes nodes in ascending order only. */
static bool in_order(struct trial *t, struct fault *f)
{
    const struct ese_cursor *cursor = &t->cursor;
    struct bytes key = bytes_of(t->last_key, t->last_key_size);
    int order = t->last_key_size == 0 ? -1 : bytes_compare(key, cursor->key);
    if (order == 0 && !t->unique)
        order =
            bytes_compare(bytes_of(t->last_data, t->last_data_size), cursor->data) <= 0 ? -1 : 1;
    if (order >= 0 || (t->whole == NULL && cursor->data.size > sizeof t->last_data))
        return fault_set(f, FAULT_DAMAGED, "page %u tag %u: its key is not above the one before",
                         cursor->leaf->number, cursor->index + cursor->leaf->reserved);
    memcpy(t->last_key, cursor->key.at, cursor->key.size);
    t->last_key_size = cursor->key.size;
    if (t->whole == NULL && cursor->data.size > 0)
        memcpy(t->last_data, cursor->data.at, cursor->data.size);
    t->last_data_size = t->whole ? 0 : cursor->data.size;
    return true;
}

static bool look_at_node(struct trial *t, struct fault *f)
{
    if (!compact_step(t->c, &t->cursor, f) || !in_order(t, f))
        return false;
    struct bytes data;
    if (t->whole == NULL)
        return true;
    return t->long_values ? whole_node(t->whole, &t->cursor, f)
                          : whole_row(t->whole, &t->cursor, f) &&
                                compact_record(t->c, t->table, &t->cursor, &data, f);
}

static bool walk(struct trial *t, uint32_t root, uint32_t objid, struct fault *f)
{
    enum ese_step step = ESE_STEP_FAULT;
    t->last_key_size = t->last_data_size = 0;
    ese_cursor_open(&t->cursor, t->c->db->pages, root, objid);
    t->cursor.reached = standing_reached(t->c->standing);
    bool ok = true;
    while (ok && (step = ese_cursor_next(&t->cursor, f)) == ESE_STEP_NODE)
        ok = look_at_node(t, f);
    ese_cursor_close(&t->cursor);
    return ok && step == ESE_STEP_END;
}

static bool walk_table(struct trial *t, const struct ese_table *table, struct fault *f)
{
    t->table = table;
    t->whole = whole_open(t->c, table, f);
    t->unique = true;
    t->long_values = true;
    bool ok = t->whole != NULL;
    if (ok && table->long_value_root != 0)
        ok = walk(t, table->long_value_root, table->long_value_objid, f) && whole_end(t->whole, f);
    t->long_values = false;
    ok = ok && walk(t, table->root, table->objid, f);
    whole_close(t->whole);
    t->whole = NULL;
    for (unsigned i = 0; ok && i < table->indexes; i++) {
        t->unique = table->index[i].flags & ESE_INDEX_UNIQUE;
        if (!(table->index[i].flags & ESE_INDEX_PRIMARY) && table->objid != ESE_OBJID_CATALOG)
            ok = walk(t, table->index[i].root, table->index[i].objid, f);
    }
    return ok || fault_context(f, "table %s", table->name);
}

bool ese_compact_would(struct ese_db *db, struct fault *f)
{
    struct ese_compact_options options = {.stop = NULL};
    struct ese_compact_result result = {.source_pages = ese_pages_last(db->pages)};
    struct compact c = {.db = db, .options = &options, .result = &result};
    struct trial *t = calloc(1, sizeof *t);
    if (t == NULL)
        return fault_no_memory(f, "reading the database");
    t->c = &c;
    bool ok = compact_source_fits(db, f) && (c.standing = standing_open(&c, f)) != NULL;
    for (unsigned i = 0; ok && i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *table = ese_catalog_table(db->catalog, i);
        if (table->objid != ESE_OBJID_CATALOG_SHADOW && !compact_leaves_behind(table))
            ok = walk_table(t, table, f);
    }
    ok = ok && standing_judge(c.standing, f);
    standing_close(c.standing);
    free(t);
    return ok;
}
