/*
 * Which leaf of a tree should have a key: the newest of those in whose range it lies.  Which range
 * a leaf has is told by its first and last key, and by the first key of its neighbour when both
 * name each other.
 */
#include "formats/ese/salvage/parts.h"

#include <stdlib.h>

static bool add(struct salvage_leaves *l, uint32_t page, struct fault *f)
{
    const struct salvage_page *p = &l->s->page[page];
    if (p->first.at == NULL)
        return true;
    if (!array_reserve(&l->at, &l->room, l->count + 1, sizeof *l->at))
        return fault_no_memory(f, "a tree");
    l->at[l->count++] = (struct salvage_leaf){.first = p->first, .last = p->last, .page = page};
    return true;
}

/* Which keys the page has, should it be of another kind than it says. */
static bool see_again(struct salvage_leaves *l, struct salvage_page *p, bool joined,
                      struct fault *f)
{
    const struct ese_page *page;
    if (!salvage_get(l->s, p, &page, f))
        return false;
    bool ok = salvage_see_range(l->s, p, page, joined, f);
    ese_pages_put(l->s->pages, page);
    return ok;
}

bool salvage_leaves_find(struct salvage_leaves *l, uint32_t objid, bool joined, bool *in_order,
                         struct fault *f)
{
    size_t first, count;
    salvage_pages_of(l->s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        struct salvage_page *p = &l->s->page[i];
        p->merged = false;
        if (!salvage_is_leaf(p) || p->trust > SALVAGE_BLOCKS || p->freed)
            continue;
        if (p->joined != joined && !see_again(l, p, joined, f))
            return false;
        *in_order = *in_order && p->in_order;
        if (!add(l, (uint32_t)i, f))
            return false;
    }
    return true;
}

void salvage_leaves_close(struct salvage_leaves *l)
{
    free(l->at);
    free(l->heap);
    *l = (struct salvage_leaves){.at = NULL};
}

static int by_first_key(const void *a, const void *b)
{
    const struct salvage_leaf *x = a, *y = b;
    int order = bytes_compare(x->first, y->first);
    return order ? order : (x->page > y->page) - (x->page < y->page);
}

/* Lets a leaf's range end where its neighbour's begins, when both name each other; that of the last
 * one, which has no neighbour, does not end. */
static void bound(struct salvage_leaves *l)
{
    if (l->count > 0)
        l->at[l->count - 1].endless = l->s->page[l->at[l->count - 1].page].next == 0;
    for (size_t i = 0; i + 1 < l->count; i++) {
        struct salvage_leaf *leaf = &l->at[i];
        const struct salvage_page *p = &l->s->page[leaf->page];
        /* The neighbour is most often the next one; with older pages between them, a few on. */
        for (size_t k = i + 1; k < l->count && k < i + 8; k++) {
            const struct salvage_page *next = &l->s->page[l->at[k].page];
            if (p->next == next->number && next->prev == p->number && next->objid == p->objid &&
                bytes_compare(l->at[k].first, leaf->last) > 0) {
                leaf->bounded = true;
                leaf->end = l->at[k].first;
                break;
            }
        }
    }
}

/* How far a leaf's range goes: up to a key, or with it. */
struct limit {
    struct bytes key; /* at == NULL: no key yet */
    bool with, none;  /* none: it does not end */
};

static struct limit limit_of(const struct salvage_leaf *leaf)
{
    return (struct limit){.key = leaf->bounded ? leaf->end : leaf->last,
                          .with = !leaf->bounded,
                          .none = leaf->endless};
}

static bool is_farther(struct limit a, struct limit b)
{
    if (b.none || b.key.at == NULL)
        return !b.none;
    int order = a.none ? 1 : bytes_compare(a.key, b.key);
    return order > 0 || (order == 0 && a.with);
}

static bool reaches(struct limit a, struct bytes key)
{
    int order = a.none ? 1 : a.key.at == NULL ? -1 : bytes_compare(a.key, key);
    return order > 0 || (order == 0 && a.with);
}

/* Sees which leaves share no key with the range of another. */
static void see_alone(struct salvage_leaves *l)
{
    struct limit before = {.with = false};
    for (size_t i = 0; i < l->count; i++) {
        const struct salvage_leaf *leaf = &l->at[i];
        struct limit own = limit_of(leaf);
        l->s->page[leaf->page].alone =
            !reaches(before, leaf->first) &&
            (i + 1 == l->count || bytes_compare(leaf->last, l->at[i + 1].first) < 0);
        if (is_farther(own, before))
            before = own;
    }
}

bool salvage_leaves_order(struct salvage_leaves *l, struct fault *f)
{
    l->heap = calloc(l->count + 1, sizeof *l->heap);
    if (l->heap == NULL)
        return fault_no_memory(f, "a tree");
    if (l->count > 0)
        qsort(l->at, l->count, sizeof *l->at, by_first_key);
    bound(l);
    see_alone(l);
    return true;
}

bool salvage_leaves_chain(const struct salvage_leaves *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct salvage_leaf *leaf = &l->at[i];
        const struct salvage_page *p = &l->s->page[leaf->page];
        bool last = i + 1 == l->count;
        if (p->trust != SALVAGE_GOOD || !p->reached || (i == 0 && p->prev != 0) ||
            (last ? p->next != 0 : !leaf->bounded))
            return false;
        if (!last && bytes_compare(leaf->end, l->at[i + 1].first) != 0)
            return false;
    }
    return l->count > 0;
}

/* ---- keys of which no leaf says anything ---- */

/* The last leaf in order of each tree that is walked, the first one's and the others'. */
static void find_last(const struct salvage_leaves *l, size_t last[2])
{
    last[0] = last[1] = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct salvage_page *p = &l->s->page[l->at[i].page];
        if (p->in_order)
            last[p->objid != l->s->page[l->at[0].page].objid] = i;
    }
}

/* How far the leaves reach that have nothing before them. */
static struct limit reach_from_start(const struct salvage_leaves *l)
{
    struct limit reach = {.with = false};
    for (size_t i = 0; i < l->count; i++) {
        const struct salvage_page *p = &l->s->page[l->at[i].page];
        struct limit own = limit_of(&l->at[i]);
        if (p->in_order && p->prev == 0 && is_farther(own, reach))
            reach = own;
    }
    return reach;
}

bool salvage_leaves_gaps(const struct salvage_leaves *l, salvage_gap_fn each, void *context,
                         struct fault *f)
{
    struct limit reach = reach_from_start(l);
    size_t last[2];
    find_last(l, last);
    for (size_t i = 0; i < l->count && !reach.none; i++) {
        const struct salvage_leaf *leaf = &l->at[i];
        const struct salvage_page *p = &l->s->page[leaf->page];
        struct limit own = limit_of(leaf);
        if (!p->in_order)
            continue;
        own.none = own.none || (p->next == 0 && (i == last[0] || i == last[1]));
        if ((reach.key.at == NULL || bytes_compare(reach.key, leaf->first) < 0) &&
            !each(context, reach.key, leaf->first, f))
            return false;
        if (is_farther(own, reach))
            reach = own;
    }
    return reach.none || each(context, reach.key, (struct bytes){.at = NULL}, f);
}

/* ---- the owner of a key ---- */

static uint64_t heap_time(const struct salvage_leaves *l, size_t i)
{
    return l->s->page[l->at[l->heap[i]].page].dbtime;
}

static void heap_push(struct salvage_leaves *l, uint32_t leaf)
{
    size_t i = l->heap_size++;
    l->heap[i] = leaf;
    while (i > 0 && heap_time(l, (i - 1) / 2) < heap_time(l, i)) {
        uint32_t other = l->heap[(i - 1) / 2];
        l->heap[(i - 1) / 2] = l->heap[i];
        l->heap[i] = other;
        i = (i - 1) / 2;
    }
}

static void heap_pop(struct salvage_leaves *l)
{
    l->heap[0] = l->heap[--l->heap_size];
    for (size_t i = 0;;) {
        size_t largest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < l->heap_size; child++)
            if (heap_time(l, child) > heap_time(l, largest))
                largest = child;
        if (largest == i)
            return;
        uint32_t other = l->heap[largest];
        l->heap[largest] = l->heap[i];
        l->heap[i] = other;
        i = largest;
    }
}

static bool has_ended(const struct salvage_leaf *leaf, struct bytes key)
{
    if (leaf->endless)
        return false;
    return leaf->bounded ? bytes_compare(key, leaf->end) >= 0 : bytes_compare(key, leaf->last) > 0;
}

const struct salvage_page *salvage_owner(struct salvage_leaves *l, struct bytes key)
{
    if (l->opened == 0 && l->count > 0 && l->s->page[l->at[0].page].prev == 0)
        heap_push(l,
                  (uint32_t)l->opened++); /* the first leaf has what comes before its first key */
    while (l->opened < l->count && bytes_compare(l->at[l->opened].first, key) <= 0)
        heap_push(l, (uint32_t)l->opened++);
    while (l->heap_size > 0 && has_ended(&l->at[l->heap[0]], key))
        heap_pop(l);
    return l->heap_size > 0 ? &l->s->page[l->at[l->heap[0]].page] : NULL;
}
