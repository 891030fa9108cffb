/*
 * Which pages name each other as neighbours.  A page can stand in the file as often as somebody
 * likes to copy it: so each is looked up by its number and by what it names, and the cost does not
 * grow with copies times copies.
 */
#include "formats/ese/salvage/reach_parts.h"

#include <stdlib.h>

static int compare_places(const struct side *x, const struct side *y)
{
    if (x->next != y->next)
        return x->next ? 1 : -1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->names > y->names) - (x->names < y->names);
}

static int compare_sides(const void *a, const void *b)
{
    const struct side *x = a, *y = b;
    int order = compare_places(x, y);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static bool are_sorted(const struct sides *sides)
{
    for (size_t i = 1; i < sides->count; i++)
        if (compare_sides(&sides->at[i - 1], &sides->at[i]) > 0)
            return false;
    return true;
}

bool salvage_sides_open(struct sides *sides, const struct reach *r, salvage_takes_fn takes,
                        const void *context, struct fault *f)
{
    *sides = (struct sides){calloc(2 * r->count + 1, sizeof *sides->at), 0};
    if (sides->at == NULL)
        return fault_no_memory(f, "a list of pages");
    for (unsigned next = 0; next < 2; next++)
        for (size_t k = 0; k < r->count; k++) {
            const struct salvage_page *p = &r->s->page[r->by[k].page];
            uint32_t names = next ? p->next : p->prev;
            if (names != 0 && takes(context, k))
                sides->at[sides->count++] = (struct side){p->number, names, k, next, false};
        }
    if (!are_sorted(sides)) /* r->by is, so only copies of a page can be out of order */
        qsort(sides->at, sides->count, sizeof *sides->at, compare_sides);
    return true;
}

void salvage_sides_close(struct sides *sides)
{
    free(sides->at);
}

struct side *salvage_answer(const struct sides *sides, const struct salvage_page *p, bool next)
{
    const struct side wanted = {next ? p->next : p->prev, p->number, 0, !next, false};
    size_t low = 0, high = sides->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_places(&sides->at[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sides->count && compare_places(&sides->at[low], &wanted) == 0 ? &sides->at[low]
                                                                               : NULL;
}

struct side *salvage_answer_next(const struct sides *sides, struct side *side)
{
    struct side *next = side + 1;
    return next < sides->at + sides->count && compare_places(next, side) == 0 ? next : NULL;
}
