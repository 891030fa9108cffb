/* What a fault says, and who takes it over. */
#include "formats/fault.h"
#include "formats/memory.h"
#include "tests/check_main.h"

START_TEST(a_lack_of_memory_says_for_what)
{
    struct fault f = {.code = FAULT_NONE};
    ck_assert(!fault_no_memory(&f, "a tree"));
    ck_assert_int_eq(f.code, FAULT_NO_MEMORY);
    ck_assert_str_eq(f.text, "out of memory for a tree");
    ck_assert(!fault_no_memory(&f, NULL));
    ck_assert_str_eq(f.text, "out of memory");
}
END_TEST

/* Also where nobody wants the words. */
START_TEST(a_lack_of_memory_is_noted)
{
    ck_assert(!memory_ran_short());
    ck_assert(!fault_no_memory(NULL, "a tree"));
    ck_assert(memory_ran_short());
}
END_TEST

START_TEST(an_inner_fault_is_taken_over)
{
    struct fault f = {.code = FAULT_NONE}, inner = {.code = FAULT_NONE};
    fault_set(&f, FAULT_LIMIT, "before");
    ck_assert(fault_take(&f, &inner));
    ck_assert_int_eq(f.code, FAULT_LIMIT); /* nothing to take */
    fault_set(&inner, FAULT_DAMAGED, "expected 1, found 2");
    fault_context(&inner, "page 7");
    ck_assert(!fault_take(NULL, &inner));
    ck_assert(!fault_take(&f, &inner));
    ck_assert_int_eq(f.code, FAULT_DAMAGED);
    ck_assert_str_eq(f.text, "page 7: expected 1, found 2");
    ck_assert_uint_eq(f.place, sizeof "page 7" - 1);
}
END_TEST

int main(void)
{
    return check_main("fault", (const struct check_case[]){{a_lack_of_memory_is_noted, 0},
                                                           {a_lack_of_memory_says_for_what, 0},
                                                           {an_inner_fault_is_taken_over, 0},
                                                           {0}});
}
