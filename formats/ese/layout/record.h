/*
 * One row: where each column's value stands in a record.  No bytes are copied.
 *
 * A record is a header, the fixed columns and their null bitmap, the variable columns' offsets and
 * data, then the tagged columns: before revision 9 a run of {id, bits, data} (TAGFLD_OLD), later an
 * array of {id, offset} and data.
 *
 * Source: the published engine, inc/rec.hxx, inc/tagfld.hxx, ese/tagfld.cxx, ese/upgrade.cxx.
 */
#ifndef KM_FORMATS_ESE_RECORD_H
#define KM_FORMATS_ESE_RECORD_H

#include "formats/ese/layout/page.h"
#include "formats/ese/layout/schema.h"

/* What a record holds of a column. */
enum ese_value_kind {
    ESE_VALUE_NULL,
    ESE_VALUE_PLAIN,      /* data are the value */
    ESE_VALUE_COMPRESSED, /* data are compressed: see compress.h */
    ESE_VALUE_SEPARATED,  /* the value is in the long-value tree under `lid` */
    ESE_VALUE_ENCRYPTED,  /* data are encrypted by the engine; they cannot be read */
};

struct ese_value {
    enum ese_value_kind kind;
    struct bytes data;
    uint64_t lid;      /* SEPARATED */
    bool wide_lid;     /* SEPARATED: the id has 64 bits */
    bool from_default; /* the row does not have it; the column's default does */
};

/* How far a run of tagged columns (before revision 9) is behind the search: up to column `id`, in
 * `at` bytes. */
struct ese_run_hint {
    uint32_t id;
    size_t at;
};

struct ese_record {
    const struct ese_table *table;
    struct ese_run_hint *hint; /* set by a caller who asks for column after column: zeroed at first;
                                  NULL: each search starts at the front */
    struct bytes whole, fixed, null_bits, offsets, variable, tagged;
    unsigned last_fixed, last_variable; /* highest ids that the record has */
    bool new_format;                    /* tagged columns as an offset array */
    bool small_pages;                   /* decides the flag bits in it */
};

/* Takes a record apart.  data: the node's data; new_format: the page's ESE_PAGE_NEW_RECORD_FORMAT
 * flag; page_size in bytes.  Fails when the parts do not fit into data. */
bool ese_record_open(struct ese_record *record, const struct ese_table *table, struct bytes data,
                     bool new_format, size_t page_size, struct fault *f);

/* As ese_record_open(), for a node on `page`. */
static inline bool ese_record_on_page(struct ese_record *record, const struct ese_table *table,
                                      const struct ese_page *page, struct bytes data,
                                      struct fault *f)
{
    return ese_record_open(record, table, data, page->flags & ESE_PAGE_NEW_RECORD_FORMAT,
                           page->raw.size, f);
}

/* Says that a fixed column's value does not lie in the record.  Returns false. */
bool ese_record_fixed_outside(const struct ese_record *record, const struct ese_column *column,
                              struct fault *f);

/* The value of a fixed column, its default's where the record does not reach so far: numbers are
 * read so, of every row.  data->at is NULL for a null.  Fails when it does not lie in the record.
 */
static inline bool ese_record_fixed(const struct ese_record *record,
                                    const struct ese_column *column, struct bytes *data,
                                    struct fault *f)
{
    unsigned bit = column->id - 1;
    uint8_t bits = 0;
    *data = column->default_value;
    if (column->id > record->last_fixed)
        return true;
    *data = bytes_of(NULL, 0);
    bytes_u8(record->null_bits, bit / 8, &bits);
    return (bits >> bit % 8 & 1) ||
           bytes_cut(record->fixed, column->offset, ese_column_fixed_size(column), data) ||
           ese_record_fixed_outside(record, column, f);
}

/* The values of one column, one after the other: at most one, unless it is multi-valued. */
struct ese_values {
    const struct ese_record *record;
    const struct ese_column *column;
    unsigned count; /* how many ese_values_next() has given */
    bool stated;    /* the record says something of the column, be it null */
    enum { ESE_VALUES_ONE, ESE_VALUES_TWO, ESE_VALUES_MANY, ESE_VALUES_RUN, ESE_VALUES_DONE } form;
    struct ese_value one;
    struct bytes rest, many;
    unsigned of;
    uint8_t header;
};

/* Prepares the values of `column` in the record.  Fails when the record's bytes for it make no
 * sense. */
bool ese_values_of(struct ese_values *values, const struct ese_record *record,
                   const struct ese_column *column, struct fault *f);

/* Gives the next value.  False at the end and, with f->code set, when the bytes make no sense; set
 * f->code to FAULT_NONE before.  A null that the record states is given as ESE_VALUE_NULL; a column
 * that is simply not there gives its default, or one ESE_VALUE_NULL. */
bool ese_values_next(struct ese_values *values, struct ese_value *value, struct fault *f);

/* The first value; ESE_VALUE_NULL when there is none. */
bool ese_record_value(const struct ese_record *record, const struct ese_column *column,
                      struct ese_value *value, struct fault *f);

/* The whole number in a value of a type that holds one, of 1 to 8 bytes, sign-extended where the
 * type is signed; of a Bit 0 or 1.  False: another type, or greater than INT64_MAX. */
bool ese_integer(enum ese_coltype type, struct bytes value, int64_t *number);

/* That of the first value.  False also for a null, and for column NULL. */
bool ese_record_integer(const struct ese_record *record, const struct ese_column *column,
                        int64_t *number);

/* What a table's rows may hold at most: the highest ids that the catalog has. */
struct ese_record_limits {
    unsigned fixed, variable, tagged;
    uint16_t
        fixed_end[ESE_FIXED_LAST + 1]; /* by column id: where it ends in the record; 0: not there */
};

void ese_record_limits_of(struct ese_record_limits *limits, const struct ese_table *table);

/* Called for every value that needs more than the record: COMPRESSED and SEPARATED ones. */
typedef bool (*ese_record_value_fn)(void *context, const struct ese_value *value, struct fault *f);

/* Goes over everything that the record stores, column by column, once: all of it must lie inside
 * the record, in order, and belong to columns within the limits.  each may be NULL; when it returns
 * false the check ends with what it put into f. */
bool ese_record_check(const struct ese_record *record, const struct ese_record_limits *limits,
                      ese_record_value_fn each, void *context, struct fault *f);

/* Called with the id of a column. */
typedef void (*ese_record_id_fn)(void *context, unsigned id);

/* Calls each for every column that the record has a value for, whether or not its table knows the
 * column, as far as the record makes sense. */
void ese_record_ids(const struct ese_record *record, ese_record_id_fn each, void *context);

/* The tagged columns that a record states, value after value: for whoever looks at all of them, of
 * every row, where asking for column after column would cost more than the values. */
struct ese_tagged_walk {
    struct ese_values values; /* from revision 9 on: of the entry in hand */
    struct bytes rest;        /* before: of the run */
    unsigned next, entries;
    uint16_t id;
};

/* Begins with a record that ese_record_check() has passed, of a table without a template, in which
 * an id is one column's. */
void ese_tagged_walk_open(struct ese_tagged_walk *walk, const struct ese_record *record);

/* Gives the next value, a stated null too, and the id of its column.  False at the end and, with
 * f->code set, when the bytes make no sense; set f->code to FAULT_NONE before. */
bool ese_tagged_walk_next(struct ese_tagged_walk *walk, uint16_t *id, struct ese_value *value,
                          struct fault *f);

/* Whether the long value of that id is not to be had. */
typedef bool (*ese_lid_gone_fn)(void *context, uint64_t lid, bool wide);

/*
 * Writes the record to `to` without its references to long values that are gone, all else byte for
 * byte: a column that had no other value has none any more (a null, where a default would show
 * through), one of several values is taken out of them.  *size is never more than the record's own.
 * Fails when the record's tagged columns make no sense, or with FAULT_LIMIT when `room` is less
 * than the record's own size.
 */
bool ese_record_forget(const struct ese_record *record, ese_lid_gone_fn gone, void *context,
                       uint8_t *to, size_t room, size_t *size, struct fault *f);

#endif
