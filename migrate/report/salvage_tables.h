/*
 * The tables of a salvage in a report, whichever it is: their order, their losses in words, JSON.
 */
#ifndef KM_MIGRATE_REPORT_SALVAGE_TABLES_H
#define KM_MIGRATE_REPORT_SALVAGE_TABLES_H

#include "migrate/console/json.h"
#include "migrate/rescue/salvaging.h"

/* The tables, the worst first, for the caller to free; NULL when memory is short. */
const struct ese_salvage_table **salvage_tables_worst_first(const struct salvaging *salvaging);

/* Prints what a table has lost, or has besides its rows, each behind a semicolon, and ends the
 * line. */
void salvage_table_losses(const struct ese_salvage_table *table);

/* The member "tables" of a salvage: what each table has in rows. */
void salvage_tables_json(struct json *json, const struct ese_salvage_result *result);

#endif
