/* Repairing a store where it lies: see inplace.h. */
#include "migrate/repair/inplace.h"

#include "formats/fileio.h"
#include "formats/fault.h"
#include "formats/outfile.h"
#include "formats/path.h"
#include "migrate/undo/aside.h"
#include "migrate/repair/backup.h"
#include "migrate/repair/changes.h"
#include "migrate/console/interrupt.h"
#include "migrate/repair/quarantine.h"
#include "migrate/repair/room.h"
#include "migrate/undo/names.h"
#include "migrate/undo/undo.h"
#include "migrate/undo/view.h"
#include "migrate/repair/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAME_TRIES = 100, STAMP_SIZE = 32 };

/* One repair.  What was made before the first write is taken away again when it comes to nothing.
 */
struct job {
    const struct assessment *a;
    bool with_backup;
    const struct lock *lock;
    const volatile sig_atomic_t *stop;
    struct in_place *r;
    struct undofile_identity id;
    struct outfile *quarantine;
    struct changes changes;
    struct undofile *undo;
    struct backup backup;
};

static int trouble(const struct job *j, const char *path, const struct fault *f)
{
    if (path)
        note_file(j->a->notes, path, "%s; %s was not changed", f->text, j->a->store.path);
    else
        note_file(j->a->notes, j->a->store.path, "%s; it was not changed", f->text);
    return EXIT_TROUBLE;
}

static int cancelled(const struct job *j)
{
    if (!*j->stop)
        return EXIT_CLEAN;
    note_error(j->a->notes, "cancelled; nothing was changed");
    return EXIT_CANCELLED;
}

/* ---- names ---- */

static bool is_free(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 && errno == ENOENT;
}

static bool try_names(struct job *j, const char *base, const char *stamp, bool *all_free,
                      struct fault *f)
{
    const char *path = j->a->store.path;
    struct undofile_identity *id = &j->id;
    struct in_place *r = j->r;
    if (!names_make(NAMES_QUARANTINE, base, stamp, id->quarantine) ||
        !names_make(NAMES_BACKUP, base, stamp, id->backup) ||
        !names_make(NAMES_SET_ASIDE, base, stamp, id->set_aside))
        return fault_set(f, FAULT_IO, "its name is too long to make others from it");
    if (!names_place(path, id->beside_directory, id->backup, r->backup, f) ||
        !names_place(path, id->beside_directory, id->set_aside, r->set_aside, f) ||
        !names_place(path, id->beside_directory, id->quarantine, r->quarantine, f))
        return false;
    *all_free = is_free(r->backup) && is_free(r->set_aside) && is_free(r->quarantine);
    return true;
}

/* Names of this moment, that nothing has yet, for all that the repair leaves beside the store. */
static bool choose_names(struct job *j, struct fault *f)
{
    char base[NAME_MAX + 1], day[STAMP_SIZE], stamp[2 * STAMP_SIZE];
    time_t now = time(NULL);
    struct tm tm;
    bool all_free = false;
    j->id.beside_directory = j->a->store.in_directory;
    j->id.time = (uint64_t)now;
    if (!names_next_undo(j->a->store.path, j->r->undo, f) ||
        !names_base(j->a->store.path, j->id.beside_directory, base, f))
        return false;
    if (gmtime_r(&now, &tm) == NULL || strftime(day, sizeof day, "%Y%m%dT%H%M%SZ", &tm) == 0)
        snprintf(day, sizeof day, "undated");
    for (unsigned i = 1; i <= NAME_TRIES && !all_free; i++) {
        snprintf(stamp, sizeof stamp, i == 1 ? "%s" : "%s-%u", day, i);
        if (!try_names(j, base, stamp, &all_free, f))
            return false;
    }
    return all_free || fault_set(f, FAULT_IO, "no free name for a backup can be found beside it");
}

static size_t count_aside(const struct assessment *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->beside.files; i++)
        count += beside_goes_aside(a->beside.file[i].kind, a->store.in_directory);
    return count;
}

static void forget_unneeded_names(struct job *j)
{
    if (!quarantine_needed(&j->a->plan))
        j->id.quarantine[0] = j->r->quarantine[0] = '\0';
    if (count_aside(j->a) == 0)
        j->id.set_aside[0] = j->r->set_aside[0] = '\0';
    if (!j->with_backup)
        j->id.backup[0] = j->r->backup[0] = '\0';
}

/* ---- before anything is touched ---- */

/* The store is still the one that was judged. */
static bool is_unchanged(const struct job *j, struct fault *f)
{
    const struct stat *judged = ese_file_stat(j->a->store.db->file), *locked = &j->lock->st;
    struct stat now;
    if (ese_file_is_packed(j->a->store.db->file))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "it is compressed, and cannot be repaired in place; unpack it first");
    if (fstat(j->lock->descriptor, &now) != 0)
        return fault_set(f, FAULT_IO, "it cannot be examined: %s", strerror(errno));
    if (fileio_is_same(judged, locked) && now.st_size == judged->st_size &&
        now.st_mtim.tv_sec == judged->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == judged->st_mtim.tv_nsec && (uint64_t)now.st_size == j->a->hash.size)
        return true;
    return fault_set(f, FAULT_LIMIT, "it changed while it was judged");
}

/* The rows that go to quarantine, while they can still be read. */
static bool prepare_quarantine(struct job *j, struct fault *f)
{
    uint64_t size;
    if (j->id.quarantine[0] == '\0')
        return true;
    if (!outfile_create(j->r->quarantine, j->lock->descriptor, false, &j->quarantine, f))
        return false;
    return quarantine_write(j->a, j->quarantine, f) &&
           undo_hash_file(outfile_descriptor(j->quarantine), &size, j->id.quarantine_sha256, f);
}

static bool has_room(const struct job *j, struct fault *f)
{
    const struct room_needs needs = {.backup = j->id.backup[0] != '\0',
                                     .set_aside =
                                         j->id.set_aside[0] != '\0' && j->id.beside_directory,
                                     .quarantine = j->id.quarantine[0] != '\0'};
    if (room_for_repair(j->a, &needs, f))
        return true;
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "; -o NEW writes the repaired store elsewhere");
    return false;
}

static int prepare(struct job *j)
{
    struct fault f = {.code = FAULT_NONE};
    if (!is_unchanged(j, &f) || !choose_names(j, &f))
        return trouble(j, NULL, &f);
    forget_unneeded_names(j);
    if (!has_room(j, &f))
        return trouble(j, NULL, &f);
    if (!prepare_quarantine(j, &f))
        return trouble(j, j->r->quarantine, &f);
    if (!changes_make(&j->changes, j->a, NULL, j->stop, &f)) {
        int status = cancelled(j);
        return status != EXIT_CLEAN ? status : trouble(j, NULL, &f);
    }
    return cancelled(j);
}

/* ---- what is kept ---- */

/* The backup of an interrupted repair of the same store, when it is one: that repair may have been
 * killed while it made it, and anybody may have touched it since. */
static bool take_over_backup(struct job *j, const char *has_backup)
{
    struct fault f = {.code = FAULT_NONE};
    if (!backup_is_copy(j->a, has_backup, &f)) {
        note_warning(j->a->notes, "%s: is no backup of %s as it is (%s); another one is made",
                     has_backup, j->a->store.path, f.text);
        return false;
    }
    snprintf(j->r->backup, sizeof j->r->backup, "%s", has_backup);
    snprintf(j->id.backup, sizeof j->id.backup, "%s", path_last(has_backup));
    return true;
}

static int keep_backup(struct job *j, const char *has_backup)
{
    struct fault f = {.code = FAULT_NONE};
    bool stopped = false;
    if (j->id.backup[0] == '\0' || (has_backup && take_over_backup(j, has_backup)))
        return EXIT_CLEAN;
    if (!backup_make(&j->backup, j->a, j->r->backup, j->stop, &stopped, &f)) {
        fault_context(&f, "the backup");
        return trouble(j, j->r->backup, &f);
    }
    if (j->backup.is_directory)
        j->r->result.narrower |= j->backup.directory.narrower;
    else
        j->r->result.narrower |= outfile_is_narrower(j->backup.file);
    return cancelled(j);
}

static int keep_quarantine(struct job *j)
{
    struct fault f = {.code = FAULT_NONE};
    if (j->quarantine == NULL)
        return EXIT_CLEAN;
    return outfile_commit(j->quarantine, &f) ? EXIT_CLEAN : trouble(j, j->r->quarantine, &f);
}

static bool fill_undo(const struct job *j, struct undofile_writer *w, struct fault *f)
{
    const struct beside *b = &j->a->beside;
    struct ese_inplace_piece p;
    struct undofile_move move;
    for (size_t i = 0; i < b->files; i++)
        if (beside_goes_aside(b->file[i].kind, j->a->store.in_directory) &&
            (!aside_describe(j->a->store.path, b->file[i].name, &move, f) ||
             !undofile_add_move(w, &move, f)))
            return false;
    for (unsigned i = 0; i < changes_pieces(&j->changes); i++)
        if (!changes_piece(&j->changes, i, &p, f) || !undofile_add_piece(w, p.offset, p.before, f))
            return false;
    return true;
}

/* Written, synced, and read back: it is all that the store can be put back from. */
static int keep_undo(struct job *j)
{
    struct fault f = {.code = FAULT_NONE};
    struct undofile_writer *w;
    j->id.size = j->a->hash.size;
    memcpy(j->id.sha256, j->a->hash.digest, sizeof j->id.sha256);
    snprintf(j->id.plan, sizeof j->id.plan, "%s", j->a->plan.id);
    bool ok =
        undofile_begin(j->r->undo, j->lock->descriptor, &j->id, &w, &f) && fill_undo(j, w, &f);
    int status = ok ? cancelled(j) : EXIT_CLEAN;
    if (ok && status == EXIT_CLEAN)
        ok = undofile_commit(w, &f) && undofile_open(j->r->undo, true, &j->undo, &f) &&
             undo_possible(j->a->store.path, j->lock->descriptor, j->undo, &f);
    bool judged = !ok || status != EXIT_CLEAN || verify_is_judged(j->a, NULL, &f);
    undofile_discard(w, ok && judged && status == EXIT_CLEAN);
    if (!judged)
        return trouble(j, NULL, &f);
    return ok ? status : trouble(j, j->r->undo, &f);
}

/* Nothing was written yet: what lies beside the store because of this repair goes, too.  The undo
 * file is gone already. */
static void leave_no_trace(struct job *j)
{
    if (j->quarantine)
        outfile_remove(j->quarantine);
    backup_remove(&j->backup);
}

/* ---- writing ---- */

static bool sync_store(const struct job *j, struct fault *f)
{
    return fileio_sync(j->lock->descriptor) ||
           fault_set(f, FAULT_IO, "it cannot be synced to the disk: %s", strerror(errno));
}

/* From the first move to the mark that all is done.  False: the store has to be put back. */
static bool write_store(struct job *j)
{
    struct fault f = {.code = FAULT_NONE};
    const char *path = j->a->store.path;
    struct undo_view *old = NULL;
    bool ok = aside_move_out(path, j->undo, &f) &&
              changes_write(&j->changes, j->lock->descriptor, &f) && sync_store(j, &f);
    changes_close(&j->changes);
    ok = ok && undo_view_open(j->undo, j->a->store.db, &old, &f);
    if (ok && verify_store(j->a, path, true, "so the repair is taken back", NULL,
                           j->undo->result_sha256, &j->undo->result_size) != EXIT_CLEAN) {
        undo_view_close(old);
        return false; /* it has said why */
    }
    undo_view_close(old);
    /* What was not to be written is as it was judged, and the old store can be had again. */
    ok = ok && undo_possible(path, j->lock->descriptor, j->undo, &f) && memory_sufficed(&f) &&
         lock_is_named(j->lock, path, &f) && undofile_set_state(j->undo, UNDOFILE_FINISHED, &f);
    if (!ok)
        note_trouble(j->a->notes, path, &f);
    return ok;
}

static const char *or_none(const char *path)
{
    return path[0] ? path : "none was made (--no-backup)";
}

static void roll_back(struct job *j)
{
    struct fault f = {.code = FAULT_NONE};
    const char *path = j->a->store.path;
    /* The mark that all is done may stand there although it could not be synced: never over a store
     * in pieces. */
    bool marked = j->undo->torn;
    if ((!marked || undofile_set_state(j->undo, UNDOFILE_UNDOING, &f)) &&
        undo_possible(path, j->lock->descriptor, j->undo, &f) &&
        undo_put_back(path, j->lock->descriptor, j->undo, j->r->undo, &f)) {
        note_file(j->a->notes, path,
                  "the repair failed; the store was put back as it was (SHA-256 compared)");
        return;
    }
    note_file(j->a->notes, path,
              "the repair failed, and the store could not be put back: %s; when the cause "
              "is gone, run kmmigrate "
              "undo %s; backup: %s",
              f.text, path, or_none(j->r->backup));
}

/* A repaired file that lost its name meanwhile is whole, and stays; but the store, to whoever
 * starts the server, is what has the name. */
static int told_if_moved(const struct job *j)
{
    struct fault f = {.code = FAULT_NONE};
    const char *path = j->a->store.path;
    if (lock_is_named(j->lock, path, &f))
        return EXIT_CLEAN;
    note_file(
        j->a->notes, path,
        "%s: the store was moved, or another put in its place, while it was repaired; the "
        "file that was moved is repaired; give it its name back, or move its undo file %s away "
        "and begin again",
        f.text, j->r->undo);
    return EXIT_TROUBLE;
}

/* ---- all of it ---- */

static int run(struct job *j, const char *has_backup)
{
    int status = prepare(j);
    if (status == EXIT_CLEAN)
        status = keep_backup(j, has_backup);
    if (status == EXIT_CLEAN)
        status = keep_quarantine(j);
    if (status == EXIT_CLEAN)
        status = keep_undo(j);
    if (status != EXIT_CLEAN) {
        leave_no_trace(j);
        return status;
    }
    if (write_store(j))
        return told_if_moved(j);
    roll_back(j);
    return EXIT_TROUBLE;
}

int repair_in_place(const struct assessment *a, bool with_backup, const struct lock *lock,
                    const char *has_backup, struct in_place *r)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        note_error(a->notes, "out of memory");
        return EXIT_TROUBLE;
    }
    *r = (struct in_place){.result = {.target = a->store.path}};
    j->a = a;
    j->with_backup = with_backup;
    j->lock = lock;
    j->r = r;
    j->stop = interrupt_watch();
    int status = run(j, has_backup);
    if (status == EXIT_CLEAN) {
        memcpy(r->result.sha256, j->undo->result_sha256, sizeof r->result.sha256);
        r->result.undo = r->undo;
        r->result.backup = r->backup[0] ? r->backup : NULL;
        r->result.set_aside = r->set_aside[0] ? r->set_aside : NULL;
        r->result.quarantine = r->quarantine[0] ? r->quarantine : NULL;
    }
    changes_close(&j->changes);
    undofile_close(j->undo);
    outfile_discard(j->quarantine);
    backup_close(&j->backup);
    free(j);
    return status;
}

/* ---- one that was interrupted ---- */

/* Where the backup of that repair is; "" when there is none that could be it. */
static void find_backup(const char *path, const struct undofile *u, char backup[PATH_MAX])
{
    const struct undofile_identity *id = &u->identity;
    if (!names_are_own(u, path, NULL) ||
        !names_place(path, id->beside_directory, id->backup, backup, NULL) ||
        (backup[0] && !backup_holds(backup, path_last(path), id->size, id->sha256)))
        backup[0] = '\0';
}

static bool take_back_if_pending(const char *path, const struct lock *lock, const char *undo_path,
                                 char kept_backup[PATH_MAX], struct notes *notes, struct fault *f)
{
    struct undofile *u = NULL;
    if (!undofile_open(undo_path, true, &u, f))
        return false;
    bool ok = true;
    if (undofile_is_pending(u)) {
        find_backup(path, u, kept_backup);
        ok = undo_possible(path, lock->descriptor, u, f) &&
             undo_put_back(path, lock->descriptor, u, undo_path, f);
        if (ok)
            note_warning(notes, "%s: an interrupted repair was taken back; the repair begins anew",
                         path);
    }
    undofile_close(u);
    return ok;
}

int repair_take_back(const char *path, const struct lock *lock, char kept_backup[PATH_MAX],
                     struct notes *notes)
{
    struct names_undo_list list;
    struct fault f = {.code = FAULT_NONE};
    const char *which = path;
    kept_backup[0] = '\0';
    bool ok = names_list_undo(path, &list, &f);
    for (size_t i = list.count; ok && i-- > 0;) { /* the last one is the one that may be open */
        which = list.item[i].path;
        ok = take_back_if_pending(path, lock, which, kept_backup, notes, &f);
    }
    if (!ok)
        note_file(notes, path,
                  "a repair in place was interrupted, and cannot be taken back: %s; "
                  "restore the backup (%s), and then move %s away",
                  f.text, kept_backup[0] ? kept_backup : "if there is one", which);
    names_close_undo(&list);
    return ok ? EXIT_CLEAN : EXIT_TROUBLE;
}
