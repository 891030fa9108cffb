/* kmmigrate explain: what a code, an event or an error means, and what to do. */
#include "migrate/commands/command.h"
#include "migrate/commands/jet.h"
#include "migrate/console/document.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/judge/problem.h"
#include "migrate/report/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is shown of any kind of answer; NULL: nothing of that sort. */
struct answer {
    const char *kind; /* "problem", "event", "error" */
    char name[64];
    const char *title, *meaning, *store, *next, *articles;
};

/* ---- problems ---- */

static bool find_problem(const char *asked, struct answer *answer)
{
    static const char *const meanings[] = {
        [PROBLEM_FATAL] = "It keeps the service from starting.",
        [PROBLEM_DOUBT] = "While it is there, nobody can tell whether the service can start.",
        [PROBLEM_ADVICE] = "Advice: it blocks nothing.",
    };
    for (unsigned code = 0; code < PROBLEM_CODES; code++) {
        const struct problem_kind *kind = problem_kind((enum problem_code)code);
        if (strcasecmp(kind->code, asked) != 0)
            continue;
        *answer = (struct answer){.kind = "problem",
                                  .title = kind->title,
                                  .meaning = meanings[kind->severity],
                                  .store = "yes",
                                  .next = kind->repair,
                                  .articles = kind->article};
        snprintf(answer->name, sizeof answer->name, "%s", kind->code);
        return true;
    }
    return false;
}

/* ---- events and errors ---- */

static void name_event(const struct event *e, struct answer *answer)
{
    const char *jet = e->number < 0 ? jet_error_name((int)e->number) : NULL;
    switch (e->kind) {
    case EVENT_KM:
    case EVENT_ENGINE:
        snprintf(answer->name, sizeof answer->name, "event %ld", e->number);
        break;
    case EVENT_ID:
        snprintf(answer->name, sizeof answer->name, "ID %lx", (unsigned long)e->number);
        break;
    case EVENT_ERROR:
        snprintf(answer->name, sizeof answer->name, "error %ld%s%s", e->number, jet ? " " : "",
                 jet ? jet : "");
        break;
    }
    answer->kind = e->kind == EVENT_KM || e->kind == EVENT_ENGINE ? "event" : "error";
}

static bool find_event(long number, struct answer *answer)
{
    for (size_t i = 0; i < events_count; i++) {
        const struct event *e = &events[i];
        if (e->number != number)
            continue;
        *answer = (struct answer){.title = e->title,
                                  .meaning = e->meaning,
                                  .store = event_cause_name(e->cause),
                                  .next = e->next,
                                  .articles = e->articles};
        name_event(e, answer);
        return true;
    }
    return false;
}

static bool find_engine_error(long number, struct answer *answer)
{
    const char *name = number < 0 && number >= INT32_MIN ? jet_error_name((int)number) : NULL;
    if (name == NULL)
        return false;
    *answer = (struct answer){
        .kind = "error",
        .title = "an error of the database engine",
        .meaning = "Its name says what the engine met; the article lists ESE97's errors.",
        .store = "it can be",
        .next =
            "kmmigrate check --structure shows what is wrong with the database, if anything is.",
        .articles = "Q177761"};
    snprintf(answer->name, sizeof answer->name, "error %ld %s", number, name);
    return true;
}

/* The word without what people put before a number. */
static const char *skip_words(const char *asked)
{
    static const char *const words[] = {"event", "error", "id",  "no",    "no.",
                                        "jet",   "ese97", "ese", "esent", "code"};
    for (bool again = true; again;) {
        again = false;
        asked += strspn(asked, " :#");
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            size_t size = strlen(words[i]);
            if (strncasecmp(asked, words[i], size) == 0 && asked[size] != '\0' &&
                strchr(" :#", asked[size])) {
                asked += size;
                again = true;
            }
        }
    }
    return asked;
}

/* Decimal, or hexadecimal with 0x before it or 8 digits long.  Errors of the engine come as
 * negative numbers, as their 32 bits in hexadecimal, and as those in decimal. */
static bool number_of(const char *text, long *number)
{
    char *end;
    bool bare = strlen(text) == 8 && strspn(text, "0123456789abcdefABCDEF") == 8 &&
                strspn(text, "0123456789") < 8;
    errno = 0;
    *number = strtol(text, &end, bare ? 16 : strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool find(const char *asked, struct answer *answer)
{
    enum { JET_LOWEST = -10000 };
    const char *word = skip_words(asked);
    long number;
    if (find_problem(word, answer))
        return true;
    if (!number_of(word, &number)) {
        number = jet_error_number(word);
        return number != 0 && (find_event(number, answer) || find_engine_error(number, answer));
    }
    long as_signed = number > INT32_MAX && number <= UINT32_MAX ? number - (1L << 32) : number;
    return find_event(number, answer) ||
           (as_signed < 0 && as_signed >= JET_LOWEST &&
            (find_event(as_signed, answer) || find_engine_error(as_signed, answer))) ||
           (number > 0 && (find_event(-number, answer) || find_engine_error(-number, answer)));
}

/* ---- showing ---- */

static void write_text(const struct answer *a)
{
    bool of_a_repair = strcmp(a->kind, "problem") == 0;
    output_format("%s: %s\n  Meaning     %s\n  The store?  %s\n  %-12s%s\n", a->name, a->title,
                  a->meaning, a->store, of_a_repair ? "A repair" : "What to do", a->next);
    if (a->articles)
        output_format("  Articles    %s\n", a->articles);
}

static void json_articles(struct json *json, const char *articles)
{
    json_put_array(json, "articles");
    for (const char *at = articles; at && *at;) {
        char one[16];
        size_t size = strcspn(at, " ");
        snprintf(one, sizeof one, "%.*s", (int)size, at);
        json_string(json, one);
        at += size + strspn(at + size, " ");
    }
    json_end_array(json);
}

static int write_json(const struct answer *a)
{
    struct json *json = document_open();
    if (json == NULL)
        return EXIT_TROUBLE;
    const struct {
        const char *key, *value;
    } members[] = {{"kind", a->kind},
                   {"name", a->name},
                   {"title", a->title},
                   {"meaning", a->meaning},
                   {"store_is_cause", a->store},
                   {"next", a->next}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_put_text(json, members[i].key, members[i].value);
    json_articles(json, a->articles);
    return EXIT_CLEAN;
}

/* "event 5058" is asked in one word or in two. */
static void join_words(const struct options *options, char *to, size_t room)
{
    size_t used = 0;
    to[0] = '\0';
    for (unsigned i = 0; i < options->operands && used < room; i++)
        used += (size_t)snprintf(to + used, room - used, "%s%s", i ? " " : "", options->stores[i]);
}

/* One of a list, on a line of its own where the one before is full. */
static void list_word(const char *word, size_t *used)
{
    enum { LINE_MOST = 78 };
    size_t size = strlen(word);
    bool fits = *used > 0 && *used + 1 + size <= LINE_MOST;
    printf("%s%s", fits ? " " : "\n  ", word);
    *used = fits ? *used + 1 + size : 2 + size;
}

void explain_help(void)
{
    char number[24];
    size_t used = 0;
    printf("\nIt knows these codes and events, and the errors of the database engine by number or "
           "name:");
    for (unsigned code = 0; code < PROBLEM_CODES; code++)
        list_word(problem_kind((enum problem_code)code)->code, &used);
    used = 0;
    for (size_t i = 0; i < events_count; i++)
        if (events[i].kind == EVENT_KM || events[i].kind == EVENT_ENGINE) {
            snprintf(number, sizeof number, "%ld", events[i].number);
            list_word(number, &used);
        }
    printf("\n");
}

int cmd_explain(const struct options *options)
{
    struct answer answer;
    char asked[256];
    join_words(options, asked, sizeof asked);
    if (!find(asked, &answer))
        return message_usage(
            "explain: %s is not known; expected a code of this program (KM-...), an event of "
            "the KM service (5002 to 5389), an ID (c1031d9c) or an error of the database "
            "engine (-1018, 0xfffffc06, JET_errReadVerifyFailure)",
            asked);
    int status = EXIT_CLEAN;
    if (options->json)
        status = write_json(&answer);
    else
        write_text(&answer);
    return status;
}
