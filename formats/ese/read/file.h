/*
 * The file a database is read from: plain, or gzip-compressed and opened as it is.
 *
 * Reads go through pread, never a mapping, so that a disk error is an error code at a place and not
 * a signal.  A gzip file is unpacked once, into an unnamed temporary file that vanishes with the
 * process: memory stays small whatever the size, and nothing is left behind.
 */
#ifndef KM_FORMATS_ESE_FILE_H
#define KM_FORMATS_ESE_FILE_H

#include "formats/bytes.h"
#include "formats/fault.h"

#include <sys/stat.h>

struct ese_file;

/* What a gzip file may unpack to unless somebody says otherwise: a few kilobytes can hold more than
 * any disk. */
#define ESE_FILE_UNPACKED_MOST ((uint64_t)4 << 30)

/* The most bytes that a gzip file may unpack to, for all files that this process opens from now on.
 * Set it once, before anything is opened. */
void ese_file_set_unpacked_most(uint64_t bytes);

/* Opens `path` read-only.  Refused, with what was found instead: what is not a regular file, an
 * empty file, what cannot be opened, a gzip file that unpacks to more than the limit.  On success
 * *file is owned by the caller, who closes it. */
bool ese_file_open(const char *path, struct ese_file **file, struct fault *f);

/* The same for a file of another kind.  kind: what is expected, for the fault; "transaction log".
 */
bool ese_file_open_as(const char *path, const char *kind, struct ese_file **file, struct fault *f);

/* A file over bytes in memory, which are borrowed and must outlive it: for tests and fuzzing. */
bool ese_file_over(struct bytes b, struct ese_file **file, struct fault *f);

void ese_file_close(struct ese_file *file);

/* From now on `told` hears of all that ese_file_read() reads, of any file, how many bytes it was.
 * NULL: nobody. */
void ese_file_on_read(void (*told)(uint64_t bytes));

/* Size in bytes of the (unpacked) database. */
uint64_t ese_file_size(const struct ese_file *file);

/* A descriptor of the file as it was named (of the .gz itself, when it is one), for its rights and
 * for locking it; -1 for a file in memory.  Stays owned by the file. */
int ese_file_named_descriptor(const struct ese_file *file);

/* What fstat said of the file as it was named (of the .gz itself, when it is one). */
const struct stat *ese_file_stat(const struct ese_file *file);

/* True when the file on disk is gzip-compressed. */
bool ese_file_is_packed(const struct ese_file *file);

/* Reads `size` bytes at `offset` into `to`.  *got is how many there are before the end of the file;
 * a read error fails, naming the offset. */
bool ese_file_read(struct ese_file *file, uint64_t offset, void *to, size_t size, size_t *got,
                   struct fault *f);

/* The same for a thread of its own, beside others that read: of this one nobody hears.  Returns how
 * many bytes it read: fewer only at the end of the file, where errno is 0, and after an error,
 * where it is not. */
size_t ese_file_read_beside(const struct ese_file *file, uint64_t offset, void *to, size_t size);

#endif
