/* Lists of any kind: what they are, their entries, dropping some, writing new ones. */
#include "formats/certs/certs.h"
#include "formats/certs/x509.h"
#include "tests/formats/certs/support.h"

static char folder[256];

#define SST_HEADER "00000000 43455254"
#define SST_END_HEX "00000000 00000000 00000000"

static void add_file(struct buffer *out, const char *name)
{
    struct buffer file = read_file(folder, name);
    buffer_add(out, buffer_bytes(&file));
    buffer_free(&file);
}

static void add_element(struct buffer *out, uint32_t id, const char *name)
{
    struct buffer file = read_file(folder, name);
    sst_write_element(out, id, SST_ENCODING, buffer_bytes(&file));
    buffer_free(&file);
}

/* A list of rsa1024, leaf and p256, and for some kinds the CRL; with things around the entries that
 * a rewrite has to keep. */
static struct buffer make_list(enum certlist_kind kind)
{
    struct buffer out = {0};
    switch (kind) {
    case CERTLIST_DER:
        add_file(&out, "rsa1024.der");
        add_file(&out, "leaf.der");
        add_file(&out, "p256.der");
        add_hex(&out, "000000");
        break;
    case CERTLIST_PEM:
        buffer_add_text(&out, "first\n");
        add_file(&out, "rsa1024.crt");
        add_file(&out, "rsa512.key");
        buffer_add_text(&out, "second\n");
        add_file(&out, "leaf.crt");
        add_file(&out, "p256.crt");
        buffer_add_text(&out, "end\n");
        break;
    case CERTLIST_PKCS7:
        add_file(&out, "list.p7b");
        add_hex(&out, "0000");
        break;
    case CERTLIST_SST:
        add_hex(&out, SST_HEADER "03000000 01000000 02000000 abcd");
        add_element(&out, SST_CERTIFICATE, "rsa1024.der");
        add_element(&out, SST_CERTIFICATE, "leaf.der");
        add_hex(&out, "0b000000 01000000 02000000 4100"
                      "14000000 01000000 00000000");
        add_element(&out, SST_CERTIFICATE, "p256.der");
        add_hex(&out, SST_END_HEX "ff");
        break;
    case CERTLIST_ITEMS:
    case CERTLIST_NONE:
        break;
    }
    return out;
}

static const enum certlist_kind kinds[] = {CERTLIST_DER, CERTLIST_PEM, CERTLIST_PKCS7,
                                           CERTLIST_SST};

/* Checks that the list holds these files' certificates, in order; a CRL may follow. */
static void expect_entries(struct bytes value, const char *const *names, size_t count)
{
    struct certlist list;
    struct certlist_entry entry;
    struct x509_certificate c;
    struct fault f = {0};
    ck_assert_msg(certlist_open(&list, value, &f), "%s", f.text);
    for (size_t i = 0; i < count; i++) {
        struct buffer file = read_file(folder, names[i]);
        ck_assert_msg(certlist_next(&list, &entry, &f), "%s", f.text);
        ck_assert_int_eq(entry.type, CERTLIST_CERTIFICATE);
        ck_assert_uint_eq(entry.index, i);
        ck_assert(x509_certificate_read(entry.encoded, &c, NULL));
        assert_same(c.envelope.whole, buffer_bytes(&file));
        buffer_free(&file);
    }
    while (certlist_next(&list, &entry, &f))
        ck_assert_int_eq(entry.type, CERTLIST_CRL);
    ck_assert_msg(!list.failed && f.code == FAULT_NONE, "%s", f.text);
    certlist_close(&list);
}

START_TEST(list_has_its_kind_and_entries)
{
    static const char *const names[] = {"rsa1024.der", "leaf.der", "p256.der"};
    struct buffer list = make_list(kinds[_i]);
    ck_assert_int_eq(certlist_detect(buffer_bytes(&list)), kinds[_i]);
    expect_entries(buffer_bytes(&list), names, 3);
    buffer_free(&list);
}
END_TEST

static bool keep_all(void *context, const struct certlist_entry *entry, struct bytes *more)
{
    (void)entry;
    (void)more;
    ++*(int *)context;
    return true;
}

static bool drop_one(void *context, const struct certlist_entry *entry, struct bytes *more)
{
    (void)more;
    return entry->index != *(size_t *)context;
}

START_TEST(nothing_dropped_changes_nothing)
{
    struct buffer list = make_list(kinds[_i]), out = {0};
    struct fault f = {0};
    int asked = 0;
    ck_assert(certlist_rewrite(buffer_bytes(&list), NULL, keep_all, &asked, NULL, &out, &f));
    ck_assert_int_ge(asked, 3);
    assert_same(buffer_bytes(&out), buffer_bytes(&list));
    buffer_free(&list);
    buffer_free(&out);
}
END_TEST

START_TEST(one_entry_is_dropped)
{
    static const char *const left[3][2] = {
        {"leaf.der", "p256.der"}, {"rsa1024.der", "p256.der"}, {"rsa1024.der", "leaf.der"}};
    for (size_t dropped = 0; dropped < 3; dropped++) {
        struct buffer list = make_list(kinds[_i]), out = {0}, again = {0};
        struct fault f = {0};
        ck_assert_msg(
            certlist_rewrite(buffer_bytes(&list), NULL, drop_one, &dropped, NULL, &out, &f), "%s",
            f.text);
        ck_assert_int_eq(certlist_detect(buffer_bytes(&out)), kinds[_i]);
        ck_assert_uint_lt(out.size, list.size);
        expect_entries(buffer_bytes(&out), left[dropped], 2);
        /* What trails the list is still there; what trails its last DER entry goes with that. */
        if (kinds[_i] != CERTLIST_DER || dropped != 2)
            ck_assert_mem_eq(out.at + out.size - 2, list.at + list.size - 2, 2);
        int asked = 0;
        ck_assert(certlist_rewrite(buffer_bytes(&out), NULL, keep_all, &asked, NULL, &again, &f));
        assert_same(buffer_bytes(&again), buffer_bytes(&out));
        buffer_free(&list);
        buffer_free(&out);
        buffer_free(&again);
    }
}
END_TEST

/* What comes to a list of PEM has the line ends of its first line, and a line of its own. */
START_TEST(added_block_has_the_line_ends_of_the_list)
{
    static const struct {
        const char *list, *before;
        bool two; /* CR LF */
    } cases[] = {
        {"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "", false},
        {"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "\n", false},
        {"-----BEGIN CERTIFICATE-----\r\nMAA=\r\n-----END CERTIFICATE-----\r\n", "", true},
        {"-----BEGIN CERTIFICATE-----\r\nMAA=\r\n-----END CERTIFICATE-----", "\r\n", true},
        {"\n-----BEGIN CERTIFICATE-----\r\nMAA=\r\n-----END CERTIFICATE-----\r\n", "", false},
    };
    static const char one[] = "-----BEGIN CERTIFICATE-----\nMAEA\n-----END CERTIFICATE-----\n",
                      other[] =
                          "-----BEGIN CERTIFICATE-----\r\nMAEA\r\n-----END CERTIFICATE-----\r\n";
    const struct certlist_entry added = {.type = CERTLIST_CERTIFICATE,
                                         .encoded = bytes_of("\x30\x01", 3)};
    struct buffer out = {0}, expected = {0};
    struct fault f = {0};
    buffer_add_text(&expected, cases[_i].list);
    buffer_add_text(&expected, cases[_i].before);
    buffer_add_text(&expected, cases[_i].two ? other : one);
    int asked = 0;
    ck_assert_msg(
        certlist_rewrite(text_bytes(cases[_i].list), NULL, keep_all, &asked, &added, &out, &f),
        "%s", f.text);
    assert_same(buffer_bytes(&out), buffer_bytes(&expected));
    buffer_free(&out);
    buffer_free(&expected);
}
END_TEST

/* A list that nothing tells by its bytes: two certificates behind a count and sizes. */
START_TEST(items_are_rewritten)
{
    static const char *const files[] = {"rsa1024.der", "leaf.der", "p256.der"};
    static const char *const left[] = {"rsa1024.der", "p256.der"};
    struct certlist_form form, other;
    struct fault f = {0};
    struct buffer list = {0}, out = {0}, wanted = {0}, added = {0};
    size_t dropped = 1;
    ck_assert(certlist_form_read("items", "count:le32 skip:1 size:le32", &form, &f));
    ck_assert(certlist_form_read("items", "count:le32 size:le32", &other, &f));
    buffer_add_le32(&list, 3);
    buffer_add_le32(&wanted, 2);
    for (size_t i = 0; i < 3; i++) {
        struct buffer file = read_file(folder, files[i]);
        struct buffer *to[] = {&list, &wanted};
        for (size_t k = 0; k < (i == dropped ? 1 : 2); k++) {
            buffer_add_u8(to[k], 0x77);
            buffer_add_le32(to[k], (uint32_t)file.size);
            buffer_add(to[k], buffer_bytes(&file));
        }
        buffer_free(&file);
    }
    ck_assert(certlist_is_exact(buffer_bytes(&list), &form, &f));
    ck_assert(!certlist_is_exact(buffer_bytes(&list), &other, NULL));
    ck_assert(!certlist_is_exact(buffer_bytes(&list), NULL, NULL));
    ck_assert(certlist_rewrite(buffer_bytes(&list), &form, drop_one, &dropped, NULL, &out, &f));
    assert_same(buffer_bytes(&out), buffer_bytes(&wanted));
    /* One more, like the others. */
    add_file(&added, left[1]);
    struct certlist_entry entry = {.encoded = buffer_bytes(&added)};
    buffer_clear(&out);
    ck_assert(certlist_rewrite(buffer_bytes(&list), &form, drop_one, &dropped, &entry, &out, &f));
    bytes_put_le32(wanted.at, 3);
    buffer_add_u8(&wanted, 0x77);
    buffer_add_le32(&wanted, (uint32_t)added.size);
    buffer_add(&wanted, buffer_bytes(&added));
    assert_same(buffer_bytes(&out), buffer_bytes(&wanted));
    buffer_free(&list);
    buffer_free(&out);
    buffer_free(&wanted);
    buffer_free(&added);
}
END_TEST

static bool add_property(void *context, const struct certlist_entry *entry, struct bytes *more)
{
    if (entry->index == 0)
        *more = buffer_bytes(context);
    return entry->index != 2;
}

/* The properties of a dropped copy go to the one that stays, behind its own. */
START_TEST(properties_move_to_another_entry)
{
    struct buffer list = make_list(CERTLIST_SST), out = {0};
    struct buffer property = from_hex("0b000000 01000000 02000000 4100");
    struct buffer both =
        from_hex("03000000 01000000 02000000 abcd 0b000000 01000000 02000000 4100");
    struct certlist back;
    struct certlist_entry entry;
    struct fault f = {0};
    ck_assert(certlist_rewrite(buffer_bytes(&list), NULL, add_property, &property, NULL, &out, &f));
    ck_assert(certlist_open(&back, buffer_bytes(&out), &f));
    ck_assert(certlist_next(&back, &entry, &f));
    assert_same(entry.properties, buffer_bytes(&both));
    ck_assert(certlist_next(&back, &entry, &f) && !certlist_next(&back, &entry, &f));
    certlist_close(&back);

    struct buffer other = make_list(CERTLIST_PEM);
    ck_assert(
        !certlist_rewrite(buffer_bytes(&other), NULL, add_property, &property, NULL, &out, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    buffer_free(&list);
    buffer_free(&out);
    buffer_free(&property);
    buffer_free(&both);
    buffer_free(&other);
}
END_TEST

START_TEST(new_list_is_written)
{
    static const char *const names[] = {"rsa1024.der", "leaf.der", "p256.der"};
    struct buffer list = make_list(CERTLIST_SST), out = {0};
    struct certlist from;
    struct certlist_entry entry;
    struct certlist_writer w;
    ck_assert(certlist_open(&from, buffer_bytes(&list), NULL));
    certlist_write_begin(&w, kinds[_i], &out);
    while (certlist_next(&from, &entry, NULL))
        ck_assert(certlist_write(&w, &entry));
    ck_assert(certlist_write_end(&w));
    ck_assert_int_eq(certlist_detect(buffer_bytes(&out)), kinds[_i]);
    expect_entries(buffer_bytes(&out), names, 3);
    certlist_close(&from);
    buffer_free(&list);
    buffer_free(&out);
}
END_TEST

/* An SST entry with trailing bytes: PKCS#7 cannot hold them, a PEM block can.  No item: PKCS#7
 * refuses. */
START_TEST(entry_that_does_not_fit_is_said)
{
    struct buffer der = read_file(folder, "leaf.der"), out = {0};
    struct certlist_entry entry = {.encoding = SST_ENCODING}, junk = {.encoded = text_bytes("0")};
    struct certlist_writer w;
    size_t whole = der.size;
    add_hex(&der, "0000");
    entry.encoded = buffer_bytes(&der);
    certlist_write_begin(&w, CERTLIST_PKCS7, &out);
    ck_assert(certlist_write(&w, &entry));
    ck_assert(!certlist_write(&w, &junk));
    ck_assert(certlist_write_end(&w));
    struct pkcs7_reader r;
    struct pkcs7_entry found;
    ck_assert(pkcs7_open(buffer_bytes(&out), &r, NULL) && pkcs7_next(&r, &found, NULL));
    ck_assert_uint_eq(found.whole.size, whole);
    ck_assert(!pkcs7_next(&r, &found, NULL));
    buffer_free(&der);
    buffer_free(&out);
}
END_TEST

/* A PKCS#7 inside PEM is read through; entries cannot be dropped from it. */
START_TEST(pkcs7_in_pem_is_read)
{
    static const char *const names[] = {"rsa1024.der", "leaf.der", "p256.der"};
    struct buffer list = read_file(folder, "list.p7b.pem"), out = {0};
    struct fault f = {0};
    size_t dropped = 1;
    ck_assert_int_eq(certlist_detect(buffer_bytes(&list)), CERTLIST_PEM);
    expect_entries(buffer_bytes(&list), names, 3);
    ck_assert(!certlist_rewrite(buffer_bytes(&list), NULL, drop_one, &dropped, NULL, &out, &f));
    ck_assert_int_eq(f.code, FAULT_UNSUPPORTED);
    buffer_free(&list);
    buffer_free(&out);
}
END_TEST

/* The list is damaged after its first entry: that one is read, then the fault is told; nothing is
 * rewritten. */
START_TEST(damage_is_told_after_what_is_good)
{
    struct buffer pem = {0}, sst = {0};
    add_file(&pem, "leaf.crt");
    buffer_add_text(&pem, "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n");
    add_hex(&sst, SST_HEADER);
    add_element(&sst, SST_CERTIFICATE, "leaf.der");
    struct bytes lists[] = {buffer_bytes(&pem), buffer_bytes(&sst)};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        struct certlist list;
        struct certlist_entry entry;
        struct buffer out = {0};
        struct fault f = {0};
        int asked = 0;
        ck_assert(certlist_open(&list, lists[i], &f));
        ck_assert(certlist_next(&list, &entry, &f));
        ck_assert(!certlist_next(&list, &entry, &f) && list.failed);
        ck_assert_int_eq(f.code, FAULT_DAMAGED);
        ck_assert(!certlist_next(&list, &entry, &f));
        certlist_close(&list);
        ck_assert(!certlist_rewrite(lists[i], NULL, keep_all, &asked, NULL, &out, &f));
        buffer_free(&out);
    }
    buffer_free(&pem);
    buffer_free(&sst);
}
END_TEST

/* What the first bytes give away when the rest is cut, and what is no list. */
START_TEST(kind_is_known_when_cut)
{
    static const struct {
        const char *file;
        size_t size;
        enum certlist_kind kind;
    } cases[] = {{"leaf.der", 40, CERTLIST_DER},    {"list.p7b", 40, CERTLIST_PKCS7},
                 {"leaf.crt", 100, CERTLIST_PEM},   {"crl.der", 99999, CERTLIST_DER},
                 {"rsa512.key", 10, CERTLIST_NONE}, {"leaf.der", 3, CERTLIST_NONE},
                 {"leaf.der", 0, CERTLIST_NONE},    {"ca.cnf", 99999, CERTLIST_NONE}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buffer file = read_file(folder, cases[i].file);
        size_t size = cases[i].size < file.size ? cases[i].size : file.size;
        ck_assert_msg(certlist_detect(bytes_of(file.at, size)) == cases[i].kind, "%s",
                      cases[i].file);
        buffer_free(&file);
    }
}
END_TEST

/* Two SEQUENCEs of two octets of length, and a version or a serial number: what is left of a
 * certificate that was cut. */
static const struct {
    const char *hex;
    bool is;
} beginnings[] = {
    {"308203e7 30820250 a0", true},  {"308203e7 30820250 02", true},
    {"308203e7 30820250 a1", false}, {"308203e7 30820250", false},
    {"308203e7 31820250 a0", false}, {"308203e7 30810250 a0", false},
    {"318203e7 30820250 a0", false}, {"308103e7 30820250 a0", false},
};

START_TEST(a_cut_certificate_is_known_by_its_start)
{
    struct buffer in = from_hex(beginnings[_i].hex);
    ck_assert_int_eq(certlist_detect(buffer_bytes(&in)),
                     beginnings[_i].is ? CERTLIST_DER : CERTLIST_NONE);
    buffer_free(&in);
}
END_TEST

int main(void)
{
    if (!make_vectors(folder, sizeof folder))
        return EXIT_FAILURE;
    int status =
        check_main("certs", (const struct check_case[]){
                                {list_has_its_kind_and_entries, ARRAY_SIZE(kinds)},
                                {nothing_dropped_changes_nothing, ARRAY_SIZE(kinds)},
                                {one_entry_is_dropped, ARRAY_SIZE(kinds)},
                                {properties_move_to_another_entry, 0},
                                {new_list_is_written, ARRAY_SIZE(kinds)},
                                {entry_that_does_not_fit_is_said, 0},
                                {pkcs7_in_pem_is_read, 0},
                                {damage_is_told_after_what_is_good, 0},
                                {kind_is_known_when_cut, 0},
                                {added_block_has_the_line_ends_of_the_list, 5},
                                {items_are_rewritten, 0},
                                {a_cut_certificate_is_known_by_its_start, ARRAY_SIZE(beginnings)},
                                {0},
                            });
    return remove_vectors(folder, status);
}
