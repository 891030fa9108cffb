/* Serialized stores: made by hand after [MS-OSHARED] 2.3.2.5.5, since nothing on Linux writes them.
 */
#include "formats/certs/sst.h"
#include "tests/formats/certs/support.h"

#define HEADER "00000000 43455254"
#define END "00000000 00000000 00000000"
#define PROPERTY "03000000 01000000 02000000 abcd" /* CERT_SHA1_HASH_PROP_ID */
#define CERTIFICATE "20000000 01000000 03000000 300101"
#define CRL "21000000 01000000 01000000 30"
#define CTL "22000000 01000000 00000000"

static const struct {
    const char *what, *hex;
    bool is_sst, ends;
    size_t entries, properties, tail;
} stores[] = {
    {"empty", HEADER END, true, true, 0, 0, 12},
    {"one certificate", HEADER CERTIFICATE END, true, true, 1, 0, 12},
    {"properties", HEADER PROPERTY PROPERTY CERTIFICATE CRL PROPERTY CTL END, true, true, 3, 3, 12},
    {"bytes after the end", HEADER CERTIFICATE END "ffff", true, true, 1, 0, 14},
    {"property of nothing", HEADER CERTIFICATE PROPERTY END, true, true, 1, 0, 26},
    {"end element with other fields", HEADER "00000000 05000000 00000000", true, true, 0, 0, 12},
    {"no end element", HEADER CERTIFICATE, true, false, 1, 0, 0},
    {"cut in the end element", HEADER CERTIFICATE "0000000000", true, false, 1, 0, 0},
    {"cut in a certificate", HEADER CERTIFICATE "20000000 01000000 03000000 3001", true, false, 1,
     0, 0},
    {"length beyond everything", HEADER "20000000 01000000 ffffffff 30", true, false, 0, 0, 0},
    {"header alone", HEADER, true, false, 0, 0, 0},
    {"header cut", "00000000 434552", false, false, 0, 0, 0},
    {"another version", "01000000 43455254" END, false, false, 0, 0, 0},
    {"nothing", "", false, false, 0, 0, 0},
};

START_TEST(store_is_read)
{
    struct buffer in = from_hex(stores[_i].hex), out = {0};
    struct sst_reader r;
    struct sst_entry entry;
    struct sst_property property;
    struct fault f = {0};
    size_t entries = 0, properties = 0;
    ck_assert_int_eq(sst_open(buffer_bytes(&in), &r, &f), stores[_i].is_sst);
    ck_assert_int_eq(f.code, stores[_i].is_sst ? FAULT_NONE : FAULT_NOT_THIS);
    if (!stores[_i].is_sst) {
        buffer_free(&in);
        return;
    }
    sst_write_header(&out);
    for (; sst_next(&r, &entry, &f); entries++) {
        for (size_t at = 0; sst_property_next(entry.properties, &at, &property); properties++)
            sst_write_element(&out, property.id, property.encoding, property.data);
        sst_write_element(&out, entry.id, entry.encoding, entry.data);
    }
    ck_assert_msg(entries == stores[_i].entries && properties == stores[_i].properties, "%s",
                  stores[_i].what);
    ck_assert_int_eq(r.failed, !stores[_i].ends);
    ck_assert_int_eq(f.code, stores[_i].ends ? FAULT_NONE : FAULT_DAMAGED);
    if (stores[_i].ends) {
        ck_assert_uint_eq(r.tail.size, stores[_i].tail);
        buffer_add(&out, r.tail);
        assert_same(buffer_bytes(&out), buffer_bytes(&in));
    }
    ck_assert(!sst_next(&r, &entry, NULL));
    buffer_free(&in);
    buffer_free(&out);
}
END_TEST

START_TEST(store_is_written)
{
    struct buffer out = {0}, expected = from_hex(HEADER PROPERTY CERTIFICATE END);
    static const uint8_t hash[] = {0xab, 0xcd}, certificate[] = {0x30, 1, 1};
    sst_write_header(&out);
    sst_write_element(&out, 3, SST_ENCODING, bytes_of(hash, sizeof hash));
    sst_write_element(&out, SST_CERTIFICATE, SST_ENCODING,
                      bytes_of(certificate, sizeof certificate));
    ck_assert(sst_write_end(&out));
    assert_same(buffer_bytes(&out), buffer_bytes(&expected));
    buffer_free(&out);
    buffer_free(&expected);
}
END_TEST

int main(void)
{
    return check_main("sst", (const struct check_case[]){
                                 {store_is_read, ARRAY_SIZE(stores)},
                                 {store_is_written, 0},
                                 {0},
                             });
}
