/* Tables: see table.h. */
#include "migrate/console/table.h"

#include "formats/buffer.h"
#include "formats/memory.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct libscols_table *table_new(const char *const *headings, unsigned count, unsigned right)
{
    struct libscols_table *table = scols_new_table();
    bool ok = table != NULL && scols_table_enable_noencoding(table, 1) == 0;
    for (unsigned i = 0; ok && i < count; i++)
        ok = scols_table_new_column(table, headings[i], 0, right >> i & 1 ? SCOLS_FL_RIGHT : 0) !=
             NULL;
    if (ok)
        return table;
    memory_note_short(); /* nothing else makes it fail */
    scols_unref_table(table);
    return NULL;
}

bool table_cell(struct libscols_line *line, unsigned column, const char *text)
{
    struct buffer cell = {0};
    struct bytes piece;
    for (struct escape e = escape_of(bytes_of(text, strlen(text)), ESCAPE_LINE);
         escape_next(&e, &piece);)
        buffer_add(&cell, piece);
    buffer_add(&cell, bytes_of("", 1));
    bool ok = !cell.failed && scols_line_set_data(line, column, (const char *)cell.at) == 0;
    if (!ok)
        memory_note_short();
    buffer_free(&cell);
    return ok;
}

/* Where the last column begins: what is before it has to be in one line to be read.  The headings
 * are words of this program, a column for each byte. */
static size_t fixed_width(struct libscols_table *table, const char *text)
{
    struct libscols_column *last = scols_table_get_column(table, scols_table_get_ncols(table) - 1);
    const char *heading = scols_cell_get_data(scols_column_get_header(last));
    size_t line = strcspn(text, "\n"), size = strlen(heading);
    for (size_t at = line; at >= size; at--)
        if (memcmp(text + at - size, heading, size) == 0)
            return at - size;
    return line;
}

static bool is_too_wide(struct libscols_table *table, const char *text)
{
    return isatty(STDOUT_FILENO) && !output_is_captured() &&
           fixed_width(table, text) >= progress_columns(STDOUT_FILENO);
}

/* A row for each line of the table, a line for each of its cells. */
static void print_records(struct libscols_table *table)
{
    size_t columns = scols_table_get_ncols(table), widest = 0;
    for (size_t i = 0; i < columns; i++) {
        struct libscols_column *column = scols_table_get_column(table, i);
        size_t size = strlen(scols_cell_get_data(scols_column_get_header(column)));
        widest = size > widest ? size : widest;
    }
    for (size_t row = 0; row < scols_table_get_nlines(table); row++) {
        struct libscols_line *line = scols_table_get_line(table, row);
        output_text(row ? "\n" : "");
        for (size_t i = 0; i < columns; i++) {
            struct libscols_column *column = scols_table_get_column(table, i);
            const char *cell = scols_cell_get_data(scols_line_get_cell(line, i));
            if (cell == NULL || cell[0] == '\0')
                continue;
            output_format("%-*s ", (int)widest,
                          scols_cell_get_data(scols_column_get_header(column)));
            output_text(cell); /* it was escaped */
            output_text("\n");
        }
    }
}

bool table_print(struct libscols_table *table)
{
    /* Only here: the rest of the program must not read bytes by anybody's locale. */
    memory_watch_begin();
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    char *text = NULL;
    bool ok = scols_print_table_to_string(table, &text) == 0 && text != NULL;
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    ok = !memory_watch_end() && ok; /* with less than it asked for it may print another table */
    if (ok && is_too_wide(table, text)) {
        print_records(table);
    } else if (ok) {
        output_text(text); /* every cell was escaped */
        output_text("\n");
    }
    free(text);
    return ok;
}
