/* The B+-tree cursor: see cursor.h. */
#include "formats/ese/read/cursor.h"

#include "formats/array.h"

#include <stdlib.h>

void ese_cursor_open(struct ese_cursor *c, struct ese_pages *pages, uint32_t root, uint32_t objid)
{
    /* Not one initialiser: clearing the key's room each time would cost more than the walk. */
    c->pages = pages;
    c->root = root;
    c->objid = objid;
    c->leaf = NULL;
    c->depth = 0;
    c->index = 0;
    c->flags = 0;
    c->key = c->data = bytes_of(c->key_room, 0);
    c->started = c->with_deleted = false;
    c->entered = c->reached = NULL;
}

static void leave_leaf(struct ese_cursor *c)
{
    ese_pages_put(c->pages, c->leaf);
    c->leaf = NULL;
}

void ese_cursor_close(struct ese_cursor *c)
{
    if (c->leaf)
        leave_leaf(c);
    free(c->entered);
    c->entered = NULL;
}

static bool enter_once(struct ese_cursor *c, uint32_t number, struct fault *f)
{
    if (number == 0 || number > ese_pages_last(c->pages))
        return true; /* getting it will say so */
    uint8_t bit = (uint8_t)(1 << number % 8);
    if (c->entered ? c->entered[number / 8] & bit : c->budget == 0)
        return fault_set(f, FAULT_DAMAGED,
                         "the tree with root page %u loops: page %u is reached a second time",
                         c->root, number);
    if (c->entered)
        c->entered[number / 8] |= bit;
    else
        c->budget--;
    return true;
}

/* What a repair of the engine's (eseutil /p) leaves: the root of a tree that had one page becomes a
 * leaf below the new root and keeps its flag, and its space header, which nothing reads any more.
 */
static bool was_a_root(const struct ese_page *page)
{
    return (page->flags & ESE_PAGE_LEAF) && !(page->flags & ESE_PAGE_SPACE_TREE);
}

/* A page belongs where it was reached when its object id says so and its kind fits its level. */
static bool fits(const struct ese_cursor *c, const struct ese_page *page, struct fault *f)
{
    bool at_root = c->depth == 0;
    if (c->objid != 0 && page->objid != c->objid)
        return fault_set(f, FAULT_DAMAGED, "page %u belongs to object %u, expected object %u",
                         page->number, page->objid, c->objid);
    if (at_root != !!(page->flags & ESE_PAGE_ROOT) && (at_root || !was_a_root(page)))
        return fault_set(f, FAULT_DAMAGED, "page %u is %sflagged as a root, reached as %s page",
                         page->number, at_root ? "not " : "", at_root ? "a root" : "an inner");
    if (!page->tag_array_fits)
        return fault_set(f, FAULT_DAMAGED, "page %u has more tags than fit into it", page->number);
    return true;
}

/* Gets the page, if it may be entered here; on failure nothing is held. */
static const struct ese_page *enter(struct ese_cursor *c, uint32_t number, struct fault *f)
{
    const struct ese_page *page;
    if (!enter_once(c, number, f) || !ese_pages_get_sound(c->pages, number, &page, f))
        return NULL;
    if (fits(c, page, f)) {
        if (c->reached)
            c->reached[number / 8] |= (uint8_t)(1 << number % 8);
        return page;
    }
    ese_pages_put(c->pages, page);
    return NULL;
}

static int compare_key(const struct ese_node *node, struct bytes key)
{
    struct bytes head = {key.at, key.size < node->prefix.size ? key.size : node->prefix.size};
    struct bytes prefix = {node->prefix.at, head.size};
    int order = bytes_compare(prefix, head);
    if (order != 0)
        return order;
    if (node->prefix.size > key.size)
        return 1;
    return bytes_compare(node->suffix, bytes_from(key, node->prefix.size));
}

/* Which child of an internal page a key belongs under: the first whose separator is greater;
 * without a key the first. */
static unsigned child_for(const struct ese_page *page, const struct bytes *key)
{
    struct halving h = {.high = ese_page_nodes(page)};
    if (key == NULL || h.high == 0)
        return 0;
    h.high--; /* the last child takes what no separator exceeds */
    while (halving_next(&h)) {
        struct ese_node node;
        halving_go(&h, ese_page_node(page, (unsigned)h.middle, &node, NULL) &&
                           compare_key(&node, *key) <= 0);
    }
    return (unsigned)h.low;
}

static unsigned first_not_less(const struct ese_page *page, struct bytes key)
{
    struct halving h = {.high = ese_page_nodes(page)};
    while (halving_next(&h)) {
        struct ese_node node;
        halving_go(&h, ese_page_node(page, (unsigned)h.middle, &node, NULL) &&
                           compare_key(&node, key) < 0);
    }
    return (unsigned)h.low;
}

/* Goes down from page `number` to a leaf: to the one for *key, or to the first. */
static bool descend(struct ese_cursor *c, uint32_t number, const struct bytes *key, struct fault *f)
{
    for (;;) {
        const struct ese_page *page = enter(c, number, f);
        if (page == NULL)
            return false;
        if (page->flags & ESE_PAGE_LEAF) {
            c->leaf = page;
            c->index = key ? first_not_less(page, *key) : 0;
            return true;
        }
        if (c->depth == ESE_DEPTH_MOST) {
            ese_pages_put(c->pages, page);
            return fault_set(f, FAULT_DAMAGED,
                             "the tree with root page %u is deeper than %u levels", c->root,
                             ESE_DEPTH_MOST);
        }
        unsigned i = child_for(page, key);
        struct ese_node node;
        bool ok = ese_page_node(page, i, &node, f);
        c->path[c->depth].page = number;
        c->path[c->depth].child = i;
        c->depth++;
        number = ok ? ese_node_child(&node) : 0;
        if (ok && number == 0)
            ok = fault_set(f, FAULT_DAMAGED, "page %u tag %u names no child page", page->number,
                           i + page->reserved);
        ese_pages_put(c->pages, page);
        if (!ok)
            return false;
    }
}

/* Moves the path to the next child of the nearest parent that has one.  False at the end.  A parent
 * that was read before and cannot be read again is told: what lies behind it is lost. */
static bool next_branch(struct ese_cursor *c, uint32_t *child, bool *readable, struct fault *f)
{
    for (; c->depth > 0; c->depth--) {
        const struct ese_page *page;
        unsigned top = c->depth - 1;
        if (!ese_pages_get_sound(c->pages, c->path[top].page, &page, f)) {
            c->depth--;
            *readable = false;
            return true;
        }
        bool more = ++c->path[top].child < ese_page_nodes(page);
        struct ese_node node;
        if (more) {
            *readable = ese_page_node(page, c->path[top].child, &node, f);
            *child = *readable ? ese_node_child(&node) : 0;
            if (*readable && *child == 0)
                *readable = fault_set(f, FAULT_DAMAGED, "page %u tag %u names no child page",
                                      page->number, c->path[top].child + page->reserved);
        }
        ese_pages_put(c->pages, page);
        if (more)
            return true;
    }
    return false;
}

/* Takes up the node that leaf and index name.  True when it is one to stop at, or unreadable. */
static bool take_node(struct ese_cursor *c, enum ese_step *step, struct fault *f)
{
    struct ese_node node;
    *step = ESE_STEP_FAULT;
    if (!ese_page_node(c->leaf, c->index, &node, f))
        return true;
    c->flags = node.flags;
    c->data = node.data;
    if ((node.flags & ESE_NODE_DELETED) && !c->with_deleted)
        return false;
    if (!ese_node_key(&node, c->key_room, sizeof c->key_room, &c->key)) {
        fault_set(f, FAULT_DAMAGED, "page %u tag %u has a key of %zu bytes, expected at most %u",
                  c->leaf->number, c->index + c->leaf->reserved,
                  node.prefix.size + node.suffix.size, ESE_KEY_MOST);
        return true;
    }
    *step = ESE_STEP_NODE;
    return true;
}

/* The first node to stop at from leaf and index on, in this leaf or the ones behind it. */
static enum ese_step settle(struct ese_cursor *c, struct fault *f)
{
    for (;;) {
        enum ese_step step;
        for (; c->leaf && c->index < ese_page_nodes(c->leaf); c->index++)
            if (take_node(c, &step, f))
                return step;
        if (c->leaf)
            leave_leaf(c);
        uint32_t child;
        bool readable;
        if (!next_branch(c, &child, &readable, f))
            return ESE_STEP_END;
        if (!readable || !descend(c, child, NULL, f))
            return ESE_STEP_FAULT;
    }
}

enum ese_step ese_cursor_next(struct ese_cursor *c, struct fault *f)
{
    if (!c->started) {
        c->started = true;
        c->entered = calloc((size_t)ese_pages_last(c->pages) / 8 + 1, 1);
        if (c->entered == NULL) {
            fault_no_memory(f, "walking a tree");
            return ESE_STEP_FAULT;
        }
        if (!descend(c, c->root, NULL, f))
            return ESE_STEP_FAULT;
    } else if (c->leaf) {
        c->index++;
    }
    return settle(c, f);
}

enum ese_step ese_cursor_seek(struct ese_cursor *c, struct bytes key, struct fault *f)
{
    if (c->leaf)
        leave_leaf(c);
    free(c->entered); /* a seek may enter a page again: its bound is a number of pages */
    c->entered = NULL;
    c->budget = ese_pages_last(c->pages);
    c->depth = 0;
    c->started = true;
    if (!descend(c, c->root, &key, f))
        return ESE_STEP_FAULT;
    c->sought_dbtime = c->leaf->dbtime;
    return settle(c, f);
}
