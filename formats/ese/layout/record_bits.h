/*
 * The bits of a record that are the same to whoever reads and whoever writes one.
 *
 * Source: the published engine, inc/rec.hxx (RECHDR), inc/tagfld.hxx (TAGFLD, TAGFLD_HEADER,
 * TAGFLD_OLD).
 */
#ifndef KM_FORMATS_ESE_RECORD_BITS_H
#define KM_FORMATS_ESE_RECORD_BITS_H

enum {
    RECORD_VARIABLE_NULL = 0x8000, /* in the offset word of a variable column */
    RECORD_VARIABLE_OFFSET = 0x7fff,
    RECORD_ENTRY_SIZE = 4, /* of the array of tagged columns, old and new */
    /* the offset word of an entry in the offset array */
    RECORD_ENTRY_DERIVED = 0x8000,
    RECORD_ENTRY_HAS_HEADER = 0x4000, /* small pages; on large ones every entry has one */
    RECORD_ENTRY_NULL = 0x2000,       /* small pages; on large ones the header says so */
    RECORD_ENTRY_OFFSET_SMALL = 0x1fff,
    RECORD_ENTRY_OFFSET_LARGE = 0x7fff,
    /* the header byte before a tagged value */
    RECORD_HEADER_LONG = 0x01,
    RECORD_HEADER_COMPRESSED = 0x02,
    RECORD_HEADER_SEPARATED = 0x04,
    RECORD_HEADER_MULTI = 0x08,
    RECORD_HEADER_TWO = 0x10,
    RECORD_HEADER_NULL = 0x20, /* large pages */
    RECORD_HEADER_ENCRYPTED = 0x40,
    RECORD_MULTI_SEPARATED = 0x8000, /* in one value's offset word */
    /* the bits word of TAGFLD_OLD */
    RECORD_OLD_SIZE = 0x0fff,
    RECORD_OLD_DERIVED = 0x2000,
    RECORD_OLD_NULL = 0x4000,
    RECORD_OLD_LONG = 0x8000,
    RECORD_OLD_SEPARATED = 0x01, /* in the first data byte of a long value */
};

#endif
