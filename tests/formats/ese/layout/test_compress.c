/* Decompression: known vectors, round trips through the tests' own compressors, damaged values. */
#include "tests/check_main.h"
#include "tests/formats/ese/layout/compressing.h"

#include <stdlib.h>

/* A byte string literal and its size, without the terminator. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        .at = (const uint8_t *)(literal), .size = sizeof(literal) - 1                              \
    }

/* Decompresses into a block of exactly the room given, so that AddressSanitizer sees every byte
 * that is written beside it.  The caller frees. */
static uint8_t *decompress(struct bytes stored, size_t room, size_t *size, struct fault *f)
{
    uint8_t *out = malloc(room ? room : 1);
    ck_assert_ptr_nonnull(out);
    if (ese_decompress(stored, out, room, size, f))
        return out;
    free(out);
    return NULL;
}

/* ---- known vectors ----------------------------------------------------------------------- */

static const struct vector {
    const char *origin;
    struct bytes stored;
    const char *unit; /* the plain bytes are this, over and over, cut at `size` */
    size_t size;
    size_t step; /* 2: each plain byte is followed by a zero */
} vectors[] = {
    {"by hand: 61 | 62 << 7 | 63 << 14, 5 bits in the last byte", BYTES("\x0c\x61\xf1\x18"), "abc",
     3, 1},
    {"by hand: the same as Unicode", BYTES("\x14\x61\xf1\x18"), "abc", 6, 2},
    {"by hand: LZ4, one literal, a match of 14 bytes 1 back, five literals",
     BYTES("\x38\x14\x00\x1a"
           "a\x01\x00\x50"
           "bcdef"),
     "aaaaaaaaaaaaaaabcdef", 20, 1},
    {"by hand: one character", BYTES("\x0e\x41"), "A", 1, 1},
    {"the packing of GSM 03.38, which is the same: 8 bits in the last byte",
     BYTES("\x0f\x61\xf1\x98\x5c\x36\x9f\xd1"), "abcdefgh", 8, 1},
    {"by hand: 9 characters, 1 byte more", BYTES("\x0e\x61\xf1\x98\x5c\x36\x9f\xd1\x69"),
     "abcdefghi", 9, 1},
    {"[MS-XCA], its example of plain LZ77: \"abc\" 100 times: a length in 16 bits",
     BYTES("\x18\x2c\x01\xff\xff\xff\x1f\x61\x62\x63\x17\x00\x0f\xff\x26\x01"), "abc", 300, 1},
    {"Microsoft's published XpressEncode at the engine's level: a run of 1,024 x",
     BYTES("\x18\x00\x04\xff\xff\xff\x3f\x78\x78\x07\x00\x0f\xff\xfb\x03"), "x", 1024, 1},
    {"Microsoft's published XpressEncode: literals to the end of a flag word, a length in 8 bits",
     BYTES("\x18\x40\x00\x03\x00\x00\x00"
           "0123456789abcdefghijklmnopqrs0"
           "\xe7\x00\x0f\x09"),
     "0123456789abcdefghijklmnopqrs", 64, 1},
};

START_TEST(vector_gives_its_plain_bytes)
{
    const struct vector *v = &vectors[_i];
    struct fault f = {0};
    size_t size = 0, told = 0;
    ck_assert_msg(ese_decompressed_size(v->stored, &told, &f), "%s: %s", v->origin, f.text);
    ck_assert_msg(told == v->size, "%s: size %zu", v->origin, told);
    uint8_t *out = decompress(v->stored, v->size, &size, &f);
    ck_assert_msg(out, "%s: %s", v->origin, f.text);
    ck_assert_uint_eq(size, v->size);
    size_t unit = strlen(v->unit);
    for (size_t i = 0; i < size; i++) {
        uint8_t expected = i % v->step ? 0 : (uint8_t)v->unit[i / v->step % unit];
        ck_assert_msg(out[i] == expected, "%s: byte %zu is %02x", v->origin, i, out[i]);
    }
    free(out);
}
END_TEST

/* A value is known by its size alone: one byte of room less is refused, before anything is written.
 */
START_TEST(vector_needs_its_room)
{
    const struct vector *v = &vectors[_i];
    struct fault f = {0};
    size_t size = 4711;
    ck_assert_ptr_null(decompress(v->stored, v->size - 1, &size, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    ck_assert_uint_eq(size, 4711);
}
END_TEST

/* Every proper beginning of a value is refused or, where 7-bit text can be cut, is shorter. */
START_TEST(vector_cut_short_is_never_whole)
{
    const struct vector *v = &vectors[_i];
    for (size_t cut = 0; cut < v->stored.size; cut++) {
        uint8_t *stored = malloc(cut ? cut : 1);
        memcpy(stored, v->stored.at, cut);
        struct fault f = {0};
        size_t size = 0;
        uint8_t *out = decompress(bytes_of(stored, cut), v->size, &size, &f);
        ck_assert_msg(!out || size < v->size, "%s: cut to %zu bytes", v->origin, cut);
        if (!out)
            ck_assert_int_eq(f.code, FAULT_DAMAGED);
        free(out);
        free(stored);
    }
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------- */

static const struct refusal {
    const char *what;
    struct bytes stored;
    enum fault_code code;
    const char *says;
} refusals[] = {
    {"nothing at all", BYTES(""), FAULT_DAMAGED, "none"},
    {"no algorithm", BYTES("\x00\x01\x02"), FAULT_DAMAGED, "none"},
    {"7-bit without text", BYTES("\x0e"), FAULT_DAMAGED, "at least 2 bytes"},
    {"7-bit of 8 bits", BYTES("\x0f\x41"), FAULT_DAMAGED, "multiple of 7"},
    {"7-bit Unicode of 8 bits", BYTES("\x17\x41"), FAULT_DAMAGED, "multiple of 7"},
    {"XPRESS without a size", BYTES("\x18\x2c"), FAULT_DAMAGED, "at least 3 bytes"},
    {"XPRESS of nothing", BYTES("\x18\x00\x00"), FAULT_DAMAGED, "expected at least 8"},
    {"XPRESS that is larger than its output, as [MS-XCA]'s first example would be",
     BYTES("\x18\x1a\x00\x3f\x00\x00\x00"
           "abcdefghijklmnopqrstuvwxyz"),
     FAULT_DAMAGED, "more of output"},
    {"XPRESS as large as its output: the engine returns rubbish for it",
     BYTES("\x18\x08\x00\xff\xff\xff\x3f\x78\x78\x07\x00"), FAULT_DAMAGED, "more of output"},
    {"a match before any byte", BYTES("\x18\x00\x04\xff\xff\xff\xff\x07\x00\x0f\xff\xfb\x03"),
     FAULT_DAMAGED, "reaches back 1"},
    {"a match that reaches back too far",
     BYTES("\x18\x00\x04\xff\xff\xff\x3f\x78\x78\x17\x00\x0f\xff\xfb\x03"), FAULT_DAMAGED,
     "reaches back 3"},
    {"a match beyond the end",
     BYTES("\x18\x00\x04\xff\xff\xff\x3f\x78\x78\x07\x00\x0f\xff\xfc\x03"), FAULT_DAMAGED,
     "beyond the value's 1024"},
    {"a 16-bit length that fits in 8",
     BYTES("\x18\x00\x04\xff\xff\xff\x3f\x78\x78\x07\x00\x0f\xff\x14\x01"), FAULT_DAMAGED,
     "impossible length"},
    {"output complete, but no end mark",
     BYTES("\x18\x00\x04\xff\xff\xff\x2f\x78\x78\x07\x00\x0f\xff\xfb\x03"), FAULT_DAMAGED,
     "no end mark"},
    {"flags used up before the end mark",
     BYTES("\x18\x40\x00\x01\x00\x00\x00"
           "0123456789abcdefghijklmnopqrs01\xe7\x00\x0f\x08"),
     FAULT_DAMAGED, "its data ends at output byte 64 of 64"},
    {"data ends early", BYTES("\x18\x00\x04\xff\xff\xff\x3f\x78\x78\x06\x00"), FAULT_DAMAGED,
     "its data ends at output byte 11 of 1024"},
    {"scrubbed", BYTES("\x20\x6c\x6c\x6c"), FAULT_MISSING, "scrubbed"},
    {"XPRESS9", BYTES("\x28\x00\x00\x00\x00\x00"), FAULT_UNSUPPORTED, "XPRESS9 (algorithm 5)"},
    {"XPRESS10", BYTES("\x30\x00\x04\x00\x00"), FAULT_UNSUPPORTED, "XPRESS10 (algorithm 6)"},
    {"LZ4 that ends early",
     BYTES("\x38\x14\x00\x1a"
           "a\x01\x00\x50"
           "bcde"),
     FAULT_DAMAGED, "LZ4 value: its 9 bytes do not decompress to 20"},
    {"LZ4 of fewer bytes",
     BYTES("\x38\x15\x00\x1a"
           "a\x01\x00\x50"
           "bcdef"),
     FAULT_DAMAGED, "LZ4 value: its 10 bytes do not decompress to 21"},
    {"LZ4 of more bytes",
     BYTES("\x38\x13\x00\x1a"
           "a\x01\x00\x50"
           "bcdef"),
     FAULT_DAMAGED, "LZ4 value: its 10 bytes do not decompress to 19"},
    {"LZ4 with a match before the start",
     BYTES("\x38\x14\x00\x1a"
           "a\x02\x00\x50"
           "bcdef"),
     FAULT_DAMAGED, "LZ4 value"},
    {"LZ4 without data", BYTES("\x38\x14\x00"), FAULT_DAMAGED, "LZ4 value"},
    {"a number nobody has given yet", BYTES("\x40\x00\x04"), FAULT_UNSUPPORTED,
     "unknown (algorithm 8)"},
    {"the last number", BYTES("\xff\x00\x04"), FAULT_UNSUPPORTED, "unknown (algorithm 31)"},
};

START_TEST(refusal_says_why)
{
    const struct refusal *r = &refusals[_i];
    struct fault f = {0};
    size_t size = 4711;
    ck_assert_msg(!decompress(r->stored, ESE_DECOMPRESSED_MAX, &size, &f), "%s", r->what);
    ck_assert_msg(f.code == r->code, "%s: code %d: %s", r->what, f.code, f.text);
    ck_assert_msg(strstr(f.text, r->says), "%s: %s", r->what, f.text);
    ck_assert_uint_eq(size, 4711);
}
END_TEST

START_TEST(size_is_known_where_the_algorithm_is_not)
{
    struct bytes xpress10 = BYTES("\x30\x34\x12\x00"), lz4 = BYTES("\x38\xff\xff");
    struct bytes xpress9 = BYTES("\x28\x34\x12\x00\x00\x00"), scrubbed = BYTES("\x20");
    struct fault f = {0};
    size_t size = 0;
    ck_assert(ese_decompressed_size(xpress10, &size, &f));
    ck_assert_uint_eq(size, 0x1234);
    ck_assert(ese_decompressed_size(lz4, &size, &f));
    ck_assert_uint_eq(size, 0xffff);
    ck_assert(!ese_decompressed_size(xpress9, &size, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    ck_assert(!ese_decompressed_size(scrubbed, &size, &f));
    ck_assert_int_eq(f.code, FAULT_MISSING);
    ck_assert(!ese_decompressed_size(scrubbed, &size, NULL));
    ck_assert_uint_eq(size, 0xffff);
}
END_TEST

START_TEST(every_number_has_a_name)
{
    ck_assert_str_eq(ese_compression_name(ESE_COMPRESSION_XPRESS), "XPRESS");
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        enum ese_compression algorithm = ese_compression_of(bytes_of(&byte, 1));
        ck_assert_uint_eq((unsigned)algorithm, first >> 3);
        ck_assert_ptr_nonnull(ese_compression_name(algorithm));
    }
    ck_assert_int_eq(ese_compression_of(bytes_of(NULL, 0)), ESE_COMPRESSION_NONE);
}
END_TEST

/* What follows the end mark is ignored, because the engine ignores it. */
START_TEST(bytes_after_the_end_mark_are_ignored)
{
    struct bytes stored = BYTES("\x18\x00\x04\xff\xff\xff\x3f\x78\x78\x07\x00\x0f\xff\xfb\x03rest");
    struct fault f = {0};
    size_t size = 0;
    uint8_t *out = decompress(stored, 1024, &size, &f);
    ck_assert_msg(out, "%s", f.text);
    ck_assert_uint_eq(size, 1024);
    free(out);
}
END_TEST

/* ---- round trips ------------------------------------------------------------------------- */

static void check_round_trip(const uint8_t *plain, size_t size, const uint8_t *stored,
                             size_t stored_size)
{
    /* Exact copies, so that a read beside the stored value is seen. */
    uint8_t *copy = malloc(stored_size);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, stored, stored_size);
    struct fault f = {0};
    size_t got = 0;
    uint8_t *out = decompress(bytes_of(copy, stored_size), size, &got, &f);
    ck_assert_msg(out, "%zu bytes, stored as %zu: %s", size, stored_size, f.text);
    ck_assert_uint_eq(got, size);
    ck_assert_int_eq(memcmp(out, plain, size), 0);
    free(out);
    free(copy);
}

START_TEST(seven_bit_text_of_every_length)
{
    uint8_t plain[2 * 130], stored[COMPRESSED_ROOM(sizeof plain)];
    for (size_t step = 1; step <= 2; step++) {
        for (size_t count = 1; count <= 130; count++) {
            memset(plain, 0, sizeof plain);
            for (size_t i = 0; i < count; i++)
                plain[i * step] = (uint8_t)((i * 37 + count) & 0x7f);
            size_t stored_size = compress_7bit(plain, count * step, step, stored);
            ck_assert_uint_eq(stored_size, 1 + (count * 7 + 7) / 8);
            check_round_trip(plain, count * step, stored, stored_size);
        }
    }
}
END_TEST

/* The longest 7-bit value that a 32 KiB page could hold fits in the room that the header promises.
 */
START_TEST(longest_7bit_value_fits)
{
    enum { STORED = 32768 };
    uint8_t *stored = malloc(STORED);
    ck_assert_ptr_nonnull(stored);
    memset(stored, 0xff, STORED);
    struct fault f = {0};
    size_t size = 0;
    for (unsigned spare = 0; spare < 8; spare++) {
        stored[0] = (uint8_t)(ESE_COMPRESSION_7BIT_UNICODE << 3 | spare);
        if (ese_decompressed_size(bytes_of(stored, STORED), &size, &f))
            break;
    }
    ck_assert_uint_gt(size, 65535);
    uint8_t *out = decompress(bytes_of(stored, STORED), ESE_DECOMPRESSED_MAX, &size, &f);
    ck_assert_msg(out, "%s", f.text);
    ck_assert_uint_eq(out[size - 2], 0x7f);
    ck_assert_uint_eq(out[size - 1], 0);
    free(out);
    free(stored);
}
END_TEST

/* A small generator of its own: the tests are the same on every machine. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

enum { PLAIN_KINDS = 6 };

static void fill_plain(uint8_t *plain, size_t size, int kind, uint32_t *random)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t any = (uint8_t)next_random(random);
        switch (kind) {
        case 0: /* one run: the longest length */
            plain[i] = 'x';
            break;
        case 1: /* many short matches */
            plain[i] = any % 3;
            break;
        case 2: /* long matches that do not overlap */
            plain[i] = i < 500 ? any : plain[i - 500];
            break;
        case 3: /* runs of every length, so that halves of length bytes are shared */
            plain[i] = i == 0 || any % 16 == 0 ? any : plain[i - 1];
            break;
        case 4: /* UTF-16 text */
            plain[i] = i % 2 ? 0 : (uint8_t)('a' + any % 6);
            break;
        default: /* matches at the greatest distance, 8,192 */
            plain[i] = i < 8192 ? (uint8_t)(any % 32 ? 7 : any) : plain[i - 8192];
        }
    }
}

START_TEST(xpress_round_trip)
{
    static uint8_t plain[65535], stored[COMPRESSED_ROOM(sizeof plain)];
    static const size_t sizes[] = {64,   65,   279,        280,   281,  1024,
                                   4014, 8110, 8192 + 300, 65534, 65535};
    uint32_t random = 0x230780u + (uint32_t)_i;
    size_t tried = 0;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        fill_plain(plain, sizes[s], _i, &random);
        size_t stored_size = compress_xpress(plain, sizes[s], stored);
        if (stored_size == 0)
            continue; /* did not shrink */
        check_round_trip(plain, sizes[s], stored, stored_size);
        tried++;
    }
    ck_assert_uint_ge(tried, 4);
}
END_TEST

/* Runs of every length around the borders of the four places where a length is kept. */
START_TEST(xpress_length_borders)
{
    uint8_t plain[700], stored[COMPRESSED_ROOM(sizeof plain)];
    for (size_t run = 40; run < 330; run++) {
        memset(plain, 'r', run);
        for (size_t i = run; i < sizeof plain; i++)
            plain[i] = (uint8_t)(i % 23);
        size_t stored_size = compress_xpress(plain, sizeof plain, stored);
        ck_assert_uint_gt(stored_size, 0);
        check_round_trip(plain, sizeof plain, stored, stored_size);
    }
}
END_TEST

/* Any single flipped bit in a value gives its size or a fault; never a crash, never another size.
 */
START_TEST(flipped_bits_are_harmless)
{
    const struct vector *v = &vectors[_i];
    uint8_t stored[64];
    ck_assert_uint_le(v->stored.size, sizeof stored);
    memcpy(stored, v->stored.at, v->stored.size);
    for (size_t bit = 0; bit < v->stored.size * 8; bit++) {
        stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct fault f = {0};
        size_t told = 0, size = 0;
        bool known = ese_decompressed_size(bytes_of(stored, v->stored.size), &told, &f);
        uint8_t *out = decompress(bytes_of(stored, v->stored.size), told, &size, &f);
        ck_assert(!out || (known && size == told));
        ck_assert(out || f.code != FAULT_NONE);
        ck_assert_int_ne(f.code, FAULT_LIMIT);
        free(out);
        stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

int main(void)
{
    return check_main("compress", (const struct check_case[]){
                                      {vector_gives_its_plain_bytes, ARRAY_SIZE(vectors)},
                                      {vector_needs_its_room, ARRAY_SIZE(vectors)},
                                      {vector_cut_short_is_never_whole, ARRAY_SIZE(vectors)},
                                      {refusal_says_why, ARRAY_SIZE(refusals)},
                                      {size_is_known_where_the_algorithm_is_not, 0},
                                      {every_number_has_a_name, 0},
                                      {bytes_after_the_end_mark_are_ignored, 0},
                                      {seven_bit_text_of_every_length, 0},
                                      {longest_7bit_value_fits, 0},
                                      {xpress_round_trip, PLAIN_KINDS},
                                      {xpress_length_borders, 0},
                                      {flipped_bits_are_harmless, ARRAY_SIZE(vectors)},
                                      {0},
                                  });
}
