/*
 * Hashes inside other values: those of the text "abc", as RFC 1321, FIPS 180-4 and the CRC
 * catalogue have them, in every form, and nothing else.
 */
#include "migrate/judge/digests.h"
#include "tests/check_main.h"

#include <string.h>

static const char *const known[] = {
    "900150983cd24fb0d6963f7d28e17f72",
    "a9993e364706816aba3e25717850c26c9cd0d89d",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825"
    "a7",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

static struct digests *digests;

static void open_abc(void)
{
    digests = digests_open();
    ck_assert_ptr_nonnull(digests);
    ck_assert(digests_add(digests, bytes_of("another", 7), 3));
    ck_assert(digests_add(digests, bytes_of("abc", 3), 7));
}

static void close_abc(void)
{
    digests_close(digests);
}

static uint32_t find(const void *value, size_t size)
{
    uint32_t which = 99;
    ck_assert(digests_find(digests, bytes_of(value, size), &which));
    return which;
}

static size_t octets_of(const char *digits, uint8_t *to)
{
    size_t size = strlen(digits) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned octet;
        ck_assert_int_eq(sscanf(digits + 2 * i, "%2x", &octet), 1);
        to[i] = (uint8_t)octet;
    }
    return size;
}

START_TEST(bytes_at_any_offset)
{
    uint8_t value[200], hash[64];
    open_abc();
    size_t size = octets_of(known[_i], hash);
    for (size_t before = 0; before < 40; before += 13) {
        memset(value, 0x5a, sizeof value);
        memcpy(value + before, hash, size);
        ck_assert_uint_eq(find(value, before + size + 5), 7);
        for (size_t i = 0; i < size; i++)
            value[before + i] = hash[size - 1 - i];
        ck_assert_uint_eq(find(value, before + size), 7);
        memset(value, 0x5a, sizeof value);
        memcpy(value + before, hash, 8);
        ck_assert_uint_eq(find(value, before + 8), 7);
        memcpy(value + before, hash + size - 8, 8);
        ck_assert_uint_eq(find(value, before + 8), 7);
        ck_assert_uint_eq(find(value, before + 7), DIGESTS_NONE);
    }
    close_abc();
}
END_TEST

START_TEST(digits)
{
    char value[400];
    open_abc();
    size_t size = strlen(known[_i]), used;
    ck_assert_uint_eq(find(known[_i], size), 7);
    snprintf(value, sizeof value, "SHA: a%sz", known[_i]);
    ck_assert_uint_eq(find(value, strlen(value)), 7);
    for (const char *parts = ": -\n"; *parts; parts++) {
        used = 0;
        for (size_t i = 0; i < size; i += 2)
            used += (size_t)snprintf(value + used, sizeof value - used, "%.2s%c", known[_i] + i,
                                     *parts);
        for (size_t i = 0; i < used; i++)
            if (value[i] >= 'a' && i % 2)
                value[i] = (char)(value[i] - 'a' + 'A');
        ck_assert_uint_eq(find(value, used), 7);
    }
    for (size_t i = 0; i < size; i++) {
        value[2 * i] = known[_i][i];
        value[2 * i + 1] = '\0';
    }
    ck_assert_uint_eq(find(value, 2 * size), 7);
    memcpy(value, known[_i], size);
    value[7] = value[7] == '0' ? '1' : '0';
    value[size - 9] = value[size - 9] == '0' ? '1' : '0';
    ck_assert_uint_eq(find(value, size), DIGESTS_NONE);
    close_abc();
}
END_TEST

START_TEST(base64)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t hash[66] = {0};
    char value[120];
    open_abc();
    size_t size = octets_of(known[_i], hash), used = 0;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 | hash[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            value[used++] = letters[bits >> shift & 63];
    }
    ck_assert_uint_eq(find(value, used), 7);
    memmove(value + 3, value, used);
    memcpy(value, "key", 3); /* that could be three more letters of it */
    ck_assert_uint_eq(find(value, used + 3), 7);
    close_abc();
}
END_TEST

START_TEST(crc_and_guid)
{
    static const uint8_t crc[] = {0xc2, 0x41, 0x24, 0x35}, turned[] = {0x35, 0x24, 0x41, 0xc2};
    static const uint8_t guid[] = {0x98, 0x50, 0x01, 0x90, 0xd2, 0x3c, 0xb0, 0x4f,
                                   0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
    uint8_t longer[5] = {0};
    open_abc();
    ck_assert_uint_eq(find(crc, sizeof crc), 7);
    ck_assert_uint_eq(find(turned, sizeof turned), 7);
    ck_assert_uint_eq(find("352441c2", 8), 7);
    memcpy(longer, crc, sizeof crc);
    ck_assert_uint_eq(find(longer, sizeof longer), DIGESTS_NONE);
    ck_assert_uint_eq(find(guid, sizeof guid), 7);
    close_abc();
}
END_TEST

START_TEST(nothing)
{
    open_abc();
    ck_assert_uint_eq(find("", 0), DIGESTS_NONE);
    ck_assert_uint_eq(find("abc", 3), DIGESTS_NONE);
    ck_assert_uint_eq(find("0123456789abcdef0123456789abcdef", 32), DIGESTS_NONE);
    struct digests *none = digests_open();
    uint32_t which;
    ck_assert(none && digests_find(none, bytes_of(known[0], 32), &which));
    ck_assert_uint_eq(which, DIGESTS_NONE);
    ck_assert(digests_add(none, bytes_of("abc", 3), 1)); /* after a search, too */
    ck_assert(digests_find(none, bytes_of(known[0], 32), &which));
    ck_assert_uint_eq(which, 1);
    digests_close(none);
    close_abc();
}
END_TEST

int main(void)
{
    return check_main("digests", (const struct check_case[]){
                                     {bytes_at_any_offset, ARRAY_SIZE(known)},
                                     {digits, ARRAY_SIZE(known)},
                                     {base64, ARRAY_SIZE(known)},
                                     {crc_and_guid, 0},
                                     {nothing, 0},
                                     {0},
                                 });
}
