/*
 * What a command prints with --json: one object, which begins with "schema" and "command" and ends
 * with "errors" and "exit".  A command adds its members between; main() begins and ends it, since
 * only there the exit status is known, and prints it as well when the command came to nothing.
 */
#ifndef KM_MIGRATE_DOCUMENT_H
#define KM_MIGRATE_DOCUMENT_H

#include "migrate/console/json.h"

enum { DOCUMENT_SCHEMA = 1 }; /* "schema"; raised when a member changes its meaning */

/* Of which command it will be, and how it is printed: one a line, or over several. */
void document_begin(const char *command, bool one_a_line);

/* The object, open for members; the same until document_end().  NULL, with an error printed, when
 * memory is short. */
struct json *document_open(void);

/* What is printed is no document: bare objects, one a line, which the caller opens himself. */
void document_is_bare(void);

/* Ends the object with the errors that were told and the exit status, or prints one of these alone.
 * Without document_begin() it does nothing. */
void document_end(int status);

#endif
