/* The parts of a path: see path.h. */
#include "formats/path.h"

#include <stdio.h>
#include <string.h>

const char *path_last(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int path_before_last(const char *path)
{
    return (int)(path_last(path) - path);
}

bool path_directory(const char *path, char to[PATH_MAX])
{
    int size = path_before_last(path);
    if (size > 1)
        size--;
    return snprintf(to, PATH_MAX, "%.*s", size ? size : 1, size ? path : ".") < PATH_MAX;
}

size_t path_trimmed(const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return size;
}
