/*
 * The settings of a store in clear, as every report tells them: for a person on the phone, and for
 * programs.
 */
#ifndef KM_MIGRATE_REPORT_SETTINGS_H
#define KM_MIGRATE_REPORT_SETTINGS_H

#include "migrate/console/json.h"
#include "migrate/judge/model.h"

/* The first entry whose certificate the settings name as the issuing CA.  NULL: none is named, or
 * it is not in the list. */
const struct model_entry *settings_issuing_entry(const struct model *model);

/* Prints the line of the issuing CA: its subject and thumbprint, or that no entry has it; nothing
 * where none is named. */
void settings_issuing_line(const struct model *model);

/* The member "settings" of an object that is open. */
void settings_json(struct json *json, const struct model *model);

#endif
