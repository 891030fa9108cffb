/*
 * Writing a repaired copy: see repair/copy.h.
 *
 * The store is copied byte for byte, the copy is changed as the store itself would be in place, and
 * what was not changed is compared once more.
 */
#include "migrate/repair/copy.h"

#include "formats/fileio.h"
#include "formats/outfile.h"
#include "formats/path.h"
#include "migrate/files/newfile.h"
#include "migrate/repair/copydir.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/progress.h"
#include "migrate/repair/quarantine.h"
#include "migrate/repair/rest.h"
#include "migrate/rescue/salvaging.h"
#include "migrate/repair/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUARANTINE_TRIES = 1000 };

/* ---- the database ---- */

struct steps {
    const struct assessment *a;
    struct changes_copy copy;
    uint8_t *step;
    size_t got;
    const volatile sig_atomic_t *stop;
};

static bool read_step(struct steps *s, uint64_t at, struct fault *f)
{
    return *s->stop ? fault_set(f, FAULT_LIMIT, "interrupted")
                    : ese_file_read(s->a->store.db->file, at, s->step, FILEIO_STEP, &s->got, f);
}

static bool copy_bytes(struct steps *s, struct fault *f)
{
    uint64_t size = ese_file_size(s->a->store.db->file);
    uint32_t page = s->a->store.db->headers.header.page_size;
    bool ok = true;
    progress_open("copying", size);
    for (uint64_t at = 0; ok && at < size; at += FILEIO_STEP) {
        ok = read_step(s, at, f) &&
             ese_inplace_write_at(s->copy.descriptor, at, bytes_of(s->step, s->got), f);
        if (ok)
            ese_page_last_time(page, at, bytes_of(s->step, s->got), &s->copy.last_time);
    }
    progress_close();
    return ok;
}

bool rewrite_database(const struct assessment *a, int copy, const volatile sig_atomic_t *stop,
                      struct rest *rest, struct fault *f)
{
    struct changes *changes = calloc(1, sizeof *changes);
    struct steps s = {.a = a, .copy.descriptor = copy, .step = malloc(FILEIO_STEP), .stop = stop};
    bool ok = (changes != NULL && s.step != NULL) ||
              fault_set(f, FAULT_NO_MEMORY, "out of memory for the copy");
    ok = ok && copy_bytes(&s, f);
    if (ok && a->plan.actions > 0) { /* else what was salvaged is written as it is */
        ok = changes_make(changes, a, &s.copy, stop, f) && changes_write(changes, copy, f);
        if (ok && rest)
            rest_leave_out(rest, changes);
    }
    if (changes)
        changes_close(changes);
    free(changes);
    free(s.step);
    return ok;
}

/* target: what is written, for the message. */
static int trouble_unless_cancelled(const struct assessment *a, const char *target,
                                    const struct fault *f)
{
    if (*interrupt_watch()) {
        note_error(a->notes, "cancelled; nothing was changed");
        return EXIT_CANCELLED;
    }
    return note_trouble_of(a->notes, a->store.path, target, f);
}

static int commit(const struct assessment *a, struct outfile *out, const char *name)
{
    struct fault f = {.code = FAULT_NONE};
    return outfile_commit(out, &f) ? EXIT_CLEAN : note_trouble(a->notes, name, &f);
}

/* ---- the quarantine ---- */

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* An older quarantine file, perhaps of a copy that this one replaces, holds what is nowhere else.
 */
static bool choose_quarantine(const char *target, char path[PATH_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s" NEWFILE_QUARANTINE ".pem", target);
    for (unsigned i = 2; i <= QUARANTINE_TRIES && size < PATH_MAX && exists(path); i++)
        size = snprintf(path, PATH_MAX, "%s" NEWFILE_QUARANTINE "-%u.pem", target, i);
    return size < PATH_MAX;
}

static int write_quarantine(const struct assessment *a, struct rewritten *r,
                            struct outfile **quarantine)
{
    struct fault f = {.code = FAULT_NONE};
    int like = ese_file_named_descriptor(a->store.db->file);
    if (!quarantine_needed(&a->plan))
        return EXIT_CLEAN;
    if (!outfile_create(r->quarantine, like, false, quarantine, &f) ||
        !quarantine_write(a, *quarantine, &f))
        return note_trouble(a->notes, r->quarantine, &f);
    int status = commit(a, *quarantine, r->quarantine);
    if (status == EXIT_CLEAN)
        r->result.quarantine = r->quarantine;
    return status;
}

/* Those of a salvage go first, and one of them may have taken the quarantine's name. */
static int commit_salvage(const struct assessment *a, const char *target, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    if (a->options->salvaged == NULL)
        return EXIT_CLEAN;
    if (!salvage_files_commit(&a->options->salvaged->files, &f))
        return note_trouble(a->notes, target, &f);
    if (choose_quarantine(target, r->quarantine))
        return EXIT_CLEAN;
    note_error(a->notes, "%.60s...: the path is too long", target);
    return EXIT_TROUBLE;
}

/* ---- one file ---- */

static int write_and_verify(const struct assessment *a, const struct outfile *out,
                            struct rest *rest, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    uint64_t size;
    if (!rewrite_database(a, outfile_descriptor(out), rest->stop, rest, &f))
        return trouble_unless_cancelled(a, r->store, &f);
    int status = verify_store(a, outfile_path(out), false, "nothing was written", &rest->how,
                              r->result.sha256, &size);
    if (status == EXIT_CLEAN && !rest_is_same(rest, &f))
        status = trouble_unless_cancelled(a, r->store, &f);
    return status;
}

static int fill(const struct assessment *a, struct outfile *out, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct rest rest;
    int status = rest_open(&rest, a, interrupt_watch(), &f)
                     ? write_and_verify(a, out, &rest, r)
                     : note_trouble_of(a->notes, a->store.path, r->store, &f);
    rest_close(&rest);
    if (status == EXIT_CLEAN && *interrupt_watch()) {
        note_error(a->notes, "cancelled; nothing was changed");
        status = EXIT_CANCELLED;
    }
    r->result.narrower |= outfile_is_narrower(out);
    return status;
}

/* What stays under the target's name, also after a failure, needs its quarantine. */
static void end_quarantine(struct outfile *quarantine, bool written, struct rewritten *r)
{
    if (!written && quarantine && outfile_remove(quarantine))
        r->result.quarantine = NULL;
    outfile_discard(quarantine);
}

/* An unnamed file is what was judged, of what was salvaged or recovered: the store itself is the
 * one it stands for. */
static bool is_the_input(const struct assessment *a, const char *target)
{
    struct stat to, from;
    const char *input = a->options->stands_for;
    return input && stat(target, &to) == 0 && stat(input, &from) == 0 && fileio_is_same(&to, &from);
}

/* The quarantine gets its name first: a certificate is never in neither file. */
static int rewrite_file(const struct assessment *a, const char *target, bool force,
                        struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out, *quarantine = NULL;
    if (is_the_input(a, target))
        return note_file(a->notes, target, "is the input itself; name another file for the output");
    if (!outfile_create(target, ese_file_named_descriptor(a->store.db->file), force, &out, &f))
        return note_trouble(a->notes, target, &f);
    int status = fill(a, out, r);
    if (status == EXIT_CLEAN)
        status = commit_salvage(a, target, r);
    if (status == EXIT_CLEAN)
        status = write_quarantine(a, r, &quarantine);
    if (status == EXIT_CLEAN)
        status = commit(a, out, target);
    if (!outfile_is_committed(out) && a->options->salvaged)
        salvage_files_remove(&a->options->salvaged->files);
    end_quarantine(quarantine, outfile_is_committed(out), r);
    outfile_discard(out);
    return status;
}

/* ---- a directory ---- */

static int rewrite_in(struct copydir *copy, const struct assessment *a, const char *name,
                      struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out;
    if (!outfile_create_at(copy->made, name, ese_file_named_descriptor(a->store.db->file), &out,
                           &f))
        return note_trouble(a->notes, r->store, &f);
    int status = fill(a, out, r);
    if (status == EXIT_CLEAN && !copydir_note(copy, name, &f))
        status = note_trouble(a->notes, r->store, &f);
    if (status == EXIT_CLEAN)
        status = commit(a, out, r->store);
    outfile_discard(out);
    return status;
}

static int rewrite_directory(const struct assessment *a, const char *target, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct copydir copy;
    struct outfile *quarantine = NULL;
    const char *name = path_last(a->store.path);
    int status = EXIT_CLEAN;
    if (!copydir_begin(&copy, a->beside.directory, name, ese_file_stat(a->store.db->file), target,
                       &f))
        status = note_trouble(a->notes, target, &f);
    if (status == EXIT_CLEAN)
        status = rewrite_in(&copy, a, name, r);
    if (status == EXIT_CLEAN && !copydir_others(&copy, name, &a->beside, &f))
        status = note_trouble(a->notes, target, &f);
    if (status == EXIT_CLEAN)
        status = write_quarantine(a, r, &quarantine);
    if (status == EXIT_CLEAN && !copydir_commit(&copy, &f))
        status = note_trouble(a->notes, target, &f);
    if (status == EXIT_CLEAN && copy.set_aside > 0) {
        int size = snprintf(r->set_aside, sizeof r->set_aside, "%s/%s", target, COPYDIR_SET_ASIDE);
        r->result.set_aside = size < PATH_MAX ? r->set_aside : COPYDIR_SET_ASIDE;
    }
    r->result.narrower |= copy.narrower;
    end_quarantine(quarantine, copy.committed, r);
    copydir_close(&copy);
    return status;
}

/* NEW/ is NEW: its quarantine lies beside it, not in it. */
static bool without_slashes(const char *output, char target[PATH_MAX])
{
    return snprintf(target, PATH_MAX, "%.*s", (int)path_trimmed(output), output) < PATH_MAX;
}

int rewrite_store(const struct assessment *a, const char *output, bool force, struct rewritten *r)
{
    char target[PATH_MAX];
    *r = (struct rewritten){.result = {.target = r->store}};
    interrupt_watch(); /* from here on there is something to clean up */
    bool fits =
        a->store.in_directory ? without_slashes(output, target) : strlen(output) < sizeof target;
    if (fits && !a->store.in_directory)
        memcpy(target, output, strlen(output) + 1);
    fits = fits && choose_quarantine(target, r->quarantine);
    int size = !fits ? PATH_MAX
               : a->store.in_directory
                   ? snprintf(r->store, sizeof r->store, "%s/%s", target, path_last(a->store.path))
                   : snprintf(r->store, sizeof r->store, "%s", target);
    if (size >= PATH_MAX) {
        note_error(a->notes, "%.60s...: the path is too long", output);
        return EXIT_TROUBLE;
    }
    return a->store.in_directory ? rewrite_directory(a, target, r)
                                 : rewrite_file(a, target, force, r);
}
