/* What the fuzz targets that take a whole database share: see fuzzing.h. */
#include "tests/formats/ese/fuzzing.h"

__attribute__((noinline)) void expect(bool condition)
{
    if (!condition)
        abort();
}

uint32_t word(const uint8_t *at)
{
    uint32_t value = 0;
    bytes_le32(bytes_of(at, 4), 0, &value);
    return value;
}

void put_sums_right(uint8_t *file, size_t size)
{
    if (size < ESE_PAGE_SIZE_MIN)
        return;
    uint32_t page = word(file + ESE_HEADER_PAGE_SIZE_AT);
    if (!ese_page_size_valid(page))
        page = 4096;
    for (size_t at = 0; size - at >= page; at += page) {
        if (at < 2 * (size_t)page)
            ese_checksum_set_header(file + at, page);
        else if (word(file + at + ESE_PAGE_OBJID_AT) != 0) /* a page of zeros stays one */
            ese_checksum_set(file + at, page, (uint32_t)(at / page) - 1);
    }
}
