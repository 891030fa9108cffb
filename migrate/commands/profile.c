/* kmmigrate profile: drafts a profile from what a store holds, with the reasons as comments. */
#include "formats/buffer.h"
#include "migrate/commands/command.h"
#include "migrate/discover/discover.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/value.h"
#include "migrate/report/storefacts.h"

#include <stdlib.h>

static void json_place(struct json *json, const struct ese_table *table,
                       const struct ese_column *column)
{
    json_put_text(json, "table", value_name(table->name));
    json_put_text(json, "column", value_name(column->name));
}

static void json_column(struct json *json, const struct discover_column *c)
{
    json_map(json);
    json_place(json, c->table, c->column);
    json_put_text(json, "kind", discover_kind_name(c->kind));
    json_put_bool(json, "chosen", c->chosen);
    json_put_unsigned(json, "values", c->values);
    json_put_unsigned(json, "certificates", c->certificates);
    json_put_unsigned(json, "issuers", c->issuers);
    json_put_unsigned(json, "revocation_lists", c->crls);
    json_put_unsigned(json, "lists", c->lists);
    json_put_unsigned(json, "unreadable", c->broken);
    json_put_unsigned(json, "pem", c->pem);
    json_put_text(json, "why", c->why);
    json_end_map(json);
}

static void json_reference(struct json *json, const struct discover_reference *r)
{
    json_map(json);
    json_place(json, r->table, r->column);
    json_put_text(json, "verdict", discover_verdict_name(r->verdict));
    json_put_bool(json, "contained", r->contained);
    json_put_unsigned(json, "rows", r->rows);
    json_put_unsigned(json, "compared", r->compared);
    json_put_unsigned(json, "agreed", r->agreed);
    json_put_text(json, "why", r->why);
    json_end_map(json);
}

static void json_note(struct json *json, const struct discover_note *n)
{
    json_map(json);
    json_put_text(json, "key", n->key);
    json_put_bool(json, "guessed", n->guess);
    json_put_bool(json, "left_out", n->left_out);
    json_put_text(json, "text", n->text);
    json_end_map(json);
}

/* draft: the text that is printed without --json. */
static void write_json(struct json *json, const struct discovery *d, const char *draft)
{
    json_put_text(json, "result", discover_result_name(d->result));
    json_put_text(json, "why", d->why);
    json_put_unsigned(json, "entries", d->entries);
    json_put_unsigned(json, "damaged", d->damaged);
    json_put_bool(json, "limited", d->limited);
    json_put_array(json, "columns");
    for (unsigned i = 0; i < d->columns; i++)
        json_column(json, &d->column[i]);
    json_end_array(json);
    json_put_array(json, "references");
    for (unsigned i = 0; i < d->references; i++)
        json_reference(json, &d->reference[i]);
    json_end_array(json);
    json_put_array(json, "notes");
    for (unsigned i = 0; i < d->notes; i++)
        json_note(json, &d->note[i]);
    json_end_array(json);
    json_put_text(json, "profile", draft);
}

/* The draft as text, to be freed; NULL: memory is short. */
static char *draft_text(const struct discovery *d)
{
    struct buffer text = {0};
    FILE *to = buffer_stream(&text);
    if (to)
        discover_write(d, to);
    if (buffer_stream_close(&text, to) && buffer_add_u8(&text, '\0'))
        return (char *)text.at;
    buffer_free(&text);
    return NULL;
}

static int show(const struct store *store, const struct discovery *d, bool as_json)
{
    char *draft = draft_text(d);
    struct json *json = draft && as_json ? document_open() : NULL;
    int status =
        d->result == DISCOVER_COMPLETE && d->damaged == 0 ? EXIT_CLEAN : EXIT_PROBLEMS_LEFT;
    if (draft == NULL)
        message_error("out of memory");
    if (draft == NULL || (as_json && json == NULL)) {
        status = EXIT_TROUBLE;
    } else if (as_json) {
        store_json(json, "store", store);
        write_json(json, d, draft);
    } else {
        output_escaped(bytes_of(draft, strlen(draft)), ESCAPE_LINES);
    }
    free(draft);
    return status;
}

int cmd_profile(const struct options *options)
{
    struct store store;
    struct discovery d;
    struct discover_hints hints = {.list_table = options->table};
    struct fault f = {.code = FAULT_NONE};
    interrupt_ends();
    int status = told(options, store_open(&store, options->operand[0], options->notes));
    if (status != EXIT_CLEAN)
        return status;
    if (options->table && store_table(&store, options->table, options->notes) == NULL) {
        status = told(options, EXIT_TROUBLE);
    } else if (discover(&store, &hints, &d, &f)) {
        status = show(&store, &d, options->json);
        if (store.damaged)
            status |= EXIT_PROBLEMS_LEFT;
        if (d.result != DISCOVER_COMPLETE)
            message_warning("%s: the draft is not complete: %s", store.path, d.why);
        discover_close(&d);
    } else {
        message_trouble(store.path, &f);
        status = EXIT_TROUBLE;
    }
    store_close(&store);
    return status;
}
