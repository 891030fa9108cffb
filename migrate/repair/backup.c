/* The backup: see backup.h. */
#include "migrate/repair/backup.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"
#include "formats/outfile.h"
#include "formats/path.h"
#include "migrate/console/progress.h"
#include "migrate/undo/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- one file ---- */

static bool copy(struct ese_file *from, struct outfile *to, struct progress *progress,
                 const volatile sig_atomic_t *stop, struct fault *f)
{
    uint64_t size = ese_file_size(from);
    uint8_t *step = malloc(FILEIO_STEP);
    bool ok = step != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory for the backup");
    for (uint64_t at = 0; ok && at < size && !*stop; at += FILEIO_STEP) {
        size_t got;
        ok = ese_file_read(from, at, step, FILEIO_STEP, &got, f) &&
             outfile_write(to, bytes_of(step, got), f);
        progress_step(progress, (uint32_t)(at / FILEIO_STEP), (uint32_t)(size / FILEIO_STEP));
    }
    free(step);
    return ok;
}

static bool differs(struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED,
                     "does not read back as the store: did that change meanwhile?");
}

/* Reads the copy back. */
static bool is_copy(const struct assessment *a, const char *path, struct fault *f)
{
    struct filehash hash;
    if (!filehash_start(&hash, path, f) || !filehash_finish(&hash, f))
        return false;
    return (hash.size == a->hash.size &&
            memcmp(hash.digest, a->hash.digest, sizeof hash.digest) == 0) ||
           differs(f);
}

static bool backup_file(struct backup *b, const struct assessment *a, const char *target,
                        struct progress *progress, const volatile sig_atomic_t *stop,
                        struct fault *f)
{
    struct ese_file *from = a->store.db->file;
    if (!outfile_create(target, ese_file_named_descriptor(from), false, &b->file, f))
        return false;
    bool ok = copy(from, b->file, progress, stop, f);
    if (ok && !*stop)
        ok = is_copy(a, outfile_path(b->file), f);
    if (ok && !*stop)
        ok = outfile_commit(b->file, f);
    return ok;
}

/* ---- a directory ---- */

static const char *name_of(const struct assessment *a)
{
    return path_last(a->store.path);
}

/* The database in an open directory has the size and SHA-256 given. */
static bool database_in(int folder, const char *name, uint64_t size,
                        const uint8_t sha256[HASH_SHA256_SIZE], struct fault *f)
{
    uint8_t found[HASH_SHA256_SIZE];
    uint64_t found_size = 0;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "%.180s cannot be opened: %s", name, strerror(errno));
    bool ok = undo_hash_file(fd, &found_size, found, f);
    close(fd);
    return ok &&
           ((found_size == size && memcmp(found, sha256, HASH_SHA256_SIZE) == 0) || differs(f));
}

static bool backup_directory(struct backup *b, const struct assessment *a, const char *target,
                             const volatile sig_atomic_t *stop, struct fault *f)
{
    static const struct beside nothing_aside = {.files = 0};
    struct copydir *c = &b->directory;
    b->is_directory = true;
    return copydir_begin(c, a->beside.directory, name_of(a), ese_file_stat(a->store.db->file),
                         target, f) &&
           copydir_others(c, "", &nothing_aside, f) &&
           database_in(c->made, name_of(a), a->hash.size, a->hash.digest, f) &&
           (*stop || copydir_commit(c, f));
}

bool backup_make(struct backup *b, const struct assessment *a, const char *target,
                 const volatile sig_atomic_t *stop, bool *cancelled, struct fault *f)
{
    struct progress progress = progress_begin("backup");
    *b = (struct backup){.file = NULL};
    bool ok = a->store.in_directory ? backup_directory(b, a, target, stop, f)
                                    : backup_file(b, a, target, &progress, stop, f);
    progress_end(&progress);
    *cancelled = ok && *stop;
    if (!ok || *cancelled)
        backup_remove(b); /* the flag may have come behind the last look at it */
    return ok;
}

void backup_remove(struct backup *b)
{
    if (b->file)
        outfile_remove(b->file);
    if (b->is_directory)
        copydir_remove(&b->directory);
}

void backup_close(struct backup *b)
{
    outfile_discard(b->file);
    if (b->is_directory)
        copydir_close(&b->directory);
    *b = (struct backup){.file = NULL};
}

/* ---- one that is there ---- */

bool backup_is_copy(const struct assessment *a, const char *path, struct fault *f)
{
    if (!a->store.in_directory)
        return database_in(AT_FDCWD, path, a->hash.size, a->hash.digest, f);
    int copy = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int source = open(a->beside.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = (copy >= 0 && source >= 0) ||
              fault_set(f, FAULT_IO, "cannot be opened: %s", strerror(errno));
    ok = ok && database_in(copy, name_of(a), a->hash.size, a->hash.digest, f) &&
         copydir_is_copy(source, copy, f);
    descriptor_close(copy);
    descriptor_close(source);
    return ok;
}

bool backup_holds(const char *path, const char *name, uint64_t size,
                  const uint8_t sha256[HASH_SHA256_SIZE])
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return errno == ENOTDIR && database_in(AT_FDCWD, path, size, sha256, NULL);
    bool ok = database_in(folder, name, size, sha256, NULL);
    close(folder);
    return ok;
}
