/*
 * The tagged columns of a record as they lie in it, column after column; for the files that take
 * records apart (record*.c).  Everybody else asks record.h for values.
 *
 * Source: as record.h.
 */
#ifndef KM_FORMATS_ESE_RECORD_PARTS_H
#define KM_FORMATS_ESE_RECORD_PARTS_H

#include "formats/ese/layout/record.h"

/* Is a stored tagged field of that id this column's?  derived: its bit says that it is the
 * template's. */
bool ese_tagged_is_of(const struct ese_record *record, uint16_t id, bool derived,
                      const struct ese_column *column);

/* The reference to a long value: a 32-bit id, or a 64-bit one.  Fails with any other size. */
bool ese_tagged_separated(struct bytes data, struct ese_value *value, struct fault *f);

/* ---- before revision 9: a sorted run of {id, bits, data} ---- */

struct ese_tagged_field {
    uint16_t id, bits;
    struct bytes data;
};

/* Takes the first field off the run.  Fails when it is cut. */
bool ese_tagged_next(struct bytes *run, struct ese_tagged_field *field, struct fault *f);

/* The field's value.  Fails for a long value without its first byte. */
bool ese_tagged_value(const struct ese_tagged_field *field, struct ese_value *value,
                      struct fault *f);

/* ---- from revision 9 on: an array of {id, offset}, then data ---- */

struct ese_tagged_entry {
    uint16_t id, word; /* word: offset and flag bits */
    struct bytes data;
};

/* How many entries the array says it has; they need not be there. */
unsigned ese_tagged_entries(const struct ese_record *record);

/* Entry i of `count`.  Fails when it or its data lie outside the record. */
bool ese_tagged_entry_at(const struct ese_record *record, unsigned i, unsigned count,
                         struct ese_tagged_entry *entry, struct fault *f);

/* Prepares the entry's values in v, whose record and column are set.  Fails when its data make no
 * sense. */
bool ese_tagged_open(struct ese_values *v, const struct ese_tagged_entry *entry, struct fault *f);

/* Where an entry stands in the array: those of the template first, then by id. */
uint32_t ese_tagged_order(uint16_t id, bool derived);

#endif
