/* What there is to say of what was done: see notes.h. */
#include "migrate/console/notes.h"

#include "formats/array.h"
#include "migrate/console/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies what `note` points at, into one piece that begins with the sentence. */
static void keep(struct notes *notes, struct note note)
{
    size_t sentence = strlen(note.sentence) + 1, file = note.file ? strlen(note.file) + 1 : 0,
           next = note.next ? strlen(note.next) + 1 : 0;
    void *array = notes->item;
    char *text = malloc(sentence + file + next);
    bool room = text && array_reserve(&array, &notes->room, notes->count + 1, sizeof note);
    notes->item = array;
    if (!room) {
        free(text);
        return;
    }
    note.sentence = memcpy(text, note.sentence, sentence);
    note.file = note.file ? memcpy(text + sentence, note.file, file) : NULL;
    note.next = note.next ? memcpy(text + sentence + file, note.next, next) : NULL;
    notes->item[notes->count++] = note;
}

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

/* The sentence in memory of its own; NULL: there is none, or nobody wants it. */
static char *made(const struct notes *notes, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = notes && size >= 0 ? malloc((size_t)size + 1) : NULL;
    if (text)
        vsnprintf(text, (size_t)size + 1, format, args);
    return text;
}

static void add(struct notes *notes, struct note note, const char *format, va_list args)
{
    char *sentence = made(notes, format, args);
    note.sentence = sentence;
    if (sentence == NULL)
        return;
    if (!note.warning)
        note.next = note_next_in(format, sentence);
    keep(notes, note);
    free(sentence);
}

void note_error(struct notes *notes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = NULL}, format, args);
    va_end(args);
}

void note_file(struct notes *notes, const char *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.file = file}, format, args);
    va_end(args);
}

void note_warning(struct notes *notes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(notes, (struct note){.warning = true}, format, args);
    va_end(args);
}

int note_trouble(struct notes *notes, const char *file, const struct fault *f)
{
    if (notes)
        keep(notes, (struct note){.file = file, .sentence = f->text, .place = f->place});
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
    char *next = made(notes, format, args);
    va_end(args);
    size_t size = next ? sizeof f->text + strlen(next) + 3 : 0;
    char *sentence = size ? malloc(size) : NULL;
    if (sentence) {
        snprintf(sentence, size, "%s; %s", f->text, next);
        keep(notes,
             (struct note){.file = file, .sentence = sentence, .place = f->place, .next = next});
    }
    free(sentence);
    free(next);
}

void notes_close(struct notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        free((char *)notes->item[i].sentence);
    free(notes->item);
    *notes = (struct notes){.item = NULL};
}
