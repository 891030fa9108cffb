/*
 * Lines of an INI file: sections in brackets, `key = value` or `key: value`, comments behind ; or #
 * at the start of a line and behind a blank and ; in it.  What sections and keys mean is not known
 * here.
 */
#ifndef KM_MIGRATE_INI_H
#define KM_MIGRATE_INI_H

#include "formats/bytes.h"
#include "formats/fault.h"

enum { INI_LINE_MOST = 1000 }; /* characters of a line, without blanks around it */

enum ini_kind { INI_END, INI_SECTION, INI_KEY, INI_BAD };

struct ini_reader {
    struct bytes text;
    size_t at;
    unsigned line; /* the one that was read last, from 1 */
    char room[INI_LINE_MOST + 1];
};

/* The next section or key; in INI_SECTION *name is what stands in the brackets, in INI_KEY *value
 * is what stands behind the sign, both without blanks around them and valid until the next call.
 * INI_BAD, with f saying why: the line is neither, holds a byte 0, or is too long. */
enum ini_kind ini_next(struct ini_reader *reader, const char **name, const char **value,
                       struct fault *f);

#endif
