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
    static const struct bytes each[2];
    struct fault f = {.code = FAULT_NONE};
    const struct {
        struct expected_value one, other;
    } pair[] = {
        {{.kind = EXPECTED_TRUTH, .truth = true}, {.kind = EXPECTED_TRUTH}},
        {{.kind = EXPECTED_DATE, .days = 36000.5}, {.kind = EXPECTED_DATE, .days = 36000.25}},
        {{.kind = EXPECTED_BYTES, .bytes = bytes_of(bytes, 2)},
         {.kind = EXPECTED_BYTES, .bytes = bytes_of(others, 2)}},
        {{.kind = EXPECTED_TEXT, .text = "one"}, {.kind = EXPECTED_TEXT, .text = "other"}},
        {{.kind = EXPECTED_TEXT, .text = "one"}, {.kind = EXPECTED_TEXT}},
        {{.kind = EXPECTED_INTEGER, .number = 1}, {.kind = EXPECTED_INTEGER, .number = 2}},
        {{.kind = EXPECTED_INTEGER, .number = 1}, {.kind = EXPECTED_TRUTH, .number = 1}},
        {{.kind = EXPECTED_EACH, .each = each, .count = 1},
         {.kind = EXPECTED_EACH, .each = each + 1, .count = 1}},
        {{.kind = EXPECTED_EACH, .each = each, .count = 1},
         {.kind = EXPECTED_EACH, .each = each, .count = 2}},
        {{.kind = EXPECTED_LIST}, {.kind = EXPECTED_LIST, .part = 1}},
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

/* ---- whole plans ---- */

static struct profile profile = {.references = 1};
static struct model_certificate certificate[3];
static struct model_entry entry[3];
static struct model model = {.profile = &profile,
                             .match = PROFILE_MATCHES_ROWS,
                             .certificate = certificate,
                             .certificates = 3,
                             .entry = entry,
                             .entries = 3};

/* Entries 1, 2 and 3, each of its own certificate. */
static void make_model(enum profile_names names)
{
    profile.reference[0].names = names;
    for (unsigned i = 0; i < 3; i++) {
        certificate[i].sha1[0] = (uint8_t)(9 - i);
        entry[i] = (struct model_entry){.key = (int32_t)i + 1, .certificate = i};
    }
}

/* Is the plan one that can be verified?  Else the fault says so. */
static bool opens(const struct plan *plan, struct fault *f)
{
    *f = (struct fault){.code = FAULT_NONE};
    struct expected *x = expected_open(&model, plan, f);
    expected_close(x);
    ck_assert_int_eq(x == NULL, f->code != FAULT_NONE);
    return x != NULL;
}

/* References that name a hash go to the certificate of an entry that stays. */
START_TEST(references_go_to_what_stays)
{
    static const enum action_kind moves[] = {ACTION_MOVE_REFERENCES, ACTION_MOVE_REFERENCE};
    static const enum profile_names names[] = {NAMES_SHA1, NAMES_SHA1_HEX, NAMES_KEY};
    struct fault f;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct action action[] = {{.kind = ACTION_DROP_ENTRY, .entry = 2, .other = 1},
                                  {.kind = moves[_i], .entry = 2, .other = 1}};
        const struct plan plan = {.action = action, .actions = 2};
        make_model(names[i]);
        for (unsigned to = 0; to < 3; to++) {
            action[1].certificate = to;
            bool good = to != 1 || names[i] == NAMES_KEY;
            ck_assert_int_eq(opens(&plan, &f), good);
            ck_assert(good || strstr(f.text, "to a certificate that does not stay"));
        }
        entry[2].certificate = 1; /* another entry has it, and stays */
        action[1].certificate = 1;
        ck_assert(opens(&plan, &f));
    }
}
END_TEST

START_TEST(actions_of_what_is_not_there)
{
    struct action action[] = {{.kind = ACTION_SET_TRUST, .entry = 4}};
    const struct plan plan = {.action = action, .actions = 1};
    struct fault f;
    make_model(NAMES_KEY);
    ck_assert(!opens(&plan, &f) && strstr(f.text, "entry 4, which is not there"));
    action[0].entry = 3;
    ck_assert(opens(&plan, &f));
    action[0].twin = 1;
    ck_assert(!opens(&plan, &f));
    entry[2] = (struct model_entry){.key = 2, .twin = 1};
    action[0].entry = 2;
    ck_assert(opens(&plan, &f));
    action[0].twin = 2;
    ck_assert(!opens(&plan, &f));
    action[0].kind = ACTION_MOVE_REFERENCES; /* they name both */
    ck_assert(opens(&plan, &f));
}
END_TEST

START_TEST(a_few_settings)
{
    struct action action[SETTINGS_MOST + 1];
    struct plan plan = {.action = action, .actions = 0};
    struct fault f;
    make_model(NAMES_KEY);
    for (unsigned i = 0; i < ARRAY_SIZE(action); i++)
        action[i] = (struct action){.kind = i % 2 ? ACTION_SET_MODE : ACTION_SET_ISSUING_CA};
    plan.actions = SETTINGS_MOST;
    ck_assert(opens(&plan, &f));
    plan.actions++;
    ck_assert(!opens(&plan, &f) && f.code == FAULT_LIMIT);
}
END_TEST

/* A list in pieces, cut as it was: the first ones are left, and no others. */
static const struct {
    int32_t order[5];
    size_t pieces, size;
    const char *wrong;
} cuts[] = {
    {{0, 2}, 2, 10, "a piece of the list before piece 2 is missing"},
    {{1}, 1, 10, "a piece of the list before piece 1 is missing"},
    {{0, 1, 2, 3}, 4, 10, "a piece of the list before piece 3 is missing"},
    {{0, 1, 2}, 3, 8, "expected pieces of 10 bytes, found 8"},
};

START_TEST(pieces_are_cut_as_they_were)
{
    static char join[] = "Part";
    static const uint8_t bytes[10];
    static struct profile in_pieces;
    static struct model of_pieces;
    struct buffer whole = {0};
    struct fault f = {.code = FAULT_NONE};
    struct pieces *old = &of_pieces.value[0].pieces;
    struct expected x = {.model = &of_pieces, .is_value = true, .list_changes = {true}};
    in_pieces.value[0].join = join;
    of_pieces.profile = &in_pieces;
    for (int32_t i = 0; i < 3; i++)
        ck_assert(pieces_add(old, i, (uint64_t)i + 1, bytes_of(bytes, sizeof bytes)));
    ck_assert(pieces_join(old, &whole, &f));
    for (size_t i = 0; i < cuts[_i].pieces; i++) {
        x.piece = cuts[_i].order[i];
        ck_assert(expected_piece(&x, bytes_of(bytes, cuts[_i].size), &f));
    }
    ck_assert(!expected_end(&x, &f));
    ck_assert_msg(strstr(f.text, cuts[_i].wrong) != NULL, "%s", f.text);
    pieces_free(old);
    buffer_free(&whole);
}
END_TEST

int main(void)
{
    return check_main("expected", (const struct check_case[]){
                                      {as_many_values_as_there_is_room_for, 0},
                                      {values_that_contradict, 0},
                                      {same_values_of_each_kind, 0},
                                      {references_go_to_what_stays, 2},
                                      {actions_of_what_is_not_there, 0},
                                      {a_few_settings, 0},
                                      {pieces_are_cut_as_they_were, ARRAY_SIZE(cuts)},
                                      {0},
                                  });
}
