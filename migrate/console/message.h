/*
 * Messages for people, on standard error: one line each, with the program's name before it. Results
 * go to standard output, through output.h.
 * What a %s brings is escaped (escape.h), and no message is cut.
 */
#ifndef KM_MIGRATE_MESSAGE_H
#define KM_MIGRATE_MESSAGE_H

#include <signal.h>
#include <stdbool.h>

/* Warnings are not printed while quiet; errors always are. */
void message_quiet(bool quiet);

void message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From here on SIGINT, SIGTERM and SIGHUP end the program at once with EXIT_CANCELLED: right only
 * for a command that changes nothing. */
void message_end_on_interrupt(void);

/* From here on SIGINT, SIGTERM and SIGHUP only set the flag that is returned: for a command that
 * has something to take back before it ends with EXIT_CANCELLED. */
const volatile sig_atomic_t *message_watch_interrupt(void);

#endif
