/*
 * A record with some of its columns changed.
 *
 * Where all changes are to fixed columns that the record has, their bytes are overwritten and
 * everything else stays as it is, byte for byte; else the record is put together anew from its
 * values.
 *
 * Source: as record.h.
 */
#ifndef KM_FORMATS_ESE_CHANGE_H
#define KM_FORMATS_ESE_CHANGE_H

#include "formats/ese/layout/record.h"

/* What `value` is when a value is added behind those that a column has. */
#define ESE_CHANGE_BEHIND UINT32_MAX

struct ese_change {
    const struct ese_column *column; /* one of the record's table */
    uint32_t value; /* which of a multi-valued column's, from 1, as they are before: only this one
                       is another, or goes (null); 0: the column has this value alone */
    bool null;
    struct bytes data; /* as JetSetColumn takes it */
    uint32_t lid;      /* not 0: the value is the long value of that id; data is not looked at */
};

enum { ESE_CHANGE_VALUES_MOST = 4096 };

/* The change that the nth value of a column, from 1, gives way to; NULL: it stays. */
const struct ese_change *ese_change_of_value(const struct ese_change *change, unsigned changes,
                                             const struct ese_column *column, unsigned nth);

/* Writes the changed record to `to`.  Fails with FAULT_LIMIT when it does not fit into `room`,
 * FAULT_DAMAGED when the record cannot be read, FAULT_UNSUPPORTED when it would have to be put
 * together anew and has a value that this program cannot write back (compressed, encrypted, or
 * under a 64-bit id). */
bool ese_record_change(const struct ese_record *record, const struct ese_change *change,
                       unsigned changes, uint8_t *to, size_t room, size_t *size, struct fault *f);

/* Writes a record of the old format (before revision 9), on a page of at most 8 KiB, in the new
 * one, as an engine does that attaches an older database: fixed and variable columns stay byte for
 * byte, of the tagged ones only the form changes.  Never longer than the record.  Fails as
 * ese_record_change(). */
bool ese_record_modernise(const struct ese_record *record, uint8_t *to, size_t room, size_t *size,
                          struct fault *f);

#endif
