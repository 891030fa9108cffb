/*
 * Reading profiles, the built-in one among them, and freeing them.
 */
#ifndef KM_MIGRATE_PROFILE_READ_H
#define KM_MIGRATE_PROFILE_READ_H

#include "migrate/profile/profile.h"

/* The built-in profile's name, its text, and the profile read from it. */
#define PROFILE_BUILTIN_NAME "km55"
extern const char profile_km55_text[];
bool profile_builtin(struct profile *profile, struct fault *f);

/* Reads a profile file, of at most 64 KiB, or, by its name, the built-in one.  Unknown or repeated
 * sections and keys, missing necessary ones, and values out of range are faults that name file,
 * line and key, what was expected and what was found.  The caller closes the profile; after a
 * failure it is empty. */
bool profile_read(const char *path, struct profile *profile, struct fault *f);
void profile_close(struct profile *profile);

/* The same profile once more, by way of its text; closed like one that was read. */
bool profile_copy(const struct profile *from, struct profile *to, struct fault *f);

#endif
