/*
 * Fuzz target: any bytes as a database file, which is compacted, with and without dropping
 * duplicates.  What comes out must open, and be compacted once more.
 *
 * So that checksums do not stop the fuzzer they are put right in its copy of the input.
 */
#include "formats/ese/build/compact.h"
#include "tests/formats/ese/fuzzing.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INPUT_MOST = 4 * 1024 * 1024 };

/* Compacts the database in `from` to a file in memory; -1 when it is refused. */
static int compact(struct ese_file *from, bool keep_first)
{
    struct ese_db *db;
    struct fault f = {.code = FAULT_NONE};
    struct ese_compact_result result;
    const struct ese_compact_options options = {.keep_first = keep_first, .any_revision = true};
    if (!ese_db_open_file(from, NULL, NULL, &db, &f))
        return -1;
    int to = memfd_create("compacted", MFD_CLOEXEC);
    expect(to >= 0);
    if (!ese_compact(db, to, &options, &result, &f)) {
        expect(f.code != FAULT_NONE && f.text[0] != '\0');
        close(to);
        to = -1;
    }
    ese_db_close(db);
    return to;
}

static void compact_again(int compacted)
{
    struct ese_file *file;
    struct fault f = {.code = FAULT_NONE};
    off_t size = lseek(compacted, 0, SEEK_END);
    uint8_t *bytes = malloc((size_t)size);
    expect(bytes != NULL && pread(compacted, bytes, (size_t)size, 0) == size);
    expect(ese_file_over(bytes_of(bytes, (size_t)size), &file, &f));
    int again = compact(file, false);
    expect(again >= 0);
    close(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault f = {.code = FAULT_NONE};
    if (size > INPUT_MOST)
        return 0;
    uint8_t *copy = malloc(size + 1);
    expect(copy != NULL);
    memcpy(copy, data, size);
    put_sums_right(copy, size);
    for (int keep_first = 0; keep_first < 2; keep_first++) {
        struct ese_file *file;
        expect(ese_file_over(bytes_of(copy, size), &file, &f));
        int to = compact(file, keep_first);
        if (to >= 0) {
            compact_again(to);
            close(to);
        }
    }
    free(copy);
    return 0;
}
