/*
 * PEM: base64 between BEGIN and END lines, with any text around it.
 *
 * Layout: RFC 7468 sections 2 and 3, read laxly (appendix of its grammar: white space anywhere,
 * lines of any length), and RFC 1421 headers ("Name: value" lines up to an empty one), which are
 * skipped.
 */
#ifndef KM_FORMATS_CERTS_PEM_H
#define KM_FORMATS_CERTS_PEM_H

#include "formats/bytes.h"
#include "formats/buffer.h"
#include "formats/fault.h"

struct pem_block {
    struct bytes label; /* between "-----BEGIN " and "-----" */
    struct bytes body;  /* between the two lines: base64, possibly after headers */
    struct bytes whole; /* from BEGIN to the end of the END line, its line break included */
    size_t offset;      /* of whole in the input */
};

struct pem_reader {
    struct bytes b;
    size_t at;
    bool failed;
};

/* Whether a BEGIN line stands anywhere in b. */
bool pem_detect(struct bytes b);

struct pem_reader pem_open(struct bytes b);

/* The next block.  False at the end, with f (when not NULL) untouched; false with `failed` set and
 * FAULT_DAMAGED when a block has no END line of its own; its label and offset are there. */
bool pem_next(struct pem_reader *r, struct pem_block *block, struct fault *f);

/* Whether the label is this text. */
bool pem_is(const struct pem_block *block, const char *label);

/* Appends what the body encodes to out.  False with FAULT_DAMAGED (not base64) or FAULT_NO_MEMORY;
 * out is then as before. */
bool pem_decode(const struct pem_block *block, struct buffer *out, struct fault *f);

/* Appends one block with lines of 64 characters.  False when there is no memory. */
bool pem_write(struct buffer *out, const char *label, struct bytes der);

#endif
