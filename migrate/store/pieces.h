/*
 * A value that is cut into pieces, one a row, put together in the order of a number that each row
 * has.
 */
#ifndef KM_MIGRATE_PIECES_H
#define KM_MIGRATE_PIECES_H

#include "formats/buffer.h"
#include "formats/fault.h"

#include <stdint.h>

struct piece {
    int32_t order; /* its row's number */
    size_t at, size;
};

struct pieces {
    struct piece *piece; /* once joined: ascending by order */
    uint64_t *row;       /* of each, as they were added: which row of the table, from 1 */
    unsigned count;
    size_t piece_room, row_room;
    size_t length;       /* of each but the last, which is no longer */
    struct buffer bytes; /* as they were added */
};

/* Adds the piece of a row; rows come in ascending order.  False when memory is short. */
bool pieces_add(struct pieces *p, int32_t order, uint64_t row, struct bytes bytes);

/* Appends all pieces in their order to `out`.  False with FAULT_NOT_THIS when two have one number,
 * or they are not of one length but for the last; FAULT_NO_MEMORY. */
bool pieces_join(struct pieces *p, struct buffer *out, struct fault *f);

/* Which piece has that number, from 0; false: none. */
bool pieces_find(const struct pieces *p, int32_t order, unsigned *which);

/* Is a row one of those that were added? */
bool pieces_has_row(const struct pieces *p, uint64_t row);

/* What stands in the piece of a new value that is cut as the old one was: empty, and the row goes,
 * when the value ends before it. */
struct bytes pieces_cut(const struct pieces *p, unsigned which, struct bytes value);

void pieces_free(struct pieces *p);

#endif
