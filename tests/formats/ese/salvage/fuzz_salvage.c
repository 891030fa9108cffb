/*
 * Fuzz target: a valid database, damaged page by page as the input says, through the whole salvage.
 *
 * The first three bytes choose the database; every seven further ones are one change.  The oracle
 * is that of salvaging.h.  An input that begins with the byte 0xff is taken as the file itself:
 * then it only must not crash or hang.
 */
#include "tests/formats/ese/fuzzing.h"
#include "tests/formats/ese/salvage/salvaging.h"

static void salvage_raw(const uint8_t *data, size_t size)
{
    struct damaged d = {.bytes = malloc(size + 1), .size = size};
    struct salvaged s;
    expect(d.bytes != NULL);
    memcpy(d.bytes, data, size);
    salvaged_open(&s, &d, ESE_DOUBTFUL_KEEP);
    salvaged_close(&s);
    put_sums_right(d.bytes, size);
    salvaged_open(&s, &d, ESE_DOUBTFUL_KEEP);
    salvaged_close(&s);
    free(d.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        uint32_t revision, page_size;
    } forms[] = {{0x2, 4096},   {0x14, 4096},   {0x14, 8192},
                 {0x6e, 16384}, {0x122, 32768}, {0x9, 4096}};
    struct damaged d;
    if (size < 3)
        return 0;
    if (data[0] == 0xff) {
        salvage_raw(data + 1, size - 1);
        return 0;
    }
    uint8_t form = data[0] % 6;
    expect(damaged_open(&d, data[1] | (uint64_t)data[2] << 8, forms[form].revision,
                        forms[form].page_size));
    for (size_t at = 3; at + 7 <= size && at < 3 + 7 * 40; at += 7) {
        uint16_t which = 0;
        uint32_t argument = 0;
        bytes_le16(bytes_of(data, size), at + 1, &which);
        bytes_le32(bytes_of(data, size), at + 3, &argument);
        damaged_damage(&d, data[at], which, argument);
    }
    expect(salvage_holds(&d));
    damaged_close(&d);
    return 0;
}
