/*
 * Finding, inserting, replacing and removing nodes of a tree that is changed in place: see
 * edit/parts.h.
 *
 * A leaf is searched where it lies, and one node of it is changed where it lies, too, as long as
 * the page has room behind what it holds.  Only what that cannot do takes the page apart.
 *
 * In a tree of unique keys the key is the order; in others key and data together are, and a
 * separator may have a part of the data behind the key.  In damaged trees keys may come twice
 * although they are unique: the way down therefore goes to the first leaf that can have the key,
 * and forward from there.
 *
 * Source: the published engine, ese/bt.cxx, ese/node.cxx.
 */
#include "formats/array.h"
#include "formats/ese/edit/parts.h"

#include <stdlib.h>

/* ---- the way down ---- */

/* As memcmp() of their common size.  *size: that. */
static int compare_fronts(struct bytes a, struct bytes b, size_t *size)
{
    *size = a.size < b.size ? a.size : b.size;
    return *size > 0 ? memcmp(a.at, b.at, *size) : 0;
}

/* Compares a key, in the pieces in which it is stored, with key and data behind each other. */
static int compare_pieces(const struct ese_node *node, struct bytes key, struct bytes data)
{
    struct bytes left[2] = {node->prefix, node->suffix}, right[2] = {key, data};
    for (unsigned i = 0, k = 0;;) {
        while (i < 2 && left[i].size == 0)
            i++;
        while (k < 2 && right[k].size == 0)
            k++;
        if (i == 2 || k == 2)
            return (i < 2) - (k < 2);
        size_t size;
        int order = compare_fronts(left[i], right[k], &size);
        if (order != 0)
            return order;
        left[i] = bytes_from(left[i], size);
        right[k] = bytes_from(right[k], size);
    }
}

/* The same with a key alone, as most are. */
static int compare_key(const struct ese_node *node, struct bytes key)
{
    size_t size;
    int order = compare_fronts(node->prefix, key, &size);
    if (order != 0 || size < node->prefix.size)
        return order != 0 ? order : 1;
    key = bytes_from(key, size);
    order = compare_fronts(node->suffix, key, &size);
    return order != 0 ? order : (size < node->suffix.size) - (size < key.size);
}

enum way {
    WAY_FIRST, /* to the first leaf that can have it */
    WAY_LAST,  /* to the one where it belongs */
};

static unsigned choose_child(const struct ese_page *page, struct bytes key, struct bytes data,
                             enum way way)
{
    /* The last takes what no separator exceeds. */
    struct halving h = {.high = ese_page_nodes(page) - 1};
    while (halving_next(&h)) {
        struct ese_node node;
        int order = ese_page_node(page, (unsigned)h.middle, &node, NULL)
                        ? compare_pieces(&node, key, data)
                        : -1;
        halving_go(&h, way == WAY_FIRST ? order < 0 : order <= 0);
    }
    return (unsigned)h.low;
}

static bool may_enter(const struct inplace_tree *t, const struct ese_page *page, bool at_root,
                      struct fault *f)
{
    if (page->objid != t->objid)
        return fault_set(f, FAULT_DAMAGED, "page %u belongs to object %u, expected object %u",
                         page->number, page->objid, t->objid);
    if (at_root != !!(page->flags & ESE_PAGE_ROOT) || !page->tag_array_fits)
        return fault_set(f, FAULT_DAMAGED, "page %u is not what its place in the tree demands",
                         page->number);
    if (!(page->flags & ESE_PAGE_LEAF) && ese_page_nodes(page) == 0)
        return fault_set(f, FAULT_DAMAGED, "page %u is an inner page without nodes", page->number);
    return true;
}

/* Goes one level down from `number`.  *child 0: it is a leaf. */
static bool step_down(const struct inplace_tree *t, uint32_t number, struct bytes key,
                      struct bytes data, enum way way, struct inplace_spot *spot, uint32_t *child,
                      struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(t->ip->db->pages, number, &page, f))
        return false;
    bool ok = may_enter(t, page, spot->depth == 0, f);
    *child = 0;
    if (ok && !(page->flags & ESE_PAGE_LEAF)) {
        struct ese_node node;
        unsigned i = choose_child(page, key, data, way);
        if (spot->depth == ESE_DEPTH_MOST)
            ok = fault_set(f, FAULT_DAMAGED, "the tree with root page %u is deeper than %u levels",
                           t->root, ESE_DEPTH_MOST);
        ok = ok && ese_page_node(page, i, &node, f);
        *child = ok ? ese_node_child(&node) : 0;
        if (ok && *child == 0)
            ok = fault_set(f, FAULT_DAMAGED, "page %u tag %u names no child page", number,
                           i + page->reserved);
        if (ok)
            spot->step[spot->depth++] = (struct inplace_step){number, i};
    }
    ese_pages_put(t->ip->db->pages, page);
    return ok;
}

static bool open_leaf(const struct inplace_tree *t, uint32_t number, struct inplace_spot *spot,
                      struct fault *f)
{
    const struct ese_page *page;
    if (spot->leaves++ > t->ip->last)
        return fault_set(f, FAULT_DAMAGED, "the tree with root page %u loops", t->root);
    if (!ese_pages_get_sound(t->ip->db->pages, number, &page, f))
        return false;
    bool ok = inplace_in_its_place(page, t->objid, spot->depth == 0, f);
    spot->page = number;
    spot->flags = page->flags;
    spot->index = 0;
    spot->count = ok ? ese_page_nodes(page) : 0;
    ese_pages_put(t->ip->db->pages, page);
    return ok;
}

/* True when the key stands between two separators of the page, and equals none of them: its way,
 * to the first leaf that can have it as well as to the one where it belongs, is child `i`. */
static bool is_within(const struct ese_page *page, unsigned i, struct bytes key, struct bytes data)
{
    struct ese_node before, behind;
    return i > 0 && i + 1 < ese_page_nodes(page) && ese_page_node(page, i - 1, &before, NULL) &&
           ese_page_node(page, i, &behind, NULL) && compare_pieces(&before, key, data) < 0 &&
           compare_pieces(&behind, key, data) > 0;
}

static struct inplace_finger *finger_of(const struct inplace_tree *t)
{
    return &t->ip->finger[t->root % INPLACE_FINGERS];
}

/* Takes over as much of the last way down this tree as is the key's, too: from the lowest page that
 * has it between two of its separators.  *number: where the way goes on. */
static bool resume(const struct inplace_tree *t, struct bytes key, struct bytes data,
                   struct inplace_spot *spot, uint32_t *number, struct fault *f)
{
    const struct inplace_finger *finger = finger_of(t);
    *number = t->root;
    for (unsigned depth = finger->root == t->root ? finger->depth : 0; depth > 0; depth--) {
        const struct inplace_step *last = &finger->step[depth - 1];
        const struct ese_page *page;
        struct ese_node node;
        if (!ese_pages_get_sound(t->ip->db->pages, last->page, &page, f))
            return false;
        bool within = is_within(page, last->child, key, data) &&
                      ese_page_node(page, last->child, &node, NULL) && ese_node_child(&node) != 0;
        if (within)
            *number = ese_node_child(&node);
        ese_pages_put(t->ip->db->pages, page);
        if (!within)
            continue;
        memcpy(spot->step, finger->step, depth * sizeof *last);
        spot->depth = depth;
        return true;
    }
    return true;
}

static void note_way(const struct inplace_tree *t, const struct inplace_spot *spot, uint32_t leaf)
{
    struct inplace_finger *finger = finger_of(t);
    finger->root = t->root;
    finger->leaf = leaf;
    finger->depth = spot->depth;
    memcpy(finger->step, spot->step, spot->depth * sizeof *spot->step);
}

static int compare_node(const struct inplace_tree *t, const struct ese_node *node, struct bytes key,
                        struct bytes data)
{
    int order = compare_key(node, key);
    return order != 0 || t->unique ? order : bytes_compare(node->data, data);
}

/* Is the last way the key's, too, down to the leaf?  It is when the key stands between the leaf's
 * first node and its last: no other leaf can have it then, or be where it belongs.  Most rows are
 * looked for close to the one before, and once more when they change. */
static bool is_in_last_leaf(const struct inplace_tree *t, struct bytes key, struct bytes data,
                            struct inplace_spot *spot)
{
    const struct inplace_finger *finger = finger_of(t);
    const struct ese_page *page;
    struct ese_node first, last;
    if (finger->root != t->root ||
        !ese_pages_get_sound(t->ip->db->pages, finger->leaf, &page, NULL))
        return false;
    unsigned nodes = ese_page_nodes(page);
    bool is = nodes > 2 && ese_page_node(page, 0, &first, NULL) &&
              compare_node(t, &first, key, data) < 0 &&
              ese_page_node(page, nodes - 1, &last, NULL) && compare_node(t, &last, key, data) > 0;
    ese_pages_put(t->ip->db->pages, page);
    if (is) {
        memcpy(spot->step, finger->step, finger->depth * sizeof *spot->step);
        spot->depth = finger->depth;
    }
    return is;
}

static bool go_down(const struct inplace_tree *t, struct bytes key, struct bytes data, enum way way,
                    struct inplace_spot *spot, struct fault *f)
{
    uint32_t number, child;
    *spot = (struct inplace_spot){.ip = t->ip};
    if (is_in_last_leaf(t, key, data, spot))
        return open_leaf(t, finger_of(t)->leaf, spot, f);
    if (!resume(t, key, data, spot, &number, f))
        return false;
    for (;;) {
        if (!step_down(t, number, key, data, way, spot, &child, f))
            return false;
        if (child == 0)
            break;
        number = child;
    }
    note_way(t, spot, number);
    return open_leaf(t, number, spot, f);
}

void inplace_spot_close(struct inplace_spot *spot)
{
    arena_free(&spot->memory);
    if (spot->room == NULL)
        return;
    free(spot->ip->spot_room);
    spot->ip->spot_room = spot->room;
    spot->room = NULL;
}

static bool open_room(struct inplace_spot *spot, struct fault *f)
{
    if (spot->room == NULL) {
        spot->room = spot->ip->spot_room;
        spot->ip->spot_room = NULL;
    }
    if (spot->room == NULL)
        spot->room = malloc(ESE_KEY_ROOM + (size_t)ESE_PAGE_SIZE_MAX);
    return spot->room != NULL || inplace_no_memory(f);
}

/* ---- in a leaf ---- */

static bool first_not_less(const struct inplace_tree *t, const struct ese_page *page,
                           struct bytes key, struct bytes data, unsigned *index, struct fault *f)
{
    struct halving h = {.high = ese_page_nodes(page)};
    while (halving_next(&h)) {
        struct ese_node node;
        if (!ese_page_node(page, (unsigned)h.middle, &node, f))
            return false;
        halving_go(&h, compare_node(t, &node, key, data) < 0);
    }
    *index = (unsigned)h.low;
    return true;
}

static bool search_leaf(const struct inplace_tree *t, struct bytes key, struct bytes data,
                        struct inplace_spot *spot, struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(t->ip->db->pages, spot->page, &page, f))
        return false;
    bool ok = first_not_less(t, page, key, data, &spot->index, f);
    ese_pages_put(t->ip->db->pages, page);
    return ok;
}

static bool copy_node(const struct ese_page *page, const struct ese_node *node,
                      struct inplace_spot *spot, struct fault *f)
{
    size_t size = node->prefix.size + node->suffix.size;
    if (size > ESE_KEY_ROOM || node->data.size == 0)
        return fault_set(f, FAULT_DAMAGED, "page %u tag %u: a key of %zu and data of %zu bytes",
                         page->number, spot->index + page->reserved, size, node->data.size);
    if (!open_room(spot, f))
        return false;
    uint8_t *data = spot->room + ESE_KEY_ROOM;
    memcpy(data, node->data.at, node->data.size);
    spot->node.data = bytes_of(data, node->data.size);
    return ese_node_key(node, spot->room, ESE_KEY_ROOM, &spot->node.key);
}

/* Copies the first node from spot->index on that is not flagged as deleted, and goes to it.
 * *there false: the leaf has none. */
static bool take_node(const struct inplace_tree *t, struct inplace_spot *spot, bool *there,
                      struct fault *f)
{
    const struct ese_page *page;
    bool ok = true;
    *there = false;
    if (spot->index >= spot->count)
        return true;
    if (!ese_pages_get_sound(t->ip->db->pages, spot->page, &page, f))
        return false;
    for (; ok && !*there && spot->index < spot->count; spot->index += !*there) {
        struct ese_node node;
        ok = ese_page_node(page, spot->index, &node, f);
        *there = ok && !(node.flags & ESE_NODE_DELETED);
        ok = ok && (!*there || copy_node(page, &node, spot, f));
    }
    ese_pages_put(t->ip->db->pages, page);
    return ok;
}

/* The leaf behind this one: up to the nearest parent with a further child, and down again.  The
 * number of the leaf, 0 at the end. */
static bool next_leaf(const struct inplace_tree *t, struct inplace_spot *spot, uint32_t *leaf,
                      struct fault *f)
{
    struct bytes nothing = bytes_of(t, 0);
    *leaf = 0;
    while (spot->depth > 0) {
        struct inplace_step *top = &spot->step[spot->depth - 1];
        const struct ese_page *page;
        struct ese_node node;
        if (!ese_pages_get_sound(t->ip->db->pages, top->page, &page, f))
            return false;
        bool more = top->child + 1 < ese_page_nodes(page);
        bool ok = !more || ese_page_node(page, top->child + 1, &node, f);
        uint32_t number = more && ok ? ese_node_child(&node) : 0, child = 0;
        ese_pages_put(t->ip->db->pages, page);
        if (!ok)
            return false;
        if (!more) {
            spot->depth--;
            continue;
        }
        top->child++;
        for (;; number = child) {
            if (!step_down(t, number, nothing, nothing, WAY_FIRST, spot, &child, f))
                return false;
            if (child == 0)
                break;
        }
        *leaf = number;
        return true;
    }
    return true;
}

/* Forward to a node, when the spot stands behind the last of its leaf. */
static bool settle(const struct inplace_tree *t, struct inplace_spot *spot, bool *there,
                   struct fault *f)
{
    for (;;) {
        uint32_t leaf;
        if (!take_node(t, spot, there, f))
            return false;
        if (*there)
            return true;
        if (!next_leaf(t, spot, &leaf, f))
            return false;
        if (leaf == 0)
            return true;
        if (!open_leaf(t, leaf, spot, f))
            return false;
    }
}

bool inplace_seek(const struct inplace_tree *t, struct bytes key, struct bytes data,
                  struct inplace_spot *spot, bool *there, struct fault *f)
{
    *there = false;
    return go_down(t, key, data, WAY_FIRST, spot, f) && search_leaf(t, key, data, spot, f) &&
           settle(t, spot, there, f);
}

bool inplace_next(const struct inplace_tree *t, struct inplace_spot *spot, bool *there,
                  struct fault *f)
{
    spot->index++;
    return settle(t, spot, there, f);
}

bool inplace_is_last_of(const struct inplace_tree *t, const struct inplace_spot *spot,
                        struct bytes key)
{
    const struct ese_page *page;
    struct ese_node node;
    if (!ese_pages_get_sound(t->ip->db->pages, spot->page, &page, NULL))
        return false;
    bool is = spot->index + 1 < spot->count && ese_page_node(page, spot->index + 1, &node, NULL) &&
              compare_key(&node, key) != 0;
    ese_pages_put(t->ip->db->pages, page);
    return is;
}

enum { EXTRA_NODES = 1 };

/* Takes the spot's leaf apart; from here on spot->index counts the nodes of spot->leaf. */
static bool unpack_leaf(const struct inplace_tree *t, struct inplace_spot *spot, struct fault *f)
{
    const struct ese_page *page;
    unsigned deleted = 0;
    arena_free(&spot->memory);
    if (!ese_pages_get_sound(t->ip->db->pages, spot->page, &page, f))
        return false;
    for (unsigned i = 0; i < spot->index && i < spot->count; i++) {
        struct ese_node node;
        deleted += ese_page_node(page, i, &node, NULL) && (node.flags & ESE_NODE_DELETED);
    }
    ese_pages_put(t->ip->db->pages, page);
    spot->index -= deleted;
    return inplace_unpack(t->ip, spot->page, t->objid, spot->depth == 0, EXTRA_NODES, &spot->memory,
                          &spot->leaf, f);
}

/* The node before the spot's leaf, by the link to its left neighbour. */
static bool last_of_neighbour(const struct inplace_tree *t, uint32_t number, struct arena *memory,
                              struct inplace_node *node, bool *there, struct fault *f)
{
    struct inplace_nodes leaf;
    for (uint32_t steps = 0; number != 0 && steps <= t->ip->last; steps++, number = leaf.prev) {
        if (!inplace_unpack(t->ip, number, t->objid, false, 0, memory, &leaf, f))
            return false;
        if (!(leaf.flags & ESE_PAGE_LEAF))
            return fault_set(f, FAULT_DAMAGED, "page %u is no leaf, and linked from one", number);
        if (leaf.count == 0)
            continue;
        *node = leaf.node[leaf.count - 1];
        *there = true;
        return true;
    }
    return true;
}

bool inplace_last_below(const struct inplace_tree *t, struct bytes key, struct arena *memory,
                        struct inplace_node *node, bool *there, struct fault *f)
{
    struct inplace_spot spot;
    struct bytes nothing = {.at = key.at, .size = 0};
    *there = false;
    bool ok = go_down(t, key, nothing, WAY_LAST, &spot, f) &&
              search_leaf(t, key, nothing, &spot, f) && unpack_leaf(t, &spot, f);
    unsigned at = ok ? spot.index : 0;
    if (ok && at == 0)
        ok = last_of_neighbour(t, spot.leaf.prev, memory, node, there, f);
    if (ok && at > 0) {
        const struct inplace_node *found = &spot.leaf.node[at - 1];
        node->key.at = arena_copy(memory, found->key);
        node->data.at = arena_copy(memory, found->data);
        node->key.size = found->key.size;
        node->data.size = found->data.size;
        *there = node->key.at != NULL && node->data.at != NULL;
        ok = *there || inplace_no_memory(f);
    }
    inplace_spot_close(&spot);
    return ok;
}

bool inplace_find(const struct inplace_tree *t, const struct inplace_target *target,
                  struct inplace_spot *spot, bool *found, struct fault *f)
{
    struct bytes data = target->by_data ? target->data : bytes_of(target->key.at, 0);
    bool there;
    *found = false;
    bool ok = inplace_seek(t, target->key, data, spot, &there, f);
    for (unsigned twin = 0; ok && there; ok = inplace_next(t, spot, &there, f), twin++) {
        if (!bytes_equal(inplace_at(spot)->key, target->key))
            break;
        *found = target->by_data ? bytes_equal(inplace_at(spot)->data, target->data)
                                 : twin == target->twin;
        if (*found)
            break;
    }
    return ok;
}

/* ---- changing ---- */

/* Takes the pages that a split needs. */
static bool take_spares(const struct inplace_tree *t, struct inplace_spares *spares,
                        unsigned needed, struct fault *f)
{
    while (spares->count < needed) {
        uint32_t page;
        struct ese_extent one;
        if (spares->count == INPLACE_SPARES_MOST)
            return fault_set(f, FAULT_DAMAGED,
                             "a split of the tree with root page %u needs too many pages", t->root);
        if (t->hand && t->hand->count > 0) {
            page = t->hand->first++;
            t->hand->count--;
        } else if (t->space) {
            if (!inplace_take_own(t->ip, t->owner, t->objid, &page, f))
                return false;
        } else {
            if (!inplace_take(t->ip, t->owner, t->objid, 1, 1, &one, f))
                return false;
            page = one.first;
        }
        spares->page[spares->count++] = page;
    }
    return true;
}

enum change { CHANGE_INSERT, CHANGE_REPLACE, CHANGE_REMOVE };

static void edit_leaf(struct inplace_spot *spot, enum change change, struct bytes key,
                      struct bytes data)
{
    struct inplace_node *node = &spot->leaf.node[spot->index];
    size_t behind = spot->leaf.count - spot->index;
    switch (change) {
    case CHANGE_INSERT:
        memmove(node + 1, node, behind * sizeof *node);
        *node = (struct inplace_node){key, data};
        spot->leaf.count++;
        break;
    case CHANGE_REPLACE:
        node->data = data;
        break;
    case CHANGE_REMOVE:
        memmove(node, node + 1, (behind - 1) * sizeof *node);
        spot->leaf.count--;
        break;
    }
}

/* Where a new node belongs.  *same: the tree has it. */
static bool find_gap(const struct inplace_tree *t, struct bytes key, struct bytes data,
                     struct inplace_spot *spot, bool *same, struct fault *f)
{
    *same = false;
    if (!go_down(t, key, data, WAY_LAST, spot, f) || !search_leaf(t, key, data, spot, f))
        return false;
    unsigned gap = spot->index;
    bool there, ok = take_node(t, spot, &there, f);
    *same = ok && there && bytes_equal(spot->node.key, key) &&
            (t->unique || bytes_equal(spot->node.data, data));
    spot->index = gap;
    return ok;
}

/* Does one change with the leaf taken apart. */
static bool change_page(const struct inplace_tree *t, enum change change, struct bytes key,
                        struct bytes data, struct inplace_spot *spot, struct inplace_spares *spares,
                        unsigned *needed, struct fault *f)
{
    if (!unpack_leaf(t, spot, f))
        return false;
    edit_leaf(spot, change, key, data);
    /* Pages above may get other nodes now, or go: no way down holds. */
    memset(t->ip->finger, 0, sizeof t->ip->finger);
    return spot->leaf.count == 0 && spot->depth > 0 ? inplace_unlink(t, spot, spares, needed, f)
                                                    : inplace_store(t, spot, spares, needed, f);
}

/* Does one change where the leaf lies.  *did false: nothing was done, for that is not possible. */
static bool change_node(const struct inplace_tree *t, enum change change, struct bytes key,
                        struct bytes data, const struct inplace_spot *spot, bool *did,
                        struct fault *f)
{
    struct inplace_page *page = inplace_change(t->ip, spot->page, f);
    *did = false;
    if (page == NULL)
        return false;
    switch (change) {
    case CHANGE_INSERT:
        *did = inplace_node_insert(t->ip, page, spot->index, key, data);
        break;
    case CHANGE_REPLACE:
        *did = inplace_node_replace(t->ip, page, spot->index, data);
        break;
    case CHANGE_REMOVE:
        *did = inplace_node_remove(t->ip, page, spot->index);
        break;
    }
    return true;
}

/* Does one change.  A split that needs pages first takes them, which may change this very tree
 * (when it is one of free extents), and looks for the place anew. */
static bool change_leaf(const struct inplace_tree *t, enum change change,
                        const struct inplace_target *target, struct bytes data, bool *hit,
                        struct fault *f)
{
    struct inplace_spares spares = {.count = 0};
    bool ok = true, done = false;
    while (ok && !done) {
        struct inplace_spot spot;
        unsigned needed = 0;
        if (change == CHANGE_INSERT)
            ok = find_gap(t, target->key, data, &spot, hit, f);
        else
            ok = inplace_find(t, target, &spot, hit, f);
        if (ok && *hit == (change == CHANGE_INSERT)) {
            done = true; /* nothing to do */
        } else if (ok) {
            bool simple = !t->space && spares.count == 0;
            ok = !simple || change_node(t, change, target->key, data, &spot, &done, f);
            if (ok && !done)
                ok = change_page(t, change, target->key, data, &spot, &spares, &needed, f);
            done = needed == 0;
        }
        inplace_spot_close(&spot);
        if (ok && !done)
            ok = take_spares(t, &spares, needed, f);
    }
    for (unsigned i = 0; ok && i < spares.count; i++)
        ok = inplace_release(t->ip, t->owner, t->objid, spares.page[i], f);
    return ok;
}

bool inplace_insert(const struct inplace_tree *t, struct bytes key, struct bytes data, bool *same,
                    struct fault *f)
{
    struct inplace_target target = {.key = key};
    bool has;
    if (key.size == 0 || data.size == 0)
        return fault_set(f, FAULT_DAMAGED, "a node with a key of %zu and data of %zu bytes",
                         key.size, data.size);
    if (!change_leaf(t, CHANGE_INSERT, &target, data, &has, f))
        return false;
    if (same)
        *same = has;
    return !has || same ||
           fault_set(f, FAULT_DAMAGED, "the tree with root page %u has the new key already",
                     t->root);
}

bool inplace_replace(const struct inplace_tree *t, const struct inplace_target *target,
                     struct bytes data, bool *found, struct fault *f)
{
    return change_leaf(t, CHANGE_REPLACE, target, data, found, f);
}

bool inplace_remove(const struct inplace_tree *t, const struct inplace_target *target, bool *found,
                    struct fault *f)
{
    return change_leaf(t, CHANGE_REMOVE, target, target->data, found, f);
}
