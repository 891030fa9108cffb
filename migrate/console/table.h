/*
 * Tables on a terminal: libsmartcols, with cells from outside escaped and counted as UTF-8 whatever
 * the locale is, so that a table shows the same text as every other output.
 */
#ifndef KM_MIGRATE_TABLE_H
#define KM_MIGRATE_TABLE_H

#include <libsmartcols.h>
#include <stdbool.h>

/* An empty table with these headings, those in `right` (a bit each) to the right.  NULL: no
 * memory. */
struct libscols_table *table_new(const char *const *headings, unsigned count, unsigned right);

/* Sets a cell; the text is copied, and escaped.  False: no memory. */
bool table_cell(struct libscols_line *line, unsigned column, const char *text);

/* Prints the table to standard output (output.h); on a terminal that is too narrow for the columns
 * before the last, each row as lines of a heading and a cell.  False: no memory. */
bool table_print(struct libscols_table *table);

#endif
