/*
 * A list of certificates in whatever encoding it comes: DER (one, or several in a row), PEM,
 * PKCS#7, serialized store.  One reader, one way to drop entries, one writer.
 *
 * Entries are found by their container alone.  Whether an entry is a certificate that can be read
 * is for x509_certificate_read to say, so that one bad entry does not hide the others.
 */
#ifndef KM_FORMATS_CERTS_CERTS_H
#define KM_FORMATS_CERTS_CERTS_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/certs/items.h"
#include "formats/certs/pem.h"
#include "formats/certs/pkcs7.h"
#include "formats/certs/sst.h"
#include "formats/fault.h"

enum certlist_kind {
    CERTLIST_NONE,
    CERTLIST_DER,
    CERTLIST_PEM,
    CERTLIST_PKCS7,
    CERTLIST_SST,
    CERTLIST_ITEMS, /* never detected: a form has to say it, and how the items are laid out */
};

/* What a list is said to be.  CERTLIST_NONE: what its bytes look like. */
struct certlist_form {
    enum certlist_kind kind;
    struct items_layout items;
    bool values; /* each certificate is a value of its own: whoever has them puts them in a row with
                    certlist_add_value(), and takes the new ones from that again */
};

enum certlist_type { CERTLIST_CERTIFICATE, CERTLIST_CRL, CERTLIST_OTHER };

struct certlist_entry {
    enum certlist_type type;
    size_t index;         /* position among the list's entries, from 0 */
    struct bytes encoded; /* the entry, with bytes that trail it where the container holds them */
    struct bytes properties; /* SST: the property elements before it; else empty */
    uint32_t encoding;       /* SST: its encoding type; else SST_ENCODING */
    struct bytes header;     /* items: what stands before it, its size included; else empty */
    size_t offset;           /* in the value, of the element, block or item that holds it */
};

struct certlist {
    enum certlist_kind kind;
    struct bytes value;
    bool failed; /* the list ended before its end */
    size_t index;
    size_t at; /* DER */
    struct pem_reader pem;
    struct pem_block block;
    bool in_block; /* a PKCS#7 block of a PEM file is being read */
    struct pkcs7_reader pkcs7;
    enum pkcs7_type pkcs7_type; /* of the last entry */
    struct sst_reader sst;
    struct items_reader items;
    struct buffer decoded; /* what the PEM blocks encode */
};

/* What the bytes are, also when their end is missing; CERTLIST_NONE: none of these. */
enum certlist_kind certlist_detect(struct bytes value);

/* Reads a form from words: auto, der, pem, pkcs7, sst, items, values, and the layout of items
 * (NULL: none is given; it is for items alone).  False with FAULT_DAMAGED, FAULT_MISSING or
 * FAULT_LIMIT. */
bool certlist_form_read(const char *word, const char *items, struct certlist_form *form,
                        struct fault *f);

/* Appends a value to a row of them. */
bool certlist_add_value(struct buffer *row, struct bytes value);

/* Does a list read what is in a block of PEM: certificates, CRLs or PKCS#7, by its label? */
bool certlist_reads_block(const struct pem_block *block);

/* "DER", "PEM", "PKCS#7", "serialized store", "row of items"; "none". */
const char *certlist_kind_name(enum certlist_kind kind);

/* Opens a list for reading.  `value` is borrowed until certlist_close, which is to be called after
 * success only.  False with FAULT_NOT_THIS, FAULT_DAMAGED (a PKCS#7 that is cut) or
 * FAULT_NO_MEMORY. Only PEM allocates, once, here. */
bool certlist_open(struct certlist *l, struct bytes value, struct fault *f);

/* The same for a list that is said to be of a form (NULL: none is said).  FAULT_NOT_THIS also when
 * its bytes look like another. */
bool certlist_open_as(struct certlist *l, struct bytes value, const struct certlist_form *form,
                      struct fault *f);
void certlist_close(struct certlist *l);

/* The next entry; it is valid until certlist_close.  False at the end, f untouched; false with
 * `failed` set and f filled when the rest of the list is damaged.  PEM blocks that hold neither
 * certificate nor CRL, private keys above all, are not decoded and are no entries. */
bool certlist_next(struct certlist *l, struct certlist_entry *entry, struct fault *f);

/* Asked about each entry in turn: false drops it.  When it stays, *more, empty before, may be set
 * to whole SST property elements that are put after its own; other containers have no place for
 * them. */
typedef bool certlist_decide(void *context, const struct certlist_entry *entry, struct bytes *more);

/* Appends to `out` a list of a form (NULL: none is said) without the entries that `decide` drops;
 * everything else, order, text around PEM blocks, properties, bytes after the end, as it was.  With
 * nothing dropped or added the bytes are the same; otherwise PKCS#7 gets definite lengths.
 *
 * `added` (type, encoded, properties and encoding are used; NULL: nothing) becomes its last entry:
 * before the end mark of an SST and what stands behind it, behind all text of a PEM file, with the
 * line ends that it has.
 *
 * False, out partly written, with the faults of reading, FAULT_NO_MEMORY, or FAULT_UNSUPPORTED:
 * properties for a list that is no SST, an entry dropped from a PKCS#7 inside PEM, an entry added
 * to a DER list with bytes behind its last one, which would hide it, or to items that a new one
 * cannot be like. */
bool certlist_rewrite(struct bytes value, const struct certlist_form *form, certlist_decide *decide,
                      void *context, const struct certlist_entry *added, struct buffer *out,
                      struct fault *f);

/* Does a list come out as it is when it is taken apart and put together again?  A reader that
 * passes over anything in it, or takes it for another, is told by that.  False, f untouched, when
 * it does not; false with the faults of reading, or FAULT_NO_MEMORY. */
bool certlist_is_exact(struct bytes value, const struct certlist_form *form, struct fault *f);

/* Writes a new list at the end of `out`; DER is entries in a row, and items cannot be written. */
struct certlist_writer {
    enum certlist_kind kind;
    struct buffer *out;
    struct pkcs7_writer pkcs7;
};

void certlist_write_begin(struct certlist_writer *w, enum certlist_kind kind, struct buffer *out);

/* Only type, encoded, properties and encoding of the entry are used; properties only by SST. PKCS#7
 * and DER have no place for bytes after a certificate: they are left out.  False, nothing written,
 * when the entry is no item that these two can hold. */
bool certlist_write(struct certlist_writer *w, const struct certlist_entry *entry);

/* False when any write found no memory. */
bool certlist_write_end(struct certlist_writer *w);

#endif
