/*
 * Which of several versions of a node counts.
 *
 * Per key, never per page: of two versions the one on the later page; and where a later page, in
 * whose range a key lies, does not have it, the row was moved or deleted since, and what an earlier
 * page still has of it is old.  That is what a half-written split, a merge and a stale page leave
 * behind.  But a root that is a leaf may be itself from before the tree grew, whatever its time
 * says: of leaves that are left beside it, it does not say that their rows are gone.
 */
#include "formats/ese/salvage/parts.h"

#include <stdlib.h>

bool salvage_node(struct ese_salvage *s, const struct salvage_version *v,
                  const struct ese_page **page, struct ese_node *node, struct fault *f)
{
    if (!salvage_get(s, &s->page[v->page], page, f))
        return false;
    if (ese_page_node(*page, v->node, node, f))
        return true;
    ese_pages_put(s->pages, *page);
    return false;
}

/* The better of two: believed before not, in use before freed, a row of its key before one that is
 * not, later before earlier, reached before not, at its own place before displaced. */
static bool is_better(const struct ese_salvage *s, const struct salvage_version *a,
                      const struct salvage_version *b)
{
    const struct salvage_page *p = &s->page[a->page], *q = &s->page[b->page];
    if (a->doubtful != b->doubtful)
        return b->doubtful;
    if (p->freed != q->freed)
        return q->freed;
    if (a->misfit != b->misfit)
        return b->misfit;
    if (p->dbtime != q->dbtime)
        return p->dbtime > q->dbtime;
    if (p->reached != q->reached)
        return p->reached;
    return p->trust < q->trust;
}

size_t salvage_best(const struct salvage_walk *w)
{
    size_t best = 0;
    for (size_t i = 1; i < w->versions; i++)
        if (is_better(w->s, &w->version[i], &w->version[best]))
            best = i;
    return best;
}

static int compare_versions(const void *a, const void *b, void *s)
{
    const struct salvage_version *x = a, *y = b;
    if (is_better(s, x, y) || is_better(s, y, x))
        return is_better(s, x, y) ? -1 : 1;
    return x->page != y->page ? (x->page < y->page ? -1 : 1) : x->node - y->node;
}

void salvage_sort_versions(struct salvage_walk *w)
{
    if (w->versions > 1)
        qsort_r(w->version, w->versions, sizeof *w->version, compare_versions, w->s);
}

/* Could a version that is not believed be what was written last?  One under a wrong checksum, if
 * something says that its page was in the tree. */
static bool may_be_newer(const struct ese_salvage *s, const struct salvage_version *v)
{
    const struct salvage_page *p = &s->page[v->page];
    if (!v->doubtful)
        return v->misfit && !p->freed;
    return p->trust == SALVAGE_APART ? p->rival : p->reached;
}

bool salvage_choose(struct salvage_walk *w, struct salvage_choice *c, struct fault *f)
{
    struct ese_salvage *s = w->s;
    const struct salvage_version *v = w->version;
    struct bytes key = w->key;
    *c = (struct salvage_choice){.verdict = SALVAGE_KEPT};
    if (w->sole) { /* on a good page, the only one that should have it */
        if (v->flags & ESE_NODE_DELETED)
            c->verdict = SALVAGE_GONE;
        return true;
    }
    if (w->with_data) {
        if (!buffer_set(&w->both, key, f) || !buffer_append(&w->both, w->data, f))
            return false;
        key = buffer_bytes(&w->both);
    }
    const struct salvage_page *owner = salvage_owner(&w->leaves, key);
    bool owner_has = false;
    const struct salvage_page *newest_bad = NULL;
    c->best = salvage_best(w);
    for (size_t i = 0; i < w->versions; i++) {
        owner_has = owner_has || &s->page[v[i].page] == owner;
        if (may_be_newer(s, &v[i]) &&
            (newest_bad == NULL || s->page[v[i].page].dbtime > newest_bad->dbtime)) {
            newest_bad = &s->page[v[i].page];
            c->misfit = v[i].misfit;
        }
    }
    const struct salvage_page *best = &s->page[v[c->best].page];
    bool unsaid = best->held || salvage_has_let_go_rows(s, best) ||
                  (best->left && owner && (owner->flags & ESE_PAGE_ROOT));
    if (owner && !owner_has && owner->dbtime > best->dbtime && !unsaid) {
        c->verdict = SALVAGE_SUPERSEDED;
        c->against = owner;
    } else if (v[c->best].doubtful) {
        c->verdict = best->trust == SALVAGE_APART ? SALVAGE_OUTSIDE : SALVAGE_BYTES;
    } else if (v[c->best].flags & ESE_NODE_DELETED) {
        c->verdict = SALVAGE_GONE;
    } else if (best->freed) {
        c->verdict = SALVAGE_FREED;
    } else if (newest_bad && newest_bad->dbtime > best->dbtime) {
        c->verdict = SALVAGE_NEWER_BAD;
        c->against = newest_bad;
    }
    return true;
}
