/*
 * Microsoft's serialized certificate store (SST): what CertSaveStore and certmgr's "Microsoft
 * Serialized Certificate Store" export write.
 *
 * Layout, all numbers little end first: [MS-OSHARED] 2.3.2.5.5 VBASigSerializedCertStore and the
 * structures after it; CertSerializeCertificateStoreElement in the Windows SDK.
 *
 *     header     u32 version 0, "CERT"
 *     elements   u32 id, u32 encoding type, u32 length, data
 *     end        u32 id 0, u32 0, u32 0
 *
 * Id 32 is a certificate, 33 a CRL, 34 a CTL; any other id is a property of the certificate, CRL or
 * CTL that follows it.  An entry here is one of these with the properties before it.
 */
#ifndef KM_FORMATS_CERTS_SST_H
#define KM_FORMATS_CERTS_SST_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/fault.h"

enum {
    SST_END = 0,
    SST_CERTIFICATE = 32,
    SST_CRL = 33,
    SST_CTL = 34,
    SST_ENCODING = 1, /* X509_ASN_ENCODING */
};

struct sst_entry {
    uint32_t id; /* SST_CERTIFICATE, SST_CRL or SST_CTL */
    uint32_t encoding;
    struct bytes data;
    struct bytes properties; /* the elements before it, whole; empty when it has none */
    struct bytes whole;      /* properties and the element itself */
    size_t offset;           /* of whole in the input */
};

struct sst_property {
    uint32_t id;
    uint32_t encoding;
    struct bytes data;
    struct bytes whole;
};

struct sst_reader {
    struct bytes b;
    size_t at;
    bool ended;  /* the end element was met */
    bool failed; /* it was not: cut, or a length that runs out of the store */
    struct bytes
        tail; /* after the last entry, when ended: properties of nothing, the end element, and
                 what follows it; written back as it is, it keeps the store byte for byte */
};

bool sst_detect(struct bytes b);

/* False with FAULT_NOT_THIS when the header is another. */
bool sst_open(struct bytes b, struct sst_reader *r, struct fault *f);

/* The next entry.  False at the end element, f untouched; false with `failed` set and FAULT_DAMAGED
 * when the store is cut before it. */
bool sst_next(struct sst_reader *r, struct sst_entry *entry, struct fault *f);

/* The properties of an entry, in their order: start with at = 0.  False at the end. */
bool sst_property_next(struct bytes properties, size_t *at, struct sst_property *property);

/* Writers; each false when there is no memory.  An entry is its properties, then its element. */
bool sst_write_header(struct buffer *out);
bool sst_write_element(struct buffer *out, uint32_t id, uint32_t encoding, struct bytes data);
bool sst_write_end(struct buffer *out);

#endif
