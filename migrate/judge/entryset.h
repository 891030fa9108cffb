/* A set of a model's entries, a bit for each; NULL is an empty one. */
#ifndef KM_MIGRATE_ENTRYSET_H
#define KM_MIGRATE_ENTRYSET_H

#include "migrate/judge/model.h"

#include <stdlib.h>

/* In bytes. */
static inline size_t entryset_size(const struct model *model)
{
    return model->entries / 8 + 1;
}

static inline bool entryset_has(const uint8_t *set, unsigned entry)
{
    return set && set[entry / 8] >> entry % 8 & 1;
}

/* Adds `count` entries from the number `first` on; the first makes the set, which the caller frees.
 * False when memory is short. */
static inline bool entryset_add(uint8_t **set, const struct model *model, unsigned first,
                                unsigned count)
{
    if (*set == NULL && (*set = calloc(1, entryset_size(model))) == NULL)
        return false;
    for (unsigned i = first; i < first + count; i++)
        (*set)[i / 8] |= (uint8_t)(1 << i % 8);
    return true;
}

static inline unsigned entryset_count(const uint8_t *set, const struct model *model)
{
    unsigned count = 0;
    for (unsigned i = 0; i < model->entries; i++)
        count += entryset_has(set, i);
    return count;
}

#endif
