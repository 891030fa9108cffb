/*
 * Fuzz target: any bytes as a database, with rows dropped, changed and added in place.  It must
 * end, keep to the file, and list pages that are in it.  Checksums are put right first, so that
 * damage reaches what is behind them; an input of an odd number of bytes is taken as it is.  The
 * last 16 bytes say what is done.
 */
#include "formats/ese/edit/edit.h"
#include "tests/formats/ese/fuzzing.h"

#include <stdlib.h>

enum { TABLES_MOST = 12, EDITS_MOST = 16, KEYS_MOST = 8 };

struct keys {
    uint8_t at[KEYS_MOST][ESE_KEY_ROOM];
    size_t size[KEYS_MOST];
    unsigned count;
};

static void find_keys(struct ese_db *db, const struct ese_table *table, struct keys *keys,
                      unsigned skip)
{
    struct ese_cursor cursor;
    struct fault f;
    keys->count = 0;
    ese_cursor_open(&cursor, db->pages, table->root, table->objid);
    for (unsigned i = 0; keys->count < KEYS_MOST && i < 1000; i++) {
        enum ese_step step = ese_cursor_next(&cursor, &f);
        if (step == ESE_STEP_END)
            break;
        if (step != ESE_STEP_NODE || i % (skip + 1) != 0 || cursor.key.size == 0)
            continue;
        memcpy(keys->at[keys->count], cursor.key.at, cursor.key.size);
        keys->size[keys->count++] = cursor.key.size;
    }
    ese_cursor_close(&cursor);
}

/* One edit of a table; false when nothing more can be done. */
static bool edit(struct ese_inplace *ip, const struct ese_table *table, const struct keys *keys,
                 uint8_t what, uint8_t how)
{
    static const uint8_t value[70000];
    static const size_t sizes[] = {0, 1, 2, 4, 8, 16, 30, 200, 900, 1100, 5000, 70000};
    struct fault f;
    struct ese_change change[2];
    unsigned changes = 0;
    for (unsigned i = 0; i < 2 && table->columns > 0; i++) {
        const struct ese_column *column = &table->column[(unsigned)(how + 3 * i) % table->columns];
        size_t size = ese_coltype_size(column->type);
        if (size == 0)
            size = column->id <= ESE_FIXED_LAST ? column->size : sizes[(unsigned)(how + what) % 12];
        if (column->type == ESE_COL_NIL || size > sizeof value ||
            (i == 1 && change[0].column == column))
            continue;
        change[changes++] = (struct ese_change){.column = column,
                                                .data = bytes_of(value, size),
                                                .null = how % 11 == 0,
                                                .lid = how % 13 == 0 ? 1 : 0};
    }
    if (what % 3 == 0 || keys->count == 0)
        return ese_inplace_add_row(ip, table, change, changes, &f);
    unsigned k = what % keys->count;
    struct bytes key = bytes_of(keys->at[k], keys->size[k]);
    bool ok = what % 3 == 1
                  ? ese_inplace_drop_row(ip, table, key, how % 17 == 0, &f)
                  : ese_inplace_change_row(ip, table, key, how % 17 == 0, change, changes, &f);
    return ok;
}

static void edit_table(struct ese_db *db, const struct ese_table *table, struct keys *keys,
                       struct bytes how)
{
    const struct ese_inplace_options options = {.memory_most = 16 * 1024 * 1024,
                                                .any_revision = true};
    struct ese_inplace *ip;
    struct fault f;
    bool ok = true;
    find_keys(db, table, keys, how.size > 15 ? how.at[15] % 8 : 0);
    if (!ese_inplace_open(db, &options, &ip, &f))
        return;
    for (size_t i = 0; ok && i + 1 < how.size && i < EDITS_MOST; i++)
        ok = edit(ip, table, keys, how.at[i], how.at[i + 1]);
    if (ok && ese_inplace_finish(ip, &f)) {
        for (unsigned i = 0; i < ese_inplace_pieces(ip); i++) {
            struct ese_inplace_piece piece;
            expect(ese_inplace_piece(ip, i, &piece, &f));
            expect(piece.after.size == db->headers.header.page_size);
            expect(piece.offset + piece.after.size <= ese_inplace_summary(ip)->size);
        }
    } else {
        expect(ese_inplace_pieces(ip) == 0);
    }
    ese_inplace_close(ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* exact, for AddressSanitizer */
    struct keys *keys = malloc(sizeof *keys);
    struct ese_file *file;
    struct ese_db *db;
    struct fault f;
    expect(copy != NULL && keys != NULL);
    memcpy(copy, data, size);
    if (size % 2 == 0)
        put_sums_right(copy, size);
    expect(ese_file_over(bytes_of(copy, size), &file, &f));
    if (ese_db_open_file(file, NULL, NULL, &db, &f)) {
        struct bytes how = bytes_from(bytes_of(data, size), size > 16 ? size - 16 : 0);
        unsigned tables = ese_catalog_tables(db->catalog);
        for (unsigned i = 0; i < tables && i < TABLES_MOST; i++)
            edit_table(db, ese_catalog_table(db->catalog, i), keys, how);
        ese_db_close(db);
    }
    free(keys);
    free(copy);
    return 0;
}
