/* What a report says of --salvage: what could be had of the store, and where the rest is. */
#ifndef KM_MIGRATE_REPORT_SALVAGED_H
#define KM_MIGRATE_REPORT_SALVAGED_H

#include "formats/ese/salvage/salvage.h"
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

/* The member "tables" of a salvage: what each table has in rows. */
void salvaged_tables_json(struct json *json, const struct ese_salvage_result *result);

/* What a salvage and the repair of what it gives would come to: lines behind the verdict, and the
 * member "after_salvage".  Nothing where that is not known. */
void foretold_lines(const struct assessment *assessment);
void foretold_members(struct json *json, const struct assessment *assessment);

#endif
