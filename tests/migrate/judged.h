/*
 * Stores for unit tests of what comes behind reading: made by kmfixture from a description in the
 * test, and taken the whole way to the plan.
 *
 *     int main(void) { return judged_main("model", cases); }
 *
 * Only tests include this.  KMFIXTURE names the program; without it the test is skipped.
 */
#ifndef KM_TESTS_JUDGED_H
#define KM_TESTS_JUDGED_H

#include "migrate/decide/assess.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The assessment of a description's store; options: NULL: none; they are borrowed. */
void judged(const char *description, const struct assess_options *options, struct assessment *a);

/* Runs the cases, and removes the folder. */
int judged_main(const char *name, const struct check_case *cases);

#endif
