/* What the files that make a page share: see html.h. */
#ifndef KM_MIGRATE_HTML_PARTS_H
#define KM_MIGRATE_HTML_PARTS_H

#include "formats/buffer.h"
#include "migrate/report/picture.h"

/* Adds to the page, as printf; what a %s brings is escaped, the format is not. */
void html_put(struct buffer *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The day of a time, as 1999-09-30; "unknown". */
const char *html_day(bool known, int64_t seconds, char text[32]);

/* An import date as seconds since 1970; false when there is none of years 1900 to 9999. */
bool html_imported(const struct model_entry *entry, int64_t *seconds);

void html_settings(struct buffer *page, const struct picture *picture);
void html_table(struct buffer *page, const struct picture *picture);
void html_bars(struct buffer *page, const struct picture *picture);
void html_trees(struct buffer *page, const struct picture *picture);

#endif
