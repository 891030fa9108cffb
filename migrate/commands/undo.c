/* kmmigrate undo: takes back what a repair in place changed. */
#include "migrate/repair/inplace.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/undo/undo.h"

#include <stdio.h>
#include <string.h>

struct undoing {
    struct store store; /* only its path: the database may be in pieces */
    struct lock lock;
    char undo_path[PATH_MAX], backup[PATH_MAX];
    struct undofile *undo;
    bool interrupted;
};

static int refuse(const struct undoing *u, const struct fault *f, const char *state)
{
    message_error("%s: %s; %s; the backup is the way back: %s", u->store.path, f->text, state,
                  u->undo == NULL ? "it lies beside the store, if one was made"
                                  : (u->backup[0] ? u->backup : "none was made (--no-backup)"));
    return EXIT_TROUBLE;
}

static int open_undo_file(struct undoing *u)
{
    struct fault f = {.code = FAULT_NONE};
    bool exists = false;
    if (!undofile_find(u->store.path, u->undo_path, &exists, &f)) {
        message_error("%s: %s", u->store.path, f.text);
        return EXIT_TROUBLE;
    }
    if (!exists) {
        message_error("%s: there is nothing to take back: expected the undo file %s", u->store.path,
                      u->undo_path);
        return EXIT_TROUBLE;
    }
    if (!undofile_open(u->undo_path, true, &u->undo, &f))
        return refuse(u, &f, "the store was not touched");
    u->interrupted = undofile_is_pending(u->undo);
    const struct undofile_identity *id = &u->undo->identity;
    undofile_place(u->store.path, id->beside_directory, id->backup, u->backup, NULL);
    return EXIT_CLEAN;
}

static int put_back(struct undoing *u)
{
    struct fault f = {.code = FAULT_NONE};
    const volatile sig_atomic_t *stop = message_watch_interrupt();
    if (!undo_possible(u->store.path, u->lock.descriptor, u->undo, &f))
        return refuse(u, &f, "the store was not touched");
    if (*stop) {
        message_error("cancelled; nothing was changed");
        return EXIT_CANCELLED;
    }
    signal(SIGHUP, SIG_IGN); /* from here on it is finished */
    if (undo_put_back(u->store.path, u->lock.descriptor, u->undo, u->undo_path, &f))
        return EXIT_CLEAN;
    return refuse(u, &f, "it may be put back in part; when the cause is gone, run undo again");
}

/* ---- the report ---- */

static void text_report(const struct undoing *u, const char *hex, const char *time)
{
    output_format("%s was put back as it was before the repair of %s UTC%s.\n", u->store.path, time,
                  u->interrupted ? ", which was interrupted" : "");
    output_format("  %-12s%s\n  %-12s%zu\n", "SHA-256", hex, "Pages", u->undo->pieces);
    for (size_t i = 0; i < u->undo->moves; i++)
        output_format("  %-12s%s\n", i ? "" : "Files", u->undo->move[i]);
    if (u->backup[0])
        output_format("  %-12s%s (it stays)\n", "Backup", u->backup);
}

static void member(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    if (text[0])
        json_string(json, text);
    else
        json_null(json);
}

static int json_report(const struct undoing *u, const char *hex)
{
    struct json *json = json_open(true);
    if (json == NULL) {
        message_error("out of memory");
        return EXIT_TROUBLE;
    }
    json_map(json);
    json_key(json, "schema");
    json_integer(json, REPORT_SCHEMA);
    member(json, "store", u->store.path);
    member(json, "sha256", hex);
    member(json, "plan", u->undo->identity.plan);
    json_key(json, "interrupted");
    json_bool(json, u->interrupted);
    json_key(json, "pages");
    json_unsigned(json, u->undo->pieces);
    json_key(json, "files");
    json_array(json);
    for (size_t i = 0; i < u->undo->moves; i++)
        json_string(json, u->undo->move[i]);
    json_end_array(json);
    member(json, "backup", u->backup);
    json_end_map(json);
    json_end_document(json);
    json_close(json);
    return EXIT_CLEAN;
}

static int report(const struct undoing *u, const struct options *options)
{
    char hex[2 * HASH_SHA256_SIZE + 1], time[32];
    const struct undofile_identity *id = &u->undo->identity;
    bytes_hex(bytes_of(id->sha256, sizeof id->sha256), hex, sizeof hex);
    if (options->json)
        return json_report(u, hex);
    if (!options->quiet)
        text_report(u, hex, report_time(id->time <= INT64_MAX, (int64_t)id->time, time));
    return EXIT_CLEAN;
}

int cmd_undo(const struct options *options)
{
    struct undoing u = {.undo = NULL};
    struct fault f = {.code = FAULT_NONE};
    message_end_on_interrupt();
    int status = store_find(&u.store, options->operand[0]);
    if (status != EXIT_CLEAN)
        return status;
    if (!lock_take(&u.lock, u.store.path, &f)) {
        message_error("%s: %s", u.store.path, f.text);
        return EXIT_TROUBLE;
    }
    status = open_undo_file(&u);
    if (status == EXIT_CLEAN)
        status = put_back(&u);
    if (status == EXIT_CLEAN)
        status = report(&u, options);
    undofile_close(u.undo);
    lock_release(&u.lock);
    return output_finish() ? status : status | EXIT_TROUBLE;
}
