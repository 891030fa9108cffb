/* Messages on standard error: see message.h. */
#include "migrate/console/message.h"

#include "migrate/commands/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool quiet;

void message_quiet(bool be_quiet)
{
    quiet = be_quiet;
}

/* Names and texts of a damaged database may hold anything; a terminal must not be driven by it. */
static void put_line(const char *kind, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    fprintf(stderr, "kmmigrate: %s%s\n", kind, text);
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
    struct sigaction action = {.sa_handler = end_now};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

const volatile sig_atomic_t *message_watch_interrupt(void)
{
    struct sigaction action = {.sa_handler = note_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &interrupted;
}
