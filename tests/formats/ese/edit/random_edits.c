/* Random deletions, changes and insertions of rows: see random_edits.h. */
#include "tests/formats/ese/edit/random_edits.h"

enum {
    EDIT_CHANGES = 6,
    EDIT_ROOM = 8 * RANDOM_BIG,
};

static void *edited_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (p == NULL)
        abort();
    return p;
}

/* ---- reading ---- */

static void edited_add_value(struct edited_column *c, struct bytes data)
{
    c->value = realloc(c->value, (c->values + 1u) * sizeof *c->value);
    struct edited_value *v = &c->value[c->values++];
    v->at = edited_alloc(data.size);
    v->size = data.size;
    if (data.size > 0)
        memcpy(v->at, data.at, data.size);
}

static void edited_add_long(struct edited *m, const struct ese_table *table,
                            struct edited_column *c, const struct ese_value *value)
{
    struct ese_lv *lv = edited_alloc(sizeof *lv);
    struct bytes run;
    char *bytes = NULL;
    size_t size = 0;
    FILE *all = open_memstream(&bytes, &size);
    bool ok = ese_lv_open(lv, m->db->pages, table, value, &m->fault);
    while (ok && (ok = ese_lv_next(lv, &run, &m->fault)) && run.size > 0)
        fwrite(run.at, 1, run.size, all);
    fclose(all);
    edited_add_value(c, bytes_of(bytes, size));
    m->failed |= !ok;
    free(bytes);
    ese_lv_close(lv);
    free(lv);
}

static void edited_add_packed(struct edited_column *c, struct bytes data)
{
    size_t size;
    uint8_t *to = edited_alloc(ESE_DECOMPRESSED_MAX);
    if (ese_decompress(data, to, ESE_DECOMPRESSED_MAX, &size, NULL))
        data = bytes_of(to, size);
    edited_add_value(c, data);
    free(to);
}

static void edited_read_column(struct edited *m, const struct ese_record *record,
                               struct edited_row *row, unsigned i)
{
    struct ese_values values;
    struct ese_value value;
    struct fault f = {.code = FAULT_NONE};
    if (!ese_values_of(&values, record, &record->table->column[i], &m->fault)) {
        m->failed = true;
        return;
    }
    while (ese_values_next(&values, &value, &f)) {
        row->rigid |= value.wide_lid || value.kind == ESE_VALUE_COMPRESSED ||
                      value.kind == ESE_VALUE_ENCRYPTED;
        if (value.kind == ESE_VALUE_PLAIN)
            edited_add_value(&row->column[i], value.data);
        else if (value.kind == ESE_VALUE_SEPARATED)
            edited_add_long(m, record->table, &row->column[i], &value);
        else if (value.kind != ESE_VALUE_NULL)
            edited_add_packed(&row->column[i], value.data);
    }
    m->failed |= f.code != FAULT_NONE;
}

static struct edited_row *edited_new_row(struct edited_table *t, size_t at)
{
    if (t->rows == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->row = realloc(t->row, t->room * sizeof *t->row);
        if (t->row == NULL)
            abort();
    }
    memmove(t->row + at + 1, t->row + at, (t->rows - at) * sizeof *t->row);
    t->rows++;
    t->row[at] = (struct edited_row){
        .column = edited_alloc(t->table->columns * sizeof(struct edited_column))};
    return &t->row[at];
}

static void edited_set_key(struct edited_row *row, struct bytes key)
{
    row->key = edited_alloc(key.size);
    row->key_size = key.size;
    memcpy(row->key, key.at, key.size);
}

static void edited_read_table(struct edited *m, struct edited_table *t)
{
    struct ese_cursor cursor;
    enum ese_step step;
    ese_cursor_open(&cursor, m->db->pages, t->table->root, t->table->objid);
    while ((step = ese_cursor_next(&cursor, &m->fault)) == ESE_STEP_NODE) {
        struct ese_record record;
        struct edited_row *row = edited_new_row(t, t->rows);
        edited_set_key(row, cursor.key);
        if (!ese_record_on_page(&record, t->table, cursor.leaf, cursor.data, &m->fault)) {
            m->failed = true;
            continue;
        }
        for (unsigned i = 0; i < t->table->columns; i++)
            if (t->table->column[i].type != ESE_COL_NIL)
                edited_read_column(m, &record, row, i);
    }
    m->failed |= step == ESE_STEP_FAULT;
    ese_cursor_close(&cursor);
}

static bool has_segment(const struct ese_table *table, const struct ese_index *index,
                        const struct ese_column *column)
{
    for (unsigned i = 0; i < index->segments + index->conditions; i++)
        if (ese_table_segment_column(table, i < index->segments
                                                ? &index->segment[i]
                                                : &index->condition[i - index->segments]) == column)
            return true;
    return false;
}

/* Can rows be inserted without knowing more of the table than its catalog says? */
static void edited_judge_table(struct edited_table *t)
{
    const struct ese_table *table = t->table;
    t->insertable = true;
    for (unsigned i = 0; i < table->indexes; i++) {
        const struct ese_index *index = &table->index[i];
        if (index->flags & ESE_INDEX_PRIMARY) {
            const struct ese_column *c = ese_table_segment_column(table, &index->segment[0]);
            t->primary = index;
            if (index->segments == 1 && c && c->type == ESE_COL_LONG)
                t->number = c;
        }
        t->insertable = t->insertable && ese_index_computable(table, index);
    }
    for (unsigned i = 0; i < table->indexes; i++)
        if ((table->index[i].flags & ESE_INDEX_UNIQUE) && t->number &&
            !has_segment(table, &table->index[i], t->number))
            t->insertable = false; /* a random key could be there already */
    t->insertable = t->insertable && t->number;
}

bool edited_read(struct edited *m, struct ese_db *db, struct fault *f)
{
    *m = (struct edited){.db = db};
    m->table = edited_alloc(ese_catalog_tables(db->catalog) * sizeof *m->table);
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *table = ese_catalog_table(db->catalog, i);
        if (strncmp(table->name, "MSys", 4) == 0)
            continue;
        struct edited_table *t = &m->table[m->tables++];
        t->table = table;
        edited_judge_table(t);
        edited_read_table(m, t);
    }
    if (m->failed)
        *f = m->fault;
    return !m->failed;
}

static void edited_clear_column(struct edited_column *c)
{
    for (unsigned i = 0; i < c->values; i++)
        free(c->value[i].at);
    free(c->value);
    *c = (struct edited_column){.values = 0};
}

static void edited_remove_row(struct edited_table *t, size_t at)
{
    struct edited_row *row = &t->row[at];
    for (unsigned i = 0; i < t->table->columns; i++)
        edited_clear_column(&row->column[i]);
    free(row->column);
    free(row->key);
    memmove(row, row + 1, (t->rows - at - 1) * sizeof *row);
    t->rows--;
}

void edited_free(struct edited *m)
{
    for (unsigned i = 0; i < m->tables; i++) {
        while (m->table[i].rows > 0)
            edited_remove_row(&m->table[i], m->table[i].rows - 1);
        free(m->table[i].row);
    }
    free(m->table);
}

void edited_print(const struct edited *m, FILE *to)
{
    for (unsigned i = 0; i < m->tables; i++) {
        const struct edited_table *t = &m->table[i];
        fprintf(to, "TABLE %s\n", t->table->name);
        for (size_t r = 0; r < t->rows; r++) {
            fprintf(to, "ROW %zu\n", r);
            for (unsigned c = 0; c < t->table->columns; c++)
                for (unsigned v = 0; v < t->row[r].column[c].values; v++)
                    print_value(to, t->table->column[c].name, v + 1,
                                bytes_of(t->row[r].column[c].value[v].at,
                                         t->row[r].column[c].value[v].size));
        }
    }
}

/* ---- one edit ---- */

size_t edited_column_at(const struct ese_table *table, const struct ese_column *column)
{
    return (size_t)(column - table->column);
}

static bool may_change(const struct edited_table *t, const struct ese_column *c)
{
    if (c->type == ESE_COL_NIL || (c->flags & (ESE_COLUMN_ENCRYPTED | ESE_COLUMN_ESCROW)) ||
        c->type == ESE_COL_SLV)
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++) {
        const struct ese_index *index = &t->table->index[i];
        if (!has_segment(t->table, index, c))
            continue;
        if ((index->flags & ESE_INDEX_PRIMARY) || !ese_index_computable(t->table, index))
            return false;
        if ((index->flags & ESE_INDEX_UNIQUE) &&
            (t->number == NULL || !has_segment(t->table, index, t->number)))
            return false;
    }
    return true;
}

/* A new value, kept until the next edit. */
static struct bytes edit_value(struct edits *e, const struct ese_column *c, bool has_long_values)
{
    uint32_t size = (uint32_t)ese_coltype_size(c->type);
    if (size == 0 && c->id <= ESE_FIXED_LAST)
        size = c->size;
    if (size == 0 && c->id >= ESE_VARIABLE_FIRST && !ese_coltype_is_long(c->type)) {
        uint32_t most = c->size && c->size < 255 ? c->size : 255;
        size = random_below(e->r, (e->page_size == 2048 && most > 30 ? 30 : most) + 1);
    } else if (size == 0 && !has_long_values) {
        size = random_below(e->r, e->page_size / 40);
    } else if (size == 0) {
        return random_value(e->r, &e->room, c, e->page_size);
    }
    uint8_t *at = e->room.room + e->room.used;
    uint32_t filled = random_fill(e->r, c, at, size);
    if (c->id <= ESE_FIXED_LAST && filled < size)
        at[filled++] = 0; /* half a character more, as the column has it */
    e->room.used += filled;
    return bytes_of(at, filled);
}

/* The id of some long value that a row of the table has in a column of long values; *from: that
 * row. */
static uint32_t find_shared(struct edits *e, struct edited_table *t, size_t *from, size_t *column)
{
    struct ese_cursor cursor;
    struct ese_record record;
    struct fault f;
    uint32_t lid = 0;
    *from = random_below(e->r, (uint32_t)t->rows);
    ese_cursor_open(&cursor, e->model.db->pages, t->table->root, t->table->objid);
    if (ese_cursor_seek(&cursor, bytes_of(t->row[*from].key, t->row[*from].key_size), &f) ==
            ESE_STEP_NODE &&
        ese_record_on_page(&record, t->table, cursor.leaf, cursor.data, &f))
        for (unsigned i = 0; i < t->table->columns && lid == 0; i++) {
            struct ese_value value;
            *column = i;
            if (ese_coltype_is_long(t->table->column[i].type) &&
                t->row[*from].column[i].values == 1 &&
                ese_record_value(&record, &t->table->column[i], &value, &f) &&
                value.kind == ESE_VALUE_SEPARATED && !value.wide_lid)
                lid = (uint32_t)value.lid;
        }
    ese_cursor_close(&cursor);
    return lid;
}

/* Makes one change, in the model, too. */
static void make_change(struct edits *e, struct edited_table *t, struct edited_row *row,
                        size_t row_at, const struct ese_column *c, struct ese_change *change)
{
    struct edited_column *column = &row->column[edited_column_at(t->table, c)];
    size_t from, from_column;
    *change = (struct ese_change){.column = c, .null = random_chance(e->r, 15)};
    if ((c->flags & ESE_COLUMN_NOT_NULL) && change->null)
        change->null = false;
    if (!change->null && ese_coltype_is_long(c->type) && t->table->long_value_root && t->rows > 1 &&
        row_at != SIZE_MAX && random_chance(e->r, 30)) {
        change->lid = find_shared(e, t, &from, &from_column);
        /* text cannot be shared with what is none */
        if (change->lid && (from == row_at || t->table->column[from_column].type != c->type ||
                            t->table->column[from_column].code_page != c->code_page))
            change->lid = 0;
    }
    if (change->lid) {
        const struct edited_value *v = &t->row[from].column[from_column].value[0];
        edited_clear_column(column);
        edited_add_value(column, bytes_of(v->at, v->size));
        e->shared++;
        return;
    }
    if (!change->null)
        change->data = edit_value(e, c, t->table->long_value_root != 0);
    edited_clear_column(column);
    if (!change->null)
        edited_add_value(column, change->data);
}

static bool edit_drop(struct edits *e, struct edited_table *t, struct fault *f)
{
    size_t at = random_below(e->r, (uint32_t)t->rows);
    if (!ese_inplace_drop_row(e->ip, t->table, bytes_of(t->row[at].key, t->row[at].key_size), 0, f))
        return false;
    edited_remove_row(t, at);
    e->dropped++;
    return true;
}

static bool edit_change(struct edits *e, struct edited_table *t, struct fault *f)
{
    struct ese_change change[EDIT_CHANGES];
    unsigned changes = 0;
    size_t at = random_below(e->r, (uint32_t)t->rows);
    struct edited_row *row = &t->row[at];
    if (row->rigid)
        return true;
    e->room.used = 0;
    unsigned wanted = 1 + random_below(e->r, EDIT_CHANGES);
    for (unsigned tries = 0; tries < 3 * wanted && changes < wanted; tries++) {
        const struct ese_column *c = &t->table->column[random_below(e->r, t->table->columns)];
        bool again = !may_change(t, c);
        for (unsigned i = 0; i < changes; i++)
            again |= change[i].column == c;
        if (!again)
            make_change(e, t, row, at, c, &change[changes++]);
    }
    if (!ese_inplace_change_row(e->ip, t->table, bytes_of(row->key, row->key_size), 0, change,
                                changes, f))
        return false;
    e->changed++;
    return true;
}

size_t edited_find(const struct edited_table *t, struct bytes key, bool *same)
{
    size_t low = 0, high = t->rows;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(bytes_of(t->row[middle].key, t->row[middle].key_size), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *same = low < t->rows && bytes_equal(bytes_of(t->row[low].key, t->row[low].key_size), key);
    return low;
}

static bool edit_add(struct edits *e, struct edited_table *t, struct fault *f)
{
    struct ese_change change[ESE_EDIT_CHANGES_MOST];
    unsigned changes = 0;
    struct ese_key *key = edited_alloc(sizeof *key);
    bool same;
    e->room.used = 0;
    uint8_t *number = e->room.room;
    uint32_t n = random_chance(e->r, 50) ? random_below(e->r, 1000) : random_next(e->r) >> 2;
    bytes_put_le32(number, n);
    e->room.used = 4;
    ese_key_start(key, t->primary);
    ese_key_add(key, t->number, &t->primary->segment[0], t->primary, false, bytes_of(number, 4), f);
    size_t at = edited_find(t, ese_key_bytes(key), &same);
    if (same) {
        free(key);
        return true;
    }
    struct edited_row *row = edited_new_row(t, at);
    edited_set_key(row, ese_key_bytes(key));
    free(key);
    for (unsigned i = 0; i < t->table->columns; i++) {
        const struct ese_column *c = &t->table->column[i];
        if (c == t->number) {
            change[changes++] = (struct ese_change){.column = c, .data = bytes_of(number, 4)};
            edited_add_value(&row->column[i], bytes_of(number, 4));
        } else if (may_change(t, c) && changes < ESE_EDIT_CHANGES_MOST &&
                   (random_chance(e->r, 60) || (c->flags & ESE_COLUMN_NOT_NULL))) {
            make_change(e, t, row, SIZE_MAX, c, &change[changes++]);
        } else if (c->type != ESE_COL_NIL && c->default_value.at) {
            edited_add_value(&row->column[i], c->default_value);
        }
    }
    e->added++;
    return ese_inplace_add_row(e->ip, t->table, change, changes, f);
}

/* One random edit.  mood: how many of a hundred edits delete; of the rest half insert. */
static bool random_edit(struct edits *e, uint32_t mood, struct fault *f)
{
    struct edited_table *t = &e->model.table[random_below(e->r, e->model.tables)];
    if (t->rows > 0 && random_chance(e->r, mood))
        return edit_drop(e, t, f);
    if (t->insertable && random_chance(e->r, 50))
        return edit_add(e, t, f);
    return t->rows == 0 || edit_change(e, t, f);
}

bool random_edits(const char *path, uint64_t seed, unsigned count, FILE *expected, bool *given_up,
                  struct edits *e, struct fault *f)
{
    struct random r = {.state = (seed + 1) * 0x9e3779b97f4a7c15u};
    struct ese_db *db;
    for (int i = 0; i < 8; i++)
        random_next(&r);
    *e = (struct edits){.r = &r, .room = {.size = EDIT_ROOM}};
    *given_up = false;
    if (!ese_db_open(path, NULL, NULL, &db, f))
        return false;
    e->page_size = db->headers.header.page_size;
    e->room.room = edited_alloc(EDIT_ROOM + RANDOM_BIG);
    FILE *file = fopen(path, "r+");
    bool ok = file && edited_read(&e->model, db, f) && ese_inplace_open(db, NULL, &e->ip, f);
    static const uint32_t moods[] = {30, 10, 90, 50, 0, 99};
    uint32_t mood = moods[random_below(&r, 6)];
    for (unsigned i = 0; ok && i < count && e->model.tables > 0; i++)
        ok = random_edit(e, mood, f);
    ok = ok && ese_inplace_finish(e->ip, f) && ese_inplace_write_to(e->ip, fileno(file), f);
    if (!ok && (f->code == FAULT_LIMIT || f->code == FAULT_UNSUPPORTED)) {
        *given_up = ok = true;
        edited_free(&e->model);
        ese_inplace_close(e->ip);
        e->ip = NULL;
        ok = edited_read(&e->model, db, f);
    }
    edited_print(&e->model, expected);
    ese_inplace_close(e->ip);
    edited_free(&e->model);
    ese_db_close(db);
    free(e->room.room);
    if (file)
        fclose(file);
    return ok;
}
