/* Numbers in values: see numbers.h. */
#include "migrate/judge/numbers.h"

#include "formats/hex.h"

enum { DIGITS_MOST = 15, PACKED_MOST = 256 };

bool numbers_plain(const struct ese_column *column, struct bytes value, int64_t *number)
{
    if (ese_column_is_binary(column))
        return value.size == sizeof(int32_t) && ese_integer(ESE_COL_LONG, value, number);
    return ese_coltype_is_integer(column->type) && ese_integer(column->type, value, number);
}

/* ---- text ---- */

static uint8_t character(const struct numbers *n, size_t i)
{
    bool wide = n->step > 1 && n->value.at[i * n->step + 1] != 0;
    return wide ? UINT8_MAX : n->value.at[i * n->step];
}

static size_t characters(const struct numbers *n)
{
    return n->value.size / n->step;
}

static void pass_over(struct numbers *n)
{
    static const char between[] = " ,;|"; /* and the zero byte */
    while (n->at < characters(n) && memchr(between, character(n, n->at), sizeof between))
        n->at++;
}

static bool read_digits(struct numbers *n, int64_t *number)
{
    bool hex = n->at + 2 < characters(n) && character(n, n->at) == '0' &&
               (character(n, n->at + 1) | 0x20) == 'x';
    size_t start = n->at += hex ? 2 : 0;
    *number = 0;
    for (; n->at < characters(n); n->at++) {
        int digit = hex_digit((char)character(n, n->at));
        if (digit < 0 || (digit > 9 && !hex))
            break;
        if (n->at - start == DIGITS_MOST)
            return false;
        *number = *number * (hex ? 16 : 10) + digit;
    }
    return n->at > start;
}

/* ---- bytes ---- */

static bool read_bytes(struct numbers *n, int64_t *number)
{
    struct bytes rest = bytes_from(n->value, n->at);
    bool one = rest.size == 1 || rest.size == 2 || rest.size == 4 || rest.size == 8;
    if (n->at == 0 && one && ese_integer(ESE_COL_LONG_LONG, rest, number)) {
        int64_t turned = (int64_t)bytes_number_be(rest);
        n->at = rest.size;
        if (model_entry(n->model, *number))
            return true;
        if (model_entry(n->model, turned)) {
            *number = turned;
            return true;
        }
        if (rest.size <= sizeof(int32_t))
            return true;
        n->at = 0;
    }
    if (n->value.size % sizeof(int32_t) != 0 || n->value.size > PACKED_MOST)
        return false;
    n->at += sizeof(int32_t);
    return ese_integer(ESE_COL_LONG, bytes_of(rest.at, sizeof(int32_t)), number);
}

struct numbers numbers_open(const struct model *model, const struct ese_column *column,
                            struct bytes value)
{
    struct numbers n = {model, value, 1, 0, false, true};
    n.text = ese_column_is_text(column);
    if (n.text && column->code_page == ESE_CODEPAGE_UNICODE)
        n.step = 2;
    if (n.text)
        pass_over(&n);
    if (column->type == ESE_COL_GUID)
        n.whole = false;
    return n;
}

bool numbers_next(struct numbers *n, int64_t *number)
{
    if (!n->whole || n->at >= characters(n))
        return false;
    n->whole = n->text ? read_digits(n, number) : read_bytes(n, number);
    if (n->text && n->whole)
        pass_over(n);
    return n->whole;
}
