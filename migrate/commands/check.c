/* kmmigrate check: is the store sound, and can the service start on it? */
#include "migrate/commands/command.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/report/html.h"
#include "migrate/report/structure.h"
#include "migrate/files/leftover.h"

static int check_structure(struct store *store, const struct options *options)
{
    struct ese_check_summary summary;
    struct json *json = NULL;
    if (options->json && (json = json_open(true)) == NULL) {
        message_error("out of memory");
        return EXIT_TROUBLE;
    }
    if (json) {
        json_map(json);
        json_put_text(json, "store", store->path);
    }
    bool done = structure_report(store, json, &summary);
    if (json) {
        json_end_map(json);
        json_end_document(json);
    }
    json_close(json);
    if (!done)
        return EXIT_TROUBLE;
    bool left = summary.problems || summary.not_judged || summary.dirty || summary.eseutil_fails;
    return left ? EXIT_PROBLEMS_LEFT : EXIT_CLEAN;
}

static int structure_alone(const struct options *options)
{
    struct store store;
    int status = store_open(&store, options->operand[0]);
    if (status != EXIT_CLEAN)
        return status;
    status = check_structure(&store, options);
    store_close(&store);
    return status;
}

static int verdict(const struct options *options)
{
    struct assessment a;
    int status = assess(&a, options->operand[0], options);
    if (status == EXIT_CLEAN && !html_may_write(&a))
        status = EXIT_TROUBLE;
    else if (status == EXIT_CLEAN) {
        leftover_look_beside(a.store.path, false);
        status = report_print(&a, REPORT_CHECK, NULL, options->json) |
                 html_write(&a, REPORT_CHECK, NULL);
        if (a.verdict != VERDICT_YES)
            status |= EXIT_PROBLEMS_LEFT;
    }
    assess_close(&a);
    return status;
}

int cmd_check(const struct options *options)
{
    message_end_on_interrupt();
    if (options->structure && options->html) {
        message_error("--html does not go with --structure");
        return EXIT_USAGE;
    }
    if (options->force && options->html == NULL) {
        message_error("check: --force goes with --html only");
        return EXIT_USAGE;
    }
    int status = options->structure ? structure_alone(options) : verdict(options);
    return output_finish() ? status : status | EXIT_TROUBLE;
}
