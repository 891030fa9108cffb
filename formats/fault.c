/* Recording of faults: see fault.h. */
#include "formats/fault.h"

#include "formats/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Nothing is cut without a word. */
static void mark_cut(char *text, size_t size, int needed)
{
    if (needed >= 0 && (size_t)needed >= size && size > 4)
        memcpy(text + size - 4, "...", 4);
}

bool fault_set(struct fault *f, enum fault_code code, const char *format, ...)
{
    if (code == FAULT_NO_MEMORY)
        memory_note_short(); /* also where nobody wants to know why */
    if (f == NULL)
        return false;
    va_list args;
    va_start(args, format);
    f->code = code;
    f->place = 0;
    f->of_output = false;
    mark_cut(f->text, sizeof f->text, vsnprintf(f->text, sizeof f->text, format, args));
    va_end(args);
    return false;
}

bool fault_no_memory(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory%s%s", what ? " for " : "",
                     what ? what : "");
}

bool fault_of_output(struct fault *f)
{
    if (f)
        f->of_output = f->code != FAULT_NO_MEMORY;
    return false;
}

bool fault_take(struct fault *f, const struct fault *inner)
{
    if (f && inner->code != FAULT_NONE)
        *f = *inner;
    return inner->code == FAULT_NONE;
}

bool fault_context(struct fault *f, const char *format, ...)
{
    if (f == NULL)
        return false;
    char before[sizeof f->text], after[sizeof f->text];
    memcpy(after, f->text, sizeof after);
    va_list args;
    va_start(args, format);
    vsnprintf(before, sizeof before, format, args);
    va_end(args);
    size_t room = sizeof f->text, head = strlen(before);
    if (head > room / 2) {
        head = room / 2;
        mark_cut(before, head + 1, (int)room);
    }
    memcpy(f->text, before, head);
    f->place = (unsigned short)(head + (f->place ? strlen(": ") + f->place : 0));
    mark_cut(f->text, room, (int)head + snprintf(f->text + head, room - head, ": %s", after));
    if (f->place >= room)
        f->place = (unsigned short)(room - 1);
    return false;
}

bool memory_sufficed(struct fault *f)
{
    return !memory_ran_short() || fault_no_memory(f, NULL);
}
