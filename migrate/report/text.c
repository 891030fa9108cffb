/*
 * The report as text: a ticket header, the verdict in one line, what is wrong in the words of the
 * trade, what would be done and why, what stays open, and what to do next.
 */
#include "migrate/console/words.h"
#include "formats/certs/name.h"
#include "migrate/console/color.h"
#include "migrate/console/invocation.h"
#include "migrate/console/output.h"
#include "migrate/decide/refusal.h"
#include "migrate/discover/known.h"
#include "migrate/report/next.h"
#include "migrate/report/report.h"
#include "migrate/report/repair_salvaged.h"
#include "migrate/report/settings.h"

#include "migrate/rescue/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 12 };

static const char *state_words(uint32_t state)
{
    if (state == ESE_STATE_CLEAN_SHUTDOWN)
        return "Consistent (clean shutdown)";
    if (state == ESE_STATE_DIRTY_SHUTDOWN)
        return "Inconsistent (dirty shutdown)";
    return ese_state_name(state);
}

static void beside_line(const struct beside *b)
{
    output_format("%-14s", "Files beside");
    if (b->files == 0)
        output_text("none\n");
    for (size_t i = 0; i < b->files && i < SHOWN; i++)
        output_format("%s%s%s%s%s", i ? ", " : "", b->file[i].name, b->file[i].note ? " (" : "",
                      b->file[i].note ? b->file[i].note : "", b->file[i].note ? ")" : "");
    if (b->files > SHOWN)
        output_format(" and %zu more", b->files - SHOWN);
    if (b->files > 0)
        output_text("\n");
}

/* What is judged is not the file as it lies there. */
static void recovered_lines(const struct recovery *r)
{
    if (r == NULL)
        return;
    char text[160];
    const struct ese_replay_summary *s = &r->summary;
    output_format("%-14sin memory, from generations %d to %d of the logs: %" PRIu64
                  " changes redone, %" PRIu64 " of open transactions taken back\n",
                  "Recovered", s->first, s->last, s->redone, s->undone_changes);
    if (logset_newest_missing(&r->logs, text))
        output_format("%-14s%s\n", "", text);
    if (r->loss.code)
        output_format("%-14s%s; what came after is lost\n", "Loss", r->loss.text);
}

static void command_line(void)
{
    int count;
    char *const *arguments = invocation_arguments(&count);
    if (arguments == NULL)
        return;
    output_format("%-14skmmigrate", "Command");
    for (int i = 0; i < count; i++)
        output_format(" %s", shell_argument(arguments[i]));
    output_text("\n");
}

/* Who reads the ticket later has neither the directory nor the command in front of them. */
static void file_lines(const struct assessment *a)
{
    char path[PATH_MAX];
    const struct filehash *hash = salvaged_from(a);
    output_format("%-14skmmigrate %s\n", "Program", KM_VERSION);
    command_line();
    output_format("%-14s%s, %" PRIu64 " bytes\n", "Store",
                  realpath(a->store.path, path) ? path : a->store.path, hash->size);
    output_format("%-14s%s UTC\n", "File time",
                  report_time(true, ese_file_stat(a->store.db->file)->st_mtime));
    output_format("%-14s%s\n", "SHA-256", hash_words(bytes_of(hash->digest, sizeof hash->digest)));
    recovered_lines(a->options->recovered);
    salvaged_lines(a);
}

static void profile_line(const struct assessment *a)
{
    const char *known = known_database(a->store.db->catalog);
    if (a->match == PROFILE_NO_MATCH)
        output_format("%-14snone fits%s%s\n", "Profile", known ? "; its tables are those of " : "",
                      known ? known : "");
    else if (a->discovery)
        output_format("%-14s%s\n", "Profile", a->profile_how);
    else
        output_format("%-14s%s%s: %s\n", "Profile", a->profile.name ? a->profile.name : "(unnamed)",
                      a->profile.reconstruction ? ", a reconstruction, not the server's own schema"
                                                : "",
                      a->profile_how);
}

static void setting(const char *name, const char *value, const char **before)
{
    if (value == NULL)
        return;
    output_format("%s%s %s", *before, name, value);
    *before = "; ";
}

/* The settings in clear. */
static void setting_lines(const struct model *m)
{
    const char *before = "";
    output_format("%-14s", "Settings");
    setting("organization", m->organization, &before);
    setting("site", m->site, &before);
    setting("Certificate Server", m->server, &before);
    setting(m->mode_stated ? "mode as stated by the administrator" : "mode",
            model_mode_name(m->mode), &before);
    output_text("\n");
    settings_issuing_line(m);
}

static void header_lines(const struct assessment *a)
{
    const struct ese_header *h = &a->store.db->headers.header;
    const struct model *m = &a->model;
    file_lines(a);
    output_format("%-14s%s; format 0x%x,0x%x, pages of %u bytes; logs required %d-%d\n", "State",
                  state_words(h->state), h->version, h->revision, h->page_size,
                  h->generation_min_required, h->generation_max_required);
    if (a->has_model)
        output_format("%-14s%s%s\n", "Judged as of", report_time(m->now_known, m->now),
                      !m->now_known ? ""
                      : m->now_utc  ? " UTC"
                                    : ", in the zone of the server, which is not known");
    beside_line(&a->beside);
    profile_line(a);
    if (a->has_model)
        setting_lines(m);
    if (a->has_model)
        output_format("%-14s%u %s, %u distinct %s; %" PRIu64 " %s\n", "List", m->entries,
                      plural(m->entries, "entry", "entries"), m->listed,
                      plural(m->listed, "certificate", "certificates"), m->rows_read,
                      plural(m->rows_read, "reference", "references"));
    if (assess_has_work(a))
        output_format("%-14s%s\n", "Plan", a->plan.id);
    if (assess_has_work(a) && a->plan.decisions)
        output_format("%-14s%s\n", "Decided", a->plan.decisions);
}

/* ---- the verdict ---- */

static const char *const verdict_words[] = {
    [VERDICT_YES] = "yes, the service can start on this store",
    [VERDICT_AFTER_REPAIR] = "no, the service cannot start on this store; it can after the repair",
    [VERDICT_NO] = "no, the service cannot start on this store",
    [VERDICT_CANNOT_TELL] = "cannot tell whether the service can start on this store",
};

const char *report_verdict_words(enum verdict verdict)
{
    return verdict_words[verdict];
}

/* What an escape sequence makes of the words until the end of the line: green, yellow, red. */
static const char *color_of(enum verdict verdict)
{
    static const char *const colors[] = {[VERDICT_YES] = "\033[1;32m",
                                         [VERDICT_AFTER_REPAIR] = "\033[1;33m",
                                         [VERDICT_NO] = "\033[1;31m",
                                         [VERDICT_CANNOT_TELL] = "\033[1;33m"};
    return color_wanted() ? colors[verdict] : "";
}

static void colored_line(enum verdict verdict, const char *before, const char *words)
{
    const char *color = color_of(verdict);
    output_text(color);
    output_format("%s%s.", before, words);
    output_text(color[0] ? "\033[0m\n" : "\n");
}

const char *report_deed(const struct assessment *a)
{
    return a->options->decisions.to ? "the switch" : "the repair";
}

const char *report_written(const struct assessment *a)
{
    return a->options->in_place ? "the store" : "the new store";
}

const char *report_outcome(const struct assessment *a)
{
    bool whole = judge_problems(&a->left) == VERDICT_YES;
    if (a->options->decisions.to)
        return whole ? "MIGRATED: " : "MIGRATED IN PART: ";
    return whole ? "REPAIRED: " : "REPAIRED IN PART: ";
}

const char *report_plan_heading(const struct assessment *a, enum report_kind kind)
{
    bool migrates = a->options->decisions.to != NULL;
    if (kind == REPORT_REPAIRED)
        return "What was done";
    if (refusal_of(a))
        return migrates ? "What migrate would do, were it allowed"
                        : "What a repair would do, were it allowed";
    return migrates ? "What migrate does" : "What a repair does";
}

const char *report_made_anew(const struct assessment *a)
{
    return a->plan.actions ? "On what was salvaged, which is written whole to a new store:"
                           : "What was salvaged is written whole to a new store, as it is.";
}

/* After a repair the first line: what happened, and what the new store is good for. */
static void outcome_line(const struct assessment *a)
{
    static const char *const words[] = {
        [VERDICT_YES] = "the service can start on %s",
        [VERDICT_NO] = "the service still cannot start on %s",
        [VERDICT_CANNOT_TELL] = "whether the service can start on %s cannot be told",
    };
    char line[96];
    enum verdict verdict = judge_problems(&a->left);
    snprintf(line, sizeof line, words[verdict], report_written(a));
    colored_line(verdict, report_outcome(a), line);
    output_text("\n");
}

static void verdict_line(const struct assessment *a, enum report_kind kind)
{
    char before[64] = "Verdict: ";
    if (kind == REPORT_REPAIRED)
        snprintf(before, sizeof before, "Verdict before %s: ", report_deed(a));
    output_text("\n");
    colored_line(a->verdict, before,
                 a->verdict == VERDICT_AFTER_REPAIR && a->made_anew
                     ? "no, the service cannot start on this store; it can after salvage and repair"
                     : verdict_words[a->verdict]);
    if (a->has_model && (a->model.mode_stated || a->model.issuing_stated))
        output_text("(with settings as stated by the administrator, not as the store has them)\n");
    foretold_lines(a);
}

/* The last line: the verdict again, on the new store where there is one. */
static void last_line(const struct assessment *a, enum report_kind kind)
{
    static const char *const words[] = {
        [VERDICT_YES] = "yes, the service can start on it",
        [VERDICT_NO] = "no, the service still cannot start on it",
        [VERDICT_CANNOT_TELL] = "cannot tell whether the service can start on it",
    };
    enum verdict verdict = judge_problems(&a->left);
    if (kind != REPORT_REPAIRED) {
        verdict_line(a, kind);
        return;
    }
    char after[64];
    snprintf(after, sizeof after, "Verdict after %s: ", report_deed(a));
    output_text("\n");
    colored_line(verdict, after, words[verdict]);
}

/* What becomes of a finding: what a repair does about it, or that it stays, and what it needs. */
static void outcome_of(const struct assessment *a, const struct problem *p)
{
    static const char none[] = "none: ";
    const char *words = problem_kind(p->code)->repair;
    if (!a->has_model)
        output_format("      repair: %s\n", words);
    else if (p->repairable)
        output_format("      repair%s: %s\n", refusal_of(a) ? ", were it allowed" : "", words);
    else if (strncmp(words, none, sizeof none - 1) == 0)
        output_format("      stays open: %s\n", words + sizeof none - 1);
    else if (strstr(words, "none"))
        output_format("      stays open; repair: %s\n", words);
    else
        output_text("      stays open: no action of this plan ends it\n");
}

static void problem_heading(const struct problem *p)
{
    const struct problem_kind *kind = problem_kind(p->code);
    output_format("  %s%s%s%s: %s\n", kind->code, kind->article ? " (" : "",
                  kind->article ? kind->article : "", kind->article ? ")" : "", kind->title);
}

/* What one finding and the one before have in common is said once. */
static bool is_like(const struct problem *p, const struct problem *before)
{
    return before && p->code == before->code && p->repairable == before->repairable;
}

/* Was it said already, word for word?  *next: where the search begins, behind what was found last;
 * findings come in one order, and so each is found at once. */
static bool is_said(const struct problems *said, size_t *next, const struct problem *p)
{
    for (size_t i = 0; said && i < said->count; i++) {
        size_t at = (*next + i) % said->count;
        if (said->item[at].code == p->code && strcmp(said->item[at].evidence, p->evidence) == 0) {
            *next = at + 1;
            return true;
        }
    }
    return false;
}

/* The findings of some severities; of many of one code the first few, then their number. */
static void problem_lines(const struct assessment *a, const struct problems *problems,
                          const struct problems *said, const char *heading, bool advice,
                          bool with_repair)
{
    unsigned shown[PROBLEM_CODES] = {0};
    const struct problem *last = NULL; /* that was shown, without what becomes of it */
    size_t next = 0;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->item[i];
        if ((problem_kind(p->code)->severity == PROBLEM_ADVICE) != advice)
            continue;
        if (shown[p->code] < SHOWN && is_said(said, &next, p))
            continue;
        if (shown[p->code]++ >= SHOWN)
            continue;
        if (last == NULL)
            output_format("\n%s\n", heading);
        if (!is_like(p, last) && last && with_repair)
            outcome_of(a, last);
        if (!is_like(p, last))
            problem_heading(p);
        output_format("      %s\n", p->evidence);
        last = p;
    }
    if (last && with_repair)
        outcome_of(a, last);
    for (unsigned code = 0; code < PROBLEM_CODES; code++)
        if (shown[code] > SHOWN)
            output_format("  %s: and %u more; --json lists all\n",
                          problem_kind((enum problem_code)code)->code, shown[code] - SHOWN);
}

/* ---- the plan ---- */

static void certificate_line(const struct model *m, unsigned number)
{
    const struct model_certificate *cert = &m->certificate[number];
    char hex[64], name[512];
    output_format("       thumbprint %s", hash_words(bytes_of(cert->sha1, sizeof cert->sha1)));
    if (!cert->parsed) {
        output_text(", not a certificate\n");
        return;
    }
    output_format(", serial %s, %s to %s\n", bytes_hex(cert->x509.serial, hex, sizeof hex),
                  report_time(cert->x509.not_before.known, cert->x509.not_before.seconds),
                  report_time(cert->x509.not_after.known, cert->x509.not_after.seconds));
    name_text(cert->x509.subject, name, sizeof name);
    output_format("       %s\n", name);
}

void report_action(const struct assessment *a, const struct action *action)
{
    struct buffer line = {0};
    FILE *to = buffer_stream(&line);
    if (to)
        action_sentence(&a->model, action, to);
    if (buffer_stream_close(&line, to)) { /* else nothing more is printed */
        output_escaped(buffer_bytes(&line), ESCAPE_LINE);
        output_text("\n");
    }
    buffer_free(&line);
}

static void plan_lines(const struct assessment *a, const char *heading)
{
    size_t shown[ACTION_KINDS] = {0}, number = 0;
    output_format("\n%s (%zu action%s)\n", heading, a->plan.actions,
                  a->plan.actions == 1 ? "" : "s");
    if (a->made_anew)
        output_format("  %s\n", report_made_anew(a));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < a->plan.actions; i++) {
            const struct action *action = &a->plan.action[i];
            bool first = action_comes_first(action->kind);
            if (first != (pass == 0) || shown[action->kind]++ >= SHOWN)
                continue;
            output_format("  %2zu. %s", ++number, action->optional ? "(not needed to start) " : "");
            report_action(a, action);
            if (action_shows_certificate(action->kind))
                certificate_line(&a->model, action->certificate);
        }
    for (unsigned kind = 0; kind < ACTION_KINDS; kind++)
        if (shown[kind] > SHOWN)
            output_format("  and %zu more of the kind %s; --json lists all\n", shown[kind] - SHOWN,
                          action_name((enum action_kind)kind));
}

static void result_lines(const struct assessment *a, const struct repair_result *result)
{
    output_text("\nWritten\n");
    output_format("  %-12s%s\n  %-12s%s\n", "Store", result->target, "SHA-256",
                  hash_words(bytes_of(result->sha256, sizeof result->sha256)));
    if (result->narrower)
        output_format("  %-12snarrower than the input's: its owner, group or access control list "
                      "could not be given\n",
                      "Permissions");
    salvaged_written_lines(a);
    if (result->quarantine)
        output_format("  %-12s%s\n", "Quarantine", result->quarantine);
    if (result->set_aside)
        output_format("  %-12s%s\n", "Set aside", result->set_aside);
    if (result->undo == NULL)
        output_format(
            "  %-12sthe new store is no smaller than the old one; kmmigrate compact %s -o "
            "NEW makes it so\n",
            "Size", shell_word(result->target));
    if (result->backup)
        output_format("  %-12s%s\n", "Backup", result->backup);
    if (result->undo)
        output_format("  %-12s%s\n  %-12skmmigrate undo %s takes it back, until the service has "
                      "started on it\n",
                      "Undo file", result->undo, "", shell_word(result->target));
}

void report_text(const struct assessment *a, enum report_kind kind,
                 const struct repair_result *result)
{
    if (kind == REPORT_REPAIRED)
        outcome_line(a);
    header_lines(a);
    verdict_line(a, kind);
    if (a->discovery) {
        output_text("\nWhat discovery found\n");
        output_escaped(bytes_of(a->discovery, strlen(a->discovery)), ESCAPE_LINES);
    }
    problem_lines(a, &a->found, NULL, "What is wrong", false, true);
    if (assess_has_work(a))
        plan_lines(a, report_plan_heading(a, kind));
    if (a->has_model && judge_problems(&a->left) != VERDICT_YES)
        problem_lines(a, &a->left, &a->found, "What a repair leaves besides", false, false);
    problem_lines(a, &a->found, NULL, "Advice, which blocks nothing", true, false);
    if (result)
        result_lines(a, result);
    report_next(a, kind, result);
    last_line(a, kind);
}
