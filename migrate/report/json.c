/* The report as JSON: everything in full.  The schema is documented in kmmigrate(8). */
#include "formats/certs/name.h"
#include "migrate/decide/refusal.h"
#include "migrate/judge/evidence.h"
#include "migrate/report/report.h"
#include "migrate/rescue/recovery.h"
#include "migrate/report/repair_salvaged.h"
#include "migrate/report/settings.h"
#include "migrate/report/storefacts.h"

#include <stdlib.h>

/* A name in full, however long. */
static void member_name(struct json *json, const char *key, struct bytes name)
{
    size_t size = name_text(name, NULL, 0) + 1;
    char *text = malloc(size);
    if (text)
        name_text(name, text, size);
    json_put_text(json, key, text);
    free(text);
}

static void recovered_members(struct json *json, const struct recovery *r)
{
    if (r == NULL)
        return;
    json_put_map(json, "recovered");
    json_put_integer(json, "first_generation", r->summary.first);
    json_put_integer(json, "last_generation", r->summary.last);
    json_put_integer(json, "redone", (int64_t)r->summary.redone);
    json_put_integer(json, "undone_changes", (int64_t)r->summary.undone_changes);
    json_put_bool(json, "newest_missing", r->logs.verdict.newest_missing);
    json_put_text(json, "loss", r->loss.code ? r->loss.text : NULL);
    json_end_map(json);
}

static void store_members(struct json *json, const struct assessment *a)
{
    recovered_members(json, a->options->recovered);
    salvaged_members(json, a);
    assess_store_json(json, a);
}

static void profile_members(struct json *json, const struct assessment *a)
{
    json_key(json, "profile");
    if (a->match == PROFILE_NO_MATCH) {
        json_null(json);
        return;
    }
    json_map(json);
    json_put_text(json, "name", a->profile.name);
    json_put_bool(json, "reconstruction", a->profile.reconstruction);
    json_put_text(json, "how", a->profile_how);
    json_put_text(json, "list", a->match == PROFILE_MATCHES_ROWS ? "rows" : "value");
    json_end_map(json);
}

static void list_members(struct json *json, const struct assessment *a)
{
    const struct model *m = &a->model;
    json_put_map(json, "list");
    json_put_text(json, "mode", model_mode_name(m->mode));
    json_put_integer(json, "entries", m->entries);
    json_put_integer(json, "distinct_certificates", m->listed);
    json_put_integer(json, "references", (int64_t)m->rows_read);
    json_put_time(json, "judged_as_of", m->now_known, m->now, m->now_utc);
    json_end_map(json);
}

/* All entries that a finding names, in their order. */
static void entry_members(struct json *json, const struct problem *p)
{
    if (p->names == 0 && p->entry[0] == NO_ENTRY && p->entry[1] == NO_ENTRY)
        return;
    json_put_array(json, "entries");
    for (size_t i = 0; i < p->names; i++)
        json_integer(json, p->named[i]);
    for (int k = 0; p->names == 0 && k < 2; k++)
        if (p->entry[k] != NO_ENTRY)
            json_integer(json, p->entry[k]);
    json_end_array(json);
}

/* What the evidence says, for programs. */
static void fact_members(struct json *json, const struct problem *p)
{
    if (p->facts == 0)
        return;
    json_put_map(json, "facts");
    for (unsigned i = 0; i < p->facts; i++) {
        const char *word = fact_word(p->fact[i].name);
        if (word && p->fact[i].is_text)
            json_put_text(json, word, p->fact[i].text);
        else if (word)
            json_put_integer(json, word, p->fact[i].number);
    }
    json_end_map(json);
}

static void problem_members(struct json *json, const char *key, const struct problems *problems,
                            bool with_repair)
{
    static const char *const severities[] = {"fatal", "doubt", "advice"};
    json_put_array(json, key);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->item[i];
        const struct problem_kind *kind = problem_kind(p->code);
        json_map(json);
        json_put_text(json, "code", kind->code);
        json_put_text(json, "severity", severities[kind->severity]);
        if (kind->rule)
            json_put_text(json, "rule", kind->rule);
        if (kind->article)
            json_put_text(json, "article", kind->article);
        json_put_text(json, "title", kind->title);
        json_put_text(json, "evidence", p->evidence);
        fact_members(json, p);
        json_put_integer(json, "count", (int64_t)p->count);
        entry_members(json, p);
        if (with_repair) {
            json_put_text(json, "repair", kind->repair);
            json_put_bool(json, "repairable", p->repairable);
        }
        json_end_map(json);
    }
    json_end_array(json);
}

static void certificate_members(struct json *json, const struct model *m, unsigned number)
{
    const struct model_certificate *cert = &m->certificate[number];
    json_put_map(json, "certificate");
    json_put_hex(json, "thumbprint", bytes_of(cert->sha1, sizeof cert->sha1));
    json_put_hex(json, "sha256", bytes_of(cert->sha256, sizeof cert->sha256));
    if (cert->parsed) {
        json_put_hex(json, "serial", cert->x509.serial);
        member_name(json, "subject", cert->x509.subject);
        member_name(json, "issuer", cert->x509.issuer);
        json_put_time(json, "not_before", cert->x509.not_before.known,
                      cert->x509.not_before.seconds, true);
        json_put_time(json, "not_after", cert->x509.not_after.known, cert->x509.not_after.seconds,
                      true);
        json_put_integer(json, "version", cert->x509.version);
    }
    json_end_map(json);
}

static void plan_members(struct json *json, const struct assessment *a)
{
    const char *refusal = refusal_of(a);
    json_put_map(json, "plan");
    json_put_text(json, "id", a->has_model ? a->plan.id : NULL);
    if (a->has_model && a->plan.decisions)
        json_put_text(json, "decisions", a->plan.decisions);
    json_put_bool(json, "allowed", refusal == NULL);
    if (refusal)
        json_put_text(json, "reason", refusal);
    json_put_array(json, "actions");
    for (size_t i = 0; a->has_model && i < a->plan.actions; i++) {
        const struct action *action = &a->plan.action[i];
        char text[600];
        json_map(json);
        json_put_text(json, "action", action_name(action->kind));
        action_members(&a->model, action, json);
        if (action_shows_certificate(action->kind))
            certificate_members(json, &a->model, action->certificate);
        json_put_bool(json, "needed", !action->optional);
        json_put_text(json, "why", action->why);
        action_canonical(&a->model, action, text, sizeof text);
        json_put_text(json, "canonical", action_is_secret(&a->model, action) ? NULL : text);
        json_end_map(json);
    }
    json_end_array(json);
    json_end_map(json);
}

static void result_members(struct json *json, const struct assessment *a,
                           const struct repair_result *result)
{
    json_put_map(json, "written");
    json_put_text(json, "path", result->target);
    json_put_hex(json, "sha256", bytes_of(result->sha256, sizeof result->sha256));
    json_put_text(json, "verdict", verdict_name(judge_problems(&a->left)));
    json_put_text(json, "quarantine", result->quarantine);
    json_put_text(json, "set_aside", result->set_aside);
    json_put_text(json, "backup", result->backup);
    json_put_text(json, "undo", result->undo);
    json_put_text(json, "permissions", result->narrower ? "narrower" : "kept");
    json_end_map(json);
}

void report_json(struct json *json, const struct assessment *a, enum report_kind kind,
                 const struct repair_result *result)
{
    static const char *const kinds[] = {"check", "plan", "repaired"};
    json_put_text(json, "program", "kmmigrate " KM_VERSION);
    json_put_text(json, "report", kinds[kind]);
    store_members(json, a);
    profile_members(json, a);
    if (a->discovery)
        json_put_text(json, "discovery", a->discovery);
    json_put_text(json, "verdict", verdict_name(a->verdict));
    foretold_members(json, a);
    if (a->has_model)
        settings_json(json, &a->model);
    if (a->has_model)
        list_members(json, a);
    problem_members(json, "problems", &a->found, a->has_model);
    plan_members(json, a);
    if (a->has_model)
        problem_members(json, "left", &a->left, false);
    if (result)
        result_members(json, a, result);
}
