/*
 * Sets of pages, in bits and in extents, against a plain list of which pages are in them.
 */
#include "formats/ese/check/parts.h"
#include "tests/check_main.h"

#include <stdlib.h>

enum { LAST = 200 };

static const struct ese_extent extents[] = {
    {.first = 1, .count = 1},      {.first = 1, .count = 63},   {.first = 63, .count = 1},
    {.first = 63, .count = 2},     {.first = 64, .count = 64},  {.first = 100, .count = 101},
    {.first = 127, .count = 2},    {.first = 190, .count = 50}, {.first = LAST, .count = 1},
    {.first = 201, .count = 7},    {.first = 5, .count = 0},    {.first = 1000, .count = 1},
    {.first = 199, .count = 2000}, {.first = 0, .count = 0},
};

START_TEST(bits_of_an_extent)
{
    uint64_t word[LAST / 64 + 2] = {0};
    struct check_bits bits = {.word = word, .last = LAST};
    const struct ese_extent *e = &extents[_i];
    check_set_bits(&bits, e);
    for (uint32_t page = 0; page <= LAST + 100; page++)
        ck_assert_int_eq(check_bit(&bits, page),
                         page <= LAST && page >= e->first && page - e->first < e->count);
    ck_assert_uint_eq(word[LAST / 64 + 1], 0);
    for (size_t i = 0; i < ARRAY_SIZE(extents); i++) {
        uint32_t first = 0;
        for (uint32_t page = extents[i].first; page - extents[i].first < extents[i].count; page++)
            if (first == 0 && check_bit(&bits, page))
                first = page;
        ck_assert_uint_eq(check_first_bit(&bits, &extents[i]), first);
    }
}
END_TEST

/* Pages 10 to 19, 20 to 24, 30, and 40 to 49. */
static bool is_there(uint32_t page)
{
    return (page >= 10 && page <= 24) || page == 30 || (page >= 40 && page <= 49);
}

START_TEST(extents_in_a_list)
{
    static const struct ese_extent parts[] = {{10, 10, 0}, {20, 5, 0}, {30, 1, 0}, {40, 10, 0}};
    struct check_extents list = {.count = 0};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        ck_assert(check_extents_add(&list, parts[i]));
    for (uint32_t before = 0; before < 60; before++) /* whatever was asked for before */
        for (uint32_t page = 0; page < 60; page++) {
            ck_assert_int_eq(check_extents_have(&list, before), is_there(before));
            ck_assert_int_eq(check_extents_have(&list, page), is_there(page));
        }
    for (uint32_t first = 1; first < 60; first++)
        for (uint32_t count = 0, all = 1; first + count < 60; count++) {
            const struct ese_extent e = {.first = first, .count = count};
            all = all && (count == 0 || is_there(first + count - 1));
            ck_assert_int_eq(check_extents_cover(&list, &e), all);
        }
    check_extents_free(&list);
}
END_TEST

START_TEST(an_empty_list_has_no_page)
{
    struct check_extents list = {.count = 0};
    for (uint32_t page = 0; page < 3; page++)
        ck_assert(!check_extents_have(&list, page));
    ck_assert(!check_extents_cover(&list, &(struct ese_extent){.first = 1, .count = 1}));
    ck_assert(check_extents_cover(&list, &(struct ese_extent){.first = 1, .count = 0}));
    check_extents_free(&list);
}
END_TEST

int main(void)
{
    return check_main("check_bits", (const struct check_case[]){
                                        {bits_of_an_extent, ARRAY_SIZE(extents)},
                                        {extents_in_a_list, 0},
                                        {an_empty_list_has_no_page, 0},
                                        {0},
                                    });
}
