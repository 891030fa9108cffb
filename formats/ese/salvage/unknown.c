/*
 * What belongs to no table of the catalog: rows whose table's catalog rows were lost together with
 * their shadow.  They go to quarantine, as they stand; a catalog from elsewhere names them again.
 *
 * Pages that the database's own space lists as free are of tables that were dropped: nothing is
 * said of them.
 */
#include "formats/ese/salvage/parts.h"

static bool is_data(const struct salvage_page *p)
{
    return salvage_is_leaf(p) && !(p->flags & ESE_PAGE_INDEX) && p->trust <= SALVAGE_BLOCKS;
}

/* Every node of the object that is in use. */
static bool tell_nodes(struct ese_salvage *s, uint32_t objid, bool long_values, struct fault *f)
{
    struct salvage_walk *w = calloc(1, sizeof *w);
    bool more = true;
    if (w == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a tree");
    bool ok = salvage_reach(s, objid, 0, f) && salvage_walk_open(w, s, &objid, 1, false, false, f);
    while (ok && (ok = salvage_walk_next(w, &more, f)) && more) {
        struct salvage_choice c;
        const struct ese_page *page;
        struct ese_node node;
        if (!salvage_choose(w, &c, f)) {
            ok = false;
            break;
        }
        const struct salvage_version *v = &w->version[c.best];
        const struct salvage_page *p = &s->page[v->page];
        if (c.verdict == SALVAGE_GONE || c.verdict == SALVAGE_SUPERSEDED ||
            c.verdict == SALVAGE_BYTES)
            continue;
        if (!(ok = salvage_node(s, v, &page, &node, f)))
            break;
        struct ese_salvage_item item = {
            .kind = long_values ? ESE_SALVAGE_LONG_VALUE : ESE_SALVAGE_NO_SCHEMA,
            .objid = objid,
            .key = w->key,
            .page = p->slot,
            .tag = (int)(v->node + page->reserved),
            .dbtime = p->dbtime,
            .record = node.data,
            .reason = long_values
                          ? "a part of a long value of a table that the catalog does not have"
                          : "a row of a table that the catalog does not have",
        };
        ok = salvage_tell(s, &item, f);
        ese_pages_put(s->pages, page);
    }
    salvage_walk_close(w);
    free(w);
    return ok;
}

bool salvage_unknown(struct ese_salvage *s, struct fault *f)
{
    struct salvage_free free_pages;
    if (!salvage_free_open(&free_pages, s, f))
        return false;
    bool ok = true;
    for (size_t i = 0, end; ok && i < s->pages_found; i = end) {
        uint32_t objid = s->page[i].objid;
        bool wanted = false, long_values = false;
        for (end = i; end < s->pages_found && s->page[end].objid == objid; end++) {
            const struct salvage_page *p = &s->page[end];
            if (!is_data(p) || salvage_is_free(&free_pages, p))
                continue;
            wanted = true;
            long_values = long_values || (p->flags & ESE_PAGE_LONG_VALUE);
        }
        if (wanted && !salvage_is_known(s, objid))
            ok = tell_nodes(s, objid, long_values, f);
    }
    salvage_free_close(&free_pages);
    return ok;
}
