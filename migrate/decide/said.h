/*
 * What the administrator says about columns on the command line: --reference, --not-a-reference,
 * --not-a-list.  It becomes a part of the profile, and so of the plan's id.
 */
#ifndef KM_MIGRATE_SAID_H
#define KM_MIGRATE_SAID_H

#include "migrate/decide/reading.h"
#include "migrate/profile/profile.h"

/* Adds what the options say to the profile.  Fails when a column is named that is not there
 * (FAULT_MISSING), cannot be what is said of it (FAULT_NOT_THIS), or there is no room
 * (FAULT_LIMIT, FAULT_NO_MEMORY); the text names the option. */
bool said_apply(struct profile *profile, const struct ese_catalog *catalog,
                const struct reading *reading, struct fault *f);

/* Can --reference say of a column that it names entries of the list: is it of a type that what they
 * are called by has? */
bool said_could_refer(const struct profile *profile, const struct ese_catalog *catalog,
                      const struct ese_column *column);

#endif
