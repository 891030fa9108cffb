/* Tables: see table.h. */
#include "migrate/console/table.h"

#include "formats/buffer.h"
#include "formats/memory.h"
#include "migrate/console/output.h"

#include <locale.h>
#include <stdlib.h>

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
    if (ok) {
        output_text(text); /* every cell was escaped */
        output_text("\n");
    }
    free(text);
    return ok;
}
