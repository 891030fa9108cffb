/*
 * Values of a row that a plan changes: each column takes the numbers that fit it and no other, and
 * two actions do not give one column two values.
 */
#include "migrate/repair/plan_editor_parts.h"
#include "migrate/repair/plan_settings.h"
#include "tests/migrate/judged.h"

static const struct {
    enum ese_coltype type;
    int32_t number;
    bool fits;
} numbers[] = {
    {ESE_COL_UNSIGNED_BYTE, 0, true},        {ESE_COL_UNSIGNED_BYTE, UINT8_MAX, true},
    {ESE_COL_UNSIGNED_BYTE, -1, false},      {ESE_COL_UNSIGNED_BYTE, UINT8_MAX + 1, false},
    {ESE_COL_SHORT, INT16_MIN, true},        {ESE_COL_SHORT, INT16_MAX, true},
    {ESE_COL_SHORT, INT16_MIN - 1, false},   {ESE_COL_SHORT, INT16_MAX + 1, false},
    {ESE_COL_UNSIGNED_SHORT, 0, true},       {ESE_COL_UNSIGNED_SHORT, UINT16_MAX, true},
    {ESE_COL_UNSIGNED_SHORT, -1, false},     {ESE_COL_UNSIGNED_SHORT, UINT16_MAX + 1, false},
    {ESE_COL_LONG, INT32_MIN, true},         {ESE_COL_LONG, INT32_MAX, true},
    {ESE_COL_UNSIGNED_LONG, 0, true},        {ESE_COL_UNSIGNED_LONG, INT32_MAX, true},
    {ESE_COL_UNSIGNED_LONG, -1, false},      {ESE_COL_CURRENCY, INT32_MIN, true},
    {ESE_COL_LONG_LONG, INT32_MIN, true},    {ESE_COL_UNSIGNED_LONG_LONG, 0, true},
    {ESE_COL_UNSIGNED_LONG_LONG, -1, false}, {ESE_COL_GUID, 1, false},
    {ESE_COL_LONG_BINARY, 1, false},
};

START_TEST(a_number_in_a_column)
{
    const struct ese_column column = {.name = "Any", .type = numbers[_i].type};
    struct plan_editor a = {.model = NULL};
    struct ese_row_edit edit = {.changes = 0};
    struct fault f = {.code = FAULT_NONE};
    uint64_t bits = (uint64_t)(int64_t)numbers[_i].number;
    bool fits = editor_put_integer(&a, &edit, &column, numbers[_i].number, &f);
    ck_assert_int_eq(fits, numbers[_i].fits);
    ck_assert_uint_eq(edit.changes, fits);
    if (fits) {
        ck_assert_int_eq(edit.fate, ESE_ROW_CHANGE);
        struct bytes data = edit.change[0].data;
        ck_assert_uint_eq(data.size, ese_coltype_size(column.type));
        ck_assert_uint_eq(bytes_number(data),
                          data.size < 8 ? bits & ((1ull << 8 * data.size) - 1) : bits);
    } else {
        ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(f.text, "Any"));
    }
    arena_free(&a.row);
}
END_TEST

START_TEST(a_date_in_a_column)
{
    static const struct ese_column date = {.name = "Since", .type = ESE_COL_DATE_TIME},
                                   narrow = {.name = "Byte", .type = ESE_COL_UNSIGNED_BYTE};
    struct plan_editor a = {.model = NULL};
    struct ese_row_edit edit = {.changes = 0};
    struct fault f = {.code = FAULT_NONE};
    double days = 36433.5, read = 0;
    ck_assert(editor_put_date(&a, &edit, &date, days, &f));
    ck_assert_uint_eq(edit.change[0].data.size, sizeof read);
    memcpy(&read, edit.change[0].data.at, sizeof read);
    ck_assert(read == days);
    ck_assert(!editor_put_date(&a, &edit, &narrow, days, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "column Byte cannot hold a date"));
    f = (struct fault){.code = FAULT_NONE};
    ck_assert(!editor_put_date(&a, &edit, NULL, days, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    ck_assert_uint_eq(edit.changes, 1);
    arena_free(&a.row);
}
END_TEST

START_TEST(one_value_for_each_column)
{
    static struct ese_column column[ESE_EDIT_CHANGES_MOST + 1];
    struct plan_editor a = {.model = NULL};
    struct ese_row_edit edit = {.changes = 0};
    struct fault f = {.code = FAULT_NONE};
    for (unsigned i = 0; i <= ESE_EDIT_CHANGES_MOST; i++)
        column[i] = (struct ese_column){.name = "Any", .type = ESE_COL_LONG};
    for (unsigned i = 0; i < ESE_EDIT_CHANGES_MOST; i++)
        ck_assert(editor_put_integer(&a, &edit, &column[i], (int32_t)i, &f));
    ck_assert_uint_eq(edit.changes, ESE_EDIT_CHANGES_MOST);
    for (unsigned i = 0; i < edit.changes; i++) {
        ck_assert_ptr_eq(edit.change[i].column, &column[i]);
        ck_assert_uint_eq(bytes_number(edit.change[i].data), i);
    }
    ck_assert(editor_put_integer(&a, &edit, &column[7], 7, &f)); /* it says the same once more */
    ck_assert(!editor_put_integer(&a, &edit, &column[7], 8, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    ck_assert(!editor_put_integer(&a, &edit, &column[ESE_EDIT_CHANGES_MOST], 8, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    ck_assert(!editor_put_value(&edit, &edit.change[0], &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    ck_assert_uint_eq(edit.changes, ESE_EDIT_CHANGES_MOST);
    edit.changes--;
    ck_assert(editor_put_value(&edit, &edit.change[0], &f));
    ck_assert_uint_eq(edit.changes, ESE_EDIT_CHANGES_MOST);
    arena_free(&a.row);
}
END_TEST

/* ---- whole plans ---- */

static const char store[] = "[store]\nseed = values\nmode = V1\nissuing-ca = own\n"
                            "[certificate own]\nversion = 1\nsubject = O=Trey Research, CN=KM\n"
                            "[entry 1]\ncertificate = own\nrole = own\n";

START_TEST(a_setting_is_set_once)
{
    struct action action[ACTION_KINDS + 1];
    struct fault f = {.code = FAULT_NONE};
    struct plan plan = {.action = action};
    struct assessment a;
    enum action_kind kind = 0;
    judged(store, NULL, &a);
    while (action_effect(kind) != EFFECT_SETTING)
        kind++;
    for (; plan.actions < ARRAY_SIZE(action); plan.actions++)
        action[plan.actions] = (struct action){.kind = kind};
    ck_assert_ptr_null(plan_editor_open(&a.model, &plan, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "sets a setting more than once"));
    plan.actions--;
    struct plan_editor *editor = plan_editor_open(&a.model, &plan, &f);
    ck_assert_ptr_nonnull(editor);
    plan_editor_close(editor);
    assess_close(&a);
}
END_TEST

/* A mode that is written as a number, in columns of some size. */
static const struct {
    enum ese_coltype type;
    const char *word;
    int64_t value; /* -1: the column cannot hold it */
} modes[] = {
    {ESE_COL_BIT, "0", 0},
    {ESE_COL_BIT, "1", UINT8_MAX},
    {ESE_COL_BIT, "2", -1},
    {ESE_COL_UNSIGNED_BYTE, "255", 255},
    {ESE_COL_UNSIGNED_BYTE, "256", -1},
    {ESE_COL_SHORT, "32767", 32767},
    {ESE_COL_SHORT, "32768", -1},
    {ESE_COL_UNSIGNED_SHORT, "65535", 65535},
    {ESE_COL_UNSIGNED_SHORT, "65536", -1},
    {ESE_COL_UNSIGNED_SHORT, "-1", -1},
    {ESE_COL_LONG, "2147483648", -1},
    {ESE_COL_LONG_LONG, "2147483648", INT64_C(1) << 31},
};

START_TEST(a_mode_in_a_column)
{
    static char table[] = "Params", word[16];
    static struct profile profile;
    const struct model m = {.profile = &profile};
    const struct ese_column column = {.name = "Mode", .type = modes[_i].type};
    const struct action action = {.kind = ACTION_SET_MODE, .mode = MODE_V3};
    struct buffer to = {0};
    struct fault f = {.code = FAULT_NONE};
    snprintf(word, sizeof word, "%s", modes[_i].word);
    profile.setting[SETTING_MODE].table = table;
    profile.setting[SETTING_MODE].mode[2] = word;
    ck_assert_int_eq(plan_setting_value(&m, &action, &column, &to, &f), modes[_i].value >= 0);
    if (modes[_i].value >= 0) {
        ck_assert_uint_eq(to.size, ese_coltype_size(modes[_i].type));
        ck_assert_int_eq((int64_t)bytes_number(buffer_bytes(&to)), modes[_i].value);
    } else {
        ck_assert_ptr_nonnull(strstr(f.text, "Mode"));
    }
    buffer_free(&to);
}
END_TEST

START_TEST(a_row_keeps_its_key)
{
    struct ese_column column[] = {{.id = 1, .name = "Id", .type = ESE_COL_LONG},
                                  {.id = 2, .name = "Value", .type = ESE_COL_LONG}};
    struct ese_key_segment segment = {.column = 1};
    struct ese_index index = {.root = 5, .name = "pk", .segments = 1, .flags = ESE_INDEX_PRIMARY};
    struct ese_table table = {.name = "Things", .root = 5, .columns = 2, .column = column};
    struct ese_record record = {.table = &table};
    struct ese_row_edit edit = {.changes = 1};
    struct plan plan = {.actions = 0};
    struct fault f = {.code = FAULT_NONE};
    struct assessment a;
    judged(store, NULL, &a);
    index.segment[0] = segment;
    table.index = &index;
    table.indexes = 1;
    struct plan_editor *editor = plan_editor_open(&a.model, &plan, &f);
    ck_assert_ptr_nonnull(editor);
    const struct ese_editor *rows = plan_editor_rows(editor);
    edit.change[0].column = &column[1];
    ck_assert(rows->row(rows->context, &table, &record, bytes_of("key", 3), 0, &edit, &f));
    edit.change[0].column = &column[0];
    ck_assert(!rows->row(rows->context, &table, &record, bytes_of("key", 3), 0, &edit, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "column Id is a part of the primary key of table Things"));
    plan_editor_close(editor);
    assess_close(&a);
}
END_TEST

int main(void)
{
    return judged_main("plan_values", (const struct check_case[]){
                                          {a_number_in_a_column, ARRAY_SIZE(numbers)},
                                          {a_date_in_a_column, 0},
                                          {one_value_for_each_column, 0},
                                          {a_setting_is_set_once, 0},
                                          {a_mode_in_a_column, ARRAY_SIZE(modes)},
                                          {a_row_keeps_its_key, 0},
                                          {0},
                                      });
}
