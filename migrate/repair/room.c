/* Room for what a repair in place leaves: see room.h. */
#include "migrate/repair/room.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The directory of the store, and, when that is handled as a whole, the one beside which it lies.
 */
struct room {
    int here, above; /* above: `here` itself for a store that is a file */
    const char *path;
};

static bool can_make(int folder, const char *what, const char *where, struct fault *f)
{
    return faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0 ||
           fault_set(f, FAULT_IO, "%s cannot be made in %.200s: %s", what, where, strerror(errno));
}

static bool open_room(const struct assessment *a, struct room *room, struct fault *f)
{
    room->path = a->beside.directory;
    room->here = open(room->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    room->above = room->here < 0 ? -1
                                 : openat(room->here, a->store.in_directory ? ".." : ".",
                                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return room->above >= 0 || fault_set(f, FAULT_IO, "the directory %.150s cannot be opened: %s",
                                         room->path, strerror(errno));
}

/* A file is set aside by renaming it, which never leads from one mount into another. */
static bool is_one_mount(const struct room *room)
{
    struct statx here = {.stx_mask = 0}, above = {.stx_mask = 0};
    struct stat st, up;
    if (fstat(room->here, &st) != 0 || fstat(room->above, &up) != 0 || st.st_dev != up.st_dev)
        return false;
    if (statx(room->here, "", AT_EMPTY_PATH, STATX_MNT_ID, &here) != 0 ||
        statx(room->above, "", AT_EMPTY_PATH, STATX_MNT_ID, &above) != 0 ||
        !(here.stx_mask & above.stx_mask & STATX_MNT_ID))
        return true; /* an old kernel: the rename will tell */
    return here.stx_mnt_id == above.stx_mnt_id;
}

/* Bytes that a copy takes: of the database, or of all files of the directory. */
static uint64_t size_of_copy(const struct assessment *a, const struct room *room)
{
    struct stat st;
    uint64_t size = 0;
    DIR *dir = a->store.in_directory ? fileio_list(room->here, ".") : NULL;
    if (dir == NULL)
        return a->hash.size;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (fstatat(room->here, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            size += (uint64_t)st.st_size;
    closedir(dir);
    return size;
}

static bool has_space(const struct assessment *a, const struct room *room, struct fault *f)
{
    struct statvfs fs;
    uint64_t wanted = size_of_copy(a, room);
    if (fstatvfs(room->above, &fs) != 0 || fs.f_frsize == 0)
        return true; /* not known: the copy will tell */
    uint64_t blocks = geteuid() == 0 ? fs.f_bfree : fs.f_bavail;
    if (wanted / fs.f_frsize < blocks)
        return true;
    return fault_set(f, FAULT_IO,
                     "No space left on the device for the backup: %" PRIu64
                     " bytes are needed, %" PRIu64 " are free",
                     wanted, blocks * fs.f_frsize);
}

static bool check(const struct assessment *a, const struct room_needs *needs,
                  const struct room *room, struct fault *f)
{
    const char *above = a->store.in_directory ? "the directory above" : "the directory";
    char where[200];
    snprintf(where, sizeof where, "%s %.150s", above, room->path);
    if (!can_make(room->here, "the undo file", room->path, f))
        return false;
    if (needs->backup && !can_make(room->above, "the backup", where, f))
        return false;
    if (needs->quarantine && !can_make(room->above, "the quarantine file", where, f))
        return false;
    if (needs->set_aside && !can_make(room->above, "the folder for logs and checkpoint", where, f))
        return false;
    if (needs->set_aside && !is_one_mount(room))
        return fault_set(f, FAULT_LIMIT,
                         "its logs and checkpoint cannot be set aside: %.150s is a mount point, "
                         "and nothing can be moved out of it",
                         room->path);
    return !needs->backup || has_space(a, room, f);
}

bool room_for_repair(const struct assessment *a, const struct room_needs *needs, struct fault *f)
{
    struct room room = {.here = -1, .above = -1};
    bool ok = open_room(a, &room, f) && check(a, needs, &room, f);
    descriptor_close(room.above);
    descriptor_close(room.here);
    return ok;
}
