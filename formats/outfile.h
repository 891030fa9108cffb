/*
 * A file that appears under its name only when it is complete.
 *
 *     outfile_create()      checks the target, makes an unfinished file beside it
 *       ... outfile_write(), or write to outfile_descriptor(), read back through outfile_path() ...
 *     outfile_commit()      syncs it, gives it the target's name, syncs the directory
 *     outfile_remove()      when it is not wanted after all
 *     outfile_discard()     in any case, also after a commit
 *
 * The unfinished file has no name at all where the file system allows it (then it vanishes with the
 * process, however that ends), otherwise a temporary one beside the target.  Whatever fails, the
 * target is what it was before: nothing, or the old file.  Only what was made here is ever removed.
 */
#ifndef KM_FORMATS_OUTFILE_H
#define KM_FORMATS_OUTFILE_H

#include "formats/bytes.h"
#include "formats/fault.h"

#include <stdbool.h>

struct outfile;

/*
 * Makes the unfinished file for `target`.
 *
 * like: descriptor of the input, or -1.  The new file gets its owner, group and access control
 * list, as far as the process may give them, and is never wider (see access.h).  force: an existing
 * regular file `target` may be replaced.  Without it an existing target is refused, here and again
 * at the commit.
 *
 * Fails with FAULT_LIMIT when the target exists without force, is `like` itself (compared by device
 * and inode) or has a twin there (fileio.h), FAULT_NOT_THIS when it exists and is no regular file,
 * FAULT_IO, FAULT_NO_MEMORY.  *out is the caller's to discard; nothing is left after a failure.
 * Texts of faults do not repeat the target's name; here, in outfile_write() and in outfile_commit()
 * they are noted as of the output (fault.h).
 */
bool outfile_create(const char *target, int like, bool force, struct outfile **out,
                    struct fault *f);

/* The same, without force, for a name in an open directory that is a copy of another, with the
 * twins that it has: whatever happens to the directory's own name meanwhile, the file is in it. */
bool outfile_create_at(int folder, const char *name, int like, struct outfile **out,
                       struct fault *f);

/* True when somebody may do less with the new file than with `like`. */
bool outfile_is_narrower(const struct outfile *out);

/* Open for reading and writing; stays the outfile's. */
int outfile_descriptor(const struct outfile *out);

/* Writes all of `data` behind what was written.  FAULT_IO. */
bool outfile_write(struct outfile *out, struct bytes data, struct fault *f);

/* A path under which this process can open the unfinished file again. */
const char *outfile_path(const struct outfile *out);

/*
 * Syncs and names the file.  Fails with FAULT_IO, or FAULT_LIMIT when a file of that name has
 * appeared meanwhile and force was not given.  When only the last sync, that of the directory,
 * fails, the name is taken away again; with force the file keeps it, since what it replaced is
 * gone.
 */
bool outfile_commit(struct outfile *out, struct fault *f);

/* True when nothing is left of the file should the process end now. */
bool outfile_is_unnamed(const struct outfile *out);

/* True when the file has its name: after a commit, and after one that failed behind the naming. */
bool outfile_is_committed(const struct outfile *out);

/* Takes a committed file away again, as far as the name is still its own.  False: something is left
 * under that name. */
bool outfile_remove(struct outfile *out);

/* Removes the unfinished file, unless it was committed, and frees everything.  NULL is allowed. */
void outfile_discard(struct outfile *out);

#endif
