/*
 * All nodes of one tree in key order, from whatever pages they stand on.
 *
 * Leaves that are in order themselves are read side by side, as many at once as lie over each
 * other: in a sound tree that is one.  What stands on other pages - under a wrong checksum, out of
 * order, or where too many lie over each other - is sorted, and taken in between.
 */
#include "formats/ese/salvage/parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOCATOR = 16,
    CURSORS_MOST = 16, /* pages held at once */
};

/* Where in a leaf the walk is. */
struct salvage_cursor {
    const struct ese_page *page; /* held */
    uint32_t index;              /* in s->page */
    size_t leaf;                 /* in w->leaves */
    unsigned at;
    bool taken; /* the node was given out */
    struct ese_node node;
    struct bytes key;
    uint8_t room[ESE_KEY_ROOM];
};

static bool is_stopped(struct salvage_walk *w, struct fault *f)
{
    const struct ese_salvage_options *options = w->s->options;
    if (options == NULL || options->stop == NULL || !*options->stop)
        return false;
    w->s->result->interrupted = true;
    fault_set(f, FAULT_IO, "interrupted");
    return true;
}

/* ---- nodes that are sorted ---- */

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
                                    .doubtful = !salvage_is_good(p, page, &node)};
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

static bool sort_rest(struct salvage_walk *w, uint32_t objid, bool with_wrong, struct fault *f)
{
    size_t first, count;
    salvage_pages_of(w->s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct ese_page *page;
        const struct salvage_page *p = &w->s->page[i];
        if (!salvage_is_leaf(p) || p->merged || (p->trust > SALVAGE_BLOCKS && !with_wrong) ||
            (w->intact &&
             (p->trust == SALVAGE_WRONG || (p->freed && !salvage_has_let_go_rows(w->s, p)))))
            continue;
        if (is_stopped(w, f))
            return false;
        if (!salvage_get(w->s, p, &page, f))
            return false;
        bool ok = add_page(w, (uint32_t)i, page, f);
        ese_pages_put(w->s->pages, page);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- opening ---- */

static bool any_apart(const struct ese_salvage *s, uint32_t objid)
{
    size_t first, count;
    salvage_pages_of(s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        if (salvage_is_leaf(p) &&
            (p->freed ? salvage_has_let_go_rows(s, p) : p->trust == SALVAGE_APART))
            return true;
    }
    return false;
}

/* Says of each leaf whether it is read side by side with those over which it lies. */
static void choose_merged(struct salvage_walk *w)
{
    const struct salvage_leaf *open[CURSORS_MOST];
    unsigned opened = 0;
    for (size_t i = 0; i < w->leaves.count; i++) {
        const struct salvage_leaf *leaf = &w->leaves.at[i];
        unsigned left = 0;
        for (unsigned k = 0; k < opened; k++)
            if (bytes_compare(open[k]->last, leaf->first) >= 0)
                open[left++] = open[k];
        opened = left;
        if (!w->s->page[leaf->page].in_order || opened == CURSORS_MOST)
            continue;
        w->s->page[leaf->page].merged = true;
        open[opened++] = leaf;
    }
}

static bool are_alone(const struct salvage_leaves *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (!l->s->page[l->at[i].page].alone)
            return false;
    return true;
}

bool salvage_walk_open(struct salvage_walk *w, struct ese_salvage *s, const uint32_t *objid,
                       unsigned objids, bool with_data, bool with_wrong, struct fault *f)
{
    bool in_order = true;
    void *array = NULL;
    *w = (struct salvage_walk){.s = s, .with_data = with_data, .leaves = {.s = s}};
    if (!build_sort_open(&w->sort, f))
        return false;
    w->cursor = malloc(CURSORS_MOST * sizeof *w->cursor);
    if (w->cursor == NULL || !array_reserve(&array, &w->version_room, 1, sizeof *w->version))
        return fault_no_memory(f, "a tree");
    w->version = array;
    for (unsigned i = 0; i < objids; i++)
        if (!salvage_leaves_find(&w->leaves, objid[i], with_data, &in_order, f))
            return false;
    if (!salvage_leaves_order(&w->leaves, f))
        return false;
    choose_merged(w);
    w->intact = objids == 1 && salvage_leaves_chain(&w->leaves);
    bool direct = w->intact && in_order && are_alone(&w->leaves); /* there are no other nodes */
    for (unsigned i = 0; i < objids; i++)
        direct = direct && !(with_wrong && any_apart(s, objid[i]));
    for (unsigned i = 0; i < objids && !direct; i++)
        if (!sort_rest(w, objid[i], with_wrong, f))
            return false;
    return true;
}

static void put_cursors(struct salvage_walk *w)
{
    for (unsigned i = 0; i < w->cursors; i++)
        ese_pages_put(w->s->pages, w->cursor[i].page);
    w->cursors = 0;
}

bool salvage_walk_rewind(struct salvage_walk *w, struct fault *f)
{
    put_cursors(w);
    w->next_leaf = 0;
    w->alone = w->pending = w->done = false;
    w->leaves.opened = w->leaves.heap_size = 0;
    return build_sort_rewind(w->sort, f);
}

void salvage_walk_close(struct salvage_walk *w)
{
    put_cursors(w);
    free(w->cursor);
    build_sort_close(w->sort);
    buffer_free(&w->both);
    buffer_free(&w->sorted_key);
    buffer_free(&w->sorted_data);
    buffer_free(&w->next_key);
    buffer_free(&w->next_data);
    free(w->version);
    salvage_leaves_close(&w->leaves);
    *w = (struct salvage_walk){.s = w->s};
}

/* ---- leaves side by side ---- */

static bool changed(const struct salvage_cursor *c, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "page %u changed while it was read", c->page->number);
}

static bool read_node(struct salvage_cursor *c, struct fault *f)
{
    c->taken = false;
    if (!ese_page_node(c->page, c->at, &c->node, f))
        return false;
    c->key = c->node.suffix;
    if (c->node.prefix.size > 0 || c->key.size > ESE_KEY_ROOM)
        return ese_node_key(&c->node, c->room, sizeof c->room, &c->key) || changed(c, f);
    return true;
}

/* Steps on from what was given out. */
static bool step(struct salvage_walk *w, struct fault *f)
{
    unsigned left = 0;
    bool ok = true;
    for (unsigned i = 0; i < w->cursors; i++) {
        struct salvage_cursor *c = &w->cursor[i];
        if (c->taken && ++c->at >= ese_page_nodes(c->page)) {
            ese_pages_put(w->s->pages, c->page);
            continue;
        }
        if (i != left)
            w->cursor[left] = *c;
        c = &w->cursor[left++];
        if (i + 1 != left && c->key.at == w->cursor[i].room)
            c->key.at = c->room;
        if (c->taken)
            ok = read_node(c, f) && ok;
    }
    w->cursors = left;
    return ok;
}

/* How a place in the order compares with a node's. */
static int compare_place(const struct salvage_walk *w, struct bytes place, struct bytes key,
                         struct bytes data)
{
    if (!w->with_data || place.size <= key.size)
        return bytes_compare(place, key);
    int order = bytes_compare(bytes_of(place.at, key.size), key);
    return order ? order : bytes_compare(bytes_from(place, key.size), data);
}

static bool is_due(const struct salvage_walk *w, struct bytes first)
{
    for (unsigned i = 0; i < w->cursors; i++)
        if (compare_place(w, first, w->cursor[i].key, w->cursor[i].node.data) > 0)
            return false;
    return true;
}

/* Opens every leaf that may have what comes next. */
static bool open_due(struct salvage_walk *w, struct fault *f)
{
    for (; w->next_leaf < w->leaves.count; w->next_leaf++) {
        const struct salvage_leaf *leaf = &w->leaves.at[w->next_leaf];
        const struct salvage_page *p = &w->s->page[leaf->page];
        struct salvage_cursor *c = &w->cursor[w->cursors];
        if (!p->merged)
            continue;
        if (w->pass_written && salvage_is_settled(p)) {
            w->passed_rows += p->rows;
            continue;
        }
        if (w->cursors == CURSORS_MOST || !is_due(w, leaf->first))
            break;
        c->index = leaf->page;
        c->leaf = w->next_leaf;
        c->at = 0;
        if (is_stopped(w, f) || !salvage_get(w->s, p, &c->page, f))
            return false;
        w->cursors++;
        if (!read_node(c, f))
            return false;
    }
    return true;
}

/* ---- groups ---- */

static struct bytes without_locator(struct bytes data)
{
    data.size -= LOCATOR;
    return data;
}

static bool add_version(struct salvage_walk *w, const struct salvage_version *v, struct fault *f)
{
    if (!array_reserve(&w->version, &w->version_room, w->versions + 1, sizeof *w->version))
        return fault_no_memory(f, "the versions of a row");
    w->version[w->versions++] = *v;
    return true;
}

/* Sees to it that the next sorted entry, if there is one, is in w->next_key and w->next_data. */
static bool read_sorted(struct salvage_walk *w, struct fault *f)
{
    struct bytes key, data;
    bool found;
    if (w->pending || w->done)
        return true;
    if (!build_sort_next(w->sort, &key, &data, &found, f))
        return false;
    w->pending = found;
    w->done = !found;
    return !found || (buffer_set(&w->next_key, key, f) && buffer_set(&w->next_data, data, f));
}

/* How the group's place compares with one: key and, in an index, data. */
static int compare(const struct salvage_walk *w, struct bytes key, struct bytes data)
{
    int order = bytes_compare(w->key, key);
    return order || !w->with_data ? order : bytes_compare(w->data, data);
}

/* Sets the group's place to the first of those that come next. */
static bool find_place(struct salvage_walk *w, struct fault *f)
{
    bool any = w->pending;
    if (any) { /* which the sorted entry behind it will take the place of */
        if (!buffer_set(&w->sorted_key, buffer_bytes(&w->next_key), f) ||
            !buffer_set(&w->sorted_data, without_locator(buffer_bytes(&w->next_data)), f))
            return false;
        w->key = buffer_bytes(&w->sorted_key);
        w->data = buffer_bytes(&w->sorted_data);
    }
    for (unsigned i = 0; i < w->cursors; i++) {
        const struct salvage_cursor *c = &w->cursor[i];
        if (any && compare(w, c->key, c->node.data) <= 0)
            continue;
        w->key = c->key;
        w->data = c->node.data;
        any = true;
    }
    return true;
}

static bool take_sorted(struct salvage_walk *w, struct fault *f)
{
    while (w->pending && compare(w, buffer_bytes(&w->next_key),
                                 without_locator(buffer_bytes(&w->next_data))) == 0) {
        struct bytes data = buffer_bytes(&w->next_data);
        struct bytes at = bytes_from(data, data.size - LOCATOR);
        struct salvage_version v = {.doubtful = at.at[15], .flags = at.at[14]};
        bytes_le64(at, 0, &v.dbtime);
        bytes_le32(at, 8, &v.page);
        bytes_le16(at, 12, &v.node);
        w->pending = false;
        if (!add_version(w, &v, f) || !read_sorted(w, f))
            return false;
    }
    return true;
}

/* ---- a leaf over which nothing lies ---- */

static bool is_alone(const struct salvage_walk *w)
{
    if (w->cursors != 1 || !w->s->page[w->cursor[0].index].alone)
        return false;
    return !w->pending ||
           compare_place(w, w->leaves.at[w->cursor[0].leaf].last, buffer_bytes(&w->next_key),
                         without_locator(buffer_bytes(&w->next_data))) < 0;
}

static struct salvage_version version_of(const struct salvage_walk *w,
                                         const struct salvage_cursor *c)
{
    return (struct salvage_version){.dbtime = w->s->page[c->index].dbtime,
                                    .page = c->index,
                                    .node = (uint16_t)c->at,
                                    .flags = c->node.flags};
}

static void set_sole(struct salvage_walk *w)
{
    const struct salvage_cursor *c = &w->cursor[0];
    w->sole = true;
    w->page = c->page;
    w->node = c->node;
}

/* The next node of such a leaf; there is one. */
static bool next_alone(struct salvage_walk *w, struct fault *f)
{
    struct salvage_cursor *c = &w->cursor[0];
    c->at++;
    if (!read_node(c, f))
        return false;
    c->taken = true;
    w->key = c->key;
    w->data = c->node.data;
    w->version[0] = version_of(w, c);
    w->versions = 1;
    set_sole(w);
    return true;
}

static bool has_next_alone(const struct salvage_walk *w)
{
    const struct salvage_cursor *c = w->cursor;
    return w->alone && c->taken && c->at + 1 < ese_page_nodes(c->page);
}

/* Takes what stands at the group's place. */
static bool take_place(struct salvage_walk *w, struct fault *f)
{
    for (unsigned i = 0; i < w->cursors; i++) {
        struct salvage_cursor *c = &w->cursor[i];
        if (compare(w, c->key, c->node.data) != 0)
            continue;
        c->taken = true;
        struct salvage_version v = version_of(w, c);
        if (!add_version(w, &v, f))
            return false;
    }
    return take_sorted(w, f);
}

bool salvage_walk_next(struct salvage_walk *w, bool *more, struct fault *f)
{
    *more = true;
    if (has_next_alone(w))
        return next_alone(w, f);
    w->versions = 0;
    w->sole = false;
    if (!step(w, f) || !open_due(w, f) || !read_sorted(w, f))
        return false;
    *more = w->cursors > 0 || w->pending;
    if (!*more)
        return true;
    w->alone = is_alone(w);
    if (!find_place(w, f) || !take_place(w, f))
        return false;
    if (w->alone)
        set_sole(w);
    else
        w->alone = is_alone(w);
    return true;
}
