/* Reading, judging and deciding in one: see assess.h. */
#include "migrate/decide/assess.h"

#include "migrate/decide/assess_parts.h"
#include "migrate/decide/givenca.h"
#include "migrate/decide/options.h"
#include "migrate/decide/salvaged.h"
#include "migrate/decide/stated.h"
#include "migrate/decide/unsaid.h"
#include "formats/fault.h"
#include "formats/hex.h"
#include "migrate/discover/known.h"
#include "migrate/files/listfile.h"
#include "migrate/console/escape.h"
#include "migrate/console/progress.h"
#include "migrate/judge/evidence.h"
#include "migrate/judge/references.h"
#include "migrate/undo/undo.h"
#include "migrate/console/words.h"
#include "migrate/judge/model_read.h"
#include "migrate/profile/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { STRUCTURE_KEPT = 200, KEY_SHOWN = 16 };

int assess_trouble(const struct assessment *a, const struct fault *f)
{
    return note_trouble(a->notes, a->store.path, f);
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
        return assess_trouble(a, &f);
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
        return assess_trouble(a, &f);
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

/* ---- the model, its judgement, the plan ---- */

/* What was decided, and the certificate that --issuing-ca brings. */
static int take_decisions(struct assessment *a, const struct decisions *said,
                          struct plan_options *plan)
{
    struct fault f = {.code = FAULT_NONE};
    if (!options_of(&a->model, said, plan, &f)) {
        if (f.code == FAULT_MISSING)
            note_error(a->notes, "%s; kmmigrate list shows them", f.text);
        else
            note_error(a->notes, "%s", f.text);
        return EXIT_USAGE;
    }
    if (said->issuing_ca == NULL)
        return EXIT_CLEAN;
    plan->has_issuing_ca = true;
    if (given_ca_read(&a->model, said->issuing_ca, &plan->issuing_ca, &f))
        return EXIT_CLEAN;
    return note_trouble(a->notes, said->issuing_ca, &f);
}

/* --at, where it was said; NULL in *at: it was not. */
static int take_time(const struct assessment *a, const struct reading *reading, int64_t *room,
                     const int64_t **at)
{
    struct fault f = {.code = FAULT_NONE};
    *at = reading->at ? room : NULL;
    if (reading->at == NULL || options_time(reading->at, room, &f))
        return EXIT_CLEAN;
    return note_usage(a->notes, "%s", f.text);
}

/* Where discovery found two columns that may be the list's key, one has to be said before an entry
 * goes: what names it is looked for by that one alone. */
static void ask_about_key(struct assessment *a)
{
    bool drops = false;
    for (size_t i = 0; i < a->plan.actions; i++)
        drops = drops || a->plan.action[i].kind == ACTION_DROP_ENTRY;
    if (a->two_keys[0] == '\0')
        return;
    if (problem_has(&a->found, PROBLEM_DANGLING)) { /* by that key: it may be the other one */
        problem_add(&a->found, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY, "%s", a->two_keys);
        problem_add(&a->left, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY, "%s", a->two_keys);
    }
    if (!drops)
        return;
    problem_add(&a->found, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY, "%s", a->two_keys);
    problem_add(&a->left, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY, "%s", a->two_keys);
}

static int make_plan(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    struct plan_options plan_options;
    int status = take_decisions(a, &options->decisions, &plan_options);
    if (status != EXIT_CLEAN)
        return status;
    plan_options.residue = &a->sweep.residue;
    plan_options.index_entries = &a->index_entries;
    uint8_t input[HASH_SHA256_SIZE];
    if (!filehash_finish(&a->hash, &f) || !salvaged_input(a, input, &f))
        return assess_trouble(a, &f);
    if (!plan_make(&a->plan, &a->model, a->prover, &plan_options,
                   problem_has(&a->found, PROBLEM_HEADER), input, &f))
        return f.code == FAULT_MISSING ? assess_trouble(a, &f), EXIT_USAGE : assess_trouble(a, &f);
    assess_carry_over(a);
    if (!unsaid_judge(&a->plan, &plan_options, &a->model, &a->sweep, &a->found, &a->left,
                      &a->blocked, &f)) {
        /* A damaged store is not written: what cannot be read of it is no trouble of its own. */
        if (f.code == FAULT_NO_MEMORY || !problem_has(&a->found, PROBLEM_STRUCTURE))
            return assess_trouble(a, &f);
        a->blocked = true;
    }
    ask_about_key(a);
    if (!plan_judge(&a->plan, &a->model, a->prover, &a->left)) {
        fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the plan");
        return assess_trouble(a, &f);
    }
    if (prover_exhausted(a->prover) && !problem_has(&a->found, PROBLEM_PROOF_LIMIT))
        problem_add(&a->found, PROBLEM_PROOF_LIMIT, NO_ENTRY, NO_ENTRY,
                    "the bound of %d checks was reached while deciding", PROVER_CHECKS_MOST);
    if (assess_mark_repairable(a) && !a->found.no_memory && !a->left.no_memory)
        return EXIT_CLEAN;
    fault_set(&f, FAULT_NO_MEMORY, "out of memory while judging the plan");
    return assess_trouble(a, &f);
}

/* The model and the sweep are to be read with the structure, when the list will be judged.  A store
 * that is not clean would have to be read again. */
static int begin_one_pass(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int64_t room = 0;
    const int64_t *at;
    if (a->match == PROFILE_NO_MATCH || !a->repairs_allowed || options->salvaged ||
        options->list_short || a->store.pending.code != FAULT_NONE ||
        a->store.db->headers.header.state != ESE_STATE_CLEAN_SHUTDOWN)
        return EXIT_CLEAN;
    int status = take_time(a, &options->reading, &room, &at);
    if (status != EXIT_CLEAN)
        return status;
    a->onepass =
        onepass_open(&a->store, &a->profile, a->match, at, &a->model, &a->prover, &a->sweep, &f);
    return a->onepass ? EXIT_CLEAN : assess_trouble(a, &f);
}

static int end_one_pass(struct assessment *a, struct problems *found)
{
    struct fault f = {.code = FAULT_NONE};
    bool ended = a->onepass == NULL ||
                 onepass_close(a->onepass, &a->structure, found, &a->read_with_check, &f);
    a->onepass = NULL;
    a->has_model = a->read_with_check;
    return ended ? EXIT_CLEAN : assess_trouble(a, &f);
}

/* The structure, what lies beside, the profile: found in this order, whatever is done first. */
static int check_file(struct assessment *a, const struct assess_options *options,
                      struct problems *of_list)
{
    struct problems of_profile;
    int status = assess_choose_profile(a, options);
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
    int64_t room = 0;
    const int64_t *at;
    int status = take_time(a, &options->reading, &room, &at);
    if (status != EXIT_CLEAN)
        return status;
    if (!model_read(&a->model, &a->store, &a->profile, a->match, at, &a->found, &f))
        return assess_trouble(a, &f);
    a->has_model = true;
    a->prover = prover_open(&a->model);
    if (a->prover)
        return EXIT_CLEAN;
    fault_no_memory(&f, "proofs");
    return assess_trouble(a, &f);
}

/* What the administrator says of settings that are kept elsewhere. */
static int apply_stated(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (stated_apply(&a->model, &options->reading, &f))
        return EXIT_CLEAN;
    return note_usage(a->notes, "%s", f.text);
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
        return assess_trouble(a, &f);
    }
    if (options->verify_all && !references_verify(&a->model, a->prover, &a->found, &f))
        return assess_trouble(a, &f);
    if (!references_try(&a->model, a->prover, &a->found, &f))
        return assess_trouble(a, &f);
    if (!a->read_with_check && !sweep_read(&a->sweep, &a->model, a->prover, &f))
        return assess_trouble(a, &f);
    if (a->sweep.unread && !problem_has(&a->found, PROBLEM_STRUCTURE))
        problem_add(&a->found, PROBLEM_STRUCTURE, NO_ENTRY, NO_ENTRY,
                    "something cannot be read in %s; the first: %s",
                    counted(a->sweep.unread, "table", "tables"), a->sweep.first_unread.text);
    return make_plan(a, options);
}

/* What discovery left open is named, with what decides it.  A sound list says nothing where others
 * may be referred to. */
static void ask_about_open(struct assessment *a)
{
    bool sound = judge_problems(&a->found) == VERDICT_YES;
    bool repairs = a->has_model && a->repairs_allowed;
    for (unsigned i = 0; repairs && a->undecided && i < a->opens; i++) {
        const struct open_column *c = &a->open[i];
        const char *table = c->table->name, *column = c->column->name;
        enum problem_code code = sound ? PROBLEM_MISFIT : PROBLEM_RESIDUE;
        char text[2 * DISCOVER_WHY];
        if (sound ? !c->elsewhere : !assess_has_work(a))
            continue;
        snprintf(text, sizeof text,
                 "table %.64s, column %.64s: %s; say --reference %.64s.%.64s or "
                 "--not-a-reference %.64s.%.64s",
                 table, column, c->why, table, column, table, column);
        problem_add(&a->found, code, NO_ENTRY, NO_ENTRY, "%s", text);
        problem_add(&a->left, code, NO_ENTRY, NO_ENTRY, "%s", text);
    }
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

/* A plan takes such an entry out, as its row was removed.  Of what the service needs it is said,
 * lest the row is what is missing. */
static void judge_index_entries(struct assessment *a)
{
    for (size_t i = 0; a->match != PROFILE_NO_MATCH && i < a->index_entries.count; i++) {
        const struct index_entry *e = &a->index_entries.at[i];
        char why[200], hex[HEX_START_SIZE(KEY_SHOWN)];
        bool own = false;
        for (unsigned k = 0; k < assess_own_tables(a); k++)
            own = own || ese_table_is(e->table, assess_own_table(a, k));
        if (!own || e->unfinished)
            continue;
        snprintf(why, sizeof why,
                 "index %s has an entry for the row with key %s, which is not there; a backup says "
                 "whether it should be",
                 e->index->name, hex_start(e->row, KEY_SHOWN, hex));
        problem_find(&a->found, PROBLEM_ROW_GONE,
                     FACTS(fact_text(FACT_TABLE, e->table->name), fact_text(FACT_WHY, why)));
    }
}

int assess(struct assessment *a, const char *name, const struct assess_options *options,
           struct notes *notes)
{
    struct fault f = {.code = FAULT_NONE};
    *a = (struct assessment){
        .match = PROFILE_NO_MATCH, .options = options, .notes = notes, .named = name};
    int status = store_open_to_judge(&a->store, name, a->notes);
    if (status != EXIT_CLEAN)
        return status;
    a->store.show_secrets = options->reading.show_secrets;
    if (options->stands_for && (status = store_stand_for(&a->store, options->stands_for, a->notes)))
        return status;
    if (!filehash_start_open(&a->hash, ese_file_named_descriptor(a->store.db->file), &options->hash,
                             &f))
        return assess_trouble(a, &f);
    struct problems of_list = {.item = NULL};
    status = check_file(a, options, &of_list);
    if (status == EXIT_CLEAN) {
        salvaged_judge(a);
        judge_index_entries(a);
    }
    problems_move(&a->found, &of_list);
    /* Without a profile that was chosen, or between two states, the list is not judged. */
    if (status == EXIT_CLEAN && a->match != PROFILE_NO_MATCH && a->repairs_allowed &&
        !problem_has(&a->found, PROBLEM_UNDO_PENDING)) {
        progress_open("judging", ese_file_size(a->store.db->file));
        status = read_model(a, options);
        progress_close();
    }
    if (status == EXIT_CLEAN)
        ask_about_open(a);
    if (status == EXIT_CLEAN && (!filehash_finish(&a->hash, &f) || !memory_sufficed(&f)))
        status = assess_trouble(a, &f);
    a->verdict = conclude(a);
    return status;
}

int assess_list(struct assessment *a, const char *name, const struct assess_options *options,
                struct notes *notes)
{
    *a = (struct assessment){.match = PROFILE_NO_MATCH, .notes = notes};
    int status = store_open(&a->store, name, a->notes);
    if (status == EXIT_CLEAN)
        status = assess_choose_profile(a, options);
    if (status != EXIT_CLEAN)
        return status;
    if (a->match != PROFILE_NO_MATCH && a->repairs_allowed) {
        struct fault f = {.code = FAULT_NONE};
        status = read_list(a, options);
        return status != EXIT_CLEAN || memory_sufficed(&f) ? status : assess_trouble(a, &f);
    }
    const char *known = known_database(a->store.db->catalog);
    if (known)
        return note_file(a->notes, a->store.path, "this is no KM store: its tables are those of %s",
                         known);
    return note_file(
        a->notes, a->store.path, "no profile fits its tables%s%s%s",
        a->drafted ? "; kmmigrate profile " : "", a->drafted ? shell_word(a->store.path) : "",
        a->drafted ? " drafts one for --profile, and --accept-discovered takes it as it is"
                   : ", and no certificate list was found in it: is it a KM store?");
}

void assess_close(struct assessment *a)
{
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
