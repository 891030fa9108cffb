/* Long values, and the references to them, for the structural check: see check/parts.h. */
#include "formats/ese/check/parts.h"

#include <stdlib.h>

enum {
    ITEMS_MOST = 512 * 1024,
    ROUNDS_MOST = 4,
};

/* ---- the tree ---- */

struct long_value {
    struct check_table *t;
    uint32_t chunk; /* size of a full chunk */
    bool known;     /* the root of the value at hand was read, and no chunk since was lost */
    bool judged;    /* its size is: not when it is being deleted */
    struct ese_lv_key key;
    struct ese_lv_root root;
    uint32_t seen, page;
    int tag;
};

static unsigned long long id(const struct long_value *v)
{
    return (unsigned long long)v->key.lid;
}

static uint64_t hash_of(uint64_t lid)
{
    uint8_t bytes[8];
    memcpy(bytes, &lid, sizeof bytes);
    return check_hash(1, bytes_of(bytes, sizeof bytes));
}

static void end_value(struct long_value *v)
{
    if (v->known && v->judged && v->seen != v->root.size)
        check_found(v->t->c, ESE_RULE_LONG_VALUE_SIZE, v->page, v->tag,
                    "long value %llu: expected %u bytes, found %u", id(v), v->root.size, v->seen);
    v->known = false;
}

static void begin_value(struct long_value *v, const struct ese_page *page, int tag,
                        const struct ese_lv_key *key, struct bytes data)
{
    end_value(v);
    v->key = *key;
    v->seen = 0;
    v->page = page->number;
    v->tag = tag;
    v->t->c->summary->long_values++;
    if (!ese_lv_root_read(data, &v->root)) {
        check_found(v->t->c, ESE_RULE_LONG_VALUE_ROOT, page->number, tag,
                    "long value %llu: expected a root of 8 or 9 bytes, found %zu", id(v),
                    data.size);
        v->t->references.judged = false;
        return;
    }
    v->known = true;
    v->judged = v->root.references != 0 && v->root.references != ESE_LV_PARTLY_DELETED;
    if (v->judged) {
        uint64_t hash = hash_of(key->lid);
        v->t->references.sums.bucket[hash % CHECK_BUCKETS] -= hash * v->root.references;
    }
}

static void judge_short(struct long_value *v, const struct ese_page *page, int tag,
                        struct bytes data, uint32_t share)
{
    struct check *c = v->t->c;
    struct fault f = {.code = FAULT_NONE};
    size_t size = share;
    if (!ese_unpacked_size(c->db->headers.header.revision, data, c->scratch.room, &size, &f) &&
        f.code != FAULT_UNSUPPORTED)
        check_found(c, ESE_RULE_LONG_VALUE_DATA, page->number, tag,
                    "long value %llu, offset %u: %zu bytes that should decompress to %u: %s", id(v),
                    v->seen, data.size, share, f.text);
    else if (size != share)
        check_found(c, ESE_RULE_LONG_VALUE_CHUNK, page->number, tag,
                    "long value %llu, offset %u: expected a chunk of %u bytes, found %zu", id(v),
                    v->seen, share, size);
}

static void judge_chunk(struct long_value *v, const struct ese_page *page, int tag, uint32_t offset,
                        struct bytes data)
{
    struct check *c = v->t->c;
    if (!v->known || !v->judged)
        return;
    if (offset != v->seen) {
        check_found(c, ESE_RULE_LONG_VALUE_CHUNK, page->number, tag,
                    "long value %llu: expected the chunk at offset %u, found the one at offset %u",
                    id(v), v->seen, offset);
        v->known = false;
        return;
    }
    uint32_t left = v->root.size - v->seen, share = left < v->chunk ? left : v->chunk;
    bool encrypted = ese_lv_is_encrypted(c->db->headers.header.revision, &v->root);
    if (v->seen >= v->root.size || (data.size > share && !encrypted)) {
        check_found(c, ESE_RULE_LONG_VALUE_CHUNK, page->number, tag,
                    "long value %llu of %u bytes, offset %u: expected a chunk of at most %u bytes, "
                    "found %zu",
                    id(v), v->root.size, offset, v->seen >= v->root.size ? 0 : share, data.size);
        v->known = false;
        return;
    }
    if (data.size < share && !encrypted)
        judge_short(v, page, tag, data, share);
    v->seen += share;
}

static void judge_node(void *context, const struct ese_page *page, int tag, struct bytes key,
                       struct bytes data)
{
    struct long_value *v = context;
    struct ese_lv_key k;
    if (!ese_lv_key_read(key, &k)) {
        check_found(v->t->c, ESE_RULE_LONG_VALUE_KEY, page->number, tag,
                    "expected a key of 4, 8 or 12 bytes, found %zu", key.size);
        v->t->references.judged = false;
        v->known = false;
        return;
    }
    if (k.root) {
        begin_value(v, page, tag, &k, data);
        return;
    }
    if (k.lid == v->key.lid && k.wide == v->key.wide) {
        judge_chunk(v, page, tag, k.offset, data);
        return;
    }
    end_value(v);
    /* A lost page may have had its root. */
    if (v->page != 0)
        check_found(v->t->c, ESE_RULE_LONG_VALUE_KEY, page->number, tag,
                    "a chunk of long value %llu, which has no root before it",
                    (unsigned long long)k.lid);
    v->key = k;
}

static void nodes_gap(void *context)
{
    struct long_value *v = context;
    v->known = false;
    v->page = 0;
    v->t->references.judged = false;
}

void check_long_values(struct check_table *t)
{
    struct check *c = t->c;
    struct long_value v = {.t = t,
                           .chunk = ese_lv_chunk_size(t->table, c->page_size),
                           .page = t->table->long_value_root};
    struct check_space space = {
        .root = t->table->long_value_root,
        .objid = t->table->long_value_objid,
        .parent = t->table->root,
        .kind = CHECK_LONG_VALUES,
        .unique = true,
        .from = &c->table_owned,
        .owned = &c->part_owned,
        .taken = &c->of_part,
    };
    struct check_tree tree = {
        .root = space.root,
        .objid = space.objid,
        .kind = CHECK_LONG_VALUES,
        .unique = true,
        .owned = &c->part_owned,
        .node = judge_node,
        .gap = nodes_gap,
        .context = &v,
    };
    check_space_read(c, &space);
    check_tree_walk(c, &tree);
    end_value(&v);
}

/* ---- references ---- */

void check_reference_add(struct check_table *t, const struct ese_value *value)
{
    t->references.count++;
    check_sums_add(&t->references.sums, hash_of(value->lid));
}

/* A long value's root, or a row's reference. */
struct item {
    uint64_t lid;
    uint32_t page, references;
    uint16_t tag;
    bool root;
};

struct search {
    struct check_table *t;
    struct item *item;
    size_t count;
    bool bucket[CHECK_BUCKETS];
    struct ese_cursor *at;
};

static void add_item(struct search *s, uint64_t lid, bool root, uint32_t references)
{
    if (s->bucket[hash_of(lid) % CHECK_BUCKETS] && s->count < ITEMS_MOST)
        s->item[s->count++] = (struct item){lid, s->at->leaf->number, references,
                                            (uint16_t)(s->at->index + s->at->leaf->reserved), root};
}

static bool collect_value(void *context, const struct ese_value *value, struct fault *f)
{
    (void)f;
    if (value->kind == ESE_VALUE_SEPARATED)
        add_item(context, value->lid, false, 1);
    return true;
}

static void collect(struct search *s, uint32_t root, uint32_t objid, bool rows)
{
    struct ese_cursor cursor;
    struct fault f;
    if (root == 0)
        return;
    ese_cursor_open(&cursor, s->t->c->db->pages, root, objid);
    s->at = &cursor;
    while (ese_cursor_next(&cursor, &f) == ESE_STEP_NODE) {
        struct ese_record record;
        struct ese_lv_key key;
        struct ese_lv_root value;
        if (rows) {
            if (ese_record_on_page(&record, s->t->table, cursor.leaf, cursor.data, &f))
                ese_record_check(&record, &s->t->limits, collect_value, s, &f);
        } else if (ese_lv_key_read(cursor.key, &key) && key.root &&
                   ese_lv_root_read(cursor.data, &value)) {
            add_item(s, key.lid, true, value.references);
        }
    }
    ese_cursor_close(&cursor);
}

/* By id; a value's root stands before the references to it. */
static int by_id(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->lid != b->lid)
        return a->lid < b->lid ? -1 : 1;
    return (a->root < b->root) - (a->root > b->root);
}

/* item[0..count): all of one id. */
static void judge_id(struct search *s, const struct item *item, size_t count)
{
    struct check *c = s->t->c;
    unsigned long long lid = item->lid;
    if (!item->root) {
        check_found(c, ESE_RULE_LONG_VALUE_MISSING, item->page, item->tag,
                    "the row refers to long value %llu, which does not exist", lid);
        return;
    }
    uint32_t counted = item->references;
    size_t rows = count - 1;
    if (rows == counted || (rows == 0 && counted == ESE_LV_PARTLY_DELETED))
        return;
    if (rows == 0)
        check_found(c, ESE_RULE_LONG_VALUE_ORPHAN, item->page, item->tag,
                    "long value %llu counts %u references, and no row refers to it", lid, counted);
    else if (rows > counted || counted == ESE_LV_PARTLY_DELETED)
        check_found(c, ESE_RULE_LONG_VALUE_REFERENCES, item->page, item->tag,
                    "long value %llu: expected a count of %zu references, found %u", lid, rows,
                    counted);
    else
        check_advise(c, ESE_RULE_LONG_VALUE_REFERENCES, item->page, item->tag,
                     "long value %llu: expected a count of %zu references, found more, %u", lid,
                     rows, counted);
}

static void judge_items(struct search *s)
{
    if (s->count > 1)
        qsort(s->item, s->count, sizeof *s->item, by_id);
    for (size_t i = 0, end; i < s->count; i = end) {
        for (end = i; end < s->count && s->item[end].lid == s->item[i].lid; end++)
            continue;
        judge_id(s, &s->item[i], end - i);
    }
}

static bool choose_buckets(struct search *s, struct check_sums *left)
{
    uint64_t all = s->t->references.count + s->t->c->summary->long_values;
    return check_sums_choose(left, ITEMS_MOST / (all / CHECK_BUCKETS * 2 + 64), s->bucket);
}

void check_references_judge(struct check_table *t)
{
    const struct ese_table *table = t->table;
    if (!t->references.judged) {
        if (table->long_value_root != 0 || t->references.count > 0)
            check_not_judged(
                t->c, ESE_RULE_LONG_VALUE_REFERENCES, table->long_value_root,
                "references to long values cannot be counted: rows or long values cannot be "
                "read");
        return;
    }
    if (t->c->dirty || check_sums_zero(&t->references.sums))
        return;
    struct search s = {.t = t, .item = malloc(ITEMS_MOST * sizeof *s.item)};
    struct check_sums left = t->references.sums;
    if (s.item == NULL) {
        t->c->no_memory = true;
        return;
    }
    for (unsigned round = 0; round < ROUNDS_MOST && choose_buckets(&s, &left); round++) {
        s.count = 0;
        collect(&s, table->long_value_root, table->long_value_objid, false);
        collect(&s, table->root, table->objid, true);
        judge_items(&s);
    }
    free(s.item);
    if (!check_sums_zero(&left))
        check_found(t->c, ESE_RULE_LONG_VALUE_REFERENCES, table->long_value_root, CHECK_NO_TAG,
                    "more long values than those named have a wrong count of references");
}
