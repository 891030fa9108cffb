/*
 * The structural check (rule R1) as a part of a report: the findings of formats/ese/check/check.h,
 * printed as they come or gathered.
 */
#ifndef KM_MIGRATE_STRUCTURE_H
#define KM_MIGRATE_STRUCTURE_H

#include "formats/ese/check/check.h"
#include "migrate/console/json.h"
#include "migrate/store/store.h"

/* Checks the store's structure and prints the findings: as members of an open JSON map, or as text
 * when json is NULL; text shows the first few findings of each rule, or, quiet, one word: "sound",
 * "damaged" or "dirty".
 * *summary is filled.  False, with f saying why, when the check could not be done. */
bool structure_report(struct store *store, struct json *json, bool quiet,
                      struct ese_check_summary *summary, struct fault *f);

#endif
