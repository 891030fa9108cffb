/*
 * Salvage: what can be had from a database that nothing else will write, and the database that it
 * makes.
 *
 *     ese_salvage_open()     every page is read by number, and the schema put together
 *       ese_salvage_run()    each table: rows, long values and index entries, with a verdict for
 *                            each; with a descriptor they are written, without one only told
 *     ese_salvage_close()
 *
 * Trees are evidence here, not the way in: a row is where its page is, whether or not a parent or a
 * neighbour knows of that page.  Nothing is invented, nothing is left out in silence, and no row
 * goes for the sake of its neighbour.
 *
 *   scan.c        pages by number: what each of them is
 *   header.c      what the header says, or, without one, what the pages do
 *   schema.c      the catalog and its shadow, row by row
 *   copies.c      where the catalog and its shadow differ, and which of them counts
 *   weed.c        catalog rows that cannot be true together
 *   misfits.c     tables of another database's catalog that cannot be this one's
 *   fixed.c       where the catalog says that fixed columns are
 *   names.c       names that the catalog's own index has otherwise
 *   definition.c  whether that is all that the catalog said of a table
 *   roots.c       root pages that say they are another table's
 *   orphans.c     indexes that stand, and that the catalog does not have
 *   ranges.c      which nodes of a page can be believed, and which keys a leaf has
 *   reach.c       which leaves parents, neighbours and space know of
 *   place.c       whether a leaf that something names is there, or was let go
 *   apart.c       which pages are of no tree that is known: of another database, say
 *   owned.c       which pages only the space of a table has, and what stands there
 *   lost.c        which pages something names that are not to be had
 *   walk.c        all nodes of one tree in key order, whatever page they are on
 *   leaves.c      which leaf should have a key
 *   ends.c        which leaves lie beyond one that says it is the last, or the first
 *   choose.c      which of several versions of a node counts
 *   marks.c       keys of what is in conflict
 *   row.c         one row, and what it says of indexes and long values
 *   strays.c      index entries that no row explains
 *   rows.c        one table's rows: a verdict on each, and why
 *   longvalues.c  its long values: whole, or what of them
 *   indexes.c     what its indexes know of rows; their entries
 *   unknown.c     rows of tables that the catalog does not have
 *   table.c       one table, from evidence to trees
 *
 * Source: the published engine, as for formats/ese/read; measurements in the comments of each file.
 */
#ifndef KM_FORMATS_ESE_SALVAGE_H
#define KM_FORMATS_ESE_SALVAGE_H

#include "formats/ese/build/build.h"
#include "formats/ese/read/db.h"

#include <signal.h>

struct ese_salvage;

/* What is told of, one at a time. */
enum ese_salvage_kind {
    ESE_SALVAGE_DOUBTFUL,     /* a row that is there, but something speaks against it */
    ESE_SALVAGE_LOST,         /* a row that was there, and whose bytes are not to be had */
    ESE_SALVAGE_PERHAPS_LOST, /* a row, or rows, of which something tells that should not, if they
                                 were deleted */
    ESE_SALVAGE_CUT,          /* a row that is kept without a long value that is lost */
    ESE_SALVAGE_OLDER,        /* another version of a row than the one that counts */
    ESE_SALVAGE_DELETED,      /* a row flagged as deleted */
    ESE_SALVAGE_NO_SCHEMA,    /* a row whose table the catalog does not have */
    ESE_SALVAGE_LONG_VALUE, /* a node of a long value that no row refers to, or that is not whole */
    ESE_SALVAGE_PAGE_LOST,  /* a leaf that something names and that is not to be had, or in part */
    ESE_SALVAGE_ENTRY_LOST, /* rows without an entry in an index whose keys cannot be computed */
    ESE_SALVAGE_TABLE_LOST, /* a table that the catalog has in part only, or not at all */
    ESE_SALVAGE_CATALOG,    /* catalog rows that contradict others, or cannot be read */
    ESE_SALVAGE_INDEX_LEFT_OUT, /* an index that is not written */
    ESE_SALVAGE_KINDS,
};

/* The item and what it points to are valid during the call. */
struct ese_salvage_item {
    enum ese_salvage_kind kind;
    const char *table; /* NULL: of no known table */
    uint32_t objid;
    const char *index;      /* NULL: none */
    struct bytes key;       /* of the node; of PAGE_LOST: behind which the lost rows stood */
    struct bytes key_after; /* PAGE_LOST: before which they stood; at == NULL: the end */
    uint32_t page;          /* where it stands, by its place in the file; 0: nowhere */
    int tag;                /* -1: none */
    uint64_t dbtime;        /* of that page */
    uint32_t other_page;    /* where what contradicts it stands; 0: none */
    bool written;           /* it is in the new database */
    struct bytes record;    /* its bytes; at == NULL: none */
    struct bytes other;     /* of the version that counts; at == NULL: none */
    const char *reason;     /* one sentence */
};

/* Returns false to stop, with *f set. */
typedef bool (*ese_salvage_fn)(void *context, const struct ese_salvage_item *item, struct fault *f);

enum ese_salvage_doubtful {
    ESE_DOUBTFUL_DEFAULT, /* rows of good pages are written, bytes under a wrong checksum are not */
    ESE_DOUBTFUL_KEEP,
    ESE_DOUBTFUL_DROP,
};

struct ese_salvage_options {
    enum ese_salvage_doubtful doubtful;
    bool any_revision; /* see ese_build_options */
    /* Indexes that are not written, as "Table.Index". */
    const char *const *drop_index;
    unsigned drop_indexes;
    ese_salvage_fn tell; /* NULL: nobody is told */
    void *context;
    void (*progress)(void *context, uint32_t done, uint32_t total);
    void *progress_context;
    const volatile sig_atomic_t *stop;
};

struct ese_salvage_table {
    const char *name;
    uint32_t objid;
    uint64_t kept, doubtful, lost; /* rows; lost: those whose keys are known */
    uint64_t written;              /* of kept and doubtful */
    uint64_t cut;                  /* of kept: without a long value */
    uint64_t perhaps_lost;         /* at least so many rows besides may be lost */
    uint64_t older, deleted, pages_lost;
    uint64_t entries_missing;
    bool in_part; /* the catalog may have lost some of its columns or indexes */
    bool system;
};

struct ese_salvage_result {
    struct ese_build_summary built; /* of a run that writes */
    struct ese_salvage_table *table;
    unsigned tables;
    uint64_t told[ESE_SALVAGE_KINDS];
    unsigned tables_of_other;  /* defined by a database that may be another: see
                                  ese_salvage_schema_from() */
    unsigned tables_not_taken; /* of those that it defines: what stands here does not fit them */
    size_t catalog_disputes;   /* rows of which the catalog and its shadow do not say the same */
    uint64_t catalog_settled;  /* of told[ESE_SALVAGE_CATALOG]: the copy that the schema was taken
                                  from says what the row should be, and so it is */
    size_t catalog_gaps; /* stretches of keys of which neither the catalog nor its shadow tells */
    bool interrupted;
};

/* What the scan found; all by number of pages. */
struct ese_salvage_scan {
    uint32_t page_size, revision;
    uint64_t dbtime; /* the newest that an engine may have given */
    bool header_invented, dirty;
    uint32_t pages, never_written, good, corrected, displaced, partly, wrong, unreadable;
    uint32_t newer; /* pages in use, than the header of a database that was shut down cleanly */
    uint32_t impossible;     /* pages with a time that no engine gives */
    bool cut;                /* the file does not end with a whole page */
    const char *header_text; /* one sentence on the headers */
};

/* Sees a file's bytes, from the first to the last; part.at == NULL: some that cannot be read. */
typedef void (*ese_salvage_seen_fn)(void *context, struct bytes part);

/* Reads every page of `file`, which is then the salvage's, also on failure.  seen: sees its bytes
 * on the way, to hash them, say; NULL: nobody does.  Fails with FAULT_NOT_THIS when it is no ESE
 * database: no header, and no page with a right checksum. */
bool ese_salvage_open(struct ese_file *file, ese_salvage_seen_fn seen, void *context,
                      struct ese_salvage **salvage, struct fault *f);
void ese_salvage_close(struct ese_salvage *salvage);

const struct ese_salvage_scan *ese_salvage_scan(const struct ese_salvage *salvage);

/* Takes what the catalog has lost from that of another database, an older copy of this one or one
 * with the same tables: whatever row this one does not have.  Where its signature is another, or
 * this one's is lost, rows of the tables that it defines are doubtful.  To be called before a run.
 * Fails with FAULT_NOT_THIS when an object is another one there. */
bool ese_salvage_schema_from(struct ese_salvage *salvage, struct ese_db *other, struct fault *f);

/* Is there an index of that name ("Table.Index") that could be left out? */
bool ese_salvage_has_index(const struct ese_salvage *salvage, const char *name);

/* descriptor: an empty file, open for reading and writing, worthless after a failure; -1: nothing
 * is written, all else is the same.  The result is freed by the caller. */
bool ese_salvage_run(struct ese_salvage *salvage, int descriptor,
                     const struct ese_salvage_options *options, struct ese_salvage_result *result,
                     struct fault *f);
void ese_salvage_result_free(struct ese_salvage_result *result);

/* "doubtful", "lost", ...: stable names of the kinds. */
const char *ese_salvage_kind_name(enum ese_salvage_kind kind);

#endif
