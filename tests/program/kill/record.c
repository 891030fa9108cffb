/*
 * Preloaded into kmmigrate by powerloss.py: writes down, in order, everything that changes files or
 * directories on one file system, so that what a power failure could leave of it can be made.
 *
 *     KM_RECORD_BELOW  a directory; what happens on its file system is recorded
 *     KM_RECORD_LOG    gets one line an event, its parts separated by tabs; numbers are inodes
 *     KM_RECORD_DATA   gets the bytes that were written, one after another
 *
 *     create INODE                         a file without a name
 *     make DIRECTORY NAME INODE KIND       an entry for a new file (f) or directory (d)
 *     write INODE OFFSET SIZE AT           AT: where its bytes are in KM_RECORD_DATA
 *     truncate INODE SIZE
 *     sync INODE
 *     link DIRECTORY NAME INODE
 *     rename DIRECTORY NAME DIRECTORY NAME INODE
 *     unlink DIRECTORY NAME                a file or a directory
 */
#include "../outside.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The next definition of a function. */
#define NEXT(function)                                                                             \
    static __typeof__(&function) next;                                                             \
    if (next == NULL)                                                                              \
    *(void **)&next = dlsym(RTLD_NEXT, #function)

/* ---- the record ---- */

static int log_file = -1, data_file = -1;

__attribute__((constructor)) static void begin(void)
{
    log_file = outside_file("KM_RECORD_LOG");
    data_file = outside_file("KM_RECORD_DATA");
}

static void append(int fd, const void *data, size_t size)
{
    for (size_t done = 0; fd >= 0 && done < size;) {
        long n = syscall(SYS_write, fd, (const char *)data + done, size - done);
        if (n <= 0)
            abort();
        done += (size_t)n;
    }
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    char line[2 * PATH_MAX];
    int error = errno;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    append(log_file, line, (size_t)size);
    errno = error;
}

/* On the file system that is recorded? */
static int counts(const struct stat *st)
{
    static dev_t device;
    struct stat below;
    if (device == 0 && stat(getenv("KM_RECORD_BELOW"), &below) == 0)
        device = below.st_dev;
    return st->st_dev == device && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

static unsigned long inode_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && counts(&st) ? (unsigned long)st.st_ino : 0;
}

/* A path as the inode of its directory and the name in it; 0: not on this file system. */
struct place {
    unsigned long directory;
    char name[PATH_MAX];
};

static struct place place_of(int folder, const char *path)
{
    struct place p = {0, ""};
    struct stat st;
    char copy[PATH_MAX], *slash;
    int error = errno;
    snprintf(copy, sizeof copy, "%s", path);
    slash = strrchr(copy, '/');
    snprintf(p.name, sizeof p.name, "%s", slash ? slash + 1 : copy);
    if (slash)
        slash[slash == copy] = '\0';
    if (fstatat(folder, slash ? copy : ".", &st, 0) == 0 && counts(&st))
        p.directory = (unsigned long)st.st_ino;
    errno = error;
    return p;
}

static unsigned long inode_at(int folder, const char *path)
{
    struct stat st;
    int error = errno;
    unsigned long inode =
        fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (unsigned long)st.st_ino : 0;
    errno = error;
    return inode;
}

/* ---- what is in files ---- */

static void written(int fd, const void *data, ssize_t size, off_t at)
{
    struct stat st;
    unsigned long inode = size > 0 ? inode_of(fd) : 0;
    if (inode == 0)
        return;
    pthread_mutex_lock(&lock);
    if (fstat(data_file, &st) != 0)
        st.st_size = 0;
    append(data_file, data, (size_t)size);
    note("write\t%lu\t%lld\t%zd\t%lld\n", inode, (long long)at, size, (long long)st.st_size);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *b, size_t n)
{
    NEXT(write);
    off_t at = inode_of(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = next(fd, b, n);
    written(fd, b, done, at);
    return done;
}

#define PWRITE(function, offset)                                                                   \
    ssize_t function(int fd, const void *b, size_t n, offset at)                                   \
    {                                                                                              \
        NEXT(function);                                                                            \
        ssize_t done = next(fd, b, n, at);                                                         \
        written(fd, b, done, at);                                                                  \
        return done;                                                                               \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(function, offset)                                                                  \
    ssize_t function(int fd, const struct iovec *v, int count, offset at)                          \
    {                                                                                              \
        NEXT(function);                                                                            \
        ssize_t done = next(fd, v, count, at), left = done;                                        \
        for (int i = 0; left > 0 && i < count; i++) {                                              \
            ssize_t part = left < (ssize_t)v[i].iov_len ? left : (ssize_t)v[i].iov_len;            \
            written(fd, v[i].iov_base, part, at + (done - left));                                  \
            left -= part;                                                                          \
        }                                                                                          \
        return done;                                                                               \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define TRUNCATE(function, offset)                                                                 \
    int function(int fd, offset size)                                                              \
    {                                                                                              \
        NEXT(function);                                                                            \
        int result = next(fd, size);                                                               \
        if (result == 0 && inode_of(fd))                                                           \
            note("truncate\t%lu\t%lld\n", inode_of(fd), (long long)size);                          \
        return result;                                                                             \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(function)                                                                             \
    int function(int fd)                                                                           \
    {                                                                                              \
        NEXT(function);                                                                            \
        int result = next(fd);                                                                     \
        if (result == 0 && inode_of(fd))                                                           \
            note("sync\t%lu\n", inode_of(fd));                                                     \
        return result;                                                                             \
    }
SYNC(fsync)
SYNC(fdatasync)

/* Ways to copy that would be seen by nobody: callers have to fall back. */
ssize_t copy_file_range(int a, off64_t *b, int c, off64_t *d, size_t e, unsigned f)
{
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
    errno = EOPNOTSUPP;
    return -1;
}

ssize_t sendfile(int a, int b, off_t *c, size_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    errno = EINVAL;
    return -1;
}

/* ---- names ---- */

static void noted_make(int folder, const char *path, char kind)
{
    struct place p = place_of(folder, path);
    if (p.directory)
        note("make\t%lu\t%s\t%lu\t%c\n", p.directory, p.name, inode_at(folder, path), kind);
}

#define OPENER(function, signature, folder, call)                                                  \
    int function signature                                                                         \
    {                                                                                              \
        NEXT(function);                                                                            \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        int nameless = (flags & O_TMPFILE) == O_TMPFILE;                                           \
        mode_t mode = (flags & O_CREAT) || nameless ? va_arg(args, mode_t) : 0;                    \
        va_end(args);                                                                              \
        int is_new = (flags & O_CREAT) && inode_at(folder, path) == 0;                             \
        int fd = next call;                                                                        \
        if (fd >= 0 && nameless && inode_of(fd))                                                   \
            note("create\t%lu\n", inode_of(fd));                                                   \
        else if (fd >= 0 && is_new)                                                                \
            noted_make(folder, path, 'f');                                                         \
        return fd;                                                                                 \
    }
OPENER(open, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPENER(open64, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPENER(openat, (int where, const char *path, int flags, ...), where, (where, path, flags, mode))
OPENER(openat64, (int where, const char *path, int flags, ...), where, (where, path, flags, mode))

int mkdirat(int folder, const char *path, mode_t mode)
{
    NEXT(mkdirat);
    int result = next(folder, path, mode);
    if (result == 0)
        noted_make(folder, path, 'd');
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    NEXT(mkdir);
    int result = next(path, mode);
    if (result == 0)
        noted_make(AT_FDCWD, path, 'd');
    return result;
}

static void noted_link(int folder, const char *path)
{
    struct place p = place_of(folder, path);
    if (p.directory)
        note("link\t%lu\t%s\t%lu\n", p.directory, p.name, inode_at(folder, path));
}

int linkat(int f, const char *a, int g, const char *b, int flags)
{
    NEXT(linkat);
    int result = next(f, a, g, b, flags);
    if (result == 0)
        noted_link(g, b);
    return result;
}

static void noted_rename(int f, const char *a, int g, const char *b)
{
    struct place from = place_of(f, a), to = place_of(g, b);
    if (from.directory || to.directory)
        note("rename\t%lu\t%s\t%lu\t%s\t%lu\n", from.directory, from.name, to.directory, to.name,
             inode_at(g, b));
}

int renameat2(int f, const char *a, int g, const char *b, unsigned flags)
{
    NEXT(renameat2);
    int result = next(f, a, g, b, flags);
    if (result == 0)
        noted_rename(f, a, g, b);
    return result;
}

int renameat(int f, const char *a, int g, const char *b)
{
    NEXT(renameat);
    int result = next(f, a, g, b);
    if (result == 0)
        noted_rename(f, a, g, b);
    return result;
}

int rename(const char *a, const char *b)
{
    NEXT(rename);
    int result = next(a, b);
    if (result == 0)
        noted_rename(AT_FDCWD, a, AT_FDCWD, b);
    return result;
}

static void noted_unlink(struct place p)
{
    if (p.directory)
        note("unlink\t%lu\t%s\n", p.directory, p.name);
}

int unlinkat(int folder, const char *path, int flags)
{
    NEXT(unlinkat);
    int result = next(folder, path, flags);
    if (result == 0)
        noted_unlink(place_of(folder, path));
    return result;
}

int unlink(const char *path)
{
    NEXT(unlink);
    int result = next(path);
    if (result == 0)
        noted_unlink(place_of(AT_FDCWD, path));
    return result;
}

int rmdir(const char *path)
{
    NEXT(rmdir);
    int result = next(path);
    if (result == 0)
        noted_unlink(place_of(AT_FDCWD, path));
    return result;
}
