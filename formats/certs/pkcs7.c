/* SignedData as a list: see pkcs7.h. */
#include "formats/certs/pkcs7.h"

enum {
    CONTENT = DER_CONTEXT_0 | DER_CONSTRUCTED,
    CERTIFICATES = DER_CONTEXT_0 | DER_CONSTRUCTED,
    CRLS = (DER_CONTEXT_0 + 1) | DER_CONSTRUCTED,
};

/* pkcs-7 2, signedData: 1.2.840.113549.1.7.2, with its header. */
static const uint8_t signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                      0xf7, 0x0d, 0x01, 0x07, 0x02};

/* Version 1, no digest algorithms, content of type data (pkcs-7 1) that is not there. */
static const uint8_t empty_before[] = {0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09,
                                       0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
static const uint8_t empty_after[] = {0x31, 0x00};

bool pkcs7_detect(struct bytes b)
{
    /* Behind the outer SEQUENCE header, whose length may take up to eight octets. */
    uint8_t first, length;
    struct der_item oid;
    if (!bytes_u8(b, 0, &first) || first != DER_SEQUENCE || !bytes_u8(b, 1, &length))
        return false;
    size_t at = length > 0x80 ? 2u + (length & 0x7f) : 2u;
    struct der d = der_of(bytes_from(b, at), DER_OR_BER);
    struct bytes known = bytes_from(bytes_of(signed_data, sizeof signed_data), 2);
    return at <= 10 && der_take(&d, DER_OID, &oid) && bytes_equal(oid.contents, known);
}

/* Takes a field that must be there. */
static bool take(struct der *d, uint8_t id, const char *what, struct der_item *item,
                 struct fault *f)
{
    if (der_take(d, id, item))
        return true;
    return fault_set(
        f, FAULT_DAMAGED,
        "PKCS#7: expected %s (tag 0x%02x) at byte %zu, found tag 0x%02x or its end cut", what, id,
        d->origin + d->at, der_peek(d));
}

bool pkcs7_open(struct bytes b, struct pkcs7_reader *r, struct fault *f)
{
    struct pkcs7_reader found = {0};
    struct der outer = der_of(b, DER_OR_BER);
    struct der_item info, oid, content, data, item;
    if (!pkcs7_detect(b))
        return fault_set(f, FAULT_NOT_THIS, "PKCS#7: expected SignedData, found other bytes");
    if (!take(&outer, DER_SEQUENCE, "ContentInfo", &info, f))
        return false;
    struct der in_info = der_into(&outer, &info);
    if (!take(&in_info, DER_OID, "a content type", &oid, f) ||
        !take(&in_info, CONTENT, "the content", &content, f))
        return false;
    struct der in_content = der_into(&in_info, &content);
    if (!take(&in_content, DER_SEQUENCE, "SignedData", &data, f))
        return false;
    struct der d = der_into(&in_content, &data);
    if (!take(&d, DER_INTEGER, "a version", &item, f) ||
        !take(&d, DER_SET, "digest algorithms", &item, f) ||
        !take(&d, DER_SEQUENCE, "content information", &item, f))
        return false;
    bytes_cut(d.b, 0, d.at, &found.frame.before);
    if (der_peek(&d) == CERTIFICATES) {
        if (!take(&d, CERTIFICATES, "certificates", &item, f))
            return false;
        found.certificates = der_into(&d, &item);
        found.frame.has_certificates = true;
    }
    if (der_peek(&d) == CRLS) {
        if (!take(&d, CRLS, "CRLs", &item, f))
            return false;
        found.crls = der_into(&d, &item);
        found.frame.has_crls = true;
    }
    found.frame.after = der_rest(&d);
    if (!take(&d, DER_SET, "signers", &item, f))
        return false;
    found.frame.trailing = der_rest(&outer);
    *r = found;
    return true;
}

bool pkcs7_next(struct pkcs7_reader *r, struct pkcs7_entry *entry, struct fault *f)
{
    struct der_item item;
    bool is_crl = !der_more(&r->certificates);
    struct der *d = is_crl ? &r->crls : &r->certificates;
    if (r->failed || !der_more(d))
        return false;
    if (!der_next(d, &item)) {
        r->failed = true;
        return fault_set(f, FAULT_DAMAGED, "PKCS#7: expected a %s at byte %zu, found no whole item",
                         is_crl ? "CRL" : "certificate", d->origin + d->at);
    }
    if (item.id == DER_SEQUENCE)
        entry->type = is_crl ? PKCS7_CRL : PKCS7_CERTIFICATE;
    else
        entry->type = is_crl ? PKCS7_OTHER_CRL : PKCS7_OTHER;
    entry->whole = item.whole;
    entry->offset = item.offset;
    return true;
}

void pkcs7_write_begin(struct pkcs7_writer *w, struct buffer *out, const struct pkcs7_frame *frame)
{
    *w = (struct pkcs7_writer){.out = out, .start = out->size};
    w->frame.before = bytes_of(empty_before, sizeof empty_before);
    w->frame.after = bytes_of(empty_after, sizeof empty_after);
    if (frame != NULL)
        w->frame = *frame;
    buffer_add(out, w->frame.before);
    w->certificates = w->crls = out->size;
}

void pkcs7_write(struct pkcs7_writer *w, enum pkcs7_type type, struct bytes whole)
{
    if (type == PKCS7_CRL || type == PKCS7_OTHER_CRL) {
        buffer_add(w->out, whole);
        w->frame.has_crls = true;
    } else if (buffer_insert(w->out, w->crls, whole)) {
        w->crls += whole.size;
        w->frame.has_certificates = true;
    }
}

bool pkcs7_write_end(struct pkcs7_writer *w)
{
    struct buffer *out = w->out;
    if (w->frame.has_crls)
        der_wrap(out, w->crls, CRLS);
    if (w->frame.has_certificates && !out->failed) {
        /* der_wrap counts to the end: what follows the certificates has to step aside. */
        struct buffer crls = {0};
        buffer_add(&crls, bytes_from(buffer_bytes(out), w->crls));
        out->size = w->crls;
        der_wrap(out, w->certificates, CERTIFICATES);
        buffer_add(out, buffer_bytes(&crls));
        out->failed = out->failed || crls.failed;
        buffer_free(&crls);
    }
    buffer_add(out, w->frame.after);
    der_wrap(out, w->start, DER_SEQUENCE);
    der_wrap(out, w->start, CONTENT);
    buffer_insert(out, w->start, bytes_of(signed_data, sizeof signed_data));
    der_wrap(out, w->start, DER_SEQUENCE);
    return buffer_add(out, w->frame.trailing);
}
