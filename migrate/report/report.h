/*
 * What an assessment says, for a person on the phone (text) and for programs (JSON, schema in
 * kmmigrate(8)).  Both print the same objects.
 */
#ifndef KM_MIGRATE_REPORT_H
#define KM_MIGRATE_REPORT_H

#include "migrate/decide/assessment.h"
#include "migrate/console/json.h"
#include "migrate/repair/result.h"

enum report_kind {
    REPORT_CHECK,    /* the verdict */
    REPORT_PLAN,     /* what a repair would do */
    REPORT_REPAIRED, /* what it did */
};

void report_text(const struct assessment *assessment, enum report_kind kind,
                 const struct repair_result *result);
/* The members of the report, into an object that is open. */
void report_json(struct json *json, const struct assessment *assessment, enum report_kind kind,
                 const struct repair_result *result);

/* Prints either.  Returns enum exit_status: EXIT_CLEAN, or EXIT_TROUBLE with an error printed. */
int report_print(const struct assessment *assessment, enum report_kind kind,
                 const struct repair_result *result, bool as_json);

/* Prints one action of the plan and why, as a line. */
void report_action(const struct assessment *assessment, const struct action *action);

/* "yes, the service can start on this store". */
const char *report_verdict_words(enum verdict verdict);

/* What it is, or would be, that is done: "the repair", "the switch"; and to what: "the new store",
 * or "the store" where that is written itself. */
const char *report_deed(const struct assessment *assessment);
const char *report_written(const struct assessment *assessment);

/* What was done to a store that was written, before its new verdict: "REPAIRED: ". */
const char *report_outcome(const struct assessment *assessment);

/* Over the actions of a plan. */
const char *report_plan_heading(const struct assessment *assessment, enum report_kind kind);

/* Of what was salvaged (made_anew), before the actions of its plan: what else is done. */
const char *report_made_anew(const struct assessment *assessment);

/* Seconds since 1970 as "1999-09-30 12:00:00"; "unknown" when not known.  Valid until the eighth
 * next call. */
const char *report_time(bool known, int64_t seconds);

#endif
