/*
 * Whether the values of a table are whole: a compaction carries long values and rows byte for byte,
 * so it has to see that every long value has all of its chunks, and that every one that a row
 * refers to is there.
 *
 * Of each long value its id is kept, in 8 bytes; the tree has them in ascending order.
 */
#include "formats/ese/build/compact_parts.h"

#include "formats/array.h"
#include "formats/ese/layout/compress.h"
#include "formats/ese/read/longvalue.h"

#include <inttypes.h>
#include <stdlib.h>

struct whole {
    const struct ese_table *table;
    struct ese_record_limits limits;
    uint32_t chunk; /* size of a full chunk */
    uint32_t revision;
    /* the long value at hand */
    bool open, judged; /* judged: not when it is being deleted */
    struct ese_lv_key key;
    struct ese_lv_root root;
    uint32_t seen, page;
    /* those that are whole */
    uint64_t *lid;
    size_t lids, room;
    uint8_t unpacked[ESE_DECOMPRESSED_MAX];
};

struct whole *whole_open(const struct compact *c, const struct ese_table *table, struct fault *f)
{
    struct whole *w = calloc(1, sizeof *w);
    if (w == NULL) {
        fault_no_memory(f, "the long values of a table");
        return NULL;
    }
    w->table = table;
    w->chunk = ese_lv_chunk_size(table, ese_pages_size(c->db->pages));
    w->revision = c->db->headers.header.revision;
    ese_record_limits_of(&w->limits, table);
    return w;
}

void whole_close(struct whole *w)
{
    if (w)
        free(w->lid);
    free(w);
}

/* ---- long values ---- */

static bool keep_lid(struct whole *w, uint64_t lid, struct fault *f)
{
    if (!array_reserve(&w->lid, &w->room, w->lids + 1, sizeof *w->lid))
        return fault_no_memory(f, "the long values of a table");
    w->lid[w->lids++] = lid;
    return true;
}

bool whole_end(struct whole *w, struct fault *f)
{
    bool ok = !w->open || !w->judged || w->seen == w->root.size;
    w->open = false;
    return ok ||
           fault_set(f, FAULT_DAMAGED,
                     "page %u: long value %" PRIu64 " is not whole: expected %u bytes, found %u",
                     w->page, w->key.lid, w->root.size, w->seen);
}

static bool begin(struct whole *w, const struct ese_cursor *cursor, const struct ese_lv_key *key,
                  struct fault *f)
{
    if (!whole_end(w, f))
        return false;
    if (!ese_lv_root_read(cursor->data, &w->root))
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: long value %" PRIu64 " has a root of %zu bytes, expected 8 or 9",
                         cursor->leaf->number, key->lid, cursor->data.size);
    w->open = true;
    w->judged = w->root.references != 0 && w->root.references != ESE_LV_PARTLY_DELETED;
    w->key = *key;
    w->seen = 0;
    w->page = cursor->leaf->number;
    return !w->judged || keep_lid(w, key->lid, f);
}

bool whole_node(struct whole *w, const struct ese_cursor *cursor, struct fault *f)
{
    struct ese_lv_key key;
    if (!ese_lv_key_read(cursor->key, &key))
        return fault_set(f, FAULT_DAMAGED, "page %u: a long value's key of %zu bytes",
                         cursor->leaf->number, cursor->key.size);
    if (key.root)
        return begin(w, cursor, &key, f);
    if (!w->open || key.lid != w->key.lid || key.wide != w->key.wide)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: a chunk of long value %" PRIu64 ", which has no root before it",
                         cursor->leaf->number, key.lid);
    if (!w->judged)
        return true;
    uint32_t left = w->root.size - w->seen, share = left < w->chunk ? left : w->chunk;
    if (key.offset != w->seen || share == 0 ||
        !ese_lv_fills_share(w->revision, &w->root, cursor->data, share, w->unpacked))
        return fault_set(f, FAULT_DAMAGED,
                         "page %u: long value %" PRIu64
                         " of %u bytes is not whole: expected %u bytes at offset %u, found a "
                         "chunk of %zu at offset %u",
                         cursor->leaf->number, key.lid, w->root.size, share, w->seen,
                         cursor->data.size, key.offset);
    w->seen += share;
    return true;
}

/* ---- rows ---- */

static bool has_lid(const struct whole *w, uint64_t lid)
{
    struct halving h = {.high = w->lids};
    while (halving_next(&h))
        halving_go(&h, w->lid[h.middle] < lid);
    return h.low < w->lids && w->lid[h.low] == lid;
}

static bool judge_value(void *context, const struct ese_value *value, struct fault *f)
{
    struct whole *w = context;
    if (value->kind == ESE_VALUE_COMPRESSED)
        return ese_value_unpacks(w->revision, value, w->unpacked, f);
    if (has_lid(w, value->lid))
        return true;
    return fault_set(f, FAULT_DAMAGED,
                     "the row refers to long value %" PRIu64 ", which does not exist", value->lid);
}

bool whole_row(struct whole *w, const struct ese_cursor *cursor, struct fault *f)
{
    struct ese_record record;
    return (ese_record_on_page(&record, w->table, cursor->leaf, cursor->data, f) &&
            ese_record_check(&record, &w->limits, judge_value, w, f)) ||
           fault_context(f, "page %u tag %u", cursor->leaf->number,
                         cursor->index + cursor->leaf->reserved);
}
