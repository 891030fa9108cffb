/*
 * Fuzz target: any bytes as a stored value.  Decompression must keep to its output, give exactly
 * the size it told before or fail with a fault, and the tests' own compressor must lead back to the
 * input.
 */
#include "formats/ese/layout/compress.h"
#include "tests/formats/ese/layout/compressing.h"

#include <stdlib.h>

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void decompress_any(struct bytes stored)
{
    struct fault f = {0};
    size_t told = 0, size = 0;
    bool known = ese_decompressed_size(stored, &told, &f);
    expect(known || f.code != FAULT_NONE);
    uint8_t *out = malloc(told ? told : 1); /* exact, for AddressSanitizer */
    expect(out != NULL);
    f = (struct fault){0};
    if (ese_decompress(stored, out, told, &size, &f))
        expect(known && size == told && told <= ESE_DECOMPRESSED_MAX);
    else
        expect(f.code != FAULT_NONE && f.code != FAULT_LIMIT && f.text[0] != '\0');
    free(out);
}

static void compress_and_back(struct bytes plain)
{
    uint8_t *stored = malloc(COMPRESSED_ROOM(plain.size));
    uint8_t *back = malloc(plain.size + 1);
    expect(stored && back);
    size_t stored_size = compress_xpress(plain.at, plain.size, stored);
    size_t size = 0;
    if (stored_size != 0) {
        expect(ese_decompress(bytes_of(stored, stored_size), back, plain.size, &size, NULL));
        expect(bytes_equal(bytes_of(back, size), plain));
    }
    free(back);
    free(stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= 32768) /* a stored value lies on one page */
        decompress_any(bytes_of(data, size));
    compress_and_back(bytes_of(data, size));
    return 0;
}
