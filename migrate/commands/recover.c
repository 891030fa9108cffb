/*
 * kmmigrate recover: replays a dirty database's logs into a copy.
 *
 * Without -o the whole replay is made as well, and its result thrown away: only so is it known what
 * would be redone and undone, and whether the logs fit.
 */
#include "migrate/commands/command.h"
#include "migrate/commands/logcall.h"
#include "migrate/commands/planid.h"
#include "migrate/rescue/recovery.h"

#include "formats/ese/check/check.h"
#include "formats/outfile.h"
#include "formats/path.h"
#include "migrate/console/document.h"
#include "migrate/console/escape.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/words.h"
#include "migrate/repair/copydir.h"
#include "migrate/report/storefacts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct copying {
    struct recovery r;
    const struct options *options;
    bool narrower;        /* somebody may do less with the copy than with the store */
    struct beside beside; /* of a store that is a directory */
    uint64_t findings;    /* of the structural check of the copy */
    char first_finding[320];
};

/* ---- the copy ---- */

static void count_finding(void *context, const struct ese_finding *found)
{
    struct copying *c = context;
    if (found->severity != ESE_PROBLEM)
        return;
    if (c->findings == 0)
        snprintf(c->first_finding, sizeof c->first_finding, "%s%s%s",
                 found->table ? found->table : "", found->table ? ": " : "", found->text);
    c->findings++;
}

/* Reads the copy back: the structure of a database that was recovered is sound. */
static int verify(struct copying *c, const char *path)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_db *db = NULL;
    struct ese_check_summary summary;
    if (!ese_db_open(path, NULL, NULL, &db, &f))
        return message_trouble(path, &f);
    bool ok = ese_check(db, count_finding, c, &summary, &f);
    ese_db_close(db);
    if (!ok)
        return message_trouble(path, &f);
    if (c->findings == 0)
        return EXIT_CLEAN;
    return message_file(c->r.logs.store.path,
                        "nothing was written: the recovered database is not sound: %s (%" PRIu64
                        " findings)",
                        c->first_finding, c->findings);
}

/* Writes and reads back what `out` is to be. */
static int fill(struct copying *c, struct outfile *out, const char *name)
{
    struct fault f = {.code = FAULT_NONE};
    int status = EXIT_CLEAN;
    if (!ese_replay_write(c->r.replay, outfile_descriptor(out), &f))
        status = ese_replay_summary(c->r.replay)->interrupted ? EXIT_CANCELLED
                                                              : message_trouble(name, &f);
    if (status == EXIT_CLEAN && !recovery_is_unchanged(&c->r, &f))
        status = message_trouble(c->r.logs.store.path, &f);
    if (status == EXIT_CLEAN)
        status = verify(c, outfile_path(out));
    if (status == EXIT_CLEAN && *interrupt_watch())
        status = EXIT_CANCELLED;
    if (status == EXIT_CANCELLED)
        message_error("cancelled; nothing was written");
    c->narrower |= outfile_is_narrower(out);
    return status;
}

static int write_file(struct copying *c, const char *target)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out = NULL;
    if (!outfile_create(target, ese_file_named_descriptor(c->r.logs.file), c->r.options->force,
                        &out, &f))
        return message_trouble(target, &f);
    int status = fill(c, out, target);
    if (status == EXIT_CLEAN && !outfile_commit(out, &f))
        status = message_trouble(target, &f);
    outfile_discard(out);
    return status;
}

static int write_in(struct copying *c, struct copydir *copy, const char *name)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out = NULL;
    if (!outfile_create_at(copy->made, name, ese_file_named_descriptor(c->r.logs.file), &out, &f))
        return message_trouble(name, &f);
    int status = fill(c, out, name);
    if (status == EXIT_CLEAN && (!copydir_note(copy, name, &f) || !outfile_commit(out, &f)))
        status = message_trouble(name, &f);
    outfile_discard(out);
    return status;
}

/* Logs, reserves, checkpoint and flush map belong to the database as it was. */
static bool stays_behind(const char *name)
{
    char base[ESE_LOG_BASE_SIZE + 1];
    int32_t generation;
    unsigned digits;
    const char *dot = strrchr(name, '.');
    return ese_log_name_read(name, base, &generation, &digits) != ESE_LOG_NAME_NONE ||
           (dot && strcasecmp(dot, ".jfm") == 0);
}

/* The directory's other files go along; its logs stay where they are. */
static int write_directory(struct copying *c, const char *target)
{
    struct fault f = {.code = FAULT_NONE};
    struct copydir copy;
    const char *name = path_last(c->r.logs.store.path);
    int status = EXIT_CLEAN;
    if (!copydir_begin(&copy, c->beside.directory, name, ese_file_stat(c->r.logs.file), target, &f))
        status = message_trouble(target, &f);
    copy.leaves = stays_behind;
    if (status == EXIT_CLEAN)
        status = write_in(c, &copy, name);
    if (status == EXIT_CLEAN &&
        (!copydir_others(&copy, name, &c->beside, &f) || !copydir_commit(&copy, &f)))
        status = message_trouble(target, &f);
    c->narrower |= copy.narrower;
    copydir_close(&copy);
    return status;
}

static int write_copy(struct copying *c)
{
    if (c->beside.no_copy)
        return message_file(c->r.logs.store.path, "nothing was written: %s", c->beside.no_copy);
    return c->r.logs.store.in_directory ? write_directory(c, c->r.options->output)
                                        : write_file(c, c->r.options->output);
}

/* ---- the report ---- */

static void write_text(const struct copying *c, bool written)
{
    const struct ese_replay_summary *s = &c->r.summary;
    char text[160];
    output_format("%-14s%s\n", "Store", c->r.logs.store.path);
    output_format("%-14s%s\n", "Logs in", c->r.logs.directory);
    output_format("%-14s%s\n", "Plan", c->r.id);
    output_format("%-14sgenerations %d to %d, up to %08X,%04X,%04X\n", "Replay", s->first, s->last,
                  (unsigned)s->end.generation, s->end.sector, s->end.byte);
    output_format("%-14s%s: %s of this database, %" PRIu64 " of them not in it yet", "Redo",
                  counted(s->records, "record", "records"),
                  counted(s->changes, "change", "changes"), s->redone);
    if (s->other_databases)
        output_format("; %s of other databases skipped",
                      counted(s->other_databases, "change", "changes"));
    output_format("\n%-14s%s committed, %" PRIu64 " rolled back\n", "",
                  counted(s->committed, "transaction", "transactions"), s->rolled_back);
    output_format("%-14s%s: %s taken back\n", "Undo",
                  counted(s->undone, "open transaction", "open transactions"),
                  counted(s->undone_changes, "change", "changes"));
    output_format("%-14s%u changed, %u in all\n", "Pages", s->pages, s->last_page);
    if (logset_newest_missing(&c->r.logs, text))
        output_format("%-14s%s\n", "Not there", text);
    if (c->r.loss.code)
        output_format("%-14s%s; what came after is lost\n", "Loss", c->r.loss.text);
    if (written)
        output_format("%-14s%s: clean, structure sound; like after eseutil /p its header knows no "
                      "logs any more\n",
                      "Written", c->r.options->output);
    if (written && c->narrower)
        output_format("%-14ssomebody may do less with the copy than with the store\n", "Rights");
    output_format("%-14s", "Next");
    if (written || c->beside.no_copy) {
        output_format(written ? "kmmigrate check %s\n" : "%s\n",
                      written ? shell_word(c->r.options->output) : c->beside.no_copy);
        return;
    }
    logcall_print(&c->r.logs, "recover");
    output_format("%s -o NEW writes the recovered copy\n",
                  c->r.options->until_damage ? " --until-damage" : "");
}

static bool write_json(const struct copying *c, bool written)
{
    const struct ese_replay_summary *s = &c->r.summary;
    const struct {
        const char *key;
        uint64_t value;
    } members[] = {{"first_generation", (uint64_t)s->first},
                   {"last_generation", (uint64_t)s->last},
                   {"records", s->records},
                   {"changes", s->changes},
                   {"redone", s->redone},
                   {"other_databases", s->other_databases},
                   {"committed", s->committed},
                   {"rolled_back", s->rolled_back},
                   {"undone", s->undone},
                   {"undone_changes", s->undone_changes},
                   {"pages_changed", s->pages},
                   {"pages", s->last_page}};
    struct json *json = document_open();
    if (json == NULL)
        return false;
    store_facts_json(json, "store",
                     &(struct store_facts){.path = c->r.logs.store.path,
                                           .stat = ese_file_stat(c->r.logs.file),
                                           .header = &c->r.logs.headers.header});
    json_put_text(json, "logs", c->r.logs.directory);
    json_put_text(json, "plan", c->r.id);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_put_unsigned(json, members[i].key, members[i].value);
    json_put_bool(json, "newest_missing", c->r.logs.verdict.newest_missing);
    json_put_text(json, "loss", c->r.loss.code ? c->r.loss.text : NULL);
    if (!written)
        return true;
    json_put_map(json, "written");
    json_put_text(json, "path", c->r.options->output);
    json_put_text(json, "permissions", c->narrower ? "narrower" : "kept");
    json_end_map(json);
    return true;
}

static int report(const struct copying *c, bool written)
{
    if (c->options->json && c->beside.no_copy)
        message_file(c->r.logs.store.path, "it cannot be written: %s", c->beside.no_copy);
    if (!c->options->json) {
        write_text(c, written);
    } else if (!write_json(c, written)) {
        return EXIT_TROUBLE;
    }
    return EXIT_CLEAN;
}

static int nothing_to_do(const struct copying *c)
{
    char generation[32] = "";
    if (c->r.logs.need.consistent.generation > 0)
        snprintf(generation, sizeof generation, ", in generation %d",
                 (int)c->r.logs.need.consistent.generation);
    message_file(c->r.logs.store.path,
                 "it was shut down cleanly, and no log lies there that goes on where it ends%s: "
                 "nothing to recover",
                 generation);
    return c->r.options->output ? EXIT_TROUBLE : EXIT_CLEAN;
}

static int recover(struct copying *c)
{
    const struct rescue_options *options = c->r.options;
    int status = told(c->options, recovery_make(&c->r));
    if (status != EXIT_CLEAN)
        return status;
    if (!c->r.summary.changed)
        return nothing_to_do(c);
    struct fault f = {.code = FAULT_NONE};
    if (c->r.logs.store.in_directory && !beside_look(&c->beside, c->r.logs.store.path, &f))
        return message_trouble(c->r.logs.store.path, &f);
    if (!planid_is_reviewed(c->r.id, c->options))
        return EXIT_TROUBLE;
    if (options->output == NULL)
        return report(c, false) | EXIT_PROBLEMS_LEFT;
    status = write_copy(c);
    if (status != EXIT_CLEAN)
        return status;
    return report(c, true) | EXIT_REPAIRED | (c->r.loss.code ? EXIT_PROBLEMS_LEFT : 0);
}

int cmd_recover(const struct options *options)
{
    const struct rescue_options rescue = options_for_rescue(options);
    struct copying c = {.r = {.options = &rescue, .notes = options->notes}, .options = options};
    int status = recover(&c);
    recovery_close(&c.r);
    beside_close(&c.beside);
    return status;
}
