/*
 * Tables of another database's catalog that cannot be this one's.
 *
 * Object ids are given in the order in which things are made: another database has the same ones
 * for other things.  A table that only the other one names is not taken when what stands here under
 * one of its object ids is another kind of tree, or when rows stand here and none of them can be
 * one of its rows.  So its pages are of a table that no catalog has, and their rows are told as
 * such: as an index or a tree of long values nobody would miss them.
 */
#include "formats/ese/salvage/parts.h"

#include <stdlib.h>

enum { KINDS = ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE };

/* Are most of the pages here that have this object id of that kind of tree?  (A page whose flags
 * are wrong does not decide for others.) */
static bool is_kind(const struct ese_salvage *s, uint32_t objid, uint32_t kind)
{
    size_t first, count, of_it = 0, others = 0;
    salvage_pages_of(s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        if (p->trust > SALVAGE_MOVED || (p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY)))
            continue;
        if ((p->flags & KINDS) == kind)
            of_it++;
        else
            others++;
    }
    return others <= of_it;
}

static bool are_kinds(const struct ese_salvage *s, const struct ese_table *table)
{
    if (!is_kind(s, table->objid, 0) ||
        (table->long_value_objid != 0 && !is_kind(s, table->long_value_objid, ESE_PAGE_LONG_VALUE)))
        return false;
    for (unsigned i = 0; i < table->indexes; i++)
        if (table->index[i].objid != table->objid &&
            !is_kind(s, table->index[i].objid, ESE_PAGE_INDEX))
            return false;
    return true;
}

/* Can a row here be the table's, or is there none? */
static bool any_fits(struct ese_salvage *s, const struct ese_table *table, bool *fits,
                     struct fault *f)
{
    size_t first, count, seen = 0, rows = 0;
    struct ese_keys *keys = malloc(sizeof *keys);
    bool ok = keys || fault_no_memory(f, "a table");
    salvage_pages_of(s, table->objid, &first, &count);
    for (size_t i = first; ok && rows == 0 && i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        const struct ese_page *page;
        if (p->trust > SALVAGE_MOVED || !salvage_is_leaf(p))
            continue;
        ok = salvage_get(s, p, &page, f);
        if (ok) {
            seen += ese_page_nodes(page);
            rows += salvage_rows_like(table, page, keys);
            ese_pages_put(s->pages, page);
        }
    }
    free(keys);
    *fits = rows > 0 || seen == 0;
    return ok;
}

static bool note(struct ese_salvage *s, const struct ese_table *table, struct fault *f)
{
    size_t size = strlen(table->name) + 1;
    const char *name = arena_copy(&s->arena, bytes_of(table->name, size));
    if (name == NULL ||
        !array_reserve(&s->misfit, &s->misfit_room, s->misfits + 1, sizeof *s->misfit))
        return fault_no_memory(f, "the catalog");
    s->misfit[s->misfits++] = (struct salvage_dropped){table->objid, name};
    return true;
}

bool salvage_see_misfits(struct ese_salvage *s, struct fault *f)
{
    for (unsigned i = 0; i < ese_catalog_tables(s->catalog); i++) {
        const struct ese_table *table = ese_catalog_table(s->catalog, i);
        bool fits = true;
        if (ese_objid_is_catalog(table->objid) || !salvage_is_only_of_other(s, table->objid))
            continue;
        if (are_kinds(s, table) ? !any_fits(s, table, &fits, f) || (!fits && !note(s, table, f))
                                : !note(s, table, f))
            return false;
    }
    return true;
}

bool salvage_tell_misfits(struct ese_salvage *s, struct fault *f)
{
    for (size_t i = 0; i < s->misfits; i++) {
        struct ese_salvage_item item = {
            .kind = ESE_SALVAGE_CATALOG,
            .table = s->misfit[i].name,
            .objid = s->misfit[i].objid,
            .key = bytes_of("", 0),
            .tag = -1,
            .reason = "what stands here under its object ids does not fit this table of the other "
                      "database: it is not taken for one of this database's"};
        if (!salvage_tell(s, &item, f))
            return false;
    }
    s->result->tables_not_taken = (unsigned)s->misfits;
    return true;
}
