/*
 * Other writings of an entry's key: the number behind a word in text, the digits of a key that is
 * bytes, the key under the highest bit, ten or a hundred times it, the place of the entry's row in
 * the list's table.  For columns that hold no keys as they are: see residue.h.
 *
 * Numbers that codes could be are no places: fewer than three different ones, or all from the first
 * to one that is not the last.  Numbers that count from 1 are no keys behind a word or ten times.
 *
 * A writing of a column is refuted by the first value that does not fit it; 0, -1 and empty text
 * stand for none where they are none.  Each value is looked at once.
 */
#ifndef KM_MIGRATE_WRITINGS_H
#define KM_MIGRATE_WRITINGS_H

#include "migrate/judge/model.h"

enum writing {
    WRITING_WORD,
    WRITING_DIGITS,
    WRITING_FLAG,
    WRITING_TENFOLD,
    WRITING_HUNDREDFOLD,
    WRITING_PLACE_1, /* from 1 */
    WRITING_PLACE_0,
    WRITINGS
};

enum { WRITING_TEXT_MOST = 96 }; /* characters of what could be such a text */

/* A column while its table is read. */
struct writings {
    unsigned alive; /* a bit for each that is not refuted */
    uint8_t *names[WRITINGS];
    uint64_t values;
    int64_t least, greatest; /* of integers */
    int64_t least_number;    /* behind words, or of integers that are not none */
    bool numbered, flagged;
    size_t word_size;
    char word[WRITING_TEXT_MOST];
};

/* What a column could be written in.  is_key: it is the primary key of its table. */
void writings_begin(struct writings *w, const struct model *m, const struct ese_table *table,
                    const struct ese_column *column, bool is_key);

/* One value, not null.  False when memory is short. */
bool writings_value(struct writings *w, const struct model *m, const struct ese_column *column,
                    struct bytes value);

/* At the end of a table of so many rows: how entries are named, as words for people, static, with
 * *names the set of them (entryset.h), the caller's from here on.  NULL: they are not. */
const char *writings_take(struct writings *w, const struct model *m, uint64_t rows, uint8_t **names,
                          bool *by_place);
void writings_close(struct writings *w);

#endif
