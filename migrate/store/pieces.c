/* Values in pieces: see pieces.h. */
#include "migrate/store/pieces.h"

#include "formats/array.h"

#include <stdlib.h>

bool pieces_add(struct pieces *p, int32_t order, uint64_t row, struct bytes bytes)
{
    size_t at = p->bytes.size;
    if (!array_reserve(&p->piece, &p->piece_room, p->count + 1u, sizeof *p->piece) ||
        !array_reserve(&p->row, &p->row_room, p->count + 1u, sizeof *p->row) ||
        !buffer_add(&p->bytes, bytes))
        return false;
    p->row[p->count] = row;
    p->piece[p->count++] = (struct piece){.order = order, .at = at, .size = bytes.size};
    return true;
}

static int by_order(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

bool pieces_join(struct pieces *p, struct buffer *out, struct fault *f)
{
    struct bytes part;
    if (p->count == 0)
        return true;
    qsort(p->piece, p->count, sizeof *p->piece, by_order);
    p->length = p->piece[0].size;
    for (unsigned i = 0; i < p->count; i++) {
        const struct piece *one = &p->piece[i];
        bool last = i + 1 == p->count;
        if (!last && one->order == p->piece[i + 1].order)
            return fault_set(f, FAULT_NOT_THIS, "two pieces have the number %d", one->order);
        if (one->size == 0 || one->size > p->length || (!last && one->size != p->length))
            return fault_set(f, FAULT_NOT_THIS,
                             "piece %d has %zu bytes, the first has %zu: expected pieces of one "
                             "length, but for the last",
                             one->order, one->size, p->length);
        if (!bytes_cut(buffer_bytes(&p->bytes), one->at, one->size, &part) ||
            !buffer_add(out, part))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory for a list in pieces");
    }
    return true;
}

bool pieces_find(const struct pieces *p, int32_t order, unsigned *which)
{
    const struct piece wanted = {.order = order},
                       *found = p->count == 0
                                    ? NULL
                                    : bsearch(&wanted, p->piece, p->count, sizeof wanted, by_order);
    *which = found ? (unsigned)(found - p->piece) : 0;
    return found != NULL;
}

bool pieces_has_row(const struct pieces *p, uint64_t row)
{
    return p->count > 0 && bsearch(&row, p->row, p->count, sizeof row, array_by_u64) != NULL;
}

struct bytes pieces_cut(const struct pieces *p, unsigned which, struct bytes value)
{
    struct bytes rest = bytes_from(value, which * p->length);
    if (rest.size > p->length)
        rest.size = p->length;
    return rest;
}

void pieces_free(struct pieces *p)
{
    free(p->piece);
    free(p->row);
    buffer_free(&p->bytes);
    *p = (struct pieces){.count = 0};
}
