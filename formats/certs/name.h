/*
 * Names of issuers and subjects, for people and for comparison.
 *
 * Layout: RFC 5280 4.1.2.4, Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value ANY }.  Text as
 * RFC 4514: last part first, comma between parts, plus sign inside one, special characters escaped.
 *
 * Two names are one name only when their bytes are equal; that is bytes_equal, not a function here.
 * The normal form serves the advice that two names differ in nothing but their encoding.
 *
 * Character sets: PrintableString, IA5String, VisibleString and NumericString as ASCII; UTF8String;
 * BMPString as UTF-16, big end first; UniversalString as UTF-32.  TeletexString (T61String) is read
 * as ISO 8859-1, which is what Windows, Netscape and OpenSSL have put into it, not as ITU-T T.61.
 */
#ifndef KM_FORMATS_CERTS_NAME_H
#define KM_FORMATS_CERTS_NAME_H

#include "formats/bytes.h"
#include "formats/certs/der.h"
#include "formats/hash.h"

/* One attribute type and value. */
struct name_part {
    struct bytes oid; /* contents of the type's OBJECT IDENTIFIER */
    uint8_t id;       /* identifier octet of the value: which string type */
    struct bytes value;
    struct bytes whole_value; /* with its header */
    bool same_rdn;            /* stands in one SET with the part before it */
};

struct name_walk {
    struct der name;
    struct der rdn;
    bool in_rdn;
};

/* The parts of a whole Name in the order they are stored.  next: false at the end or at damage;
 * then name_walk_failed tells which. */
struct name_walk name_first(struct bytes name);
bool name_next(struct name_walk *walk, struct name_part *part);
bool name_walk_failed(const struct name_walk *walk);

/* The short name of a part's type, as "CN" or "emailAddress"; NULL when it has none here. */
const char *name_type(const struct name_part *part);

/* The next three write UTF-8, snprintf-like: what does not fit is cut at a character's end and ends
 * with "..." (where that fits), always terminated when size is not 0; they return the bytes that
 * the whole would need, without the terminator. Control characters, direction marks and what is no
 * character at all come out as RFC 4514's \XX, so that the text can be shown on a terminal. */

/* A whole Name as RFC 4514 text.  An unknown type is shown as its OBJECT IDENTIFIER; a value that
 * is no string as '#' and hex.  A damaged Name ends with "?".  Beyond 64 parts only the last 64 are
 * shown, and "..." ends the text. */
size_t name_text(struct bytes name, char *text, size_t size);

/* The value of one part alone: nothing escaped but what cannot be shown, and the backslash. */
size_t name_value(const struct name_part *part, char *text, size_t size);

/* The first value of the given type ("O", "CN"); 0 and "" when there is none. */
size_t name_find(struct bytes name, const char *type, char *text, size_t size);

/* SHA-256 of the name's normal form: types and values in their order, values as Unicode, case
 * folded (Latin, Greek and Cyrillic), white space at the ends dropped and inside made one space, as
 * RFC 5280 7.1 compares them.  Values that are no string count by their bytes. */
void name_normal_sha256(struct bytes name, struct hash *h, uint8_t digest[HASH_SHA256_SIZE]);

#endif
