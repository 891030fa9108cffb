/*
 * A store written as its plan says, less one action: for tests of what each action is for.
 */
#ifndef KM_TESTS_REWRITING_H
#define KM_TESTS_REWRITING_H

#include "migrate/decide/assess.h"
#include "migrate/repair/copy.h"

#include "tests/check_main.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

/* left_out: an action, or SIZE_MAX.  False, with f saying why, when it cannot be written. */
static inline bool write_less_one(const struct assessment *a, size_t left_out, const char *target,
                                  struct fault *f)
{
    static const volatile sig_atomic_t never;
    struct assessment less = *a;
    unlink(target);
    int fd = open(target, O_RDWR | O_CREAT | O_EXCL, 0600);
    less.plan.action = calloc(a->plan.actions + 1, sizeof *less.plan.action);
    ck_assert(fd >= 0 && less.plan.action != NULL);
    less.plan.actions = 0;
    for (size_t i = 0; i < a->plan.actions; i++)
        if (i != left_out)
            less.plan.action[less.plan.actions++] = a->plan.action[i];
    /* A plan that changes nothing is a fault for a user; what it leaves is the copy wanted here. */
    bool ok = rewrite_database(&less, fd, &never, NULL, f) ||
              strcmp(f->text, "the plan changes nothing in it") == 0;
    free(less.plan.action);
    close(fd);
    return ok;
}

#endif
