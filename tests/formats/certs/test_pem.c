/* PEM: what lax readers of the 1990s and today accept, what is damaged, and writing. */
#include "formats/certs/pem.h"
#include "tests/formats/certs/support.h"

#define BLOCK(body) "-----BEGIN CERTIFICATE-----\n" body "-----END CERTIFICATE-----\n"

/* A text with one block, and what it encodes; NULL: it is damaged. */
static const struct {
    const char *what, *text, *hex;
} blocks[] = {
    {"one line", BLOCK("AQID\n"), "010203"},
    {"padding of one", BLOCK("AQI=\n"), "0102"},
    {"padding of two", BLOCK("AQ==\n"), "01"},
    {"padding left out", BLOCK("AQ\n"), "01"},
    {"unused bits set", BLOCK("AR==\n"), "01"},
    {"nothing", BLOCK(""), ""},
    {"text around", "subject: x\n" BLOCK("AQID\n") "more", "010203"},
    {"lines of CR LF", "-----BEGIN CERTIFICATE-----\r\nAQ\r\nID\r\n-----END CERTIFICATE-----\r\n",
     "010203"},
    {"white space", BLOCK(" A Q\t\n\nI D"), "010203"},
    {"headers", BLOCK("Proc-Type: 4,CLEAR\nName: a\n b\n\nAQID\n"), "010203"},
    {"no line break at the end", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----",
     "010203"},
    {"one digit over", BLOCK("AQIDA\n"), NULL},
    {"padding inside", BLOCK("AQ==AQID\n"), NULL},
    {"padding of three", BLOCK("A===\n"), NULL},
    {"padding too short", BLOCK("AQ=\n"), NULL},
    {"padding alone", BLOCK("=\n"), NULL},
    {"padding too much", BLOCK("AQI==\n"), NULL},
    {"another character", BLOCK("AQ*D\n"), NULL},
    {"no end", "-----BEGIN CERTIFICATE-----\nAQID\n", NULL},
    {"end of another", "-----BEGIN CERTIFICATE-----\nAQID\n-----END X-----\n", NULL},
    {"beginning again", "-----BEGIN CERTIFICATE-----\nAQ\n" BLOCK("AQID\n"), NULL},
};

START_TEST(block_is_decoded)
{
    struct pem_reader r = pem_open(text_bytes(blocks[_i].text));
    struct pem_block block;
    struct buffer out = {0};
    struct fault f = {0};
    ck_assert(pem_detect(r.b));
    bool good = pem_next(&r, &block, &f) && pem_decode(&block, &out, &f);
    ck_assert_msg(good == (blocks[_i].hex != NULL), "%s: %s", blocks[_i].what, f.text);
    if (good) {
        struct buffer expected = from_hex(blocks[_i].hex);
        ck_assert(pem_is(&block, "CERTIFICATE") && !pem_is(&block, "CERT"));
        assert_same(buffer_bytes(&out), buffer_bytes(&expected));
        ck_assert(!pem_next(&r, &block, &f) && !r.failed);
        buffer_free(&expected);
    } else {
        ck_assert_int_eq(f.code, FAULT_DAMAGED);
        ck_assert_uint_eq(out.size, 0);
    }
    buffer_free(&out);
}
END_TEST

START_TEST(no_block_is_no_damage)
{
    static const char *const texts[] = {
        "", "x", "-----BEGIN ", "-----BEGIN X", "-----BEGIN X\n-----", "-----END X-----"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct pem_reader r = pem_open(text_bytes(texts[i]));
        struct pem_block block;
        struct fault f = {0};
        ck_assert_msg(!pem_next(&r, &block, &f), "%s", texts[i]);
        ck_assert(!r.failed && f.code == FAULT_NONE);
    }
}
END_TEST

/* Every length from nothing to some lines is written as OpenSSL writes it, and read again. */
START_TEST(written_block_is_read)
{
    uint8_t octets[200];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 37);
    for (size_t size = 0; size <= sizeof octets; size++) {
        struct buffer text = {0}, back = {0};
        struct pem_block block;
        ck_assert(pem_write(&text, "X509 CRL", bytes_of(octets, size)));
        struct pem_reader r = pem_open(buffer_bytes(&text));
        ck_assert(pem_next(&r, &block, NULL) && pem_decode(&block, &back, NULL));
        assert_same(buffer_bytes(&back), bytes_of(octets, size));
        size_t digits = (size + 2) / 3 * 4;
        ck_assert_uint_eq(block.body.size, 1 + digits + (digits + 63) / 64);
        assert_same(block.whole, buffer_bytes(&text));
        buffer_free(&text);
        buffer_free(&back);
    }
}
END_TEST

int main(void)
{
    return check_main("pem", (const struct check_case[]){
                                 {block_is_decoded, ARRAY_SIZE(blocks)},
                                 {no_block_is_no_damage, 0},
                                 {written_block_is_read, 0},
                                 {0},
                             });
}
