/*
 * Preloaded into kmmigrate by striking.py: counts the system calls that change something below one
 * directory (and, when asked, those that read there), and strikes at the n-th.
 *
 *     KM_FAULT_BELOW  the directory; calls elsewhere are not counted
 *     KM_FAULT_AT     which call, from 1; 0 or unset: none
 *     KM_FAULT_DO     what: kill (before the call), torn (half of the data is written, then kill),
 *                     flip (one bit of the data is written wrongly, and nobody is told), signal-N
 * (the signal of that number, then the call), a number (the call fails with that errno)
 *     KM_FAULT_STAY   set: every later counted call is struck as well
 *     KM_FAULT_READS  set: calls that open and read are counted, too
 *     KM_FAULT_NAMED  set: no file without a name can be made, as where there is no O_TMPFILE
 *     KM_FAULT_LOG    file that gets one line a call: its number and name
 */
#include "../outside.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long counted;
static int log_file = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *what = getenv("KM_FAULT_DO");
    log_file = outside_file("KM_FAULT_LOG");
    if (what && strcmp(what, "swap") == 0)
        outside_begin();
}

static void note(const char *name)
{
    char line[80];
    int size = snprintf(line, sizeof line, "%ld %s\n", counted, name);
    if (log_file >= 0)
        syscall(SYS_write, log_file, line, (size_t)size);
}

static _Noreturn void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Somebody who may write to the directory puts another one in the place of one that is being
 * filled. */
static void swap(void)
{
    char path[PATH_MAX], command[5 * PATH_MAX];
    DIR *dir = opendir(getenv("KM_FAULT_BELOW"));
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (strstr(entry->d_name, ".kmmigrate-") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", getenv("KM_FAULT_BELOW"), entry->d_name);
        snprintf(command, sizeof command, "mv '%s' '%s.away' && ln -s '%s' '%s'", path, path,
                 getenv("KM_FAULT_ELSEWHERE"), path);
        if (!outside_run(command))
            abort();
        break;
    }
    if (dir)
        closedir(dir);
}

enum verdict { GO_ON, FAIL, TEAR, FLIP };

/* What becomes of this call, which is one of those that count.  FAIL: errno is set. */
static enum verdict judge(const char *name)
{
    const char *at = getenv("KM_FAULT_AT"), *what = getenv("KM_FAULT_DO");
    pthread_mutex_lock(&lock);
    long number = ++counted, wanted = at ? atol(at) : 0;
    note(name);
    pthread_mutex_unlock(&lock);
    if (wanted == 0 || what == NULL || number < wanted ||
        (number > wanted && !getenv("KM_FAULT_STAY")))
        return GO_ON;
    if (strcmp(what, "kill") == 0)
        die();
    if (strcmp(what, "torn") == 0)
        return TEAR;
    if (strcmp(what, "flip") == 0)
        return FLIP;
    if (strcmp(what, "swap") == 0) {
        swap();
        return GO_ON;
    }
    if (strncmp(what, "signal-", 7) == 0) {
        kill(getpid(), atoi(what + 7));
        return GO_ON;
    }
    errno = atoi(what);
    return FAIL;
}

static int is_below(const char *path)
{
    const char *below = getenv("KM_FAULT_BELOW");
    return below && strncmp(path, below, strlen(below)) == 0;
}

static int counts_fd(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    return is_below(path);
}

/* Relative paths are relative to the test's directory, or to a directory below it. */
static int counts_path(int folder, const char *path)
{
    if (path[0] == '/')
        return is_below(path) || strncmp(path, "/proc/self/fd/", 14) == 0;
    return folder == AT_FDCWD || counts_fd(folder);
}

/* The next definition of a function. */
#define NEXT(function)                                                                             \
    static __typeof__(&function) next;                                                             \
    if (next == NULL)                                                                              \
    *(void **)&next = dlsym(RTLD_NEXT, #function)

/* ---- writing ---- */

/* The data with the lowest bit of its middle byte turned over; the caller frees it. */
static void *flipped(const void *data, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    copy[size / 2] ^= 1;
    return copy;
}

#define WRITER(function, type, parameters, call, half)                                             \
    type function parameters;                                                                      \
    type function parameters                                                                       \
    {                                                                                              \
        NEXT(function);                                                                            \
        enum verdict v = counts_fd(fd) ? judge(#function) : GO_ON;                                 \
        if (v == TEAR) {                                                                           \
            half;                                                                                  \
            die();                                                                                 \
        }                                                                                          \
        return v == FAIL ? -1 : next call;                                                         \
    }

#define DATA_WRITER(function, parameters, call, half, wrong)                                       \
    ssize_t function parameters;                                                                   \
    ssize_t function parameters                                                                    \
    {                                                                                              \
        NEXT(function);                                                                            \
        enum verdict v = counts_fd(fd) ? judge(#function) : GO_ON;                                 \
        if (v == TEAR) {                                                                           \
            half;                                                                                  \
            die();                                                                                 \
        }                                                                                          \
        if (v == FLIP) {                                                                           \
            void *bad = flipped(b, n);                                                             \
            ssize_t done = wrong;                                                                  \
            free(bad);                                                                             \
            return done;                                                                           \
        }                                                                                          \
        return v == FAIL ? -1 : next call;                                                         \
    }

DATA_WRITER(write, (int fd, const void *b, size_t n), (fd, b, n), next(fd, b, n / 2),
            next(fd, bad, n))
DATA_WRITER(pwrite, (int fd, const void *b, size_t n, off_t at), (fd, b, n, at),
            next(fd, b, n / 2, at), next(fd, bad, n, at))
DATA_WRITER(pwrite64, (int fd, const void *b, size_t n, off64_t at), (fd, b, n, at),
            next(fd, b, n / 2, at), next(fd, bad, n, at))
WRITER(pwritev, ssize_t, (int fd, const struct iovec *v_, int n, off_t at), (fd, v_, n, at),
       (void)0)
WRITER(pwritev64, ssize_t, (int fd, const struct iovec *v_, int n, off64_t at), (fd, v_, n, at),
       (void)0)
WRITER(fsync, int, (int fd), (fd), (void)0)
WRITER(fdatasync, int, (int fd), (fd), (void)0)
WRITER(ftruncate, int, (int fd, off_t size), (fd, size), (void)0)
WRITER(ftruncate64, int, (int fd, off64_t size), (fd, size), (void)0)
WRITER(fchmod, int, (int fd, mode_t mode), (fd, mode), (void)0)
WRITER(fchown, int, (int fd, uid_t u, gid_t g), (fd, u, g), (void)0)

/* ---- names ---- */

#define NAMER(function, folder, path, parameters, call)                                            \
    int function parameters;                                                                       \
    int function parameters                                                                        \
    {                                                                                              \
        NEXT(function);                                                                            \
        enum verdict v = counts_path(folder, path) ? judge(#function) : GO_ON;                     \
        if (v == TEAR)                                                                             \
            die();                                                                                 \
        return v == FAIL ? -1 : next call;                                                         \
    }

NAMER(rename, AT_FDCWD, a, (const char *a, const char *b), (a, b))
NAMER(renameat, f, a, (int f, const char *a, int g, const char *b), (f, a, g, b))
NAMER(renameat2, f, a, (int f, const char *a, int g, const char *b, unsigned flags),
      (f, a, g, b, flags))
NAMER(unlink, AT_FDCWD, a, (const char *a), (a))
NAMER(unlinkat, f, a, (int f, const char *a, int flags), (f, a, flags))
NAMER(link, AT_FDCWD, a, (const char *a, const char *b), (a, b))
NAMER(linkat, f, a, (int f, const char *a, int g, const char *b, int flags), (f, a, g, b, flags))
NAMER(mkdir, AT_FDCWD, a, (const char *a, mode_t mode), (a, mode))
NAMER(mkdirat, f, a, (int f, const char *a, mode_t mode), (f, a, mode))
NAMER(rmdir, AT_FDCWD, a, (const char *a), (a))
NAMER(chmod, AT_FDCWD, a, (const char *a, mode_t mode), (a, mode))

char *mkdtemp(char *name)
{
    NEXT(mkdtemp);
    enum verdict v = counts_path(AT_FDCWD, name) ? judge("mkdtemp") : GO_ON;
    if (v == TEAR)
        die();
    return v == FAIL ? NULL : next(name);
}

/* ---- reading ---- */

#define READER(function, parameters, call)                                                         \
    ssize_t function parameters;                                                                   \
    ssize_t function parameters                                                                    \
    {                                                                                              \
        NEXT(function);                                                                            \
        enum verdict v = getenv("KM_FAULT_READS") && counts_fd(fd) ? judge(#function) : GO_ON;     \
        return v == FAIL ? -1 : next call;                                                         \
    }

READER(read, (int fd, void *b, size_t n), (fd, b, n))
READER(pread, (int fd, void *b, size_t n, off_t at), (fd, b, n, at))
READER(pread64, (int fd, void *b, size_t n, off64_t at), (fd, b, n, at))
READER(__read_chk, (int fd, void *b, size_t n, size_t room), (fd, b, n, room))
READER(__pread_chk, (int fd, void *b, size_t n, off_t at, size_t room), (fd, b, n, at, room))
READER(__pread64_chk, (int fd, void *b, size_t n, off64_t at, size_t room), (fd, b, n, at, room))

#define OPENER(function)                                                                           \
    int function(const char *path, int flags, ...)                                                 \
    {                                                                                              \
        NEXT(function);                                                                            \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode =                                                                              \
            (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;      \
        va_end(args);                                                                              \
        if (getenv("KM_FAULT_NAMED") && (flags & O_TMPFILE) == O_TMPFILE) {                        \
            errno = EOPNOTSUPP;                                                                    \
            return -1;                                                                             \
        }                                                                                          \
        enum verdict v =                                                                           \
            getenv("KM_FAULT_READS") && counts_path(AT_FDCWD, path) ? judge(#function) : GO_ON;    \
        return v == FAIL ? -1 : next(path, flags, mode);                                           \
    }

OPENER(open)
OPENER(open64)
