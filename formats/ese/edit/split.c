/*
 * Nodes that do not fit into their page any more, and pages without nodes: see edit/parts.h.
 *
 * A split is planned from the leaf up, as far as parents overflow, too; only when there are pages
 * enough it is done.  The part with the first nodes stays in the page; a root's nodes all go to new
 * pages, and the root becomes their parent.
 *
 * Source: the published engine, ese/bt.cxx (splits, ErrBTIComputeSeparatorKey, empty page merges).
 */
#include "formats/ese/edit/parts.h"

#include "formats/ese/layout/page_write.h"

/* Nodes of an overflowing page that will be in one page. */
struct part {
    unsigned first, count;
    struct bytes separator; /* from the next part; of the last one: what the page had */
    uint32_t page;
    uint8_t *pointer; /* the page's number as the parent stores it */
};

struct level {
    struct inplace_nodes nodes;
    struct part *part;
    unsigned parts;   /* 0: the nodes fit into the page */
    unsigned changed; /* the node that makes it overflow, or one near it */
};

/* The pages above level 0 are those of the spot's steps.  A last key can be new in all of them, up
 * to the one at depth `until`, which loses the pointer behind it. */
struct plan {
    const struct inplace_tree *t;
    struct inplace_spot *spot;
    struct level level[ESE_DEPTH_MOST + 1]; /* 0: the page that changes first */
    unsigned levels;
    bool force; /* split level 0 although its nodes fit */
    bool new_last;
    struct bytes last_key;
    unsigned until;
};

/* ---- where to cut ---- */

struct cutter {
    const struct ese_inplace *ip;
    const struct inplace_nodes *nodes;
    struct bytes prefix;
};

static bool fits(const struct cutter *c, unsigned first, unsigned count)
{
    return inplace_fits(c->ip, c->nodes->node + first, count, c->prefix);
}

/* How many nodes from `first` on fit into one page. */
static unsigned most_from(const struct cutter *c, unsigned first)
{
    unsigned count = 0;
    size_t size = c->prefix.size, room = inplace_room(c->ip, 0);
    while (first + count < c->nodes->count) {
        size += inplace_node_size(&c->nodes->node[first + count], c->prefix);
        if (size > room)
            break;
        count++;
    }
    if (count == 0 && fits(c, first, 1))
        count = 1; /* alone it needs no prefix */
    return count;
}

/* The cut that makes two halves of most equal size; 0: none makes two that fit. */
static unsigned even_cut(const struct cutter *c)
{
    const struct inplace_nodes *n = c->nodes;
    size_t all = 0, left = 0, best_size = SIZE_MAX;
    unsigned best = 0;
    for (unsigned i = 0; i < n->count; i++)
        all += inplace_node_size(&n->node[i], c->prefix);
    for (unsigned i = 1; i < n->count; i++) {
        left += inplace_node_size(&n->node[i - 1], c->prefix);
        size_t larger = left > all - left ? left : all - left;
        if (larger < best_size) {
            best_size = larger;
            best = i;
        }
    }
    return best > 0 && fits(c, 0, best) && fits(c, best, n->count - best) ? best : 0;
}

enum { PARTS_MOST = 8 };

/* Cuts the level's nodes into parts that fit a page each. */
static bool cut(struct plan *p, struct level *l, bool root, struct fault *f)
{
    struct cutter c = {p->t->ip, &l->nodes, l->nodes.prefix};
    struct part part[PARTS_MOST];
    unsigned n = l->nodes.count, parts = 0;
    if (root) /* what stands there behind a split buffer is only lent */
        c.prefix.size = 0;
    /* Rows are mostly added at the end: then the full page stays full. */
    bool at_end = l->changed + 1 == n && l->nodes.next == 0;
    unsigned first = n < 2 ? 0 : at_end && fits(&c, 0, n - 1) ? n - 1 : even_cut(&c);
    for (unsigned at = 0; at < n; parts++) {
        unsigned count = first ? (at == 0 ? first : n - at) : most_from(&c, at);
        if (count == 0 || parts == PARTS_MOST)
            return fault_set(f, FAULT_LIMIT, "a node of %zu bytes does not fit into a page",
                             l->nodes.node[at].key.size + l->nodes.node[at].data.size);
        part[parts] = (struct part){.first = at, .count = count};
        at += count;
    }
    l->part = arena_copy(&p->spot->memory, bytes_of(part, parts * sizeof *part));
    l->parts = parts;
    return l->part != NULL || inplace_no_memory(f);
}

/* ---- separators ---- */

static struct ese_place place_of(const struct inplace_tree *t, const struct inplace_node *node)
{
    return (struct ese_place){node->key, t->unique ? bytes_of(node->data.at, 0) : node->data};
}

static bool separate(struct plan *p, const struct inplace_node *left,
                     const struct inplace_node *right, struct bytes *separator, struct fault *f)
{
    uint8_t *to = arena_take(&p->spot->memory, right->key.size + right->data.size + 1);
    if (to == NULL)
        return inplace_no_memory(f);
    *separator = bytes_of(to, ese_separator(place_of(p->t, left), place_of(p->t, right), to));
    return true;
}

static bool set_separators(struct plan *p, struct level *l, struct bytes last, struct fault *f)
{
    bool leaf = l->nodes.flags & ESE_PAGE_LEAF;
    for (unsigned i = 0; i < l->parts; i++) {
        struct part *part = &l->part[i];
        const struct inplace_node *end = &l->nodes.node[part->first + part->count - 1];
        part->pointer = arena_take(&p->spot->memory, 4);
        if (part->pointer == NULL)
            return inplace_no_memory(f);
        if (i + 1 == l->parts)
            part->separator = last;
        else if (!leaf)
            part->separator = end->key; /* an inner page's last key is its own separator */
        else if (!separate(p, end, end + 1, &part->separator, f))
            return false;
    }
    return true;
}

/* ---- the plan ---- */

static void remove_node(struct inplace_nodes *n, unsigned at)
{
    memmove(n->node + at, n->node + at + 1, (n->count - at - 1) * sizeof *n->node);
    n->count--;
}

/* Puts pointers to the parts where the parent had one to the page. */
static bool plan_parent(struct plan *p, struct level *below, struct level *l, unsigned depth,
                        struct fault *f)
{
    const struct inplace_step *step = &p->spot->step[depth];
    const struct inplace_tree *t = p->t;
    struct inplace_nodes *n = &l->nodes;
    bool new_last = p->new_last && depth >= p->until, behind = new_last && depth == p->until;
    if (!inplace_unpack(t->ip, step->page, t->objid, depth == 0, below->parts, &p->spot->memory, n,
                        f))
        return false;
    if (step->child + behind >= n->count || n->node[step->child].data.size != 4)
        return fault_set(f, FAULT_DAMAGED, "page %u tag %u names no child page", step->page,
                         step->child + 1);
    struct inplace_node *at = &n->node[step->child];
    if (new_last)
        at->key = p->last_key;
    if (behind)
        remove_node(n, step->child + 1);
    l->changed = step->child;
    if (below->parts == 0)
        return true;
    if (!set_separators(p, below, at->key, f))
        return false;
    memmove(at + below->parts, at + 1, (n->count - step->child - 1) * sizeof *at);
    for (unsigned i = 0; i < below->parts; i++)
        at[i] =
            (struct inplace_node){below->part[i].separator, bytes_of(below->part[i].pointer, 4)};
    n->count += below->parts - 1;
    l->changed += below->parts - 1;
    return true;
}

static bool fits_page(const struct inplace_tree *t, const struct inplace_nodes *n, bool root,
                      bool *fit, struct fault *f)
{
    const struct ese_page *page;
    if (!root) {
        *fit = inplace_fits(t->ip, n->node, n->count, n->prefix);
        return true;
    }
    if (!ese_pages_get_sound(t->ip->db->pages, n->number, &page, f))
        return false;
    *fit = inplace_fits_root(t->ip, n->node, n->count, inplace_external(page).size);
    ese_pages_put(t->ip->db->pages, page);
    return true;
}

/* Plans from level 0, which is at `depth`, up to the first page that need not change. */
static bool make_plan(struct plan *p, unsigned depth, unsigned *needed, struct fault *f)
{
    *needed = 0;
    for (;; depth--) {
        struct level *l = &p->level[p->levels++];
        bool root = depth == 0, fit;
        if (!fits_page(p->t, &l->nodes, root, &fit, f))
            return false;
        fit = fit && !(p->force && p->levels == 1);
        if (!fit) {
            if (!cut(p, l, root, f))
                return false;
            *needed += root ? l->parts : l->parts - 1;
        }
        if (fit && !(p->new_last && depth > p->until))
            return true;
        if (root)
            return set_separators(p, l, (struct bytes){.at = l->part[0].pointer}, f);
        if (!plan_parent(p, l, l + 1, depth - 1, f))
            return false;
    }
}

/* ---- doing it ---- */

/* A page of the same tree and level as `like`. */
static struct inplace_page *new_page(struct ese_inplace *ip, uint32_t number,
                                     const struct inplace_nodes *like, struct fault *f)
{
    struct inplace_page *page = inplace_new(ip, number, f);
    if (page == NULL)
        return NULL;
    uint32_t dropped = ESE_PAGE_ROOT | ESE_PAGE_FLUSH_TYPE | ESE_PAGE_SCRUBBED;
    struct ese_page header = {
        .number = number, .objid = like->objid, .flags = like->flags & ~dropped};
    ese_page_write_header(page->raw, ip->page_size, &header);
    page->raw[ESE_PAGE_TAG_COUNT_AT + 1] = like->tag_bits;
    inplace_changed(page);
    return page;
}

static void pack_part(struct plan *p, const struct level *l, const struct part *part,
                      struct inplace_page *page)
{
    struct bytes prefix = l->nodes.prefix;
    if (l->nodes.flags & ESE_PAGE_ROOT)
        prefix.size = 0;
    inplace_pack(p->t->ip, page, l->nodes.node + part->first, part->count, prefix);
}

static void set_links(struct inplace_page *page, uint32_t prev, uint32_t next)
{
    bytes_put_le32(page->raw + ESE_PAGE_PREV_AT, prev);
    bytes_put_le32(page->raw + ESE_PAGE_NEXT_AT, next);
    inplace_changed(page);
}

static bool set_link(struct ese_inplace *ip, uint32_t number, size_t at, uint32_t value,
                     struct fault *f)
{
    if (number == 0)
        return true;
    struct inplace_page *page = inplace_change(ip, number, f);
    if (page == NULL)
        return false;
    bytes_put_le32(page->raw + at, value);
    inplace_changed(page);
    return true;
}

/* Writes the parts of a level; a root's are all in new pages. */
static bool write_parts(struct plan *p, struct level *l, struct inplace_spares *spares,
                        struct fault *f)
{
    struct ese_inplace *ip = p->t->ip;
    bool root = l->nodes.flags & ESE_PAGE_ROOT, leaf = l->nodes.flags & ESE_PAGE_LEAF;
    for (unsigned i = 0; i < l->parts; i++) {
        l->part[i].page = i == 0 && !root ? l->nodes.number : spares->page[--spares->count];
        bytes_put_le32(l->part[i].pointer, l->part[i].page);
    }
    for (unsigned i = 0; i < l->parts; i++) {
        const struct part *part = &l->part[i];
        struct inplace_page *page = i == 0 && !root ? inplace_change(ip, part->page, f)
                                                    : new_page(ip, part->page, &l->nodes, f);
        if (page == NULL)
            return false;
        pack_part(p, l, part, page);
        if (leaf)
            set_links(page, i > 0 ? part[-1].page : l->nodes.prev,
                      i + 1 < l->parts ? part[1].page : l->nodes.next);
    }
    return !leaf || set_link(ip, l->nodes.next, ESE_PAGE_PREV_AT, l->part[l->parts - 1].page, f);
}

static void set_level_flags(struct inplace_page *page, uint32_t level_flags)
{
    uint32_t flags = page->page.flags & ~(uint32_t)(ESE_PAGE_LEAF | ESE_PAGE_PARENT_OF_LEAF);
    bytes_put_le32(page->raw + ESE_PAGE_FLAGS_AT, flags | level_flags);
    inplace_changed(page);
}

/* The root has pointers to the parts now. */
static bool write_root(struct plan *p, const struct level *l, struct fault *f)
{
    struct inplace_node node[PARTS_MOST];
    struct inplace_page *root = inplace_change(p->t->ip, l->nodes.number, f);
    if (root == NULL)
        return false;
    for (unsigned i = 0; i < l->parts; i++)
        node[i] = (struct inplace_node){l->part[i].separator, bytes_of(l->part[i].pointer, 4)};
    if (!inplace_fits_root(p->t->ip, node, l->parts, inplace_external(&root->page).size))
        return fault_set(f, FAULT_LIMIT, "page %u: the keys are too long for a root",
                         l->nodes.number);
    set_level_flags(root, l->nodes.flags & ESE_PAGE_LEAF ? ESE_PAGE_PARENT_OF_LEAF : 0);
    inplace_pack(p->t->ip, root, node, l->parts, (struct bytes){.at = NULL});
    return true;
}

static bool write_whole(const struct plan *p, const struct level *l, struct fault *f)
{
    struct inplace_page *page = inplace_change(p->t->ip, l->nodes.number, f);
    if (page)
        inplace_pack(p->t->ip, page, l->nodes.node, l->nodes.count, l->nodes.prefix);
    return page != NULL;
}

static bool do_plan(struct plan *p, struct inplace_spares *spares, struct fault *f)
{
    for (unsigned i = 0; i < p->levels; i++) {
        struct level *l = &p->level[i];
        if (l->parts == 0 ? !write_whole(p, l, f) : !write_parts(p, l, spares, f))
            return false;
        if (l->parts > 0 && (l->nodes.flags & ESE_PAGE_ROOT) && !write_root(p, l, f))
            return false;
    }
    return true;
}

bool inplace_store(const struct inplace_tree *t, struct inplace_spot *spot,
                   struct inplace_spares *spares, unsigned *needed, struct fault *f)
{
    /* The pages that a tree of free extents took from itself may have made room; were it not split
     * now, giving them back would fill it again, without end. */
    struct plan p = {
        .t = t, .spot = spot, .force = t->space && spares->count > 0 && spot->leaf.count > 1};
    p.level[0] = (struct level){.nodes = spot->leaf, .changed = spot->index};
    if (!make_plan(&p, spot->depth, needed, f))
        return false;
    if (*needed > spares->count)
        return true;
    *needed = 0;
    return do_plan(&p, spares, f);
}

/* ---- pages without nodes ---- */

/* A root with a single child takes over that child's nodes, when they fit. */
static bool collapse(const struct inplace_tree *t, struct fault *f)
{
    struct ese_inplace *ip = t->ip;
    for (unsigned depth = 0; depth < ESE_DEPTH_MOST; depth++) {
        struct arena memory = {NULL};
        struct inplace_nodes top, child;
        bool ok = inplace_unpack(ip, t->root, t->objid, true, 0, &memory, &top, f), fit = false;
        uint32_t number = 0;
        bool alone =
            ok && !(top.flags & ESE_PAGE_LEAF) && top.count == 1 && top.node[0].data.size == 4;
        if (alone) {
            bytes_le32(top.node[0].data, 0, &number);
            ok = inplace_unpack(ip, number, t->objid, false, 0, &memory, &child, f);
            struct inplace_page *root = ok ? inplace_change(ip, t->root, f) : NULL;
            ok = root != NULL;
            fit = ok && inplace_fits_root(ip, child.node, child.count,
                                          inplace_external(&root->page).size);
            if (fit) {
                uint32_t format = ESE_PAGE_NEW_RECORD_FORMAT;
                bytes_put_le32(root->raw + ESE_PAGE_FLAGS_AT,
                               (root->page.flags & ~format) | (child.flags & format));
                inplace_changed(root);
                set_level_flags(root, child.flags & (ESE_PAGE_LEAF | ESE_PAGE_PARENT_OF_LEAF));
                inplace_pack(ip, root, child.node, child.count, (struct bytes){.at = NULL});
                ok = inplace_release(ip, t->owner, t->objid, number, f);
            }
        }
        arena_free(&memory);
        if (!ok || !fit)
            return ok;
    }
    return true;
}

/* The parent at which the way up from a page without nodes ends: it has other children, or is the
 * root. */
static bool find_last_parent(const struct inplace_tree *t, const struct inplace_spot *spot,
                             unsigned *depth, struct inplace_nodes *nodes, struct arena *memory,
                             struct fault *f)
{
    for (*depth = spot->depth - 1;; --*depth) {
        const struct inplace_step *step = &spot->step[*depth];
        if (!inplace_unpack(t->ip, step->page, t->objid, *depth == 0, 0, memory, nodes, f))
            return false;
        if (step->child >= nodes->count)
            return fault_set(f, FAULT_DAMAGED, "page %u has no tag %u", step->page,
                             step->child + 1);
        if (nodes->count > 1 || *depth == 0)
            return true;
    }
}

/* Takes the pointer to a removed page out of its parent, where that changes no other page. */
static bool remove_pointer(const struct inplace_tree *t, const struct inplace_step *step,
                           struct inplace_nodes *n, struct fault *f)
{
    struct inplace_page *page = inplace_change(t->ip, step->page, f);
    if (page == NULL)
        return false;
    if (step->child + 1 == n->count && step->child > 0)
        n->node[step->child - 1].key = n->node[step->child].key; /* it reaches as far now */
    remove_node(n, step->child);
    if (n->flags & ESE_PAGE_ROOT
            ? !inplace_fits_root(t->ip, n->node, n->count, inplace_external(&page->page).size)
            : !inplace_fits(t->ip, n->node, n->count, n->prefix))
        return fault_set(f, FAULT_DAMAGED, "page %u: its nodes lie over each other", step->page);
    if (n->count == 0)
        set_level_flags(page, ESE_PAGE_LEAF); /* a root */
    inplace_pack(t->ip, page, n->node, n->count, n->prefix);
    return true;
}

/* Goes from inner page `number` down to the parent of its last leaf; its nodes go to *bottom. */
static bool go_down_last(const struct inplace_tree *t, uint32_t number, struct inplace_spot *way,
                         struct inplace_nodes *bottom, struct fault *f)
{
    for (;; way->depth++) {
        if (!inplace_unpack(t->ip, number, t->objid, false, 0, &way->memory, bottom, f))
            return false;
        if (bottom->count == 0 || (bottom->flags & ESE_PAGE_LEAF) || way->depth == ESE_DEPTH_MOST ||
            bottom->node[bottom->count - 1].data.size != 4)
            return fault_set(f, FAULT_DAMAGED, "page %u is not the inner page that is expected",
                             number);
        if (bottom->flags & ESE_PAGE_PARENT_OF_LEAF)
            return true;
        way->step[way->depth] = (struct inplace_step){number, bottom->count - 1};
        bytes_le32(bottom->node[bottom->count - 1].data, 0, &number);
    }
}

/*
 * Takes out the last of several pointers to inner pages: the page before it must reach as far now,
 * and say so in its own last key, and so down to the parent of the leaves.  Longer keys may split
 * them.
 */
static bool remove_last_inner(const struct inplace_tree *t, const struct inplace_spot *spot,
                              unsigned depth, const struct inplace_nodes *parent,
                              struct inplace_spares *spares, unsigned *needed, struct fault *f)
{
    struct inplace_spot way = {.ip = t->ip, .depth = depth + 1};
    struct plan p = {.t = t, .spot = &way, .new_last = true, .until = depth};
    unsigned child = spot->step[depth].child;
    uint32_t before = 0;
    memcpy(way.step, spot->step, (depth + 1) * sizeof *way.step);
    way.step[depth].child = child - 1;
    p.last_key = parent->node[child].key;
    bytes_le32(parent->node[child - 1].data, 0, &before);
    bool ok = go_down_last(t, before, &way, &p.level[0].nodes, f);
    if (ok) {
        p.level[0].changed = p.level[0].nodes.count - 1;
        p.level[0].nodes.node[p.level[0].changed].key = p.last_key;
        ok = make_plan(&p, way.depth, needed, f);
    }
    if (ok && *needed <= spares->count) {
        *needed = 0;
        ok = do_plan(&p, spares, f);
    }
    inplace_spot_close(&way);
    return ok;
}

bool inplace_unlink(const struct inplace_tree *t, struct inplace_spot *spot,
                    struct inplace_spares *spares, unsigned *needed, struct fault *f)
{
    struct ese_inplace *ip = t->ip;
    struct arena memory = {NULL};
    struct inplace_nodes parent;
    unsigned depth;
    *needed = 0;
    bool ok = find_last_parent(t, spot, &depth, &parent, &memory, f);
    if (ok) {
        const struct inplace_step *step = &spot->step[depth];
        bool inner = depth + 1 < spot->depth && step->child > 0 && step->child + 1 == parent.count;
        ok = inner ? remove_last_inner(t, spot, depth, &parent, spares, needed, f)
                   : remove_pointer(t, step, &parent, f);
    }
    arena_free(&memory);
    if (!ok || *needed > 0)
        return ok;
    ok = set_link(ip, spot->leaf.prev, ESE_PAGE_NEXT_AT, spot->leaf.next, f) &&
         set_link(ip, spot->leaf.next, ESE_PAGE_PREV_AT, spot->leaf.prev, f) &&
         inplace_release(ip, t->owner, t->objid, spot->leaf.number, f);
    while (ok && ++depth < spot->depth)
        ok = inplace_release(ip, t->owner, t->objid, spot->step[depth].page, f);
    return ok && collapse(t, f);
}
