/*
 * What `logs` and `recover` share: the database's header, and the logs that lie beside it, beside
 * the file that a symbolic link names, or where --logs says.
 */
#ifndef KM_MIGRATE_LOGSET_H
#define KM_MIGRATE_LOGSET_H

#include "formats/ese/log/set.h"
#include "migrate/rescue/rescue.h"
#include "migrate/store/store.h"

struct logset {
    const struct rescue_options *options;
    struct store store; /* its path only: the database is not opened as one */
    struct ese_file *file;
    struct ese_headers headers;
    struct ese_log_need need;
    struct ese_log_set set;
    struct ese_log_verdict verdict;
    char directory[PATH_MAX]; /* where the logs are looked for */
};

/* Finds the store, reads its header, the logs' headers, and judges them.  On failure an error is
 * noted.  Returns enum exit_status.  Close it in any case. */
int logset_open(struct logset *logs, const struct rescue_options *options, struct notes *notes);
void logset_close(struct logset *logs);

enum { LOGSET_PATH = PATH_MAX + 300 };

/* The path of a log in the set's directory. */
const char *logset_path(const struct logset *logs, const char *name, char path[LOGSET_PATH]);

/* With --until-damage: can a replay go as far as this? */
bool logset_can_stop(const struct logset *logs, const struct ese_log_finding *finding);

/* Where the newest log is not there: a sentence that says so, made in `text`; else NULL. */
const char *logset_newest_missing(const struct logset *logs, char text[160]);

/* "missing", "other-signature", ...: for JSON. */
const char *logset_trouble_name(enum ese_log_trouble trouble);

#endif
