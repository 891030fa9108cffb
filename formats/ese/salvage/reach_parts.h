/* What the files on the pages of one tree share: see reach.c, apart.c, place.c and lost.c. */
#ifndef KM_FORMATS_ESE_SALVAGE_REACH_PARTS_H
#define KM_FORMATS_ESE_SALVAGE_REACH_PARTS_H

#include "formats/ese/salvage/parts.h"

struct by_number {
    uint32_t number, page; /* page: index in s->page */
};

struct reach {
    struct ese_salvage *s;
    size_t first, count;
    struct by_number *by; /* by number, then index */
    size_t next;          /* behind what was found last: numbers come in order, mostly */
    struct fault why;     /* of the first page that could not be got again */
    uint32_t root;
    bool *whole;                      /* by place in `by`: a leaf whose rows were all read */
    const struct salvage_page **leaf; /* of them those in use, by their first key */
    size_t leaves;
};

/* Keys that a leaf or a branch has; high.at == NULL: up to the end. */
struct span {
    struct bytes low, high;
};

/* Lists the pages of an object.  False when memory is short; r->by is the caller's to free. */
bool salvage_reach_open(struct reach *r, struct ese_salvage *s, uint32_t objid, struct fault *f);

/* The first place in r->by of page `number`; r->count: none. */
size_t salvage_reach_find(struct reach *r, uint32_t number);

/* ---- neighbours: beside.c ---- */

/* What a page names on one side. */
struct side {
    uint32_t number, names; /* of the page; of the neighbour */
    size_t place;           /* of the page, in r->by */
    bool next;              /* the neighbour is behind it, not before */
    bool done;              /* for who asks */
};

struct sides {
    struct side *at;
    size_t count;
};

/* Which pages are listed, by place in r->by. */
typedef bool (*salvage_takes_fn)(const void *context, size_t place);
/* Lists both sides of them.  False when memory is short; to be closed in any case. */
bool salvage_sides_open(struct sides *sides, const struct reach *r, salvage_takes_fn takes,
                        const void *context, struct fault *f);
void salvage_sides_close(struct sides *sides);
/* The first of the listed pages that `p` names on that side, and that names it on its other one;
 * NULL: none. */
struct side *salvage_answer(const struct sides *sides, const struct salvage_page *p, bool next);
/* The next one that answers the same; NULL: there are no more. */
struct side *salvage_answer_next(const struct sides *sides, struct side *side);

/* ---- claims: claims.c ---- */

/* Says of each page that no parent of the tree names (by place in r->by) whether it is claimed by
 * another tree, or is a second root.  Once `reached` says what parents name. */
bool salvage_claimed_elsewhere(struct reach *r, uint32_t root, bool *elsewhere, struct fault *f);

/* Which tree names the page, by the catalog or its parents: *objid, 0: none, UINT32_MAX: several.
 */
bool salvage_claimed_by(struct ese_salvage *s, uint32_t number, uint32_t *objid, struct fault *f);

/* Page numbers. */
struct salvage_numbers {
    uint32_t *at;
    size_t count, room;
};

bool salvage_number_add(struct salvage_numbers *to, uint32_t number, struct fault *f);

/* Lists, in order, the pages that the table's own tree has in use by its space, without those of
 * indexes and long values, and a last extent of which no page was ever written; of those behind the
 * end of the file a few; none when its space is not sound.  *all false: that of an index or of the
 * long values is not, and their pages are among them. */
bool salvage_own_pages(struct ese_salvage *s, const struct ese_table *table,
                       struct salvage_numbers *to, bool *all, struct fault *f);

/* Lists, in order, those of them on which nothing of the table stands, unless it is another tree's
 * by what names it.  r: of the table, once it is known what is reached, and with its root. */
bool salvage_own_missing(struct reach *r, const struct ese_table *table,
                         struct salvage_numbers *missing, bool *all, struct fault *f);

/* Gets a page to see what is so.  False: it cannot be got again, and r->why says why: then nothing
 * of what is seen counts. */
bool salvage_reach_get(struct reach *r, const struct salvage_page *p, const struct ese_page **page);

/* Sees which leaves are whole.  root: of the tree.  To be closed in any case. */
bool salvage_places_open(struct reach *r, uint32_t root, struct fault *f);
void salvage_places_close(struct reach *r);

/* Is the leaf of that number, which `by` names for the keys of the span, lost, or in part?  Not
 * when it was let go since `by` was written. */
bool salvage_is_lost_leaf(struct reach *r, uint32_t number, const struct salvage_page *by,
                          const struct span *span);
/* Likewise a page below the root with all leaves below it. */
bool salvage_is_lost_branch(struct reach *r, uint32_t number, const struct salvage_page *by,
                            const struct span *span);
/* Is the tree's root to be had?  Else nobody says which pages are below it. */
bool salvage_has_root(struct reach *r);
/* Is the next leaf, or the one before, that a leaf names not in its place? */
bool salvage_is_lost_neighbour(struct reach *r, const struct salvage_page *by, bool next);
/* Do the leaves that a leaf names as its neighbours stand there, and name it? */
bool salvage_is_between_neighbours(struct reach *r, const struct salvage_page *p);
/* Is there a gap between the leaves that are whole? */
bool salvage_leaves_have_gap(const struct reach *r);

/* Is the page out of use, or of another tree? */
static inline bool salvage_is_out(const struct salvage_page *p)
{
    return p->freed || p->trust == SALVAGE_APART;
}

/* By its flags, whatever its checksum. */
static inline bool salvage_may_be_parent(const struct salvage_page *p)
{
    return !(p->flags & (ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY));
}

/* ---- space ---- */

/* An extent, and how new the page is that says so. */
struct range {
    uint32_t first, count;
    uint64_t time;
};

struct ranges {
    struct range *at; /* by first */
    size_t count, room;
};

/* What a tree owns, and what of that is not in use. */
struct salvage_space {
    struct ranges owned, available;
    bool sound; /* else it says nothing */
    /* Of the whole database: the catalogs' trees, all that the catalog has, are in it: apart.c. */
    bool current_catalogs, current;
};

/* To be closed in any case. */
bool salvage_space_open(struct salvage_space *space, struct ese_salvage *s, uint32_t root,
                        uint32_t objid, struct fault *f);
void salvage_space_close(struct salvage_space *space);
/* Does it say that the page is not in use, however old it is? */
bool salvage_space_denies(const struct salvage_space *space, uint32_t number);
/* Likewise, and is it not older than the page? */
bool salvage_space_let_go(const struct salvage_space *space, const struct salvage_page *page);
/* Likewise, and does it list the page among what is not in use?  Others it only does not own. */
bool salvage_space_is_listed(const struct salvage_space *space, const struct salvage_page *page);

/* Sets apart the pages that are not of the tree with that root. */
bool salvage_set_apart(struct reach *r, uint32_t root, struct fault *f);

static inline bool salvage_is_parent(const struct salvage_page *p)
{
    return salvage_may_be_parent(p) && p->trust <= SALVAGE_BLOCKS;
}

#endif
