/* Certificates and CRLs: every field lies inside the input; what was read reads again without its
 * trailing bytes, and as DER says the same. */
#include "formats/certs/x509.h"
#include "tests/formats/certs/fuzz.h"

static void touch_extensions(struct bytes extensions)
{
    struct x509_extensions x = x509_extensions_read(extensions);
    touch(x.subject_key_id);
    touch(x.authority_key_id);
    touch(x.authority_issuer);
    touch(x.authority_serial);
    touch(x.crl_number);
}

static void touch_envelope(const struct x509_signed *s)
{
    touch(s->whole);
    touch(s->trailing);
    touch(s->tbs);
    touch(s->claimed.whole);
    touch(s->claimed.parameters);
    touch(s->algorithm.oid);
    touch(s->signature);
    if (x509_is_der(s))
        must(s->shortest && der_is_strict(s->tbs));
}

static void try_certificate(struct bytes in)
{
    static struct hash h;
    struct x509_certificate c, again;
    struct buffer scratch = {0};
    uint8_t one[HASH_SHA256_SIZE], other[HASH_SHA256_SIZE];
    if (!x509_certificate_read(in, &c, NULL))
        return;
    if (h.sha256 == NULL)
        must(hash_open(&h, NULL));
    touch_envelope(&c.envelope);
    touch(c.serial_raw);
    touch(c.issuer);
    touch(c.subject);
    touch(c.spki);
    touch(c.key_bits);
    touch_extensions(c.extensions);
    must(c.serial.size > 0);
    must(x509_certificate_read(c.envelope.whole, &again, NULL));
    must(again.envelope.trailing.size == 0);
    x509_key_sha256(&c, &h, one);
    x509_key_sha256(&again, &h, other);
    must(memcmp(one, other, sizeof one) == 0);
    must(x509_tbs_sha256(&c.envelope, &h, &scratch, one));
    struct buffer plain = {0};
    if (der_normalise(c.envelope.whole, &plain, NULL)) {
        must(x509_certificate_read(buffer_bytes(&plain), &again, NULL));
        must(bytes_equal(c.serial, again.serial) && c.version == again.version);
        must(x509_tbs_sha256(&again.envelope, &h, &scratch, other));
        must(memcmp(one, other, sizeof one) == 0);
    }
    buffer_free(&plain);
    buffer_free(&scratch);
}

static void try_crl(struct bytes in)
{
    struct x509_crl crl;
    struct x509_revoked entry;
    if (!x509_crl_read(in, &crl, NULL))
        return;
    touch_envelope(&crl.envelope);
    touch(crl.issuer);
    touch_extensions(crl.extensions);
    struct x509_revoked_walk walk = x509_revoked_first(&crl);
    while (x509_revoked_next(&walk, &entry)) {
        touch(entry.serial_raw);
        touch_extensions(entry.extensions);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    try_certificate(in);
    try_crl(in);
    touch_extensions(in);
    return 0;
}
