/*
 * What an index knows of the rows, and its entries in the new database.
 *
 * Where keys can be computed, the entries that the rows should have are compared with those that
 * stand on the index's leaves, both in order.  An entry that only the rows have, although a leaf
 * that is newer than the row's page should hold it, speaks against the row; one that only the
 * leaves have speaks of a row, or of a version of it, that is not there.  The new entries are made
 * from the rows. Where keys cannot be computed the entries that are there are carried by their
 * bookmarks.
 */
#include "formats/ese/salvage/parts.h"

/* An entry that a row should have. */
struct expected {
    struct bytes key, bookmark;
    uint64_t dbtime;
    uint32_t page; /* the row's */
    bool in_question, written, flagged, found;
};

/* Entries on their way into the new index. */
struct putting {
    struct salvage_table *t;
    unsigned index;
    bool any;
    struct buffer key, bookmark; /* of the last one */
};

/* Two keys of a row may be equal: one entry. */
static bool put(struct putting *p, const struct expected *e, struct fault *f)
{
    if (p->t->to == NULL || (p->any && bytes_equal(e->key, buffer_bytes(&p->key)) &&
                             bytes_equal(e->bookmark, buffer_bytes(&p->bookmark))))
        return true;
    p->any = true;
    return buffer_set(&p->key, e->key, f) && buffer_set(&p->bookmark, e->bookmark, f) &&
           ese_build_raw_index_entry(p->t->to, p->index, e->key, e->bookmark, f);
}

static void putting_close(struct putting *p)
{
    buffer_free(&p->key);
    buffer_free(&p->bookmark);
}

/* Reads the next one; e->found false: there are no more. */
static bool next_expected(struct build_sort *from, struct expected *e, struct fault *f)
{
    struct bytes data;
    if (!build_sort_next(from, &e->key, &data, &e->found, f))
        return false;
    if (!e->found)
        return true;
    e->bookmark = bytes_of(data.at, data.size - SALVAGE_ENTRY_TAIL);
    struct bytes tail = bytes_from(data, data.size - SALVAGE_ENTRY_TAIL);
    bytes_le64(tail, 0, &e->dbtime);
    bytes_le32(tail, 8, &e->page);
    e->in_question = tail.at[12] & SALVAGE_IN_QUESTION;
    e->written = tail.at[12] & SALVAGE_WRITTEN;
    e->flagged = tail.at[12] & SALVAGE_FLAGGED;
    return true;
}

static int compare(const struct expected *e, const struct salvage_walk *w)
{
    int order = bytes_compare(e->key, w->key);
    return order ? order : bytes_compare(e->bookmark, w->data);
}

/* Is the index there, without an entry? */
static bool is_empty(const struct salvage_table *t, unsigned index, const struct salvage_walk *w)
{
    const struct ese_index *of = &t->table->index[index];
    size_t first, count;
    salvage_pages_of(t->s, of->objid, &first, &count);
    for (size_t i = first; i < first + count && w->leaves.count == 0; i++) {
        const struct salvage_page *p = &t->s->page[i];
        if (p->number == of->root && p->trust <= SALVAGE_MOVED && salvage_is_leaf(p) && p->in_order)
            return true;
    }
    return false;
}

/* owner: the leaf that should have the entry, if it was not deleted as its row was. */
static bool only_flagged(struct salvage_table *t, unsigned index, const struct salvage_walk *w,
                         const struct expected *e, const struct salvage_page *owner,
                         struct fault *f)
{
    if (owner ? !owner->in_order : !is_empty(t, index, w))
        return true;
    return salvage_mark(&t->marks, e->bookmark, e->page, MARK_DELETED, f);
}

static bool only_row(struct salvage_table *t, unsigned index, struct salvage_walk *w,
                     const struct expected *e, struct fault *f)
{
    if (index >= MARK_INDEXES)
        return true;
    if (!buffer_set(&w->both, e->key, f) || !buffer_append(&w->both, e->bookmark, f))
        return false;
    const struct salvage_page *owner = salvage_owner(&w->leaves, buffer_bytes(&w->both));
    if (e->flagged)
        return only_flagged(t, index, w, e, owner, f);
    if (owner == NULL || owner->dbtime <= e->dbtime)
        return true;
    if (!e->in_question)
        t->s->page[e->page].stale = true;
    t->s->page[e->page].marked = true;
    return salvage_mark(&t->marks, e->bookmark, (uint32_t)(owner - t->s->page),
                        MARK_NO_ENTRY << index, f);
}

static bool only_entry(struct salvage_table *t, unsigned index, struct salvage_walk *w,
                       struct fault *f)
{
    struct salvage_choice c;
    if (!salvage_choose(w, &c, f))
        return false;
    return c.verdict != SALVAGE_KEPT ||
           salvage_stray_add(t, index, &w->version[c.best], w->key, w->data, f);
}

static bool both_have(struct salvage_table *t, unsigned index, struct salvage_walk *w,
                      const struct expected *e, struct fault *f)
{
    struct salvage_choice c;
    if (!salvage_choose(w, &c, f))
        return false;
    if (e->flagged)
        return c.verdict == SALVAGE_GONE
                   ? salvage_mark(&t->marks, e->bookmark, e->page, MARK_DELETED, f)
                   : only_entry(t, index, w, f);
    bool confirms = c.verdict == SALVAGE_KEPT || c.verdict == SALVAGE_NEWER_BAD;
    if (confirms && t->s->page[e->page].beyond)
        salvage_ends_entry(t, &t->s->page[e->page], w->version[c.best].dbtime);
    if (!e->in_question || !confirms)
        return true;
    t->s->page[e->page].marked = true;
    return salvage_mark(&t->marks, e->bookmark, 0, MARK_CONFIRMED, f);
}

/* Where rows are written at once their entries are, too. */
static bool compare_all(struct salvage_table *t, unsigned index, struct salvage_walk *w,
                        struct putting *p, struct fault *f)
{
    struct expected e = {.found = false};
    bool more = false, computed = !t->keys[index]->count_only;
    if ((computed && !next_expected(t->entry[index], &e, f)) || !salvage_walk_next(w, &more, f))
        return false;
    while (e.found || more) {
        int order = !e.found ? 1 : !more ? -1 : compare(&e, w);
        bool ok = order < 0   ? only_row(t, index, w, &e, f)
                  : order > 0 ? only_entry(t, index, w, f)
                              : both_have(t, index, w, &e, f);
        if (!ok)
            return false;
        if (order <= 0 && t->at_once && e.written && !put(p, &e, f))
            return false;
        if (order <= 0 && !next_expected(t->entry[index], &e, f))
            return false;
        if (order >= 0 && !salvage_walk_next(w, &more, f))
            return false;
    }
    return true;
}

bool salvage_index_evidence(struct salvage_table *t, unsigned index, struct fault *f)
{
    const struct ese_index *of = &t->table->index[index];
    struct salvage_walk *w = calloc(1, sizeof *w);
    struct putting p = {.t = t, .index = index};
    if (w == NULL)
        return fault_no_memory(f, "an index");
    bool ok = salvage_reach(t->s, of->objid, of->root, f) &&
              salvage_walk_open(w, t->s, &of->objid, 1, true, false, f) &&
              compare_all(t, index, w, &p, f);
    putting_close(&p);
    salvage_walk_close(w);
    free(w);
    return ok && build_sort_rewind(t->entry[index], f);
}

/* ---- writing ---- */

/* Entries of both kinds in one order. */
struct merging {
    struct salvage_table *t;
    unsigned index;
    struct expected seen, late; /* what comes next of each */
};

/* The next entry of a row that was seen and is written as it was then. */
static bool next_seen(struct merging *m, struct fault *f)
{
    do {
        if (!next_expected(m->t->entry[m->index], &m->seen, f))
            return false;
    } while (m->seen.found &&
             (m->seen.flagged || (m->t->s->page[m->seen.page].unwritten &&
                                  salvage_marked(&m->t->unwritten, m->seen.bookmark))));
    return true;
}

static bool is_late_first(const struct merging *m)
{
    if (!m->seen.found || !m->late.found)
        return m->late.found;
    int order = bytes_compare(m->late.key, m->seen.key);
    return order ? order < 0 : bytes_compare(m->late.bookmark, m->seen.bookmark) < 0;
}

bool salvage_index_write(struct salvage_table *t, unsigned index, struct fault *f)
{
    struct merging m = {.t = t, .index = index};
    struct putting p = {.t = t, .index = index};
    if (t->at_once || t->to == NULL)
        return true; /* there are no late ones, or none is written */
    bool ok = next_seen(&m, f) && next_expected(t->late[index], &m.late, f);
    while (ok && (m.seen.found || m.late.found)) {
        bool is_late = is_late_first(&m);
        ok = put(&p, is_late ? &m.late : &m.seen, f) &&
             (is_late ? next_expected(t->late[index], &m.late, f) : next_seen(&m, f));
    }
    putting_close(&p);
    return ok;
}
