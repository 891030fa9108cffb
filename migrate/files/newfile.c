/* A file that a command was asked for: see newfile.h. */
#include "migrate/files/newfile.h"

#include "formats/fileio.h"
#include "formats/outfile.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The directory that a name is in, without links; false when there is none. */
static bool directory_of(const char *path, char to[PATH_MAX])
{
    char copy[PATH_MAX];
    return snprintf(copy, sizeof copy, "%s", path) < PATH_MAX && realpath(dirname(copy), to);
}

bool newfile_is_beside(const char *path, const char *other)
{
    static const char *const kinds[] = {NEWFILE_QUARANTINE, NEWFILE_SALVAGE};
    char directory[PATH_MAX], of_other[PATH_MAX], name[PATH_MAX], name_of_other[PATH_MAX];
    if (!directory_of(path, directory) || !directory_of(other, of_other) ||
        strcmp(directory, of_other) != 0)
        return false;
    snprintf(name, sizeof name, "%s", path);
    snprintf(name_of_other, sizeof name_of_other, "%s", other);
    const char *begins = basename(name_of_other), *rest = basename(name);
    size_t size = strlen(begins);
    if (strncmp(rest, begins, size) != 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(rest + size, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

bool newfile_is_at(const char *path, const char *other)
{
    char directory[PATH_MAX], of_other[PATH_MAX], name[PATH_MAX], name_of_other[PATH_MAX];
    struct stat a, b;
    if (!directory_of(path, directory) || !directory_of(other, of_other))
        return strcmp(path, other) == 0;
    snprintf(name, sizeof name, "%s", path);
    snprintf(name_of_other, sizeof name_of_other, "%s", other);
    if (strcmp(directory, of_other) == 0 && strcmp(basename(name), basename(name_of_other)) == 0)
        return true;
    return stat(directory, &a) == 0 && stat(other, &b) == 0 && fileio_is_same(&a, &b);
}

bool newfile_may_be(const char *path, int like, bool force, struct fault *f)
{
    struct outfile *out = NULL;
    bool ok = outfile_create(path, like, force, &out, f);
    outfile_discard(out);
    return ok;
}

bool newfile_write(const char *path, int like, bool force, struct bytes content,
                   const volatile sig_atomic_t *stop, bool *stopped, struct fault *f)
{
    struct outfile *out = NULL;
    bool ok = outfile_create(path, like, force, &out, f) && outfile_write(out, content, f);
    *stopped = ok && stop && *stop;
    ok = ok && (*stopped || outfile_commit(out, f));
    outfile_discard(out);
    return ok;
}
