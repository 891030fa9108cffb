/*
 * PKCS#7 SignedData as a bag of certificates and CRLs (".p7b", "certs-only").
 *
 * Layout: RFC 2315 sections 7 and 9.1, RFC 5652 section 5.1; in BER as Windows and OpenSSL write
 * it. Content and signers, where there are any, are not judged and are kept when a list is
 * rewritten.
 */
#ifndef KM_FORMATS_CERTS_PKCS7_H
#define KM_FORMATS_CERTS_PKCS7_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/certs/der.h"
#include "formats/fault.h"

enum pkcs7_type {
    PKCS7_CERTIFICATE,
    PKCS7_CRL,
    PKCS7_OTHER,     /* among certificates: attribute certificates, RFC 5652 10.2.2 */
    PKCS7_OTHER_CRL, /* among CRLs: other revocation information, RFC 5652 10.2.1 */
};

struct pkcs7_entry {
    enum pkcs7_type type;
    struct bytes whole;
    size_t offset; /* in the input */
};

/* What stands around the entries, byte for byte. */
struct pkcs7_frame {
    struct bytes before; /* version, digest algorithms, content */
    struct bytes after;  /* signers */
    struct bytes trailing;
    bool has_certificates; /* the field is there, maybe empty */
    bool has_crls;
};

struct pkcs7_reader {
    struct pkcs7_frame frame;
    struct der certificates;
    struct der crls;
    bool failed;
};

/* Whether b starts like SignedData; its end may be missing. */
bool pkcs7_detect(struct bytes b);

/* False with FAULT_NOT_THIS (not SignedData), FAULT_DAMAGED (cut, or fields missing). */
bool pkcs7_open(struct bytes b, struct pkcs7_reader *r, struct fault *f);

/* The next entry, certificates first, each kind in its stored order.  False at the end, f
 * untouched; false with `failed` set and FAULT_DAMAGED at what is no item. */
bool pkcs7_next(struct pkcs7_reader *r, struct pkcs7_entry *entry, struct fault *f);

/* Writes SignedData in definite lengths around entries as they are. */
struct pkcs7_writer {
    struct buffer *out;
    struct pkcs7_frame frame;
    size_t start; /* of the whole in out */
    size_t certificates;
    size_t crls;
};

/* Starts at the end of `out`.  The frame is one that was read and still lives, or NULL for an empty
 * one: version 1, no content, no signers. */
void pkcs7_write_begin(struct pkcs7_writer *w, struct buffer *out, const struct pkcs7_frame *frame);

/* In any order; certificates come out before CRLs, each kind in the order written. */
void pkcs7_write(struct pkcs7_writer *w, enum pkcs7_type type, struct bytes whole);

/* Closes it.  False when any write found no memory. */
bool pkcs7_write_end(struct pkcs7_writer *w);

#endif
