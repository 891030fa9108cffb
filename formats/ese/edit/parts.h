/*
 * What the files of edit/ share.  Nothing outside of them includes this.
 *
 *   edit/edit.c       opening, closing, listing and writing what changed
 *   edit/store.c      the changed pages
 *   edit/nodes.c      the nodes of one page, taken out and put back
 *   edit/tree.c       finding, inserting, replacing and removing a node of a tree
 *   edit/split.c      nodes that do not fit into their page any more
 *   edit/space.c      taking pages for a tree, and giving them back
 *   edit/longvalue.c  long values and their references
 *   edit/index.c      entries of secondary indexes
 *   edit/row.c        rows
 *   edit/editor.c     rows as an editor wants them
 *   edit/header.c     times, checksums, headers
 */
#ifndef KM_FORMATS_ESE_EDIT_PARTS_H
#define KM_FORMATS_ESE_EDIT_PARTS_H

#include "formats/arena.h"
#include "formats/ese/edit/edit.h"
#include "formats/ese/read/key.h"
#include "formats/ese/read/longvalue.h"
#include "formats/ese/read/space.h"

/* ---- changed pages (edit/store.c) ---- */

struct inplace_page {
    struct ese_page page; /* parsed from raw */
    uint8_t *raw;
    enum { INPLACE_UNKNOWN, INPLACE_PLAIN, INPLACE_UNUSUAL } form; /* see edit/nodes.c */
    struct inplace_page *next;                                     /* in the hash chain */
};

/* A page that no tree uses any more, to be given back to the space of the tree with root page
 * `root`. */
struct inplace_free {
    uint32_t root, objid, page;
};

/* An entry of a secondary index: one that is to be added, or, by its data alone, to be removed. */
struct inplace_entry {
    const struct ese_table *table;
    const struct ese_index *index;
    struct bytes key, data;
};

struct inplace_entries {
    struct inplace_entry *at;
    size_t count, room;
    struct arena memory;
};

enum { INPLACE_FINGERS = 8 };

struct inplace_step {
    uint32_t page;
    unsigned child;
};

/* The way to the leaf of a tree that was gone to last: most changes come in the order of keys, and
 * the next one's way is the same or branches off far down.  Root 0: none. */
struct inplace_finger {
    uint32_t root, leaf;
    unsigned depth;
    struct inplace_step step[ESE_DEPTH_MOST];
};

/* The changes that make a record: those that are wanted, and values that leave it for them. */
struct inplace_changes {
    struct ese_change at[2 * ESE_EDIT_CHANGES_MOST];
    unsigned count;
};

struct ese_inplace {
    struct ese_db *db;
    struct ese_inplace_options options;
    struct ese_inplace_summary summary;
    uint32_t page_size, last; /* last: highest page number, of the file as it will be */
    bool failed, finished;
    unsigned nested; /* trees that wait for pages of others */

    struct inplace_page **bucket;
    size_t buckets, pages, pages_most;
    uint8_t *written;       /* where a copy is changed: a bit for each page that went into it */
    uint32_t written_room;  /* pages that it has bits for */
    uint32_t written_pages; /* bits that are set */
    uint64_t time;          /* see edit/header.c */
    bool time_known;

    struct inplace_free *freed;
    size_t frees, free_room;

    struct inplace_entries added;   /* wait for the end of the call, when all that goes is gone */
    struct inplace_entries orphans; /* to be found by their data, and removed */
    struct ese_key_scratch scratch;
    struct ese_keys keys;
    uint8_t *spare;               /* a page */
    uint8_t *record;              /* the one that is being made: room for the longest */
    struct inplace_changes *made; /* and what it is made of */
    uint8_t *spot_room;           /* of a spot that was closed, for the next one; or NULL */
    struct inplace_finger finger[INPLACE_FINGERS]; /* see edit/tree.c */

    /* after finish */
    struct inplace_page **sorted;
    size_t listed;
    uint8_t *header, *before; /* a page each */
};

/* The page, to be changed; NULL with a fault when it cannot be read.  After changing raw:
 * inplace_changed(). */
struct inplace_page *inplace_change(struct ese_inplace *ip, uint32_t number, struct fault *f);
/* A page that was free: all zero. */
struct inplace_page *inplace_new(struct ese_inplace *ip, uint32_t number, struct fault *f);
void inplace_changed(struct inplace_page *page);
/* The page is free again: what was changed of it does not count. */
bool inplace_forget(struct ese_inplace *ip, uint32_t number, struct fault *f);
/* Is this page one of those that were changed so far, and held in memory? */
bool inplace_is_held(const struct ese_inplace *ip, uint32_t number);
/* Where a copy is changed, and more pages are held than may be: writes them into it.  Only between
 * two changes, when nothing points at a page. */
bool inplace_make_room(struct ese_inplace *ip, struct fault *f);
/* Lists, in ip->sorted, the pages in memory that the file is to get: all that differ from it, and
 * those that differ in the copy.  One that was changed and changed back is not among them. */
bool inplace_list_pages(struct ese_inplace *ip, struct fault *f);
/* How many pages change; inplace_is_changed(): is this one of them?  After listing them. */
uint32_t inplace_count_changed(const struct ese_inplace *ip);
bool inplace_is_changed(const struct ese_inplace *ip, uint32_t number);
/* Gives a page its new time and its checksum. */
void inplace_seal(const struct ese_inplace *ip, struct inplace_page *page);
bool inplace_no_memory(struct fault *f);
/* Makes the file longer: `last` is its last page now. */
void inplace_grow_file(struct ese_inplace *ip, uint32_t last);
bool inplace_store_open(struct ese_inplace *ip);
void inplace_store_close(struct ese_inplace *ip);

/* ---- nodes of a page (edit/nodes.c) ---- */

struct inplace_node {
    struct bytes key, data; /* key: the whole */
};

/* The nodes of a page, apart from its bytes.  Nodes flagged as deleted are left out: in a clean
 * database nobody can want them any more. */
struct inplace_nodes {
    uint32_t number, flags, prev, next, objid;
    uint8_t tag_bits;    /* the reserved bits of the tag count */
    struct bytes prefix; /* that its keys shared; a copy */
    struct inplace_node *node;
    unsigned count, room;
};

/* Is the page one that can be changed, and where it belongs?  objid, at_root: what it must be. */
bool inplace_in_its_place(const struct ese_page *page, uint32_t objid, bool at_root,
                          struct fault *f);

/* Takes a page apart.  objid, at_root: what it must be.  All memory is the arena's; `extra` more
 * nodes have room. */
bool inplace_unpack(struct ese_inplace *ip, uint32_t number, uint32_t objid, bool at_root,
                    unsigned extra, struct arena *memory, struct inplace_nodes *nodes,
                    struct fault *f);

/* Bytes that a node takes with its tag. */
size_t inplace_node_size(const struct inplace_node *node, struct bytes prefix);

/* Bytes that nodes may take on a page with so many bytes in tag 0. */
size_t inplace_room(const struct ese_inplace *ip, size_t external);

/* True when the nodes fit into a page, with their best prefix. */
bool inplace_fits(const struct ese_inplace *ip, const struct inplace_node *node, unsigned count,
                  struct bytes old_prefix);

/* What stays in tag 0 of a root. */
struct bytes inplace_external(const struct ese_page *page);

/* True when they fit into a root, whose external header has so many bytes, and which has no prefix.
 */
bool inplace_fits_root(const struct ese_inplace *ip, const struct inplace_node *node,
                       unsigned count, size_t external);

/* Replaces a page's nodes; everything else of the header but the accounting stays.  A root keeps
 * its external header. They fit. */
void inplace_pack(const struct ese_inplace *ip, struct inplace_page *page,
                  const struct inplace_node *node, unsigned count, struct bytes old_prefix);

/* One node of a leaf, changed where the page lies: put in before node `at`, given other data of the
 * same size, taken out (and its bytes made zero).  False, and nothing was done: the page has no
 * room behind its nodes, it would be left without any, or it is not as a page has to be. */
bool inplace_node_insert(struct ese_inplace *ip, struct inplace_page *page, unsigned at,
                         struct bytes key, struct bytes data);
bool inplace_node_replace(struct ese_inplace *ip, struct inplace_page *page, unsigned at,
                          struct bytes data);
bool inplace_node_remove(struct ese_inplace *ip, struct inplace_page *page, unsigned at);

/* ---- trees (edit/tree.c) ---- */

/* A tree.  space: a tree of extents, of the tree with root page `owner`; else owner is the root
 * itself.  hand: for a new tree of extents, pages to be used for splits before any others. */
struct inplace_tree {
    struct ese_inplace *ip;
    uint32_t root, objid, owner;
    bool unique, space;
    struct ese_extent *hand;
};

/* A place in a tree: the way to a leaf, and a node of it (index may be behind the last). */
struct inplace_spot {
    struct ese_inplace *ip;
    struct inplace_step step[ESE_DEPTH_MOST];
    unsigned depth, index, count; /* count: nodes of the leaf, with those flagged as deleted */
    uint32_t leaves;              /* entered so far: a damaged tree may loop */
    uint32_t page, flags;         /* the leaf */
    struct inplace_node node;     /* where the spot is at a node: a copy, in room */
    uint8_t *room;
    struct inplace_nodes leaf; /* when it was taken apart, to be changed */
    struct arena memory;
};

static inline const struct inplace_node *inplace_at(const struct inplace_spot *spot)
{
    return &spot->node;
}

/* Goes to the first node that is not less than key (in a non-unique tree: key and data).  *there
 * false: there is none. The spot is valid until something changes; close it in any case. */
bool inplace_seek(const struct inplace_tree *t, struct bytes key, struct bytes data,
                  struct inplace_spot *spot, bool *there, struct fault *f);
bool inplace_next(const struct inplace_tree *t, struct inplace_spot *spot, bool *there,
                  struct fault *f);
/* Does the next node of the spot's leaf have another key than this one, which is the spot's?  Then
 * no node behind it has it.  False also where that leaf does not tell. */
bool inplace_is_last_of(const struct inplace_tree *t, const struct inplace_spot *spot,
                        struct bytes key);
void inplace_spot_close(struct inplace_spot *spot);

/* Copies the last node that is less than `key`; *there false: there is none.  Unique trees only. */
bool inplace_last_below(const struct inplace_tree *t, struct bytes key, struct arena *memory,
                        struct inplace_node *node, bool *there, struct fault *f);

/* Which node is meant: the `twin`-th with this key, or, by_data, the first with this key and data.
 */
struct inplace_target {
    struct bytes key, data;
    unsigned twin;
    bool by_data;
};

/* Finds a node: *found false when it is not there.  Close the spot in any case. */
bool inplace_find(const struct inplace_tree *t, const struct inplace_target *target,
                  struct inplace_spot *spot, bool *found, struct fault *f);

/* *same: (may be NULL) the tree has such a node already, and nothing was done; NULL makes that a
 * fault. */
bool inplace_insert(const struct inplace_tree *t, struct bytes key, struct bytes data, bool *same,
                    struct fault *f);
bool inplace_replace(const struct inplace_tree *t, const struct inplace_target *target,
                     struct bytes data, bool *found, struct fault *f);
bool inplace_remove(const struct inplace_tree *t, const struct inplace_target *target, bool *found,
                    struct fault *f);

/* ---- storing changed leaves (edit/split.c) ---- */

enum { INPLACE_SPARES_MOST = 8 * ESE_DEPTH_MOST };

struct inplace_spares {
    uint32_t page[INPLACE_SPARES_MOST];
    unsigned count;
};

/* Stores the spot's changed leaf, split as it must be; used spares are taken off.  *needed not 0:
 * nothing was done, for it needs so many pages, and there are fewer spares. */
bool inplace_store(const struct inplace_tree *t, struct inplace_spot *spot,
                   struct inplace_spares *spares, unsigned *needed, struct fault *f);

/* Takes the spot's leaf, which has no nodes any more, out of the tree.  spares, needed: as
 * inplace_store(). */
bool inplace_unlink(const struct inplace_tree *t, struct inplace_spot *spot,
                    struct inplace_spares *spares, unsigned *needed, struct fault *f);

/* ---- space (edit/space.c) ---- */

/* Takes `least` to `most` neighbouring pages for the tree with root page `root`, from its free ones
 * or from its parent's. */
bool inplace_take(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t least,
                  uint32_t most, struct ese_extent *taken, struct fault *f);

/* One page for splitting a tree of available extents itself: only from what is there. */
bool inplace_take_own(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t *page,
                      struct fault *f);

/* Notes that a page is free.  It is given back by inplace_give_back(), at a time when no tree is
 * being changed. */
bool inplace_release(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t page,
                     struct fault *f);
bool inplace_give_back(struct ese_inplace *ip, struct fault *f);

/* Raises the auto-increment value that a table's root keeps, where it keeps one. */
bool inplace_raise_counter(struct ese_inplace *ip, uint32_t root, uint64_t least, struct fault *f);

/* ---- long values (edit/longvalue.c) ---- */

/* One reference fewer or more.  A value that nobody refers to is removed.  A missing one is no
 * fault when dropped. */
bool inplace_lv_drop(struct ese_inplace *ip, const struct ese_table *table, uint64_t lid, bool wide,
                     struct fault *f);
bool inplace_lv_add(struct ese_inplace *ip, const struct ese_table *table, uint64_t lid,
                    struct fault *f);
/* A new value with one reference. */
bool inplace_lv_new(struct ese_inplace *ip, const struct ese_table *table, struct bytes data,
                    uint32_t *lid, struct fault *f);

/* ---- secondary indexes (edit/index.c) ---- */

bool inplace_entries_add(struct inplace_entries *list, const struct ese_table *table,
                         const struct ese_index *index, struct bytes key, struct bytes data,
                         struct fault *f);
void inplace_entries_clear(struct inplace_entries *list);

/* The entries that a record has in `index`, each once.  *computable false: that cannot be told. */
bool inplace_entries_of(struct ese_inplace *ip, const struct ese_index *index,
                        const struct ese_record *record, struct bytes bookmark,
                        struct inplace_entries *list, bool *computable, struct fault *f);

bool inplace_entry_in(const struct inplace_entries *list, struct bytes key);

/* Removes an entry; one that is not there will be looked for by its bookmark.  keep: how many equal
 * ones other rows need. */
bool inplace_entry_remove(struct ese_inplace *ip, const struct inplace_entry *entry, unsigned keep,
                          bool lone, struct fault *f);

/* As the function without the leading inplace_. */
bool inplace_drop_entry(struct ese_inplace *ip, const struct inplace_entry *entry, struct fault *f);

/* Does what waits: removes orphans, adds added entries. */
bool inplace_entries_flush(struct ese_inplace *ip, struct fault *f);

/* ---- rows (edit/row.c) ---- */

/* A row at hand; its bytes are copies, for its page will change. */
struct inplace_row {
    struct ese_inplace *ip;
    const struct ese_table *table;
    struct bytes key;
    unsigned twin, twins; /* twins: how many rows have the key */
    bool new_format;
    struct ese_record record;
    struct arena memory;
};

/* Finds the `twin`-th row with this key.  Close it in any case. */
bool inplace_row_open(struct inplace_row *row, struct ese_inplace *ip,
                      const struct ese_table *table, struct bytes key, unsigned twin,
                      struct fault *f);
void inplace_row_close(struct inplace_row *row);
/* Each but once for a row that was opened; entries that are added still wait. */
bool inplace_row_drop(struct inplace_row *row, struct fault *f);
bool inplace_row_change(struct inplace_row *row, const struct ese_change *change, unsigned changes,
                        struct fault *f);
/* As ese_inplace_add_row(), but entries still wait. */
bool inplace_add(struct ese_inplace *ip, const struct ese_table *table,
                 const struct ese_change *change, unsigned changes, struct fault *f);

/* Has the table a row with this primary key? */
bool inplace_has_row(struct ese_inplace *ip, const struct ese_table *table, struct bytes key,
                     bool *has, struct fault *f);

/* True when calls may go on. */
bool inplace_ready(struct ese_inplace *ip, const struct ese_table *table, struct fault *f);
/* Ends a call: what waits is done, or nothing more will be. */
bool inplace_done(struct ese_inplace *ip, bool ok, struct fault *f);

/* ---- headers (edit/header.c) ---- */

/* Finds, in ip->time, the highest time of any page that the database owns. */
bool inplace_last_time(struct ese_inplace *ip, struct fault *f);
/* Makes the new header page from the old one. */
void inplace_make_header(const struct ese_inplace *ip, uint8_t *to);

#endif
