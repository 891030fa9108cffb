/*
 * What options say: times, modes, trust, entries; and what they say that is nothing of the kind.
 */
#include "migrate/decide/options.h"
#include "tests/check_main.h"

/* Seconds by `date -u -d ... +%s`. */
static const struct {
    const char *text;
    bool is_time;
    int64_t seconds;
} times[] = {
    {"1999-12-31", true, 946598400},
    {"1999-12-31Z", true, 946598400},
    {"1999-12-31T23:59:59", true, 946684799},
    {"1999-12-31T23:59:59Z", true, 946684799},
    {"1969-12-31T23:59:59Z", true, -1},
    {"2000-02-29", true, 951782400},
    {"1999-02-29", false, 0},
    {"1999-02-31", false, 0},
    {"1999-04-31T12:00:00Z", false, 0},
    {"1999-12-31T23:59:60Z", false, 0},
    {"1999-12-31T24:00:00Z", false, 0},
    {"1999-12-31T23:59:59+02:00", false, 0},
    {"1999-12-31 ", false, 0},
    {"1999-12-31ZZ", false, 0},
    {"1999-13-01", false, 0},
    {"31.12.1999", false, 0},
    {"", false, 0},
};

START_TEST(a_time)
{
    struct fault f = {.code = FAULT_NONE};
    int64_t at = 77;
    ck_assert_msg(options_time(times[_i].text, &at, &f) == times[_i].is_time, "%s", times[_i].text);
    ck_assert_int_eq(f.code, times[_i].is_time ? FAULT_NONE : FAULT_NOT_THIS);
    ck_assert_int_eq(at, times[_i].is_time ? times[_i].seconds : 77);
}
END_TEST

/* ---- decisions ---- */

static bool read_options(const struct decisions *said, struct plan_options *plan, struct fault *f)
{
    static const struct model model; /* its keys are integers */
    *f = (struct fault){.code = FAULT_NONE};
    bool ok = options_of(&model, said, plan, f);
    ck_assert_int_eq(ok, f->code == FAULT_NONE);
    return ok;
}

static const struct {
    const char *text;
    enum fault_code code;
    int32_t entry;
    bool yes;
} trusts[] = {
    {"4=yes", FAULT_NONE, 4, true},        {"4=no", FAULT_NONE, 4, false},
    {"#4=no", FAULT_NONE, 4, false},       {"-4=yes", FAULT_NONE, -4, true},
    {"4", FAULT_NOT_THIS, 0, false},       {"4=", FAULT_NOT_THIS, 0, false},
    {"4=maybe", FAULT_NOT_THIS, 0, false}, {"4=yes ", FAULT_NOT_THIS, 0, false},
    {"4=no=yes", FAULT_MISSING, 0, false}, {"=yes", FAULT_MISSING, 0, false},
};

START_TEST(trust)
{
    const char *const both[] = {"3=no", trusts[_i].text};
    const struct decisions said = {.trust = both, .trusts = 2};
    struct plan_options plan;
    struct fault f;
    read_options(&said, &plan, &f);
    ck_assert_int_eq(f.code, trusts[_i].code);
    ck_assert_int_eq(plan.trust[0].entry, 3);
    ck_assert(!plan.trust[0].yes);
    if (f.code == FAULT_NONE) {
        ck_assert_uint_eq(plan.trusts, 2);
        ck_assert_int_eq(plan.trust[1].entry, trusts[_i].entry);
        ck_assert_int_eq(plan.trust[1].yes, trusts[_i].yes);
    }
}
END_TEST

START_TEST(entries_and_modes)
{
    const char *const keep[] = {"4", "#5"}, *const drop[] = {"6"}, *const wrong[] = {"6", "six"};
    struct plan_options plan;
    struct fault f;
    ck_assert(read_options(&(struct decisions){.keep = keep, .keeps = 2, .drop = drop, .drops = 1},
                           &plan, &f));
    ck_assert(plan.keeps == 2 && plan.keep[0] == 4 && plan.keep[1] == 5);
    ck_assert(plan.drops == 1 && plan.drop[0] == 6 && plan.trusts == 0);
    ck_assert(plan.to == MODE_UNKNOWN && !plan.drop_superseded);
    ck_assert(!read_options(&(struct decisions){.keep = wrong, .keeps = 2}, &plan, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "--keep: "));
    ck_assert(!read_options(&(struct decisions){.drop = wrong, .drops = 2}, &plan, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "--drop: "));
    ck_assert(read_options(&(struct decisions){.to = "v3"}, &plan, &f) && plan.to == MODE_V3);
    ck_assert(read_options(&(struct decisions){.to = "V1V3"}, &plan, &f) && plan.to == MODE_V1V3);
    ck_assert(!read_options(&(struct decisions){.to = "V1"}, &plan, &f));
    ck_assert(read_options(&(struct decisions){.superseded = "drop"}, &plan, &f));
    ck_assert(plan.drop_superseded);
    ck_assert(read_options(&(struct decisions){.superseded = "keep"}, &plan, &f));
    ck_assert(!plan.drop_superseded);
    ck_assert(!read_options(&(struct decisions){.superseded = "leave"}, &plan, &f));
}
END_TEST

int main(void)
{
    return check_main("options", (const struct check_case[]){
                                     {a_time, ARRAY_SIZE(times)},
                                     {trust, ARRAY_SIZE(trusts)},
                                     {entries_and_modes, 0},
                                     {0},
                                 });
}
