/* What one entry is: see facts.h. */
#include "migrate/report/facts.h"

#include "formats/certs/der.h"
#include "migrate/console/value.h"

#include <stdio.h>

static const uint8_t rsa_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t ec_oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};

static unsigned bits_of(struct bytes number)
{
    unsigned top = 0;
    while (number.size > 0 && number.at[0] == 0)
        number = bytes_from(number, 1);
    for (unsigned first = number.size ? number.at[0] : 0; first; first >>= 1)
        top++;
    return number.size ? (unsigned)(number.size - 1) * 8 + top : 0;
}

/* RFC 8017 A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }. */
static unsigned rsa_bits(struct bytes key)
{
    struct der d = der_of(key, DER_OR_BER);
    struct der_item sequence, modulus;
    if (!der_take(&d, DER_SEQUENCE, &sequence))
        return 0;
    struct der inside = der_into(&d, &sequence);
    return der_take(&inside, DER_INTEGER, &modulus) ? bits_of(modulus.contents) : 0;
}

static void read_key(const struct x509_certificate *x509, struct entry_facts *facts)
{
    struct bytes oid = x509->key_algorithm.oid;
    if (bytes_equal(oid, bytes_of(rsa_oid, sizeof rsa_oid))) {
        snprintf(facts->key, sizeof facts->key, "RSA");
        facts->key_bits = rsa_bits(x509->key_bits);
    } else if (bytes_equal(oid, bytes_of(ec_oid, sizeof ec_oid))) {
        /* SEC 1 2.3.3: an uncompressed point is 04 and two coordinates. */
        snprintf(facts->key, sizeof facts->key, "ECDSA");
        if (x509->key_bits.size % 2 == 1 && x509->key_bits.at[0] == 4)
            facts->key_bits = (unsigned)(x509->key_bits.size / 2) * 8;
    } else {
        der_oid_text(oid, facts->key, sizeof facts->key);
    }
}

/* The first entry that proves the signature, else what the last one with the issuer's name said. */
static void read_signature(const struct model *m, struct prover *prover,
                           const struct model_certificate *cert, struct entry_facts *facts)
{
    facts->signature = proof_algorithm_name(&cert->x509.envelope.algorithm);
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *above = model_certificate_of(m, &m->entry[i]);
        if (!above->parsed || !bytes_equal(above->x509.subject, cert->x509.issuer))
            continue;
        enum proof_answer answer =
            prover_check(prover, m->entry[i].certificate, &cert->x509.envelope).answer;
        facts->answer = proof_answer_name(answer);
        facts->issuer = m->entry[i].key;
        facts->has_issuer = true;
        if (answer == PROOF_PROVEN)
            return;
    }
}

void entry_facts(const struct model *m, struct prover *prover, const struct model_entry *e,
                 struct entry_facts *facts)
{
    const struct model_certificate *cert = model_certificate_of(m, e);
    *facts = (struct entry_facts){.issuer = 0};
    if (e->has_imported)
        value_date(e->imported, facts->imported_on);
    facts->thumbprint_right =
        e->has_thumbprint && bytes_equal(e->thumbprint, bytes_of(cert->sha1, sizeof cert->sha1));
    facts->named = m->has_issuing_ca && memcmp(cert->sha1, m->issuing_ca, HASH_SHA1_SIZE) == 0;
    if (!cert->parsed)
        return;
    read_key(&cert->x509, facts);
    read_signature(m, prover, cert, facts);
}
