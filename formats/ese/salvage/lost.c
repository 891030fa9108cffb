/*
 * Pages of a table that something names and that are not to be had, or not whole: a parent names
 * its children, a leaf its neighbours, the catalog the root.  Each is told of once.
 *
 * What stands under a wrong checksum is weak evidence of rows, but good enough evidence that there
 * was something: where the leaves that are whole leave a gap, such parents and neighbours are
 * asked, too.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdio.h>
#include <stdlib.h>

struct losing {
    struct reach r;
    const struct ese_table *table;
    struct ese_salvage_table *sum;
    bool *told;        /* by place in `r.by`: that it is lost */
    bool *named;       /* by place in `r.by`: by a parent that can be read */
    uint8_t *parented; /* enum parented: two for each place, of the links before and behind */
    struct salvage_numbers gone; /* pages of which there is nothing, and nothing more to be told */
    size_t sorted;               /* how many of them are in order */
};

/* ---- telling ---- */

static int compare_gone(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sort_gone(struct losing *l)
{
    if (l->gone.count > 0)
        qsort(l->gone.at, l->gone.count, sizeof *l->gone.at, compare_gone);
    l->sorted = l->gone.count;
}

/* Is it among them?  Of those that were added since they were sorted nothing is known. */
static bool is_gone(const struct losing *l, uint32_t number)
{
    return l->sorted > 0 &&
           bsearch(&number, l->gone.at, l->sorted, sizeof *l->gone.at, compare_gone);
}

/* Notes that a page is told of.  *before: it was, already. */
static bool note_told(struct losing *l, uint32_t number, bool *before, struct fault *f)
{
    size_t k = salvage_reach_find(&l->r, number);
    *before = k < l->r.count && l->told[k];
    if (k < l->r.count) {
        l->told[k] = true;
        return true;
    }
    return salvage_number_add(&l->gone, number, f);
}

static bool tell_page(struct losing *l, uint32_t number, uint32_t by, const struct span *span,
                      const char *reason, struct fault *f)
{
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_PAGE_LOST,
                                    .table = l->table->name,
                                    .objid = l->table->objid,
                                    .key = span->low,
                                    .key_after = span->high,
                                    .page = number,
                                    .tag = -1,
                                    .other_page = by,
                                    .reason = reason};
    l->sum->pages_lost++;
    return salvage_tell(l->r.s, &item, f);
}

/* What stood on it nobody says. */
static bool tell_lost_page(struct losing *l, uint32_t number, uint32_t by, const char *reason,
                           struct fault *f)
{
    const struct span all = {.low = bytes_of("", 0)};
    return tell_page(l, number, by, &all, reason, f);
}

enum { PART_SIZE = 80 };

/* How much of a leaf cannot be read, in brackets; "" where nobody can say. */
static void part_words(struct losing *l, uint32_t number, char text[PART_SIZE])
{
    size_t k = salvage_reach_find(&l->r, number);
    const struct ese_page *page;
    text[0] = '\0';
    if (k == l->r.count || l->r.whole[k] || !salvage_is_leaf(&l->r.s->page[l->r.by[k].page]) ||
        !salvage_reach_get(&l->r, &l->r.s->page[l->r.by[k].page], &page))
        return;
    unsigned unread = salvage_unread_nodes(page), nodes = ese_page_nodes(page);
    int32_t unnamed = ese_page_unnamed(page);
    if (unread > 0)
        snprintf(text, PART_SIZE, " (%u of its %u rows cannot be read)", unread, nodes);
    else if (unnamed > 0)
        snprintf(text, PART_SIZE, " (%d bytes that are in use belong to none of its %u rows)",
                 (int)unnamed, nodes);
    ese_pages_put(l->r.s->pages, page);
}

static const char *under(const struct salvage_page *by)
{
    return by->trust > SALVAGE_BLOCKS ? " (under a wrong checksum)" : "";
}

/* ---- what parents name ---- */

static bool tell_lost_child(struct losing *l, const struct salvage_page *parent, uint32_t child,
                            const struct span *span, struct fault *f)
{
    char text[300], part[PART_SIZE];
    bool before;
    if (!note_told(l, child, &before, f) || before)
        return before;
    part_words(l, child, part);
    snprintf(text, sizeof text,
             "page %u, which its parent page %u names%s, is not to be had, or in part only%s: rows "
             "that stood on %s are lost, unless they stand elsewhere",
             child, parent->slot, under(parent), part,
             parent->flags & ESE_PAGE_PARENT_OF_LEAF ? "it" : "pages below it");
    return tell_page(l, child, parent->slot, span, text, f);
}

/* Is a leaf where leaves that are believed say? */
static bool is_held(struct losing *l, uint32_t number)
{
    size_t k = salvage_reach_find(&l->r, number);
    return k < l->r.count && l->r.whole[k] &&
           salvage_is_between_neighbours(&l->r, &l->r.s->page[l->r.by[k].page]);
}

static bool is_lost_child(struct losing *l, const struct salvage_page *parent, uint32_t child,
                          const struct span *span)
{
    if (parent->trust > SALVAGE_BLOCKS &&
        (child > l->r.s->scan.pages || is_gone(l, child) || is_held(l, child)))
        return false;
    return parent->flags & ESE_PAGE_PARENT_OF_LEAF
               ? salvage_is_lost_leaf(&l->r, child, parent, span)
               : salvage_is_lost_branch(&l->r, child, parent, span);
}

/* A page below the root of which leaves are left: no rows stood on it. */
static bool pass_branch(struct losing *l, uint32_t number, struct fault *f)
{
    return salvage_reach_find(&l->r, number) < l->r.count ||
           salvage_number_add(&l->gone, number, f);
}

static bool tell_lost_children(struct losing *l, const struct salvage_page *parent,
                               const struct ese_page *page, struct fault *f)
{
    uint8_t low[ESE_KEY_ROOM], high[ESE_KEY_ROOM];
    struct bytes before = bytes_of(low, 0), after = bytes_of(high, 0);
    bool of_leaves = parent->flags & ESE_PAGE_PARENT_OF_LEAF;
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL) || !ese_node_key(&node, high, sizeof high, &after))
            continue;
        uint32_t child = ese_node_child(&node);
        const struct span span = {before, after.size ? after : (struct bytes){.at = NULL}};
        bool lost = child != 0 && is_lost_child(l, parent, child, &span);
        if (lost ? !tell_lost_child(l, parent, child, &span, f)
                 : !(of_leaves || pass_branch(l, child, f)))
            return false;
        memcpy(low, high, after.size);
        before = bytes_of(low, after.size);
    }
    return true;
}

/* weak: of those under a wrong checksum. */
static bool ask_parents(struct losing *l, bool weak, struct fault *f)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->r.count; i++) {
        const struct salvage_page *p = &l->r.s->page[l->r.first + i];
        const struct ese_page *page;
        if (!salvage_may_be_parent(p) || weak != (p->trust > SALVAGE_BLOCKS) || salvage_is_out(p))
            continue;
        ok = salvage_get(l->r.s, p, &page, f);
        if (ok) {
            ok = tell_lost_children(l, p, page, f);
            ese_pages_put(l->r.s->pages, page);
        }
    }
    sort_gone(l);
    return ok;
}

/* ---- what neighbours name ---- */

static bool has_all_nodes(const struct ese_page *parent)
{
    for (unsigned i = 0; i < ese_page_nodes(parent); i++) {
        struct ese_node node;
        if (!ese_page_node(parent, i, &node, NULL))
            return false;
    }
    return ese_page_unnamed(parent) == 0;
}

/* Which links are looked at: of a leaf that no parent names, or that is newer than its parent,
 * which then may not know of a split; and those to leaves of another parent. */
enum parented { BY_NONE, BY_OLDER, BY_NEWER };

/* Of the pages of one number, by the first place of them: 1 + the time of the newest parent that
 * decides of a link, 0: there is none. */
struct newest {
    uint64_t of[2]; /* the link before, the one behind */
};

static void mark_child(struct losing *l, struct newest *newest, const struct salvage_page *parent,
                       uint32_t child, const bool outside[2])
{
    size_t first = salvage_reach_find(&l->r, child);
    uint64_t time = parent->dbtime < UINT64_MAX ? parent->dbtime + 1 : UINT64_MAX;
    if (first == l->r.count)
        return;
    l->named[first] = true;
    for (unsigned next = 0; next < 2; next++)
        if (!outside[next] && newest[first].of[next] < time)
            newest[first].of[next] = time;
}

/* What is so of a number is of each of its pages. */
static void spread_marks(struct losing *l, const struct newest *newest)
{
    for (size_t k = 0, first = 0; k < l->r.count; k++) {
        if (l->r.by[k].number != l->r.by[first].number)
            first = k;
        l->named[k] = l->named[first];
        for (unsigned next = 0; next < 2; next++) {
            uint64_t time = newest[first].of[next];
            if (time > 0)
                l->parented[2 * k + next] =
                    l->r.s->page[l->r.by[k].page].dbtime >= time ? BY_OLDER : BY_NEWER;
        }
    }
}

/* Marks each page that a parent of leaves names, all of whose nodes can be read: another one may
 * name more leaves than can be seen. */
static bool mark_children(struct losing *l, struct newest *newest, struct fault *f)
{
    for (size_t i = 0; i < l->r.count; i++) {
        const struct salvage_page *p = &l->r.s->page[l->r.first + i];
        const struct ese_page *page;
        struct ese_node node;
        if (!salvage_is_parent(p) || !(p->flags & ESE_PAGE_PARENT_OF_LEAF) || salvage_is_out(p))
            continue;
        if (!salvage_get(l->r.s, p, &page, f))
            return false;
        unsigned nodes = has_all_nodes(page) ? ese_page_nodes(page) : 0;
        bool root = p->number == l->r.root; /* there is no other */
        for (unsigned n = 0; n < nodes && ese_page_node(page, n, &node, NULL); n++) {
            const bool outside[2] = {n == 0 && !root, n + 1 == nodes && !root};
            mark_child(l, newest, p, ese_node_child(&node), outside);
        }
        ese_pages_put(l->r.s->pages, page);
    }
    spread_marks(l, newest);
    return true;
}

static bool see_parented(struct losing *l, struct fault *f)
{
    struct newest *newest = calloc(l->r.count + 1, sizeof *newest);
    bool ok = newest ? mark_children(l, newest, f) : fault_no_memory(f, "a list of pages");
    free(newest);
    return ok;
}

/* A leaf's word on what stands beside it. */
struct link {
    uint32_t number; /* of what it names */
    uint32_t by;     /* index in s->page */
    bool next;       /* it is the one behind it, not before it */
    bool parented;   /* then another leaf has to name it, too */
    uint64_t time;   /* of the leaf; 0 when it is not whole, or not believed */
};

struct links {
    struct link *at;
    size_t count;
};

static int compare_links(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    if (x->next != y->next)
        return x->next ? 1 : -1;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1; /* the newest first */
    return (x->by > y->by) - (x->by < y->by);
}

/* Both links of each leaf that is asked.  Where a parent that is as new names it, that knows better
 * than links do. */
static bool open_links(const struct losing *l, struct links *links, bool weak, struct fault *f)
{
    *links = (struct links){calloc(2 * l->r.count + 1, sizeof *links->at), 0};
    if (links->at == NULL)
        return fault_no_memory(f, "a list of pages");
    for (size_t k = 0; k < l->r.count; k++) {
        const struct salvage_page *p = &l->r.s->page[l->r.by[k].page];
        if (!salvage_is_leaf(p) || salvage_is_out(p) || (p->trust > SALVAGE_BLOCKS && !weak))
            continue;
        uint64_t time = l->r.whole[k] && p->trust <= SALVAGE_BLOCKS ? p->dbtime : 0;
        for (unsigned next = 0; next < 2; next++)
            if (l->parented[2 * k + next] != BY_NEWER)
                links->at[links->count++] =
                    (struct link){next ? p->next : p->prev, l->r.by[k].page, next,
                                  l->parented[2 * k + next] == BY_OLDER, time};
    }
    if (links->count > 0)
        qsort(links->at, links->count, sizeof *links->at, compare_links);
    return true;
}

/* Does a newer leaf say that it stands where the link leads to? */
static bool is_contradicted(const struct reach *r, const struct links *links,
                            const struct link *link)
{
    const struct salvage_page *by = &r->s->page[link->by];
    size_t low = 0, high = links->count;
    while (low < high) { /* the newest that names `by` from the other side */
        size_t middle = (low + high) / 2;
        const struct link *at = &links->at[middle];
        if (at->number < by->number || (at->number == by->number && at->next < !link->next))
            low = middle + 1;
        else
            high = middle;
    }
    const struct link *other = &links->at[low];
    return low < links->count && other->number == by->number && other->next == !link->next &&
           other->time > (by->trust <= SALVAGE_BLOCKS ? by->dbtime : 0);
}

/* Does a parent name the page, that has all its rows and keys that the parent has for it? */
static bool is_settled(struct losing *l, uint32_t number)
{
    size_t k = salvage_reach_find(&l->r, number);
    return k < l->r.count && l->named[k] && l->r.whole[k] && !l->told[k];
}

/* Who of the leaves that name one page, links->at[first] to links->at[end - 1], is to be believed
 * that it is lost; NULL: nobody. */
static const struct salvage_page *missed_by(struct losing *l, const struct links *links,
                                            size_t first, size_t end)
{
    const struct salvage_page *by = NULL;
    unsigned named = 0;
    for (size_t i = first; i < end; i++) {
        const struct link *link = &links->at[i];
        const struct salvage_page *p = &l->r.s->page[link->by];
        if (!salvage_is_lost_neighbour(&l->r, p, link->next) || is_contradicted(&l->r, links, link))
            continue;
        named += link->parented ? 1 : 2;
        if (by == NULL || p < by)
            by = p;
    }
    return named < 2 ? NULL : by;
}

static bool tell_missing(struct losing *l, const struct links *links, struct fault *f)
{
    for (size_t i = 0, end; i < links->count; i = end) {
        uint32_t number = links->at[i].number;
        for (end = i; end < links->count && links->at[end].number == number;)
            end++;
        const struct salvage_page *by =
            number && !is_settled(l, number) ? missed_by(l, links, i, end) : NULL;
        char text[300], part[PART_SIZE];
        bool before;
        if (by == NULL || is_gone(l, number))
            continue;
        if (!note_told(l, number, &before, f))
            return false;
        part_words(l, number, part);
        snprintf(text, sizeof text,
                 "page %u, which its neighbour page %u names%s, is not to be had, or in part "
                 "only%s, nor is a parent: rows that stood on it are lost, unless they stand "
                 "elsewhere",
                 number, by->slot, under(by), part);
        if (!before && !tell_lost_page(l, number, by->slot, text, f))
            return false;
    }
    sort_gone(l);
    return true;
}

static bool ask_neighbours(struct losing *l, bool weak, struct fault *f)
{
    struct links links;
    if (!see_parented(l, f) || !open_links(l, &links, weak, f))
        return false;
    bool ok = tell_missing(l, &links, f);
    free(links.at);
    return ok;
}

/* ---- what nothing names ---- */

/* Does a page that says that it is a parent name a page with each node? */
static bool is_true_parent(struct losing *l, const struct salvage_page *p)
{
    const struct ese_page *page;
    struct ese_node node;
    if (!salvage_reach_get(&l->r, p, &page))
        return true;
    unsigned n = 0, nodes = ese_page_nodes(page);
    while (n < nodes && (!ese_page_node(page, n, &node, NULL) || ese_node_child(&node) != 0))
        n++;
    ese_pages_put(l->r.s->pages, page);
    return n == nodes;
}

/* Under a wrong checksum, and nothing else says that all its rows are there? */
static bool is_unconfirmed(struct losing *l, size_t k)
{
    const struct salvage_page *p = &l->r.s->page[l->r.by[k].page];
    return l->r.whole[k] && p->trust == SALVAGE_WRONG && salvage_is_leaf(p) &&
           p->number != l->r.root && !l->named[k] && !salvage_is_between_neighbours(&l->r, p);
}

/* Is it a leaf in use, of which not all can be read?  (Those with a wrong checksum may be long out
 * of use, unless there is a gap.)  One without rows that is no root was emptied: then it is lost
 * only where something names it. */
static bool is_unread(struct losing *l, size_t k, bool gap)
{
    const struct salvage_page *p = &l->r.s->page[l->r.by[k].page];
    if (l->r.whole[k] || salvage_is_out(p))
        return false;
    if (p->number == l->r.root && (p->flags & ESE_PAGE_LEAF) && !(p->flags & ESE_PAGE_SPACE_TREE))
        return true;
    if (p->trust > SALVAGE_BLOCKS && !gap)
        return false;
    return salvage_is_leaf(p) ? p->first.at != NULL || !p->in_order || !p->adds_up
                              : salvage_is_parent(p) && !is_true_parent(l, p);
}

static bool tell_unread(struct losing *l, bool gap, struct fault *f)
{
    static const char not_confirmed[] =
        "its checksum is wrong, and neither a parent nor both its neighbours say that all its rows "
        "are there";
    struct reach *r = &l->r;
    for (size_t k = 0; k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        size_t first = salvage_reach_find(r, p->number);
        char text[300], part[PART_SIZE];
        bool unconfirmed = gap && is_unconfirmed(l, k);
        if (l->told[first] || !(unconfirmed || is_unread(l, k, gap)))
            continue;
        l->told[first] = true;
        part_words(l, p->number, part);
        snprintf(text, sizeof text,
                 "not every row that stands on the page can be read%s: the others are lost, unless "
                 "they stand elsewhere",
                 part);
        if (!tell_lost_page(l, p->slot, 0, unconfirmed ? not_confirmed : text, f))
            return false;
    }
    return true;
}

/* Is there a leaf that is whole, and that no parent names? */
static bool any_unnamed(const struct losing *l)
{
    for (size_t k = 0; k < l->r.count; k++)
        if (l->r.whole[k] && !l->named[k] && l->r.by[k].number != l->r.root)
            return true;
    return false;
}

/* number: 0: several. */
static bool tell_perhaps_lost(struct losing *l, uint32_t number, const char *reason,
                              struct fault *f)
{
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_PERHAPS_LOST,
                                    .table = l->table->name,
                                    .objid = l->table->objid,
                                    .key = bytes_of("", 0),
                                    .page = number,
                                    .tag = -1,
                                    .reason = reason};
    l->sum->perhaps_lost++;
    return salvage_tell(l->r.s, &item, f);
}

/* A page that nothing but the table's space names.  Where nothing else shows that something is
 * lost, a blank one may never have been used. */
static bool tell_missing_page(struct losing *l, uint32_t number, bool sure, struct fault *f)
{
    if (!sure && salvage_is_blank(l->r.s, number))
        return tell_perhaps_lost(l, number,
                                 "the table's space has the page in use, and nothing but zeroes "
                                 "stands there: rows that stood on it may be lost",
                                 f);
    return tell_lost_page(l, number, 0,
                          "the table's space has it in use, and it is not to be had: rows that "
                          "stood on it are lost, unless they stand elsewhere",
                          f);
}

static bool tell_unsure_pages(struct losing *l, size_t count, struct fault *f)
{
    char text[250];
    snprintf(text, sizeof text,
             "the table's space has %zu more pages in use that are not to be had, and that may be "
             "%sof an index or of long values whose own space is lost: rows that stood on them may "
             "be lost",
             count, salvage_has_root(&l->r) ? "" : "above its leaves, or ");
    return count == 0 || tell_perhaps_lost(l, 0, text, f);
}

/* Nothing but the table's space may name a page: between leaves that are lost with their parent, or
 * when what named it was changed with it. */
static bool ask_space(struct losing *l, bool gap, struct fault *f)
{
    struct salvage_numbers missing = {.count = 0};
    const struct ese_salvage *s = l->r.s;
    size_t unsure = 0;
    bool all, ok = salvage_own_missing(&l->r, l->table, &missing, &all, f);
    bool sure = gap && any_unnamed(l), named = all && salvage_has_root(&l->r);
    for (size_t i = 0; ok && i < missing.count; i++) {
        uint32_t number = missing.at[i];
        size_t k = salvage_reach_find(&l->r, number);
        if (is_gone(l, number) || (k < l->r.count && l->told[k]))
            continue;
        if (!named && (salvage_is_blank(s, number) || number > s->scan.pages))
            unsure++;
        else
            ok = tell_missing_page(l, number, sure, f);
    }
    free(missing.at);
    return ok && tell_unsure_pages(l, unsure, f);
}

/* Does a chain of leaves end with the one, and another begin with the other, and no parent says
 * what is between them? */
static bool is_break(struct losing *l, const struct salvage_page *left,
                     const struct salvage_page *right)
{
    size_t at = salvage_reach_find(&l->r, left->number);
    size_t behind = salvage_reach_find(&l->r, right->number);
    if (left->number == l->r.root || right->number == l->r.root)
        return false; /* a chain of one, which is whole: the other is beside it */
    return left->number != right->number && left->next == 0 && right->prev == 0 &&
           left->trust <= SALVAGE_BLOCKS && right->trust <= SALVAGE_BLOCKS &&
           l->parented[2 * at + 1] == BY_NONE && l->parented[2 * behind] == BY_NONE;
}

/* The leaves of one tree are one chain: where they are several, those that joined them are gone
 * with all that named them. */
static bool tell_broken_chain(struct losing *l, struct fault *f)
{
    const struct salvage_page *left = NULL, *end = NULL, *start = NULL;
    size_t breaks = 0;
    for (size_t i = 0; i < l->r.leaves; i++) {
        const struct salvage_page *right = l->r.leaf[i];
        if (right->stale)
            continue;
        if (left && is_break(l, left, right) && breaks++ == 0) {
            end = left;
            start = right;
        }
        left = right;
    }
    if (breaks == 0)
        return true;
    char text[250];
    snprintf(
        text, sizeof text,
        "no parent is left that names its leaves, and they are %zu chains: page %u says that "
        "it is the last, and page %u, behind it, that it is the first: rows that stood between "
        "them may be lost",
        breaks + 1, end->slot, start->slot);
    return tell_perhaps_lost(l, end->slot, text, f);
}

/* Of a tree that is not empty at least one leaf is there; of an empty one the root. */
static bool tell_lost_tree(struct losing *l, struct fault *f)
{
    for (size_t k = 0; k < l->r.count; k++)
        if (l->r.whole[k] || salvage_is_leaf(&l->r.s->page[l->r.by[k].page]))
            return true;
    return l->sum->pages_lost > 0 ||
           tell_lost_page(l, l->table->root, 0,
                          "of this table not one page with rows is to be had: all of them are lost",
                          f);
}

bool salvage_lost_pages(struct ese_salvage *s, const struct ese_table *table,
                        struct ese_salvage_table *sum, struct fault *f)
{
    struct losing l = {.table = table, .sum = sum};
    if (!salvage_reach_open(&l.r, s, table->objid, f))
        return false;
    l.told = calloc(l.r.count + 1, sizeof *l.told);
    l.named = calloc(l.r.count + 1, sizeof *l.named);
    l.parented = calloc(2 * l.r.count + 1, sizeof *l.parented);
    bool ok = (l.told != NULL && l.named != NULL && l.parented != NULL) ||
              fault_no_memory(f, "a list of pages");
    ok = ok && salvage_places_open(&l.r, table->root, f);
    bool gap = ok && salvage_leaves_have_gap(&l.r);
    ok = ok && ask_parents(&l, false, f) && ask_neighbours(&l, gap, f) &&
         (!gap || ask_parents(&l, true, f)) && tell_unread(&l, gap, f) &&
         (!gap || tell_broken_chain(&l, f)) &&
         (salvage_is_unfinished(s) || ask_space(&l, gap, f)) && tell_lost_tree(&l, f);
    if (ok && l.r.why.code != FAULT_NONE) {
        *f = l.r.why;
        ok = false;
    }
    salvage_places_close(&l.r);
    free(l.gone.at);
    free(l.told);
    free(l.named);
    free(l.parented);
    free(l.r.by);
    return ok;
}
