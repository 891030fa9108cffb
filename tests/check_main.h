/*
 * The main program of a Check test, so that a test file only lists its cases:
 *
 *     int main(void)
 *     {
 *         return check_main("compress", (const struct check_case[]){
 *             {empty_value_is_refused},
 *             {vector_gives_its_plain_bytes, ARRAY_SIZE(vectors)},   // a loop test: _i counts up
 *             {0},
 *         });
 *     }
 *
 * The names are those given to START_TEST.
 */
#ifndef KM_TESTS_CHECK_MAIN_H
#define KM_TESTS_CHECK_MAIN_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a test program returns when everything it has to show was skipped (see CMakeLists.txt). */
#define CHECK_SKIPPED 77

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct check_case {
    const TTest *test;
    size_t loops; /* 0: the test runs once */
};

/* Runs a suite and frees it.  Returns main's exit status.  The environment variable CK_FORK decides
 * about child processes where it is set. */
int check_run(const char *name, Suite *suite);

/* Runs the cases, which end with an empty one.  Returns main's exit status. */
int check_main(const char *name, const struct check_case *cases);

/* "FOLDER/NAME", in one of a few rooms: good until the eighth call after this one. */
const char *check_path(const char *folder, const char *name);

#endif
