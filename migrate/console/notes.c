/* What there is to say of what was done: see notes.h. */
#include "migrate/console/notes.h"

#include "migrate/console/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *note_next_in(const char *format, const char *sentence)
{
    static const char before[] = "; ";
    const char *place = strstr(format, before), *next = NULL;
    if (place == NULL || strstr(place, "kmmigrate ") == NULL)
        return NULL;
    while ((sentence = strstr(sentence, before)) != NULL)
        next = sentence += sizeof before - 1;
    return next;
}

/* A note with so much room for text behind it.  NULL: nobody wants it, or it is lost. */
static struct note *take(struct notes *notes, size_t text)
{
    size_t size = sizeof(struct note) + text, whole = (size / NOTES_ALIGN + 1) * NOTES_ALIGN;
    struct note *note = notes ? malloc(size) : NULL;
    if (notes && note == NULL && whole <= sizeof notes->reserve - notes->reserve_taken) {
        note = (struct note *)(void *)(notes->reserve + notes->reserve_taken);
        notes->reserve_taken += whole;
    }
    return note;
}

static void append(struct notes *notes, struct note *note)
{
    if (notes->last)
        notes->last->behind = note;
    else
        notes->first = note;
    notes->last = note;
}

/* A note like that one, its sentence what `f` says (NULL: nothing) and, behind it, what the format
 * does (NULL: nothing), which then is what to do. */
static void add(struct notes *notes, struct note like, const struct fault *f, const char *format,
                va_list args)
{
    static const char between[] = "; ";
    va_list again;
    va_copy(again, args);
    int formatted = format ? vsnprintf(NULL, 0, format, again) : 0;
    va_end(again);
    size_t size = formatted < 0 ? 1 : (size_t)formatted + 1;
    size_t before = f ? strlen(f->text) + strlen(between) : 0;
    size_t file = like.file ? strlen(like.file) + 1 : 0;
    struct note *note = take(notes, before + size + file);
    if (note == NULL)
        return;
    *note = like;
    char *text = (char *)(note + 1), *said = text;
    if (f)
        said += snprintf(text, before + 1, "%s%s", f->text, format ? between : "");
    if (format)
        vsnprintf(said, size, format, args);
    note->sentence = text;
    note->place = f ? f->place : 0;
    note->file = like.file ? memcpy(text + before + size, like.file, file) : NULL;
    if (format && !like.warning)
        note->next = f ? said : note_next_in(format, text);
    append(notes, note);
}

static void add_fault(struct notes *notes, const char *file, const struct fault *f,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = file}, f, format, args);
    va_end(args);
}

int note_error(struct notes *notes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = NULL}, NULL, format, args);
    va_end(args);
    return EXIT_TROUBLE;
}

int note_usage(struct notes *notes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = NULL}, NULL, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int note_file(struct notes *notes, const char *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = file}, NULL, format, args);
    va_end(args);
    return EXIT_TROUBLE;
}

int note_warning(struct notes *notes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.warning = true}, NULL, format, args);
    va_end(args);
    return EXIT_CLEAN;
}

int note_trouble(struct notes *notes, const char *file, const struct fault *f)
{
    add_fault(notes, file, f, NULL);
    return EXIT_TROUBLE;
}

int note_trouble_of(struct notes *notes, const char *input, const char *output,
                    const struct fault *f)
{
    return note_trouble(notes, f->of_output ? output : input, f);
}

void note_fault_next(struct notes *notes, const char *file, const struct fault *f,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = file}, f, format, args);
    va_end(args);
}

void notes_close(struct notes *notes)
{
    const char *end = notes->reserve + sizeof notes->reserve;
    for (struct note *note = notes->first, *behind; note; note = behind) {
        behind = note->behind;
        if ((const char *)note < notes->reserve || (const char *)note >= end)
            free(note);
    }
    notes->first = notes->last = NULL;
    notes->reserve_taken = 0;
}
