/* Conditions on a column: see condition.h. */
#include "migrate/profile/condition.h"

#include "formats/bytes.h"
#include "formats/ese/layout/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_MOST = 64, VALUE_MOST = 160 };

/* ---- reading ---- */

static char *part(const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return strndup(from, (size_t)(to - from));
}

static bool read_number(const char *text, char **end, int64_t *number)
{
    errno = 0;
    long long parsed = strtoll(text, end, 10);
    *number = parsed;
    return errno == 0 && *end != text;
}

static bool read_mask(const char *text, const char *equals, int64_t *mask)
{
    char *end;
    if (!read_number(text, &end, mask) || *mask <= 0)
        return false;
    while (end < equals && *end == ' ')
        end++;
    return end == equals;
}

/* One number, or, without a mask, several with commas between. */
static bool are_numbers(const struct condition *c)
{
    char *end = c->value;
    int64_t number;
    for (const char *at = c->value;; at = end + 1) {
        if (!read_number(at, &end, &number))
            return false;
        if (*end != ',')
            break;
        if (c->mask)
            return false;
    }
    return *end == '\0';
}

bool condition_read(const char *text, struct condition *c, struct fault *f)
{
    const char *equals = strchr(text, '='), *mask = strchr(text, '&');
    *c = (struct condition){.column = NULL};
    bool masked = equals && mask && mask < equals;
    if (equals == NULL || (masked && !read_mask(mask + 1, equals, &c->mask)))
        return fault_set(f, FAULT_DAMAGED,
                         "expected COLUMN = VALUE or COLUMN & MASK = VALUE, found %.80s", text);
    c->column = part(text, masked ? mask : equals);
    c->value = part(equals + 1, text + strlen(text));
    bool ok = c->column && c->value;
    if (!ok)
        fault_no_memory(f, "the profile");
    else if (c->column[0] == '\0' || strlen(c->column) > NAME_MOST || c->value[0] == '\0' ||
             strlen(c->value) > VALUE_MOST || (masked && !are_numbers(c)))
        ok = fault_set(f, FAULT_DAMAGED,
                       "expected COLUMN = VALUE or COLUMN & MASK = VALUE, found %.80s", text);
    if (!ok)
        condition_free(c);
    return ok;
}

void condition_free(struct condition *c)
{
    free(c->column);
    free(c->value);
    *c = (struct condition){.column = NULL};
}

const char *condition_text(const struct condition *c, char to[CONDITION_TEXT])
{
    if (c->mask)
        snprintf(to, CONDITION_TEXT, "%s & %" PRId64 " = %s", c->column, c->mask, c->value);
    else
        snprintf(to, CONDITION_TEXT, "%s = %s", c->column, c->value);
    return to;
}

/* ---- holding it against a table ---- */

/* Of a number or a flag. */
static bool is_number_type(enum ese_coltype type)
{
    return type == ESE_COL_BIT || ese_coltype_is_integer(type);
}

bool condition_fits(const struct condition *c, const struct ese_table *table, const char *what,
                    struct fault *f)
{
    if (!condition_is_there(c))
        return true;
    const struct ese_column *column = ese_table_column(table, c->column);
    if (column == NULL)
        return fault_set(f, FAULT_MISSING,
                         "table %s: expected a column %s (%s), found none of that name",
                         table->name, c->column, what);
    bool text = column->type == ESE_COL_TEXT && c->mask == 0;
    if ((!text && !is_number_type(column->type)) || (column->flags & ESE_COLUMN_MULTI_VALUED))
        return fault_set(f, FAULT_NOT_THIS,
                         "table %s, column %s (%s): expected an integer, a Bit or a Text with one "
                         "value a row, found %s",
                         table->name, column->name, what, ese_coltype_name(column->type));
    return text || are_numbers(c) ||
           fault_set(f, FAULT_NOT_THIS,
                     "table %s, column %s (%s): expected a number for its value, found %.40s",
                     table->name, column->name, what, c->value);
}

/* ---- asking it ---- */

bool condition_is_number(const struct condition *c, int64_t number)
{
    char *end;
    int64_t wanted;
    if (c->mask)
        number &= c->mask;
    for (const char *at = c->value; read_number(at, &end, &wanted); at = end + 1)
        if (wanted == number)
            return true;
        else if (*end != ',')
            break;
    return false;
}

bool condition_is_of_one(const struct condition *c, const struct ese_table *table)
{
    const struct ese_column *column = ese_table_column(table, c->column);
    char *end;
    int64_t number;
    return column &&
           (column->type == ESE_COL_TEXT || (ese_coltype_is_integer(column->type) && c->mask == 0 &&
                                             read_number(c->value, &end, &number) && *end == '\0' &&
                                             number >= INT32_MIN && number <= INT32_MAX));
}

int64_t condition_number(const struct condition *c)
{
    return strtoll(c->value, NULL, 10);
}

/* Longer text than a condition's is not what it asks for. */
static bool is_text(const struct condition *c, const struct ese_record *record,
                    const struct ese_column *column)
{
    enum { MOST = 512 };
    struct ese_value v;
    char utf8[ESE_TEXT_ROOM(MOST)];
    if (!ese_record_value(record, column, &v, NULL) || v.kind != ESE_VALUE_PLAIN ||
        v.data.size > MOST)
        return false;
    ese_text_whole(column->code_page, v.data, utf8);
    return strcasecmp(utf8, c->value) == 0;
}

bool condition_is_met(const struct condition *c, const struct ese_table *table,
                      const struct ese_record *record)
{
    const struct ese_column *column = ese_table_column(table, c->column);
    int64_t number;
    if (column == NULL)
        return false;
    if (ese_column_is_text(column))
        return is_text(c, record, column);
    return ese_record_integer(record, column, &number) && condition_is_number(c, number);
}
