/*
 * A file that appears under its name only when it is complete.
 *
 *     outfile_create()      checks the target, makes an unfinished file beside it
 *       ... write to outfile_descriptor(), read back through outfile_path() ...
 *     outfile_commit()      syncs it, gives it the target's name, syncs the directory
 *     outfile_discard()     in any case, also after a commit
 *
 * The unfinished file has no name at all where the file system allows it (then it vanishes with the
 * process, however that ends), otherwise a temporary one beside the target.  Whatever fails, the
 * target is what it was before: nothing, or the old file.
 */
#ifndef KM_FORMATS_OUTFILE_H
#define KM_FORMATS_OUTFILE_H

#include "formats/fault.h"

#include <stdbool.h>
#include <sys/stat.h>

struct outfile;

/*
 * Makes the unfinished file for `target`.
 *
 * like: fstat() of the input.  The new file gets its owner and group, as far as the process may
 * give them, and its permission bits, never wider: what cannot be owned alike loses the bits of
 * group and others that are not needed for it.  NULL: bits 0600. force: an existing regular file
 * `target` may be replaced.  Without it an existing target is refused, here and again at the
 * commit.
 *
 * Fails with FAULT_LIMIT when the target exists without force or is `like` itself (compared by
 * device and inode), FAULT_NOT_THIS when it exists and is no regular file, FAULT_IO,
 * FAULT_NO_MEMORY.  *out is the caller's to discard; nothing is left after a failure.  Texts of
 * faults do not repeat the target's name.
 */
bool outfile_create(const char *target, const struct stat *like, bool force, struct outfile **out,
                    struct fault *f);

/* Open for reading and writing; stays the outfile's. */
int outfile_descriptor(const struct outfile *out);

/* A path under which this process can open the unfinished file again. */
const char *outfile_path(const struct outfile *out);

/* Syncs and names the file.  Fails with FAULT_IO, or FAULT_LIMIT when a file of that name has
 * appeared meanwhile and force was not given. */
bool outfile_commit(struct outfile *out, struct fault *f);

/* Removes the unfinished file, unless it was committed, and frees everything.  NULL is allowed. */
void outfile_discard(struct outfile *out);

#endif
