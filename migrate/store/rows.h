/*
 * Reading the rows of one table of a store, column by column, in plain C types.
 */
#ifndef KM_MIGRATE_ROWS_H
#define KM_MIGRATE_ROWS_H

#include "formats/buffer.h"
#include "formats/ese/read/longvalue.h"
#include "migrate/store/store.h"

/* No certificate, list or name of a KM store comes near this; a longer value is refused, not read.
 */
enum { ROWS_VALUE_MOST = 256 * 1024 * 1024 };

struct rows {
    struct store *store;
    const struct ese_table *table;
    struct ese_cursor cursor;
    struct ese_record record;
    struct ese_lv *lv;         /* made when the first long value is read */
    uint64_t unread;           /* rows, pages and values that could not be read */
    struct fault first_unread; /* a lack of memory before anything else */
};

/* Starts reading all rows of `table`.  Always succeeds; end it with rows_end(). */
void rows_open(struct rows *rows, struct store *store, const struct ese_table *table);

/* Moves to the next row.  What cannot be read is counted and passed over; false at the end, and
 * when memory is short.  Which of these it was, and whether all rows were given, says rows_end().
 */
bool rows_next(struct rows *rows);

/* Ends reading.  True when every row that there was up to here, and every value of it that was
 * asked for, could be read; else f says what the first was that could not: FAULT_NO_MEMORY when
 * that was among them. No caller may pass over it: what it has is a shorter list. */
bool rows_end(struct rows *rows, struct fault *f) __attribute__((warn_unused_result));

/* Ends reading where what could not be read has been told already.  False only when memory was
 * short. */
bool rows_end_told(struct rows *rows) __attribute__((warn_unused_result));

/* The value of an integer column of any size, sign-extended where its type is signed, or of a Bit.
 * False, and *number 0, for column NULL, a null value, or another type; also when it cannot be
 * read, or is greater than INT64_MAX, which rows_end() tells. */
bool rows_number(struct rows *rows, const struct ese_column *column, int64_t *number);

/* The same in 32 bits, which is what keys are counted in here: a value that does not fit is one
 * that cannot be read, with FAULT_NOT_THIS.  *null is true, and the result 0, where rows_number()
 * is false. */
int32_t rows_integer(struct rows *rows, const struct ese_column *column, bool *null);

/* The same of a record.  False: null, no integer, or one that does not fit. */
bool rows_integer_of(const struct ese_record *record, const struct ese_column *column,
                     int32_t *value);

/* Is there a value, read or not, and no null? */
bool rows_has_value(const struct ese_record *record, const struct ese_column *column);

/* Does such a number by custom name nothing: 0, or all its bits set, as -1 is? */
bool rows_is_none(struct bytes number);
bool rows_names_none(const struct ese_column *column, int64_t number);

/* The value of a DateTime column in days since 1899-12-30; *null as above. */
double rows_date(struct rows *rows, const struct ese_column *column, bool *null);

/* Counts as unread what the caller found to be so.  Returns false. */
bool rows_unread(struct rows *rows, const struct fault *why);

/* The bytes of a value of the current row, as rows_bytes() gives them; not of a null. */
bool rows_value(struct rows *rows, const struct ese_column *column, const struct ese_value *value,
                struct buffer *room, struct bytes *out, struct fault *f);

/* The next value of a column that is no null, likewise; `values` is ese_values_of()'s.  False at
 * the end, and, with f set, where one cannot be read. */
bool rows_next_value(struct rows *rows, struct ese_values *values, const struct ese_column *column,
                     struct buffer *room, struct bytes *out, struct fault *f);

/* The first value of a column, with a long value put together in `room`; *value is valid until the
 * next row, or the next use of `room`.  False, with f saying why, when it cannot be read, which
 * rows_end() tells again; *null for a null. */
bool rows_bytes(struct rows *rows, const struct ese_column *column, struct buffer *room,
                struct bytes *value, bool *null, struct fault *f);

/* The same, and rows_end() is told nothing: for what may as well be passed over. */
bool rows_peek(struct rows *rows, const struct ese_column *column, struct buffer *room,
               struct bytes *value, bool *null, struct fault *f);

#endif
