/* The TLV walk: every way in which bytes are, or are not, an item. */
#include "formats/certs/der.h"
#include "tests/formats/certs/support.h"

/* Input, whether it is one item under BER and under DER rules, and whether it is strict DER
 * throughout. */
static const struct {
    const char *what, *hex;
    bool ber, der, strict;
} items[] = {
    {"nothing", "", false, false, false},
    {"no length", "30", false, false, false},
    {"empty sequence", "3000", true, true, true},
    {"short contents", "300201", false, false, false},
    {"integer", "020105", true, true, true},
    {"padded integer", "02020005", true, true, false},
    {"padded negative integer", "0202ff85", true, true, false},
    {"positive integer with its zero", "02020085", true, true, true},
    {"empty integer", "0200", true, true, false},
    {"length 0x81 below 128", "02810105", true, false, false},
    {"length with a zero octet", "0282000105", true, false, false},
    {"length of eight octets", "0288000000000000000105", true, false, false},
    {"length of nine octets", "028900000000000000000105", false, false, false},
    {"length reserved", "02ff05", false, false, false},
    {"length beyond everything", "0284ffffffff05", false, false, false},
    {"length beyond 64 bits", "0288ffffffffffffffff05", false, false, false},
    {"indefinite", "30800201050000", true, false, false},
    {"indefinite, empty", "30800000", true, false, false},
    {"indefinite, nested",
     "308030800201050000020106"
     "0000",
     true, false, false},
    {"indefinite without an end mark", "3080020105", false, false, false},
    {"indefinite, half an end mark", "308002010500", false, false, false},
    {"indefinite primitive", "04800000", false, false, false},
    {"end mark with contents",
     "3080000100"
     "0000",
     false, false, false},
    {"end mark alone", "0000", false, false, false},
    {"constructed end mark", "2000", false, false, false},
    {"end mark in high form", "1f0000", false, false, false},
    {"definite around indefinite", "300430800000", true, true, false},
    {"high tag number",
     "9f8100"
     "00",
     true, true, true},
    {"high tag number, low", "9f0100", false, false, false},
    {"high tag number, padded", "9f80210101", false, false, false},
    {"high tag number without end", "9fffffffff00", false, false, false},
    {"true", "0101ff", true, true, true},
    {"true as 1", "010101", true, true, false},
    {"bit string", "030204f0", true, true, true},
    {"bit string, unused bits set", "030204ff", true, true, false},
    {"bit string without a count", "0300", true, true, false},
    {"bit string, count 8", "030208f0", true, true, false},
    {"bit string, unused bits of nothing", "030104", true, true, false},
    {"null", "0500", true, true, true},
    {"null with contents", "050100", true, true, false},
    {"constructed octet string", "2404040201ff", true, true, false},
    {"primitive sequence", "1000", true, true, false},
    {"set in order", "3106020101020102", true, true, true},
    {"set out of order", "3106020102020101", true, true, false},
    {"set of equals", "3106020101020101", true, true, true},
    {"sequence out of order", "3006020102020101", true, true, true},
    {"bit string, count 0", "030200ff", true, true, true},
    {"bit string, count 1", "030201fe", true, true, true},
    {"bit string, count 1, set", "030201fd", true, true, false},
    {"bit string, count 7", "03020780", true, true, true},
    {"bit string, count 7, set", "030207c0", true, true, false},
    {"bit string, count 8, clear", "03020800", true, true, false},
    {"bit string of nothing", "030100", true, true, true},
    {"bit string, last octet counts", "03030400f0", true, true, true},
    {"bit string, only the last octet counts", "030304fff0", true, true, true},
    {"false", "010100", true, true, true},
    {"boolean of two octets", "0102ff00", true, true, false},
    {"boolean of none", "0100", true, true, false},
    {"enumerated", "0a0105", true, true, true},
    {"padded enumerated", "0a020005", true, true, false},
    {"primitive set", "1100", true, true, false},
    {"high tag number 30, one below", "9f1e00", false, false, false},
    {"high tag number 31, the least", "9f1f00", true, true, true},
    {"high tag number of four octets", "9f8180800100", true, true, true},
    {"high tag number of five octets", "9f818080800100", false, false, false},
};

START_TEST(item_is_read)
{
    struct buffer in = from_hex(items[_i].hex);
    for (int rules = DER_ONLY; rules <= DER_OR_BER; rules++) {
        struct der d = der_of(buffer_bytes(&in), (enum der_rules)rules);
        struct der_item item;
        bool expected = rules == DER_ONLY ? items[_i].der : items[_i].ber;
        ck_assert_msg(der_next(&d, &item) == expected, "%s, rules %d", items[_i].what, rules);
        ck_assert_int_eq(d.failed, !expected && in.size > 0);
        if (expected)
            assert_same(item.whole, buffer_bytes(&in));
    }
    ck_assert_msg(der_is_strict(buffer_bytes(&in)) == items[_i].strict, "%s", items[_i].what);
    buffer_free(&in);
}
END_TEST

START_TEST(two_items_are_not_one)
{
    struct buffer one = from_hex("0500"), two = from_hex("05000500");
    ck_assert(der_is_strict(buffer_bytes(&one)));
    ck_assert(!der_is_strict(buffer_bytes(&two)));
    buffer_free(&one);
    buffer_free(&two);
}
END_TEST

/* BER and the DER that it becomes; NULL: it cannot be. */
static const struct {
    const char *what, *ber, *der;
} normal_forms[] = {
    {"DER stays", "3003020105", "3003020105"},
    {"lengths become short",
     "3083000004"
     "02810105",
     "3003020105"},
    {"indefinite lengths go", "3080308002010500000000", "30053003020105"},
    {"true is FF", "010101", "0101ff"},
    {"unused bits are cleared", "030204ff", "030204f0"},
    {"octet string joined",
     "2480040101"
     "2404040202030000",
     "0403010203"},
    {"bit string joined",
     "238003020001"
     "030204ff0000",
     "03030401f0"},
    {"bit string of nothing", "23800000", "030100"},
    {"bit string, unused bits in the middle",
     "2380030204f0"
     "0302000100"
     "00",
     NULL},
    {"bit string, unused bits of no octet", "2303030105", NULL},
    {"string of another type inside", "24800201050000", NULL},
    {"padded integers stay: they were signed", "02020005", "02020005"},
    {"sets keep their order", "3106020102020101", "3106020102020101"},
    {"high tag number stays", "9f2181020101", "9f21020101"},
    {"higher tag number stays", "bf87218000 00", "bf872100"},
    {"what follows is left out", "0201050000", "020105"},
    {"no item", "30", NULL},
    {"damage inside", "30020205", NULL},
};

START_TEST(ber_becomes_der)
{
    struct buffer in = from_hex(normal_forms[_i].ber), out = {0};
    struct fault f = {0};
    bool good = der_normalise(buffer_bytes(&in), &out, &f);
    ck_assert_msg(good == (normal_forms[_i].der != NULL), "%s: %s", normal_forms[_i].what, f.text);
    if (good) {
        struct buffer expected = from_hex(normal_forms[_i].der);
        assert_same(buffer_bytes(&out), buffer_bytes(&expected));
        buffer_free(&expected);
    } else {
        ck_assert_int_eq(f.code, FAULT_DAMAGED);
    }
    buffer_free(&in);
    buffer_free(&out);
}
END_TEST

/* Nesting beyond the limit is refused, at the limit read; definite and indefinite alike. */
START_TEST(nesting_is_bounded)
{
    for (int indefinite = 0; indefinite <= 1; indefinite++) {
        for (unsigned depth = DER_DEPTH_LIMIT - 2; depth <= DER_DEPTH_LIMIT + 2; depth++) {
            struct buffer in = {0}, out = {0};
            for (unsigned i = 0; i < depth; i++) {
                if (!indefinite) {
                    der_wrap(&in, 0, DER_SEQUENCE);
                    continue;
                }
                static const uint8_t open[2] = {DER_SEQUENCE, 0x80}, close[2] = {0, 0};
                buffer_insert(&in, 0, bytes_of(open, 2));
                buffer_add(&in, bytes_of(close, 2));
            }
            ck_assert_int_eq(der_normalise(buffer_bytes(&in), &out, NULL), depth < DER_DEPTH_LIMIT);
            buffer_free(&in);
            buffer_free(&out);
        }
    }
}
END_TEST

/* A megabyte of opening brackets is answered at once. */
START_TEST(deep_nesting_costs_nothing)
{
    struct buffer in = {0};
    for (int i = 0; i < 500000; i++)
        add_hex(&in, "3080");
    ck_assert(!der_is_strict(buffer_bytes(&in)));
    struct der d = der_of(buffer_bytes(&in), DER_OR_BER);
    struct der_item item;
    ck_assert(!der_next(&d, &item) && d.failed);
    buffer_free(&in);
}
END_TEST

static const struct {
    const char *hex, *minimal;
} integers[] = {
    {"00", "00"},     {"0000", "00"},       {"0080", "0080"}, {"ff80", "80"},     {"ffff", "ff"},
    {"ff7f", "ff7f"}, {"000000ff", "00ff"}, {"", ""},         {"fffffffe", "fe"}, {"7f", "7f"},
};

START_TEST(integer_is_made_minimal)
{
    struct buffer in = from_hex(integers[_i].hex), expected = from_hex(integers[_i].minimal);
    assert_same(der_minimal_integer(buffer_bytes(&in)), buffer_bytes(&expected));
    buffer_free(&in);
    buffer_free(&expected);
}
END_TEST

static const struct {
    const char *hex, *text;
} oids[] = {
    {"550403", "2.5.4.3"}, {"2a864886f70d010101", "1.2.840.113549.1.1.1"},
    {"00", "0.0"},         {"27", "0.39"},
    {"4f", "1.39"},        {"50", "2.0"},
    {"8837", "2.999"},     {"", "?"},
    {"86", "?"},           {"2affffffffffffffffff7f", "?"},
};

START_TEST(oid_has_its_text)
{
    struct buffer in = from_hex(oids[_i].hex);
    char text[64], cut[4];
    size_t size = der_oid_text(buffer_bytes(&in), text, sizeof text);
    ck_assert_str_eq(text, oids[_i].text);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_uint_eq(der_oid_text(buffer_bytes(&in), cut, sizeof cut), size);
    ck_assert_uint_eq(strlen(cut), size < 3 ? size : 3);
    buffer_free(&in);
}
END_TEST

/* The header by hand, X.690 8.1.3: short up to 127, then as few octets as the length has.  With one
 * octet more it is BER and no DER; with contents one octet short it is nothing. */
START_TEST(length_is_read_at_its_edges)
{
    static const struct {
        size_t size;
        const char *header, *longer;
    } cases[] = {
        {127, "047f", "04817f"},           {128, "048180", "04820080"},
        {255, "0481ff", "048200ff"},       {256, "04820100", "0483000100"},
        {65535, "0482ffff", "048300ffff"}, {65536, "0483010000", "048400010000"},
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        size_t size = cases[i / 2].size;
        struct buffer in = from_hex(i % 2 ? cases[i / 2].longer : cases[i / 2].header);
        buffer_reserve(&in, size + 16);
        memset(in.at + in.size, 0x5a, size);
        in.size += size;
        for (int rules = DER_ONLY; rules <= DER_OR_BER; rules++) {
            struct der d = der_of(buffer_bytes(&in), (enum der_rules)rules);
            struct der_item item;
            bool good = rules == DER_OR_BER || i % 2 == 0;
            ck_assert_msg(der_next(&d, &item) == good, "%zu octets, case %zu", size, i);
            if (good) {
                ck_assert_uint_eq(item.contents.size, size);
                ck_assert_int_eq(item.shortest, i % 2 == 0);
            }
            d = der_of(bytes_of(in.at, in.size - 1), (enum der_rules)rules);
            ck_assert(!der_next(&d, &item) && d.failed);
        }
        struct buffer normal = {0}, expected = from_hex(cases[i / 2].header);
        ck_assert(der_normalise(buffer_bytes(&in), &normal, NULL));
        ck_assert_uint_eq(normal.size, expected.size + size);
        ck_assert_mem_eq(normal.at, expected.at, expected.size);
        ck_assert_int_eq(der_is_strict(buffer_bytes(&in)), i % 2 == 0);
        buffer_free(&in);
        buffer_free(&normal);
        buffer_free(&expected);
    }
}
END_TEST

/* The count of unused bits in one piece and in segments: 0 to 7, and no other. */
START_TEST(unused_bits_are_read_at_their_edges)
{
    for (uint8_t count = 0; count <= 9; count++) {
        const uint8_t whole[] = {0x03, 0x02, count, 0xff};
        const uint8_t segment[] = {0x23, 0x04, 0x03, 0x02, count, 0xff};
        const uint8_t normal[] = {0x03, 0x02, count, (uint8_t)(0xff << count)};
        for (int segmented = 0; segmented <= 1; segmented++) {
            struct bytes in = segmented ? bytes_of(segment, 6) : bytes_of(whole, 4), bits = {0};
            struct der d = der_of(in, DER_OR_BER);
            struct der_item item;
            uint8_t unused = 99;
            ck_assert(der_next(&d, &item));
            ck_assert_int_eq(der_bits(&d, &item, &bits, &unused), count <= 7);
            if (count <= 7) {
                ck_assert_uint_eq(unused, count);
                assert_same(bits, bytes_of("\xff", 1));
            }
            struct buffer out = {0};
            bool good = der_normalise(in, &out, NULL);
            ck_assert_int_eq(good, count <= 7 || !segmented);
            if (count <= 7)
                assert_same(buffer_bytes(&out), bytes_of(normal, 4));
            else if (good)
                assert_same(buffer_bytes(&out), in); /* what it means is not known: it stays */
            buffer_free(&out);
        }
        ck_assert_int_eq(der_is_strict(bytes_of(normal, 4)), count <= 7);
        ck_assert_int_eq(der_is_strict(bytes_of(whole, 4)), count == 0);
    }
}
END_TEST

START_TEST(length_is_written_shortest)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct buffer out = {0};
        buffer_reserve(&out, sizes[i] + 8);
        memset(out.at, 0, sizes[i]);
        out.size = sizes[i];
        ck_assert(der_wrap(&out, 0, DER_OCTET_STRING));
        ck_assert(der_is_strict(buffer_bytes(&out)));
        buffer_free(&out);
    }
}
END_TEST

int main(void)
{
    return check_main("der", (const struct check_case[]){
                                 {item_is_read, ARRAY_SIZE(items)},
                                 {two_items_are_not_one, 0},
                                 {ber_becomes_der, ARRAY_SIZE(normal_forms)},
                                 {nesting_is_bounded, 0},
                                 {deep_nesting_costs_nothing, 0},
                                 {integer_is_made_minimal, ARRAY_SIZE(integers)},
                                 {oid_has_its_text, ARRAY_SIZE(oids)},
                                 {length_is_read_at_its_edges, 0},
                                 {unused_bits_are_read_at_their_edges, 0},
                                 {length_is_written_shortest, 0},
                                 {0},
                             });
}
