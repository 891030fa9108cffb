/* What this process may still write: see sandbox.h. */
#include "migrate/files/sandbox.h"

#include "formats/descriptor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __has_include
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif
#endif

#if defined LANDLOCK_CREATE_RULESET_VERSION && defined SYS_landlock_restrict_self

/* Rights that came with later versions, for older headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* version 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* version 3 */
#endif

/* What the program needs where it writes: files and directories, never anything else. */
#define WRITING                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                                \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)

/* What it never needs. */
#define NEVER                                                                                      \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |   \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* The rights that the kernel's version knows. */
static uint64_t known_rights(long version)
{
    uint64_t rights = WRITING | NEVER;
    if (version < 3)
        rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
    if (version < 2)
        rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
    return rights;
}

void sandbox_begin(struct sandbox *s, bool moves)
{
    *s = (struct sandbox){.ruleset = -1};
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1 || (moves && version < 2))
        return;
    s->handled = known_rights(version);
    const struct landlock_ruleset_attr attr = {.handled_access_fs = s->handled};
    s->ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0U);
}

static void give_up(struct sandbox *s)
{
    descriptor_close(s->ruleset);
    s->ruleset = -1;
}

void sandbox_allow(struct sandbox *s, const char *directory)
{
    if (s->ruleset < 0)
        return;
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    const struct landlock_path_beneath_attr rule = {.allowed_access = WRITING & s->handled,
                                                    .parent_fd = fd};
    long failed = syscall(SYS_landlock_add_rule, s->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
    close(fd);
    if (failed)
        give_up(s);
}

void sandbox_enter(struct sandbox *s)
{
    /* Landlock wants it: no program that is run gains rights by being run. */
    if (s->ruleset >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0)
        syscall(SYS_landlock_restrict_self, s->ruleset, 0U);
    give_up(s);
}

#else /* the headers that it is built with know no Landlock */

void sandbox_begin(struct sandbox *s, bool moves)
{
    (void)moves;
    *s = (struct sandbox){.ruleset = -1};
}

void sandbox_allow(struct sandbox *s, const char *directory)
{
    (void)s;
    (void)directory;
}

void sandbox_enter(struct sandbox *s)
{
    (void)s;
}

#endif
