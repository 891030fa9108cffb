/*
 * A progress bar on a terminal, for what takes over a second: how much is done, and how long the
 * rest will take.  It is one line that fits the terminal (COLUMNS, or what the terminal says) and
 * is gone when the work is done.  There is none without a terminal, on a dumb one, or when quiet.
 */
#ifndef KM_MIGRATE_PROGRESS_H
#define KM_MIGRATE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
    const char *what;
    struct timespec begun;
    bool wanted;
    unsigned percent;
};

/* From here on no bar is shown, or again. */
void progress_quiet(bool quiet);

/* what: one word for the bar. */
struct progress progress_begin(const char *what);

/* Of the form that long operations call: context is the struct progress. */
void progress_step(void *context, uint32_t done, uint32_t total);

/* Clears the bar. */
void progress_end(struct progress *progress);

/* The bar of what goes through a file: `total` bytes are expected.  It ends the one before. */
void progress_open(const char *what, uint64_t total);
/* So many bytes more, by whoever reads or writes; without an open bar nothing happens. */
void progress_add(uint64_t bytes);
void progress_close(void);

/* How wide a terminal is, by COLUMNS or by what it says; 80 where neither does, 500 at most. */
unsigned progress_columns(int terminal);

/* Clears the line, for what is printed meanwhile; the next step shows the bar again.  For signal
 * handlers, too. */
void progress_hide(void);

#endif
