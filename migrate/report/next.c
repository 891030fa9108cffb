/* What to do next: see next.h. */
#include "migrate/report/next.h"

#include "formats/path.h"
#include "migrate/console/output.h"
#include "migrate/decide/refusal.h"
#include "migrate/discover/known.h"
#include "migrate/report/events.h"
#include "migrate/rescue/recovery.h"
#include "migrate/rescue/salvaging.h"

#include <string.h>

/* Steps are written to the margin of two spaces.  A line with five goes on with the sentence above
 * it; any other further in, as a command, stands for itself, and still belongs to the step. */

/* As the user named it: what a printed command has to be given. */
static const char *store_name(const struct assessment *a)
{
    return a->options->stands_for ? a->options->stands_for : a->named;
}

static void write_each(const char *option, const char *const *value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        output_format(" %s %s", option, shell_word(value[i]));
}

struct option {
    const char *name, *value; /* NULL: it was not given */
};

static void write_options(const struct option *option, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (option[i].value)
            output_format(" --%s=%s", option[i].name, shell_word(option[i].value));
}

/* How the store is to be read, as it was this time. */
static void write_reading(const struct assessment *a)
{
    const struct reading *r = &a->options->reading;
    const struct option options[] = {{"profile", r->profile},
                                     {"at", r->at},
                                     {"mode", r->mode},
                                     {"issuing-ca-is", r->issuing_ca_is}};
    write_options(options, sizeof options / sizeof options[0]);
    write_each("--reference", r->reference, r->references);
    write_each("--not-a-reference", r->not_reference, r->not_references);
    write_each("--not-a-list", r->not_list, r->not_lists);
    if (r->accept_discovered)
        output_text(" --accept-discovered");
}

/* The command that applies the plan: with what it depends on, or it would be another plan. */
static void write_command(const struct assessment *a)
{
    const struct assess_options *o = a->options;
    const struct decisions *d = &o->decisions;
    const struct rescue_options none = {.store = NULL},
                                *rescue = o->recovered  ? o->recovered->options
                                          : o->salvaged ? o->salvaged->options
                                                        : &none;
    output_format("  %s: kmmigrate %s %s %s --plan %.16s",
                  o->in_place ? "Apply this plan" : "Apply this plan to a copy",
                  d->to ? "migrate" : "repair", shell_word(store_name(a)),
                  o->in_place ? "--in-place" : "-o NEW", a->plan.id);
    const struct option options[] = {{"to", d->to},
                                     {"issuing-ca", d->issuing_ca},
                                     {"superseded", d->superseded},
                                     {"logs", rescue->logs},
                                     {"doubtful", rescue->doubtful},
                                     {"schema-from", rescue->schema_from}};
    write_options(options, sizeof options / sizeof options[0]);
    write_each("--trust", d->trust, d->trusts);
    write_each("--keep", d->keep, d->keeps);
    write_each("--drop", d->drop, d->drops);
    write_each("--drop-index", rescue->drop_index, rescue->drop_indexes);
    output_format("%s%s%s", o->recovered ? " --recover" : "", o->salvaged ? " --salvage" : "",
                  rescue->until_damage ? " --until-damage" : "");
    write_reading(a);
    output_text("\n");
}

/* Both forms of the salvage that goes with a repair. */
static void write_salvage(const struct assessment *a)
{
    for (unsigned i = 0; i < 2; i++) {
        output_format("      kmmigrate repair --salvage %s%s", shell_word(store_name(a)),
                      i ? " -o NEW" : "");
        write_reading(a);
        output_text("\n");
    }
}

/* ---- what stands against a repair ---- */

static void replay_lines(const struct assessment *a)
{
    const struct ese_header *h = &a->store.db->headers.header;
    size_t logs = beside_count(&a->beside, BESIDE_LOG);
    output_format(
        "  Replay the logs, then check again (logs %d to %d are needed; beside the store %s %zu): "
        "kmmigrate logs %s\n"
        "     says whether they are whole. If they are, kmmigrate recover replays those of Windows "
        "8 "
        "and later into\n"
        "     a copy; it is never written before.\n",
        h->generation_min_required, h->generation_max_required, logs == 1 ? "lies" : "lie", logs,
        shell_word(store_name(a)));
    if (logs > 0)
        output_text("     Where the engine is, a whole set is replayed by\n"
                    "      eseutil /r edb /l LOGS /s SYSTEM\n");
    output_text("  Where the logs are lost, see what can be had without them and what a repair of "
                "that gives, and\n"
                "     write both at once:\n");
    write_salvage(a);
}

static void pending_lines(const struct assessment *a)
{
    const char *name = shell_word(store_name(a));
    if (a->store.pending.code == FAULT_LIMIT)
        output_format("  Take the interrupted repair back, or finish it:\n"
                      "      kmmigrate undo %s\n"
                      "      kmmigrate repair %s --in-place\n",
                      name, name);
    else
        output_format("  The undo file of an interrupted repair cannot be used: %s.\n"
                      "  Put the backup back that was made before that repair (NAME.backup-TIME "
                      "beside the store,\n"
                      "     unless it was one with --no-backup; then another backup); then remove "
                      "the undo file.\n",
                      a->store.pending.text);
}

static void profile_lines(const struct assessment *a)
{
    const char *name = shell_word(store_name(a)), *known = known_database(a->store.db->catalog);
    if (known)
        output_format("  This is no KM store: its tables are those of %s.\n", known);
    else if (!a->drafted)
        output_format(
            "  No certificate list was found in this database: is it a KM store? kmmigrate "
            "info %s\n"
            "     shows its tables. If it is one, write a profile for it by hand "
            "(kmmigrate-profile(5)).\n",
            name);
    else if (a->match != PROFILE_NO_MATCH && a->draft_whole)
        output_format("  The list was not judged: its profile was only discovered. Check what "
                      "discovery found, then\n"
                      "     add --accept-discovered, or give a profile: kmmigrate profile %s\n",
                      name);
    else
        output_format(
            "  The list was not judged, and discovery left something undecided. Draft a "
            "profile, decide\n"
            "     what it calls UNDECIDED or GUESSED, and give it with --profile: kmmigrate "
            "profile %s\n",
            name);
}

static void damage_lines(const struct assessment *a)
{
    const char *name = shell_word(store_name(a));
    output_text(
        "  A damaged store is not repaired here: a copy could lack what cannot be read. "
        "Copy the file\n     from the server again, or restore a backup; or see what can be "
        "had of it");
    /* Without a profile that may be used, nothing of what is left would be written. */
    if (a->match == PROFILE_NO_MATCH || !a->repairs_allowed)
        output_format(":\n"
                      "      kmmigrate salvage %s\n"
                      "  Where tables have lost their names, --schema-from OLDER-COPY has them.\n",
                      name);
    else {
        output_text(" and what a repair of\n     that gives, and write both at once:\n");
        write_salvage(a);
    }
    output_format("  kmmigrate check --structure %s lists all of the damage.\n", name);
}

/* True when no repair can be recommended; then what has to be done first was said. */
static bool refused_lines(const struct assessment *a)
{
    if (problem_has(&a->found, PROBLEM_UNDO_PENDING))
        pending_lines(a);
    else if (problem_has(&a->found, PROBLEM_DIRTY))
        replay_lines(a);
    else if (problem_has(&a->found, PROBLEM_STRUCTURE) && a->options->salvaged)
        output_format("  This is not done: %s.\n", refusal_of(a));
    else if (problem_has(&a->found, PROBLEM_STRUCTURE))
        damage_lines(a);
    else if (problem_has(&a->found, PROBLEM_MISFIT))
        output_text("  The profile does not fit what the store holds: correct it where "
                    "KM-PROFILE-MISFIT says.\n");
    else if (!a->has_model || !a->repairs_allowed)
        profile_lines(a);
    else if (refusal_of(a))
        output_format("  This is not done: %s.\n", refusal_of(a));
    else
        return false;
    return true;
}

/* ---- what stays open ---- */

/* Of each kind that no repair ends, what it needs; what a repair could end, ends with those. */
static void open_lines(const struct problems *left)
{
    static const char none[] = "none: ";
    bool told[PROBLEM_CODES] = {false};
    output_text("  What stays open:\n");
    for (size_t i = 0; i < left->count; i++) {
        const struct problem_kind *kind = problem_kind(left->item[i].code);
        if (kind->severity == PROBLEM_ADVICE || told[left->item[i].code] ||
            strstr(kind->repair, "none") == NULL)
            continue;
        told[left->item[i].code] = true;
        if (strncmp(kind->repair, none, sizeof none - 1) == 0)
            output_format("    %s: %s\n", kind->code, kind->repair + sizeof none - 1);
        else if (strncmp(kind->repair, none, sizeof none - 3) == 0)
            output_format("    %s: no repair%s\n", kind->code, kind->repair + sizeof none - 3);
        else
            output_format("    %s: %s\n", kind->code, kind->repair);
    }
}

/* ---- back to the server ---- */

static bool is_q230780(const struct assessment *a)
{
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem_kind *kind = problem_kind(a->found.item[i].code);
        if (kind->severity == PROBLEM_FATAL && kind->article &&
            strcmp(kind->article, "Q230780") == 0)
            return true;
    }
    return false;
}

/* How the new store gets to where the service looks for it.  Nothing on the server is deleted: the
 * start-up password's file lies in the same directory, and the old files may still be wanted. */
static void place_lines(const struct assessment *a, const struct repair_result *result,
                        unsigned number)
{
    static const char contents[] = "move the old contents of Kmsdata aside, and put";
    bool in_place = result ? result->undo != NULL : a->options->in_place;
    const char *target = result ? result->target : in_place ? store_name(a) : "NEW";
    output_format("  %u. ", number);
    if (in_place)
        output_text("The store was repaired where it lies; on the server nothing has to be moved. "
                    "A copy goes back:\n     with");
    else
        output_text("With");
    output_text(" the service stopped, ");
    if (!a->store.in_directory)
        output_format(
            "move Kmsmdb.edb aside, and with it its logs (edb*.log, res*.log) and\n"
            "     edb.chk, which do not belong to the new file; put %s there as Kmsmdb.edb. "
            "Leave the\n"
            "     other files of Kmsdata where they are (Q198814).\n",
            target);
    else if (in_place)
        output_format("%s these files\n"
                      "     there, without the backup and the undo file (Q198814).\n",
                      contents);
    else /* what was written is the database in the new directory */
        output_format("%s there what is in\n     %.*s (Q198814).\n", contents,
                      result ? (int)(path_last(target) - target - 1) : (int)strlen(target), target);
}

static void server_lines(const struct assessment *a, const struct repair_result *result)
{
    unsigned number = 1;
    if (is_q230780(a))
        output_format(
            "  %u. Install Kmserver.exe 5.5.2608.0 (Exchange 5.5 SP3) or later, or it will "
            "happen again (Q230780).\n",
            number++);
    place_lines(a, result, number++);
    output_format("  %u. Start the service with the original start-up password (Kmspwd.ini, "
                  "Q151689).\n"
                  "  %u. Validate: kmserver PASSWORD -R, and read the event log (Q232609).\n"
                  "  %u. Stop the service and take an offline backup of Kmsdata (Q190713).\n",
                  number, number + 1, number + 2);
}

/* For whoever has a service that does not start on a store that it could start on. */
static void outside_lines(void)
{
    output_text(
        "  If the service does not start all the same, the cause lies outside the store:\n");
    for (size_t i = 0; i < events_count; i++) {
        const struct event *e = &events[i];
        if (e->kind == EVENT_KM && e->keeps_from_starting && e->cause == CAUSE_OUTSIDE)
            output_format("    event %ld: %s (%.7s)\n", e->number, e->title, e->articles);
    }
    output_text("  kmmigrate explain EVENT says what each means, and what to do.\n");
}

void report_next(const struct assessment *a, enum report_kind kind,
                 const struct repair_result *result)
{
    bool work = assess_has_work(a), repaired = kind == REPORT_REPAIRED;
    output_text("\nNext\n");
    if (!repaired && refused_lines(a))
        return;
    if (!repaired && work)
        write_command(a);
    enum verdict then = judge_problems(&a->left); /* of the store that the plan makes */
    if (then != VERDICT_YES) {
        open_lines(&a->left);
        if (repaired || work)
            output_format("  Do not start the service on %s before that is resolved.\n",
                          repaired ? report_written(a) : "the repaired store");
    } else if (repaired || a->verdict == VERDICT_AFTER_REPAIR) {
        server_lines(a, result);
    } else if (work) {
        output_text("  The service can start without it.\n");
    } else {
        output_text("  Nothing has to be repaired.\n");
        outside_lines();
    }
}
