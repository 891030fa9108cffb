/* Reading, judging and deciding in one: see assess.h. */
#include "migrate/decide/assess.h"

#include "migrate/discover/discover.h"
#include "migrate/console/message.h"
#include "migrate/judge/references.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { STRUCTURE_KEPT = 200, CERTIFICATE_FILE_MOST = 1024 * 1024 };

static int trouble(const struct assessment *a, const struct fault *f)
{
    message_error("%s: %s", a->store.path, f->text);
    return EXIT_TROUBLE;
}

/* ---- R1 ---- */

static bool is_header_only(const struct assessment *a, const struct ese_finding *finding)
{
    const struct ese_headers *hs = &a->store.db->headers;
    return finding->rule == ESE_RULE_HEADER_SHADOW &&
           (hs->primary == ESE_HEADER_GOOD) != (hs->shadow == ESE_HEADER_GOOD);
}

static void take_finding(void *context, const struct ese_finding *finding)
{
    struct assessment *a = context;
    if (finding->severity != ESE_PROBLEM)
        return;
    if (is_header_only(a, finding)) {
        problem_add(&a->found, PROBLEM_HEADER, 0, 0, "%s", finding->text);
        return;
    }
    enum problem_code code = PROBLEM_STRUCTURE;
    if (finding->rule == ESE_RULE_KEY_DUPLICATE && a->collisions < ASSESS_COLLISIONS) {
        const struct ese_table *table =
            finding->table ? ese_catalog_find(a->store.db->catalog, finding->table) : NULL;
        a->collision[a->collisions++] = table ? table->name : "";
        code = PROBLEM_UNIQUE_KEY;
    }
    if (a->found.count < STRUCTURE_KEPT)
        problem_add(&a->found, code, 0, 0, "%s: %s%s%spage %u: %s", ese_rule_name(finding->rule),
                    finding->table ? "table " : "", finding->table ? finding->table : "",
                    finding->table ? ", " : "", finding->page, finding->text);
}

static int check_structure(struct assessment *a)
{
    struct fault f = {.code = FAULT_NONE};
    if (!ese_check(a->store.db, take_finding, a, &a->structure, &f))
        return trouble(a, &f);
    if (a->structure.problems > STRUCTURE_KEPT)
        problem_add(&a->found, PROBLEM_STRUCTURE, 0, 0,
                    "and %" PRIu64 " more; see check --structure",
                    a->structure.problems - STRUCTURE_KEPT);
    if (a->structure.not_judged > 0 && a->structure.problems == 0 && !a->structure.dirty)
        problem_add(&a->found, PROBLEM_STRUCTURE, 0, 0, "%" PRIu64 " rules could not be judged",
                    a->structure.not_judged);
    const struct ese_header *h = &a->store.db->headers.header;
    if (h->state != ESE_STATE_CLEAN_SHUTDOWN)
        problem_add(&a->found, PROBLEM_DIRTY, 0, 0, "state %s, logs %d to %d are needed",
                    ese_state_name(h->state), h->generation_min_required,
                    h->generation_max_required);
    return EXIT_CLEAN;
}

/* ---- what lies beside ---- */

static int look_beside(struct assessment *a, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (!beside_look(&a->beside, a->store.path, &f))
        return trouble(a, &f);
    size_t logs = beside_count(&a->beside, BESIDE_LOG);
    if (logs > 0)
        problem_add(&a->found, PROBLEM_LOGS_BESIDE, 0, 0, "%zu in %s", logs, a->beside.directory);
    if (a->store.pending.code != FAULT_NONE && !options->own_undo_file)
        problem_add(&a->found, PROBLEM_UNDO_PENDING, 0, 0, "an undo file lies in %s",
                    a->beside.directory);
    return EXIT_CLEAN;
}

/* ---- the profile ---- */

static int use_given_profile(struct assessment *a, const char *path)
{
    struct fault f = {.code = FAULT_NONE};
    if (!profile_read(path, &a->profile, &f)) {
        message_error("%s: %s", path, f.text);
        return EXIT_TROUBLE;
    }
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH) {
        message_error(
            "%s: this profile does not fit %s: %s; kmmigrate profile %s drafts one that does", path,
            a->store.path, f.text, a->store.path);
        return EXIT_TROUBLE;
    }
    a->profile_how = "given with --profile";
    a->repairs_allowed = true;
    return EXIT_CLEAN;
}

static int discover_profile(struct assessment *a, const struct options *options,
                            const struct fault *why_not)
{
    struct discovery discovery;
    struct fault f = {.code = FAULT_NONE};
    profile_close(&a->profile);
    if (!discover(&a->store, NULL, &discovery, &f))
        return trouble(a, &f);
    size_t size = 0;
    FILE *to = open_memstream(&a->discovery, &size);
    if (to) {
        discover_explain(&discovery, "", to);
        fclose(to);
    }
    bool has_list = discovery.result == DISCOVER_DOUBT || discovery.result == DISCOVER_COMPLETE;
    if (discovery.result == DISCOVER_TWO_LISTS)
        problem_add(&a->found, PROBLEM_TWO_LISTS, 0, 0, "%s", discovery.why);
    if (!has_list || !options->accept_discovered)
        problem_add(&a->found, PROBLEM_NO_PROFILE, 0, 0, "%s", why_not->text);
    if (has_list) {
        a->profile = discovery.profile;
        discovery.profile = (struct profile){.name = NULL};
        a->match = profile_match(&a->profile, a->store.db->catalog, &f);
        a->profile_how = options->accept_discovered ? "discovered, and accepted" : "discovered";
        a->repairs_allowed = options->accept_discovered;
    }
    discover_close(&discovery);
    return EXIT_CLEAN;
}

static int choose_profile(struct assessment *a, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (options->profile)
        return use_given_profile(a, options->profile);
    if (!profile_builtin(&a->profile, &f))
        return trouble(a, &f);
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH)
        return discover_profile(a, options, &f);
    a->profile_how = "built in; its tables and columns are all there";
    a->repairs_allowed = true;
    return EXIT_CLEAN;
}

/* ---- the model, its judgement, the plan ---- */

static int parse_at(const char *text, int64_t *at)
{
    struct tm tm = {.tm_isdst = 0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end == NULL)
        end = strptime(text, "%Y-%m-%d", &tm);
    if (end == NULL || (end[0] != '\0' && strcmp(end, "Z") != 0)) {
        message_error("--at: expected a time as 1999-12-31 or 1999-12-31T23:59:59Z, found %s",
                      text);
        return EXIT_USAGE;
    }
    *at = timegm(&tm);
    return EXIT_CLEAN;
}

static int read_certificate_file(struct assessment *a, const char *path, unsigned *number)
{
    struct fault f = {.code = FAULT_NONE};
    static uint8_t room[CERTIFICATE_FILE_MOST];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t size = fd < 0 ? -1 : read(fd, room, sizeof room);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (size < 0) {
        message_error("%s: cannot be read: %s", path, strerror(error));
        return EXIT_TROUBLE;
    }
    struct certlist list;
    struct certlist_entry first = {.type = CERTLIST_OTHER}, second;
    if (!certlist_open(&list, bytes_of(room, (size_t)size), &f)) {
        message_error("%s: expected a certificate (DER or PEM): %s", path, f.text);
        return EXIT_TROUBLE;
    }
    bool found = certlist_next(&list, &first, &f) && first.type == CERTLIST_CERTIFICATE;
    bool more = found && certlist_next(&list, &second, &f);
    bool kept = found && !more && model_intern(&a->model, first.encoded, number, &f);
    certlist_close(&list);
    if (kept)
        return EXIT_CLEAN;
    message_error("%s: expected one certificate, found %s", path, more ? "several" : "none");
    return EXIT_TROUBLE;
}

static int parse_trust(const struct options *options, struct plan_options *plan)
{
    for (unsigned i = 0; i < options->trusts && i < PLAN_TRUST_MOST; i++) {
        char *end;
        errno = 0;
        long entry = strtol(options->trust[i], &end, 10);
        bool yes = strcmp(end, "=yes") == 0;
        if (errno || entry < 1 || entry > INT32_MAX || (!yes && strcmp(end, "=no") != 0)) {
            message_error("--trust: expected ENTRY=yes or ENTRY=no, found %s", options->trust[i]);
            return EXIT_USAGE;
        }
        plan->trust[plan->trusts].entry = (int32_t)entry;
        plan->trust[plan->trusts++].yes = yes;
    }
    return EXIT_CLEAN;
}

static int plan_options_of(struct assessment *a, const struct options *options,
                           struct plan_options *plan)
{
    *plan = (struct plan_options){.to = MODE_UNKNOWN};
    if (options->to)
        plan->to = strcmp(options->to, "V3") == 0     ? MODE_V3
                   : strcmp(options->to, "V1V3") == 0 ? MODE_V1V3
                                                      : MODE_UNKNOWN;
    if (options->to && plan->to == MODE_UNKNOWN) {
        message_error("--to: expected V3 or V1V3, found %s", options->to);
        return EXIT_USAGE;
    }
    if (options->superseded && strcmp(options->superseded, "drop") != 0 &&
        strcmp(options->superseded, "keep") != 0) {
        message_error("--superseded: expected keep or drop, found %s", options->superseded);
        return EXIT_USAGE;
    }
    plan->drop_superseded = options->superseded && strcmp(options->superseded, "drop") == 0;
    int status = parse_trust(options, plan);
    if (status == EXIT_CLEAN && options->issuing_ca) {
        status = read_certificate_file(a, options->issuing_ca, &plan->issuing_ca);
        plan->has_issuing_ca = true;
    }
    return status;
}

/* A finding that the plan ends is one that the judge does not find again. */
static void mark_repairable(struct assessment *a)
{
    for (size_t i = 0; i < a->found.count; i++) {
        struct problem *p = &a->found.item[i];
        bool stays = false;
        for (size_t k = 0; k < a->left.count && !stays; k++)
            stays = a->left.item[k].code == p->code && a->left.item[k].entry[0] == p->entry[0];
        p->repairable = !stays && problem_kind(p->code)->severity != PROBLEM_ADVICE;
    }
}

/* Two rows under one key: ended when they are entries of the list and the plan drops all of them
 * but one. */
static bool collision_ends(const struct assessment *a)
{
    unsigned twins = 0, dropped = 0;
    for (unsigned i = 0; i < a->collisions; i++)
        if (a->profile.list_table == NULL ||
            strcasecmp(a->collision[i], a->profile.list_table) != 0)
            return false;
    for (unsigned i = 1; i < a->model.entries; i++)
        twins += a->model.entry[i].key == a->model.entry[i - 1].key;
    for (size_t i = 0; i < a->plan.actions; i++) {
        const struct action *action = &a->plan.action[i];
        dropped += action->kind == ACTION_DROP_ENTRY && action->entry == action->other;
    }
    return twins == dropped;
}

/* What no plan over the list can end: damage, a dirty state, a missing profile. */
static void carry_over(struct assessment *a)
{
    bool ends = collision_ends(a);
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem *p = &a->found.item[i];
        switch (p->code) {
        case PROBLEM_DIRTY:
        case PROBLEM_STRUCTURE:
        case PROBLEM_UNDO_PENDING:
        case PROBLEM_LIST_CUT:
        case PROBLEM_REFERENCE_REFUTED:
            problem_add(&a->left, p->code, p->entry[0], p->entry[1], "%s", p->evidence);
            break;
        case PROBLEM_UNIQUE_KEY:
            if (!ends)
                problem_add(&a->left, p->code, 0, 0, "%s", p->evidence);
            break;
        default:
            break;
        }
    }
}

static int make_plan(struct assessment *a, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    struct plan_options plan_options;
    int status = plan_options_of(a, options, &plan_options);
    if (status != EXIT_CLEAN)
        return status;
    if (!filehash_finish(&a->hash, &f))
        return trouble(a, &f);
    if (!plan_make(&a->plan, &a->model, a->prover, &plan_options,
                   problem_has(&a->found, PROBLEM_HEADER), a->hash.digest, &f))
        return trouble(a, &f);
    carry_over(a);
    if (!plan_judge(&a->plan, &a->model, a->prover, SIZE_MAX, &a->left)) {
        fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the plan");
        return trouble(a, &f);
    }
    mark_repairable(a);
    return EXIT_CLEAN;
}

/* The list alone, judged by nobody. */
static int read_list(struct assessment *a, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int64_t at = 0;
    int status = options->at ? parse_at(options->at, &at) : EXIT_CLEAN;
    if (status != EXIT_CLEAN)
        return status;
    if (!model_read(&a->model, &a->store, &a->profile, a->match, options->at ? &at : NULL,
                    &a->found, &f))
        return trouble(a, &f);
    a->has_model = true;
    a->prover = prover_open(&a->model);
    if (a->prover)
        return EXIT_CLEAN;
    fault_set(&f, FAULT_NO_MEMORY, "out of memory for proofs");
    return trouble(a, &f);
}

static int read_model(struct assessment *a, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int status = read_list(a, options);
    if (status != EXIT_CLEAN)
        return status;
    if (!judge_model(&a->model, a->prover, &a->found)) {
        fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the list");
        return trouble(a, &f);
    }
    if (options->verify_all && !references_verify(&a->model, a->prover, &a->found)) {
        fault_set(&f, FAULT_NO_MEMORY, "out of memory while proving references");
        return trouble(a, &f);
    }
    return make_plan(a, options);
}

static enum verdict conclude(const struct assessment *a)
{
    enum verdict now = judge_problems(&a->found);
    if (now != VERDICT_NO || !assess_has_work(a))
        return now;
    return judge_problems(&a->left) == VERDICT_YES ? VERDICT_AFTER_REPAIR : VERDICT_NO;
}

int assess(struct assessment *a, const char *name, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    *a = (struct assessment){.match = PROFILE_NO_MATCH, .options = options};
    int status = store_open_to_judge(&a->store, name);
    if (status != EXIT_CLEAN)
        return status;
    if (!filehash_start(&a->hash, a->store.path, &f))
        return trouble(a, &f);
    status = check_structure(a);
    if (status == EXIT_CLEAN)
        status = look_beside(a, options);
    if (status == EXIT_CLEAN)
        status = choose_profile(a, options);
    /* Without a profile that was chosen, or between two states, the list is not judged. */
    if (status == EXIT_CLEAN && a->match != PROFILE_NO_MATCH && a->repairs_allowed &&
        !problem_has(&a->found, PROBLEM_UNDO_PENDING))
        status = read_model(a, options);
    if (status == EXIT_CLEAN && !filehash_finish(&a->hash, &f))
        status = trouble(a, &f);
    a->verdict = conclude(a);
    return status;
}

int assess_list(struct assessment *a, const char *name, const struct options *options)
{
    *a = (struct assessment){.match = PROFILE_NO_MATCH};
    int status = store_open(&a->store, name);
    if (status == EXIT_CLEAN)
        status = choose_profile(a, options);
    if (status != EXIT_CLEAN)
        return status;
    if (a->match != PROFILE_NO_MATCH && a->repairs_allowed)
        return read_list(a, options);
    message_error(
        "%s: no profile fits its tables; kmmigrate profile %s drafts one for --profile, and "
        "--accept-discovered takes it as it is",
        a->store.path, a->store.path);
    return EXIT_TROUBLE;
}

void assess_close(struct assessment *a)
{
    if (a->hash.running)
        filehash_finish(&a->hash, NULL);
    if (a->has_model) {
        plan_close(&a->plan);
        prover_close(a->prover);
        model_close(&a->model);
    }
    problems_close(&a->found);
    problems_close(&a->left);
    profile_close(&a->profile);
    beside_close(&a->beside);
    free(a->discovery);
    store_close(&a->store);
}
