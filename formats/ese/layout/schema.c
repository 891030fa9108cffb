/* Columns and keys of a table: see schema.h. */
#include "formats/ese/layout/schema.h"

#include "formats/array.h"

#include <strings.h>

bool ese_table_is(const struct ese_table *table, const char *name)
{
    return name && strcasecmp(table->name, name) == 0;
}

const struct ese_column *ese_table_column(const struct ese_table *table, const char *name)
{
    if (table == NULL || name == NULL)
        return NULL;
    for (unsigned i = 0; i < table->columns; i++)
        if (table->column[i].type != ESE_COL_NIL && strcasecmp(table->column[i].name, name) == 0)
            return &table->column[i];
    return NULL;
}

/* The first column of that id among some that are sorted. */
static const struct ese_column *search_column(const struct ese_column *column, unsigned count,
                                              uint32_t id)
{
    struct halving h = {.high = count};
    while (halving_next(&h))
        halving_go(&h, column[h.middle].id < id);
    return h.low < count && column[h.low].id == id ? &column[h.low] : NULL;
}

static const struct ese_column *search_segment_column(const struct ese_table *table,
                                                      const struct ese_key_segment *segment)
{
    unsigned own = table->columns - table->inherited;
    const struct ese_column *of_template =
        search_column(table->column, table->inherited, segment->column);
    const struct ese_column *of_table =
        search_column(table->column + table->inherited, own, segment->column);
    if (segment->from_template)
        return of_template ? of_template : of_table;
    return of_table ? of_table : of_template;
}

const struct ese_column *ese_table_segment_column(const struct ese_table *table,
                                                  const struct ese_key_segment *segment)
{
    const struct ese_column *other = NULL;
    if (table->columns == 0)
        return NULL;
    if (table->sorted)
        return search_segment_column(table, segment);
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column->id != segment->column)
            continue;
        if (column->from_template == segment->from_template)
            return column;
        other = column;
    }
    /* Old indexes did not store whose column it is, and a template's own columns are not inherited.
     */
    return other;
}

const struct ese_column *ese_table_primary_column(const struct ese_table *table)
{
    for (unsigned i = 0; i < table->indexes; i++)
        if (ese_index_is_primary(&table->index[i]) && table->index[i].segments == 1)
            return ese_table_segment_column(table, &table->index[i].segment[0]);
    return NULL;
}

const struct ese_column *ese_table_key_column(const struct ese_table *table)
{
    const struct ese_column *column = ese_table_primary_column(table);
    return column && column->type == ESE_COL_LONG ? column : NULL;
}

bool ese_table_in_primary(const struct ese_table *table, const struct ese_column *column)
{
    for (unsigned i = 0; i < table->indexes; i++)
        for (unsigned k = 0; k < table->index[i].segments; k++)
            if ((table->index[i].flags & ESE_INDEX_PRIMARY) &&
                ese_table_segment_column(table, &table->index[i].segment[k]) == column)
                return true;
    return false;
}
