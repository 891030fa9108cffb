/*
 * Walking a B+-tree in key order, and finding a key in it.
 *
 * The walk goes down through the parents, not along the siblings, so that it can go on behind a
 * damaged page; each page is entered at most once, so that a tree that loops ends.
 *
 * Source: the published engine, ese/bt.cxx, ese/node.cxx: an internal node's key is greater than
 * every key below it; the last node of the last page of a level has no key.
 */
#ifndef KM_FORMATS_ESE_CURSOR_H
#define KM_FORMATS_ESE_CURSOR_H

#include "formats/ese/read/pages.h"

enum ese_step {
    ESE_STEP_NODE,  /* the cursor stands on a node */
    ESE_STEP_END,   /* there are no more */
    ESE_STEP_FAULT, /* a page or node cannot be read; the next step goes on behind it */
};

struct ese_cursor {
    /* The node that the cursor stands on.  key and data are valid until the next step. */
    struct bytes key, data;
    uint8_t flags;               /* enum ese_node_flag */
    unsigned index;              /* of the node in its page; its tag is index + leaf->reserved */
    const struct ese_page *leaf; /* held by the cursor */
    uint64_t sought_dbtime;      /* after a seek: of the leaf that the key belongs into */

    bool with_deleted; /* set by the caller: stop at nodes flagged as deleted, too */
    uint8_t *reached;  /* set by the caller: gets the bit of every page entered; NULL: none */

    /* Private. */
    struct ese_pages *pages;
    uint32_t root, objid;
    unsigned depth;
    struct {
        uint32_t page;
        unsigned child;
    } path[ESE_DEPTH_MOST];
    uint8_t *entered; /* walk: one bit for every page entered */
    uint32_t budget;  /* after a seek: how many pages may still be entered */
    bool started;
    uint8_t key_room[ESE_KEY_ROOM];
};

/* Prepares a cursor on the tree with root page `root`, whose pages must carry `objid` (0: do not
 * check). pages is borrowed.  Close the cursor after use; one that is only zeroed may be closed,
 * too. */
void ese_cursor_open(struct ese_cursor *c, struct ese_pages *pages, uint32_t root, uint32_t objid);
void ese_cursor_close(struct ese_cursor *c);

/* Moves to the first node, or to the one after the current; nodes flagged as deleted are passed
 * over. A cursor that has ended stays at the end.  The first call of a walk allocates one bit for
 * every page of the file. */
enum ese_step ese_cursor_next(struct ese_cursor *c, struct fault *f);

/* Moves to the first node whose key is not less than `key`, from wherever the cursor stands. */
enum ese_step ese_cursor_seek(struct ese_cursor *c, struct bytes key, struct fault *f);

#endif
