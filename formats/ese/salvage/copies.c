/*
 * Where the catalog and its shadow differ.
 *
 * Both say the same in a sound database.  Where the one has a row that the other should have and
 * has not, or both have it and it is not the same, one of them is wrong, and times do not tell
 * which: what was damaged may have been written last.  So what there is besides is asked: trees
 * that stand, and rows that have values.  Only where nothing of that speaks the later page counts,
 * and what was found is told in any case.  A page whose nodes cannot all be read says nothing of
 * what it lacks, however late it is.
 */
#include "formats/ese/salvage/parts.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what is asked ---- */

static bool is_good(const struct salvage_page *p)
{
    return p->trust <= SALVAGE_MOVED;
}

/* Is the root of the object there, and in use by the space of the database? */
static bool has_root(const struct salvage_copies *c, uint32_t objid, uint32_t root)
{
    size_t first, count;
    salvage_pages_of(c->s, objid, &first, &count);
    for (size_t i = first; i < first + count; i++) {
        const struct salvage_page *p = &c->s->page[i];
        if (p->number == root && is_good(p) && (p->flags & ESE_PAGE_ROOT) &&
            !salvage_is_free(c->s, p))
            return true;
    }
    return false;
}

static void see_id(void *context, unsigned id)
{
    struct salvage_copies *c = context;
    if (id <= ESE_TAGGED_LAST)
        c->used[id] = true;
}

static void see_columns_of(struct salvage_copies *c, const struct ese_page *page)
{
    static const struct ese_table any = {.columns = 0};
    struct ese_record_limits limits = {
        .fixed = ESE_FIXED_LAST, .variable = ESE_VARIABLE_LAST, .tagged = ESE_TAGGED_LAST};
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        struct ese_record record;
        if (ese_page_node(page, i, &node, NULL) &&
            ese_record_on_page(&record, &any, page, node.data, NULL) &&
            ese_record_check(&record, &limits, NULL, NULL, NULL))
            ese_record_ids(&record, see_id, c);
    }
}

/* Has a row of the table a value for the column?  Its rows are read once for all columns: the
 * catalog's come table by table. */
static bool has_values(struct salvage_copies *c, uint32_t table, uint32_t column, bool *has,
                       struct fault *f)
{
    size_t first, count;
    const struct ese_page *page;
    salvage_pages_of(c->s, table, &first, &count);
    if (c->used_of != table)
        memset(c->used, 0, sizeof c->used);
    for (size_t i = first; i < first + count && c->used_of != table; i++) {
        const struct salvage_page *p = &c->s->page[i];
        if (!salvage_is_leaf(p) || !is_good(p) || salvage_is_free(c->s, p))
            continue;
        if (!salvage_get(c->s, p, &page, f))
            return false;
        see_columns_of(c, page);
        ese_pages_put(c->s->pages, page);
    }
    c->used_of = table;
    *has = column <= ESE_TAGGED_LAST && c->used[column];
    return true;
}

/* Why the row has to be, whatever page lacks it; *why NULL: nothing shows. */
static bool find_evidence(struct salvage_copies *c, const struct salvage_said *said,
                          const char **why, struct fault *f)
{
    const struct ese_catalog_object *o = &said->object;
    bool has = false;
    *why = NULL;
    switch (o->type) {
    case ESE_OBJECT_COLUMN:
        if (!has_values(c, o->table, o->id, &has, f))
            return false;
        *why = has ? "for rows have a value for it" : NULL;
        return true;
    case ESE_OBJECT_CALLBACK:
        return true;
    default:
        *why = has_root(c, o->id, said->root) ? "for its tree stands" : NULL;
        return true;
    }
}

/* ---- what each of the two says ---- */

static void put(struct salvage_copies *c, struct salvage_said *said)
{
    free(said->converted);
    ese_pages_put(c->s->pages, said->held);
    said->converted = NULL;
    said->held = NULL;
}

/* Reads the row that it has; says is SALVAGE_SAYS_NOTHING when there is none that could be. */
static bool read_row(struct salvage_copies *c, const struct salvage_walk *w,
                     struct salvage_said *said, struct fault *f)
{
    struct ese_node node;
    struct ese_record record;
    struct fault why = {.code = FAULT_NONE};
    if (!salvage_node(c->s, &w->version[said->version], &said->held, &node, f))
        return false;
    bool is_row = salvage_record(c->s, ese_catalog_own_table(), said->held, &node, &record,
                                 &said->converted, &why) &&
                  salvage_is_catalog_row(c->s, w->key, node.data) &&
                  salvage_catalog_object(c->s, node.data, &said->object);
    if (why.code == FAULT_NO_MEMORY)
        return fault_set(f, FAULT_NO_MEMORY, "%s", why.text);
    said->record = node.data;
    bytes_le32(node.data, ESE_CATALOG_ROOT_AT, &said->root);
    if (!is_row)
        said->says = SALVAGE_SAYS_NOTHING;
    return true;
}

/* The version of the walk's group that counts in one of the two, and whether it does. */
static void ask(struct salvage_copies *c, const struct salvage_walk *w, unsigned which,
                struct salvage_said *said)
{
    const struct salvage_page *owner = salvage_owner(&c->leaves[which], w->key);
    bool owner_has = false;
    *said = (struct salvage_said){.page = owner};
    for (size_t i = 0; i < w->versions; i++) {
        const struct salvage_page *p = &c->s->page[w->version[i].page];
        if (p->objid != c->objid[which] || w->version[i].doubtful || p->freed)
            continue;
        owner_has = owner_has || p == owner;
        if (said->says == SALVAGE_SAYS_ROW && p->dbtime <= said->page->dbtime)
            continue;
        said->says = SALVAGE_SAYS_ROW;
        said->version = i;
        said->page = p;
    }
    bool gone = said->says == SALVAGE_SAYS_ROW &&
                ((owner && !owner_has && owner->dbtime > said->page->dbtime) ||
                 (w->version[said->version].flags & ESE_NODE_DELETED));
    if (said->says == SALVAGE_SAYS_ROW && !gone)
        return;
    if (gone && owner && !owner_has)
        said->page = owner;
    said->says = gone || (owner && owner->in_order) ? SALVAGE_SAYS_NO : SALVAGE_SAYS_NOTHING;
}

/* ---- telling ---- */

enum { TEXT_SIZE = 500 };

static const char *kind_of(uint32_t type)
{
    static const char *const name[] = {[ESE_OBJECT_TABLE] = "table",
                                       [ESE_OBJECT_COLUMN] = "column",
                                       [ESE_OBJECT_INDEX] = "index",
                                       [ESE_OBJECT_LONG_VALUE] = "tree of long values",
                                       [ESE_OBJECT_CALLBACK] = "callback"};
    return type < sizeof name / sizeof *name && name[type] ? name[type] : "object";
}

static const char *place_of(unsigned which)
{
    return which ? "its shadow" : "the catalog";
}

/* The sentence on a difference: t counts, the other one does not. */
static void sentence(const struct salvage_said *t, const struct salvage_said *other, unsigned taken,
                     const char *why, char text[TEXT_SIZE])
{
    enum { NAME_MOST = 64 };
    bool both = t->says == SALVAGE_SAYS_ROW && other->says == SALVAGE_SAYS_ROW;
    bool has_it = t->says == SALVAGE_SAYS_ROW;
    const struct ese_catalog_object *o = has_it ? &t->object : &other->object;
    struct bytes name = o->name, other_name = other->object.name;
    char what[200];
    if (name.size > NAME_MOST)
        name.size = NAME_MOST;
    if (other_name.size > NAME_MOST)
        other_name.size = NAME_MOST;
    if (!both)
        snprintf(what, sizeof what, "stands in %s only, though page %u should have it: it is %s",
                 place_of(has_it ? taken : !taken), (has_it ? other : t)->page->slot,
                 has_it ? "taken" : "left out");
    else if (bytes_equal(o->name, other->object.name))
        snprintf(what, sizeof what, "is not the same in page %u: that of %s is taken",
                 other->page->slot, place_of(taken));
    else
        snprintf(what, sizeof what, "is called %.*s in page %u: the name in %s is taken",
                 (int)other_name.size, (const char *)other_name.at, other->page->slot,
                 place_of(taken));
    snprintf(text, TEXT_SIZE, "the catalog and its shadow differ: the %s %.*s of object %u %s, %s",
             kind_of(o->type), (int)name.size, (const char *)name.at, o->table, what, why);
}

/* One line of the difference; taken: which of the two counts. */
static bool note(struct salvage_copies *c, const struct salvage_walk *w,
                 const struct salvage_said said[2], unsigned taken, const char *why,
                 struct fault *f)
{
    struct ese_salvage *s = c->s;
    const struct salvage_said *t = &said[taken], *other = &said[!taken];
    bool has_it = t->says == SALVAGE_SAYS_ROW;
    const struct salvage_said *row = has_it ? t : other, *against = has_it ? other : t;
    char text[TEXT_SIZE];
    sentence(t, other, taken, why, text);
    if (!array_reserve(&s->dispute, &s->dispute_room, s->disputes + 1, sizeof *s->dispute))
        return fault_no_memory(f, "the catalog");
    struct salvage_dispute *d = &s->dispute[s->disputes];
    *d =
        (struct salvage_dispute){.table = row->object.table,
                                 .page = row->page->slot,
                                 .other_page = against->page->slot,
                                 .dbtime = row->page->dbtime,
                                 .key = {arena_copy(&s->arena, w->key), w->key.size},
                                 .reason = arena_copy(&s->arena, bytes_of(text, strlen(text) + 1))};
    if (other->says == SALVAGE_SAYS_ROW) /* what does not count goes to quarantine */
        d->record = (struct bytes){arena_copy(&s->arena, other->record), other->record.size};
    if (d->key.at == NULL || d->reason == NULL ||
        (other->says == SALVAGE_SAYS_ROW && d->record.at == NULL))
        return fault_no_memory(f, "the catalog");
    s->disputes++;
    return true;
}

/* ---- which of them counts ---- */

/* Which of two names the catalog's own index has; 2: neither, or both. */
static unsigned find_named(const struct salvage_copies *c, const struct salvage_walk *w,
                           const struct salvage_said said[2])
{
    bool so[2];
    for (unsigned i = 0; i < 2; i++)
        so[i] = said[i].says == SALVAGE_SAYS_ROW &&
                salvage_named(c->s, w->key, said[i].record) == SALVAGE_NAMED_SO;
    return so[0] == so[1] || said[0].says != said[1].says ? 2 : so[1];
}

static bool settle(struct salvage_copies *c, const struct salvage_walk *w,
                   const struct salvage_said said[2], size_t *version, struct fault *f)
{
    const char *evidence[2] = {NULL, NULL}, *why = "for its page is not the older one";
    for (unsigned i = 0; i < 2; i++)
        if (said[i].says == SALVAGE_SAYS_ROW && !find_evidence(c, &said[i], &evidence[i], f))
            return false;
    uint64_t time[2] = {said[0].page->dbtime, said[1].page->dbtime};
    unsigned taken = time[1] > time[0] || (time[1] == time[0] && said[1].says == SALVAGE_SAYS_ROW);
    unsigned named = find_named(c, w, said);
    if (named < 2) {
        taken = named;
        why = "for the catalog's own index has that name";
    } else if ((evidence[0] == NULL) != (evidence[1] == NULL)) {
        taken = evidence[1] != NULL;
        why = evidence[taken];
    } else if (said[taken].says != SALVAGE_SAYS_ROW) {
        why = "for that page is newer, and nothing else tells of it";
    }
    *version = said[taken].says == SALVAGE_SAYS_ROW ? said[taken].version : w->versions;
    return note(c, w, said, taken, why, f);
}

/* Which of the two alone says anything, and that a row, while a newer page of the other one should
 * have it but is damaged: what cannot be read there does not speak against a sound row; 2: none. */
static unsigned find_alone(const struct salvage_said said[2])
{
    for (unsigned i = 0; i < 2; i++) {
        const struct salvage_said *row = &said[i], *other = &said[!i];
        bool has_other = other->record.at != NULL; /* one that cannot be a row: told of as such */
        if (row->says == SALVAGE_SAYS_ROW && other->says == SALVAGE_SAYS_NOTHING && !has_other &&
            other->page && other->page->dbtime > row->page->dbtime)
            return i;
    }
    return 2;
}

/* What shows that it has to be leaves nothing in doubt: the other one does not say no. */
static bool take_alone(struct salvage_copies *c, const struct salvage_walk *w,
                       const struct salvage_said said[2], unsigned alone, struct fault *f)
{
    const char *why;
    if (!find_evidence(c, &said[alone], &why, f) ||
        !note(c, w, said, alone, why ? why : "for not all of that page can be read", f))
        return false;
    c->s->dispute[c->s->disputes - 1].sure = why != NULL;
    return true;
}

bool salvage_copies_see(struct salvage_copies *c, const struct salvage_walk *w, bool *differ,
                        size_t *version, struct fault *f)
{
    struct salvage_said said[2];
    *differ = false;
    for (unsigned i = 0; i < 2; i++)
        ask(c, w, i, &said[i]);
    bool ok = true, rows = false;
    for (unsigned i = 0; ok && i < 2; i++)
        if (said[i].says == SALVAGE_SAYS_ROW)
            ok = read_row(c, w, &said[i], f);
    for (unsigned i = 0; i < 2; i++)
        rows = rows || said[i].says == SALVAGE_SAYS_ROW;
    *differ = ok && rows && said[0].says != SALVAGE_SAYS_NOTHING &&
              said[1].says != SALVAGE_SAYS_NOTHING &&
              (said[0].says != said[1].says || !bytes_equal(said[0].record, said[1].record));
    ok = ok && (!*differ || settle(c, w, said, version, f));
    unsigned alone = find_alone(said);
    if (ok && alone < 2) {
        *differ = true;
        *version = said[alone].version;
        ok = take_alone(c, w, said, alone, f);
    }
    for (unsigned i = 0; i < 2; i++)
        put(c, &said[i]);
    return ok;
}

/* ---- opening, and what was found ---- */

bool salvage_copies_open(struct salvage_copies *c, struct ese_salvage *s, const uint32_t objid[2],
                         struct fault *f)
{
    *c = (struct salvage_copies){.s = s, .objid = {objid[0], objid[1]}};
    bool in_order = true, ok = salvage_space_of_all(s, f);
    for (unsigned i = 0; ok && i < 2; i++) {
        c->leaves[i].s = s;
        ok = salvage_leaves_find(&c->leaves[i], objid[i], false, &in_order, f) &&
             salvage_leaves_order(&c->leaves[i], f);
    }
    return ok;
}

void salvage_copies_close(struct salvage_copies *c)
{
    salvage_leaves_close(&c->leaves[0]);
    salvage_leaves_close(&c->leaves[1]);
}

static bool tell_each(struct ese_salvage *s, const struct salvage_dispute *dispute, size_t count,
                      struct fault *f)
{
    for (size_t i = 0; i < count; i++) {
        const struct salvage_dispute *d = &dispute[i];
        struct ese_salvage_item item = {.kind = ESE_SALVAGE_CATALOG,
                                        .table = "MSysObjects",
                                        .objid = ESE_OBJID_CATALOG,
                                        .key = d->key,
                                        .page = d->page,
                                        .tag = -1,
                                        .dbtime = d->dbtime,
                                        .other_page = d->other_page,
                                        .record = d->record,
                                        .reason = d->reason};
        s->result->catalog_settled += salvage_is_confirmed(s, d->key);
        if (!salvage_tell(s, &item, f))
            return false;
    }
    return true;
}

bool salvage_mend_note(struct ese_salvage *s, const struct salvage_schema_row *row,
                       const char *reason, bool sure, struct fault *f)
{
    if (!array_reserve(&s->mend, &s->mend_room, s->mends + 1, sizeof *s->mend))
        return fault_no_memory(f, "the catalog");
    struct salvage_dispute *m = &s->mend[s->mends];
    *m = (struct salvage_dispute){.table = row->table,
                                  .page = row->page,
                                  .dbtime = row->dbtime,
                                  .key = {arena_copy(&s->arena, row->key), row->key.size},
                                  .record = {arena_copy(&s->arena, row->record), row->record.size},
                                  .reason =
                                      arena_copy(&s->arena, bytes_of(reason, strlen(reason) + 1)),
                                  .sure = sure};
    if (m->key.at == NULL || m->record.at == NULL || m->reason == NULL)
        return fault_no_memory(f, "the catalog");
    s->mends++;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct salvage_dispute *x = a, *y = b;
    return bytes_compare(x->key, y->key);
}

void salvage_mends_sort(struct ese_salvage *s)
{
    if (s->mends > 0)
        qsort(s->mend, s->mends, sizeof *s->mend, by_key);
}

bool salvage_tell_disputes(struct ese_salvage *s, struct fault *f)
{
    s->result->catalog_disputes = s->disputes;
    return tell_each(s, s->dispute, s->disputes, f) && tell_each(s, s->mend, s->mends, f);
}

/* They come in the order of their keys: table by table.  Those that are sure are not counted. */
static size_t count_of(const struct salvage_dispute *dispute, size_t all, uint32_t table)
{
    size_t count = 0, low = array_first_u32(dispute, all, sizeof *dispute,
                                            offsetof(struct salvage_dispute, table), table);
    for (; low < all && dispute[low].table == table; low++)
        count += !dispute[low].sure;
    return count;
}

size_t salvage_disputes_of(const struct ese_salvage *s, uint32_t table)
{
    return count_of(s->dispute, s->disputes, table);
}

size_t salvage_mends_of(const struct ese_salvage *s, uint32_t table)
{
    return count_of(s->mend, s->mends, table);
}
