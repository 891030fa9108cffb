/* A store written as its plan says: see rewriting.h. */
#include "tests/migrate/rewriting.h"

bool write_less_one(const struct assessment *a, size_t left_out, const char *target,
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
