/*
 * The certificate and CRL walk: what a 1998 server stored and today's libraries refuse, what is no
 * certificate at all, times, extensions, CRLs.  Certificates are built here field by field; the
 * ones of others are read in test_corpus.c and test_proof.c.
 */
#include "formats/certs/x509.h"
#include "tests/formats/certs/support.h"

/* Fields of a certificate as hex; NULL stands for the usual one. */
struct fields {
    const char *version, *serial, *algorithm, *issuer, *validity, *subject, *spki, *tail, *outer;
};

static const struct fields usual = {
    .version = "a003020102",
    .serial = "020101",
    .algorithm = "300d06092a864886f70d0101050500",
    .issuer = "300c310a300806035504030c0149",
    .validity = "301e170d3939303130313030303030305a170d3039303130313030303030305a",
    .subject = "300c310a300806035504030c0153",
    .spki = "3010300b06092a864886f70d0101010301 00",
    .tail = "",
    .outer = "300d06092a864886f70d0101050500 03020001",
};

static const char *or_usual(const char *field, const char *usual_field)
{
    return field != NULL ? field : usual_field;
}

static struct buffer build(const struct fields *f)
{
    struct buffer out = {0};
    add_hex(&out, or_usual(f->version, usual.version));
    add_hex(&out, or_usual(f->serial, usual.serial));
    add_hex(&out, or_usual(f->algorithm, usual.algorithm));
    add_hex(&out, or_usual(f->issuer, usual.issuer));
    add_hex(&out, or_usual(f->validity, usual.validity));
    add_hex(&out, or_usual(f->subject, usual.subject));
    add_hex(&out, or_usual(f->spki, usual.spki));
    add_hex(&out, or_usual(f->tail, usual.tail));
    der_wrap(&out, 0, DER_SEQUENCE);
    add_hex(&out, or_usual(f->outer, usual.outer));
    der_wrap(&out, 0, DER_SEQUENCE);
    return out;
}

#define EXTENSIONS "a30e300c300a0603551d0f040303 0101"

static const struct {
    const char *what;
    struct fields fields;
    enum fault_code code; /* FAULT_NONE: it is read */
    int version;
    const char *serial; /* minimal */
} certificates[] = {
    {"usual", {0}, FAULT_NONE, 3, "01"},
    {"V1", {.version = ""}, FAULT_NONE, 1, "01"},
    {"V1 said aloud", {.version = "a003020100"}, FAULT_NONE, 1, "01"},
    {"V1 with extensions", {.version = "", .tail = EXTENSIONS}, FAULT_NONE, 1, "01"},
    {"V2 with unique ids",
     {.version = "a003020101", .tail = "81020001 82020001"},
     FAULT_NONE,
     2,
     "01"},
    {"version 128", {.version = "a00302017f"}, FAULT_NONE, 128, "01"},
    {"negative version", {.version = "a0030201ff"}, FAULT_DAMAGED, 0, NULL},
    {"no number in the version", {.version = "a000"}, FAULT_DAMAGED, 0, NULL},
    {"zero serial", {.serial = "020100"}, FAULT_NONE, 3, "00"},
    {"negative serial", {.serial = "0201fe"}, FAULT_NONE, 3, "fe"},
    {"padded negative serial", {.serial = "0203fffffe"}, FAULT_NONE, 3, "fe"},
    {"padded serial", {.serial = "020400000080"}, FAULT_NONE, 3, "0080"},
    {"20-byte serial",
     {.serial = "0214ffffffffffffffffffffffffffffffffffffff00"},
     FAULT_NONE,
     3,
     "ff00"},
    {"30-byte serial",
     {.serial = "021e7f0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"},
     FAULT_NONE,
     3,
     "7f0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"},
    {"empty serial", {.serial = "0200"}, FAULT_DAMAGED, 0, NULL},
    {"no serial", {.serial = ""}, FAULT_DAMAGED, 0, NULL},
    {"empty names", {.issuer = "3000", .subject = "3000"}, FAULT_NONE, 3, "01"},
    {"name that is none", {.issuer = "3003020105"}, FAULT_NONE, 3, "01"},
    {"name of another type", {.issuer = "020105"}, FAULT_DAMAGED, 0, NULL},
    {"times that are none", {.validity = "30040c00 0c00"}, FAULT_NONE, 3, "01"},
    {"one time", {.validity = "30020c00"}, FAULT_DAMAGED, 0, NULL},
    {"algorithm without number", {.algorithm = "3000"}, FAULT_DAMAGED, 0, NULL},
    {"algorithm without parameters",
     {.algorithm = "300b06092a864886f70d010105"},
     FAULT_NONE,
     3,
     "01"},
    {"no key", {.spki = ""}, FAULT_DAMAGED, 0, NULL},
    {"a key that is none", {.spki = "020105"}, FAULT_DAMAGED, 0, NULL},
    {"key without bits", {.spki = "300d300b06092a864886f70d010101"}, FAULT_DAMAGED, 0, NULL},
    {"key in two segments",
     {.spki = "3015300b06092a864886f70d0101012306 030100 030100"},
     FAULT_UNSUPPORTED,
     0,
     NULL},
    {"signature in one segment",
     {.outer = "300d06092a864886f70d0101050500 2380030200010000"},
     FAULT_NONE,
     3,
     "01"},
    {"signature in two segments",
     {.outer = "300d06092a864886f70d0101050500 23060301 00 030100"},
     FAULT_UNSUPPORTED,
     0,
     NULL},
    {"no signature", {.outer = "300d06092a864886f70d0101050500"}, FAULT_DAMAGED, 0, NULL},
    {"no algorithm", {.outer = ""}, FAULT_DAMAGED, 0, NULL},
    {"a field too many", {.tail = "020105"}, FAULT_DAMAGED, 0, NULL},
    {"extensions that are none", {.tail = "a303020105"}, FAULT_DAMAGED, 0, NULL},
    {"no version and no serial", {.version = "", .serial = ""}, FAULT_NOT_THIS, 0, NULL},
};

START_TEST(certificate_is_read)
{
    struct buffer in = build(&certificates[_i].fields);
    struct x509_certificate c;
    struct fault f = {0};
    bool good = x509_certificate_read(buffer_bytes(&in), &c, &f);
    ck_assert_msg(f.code == certificates[_i].code, "%s: %s", certificates[_i].what, f.text);
    ck_assert_int_eq(good, f.code == FAULT_NONE);
    if (good) {
        struct buffer serial = from_hex(certificates[_i].serial);
        ck_assert_int_eq(c.version, certificates[_i].version);
        assert_same(c.serial, buffer_bytes(&serial));
        assert_same(c.envelope.whole, buffer_bytes(&in));
        buffer_free(&serial);
    }
    buffer_free(&in);
}
END_TEST

/* Whatever is cut off the end, or added to it, the answer is a fault or trailing bytes. */
START_TEST(cut_certificate_is_refused)
{
    struct buffer in = build(&(struct fields){.tail = EXTENSIONS});
    struct x509_certificate c;
    for (size_t size = 0; size < in.size; size++) {
        struct fault f = {0};
        ck_assert(!x509_certificate_read(bytes_of(in.at, size), &c, &f));
        ck_assert_int_ne(f.code, FAULT_NONE);
    }
    size_t whole = in.size;
    add_hex(&in, "0000000000");
    ck_assert(x509_certificate_read(buffer_bytes(&in), &c, NULL));
    ck_assert_uint_eq(c.envelope.whole.size, whole);
    ck_assert_uint_eq(c.envelope.trailing.size, 5);
    ck_assert(!x509_is_der(&c.envelope));
    buffer_free(&in);
}
END_TEST

/* What is inside of a name is not met on the way, and counts all the same. */
START_TEST(a_long_length_in_a_name_is_not_der)
{
    static const char *const subject[] = {"300c310a300806035504030c0153",
                                          "300d31810a300806035504030c0153"};
    for (unsigned i = 0; i < 2; i++) {
        struct buffer in = build(&(struct fields){.tail = EXTENSIONS, .subject = subject[i]});
        struct x509_certificate c;
        ck_assert(x509_certificate_read(buffer_bytes(&in), &c, NULL));
        ck_assert(c.envelope.shortest && c.envelope.trailing.size == 0);
        ck_assert_int_eq(x509_is_der(&c.envelope), i == 0);
        buffer_free(&in);
    }
}
END_TEST

START_TEST(ber_is_one_certificate_with_der)
{
    struct buffer in = build(&(struct fields){.tail = EXTENSIONS}), scratch = {0};
    struct buffer ber = as_ber(buffer_bytes(&in)), back = {0};
    struct x509_certificate a, b;
    struct hash h;
    uint8_t one[HASH_SHA256_SIZE], other[HASH_SHA256_SIZE];
    ck_assert(hash_open(&h, NULL));
    ck_assert(x509_certificate_read(buffer_bytes(&in), &a, NULL));
    ck_assert(x509_certificate_read(buffer_bytes(&ber), &b, NULL));
    ck_assert(x509_is_der(&a.envelope) && !x509_is_der(&b.envelope));
    ck_assert(a.envelope.shortest && !b.envelope.shortest);
    ck_assert(x509_tbs_sha256(&a.envelope, &h, &scratch, one));
    ck_assert(x509_tbs_sha256(&b.envelope, &h, &scratch, other));
    ck_assert_mem_eq(one, other, sizeof one);
    ck_assert(der_normalise(buffer_bytes(&ber), &back, NULL));
    assert_same(buffer_bytes(&back), buffer_bytes(&in));
    assert_same(a.serial, b.serial);
    hash_close(&h);
    buffer_free(&in);
    buffer_free(&ber);
    buffer_free(&back);
    buffer_free(&scratch);
}
END_TEST

START_TEST(identity_is_issuer_and_serial)
{
    static const struct {
        struct fields other;
        bool same;
    } cases[] = {
        {{.serial = "02020001"}, true},
        {{.subject = "3000"}, true},
        {{.serial = "020102"}, false},
        {{.serial = "0201ff"}, false},
        {{.issuer = "300c310a30080603550403130149"},
         false}, /* the same text, another string type */
    };
    struct buffer in = build(&usual);
    struct x509_certificate a, b;
    ck_assert(x509_certificate_read(buffer_bytes(&in), &a, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buffer other = build(&cases[i].other);
        ck_assert(x509_certificate_read(buffer_bytes(&other), &b, NULL));
        ck_assert_int_eq(bytes_equal(a.serial, b.serial) && bytes_equal(a.issuer, b.issuer),
                         cases[i].same);
        buffer_free(&other);
    }
    buffer_free(&in);
}
END_TEST

START_TEST(key_is_algorithm_and_bits)
{
    static const struct {
        const char *spki;
        bool same;
    } cases[] = {
        {"3010300b06092a864886f70d0101010301 00", true},
        {"3012300d06092a864886f70d01010105000301 00", true},    /* NULL parameters */
        {"3013300e06092a864886f70d0101010201050301 00", false}, /* other parameters */
        {"3010300b06092a864886f70d01010a0301 00", false},
        {"3011300b06092a864886f70d0101010302 0001", false},
    };
    struct buffer in = build(&usual);
    struct x509_certificate a, b;
    struct hash h;
    uint8_t one[HASH_SHA256_SIZE], other_digest[HASH_SHA256_SIZE];
    ck_assert(hash_open(&h, NULL));
    ck_assert(x509_certificate_read(buffer_bytes(&in), &a, NULL));
    x509_key_sha256(&a, &h, one);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buffer other = build(&(struct fields){.spki = cases[i].spki});
        ck_assert(x509_certificate_read(buffer_bytes(&other), &b, NULL));
        x509_key_sha256(&b, &h, other_digest);
        ck_assert_int_eq(memcmp(one, other_digest, sizeof one) == 0, cases[i].same);
        buffer_free(&other);
    }
    hash_close(&h);
    buffer_free(&in);
}
END_TEST

/* Seconds by `date -u -d ... +%s`. */
static const struct {
    uint8_t id;
    const char *text;
    bool known;
    int64_t seconds;
} times[] = {
    {DER_UTC_TIME, "700101000000Z", true, 0},
    {DER_UTC_TIME, "700101000001Z", true, 1},
    {DER_UTC_TIME, "691231235959Z", true, -1},
    {DER_UTC_TIME, "500101000000Z", true, -631152000},
    {DER_UTC_TIME, "491231235959Z", true, 2524607999},
    {DER_UTC_TIME, "990930120000Z", true, 938692800},
    {DER_UTC_TIME, "9909301200Z", true, 938692800},
    {DER_UTC_TIME, "990930140000+0200", true, 938692800},
    {DER_UTC_TIME, "9909300700-0500", true, 938692800},
    {DER_UTC_TIME, "990930120000", true, 938692800},
    {DER_UTC_TIME, "000229000000Z", true, 951782400},
    {DER_UTC_TIME, "990229000000Z", false, 0},
    {DER_UTC_TIME, "991301000000Z", false, 0},
    {DER_UTC_TIME, "990001000000Z", false, 0},
    {DER_UTC_TIME, "990132000000Z", false, 0},
    {DER_UTC_TIME, "990100000000Z", false, 0},
    {DER_UTC_TIME, "990101240000Z", false, 0},
    {DER_UTC_TIME, "990101006000Z", false, 0},
    {DER_UTC_TIME, "99010100Z", false, 0},
    {DER_UTC_TIME, "990101000000Zx", false, 0},
    {DER_UTC_TIME, "990101000000+02", true, 915141600},
    {DER_UTC_TIME, "990101000000+2", false, 0},
    {DER_UTC_TIME, "990101000000+020", false, 0},
    {DER_UTC_TIME, "990101000000+2400", false, 0},
    {DER_UTC_TIME, "99010100000xZ", false, 0},
    {DER_UTC_TIME, "", false, 0},
    {DER_GENERALIZED_TIME, "20500101000000Z", true, 2524608000},
    {DER_GENERALIZED_TIME, "19000301000000Z", true, -2203891200},
    {DER_GENERALIZED_TIME, "16010101000000Z", true, -11644473600},
    {DER_GENERALIZED_TIME, "00000101000000Z", true, -62167219200},
    {DER_GENERALIZED_TIME, "99991231235959Z", true, 253402300799},
    {DER_GENERALIZED_TIME, "1999093012Z", true, 938692800},
    {DER_GENERALIZED_TIME, "199909301200Z", true, 938692800},
    {DER_GENERALIZED_TIME, "19990930120000.123Z", true, 938692800},
    {DER_GENERALIZED_TIME, "19990930120000,5Z", true, 938692800},
    {DER_GENERALIZED_TIME, "19990930120000.9", true, 938692800},
    {DER_GENERALIZED_TIME, "19990930120000,0+0100", true, 938689200},
    {DER_GENERALIZED_TIME, "19990930120000;5Z", false, 0},
    {DER_GENERALIZED_TIME, "19990930120000,5", true, 938692800},
    {DER_GENERALIZED_TIME, "19990930140000.5+0200", true, 938692800},
    {DER_GENERALIZED_TIME, "19000229000000Z", false, 0},
    {DER_GENERALIZED_TIME, "20000229000000Z", true, 951782400},
    {DER_GENERALIZED_TIME, "199Z", false, 0},
    {DER_PRINTABLE_STRING, "990930120000Z", false, 0},
    {DER_UTC_TIME, "991231235960Z", true, 946684800},
    {DER_UTC_TIME, "991231235961Z", false, 0},
    {DER_UTC_TIME, "991231230000Z", true, 946681200},
    {DER_UTC_TIME, "991231005900Z", true, 946601940},
    {DER_UTC_TIME, "990430000000Z", true, 925430400},
    {DER_UTC_TIME, "990431000000Z", false, 0},
    {DER_UTC_TIME, "000301000000Z", true, 951868800},
    {DER_UTC_TIME, "000228000000Z", true, 951696000},
    {DER_UTC_TIME, "000230000000Z", false, 0},
    {DER_UTC_TIME, "991231000000Z", true, 946598400},
    {DER_UTC_TIME, "5001010000Z", true, -631152000},
    {DER_UTC_TIME, "4912312359Z", true, 2524607940},
    {DER_UTC_TIME, "9909301200", true, 938692800},
    {DER_UTC_TIME, "990101000000+2300", true, 915066000},
    {DER_UTC_TIME, "990101000000-2359", true, 915235140},
    {DER_UTC_TIME, "990101000000+0060", false, 0},
    {DER_UTC_TIME, "990101000000+0059", true, 915145260},
    {DER_UTC_TIME, "990101000000*0200", false, 0},
    {DER_UTC_TIME, "990101000000+02000", false, 0},
    {DER_UTC_TIME, "9901010000:0Z", false, 0},
    {DER_UTC_TIME, "9901010000/0Z", false, 0},
    {DER_UTC_TIME, "990101000900Z", true, 915149340},
    {DER_UTC_TIME, "990101000009Z", true, 915148809},
    {DER_UTC_TIME, "9", false, 0},
    {DER_GENERALIZED_TIME, "19500101000000Z", true, -631152000},
    {DER_GENERALIZED_TIME, "20491231235959Z", true, 2524607999},
    {DER_GENERALIZED_TIME, "19991231", false, 0},
    {DER_GENERALIZED_TIME, "19x90101000000Z", false, 0},
    {DER_GENERALIZED_TIME, "24000229000000Z", true, 13574563200},
    {DER_GENERALIZED_TIME, "21000229000000Z", false, 0},
    {DER_GENERALIZED_TIME, "19990930120000.Z", true, 938692800},
    {DER_GENERALIZED_TIME, "19990930120000.9:Z", false, 0},
    {DER_GENERALIZED_TIME, "19990930120000.09Z", true, 938692800},
};

START_TEST(time_is_read)
{
    struct der_item item = {.id = times[_i].id, .contents = text_bytes(times[_i].text)};
    struct x509_time t = x509_time_read(&item);
    ck_assert_msg(t.known == times[_i].known, "%s", times[_i].text);
    ck_assert_msg(t.seconds == times[_i].seconds, "%s: %lld", times[_i].text, (long long)t.seconds);
}
END_TEST

/* SEQUENCE OF Extension; values by hand after RFC 5280 and [Microsoft's Root Agency, 1996]. */
static const struct {
    const char *what, *hex;
    bool damaged, unknown_critical;
    int ca; /* -1: no basic constraints */
    int path;
    unsigned usage;
    const char *ski, *aki, *issuer, *serial;
} extensions[] = {
    {"none", "", false, false, -1, -1, 0, "", "", "", ""},
    {"empty list", "3000", false, false, -1, -1, 0, "", "", "", ""},
    {"no list", "0500", true, false, -1, -1, 0, "", "", "", ""},
    {"CA, true as 1", "300e300c0603551d1304053003010101", false, false, 1, -1, 0, "", "", "", ""},
    {"CA, critical", "3011300f0603551d130101ff040530030101ff", false, false, 1, -1, 0, "", "", "",
     ""},
    {"CA with path length 3",
     "30143012"
     "0603551d130101ff0408 30060101ff020103",
     false, false, 1, 3, 0, "", "", "", ""},
    {"CA with path length 65536",
     "30163014"
     "0603551d130101ff040a 30080101ff0203010000",
     false, false, 1, 65536, 0, "", "", "", ""},
    {"CA with a path length that fits nothing",
     "30173015"
     "0603551d130101ff040b 30090101ff020401000000",
     false, false, 1, 0xffffff, 0, "", "", "", ""},
    {"no CA", "300b30090603551d1304023000", false, false, 0, -1, 0, "", "", "", ""},
    {"constraints that are none", "300b30090603551d1304020500", true, false, -1, -1, 0, "", "", "",
     ""},
    {"CA of 1995, 2.5.29.10", "300f300d0603551d0a040630040302 0780", false, false, 1, -1, 0, "", "",
     "", ""},
    {"the present form wins",
     "301a"
     "300d0603551d0a040630040302 0780"
     "30090603551d1304023000",
     false, false, 0, -1, 0, "", "", "", ""},
    {"key usage", "300d300b0603551d0f040403020106", false, false, -1, -1, 0x60, "", "", "", ""},
    {"key usage, second octet", "300e300c0603551d0f04050303070080", false, false, -1, -1, 0x100, "",
     "", "", ""},
    {"key usage of no bit", "300c300a0603551d0f0403030100", false, false, -1, -1, 0, "", "", "",
     ""},
    {"key usage that is none", "300b30090603551d0f04020500", true, false, -1, -1, 0, "", "", "",
     ""},
    {"subject key id", "300d300b0603551d0e0404 0402abcd", false, false, -1, -1, 0, "abcd", "", "",
     ""},
    {"authority key id", "300f300d0603551d2304063004 8002abcd", false, false, -1, -1, 0, "", "abcd",
     "", ""},
    {"issuer and serial",
     "30163014"
     "0603551d23040d300b a104a4023000 82030000ff",
     false, false, -1, -1, 0, "", "", "3000", "00ff"},
    {"Microsoft's 2.5.29.1",
     "30173015"
     "0603551d01040e300c 8002abcd a1023000 8202ff80",
     false, false, -1, -1, 0, "", "abcd", "3000", "80"},
    {"unknown", "300b30090603551d6304020500", false, false, -1, -1, 0, "", "", "", ""},
    {"unknown, critical", "300e300c0603551d630101ff04020500", false, true, -1, -1, 0, "", "", "",
     ""},
    {"extension without value", "300730050603551d13", true, false, -1, -1, 0, "", "", "", ""},
    {"good one before a bad one", "301530110603551d130101ff0407300501 01ff0500 3000", true, false,
     1, -1, 0, "", "", "", ""},
};

START_TEST(extensions_are_read)
{
    struct buffer in = from_hex(extensions[_i].hex);
    struct x509_extensions x = x509_extensions_read(buffer_bytes(&in));
    const struct {
        struct bytes found;
        const char *expected;
    } runs[] = {{x.subject_key_id, extensions[_i].ski},
                {x.authority_key_id, extensions[_i].aki},
                {x.authority_issuer, extensions[_i].issuer},
                {x.authority_serial, extensions[_i].serial}};
    const char *what = extensions[_i].what;
    ck_assert_msg(x.damaged == extensions[_i].damaged, "%s", what);
    ck_assert_msg(x.unknown_critical == extensions[_i].unknown_critical, "%s", what);
    ck_assert_msg((x.has_basic_constraints ? (int)x.is_ca : -1) == extensions[_i].ca, "%s", what);
    ck_assert_msg(x.path_length == extensions[_i].path, "%s", what);
    ck_assert_msg(x.key_usage == extensions[_i].usage, "%s: %x", what, x.key_usage);
    for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
        struct buffer expected = from_hex(runs[i].expected);
        assert_same(runs[i].found, buffer_bytes(&expected));
        buffer_free(&expected);
    }
    buffer_free(&in);
}
END_TEST

static char folder[256];

START_TEST(openssl_crl_is_read)
{
    static const struct {
        const char *serial;
        int reason;
        int64_t when;
    } expected[] = {{"01", 1, 1577934245},
                    {"0080", 4, -599518554},
                    {"7fffffffffffffffffffffffffffffffffffffff", -1, 1577934246}};
    struct buffer in = read_file(folder, "crl.der");
    struct x509_crl crl;
    struct x509_certificate c;
    struct x509_revoked entry;
    struct fault f = {0};
    ck_assert_msg(x509_crl_read(buffer_bytes(&in), &crl, &f), "%s", f.text);
    ck_assert_int_eq(crl.version, 2);
    ck_assert(crl.this_update.known && crl.next_update.known);
    ck_assert_int_eq(crl.next_update.seconds - crl.this_update.seconds, 30 * 86400);
    struct x509_extensions x = x509_extensions_read(crl.extensions);
    ck_assert_uint_eq(x.authority_key_id.size, 20);
    struct buffer number = from_hex("04d2");
    assert_same(x.crl_number, buffer_bytes(&number));
    struct x509_revoked_walk walk = x509_revoked_first(&crl);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        struct buffer serial = from_hex(expected[i].serial);
        ck_assert(x509_revoked_next(&walk, &entry));
        assert_same(entry.serial, buffer_bytes(&serial));
        ck_assert_int_eq(entry.reason, expected[i].reason);
        ck_assert_int_eq(entry.when.seconds, expected[i].when);
        buffer_free(&serial);
    }
    ck_assert(!x509_revoked_next(&walk, &entry) && !walk.d.failed);
    ck_assert(!x509_certificate_read(buffer_bytes(&in), &c, &f));
    ck_assert_int_eq(f.code, FAULT_NOT_THIS);
    buffer_free(&number);
    buffer_free(&in);
}
END_TEST

/* The parts of a CRL as hex, and what is wrong with each. */
#define CRL_ALGORITHM "300d06092a864886f70d0101050500"
#define CRL_TIME "170d3939303130313030303030305a"
#define CRL_HEAD CRL_ALGORITHM "3000" CRL_TIME
#define CRL_TAIL CRL_ALGORITHM "03020001"

static const struct {
    const char *what, *tbs, *tail;
    enum fault_code code;
} crls[] = {
    {"usual", CRL_HEAD, CRL_TAIL, FAULT_NONE},
    {"V2 with extensions", "020101" CRL_HEAD "a00d300b300906035504030402 3000", CRL_TAIL,
     FAULT_NONE},
    {"negative version", "0201ff" CRL_HEAD, CRL_TAIL, FAULT_DAMAGED},
    {"empty version", "0200" CRL_HEAD, CRL_TAIL, FAULT_DAMAGED},
    {"algorithm without number", "3000 3000" CRL_TIME, CRL_TAIL, FAULT_DAMAGED},
    {"no algorithm", "3000" CRL_TIME, CRL_TAIL, FAULT_DAMAGED},
    {"name of another type", CRL_ALGORITHM "020105" CRL_TIME, CRL_TAIL, FAULT_DAMAGED},
    {"no time", CRL_ALGORITHM "3000", CRL_TAIL, FAULT_DAMAGED},
    {"time of another type", CRL_ALGORITHM "3000 020105", CRL_TAIL, FAULT_DAMAGED},
    {"revoked certificates behind the extensions", CRL_HEAD "a00d300b300906035504030402 3000 3000",
     CRL_TAIL, FAULT_DAMAGED},
    {"extensions that are none", CRL_HEAD "a003020105", CRL_TAIL, FAULT_DAMAGED},
    {"a field too many", CRL_HEAD "020105", CRL_TAIL, FAULT_DAMAGED},
    {"no signature", CRL_HEAD, CRL_ALGORITHM, FAULT_DAMAGED},
    {"signature of another type", CRL_HEAD, CRL_ALGORITHM "04020001", FAULT_DAMAGED},
    {"a certificate's version", "a003020102" CRL_HEAD, CRL_TAIL, FAULT_NOT_THIS},
};

static struct buffer build_crl(const char *tbs, const char *tail)
{
    struct buffer out = from_hex(tbs);
    der_wrap(&out, 0, DER_SEQUENCE);
    add_hex(&out, tail);
    der_wrap(&out, 0, DER_SEQUENCE);
    return out;
}

START_TEST(crl_is_read_or_refused)
{
    struct buffer in = build_crl(crls[_i].tbs, crls[_i].tail);
    struct x509_crl crl;
    struct fault f = {.code = FAULT_NONE};
    bool good = x509_crl_read(buffer_bytes(&in), &crl, &f);
    ck_assert_msg(f.code == crls[_i].code, "%s: %s", crls[_i].what, f.text);
    ck_assert_msg(good == (f.code == FAULT_NONE), "%s", crls[_i].what);
    for (size_t size = 0; good && size < in.size; size++)
        ck_assert(!x509_crl_read(bytes_of(in.at, size), &crl, &f));
    buffer_free(&in);
}
END_TEST

/* A V1 CRL without next update and entries, then damage after a good entry. */
START_TEST(crl_by_hand_is_read)
{
    static const char head[] = "300d06092a864886f70d01010505003000170d3939303130313030303030305a";
    static const char tail[] = "300d06092a864886f70d010105050003020001";
    static const char *const lists[] = {"", "3000", "3012 3010020101170b393930313031303030305a",
                                        "3014 3010020101170b393930313031303030305a 0500"};
    static const int counts[] = {0, 0, 1, 1};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        struct buffer in = from_hex(head);
        struct x509_crl crl;
        struct x509_revoked entry;
        struct fault f = {0};
        int count = 0;
        add_hex(&in, lists[i]);
        der_wrap(&in, 0, DER_SEQUENCE);
        add_hex(&in, tail);
        der_wrap(&in, 0, DER_SEQUENCE);
        ck_assert_msg(x509_crl_read(buffer_bytes(&in), &crl, &f), "%s", f.text);
        ck_assert_int_eq(crl.version, 1);
        ck_assert(!crl.next_update.known);
        struct x509_revoked_walk walk = x509_revoked_first(&crl);
        while (x509_revoked_next(&walk, &entry))
            count++;
        ck_assert_int_eq(count, counts[i]);
        ck_assert_int_eq(walk.d.failed, i == 3);
        buffer_free(&in);
    }
}
END_TEST

/* A certificate of OpenSSL's with every extension that is read here. */
START_TEST(openssl_leaf_is_read)
{
    struct buffer in = read_file(folder, "leaf.der"), issuer_in = read_file(folder, "rsa2048.der");
    struct x509_certificate c, issuer;
    struct fault f = {0};
    ck_assert_msg(x509_certificate_read(buffer_bytes(&in), &c, &f), "%s", f.text);
    ck_assert(x509_certificate_read(buffer_bytes(&issuer_in), &issuer, NULL));
    struct x509_extensions x = x509_extensions_read(c.extensions);
    struct x509_extensions of_issuer = x509_extensions_read(issuer.extensions);
    ck_assert(!x.damaged && !x.unknown_critical && x.is_ca);
    ck_assert_int_eq(x.path_length, 3);
    ck_assert_uint_eq(x.key_usage, X509_USE_CERTIFICATE_SIGN | X509_USE_CRL_SIGN);
    assert_same(x.authority_key_id, of_issuer.subject_key_id);
    assert_same(x.authority_issuer, issuer.issuer);
    assert_same(x.authority_serial, issuer.serial);
    assert_same(c.issuer, issuer.subject);
    ck_assert_uint_eq(c.serial.size, 1);
    ck_assert_uint_eq(c.serial.at[0], 0xfb); /* -5 */
    ck_assert(x509_is_der(&c.envelope));
    buffer_free(&in);
    buffer_free(&issuer_in);
}
END_TEST

int main(void)
{
    if (!make_vectors(folder, sizeof folder))
        return EXIT_FAILURE;
    int status = check_main("x509", (const struct check_case[]){
                                        {certificate_is_read, ARRAY_SIZE(certificates)},
                                        {cut_certificate_is_refused, 0},
                                        {a_long_length_in_a_name_is_not_der, 0},
                                        {ber_is_one_certificate_with_der, 0},
                                        {identity_is_issuer_and_serial, 0},
                                        {key_is_algorithm_and_bits, 0},
                                        {time_is_read, ARRAY_SIZE(times)},
                                        {extensions_are_read, ARRAY_SIZE(extensions)},
                                        {openssl_crl_is_read, 0},
                                        {crl_is_read_or_refused, ARRAY_SIZE(crls)},
                                        {crl_by_hand_is_read, 0},
                                        {openssl_leaf_is_read, 0},
                                        {0},
                                    });
    return remove_vectors(folder, status);
}
