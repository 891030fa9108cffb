/* Stores for unit tests of what comes behind reading: see judged.h. */
#include "tests/migrate/judged.h"

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

void judged(const char *description, const struct assess_options *options, struct assessment *a)
{
    static const struct assess_options none;
    static char store[256];
    judged_make(description, store);
    ck_assert_int_eq(assess(a, store, options ? options : &none, NULL), EXIT_CLEAN);
    ck_assert(a->has_model);
}

int judged_main(const char *name, const struct check_case *cases)
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
