/*
 * For what is preloaded into kmmigrate: what has to be done from outside its sandbox (Landlock).
 *
 * A file that is written at the end has to be open before main(), and a program that writes where
 * kmmigrate may not is run by a child that is older than the sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OUTSIDE_NUMBERS = 200 }; /* descriptors of these libraries, out of the program's way */

/* Opens the file that an environment variable names, to be written at its end; -1: it names none.
 */
static inline int outside_file(const char *variable)
{
    const char *path = getenv(variable);
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path,
                                 O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                  : -1;
    if (fd < 0)
        return -1;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, OUTSIDE_NUMBERS);
    close(fd);
    return above;
}

static int outside_ask = -1, outside_answer = -1; /* pipes to and from the child */

/* The child: runs each line as a command, and answers with a byte when it is done. */
static inline void outside_serve(int from, int to)
{
    char line[8192];
    FILE *lines = fdopen(from, "r");
    unsetenv("LD_PRELOAD");
    while (lines && fgets(line, sizeof line, lines)) {
        char done = system(line) == 0;
        if (write(to, &done, 1) != 1)
            break;
    }
    _exit(0);
}

/* Begins the child; it ends with the process that asks it. */
static inline void outside_begin(void)
{
    int ask[2], answer[2];
    if (pipe2(ask, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0)
        abort();
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        close(ask[1]);
        close(answer[0]);
        outside_serve(ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    outside_ask = fcntl(ask[1], F_DUPFD_CLOEXEC, OUTSIDE_NUMBERS);
    outside_answer = fcntl(answer[0], F_DUPFD_CLOEXEC, OUTSIDE_NUMBERS);
    close(ask[1]);
    close(answer[0]);
}

/* Has the child run a command, without a line break in it.  False: it failed. */
static inline int outside_run(const char *command)
{
    char done = 0;
    return dprintf(outside_ask, "%s\n", command) > 0 && read(outside_answer, &done, 1) == 1 && done;
}
