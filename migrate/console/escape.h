/*
 * What comes from a store, a file name or the environment, made fit to be shown: the one place that
 * decides what may reach a terminal, a report or a JSON document.
 *
 * output_format(), message_error() and the JSON writer call it for every string that they are
 * given, so that nothing has to remember to; only a program's own words are printed as they are.
 */
#ifndef KM_MIGRATE_ESCAPE_H
#define KM_MIGRATE_ESCAPE_H

#include "formats/bytes.h"

#include <stdarg.h>

enum escape_as {
    ESCAPE_LINE,  /* inside a line: what is hidden becomes \n, \t, \x1b or \u202e, a byte that is no
                     UTF-8 \xff */
    ESCAPE_FIELD, /* the same, and the backslash doubled, so that it can be read back */
    ESCAPE_LINES, /* as ESCAPE_LINE, but line ends stay: a text of several lines */
    ESCAPE_JSON,  /* inside a JSON string: hidden characters as \uXXXX, a byte that is no UTF-8 as
                     U+FFFD */
    ESCAPE_HTML,  /* as ESCAPE_LINE, for HTML and SVG: in text and in quoted attributes */
};

/* The text in pieces, each as it is to be printed. */
struct escape {
    struct bytes left;
    enum escape_as as;
    char made[24];
};

/* Printable ASCII that none of the forms changes. */
static inline bool escape_is_plain(uint8_t c)
{
    switch (c) {
    case '\\':
    case '"':
    case '\'':
    case '&':
    case '<':
    case '>':
        return false;
    default:
        return c >= 0x20 && c < 0x7f;
    }
}

/* How many characters at the beginning of the text are plain. */
size_t escape_plain_size(struct bytes text);

struct escape escape_of(struct bytes text, enum escape_as as);

/* The next piece; false at the end.  It is valid until the next call. */
bool escape_next(struct escape *escape, struct bytes *piece);

/* Takes what is to be printed, piece by piece. */
typedef void escape_sink(void *context, const char *bytes, size_t size);

/* vprintf() to a sink, of any length, in which every %s argument is escaped as ESCAPE_LINE; a field
 * width counts characters.  The format itself is the program's own and goes out as it is.  Known
 * conversions: d i u x X o c s p f g e %, with their flags, widths, precisions and lengths. */
void escape_format(escape_sink *sink, void *context, const char *format, va_list args);

/* The same in which every %s argument is escaped as `as`. */
void escape_format_as(escape_sink *sink, void *context, enum escape_as as, const char *format,
                      va_list args);

/*
 * A word quoted for a POSIX shell, so that a printed command can be pasted: unchanged where that is
 * safe, else in single quotes; with $'...' (and octal escapes) where it holds what must not reach a
 * terminal.  A name that begins with a dash gets ./ before it.  The result is valid until the
 * eighth next call.  When memory is short it is "...".
 */
const char *shell_word(const char *text);

/* The same for an argument as it was given: without ./ before a dash. */
const char *shell_argument(const char *text);

#endif
