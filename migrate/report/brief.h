/*
 * A store in one line, for those who have many: path, verdict, the codes of what was found, plan.
 */
#ifndef KM_MIGRATE_BRIEF_H
#define KM_MIGRATE_BRIEF_H

#include "migrate/decide/assessment.h"

enum brief_form {
    BRIEF_NOTHING,
    BRIEF_VERDICT, /* the verdict alone */
    BRIEF_LINE,    /* fields, separated by tabs */
    BRIEF_JSON,
};

/* Returns enum exit_status: EXIT_CLEAN, or EXIT_TROUBLE with an error printed. */
int brief_print(const struct assessment *assessment, enum brief_form form);

/* The same of a store that could not be read, which an error has said. */
void brief_print_unread(const char *path, enum brief_form form);

#endif
