/*
 * Fuzz target: any bytes as a database file.  It is opened, and every value of every row is read,
 * long values and their text included.
 *
 * So that checksums do not stop the fuzzer they are put right in its copy of the input: an input of
 * an odd number of bytes is taken as it is.
 */
#include "formats/ese/layout/compress.h"
#include "formats/ese/read/db.h"
#include "formats/ese/read/longvalue.h"
#include "formats/ese/layout/text.h"
#include "tests/formats/ese/fuzzing.h"

#include <stdlib.h>

enum { VALUES_MOST = 20000 }; /* in one run: tables may share trees, and rows long values */

/* ---- reading all of it ---- */

struct reading {
    struct ese_db *db;
    const struct ese_table *table;
    struct ese_lv lv;
    unsigned values;
    uint8_t unpacked[ESE_DECOMPRESSED_MAX];
};

static void use(struct reading *r, const struct ese_column *column, struct bytes run)
{
    struct ese_text text = {.code_page = column->code_page};
    struct bytes part = run;
    if (part.size > 512)
        part.size = 512;
    char *utf8 = malloc(ESE_TEXT_GROWTH * part.size + ESE_TEXT_CARRY);
    expect(utf8 != NULL);
    size_t n = ese_text_convert(&text, part, utf8);
    expect(n <= ESE_TEXT_GROWTH * part.size + ESE_TEXT_CARRY);
    ese_text_end(&text, utf8);
    free(utf8);
    uint8_t sum = 0;
    for (size_t i = 0; i < run.size; i++) /* every byte is there to be read */
        sum ^= run.at[i];
    r->unpacked[0] = sum;
}

static void read_long(struct reading *r, const struct ese_column *column,
                      const struct ese_value *value)
{
    struct fault f = {.code = FAULT_NONE};
    struct bytes run;
    bool ok = ese_lv_open(&r->lv, r->db->pages, r->table, value, &f);
    expect(ok || f.code != FAULT_NONE);
    while (ok && r->lv.at < r->lv.root.size) {
        uint32_t before = r->lv.at;
        f.code = FAULT_NONE;
        if (ese_lv_next(&r->lv, &run, &f)) {
            expect(run.size == r->lv.at - before && run.size > 0);
            use(r, column, run);
        } else {
            expect(f.code != FAULT_NONE);
            ok = r->lv.at != before; /* a chunk that cannot be unpacked is passed over */
        }
    }
    ese_lv_close(&r->lv);
}

static void read_value(struct reading *r, const struct ese_column *column,
                       const struct ese_value *value)
{
    size_t size;
    r->values++;
    switch (value->kind) {
    case ESE_VALUE_NULL:
        break;
    case ESE_VALUE_PLAIN:
    case ESE_VALUE_ENCRYPTED:
        use(r, column, value->data);
        break;
    case ESE_VALUE_COMPRESSED:
        if (ese_decompress(value->data, r->unpacked, sizeof r->unpacked, &size, NULL))
            use(r, column, bytes_of(r->unpacked, size));
        break;
    case ESE_VALUE_SEPARATED:
        read_long(r, column, value);
        break;
    }
}

static void read_row(struct reading *r, const struct ese_record *record)
{
    for (unsigned i = 0; i < r->table->columns && r->values < VALUES_MOST; i++) {
        struct ese_values values;
        struct ese_value value;
        struct fault f = {.code = FAULT_NONE};
        if (!ese_values_of(&values, record, &r->table->column[i], &f)) {
            expect(f.code == FAULT_DAMAGED);
            continue;
        }
        while (ese_values_next(&values, &value, &f))
            read_value(r, &r->table->column[i], &value);
    }
}

static void read_table(struct reading *r)
{
    struct ese_cursor c;
    ese_cursor_open(&c, r->db->pages, r->table->root, r->table->objid);
    while (r->values < VALUES_MOST) {
        struct fault f = {.code = FAULT_NONE};
        struct ese_record record;
        enum ese_step step = ese_cursor_next(&c, &f);
        r->values++;
        if (step == ESE_STEP_END)
            break;
        if (step == ESE_STEP_NODE && ese_record_on_page(&record, r->table, c.leaf, c.data, &f))
            read_row(r, &record);
        else
            expect(f.code != FAULT_NONE && f.text[0] != '\0');
    }
    ese_cursor_close(&c);
}

static void read_all(struct ese_db *db)
{
    struct reading *r = malloc(sizeof *r);
    expect(r != NULL);
    r->db = db;
    r->values = 0;
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog) && r->values < VALUES_MOST; i++) {
        r->table = ese_catalog_table(db->catalog, i);
        expect(ese_catalog_find(db->catalog, r->table->name) != NULL);
        read_table(r);
    }
    free(r);
}

static void hear(void *context, enum ese_notice notice, const char *text)
{
    (void)context;
    (void)notice;
    expect(text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* exact, for AddressSanitizer */
    struct ese_file *file;
    struct ese_db *db;
    struct fault f = {.code = FAULT_NONE};
    expect(copy != NULL);
    memcpy(copy, data, size);
    if (size % 2 == 0)
        put_sums_right(copy, size);
    expect(ese_file_over(bytes_of(copy, size), &file, &f));
    if (ese_db_open_file(file, hear, NULL, &db, &f)) {
        read_all(db);
        ese_db_close(db);
    } else {
        expect(f.code != FAULT_NONE && f.text[0] != '\0');
    }
    free(copy);
    return 0;
}
