/*
 * The report as text: a ticket header, the verdict in one line, what is wrong in the words of the
 * trade, what would be done and why, what stays open, and what to do next.
 */
#include "formats/certs/name.h"
#include "migrate/console/output.h"
#include "migrate/report/report.h"

#include <inttypes.h>
#include <stdio.h>

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
        output_format("%s%s", i ? ", " : "", b->file[i].name);
    if (b->files > SHOWN)
        output_format(" and %zu more", b->files - SHOWN);
    if (b->files > 0)
        output_text("\n");
}

static void header_lines(const struct assessment *a)
{
    const struct ese_header *h = &a->store.db->headers.header;
    char hex[2 * HASH_SHA256_SIZE + 1], time[32];
    output_format("%-14skmmigrate %s\n", "Program", KM_VERSION);
    output_format("%-14s%s, %" PRIu64 " bytes\n", "Store", a->store.path, a->hash.size);
    output_format("%-14s%s\n", "SHA-256",
                  bytes_hex(bytes_of(a->hash.digest, sizeof a->hash.digest), hex, sizeof hex));
    output_format("%-14s%s; format 0x%x,0x%x, pages of %u bytes; logs required %d-%d\n", "State",
                  state_words(h->state), h->version, h->revision, h->page_size,
                  h->generation_min_required, h->generation_max_required);
    if (a->has_model)
        output_format("%-14s%s UTC\n", "Judged as of",
                      report_time(a->model.now_known, a->model.now, time));
    beside_line(&a->beside);
    if (a->match != PROFILE_NO_MATCH)
        output_format("%-14s%s%s: %s\n", "Profile", a->profile.name ? a->profile.name : "(unnamed)",
                      a->profile.reconstruction ? ", a reconstruction, not the server's own schema"
                                                : "",
                      a->profile_how);
    else
        output_format("%-14snone fits\n", "Profile");
    if (a->has_model)
        output_format(
            "%-14smode %s; %u entries, %u distinct certificates; %" PRIu64 " references\n", "List",
            model_mode_name(a->model.mode), a->model.entries, a->model.listed, a->model.rows_read);
    if (assess_has_work(a))
        output_format("%-14s%s\n", "Plan", a->plan.id);
    if (assess_has_work(a) && a->plan.decisions)
        output_format("%-14s%s\n", "Decided", a->plan.decisions);
}

static void verdict_line(const struct assessment *a)
{
    static const char *const words[] = {
        [VERDICT_YES] = "yes, the service can start on this store.",
        [VERDICT_AFTER_REPAIR] =
            "no, the service cannot start on this store; it can after the repair.",
        [VERDICT_NO] = "no, the service cannot start on this store.",
        [VERDICT_CANNOT_TELL] = "cannot tell whether the service can start on this store.",
    };
    output_format("\nVerdict: %s\n", words[a->verdict]);
}

static void problem_line(const struct problem *p, bool with_repair)
{
    const struct problem_kind *kind = problem_kind(p->code);
    output_format("  %s%s%s%s: %s\n", kind->code, kind->article ? " (" : "",
                  kind->article ? kind->article : "", kind->article ? ")" : "", kind->title);
    output_text("      ");
    output_plain(p->evidence);
    output_text("\n");
    if (with_repair)
        output_format("      repair: %s\n", kind->repair);
}

/* The findings of some severities; of many of one code the first few, then their number. */
static void problem_lines(const struct problems *problems, const char *heading, bool advice,
                          bool with_repair)
{
    unsigned shown[PROBLEM_CODES] = {0};
    bool any = false;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->item[i];
        if ((problem_kind(p->code)->severity == PROBLEM_ADVICE) != advice)
            continue;
        if (!any)
            output_format("\n%s\n", heading);
        any = true;
        if (shown[p->code]++ < SHOWN)
            problem_line(p, with_repair);
    }
    for (unsigned code = 0; code < PROBLEM_CODES; code++)
        if (shown[code] > SHOWN)
            output_format("  %s: and %u more; --json lists all\n",
                          problem_kind((enum problem_code)code)->code, shown[code] - SHOWN);
}

/* ---- the plan ---- */

static void certificate_line(const struct model *m, unsigned number)
{
    const struct model_certificate *cert = &m->certificate[number];
    char hex[64], from[32], to[32], name[512];
    output_format("       thumbprint %s",
                  bytes_hex(bytes_of(cert->sha1, sizeof cert->sha1), hex, sizeof hex));
    if (!cert->parsed) {
        output_text(", not a certificate\n");
        return;
    }
    output_format(", serial %s, %s to %s\n", bytes_hex(cert->x509.serial, hex, sizeof hex),
                  report_time(cert->x509.not_before.known, cert->x509.not_before.seconds, from),
                  report_time(cert->x509.not_after.known, cert->x509.not_after.seconds, to));
    name_text(cert->x509.subject, name, sizeof name);
    output_format("       %s\n", name);
}

static void action_line(const struct assessment *a, const struct action *action)
{
    const struct model *m = &a->model;
    const struct profile_reference *r = &m->profile->reference[action->reference];
    char hex[64];
    switch (action->kind) {
    case ACTION_WRITE_HEADER:
        output_format("write the header anew from its shadow: %s", action->why);
        break;
    case ACTION_DROP_ENTRY:
        output_format("drop entry %d: %s; ", action->entry, action->why);
        if (action->alone)
            output_format("%s", action->text);
        else
            output_format("entry %d stays: %s", action->other, action->text);
        output_text(action->quarantine ? "; the dropped row goes to quarantine" : "");
        break;
    case ACTION_SET_ROLE:
        output_format("entry %d becomes %s: %s", action->entry, model_role_name(action->role),
                      action->why);
        break;
    case ACTION_SET_TRUST:
        output_format("entry %d becomes %s: %s", action->entry, model_trust_name(action->trust),
                      action->why);
        break;
    case ACTION_SET_NAME:
        output_format("entry %d gets the name \"%s\": %s", action->entry,
                      action->text ? action->text : "", action->why);
        break;
    case ACTION_SET_IMPORTED:
        output_format("entry %d gets the earliest import time: %s", action->entry, action->why);
        break;
    case ACTION_SET_THUMBPRINT:
        output_format("entry %d gets the thumbprint %s: %s", action->entry,
                      bytes_hex(action->value, hex, sizeof hex), action->why);
        break;
    case ACTION_ADD_PROPERTIES:
        output_format("entry %d keeps %zu bytes of properties: %s", action->entry,
                      action->value.size, action->why);
        break;
    case ACTION_ADD_ENTRY:
        output_format("add entry %d, %s: %s", action->entry, model_role_name(action->role),
                      action->why);
        break;
    case ACTION_MOVE_REFERENCES:
        output_format("move %" PRIu64 " references of %s.%s from entry %d to entry %d: %s",
                      action->count, r->table, r->column, action->entry, action->other,
                      action->why);
        break;
    case ACTION_MOVE_REFERENCE:
        output_format("%s %d: move the dangling reference %s from entry %d to entry %d: %s",
                      r->table, action->row, r->column, action->entry, action->other, action->why);
        break;
    case ACTION_SET_ISSUING_CA:
        output_format("set %s to %s: %s", m->profile->setting_issuing_ca,
                      bytes_hex(action->value, hex, sizeof hex), action->why);
        break;
    case ACTION_SET_MODE:
        output_format("set %s to %s: %s", m->profile->setting_mode, model_mode_name(action->mode),
                      action->why);
        break;
    case ACTION_KINDS:
        break;
    }
    output_text("\n");
}

static bool names_certificate(enum action_kind kind)
{
    return kind == ACTION_DROP_ENTRY || kind == ACTION_SET_ROLE || kind == ACTION_ADD_ENTRY;
}

static void plan_lines(const struct assessment *a, const char *heading)
{
    size_t shown[ACTION_KINDS] = {0}, number = 0;
    output_format("\n%s (%zu action%s)\n", heading, a->plan.actions,
                  a->plan.actions == 1 ? "" : "s");
    /* Narrowed trust first: it is what an administrator may not expect. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < a->plan.actions; i++) {
            const struct action *action = &a->plan.action[i];
            bool first = action->kind == ACTION_SET_TRUST;
            if (first != (pass == 0) || shown[action->kind]++ >= SHOWN)
                continue;
            output_format("  %2zu. %s", ++number, action->optional ? "(not needed to start) " : "");
            action_line(a, action);
            if (names_certificate(action->kind))
                certificate_line(&a->model, action->certificate);
        }
    for (unsigned kind = 0; kind < ACTION_KINDS; kind++)
        if (shown[kind] > SHOWN)
            output_format("  and %zu more of the kind %s; --json lists all\n", shown[kind] - SHOWN,
                          plan_action_name((enum action_kind)kind));
}

/* ---- what next ---- */

/* The command that applies the plan: with what it depends on, or it would be another plan. */
static void write_command(const struct assessment *a)
{
    const struct options *o = a->options;
    output_format("  Apply this plan to a copy: kmmigrate %s %s -o NEW --plan %.16s",
                  o->to ? "migrate" : "repair", o->operand[0] ? o->operand[0] : a->store.path,
                  a->plan.id);
    const struct {
        const char *name, *value;
    } options[] = {{"to", o->to},
                   {"issuing-ca", o->issuing_ca},
                   {"profile", o->profile},
                   {"superseded", o->superseded},
                   {"at", o->at}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].value)
            output_format(" --%s %s", options[i].name, options[i].value);
    for (unsigned i = 0; i < o->trusts; i++)
        output_format(" --trust %s", o->trust[i]);
    for (unsigned i = 0; i < o->keeps; i++)
        output_format(" --keep %s", o->keep[i]);
    for (unsigned i = 0; i < o->drops; i++)
        output_format(" --drop %s", o->drop[i]);
    output_text(o->accept_discovered ? " --accept-discovered\n" : "\n");
}

static void next_lines(const struct assessment *a, enum report_kind kind)
{
    output_text("\nNext\n");
    if (problem_has(&a->found, PROBLEM_DIRTY)) {
        output_format(
            "  Replay the logs where the engine is, then check again: eseutil /r edb /l LOGS /s "
            "SYSTEM\n"
            "  (logs %d to %d are needed; beside the store lie %zu). It is never written before.\n",
            a->store.db->headers.header.generation_min_required,
            a->store.db->headers.header.generation_max_required,
            beside_count(&a->beside, BESIDE_LOG));
        return;
    }
    if (kind != REPORT_REPAIRED && a->verdict == VERDICT_YES && !assess_has_work(a)) {
        output_text("  Nothing has to be repaired.\n");
        return;
    }
    if (a->match != PROFILE_NO_MATCH && !a->repairs_allowed)
        output_format("  The list was not judged: its profile was only discovered. Check what "
                      "discovery found, then\n"
                      "  add --accept-discovered, or give a profile: kmmigrate profile %s\n",
                      a->store.path);
    if (a->match == PROFILE_NO_MATCH)
        output_format(
            "  Give a profile with --profile; kmmigrate profile %s drafts what can be found.\n",
            a->store.path);
    if (problem_has(&a->found, PROBLEM_UNDO_PENDING))
        output_format("  Take the interrupted repair back: kmmigrate undo %s\n"
                      "  or finish it:                     kmmigrate repair %s --in-place\n",
                      a->store.path, a->store.path);
    if (kind != REPORT_REPAIRED && assess_has_work(a))
        write_command(a);
    if (judge_problems(&a->left) != VERDICT_YES)
        output_text("  What stays open needs a decision or a backup; see above.\n");
    if (a->verdict == VERDICT_AFTER_REPAIR || kind == REPORT_REPAIRED)
        output_text(
            "  1. Install Kmserver.exe 5.5.2608.0 (Exchange 5.5 SP3) or later, or it will happen "
            "again (Q230780).\n"
            "  2. With the service stopped, empty Kmsdata and put the repaired files there "
            "(Q198814).\n"
            "  3. Start the service with the original start-up password (Kmspwd.ini, Q151689).\n"
            "  4. Validate: kmserver PASSWORD -R, and read the event log (Q232609).\n"
            "  5. Stop the service and take an offline backup of Kmsdata (Q190713).\n");
}

static void result_lines(const struct report_result *result)
{
    char hex[2 * HASH_SHA256_SIZE + 1];
    output_text("\nWritten\n");
    output_format("  %-12s%s\n  %-12s%s\n", "Store", result->target, "SHA-256",
                  bytes_hex(bytes_of(result->sha256, sizeof result->sha256), hex, sizeof hex));
    if (result->quarantine)
        output_format("  %-12s%s\n", "Quarantine", result->quarantine);
    if (result->set_aside)
        output_format("  %-12s%s\n", "Set aside", result->set_aside);
    if (result->backup)
        output_format("  %-12s%s\n", "Backup", result->backup);
    if (result->undo)
        output_format("  %-12s%s\n  %-12skmmigrate undo %s takes it back, until the service has "
                      "started on it\n",
                      "Undo file", result->undo, "", result->target);
}

void report_text(const struct assessment *a, enum report_kind kind,
                 const struct report_result *result)
{
    header_lines(a);
    verdict_line(a);
    if (a->discovery) {
        output_text("\nWhat discovery found\n");
        output_text(a->discovery);
    }
    problem_lines(&a->found, "What is wrong", false, true);
    if (assess_has_work(a))
        plan_lines(a, kind == REPORT_REPAIRED ? "What was done" : "What a repair does");
    if (a->has_model && judge_problems(&a->left) != VERDICT_YES)
        problem_lines(&a->left, "What stays open", false, false);
    problem_lines(&a->found, "Advice, which blocks nothing", true, false);
    if (result)
        result_lines(result);
    next_lines(a, kind);
}
