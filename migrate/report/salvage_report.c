/* The report of a salvage: see salvage_report.h. */
#include "migrate/report/salvage_report.h"

#include "migrate/console/document.h"
#include "migrate/console/escape.h"
#include "migrate/console/output.h"
#include "migrate/console/words.h"
#include "migrate/profile/profile.h"
#include "migrate/profile/read.h"
#include "migrate/report/salvage_tables.h"
#include "migrate/report/storefacts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

static void print_scan(const struct salvaging *x)
{
    const struct ese_salvage_scan *s = ese_salvage_scan(x->salvage);
    if (s->dirty)
        output_text("The database was not shut down cleanly, and which of its changes were "
                    "committed cannot be seen: every row below is uncertain to that extent; what "
                    "only its logs have is missing.\n");
    else if (s->newer)
        output_text("The header says that the database was shut down cleanly, but pages are newer "
                    "than it, and which of its changes were committed cannot be seen: every row "
                    "below is uncertain to that extent; what only its logs have is missing.\n");
    output_format("Header:    %s\n", s->header_text);
    output_format("Format:    revision 0x%x, pages of %u bytes\n", s->revision, s->page_size);
    output_format("Pages:     %u: %u good, %u with one bit put right, %u in a wrong place, %u "
                  "partly overwritten,\n           %u damaged, %u unreadable, %u never written%s\n",
                  s->pages, s->good, s->corrected, s->displaced, s->partly, s->wrong, s->unreadable,
                  s->never_written, s->cut ? "; the file ends within a page" : "");
}

static void print_table(const struct ese_salvage_table *t)
{
    output_format("  %-24s %8" PRIu64 " kept %8" PRIu64 " doubtful %8" PRIu64 " known to be lost",
                  t->name, t->kept, t->doubtful, t->lost);
    salvage_table_losses(t);
}

static bool print_tables(const struct salvaging *x)
{
    const struct ese_salvage_table **order = salvage_tables_worst_first(x);
    if (order == NULL) {
        note_error(x->notes, "out of memory");
        return false;
    }
    output_text("Tables, the worst first:\n");
    for (unsigned i = 0; i < x->result.tables; i++)
        print_table(order[i]);
    free(order);
    return true;
}

void salvage_report_written(const struct salvaging *x)
{
    output_format("Written: %s, %s; %s says of every row that is doubtful or lost "
                  "where it is from; what was not written is in %s (%s).\n",
                  x->options->output, counted(SALVAGING_SUM(&x->result, written), "row", "rows"),
                  x->files.lines_name, x->files.quarantine_name,
                  counted(x->files.quarantined, "record", "records"));
    if (x->files.certificates > 0)
        output_format("%s whole in what was not written: %s\n",
                      counted(x->files.certificates, "certificate stands", "certificates stand"),
                      x->files.pem_name);
}

void salvage_report_next(const struct salvaging *x)
{
    if (x->options->output)
        output_format("kmmigrate check %s\n", shell_word(x->options->output));
    else
        output_format("kmmigrate salvage %s -o NEW writes what can be had to NEW.\n",
                      shell_word(x->store.path));
}

static void print_next(struct salvaging *x)
{
    if (x->options->output == NULL && salvaging_is_sound(x)) {
        output_text("Nothing is damaged: nothing has to be salvaged.\n");
        return;
    }
    if (x->options->output)
        salvage_report_written(x);
    output_text("Next: ");
    salvage_report_next(x);
}

bool salvage_list_of(const struct salvaging *x, struct salvage_list *of)
{
    struct profile profile;
    struct fault f = {.code = FAULT_NONE};
    *of = (struct salvage_list){.table = NULL};
    if (!profile_builtin(&profile, &f)) {
        note_error(x->notes, "%s", f.text);
        return false;
    }
    const struct ese_salvage_table *list = salvaging_table(x, profile.list[0].table);
    const struct ese_salvage_table *settings = salvaging_table(x, profile.settings_table);
    if (list && settings) {
        of->table = list;
        of->whole = salvaging_badness(list) == 0;
        of->settings_whole = salvaging_badness(settings) == 0;
        of->references_whole = salvaging_knows_tables(x);
        for (unsigned i = 0; i < profile.references; i++) {
            const struct ese_salvage_table *from = salvaging_table(x, profile.reference[i].table);
            of->references_whole = of->references_whole && from && salvaging_badness(from) == 0;
        }
    }
    profile_close(&profile);
    return true;
}

static bool print_list(const struct salvaging *x)
{
    struct salvage_list of;
    if (!salvage_list_of(x, &of))
        return false;
    if (of.table)
        output_format("List:      the certificate list (%s) is %s: %s kept, %" PRIu64
                      " doubtful, %" PRIu64 " known to be lost%s;\n"
                      "           the settings are %s; what refers to the list is %s\n",
                      of.table->name, of.whole ? "whole" : "NOT whole",
                      counted(of.table->kept, "entry", "entries"), of.table->doubtful,
                      of.table->lost, salvaging_perhaps(of.table->perhaps_lost),
                      of.settings_whole ? "whole" : "NOT whole",
                      of.references_whole ? "whole" : "NOT whole");
    return true;
}

bool salvage_report_text(struct salvaging *x)
{
    const struct ese_salvage_result *r = &x->result;
    output_format("kmmigrate %s: salvage\nStore:     %s, %" PRIu64 " bytes, SHA-256 %s\n",
                  KM_VERSION, x->store.path, x->hash.size,
                  hash_words(bytes_of(x->hash.digest, sizeof x->hash.digest)));
    if (!print_list(x))
        return false;
    if (r->tables == 0)
        output_text(
            "Catalog:   lost: neither it nor its shadow has a table that can be read; which "
            "tables there\n           were, and what stood in them, is not known\n");
    print_scan(x);
    output_format("Plan:      %s\n", x->files.id);
    output_format("Rows:      %" PRIu64 " kept, %" PRIu64 " doubtful, %" PRIu64
                  " known to be lost; %s of rows lost%s\n",
                  SALVAGING_SUM(r, kept), SALVAGING_SUM(r, doubtful), SALVAGING_SUM(r, lost),
                  counted(SALVAGING_SUM(r, pages_lost), "page", "pages"),
                  salvaging_perhaps(SALVAGING_SUM(r, perhaps_lost)));
    if (r->told[ESE_SALVAGE_NO_SCHEMA])
        output_format("           %s of tables that the catalog does not have: "
                      "--schema-from OTHER names them again\n",
                      counted(r->told[ESE_SALVAGE_NO_SCHEMA], "row", "rows"));
    if (r->told[ESE_SALVAGE_TABLE_LOST])
        output_format("           %s that the catalog has in part only, or not at all\n",
                      counted(r->told[ESE_SALVAGE_TABLE_LOST], "table", "tables"));
    if (r->tables_of_other > 0)
        output_format("           %s as %s says, a database whose signature is not seen to be this "
                      "one's: whether\n           columns are called so here nothing shows\n",
                      counted(r->tables_of_other, "table", "tables"), x->options->schema_from);
    if (r->tables_not_taken > 0)
        output_format("           %s of %s not taken: what stands here under their object ids does "
                      "not fit them\n",
                      counted(r->tables_not_taken, "table", "tables"), x->options->schema_from);
    if (r->catalog_disputes > 0)
        output_format(
            "           the catalog and its shadow differ in %s: NEW.salvage.jsonl says which "
            "was taken, and why\n",
            counted(r->catalog_disputes, "row", "rows"));
    if (r->catalog_gaps > 0)
        output_text("           of the catalog and of its shadow the same part is lost: tables, "
                    "columns or indexes\n           may be missing; --schema-from OTHER names them "
                    "again\n");
    if (!print_tables(x))
        return false;
    print_next(x);
    return true;
}

static void json_pages(struct json *json, const struct ese_salvage_scan *s)
{
    json_put_map(json, "pages");
    json_put_unsigned(json, "all", s->pages);
    json_put_unsigned(json, "good", s->good);
    json_put_unsigned(json, "corrected", s->corrected);
    json_put_unsigned(json, "displaced", s->displaced);
    json_put_unsigned(json, "partly", s->partly);
    json_put_unsigned(json, "damaged", s->wrong);
    json_put_unsigned(json, "unreadable", s->unreadable);
    json_put_unsigned(json, "never_written", s->never_written);
    json_put_unsigned(json, "newer", s->newer);
    json_end_map(json);
}

static void json_written(struct json *json, const struct salvaging *x)
{
    json_put_map(json, "written");
    json_put_text(json, "path", x->options->output);
    json_put_unsigned(json, "rows", SALVAGING_SUM(&x->result, written));
    json_put_unsigned(json, "quarantined", x->files.quarantined);
    json_put_text(json, "lines", x->files.lines_name);
    json_put_text(json, "quarantine", x->files.quarantine_name);
    json_put_unsigned(json, "certificates", x->files.certificates);
    json_put_text(json, "pem", x->files.certificates > 0 ? x->files.pem_name : NULL);
    json_end_map(json);
}

bool salvage_report_json(const struct salvaging *x)
{
    const struct ese_salvage_scan *s = ese_salvage_scan(x->salvage);
    struct json *json = document_open();
    struct stat st;
    if (json == NULL)
        return false;
    bool known = fstat(x->like, &st) == 0;
    store_facts_json(json, "store",
                     &(struct store_facts){.path = x->store.path,
                                           .stat = known ? &st : NULL,
                                           .sha256 = x->hash.digest,
                                           .size = &x->hash.size});
    json_put_text(json, "plan", x->files.id);
    json_put_text(json, "header", s->header_text);
    json_put_hex_number(json, "revision", s->revision);
    json_put_unsigned(json, "page_size", s->page_size);
    json_put_bool(json, "dirty", s->dirty);
    json_pages(json, s);
    salvage_tables_json(json, &x->result);
    json_put_map(json, "told");
    for (unsigned i = 0; i < ESE_SALVAGE_KINDS; i++)
        json_put_unsigned(json, ese_salvage_kind_name((enum ese_salvage_kind)i), x->result.told[i]);
    json_end_map(json);
    if (x->options->output)
        json_written(json, x);
    return true;
}
