/*
 * The names of what a repair in place leaves beside a store: undo files, and, of one moment,
 * backup, folder of the files set aside, quarantine file.
 *
 *     NAME.kmundo, NAME.kmundo.2, ...        in the store's directory, numbered by age
 *     BASE.backup-STAMP                      BASE and place: the database file, or, for a store
 *     BASE.set-aside-STAMP                   that is handled as a directory, that directory,
 *     BASE.quarantine-STAMP.pem              beside which they lie
 *
 * STAMP is 20260131T235959Z, or "undated", with -2, -3, ... behind it when that was taken.  An undo
 * file is input like any other: a name that it gives is followed only when it has this form.
 */
#ifndef KM_MIGRATE_UNDO_NAMES_H
#define KM_MIGRATE_UNDO_NAMES_H

#include "migrate/undo/file.h"

enum names_kind { NAMES_BACKUP, NAMES_SET_ASIDE, NAMES_QUARANTINE };

/* BASE of the store at `path`.  FAULT_IO when its directory cannot be found. */
bool names_base(const char *path, bool beside_directory, char base[NAME_MAX + 1], struct fault *f);

/* Makes a name.  False when it would be too long. */
bool names_make(enum names_kind kind, const char *base, const char *stamp, char name[NAME_MAX + 1]);

/* Are all names that the undo file gives ones that a repair of the store at `path` makes?  Fails
 * with FAULT_NOT_THIS, naming the first that is not, or FAULT_IO. */
bool names_are_own(const struct undofile *undo, const char *path, struct fault *f);

/* Where something so named lies, for the store at `path`; "" for an empty name. */
bool names_place(const char *path, bool beside_directory, const char *name, char place[PATH_MAX],
                 struct fault *f);

/* ---- the undo files of a store ---- */

struct names_undo {
    unsigned number; /* 1: NAME.kmundo */
    char *path;
};

struct names_undo_list {
    struct names_undo *item; /* by number */
    size_t count, room;
};

/* Lists the undo files of the store at `path`, whatever their case.  Fails with FAULT_IO when the
 * directory cannot be read, FAULT_LIMIT when two have one number, FAULT_NO_MEMORY.  Close it in any
 * case. */
bool names_list_undo(const char *path, struct names_undo_list *list, struct fault *f);
void names_close_undo(struct names_undo_list *list);

/* The name for a new undo file: its number is higher than that of every one there is. */
bool names_next_undo(const char *path, char undo_path[PATH_MAX], struct fault *f);

#endif
