/*
 * The command line as it was given, for reports that are read elsewhere and later.
 */
#ifndef KM_MIGRATE_INVOCATION_H
#define KM_MIGRATE_INVOCATION_H

/* Notes it: borrowed, the program's name first. */
void invocation_note(int count, char **arguments);

/* The arguments behind the program's name, and how many; NULL: nothing was noted. */
char *const *invocation_arguments(int *count);

#endif
