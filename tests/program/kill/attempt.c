/*
 * Preloaded into kmmigrate by test_sandbox.py: tries to do what the sandbox forbids, before the
 * first byte of an input is read, and at the end of the process.
 *
 *     KM_ATTEMPT      directories, with a colon between them; in each of them a file is made and
 *                     removed, a directory made and removed, a symbolic link made, and the file
 *                     `there` opened for writing, renamed, there and back, and run
 *     KM_ATTEMPT_LOG  file that gets one line a trial: when, directory, what, errno (0: it was
 * done) KM_LANDLOCK     the version of Landlock that the kernel says it has; "none": it has none
 */
#include "../outside.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif

static int log_file = -1, begun;

__attribute__((constructor)) static void begin(void)
{
    log_file = outside_file("KM_ATTEMPT_LOG");
}

static void note(const char *when, const char *directory, const char *what, long failed)
{
    dprintf(log_file, "%s %s %s %d\n", when, directory, what, failed < 0 ? errno : 0);
}

/* What is made, and removed again where it could be made.  The calls are the kernel's own: what
 * counts is what that allows. */
static void attempt_new(const char *when, const char *directory)
{
    char other[PATH_MAX];
    snprintf(other, sizeof other, "%s/other", directory);
    long fd = syscall(SYS_openat, AT_FDCWD, other, O_WRONLY | O_CREAT | O_EXCL, 0600);
    note(when, directory, "make", fd);
    if (fd >= 0) {
        syscall(SYS_close, fd);
        note(when, directory, "remove", syscall(SYS_unlinkat, AT_FDCWD, other, 0));
    }
    fd = syscall(SYS_openat, AT_FDCWD, directory, O_TMPFILE | O_RDWR, 0600);
    note(when, directory, "unnamed", fd);
    if (fd >= 0)
        syscall(SYS_close, fd);
    long made = syscall(SYS_mkdirat, AT_FDCWD, other, 0700);
    note(when, directory, "directory", made);
    if (made == 0)
        note(when, directory, "rmdir", syscall(SYS_unlinkat, AT_FDCWD, other, AT_REMOVEDIR));
    made = syscall(SYS_symlinkat, "there", AT_FDCWD, other);
    note(when, directory, "symlink", made);
    if (made == 0)
        syscall(SYS_unlinkat, AT_FDCWD, other, 0);
}

/* What is done to a file that is there; as a program it would be none (ENOEXEC). */
static void attempt_there(const char *when, const char *directory)
{
    char there[PATH_MAX], other[PATH_MAX];
    char *const nothing[] = {NULL};
    snprintf(there, sizeof there, "%s/there", directory);
    snprintf(other, sizeof other, "%s/other", directory);
    long fd = syscall(SYS_openat, AT_FDCWD, there, O_WRONLY);
    note(when, directory, "write", fd);
    if (fd >= 0)
        syscall(SYS_close, fd);
    long renamed = syscall(SYS_renameat2, AT_FDCWD, there, AT_FDCWD, other, 0);
    note(when, directory, "rename", renamed);
    if (renamed == 0)
        syscall(SYS_renameat2, AT_FDCWD, other, AT_FDCWD, there, 0);
    note(when, directory, "execute", syscall(SYS_execve, there, nothing, nothing));
}

static void attempt_all(const char *when)
{
    char directories[4 * PATH_MAX], *rest = directories;
    const char *given = getenv("KM_ATTEMPT");
    snprintf(directories, sizeof directories, "%s", given ? given : "");
    for (char *one; (one = strsep(&rest, ":")) != NULL;)
        if (*one)
            attempt_new(when, one), attempt_there(when, one);
}

__attribute__((destructor)) static void end(void)
{
    attempt_all("end");
}

static void first(void)
{
    int error = errno;
    if (!__sync_lock_test_and_set(&begun, 1))
        attempt_all("first");
    errno = error;
}

#define READER(function, type, parameters, call)                                                   \
    ssize_t function parameters;                                                                   \
    ssize_t function parameters                                                                    \
    {                                                                                              \
        static __typeof__(&function) next;                                                         \
        if (next == NULL)                                                                          \
            *(void **)&next = dlsym(RTLD_NEXT, #function);                                         \
        first();                                                                                   \
        return next call;                                                                          \
    }

READER(pread, off_t, (int fd, void *b, size_t n, off_t at), (fd, b, n, at))
READER(pread64, off64_t, (int fd, void *b, size_t n, off64_t at), (fd, b, n, at))
READER(__pread_chk, off_t, (int fd, void *b, size_t n, off_t at, size_t room), (fd, b, n, at, room))
READER(__pread64_chk, off64_t, (int fd, void *b, size_t n, off64_t at, size_t room),
       (fd, b, n, at, room))

/* What asks the kernel for its version of Landlock gets another answer. */
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    const char *version = getenv("KM_LANDLOCK");
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_landlock_create_ruleset && version && strcmp(version, "none") == 0) {
        errno = ENOSYS;
        return -1;
    }
    if (number == SYS_landlock_create_ruleset && version && a[0] == 0)
        return atol(version);
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
