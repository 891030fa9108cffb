/*
 * Pages that are right in themselves, and do not belong: of another store that was copied over the
 * end of the file or into its unused parts, of a file that was longer once.  What tells them from
 * pages of this database that have lost their parent:
 *
 *   - one in a wrong place, whose own place has another one that is right;
 *   - a tree that is whole from its root down, whose leaves are one chain, has no other pages that
 *     are as old as it, nor any in a wrong place or newer than the header;
 *   - of one that is not whole, a page that no chain of parents and neighbours joins to its root,
 *     and that its space or the database's, when sound, does not list as in use;
 *   - one that says it is a leaf of the tree, and that its neighbours or its parent's separators
 *     contradict, in a wrong place.
 *
 * Rows that only such a page has are doubtful, whatever its time says: another store's is another.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdlib.h>

/* ---- in a wrong place ---- */

/* Is a page newer than the last change that the header knows of? */
static bool is_of_the_future(const struct ese_salvage *s, const struct salvage_page *p)
{
    return s->has_header && !salvage_is_unfinished(s) && p->dbtime > s->headers->header.dbtime;
}

static bool is_same(struct ese_salvage *s, const struct salvage_page *a,
                    const struct salvage_page *b, bool *same, struct fault *f)
{
    const struct ese_page *x, *y;
    *same = false;
    if (a->objid != b->objid || a->dbtime != b->dbtime || a->flags != b->flags)
        return true;
    if (!salvage_get(s, a, &x, f))
        return false;
    bool ok = salvage_get(s, b, &y, f);
    if (ok) { /* but for the number, which the checksum is of, or which stands at its front */
        *same = bytes_equal(bytes_from(x->raw, 8), bytes_from(y->raw, 8));
        ese_pages_put(s->pages, y);
    }
    ese_pages_put(s->pages, x);
    return ok;
}

/* One that was written to a wrong place stands beside an older one in the right place: links and
 * tree are those of that. */
static bool is_rival(const struct ese_salvage *s, const struct salvage_page *p,
                     const struct salvage_page *own)
{
    return !is_of_the_future(s, p) && p->objid == own->objid && p->flags == own->flags &&
           p->prev == own->prev && p->next == own->next;
}

static int compare_slots(const void *a, const void *b)
{
    const struct salvage_page *x = *(struct salvage_page *const *)a,
                              *y = *(struct salvage_page *const *)b;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

/* The page that is right at the place `slot`, of those that are listed; NULL: none. */
static const struct salvage_page *at_slot(struct salvage_page *const *good, size_t count,
                                          uint32_t slot)
{
    const struct salvage_page key = {.slot = slot}, *wanted = &key;
    struct salvage_page *const *found =
        count ? bsearch(&wanted, good, count, sizeof(void *), compare_slots) : NULL;
    return found ? *found : NULL;
}

bool salvage_set_apart_displaced(struct ese_salvage *s, struct fault *f)
{
    struct salvage_page **good = calloc(s->pages_found + 1, sizeof(void *));
    size_t count = 0;
    bool ok = good != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    for (size_t i = 0; ok && i < s->pages_found; i++)
        if (s->page[i].trust == SALVAGE_GOOD)
            good[count++] = &s->page[i];
    if (count > 0)
        qsort(good, count, sizeof(void *), compare_slots);
    for (size_t i = 0; ok && i < s->pages_found; i++) {
        struct salvage_page *p = &s->page[i];
        const struct salvage_page *own =
            p->trust == SALVAGE_MOVED ? at_slot(good, count, p->number) : NULL;
        bool same = true;
        ok = own == NULL || is_same(s, p, own, &same, f);
        if (ok && !same) {
            p->trust = SALVAGE_APART;
            p->rival = is_rival(s, p, own);
        }
    }
    free(good);
    return ok;
}

/* ---- which pages of an object are joined to its root ---- */

struct joined {
    struct reach *r;
    bool *rooted; /* by place in r->by: parents lead from the root to it */
    bool *linked; /* or parents and neighbours do, one way or the other */
    size_t *open; /* places that were not looked at yet */
    size_t opened;
    bool whole; /* every page that a parent names is there */
};

static bool open_joined(struct joined *j, struct reach *r, struct fault *f)
{
    *j = (struct joined){.r = r,
                         .rooted = calloc(r->count + 1, sizeof *j->rooted),
                         .linked = calloc(r->count + 1, sizeof *j->linked),
                         .open = calloc(r->count + 1, sizeof *j->open)};
    return (j->rooted && j->linked && j->open) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
}

static void close_joined(struct joined *j)
{
    free(j->rooted);
    free(j->linked);
    free(j->open);
}

static struct salvage_page *page_at(const struct joined *j, size_t place)
{
    return &j->r->s->page[j->r->by[place].page];
}

static bool counts(const struct salvage_page *p)
{
    return p->trust <= SALVAGE_BLOCKS && !(p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY));
}

/* Takes in every page of that number.  Is there one? */
static bool take_number(struct joined *j, uint32_t number, bool *taken)
{
    bool any = false;
    for (size_t k = salvage_reach_find(j->r, number);
         k < j->r->count && j->r->by[k].number == number; k++) {
        if (!counts(page_at(j, k)))
            continue;
        any = true;
        if (!taken[k])
            j->open[j->opened++] = k;
        taken[k] = true;
    }
    return any;
}

static bool take_children(struct joined *j, const struct salvage_page *p, bool *taken,
                          struct fault *f)
{
    const struct ese_page *page;
    if (!salvage_is_parent(p))
        return true;
    if (!salvage_get(j->r->s, p, &page, f))
        return false;
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        if (!ese_page_node(page, i, &node, NULL) || !take_number(j, ese_node_child(&node), taken))
            j->whole = false;
    }
    ese_pages_put(j->r->s->pages, page);
    return true;
}

static bool from_root(struct joined *j, uint32_t root, struct fault *f)
{
    bool ok = true;
    j->whole = take_number(j, root, j->rooted);
    while (ok && j->opened > 0)
        ok = take_children(j, page_at(j, j->open[--j->opened]), j->rooted, f);
    return ok;
}

/* Takes out leaves in a wrong place that those which name them as a neighbour do not know. */
static bool take_out_strangers(struct joined *j, struct fault *f)
{
    uint8_t *known = calloc(j->r->count + 1, sizeof *known); /* 1: by one, 2: not by another */
    if (known == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list of pages");
    for (size_t k = 0; k < j->r->count; k++) {
        const struct salvage_page *p = page_at(j, k);
        const uint32_t link[2] = {p->prev, p->next};
        if (!j->rooted[k] || p->trust != SALVAGE_GOOD || !(p->flags & ESE_PAGE_LEAF))
            continue;
        for (unsigned i = 0; i < 2; i++)
            for (size_t n = link[i] ? salvage_reach_find(j->r, link[i]) : j->r->count;
                 n < j->r->count && j->r->by[n].number == link[i]; n++) {
                const struct salvage_page *q = page_at(j, n);
                known[n] |= (i ? q->prev : q->next) == p->number ? 1 : 2;
            }
    }
    for (size_t k = 0; k < j->r->count; k++) {
        struct salvage_page *p = page_at(j, k);
        if (!j->rooted[k] || p->trust != SALVAGE_MOVED || known[k] != 2 ||
            !(p->flags & ESE_PAGE_LEAF))
            continue;
        j->rooted[k] = j->whole = false;
        p->trust = SALVAGE_APART;
    }
    free(known);
    return true;
}

/* Does one of the rooted leaves of that number name `back` on its other side? */
static bool names_back(const struct joined *j, uint32_t number, uint32_t back, bool next)
{
    for (size_t k = salvage_reach_find(j->r, number);
         k < j->r->count && j->r->by[k].number == number; k++) {
        const struct salvage_page *p = page_at(j, k);
        if (j->rooted[k] && (p->flags & ESE_PAGE_LEAF) && (next ? p->prev : p->next) == back)
            return true;
    }
    return false;
}

/* Are the rooted leaves one chain?  Then there are no others. */
static bool is_chain(const struct joined *j)
{
    unsigned ends[2] = {0, 0};
    for (size_t k = 0; k < j->r->count; k++) {
        const struct salvage_page *p = page_at(j, k);
        if (!j->rooted[k] || !(p->flags & ESE_PAGE_LEAF))
            continue;
        const uint32_t link[2] = {p->prev, p->next};
        bool again = k > 0 && j->r->by[k - 1].number == p->number && j->rooted[k - 1];
        for (unsigned i = 0; i < 2; i++) {
            if (link[i] == 0)
                ends[i] += !again;
            else if (!names_back(j, link[i], p->number, i == 1))
                return false;
        }
    }
    return ends[0] == 1 && ends[1] == 1;
}

/* ---- of a tree that is not whole ---- */

/* Neighbours that name each other, from what is joined already. */
static void take_neighbours(struct joined *j, const struct salvage_page *p)
{
    if (!(p->flags & ESE_PAGE_LEAF))
        return;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t number = i ? p->next : p->prev;
        for (size_t k = number ? salvage_reach_find(j->r, number) : j->r->count;
             k < j->r->count && j->r->by[k].number == number; k++) {
            const struct salvage_page *q = page_at(j, k);
            if (j->linked[k] || !counts(q) || (i ? q->prev : q->next) != p->number)
                continue;
            j->linked[k] = true;
            j->open[j->opened++] = k;
        }
    }
}

static bool link_rest(struct joined *j, struct fault *f)
{
    bool ok = true;
    for (size_t k = 0; k < j->r->count; k++)
        if (j->rooted[k]) {
            j->linked[k] = true;
            j->open[j->opened++] = k;
        }
    while (ok && j->opened > 0) {
        const struct salvage_page *p = page_at(j, j->open[--j->opened]);
        take_neighbours(j, p);
        ok = take_children(j, p, j->linked, f);
    }
    return ok;
}

/* ---- is the database's space as new as its trees? ---- */

static bool tree_is_in_space(struct ese_salvage *s, uint32_t objid, uint32_t root, bool *in,
                             struct fault *f)
{
    struct reach r;
    struct joined j;
    if (!salvage_reach_open(&r, s, objid, f))
        return false;
    bool ok = open_joined(&j, &r, f) && from_root(&j, root, f);
    for (size_t k = 0; ok && k < r.count; k++)
        *in = *in && !(j.rooted[k] && page_at(&j, k)->trust == SALVAGE_GOOD &&
                       salvage_space_denies(s->space, page_at(&j, k)->number));
    close_joined(&j);
    free(r.by);
    return ok;
}

static bool table_is_in_space(struct ese_salvage *s, const struct ese_table *t, bool *in,
                              struct fault *f)
{
    bool ok = tree_is_in_space(s, t->objid, t->root, in, f);
    if (ok && t->long_value_objid != 0)
        ok = tree_is_in_space(s, t->long_value_objid, t->long_value_root, in, f);
    for (unsigned i = 0; ok && i < t->indexes; i++)
        if (t->index[i].objid != t->objid)
            ok = tree_is_in_space(s, t->index[i].objid, t->index[i].root, in, f);
    return ok;
}

/* Does the space of the whole database say that the page is not in use, and of every page of a tree
 * that is known that it is? */
static bool denies_now(struct ese_salvage *s, uint32_t number, bool *denies, struct fault *f)
{
    *denies = salvage_space_denies(s->space, number);
    if (!*denies || s->space->current)
        return true;
    bool in = true;
    unsigned tables = s->catalog ? ese_catalog_tables(s->catalog) : 0;
    bool ok = tree_is_in_space(s, ESE_OBJID_CATALOG, ESE_PGNO_CATALOG, &in, f) &&
              tree_is_in_space(s, ESE_OBJID_CATALOG_SHADOW, ESE_PGNO_CATALOG_SHADOW, &in, f);
    for (unsigned i = 0; ok && in && i < tables; i++)
        ok = table_is_in_space(s, ese_catalog_table(s->catalog, i), &in, f);
    s->space->current = in && s->catalog;
    s->space->sound = in;
    *denies = in;
    return ok;
}

/* ---- setting apart ---- */

static bool any_not(const struct joined *j, const bool *taken)
{
    for (size_t k = 0; k < j->r->count; k++)
        if (counts(page_at(j, k)) && !taken[k])
            return true;
    return false;
}

static uint64_t newest_of(const struct joined *j, const bool *taken)
{
    uint64_t newest = 0;
    for (size_t k = 0; k < j->r->count; k++)
        if (taken[k] && page_at(j, k)->dbtime > newest)
            newest = page_at(j, k)->dbtime;
    return newest;
}

/* Is it known that the tree has not this page?  known: up to that time it has no others than those
 * that are taken; what was written to a wrong place and is newer would have to replace one. */
static bool is_known_not(const struct ese_salvage *s, const struct salvage_page *p, uint64_t known)
{
    return known > 0 && (p->trust == SALVAGE_MOVED || p->dbtime <= known || is_of_the_future(s, p));
}

/* known: see there; 0: the tree is not whole. */
static bool set_apart_rest(struct joined *j, const bool *taken, uint64_t known, uint32_t root,
                           struct fault *f)
{
    struct ese_salvage *s = j->r->s;
    struct salvage_space own;
    if (!any_not(j, taken))
        return true;
    if (!salvage_space_of_all(s, f))
        return false;
    bool ok = salvage_space_open(&own, s, root, s->page[j->r->first].objid, f);
    for (size_t k = 0; ok && k < j->r->count; k++) {
        struct salvage_page *p = page_at(j, k);
        bool denies = false;
        if (!counts(p) || taken[k])
            continue;
        bool let_go = salvage_space_let_go(s->space, p) || salvage_space_let_go(&own, p);
        if (!let_go && !is_known_not(s, p, known))
            ok = denies_now(s, p->number, &denies, f);
        if (let_go || is_known_not(s, p, known) || denies) {
            p->freed = let_go;
            p->trust = SALVAGE_APART;
        }
    }
    salvage_space_close(&own);
    return ok;
}

bool salvage_set_apart(struct reach *r, uint32_t root, struct fault *f)
{
    struct joined j;
    bool ok = open_joined(&j, r, f) &&
              (r->count == 0 || (from_root(&j, root, f) && take_out_strangers(&j, f)));
    if (ok && r->count > 0 && j.whole && is_chain(&j)) {
        ok = set_apart_rest(&j, j.rooted, newest_of(&j, j.rooted), root, f);
    } else if (ok && r->count > 0) {
        ok = link_rest(&j, f) && set_apart_rest(&j, j.linked, 0, root, f);
    }
    close_joined(&j);
    return ok;
}
