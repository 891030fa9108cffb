/* A file that appears under its name only when it is complete: see outfile.h. */
#include "formats/outfile.h"

#include "formats/descriptor.h"
#include "formats/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outfile {
    int descriptor, folder; /* folder: the directory of the target */
    char *name;             /* of the target in its folder */
    char *temporary;        /* name in the folder; NULL: the file has no name */
    char path[64];          /* /proc/self/fd/... */
    bool force, committed;
};

enum { NAME_TRIES = 100 };

/* ---- the target ---- */

static bool split(struct outfile *out, const char *target, struct fault *f)
{
    const char *slash = strrchr(target, '/');
    const char *name = slash ? slash + 1 : target;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return fault_set(f, FAULT_NOT_THIS, "expected the name of a file");
    char *folder = slash ? strndup(target, (size_t)(slash - target) + 1) : strdup(".");
    out->name = strdup(name);
    bool ok = folder != NULL && out->name != NULL;
    if (!ok)
        fault_set(f, FAULT_NO_MEMORY, "out of memory");
    if (ok) {
        out->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ok = out->folder >= 0 || fault_set(f, FAULT_IO, "the directory %s cannot be opened: %s",
                                           folder, strerror(errno));
    }
    free(folder);
    return ok;
}

static bool check_target(const struct outfile *out, const struct stat *like, struct fault *f)
{
    struct stat st;
    if (fstatat(out->folder, out->name, &st, 0) != 0) {
        if (errno != ENOENT)
            return fault_set(f, FAULT_IO, "cannot be examined: %s", strerror(errno));
        if (fstatat(out->folder, out->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            return fault_set(f, FAULT_NOT_THIS, "is a symbolic link that leads nowhere");
        return true;
    }
    if (like && st.st_dev == like->st_dev && st.st_ino == like->st_ino)
        return fault_set(f, FAULT_LIMIT, "is the input itself; name another file for the output");
    if (!S_ISREG(st.st_mode))
        return fault_set(f, FAULT_NOT_THIS, "exists and is no regular file");
    if (!out->force)
        return fault_set(f, FAULT_LIMIT, "exists; it is only replaced with --force");
    return true;
}

/* ---- the unfinished file ---- */

static bool open_unnamed(struct outfile *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", out->folder);
    out->descriptor = descriptor_above_standard(open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (out->descriptor < 0)
        return false;
    /* Naming it later goes through /proc, too. */
    snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", out->descriptor);
    if (access(out->path, R_OK) == 0)
        return true;
    close(out->descriptor);
    out->descriptor = -1;
    return false;
}

/* The name of a temporary file beside the target; the caller frees it. */
static char *temporary_name(const struct outfile *out, unsigned try)
{
    char *name = NULL;
    /* A long name is cut: the temporary one must not be longer than file systems allow. */
    if (asprintf(&name, ".%.200s.%ld-%u.tmp", out->name, (long)getpid(), try) < 0)
        return NULL;
    return name;
}

static bool open_named(struct outfile *out, struct fault *f)
{
    for (unsigned try = 0; try < NAME_TRIES; try++) {
        char *name = temporary_name(out, try);
        if (name == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory");
        out->descriptor = descriptor_above_standard(
            openat(out->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (out->descriptor >= 0) {
            out->temporary = name;
            snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", out->descriptor);
            return true;
        }
        free(name);
        if (errno != EEXIST)
            break;
    }
    return fault_set(f, FAULT_IO, "no file can be made in the directory of the output: %s",
                     strerror(errno));
}

/* Owner and bits as the input's, never wider: the file starts with 0600, so nothing is open in
 * between. */
static bool set_owner_and_bits(struct outfile *out, const struct stat *like, struct fault *f)
{
    if (like == NULL)
        return true;
    struct stat st;
    mode_t bits = like->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    if (fchown(out->descriptor, like->st_uid, like->st_gid) != 0 &&
        fchown(out->descriptor, (uid_t)-1, like->st_gid) != 0 && errno != EPERM && errno != EINVAL)
        return fault_set(f, FAULT_IO, "the new file's owner cannot be set: %s", strerror(errno));
    if (fstat(out->descriptor, &st) != 0)
        return fault_set(f, FAULT_IO, "fstat: %s", strerror(errno));
    if (st.st_gid != like->st_gid) /* another group must not get the old group's rights */
        bits &= ~(mode_t)S_IRWXG;
    if (fchmod(out->descriptor, bits) != 0)
        return fault_set(f, FAULT_IO, "the new file's permissions cannot be set: %s",
                         strerror(errno));
    return true;
}

bool outfile_create(const char *target, const struct stat *like, bool force,
                    struct outfile **result, struct fault *f)
{
    struct outfile *out = calloc(1, sizeof *out);
    if (out == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    out->descriptor = out->folder = -1;
    out->force = force;
    if (!split(out, target, f) || !check_target(out, like, f) ||
        (!open_unnamed(out) && !open_named(out, f)) || !set_owner_and_bits(out, like, f)) {
        outfile_discard(out);
        return false;
    }
    *result = out;
    return true;
}

int outfile_descriptor(const struct outfile *out)
{
    return out->descriptor;
}

const char *outfile_path(const struct outfile *out)
{
    return out->path;
}

/* ---- the end ---- */

static bool name_failed(struct fault *f)
{
    if (errno == EEXIST)
        return fault_set(
            f, FAULT_LIMIT,
            "a file of that name has appeared meanwhile; it is only replaced with --force");
    return fault_set(f, FAULT_IO, "the new file cannot be given its name: %s", strerror(errno));
}

/* Gives an unnamed file a temporary name, so that it can be renamed over an existing one. */
static bool link_temporary(struct outfile *out, struct fault *f)
{
    for (unsigned try = 0; try < NAME_TRIES && out->temporary == NULL; try++) {
        char *name = temporary_name(out, try);
        if (name == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory");
        if (linkat(AT_FDCWD, out->path, out->folder, name, AT_SYMLINK_FOLLOW) == 0) {
            out->temporary = name;
            break;
        }
        free(name);
        if (errno != EEXIST)
            break;
    }
    return out->temporary != NULL || name_failed(f);
}

static bool give_name(struct outfile *out, struct fault *f)
{
    if (out->temporary == NULL && !out->force) {
        /* link() refuses an existing name by itself. */
        return linkat(AT_FDCWD, out->path, out->folder, out->name, AT_SYMLINK_FOLLOW) == 0 ||
               name_failed(f);
    }
    if (!link_temporary(out, f))
        return false;
    if (!out->force) {
        if (linkat(out->folder, out->temporary, out->folder, out->name, 0) != 0) {
            /* Where there are no hard links, only a check before the rename is left. */
            if (errno == EEXIST ||
                faccessat(out->folder, out->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                errno = EEXIST;
                return name_failed(f);
            }
        } else {
            unlinkat(out->folder, out->temporary, 0);
            return true;
        }
    }
    return renameat(out->folder, out->temporary, out->folder, out->name) == 0 || name_failed(f);
}

bool outfile_commit(struct outfile *out, struct fault *f)
{
    if (!memory_sufficed(f)) /* then what was written may lack something */
        return false;
    if (fsync(out->descriptor) != 0)
        return fault_set(f, FAULT_IO, "the new file cannot be synced to the disk: %s",
                         strerror(errno));
    if (!give_name(out, f))
        return false;
    out->committed = true;
    if (fsync(out->folder) != 0 && errno != EINVAL)
        return fault_set(f, FAULT_IO, "its directory cannot be synced to the disk: %s",
                         strerror(errno));
    return true;
}

void outfile_discard(struct outfile *out)
{
    if (out == NULL)
        return;
    if (out->temporary && !out->committed)
        unlinkat(out->folder, out->temporary, 0);
    if (out->descriptor >= 0)
        close(out->descriptor);
    if (out->folder >= 0)
        close(out->folder);
    free(out->temporary);
    free(out->name);
    free(out);
}
