/*
 * What a salvage means for the verdict on the store that it made: which tables the service needs,
 * and whether all of their rows are beyond doubt.
 */
#ifndef KM_MIGRATE_SALVAGED_H
#define KM_MIGRATE_SALVAGED_H

#include "migrate/decide/assessment.h"

/*
 * Adds KM-SALVAGED to what was found, for each table of the profile (the list, the settings, what
 * refers to the list) with rows that are in doubt, naming the first of them, and for what puts all
 * of the store in doubt; notes whether the salvage had anything to do.  Does nothing without
 * --salvage.  To be called once the profile is chosen.
 *
 * Of what refers to the list, a row that is lost is none: it refers to nothing any more.
 */
void salvaged_judge(struct assessment *assessment);

/* Are the list and the settings, or with `references` what refers to the list, whole? */
bool salvaged_is_whole(const struct assessment *assessment, bool references);

/* What the plan's id covers of the input: its hash; with --salvage, also that of all that the
 * salvage told.  False with f set. */
bool salvaged_input(const struct assessment *assessment, uint8_t digest[HASH_SHA256_SIZE],
                    struct fault *f);

#endif
