/* What the files on the pages of one tree share: see reach.c and lost.c. */
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
    bool *told;           /* by place in `by`: that it is lost */
    uint32_t *gone;       /* pages of which there is nothing, and that was told */
    size_t gone_count, gone_room;
    bool *whole; /* by place in `by`: a leaf whose rows were all read */
};

/* Lists the pages of an object.  False when memory is short; r->by is the caller's to free. */
bool salvage_reach_open(struct reach *r, struct ese_salvage *s, uint32_t objid, struct fault *f);

/* The first place in r->by of page `number`; r->count: none. */
size_t salvage_reach_find(struct reach *r, uint32_t number);

static inline bool salvage_is_parent(const struct salvage_page *p)
{
    return !(p->flags & (ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE | ESE_PAGE_EMPTY)) &&
           p->trust <= SALVAGE_BLOCKS;
}

#endif
