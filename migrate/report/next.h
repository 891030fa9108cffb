/*
 * What to do next: the end of the report as text.  Nothing is recommended that would be refused,
 * and the steps fit the case: a copy of a file or of a directory, a store repaired where it lies, a
 * plan that was only shown, a store on which the service cannot start even then.
 */
#ifndef KM_MIGRATE_NEXT_H
#define KM_MIGRATE_NEXT_H

#include "migrate/report/report.h"

/* result: what was written; NULL when nothing was. */
void report_next(const struct assessment *assessment, enum report_kind kind,
                 const struct repair_result *result);

#endif
