/* Unnamed files: see unnamed.h. */
#include "migrate/repair/unnamed.h"

#include "formats/access.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_in(const char *folder)
{
    return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static int open_beside(const char *target)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(target, '/');
    if (slash == NULL)
        return open_in(".");
    int size = snprintf(folder, sizeof folder, "%.*s", (int)(slash - target) + 1, target);
    return size < (int)sizeof folder ? open_in(folder) : -1;
}

int unnamed_create(int like, const char *target, char path[UNNAMED_PATH], struct fault *f)
{
    const char *folder = getenv("TMPDIR");
    bool narrower = false;
    int fd = target ? open_beside(target) : -1;
    if (fd < 0)
        fd = open_in(folder && folder[0] ? folder : "/tmp");
    if (fd < 0)
        fd = memfd_create("kmmigrate", MFD_CLOEXEC);
    if (fd < 0) {
        fault_set(f, FAULT_IO, "no temporary file for the store: %s", strerror(errno));
        return -1;
    }
    snprintf(path, UNNAMED_PATH, "/proc/self/fd/%d", fd);
    if (access_as(like, fd, &narrower, f))
        return fd;
    close(fd);
    return -1;
}

void unnamed_date(int like, int descriptor)
{
    struct stat st;
    if (fstat(like, &st) == 0)
        futimens(descriptor, (struct timespec[2]){st.st_atim, st.st_mtim});
}
