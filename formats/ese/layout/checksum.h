/*
 * Checksums of ESE pages and headers.
 *
 * Old form (revision 2 to 0xa, and every header): the XOR of all 32-bit words but the first, seeded
 * with 0x89abcdef, in the first word; pages carry their own number in the second.
 *
 * New form (page flag 0x2000): per block the XOR of its words, seeded with the page number, and an
 * error correcting code that names a single flipped bit.  Pages up to 8 KiB are one block; a 16 KiB
 * page has four of 4 KiB, a 32 KiB page four of 8 KiB, whose words stand at offset 0 and at 40, 48
 * and 56.
 *
 * Source: the published engine, dev/ese/src/checksum/ and ese/_osu/checksumu.cxx.
 */
#ifndef KM_FORMATS_ESE_CHECKSUM_H
#define KM_FORMATS_ESE_CHECKSUM_H

#include "formats/bytes.h"

enum ese_checksum_state {
    ESE_CHECKSUM_GOOD,
    ESE_CHECKSUM_ONE_BIT, /* wrong, and the code names the one flipped bit */
    ESE_CHECKSUM_BAD,
    ESE_CHECKSUM_NUMBER, /* old form: the sum is right, the page number is another page's */
    ESE_CHECKSUM_ZERO,   /* all bytes are zero: a page that was never written */
};

struct ese_checksum_verdict {
    enum ese_checksum_state state;
    uint32_t bit; /* ONE_BIT: the flipped bit, counted from the page's first byte, low bit first */
    uint32_t found; /* BAD and ONE_BIT: the stored XOR word; NUMBER: the stored page number */
    uint32_t
        expected; /* BAD and ONE_BIT: the XOR word that the bytes have; NUMBER: the page's own */
};

/* The old-form sum of a page or header: what its first word must be.  b: a multiple of 8 bytes. */
uint32_t ese_checksum_xor(struct bytes b);

/* Judges a page.  page: all of its bytes (2-32 KiB); number: the page number it was read as. */
struct ese_checksum_verdict ese_checksum_verify(struct bytes page, uint32_t number);

/* The page number for which the page's checksum is right, whatever number it was read as: a page
 * that was written to a wrong place names the right one.  False when there is none: the page is
 * damaged. New form: the codes, which no page number enters, must match in every block, and all
 * blocks must name one number. */
bool ese_checksum_names(struct bytes page, uint32_t *number);

/* Which blocks of the page are right for `number`: bit i for block i.  Pages up to 8 KiB and the
 * old form are one block; a 16 or 32 KiB page in the new form has four of a quarter each. */
unsigned ese_checksum_blocks(struct bytes page, uint32_t number);

/* Writes the checksum words of a page in the form that its flags ask for.  page: `size` bytes, all
 * other fields final. */
void ese_checksum_set(uint8_t *page, size_t size, uint32_t number);

/* Writes the checksum of a header page of `size` bytes. */
void ese_checksum_set_header(uint8_t *header, size_t size);

#endif
