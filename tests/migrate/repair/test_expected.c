/*
 * What a row is expected to be: a value for each column, once; two that contradict each other, and
 * more than can be looked after, are refused.
 */
#include "migrate/repair/expected_parts.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <string.h>

static struct ese_column column[EXPECTED_MOST + 1];

static struct expected_value value_of(unsigned i)
{
    return (struct expected_value){
        .column = &column[i], .kind = EXPECTED_INTEGER, .number = (int32_t)i};
}

START_TEST(as_many_values_as_there_is_room_for)
{
    struct expected_row row = {.values = 0};
    struct fault f = {.code = FAULT_NONE};
    for (unsigned i = 0; i < EXPECTED_MOST; i++) {
        const struct expected_value value = value_of(i);
        ck_assert(expected_put(&row, &value, &f));
        ck_assert_uint_eq(row.values, i + 1);
        ck_assert_ptr_eq(row.value[i].column, &column[i]);
    }
    const struct expected_value one_more = value_of(EXPECTED_MOST), again = value_of(7);
    ck_assert(!expected_put(&row, &one_more, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    ck_assert(expected_put(&row, &again, &f)); /* it says the same once more */
    ck_assert_uint_eq(row.values, EXPECTED_MOST);
}
END_TEST

START_TEST(values_that_contradict)
{
    static const uint8_t bytes[] = {1, 2};
    struct expected_row row = {.values = 0};
    struct fault f = {.code = FAULT_NONE};
    column[3].name = "Role";
    struct expected_value value = value_of(3);
    ck_assert(expected_put(&row, &value, &f));
    value.number = 4;
    ck_assert(!expected_put(&row, &value, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "Role"));
    value = (struct expected_value){
        .column = &column[3], .kind = EXPECTED_BYTES, .bytes = bytes_of(bytes, sizeof bytes)};
    ck_assert(!expected_put(&row, &value, &f));
    ck_assert_uint_eq(row.values, 1);
    value.column = NULL;
    f = (struct fault){.code = FAULT_NONE};
    ck_assert(!expected_put(&row, &value, &f));
    ck_assert_int_eq(f.code, FAULT_DAMAGED);
}
END_TEST

START_TEST(same_values_of_each_kind)
{
    static const uint8_t bytes[] = {1, 2}, others[] = {1, 3};
    struct fault f = {.code = FAULT_NONE};
    const struct {
        struct expected_value one, other;
    } pair[] = {
        {{.kind = EXPECTED_TRUTH, .truth = true}, {.kind = EXPECTED_TRUTH}},
        {{.kind = EXPECTED_DATE, .days = 36000.5}, {.kind = EXPECTED_DATE, .days = 36000.25}},
        {{.kind = EXPECTED_BYTES, .bytes = bytes_of(bytes, 2)},
         {.kind = EXPECTED_BYTES, .bytes = bytes_of(others, 2)}},
        {{.kind = EXPECTED_TEXT, .text = "one"}, {.kind = EXPECTED_TEXT, .text = "other"}},
    };
    column[0].name = "Any";
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct expected_row row = {.values = 0};
        struct expected_value one = pair[i].one, other = pair[i].other;
        one.column = other.column = &column[0];
        ck_assert(expected_put(&row, &one, &f) && expected_put(&row, &one, &f));
        ck_assert(!expected_put(&row, &other, &f));
        ck_assert_uint_eq(row.values, 1);
    }
}
END_TEST

int main(void)
{
    return check_main("expected", (const struct check_case[]){
                                      {as_many_values_as_there_is_room_for, 0},
                                      {values_that_contradict, 0},
                                      {same_values_of_each_kind, 0},
                                      {0},
                                  });
}
