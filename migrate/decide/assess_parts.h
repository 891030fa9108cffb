/*
 * What the files that assess a store share; for them alone.
 *
 *   assess.c     reading, judging and deciding in one
 *   choose.c     by which profile
 *   salvaged.c   what a salvage means for that
 *   remains.c    what a plan leaves of what was found
 */
#ifndef KM_MIGRATE_ASSESS_PARTS_H
#define KM_MIGRATE_ASSESS_PARTS_H

#include "migrate/decide/assessment.h"

/* Notes an error of the store; EXIT_TROUBLE. */
int assess_trouble(const struct assessment *assessment, const struct fault *f);

/* Chooses the profile; what it means for the verdict is found.  Returns enum exit_status; errors
 * are noted. */
int assess_choose_profile(struct assessment *assessment, const struct assess_options *options);

/* How many tables are those of the list and of the settings, once the profile is chosen, and the
 * name of each; NULL: the profile names none. */
unsigned assess_own_tables(const struct assessment *assessment);
const char *assess_own_table(const struct assessment *assessment, unsigned i);

/* Adds to what is left all that was found and that no plan over the list can end: damage, a dirty
 * state, a missing profile. */
void assess_carry_over(struct assessment *assessment);

/* Marks what was found and is not left: a finding that the plan ends is one that the judge does not
 * find again.  False when memory is short. */
bool assess_mark_repairable(struct assessment *assessment);

#endif
