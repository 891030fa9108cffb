/*
 * A checked walk over tag-length-value items: ASN.1 in its distinguished encoding (DER) and, where
 * the caller allows it, in the looser basic encoding (BER) that software of 1998 stored.
 *
 * Layout: ITU-T X.690, sections 8.1 (identifier, length, contents), 8.1.3.6 (indefinite length),
 * 10 and 11 (what DER adds).  Nothing here allocates, except der_normalise; every item points into
 * the input.  Nesting is bounded by DER_DEPTH_LIMIT, the length of an item by what encloses it.
 */
#ifndef KM_FORMATS_CERTS_DER_H
#define KM_FORMATS_CERTS_DER_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/fault.h"

enum { DER_DEPTH_LIMIT = 32 };

/* Identifier octets, with the constructed bit where the type has it in DER. */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_NUMERIC_STRING = 0x12,
    DER_PRINTABLE_STRING = 0x13,
    DER_TELETEX_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_VISIBLE_STRING = 0x1a,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONSTRUCTED = 0x20,
    DER_CONTEXT_0 = 0x80, /* [0] primitive; add the tag number and DER_CONSTRUCTED */
};

enum der_rules {
    DER_ONLY,   /* definite lengths in their shortest form */
    DER_OR_BER, /* indefinite and over-long lengths as well */
};

struct der_item {
    uint8_t id;            /* first identifier octet: class, constructed bit, low tag number */
    uint32_t number;       /* tag number, also where it takes several octets */
    struct bytes whole;    /* identifier, length, contents, and the end mark of an indefinite one */
    struct bytes contents; /* the value */
    size_t offset;         /* of `whole`, counted as the cursor that gave it counts */
    size_t header;         /* octets before the contents */
    bool shortest;         /* this header is as DER demands (says nothing of what is inside) */
};

/* A cursor over the items that stand side by side in one run of bytes. */
struct der {
    struct bytes b;
    size_t at;
    size_t origin; /* offset of b in the outermost input, for error texts */
    unsigned depth;
    enum der_rules rules;
    bool failed; /* what stands at `at` is not an item */
};

/* A cursor over b, which the caller keeps alive. */
struct der der_of(struct bytes b, enum der_rules rules);

/* A cursor over the contents of an item that `parent` gave.  At DER_DEPTH_LIMIT, or for an item
 * that is not constructed, the cursor has `failed` set from the start. */
struct der der_into(const struct der *parent, const struct der_item *item);

/* True when bytes are left and nothing failed. */
bool der_more(const struct der *d);

/* The identifier octet that comes next; 0, which no item starts with, at the end or after failure.
 */
uint8_t der_peek(const struct der *d);

/* Takes the next item, whatever it is.  False at the end (`failed` not set), or when no item
 * stands there (`failed` set, *item untouched). */
bool der_next(struct der *d, struct der_item *item);

/* Takes the next item if its identifier octet is `id`.  False, d unmoved, if it is another or there
 * is none; false with `failed` set when it starts like one but is damaged. */
bool der_take(struct der *d, uint8_t id, struct der_item *item);

/* The bytes that follow the last item taken. */
struct bytes der_rest(const struct der *d);

/* Whether b is exactly one item in DER, inside and out: shortest headers, no indefinite lengths, no
 * constructed strings, TRUE as FF, integers without padding, unused bits zero, SETs in order. Needs
 * no schema, so that an encoded DEFAULT value, which DER forbids, is not seen. */
bool der_is_strict(struct bytes b);

/* Appends to `out` the one item at the start of b, BER made DER as far as no schema is needed:
 * lengths, constructed universal strings joined, TRUE as FF, unused bits cleared.  Order in SETs
 * and padding of integers stay, since what was signed had them.  What follows the item is left out.
 * False with FAULT_DAMAGED (not an item, nested too deep) or FAULT_NO_MEMORY; `out` is then partly
 * written. */
bool der_normalise(struct bytes b, struct buffer *out, struct fault *f);

/* Strips the padding of an INTEGER's contents: the minimal two's complement form, which for zero is
 * one zero byte.  Points into `contents`; empty contents stay empty. */
struct bytes der_minimal_integer(struct bytes contents);

/* The bits of a BIT STRING without its leading octet, which goes to *unused (0 to 7).  A
 * constructed one with a single segment is looked into.  False when it is not a BIT STRING with
 * whole octets to point at, or has several segments. */
bool der_bits(const struct der *d, const struct der_item *item, struct bytes *bits,
              uint8_t *unused);

/* The octets of an OCTET STRING, in the same way. */
bool der_octets(const struct der *d, const struct der_item *item, struct bytes *octets);

/* Writes an OBJECT IDENTIFIER's contents as digits and dots, snprintf-like: cut to size, always
 * terminated when size is not 0, returns the length it would need.  Contents that are no object
 * identifier give "?". */
size_t der_oid_text(struct bytes contents, char *text, size_t size);

/* Puts a DER header with this identifier at offset `at` of out, its length what follows `at`. False
 * when there is no memory. */
bool der_wrap(struct buffer *out, size_t at, uint8_t id);

#endif
