/* A store in one line: see brief.h. */
#include "migrate/report/brief.h"

#include "migrate/console/document.h"
#include "migrate/console/output.h"
#include "migrate/decide/refusal.h"
#include "migrate/report/storefacts.h"

#include <string.h>

enum { PLAN_DIGITS = 16 };

/* Calls back with each code that was found, once, in the order of the table of problems. */
static void each_code(const struct problems *found, void (*take)(void *context, const char *code),
                      void *context)
{
    for (unsigned code = 0; code < PROBLEM_CODES; code++)
        if (problem_has(found, (enum problem_code)code))
            take(context, problem_kind((enum problem_code)code)->code);
}

/* ---- text ---- */

static void print_code(void *context, const char *code)
{
    const char **before = context;
    output_format("%s%s", *before, code);
    *before = ",";
}

static void begin_line(const char *path, enum verdict verdict)
{
    output_escaped(bytes_of(path, strlen(path)), ESCAPE_FIELD);
    output_format("\t%s\t", verdict_name(verdict));
}

static void print_line(const struct assessment *a, const char *path)
{
    const char *before = "";
    begin_line(path, a->verdict);
    each_code(&a->found, print_code, &before);
    output_text(before[0] ? "\t" : "-\t");
    if (refusal_of(a))
        output_text("refused\n");
    else if (assess_has_work(a))
        output_format("%.*s\n", PLAN_DIGITS, a->plan.id);
    else
        output_text("-\n");
}

/* ---- JSON ---- */

static void add_code(void *context, const char *code)
{
    json_string(context, code);
}

static int print_json(const struct assessment *a)
{
    const char *refusal = refusal_of(a);
    struct json *json = document_open();
    if (json == NULL)
        return EXIT_TROUBLE;
    assess_store_json(json, a);
    json_put_text(json, "verdict", verdict_name(a->verdict));
    json_put_array(json, "codes");
    each_code(&a->found, add_code, json);
    json_end_array(json);
    json_put_map(json, "plan");
    json_put_text(json, "id", a->has_model ? a->plan.id : NULL);
    json_put_bool(json, "allowed", refusal == NULL);
    if (refusal)
        json_put_text(json, "reason", refusal);
    json_end_map(json);
    return EXIT_CLEAN;
}

int brief_print(const struct assessment *a, enum brief_form form)
{
    switch (form) {
    case BRIEF_JSON:
        return print_json(a);
    case BRIEF_LINE:
        print_line(a, a->named);
        break;
    case BRIEF_VERDICT:
        output_format("%s\n", verdict_name(a->verdict));
        break;
    case BRIEF_NOTHING:
        break;
    }
    return EXIT_CLEAN;
}

void brief_print_unread(const char *path, enum brief_form form)
{
    struct json *json = form == BRIEF_JSON ? document_open() : NULL;
    if (json) {
        store_facts_json(json, "store", &(struct store_facts){.path = path});
        json_put_text(json, "verdict", verdict_name(VERDICT_CANNOT_TELL));
    } else if (form == BRIEF_LINE) {
        begin_line(path, VERDICT_CANNOT_TELL);
        output_text("unreadable\t-\n");
    } else if (form == BRIEF_VERDICT) {
        output_format("%s\n", verdict_name(VERDICT_CANNOT_TELL));
    }
}
