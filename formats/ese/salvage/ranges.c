/*
 * Which nodes of a page can be believed, and which keys a leaf has: from its first believed node to
 * its last.  Both are found out once, when the page is read by its number.
 */
#include "formats/ese/salvage/parts.h"

#include <string.h>

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

bool salvage_is_good(const struct salvage_page *p, const struct ese_page *page,
                     const struct ese_node *node)
{
    if (p->trust <= SALVAGE_MOVED)
        return true;
    if (p->trust >= SALVAGE_APART)
        return false;
    /* The key's sizes stand before it. */
    struct bytes all = bytes_of(node->suffix.at - (node->flags & ESE_NODE_COMPRESSED ? 4 : 2),
                                (size_t)(node->data.at + node->data.size - node->suffix.at) +
                                    (node->flags & ESE_NODE_COMPRESSED ? 4 : 2));
    return in_blocks(page, p->blocks, all) && in_blocks(page, p->blocks, node->prefix);
}

bool salvage_is_leaf(const struct salvage_page *p)
{
    return (p->flags & ESE_PAGE_LEAF) && !(p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY));
}

bool salvage_is_settled(const struct salvage_page *p)
{
    return p->rows > 0 && p->alone && !p->unread && !p->marked && !p->stale && !p->lone;
}

/* A node's place in the order, in one piece: its key, and in an index its data behind it. */
static bool place_of(const struct ese_node *node, bool joined, uint8_t to[SALVAGE_PLACE_ROOM],
                     struct bytes *place)
{
    if (!joined && node->prefix.size == 0) {
        *place = node->suffix;
        return node->suffix.size <= ESE_KEY_ROOM;
    }
    if (!ese_node_key(node, to, ESE_KEY_ROOM, place))
        return false;
    if (joined && node->data.size > 0 && node->data.size <= ESE_KEY_ROOM) {
        memcpy(to + place->size, node->data.at, node->data.size);
        place->size += node->data.size;
    }
    return true;
}

unsigned salvage_unread_nodes(const struct ese_page *page)
{
    uint8_t room[2][ESE_KEY_ROOM];
    struct bytes last = bytes_of(room[0], 0), key;
    unsigned unread = 0, turn = 0;
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL) ||
            !ese_node_key(&node, room[turn], ESE_KEY_ROOM, &key) ||
            (i > unread && bytes_compare(last, key) >= 0)) {
            unread++;
            continue;
        }
        last = key;
        turn = !turn;
    }
    return unread;
}

bool salvage_has_all_nodes(const struct ese_page *page)
{
    return ese_page_unnamed(page) == 0 && salvage_unread_nodes(page) == 0;
}

static bool keep(struct ese_salvage *s, struct bytes *key, struct fault *f)
{
    const uint8_t *copy = arena_copy(&s->arena, *key);
    *key = bytes_of(copy, key->size);
    return copy != NULL || fault_no_memory(f, "the keys of leaves");
}

bool salvage_see_range(struct ese_salvage *s, struct salvage_page *p, const struct ese_page *page,
                       bool joined, struct fault *f)
{
    uint8_t room[2][SALVAGE_PLACE_ROOM], first_room[SALVAGE_PLACE_ROOM];
    struct bytes first = {.at = NULL}, last = {.at = NULL}, now;
    unsigned nodes = ese_page_nodes(page), turn = 0; /* turn: whose room is not `last`'s */
    bool in_order = p->trust <= SALVAGE_MOVED && nodes <= UINT16_MAX;
    for (unsigned i = 0; i < nodes && i <= UINT16_MAX; i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL) || !place_of(&node, joined, room[turn], &now)) {
            in_order = false;
            continue;
        }
        if (!salvage_is_good(p, page, &node))
            continue;
        if (first.at == NULL) {
            first = bytes_of(first_room, now.size);
            if (now.size > 0)
                memcpy(first_room, now.at, now.size);
        }
        in_order = in_order && (last.at == NULL || bytes_compare(last, now) < 0);
        last = now;
        turn = !turn;
    }
    p->joined = joined;
    p->in_order = in_order;
    p->adds_up = ese_page_unnamed(page) == 0;
    p->first = first;
    p->last = last;
    return first.at == NULL || (keep(s, &p->first, f) && keep(s, &p->last, f));
}
