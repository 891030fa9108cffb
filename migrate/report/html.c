/* The page, and the file that it is written to: see html.h. */
#include "migrate/report/html.h"

#include "formats/fileio.h"
#include "formats/outfile.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/decide/refusal.h"
#include "migrate/report/html_parts.h"
#include "migrate/report/next.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 12, ACTIONS_SHOWN = 60 };

/* The first line of every page: what --force may replace. */
static const char mark[] = "<!DOCTYPE html><!-- kmmigrate -->\n";

static const char head[] =
    "<html lang=\"en\"><head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n";

static const char style[] =
    "<style>\n"
    "body{font:16px/1.4 sans-serif;margin:0 auto;max-width:76rem;padding:.5rem;color:#111;"
    "background:#fff}\n"
    "h1{font-size:1.4rem}h2{font-size:1.15rem;border-bottom:1px solid #888;margin-top:1.5rem}\n"
    ".verdict{border:3px solid #111;padding:.4rem .7rem;font-size:1.1rem;margin:.5rem 0}\n"
    ".yes{border-color:#080}.no{border-color:#b00}.doubt{border-color:#a60}\n"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;"
    "padding:.15rem .4rem;overflow-wrap:break-word}"
    "h1,p,li,.hex,.listed,.ca th,.settings td{overflow-wrap:anywhere}\n"
    "thead th{border-bottom:2px solid #111}tr.ca th{border-top:1px solid #888;padding-top:.4rem}\n"
    "tbody.many tr:not(.ca) th{border-left:4px solid #111}\n"
    ".listed{font-weight:normal}.hex,pre,code{font-family:monospace;font-size:.85rem}\n"
    "tr.goes .hex,tr.goes .listed{text-decoration:line-through}\n"
    "tr:not(.ca) th{white-space:normal;font-weight:bold}.settings th{width:12rem}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #888;padding:.5rem}\n"
    ".steps{list-style:none;padding-left:0}.steps li{margin:.4rem 0;padding-left:1.8rem;"
    "text-indent:-1.8rem;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".steps input{width:1.2rem;height:1.2rem;margin:0 .6rem 0 0;vertical-align:middle}\n"
    ".steps .note{text-indent:0}\n"
    "figure{margin:0 0 1rem}.trees{display:flex;flex-wrap:wrap;gap:1rem}\n"
    ".trees figure{flex:1 1 22rem;max-width:36rem}figcaption{font-weight:bold}\n"
    "svg{width:100%;height:auto;display:block}.bars{max-width:36rem}\n"
    "svg text{font:11px sans-serif;fill:#111}svg .name{font-size:12px;font-weight:bold}\n"
    "svg rect{fill:#fff;stroke:#111}.changed rect{fill:#e8f4e8;stroke-width:2}\n"
    ".goes rect{fill:#f8e4e4;stroke-dasharray:5 3}.goes text.name,.goes tspan.name"
    "{text-decoration:line-through}\n"
    ".gone rect{fill:none;stroke:#888;stroke-dasharray:2 4}.gone text{fill:#555}\n"
    ".edge,.arrow{fill:none;stroke:#111}.arrow{stroke-width:2}.head{fill:#111}\n"
    ".bars rect.valid{fill:#9c9;stroke-dasharray:none}.bars "
    "rect.invalid{fill:#fff;stroke-dasharray:4 3}\n"
    ".import{fill:#111}.now{stroke:#111;stroke-width:2;stroke-dasharray:6 2}\n"
    "@media(max-width:50rem){.list thead{display:none}.list,.list tbody,.list tr,.list th,"
    ".list td{display:block}.list td{overflow-wrap:anywhere;display:flex;gap:.5rem}.list "
    "td::before{content:"
    "attr(data-is) \":\";flex:0 0 6.5rem;color:#444}.list tr{border-bottom:1px solid #ccc}}\n"
    "@media print{body{font-size:10pt;max-width:none}section{break-inside:auto}figure,tr,"
    ".verdict,.steps li{break-inside:avoid}a{color:inherit}}\n"
    "</style>\n";

static void add(void *context, const char *bytes, size_t size)
{
    buffer_add(context, bytes_of(bytes, size));
}

void html_put(struct buffer *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    escape_format_as(add, page, ESCAPE_HTML, format, args);
    va_end(args);
}

/* ---- what others print ---- */

/* Text of several lines: the ends of lines are the only thing in it that stays as it is. */
static void put_lines(struct buffer *page, struct bytes text)
{
    while (text.size > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.size);
        size_t size = end ? (size_t)(end - text.at) : text.size;
        struct bytes piece;
        for (struct escape e = escape_of(bytes_of(text.at, size), ESCAPE_HTML);
             escape_next(&e, &piece);)
            buffer_add(page, piece);
        if (end)
            buffer_add_text(page, "\n");
        text = bytes_from(text, size + (end ? 1 : 0));
    }
}

/* ---- the sections ---- */

static const char *class_of(enum verdict verdict)
{
    return verdict == VERDICT_YES ? "yes" : verdict == VERDICT_NO ? "no" : "doubt";
}

static void put_verdict(struct buffer *page, const char *what, enum verdict verdict,
                        const char *words)
{
    html_put(page, "<p class=\"verdict %s\"><b>%s:</b> %s.</p>\n", class_of(verdict), what, words);
}

static void put_head(struct buffer *page, const struct assessment *a, enum report_kind kind)
{
    bool repaired = kind == REPORT_REPAIRED;
    enum verdict after = judge_problems(&a->left);
    buffer_add_text(page, mark);
    buffer_add_text(page, head);
    html_put(page, "<title>kmmigrate: %s</title>\n", a->store.path);
    buffer_add_text(page, style);
    html_put(page, "</head><body>\n<h1>%s%s</h1>\n",
             !repaired              ? "KM store "
             : after == VERDICT_YES ? "REPAIRED: KM store "
                                    : "REPAIRED IN PART: KM store ",
             a->store.path);
    put_verdict(page, repaired ? "Before the repair" : "Verdict", a->verdict,
                report_verdict_words(a->verdict));
    if (repaired)
        put_verdict(page, "After the repair", after, report_verdict_words(after));
    else if (assess_has_work(a) && refusal_of(a))
        html_put(page, "<p class=\"verdict doubt\"><b>A repair is not done:</b> %s.</p>\n",
                 refusal_of(a));
    else if (assess_has_work(a))
        put_verdict(page, "After the repair, which was not done yet", after,
                    report_verdict_words(after));
}

static void put_finding(struct buffer *page, const struct problem *p)
{
    const struct problem_kind *kind = problem_kind(p->code);
    html_put(page, "<li><b>%s</b>%s%s: %s<br>%s</li>\n", kind->code, kind->article ? ", " : "",
             kind->article ? kind->article : "", kind->title, p->evidence);
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
    html_put(page, "<section><h2>%s</h2>\n<p>Plan <code>%s</code></p>\n<ol>\n",
             kind == REPORT_REPAIRED ? "What was done"
             : refusal_of(a)         ? "What a repair would do, were it allowed"
                                     : "What a repair does",
             a->plan.id);
    for (size_t i = 0; i < a->plan.actions && i < ACTIONS_SHOWN; i++) {
        struct buffer text = {0};
        output_capture(&text);
        report_action(a, &a->plan.action[i]);
        output_capture(NULL);
        html_put(page, "<li>%s", a->plan.action[i].optional ? "<i>(not needed to start)</i> " : "");
        put_lines(page, buffer_bytes(&text));
        html_put(page, "</li>\n");
        page->failed = page->failed || text.failed;
        buffer_free(&text);
    }
    html_put(page, "</ol>\n");
    if (a->plan.actions > ACTIONS_SHOWN)
        html_put(page, "<p>And %zu more; repair --json lists all.</p>\n",
                 a->plan.actions - ACTIONS_SHOWN);
    html_put(page, "</section>\n");
}

/* A step begins at two spaces; what is further in belongs to the one before it. */
static void put_steps(struct buffer *page, struct bytes text)
{
    bool open = false;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.size);
        size_t size = end ? (size_t)(end - text.at) : text.size;
        struct bytes line = bytes_of(text.at, size);
        text = bytes_from(text, size + (end ? 1 : 0));
        bool further = line.size > 2 && line.at[2] == ' ';
        if (line.size < 3 || line.at[0] != ' ')
            continue; /* the heading */
        if (!further || !open)
            html_put(page, open ? "</label></li>\n<li><label><input type=\"checkbox\">"
                                : "<li><label><input type=\"checkbox\">");
        else
            buffer_add_text(page, "\n");
        open = true;
        put_lines(page, bytes_from(line, 2));
    }
    if (open)
        html_put(page, "</label></li>\n");
}

static void put_next(struct buffer *page, const struct assessment *a, enum report_kind kind,
                     const struct repair_result *result)
{
    struct buffer text = {0};
    output_capture(&text);
    report_next(a, kind, result);
    output_capture(NULL);
    html_put(page, "<section><h2>Next</h2>\n<ul class=\"steps\">\n");
    put_steps(page, buffer_bytes(&text));
    html_put(page, "</ul></section>\n");
    page->failed = page->failed || text.failed;
    buffer_free(&text);
}

/* The report as text. */
static void put_ticket(struct buffer *page, const struct assessment *a, enum report_kind kind,
                       const struct repair_result *result)
{
    struct buffer text = {0};
    output_capture(&text);
    report_text(a, kind, result);
    output_capture(NULL);
    html_put(page, "<section><h2>For a ticket</h2>\n<pre>");
    put_lines(page, buffer_bytes(&text));
    html_put(page, "</pre></section>\n");
    page->failed = page->failed || text.failed;
    buffer_free(&text);
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
    put_list(page, a);
    put_actions(page, a, kind);
    if (kind == REPORT_REPAIRED)
        put_findings(page, &a->left, false, "What is left");
    put_findings(page, &a->found, true, "Advice, which blocks nothing");
    put_next(page, a, kind, result);
    put_ticket(page, a, kind, result);
    html_put(page, "</body></html>\n");
}

/* ---- the file ---- */

/* The directory that a name is in, without links; false when there is none. */
static bool directory_of(const char *path, char to[PATH_MAX])
{
    char copy[PATH_MAX];
    return snprintf(copy, sizeof copy, "%s", path) < PATH_MAX && realpath(dirname(copy), to);
}

/* Is the page to be where the new store goes, or in it? */
static bool is_in_output(const struct html_options *o)
{
    char page[PATH_MAX], store[PATH_MAX], name[PATH_MAX], of_page[PATH_MAX];
    struct stat a, b;
    if (o->output == NULL)
        return false;
    if (!directory_of(o->path, page) || !directory_of(o->output, store))
        return strcmp(o->path, o->output) == 0;
    snprintf(name, sizeof name, "%s", o->output);
    snprintf(of_page, sizeof of_page, "%s", o->path);
    if (strcmp(page, store) == 0 && strcmp(basename(name), basename(of_page)) == 0)
        return true;
    return stat(page, &a) == 0 && stat(o->output, &b) == 0 && fileio_is_same(&a, &b);
}

/* What --force replaces is a page: nothing else is lost by a slip. */
static bool is_page_or_new(const char *path)
{
    char start[sizeof mark - 1];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return errno == ENOENT;
    bool same = fileio_read(file, start, sizeof start) == sizeof start &&
                memcmp(start, mark, sizeof start) == 0;
    close(file);
    return same;
}

static bool make_file(const struct assessment *a, const struct html_options *o,
                      struct outfile **out, struct fault *f)
{
    if (o->force && !is_page_or_new(o->path))
        return fault_set(f, FAULT_LIMIT,
                         "exists and is no page of this program; --force does not replace it");
    return outfile_create(o->path, ese_file_named_descriptor(a->store.db->file), o->force, out, f);
}

bool html_may_write(const struct assessment *a, const struct html_options *o)
{
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out = NULL;
    const char *path = o->path;
    if (path == NULL)
        return true;
    if (is_in_output(o)) {
        message_error("--html: %s is where the new store goes", path);
        return false;
    }
    const volatile sig_atomic_t *stop = message_watch_interrupt(); /* the file may have a name */
    bool ok = make_file(a, o, &out, &f);
    outfile_discard(out);
    message_end_on_interrupt();
    if (!ok)
        message_file(path, "%s; nothing was written", f.text);
    else if (*stop)
        message_error("cancelled; nothing was written");
    return ok && !*stop;
}

int html_write(const struct assessment *a, enum report_kind kind,
               const struct repair_result *result, const struct html_options *o)
{
    struct buffer page = {0};
    struct fault f = {.code = FAULT_NONE};
    struct outfile *out = NULL;
    if (o->path == NULL)
        return EXIT_CLEAN;
    make_page(&page, a, kind, result);
    message_watch_interrupt(); /* the file may have a name */
    bool ok = !page.failed || fault_set(&f, FAULT_NO_MEMORY, "out of memory for the page");
    ok = ok && make_file(a, o, &out, &f) && outfile_write(out, buffer_bytes(&page), &f) &&
         outfile_commit(out, &f);
    outfile_discard(out);
    message_end_on_interrupt();
    buffer_free(&page);
    if (!ok)
        message_file(o->path, "%s; the page was not written%s%s", f.text,
                     kind == REPORT_REPAIRED ? "; the repair was done: " : "; nothing was changed",
                     kind == REPORT_REPAIRED ? result->target : "");
    return ok ? EXIT_CLEAN : EXIT_TROUBLE;
}
