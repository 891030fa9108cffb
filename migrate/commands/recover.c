/*
 * kmmigrate recover: replays a dirty database's logs into a copy.
 *
 * Without -o the whole replay is made as well, and its result thrown away: only so is it known what
 * would be redone and undone, and whether the logs fit.
 */
#include "formats/ese/check/check.h"
#include "formats/ese/log/replay.h"
#include "formats/hash.h"
#include "formats/outfile.h"
#include "migrate/commands/logset.h"
#include "migrate/console/json.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/repair/copydir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HASH_STEP = 256 * 1024, ID_LEAST = 8 };

struct recovery {
    const struct options *options;
    struct logset logs;
    struct ese_replay *replay;
    struct ese_replay_summary summary;
    int32_t stop_before; /* --until-damage: the first generation that is not read; 0: none */
    struct fault loss;   /* what a recovery with --until-damage stops at */
    char id[2 * HASH_SHA256_SIZE + 1];
    bool narrower;     /* somebody may do less with the copy than with the store */
    uint64_t findings; /* of the structural check of the copy */
    char first_finding[320];
};

static int trouble(const char *path, const struct fault *f)
{
    message_error("%s: %s", path, f->text);
    return EXIT_TROUBLE;
}

/* ---- the set of logs ---- */

/* What the preflight found, as reasons to refuse; with --until-damage the replay stops before the
 * first of them. */
static bool set_fits(struct recovery *r)
{
    const struct ese_log_verdict *v = &r->logs.verdict;
    for (size_t i = 0; i < v->findings; i++) {
        const struct ese_log_finding *found = &v->finding[i];
        bool can_stop = found->trouble == ESE_LOG_UNREADABLE || found->trouble == ESE_LOG_MISSING ||
                        found->trouble == ESE_LOG_GAP;
        if (!r->options->until_damage || !can_stop || found->generation <= v->first)
            return false;
        if (r->stop_before == 0 || found->generation < r->stop_before)
            r->stop_before = found->generation;
        if (r->loss.code == FAULT_NONE)
            fault_set(&r->loss, FAULT_DAMAGED, "%s: %s", found->name, found->text);
    }
    return true;
}

static void tell_misfits(const struct recovery *r)
{
    const struct ese_log_verdict *v = &r->logs.verdict;
    for (size_t i = 0; i < v->findings; i++)
        message_error("%s: %s", v->finding[i].name[0] ? v->finding[i].name : r->logs.store.path,
                      v->finding[i].text);
    if (!v->replayable_version)
        message_error("%s: logs of this version are not replayed", r->logs.directory);
    message_error("%s: not recovered: the logs do not fit; kmmigrate logs %s shows all of them",
                  r->logs.store.path, r->options->operand[0]);
}

static bool open_log(const struct recovery *r, const char *name, struct ese_file **file,
                     struct fault *f)
{
    char path[PATH_MAX + 300];
    snprintf(path, sizeof path, "%s/%s", r->logs.directory, name);
    return ese_file_open(path, file, f);
}

/* ---- the id of the plan ---- */

static bool hash_file(struct hash *hash, struct ese_file *file, struct fault *f)
{
    static uint8_t step[HASH_STEP];
    uint64_t at = 0;
    for (size_t got = 1; got > 0; at += got) {
        if (!ese_file_read(file, at, step, sizeof step, &got, f))
            return false;
        hash_sha256_add(hash, bytes_of(step, got));
    }
    return true;
}

/* SHA-256 over what a recovery depends on: the database, each log in its order, and how far it
 * goes. Names, paths and days are not in it. */
static bool make_id(struct recovery *r, struct fault *f)
{
    struct hash hash;
    uint8_t digest[HASH_SHA256_SIZE];
    static const char what[] = "kmmigrate recover 1\n";
    if (!hash_open(&hash, f))
        return false;
    hash_sha256_add(&hash, bytes_of(what, sizeof what - 1));
    bool ok = hash_file(&hash, r->logs.file, f);
    for (int32_t g = r->logs.verdict.first; ok && g > 0 && g <= r->summary.last; g++) {
        const struct ese_log_file *log = ese_log_set_find(&r->logs.set, g);
        struct ese_file *file;
        ok = log && open_log(r, log->name, &file, f);
        if (ok) {
            ok = hash_file(&hash, file, f);
            ese_file_close(file);
        }
    }
    char range[64];
    int size = snprintf(range, sizeof range, "%d-%d%s\n", r->summary.first, r->summary.last,
                        r->loss.code ? " until damage" : "");
    hash_sha256_add(&hash, bytes_of(range, (size_t)size));
    hash_sha256_end(&hash, digest);
    hash_close(&hash);
    bytes_hex(bytes_of(digest, sizeof digest), r->id, sizeof r->id);
    return ok;
}

/* ---- the replay ---- */

/* One log.  *stopped: --until-damage, and here is the damage. */
static int replay_log(struct recovery *r, int32_t generation, bool *stopped)
{
    struct fault f = {.code = FAULT_NONE};
    const struct ese_log_file *log = ese_log_set_find(&r->logs.set, generation);
    struct ese_file *file = NULL;
    struct ese_log_stream *stream = NULL;
    if (log == NULL) {
        message_error("generation %d is not there any more", generation);
        return EXIT_TROUBLE;
    }
    bool ok = open_log(r, log->name, &file, &f) && ese_log_stream_open(file, &stream, &f) &&
              ese_replay_log(r->replay, stream, &f);
    ese_log_stream_close(stream);
    if (file)
        ese_file_close(file);
    if (ok)
        return EXIT_CLEAN;
    if (r->options->until_damage && ese_replay_damage_in_log(r->replay) &&
        f.code == FAULT_DAMAGED) {
        *stopped = true;
        if (r->loss.code == FAULT_NONE || generation <= r->stop_before)
            fault_set(&r->loss, FAULT_DAMAGED, "%s: %.280s", log->name, f.text);
        return EXIT_CLEAN;
    }
    if (ese_replay_summary(r->replay)->interrupted) {
        message_error("cancelled; nothing was written");
        return EXIT_CANCELLED;
    }
    message_error("%s: %s", log->name, f.text);
    message_error("%s: not recovered", r->logs.store.path);
    return EXIT_TROUBLE;
}

static int replay(struct recovery *r)
{
    const struct ese_log_verdict *v = &r->logs.verdict;
    struct ese_replay_options how = {.stop = message_watch_interrupt()};
    struct fault f = {.code = FAULT_NONE};
    struct bytes header = bytes_of(r->logs.headers.raw, sizeof r->logs.headers.raw);
    bool stopped = false;
    if (!ese_replay_open(r->logs.file, header, &how, &r->replay, &f))
        return trouble(r->logs.store.path, &f);
    /* The generation that is damaged is read as far as it goes. */
    int32_t last = r->stop_before && ese_log_set_find(&r->logs.set, r->stop_before) == NULL
                       ? r->stop_before - 1
                   : r->stop_before ? r->stop_before
                                    : v->last;
    for (int32_t g = v->first; g > 0 && g <= last && !stopped; g++) {
        int status = replay_log(r, g, &stopped);
        if (status != EXIT_CLEAN)
            return status;
    }
    if (!ese_replay_finish(r->replay, &f)) {
        trouble(r->logs.store.path, &f);
        message_error("%s: not recovered", r->logs.store.path);
        return EXIT_TROUBLE;
    }
    r->summary = *ese_replay_summary(r->replay);
    return make_id(r, &f) ? EXIT_CLEAN : trouble(r->logs.store.path, &f);
}

/* ---- the copy ---- */

static void count_finding(void *context, const struct ese_finding *found)
{
    struct recovery *r = context;
    if (found->severity != ESE_PROBLEM)
        return;
    if (r->findings == 0)
        snprintf(r->first_finding, sizeof r->first_finding, "%s%s%s",
                 found->table ? found->table : "", found->table ? ": " : "", found->text);
    r->findings++;
}

/* Reads the copy back: the structure of a database that was recovered is sound. */
static int verify(struct recovery *r, const char *path)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_db *db = NULL;
    struct ese_check_summary summary;
    if (!ese_db_open(path, NULL, NULL, &db, &f))
        return trouble(path, &f);
    bool ok = ese_check(db, count_finding, r, &summary, &f);
    ese_db_close(db);
    if (!ok)
        return trouble(path, &f);
    if (r->findings == 0)
        return EXIT_CLEAN;
    message_error("%s: nothing was written: the recovered database is not sound: %s (%" PRIu64
                  " findings)",
                  r->logs.store.path, r->first_finding, r->findings);
    return EXIT_TROUBLE;
}

/* Writes and reads back what `out` is to be. */
static int fill(struct recovery *r, struct outfile *out, const char *name)
{
    struct fault f = {.code = FAULT_NONE};
    int status = EXIT_CLEAN;
    if (!ese_replay_write(r->replay, outfile_descriptor(out), &f))
        status = ese_replay_summary(r->replay)->interrupted ? EXIT_CANCELLED : trouble(name, &f);
    if (status == EXIT_CLEAN)
        status = verify(r, outfile_path(out));
    if (status == EXIT_CLEAN && *message_watch_interrupt())
        status = EXIT_CANCELLED;
    if (status == EXIT_CANCELLED)
        message_error("cancelled; nothing was written");
    r->narrower |= outfile_is_narrower(out);
    return status;
}

static int write_file(struct recovery *r, const char *target)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out = NULL;
    if (!outfile_create(target, ese_file_named_descriptor(r->logs.file), r->options->force, &out,
                        &f))
        return trouble(target, &f);
    int status = fill(r, out, target);
    if (status == EXIT_CLEAN && !outfile_commit(out, &f))
        status = trouble(target, &f);
    outfile_discard(out);
    return status;
}

static int write_in(struct recovery *r, struct copydir *copy, const char *name)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out = NULL;
    if (!outfile_create_at(copy->made, name, ese_file_named_descriptor(r->logs.file), &out, &f))
        return trouble(name, &f);
    int status = fill(r, out, name);
    if (status == EXIT_CLEAN && (!copydir_note(copy, name, &f) || !outfile_commit(out, &f)))
        status = trouble(name, &f);
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
static int write_directory(struct recovery *r, const char *target)
{
    struct fault f = {.code = FAULT_NONE};
    struct copydir copy;
    struct beside beside = {.files = 0};
    const char *slash = strrchr(r->logs.store.path, '/');
    const char *name = slash ? slash + 1 : r->logs.store.path;
    int status = EXIT_CLEAN;
    if (!beside_look(&beside, r->logs.store.path, &f)) {
        beside_close(&beside);
        return trouble(r->logs.store.path, &f);
    }
    if (!copydir_begin(&copy, beside.directory, name, ese_file_stat(r->logs.file), target, &f))
        status = trouble(target, &f);
    copy.leaves = stays_behind;
    if (status == EXIT_CLEAN)
        status = write_in(r, &copy, name);
    if (status == EXIT_CLEAN &&
        (!copydir_others(&copy, name, &beside, &f) || !copydir_commit(&copy, &f)))
        status = trouble(target, &f);
    r->narrower |= copy.narrower;
    copydir_close(&copy);
    beside_close(&beside);
    return status;
}

static bool is_the_plan(const struct recovery *r)
{
    size_t size = r->options->plan ? strlen(r->options->plan) : 0;
    return r->options->plan == NULL ||
           (size >= ID_LEAST && size < sizeof r->id && strncmp(r->id, r->options->plan, size) == 0);
}

static int write_copy(struct recovery *r)
{
    if (!is_the_plan(r)) {
        message_error("%s: the plan is %s, not %s: nothing was written", r->logs.store.path, r->id,
                      r->options->plan);
        return EXIT_TROUBLE;
    }
    return r->logs.store.in_directory ? write_directory(r, r->options->output)
                                      : write_file(r, r->options->output);
}

/* ---- the report ---- */

static void write_text(const struct recovery *r, bool written)
{
    const struct ese_replay_summary *s = &r->summary;
    output_format("%-14s%s\n", "Store", r->logs.store.path);
    output_format("%-14s%s\n", "Logs in", r->logs.directory);
    output_format("%-14s%s\n", "Plan", r->id);
    output_format("%-14sgenerations %d to %d, up to %08X,%04X,%04X\n", "Replay", s->first, s->last,
                  (unsigned)s->end.generation, s->end.sector, s->end.byte);
    output_format("%-14s%" PRIu64 " records: %" PRIu64 " changes of this database, %" PRIu64
                  " of them not in it yet",
                  "Redo", s->records, s->changes, s->redone);
    if (s->other_databases)
        output_format("; %" PRIu64 " changes of other databases skipped", s->other_databases);
    output_format("\n%-14s%" PRIu64 " transactions committed, %" PRIu64 " rolled back\n", "",
                  s->committed, s->rolled_back);
    output_format("%-14s%" PRIu64 " open transactions: %" PRIu64 " changes taken back\n", "Undo",
                  s->undone, s->undone_changes);
    output_format("%-14s%u changed, %u in all\n", "Pages", s->pages, s->last_page);
    if (r->loss.code)
        output_format("%-14s%s; what came after is lost\n", "Loss", r->loss.text);
    if (written)
        output_format("%-14s%s: clean, structure sound; like after eseutil /p its header knows no "
                      "logs any more\n",
                      "Written", r->options->output);
    if (written && r->narrower)
        output_format("%-14ssomebody may do less with the copy than with the store\n", "Rights");
    else
        output_format("%-14skmmigrate recover %s -o NEW writes the recovered copy\n", "Next",
                      r->options->operand[0]);
}

static void json_number(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_unsigned(json, value);
}

static bool write_json(const struct recovery *r, bool written)
{
    const struct ese_replay_summary *s = &r->summary;
    struct json *json = json_open(true);
    if (json == NULL)
        return false;
    json_map(json);
    json_key(json, "store");
    json_string(json, r->logs.store.path);
    json_key(json, "logs");
    json_string(json, r->logs.directory);
    json_key(json, "plan");
    json_string(json, r->id);
    json_key(json, "written");
    if (written)
        json_string(json, r->options->output);
    else
        json_null(json);
    json_number(json, "first_generation", (uint64_t)s->first);
    json_number(json, "last_generation", (uint64_t)s->last);
    json_number(json, "records", s->records);
    json_number(json, "changes", s->changes);
    json_number(json, "redone", s->redone);
    json_number(json, "other_databases", s->other_databases);
    json_number(json, "committed", s->committed);
    json_number(json, "rolled_back", s->rolled_back);
    json_number(json, "undone", s->undone);
    json_number(json, "undone_changes", s->undone_changes);
    json_number(json, "pages_changed", s->pages);
    json_number(json, "pages", s->last_page);
    json_key(json, "loss");
    if (r->loss.code)
        json_string(json, r->loss.text);
    else
        json_null(json);
    json_end_map(json);
    json_end_document(json);
    json_close(json);
    return true;
}

static int report(const struct recovery *r, bool written)
{
    if (!r->options->json) {
        write_text(r, written);
    } else if (!write_json(r, written)) {
        message_error("out of memory");
        return EXIT_TROUBLE;
    }
    return output_finish() ? EXIT_CLEAN : EXIT_TROUBLE;
}

static int nothing_to_do(const struct recovery *r)
{
    message_error("%s: it was shut down cleanly, and no logs go on after it: nothing to recover",
                  r->logs.store.path);
    return r->options->output ? EXIT_TROUBLE : EXIT_CLEAN;
}

static int recover(struct recovery *r)
{
    if (!r->logs.verdict.replayable_version || !set_fits(r)) {
        tell_misfits(r);
        return r->options->output ? EXIT_TROUBLE : EXIT_PROBLEMS_LEFT;
    }
    int status = replay(r);
    if (status != EXIT_CLEAN)
        return status == EXIT_TROUBLE && !r->options->output ? EXIT_PROBLEMS_LEFT : status;
    if (!r->summary.changed)
        return nothing_to_do(r);
    if (r->options->output == NULL)
        return report(r, false) | EXIT_PROBLEMS_LEFT;
    status = write_copy(r);
    if (status != EXIT_CLEAN)
        return status;
    return report(r, true) | EXIT_REPAIRED | (r->loss.code ? EXIT_PROBLEMS_LEFT : 0);
}

int cmd_recover(const struct options *options)
{
    struct recovery r = {.options = options};
    int status = logset_open(&r.logs, options);
    if (status == EXIT_CLEAN)
        status = recover(&r);
    ese_replay_close(r.replay);
    logset_close(&r.logs);
    return output_finish() ? status : status | EXIT_TROUBLE;
}
