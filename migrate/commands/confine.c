/* Where a command may write once it runs: what its options name, and where temporary files go. */
#include "formats/fileio.h"
#include "formats/path.h"
#include "migrate/commands/command.h"
#include "migrate/files/sandbox.h"
#include "migrate/store/store.h"
#include "migrate/undo/names.h"

#include <stdio.h>
#include <stdlib.h>

/* A file or directory of that name gets its name, at the end, in the directory that it is in. */
static void allow_beside(struct sandbox *s, const char *path)
{
    char trimmed[PATH_MAX], directory[PATH_MAX];
    if (path != NULL &&
        snprintf(trimmed, sizeof trimmed, "%.*s", (int)path_trimmed(path), path) < PATH_MAX &&
        path_directory(trimmed, directory))
        sandbox_allow(s, directory);
}

/* An undo file may be of a repair of the whole directory. */
static bool has_undo_file(const char *path)
{
    struct names_undo_list list;
    bool has = !names_list_undo(path, &list, NULL) || list.count > 0;
    names_close_undo(&list);
    return has;
}

/* What a repair of the whole directory copies and sets aside lies beside that. */
static void allow_in_place(struct sandbox *s, const struct store *store)
{
    char directory[PATH_MAX], real[PATH_MAX];
    allow_beside(s, store->path);
    if ((store->in_directory || has_undo_file(store->path)) &&
        path_directory(store->path, directory) && realpath(directory, real))
        allow_beside(s, real);
}

void confine(const struct options *options, const struct store *in_place)
{
    struct sandbox s;
    sandbox_begin(&s, in_place != NULL);
    sandbox_allow(&s, fileio_temporary_folder());
    allow_beside(&s, options->output);
    allow_beside(&s, options->html);
    if (options->export_to && !option_is_standard_output(options->export_to))
        allow_beside(&s, options->export_to);
    if (in_place)
        allow_in_place(&s, in_place);
    sandbox_enter(&s);
}
