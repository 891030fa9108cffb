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
bool write_less_one(const struct assessment *a, size_t left_out, const char *target,
                    struct fault *f);

#endif
