/* kmmigrate salvage: what can be had from a damaged or dirty database, and what not; writes it. */
#include "migrate/commands/command.h"
#include "migrate/commands/planid.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/report/html.h"
#include "migrate/report/salvage_report.h"
#include "migrate/rescue/salvaging.h"

static int status_of(struct salvaging *x)
{
    if (x->options->output)
        return EXIT_REPAIRED | (salvaging_has_loss(x) ? EXIT_PROBLEMS_LEFT : 0);
    return salvaging_is_sound(x) ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
}

/* ---- doing it ---- */

/* False without a fault: not by the plan that --plan names, and that was said. */
static bool write_new(struct salvaging *x, const struct options *options, struct fault *f)
{
    struct outfile *out;
    const char *target = x->options->output;
    interrupt_watch(); /* from here on there is something to take back */
    if (!outfile_create(target, x->like, x->options->force, &out, f))
        return false;
    bool ok = salvaging_run(x, outfile_descriptor(out), target, f) &&
              planid_is_reviewed(x->files.id, options) && salvage_files_commit(&x->files, f) &&
              outfile_commit(out, f);
    if (!ok && !outfile_is_committed(out))
        salvage_files_remove(&x->files);
    outfile_discard(out);
    return ok;
}

static int salvage(struct salvaging *x, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    const struct html_options page = options_for_page(options);
    if (!html_may_write(x->like, &page, options->notes))
        return told(options, EXIT_TROUBLE);
    if (!filehash_finish(&x->hash, &f))
        return message_trouble(x->store.path, &f);
    bool ok = x->options->output
                  ? write_new(x, options, &f)
                  : salvaging_run(x, -1, NULL, &f) && planid_is_reviewed(x->files.id, options);
    int status = ok ? status_of(x) : EXIT_TROUBLE;
    if (!ok && x->result.interrupted) {
        message_error("cancelled; nothing was written");
        status = EXIT_CANCELLED;
    } else if (!ok && f.code != FAULT_NONE) {
        told(options, note_trouble_of(options->notes, x->store.path, x->options->output, &f));
    } else if (ok) {
        if (options->json ? !salvage_report_json(x) : !salvage_report_text(x))
            status |= EXIT_TROUBLE;
        status |= told(options, html_write_salvage(x, &page));
    }
    return status;
}

int cmd_salvage(const struct options *options)
{
    const struct rescue_options rescue = options_for_rescue(options);
    struct salvaging *x = salvaging_new(&rescue, options->notes);
    if (x == NULL)
        return message_no_memory();
    int status = told(options, salvaging_open(x));
    if (status == EXIT_CLEAN)
        status = salvage(x, options);
    salvaging_close(x);
    return status;
}
