/*
 * One B+-tree being filled from the bottom up.
 *
 * Every level has one page being filled.  When a node does not fit into the leaf, the leaf is
 * written, with the number of the leaf to come as its right sibling, and a separator with its
 * number goes to the level above: the shortest key greater than everything in the page and not
 * greater than the node that did not fit.  The top level becomes the root at the end: pages below
 * it are final once they are written.
 *
 * Source: the published engine, ese/bt.cxx (ErrBTIComputeSeparatorKey, separators and null keys),
 * ese/space.cxx.
 */
#include "formats/ese/build/parts.h"

#include "formats/ese/layout/page.h"
#include "formats/hex.h"

#include <string.h>

bool build_tree_begin(struct build_tree *t, struct ese_build *build, uint32_t objid, uint32_t flags,
                      bool unique, struct fault *f)
{
    t->build = build;
    t->objid = objid;
    t->flags = flags | build->page_flags;
    t->unique = unique;
    if (t->root_external == 0)
        t->root_external = BUILD_SPACE_HEADER_SIZE;
    t->nodes = 0;
    t->level[0].opened = build_page_open(&t->level[0].page, build->options.page_size, f);
    return t->level[0].opened;
}

void build_tree_close(struct build_tree *t)
{
    for (unsigned i = 0; i < ESE_DEPTH_MOST; i++)
        if (t->level[i].opened)
            build_page_close(&t->level[i].page);
    buffer_free(&t->last_key);
    buffer_free(&t->last_data);
    build_space_close(&t->space);
    memset(t, 0, sizeof *t);
}

static bool new_page(struct build_tree *t, uint32_t *number, struct fault *f)
{
    if (t->fixed_pages == NULL)
        return build_space_page(&t->space, number, f);
    size_t left = t->fixed_used++;
    for (size_t i = 0; i < t->fixed_pages->count; i++) {
        const struct build_extent *extent = &t->fixed_pages->at[i];
        if (left < extent->pages) {
            *number = extent->first + (uint32_t)left;
            return true;
        }
        left -= extent->pages;
    }
    return fault_set(f, FAULT_LIMIT, "a space tree grew over the pages set aside for it");
}

static uint32_t level_flags(const struct build_tree *t, unsigned level)
{
    return t->flags | (level == 0 ? ESE_PAGE_LEAF : level == 1 ? ESE_PAGE_PARENT_OF_LEAF : 0);
}

/* Writes the page of a level.  next: its right sibling, 0: none. */
static bool write_level(struct build_tree *t, unsigned level, uint32_t next, struct fault *f)
{
    struct build_level *l = &t->level[level];
    struct ese_page header = {
        .dbtime = t->build->dbtime++,
        .prev = level == 0 ? l->prev : 0,
        .next = level == 0 ? next : 0,
        .objid = t->objid,
        .flags = level_flags(t, level),
        .number = l->number,
    };
    build_page_finish(&l->page, &header);
    if (!build_write_page(t->build, l->number, l->page.raw, f))
        return false;
    build_page_reset(&l->page, false, 0);
    l->prev = l->number;
    l->number = next;
    return true;
}

static bool push(struct build_tree *t, unsigned level, struct bytes key, uint32_t child,
                 struct fault *f);

/* Writes the page of a level because more is to come, and tells the level above.  separator: see
 * above. */
static bool close_page(struct build_tree *t, unsigned level, struct bytes separator,
                       struct fault *f)
{
    struct build_level *l = &t->level[level];
    uint32_t next = 0;
    if (l->number == 0 && !new_page(t, &l->number, f))
        return false;
    uint32_t number = l->number;
    if (level == 0 && !new_page(t, &next, f))
        return false;
    return write_level(t, level, next, f) && push(t, level + 1, separator, number, f);
}

/* Adds a pointer to an internal level. */
static bool push(struct build_tree *t, unsigned level, struct bytes key, uint32_t child,
                 struct fault *f)
{
    if (level >= ESE_DEPTH_MOST)
        return fault_set(f, FAULT_LIMIT, "a tree of more than %u levels", ESE_DEPTH_MOST);
    struct build_level *l = &t->level[level];
    if (!l->opened) {
        l->opened = build_page_open(&l->page, t->build->options.page_size, f);
        if (!l->opened)
            return false;
    }
    uint8_t pointer[4];
    bytes_put_le32(pointer, child);
    bool fits;
    if (!build_page_add(&l->page, key, bytes_of(pointer, 4), &fits, f))
        return false;
    if (fits)
        return true;
    /* An internal page's last key is its own separator. */
    struct buffer last = {.size = 0};
    bool ok = buffer_set(&last, buffer_bytes(&l->page.last_key), f) &&
              close_page(t, level, buffer_bytes(&last), f);
    buffer_free(&last);
    if (!ok || !build_page_add(&l->page, key, bytes_of(pointer, 4), &fits, f))
        return false;
    return fits || fault_set(f, FAULT_LIMIT, "a key of %zu bytes is too long for a page", key.size);
}

/* ---- order and separators ---- */

static struct ese_place place_of(const struct build_tree *t, struct bytes key, struct bytes data)
{
    return (struct ese_place){key, t->unique ? bytes_of(data.at, 0) : data};
}

/* The shortest separator between the last node and one behind it; to: room for key and data of
 * that. */
static size_t separator(const struct build_tree *t, struct bytes key, struct bytes data,
                        uint8_t *to)
{
    return ese_separator(place_of(t, buffer_bytes(&t->last_key), buffer_bytes(&t->last_data)),
                         place_of(t, key, data), to);
}

static bool in_order(struct build_tree *t, struct bytes key, struct bytes data, bool *same_key,
                     struct fault *f)
{
    if (same_key)
        *same_key = false;
    if (t->nodes == 0)
        return true;
    int order = bytes_compare(buffer_bytes(&t->last_key), key);
    if (order < 0 && !t->unique && t->last_key.size < key.size &&
        memcmp(t->last_key.at, key.at, t->last_key.size) == 0)
        order = bytes_compare(buffer_bytes(&t->last_data), bytes_from(key, t->last_key.size)) < 0
                    ? -1
                    : 1;
    if (order == 0 && t->unique && t->allow_same)
        return true;
    if (order == 0 && same_key)
        *same_key = t->unique;
    if (order == 0 && !t->unique)
        order = bytes_compare(buffer_bytes(&t->last_data), data);
    if (order < 0)
        return true;
    char before[HEX_START_SIZE(BUILD_KEY_SHOWN)], now[HEX_START_SIZE(BUILD_KEY_SHOWN)];
    return fault_set(f, FAULT_DAMAGED, "key %s comes behind key %s, expected ascending order",
                     hex_start(key, BUILD_KEY_SHOWN, now),
                     hex_start(buffer_bytes(&t->last_key), BUILD_KEY_SHOWN, before));
}

bool build_tree_add(struct build_tree *t, struct bytes key, struct bytes data, bool *same_key,
                    struct fault *f)
{
    if (!in_order(t, key, data, same_key, f))
        return false;
    if (key.size == 0 || data.size == 0 || key.size > ESE_KEY_MOST)
        return fault_set(f, FAULT_LIMIT,
                         "a node with a key of %zu and data of %zu bytes cannot be written",
                         key.size, data.size);
    struct build_page *leaf = &t->level[0].page;
    bool fits;
    if (!build_page_add(leaf, key, data, &fits, f))
        return false;
    if (!fits) {
        uint8_t room[ESE_PAGE_SIZE_MAX + ESE_KEY_MOST];
        if (build_page_nodes(leaf) == 0 || data.size > ESE_PAGE_SIZE_MAX)
            return fault_set(f, FAULT_LIMIT, "a node of %zu bytes does not fit into a page",
                             key.size + data.size);
        size_t size = separator(t, key, data, room);
        if (!close_page(t, 0, bytes_of(room, size), f) ||
            !build_page_add(leaf, key, data, &fits, f))
            return false;
        if (!fits)
            return fault_set(f, FAULT_LIMIT, "a node of %zu bytes does not fit into a page",
                             key.size + data.size);
    }
    t->nodes++;
    return buffer_set(&t->last_key, key, f) && (t->unique || buffer_set(&t->last_data, data, f));
}

/* ---- the root ---- */

/* Copies the nodes of a level's page to an empty root page: no prefix, room for the external
 * header. */
static bool move_to_root(struct build_tree *t, unsigned level, struct build_page *root, bool *fits,
                         struct fault *f)
{
    struct build_page *from = &t->level[level].page;
    uint8_t key_room[ESE_KEY_ROOM];
    struct ese_page page;
    build_page_finish(from, &(struct ese_page){.objid = t->objid});
    ese_page_parse(bytes_of(from->raw, from->size), 0, &page);
    build_page_reset(root, true, t->root_external);
    *fits = true;
    for (unsigned i = 0; i < ese_page_nodes(&page) && *fits; i++) {
        struct ese_node node;
        struct bytes key;
        if (!ese_page_node(&page, i, &node, f))
            return false;
        if (!ese_node_key(&node, key_room, sizeof key_room, &key))
            return fault_set(f, FAULT_LIMIT, "a key is longer than %u bytes", ESE_KEY_ROOM);
        if (!build_page_add(root, key, node.data, fits, f))
            return false;
    }
    return true;
}

/* Finds the level whose only page becomes the root; writes the last pages below it. */
static bool close_levels(struct build_tree *t, struct build_page *root, unsigned *top,
                         struct fault *f)
{
    for (unsigned level = 0; level < ESE_DEPTH_MOST; level++) {
        struct build_level *l = &t->level[level];
        *top = level;
        /* A level that has written a page has a level above it. */
        if (level + 1 == ESE_DEPTH_MOST || !t->level[level + 1].opened) {
            bool fits;
            if (!move_to_root(t, level, root, &fits, f))
                return false;
            if (fits)
                return true;
        }
        if (l->number == 0 && !new_page(t, &l->number, f))
            return false;
        uint32_t number = l->number;
        if (!write_level(t, level, 0, f) ||
            !push(t, level + 1, bytes_of(t->external, 0), number, f)) /* right edge: null key */
            return false;
    }
    return fault_set(f, FAULT_LIMIT, "a tree of more than %u levels", ESE_DEPTH_MOST);
}

static bool write_root(struct build_tree *t, struct build_page *root, unsigned level,
                       uint32_t number, struct fault *f)
{
    memcpy(root->raw + root->header, t->external, t->root_external);
    struct ese_page header = {.dbtime = t->build->dbtime++,
                              .objid = t->objid,
                              .flags = level_flags(t, level) | ESE_PAGE_ROOT,
                              .number = number};
    build_page_finish(root, &header);
    return build_write_page(t->build, number, root->raw, f);
}

bool build_tree_end(struct build_tree *t, struct fault *f)
{
    struct build_page root;
    unsigned top;
    if (!build_page_open(&root, t->build->options.page_size, f))
        return false;
    /* Behind the space header other fields may stand; then a byte of flags stands before it. */
    uint32_t at = t->root_external > BUILD_SPACE_HEADER_SIZE ? 1 : 0;
    bool ok = close_levels(t, &root, &top, f) &&
              build_space_end(&t->space, t->objid, t->flags & (uint32_t)~t->build->page_flags,
                              t->unique, t->external + at, f) &&
              write_root(t, &root, top, t->space.root, f);
    build_page_close(&root);
    return ok;
}

/* ---- space trees ---- */

enum { SPACE_KEY = 4, SPACE_DATA = 4, SPACE_NODE = 4 + 2 + SPACE_KEY + SPACE_DATA };

uint32_t build_space_tree_pages(uint32_t page_size, size_t extents)
{
    /* Prefixes only make room; one node fewer a page is reckoned for the root's split buffer. */
    size_t a_page = (page_size - 80 - 4) / SPACE_NODE - 2, pages = 0;
    for (size_t level = extents; level > a_page; level = (level + a_page - 1) / a_page)
        pages += (level + a_page - 1) / a_page;
    return (uint32_t)pages;
}

bool build_space_tree(struct ese_build *build, const struct build_extents *extents,
                      uint32_t root_page, const struct build_extents *pages, uint32_t objid,
                      uint32_t flags, struct fault *f)
{
    struct build_tree t = {.fixed_pages = pages};
    struct build_page root = {.raw = NULL};
    unsigned top;
    bool ok = build_tree_begin(&t, build, objid, flags | ESE_PAGE_SPACE_TREE, true, f) &&
              build_page_open(&root, build->options.page_size, f);
    t.root_external = build->split_buffer;
    for (size_t i = 0; ok && i < extents->count; i++) {
        uint8_t key[SPACE_KEY], data[SPACE_DATA];
        bytes_put_be32(key, extents->at[i].first + extents->at[i].pages - 1);
        bytes_put_le32(data, extents->at[i].pages);
        ok = build_tree_add(&t, bytes_of(key, sizeof key), bytes_of(data, sizeof data), NULL, f);
    }
    ok = ok && close_levels(&t, &root, &top, f) && write_root(&t, &root, top, root_page, f);
    build_page_close(&root);
    build_tree_close(&t);
    return ok;
}
