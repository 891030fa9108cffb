/*
 * What list, show and export, and in part settings, have in common: the entries that they are asked
 * for are those of a store or of a file of certificates.
 */
#ifndef KM_MIGRATE_ENTRIES_H
#define KM_MIGRATE_ENTRIES_H

#include "migrate/commands/command.h"

struct json;

/* Reads them from options->operand[0], as assess_entries() does. */
int entries_open(struct assessment *assessment, const struct options *options);

/* Prints what reading found: about the list, or about the settings.  A value of a setting may be
 * quoted: hidden, then that is not. */
enum entries_tell { ENTRIES_LIST, ENTRIES_SETTINGS, ENTRIES_HIDDEN_SETTINGS };
void entries_tell_found(const struct assessment *assessment, enum entries_tell what);

/* EXIT_CLEAN, or EXIT_PROBLEMS_LEFT when something was found. */
int entries_status(const struct assessment *assessment);

/* Where they are from: the member "store", or "file". */
void entries_json(struct json *json, const struct assessment *assessment);

/* What they are from, for the rights of a file that is made of them; not to be closed. */
int entries_descriptor(const struct assessment *assessment);

#endif
