/*
 * Which pages of a tree something else knows of: its parent, or a neighbour that it knows, too.
 *
 * A leaf that nothing reaches may stand in a table whose parent was lost, and then it counts, or it
 * may have been freed, and then its rows were moved or deleted long ago.  The tree's own space says
 * which, if it is sound and not older than the leaf.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdlib.h>

static int compare_numbers(const void *a, const void *b)
{
    const struct by_number *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->page > y->page) - (x->page < y->page);
}

bool salvage_reach_open(struct reach *r, struct ese_salvage *s, uint32_t objid, struct fault *f)
{
    *r = (struct reach){.s = s};
    salvage_pages_of(s, objid, &r->first, &r->count);
    r->by = calloc(r->count + 1, sizeof *r->by);
    if (r->by == NULL)
        return fault_no_memory(f, "a list of pages");
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

size_t salvage_reach_find(struct reach *r, uint32_t number)
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

/* asked: of the first place of a number; each is asked for once. */
static void reach_children(struct reach *r, const struct ese_page *page, bool *asked)
{
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL))
            continue;
        uint32_t child = ese_node_child(&node);
        size_t first = salvage_reach_find(r, child);
        for (size_t k = first; k < r->count && !asked[first] && r->by[k].number == child; k++)
            r->s->page[r->by[k].page].reached = true;
        asked[first] = true;
    }
}

static bool reach_by_parents(struct reach *r, uint32_t root, struct fault *f)
{
    bool *asked = calloc(r->count + 1, sizeof *asked);
    bool ok = asked != NULL || fault_no_memory(f, "a list of pages");
    for (size_t i = 0; ok && i < r->count; i++) {
        struct salvage_page *p = &r->s->page[r->first + i];
        if (p->number == root && p->trust <= SALVAGE_BLOCKS)
            p->reached = true;
        const struct ese_page *page;
        if (!salvage_is_parent(p))
            continue;
        ok = salvage_get(r->s, p, &page, f);
        if (ok) {
            reach_children(r, page, asked);
            ese_pages_put(r->s->pages, page);
        }
    }
    free(asked);
    return ok;
}

enum answer { NOT_ASKED, ANSWERED, NOT_ANSWERED };

static enum answer answer_of(const struct sides *sides, const struct salvage_page *p, bool next)
{
    uint32_t number = next ? p->next : p->prev;
    return number == 0                                                     ? NOT_ASKED
           : number != p->number && salvage_answer(sides, p, next) != NULL ? ANSWERED
                                                                           : NOT_ANSWERED;
}

/* Pages that can be believed, and which of them another tree claims. */
struct claimed {
    struct reach *r;
    bool *elsewhere; /* by place in r->by */
};

static bool is_believed(const void *claimed, size_t place)
{
    const struct reach *r = ((const struct claimed *)claimed)->r;
    return r->s->page[r->by[place].page].trust <= SALVAGE_BLOCKS;
}

static bool is_believed_here(const void *claimed, size_t place)
{
    return is_believed(claimed, place) && !((const struct claimed *)claimed)->elsewhere[place];
}

/* Two leaves that name each other: a page that is freed is taken out of its neighbours' links.
 * Pages that another tree claims do not speak for each other. */
static bool reach_neighbours(const struct claimed *c, struct fault *f)
{
    struct reach *r = c->r;
    struct sides all = {.at = NULL}, own = {.at = NULL};
    bool ok = salvage_sides_open(&all, r, is_believed, c, f) &&
              salvage_sides_open(&own, r, is_believed_here, c, f);
    for (size_t k = 0; ok && k < r->count; k++) {
        struct salvage_page *p = &r->s->page[r->by[k].page];
        const struct sides *by = c->elsewhere[k] ? &own : &all;
        if (!is_believed(c, k))
            continue;
        enum answer before = answer_of(by, p, false), behind = answer_of(by, p, true);
        p->reached = p->reached || before == ANSWERED || behind == ANSWERED;
        p->chained = p->reached && salvage_is_leaf(p) && !(p->flags & ESE_PAGE_ROOT) &&
                     before != NOT_ANSWERED && behind != NOT_ANSWERED;
    }
    salvage_sides_close(&all);
    salvage_sides_close(&own);
    return ok;
}

/* Sees what neighbours reach; what they do not, and another tree claims, is set apart. */
static bool reach_rest(struct reach *r, uint32_t root, struct fault *f)
{
    struct claimed c = {r, calloc(r->count + 1, sizeof *c.elsewhere)};
    bool ok = c.elsewhere ? root == 0 || salvage_claimed_elsewhere(r, root, c.elsewhere, f)
                          : fault_no_memory(f, "a list of pages");
    ok = ok && reach_neighbours(&c, f);
    for (size_t k = 0; ok && k < r->count; k++) {
        struct salvage_page *p = &r->s->page[r->by[k].page];
        if (c.elsewhere[k] && !p->reached)
            p->trust = SALVAGE_APART;
    }
    free(c.elsewhere);
    return ok;
}

/* The page of that number, NULL: it is not to be had. */
static struct salvage_page *page_of(struct reach *r, uint32_t number)
{
    size_t k = number ? salvage_reach_find(r, number) : r->count;
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

static uint64_t time_of(struct ese_salvage *s, uint32_t number)
{
    const struct ese_page *page;
    if (!ese_pages_get(s->pages, number, &page, NULL))
        return 0;
    uint64_t time = page->dbtime;
    ese_pages_put(s->pages, page);
    return time;
}

static bool add_range(struct ranges *to, const struct ese_extent *extent, uint64_t time,
                      struct fault *f)
{
    if (!array_reserve(&to->at, &to->room, to->count + 1, sizeof *to->at))
        return fault_no_memory(f, "a space tree");
    uint32_t most = ESE_PAGE_NUMBER_MOST; /* of a single extent nobody has looked at its size */
    to->at[to->count++] =
        (struct range){extent->first, extent->count < most ? extent->count : most, time};
    return true;
}

/* The pages that a space tree keeps for its own splits: they are not in use, either. */
static bool read_kept(struct ese_salvage *s, uint32_t root, struct ranges *to, bool *sound,
                      struct fault *f)
{
    struct ese_split_buffer buffer;
    const struct ese_page *page;
    bool ok = true;
    if (!ese_pages_get_sound(s->pages, root, &page, NULL)) {
        *sound = false;
        return true;
    }
    *sound = *sound && ese_split_buffer_read(page, &buffer, NULL);
    for (unsigned i = 0; i < 2 && *sound && ok; i++)
        ok = buffer.extent[i].count == 0 || add_range(to, &buffer.extent[i], page->dbtime, f);
    ese_pages_put(s->pages, page);
    return ok;
}

/* Which tree's space: by its root page, or, where that is lost, by the root of what it owns. */
struct space_of {
    uint32_t root, objid, owned_root; /* owned_root: 0: as the root says */
};

static bool open_extents(struct ese_extents *e, struct ese_pages *pages, const struct space_of *of,
                         bool available, struct fault *why)
{
    if (of->owned_root == 0)
        return ese_extents_open(e, pages, of->root, of->objid, available, why);
    e->space = (struct ese_space){
        .multiple = true, .owned_root = of->owned_root, .available_root = of->owned_root + 1};
    e->root = of->root;
    e->available = available;
    ese_cursor_open(&e->cursor, pages, of->owned_root + available, of->objid);
    return true;
}

static bool read_ranges(struct ese_salvage *s, const struct space_of *of, bool available,
                        struct ranges *to, bool *sound, struct fault *f)
{
    struct ese_extents *e = calloc(1, sizeof *e);
    struct ese_extent extent;
    if (e == NULL)
        return fault_no_memory(f, "a space tree");
    struct fault why = {.code = FAULT_NONE};
    *sound = open_extents(e, s->pages, of, available, &why);
    bool ok = true, opened = *sound;
    uint64_t root_time = opened ? time_of(s, of->root) : 0;
    enum ese_step step = ESE_STEP_END;
    while (ok && *sound && (step = ese_extents_next(e, &extent, &why)) == ESE_STEP_NODE)
        ok = add_range(to, &extent, e->cursor.leaf ? e->cursor.leaf->dbtime : root_time, f);
    *sound = *sound && step != ESE_STEP_FAULT;
    if (ok && *sound && available && e->space.multiple)
        ok = read_kept(s, e->space.owned_root, to, sound, f) &&
             read_kept(s, e->space.available_root, to, sound, f);
    if (opened)
        ese_extents_close(e);
    free(e);
    ok = ok && why.code != FAULT_NO_MEMORY; /* no lack of memory makes a space tree unsound */
    return ok || fault_no_memory(f, "a space tree");
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Sorts them, and joins those that lie over each other. */
static void sort_ranges(struct ranges *r)
{
    size_t count = 0;
    if (r->count > 0)
        qsort(r->at, r->count, sizeof *r->at, compare_ranges);
    for (size_t i = 0; i < r->count; i++) {
        struct range *last = count > 0 ? &r->at[count - 1] : NULL, now = r->at[i];
        if (last == NULL || now.first - last->first >= last->count) {
            r->at[count++] = now;
            continue;
        }
        if (now.count > last->count - (now.first - last->first))
            last->count = now.first - last->first + now.count;
        if (now.time < last->time)
            last->time = now.time;
    }
    r->count = count;
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

static bool open_space(struct salvage_space *space, struct ese_salvage *s,
                       const struct space_of *of, struct fault *f)
{
    bool owned = false, available = false;
    *space = (struct salvage_space){.sound = false};
    if (!read_ranges(s, of, false, &space->owned, &owned, f) ||
        !read_ranges(s, of, true, &space->available, &available, f))
        return false;
    space->sound = owned && available;
    sort_ranges(&space->owned);
    sort_ranges(&space->available);
    return true;
}

bool salvage_space_open(struct salvage_space *space, struct ese_salvage *s, uint32_t root,
                        uint32_t objid, struct fault *f)
{
    const struct space_of of = {.root = root, .objid = objid};
    return open_space(space, s, &of, f);
}

void salvage_space_close(struct salvage_space *space)
{
    free(space->owned.at);
    free(space->available.at);
}

bool salvage_space_denies(const struct salvage_space *space, uint32_t number)
{
    bool owned, available;
    look_up(&space->owned, number, &owned);
    look_up(&space->available, number, &available);
    return space->sound && (available || !owned);
}

bool salvage_space_is_listed(const struct salvage_space *space, const struct salvage_page *p)
{
    bool in;
    return space->sound && look_up(&space->available, p->number, &in) >= p->dbtime && in;
}

bool salvage_space_let_go(const struct salvage_space *space, const struct salvage_page *p)
{
    bool in;
    if (salvage_space_is_listed(space, p))
        return true;
    return space->sound && look_up(&space->owned, p->number, &in) >= p->dbtime && !in;
}

static bool read_space(struct reach *r, uint32_t root, uint32_t objid, struct fault *f)
{
    struct salvage_space space;
    bool ok = salvage_space_open(&space, r->s, root, objid, f);
    for (size_t i = 0; ok && space.sound && i < r->count; i++) {
        struct salvage_page *p = &r->s->page[r->first + i];
        if (p->trust <= SALVAGE_BLOCKS)
            p->freed = !p->reached && salvage_space_let_go(&space, p);
    }
    salvage_space_close(&space);
    return ok;
}

/* ---- the pages of one tree, by its space ---- */

bool salvage_number_add(struct salvage_numbers *to, uint32_t number, struct fault *f)
{
    bool room = array_reserve(&to->at, &to->room, to->count + 1, sizeof *to->at);
    if (!room)
        return fault_no_memory(f, "a list of pages");
    to->at[to->count++] = number;
    return true;
}

/* What a tree below a table's owns, or keeps: that can be the table's. */
static bool read_other(struct ese_salvage *s, uint32_t root, uint32_t objid, struct ranges *to,
                       bool *all, struct fault *f)
{
    const struct space_of of = {.root = root, .objid = objid};
    size_t before = to->count;
    bool sound;
    bool ok = read_ranges(s, &of, false, to, &sound, f) &&
              (!sound || read_ranges(s, &of, true, to, &sound, f));
    if (ok && !sound) {
        to->count = before;
        *all = false;
    }
    return ok;
}

/* What of the table's space is its indexes' and its long values'; not of those that have no sound
 * space. */
static bool read_others(struct ese_salvage *s, const struct ese_table *table, struct ranges *to,
                        bool *all, struct fault *f)
{
    *all = true;
    for (unsigned i = 0; i < table->indexes; i++)
        if (!ese_index_is_primary(&table->index[i]) &&
            !read_other(s, table->index[i].root, table->index[i].objid, to, all, f))
            return false;
    return table->long_value_objid == 0 ||
           read_other(s, table->long_value_root, table->long_value_objid, to, all, f);
}

/* Is it an extent that was never used, though it is not available?  The engine leaks such, when it
 * is the last one of a table. */
static bool is_unused(const struct ese_salvage *s, const struct range *range)
{
    uint32_t n = 0;
    while (n < range->count && salvage_is_blank(s, range->first + n))
        n++;
    return n > 1 && n == range->count;
}

enum {
    BEHIND_MOST = 16, /* pages behind the end of the file that are listed */
    OWNERS_MOST = 4,  /* tables own a page each, as a rule: more than that nobody looks up */
};

/* Lists what is in the first ranges and in none of the others. */
static bool list_pages(struct ese_salvage *s, const struct ranges *in, const struct ranges out[2],
                       struct salvage_numbers *to, struct fault *f)
{
    uint64_t last = (uint64_t)s->scan.pages + BEHIND_MOST;
    for (size_t i = 0; i < in->count; i++) {
        uint64_t next = in->at[i].first, end = next + in->at[i].count;
        if (i + 1 == in->count && is_unused(s, &in->at[i]))
            continue;
        for (; next < end && next <= last && s->own_listed < OWNERS_MOST * last; next++) {
            s->own_listed++;
            bool is_free, is_other;
            look_up(&out[0], (uint32_t)next, &is_free);
            look_up(&out[1], (uint32_t)next, &is_other);
            if (!is_free && !is_other && !salvage_number_add(to, (uint32_t)next, f))
                return false;
        }
    }
    return true;
}

/* The roots of a table's two space trees stand side by side: the first of them, where the table's
 * own root is not to be had; 0: it is, or they are not just those two. */
static uint32_t owned_root_of(struct ese_salvage *s, const struct ese_table *table)
{
    const uint32_t is_root = ESE_PAGE_ROOT | ESE_PAGE_SPACE_TREE;
    uint32_t root[2] = {0, 0};
    size_t first, count, found = 0;
    salvage_pages_of(s, table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        if (p->number == table->root && p->trust <= SALVAGE_BLOCKS)
            return 0;
        if ((p->flags & is_root) == is_root && p->trust == SALVAGE_GOOD && found++ < 2)
            root[found - 1] = p->number;
    }
    return found == 2 && root[1] == root[0] + 1 ? root[0] : 0;
}

/* Of the table's own tree; its root may be lost. */
static bool open_own(struct salvage_space *own, struct ese_salvage *s,
                     const struct ese_table *table, struct fault *f)
{
    const struct space_of of = {table->root, table->objid, owned_root_of(s, table)};
    if (!open_space(own, s, &of, f))
        return false;
    bool owns = !salvage_space_denies(own, table->root) &&
                (of.owned_root == 0 || (!salvage_space_denies(own, of.owned_root) &&
                                        !salvage_space_denies(own, of.owned_root + 1)));
    own->sound = own->sound && (of.owned_root == 0 || owns);
    return true;
}

bool salvage_own_pages(struct ese_salvage *s, const struct ese_table *table,
                       struct salvage_numbers *to, bool *all, struct fault *f)
{
    struct salvage_space own;
    struct ranges others = {.count = 0};
    bool ok = open_own(&own, s, table, f) && read_others(s, table, &others, all, f);
    if (ok && own.sound) {
        sort_ranges(&others);
        const struct ranges out[2] = {own.available, others};
        ok = list_pages(s, &own.owned, out, to, f);
    }
    salvage_space_close(&own);
    free(others.at);
    return ok;
}

/* ---- the space of the whole database ---- */

bool salvage_space_of_all(struct ese_salvage *s, struct fault *f)
{
    if (s->space)
        return true;
    if ((s->space = calloc(1, sizeof *s->space)) == NULL)
        return fault_no_memory(f, "a space tree");
    if (!salvage_space_open(s->space, s, ESE_PGNO_ROOT, ESE_OBJID_ROOT, f))
        return false;
    bool owns = !salvage_space_denies(s->space, ESE_PGNO_CATALOG) &&
                !salvage_space_denies(s->space, ESE_PGNO_CATALOG_SHADOW);
    s->space->sound = s->space->sound && owns; /* which every database has there */
    return true;
}

bool salvage_is_free(const struct ese_salvage *s, const struct salvage_page *page)
{
    return salvage_space_is_listed(s->space, page);
}

void salvage_space_free(struct salvage_space *space)
{
    if (space)
        salvage_space_close(space);
    free(space);
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

/* A tree of several leaves has none without a neighbour. */
static void see_lone(struct reach *r)
{
    size_t leaves = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct salvage_page *p = &r->s->page[r->first + i];
        leaves += salvage_is_leaf(p) && p->trust <= SALVAGE_BLOCKS && !p->freed;
    }
    for (size_t i = 0; i < r->count; i++) {
        struct salvage_page *p = &r->s->page[r->first + i];
        p->lone = leaves > 1 && !p->reached && salvage_is_leaf(p) && p->prev == 0 && p->next == 0 &&
                  !(p->flags & ESE_PAGE_ROOT) && p->trust <= SALVAGE_BLOCKS && !p->freed;
    }
}

bool salvage_reach(struct ese_salvage *s, uint32_t objid, uint32_t root, struct fault *f)
{
    struct reach r;
    if (!salvage_reach_open(&r, s, objid, f))
        return false;
    bool ok = root == 0 || salvage_set_apart(&r, root, f);
    ok = ok && reach_by_parents(&r, root, f) && reach_rest(&r, root, f);
    if (ok)
        see_splits(&r);
    ok = ok && (root == 0 || !any_unreached(&r) || read_space(&r, root, objid, f));
    if (ok)
        see_lone(&r);
    free(r.by);
    return ok;
}
