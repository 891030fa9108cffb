/* kmmigrate repair and migrate: the plan, and with -o NEW its application to a new store. */
#include "migrate/assess.h"
#include "migrate/message.h"
#include "migrate/output.h"
#include "migrate/report.h"
#include "migrate/rewrite.h"

#include <string.h>
#include <strings.h>

enum { PLAN_DIGITS_LEAST = 8 };

static int status_of(enum verdict verdict)
{
    return verdict == VERDICT_YES ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
}

/* Is this the plan that was reviewed? */
static bool is_reviewed(const struct assessment *a, const char *id)
{
    size_t size = strlen(id);
    if (size >= PLAN_DIGITS_LEAST && size <= strlen(a->plan.id) && strncasecmp(a->plan.id, id, size) == 0)
        return true;
    message_error("--plan: the plan for this store is %s, not %s; nothing was changed. Review it again: kmmigrate "
                  "repair %s",
                  a->plan.id, id, a->store.path);
    return false;
}

/* Why a store must not be written, as an error; EXIT_CLEAN when it may be. */
static int may_write(const struct assessment *a)
{
    if (problem_has(&a->found, PROBLEM_DIRTY))
        message_error("%s: not written: it was not shut down cleanly; replay its logs with eseutil /r first",
                      a->store.path);
    else if (problem_has(&a->found, PROBLEM_STRUCTURE))
        message_error("%s: not written: it is damaged; a copy could lack what cannot be read", a->store.path);
    else if (problem_has(&a->found, PROBLEM_UNDO_PENDING))
        message_error("%s: not written: a repair in place was interrupted; finish it or take it back first",
                      a->store.path);
    else if (!a->has_model || !a->repairs_allowed)
        message_error("%s: not written: no profile fits it; give one with --profile", a->store.path);
    else if (judge_problems(&a->found) == VERDICT_YES && judge_problems(&a->left) != VERDICT_YES)
        message_error("%s: not written: the service can start on it now, and could not after this", a->store.path);
    else
        return EXIT_CLEAN;
    return EXIT_PROBLEMS_LEFT;
}

static int show_plan(const struct assessment *a, const struct options *options)
{
    int left = a->has_model ? status_of(judge_problems(&a->left)) : EXIT_CLEAN; /* a switch can make it worse */
    return report_print(a, REPORT_PLAN, NULL, options->json) | status_of(a->verdict) | left;
}

static int write_repaired(const struct assessment *a, const struct options *options)
{
    struct rewritten rewritten;
    int status = may_write(a);
    if (status != EXIT_CLEAN)
        return report_print(a, REPORT_PLAN, NULL, options->json) | status;
    if (a->plan.actions == 0) {
        message_error("%s: there is nothing %s; %s was not written", a->store.path,
                      a->verdict == VERDICT_YES ? "to repair" : "that can be repaired safely", options->output);
        return show_plan(a, options);
    }
    if (options->plan && !is_reviewed(a, options->plan))
        return EXIT_TROUBLE;
    status = rewrite_store(a, options, &rewritten);
    if (status != EXIT_CLEAN)
        return status;
    return report_print(a, REPORT_REPAIRED, &rewritten.result, options->json) | EXIT_REPAIRED |
           status_of(judge_problems(&a->left));
}

static int repair(const struct options *options)
{
    struct assessment a;
    message_end_on_interrupt();
    int status = assess(&a, options->operand[0], options);
    if (status == EXIT_CLEAN)
        status = options->output && !options->dry_run ? write_repaired(&a, options)
                                                      : show_plan(&a, options);
    assess_close(&a);
    return output_finish() ? status : status | EXIT_TROUBLE;
}

int cmd_repair(const struct options *options)
{
    return repair(options);
}

int cmd_migrate(const struct options *options)
{
    if (options->to == NULL || options->issuing_ca == NULL) {
        message_error("migrate: expected --to V3 (or V1V3) and --issuing-ca FILE");
        return EXIT_USAGE;
    }
    return repair(options);
}
