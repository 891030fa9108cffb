/*
 * Fuzz target: any bytes as a database, checked.  The check must end, keep to the file, and say
 * something sensible of what it finds.  Checksums are put right first, so that damage reaches the
 * rules behind them; an input of an odd number of bytes is taken as it is.
 */
#include "formats/ese/check/check.h"
#include "tests/formats/ese/fuzzing.h"

#include <stdlib.h>

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
