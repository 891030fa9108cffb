/*
 * --plan: is this the plan that was reviewed?  Every command that has a plan asks here.
 */
#ifndef KM_MIGRATE_PLANID_H
#define KM_MIGRATE_PLANID_H

#include "migrate/commands/command.h"

/* Can `text` name a plan: a whole id, or so many of its first digits that no other is meant? */
bool planid_is_one(const char *text);

/* Is the plan with this id the one that --plan names, in digits of either case?  True without
 * --plan; false with an error printed that says how to see the plan there is. */
bool planid_is_reviewed(const char *id, const struct options *options);

#endif
