/*
 * What there is to say of what was done or refused: errors and warnings, in the order in which they
 * came.  Below the commands nothing prints a message: it adds a note here, beside what it returns,
 * and whoever called it prints the notes (message_notes()) or looks at them.
 *
 * A zeroed struct has none.  Wherever notes are taken, NULL says that nobody wants them.  What
 * there is no memory for goes into a reserve: when memory is short there is most to say.  One that
 * does not fit there either is lost.
 */
#ifndef KM_MIGRATE_NOTES_H
#define KM_MIGRATE_NOTES_H

#include "formats/fault.h"

#include <stdbool.h>
#include <stddef.h>

struct note {
    struct note *behind; /* the next one; NULL: the last */
    bool warning;
    const char *file; /* that it is of; NULL: of none */
    const char *sentence;
    size_t place;     /* the sentence's first so many bytes say where in the file */
    const char *next; /* what to do, in the sentence or not; NULL: not said */
};

enum { NOTES_ALIGN = 16, NOTES_RESERVE = 16 * 1024 };

struct notes {
    struct note *first, *last;
    size_t reserve_taken;
    _Alignas(NOTES_ALIGN) char reserve[NOTES_RESERVE];
};

/* An error; of a file; of a file, as a reader's fault.  They return EXIT_TROUBLE. */
int note_error(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
int note_file(struct notes *notes, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int note_trouble(struct notes *notes, const char *file, const struct fault *f);
/* The same of a reader's or a writer's: of the output where it is of that. */
int note_trouble_of(struct notes *notes, const char *input, const char *output,
                    const struct fault *f);
/* An error in how the program is used; returns EXIT_USAGE. */
int note_usage(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As note_trouble(), with "; " and what to do next. */
void note_fault_next(struct notes *notes, const char *file, const struct fault *f,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Returns EXIT_CLEAN. */
int note_warning(struct notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What to do, of a sentence whose format ends with it: "...; kmmigrate list shows them".  NULL: it
 * does not. */
const char *note_next_in(const char *format, const char *sentence);

/* Gives the memory back; there are no notes then. */
void notes_close(struct notes *notes);

#endif
