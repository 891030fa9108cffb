/*
 * What becomes of the program when it is interrupted.
 */
#ifndef KM_MIGRATE_INTERRUPT_H
#define KM_MIGRATE_INTERRUPT_H

#include <signal.h>

/* From here on SIGINT, SIGTERM and SIGHUP end the program at once with EXIT_CANCELLED: right only
 * for a command that changes nothing. */
void interrupt_ends(void);

/* What is then written to standard output if nothing was before: it outlives the call.  NULL:
 * nothing. */
void interrupt_ends_with(const char *document);

/* From here on SIGINT, SIGTERM and SIGHUP only set the flag that is returned: for a command that
 * has something to take back before it ends with EXIT_CANCELLED. */
const volatile sig_atomic_t *interrupt_watch(void);

#endif
