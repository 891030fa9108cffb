/* Other writings of keys: see writings.h. */
#include "migrate/judge/writings.h"

#include "formats/ese/layout/text.h"
#include "formats/hex.h"
#include "migrate/judge/entryset.h"
#include "migrate/judge/names.h"
#include "migrate/judge/numbers.h"
#include "migrate/store/rows.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    DIGITS_MOST = 9,
    BYTES_LEAST = 4, /* keys that are fewer could stand in any text */
    BYTES_MOST = 32,
    GUID_SIZE = 16
};

static const char *const described[WRITINGS] = {
    [WRITING_WORD] = "by the number of its key behind a word",
    [WRITING_DIGITS] = "by the digits of its key",
    [WRITING_FLAG] = "by its key beside the highest bit",
    [WRITING_TENFOLD] = "by ten times its key",
    [WRITING_HUNDREDFOLD] = "by a hundred times its key",
    [WRITING_PLACE_1] = "by the place of its row in the list's table",
    [WRITING_PLACE_0] = "by the place of its row in the list's table, from 0"};

static bool is_alive(const struct writings *w, enum writing writing)
{
    return w->alive >> writing & 1;
}

static void refute(struct writings *w, enum writing writing)
{
    w->alive &= ~(1u << writing);
    free(w->names[writing]);
    w->names[writing] = NULL;
}

/* `key` is the model's; where no entry has it, that refutes the writing. */
static bool take_key(struct writings *w, const struct model *m, enum writing writing, int64_t key)
{
    unsigned count, first = model_entries_of(m, key, &count);
    if (count == 0)
        refute(w, writing);
    return count == 0 || entryset_add(&w->names[writing], m, first, count);
}

/* The model's key for a number. */
static int64_t key_of(const struct model *m, int64_t number)
{
    uint8_t bytes[sizeof(int64_t)];
    if (!m->byte_keys)
        return number;
    bytes_put_le64(bytes, (uint64_t)number);
    return m->long_keys && number > 0 ? names_key(m, bytes_of(bytes, sizeof bytes)) : m->no_key;
}

static void note_number(struct writings *w, int64_t number)
{
    w->least_number = !w->numbered || number < w->least_number ? number : w->least_number;
    w->numbered = true;
}

/* ---- text ---- */

/* Its characters without blanks and zeros at the end.  False: it has others than ASCII, or is too
 * long. */
static bool read_text(const struct ese_column *column, struct bytes value,
                      char to[WRITING_TEXT_MOST], size_t *size)
{
    uint8_t narrow[WRITING_TEXT_MOST];
    size_t step = column->code_page == ESE_CODEPAGE_UNICODE ? 2 : 1;
    *size = value.size / step;
    if (*size > WRITING_TEXT_MOST || (step == 2 && !ese_text_narrow(value, narrow)))
        return false;
    for (size_t i = 0; i < *size; i++) {
        to[i] = (char)(step == 2 ? narrow[i] : value.at[i]);
        if (to[i] & 0x80)
            return false;
    }
    while (*size > 0 && (to[*size - 1] == ' ' || to[*size - 1] == '\0'))
        --*size;
    return true;
}

/* The same word before each number; the letters say that it is one. */
static bool is_the_word(struct writings *w, const char *text, size_t size)
{
    bool letters = false;
    if (w->word_size > 0)
        return size == w->word_size && memcmp(text, w->word, size) == 0;
    for (size_t i = 0; i < size; i++)
        letters = letters || isalpha((unsigned char)text[i]);
    if (letters)
        memcpy(w->word, text, w->word_size = size);
    return letters;
}

static bool take_word(struct writings *w, const struct model *m, const char *text, size_t size)
{
    size_t start = size;
    int64_t number = 0;
    while (start > 0 && isdigit((unsigned char)text[start - 1]))
        start--;
    if (start == size || size - start > DIGITS_MOST || !is_the_word(w, text, start)) {
        refute(w, WRITING_WORD);
        return true;
    }
    for (size_t i = start; i < size; i++)
        number = number * 10 + (text[i] - '0');
    note_number(w, number);
    return take_key(w, m, WRITING_WORD,
                    m->text_keys ? names_key(m, bytes_of(text + start, size - start))
                                 : key_of(m, number));
}

/* The bytes that hexadecimal digits stand for, with dashes between them, and in braces or not; how
 * many, 0: it is something else. */
static size_t read_digits(const char *text, size_t size, uint8_t to[BYTES_MOST])
{
    size_t digits = 0;
    if (size >= 2 && text[0] == '{' && text[size - 1] == '}') {
        text++;
        size -= 2;
    }
    for (size_t i = 0; i < size; i++) {
        int digit = hex_digit(text[i]);
        if (text[i] == '-' && digits % 2 == 0)
            continue;
        if (digit < 0 || digits == 2 * (size_t)BYTES_MOST)
            return 0;
        to[digits / 2] = (uint8_t)(digits % 2 ? to[digits / 2] << 4 | digit : digit);
        digits++;
    }
    return digits % 2 == 0 ? digits / 2 : 0;
}

/* A GUID as it is written is not in the order of its bytes: three numbers have their little end
 * first. */
static void turn_guid(uint8_t bytes[GUID_SIZE])
{
    static const uint8_t from[GUID_SIZE] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t old[GUID_SIZE];
    memcpy(old, bytes, GUID_SIZE);
    for (size_t i = 0; i < GUID_SIZE; i++)
        bytes[i] = old[from[i]];
}

static bool take_digits(struct writings *w, const struct model *m, const char *text, size_t size)
{
    uint8_t bytes[BYTES_MOST] = {0}, any = 0;
    size_t count = read_digits(text, size, bytes);
    int32_t key = count >= BYTES_LEAST ? names_key(m, bytes_of(bytes, count)) : m->no_key;
    for (size_t i = 0; i < count; i++)
        any |= bytes[i];
    if (key == m->no_key && count == GUID_SIZE) {
        turn_guid(bytes);
        key = names_key(m, bytes_of(bytes, count));
    }
    if (key == m->no_key && count > 0 && any == 0)
        return true; /* all zeros: none */
    return take_key(w, m, WRITING_DIGITS, key);
}

static bool take_text(struct writings *w, const struct model *m, const struct ese_column *column,
                      struct bytes value)
{
    char text[WRITING_TEXT_MOST];
    size_t size;
    if (!read_text(column, value, text, &size)) {
        writings_close(w);
        return true;
    }
    if (size == 0)
        return true;
    return (!is_alive(w, WRITING_WORD) || take_word(w, m, text, size)) &&
           (!is_alive(w, WRITING_DIGITS) || take_digits(w, m, text, size));
}

/* ---- integers ---- */

static bool take_flag(struct writings *w, const struct model *m, struct bytes value)
{
    uint64_t bits = bytes_number(value), highest = (uint64_t)1 << (8 * value.size - 1);
    int64_t number = (int64_t)(bits & ~highest);
    if (number == 0 || rows_is_none(value))
        return true;
    w->flagged = w->flagged || (bits & highest) != 0;
    return take_key(w, m, WRITING_FLAG, key_of(m, number));
}

static int64_t fold_of(enum writing writing)
{
    return writing == WRITING_TENFOLD ? 10 : writing == WRITING_HUNDREDFOLD ? 100 : 1;
}

static bool take_fold(struct writings *w, const struct model *m, enum writing writing,
                      int64_t number)
{
    int64_t fold = fold_of(writing);
    if (number % fold != 0) {
        refute(w, writing);
        return true;
    }
    note_number(w, number);
    return take_key(w, m, writing, key_of(m, number / fold));
}

static bool take_place(struct writings *w, const struct model *m, enum writing writing,
                       int64_t number)
{
    int64_t row = writing == WRITING_PLACE_1 ? number - 1 : number;
    const struct model_entry *e = row >= 0 && row < m->entries
                                      ? model_entry_of_row(m, model_list_table(m, 0), (unsigned)row)
                                      : NULL;
    if (e == NULL)
        refute(w, writing);
    return e == NULL || entryset_add(&w->names[writing], m, (unsigned)(e - m->entry), 1);
}

static bool take_number(struct writings *w, const struct model *m, const struct ese_column *column,
                        int64_t number)
{
    bool ok = true;
    if (number != 0 && rows_names_none(column, number))
        return true;
    w->least = number < w->least ? number : w->least;
    w->greatest = number > w->greatest ? number : w->greatest;
    for (unsigned i = WRITING_TENFOLD; ok && number != 0 && i <= WRITING_HUNDREDFOLD; i++)
        ok = !is_alive(w, i) || take_fold(w, m, i, number);
    if (ok && number != 0 && is_alive(w, WRITING_PLACE_1))
        ok = take_place(w, m, WRITING_PLACE_1, number);
    return ok && (!is_alive(w, WRITING_PLACE_0) || take_place(w, m, WRITING_PLACE_0, number));
}

static bool take_integer(struct writings *w, const struct model *m, const struct ese_column *column,
                         struct bytes value)
{
    int64_t number;
    if (value.size == 0 || value.size > sizeof number) {
        writings_close(w);
        return true;
    }
    if (is_alive(w, WRITING_FLAG) && !take_flag(w, m, value))
        return false;
    if (numbers_plain(column, value, &number))
        return take_number(w, m, column, number);
    for (unsigned i = WRITING_TENFOLD; i < WRITINGS; i++)
        refute(w, i); /* beyond 63 bits */
    return true;
}

/* ---- a column ---- */

void writings_begin(struct writings *w, const struct model *m, const struct ese_table *table,
                    const struct ese_column *column, bool is_key)
{
    bool in_rows = m->match == PROFILE_MATCHES_ROWS;
    bool counts = is_key || (column->flags & ESE_COLUMN_AUTO_INCREMENT);
    *w = (struct writings){.least = INT64_MAX, .greatest = INT64_MIN};
    if (ese_coltype_is_text(column->type)) {
        w->alive = in_rows ? 1u << WRITING_WORD : 0;
        if (m->byte_keys && !m->long_keys && !m->text_keys)
            w->alive |= 1u << WRITING_DIGITS;
    }
    if (!ese_coltype_is_integer(column->type) || column->type == ESE_COL_UNSIGNED_BYTE)
        return; /* a byte with its highest bit set is any number, and small ones are codes */
    w->alive = 1u << WRITING_FLAG;
    if (in_rows && !counts)
        w->alive |= 1u << WRITING_TENFOLD | 1u << WRITING_HUNDREDFOLD;
    if (in_rows && !counts && m->profile->lists == 1 && !model_is_list_table(m, table))
        w->alive |= 1u << WRITING_PLACE_1 | 1u << WRITING_PLACE_0;
}

bool writings_value(struct writings *w, const struct model *m, const struct ese_column *column,
                    struct bytes value)
{
    w->values++;
    return ese_coltype_is_text(column->type) ? take_text(w, m, column, value)
                                             : take_integer(w, m, column, value);
}

/* Do the first letters of the word stand in the name of the list's table, or of its key? */
static bool names_list(const struct writings *w, const struct model *m)
{
    enum { LETTERS_LEAST = 2 };
    char letters[WRITING_TEXT_MOST + 1] = "";
    const struct profile_list *list = &m->profile->list[0];
    for (size_t i = 0; i < w->word_size && isalpha((unsigned char)w->word[i]); i++)
        letters[i] = w->word[i];
    return strlen(letters) >= LETTERS_LEAST && m->profile->lists > 0 &&
           (strcasestr(list->table, letters) || (list->key && strcasestr(list->key, letters)));
}

/* All rows have one, from 1 or from 0 to the last: it counts them. */
static bool counts_rows(const struct writings *w, uint64_t rows)
{
    return w->values == rows && (w->least == 0 || w->least == 1) &&
           (uint64_t)(w->greatest - w->least) + 1 == rows;
}

/* Yes and no, and what has a few meanings, are numbered from 0 or 1 without a gap, or show one or
 * two of them; that meanings are as many as the rows of the list would be chance. */
static bool are_codes(const struct writings *w, const struct model *m, unsigned named)
{
    enum { PLACES_LEAST = 3 };
    return named < PLACES_LEAST || (named < m->entries && (int64_t)named >= w->greatest);
}

/* Numbers that count from 1 are keys by chance, as is a single one. */
static bool is_told(const struct writings *w, const struct model *m, enum writing writing,
                    uint64_t rows)
{
    unsigned named = entryset_count(w->names[writing], m);
    bool many = named >= 2, by_chance = w->least_number / fold_of(writing) <= (int64_t)m->entries;
    switch (writing) {
    case WRITING_WORD:
        return named > 0 && (names_list(w, m) || (many && !by_chance));
    case WRITING_DIGITS:
        return named > 0;
    case WRITING_FLAG:
        return named > 0 && w->flagged;
    case WRITING_PLACE_1:
    case WRITING_PLACE_0:
        return !are_codes(w, m, named) && !counts_rows(w, rows);
    default:
        return many && !by_chance;
    }
}

const char *writings_take(struct writings *w, const struct model *m, uint64_t rows, uint8_t **names,
                          bool *by_place)
{
    unsigned found = 0;
    while (found < WRITINGS && !(is_alive(w, found) && is_told(w, m, found, rows)))
        found++;
    if (found == WRITINGS)
        return NULL;
    *names = w->names[found];
    w->names[found] = NULL;
    *by_place = found == WRITING_PLACE_1 || found == WRITING_PLACE_0;
    /* Counted from 0, it names the entry behind as well. */
    for (size_t i = 0;
         found == WRITING_PLACE_1 && w->names[WRITING_PLACE_0] && i < entryset_size(m); i++)
        (*names)[i] |= w->names[WRITING_PLACE_0][i];
    return described[found];
}

void writings_close(struct writings *w)
{
    for (unsigned i = 0; i < WRITINGS; i++)
        free(w->names[i]);
    *w = (struct writings){.alive = 0};
}
