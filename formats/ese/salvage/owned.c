/*
 * Pages that a table's space has in use, and on which nothing of the table stands.
 *
 * Where a leaf is gone with everything that names it - its parent, its neighbours and the index
 * know of others only - the space of the table still has it.  In a sound database each page that a
 * table owns and that is not available is one of its trees', but for what the engine leaks when it
 * is killed: of 27 databases that it recovered one has a page between its leaves and those that
 * were never used, and one a whole extent that was never used.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdlib.h>

/* ---- does what stands there belong to the table? ---- */

/* Is it a page of extents, or one above such? */
static bool holds_extents(struct reach *r, const struct salvage_page *p)
{
    const struct ese_page *page;
    bool leaf = p->flags & ESE_PAGE_LEAF, all = true;
    if (!salvage_reach_get(r, p, &page))
        return true;
    for (unsigned i = 0; i < ese_page_nodes(page) && all; i++) {
        uint8_t room[ESE_KEY_ROOM];
        struct ese_node node;
        struct bytes key;
        struct ese_extent extent;
        all = ese_page_node(page, i, &node, NULL) && ese_node_key(&node, room, sizeof room, &key) &&
              (leaf ? ese_extent_read(key, node.data, &extent, NULL) : ese_node_child(&node) != 0);
    }
    ese_pages_put(r->s->pages, page);
    return all;
}

/* Is it of the table, as far as can be seen, or is it told of with rows that stand on it?  A page
 * that was emptied is made available with that (measured: all 421 of the engine's were).  Where the
 * root is lost nothing may be left that names it. */
static bool is_of_table(struct reach *r, const struct salvage_page *p)
{
    if (p->trust <= SALVAGE_BLOCKS && (p->flags & ESE_PAGE_SPACE_TREE))
        return holds_extents(r, p);
    return p->reached || p->doubted ||
           (p->trust <= SALVAGE_BLOCKS && !p->freed && !salvage_has_root(r));
}

static bool stands(struct reach *r, uint32_t number)
{
    for (size_t k = salvage_reach_find(r, number); k < r->count && r->by[k].number == number; k++)
        if (is_of_table(r, &r->s->page[r->by[k].page]))
            return true;
    return number == r->root;
}

/* ---- does it belong to another? ---- */

struct missing {
    struct reach *r;
    const struct ese_table *table;
    struct salvage_numbers *number;
    bool all; /* see salvage_own_pages() */
    bool *out;
};

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_below(const struct ese_table *table, uint32_t objid)
{
    bool is = objid == table->long_value_objid;
    for (unsigned i = 0; i < table->indexes; i++)
        is = is || (objid == table->index[i].objid && !ese_index_is_primary(&table->index[i]));
    return is;
}

/* Is the page that stands there one of an index or of long values, whose own space does not tell?
 * Those that the catalog does not have are told of elsewhere. */
static bool is_of_other(const struct missing *m, const struct salvage_page *p)
{
    return (!salvage_is_known(m->r->s, p->objid) &&
            p->flags & (ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE)) ||
           (!m->all && is_below(m->table, p->objid));
}

static void see_others(struct missing *m)
{
    const struct ese_salvage *s = m->r->s;
    for (size_t i = 0; i < s->pages_found; i++) {
        const struct salvage_page *p = &s->page[i];
        if (p->objid == m->table->objid || !is_of_other(m, p))
            continue;
        const uint32_t *at = bsearch(&p->number, m->number->at, m->number->count,
                                     sizeof *m->number->at, compare_numbers);
        if (at)
            m->out[at - m->number->at] = true;
    }
}

/* Does another tree's parent, or the catalog, name it?  Then the table's space is older. */
static bool see_claims(struct missing *m, struct fault *f)
{
    for (size_t i = 0; i < m->number->count; i++) {
        uint32_t number = m->number->at[i], by;
        if (!salvage_claimed_by(m->r->s, number, &by, f))
            return false;
        m->out[i] = m->out[i] || (by != 0 && by != m->table->objid &&
                                  salvage_reach_find(m->r, number) == m->r->count);
    }
    return true;
}

static bool leave_out_others(struct missing *m, struct fault *f)
{
    size_t left = 0;
    m->out = calloc(m->number->count + 1, sizeof *m->out);
    if (m->out == NULL)
        return fault_no_memory(f, "a list of pages");
    see_others(m);
    bool ok = see_claims(m, f);
    for (size_t i = 0; i < m->number->count; i++)
        if (!m->out[i])
            m->number->at[left++] = m->number->at[i];
    m->number->count = left;
    free(m->out);
    return ok;
}

bool salvage_own_missing(struct reach *r, const struct ese_table *table,
                         struct salvage_numbers *missing, bool *all, struct fault *f)
{
    bool ok = salvage_own_pages(r->s, table, missing, all, f);
    struct missing m = {.r = r, .table = table, .number = missing, .all = *all};
    size_t left = 0;
    for (size_t i = 0; i < missing->count; i++)
        if (!stands(r, missing->at[i]))
            missing->at[left++] = missing->at[i];
    missing->count = left;
    return ok && (left == 0 || leave_out_others(&m, f));
}
