/*
 * All nodes of one tree in key order, from whatever pages they stand on, and which of several
 * versions of one counts.
 *
 * Per key, never per page: of two versions the one on the later page; and where a later page, in
 * whose range a key lies, does not have it, the row was moved or deleted since, and what an earlier
 * page still has of it is old.  That is what a half-written split, a merge and a stale page leave
 * behind.  Which range a page has is told by its first and last key, and by the first key of its
 * neighbour when both name each other.
 */
#include "formats/ese/salvage/parts.h"

#include "formats/arena.h"

#include <stdlib.h>

enum { LOCATOR = 16 };

/* ---- which nodes of a page can be believed ---- */

static bool in_blocks(const struct ese_page *page, unsigned blocks, struct bytes b)
{
    size_t block = page->raw.size / 4, start = (size_t)(b.at - page->raw.at);
    if (b.size == 0)
        return true;
    for (size_t i = start / block; i <= (start + b.size - 1) / block; i++)
        if (!(blocks >> i & 1))
            return false;
    return true;
}

static bool node_is_good(const struct salvage_page *p, const struct ese_page *page,
                         const struct ese_node *node)
{
    if (p->trust <= SALVAGE_MOVED)
        return true;
    if (p->trust == SALVAGE_WRONG)
        return false;
    /* The key's sizes stand before it. */
    struct bytes all = bytes_of(node->suffix.at - (node->flags & ESE_NODE_COMPRESSED ? 4 : 2),
                                (size_t)(node->data.at + node->data.size - node->suffix.at) +
                                    (node->flags & ESE_NODE_COMPRESSED ? 4 : 2));
    return in_blocks(page, p->blocks, all) && in_blocks(page, p->blocks, node->prefix);
}

/* ---- opening ---- */

static bool is_leaf(const struct salvage_page *p, bool with_wrong)
{
    return (p->flags & ESE_PAGE_LEAF) && !(p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY)) &&
           (with_wrong || p->trust <= SALVAGE_BLOCKS);
}

static bool add_node(struct salvage_walk *w, const struct salvage_version *v, struct bytes key,
                     struct bytes data, struct fault *f)
{
    uint8_t room[ESE_KEY_ROOM + LOCATOR];
    if (w->with_data && data.size > ESE_KEY_ROOM)
        return true; /* no bookmark is so long */
    size_t size = w->with_data ? data.size : 0;
    if (size > 0)
        memcpy(room, data.at, size);
    bytes_put_le64(room + size, v->dbtime);
    bytes_put_le32(room + size + 8, v->page);
    bytes_put_le16(room + size + 12, v->node);
    room[size + 14] = v->flags;
    room[size + 15] = v->doubtful;
    return build_sort_add(w->sort, key, bytes_of(room, size + LOCATOR), f);
}

/* A node's place in the order, in one piece: its key, and in an index its data behind it. */
static struct bytes whole_key(const struct salvage_walk *w, struct bytes key, struct bytes data,
                              uint8_t *to)
{
    size_t size = w->with_data && data.size <= ESE_KEY_ROOM ? data.size : 0;
    memcpy(to, key.at, key.size);
    if (size > 0)
        memcpy(to + key.size, data.at, size);
    return bytes_of(to, key.size + size);
}

static bool add_leaf(struct salvage_walk *w, const struct salvage_leaf *leaf, struct bytes last,
                     struct fault *f)
{
    const uint8_t *copy = arena_copy(w->arena, last);
    void *array = w->leaf;
    if (copy == NULL || !array_reserve(&array, &w->leaf_room, w->leaves + 1, sizeof *w->leaf))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a tree");
    w->leaf = array;
    w->leaf[w->leaves] = *leaf;
    w->leaf[w->leaves++].last = bytes_of(copy, last.size);
    return true;
}

/* Looks at the nodes of one page: which range of keys it has, and whether they are in order. */
static bool see_page(struct salvage_walk *w, uint32_t index, const struct ese_page *page,
                     struct fault *f)
{
    const struct salvage_page *p = &w->s->page[index];
    struct salvage_leaf leaf = {.page = index};
    uint8_t room[2][2 * ESE_KEY_ROOM], key_room[ESE_KEY_ROOM];
    struct bytes key, last = bytes_of(room[0], 0);
    unsigned turn = 0;
    if (p->trust > SALVAGE_BLOCKS || p->freed)
        return true;
    for (unsigned i = 0; i < ese_page_nodes(page) && i <= UINT16_MAX; i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL) ||
            !ese_node_key(&node, key_room, sizeof key_room, &key)) {
            w->unordered = true;
            continue;
        }
        if (!node_is_good(p, page, &node))
            continue;
        struct bytes now = whole_key(w, key, node.data, room[turn]);
        if (leaf.first.at == NULL) {
            const uint8_t *first = arena_copy(w->arena, now);
            if (first == NULL)
                return fault_set(f, FAULT_NO_MEMORY, "out of memory for a tree");
            leaf.first = bytes_of(first, now.size);
        } else if (bytes_compare(now, last) <= 0) {
            w->unordered = true;
        }
        last = now;
        turn = !turn;
    }
    return leaf.first.at == NULL || add_leaf(w, &leaf, last, f);
}

/* Adds the nodes of one page.  Under a wrong checksum a key must lie between its neighbours'. */
static bool add_page(struct salvage_walk *w, uint32_t index, const struct ese_page *page,
                     struct fault *f)
{
    const struct salvage_page *p = &w->s->page[index];
    uint8_t room[ESE_KEY_ROOM], before[ESE_KEY_ROOM];
    struct bytes key, last = bytes_of(before, 0);
    bool any = false;
    for (unsigned i = 0; i < ese_page_nodes(page) && i <= UINT16_MAX; i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL) || !ese_node_key(&node, room, sizeof room, &key))
            continue;
        struct salvage_version v = {.dbtime = p->dbtime,
                                    .page = index,
                                    .node = (uint16_t)i,
                                    .flags = node.flags,
                                    .doubtful = !node_is_good(p, page, &node)};
        if (v.doubtful && any && bytes_compare(key, last) <= 0)
            continue;
        if (!add_node(w, &v, key, node.data, f))
            return false;
        if (v.doubtful)
            continue;
        memcpy(before, key.at, key.size);
        last = bytes_of(before, key.size);
        any = true;
    }
    return true;
}

typedef bool (*page_fn)(struct salvage_walk *w, uint32_t index, const struct ese_page *page,
                        struct fault *f);

static bool each_leaf(struct salvage_walk *w, uint32_t objid, bool with_wrong, page_fn each,
                      struct fault *f)
{
    size_t first, count;
    salvage_pages_of(w->s, objid, &first, &count);
    bool ok = true;
    for (size_t i = first; ok && i < first + count; i++) {
        const struct ese_page *page;
        if (!is_leaf(&w->s->page[i], with_wrong))
            continue;
        ok = salvage_get(w->s, &w->s->page[i], &page, f);
        if (ok) {
            ok = each(w, (uint32_t)i, page, f);
            ese_pages_put(w->s->pages, page);
        }
        if (ok && w->s->options && w->s->options->stop && *w->s->options->stop) {
            w->s->result->interrupted = true;
            ok = fault_set(f, FAULT_IO, "interrupted");
        }
    }
    return ok;
}

static int by_first_key(const void *a, const void *b)
{
    const struct salvage_leaf *x = a, *y = b;
    int order = bytes_compare(x->first, y->first);
    return order ? order : (x->page > y->page) - (x->page < y->page);
}

/* Are the leaves in use one chain, from the first to the last, all of them right? */
static bool is_chain(const struct salvage_walk *w)
{
    for (size_t i = 0; i < w->leaves; i++) {
        const struct salvage_leaf *leaf = &w->leaf[i];
        const struct salvage_page *p = &w->s->page[leaf->page];
        bool last = i + 1 == w->leaves;
        if (p->trust != SALVAGE_GOOD || !p->reached || (i == 0 && p->prev != 0) ||
            (last ? p->next != 0 : !leaf->bounded))
            return false;
        if (!last && bytes_compare(leaf->end, w->leaf[i + 1].first) != 0)
            return false;
    }
    return w->leaves > 0;
}

/* Lets a leaf's range end where its neighbour's begins, when both name each other; that of the last
 * one, which has no neighbour, does not end. */
static void bound_leaves(struct salvage_walk *w)
{
    if (w->leaves > 0)
        w->leaf[w->leaves - 1].endless = w->s->page[w->leaf[w->leaves - 1].page].next == 0;
    for (size_t i = 0; i + 1 < w->leaves; i++) {
        struct salvage_leaf *leaf = &w->leaf[i];
        const struct salvage_page *p = &w->s->page[leaf->page];
        /* The neighbour is most often the next one; with older pages between them, a few on. */
        for (size_t k = i + 1; k < w->leaves && k < i + 8; k++) {
            const struct salvage_page *next = &w->s->page[w->leaf[k].page];
            if (p->next == next->number && next->prev == p->number && next->objid == p->objid &&
                bytes_compare(w->leaf[k].first, leaf->last) > 0) {
                leaf->bounded = true;
                leaf->end = w->leaf[k].first;
                break;
            }
        }
    }
}

/* Then the leaves can be read one after the other, and nothing has to be sorted. */
static bool is_disjoint(const struct salvage_walk *w)
{
    for (size_t i = 1; i < w->leaves; i++)
        if (bytes_compare(w->leaf[i - 1].last, w->leaf[i].first) >= 0)
            return false;
    return true;
}

bool salvage_walk_open(struct salvage_walk *w, struct ese_salvage *s, const uint32_t *objid,
                       unsigned objids, bool with_data, bool with_wrong, struct fault *f)
{
    *w = (struct salvage_walk){.s = s, .with_data = with_data};
    w->arena = calloc(1, sizeof *w->arena);
    if (w->arena == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a tree");
    if (!build_sort_open(&w->sort, f))
        return false;
    for (unsigned i = 0; i < objids; i++)
        if (!each_leaf(w, objid[i], with_wrong, see_page, f))
            return false;
    w->heap = calloc(w->leaves + 1, sizeof *w->heap);
    if (w->heap == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a tree");
    if (w->leaves > 0)
        qsort(w->leaf, w->leaves, sizeof *w->leaf, by_first_key);
    bound_leaves(w);
    w->intact = objids == 1 && is_chain(w);
    w->direct = w->intact && !w->unordered && is_disjoint(w);
    void *array = NULL;
    if (!array_reserve(&array, &w->version_room, 1, sizeof *w->version))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a tree");
    w->version = array;
    for (unsigned i = 0; i < objids && !w->direct; i++)
        if (!each_leaf(w, objid[i], with_wrong, add_page, f))
            return false;
    return true;
}

void salvage_walk_close(struct salvage_walk *w)
{
    if (w->held)
        ese_pages_put(w->s->pages, w->held);
    build_sort_close(w->sort);
    buffer_free(&w->key);
    buffer_free(&w->data);
    buffer_free(&w->both);
    buffer_free(&w->next_key);
    buffer_free(&w->next_data);
    free(w->version);
    free(w->leaf);
    free(w->heap);
    if (w->arena)
        arena_free(w->arena);
    free(w->arena);
    *w = (struct salvage_walk){.s = w->s};
}

/* ---- groups ---- */

static struct bytes without_locator(struct bytes data)
{
    data.size -= LOCATOR;
    return data;
}

static bool add_version(struct salvage_walk *w, struct bytes data, struct fault *f)
{
    void *array = w->version;
    if (!array_reserve(&array, &w->version_room, w->versions + 1, sizeof *w->version))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the versions of a row");
    w->version = array;
    struct bytes at = bytes_from(data, data.size - LOCATOR);
    struct salvage_version v = {.doubtful = at.at[15], .flags = at.at[14]};
    bytes_le64(at, 0, &v.dbtime);
    bytes_le32(at, 8, &v.page);
    bytes_le16(at, 12, &v.node);
    w->version[w->versions++] = v;
    return true;
}

static bool same_group(const struct salvage_walk *w, struct bytes key, struct bytes data)
{
    return bytes_equal(key, buffer_bytes(&w->key)) &&
           (!w->with_data || bytes_equal(without_locator(data), buffer_bytes(&w->data)));
}

/* The next node of leaves that stand in order. */
static bool next_direct(struct salvage_walk *w, bool *more, struct fault *f)
{
    struct ese_node node;
    uint8_t room[ESE_KEY_ROOM];
    struct bytes key;
    while (w->held == NULL || w->at_node >= ese_page_nodes(w->held)) {
        if (w->held) {
            ese_pages_put(w->s->pages, w->held);
            w->held = NULL;
            w->at_leaf++;
        }
        if (w->at_leaf >= w->leaves)
            return true;
        if (!salvage_get(w->s, &w->s->page[w->leaf[w->at_leaf].page], &w->held, f)) {
            w->held = NULL;
            return false;
        }
        w->at_node = 0;
    }
    const struct salvage_page *p = &w->s->page[w->leaf[w->at_leaf].page];
    if (!ese_page_node(w->held, w->at_node, &node, f) ||
        !(ese_node_key(&node, room, sizeof room, &key) ||
          fault_set(f, FAULT_DAMAGED, "page %u changed while it was read", p->slot)))
        return false;
    if (!buffer_set(&w->key, key, f) || (w->with_data && !buffer_set(&w->data, node.data, f)))
        return false;
    w->version[0] = (struct salvage_version){.dbtime = p->dbtime,
                                             .page = w->leaf[w->at_leaf].page,
                                             .node = (uint16_t)w->at_node++,
                                             .flags = node.flags};
    w->versions = 1;
    *more = true;
    return true;
}

bool salvage_walk_next(struct salvage_walk *w, bool *more, struct fault *f)
{
    struct bytes key, data;
    bool found;
    w->versions = 0;
    *more = false;
    if (w->direct)
        return next_direct(w, more, f);
    if (!w->pending && !w->done) {
        if (!build_sort_next(w->sort, &key, &data, &found, f))
            return false;
        w->done = !found;
        if (found && (!buffer_set(&w->next_key, key, f) || !buffer_set(&w->next_data, data, f)))
            return false;
    }
    w->pending = false;
    if (w->done)
        return true;
    *more = true;
    if (!buffer_set(&w->key, buffer_bytes(&w->next_key), f) ||
        !buffer_set(&w->data, without_locator(buffer_bytes(&w->next_data)), f) ||
        !add_version(w, buffer_bytes(&w->next_data), f))
        return false;
    for (;;) {
        if (!build_sort_next(w->sort, &key, &data, &found, f))
            return false;
        if (!found) {
            w->done = true;
            return true;
        }
        if (!same_group(w, key, data)) {
            w->pending = true;
            return buffer_set(&w->next_key, key, f) && buffer_set(&w->next_data, data, f);
        }
        if (!add_version(w, data, f))
            return false;
    }
}

/* ---- the owner of a key ---- */

static uint64_t heap_time(const struct salvage_walk *w, size_t i)
{
    return w->s->page[w->leaf[w->heap[i]].page].dbtime;
}

static void heap_push(struct salvage_walk *w, uint32_t leaf)
{
    size_t i = w->heap_size++;
    w->heap[i] = leaf;
    while (i > 0 && heap_time(w, (i - 1) / 2) < heap_time(w, i)) {
        uint32_t other = w->heap[(i - 1) / 2];
        w->heap[(i - 1) / 2] = w->heap[i];
        w->heap[i] = other;
        i = (i - 1) / 2;
    }
}

static void heap_pop(struct salvage_walk *w)
{
    w->heap[0] = w->heap[--w->heap_size];
    for (size_t i = 0;;) {
        size_t largest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < w->heap_size; child++)
            if (heap_time(w, child) > heap_time(w, largest))
                largest = child;
        if (largest == i)
            return;
        uint32_t other = w->heap[largest];
        w->heap[largest] = w->heap[i];
        w->heap[i] = other;
        i = largest;
    }
}

static bool has_ended(const struct salvage_leaf *leaf, struct bytes key)
{
    if (leaf->endless)
        return false;
    return leaf->bounded ? bytes_compare(key, leaf->end) >= 0 : bytes_compare(key, leaf->last) > 0;
}

const struct salvage_page *salvage_walk_owner(struct salvage_walk *w, struct bytes key)
{
    if (w->opened == 0 && w->leaves > 0 && w->s->page[w->leaf[0].page].prev == 0)
        heap_push(w,
                  (uint32_t)w->opened++); /* the first leaf has what comes before its first key */
    while (w->opened < w->leaves && bytes_compare(w->leaf[w->opened].first, key) <= 0)
        heap_push(w, (uint32_t)w->opened++);
    while (w->heap_size > 0 && has_ended(&w->leaf[w->heap[0]], key))
        heap_pop(w);
    return w->heap_size > 0 ? &w->s->page[w->leaf[w->heap[0]].page] : NULL;
}

/* ---- which version counts ---- */

bool salvage_node(struct ese_salvage *s, const struct salvage_version *v,
                  const struct ese_page **page, struct ese_node *node, struct fault *f)
{
    if (!salvage_get(s, &s->page[v->page], page, f))
        return false;
    if (ese_page_node(*page, v->node, node, f))
        return true;
    ese_pages_put(s->pages, *page);
    return false;
}

/* The better of two: believed before not, in use before freed, later before earlier, reached before
 * not, at its own place before displaced. */
static bool is_better(const struct ese_salvage *s, const struct salvage_version *a,
                      const struct salvage_version *b)
{
    const struct salvage_page *p = &s->page[a->page], *q = &s->page[b->page];
    if (a->doubtful != b->doubtful)
        return b->doubtful;
    if (p->freed != q->freed)
        return q->freed;
    if (p->dbtime != q->dbtime)
        return p->dbtime > q->dbtime;
    if (p->reached != q->reached)
        return p->reached;
    return p->trust < q->trust;
}

bool salvage_choose(struct salvage_walk *w, struct salvage_choice *c, struct fault *f)
{
    struct ese_salvage *s = w->s;
    const struct salvage_version *v = w->version;
    struct bytes key = buffer_bytes(&w->key);
    if (w->direct) { /* one version, on a good page that should have it */
        *c = (struct salvage_choice){.verdict =
                                         v->flags & ESE_NODE_DELETED ? SALVAGE_GONE : SALVAGE_KEPT};
        return true;
    }
    if (w->with_data) {
        if (!buffer_set(&w->both, key, f) || !buffer_append(&w->both, buffer_bytes(&w->data), f))
            return false;
        key = buffer_bytes(&w->both);
    }
    const struct salvage_page *owner = salvage_walk_owner(w, key);
    *c = (struct salvage_choice){.verdict = SALVAGE_KEPT};
    bool owner_has = false;
    const struct salvage_page *newest_bad = NULL;
    for (size_t i = 0; i < w->versions; i++) {
        if (is_better(s, &v[i], &v[c->best]))
            c->best = i;
        owner_has = owner_has || &s->page[v[i].page] == owner;
        if (v[i].doubtful && s->page[v[i].page].reached &&
            (newest_bad == NULL || s->page[v[i].page].dbtime > newest_bad->dbtime))
            newest_bad = &s->page[v[i].page];
    }
    const struct salvage_page *best = &s->page[v[c->best].page];
    if (owner && !owner_has && owner->dbtime > best->dbtime) {
        c->verdict = SALVAGE_SUPERSEDED;
        c->against = owner;
    } else if (v[c->best].doubtful) {
        c->verdict = SALVAGE_BYTES;
    } else if (v[c->best].flags & ESE_NODE_DELETED) {
        c->verdict = SALVAGE_GONE;
    } else if (best->freed) {
        c->verdict = SALVAGE_FREED;
    } else if (newest_bad && newest_bad->dbtime > best->dbtime) {
        c->verdict = SALVAGE_NEWER_BAD;
        c->against = newest_bad;
    }
    return true;
}
