/* The checksums of ESE pages: see checksums.h. */
#include "tests/formats/ese/layout/checksums.h"

struct plain_sum {
    uint32_t xor_sum, ecc;
};

uint32_t plain_word(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void plain_put(uint8_t *at, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> 8 * i);
}

uint32_t plain_xor(const uint8_t *page, size_t size)
{
    uint32_t sum = 0x89abcdef;
    for (size_t at = 4; at < size; at += 4)
        sum ^= plain_word(page + at);
    return sum;
}

/* The new form of one block: every bit that is set adds its number to the low half of the code, the
 * number's complement to the high half.  skip: bytes at the start that count as zero. */
static struct plain_sum plain_ecc(const uint8_t *block, size_t size, size_t skip, uint32_t number)
{
    struct plain_sum sum = {.xor_sum = number};
    uint32_t mask = (uint32_t)size * 8 - 1;
    for (uint32_t bit = (uint32_t)skip * 8; bit <= mask; bit++) {
        if (!(block[bit / 8] >> bit % 8 & 1))
            continue;
        sum.xor_sum ^= 1u << bit % 32;
        sum.ecc ^= (~bit & mask) << 16 | bit;
    }
    return sum;
}

size_t plain_blocks(size_t page_size)
{
    return page_size > 8192 ? 4 : 1;
}

size_t plain_sum_at(size_t i)
{
    static const size_t at[] = {0, 40, 48, 56};
    return at[i];
}

void plain_set(uint8_t *page, size_t size, uint32_t number, bool new_form)
{
    if (!new_form) {
        plain_put(page + 4, number);
        plain_put(page, plain_xor(page, size));
        return;
    }
    size_t block = size / plain_blocks(size);
    for (size_t i = plain_blocks(size); i-- > 0;) {
        struct plain_sum sum = plain_ecc(page + i * block, block, i == 0 ? 8 : 0, number);
        plain_put(page + plain_sum_at(i), sum.xor_sum);
        plain_put(page + plain_sum_at(i) + 4, sum.ecc);
    }
}
