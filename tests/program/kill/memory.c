/*
 * Preloaded into kmmigrate by test_memory.py: counts the allocations that the program and its
 * libraries make from main() on, and fails the n-th.
 *
 *     KM_MEMORY_AT    which allocation, from 1; 0 or unset: none
 *     KM_MEMORY_STAY  set: every later one fails as well
 *     KM_MEMORY_LOG   file that gets, at the end, "count N"; when one failed, "failed MODULE", and
 *                     after a crash "crashed MODULE": the first module below libc on the stack;
 *                     "aside thread" when another thread than the first allocated
 *
 * So a crash of a library that does not survive a lack of memory of its own (GMP calls abort(), and
 * nettle and GnuTLS stand on it) is told apart from one of this program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long counted;
static atomic_bool armed, told, aside;
static long wanted;
static int stay, log_file = -1;

static void tell(const char *what, const char *text)
{
    char line[512];
    int size = snprintf(line, sizeof line, "%s %s\n", what, text);
    if (log_file >= 0)
        (void)!write(log_file, line, (size_t)size);
}

/* The first module of the stack that is neither this one nor libc. */
static void blame(const char *what)
{
    void *frame[64];
    const char *found = "none";
    Dl_info mine, info;
    atomic_store(&armed, 0);
    int frames = backtrace(frame, 64);
    dladdr((void *)(uintptr_t)blame, &mine);
    for (int i = 0; i < frames; i++) {
        if (!dladdr(frame[i], &info) || info.dli_fname == NULL ||
            info.dli_fbase == mine.dli_fbase || strstr(info.dli_fname, "/libc.so"))
            continue;
        const char *slash = strrchr(info.dli_fname, '/');
        found = slash ? slash + 1 : info.dli_fname;
        break;
    }
    tell(what, found);
    atomic_store(&armed, 1);
}

static int fails(void)
{
    if (!atomic_load(&armed))
        return 0;
    if (gettid() != getpid() && !atomic_exchange(&aside, 1))
        tell("aside", "thread");
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (wanted == 0 || number < wanted || (number > wanted && !stay))
        return 0;
    if (!atomic_exchange(&told, 1))
        blame("failed");
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return fails() ? NULL : __libc_realloc(at, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
    *to = fails() ? NULL : __libc_memalign(alignment, size);
    return *to ? 0 : ENOMEM;
}

static void crashed(int signal_number)
{
    signal(signal_number, SIG_DFL);
    blame("crashed");
    raise(signal_number);
}

static void ended(void)
{
    char text[32];
    atomic_store(&armed, 0);
    snprintf(text, sizeof text, "%ld", atomic_load(&counted));
    tell("count", text);
}

static int (*real_main)(int, char **, char **);

static int armed_main(int argc, char **argv, char **environment)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    const char *at = getenv("KM_MEMORY_AT"), *path = getenv("KM_MEMORY_LOG");
    void *prime[4];
    backtrace(prime, 4); /* it loads what it needs now */
    wanted = at ? atol(at) : 0;
    stay = getenv("KM_MEMORY_STAY") != NULL;
    /* 200: what is written to has numbers of its own below that. */
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    log_file = file >= 0 ? fcntl(file, F_DUPFD_CLOEXEC, 200) : -1;
    if (file >= 0)
        close(file);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], crashed);
    atexit(ended);
    atomic_store(&armed, 1);
    return real_main(argc, argv, environment);
}

/* From where a program starts; the loader finds this one first. */
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*loader)(void), void *stack);
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*loader)(void), void *stack)
{
    __typeof__(&__libc_start_main) next;
    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = program;
    return next(armed_main, argc, argv, init, fini, loader, stack);
}
