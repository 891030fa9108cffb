/* Which rows are kept to be tried: evenly spaced ones, however many there are. */
#include "migrate/judge/trials.h"
#include "tests/check_main.h"

enum { SEED = 1, TABLES = 40, ROWS_MOST = 100000, RECORD_HEADER = 4 };

/* A row that holds its own number, in the one column that there is. */
struct numbered {
    uint8_t fixed[RECORD_HEADER + 4], null_bits[1];
    struct ese_table table;
    struct ese_column column;
    struct rows rows;
};

static void open_rows(struct numbered *n)
{
    *n = (struct numbered){
        .column = {.name = "Number", .id = 1, .type = ESE_COL_LONG, .offset = RECORD_HEADER}};
    n->rows.table = &n->table;
    n->rows.record = (struct ese_record){.table = &n->table,
                                         .fixed = bytes_of(n->fixed, sizeof n->fixed),
                                         .null_bits = bytes_of(n->null_bits, 1),
                                         .last_fixed = 1};
}

static uint32_t number_of(const struct trial *t, unsigned i)
{
    return bytes_get_le32(buffer_bytes(&t->row[i].der), 0);
}

/* Each step-th of the kind, from the first to the last. */
static void judge(const struct trial *t, const uint32_t *of_kind, uint32_t count)
{
    ck_assert_uint_eq(t->seen, count);
    ck_assert_uint_eq(t->count, (count + t->step - 1) / t->step);
    ck_assert(t->step == 1 || t->count >= t->most / 2);
    ck_assert_uint_le(t->count, t->most);
    for (unsigned i = 0; i < t->count; i++) {
        ck_assert_uint_eq(number_of(t, i), of_kind[i * t->step]);
        ck_assert_uint_eq(t->row[i].entry, of_kind[i * t->step] % 7);
    }
}

START_TEST(rows_are_evenly_spaced)
{
    static uint32_t all[ROWS_MOST], named[ROWS_MOST];
    struct numbered n;
    struct buffer room = {0};
    open_rows(&n);
    srand(SEED);
    for (unsigned i = 0; i < TABLES; i++) {
        struct trials *trials = trials_open();
        uint32_t count = (uint32_t)rand() % (i % 2 ? ROWS_MOST : 1500), duplicates = 0;
        for (uint32_t row = 0; row < count; row++) {
            bool duplicate = rand() % 3 == 0;
            bytes_put_le32(n.fixed + RECORD_HEADER, row);
            all[row] = row;
            if (duplicate)
                named[duplicates++] = row;
            ck_assert(trials_take(trials, &n.rows, &n.column, row % 7, duplicate, &room, NULL));
        }
        judge(&trials->spaced, all, count);
        judge(&trials->at_duplicates, named, duplicates);
        trials_close(trials);
    }
    buffer_free(&room);
}
END_TEST

START_TEST(what_is_no_value_is_passed_over)
{
    struct numbered n;
    struct buffer room = {0};
    struct trials *trials = trials_open();
    open_rows(&n);
    n.null_bits[0] = 1;
    ck_assert(trials_take(trials, &n.rows, &n.column, 0, true, &room, NULL));
    n.null_bits[0] = 0;
    n.rows.record.fixed.size = 2; /* the value is cut */
    ck_assert(trials_take(trials, &n.rows, &n.column, 0, true, &room, NULL));
    ck_assert_uint_eq(trials->spaced.count + trials->at_duplicates.count, 0);
    ck_assert_uint_eq(n.rows.unread, 0);
    trials_close(trials);
}
END_TEST

int main(void)
{
    return check_main("trials", (const struct check_case[]){
                                    {rows_are_evenly_spaced, 0},
                                    {what_is_no_value_is_passed_over, 0},
                                    {0},
                                });
}
