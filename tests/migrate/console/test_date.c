/* Dates of DateTime columns: which bytes are one, and which only look like it. */
#include "migrate/console/date.h"
#include "tests/check_main.h"

static const struct example {
    double days;
    const char *text; /* NULL: no date */
} examples[] = {
    {0, "1899-12-30T00:00:00"},
    {-0.0, "1899-12-30T00:00:00"},
    {0.5, "1899-12-30T12:00:00"},
    {-0.25, "1899-12-30T06:00:00"},
    {-1.25, "1899-12-29T06:00:00"},
    {36526, "2000-01-01T00:00:00"},
    {36526.999999999, "2000-01-02T00:00:00"},
    {36585.5 + 1.0 / 86400000, "2000-02-29T12:00:00.001"},
    {1.0 / 86400000, "1899-12-30T00:00:00.001"},
    {-657434, "0100-01-01T00:00:00"},
    {-328717, "0999-12-31T00:00:00"},
    {2958465, "9999-12-31T00:00:00"},
    {-657435, NULL},
    {2958466, NULL},
    {1e-9, NULL},
    {-1e-9, NULL},
    {4.9e-324, NULL},
    {1e300, NULL},
    {(double)INFINITY, NULL},
    {(double)NAN, NULL},
};

START_TEST(bytes_are_a_date_or_none)
{
    const struct example *x = &examples[_i];
    char text[DATE_ROOM] = "";
    uint64_t bits;
    memcpy(&bits, &x->days, sizeof bits);
    ck_assert_msg(date_text(bits, false, text) == (x->text != NULL), "%g: %s", x->days, text);
    if (x->text)
        ck_assert_str_eq(text, x->text);
}
END_TEST

START_TEST(a_filetime_is_a_date_only_where_one_is_known_to_be)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } times[] = {
        {0, "1601-01-01T00:00:00Z"},
        {116444736000000000, "1970-01-01T00:00:00Z"},
        {116444736000000001, "1970-01-01T00:00:00.0000001Z"},
        {132680152412323235, "2021-06-12T23:47:21.2323235Z"},
        {2650467743999999999, "9999-12-31T23:59:59.9999999Z"},
    };
    char text[DATE_ROOM];
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        ck_assert(date_text(times[i].bits, true, text));
        ck_assert_str_eq(text, times[i].text);
        ck_assert(times[i].bits == 0 || !date_text(times[i].bits, false, text));
    }
    ck_assert(!date_text(2650467744000000000, true, text));
    ck_assert(date_text(0x40e1d5c000000000, true, text)); /* a table of the same name */
    ck_assert_str_eq(text, "2000-01-01T00:00:00");
}
END_TEST

START_TEST(columns_with_filetimes_are_known_by_table_and_name)
{
    static const struct {
        const char *table, *column;
        enum ese_coltype type;
        bool is;
    } columns[] = {
        {"CLIENTS", "InsertDate", ESE_COL_DATE_TIME, true},
        {"Clients", "insertdate", ESE_COL_DATE_TIME, true},
        {"Requests", "$SubmittedWhen", ESE_COL_DATE_TIME, true},
        {"Requests", "InsertDate", ESE_COL_DATE_TIME, false},
        {"CLIENTS", "InsertDate", ESE_COL_LONG_LONG, false},
        {"CertificateList", "ImportedOn", ESE_COL_DATE_TIME, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        const struct ese_table table = {.name = columns[i].table};
        const struct ese_column column = {.name = columns[i].column, .type = columns[i].type};
        ck_assert_msg(date_is_filetime(&table, &column) == columns[i].is, "%s.%s", table.name,
                      column.name);
    }
}
END_TEST

int main(void)
{
    return check_main("date", (const struct check_case[]){
                                  {bytes_are_a_date_or_none, ARRAY_SIZE(examples)},
                                  {a_filetime_is_a_date_only_where_one_is_known_to_be, 0},
                                  {columns_with_filetimes_are_known_by_table_and_name, 0},
                                  {0},
                              });
}
