/* PKCS#7: lists that OpenSSL and certtool write are read; lists written here are read by OpenSSL.
 */
#include "formats/certs/pkcs7.h"
#include "tests/formats/certs/support.h"

static char folder[256];

static struct buffer load(const char *name)
{
    return read_file(folder, name);
}

/* Reads all entries; their kinds as text, "c" certificate, "r" CRL, "o" and "O" others among
 * them, "!" damage. */
static void read_kinds(struct bytes b, char *kinds)
{
    struct pkcs7_reader r;
    struct pkcs7_entry entry;
    struct fault f = {0};
    ck_assert_msg(pkcs7_open(b, &r, &f), "%s", f.text);
    while (pkcs7_next(&r, &entry, &f))
        *kinds++ = "croO"[entry.type];
    if (r.failed)
        *kinds++ = '!';
    *kinds = '\0';
}

static const struct {
    const char *file, *kinds;
} files[] = {
    {"list.p7b", "cccr"},
    {"certtool.p7b", "ccc"},
    {"signed.p7m", "cccc"},
};

START_TEST(list_of_others_is_read)
{
    char kinds[16];
    struct buffer in = load(files[_i].file), ber = as_ber(buffer_bytes(&in));
    read_kinds(buffer_bytes(&in), kinds);
    ck_assert_str_eq(kinds, files[_i].kinds);
    read_kinds(buffer_bytes(&ber), kinds);
    ck_assert_str_eq(kinds, files[_i].kinds);
    buffer_free(&in);
    buffer_free(&ber);
}
END_TEST

START_TEST(entries_are_the_files)
{
    static const char *const names[] = {"rsa1024.der", "leaf.der", "p256.der", "crl.der"};
    struct buffer in = load("list.p7b");
    struct pkcs7_reader r;
    struct pkcs7_entry entry;
    ck_assert(pkcs7_open(buffer_bytes(&in), &r, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct buffer file = load(names[i]);
        ck_assert(pkcs7_next(&r, &entry, NULL));
        assert_same(entry.whole, buffer_bytes(&file));
        ck_assert_mem_eq(in.at + entry.offset, entry.whole.at, entry.whole.size);
        buffer_free(&file);
    }
    ck_assert(!pkcs7_next(&r, &entry, NULL) && !r.failed);
    buffer_free(&in);
}
END_TEST

/* A cut list has no entries, whatever is left of it; it is still known for what it was. */
START_TEST(cut_list_is_damaged)
{
    struct buffer in = load("list.p7b");
    struct pkcs7_reader r;
    for (size_t size = 0; size < in.size; size += 7) {
        struct fault f = {0};
        ck_assert(!pkcs7_open(bytes_of(in.at, size), &r, &f));
        ck_assert_int_eq(f.code, size < 15 ? FAULT_NOT_THIS : FAULT_DAMAGED);
    }
    buffer_free(&in);
}
END_TEST

/* SignedData by hand: what stands in the fields of certificates and CRLs. */
static const struct {
    const char *what, *lists, *kinds; /* NULL: not opened */
} by_hand[] = {
    {"no lists", "", ""},
    {"empty lists", "a000 a100", ""},
    {"indefinite lists", "a080 3000 0000 a180 3000 0000", "cr"},
    {"attribute certificate", "a004 3000 a100", "co"},
    {"other revocation information", "a002 3000 a104 a100 3000", "cOr"},
    {"no item after one", "a003 3000 30", "c!"},
    {"CRLs alone", "a102 3000", "r"},
    {"CRLs before certificates", "a102 3000 a002 3000", NULL},
};

START_TEST(list_by_hand_is_read)
{
    struct buffer in = from_hex("020101 3100 300b06092a864886f70d010701");
    struct pkcs7_reader r;
    char kinds[16];
    add_hex(&in, by_hand[_i].lists);
    add_hex(&in, "3100");
    der_wrap(&in, 0, DER_SEQUENCE);
    der_wrap(&in, 0, 0xa0);
    struct buffer oid = from_hex("06092a864886f70d010702");
    buffer_insert(&in, 0, buffer_bytes(&oid));
    der_wrap(&in, 0, DER_SEQUENCE);
    if (by_hand[_i].kinds != NULL) {
        read_kinds(buffer_bytes(&in), kinds);
        ck_assert_msg(strcmp(kinds, by_hand[_i].kinds) == 0, "%s: %s", by_hand[_i].what, kinds);
    } else {
        ck_assert(!pkcs7_open(buffer_bytes(&in), &r, NULL));
    }
    buffer_free(&oid);
    buffer_free(&in);
}
END_TEST

START_TEST(written_list_is_read_by_openssl)
{
    struct buffer one = load("rsa1024.der"), two = load("leaf.der"), crl = load("crl.der"),
                  out = {0};
    struct pkcs7_writer w;
    char kinds[16];
    pkcs7_write_begin(&w, &out, NULL);
    pkcs7_write(&w, PKCS7_CERTIFICATE, buffer_bytes(&one));
    pkcs7_write(&w, PKCS7_CRL, buffer_bytes(&crl));
    pkcs7_write(&w, PKCS7_CERTIFICATE, buffer_bytes(&two));
    ck_assert(pkcs7_write_end(&w));
    ck_assert(der_is_strict(buffer_bytes(&out)));
    read_kinds(buffer_bytes(&out), kinds);
    ck_assert_str_eq(kinds, "ccr");
    write_file(folder, "written.p7b", buffer_bytes(&out));
    run("test \"$(openssl pkcs7 -inform DER -in '%s/written.p7b' -print_certs | "
        "grep -c 'BEGIN CERTIFICATE')\" = 2",
        folder);
    run("certtool --p7-info --inder --infile '%s/written.p7b' >'%s/written.txt'", folder, folder);
    buffer_free(&one);
    buffer_free(&two);
    buffer_free(&crl);
    buffer_free(&out);
}
END_TEST

/* A list rewritten in its own frame keeps content and signers: OpenSSL still verifies it. */
START_TEST(frame_is_kept)
{
    struct buffer in = load("signed.p7m"), out = {0};
    struct pkcs7_reader r;
    struct pkcs7_writer w;
    struct pkcs7_entry entry;
    int count = 0;
    ck_assert(pkcs7_open(buffer_bytes(&in), &r, NULL));
    pkcs7_write_begin(&w, &out, &r.frame);
    for (; pkcs7_next(&r, &entry, NULL); count++) {
        if (count != 1)
            pkcs7_write(&w, entry.type, entry.whole);
    }
    ck_assert(pkcs7_write_end(&w));
    write_file(folder, "rewritten.p7m", buffer_bytes(&out));
    run("openssl cms -verify -inform DER -in '%s/rewritten.p7m' -CAfile '%s/rsa2048.crt' -purpose "
        "any "
        "-out '%s/content' 2>'%s/cms.log' || { cat '%s/cms.log' >&2; false; }",
        folder, folder, folder, folder, folder);
    struct buffer content = load("content");
    assert_same(buffer_bytes(&content), text_bytes("content"));
    buffer_free(&content);
    buffer_free(&in);
    buffer_free(&out);
}
END_TEST

int main(void)
{
    if (!make_vectors(folder, sizeof folder))
        return EXIT_FAILURE;
    int status = check_main("pkcs7", (const struct check_case[]){
                                         {list_of_others_is_read, ARRAY_SIZE(files)},
                                         {entries_are_the_files, 0},
                                         {cut_list_is_damaged, 0},
                                         {list_by_hand_is_read, ARRAY_SIZE(by_hand)},
                                         {written_list_is_read_by_openssl, 0},
                                         {frame_is_kept, 0},
                                         {0},
                                     });
    return remove_vectors(folder, status);
}
