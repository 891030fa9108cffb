/* Messages on standard error: see message.h. */
#include "migrate/console/message.h"

#include "formats/fileio.h"
#include "migrate/console/escape.h"
#include "migrate/console/status.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static bool quiet;

void message_quiet(bool be_quiet)
{
    quiet = be_quiet;
}

/* One line is one write where it fits, so that lines of several programs do not mix. */
struct line {
    char text[4096];
    size_t size;
};

static void flush_line(struct line *line)
{
    fileio_write(STDERR_FILENO, bytes_of(line->text, line->size)); /* else nobody is left to tell */
    line->size = 0;
}

static void add_to_line(void *context, const char *bytes, size_t size)
{
    struct line *line = context;
    while (size > 0) {
        size_t part = sizeof line->text - line->size;
        if (part > size)
            part = size;
        memcpy(line->text + line->size, bytes, part);
        line->size += part;
        bytes += part;
        size -= part;
        if (line->size == sizeof line->text)
            flush_line(line);
    }
}

static void put_line(const char *kind, const char *format, va_list args)
{
    struct line line = {.size = 0};
    static const char name[] = "kmmigrate: ";
    add_to_line(&line, name, sizeof name - 1);
    add_to_line(&line, kind, strlen(kind));
    escape_format(add_to_line, &line, format, args);
    add_to_line(&line, "\n", 1);
    flush_line(&line);
}

void message_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("", format, args);
    va_end(args);
}

void message_warning(const char *format, ...)
{
    if (quiet)
        return;
    va_list args;
    va_start(args, format);
    put_line("warning: ", format, args);
    va_end(args);
}

/* A signal that was ignored when the program began stays so: nohup and shells in the background ask
 * for that. */
static void handle_endings(void (*handler)(int))
{
    static const int endings[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct sigaction action = {.sa_handler = handler}, old;
        if (sigaction(endings[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(endings[i], &action, NULL);
    }
}

static void end_now(int signal_number)
{
    (void)signal_number;
    static const char text[] = "kmmigrate: cancelled; nothing was changed\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(EXIT_CANCELLED);
}

void message_end_on_interrupt(void)
{
    handle_endings(end_now);
}

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

const volatile sig_atomic_t *message_watch_interrupt(void)
{
    handle_endings(note_interrupt);
    return &interrupted;
}
