/*
 * Proofs of signatures: one case for each algorithm and each reason not to know, with certificates
 * that OpenSSL makes; real MD2 signatures are in test_corpus.c.  The whole program is run a second
 * time under a system policy that forbids what is tested.
 */
#include "formats/certs/crypto.h"
#include "formats/certs/proof.h"
#include "tests/formats/certs/support.h"

#include <errno.h>
#include <gnutls/abstract.h>

static char folder[256];

/* Self-signed certificates of vectors.sh. */
static const struct {
    const char *name;
    const char *algorithm;
    enum proof_answer answer;
    int strength;
} self_signed[] = {
    {"rsa512", "RSA-MD5", PROOF_PROVEN, 2},
    {"rsa1024", "RSA-SHA1", PROOF_PROVEN, 3},
    {"rsa1024-md5", "RSA-MD5", PROOF_PROVEN, 2},
    {"rsa1024-sha224", "RSA-SHA224", PROOF_PROVEN, 4},
    {"rsa1024-sha256", "RSA-SHA256", PROOF_PROVEN, 4},
    {"rsa1024-sha384", "RSA-SHA384", PROOF_PROVEN, 4},
    {"rsa1024-sha512", "RSA-SHA512", PROOF_PROVEN, 4},
    {"rsa1024-sha3-256", "RSA-SHA3-256", PROOF_PROVEN, 4},
    {"rsa2048", "RSA-SHA256", PROOF_PROVEN, 4},
    {"pss-0", "RSA-PSS", PROOF_PROVEN, 4},
    {"pss-20", "RSA-PSS", PROOF_PROVEN, 4},
    {"pss-32", "RSA-PSS", PROOF_PROVEN, 4},
    {"pss-sha512", "RSA-PSS", PROOF_PROVEN, 4},
    {"pss-sha1", "RSA-PSS", PROOF_UNPROVABLE, 4},
    {"pss-other-mask", "RSA-PSS", PROOF_UNPROVABLE, 4},
    {"dsa", "DSA-SHA1", PROOF_PROVEN, 3},
    {"dsa-sha256", "DSA-SHA256", PROOF_PROVEN, 4},
    {"p256", "ECDSA-SHA256", PROOF_PROVEN, 4},
    {"p256-sha1", "ECDSA-SHA1", PROOF_PROVEN, 3},
    {"p384", "ECDSA-SHA384", PROOF_PROVEN, 4},
    {"p521", "ECDSA-SHA512", PROOF_PROVEN, 4},
    {"secp256k1", "ECDSA-SHA256", PROOF_UNPROVABLE, 4}, /* a curve GnuTLS does not have */
    {"ed25519", "Ed25519", PROOF_PROVEN, 4},
    {"ed448", "Ed448", PROOF_PROVEN, 4},
};

/* Reads NAME.der; the certificate points into *file. */
static struct x509_certificate load(const char *name, struct buffer *file)
{
    struct x509_certificate c;
    struct fault f = {0};
    char full[64];
    snprintf(full, sizeof full, "%s.der", name);
    *file = read_file(folder, full);
    ck_assert_msg(x509_certificate_read(buffer_bytes(file), &c, &f), "%s: %s", name, f.text);
    return c;
}

static struct proof prove(struct bytes spki, const struct x509_signed *o)
{
    struct proof_key key;
    proof_key_open(&key, spki);
    struct proof p = proof_signature(&key, o);
    proof_key_close(&key);
    return p;
}

static void expect(const char *name, struct proof found, enum proof_answer expected)
{
    ck_assert_msg(found.answer == expected, "%s: %s, %s; expected %s", name,
                  proof_answer_name(found.answer), found.why, proof_answer_name(expected));
    ck_assert(!found.no_memory);
    ck_assert_int_eq(found.why == NULL, expected == PROOF_PROVEN);
}

START_TEST(self_signed_certificate_has_its_answer)
{
    struct buffer file;
    struct x509_certificate c = load(self_signed[_i].name, &file);
    const struct x509_algorithm *a = &c.envelope.algorithm;
    expect(self_signed[_i].name, prove(c.spki, &c.envelope), self_signed[_i].answer);
    ck_assert_str_eq(proof_algorithm_name(a), self_signed[_i].algorithm);
    ck_assert_int_eq(proof_algorithm_strength(a), self_signed[_i].strength);
    buffer_free(&file);
}
END_TEST

/* One bit of what is signed is wrong: refuted where it was proven, and unprovable stays that. */
START_TEST(changed_certificate_is_refuted)
{
    struct buffer file;
    struct x509_certificate c = load(self_signed[_i].name, &file);
    bool provable = self_signed[_i].answer == PROOF_PROVEN;
    file.at[c.serial.at - file.at + 1] ^= 1;
    expect(self_signed[_i].name, prove(c.spki, &c.envelope),
           provable ? PROOF_REFUTED : PROOF_UNPROVABLE);
    buffer_free(&file);
}
END_TEST

static const struct {
    const char *signed_by, *key;
    enum proof_answer answer;
} strangers[] = {
    {"rsa1024", "rsa2048", PROOF_REFUTED},
    {"rsa1024", "p256", PROOF_REFUTED},
    {"p256", "rsa1024", PROOF_REFUTED},
    {"p256", "p384", PROOF_REFUTED},
    {"dsa", "p256", PROOF_REFUTED},
    {"ed25519", "rsa1024", PROOF_REFUTED},
    {"pss-32", "rsa1024", PROOF_REFUTED},
    {"ed448", "ed25519", PROOF_REFUTED},
    {"rsa1024", "secp256k1", PROOF_UNPROVABLE},
    {"leaf", "rsa2048", PROOF_PROVEN},
    {"leaf", "p256", PROOF_REFUTED},
};

START_TEST(another_key_has_its_answer)
{
    struct buffer file, other_file;
    struct x509_certificate c = load(strangers[_i].signed_by, &file);
    struct x509_certificate other = load(strangers[_i].key, &other_file);
    expect(strangers[_i].signed_by, prove(other.spki, &c.envelope), strangers[_i].answer);
    buffer_free(&file);
    buffer_free(&other_file);
}
END_TEST

/* Octets of rsa1024.der replaced, wherever they occur. */
static const struct {
    const char *what, *from, *to;
    enum proof_answer answer;
} edits[] = {
    {"sha1WithRSA of OIW has the same meaning", "2a864886f70d010105", "", PROOF_PROVEN},
    {"an algorithm nobody knows", "2a864886f70d010105", "2a864886f70d01017f", PROOF_UNPROVABLE},
    {"a key algorithm nobody knows", "2a864886f70d010101", "2a864886f70d01017f", PROOF_UNPROVABLE},
    {"MD5 named where SHA-1 was used", "2a864886f70d010105", "2a864886f70d010104", PROOF_REFUTED},
};

static void replace_all(struct buffer *b, struct bytes from, struct bytes to)
{
    for (size_t at = 0; at + from.size <= b->size; at++) {
        if (memcmp(b->at + at, from.at, from.size) == 0)
            memcpy(b->at + at, to.at, to.size);
    }
}

START_TEST(edited_certificate_has_its_answer)
{
    struct buffer file, from = from_hex(edits[_i].from), to = from_hex(edits[_i].to);
    struct x509_certificate c = load("rsa1024", &file);
    struct buffer old_tbs = {0}, spki = {0};
    buffer_add(&old_tbs, c.envelope.tbs);
    buffer_add(&spki, c.spki);
    if (strstr(edits[_i].what, "key") != NULL) {
        replace_all(&spki, buffer_bytes(&from), buffer_bytes(&to));
    } else if (to.size > 0) {
        replace_all(&file, buffer_bytes(&from), buffer_bytes(&to));
        c = (struct x509_certificate){0};
        ck_assert(x509_certificate_read(buffer_bytes(&file), &c, NULL));
        c.envelope.tbs = buffer_bytes(&old_tbs);
    } else {
        static const uint8_t oiw[] = {0x2b, 0x0e, 0x03, 0x02, 0x1d};
        c.envelope.algorithm.oid = c.envelope.claimed.oid = bytes_of(oiw, sizeof oiw);
    }
    expect(edits[_i].what, prove(buffer_bytes(&spki), &c.envelope), edits[_i].answer);
    buffer_free(&file);
    buffer_free(&from);
    buffer_free(&to);
    buffer_free(&old_tbs);
    buffer_free(&spki);
}
END_TEST

/* 1.3.14.3.2.15 has meant SHA-0 and SHA-1: it can prove, and must not refute. */
START_TEST(ambiguous_algorithm_only_proves)
{
    static const uint8_t sha[] = {0x2b, 0x0e, 0x03, 0x02, 0x0f};
    struct buffer file, other_file;
    struct x509_certificate c = load("rsa1024", &file), other = load("rsa2048", &other_file);
    c.envelope.algorithm.oid = c.envelope.claimed.oid = bytes_of(sha, sizeof sha);
    expect("own key", prove(c.spki, &c.envelope), PROOF_PROVEN);
    expect("other key", prove(other.spki, &c.envelope), PROOF_UNPROVABLE);
    buffer_free(&file);
    buffer_free(&other_file);
}
END_TEST

/* The algorithm beside the signature differs from the one inside: nothing is refuted. */
START_TEST(two_algorithms_are_both_tried)
{
    static const uint8_t md5[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04};
    struct buffer file, other_file;
    struct x509_certificate c = load("rsa1024", &file), other = load("rsa2048", &other_file);
    c.envelope.algorithm.oid = bytes_of(md5, sizeof md5);
    expect("own key", prove(c.spki, &c.envelope), PROOF_PROVEN);
    expect("other key", prove(other.spki, &c.envelope), PROOF_UNPROVABLE);
    buffer_free(&file);
    buffer_free(&other_file);
}
END_TEST

/* BER to-be-signed bytes: what was signed is their DER form. */
START_TEST(ber_certificate_is_proven)
{
    static const char *const names[] = {"rsa1024", "p256", "dsa", "ed25519", "pss-32"};
    struct buffer file, other_file;
    struct x509_certificate c = load(names[_i], &file), other = load("rsa2048", &other_file), b;
    struct buffer ber = as_ber(buffer_bytes(&file));
    struct fault f = {0};
    ck_assert_msg(x509_certificate_read(buffer_bytes(&ber), &b, &f), "%s", f.text);
    ck_assert(!b.envelope.shortest);
    expect(names[_i], prove(c.spki, &b.envelope), PROOF_PROVEN);
    expect("BER key", prove(b.spki, &b.envelope), PROOF_PROVEN);
    if (_i == 0)
        expect("other key", prove(other.spki, &b.envelope), PROOF_UNPROVABLE);
    buffer_free(&ber);
    buffer_free(&file);
    buffer_free(&other_file);
}
END_TEST

/* Signs what is not DER as it stands, as many have done. */
START_TEST(ber_is_signed_as_it_stands)
{
    struct buffer file;
    struct x509_certificate c = load("rsa1024-sha256", &file);
    struct buffer ber = as_ber(c.envelope.tbs);
    gnutls_datum_t data = {ber.at, (unsigned)ber.size}, signature, spki;
    gnutls_privkey_t private_key;
    gnutls_pubkey_t public_key;
    ck_assert(!der_is_strict(buffer_bytes(&ber)));
    ck_assert(gnutls_privkey_init(&private_key) == 0 && gnutls_pubkey_init(&public_key) == 0);
    ck_assert(gnutls_privkey_generate(private_key, GNUTLS_PK_RSA, 1024, 0) == 0 &&
              gnutls_privkey_sign_data(private_key, GNUTLS_DIG_SHA256, 0, &data, &signature) == 0 &&
              gnutls_pubkey_import_privkey(public_key, private_key, 0, 0) == 0 &&
              gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &spki) == 0);
    c.envelope.tbs = buffer_bytes(&ber);
    c.envelope.signature = bytes_of(signature.data, signature.size);
    expect("its key", prove(bytes_of(spki.data, spki.size), &c.envelope), PROOF_PROVEN);
    expect("another key", prove(c.spki, &c.envelope), PROOF_UNPROVABLE);
    c.envelope.tbs = text_bytes("no encoding");
    expect("another text", prove(bytes_of(spki.data, spki.size), &c.envelope), PROOF_UNPROVABLE);
    gnutls_free(signature.data);
    gnutls_free(spki.data);
    gnutls_privkey_deinit(private_key);
    gnutls_pubkey_deinit(public_key);
    buffer_free(&ber);
    buffer_free(&file);
}
END_TEST

/* Forms of one ECDSA signature: numbers padded, lengths long, the two halves bare. */
START_TEST(ecdsa_signature_forms_are_proven)
{
    struct buffer file, padded = {0}, bare = {0}, ber;
    struct x509_certificate c = load("p256", &file);
    struct der d = der_of(c.envelope.signature, DER_ONLY);
    struct der_item sequence, number;
    ber = as_ber(c.envelope.signature);
    ck_assert(der_take(&d, DER_SEQUENCE, &sequence));
    d = der_into(&d, &sequence);
    while (der_take(&d, DER_INTEGER, &number)) {
        size_t start = padded.size;
        add_hex(&padded, "000000");
        buffer_add(&padded, number.contents);
        der_wrap(&padded, start, DER_INTEGER);
        static const uint8_t zeros[32] = {0};
        struct bytes plain = der_minimal_integer(number.contents);
        if (plain.size == 33)
            plain = bytes_from(plain, 1);
        buffer_add(&bare, bytes_of(zeros, 32 - plain.size));
        buffer_add(&bare, plain);
    }
    der_wrap(&padded, 0, DER_SEQUENCE);
    const struct buffer *forms[] = {&ber, &padded, &bare};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        c.envelope.signature = buffer_bytes(forms[i]);
        expect("form", prove(c.spki, &c.envelope), PROOF_PROVEN);
    }
    c.envelope.signature = text_bytes("no signature");
    expect("garbage", prove(c.spki, &c.envelope), PROOF_UNPROVABLE);
    buffer_free(&file);
    buffer_free(&padded);
    buffer_free(&bare);
    buffer_free(&ber);
}
END_TEST

/* Keys that are none, or bait: always unprovable, whatever they are asked. */
static const struct {
    const char *what, *spki;
} bad_keys[] = {
    {"empty", ""},
    {"not an item", "ffff"},
    {"no key in it", "3000"},
    {"RSA without numbers", "300f300d06092a864886f70d0101010500"},
    {"RSA with an even modulus", "30273010060a2a864886f70d0101010500"}, /* and cut */
    {"RSA with modulus 6", "301a300d06092a864886f70d0101010500030900300602010602 0103"},
    {"DSA whose parameters are its issuer's", "3014300906072a8648ce38040103070002040badcafe"},
    {"Diffie-Hellman", "3013300906072a8648ce3e02010306000203010001"},
};

START_TEST(bad_key_is_unprovable)
{
    struct buffer file, spki = from_hex(bad_keys[_i].spki);
    struct x509_certificate c = load("rsa1024", &file);
    expect(bad_keys[_i].what, prove(buffer_bytes(&spki), &c.envelope), PROOF_UNPROVABLE);
    buffer_free(&file);
    buffer_free(&spki);
}
END_TEST

/* Appends INTEGER of `size` octets, each FF: a number whose use would take hours. */
static void add_large(struct buffer *out, size_t size)
{
    size_t start = out->size;
    buffer_add_u8(out, 0);
    for (size_t i = 0; i < size; i++)
        buffer_add_u8(out, 0xff);
    der_wrap(out, start, DER_INTEGER);
}

START_TEST(huge_key_is_unprovable)
{
    static const struct {
        size_t modulus, exponent;
    } sizes[] = {{2049, 3}, {1024, 1024}, {65536, 65536}};
    struct buffer file, spki = {0};
    struct x509_certificate c = load("rsa1024", &file);
    add_hex(&spki, "300d06092a864886f70d0101010500");
    size_t bits = spki.size;
    buffer_add_u8(&spki, 0);
    size_t key = spki.size;
    add_large(&spki, sizes[_i].modulus);
    add_large(&spki, sizes[_i].exponent);
    der_wrap(&spki, key, DER_SEQUENCE);
    der_wrap(&spki, bits, DER_BIT_STRING);
    der_wrap(&spki, 0, DER_SEQUENCE);
    expect("huge", prove(buffer_bytes(&spki), &c.envelope), PROOF_UNPROVABLE);
    buffer_free(&file);
    buffer_free(&spki);
}
END_TEST

/* What a check costs: by the modulus squared, and by an exponent that is no honest one; and at
 * which sizes, in octets, a key is not used at all: a modulus above 16384 bits, an exponent above
 * 64 where the modulus has more than 3072. */
START_TEST(key_has_its_cost)
{
    static const struct {
        size_t modulus, exponent;
        unsigned least, most;
        bool used;
    } sizes[] = {
        {128, 3, 1, 1, true},    {256, 3, 1, 1, true},    {512, 3, 4, 4, true},
        {384, 8, 6, 6, true},    {384, 9, 24, 24, true},  {384, 384, 1000, 1300, true},
        {385, 8, 6, 6, true},    {385, 9, 24, 24, false}, {2048, 3, 64, 64, true},
        {2049, 3, 0, 64, false},
    };
    struct proof_key key;
    struct buffer spki = {0};
    add_hex(&spki, "300d06092a864886f70d0101010500");
    size_t bits = spki.size;
    buffer_add_u8(&spki, 0);
    size_t at = spki.size;
    add_large(&spki, sizes[_i].modulus);
    add_large(&spki, sizes[_i].exponent);
    der_wrap(&spki, at, DER_SEQUENCE);
    der_wrap(&spki, bits, DER_BIT_STRING);
    der_wrap(&spki, 0, DER_SEQUENCE);
    proof_key_open(&key, buffer_bytes(&spki));
    ck_assert_int_eq(key.handle != NULL, sizes[_i].used);
    ck_assert_int_eq(key.why == NULL, sizes[_i].used);
    ck_assert(!sizes[_i].used || (sizes[_i].least <= key.cost && key.cost <= sizes[_i].most));
    proof_key_close(&key);
    buffer_free(&spki);
}
END_TEST

START_TEST(large_dsa_key_is_not_used)
{
    struct proof_key key;
    struct buffer spki = {0};
    add_hex(&spki, "06072a8648ce380401");
    size_t parameters = spki.size;
    add_large(&spki, 512 + (size_t)_i);
    add_large(&spki, 32);
    add_hex(&spki, "020102");
    der_wrap(&spki, parameters, DER_SEQUENCE);
    der_wrap(&spki, 0, DER_SEQUENCE);
    size_t bits = spki.size;
    add_hex(&spki, "00020103");
    der_wrap(&spki, bits, DER_BIT_STRING);
    der_wrap(&spki, 0, DER_SEQUENCE);
    proof_key_open(&key, buffer_bytes(&spki));
    ck_assert_int_eq(key.handle != NULL, _i == 0);
    if (_i > 0)
        ck_assert_str_eq(key.why, "the DSA key is larger than 4096 bits");
    proof_key_close(&key);
    buffer_free(&spki);
}
END_TEST

/* RSA keys as old software wrote them: numbered 2.5.8.1.1, or without the zero octet that keeps the
 * modulus positive. */
START_TEST(old_rsa_key_is_used)
{
    struct buffer file, old = {0}, negative = {0};
    struct x509_certificate c = load("rsa1024", &file);
    add_hex(&old, "300a060455080101 02020400");
    size_t start = old.size;
    buffer_add_u8(&old, 0);
    buffer_add(&old, c.key_bits);
    der_wrap(&old, start, DER_BIT_STRING);
    der_wrap(&old, 0, DER_SEQUENCE);
    expect("2.5.8.1.1", prove(buffer_bytes(&old), &c.envelope), PROOF_PROVEN);

    struct der d = der_of(c.key_bits, DER_ONLY);
    struct der_item sequence, modulus, exponent;
    ck_assert(der_take(&d, DER_SEQUENCE, &sequence));
    d = der_into(&d, &sequence);
    ck_assert(der_take(&d, DER_INTEGER, &modulus) && der_take(&d, DER_INTEGER, &exponent));
    add_hex(&negative, "300d06092a864886f70d010101050000");
    size_t key = negative.size;
    buffer_add(&negative, bytes_from(modulus.contents, 1));
    der_wrap(&negative, key, DER_INTEGER);
    buffer_add(&negative, exponent.whole);
    der_wrap(&negative, key, DER_SEQUENCE);
    der_wrap(&negative, key - 1, DER_BIT_STRING);
    der_wrap(&negative, 0, DER_SEQUENCE);
    expect("no zero octet", prove(buffer_bytes(&negative), &c.envelope), PROOF_PROVEN);
    buffer_free(&file);
    buffer_free(&old);
    buffer_free(&negative);
}
END_TEST

/* DigestInfo without NULL, made with OpenSSL's raw RSA. */
START_TEST(signature_without_null_is_proven)
{
    static const char info[] = "301f300706052b0e03021a0414"; /* SHA-1 */
    struct buffer file, block = from_hex(info);
    struct x509_certificate c = load("rsa1024", &file);
    struct hash h;
    uint8_t digest[HASH_SHA1_SIZE];
    ck_assert(hash_open(&h, NULL));
    hash_sha1(&h, c.envelope.tbs, digest);
    hash_close(&h);
    buffer_add(&block, bytes_of(digest, sizeof digest));
    write_file(folder, "block", buffer_bytes(&block));
    run("openssl pkeyutl -sign -inkey '%s/rsa1024.key' -pkeyopt rsa_padding_mode:pkcs1 -in "
        "'%s/block' "
        "-out '%s/block.sig'",
        folder, folder, folder);
    struct buffer signature = read_file(folder, "block.sig");
    c.envelope.signature = buffer_bytes(&signature);
    expect("without NULL", prove(c.spki, &c.envelope), PROOF_PROVEN);
    signature.at[5] ^= 1;
    expect("changed", prove(c.spki, &c.envelope), PROOF_REFUTED);
    buffer_free(&file);
    buffer_free(&block);
    buffer_free(&signature);
}
END_TEST

START_TEST(crl_is_proven)
{
    struct buffer file, crl_file = read_file(folder, "crl.der");
    struct x509_certificate c = load("rsa2048", &file);
    struct x509_crl crl;
    struct fault f = {0};
    ck_assert_msg(x509_crl_read(buffer_bytes(&crl_file), &crl, &f), "%s", f.text);
    expect("CRL", prove(c.spki, &crl.envelope), PROOF_PROVEN);
    crl.envelope.signature_unused = 3;
    expect("unused bits", prove(c.spki, &crl.envelope), PROOF_UNPROVABLE);
    buffer_free(&file);
    buffer_free(&crl_file);
}
END_TEST

/* One key, many proofs, in any order of good and bad. */
START_TEST(key_serves_many_proofs)
{
    struct buffer file, other_file;
    struct x509_certificate c = load("rsa2048", &file), other = load("rsa1024", &other_file);
    struct proof_key key;
    proof_key_open(&key, c.spki);
    ck_assert_uint_eq(key.bits, 2048);
    for (int i = 0; i < 50; i++) {
        expect("good", proof_signature(&key, &c.envelope), PROOF_PROVEN);
        expect("bad", proof_signature(&key, &other.envelope), PROOF_REFUTED);
    }
    proof_key_close(&key);
    buffer_free(&file);
    buffer_free(&other_file);
}
END_TEST

/* The same tests under a policy that forbids nearly everything give the same answers. */
/* That memory was short once, elsewhere, is no answer here. */
START_TEST(a_shortage_before_is_none_now)
{
    struct buffer file;
    struct x509_certificate c = load("rsa1024", &file);
    struct proof_key key;
    errno = ENOMEM;
    proof_key_open(&key, c.spki);
    errno = ENOMEM;
    expect("rsa1024", proof_signature(&key, &c.envelope), PROOF_PROVEN);
    proof_key_close(&key);
    buffer_free(&file);
}
END_TEST

START_TEST(system_policy_changes_nothing)
{
    static const char policy[] = "[global]\noverride-mode = blocklist\n[overrides]\n"
                                 "insecure-hash = sha1\ninsecure-hash = md5\n"
                                 "insecure-sig = rsa-md5\ninsecure-sig = rsa-sha1\n"
                                 "insecure-sig = rsa-sha256\ninsecure-sig = ecdsa-sha256\n"
                                 "insecure-sig = dsa-sha1\ndisabled-curve = secp256r1\n"
                                 "disabled-curve = ed25519\nmin-verification-profile = future\n";
    char self[1024];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(size, 0);
    self[size] = '\0';
    write_file(folder, "policy", text_bytes(policy));
    run("KM_UNDER_POLICY=1 GNUTLS_SYSTEM_PRIORITY_FILE='%s/policy' '%s' >'%s/under-policy' 2>&1 || "
        "{ cat '%s/under-policy'; false; }",
        folder, self, folder, folder);
}
END_TEST

int main(void)
{
    if (!make_vectors(folder, sizeof folder) || !crypto_start(NULL))
        return EXIT_FAILURE;
    struct check_case cases[] = {
        {self_signed_certificate_has_its_answer, ARRAY_SIZE(self_signed)},
        {changed_certificate_is_refuted, ARRAY_SIZE(self_signed)},
        {another_key_has_its_answer, ARRAY_SIZE(strangers)},
        {edited_certificate_has_its_answer, ARRAY_SIZE(edits)},
        {ambiguous_algorithm_only_proves, 0},
        {two_algorithms_are_both_tried, 0},
        {ber_certificate_is_proven, 5},
        {ber_is_signed_as_it_stands, 0},
        {ecdsa_signature_forms_are_proven, 0},
        {bad_key_is_unprovable, ARRAY_SIZE(bad_keys)},
        {huge_key_is_unprovable, 3},
        {key_has_its_cost, 10},
        {large_dsa_key_is_not_used, 2},
        {old_rsa_key_is_used, 0},
        {signature_without_null_is_proven, 0},
        {crl_is_proven, 0},
        {key_serves_many_proofs, 0},
        {a_shortage_before_is_none_now, 0},
        {system_policy_changes_nothing, 0},
        {0},
    };
    if (getenv("KM_UNDER_POLICY") != NULL)
        cases[ARRAY_SIZE(cases) - 2].test = NULL;
    return remove_vectors(folder, check_main("proof", cases));
}
