/*
 * Quarantine: the rows of certificates that a repair takes out of the list for good.
 *
 * A text file with, for each row, its columns as lines of hex and its certificate as PEM, so that a
 * person, openssl and this program can all read it.  It is written and synced before the new store
 * gets its name.
 */
#ifndef KM_MIGRATE_QUARANTINE_H
#define KM_MIGRATE_QUARANTINE_H

#include "formats/outfile.h"
#include "migrate/decide/assessment.h"

/* True when the plan has an action that needs a quarantine file. */
bool quarantine_needed(const struct plan *plan);

/* Writes the rows of all such actions, all their columns, into the unfinished file, and reads it
 * back. False, with f saying why, when one cannot be read, found or written, or when another
 * certificate, row or byte than was written is read back. */
bool quarantine_write(const struct assessment *assessment, const struct outfile *out,
                      struct fault *f);

#endif
