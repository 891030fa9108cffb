/* Checksums: both forms and all page sizes against a bit-by-bit computation; flips named and
 * refused. */
#include "formats/ese/layout/checksum.h"
#include "formats/ese/layout/format.h"
#include "tests/check_main.h"
#include "tests/formats/ese/layout/checksums.h"

static const struct form {
    uint32_t size;
    bool is_new;
} forms[] = {
    {2048, false}, {4096, false}, {8192, false}, {16384, false}, {32768, false},
    {2048, true},  {4096, true},  {8192, true},  {16384, true},  {32768, true},
};

enum { NEW_FORMS_FROM = 5, NUMBER = 0x1234, FLAG_BIT = 37 * 8 + 5 };

static uint32_t state = 1;

static uint32_t random_word(void)
{
    state = state * 1664525 + 1013904223;
    return state >> 8 ^ state << 13;
}

/* A page of noise with a right checksum.  The caller frees. */
static uint8_t *noise(const struct form *form)
{
    uint8_t *page = malloc(form->size);
    ck_assert_ptr_nonnull(page);
    state = form->size;
    for (uint32_t at = 0; at < form->size; at += 4)
        plain_put(page + at, random_word());
    plain_put(page + 36, (plain_word(page + 36) & ~0x2000u) | (form->is_new ? 0x2000 : 0));
    plain_set(page, form->size, NUMBER, form->is_new);
    return page;
}

static struct ese_checksum_verdict verify(const uint8_t *page, const struct form *form)
{
    return ese_checksum_verify(bytes_of(page, form->size), NUMBER);
}

static void flip(uint8_t *page, uint32_t bit)
{
    page[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* Bits whose flip no code can name: the first block's own sum, and the flag that says there is one.
 */
static bool is_unnamed(uint32_t bit)
{
    return bit < 64 || bit == FLAG_BIT;
}

START_TEST(the_plain_computation_agrees)
{
    uint8_t *page = noise(&forms[_i]);
    ck_assert_int_eq(verify(page, &forms[_i]).state, ESE_CHECKSUM_GOOD);
    free(page);
}
END_TEST

START_TEST(setting_writes_what_the_plain_computation_writes)
{
    uint8_t *page = noise(&forms[_i]), *copy = malloc(forms[_i].size);
    memcpy(copy, page, forms[_i].size);
    for (size_t i = 0; i < (forms[_i].is_new ? plain_blocks(forms[_i].size) : 1); i++)
        memset(copy + plain_sum_at(i), 0x5a, 8);
    ese_checksum_set(copy, forms[_i].size, NUMBER);
    ck_assert_mem_eq(copy, page, forms[_i].size);
    free(copy);
    free(page);
}
END_TEST

START_TEST(a_header_has_the_old_form_and_keeps_its_magic)
{
    uint8_t *page = noise(&forms[_i]);
    plain_put(page, 0);
    plain_put(page + 4, 0x89abcdef);
    ese_checksum_set_header(page, forms[_i].size);
    ck_assert_uint_eq(plain_word(page), plain_xor(page, forms[_i].size));
    ck_assert_uint_eq(plain_word(page), ese_checksum_xor(bytes_of(page, forms[_i].size)));
    ck_assert_uint_eq(plain_word(page + 4), 0x89abcdef);
    free(page);
}
END_TEST

/* All bits of small pages; of large ones all of the page header and every 29th behind it. */
START_TEST(each_single_flip_is_found_and_in_the_new_form_named)
{
    const struct form *form = &forms[_i];
    uint8_t *page = noise(form);
    uint32_t step = form->size <= 4096 ? 1 : 29;
    for (uint32_t bit = 0; bit < form->size * 8; bit += bit < 1024 ? 1 : step) {
        flip(page, bit);
        struct ese_checksum_verdict verdict = verify(page, form);
        if (!form->is_new || is_unnamed(bit)) {
            ck_assert_msg(verdict.state == ESE_CHECKSUM_BAD, "bit %u", bit);
        } else {
            ck_assert_msg(verdict.state == ESE_CHECKSUM_ONE_BIT, "bit %u", bit);
            ck_assert_uint_eq(verdict.bit, bit);
        }
        flip(page, bit);
    }
    ck_assert_int_eq(verify(page, form).state, ESE_CHECKSUM_GOOD);
    free(page);
}
END_TEST

static void two_flips(uint8_t *page, const struct form *form, uint32_t a, uint32_t b)
{
    if (a == b)
        return;
    flip(page, a);
    flip(page, b);
    ck_assert_msg(verify(page, form).state == ESE_CHECKSUM_BAD, "bits %u and %u", a, b);
    flip(page, a);
    flip(page, b);
}

START_TEST(two_flips_are_never_taken_for_one)
{
    const struct form *form = &forms[NEW_FORMS_FROM + _i];
    uint8_t *page = noise(form);
    for (int i = 0; i < 5000; i++) {
        uint32_t a = random_word() % (form->size * 8), b = random_word() % (form->size * 8);
        two_flips(page, form, a, b);
        two_flips(page, form, a, a ^ 32);              /* the same column */
        two_flips(page, form, a, (b & ~31u) | a % 32); /* the same column, far away */
        two_flips(page, form, a, (a & ~31u) | b % 32); /* the same row */
        two_flips(page, form, a, b % 512);             /* one of them in the page header or a sum */
    }
    free(page);
}
END_TEST

START_TEST(two_flips_among_the_sums_are_never_taken_for_one)
{
    const struct form *form = &forms[NEW_FORMS_FROM + _i];
    uint8_t *page = noise(form);
    for (uint32_t a = 0; a < 512; a++) {
        if (a >= 64 && a < 320)
            continue;
        for (uint32_t b = a + 1; b < 512; b += 1 + (a + b) % 3) {
            if (b < 64 || b >= 320)
                two_flips(page, form, a, b);
        }
    }
    free(page);
}
END_TEST

/* One flip in a later block's stored sum is named by the first block; a second one, in the very
 * block whose sum that is, must not hide behind it. */
START_TEST(a_flipped_sum_does_not_hide_a_flip_in_its_block)
{
    const struct form *form = &forms[NEW_FORMS_FROM + 3 + _i];
    uint8_t *page = noise(form);
    for (size_t block = 1; block < 4; block++)
        for (uint32_t in_sum = 0; in_sum < 64; in_sum++)
            for (uint32_t at = 0; at < form->size / 4; at += 97)
                two_flips(page, form, (uint32_t)plain_sum_at(block) * 8 + in_sum,
                          ((uint32_t)block * form->size / 4 + at) * 8 + at % 8);
    free(page);
}
END_TEST

START_TEST(a_zero_page_is_called_zero)
{
    uint8_t *page = calloc(forms[_i].size, 1);
    ck_assert_int_eq(verify(page, &forms[_i]).state, ESE_CHECKSUM_ZERO);
    page[forms[_i].size - 1] = 1;
    ck_assert_int_eq(verify(page, &forms[_i]).state, ESE_CHECKSUM_BAD);
    free(page);
}
END_TEST

START_TEST(a_page_in_the_wrong_place_is_found)
{
    const struct form *form = &forms[_i];
    uint8_t *page = noise(form);
    static const uint32_t others[] = {NUMBER + 1, NUMBER ^ 0x8000, NUMBER + 2, 1};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct ese_checksum_verdict verdict =
            ese_checksum_verify(bytes_of(page, form->size), others[i]);
        if (form->is_new) {
            ck_assert_int_eq(verdict.state, ESE_CHECKSUM_BAD);
            continue;
        }
        ck_assert_int_eq(verdict.state, ESE_CHECKSUM_NUMBER);
        ck_assert_uint_eq(verdict.found, NUMBER);
        ck_assert_uint_eq(verdict.expected, others[i]);
    }
    free(page);
}
END_TEST

START_TEST(a_bad_page_says_both_sums)
{
    const struct form *form = &forms[_i];
    uint8_t *page = noise(form);
    uint32_t stored = plain_word(page);
    plain_put(page + 100, plain_word(page + 100) ^ 0x00ff00ff);
    struct ese_checksum_verdict verdict = verify(page, form);
    ck_assert_int_eq(verdict.state, ESE_CHECKSUM_BAD);
    ck_assert_uint_eq(verdict.found, stored);
    ck_assert_uint_eq(verdict.expected, stored ^ 0x00ff00ff);
    free(page);
}
END_TEST

int main(void)
{
    return check_main("checksum",
                      (const struct check_case[]){
                          {the_plain_computation_agrees, ARRAY_SIZE(forms)},
                          {setting_writes_what_the_plain_computation_writes, ARRAY_SIZE(forms)},
                          {a_header_has_the_old_form_and_keeps_its_magic, ARRAY_SIZE(forms)},
                          {each_single_flip_is_found_and_in_the_new_form_named, ARRAY_SIZE(forms)},
                          {two_flips_are_never_taken_for_one, 5},
                          {two_flips_among_the_sums_are_never_taken_for_one, 5},
                          {a_flipped_sum_does_not_hide_a_flip_in_its_block, 2},
                          {a_zero_page_is_called_zero, ARRAY_SIZE(forms)},
                          {a_page_in_the_wrong_place_is_found, ARRAY_SIZE(forms)},
                          {a_bad_page_says_both_sums, ARRAY_SIZE(forms)},
                          {0},
                      });
}
