/* kmmigrate check: are the stores sound, and can the service start on them? */
#include "formats/memory.h"
#include "migrate/commands/command.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/decide/assess.h"
#include "migrate/decide/foretell.h"
#include "migrate/report/brief.h"
#include "migrate/report/html.h"
#include "migrate/report/storefacts.h"
#include "migrate/report/structure.h"
#include "migrate/commands/leftovers.h"

static bool is_unsound(const struct ese_check_summary *s)
{
    return s->problems || s->not_judged || s->dirty || s->eseutil_fails;
}

static int check_structure(struct store *store, const struct options *options)
{
    struct ese_check_summary summary;
    struct fault f = {.code = FAULT_NONE};
    struct json *json = NULL;
    if (options->json && (json = document_open()) == NULL)
        return EXIT_TROUBLE;
    if (json)
        store_json(json, "store", store);
    if (!structure_report(store, json, options->quiet, &summary, &f))
        return message_file(store->path, "the structure could not be checked: %s", f.text);
    return is_unsound(&summary) ? EXIT_PROBLEMS_LEFT : EXIT_CLEAN;
}

/* In JSON every object names its store, also where it could not be read. */
static enum brief_form form_of(const struct options *options)
{
    return options->json    ? BRIEF_JSON
           : options->brief ? BRIEF_LINE
           : options->quiet ? BRIEF_VERDICT
                            : BRIEF_NOTHING;
}

static int structure_alone(const struct options *options)
{
    struct store store;
    int status = told(options, store_open(&store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN) {
        brief_print_unread(options->operand[0], form_of(options));
        return status;
    }
    status = check_structure(&store, options);
    store_close(&store);
    return status;
}

static int report(const struct assessment *a, const struct options *options,
                  const struct html_options *page)
{
    int status = options->brief || (options->quiet && !options->json)
                     ? brief_print(a, form_of(options))
                     : report_print(a, REPORT_CHECK, NULL, options->json);
    status |= told(options, html_write(a, REPORT_CHECK, NULL, page));
    return a->verdict == VERDICT_YES ? status : status | EXIT_PROBLEMS_LEFT;
}

/* A line for each store has no room for what a salvage would give. */
static void foretell(struct assessment *a, const struct options *options, struct foretold *foretold)
{
    struct rescue_options rescue = options_for_rescue(options);
    rescue.dry_run = true;
    if (options->brief || options->quiet)
        return;
    foretell_salvage(a, &rescue, foretold);
    message_notes(options->notes);
    a->foretold = foretold;
}

static int verdict(const struct options *options)
{
    struct assessment a;
    struct foretold foretold;
    const struct html_options page = options_for_page(options);
    int status = told(options, assess(&a, options->operand[0], &options->assess, options->notes));
    if (status == EXIT_CLEAN &&
        !html_may_write(ese_file_named_descriptor(a.store.db->file), &page, options->notes)) {
        status = told(options, EXIT_TROUBLE);
    } else if (status == EXIT_CLEAN) {
        leftovers_beside_store(a.store.path, LEFTOVERS_TELL);
        foretell(&a, options, &foretold);
        status = report(&a, options, &page);
    } else {
        brief_print_unread(options->operand[0], form_of(options));
    }
    assess_close(&a);
    return status;
}

static int check_one(const struct options *options)
{
    int status = options->structure ? structure_alone(options) : verdict(options);
    return memory_ran_short() ? status | EXIT_TROUBLE : status;
}

/* Each store for itself: one that cannot be read keeps no other from its answer. */
static int each(const struct options *options)
{
    bool line_each = options->operands > 1 || options->brief;
    int all = EXIT_CLEAN;
    if (options->brief)
        output_go_on(true);
    for (unsigned i = 0; i < options->operands; i++) {
        struct options inner = *options;
        inner.operand[0] = options->stores[i];
        if (options->json && line_each)
            document_begin("check", true);
        if (i > 0 && !options->json && !options->brief && !options->quiet)
            output_text("\n");
        int status = check_one(&inner);
        if (line_each)
            document_end(status);
        all |= status;
    }
    return all;
}

int cmd_check(const struct options *options)
{
    interrupt_ends();
    if (options->structure && (options->html || options->brief))
        return message_usage("check: --html and --brief do not go with --structure");
    if (options->force && options->html == NULL)
        return message_usage("check: --force goes with --html only");
    if (options->html && options->operands > 1)
        return message_usage("check: --html takes one store, found %u", options->operands);
    return each(options);
}
