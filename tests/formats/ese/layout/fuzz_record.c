/*
 * Fuzz target: any bytes as a record.  The first byte chooses format, page size and table; every
 * column is read from the rest.
 */
#include "formats/ese/layout/record.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t given[] = {0xaa, 0xbb};

static struct ese_column plain_columns[] = {
    {.id = 1, .name = "Number", .type = ESE_COL_LONG, .offset = 4},
    {.id = 2, .name = "Small", .type = ESE_COL_SHORT, .offset = 8},
    {.id = 3, .name = "Guid", .type = ESE_COL_GUID, .offset = 10},
    {.id = 9, .name = "Code", .type = ESE_COL_BINARY, .offset = 26, .size = 3},
    {.id = 10, .name = "Far", .type = ESE_COL_BIT, .offset = UINT16_MAX},
    {.id = 11, .name = "Large", .type = ESE_COL_BINARY, .offset = 4, .size = UINT32_MAX},
    {.id = 127, .name = "Last", .type = ESE_COL_BIT, .offset = 4, .default_value = {given, 1}},
    {.id = 128, .name = "Name", .type = ESE_COL_TEXT},
    {.id = 129, .name = "Hash", .type = ESE_COL_BINARY},
    {.id = 255, .name = "Later", .type = ESE_COL_TEXT, .default_value = {given, 2}},
    {.id = 256, .name = "Blob", .type = ESE_COL_LONG_BINARY},
    {.id = 257, .name = "Memo", .type = ESE_COL_LONG_TEXT},
    {.id = 258, .name = "Counts", .type = ESE_COL_LONG},
    {.id = 300, .name = "Given", .type = ESE_COL_BINARY, .default_value = {given, 2}},
};

static struct ese_column derived_columns[] = {
    {.id = 256, .name = "TheirBlob", .type = ESE_COL_LONG_BINARY, .from_template = true},
    {.id = 257, .name = "TheirMemo", .type = ESE_COL_LONG_TEXT, .from_template = true},
    {.id = 256, .name = "OwnBlob", .type = ESE_COL_LONG_BINARY},
    {.id = 258, .name = "OwnMemo", .type = ESE_COL_LONG_TEXT},
};

static const struct ese_table tables[] = {
    {.name = "Plain", .columns = COUNT(plain_columns), .column = plain_columns},
    {.name = "Derived",
     .template_name = "Template",
     .columns = COUNT(derived_columns),
     .column = derived_columns},
    {.name = "Derived97",
     .template_name = "Template",
     .first_own_tagged = 258,
     .columns = COUNT(derived_columns),
     .column = derived_columns},
};

static void expect(bool condition)
{
    if (!condition)
        abort();
}

/* A value is a part of the record, or the column's default. */
static void expect_inside(struct bytes record, const struct ese_column *column,
                          const struct ese_value *value)
{
    if (value->from_default)
        expect(value->data.at == column->default_value.at);
    else if (value->data.size > 0)
        expect(value->data.at >= record.at &&
               value->data.at + value->data.size <= record.at + record.size);
    if (value->kind == ESE_VALUE_SEPARATED)
        expect(value->data.size == (value->wide_lid ? 8 : 4));
}

static void read_column(const struct ese_record *record, const struct ese_column *column)
{
    struct ese_values values;
    struct ese_value value, first;
    struct fault f = {.code = FAULT_NONE};
    if (!ese_values_of(&values, record, column, &f)) {
        expect(f.code == FAULT_DAMAGED);
        return;
    }
    unsigned count = 0;
    while (ese_values_next(&values, &value, &f)) {
        expect_inside(record->whole, column, &value);
        count++;
        expect(count <= record->whole.size / 2 + 1);
        expect(count == 1 || column->id >= ESE_TAGGED_FIRST);
    }
    expect(f.code == FAULT_NONE || f.code == FAULT_DAMAGED);
    expect(count > 0 || f.code == FAULT_DAMAGED);
    expect(ese_record_value(record, column, &first, &f) == (count > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    static const size_t page_sizes[] = {2048, 4096, 8192, 16384, 32768};
    bool new_format = data[0] & 1;
    size_t page_size = page_sizes[data[0] / 2 % 5];
    const struct ese_table *table = &tables[data[0] / 10 % 3];
    size--;
    uint8_t *copy = malloc(size ? size : 1); /* exact, for AddressSanitizer */
    expect(copy != NULL);
    memcpy(copy, data + 1, size);
    struct ese_record record;
    struct fault f = {.code = FAULT_NONE};
    if (ese_record_open(&record, table, bytes_of(copy, size), new_format, page_size, &f)) {
        for (unsigned i = 0; i < table->columns; i++)
            read_column(&record, &table->column[i]);
    } else {
        expect(f.code == FAULT_DAMAGED && f.text[0] != '\0');
    }
    free(copy);
    return 0;
}
