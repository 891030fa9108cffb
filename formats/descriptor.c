/* The numbers of descriptors: see descriptor.h. */
#include "formats/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF;
}

static bool was_closed[STDERR_FILENO + 1];

bool descriptor_was_closed(int descriptor)
{
    return descriptor >= 0 && descriptor <= STDERR_FILENO && was_closed[descriptor];
}

bool descriptors_fill(void)
{
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        if (is_open(i))
            continue;
        was_closed[i] = true;
        /* The lowest free number is taken, which is i.  Where there is no /dev, the number is at
         * least held: what is written to it fails. */
        int got = open("/dev/null", O_RDWR | O_NOCTTY);
        if (got < 0)
            got = open("/", O_PATH | O_DIRECTORY);
        if (got == i)
            continue;
        if (got >= 0) {
            close(got);
            errno = EBADF;
        }
        return false;
    }
    return true;
}

int descriptor_above_standard(int descriptor)
{
    if (descriptor < 0 || descriptor > STDERR_FILENO)
        return descriptor;
    int above = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(descriptor);
    errno = error;
    return above;
}

void descriptor_close(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

int descriptor_open_input(const char *path, int flags)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME | flags);
    if (descriptor < 0 && errno == EPERM) /* of another owner */
        descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
    return descriptor;
}
