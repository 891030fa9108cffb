/*
 * Values into a record, in the format of any revision.
 *
 * Source: the published engine, inc/rec.hxx (RECHDR), inc/tagfld.hxx and ese/tagfld.cxx (TAGFLD,
 * TWOVALUES, MULTIVALUES, TAGFLD_OLD), ese/recupd.cxx.
 */
#ifndef KM_FORMATS_ESE_RECORD_WRITE_H
#define KM_FORMATS_ESE_RECORD_WRITE_H

#include "formats/ese/layout/schema.h"
#include "formats/fault.h"

/* A column's value, or one of its values, to be written. */
struct ese_field {
    const struct ese_column *column;
    bool null, separated;
    struct bytes data;
    uint32_t lid; /* separated */
    unsigned at;  /* place in the caller's order */
};

struct ese_record_format {
    bool new_format;  /* from revision 9 on: tagged columns as an offset array */
    bool small_pages; /* decides the flag bits in it */
};

/* Brings fields into the order of the record.  Equal columns stay in the caller's order. */
void ese_fields_sort(struct ese_field *field, unsigned fields);

/* Puts `fields` fields, sorted by ese_fields_sort(), into a record of *size bytes at `to`.  Fails
 * with FAULT_LIMIT when it does not fit into `room` or into the format's offsets. */
bool ese_record_write(const struct ese_table *table, const struct ese_record_format *format,
                      const struct ese_field *field, unsigned fields, uint8_t *to, size_t room,
                      size_t *size, struct fault *f);

/* As ese_record_write(), but only the tagged columns; all fields are of such. */
bool ese_record_write_tagged(const struct ese_table *table, const struct ese_record_format *format,
                             const struct ese_field *field, unsigned fields, uint8_t *to,
                             size_t room, size_t *size, struct fault *f);

#endif
