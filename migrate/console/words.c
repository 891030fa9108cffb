/* Words that depend on a number, and hashes: see words.h. */
#include "migrate/console/words.h"

#include <inttypes.h>
#include <stdio.h>

enum { KEPT = 16 };

const char *counted(uint64_t number, const char *one, const char *many)
{
    static char texts[KEPT][64];
    static unsigned next;
    char *text = texts[next++ % KEPT];
    snprintf(text, sizeof texts[0], "%" PRIu64 " %s", number, number == 1 ? one : many);
    return text;
}

const char *hash_words(struct bytes hash)
{
    static char texts[KEPT][2 * WORDS_HASH_MOST + 1];
    static unsigned next;
    return bytes_hex(hash, texts[next++ % KEPT], sizeof texts[0]);
}
