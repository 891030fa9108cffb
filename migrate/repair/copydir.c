/* Copying a directory: see copydir.h. */
#include "migrate/repair/copydir.h"

#include "formats/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 256 * 1024 };

static bool failed(struct fault *f, const char *path, const char *what)
{
    return fault_set(f, FAULT_IO, "%s: %s: %s", path, what, strerror(errno));
}

static bool join(char to[PATH_MAX], const char *directory, const char *name, struct fault *f)
{
    if (snprintf(to, PATH_MAX, "%s/%s", directory, name) < PATH_MAX)
        return true;
    return fault_set(f, FAULT_IO, "%s: the path is too long", name);
}

bool copydir_begin(struct copydir *c, const char *source, const char *target, struct fault *f)
{
    struct stat st;
    *c = (struct copydir){.source = source, .target = target};
    if (lstat(target, &st) == 0)
        return fault_set(f, FAULT_LIMIT, "it exists already; name a directory that does not");
    if (stat(source, &st) != 0)
        return failed(f, source, "cannot be examined");
    size_t size = strlen(target);
    while (size > 1 && target[size - 1] == '/')
        size--;
    if (snprintf(c->unfinished, sizeof c->unfinished, "%.*s.kmmigrate-XXXXXX", (int)size, target) >=
        (int)sizeof c->unfinished)
        return fault_set(f, FAULT_IO, "the path is too long");
    if (mkdtemp(c->unfinished) == NULL) {
        failed(f, c->unfinished, "cannot be made");
        c->unfinished[0] = '\0';
        return false;
    }
    if (chmod(c->unfinished, st.st_mode & 0777) != 0)
        return failed(f, c->unfinished, "cannot get the source's permissions");
    return true;
}

static bool copy_bytes(int from, int to, const char *name, struct fault *f)
{
    char *step = malloc(STEP);
    if (step == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    bool ok = true;
    for (ssize_t n; ok && (n = read(from, step, STEP)) != 0;) {
        if (n < 0 && errno != EINTR)
            ok = failed(f, name, "cannot be read");
        for (ssize_t done = 0; ok && done < n;) {
            ssize_t w = write(to, step + done, (size_t)(n - done));
            if (w < 0 && errno != EINTR)
                ok = failed(f, name, "its copy cannot be written");
            else if (w > 0)
                done += w;
        }
    }
    free(step);
    return ok;
}

static bool copy_file(const char *from_path, const char *to_path, struct fault *f)
{
    struct stat st;
    struct outfile *out = NULL;
    int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (from < 0 || fstat(from, &st) != 0) {
        failed(f, from_path, "cannot be opened");
        if (from >= 0)
            close(from);
        return false;
    }
    bool ok =
        S_ISREG(st.st_mode) ||
        fault_set(f, FAULT_NOT_THIS, "%s: expected a regular file; move it away first", from_path);
    ok = ok && outfile_create(to_path, &st, false, &out, f) &&
         copy_bytes(from, outfile_descriptor(out), from_path, f) && outfile_commit(out, f);
    outfile_discard(out);
    close(from);
    return ok;
}

static bool is_set_aside(const struct beside *b, const char *name)
{
    for (size_t i = 0; i < b->files; i++)
        if (strcmp(b->file[i].name, name) == 0)
            return true;
    return false;
}

static bool copy_one(struct copydir *c, const char *name, const struct beside *beside,
                     struct fault *f)
{
    char from[PATH_MAX], folder[PATH_MAX], to[PATH_MAX];
    bool aside = is_set_aside(beside, name);
    if (!join(from, c->source, name, f) || !join(folder, c->unfinished, COPYDIR_SET_ASIDE, f) ||
        !join(to, aside ? folder : c->unfinished, name, f))
        return false;
    if (aside && mkdir(folder, 0700) != 0 && errno != EEXIST)
        return failed(f, folder, "cannot be made");
    c->set_aside += aside;
    return copy_file(from, to, f);
}

bool copydir_others(struct copydir *c, const char *database, const struct beside *beside,
                    struct fault *f)
{
    DIR *dir = opendir(c->source);
    if (dir == NULL)
        return failed(f, c->source, "cannot be read");
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcasecmp(name, database) != 0)
            ok = copy_one(c, name, beside, f);
    }
    closedir(dir);
    return ok;
}

static bool sync_directory(const char *path, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        failed(f, path, "cannot be synced");
    if (fd >= 0)
        close(fd);
    return ok;
}

bool copydir_commit(struct copydir *c, struct fault *f)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", c->unfinished);
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    if (!sync_directory(c->unfinished, f))
        return false;
    if (renameat2(AT_FDCWD, c->unfinished, AT_FDCWD, c->target, RENAME_NOREPLACE) != 0)
        return failed(f, c->target, "cannot get its name");
    c->unfinished[0] = '\0';
    return sync_directory(slash ? parent : ".", f);
}

static void remove_files(const char *directory)
{
    DIR *dir = opendir(directory);
    char path[PATH_MAX];
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            join(path, directory, entry->d_name, NULL))
            unlink(path);
    if (dir)
        closedir(dir);
}

void copydir_discard(struct copydir *c)
{
    char folder[PATH_MAX];
    if (c->unfinished[0] == '\0')
        return;
    if (join(folder, c->unfinished, COPYDIR_SET_ASIDE, NULL)) {
        remove_files(folder);
        rmdir(folder);
    }
    remove_files(c->unfinished);
    rmdir(c->unfinished);
    c->unfinished[0] = '\0';
}
