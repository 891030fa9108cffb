/* Copying a directory: see copydir.h. */
#include "migrate/repair/copydir.h"

#include "formats/access.h"
#include "formats/array.h"
#include "formats/descriptor.h"
#include "formats/fileio.h"
#include "formats/outfile.h"
#include "formats/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

enum { NAME_TRIES = 100 };

static bool failed(struct fault *f, const char *name, const char *what)
{
    return fault_set(f, FAULT_IO, "%.180s %s: %s", name, what, strerror(errno));
}

/* ---- the directories ---- */

static bool open_parent(struct copydir *c, const char *target, struct fault *f)
{
    char path[PATH_MAX], folder[PATH_MAX];
    bool fits = snprintf(path, sizeof path, "%.*s", (int)path_trimmed(target), target) < PATH_MAX &&
                path_directory(path, folder);
    size_t size = fits ? strlen(path_last(path)) : 0;
    if (size == 0 || size > NAME_MAX)
        return fault_set(f, FAULT_NOT_THIS, "expected the name of a directory");
    memcpy(c->target, path_last(path), size + 1);
    c->parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return c->parent >= 0 || failed(f, folder, "cannot be opened");
}

/* The directory that is read is the one whose database was judged. */
static bool open_source(struct copydir *c, const char *source, const char *name,
                        const struct stat *database, struct fault *f)
{
    struct stat st;
    c->source = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->source < 0)
        return failed(f, source, "cannot be opened");
    return (fstatat(c->source, name, &st, 0) == 0 && fileio_is_same(&st, database)) ||
           fault_set(f, FAULT_LIMIT,
                     "%.150s has changed: %.100s in it is not the one that was judged", source,
                     name);
}

static bool make_directory(struct copydir *c, struct fault *f)
{
    struct stat st;
    for (unsigned try = 0; try < NAME_TRIES; try++) {
        char name[NAME_MAX + 32];
        snprintf(name, sizeof name, "%s.kmmigrate-%06x", c->target,
                 ((unsigned)getpid() * NAME_TRIES + try) & 0xffffff);
        if (strlen(name) > NAME_MAX)
            return fault_set(f, FAULT_IO, "its name is too long to make others from it");
        if (mkdirat(c->parent, name, 0700) != 0) {
            if (errno == EEXIST)
                continue;
            return failed(f, name, "cannot be made");
        }
        memcpy(c->unfinished, name, strlen(name) + 1);
        break;
    }
    if (c->unfinished[0] == '\0')
        return failed(f, c->target, "cannot be made under another name first");
    c->made = openat(c->parent, c->unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (c->made < 0 || fstat(c->made, &st) != 0)
        return failed(f, c->unfinished, "cannot be opened");
    if (st.st_uid != geteuid()) /* somebody has put another in its place */
        return fault_set(f, FAULT_LIMIT, "%.180s is not the directory that was just made",
                         c->unfinished);
    flock(c->made, LOCK_EX | LOCK_NB); /* as in outfile.c: it is not left over */
    return true;
}

bool copydir_begin(struct copydir *c, const char *source, const char *name,
                   const struct stat *database, const char *target, struct fault *f)
{
    struct stat st;
    char twin[NAME_MAX + 1];
    *c = (struct copydir){.source = -1, .parent = -1, .made = -1, .aside = -1};
    if (!open_parent(c, target, f))
        return false;
    if (fstatat(c->parent, c->target, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return fault_set(f, FAULT_LIMIT, "it exists already; name a directory that does not");
    if (fileio_has_twin(c->parent, c->target, twin))
        return fault_set(f, FAULT_LIMIT,
                         "it would have the name of %.100s, which lies there already, but for "
                         "upper and lower case: on Windows that is one name; name another one",
                         twin);
    if (!open_source(c, source, name, database, f))
        return false;
    struct stat parent;
    if (fstat(c->parent, &parent) == 0 && fstat(c->source, &st) == 0 &&
        fileio_is_same(&parent, &st))
        return fault_set(
            f, FAULT_LIMIT,
            "it would be inside the directory that it is a copy of; name one beside it");
    return make_directory(c, f) && access_directory_as(c->source, c->made, &c->narrower, f);
}

/* ---- one file ---- */

bool copydir_note(struct copydir *c, const char *name, struct fault *f)
{
    if (!array_reserve(&c->file, &c->room, c->files + 1, sizeof *c->file))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    char *kept = strdup(name);
    if (kept == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    c->file[c->files++] = (struct copydir_made){kept, false};
    return true;
}

static int open_to_read(int folder, const char *name, struct stat *st, struct fault *f)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if ((fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode)))
        return fd;
    if (fd >= 0 || errno == ELOOP || errno == ENXIO)
        fault_set(f, FAULT_NOT_THIS, "%.180s: expected a regular file; move it away first", name);
    else
        failed(f, name, "cannot be opened");
    descriptor_close(fd);
    return -1;
}

/* What is done with two files, step by step: the second is written, or held against the first. */
static bool step_through(int from, int to, bool compare, const char *name, struct fault *f)
{
    char *step = malloc(2 * (size_t)FILEIO_STEP);
    bool ok = step != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory");
    size_t n = FILEIO_STEP;
    for (uint64_t at = 0; ok && n == FILEIO_STEP; at += n) {
        n = fileio_read_at(from, at, step, FILEIO_STEP);
        if (n < FILEIO_STEP && errno)
            ok = failed(f, name, "cannot be read");
        else if (!compare)
            ok = fileio_write(to, bytes_of(step, n)) || failed(f, name, "cannot be copied");
        else if (fileio_read_at(to, at, step + FILEIO_STEP, FILEIO_STEP) != n ||
                 memcmp(step, step + FILEIO_STEP, n) != 0)
            ok = fault_set(f, FAULT_DAMAGED, "%.180s is not the same in the copy", name);
    }
    free(step);
    return ok;
}

static bool copy_file(struct copydir *c, int folder, const char *name, bool aside, struct fault *f)
{
    struct stat st;
    struct outfile *out = NULL;
    int from = open_to_read(c->source, name, &st, f);
    if (from < 0)
        return false;
    bool ok = outfile_create_at(folder, name, from, &out, f) && copydir_note(c, name, f);
    if (ok) {
        c->file[c->files - 1].aside = aside;
        c->narrower |= outfile_is_narrower(out);
        ok = step_through(from, outfile_descriptor(out), false, name, f) &&
             step_through(from, outfile_descriptor(out), true, name, f) && outfile_commit(out, f);
    }
    outfile_discard(out);
    close(from);
    return ok;
}

/* ---- all of them ---- */

static bool is_set_aside(const struct beside *b, const char *name)
{
    for (size_t i = 0; i < b->files; i++)
        if (b->file[i].kind != BESIDE_UNDO && strcmp(b->file[i].name, name) == 0)
            return true;
    return false;
}

static bool make_aside(struct copydir *c, struct fault *f)
{
    if (c->aside >= 0)
        return true;
    if (mkdirat(c->made, COPYDIR_SET_ASIDE, 0700) != 0)
        return failed(f, COPYDIR_SET_ASIDE, "cannot be made");
    c->aside = openat(c->made, COPYDIR_SET_ASIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return c->aside >= 0 ? access_directory_as(c->source, c->aside, &c->narrower, f)
                         : failed(f, COPYDIR_SET_ASIDE, "cannot be opened");
}

static bool copy_one(struct copydir *c, const char *name, const struct beside *beside,
                     struct fault *f)
{
    bool aside = is_set_aside(beside, name);
    if (c->leaves && c->leaves(name))
        return true;
    if (aside && !make_aside(c, f))
        return false;
    c->set_aside += aside;
    return copy_file(c, aside ? c->aside : c->made, name, aside, f);
}

/* Calls each(context, name) for everything in a directory but . and .. */
static bool for_each(int folder, bool (*each)(void *context, const char *name, struct fault *f),
                     void *context, struct fault *f)
{
    DIR *dir = fileio_list(folder, ".");
    if (dir == NULL)
        return failed(f, "the directory", "cannot be read");
    bool ok = true;
    struct dirent *entry;
    for (errno = 0; ok && (entry = readdir(dir)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = each(context, entry->d_name, f);
    if (ok && errno != 0)
        ok = failed(f, "the directory", "cannot be read");
    closedir(dir);
    return ok;
}

struct others {
    struct copydir *copy;
    const char *database;
    const struct beside *beside;
};

static bool copy_other(void *context, const char *name, struct fault *f)
{
    const struct others *o = context;
    return strcasecmp(name, o->database) == 0 || copy_one(o->copy, name, o->beside, f);
}

bool copydir_others(struct copydir *c, const char *database, const struct beside *beside,
                    struct fault *f)
{
    struct others others = {c, database, beside};
    return for_each(c->source, copy_other, &others, f);
}

struct pair {
    int source, copy;
};

static bool compare_one(void *context, const char *name, struct fault *f)
{
    const struct pair *p = context;
    struct stat st;
    int from = open_to_read(p->source, name, &st, f);
    int to = from < 0 ? -1 : open_to_read(p->copy, name, &st, f);
    bool ok = to >= 0 && step_through(from, to, true, name, f);
    descriptor_close(from);
    descriptor_close(to);
    return ok;
}

bool copydir_is_copy(int source, int copy, struct fault *f)
{
    struct pair pair = {source, copy};
    return for_each(source, compare_one, &pair, f);
}

/* ---- the end ---- */

static bool sync_directory(int fd, struct fault *f)
{
    return fileio_sync_directory(fd) || failed(f, "the directory", "cannot be synced");
}

/* Where a file system cannot promise to replace nothing, a look before the rename is what is left.
 */
static bool rename_to(const struct copydir *c, const char *from, const char *to)
{
    struct stat st;
    if (renameat2(c->parent, from, c->parent, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL)
        return false;
    if (fstatat(c->parent, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return renameat(c->parent, from, c->parent, to) == 0;
}

bool copydir_commit(struct copydir *c, struct fault *f)
{
    if ((c->aside >= 0 && !sync_directory(c->aside, f)) || !sync_directory(c->made, f))
        return false;
    if (!rename_to(c, c->unfinished, c->target))
        return failed(f, c->target, "cannot get its name");
    c->committed = true;
    if (sync_directory(c->parent, f))
        return true;
    c->committed = !rename_to(c, c->target, c->unfinished);
    return false;
}

/* What lies under the name is still what was made. */
static bool is_named(const struct copydir *c, const char *name)
{
    struct stat mine, there;
    return fstat(c->made, &mine) == 0 &&
           fstatat(c->parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           fileio_is_same(&mine, &there);
}

void copydir_remove(struct copydir *c)
{
    const char *name = c->committed ? c->target : c->unfinished;
    if (c->unfinished[0] == '\0')
        return;
    for (size_t i = 0; i < c->files; i++) {
        int folder = c->file[i].aside ? c->aside : c->made;
        if (folder >= 0)
            unlinkat(folder, c->file[i].name, 0);
    }
    if (c->aside >= 0)
        unlinkat(c->made, COPYDIR_SET_ASIDE, AT_REMOVEDIR);
    if (c->made >= 0 && is_named(c, name))
        unlinkat(c->parent, name, AT_REMOVEDIR); /* one in which there is more stays */
    c->unfinished[0] = '\0';
    c->committed = false;
}

void copydir_close(struct copydir *c)
{
    int *const open[] = {&c->source, &c->parent, &c->made, &c->aside};
    if (!c->committed)
        copydir_remove(c);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        if (*open[i] >= 0)
            close(*open[i]);
    for (size_t i = 0; i < c->files; i++)
        free(c->file[i].name);
    free(c->file);
    *c = (struct copydir){.source = -1, .parent = -1, .made = -1, .aside = -1};
}
