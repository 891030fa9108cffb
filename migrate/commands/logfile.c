/* Log and checkpoint files, shown: see logfile.h. */
#include "migrate/commands/command.h"
#include "migrate/commands/logfile.h"

#include "formats/ese/log/set.h"
#include "formats/ese/log/stream.h"
#include "formats/hash.h"
#include "formats/path.h"
#include "migrate/console/document.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROW_HASH_SHOWN = 16 };

enum ese_log_file_kind logfile_kind(const char *path)
{
    enum ese_log_file_kind kind = ese_log_kind_of(path);
    struct ese_file *file = NULL;
    struct fault f = {.code = FAULT_NONE};
    char base[ESE_LOG_BASE_SIZE + 1];
    int32_t generation;
    unsigned digits;
    bool opened = kind == ESE_LOG_NEITHER && ese_file_open(path, &file, &f);
    ese_file_close(file);
    if (kind != ESE_LOG_NEITHER || opened || f.code != FAULT_NOT_THIS)
        return kind;
    return ese_log_name_kind(ese_log_name_read(path_last(path), base, &generation, &digits));
}

static bool open_log(const char *path, enum ese_log_file_kind kind, struct ese_file **file,
                     struct fault *f)
{
    return ese_file_open_as(path, ese_log_file_words(kind), file, f);
}

/* ---- writing in two forms: as JSON, or, where that is NULL, as text ---- */

static void text_field(struct json *json, const char *key, const char *label, const char *value)
{
    if (json)
        json_put_text(json, key, value);
    else
        output_format("%22s: %s\n", label, value);
}

static void number_field(struct json *json, const char *key, const char *label, int64_t value)
{
    if (json)
        json_put_integer(json, key, value);
    else
        output_format("%22s: %" PRId64 "\n", label, value);
}

static void bool_field(struct json *json, const char *key, const char *label, bool value)
{
    if (json)
        json_put_bool(json, key, value);
    else
        output_format("%22s: %s\n", label, value ? "yes" : "no");
}

void logfile_time_json(struct json *json, const char *key, const uint8_t time[ESE_LOG_TIME_SIZE])
{
    static const uint8_t never[ESE_LOG_TIME_SIZE];
    char text[40];
    bool known = memcmp(time, never, sizeof never) != 0 && ese_log_time_is_date(time);
    json_put_text(json, key, known ? ese_log_time_text(time, text) : NULL);
}

static void time_field(struct json *json, const char *key, const char *label,
                       const uint8_t time[ESE_LOG_TIME_SIZE])
{
    char text[40];
    if (json)
        logfile_time_json(json, key, time);
    else
        text_field(json, key, label, ese_log_time_text(time, text));
}

static const char *position_text(struct ese_log_position p, char text[32])
{
    snprintf(text, 32, "%08X,%04X,%04X", (unsigned)p.generation, p.sector, p.byte);
    return text;
}

static void position_field(struct json *json, const char *key, const char *label,
                           struct ese_log_position p)
{
    char text[32];
    text_field(json, key, label, position_text(p, text));
}

static void signature_field(struct json *json, const char *key, const char *label,
                            const uint8_t signature[ESE_LOG_SIGNATURE_SIZE])
{
    char text[2 * ESE_LOG_SIGNATURE_SIZE + 1];
    text_field(json, key, label,
               bytes_hex(bytes_of(signature, ESE_LOG_SIGNATURE_SIZE), text, sizeof text));
}

static void attachments(struct json *json, const struct ese_log_attachments *list)
{
    if (json)
        json_put_array(json, "attached");
    for (unsigned i = 0; i < list->count; i++) {
        const struct ese_log_attachment *a = &list->entry[i];
        if (json)
            json_map(json);
        number_field(json, "database", "Database", a->database);
        text_field(json, "path", "its path", a->name);
        signature_field(json, "signature", "its signature", a->signature);
        position_field(json, "attached_at", "attached at", a->attached);
        position_field(json, "consistent_at", "consistent at", a->consistent);
        if (json)
            json_end_map(json);
    }
    if (json)
        json_end_array(json);
    if (!list->whole)
        bool_field(json, "attached_whole", "all of them listed", false);
}

/* ---- info ---- */

struct count {
    uint64_t records, bytes, of_type[ESE_LOG_TYPES];
};

static void write_counts(struct json *json, const struct count *c, const struct ese_log_end *end)
{
    number_field(json, "records", "Records", (int64_t)c->records);
    number_field(json, "segments", "Segments read", end->segments);
    number_field(json, "segments_from_copies", "from second copies", end->from_copies);
    number_field(json, "segments_corrected", "with a bit put right", end->corrected);
    bool_field(json, "torn_record", "Last record torn", end->torn_record);
    position_field(json, "end", "Ends at", end->at);
    if (json)
        json_put_map(json, "types");
    for (unsigned t = 0; t < ESE_LOG_TYPES; t++)
        if (c->of_type[t])
            number_field(json, ese_log_type_name(t), ese_log_type_name(t), (int64_t)c->of_type[t]);
    if (json)
        json_end_map(json);
}

/* Reads to the end; what speaks against the log's soundness is told. */
static int count_records(const char *path, struct ese_file *file, struct json *json)
{
    struct ese_log_stream *stream;
    struct ese_log_record record;
    struct count count = {.records = 0};
    struct fault f = {.code = FAULT_NONE};
    if (!ese_log_stream_open(file, &stream, &f)) {
        bool known = f.code == FAULT_UNSUPPORTED;
        message_trouble(path, &f);
        return known ? EXIT_CLEAN : f.code == FAULT_DAMAGED ? EXIT_PROBLEMS_LEFT : EXIT_TROUBLE;
    }
    enum ese_log_step step;
    while ((step = ese_log_stream_next(stream, &record, &f)) == ESE_LOG_STEP_RECORD) {
        count.records++;
        count.of_type[record.type]++;
    }
    write_counts(json, &count, ese_log_stream_end(stream));
    ese_log_stream_close(stream);
    if (step == ESE_LOG_STEP_END)
        return EXIT_CLEAN;
    message_trouble(path, &f);
    return f.code == FAULT_DAMAGED || f.code == FAULT_LIMIT ? EXIT_PROBLEMS_LEFT : EXIT_TROUBLE;
}

static void write_header(struct json *json, const struct ese_log_header *h)
{
    char text[48];
    text_field(json, "version", "Version", ese_log_version(h, text));
    number_field(json, "generation", "Generation", h->generation);
    time_field(json, "created", "Created", h->created);
    time_field(json, "previous_created", "Previous created", h->previous_created);
    if (h->framing == ESE_LOG_ESE97)
        return;
    signature_field(json, "signature", "Log signature", h->signature);
    bool_field(json, "checksum_good", "Checksum good", h->checksum_good);
    number_field(json, "sector_size", "Sector size", h->sector_size);
    number_field(json, "file_sectors", "Sectors of the file", h->file_sectors);
    number_field(json, "page_size", "cbDbPage", h->page_size);
    text_field(json, "system_path", "System path", h->system_path);
    text_field(json, "log_path", "Log path", h->log_path);
    position_field(json, "checkpoint", "Checkpoint then", h->checkpoint);
    attachments(json, &h->attached);
}

static int info_log(const char *path, struct ese_file *file, struct json *json)
{
    struct ese_log_header header;
    struct fault f;
    if (!ese_log_header_read(file, &header, &f))
        return message_trouble(path, &f);
    write_header(json, &header);
    return count_records(path, file, json);
}

static int info_checkpoint(const char *path, struct ese_file *file, struct json *json)
{
    struct ese_log_checkpoint c;
    struct fault f;
    if (!ese_log_checkpoint_read(file, &c, &f))
        return message_trouble(path, &f);
    position_field(json, "checkpoint", "Checkpoint", c.position);
    signature_field(json, "signature", "Log signature", c.signature);
    text_field(json, "system_path", "System path", c.system_path);
    text_field(json, "log_path", "Log path", c.log_path);
    bool_field(json, "from_second_copy", "From the second copy", c.from_shadow);
    if (c.has_attached)
        attachments(json, &c.attached);
    return c.from_shadow ? EXIT_PROBLEMS_LEFT : EXIT_CLEAN;
}

static bool asks_for_table(const struct options *options, const char *command)
{
    if (options->table)
        message_error("%s: --table goes with a database; a log or a checkpoint has no tables",
                      command);
    return options->table;
}

int logfile_info(const struct options *options)
{
    const char *path = options->operand[0];
    if (asks_for_table(options, "info"))
        return EXIT_USAGE;
    struct json *json = options->json ? document_open() : NULL;
    struct ese_file *file;
    struct fault f;
    if (options->json && json == NULL)
        return EXIT_TROUBLE;
    bool checkpoint = logfile_kind(path) == ESE_LOG_CHECKPOINT_FILE;
    if (!open_log(path, checkpoint ? ESE_LOG_CHECKPOINT_FILE : ESE_LOG_FILE, &file, &f))
        return message_trouble(path, &f);
    text_field(json, "file", checkpoint ? "Checkpoint file" : "Log file", path);
    int status = checkpoint ? info_checkpoint(path, file, json) : info_log(path, file, json);
    ese_file_close(file);
    return status;
}

/* ---- dump ---- */

struct line {
    const struct ese_log_record *record;
    struct ese_log_page page;
    bool has_page;
    size_t rows;
    char at[32], hash[2 * HASH_SHA256_SIZE + 1];
};

static void fill(struct line *l, const struct ese_log_record *record, struct hash *hash)
{
    struct bytes rows;
    uint8_t digest[HASH_SHA256_SIZE];
    *l = (struct line){.record = record};
    position_text(record->at, l->at);
    l->has_page = ese_log_page_read(record, &l->page);
    l->rows = ese_log_row_bytes(record, &rows);
    if (l->rows == 0)
        return;
    hash_sha256(hash, rows, digest);
    bytes_hex(bytes_of(digest, sizeof digest), l->hash, sizeof l->hash);
}

static void write_line_json(struct json *json, const struct line *l)
{
    const struct ese_log_page *p = &l->page;
    const struct {
        const char *key;
        uint64_t value;
    } page[] = {{"session", p->session},
                {"database", p->database},
                {"page", p->page},
                {"line", p->line},
                {"before", p->before},
                {"after", p->after},
                {"transaction", p->transaction},
                {"level", p->level},
                {"flags", p->flags},
                {"object", p->object_id},
                {"root", p->root}};
    json_map(json);
    json_put_text(json, "at", l->at);
    json_put_text(json, "type", ese_log_type_name(l->record->type));
    json_put_unsigned(json, "size", l->record->bytes.size);
    for (size_t i = 0; l->has_page && i < sizeof page / sizeof page[0] - (p->is_node ? 0 : 2);
         i++) {
        json_key(json, page[i].key);
        json_unsigned(json, page[i].value);
    }
    if (l->rows) {
        json_put_unsigned(json, "row_bytes", l->rows);
        json_put_text(json, "row_sha256", l->hash);
    }
    json_end_map(json);
    json_end_document(json);
}

static void write_line_text(const struct line *l)
{
    const struct ese_log_page *p = &l->page;
    output_format("%s\t%s\t%zu", l->at, ese_log_type_name(l->record->type), l->record->bytes.size);
    if (l->has_page)
        output_format("\t%u\t%u\t%u\t%u\t%u\t0x%" PRIx64 "\t0x%" PRIx64 "\t%u\t%u", p->session,
                      p->database, p->page, p->line, p->object_id, p->before, p->after,
                      p->transaction, p->level);
    else
        output_text("\t\t\t\t\t\t\t\t\t");
    if (l->rows)
        output_format("\t%zu\t%.*s\n", l->rows, ROW_HASH_SHOWN, l->hash);
    else
        output_text("\t\t\n");
}

static int dump_records(const char *path, struct ese_log_stream *stream, struct json *json,
                        struct hash *hash)
{
    struct ese_log_record record;
    struct fault f = {.code = FAULT_NONE};
    enum ese_log_step step;
    if (json)
        document_is_bare();
    else
        output_text("at\ttype\tsize\tsession\tdatabase\tpage\tline\tobject\tbefore\tafter\t"
                    "transaction\tlevel\trow_bytes\trow_sha256\n");
    while ((step = ese_log_stream_next(stream, &record, &f)) == ESE_LOG_STEP_RECORD &&
           !output_failed()) {
        struct line line;
        fill(&line, &record, hash);
        if (json)
            write_line_json(json, &line);
        else
            write_line_text(&line);
    }
    if (step != ESE_LOG_STEP_FAULT)
        return EXIT_CLEAN;
    message_trouble(path, &f);
    return f.code == FAULT_DAMAGED || f.code == FAULT_LIMIT ? EXIT_PROBLEMS_LEFT : EXIT_TROUBLE;
}

int logfile_dump(const struct options *options)
{
    const char *path = options->operand[0];
    struct ese_file *file = NULL;
    struct ese_log_stream *stream = NULL;
    struct hash hash;
    struct fault f = {.code = FAULT_NONE};
    int status = EXIT_TROUBLE;
    if (asks_for_table(options, "dump"))
        return EXIT_USAGE;
    if (!hash_open(&hash, &f))
        return message_trouble(path, &f);
    struct json *json = options->json ? json_open(false) : NULL;
    if (options->json && json == NULL)
        message_error("out of memory");
    else if (!open_log(path, ESE_LOG_FILE, &file, &f) || !ese_log_stream_open(file, &stream, &f))
        message_trouble(path, &f);
    else
        status = dump_records(path, stream, json, &hash);
    ese_log_stream_close(stream);
    ese_file_close(file);
    json_close(json);
    hash_close(&hash);
    return status;
}
