/*
 * Pages that are right in themselves, and do not belong: of another store that was copied over the
 * end of the file or into its unused parts, of a file that was longer once.  What tells them from
 * pages of this database that have lost their parent:
 *
 *   - one in a wrong place, whose own place has another one that is right;
 *   - a tree that is whole from its root down, whose leaves are one chain, has no other pages that
 *     are as old as it, nor any in a wrong place or newer than the header;
 *   - of one that is not whole, a page that no chain of parents and neighbours joins to its root,
 *     and that its space or the database's, when sound, does not list as in use (of a database that
 *     was not shut down cleanly the space may be older than its trees: there it is in use, too,
 * when neighbours join it to a page that is);
 *   - one that says it is a leaf of the tree, and that its neighbours or its parent's separators
 *     contradict, in a wrong place.
 *
 * A root that is a leaf is a chain of one, so others are set apart; but those that name each other,
 * and that no space lists as not in use, are `left`: the root may be from before the tree grew.
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
    bool ok = good != NULL || fault_no_memory(f, "a list of pages");
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
    uint8_t *asked; /* enum asked, of the first place of a number */
    bool whole;     /* every page that a parent names is there */
};

/* Copies of a parent name the copies of its children again with every node: they are taken once. */
enum asked { NOT_ASKED, ASKED_THERE, ASKED_NOT_THERE };

static bool open_joined(struct joined *j, struct reach *r, struct fault *f)
{
    *j = (struct joined){.r = r,
                         .rooted = calloc(r->count + 1, sizeof *j->rooted),
                         .linked = calloc(r->count + 1, sizeof *j->linked),
                         .open = calloc(r->count + 1, sizeof *j->open),
                         .asked = calloc(r->count + 1, sizeof *j->asked)};
    return (j->rooted && j->linked && j->open && j->asked) || fault_no_memory(f, "a list of pages");
}

static void close_joined(struct joined *j)
{
    free(j->rooted);
    free(j->linked);
    free(j->open);
    free(j->asked);
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
    size_t first = salvage_reach_find(j->r, number);
    if (first == j->r->count || j->asked[first] != NOT_ASKED)
        return first < j->r->count && j->asked[first] == ASKED_THERE;
    for (size_t k = first; k < j->r->count && j->r->by[k].number == number; k++) {
        if (!counts(page_at(j, k)))
            continue;
        any = true;
        if (!taken[k])
            j->open[j->opened++] = k;
        taken[k] = true;
    }
    j->asked[first] = any ? ASKED_THERE : ASKED_NOT_THERE;
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

static bool is_rooted_leaf(const void *joined, size_t place)
{
    const struct joined *j = joined;
    return j->rooted[place] && (page_at(j, place)->flags & ESE_PAGE_LEAF);
}

static bool is_good_leaf(const void *joined, size_t place)
{
    return is_rooted_leaf(joined, place) && page_at(joined, place)->trust == SALVAGE_GOOD;
}

static bool is_counted(const void *joined, size_t place)
{
    return counts(page_at(joined, place));
}

static bool any_displaced(const struct joined *j)
{
    for (size_t k = 0; k < j->r->count; k++)
        if (is_rooted_leaf(j, k) && page_at(j, k)->trust == SALVAGE_MOVED)
            return true;
    return false;
}

/* Takes out leaves in a wrong place that none of those which name them as a neighbour knows. */
static bool take_out_strangers(struct joined *j, struct fault *f)
{
    if (!any_displaced(j))
        return true;
    struct sides good = {.at = NULL};
    bool *named = calloc(j->r->count + 1, sizeof *named); /* of the first place of a number */
    bool ok = named != NULL || fault_no_memory(f, "a list of pages");
    ok = ok && salvage_sides_open(&good, j->r, is_good_leaf, j, f);
    for (size_t i = 0; ok && i < good.count; i++)
        named[salvage_reach_find(j->r, good.at[i].names)] = true;
    for (size_t k = 0; ok && k < j->r->count; k++) {
        struct salvage_page *p = page_at(j, k);
        if (!is_rooted_leaf(j, k) || p->trust != SALVAGE_MOVED ||
            !named[salvage_reach_find(j->r, p->number)] || salvage_answer(&good, p, false) ||
            salvage_answer(&good, p, true))
            continue;
        j->rooted[k] = j->whole = false;
        p->trust = SALVAGE_APART;
    }
    salvage_sides_close(&good);
    free(named);
    return ok;
}

/* Are the rooted leaves one chain?  Then there are no others. */
static bool see_chain(const struct joined *j, bool *chain, struct fault *f)
{
    unsigned ends[2] = {0, 0};
    struct sides all;
    *chain = j->whole;
    bool ok = salvage_sides_open(&all, j->r, is_rooted_leaf, j, f);
    for (size_t k = 0; ok && *chain && k < j->r->count; k++) {
        const struct salvage_page *p = page_at(j, k);
        if (!is_rooted_leaf(j, k))
            continue;
        bool again = k > 0 && j->r->by[k - 1].number == p->number && j->rooted[k - 1];
        for (unsigned i = 0; i < 2; i++) {
            if ((i ? p->next : p->prev) == 0)
                ends[i] += !again;
            else if (salvage_answer(&all, p, i) == NULL)
                *chain = false;
        }
    }
    *chain = *chain && ends[0] == 1 && ends[1] == 1;
    salvage_sides_close(&all);
    return ok;
}

/* ---- of a tree that is not whole ---- */

/* Neighbours that name each other, from what is joined already. */
static void take_neighbours(struct joined *j, struct sides *all, const struct salvage_page *p)
{
    for (unsigned i = 0; i < 2 && (p->flags & ESE_PAGE_LEAF); i++) {
        struct side *side = salvage_answer(all, p, i);
        if (side == NULL || side->done)
            continue;
        for (side->done = true; side; side = salvage_answer_next(all, side)) {
            if (!j->linked[side->place])
                j->open[j->opened++] = side->place;
            j->linked[side->place] = true;
        }
    }
}

/* Takes in whatever is joined to what is open. */
static bool follow(struct joined *j, struct fault *f)
{
    struct sides all;
    bool ok = salvage_sides_open(&all, j->r, is_counted, j, f);
    while (ok && j->opened > 0) {
        const struct salvage_page *p = page_at(j, j->open[--j->opened]);
        take_neighbours(j, &all, p);
        ok = take_children(j, p, j->linked, f);
    }
    salvage_sides_close(&all);
    return ok;
}

static void link_one(struct joined *j, size_t place)
{
    j->linked[place] = true;
    j->open[j->opened++] = place;
}

static bool link_rest(struct joined *j, struct fault *f)
{
    memset(j->asked, NOT_ASKED, j->r->count);
    for (size_t k = 0; k < j->r->count; k++)
        if (j->rooted[k])
            link_one(j, k);
    return follow(j, f);
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
    if (!*denies || (s->catalog ? s->space->current : s->space->current_catalogs))
        return true;
    bool in = true;
    unsigned tables = s->catalog ? ese_catalog_tables(s->catalog) : 0;
    bool ok = tree_is_in_space(s, ESE_OBJID_CATALOG, ESE_PGNO_CATALOG, &in, f) &&
              tree_is_in_space(s, ESE_OBJID_CATALOG_SHADOW, ESE_PGNO_CATALOG_SHADOW, &in, f);
    for (unsigned i = 0; ok && in && i < tables; i++)
        ok = table_is_in_space(s, ese_catalog_table(s->catalog, i), &in, f);
    s->space->current_catalogs = in;
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

static bool is_other_leaf(const void *joined, size_t place)
{
    const struct joined *j = joined;
    const struct salvage_page *p = page_at(j, place);
    return !j->rooted[place] && counts(p) && p->trust == SALVAGE_GOOD && (p->flags & ESE_PAGE_LEAF);
}

/* Says of each page whether it is left beside a root that is a leaf.  The tree's own space may be
 * from before the tree grew, like its root: it counts when it lists all of them as not in use. */
static bool see_left(struct joined *j, uint32_t root, const struct salvage_space *own,
                     struct fault *f)
{
    struct sides others;
    size_t at = salvage_reach_find(j->r, root);
    bool any = false;
    if (at == j->r->count || !is_rooted_leaf(j, at))
        return true;
    bool ok = salvage_sides_open(&others, j->r, is_other_leaf, j, f);
    for (size_t k = 0; ok && k < j->r->count; k++) {
        struct salvage_page *p = page_at(j, k);
        bool denies = false;
        if (!is_other_leaf(j, k) ||
            !(salvage_answer(&others, p, false) || salvage_answer(&others, p, true)))
            continue;
        ok = denies_now(j->r->s, p->number, &denies, f);
        p->left = !denies;
        any = any || (p->left && !salvage_space_is_listed(own, p));
    }
    for (size_t k = 0; k < j->r->count; k++)
        page_at(j, k)->left = page_at(j, k)->left && any;
    salvage_sides_close(&others);
    return ok;
}

static bool is_let_go(const struct ese_salvage *s, const struct salvage_space *own,
                      const struct salvage_page *p)
{
    return !p->left && (salvage_space_let_go(s->space, p) || salvage_space_let_go(own, p));
}

/* Takes in what the space has in use, and what is joined to that: pages that were added after the
 * space was last written. */
static bool link_in_use(struct joined *j, const struct salvage_space *own, struct fault *f)
{
    struct ese_salvage *s = j->r->s;
    bool ok = true;
    for (size_t k = 0; ok && k < j->r->count; k++) {
        const struct salvage_page *p = page_at(j, k);
        bool denies = false;
        if (!counts(p) || j->linked[k] || is_let_go(s, own, p))
            continue;
        ok = denies_now(s, p->number, &denies, f);
        if (!denies)
            link_one(j, k);
    }
    return ok && follow(j, f);
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
    bool ok = salvage_space_open(&own, s, root, s->page[j->r->first].objid, f) &&
              (known == 0 ? !salvage_is_unfinished(s) || link_in_use(j, &own, f)
                          : see_left(j, root, &own, f));
    for (size_t k = 0; ok && k < j->r->count; k++) {
        struct salvage_page *p = page_at(j, k);
        bool denies = false;
        if (!counts(p) || taken[k])
            continue;
        bool let_go = is_let_go(s, &own, p);
        if (!let_go && !is_known_not(s, p, known))
            ok = denies_now(s, p->number, &denies, f);
        if (let_go || is_known_not(s, p, known) || denies) {
            p->freed = let_go;
            p->held = !let_go && p->slot == p->number && !salvage_space_denies(&own, p->number) &&
                      !salvage_space_denies(s->space, p->number);
            p->trust = SALVAGE_APART;
        } else {
            p->left = p->held = false;
            p->beside = known > 0;
            p->marked = p->marked || p->beside;
        }
    }
    salvage_space_close(&own);
    return ok;
}

bool salvage_set_apart(struct reach *r, uint32_t root, struct fault *f)
{
    struct joined j;
    bool chain = false, any = r->count > 0;
    bool ok =
        open_joined(&j, r, f) &&
        (!any || (from_root(&j, root, f) && take_out_strangers(&j, f) && see_chain(&j, &chain, f)));
    if (ok && chain)
        ok = set_apart_rest(&j, j.rooted, newest_of(&j, j.rooted), root, f);
    else if (ok && any)
        ok = link_rest(&j, f) && set_apart_rest(&j, j.linked, 0, root, f);
    close_joined(&j);
    return ok;
}
