/* Room for what a repair in place leaves: see room.h. */
#include "migrate/repair/room.h"

#include "formats/ese/edit/edit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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
    int fd =
        a->store.in_directory ? openat(room->here, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return a->hash.size;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
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
    if (room.above >= 0)
        close(room.above);
    if (room.here >= 0)
        close(room.here);
    return ok;
}

/* ---- pages in memory ---- */

enum { NODES_MOST = 8192 }; /* of a page of 32 KiB; more are counted as so many */

/* Leaves of one table, by how many rows they hold. */
struct leaves {
    uint64_t with[NODES_MOST + 1];
};

static bool count_leaves(const struct assessment *a, uint32_t objid, struct leaves *leaves,
                         struct fault *f)
{
    struct ese_pages *pages = a->store.db->pages;
    const struct ese_page *page;
    for (uint32_t number = 1; number <= ese_pages_last(pages); number++) {
        if (!ese_pages_get(pages, number, &page, f))
            return false;
        unsigned rows = ese_page_nodes(page);
        if (page->objid == objid && (page->flags & ESE_PAGE_LEAF) && rows > 0 &&
            !(page->flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE)))
            leaves->with[rows < NODES_MOST ? rows : NODES_MOST]++;
        ese_pages_put(pages, page);
    }
    return true;
}

/* The fewest leaves in which so many rows can lie: the fullest ones. */
static uint64_t fewest(const struct leaves *leaves, uint64_t rows)
{
    uint64_t found = 0;
    for (unsigned in_one = NODES_MOST; in_one > 0 && rows > 0; in_one--) {
        uint64_t needed = (rows + in_one - 1) / in_one;
        uint64_t taken = needed < leaves->with[in_one] ? needed : leaves->with[in_one];
        found += taken;
        rows = rows > taken * in_one ? rows - taken * in_one : 0;
    }
    return found;
}

/* Rows of the table with this reference that change. */
static uint64_t rows_of(const struct assessment *a, unsigned reference)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < a->plan.actions; i++)
        if (action_effect(a->plan.action[i].kind) == EFFECT_MOVE_ALL &&
            a->plan.action[i].reference == reference)
            rows += a->plan.action[i].count;
    return rows;
}

static bool check_changes(const struct assessment *a, unsigned reference, uint64_t most,
                          struct leaves *leaves, struct fault *f)
{
    uint64_t rows = rows_of(a, reference);
    const struct ese_table *table =
        ese_catalog_find(a->store.db->catalog, a->profile.reference[reference].table);
    if (rows <= most || ese_pages_last(a->store.db->pages) <= most || table == NULL)
        return true;
    *leaves = (struct leaves){.with = {0}};
    if (!count_leaves(a, table->objid, leaves, f))
        return false;
    uint64_t least = fewest(leaves, rows);
    return least <= most ||
           fault_set(f, FAULT_LIMIT,
                     "%" PRIu64 " rows of %.60s change, in at least %" PRIu64
                     " pages; in place at most %" PRIu64 " pages can be changed at once",
                     rows, table->name, least, most);
}

bool room_for_changes(const struct assessment *a, struct fault *f)
{
    uint64_t most = (uint64_t)ESE_INPLACE_MEMORY_MOST / ese_pages_size(a->store.db->pages);
    struct leaves *leaves = malloc(sizeof *leaves);
    bool ok = leaves != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory");
    for (unsigned r = 0; ok && r < a->profile.references; r++)
        ok = check_changes(a, r, most, leaves, f);
    free(leaves);
    return ok;
}
