/* Proofs: the input is an issuer's key (two octets of length before it), then a certificate or CRL.
 * No input may crash or keep GnuTLS busy, and each answer has its reason. */
#include "formats/certs/proof.h"
#include "tests/formats/certs/fuzz.h"

static void prove(struct proof_key *key, const struct x509_signed *o)
{
    struct proof p = proof_signature(key, o);
    must((p.why == NULL) == (p.answer == PROOF_PROVEN));
    must(key->handle != NULL || p.answer == PROOF_UNPROVABLE);
    must(!p.no_memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), spki;
    struct x509_certificate c;
    struct x509_crl crl;
    struct proof_key key, own;
    uint16_t length;
    if (!bytes_le16(in, 0, &length) || !bytes_cut(in, 2, length, &spki))
        return 0;
    struct bytes rest = bytes_from(in, 2u + length);
    proof_key_open(&key, spki);
    if (x509_certificate_read(rest, &c, NULL)) {
        prove(&key, &c.envelope);
        proof_key_open(&own, c.spki);
        prove(&own, &c.envelope);
        proof_key_close(&own);
    }
    if (x509_crl_read(rest, &crl, NULL))
        prove(&key, &crl.envelope);
    proof_key_close(&key);
    return 0;
}
