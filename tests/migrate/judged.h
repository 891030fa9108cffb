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

static char judged_folder[] = "/tmp/kmmigrate-test-XXXXXX";

/* Makes "store.edb" in the folder from a description. */
static void judged_make(const char *description, char store[256])
{
    char path[256], command[1024];
    snprintf(path, sizeof path, "%s/description.ini", judged_folder);
    snprintf(store, 256, "%s/store.edb", judged_folder);
    FILE *to = fopen(path, "w");
    ck_assert_ptr_nonnull(to);
    fputs(description, to);
    ck_assert_int_eq(fclose(to), 0);
    snprintf(command, sizeof command, "'%s' '%s' -f -o '%s' >/dev/null", getenv("KMFIXTURE"), path,
             store);
    ck_assert_int_eq(system(command), 0);
}

/* The assessment of a description's store; options: NULL: none; they are borrowed. */
static void judged(const char *description, const struct assess_options *options,
                   struct assessment *a)
{
    static const struct assess_options none;
    static char store[256];
    judged_make(description, store);
    ck_assert_int_eq(assess(a, store, options ? options : &none, NULL), EXIT_CLEAN);
    ck_assert(a->has_model);
}

/* Runs the cases, and removes the folder. */
static int judged_main(const char *name, const struct check_case *cases)
{
    char command[256];
    if (getenv("KMFIXTURE") == NULL) {
        fprintf(stderr, "test_%s: skipped: kmfixture is not built\n", name);
        return CHECK_SKIPPED;
    }
    if (mkdtemp(judged_folder) == NULL)
        return EXIT_FAILURE;
    int status = check_main(name, cases);
    snprintf(command, sizeof command, "rm -rf '%s'", judged_folder);
    return system(command) == 0 ? status : EXIT_FAILURE;
}

#endif
