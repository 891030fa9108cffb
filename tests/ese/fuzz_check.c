/*
 * Fuzz target: any bytes as a database, checked.  The check must end, keep to the file, and say
 * something sensible of what it finds.  Checksums are put right first, so that damage reaches the
 * rules behind them; an input of an odd number of bytes is taken as it is.
 */
#include "formats/ese/check.h"

#include <stdlib.h>

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static uint32_t word(struct bytes b, size_t at)
{
    uint32_t value = 0;
    bytes_le32(b, at, &value);
    return value;
}

static void put_sums_right(uint8_t *file, size_t size)
{
    uint32_t page = word(bytes_of(file, size), ESE_HEADER_PAGE_SIZE_AT);
    if (!ese_page_size_valid(page))
        page = 4096;
    for (size_t at = 0; size - at >= page; at += page) {
        if (at < 2 * (size_t)page)
            ese_checksum_set_header(file + at, page);
        else if (word(bytes_of(file, size), at + ESE_PAGE_OBJID_AT) !=
                 0) /* a page of zeros stays one */
            ese_checksum_set(file + at, page, (uint32_t)(at / page) - 1);
    }
}

static void hear(void *context, const struct ese_finding *finding)
{
    uint64_t *count = context;
    expect(finding->rule < ESE_RULES && finding->text[0] != '\0');
    (*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* exact, for AddressSanitizer */
    struct ese_file *file;
    struct ese_db *db;
    struct fault f;
    expect(copy != NULL);
    memcpy(copy, data, size);
    if (size % 2 == 0)
        put_sums_right(copy, size);
    expect(ese_file_over(bytes_of(copy, size), &file, &f));
    if (ese_db_open_file(file, NULL, NULL, &db, &f)) {
        struct ese_check_summary summary;
        uint64_t heard = 0;
        expect(ese_check(db, hear, &heard, &summary, &f));
        expect(heard == summary.problems + summary.advice + summary.not_judged);
        expect(summary.pages_in_trees <= size / ESE_PAGE_SIZE_MIN);
        ese_db_close(db);
    }
    free(copy);
    return 0;
}
