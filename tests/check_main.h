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

/* Check runs every case in a child process, so that a crash is one failure.  Sanitizers and
 * valgrind see leaks and keep their reports together only when there is one process. */
static inline bool check_wants_one_process(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

/* Runs a suite and frees it.  Returns main's exit status.  The environment variable CK_FORK decides
 * about child processes where it is set. */
static inline int check_run(const char *name, Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_FORK") && check_wants_one_process())
        srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (run == 0)
        fprintf(stderr, "%s: no case was run\n", name);
    return run == 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Runs the cases, which end with an empty one.  Returns main's exit status. */
static inline int check_main(const char *name, const struct check_case *cases)
{
    Suite *suite = suite_create(name);
    TCase *group = tcase_create(name);
    tcase_set_timeout(group, 3000); /* a hang ends; no busy machine reaches it */
    for (; cases->test; cases++) {
        if (cases->loops)
            tcase_add_loop_test(group, cases->test, 0, (int)cases->loops);
        else
            tcase_add_test(group, cases->test);
    }
    suite_add_tcase(suite, group);
    return check_run(name, suite);
}

#endif
