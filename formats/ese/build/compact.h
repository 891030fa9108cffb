/*
 * Compaction: the same database rebuilt into a new file, as `eseutil /d` does it.
 *
 * Tables, object ids, columns, defaults, templates, rows, index entries and long values are the
 * source's, carried byte for byte, so that nothing has to be computed that could differ; new are
 * the pages, their order and the space, and in the catalog the page numbers.  Nodes that are
 * flagged as deleted are left behind. MSysObjids and MSysLocales are carried (object ids stay), the
 * rows of MSysExtentPageCountCache are not: they count the source's pages.  Header: see
 * build/header.c.
 *
 * Source: the published engine, ese/comp.cxx.
 */
#ifndef KM_FORMATS_ESE_COMPACT_H
#define KM_FORMATS_ESE_COMPACT_H

#include "formats/ese/build/build.h"
#include "formats/ese/read/db.h"

#include <signal.h>

struct ese_compact_options {
    /* Of two rows with one key of a unique index, keep the first in primary key order and drop the
     * other with its index entries and long values, where eseutil stops with -1605.  Default: stop.
     */
    bool keep_first;
    bool any_revision;    /* see ese_build_options */
    struct ese_time time; /* of the new header; all zero: the source's last time of consistency */
    uint32_t signature;   /* random number of the new database; 0: made from the source's */
    /* Called often with how many of the source's pages were read, of how many at most. */
    void (*progress)(void *context, uint32_t done, uint32_t total);
    /* Called once for every row that keep_first drops, and for every index entry that pointed at no
     * row: those are never copied, as /d makes every index anew. */
    void (*dropped)(void *context, const char *text);
    void *context;
    const volatile sig_atomic_t *stop; /* not NULL: give up as soon as it is set */
};

struct ese_compact_result {
    struct ese_build_summary built;
    uint32_t source_pages;
    uint64_t dropped_rows;    /* by keep_first */
    uint64_t dropped_entries; /* index entries that pointed at no row */
    bool duplicate; /* failed because two rows have one key of a unique index: keep_first would help
                     */
    bool interrupted; /* failed because *stop was set */
};

/*
 * Compacts `db` into the empty file `descriptor`, open for reading and writing; it stays the
 * caller's, is not synced, and is worthless after a failure.  result is filled as far as things
 * went, also on failure.
 *
 * Fails, naming table and page, with FAULT_DAMAGED when something of the source cannot be read or
 * breaks an order, when a leaf stands that no parent leads to or a long value is not whole (see
 * build/standing.c, build/whole.c), when the state is not clean, or for duplicate keys;
 * FAULT_UNSUPPORTED for what cannot be written; FAULT_IO, FAULT_NO_MEMORY.  The source is only
 * read.
 */
bool ese_compact(struct ese_db *db, int descriptor, const struct ese_compact_options *options,
                 struct ese_compact_result *result, struct fault *f);

/* Whether ese_compact() would carry everything that `db` holds: reads all trees as it does, with
 * the same demands, and writes nothing. */
bool ese_compact_would(struct ese_db *db, struct fault *f);

/* ese_compact() into a file of the name `target`, which appears only when it is complete: see
 * outfile.h for what is refused, owner and permission bits. */
bool ese_compact_to(struct ese_db *db, const char *target, bool force,
                    const struct ese_compact_options *options, struct ese_compact_result *result,
                    struct fault *f);

#endif
