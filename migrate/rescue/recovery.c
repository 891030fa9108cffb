/* Recovering a store from its logs: see recovery.h. */
#include "migrate/rescue/recovery.h"

#include "formats/array.h"
#include "formats/fileio.h"
#include "migrate/console/escape.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_STEP = 256 * 1024 };

/* ---- the set of logs ---- */

/* What the preflight found, as reasons to refuse; with --until-damage the replay stops before the
 * first of them. */
static bool set_fits(struct recovery *r)
{
    const struct ese_log_verdict *v = &r->logs.verdict;
    for (size_t i = 0; i < v->findings; i++) {
        const struct ese_log_finding *found = &v->finding[i];
        if (!r->options->until_damage || !logset_can_stop(&r->logs, found))
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
    char path[LOGSET_PATH];
    for (size_t i = 0; i < v->findings; i++)
        note_file(r->notes,
                  v->finding[i].name[0] ? logset_path(&r->logs, v->finding[i].name, path)
                                        : r->logs.store.path,
                  "%s", v->finding[i].text);
    if (!v->replayable_version)
        note_file(r->notes, r->logs.directory, "logs of this version are not replayed");
    note_file(r->notes, r->logs.store.path,
              "not recovered: the logs do not fit; kmmigrate logs %s%s%s shows all of them",
              shell_word(r->options->store), r->options->logs ? " --logs " : "",
              r->options->logs ? shell_word(r->options->logs) : "");
}

static bool open_log(const struct recovery *r, const char *name, struct ese_file **file,
                     struct fault *f)
{
    char path[LOGSET_PATH];
    return ese_file_open_as(logset_path(&r->logs, name, path), ese_log_file_words(ESE_LOG_FILE),
                            file, f);
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

static bool changed(struct fault *f)
{
    return fault_set(f, FAULT_LIMIT,
                     "it changed while it was read; see that nothing uses it, and begin again");
}

bool recovery_is_unchanged(const struct recovery *r, struct fault *f)
{
    struct stat now;
    int descriptor = ese_file_named_descriptor(r->logs.file);
    if (descriptor < 0)
        return true;
    if (fstat(descriptor, &now) != 0)
        return fault_set(f, FAULT_IO, "it cannot be examined: %s", strerror(errno));
    return fileio_is_unchanged(&now, ese_file_stat(r->logs.file)) || changed(f);
}

/* A log, which has to be what was replayed. */
static bool hash_log(const struct recovery *r, struct hash *hash, int32_t generation,
                     struct fault *f)
{
    const struct ese_log_file *log = ese_log_set_find(&r->logs.set, generation);
    size_t at = (size_t)(generation - r->logs.verdict.first);
    struct ese_file *file = NULL;
    bool ok = log && at < r->logs_replayed && open_log(r, log->name, &file, f);
    if (!log || at >= r->logs_replayed)
        fault_set(f, FAULT_IO, "generation %d is not there any more", generation);
    ok = ok && hash_file(hash, file, f) &&
         (fileio_is_unchanged(&r->log[at], ese_file_stat(file)) ||
          fault_set(f, FAULT_LIMIT,
                    "%.180s changed while it was read; see that nothing uses it, and begin again",
                    log->name));
    if (file)
        ese_file_close(file);
    return ok;
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
    for (int32_t g = r->logs.verdict.first; ok && g > 0 && g <= r->summary.last; g++)
        ok = hash_log(r, &hash, g, f);
    ok = ok && recovery_is_unchanged(r, f);
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

static bool note_log(struct recovery *r, const struct ese_file *file, struct fault *f)
{
    if (!array_reserve(&r->log, &r->logs_room, r->logs_replayed + 1, sizeof *r->log))
        return fault_no_memory(f, "the list of logs");
    r->log[r->logs_replayed++] = *ese_file_stat(file);
    return true;
}

/* One log.  *stopped: --until-damage, and here is the damage. */
static int replay_log(struct recovery *r, int32_t generation, bool *stopped)
{
    struct fault f = {.code = FAULT_NONE};
    const struct ese_log_file *log = ese_log_set_find(&r->logs.set, generation);
    struct ese_file *file = NULL;
    struct ese_log_stream *stream = NULL;
    if (log == NULL)
        return note_error(r->notes, "generation %d is not there any more", generation);
    bool ok = open_log(r, log->name, &file, &f) && note_log(r, file, &f) &&
              ese_log_stream_open(file, &stream, &f) && ese_replay_log(r->replay, stream, &f);
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
        note_error(r->notes, "cancelled; nothing was written");
        return EXIT_CANCELLED;
    }
    char path[LOGSET_PATH];
    note_trouble(r->notes, logset_path(&r->logs, log->name, path), &f);
    return note_file(r->notes, r->logs.store.path, "not recovered");
}

static int replay(struct recovery *r)
{
    const struct ese_log_verdict *v = &r->logs.verdict;
    struct ese_replay_options how = {.stop = interrupt_watch()};
    struct fault f = {.code = FAULT_NONE};
    struct bytes header = bytes_of(r->logs.headers.raw, sizeof r->logs.headers.raw);
    bool stopped = false;
    if (!ese_replay_open(r->logs.file, header, &how, &r->replay, &f))
        return note_trouble(r->notes, r->logs.store.path, &f);
    /* The generation that is damaged is read as far as it goes; without a header, not at all. */
    const struct ese_log_file *damaged = ese_log_set_find(&r->logs.set, r->stop_before);
    int32_t last = r->stop_before == 0          ? v->last
                   : damaged && damaged->header ? r->stop_before
                                                : r->stop_before - 1;
    for (int32_t g = v->first; g > 0 && g <= last && !stopped; g++) {
        int status = replay_log(r, g, &stopped);
        if (status != EXIT_CLEAN)
            return status;
    }
    if (!ese_replay_finish(r->replay, &f)) {
        note_trouble(r->notes, r->logs.store.path, &f);
        return note_file(r->notes, r->logs.store.path, "not recovered");
    }
    r->summary = *ese_replay_summary(r->replay);
    return make_id(r, &f) ? EXIT_CLEAN : note_trouble(r->notes, r->logs.store.path, &f);
}

int recovery_make(struct recovery *r)
{
    int refused = r->options->output ? EXIT_TROUBLE : EXIT_PROBLEMS_LEFT;
    int status = logset_open(&r->logs, r->options, r->notes);
    if (status != EXIT_CLEAN)
        return status;
    if (!r->logs.verdict.replayable_version || !set_fits(r)) {
        tell_misfits(r);
        return refused;
    }
    status = replay(r);
    return status == EXIT_TROUBLE ? refused : status;
}

bool recovery_keep(struct recovery *r, char path[UNNAMED_PATH], struct fault *f)
{
    int like = ese_file_named_descriptor(r->logs.file);
    int fd = unnamed_create(like, r->options->dry_run ? NULL : r->options->output, path, f);
    if (fd < 0)
        return false;
    r->kept = fd;
    if (!ese_replay_write(r->replay, fd, f) || !recovery_is_unchanged(r, f))
        return false;
    unnamed_date(like, fd);
    return true;
}

void recovery_close(struct recovery *r)
{
    if (r->kept > 0)
        close(r->kept);

    free(r->log);
    ese_replay_close(r->replay);
    logset_close(&r->logs);
}
