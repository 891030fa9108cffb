/*
 * The settings of a store, wherever the profile says that they are: read once, each in whatever
 * form it stands there.
 */
#ifndef KM_MIGRATE_SETTINGS_H
#define KM_MIGRATE_SETTINGS_H

#include "migrate/judge/model.h"

/* Reads them into the model, before its list is read.  A setting that is there twice, or is not as
 * is expected, is a problem.  False when memory is short. */
bool settings_read(struct model *model, struct problems *problems, struct fault *f);

/* After the list was read: which certificate does a setting mean that names an entry by its key or
 * its position, or the profile states?  False when memory is short. */
bool settings_find_issuing(struct model *model, struct problems *problems, struct fault *f);

/* The issuing CA is the one certificate that has role issuing.  False, with the model as it was,
 * when none has, or several have. */
bool settings_find_by_role(struct model *model);

/* The issuing CA anew from the key or the role that names it, for a model whose entries were
 * changed.  A setting by hash is left. */
void settings_follow(struct model *model);

#endif
