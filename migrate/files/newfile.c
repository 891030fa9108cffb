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

struct place {
    char directory[PATH_MAX], text[PATH_MAX];
    const char *name; /* in `text` */
};

/* False when there is no such directory. */
static bool find_place(const char *path, struct place *to)
{
    snprintf(to->text, sizeof to->text, "%s", path);
    to->name = basename(to->text);
    return directory_of(path, to->directory);
}

bool newfile_is_beside(const char *path, const char *other)
{
    static const char *const kinds[] = {NEWFILE_QUARANTINE, NEWFILE_SALVAGE};
    struct place a, b;
    if (!find_place(path, &a) || !find_place(other, &b) || strcmp(a.directory, b.directory) != 0)
        return false;
    const char *rest = a.name;
    size_t size = strlen(b.name);
    if (strncmp(rest, b.name, size) != 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(rest + size, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

bool newfile_is_at(const char *path, const char *other)
{
    struct place a, b;
    struct stat directory, there;
    if (!find_place(path, &a) || !find_place(other, &b))
        return strcmp(path, other) == 0;
    if (strcmp(a.directory, b.directory) == 0 && strcmp(a.name, b.name) == 0)
        return true;
    return stat(a.directory, &directory) == 0 && stat(other, &there) == 0 &&
           fileio_is_same(&directory, &there);
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
