/* kmmigrate dump: the rows of one table of any ESE database, or of all, as they are read. */
#include "migrate/commands/command.h"
#include "migrate/commands/logfile.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"
#include "migrate/profile/profile.h"
#include "migrate/store/store.h"
#include "migrate/console/value.h"
#include "migrate/profile/read.h"

#include <unistd.h>

struct dump {
    struct store store;
    const struct ese_table *table;
    struct json *json;
    struct value_writer *writer;
    unsigned damage; /* how many places could not be read */
    bool no_memory;  /* then nothing more is read: it is no damage */
    bool all;        /* of all tables: what is written names the table */
    char name[256];  /* of the table, in UTF-8; the same as a string of JSON: */
    char quoted[256 + 2];
    size_t quoted_size; /* 0: it has to be escaped */
};

enum { DAMAGE_PRINTED_MOST = 20 };

static void tell_damage(struct dump *d, const struct fault *f)
{
    struct fault there = *f;
    fault_context(&there, "table %s", d->table->name);
    if (f->code == FAULT_NO_MEMORY) {
        message_trouble(d->store.path, &there);
        d->no_memory = true;
        return;
    }
    d->damage++;
    if (d->damage <= DAMAGE_PRINTED_MOST)
        message_trouble(d->store.path, &there);
    if (d->damage == DAMAGE_PRINTED_MOST)
        message_file(d->store.path, "more damage is not listed; see kmmigrate check --structure");
}

static bool is_shown(const struct ese_column *column)
{
    return column->type != ESE_COL_NIL;
}

static void write_names(const struct dump *d)
{
    bool first = true;
    for (unsigned i = 0; i < d->table->columns; i++) {
        if (!is_shown(&d->table->column[i]))
            continue;
        if (!first)
            output_text("\t");
        first = false;
        const char *name = value_name(d->table->column[i].name);
        output_escaped(bytes_of(name, strlen(name)), ESCAPE_FIELD);
    }
    output_text("\n");
}

/* A row stays bare where its table was asked for. */
static void begin_row(const struct dump *d)
{
    static const char table[] = "\"table\"", row[] = "\"row\"";
    json_map(d->json);
    if (!d->all)
        return;
    json_quoted(d->json, bytes_of(table, sizeof table - 1));
    if (d->quoted_size > 0)
        json_quoted(d->json, bytes_of(d->quoted, d->quoted_size));
    else
        json_string(d->json, d->name);
    json_quoted(d->json, bytes_of(row, sizeof row - 1));
    json_map(d->json);
}

static void write_row(struct dump *d, const struct ese_record *record, const struct ese_cursor *c)
{
    bool first = true;
    if (d->json)
        begin_row(d);
    for (unsigned i = 0; i < d->table->columns; i++) {
        const struct ese_column *column = &d->table->column[i];
        struct fault f;
        if (!is_shown(column))
            continue;
        if (!d->json && !first)
            output_text("\t");
        first = false;
        if (value_write(d->writer, record, column, &f))
            continue;
        fault_context(&f, "page %u tag %u", c->leaf->number, c->index + c->leaf->reserved);
        tell_damage(d, &f);
    }
    if (d->json) {
        json_end_map(d->json);
        if (d->all)
            json_end_map(d->json);
        json_end_document(d->json);
    } else {
        output_text("\n");
    }
}

static void write_rows(struct dump *d)
{
    struct ese_cursor c;
    ese_cursor_open(&c, d->store.db->pages, d->table->root, d->table->objid);
    while (!output_failed() && !d->no_memory) {
        struct fault f = {.code = FAULT_NONE};
        enum ese_step step = ese_cursor_next(&c, &f);
        if (step == ESE_STEP_END)
            break;
        struct ese_record record;
        if (step == ESE_STEP_NODE && ese_record_on_page(&record, d->table, c.leaf, c.data, &f)) {
            struct ese_run_hint hint = {.at = 0};
            record.hint = &hint;
            write_row(d, &record, &c);
            continue;
        }
        if (step == ESE_STEP_NODE)
            fault_context(&f, "page %u tag %u", c.leaf->number, c.index + c.leaf->reserved);
        tell_damage(d, &f);
    }
    ese_cursor_close(&c);
}

static void dump_table(struct dump *d, const struct ese_table *table)
{
    d->table = table;
    snprintf(d->name, sizeof d->name, "%s", value_name(table->name));
    d->quoted_size = json_quote(d->name, d->quoted);
    if (!d->json && d->all)
        output_format("Table %s\n", d->name);
    if (!d->json)
        write_names(d);
    write_rows(d);
    if (!d->json && d->all)
        output_text("\n");
}

/* table NULL: all of them. */
static int dump(struct dump *d, const struct ese_table *table, const struct options *options)
{
    const struct ese_catalog *catalog = d->store.db->catalog;
    d->json = options->json ? json_open(false) : NULL;
    d->writer = store_value_writer(&d->store, d->json);
    d->all = table == NULL;
    int status = EXIT_TROUBLE;
    if (d->writer == NULL || (options->json && d->json == NULL)) {
        message_error("out of memory");
    } else {
        if (d->json)
            document_is_bare();
        if (!isatty(STDOUT_FILENO)) /* else the rows show how far it is */
            progress_open("dumping", ese_file_size(d->store.db->file));
        if (table)
            dump_table(d, table);
        for (unsigned i = 0; d->all && !d->no_memory && i < ese_catalog_tables(catalog); i++)
            dump_table(d, ese_catalog_table(catalog, i));
        status = d->damage || d->store.damaged || d->store.pending.code != FAULT_NONE
                     ? EXIT_PROBLEMS_LEFT
                     : EXIT_CLEAN;
        if (d->no_memory)
            status |= EXIT_TROUBLE;
        progress_close();
    }
    value_writer_close(d->writer);
    json_close(d->json);
    return status;
}

int cmd_dump(const struct options *options)
{
    struct dump d = {.damage = 0};
    if (logfile_kind(options->operand[0]) == ESE_LOG_FILE)
        return logfile_dump(options);
    interrupt_ends();
    int status = told(options, store_open(&d.store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN)
        return status;
    struct profile profile;
    d.store.show_secrets = options->assess.reading.show_secrets;
    status = store_use_profile(&d.store, &profile, options->assess.reading.profile, options->notes);
    const struct ese_table *table = NULL;
    if (status == EXIT_CLEAN && options->table)
        table = store_table(&d.store, options->table, options->notes);
    if (status != EXIT_CLEAN || (options->table && table == NULL))
        status = told(options, EXIT_TROUBLE);
    else
        status = dump(&d, table, options);
    profile_close(&profile);
    store_close(&d.store);
    return status;
}
