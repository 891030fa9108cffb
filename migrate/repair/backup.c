/* The backup: see backup.h. */
#include "migrate/repair/backup.h"

#include "formats/outfile.h"
#include "migrate/repair/copydir.h"
#include "migrate/console/progress.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEP = 1024 * 1024 };

/* ---- one file ---- */

static bool write_all(int to, const uint8_t *from, size_t size, struct fault *f)
{
    while (size > 0) {
        ssize_t n = write(to, from, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, FAULT_IO, "cannot be written: %s", strerror(errno));
        from += n;
        size -= (size_t)n;
    }
    return true;
}

static bool copy(struct ese_file *from, int to, struct progress *progress,
                 const volatile sig_atomic_t *stop, struct fault *f)
{
    uint64_t size = ese_file_size(from);
    uint8_t *step = malloc(STEP);
    bool ok = step != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory for the backup");
    for (uint64_t at = 0; ok && at < size && !*stop; at += STEP) {
        size_t got;
        ok = ese_file_read(from, at, step, STEP, &got, f) && write_all(to, step, got, f);
        progress_step(progress, (uint32_t)(at / STEP), (uint32_t)(size / STEP));
    }
    free(step);
    return ok;
}

/* Reads the copy back. */
static bool is_copy(const struct assessment *a, const char *path, struct fault *f)
{
    struct filehash hash;
    if (!filehash_start(&hash, path, f) || !filehash_finish(&hash, f))
        return false;
    return (hash.size == a->hash.size &&
            memcmp(hash.digest, a->hash.digest, sizeof hash.digest) == 0) ||
           fault_set(f, FAULT_DAMAGED,
                     "does not read back as the store: did that change meanwhile?");
}

static bool backup_file(const struct assessment *a, const char *target, struct progress *progress,
                        const volatile sig_atomic_t *stop, struct fault *f)
{
    struct outfile *out;
    struct ese_file *from = a->store.db->file;
    if (!outfile_create(target, ese_file_stat(from), false, &out, f))
        return false;
    bool ok = copy(from, outfile_descriptor(out), progress, stop, f);
    if (ok && !*stop)
        ok = is_copy(a, outfile_path(out), f);
    if (ok && !*stop)
        ok = outfile_commit(out, f);
    outfile_discard(out);
    return ok;
}

/* ---- a directory ---- */

static bool backup_directory(const struct assessment *a, const char *target,
                             const volatile sig_atomic_t *stop, struct fault *f)
{
    static const struct beside nothing_aside = {.files = 0};
    struct copydir copy;
    char database[PATH_MAX];
    const char *slash = strrchr(a->store.path, '/');
    if (!copydir_begin(&copy, a->beside.directory, target, f))
        return false;
    bool ok = copydir_others(&copy, "", &nothing_aside, f);
    if (ok && snprintf(database, sizeof database, "%s/%s", copy.unfinished,
                       slash ? slash + 1 : a->store.path) >= (int)sizeof database)
        ok = fault_set(f, FAULT_IO, "the path is too long");
    if (ok && !*stop)
        ok = is_copy(a, database, f);
    if (ok && !*stop)
        ok = copydir_commit(&copy, f);
    copydir_discard(&copy);
    return ok;
}

bool backup_store(const struct assessment *a, const char *target, bool quiet,
                  const volatile sig_atomic_t *stop, bool *cancelled, struct fault *f)
{
    struct progress progress = progress_begin("backup", quiet);
    bool ok = a->store.in_directory ? backup_directory(a, target, stop, f)
                                    : backup_file(a, target, &progress, stop, f);
    progress_end(&progress);
    *cancelled = ok && *stop;
    if (*cancelled)
        backup_remove(target); /* the flag may have come behind the last look at it */
    return ok;
}

void backup_remove(const char *target)
{
    char path[PATH_MAX];
    if (unlink(target) == 0 || errno == ENOENT)
        return;
    DIR *dir = opendir(target);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            snprintf(path, sizeof path, "%s/%s", target, entry->d_name) < (int)sizeof path)
            unlink(path);
    if (dir)
        closedir(dir);
    rmdir(target);
}
