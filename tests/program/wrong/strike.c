/*
 * Preloaded into kmmigrate by test_wrong_writes.py: once a repaired store is written, and before it
 * is verified, another program is run on it.
 *
 *     KM_WRONG        the program; it gets the store's name and KM_WRONG_SEED
 *     KM_WRONG_STORE  the store that is repaired in place: struck when it is synced; unset: a copy
 *                     is written, and struck when it is opened to be read back
 *     KM_WRONG_INPUT  set: this file instead, when the first output is made: it was judged, and is
 *                     still to be copied or written
 *     KM_WRONG_LOG    file that gets what the program prints, and its exit status
 */
#include "../outside.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int struck;

__attribute__((constructor)) static void begin(void)
{
    outside_begin();
}

static void strike_path(const char *path)
{
    char command[4096];
    if (__sync_lock_test_and_set(&struck, 1))
        return;
    snprintf(command, sizeof command, "'%s' '%s' '%s' >>'%s' 2>&1; echo \"status $?\" >>'%s'",
             getenv("KM_WRONG"), path, getenv("KM_WRONG_SEED"), getenv("KM_WRONG_LOG"),
             getenv("KM_WRONG_LOG"));
    if (!outside_run(command))
        abort();
}

static void strike(int descriptor)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), descriptor);
    strike_path(path);
}

int fsync(int descriptor)
{
    static int (*real)(int);
    const char *path = getenv("KM_WRONG_STORE");
    struct stat wanted, st;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    if (path && stat(path, &wanted) == 0 && fstat(descriptor, &st) == 0 &&
        wanted.st_dev == st.st_dev && wanted.st_ino == st.st_ino)
        strike(descriptor);
    return real(descriptor);
}

static void look(const char *path, int flags)
{
    static const char own[] = "/proc/self/fd/";
    const char *input = getenv("KM_WRONG_INPUT");
    if (input && (flags & O_TMPFILE) == O_TMPFILE)
        strike_path(input);
    else if (input == NULL && getenv("KM_WRONG_STORE") == NULL &&
             (flags & (O_ACCMODE | O_TMPFILE)) == O_RDONLY &&
             strncmp(path, own, sizeof own - 1) == 0)
        strike(atoi(path + sizeof own - 1));
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        static int (*real)(const char *, int, ...);                                                \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = va_arg(more, mode_t);                                                        \
        va_end(more);                                                                              \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        look(path, flags);                                                                         \
        return real(path, flags, mode);                                                            \
    }

OPEN(open)
OPEN(open64)

/* What open() becomes where the compiler fortifies it. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int __open64_2(const char *path, int flags)
{
    return open64(path, flags);
}
