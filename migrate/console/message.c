/* Messages on standard error: see message.h. */
#include "migrate/console/message.h"

#include "formats/fileio.h"
#include "migrate/console/escape.h"
#include "migrate/console/progress.h"
#include "migrate/console/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool printing, quiet;

void message_print(void)
{
    printing = true;
}

void message_quiet(bool be_quiet)
{
    quiet = be_quiet;
    progress_quiet(be_quiet);
}

/* One line is one write where it fits, so that lines of several programs do not mix. */
struct line {
    char text[4096];
    size_t size;
};

static void flush_line(struct line *line)
{
    if (printing) /* what cannot be written has nobody left to be told to */
        fileio_write(STDERR_FILENO, bytes_of(line->text, line->size));
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

static void line_begin(struct line *line, const char *kind)
{
    static const char name[] = "kmmigrate: ";
    progress_hide();
    line->size = 0;
    add_to_line(line, name, sizeof name - 1);
    add_to_line(line, kind, strlen(kind));
}

static void line_add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    escape_format(add_to_line, line, format, args);
    va_end(args);
}

static void line_end(struct line *line)
{
    add_to_line(line, "\n", 1);
    flush_line(line);
}

/* A line of a terminal comes in one piece, unless it is longer than any yes. */
static bool answer_is_yes(void)
{
    char answer[16], rest;
    ssize_t size = read(STDIN_FILENO, answer, sizeof answer - 1);
    if (size <= 0)
        return false;
    answer[size] = '\0';
    if (answer[size - 1] != '\n') {
        while (read(STDIN_FILENO, &rest, 1) == 1 && rest != '\n')
            continue;
        return false;
    }
    return strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0;
}

bool message_ask(const char *format, ...)
{
    struct line line;
    va_list args;
    if (!printing || quiet || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    line_begin(&line, "");
    va_start(args, format);
    escape_format(add_to_line, &line, format, args);
    va_end(args);
    line_add(&line, " [y/N] ");
    flush_line(&line);
    return answer_is_yes();
}

/* ---- what was told ---- */

/* Room that is there when memory is short, too. */
static struct {
    struct message_told item[MESSAGE_TOLD_MOST];
    unsigned count, untold;
    char room[32 * 1024];
    size_t used;
} told;

/* A copy that is kept; NULL where there is no room for it. */
static const char *keep(const char *text, size_t size)
{
    if (size >= sizeof told.room - told.used)
        return NULL;
    char *copy = told.room + told.used;
    memcpy(copy, text, size);
    copy[size] = '\0';
    told.used += size + 1;
    return copy;
}

/* "expected A, found B" in a sentence; B ends where it says what to do. */
static void take_apart(const char *sentence, struct message_told *t)
{
    static const char expected[] = "expected ", found[] = ", found ";
    const char *a = strstr(sentence, expected), *b = a ? strstr(a, found) : NULL;
    if (a == NULL)
        return;
    a += sizeof expected - 1;
    t->expected = keep(a, b ? (size_t)(b - a) : strcspn(a, ";"));
    if (b) {
        b += sizeof found - 1;
        t->found = keep(b, strcspn(b, ";"));
    }
}

enum { SENTENCE = 4000 };

/* A fault in a line of a file names both: "profile.ini:12: ...". */
static bool begins_with_name(const char *sentence, const char *file)
{
    size_t size = strlen(file);
    return strncmp(sentence, file, size) == 0 && sentence[size] == ':';
}

static void remember(const struct note *n)
{
    char whole[2 * SENTENCE];
    struct message_told t = {.message = NULL};
    bool named = n->file == NULL || begins_with_name(n->sentence, n->file);
    snprintf(whole, sizeof whole, "%s%s%s", named ? "" : n->file, named ? "" : ": ", n->sentence);
    if (told.count < MESSAGE_TOLD_MOST)
        t.message = keep(whole, strlen(whole));
    if (t.message == NULL) {
        told.untold++;
        return;
    }
    t.file = n->file ? keep(n->file, strlen(n->file)) : NULL;
    t.place = n->place ? keep(n->sentence, n->place) : NULL;
    t.next = n->next ? keep(n->next, strlen(n->next)) : NULL;
    take_apart(n->sentence + n->place, &t);
    told.item[told.count++] = t;
}

const struct message_told *message_told(unsigned i, unsigned *untold)
{
    *untold = told.untold;
    return i < told.count ? &told.item[i] : NULL;
}

void message_forget(void)
{
    told.count = told.untold = 0;
    told.used = 0;
}

/* ---- telling ---- */

static void error_line(const char *file, const char *format, va_list args)
{
    struct line line;
    char sentence[SENTENCE];
    va_list again;
    va_copy(again, args);
    vsnprintf(sentence, sizeof sentence, format, again);
    va_end(again);
    line_begin(&line, "");
    if (file)
        line_add(&line, "%s: ", file);
    escape_format(add_to_line, &line, format, args);
    line_end(&line);
    remember(
        &(struct note){.file = file, .sentence = sentence, .next = note_next_in(format, sentence)});
}

int message_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_line(NULL, format, args);
    va_end(args);
    return EXIT_TROUBLE;
}

int message_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_line(NULL, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int message_file(const char *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_line(file, format, args);
    va_end(args);
    return EXIT_TROUBLE;
}

static void tell_error(const struct note *n)
{
    struct line line;
    line_begin(&line, "");
    if (n->file && !begins_with_name(n->sentence, n->file))
        line_add(&line, "%s: ", n->file);
    line_add(&line, "%s", n->sentence);
    line_end(&line);
    remember(n);
}

int message_trouble(const char *file, const struct fault *f)
{
    tell_error(&(struct note){.file = file, .sentence = f->text, .place = f->place});
    return EXIT_TROUBLE;
}

int message_no_memory(void)
{
    return message_error("out of memory");
}

void message_warning(const char *format, ...)
{
    if (quiet)
        return;
    struct line line;
    va_list args;
    line_begin(&line, "warning: ");
    va_start(args, format);
    escape_format(add_to_line, &line, format, args);
    va_end(args);
    line_end(&line);
}

void message_notes(struct notes *notes)
{
    for (const struct note *note = notes->first; note; note = note->behind)
        if (note->warning)
            message_warning("%s", note->sentence);
        else
            tell_error(note);
    notes_close(notes);
}
