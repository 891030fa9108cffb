/*
 * Leaves beyond an end of the table's chain: behind one that says it is the last, or before one
 * that says it is the first, and all of them older than that.
 *
 * Either they were let go since, and what still names them was not written, or what the leaf says
 * of its neighbour is wrong.  (Where one of them is newer, the tree has grown since.)  An index
 * that is newer than that leaf, and has their rows, tells; one that has them, and is not, was not
 * written since either, and the rows are doubtful.  Where no index has them they are kept.
 */
#include "formats/ese/salvage/parts.h"

/* Of salvage_page.beyond. */
enum { BEHIND_LAST = 1, BEFORE_FIRST = 2, ENTRY_SEEN = 4 };

static struct salvage_page *page_of(const struct salvage_leaves *l, size_t i)
{
    return &l->s->page[l->at[i].page];
}

/* Is it the newest of its side so far, and says that there is nothing beyond it? */
static bool is_end(const struct salvage_page *p, uint32_t link, uint64_t *newest)
{
    bool is = p->trust == SALVAGE_GOOD && link == 0 && p->dbtime > *newest;
    if (p->dbtime > *newest)
        *newest = p->dbtime;
    return is;
}

void salvage_ends_see(struct salvage_table *t)
{
    const struct salvage_leaves *l = &t->rows.leaves;
    uint64_t newest = 0;
    size_t last = l->count, first = l->count;
    for (size_t i = l->count; i-- > 0;)
        if (is_end(page_of(l, i), page_of(l, i)->next, &newest))
            last = i;
    newest = 0;
    for (size_t i = 0; i < l->count; i++)
        if (is_end(page_of(l, i), page_of(l, i)->prev, &newest))
            first = i;
    for (size_t i = 0; i < l->count; i++) {
        struct salvage_page *p = page_of(l, i);
        p->beyond = 0;
        if (i > last && bytes_compare(l->at[i].first, l->at[last].last) > 0)
            p->beyond = BEHIND_LAST;
        else if (first < l->count && i < first &&
                 bytes_compare(l->at[i].last, l->at[first].first) < 0)
            p->beyond = BEFORE_FIRST;
    }
    t->end_time[0] = last < l->count ? page_of(l, last)->dbtime : 0;
    t->end_time[1] = first < l->count ? page_of(l, first)->dbtime : 0;
}

void salvage_ends_entry(struct salvage_table *t, struct salvage_page *p, uint64_t time)
{
    if (time > t->end_time[p->beyond & BEFORE_FIRST ? 1 : 0])
        p->beyond = 0;
    else
        p->beyond |= ENTRY_SEEN;
}

void salvage_ends_settle(struct salvage_table *t)
{
    size_t first, count;
    salvage_pages_of(t->s, t->table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++)
        if (t->s->page[i].beyond & ENTRY_SEEN)
            t->s->page[i].stale = true;
}
