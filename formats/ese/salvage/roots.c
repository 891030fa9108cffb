/*
 * Roots of trees, where the catalog and the pages contradict each other.
 *
 * The catalog has the root page of each tree, and that never moves.  Where it names a page that
 * cannot be that root, being another tree's, and the root stands elsewhere, and alone, the row of
 * the catalog is wrong.  Where it has an index as unique, or not, and the root says otherwise, most
 * of the index's pages settle it, and no index is unique where two of its entries have one key.
 *
 * A root page that is right in itself, in its place, and says it is of another table, which has its
 * own root elsewhere, was given the wrong object id: it is taken as what the catalog has it for,
 * when what stands on it can be that and no root of that table's other trees names another one, and
 * its rows are doubtful.
 */
#include "formats/ese/salvage/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- roots that every database has ---- */

/* Where the root of a tree of the database's own is; 0: it is none of these. */
static uint32_t own_root(uint32_t objid)
{
    switch (objid) {
    case ESE_OBJID_ROOT:
        return ESE_PGNO_ROOT;
    case ESE_OBJID_CATALOG:
        return ESE_PGNO_CATALOG;
    case ESE_OBJID_CATALOG_SHADOW:
        return ESE_PGNO_CATALOG_SHADOW;
    case ESE_OBJID_CATALOG_NAME_INDEX:
        return ESE_PGNO_CATALOG_NAME_INDEX;
    case ESE_OBJID_CATALOG_ROOT_INDEX:
        return ESE_PGNO_CATALOG_ROOT_INDEX;
    default:
        return 0;
    }
}

static bool is_own_root(uint32_t number)
{
    bool own = false;
    for (uint32_t objid = ESE_OBJID_ROOT; objid <= ESE_OBJID_CATALOG_ROOT_INDEX; objid++)
        own = own || own_root(objid) == number;
    return own;
}

/* ---- rows of the catalog that name another page ---- */

/* A row of this database's own catalog that names a root. */
struct named_root {
    uint32_t root, objid, kind; /* kind: the flag of its pages; 0: a table's */
    size_t row;
};

struct roots {
    struct named_root *named; /* by root */
    size_t names;
    const struct salvage_page **good; /* in their places, by number */
    size_t goods;
};

static int by_root(const void *a, const void *b)
{
    const struct named_root *x = a, *y = b;
    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_number(const void *a, const void *b)
{
    const struct salvage_page *x = *(const struct salvage_page *const *)a,
                              *y = *(const struct salvage_page *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Does the row name a root that no other row of its table does?  The primary index has the table's.
 */
static bool names_root(const struct ese_salvage *s, size_t row, struct named_root *n)
{
    struct ese_catalog_object o;
    const struct salvage_schema_row *r = &s->row[row];
    if (r->dbtime == 0 || ese_objid_is_catalog(r->table) ||
        !salvage_catalog_object(s, r->record, &o) || o.type == ESE_OBJECT_COLUMN ||
        o.type == ESE_OBJECT_CALLBACK || (o.type == ESE_OBJECT_INDEX && o.id == o.table) ||
        !bytes_le32(r->record, ESE_CATALOG_ROOT_AT, &n->root))
        return false;
    n->objid = o.id;
    n->kind = o.type == ESE_OBJECT_INDEX        ? ESE_PAGE_INDEX
              : o.type == ESE_OBJECT_LONG_VALUE ? ESE_PAGE_LONG_VALUE
                                                : 0;
    n->row = row;
    return true;
}

static bool open_roots(struct roots *r, const struct ese_salvage *s, struct fault *f)
{
    *r = (struct roots){.named = calloc(s->rows + 1, sizeof *r->named),
                        .good = calloc(s->pages_found + 1, sizeof *r->good)};
    if (r->named == NULL || r->good == NULL)
        return fault_no_memory(f, "the catalog");
    for (size_t i = 0; i < s->rows; i++)
        r->names += names_root(s, i, &r->named[r->names]);
    for (size_t i = 0; i < s->pages_found; i++)
        if (s->page[i].trust == SALVAGE_GOOD)
            r->good[r->goods++] = &s->page[i];
    if (r->names > 0)
        qsort(r->named, r->names, sizeof *r->named, by_root);
    if (r->goods > 0)
        qsort(r->good, r->goods, sizeof *r->good, by_number);
    return true;
}

static void close_roots(struct roots *r)
{
    free(r->named);
    free(r->good);
}

static const struct salvage_page *good_page(const struct roots *r, uint32_t number)
{
    const struct salvage_page key = {.number = number}, *wanted = &key;
    const struct salvage_page *const *found =
        r->goods ? bsearch(&wanted, r->good, r->goods, sizeof *r->good, by_number) : NULL;
    return found ? *found : NULL;
}

/* objid: whose row it is; 0: anybody's. */
static bool is_named(const struct roots *r, uint32_t root, uint32_t objid)
{
    size_t i = array_first_u32(r->named, r->names, sizeof *r->named,
                               offsetof(struct named_root, root), root);
    for (; i < r->names && r->named[i].root == root; i++)
        if (objid == 0 || r->named[i].objid == objid)
            return true;
    return false;
}

static bool is_tree_root(const struct salvage_page *p)
{
    return (p->flags & ESE_PAGE_ROOT) && !(p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY));
}

/* Is the page that is named surely not the root?  One that the file does not have; one within a
 * tree; another's root, by that one's row, too. */
static bool is_wrong(const struct ese_salvage *s, const struct roots *r, const struct named_root *n)
{
    if (n->root == 0 || n->root > s->scan.pages || is_own_root(n->root))
        return true;
    const struct salvage_page *p = good_page(r, n->root);
    if (p == NULL || !salvage_is_known(s, p->objid))
        return false;
    return !is_tree_root(p) || (p->objid != n->objid && is_named(r, n->root, p->objid));
}

/* The only root of that object; NULL: there is none, or another row names it. */
static const struct salvage_page *find_root(const struct ese_salvage *s, const struct roots *r,
                                            const struct named_root *n)
{
    const struct salvage_page *root = NULL;
    size_t first, count;
    salvage_pages_of(s, n->objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        if (p->trust != SALVAGE_GOOD || !is_tree_root(p) || is_own_root(p->number))
            continue;
        if (root || (p->flags & (ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE)) != n->kind)
            return NULL;
        root = p;
    }
    return root && is_named(r, root->number, 0) ? NULL : root;
}

static bool mend_root(struct ese_salvage *s, const struct roots *r, const struct named_root *n,
                      bool *mended, struct fault *f)
{
    const struct salvage_page *root = is_wrong(s, r, n) ? find_root(s, r, n) : NULL;
    char text[200];
    if (root == NULL)
        return true;
    snprintf(text, sizeof text,
             "the catalog has the root of object %" PRIu32 " on page %" PRIu32
             ", which cannot be, and it stands on page %" PRIu32 ": that is taken",
             n->objid, n->root, root->number);
    *mended = true;
    if (!salvage_mend_note(s, &s->row[n->row], text, true, f))
        return false;
    bytes_put_le32((uint8_t *)(uintptr_t)s->row[n->row].record.at + ESE_CATALOG_ROOT_AT,
                   root->number);
    return true;
}

/* ---- indexes that are said to be unique, or not ---- */

/* What the pages of an index have of it. */
struct unique_pages {
    size_t unique, other; /* by their flags */
    bool leaf;            /* entries were seen */
    bool equal;           /* two that stand have one key */
};

static bool has_equal_keys(const struct ese_page *page)
{
    uint8_t room[ESE_KEY_ROOM], before[ESE_KEY_ROOM];
    struct bytes last = {NULL, 0};
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        struct bytes key;
        if (!ese_page_node(page, i, &node, NULL) || (node.flags & ESE_NODE_DELETED) ||
            !ese_node_key(&node, room, sizeof room, &key) || key.size == 0)
            continue;
        if (last.at != NULL && bytes_equal(key, last))
            return true;
        memcpy(before, key.at, key.size);
        last = bytes_of(before, key.size);
    }
    return false;
}

static bool see_unique_pages(struct ese_salvage *s, uint32_t objid, struct unique_pages *u,
                             struct fault *f)
{
    size_t first, count;
    *u = (struct unique_pages){.unique = 0};
    salvage_pages_of(s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        const struct ese_page *page;
        if (p->trust != SALVAGE_GOOD || !(p->flags & ESE_PAGE_INDEX) ||
            (p->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY)))
            continue;
        *(p->flags & ESE_PAGE_NON_UNIQUE_KEYS ? &u->other : &u->unique) += 1;
        if (!(p->flags & ESE_PAGE_LEAF))
            continue;
        if (!salvage_get(s, p, &page, f))
            return false;
        u->leaf = true;
        u->equal = u->equal || has_equal_keys(page);
        ese_pages_put(s->pages, page);
    }
    return true;
}

/* Pages of an index have it in their flags whether two entries may have one key.  That none may is
 * taken only where the entries do not speak against it: an index that allows it holds both. */
static bool mend_unique(struct ese_salvage *s, const struct roots *r, const struct named_root *n,
                        bool *mended, struct fault *f)
{
    const struct salvage_page *root = good_page(r, n->root);
    size_t at = ese_catalog_own_column(MSYS_FLAGS)->offset;
    struct unique_pages u;
    uint32_t flags = 0;
    char text[200];
    if (root == NULL || root->objid != n->objid || !is_tree_root(root) ||
        !bytes_le32(s->row[n->row].record, at, &flags) ||
        !(root->flags & ESE_PAGE_NON_UNIQUE_KEYS) == ((flags & ESE_INDEX_UNIQUE) != 0))
        return true;
    if (!see_unique_pages(s, n->objid, &u, f))
        return false;
    bool unique = u.unique > u.other && u.leaf && !u.equal;
    bool wrong = unique != ((flags & ESE_INDEX_UNIQUE) != 0);
    snprintf(text, sizeof text,
             "the catalog has the index of object %" PRIu32
             " as one whose keys %s unique, and its %s: %s",
             n->objid, flags & ESE_INDEX_UNIQUE ? "are" : "are not",
             wrong ? "pages do not" : "root page does not",
             wrong ? "they are believed" : "the catalog is believed");
    *mended = *mended || wrong;
    if (!salvage_mend_note(s, &s->row[n->row], text, true, f))
        return false;
    if (wrong)
        bytes_put_le32((uint8_t *)(uintptr_t)s->row[n->row].record.at + at,
                       flags ^ ESE_INDEX_UNIQUE);
    return true;
}

/* Is that an index of which every row's keys can be computed, so that it will be built in full? */
static bool is_built(const struct ese_salvage *s, uint32_t table, uint32_t objid)
{
    const struct ese_table *t = salvage_table_of(s, table);
    for (unsigned i = 0; t && i < t->indexes; i++)
        if (t->index[i].objid == objid)
            return ese_index_computable(t, &t->index[i]);
    return false;
}

static bool mend_deferred(struct ese_salvage *s, const struct named_root *n, bool *mended,
                          struct fault *f)
{
    const struct salvage_schema_row *row = &s->row[n->row];
    size_t at = ese_catalog_own_column(MSYS_FLAGS)->offset;
    uint32_t flags = 0;
    char text[200];
    if (!bytes_le32(row->record, at, &flags) || !(flags & ESE_INDEX_DEFERRED) ||
        !is_built(s, row->table, n->objid))
        return true;
    snprintf(text, sizeof text,
             "the catalog has the index of object %" PRIu32
             " as one that is not built yet: it is, from the rows",
             n->objid);
    *mended = true;
    if (!salvage_mend_note(s, row, text, true, f))
        return false;
    bytes_put_le32((uint8_t *)(uintptr_t)row->record.at + at, flags ^ ESE_INDEX_DEFERRED);
    return true;
}

bool salvage_mend_roots(struct ese_salvage *s, bool *mended, struct fault *f)
{
    struct roots r;
    bool ok = open_roots(&r, s, f);
    *mended = false;
    for (size_t i = 0; ok && i < r.names; i++) {
        const struct named_root *n = &r.named[i];
        ok = mend_root(s, &r, n, mended, f);
        if (ok && n->kind == ESE_PAGE_INDEX)
            ok = mend_unique(s, &r, n, mended, f) && mend_deferred(s, n, mended, f);
    }
    close_roots(&r);
    return ok;
}

/* ---- root pages with the object id of another table ---- */

/* Can it be the root of a table, in its own place? */
static bool is_root(const struct salvage_page *p)
{
    return p->trust == SALVAGE_GOOD && is_tree_root(p) &&
           !(p->flags & (ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE));
}

/* Is there a page of the table of that number? */
static bool has_page(const struct ese_salvage *s, const struct ese_table *table, uint32_t number)
{
    size_t first, count;
    salvage_pages_of(s, table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++)
        if (s->page[i].number == number && s->page[i].trust <= SALVAGE_MOVED)
            return true;
    return false;
}

/* The table that alone has its root there, by this database's own catalog; NULL: none. */
static const struct ese_table *owner_of(const struct ese_salvage *s,
                                        const struct salvage_root *roots, uint32_t number)
{
    unsigned tables = ese_catalog_tables(s->catalog);
    size_t i =
        array_first_u32(roots, tables, sizeof *roots, offsetof(struct salvage_root, root), number);
    if (i == tables || roots[i].root != number || (i + 1 < tables && roots[i + 1].root == number) ||
        salvage_is_of_other(s, roots[i].table))
        return NULL;
    return ese_objid_is_catalog(roots[i].table->objid) ? NULL : roots[i].table;
}

/* ---- can it be that table's? ---- */

static bool is_row(const struct ese_table *table, const struct ese_record_limits *limits,
                   struct ese_keys *keys, const struct ese_page *page, const struct ese_node *node)
{
    struct ese_record record;
    struct fault f;
    uint8_t room[ESE_KEY_ROOM];
    struct bytes key;
    if (!ese_record_on_page(&record, table, page, node->data, NULL) ||
        !ese_record_check(&record, limits, NULL, NULL, NULL))
        return false;
    if (keys == NULL)
        return true;
    ese_keys_of(keys, &record);
    enum ese_key_result result = ese_keys_next(keys, &f);
    return result == ESE_KEY_NOT_COMPUTABLE ||
           (result == ESE_KEY_OK && ese_node_key(node, room, sizeof room, &key) &&
            bytes_equal(key, ese_key_bytes(&keys->key)));
}

static bool open_keys(const struct ese_table *table, struct ese_keys *keys)
{
    for (unsigned i = 0; i < table->indexes; i++)
        if (ese_index_is_primary(&table->index[i]))
            return ese_keys_open(keys, NULL, NULL, table, &table->index[i], NULL);
    return false;
}

unsigned salvage_rows_like(const struct ese_table *table, const struct ese_page *page,
                           struct ese_keys *keys)
{
    struct ese_record_limits limits;
    unsigned nodes = ese_page_nodes(page), rows = 0;
    bool keyed = open_keys(table, keys);
    ese_record_limits_of(&limits, table);
    for (unsigned i = 0; i < nodes; i++) {
        struct ese_node node;
        rows += ese_page_node(page, i, &node, NULL) &&
                is_row(table, &limits, keyed ? keys : NULL, page, &node);
    }
    return rows;
}

/* Is its first child a page of that table? */
static bool has_child_of(const struct ese_salvage *s, const struct ese_table *table,
                         const struct ese_page *page)
{
    struct ese_node node;
    return ese_page_nodes(page) > 0 && ese_page_node(page, 0, &node, NULL) &&
           has_page(s, table, ese_node_child(&node));
}

static bool can_be_of(struct ese_salvage *s, const struct salvage_page *p,
                      const struct ese_table *table, bool *can, struct fault *f)
{
    const struct ese_page *page;
    struct ese_keys *keys = malloc(sizeof *keys);
    bool ok = (keys || fault_no_memory(f, "a table")) && salvage_get(s, p, &page, f);
    if (ok) {
        *can = p->flags & ESE_PAGE_LEAF
                   ? salvage_rows_like(table, page, keys) == ese_page_nodes(page)
                   : has_child_of(s, table, page);
        ese_pages_put(s->pages, page);
    }
    free(keys);
    return ok;
}

/* ---- do the table's other trees know that page? ---- */

/* Their roots name the table's.  *other: one of another number than the page's. */
static bool see_parent(struct ese_salvage *s, uint32_t objid, uint32_t root, uint32_t number,
                       bool *other, struct fault *f)
{
    size_t first, count;
    salvage_pages_of(s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &s->page[i];
        const struct ese_page *page;
        struct ese_space space;
        if (p->number != root || p->trust > SALVAGE_MOVED || !(p->flags & ESE_PAGE_ROOT))
            continue;
        if (!salvage_get(s, p, &page, f))
            return false;
        *other = *other || (ese_space_read(page, &space, NULL) && space.parent != number);
        ese_pages_put(s->pages, page);
    }
    return true;
}

static bool see_parents(struct ese_salvage *s, const struct ese_table *table, uint32_t number,
                        bool *other, struct fault *f)
{
    bool ok = table->long_value_objid == 0 ||
              see_parent(s, table->long_value_objid, table->long_value_root, number, other, f);
    for (unsigned i = 0; ok && i < table->indexes; i++)
        ok = ese_index_is_primary(&table->index[i]) ||
             see_parent(s, table->index[i].objid, table->index[i].root, number, other, f);
    return ok;
}

/* ---- all of them ---- */

/* Is it known where the object has its root, and is it a table's or the database's own? */
static bool has_its_root(const struct ese_salvage *s, const struct salvage_root *roots,
                         uint32_t objid)
{
    const struct ese_table *table = salvage_table_of(s, objid);
    return own_root(objid) != 0 || (table && owner_of(s, roots, table->root) == table);
}

/* Looks at one page; gives[i]: the object whose root it is. */
static bool see_page(struct ese_salvage *s, const struct salvage_root *roots, size_t i,
                     uint32_t *gives, struct fault *f)
{
    const struct salvage_page *p = &s->page[i];
    const struct ese_table *owner = is_root(p) ? owner_of(s, roots, p->number) : NULL;
    bool can = false, other = false;
    if (owner == NULL || owner->objid == p->objid || !has_its_root(s, roots, p->objid) ||
        has_page(s, owner, p->number))
        return true;
    if (!can_be_of(s, p, owner, &can, f) || !see_parents(s, owner, p->number, &other, f))
        return false;
    if (can && !other)
        gives[i] = owner->objid;
    return true;
}

bool salvage_give_back_roots(struct ese_salvage *s, struct fault *f)
{
    struct salvage_root *roots = salvage_roots(s, f);
    uint32_t *gives = calloc(s->pages_found + 1, sizeof *gives);
    bool ok = roots && gives, any = false;
    if (roots && gives == NULL)
        fault_no_memory(f, "a list of pages");
    for (size_t i = 0; ok && i < s->pages_found; i++)
        ok = see_page(s, roots, i, gives, f);
    for (size_t i = 0; ok && i < s->pages_found; i++)
        if (gives[i] != 0) {
            s->page[i].said = s->page[i].objid;
            s->page[i].objid = gives[i];
            any = true;
        }
    if (any) {
        salvage_pages_sort(s);
        salvage_claims_forget(s);
    }
    free(roots);
    free(gives);
    return ok;
}

uint32_t salvage_root_said(const struct ese_salvage *s, const struct ese_table *table)
{
    size_t first, count;
    salvage_pages_of(s, table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++)
        if (s->page[i].said != 0)
            return s->page[i].said;
    return 0;
}
