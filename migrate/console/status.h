/*
 * How something ended: a part of the program's exit status, which is a sum, as in fsck(8).
 */
#ifndef KM_MIGRATE_STATUS_H
#define KM_MIGRATE_STATUS_H

enum exit_status {
    EXIT_CLEAN = 0,
    EXIT_REPAIRED = 1,
    EXIT_PROBLEMS_LEFT = 4,
    EXIT_TROUBLE = 8, /* an operational error */
    EXIT_USAGE = 16,
    EXIT_CANCELLED = 32,
};

/* Of diff alone, as of diff(1): something could not be read, so that "same" would be a guess. */
enum { EXIT_DIFF_TROUBLE = 2 };

#endif
