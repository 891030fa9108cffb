/*
 * The report of `salvage`: what was kept, is doubtful or lost, of the certificate list first.
 */
#ifndef KM_MIGRATE_REPORT_SALVAGE_REPORT_H
#define KM_MIGRATE_REPORT_SALVAGE_REPORT_H

#include "migrate/rescue/salvaging.h"

/* Print what came of a run.  False, with an error noted (salvaging->notes), when memory is short.
 */
bool salvage_report_text(struct salvaging *salvaging);
bool salvage_report_json(const struct salvaging *salvaging);

/* Prints which files were written, after a run that wrote some. */
void salvage_report_written(const struct salvaging *salvaging);

/* Prints the command that comes next; there is one unless nothing is damaged and nothing written.
 */
void salvage_report_next(const struct salvaging *salvaging);

/* The certificate list, where the tables are those of the built-in profile. */
struct salvage_list {
    const struct ese_salvage_table *table; /* NULL: they are not */
    bool whole;
    bool settings_whole;
    bool references_whole; /* all tables that refer to the list */
};

/* False, with an error noted (salvaging->notes), when memory is short. */
bool salvage_list_of(const struct salvaging *salvaging, struct salvage_list *list);

#endif
