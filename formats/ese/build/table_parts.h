/*
 * A table that is being built: what table.c, which begins and ends it, and table_row.c, which adds
 * its rows, share; for them alone.
 */
#ifndef KM_FORMATS_ESE_BUILD_TABLE_PARTS_H
#define KM_FORMATS_ESE_BUILD_TABLE_PARTS_H

#include "formats/ese/build/parts.h"
#include "formats/ese/read/key.h"

enum { NO_PRIMARY_KEY_SIZE = 4 }; /* of the number that a row has instead */

struct table_index {
    struct build_tree tree;
    const struct ese_index *index;
    struct build_sort *sort; /* entries computed from rows; NULL: fed */
    struct ese_keys *keys;
    struct buffer last_key, last_data; /* fed or sorted: the entry before */
    bool primary;
};

struct ese_build_table {
    struct ese_build *build;
    struct build_schema schema;    /* empty in a raw table */
    const struct ese_table *table; /* schema's, or the caller's */
    struct ese_table *own;         /* schema's: ids and roots are filled in */
    bool open, raw, has_long_values;
    struct build_tree rows, long_values;
    struct table_index *index; /* one per table->index */
    struct ese_keys *primary;  /* of computed primary keys */
    uint64_t row_number;       /* the row being added, from 1 */
    uint32_t lid_last, chunk;
    size_t record_most;
    bool *indexed; /* per column: some computed index needs it */
    struct ese_field *value;
    size_t value_room;
    struct ese_field *key_value;
    size_t key_value_room;
    uint8_t *record, *key_record; /* BUILD_RECORD_ROOM each */
    /* Order-free sums over declared and found references to shared long values: equal when they
     * agree. */
    uint64_t declared, found;
    struct table_start *start; /* of what may be taken back; NULL: nothing may */
};

/* What was before a table's content. */
struct table_start {
    struct build_space_state space; /* of its rows */
    uint64_t dbtime;
    struct ese_build_summary summary;
};

/* Puts before f which table and row it was; false. */
bool table_row_context(const struct ese_build_table *table, struct fault *f);

/* Begins the tree of long values, once. */
bool table_begin_long_values(struct ese_build_table *table, uint32_t objid, struct fault *f);

#endif
