/* Files beside the store: see beside.h. */
#include "migrate/files/beside.h"

#include "formats/array.h"
#include "formats/path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* edb.log, edb00001.log, edb0000A.log: the base name of Exchange's logs and up to 8 hex digits. */
static bool is_log(const char *name)
{
    if (strncasecmp(name, "edb", 3) != 0)
        return false;
    size_t digits = 0;
    while (digits < 8 && isxdigit((unsigned char)name[3 + digits]))
        digits++;
    return strcasecmp(name + 3 + digits, ".log") == 0;
}

static bool has_suffix(const char *name, const char *base, const char *suffix)
{
    size_t size = strlen(base);
    return strncasecmp(name, base, size) == 0 && strcasecmp(name + size, suffix) == 0;
}

unsigned beside_undo_number(const char *name, const char *database)
{
    size_t size = strlen(database), suffix = strlen(BESIDE_UNDO_SUFFIX);
    if (strncasecmp(name, database, size) != 0 ||
        strncasecmp(name + size, BESIDE_UNDO_SUFFIX, suffix) != 0)
        return 0;
    const char *rest = name + size + suffix;
    if (rest[0] == '\0')
        return 1;
    unsigned number = 0;
    if (rest[0] != '.' || rest[1] < '1' || rest[1] > '9')
        return 0;
    for (rest++; *rest >= '0' && *rest <= '9' && number <= BESIDE_UNDO_MOST; rest++)
        number = 10 * number + (unsigned)(*rest - '0');
    return *rest == '\0' && number >= 2 && number <= BESIDE_UNDO_MOST ? number : 0;
}

bool beside_kind_of(const char *name, const char *database, enum beside_kind *kind)
{
    const char *dot = strrchr(database, '.');
    char stem[256];
    size_t stem_size = dot ? (size_t)(dot - database) : strlen(database);
    if (stem_size >= sizeof stem)
        stem_size = sizeof stem - 1;
    memcpy(stem, database, stem_size);
    stem[stem_size] = '\0';
    if (is_log(name))
        *kind = BESIDE_LOG;
    else if (strcasecmp(name, "res1.log") == 0 || strcasecmp(name, "res2.log") == 0)
        *kind = BESIDE_RESERVE;
    else if (strcasecmp(name, "edb.chk") == 0)
        *kind = BESIDE_CHECKPOINT;
    else if (has_suffix(name, stem, ".jfm"))
        *kind = BESIDE_FLUSH_MAP;
    else if (beside_undo_number(name, database) > 0)
        *kind = BESIDE_UNDO;
    else
        return false;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct beside_file *)a)->name, ((const struct beside_file *)b)->name);
}

static bool add(struct beside *b, enum beside_kind kind, const char *name)
{
    if (!array_reserve(&b->file, &b->room, b->files + 1, sizeof *b->file))
        return false;
    char *kept = strdup(name);
    if (kept == NULL)
        return false;
    b->file[b->files++] = (struct beside_file){.kind = kind, .name = kept};
    return true;
}

/* Is it something that a copy of the directory could not have? */
static bool is_no_file(DIR *dir, const struct dirent *entry, const char *database)
{
    struct stat st;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
        strcasecmp(entry->d_name, database) == 0) /* that is copied for itself */
        return false;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type != DT_REG;
    return fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           !S_ISREG(st.st_mode);
}

static bool tell_no_copy(struct beside *b, const char *first)
{
    return asprintf(&b->no_copy,
                    "%s in its directory is no regular file, and a directory is copied whole or "
                    "not at all; move that away first, or name the database file itself, with -o",
                    first) >= 0;
}

bool beside_look(struct beside *b, const char *path, struct fault *f)
{
    const char *database = path_last(path);
    char directory[PATH_MAX];
    *b = (struct beside){.files = 0};
    if (!path_directory(path, directory))
        return fault_set(f, FAULT_IO, "the path is too long");
    b->directory = strdup(directory);
    if (b->directory == NULL)
        return fault_no_memory(f, NULL);
    DIR *dir = opendir(b->directory);
    if (dir == NULL)
        return fault_set(f, FAULT_IO, "the directory %s cannot be read: %s", b->directory,
                         strerror(errno));
    bool ok = true;
    struct dirent *entry;
    char no_file[NAME_MAX + 1] =
        ""; /* the first by name, so that a report is the same everywhere */
    for (errno = 0; ok && (entry = readdir(dir)) != NULL; errno = 0) {
        enum beside_kind kind;
        if (beside_kind_of(entry->d_name, database, &kind))
            ok = add(b, kind, entry->d_name);
        if (is_no_file(dir, entry, database) &&
            (no_file[0] == '\0' || strcmp(entry->d_name, no_file) < 0))
            snprintf(no_file, sizeof no_file, "%s", entry->d_name);
    }
    int error = ok ? errno : 0;
    closedir(dir);
    if (ok && no_file[0])
        ok = tell_no_copy(b, no_file);
    if (!ok)
        return fault_no_memory(f, NULL);
    if (error)
        return fault_set(f, FAULT_IO, "the directory %s cannot be read: %s", b->directory,
                         strerror(error));
    if (b->files > 0)
        qsort(b->file, b->files, sizeof *b->file, by_name);
    return true;
}

void beside_close(struct beside *b)
{
    for (size_t i = 0; i < b->files; i++)
        free(b->file[i].name);
    free(b->file);
    free(b->directory);
    free(b->no_copy);
    *b = (struct beside){.files = 0};
}

size_t beside_count(const struct beside *b, enum beside_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < b->files; i++)
        count += b->file[i].kind == kind;
    return count;
}

bool beside_has_logs(const struct beside *b)
{
    return beside_count(b, BESIDE_LOG) + beside_count(b, BESIDE_RESERVE) +
               beside_count(b, BESIDE_CHECKPOINT) >
           0;
}
