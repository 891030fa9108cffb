/* A file that appears under its name only when it is complete: see outfile.h. */
#include "formats/outfile.h"

#include "formats/access.h"
#include "formats/descriptor.h"
#include "formats/fileio.h"
#include "formats/fault.h"
#include "formats/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct outfile {
    int descriptor, folder; /* folder: the directory of the target */
    char *name;             /* of the target in its folder */
    char *temporary;        /* name in the folder; NULL: the file has no name */
    char path[64];          /* /proc/self/fd/... */
    bool force, committed, narrower;
};

enum { NAME_TRIES = 100 };

/* ---- the target ---- */

static bool split(struct outfile *out, const char *target, struct fault *f)
{
    const char *name = path_last(target);
    char folder[PATH_MAX];
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return fault_set(f, FAULT_NOT_THIS, "expected the name of a file");
    if (!path_directory(target, folder))
        return fault_set(f, FAULT_IO, "the path is too long");
    out->name = strdup(name);
    if (out->name == NULL)
        return fault_no_memory(f, NULL);
    out->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return out->folder >= 0 ||
           fault_set(f, FAULT_IO, "the directory %s cannot be opened: %s", folder, strerror(errno));
}

static bool check_target(const struct outfile *out, int like, struct fault *f)
{
    struct stat st, input;
    if (fstatat(out->folder, out->name, &st, 0) != 0) {
        if (errno != ENOENT)
            return fault_set(f, FAULT_IO, "cannot be examined: %s", strerror(errno));
        if (fstatat(out->folder, out->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            return fault_set(f, FAULT_NOT_THIS, "is a symbolic link that leads nowhere");
        return true;
    }
    if (like >= 0 && fstat(like, &input) == 0 && fileio_is_same(&st, &input))
        return fault_set(f, FAULT_LIMIT, "is the input itself; name another file for the output");
    if (!S_ISREG(st.st_mode))
        return fault_set(f, FAULT_NOT_THIS, "exists and is no regular file");
    if (!out->force)
        return fault_set(f, FAULT_LIMIT, "exists; it is only replaced with --force");
    return true;
}

/* What is written here is for a Windows server, and may come from one. */
static bool is_without_twin(const struct outfile *out, struct fault *f)
{
    char twin[NAME_MAX + 1];
    return !fileio_has_twin(out->folder, out->name, twin) ||
           fault_set(f, FAULT_LIMIT,
                     "would have the name of %.100s, which lies there already, but for upper and "
                     "lower case: on Windows that is one name; name another one for the output",
                     twin);
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
            return fault_no_memory(f, NULL);
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

/* Held as long as the file is open: whoever finds it under its temporary name, and can lock it,
 * knows that it was left over. */
static void mark_in_use(const struct outfile *out)
{
    flock(out->descriptor, LOCK_EX | LOCK_NB); /* a help, not a need */
}

/* The file starts with 0600, so nothing is open before its rights are set. */
static bool create(struct outfile *out, int like, struct fault *f)
{
    if (!check_target(out, like, f) || (!open_unnamed(out) && !open_named(out, f)))
        return false;
    mark_in_use(out);
    return access_as(like, out->descriptor, &out->narrower, f);
}

static struct outfile *new_outfile(bool force, struct fault *f)
{
    struct outfile *out = calloc(1, sizeof *out);
    if (out == NULL) {
        fault_no_memory(f, NULL);
        return NULL;
    }
    out->descriptor = out->folder = -1;
    out->force = force;
    return out;
}

bool outfile_create(const char *target, int like, bool force, struct outfile **result,
                    struct fault *f)
{
    struct outfile *out = new_outfile(force, f);
    if (out == NULL || !split(out, target, f) || !create(out, like, f) ||
        !is_without_twin(out, f)) {
        outfile_discard(out);
        return fault_of_output(f);
    }
    *result = out;
    return true;
}

bool outfile_create_at(int folder, const char *name, int like, struct outfile **result,
                       struct fault *f)
{
    struct outfile *out = new_outfile(false, f);
    if (out == NULL)
        return false;
    out->name = strdup(name);
    out->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    bool ok = out->name != NULL && out->folder >= 0;
    if (!ok)
        fault_set(f, out->name ? FAULT_IO : FAULT_NO_MEMORY, "no file can be made: %s",
                  strerror(errno));
    if (!ok || !create(out, like, f)) {
        outfile_discard(out);
        return fault_of_output(f);
    }
    *result = out;
    return true;
}

bool outfile_is_narrower(const struct outfile *out)
{
    return out->narrower;
}

int outfile_descriptor(const struct outfile *out)
{
    return out->descriptor;
}

bool outfile_write(struct outfile *out, struct bytes data, struct fault *f)
{
    if (fileio_write(out->descriptor, data))
        return true;
    fault_set(f, FAULT_IO, "cannot be written: %s", strerror(errno));
    return fault_of_output(f);
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
            return fault_no_memory(f, NULL);
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

/* Without force nothing is replaced; where a file system cannot promise that, a look before the
 * rename is what is left. */
static bool rename_temporary(const struct outfile *out)
{
    if (!out->force &&
        renameat2(out->folder, out->temporary, out->folder, out->name, RENAME_NOREPLACE) == 0)
        return true;
    if (!out->force && errno != EINVAL && errno != ENOSYS)
        return false;
    if (!out->force && faccessat(out->folder, out->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return renameat(out->folder, out->temporary, out->folder, out->name) == 0;
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
    return rename_temporary(out) || name_failed(f);
}

/* Is the name still that of this file, and not of one that somebody has put there? */
static bool is_named(const struct outfile *out)
{
    struct stat mine, there;
    return fstat(out->descriptor, &mine) == 0 &&
           fstatat(out->folder, out->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           fileio_is_same(&mine, &there);
}

bool outfile_remove(struct outfile *out)
{
    if (!out->committed)
        return true;
    if (!is_named(out) || unlinkat(out->folder, out->name, 0) != 0)
        return false;
    out->committed = false;
    fileio_sync(out->folder); /* one that comes back after a crash is what it was before */
    return true;
}

static bool commit(struct outfile *out, struct fault *f)
{
    if (!fileio_sync(out->descriptor))
        return fault_set(f, FAULT_IO, "the new file cannot be synced to the disk: %s",
                         strerror(errno));
    if (!give_name(out, f))
        return false;
    free(out->temporary); /* it is renamed, or gone */
    out->temporary = NULL;
    out->committed = true;
    if (fileio_sync_directory(out->folder))
        return true;
    fault_set(f, FAULT_IO, "its directory cannot be synced to the disk: %s", strerror(errno));
    /* What was replaced is gone: then the new file, which is complete, is better than none. */
    if (out->force || !outfile_remove(out))
        fault_context(
            f, "the new file is complete and has its name, but may lose it when the power fails");
    return false;
}

bool outfile_commit(struct outfile *out, struct fault *f)
{
    if (!memory_sufficed(f)) /* then what was written may lack something */
        return false;
    return commit(out, f) || fault_of_output(f);
}

bool outfile_is_unnamed(const struct outfile *out)
{
    return out->temporary == NULL && !out->committed;
}

bool outfile_is_committed(const struct outfile *out)
{
    return out->committed;
}

void outfile_discard(struct outfile *out)
{
    if (out == NULL)
        return;
    if (out->temporary)
        unlinkat(out->folder, out->temporary, 0);
    descriptor_close(out->descriptor);
    descriptor_close(out->folder);
    free(out->temporary);
    free(out->name);
    free(out);
}
