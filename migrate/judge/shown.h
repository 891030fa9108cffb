/*
 * What of an entry may be shown: a name that stands in a column which the profile calls secret, or
 * whose own name looks it, is told by its length and hash.
 */
#ifndef KM_MIGRATE_SHOWN_H
#define KM_MIGRATE_SHOWN_H

#include "migrate/judge/model.h"

enum { SHOWN_NAME = 120 };

/* The name itself, NULL included, or what stands for it, in `text`. */
const char *shown_name(const struct model *model, const char *name, char text[SHOWN_NAME]);

#endif
