/* The page of a salvage: see html.h. */
#include "migrate/report/html_parts.h"

#include "migrate/console/output.h"
#include "migrate/console/words.h"
#include "migrate/report/salvage_report.h"
#include "migrate/report/salvage_tables.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TABLES_SHOWN = 30 };

static void put_head(struct buffer *page, struct salvaging *x, const struct salvage_list *of)
{
    char words[200 + SALVAGING_PERHAPS];
    html_begin(page, x->store.path);
    html_put(page, "<h1>%s%s</h1>\n", x->options->output ? "SALVAGED: " : "Salvage of ",
             x->store.path);
    if (salvaging_is_sound(x)) {
        html_verdict(page, "Salvage", VERDICT_YES,
                     "nothing is damaged, and nothing has to be salvaged");
        return;
    }
    if (of->table) {
        snprintf(words, sizeof words,
                 "%s: %s kept, %" PRIu64 " doubtful, %" PRIu64 " known to be lost%s",
                 of->whole ? "whole" : "NOT whole", counted(of->table->kept, "entry", "entries"),
                 of->table->doubtful, of->table->lost, salvaging_perhaps(of->table->perhaps_lost));
        html_verdict(page, "The certificate list", of->whole ? VERDICT_YES : VERDICT_NO, words);
        html_verdict(page, "The settings", of->settings_whole ? VERDICT_YES : VERDICT_NO,
                     of->settings_whole ? "whole" : "NOT whole");
        html_verdict(page, "What refers to the list",
                     of->references_whole ? VERDICT_YES : VERDICT_NO,
                     of->references_whole ? "whole" : "NOT whole");
    }
    snprintf(words, sizeof words,
             "%s kept, %" PRIu64 " doubtful, %" PRIu64 " known to be lost; %s of rows lost%s",
             counted(SALVAGING_SUM(&x->result, kept), "row", "rows"),
             SALVAGING_SUM(&x->result, doubtful), SALVAGING_SUM(&x->result, lost),
             counted(SALVAGING_SUM(&x->result, pages_lost), "page", "pages"),
             salvaging_perhaps(SALVAGING_SUM(&x->result, perhaps_lost)));
    html_verdict(page, "In all tables", salvaging_has_loss(x) ? VERDICT_CANNOT_TELL : VERDICT_YES,
                 words);
}

/* ---- tables ---- */

static void number_cell(struct buffer *page, const char *what, uint64_t number)
{
    html_put(page, "<td data-is=\"%s\">%" PRIu64 "</td>", what, number);
}

static void table_row(struct buffer *page, const struct ese_salvage_table *t)
{
    html_put(page, "<tr><th scope=\"row\">%s</th>", t->name);
    number_cell(page, "Kept", t->kept);
    number_cell(page, "Doubtful", t->doubtful);
    number_cell(page, "Lost", t->lost);
    number_cell(page, "May be lost", t->perhaps_lost);
    number_cell(page, "Cut", t->cut);
    number_cell(page, "Pages lost", t->pages_lost);
    number_cell(page, "Older", t->older);
    number_cell(page, "Missing", t->entries_missing);
    html_put(page, "</tr>\n");
}

static void tables_begin(struct buffer *page)
{
    html_put(page, "<table class=\"list\"><thead><tr><th scope=\"col\">Table</th>"
                   "<th scope=\"col\">Rows kept</th><th scope=\"col\">Doubtful</th>"
                   "<th scope=\"col\">Known to be lost</th>"
                   "<th scope=\"col\">At least so many more may be lost</th>"
                   "<th scope=\"col\">Kept without a long value</th>"
                   "<th scope=\"col\">Pages of rows lost</th>"
                   "<th scope=\"col\">Older versions</th>"
                   "<th scope=\"col\">Index entries missing</th></tr></thead>\n<tbody>\n");
}

static bool put_tables(struct buffer *page, const struct salvaging *x,
                       const struct salvage_list *of)
{
    const struct ese_salvage_table **order = salvage_tables_worst_first(x);
    unsigned done = 0, tables = x->result.tables;
    if (order == NULL)
        return false;
    html_put(page, "<section><h2>What was kept, what is doubtful, what is lost</h2>\n");
    if (ese_salvage_scan(x->salvage)->dirty)
        html_put(page, "<p>The database was not shut down cleanly, and which of its changes were "
                       "committed cannot be seen: every row is uncertain to that extent; what "
                       "only its logs have is missing.</p>\n");
    else if (ese_salvage_scan(x->salvage)->newer)
        html_put(page, "<p>The header says that the database was shut down cleanly, but pages are "
                       "newer than it, and which of its changes were committed cannot be seen: "
                       "every row is uncertain to that extent; what only its logs have is "
                       "missing.</p>\n");
    tables_begin(page);
    if (of->table)
        table_row(page, of->table);
    for (unsigned i = 0; i < tables; i++) {
        if (order[i] == of->table)
            continue;
        if (++done == TABLES_SHOWN)
            html_put(page, "</tbody></table>\n<details><summary>%s</summary>\n",
                     counted(tables - i, "more table", "more tables"));
        if (done == TABLES_SHOWN)
            tables_begin(page);
        table_row(page, order[i]);
    }
    html_put(page, "</tbody></table>%s\n</section>\n", done >= TABLES_SHOWN ? "</details>" : "");
    free(order);
    return true;
}

/* ---- rows ---- */

static const char *table_name(const struct salvaging *x, uint32_t objid)
{
    for (unsigned i = 0; i < x->result.tables; i++)
        if (x->result.table[i].objid == objid)
            return x->result.table[i].name;
    return "unknown";
}

static void put_rows(struct buffer *page, const struct salvaging *x)
{
    if (x->names == 0)
        return;
    html_put(page,
             "<section><h2>Rows that are doubtful or lost</h2>\n<p>The first %d of each table%s%s."
             "</p>\n<table class=\"list\"><thead><tr><th scope=\"col\">Table</th>"
             "<th scope=\"col\">Row</th><th scope=\"col\">Page</th><th scope=\"col\">What</th>"
             "<th scope=\"col\">Why</th></tr></thead>\n<tbody>\n",
             SALVAGING_NAMED_MOST, x->options->output ? "; all are in " : "",
             x->options->output ? x->files.lines_name : "");
    for (size_t i = 0; i < x->names; i++) {
        const struct salvaging_named *n = &x->named[i];
        char number[16] = "-"; /* of a row that only an index knows */
        if (n->page)
            snprintf(number, sizeof number, "%u", n->page);
        html_put(page,
                 "<tr><th scope=\"row\">%s</th><td data-is=\"Row\">%s</td>"
                 "<td data-is=\"Page\">%s</td><td data-is=\"What\">%s</td>"
                 "<td data-is=\"Why\">%s</td></tr>\n",
                 table_name(x, n->objid), n->key, number, ese_salvage_kind_name(n->kind),
                 n->reason[0] ? n->reason : "-");
    }
    html_put(page, "</tbody></table></section>\n");
}

/* ---- the rest ---- */

static void put_written(struct buffer *page, const struct salvaging *x)
{
    struct buffer text = {0};
    if (x->options->output == NULL)
        return;
    output_capture(&text);
    salvage_report_written(x);
    html_put(page, "<section><h2>What was written</h2>\n<p>");
    html_captured(page, &text, html_lines);
    html_put(page, "</p></section>\n");
}

static void put_next(struct buffer *page, struct salvaging *x)
{
    struct buffer text = {0};
    if (x->options->output == NULL && salvaging_is_sound(x))
        return;
    output_capture(&text);
    salvage_report_next(x);
    html_put(page, "<section><h2>Next</h2>\n<ul class=\"steps\"><li><label>"
                   "<input type=\"checkbox\">");
    html_captured(page, &text, html_lines);
    html_put(page, "</label></li></ul></section>\n");
}

/* The report as text. */
static bool put_ticket(struct buffer *page, struct salvaging *x)
{
    struct buffer text = {0};
    output_capture(&text);
    bool ok = salvage_report_text(x);
    html_put(page, "<section><h2>For a ticket</h2>\n<pre>");
    html_captured(page, &text, html_lines);
    html_put(page, "</pre></section>\n");
    return ok;
}

void html_salvaged(struct buffer *page, const struct salvaging *x)
{
    struct salvage_list of;
    if (!salvage_list_of(x, &of) || !put_tables(page, x, &of))
        page->failed = true;
    put_rows(page, x);
}

static bool make_page(struct buffer *page, struct salvaging *x)
{
    struct salvage_list of;
    if (!salvage_list_of(x, &of))
        return false;
    put_head(page, x, &of);
    html_salvaged(page, x);
    put_written(page, x);
    put_next(page, x);
    bool ok = put_ticket(page, x);
    html_end(page);
    return ok;
}

int html_write_salvage(struct salvaging *x, const struct html_options *o)
{
    struct buffer page = {0};
    char done[PATH_MAX + 40] = "nothing was changed";
    if (o->path == NULL)
        return EXIT_CLEAN;
    page.failed = !make_page(&page, x) || page.failed;
    if (x->options->output)
        snprintf(done, sizeof done, "the salvage was done: %s", x->options->output);
    int status = html_write_page(&page, x->like, o, done, x->notes);
    buffer_free(&page);
    return status;
}
