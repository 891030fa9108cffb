/* Setting files aside: see aside.h. */
#include "migrate/undo/aside.h"

#include "formats/access.h"
#include "formats/descriptor.h"
#include "formats/fault.h"
#include "formats/fileio.h"
#include "formats/path.h"
#include "migrate/files/filehash.h"
#include "migrate/undo/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(struct fault *f, const char *name, const char *what)
{
    return fault_set(f, FAULT_IO, "%.200s cannot be %s: %s", name, what, strerror(errno));
}

/* ---- directories ---- */

static int open_directory(const char *path, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        failed(f, path, "opened");
    return fd;
}

static int open_directory_of(const char *path, struct fault *f)
{
    char folder[PATH_MAX];
    if (path_directory(path, folder))
        return open_directory(folder, f);
    errno = ENAMETOOLONG;
    failed(f, path, "opened");
    return -1;
}

static bool sync_directory(int fd, struct fault *f)
{
    return fileio_sync_directory(fd) || failed(f, "the directory", "synced to the disk");
}

bool aside_sync_directory_of(const char *path, struct fault *f)
{
    int fd = open_directory_of(path, f);
    bool ok = fd >= 0 && sync_directory(fd, f);
    descriptor_close(fd);
    return ok;
}

/* ---- the two places of a file ---- */

struct places {
    char folder[PATH_MAX];
    int here, aside; /* directories: of the store; the folder, -1 when it is not there */
};

static void close_places(struct places *p)
{
    descriptor_close(p->here);
    descriptor_close(p->aside);
}

static bool open_places(const char *path, const struct undofile *u, bool make, struct places *p,
                        struct fault *f)
{
    const struct undofile_identity *id = &u->identity;
    *p = (struct places){.here = -1, .aside = -1};
    if (!names_place(path, id->beside_directory, id->set_aside, p->folder, f))
        return false;
    if (make && (mkdir(p->folder, 0700) != 0 || !aside_sync_directory_of(p->folder, f)))
        return failed(f, p->folder, "made");
    p->here = open_directory_of(path, f);
    if (p->here < 0)
        return false;
    bool narrower = false; /* nobody is told: it is emptied again by undo */
    p->aside = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (p->aside < 0 && !make && errno == ENOENT)
        return true;
    if (p->aside < 0)
        failed(f, p->folder, "opened");
    else if (!make || access_directory_as(p->here, p->aside, &narrower, f))
        return true;
    close_places(p);
    return false;
}

static bool is_in(int directory, const char *name)
{
    struct stat st;
    return directory >= 0 && fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A rename that replaces nothing, also where the file system cannot promise that. */
static bool move(int from, int to, const char *name, struct fault *f)
{
    if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EINVAL && !is_in(to, name) && renameat(from, name, to, name) == 0)
        return true;
    return failed(f, name, "moved");
}

/* ---- out and back ---- */

bool aside_move_out(const char *path, const struct undofile *u, struct fault *f)
{
    struct places p;
    if (u->moves == 0)
        return true;
    if (!open_places(path, u, true, &p, f))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < u->moves; i++)
        ok = move(p.here, p.aside, u->move[i].name, f);
    ok = ok && sync_directory(p.aside, f) && sync_directory(p.here, f);
    close_places(&p);
    return ok;
}

/* Only while it is moved may a file be in the store's directory; before and after, what is there
 * has its name and may be anybody's. */
static bool one_can_go_back(const struct places *p, const char *name, bool begun, struct fault *f)
{
    bool here = is_in(p->here, name), aside = is_in(p->aside, name);
    if (here && aside)
        return fault_set(f, FAULT_LIMIT,
                         "%.100s, which was set aside, has appeared beside the store again", name);
    if (!here && !aside)
        return fault_set(f, FAULT_MISSING, "%.100s, which was set aside, is not in %.120s", name,
                         p->folder);
    return aside || begun ||
           fault_set(f, FAULT_LIMIT,
                     "%.100s, which was set aside, is not in %.90s; one of that name lies beside "
                     "the store: if it is the one, move it there",
                     name, p->folder);
}

bool aside_can_go_back(const char *path, const struct undofile *u, struct fault *f)
{
    struct places p;
    if (u->moves == 0)
        return true;
    if (!open_places(path, u, false, &p, f))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < u->moves; i++)
        ok = one_can_go_back(&p, u->move[i].name, undofile_is_pending(u), f);
    close_places(&p);
    return ok;
}

/* *m: what the file of its name in a directory is; one that cannot be read, or is no regular file,
 * is not known. */
static bool describe(int directory, struct undofile_move *m, struct fault *f)
{
    struct stat st;
    struct filehash hash = {.size = 0};
    int fd = openat(directory, m->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    m->is_known = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                  filehash_start_open(&hash, fd, NULL, NULL) && filehash_finish(&hash, NULL);
    descriptor_close(fd);
    m->size = hash.size;
    memcpy(m->sha256, hash.digest, sizeof m->sha256);
    return memory_sufficed(f);
}

bool aside_describe(const char *path, char *name, struct undofile_move *m, struct fault *f)
{
    int here = open_directory_of(path, f);
    *m = (struct undofile_move){.name = name};
    bool ok = here >= 0 && describe(here, m, f);
    descriptor_close(here);
    return ok;
}

/* One that is not there is not changed. */
static bool is_changed(int folder, const struct undofile_move *m, uint64_t since, struct fault *f)
{
    struct undofile_move now = {.name = m->name};
    struct stat st;
    if (fstatat(folder, m->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!m->is_known)
        return st.st_mtim.tv_sec > 0 && (uint64_t)st.st_mtim.tv_sec > since;
    return !describe(folder, &now, f) || !now.is_known || now.size != m->size ||
           memcmp(now.sha256, m->sha256, sizeof now.sha256) != 0;
}

const struct undofile_move *aside_changed(const char *path, const struct undofile *u, size_t *count,
                                          struct fault *f)
{
    const struct undofile_move *first = NULL;
    struct places p;
    *count = 0;
    if (u->moves == 0 || !open_places(path, u, false, &p, f))
        return NULL;
    for (size_t i = 0; p.aside >= 0 && i < u->moves; i++)
        if (is_changed(p.aside, &u->move[i], u->identity.time, f) && (*count)++ == 0)
            first = &u->move[i];
    close_places(&p);
    return memory_sufficed(f) ? first : NULL;
}

bool aside_move_back(const char *path, const struct undofile *u, struct fault *f)
{
    struct places p;
    if (u->identity.set_aside[0] == '\0')
        return true;
    if (!open_places(path, u, false, &p, f))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < u->moves; i++)
        if (is_in(p.aside, u->move[i].name))
            ok = move(p.aside, p.here, u->move[i].name, f);
    if (ok && p.aside >= 0)
        ok = sync_directory(p.here, f) && sync_directory(p.aside, f);
    /* What somebody else has put there keeps the folder. */
    if (ok && p.aside >= 0 && rmdir(p.folder) == 0)
        ok = aside_sync_directory_of(p.folder, f);
    close_places(&p);
    return ok;
}
