/*
 * Where the catalog puts the fixed columns of a table in its records: one behind the other, in the
 * order of their ids.  A row of the catalog that says otherwise contradicts those of its
 * neighbours, although each of them can be read; the place that these leave is taken, and that is
 * told.  Without this, columns would be read, and written, as lying over each other.
 */
#include "formats/ese/salvage/parts.h"

#include <stdio.h>

/* Where a column should be. */
struct expected_place {
    uint32_t at;    /* the first byte that those before it leave */
    bool certain;   /* no id before it is missing, and the type of that one has a size */
    bool confirmed; /* the column behind it says so, too, or there is none */
};

/* May a column whose place begins there be the next one? */
static bool fits(const struct expected_place *place, uint32_t at)
{
    return place->certain ? at == place->at : at >= place->at;
}

static void step(struct expected_place *place, const struct ese_column *column, uint32_t at,
                 const struct ese_column *next)
{
    place->at = at + (uint32_t)ese_column_fixed_size(column);
    place->certain = next && next->id == column->id + 1 && ese_coltype_size(column->type) != 0;
}

/* The catalog row of a column of a table's own; NULL: none that says where it is. */
static struct salvage_schema_row *row_of(struct ese_salvage *s, const struct ese_table *table,
                                         const struct ese_column *column)
{
    size_t i = array_first_u32(s->row, s->rows, sizeof *s->row,
                               offsetof(struct salvage_schema_row, table), table->objid);
    for (; i < s->rows && s->row[i].table == table->objid; i++) {
        struct ese_catalog_object o;
        if (!salvage_catalog_object(s, s->row[i].record, &o))
            continue;
        if (o.type == ESE_OBJECT_COLUMN && o.id == column->id)
            return &s->row[i];
    }
    return NULL;
}

/* Where the row says that its column is; at == NULL: it does not. */
static struct bytes stated_place(const struct ese_salvage *s, const struct salvage_schema_row *row)
{
    struct ese_record record;
    struct ese_value value;
    if (!salvage_catalog_record(s, row->record, &record) ||
        !ese_record_value(&record, ese_catalog_own_column(MSYS_RECORD_OFFSET), &value, NULL) ||
        value.kind != ESE_VALUE_PLAIN || value.data.size != 2)
        return (struct bytes){.at = NULL};
    return value.data;
}

static bool note(struct ese_salvage *s, const struct ese_table *table,
                 const struct ese_column *column, const struct salvage_schema_row *row,
                 const struct expected_place *place, struct fault *f)
{
    char text[200];
    snprintf(text, sizeof text,
             "the catalog has the column %.64s of object %u at byte %u of its rows, and by its "
             "neighbours it is at byte %u: that is taken",
             column->name, table->objid, bytes_get_le16(stated_place(s, row), 0), place->at);
    return salvage_mend_note(s, row, text, place->certain && place->confirmed, f);
}

/* Puts the place into the column's row.  One that says nothing of it follows the others. */
static bool mend(struct ese_salvage *s, const struct ese_table *table,
                 const struct ese_column *column, struct salvage_schema_row *row,
                 const struct expected_place *place, bool *mended, struct fault *f)
{
    struct bytes stated = row ? stated_place(s, row) : (struct bytes){.at = NULL};
    if (stated.at == NULL)
        return true;
    if (!note(s, table, column, row, place, f))
        return false;
    bytes_put_le16((uint8_t *)(uintptr_t)stated.at, (uint16_t)place->at);
    *mended = true;
    return true;
}

static bool see_table(struct ese_salvage *s, const struct ese_table *table, bool *mended,
                      struct fault *f)
{
    struct expected_place place = {.at = 4, .certain = true};
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i], *next = column + 1;
        if (column->id > ESE_FIXED_LAST)
            continue;
        if (i + 1 == table->columns || next->id > ESE_FIXED_LAST)
            next = NULL;
        if (i == 0)
            place.certain = column->id == ESE_FIXED_FIRST;
        uint32_t at = column->offset;
        if (!fits(&place, at)) {
            struct expected_place behind = place;
            step(&behind, column, place.at, next);
            place.confirmed = next == NULL || fits(&behind, next->offset);
            if (!column->from_template &&
                !mend(s, table, column, row_of(s, table, column), &place, mended, f))
                return false;
            at = place.at;
        }
        step(&place, column, at, next);
    }
    return true;
}

/* A row that puts its column at byte 0, where none can be, is read as if it did not say where. */
static bool see_row(struct ese_salvage *s, struct salvage_schema_row *row, bool *mended,
                    struct fault *f)
{
    struct bytes stated = stated_place(s, row);
    struct ese_catalog_object o;
    const struct ese_table *table;
    if (stated.at == NULL || bytes_get_le16(stated, 0) != 0 ||
        !salvage_catalog_object(s, row->record, &o) || o.type != ESE_OBJECT_COLUMN ||
        o.id > ESE_FIXED_LAST || ese_objid_is_catalog(o.table) ||
        (table = salvage_table_of(s, o.table)) == NULL)
        return true;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        const struct expected_place place = {column->offset, true, true};
        if (column->id == o.id && !column->from_template)
            return mend(s, table, column, row, &place, mended, f);
    }
    return true;
}

bool salvage_mend_fixed(struct ese_salvage *s, bool *mended, struct fault *f)
{
    *mended = false;
    for (size_t i = 0; i < s->rows; i++)
        if (!see_row(s, &s->row[i], mended, f))
            return false;
    for (unsigned i = 0; i < ese_catalog_tables(s->catalog); i++) {
        const struct ese_table *table = ese_catalog_table(s->catalog, i);
        if (!ese_objid_is_catalog(table->objid) && !see_table(s, table, mended, f))
            return false;
    }
    return true;
}
