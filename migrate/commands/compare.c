/*
 * Comparing databases: see commands/compare.h.
 *
 * Rows of two tables are merged by the keys of their primary trees, which are the same in every
 * revision.
 */
#include "migrate/commands/compare.h"

#include "formats/hash.h"
#include "migrate/commands/rowwords.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/store/rows.h"
#include "migrate/console/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum side { A, B, SIDES };

struct differ {
    struct store *store[SIDES];
    const struct ese_table *table[SIDES];
    struct rows *rows[SIDES];
    struct buffer room[SIDES];
    struct value_writer *writer[SIDES];
    const struct profile *profile; /* by which rows are told in words; NULL: none */
    struct json *json;
    struct hash hash;
    struct diff_result *result;
};

/* ---- values ---- */

/* The hash of all values that a row has in a column; all zero for none. */
static bool digest_of(struct differ *d, enum side side, const struct ese_column *column,
                      uint8_t digest[HASH_SHA256_SIZE])
{
    struct rows *rows = d->rows[side];
    struct ese_values values;
    struct ese_value value;
    struct fault f = {.code = FAULT_NONE};
    unsigned count = 0;
    memset(digest, 0, HASH_SHA256_SIZE);
    if (!ese_values_of(&values, &rows->record, column, &f))
        return false;
    while (ese_values_next(&values, &value, &f)) {
        struct bytes data;
        if (value.kind == ESE_VALUE_NULL)
            continue;
        if (!rows_value(rows, column, &value, &d->room[side], &data, &f))
            break;
        uint64_t size = data.size;
        hash_sha256_add(&d->hash, bytes_of(&size, sizeof size));
        hash_sha256_add(&d->hash, data);
        count++;
    }
    if (count > 0)
        hash_sha256_end(&d->hash, digest);
    return f.code == FAULT_NONE;
}

static bool same_column(struct differ *d, const struct ese_column *a, const struct ese_column *b)
{
    uint8_t x[HASH_SHA256_SIZE] = {0}, y[HASH_SHA256_SIZE] = {0};
    bool read = (a == NULL || digest_of(d, A, a, x)) && (b == NULL || digest_of(d, B, b, y));
    if (!read)
        d->result->damaged = true;
    return read && memcmp(x, y, sizeof x) == 0;
}

/* ---- telling ---- */

static void write_columns_json(struct differ *d, enum side side, const bool *differs)
{
    const struct ese_table *table = d->table[side];
    json_map(d->json);
    for (unsigned i = 0; i < table->columns; i++) {
        struct fault f;
        if ((differs == NULL || differs[i]) && table->column[i].type != ESE_COL_NIL)
            value_write(d->writer[side], &d->rows[side]->record, &table->column[i], &f);
    }
    json_end_map(d->json);
}

static bool is_key_column(const struct ese_table *table, const struct ese_column *column)
{
    for (unsigned i = 0; i < table->indexes; i++) {
        const struct ese_index *index = &table->index[i];
        for (unsigned s = 0; (index->flags & ESE_INDEX_PRIMARY) && s < index->segments; s++)
            if (ese_table_segment_column(table, &index->segment[s]) == column)
                return true;
    }
    return false;
}

static void write_words_json(struct differ *d, enum side side)
{
    char words[ROW_WORDS];
    if (!row_words(d->rows[side], d->profile, &d->room[side], words))
        return;
    json_put_text(d->json, "words", words);
}

/* A value, and beside it the text of a setting. */
static void write_value_text(struct differ *d, enum side side, const struct ese_column *column)
{
    char text[65];
    struct fault f;
    value_write(d->writer[side], &d->rows[side]->record, column, &f);
    if (row_setting_text(d->rows[side], d->profile, column, &d->room[side], text))
        output_format(" \"%s\"", text);
}

/* Which row it is: the columns of its primary key, and what it is in words. */
static void write_key_text(struct differ *d, enum side side)
{
    const struct ese_table *table = d->table[side];
    struct fault f;
    output_format("%s", value_name(table->name));
    for (unsigned i = 0; i < table->columns; i++) {
        if (!is_key_column(table, &table->column[i]))
            continue;
        output_format(" %s ", value_name(table->column[i].name));
        value_write(d->writer[side], &d->rows[side]->record, &table->column[i], &f);
    }
    char words[ROW_WORDS];
    if (row_words(d->rows[side], d->profile, &d->room[side], words))
        output_format(" (%s)", words);
}

static void tell_alone(struct differ *d, enum side side)
{
    static const char *const words[] = {"only in A", "only in B"}, *const keys[] = {"a", "b"};
    ++*(side == A ? &d->result->only_a : &d->result->only_b);
    if (d->json) {
        json_map(d->json);
        json_put_text(d->json, "table", value_name(d->table[side]->name));
        write_words_json(d, side);
        json_key(d->json, keys[side]);
        write_columns_json(d, side, NULL);
        json_end_map(d->json);
        return;
    }
    write_key_text(d, side);
    output_format(": %s\n", words[side]);
}

/* ---- one row in both ---- */

static const struct ese_column *other_column(const struct differ *d, unsigned i)
{
    const struct ese_column *column = &d->table[A]->column[i];
    return column->type == ESE_COL_NIL ? NULL : ese_table_column(d->table[B], column->name);
}

static void tell_changed_json(struct differ *d, const bool *differs_a)
{
    struct fault f;
    json_map(d->json);
    json_put_text(d->json, "table", value_name(d->table[A]->name));
    write_words_json(d, A);
    json_put_map(d->json, "row");
    for (unsigned i = 0; i < d->table[A]->columns; i++)
        if (is_key_column(d->table[A], &d->table[A]->column[i]))
            value_write(d->writer[A], &d->rows[A]->record, &d->table[A]->column[i], &f);
    json_end_map(d->json);
    json_key(d->json, "a");
    write_columns_json(d, A, differs_a);
    json_put_map(d->json, "b");
    for (unsigned i = 0; i < d->table[A]->columns; i++) {
        const struct ese_column *b = differs_a[i] ? other_column(d, i) : NULL;
        if (b)
            value_write(d->writer[B], &d->rows[B]->record, b, &f);
    }
    json_end_map(d->json);
    json_end_map(d->json);
}

/* What a column changed from, or to: nothing at all is said, too. */
static void write_changed_text(struct differ *d, enum side side, const struct ese_column *column)
{
    struct ese_value value;
    struct fault f;
    if (ese_record_value(&d->rows[side]->record, column, &value, &f) &&
        value.kind == ESE_VALUE_NULL)
        output_text("null");
    else
        write_value_text(d, side, column);
}

static void tell_changed_text(struct differ *d, const bool *differs)
{
    for (unsigned i = 0; i < d->table[A]->columns; i++) {
        if (!differs[i])
            continue;
        const struct ese_column *a = &d->table[A]->column[i], *b = other_column(d, i);
        write_key_text(d, A);
        output_format(": %s: ", value_name(a->name));
        write_changed_text(d, A, a);
        output_text(" -> ");
        if (b)
            write_changed_text(d, B, b);
        output_text("\n");
    }
}

static bool compare_row(struct differ *d)
{
    const struct ese_table *table = d->table[A];
    bool *differs = calloc(table->columns + 1, sizeof *differs);
    bool any = false;
    if (differs == NULL)
        return false;
    for (unsigned i = 0; i < table->columns; i++) {
        if (table->column[i].type == ESE_COL_NIL)
            continue;
        differs[i] = !same_column(d, &table->column[i], other_column(d, i));
        any = any || differs[i];
    }
    if (any) {
        d->result->changed++;
        if (d->json)
            tell_changed_json(d, differs);
        else
            tell_changed_text(d, differs);
    }
    free(differs);
    return true;
}

/* Equal bytes are equal values, unless they name long values, whose ids may differ. */
static bool plainly_equal(const struct differ *d)
{
    return d->table[A]->long_value_root == 0 && d->table[B]->long_value_root == 0 &&
           d->table[A]->columns == d->table[B]->columns &&
           bytes_equal(d->rows[A]->record.whole, d->rows[B]->record.whole);
}

/* ---- tables ---- */

static bool merge_rows(struct differ *d)
{
    bool more[SIDES] = {rows_next(d->rows[A]), rows_next(d->rows[B])};
    bool ok = true;
    while (ok && (more[A] || more[B]) && !output_failed()) {
        int order = !more[A]   ? 1
                    : !more[B] ? -1
                               : bytes_compare(d->rows[A]->cursor.key, d->rows[B]->cursor.key);
        d->result->rows++;
        if (order < 0)
            tell_alone(d, A);
        else if (order > 0)
            tell_alone(d, B);
        else if (!plainly_equal(d))
            ok = compare_row(d);
        if (order <= 0)
            more[A] = rows_next(d->rows[A]);
        if (order >= 0)
            more[B] = rows_next(d->rows[B]);
    }
    return ok;
}

static bool compare_tables(struct differ *d)
{
    d->result->tables++;
    for (int side = 0; side < SIDES; side++)
        rows_open(d->rows[side], d->store[side], d->table[side]);
    bool ok = merge_rows(d);
    for (int side = 0; side < SIDES; side++) {
        struct fault why = {.code = FAULT_NONE};
        if (!rows_end(d->rows[side], &why)) {
            fault_context(&why, "table %s", d->table[side]->name);
            message_trouble(d->store[side]->path, &why);
            d->result->damaged = true;
        }
    }
    return ok;
}

static bool is_system(const struct ese_table *table)
{
    return strncasecmp(table->name, "MSys", 4) == 0;
}

static void tell_table(struct differ *d, enum side side, const struct ese_table *table)
{
    const char *name = value_name(table->name);
    ++*(side == A ? &d->result->tables_only_a : &d->result->tables_only_b);
    if (!d->json) {
        output_format("table %s: only in %c\n", name, side == A ? 'A' : 'B');
        return;
    }
    json_map(d->json);
    json_put_text(d->json, "table", name);
    json_put_text(d->json, "only_in", side == A ? "a" : "b");
    json_end_map(d->json);
}

static bool compare_all(struct differ *d)
{
    const struct ese_catalog *a = d->store[A]->db->catalog, *b = d->store[B]->db->catalog;
    bool ok = true;
    for (unsigned i = 0; ok && i < ese_catalog_tables(a); i++) {
        d->table[A] = ese_catalog_table(a, i);
        d->table[B] = ese_catalog_find(b, d->table[A]->name);
        if (is_system(d->table[A]))
            continue;
        if (d->table[B])
            ok = compare_tables(d);
        else
            tell_table(d, A, d->table[A]);
    }
    for (unsigned i = 0; ok && i < ese_catalog_tables(b); i++) {
        const struct ese_table *table = ese_catalog_table(b, i);
        if (!is_system(table) && ese_catalog_find(a, table->name) == NULL)
            tell_table(d, B, table);
    }
    return ok;
}

bool diff_stores(struct store *a, struct store *b, const struct profile *profile, struct json *json,
                 struct diff_result *result)
{
    struct differ d = {.store = {a, b}, .profile = profile, .json = json, .result = result};
    struct fault f = {.code = FAULT_NONE};
    *result = (struct diff_result){.tables = 0};
    bool ok = hash_open(&d.hash, &f);
    for (int side = 0; side < SIDES; side++) {
        d.rows[side] = malloc(sizeof *d.rows[side]);
        d.writer[side] = store_value_writer(d.store[side], json);
        ok = ok && d.rows[side] != NULL && d.writer[side] != NULL;
    }
    ok = ok && compare_all(&d);
    if (!ok)
        message_error("out of memory while comparing");
    for (int side = 0; side < SIDES; side++) {
        free(d.rows[side]);
        value_writer_close(d.writer[side]);
        buffer_free(&d.room[side]);
    }
    if (d.hash.sha256)
        hash_close(&d.hash);
    return ok;
}
