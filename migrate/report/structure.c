/* Reporting the structural check: see structure.h. */
#include "migrate/report/structure.h"

#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/value.h"

#include <inttypes.h>

enum { SHOWN_OF_A_RULE = 20 };

struct report {
    struct json *json;
    uint64_t seen[ESE_RULES];
};

static const char *const severities[] = {
    [ESE_PROBLEM] = "problem", [ESE_ADVICE] = "advice", [ESE_NOT_JUDGED] = "not judged"};

static void json_finding(struct json *json, const struct ese_finding *finding)
{
    char name[256];
    json_map(json);
    json_key(json, "rule");
    json_string(json, ese_rule_name(finding->rule));
    json_key(json, "severity");
    json_string(json, severities[finding->severity]);
    if (finding->table) {
        json_key(json, "table");
        json_string(json, value_name(finding->table, name));
    }
    if (finding->page) {
        json_key(json, "page");
        json_unsigned(json, finding->page);
    }
    if (finding->tag >= 0) {
        json_key(json, "tag");
        json_integer(json, finding->tag);
    }
    json_key(json, "text");
    json_string(json, finding->text);
    json_end_map(json);
}

static void text_finding(const struct ese_finding *finding)
{
    char name[256];
    output_format("%-10s %s: ", severities[finding->severity], ese_rule_name(finding->rule));
    if (finding->table)
        output_format("table %s: ", value_name(finding->table, name));
    if (finding->page)
        output_format("page %u", finding->page);
    if (finding->page && finding->tag >= 0)
        output_format(" tag %d", finding->tag);
    if (finding->page)
        output_text(": ");
    output_format("%s\n", finding->text);
}

static void show(void *context, const struct ese_finding *finding)
{
    struct report *report = context;
    uint64_t seen = report->seen[finding->rule]++;
    if (report->json)
        json_finding(report->json, finding);
    else if (seen < SHOWN_OF_A_RULE)
        text_finding(finding);
}

static void text_more(const struct report *report)
{
    for (unsigned i = 0; i < ESE_RULES; i++)
        if (report->seen[i] > SHOWN_OF_A_RULE)
            output_format("%-10s %s: %" PRIu64 " more; --json lists all\n", "and",
                          ese_rule_name((enum ese_rule)i), report->seen[i] - SHOWN_OF_A_RULE);
}

static void json_summary(struct json *json, const struct ese_check_summary *s)
{
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"problems", s->problems},
                  {"advice", s->advice},
                  {"not_judged", s->not_judged},
                  {"pages_read", s->pages_read},
                  {"pages_lost", s->pages_lost},
                  {"trees", s->trees},
                  {"tables", s->tables},
                  {"rows", s->rows},
                  {"index_entries", s->index_entries},
                  {"long_values", s->long_values}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key(json, counts[i].key);
        json_unsigned(json, counts[i].value);
    }
    json_key(json, "dirty");
    json_bool(json, s->dirty);
    json_key(json, "sound");
    json_bool(json, s->problems == 0 && s->not_judged == 0 && !s->dirty);
}

static void text_summary(const struct store *store, const struct ese_check_summary *s)
{
    output_format("%s: %" PRIu64 " problems, %" PRIu64 " advice, %" PRIu64
                  " not judged; read %" PRIu64 " pages, %" PRIu64 " trees, %" PRIu64
                  " rows, %" PRIu64 " index entries, %" PRIu64 " long values\n",
                  store->path, s->problems, s->advice, s->not_judged, s->pages_read, s->trees,
                  s->rows, s->index_entries, s->long_values);
    if (s->dirty)
        output_text(
            "The database is dirty: rules that compare pages with each other were not judged.\n"
            "Next: replay its logs with the engine (eseutil /r), then check again.\n");
    else if (s->problems || s->not_judged)
        output_text("Structure: damaged. Next: restore the file from a backup, or keep this report "
                    "and a copy "
                    "of the file.\n");
    else
        output_text("Structure: sound.\n");
}

bool structure_report(struct store *store, struct json *json, struct ese_check_summary *summary)
{
    struct report report = {.json = json};
    struct fault f = {.code = FAULT_NONE};
    if (json) {
        json_key(json, "findings");
        json_array(json);
    }
    bool ok = ese_check(store->db, show, &report, summary, &f);
    if (json)
        json_end_array(json);
    if (!ok) {
        message_error("%s: the structure could not be checked: %s", store->path, f.text);
        return false;
    }
    if (json) {
        json_summary(json, summary);
    } else {
        text_more(&report);
        text_summary(store, summary);
    }
    return true;
}
