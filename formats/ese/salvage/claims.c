/*
 * Which pages are whose by what other pages say: the catalog names the root of each tree, a parent
 * its children.
 *
 * A page that says it is of a tree whose own parents do not name it, while another tree's do, or
 * while the catalog has it as another's root, was given the wrong object id: its rows are not that
 * tree's, whatever its time says.  Likewise a second root: a tree has one, and it never moves.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdlib.h>

enum { SEVERAL = UINT32_MAX }; /* objects claim the page */

static void claim(struct ese_salvage *s, uint32_t number, uint32_t objid)
{
    uint32_t *by = number <= s->scan.pages ? &s->claimed[number] : NULL;
    if (by && *by != objid)
        *by = *by ? SEVERAL : objid;
}

/* What the rows of this database's own catalog name; those of another one know of other places. */
static void claim_roots(struct ese_salvage *s)
{
    claim(s, ESE_PGNO_CATALOG, ESE_OBJID_CATALOG);
    claim(s, ESE_PGNO_CATALOG_SHADOW, ESE_OBJID_CATALOG_SHADOW);
    for (size_t i = 0; i < s->rows; i++) {
        const struct salvage_schema_row *row = &s->row[i];
        struct ese_catalog_object object;
        uint32_t root = 0;
        if (row->dbtime != 0 && salvage_catalog_object(s, row->record, &object) &&
            (object.type == ESE_OBJECT_TABLE || object.type == ESE_OBJECT_INDEX ||
             object.type == ESE_OBJECT_LONG_VALUE) &&
            bytes_le32(row->record, ESE_CATALOG_ROOT_AT, &root))
            claim(s, root, object.id);
    }
}

static bool claim_children(struct ese_salvage *s, const struct salvage_page *parent,
                           struct fault *f)
{
    const struct ese_page *page;
    struct ese_node node;
    if (!salvage_get(s, parent, &page, f))
        return false;
    for (unsigned i = 0; i < ese_page_nodes(page); i++)
        if (ese_page_node(page, i, &node, NULL))
            claim(s, ese_node_child(&node), parent->objid);
    ese_pages_put(s->pages, page);
    return true;
}

/* Reads them into s->claimed, unless they were read. */
static bool read_claims(struct ese_salvage *s, struct fault *f)
{
    if (s->claimed)
        return true;
    s->claimed = calloc((size_t)s->scan.pages + 1, sizeof *s->claimed);
    if (s->claimed == NULL)
        return fault_no_memory(f, "a list of pages");
    claim_roots(s);
    for (size_t i = 0; i < s->pages_found; i++)
        if (salvage_is_parent(&s->page[i]) && !s->page[i].freed &&
            !claim_children(s, &s->page[i], f))
            return false;
    return true;
}

void salvage_claims_forget(struct ese_salvage *s)
{
    free(s->claimed);
    s->claimed = NULL;
}

bool salvage_claimed_by(struct ese_salvage *s, uint32_t number, uint32_t *objid, struct fault *f)
{
    if (!read_claims(s, f))
        return false;
    *objid = number <= s->scan.pages ? s->claimed[number] : 0;
    return true;
}

/* Is there a page that can be the tree's root? */
static bool has_root(struct reach *r, uint32_t root)
{
    for (size_t k = salvage_reach_find(r, root); k < r->count && r->by[k].number == root; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        if (p->trust <= SALVAGE_BLOCKS && (p->flags & ESE_PAGE_ROOT))
            return true;
    }
    return false;
}

bool salvage_claimed_elsewhere(struct reach *r, uint32_t root, bool *elsewhere, struct fault *f)
{
    bool rooted = has_root(r, root);
    for (size_t k = 0; k < r->count; k++) {
        const struct salvage_page *p = &r->s->page[r->by[k].page];
        if (p->reached || p->trust > SALVAGE_BLOCKS ||
            (p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY)))
            continue;
        uint32_t by;
        if (!salvage_claimed_by(r->s, p->number, &by, f))
            return false;
        elsewhere[k] = (by != 0 && by != p->objid) || (rooted && (p->flags & ESE_PAGE_ROOT));
    }
    return true;
}
