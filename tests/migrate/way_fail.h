/*
 * For the fuzz target of the whole way (fuzz_way.c): system calls that fail, as those of a full or
 * dying disk do.  They stand in front of the C library's, which the program calls by name.
 */
#ifndef KM_TESTS_MIGRATE_WAY_FAIL_H
#define KM_TESTS_MIGRATE_WAY_FAIL_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The call that fails: 1 the next one; 0 none. */
static unsigned way_fails;

static bool way_call_fails(void)
{
    if (way_fails == 0 || --way_fails > 0)
        return false;
    errno = EIO;
    return true;
}

int fsync(int file)
{
    return way_call_fails() ? -1 : (int)syscall(SYS_fsync, file);
}

ssize_t pwrite(int file, const void *from, size_t size, off_t at)
{
    return way_call_fails() ? -1 : syscall(SYS_pwrite64, file, from, size, at);
}

int ftruncate(int file, off_t size)
{
    return way_call_fails() ? -1 : (int)syscall(SYS_ftruncate, file, size);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return way_call_fails() ? -1
                            : (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    return way_call_fails() ? -1
                            : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    return way_call_fails() ? -1 : (int)syscall(SYS_mkdirat, folder, name, mode);
}

#endif
