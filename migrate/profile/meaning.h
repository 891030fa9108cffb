/*
 * What a profile says of a column, whatever it says: a column without a meaning may hold anything,
 * and so may refer to the certificate list (judge/residue.h).
 */
#ifndef KM_MIGRATE_MEANING_H
#define KM_MIGRATE_MEANING_H

#include "migrate/profile/profile.h"

/* True when a section of the profile names this column: as a part of the list, as a setting, a
 * reference, a secret, or one to be ignored.  Names are compared without regard to ASCII case. */
bool profile_gives_meaning(const struct profile *profile, const char *table, const char *column);

/* The same, but for what is only said to be a secret, or to be ignored. */
bool profile_says_what(const struct profile *profile, const char *table, const char *column);

/* Does what the reference names stand in this column, alone or beside another? */
bool profile_refers_by(const struct profile_reference *reference, const char *table,
                       const char *column);

/* True when a [secret.N] section names this column: what stands in it is not shown. */
bool profile_is_secret(const struct profile *profile, const char *table, const char *column);

/* True when an [ignore.N] section names this column: whatever stands in it, it refers to no entry
 * of the list, and is no list. */
bool profile_ignores(const struct profile *profile, const char *table, const char *column);

/* True when such a section, unless it only speaks of references, names this column: it has nothing
 * to do with the list, either. */
bool profile_is_apart(const struct profile *profile, const char *table, const char *column);

#endif
