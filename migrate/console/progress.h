/*
 * A progress bar on a terminal, for what takes over a second.
 */
#ifndef KM_MIGRATE_PROGRESS_H
#define KM_MIGRATE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
    const char *what;
    struct timespec begun;
    bool wanted, shown;
    unsigned percent;
};

/* what: one word for the bar.  Nothing is shown when quiet, or when standard error is no terminal.
 */
struct progress progress_begin(const char *what, bool quiet);

/* Of the form that long operations call: context is the struct progress. */
void progress_step(void *context, uint32_t done, uint32_t total);

/* Clears the bar. */
void progress_end(struct progress *progress);

#endif
