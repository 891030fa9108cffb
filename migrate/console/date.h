/*
 * Dates of DateTime columns: 8 bytes that are days since 1899-12-30 as the engine has them, or, in
 * databases whose makers put one there, a FILETIME.
 */
#ifndef KM_MIGRATE_DATE_H
#define KM_MIGRATE_DATE_H

#include "formats/ese/read/catalog.h"

enum { DATE_ROOM = 40 };

/* True for columns that are known to hold FILETIMEs: the one list of them is in date.c. */
bool date_is_filetime(const struct ese_table *table, const struct ese_column *column);

/*
 * The 8 bytes of a DateTime column, little-endian, as ISO 8601: local or unknown time without a
 * zone, a FILETIME, which is UTC, with Z.  False when they are no date of years 100 to 9999
 * (a FILETIME: 1601 to 9999): that of a double which is not a number, is out of range, or is so
 * close to 0 that only other data can have its bytes.
 */
bool date_text(uint64_t bits, bool filetime, char to[DATE_ROOM]);

/* Seconds since 1970 as ISO 8601 without a zone.  False, and to[] empty, when they are of no year 0
 * to 9999. */
bool date_of_seconds(int64_t seconds, char to[DATE_ROOM]);

#endif
