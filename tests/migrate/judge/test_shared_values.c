/*
 * Many rows that refer to one long value: a small file, whose model must be small, too.
 */
#include "formats/ese/build/build.h"
#include "migrate/decide/assess.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

enum { ROWS = 400, VALUE_SIZE = 512 * 1024, IN_USE_MOST = 24 * 1024 * 1024 };

static struct ese_index list_index = {.name = "EntryPk",
                                      .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE |
                                               ESE_INDEX_NO_NULL_SEGMENT,
                                      .segments = 1,
                                      .segment = {{.column = 1}}};

static struct ese_column list_columns[] = {
    {.name = "EntryId", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "Role", .type = ESE_COL_LONG},
    {.name = "Trusted", .type = ESE_COL_BIT},
    {.name = "Thumbprint", .type = ESE_COL_LONG_BINARY},
    {.name = "Name", .type = ESE_COL_LONG_TEXT, .code_page = ESE_CODEPAGE_WESTERN},
    {.name = "Certificate", .type = ESE_COL_LONG_BINARY},
};

static struct ese_column setting_columns[] = {
    {.name = "SettingId", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "Name", .type = ESE_COL_TEXT, .code_page = ESE_CODEPAGE_WESTERN},
    {.name = "Value", .type = ESE_COL_LONG_BINARY},
};

static struct ese_column crl_columns[] = {
    {.name = "CrlId", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "IssuerEntry", .type = ESE_COL_LONG},
    {.name = "Crl", .type = ESE_COL_LONG_BINARY},
};

static const struct shape {
    const char *table;
    struct ese_column *column;
    unsigned columns, shared; /* shared: that many last columns refer to the one long value */
} shapes[] = {
    {"CertificateList", list_columns, ARRAY_SIZE(list_columns), 3},
    {"Configuration", setting_columns, ARRAY_SIZE(setting_columns), 1},
    {"RevocationLists", crl_columns, ARRAY_SIZE(crl_columns), 1},
};

/* All other columns have the row's number, a text "Organization". */
static void add_table(struct ese_build *build, const struct shape *shape)
{
    static uint8_t value[VALUE_SIZE];
    struct fault f = {.code = FAULT_NONE};
    const struct ese_table schema = {.name = shape->table,
                                     .columns = shape->columns,
                                     .column = shape->column,
                                     .indexes = 1,
                                     .index = &list_index};
    struct ese_build_table *t;
    uint64_t lid;
    memset(value, 'v', sizeof value);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &f), "%s", f.text);
    const struct ese_table *s = ese_build_schema(t);
    ck_assert_msg(
        ese_build_long_value(t, ROWS * shape->shared, bytes_of(value, sizeof value), &lid, &f),
        "%s", f.text);
    for (uint32_t row = 1; row <= ROWS; row++) {
        struct ese_build_value values[8] = {{.column = NULL}};
        uint8_t number[4];
        bytes_put_le32(number, row);
        for (unsigned i = 0; i < shape->columns; i++) {
            values[i].column = ese_table_column(s, shape->column[i].name);
            values[i].data = shape->column[i].type == ESE_COL_BIT ? bytes_of(number, 1)
                             : shape->column[i].type == ESE_COL_TEXT
                                 ? bytes_of((const uint8_t *)"Organization", 12)
                                 : bytes_of(number, 4);
            if (i >= shape->columns - shape->shared)
                values[i].lid = lid;
        }
        ck_assert_msg(ese_build_row(t, values, shape->columns, &f), "%s", f.text);
    }
    ck_assert_msg(ese_build_table_end(t, &f), "%s", f.text);
}

static const char profile[] = "[profile]\nname = shared\n"
                              "[list]\ntable = CertificateList\nkey = EntryId\n"
                              "certificate = Certificate\nthumbprint = Thumbprint\nrole = Role\n"
                              "role-own = 1\nrole-issuing = 2\nrole-imported = 3\n"
                              "trusted = Trusted\nname = Name\n"
                              "[settings]\ntable = Configuration\nname = Name\nvalue = Value\n"
                              "mode = IssueMode\norganization = Organization\n"
                              "[revocation-lists]\ntable = RevocationLists\ncolumn = Crl\n"
                              "[reference.1]\ntable = RevocationLists\ncolumn = IssuerEntry\n"
                              "key = CrlId\nproves = Crl\nkind = revocation-list\n";

static void write_profile(char *path)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, profile, sizeof profile - 1), sizeof profile - 1);
    close(fd);
}

START_TEST(memory_is_bounded_by_distinct_values)
{
    char path[] = "/tmp/kmmigrate-test-shared-XXXXXX", names[] = "/tmp/kmmigrate-test-names-XXXXXX";
    struct fault f = {.code = FAULT_NONE};
    int fd = mkstemp(path);
    const struct ese_build_options how = {.descriptor = fd, .revision = 0x14, .page_size = 4096};
    struct assess_options options = {.reading = {.profile = names}};
    struct ese_build *build;
    struct assessment a;
    ck_assert_msg(fd >= 0 && ese_build_start(&how, &build, &f), "%s", f.text);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
        add_table(build, &shapes[i]);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
    close(fd);
    write_profile(names);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    ck_assert_int_eq(assess(&a, path, &options, NULL), EXIT_CLEAN);
    size_t in_use = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    ck_assert_uint_eq(a.model.entries, ROWS);
    ck_assert_msg(in_use < IN_USE_MOST, "%zu bytes in use, expected at most %u", in_use,
                  IN_USE_MOST);
    assess_close(&a);
    unlink(path);
    unlink(names);
}
END_TEST

int main(void)
{
    return check_main("shared values", (const struct check_case[]){
                                           {memory_is_bounded_by_distinct_values, 0},
                                           {0},
                                       });
}
