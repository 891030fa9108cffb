/* kmmigrate compact: the same database, rebuilt. */
#include "formats/ese/build/compact.h"
#include "migrate/commands/command.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"
#include "migrate/console/words.h"
#include "migrate/report/storefacts.h"

#include <inttypes.h>

static void tell_dropped(void *context, const char *text)
{
    (void)context;
    message_error("%s", text);
}

static void write_result(const struct store *store, const struct ese_compact_result *r,
                         const struct options *options)
{
    struct json *json = options->json ? document_open() : NULL;
    if (options->json && json == NULL)
        return; /* out of memory, which the exit status says */
    if (json == NULL) {
        output_format("%s: %u of %u pages in use, %s, %s, %s; %s dropped\n", options->output,
                      r->built.used_pages, r->built.pages, counted(r->built.rows, "row", "rows"),
                      counted(r->built.index_entries, "index entry", "index entries"),
                      counted(r->built.long_values, "long value", "long values"),
                      counted(r->dropped_rows, "row", "rows"));
        return;
    }
    const struct {
        const char *key;
        uint64_t value;
    } members[] = {{"pages_used", r->built.used_pages},
                   {"rows", r->built.rows},
                   {"index_entries", r->built.index_entries},
                   {"long_values", r->built.long_values},
                   {"dropped_rows", r->dropped_rows}};
    store_json(json, "store", store);
    json_put_unsigned(json, "pages", r->source_pages);
    json_put_map(json, "written");
    json_put_text(json, "path", options->output);
    json_put_unsigned(json, "pages", r->built.pages);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_put_unsigned(json, members[i].key, members[i].value);
    json_end_map(json);
}

static int compact(struct store *store, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_compact_result result;
    struct progress progress = progress_begin("compacting");
    struct ese_compact_options how = {.keep_first = options->keep_first,
                                      .any_revision = options->force,
                                      .progress = progress_step,
                                      .dropped = tell_dropped,
                                      .context = &progress,
                                      .stop = interrupt_watch()};
    bool ok = ese_compact_to(store->db, options->output, options->force, &how, &result, &f);
    progress_end(&progress);
    if (ok) {
        write_result(store, &result, options);
        return result.dropped_rows ? EXIT_REPAIRED : EXIT_CLEAN;
    }
    if (result.interrupted) {
        message_error("cancelled; nothing was written");
        return EXIT_CANCELLED;
    }
    if (result.duplicate)
        note_fault_next(options->notes, store->path, &f, "--keep-first keeps the first of them");
    else
        note_trouble_of(options->notes, store->path, options->output, &f);
    return told(options, EXIT_TROUBLE);
}

int cmd_compact(const struct options *options)
{
    struct store store;
    if (options->output == NULL)
        return message_usage("compact: expected -o NEW");
    interrupt_ends();
    int status = told(options, store_open(&store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN)
        return status;
    status = compact(&store, options);
    store_close(&store);
    return status;
}
