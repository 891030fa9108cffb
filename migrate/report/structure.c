/* Reporting the structural check: see structure.h. */
#include "migrate/report/structure.h"

#include "formats/ese/build/compact.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"
#include "migrate/console/value.h"
#include "migrate/console/words.h"

#include <inttypes.h>

enum { SHOWN_OF_A_RULE = 20 };

struct report {
    struct json *json;
    bool quiet;
    uint64_t seen[ESE_RULES], problems[ESE_RULES];
    bool eseutil_fails[ESE_RULES];
};

/* What a compaction makes anew: pages, trees above the leaves, space, headers, the shadow catalog.
 * That nothing else is wrong says ese_compact_would(). */
static const enum ese_rule made_anew[] = {
    ESE_RULE_HEADER_SHADOW,  ESE_RULE_FILE_SIZE,      ESE_RULE_PAGE_READ,
    ESE_RULE_PAGE_CHECKSUM,  ESE_RULE_PAGE_BIT,       ESE_RULE_PAGE_NUMBER,
    ESE_RULE_PAGE_ZERO,      ESE_RULE_PAGE_LEVEL,     ESE_RULE_SIBLING_LINK,
    ESE_RULE_EMPTY_PAGE,     ESE_RULE_SPACE_PARENT,   ESE_RULE_SPACE_EXTENT,
    ESE_RULE_EXTENT_NESTING, ESE_RULE_EXTENT_OVERLAP, ESE_RULE_PAGE_NOT_OWNED,
    ESE_RULE_CATALOG_SHADOW,
};

static const char *const severities[] = {
    [ESE_PROBLEM] = "problem", [ESE_ADVICE] = "advice", [ESE_NOT_JUDGED] = "not judged"};

static void json_finding(struct json *json, const struct ese_finding *finding)
{
    json_map(json);
    json_put_text(json, "rule", ese_rule_name(finding->rule));
    json_put_text(json, "severity", severities[finding->severity]);
    if (finding->table)
        json_put_text(json, "table", value_name(finding->table));
    if (finding->page)
        json_put_unsigned(json, "page", finding->page);
    if (finding->tag >= 0)
        json_put_integer(json, "tag", finding->tag);
    json_put_text(json, "text", finding->text);
    if (finding->eseutil_fails)
        json_put_bool(json, "eseutil_g_fails", true);
    json_end_map(json);
}

static void text_finding(const struct ese_finding *finding)
{
    output_format("%-10s %s: ", severities[finding->severity], ese_rule_name(finding->rule));
    if (finding->table)
        output_format("table %s: ", value_name(finding->table));
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
    report->problems[finding->rule] += finding->severity == ESE_PROBLEM;
    report->eseutil_fails[finding->rule] |= finding->eseutil_fails;
    if (report->json)
        json_finding(report->json, finding);
    else if (!report->quiet && seen < SHOWN_OF_A_RULE)
        text_finding(finding);
}

static void text_more(const struct report *report)
{
    for (unsigned i = 0; i < ESE_RULES; i++)
        if (report->seen[i] > SHOWN_OF_A_RULE)
            output_format("%-10s %s: %" PRIu64 " more; --json lists all\n", "and",
                          ese_rule_name((enum ese_rule)i), report->seen[i] - SHOWN_OF_A_RULE);
}

/* Where nothing is wrong but what a compaction makes anew, and every leaf that stands is reached.
 */
static bool compact_mends(const struct report *report, const struct store *store,
                          const struct ese_check_summary *s)
{
    uint64_t anew = 0;
    struct fault why = {.code = FAULT_NONE};
    for (size_t i = 0; i < sizeof made_anew / sizeof made_anew[0]; i++)
        anew += report->problems[made_anew[i]];
    return s->problems > 0 && anew == s->problems && !s->dirty &&
           ese_compact_would(store->db, &why);
}

static void json_summary(struct json *json, const struct ese_check_summary *s, bool mends)
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
    json_put_bool(json, "dirty", s->dirty);
    json_put_bool(json, "sound", s->problems == 0 && s->not_judged == 0 && !s->dirty);
    json_put_bool(json, "eseutil_g_fails", s->eseutil_fails > 0);
    json_put_bool(json, "compact_mends", mends);
}

static void text_eseutil(const struct report *report)
{
    const char *before = "eseutil /g would report: corrupted, for ";
    for (unsigned i = 0; i < ESE_RULES; i++) {
        if (!report->eseutil_fails[i])
            continue;
        output_format("%s%s", before, ese_rule_name((enum ese_rule)i));
        before = ", ";
    }
    output_text("; the engine attaches the database and uses it all the same.\n");
}

static void text_summary(const struct report *report, const struct store *store,
                         const struct ese_check_summary *s, bool mends)
{
    output_format("%s: %s, %" PRIu64 " advice, %" PRIu64 " not judged; read %s, %s, %s, %s, %s\n",
                  store->path, counted(s->problems, "problem", "problems"), s->advice,
                  s->not_judged, counted(s->pages_read, "page", "pages"),
                  counted(s->trees, "tree", "trees"), counted(s->rows, "row", "rows"),
                  counted(s->index_entries, "index entry", "index entries"),
                  counted(s->long_values, "long value", "long values"));
    if (s->eseutil_fails)
        text_eseutil(report);
    if (s->dirty)
        output_text(
            "The database is dirty: rules that compare pages with each other were not judged.\n"
            "Next: kmmigrate logs says which logs it needs; kmmigrate recover, or eseutil /r where "
            "the engine is, replays them; where they are lost, kmmigrate salvage shows what can be "
            "had without them.\n");
    else if (mends)
        output_format("Structure: damaged, and every row, index entry and long value is reached "
                      "and whole. Next: kmmigrate compact %s -o NEW writes a sound copy of it.\n",
                      shell_word(store->path));
    else if (s->problems || s->not_judged)
        output_format("Structure: damaged. Next: kmmigrate salvage %s shows what can be had of it; "
                      "or restore the file from a backup.\n",
                      shell_word(store->path));
    else
        output_text("Structure: sound.\n");
}

bool structure_report(struct store *store, struct json *json, bool quiet,
                      struct ese_check_summary *summary, struct fault *f)
{
    struct report report = {.json = json, .quiet = quiet};
    if (json) {
        json_put_array(json, "findings");
    }
    progress_open("checking", ese_file_size(store->db->file));
    bool ok = ese_check(store->db, show, &report, summary, f);
    progress_close();
    if (json)
        json_end_array(json);
    if (!ok)
        return false;
    bool mends = compact_mends(&report, store, summary);
    if (json) {
        json_summary(json, summary, mends);
    } else if (quiet) {
        output_format("%s\n", summary->dirty                             ? "dirty"
                              : summary->problems || summary->not_judged ? "damaged"
                                                                         : "sound");
    } else {
        text_more(&report);
        text_summary(&report, store, summary, mends);
    }
    return true;
}
