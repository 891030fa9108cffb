/*
 * Building a database from nothing: a schema and rows in key order go in, a complete, clean
 * database comes out.
 *
 *     ese_build_start()                       the file, its revision, page size, times
 *       ese_build_table_begin()               a schema; one or more tables may be open at a time
 *         ese_build_long_value()              a value that several rows will share, ahead of them
 *         ese_build_row()                     rows, in the order of the primary key
 *       ese_build_table_end()                 secondary indexes are sorted and written here
 *     ese_build_finish()                      catalogs, space, headers; or ese_build_abandon()
 *
 * Every tree is filled from the bottom up and every page is written once, but for the first page of
 * a tree; memory is a few pages a tree and does not grow with the number of rows.  Index entries
 * that have to be sorted go through unnamed temporary files in TMPDIR.  The same calls with the
 * same options give the same bytes.
 *
 * After any failure but that of a begin the build can only be abandoned.
 *
 * What only a copy of another database needs (rows, index entries, long values and catalog rows
 * carried byte for byte) is in the second half: "raw".
 *
 * Source of all layouts: the published engine: inc/daedef.hxx, inc/cpage.hxx, inc/space.hxx,
 * inc/cat.hxx, ese/space.cxx, ese/cat.cxx, inc/rec.hxx, inc/tagfld.hxx, inc/lv.hxx.  What is
 * assumed about revision 2, of which no genuine file could be had, is named in build/revision2.h.
 */
#ifndef KM_FORMATS_ESE_BUILD_H
#define KM_FORMATS_ESE_BUILD_H

#include "formats/ese/read/catalog.h"
#include "formats/ese/read/header.h"

struct ese_build;       /* a database being written */
struct ese_build_table; /* one of its tables, between begin and end */

struct ese_build_options {
    int descriptor;     /* an empty file, open for reading and writing; stays the caller's */
    uint32_t revision;  /* 0x2, or 0x9 to 0x122; see any_revision */
    uint32_t page_size; /* 2048 to 32768; over 8192 only from revision 0x11 on */
    bool any_revision;  /* also write revisions after the last published one, 0x122, on own risk */
    /* Of creation, attach, detach, consistency; all zero: 1998-06-01 00:00:00. */
    struct ese_time time;
    uint32_t signature;   /* the random number in the database's signature; 0: 1 */
    uint64_t dbtime;      /* of the first page written, then counted up; 0: 1 */
    uint32_t least_pages; /* the file gets at least so many; 0: as an engine's, 254 or 256 */
    /* A header page to carry over what `eseutil /d` keeps (repair count and time, operating system,
     * ...). at == NULL: none.  Only read during ese_build_start(). */
    struct bytes source_header;
};

/* What came out; filled by ese_build_finish(). */
struct ese_build_summary {
    uint32_t pages;      /* of the file, without the two headers */
    uint32_t used_pages; /* of them in use by trees and their space */
    uint32_t objid_last;
    uint64_t rows, index_entries, long_values; /* of all tables but the catalog */
};

/* Starts a database.  options is copied.  Fails with FAULT_UNSUPPORTED for a revision or page size
 * that is not written, FAULT_NO_MEMORY, FAULT_IO.  Nothing has to be closed after a failure. */
bool ese_build_start(const struct ese_build_options *options, struct ese_build **build,
                     struct fault *f);

/*
 * Gives the columns of `schema` the ids and record offsets that the engine would, in place, where
 * they are 0: fixed ids (from 1) to types of fixed size, variable ids (from 128) to Binary and
 * Text, tagged ids (from 256) to long and to multi-valued columns.  parent: the template's finished
 * schema (ese_build_schema()), or NULL.  revision: before 8, own tagged ids go on behind the
 * template's.  Needed only by callers that want the ids before ese_build_table_begin(), which does
 * the same: say to fill key segments.  Fails with FAULT_UNSUPPORTED when there are too many columns
 * of a kind or one is declared impossibly.
 */
bool ese_build_layout(struct ese_table *schema, const struct ese_table *parent, uint32_t revision,
                      struct fault *f);

/*
 * Begins a table.  What of `schema` counts (all of it is copied):
 *   name            1 to 64 ASCII characters, not used yet (case does not count)
 *   objid           0: the next free one; else one that is free and above all that were given
 * before flags           ESE_TABLE_TEMPLATE | ESE_TABLE_FIXED_DDL for a template; the builder adds
 * DERIVED template_name   a template that was begun before (it may be ended already); NULL: none
 *   column          in any order.  id and offset 0: as ese_build_layout().  size 0: the type's own
 * limit (255 for Binary and Text).  flags: enum ese_column_flag; ESE_COLUMN_DEFAULT is added when
 *                   default_value.at is set, ESE_COLUMN_TEMPLATE_ESE98 in templates from revision 9
 * on. code_page of text columns: 1252 or 1200; 0: 1252.  Columns with from_template set are passed
 * over: the template's are taken. index           at most one with ESE_INDEX_PRIMARY.  root, objid
 * 0: given by the builder.  flags, segment, condition, key_most, variable_most, locale as in the
 * catalog.  Indexes of the template are inherited by themselves; those with from_template set are
 * passed over. root, long_value_* are not looked at. Without a primary index rows are kept in the
 * order they come.
 *
 * Keys that this program can compute (see key.h: no Unicode text) are computed from the rows; for
 * any other index the caller feeds the entries, sorted, with ese_build_raw_index_entry(), and says
 * so by `fed_indexes`, one bit per schema->index element.  (An index on Unicode text that is not
 * fed fails.)
 */
bool ese_build_table_begin(struct ese_build *build, const struct ese_table *schema,
                           uint32_t fed_indexes, struct ese_build_table **table, struct fault *f);

/* The table as it is being built: template's columns first, ids, offsets and object ids given.
 * Valid until ese_build_finish() or ese_build_abandon(), also after the table's end.  Find columns
 * in it with ese_table_column(). */
const struct ese_table *ese_build_schema(const struct ese_build_table *table);

/* One value of a row.  Several with the same column are a multi-value, in their order.  A column
 * that no value names is not in the record: it has its default, or is null. */
struct ese_build_value {
    const struct ese_column *column; /* one of ese_build_schema() */
    bool null;                       /* states a null, also where there is a default */
    struct bytes
        data; /* as JetSetColumn takes it: integers and doubles little-endian, Bit 00 or ff,
                 DateTime a double of days since 1899-12-30, text in its code page, no terminator */
    uint64_t
        lid; /* not 0: a value given before with ese_build_long_value(); data is not looked at */
};

/*
 * Adds a row.  Values in any order.  A long value that is too long for the record, or the longest
 * ones when the record gets too long for a page, go to the long-value tree by themselves, one
 * reference each. Auto-increment columns: a value is required, as any other; the engine goes on
 * behind the greatest.
 *
 * Fails, with table and row number in the text: FAULT_DAMAGED when the key is not greater than the
 * row's before it (or equal, in a unique secondary index; that one is found at
 * ese_build_table_end()), when a NOT NULL column has no value, when a value is longer than its
 * column allows or a fixed one of another size; FAULT_LIMIT when the record does not fit a page;
 * FAULT_IO, FAULT_NO_MEMORY.
 */
bool ese_build_row(struct ese_build_table *table, const struct ese_build_value *value,
                   unsigned values, struct fault *f);

/* Puts `data` into the table's long-value tree and gives its id.  references: how many row values
 * will name it (at least 1): it is written into the value's root now, and that the rows keep to it
 * is checked at ese_build_table_end().  data may be of any length up to 2^31 - 1 bytes, 0 is not
 * allowed. */
bool ese_build_long_value(struct ese_build_table *table, uint32_t references, struct bytes data,
                          uint64_t *lid, struct fault *f);

/* From here on, rows and entries with equal keys are written although their index is unique: for
 * making damaged databases to test with. */
void ese_build_allow_duplicates(struct ese_build_table *table);

/* Ends the table and frees it, also on failure: sorts and writes its secondary indexes.  Fails with
 * FAULT_DAMAGED when two rows have one key of a unique index (naming both rows' primary keys), or
 * when a long value's references are not what was declared. */
bool ese_build_table_end(struct ese_build_table *table, struct fault *f);

/* Writes the catalogs, what every tree owns, and both headers, and frees the build, also on
 * failure.  All tables must have been ended.  The file is complete, not synced; on failure its
 * content is worthless. summary may be NULL. */
bool ese_build_finish(struct ese_build *build, struct ese_build_summary *summary, struct fault *f);

/* Frees a build that will not be finished, and its open tables.  NULL is allowed. */
void ese_build_abandon(struct ese_build *build);

/* ---- raw: copying from another database of the same revision and page size ---- */

struct ese_build_node {
    struct bytes key, data;
};

/* Gives the source's rows of MSysObjects for MSysObjects and its shadow themselves (object ids 2
 * and 3), as they lie in the leaves.  Without this call the builder makes its own.  Copied. */
bool ese_build_raw_system_rows(struct ese_build *build, const struct ese_build_node *row,
                               unsigned rows, struct fault *f);

/*
 * Begins a table whose catalog rows are carried.  schema: the source's, with its object ids;
 * borrowed until ese_build_table_end().  row: the source's rows of MSysObjects for it, as they lie
 * in the leaves (key and data), in their order; page numbers in them are replaced, else they are
 * carried byte for byte (copied).  Columns, indexes and long values are what these rows say; all of
 * the table's content comes through ese_build_raw_*().
 */
bool ese_build_raw_table_begin(struct ese_build *build, const struct ese_table *schema,
                               const struct ese_build_node *row, unsigned rows,
                               struct ese_build_table **table, struct fault *f);

/* Adds a row with its key and record, an entry of index `index` of the schema (not the primary), or
 * a node of the long-value tree (root or chunk).  Each in ascending order of its own tree; the
 * three may alternate.  In a non-unique index the data decide between equal keys.  Fails with
 * FAULT_DAMAGED when the order is broken, FAULT_LIMIT when a node is longer than a page of this
 * database allows. */
bool ese_build_raw_row(struct ese_build_table *table, struct bytes key, struct bytes record,
                       struct fault *f);
bool ese_build_raw_index_entry(struct ese_build_table *table, unsigned index, struct bytes key,
                               struct bytes data, struct fault *f);
bool ese_build_raw_long_value_node(struct ese_build_table *table, struct bytes key,
                                   struct bytes data, struct fault *f);

/* For content of which it is not known yet whether it will do: called before any is added; from
 * then on ese_build_raw_again() takes all rows and index entries back, once, as long as no long
 * value was added.  Both fail with FAULT_NO_MEMORY, the second with FAULT_IO, too. */
bool ese_build_raw_try(struct ese_build_table *table, struct fault *f);
bool ese_build_raw_again(struct ese_build_table *table, struct fault *f);

/* Carries what stands behind the space header in the external header of the source table's root
 * page (the next auto-increment value, from revision 0x1e on).  header: the source's whole external
 * header. */
bool ese_build_raw_root_header(struct ese_build_table *table, struct bytes header, struct fault *f);

/* Object ids given so far need not be the greatest the source ever gave: the header gets at least
 * this one. */
void ese_build_objid_least(struct ese_build *build, uint32_t objid);

#endif
