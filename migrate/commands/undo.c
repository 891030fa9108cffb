/* kmmigrate undo: takes back what a repair in place changed. */
#include "migrate/console/words.h"
#include "migrate/commands/command.h"
#include "migrate/repair/inplace.h"
#include "formats/path.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/repair/backup.h"
#include "migrate/report/storefacts.h"
#include "migrate/commands/leftovers.h"
#include "migrate/undo/aside.h"
#include "migrate/undo/names.h"
#include "migrate/undo/undo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One of the undo files beside the store. */
struct candidate {
    const char *path;      /* in the list of names */
    struct undofile *undo; /* NULL: it cannot be read */
    struct fault fault;    /* why */
    bool is_result;        /* the store is what this repair left */
};

struct undoing {
    struct store store; /* only its path: the database may be in pieces */
    struct lock lock;
    struct names_undo_list list;
    struct candidate *candidate; /* as in the list */
    const struct candidate *chosen;
    struct undofile *undo; /* the chosen one, open for writing */
    bool backup_is_known;  /* whether there is one */
    char backup[PATH_MAX]; /* "": none was made, or it is not there */
    bool backup_is_good;   /* it holds the store as it was */
    bool interrupted;
};

/* What the backup of a repair is worth: it is named as a way back only when it is one. */
static void find_backup(struct undoing *u, const struct undofile *undo)
{
    const struct undofile_identity *id = &undo->identity;
    struct stat st;
    if (!names_are_own(undo, u->store.path, NULL) ||
        !names_place(u->store.path, id->beside_directory, id->backup, u->backup, NULL))
        return;
    bool there = u->backup[0] && lstat(u->backup, &st) == 0;
    u->backup_is_known = there || u->backup[0] == '\0' || errno == ENOENT;
    if (!there) {
        u->backup[0] = '\0';
        return;
    }
    u->backup_is_good = backup_holds(u->backup, path_last(u->store.path), id->size, id->sha256);
}

static int refuse(const struct undoing *u, const struct fault *f, const char *state)
{
    if (!u->backup_is_known)
        message_file(u->store.path, "%s; %s; a backup, if one was made, is the way back", f->text,
                     state);
    else if (u->backup[0] == '\0')
        message_file(u->store.path, "%s; %s; there is no backup of that repair beside it%s",
                     f->text, state,
                     f->code == FAULT_MISSING
                         ? "; copies from another backup will do: put them there. The database "
                           "needs no file that was set aside: where these are lost, empty files "
                           "of their names in that folder let it be put back; remove them then"
                         : "");
    else if (u->backup_is_good)
        message_file(u->store.path,
                     "%s; %s; the backup is the way back: %s (its SHA-256 is that of the "
                     "store before the repair)",
                     f->text, state, u->backup);
    else
        message_file(u->store.path,
                     "%s; %s; the backup %s does not hold the store as it was before the "
                     "repair",
                     f->text, state, u->backup);
    return EXIT_TROUBLE;
}

/* ---- which repair is taken back ---- */

static int open_candidates(struct undoing *u)
{
    struct fault f = {.code = FAULT_NONE};
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t size = 0;
    u->candidate = calloc(u->list.count, sizeof *u->candidate);
    if (u->candidate == NULL)
        fault_no_memory(&f, "the undo files");
    if (u->candidate == NULL || !undo_hash_file(u->lock.descriptor, &size, sha256, &f))
        return message_trouble(u->store.path, &f);
    for (size_t i = 0; i < u->list.count; i++) {
        struct candidate *c = &u->candidate[i];
        c->path = u->list.item[i].path;
        if (undofile_open(c->path, false, &c->undo, &c->fault))
            c->is_result = undo_is_result(c->undo, size, sha256);
    }
    return EXIT_CLEAN;
}

static bool is_pending(const struct candidate *c)
{
    return c->undo && undofile_is_pending(c->undo);
}

/*
 * One that is not finished comes first: until it is taken back the store is nothing at all.  Else
 * the last repair whose result the store is; else the last one there is, so that it is told why
 * not.
 */
static const struct candidate *choose(const struct undoing *u)
{
    const struct candidate *pending = NULL, *result = NULL, *last = NULL;
    for (size_t i = 0; i < u->list.count; i++) {
        const struct candidate *c = &u->candidate[i];
        pending = is_pending(c) ? c : pending;
        result = c->is_result ? c : result;
        last = c;
    }
    return pending ? pending : result ? result : last;
}

static int choose_undo_file(struct undoing *u)
{
    struct fault f = {.code = FAULT_NONE};
    if (!names_list_undo(u->store.path, &u->list, &f))
        return message_trouble(u->store.path, &f);
    if (u->list.count == 0)
        return message_file(u->store.path,
                            "there is nothing to take back: expected the undo file %s%s",
                            u->store.path, BESIDE_UNDO_SUFFIX);
    int status = open_candidates(u);
    if (status != EXIT_CLEAN)
        return status;
    u->chosen = choose(u);
    if (u->chosen->undo == NULL) {
        f = u->chosen->fault;
        fault_context(&f, "%s", u->chosen->path);
        return refuse(u, &f, "the store was not touched");
    }
    if (!undofile_open(u->chosen->path, true, &u->undo, &f))
        return refuse(u, &f, "the store was not touched");
    u->interrupted = undofile_is_pending(u->undo);
    find_backup(u, u->undo);
    return EXIT_CLEAN;
}

/* Undo does not refuse for that: what is in the folder is all that there is of them. */
static bool warn_of_changed(const struct undoing *u, struct fault *f)
{
    size_t count;
    const struct undofile_move *first = aside_changed(u->store.path, u->undo, &count, f);
    if (first)
        message_warning("%s: %s, which was set aside%s, was changed after the repair began, by its "
                        "%s; it is put back as it is now",
                        u->store.path, first->name, count > 1 ? ", and is not the only one" : "",
                        first->is_known ? "SHA-256" : "file time");
    return first || f->code == FAULT_NONE;
}

static int put_back(struct undoing *u)
{
    struct fault f = {.code = FAULT_NONE};
    const volatile sig_atomic_t *stop = interrupt_watch();
    if (!undo_possible(u->store.path, u->lock.descriptor, u->undo, &f) ||
        !lock_is_named(&u->lock, u->store.path, &f) || !warn_of_changed(u, &f))
        return refuse(u, &f, "the store was not touched");
    if (*stop) {
        message_error("cancelled; nothing was changed");
        return EXIT_CANCELLED;
    }
    /* From here on it is finished. */
    if (!undo_put_back(u->store.path, u->lock.descriptor, u->undo, u->chosen->path, &f))
        return refuse(u, &f, "it may be put back in part; when the cause is gone, run undo again");
    if (lock_is_named(&u->lock, u->store.path, &f))
        return EXIT_CLEAN;
    return message_file(
        u->store.path,
        "%s: the store was moved, or another put in its place, while it was put back; the "
        "file that was moved is as it was before the repair; give it its name back",
        f.text);
}

/* ---- the report ---- */

/* What is to be said of an undo file that was not taken. */
static const char *state_of(const struct candidate *c)
{
    if (c->undo == NULL)
        return "cannot be read";
    if (undofile_is_pending(c->undo))
        return "not finished";
    return c->is_result ? "finished, of the same result"
                        : "finished, of another state of the store";
}

static void text_report(const struct undoing *u, const char *time)
{
    output_format("%s was put back as it was before the repair of %s UTC%s.\n", u->store.path, time,
                  u->interrupted ? ", which was interrupted" : "");
    output_format("  %-12s%s\n  %-12s%zu\n", "SHA-256",
                  hash_words(bytes_of(u->undo->identity.sha256, HASH_SHA256_SIZE)), "Pages",
                  u->undo->pieces);
    for (size_t i = 0; i < u->undo->moves; i++)
        output_format("  %-12s%s\n", i ? "" : "Files", u->undo->move[i].name);
    if (u->backup[0])
        output_format("  %-12s%s (it stays%s)\n", "Backup", u->backup,
                      u->backup_is_good ? "" : "; it does not hold the store as it was");
    for (size_t i = 0; i < u->list.count; i++)
        if (&u->candidate[i] != u->chosen)
            output_format("  %-12s%s: %s\n", "Also there", u->candidate[i].path,
                          state_of(&u->candidate[i]));
}

static void json_others(struct json *json, const struct undoing *u)
{
    json_put_array(json, "others");
    for (size_t i = 0; i < u->list.count; i++) {
        if (&u->candidate[i] == u->chosen)
            continue;
        json_map(json);
        json_put_text(json, "path", u->candidate[i].path);
        json_put_text(json, "state", state_of(&u->candidate[i]));
        json_end_map(json);
    }
    json_end_array(json);
}

static int json_report(const struct undoing *u)
{
    const struct undofile_identity *id = &u->undo->identity;
    struct json *json = document_open();
    struct stat st;
    if (json == NULL)
        return EXIT_TROUBLE;
    bool known = fstat(u->lock.descriptor, &st) == 0;
    store_facts_json(json, "store",
                     &(struct store_facts){
                         .path = u->store.path, .stat = known ? &st : NULL, .sha256 = id->sha256});
    json_put_text(json, "plan", id->plan[0] ? id->plan : NULL);
    json_put_time(json, "repaired_on", id->time <= INT64_MAX, (int64_t)id->time, true);
    json_put_bool(json, "interrupted", u->interrupted);
    json_put_unsigned(json, "pages", u->undo->pieces);
    json_put_array(json, "files");
    for (size_t i = 0; i < u->undo->moves; i++)
        json_string(json, u->undo->move[i].name);
    json_end_array(json);
    json_put_text(json, "backup", u->backup[0] ? u->backup : NULL);
    json_others(json, u);
    return EXIT_CLEAN;
}

static int report(const struct undoing *u, const struct options *options)
{
    const struct undofile_identity *id = &u->undo->identity;
    if (options->json)
        return json_report(u);
    if (!options->quiet)
        text_report(u, report_time(id->time <= INT64_MAX, (int64_t)id->time));
    return EXIT_CLEAN;
}

int cmd_undo(const struct options *options)
{
    struct undoing u = {.undo = NULL};
    struct fault f = {.code = FAULT_NONE};
    interrupt_ends();
    int status = told(options, store_find(&u.store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN)
        return status;
    if (!lock_take(&u.lock, u.store.path, &f))
        return message_trouble(u.store.path, &f);
    leftovers_beside_store(u.store.path, LEFTOVERS_TELL);
    confine(options, &u.store);
    status = choose_undo_file(&u);
    if (status == EXIT_CLEAN)
        status = put_back(&u);
    if (status == EXIT_CLEAN)
        status = report(&u, options);
    undofile_close(u.undo);
    for (size_t i = 0; u.candidate && i < u.list.count; i++)
        undofile_close(u.candidate[i].undo);
    free(u.candidate);
    names_close_undo(&u.list);
    lock_release(&u.lock);
    return status;
}
