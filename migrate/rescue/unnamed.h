/*
 * An unnamed file, for a store that is made from another one and only then judged and repaired: it
 * vanishes with the process, and nothing of it can be left over.
 */
#ifndef KM_MIGRATE_UNNAMED_H
#define KM_MIGRATE_UNNAMED_H

#include "formats/fault.h"

#include <stdbool.h>

enum { UNNAMED_PATH = 64 };

/*
 * Makes an empty one with the rights of the file that `like` is open on, or narrower, in the
 * directory of `target`, where there has to be room for a store anyway; target NULL, or a file
 * system without such files: in TMPDIR, else in memory.  path: under which this process can open
 * it. Returns the descriptor, the caller's to close; -1 with f set.
 */
int unnamed_create(int like, const char *target, char path[UNNAMED_PATH], struct fault *f);

/* What is named when it cannot be written: `target`, or the folder for temporary files. */
const char *unnamed_place(const char *target);

/* Gives it the times of the file that `like` is open on: it stands for that one in reports. */
void unnamed_date(int like, int descriptor);

#endif
