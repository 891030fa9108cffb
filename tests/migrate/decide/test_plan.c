/*
 * Plans are minimal: of the actions that a plan calls needed, none can be left out.
 *
 * For every fixture that a repair makes start, the plan is applied less one action, for each action
 * in turn; the stand-in service must then refuse the store when the action was called needed, and
 * start when it was not.
 */
#include "migrate/decide/assess.h"
#include "tests/check_main.h"
#include "tests/migrate/rewriting.h"

#include <glob.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/kmmigrate-test-plan-XXXXXX";

static int run(const char *format, const char *a, const char *b)
{
    char command[4096];
    snprintf(command, sizeof command, format, a, b);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool standin_starts(const char *store)
{
    int status = run("/usr/bin/python3 '%s/tests/standin/kmserver.py' '%s' >/dev/null 2>&1",
                     KM_SOURCE_DIR, store);
    ck_assert_msg(status == 0 || status == 1, "the stand-in could not be run: %d", status);
    return status == 0;
}

/* The file that `name` means within the test's folder. */
static const char *in_folder(const char *name)
{
    return check_path(folder, name);
}

/* left_out: an action, or SIZE_MAX. */
static void write_without(const struct assessment *a, size_t left_out, const char *target)
{
    struct fault f = {.code = FAULT_NONE};
    bool ok = write_less_one(a, left_out, target, &f);
    ck_assert_msg(ok, "%s: %s", a->store.path, f.text);
}

static unsigned check_each_action(const char *fixture, const struct assessment *a)
{
    for (size_t i = 0; i < a->plan.actions; i++) {
        const struct action *action = &a->plan.action[i];
        char text[600];
        if (action->kind == ACTION_WRITE_HEADER)
            continue; /* when a row changes, the header does, whatever the plan says */
        action_canonical(&a->model, action, text, sizeof text);
        write_without(a, i, in_folder("less"));
        ck_assert_msg(standin_starts(in_folder("less")) == action->optional,
                      "%s: without \"%s\" the stand-in %s", fixture, text,
                      action->optional ? "refuses, yet the action is called not needed"
                                       : "starts, yet the action is called needed");
    }
    write_without(a, SIZE_MAX, in_folder("less"));
    ck_assert_msg(standin_starts(in_folder("less")), "%s: the whole plan is not enough", fixture);
    return (unsigned)a->plan.actions;
}

/* A store with its folder, when the fixture is a directory, or a file. */
static bool make(const char *description, char *store, size_t size)
{
    const char *kmfixture = getenv("KMFIXTURE");
    run("rm -rf '%s'%s", in_folder("store"), "");
    snprintf(store, size, "%s", in_folder("store"));
    char command[1024];
    snprintf(command, sizeof command, "'%s' '%%s' -o '%%s' >/dev/null", kmfixture);
    return run(command, description, store) == 0;
}

START_TEST(no_needed_action_can_be_left_out)
{
    glob_t found;
    unsigned actions = 0, plans = 0;
    ck_assert_int_eq(glob(KM_SOURCE_DIR "/fixtures/states/*/description.ini", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct assessment a;
        struct assess_options options = {.in_place = false};
        char store[512];
        if (strstr(found.gl_pathv[i], "multi-level") /* large, and the plan of imported-twice */ ||
            strstr(found.gl_pathv[i], "salvage-headers-gone") /* nothing can be judged */)
            continue;
        ck_assert_msg(make(found.gl_pathv[i], store, sizeof store), "%s", found.gl_pathv[i]);
        ck_assert_int_eq(assess(&a, store, &options, NULL), EXIT_CLEAN);
        if (a.verdict == VERDICT_AFTER_REPAIR) {
            actions += check_each_action(found.gl_pathv[i], &a);
            plans++;
        }
        assess_close(&a);
    }
    globfree(&found);
    printf("%u actions of %u plans were left out in turn\n", actions, plans);
    ck_assert_uint_gt(plans, 20);
}
END_TEST

int main(void)
{
    if (getenv("KMFIXTURE") == NULL) {
        fprintf(stderr, "test_plan: skipped: kmfixture is not built\n");
        return CHECK_SKIPPED;
    }
    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    int status =
        check_main("plan", (const struct check_case[]){{no_needed_action_can_be_left_out, 0}, {0}});
    run("rm -rf '%s'%s", folder, "");
    return status;
}
