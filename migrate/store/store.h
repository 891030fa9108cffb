/*
 * Finding and opening what the user named: a database file, or the directory (Kmsdata) that holds
 * one.
 */
#ifndef KM_MIGRATE_STORE_H
#define KM_MIGRATE_STORE_H

#include "formats/ese/read/db.h"
#include "migrate/console/notes.h"

#include <limits.h>

struct json;
struct profile;
struct value_writer;

struct store {
    char path[PATH_MAX]; /* of the database file */
    bool in_directory;   /* the user named the directory */
    struct ese_db *db;
    bool damaged; /* one of the warnings that the database gave was damage */
    const struct profile
        *profile;         /* whose secrets are not shown; NULL: those of the built-in one */
    bool show_secrets;    /* columns that only their name makes secret are shown */
    struct fault pending; /* not FAULT_NONE: a repair in place was interrupted, or its undo file
                             cannot be read */
};

/* The database's name inside Kmsdata, compared without regard to case. */
#define STORE_FILE_NAME "Kmsmdb.edb"

/* Opens the database that `name` (a file, or a directory that holds Kmsmdb.edb in any case) means.
 * Warnings are noted.  On failure an error is noted that says what to do, and nothing is left open.
 * Returns enum exit_status: EXIT_CLEAN, EXIT_TROUBLE or, for standard input, EXIT_USAGE. */
int store_open(struct store *store, const char *name, struct notes *notes);

/* The same without a warning about an interrupted repair: for whoever tells about that itself. */
int store_open_to_judge(struct store *store, const char *name, struct notes *notes);

/* An unnamed file is judged for the store at `path`: it goes by that name, and what an interrupted
 * repair left beside that is pending.  Returns enum exit_status; an error is noted. */
int store_stand_for(struct store *store, const char *path, struct notes *notes);

/* Holds the file at `path`, open as `descriptor`, against repairs: one that runs beside would show
 * some pages as they were and some as they will be.  Where the file system has no locks that is
 * noted.  False when one runs. */
bool store_keep_still(const char *path, int descriptor, struct notes *notes, struct fault *f);

/* True, with the error noted and what to do next, when `path` is no database but a log or a
 * checkpoint. */
bool store_refuse_log(const char *path, struct notes *notes);

/* Only the path.  On failure an error is noted.  Nothing has to be closed. */
int store_find(struct store *store, const char *name, struct notes *notes);

void store_close(struct store *store);

/* The table of that name; NULL, with an error noted that lists what there is, when there is none.
 */
const struct ese_table *store_table(const struct store *store, const char *name,
                                    struct notes *notes);

/* True for columns whose values are shown as length and hash: what the store's profile or the
 * built-in one marks as secret, and, unless show_secrets, what its name makes look secret. */
bool store_column_is_secret(const struct store *store, const struct ese_table *table,
                            const struct ese_column *column);

/* A writer for values of the store, secret ones hidden; see console/value.h. */
struct value_writer *store_value_writer(const struct store *store, struct json *json);

/* Reads the profile at `path` (NULL: none) whose secrets are not to be shown.  *profile is the
 * caller's to close, also when there is none.  Returns enum exit_status; an error is noted. */
int store_use_profile(struct store *store, struct profile *profile, const char *path,
                      struct notes *notes);

#endif
