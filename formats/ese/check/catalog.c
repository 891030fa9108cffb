/* The catalog for the structural check: see check/parts.h. */
#include "formats/ese/check/parts.h"

static void tell_row(void *context, const struct fault *f)
{
    check_found(context, ESE_RULE_CATALOG_ROW, 0, CHECK_NO_TAG, "%s", f->text);
}

/* Rows that the reader passes over. */
static void judge_rows(struct check *c)
{
    struct ese_catalog *again;
    struct fault f;
    if (ese_catalog_read(c->db->pages, ESE_PGNO_CATALOG, tell_row, c, &again, &f))
        ese_catalog_close(again);
    else if (f.code == FAULT_NO_MEMORY)
        c->no_memory = true;
}

static void judge_objid(struct check *c, uint32_t objid, const char *what, const char *name)
{
    uint32_t most = c->db->headers.header.objid_last;
    if (objid == 0 || objid > most)
        check_found(c, ESE_RULE_CATALOG_OBJECT, 0, CHECK_NO_TAG,
                    "%s %s: expected an object id from 1 to %u, found %u", what, name, most, objid);
}

/* Fixed columns lie one behind the other. */
static void judge_places(struct check *c, const struct ese_table *table)
{
    size_t end = 0;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (column->id > ESE_FIXED_LAST)
            continue;
        if (column->offset < end)
            check_found(c, ESE_RULE_CATALOG_ROW, 0, CHECK_NO_TAG,
                        "column %s is at byte %u of its rows, and those before it end at %zu",
                        column->name, column->offset, end);
        end = column->offset + ese_column_fixed_size(column);
    }
}

static void judge_objids(struct check *c)
{
    for (unsigned i = 0; i < ese_catalog_tables(c->db->catalog); i++) {
        const struct ese_table *table = ese_catalog_table(c->db->catalog, i);
        c->table_name = table->name;
        judge_objid(c, table->objid, "table", table->name);
        for (unsigned k = 0; k < table->indexes; k++)
            judge_objid(c, table->index[k].objid, "index", table->index[k].name);
        if (table->long_value_root != 0)
            judge_objid(c, table->long_value_objid, "long values of", table->name);
        judge_places(c, table);
        c->table_name = NULL;
    }
}

/* ---- against the shadow ---- */

struct side {
    struct ese_cursor cursor;
    enum ese_step step;
};

static void step(struct side *side)
{
    struct fault f;
    side->step = ese_cursor_next(&side->cursor, &f);
}

static void open_side(struct side *side, struct check *c, uint32_t root, uint32_t objid)
{
    ese_cursor_open(&side->cursor, c->db->pages, root, objid);
    step(side);
}

/* A column that was deleted may still have its row in the shadow: the engine lives with that. */
static bool is_deleted_column(const struct side *side)
{
    const struct ese_table *own = ese_catalog_own_table();
    const struct ese_column *type = ese_table_column(own, "Type");
    const struct ese_column *coltype = ese_table_column(own, "ColtypOrPgnoFDP");
    struct ese_record record;
    struct ese_value value;
    uint16_t kind = 0;
    uint32_t stored = UINT32_MAX;
    if (!ese_record_on_page(&record, own, side->cursor.leaf, side->cursor.data, NULL))
        return false;
    if (ese_record_value(&record, type, &value, NULL))
        bytes_le16(value.data, 0, &kind);
    if (ese_record_value(&record, coltype, &value, NULL))
        bytes_le32(value.data, 0, &stored);
    return kind == ESE_OBJECT_COLUMN && stored == ESE_COL_NIL;
}

static void tell_side(struct check *c, const struct side *side, const char *text)
{
    check_found(c, ESE_RULE_CATALOG_SHADOW, side->cursor.leaf->number,
                (int)(side->cursor.index + side->cursor.leaf->reserved), "%s", text);
}

static void compare_rows(struct check *c, struct side *row, struct side *shadow)
{
    while (row->step == ESE_STEP_NODE || shadow->step == ESE_STEP_NODE) {
        int order = row->step != ESE_STEP_NODE ? 1
                    : shadow->step != ESE_STEP_NODE
                        ? -1
                        : bytes_compare(row->cursor.key, shadow->cursor.key);
        if (order < 0)
            tell_side(c, row, "the catalog's row has none in the shadow");
        else if (order > 0 && !is_deleted_column(shadow))
            tell_side(c, shadow, "the shadow's row has none in the catalog");
        else if (order == 0 && !bytes_equal(row->cursor.data, shadow->cursor.data))
            tell_side(c, row, "the catalog's row and the shadow's differ");
        if (order <= 0)
            step(row);
        if (order >= 0)
            step(shadow);
    }
}

static void judge_shadow(struct check *c)
{
    struct side row, shadow;
    open_side(&row, c, ESE_PGNO_CATALOG, ESE_OBJID_CATALOG);
    open_side(&shadow, c, ESE_PGNO_CATALOG_SHADOW, ESE_OBJID_CATALOG_SHADOW);
    if (shadow.step == ESE_STEP_END && row.step == ESE_STEP_NODE)
        check_found(c, ESE_RULE_CATALOG_SHADOW, ESE_PGNO_CATALOG_SHADOW, CHECK_NO_TAG,
                    "the shadow catalog is empty, though the header says that it is kept");
    else
        compare_rows(c, &row, &shadow);
    ese_cursor_close(&row.cursor);
    ese_cursor_close(&shadow.cursor);
}

void check_catalog(struct check *c, bool complete, bool shadow_complete)
{
    if (complete)
        judge_rows(c);
    else if (c->db->catalog_is_shadow && shadow_complete)
        check_not_judged(c, ESE_RULE_CATALOG_ROW, 0,
                         "pages of the catalog cannot be read; its shadow was "
                         "used");
    else
        check_not_judged(c, ESE_RULE_CATALOG_ROW, 0,
                         "pages of the catalog cannot be read: there may be "
                         "tables that this check does not know");
    judge_objids(c);
    if (c->db->headers.header.flags & ESE_HEADER_SHADOW_CATALOG_OFF) {
        check_advise_eseutil(c, ESE_RULE_CATALOG_SHADOW, ESE_PGNO_CATALOG_SHADOW, CHECK_NO_TAG,
                             "the shadow catalog is switched off in the header, and not kept");
        return;
    }
    if (!complete || !shadow_complete)
        check_not_judged(c, ESE_RULE_CATALOG_SHADOW, 0,
                         "pages of the catalog or its shadow cannot be read");
    else if (!c->dirty)
        judge_shadow(c);
}
