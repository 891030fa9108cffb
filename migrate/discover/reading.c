/* Reading values within the bounds of a run of discovery: see tools.h. */
#include "migrate/discover/tools.h"

#include "formats/ese/layout/text.h"

#include <stdlib.h>

enum { COST_OF_LONG_VALUE = 256 }; /* bytes of the budget, for the way down its tree */

bool discover_next(struct discover_run *run, struct rows *rows)
{
    if (run->rows_left == 0) {
        run->d->limited = true;
        return false;
    }
    run->rows_left--;
    return !run->no_memory && rows_next(rows);
}

void discover_end(struct discover_run *run, struct rows *rows)
{
    struct fault why = {.code = FAULT_NONE};
    if (rows_end(rows, &why))
        return;
    run->d->damaged += rows->unread;
    run->no_memory = run->no_memory || why.code == FAULT_NO_MEMORY;
}

static bool spend(struct discover_run *run, size_t bytes)
{
    if (run->bytes_left < bytes) {
        run->d->limited = true;
        run->bytes_left = 0;
        return false;
    }
    run->bytes_left -= bytes;
    return true;
}

static bool fetch(struct discover_run *run, struct rows *rows, const struct ese_value *found,
                  size_t most, struct bytes *value, bool *cut)
{
    struct fault why = {.code = FAULT_NONE};
    if (run->lv == NULL && (run->lv = malloc(sizeof *run->lv)) == NULL) {
        run->no_memory = true;
        return false;
    }
    bool ok = ese_value_bytes(run->lv, run->store->db->pages, rows->table, found, most, &run->value,
                              value, cut, &why);
    run->no_memory = run->no_memory || why.code == FAULT_NO_MEMORY;
    return ok;
}

bool discover_read(struct discover_run *run, struct rows *rows, const struct ese_column *column,
                   size_t most, struct bytes *value, bool *cut)
{
    struct ese_value found = {.kind = ESE_VALUE_NULL};
    *cut = false;
    if (run->bytes_left == 0 || run->no_memory)
        return false;
    bool ok = ese_record_value(&rows->record, column, &found, NULL);
    if (ok && (found.kind == ESE_VALUE_NULL || found.kind == ESE_VALUE_ENCRYPTED))
        return false;
    ok = ok && fetch(run, rows, &found, most, value, cut);
    if (!ok) {
        run->d->damaged++;
        return false;
    }
    if (value->size > most) {
        value->size = most;
        *cut = true;
    }
    return spend(run, value->size + (found.kind == ESE_VALUE_SEPARATED ? COST_OF_LONG_VALUE : 0));
}

/* Adds one of a column's values; false when it cannot be read, or the row becomes too long. */
static bool add_value(struct discover_run *run, struct rows *rows, const struct ese_value *found,
                      size_t most, struct buffer *row)
{
    struct bytes value;
    bool cut = false;
    if (found->kind == ESE_VALUE_NULL || found->kind == ESE_VALUE_ENCRYPTED)
        return false;
    if (!fetch(run, rows, found, most, &value, &cut)) {
        run->d->damaged++;
        return false;
    }
    if (cut || value.size > most || row->size > most - value.size ||
        !spend(run, value.size + COST_OF_LONG_VALUE))
        return false;
    if (!certlist_add_value(row, value))
        run->no_memory = true;
    return !run->no_memory;
}

bool discover_read_values(struct discover_run *run, struct rows *rows,
                          const struct ese_column *column, size_t most, struct buffer *row)
{
    struct ese_values values;
    struct ese_value first, value;
    if (!ese_values_of(&values, &rows->record, column, NULL) ||
        !ese_values_next(&values, &first, NULL) || !ese_values_next(&values, &value, NULL) ||
        run->bytes_left == 0 || run->no_memory)
        return false;
    bool ok = add_value(run, rows, &first, most, row) && add_value(run, rows, &value, most, row);
    while (ok && ese_values_next(&values, &value, NULL))
        ok = add_value(run, rows, &value, most, row);
    return ok;
}

bool discover_read_text(struct discover_run *run, struct rows *rows,
                        const struct ese_column *column, char to[DISCOVER_TEXT])
{
    enum { RAW_MOST = DISCOVER_TEXT * 2 };
    char room[ESE_TEXT_ROOM(RAW_MOST)];
    struct bytes raw;
    bool cut;
    if (!ese_text_known(column->code_page) ||
        !discover_read(run, rows, column, RAW_MOST, &raw, &cut) || cut)
        return false;
    size_t size = ese_text_whole(column->code_page, raw, room);
    if (size == 0 || size >= DISCOVER_TEXT || memchr(room, '\0', size))
        return false;
    memcpy(to, room, size + 1);
    return discover_can_write(to);
}

struct bytes discover_unwrap(struct discover_run *run, const struct wrapping *wrapping,
                             struct bytes value)
{
    struct fault why = {.code = FAULT_NONE};
    struct bytes inner;
    if (wrapping_take_off(wrapping, value, &run->unwrapped, &inner, &why))
        return inner;
    run->no_memory = run->no_memory || why.code == FAULT_NO_MEMORY;
    return bytes_of(NULL, 0);
}

uint64_t discover_hash(struct discover_run *run, struct bytes name)
{
    uint8_t digest[HASH_SHA1_SIZE];
    uint64_t hash = 0;
    hash_sha1(&run->hash, name, digest);
    bytes_le64(bytes_of(digest, sizeof digest), 0, &hash);
    return hash;
}
