/*
 * Locks: see lock.h.
 *
 * The lock is one of the open file description: a lock of the process would be lost as soon as any
 * other descriptor of the file is closed in it, and the store is opened several times.
 */
#include "migrate/files/lock.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 3, NAME_SIZE = 64 };

static void sleep_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&moment, NULL);
}

/* ---- who has it open ---- */

static bool has_open(int proc, const char *pid, const struct stat *wanted)
{
    char path[NAME_MAX + 8];
    struct stat st;
    snprintf(path, sizeof path, "%s/fd", pid);
    DIR *dir = fileio_list(proc, path);
    if (dir == NULL)
        return false; /* gone, or not for us to see */
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;)
        found = isdigit((unsigned char)entry->d_name[0]) &&
                fstatat(dirfd(dir), entry->d_name, &st, AT_NO_AUTOMOUNT) == 0 &&
                fileio_is_same(&st, wanted);
    closedir(dir);
    return found;
}

/* The first other process that has the file locked, by the kernel's list of locks (proc(5)), which
 * names it also where its descriptors are not for us to see: of somebody else, or outside our
 * sandbox.  Locks of an open file description, as our own are, stand in it without a process; those
 * of flock() do not. */
static long locker(const struct stat *wanted)
{
    FILE *locks = fopen("/proc/locks", "re");
    char line[200];
    long found = 0;
    while (locks && !found && fgets(line, sizeof line, locks)) {
        unsigned device[2];
        unsigned long inode;
        long pid;
        if (sscanf(line, "%*s %*s %*s %*s %ld %x:%x:%lu", &pid, &device[0], &device[1], &inode) ==
                4 &&
            pid > 0 && pid != (long)getpid() && inode == wanted->st_ino &&
            makedev(device[0], device[1]) == wanted->st_dev)
            found = pid;
    }
    if (locks)
        fclose(locks);
    return found;
}

/* The first other process that has the file open; 0: none that can be seen. */
static long opener(const struct stat *wanted)
{
    DIR *dir = opendir("/proc");
    long found = 0;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir)) != NULL;) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid > 0 && *end == '\0' && pid != (long)getpid() &&
            has_open(dirfd(dir), entry->d_name, wanted))
            found = pid;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* Whoever has the lock that was refused to us; 0: nobody that can be seen. */
static long holder(const struct stat *wanted)
{
    long pid = opener(wanted);
    return pid ? pid : locker(wanted);
}

static const char *name_of(long pid, char name[NAME_SIZE])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, name, NAME_SIZE - 1);
    descriptor_close(fd);
    name[n > 0 ? n : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return name[0] ? name : "unknown";
}

static bool in_use(struct fault *f, long pid)
{
    char name[NAME_SIZE];
    if (pid > 0)
        return fault_set(f, FAULT_LIMIT, "is in use by process %ld (%s); end that first", pid,
                         name_of(pid, name));
    return fault_set(
        f, FAULT_LIMIT,
        "is in use: a process that cannot be named here has it locked; end that first");
}

/* ---- locking ---- */

/* A file system without such locks is no reason to refuse. */
static bool is_unsupported(int error)
{
    return error == EINVAL || error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP;
}

static bool lock_range(const struct lock *l, struct fault *f)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(l->descriptor, F_OFD_SETLK, &range) != 0) {
        if (errno == EINTR)
            continue;
        if (is_unsupported(errno))
            return true;
        if (errno != EAGAIN && errno != EACCES)
            return fault_set(f, FAULT_IO, "cannot be locked: %s", strerror(errno));
        range = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        bool known = fcntl(l->descriptor, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK &&
                     range.l_pid > 0;
        return in_use(f, known ? (long)range.l_pid : holder(&l->st));
    }
    return true;
}

static bool lock_whole(const struct lock *l, struct fault *f)
{
    while (flock(l->descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return is_unsupported(errno) ||
                   fault_set(f, FAULT_IO, "cannot be locked: %s", strerror(errno));
        return in_use(f, holder(&l->st));
    }
    return true;
}

/* Another kmmigrate that is just being refused has the file open for a moment: look more than once.
 */
static bool nobody_else(const struct lock *l, struct fault *f)
{
    long pid = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        pid = opener(&l->st);
        if (pid == 0)
            return true;
        if (i + 1 < TRIES)
            sleep_a_moment();
    }
    return in_use(f, pid);
}

static bool open_store(struct lock *l, const char *path, struct fault *f)
{
    do
        l->descriptor = descriptor_above_standard(
            open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW));
    while (l->descriptor < 0 && errno == EINTR);
    if (l->descriptor < 0 && errno == ELOOP)
        return fault_set(f, FAULT_NOT_THIS, "is a symbolic link; name the file that it leads to");
    if (l->descriptor < 0)
        return fault_set(f, FAULT_IO, "cannot be opened for writing: %s", strerror(errno));
    if (fstat(l->descriptor, &l->st) != 0)
        return fault_set(f, FAULT_IO, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(l->st.st_mode))
        return fault_set(f, FAULT_NOT_THIS, "is no regular file");
    return l->st.st_nlink < 2 ||
           fault_set(
               f, FAULT_NOT_THIS,
               "has %lu names (hard links), and what is done to it happens under all of them; "
               "is one of them a backup? Copy it and repair the copy, or write another file "
               "with -o",
               (unsigned long)l->st.st_nlink);
}

/* The store that this process holds; a lock of its own would stand in the way of its own reading.
 */
static struct stat held;
static bool holds;

bool lock_take(struct lock *l, const char *path, struct fault *f)
{
    *l = (struct lock){.descriptor = -1};
    if (open_store(l, path, f) && lock_range(l, f) && lock_whole(l, f) && nobody_else(l, f)) {
        held = l->st;
        holds = true;
        return true;
    }
    lock_release(l);
    return false;
}

void lock_release(struct lock *l)
{
    descriptor_close(l->descriptor);
    l->descriptor = -1;
    holds = false;
}

bool lock_is_named(const struct lock *l, const char *path, struct fault *f)
{
    struct stat there;
    if (lstat(path, &there) == 0)
        return fileio_is_same(&there, &l->st) ||
               fault_set(f, FAULT_LIMIT, "another file has its name by now");
    return fault_set(f, FAULT_LIMIT, "no file has its name by now (%s)", strerror(errno));
}

/* ---- reading ---- */

static bool is_being_written(int descriptor, struct fault *f)
{
    struct flock range = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    char name[NAME_SIZE];
    struct stat st;
    long pid = 0;
    if (fcntl(descriptor, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK && range.l_pid > 0)
        pid = range.l_pid;
    else if (fstat(descriptor, &st) == 0)
        pid = holder(&st);
    if (pid > 0)
        return fault_set(f, FAULT_LIMIT,
                         "is being written by process %ld (%s): it is between two states; try "
                         "again when that has ended",
                         pid, name_of(pid, name));
    return fault_set(f, FAULT_LIMIT,
                     "is being written by a process that cannot be named here: it is between two "
                     "states; try again when that has ended");
}

bool lock_shared(int descriptor, bool *known, struct fault *f)
{
    struct flock range = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    struct stat st;
    *known = true;
    if (descriptor < 0)
        return true;
    if (holds && fstat(descriptor, &st) == 0 && fileio_is_same(&st, &held))
        return true;
    while (fcntl(descriptor, F_OFD_SETLK, &range) != 0) {
        if (errno == EINTR)
            continue;
        *known = !is_unsupported(errno);
        if (!*known)
            return true;
        if (errno == EAGAIN || errno == EACCES)
            return is_being_written(descriptor, f);
        return fault_set(f, FAULT_IO, "cannot be locked: %s", strerror(errno));
    }
    return true;
}
