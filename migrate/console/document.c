/* The object of a command: see document.h. */
#include "migrate/console/document.h"

#include "formats/memory.h"
#include "migrate/console/status.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"

#include <stdio.h>

static struct {
    const char *command; /* NULL: one that there is not */
    bool wanted, one_a_line, bare;
    struct json *json;   /* NULL: not open */
    char cancelled[200]; /* what is printed when a signal ends the program */
} document;

void document_begin(const char *command, bool one_a_line)
{
    document.command = command;
    document.wanted = true;
    document.one_a_line = one_a_line;
    snprintf(document.cancelled, sizeof document.cancelled,
             "{\"schema\":%d,\"command\":\"%s\",\"errors\":[{\"message\":\"cancelled; nothing was "
             "changed\"}],\"exit\":%d}\n",
             DOCUMENT_SCHEMA, command ? command : "", EXIT_CANCELLED);
    interrupt_ends_with(document.cancelled);
    output_go_on(true);
    output_hold(!one_a_line);
}

struct json *document_open(void)
{
    if (document.json)
        return document.json;
    document.json = json_open(!document.one_a_line);
    if (document.json == NULL) {
        message_error("out of memory");
        return NULL;
    }
    json_map(document.json);
    json_put_integer(document.json, "schema", DOCUMENT_SCHEMA);
    json_put_text(document.json, "command", document.command);
    return document.json;
}

void document_is_bare(void)
{
    document.bare = true;
    output_go_on(false);
    output_hold(false);
    interrupt_ends_with(NULL);
}

static void optional(struct json *json, const char *key, const char *text)
{
    if (text)
        json_put_text(json, key, text);
}

static void error_members(struct json *json)
{
    const struct message_told *told;
    unsigned untold = 0;
    json_put_array(json, "errors");
    for (unsigned i = 0; (told = message_told(i, &untold)) != NULL; i++) {
        json_map(json);
        json_put_text(json, "message", told->message);
        optional(json, "file", told->file);
        optional(json, "place", told->place);
        optional(json, "expected", told->expected);
        optional(json, "found", told->found);
        optional(json, "next", told->next);
        json_end_map(json);
    }
    json_end_array(json);
    if (untold > 0)
        json_put_unsigned(json, "errors_left_out", untold);
}

/* Where there was no memory for more. */
static void shortest(int status)
{
    output_format("{\"schema\":%d,\"command\":\"%s\",\"errors\":[{\"message\":\"out of "
                  "memory\"}],\"exit\":%d}\n",
                  DOCUMENT_SCHEMA, document.command ? document.command : "", status | EXIT_TROUBLE);
}

/* Members that were made without memory may say something else than they would with it: the
 * document begins again, with nothing but the errors. */
static void begin_again(void)
{
    if (document.json == NULL || document.one_a_line || !output_drop())
        return;
    json_close(document.json);
    document.json = NULL;
}

void document_end(int status)
{
    if (document.wanted && !document.bare) {
        if (memory_ran_short())
            begin_again();
        struct json *json = document_open();
        if (json) {
            error_members(json);
            json_put_integer(json, "exit", status);
            json_end_map(json);
            json_end_document(json);
        } else {
            shortest(status);
        }
    }
    json_close(document.json);
    document.json = NULL;
    document.wanted = document.bare = false;
    interrupt_ends_with(NULL);
    message_forget();
}
