/* kmmigrate info: what a database is and what is in it. */
#include "migrate/commands/command.h"
#include "migrate/commands/logfile.h"
#include "migrate/console/color.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/table.h"
#include "migrate/report/storefacts.h"
#include "migrate/console/value.h"

#include <inttypes.h>
#include <stdio.h>

struct info {
    struct store store;
    struct json *json;
    const struct options *options;
    bool damaged;
};

static void tell_damage(void *context, const struct fault *f)
{
    struct info *info = context;
    if (!info->damaged)
        message_file(info->store.path,
                     "rows are missing from the counts: %s; see kmmigrate check --structure",
                     f->text);
    info->damaged = true;
}

static void json_name(struct json *json, const char *name)
{
    json_string(json, value_name(name));
}

/* ---- JSON: the schema that the contract fixes ---- */

static void json_column(struct json *json, const struct ese_column *column)
{
    json_map(json);
    json_put_unsigned(json, "id", column->id);
    json_key(json, "name");
    json_name(json, column->name);
    json_put_text(json, "type", ese_coltype_name(column->type));
    if (column->from_template)
        json_put_bool(json, "template", true);
    json_end_map(json);
}

static void json_index(struct json *json, const struct ese_index *index)
{
    json_map(json);
    json_key(json, "name");
    json_name(json, index->name);
    json_put_bool(json, "unique", index->flags & (ESE_INDEX_UNIQUE | ESE_INDEX_PRIMARY));
    json_put_bool(json, "primary", index->flags & ESE_INDEX_PRIMARY);
    json_end_map(json);
}

static void json_table(struct info *info, const struct ese_table *table)
{
    struct json *json = info->json;
    json_map(json);
    json_key(json, "name");
    json_name(json, table->name);
    json_put_unsigned(json, "rows", ese_db_count_rows(info->store.db, table, tell_damage, info));
    json_put_array(json, "columns");
    for (unsigned i = 0; i < table->columns; i++)
        if (table->column[i].type != ESE_COL_NIL)
            json_column(json, &table->column[i]);
    json_end_array(json);
    json_put_array(json, "indexes");
    for (unsigned i = 0; i < table->indexes; i++)
        json_index(json, &table->index[i]);
    json_end_array(json);
    json_end_map(json);
}

/* only: the one table to tell of; NULL: all. */
static void write_json(struct info *info, const struct ese_table *only)
{
    const struct ese_header *h = &info->store.db->headers.header;
    const struct ese_catalog *catalog = info->store.db->catalog;
    struct json *json = info->json;
    store_json(json, "store", &info->store);
    json_put_map(json, "format");
    json_put_hex_number(json, "version", h->version);
    json_put_hex_number(json, "revision", h->revision);
    json_end_map(json);
    json_put_unsigned(json, "page_size", h->page_size);
    json_put_text(json, "state", ese_state_name(h->state));
    json_put_unsigned(json, "pages", ese_pages_last(info->store.db->pages));
    json_put_array(json, "tables");
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++)
        if (only == NULL || ese_catalog_table(catalog, i) == only)
            json_table(info, ese_catalog_table(catalog, i));
    json_end_array(json);
}

/* ---- text: the header in eseutil's words, then a table of tables ---- */

static void write_time(const char *label, struct ese_time t)
{
    int64_t seconds;
    if (ese_time_seconds(t, &seconds))
        output_format("%16s: %04d-%02d-%02d %02d:%02d:%02d\n", label, 1900 + t.year, t.month, t.day,
                      t.hour, t.minute, t.second);
}

static void write_header(const struct info *info)
{
    const struct ese_header *h = &info->store.db->headers.header;
    output_format("%16s: %s\n", "Database", info->store.path);
    output_format("%16s: %s\n", "State", ese_state_name(h->state));
    output_format("%16s: 0x%x,0x%x\n", "Format", h->version, h->revision);
    output_format("%16s: 0x%x,0x%x\n", "Created as", h->create_version, h->create_revision);
    output_format("%16s: %u\n", "cbDbPage", h->page_size);
    output_format("%16s: %u (%" PRIu64 " bytes)\n", "Pages", ese_pages_last(info->store.db->pages),
                  ese_file_size(info->store.db->file));
    output_format("%16s: %" PRIu64 " (0x%" PRIx64 ")\n", "dbtime", h->dbtime, h->dbtime);
    output_format("%16s: %u\n", "Objid", h->objid_last);
    output_format("%16s: 0x%08x\n", "DB Signature", h->signature.random);
    write_time("Created", h->signature.created);
    write_time("Last Consistent", h->consistent);
    write_time("Last Attach", h->attached);
    write_time("Last Detach", h->detached);
    output_format("%16s: %d-%d\n", "Log Required", h->generation_min_required,
                  h->generation_max_required);
    output_format("%16s: %u\n", "Repair Count", h->repair_count);
    write_time("Last Repair", h->repaired);
    output_format("%16s: %u.%u.%u SP %u\n", "OS Version", h->os_major, h->os_minor, h->os_build,
                  h->os_service_pack);
    output_format("%16s: %s\n\n", "Shadow catalog",
                  h->flags & ESE_HEADER_SHADOW_CATALOG_OFF ? "not kept" : "kept");
}

static bool number_cell(struct libscols_line *line, unsigned column, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return table_cell(line, column, text);
}

static bool fill_line(struct info *info, struct libscols_line *line, const struct ese_table *table)
{
    unsigned shown = 0;
    for (unsigned i = 0; i < table->columns; i++)
        shown += table->column[i].type != ESE_COL_NIL;
    if ((table->flags & ESE_TABLE_SYSTEM) && color_wanted())
        scols_line_set_color(line, "darkgray");
    return table_cell(line, 0, value_name(table->name)) &&
           number_cell(line, 1, ese_db_count_rows(info->store.db, table, tell_damage, info)) &&
           number_cell(line, 2, shown) && number_cell(line, 3, table->indexes) &&
           number_cell(line, 4, table->objid) && number_cell(line, 5, table->root);
}

static bool write_tables(struct info *info)
{
    static const char *const headings[] = {"TABLE",   "ROWS",  "COLUMNS",
                                           "INDEXES", "OBJID", "PGNOFDP"};
    enum { NUMBERS = 0x3e };
    const struct ese_catalog *catalog = info->store.db->catalog;
    struct libscols_table *table =
        table_new(headings, sizeof headings / sizeof headings[0], NUMBERS);
    if (table == NULL)
        return false;
    scols_table_enable_colors(table, color_wanted());
    scols_table_enable_maxout(table, 0);
    bool ok = true;
    for (unsigned i = 0; ok && i < ese_catalog_tables(catalog); i++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        ok = line != NULL && fill_line(info, line, ese_catalog_table(catalog, i));
    }
    ok = ok && table_print(table);
    scols_unref_table(table);
    return ok;
}

/* With --table: its columns and indexes. */
static void write_columns(const struct ese_table *table)
{
    output_format("Table %s\n", value_name(table->name));
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column->type == ESE_COL_NIL)
            continue;
        output_format("  column %5u  %-16s %s%s%s\n", column->id, ese_coltype_name(column->type),
                      value_name(column->name),
                      column->from_template ? "  (from the template)" : "",
                      column->flags & ESE_COLUMN_MULTI_VALUED ? "  (multi-valued)" : "");
    }
    for (unsigned i = 0; i < table->indexes; i++)
        output_format("  index  %s%s%s\n", value_name(table->index[i].name),
                      table->index[i].flags & ESE_INDEX_PRIMARY ? "  primary" : "",
                      table->index[i].flags & ESE_INDEX_UNIQUE ? "  unique" : "");
}

static int write_text(struct info *info, const struct ese_table *only)
{
    if (only) {
        write_columns(only);
        return EXIT_CLEAN;
    }
    write_header(info);
    return write_tables(info) ? EXIT_CLEAN : message_no_memory();
}

static int show(struct info *info)
{
    const struct options *options = info->options;
    const struct ese_table *only =
        options->table ? store_table(&info->store, options->table, options->notes) : NULL;
    int status = EXIT_CLEAN;
    if (options->table && only == NULL) {
        status = told(options, EXIT_TROUBLE);
    } else if (!options->json) {
        status = write_text(info, only);
    } else if ((info->json = document_open()) != NULL) {
        write_json(info, only);
    } else {
        status = EXIT_TROUBLE;
    }
    if (info->damaged || info->store.damaged || info->store.pending.code != FAULT_NONE)
        status |= EXIT_PROBLEMS_LEFT;
    return status;
}

int cmd_info(const struct options *options)
{
    struct info info = {.options = options};
    interrupt_ends();
    if (logfile_kind(options->operand[0]) != ESE_LOG_NEITHER)
        return logfile_info(options);
    int status = told(options, store_open(&info.store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN)
        return status;
    status = show(&info);
    store_close(&info.store);
    return status;
}
