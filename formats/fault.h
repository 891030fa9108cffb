/*
 * How a reader of this project says that something is wrong: one code for programs, one sentence
 * for people.  The sentence says what was expected and what was found, as "expected A, found B";
 * whoever prints it puts the file's name before it.  No allocation, so that "out of memory" can be
 * said as well.
 */
#ifndef KM_FORMATS_FAULT_H
#define KM_FORMATS_FAULT_H

#include <stdbool.h>

enum fault_code {
    FAULT_NONE = 0,
    FAULT_IO, /* the operating system refused: text ends with its reason */
    FAULT_NO_MEMORY,
    FAULT_NOT_THIS,    /* the input is not of this format at all */
    FAULT_DAMAGED,     /* it is, but its bytes break the format's rules */
    FAULT_UNSUPPORTED, /* it is legal, but this program cannot handle it */
    FAULT_MISSING,     /* what was asked for is not there */
    FAULT_LIMIT,       /* a bound that protects this program was reached */
};

struct fault {
    enum fault_code code;
    unsigned short place; /* so long is the part of the text that fault_context() put before it */
    bool of_output;       /* it is of the file that is written, not of the one that is read */
    char text[320];
};

/* Begins with no fault, as an initialiser would, without clearing the text: in what is called for
 * each row, that would cost more than the row. */
static inline void fault_clear(struct fault *f)
{
    f->code = FAULT_NONE;
}

/* Sets code and text, printf-like, cutting the text at its limit, where it then ends with "...".
 * Returns false, so that a function can `return fault_set(...)`.  f may be NULL: then nothing is
 * recorded but a lack of memory, which is noted for the whole program (memory.h). */
bool fault_set(struct fault *f, enum fault_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* The same of a lack of memory, for what; NULL: whatever it was. */
bool fault_no_memory(struct fault *f, const char *what) __attribute__((cold));

/* Notes that it is of the file that is written, whose name only the caller knows; lack
 * of memory is of none.  Returns false. */
bool fault_of_output(struct fault *f);

/* What an inner call said: true where that is nothing; else f, which may be NULL, has it. */
bool fault_take(struct fault *f, const struct fault *inner);

/* Puts a printf-like text before what f says already, as "context: text".  Returns false. */
bool fault_context(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether an allocation has failed since the program began (memory.h), as a fault: true when none
 * has; else false, with f saying so, whatever it said before. */
bool memory_sufficed(struct fault *f);

#endif
