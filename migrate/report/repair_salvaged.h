/*
 * What the report on a store says of its salvage: of repair --salvage, what could be had and where
 * the rest is; of a check, what a salvage would give.
 */
#ifndef KM_MIGRATE_REPORT_REPAIR_SALVAGED_H
#define KM_MIGRATE_REPORT_REPAIR_SALVAGED_H

#include "migrate/console/json.h"
#include "migrate/decide/assessment.h"

/* Size and hash of the store that the user named; without --salvage, of what was judged. */
const struct filehash *salvaged_from(const struct assessment *assessment);

/* The next ones print nothing without --salvage. */
void salvaged_lines(const struct assessment *assessment);
/* The files beside the new store. */
void salvaged_written_lines(const struct assessment *assessment);
/* Both, as the member "salvaged". */
void salvaged_members(struct json *json, const struct assessment *assessment);

/* What a salvage and the repair of what it gives would come to: lines behind the verdict, and the
 * member "after_salvage".  Nothing where that is not known. */
void foretold_lines(const struct assessment *assessment);
void foretold_members(struct json *json, const struct assessment *assessment);

#endif
