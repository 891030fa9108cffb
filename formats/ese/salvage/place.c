/*
 * Is a leaf that something names in its place, with all its rows?  Or, where it is not, was it let
 * go: emptied, freed, and perhaps given to another tree since?
 *
 * The engine lets a page go in one step with its neighbours, whose links then lead past it.  So it
 * was, when leaves that are newer than what names it close the gap.  What the page itself says
 * (that it is empty, or another's) is no evidence: that is what damage looks like, too.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdlib.h>

bool salvage_reach_get(struct reach *r, const struct salvage_page *p, const struct ese_page **page)
{
    struct fault why = {.code = FAULT_NONE};
    if (salvage_get(r->s, p, page, &why))
        return true;
    if (r->why.code == FAULT_NONE)
        r->why = why;
    return false;
}

/* ---- are all rows of a leaf to be had? ---- */

/* A root that says that it is empty, or nothing but space, has to be so.  Any other leaf has rows.
 */
static bool see_whole(struct reach *r, const struct salvage_page *p, bool *whole, struct fault *f)
{
    const struct ese_page *page;
    bool leaf = salvage_is_leaf(p), root = p->number == r->root;
    *whole = leaf && p->in_order && p->adds_up && (p->first.at != NULL || root);
    if (p->noise || (leaf && p->in_order))
        return true;
    if (!salvage_get(r->s, p, &page, f))
        return false;
    bool none = ese_page_nodes(page) == 0;
    *whole = leaf ? salvage_has_all_nodes(page) && (root || !none) : none;
    ese_pages_put(r->s->pages, page);
    return true;
}

/* The leaves of which all rows were read, by their first key. */
static int compare_firsts(const void *a, const void *b)
{
    const struct salvage_page *const *x = a, *const *y = b;
    int order = bytes_compare((*x)->first, (*y)->first);
    return order ? order : (*x > *y) - (*x < *y);
}

bool salvage_places_open(struct reach *r, uint32_t root, struct fault *f)
{
    r->root = root;
    r->whole = calloc(r->count + 1, sizeof *r->whole);
    r->leaf = calloc(r->count + 1, sizeof(void *));
    if (r->whole == NULL || r->leaf == NULL)
        return fault_no_memory(f, "a list of pages");
    for (size_t k = 0; k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        if (!salvage_is_leaf(p) && !(p->number == root && (p->flags & ESE_PAGE_LEAF)))
            continue;
        if (!see_whole(r, p, &r->whole[k], f))
            return false;
        if (r->whole[k] && p->first.at && !salvage_is_out(p))
            r->leaf[r->leaves++] = p;
    }
    if (r->leaves > 0)
        qsort(r->leaf, r->leaves, sizeof(void *), compare_firsts);
    return true;
}

void salvage_places_close(struct reach *r)
{
    free(r->whole);
    free(r->leaf);
}

/* ---- the keys of a leaf ---- */

/* Its first and last key, of nodes that are not believed, too; in `room`, or where they stand in
 * s->arena.  False: it has none, or they cannot be read. */
static bool keys_of(struct reach *r, const struct salvage_page *p, uint8_t room[2][ESE_KEY_ROOM],
                    struct span *keys)
{
    const struct ese_page *page;
    struct ese_node first, last;
    *keys = (struct span){p->first, p->last};
    if (p->trust <= SALVAGE_MOVED)
        return p->first.at != NULL;
    if (!salvage_reach_get(r, p, &page))
        return false;
    unsigned nodes = ese_page_nodes(page);
    bool ok = nodes > 0 && ese_page_node(page, 0, &first, NULL) &&
              ese_page_node(page, nodes - 1, &last, NULL) &&
              ese_node_key(&first, room[0], ESE_KEY_ROOM, &keys->low) &&
              ese_node_key(&last, room[1], ESE_KEY_ROOM, &keys->high);
    ese_pages_put(r->s->pages, page);
    return ok;
}

/* Has the leaf keys of its span?  Under a right checksum one is enough: it may have been split or
 * merged after its parent was written, or before.  Else a part of it may be another page's, which
 * then has keys of its own: all have to be. */
static bool is_in_span(struct reach *r, const struct salvage_page *p, const struct span *span)
{
    uint8_t room[2][ESE_KEY_ROOM];
    struct span keys;
    if (!keys_of(r, p, room, &keys))
        return p->number == r->root;
    struct bytes low = p->trust <= SALVAGE_MOVED ? keys.high : keys.low;
    struct bytes high = p->trust <= SALVAGE_MOVED ? keys.low : keys.high;
    return bytes_compare(low, span->low) >= 0 &&
           (span->high.at == NULL || bytes_compare(high, span->high) < 0);
}

/* Do the keys of two leaves that should stand side by side follow each other, as far as they can be
 * read? */
static bool follow_each_other(struct reach *r, const struct salvage_page *left,
                              const struct salvage_page *right)
{
    uint8_t room[2][ESE_KEY_ROOM], other_room[2][ESE_KEY_ROOM];
    struct span keys, other;
    return !keys_of(r, left, room, &keys) || !keys_of(r, right, other_room, &other) ||
           bytes_compare(keys.high, other.low) < 0;
}

/* Is the left one from before a split, which made the right one of its last keys? */
static bool was_split(const struct salvage_page *left, const struct salvage_page *right)
{
    return left->trust <= SALVAGE_MOVED && right->trust <= SALVAGE_MOVED && left->first.at &&
           right->first.at && left->dbtime < right->dbtime &&
           bytes_compare(left->first, right->first) < 0 &&
           bytes_compare(left->last, right->first) >= 0;
}

/* ---- leaves that close a gap ---- */

/* The first leaf behind a key; at its place, when it has just that one. */
static size_t first_from(const struct reach *r, struct bytes key)
{
    size_t low = 0, high = r->leaves;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(r->leaf[middle]->first, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Does the newer of two leaves, one of them newer than `time`, name the other as its neighbour?
 * NULL: there is none on that side. */
static bool are_neighbours(const struct salvage_page *left, const struct salvage_page *right,
                           uint64_t time)
{
    bool by_left = right == NULL || (left && left->dbtime >= right->dbtime);
    bool by_right = left == NULL || (right && right->dbtime >= left->dbtime);
    const struct salvage_page *newer = by_left ? left : right;
    return newer && newer->dbtime > time &&
           ((by_left && left->next == (right ? right->number : 0)) ||
            (by_right && right->prev == (left ? left->number : 0)));
}

/* Do leaves that are newer than `by` follow each other without a gap, from the one before a span to
 * the one behind it, without page `number`?  A stale one may stand between them. */
static bool is_closed(const struct reach *r, const struct span *span, uint32_t number,
                      const struct salvage_page *by)
{
    enum { MOST = 16 }; /* leaves that a page's rows can have been moved to */
    size_t next = first_from(r, span->low), end = next + MOST, before = next;
    while (before > 0 && next - before < MOST && r->leaf[before - 1]->number == number)
        before--;
    const struct salvage_page *left = before > 0 ? r->leaf[before - 1] : NULL;
    for (; next < end; next++) {
        const struct salvage_page *right = next < r->leaves ? r->leaf[next] : NULL;
        if (right && right->number == number)
            continue;
        if (!are_neighbours(left, right, by->dbtime)) {
            if (right && right->stale)
                continue;
            return false;
        }
        if (right == NULL || (span->high.at && bytes_compare(right->first, span->high) >= 0))
            return true;
        left = right;
    }
    return false;
}

bool salvage_leaves_have_gap(const struct reach *r)
{
    const struct salvage_page *left = NULL;
    for (size_t i = 0; i < r->leaves; i++) {
        if (are_neighbours(left, r->leaf[i], 0))
            left = r->leaf[i];
        else if (!r->leaf[i]->stale)
            return true;
    }
    return left == NULL || left->next != 0;
}

/* ---- what is lost ---- */

/* The pages of one number: there are several, where one stands in another's place, too. */
struct copies {
    size_t at, end; /* in r->by */
};

static struct copies copies_of(struct reach *r, uint32_t number)
{
    enum { MOST = 8 }; /* more are made by nobody but to cost time */
    struct copies c = {salvage_reach_find(r, number), 0};
    for (c.end = c.at; c.end < r->count && r->by[c.end].number == number && c.end - c.at < MOST;)
        c.end++;
    return c;
}

/* The next of them that is a leaf in use, of which all rows were read; NULL: there is none. */
static const struct salvage_page *next_whole(const struct reach *r, struct copies *c)
{
    while (c->at < c->end) {
        size_t k = c->at++;
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        if (r->whole[k] && salvage_is_leaf(p) && !salvage_is_out(p))
            return p;
    }
    return NULL;
}

bool salvage_is_lost_leaf(struct reach *r, uint32_t number, const struct salvage_page *by,
                          const struct span *span)
{
    const struct salvage_page *p;
    for (struct copies c = copies_of(r, number); (p = next_whole(r, &c)) != NULL;)
        if (is_in_span(r, p, span))
            return false;
    return !is_closed(r, span, number, by);
}

bool salvage_has_root(struct reach *r)
{
    for (struct copies c = copies_of(r, r->root); c.at < c.end; c.at++)
        if (r->s->page[r->by[c.at].page].trust <= SALVAGE_BLOCKS)
            return true;
    return false;
}

static uint32_t link_of(const struct salvage_page *p, bool next)
{
    return next ? p->next : p->prev;
}

/* The leaf that is whole and believed, and that `p` names on a side as it is named by it; NULL:
 * none is. */
static const struct salvage_page *neighbour_of(struct reach *r, const struct salvage_page *p,
                                               bool next)
{
    const struct salvage_page *at;
    for (struct copies c = copies_of(r, link_of(p, next)); (at = next_whole(r, &c)) != NULL;)
        if (at->trust <= SALVAGE_BLOCKS && link_of(at, !next) == p->number)
            return at;
    return NULL;
}

/* Does the leaf `p` stand where `by` says, its next one, or the one before?  It should name `by` as
 * well.  If not, another one may have come between the two since, or be gone from there, which the
 * newer of them knows: if that is `p`, it may not be a copy of what stands elsewhere, too. */
static bool is_beside(struct reach *r, const struct salvage_page *by, const struct salvage_page *p,
                      bool next)
{
    const struct salvage_page *left = next ? by : p, *right = next ? p : by;
    if (!follow_each_other(r, left, right))
        return was_split(left, right);
    if (p->trust > SALVAGE_BLOCKS || link_of(p, !next) == by->number)
        return true;
    return p->alone && (p->dbtime > by->dbtime || neighbour_of(r, p, !next));
}

bool salvage_is_lost_neighbour(struct reach *r, const struct salvage_page *by, bool next)
{
    const struct salvage_page *p;
    for (struct copies c = copies_of(r, link_of(by, next)); (p = next_whole(r, &c)) != NULL;)
        if (is_beside(r, by, p, next))
            return false;
    return true;
}

/* Has the leaf, where it says that it has a neighbour on that side, one that says so, too? */
static bool is_answered(struct reach *r, const struct salvage_page *p, bool next)
{
    const struct salvage_page *other = neighbour_of(r, p, next);
    return link_of(p, next) == 0 ||
           (other && follow_each_other(r, next ? p : other, next ? other : p));
}

bool salvage_is_between_neighbours(struct reach *r, const struct salvage_page *p)
{
    return is_answered(r, p, false) && is_answered(r, p, true);
}

/* Is there a leaf with a key of the span?  Then links lead on from it. */
static bool has_leaf(const struct reach *r, const struct span *span)
{
    size_t behind = span->high.at ? first_from(r, span->high) : r->leaves;
    return behind > 0 && bytes_compare(r->leaf[behind - 1]->last, span->low) >= 0;
}

bool salvage_is_lost_branch(struct reach *r, uint32_t number, const struct salvage_page *by,
                            const struct span *span)
{
    struct copies c = copies_of(r, number);
    for (; c.at < c.end; c.at++)
        if (salvage_is_parent(&r->s->page[r->by[c.at].page]))
            return false;
    return !has_leaf(r, span) && !is_closed(r, span, number, by);
}
