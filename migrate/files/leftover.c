/* Left-overs of a run that was killed: see leftover.h. */
#include "migrate/files/leftover.h"

#include "formats/fileio.h"
#include "formats/path.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CUT = 200, RANDOM_LETTERS = 6 };

/* ---- their names ---- */

static size_t digits(const char *text)
{
    size_t count = 0;
    while (isdigit((unsigned char)text[count]))
        count++;
    return count;
}

/* PID-N.tmp, and nothing else. */
static bool is_tail_of_file(const char *text)
{
    size_t pid = digits(text), try = text[pid] == '-' ? digits(text + pid + 1) : 0;
    return pid > 0 && try > 0 && strcmp(text + pid + 1 + try, ".tmp") == 0;
}

static bool is_file_name(const char *name, const char *base)
{
    size_t size = strlen(base) < CUT ? strlen(base) : CUT;
    if (name[0] != '.' || strncasecmp(name + 1, base, size) != 0 ||
        (name[1 + size] != '.' && size < CUT))
        return false;
    for (const char *dot = strchr(name + 1, '.'); dot; dot = strchr(dot + 1, '.'))
        if (is_tail_of_file(dot + 1))
            return true;
    return false;
}

static bool is_directory_name(const char *name, const char *base)
{
    static const char mark[] = ".kmmigrate-";
    size_t size = strlen(name), tail = sizeof mark - 1 + RANDOM_LETTERS;
    if (size <= tail || strncasecmp(name, base, strlen(base)) != 0 || name[strlen(base)] != '.' ||
        strncmp(name + size - tail, mark, sizeof mark - 1) != 0)
        return false;
    for (size_t i = size - RANDOM_LETTERS; i < size; i++)
        if (!isalnum((unsigned char)name[i]))
            return false;
    return true;
}

/* ---- removing ---- */

/* Is the name still that of what is open? */
static bool is_named(int folder, const char *name, int fd)
{
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           fileio_is_same(&mine, &there);
}

static void empty(int folder)
{
    DIR *dir = fileio_list(folder, ".");
    struct stat st;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            unlinkat(folder, entry->d_name, 0);
    if (dir)
        closedir(dir);
}

static bool remove_directory(int folder, const char *name, int fd)
{
    int aside = openat(fd, "set-aside", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (aside >= 0) {
        empty(aside);
        close(aside);
        unlinkat(fd, "set-aside", AT_REMOVEDIR);
    }
    empty(fd);
    return unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

/* ---- looking ---- */

struct looking {
    int folder;
    const char *path, *base;
    leftover_found *found;
    void *context;
};

bool leftover_remove(const struct leftover *l)
{
    return is_named(l->folder, l->name, l->descriptor) &&
           (l->is_directory ? remove_directory(l->folder, l->name, l->descriptor)
                            : unlinkat(l->folder, l->name, 0) == 0);
}

static void tell(const struct looking *l, const char *name, const struct stat *st, int fd)
{
    struct leftover found = {
        .folder = l->folder, .name = name, .descriptor = fd, .is_directory = S_ISDIR(st->st_mode)};
    snprintf(found.path, sizeof found.path, "%.*s%s", (int)(strlen(l->path) - strlen(l->base)),
             l->path, name);
    l->found(l->context, &found);
}

static void look_at(const struct looking *l, const char *name)
{
    bool is_file = is_file_name(name, l->base);
    struct stat st;
    if (!is_file && !is_directory_name(name, l->base))
        return;
    int fd = openat(l->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && (is_file ? S_ISREG(st.st_mode) : S_ISDIR(st.st_mode)) &&
        flock(fd, LOCK_SH | LOCK_NB) == 0)
        tell(l, name, &st, fd);
    close(fd);
}

void leftover_look(const char *path, leftover_found *found, void *context)
{
    char folder[PATH_MAX];
    struct looking l = {.path = path, .base = path_last(path), .found = found, .context = context};
    DIR *dir = l.base[0] && path_directory(path, folder) ? opendir(folder) : NULL;
    if (dir == NULL)
        return; /* whoever writes there will say so */
    l.folder = dirfd(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        look_at(&l, entry->d_name);
    closedir(dir);
}

void leftover_look_beside(const char *path, leftover_found *found, void *context)
{
    char folder[PATH_MAX], real[PATH_MAX];
    leftover_look(path, found, context);
    if (path_directory(path, folder) && realpath(folder, real) != NULL)
        leftover_look(real, found, context);
}
