/*
 * Showing the values of columns, as JSON or as fields of a tab-separated table.
 */
#ifndef KM_MIGRATE_VALUE_H
#define KM_MIGRATE_VALUE_H

#include "formats/ese/layout/record.h"
#include "formats/ese/read/db.h"
#include "migrate/console/json.h"

struct value_writer;

/* Says whether what a column holds is to be shown as length and hash alone. */
typedef bool value_secret(const void *context, const struct ese_table *table,
                          const struct ese_column *column);

/* A writer for values of `db`.  json NULL: tab-separated text.  NULL when out of memory. */
struct value_writer *value_writer_open(const struct ese_db *db, value_secret *is_secret,
                                       const void *context, struct json *json);
void value_writer_close(struct value_writer *writer);

/*
 * Writes what a row has in a column: as JSON a key and its value (an array for a multi-valued
 * column; no key for null), as text one field:
 *
 *   integers, Bit, Currency   numbers, true and false
 *   DateTime                  ISO 8601; when it is no date {"raw": hex}, or [raw] and hex
 *   GUID                      8-4-4-4-12
 *   Text, LongText            UTF-8; lower-case hex in an unknown code page
 *   Binary, LongBinary        lower-case hex
 *   secret columns            length and SHA-256
 *   what cannot be read       which compression or encryption, and the stored bytes
 *   what is damaged           {"damaged": why, "hex": what could be read}, or [damaged] and hex
 *
 * False, with f saying why, when the value is damaged, or with FAULT_NO_MEMORY.
 */
bool value_write(struct value_writer *writer, const struct ese_record *record,
                 const struct ese_column *column, struct fault *f);

/* A date, in days since 1899-12-30, as a DateTime column is written.  Returns `to`. */
const char *value_date(double days, char to[40]);

/* Column and table names are Windows-1252: as UTF-8.  Valid until the sixteenth next call. */
const char *value_name(const char *name);

#endif
