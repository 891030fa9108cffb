/*
 * What the parts of the structural check share; for check*.c alone.  See check.h.
 *
 *   check.c            the order of the work, header, pages outside of trees
 *   check/rules.c      the table of rules; how findings are told
 *   check/bits.c       sets of pages: bitmaps and lists of extents
 *   check/page.c       reading and judging one page
 *   check/tree.c       walking a tree
 *   check/space.c      owned and available extents
 *   check/catalog.c    the catalog against its shadow
 *   check/table.c      a table with all its trees; its rows
 *   check/index.c      rows against index entries
 *   check/longvalue.c  long values, and references to them
 */
#ifndef KM_FORMATS_ESE_CHECK_PARTS_H
#define KM_FORMATS_ESE_CHECK_PARTS_H

#include "formats/ese/check/check.h"
#include "formats/ese/read/key.h"
#include "formats/ese/read/space.h"

enum {
    CHECK_NO_TAG = -1,
    CHECK_BATCH_BYTES = 128 * 1024, /* leaves read at one time */
    CHECK_BATCH_MOST = CHECK_BATCH_BYTES / ESE_PAGE_SIZE_MIN,
};

/* ---- sets of pages ---- */

/* One bit for every page of the file. */
struct check_bits {
    uint64_t *word;
    uint32_t last; /* highest page number */
};

static inline bool check_bit(const struct check_bits *bits, uint32_t page)
{
    return page <= bits->last && (bits->word[page / 64] >> page % 64 & 1);
}

static inline void check_set_bit(struct check_bits *bits, uint32_t page)
{
    if (page <= bits->last)
        bits->word[page / 64] |= (uint64_t)1 << page % 64;
}

/* Sets the bits of an extent, as far as it lies in the file. */
void check_set_bits(struct check_bits *bits, const struct ese_extent *extent);

/* The first page of the extent whose bit is set; 0: none. */
uint32_t check_first_bit(const struct check_bits *bits, const struct ese_extent *extent);

/* Extents in ascending order. */
struct check_extents {
    struct ese_extent *extent;
    size_t count, room, hint;
    bool known; /* all of them could be read */
};

/* Adds an extent, which must lie behind all that are there.  False: no memory. */
bool check_extents_add(struct check_extents *list, struct ese_extent extent);
void check_extents_free(struct check_extents *list);
bool check_extents_have(struct check_extents *list, uint32_t page);

/* True when every page of `extent` is in one extent or several adjoining ones of the list. */
bool check_extents_cover(struct check_extents *list, const struct ese_extent *extent);

/* ---- the check ---- */

/* A page read for checking; its bytes stay where they are until the next batch is read. */
struct check_slot {
    struct ese_page page;
    uint8_t *raw;
    bool readable; /* its bytes may be believed */
};

struct check {
    struct ese_db *db;
    struct ese_file *file;
    uint32_t page_size, last; /* last: highest page number in the file */
    ese_finding_fn found;
    void *context;
    const struct ese_check_reader *reader; /* NULL: none */
    struct ese_check_summary *summary;
    bool dirty, no_memory;
    const char *table_name;              /* for findings */
    const struct ese_index_entry *entry; /* likewise; NULL: of none */
    uint64_t newer_pages;                /* how many have a dbtime above the header's */

    struct check_bits visited, available;
    struct check_bits of_table, of_part; /* owned by some table; by some index or long-value tree */
    struct check_extents root_owned, table_owned, part_owned;

    uint8_t *batch_memory, *stack_memory, *single_memory;
    struct check_slot slot[CHECK_BATCH_MOST];
    unsigned batch_most;

    uint8_t key_room[ESE_KEY_ROOM], last_key_room[ESE_KEY_ROOM], last_data_room[ESE_KEY_ROOM];
    struct ese_key_scratch scratch;
};

/* ---- findings (check/rules.c) ---- */

void check_found(struct check *c, enum ese_rule rule, uint32_t page, int tag, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
void check_advise(struct check *c, enum ese_rule rule, uint32_t page, int tag, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));
/* Advice about what the engine's own check does not pass: see ese_finding. */
void check_advise_eseutil(struct check *c, enum ese_rule rule, uint32_t page, int tag,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));
void check_not_judged(struct check *c, enum ese_rule rule, uint32_t page, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void check_not_judged_dirty(struct check *c);

/* ---- pages (check/page.c) ---- */

/* What a page is read for.  A wrong checksum where nothing is stored is only worth advice. */
enum check_use { CHECK_IN_TREE, CHECK_LOST, CHECK_AVAILABLE };

/* Reads page `number` of a tree to raw and judges its checksum.  False, with a finding, when the
 * page cannot be believed. */
bool check_read_page(struct check *c, uint32_t number, uint8_t *raw, struct ese_page *page);

/* Reads a page into c->single_memory without a word: the walk of its tree will judge it.  False
 * when it cannot be believed. */
bool check_peek_page(struct check *c, uint32_t number, struct ese_page *page);

/* Reads `count` pages, at most batch_most, into c->slot[]; slot i gets page number[i]. 0: left out.
 */
void check_read_batch(struct check *c, const uint32_t *number, unsigned count);

/* Judges flags, accounting and tags of a page in use.  False when its tags cannot be read at all.
 */
bool check_page(struct check *c, const struct ese_page *page);

/* Reads and judges checksums of pages that no tree reached: those that the root owns; all of the
 * file when it is not known which. */
void check_other_pages(struct check *c);

/* ---- trees (check/tree.c) ---- */

enum check_tree_kind {
    CHECK_DATA, /* a table's rows, or the database's root */
    CHECK_INDEX,
    CHECK_LONG_VALUES,
};

struct check_tree {
    uint32_t root, objid;
    enum check_tree_kind kind;
    bool space; /* a tree of extents */
    bool unique;
    struct check_extents *owned;   /* the tree's own; NULL or not known: not judged */
    const struct check_bits *lent; /* pages given on to other trees; NULL: none */

    /* Called for every node of a leaf that is not deleted; key and data are valid during the call.
     */
    void (*node)(void *context, const struct ese_page *page, int tag, struct bytes key,
                 struct bytes data);
    void (*gap)(
        void *context); /* called where nodes are missing, for a page or node is unreadable */
    void *context;

    /* results */
    bool complete; /* every node was seen */
    uint64_t nodes;

    /* private */
    uint32_t prev, next; /* page of the leaf before; where it points */
    bool prev_known, next_known, last_key_known;
    struct bytes last_key,
        last_data; /* of the leaf before; data empty unless keys are not unique */
    unsigned depth;
};

/* Walks the tree.  Everything said of page and node is found here. */
void check_tree_walk(struct check *c, struct check_tree *tree);

/* ---- space (check/space.c) ---- */

/* A tree whose space is to be read. */
struct check_space {
    uint32_t root, objid,
        parent; /* parent: root page of the tree it belongs to; 0: it is the root */
    enum check_tree_kind kind;
    bool unique;
    struct check_extents *from;  /* what its extents must be inside of; NULL: the file */
    struct check_extents *owned; /* filled */
    struct check_bits *taken;    /* pages that trees of the same level own; NULL for the root */
};

/* Reads and judges the space of a tree. */
void check_space_read(struct check *c, const struct check_space *space);

/* ---- rows and indexes ---- */

enum { CHECK_BUCKETS = 256 };

/* Two multisets, compared by the sums of their members' hashes: one side adds, the other subtracts.
 * Equal sets leave only zeros.  In buckets, so that what differs can be looked for in a part. */
struct check_sums {
    uint64_t bucket[CHECK_BUCKETS];
};

uint64_t check_hash(uint64_t seed, struct bytes b);

static inline void check_sums_add(struct check_sums *sums, uint64_t hash)
{
    sums->bucket[hash % CHECK_BUCKETS] += hash;
}

static inline void check_sums_subtract(struct check_sums *sums, uint64_t hash)
{
    sums->bucket[hash % CHECK_BUCKETS] -= hash;
}

bool check_sums_zero(const struct check_sums *sums);

/* Moves up to `most` buckets that are not zero out of `left` into `chosen`, which is cleared first.
 * False when none is left. */
bool check_sums_choose(struct check_sums *left, uint64_t most, bool chosen[CHECK_BUCKETS]);

/* One secondary index against its table's rows. */
struct check_agreement {
    const struct ese_index *index;
    struct ese_keys keys;
    bool judged; /* false: something made it impossible */
    bool exact;  /* keys are computed; else only bookmarks and their number are compared */
    bool loose;  /* not even the number of entries can be told exactly */
    uint64_t expected, rows,
        entries;     /* keys that rows give; rows with a key; entries of the index */
    uint64_t tries;  /* keys computed */
    const char *why; /* not judged: for what reason */
    struct check_sums sums;
};

/* References to long values. */
struct check_references {
    bool judged;
    uint64_t count;
    struct check_sums sums;
};

/* The table being checked. */
struct check_table {
    struct check *c;
    const struct ese_table *table;
    struct ese_record_limits limits;
    struct check_agreement *agreement;
    unsigned agreements;
    struct ese_keys *primary; /* NULL: none, or not computable */
    struct check_references references;
    bool is_read, rows_missing; /* the check's reader wants the rows; not all of them were given */
    uint64_t bookmark_hash;     /* of the row at hand */
    uint64_t *row_hash;         /* its keys in one index, to leave out equal ones */
    size_t row_hashes, row_hash_room;
};

/* Prepares the agreement of one index. */
void check_agreement_open(struct check_table *t, struct check_agreement *a,
                          const struct ese_index *index);

/* Adds the row that t->bookmark_hash is of. */
void check_agreement_row(struct check_table *t, struct check_agreement *a,
                         const struct ese_record *record);

/* Reads the space of an index and walks its tree: its entries are subtracted. */
void check_index_tree(struct check_table *t, struct check_agreement *a);

/* Judges the agreement, after all rows and entries were seen. */
void check_agreement_judge(struct check_table *t, struct check_agreement *a);

/* Reads the space of the table's long-value tree and walks it. */
void check_long_values(struct check_table *t);

/* Adds a row's reference. */
void check_reference_add(struct check_table *t, const struct ese_value *value);

/* Judges the references, after all rows and long values were seen. */
void check_references_judge(struct check_table *t);

/* Checks a table with its indexes and long values.  Returns true when its rows were all seen. */
bool check_one_table(struct check *c, const struct ese_table *table);

/* Judges what the catalog says, and the catalog against its shadow.  complete: whether all pages of
 * the one and of the other could be read. */
void check_catalog(struct check *c, bool complete, bool shadow_complete);

#endif
