/* The walk through certificates and CRLs: see x509.h. */
#include "formats/certs/x509.h"

#include "formats/calendar.h"

/* The extensions that are read here are all 2.5.29.n. */
static const uint8_t certificate_extension[2] = {0x55, 0x1d};

enum extension_number {
    OLD_AUTHORITY_KEY_ID = 1,
    OLD_BASIC_CONSTRAINTS = 10,
    SUBJECT_KEY_ID = 14,
    KEY_USAGE = 15,
    BASIC_CONSTRAINTS = 19,
    CRL_NUMBER = 20,
    CRL_REASON = 21,
    DELTA_CRL = 27,
    CERTIFICATE_ISSUER = 29,
    AUTHORITY_KEY_ID = 35,
};

/* Takes the item that must come next; says what was found instead. */
static bool want(struct der *d, uint8_t id, const char *what, struct der_item *item,
                 struct fault *f)
{
    size_t at = d->origin + d->at;
    if (der_take(d, id, item))
        return true;
    if (d->failed)
        return fault_set(f, FAULT_DAMAGED,
                         "expected %s (tag 0x%02x) at byte %zu, found an item that does not end",
                         what, id, at);
    if (!der_more(d))
        return fault_set(f, FAULT_DAMAGED, "expected %s (tag 0x%02x) at byte %zu, found the end",
                         what, id, at);
    return fault_set(f, FAULT_DAMAGED, "expected %s (tag 0x%02x) at byte %zu, found tag 0x%02x",
                     what, id, at, der_peek(d));
}

static bool want_end(const struct der *d, const char *what, struct fault *f)
{
    if (!d->failed && !der_more(d))
        return true;
    return fault_set(f, FAULT_DAMAGED, "expected %s to end at byte %zu, found %zu more bytes", what,
                     d->origin + d->at, d->b.size - d->at);
}

/* AlgorithmIdentifier, RFC 5280 4.1.1.2. */
static bool read_algorithm(struct der *d, const char *what, struct x509_algorithm *algorithm,
                           bool *shortest, struct fault *f)
{
    struct der_item sequence, oid, parameters = {0};
    if (!want(d, DER_SEQUENCE, what, &sequence, f))
        return false;
    struct der inside = der_into(d, &sequence);
    if (!want(&inside, DER_OID, what, &oid, f))
        return false;
    der_next(&inside, &parameters);
    if (!want_end(&inside, what, f))
        return false;
    *shortest = *shortest && sequence.shortest && oid.shortest;
    *algorithm = (struct x509_algorithm){
        .whole = sequence.whole, .oid = oid.contents, .parameters = parameters.whole};
    return true;
}

/* Version, behind an explicit [0] in certificates and bare in CRLs; none means 1. */
static bool read_version(struct der *d, uint8_t id, int *version, struct fault *f)
{
    struct der_item item;
    struct der inside = *d;
    uint8_t value;
    *version = 1;
    if (der_peek(d) != id)
        return true;
    if (!want(d, id, "a version", &item, f))
        return false;
    if (id != DER_INTEGER) {
        inside = der_into(d, &item);
        if (!want(&inside, DER_INTEGER, "a version number", &item, f) ||
            !want_end(&inside, "the version", f))
            return false;
    }
    struct bytes number = der_minimal_integer(item.contents);
    if (number.size != 1 || !bytes_u8(number, 0, &value) || value > 127)
        return fault_set(f, FAULT_DAMAGED,
                         "expected a version of 0 to 127 at byte %zu, found another", item.offset);
    *version = value + 1;
    return true;
}

static bool read_serial(struct der *d, struct bytes *raw, struct bytes *minimal, struct fault *f)
{
    struct der_item item;
    if (!want(d, DER_INTEGER, "a serial number", &item, f))
        return false;
    if (item.contents.size == 0)
        return fault_set(f, FAULT_DAMAGED,
                         "expected a serial number at byte %zu, found an empty INTEGER",
                         item.offset);
    *raw = item.contents;
    *minimal = der_minimal_integer(item.contents);
    return true;
}

static bool read_name(struct der *d, const char *what, struct bytes *name, bool *shortest,
                      struct fault *f)
{
    struct der_item item;
    if (!want(d, DER_SEQUENCE, what, &item, f))
        return false;
    *shortest = *shortest && item.shortest;
    *name = item.whole;
    return true;
}

static bool is_time(uint8_t id)
{
    return id == DER_UTC_TIME || id == DER_GENERALIZED_TIME;
}

/* Two items, whatever they are: a time that cannot be read must not hide the certificate. */
static bool read_validity(struct der *d, struct x509_certificate *c, struct fault *f)
{
    struct der_item validity, before, after;
    if (!want(d, DER_SEQUENCE, "the validity", &validity, f))
        return false;
    struct der inside = der_into(d, &validity);
    if (!der_next(&inside, &before) || !der_next(&inside, &after))
        return fault_set(f, FAULT_DAMAGED, "expected two times at byte %zu, found fewer",
                         inside.origin + inside.at);
    c->not_before = x509_time_read(&before);
    c->not_after = x509_time_read(&after);
    return want_end(&inside, "the validity", f);
}

static bool read_key(struct der *d, struct x509_certificate *c, bool *shortest, struct fault *f)
{
    struct der_item spki, key;
    uint8_t unused;
    if (!want(d, DER_SEQUENCE, "the subject's public key", &spki, f))
        return false;
    struct der inside = der_into(d, &spki);
    if (!read_algorithm(&inside, "the public key's algorithm", &c->key_algorithm, shortest, f))
        return false;
    if (der_peek(&inside) == (DER_BIT_STRING | DER_CONSTRUCTED))
        *shortest = false;
    else if (der_peek(&inside) != DER_BIT_STRING)
        return want(&inside, DER_BIT_STRING, "the public key's bits", &key, f);
    if (!der_next(&inside, &key) || !der_bits(&inside, &key, &c->key_bits, &unused))
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "expected the public key's bits in one piece at byte %zu, found several or none",
            inside.origin + inside.at);
    *shortest = *shortest && spki.shortest && key.shortest;
    c->spki = spki.whole;
    return want_end(&inside, "the subject's public key", f);
}

/* The explicit tag around the SEQUENCE OF Extension: [3] in certificates, [0] in CRLs. */
static bool read_extension_list(struct der *d, uint8_t id, struct bytes *extensions, bool *shortest,
                                struct fault *f)
{
    struct der_item outer, list;
    if (der_peek(d) != id)
        return true;
    if (!want(d, id, "extensions", &outer, f))
        return false;
    struct der inside = der_into(d, &outer);
    if (!want(&inside, DER_SEQUENCE, "a list of extensions", &list, f))
        return false;
    *shortest = *shortest && outer.shortest && list.shortest;
    *extensions = list.whole;
    return want_end(&inside, "the extensions", f);
}

/* issuerUniqueID [1] and subjectUniqueID [2]: of X.509 (1993), of no use here, but signed. */
static void skip_unique_ids(struct der *d)
{
    struct der_item item;
    for (uint8_t number = 1; number <= 2; number++) {
        uint8_t id = der_peek(d);
        if ((id & ~DER_CONSTRUCTED) == DER_CONTEXT_0 + number)
            der_next(d, &item);
    }
}

/* The three parts around every signed object; *tbs is left to the caller. */
static bool read_envelope(struct bytes input, struct x509_signed *s, struct der *tbs,
                          struct fault *f)
{
    struct der d = der_of(input, DER_OR_BER);
    struct der_item outer, inner, signature;
    if (der_peek(&d) != DER_SEQUENCE)
        return fault_set(f, FAULT_NOT_THIS, "expected a SEQUENCE (tag 0x30), found tag 0x%02x",
                         der_peek(&d));
    if (!want(&d, DER_SEQUENCE, "a signed object", &outer, f))
        return false;
    struct der inside = der_into(&d, &outer);
    if (der_peek(&inside) != DER_SEQUENCE)
        return fault_set(f, FAULT_NOT_THIS,
                         "expected a SEQUENCE to be signed at byte %zu, found tag 0x%02x",
                         inside.origin, der_peek(&inside));
    if (!want(&inside, DER_SEQUENCE, "what is signed", &inner, f))
        return false;
    s->shortest = outer.shortest && inner.shortest;
    s->whole = outer.whole;
    s->trailing = der_rest(&d);
    s->tbs = inner.whole;
    *tbs = der_into(&inside, &inner);
    if (!read_algorithm(&inside, "the signature's algorithm", &s->algorithm, &s->shortest, f))
        return false;
    uint8_t id = der_peek(&inside);
    if (id != DER_BIT_STRING && id != (DER_BIT_STRING | DER_CONSTRUCTED))
        return want(&inside, DER_BIT_STRING, "the signature", &signature, f);
    if (!der_next(&inside, &signature) ||
        !der_bits(&inside, &signature, &s->signature, &s->signature_unused))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "expected the signature in one piece at byte %zu, found several or none",
                         inside.origin + inside.at);
    s->shortest = s->shortest && signature.shortest && id == DER_BIT_STRING;
    return want_end(&inside, "the signed object", f);
}

/* Whether the contents look like a certificate's or a CRL's; tells one from the other cheaply. */
static bool reads_as_certificate(const struct der *tbs)
{
    struct der_item item;
    struct der d = *tbs;
    if (der_peek(&d) == (DER_CONTEXT_0 | DER_CONSTRUCTED))
        der_next(&d, &item);
    /* serial INTEGER, algorithm, issuer, validity SEQUENCE: a CRL has a time in that place. */
    return der_take(&d, DER_INTEGER, &item) && der_take(&d, DER_SEQUENCE, &item) &&
           der_take(&d, DER_SEQUENCE, &item) && der_peek(&d) == DER_SEQUENCE;
}

static int two_digits(struct bytes text, size_t at)
{
    uint8_t tens, ones;
    if (!bytes_u8(text, at, &tens) || !bytes_u8(text, at + 1, &ones) || tens < '0' || tens > '9' ||
        ones < '0' || ones > '9')
        return -1;
    return (tens - '0') * 10 + (ones - '0');
}

/* What follows the last digit: a fraction, then Z, an offset, or nothing.  False: something else.
 */
static bool read_zone(struct bytes text, size_t at, int *offset)
{
    uint8_t c = 0;
    *offset = 0;
    bytes_u8(text, at, &c);
    if (c == '.' || c == ',') {
        do
            at++;
        while (bytes_u8(text, at, &c) && c >= '0' && c <= '9');
    }
    if (at == text.size)
        return true;
    if (c == 'Z')
        return at + 1 == text.size;
    int hours = two_digits(text, at + 1), minutes = 0;
    if (at + 3 < text.size)
        minutes = two_digits(text, at + 3);
    if ((c != '+' && c != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59 ||
        at + 3 + (at + 3 < text.size ? 2 : 0) != text.size)
        return false;
    *offset = (hours * 60 + minutes) * (c == '+' ? 60 : -60);
    return true;
}

struct x509_time x509_time_read(const struct der_item *item)
{
    struct x509_time unknown = {0};
    struct bytes text = item->contents;
    size_t at = 0;
    int year = two_digits(text, 0), field[5] = {0}, offset; /* month, day, hour, minute, second */
    if (!is_time(item->id) || year < 0)
        return unknown;
    if (item->id == DER_UTC_TIME) {
        year += year < 50 ? 2000 : 1900; /* RFC 5280 4.1.2.5.1 */
    } else {
        int low = two_digits(text, at += 2);
        if (low < 0)
            return unknown;
        year = year * 100 + low;
    }
    /* Seconds may be missing, in a GeneralizedTime minutes as well: X.690 8.26, X.680 46 and 47. */
    int needed = item->id == DER_UTC_TIME ? 4 : 3;
    for (int i = 0; i < 5; i++) {
        int value = two_digits(text, at + 2);
        if (value < 0 && i < needed)
            return unknown;
        if (value < 0)
            break;
        field[i] = value;
        at += 2;
    }
    if (field[0] < 1 || field[0] > 12 || field[1] < 1 ||
        field[1] > calendar_days_in(year, field[0]) || field[2] > 23 || field[3] > 59 ||
        field[4] > 60 || !read_zone(text, at + 2, &offset))
        return unknown;
    int64_t seconds = calendar_days(year, field[0], field[1]) * CALENDAR_SECONDS_A_DAY +
                      field[2] * 3600 + field[3] * 60 + field[4] - offset;
    return (struct x509_time){.seconds = seconds, .known = true};
}

bool x509_certificate_read(struct bytes input, struct x509_certificate *c, struct fault *f)
{
    struct x509_certificate found = {0};
    struct x509_signed *s = &found.envelope;
    struct der tbs;
    if (!read_envelope(input, s, &tbs, f))
        return fault_context(f, "certificate");
    if (!reads_as_certificate(&tbs) && der_peek(&tbs) != (DER_CONTEXT_0 | DER_CONSTRUCTED)) {
        fault_set(f, FAULT_NOT_THIS,
                  "expected serial number, algorithm, issuer and validity, found "
                  "other fields");
        return fault_context(f, "certificate");
    }
    bool good = read_version(&tbs, DER_CONTEXT_0 | DER_CONSTRUCTED, &found.version, f) &&
                read_serial(&tbs, &found.serial_raw, &found.serial, f) &&
                read_algorithm(&tbs, "the signature's algorithm", &s->claimed, &s->shortest, f) &&
                read_name(&tbs, "the issuer's name", &found.issuer, &s->shortest, f) &&
                read_validity(&tbs, &found, f) &&
                read_name(&tbs, "the subject's name", &found.subject, &s->shortest, f) &&
                read_key(&tbs, &found, &s->shortest, f);
    if (good) {
        skip_unique_ids(&tbs);
        good = read_extension_list(&tbs, DER_CONTEXT_0 + 3 + DER_CONSTRUCTED, &found.extensions,
                                   &s->shortest, f) &&
               want_end(&tbs, "the part that is signed", f);
    }
    if (!good)
        return fault_context(f, "certificate");
    *c = found;
    return true;
}

/* thisUpdate, nextUpdate and revokedCertificates, RFC 5280 5.1.2.4 to 5.1.2.6. */
static bool read_crl_lists(struct der *tbs, struct x509_crl *crl, struct fault *f)
{
    struct der_item item;
    if (!is_time(der_peek(tbs)) || !der_next(tbs, &item))
        return want(tbs, DER_UTC_TIME, "the time of this update", &item, f);
    crl->this_update = x509_time_read(&item);
    if (is_time(der_peek(tbs)) && der_next(tbs, &item))
        crl->next_update = x509_time_read(&item);
    if (der_peek(tbs) == DER_SEQUENCE) {
        if (!want(tbs, DER_SEQUENCE, "the revoked certificates", &item, f))
            return false;
        crl->revoked = item.contents;
    }
    return true;
}

bool x509_crl_read(struct bytes input, struct x509_crl *crl, struct fault *f)
{
    struct x509_crl found = {0};
    struct x509_signed *s = &found.envelope;
    struct der tbs;
    if (!read_envelope(input, s, &tbs, f))
        return fault_context(f, "CRL");
    if (reads_as_certificate(&tbs) || der_peek(&tbs) == (DER_CONTEXT_0 | DER_CONSTRUCTED)) {
        fault_set(f, FAULT_NOT_THIS, "expected algorithm, issuer and time, found a certificate");
        return fault_context(f, "CRL");
    }
    bool good = read_version(&tbs, DER_INTEGER, &found.version, f) &&
                read_algorithm(&tbs, "the signature's algorithm", &s->claimed, &s->shortest, f) &&
                read_name(&tbs, "the issuer's name", &found.issuer, &s->shortest, f) &&
                read_crl_lists(&tbs, &found, f) &&
                read_extension_list(&tbs, DER_CONTEXT_0 | DER_CONSTRUCTED, &found.extensions,
                                    &s->shortest, f) &&
                want_end(&tbs, "the part that is signed", f);
    if (!good)
        return fault_context(f, "CRL");
    *crl = found;
    return true;
}

struct extension {
    int number; /* n of 2.5.29.n; -1 for any other */
    bool critical;
    struct der walk; /* over what the OCTET STRING holds */
};

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }. */
static bool next_extension(struct der *list, struct extension *e)
{
    struct der_item sequence, oid, item;
    struct bytes value;
    uint8_t last, critical = 0;
    if (!der_take(list, DER_SEQUENCE, &sequence))
        return false;
    struct der inside = der_into(list, &sequence);
    if (!der_take(&inside, DER_OID, &oid))
        return false;
    if (der_take(&inside, DER_BOOLEAN, &item))
        bytes_u8(item.contents, 0, &critical);
    if (!der_next(&inside, &item) || !der_octets(&inside, &item, &value))
        return false;
    e->number = -1;
    if (oid.contents.size == 3 && memcmp(oid.contents.at, certificate_extension, 2) == 0 &&
        bytes_u8(oid.contents, 2, &last))
        e->number = last;
    e->critical = critical != 0;
    e->walk = der_of(value, DER_OR_BER);
    return true;
}

/* INTEGER of a path length; what does not fit an int limits nothing that exists. */
static int small_number(struct bytes contents)
{
    contents = der_minimal_integer(contents);
    return contents.size > 3 ? 0xffffff : (int)bytes_number_be(contents);
}

/* 4.2.1.9: SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLen INTEGER OPTIONAL }.  The old 2.5.29.10 has
 * a BIT STRING in place of the BOOLEAN, whose first bit says the same. */
static bool read_basic_constraints(struct der *d, struct x509_extensions *x)
{
    struct der_item sequence, item;
    struct bytes bits;
    uint8_t octet = 0, unused;
    if (!der_take(d, DER_SEQUENCE, &sequence))
        return false;
    struct der inside = der_into(d, &sequence);
    x->path_length = -1;
    x->is_ca = false;
    if (der_take(&inside, DER_BOOLEAN, &item)) {
        x->is_ca = bytes_u8(item.contents, 0, &octet) && octet != 0;
    } else if (der_take(&inside, DER_BIT_STRING, &item) &&
               der_bits(&inside, &item, &bits, &unused)) {
        x->is_ca = bytes_u8(bits, 0, &octet) && (octet & 0x80) != 0;
    }
    if (der_take(&inside, DER_INTEGER, &item))
        x->path_length = small_number(item.contents);
    x->has_basic_constraints = true;
    return !inside.failed;
}

static bool read_key_usage(struct der *d, struct x509_extensions *x)
{
    struct der_item item;
    struct bytes bits;
    uint8_t octet, unused;
    if (!der_next(d, &item) || !der_bits(d, &item, &bits, &unused))
        return false;
    x->key_usage = 0;
    for (size_t i = 0; i < 2 && bytes_u8(bits, i, &octet); i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            if ((octet & 0x80u >> bit) != 0)
                x->key_usage |= 1u << (8 * i + bit);
        }
    }
    x->has_key_usage = true;
    return true;
}

/* [1] GeneralNames: the first directoryName, [4].  Microsoft's 2.5.29.1 has a bare Name there. */
static struct bytes first_directory_name(struct der names)
{
    struct der_item item;
    while (der_next(&names, &item)) {
        if (item.id == DER_SEQUENCE)
            return item.whole;
        if (item.id == DER_CONTEXT_0 + 4 + DER_CONSTRUCTED) {
            struct der inside = der_into(&names, &item);
            if (der_take(&inside, DER_SEQUENCE, &item))
                return item.whole;
        }
    }
    return (struct bytes){0};
}

/* 4.2.1.1: SEQUENCE { [0] keyIdentifier, [1] authorityCertIssuer, [2] authorityCertSerialNumber }.
 */
static bool read_authority_key_id(struct der *d, struct x509_extensions *x)
{
    struct der_item sequence, item;
    if (!der_take(d, DER_SEQUENCE, &sequence))
        return false;
    struct der inside = der_into(d, &sequence);
    x->authority_key_id = x->authority_issuer = x->authority_serial = (struct bytes){0};
    while (der_next(&inside, &item)) {
        if (item.id == DER_CONTEXT_0)
            x->authority_key_id = item.contents;
        else if (item.id == DER_CONTEXT_0 + 1 + DER_CONSTRUCTED)
            x->authority_issuer = first_directory_name(der_into(&inside, &item));
        else if (item.id == DER_CONTEXT_0 + 2)
            x->authority_serial = der_minimal_integer(item.contents);
    }
    x->has_authority_key_id = true;
    return !inside.failed;
}

static bool read_subject_key_id(struct der *d, struct x509_extensions *x)
{
    struct der_item item;
    if (!der_next(d, &item) || !der_octets(d, &item, &x->subject_key_id))
        return false;
    x->has_subject_key_id = true;
    return true;
}

static bool read_crl_number(struct der *d, struct x509_extensions *x)
{
    struct der_item item;
    if (!der_take(d, DER_INTEGER, &item))
        return false;
    x->crl_number = der_minimal_integer(item.contents);
    return true;
}

static bool read_extension(struct extension *e, struct x509_extensions *x)
{
    switch (e->number) {
    case SUBJECT_KEY_ID:
        return read_subject_key_id(&e->walk, x);
    case KEY_USAGE:
        return read_key_usage(&e->walk, x);
    case BASIC_CONSTRAINTS:
        return read_basic_constraints(&e->walk, x);
    case AUTHORITY_KEY_ID:
        return read_authority_key_id(&e->walk, x);
    case CRL_NUMBER:
        return read_crl_number(&e->walk, x);
    case DELTA_CRL:
        return true;
    case OLD_BASIC_CONSTRAINTS:
        return x->has_basic_constraints || read_basic_constraints(&e->walk, x);
    case OLD_AUTHORITY_KEY_ID:
        return x->has_authority_key_id || read_authority_key_id(&e->walk, x);
    default:
        x->unknown_critical = x->unknown_critical || e->critical;
        return true;
    }
}

struct x509_extensions x509_extensions_read(struct bytes extensions)
{
    struct x509_extensions x = {.path_length = -1};
    struct der outer = der_of(extensions, DER_OR_BER);
    struct der_item sequence;
    struct extension e;
    if (extensions.size == 0)
        return x;
    if (!der_take(&outer, DER_SEQUENCE, &sequence)) {
        x.damaged = true;
        return x;
    }
    struct der list = der_into(&outer, &sequence);
    while (der_more(&list)) {
        if (!next_extension(&list, &e)) {
            x.damaged = true;
            break;
        }
        if (!read_extension(&e, &x))
            x.damaged = true;
    }
    return x;
}

struct x509_revoked_walk x509_revoked_first(const struct x509_crl *crl)
{
    return (struct x509_revoked_walk){.d = der_of(crl->revoked, DER_OR_BER)};
}

bool x509_revoked_next(struct x509_revoked_walk *walk, struct x509_revoked *entry)
{
    struct x509_revoked found = {.reason = -1};
    struct der_item sequence, item;
    struct extension e;
    if (!der_more(&walk->d))
        return false;
    walk->d.failed = true; /* until the entry is read */
    struct der d = walk->d;
    d.failed = false;
    if (!der_take(&d, DER_SEQUENCE, &sequence))
        return false;
    struct der inside = der_into(&d, &sequence);
    if (!read_serial(&inside, &found.serial_raw, &found.serial, NULL) || !der_next(&inside, &item))
        return false;
    found.when = x509_time_read(&item);
    if (der_take(&inside, DER_SEQUENCE, &item)) {
        found.extensions = item.whole;
        struct der list = der_into(&inside, &item);
        while (next_extension(&list, &e)) {
            if (e.number == CRL_REASON && der_take(&e.walk, DER_ENUMERATED, &item))
                found.reason = small_number(item.contents);
            if (e.number == CERTIFICATE_ISSUER)
                found.other_issuer = true;
        }
    }
    walk->d = d;
    *entry = found;
    return true;
}

bool x509_is_der(const struct x509_signed *envelope)
{
    return envelope->trailing.size == 0 && envelope->shortest && der_is_strict(envelope->whole);
}

bool x509_tbs_sha256(const struct x509_signed *envelope, struct hash *h, struct buffer *scratch,
                     uint8_t digest[HASH_SHA256_SIZE])
{
    struct bytes tbs = envelope->tbs;
    if (!der_is_strict(tbs)) {
        struct fault f;
        buffer_clear(scratch);
        if (der_normalise(tbs, scratch, &f))
            tbs = buffer_bytes(scratch);
        else if (f.code == FAULT_NO_MEMORY)
            return false;
    }
    hash_sha256(h, tbs, digest);
    return true;
}

/* Absent and NULL parameters mean the same where a key has none. */
static struct bytes key_parameters(const struct x509_certificate *c)
{
    static const uint8_t null[2] = {DER_NULL, 0};
    struct bytes parameters = c->key_algorithm.parameters;
    if (bytes_equal(parameters, bytes_of(null, sizeof null)))
        parameters.size = 0;
    return parameters;
}

static void add_counted(struct hash *h, struct bytes part)
{
    uint8_t count[8];
    bytes_put_le64(count, part.size);
    hash_sha256_add(h, bytes_of(count, sizeof count));
    hash_sha256_add(h, part);
}

void x509_key_sha256(const struct x509_certificate *c, struct hash *h,
                     uint8_t digest[HASH_SHA256_SIZE])
{
    add_counted(h, c->key_algorithm.oid);
    add_counted(h, key_parameters(c));
    add_counted(h, c->key_bits);
    hash_sha256_end(h, digest);
}
