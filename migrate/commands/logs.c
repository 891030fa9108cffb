/* kmmigrate logs: which logs a database needs, and whether they are there and belong to it. */
#include "migrate/commands/command.h"
#include "migrate/commands/logcall.h"
#include "migrate/commands/logfile.h"
#include "migrate/rescue/logset.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/output.h"
#include "migrate/console/words.h"
#include "migrate/report/storefacts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *kind_name(enum ese_log_name kind)
{
    static const char *const names[] = {
        [ESE_LOG_NAME_NONE] = "?",
        [ESE_LOG_NAME_CURRENT] = "current",
        [ESE_LOG_NAME_NUMBERED] = "log",
        [ESE_LOG_NAME_RESERVE] = "reserve",
        [ESE_LOG_NAME_CHECKPOINT] = "checkpoint",
        [ESE_LOG_NAME_TEMPORARY] = "temporary",
    };
    return names[kind];
}

static uint32_t signature_number(const uint8_t signature[ESE_LOG_SIGNATURE_SIZE])
{
    return ese_signature_read(bytes_of(signature, ESE_LOG_SIGNATURE_SIZE), 0).random;
}

static bool is_of_base(const struct logset *l, const struct ese_log_file *file)
{
    return strcasecmp(file->base, l->set.base) == 0;
}

/* The paths that the engine used, from the newest log of the base. */
static const struct ese_log_header *newest(const struct logset *l)
{
    const struct ese_log_header *best = NULL;
    for (size_t i = 0; i < l->set.files; i++) {
        const struct ese_log_header *h = l->set.file[i].header;
        if (h && is_of_base(l, &l->set.file[i]) && (!best || h->generation > best->generation))
            best = h;
    }
    return best;
}

/* The call that replays the logs where the engine is.  False: they would not be replayed whole. */
static bool eseutil_call(const struct logset *l, char *to, size_t room)
{
    const struct ese_log_header *h = newest(l);
    const char *base = l->set.base[0] ? l->set.base : "edb";
    if (!ese_log_verdict_in_row(&l->verdict))
        return false;
    if (h && h->log_path[0])
        snprintf(to, room, "eseutil /r %s /l\"%s\" /s\"%s\"", base, h->log_path, h->system_path);
    else
        snprintf(to, room, "eseutil /r %s /l\"LOGS\" /s\"SYSTEM\"", base);
    return true;
}

/* ---- text ---- */

static void write_file(const struct logset *l, const struct ese_log_file *file)
{
    char version[48], created[40];
    const struct ese_log_header *h = file->header;
    output_format("  %-18s %-10s", file->name, kind_name(file->kind));
    if (h == NULL) {
        output_format(" %" PRIu64 " bytes%s%s\n", file->size, file->fault.code ? ": " : "",
                      file->fault.code ? file->fault.text : "");
        return;
    }
    output_format(" generation %d, version %s, made %s", h->generation, ese_log_version(h, version),
                  ese_log_time_text(h->created, created));
    if (file->fault.code)
        output_format(": %s", file->fault.text);
    else if (file->scanned)
        output_format(", %s%s%s", counted(file->records, "record", "records"),
                      file->end.torn_record ? ", the last one torn" : "",
                      file->end.from_copies ? ", torn end read from its second copy" : "");
    if (h->framing != ESE_LOG_ESE97 &&
        memcmp(h->signature, l->need.signature, sizeof h->signature) != 0)
        output_text(", of another database");
    output_text("\n");
}

static void write_databases(const struct logset *l)
{
    const struct ese_log_header *h = newest(l);
    for (unsigned i = 0; h && i < h->attached.count; i++) {
        const struct ese_log_attachment *a = &h->attached.entry[i];
        bool own = memcmp(a->signature, l->need.database, sizeof a->signature) == 0;
        output_format("%-14s%s (signature 0x%08" PRIx32 ")%s\n", i ? "" : "In the logs", a->name,
                      signature_number(a->signature), own ? ": this one" : "");
    }
}

static void write_need(const struct logset *l)
{
    const struct ese_log_need *n = &l->need;
    output_format("%-14s%s\n", "Store", l->store.path);
    output_format("%-14s%s\n", "State", ese_state_name(n->state));
    output_format("%-14s%s\n", "Logs in", l->directory);
    if (n->clean)
        output_format("%-14snone: the database was shut down cleanly\n", "Needed");
    else
        output_format("%-14sgenerations %d to %d", "Needed", n->first, n->last);
    if (!n->clean && n->committed > n->last)
        output_format("; transactions were committed up to %d", n->committed);
    if (!n->clean)
        output_text("\n");
    output_format("%-14s0x%08" PRIx32 "\n", "Log signature", signature_number(n->signature));
}

static void write_findings(const struct logset *l)
{
    const struct ese_log_verdict *v = &l->verdict;
    char text[160];
    for (size_t i = 0; i < v->findings; i++)
        output_format("  %s: %s\n", v->finding[i].name[0] ? v->finding[i].name : "database",
                      v->finding[i].text);
    if (v->complete && logset_newest_missing(l, text))
        output_format("  %s\n", text);
}

/* Those that go on after a database that was closed, where they do not all fit. */
static void write_later_misfits(const struct logset *l)
{
    const struct ese_log_verdict *v = &l->verdict;
    bool can_stop = true;
    for (size_t i = 0; i < v->findings; i++)
        can_stop = can_stop && logset_can_stop(l, &v->finding[i]);
    output_text(
        "Next\n"
        "  The database needs none of them. If something was changed after it was shut down, "
        "it is in those\n"
        "  logs: get the files that are missing or damaged, and move away those that do not "
        "belong.\n");
    if (!can_stop)
        return;
    output_text("  ");
    logcall_print(l, "recover");
    output_text(" --until-damage shows what they have before the first that is wrong.\n");
}

/* A database that was closed may be an older copy, which logs that lie there go on after. */
static void write_later(const struct logset *l)
{
    const struct ese_log_verdict *v = &l->verdict;
    if (!ese_log_verdict_in_row(v)) {
        write_later_misfits(l);
        return;
    }
    if (v->first <= 0 || !v->replayable_version)
        return;
    output_text("Next\n  ");
    logcall_print(l, "recover");
    output_format(" shows whether the logs %d to %d hold changes\n"
                  "  that were made after it was shut down.\n",
                  v->first, v->last);
}

static void write_next(const struct logset *l)
{
    char call[3 * ESE_LOG_PATH_MOST];
    const struct ese_log_verdict *v = &l->verdict;
    const struct ese_log_header *h = newest(l);
    if (l->need.clean) {
        write_later(l);
        return;
    }
    output_text("Next\n");
    if (v->complete && v->replayable_version) {
        output_text("  ");
        logcall_print(l, "recover");
        output_text(" -o NEW replays them into a copy.\n");
    } else if (h && h->framing == ESE_LOG_ESE97) {
        output_format("  How logs of version %u are read is not published: kmmigrate salvage gets "
                      "what is in the database file.\n",
                      h->major);
    } else if (v->complete) {
        output_format("  Logs of version %u are listed and not replayed by this program.\n",
                      h ? h->major : 0);
    } else {
        output_text(
            "  Get the files that are missing or damaged, and move away those that do not "
            "belong;\n  without them, kmmigrate salvage gets what is in the database file.\n");
    }
    if (eseutil_call(l, call, sizeof call))
        output_format("  Where the engine is, with the files at the paths they were written at:\n"
                      "  %s\n",
                      call);
}

static const char *verdict_words(const struct logset *l)
{
    if (l->need.clean)
        return ese_log_verdict_in_row(&l->verdict)
                   ? "no logs are needed"
                   : "no logs are needed; those that go on after it are not complete";
    return l->verdict.complete ? "complete: all needed logs are there, in one row, and belong to "
                                 "this database"
                               : "not complete";
}

static void write_text(const struct logset *l)
{
    write_need(l);
    write_databases(l);
    output_text("Files\n");
    for (size_t i = 0; i < l->set.files; i++)
        write_file(l, &l->set.file[i]);
    if (l->set.files == 0)
        output_text("  no logs lie there\n");
    output_format("%-14s%s\n", "Verdict", verdict_words(l));
    write_findings(l);
    write_next(l);
}

/* ---- JSON ---- */

static void json_signature(struct json *json, const char *key, const uint8_t *signature)
{
    json_put_hex(json, key, bytes_of(signature, ESE_LOG_SIGNATURE_SIZE));
}

static void json_header(struct json *json, const struct ese_log_header *h)
{
    char text[48];
    json_put_text(json, "version", ese_log_version(h, text));
    json_put_integer(json, "generation", h->generation);
    logfile_time_json(json, "created", h->created);
    logfile_time_json(json, "previous_created", h->previous_created);
    if (h->framing == ESE_LOG_ESE97)
        return;
    json_signature(json, "signature", h->signature);
    json_put_integer(json, "page_size", h->page_size);
    json_put_bool(json, "header_good", h->checksum_good);
    json_put_array(json, "databases");
    for (unsigned i = 0; i < h->attached.count; i++) {
        json_map(json);
        json_put_text(json, "path", h->attached.entry[i].name);
        json_signature(json, "signature", h->attached.entry[i].signature);
        json_end_map(json);
    }
    json_end_array(json);
}

static void json_file(struct json *json, const struct ese_log_file *file)
{
    json_map(json);
    json_put_text(json, "name", file->name);
    json_put_text(json, "kind", kind_name(file->kind));
    json_put_integer(json, "size", (int64_t)file->size);
    if (file->header)
        json_header(json, file->header);
    else if (file->kind == ESE_LOG_NAME_CURRENT || file->kind == ESE_LOG_NAME_NUMBERED)
        json_put_bool(json, "header_good", false);
    if (file->scanned) {
        json_put_bool(json, "sound", file->fault.code == FAULT_NONE);
        json_put_integer(json, "records", (int64_t)file->records);
        json_put_integer(json, "segments", file->end.segments);
        json_put_bool(json, "torn_record", file->end.torn_record);
        json_put_bool(json, "read_from_second_copy", file->end.from_copies > 0);
    }
    if (file->fault.code != FAULT_NONE)
        json_put_text(json, "fault", file->fault.text);
    json_end_map(json);
}

static void json_need(struct json *json, const struct ese_log_need *need)
{
    json_put_map(json, "needed");
    json_put_integer(json, "first", need->clean ? 0 : need->first);
    json_put_integer(json, "last", need->clean ? 0 : need->last);
    json_put_integer(json, "committed", need->clean ? 0 : need->committed);
    json_signature(json, "signature", need->signature);
    json_end_map(json);
}

static void json_findings(struct json *json, const struct ese_log_verdict *v)
{
    json_put_array(json, "findings");
    for (size_t i = 0; i < v->findings; i++) {
        json_map(json);
        json_put_text(json, "trouble", logset_trouble_name(v->finding[i].trouble));
        json_put_integer(json, "generation", v->finding[i].generation);
        json_put_text(json, "file", v->finding[i].name);
        json_put_text(json, "text", v->finding[i].text);
        json_end_map(json);
    }
    json_end_array(json);
}

static bool write_json(const struct logset *l)
{
    char call[3 * ESE_LOG_PATH_MOST];
    struct json *json = document_open();
    if (json == NULL)
        return false;
    store_facts_json(json, "store",
                     &(struct store_facts){.path = l->store.path,
                                           .stat = ese_file_stat(l->file),
                                           .header = &l->headers.header});
    json_put_text(json, "logs", l->directory);
    json_need(json, &l->need);
    json_put_array(json, "files");
    for (size_t i = 0; i < l->set.files; i++)
        json_file(json, &l->set.file[i]);
    json_end_array(json);
    json_put_bool(json, "complete", l->verdict.complete);
    json_put_bool(json, "replayable_version", l->verdict.replayable_version);
    json_put_bool(json, "newest_missing", l->verdict.newest_missing);
    json_findings(json, &l->verdict);
    json_put_text(json, "eseutil", eseutil_call(l, call, sizeof call) ? call : NULL);
    return true;
}

int cmd_logs(const struct options *options)
{
    struct logset logs;
    interrupt_ends();
    const struct rescue_options rescue = options_for_rescue(options);
    int status = told(options, logset_open(&logs, &rescue, options->notes));
    if (status == EXIT_CLEAN) {
        bool fit = logs.need.clean ? ese_log_verdict_in_row(&logs.verdict) : logs.verdict.complete;
        status = fit ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
        if (!options->json) {
            write_text(&logs);
        } else if (!write_json(&logs)) {
            status = EXIT_TROUBLE;
        }
    }
    logset_close(&logs);
    return status;
}
