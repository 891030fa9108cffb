/*
 * Discovery: numbers that tell who issued the certificates beside them, and are no keys of the
 * list.
 *
 * Such a column refers to the list in a way that was not understood: by positions that count
 * another part of it, too, or by keys of a list that is kept somewhere else.  See parts.h.
 */
#include "migrate/discover/parts.h"

#include <stdlib.h>

enum {
    TELL_MOST = 64, /* different values; more are no references to a list, or a long one */
    ROWS_LEAST = 6, /* that it is told by */
    REPEATED_HALF = 2
};

struct telling {
    bool refuted; /* one value stands beside certificates of two issuers */
    unsigned values, issuers;
    int64_t value[TELL_MOST];
    uint64_t issuer[TELL_MOST];
    uint64_t rows, repeated; /* compared; with a value that an earlier one had */
    uint64_t versions;       /* in which the value is the certificate's version */
};

struct telling *discover_telling_open(void)
{
    return calloc(1, sizeof(struct telling));
}

void discover_telling_close(struct telling *t)
{
    free(t);
}

void discover_telling_row(struct telling *t, int64_t value, uint64_t issuer, int version)
{
    unsigned i = 0;
    bool known = false;
    while (i < t->values && t->value[i] != value)
        i++;
    for (unsigned k = 0; k < t->values && !known; k++)
        known = t->issuer[k] == issuer;
    t->rows++;
    t->versions += value == version;
    if (i < t->values) {
        t->repeated++;
        t->refuted = t->refuted || t->issuer[i] != issuer;
    } else if (t->values == TELL_MOST) {
        t->refuted = true;
    } else {
        t->issuers += !known;
        t->value[t->values] = value;
        t->issuer[t->values++] = issuer;
    }
}

bool discover_tells_issuers(const struct telling *t)
{
    return !t->refuted && t->values > 1 && t->issuers > 1 && t->rows >= ROWS_LEAST &&
           t->repeated * REPEATED_HALF >= t->rows && t->versions < t->rows;
}
