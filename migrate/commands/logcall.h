/*
 * Commands that go on with a set of logs, as they can be pasted.
 */
#ifndef KM_MIGRATE_LOGCALL_H
#define KM_MIGRATE_LOGCALL_H

#include "migrate/rescue/logset.h"

/* Prints "kmmigrate COMMAND STORE", with --logs where they were said to be elsewhere: as it is
 * pasted into a shell. */
void logcall_print(const struct logset *logs, const char *command);

#endif
