/* Unnamed files: see unnamed.h. */
#include "migrate/rescue/unnamed.h"

#include "formats/access.h"
#include "formats/fileio.h"
#include "formats/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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
    return path_directory(target, folder) ? open_in(folder) : -1;
}

int unnamed_create(int like, const char *target, char path[UNNAMED_PATH], struct fault *f)
{
    bool narrower = false;
    int fd = target ? open_beside(target) : -1;
    if (fd < 0)
        fd = open_in(fileio_temporary_folder());
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

const char *unnamed_place(const char *target)
{
    return target ? target : fileio_temporary_folder();
}

void unnamed_date(int like, int descriptor)
{
    struct stat st;
    if (fstat(like, &st) == 0)
        futimens(descriptor, (struct timespec[2]){st.st_atim, st.st_mtim});
}
