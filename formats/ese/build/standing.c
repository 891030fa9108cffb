/*
 * Whether the trees lead to everything that stands: a compaction follows parents, and a parent page
 * that is older than its leaves (a write that was lost) does not lead to all of them.
 *
 * A leaf stands when its checksum is right, its object is one of the catalog's, it is not flagged
 * as empty, has a node, and no sound space tree lists it as free.  A space tree is sound when all
 * of it can be read, its extents lie in the file and follow each other, and no page that it lists
 * is one that a tree leads to or that another tree lists.
 */
#include "formats/ese/build/compact_parts.h"

#include "formats/ese/read/space.h"

#include <stdlib.h>

/* An object whose leaves count, and what it is. */
struct object {
    uint32_t objid;
    const struct ese_table *table;
    const struct ese_index *index; /* NULL: rows or long values */
    bool long_values;
};

struct standing {
    struct compact *c;
    uint32_t last;
    uint8_t *reached, *free;
    uint64_t budget; /* how many pages all space trees together may list: against hostile ones */
    struct object *object;
    size_t objects;
};

static bool bit(const uint8_t *bits, uint32_t page)
{
    return bits[page / 8] >> page % 8 & 1;
}

static void set_bit(uint8_t *bits, uint32_t page)
{
    bits[page / 8] |= (uint8_t)(1 << page % 8);
}

struct standing *standing_open(struct compact *c, struct fault *f)
{
    struct standing *s = calloc(1, sizeof *s);
    if (s) {
        s->c = c;
        s->last = ese_pages_last(c->db->pages);
        s->budget = 2 * (uint64_t)s->last;
        s->reached = calloc((size_t)s->last / 8 + 1, 1);
        s->free = calloc((size_t)s->last / 8 + 1, 1);
    }
    if (s && s->reached && s->free)
        return s;
    standing_close(s);
    fault_no_memory(f, "the pages that were read");
    return NULL;
}

void standing_close(struct standing *s)
{
    if (s == NULL)
        return;
    free(s->reached);
    free(s->free);
    free(s->object);
    free(s);
}

uint8_t *standing_reached(struct standing *s)
{
    return s->reached;
}

/* ---- what is listed as free ---- */

/* Goes over one extent: all of it must be free for the tree to give away, and is marked so when
 * `mark` is set. */
static bool take_extent(struct standing *s, const struct ese_extent *extent, bool mark)
{
    if (extent->count == 0)
        return true;
    uint32_t last = ese_extent_last(extent);
    if (extent->first == 0 || last < extent->first || last > s->last)
        return false;
    if (!mark && extent->count > s->budget)
        return false;
    if (!mark)
        s->budget -= extent->count;
    for (uint32_t page = extent->first; page <= last; page++) {
        if (mark)
            set_bit(s->free, page);
        else if (bit(s->reached, page) || bit(s->free, page))
            return false;
    }
    return true;
}

/* Pages that a space tree keeps for its own splits. */
static bool take_split_buffer(struct standing *s, uint32_t root, bool mark)
{
    const struct ese_page *page;
    struct ese_split_buffer buffer;
    if (!ese_pages_get_sound(s->c->db->pages, root, &page, NULL))
        return false;
    bool ok = ese_split_buffer_read(page, &buffer, NULL) &&
              take_extent(s, &buffer.extent[0], mark) && take_extent(s, &buffer.extent[1], mark);
    ese_pages_put(s->c->db->pages, page);
    return ok;
}

/* False with FAULT_NO_MEMORY in f, or without when the tree is not sound. */
static bool take_available(struct standing *s, uint32_t root, uint32_t objid, bool mark,
                           struct fault *f)
{
    struct ese_extents *list = calloc(1, sizeof *list);
    struct ese_extent extent, before = {.count = 0};
    enum ese_step step = ESE_STEP_FAULT;
    if (list == NULL)
        return fault_no_memory(f, "free pages");
    if (!ese_extents_open(list, s->c->db->pages, root, objid, true, f)) {
        free(list);
        return false;
    }
    bool ok = true;
    while (ok && (step = ese_extents_next(list, &extent, f)) == ESE_STEP_NODE) {
        bool behind = before.count == 0 || extent.pool != before.pool ||
                      extent.first > ese_extent_last(&before);
        ok = (behind || extent.count == 0) && take_extent(s, &extent, mark);
        if (extent.count > 0)
            before = extent;
    }
    ok = ok && step == ESE_STEP_END;
    if (ok && list->space.multiple)
        ok = take_split_buffer(s, list->space.owned_root, mark) &&
             take_split_buffer(s, list->space.available_root, mark);
    ese_extents_close(list);
    free(list);
    return ok;
}

/* Marks what a tree lists as free, when its space is sound.  False only when memory is short. */
static bool mark_free(struct standing *s, uint32_t root, uint32_t objid, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    if (take_available(s, root, objid, false, &why))
        take_available(s, root, objid, true, &why);
    if (why.code != FAULT_NO_MEMORY)
        return true;
    *f = why;
    return false;
}

static bool mark_free_of_table(struct standing *s, const struct ese_table *table, struct fault *f)
{
    if (!mark_free(s, table->root, table->objid, f))
        return false;
    if (table->long_value_root != 0 &&
        !mark_free(s, table->long_value_root, table->long_value_objid, f))
        return false;
    for (unsigned i = 0; i < table->indexes; i++)
        if (!(table->index[i].flags & ESE_INDEX_PRIMARY) &&
            !mark_free(s, table->index[i].root, table->index[i].objid, f))
            return false;
    return true;
}

static bool mark_all_free(struct standing *s, struct fault *f)
{
    const struct ese_catalog *catalog = s->c->db->catalog;
    if (!mark_free(s, ESE_PGNO_ROOT, ESE_OBJID_ROOT, f))
        return false;
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++)
        if (!mark_free_of_table(s, ese_catalog_table(catalog, i), f))
            return false;
    return true;
}

/* ---- whose leaves count ---- */

static int by_objid(const void *a, const void *b)
{
    const struct object *x = a, *y = b;
    return (x->objid > y->objid) - (x->objid < y->objid);
}

/* All trees that are copied; what is made anew (the shadow, the catalog's own indexes) or left
 * behind does not count. */
static bool list_objects(struct standing *s, struct fault *f)
{
    const struct ese_catalog *catalog = s->c->db->catalog;
    size_t most = 1;
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++)
        most += 2 + (size_t)ese_catalog_table(catalog, i)->indexes;
    s->object = calloc(most, sizeof *s->object);
    if (s->object == NULL)
        return fault_no_memory(f, "the objects of the catalog");
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (table->objid == ESE_OBJID_CATALOG_SHADOW || compact_leaves_behind(table))
            continue;
        s->object[s->objects++] = (struct object){.objid = table->objid, .table = table};
        if (table->objid == ESE_OBJID_CATALOG)
            continue;
        if (table->long_value_root != 0)
            s->object[s->objects++] = (struct object){
                .objid = table->long_value_objid, .table = table, .long_values = true};
        for (unsigned k = 0; k < table->indexes; k++)
            if (!(table->index[k].flags & ESE_INDEX_PRIMARY))
                s->object[s->objects++] = (struct object){
                    .objid = table->index[k].objid, .table = table, .index = &table->index[k]};
    }
    qsort(s->object, s->objects, sizeof *s->object, by_objid);
    return true;
}

static const struct object *object_of(const struct standing *s, const struct ese_page *page)
{
    struct object wanted = {.objid = page->objid};
    if (!(page->flags & ESE_PAGE_LEAF) || (page->flags & (ESE_PAGE_EMPTY | ESE_PAGE_SPACE_TREE)) ||
        ese_page_nodes(page) == 0 || s->objects == 0)
        return NULL;
    return bsearch(&wanted, s->object, s->objects, sizeof wanted, by_objid);
}

/* ---- the judgement ---- */

/* What was passed by. */
struct passed {
    uint64_t leaves, nodes;
    uint32_t first, first_nodes;
    struct object of;
};

static bool look_at(struct standing *s, uint32_t number, struct passed *passed, struct fault *f)
{
    const struct ese_page *page;
    struct fault why = {.code = FAULT_NONE};
    if (!ese_pages_get_sound(s->c->db->pages, number, &page, &why)) {
        if (why.code == FAULT_DAMAGED)
            return true;
        *f = why;
        return fault_context(f, "whether a row stands there that no parent page leads to");
    }
    const struct object *object = object_of(s, page);
    if (object != NULL) {
        if (passed->leaves++ == 0) {
            passed->first = number;
            passed->first_nodes = ese_page_nodes(page);
            passed->of = *object;
        }
        passed->nodes += ese_page_nodes(page);
    }
    ese_pages_put(s->c->db->pages, page);
    return true;
}

static bool refuse(const struct passed *passed, struct fault *f)
{
    const struct object *of = &passed->of;
    return fault_set(f, FAULT_DAMAGED,
                     "table %s%s%s: no parent page leads to page %u, on which %u %s stand (%llu on "
                     "%llu such pages): a copy would lack them",
                     of->table->name,
                     of->index         ? ", index "
                     : of->long_values ? ", long values"
                                       : "",
                     of->index ? of->index->name : "", passed->first, passed->first_nodes,
                     of->index         ? "entries"
                     : of->long_values ? "parts"
                                       : "rows",
                     (unsigned long long)passed->nodes, (unsigned long long)passed->leaves);
}

bool standing_judge(struct standing *s, struct fault *f)
{
    struct passed passed = {.leaves = 0};
    if (!mark_all_free(s, f) || !list_objects(s, f))
        return false;
    for (uint32_t page = 1; page <= s->last; page++)
        if (!bit(s->reached, page) && !bit(s->free, page) && !look_at(s, page, &passed, f))
            return false;
    return passed.leaves == 0 || refuse(&passed, f);
}
