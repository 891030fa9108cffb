/*
 * The way of the data, up to the plan: read the store, judge it, decide.  check, repair and migrate
 * all go this way; what they do with the result is theirs.
 */
#ifndef KM_MIGRATE_ASSESS_H
#define KM_MIGRATE_ASSESS_H

#include "migrate/decide/assessment.h"

/* Goes all the way, as `options` say, for check, repair and migrate.  Errors and warnings
 * are noted, as by whatever is done with the assessment later, so that `notes` lives as long as it.
 * Returns enum exit_status: EXIT_CLEAN when there is an assessment, whatever it says, EXIT_TROUBLE
 * or EXIT_USAGE when there is none.  Close it in any case. */
int assess(struct assessment *assessment, const char *name, const struct assess_options *options,
           struct notes *notes);
/* Only as far as the model: for commands that show the list and judge nothing.  Without a fitting
 * profile, what discovery found is used when --accept-discovered says so; else an error is noted.
 */
int assess_list(struct assessment *assessment, const char *name,
                const struct assess_options *options, struct notes *notes);
/* The same, or the list that a file of certificates is: entries by their position and nothing else,
 * with a->file set.  Refused there is what only a store can be asked (EXIT_USAGE); what the file
 * holds beside certificates is told. */
int assess_entries(struct assessment *assessment, const char *name,
                   const struct assess_options *options, struct notes *notes);
void assess_close(struct assessment *assessment);

#endif
