/* What the steps of discovery work with: see tools.h. */
#include "migrate/discover/tools.h"

#include "formats/array.h"
#include "migrate/console/value.h"

#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

enum {
    NAME_MOST = 64,  /* bytes of a table's or column's name */
    TEXT_MOST = 160, /* bytes of a text in a profile */
};

void *discover_grow(struct discover_run *run, void *array, unsigned *count, size_t *room,
                    size_t size)
{
    void *added = array_next(array, *count, room, size);
    if (added == NULL) {
        run->no_memory = true;
        return NULL;
    }
    ++*count;
    return memset(added, 0, size);
}

void discover_note(struct discover_run *run, const char *key, bool guess, bool left_out,
                   const char *format, ...)
{
    struct discovery *d = run->d;
    struct discover_note *note =
        discover_grow(run, &d->note, &d->notes, &d->note_room, sizeof *note);
    if (note == NULL)
        return;
    snprintf(note->key, sizeof note->key, "%s", key);
    note->guess = guess;
    note->left_out = left_out;
    va_list args;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

void discover_set(struct discover_run *run, char **field, const char *value)
{
    free(*field);
    *field = strdup(value);
    if (*field == NULL)
        run->no_memory = true;
}

void discover_set_form(struct discover_run *run, const struct discover_column *c,
                       struct profile_value *value)
{
    char words[ITEMS_TEXT];
    if (c->form.values) {
        discover_set(run, &value->form, "values");
    } else if (c->form.kind == CERTLIST_ITEMS) {
        discover_set(run, &value->form, "items");
        discover_set(run, &value->items, items_layout_text(&c->form.items, words));
    }
}

const char *discover_name(const char *name)
{
    enum { KEPT = 8 };
    static char kept[KEPT][256];
    static unsigned next;
    char *to = kept[next++ % KEPT];
    snprintf(to, sizeof kept[0], "%s", value_name(name));
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return to;
}

bool discover_can_write(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= TEXT_MOST;
}

/* Names the engine would give, so that a profile can hold them. */
static bool is_name(const char *name)
{
    return strlen(name) <= NAME_MOST && discover_can_write(name);
}

bool discover_is_said(const char *const *said, unsigned count, const struct ese_table *table,
                      const struct ese_column *column)
{
    size_t size = strlen(table->name);
    for (unsigned i = 0; i < count; i++)
        if (strncasecmp(said[i], table->name, size) == 0 && said[i][size] == '.' &&
            strcasecmp(said[i] + size + 1, column->name) == 0)
            return true;
    return false;
}

bool discover_skips(const struct ese_table *table)
{
    return !is_name(table->name) || (table->flags & (ESE_TABLE_SYSTEM | ESE_TABLE_TEMPLATE)) ||
           strncasecmp(table->name, "MSys", 4) == 0;
}

bool discover_is_binary(const struct ese_column *column)
{
    return is_name(column->name) && ese_column_is_binary(column);
}

bool discover_is_text(const struct ese_column *column)
{
    return is_name(column->name) && ese_column_is_text(column);
}

bool discover_is_integer(const struct ese_column *column)
{
    return ese_coltype_is_integer(column->type) && is_name(column->name);
}

const struct ese_column *discover_table_key(const struct ese_table *table)
{
    for (unsigned i = 0; i < table->indexes; i++) {
        const struct ese_index *index = &table->index[i];
        if (!ese_index_is_primary(index) || index->segments != 1)
            continue;
        const struct ese_column *column = ese_table_segment_column(table, &index->segment[0]);
        return column && column->type == ESE_COL_LONG && is_name(column->name) ? column : NULL;
    }
    return NULL;
}
