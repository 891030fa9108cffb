/* ESE checksums: see checksum.h for the two forms. */
#include "formats/ese/layout/checksum.h"

#include "formats/ese/layout/format.h"

enum { FLAGS_AT = 36, LINE = 64, BLOCK_SUMS_AT = 40 };

struct xor_ecc {
    uint32_t xor_sum, ecc;
};

/* Sixteen bytes at once, which every x86-64 has; wider ones gain nothing: the bytes do not come
 * faster from the second cache. */
typedef uint64_t pair __attribute__((vector_size(16)));

static pair load(const uint8_t *at)
{
    pair p;
    memcpy(&p, at, sizeof p);
    return p;
}

/* XOR of all 64-byte lines of b, kept as 64 bytes so that no byte order matters before the end;
 * adds to *odd_lines the XOR of the numbers of all lines whose own bits have odd parity. */
static void fold_lines(struct bytes b, uint64_t line[8], uint32_t *odd_lines)
{
    /* Each sum a variable of its own: gcc at -O2 keeps an array of them in memory. */
    pair s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    uint32_t odd = 0, lines = (uint32_t)(b.size / LINE);
    const uint8_t *at = b.at;
    for (uint32_t n = 0; n < lines; n++, at += LINE) {
        pair w0 = load(at), w1 = load(at + 16), w2 = load(at + 32), w3 = load(at + 48);
        pair all = w0 ^ w1 ^ w2 ^ w3;
        s0 ^= w0;
        s1 ^= w1;
        s2 ^= w2;
        s3 ^= w3;
        odd ^= n & (uint32_t)-__builtin_parityll(all[0] ^ all[1]);
    }
    pair sum[4] = {s0, s1, s2, s3};
    memcpy(line, sum, LINE);
    *odd_lines = odd;
}

static uint32_t le32_of(const void *four)
{
    return bytes_get_le32(bytes_of(four, 4), 0);
}

static uint32_t mask_if_odd(uint32_t word, uint32_t mask)
{
    return __builtin_parity(word) ? mask : 0;
}

/*
 * The error correcting code: rows are the block's 32-bit words, columns their bits.  p and r are
 * the XOR of the numbers of all rows and columns with odd parity, q and s the same of the
 * complemented numbers.  After one flip, new ^ old is the bit's number in p:r and its complement in
 * q:s.
 */
static uint32_t make_ecc(uint32_t rows, uint32_t odd_rows, uint32_t columns)
{
    uint32_t r = 0;
    for (uint32_t c = 0; c < 32; c++)
        if (columns >> c & 1)
            r ^= c;
    uint32_t s = r ^ mask_if_odd(columns, 31);
    uint32_t p = odd_rows & (rows - 1);
    uint32_t q = p ^ mask_if_odd(columns, rows - 1);
    return q << 21 | s << 16 | p << 5 | r;
}

/* header_block: the block's first 8 bytes are the checksum itself and count as zero. */
static struct xor_ecc block_sum(struct bytes block, uint32_t number, bool header_block)
{
    uint64_t line[8] = {0};
    uint32_t odd_lines;
    fold_lines(block, line, &odd_lines);
    if (header_block) {
        /* Line 0 has number 0, so its parity never counted: taking the words out is enough. */
        uint64_t own;
        memcpy(&own, block.at, 8);
        line[0] ^= own;
    }
    uint32_t columns = 0, odd_rows = odd_lines << 4;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t word = le32_of((const uint8_t *)line + 4 * i);
        columns ^= word;
        odd_rows ^= mask_if_odd(word, i);
    }
    return (struct xor_ecc){.xor_sum = columns ^ number,
                            .ecc = make_ecc((uint32_t)(block.size / 4), odd_rows, columns)};
}

uint32_t ese_checksum_xor(struct bytes b)
{
    uint32_t sum = ESE_MAGIC ^ le32_of(b.at);
    pair s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}; /* sums that do not wait for each other */
    size_t at = 0;
    for (; at + LINE <= b.size; at += LINE) {
        s0 ^= load(b.at + at);
        s1 ^= load(b.at + at + 16);
        s2 ^= load(b.at + at + 32);
        s3 ^= load(b.at + at + 48);
    }
    pair both = s0 ^ s1 ^ s2 ^ s3;
    uint64_t eight = both[0] ^ both[1];
    for (; at + 8 <= b.size; at += 8) {
        uint64_t w;
        memcpy(&w, b.at + at, 8);
        eight ^= w;
    }
    return sum ^ le32_of(&eight) ^ le32_of((const uint8_t *)&eight + 4);
}

static size_t block_size(size_t page_size)
{
    if (page_size <= ESE_PAGE_SIZE_SMALL_MAX)
        return page_size;
    return page_size <= 16384 ? 4096 : 8192;
}

/* Where the checksum words of block i stand in the page. */
static size_t block_sum_at(size_t i)
{
    return i == 0 ? 0 : BLOCK_SUMS_AT + 8 * (i - 1);
}

/* One flip changes one bit of the XOR, the code by its number in p:r and the complement in q:s, and
 * nothing else. */
static bool one_bit_flipped(struct xor_ecc now, struct xor_ecc stored, size_t size, uint32_t *bit)
{
    uint32_t ecc = now.ecc ^ stored.ecc, bits = (uint32_t)size * 8 - 1;
    uint32_t sum = now.xor_sum ^ stored.xor_sum;
    *bit = ecc & bits;
    return ecc == ((~*bit & bits) << 16 | *bit) && sum == 1u << *bit % 32;
}

/* The stored sum of block i.  A flip in it that the first block, which covers it, has named is put
 * right: the block itself has no fault then. */
static struct xor_ecc stored_sum(struct bytes page, size_t i,
                                 const struct ese_checksum_verdict *named)
{
    const uint8_t *sums = page.at + block_sum_at(i);
    struct xor_ecc stored = {le32_of(sums), le32_of(sums + 4)};
    if (named->state == ESE_CHECKSUM_ONE_BIT && named->bit / 64 == block_sum_at(i) / 8) {
        uint32_t flipped = 1u << named->bit % 32;
        if (named->bit / 32 % 2 == 0)
            stored.xor_sum ^= flipped;
        else
            stored.ecc ^= flipped;
    }
    return stored;
}

static struct ese_checksum_verdict verify_blocks(struct bytes page, uint32_t number)
{
    struct ese_checksum_verdict verdict = {.state = ESE_CHECKSUM_GOOD};
    size_t size = block_size(page.size);
    for (size_t i = 0; i * size < page.size; i++) {
        struct bytes block = bytes_from(page, i * size);
        block.size = size;
        struct xor_ecc stored = stored_sum(page, i, &verdict);
        struct xor_ecc now = block_sum(block, number, i == 0);
        if (now.xor_sum == stored.xor_sum && now.ecc == stored.ecc)
            continue;
        uint32_t bit;
        bool first = verdict.state == ESE_CHECKSUM_GOOD;
        verdict.found = stored.xor_sum;
        verdict.expected = now.xor_sum;
        if (!first || !one_bit_flipped(now, stored, size, &bit)) {
            verdict.state = ESE_CHECKSUM_BAD;
            return verdict;
        }
        verdict.state = ESE_CHECKSUM_ONE_BIT;
        verdict.bit = bit + (uint32_t)(i * size * 8);
    }
    return verdict;
}

static struct ese_checksum_verdict verify_xor(struct bytes page, uint32_t number)
{
    uint32_t found = le32_of(page.at), expected = ese_checksum_xor(page);
    if (found != expected)
        return (struct ese_checksum_verdict){ESE_CHECKSUM_BAD, 0, found, expected};
    found = le32_of(page.at + 4);
    if (found != number)
        return (struct ese_checksum_verdict){ESE_CHECKSUM_NUMBER, 0, found, number};
    return (struct ese_checksum_verdict){.state = ESE_CHECKSUM_GOOD};
}

static bool all_zero(struct bytes b)
{
    return b.size == 0 || (b.at[0] == 0 && memcmp(b.at, b.at + 1, b.size - 1) == 0);
}

struct ese_checksum_verdict ese_checksum_verify(struct bytes page, uint32_t number)
{
    uint32_t flags = le32_of(page.at + FLAGS_AT);
    struct ese_checksum_verdict verdict =
        flags & ESE_PAGE_NEW_CHECKSUM ? verify_blocks(page, number) : verify_xor(page, number);
    if (verdict.state != ESE_CHECKSUM_GOOD && all_zero(page))
        verdict.state = ESE_CHECKSUM_ZERO;
    return verdict;
}

static bool block_names(struct bytes page, size_t i, uint32_t *number)
{
    size_t size = block_size(page.size);
    const uint8_t *sums = page.at + block_sum_at(i);
    struct xor_ecc now = block_sum(bytes_of(page.at + i * size, size), 0, i == 0);
    *number = le32_of(sums) ^ now.xor_sum;
    return le32_of(sums + 4) == now.ecc;
}

bool ese_checksum_names(struct bytes page, uint32_t *number)
{
    uint32_t named = 0, other;
    if (!(le32_of(page.at + FLAGS_AT) & ESE_PAGE_NEW_CHECKSUM)) {
        named = le32_of(page.at + 4);
        if (le32_of(page.at) != ese_checksum_xor(page))
            return false;
    } else {
        for (size_t i = 0; i * block_size(page.size) < page.size; i++) {
            if (!block_names(page, i, &other) || (i > 0 && other != named))
                return false;
            named = other;
        }
    }
    *number = named;
    return named != 0;
}

unsigned ese_checksum_blocks(struct bytes page, uint32_t number)
{
    unsigned right = 0;
    uint32_t named;
    if (!(le32_of(page.at + FLAGS_AT) & ESE_PAGE_NEW_CHECKSUM))
        return ese_checksum_names(page, &named) && named == number;
    for (size_t i = 0; i * block_size(page.size) < page.size; i++)
        if (block_names(page, i, &named) && named == number)
            right |= 1u << i;
    return right;
}

void ese_checksum_set(uint8_t *page, size_t size, uint32_t number)
{
    if (!(le32_of(page + FLAGS_AT) & ESE_PAGE_NEW_CHECKSUM)) {
        bytes_put_le32(page + 4, number);
        bytes_put_le32(page, ese_checksum_xor(bytes_of(page, size)));
        return;
    }
    size_t each = block_size(size);
    for (size_t i = size / each;
         i-- > 0;) { /* the first block covers the others' sums: it is last */
        struct xor_ecc sum = block_sum(bytes_of(page + i * each, each), number, i == 0);
        bytes_put_le32(page + block_sum_at(i), sum.xor_sum);
        bytes_put_le32(page + block_sum_at(i) + 4, sum.ecc);
    }
}

void ese_checksum_set_header(uint8_t *header, size_t size)
{
    bytes_put_le32(header, ese_checksum_xor(bytes_of(header, size)));
}
