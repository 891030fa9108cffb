/*
 * Walking a tree for the structural check: see check/parts.h.
 *
 * Inner pages are read one by one and kept for as long as their children are visited; leaves are
 * read in batches, in the order in which they lie in the file, and judged in key order.
 */
#include "formats/ese/check/parts.h"

/* A key in the pieces in which it stands on its page. */
struct pieces {
    struct bytes part[3];
};

/* A separator that bounds a subtree; set is false on the outer edges of the tree, and where the
 * separator cannot be read. */
struct bound {
    bool set, edge;
    struct pieces key;
};

enum level { LEVEL_UNKNOWN, LEVEL_LEAF, LEVEL_PARENT, LEVEL_INNER };

struct frame {
    struct ese_page page;
    unsigned child, children;
    enum level below;
    struct bound lower, upper;
};

struct walk {
    struct check *c;
    struct check_tree *t;
    struct frame frame[ESE_DEPTH_MOST + 1];
    unsigned depth;
};

static struct pieces key_of(const struct ese_node *node)
{
    return (struct pieces){{node->prefix, node->suffix, {node->data.at, 0}}};
}

static struct pieces key_and_data_of(const struct ese_node *node)
{
    return (struct pieces){{node->prefix, node->suffix, node->data}};
}

static size_t size_of(const struct pieces *key)
{
    return key->part[0].size + key->part[1].size + key->part[2].size;
}

static int compare(const struct pieces *a, const struct pieces *b)
{
    struct bytes x = a->part[0], y = b->part[0];
    for (unsigned i = 0, k = 0;;) {
        while (x.size == 0 && ++i < 3)
            x = a->part[i];
        while (y.size == 0 && ++k < 3)
            y = b->part[k];
        if (x.size == 0 || y.size == 0)
            return (x.size > 0) - (y.size > 0);
        size_t n = x.size < y.size ? x.size : y.size;
        int order = x.at == y.at ? 0 : memcmp(x.at, y.at, n);
        if (order != 0)
            return order;
        x = bytes_from(x, n);
        y = bytes_from(y, n);
    }
}

/* The same for two nodes of one page, which share what prefix they have. */
static int compare_nodes(const struct ese_node *a, const struct ese_node *b)
{
    if (a->prefix.size == b->prefix.size)
        return bytes_compare(a->suffix, b->suffix);
    struct pieces x = key_of(a), y = key_of(b);
    return compare(&x, &y);
}

/* ---- which page may be entered ---- */

/* Who names a root page: the catalog, or the header of the tree that a space tree belongs to. */
static enum ese_rule root_rule(const struct check_tree *t)
{
    return t->space ? ESE_RULE_SPACE_HEADER : ESE_RULE_CATALOG_ROOT;
}

/* Takes a page for this tree.  A page can be taken once.  from: the page that leads to it; 0: it is
 * the root. */
static bool claim(struct check *c, const struct check_tree *t, uint32_t number, uint32_t from,
                  int tag)
{
    if (number == 0 || number > c->last) {
        check_found(c, from ? ESE_RULE_CHILD_PAGE : root_rule(t), from, tag,
                    "object %u: expected a page from 1 to %u, found page %u", t->objid, c->last,
                    number);
        return false;
    }
    if (check_bit(&c->visited, number)) {
        check_found(c, ESE_RULE_PAGE_TWICE, number, CHECK_NO_TAG,
                    "the page is reached a second time, %s object %u",
                    from ? "as a page of" : "as the root of", t->objid);
        return false;
    }
    check_set_bit(&c->visited, number);
    c->summary->pages_in_trees++;
    return true;
}

static void judge_ownership(struct check *c, const struct check_tree *t,
                            const struct ese_page *page)
{
    if (check_bit(&c->available, page->number))
        check_found(c, ESE_RULE_PAGE_AVAILABLE, page->number, CHECK_NO_TAG,
                    "the page is in use by object %u, and listed as available", t->objid);
    if (t->owned == NULL || !t->owned->known)
        return;
    if (!check_extents_have(t->owned, page->number))
        check_found(c, ESE_RULE_PAGE_NOT_OWNED, page->number, CHECK_NO_TAG,
                    "the page is in use by object %u, whose extents do not have it", t->objid);
    else if (t->lent != NULL && check_bit(t->lent, page->number))
        check_found(
            c, ESE_RULE_PAGE_NOT_OWNED, page->number, CHECK_NO_TAG,
            "the page is in use by object %u, and owned by one of its indexes or long values",
            t->objid);
}

static void judge_kind(struct check *c, const struct check_tree *t, const struct ese_page *page)
{
    uint32_t expected = t->space ? ESE_PAGE_SPACE_TREE : 0;
    if (t->kind == CHECK_INDEX)
        expected |= ESE_PAGE_INDEX;
    if (t->kind == CHECK_LONG_VALUES)
        expected |= ESE_PAGE_LONG_VALUE;
    uint32_t mask = ESE_PAGE_SPACE_TREE | ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE;
    uint32_t both = ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE;
    if (t->kind == CHECK_INDEX && !t->space) {
        mask |= ESE_PAGE_NON_UNIQUE_KEYS;
        expected |= t->unique ? 0 : ESE_PAGE_NON_UNIQUE_KEYS;
    }
    if ((page->flags & mask) == expected || (page->flags & both) == both)
        return; /* or check_page() says so */
    check_found(c, ESE_RULE_PAGE_FLAGS, page->number, CHECK_NO_TAG,
                "expected flags with 0x%x of 0x%x, found 0x%x", expected, mask, page->flags);
}

/* Is it the page that its place in the tree demands?  If not, nothing on it counts. */
static bool in_its_place(struct check *c, const struct check_tree *t, const struct ese_page *page,
                         bool at_root)
{
    bool rooted = page->flags & ESE_PAGE_ROOT;
    if (page->objid != t->objid) {
        check_found(c, at_root ? root_rule(t) : ESE_RULE_PAGE_OWNER, page->number, CHECK_NO_TAG,
                    "expected a page of object %u, found one of object %u", t->objid, page->objid);
        return false;
    }
    if (rooted && !at_root && (page->flags & ESE_PAGE_LEAF) && !t->space &&
        !(page->flags & ESE_PAGE_SPACE_TREE)) {
        check_found(c, ESE_RULE_PAGE_LEVEL, page->number, CHECK_NO_TAG,
                    "a leaf with the flag and the space header of a root: the old root that "
                    "eseutil /p leaves under the new one");
        return true;
    }
    if (rooted != at_root) {
        check_found(c, at_root ? root_rule(t) : ESE_RULE_PAGE_LEVEL, page->number, CHECK_NO_TAG,
                    "expected %s, found %s", at_root ? "a root page" : "no root page",
                    rooted ? "a root page" : "none");
        return false;
    }
    return true;
}

static enum level level_of(const struct ese_page *page)
{
    if (page->flags & ESE_PAGE_LEAF)
        return LEVEL_LEAF;
    return page->flags & ESE_PAGE_PARENT_OF_LEAF ? LEVEL_PARENT : LEVEL_INNER;
}

static const char *level_name(enum level level)
{
    return level == LEVEL_LEAF     ? "a leaf"
           : level == LEVEL_PARENT ? "a parent of leaves"
                                   : "an inner page";
}

/* *below: the level that pages here have, as far as it is known. */
static bool enter(struct walk *w, const struct ese_page *page, bool at_root, enum level *below)
{
    struct check *c = w->c;
    if (!in_its_place(c, w->t, page, at_root))
        return false;
    enum level level = level_of(page);
    if (*below == LEVEL_UNKNOWN && (at_root || level != LEVEL_LEAF))
        *below = level;
    if (*below != level) {
        check_found(c, ESE_RULE_PAGE_LEVEL, page->number, CHECK_NO_TAG, "expected %s, found %s",
                    level_name(*below), level_name(level));
        return false;
    }
    judge_kind(c, w->t, page);
    judge_ownership(c, w->t, page);
    return check_page(c, page);
}

/* ---- what is lost behind a page that cannot be used ---- */

static void gap(struct check_tree *t)
{
    t->complete = false;
    t->last_key_known = false;
    if (t->gap)
        t->gap(t->context);
}

/* number: of the leaf, 0 when it is not known which leaves are missing. */
static void lose(struct check_tree *t, uint32_t number)
{
    gap(t);
    t->prev = number;
    t->prev_known = number != 0;
    t->next_known = false;
}

/* ---- nodes ---- */

/* Reads a node; false, with a finding, when it makes no sense. */
static bool read_node(struct check *c, const struct ese_page *page, unsigned i,
                      struct ese_node *node)
{
    struct fault f;
    int t = (int)(i + page->reserved);
    if (!ese_page_node(page, i, node, &f)) {
        struct ese_tag tag;
        struct bytes at;
        if (ese_page_tag(page, (unsigned)t, &tag, &at, NULL) &&
            at.size > 0) /* else check_page() said so */
            check_found(c, ESE_RULE_NODE, page->number, t, "the node's key does not fit: %s",
                        f.text);
        return false;
    }
    if (node->prefix.size == 1)
        check_found(c, ESE_RULE_NODE, page->number, t,
                    "expected a key prefix of none or 2 and more bytes, found 1");
    if (node->data.size == 0)
        check_found(c, ESE_RULE_NODE, page->number, t, "expected data, found none");
    if (node->prefix.size + node->suffix.size <= ESE_KEY_ROOM)
        return true;
    check_found(c, ESE_RULE_NODE, page->number, t, "expected a key of at most %u bytes, found %zu",
                ESE_KEY_MOST, node->prefix.size + node->suffix.size);
    return false;
}

static void judge_order(struct check *c, int order, const struct ese_page *page, int tag,
                        const char *before)
{
    if (order > 0)
        check_found(c, ESE_RULE_KEY_ORDER, page->number, tag,
                    "expected a key above that of %s, found one below", before);
    else if (order == 0)
        check_found(c, ESE_RULE_KEY_DUPLICATE, page->number, tag,
                    "expected a key above that of %s, found the same", before);
}

/* ---- inner pages ---- */

static void judge_inner_node(struct check *c, const struct ese_page *page,
                             const struct ese_node *node, unsigned i, unsigned nodes)
{
    int tag = (int)(i + page->reserved);
    struct pieces key = key_of(node);
    if (node->flags & (ESE_NODE_DELETED | ESE_NODE_VERSION))
        check_found(c, ESE_RULE_NODE, page->number, tag, "a node of an inner page has flags 0x%x",
                    node->flags);
    if (node->data.size != 4 && node->data.size != 0)
        check_found(c, ESE_RULE_NODE, page->number, tag,
                    "expected a page number of 4 bytes, found %zu", node->data.size);
    if (size_of(&key) == 0 && i + 1 < nodes)
        check_found(c, ESE_RULE_NODE, page->number, tag,
                    "only the last node of an inner page has no key");
}

static void judge_inner(struct check *c, const struct frame *frame)
{
    const struct ese_page *page = &frame->page;
    unsigned nodes = ese_page_nodes(page);
    struct ese_node node = {.flags = 0};
    struct pieces before = {.part[0].size = 0};
    bool have_before = false, last_known = false;
    if (nodes == 0)
        check_found(c, ESE_RULE_EMPTY_PAGE, page->number, CHECK_NO_TAG,
                    "an inner page without nodes");
    if (page->prev != 0 || page->next != 0)
        check_found(c, ESE_RULE_SIBLING_LINK, page->number, CHECK_NO_TAG,
                    "expected an inner page without links, found %u and %u", page->prev,
                    page->next);
    for (unsigned i = 0; i < nodes; i++) {
        last_known = read_node(c, page, i, &node);
        if (!last_known)
            continue;
        judge_inner_node(c, page, &node, i, nodes);
        struct pieces key = key_of(&node);
        if (have_before && size_of(&key) > 0)
            judge_order(c, compare(&before, &key), page, (int)(i + page->reserved),
                        "the node before");
        if (i == 0 && frame->lower.set && size_of(&key) > 0 && compare(&frame->lower.key, &key) > 0)
            check_found(c, ESE_RULE_SEPARATOR, page->number, (int)page->reserved,
                        "the first key is below the separator of the subtree before");
        before = key;
        have_before = true;
    }
    if (!last_known)
        return;
    if (frame->upper.edge ? size_of(&before) != 0
                          : frame->upper.set && compare(&before, &frame->upper.key) != 0)
        check_found(c, ESE_RULE_SEPARATOR, page->number, (int)(nodes - 1 + page->reserved),
                    "the last key of an inner page is not its parent's separator");
}

/* The separators between which child i of a frame lies. */
static void bounds_of(const struct frame *frame, unsigned i, struct bound *lower,
                      struct bound *upper)
{
    struct ese_node node;
    *lower = frame->lower;
    *upper = frame->upper;
    if (i > 0) {
        *lower = (struct bound){.set = ese_page_node(&frame->page, i - 1, &node, NULL)};
        if (lower->set)
            lower->key = key_of(&node);
    }
    if (!ese_page_node(&frame->page, i, &node, NULL)) {
        *upper = (struct bound){.set = false};
    } else if (node.prefix.size + node.suffix.size > 0) {
        *upper = (struct bound){.set = true, .key = key_of(&node)};
    } else if (i + 1 < frame->children) {
        *upper = (struct bound){.set = false};
    }
}

/* Child i's page number, taken for this tree; 0 when it cannot be used. */
static uint32_t child_of(struct check *c, const struct check_tree *t, const struct frame *frame,
                         unsigned i)
{
    struct ese_node node;
    if (!ese_page_node(&frame->page, i, &node, NULL) || node.data.size != 4)
        return 0; /* judge_inner() has said so */
    uint32_t number = 0;
    bytes_le32(node.data, 0, &number);
    bool mine = claim(c, t, number, frame->page.number, (int)(i + frame->page.reserved));
    return mine ? number : 0;
}

/* ---- leaves ---- */

static void judge_links(struct check *c, struct check_tree *t, const struct ese_page *page)
{
    if (t->prev_known && page->prev != t->prev)
        check_found(c, ESE_RULE_SIBLING_LINK, page->number, CHECK_NO_TAG,
                    "expected page %u before it, found a link to page %u", t->prev, page->prev);
    if (t->next_known && t->next != page->number)
        check_found(c, ESE_RULE_SIBLING_LINK, t->prev, CHECK_NO_TAG,
                    "expected page %u behind it, found a link to page %u", page->number, t->next);
    t->prev = page->number;
    t->next = page->next;
    t->prev_known = t->next_known = true;
}

/* Compares a leaf's first node with the last of the leaf before. */
static void judge_across(struct check *c, const struct check_tree *t, const struct ese_page *page,
                         const struct ese_node *first)
{
    if (!t->last_key_known)
        return;
    struct pieces before = {{t->last_key}}, key = key_of(first);
    int order = compare(&before, &key);
    if (order == 0 && !t->unique)
        order = bytes_compare(t->last_data, first->data);
    judge_order(c, order, page, (int)page->reserved, "the last node of the page before");
}

static void keep_last(struct check *c, struct check_tree *t, const struct ese_node *last)
{
    t->last_data = bytes_of(c->last_data_room, 0);
    t->last_key_known = ese_node_key(last, c->last_key_room, sizeof c->last_key_room, &t->last_key);
    if (t->unique || last->data.size == 0)
        return;
    t->last_key_known = t->last_key_known && last->data.size <= sizeof c->last_data_room;
    if (!t->last_key_known)
        return;
    memcpy(c->last_data_room, last->data.at, last->data.size);
    t->last_data.size = last->data.size;
}

/* The first and last node of a leaf against its parent's separators.  True when they agree. */
static bool judge_bounds(struct check *c, const struct ese_page *page, const struct ese_node *first,
                         const struct ese_node *last, const struct bound *lower,
                         const struct bound *upper)
{
    struct pieces low = key_and_data_of(first), high = key_of(last);
    bool good = true;
    if (lower->set && compare(&lower->key, &low) > 0) {
        good = false;
        check_found(c, ESE_RULE_SEPARATOR, page->number, (int)page->reserved,
                    "the first key is below its parent's separator");
    }
    if (upper->set && compare(&high, &upper->key) >= 0) {
        good = false;
        check_found(c, ESE_RULE_SEPARATOR, page->number, page->tags - 1,
                    "the last key is not below its parent's separator");
    }
    return good;
}

static void visit(struct check *c, struct check_tree *t, const struct ese_page *page, int tag,
                  const struct ese_node *node)
{
    struct bytes key = node->suffix;
    t->nodes++;
    if (t->node &&
        (node->prefix.size == 0 || ese_node_key(node, c->key_room, sizeof c->key_room, &key)))
        t->node(t->context, page, tag, key, node->data);
}

/* The nodes of a leaf, one by one. */
static void judge_leaf_nodes(struct check *c, struct check_tree *t, const struct ese_page *page)
{
    unsigned nodes = ese_page_nodes(page);
    struct ese_node pair[2], *node = &pair[0], *before = NULL;
    for (unsigned i = 0; i < nodes; i++) {
        int tag = (int)(i + page->reserved);
        if (!read_node(c, page, i, node)) {
            gap(t);
            continue;
        }
        if (node->prefix.size + node->suffix.size == 0)
            check_found(c, ESE_RULE_NODE, page->number, tag, "a leaf's node without a key");
        if (before) {
            int order = compare_nodes(before, node);
            if (order == 0 && !t->unique)
                order = bytes_compare(before->data, node->data);
            judge_order(c, order, page, tag, "the node before");
        }
        if (t->space && (node->flags & ESE_NODE_VERSION))
            check_found(c, ESE_RULE_NODE, page->number, tag,
                        "a node of a space tree has flags 0x%x", node->flags);
        if (!(node->flags & ESE_NODE_DELETED)) /* those are normal after a recovery */
            visit(c, t, page, tag, node);
        before = node;
        node = node == &pair[0] ? &pair[1] : &pair[0];
    }
    if (before)
        keep_last(c, t, before);
}

static void judge_leaf(struct check *c, struct check_tree *t, const struct ese_page *page,
                       const struct bound *lower, const struct bound *upper)
{
    unsigned nodes = ese_page_nodes(page);
    struct ese_node first, last;
    judge_links(c, t, page);
    if (nodes == 0 && !(page->flags & ESE_PAGE_ROOT))
        check_found(c, ESE_RULE_EMPTY_PAGE, page->number, CHECK_NO_TAG, "a leaf without nodes");
    /* A leaf that is in a wrong place is not also out of order with the one before. */
    if (nodes > 0 && ese_page_node(page, 0, &first, NULL) &&
        ese_page_node(page, nodes - 1, &last, NULL) &&
        judge_bounds(c, page, &first, &last, lower, upper))
        judge_across(c, t, page, &first);
    judge_leaf_nodes(c, t, page);
}

/* ---- the walk ---- */

static void walk_leaves(struct walk *w, struct frame *frame)
{
    struct check *c = w->c;
    uint32_t number[CHECK_BATCH_MOST];
    for (unsigned i = 0; i < frame->children; i += c->batch_most) {
        unsigned n = frame->children - i < c->batch_most ? frame->children - i : c->batch_most;
        for (unsigned k = 0; k < n; k++)
            number[k] = child_of(c, w->t, frame, i + k);
        check_read_batch(c, number, n);
        for (unsigned k = 0; k < n; k++) {
            struct bound lower, upper;
            const struct ese_page *page = &c->slot[k].page;
            enum level leaf = LEVEL_LEAF;
            if (number[k] == 0 || !c->slot[k].readable || !enter(w, page, false, &leaf)) {
                lose(w->t, number[k]);
                continue;
            }
            bounds_of(frame, i + k, &lower, &upper);
            judge_leaf(c, w->t, page, &lower, &upper);
        }
    }
}

/* Reads the page into the next frame and enters it there. */
static bool push(struct walk *w, uint32_t number, enum level *below, const struct bound *lower,
                 const struct bound *upper)
{
    struct check *c = w->c;
    if (w->depth > ESE_DEPTH_MOST) {
        check_found(c, ESE_RULE_PAGE_LEVEL, number, CHECK_NO_TAG,
                    "the tree is deeper than %u levels", ESE_DEPTH_MOST);
        return false;
    }
    struct frame *frame = &w->frame[w->depth];
    uint8_t *raw = c->stack_memory + (size_t)w->depth * c->page_size;
    if (!check_read_page(c, number, raw, &frame->page) ||
        !enter(w, &frame->page, w->depth == 0, below))
        return false;
    frame->child = 0;
    frame->below = LEVEL_UNKNOWN;
    frame->lower = *lower;
    frame->upper = *upper;
    if (level_of(&frame->page) == LEVEL_LEAF) { /* a root that is the only page */
        judge_leaf(c, w->t, &frame->page, lower, upper);
        return true;
    }
    frame->children = ese_page_nodes(&frame->page);
    judge_inner(c, frame);
    w->depth++;
    return true;
}

static void walk_on(struct walk *w)
{
    struct frame *frame = &w->frame[w->depth - 1];
    if (level_of(&frame->page) == LEVEL_PARENT) {
        walk_leaves(w, frame);
        w->depth--;
        return;
    }
    if (frame->child == frame->children) {
        w->depth--;
        return;
    }
    unsigned i = frame->child++;
    struct bound lower, upper;
    bounds_of(frame, i, &lower, &upper);
    uint32_t number = child_of(w->c, w->t, frame, i);
    /* An inner page that is no parent of leaves has no leaves below it. */
    enum level expected = frame->below;
    bool ok = number != 0 && push(w, number, &expected, &lower, &upper);
    if (ok && frame->below == LEVEL_UNKNOWN)
        frame->below = expected;
    if (!ok)
        lose(w->t, 0);
}

void check_tree_walk(struct check *c, struct check_tree *t)
{
    struct walk w = {.c = c, .t = t};
    struct bound edge = {.edge = true};
    enum level any = LEVEL_UNKNOWN;
    c->summary->trees++;
    t->complete = true;
    t->nodes = 0;
    t->prev = 0;
    t->prev_known = true;
    t->next_known = t->last_key_known = false;
    if (!claim(c, t, t->root, 0, CHECK_NO_TAG) || !push(&w, t->root, &any, &edge, &edge)) {
        lose(t, 0);
        return;
    }
    while (w.depth > 0)
        walk_on(&w);
    if (t->next_known && t->next != 0)
        check_found(c, ESE_RULE_SIBLING_LINK, t->prev, CHECK_NO_TAG,
                    "expected the last page of the tree, found a link to page %u", t->next);
}
