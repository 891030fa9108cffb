/* Signals that end the program: see interrupt.h. */
#include "migrate/console/interrupt.h"

#include "migrate/console/output.h"
#include "migrate/console/progress.h"
#include "migrate/console/status.h"

#include <string.h>
#include <unistd.h>

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

static const char *end_document;

void interrupt_ends_with(const char *document)
{
    end_document = document;
}

static void end_now(int signal_number)
{
    (void)signal_number;
    static const char text[] = "kmmigrate: cancelled; nothing was changed\n";
    progress_hide();
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    if (end_document && !output_begun())
        ignored = write(STDOUT_FILENO, end_document, strlen(end_document));
    (void)ignored;
    _exit(EXIT_CANCELLED);
}

void interrupt_ends(void)
{
    handle_endings(end_now);
}

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

const volatile sig_atomic_t *interrupt_watch(void)
{
    handle_endings(note_interrupt);
    return &interrupted;
}
