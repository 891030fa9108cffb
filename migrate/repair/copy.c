/* Writing a repaired copy: see repair/copy.h. */
#include "migrate/repair/copy.h"

#include "formats/ese/build/compact.h"
#include "formats/outfile.h"
#include "migrate/repair/editor.h"
#include "migrate/repair/copydir.h"
#include "migrate/console/message.h"
#include "migrate/repair/quarantine.h"
#include "migrate/repair/verify.h"

#include <stdio.h>
#include <unistd.h>

static int trouble(const char *path, const struct fault *f)
{
    message_error("%s: %s", path, f->text);
    return EXIT_TROUBLE;
}

/* ---- one file ---- */

static int write_database(const struct assessment *a, const struct outfile *out)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_compact_result result = {.interrupted = false};
    const volatile sig_atomic_t *stop = message_watch_interrupt();
    struct apply *apply = apply_open(&a->model, &a->plan, SIZE_MAX, &f);
    if (apply == NULL)
        return trouble(a->store.path, &f);
    struct ese_compact_options options = {.editor = apply_editor(apply), .stop = stop};
    bool ok = ese_compact(a->store.db, outfile_descriptor(out), &options, &result, &f);
    apply_close(apply);
    if (ok)
        return EXIT_CLEAN;
    if (result.interrupted) {
        message_error("cancelled; nothing was changed");
        return EXIT_CANCELLED;
    }
    return trouble(a->store.path, &f);
}

static int commit(struct outfile *out, const char *name)
{
    struct fault f = {.code = FAULT_NONE};
    return outfile_commit(out, &f) ? EXIT_CLEAN : trouble(name, &f);
}

/* The quarantine gets its name first: a certificate is never in neither file. */
static int commit_both(const struct assessment *a, struct outfile *store, const char *store_name,
                       const struct options *options, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *quarantine = NULL;
    int status = EXIT_CLEAN;
    if (quarantine_needed(&a->plan)) {
        const struct stat *like = ese_file_stat(a->store.db->file);
        if (!outfile_create(r->quarantine, like, options->force, &quarantine, &f) ||
            !quarantine_write(a, quarantine, &f))
            status = trouble(r->quarantine, &f);
        else
            status = commit(quarantine, r->quarantine);
        if (status == EXIT_CLEAN)
            r->result.quarantine = r->quarantine;
    }
    if (status == EXIT_CLEAN)
        status = commit(store, store_name);
    if (status != EXIT_CLEAN && r->result.quarantine) {
        unlink(r->quarantine);
        r->result.quarantine = NULL;
    }
    outfile_discard(quarantine);
    return status;
}

static int rewrite_file(const struct assessment *a, const char *target,
                        const struct options *options, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out;
    uint64_t size;
    if (!outfile_create(target, ese_file_stat(a->store.db->file), options->force, &out, &f))
        return trouble(target, &f);
    int status = write_database(a, out);
    if (status == EXIT_CLEAN)
        status = verify_store(a, outfile_path(out), options, "nothing was written",
                              r->result.sha256, &size);
    if (status == EXIT_CLEAN && *message_watch_interrupt()) {
        message_error("cancelled; nothing was changed");
        status = EXIT_CANCELLED;
    }
    if (status == EXIT_CLEAN)
        status = commit_both(a, out, target, options, r);
    outfile_discard(out);
    return status;
}

/* ---- a directory ---- */

static int rewrite_directory(const struct assessment *a, const char *target,
                             const struct options *options, struct rewritten *r)
{
    struct fault f = {.code = FAULT_NONE};
    struct copydir copy;
    char database[PATH_MAX];
    const char *slash = strrchr(a->store.path, '/');
    const char *name = slash ? slash + 1 : a->store.path;
    if (!copydir_begin(&copy, a->beside.directory, target, &f))
        return trouble(target, &f);
    int status = EXIT_CLEAN;
    if (snprintf(database, sizeof database, "%s/%s", copy.unfinished, name) >= (int)sizeof database)
        status = EXIT_TROUBLE;
    if (status == EXIT_CLEAN)
        status = rewrite_file(a, database, options, r);
    if (status == EXIT_CLEAN &&
        (!copydir_others(&copy, name, &a->beside, &f) || !copydir_commit(&copy, &f)))
        status = trouble(target, &f);
    if (status == EXIT_CLEAN && copy.set_aside > 0) {
        snprintf(r->set_aside, sizeof r->set_aside, "%s/%s", target, COPYDIR_SET_ASIDE);
        r->result.set_aside = r->set_aside;
    }
    if (status != EXIT_CLEAN && r->result.quarantine) {
        unlink(r->quarantine);
        r->result.quarantine = NULL;
    }
    copydir_discard(&copy);
    return status;
}

int rewrite_store(const struct assessment *a, const struct options *options, struct rewritten *r)
{
    const char *target = options->output, *slash = strrchr(a->store.path, '/');
    const char *name = slash ? slash + 1 : a->store.path;
    *r = (struct rewritten){.result = {.target = r->store}};
    int room = snprintf(r->quarantine, sizeof r->quarantine, "%s.quarantine.pem", target);
    int more = a->store.in_directory ? snprintf(r->store, sizeof r->store, "%s/%s", target, name)
                                     : snprintf(r->store, sizeof r->store, "%s", target);
    if (room >= (int)sizeof r->quarantine || more >= (int)sizeof r->store) {
        message_error("%.60s...: the path is too long", target);
        return EXIT_TROUBLE;
    }
    return a->store.in_directory ? rewrite_directory(a, target, options, r)
                                 : rewrite_file(a, target, options, r);
}
