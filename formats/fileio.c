/* Whole runs of bytes to and from open files: see fileio.h. */
#include "formats/fileio.h"

#include "formats/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What Linux caches of a write of more than 64 KiB comes in larger pieces of memory, which nobody
 * used lately: where a virtual machine has to get them back from its host, a copy was measured to
 * take five times as long. */
enum { WRITTEN_AT_ONCE = 32 * 1024 };

/* Is there more to come after a call that moved n bytes, or failed?  One that moved none leaves
 * `reason` in errno. */
static bool goes_on(ssize_t n, int reason)
{
    if (n == 0)
        errno = reason;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* ---- reading ---- */

/* offset: NULL where the file stands. */
static size_t read_all(int descriptor, const uint64_t *offset, uint8_t *to, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = offset ? pread(descriptor, to + got, size - got, (off_t)(*offset + got))
                           : read(descriptor, to + got, size - got);
        if (!goes_on(n, 0))
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

size_t fileio_read(int descriptor, void *to, size_t size)
{
    return read_all(descriptor, NULL, to, size);
}

size_t fileio_read_at(int descriptor, uint64_t offset, void *to, size_t size)
{
    return read_all(descriptor, &offset, to, size);
}

const char *fileio_why_short(const char *at_end)
{
    return errno ? strerror(errno) : at_end;
}

/* ---- writing ---- */

static bool write_all(int descriptor, const uint64_t *offset, struct bytes data)
{
    size_t done = 0;
    while (done < data.size) {
        size_t size = data.size - done < WRITTEN_AT_ONCE ? data.size - done : WRITTEN_AT_ONCE;
        ssize_t n = offset ? pwrite(descriptor, data.at + done, size, (off_t)(*offset + done))
                           : write(descriptor, data.at + done, size);
        if (!goes_on(n, ENOSPC))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool fileio_write(int descriptor, struct bytes data)
{
    return write_all(descriptor, NULL, data);
}

bool fileio_write_at(int descriptor, uint64_t offset, struct bytes data)
{
    return write_all(descriptor, &offset, data);
}

bool fileio_resize(int descriptor, uint64_t size)
{
    while (ftruncate(descriptor, (off_t)size) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

bool fileio_sync(int descriptor)
{
    while (fsync(descriptor) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

bool fileio_sync_directory(int descriptor)
{
    return fileio_sync(descriptor) || errno == EINVAL;
}

/* ---- files ---- */

bool fileio_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool fileio_is_unchanged(const struct stat *a, const struct stat *b)
{
    return fileio_is_same(a, b) && a->st_size == b->st_size &&
           is_same_time(&a->st_mtim, &b->st_mtim) && is_same_time(&a->st_ctim, &b->st_ctim);
}

static bool is_one_file(int folder, const char *name, const char *other)
{
    struct stat a, b;
    return fstatat(folder, name, &a, 0) == 0 && fstatat(folder, other, &b, 0) == 0 &&
           fileio_is_same(&a, &b);
}

bool fileio_has_twin(int folder, const char *name, char twin[NAME_MAX + 1])
{
    DIR *dir = fileio_list(folder, ".");
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir)) != NULL;) {
        found = strcasecmp(entry->d_name, name) == 0 && strcmp(entry->d_name, name) != 0 &&
                !is_one_file(folder, name, entry->d_name);
        if (found)
            snprintf(twin, NAME_MAX + 1, "%s", entry->d_name);
    }
    if (dir)
        closedir(dir);
    return found;
}

DIR *fileio_list(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL)
        descriptor_close(fd);
    return dir;
}

const char *fileio_temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder == NULL || folder[0] == '\0' ? "/tmp" : folder;
}

int fileio_temporary(void)
{
    const char *folder = fileio_temporary_folder();
    int fd = descriptor_above_standard(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s/kmmigrate-XXXXXX", folder) >= (int)sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return descriptor_above_standard(fd);
}
