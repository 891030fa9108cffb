/*
 * What belongs to no table of the catalog: rows whose table's catalog rows were lost together with
 * their shadow.  They go to quarantine, as they stand; a catalog from elsewhere names them again.
 * Of a table that only wrong checksums or its upper pages still tell of, that is told, too.
 *
 * Pages that the database's own space lists as free are of tables that were dropped: nothing is
 * said of them.
 */
#include "formats/ese/salvage/parts.h"

#include <stdio.h>

/* What the pages in use of one object are. */
struct unknown {
    uint32_t objid;
    bool rows;        /* a leaf with rows or long values that can be believed */
    bool long_values; /* and it is one of long values */
    bool index;       /* a page of an index */
    bool wrong;       /* a leaf under a wrong checksum */
    bool above;       /* a page above the leaves */
};

static void see_page(struct unknown *u, const struct salvage_page *p)
{
    bool good = p->trust <= SALVAGE_BLOCKS;
    u->index = u->index || (p->flags & ESE_PAGE_INDEX);
    if (p->flags & (ESE_PAGE_INDEX | ESE_PAGE_SPACE_TREE))
        return;
    bool long_values = p->flags & ESE_PAGE_LONG_VALUE;
    u->above = u->above || (good && !long_values && !(p->flags & ESE_PAGE_LEAF));
    if (!salvage_is_leaf(p))
        return;
    u->rows = u->rows || good;
    u->long_values = u->long_values || (good && long_values);
    u->wrong = u->wrong || (!good && !long_values);
}

/* The greatest object id that the database has given. */
static uint32_t last_objid(const struct ese_salvage *s)
{
    uint32_t last = s->has_header ? s->headers->header.objid_last : 0;
    for (size_t i = 0; i < s->pages_found; i++)
        if (s->page[i].trust <= SALVAGE_MOVED && s->page[i].objid > last)
            last = s->page[i].objid;
    return last;
}

static const char *reason_of(bool long_values, enum salvage_verdict verdict)
{
    if (long_values)
        return "a part of a long value of a table that the catalog does not have";
    if (verdict == SALVAGE_SUPERSEDED)
        return "a row of a table that the catalog does not have; a newer page, in whose range its "
               "key lies, does not have it";
    return verdict == SALVAGE_BYTES ? "a row of a table that the catalog does not have, on a page "
                                      "whose checksum is wrong"
                                    : "a row of a table that the catalog does not have";
}

static bool tell_node(struct ese_salvage *s, const struct unknown *u, const struct salvage_walk *w,
                      const struct salvage_choice *c, struct fault *f)
{
    const struct salvage_version *v = &w->version[c->best];
    const struct salvage_page *p = &s->page[v->page];
    const struct ese_page *page;
    struct ese_node node;
    if (!salvage_node(s, v, &page, &node, f))
        return false;
    struct ese_salvage_item item = {
        .kind = u->long_values                     ? ESE_SALVAGE_LONG_VALUE
                : c->verdict == SALVAGE_SUPERSEDED ? ESE_SALVAGE_OLDER
                                                   : ESE_SALVAGE_NO_SCHEMA,
        .objid = u->objid,
        .key = w->key,
        .page = p->slot,
        .tag = (int)(v->node + page->reserved),
        .dbtime = p->dbtime,
        .record = node.data,
        .reason = reason_of(u->long_values, c->verdict),
    };
    bool ok = salvage_tell(s, &item, f);
    ese_pages_put(s->pages, page);
    return ok;
}

/* Every node of the object that is in use. */
static bool tell_nodes(struct ese_salvage *s, const struct unknown *u, struct fault *f)
{
    struct salvage_walk *w = calloc(1, sizeof *w);
    bool more = true;
    if (w == NULL)
        return fault_no_memory(f, "a tree");
    bool ok = salvage_reach(s, u->objid, 0, f) &&
              salvage_walk_open(w, s, &u->objid, 1, false, !u->long_values, f);
    while (ok && (ok = salvage_walk_next(w, &more, f)) && more) {
        struct salvage_choice c;
        ok = salvage_choose(w, &c, f);
        if (ok && c.verdict != SALVAGE_GONE)
            ok = tell_node(s, u, w, &c, f);
    }
    salvage_walk_close(w);
    free(w);
    return ok;
}

/* The table, and its pages that are not to be had. */
static bool tell_table(struct ese_salvage *s, const struct unknown *u, struct fault *f)
{
    const struct ese_table table = {.objid = u->objid};
    const char *dropped = salvage_dropped_name(s, u->objid);
    struct ese_salvage_table sum = {.objid = u->objid};
    char text[300];
    struct ese_salvage_item item = {
        .kind = ESE_SALVAGE_TABLE_LOST,
        .objid = u->objid,
        .key = bytes_of("", 0),
        .tag = -1,
        .reason = u->rows    ? "a table that the catalog does not have"
                  : u->wrong ? "a table, it seems, that the catalog does not have, and whose "
                               "pages with rows all have a wrong checksum"
                             : "a table that the catalog does not have, and of which no page with "
                               "rows is to be had"};
    if (dropped) {
        snprintf(text, sizeof text,
                 "%s: the catalog and its shadow both have the table %s flagged as deleted, so it "
                 "was dropped or never committed, unless the flags are wrong",
                 item.reason, dropped);
        item.reason = text;
    }
    return salvage_tell(s, &item, f) &&
           (!(u->rows || u->above) || salvage_lost_pages(s, &table, &sum, f));
}

static bool one_object(struct ese_salvage *s, const struct unknown *u, uint32_t last,
                       struct fault *f)
{
    bool is_table = !u->long_values && !u->index && (u->rows || u->above || u->wrong);
    if (!u->rows && (!is_table || u->objid > last))
        return true;
    return (!is_table || tell_table(s, u, f)) && tell_nodes(s, u, f);
}

bool salvage_unknown(struct ese_salvage *s, struct fault *f)
{
    uint32_t last = last_objid(s);
    bool ok = salvage_space_of_all(s, f);
    for (size_t i = 0, end; ok && i < s->pages_found; i = end) {
        struct unknown u = {.objid = s->page[i].objid};
        bool known = salvage_is_known(s, u.objid);
        for (end = i; end < s->pages_found && s->page[end].objid == u.objid; end++)
            if (!known && !salvage_is_free(s, &s->page[end]))
                see_page(&u, &s->page[end]);
        ok = known || one_object(s, &u, last, f);
    }
    return ok;
}
