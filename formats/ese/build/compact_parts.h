/* What the files share that compact a database: compact.c, compact_would.c, duplicates.c,
 * key_filter.c, standing.c and whole.c.  Nothing else includes this. */
#ifndef KM_FORMATS_ESE_COMPACT_PARTS_H
#define KM_FORMATS_ESE_COMPACT_PARTS_H

#include "formats/arena.h"
#include "formats/ese/build/compact.h"

struct compact {
    struct ese_db *db;
    const struct ese_compact_options *options;
    struct ese_compact_result *result;
    struct ese_build *build;
    struct standing *standing;
    uint32_t pages_done, last_leaf;
    uint8_t converted[ESE_PAGE_SIZE_MAX]; /* a record: see compact_record() */
};

/* A list of byte strings. */
struct byte_list {
    struct bytes *at;
    size_t count, room;
    struct arena memory; /* of the copies */
};

bool byte_list_has(const struct byte_list *sorted, struct bytes value);

/* What keep_first drops of one table. */
struct drops {
    struct byte_list rows; /* primary keys of rows that go wholly */
    struct byte_list
        entries;   /* index entries of second rows with one primary key: see drops_has_entry() */
    uint64_t *lid; /* one for every reference to a long value that goes, sorted */
    size_t lids, lid_room;
};

/* Finds the rows of `table` that have a key which a row before them has. */
bool drops_find(struct compact *c, const struct ese_table *table, struct drops *drops,
                struct fault *f);
void drops_close(struct drops *drops);
bool drops_has_entry(const struct drops *drops, unsigned index, struct bytes key, struct bytes data,
                     bool *has, struct fault *f);
/* How many references to a long value go. */
uint32_t drops_references(const struct drops *drops, uint64_t lid);

/* Which primary keys a table has: see build/key_filter.c. */
struct row_filter;
struct row_filter *row_filter_open(uint64_t file_size, struct fault *f);
void row_filter_close(struct row_filter *filter);
void row_filter_add(struct row_filter *filter, struct bytes key);
bool row_filter_may_have(const struct row_filter *filter, struct bytes key);

/* Which pages the walks of the copy entered, and whether that is all that stands: see
 * build/standing.c. */
struct standing;
struct standing *standing_open(struct compact *c, struct fault *f);
void standing_close(struct standing *standing);
uint8_t *standing_reached(struct standing *standing); /* for the cursors of the copy */
/* After the last walk.  False, saying what is passed by, when a leaf stands that none entered. */
bool standing_judge(struct standing *standing, struct fault *f);

/* Whether the source is one that can be compacted at all. */
bool compact_source_fits(const struct ese_db *db, struct fault *f);

/* The record that the cursor stands on, in the format that the copy has; valid until the next. */
bool compact_record(struct compact *c, const struct ese_table *table,
                    const struct ese_cursor *cursor, struct bytes *data, struct fault *f);

/* True for a table whose rows are not copied. */
bool compact_leaves_behind(const struct ese_table *table);

/* Whether the long values of a table are whole, and each row's are there: see build/whole.c. */
struct whole;
struct whole *whole_open(const struct compact *c, const struct ese_table *table, struct fault *f);
void whole_close(struct whole *whole);
/* Takes the next node of the long-value tree; after the last, whole_end(). */
bool whole_node(struct whole *whole, const struct ese_cursor *cursor, struct fault *f);
bool whole_end(struct whole *whole, struct fault *f);
/* Judges a row, after all long values were seen. */
bool whole_row(struct whole *whole, const struct ese_cursor *cursor, struct fault *f);

/* Tells progress and whether to go on, after every step of a cursor. */
bool compact_step(struct compact *c, const struct ese_cursor *cursor, struct fault *f);

/* Goes to the next node of a walk.  False at its end, and where *ok is false, or gets so. */
bool compact_next(struct compact *c, struct ese_cursor *cursor, bool *ok, struct fault *f);

#endif
