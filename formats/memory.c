/* Noting that memory ran short: see memory.h. */
#include "formats/memory.h"

#include <dirent.h>
#include <errno.h>
#include <locale.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>

atomic_bool memory_is_short;

void memory_note_short(void)
{
    atomic_store_explicit(&memory_is_short, true, memory_order_relaxed);
}

void memory_give_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void memory_watch_begin(void)
{
    errno = 0;
}

bool memory_watch_end(void)
{
    bool was_short = errno == ENOMEM;
    if (was_short)
        memory_note_short();
    return was_short;
}

/* ---- in front of the allocator ---- */

/* The linker gives each call of NAME to __wrap_NAME, and calls NAME itself __real_NAME. */
#define WRAP(type, name, parameters, arguments, failed)                                            \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        type got = __real_##name arguments;                                                        \
        if (got == NULL && (failed))                                                               \
            memory_note_short();                                                                   \
        return got;                                                                                \
    }

WRAP(void *, malloc, (size_t size), (size), true)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), true)
WRAP(void *, realloc, (void *at, size_t size), (at, size), size > 0)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), true)
WRAP(char *, strdup, (const char *text), (text), true)
WRAP(char *, strndup, (const char *text, size_t most), (text, most), true)

/* These may fail for other reasons, too. */
WRAP(DIR *, opendir, (const char *path), (path), errno == ENOMEM)
WRAP(DIR *, fdopendir, (int descriptor), (descriptor), errno == ENOMEM)
WRAP(FILE *, fopen64, (const char *path, const char *mode), (path, mode), errno == ENOMEM)
WRAP(FILE *, fdopen, (int descriptor, const char *mode), (descriptor, mode), errno == ENOMEM)
WRAP(FILE *, fopencookie, (void *cookie, const char *mode, cookie_io_functions_t functions),
     (cookie, mode, functions), true)
WRAP(locale_t, newlocale, (int mask, const char *name, locale_t base), (mask, name, base),
     errno == ENOMEM)
WRAP(char *, realpath, (const char *path, char *to), (path, to), errno == ENOMEM)
WRAP(FILE *, open_memstream, (char **text, size_t *size), (text, size), true)

/* What realpath() is under fortification: the room is the caller's, of PATH_MAX bytes or more. */
char *__wrap___realpath_chk(const char *path, char *to, size_t room);

char *__wrap___realpath_chk(const char *path, char *to, size_t room)
{
    (void)room;
    return __wrap_realpath(path, to);
}

/* asprintf() and what fortification makes of it. */
int __real_vasprintf(char **to, const char *format, va_list args);
int __wrap_vasprintf(char **to, const char *format, va_list args);
int __wrap_asprintf(char **to, const char *format, ...);
int __wrap___vasprintf_chk(char **to, int flag, const char *format, va_list args);
int __wrap___asprintf_chk(char **to, int flag, const char *format, ...);

int __wrap_vasprintf(char **to, const char *format, va_list args)
{
    int size = __real_vasprintf(to, format, args);
    if (size < 0)
        memory_note_short();
    return size;
}

int __wrap___vasprintf_chk(char **to, int flag, const char *format, va_list args)
{
    (void)flag;
    return __wrap_vasprintf(to, format, args);
}

int __wrap_asprintf(char **to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = __wrap_vasprintf(to, format, args);
    va_end(args);
    return size;
}

int __wrap___asprintf_chk(char **to, int flag, const char *format, ...)
{
    (void)flag;
    va_list args;
    va_start(args, format);
    int size = __wrap_vasprintf(to, format, args);
    va_end(args);
    return size;
}
