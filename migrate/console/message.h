/*
 * Messages for people, on standard error: one line each, with the program's name before it. Results
 * go to standard output, through output.h.
 * What a %s brings is escaped (escape.h), and no message is cut.
 *
 * What went wrong is kept as well, for the JSON of the command, with its parts: a sentence that has
 * "expected A, found B" in it is taken apart.
 */
#ifndef KM_MIGRATE_MESSAGE_H
#define KM_MIGRATE_MESSAGE_H

#include "migrate/console/notes.h"

#include <stdbool.h>

/* From here on messages are printed.  A test, or another program that calls what commands are made
 * of, does without and asks message_told(); no question is answered yes then. */
void message_print(void);

/* Warnings are not printed while quiet, and no progress is shown; errors always are. */
void message_quiet(bool quiet);

/* Errors return what a command ends with for them: EXIT_TROUBLE; message_usage() EXIT_USAGE. */
int message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int message_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A question: true when a person on a terminal answered y or yes.  False for every other answer;
 * and nothing is asked, and the answer no, while quiet, or where standard input or standard error
 * is no terminal. */
bool message_ask(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error of a file: "FILE: ", and the sentence. */
int message_file(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same of a reader's fault. */
int message_trouble(const char *file, const struct fault *f);

/* Tells that memory is short. */
int message_no_memory(void);

/* Prints what others noted, in its order; there are no notes then. */
void message_notes(struct notes *notes);

/* An error as it was told, with what is known of it; NULL: not known. */
struct message_told {
    const char *message; /* the whole sentence, without the program's name */
    const char *file, *place, *expected, *found, *next;
};

enum { MESSAGE_TOLD_MOST = 100 }; /* so many are kept */

/* The errors that were told since the last message_forget(), oldest first.  NULL behind the last.
 * *untold is the number of those that were not kept. */
const struct message_told *message_told(unsigned i, unsigned *untold);
void message_forget(void);

#endif
