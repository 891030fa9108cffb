/*
 * Which pages of a tree something else knows of: its parent, or a neighbour that it knows, too.
 *
 * A leaf that nothing reaches may stand in a table whose parent was lost, and then it counts, or it
 * may have been freed, and then its rows were moved or deleted long ago.  The tree's own space says
 * which, if it is sound and not older than the leaf.
 */
#include "formats/ese/salvage/parts.h"

#include "formats/array.h"

#include <stdio.h>
#include <stdlib.h>

struct by_number {
    uint32_t number, page; /* page: index in s->page */
};

struct reach {
    struct ese_salvage *s;
    size_t first, count;
    struct by_number *by; /* by number, then index */
    size_t next;          /* behind what was found last: numbers come in order, mostly */
    bool *told;           /* by place in `by`: that it is lost */
    uint32_t *gone;       /* pages of which there is nothing, and that was told */
    size_t gone_count, gone_room;
    bool *whole; /* by place in `by`: a leaf whose rows were all read */
};

static int compare_numbers(const void *a, const void *b)
{
    const struct by_number *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->page > y->page) - (x->page < y->page);
}

static bool open_reach(struct reach *r, struct ese_salvage *s, uint32_t objid, struct fault *f)
{
    *r = (struct reach){.s = s};
    salvage_pages_of(s, objid, &r->first, &r->count);
    r->by = calloc(r->count + 1, sizeof *r->by);
    if (r->by == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    for (size_t i = 0; i < r->count; i++)
        r->by[i] = (struct by_number){s->page[r->first + i].number, (uint32_t)(r->first + i)};
    qsort(r->by, r->count, sizeof *r->by, compare_numbers);
    return true;
}

/* Is the place the first of page `number`? */
static bool is_place_of(const struct reach *r, size_t at, uint32_t number)
{
    return at < r->count && r->by[at].number == number &&
           (at == 0 || r->by[at - 1].number < number);
}

/* The first place in r->by of page `number`; r->count: none. */
static size_t find_number(struct reach *r, uint32_t number)
{
    size_t low = 0, high = r->count;
    if (is_place_of(r, r->next, number))
        return r->next++;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->by[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (!is_place_of(r, low, number))
        return r->count;
    r->next = low + 1;
    return low;
}

static bool is_parent(const struct salvage_page *p)
{
    return !(p->flags & (ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY)) &&
           p->trust <= SALVAGE_BLOCKS;
}

static void reach_children(struct reach *r, const struct ese_page *page)
{
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL))
            continue;
        uint32_t child = ese_node_child(&node);
        for (size_t k = find_number(r, child); k < r->count && r->by[k].number == child; k++)
            r->s->page[r->by[k].page].reached = true;
    }
}

/* Two leaves that name each other: a page that is freed is taken out of its neighbours' links. */
static void reach_neighbours(struct reach *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct salvage_page *p = &r->s->page[r->first + i];
        if (p->trust > SALVAGE_BLOCKS || p->next == 0)
            continue;
        for (size_t k = find_number(r, p->next); k < r->count && r->by[k].number == p->next; k++) {
            struct salvage_page *next = &r->s->page[r->by[k].page];
            if (next->prev == p->number && next != p && next->trust <= SALVAGE_BLOCKS)
                p->reached = next->reached = true;
        }
    }
}

/* The page of that number, NULL: it is not to be had. */
static struct salvage_page *page_of(struct reach *r, uint32_t number)
{
    size_t k = number ? find_number(r, number) : r->count;
    return k < r->count && r->s->page[r->by[k].page].trust <= SALVAGE_BLOCKS
               ? &r->s->page[r->by[k].page]
               : NULL;
}

/* A split puts a new page between two neighbours, and writes all three.  The right neighbour that
 * still names the left one is from before the split, and so are its rows; the left one likewise,
 * when neither knows of the new page.  (Of a left one alone: its rows are judged by their keys.) */
static void see_splits(struct reach *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct salvage_page *p = &r->s->page[r->first + i];
        struct salvage_page *before = page_of(r, p->prev), *behind = page_of(r, p->next);
        if (p->trust > SALVAGE_BLOCKS || before == NULL || behind == NULL || before == p ||
            behind == p || behind->prev != before->number || behind->dbtime >= p->dbtime)
            continue;
        behind->stale = true;
        if (before->next == behind->number && before->dbtime < p->dbtime)
            before->stale = true;
    }
}

/* ---- space ---- */

/* An extent, and how new the page is that says so. */
struct range {
    uint32_t first, count;
    uint64_t time;
};

struct ranges {
    struct range *at;
    size_t count, room;
};

static uint64_t time_of(struct ese_salvage *s, uint32_t number)
{
    const struct ese_page *page;
    if (!ese_pages_get(s->pages, number, &page, NULL))
        return 0;
    uint64_t time = page->dbtime;
    ese_pages_put(s->pages, page);
    return time;
}

static bool read_ranges(struct ese_salvage *s, uint32_t root, uint32_t objid, bool available,
                        struct ranges *to, bool *sound, struct fault *f)
{
    struct ese_extents *e = calloc(1, sizeof *e);
    struct ese_extent extent;
    if (e == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a space tree");
    struct fault why = {.code = FAULT_NONE};
    *sound = ese_extents_open(e, s->pages, root, objid, available, &why);
    bool ok = true, opened = *sound;
    uint64_t root_time = opened ? time_of(s, root) : 0;
    enum ese_step step = ESE_STEP_END;
    while (ok && *sound && (step = ese_extents_next(e, &extent, &why)) == ESE_STEP_NODE) {
        void *array = to->at;
        ok = array_reserve(&array, &to->room, to->count + 1, sizeof *to->at);
        if (ok) {
            to->at = array;
            to->at[to->count++] = (struct range){
                extent.first, extent.count, e->cursor.leaf ? e->cursor.leaf->dbtime : root_time};
        }
    }
    *sound = *sound && step != ESE_STEP_FAULT;
    if (opened)
        ese_extents_close(e);
    free(e);
    ok = ok && why.code != FAULT_NO_MEMORY; /* no lack of memory makes a space tree unsound */
    return ok || fault_set(f, FAULT_NO_MEMORY, "out of memory for a space tree");
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* How new the page is that says whether `number` is in the ranges; *in: what it says. */
static uint64_t look_up(const struct ranges *r, uint32_t number, bool *in)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->at[middle].first <= number)
            low = middle + 1;
        else
            high = middle;
    }
    *in = low > 0 && number - r->at[low - 1].first < r->at[low - 1].count;
    if (*in)
        return r->at[low - 1].time;
    uint64_t time = low > 0 ? r->at[low - 1].time : UINT64_MAX;
    if (low < r->count && r->at[low].time < time)
        time = r->at[low].time;
    return time == UINT64_MAX ? 0 : time;
}

static bool is_freed(const struct salvage_page *p, const struct ranges *owned,
                     const struct ranges *available)
{
    bool in;
    if (p->reached || p->trust > SALVAGE_BLOCKS)
        return false;
    if (look_up(available, p->number, &in) >= p->dbtime && in)
        return true;
    return look_up(owned, p->number, &in) >= p->dbtime && !in;
}

static bool read_space(struct reach *r, uint32_t root, uint32_t objid, struct fault *f)
{
    struct ranges owned = {.count = 0}, available = {.count = 0};
    bool sound = false, sound_too = false;
    bool ok = read_ranges(r->s, root, objid, false, &owned, &sound, f) &&
              read_ranges(r->s, root, objid, true, &available, &sound_too, f);
    if (ok && sound && sound_too) {
        if (owned.count > 0)
            qsort(owned.at, owned.count, sizeof *owned.at, compare_ranges);
        if (available.count > 0)
            qsort(available.at, available.count, sizeof *available.at, compare_ranges);
        for (size_t i = 0; i < r->count; i++) {
            struct salvage_page *p = &r->s->page[r->first + i];
            p->freed = is_freed(p, &owned, &available);
        }
    }
    free(owned.at);
    free(available.at);
    return ok;
}

/* ---- the space of the whole database ---- */

bool salvage_free_open(struct salvage_free *to, struct ese_salvage *s, struct fault *f)
{
    struct ranges *available = calloc(1, sizeof *available);
    bool sound = false;
    *to = (struct salvage_free){.ranges = available};
    if (available == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a space tree");
    if (!read_ranges(s, ESE_PGNO_ROOT, ESE_OBJID_ROOT, true, available, &sound, f)) {
        salvage_free_close(to);
        return false;
    }
    if (!sound)
        available->count = 0;
    if (available->count > 0)
        qsort(available->at, available->count, sizeof *available->at, compare_ranges);
    return true;
}

bool salvage_is_free(const struct salvage_free *free_pages, const struct salvage_page *page)
{
    bool in;
    return look_up(free_pages->ranges, page->number, &in) >= page->dbtime && in;
}

void salvage_free_close(struct salvage_free *free_pages)
{
    if (free_pages->ranges)
        free(free_pages->ranges->at);
    free(free_pages->ranges);
}

static bool any_unreached(const struct reach *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct salvage_page *p = &r->s->page[r->first + i];
        if ((p->flags & ESE_PAGE_LEAF) && !(p->flags & ESE_PAGE_SPACE_TREE) && !p->reached)
            return true;
    }
    return false;
}

bool salvage_reach(struct ese_salvage *s, uint32_t objid, uint32_t root, struct fault *f)
{
    struct reach r;
    if (!open_reach(&r, s, objid, f))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < r.count; i++) {
        struct salvage_page *p = &s->page[r.first + i];
        if (p->number == root && p->trust <= SALVAGE_BLOCKS)
            p->reached = true;
        const struct ese_page *page;
        if (!is_parent(p))
            continue;
        ok = salvage_get(s, p, &page, f);
        if (ok) {
            reach_children(&r, page);
            ese_pages_put(s->pages, page);
        }
    }
    if (ok) {
        reach_neighbours(&r);
        see_splits(&r);
    }
    ok = ok && (root == 0 || !any_unreached(&r) || read_space(&r, root, objid, f));
    free(r.by);
    return ok;
}

/* ---- leaves that are lost ---- */

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
    size_t k = find_number(r, number);
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
    size_t k = find_number(r, number);
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
    size_t k = find_number(r, number);
    for (size_t i = k; i < r->count && r->by[i].number == number; i++) {
        const struct salvage_page *p = &r->s->page[r->by[i].page];
        if (p->trust <= SALVAGE_BLOCKS && (is_parent(p) || p->dbtime > by->dbtime))
            return false;
    }
    return (k < r->count || !taken(r->s, number, by)) && !has_leaf(l, span);
}

static bool tell_lost_child(struct reach *r, const struct salvage_page *parent, uint32_t child,
                            const struct span *span, const char *table, uint64_t *lost,
                            struct fault *f)
{
    char text[200];
    bool before;
    if (!note_told(r, child, &before, f))
        return false;
    if (before)
        return true;
    snprintf(text, sizeof text,
             "page %u, which its parent page %u names, is not to be had, or in part only: rows "
             "that stood on %s are lost, unless they stand elsewhere",
             child, parent->slot,
             parent->flags & ESE_PAGE_PARENT_OF_LEAF ? "it" : "pages below it");
    ++*lost;
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_PAGE_LOST,
                                    .table = table,
                                    .objid = parent->objid,
                                    .key = span->low,
                                    .key_after = span->high,
                                    .page = child,
                                    .tag = -1,
                                    .other_page = parent->slot,
                                    .reason = text};
    return salvage_tell(r->s, &item, f);
}

static bool tell_lost_children(struct reach *r, const struct leaves *leaves,
                               const struct salvage_page *parent, const struct ese_page *page,
                               const char *table, uint64_t *lost, struct fault *f)
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

static bool tell_lost_page(struct reach *r, const struct ese_table *table, uint32_t number,
                           uint32_t by, const char *reason, uint64_t *lost, struct fault *f)
{
    static const uint8_t none[1];
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_PAGE_LOST,
                                    .table = table->name,
                                    .objid = table->objid,
                                    .key = bytes_of(none, 0),
                                    .page = number,
                                    .tag = -1,
                                    .other_page = by,
                                    .reason = reason};
    ++*lost;
    return salvage_tell(r->s, &item, f);
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
        if (!is_parent(p) || !(p->flags & ESE_PAGE_PARENT_OF_LEAF) || p->freed)
            continue;
        if (!salvage_get(r->s, p, &page, f))
            return false;
        bool all = has_all_nodes(page);
        for (unsigned n = 0; all && n < ese_page_nodes(page); n++) {
            struct ese_node node;
            if (!ese_page_node(page, n, &node, NULL))
                continue;
            uint32_t child = ese_node_child(&node);
            for (size_t k = find_number(r, child); k < r->count && r->by[k].number == child; k++) {
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
        size_t first = find_number(r, p->number);
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
    if (!open_reach(&r, s, table->objid, f))
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
        if (!is_parent(p) || p->freed)
            continue;
        ok = salvage_get(s, p, &page, f);
        if (ok) {
            ok = tell_lost_children(&r, &leaves, p, page, table->name, pages_lost, f);
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
