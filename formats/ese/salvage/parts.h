/* What the files of formats/ese/salvage share.  Nothing outside of them includes this. */
#ifndef KM_FORMATS_ESE_SALVAGE_PARTS_H
#define KM_FORMATS_ESE_SALVAGE_PARTS_H

#include "formats/arena.h"
#include "formats/ese/build/parts.h"
#include "formats/ese/layout/record_change.h"
#include "formats/ese/read/key.h"
#include "formats/ese/read/space.h"
#include "formats/ese/salvage/salvage.h"

/* ---- pages ---- */

enum salvage_trust {
    SALVAGE_GOOD,   /* the checksum is right, or wrong by one bit that it names */
    SALVAGE_MOVED,  /* right for another number: what stands at the wrong place */
    SALVAGE_BLOCKS, /* right for some quarters, header and tags among them */
    SALVAGE_APART,  /* right, but not of that tree: see apart.c, claims.c */
    SALVAGE_WRONG,  /* wrong; the header could be one */
};

struct salvage_page {
    uint64_t dbtime;
    uint32_t slot;   /* where it stands in the file */
    uint32_t number; /* which page it is */
    uint32_t objid, flags, prev, next;
    uint32_t said;  /* not 0: it says that it is of this object, and the catalog counts: roots.c */
    uint8_t trust;  /* enum salvage_trust */
    uint8_t blocks; /* SALVAGE_BLOCKS: which are right */
    uint8_t hidden; /* so many of its first nodes it says are reserved tags */
    bool odd;       /* its header has what no page has */
    bool reached;   /* a parent names it, or a neighbour and it name each other */
    bool chained;   /* reached, no root, and what it names as its neighbours names it, too */
    bool stale;     /* a neighbour, an index or a long value knows of something newer on it */
    bool freed;     /* nothing reaches it, and a sound space tree says that it is not in use */
    bool lone;      /* a leaf that nothing reaches and that names no neighbour, beside others */
    bool rival;     /* SALVAGE_APART: it may be a newer version of what stands in its place */
    bool held;      /* SALVAGE_APART: nothing names it, but no space says that it is not in use */
    bool beside;    /* not set apart beside a tree that is whole, for it is newer; see `reached` */
    bool left;      /* SALVAGE_APART: beside a root that is a leaf, and not known to be let go */
    bool marked;    /* something is said of a row on it, in t->marks */
    bool unwritten; /* of a row on it the entries that were seen are not written */
    bool unread;  /* a row on it is not the only one of its key, does not count, cannot be read, may
                   * be another table's or a reserved tag, or the page is odd */
    bool doubted; /* it is the reason why a row is doubtful */
    bool noise; /* under a wrong checksum: what stands for a row on it is none, and nothing tells */
    uint8_t beyond; /* an end of its table's chain, see ends.c */
    uint16_t rows;  /* of the others, how many were written at once, see rows.c */

    /* Of a leaf, see ranges.c. */
    struct bytes first, last; /* keys of its believed nodes, in s->arena; at == NULL: it has none */
    bool joined;              /* with their data behind them: the order of an index */
    bool in_order;            /* each node can be read and is believed, and its keys ascend */
    bool adds_up;             /* tags name all bytes that are in use */
    bool alone;               /* in the walk that is open: no other leaf lies over it */
    bool merged;              /* and: its nodes are read in their place */
};

struct salvage_schema_row {
    struct bytes key, record; /* one allocation, at key.at */
    uint32_t table, page;
    uint64_t dbtime; /* of that page; 0: it was made */
    bool of_other;   /* of a database with another signature */
    uint8_t agree;   /* in how many of another copy's catalog and shadow it is just so */
};

/* An object that the catalog has; table NULL: an index or a long-value tree. */
struct salvage_known {
    uint32_t objid;
    const struct ese_table *table;
};

/* Keys of which no leaf says anything; at == NULL: from the start, to the end. */
struct salvage_gap {
    struct bytes low, high; /* in s->arena */
};

/* A row of which catalog and shadow do not say the same, or that others of its table contradict;
 * all in s->arena. */
struct salvage_dispute {
    uint32_t table, page, other_page;
    uint64_t dbtime;
    struct bytes key, record; /* record: that does not count; at == NULL: there is none */
    const char *reason;
    bool sure; /* it is plain which counts: nothing of the table is in doubt for it */
};

/* An entry of the catalog's own index of names; all in s->arena. */
struct salvage_name {
    struct bytes row, key; /* row: its key in the catalog */
};

/* A table whose row both catalogs have flagged as deleted; name in s->arena, ends with a zero. */
struct salvage_dropped {
    uint32_t objid;
    const char *name;
};

/* The root of an index that the catalog does not have. */
struct salvage_orphan {
    uint32_t table, objid, number; /* table: whose it is */
};

struct ese_salvage {
    struct ese_file *file;
    struct ese_pages *pages;
    struct ese_headers *headers; /* has_header false: nothing of it counts */
    bool has_header;
    struct salvage_page *page; /* by objid, then slot */
    size_t pages_found, page_room;
    struct arena arena;
    struct salvage_space *space; /* of the whole database; NULL: not asked for */
    uint8_t *blank;              /* by page number, a bit each: nothing but zeroes stands there */
    uint32_t *claimed;           /* by page number: by whom, see claims.c; NULL: not asked for */
    struct ese_catalog *catalog;
    struct salvage_schema_row *row;
    size_t rows, row_room;
    struct salvage_schema_row *weed; /* rows that were taken out of them */
    size_t weeds, weed_room;
    struct salvage_known *known; /* by objid */
    size_t knowns;
    struct salvage_gap *gap; /* of the catalog and its shadow together */
    size_t gaps, gap_room;
    struct salvage_dispute *dispute; /* by key */
    size_t disputes, dispute_room;
    struct salvage_dispute *mend; /* rows that were put right: see fixed.c, roots.c; by key */
    size_t mends, mend_room;
    struct salvage_name *name; /* by row; of a database that was not shut down: none */
    size_t names, name_room;
    struct salvage_dropped *dropped; /* by objid */
    size_t drops, drop_room;
    struct salvage_dropped *misfit; /* tables of another catalog: see misfits.c */
    size_t misfits, misfit_room;
    struct ese_salvage_scan scan;
    ese_salvage_seen_fn seen;
    void *seen_context;
    uint8_t room[ESE_PAGE_SIZE_MAX];

    /* Of a run. */
    const struct ese_salvage_options *options;
    struct ese_salvage_result *result;
    size_t table_room;             /* of result->table */
    struct salvage_orphan *orphan; /* by table, then objid */
    size_t orphans, orphan_room;
    uint64_t own_listed;     /* pages that were looked up in the space of tables */
    struct ese_build *build; /* NULL: nothing is written */
};

bool salvage_scan(struct ese_salvage *s, struct fault *f);
bool salvage_header(struct ese_salvage *s, struct fault *f);
/* Holds the pages of all trees that the catalog knows against the header. */
bool salvage_judge_header(struct ese_salvage *s, struct fault *f);
/* Are there changes that may not have been committed, or whose other pages were not written? */
static inline bool salvage_is_unfinished(const struct ese_salvage *s)
{
    return s->scan.dirty || s->scan.newer > 0;
}
/* Can rows on it be what was taken out of the tree in a wrong way?  The engine leaves none on a
 * page that it lets go (measured), but its last write may not have come; a repair in place does. */
static inline bool salvage_has_let_go_rows(const struct ese_salvage *s,
                                           const struct salvage_page *p)
{
    return p->freed && !salvage_is_unfinished(s) && s->has_header &&
           s->headers->header.repair_count == 0 &&
           !(p->flags & (ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE));
}
/* The header's revision where it is lost: from what the pages are. */
void salvage_guess_revision(struct ese_salvage *s);
bool salvage_schema(struct ese_salvage *s, struct fault *f);
/* Have the catalog and the shadow of another copy of this database that row as it is taken here? */
bool salvage_is_confirmed(const struct ese_salvage *s, struct bytes key);
/* What a row of the catalog describes.  False: it cannot be read as one. */
bool salvage_catalog_object(const struct ese_salvage *s, struct bytes record,
                            struct ese_catalog_object *object);
/* Opens its record. */
bool salvage_catalog_record(const struct ese_salvage *s, struct bytes record, struct ese_record *r);
/* Can it be a row of the catalog, under that key? */
bool salvage_is_catalog_row(const struct ese_salvage *s, struct bytes key, struct bytes record);
/* Takes out of s->row what cannot be true together: see weed.c. */
bool salvage_weed_catalog(struct ese_salvage *s, struct fault *f);
/* Puts right, in s->row, where fixed columns are: see fixed.c.  *mended: the catalog has to be read
 * again. */
bool salvage_mend_fixed(struct ese_salvage *s, bool *mended, struct fault *f);
/* names.c: reads the catalog's own index of names into s->name. */
bool salvage_names_read(struct ese_salvage *s, struct fault *f);
/* Has that index the name which a record has, for the row of that key?  NOT_NAMED: it does not say.
 */
enum salvage_named { SALVAGE_NOT_NAMED, SALVAGE_NAMED_SO, SALVAGE_NAMED_OTHERWISE };
enum salvage_named salvage_named(const struct ese_salvage *s, struct bytes row,
                                 struct bytes record);
/* Notes the rows whose names it has otherwise. */
bool salvage_see_names(struct ese_salvage *s, struct fault *f);
void salvage_schema_close(struct ese_salvage *s);

/* definition.c: is what the catalog says of tables all that it said? */

struct salvage_leaves;
/* Fills in s->gap from the leaves of the catalog and its shadow. */
bool salvage_see_gaps(struct ese_salvage *s, const struct salvage_leaves *l, struct fault *f);
/* Tells of each of them. */
bool salvage_tell_gaps(struct ese_salvage *s, struct fault *f);

/* Puts s->page in order: when object ids have changed, too. */
void salvage_pages_sort(struct ese_salvage *s);
/* The pages of one object: s->page[*first] and the *count - 1 behind it. */
void salvage_pages_of(const struct ese_salvage *s, uint32_t objid, size_t *first, size_t *count);

/* Is the page there, and nothing but zeroes? */
static inline bool salvage_is_blank(const struct ese_salvage *s, uint32_t number)
{
    return number <= s->scan.pages && (s->blank[number / 8] >> number % 8 & 1);
}

/* Gets a page of the list; put it back with ese_pages_put(). */
bool salvage_get(struct ese_salvage *s, const struct salvage_page *p, const struct ese_page **page,
                 struct fault *f);

bool salvage_tell(struct ese_salvage *s, const struct ese_salvage_item *item, struct fault *f);

/* Fills in `reached` and `freed` of an object's pages.  root: of its tree, 0: not known. */
bool salvage_reach(struct ese_salvage *s, uint32_t objid, uint32_t root, struct fault *f);
/* Tells of every leaf of which not all nodes can be read; of every one that a parent names and that
 * is not there, unless newer leaves show that it was let go; where parents are lost, too, of every
 * one that a neighbour names; and of a tree of which nothing is there. */
bool salvage_lost_pages(struct ese_salvage *s, const struct ese_table *table,
                        struct ese_salvage_table *sum, struct fault *f);

/* Reads the database's own space into s->space, unless it was read.  Without a sound space tree
 * nothing is free. */
bool salvage_space_of_all(struct ese_salvage *s, struct fault *f);
/* Does it list the page as free, and is not older than the page?  After that. */
bool salvage_is_free(const struct ese_salvage *s, const struct salvage_page *page);
void salvage_space_free(struct salvage_space *space);
/* What the catalog says of roots has changed. */
void salvage_claims_forget(struct ese_salvage *s);

/* Sets apart the pages in a wrong place whose own place has another one.  Once all are found. */
bool salvage_set_apart_displaced(struct ese_salvage *s, struct fault *f);

/* Does the catalog have the object? */
bool salvage_is_known(const struct ese_salvage *s, uint32_t objid);
/* What the table was called that both catalogs have flagged as deleted; NULL: none such. */
const char *salvage_dropped_name(const struct ese_salvage *s, uint32_t objid);
/* The table of that object id; NULL: none. */
const struct ese_table *salvage_table_of(const struct ese_salvage *s, uint32_t objid);

/* The root page of each table, sorted; the caller's to free.  NULL: memory is short. */
struct salvage_root {
    uint32_t root;
    const struct ese_table *table;
};
struct salvage_root *salvage_roots(const struct ese_salvage *s, struct fault *f);
/* The root of an index or of long values names that of its table: *found is that, NULL: none. */
bool salvage_root_of_table(struct ese_salvage *s, const struct salvage_page *p,
                           struct salvage_root *roots, struct salvage_root **found,
                           struct fault *f);
/* Is it the root of a tree of this kind (a flag of a page) that the catalog does not have? */
bool salvage_is_lone_root(const struct ese_salvage *s, const struct salvage_page *p, uint32_t kind);

/* roots.c: puts right, in s->row, where the catalog has the root of a tree that stands elsewhere.
 * *mended: the catalog has to be read again. */
bool salvage_mend_roots(struct ese_salvage *s, bool *mended, struct fault *f);
/* Takes root pages that say they are another table's as what the catalog has them for. */
bool salvage_give_back_roots(struct ese_salvage *s, struct fault *f);
/* Which object the table's root page says it is of, when it was taken so; 0: its own. */
uint32_t salvage_root_said(const struct ese_salvage *s, const struct ese_table *table);

/* orphans.c: fills in s->orphan. */
bool salvage_orphans_find(struct ese_salvage *s, struct fault *f);
/* How many of them are of the table, and in use by its space, and the last one's object id. */
bool salvage_orphans_of(struct ese_salvage *s, const struct ese_table *table, size_t *count,
                        uint32_t *objid, struct fault *f);

/* Is its definition, or a part of it, that of a database with another signature? */
bool salvage_is_of_other(const struct ese_salvage *s, const struct ese_table *table);
/* Has the catalog no row of that table but from such a database? */
bool salvage_is_only_of_other(const struct ese_salvage *s, uint32_t table);
/* Notes the tables of another database that what stands here cannot be, in s->misfit. */
bool salvage_see_misfits(struct ese_salvage *s, struct fault *f);
bool salvage_tell_misfits(struct ese_salvage *s, struct fault *f);
/* How many nodes of the leaf can be rows of the table, under their keys; keys: room. */
unsigned salvage_rows_like(const struct ese_table *table, const struct ese_page *page,
                           struct ese_keys *keys);

/* Tells of every row of objects that the catalog does not have. */
bool salvage_unknown(struct ese_salvage *s, struct fault *f);

/* ---- which keys a leaf has ---- */

/* The longest place in a tree: a key, and in an index the data behind it. */
enum { SALVAGE_PLACE_ROOM = 2 * ESE_KEY_ROOM };

/* Leaves that can hold rows, entries or parts of long values. */
bool salvage_is_leaf(const struct salvage_page *p);
/* Can the bytes of a node be believed? */
bool salvage_is_good(const struct salvage_page *p, const struct ese_page *page,
                     const struct ese_node *node);
/* Were all its rows written at once, and is nothing to be said of any of them? */
bool salvage_is_settled(const struct salvage_page *p);
/* How many nodes of a page that is no index's cannot be read, or stand out of order. */
unsigned salvage_unread_nodes(const struct ese_page *page);
/* Is there none, and do they fill the page as its header says?  Whether they are rows does not
 * count. */
bool salvage_has_all_nodes(const struct ese_page *page);
/* Fills in p->first to p->in_order. */
bool salvage_see_range(struct ese_salvage *s, struct salvage_page *p, const struct ese_page *page,
                       bool joined, struct fault *f);

/* ---- the nodes of a tree ---- */

/* One place where a node stands. */
struct salvage_version {
    uint64_t dbtime;
    uint32_t page; /* index in s->page */
    uint16_t node;
    uint8_t flags; /* enum ese_node_flag */
    bool doubtful; /* its bytes are under a wrong checksum */
    bool misfit;   /* on a good page, but not a row of its table, or not of its key */
};

struct salvage_leaf {
    struct bytes first, last; /* keys */
    uint32_t page;            /* index in s->page */
    bool endless;             /* the last one */
    bool bounded;             /* end: where the next leaf starts */
    struct bytes end;
};

/* Which leaf should have a key. */
struct salvage_leaves {
    struct ese_salvage *s;
    struct salvage_leaf *at; /* by first key */
    size_t count, room, opened;
    uint32_t *heap;
    size_t heap_size;
};

/* Adds the leaves of an object that are in use and have a believed node.  joined: see salvage_page.
 * *in_order becomes false when one of them is not in order. */
bool salvage_leaves_find(struct salvage_leaves *l, uint32_t objid, bool joined, bool *in_order,
                         struct fault *f);
/* Once all are added; sees which lie over none. */
bool salvage_leaves_order(struct salvage_leaves *l, struct fault *f);
/* Are they one chain, from the first to the last, all of them right? */
bool salvage_leaves_chain(const struct salvage_leaves *l);
/* Calls each for every stretch of keys of which no leaf in order says anything: behind `low`,
 * before `high` (at == NULL: from the start, to the end). */
typedef bool (*salvage_gap_fn)(void *context, struct bytes low, struct bytes high, struct fault *f);
bool salvage_leaves_gaps(const struct salvage_leaves *l, salvage_gap_fn each, void *context,
                         struct fault *f);
/* The newest leaf that should have `key` (of an index: key and data in one piece), if the tree has
 * it; NULL: none.  Keys of successive calls, salvage_choose() among them, ascend. */
const struct salvage_page *salvage_owner(struct salvage_leaves *l, struct bytes key);
void salvage_leaves_close(struct salvage_leaves *l);

/*
 * All nodes of the leaves of one or two objects, in the order of their keys (and of their data,
 * where keys are not unique), those with one key together.
 */
struct salvage_walk {
    struct ese_salvage *s;
    bool with_data; /* key and data together are the order: an index */
    struct salvage_leaves leaves;
    bool intact; /* the leaves in use are one unbroken chain */

    /* The group. */
    struct bytes key, data; /* until the next one; data: with_data only */
    struct buffer both;     /* key and data in one piece */
    bool sole;              /* one version, of a leaf over which nothing lies: `page` and `node` */
    const struct ese_page *page;
    struct ese_node node;
    struct salvage_version *version;
    size_t versions, version_room;

    /* Leaves that are in order are read side by side... */
    struct salvage_cursor *cursor;
    unsigned cursors;
    size_t next_leaf;
    bool alone;           /* one cursor, and nothing else has keys up to the last one of its leaf */
    uint64_t passed_rows; /* on leaves that were passed over */
    bool pass_written;    /* those of which all rows were written at once are */
    /* ...and what stands on the others is sorted. */
    struct build_sort *sort;
    bool pending, done; /* pending: the next entry was read already */
    struct buffer next_key, next_data;
    struct buffer sorted_key, sorted_data; /* of the group */
};

/* with_wrong: pages with a wrong checksum, too, what of them makes sense. */
bool salvage_walk_open(struct salvage_walk *w, struct ese_salvage *s, const uint32_t *objid,
                       unsigned objids, bool with_data, bool with_wrong, struct fault *f);
void salvage_walk_close(struct salvage_walk *w);
/* Once more from the first group on. */
bool salvage_walk_rewind(struct salvage_walk *w, struct fault *f);
/* The next group.  *more false at the end. */
bool salvage_walk_next(struct salvage_walk *w, bool *more, struct fault *f);

/* Reads a version's node; the page must be put back. */
bool salvage_node(struct ese_salvage *s, const struct salvage_version *v,
                  const struct ese_page **page, struct ese_node *node, struct fault *f);

/*
 * Opens a node's record.  In a database whose engine has not finished converting it some pages have
 * records in the old format: they are written in the new one, and node->data is then that, in
 * *converted, which is the caller's to free.
 */
bool salvage_record(const struct ese_salvage *s, const struct ese_table *table,
                    const struct ese_page *page, struct ese_node *node, struct ese_record *record,
                    uint8_t **converted, struct fault *f);

/* Are the page's records in the format that the database's are written in? */
bool salvage_has_wanted_format(const struct ese_salvage *s, const struct ese_page *page);

/* What a group comes to. */
enum salvage_verdict {
    SALVAGE_KEPT,
    SALVAGE_FREED,      /* only on pages that are not in use any more */
    SALVAGE_OUTSIDE,    /* only on pages that were set apart */
    SALVAGE_BYTES,      /* only under wrong checksums */
    SALVAGE_NEWER_BAD,  /* a newer version stands under a wrong checksum, or is a misfit */
    SALVAGE_SUPERSEDED, /* a newer leaf, where it should stand, has it no more */
    SALVAGE_ASTRAY,     /* likewise, though both stand side by side in the tree: of rows only */
    SALVAGE_GONE,       /* flagged as deleted */
};

struct salvage_choice {
    enum salvage_verdict verdict;
    size_t best;                        /* index in w->version */
    const struct salvage_page *against; /* what speaks against it; NULL: nothing */
    bool misfit;                        /* NEWER_BAD: the newer version is one */
};

/* The best of the group's versions, one or more. */
size_t salvage_best(const struct salvage_walk *w);
/* Sorts them, the best one first. */
void salvage_sort_versions(struct salvage_walk *w);
/* Decides which version of the walk's group counts. */
bool salvage_choose(struct salvage_walk *w, struct salvage_choice *choice, struct fault *f);

/* ---- the catalog and its shadow ---- */

/* What one of the two says of a key. */
struct salvage_said {
    enum {
        SALVAGE_SAYS_NOTHING, /* no leaf of it that can be believed should have the key */
        SALVAGE_SAYS_NO,
        SALVAGE_SAYS_ROW
    } says;
    const struct salvage_page *page; /* that says so */
    size_t version; /* of the walk's group; SALVAGE_SAYS_ROW only, as what follows */
    const struct ese_page *held;
    uint8_t *converted;
    struct bytes record;
    struct ese_catalog_object object;
    uint32_t root;
};

/* copies.c: where they differ. */
struct salvage_copies {
    struct ese_salvage *s;
    uint32_t objid[2];
    struct salvage_leaves leaves[2];
    uint32_t used_of; /* the table of which `used` says which columns its rows have values for */
    bool used[ESE_TAGGED_LAST + 1];
};

/* Before the walk over both is opened; to be closed in any case. */
bool salvage_copies_open(struct salvage_copies *c, struct ese_salvage *s, const uint32_t objid[2],
                         struct fault *f);
void salvage_copies_close(struct salvage_copies *c);
/* Do they differ in what they say of the walk's group, or has one a row that a newer page of the
 * other lacks that cannot be read in full?  Then it is put into s->dispute, and *version is the one
 * that counts, w->versions: none does. */
bool salvage_copies_see(struct salvage_copies *c, const struct salvage_walk *w, bool *differ,
                        size_t *version, struct fault *f);
/* Notes a row that will be put right, as it stands; sure: it is plain that it was wrong. */
bool salvage_mend_note(struct ese_salvage *s, const struct salvage_schema_row *row,
                       const char *reason, bool sure, struct fault *f);
void salvage_mends_sort(struct ese_salvage *s); /* once all are noted */
/* Tells of each difference, and of each row that was put right. */
bool salvage_tell_disputes(struct ese_salvage *s, struct fault *f);
/* How many there are of one table, in what they say or in what was put right, but for those that
 * are sure. */
size_t salvage_disputes_of(const struct ese_salvage *s, uint32_t table);
size_t salvage_mends_of(const struct ese_salvage *s, uint32_t table);

/* ---- sets of keys ---- */

/* Keys with a few bytes beside each, of what is in conflict. */
struct salvage_marks {
    struct salvage_mark *at;
    size_t count, room;
    bool sorted;
};

struct salvage_mark {
    struct bytes key; /* one allocation */
    uint32_t page;    /* what it is against */
    uint32_t bits;
};

bool salvage_mark(struct salvage_marks *marks, struct bytes key, uint32_t page, uint32_t bits,
                  struct fault *f);
void salvage_marks_sort(struct salvage_marks *marks); /* equal keys become one, their bits joined */
const struct salvage_mark *salvage_marked(const struct salvage_marks *marks, struct bytes key);
void salvage_marks_close(struct salvage_marks *marks);

/* ---- one table ---- */

/* Bits of a mark. */
#define MARK_CONFIRMED 0x1u /* an index has the row just as it is */
#define MARK_NO_ENTRY 0x2u  /* << i: a newer page of index i has no entry for it */
#define MARK_ALL_NO_ENTRY                                                                          \
    0x7ffffffeu /* of the first MARK_INDEXES ones; further ones are not asked */
#define MARK_DELETED                                                                               \
    0x80000000u /* it is flagged as deleted, and so an index has no entry for it                   \
                 */
enum { MARK_INDEXES = 30 };

struct salvage_lid {
    uint64_t lid;
    bool wide;
    bool apart;      /* it is whole, on pages that were set apart: see longvalues.c */
    bool differs;    /* it is whole, and `page` has a part of it otherwise */
    bool newer;      /* the leaf that should have it is there: it was deleted, not lost */
    uint64_t dbtime; /* newer: of that leaf */
    uint32_t page;
};

struct salvage_table {
    struct ese_salvage *s;
    const struct ese_table *table;
    struct ese_salvage_table *sum;
    struct ese_build_table *to; /* NULL: nothing is written */
    struct ese_record_limits limits;
    struct ese_key_scratch *scratch;
    struct ese_keys **keys;         /* one per index; NULL: not computed */
    bool picky;                     /* an index is over values of which not all will do */
    bool *uncomputed;               /* per index: some row's keys could not be computed */
    struct build_sort **entry;      /* per index: the entries of all rows that were seen */
    struct build_sort **late;       /* per index: those that are written besides */
    struct salvage_marks unwritten; /* the rows whose entries among the first are not written */
    struct build_sort *stray;       /* by bookmark: entries that no row's computed keys explain */
    struct build_sort *lids;        /* references of rows to long values */
    struct ese_keys *primary;
    struct salvage_walk rows;         /* over all of them */
    struct salvage_marks marks;       /* what indexes and long values say of rows */
    const struct ese_column *counter; /* the auto-increment column; NULL: none */
    uint64_t counter_seen;            /* its greatest value in rows and index entries */
    bool of_other;                    /* see salvage_is_of_other() */
    uint64_t end_time[2];             /* of the leaves that say they are the last, the first */
    bool looked;                      /* the first walk over the rows was made */
    bool at_once;                     /* and it wrote them */
    uint64_t rows_at_once;
    struct salvage_columns *columns;
    bool refers;              /* rows may refer to long values */
    struct salvage_lid *gone; /* long values that are not whole, sorted */
    size_t gones, gone_room;
    uint64_t orphans;       /* whole long values that no row refers to */
    uint64_t newer_orphans; /* of them, than some leaf of rows */
    uint32_t orphans_page;  /* where the first of them stands */
};

bool salvage_one_table(struct ese_salvage *s, const struct ese_table *table,
                       const struct ese_build_node *row, unsigned rows,
                       struct ese_salvage_table *sum, struct fault *f);

/* definition.c: columns that rows have values for and the catalog does not know. */
struct salvage_row;
bool salvage_columns_open(struct salvage_table *t, struct fault *f);
bool salvage_see_columns(struct salvage_table *t, const struct salvage_row *row, struct fault *f);
/* Tells of the table when its definition may not be whole. */
bool salvage_tell_definition(struct salvage_table *t, struct fault *f);
void salvage_columns_close(struct salvage_table *t);

/* row.c: one row, held between opening and closing. */
struct salvage_row {
    const struct ese_page *page;
    const struct salvage_page *where;
    struct ese_node node;
    struct ese_record record;
    bool held; /* the page is, by the row: else by the walk */
    bool readable;
    bool refers;        /* perhaps, to long values */
    struct fault why;   /* when it is not */
    uint8_t *converted; /* owns the record when its page had it in the old format */
};

/* v: one of the walk's group, which has to stand until the row is closed. */
bool salvage_row_open(struct salvage_table *t, const struct salvage_walk *w,
                      const struct salvage_version *v, struct salvage_row *row, struct fault *f);
void salvage_row_close(struct salvage_table *t, struct salvage_row *row);
/* salvage_choose() for a table's rows: one that does not fit comes behind one that does. */
bool salvage_row_choose(struct salvage_table *t, struct salvage_walk *w, struct salvage_choice *c,
                        struct fault *f);

/* What a row refers to: context of salvage_row_reference(), for ese_record_check(). */
struct salvage_references {
    struct salvage_table *t;
    const struct salvage_row *row;
    const struct salvage_lid *newest; /* of those that are gone: with the newest leaf against it */
    const struct salvage_page *other; /* has a part of one of them otherwise; NULL: none */
    bool any_gone, any_apart;
    bool only_look; /* else the references are counted, in t->lids */
};
bool salvage_row_reference(void *context, const struct ese_value *value, struct fault *f);

/* Behind a bookmark: dbtime, page, what of its row is known already. */
enum {
    SALVAGE_ENTRY_TAIL = 13,
    SALVAGE_IN_QUESTION = 1,
    SALVAGE_WRITTEN = 2,
    SALVAGE_FLAGGED = 4 /* as deleted: it should have none */
};

/* Adds the row's entries of one index that can be computed; to == NULL: only counts them.  *count:
 * how many; -1: cannot be told. */
bool salvage_row_entries(struct salvage_table *t, unsigned index, struct build_sort *to,
                         const struct ese_record *record, struct bytes bookmark,
                         const struct salvage_version *v, uint8_t state, int *count,
                         struct fault *f);

/* Sees the auto-increment value of a row, or of a lost one that an index names. */
void salvage_see_counter(struct salvage_table *t, const struct salvage_row *row);
void salvage_see_lost_counter(struct salvage_table *t, struct bytes bookmark);

/* ends.c: sees which leaves lie beyond an end of the chain, once t->rows is opened. */
void salvage_ends_see(struct salvage_table *t);
/* An index has a row of such a leaf, on a page of that time. */
void salvage_ends_entry(struct salvage_table *t, struct salvage_page *p, uint64_t time);
/* Once all indexes are seen. */
void salvage_ends_settle(struct salvage_table *t);

/* strays.c: index entries that no row explains, by the row's key; see salvage_index_evidence(). */
struct salvage_stray {
    uint64_t dbtime;
    uint32_t page;
    uint8_t index;
    struct buffer key;
};

struct salvage_strays {
    struct salvage_table *t;
    struct salvage_stray *at; /* of one bookmark */
    size_t count, room;
    struct buffer bookmark, next_bookmark, next;
    bool pending, done;
};

bool salvage_stray_add(struct salvage_table *t, unsigned index, const struct salvage_version *v,
                       struct bytes key, struct bytes bookmark, struct fault *f);
/* All entries of the next bookmark, if it is not behind `most` (at == NULL: any). */
bool salvage_strays_next(struct salvage_strays *x, struct bytes most, bool *found, struct fault *f);
void salvage_strays_close(struct salvage_strays *x);
/* Sees which leaves should have had rows that a newer index knows of. */
bool salvage_strays_evidence(struct salvage_table *t, struct fault *f);

/* Both walk all rows of the table. */
bool salvage_rows_evidence(struct salvage_table *t, struct fault *f);
/* Between them: are the rows that the first walk wrote those that should be?  Else it takes them
 * back. */
bool salvage_settle_rows(struct salvage_table *t, struct fault *f);
bool salvage_rows_write(struct salvage_table *t, struct fault *f);

/* longvalues.c */
bool salvage_values_check(struct salvage_table *t, struct fault *f);
bool salvage_values_write(struct salvage_table *t, struct fault *f);
/* Tells of the rows that referred to long values and that nothing else tells of. */
bool salvage_tell_referrers(struct salvage_table *t, struct fault *f);
const struct salvage_lid *salvage_lid_gone(const struct salvage_table *t, uint64_t lid, bool wide);
/* Is it taken from pages that were set apart? */
bool salvage_lid_apart(const struct salvage_table *t, uint64_t lid, bool wide);
/* A page that has a part of it otherwise than it is taken; NULL: none. */
const struct salvage_page *salvage_lid_differs(const struct salvage_table *t, uint64_t lid,
                                               bool wide);

/* indexes.c */
bool salvage_index_evidence(struct salvage_table *t, unsigned index, struct fault *f);
bool salvage_index_write(struct salvage_table *t, unsigned index, struct fault *f);

#endif
