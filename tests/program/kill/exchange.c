/*
 * Preloaded into a command: just before the KM_EXCHANGE_AT-th lstat() of a path that ends in
 * KM_EXCHANGE, or the KM_EXCHANGE_SYNC-th fsync() of whatever file, somebody else puts a file of
 * his own under that name; for the latter it is a whole path.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void exchange(const char *path)
{
    char away[4096];
    snprintf(away, sizeof away, "%s.away", path);
    if (rename(path, away) != 0)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write(fd, "another's", 9) != 9)
        abort();
    close(fd);
}

static void exchange_named(const char *path)
{
    static int calls;
    const char *name = getenv("KM_EXCHANGE"), *at = getenv("KM_EXCHANGE_AT");
    if (name && at && strlen(path) >= strlen(name) &&
        strcmp(path + strlen(path) - strlen(name), name) == 0 && ++calls == atoi(at))
        exchange(path);
}

typedef int lstat_fn(const char *path, struct stat *st);
typedef int fsync_fn(int fd);

int fsync(int fd)
{
    static int calls;
    const char *name = getenv("KM_EXCHANGE"), *at = getenv("KM_EXCHANGE_SYNC");
    if (name && at && ++calls == atoi(at))
        exchange(name);
    return ((fsync_fn *)dlsym(RTLD_NEXT, "fsync"))(fd);
}

int lstat(const char *path, struct stat *st)
{
    exchange_named(path);
    return ((lstat_fn *)dlsym(RTLD_NEXT, "lstat"))(path, st);
}

int lstat64(const char *path, struct stat64 *st)
{
    exchange_named(path);
    return ((lstat_fn *)dlsym(RTLD_NEXT, "lstat64"))(path, (struct stat *)st);
}
