/* The page of a report: see html.h. */
#include "migrate/report/html.h"

#include "migrate/console/output.h"
#include "migrate/decide/refusal.h"
#include "migrate/judge/evidence.h"
#include "migrate/report/html_parts.h"
#include "migrate/report/next.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { SHOWN = 12, ACTIONS_SHOWN = 60 };

/* ---- the sections ---- */

static void put_head(struct buffer *page, const struct assessment *a, enum report_kind kind)
{
    bool repaired = kind == REPORT_REPAIRED;
    enum verdict after = judge_problems(&a->left);
    char before_it[64], after_it[64], not_yet[64];
    snprintf(before_it, sizeof before_it, "Before %s", report_deed(a));
    snprintf(after_it, sizeof after_it, "After %s", report_deed(a));
    snprintf(not_yet, sizeof not_yet, "After %s, which was not done yet", report_deed(a));
    html_begin(page, a->store.path);
    html_put(page, "<h1>%sKM store %s</h1>\n", repaired ? report_outcome(a) : "", a->store.path);
    html_verdict(page, repaired ? before_it : "Verdict", a->verdict,
                 report_verdict_words(a->verdict));
    if (repaired)
        html_verdict(page, after_it, after, report_verdict_words(after));
    else if (assess_has_work(a) && refusal_of(a))
        html_put(page, "<p class=\"verdict doubt\"><b>A repair is not done:</b> %s.</p>\n",
                 refusal_of(a));
    else if (assess_has_work(a))
        html_verdict(page, not_yet, after, report_verdict_words(after));
}

/* What the sentence rests on, each by its name in the JSON. */
static void put_facts(struct buffer *page, const struct problem *p)
{
    const char *before = "<br><small>";
    for (unsigned i = 0; i < p->facts; i++) {
        const char *word = fact_word(p->fact[i].name);
        if (word == NULL)
            continue;
        buffer_add_text(page, before);
        if (p->fact[i].is_text)
            html_put(page, "%s: %s", word, p->fact[i].text);
        else
            html_put(page, "%s: %" PRId64, word, p->fact[i].number);
        before = "; ";
    }
    if (before[0] != '<')
        buffer_add_text(page, "</small>");
}

static void put_finding(struct buffer *page, const struct problem *p)
{
    const struct problem_kind *kind = problem_kind(p->code);
    html_put(page, "<li><b>%s</b>%s%s: %s<br>%s", kind->code, kind->article ? ", " : "",
             kind->article ? kind->article : "", kind->title, p->evidence);
    put_facts(page, p);
    html_put(page, "</li>\n");
}

/* Of many of one code the first few, then their number. */
static void put_findings(struct buffer *page, const struct problems *found, bool advice,
                         const char *heading)
{
    unsigned shown[PROBLEM_CODES] = {0};
    bool any = false;
    for (size_t i = 0; i < found->count; i++) {
        const struct problem *p = &found->item[i];
        if ((problem_kind(p->code)->severity == PROBLEM_ADVICE) != advice)
            continue;
        if (!any)
            html_put(page, "<section><h2>%s</h2>\n<ul>\n", heading);
        any = true;
        if (shown[p->code]++ < SHOWN)
            put_finding(page, p);
    }
    for (unsigned code = 0; code < PROBLEM_CODES; code++)
        if (shown[code] > SHOWN)
            html_put(page, "<li>%s: and %u more; check --json lists all</li>\n",
                     problem_kind((enum problem_code)code)->code, shown[code] - SHOWN);
    if (any)
        html_put(page, "</ul></section>\n");
}

static void put_actions(struct buffer *page, const struct assessment *a, enum report_kind kind)
{
    if (!assess_has_work(a))
        return;
    html_put(page, "<section><h2>%s</h2>\n<p>Plan <code>%s</code></p>\n",
             report_plan_heading(a, kind), a->plan.id);
    if (a->made_anew)
        html_put(page, "<p>%s</p>\n", report_made_anew(a));
    buffer_add_text(page, a->plan.actions ? "<ol>\n" : "");
    for (size_t i = 0; i < a->plan.actions && i < ACTIONS_SHOWN; i++) {
        struct buffer text = {0};
        output_capture(&text);
        report_action(a, &a->plan.action[i]);
        html_put(page, a->plan.action[i].optional ? "<li><i>(not needed to start)</i> " : "<li>");
        html_captured(page, &text, html_lines);
        html_put(page, "</li>\n");
    }
    buffer_add_text(page, a->plan.actions ? "</ol>\n" : "");
    if (a->plan.actions > ACTIONS_SHOWN)
        html_put(page, "<p>And %zu more; repair --json lists all.</p>\n",
                 a->plan.actions - ACTIONS_SHOWN);
    html_put(page, "</section>\n");
}

static void put_next(struct buffer *page, const struct assessment *a, enum report_kind kind,
                     const struct repair_result *result)
{
    struct buffer text = {0};
    output_capture(&text);
    report_next(a, kind, result);
    html_put(page, "<section><h2>Next</h2>\n<ul class=\"steps\">\n");
    html_captured(page, &text, html_steps);
    html_put(page, "</ul></section>\n");
}

/* The report as text. */
static void put_ticket(struct buffer *page, const struct assessment *a, enum report_kind kind,
                       const struct repair_result *result)
{
    struct buffer text = {0};
    output_capture(&text);
    report_text(a, kind, result);
    html_put(page, "<section><h2>For a ticket</h2>\n<pre>");
    html_captured(page, &text, html_lines);
    html_put(page, "</pre></section>\n");
}

static void put_list(struct buffer *page, const struct assessment *a)
{
    struct picture picture;
    if (!a->has_model) {
        html_put(page, "<p>The certificate list was not read; what stands against it is said "
                       "above and below.</p>\n");
        return;
    }
    if (picture_open(&picture, a)) {
        html_trees(page, &picture);
        html_table(page, &picture);
        html_bars(page, &picture);
        html_settings(page, &picture);
    } else {
        page->failed = true;
    }
    picture_close(&picture);
}

static void make_page(struct buffer *page, const struct assessment *a, enum report_kind kind,
                      const struct repair_result *result)
{
    put_head(page, a, kind);
    put_findings(page, &a->found, false, "What is wrong");
    if (a->options->salvaged)
        html_salvaged(page, a->options->salvaged);
    put_list(page, a);
    put_actions(page, a, kind);
    if (kind == REPORT_REPAIRED)
        put_findings(page, &a->left, false, "What is left");
    put_findings(page, &a->found, true, "Advice, which blocks nothing");
    put_next(page, a, kind, result);
    put_ticket(page, a, kind, result);
    html_end(page);
}

int html_write(const struct assessment *a, enum report_kind kind,
               const struct repair_result *result, const struct html_options *o)
{
    struct buffer page = {0};
    char done[PATH_MAX + 40] = "nothing was changed";
    if (o->path == NULL)
        return EXIT_CLEAN;
    make_page(&page, a, kind, result);
    if (kind == REPORT_REPAIRED)
        snprintf(done, sizeof done, "the repair was done: %s", result->target);
    int status =
        html_write_page(&page, ese_file_named_descriptor(a->store.db->file), o, done, a->notes);
    buffer_free(&page);
    return status;
}
