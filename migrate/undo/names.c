/* Names of what a repair in place leaves beside a store: see names.h. */
#include "migrate/undo/names.h"

#include "formats/array.h"
#include "formats/path.h"
#include "migrate/files/beside.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COUNTER_DIGITS_MOST = 3 };

static const struct {
    const char *infix, *suffix;
} forms[] = {
    [NAMES_BACKUP] = {".backup-", ""},
    [NAMES_SET_ASIDE] = {".set-aside-", ""},
    [NAMES_QUARANTINE] = {".quarantine-", ".pem"},
};

static bool real_folder_of(const char *path, char real[PATH_MAX], struct fault *f)
{
    char folder[PATH_MAX];
    if (!path_directory(path, folder))
        return fault_set(f, FAULT_IO, "the path is too long");
    return realpath(folder, real) != NULL ||
           fault_set(f, FAULT_IO, "the directory %.150s cannot be found: %s", folder,
                     strerror(errno));
}

/* ---- names of one moment ---- */

bool names_base(const char *path, bool beside_directory, char base[NAME_MAX + 1], struct fault *f)
{
    char real[PATH_MAX];
    const char *name = path_last(path);
    if (beside_directory) {
        if (!real_folder_of(path, real, f))
            return false;
        name = path_last(real);
    }
    return snprintf(base, NAME_MAX + 1, "%s", name) <= NAME_MAX ||
           fault_set(f, FAULT_IO, "its name is too long to make others from it");
}

bool names_make(enum names_kind kind, const char *base, const char *stamp, char name[NAME_MAX + 1])
{
    return snprintf(name, NAME_MAX + 1, "%s%s%s%s", base, forms[kind].infix, stamp,
                    forms[kind].suffix) <= NAME_MAX;
}

/* Digits at the start of `text`, no more than `most`. */
static size_t digits(const char *text, size_t most)
{
    size_t count = 0;
    while (count < most && isdigit((unsigned char)text[count]))
        count++;
    return count;
}

/* Moves behind a stamp. */
static bool skip_stamp(const char **text)
{
    const char *at = *text;
    if (strncmp(at, "undated", 7) == 0)
        at += 7;
    else if (digits(at, 8) == 8 && at[8] == 'T' && digits(at + 9, 6) == 6 && at[15] == 'Z')
        at += 16;
    else
        return false;
    if (*at == '-' && digits(at + 1, COUNTER_DIGITS_MOST) > 0)
        at += 1 + digits(at + 1, COUNTER_DIGITS_MOST);
    *text = at;
    return true;
}

/* True when `name` is one that names_make() could make; BASE is compared without regard to case. */
static bool names_match(enum names_kind kind, const char *base, const char *name)
{
    size_t base_size = strlen(base), infix_size = strlen(forms[kind].infix);
    if (strncasecmp(name, base, base_size) != 0 ||
        strncmp(name + base_size, forms[kind].infix, infix_size) != 0)
        return false;
    const char *rest = name + base_size + infix_size;
    return skip_stamp(&rest) && strcmp(rest, forms[kind].suffix) == 0;
}

bool names_are_own(const struct undofile *u, const char *path, struct fault *f)
{
    const struct undofile_identity *id = &u->identity;
    const char *const given[] = {[NAMES_BACKUP] = id->backup,
                                 [NAMES_SET_ASIDE] = id->set_aside,
                                 [NAMES_QUARANTINE] = id->quarantine};
    char base[NAME_MAX + 1];
    enum beside_kind kind;
    if (!names_base(path, id->beside_directory, base, f))
        return false;
    for (enum names_kind i = NAMES_BACKUP; i <= NAMES_QUARANTINE; i++)
        if (given[i][0] && !names_match(i, base, given[i]))
            return fault_set(f, FAULT_NOT_THIS,
                             "the undo file names %.150s, which a repair of %.100s does not make: "
                             "was that renamed? then give it its old name",
                             given[i], base);
    for (size_t i = 0; i < u->moves; i++)
        if (!beside_kind_of(u->move[i].name, path_last(path), &kind) ||
            !beside_goes_aside(kind, id->beside_directory))
            return fault_set(f, FAULT_NOT_THIS,
                             "the undo file names %.150s, which a repair does not set aside",
                             u->move[i].name);
    return true;
}

bool names_place(const char *path, bool beside_directory, const char *name, char place[PATH_MAX],
                 struct fault *f)
{
    char real[PATH_MAX];
    place[0] = '\0';
    if (name[0] == '\0')
        return true;
    if (beside_directory) {
        if (!real_folder_of(path, real, f))
            return false;
        path = real;
        if (path_last(path)[0] == '\0')
            return fault_set(f, FAULT_IO, "the root directory has nothing beside it");
    }
    if (snprintf(place, PATH_MAX, "%.*s%s", path_before_last(path), path, name) < PATH_MAX)
        return true;
    place[0] = '\0';
    return fault_set(f, FAULT_IO, "%.150s: the path is too long", name);
}

/* ---- the undo files of a store ---- */

static int by_number(const void *a, const void *b)
{
    const struct names_undo *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static bool add(struct names_undo_list *list, unsigned number, const char *store, const char *name,
                struct fault *f)
{
    char *path;
    if (!array_reserve(&list->item, &list->room, list->count + 1, sizeof *list->item))
        return fault_no_memory(f, "the list of undo files");
    if (asprintf(&path, "%.*s%s", path_before_last(store), store, name) < 0)
        return fault_no_memory(f, "the list of undo files");
    list->item[list->count++] = (struct names_undo){number, path};
    return true;
}

bool names_list_undo(const char *path, struct names_undo_list *list, struct fault *f)
{
    char folder[PATH_MAX];
    *list = (struct names_undo_list){.count = 0};
    if (!path_directory(path, folder))
        return fault_set(f, FAULT_IO, "the path is too long");
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return fault_set(f, FAULT_IO, "the directory %.150s cannot be read: %s", folder,
                         strerror(errno));
    bool ok = true;
    struct dirent *entry;
    for (errno = 0; ok && (entry = readdir(dir)) != NULL; errno = 0) {
        unsigned number = beside_undo_number(entry->d_name, path_last(path));
        ok = number == 0 || add(list, number, path, entry->d_name, f);
    }
    if (ok && errno != 0)
        ok = fault_set(f, FAULT_IO, "the directory %.150s cannot be read: %s", folder,
                       strerror(errno));
    closedir(dir);
    if (list->count > 0)
        qsort(list->item, list->count, sizeof *list->item, by_number);
    for (size_t i = 1; ok && i < list->count; i++)
        if (list->item[i].number == list->item[i - 1].number)
            ok = fault_set(f, FAULT_LIMIT,
                           "two undo files of one name lie beside the store: %.100s, %.100s",
                           path_last(list->item[i - 1].path), path_last(list->item[i].path));
    return ok;
}

void names_close_undo(struct names_undo_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].path);
    free(list->item);
    *list = (struct names_undo_list){.count = 0};
}

bool names_next_undo(const char *path, char undo_path[PATH_MAX], struct fault *f)
{
    struct names_undo_list list;
    bool ok = names_list_undo(path, &list, f);
    unsigned last = ok && list.count > 0 ? list.item[list.count - 1].number : 0;
    int size = 0;
    if (ok && last == BESIDE_UNDO_MOST)
        ok = fault_set(f, FAULT_LIMIT,
                       "its undo files have used up all numbers; move old ones away");
    else if (ok)
        size = last == 0
                   ? snprintf(undo_path, PATH_MAX, "%s" BESIDE_UNDO_SUFFIX, path)
                   : snprintf(undo_path, PATH_MAX, "%s" BESIDE_UNDO_SUFFIX ".%u", path, last + 1);
    names_close_undo(&list);
    return ok && (size < PATH_MAX || fault_set(f, FAULT_IO, "the path is too long"));
}
