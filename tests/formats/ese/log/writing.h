/*
 * A log for the small database, record after record, and the replay of it.
 */
#ifndef KM_TESTS_LOG_WRITING_H
#define KM_TESTS_LOG_WRITING_H

#include "tests/check_main.h"
#include "tests/formats/ese/log/replaying.h"

#include <sys/mman.h>
#include <unistd.h>

/* ---- a log, record after record ---- */

struct writer {
    uint8_t *log;
    unsigned segment;
    size_t at;
};

extern struct writer written;

extern struct made_store small_store;

extern struct ese_replay_summary replayed;

void log_start(uint32_t pages);
void log_put(const uint8_t *record, size_t size);

/* A record that no segment has room for, in two pieces. */
void log_put_in_pieces(const uint8_t *record, size_t size);
void log_put_begin(void);
void log_put_commit(void);

/* ---- the replay ---- */

/* Replays what was put into the store's bytes.  False: refused, with f. */
bool log_replay(struct fault *f);
void expect_refusal(const char *part);

#endif
