/* The main program of a Check test: see check_main.h. */
#include "tests/check_main.h"

/* Check runs every case in a child process, so that a crash is one failure.  Sanitizers and
 * valgrind see leaks and keep their reports together only when there is one process. */
static bool wants_one_process(void)
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

int check_run(const char *name, Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_FORK") && wants_one_process())
        srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (run == 0)
        fprintf(stderr, "%s: no case was run\n", name);
    return run == 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int check_main(const char *name, const struct check_case *cases)
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

const char *check_path(const char *folder, const char *name)
{
    static char room[8][512];
    static unsigned next;
    char *to = room[next++ % ARRAY_SIZE(room)];
    snprintf(to, sizeof room[0], "%s/%s", folder, name);
    return to;
}
