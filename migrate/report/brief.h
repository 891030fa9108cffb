/*
 * A store in one line, for those who have many: path, verdict, the codes of what was found, plan.
 */
#ifndef KM_MIGRATE_BRIEF_H
#define KM_MIGRATE_BRIEF_H

#include "migrate/decide/assess.h"

/* By the options of check: --brief, or with --quiet alone the verdict; --json.  Returns enum
 * exit_status: EXIT_CLEAN, or EXIT_TROUBLE with an error printed. */
int brief_print(const struct assessment *assessment, const struct options *options);

/* The same of a store that could not be read, which an error has said; for JSON also without
 * --brief, so that every object names its store. */
void brief_print_unread(const char *path, const struct options *options);

#endif
