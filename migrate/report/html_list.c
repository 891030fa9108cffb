/* The list on the page: a table of the certificates, the settings, the dates as bars. */
#include "migrate/report/html_parts.h"

#include "migrate/console/words.h"
#include "migrate/judge/shown.h"

#include <inttypes.h>

/* An import date as seconds since 1970; false when there is none of years 1900 to 9999. */
static bool html_imported(const struct model_entry *e, int64_t *seconds)
{
    enum { DAYS_TO_1970 = 25569, DAY = 86400, YEARS_MOST = 2958465 /* 9999-12-31 */ };
    if (e == NULL || !e->has_imported || !(e->imported >= 1 && e->imported <= YEARS_MOST))
        return false;
    *seconds = (int64_t)((e->imported - DAYS_TO_1970) * DAY);
    return true;
}

/* ---- settings ---- */

static void setting(struct buffer *page, const char *name, const char *value, const char *after)
{
    html_put(page, "<tr><th scope=\"row\">%s</th><td>%s%s%s</td></tr>\n", name,
             value ? value : "not there", after ? ", then " : "", after ? after : "");
}

void html_settings(struct buffer *page, const struct picture *p)
{
    const struct model *m = &p->a->model;
    const char *mode = NULL, *issuing = NULL;
    for (size_t i = 0; p->has_plan && i < p->a->plan.actions; i++) {
        const struct action *action = &p->a->plan.action[i];
        if (action_effect(action->kind) != EFFECT_SETTING)
            continue;
        if (action_setting(action->kind) == SETTING_MODE)
            mode = model_mode_name(action->mode);
        else
            issuing = hash_words(action->value);
    }
    html_put(page, "<section><h2>Settings</h2>\n<table class=\"settings\"><tbody>\n");
    setting(page, "Organization", m->organization, NULL);
    setting(page, "Site", m->site, NULL);
    setting(page, "Certificate Server", m->server, NULL);
    setting(page, "Mode", model_mode_name(m->mode), mode);
    setting(page, "Issuing CA, thumbprint",
            m->has_issuing_ca ? hash_words(bytes_of(m->issuing_ca, HASH_SHA1_SIZE)) : NULL,
            issuing);
    html_put(page, "</tbody></table></section>\n");
}

/* ---- the table ---- */

static void outcome_cell(struct buffer *page, const struct picture *p,
                         const struct picture_row *row)
{
    html_put(page, "<td data-is=\"Outcome\"><span>");
    if (row->drop && row->survivor != PICTURE_NOTHING)
        html_put(page, "<b>goes</b>: %s; entry %d stays", row->drop->why,
                 p->row[row->survivor].entry->key);
    else if (row->drop)
        html_put(page, "<b>goes</b>: %s", row->drop->why);
    else if (row->entry == NULL)
        html_put(page, "<b>is added</b>");
    else
        html_put(page, row->changed ? "<b>stays</b>, changed" : "stays");
    if (row->above)
        html_put(page, "; %s", row->above);
    html_put(page, "</span></td>");
}

static void changed_cell(struct buffer *page, const char *name, const char *before,
                         const char *after, bool differ)
{
    html_put(page, "<td data-is=\"%s\"><span>%s%s%s</span></td>", name, before,
             differ ? ", then " : "", differ ? after : "");
}

static void references_cell(struct buffer *page, const struct picture *p,
                            const struct picture_row *row)
{
    html_put(page, "<td data-is=\"References\"><span>%" PRIu64, row->references);
    if (p->has_plan && row->references_after != row->references)
        html_put(page, ", then %" PRIu64, row->references_after);
    html_put(page, "</span></td>");
}

static void dates_cells(struct buffer *page, const struct picture *p, const struct picture_row *row)
{
    const struct model_certificate *cert = &p->a->model.certificate[row->certificate];
    int64_t imported = 0;
    bool known = html_imported(row->entry, &imported);
    html_put(page, "<td data-is=\"Imported\"><span class=\"day\">%.10s</span></td>",
             report_time(known, imported));
    if (cert->parsed)
        html_put(page,
                 "<td data-is=\"Valid\"><span><span class=\"day\">%.10s</span> to "
                 "<span class=\"day\">%.10s</span></span></td>",
                 report_time(cert->x509.not_before.known, cert->x509.not_before.seconds),
                 report_time(cert->x509.not_after.known, cert->x509.not_after.seconds));
    else
        html_put(page, "<td data-is=\"Valid\"><span>unknown</span></td>");
}

/* bracket: where it stands among the entries of one CA. */
static void table_row(struct buffer *page, const struct picture *p, const struct picture_row *row,
                      const char *bracket)
{
    const struct model_certificate *cert = &p->a->model.certificate[row->certificate];
    char name[SHOWN_NAME];
    html_put(page, "<tr class=\"%s\"><th scope=\"row\">%s entry %d", row->drop ? "goes" : "stays",
             bracket, row->entry ? row->entry->key : row->key_after);
    if (row->entry && row->entry->name)
        html_put(page, " <span class=\"listed\">%s</span>",
                 shown_name(&p->a->model, row->entry->name, name));
    html_put(page, "</th>");
    outcome_cell(page, p, row);
    changed_cell(page, "Role", row->entry ? model_role_name(row->role) : "none",
                 model_role_name(row->role_after), row->role != row->role_after);
    changed_cell(page, "Trust", row->entry ? model_trust_name(row->trust) : "none",
                 model_trust_name(row->trust_after), row->trust != row->trust_after);
    dates_cells(page, p, row);
    references_cell(page, p, row);
    html_put(page, "<td data-is=\"Thumbprint\"><span class=\"hex\">%s</span></td></tr>\n",
             hash_words(bytes_of(cert->sha1, sizeof cert->sha1)));
}

/* Those of one CA that are drawn, or those that are not. */
static unsigned count_of(const struct picture *p, unsigned first, unsigned end, bool drawn)
{
    unsigned count = 0;
    for (unsigned i = first; i < end; i++)
        count += p->row[i].drawn == drawn;
    return count;
}

static void table_group(struct buffer *page, const struct picture *p, unsigned first, unsigned end,
                        bool drawn)
{
    unsigned count = count_of(p, first, end, drawn), done = 0;
    char name[512];
    if (count == 0)
        return;
    html_put(page, "<tbody class=\"%s\"><tr class=\"ca\"><th colspan=\"8\" scope=\"rowgroup\">%s",
             end - first > 1 ? "many" : "one", picture_name(p, &p->row[first], name, sizeof name));
    if (end - first > 1)
        html_put(page, " <small>%u entries of this CA</small>", end - first);
    html_put(page, "</th></tr>\n");
    for (unsigned i = first; i < end; i++) {
        if (p->row[i].drawn != drawn)
            continue;
        done++;
        table_row(page, p, &p->row[i],
                  count == 1      ? ""
                  : done == 1     ? "\xe2\x94\x8c"
                  : done == count ? "\xe2\x94\x94"
                                  : "\xe2\x94\x9c");
    }
    html_put(page, "</tbody>\n");
}

static void table_of(struct buffer *page, const struct picture *p, bool drawn)
{
    html_put(page, "<table class=\"list\"><thead><tr><th scope=\"col\">Entry</th>"
                   "<th scope=\"col\">Outcome</th><th scope=\"col\">Role</th>"
                   "<th scope=\"col\">Trust</th><th scope=\"col\">Imported</th>"
                   "<th scope=\"col\">Valid</th><th scope=\"col\">References</th>"
                   "<th scope=\"col\">Thumbprint (SHA-1)</th></tr></thead>\n");
    for (unsigned first = 0, end; first < p->rows; first = end) {
        for (end = first + 1; end < p->rows && p->row[first].ca != PICTURE_NOTHING &&
                              p->row[end].ca == p->row[first].ca;)
            end++;
        table_group(page, p, first, end, drawn);
    }
    html_put(page, "</table>\n");
}

void html_table(struct buffer *page, const struct picture *p)
{
    html_put(page, "<section><h2>The certificate list</h2>\n");
    if (p->rows == 0)
        html_put(page, "<p>It has no entries.</p>\n");
    if (p->drawn > 0)
        table_of(page, p, true);
    if (p->drawn < p->rows) {
        html_put(page, "<details><summary>%u more %s</summary>\n", p->rows - p->drawn,
                 plural(p->rows - p->drawn, "entry", "entries"));
        table_of(page, p, false);
        html_put(page, "</details>\n");
    }
    html_put(page, "</section>\n");
}

/* ---- bars ---- */

enum { WIDE = 400, EDGE = 6, TOP = 24, HIGH = 40, BAR = 10, LETTERS = 34 };

/* The years that the bars show: around the store's own time, so that a certificate which is valid
 * until 9999 does not make all others dots. */
struct axis {
    int64_t from, to;
};

enum { AROUND = 40 * 366 * 86400 };

static void stretch(struct axis *axis, bool known, int64_t seconds)
{
    if (known && seconds < axis->from)
        axis->from = seconds;
    if (known && seconds > axis->to)
        axis->to = seconds;
}

static struct axis axis_of(const struct picture *p)
{
    struct axis axis = {INT64_MAX, INT64_MIN};
    int64_t imported = 0, middle;
    const struct model *m = &p->a->model;
    stretch(&axis, m->now_known, m->now);
    for (unsigned i = 0; i < p->rows; i++) {
        const struct model_certificate *cert = &m->certificate[p->row[i].certificate];
        if (!p->row[i].drawn)
            continue;
        if (cert->parsed) {
            stretch(&axis, cert->x509.not_before.known, cert->x509.not_before.seconds);
            stretch(&axis, cert->x509.not_after.known, cert->x509.not_after.seconds);
        }
        if (html_imported(p->row[i].entry, &imported))
            stretch(&axis, true, imported);
    }
    if (axis.from > axis.to)
        return axis;
    middle = m->now_known ? m->now : axis.from;
    if (axis.from < middle - AROUND)
        axis.from = middle - AROUND;
    if (axis.to > middle + AROUND)
        axis.to = middle + AROUND;
    if (axis.to == axis.from)
        axis.to++;
    return axis;
}

static int place_of(const struct axis *axis, int64_t seconds)
{
    if (seconds <= axis->from)
        return EDGE;
    if (seconds >= axis->to)
        return WIDE - EDGE;
    return EDGE + (int)((seconds - axis->from) * (WIDE - 2 * EDGE) / (axis->to - axis->from));
}

static const char *standing(const struct model *m, const struct x509_certificate *x509)
{
    if (m->now_known && x509->not_after.known && x509->not_after.seconds < m->now)
        return ", expired";
    if (m->now_known && x509->not_before.known && x509->not_before.seconds > m->now)
        return ", not yet valid";
    return "";
}

static void bar(struct buffer *page, const struct picture *p, const struct picture_row *row,
                const struct axis *axis, unsigned y)
{
    const struct model_certificate *cert = &p->a->model.certificate[row->certificate];
    const struct x509_certificate *x509 = &cert->x509;
    char name[512];
    int64_t imported = 0;
    bool known = cert->parsed && x509->not_before.known && x509->not_after.known;
    html_put(page, "<g class=\"%s\"><text x=\"%d\" y=\"%u\"><tspan class=\"name\">%d %.*s</tspan>",
             row->drop ? "goes" : "stays", EDGE, y + 12,
             row->entry ? row->entry->key : row->key_after, LETTERS,
             picture_name(p, row, name, sizeof name));
    if (!known) {
        html_put(page, " dates unknown</text></g>\n");
        return;
    }
    html_put(page, " %.4s to %.4s%s%s</text>", report_time(true, x509->not_before.seconds),
             report_time(true, x509->not_after.seconds), standing(&p->a->model, x509),
             row->drop ? ", goes" : "");
    int left = place_of(axis, x509->not_before.seconds);
    int right = place_of(axis, x509->not_after.seconds);
    html_put(page, "<rect class=\"%s\" x=\"%d\" y=\"%u\" width=\"%d\" height=\"%d\"/>",
             standing(&p->a->model, x509)[0] ? "invalid" : "valid", left, y + 18,
             right > left ? right - left : 1, BAR);
    if (html_imported(row->entry, &imported))
        html_put(page, "<path class=\"import\" d=\"M%d %u l5 8 h-10 z\"/>",
                 place_of(axis, imported), y + 24);
    html_put(page, "</g>\n");
}

void html_bars(struct buffer *page, const struct picture *p)
{
    struct axis axis = axis_of(p);
    const struct model *m = &p->a->model;
    const char *from = report_time(true, axis.from), *to = report_time(true, axis.to);
    unsigned y = TOP, high = TOP + p->drawn * HIGH + 4;
    if (axis.from > axis.to)
        return;
    html_put(
        page,
        "<section><h2>When they are valid</h2>\n<p>From %.10s to %.10s. %s %.10s%s A triangle: "
        "imported then. A dashed bar: not valid at that time.</p>\n<svg class=\"bars\" "
        "xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" role=\"img\" "
        "aria-label=\"Validity\">\n",
        from, to,
        m->now_known ? "The line across is the time judged by, the store's own or the one "
                       "given with --at:"
                     : "The store's own time is",
        report_time(m->now_known, m->now), ".", WIDE, high);
    html_put(page,
             "<text x=\"%d\" y=\"14\">%.4s</text><text x=\"%d\" y=\"14\" "
             "text-anchor=\"end\">%.4s</text>\n",
             EDGE, from, WIDE - EDGE, to);
    for (unsigned i = 0; i < p->rows; i++)
        if (p->row[i].drawn) {
            bar(page, p, &p->row[i], &axis, y);
            y += HIGH;
        }
    if (m->now_known)
        html_put(page, "<path class=\"now\" d=\"M%d %d V%u\"/>\n", place_of(&axis, m->now), TOP - 4,
                 high);
    html_put(page, "</svg></section>\n");
}
