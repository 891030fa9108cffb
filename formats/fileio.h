/*
 * Whole runs of bytes to and from open files, with one policy for what the system may do half.
 *
 * A call that a signal interrupts is made again, and a short count is gone on from.  A write that
 * takes nothing counts as a full disk (ENOSPC): nothing here tries for ever.  Only the caller knows
 * what the file is to the user, so no fault is set: errno says why, and the caller says the rest.
 */
#ifndef KM_FORMATS_FILEIO_H
#define KM_FORMATS_FILEIO_H

#include "formats/bytes.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

/* Bytes that are read at a time where a whole file is. */
enum { FILEIO_STEP = 256 * 1024 };

/* Up to `size` bytes, from where the file stands.  Returns how many: fewer only at the end of the
 * file, where errno is 0, and after an error, where it is not. */
size_t fileio_read(int descriptor, void *to, size_t size);

/* The same from `offset` on, in bytes; where the file stands does not change. */
size_t fileio_read_at(int descriptor, uint64_t offset, void *to, size_t size);

/* Why a read gave fewer bytes than it was asked for: the text of errno, or `at_end`. */
const char *fileio_why_short(const char *at_end);

/* All of `data`, from where the file stands.  False: errno is set, and some of it may be written.
 */
bool fileio_write(int descriptor, struct bytes data);

/* The same from `offset` on, in bytes; where the file stands does not change. */
bool fileio_write_at(int descriptor, uint64_t offset, struct bytes data);

/* Cuts the file to `size` bytes, or makes it that long.  False, with errno set. */
bool fileio_resize(int descriptor, uint64_t size);

/* What was written is on the disk.  False, with errno set. */
bool fileio_sync(int descriptor);

/* The same for an open directory; a file system that cannot sync one (EINVAL) is none to wait for.
 */
bool fileio_sync_directory(int descriptor);

/* True when both are of one file or directory, under whatever names. */
bool fileio_is_same(const struct stat *a, const struct stat *b);

/* True when both are of one file, and nobody has written to it between the two. */
bool fileio_is_unchanged(const struct stat *a, const struct stat *b);

/* Looks in an open directory for a file that on Windows, where case does not count in names, has
 * the name `name`, too: true, with that file's own.  On a file system where it does not count here
 * either, `name` is that file, and no other one.  A directory that cannot be listed has none. */
bool fileio_has_twin(int folder, const char *name, char twin[NAME_MAX + 1]);

/* The names in a directory below an open one, or, as ".", in that one itself, which stays open.
 * NULL, with errno set. */
DIR *fileio_list(int folder, const char *name);

/* The folder for temporary files: TMPDIR, or /tmp. */
const char *fileio_temporary_folder(void);

/* A file without a name in that folder, open for both, of the owner alone; where the file system
 * has no such thing, one that loses its name at once.  Never one in memory: what it is to hold may
 * be larger than that.  Returns -1 with errno set. */
int fileio_temporary(void);

#endif
