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
    struct ese_lv *lv; /* made when the first long value is read */
    uint64_t damaged;  /* rows and pages passed over because they could not be read */
    struct fault first_damage;
};

/* Starts reading all rows of `table`.  Always succeeds; close it. */
void rows_open(struct rows *rows, struct store *store, const struct ese_table *table);
void rows_close(struct rows *rows);

/* Moves to the next row; what cannot be read is counted and passed over.  False at the end. */
bool rows_next(struct rows *rows);

/* The value of an integer column of up to 4 bytes, sign-extended where its type is signed.  column
 * NULL, a null value, or another type: *null is true and the result 0. */
int32_t rows_integer(struct rows *rows, const struct ese_column *column, bool *null);

/* The value of a DateTime column in days since 1899-12-30. */
double rows_date(struct rows *rows, const struct ese_column *column, bool *null);

/* The bytes of a value of the current row, as rows_bytes() gives them; not of a null. */
bool rows_value(struct rows *rows, const struct ese_column *column, const struct ese_value *value,
                struct buffer *room, struct bytes *out, struct fault *f);

/* The first value of a column, with a long value put together in `room`; *value is valid until the
 * next row, or the next use of `room`.  False, with f saying why, when it cannot be read; *null for
 * a null. */
bool rows_bytes(struct rows *rows, const struct ese_column *column, struct buffer *room,
                struct bytes *value, bool *null, struct fault *f);

#endif
