/*
 * Holding the rows of a written store against those that were judged: see repair/verify_rows.h.
 *
 * Both tables are walked together, in the order of the primary key.  What the plan says of a row
 * comes from repair/expected.h; a row of which it says nothing has to be the same bytes, and of one
 * that it changes every column that it does not name.
 */
#include "migrate/repair/verify_rows.h"

#include "migrate/repair/expected.h"
#include "migrate/repair/verify_parts.h"

#include <inttypes.h>
#include <stdlib.h>

struct comparison {
    struct verify v;
    struct expected *expected;
    struct expected_row row;
    struct buffer text;
};

bool verify_no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory while verifying");
}

/* ---- saying where, and what ---- */

/* Puts "table T, row K: " before the fault's text: K is the row's own key where that is one number,
 * else the bytes of its primary key. */
static bool verify_in_row(const struct verify *v, enum verify_side side, struct fault *f)
{
    const struct verify_at *at = &v->at[side];
    const struct ese_column *key = ese_table_key_column(at->table);
    struct ese_value value;
    uint32_t bits;
    char hex[2 * 24 + 1];
    struct bytes node = at->cursor.key;
    if (key && ese_record_value(&at->record, key, &value, NULL) && bytes_le32(value.data, 0, &bits))
        return fault_context(f, "table %s, row %d", at->table->name, (int32_t)bits);
    node.size = node.size > 24 ? 24 : node.size;
    return fault_context(f, "table %s, row with key %s", at->table->name,
                         bytes_hex(node, hex, sizeof hex));
}

enum { SAID_SIZE = 96 };

/* Numbers are shown; anything else could be a secret, and is size and hash. */
static const char *say_bytes(struct comparison *c, const struct ese_column *column,
                             struct bytes data, char said[SAID_SIZE])
{
    uint8_t digest[HASH_SHA256_SIZE];
    uint32_t bits;
    if (ese_coltype_size(column->type) == 4 && bytes_le32(data, 0, &bits)) {
        snprintf(said, SAID_SIZE, "%d", (int32_t)bits);
    } else if (column->type == ESE_COL_BIT && data.size == 1) {
        snprintf(said, SAID_SIZE, "%s", data.at[0] ? "yes" : "no");
    } else {
        hash_sha256(&c->v.hash, data, digest);
        snprintf(said, SAID_SIZE, "%zu bytes, SHA-256 %02x%02x%02x%02x...", data.size, digest[0],
                 digest[1], digest[2], digest[3]);
    }
    return said;
}

static const char *say_expected(struct comparison *c, const struct expected_value *e,
                                char said[SAID_SIZE])
{
    switch (e->kind) {
    case EXPECTED_INTEGER:
        snprintf(said, SAID_SIZE, "%d", e->number);
        break;
    case EXPECTED_TRUTH:
        snprintf(said, SAID_SIZE, "%s", e->truth ? "yes" : "no");
        break;
    case EXPECTED_DATE:
        snprintf(said, SAID_SIZE, "%.9g days since 1899-12-30", e->days);
        break;
    case EXPECTED_BYTES:
        say_bytes(c, e->column, e->bytes, said);
        break;
    case EXPECTED_TEXT:
        snprintf(said, SAID_SIZE, "%.80s", e->text);
        break;
    case EXPECTED_EACH:
        snprintf(said, SAID_SIZE, "%u values", e->count);
        break;
    case EXPECTED_LIST:
    case EXPECTED_PIECE:
    case EXPECTED_VALUES:
        snprintf(said, SAID_SIZE, "the new list");
        break;
    }
    return said;
}

/* ---- values ---- */

/* The bytes of one value of the new store, put together in v->room where they are not in one piece.
 */
static bool verify_bytes(struct verify *v, const struct ese_value *value, struct bytes *out,
                         struct fault *f)
{
    const struct verify_at *at = &v->at[VERIFY_NEW];
    return ese_value_bytes(&v->lv, at->db->pages, at->table, value, SIZE_MAX, &v->room, out, NULL,
                           f);
}

static bool is_integer(const struct ese_column *column, struct bytes data, int32_t wanted)
{
    if (data.size == 0 || data.size > 8 || data.size != ese_coltype_size(column->type))
        return false;
    uint64_t bits = bytes_number(data);
    uint64_t mask = data.size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * data.size) - 1;
    return bits == ((uint64_t)(int64_t)wanted & mask);
}

static bool is_text(struct comparison *c, const struct ese_column *column, struct bytes data,
                    const char *wanted)
{
    struct ese_column as = *column;
    bool text_column = ese_column_is_text(column);
    size_t size = strlen(wanted);
    if (text_column) {
        const char *text = expected_text(&as, data, &c->text);
        return text && strcmp(text, wanted) == 0;
    }
    if (data.size == size && (size == 0 || memcmp(data.at, wanted, size) == 0))
        return true;
    as.code_page = ESE_CODEPAGE_UNICODE; /* bytes that hold Unicode */
    const char *text = expected_text(&as, data, &c->text);
    return text && strcmp(text, wanted) == 0;
}

static bool is_wanted(struct comparison *c, const struct expected_value *e, struct bytes data,
                      struct fault *f)
{
    uint64_t bits, wanted;
    char expected[SAID_SIZE], found[SAID_SIZE];
    bool ok = false;
    switch (e->kind) {
    case EXPECTED_INTEGER:
        ok = is_integer(e->column, data, e->number);
        break;
    case EXPECTED_TRUTH:
        ok = is_integer(e->column, data,
                        !e->truth                        ? 0
                        : e->column->type == ESE_COL_BIT ? UINT8_MAX
                                                         : 1);
        break;
    case EXPECTED_DATE:
        memcpy(&wanted, &e->days, sizeof wanted);
        ok = data.size == sizeof bits && bytes_le64(data, 0, &bits) && bits == wanted;
        break;
    case EXPECTED_BYTES:
        ok = bytes_equal(data, e->bytes);
        break;
    case EXPECTED_TEXT:
        ok = is_text(c, e->column, data, e->text);
        break;
    case EXPECTED_EACH: /* has_each() */
        break;
    case EXPECTED_LIST:
    case EXPECTED_VALUES:
        return expected_is_list(c->expected, e->part, data, f);
    case EXPECTED_PIECE:
        return expected_piece(c->expected, data, f);
    }
    return ok || fault_set(f, FAULT_DAMAGED, "expected %s, found %s", say_expected(c, e, expected),
                           say_bytes(c, e->column, data, found));
}

/* The column has the values that the plan wants, in their order. */
static bool has_values(struct comparison *c, const struct expected_value *e,
                       const struct ese_column *column, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct fault inner = {.code = FAULT_NONE};
    struct bytes data;
    struct buffer all = {0};
    bool ok = ese_values_of(&values, &c->v.at[VERIFY_NEW].record, column, f);
    while (ok && ese_values_next(&values, &value, &inner))
        ok = verify_bytes(&c->v, &value, &data, f) &&
             (certlist_add_value(&all, data) || verify_no_memory(f));
    if (ok && inner.code != FAULT_NONE)
        ok = fault_set(f, inner.code, "%s", inner.text);
    ok = ok && is_wanted(c, e, buffer_bytes(&all), f);
    buffer_free(&all);
    return ok || fault_context(f, "column %s", column->name);
}

/* The column has these values, all of them and in their order. */
static bool has_each(struct comparison *c, const struct expected_value *e,
                     const struct ese_column *column, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct fault inner = {.code = FAULT_NONE};
    unsigned count = 0;
    bool same = true;
    if (!ese_values_of(&values, &c->v.at[VERIFY_NEW].record, column, f))
        return fault_context(f, "column %s", column->name);
    while (ese_values_next(&values, &value, &inner)) {
        same = same && count < e->count && value.kind == ESE_VALUE_PLAIN &&
               bytes_equal(value.data, e->each[count]);
        count++;
    }
    return (same && count == e->count && inner.code == FAULT_NONE) ||
           fault_set(
               f, FAULT_DAMAGED,
               "column %s: expected %u values, each as the plan wants it, found %u and others",
               column->name, e->count, count);
}

/* The column has exactly the value that the plan wants. */
static bool has_expected(struct comparison *c, const struct expected_value *e,
                         const struct ese_column *column, struct fault *f)
{
    struct ese_values values;
    struct ese_value value, second;
    struct fault inner;
    struct bytes data;
    char expected[SAID_SIZE];
    fault_clear(&inner);
    if (e->kind == EXPECTED_VALUES)
        return has_values(c, e, column, f);
    if (e->kind == EXPECTED_EACH)
        return has_each(c, e, column, f);
    bool ok = ese_values_of(&values, &c->v.at[VERIFY_NEW].record, column, f);
    if (!ok)
        return false;
    if (!ese_values_next(&values, &value, &inner) || value.kind == ESE_VALUE_NULL)
        ok = fault_set(f, FAULT_DAMAGED, "expected %s, found none", say_expected(c, e, expected));
    else if (ese_values_next(&values, &second, &inner) || inner.code != FAULT_NONE)
        ok = fault_set(f, FAULT_DAMAGED, "expected %s alone, found more",
                       say_expected(c, e, expected));
    ok = ok && verify_bytes(&c->v, &value, &data, f) && is_wanted(c, e, data, f);
    return ok || fault_context(f, "column %s", column->name);
}

static bool same_value(const struct ese_value *a, const struct ese_value *b)
{
    if (a->kind != b->kind || a->from_default != b->from_default)
        return false;
    return a->kind == ESE_VALUE_SEPARATED ? a->lid == b->lid && a->wide_lid == b->wide_lid
                                          : bytes_equal(a->data, b->data);
}

/* All values of a column that the plan does not name, as they were. */
static bool has_old(struct comparison *c, const struct ese_column *old,
                    const struct ese_column *new, struct fault *f)
{
    struct ese_values was, is;
    struct ese_value a, b;
    struct fault inner[VERIFY_SIDES];
    bool same = true, more_a = true, more_b = true;
    fault_clear(&inner[VERIFY_OLD]);
    fault_clear(&inner[VERIFY_NEW]);
    if (!ese_values_of(&was, &c->v.at[VERIFY_OLD].record, old, f) ||
        !ese_values_of(&is, &c->v.at[VERIFY_NEW].record, new, f))
        return fault_context(f, "column %s", old->name);
    for (;;) {
        more_a = ese_values_next(&was, &a, &inner[VERIFY_OLD]);
        more_b = ese_values_next(&is, &b, &inner[VERIFY_NEW]);
        if (!more_a || !more_b || !(same = same_value(&a, &b)))
            break;
    }
    same = same && more_a == more_b && was.stated == is.stated;
    if (same && inner[VERIFY_OLD].code == FAULT_NONE && inner[VERIFY_NEW].code == FAULT_NONE)
        return true;
    return fault_set(f, FAULT_DAMAGED,
                     "column %s, which the plan does not change here: expected its value %u as it "
                     "was, found another",
                     old->name, was.count);
}

static const struct expected_value *expected_in(const struct comparison *c,
                                                const struct ese_column *old)
{
    for (unsigned i = 0; i < c->row.values; i++)
        if (c->row.value[i].column == old)
            return &c->row.value[i];
    return NULL;
}

/* ---- rows ---- */

static bool unchanged(struct comparison *c, struct fault *f)
{
    const struct ese_record *old = &c->v.at[VERIFY_OLD].record, *new = &c->v.at[VERIFY_NEW].record;
    const struct ese_table *table = c->v.at[VERIFY_OLD].table, *now = c->v.at[VERIFY_NEW].table;
    if (old->new_format == new->new_format && bytes_equal(old->whole, new->whole))
        return true;
    for (unsigned i = 0; i < table->columns; i++)
        if (table->column[i].type != ESE_COL_NIL &&
            !has_old(c, &table->column[i], &now->column[i], f))
            return verify_in_row(&c->v, VERIFY_OLD, f);
    fault_set(f, FAULT_DAMAGED, "expected its %zu bytes as they were, found others",
              old->whole.size);
    return verify_in_row(&c->v, VERIFY_OLD, f);
}

static bool changed(struct comparison *c, struct fault *f)
{
    const struct ese_table *table = c->v.at[VERIFY_OLD].table, *now = c->v.at[VERIFY_NEW].table;
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *old = &table->column[i], *new = &now->column[i];
        const struct expected_value *e = expected_in(c, old);
        if (old->type == ESE_COL_NIL)
            continue;
        if (e == NULL
                ? !has_old(c, old, new, f)
                : !has_expected(c, e, new, f) || !verify_note_lids(&c->v, VERIFY_OLD, old, -1, f) ||
                      !verify_note_lids(&c->v, VERIFY_NEW, new, 1, f))
            return verify_in_row(&c->v, VERIFY_OLD, f);
    }
    return verify_note_entries(&c->v, VERIFY_OLD, f) && verify_note_entries(&c->v, VERIFY_NEW, f);
}

static bool dropped(struct comparison *c, struct fault *f)
{
    return verify_note_lids(&c->v, VERIFY_OLD, NULL, -1, f) &&
           verify_note_entries(&c->v, VERIFY_OLD, f) &&
           verify_keys_add(&c->v.dropped, c->v.at[VERIFY_OLD].cursor.key, f);
}

/* A row that the old store has not.  Its columns that the plan does not name are null, or what the
 * table makes of a column that is not given. */
static bool added(struct comparison *c, struct fault *f)
{
    struct verify_at *at = &c->v.at[VERIFY_NEW];
    if (!expected_of_new(c->expected, &at->record, &c->row, f))
        return verify_in_row(&c->v, VERIFY_NEW, f);
    for (unsigned i = 0; i < at->table->columns; i++) {
        const struct ese_column *column = &at->table->column[i];
        const struct expected_value *e = expected_in(c, &c->v.at[VERIFY_OLD].table->column[i]);
        struct ese_value value;
        if (column->type == ESE_COL_NIL)
            continue;
        if (e ? !has_expected(c, e, column, f) : !ese_record_value(&at->record, column, &value, f))
            return verify_in_row(&c->v, VERIFY_NEW, f);
        if (e == NULL && value.kind != ESE_VALUE_NULL && !value.from_default) {
            fault_set(f, FAULT_DAMAGED, "column %s: expected none, found a value", column->name);
            return verify_in_row(&c->v, VERIFY_NEW, f);
        }
    }
    return verify_note_lids(&c->v, VERIFY_NEW, NULL, 1, f) &&
           verify_note_entries(&c->v, VERIFY_NEW, f);
}

static bool step(struct comparison *c, enum verify_side side, struct fault *f)
{
    struct verify_at *at = &c->v.at[side];
    enum ese_step step = ese_cursor_next(&at->cursor, f);
    at->more = step == ESE_STEP_NODE;
    if (step == ESE_STEP_FAULT ||
        (at->more &&
         !ese_record_on_page(&at->record, at->table, at->cursor.leaf, at->cursor.data, f)))
        return fault_context(f, "table %s", at->table->name);
    return true;
}

/* One row of the old store, and what it has become. */
static bool old_row(struct comparison *c, unsigned number, int order, struct fault *f)
{
    if (!expected_of(c->expected, &c->v.at[VERIFY_OLD].record, number, &c->row, f))
        return verify_in_row(&c->v, VERIFY_OLD, f);
    if (c->row.dropped || (c->row.may_go && order < 0))
        return dropped(c, f) && step(c, VERIFY_OLD, f);
    if (order < 0) {
        fault_set(f, FAULT_DAMAGED, "expected this row, found none");
        return verify_in_row(&c->v, VERIFY_OLD, f);
    }
    return (c->row.values == 0 ? unchanged(c, f) : changed(c, f)) && step(c, VERIFY_OLD, f) &&
           step(c, VERIFY_NEW, f);
}

static bool merge_rows(struct comparison *c, struct fault *f)
{
    const struct verify_at *old = &c->v.at[VERIFY_OLD], *new = &c->v.at[VERIFY_NEW];
    bool ok = step(c, VERIFY_OLD, f) && step(c, VERIFY_NEW, f);
    for (unsigned number = 0; ok && (old->more || new->more);) {
        int order = !old->more   ? 1
                    : !new->more ? -1
                                 : bytes_compare(old->cursor.key, new->cursor.key);
        ok = order > 0 ? added(c, f) && step(c, VERIFY_NEW, f) : old_row(c, number++, order, f);
    }
    return ok;
}

/* ---- tables ---- */

/* Rows of the old store that share a primary key: their index entries cannot be told apart by their
 * bookmark.  Only where the structural check has found such rows. */
static bool find_twins(struct verify *v, struct fault *f)
{
    const struct verify_at *old = &v->at[VERIFY_OLD];
    struct ese_cursor cursor;
    enum ese_step step = ESE_STEP_END;
    uint8_t last[ESE_KEY_ROOM];
    size_t size = 0;
    bool ok = true, any = false;
    ese_cursor_open(&cursor, old->db->pages, old->table->root, old->table->objid);
    while (ok && (step = ese_cursor_next(&cursor, f)) == ESE_STEP_NODE) {
        if (any && bytes_equal(cursor.key, bytes_of(last, size)))
            ok = verify_keys_add(&v->twins, cursor.key, f);
        any = true;
        size = cursor.key.size;
        if (size > 0)
            memcpy(last, cursor.key.at, size);
    }
    ese_cursor_close(&cursor);
    return ok && step == ESE_STEP_END;
}

static bool compare_table(struct comparison *c, struct fault *f)
{
    struct verify *v = &c->v;
    v->lids.count = 0;
    expected_begin(c->expected, v->at[VERIFY_OLD].table);
    bool ok = verify_indexes_begin(v, f) && (!v->has_twins || find_twins(v, f));
    for (int side = 0; side < VERIFY_SIDES; side++)
        ese_cursor_open(&v->at[side].cursor, v->at[side].db->pages, v->at[side].table->root,
                        v->at[side].table->objid);
    ok = ok && merge_rows(c, f) && expected_end(c->expected, f);
    for (int side = 0; side < VERIFY_SIDES; side++)
        ese_cursor_close(&v->at[side].cursor);
    ok = ok && verify_long_values(v, f) && verify_indexes(v, f);
    verify_keys_clear(&v->dropped);
    verify_keys_clear(&v->twins);
    return ok;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_column(const struct ese_column *a, const struct ese_column *b)
{
    return a->id == b->id && same_text(a->name, b->name) && a->type == b->type &&
           a->flags == b->flags && a->size == b->size && a->code_page == b->code_page &&
           a->offset == b->offset && a->from_template == b->from_template &&
           bytes_equal(a->default_value, b->default_value);
}

static bool same_segment(const struct ese_key_segment *a, const struct ese_key_segment *b)
{
    return a->column == b->column && a->descending == b->descending &&
           a->from_template == b->from_template && a->must_be_null == b->must_be_null;
}

static bool same_index(const struct ese_index *a, const struct ese_index *b)
{
    bool same = a->objid == b->objid && same_text(a->name, b->name) && a->flags == b->flags &&
                a->locale == b->locale && a->key_most == b->key_most &&
                a->variable_most == b->variable_most && a->segments == b->segments &&
                a->conditions == b->conditions && a->tuples == b->tuples &&
                a->from_template == b->from_template;
    for (unsigned i = 0; same && i < a->segments; i++)
        same = same_segment(&a->segment[i], &b->segment[i]);
    for (unsigned i = 0; same && i < a->conditions; i++)
        same = same_segment(&a->condition[i], &b->condition[i]);
    return same;
}

static bool same_table(const struct ese_table *a, const struct ese_table *b, struct fault *f)
{
    bool same = a->objid == b->objid && same_text(a->name, b->name) &&
                same_text(a->template_name, b->template_name) && a->flags == b->flags &&
                a->columns == b->columns && a->indexes == b->indexes &&
                (a->long_value_root == 0) == (b->long_value_root == 0) &&
                a->long_value_objid == b->long_value_objid &&
                a->long_value_chunk == b->long_value_chunk &&
                a->first_own_tagged == b->first_own_tagged;
    for (unsigned i = 0; same && i < a->columns; i++)
        if (!same_column(&a->column[i], &b->column[i]))
            return fault_set(f, FAULT_DAMAGED, "table %s: expected column %s as it was", a->name,
                             a->column[i].name);
    for (unsigned i = 0; same && i < a->indexes; i++)
        if (!same_index(&a->index[i], &b->index[i]))
            return fault_set(f, FAULT_DAMAGED, "table %s: expected index %s as it was", a->name,
                             a->index[i].name);
    return same || fault_set(f, FAULT_DAMAGED, "table %s: expected it as it was, found table %s",
                             a->name, b->name);
}

/* In a copy the catalog names other pages, and the counts of pages are made anew. */
static bool has_other_pages(const struct ese_table *table)
{
    return ese_table_is(table, "MSysObjects") || ese_table_is(table, "MSysObjectsShadow") ||
           ese_table_is(table, "MSysExtentPageCountCache");
}

static bool compare_all(struct comparison *c, struct fault *f)
{
    const struct ese_catalog *old = c->v.at[VERIFY_OLD].db->catalog,
                             *new = c->v.at[VERIFY_NEW].db->catalog;
    bool ok = true;
    if (ese_catalog_tables(old) != ese_catalog_tables(new))
        return fault_set(f, FAULT_DAMAGED, "expected %u tables, found %u", ese_catalog_tables(old),
                         ese_catalog_tables(new));
    for (unsigned i = 0; ok && i < ese_catalog_tables(old); i++) {
        const struct ese_table *table = ese_catalog_table(old, i);
        c->v.at[VERIFY_OLD].table = table;
        c->v.at[VERIFY_NEW].table = ese_catalog_table(new, i);
        ok = same_table(table, c->v.at[VERIFY_NEW].table, f);
        if (ok && (c->v.same_pages || !has_other_pages(table)))
            ok = compare_table(c, f);
    }
    return ok;
}

static bool note_index_entries(struct verify *v, const struct plan *plan, struct fault *f)
{
    for (size_t i = 0; i < plan->actions; i++) {
        if (plan->action[i].kind != ACTION_DROP_INDEX_ENTRY)
            continue;
        if (v->index_entries == INDEX_ENTRIES_MOST)
            return fault_set(f, FAULT_LIMIT, "the plan takes more than %d entries out of indexes",
                             INDEX_ENTRIES_MOST);
        v->index_entry[v->index_entries++] = &plan->action[i];
    }
    return true;
}

static bool all_are_noted(const struct verify *v, struct fault *f)
{
    return v->noted == v->index_entries ||
           fault_set(f, FAULT_DAMAGED,
                     "expected %u entries to be taken out of indexes, found the indexes of %u",
                     v->index_entries, v->noted);
}

static bool headers_are_whole(const struct store *new, struct fault *f)
{
    const struct ese_headers *hs = &new->db->headers;
    return (hs->primary == ESE_HEADER_GOOD && hs->shadow == ESE_HEADER_GOOD) ||
           fault_set(f, FAULT_DAMAGED, "expected a header and its shadow, found a damaged one");
}

bool verify_rows(const struct assessment *old, const struct store *new, bool same_pages,
                 struct fault *f)
{
    struct comparison *c = calloc(1, sizeof *c);
    if (c == NULL)
        return verify_no_memory(f);
    c->v.at[VERIFY_OLD].db = old->store.db;
    c->v.at[VERIFY_NEW].db = new->db;
    c->v.same_pages = same_pages;
    c->v.has_twins = problem_has(&old->found, PROBLEM_UNIQUE_KEY);
    bool hashing = hash_open(&c->v.hash, f);
    if (hashing)
        c->expected = expected_open(&old->model, &old->plan, f);
    bool ok = c->expected && note_index_entries(&c->v, &old->plan, f) &&
              headers_are_whole(new, f) && compare_all(c, f) && expected_complete(c->expected, f) &&
              all_are_noted(&c->v, f);
    expected_close(c->expected);
    if (hashing)
        hash_close(&c->v.hash);
    free(c->v.index);
    free(c->v.lids.at);
    buffer_free(&c->v.room);
    buffer_free(&c->text);
    free(c);
    return ok;
}
