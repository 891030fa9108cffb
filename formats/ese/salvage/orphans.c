/*
 * Indexes that neither the catalog nor its shadow has, though their trees stand.
 *
 * The root of an index names the root of its table.  One that was deleted may look the same: then
 * the table's space has its root no longer in use.
 */
#include "formats/ese/salvage/reach_parts.h"

#include "formats/array.h"

#include <stdlib.h>

static int by_table(const void *a, const void *b)
{
    const struct salvage_orphan *x = a, *y = b;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    return (x->objid > y->objid) - (x->objid < y->objid);
}

/* Adds it, when its table is known. */
static bool add(struct ese_salvage *s, const struct salvage_page *p, struct salvage_root *roots,
                struct fault *f)
{
    struct salvage_root *found;
    if (!salvage_root_of_table(s, p, roots, &found, f))
        return false;
    if (found == NULL)
        return true;
    if (!array_reserve(&s->orphan, &s->orphan_room, s->orphans + 1, sizeof *s->orphan))
        return fault_no_memory(f, "an index");
    s->orphan[s->orphans++] = (struct salvage_orphan){found->table->objid, p->objid, p->number};
    return true;
}

bool salvage_orphans_find(struct ese_salvage *s, struct fault *f)
{
    struct salvage_root *roots = salvage_roots(s, f);
    bool ok = roots != NULL && salvage_space_of_all(s, f);
    s->orphans = 0;
    for (size_t i = 0; ok && i < s->pages_found; i++)
        if (salvage_is_lone_root(s, &s->page[i], ESE_PAGE_INDEX) &&
            !salvage_is_free(s, &s->page[i]))
            ok = add(s, &s->page[i], roots, f);
    free(roots);
    if (ok && s->orphans > 0)
        qsort(s->orphan, s->orphans, sizeof *s->orphan, by_table);
    return ok;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Has the table's space the page in use, as far as that can be read? */
static bool is_in_use(const struct salvage_numbers *own, uint32_t number)
{
    return own->count == 0 ||
           bsearch(&number, own->at, own->count, sizeof *own->at, compare_numbers) != NULL;
}

bool salvage_orphans_of(struct ese_salvage *s, const struct ese_table *table, size_t *count,
                        uint32_t *objid, struct fault *f)
{
    struct salvage_numbers own = {.count = 0};
    size_t low = array_first_u32(s->orphan, s->orphans, sizeof *s->orphan,
                                 offsetof(struct salvage_orphan, table), table->objid);
    *count = 0;
    if (low == s->orphans || s->orphan[low].table != table->objid)
        return true;
    bool all = true, ok = salvage_own_pages(s, table, &own, &all, f);
    if (!all)
        own.count = 0;
    for (; ok && low < s->orphans && s->orphan[low].table == table->objid; low++) {
        const struct salvage_orphan *o = &s->orphan[low];
        if (is_in_use(&own, o->number) && (*count == 0 || *objid != o->objid)) {
            *objid = o->objid;
            ++*count;
        }
    }
    free(own.at);
    return ok;
}
