/* SST properties of copies, side by side: see properties.h. */
#include "migrate/judge/properties.h"

#include "formats/array.h"

#include <stdlib.h>

bool properties_add(struct properties *all, const struct model *m, unsigned entry)
{
    struct sst_property property;
    for (size_t at = 0; sst_property_next(m->entry[entry].properties, &at, &property);) {
        if (!array_reserve(&all->at, &all->room, all->count + 1, sizeof *all->at))
            return false;
        all->at[all->count] = (struct copied_property){property, entry, all->count};
        all->count++;
    }
    return true;
}

static int compare_orders(const void *a, const void *b)
{
    const struct copied_property *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static int compare_ids(const void *a, const void *b)
{
    const struct copied_property *x = a, *y = b;
    int order = (x->property.id > y->property.id) - (x->property.id < y->property.id);
    return order ? order : compare_orders(a, b);
}

void properties_by_id(struct properties *all)
{
    if (all->count > 1)
        qsort(all->at, all->count, sizeof *all->at, compare_ids);
}

void properties_by_order(struct properties *all)
{
    if (all->count > 1)
        qsort(all->at, all->count, sizeof *all->at, compare_orders);
}

void properties_free(struct properties *all)
{
    free(all->at);
    *all = (struct properties){0};
}
