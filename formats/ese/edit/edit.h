/*
 * Changing rows of an existing database where it lies, without the engine.
 *
 *     ese_inplace_open()       over an opened database: from here on it reads as it will be
 *       ese_inplace_drop_row(), _change_row(), _add_row(), or ese_inplace_edit() with an editor
 *     ese_inplace_finish()     times, checksums, header: now the list of pages that change is final
 *       ese_inplace_piece()    old and new bytes of each, for whoever keeps the old ones first
 *     ese_inplace_write()      the caller writes, in a safe order
 *     ese_inplace_close()
 *
 * Nothing is written before ese_inplace_write(): a fault anywhere before leaves the file untouched.
 * Only pages that must change are touched, and memory holds those alone.  Where a copy is changed
 * (options.copy) they go into it as memory gets short, and a fault leaves it worthless.
 *
 * A row that goes is removed outright, with its entries in all secondary indexes and the long
 * values that nobody refers to any more.  A page that overflows is split; one that becomes empty is
 * taken out of its tree and is free again.  Every tree takes pages from its own free space, else
 * from its parent's, at last from the file, which grows.  The catalog never changes.
 *
 * Source: the published engine: ese/node.cxx, ese/bt.cxx (splits, separators), ese/space.cxx,
 * ese/lv.cxx, ese/recupd.cxx, ese/repair.cxx (what a repair changes in the header).
 */
#ifndef KM_FORMATS_ESE_INPLACE_H
#define KM_FORMATS_ESE_INPLACE_H

#include "formats/ese/read/db.h"
#include "formats/ese/edit/editor.h"

#include <signal.h>

enum { ESE_INPLACE_MEMORY_MOST = 512 * 1024 * 1024 }; /* bytes of changed pages, unless told else */

struct ese_inplace;

struct ese_inplace_options {
    struct ese_time
        time; /* of the repair, for the header; all zero: the database's last time of consistency */
    uint32_t
        signature; /* random number of the database's new signature; 0: made from the old one */
    size_t memory_most; /* bytes of changed pages that may be held; 0: ESE_INPLACE_MEMORY_MOST; of a
                           copy 32 MiB */
    /* Not NULL: a descriptor, open for reading and writing, of a file with the same bytes, which is
     * to be changed instead of the database's own.  Pages that memory_most has no room for go
     * straight into it, where otherwise they are refused; it is worthless after a failure. */
    const int *copy;
    /* Not NULL: what ese_page_last_time() found in all of the file, which is not read for it then.
     */
    const uint64_t *last_time;
    bool any_revision; /* also change revisions after the last published one, 0x122, on own risk */
    const volatile sig_atomic_t *stop; /* not NULL: give up as soon as it is set */
};

/* Raises *time to the highest time of the sound pages among these bytes, which stand at `offset` in
 * a file with pages of that size: for whoever reads all of it anyway. */
void ese_page_last_time(uint32_t page_size, uint64_t offset, struct bytes bytes, uint64_t *time);

/*
 * Begins to change `db`, which is borrowed: until ese_inplace_close(), everything that reads its
 * pages sees them changed (no cursor may stand on a page while something is changed).  options
 * NULL: all zero.
 *
 * Fails with FAULT_DAMAGED when the database was not shut down cleanly, FAULT_UNSUPPORTED for a
 * revision that is not written (3 to 8, or after 0x122), FAULT_NO_MEMORY.
 */
bool ese_inplace_open(struct ese_db *db, const struct ese_inplace_options *options,
                      struct ese_inplace **inplace, struct fault *f);

/* Forgets everything that was not written, and frees it.  NULL is allowed. */
void ese_inplace_close(struct ese_inplace *inplace);

/*
 * Removes the row of `table` with primary key `key` (of a table without one: the row's hidden key);
 * twin: how many rows before it have the same key, in a damaged table.  After any failure, here and
 * below, all further calls fail: the changes can only be closed.  Failures: FAULT_MISSING when
 * there is no such row, FAULT_DAMAGED when something on the way cannot be read or is not in order,
 * FAULT_UNSUPPORTED for what cannot be done without the engine, FAULT_LIMIT, FAULT_NO_MEMORY.
 */
bool ese_inplace_drop_row(struct ese_inplace *inplace, const struct ese_table *table,
                          struct bytes key, unsigned twin, struct fault *f);

/*
 * Changes columns of a row; several values of a changed column become the one given.  A long value
 * of more than 1023 bytes goes to the table's long-value tree, as do shorter ones when the record
 * gets too long.  change.lid not 0: the column refers to that long value from now on, which gets
 * one reference more.
 *
 * Fails as above; FAULT_UNSUPPORTED also when the primary key would change, when the key of an
 * index on a changed column cannot be computed, and when the table has no long-value tree and needs
 * one; FAULT_DAMAGED when a unique index has the new key already.
 */
bool ese_inplace_change_row(struct ese_inplace *inplace, const struct ese_table *table,
                            struct bytes key, unsigned twin, const struct ese_change *change,
                            unsigned changes, struct fault *f);

/* Adds a row: its values as changes of an empty one.  Fails as above; FAULT_UNSUPPORTED also when
 * the table has no primary index, or the key of any index cannot be computed. */
bool ese_inplace_add_row(struct ese_inplace *inplace, const struct ese_table *table,
                         const struct ese_change *change, unsigned changes, struct fault *f);

/*
 * Removes an entry of a secondary index of `table` that points at a row that is not there: its key,
 * and that row's primary key.  Fails as above: FAULT_MISSING when the index has no such entry,
 * FAULT_UNSUPPORTED when the table has such a row, whose entries go with it alone.
 */
bool ese_inplace_drop_entry(struct ese_inplace *inplace, const struct ese_table *table,
                            const struct ese_index *index, struct bytes key, struct bytes row,
                            struct fault *f);

/* Applies an editor (see edit/editor.h) to all tables that it wants: drops and changes from the
 * last row to the first, then the added rows.  What it tells about a row must be the same whenever
 * it is asked. */
bool ese_inplace_edit(struct ese_inplace *inplace, const struct ese_editor *editor,
                      struct fault *f);

/* What was done so far. */
struct ese_inplace_summary {
    uint64_t dropped_rows, changed_rows, added_rows;
    uint32_t pages; /* that change, headers not counted; final after ese_inplace_finish() */
    uint64_t old_size, size; /* of the file, in bytes: before and after */
};

const struct ese_inplace_summary *ese_inplace_summary(const struct ese_inplace *inplace);

/*
 * Ends the changes: every page that differs gets a time above all others and its checksum; header
 * and shadow become what the engine's repair makes of them.  Reads the whole file once for the
 * times, unless options.last_time tells.  When nothing changed, there is nothing to write, not even
 * headers.  After it only the functions below may be called.
 */
bool ese_inplace_finish(struct ese_inplace *inplace, struct fault *f);

uint32_t ese_inplace_page_size(const struct ese_inplace *inplace);

/* Does a page change?  After ese_inplace_finish(). */
bool ese_inplace_is_changed(const struct ese_inplace *inplace, uint32_t page);

/* One piece of the file that changes: a page, or a header. */
struct ese_inplace_piece {
    uint64_t offset;
    struct bytes before; /* empty, or shorter, where the old file ends */
    struct bytes after;
};

/* How many pieces change: pages in ascending order, then the header, then its shadow.  Of a copy,
 * without the pages that went into it. */
unsigned ese_inplace_pieces(const struct ese_inplace *inplace);

/* Gets piece i; its bytes are valid until the next call.  Fails with FAULT_IO when the old ones
 * cannot be read. */
bool ese_inplace_piece(struct ese_inplace *inplace, unsigned i, struct ese_inplace_piece *piece,
                       struct fault *f);

/* How a caller writes: `resize` (may be NULL) is called once, before all else, when the file grows.
 */
struct ese_inplace_writer {
    void *context;
    bool (*resize)(void *context, uint64_t size, struct fault *f);
    bool (*write)(void *context, uint64_t offset, struct bytes data, struct fault *f);
};

/* Writes everything through `writer`: the new size, the pages, the header, its shadow.  Neither
 * syncs nor keeps the old bytes.  The database must be opened anew afterwards. */
bool ese_inplace_write(struct ese_inplace *inplace, const struct ese_inplace_writer *writer,
                       struct fault *f);

/* The same with ftruncate() and pwrite() to `descriptor`. */
bool ese_inplace_write_to(struct ese_inplace *inplace, int descriptor, struct fault *f);

/* Writes all of `data` at `offset`; a signal or a short count does not end it. */
bool ese_inplace_write_at(int descriptor, uint64_t offset, struct bytes data, struct fault *f);

#endif
