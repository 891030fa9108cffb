/*
 * The parts of a path, as text: nothing here looks at the file system.
 */
#ifndef KM_FORMATS_PATH_H
#define KM_FORMATS_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The last part of a path: what stands behind its last slash, all of it where there is none.
 * Borrowed from `path`; empty where that ends with a slash. */
const char *path_last(const char *path);

/* How many bytes of the path stand before its last part: its directory with the slash behind it, so
 * that "%.*s%s" makes a name beside it.  0 where it names no directory. */
int path_before_last(const char *path);

/* The directory that the last part is in, as a name to open: "." where the path names none, without
 * the slash at its end but for the root.  False when it is too long. */
bool path_directory(const char *path, char to[PATH_MAX]);

/* How long the path is without slashes at its end; of the root one is left. */
size_t path_trimmed(const char *path);

#endif
