/* kmmigrate diff: certificates and rows that differ between two stores. */
#include "migrate/commands/command.h"
#include "migrate/commands/compare.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"
#include "migrate/console/words.h"
#include "migrate/profile/profile.h"
#include "migrate/profile/read.h"
#include "migrate/report/storefacts.h"

#include <inttypes.h>

/* As diff(1), not the sum of the other commands. */
enum { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = EXIT_DIFF_TROUBLE };

static void json_counts(struct json *json, const struct diff_result *r)
{
    json_put_unsigned(json, "tables", r->tables);
    json_put_unsigned(json, "rows", r->rows);
    json_put_unsigned(json, "only_a", r->only_a);
    json_put_unsigned(json, "only_b", r->only_b);
    json_put_unsigned(json, "changed", r->changed);
}

static int compare(struct store *a, struct store *b, const struct options *options)
{
    struct diff_result r;
    struct json *json = options->json ? document_open() : NULL;
    if (options->json && json == NULL)
        return DIFF_TROUBLE;
    struct profile builtin = {.name = NULL};
    struct fault f = {.code = FAULT_NONE};
    const struct profile *profile = a->profile;
    if (profile == NULL && profile_builtin(&builtin, &f) &&
        profile_match(&builtin, a->db->catalog, &f) != PROFILE_NO_MATCH)
        profile = &builtin;
    if (json) {
        store_json(json, "a", a);
        store_json(json, "b", b);
        json_put_array(json, "differences");
    }
    progress_open("comparing", ese_file_size(a->db->file) + ese_file_size(b->db->file));
    bool done = diff_stores(a, b, profile, json, &r);
    progress_close();
    profile_close(&builtin);
    if (json) {
        json_end_array(json);
        json_counts(json, &r);
    }
    if (!done)
        return DIFF_TROUBLE;
    uint64_t different = r.only_a + r.only_b + r.changed + r.tables_only_a + r.tables_only_b;
    if (!options->json && !options->quiet)
        output_format("%s, %s compared: %s only in A, %" PRIu64 " only in B, %" PRIu64 " changed\n",
                      counted(r.tables, "table", "tables"), counted(r.rows, "row", "rows"),
                      counted(r.only_a, "row", "rows"), r.only_b, r.changed);
    if (r.damaged || a->damaged || b->damaged)
        return DIFF_TROUBLE;
    return different ? DIFF_DIFFERENT : DIFF_SAME;
}

int cmd_diff(const struct options *options)
{
    struct store a, b;
    interrupt_ends();
    if (told(options, store_open(&a, options->operand[0], options->notes)) != EXIT_CLEAN)
        return DIFF_TROUBLE;
    int status = DIFF_TROUBLE;
    struct profile profile = {.name = NULL};
    if (told(options, store_use_profile(&a, &profile, options->assess.reading.profile,
                                        options->notes)) == EXIT_CLEAN &&
        told(options, store_open(&b, options->operand[1], options->notes)) == EXIT_CLEAN) {
        b.profile = a.profile;
        a.show_secrets = b.show_secrets = options->assess.reading.show_secrets;
        status = compare(&a, &b, options);
        store_close(&b);
    }
    profile_close(&profile);
    store_close(&a);
    return status;
}
