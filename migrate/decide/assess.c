/* Reading, judging and deciding in one: see assess.h. */
#include "migrate/decide/assess.h"

#include "migrate/decide/said.h"
#include "migrate/decide/stated.h"
#include "migrate/decide/unsaid.h"
#include "migrate/decide/salvaged.h"

#include "migrate/decide/givenca.h"
#include "formats/buffer.h"
#include "formats/memory.h"
#include "migrate/discover/discover.h"
#include "migrate/discover/known.h"
#include "migrate/files/listfile.h"
#include "migrate/console/escape.h"
#include "migrate/console/message.h"
#include "migrate/console/progress.h"
#include "migrate/profile/meaning.h"
#include "migrate/judge/evidence.h"
#include "migrate/judge/names.h"
#include "migrate/judge/references.h"
#include "migrate/undo/undo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { STRUCTURE_KEPT = 200 };

static int trouble(const struct assessment *a, const struct fault *f)
{
    message_fault(a->store.path, f);
    return EXIT_TROUBLE;
}

/* ---- R1 ---- */

static bool is_header_only(const struct assessment *a, const struct ese_finding *finding)
{
    const struct ese_headers *hs = &a->store.db->headers;
    return finding->rule == ESE_RULE_HEADER_SHADOW &&
           (hs->primary == ESE_HEADER_GOOD) != (hs->shadow == ESE_HEADER_GOOD);
}

static void take_collision(struct assessment *a, const char *table_name)
{
    const struct ese_table *table = ese_catalog_find(a->store.db->catalog, table_name);
    const char *name = table ? table->name : "";
    if (a->collisions++ == 0)
        a->collision = name;
    else if (strcasecmp(a->collision, name) != 0)
        a->other_collision = true;
}

static void take_finding(void *context, const struct ese_finding *finding)
{
    struct assessment *a = context;
    if (finding->rule == ESE_RULE_INDEX_DANGLING &&
        index_entries_take(&a->index_entries, a->store.db->catalog, finding, &a->found))
        return;
    if (finding->severity != ESE_PROBLEM)
        return;
    if (is_header_only(a, finding)) {
        problem_find(&a->found, PROBLEM_HEADER, FACTS(fact_text(FACT_WHY, finding->text)));
        return;
    }
    enum problem_code code = PROBLEM_STRUCTURE;
    if (finding->rule == ESE_RULE_KEY_DUPLICATE) {
        take_collision(a, finding->table);
        code = PROBLEM_UNIQUE_KEY;
    }
    if (code == PROBLEM_UNIQUE_KEY ? a->collisions <= STRUCTURE_KEPT
                                   : a->damages++ < STRUCTURE_KEPT)
        problem_find(&a->found, code,
                     FACTS(fact_text(FACT_RULE, ese_rule_name(finding->rule)),
                           fact_text(FACT_TABLE, finding->table),
                           fact_number(FACT_PAGE, finding->page),
                           fact_text(FACT_WHY, finding->text)));
}

static int check_structure(struct assessment *a)
{
    struct fault f = {.code = FAULT_NONE};
    progress_open("checking", ese_file_size(a->store.db->file));
    bool checked =
        ese_check_and_read(a->store.db, take_finding, a,
                           a->onepass ? onepass_reader(a->onepass) : NULL, &a->structure, &f);
    progress_close();
    if (!checked)
        return trouble(a, &f);
    if (a->collisions > STRUCTURE_KEPT)
        problem_find(&a->found, PROBLEM_UNIQUE_KEY,
                     FACTS(fact_number(FACT_MORE, (int64_t)(a->collisions - STRUCTURE_KEPT))));
    if (a->damages > STRUCTURE_KEPT)
        problem_find(&a->found, PROBLEM_STRUCTURE,
                     FACTS(fact_number(FACT_MORE, (int64_t)(a->damages - STRUCTURE_KEPT))));
    if (a->structure.not_judged > 0 && a->structure.problems == 0 && !a->structure.dirty)
        problem_add(&a->found, PROBLEM_STRUCTURE, NO_ENTRY, NO_ENTRY,
                    "%" PRIu64 " rules could not be judged", a->structure.not_judged);
    const struct ese_header *h = &a->store.db->headers.header;
    if (h->state != ESE_STATE_CLEAN_SHUTDOWN)
        problem_find(&a->found, PROBLEM_DIRTY,
                     FACTS(fact_text(FACT_STATE, ese_state_name(h->state)),
                           fact_number(FACT_FIRST_LOG, h->generation_min_required),
                           fact_number(FACT_LAST_LOG, h->generation_max_required)));
    return EXIT_CLEAN;
}

/* ---- what lies beside ---- */

static int look_beside(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (!beside_look(&a->beside, a->store.path, &f))
        return trouble(a, &f);
    undo_note_files(&a->beside);
    /* Repaired where it lies, a database is what the engine will find there: with its logs. */
    if (options->in_place && beside_has_logs(&a->beside))
        a->store.in_directory = true;
    size_t logs = beside_count(&a->beside, BESIDE_LOG);
    if (logs > 0)
        problem_find(&a->found, PROBLEM_LOGS_BESIDE,
                     FACTS(fact_number(FACT_COUNT, (int64_t)logs),
                           fact_text(FACT_DIRECTORY, a->beside.directory)));
    if (a->store.pending.code != FAULT_NONE && !options->own_undo_file)
        problem_find(&a->found, PROBLEM_UNDO_PENDING,
                     FACTS(fact_text(FACT_DIRECTORY, a->beside.directory)));
    return EXIT_CLEAN;
}

/* ---- the profile ---- */

static int apply_said(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (said_apply(&a->profile, a->store.db->catalog, &options->reading, &f))
        return EXIT_CLEAN;
    message_error("%s", f.text);
    return f.code == FAULT_NO_MEMORY ? EXIT_TROUBLE : EXIT_USAGE;
}

/* Did discovery leave open what nobody has said since? */
static bool is_undecided(const struct assessment *a, const struct discovery *d)
{
    bool open = d->result == DISCOVER_DOUBT && d->doubt_beside;
    for (unsigned i = 0; i < d->references && !open; i++)
        open = d->reference[i].verdict == DISCOVER_UNDECIDED &&
               !profile_gives_meaning(&a->profile, d->reference[i].table->name,
                                      d->reference[i].column->name);
    return open;
}

static int use_given_profile(struct assessment *a, const char *path,
                             const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (!profile_read(path, &a->profile, &f)) {
        message_fault(path, &f);
        return EXIT_TROUBLE;
    }
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH) {
        message_file(
            path, "this profile does not fit %s: %s; kmmigrate profile %s shows what can be found",
            a->store.path, f.text, shell_word(a->store.path));
        return EXIT_TROUBLE;
    }
    a->store.profile = &a->profile;
    a->profile_how = "given with --profile";
    a->repairs_allowed = true;
    return apply_said(a, options);
}

static bool explain(struct assessment *a, const struct discovery *discovery)
{
    struct buffer text = {0};
    FILE *to = buffer_stream(&text);
    if (to)
        discover_explain(discovery, "", to);
    if (!buffer_stream_close(&text, to) || !buffer_add_u8(&text, '\0')) {
        buffer_free(&text);
        return false;
    }
    a->discovery = (char *)text.at;
    return true;
}

static int discover_profile(struct assessment *a, const struct assess_options *options,
                            const struct fault *why_not)
{
    struct discovery discovery;
    struct fault f = {.code = FAULT_NONE};
    int status = EXIT_CLEAN;
    profile_close(&a->profile);
    if (!discover(&a->store, NULL, &discovery, &f))
        return trouble(a, &f);
    if (!explain(a, &discovery)) {
        discover_close(&discovery);
        fault_set(&f, FAULT_NO_MEMORY, "out of memory for what was discovered");
        return trouble(a, &f);
    }
    bool has_list = discovery.result == DISCOVER_DOUBT || discovery.result == DISCOVER_COMPLETE;
    a->drafted = discovery.result != DISCOVER_NOTHING;
    a->draft_whole = discovery.result == DISCOVER_COMPLETE;
    if (discovery.result == DISCOVER_TWO_LISTS)
        problem_add(&a->found, PROBLEM_TWO_LISTS, NO_ENTRY, NO_ENTRY, "%s", discovery.why);
    if (!has_list || !options->reading.accept_discovered)
        problem_add(&a->found, PROBLEM_NO_PROFILE, NO_ENTRY, NO_ENTRY, "%s", why_not->text);
    if (has_list) {
        a->profile = discovery.profile;
        discovery.profile = (struct profile){.name = NULL};
        a->store.profile = &a->profile;
        a->match = profile_match(&a->profile, a->store.db->catalog, &f);
        a->profile_how = options->reading.accept_discovered
                             ? "discovered, and accepted (--accept-discovered)"
                             : "discovered, and not accepted";
        a->repairs_allowed = options->reading.accept_discovered;
        if (a->repairs_allowed && *discovery.lacking)
            problem_add(&a->found, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                        "the list that discovery found: %s; if it is the list all the same, give "
                        "its draft as --profile",
                        discovery.lacking);
        status = apply_said(a, options);
        a->undecided = is_undecided(a, &discovery);
    }
    discover_close(&discovery);
    return status;
}

/* As it was discovered in the store that this one was made of. */
static int use_discovered(struct assessment *a, const struct profile *discovered)
{
    struct fault f = {.code = FAULT_NONE};
    if (!profile_copy(discovered, &a->profile, &f))
        return trouble(a, &f);
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH)
        return trouble(a, &f);
    a->store.profile = &a->profile;
    a->profile_how = "discovered, and accepted (--accept-discovered)";
    a->repairs_allowed = true;
    return EXIT_CLEAN;
}

static int choose_profile(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (options->discovered)
        return use_discovered(a, options->discovered);
    if (options->reading.profile)
        return use_given_profile(a, options->reading.profile, options);
    if (!profile_builtin(&a->profile, &f))
        return trouble(a, &f);
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH)
        return discover_profile(a, options, &f);
    a->profile_how = "built in; its tables and columns are all there";
    a->repairs_allowed = true;
    return apply_said(a, options);
}

/* ---- the model, its judgement, the plan ---- */

/* timegm() makes a day out of any numbers; a date that there is comes back as it went in. */
static int parse_at(const char *text, int64_t *at)
{
    struct tm tm = {.tm_isdst = 0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end == NULL)
        end = strptime(text, "%Y-%m-%d", &tm);
    struct tm made = tm;
    time_t seconds = end ? timegm(&made) : 0;
    if (end == NULL || (end[0] != '\0' && strcmp(end, "Z") != 0) || made.tm_mday != tm.tm_mday ||
        made.tm_mon != tm.tm_mon || made.tm_year != tm.tm_year || made.tm_hour != tm.tm_hour ||
        made.tm_min != tm.tm_min || made.tm_sec != tm.tm_sec) {
        message_error("--at: expected a time as 1999-12-31 or 1999-12-31T23:59:59Z, found %s",
                      text);
        return EXIT_USAGE;
    }
    *at = seconds;
    return EXIT_CLEAN;
}

/* "ENTRY" in `size` characters of an option's value. */
static bool parse_entry(const struct model *m, const char *option, const char *text, size_t size,
                        int32_t *key)
{
    char entry[NAMES_TEXT];
    struct fault f = {.code = FAULT_NONE};
    bool ok = size < sizeof entry;
    snprintf(entry, sizeof entry, "%.*s", ok ? (int)size : 40, text);
    ok = ok ? names_parse(m, entry, key, &f)
            : fault_set(&f, FAULT_NOT_THIS, "expected an entry, found %s...", entry);
    if (!ok)
        message_error("%s: %s; kmmigrate list shows them", option, f.text);
    return ok;
}

static int parse_trust(const struct model *m, const struct assess_options *options,
                       struct plan_options *plan)
{
    for (unsigned i = 0; i < options->decisions.trusts && i < PLAN_DECISIONS_MOST; i++) {
        int32_t entry;
        const char *text = options->decisions.trust[i], *end = strrchr(text, '=');
        bool yes = end && strcmp(end, "=yes") == 0;
        if (end == NULL || (!yes && strcmp(end, "=no") != 0)) {
            message_error("--trust: expected ENTRY=yes or ENTRY=no, found %s", text);
            return EXIT_USAGE;
        }
        if (!parse_entry(m, "--trust", text, (size_t)(end - text), &entry))
            return EXIT_USAGE;
        plan->trust[plan->trusts].entry = entry;
        plan->trust[plan->trusts++].yes = yes;
    }
    return EXIT_CLEAN;
}

static int parse_entries(const struct model *m, const char *option, const char *const *text,
                         unsigned count, int32_t *key, unsigned *keys)
{
    for (unsigned i = 0; i < count && i < PLAN_DECISIONS_MOST; i++) {
        if (!parse_entry(m, option, text[i], strlen(text[i]), &key[i]))
            return EXIT_USAGE;
        ++*keys;
    }
    return EXIT_CLEAN;
}

static int plan_options_of(struct assessment *a, const struct assess_options *options,
                           struct plan_options *plan)
{
    *plan = (struct plan_options){.to = MODE_UNKNOWN};
    if (options->decisions.to)
        plan->to = strcasecmp(options->decisions.to, "V3") == 0     ? MODE_V3
                   : strcasecmp(options->decisions.to, "V1V3") == 0 ? MODE_V1V3
                                                                    : MODE_UNKNOWN;
    if (options->decisions.to && plan->to == MODE_UNKNOWN) {
        message_error("--to: expected V3 or V1V3, found %s", options->decisions.to);
        return EXIT_USAGE;
    }
    if (options->decisions.superseded && strcmp(options->decisions.superseded, "drop") != 0 &&
        strcmp(options->decisions.superseded, "keep") != 0) {
        message_error("--superseded: expected keep or drop, found %s",
                      options->decisions.superseded);
        return EXIT_USAGE;
    }
    plan->drop_superseded =
        options->decisions.superseded && strcmp(options->decisions.superseded, "drop") == 0;
    int status = parse_trust(&a->model, options, plan);
    if (status == EXIT_CLEAN)
        status = parse_entries(&a->model, "--keep", options->decisions.keep,
                               options->decisions.keeps, plan->keep, &plan->keeps);
    if (status == EXIT_CLEAN)
        status = parse_entries(&a->model, "--drop", options->decisions.drop,
                               options->decisions.drops, plan->drop, &plan->drops);
    if (status == EXIT_CLEAN && options->decisions.issuing_ca) {
        status = given_ca_read(&a->model, options->decisions.issuing_ca, &plan->issuing_ca);
        plan->has_issuing_ca = true;
    }
    return status;
}

static int compare_problems(const void *a, const void *b)
{
    const struct problem *x = *(const struct problem *const *)a;
    const struct problem *y = *(const struct problem *const *)b;
    if (x->code != y->code)
        return (x->code > y->code) - (x->code < y->code);
    return (x->entry[0] > y->entry[0]) - (x->entry[0] < y->entry[0]);
}

/* A finding that the plan ends is one that the judge does not find again. */
static bool mark_repairable(struct assessment *a)
{
    const struct problem **left = malloc((a->left.count + 1) * sizeof *left);
    if (left == NULL)
        return false;
    for (size_t i = 0; i < a->left.count; i++)
        left[i] = &a->left.item[i];
    qsort(left, a->left.count, sizeof *left, compare_problems);
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem *p = &a->found.item[i];
        bool stays = a->left.count > 0 &&
                     bsearch(&p, left, a->left.count, sizeof *left, compare_problems) != NULL;
        a->found.item[i].repairable = !stays && problem_kind(p->code)->severity != PROBLEM_ADVICE;
    }
    free(left);
    return true;
}

/* Do no two entries that stay have one key? */
static bool keys_differ(struct assessment *a)
{
    const struct model *m = &a->model;
    bool *dropped = calloc(m->entries + 1, sizeof *dropped), differ = true;
    if (dropped == NULL) {
        a->left.no_memory = true;
        return false;
    }
    for (size_t i = 0; i < a->plan.actions; i++) {
        const struct action *action = &a->plan.action[i];
        const struct model_entry *e = action_effect(action->kind) == EFFECT_DROP
                                          ? model_entry_twin(m, action->entry, action->twin)
                                          : NULL;
        if (e)
            dropped[e - m->entry] = true;
    }
    const struct model_entry *last = NULL;
    for (unsigned i = 0; i < m->entries; i++) {
        if (dropped[i])
            continue;
        differ = differ && (last == NULL || last->key != m->entry[i].key);
        last = &m->entry[i];
    }
    free(dropped);
    return differ;
}

/* Two rows under one key: ended when they are entries of the list and the plan drops all of them
 * but one. */
static bool collision_ends(struct assessment *a)
{
    return a->collisions > 0 && !a->other_collision && a->profile.list[0].table != NULL &&
           strcasecmp(a->collision, a->profile.list[0].table) == 0 &&
           model_key_is_primary(&a->model) && keys_differ(a);
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
        case PROBLEM_SALVAGED:
        case PROBLEM_MISFIT:
        case PROBLEM_UNDO_PENDING:
        case PROBLEM_LIST_CUT:
        case PROBLEM_LIST_FORM:
        case PROBLEM_LIST_TAIL:
        case PROBLEM_SETTING_TWICE:
        case PROBLEM_SETTING_VALUE:
        case PROBLEM_REFERENCE_REFUTED:
            problem_keep(&a->left, p);
            break;
        case PROBLEM_TWO_LISTS: /* in rows and in a value: the judge finds it again */
            if (!a->model.second_list || a->model.match == PROFILE_MATCHES_VALUE)
                problem_keep(&a->left, p);
            break;
        case PROBLEM_UNIQUE_KEY:
            if (!ends)
                problem_keep(&a->left, p);
            break;
        default:
            break;
        }
    }
}

static int make_plan(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    struct plan_options plan_options;
    int status = plan_options_of(a, options, &plan_options);
    if (status != EXIT_CLEAN)
        return status;
    plan_options.residue = &a->sweep.residue;
    plan_options.index_entries = &a->index_entries;
    uint8_t input[HASH_SHA256_SIZE];
    if (!filehash_finish(&a->hash, &f) || !salvaged_input(a, input, &f))
        return trouble(a, &f);
    if (!plan_make(&a->plan, &a->model, a->prover, &plan_options,
                   problem_has(&a->found, PROBLEM_HEADER), input, &f))
        return f.code == FAULT_MISSING ? trouble(a, &f), EXIT_USAGE : trouble(a, &f);
    carry_over(a);
    if (!unsaid_judge(&a->plan, &plan_options, &a->model, &a->sweep, &a->found, &a->left,
                      &a->blocked, &f)) {
        /* A damaged store is not written: what cannot be read of it is no trouble of its own. */
        if (f.code == FAULT_NO_MEMORY || !problem_has(&a->found, PROBLEM_STRUCTURE))
            return trouble(a, &f);
        a->blocked = true;
    }
    if (!plan_judge(&a->plan, &a->model, a->prover, &a->left)) {
        fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the plan");
        return trouble(a, &f);
    }
    if (prover_exhausted(a->prover) && !problem_has(&a->found, PROBLEM_PROOF_LIMIT))
        problem_add(&a->found, PROBLEM_PROOF_LIMIT, NO_ENTRY, NO_ENTRY,
                    "the bound of %d checks was reached while deciding", PROVER_CHECKS_MOST);
    if (mark_repairable(a) && !a->found.no_memory && !a->left.no_memory)
        return EXIT_CLEAN;
    fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the plan");
    return trouble(a, &f);
}

/* The model and the sweep are to be read with the structure, when the list will be judged.  A store
 * that is not clean would have to be read again. */
static int begin_one_pass(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int64_t at = 0;
    if (a->match == PROFILE_NO_MATCH || !a->repairs_allowed || options->salvaged ||
        options->list_short || a->store.pending.code != FAULT_NONE ||
        a->store.db->headers.header.state != ESE_STATE_CLEAN_SHUTDOWN)
        return EXIT_CLEAN;
    int status = options->reading.at ? parse_at(options->reading.at, &at) : EXIT_CLEAN;
    if (status != EXIT_CLEAN)
        return status;
    a->onepass = onepass_open(&a->store, &a->profile, a->match, options->reading.at ? &at : NULL,
                              &a->model, &a->prover, &a->sweep, &f);
    return a->onepass ? EXIT_CLEAN : trouble(a, &f);
}

static int end_one_pass(struct assessment *a, struct problems *found)
{
    struct fault f = {.code = FAULT_NONE};
    bool ended = a->onepass == NULL ||
                 onepass_close(a->onepass, &a->structure, found, &a->read_with_check, &f);
    a->onepass = NULL;
    a->has_model = a->read_with_check;
    return ended ? EXIT_CLEAN : trouble(a, &f);
}

/* The structure, what lies beside, the profile: found in this order, whatever is done first. */
static int check_file(struct assessment *a, const struct assess_options *options,
                      struct problems *of_list)
{
    struct problems of_profile;
    int status = choose_profile(a, options);
    of_profile = a->found;
    a->found = (struct problems){.item = NULL};
    if (status == EXIT_CLEAN)
        status = begin_one_pass(a, options);
    if (status == EXIT_CLEAN)
        status = check_structure(a);
    int ended = end_one_pass(a, of_list);
    status = status == EXIT_CLEAN ? ended : status;
    if (status == EXIT_CLEAN)
        status = look_beside(a, options);
    problems_move(&a->found, &of_profile);
    return status;
}

/* The list alone, judged by nobody. */
static int read_list(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int64_t at = 0;
    int status = options->reading.at ? parse_at(options->reading.at, &at) : EXIT_CLEAN;
    if (status != EXIT_CLEAN)
        return status;
    if (!model_read(&a->model, &a->store, &a->profile, a->match, options->reading.at ? &at : NULL,
                    &a->found, &f))
        return trouble(a, &f);
    a->has_model = true;
    a->prover = prover_open(&a->model);
    if (a->prover)
        return EXIT_CLEAN;
    fault_set(&f, FAULT_NO_MEMORY, "out of memory for proofs");
    return trouble(a, &f);
}

/* What the administrator says of settings that are kept elsewhere. */
static int apply_stated(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (stated_apply(&a->model, &options->reading, &f))
        return EXIT_CLEAN;
    message_error("%s", f.text);
    return EXIT_USAGE;
}

static int read_model(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int status = a->read_with_check ? EXIT_CLEAN : read_list(a, options);
    if (status == EXIT_CLEAN)
        status = apply_stated(a, options);
    if (status != EXIT_CLEAN)
        return status;
    if (options->list_short || (options->salvaged && !salvaged_is_whole(a, false)))
        a->model.list_cut = true;
    if (!judge_model(&a->model, a->prover, &a->found)) {
        fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the list");
        return trouble(a, &f);
    }
    if (options->verify_all && !references_verify(&a->model, a->prover, &a->found, &f))
        return trouble(a, &f);
    if (!references_try(&a->model, a->prover, &a->found, &f))
        return trouble(a, &f);
    if (!a->read_with_check && !sweep_read(&a->sweep, &a->model, a->prover, &f))
        return trouble(a, &f);
    if (a->sweep.unread && !problem_has(&a->found, PROBLEM_STRUCTURE))
        problem_add(&a->found, PROBLEM_STRUCTURE, NO_ENTRY, NO_ENTRY,
                    "something cannot be read in %" PRIu64 " tables; the first: %s",
                    a->sweep.unread, a->sweep.first_unread.text);
    return make_plan(a, options);
}

static enum verdict conclude(const struct assessment *a)
{
    enum verdict now = judge_problems(&a->found);
    if (now == VERDICT_YES && a->made_anew) /* but on the store as it lies there it cannot */
        return VERDICT_AFTER_REPAIR;
    if (now != VERDICT_NO || !assess_has_work(a))
        return now;
    return judge_problems(&a->left) == VERDICT_YES ? VERDICT_AFTER_REPAIR : VERDICT_NO;
}

int assess(struct assessment *a, const char *name, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    *a = (struct assessment){.match = PROFILE_NO_MATCH, .options = options, .named = name};
    int status = store_open_to_judge(&a->store, name);
    if (status != EXIT_CLEAN)
        return status;
    a->store.show_secrets = options->reading.show_secrets;
    if (options->stands_for && (status = store_stand_for(&a->store, options->stands_for)))
        return status;
    if (!filehash_start_open(&a->hash, ese_file_named_descriptor(a->store.db->file), &f))
        return trouble(a, &f);
    struct problems of_list = {.item = NULL};
    status = check_file(a, options, &of_list);
    if (status == EXIT_CLEAN)
        salvaged_judge(a);
    problems_move(&a->found, &of_list);
    /* Without a profile that was chosen, or between two states, the list is not judged. */
    if (status == EXIT_CLEAN && a->match != PROFILE_NO_MATCH && a->repairs_allowed &&
        !problem_has(&a->found, PROBLEM_UNDO_PENDING)) {
        progress_open("judging", ese_file_size(a->store.db->file));
        status = read_model(a, options);
        progress_close();
    }
    if (status == EXIT_CLEAN && (!filehash_finish(&a->hash, &f) || !memory_sufficed(&f)))
        status = trouble(a, &f);
    a->verdict = conclude(a);
    return status;
}

int assess_list(struct assessment *a, const char *name, const struct assess_options *options)
{
    *a = (struct assessment){.match = PROFILE_NO_MATCH};
    int status = store_open(&a->store, name);
    if (status == EXIT_CLEAN)
        status = choose_profile(a, options);
    if (status != EXIT_CLEAN)
        return status;
    if (a->match != PROFILE_NO_MATCH && a->repairs_allowed) {
        struct fault f = {.code = FAULT_NONE};
        status = read_list(a, options);
        return status != EXIT_CLEAN || memory_sufficed(&f) ? status : trouble(a, &f);
    }
    const char *known = known_database(a->store.db->catalog);
    if (known) {
        message_file(a->store.path, "this is no KM store: its tables are those of %s", known);
        return EXIT_TROUBLE;
    }
    message_file(a->store.path, "no profile fits its tables%s%s%s",
                 a->drafted ? "; kmmigrate profile " : "",
                 a->drafted ? shell_word(a->store.path) : "",
                 a->drafted ? " drafts one for --profile, and --accept-discovered takes it as it is"
                            : ", and no certificate list was found in it: is it a KM store?");
    return EXIT_TROUBLE;
}

void assess_close(struct assessment *a)
{
    if (a->hash.running)
        filehash_finish(&a->hash, NULL);
    if (a->has_model) {
        plan_close(&a->plan);
        sweep_close(&a->sweep);
        prover_close(a->prover);
        model_close(&a->model);
    }
    problems_close(&a->found);
    problems_close(&a->left);
    index_entries_close(&a->index_entries);
    profile_close(&a->profile);
    beside_close(&a->beside);
    free(a->discovery);
    listfile_close(a->file);
    store_close(&a->store);
}
