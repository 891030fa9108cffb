/* Proofs of signatures: see proof.h. */
#include "formats/certs/proof.h"

#include "formats/memory.h"

#include "formats/certs/crypto.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <nettle/md2.h>

enum {
    RSA_BITS_LIMIT = 16384, /* the bounds of OpenSSL's rsa.h */
    RSA_ANY_EXPONENT_BITS_LIMIT = 3072,
    RSA_EXPONENT_OCTETS_LIMIT = 8,
    DSA_BITS_LIMIT = 4096,
    DIGEST_LIMIT = 64,
};

/* Whatever the flags are for, this one set makes GnuTLS do arithmetic and no policy. */
static const unsigned any_algorithm =
    GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1;

enum family { RSA, DSA, ECDSA, ED25519, ED448, RSA_PSS };

struct algorithm {
    const char *name;
    const char *oid; /* contents */
    size_t oid_size;
    enum family family;
    gnutls_sign_algorithm_t sign; /* where GnuTLS does all of it */
    gnutls_digest_algorithm_t digest;
    int strength;
    bool guessed; /* the number has been used for another hash as well: it can prove, not refute */
};

#define OID(text) text, sizeof text - 1
#define PKCS1(n) OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01" n) /* 1.2.840.113549.1.1.n */
#define OIW(n) OID("\x2b\x0e\x03\x02" n)                   /* 1.3.14.3.2.n */
#define X962(n) OID("\x2a\x86\x48\xce\x3d\x04" n)          /* 1.2.840.10045.4.n */
#define NIST(n) OID("\x60\x86\x48\x01\x65\x03\x04\x03" n)  /* 2.16.840.1.101.3.4.3.n */

static const struct algorithm algorithms[] = {
    {"RSA-MD2", PKCS1("\x02"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_MD2, 1, false},
    {"RSA-MD5", PKCS1("\x04"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_MD5, 2, false},
    {"RSA-SHA1", PKCS1("\x05"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA1, 3, false},
    {"RSA-PSS", PKCS1("\x0a"), RSA_PSS, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_UNKNOWN, 4, false},
    {"RSA-SHA256", PKCS1("\x0b"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA256, 4, false},
    {"RSA-SHA384", PKCS1("\x0c"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA384, 4, false},
    {"RSA-SHA512", PKCS1("\x0d"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA512, 4, false},
    {"RSA-SHA224", PKCS1("\x0e"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA224, 4, false},
    {"RSA-MD5", OIW("\x03"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_MD5, 2, false},
    {"RSA-SHA", OIW("\x0f"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA1, 3, true},
    {"RSA-MD2", OIW("\x18"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_MD2, 1, false},
    {"RSA-MD5", OIW("\x19"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_MD5, 2, false},
    {"RSA-SHA1", OIW("\x1d"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA1, 3, false},
    {"DSA-SHA", OIW("\x0d"), DSA, GNUTLS_SIGN_DSA_SHA1, GNUTLS_DIG_SHA1, 3, true},
    {"DSA-SHA1", OIW("\x1b"), DSA, GNUTLS_SIGN_DSA_SHA1, GNUTLS_DIG_SHA1, 3, false},
    {"DSA-SHA1", OID("\x2a\x86\x48\xce\x38\x04\x03"), DSA, GNUTLS_SIGN_DSA_SHA1, GNUTLS_DIG_SHA1, 3,
     false}, /* 1.2.840.10040.4.3 */
    {"DSA-SHA224", NIST("\x01"), DSA, GNUTLS_SIGN_DSA_SHA224, GNUTLS_DIG_SHA224, 4, false},
    {"DSA-SHA256", NIST("\x02"), DSA, GNUTLS_SIGN_DSA_SHA256, GNUTLS_DIG_SHA256, 4, false},
    {"DSA-SHA384", NIST("\x03"), DSA, GNUTLS_SIGN_DSA_SHA384, GNUTLS_DIG_SHA384, 4, false},
    {"DSA-SHA512", NIST("\x04"), DSA, GNUTLS_SIGN_DSA_SHA512, GNUTLS_DIG_SHA512, 4, false},
    {"RSA-SHA3-224", NIST("\x0d"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA3_224, 4, false},
    {"RSA-SHA3-256", NIST("\x0e"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA3_256, 4, false},
    {"RSA-SHA3-384", NIST("\x0f"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA3_384, 4, false},
    {"RSA-SHA3-512", NIST("\x10"), RSA, GNUTLS_SIGN_UNKNOWN, GNUTLS_DIG_SHA3_512, 4, false},
    {"ECDSA-SHA1", X962("\x01"), ECDSA, GNUTLS_SIGN_ECDSA_SHA1, GNUTLS_DIG_SHA1, 3, false},
    {"ECDSA-SHA224", X962("\x03\x01"), ECDSA, GNUTLS_SIGN_ECDSA_SHA224, GNUTLS_DIG_SHA224, 4,
     false},
    {"ECDSA-SHA256", X962("\x03\x02"), ECDSA, GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_DIG_SHA256, 4,
     false},
    {"ECDSA-SHA384", X962("\x03\x03"), ECDSA, GNUTLS_SIGN_ECDSA_SHA384, GNUTLS_DIG_SHA384, 4,
     false},
    {"ECDSA-SHA512", X962("\x03\x04"), ECDSA, GNUTLS_SIGN_ECDSA_SHA512, GNUTLS_DIG_SHA512, 4,
     false},
    {"Ed25519", OID("\x2b\x65\x70"), ED25519, GNUTLS_SIGN_EDDSA_ED25519, GNUTLS_DIG_SHA512, 4,
     false},
    {"Ed448", OID("\x2b\x65\x71"), ED448, GNUTLS_SIGN_EDDSA_ED448, GNUTLS_DIG_SHAKE_256, 4, false},
};

/* Object identifiers of the hashes, whole items, for DigestInfo: RFC 8017 B.1. */
struct digest_oid {
    gnutls_digest_algorithm_t digest;
    const char *oid;
    size_t size;
};

#define NIST_HASH(n) OID("\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" n)

static const struct digest_oid digest_oids[] = {
    {GNUTLS_DIG_MD2, OID("\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x02")},
    {GNUTLS_DIG_MD5, OID("\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05")},
    {GNUTLS_DIG_SHA1, OID("\x06\x05\x2b\x0e\x03\x02\x1a")},
    {GNUTLS_DIG_SHA256, NIST_HASH("\x01")},
    {GNUTLS_DIG_SHA384, NIST_HASH("\x02")},
    {GNUTLS_DIG_SHA512, NIST_HASH("\x03")},
    {GNUTLS_DIG_SHA224, NIST_HASH("\x04")},
    {GNUTLS_DIG_SHA3_224, NIST_HASH("\x07")},
    {GNUTLS_DIG_SHA3_256, NIST_HASH("\x08")},
    {GNUTLS_DIG_SHA3_384, NIST_HASH("\x09")},
    {GNUTLS_DIG_SHA3_512, NIST_HASH("\x0a")},
};

static const struct digest_oid *find_digest(gnutls_digest_algorithm_t digest)
{
    for (size_t i = 0; i < sizeof digest_oids / sizeof digest_oids[0]; i++) {
        if (digest_oids[i].digest == digest)
            return &digest_oids[i];
    }
    return NULL;
}

static const struct algorithm *find_algorithm(const struct x509_algorithm *sought)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (bytes_equal(sought->oid, bytes_of(algorithms[i].oid, algorithms[i].oid_size)))
            return &algorithms[i];
    }
    return NULL;
}

/* GnuTLS takes what it only reads as not const, and lengths as unsigned int. */
static gnutls_datum_t datum(struct bytes b)
{
    union {
        const uint8_t *in;
        uint8_t *out;
    } at = {.in = b.at};
    return (gnutls_datum_t){.data = at.out, .size = (unsigned)b.size};
}

static struct proof unprovable(const char *why)
{
    return (struct proof){.answer = PROOF_UNPROVABLE, .why = why};
}

static struct proof refuted(void)
{
    return (struct proof){.answer = PROOF_REFUTED,
                          .why = "the signature was not made with this key"};
}

/* Only GnuTLS's "the arithmetic does not come out" refutes. */
static struct proof answer_of(int rc)
{
    if (rc >= 0)
        return (struct proof){.answer = PROOF_PROVEN};
    if (rc == GNUTLS_E_PK_SIG_VERIFY_FAILED)
        return refuted();
    struct proof p = unprovable(gnutls_strerror(rc));
    p.no_memory = rc == GNUTLS_E_MEMORY_ERROR;
    return p;
}

static struct proof out_of_memory(void)
{
    return answer_of(GNUTLS_E_MEMORY_ERROR);
}

/* ------------------------------------------------------------------ keys */

/* RSAPublicKey, RFC 8017 A.1.1.  Read here when GnuTLS does not know the key's object identifier:
 * old software named RSA keys 2.5.8.1.1 (X.509, 1988). */
static bool import_rsa_bits(gnutls_pubkey_t handle, struct bytes bits)
{
    struct der d = der_of(bits, DER_OR_BER);
    struct der_item sequence, modulus, exponent;
    if (!der_take(&d, DER_SEQUENCE, &sequence))
        return false;
    struct der inside = der_into(&d, &sequence);
    if (!der_take(&inside, DER_INTEGER, &modulus) || !der_take(&inside, DER_INTEGER, &exponent))
        return false;
    gnutls_datum_t m = datum(modulus.contents), e = datum(exponent.contents);
    return gnutls_pubkey_import_rsa_raw(handle, &m, &e) >= 0;
}

static bool import_old_rsa(gnutls_pubkey_t handle, struct bytes spki)
{
    static const uint8_t old_rsa[] = {0x55, 0x08, 0x01, 0x01};
    struct der d = der_of(spki, DER_OR_BER);
    struct der_item outer, algorithm, oid, key;
    struct bytes bits;
    uint8_t unused;
    if (!der_take(&d, DER_SEQUENCE, &outer))
        return false;
    struct der inside = der_into(&d, &outer);
    if (!der_take(&inside, DER_SEQUENCE, &algorithm))
        return false;
    struct der in_algorithm = der_into(&inside, &algorithm);
    return der_take(&in_algorithm, DER_OID, &oid) &&
           bytes_equal(oid.contents, bytes_of(old_rsa, sizeof old_rsa)) &&
           der_next(&inside, &key) && der_bits(&inside, &key, &bits, &unused) &&
           import_rsa_bits(handle, bits);
}

/* What a check costs grows with the square of the modulus and with the exponent, which is 17 bits
 * almost everywhere.  One of many octets is nobody's honest key, and counts four times. */
static unsigned rsa_cost(unsigned bits, size_t exponent_octets)
{
    uint64_t cost = (uint64_t)bits * bits * exponent_octets / (2048u * 2048 * 3);
    if (exponent_octets > RSA_EXPONENT_OCTETS_LIMIT)
        cost *= 4;
    return cost > 1 ? (unsigned)cost : 1;
}

/* What nobody's key looks like but what would keep a verifier busy for hours, or is no key at all.
 */
static const char *unusable_rsa(gnutls_pubkey_t handle, unsigned bits, unsigned *cost)
{
    gnutls_datum_t m, e;
    const char *why = NULL;
    if (bits > RSA_BITS_LIMIT)
        return "the RSA key is larger than 16384 bits";
    if (gnutls_pubkey_export_rsa_raw2(handle, &m, &e, GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
        return "the RSA key cannot be read";
    uint8_t last_m = 0, last_e = 0;
    if (m.size > 0)
        last_m = m.data[m.size - 1];
    if (e.size > 0)
        last_e = e.data[e.size - 1];
    if ((last_m & 1) == 0 || (last_e & 1) == 0)
        why = "the RSA key is not one: its modulus or exponent is even";
    else if (bits > RSA_ANY_EXPONENT_BITS_LIMIT && e.size > RSA_EXPONENT_OCTETS_LIMIT)
        why = "the RSA key's exponent is larger than 64 bits";
    *cost = rsa_cost(bits, e.size);
    gnutls_free(m.data);
    gnutls_free(e.data);
    return why;
}

static const char *unusable(struct proof_key *key)
{
    if (key->algorithm == GNUTLS_PK_RSA || key->algorithm == GNUTLS_PK_RSA_PSS)
        return unusable_rsa(key->handle, key->bits, &key->cost);
    if (key->algorithm == GNUTLS_PK_DSA && key->bits > DSA_BITS_LIMIT)
        return "the DSA key is larger than 4096 bits";
    return NULL;
}

static bool import(struct proof_key *key, struct bytes spki)
{
    struct fault f;
    if (!der_is_strict(spki)) {
        if (!der_normalise(spki, &key->scratch, &f)) {
            key->no_memory = f.code == FAULT_NO_MEMORY;
            return false;
        }
        spki = buffer_bytes(&key->scratch);
    }
    gnutls_datum_t d = datum(spki);
    int rc = gnutls_pubkey_import(key->handle, &d, GNUTLS_X509_FMT_DER);
    key->no_memory = rc == GNUTLS_E_MEMORY_ERROR;
    return rc >= 0 || import_old_rsa(key->handle, spki);
}

/* ------------------------------------------------------------------ signatures */

static bool family_matches(const struct proof_key *key, enum family family)
{
    switch (key->algorithm) {
    case GNUTLS_PK_RSA:
    case GNUTLS_PK_RSA_PSS:
        return family == RSA || family == RSA_PSS;
    case GNUTLS_PK_DSA:
        return family == DSA;
    case GNUTLS_PK_ECDSA:
        return family == ECDSA;
    case GNUTLS_PK_EDDSA_ED25519:
        return family == ED25519;
    case GNUTLS_PK_EDDSA_ED448:
        return family == ED448;
    default:
        return false;
    }
}

/* Whether the key is of a kind that some algorithm of the table signs with. */
static bool family_known(const struct proof_key *key)
{
    for (int family = RSA; family <= RSA_PSS; family++) {
        if (family_matches(key, (enum family)family))
            return true;
    }
    return false;
}

static bool hash_data(gnutls_digest_algorithm_t digest, struct bytes data,
                      uint8_t out[DIGEST_LIMIT], size_t *size)
{
    if (digest == GNUTLS_DIG_MD2) {
        struct md2_ctx md2;
        md2_init(&md2);
        md2_update(&md2, data.size, data.at);
        md2_digest(&md2, MD2_DIGEST_SIZE, out);
        *size = MD2_DIGEST_SIZE;
        return true;
    }
    *size = gnutls_hash_get_len(digest);
    return *size > 0 && *size <= DIGEST_LIMIT &&
           gnutls_hash_fast(digest, data.at, data.size, out) >= 0;
}

/* Compares the opened signature with this DigestInfo (RFC 8017 9.2), with or without the NULL after
 * the hash's number. */
static int compare_block(struct proof_key *key, const struct digest_oid *oid, bool with_null,
                         struct bytes digest, const gnutls_datum_t *signature)
{
    static const uint8_t null[2] = {DER_NULL, 0};
    struct buffer *out = &key->scratch;
    size_t start = out->size;
    buffer_add(out, bytes_of(oid->oid, oid->size));
    buffer_add(out, bytes_of(null, with_null ? 2 : 0));
    der_wrap(out, start, DER_SEQUENCE);
    size_t octets = out->size;
    buffer_add(out, digest);
    der_wrap(out, octets, DER_OCTET_STRING);
    if (!der_wrap(out, start, DER_SEQUENCE))
        return GNUTLS_E_MEMORY_ERROR;
    gnutls_datum_t block = datum(bytes_from(buffer_bytes(out), start));
    int rc =
        gnutls_pubkey_verify_hash2(key->handle, GNUTLS_SIGN_UNKNOWN,
                                   any_algorithm | GNUTLS_VERIFY_USE_TLS1_RSA, &block, signature);
    out->size = start;
    return rc;
}

/* The block is made here and compared whole, as if it were TLS's own: GnuTLS refuses good MD2
 * signatures when it is to make the block itself, and signers of the 1990s left the NULL out, which
 * RFC 8017 A.2.4 wants accepted. */
static struct proof verify_rsa(struct proof_key *key, const struct algorithm *a, struct bytes tbs,
                               struct bytes signature)
{
    uint8_t digest[DIGEST_LIMIT];
    size_t size;
    const struct digest_oid *oid = find_digest(a->digest);
    if (oid == NULL || !hash_data(a->digest, tbs, digest, &size))
        return unprovable("the hash of the signature is not available");
    gnutls_datum_t s = datum(signature);
    int rc = compare_block(key, oid, true, bytes_of(digest, size), &s);
    if (rc == GNUTLS_E_PK_SIG_VERIFY_FAILED)
        rc = compare_block(key, oid, false, bytes_of(digest, size), &s);
    return answer_of(rc);
}

/* The two numbers of a DSA or ECDSA signature: a SEQUENCE, in DER or not, or side by side in halves
 * of one size, as CryptoAPI has them. */
static bool read_pair(struct bytes signature, struct bytes *r, struct bytes *s)
{
    struct der d = der_of(signature, DER_OR_BER);
    struct der_item sequence, first, second;
    if (der_take(&d, DER_SEQUENCE, &sequence) && !der_more(&d)) {
        struct der inside = der_into(&d, &sequence);
        if (der_take(&inside, DER_INTEGER, &first) && der_take(&inside, DER_INTEGER, &second) &&
            !der_more(&inside) && !inside.failed) {
            *r = first.contents;
            *s = second.contents;
            return true;
        }
    }
    size_t half = signature.size / 2;
    bool halves = signature.size % 2 == 0 &&
                  (half == 20 || half == 28 || half == 32 || half == 48 || half == 66);
    return halves && bytes_cut(signature, 0, half, r) && bytes_cut(signature, half, half, s);
}

/* A positive INTEGER: no zero octets in front but the one that keeps it positive. */
static void add_positive(struct buffer *out, struct bytes number)
{
    uint8_t first = 0;
    size_t start = out->size;
    while (number.size > 1 && bytes_u8(number, 0, &first) && first == 0)
        number = bytes_from(number, 1);
    bytes_u8(number, 0, &first);
    if (first >= 0x80)
        buffer_add_u8(out, 0);
    buffer_add(out, number);
    der_wrap(out, start, DER_INTEGER);
}

static struct proof verify_pair(struct proof_key *key, const struct algorithm *a, struct bytes tbs,
                                struct bytes signature)
{
    struct bytes r, s;
    struct buffer *out = &key->scratch;
    size_t start = out->size;
    if (!read_pair(signature, &r, &s))
        return unprovable("the signature is not in a form that is known");
    add_positive(out, r);
    add_positive(out, s);
    if (!der_wrap(out, start, DER_SEQUENCE))
        return out_of_memory();
    gnutls_datum_t data = datum(tbs), plain = datum(bytes_from(buffer_bytes(out), start));
    int rc = gnutls_pubkey_verify_data2(key->handle, a->sign, any_algorithm, &data, &plain);
    out->size = start;
    return answer_of(rc);
}

struct pss {
    gnutls_digest_algorithm_t digest;
    gnutls_digest_algorithm_t mask_digest;
    unsigned salt;
    bool known; /* everything else is as RFC 4055 says it must be */
};

/* The hash of an AlgorithmIdentifier that stands next in d. */
static gnutls_digest_algorithm_t read_hash(struct der *d)
{
    struct der_item sequence, oid;
    if (!der_take(d, DER_SEQUENCE, &sequence))
        return GNUTLS_DIG_UNKNOWN;
    struct der inside = der_into(d, &sequence);
    if (!der_take(&inside, DER_OID, &oid))
        return GNUTLS_DIG_UNKNOWN;
    for (size_t i = 0; i < sizeof digest_oids / sizeof digest_oids[0]; i++) {
        struct bytes known = bytes_from(bytes_of(digest_oids[i].oid, digest_oids[i].size), 2);
        if (bytes_equal(oid.contents, known))
            return digest_oids[i].digest;
    }
    return GNUTLS_DIG_UNKNOWN;
}

/* MaskGenAlgorithm: mgf1, 1.2.840.113549.1.1.8, with a hash as its parameter. */
static gnutls_digest_algorithm_t read_mask(struct der *d)
{
    static const uint8_t mgf1[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
    struct der_item sequence, oid;
    if (!der_take(d, DER_SEQUENCE, &sequence))
        return GNUTLS_DIG_UNKNOWN;
    struct der inside = der_into(d, &sequence);
    if (!der_take(&inside, DER_OID, &oid) ||
        !bytes_equal(oid.contents, bytes_of(mgf1, sizeof mgf1)))
        return GNUTLS_DIG_UNKNOWN;
    return read_hash(&inside);
}

static unsigned read_salt(struct der *d, bool *good)
{
    struct der_item number;
    *good = der_take(d, DER_INTEGER, &number) && number.contents.size <= 2;
    return *good ? (unsigned)bytes_number_be(number.contents) : 0;
}

/* RSASSA-PSS-params, RFC 4055 3.1. */
static struct pss read_pss(struct bytes parameters)
{
    struct pss p = {GNUTLS_DIG_SHA1, GNUTLS_DIG_SHA1, 20, false};
    struct der d = der_of(parameters, DER_OR_BER);
    struct der_item sequence, field;
    if (!der_take(&d, DER_SEQUENCE, &sequence))
        return p;
    p.known = true;
    struct der inside = der_into(&d, &sequence);
    while (der_next(&inside, &field)) {
        struct der value = der_into(&inside, &field);
        bool good = true;
        if (field.id == (DER_CONTEXT_0 | DER_CONSTRUCTED))
            p.digest = read_hash(&value);
        else if (field.id == ((DER_CONTEXT_0 + 1) | DER_CONSTRUCTED))
            p.mask_digest = read_mask(&value);
        else if (field.id == ((DER_CONTEXT_0 + 2) | DER_CONSTRUCTED))
            p.salt = read_salt(&value, &good);
        else
            good = field.id == ((DER_CONTEXT_0 + 3) | DER_CONSTRUCTED) &&
                   read_salt(&value, &good) == 1 && good; /* trailerField: 1 is the only one */
        p.known = p.known && good;
    }
    p.known = p.known && !inside.failed && p.digest == p.mask_digest;
    return p;
}

/* Gives a copy of an RSA key the parameters of this one signature; GnuTLS keeps them in the key. */
static int copy_for_pss(struct proof_key *key, const struct pss *pss, gnutls_pubkey_t copy)
{
    gnutls_datum_t m = {0}, e = {0};
    gnutls_x509_spki_t spki = NULL;
    int rc = gnutls_pubkey_export_rsa_raw2(key->handle, &m, &e, 0);
    if (rc >= 0)
        rc = gnutls_pubkey_import_rsa_raw(copy, &m, &e);
    if (rc >= 0)
        rc = gnutls_x509_spki_init(&spki);
    if (rc >= 0) {
        gnutls_x509_spki_set_rsa_pss_params(spki, pss->digest, pss->salt);
        rc = gnutls_pubkey_set_spki(copy, spki, 0);
        gnutls_x509_spki_deinit(spki);
    }
    gnutls_free(m.data);
    gnutls_free(e.data);
    return rc;
}

static struct proof verify_pss(struct proof_key *key, struct bytes parameters, struct bytes tbs,
                               struct bytes signature)
{
    struct pss pss = read_pss(parameters);
    gnutls_sign_algorithm_t sign = pss.digest == GNUTLS_DIG_SHA256   ? GNUTLS_SIGN_RSA_PSS_SHA256
                                   : pss.digest == GNUTLS_DIG_SHA384 ? GNUTLS_SIGN_RSA_PSS_SHA384
                                   : pss.digest == GNUTLS_DIG_SHA512 ? GNUTLS_SIGN_RSA_PSS_SHA512
                                                                     : GNUTLS_SIGN_UNKNOWN;
    gnutls_pubkey_t copy;
    if (!pss.known || sign == GNUTLS_SIGN_UNKNOWN)
        return unprovable("the parameters of the RSA-PSS signature are not supported");
    if (gnutls_pubkey_init(&copy) < 0)
        return out_of_memory();
    gnutls_datum_t data = datum(tbs), s = datum(signature);
    struct proof p = unprovable("the key cannot be used with these RSA-PSS parameters");
    int rc = copy_for_pss(key, &pss, copy);
    if (rc >= 0)
        p = answer_of(gnutls_pubkey_verify_data2(copy, sign, any_algorithm, &data, &s));
    p.no_memory = p.no_memory || rc == GNUTLS_E_MEMORY_ERROR;
    gnutls_pubkey_deinit(copy);
    return p;
}

/* One algorithm, one form of the to-be-signed bytes. */
static struct proof verify(struct proof_key *key, const struct x509_algorithm *named,
                           struct bytes tbs, struct bytes signature)
{
    const struct algorithm *a = find_algorithm(named);
    struct proof p;
    if (a == NULL)
        return unprovable("the signature algorithm is not known");
    if (!family_matches(key, a->family)) {
        if (!family_known(key))
            return unprovable("no signature algorithm is known for this kind of key");
        p = refuted();
        p.why = "the signature was made with another kind of key";
        return p;
    }
    if (a->family == RSA && key->algorithm == GNUTLS_PK_RSA_PSS)
        return unprovable("the key is for RSA-PSS only, the signature is another");
    if (a->family == RSA)
        p = verify_rsa(key, a, tbs, signature);
    else if (a->family == RSA_PSS)
        p = verify_pss(key, named->parameters, tbs, signature);
    else if (a->family == DSA || a->family == ECDSA)
        p = verify_pair(key, a, tbs, signature);
    else {
        gnutls_datum_t data = datum(tbs), s = datum(signature);
        p = answer_of(gnutls_pubkey_verify_data2(key->handle, a->sign, any_algorithm, &data, &s));
    }
    if (p.answer == PROOF_REFUTED && a->guessed)
        return unprovable("the algorithm's number has been used for two hashes");
    return p;
}

/* The algorithm beside the signature; where the signed one differs, that one too.  The two must be
 * equal, so that nothing is refuted when they are not. */
static struct proof verify_both(struct proof_key *key, const struct x509_signed *o,
                                struct bytes tbs)
{
    struct proof p = verify(key, &o->algorithm, tbs, o->signature);
    if (p.answer == PROOF_PROVEN || bytes_equal(o->algorithm.oid, o->claimed.oid))
        return p;
    p = verify(key, &o->claimed, tbs, o->signature);
    if (p.answer == PROOF_REFUTED)
        return unprovable("the signature algorithm differs inside and outside");
    return p;
}

/* ------------------------------------------------------------------ public */

static void open_key(struct proof_key *key, struct bytes spki)
{
    *key = (struct proof_key){.why = "the issuer's key cannot be read", .cost = 1};
    if (memory_ran_short()) {
        key->no_memory = true;
        return;
    }
    if (!crypto_start(NULL)) {
        key->why = "GnuTLS does not start";
        return;
    }
    /* Where the system is in FIPS mode, its library refuses MD5; this thread asks for arithmetic.
     */
    if (gnutls_fips140_mode_enabled() != 0)
        gnutls_fips140_set_mode(GNUTLS_FIPS140_LAX, GNUTLS_FIPS140_SET_MODE_THREAD);
    if (gnutls_pubkey_init(&key->handle) < 0) {
        key->handle = NULL;
        key->no_memory = true;
        return;
    }
    const char *why = key->why;
    if (import(key, spki)) {
        key->algorithm = gnutls_pubkey_get_pk_algorithm(key->handle, &key->bits);
        why = unusable(key);
    }
    key->why = why;
    buffer_clear(&key->scratch);
    if (why != NULL) {
        gnutls_pubkey_deinit(key->handle);
        key->handle = NULL;
    }
}

/* What GnuTLS cannot allocate, or libtasn1 below it, it may call an unreadable key; and a signature
 * that could not be checked must not become an answer.  GMP below it ends the program when it
 * gets no memory: once there was too little, nothing more is asked of it. */
void proof_key_open(struct proof_key *key, struct bytes spki)
{
    memory_watch_begin();
    open_key(key, spki);
    if (memory_watch_end())
        key->no_memory = true;
}

void proof_key_close(struct proof_key *key)
{
    if (key->handle != NULL)
        gnutls_pubkey_deinit(key->handle);
    buffer_free(&key->scratch);
    *key = (struct proof_key){0};
}

static struct proof check(struct proof_key *key, const struct x509_signed *signed_object)
{
    struct fault f;
    struct bytes tbs = signed_object->tbs;
    if (key->handle == NULL)
        return (struct proof){PROOF_UNPROVABLE, key->why, key->no_memory};
    if (memory_ran_short())
        return out_of_memory();
    if (signed_object->signature_unused != 0)
        return unprovable("the signature is not of whole octets");
    if (tbs.size > UINT32_MAX || signed_object->signature.size > UINT32_MAX)
        return unprovable("what is signed is too large");
    buffer_clear(&key->scratch);
    struct proof p = verify_both(key, signed_object, tbs);
    if (p.answer != PROOF_REFUTED || der_is_strict(tbs))
        return p;
    /* The rule is to sign the DER form, whatever form is stored; few kept to it. */
    struct buffer plain = {0};
    if (!der_normalise(tbs, &plain, &f)) {
        buffer_free(&plain);
        return f.code == FAULT_NO_MEMORY
                   ? out_of_memory()
                   : unprovable("what is signed is not in a readable encoding");
    }
    if (!bytes_equal(buffer_bytes(&plain), tbs)) {
        p = verify_both(key, signed_object, buffer_bytes(&plain));
        if (p.answer == PROOF_REFUTED)
            p = unprovable("what is signed is stored in another encoding");
    }
    buffer_free(&plain);
    return p;
}

struct proof proof_signature(struct proof_key *key, const struct x509_signed *signed_object)
{
    memory_watch_begin();
    struct proof p = check(key, signed_object);
    if (memory_watch_end())
        return out_of_memory();
    return p;
}

const char *proof_answer_name(enum proof_answer answer)
{
    static const char *const names[] = {
        [PROOF_UNPROVABLE] = "unprovable", [PROOF_PROVEN] = "proven", [PROOF_REFUTED] = "refuted"};
    return names[answer];
}

const char *proof_algorithm_name(const struct x509_algorithm *algorithm)
{
    const struct algorithm *a = find_algorithm(algorithm);
    return a != NULL ? a->name : NULL;
}

int proof_algorithm_strength(const struct x509_algorithm *algorithm)
{
    const struct algorithm *a = find_algorithm(algorithm);
    return a != NULL ? a->strength : 0;
}
