/* kmmigrate salvage: what can be had from a damaged or dirty database, and what not; writes it. */
#include "migrate/commands/command.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/report/html.h"
#include "migrate/report/salvage_report.h"
#include "migrate/rescue/salvaging.h"

#include <string.h>

enum { PLAN_DIGITS_LEAST = 8 };

static int status_of(struct salvaging *x)
{
    if (x->options->output)
        return EXIT_REPAIRED | (salvaging_has_loss(x) ? EXIT_PROBLEMS_LEFT : 0);
    return salvaging_is_sound(x) ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
}

/* ---- doing it ---- */

/* --plan: only what was reviewed. */
static bool is_planned(const struct salvaging *x, struct fault *f)
{
    const char *wanted = x->options->plan;
    size_t size = wanted ? strlen(wanted) : 0;
    if (wanted == NULL || (size >= PLAN_DIGITS_LEAST && strncmp(x->files.id, wanted, size) == 0))
        return true;
    return fault_set(f, FAULT_LIMIT, "the plan is %s now, not %s: nothing was written", x->files.id,
                     wanted);
}

static bool write_new(struct salvaging *x, struct fault *f)
{
    struct outfile *out;
    const char *target = x->options->output;
    interrupt_watch(); /* from here on there is something to take back */
    if (!outfile_create(target, x->like, x->options->force, &out, f))
        return false;
    bool ok = salvaging_run(x, outfile_descriptor(out), target, f) && is_planned(x, f) &&
              salvage_files_commit(&x->files, f) && outfile_commit(out, f);
    if (!ok && !outfile_is_committed(out))
        salvage_files_remove(&x->files);
    outfile_discard(out);
    return ok;
}

static int salvage(struct salvaging *x, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    const struct html_options page = options_for_page(options);
    if (!html_may_write(x->like, &page))
        return EXIT_TROUBLE;
    if (!filehash_finish(&x->hash, &f)) {
        message_fault(x->store.path, &f);
        return EXIT_TROUBLE;
    }
    bool ok = x->options->output ? write_new(x, &f) : salvaging_run(x, -1, NULL, &f);
    int status = ok ? status_of(x) : EXIT_TROUBLE;
    if (!ok && x->result.interrupted) {
        message_error("cancelled; nothing was written");
        status = EXIT_CANCELLED;
    } else if (!ok) {
        message_fault_of(x->store.path, x->options->output, &f);
    } else {
        if (options->json ? !salvage_report_json(x) : !salvage_report_text(x))
            status |= EXIT_TROUBLE;
        status |= html_write_salvage(x, &page);
    }
    return status;
}

int cmd_salvage(const struct options *options)
{
    const struct rescue_options rescue = options_for_rescue(options);
    struct salvaging *x = salvaging_new(&rescue);
    if (x == NULL) {
        message_error("out of memory");
        return EXIT_TROUBLE;
    }
    int status = salvaging_open(x);
    if (status == EXIT_CLEAN)
        status = salvage(x, options);
    salvaging_close(x);
    return status;
}
