/*
 * What a certificate or a revocation list says, read by our own walk: no allocation, no opinion of
 * a library about what may be parsed, every field a run of bytes inside the input.
 *
 * A store of 1998 holds what today's libraries refuse: V1 certificates with extensions, negative
 * serial numbers, indefinite lengths, times with an offset, bytes after the end.  All of that is
 * read here.  Refused is only what has not the shape of a certificate: see x509_certificate_read.
 *
 * Layout: RFC 5280, sections 4.1 (certificate), 5.1 (CRL), 4.2 and 5.2 (extensions); before them
 * ITU-T X.509 (1988, 1997), whose older extension numbers Microsoft's servers used.
 */
#ifndef KM_FORMATS_CERTS_X509_H
#define KM_FORMATS_CERTS_X509_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/certs/der.h"
#include "formats/hash.h"
#include "formats/fault.h"

/* Seconds since 1970-01-01 00:00 UTC, negative before.  Not known: absent, or not a time. */
struct x509_time {
    int64_t seconds;
    bool known;
};

struct x509_algorithm {
    struct bytes whole;      /* AlgorithmIdentifier */
    struct bytes oid;        /* contents of its OBJECT IDENTIFIER */
    struct bytes parameters; /* the whole item; empty when absent */
};

/* What certificates and CRLs have in common: RFC 5280 4.1.1. */
struct x509_signed {
    struct bytes whole;              /* header to signature, without trailing bytes */
    struct bytes trailing;           /* what follows `whole` in the input */
    struct bytes tbs;                /* what was signed: the whole item */
    struct x509_algorithm claimed;   /* inside tbs */
    struct x509_algorithm algorithm; /* beside the signature */
    struct bytes signature;          /* bits, without the count of unused ones */
    uint8_t signature_unused;        /* unused bits in its last octet */
    bool shortest;                   /* no header met on the way breaks DER; see x509_is_der */
};

struct x509_certificate {
    struct x509_signed envelope;
    int version;                 /* 1, 2, 3; what the field says plus one, up to 128 */
    struct bytes serial_raw;     /* contents of the INTEGER as it stands there */
    struct bytes serial;         /* the same in minimal two's complement form; zero is one byte */
    struct bytes issuer;         /* whole Name */
    struct bytes subject;        /* whole Name */
    struct x509_time not_before; /* inclusive */
    struct x509_time not_after;  /* inclusive */
    struct bytes spki;           /* whole SubjectPublicKeyInfo */
    struct x509_algorithm key_algorithm;
    struct bytes key_bits;   /* of the BIT STRING, without the count of unused ones */
    struct bytes extensions; /* whole SEQUENCE OF Extension; empty when absent */
};

struct x509_crl {
    struct x509_signed envelope;
    int version;         /* 1 or 2 */
    struct bytes issuer; /* whole Name */
    struct x509_time this_update;
    struct x509_time next_update;
    struct bytes revoked;    /* contents of revokedCertificates */
    struct bytes extensions; /* as above */
};

struct x509_revoked {
    struct bytes serial_raw;
    struct bytes serial; /* minimal */
    struct x509_time when;
    int reason;        /* CRLReason, RFC 5280 5.3.1; -1 when not given */
    bool other_issuer; /* a certificateIssuer extension: the entry is not of the CRL's issuer */
    struct bytes extensions;
};

struct x509_revoked_walk {
    struct der d; /* d.failed after the last entry: the list is damaged there */
};

/* Bit n of RFC 5280 4.2.1.3 is 1 << n. */
enum {
    X509_USE_DIGITAL_SIGNATURE = 1 << 0,
    X509_USE_CERTIFICATE_SIGN = 1 << 5,
    X509_USE_CRL_SIGN = 1 << 6,
};

/* The extensions that decide something here, of certificates and CRLs. */
struct x509_extensions {
    bool damaged;          /* the list, or one of those below, cannot be read to its end */
    bool unknown_critical; /* a critical one that is not below */
    bool has_basic_constraints;
    bool is_ca;
    int path_length; /* -1: no limit */
    bool has_key_usage;
    unsigned key_usage;
    bool has_subject_key_id, has_authority_key_id;
    struct bytes subject_key_id;
    struct bytes authority_key_id; /* keyIdentifier; empty when absent */
    struct bytes authority_issuer; /* whole Name, the first directoryName; empty when absent */
    struct bytes authority_serial; /* minimal; empty when absent */
    struct bytes crl_number;       /* minimal; empty when absent */
};

/* Reads the certificate that `input` starts with.  `*c` points into input, which must outlive it.
 * False with FAULT_NOT_THIS (it does not even start like one), FAULT_DAMAGED (it does, and the text
 * says what was expected at which byte), or FAULT_UNSUPPORTED (key or signature cut into several
 * BER segments: read what der_normalise makes of it).  Not looked into: the names (name.h), the
 * extensions (below).  A time that is none is no failure: it is not known. */
bool x509_certificate_read(struct bytes input, struct x509_certificate *c, struct fault *f);

/* Reads the CRL, version 1 or 2, that `input` starts with; fails as x509_certificate_read does. */
bool x509_crl_read(struct bytes input, struct x509_crl *crl, struct fault *f);

/* The entries of a CRL in their order.  next: false at the end or at a damaged entry (d.failed). */
struct x509_revoked_walk x509_revoked_first(const struct x509_crl *crl);
bool x509_revoked_next(struct x509_revoked_walk *walk, struct x509_revoked *entry);

/* Reads a SEQUENCE OF Extension (empty: none) of a certificate, CRL or CRL entry.  Never fails:
 * what cannot be read is left out and `damaged` is set.  Old forms are read as well: 2.5.29.1 and
 * 2.5.29.10, of Microsoft's first Certificate Server, where the present ones (35, 19) are absent.
 */
struct x509_extensions x509_extensions_read(struct bytes extensions);

/* Reads a UTCTime (years 1950 to 2049) or GeneralizedTime item, with an offset or without seconds
 * as BER allows; without Z or offset it is taken as UTC, fractions of a second are dropped. */
struct x509_time x509_time_read(const struct der_item *item);

/* Whether the object is strict DER, inside and out, with nothing after it. */
bool x509_is_der(const struct x509_signed *envelope);

/* SHA-256 of the to-be-signed bytes in the form der_normalise gives them: equal for two encodings
 * of one certificate.  `scratch` is only written to where they are not DER.  False: no memory. */
bool x509_tbs_sha256(const struct x509_signed *envelope, struct hash *h, struct buffer *scratch,
                     uint8_t digest[HASH_SHA256_SIZE]);

/* SHA-256 over the key's algorithm, parameters and bits.  Absent and NULL parameters count as one,
 * so that one RSA key written both ways is one key. */
void x509_key_sha256(const struct x509_certificate *c, struct hash *h,
                     uint8_t digest[HASH_SHA256_SIZE]);

#endif
