/*
 * Rows against index entries, for the structural check: see check/parts.h.
 *
 * Both sides are compared as multisets of (key, bookmark), by sums of hashes: that costs a few
 * nanoseconds an entry and no memory.  Only where the sums differ are single rows and entries
 * looked for, in the buckets that differ.
 */
#include "formats/ese/check/parts.h"

#include "formats/array.h"

#include <stdlib.h>

enum {
    KEYS_OF_ROW_MOST = 8192, /* more keys of one row than this are not compared */
    ENTRY_SIZE_LEAST = 8,    /* bytes that an entry takes at least: bounds the keys computed */
    ITEMS_MOST = 512 * 1024, /* rows and entries held at one time when looking for differences */
    ROUNDS_MOST = 4,         /* how often an index is gone through for that */
};

/* ---- hashes ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load8(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t load4(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Up to 16 bytes as two numbers; loads overlap, so that no size needs a loop. */
static void load(struct bytes b, uint64_t *x, uint64_t *y)
{
    *x = *y = 0;
    if (b.size >= 8) {
        *x = load8(b.at);
        *y = load8(b.at + b.size - 8);
    } else if (b.size >= 4) {
        *x = load4(b.at);
        *y = load4(b.at + b.size - 4);
    } else if (b.size > 0) {
        *x = (uint64_t)b.at[0] << 16 | (uint64_t)b.at[b.size / 2] << 8 | b.at[b.size - 1];
    }
}

uint64_t check_hash(uint64_t seed, struct bytes b)
{
    const uint64_t k0 = 0x9e3779b97f4a7c15u, k1 = 0xd1b54a32d192ed03u, k2 = 0x8cb92ba72f3d8dd7u;
    uint64_t x, y, h = mix(seed ^ k0, b.size ^ k1);
    for (; b.size > 16; b = bytes_from(b, 16))
        h = mix(h ^ load8(b.at), load8(b.at + 8) ^ k1);
    load(b, &x, &y);
    return mix(h ^ x ^ k2, y ^ mix(h, k0));
}

bool check_sums_zero(const struct check_sums *sums)
{
    for (unsigned i = 0; i < CHECK_BUCKETS; i++)
        if (sums->bucket[i] != 0)
            return false;
    return true;
}

bool check_sums_choose(struct check_sums *left, uint64_t most, bool chosen[CHECK_BUCKETS])
{
    bool any = false;
    memset(chosen, 0, CHECK_BUCKETS * sizeof *chosen);
    for (unsigned i = 0; i < CHECK_BUCKETS && most > 0; i++) {
        if (left->bucket[i] == 0)
            continue;
        left->bucket[i] = 0;
        chosen[i] = any = true;
        most--;
    }
    return any;
}

/* ---- one side: rows ---- */

static void give_up(struct check_agreement *a, const char *why)
{
    a->judged = false;
    a->why = why;
}

void check_agreement_open(struct check_table *t, struct check_agreement *a,
                          const struct ese_index *index)
{
    struct fault f;
    *a = (struct check_agreement){.index = index, .judged = true};
    if (index->flags & ESE_INDEX_DEFERRED) {
        give_up(a, "the engine has not yet built the whole index");
        return;
    }
    if (!ese_keys_open(&a->keys, &t->c->scratch, t->c->db->pages, t->table, index, &f)) {
        check_found(t->c, ESE_RULE_CATALOG_OBJECT, 0, CHECK_NO_TAG, "%s", f.text);
        give_up(a, "its columns are not in the catalog");
        return;
    }
    a->exact = ese_index_computable(t->table, index);
    a->keys.count_only = !a->exact;
    /* Different values may have the same sort key; then a row has one entry for both. */
    a->loose = !a->exact && (index->tuples || a->keys.last_several >= 0);
}

/* Equal keys of one row make one entry.  True when the hash is new. */
static bool is_new(struct check_table *t, uint64_t hash)
{
    for (size_t i = 0; i < t->row_hashes; i++)
        if (t->row_hash[i] == hash)
            return false;
    if (!array_reserve(&t->row_hash, &t->row_hash_room, t->row_hashes + 1, sizeof *t->row_hash)) {
        t->c->no_memory = true;
        return true;
    }
    t->row_hash[t->row_hashes++] = hash;
    return true;
}

/* Goes through the keys that a row has in an index; *hash is the entry's.  False at the end. */
static bool next_of_row(struct check_table *t, struct check_agreement *a, uint64_t *hash)
{
    while (!a->keys.done) {
        struct fault f;
        if (a->tries++ > ese_file_size(t->c->file) / ENTRY_SIZE_LEAST + KEYS_OF_ROW_MOST) {
            give_up(a, "the rows give more keys in it than the file has room for");
            return false;
        }
        switch (ese_keys_next(&a->keys, &f)) {
        case ESE_KEY_OK:
            break;
        case ESE_KEY_NONE:
            return false;
        case ESE_KEY_NOT_COMPUTABLE:
            if (!a->index->tuples)
                give_up(a, "a row's key in it cannot be computed");
            return false;
        case ESE_KEY_FAULT:
            give_up(a, "a row's columns for it cannot be read");
            return false;
        }
        *hash = t->bookmark_hash;
        if (!a->exact)
            return true;
        *hash = check_hash(t->bookmark_hash, ese_key_bytes(&a->keys.key));
        if (a->keys.last_several < 0 || is_new(t, *hash))
            return true;
        if (t->row_hashes > KEYS_OF_ROW_MOST) {
            give_up(a, "a row has too many keys in it");
            return false;
        }
    }
    return false;
}

static void begin_row(struct check_table *t, struct check_agreement *a,
                      const struct ese_record *record)
{
    t->row_hashes = 0;
    ese_keys_of(&a->keys, record);
}

void check_agreement_row(struct check_table *t, struct check_agreement *a,
                         const struct ese_record *record)
{
    uint64_t hash, keys = 0;
    begin_row(t, a, record);
    for (; next_of_row(t, a, &hash); keys++)
        check_sums_add(&a->sums, hash);
    a->expected += keys;
    a->rows += keys > 0;
}

/* ---- the other side: entries ---- */

static uint64_t hash_of_entry(const struct check_agreement *a, struct bytes key, struct bytes data)
{
    uint64_t bookmark = check_hash(0, data);
    return a->exact ? check_hash(bookmark, key) : bookmark;
}

static void judge_entry(void *context, const struct ese_page *page, int tag, struct bytes key,
                        struct bytes data)
{
    struct check_agreement *a = context;
    (void)page;
    (void)tag;
    a->entries++;
    check_sums_subtract(&a->sums, hash_of_entry(a, key, data));
}

static void entries_gap(void *context)
{
    give_up(context, "entries of it cannot be read");
}

void check_index_tree(struct check_table *t, struct check_agreement *a)
{
    struct check *c = t->c;
    struct check_space space = {
        .root = a->index->root,
        .objid = a->index->objid,
        .parent = t->table->root,
        .kind = CHECK_INDEX,
        .unique = a->index->flags & ESE_INDEX_UNIQUE,
        .from = &c->table_owned,
        .owned = &c->part_owned,
        .taken = &c->of_part,
    };
    struct check_tree tree = {
        .root = a->index->root,
        .objid = a->index->objid,
        .kind = CHECK_INDEX,
        .unique = space.unique,
        .owned = &c->part_owned,
        .node = judge_entry,
        .gap = entries_gap,
        .context = a,
    };
    check_space_read(c, &space);
    check_tree_walk(c, &tree);
    c->summary->index_entries += a->entries;
}

/* ---- which rows and entries differ ---- */

struct item {
    uint64_t hash, bookmark;
    uint32_t page;
    uint16_t tag;
    bool entry; /* of the index; otherwise a row's key */
};

struct search {
    struct check_table *t;
    struct check_agreement *a;
    struct item *item;
    size_t count;
    bool bucket[CHECK_BUCKETS]; /* looked at in this round */
};

static void add_item(struct search *s, uint64_t hash, uint64_t bookmark,
                     const struct ese_cursor *at, bool entry)
{
    if (s->bucket[hash % CHECK_BUCKETS] && s->count < ITEMS_MOST)
        s->item[s->count++] = (struct item){hash, bookmark, at->leaf->number,
                                            (uint16_t)(at->index + at->leaf->reserved), entry};
}

static void collect_rows(struct search *s)
{
    struct check_table *t = s->t;
    struct ese_cursor cursor;
    struct fault f;
    ese_cursor_open(&cursor, t->c->db->pages, t->table->root, t->table->objid);
    while (ese_cursor_next(&cursor, &f) == ESE_STEP_NODE) {
        struct ese_record record;
        uint64_t hash;
        if (!ese_record_on_page(&record, t->table, cursor.leaf, cursor.data, &f))
            continue;
        t->bookmark_hash = check_hash(0, cursor.key);
        begin_row(t, s->a, &record);
        while (next_of_row(t, s->a, &hash))
            add_item(s, hash, t->bookmark_hash, &cursor, false);
    }
    ese_cursor_close(&cursor);
}

static void collect_entries(struct search *s)
{
    struct ese_cursor cursor;
    struct fault f;
    ese_cursor_open(&cursor, s->t->c->db->pages, s->a->index->root, s->a->index->objid);
    while (ese_cursor_next(&cursor, &f) == ESE_STEP_NODE)
        add_item(s, hash_of_entry(s->a, cursor.key, cursor.data), check_hash(0, cursor.data),
                 &cursor, true);
    ese_cursor_close(&cursor);
}

static int by_hash(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

static int by_bookmark(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->bookmark != b->bookmark)
        return a->bookmark < b->bookmark ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

/* Leaves only the items that have no partner on the other side. */
static void drop_pairs(struct search *s)
{
    size_t kept = 0;
    if (s->count > 1)
        qsort(s->item, s->count, sizeof *s->item, by_hash);
    for (size_t i = 0, end; i < s->count; i = end) {
        size_t rows = 0;
        for (end = i; end < s->count && s->item[end].hash == s->item[i].hash; end++)
            rows += !s->item[end].entry;
        size_t entries = end - i - rows, pairs = rows < entries ? rows : entries;
        for (size_t k = i + pairs; k < i + rows; k++)
            s->item[kept++] = s->item[k];
        for (size_t k = i + rows + pairs; k < end; k++)
            s->item[kept++] = s->item[k];
    }
    s->count = kept;
}

/* An entry that an item stands for, in rooms of the check that no walk uses now. */
struct lone_entry {
    struct ese_index_entry is;
    uint64_t dbtime; /* of its page */
};

static bool read_entry(struct search *s, const struct item *item, struct lone_entry *entry)
{
    struct check *c = s->t->c;
    const struct ese_page *page;
    struct ese_node node;
    if (!ese_pages_get_sound(c->db->pages, item->page, &page, NULL))
        return false;
    *entry = (struct lone_entry){.is.index = s->a->index, .dbtime = page->dbtime};
    bool ok = ese_page_node(page, item->tag - page->reserved, &node, NULL) &&
              ese_node_key(&node, c->key_room, sizeof c->key_room, &entry->is.key) &&
              node.data.size <= sizeof c->last_data_room;
    if (ok && node.data.size > 0)
        memcpy(c->last_data_room, node.data.at, node.data.size);
    if (ok)
        entry->is.row = bytes_of(c->last_data_room, node.data.size);
    ese_pages_put(c->db->pages, page);
    return ok;
}

/* Is there no row that the entry points at?  Then *entry says why. */
static bool is_dangling(struct search *s, struct lone_entry *entry)
{
    struct check *c = s->t->c;
    struct ese_cursor cursor;
    ese_cursor_open(&cursor, c->db->pages, s->t->table->root, s->t->table->objid);
    enum ese_step step = ese_cursor_seek(&cursor, entry->is.row, NULL);
    bool found = step == ESE_STEP_NODE && bytes_equal(cursor.key, entry->is.row);
    entry->is.row_removed = step != ESE_STEP_FAULT && cursor.sought_dbtime > entry->dbtime;
    /* A page that was written after the header belongs to a change that the header does not know
     * of: the file was copied while in use.  The engine attaches such files and passes over the
     * entry. */
    entry->is.unfinished = entry->dbtime > c->db->headers.header.dbtime;
    ese_cursor_close(&cursor);
    return !found;
}

static void tell_dangling(struct search *s, const struct item *item, const struct lone_entry *entry)
{
    struct check *c = s->t->c;
    const char *name = s->a->index->name;
    c->entry = &entry->is;
    if (entry->is.unfinished)
        check_advise_eseutil(
            c, ESE_RULE_INDEX_DANGLING, item->page, item->tag,
            "the entry of index %s, on a page newer than the header, points at a row that does "
            "not exist: left by a change that was not finished",
            name);
    else
        check_found(c, ESE_RULE_INDEX_DANGLING, item->page, item->tag,
                    "the entry of index %s points at a row that does not exist%s", name,
                    entry->is.row_removed ? ": the row was removed, and the write that removed its "
                                            "entry was lost"
                                          : "");
    c->entry = NULL;
}

static void tell_lone_entry(struct search *s, const struct item *item)
{
    const char *name = s->a->index->name;
    struct lone_entry entry;
    if (read_entry(s, item, &entry) && is_dangling(s, &entry))
        tell_dangling(s, item, &entry);
    else if (s->a->exact)
        check_found(s->t->c, ESE_RULE_INDEX_WRONG_KEY, item->page, item->tag,
                    "the entry of index %s has a key that its row does not give", name);
    else
        check_found(s->t->c, ESE_RULE_INDEX_COUNT, item->page, item->tag,
                    "the entry of index %s is one more than its row gives", name);
}

/* A row and an entry of the same bookmark belong together: the entry has the wrong key. */
static void tell_items(struct search *s)
{
    if (s->count > 1)
        qsort(s->item, s->count, sizeof *s->item, by_bookmark);
    for (size_t i = 0, end; i < s->count; i = end) {
        size_t rows = 0;
        for (end = i; end < s->count && s->item[end].bookmark == s->item[i].bookmark; end++)
            rows += !s->item[end].entry;
        size_t entries = end - i - rows;
        for (size_t k = i + rows; k < end; k++)
            tell_lone_entry(s, &s->item[k]);
        for (size_t k = i; k < i + rows && entries < rows; k++, entries++)
            check_found(s->t->c, ESE_RULE_INDEX_MISSING_ENTRY, s->item[k].page, s->item[k].tag,
                        "the row has no entry in index %s", s->a->index->name);
    }
}

/* Chooses buckets that differ, as many as are sure to fit.  False when none is left. */
static bool choose_buckets(struct search *s, struct check_sums *left)
{
    uint64_t each = (s->a->expected + s->a->entries) / CHECK_BUCKETS * 2 + 64;
    return check_sums_choose(left, ITEMS_MOST / each, s->bucket);
}

static void search_differences(struct check_table *t, struct check_agreement *a)
{
    struct search s = {.t = t, .a = a, .item = malloc(ITEMS_MOST * sizeof *s.item)};
    struct check_sums left = a->sums;
    if (s.item == NULL) {
        t->c->no_memory = true;
        return;
    }
    for (unsigned round = 0; round < ROUNDS_MOST && choose_buckets(&s, &left); round++) {
        s.count = 0;
        a->tries = 0;
        collect_rows(&s);
        collect_entries(&s);
        drop_pairs(&s);
        tell_items(&s);
    }
    free(s.item);
    if (!check_sums_zero(&left))
        check_found(
            t->c, ESE_RULE_INDEX_COUNT, a->index->root, CHECK_NO_TAG,
            "index %s: more entries than those named differ from the rows, which give %llu; it has "
            "%llu",
            a->index->name, (unsigned long long)a->expected, (unsigned long long)a->entries);
}

/* Where keys are not computed at all: does each entry point at some row? */
static void search_dangling(struct check_table *t, struct check_agreement *a)
{
    struct search s = {.t = t, .a = a};
    struct ese_cursor cursor;
    struct fault f;
    ese_cursor_open(&cursor, t->c->db->pages, a->index->root, a->index->objid);
    while (ese_cursor_next(&cursor, &f) == ESE_STEP_NODE) {
        struct item item = {.page = cursor.leaf->number,
                            .tag = (uint16_t)(cursor.index + cursor.leaf->reserved)};
        struct lone_entry entry;
        if (read_entry(&s, &item, &entry) && is_dangling(&s, &entry))
            tell_dangling(&s, &item, &entry);
    }
    ese_cursor_close(&cursor);
    if (!a->index->tuples && (a->entries > a->expected || a->entries < a->rows))
        check_found(t->c, ESE_RULE_INDEX_COUNT, a->index->root, CHECK_NO_TAG,
                    "index %s: expected %llu to %llu entries, found %llu", a->index->name,
                    (unsigned long long)a->rows, (unsigned long long)a->expected,
                    (unsigned long long)a->entries);
}

void check_agreement_judge(struct check_table *t, struct check_agreement *a)
{
    if (!a->judged)
        check_not_judged(t->c, ESE_RULE_INDEX_MISSING_ENTRY, a->index->root,
                         "index %s cannot be compared with the rows: %s", a->index->name, a->why);
    else if (t->c->dirty)
        return;
    else if (a->loose)
        search_dangling(t, a);
    else if (!check_sums_zero(&a->sums))
        search_differences(t, a);
}
