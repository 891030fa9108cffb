/* kmmigrate diff: certificates and rows that differ between two stores. */
#include "migrate/commands/command.h"
#include "migrate/commands/compare.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/profile/profile.h"

#include <inttypes.h>

/* As diff(1), not the sum of the other commands. */
enum { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = EXIT_DIFF_TROUBLE };

static int compare(struct store *a, struct store *b, const struct options *options)
{
    struct diff_result r;
    struct json *json = options->json ? json_open(false) : NULL;
    if (options->json && json == NULL) {
        message_error("out of memory");
        return DIFF_TROUBLE;
    }
    struct profile builtin = {.name = NULL};
    struct fault f = {.code = FAULT_NONE};
    const struct profile *profile = a->profile;
    if (profile == NULL && profile_builtin(&builtin, &f) &&
        profile_match(&builtin, a->db->catalog, &f) != PROFILE_NO_MATCH)
        profile = &builtin;
    bool done = diff_stores(a, b, profile, json, &r);
    profile_close(&builtin);
    json_close(json);
    if (!done)
        return DIFF_TROUBLE;
    uint64_t different = r.only_a + r.only_b + r.changed + r.tables_only_a + r.tables_only_b;
    if (!options->json && !options->quiet)
        output_format("%" PRIu64 " tables, %" PRIu64 " rows compared: %" PRIu64
                      " rows only in A, %" PRIu64 " only in B, %" PRIu64 " changed\n",
                      r.tables, r.rows, r.only_a, r.only_b, r.changed);
    if (r.damaged || a->damaged || b->damaged)
        return DIFF_TROUBLE;
    return different ? DIFF_DIFFERENT : DIFF_SAME;
}

int cmd_diff(const struct options *options)
{
    struct store a, b;
    message_end_on_interrupt();
    if (store_open(&a, options->operand[0]) != EXIT_CLEAN)
        return DIFF_TROUBLE;
    int status = DIFF_TROUBLE;
    struct profile profile = {.name = NULL};
    if (store_use_profile(&a, &profile, options->profile) == EXIT_CLEAN &&
        store_open(&b, options->operand[1]) == EXIT_CLEAN) {
        b.profile = a.profile;
        a.show_secrets = b.show_secrets = options->show_secrets;
        status = compare(&a, &b, options);
        store_close(&b);
    }
    profile_close(&profile);
    store_close(&a);
    return output_finish() ? status : DIFF_TROUBLE;
}
