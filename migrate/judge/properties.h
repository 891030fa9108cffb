/*
 * The SST properties of copies of one certificate, put side by side.
 *
 * A certificate of a serialized store may have as many properties as its sender likes: they are
 * sorted once, never searched one by one.
 */
#ifndef KM_MIGRATE_PROPERTIES_H
#define KM_MIGRATE_PROPERTIES_H

#include "formats/certs/sst.h"
#include "migrate/judge/model.h"

struct copied_property {
    struct sst_property property; /* points into the model's list */
    unsigned entry;               /* number of the entry that has it */
    size_t order;                 /* among all, as gathered */
};

struct properties {
    struct copied_property *at;
    size_t count, room;
};

/* Adds those of one entry, in their order.  False when memory is short. */
bool properties_add(struct properties *all, const struct model *m, unsigned entry);

/* Sorts them by id, those of one id in the order in which they were added. */
void properties_by_id(struct properties *all);

/* Sorts them in the order in which they were added. */
void properties_by_order(struct properties *all);

void properties_free(struct properties *all);

#endif
