/* kmmigrate salvage: what can be had from a damaged or dirty database, and what not; writes it. */
#include "formats/ese/salvage/salvage.h"
#include "migrate/commands/command.h"
#include "migrate/console/json.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"
#include "migrate/profile/profile.h"
#include "migrate/repair/salvage_files.h"
#include "migrate/store/filehash.h"
#include "migrate/store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PLAN_DIGITS_LEAST = 8 };

struct salvaging {
    const struct options *options;
    struct store store; /* its path alone */
    struct ese_salvage *salvage;
    int like; /* descriptor of the source, as it was named; the salvage's */
    struct filehash hash;
    struct ese_salvage_options how;
    struct ese_salvage_result result;
    struct salvage_files files;
    struct progress progress;
};

/* ---- what it comes to ---- */

static uint64_t sum_of(const struct ese_salvage_result *r, size_t member)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->tables; i++)
        sum += *(const uint64_t *)(const void *)((const char *)&r->table[i] + member);
    return sum;
}

#define SUM(r, member) sum_of(r, offsetof(struct ese_salvage_table, member))

/* Is anything not as it was? */
static bool has_loss(const struct ese_salvage_result *r)
{
    return SUM(r, doubtful) || SUM(r, lost) || SUM(r, cut) || SUM(r, pages_lost) ||
           SUM(r, entries_missing) || r->told[ESE_SALVAGE_NO_SCHEMA] ||
           r->told[ESE_SALVAGE_TABLE_LOST] || r->told[ESE_SALVAGE_CATALOG];
}

static bool is_sound(const struct salvaging *x)
{
    const struct ese_salvage_scan *scan = ese_salvage_scan(x->salvage);
    return !has_loss(&x->result) && !scan->dirty && !scan->header_invented && !scan->cut &&
           scan->corrected + scan->displaced + scan->partly + scan->wrong + scan->unreadable == 0;
}

static int status_of(const struct salvaging *x)
{
    if (x->options->output)
        return EXIT_REPAIRED | (has_loss(&x->result) ? EXIT_PROBLEMS_LEFT : 0);
    return is_sound(x) ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
}

/* ---- the report ---- */

static unsigned badness(const struct ese_salvage_table *t)
{
    return t->lost || t->pages_lost ? 3 : t->doubtful ? 2 : t->cut || t->entries_missing ? 1 : 0;
}

static int worst_first(const void *a, const void *b)
{
    const struct ese_salvage_table *x = *(const struct ese_salvage_table *const *)a,
                                   *y = *(const struct ese_salvage_table *const *)b;
    if (badness(x) != badness(y))
        return badness(x) > badness(y) ? -1 : 1;
    return (x->objid > y->objid) - (x->objid < y->objid);
}

static const char *hash_text(const struct salvaging *x, char hex[2 * HASH_SHA256_SIZE + 1])
{
    return bytes_hex(bytes_of(x->hash.digest, sizeof x->hash.digest), hex,
                     2 * HASH_SHA256_SIZE + 1);
}

static void print_scan(const struct salvaging *x)
{
    const struct ese_salvage_scan *s = ese_salvage_scan(x->salvage);
    if (s->dirty)
        output_text("The database was not shut down cleanly, and which of its changes were "
                    "committed cannot be seen: every row below is uncertain to that extent.\n");
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
    if (t->cut)
        output_format("; %" PRIu64 " of the kept without a long value", t->cut);
    if (t->pages_lost)
        output_format("; %" PRIu64 " pages of rows lost", t->pages_lost);
    if (t->older)
        output_format("; %" PRIu64 " older versions", t->older);
    if (t->entries_missing)
        output_format("; %" PRIu64 " index entries missing", t->entries_missing);
    output_text("\n");
}

static bool print_tables(const struct salvaging *x)
{
    const struct ese_salvage_result *r = &x->result;
    const struct ese_salvage_table **order = calloc(r->tables + 1u, sizeof *order);
    if (order == NULL) {
        message_error("out of memory");
        return false;
    }
    for (unsigned i = 0; i < r->tables; i++)
        order[i] = &r->table[i];
    qsort(order, r->tables, sizeof *order, worst_first);
    output_text("Tables, the worst first:\n");
    for (unsigned i = 0; i < r->tables; i++)
        print_table(order[i]);
    free(order);
    return true;
}

static void print_written(const struct salvaging *x)
{
    output_format("Written: %s, %" PRIu64 " rows; %s says of every row that is doubtful or lost "
                  "where it is from; what was not written is in %s (%" PRIu64 " records).\n",
                  x->options->output, SUM(&x->result, written), x->files.lines_name,
                  x->files.quarantine_name, x->files.quarantined);
    if (x->files.certificates > 0)
        output_format("%" PRIu64 " certificates stand whole in what was not written: %s\n",
                      x->files.certificates, x->files.pem_name);
    output_format("Next: kmmigrate check %s\n", x->options->output);
}

static void print_next(const struct salvaging *x)
{
    const char *path = x->store.path, *output = x->options->output;
    if (output == NULL && is_sound(x))
        output_text("Nothing is damaged: nothing has to be salvaged.\n");
    else if (output == NULL)
        output_format("Next: kmmigrate salvage %s -o NEW writes what can be had to NEW.\n", path);
    else
        print_written(x);
}

static const struct ese_salvage_table *table_of(const struct salvaging *x, const char *name)
{
    for (unsigned i = 0; name && i < x->result.tables; i++)
        if (strcasecmp(x->result.table[i].name, name) == 0)
            return &x->result.table[i];
    return NULL;
}

/* Of a KM store: is the certificate list whole, and what refers to it? */
static bool print_list(const struct salvaging *x)
{
    struct profile profile;
    struct fault f = {.code = FAULT_NONE};
    if (!profile_builtin(&profile, &f)) {
        message_error("%s", f.text);
        return false;
    }
    const struct ese_salvage_table *list = table_of(x, profile.list_table);
    const struct ese_salvage_table *settings = table_of(x, profile.settings_table);
    if (list && settings) {
        bool whole = badness(list) == 0, rest = badness(settings) == 0;
        for (unsigned i = 0; i < profile.references; i++) {
            const struct ese_salvage_table *from = table_of(x, profile.reference[i].table);
            rest = rest && from && badness(from) == 0;
        }
        output_format("List:      the certificate list (%s) is %s: %" PRIu64
                      " entries kept, %" PRIu64 " doubtful, %" PRIu64 " known to be lost;\n"
                      "           settings and what refers to the list %s\n",
                      list->name, whole ? "whole" : "NOT whole", list->kept, list->doubtful,
                      list->lost, rest ? "are whole" : "are NOT whole");
    }
    profile_close(&profile);
    return true;
}

static bool print_text(const struct salvaging *x)
{
    char hex[2 * HASH_SHA256_SIZE + 1];
    const struct ese_salvage_result *r = &x->result;
    output_format("kmmigrate %s: salvage\nStore:     %s, %" PRIu64 " bytes, SHA-256 %s\n",
                  KM_VERSION, x->store.path, x->hash.size, hash_text(x, hex));
    if (!print_list(x))
        return false;
    print_scan(x);
    output_format("Plan:      %s\n", x->files.id);
    output_format("Rows:      %" PRIu64 " kept, %" PRIu64 " doubtful, %" PRIu64
                  " known to be lost; %" PRIu64 " pages of rows lost\n",
                  SUM(r, kept), SUM(r, doubtful), SUM(r, lost), SUM(r, pages_lost));
    if (r->told[ESE_SALVAGE_NO_SCHEMA])
        output_format("           %" PRIu64 " rows of tables that the catalog does not have: "
                      "--schema-from OTHER names them again\n",
                      r->told[ESE_SALVAGE_NO_SCHEMA]);
    if (!print_tables(x))
        return false;
    print_next(x);
    return true;
}

static void json_count(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_unsigned(json, value);
}

static void json_word(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_string(json, value);
}

static void json_table(struct json *json, const struct ese_salvage_table *t)
{
    json_map(json);
    json_word(json, "name", t->name);
    json_count(json, "object", t->objid);
    json_count(json, "kept", t->kept);
    json_count(json, "doubtful", t->doubtful);
    json_count(json, "lost", t->lost);
    json_count(json, "written", t->written);
    json_count(json, "cut", t->cut);
    json_count(json, "older", t->older);
    json_count(json, "deleted", t->deleted);
    json_count(json, "pages_lost", t->pages_lost);
    json_count(json, "entries_missing", t->entries_missing);
    json_end_map(json);
}

static void json_pages(struct json *json, const struct ese_salvage_scan *s)
{
    json_key(json, "pages");
    json_map(json);
    json_count(json, "all", s->pages);
    json_count(json, "good", s->good);
    json_count(json, "corrected", s->corrected);
    json_count(json, "displaced", s->displaced);
    json_count(json, "partly", s->partly);
    json_count(json, "damaged", s->wrong);
    json_count(json, "unreadable", s->unreadable);
    json_count(json, "never_written", s->never_written);
    json_end_map(json);
}

static bool print_json(const struct salvaging *x, int status)
{
    char hex[2 * HASH_SHA256_SIZE + 1];
    const struct ese_salvage_scan *s = ese_salvage_scan(x->salvage);
    struct json *json = json_open(true);
    if (json == NULL) {
        message_error("out of memory");
        return false;
    }
    json_map(json);
    json_word(json, "command", "salvage");
    json_count(json, "exit", (uint64_t)status);
    json_word(json, "store", x->store.path);
    json_count(json, "size", x->hash.size);
    json_word(json, "sha256", hash_text(x, hex));
    json_word(json, "plan", x->files.id);
    json_word(json, "header", s->header_text);
    json_count(json, "revision", s->revision);
    json_count(json, "page_size", s->page_size);
    json_key(json, "dirty");
    json_bool(json, s->dirty);
    json_pages(json, s);
    json_key(json, "tables");
    json_array(json);
    for (unsigned i = 0; i < x->result.tables; i++)
        json_table(json, &x->result.table[i]);
    json_end_array(json);
    json_key(json, "told");
    json_map(json);
    for (unsigned i = 0; i < ESE_SALVAGE_KINDS; i++)
        json_count(json, ese_salvage_kind_name((enum ese_salvage_kind)i), x->result.told[i]);
    json_end_map(json);
    if (x->options->output) {
        json_word(json, "written", x->options->output);
        json_count(json, "rows", SUM(&x->result, written));
        json_count(json, "quarantined", x->files.quarantined);
        json_word(json, "lines", x->files.lines_name);
        json_word(json, "quarantine", x->files.quarantine_name);
        if (x->files.certificates > 0) {
            json_count(json, "certificates", x->files.certificates);
            json_word(json, "pem", x->files.pem_name);
        }
    }
    json_end_map(json);
    json_end_document(json);
    json_close(json);
    return true;
}

/* ---- doing it ---- */

static int read_options(struct salvaging *x)
{
    const char *doubtful = x->options->doubtful;
    x->how = (struct ese_salvage_options){
        .any_revision = x->options->force,
        .drop_index = x->options->drop_index,
        .drop_indexes = x->options->drop_indexes,
        .tell = salvage_files_item,
        .context = &x->files,
        .progress = progress_step,
        .progress_context = &x->progress,
        .stop = message_watch_interrupt(),
    };
    if (doubtful && strcmp(doubtful, "keep") == 0)
        x->how.doubtful = ESE_DOUBTFUL_KEEP;
    else if (doubtful && strcmp(doubtful, "drop") == 0)
        x->how.doubtful = ESE_DOUBTFUL_DROP;
    else if (doubtful) {
        message_error("salvage: --doubtful takes keep or drop, not %s", doubtful);
        return EXIT_USAGE;
    }
    return EXIT_CLEAN;
}

/* What the id covers besides the items. */
static void plan_options(struct salvaging *x)
{
    char hex[2 * HASH_SHA256_SIZE + 1], text[120];
    salvage_files_plan(&x->files, "salvage 1\n");
    salvage_files_plan(&x->files, hash_text(x, hex));
    snprintf(text, sizeof text, "\ndoubtful %d\n", (int)x->how.doubtful);
    salvage_files_plan(&x->files, text);
    if (x->options->schema_from)
        salvage_files_plan(&x->files, "schema-from\n");
    for (unsigned i = 0; i < x->how.drop_indexes; i++) {
        salvage_files_plan(&x->files, "drop-index ");
        salvage_files_plan(&x->files, x->how.drop_index[i]);
        salvage_files_plan(&x->files, "\n");
    }
}

static void plan_counts(struct salvaging *x)
{
    for (unsigned i = 0; i < x->result.tables; i++) {
        const struct ese_salvage_table *t = &x->result.table[i];
        char text[200];
        snprintf(text, sizeof text, "table %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                 t->objid, t->kept, t->doubtful, t->lost, t->written);
        salvage_files_plan(&x->files, text);
    }
    salvage_files_id(&x->files);
}

static bool run(struct salvaging *x, int descriptor, const char *target, struct fault *f)
{
    if (!salvage_files_open(&x->files, target, x->like, x->options->force, f))
        return false;
    plan_options(x);
    x->progress = progress_begin("salvaging", x->options->quiet);
    bool ok = ese_salvage_run(x->salvage, descriptor, &x->how, &x->result, f);
    progress_end(&x->progress);
    if (ok)
        plan_counts(x);
    return ok;
}

/* --plan: only what was reviewed. */
static bool is_planned(const struct salvaging *x, struct fault *f)
{
    const char *wanted = x->options->plan;
    size_t size = wanted ? strlen(wanted) : 0;
    if (wanted == NULL || (size >= PLAN_DIGITS_LEAST && strncmp(x->files.id, wanted, size) == 0))
        return true;
    return fault_set(f, FAULT_LIMIT, "the plan is %s now, not %s: nothing was written", x->files.id,
                     wanted);
}

static bool write_new(struct salvaging *x, struct fault *f)
{
    struct outfile *out;
    const char *target = x->options->output;
    if (!outfile_create(target, x->like, x->options->force, &out, f))
        return fault_context(f, "%s", target);
    bool ok = run(x, outfile_descriptor(out), target, f) && is_planned(x, f) &&
              salvage_files_commit(&x->files, f) && outfile_commit(out, f);
    if (!ok && !outfile_is_committed(out))
        salvage_files_remove(&x->files);
    outfile_discard(out);
    return ok;
}

static int salvage(struct salvaging *x)
{
    struct fault f = {.code = FAULT_NONE};
    if (!filehash_finish(&x->hash, &f)) {
        message_error("%s: %s", x->store.path, f.text);
        return EXIT_TROUBLE;
    }
    bool ok = x->options->output ? write_new(x, &f) : run(x, -1, NULL, &f);
    int status = ok ? status_of(x) : EXIT_TROUBLE;
    if (!ok && x->result.interrupted) {
        message_error("cancelled; nothing was written");
        status = EXIT_CANCELLED;
    } else if (!ok) {
        message_error("%s: %s", x->store.path, f.text);
    } else if (x->options->json ? !print_json(x, status) : !print_text(x)) {
        status |= EXIT_TROUBLE;
    }
    salvage_files_close(&x->files);
    ese_salvage_result_free(&x->result);
    return status;
}

/* What the options name has to be there. */
static int check_indexes(const struct salvaging *x)
{
    for (unsigned i = 0; i < x->how.drop_indexes; i++)
        if (!ese_salvage_has_index(x->salvage, x->how.drop_index[i])) {
            message_error("%s: there is no index %s that could be left out", x->store.path,
                          x->how.drop_index[i]);
            return EXIT_USAGE;
        }
    return EXIT_CLEAN;
}

static int take_schema(struct salvaging *x)
{
    struct store other;
    struct fault f = {.code = FAULT_NONE};
    if (x->options->schema_from == NULL)
        return EXIT_CLEAN;
    int status = store_open(&other, x->options->schema_from);
    if (status != EXIT_CLEAN)
        return status;
    if (!ese_salvage_schema_from(x->salvage, other.db, &f)) {
        message_error("%s: %s", other.path, f.text);
        status = EXIT_TROUBLE;
    }
    store_close(&other);
    return status;
}

static int open_source(struct salvaging *x)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_file *file;
    int status = store_find(&x->store, x->options->operand[0]);
    if (status != EXIT_CLEAN)
        return status;
    if (!filehash_start(&x->hash, x->store.path, &f)) {
        message_error("%s: %s", x->store.path, f.text);
        return EXIT_TROUBLE;
    }
    if (ese_file_open(x->store.path, &file, &f)) {
        x->like = ese_file_named_descriptor(file);
        if (ese_salvage_open(file, &x->salvage, &f))
            return EXIT_CLEAN;
    }
    message_error("%s: %s", x->store.path, f.text);
    filehash_finish(&x->hash, &f);
    return EXIT_TROUBLE;
}

int cmd_salvage(const struct options *options)
{
    struct fault f;
    struct salvaging *x = calloc(1, sizeof *x);
    if (x == NULL) {
        message_error("out of memory");
        return EXIT_TROUBLE;
    }
    x->options = options;
    int status = read_options(x);
    if (status == EXIT_CLEAN)
        status = open_source(x);
    if (status == EXIT_CLEAN)
        status = take_schema(x);
    if (status == EXIT_CLEAN)
        status = check_indexes(x);
    if (status == EXIT_CLEAN)
        status = salvage(x);
    else if (x->salvage)
        filehash_finish(&x->hash, &f);
    ese_salvage_close(x->salvage);
    free(x);
    return output_finish() ? status : status | EXIT_TROUBLE;
}
