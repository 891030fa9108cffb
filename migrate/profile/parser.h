/*
 * What reading a profile knows on its way: read.c takes the lines, checks.c says what is missing
 * or does not go together once they were all taken.
 */
#ifndef KM_MIGRATE_PARSER_H
#define KM_MIGRATE_PARSER_H

#include "migrate/profile/grammar.h"
#include "migrate/profile/ini.h"

struct parser {
    const char *name; /* of the file, for faults */
    struct ini_reader reader;
    struct profile *profile;
    struct fault *f;
    const struct section_spec *section; /* NULL: before the first one */
    unsigned slot;
    unsigned section_line[SECTIONS][SLOTS_MOST]; /* 0: not there */
    unsigned number[SECTIONS][SLOTS_MOST];       /* N of a numbered section */
    unsigned key_line[SECTIONS][SLOTS_MOST][KEYS_MOST];
};

/* Puts the place before the fault.  Returns false. */
bool parser_failed_at(struct parser *parser, unsigned line);

#define FAIL(p, code, ...)                                                                         \
    (fault_set((p)->f, code, __VA_ARGS__), parser_failed_at(p, (p)->reader.line))

/* "reference.2" as the file has it. */
const char *parser_section_label(const struct parser *parser, const struct section_spec *section,
                                 unsigned slot, char to[48]);

/* After the last line: is everything there that must be, and does it go together?  Sorts the parts
 * of the list into rows and values.  False, with the fault saying where not. */
bool parser_check_all(struct parser *parser);

#endif
