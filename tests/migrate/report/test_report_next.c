/*
 * What a report recommends at its end, case by case: that it is there, and that nothing is
 * recommended that would be refused.
 */
#include "migrate/console/output.h"
#include "migrate/report/brief.h"
#include "migrate/report/next.h"
#include "tests/migrate/judged.h"

#define HEAD                                                                                       \
    "[store]\nseed = next\nmode = V3\nissuing-ca = issuing\n[certificate issuing]\n"               \
    "subject = CN=Issuing\n[entry 1]\ncertificate = issuing\nrole = issuing\n"
#define TWICE HEAD "[entry 2]\ncertificate = issuing\n"

enum { TEXTS_MOST = 6 };

struct next_case {
    const char *what, *description;
    enum report_kind kind;
    const char *there[TEXTS_MOST], *not_there[TEXTS_MOST]; /* NULL: no more */
    struct assess_options options;
    struct repair_result result;
};

static const char *const two[] = {"2"};

static const struct next_case cases[] = {
    {.what = "healthy",
     .description = HEAD,
     .there = {"Nothing has to be repaired", "lies outside the store", "event 5057"},
     .not_there = {"--plan", "Kmserver.exe", "What stays open"}},
    {.what = "repairable",
     .description = TWICE,
     .there = {"Apply this plan to a copy: kmmigrate repair ", " -o NEW --plan ",
               "1. Install Kmserver.exe", "2. With the service stopped, move Kmsmdb.edb aside",
               "3. Start the service", "put NEW there"},
     .not_there = {"Nothing has", "--in-place", "outside the store", "--keep"}},
    {.what = "a plan for in place",
     .description = TWICE,
     .kind = REPORT_PLAN,
     .options = {.in_place = true, .reading = {.at = "1999-12-31"}},
     .there = {"Apply this plan: kmmigrate repair ", " --in-place --plan ", " --at=1999-12-31",
               "repaired where it lies"},
     .not_there = {"-o NEW", "put NEW there"}},
    {.what = "decided",
     .description = TWICE,
     .options = {.decisions = {.keep = two, .keeps = 1}},
     .there = {" --keep 2"},
     .not_there = {"--drop", "--trust"}},
    {.what = "repaired into a copy",
     .description = TWICE,
     .kind = REPORT_REPAIRED,
     .result = {.target = "new.edb"},
     .there = {"put new.edb there as Kmsmdb.edb", "1. Install Kmserver.exe", "5. Stop the service"},
     .not_there = {"--plan", "repaired where it lies", "NEW"}},
    {.what = "repaired in place",
     .description = TWICE,
     .kind = REPORT_REPAIRED,
     .result = {.target = "store.edb", .undo = "store.edb.kmundo"},
     .there = {"repaired where it lies", "move Kmsmdb.edb aside", "put store.edb there"},
     .not_there = {"--plan", "old contents"}},
    {.what = "another kind of fault",
     .description = HEAD "[entry 3]\ncertificate = issuing\nthumbprint = null\nrole = null\n",
     .there = {"--plan"},
     .not_there = {"Nothing has to"}},
    {.what = "no issuing CA",
     .description = HEAD "[setting IssuingCA]\nhex = 0102030405060708090a0b0c0d0e0f1011121314\n",
     .there = {"What stays open:", "KM-ISSUING-MISSING"},
     .not_there = {"Start the service", "--plan", "none: "}},
    {.what = "a part stays open",
     .description = TWICE "[setting IssuingCA]\nhex = 0102030405060708090a0b0c0d0e0f1011121314\n",
     .there = {"--plan", "What stays open:", "Do not start the service on the repaired store"},
     .not_there = {"1. Install", "KM-DUP-IDENTICAL"}},
    {.what = "dirty",
     .description = HEAD "[damage]\ndirty = yes\nrequired-logs = 5 7\n",
     .there = {"Replay the logs", "(logs 5 to 7 are needed; beside the store lie 0)"},
     .not_there = {"--plan", "Start the service"}},
    {.what = "damaged",
     .description = HEAD "[user 1]\n[damage]\nfill.1 = Users 0 100 20\n",
     .there = {"A damaged store is not repaired here", "kmmigrate repair --salvage ",
               "check --structure"},
     .not_there = {"--plan", "Start the service"}},
};

START_TEST(what_is_recommended)
{
    const struct next_case *c = &cases[_i];
    struct assessment a;
    struct buffer said = {0};
    judged(c->description, &c->options, &a);
    output_capture(&said);
    report_next(&a, c->kind, c->result.target ? &c->result : NULL);
    output_capture(NULL);
    ck_assert(buffer_add_u8(&said, '\0'));
    const char *text = (const char *)said.at;
    for (unsigned i = 0; i < TEXTS_MOST && c->there[i]; i++)
        ck_assert_msg(strstr(text, c->there[i]) != NULL, "%s: no \"%s\" in%s", c->what, c->there[i],
                      text);
    for (unsigned i = 0; i < TEXTS_MOST && c->not_there[i]; i++)
        ck_assert_msg(strstr(text, c->not_there[i]) == NULL, "%s: \"%s\" in%s", c->what,
                      c->not_there[i], text);
    buffer_free(&said);
    assess_close(&a);
}
END_TEST

static const struct {
    const char *description, *line; /* behind the path: %s is the plan's first digits */
} briefly[] = {
    {HEAD, "\tyes\t-\t-\n"},
    {TWICE, "\tyes after repair\tKM-DUP-IDENTICAL,KM-ISSUING-AMBIGUOUS\t%s\n"},
    {HEAD "[damage]\ndirty = yes\nrequired-logs = 5 7\n", "\tcannot tell\tKM-DIRTY\trefused\n"},
};

START_TEST(a_line_a_store)
{
    struct assessment a;
    struct buffer said = {0};
    char wanted[400], digits[17];
    judged(briefly[_i].description, NULL, &a);
    snprintf(digits, sizeof digits, "%.16s", a.plan.id);
    const char *line = briefly[_i].line, *hole = strstr(line, "%s");
    if (hole)
        snprintf(wanted, sizeof wanted, "%s%.*s%s%s", a.named, (int)(hole - line), line, digits,
                 hole + 2);
    else
        snprintf(wanted, sizeof wanted, "%s%s", a.named, line);
    output_capture(&said);
    ck_assert_int_eq(brief_print(&a, BRIEF_LINE), EXIT_CLEAN);
    ck_assert_int_eq(brief_print(&a, BRIEF_NOTHING), EXIT_CLEAN);
    output_capture(NULL);
    ck_assert(buffer_add_u8(&said, '\0'));
    ck_assert_str_eq((const char *)said.at, wanted);
    buffer_free(&said);
    assess_close(&a);
}
END_TEST

START_TEST(a_line_for_what_could_not_be_read)
{
    struct buffer said = {0};
    output_capture(&said);
    brief_print_unread("a\tb.edb", BRIEF_LINE);
    brief_print_unread("b.edb", BRIEF_VERDICT);
    brief_print_unread("c.edb", BRIEF_NOTHING);
    output_capture(NULL);
    ck_assert(buffer_add_u8(&said, '\0'));
    ck_assert_str_eq((const char *)said.at, "a\\tb.edb\tcannot tell\tunreadable\t-\ncannot tell\n");
    buffer_free(&said);
}
END_TEST

int main(void)
{
    return judged_main("report_next", (const struct check_case[]){
                                          {what_is_recommended, sizeof cases / sizeof *cases},
                                          {a_line_a_store, sizeof briefly / sizeof *briefly},
                                          {a_line_for_what_could_not_be_read, 0},
                                          {0},
                                      });
}
