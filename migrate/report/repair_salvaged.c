/* A salvage in the report on a store: see repair_salvaged.h. */
#include "migrate/report/repair_salvaged.h"

#include "migrate/console/output.h"
#include "migrate/console/words.h"
#include "migrate/decide/foretell.h"
#include "migrate/decide/salvaged.h"
#include "migrate/judge/judge.h"
#include "migrate/report/salvage_tables.h"
#include "migrate/rescue/salvaging.h"

#include <inttypes.h>

enum { SHOWN = 12 };

const struct filehash *salvaged_from(const struct assessment *a)
{
    return a->options->salvaged ? &a->options->salvaged->hash : &a->hash;
}

static void table_line(const struct ese_salvage_table *t)
{
    output_format("%-14s%s: %s kept, %" PRIu64 " doubtful, %" PRIu64 " known to be lost", "",
                  t->name, counted(t->kept, "row", "rows"), t->doubtful, t->lost);
    salvage_table_losses(t);
}

void salvaged_lines(const struct assessment *a)
{
    const struct salvaging *x = a->options->salvaged;
    unsigned shown = 0, bad = 0;
    if (x == NULL)
        return;
    output_format("%-14s", "Salvaged");
    if (a->match != PROFILE_NO_MATCH)
        output_format("the list and the settings are %s; what refers to the list %s\n%-14s",
                      salvaged_is_whole(a, false) ? "whole" : "NOT whole",
                      salvaged_is_whole(a, true) ? "is whole" : "is NOT whole", "");
    output_format("%s kept, %" PRIu64 " doubtful, %" PRIu64
                  " known to be lost; %s of rows lost%s\n",
                  counted(SALVAGING_SUM(&x->result, kept), "row", "rows"),
                  SALVAGING_SUM(&x->result, doubtful), SALVAGING_SUM(&x->result, lost),
                  counted(SALVAGING_SUM(&x->result, pages_lost), "page", "pages"),
                  salvaging_perhaps(SALVAGING_SUM(&x->result, perhaps_lost)));
    for (unsigned i = 0; i < x->result.tables; i++)
        if (salvaging_badness(&x->result.table[i]) > 0 && bad++ < SHOWN) {
            table_line(&x->result.table[i]);
            shown++;
        }
    if (bad > shown)
        output_format("%-14sand %s; kmmigrate salvage lists all\n", "",
                      counted(bad - shown, "more table", "more tables"));
}

void salvaged_written_lines(const struct assessment *a)
{
    const struct salvaging *x = a->options->salvaged;
    if (x == NULL)
        return;
    output_format("  %-12s%s says of every row that is doubtful or lost where it is from;\n"
                  "  %-12swhat was not written is in %s (%s)\n",
                  "Salvage", x->files.lines_name, "", x->files.quarantine_name,
                  counted(x->files.quarantined, "record", "records"));
    if (x->files.certificates > 0)
        output_format("  %-12s%s whole in that: %s\n", "",
                      counted(x->files.certificates, "certificate stands", "certificates stand"),
                      x->files.pem_name);
}

void salvaged_members(struct json *json, const struct assessment *a)
{
    const struct salvaging *x = a->options->salvaged;
    if (x == NULL)
        return;
    json_put_map(json, "salvaged");
    json_put_bool(json, "list_whole", a->match != PROFILE_NO_MATCH && salvaged_is_whole(a, false));
    json_put_bool(json, "references_whole",
                  a->match != PROFILE_NO_MATCH && salvaged_is_whole(a, true));
    salvage_tables_json(json, &x->result);
    json_put_unsigned(json, "quarantined", x->files.quarantined);
    if (x->files.lines_name[0]) {
        json_put_text(json, "lines", x->files.lines_name);
        json_put_text(json, "quarantine", x->files.quarantine_name);
    }
    if (x->files.pem_name[0])
        json_put_text(json, "pem", x->files.pem_name);
    json_end_map(json);
}

/* ---- before it is asked for ---- */

static void foretold_table_line(const struct foretold_table *t)
{
    uint64_t all = t->kept + t->doubtful + t->lost;
    output_format("  %s: of %s %" PRIu64 " lost, %" PRIu64 " doubtful", t->name,
                  counted(all, "row", "rows"), t->lost, t->doubtful);
    if (t->cut)
        output_format(", %" PRIu64 " without a long value", t->cut);
    if (t->pages_lost)
        output_format("; %s of rows lost", counted(t->pages_lost, "page", "pages"));
    output_format("%s\n", salvaging_perhaps(t->perhaps_lost));
}

void foretold_lines(const struct assessment *a)
{
    static const char *const words[] = {
        [VERDICT_YES] = "yes, the service could start on it",
        [VERDICT_AFTER_REPAIR] = "yes, the service could start on it",
        [VERDICT_NO] = "no, the service still could not start on it",
        [VERDICT_CANNOT_TELL] = "it could not be told whether the service can start on it",
    };
    const struct foretold *t = a->foretold;
    if (t == NULL || !t->known)
        return;
    output_format(
        "After repair --salvage: %s;\n  the list and the settings would be %s, what refers "
        "to the list %s.\n",
        words[t->verdict], t->list_whole ? "whole" : "NOT whole",
        t->references_whole ? "whole" : "NOT whole");
    for (unsigned i = 0; i < t->tables; i++)
        foretold_table_line(&t->table[i]);
}

void foretold_members(struct json *json, const struct assessment *a)
{
    const struct foretold *t = a->foretold;
    if (t == NULL || !t->known)
        return;
    json_put_map(json, "after_salvage");
    json_put_text(json, "verdict", verdict_name(t->verdict));
    json_put_bool(json, "list_whole", t->list_whole);
    json_put_bool(json, "references_whole", t->references_whole);
    json_put_unsigned(json, "doubtful", t->doubtful);
    json_put_unsigned(json, "lost", t->lost);
    json_put_unsigned(json, "perhaps_lost", t->perhaps_lost);
    json_put_unsigned(json, "cut", t->cut);
    json_put_unsigned(json, "pages_lost", t->pages_lost);
    json_end_map(json);
}
