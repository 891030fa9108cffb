/*
 * Pages of a table that something names and that are not to be had, or not whole: a parent names
 * its children, a leaf its neighbours, the catalog the root.  Each is told of once.
 */
#include "formats/ese/salvage/reach_parts.h"

#include "formats/array.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_leaf_of_rows(const struct salvage_page *p)
{
    return (p->flags & ESE_PAGE_LEAF) && !(p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_LONG_VALUE));
}

/* Were all rows of the page read, which is a leaf of rows? */
static bool see_whole(struct reach *r, const struct salvage_page *p, bool *whole, struct fault *f)
{
    const struct ese_page *page;
    bool empty = p->flags & ESE_PAGE_EMPTY;
    *whole = !p->noise && !empty && p->in_order;
    if (*whole || p->noise)
        return true;
    if (!salvage_get(r->s, p, &page, f))
        return false;
    *whole = empty ? ese_page_nodes(page) == 0 : salvage_has_all_nodes(page);
    ese_pages_put(r->s->pages, page);
    return true;
}

static bool see_all_whole(struct reach *r, struct fault *f)
{
    bool ok = true;
    for (size_t k = 0; ok && k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        ok = !is_leaf_of_rows(p) || see_whole(r, p, &r->whole[k], f);
    }
    return ok;
}

/* Has the place of page `number` been taken by another tree since `by` was written? */
static bool taken(struct ese_salvage *s, uint32_t number, const struct salvage_page *by)
{
    const struct ese_page *page;
    if (!ese_pages_get(s->pages, number, &page, NULL))
        return false;
    bool other = page->checksum.state == ESE_CHECKSUM_GOOD && page->objid != by->objid &&
                 page->dbtime > by->dbtime;
    ese_pages_put(s->pages, page);
    return other;
}

/* The keys that a parent says a leaf has; high.at == NULL: up to the end. */
struct span {
    struct bytes low, high;
};

static bool lies_in(struct bytes first, struct bytes last, const struct span *span)
{
    return bytes_compare(last, span->low) >= 0 &&
           (span->high.at == NULL || bytes_compare(first, span->high) < 0);
}

/* Has the leaf a key of its span?  Not all have to be: it may have been split or merged after its
 * parent was written, or before. */
static bool is_in_span(struct reach *r, const struct salvage_page *p, const struct span *span)
{
    const struct ese_page *page;
    uint8_t room[2][ESE_KEY_ROOM];
    struct ese_node first, last;
    struct bytes low, high;
    if (span == NULL || p->first.at != NULL)
        return span == NULL || lies_in(p->first, p->last, span);
    if (!salvage_get(r->s, p, &page, NULL))
        return false;
    unsigned nodes = ese_page_nodes(page);
    bool in =
        nodes == 0 ||
        (ese_page_node(page, 0, &first, NULL) && ese_page_node(page, nodes - 1, &last, NULL) &&
         ese_node_key(&first, room[0], ESE_KEY_ROOM, &low) &&
         ese_node_key(&last, room[1], ESE_KEY_ROOM, &high) && lies_in(low, high, span));
    ese_pages_put(r->s->pages, page);
    return in;
}

/* Is the leaf of that number, which `by` names, lost?  One that says now that it is something else,
 * or empty, may have been freed since: not when `by` is newer than that.  span: the keys that it
 * has to have; NULL: not known. */
static bool is_lost_leaf(struct reach *r, uint32_t number, const struct salvage_page *by,
                         const struct span *span)
{
    size_t k = salvage_reach_find(r, number);
    if (k == r->count)
        return !taken(r->s, number, by);
    for (size_t i = k; i < r->count && r->by[i].number == number; i++) {
        const struct salvage_page *p = &r->s->page[r->by[i].page];
        bool rows = is_leaf_of_rows(p) && !(p->flags & ESE_PAGE_EMPTY);
        if (rows ? r->whole[i] && is_in_span(r, p, span)
                 : p->trust <= SALVAGE_BLOCKS && p->dbtime > by->dbtime)
            return false;
    }
    return true;
}

static int compare_gone(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Notes that a page is told of.  *before: it was, already. */
static bool note_told(struct reach *r, uint32_t number, bool *before, struct fault *f)
{
    size_t k = salvage_reach_find(r, number);
    *before = k < r->count && r->told[k];
    if (k < r->count) {
        r->told[k] = true;
        return true;
    }
    void *array = r->gone;
    bool room = array_reserve(&array, &r->gone_room, r->gone_count + 1, sizeof *r->gone);
    r->gone = array;
    if (!room)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    r->gone[r->gone_count++] = number;
    return true;
}

/* Has a parent named it?  After all parents, when r->gone is in order. */
static bool is_gone(const struct reach *r, uint32_t number)
{
    return r->gone_count > 0 &&
           bsearch(&number, r->gone, r->gone_count, sizeof *r->gone, compare_gone);
}

/* ---- where the parents are lost, too ---- */

/* The leaves of which all rows were read, by their first key. */
static int compare_firsts(const void *a, const void *b)
{
    const struct salvage_page *const *x = a, *const *y = b;
    return bytes_compare((*x)->first, (*y)->first);
}

struct leaves {
    const struct salvage_page **at;
    size_t count;
};

static bool open_leaves(struct reach *r, struct leaves *l, struct fault *f)
{
    *l = (struct leaves){calloc(r->count + 1, sizeof(void *)), 0};
    if (l->at == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    for (size_t k = 0; k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        if (is_leaf_of_rows(p) && r->whole[k] && p->first.at && !p->freed)
            l->at[l->count++] = p;
    }
    if (l->count > 0)
        qsort(l->at, l->count, sizeof(void *), compare_firsts);
    return true;
}

/* Is there a leaf with a key of the span?  Then links lead on from it. */
static bool has_leaf(const struct leaves *l, const struct span *span)
{
    size_t low = 0, high = l->count;
    while (low < high) { /* the first leaf behind the span */
        size_t middle = (low + high) / 2;
        if (span->high.at == NULL || bytes_compare(l->at[middle]->first, span->high) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && bytes_compare(l->at[low - 1]->last, span->low) >= 0;
}

/* Is a page below the root lost, with all leaves below it? */
static bool is_lost_branch(struct reach *r, const struct leaves *l, uint32_t number,
                           const struct salvage_page *by, const struct span *span)
{
    size_t k = salvage_reach_find(r, number);
    for (size_t i = k; i < r->count && r->by[i].number == number; i++) {
        const struct salvage_page *p = &r->s->page[r->by[i].page];
        if (p->trust <= SALVAGE_BLOCKS && (salvage_is_parent(p) || p->dbtime > by->dbtime))
            return false;
    }
    return (k < r->count || !taken(r->s, number, by)) && !has_leaf(l, span);
}

static bool tell_page(struct reach *r, const struct ese_table *table, uint32_t number, uint32_t by,
                      const struct span *span, const char *reason, uint64_t *lost, struct fault *f)
{
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_PAGE_LOST,
                                    .table = table->name,
                                    .objid = table->objid,
                                    .key = span->low,
                                    .key_after = span->high,
                                    .page = number,
                                    .tag = -1,
                                    .other_page = by,
                                    .reason = reason};
    ++*lost;
    return salvage_tell(r->s, &item, f);
}

static bool tell_lost_child(struct reach *r, const struct salvage_page *parent, uint32_t child,
                            const struct span *span, const struct ese_table *table, uint64_t *lost,
                            struct fault *f)
{
    char text[200];
    bool before;
    if (!note_told(r, child, &before, f))
        return false;
    snprintf(text, sizeof text,
             "page %u, which its parent page %u names, is not to be had, or in part only: rows "
             "that stood on %s are lost, unless they stand elsewhere",
             child, parent->slot,
             parent->flags & ESE_PAGE_PARENT_OF_LEAF ? "it" : "pages below it");
    return before || tell_page(r, table, child, parent->slot, span, text, lost, f);
}

static bool tell_lost_children(struct reach *r, const struct leaves *leaves,
                               const struct salvage_page *parent, const struct ese_page *page,
                               const struct ese_table *table, uint64_t *lost, struct fault *f)
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
        if (child != 0 &&
            (of_leaves ? is_lost_leaf(r, child, parent, &span)
                       : is_lost_branch(r, leaves, child, parent, &span)) &&
            !tell_lost_child(r, parent, child, &span, table, lost, f))
            return false;
        memcpy(low, high, after.size);
        before = bytes_of(low, after.size);
    }
    return true;
}

/* What stood on it nobody says. */
static bool tell_lost_page(struct reach *r, const struct ese_table *table, uint32_t number,
                           uint32_t by, const char *reason, uint64_t *lost, struct fault *f)
{
    const struct span all = {.low = bytes_of("", 0)};
    return tell_page(r, table, number, by, &all, reason, lost, f);
}

static bool has_all_nodes(const struct ese_page *parent)
{
    for (unsigned i = 0; i < ese_page_nodes(parent); i++) {
        struct ese_node node;
        if (!ese_page_node(parent, i, &node, NULL))
            return false;
    }
    return true;
}

/* Whose links are looked at, by its place in r->by: a leaf that no parent names, or one that is
 * newer than its parent, which then may not know of a split. */
enum parented { BY_NONE, BY_OLDER, BY_NEWER };

/* Marks each page that a parent of leaves names, all of whose nodes can be read: another one may
 * name more leaves than can be seen. */
static bool mark_children(struct reach *r, uint8_t *parented, struct fault *f)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct salvage_page *p = &r->s->page[r->first + i];
        const struct ese_page *page;
        if (!salvage_is_parent(p) || !(p->flags & ESE_PAGE_PARENT_OF_LEAF) || p->freed)
            continue;
        if (!salvage_get(r->s, p, &page, f))
            return false;
        bool all = has_all_nodes(page);
        struct ese_node node;
        unsigned nodes = all ? ese_page_nodes(page) : 0;
        for (unsigned n = 0; n < nodes && ese_page_node(page, n, &node, NULL); n++) {
            uint32_t child = ese_node_child(&node);
            for (size_t k = salvage_reach_find(r, child); k < r->count && r->by[k].number == child;
                 k++) {
                bool older = r->s->page[r->by[k].page].dbtime > p->dbtime;
                if (parented[k] != BY_NEWER)
                    parented[k] = older ? BY_OLDER : BY_NEWER;
            }
        }
        ese_pages_put(r->s->pages, page);
    }
    return true;
}

struct missing {
    uint32_t number, by;
    bool parented; /* the leaf that names it: another one has to do so, too */
};

static int compare_missing(const void *a, const void *b)
{
    const struct missing *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->by > y->by) - (x->by < y->by);
}

/* The links of leaves that no parent names.  Where one that is as new does, it knows better than
 * links do. */
static size_t find_missing(struct reach *r, const uint8_t *parented, struct missing *missing)
{
    size_t count = 0;
    for (size_t k = 0; k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        const uint32_t link[] = {p->prev, p->next};
        if (!is_leaf_of_rows(p) || parented[k] == BY_NEWER || p->freed || p->trust > SALVAGE_BLOCKS)
            continue;
        for (unsigned i = 0; i < 2; i++)
            if (link[i] != 0 && is_lost_leaf(r, link[i], p, NULL))
                missing[count++] = (struct missing){link[i], p->slot, parented[k] == BY_OLDER};
    }
    if (count > 0)
        qsort(missing, count, sizeof *missing, compare_missing);
    return count;
}

static bool tell_missing(struct reach *r, const struct ese_table *table, const uint8_t *parented,
                         uint64_t *lost, struct fault *f)
{
    struct missing *missing = calloc(2 * r->count + 1, sizeof *missing);
    if (missing == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    size_t count = find_missing(r, parented, missing);
    bool ok = true;
    for (size_t i = 0, end; ok && i < count; i = end) {
        char text[200];
        bool known = false, before;
        for (end = i; end < count && missing[end].number == missing[i].number; end++)
            known = known || !missing[end].parented;
        if (!(known || end - i > 1) || is_gone(r, missing[i].number))
            continue;
        ok = note_told(r, missing[i].number, &before, f);
        if (!ok || before)
            continue;
        snprintf(text, sizeof text,
                 "page %u, which its neighbour page %u names, is not to be had, or in part only, "
                 "nor is a parent: rows that stood on it are lost, unless they stand elsewhere",
                 missing[i].number, missing[i].by);
        ok = tell_lost_page(r, table, missing[i].number, missing[i].by, text, lost, f);
    }
    free(missing);
    return ok;
}

/* Leaves that are in use, and of which not all can be read.  (Those with a wrong checksum may be
 * long out of use: parents, neighbours or the catalog name the ones that are not.) */
static bool tell_unread(struct reach *r, const struct ese_table *table, uint64_t *lost,
                        struct fault *f)
{
    for (size_t k = 0; k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        size_t first = salvage_reach_find(r, p->number);
        if (!is_leaf_of_rows(p) || r->whole[k] || r->told[first] || p->freed ||
            (p->trust > SALVAGE_BLOCKS && p->number != table->root) ||
            ((p->flags & ESE_PAGE_EMPTY) && !(p->flags & ESE_PAGE_ROOT)))
            continue;
        r->told[first] = true;
        if (!tell_lost_page(r, table, p->slot, 0,
                            "not every row that stands on the page can be read: the others are "
                            "lost, unless they stand elsewhere",
                            lost, f))
            return false;
    }
    return true;
}

/* Of a tree that is not empty at least one leaf is there; of an empty one the root. */
static bool tell_lost_tree(struct reach *r, const struct ese_table *table, uint64_t *lost,
                           struct fault *f)
{
    for (size_t i = 0; i < r->count; i++)
        if (is_leaf_of_rows(&r->s->page[r->first + i]))
            return true;
    return *lost > 0 ||
           tell_lost_page(r, table, table->root, 0,
                          "of this table not one page with rows is to be had: all of them are lost",
                          lost, f);
}

static bool tell_beyond_parents(struct reach *r, const struct ese_table *table, uint64_t *lost,
                                struct fault *f)
{
    uint8_t *parented = calloc(r->count + 1, sizeof *parented);
    if (parented == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    bool ok = mark_children(r, parented, f) && tell_missing(r, table, parented, lost, f);
    free(parented);
    return ok && tell_unread(r, table, lost, f) && tell_lost_tree(r, table, lost, f);
}

bool salvage_lost_pages(struct ese_salvage *s, const struct ese_table *table, uint64_t *pages_lost,
                        struct fault *f)
{
    struct reach r;
    if (!salvage_reach_open(&r, s, table->objid, f))
        return false;
    r.told = calloc(r.count + 1, sizeof *r.told);
    r.whole = calloc(r.count + 1, sizeof *r.whole);
    bool ok = (r.told != NULL && r.whole != NULL) ||
              fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    struct leaves leaves = {.at = NULL};
    ok = ok && see_all_whole(&r, f) && open_leaves(&r, &leaves, f);
    for (size_t i = 0; ok && i < r.count; i++) {
        const struct salvage_page *p = &s->page[r.first + i];
        const struct ese_page *page;
        if (!salvage_is_parent(p) || p->freed)
            continue;
        ok = salvage_get(s, p, &page, f);
        if (ok) {
            ok = tell_lost_children(&r, &leaves, p, page, table, pages_lost, f);
            ese_pages_put(s->pages, page);
        }
    }
    if (r.gone_count > 0)
        qsort(r.gone, r.gone_count, sizeof *r.gone, compare_gone);
    ok = ok && tell_beyond_parents(&r, table, pages_lost, f);
    free(r.gone);
    free(leaves.at);
    free(r.told);
    free(r.whole);
    free(r.by);
    return ok;
}
