/* Words that depend on a number: see words.h. */
#include "migrate/console/words.h"

#include <inttypes.h>
#include <stdio.h>

const char *counted(uint64_t number, const char *one, const char *many)
{
    static char texts[16][64];
    static unsigned next;
    char *text = texts[next++ % 16];
    snprintf(text, sizeof texts[0], "%" PRIu64 " %s", number, number == 1 ? one : many);
    return text;
}
