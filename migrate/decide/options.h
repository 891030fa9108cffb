/*
 * What was decided about a store, from the words in which it was said to what a plan is made by.
 * Which entries there are is known only once the list is read.
 */
#ifndef KM_MIGRATE_OPTIONS_H
#define KM_MIGRATE_OPTIONS_H

#include "migrate/decide/plan.h"
#include "migrate/decide/reading.h"

/* --at: 1999-12-31, or with a time, in seconds since 1970 (UTC).  Fails for anything else; the text
 * names the option. */
bool options_time(const char *text, int64_t *at, struct fault *f);

/* All of `said` but --issuing-ca.  Fails when a word is none that can be (FAULT_NOT_THIS) or an
 * entry is not there (FAULT_MISSING); the text names the option. */
bool options_of(const struct model *model, const struct decisions *said, struct plan_options *plan,
                struct fault *f);

#endif
