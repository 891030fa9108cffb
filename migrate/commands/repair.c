/* kmmigrate repair and migrate: the plan, and its application to a new store (-o) or to the store
 * itself (--in-place). */
#include "migrate/commands/command.h"
#include "migrate/commands/planid.h"
#include "migrate/decide/assess.h"
#include "migrate/decide/refusal.h"
#include "formats/path.h"
#include "migrate/repair/inplace.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/report/html.h"
#include "migrate/commands/leftovers.h"
#include "migrate/repair/copy.h"
#include "migrate/rescue/recovery.h"
#include "migrate/rescue/salvaging.h"

#include <stdio.h>
#include <string.h>

static int status_of(enum verdict verdict)
{
    return verdict == VERDICT_YES ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
}

/* Why a store must not be written, as an error; EXIT_CLEAN when it may be. */
static int may_write(const struct assessment *a)
{
    const char *refusal = refusal_of(a);
    if (refusal == NULL)
        return EXIT_CLEAN;
    message_file(a->store.path, "not written: %s", refusal);
    return EXIT_PROBLEMS_LEFT;
}

/* In every form that was asked for. */
static int report_in_full(const struct assessment *a, enum report_kind kind,
                          const struct repair_result *result, const struct options *options)
{
    const struct html_options page = options_for_page(options);
    return report_print(a, kind, result, options->json) |
           told(options, html_write(a, kind, result, &page));
}

static int show_plan(const struct assessment *a, const struct options *options)
{
    int left = a->has_model ? status_of(judge_problems(&a->left))
                            : EXIT_CLEAN; /* a switch can make it worse */
    if (!planid_is_reviewed(a->plan.id, options))
        return EXIT_TROUBLE;
    return report_in_full(a, REPORT_PLAN, NULL, options) | status_of(a->verdict) | left;
}

/* Is there anything to write, and may it be?  If not, *status says what to end with. */
static bool is_to_write(const struct assessment *a, const struct options *options, int *status)
{
    *status = may_write(a);
    if (*status != EXIT_CLEAN) {
        *status |= report_in_full(a, REPORT_PLAN, NULL, options);
        return false;
    }
    if (!assess_has_work(a)) {
        message_file(a->store.path, "there is nothing %s; %s was not written",
                     a->verdict == VERDICT_YES ? "to repair" : "that can be repaired safely",
                     options->assess.in_place ? "it" : options->output);
        *status = show_plan(a, options);
        return false;
    }
    if (planid_is_reviewed(a->plan.id, options))
        return true;
    *status = EXIT_TROUBLE;
    return false;
}

static int report_repaired(const struct assessment *a, const struct repair_result *result,
                           const struct options *options)
{
    return report_in_full(a, REPORT_REPAIRED, result, options) | EXIT_REPAIRED |
           status_of(judge_problems(&a->left));
}

static int write_repaired(const struct assessment *a, const struct options *options)
{
    struct rewritten rewritten;
    int status;
    if (!is_to_write(a, options, &status))
        return status;
    status = told(options, rewrite_store(a, options->output, options->force, &rewritten));
    return status == EXIT_CLEAN ? report_repaired(a, &rewritten.result, options) : status;
}

/* name: of the store, or of the file that was made of it. */
static int judge_and_show(const struct options *options, const char *name,
                          const struct assess_options *said)
{
    struct assessment a;
    struct assess_options how = *said;
    bool writes = options->output && !options->dry_run;
    const struct html_options page = options_for_page(options);
    how.hash.mark = writes;
    int status = told(options, assess(&a, name, &how, options->notes));
    if (status == EXIT_CLEAN &&
        !html_may_write(ese_file_named_descriptor(a.store.db->file), &page, options->notes))
        status = told(options, EXIT_TROUBLE);
    else if (status == EXIT_CLEAN)
        status = writes ? write_repaired(&a, options) : show_plan(&a, options);
    assess_close(&a);
    return status;
}

/* ---- of a dirty store ---- */

/* how: the option. */
static int not_in_place(const struct options *options, const char *how)
{
    if (!options->assess.in_place)
        return EXIT_CLEAN;
    return message_usage("--%s never writes in place: it goes with -o NEW, or shows the plan", how);
}

static int judge_recovered(const struct options *options, struct recovery *r)
{
    struct assess_options how = options->assess;
    struct fault f = {.code = FAULT_NONE};
    char path[UNNAMED_PATH];
    int status = told(options, recovery_make(r));
    if (status != EXIT_CLEAN)
        return status;
    if (!recovery_keep(r, path, &f))
        return told(options,
                    note_trouble_of(r->notes, r->logs.store.path,
                                    unnamed_place(r->options->dry_run ? NULL : r->options->output),
                                    &f));
    how.recovered = r;
    how.stands_for = r->logs.store.path;
    return judge_and_show(options, path, &how) | (r->loss.code ? EXIT_PROBLEMS_LEFT : 0);
}

/* Replays the logs into an unnamed file, and goes on with that: one plan, and one new store. */
static int recover_and_repair(const struct options *options)
{
    const struct rescue_options rescue = options_for_rescue(options);
    struct recovery r = {.options = &rescue, .notes = options->notes};
    struct store store;
    int status = told(options, store_find(&store, options->operand[0], options->notes));
    if (status == EXIT_CLEAN)
        status = not_in_place(options, "recover");
    if (status != EXIT_CLEAN)
        return status;
    if (store.in_directory) {
        message_file(options->operand[0],
                     "--recover takes the database file, not its directory; of that, "
                     "recover -o NEW makes a copy, and repair goes on with it");
        return EXIT_USAGE;
    }
    status = judge_recovered(options, &r);
    recovery_close(&r);
    return status;
}

/* ---- of a damaged store ---- */

static int judge_salvaged(const struct options *options, struct salvaging *x)
{
    struct assess_options how = options->assess;
    char path[UNNAMED_PATH];
    int status = told(options, salvaging_open(x));
    if (status == EXIT_CLEAN)
        status = told(options, salvaging_keep(x, path));
    if (status != EXIT_CLEAN)
        return status;
    how.salvaged = x;
    how.stands_for = x->store.path;
    status = judge_and_show(options, path, &how);
    if ((status & ~(EXIT_REPAIRED | EXIT_PROBLEMS_LEFT)) == 0 && salvaging_has_loss(x))
        status |= EXIT_PROBLEMS_LEFT;
    return status;
}

/* Salvages into an unnamed file, and goes on with that: one plan, and one new store. */
static int salvage_and_repair(const struct options *options)
{
    int status = not_in_place(options, "salvage");
    if (status != EXIT_CLEAN)
        return status;
    const struct rescue_options rescue = options_for_rescue(options);
    struct salvaging *x = salvaging_new(&rescue, options->notes);
    if (x == NULL)
        return message_no_memory();
    status = judge_salvaged(options, x);
    salvaging_close(x);
    return status;
}

/* ---- in place ---- */

static int judge_and_repair(const struct options *options, const struct lock *lock,
                            const char *kept_backup)
{
    struct assessment a;
    struct in_place in_place;
    struct assess_options how = options->assess;
    const struct html_options page = options_for_page(options);
    how.hash.mark = true;
    int status = told(options, assess(&a, options->operand[0], &how, options->notes));
    if (status == EXIT_CLEAN &&
        !html_may_write(ese_file_named_descriptor(a.store.db->file), &page, options->notes))
        status = told(options, EXIT_TROUBLE);
    else if (status == EXIT_CLEAN && is_to_write(&a, options, &status)) {
        status = told(
            options, repair_in_place(&a, !options->assess.no_backup, lock, kept_backup, &in_place));
        if (status == EXIT_CLEAN)
            status = report_repaired(&a, &in_place.result, options);
    }
    assess_close(&a);
    return status;
}

/* The store is locked before it is judged, and what an interrupted repair left is put back first.
 */
static int repair_here(const struct options *options)
{
    struct store store;
    struct lock lock;
    struct fault f = {.code = FAULT_NONE};
    char kept_backup[PATH_MAX];
    int status = told(options, store_find(&store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN)
        return status;
    if (!lock_take(&lock, store.path, &f))
        return message_trouble(store.path, &f);
    confine(options, &store);
    const volatile sig_atomic_t *stop = interrupt_watch();
    status = told(options, repair_take_back(store.path, &lock, kept_backup, options->notes));
    if (status == EXIT_CLEAN && *stop) {
        message_error("cancelled; nothing was changed: the store is as it was before the repair");
        status = EXIT_CANCELLED;
    }
    interrupt_ends();
    if (status == EXIT_CLEAN)
        status = judge_and_repair(options, &lock, kept_backup[0] ? kept_backup : NULL);
    lock_release(&lock);
    return status;
}

/* Of a run that was killed: beside the store, and where the copy is to be. */
static bool look_for_leftovers(const struct options *options)
{
    struct store store;
    char target[PATH_MAX];
    size_t size = options->output ? path_trimmed(options->output) : 0;
    enum leftovers_what what = options->remove_leftovers ? LEFTOVERS_REMOVE : LEFTOVERS_OFFER;
    if (told(options, store_find(&store, options->operand[0], options->notes)) != EXIT_CLEAN ||
        !leftovers_beside_store(store.path, what))
        return false;
    return size == 0 ||
           snprintf(target, sizeof target, "%.*s", (int)size, options->output) >= PATH_MAX ||
           leftovers_beside(target, what);
}

static int repair(const struct options *options)
{
    if (options->assess.in_place && options->output)
        return message_usage("-o and --in-place exclude each other");
    if (options->assess.no_backup && !options->assess.in_place)
        return message_usage("--no-backup goes with --in-place only");
    if ((options->logs || options->until_damage) && !options->recover)
        return message_usage("--logs and --until-damage go with --recover only");
    if (options->salvage && options->recover)
        return message_usage("--salvage and --recover exclude each other");
    if ((options->doubtful || options->schema_from || options->drop_indexes) && !options->salvage)
        return message_usage("--doubtful, --schema-from and --drop-index go with --salvage only");
    interrupt_ends();
    if (!look_for_leftovers(options))
        return EXIT_TROUBLE;
    if (options->assess.in_place && !options->dry_run && !options->recover && !options->salvage)
        return repair_here(options);
    confine(options, NULL);
    return options->recover   ? recover_and_repair(options)
           : options->salvage ? salvage_and_repair(options)
                              : judge_and_show(options, options->operand[0], &options->assess);
}

int cmd_repair(const struct options *options)
{
    return repair(options);
}

int cmd_migrate(const struct options *options)
{
    if (options->assess.decisions.to == NULL || options->assess.decisions.issuing_ca == NULL)
        return message_usage("migrate: expected --to V3 (or V1V3) and --issuing-ca FILE");
    return repair(options);
}
