/* Growing arrays, and the growing buffer's copies. */
#include "formats/array.h"
#include "formats/buffer.h"
#include "tests/check_main.h"

START_TEST(elements_stay_what_they_are)
{
    uint32_t *number = NULL;
    size_t room = 0, grown = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        size_t before = room;
        ck_assert(array_reserve(&number, &room, i + 1, sizeof *number));
        ck_assert_uint_gt(room, i);
        grown += room != before;
        number[i] = i * i;
    }
    ck_assert_uint_lt(grown, 16); /* it doubles */
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(number[i], i * i);
    free(number);
}
END_TEST

START_TEST(what_is_asked_for_at_once_is_there)
{
    void *array = NULL;
    size_t room = 0;
    ck_assert(array_reserve(&array, &room, 0, 1));
    ck_assert(array_reserve(&array, &room, 1000, 8));
    ck_assert_uint_ge(room, 1000);
    void *same = array;
    ck_assert(array_reserve(&array, &room, 1000, 8));
    ck_assert_ptr_eq(array, same);
    free(array);
}
END_TEST

START_TEST(too_much_changes_nothing)
{
    void *array = NULL;
    size_t room = 0;
    ck_assert(array_reserve(&array, &room, 1, 8));
    void *same = array;
    size_t same_room = room;
    ck_assert(!array_reserve(&array, &room, SIZE_MAX / 4, 8));
    ck_assert_ptr_eq(array, same);
    ck_assert_uint_eq(room, same_room);
    free(array);
}
END_TEST

START_TEST(a_copy_takes_the_place_of_the_one_before)
{
    struct buffer b = {0};
    struct fault f;
    ck_assert(buffer_set(&b, bytes_of(NULL, 0), &f));
    ck_assert_ptr_nonnull(buffer_bytes(&b).at);
    ck_assert_uint_eq(b.size, 0);
    ck_assert(buffer_set(&b, bytes_of("abc", 3), &f));
    ck_assert(buffer_append(&b, bytes_of("de", 2), &f));
    ck_assert(bytes_equal(buffer_bytes(&b), bytes_of("abcde", 5)));
    ck_assert(buffer_set(&b, bytes_of("f", 1), &f));
    ck_assert(bytes_equal(buffer_bytes(&b), bytes_of("f", 1)));
    ck_assert(!buffer_append(&b, bytes_of("x", SIZE_MAX / 2), &f));
    ck_assert_int_eq(f.code, FAULT_NO_MEMORY);
    ck_assert(buffer_set(&b, bytes_of("g", 1), &f));
    ck_assert(bytes_equal(buffer_bytes(&b), bytes_of("g", 1)));
    buffer_free(&b);
}
END_TEST

START_TEST(the_first_that_is_not_below_a_number)
{
    static const struct numbered {
        uint8_t other;
        uint32_t number;
    } at[] = {{9, 2}, {8, 5}, {7, 5}, {6, 5}, {5, UINT32_MAX}};
    static const struct {
        uint32_t number;
        size_t first;
    } asked[] = {{0, 0}, {2, 0}, {3, 1}, {5, 1}, {6, 4}, {UINT32_MAX, 4}};
    for (unsigned i = 0; i < ARRAY_SIZE(asked); i++)
        ck_assert_uint_eq(array_first_u32(at, ARRAY_SIZE(at), sizeof *at,
                                          offsetof(struct numbered, number), asked[i].number),
                          asked[i].first);
    ck_assert_uint_eq(array_first_u32(at, 4, sizeof *at, offsetof(struct numbered, number), 6), 4);
    ck_assert_uint_eq(array_first_u32(NULL, 0, sizeof *at, 0, 1), 0);
}
END_TEST

/* Each number of places, each place that can be the first which does not come before. */
START_TEST(halving_finds_each_place)
{
    for (size_t count = 0; count <= 70; count++)
        for (size_t first = 0; first <= count; first++) {
            struct halving h = {.high = count};
            unsigned asked = 0;
            for (; halving_next(&h); asked++) {
                ck_assert_uint_lt(h.middle, count);
                halving_go(&h, h.middle < first);
            }
            ck_assert_uint_eq(h.low, first);
            ck_assert_uint_le(asked, 7); /* 2^7 > 70 */
        }
}
END_TEST

/* It may begin behind the first. */
START_TEST(halving_stays_in_its_part)
{
    struct halving h = {.low = 10, .high = 20};
    while (halving_next(&h)) {
        ck_assert(h.middle >= 10 && h.middle < 20);
        halving_go(&h, false);
    }
    ck_assert_uint_eq(h.low, 10);
    h = (struct halving){.low = SIZE_MAX - 2, .high = SIZE_MAX};
    while (halving_next(&h))
        halving_go(&h, true);
    ck_assert_uint_eq(h.low, SIZE_MAX);
}
END_TEST

int main(void)
{
    return check_main("array",
                      (const struct check_case[]){{elements_stay_what_they_are, 0},
                                                  {what_is_asked_for_at_once_is_there, 0},
                                                  {too_much_changes_nothing, 0},
                                                  {the_first_that_is_not_below_a_number, 0},
                                                  {halving_finds_each_place, 0},
                                                  {halving_stays_in_its_part, 0},
                                                  {a_copy_takes_the_place_of_the_one_before, 0},
                                                  {0}});
}
